# mk/bench.mk - time, memory and size beside peers: tests/bench/run with what generate.c makes.
#
# Results replace those in docs/benchmarks and docs/benchmarks/quick (BENCH_OUT=folder: elsewhere).
# BENCH_WORK is the disk that is measured; bench needs 60 GB there for some hours, bench-quick 8 GB.
# BENCH_FLAGS goes to tests/bench/run: --workloads w1,w4 --rounds 5 --without borg.

BENCH_OUT      :=
BENCH_WORK     := $(if $(TMPDIR),$(TMPDIR),/var/tmp)
BENCH_PROGRAMS := $(BUILD)/bench/generate $(BUILD)/bench/measure
BENCH           = tests/bench/run --build $(BUILD) --work $(BENCH_WORK) $(BENCH_FLAGS)

## Measure

.PHONY: bench bench-quick scaling flames
bench: all $(BENCH_PROGRAMS)   # all workloads in full beside restic, borg, tar, ..: an idle machine
	@mk/deps bench
	$(BENCH) --scale full --out $(or $(BENCH_OUT),docs/benchmarks)

bench-quick: all $(BENCH_PROGRAMS)   # the key cells in small, in under three minutes
	@mk/deps bench
	$(BENCH) --scale quick --out $(or $(BENCH_OUT),docs/benchmarks/quick)

flames: $(BENCH_PROGRAMS)   # where the time goes, as pictures in docs/benchmarks (needs perf)
	@$(call need,perf)
	@$(MAKE) all CFLAGS=-fno-omit-frame-pointer BUILD=$(BUILD)/profile
	tests/bench/flames $(BUILD) $(BUILD)/profile/holdfast $(BENCH_WORK) \
	    $(or $(BENCH_OUT),docs/benchmarks)

scaling: all $(BUILD)/holdfast-big $(BENCH_PROGRAMS)   # backups beside BIG_CHUNKS=10000000 chunks
	tests/bench/scaling $(BUILD) $(BENCH_WORK) $(BIG_CHUNKS)

$(BENCH_PROGRAMS): $(BUILD)/bench/%: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call run,LD,$(CC) $(COMPILE) $(LINK) -o $@ $< -lm)

# The harness has a test of its own.
ifneq ($(filter %/test_bench.sh,$(SUITE)),)
check: $(BENCH_PROGRAMS)
endif
ifneq ($(filter %/test_counts.sh,$(SUITE)),)
check: $(BENCH_PROGRAMS)
endif
