# mk/deb.mk - Debian packages, made by packaging/deb of what `make install` puts into a folder.
#
# Programs are linked anew without what debuggers need. Files get the time of the last commit, so
# that the packages are the same wherever they are made.

DEB_OUT := $(BUILD)
DEB     := $(BUILD)/deb
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y LICENSE)

DEB_PLACES = DESTDIR=$(DEB)/root PREFIX=/usr UNITDIR=/lib/systemd/system INSTALLED=- \
             LIBDIR=/usr/lib/$$(dpkg-architecture -qDEB_HOST_MULTIARCH) \
             ZSHDIR=/usr/share/zsh/vendor-completions \
             PROGRAM=$(DEB)/holdfast SHARED_LIBRARY=$(DEB)/libholdfast.so.0

.PHONY: deb deb-stripped
deb: install-made deb-stripped   # Debian packages, in build, or in DEB_OUT=folder
	@$(call need,dpkg-shlibdeps)
	@rm -rf $(DEB)/root
	@$(MAKE) -o install-made install $(DEB_PLACES)
	@strip --strip-debug --remove-section=.comment --enable-deterministic-archives \
	    $(DEB)/root/usr/lib/*/libholdfast.a
	@strip --remove-section=.comment $(DEB)/root/usr/bin/holdfast \
	    $(DEB)/root/usr/lib/*/libholdfast.so.0
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) packaging/deb $(BUILD) $(VERSION) $(DEB_OUT)

deb-stripped: $(DEB)/holdfast $(DEB)/libholdfast.so.0
$(DEB)/holdfast: $(call objects,$(APP_SOURCES)) $(BUILD)/libholdfast.a $(BUILD)/sources
	@mkdir -p $(@D)
	$(call run,LD,$(CC) -pie -s $(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS))
$(DEB)/libholdfast.so.0: $(API_OBJECTS) $(BUILD)/libholdfast.a $(API_MAP)
	@mkdir -p $(@D)
	$(call run,LD,$(CC) $(SHARED) -s $(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS))

# Its test makes packages of what is linked by then.
ifneq ($(filter %/test_deb.sh,$(SUITE)),)
check: deb-stripped
endif
