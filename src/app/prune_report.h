/*
 * prune_report.h - a prune as users see it: its progress, and what came of it.
 */
#ifndef HF_APP_PRUNE_REPORT_H
#define HF_APP_PRUNE_REPORT_H

#include "app/app.h"
#include "engine/collect.h"

struct prune_report {
    bool dry_run;
    struct prune_result result;
    int64_t duration_ns;
};

/* collect_run with its progress shown; signals end it. `out` is filled in any case. */
int prune_report_run(struct app *app, struct repo *r, struct collect_options *o,
                     struct prune_report *out);

/* The figures, into the object that is open; or as an object "prune" in it, if there are any. */
void prune_report_json(struct json *j, const struct prune_report *p);
void prune_report_json_part(struct json *j, const struct prune_report *p);
/* For people: what was reclaimed, and what was kept and why. */
void prune_report_text(struct app *app, const struct prune_report *p);

#endif
