/*
 * snapshots_table.h - points in time as a table for people, a line each, with the gaps among them.
 *
 * On a terminal it has as many columns as fit, elsewhere all.
 */
#ifndef HF_APP_SNAPSHOTS_TABLE_H
#define HF_APP_SNAPSHOTS_TABLE_H

#include "app/app.h"
#include "engine/timeline.h"

void snapshots_table_print(struct app *app, const struct timeline_list *l,
                           const struct timeline_gap_list *gaps);

#endif
