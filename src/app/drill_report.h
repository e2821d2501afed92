/*
 * drill_report.h - what came of a drill, for people, for scripts, and to keep.
 */
#ifndef HF_APP_DRILL_REPORT_H
#define HF_APP_DRILL_REPORT_H

#include "app/app.h"
#include "engine/drill.h"
#include "engine/proof.h"
#include "engine/runbook_run.h"

struct drill_report {
    const struct drill_kind *kind;
    const struct drill_result *result;
    uint64_t seed;
    const char *probe;                      /* the command, or NULL */
    const struct runbook_run_result *steps; /* of a runbook, or NULL */
    int code;                               /* what the command ends with */
    const char *message;                    /* why, or NULL */
};

/* Printed when the drill has finished; under -q nothing. */
void drill_report_text(struct app *app, const struct drill_report *d);
/* The summary under --json, and the document of a report in .json. */
void drill_report_json(struct json *j, const struct drill_report *d);

/* HF_EUSAGE for a name that says no form. Before any work is done. */
int drill_report_accepts(const struct option_list *paths);
/*
 * Writes the report to each of the files. The plots are of drills of that kind whose evidence is in
 * `repo`; NULL: without any. Goes on after a failure, and returns the first.
 */
int drill_report_write(const struct drill_report *d, struct repo *repo,
                       const struct option_list *paths);

/* A time that was measured, as a number of seconds, else null. */
void drill_report_seconds(struct json *j, const char *key, int64_t ns);

#endif
