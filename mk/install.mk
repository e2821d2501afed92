# mk/install.mk - puts what was built where the system looks for it. DESTDIR is for packagers.
#
# packaging/place does it, and keeps a list in $(DATADIR)/holdfast/installed, by which uninstall
# removes exactly what was put there.

DESTDIR    :=
PREFIX     := /usr/local
BINDIR     := $(PREFIX)/bin
LIBDIR     := $(PREFIX)/lib
INCDIR     := $(PREFIX)/include
DATADIR    := $(PREFIX)/share
MANDIR     := $(DATADIR)/man
DOCDIR     := $(DATADIR)/doc/holdfast
BASHDIR    := $(DATADIR)/bash-completion/completions
ZSHDIR     := $(DATADIR)/zsh/site-functions
FISHDIR    := $(DATADIR)/fish/vendor_completions.d
UNITDIR    := $(PREFIX)/lib/systemd/system
SYSCONFDIR := $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
INSTALLED  := $(DATADIR)/holdfast/installed

# Which libraries the API stands on, pkg-config learns from packaging/holdfast.pc.in.
FILLED := $(BUILD)/packaging/holdfast.pc $(BUILD)/packaging/holdfast@.service

PLACED = : 755 $(BINDIR) $(PROGRAM) \
         : 644 $(LIBDIR) $(SHARED_LIBRARY) $(BUILD)/api/libholdfast.a \
         : link $(LIBDIR) libholdfast.so=libholdfast.so.0 \
         : 644 $(LIBDIR)/pkgconfig $(BUILD)/packaging/holdfast.pc \
         : 644 $(INCDIR) include/holdfast.h \
         : 644 $(MANDIR)/man1 $(filter %.1,$(MAN_PAGES)) \
         : 644 $(MANDIR)/man5 $(filter %.5,$(MAN_PAGES)) \
         : 644 $(BASHDIR) $(BUILD)/completions/holdfast.bash \
         : 644 $(ZSHDIR) $(BUILD)/completions/_holdfast \
         : 644 $(FISHDIR) $(BUILD)/completions/holdfast.fish \
         : 644 $(UNITDIR) $(BUILD)/packaging/holdfast@.service packaging/holdfast@.timer \
         : 644 $(SYSCONFDIR)/logrotate.d packaging/logrotate/holdfast \
         : 644 $(DOCDIR) LICENSE README.md 'docs/*.md' : 644 $(DOCDIR)/schema 'docs/schema/*' \
         : 644 $(DOCDIR)/manual 'docs/manual/*.md' \
         : 644 $(DOCDIR)/manual/commands 'docs/manual/commands/*.md' \
         : 644 $(DOCDIR)/recipes 'docs/recipes/*' \
         : 644 $(DOCDIR)/policies 'docs/policies/*' : 644 $(DOCDIR)/monitoring 'docs/monitoring/*' \
         : 644 $(DOCDIR)/examples 'docs/examples/*.c'
PROGRAM        := $(BUILD)/holdfast
SHARED_LIBRARY := $(BUILD)/libholdfast.so.0

## Install

.PHONY: install uninstall install-made
install: install-made $(FILLED)   # into PREFIX=/usr/local, below DESTDIR=
	@packaging/place install '$(DESTDIR)' $(INSTALLED) $(PLACED)
	@[ -n '$(DESTDIR)' ] || ! command -v ldconfig >/dev/null || ldconfig

uninstall:   # removes what install made there, and nothing else
	@packaging/place uninstall '$(DESTDIR)' $(INSTALLED)

install-made: all $(BUILD)/api/libholdfast.a man completions

$(FILLED): $(BUILD)/packaging/%: packaging/%.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCDIR@|$(INCDIR)|' \
	    -e 's|@BINDIR@|$(BINDIR)|' -e 's|@VERSION@|$(VERSION)|' $< >$@

# Tests of it install what is built; they don't build.
ifneq ($(filter %/test_api.sh %/test_install.sh %/test_deb.sh,$(SUITE)),)
check: install-made
endif
