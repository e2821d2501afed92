/*
 * runbook_run.h - the drill of a runbook: its commands, typed in an empty environment.
 *
 * Each step gets a shell of its own, which ends at the first command that fails, and sees PATH,
 * HOME (an empty folder), TERM, and what the runbook leaves to be filled in: RESTORE_TARGET
 * (another empty folder) and what the options say; nothing else of this process. The steps are
 * measured and held against the exit status that they must have; after one that fails no other is
 * tried. Evidence is published as that of any drill is, only if the runbook is of this repository
 * and something came back.
 */
#ifndef HF_ENGINE_RUNBOOK_RUN_H
#define HF_ENGINE_RUNBOOK_RUN_H

#include "engine/drill.h"

struct runbook_run_options { /* all borrowed */
    const struct drill_options *drill;
    const char *text; /* of the runbook */
    size_t len;
    const char *path;             /* where the commands are looked for */
    const char *const *variables; /* "NAME=VALUE", beside those above; ends with a NULL */
    int64_t limit_ns;             /* of each step; 0: none */
};

struct runbook_run_step {
    char *name, *title;
    int expected, status; /* as a shell tells it; -1: it was not tried */
    int64_t took_ns;
    char *output; /* the beginning and the end, or NULL */
};

struct runbook_run_result {
    struct runbook_run_step *steps;
    size_t count;
};

/* What reports say that it is. */
const struct drill_kind *runbook_run_kind(void);

/*
 * As drill_run. HF_EUSAGE: it is no runbook, or not one of this repository. Both results are
 * released by the caller in any case.
 */
int runbook_run(const struct runbook_run_options *options, const struct drill_events *events,
                struct drill_result *out_result, struct runbook_run_result *out_steps);
void runbook_run_release(struct runbook_run_result *r);

#endif
