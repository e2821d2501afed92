/*
 * drill_runbook.h - "drill --runbook F": the commands of a runbook, typed in an empty environment.
 */
#ifndef HF_APP_DRILL_RUNBOOK_H
#define HF_APP_DRILL_RUNBOOK_H

#include "app/app.h"
#include "engine/drill.h"

struct drill_runbook {
    const char *path; /* of the runbook; "-": standard input */
    const struct option_list *reports;
    struct drill_options drill; /* scratch, keep, no_evidence and policy_hash count */
};

int drill_runbook(struct app *app, const struct drill_runbook *wish);

#endif
