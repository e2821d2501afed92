/*
 * forget_report.h - what a policy keeps and lets go, for people and for scripts.
 */
#ifndef HF_APP_FORGET_REPORT_H
#define HF_APP_FORGET_REPORT_H

#include "app/app.h"
#include "app/prune_report.h"
#include "engine/retention.h"
#include "store/catalog.h"

/*
 * A table for each group and a last line with the counts, or a document. number: of the entry; 0
 * if there is none. pruned: goes into the document; or NULL.
 */
void forget_report(struct app *app, const struct retention_policy *policy,
                   const struct retention_plan *plan, const struct catalog *catalog, bool dry_run,
                   uint64_t number, const struct prune_report *pruned);

#endif
