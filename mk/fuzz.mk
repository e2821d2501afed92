# mk/fuzz.mk - the fuzz targets under libFuzzer, with clang.
#
# The corpus that is kept in fuzz/corpus is only read: a run works on a copy in build/fuzz. Inputs
# that crash are kept in build/fuzz/crashes; minimised, they belong into the corpus.

FUZZ_SECONDS := 60
FUZZ_PROGRAMS := $(patsubst fuzz/%.c,$(BUILD)/%,$(FUZZERS))

## Fuzz

.PHONY: fuzz fuzz-programs
fuzz:   # each fuzz target for a minute (FUZZ_SECONDS=60)
	@$(call need,clang)
	@$(MAKE) fuzz-programs CC=clang VARIANT=fuzz BUILD=$(BUILD)/fuzz
	@tests/tools/fuzz $(BUILD)/fuzz $(FUZZ_SECONDS) $(JOBS) $(FUZZERS:fuzz/fuzz_%.c=%)

fuzz-programs: $(FUZZ_PROGRAMS)

$(BUILD)/fuzz_%: $(BUILD)/obj/fuzz/fuzz_%.o $(LIBRARIES)
	$(call run,LD,$(CC) -pie -fsanitize=fuzzer $(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS))
