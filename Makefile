# Makefile - builds, tests and installs holdfast; `make help` lists what it can do.
#
# Sources are found by their place, so a new file needs no change here:
#
#   src/ROOM/*.c    every room but app becomes the library, app becomes the program
#   tests/, fuzz/   mk/test.mk and mk/fuzz.mk say which file becomes what
#
# All that is made lies below $(BUILD). A variant (asan, coverage, ...) is this Makefile called
# again with VARIANT=name and a folder of its own. CC, CFLAGS, CPPFLAGS, LDFLAGS, DESTDIR and PREFIX
# mean what they mean everywhere; WERROR=1 turns warnings into errors, V=1 shows the commands.

VERSION := $(shell sed -n 's/^.define HOLDFAST_VERSION "\(.*\)"/\1/p' include/holdfast.h)
BUILD   := build
VARIANT :=
JOBS    := 2

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: FORCE
FORCE:

# JOBS commands at a time unless told otherwise; a make below this one shares its slots.
MAKEFLAGS += --no-print-directory
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif

include mk/flags.mk

LIB_SOURCES := $(filter-out src/app/%,$(sort $(wildcard src/*/*.c)))
APP_SOURCES := $(sort $(wildcard src/app/*.c))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$1)

## Build

.PHONY: all clang clean help
all: $(BUILD)/holdfast $(BUILD)/libholdfast.a   # the program and the libraries (the default)

# A sanitizer can't be linked into a shared library with -z defs; and only users need that one.
ifeq ($(VARIANT),)
all: $(BUILD)/libholdfast.so
endif

clang:   # the same and all test programs, with clang, in build/clang
	@$(MAKE) CC=clang BUILD=$(BUILD)/clang everything

clean:   # removes all that was built
	rm -rf $(BUILD)

help:   # this list
	@awk -f mk/help.awk $(filter %Makefile %.mk,$(MAKEFILE_LIST))

# Objects depend on the flags they are compiled with, archives on the list of what is in them.
$(BUILD)/flags: FORCE
	@$(call keep,$(CC) $(COMPILE) $(LINK) $(LIBS))
$(BUILD)/sources: FORCE
	@$(call keep,$(LIB_SOURCES) $(APP_SOURCES) $(HARNESS_SOURCES))

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(COMPILE) -MMD -MP -c -o $@ $<)

# Its texts come from there as they are.
$(BUILD)/obj/src/app/policies.o: $(wildcard docs/policies/*.ini)

$(call objects,$(LIB_SOURCES)): private PIC := -fPIC -fno-semantic-interposition
$(BUILD)/libholdfast.a: $(call objects,$(LIB_SOURCES))
$(BUILD)/libapp.a: $(call objects,$(APP_SOURCES))

$(BUILD)/lib%.a: $(BUILD)/sources
	$(call run,AR,rm -f $@ && $(AR) rcs $@ $(filter %.o,$^))

# What users link with is the API and what it stands on; all other names stay within.
API_OBJECTS := $(call objects,$(filter src/engine/api%,$(LIB_SOURCES)))

$(BUILD)/libholdfast.so: $(BUILD)/libholdfast.so.0
	@ln -sf $(<F) $@
$(BUILD)/libholdfast.so.0: $(API_OBJECTS) $(BUILD)/libholdfast.a $(API_MAP)
	$(call run,LD,$(CC) $(SHARED) $(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS))
$(BUILD)/api/libholdfast.a: $(API_OBJECTS) $(BUILD)/libholdfast.a
	@mkdir -p $(@D)
	$(call run,AR,$(LD) -r -o $(@D)/holdfast.o $^ && \
	    objcopy --wildcard --keep-global-symbol='holdfast_*' $(@D)/holdfast.o && \
	    rm -f $@ && $(AR) rcsD $@ $(@D)/holdfast.o)

$(BUILD)/holdfast: $(call objects,$(APP_SOURCES)) $(BUILD)/libholdfast.a $(BUILD)/sources
	$(call run,LD,$(CC) -pie $(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS))

include mk/deps.mk
include mk/test.mk
include mk/bench.mk
include mk/fuzz.mk
include mk/lint.mk
include mk/docs.mk
include mk/install.mk
include mk/deb.mk

-include $(patsubst %.o,%.d,$(call objects,$(ALL_SOURCES)))
