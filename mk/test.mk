# mk/test.mk - which file becomes which test, and the suites made of them.
#
#   tests/unit/ROOM/test_*.c, tests/crash/test_*.c
#                         a cmocka program each, linked with the library, src/app and the harness
#   tests/cli/test_*.sh, tests/golden/test_*.sh
#                         a bash script each, which finds the program in $HOLDFAST
#   tests/tools/test_*.sh, tests/lint/test_*.sh
#                         the same about the tools; no variant repeats them
#   tests/recipes/test_NAME.sh
#                         runs docs/recipes/NAME.md; in `make recipes` only
#   tests/tools/faultshim.c
#                         what those scripts preload to make calls fail, $BUILD/faultshim.so
#   fuzz/fuzz_NAME.c      replays fuzz/corpus/NAME/ without a fuzzer
#   tests/harness/main_NAME.c
#                         a program of its own, holdfast-NAME; all else there is the harness
#
# A C test that has the comment /* tsan */ or /* valgrind */ runs under that tool as well.

C_TESTS  := $(sort $(wildcard tests/unit/*/test_*.c tests/crash/test_*.c))
SH_TESTS := $(sort $(wildcard tests/cli/test_*.sh tests/golden/test_*.sh))
ifeq ($(VARIANT),)
SH_TESTS += $(sort $(wildcard tests/tools/test_*.sh tests/lint/test_*.sh))
endif
FUZZERS  := $(sort $(wildcard fuzz/fuzz_*.c))
HARNESS_MAINS   := $(sort $(wildcard tests/harness/main_*.c))
HARNESS_SOURCES := $(filter-out $(HARNESS_MAINS),$(sort $(wildcard tests/harness/*.c)))

ALL_SOURCES := $(LIB_SOURCES) $(APP_SOURCES) $(HARNESS_SOURCES) $(HARNESS_MAINS) $(C_TESTS) \
               $(FUZZERS) $(wildcard fuzz/replay_main.c)

# The suite: all of it, or what carries the mark MARK, or the RECIPES; of that what matches T.
SUITE := $(C_TESTS) $(SH_TESTS) $(FUZZERS)
ifneq ($(MARK),)
SUITE := $(shell grep -lF '/* $(MARK) */' $(C_TESTS) /dev/null)
endif
ifneq ($(RECIPES),)
SUITE := $(sort $(wildcard tests/recipes/test_*.sh))
endif
ifneq ($(T),)
SUITE := $(shell printf '%s\n' $(SUITE) | grep -E -e '$(T)')
endif

TEST_PROGRAMS   := $(patsubst %.c,$(BUILD)/%,$(filter tests/%.c,$(SUITE)))
REPLAY_PROGRAMS := $(patsubst fuzz/fuzz_%.c,$(BUILD)/fuzz/replay_%,$(filter fuzz/%,$(SUITE)))
SHIM            := $(BUILD)/faultshim.so
GAPS            := $(if $(filter %/test_gaps.sh,$(SUITE)),$(BUILD)/holdfast-gaps)
REPORTS         := $(if $(filter %/test_report_html.sh,$(SUITE)),$(BUILD)/holdfast-reports)
SUITE_NEEDS     := $(TEST_PROGRAMS) $(REPLAY_PROGRAMS) $(if $(filter %.sh,$(SUITE)),all $(SHIM)) \
                   $(GAPS) $(REPORTS)
LIBRARIES       := $(BUILD)/libharness.a $(BUILD)/libapp.a $(BUILD)/libholdfast.a
link_program     = $(call run,LD,$(CC) -pie $(LINK) -o $@ $(filter %.o %.a,$^) $1 $(LIBS))

$(BUILD)/libharness.a: $(call objects,$(HARNESS_SOURCES))

$(TEST_PROGRAMS): $(BUILD)/%: $(BUILD)/obj/%.o $(LIBRARIES)
	@mkdir -p $(@D)
	$(call link_program,-lcmocka)

$(BUILD)/holdfast-%: $(BUILD)/obj/tests/harness/main_%.o $(LIBRARIES)
	$(link_program)

# It stands before every library, a sanitizer's as well: none must be in it.
$(SHIM): tests/tools/faultshim.c $(BUILD)/flags
	$(call run,LD,$(CC) -std=gnu11 $(DEFINES) $(WARNINGS) -g -O2 -fPIC -shared -o $@ $<)

$(BUILD)/fuzz/replay_%: $(BUILD)/obj/fuzz/fuzz_%.o $(BUILD)/obj/fuzz/replay_main.o $(LIBRARIES)
	@mkdir -p $(@D)
	$(link_program)

## Test

.PHONY: test check everything asan ubsan sanitize tsan valgrind kill churn faults limits big \
        quickstart recipes
test: deps   # installs what is missing, builds, runs the whole suite; T=REGEX runs a part
	@$(MAKE) check

check: $(SUITE_NEEDS)   # the same, installing nothing
	@tests/run-tests --build $(BUILD) --jobs $(JOBS) $(RUN_FLAGS) $(SUITE)

everything: all $(SUITE_NEEDS) $(HARNESS_MAINS:tests/harness/main_%.c=$(BUILD)/holdfast-%)

# The sanitizers' shadow memory and a generous address-space randomisation don't go together.
FIXED_ADDRESSES := $(shell setarch -R true 2>/dev/null && echo setarch -R)
SLOWLY = '--timeout 900 --wrap "$(FIXED_ADDRESSES)"'

asan ubsan sanitize:   # the suite under that sanitizer; sanitize is both in one
	@$(MAKE) check VARIANT=$@ BUILD=$(BUILD)/$@ RUN_FLAGS=$(SLOWLY)

tsan:   # the tests marked /* tsan */ under the thread sanitizer
	@$(MAKE) check VARIANT=$@ BUILD=$(BUILD)/$@ MARK=$@ RUN_FLAGS=$(SLOWLY)

valgrind:   # the tests marked /* valgrind */ under valgrind
	@$(call need,valgrind)
	@$(MAKE) check MARK=$@ RUN_FLAGS='--timeout 1800 --wrap "$(VALGRIND)"'

VALGRIND := valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
            --errors-for-leak-kinds=definite,indirect --error-exitcode=99 --log-file={reports}/%p

# Three tests that plain `make test` cuts short.
KILL_ROUNDS   := 100
CHURN_SECONDS := 120
FAULTS_IO     := 1
FAULTS_ALLOC  := 1

kill:   # backups killed at random moments, KILL_ROUNDS=100 times: nothing acknowledged is lost
	@$(MAKE) check T=cli/test_kill \
	    RUN_FLAGS='--timeout 1800 --env HOLDFAST_KILL_ROUNDS=$(KILL_ROUNDS)'

churn:   # all commands at once, killed at random, CHURN_SECONDS=120 CHURN_SEED=
	@$(MAKE) check T=cli/test_churn \
	    RUN_FLAGS='--timeout 100000 --env HOLDFAST_CHURN_SECONDS=$(CHURN_SECONDS) \
	    $(if $(CHURN_SEED),--env HOLDFAST_CHURN_SEED=$(CHURN_SEED))'

faults:   # each call and allocation of the real program fails; FAULTS_IO=7: every 7th
	@TMPDIR=$${TMPDIR:-/dev/shm} $(MAKE) check T=cli/test_faults RUN_FLAGS='--timeout 36000 \
	    --env HOLDFAST_FAULTS_IO=$(FAULTS_IO) --env HOLDFAST_FAULTS_ALLOC=$(FAULTS_ALLOC) \
	    --env HOLDFAST_FAULTS_JOBS=$(JOBS)'

# Made on a disk: what a file system in memory holds would count as well.
LIMITS := usual
limits: all   # memory and time of 100,000 files, 4 GiB, ..; LIMITS=full: a million files as well
	HOLDFAST=$(abspath $(BUILD))/holdfast TMPDIR=$${TMPDIR:-/var/tmp} \
	    tests/bench/limits --scale $(LIMITS)

BIG_CHUNKS := 10000000
big: $(BUILD)/holdfast-big   # memory and time of a prune of BIG_CHUNKS=10000000 chunks
	@dir=$$(mktemp -d "$${TMPDIR:-/var/tmp}/holdfast-big-XXXXXX"); \
	$< "$$dir" $(BIG_CHUNKS) 256; status=$$?; rm -rf "$$dir"; exit $$status

recipes:   # docs/recipes, each page with the real service; T=REGEX: some of them
	@mk/deps build test recipes || echo 'recipes: those whose service is missing are skipped'
	@$(MAKE) check RECIPES=1 RUN_FLAGS='--timeout 900'

quickstart: deps   # runs docs/quickstart.sh: from nothing to a proved restore
	@$(MAKE) all
	HOLDFAST=$(abspath $(BUILD))/holdfast bash docs/quickstart.sh

.PHONY: coverage
coverage:   # the suite with gcov, a report (build/coverage/html), the gates of rooms
	@$(call need,gcovr)
	@find $(BUILD)/coverage -name '*.gcda' -delete 2>/dev/null || true
	@status=0; \
	$(MAKE) check VARIANT=$@ BUILD=$(BUILD)/$@ RUN_FLAGS='--timeout 600' || status=1; \
	tests/lint/coverage $(BUILD)/$@ && exit $$status

## Simulate

.PHONY: model
model:   # checks the model of the protocol, with all rules and without each; RULE=NAME: a story
	@$(call need,spin)
	@tests/model/run --build $(BUILD)/model $(RULE)

# $(BUILD)/holdfast-sim crashes the whole program on a simulated disk, at every operation.
SIM_FLAGS = $(if $(SEED),--seed $(SEED)) $(if $(SCENARIO),--scenario $(SCENARIO)) \
            $(if $(VARIANT_NUMBER),--variant $(VARIANT_NUMBER)) $(if $(STATES),--states $(STATES))
SIM := $(BUILD)/holdfast-sim

.PHONY: sim sim-mutants soak
sim: $(SIM)   # crashes at every operation; SEED= SCENARIO= VARIANT_NUMBER= STATES=
	@tests/tools/sim $(SIM) $(JOBS) $(SIM_FLAGS)

sim-mutants: $(SIM)   # breaks each rule of durability; each is seen
	@tests/tools/sim $(SIM) $(JOBS) --mutants

soak:   # a million crash states; every failing call; two hours of churn
	@$(MAKE) sim STATES=1000000
	@$(MAKE) faults
	@$(MAKE) churn CHURN_SECONDS=7200
