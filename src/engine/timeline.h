/*
 * timeline.h - the points in time that a repository offers, and what a selector means among them.
 *
 * The one order of points, "newest first": within one job and host the higher journal number is
 * newer, whatever the clocks said; among jobs and hosts the newest points are compared by the time
 * of their end, and by number where that is equal. `latest` is the first in this order, latest~N
 * the one that would be first without the N before it. So a job whose clock jumped back
 * keeps its order, and an old archive imported today is not the latest of anything else.
 *
 * A time T means the first in this order among the complete points that ended at or before T
 * (at:), or before T (before:). A T before the first point, in the future, or inside a gap is
 * HF_ENO_POINT with the nearest alternatives: never a guess. A gap is one job's and host's, and
 * counts wherever the filters leave a point of these: without filters, those of all do.
 *
 * A timeline borrows the snapshots and gaps of the catalogue it was made from and must not outlive
 * it, nor be used after it has changed. Partials are no points. Reading is thread-safe.
 */
#ifndef HF_ENGINE_TIMELINE_H
#define HF_ENGINE_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/selector.h"
#include "store/catalog.h"

struct timeline;

struct timeline_point {
    const struct catalog_snapshot *snapshot;
    bool clock_flag; /* it ended before an earlier-numbered point of its job and host did */
    size_t group;    /* equal for points of one job and host */
};

struct timeline_gap {
    const struct catalog_gap *gap;
    size_t group;
};

enum timeline_scope { TIMELINE_LIVE, TIMELINE_FORGOTTEN, TIMELINE_ANY };

int timeline_new(const struct catalog *catalog, int64_t now_ns, struct timeline **out_timeline);
/* The same from snapshots in journal order, which the timeline borrows. */
int timeline_of(const struct catalog_snapshot *const *snapshots, size_t count, int64_t now_ns,
                struct timeline **out_timeline);
/* Gaps in journal order, borrowed; those of jobs and hosts without any point are left out. */
int timeline_set_gaps(struct timeline *t, const struct catalog_gap *const *gaps, size_t count);
void timeline_free(struct timeline *t);

/* All points, forgotten ones included, in journal order. */
size_t timeline_count(const struct timeline *t);
const struct timeline_point *timeline_point(const struct timeline *t, size_t i);

/* Points, oldest first: the order above, reversed. */
struct timeline_list {
    const struct timeline_point **points;
    size_t count;
};
void timeline_list_release(struct timeline_list *l);

/*
 * All that any of these selectors means: filters alone mean every match, a position means one
 * point. No selector at all means every point. A position that means no point is HF_ENO_POINT; so
 * are filters that match nothing, unless `may_be_empty`. *out needs no release after an error.
 */
int timeline_select(const struct timeline *t, const struct selector *selectors, size_t count,
                    enum timeline_scope scope, bool may_be_empty, struct timeline_list *out);

/*
 * The gaps among the points of a list: of each job and host in it those that were not closed when
 * its first point there was made. A gap stands before the first point that came after it.
 */
struct timeline_gap_place {
    const struct timeline_gap *gap;
    size_t before; /* which point of the list; its count: behind the last */
};
struct timeline_gap_list {
    struct timeline_gap_place *gaps; /* in the order of their places */
    size_t count;
};
int timeline_list_gaps(const struct timeline *t, const struct timeline_list *l,
                       struct timeline_gap_list *out);
void timeline_gap_list_release(struct timeline_gap_list *l);

struct timeline_resolution {
    const struct timeline_point *found;
    bool by_time; /* asked for by a time: asked_ns and distance_ns hold */
    int64_t asked_ns;
    int64_t distance_ns;               /* from the end of what was found to what was asked */
    const struct timeline_point *next; /* the next point after it, or NULL */
};

/*
 * The one live point that a selector means; filters alone mean the newest match. HF_ENO_POINT with
 * what there is instead, or, for a prefix that is not unique, with the candidates.
 */
int timeline_resolve(const struct timeline *t, const struct selector *s,
                     struct timeline_resolution *out);

#endif
