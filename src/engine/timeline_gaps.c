/*
 * timeline_gaps.c - the gaps between points: whether a time lies inside one, and where they stand
 * among the points of a list.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/timeline_internal.h"

#define NO_GROUP SIZE_MAX

static int compare_names(const struct catalog_gap *g, const struct commit *c)
{
    int order = strcmp(g->job, c->job);

    return order != 0 ? order : strcmp(g->host, c->host);
}

/* Groups are numbered in the order of their names. */
static size_t find_group(const struct timeline *t, const struct catalog_gap *g)
{
    size_t low = 0, high = t->groups;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(g, timeline_commit(t->group_points[middle]));

        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NO_GROUP;
}

/* By group, then in journal order. */
static int compare_gaps(const void *va, const void *vb)
{
    const struct timeline_gap *a = va, *b = vb;

    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    return a->gap->number < b->gap->number ? -1 : 1;
}

int timeline_set_gaps(struct timeline *t, const struct catalog_gap *const *gaps, size_t count)
{
    struct timeline_gap *own = mem_array(count + 1, sizeof *own);

    if (own == NULL) {
        return err_nomem();
    }
    mem_free(t->gaps);
    t->gaps = own;
    t->gap_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t group = find_group(t, gaps[i]);

        if (group != NO_GROUP) {
            own[t->gap_count++] = (struct timeline_gap){ .gap = gaps[i], .group = group };
        }
    }
    qsort(own, t->gap_count, sizeof *own, compare_gaps);
    return 0;
}

/* Begin and end themselves are not inside: up to the one and from the other on all was seen. */
static bool is_inside(const struct catalog_gap *g, int64_t ns)
{
    return g->begin_ns < ns && (g->closed_by == 0 || ns < g->end_ns);
}

static bool group_matches(const struct timeline *t, const struct selector *s,
                          enum timeline_scope scope, size_t group)
{
    struct selector all = timeline_filters_only(s);

    for (size_t i = t->count; i-- > 0;) {
        if (t->points[i].group == group && timeline_matches(&t->points[i], &all, scope)) {
            return true;
        }
    }
    return false;
}

const struct timeline_gap *timeline_gap_around(const struct timeline *t, const struct selector *s,
                                               enum timeline_scope scope)
{
    int64_t ns = s->time_ns;

    if (s->position == SELECTOR_BEFORE && ns > INT64_MIN) {
        ns--; /* the moment that is asked for */
    } else if (s->position != SELECTOR_AT) {
        return NULL;
    }
    for (size_t i = 0; i < t->gap_count; i++) {
        const struct timeline_gap *g = &t->gaps[i];

        if (is_inside(g->gap, ns) && group_matches(t, s, scope, g->group)) {
            return g;
        }
    }
    return NULL;
}

/* Listing */

static int compare_places(const void *va, const void *vb)
{
    const struct timeline_gap_place *a = va, *b = vb;

    if (a->before != b->before) {
        return a->before < b->before ? -1 : 1;
    }
    return a->gap->gap->number < b->gap->gap->number ? -1 : 1;
}

struct lane {    /* what comes next of a group, while its points and gaps are merged */
    size_t next; /* of the timeline's gaps; those of a group stand together */
    bool begun;  /* a point of it has been met */
};

/* Adds the gaps of a group that were opened before the entry `number`. */
static void add_gaps(const struct timeline *t, struct lane *lane, size_t group, uint64_t number,
                     size_t before, struct timeline_gap_list *out)
{
    for (; lane->next < t->gap_count; lane->next++) {
        const struct timeline_gap *g = &t->gaps[lane->next];

        if (g->group != group || g->gap->number > number) {
            return;
        }
        if (lane->begun || g->gap->closed_by == 0 || g->gap->closed_by > number) {
            out->gaps[out->count++] = (struct timeline_gap_place){ .gap = g, .before = before };
        }
    }
}

static void merge_gaps(const struct timeline *t, const struct timeline_list *l, struct lane *lanes,
                       struct timeline_gap_list *out)
{
    for (size_t i = t->gap_count; i-- > 0;) {
        lanes[t->gaps[i].group].next = i;
    }
    for (size_t i = 0; i < l->count; i++) {
        size_t group = l->points[i]->group;

        add_gaps(t, &lanes[group], group, l->points[i]->snapshot->number, i, out);
        lanes[group].begun = true;
    }
    for (size_t group = 0; group < t->groups; group++) {
        if (lanes[group].begun) {
            add_gaps(t, &lanes[group], group, UINT64_MAX, l->count, out);
        }
    }
    qsort(out->gaps, out->count, sizeof *out->gaps, compare_places);
}

int timeline_list_gaps(const struct timeline *t, const struct timeline_list *l,
                       struct timeline_gap_list *out)
{
    struct lane *lanes = mem_array(t->groups + 1, sizeof *lanes);

    out->count = 0;
    out->gaps = mem_array(t->gap_count + 1, sizeof *out->gaps);
    if (lanes == NULL || out->gaps == NULL) {
        mem_free(lanes);
        timeline_gap_list_release(out);
        return err_nomem();
    }
    merge_gaps(t, l, lanes, out);
    mem_free(lanes);
    return 0;
}

void timeline_gap_list_release(struct timeline_gap_list *l)
{
    mem_free(l->gaps);
    l->gaps = NULL;
    l->count = 0;
}
