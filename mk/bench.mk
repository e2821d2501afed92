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

.PHONY: bench bench-quick
bench: all $(BENCH_PROGRAMS)   # all workloads in full beside restic, borg, tar, ..: an idle machine
	@mk/deps bench
	$(BENCH) --scale full --out $(or $(BENCH_OUT),docs/benchmarks)

bench-quick: all $(BENCH_PROGRAMS)   # the key cells in small, in under three minutes
	@mk/deps bench
	$(BENCH) --scale quick --out $(or $(BENCH_OUT),docs/benchmarks/quick)

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
