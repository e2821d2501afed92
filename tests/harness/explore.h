/*
 * explore.h - scenarios: what a client does, crashed everywhere, and what must be true afterwards.
 *
 * A scenario is a handful of functions. `prepare` makes what is durable before; `run` is recorded,
 * and notes what it has achieved (simclient_note); then, for every state in which a crash may leave
 * the disk (simcrash.h), a fresh disk that holds just that goes through
 *
 *     recover    what the software does after a crash; may write
 *     verify     asserts the promises: what was noted is there, and nothing half; must not write
 *     recover    again: recovering twice is recovering once, not a byte may change
 *     proceed    what must work after a crash: may write and note more
 *     verify     again
 *
 * Any of them fails by returning non-zero with a trail (base/err.h), which is a violation, as is a
 * verify that writes. With depth 2 the crashes of what ran after a crash are explored as well.
 * All but run and verify may be NULL. All must be deterministic but for the disk they are given:
 * a state that several models can leave is looked at once.
 */
#ifndef HF_HARNESS_EXPLORE_H
#define HF_HARNESS_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/simcrash.h"

typedef int (*scenario_fn)(struct simdisk *d, void *context);

struct scenario {
    const char *name;
    scenario_fn prepare; /* also sets `context` back: it is called before every run */
    scenario_fn run;
    scenario_fn recover;
    scenario_fn verify;
    scenario_fn proceed;
    void *context;
};

struct explore_options {
    unsigned models;     /* SIMMODEL_BITs; 0: all */
    unsigned depth;      /* 1: crashes of run; 2: and of what runs after these; 0 is as 1 */
    size_t deeper_every; /* with depth 2: only below every n-th state; 0: below all */
    struct simcrash_limits limits;
    size_t cuts;           /* a random state at so many random moments, and at the end; 0: at all */
    uint64_t seed;         /* of disk and clients */
    const char *skip_site; /* syncs to leave out, in all that runs */
    bool first_only;       /* stop at the first violation */
};

/* Thorough for small scenarios; HOLDFAST_SIM_SEED and HOLDFAST_SIM_STATES override. */
void explore_options_init(struct explore_options *o);

struct explore_report {
    const char *scenario;
    uint64_t seed;
    size_t operations;              /* in the trace of run */
    uint64_t states[SIMMODELS];     /* distinct ones, by model, of all depths */
    uint64_t violations[SIMMODELS]; /* of these */
    uint64_t deeper;                /* of these, after more than one crash */
    uint64_t looked_at;             /* distinct over all models */
    uint64_t runs;                  /* of a sweep */
    double seconds;
    char *text; /* the first violation, with its whole story; NULL: none */
};

/*
 * All crashes of one run. 0, or HF_EFAIL if there was a violation or run itself failed, with a
 * trail; the report is valid in any case and must be released.
 */
int explore_crashes(const struct scenario *s, const struct explore_options *o,
                    struct explore_report *out_report);

/*
 * For n = 1, 2, .. until the run asks for less: the n-th operation that `fault` fits fails (its nth
 * is ignored), the run may fail or not, and then the machine crashes, at the end of the run.
 * Without a crash is what the model SIMMODEL_KILL does.
 */
int explore_faults(const struct scenario *s, const struct explore_options *o,
                   const struct simfault *fault, struct explore_report *out_report);

/* For each site of a sync in the scenario: which models show that it must not be left out. */
struct explore_mutant {
    const char *site;
    unsigned caught; /* SIMMODEL_BITs; 0: it was not missed */
};
int explore_mutants(const struct scenario *s, const struct explore_options *o,
                    struct explore_mutant *out_mutants, size_t max, size_t *out_count);

uint64_t explore_violations(const struct explore_report *r);
void explore_print(const struct explore_report *r, FILE *out); /* one line, then the text */
void explore_report_release(struct explore_report *r);

#endif
