/*
 * snapshots_graph.h - points in time as a picture of text: a lane for each job and host, in which
 * the height of a column says how many points it has.
 *
 * Time runs from the first point to now, so that a lane that ends early shows that nothing was
 * backed up since. Points whose clock was wrong do not stretch it: those of the future stand in the
 * last column, those whose clock had gone back to before everything else in the first, and such
 * columns are marked. At the foot of a lane a sign stands where a gap lies, and no point.
 */
#ifndef HF_APP_SNAPSHOTS_GRAPH_H
#define HF_APP_SNAPSHOTS_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/timeline.h"

struct snapshots_graph_style {
    size_t columns, rows; /* of the screen; as few rows as there are lanes if 0 */
    bool unicode, colours;
    int64_t now_ns;
};

/* Appends the lines. The list is not empty. HF_ENOMEM. */
int snapshots_graph_draw(const struct timeline_list *points, const struct timeline_gap_list *gaps,
                         const struct snapshots_graph_style *style, struct buf *out);

#endif
