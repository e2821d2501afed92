/*
 * points.h - for commands that do something to a set of snapshots: choosing them and listing them.
 */
#ifndef HF_APP_POINTS_H
#define HF_APP_POINTS_H

#include "app/app.h"
#include "app/prune_report.h"
#include "app/select.h"

struct points {
    struct select_view view;
    struct timeline_list list;
    uint8_t (*ids)[16]; /* of the list, for what changes the catalogue under it */
};

/*
 * Opens the repository for writing and chooses; at least one selector or filter is needed
 * (HF_EUSAGE). Close it in either case.
 */
int points_open(struct app *app, const struct select_filters *filters,
                const struct option_operands *operands, enum timeline_scope scope,
                struct points *out);
void points_close(struct points *p);

/*
 * One line each, or a document with "number" (of the entry; 0: null), the ids, and what was pruned
 * (NULL: nothing).
 */
void points_report(struct app *app, const struct points *p, const char *document,
                   const char *what_was_done, uint64_t number, const struct prune_report *pruned);

#endif
