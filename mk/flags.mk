# mk/flags.mk - how things are compiled and linked, and what each variant changes.

ifeq ($(origin CC),default)
CC := gcc
endif

# What each variant compiles with instead of -O2 and the hardening, which would hide what it looks
# for.
MODE_asan     := -O1 -fno-omit-frame-pointer -fsanitize=address
MODE_ubsan    := -O1 -fsanitize=undefined -fno-sanitize-recover=all
MODE_sanitize := $(MODE_asan) $(MODE_ubsan)
MODE_tsan     := -O1 -fno-omit-frame-pointer -fsanitize=thread
MODE_coverage := -O0 --coverage -fprofile-update=atomic
MODE_fuzz     := $(MODE_sanitize) -fsanitize=fuzzer-no-link
MODE_         := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
                 -fstack-protector-strong -fstack-clash-protection
MODE          := $(MODE_$(VARIANT))
ifeq ($(MODE),)
$(error there is no variant '$(VARIANT)')
endif

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wwrite-strings -Wformat=2 -Wundef
INCLUDES := -Iinclude -Isrc
PIC      := -fPIE

# Tests see the harness as well. A fuzz target defines a function that no header declares.
$(BUILD)/obj/tests/%.o: private INCLUDES += -Itests
$(BUILD)/obj/fuzz/%.o: private INCLUDES += -Itests -Wno-missing-prototypes

# The user's flags come last, so that they win.
DEFINES := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
COMPILE = -std=gnu11 $(DEFINES) $(WARNINGS) $(if $(filter 1,$(WERROR)),-Werror) -g $(MODE) \
          $(PIC) $(INCLUDES) $(CPPFLAGS) $(CFLAGS)
LINK    = -g $(filter -fsanitize% --coverage,$(MODE)) \
          -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(CFLAGS) $(LDFLAGS)
API_MAP := packaging/libholdfast.map
SHARED  := -shared -Wl,-z,defs -Wl,-soname,libholdfast.so.0 -Wl,--version-script=$(API_MAP)

# Some libraries are linked only if some file includes them.
includes = $(shell grep -lE '^\#include <$1' $(wildcard src/*/*.c) /dev/null)
LIBS := $(strip -lsodium -lcrypto -lzstd -lz $(if $(call includes,openssl/ssl),-lssl) \
        $(if $(call includes,archive),-larchive) \
        $(if $(call includes,qrencode),-lqrencode) -lpthread -lm)

# run NAME,COMMAND: does it, and says so in one line.
run = $(if $(V),,@printf '  %-5s %s\n' '$1' '$@'; )$2
# keep TEXT: makes the target hold TEXT, and leaves it alone, old as it is, if it does.
keep = mkdir -p $(@D); printf '%s\n' '$1' | cmp -s - $@ || printf '%s\n' '$1' >$@
