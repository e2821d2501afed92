# mk/install.mk - puts what was built where the system looks for it. DESTDIR is for packagers.

PREFIX  := /usr/local
BINDIR  := $(PREFIX)/bin
LIBDIR  := $(PREFIX)/lib
INCDIR  := $(PREFIX)/include
MANDIR  := $(PREFIX)/share/man
DOCDIR  := $(PREFIX)/share/doc/holdfast
DESTDIR :=

HEADERS := $(wildcard include/holdfast.h)
MANUALS := $(wildcard docs/man/*.[1-9])
manual_dir = $(MANDIR)/man$(patsubst .%,%,$(suffix $1))

# What install makes, and uninstall removes.
INSTALLED := $(BINDIR)/holdfast $(LIBDIR)/libholdfast.a $(LIBDIR)/libholdfast.so.0 \
             $(LIBDIR)/libholdfast.so $(LIBDIR)/pkgconfig/holdfast.pc $(DOCDIR)/LICENSE \
             $(HEADERS:include/%=$(INCDIR)/%) \
             $(foreach m,$(MANUALS),$(call manual_dir,$m)/$(notdir $m))

## Install

.PHONY: install uninstall
install: all $(BUILD)/holdfast.pc   # into PREFIX=/usr/local, below DESTDIR=
	install -d $(sort $(addprefix $(DESTDIR),$(dir $(INSTALLED))))
	install -m 755 $(BUILD)/holdfast $(DESTDIR)$(BINDIR)
	install -m 644 $(BUILD)/libholdfast.a $(BUILD)/libholdfast.so.0 $(DESTDIR)$(LIBDIR)
	ln -sf libholdfast.so.0 $(DESTDIR)$(LIBDIR)/libholdfast.so
	install -m 644 $(BUILD)/holdfast.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 LICENSE $(DESTDIR)$(DOCDIR)
	$(foreach h,$(HEADERS),install -m 644 $h $(DESTDIR)$(INCDIR) &&) \
	$(foreach m,$(MANUALS),install -m 644 $m $(DESTDIR)$(call manual_dir,$m) &&) :

uninstall:   # removes what install made
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	-rmdir $(DESTDIR)$(DOCDIR)

$(BUILD)/holdfast.pc: packaging/holdfast.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCDIR@|$(INCDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(LIBS)|' $< >$@
