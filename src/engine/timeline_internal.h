/*
 * timeline_internal.h - what timeline.c, timeline_gaps.c and timeline_explain.c share.
 */
#ifndef HF_ENGINE_TIMELINE_INTERNAL_H
#define HF_ENGINE_TIMELINE_INTERNAL_H

#include "engine/timeline.h"

struct timeline {
    struct timeline_point *points; /* in journal order */
    size_t count;
    const struct timeline_point **group_points; /* one of each, in the order of job and host */
    size_t groups;
    struct timeline_gap *gaps; /* by group, then in journal order */
    size_t gap_count;
    int64_t now_ns;
};

static inline const struct commit *timeline_commit(const struct timeline_point *p)
{
    return &p->snapshot->commit;
}

bool timeline_in_scope(const struct timeline_point *p, enum timeline_scope scope);
bool timeline_filter_holds(const struct selector_filter *f, const struct commit *c);
bool timeline_matches(const struct timeline_point *p, const struct selector *s,
                      enum timeline_scope scope);

/* A copy of the selector that has its filters but no position; borrows from s. */
struct selector timeline_filters_only(const struct selector *s);

/*
 * The complete match of the filters with the earliest end after the time that s names (or_at: or at
 * it); of equals the one with the lowest number. NULL if there is none.
 */
const struct timeline_point *timeline_first_after(const struct timeline *t,
                                                  const struct selector *s, bool or_at);

/* A gap that the time of s lies in, or NULL: of a job and host that its filters leave. */
const struct timeline_gap *timeline_gap_around(const struct timeline *t, const struct selector *s,
                                               enum timeline_scope scope);

/*
 * All return HF_ENO_POINT. Lists are oldest first; `known` are the points that the filters of s
 * alone leave.
 */
int timeline_fail_ambiguous(const struct selector *s, const struct timeline_list *l);
int timeline_fail_filters(const struct timeline *t, const struct selector *s,
                          enum timeline_scope scope);
int timeline_fail_future(const struct timeline *t, const struct selector *s,
                         const struct timeline_list *known);
int timeline_fail_gap(const struct timeline *t, const struct selector *s, enum timeline_scope scope,
                      const struct timeline_gap *gap);
int timeline_fail_missing(const struct timeline *t, const struct selector *s,
                          enum timeline_scope scope, const struct timeline_list *known);

#endif
