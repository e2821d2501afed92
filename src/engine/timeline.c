/*
 * timeline.c - the order of points, and selection among them.
 *
 * Most questions are for the first point of the one order, and answered by looking back from the
 * end. For all others the points that match are brought into that order. The order of timeline.h is
 * a merge of one list per job and host, newest first, always taking from the list whose head ended
 * last. Since a list need not be sorted by its ends (clocks jump), a point can come up only after
 * all that is newer in its list; so its place in the merge is that of the least (end, number) among
 * itself and those newer ones. That key makes it a sort.
 */
#include "engine/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/timeline_internal.h"

struct placed { /* a point and its place in the order */
    const struct timeline_point *point;
    int64_t end_ns;
    uint64_t number;
};

/* By job and host, then in journal order. */
static int compare_groups(const void *va, const void *vb)
{
    const struct timeline_point *a = *(const struct timeline_point *const *)va;
    const struct timeline_point *b = *(const struct timeline_point *const *)vb;
    int c = strcmp(timeline_commit(a)->job, timeline_commit(b)->job);

    if (c == 0) {
        c = strcmp(timeline_commit(a)->host, timeline_commit(b)->host);
    }
    if (c != 0) {
        return c;
    }
    return a->snapshot->number < b->snapshot->number ? -1 : 1;
}

static bool same_group(const struct timeline_point *a, const struct timeline_point *b)
{
    return strcmp(timeline_commit(a)->job, timeline_commit(b)->job) == 0 &&
           strcmp(timeline_commit(a)->host, timeline_commit(b)->host) == 0;
}

/* Numbers the groups and flags the points whose clock had gone back. */
static int find_groups(struct timeline *t)
{
    struct timeline_point **sorted = mem_array(t->count + 1, sizeof *sorted);
    int64_t latest_end = INT64_MIN;

    t->group_points = mem_array(t->count + 1, sizeof *t->group_points);
    if (sorted == NULL || t->group_points == NULL) {
        mem_free(sorted);
        return err_nomem();
    }
    for (size_t i = 0; i < t->count; i++) {
        sorted[i] = &t->points[i];
    }
    qsort(sorted, t->count, sizeof *sorted, compare_groups);
    for (size_t i = 0; i < t->count; i++) {
        int64_t end = timeline_commit(sorted[i])->end_ns;

        if (i == 0 || !same_group(sorted[i - 1], sorted[i])) {
            t->group_points[t->groups++] = sorted[i];
            latest_end = INT64_MIN;
        }
        sorted[i]->group = t->groups - 1;
        sorted[i]->clock_flag = end < latest_end;
        latest_end = end > latest_end ? end : latest_end;
    }
    mem_free(sorted);
    return 0;
}

int timeline_of(const struct catalog_snapshot *const *snapshots, size_t count, int64_t now_ns,
                struct timeline **out_timeline)
{
    struct timeline *t = mem_zalloc(sizeof *t);
    int rc;

    *out_timeline = NULL;
    if (t == NULL) {
        return err_nomem();
    }
    t->now_ns = now_ns;
    t->points = mem_array(count + 1, sizeof *t->points);
    if (t->points == NULL) {
        rc = err_nomem();
        goto fail;
    }
    for (size_t i = 0; i < count; i++) {
        if (!snapshots[i]->partial) {
            t->points[t->count++].snapshot = snapshots[i];
        }
    }
    rc = find_groups(t);
    if (rc != 0) {
        goto fail;
    }
    *out_timeline = t;
    return 0;
fail:
    timeline_free(t);
    return rc;
}

static int snapshots_of(const struct catalog *catalog, int64_t now_ns,
                        struct timeline **out_timeline)
{
    size_t count = catalog_snapshot_count(catalog);
    const struct catalog_snapshot **snapshots = mem_array(count + 1, sizeof *snapshots);
    int rc;

    if (snapshots == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        snapshots[i] = catalog_snapshot(catalog, i);
    }
    rc = timeline_of(snapshots, count, now_ns, out_timeline);
    mem_free(snapshots);
    return rc;
}

static int gaps_of(const struct catalog *catalog, struct timeline *t)
{
    size_t count = catalog_gap_count(catalog);
    const struct catalog_gap **gaps = mem_array(count + 1, sizeof *gaps);
    int rc;

    if (gaps == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        gaps[i] = catalog_gap(catalog, i);
    }
    rc = timeline_set_gaps(t, gaps, count);
    mem_free(gaps);
    return rc;
}

int timeline_new(const struct catalog *catalog, int64_t now_ns, struct timeline **out_timeline)
{
    int rc;

    *out_timeline = NULL;
    rc = snapshots_of(catalog, now_ns, out_timeline);
    if (rc == 0) {
        rc = gaps_of(catalog, *out_timeline);
    }
    if (rc != 0) {
        timeline_free(*out_timeline);
        *out_timeline = NULL;
    }
    return rc;
}

void timeline_free(struct timeline *t)
{
    if (t == NULL) {
        return;
    }
    mem_free(t->points);
    mem_free(t->group_points);
    mem_free(t->gaps);
    mem_free(t);
}

size_t timeline_count(const struct timeline *t)
{
    return t->count;
}

const struct timeline_point *timeline_point(const struct timeline *t, size_t i)
{
    return &t->points[i];
}

void timeline_list_release(struct timeline_list *l)
{
    mem_free(l->points);
    l->points = NULL;
    l->count = 0;
}

static bool in_list(const char *value, char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool timeline_filter_holds(const struct selector_filter *f, const struct commit *c)
{
    switch (f->field) {
    case SELECTOR_TAG:
        return in_list(f->value, c->tags, c->tag_count);
    case SELECTOR_JOB:
        return strcmp(f->value, c->job) == 0;
    case SELECTOR_HOST:
        return strcmp(f->value, c->host) == 0;
    case SELECTOR_PATH:
        return in_list(f->value, c->paths, c->path_count);
    case SELECTOR_FIELDS:
        break;
    }
    return false;
}

bool timeline_in_scope(const struct timeline_point *p, enum timeline_scope scope)
{
    bool forgotten = p->snapshot->forgotten_by != 0;

    return scope == TIMELINE_ANY || forgotten == (scope == TIMELINE_FORGOTTEN);
}

static bool filters_hold(const struct timeline_point *p, const struct selector *s)
{
    for (size_t i = 0; i < s->filter_count; i++) {
        if (!timeline_filter_holds(&s->filters[i], timeline_commit(p))) {
            return false;
        }
    }
    return true;
}

static bool id_begins(const uint8_t id[16], const char *prefix)
{
    for (size_t i = 0; prefix[i] != '\0'; i++) {
        unsigned digit = i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15u;

        if (prefix[i] != "0123456789abcdef"[digit]) {
            return false;
        }
    }
    return true;
}

/* Whether the position leaves this point in: which of those it means is the order's to say. */
static bool position_allows(const struct timeline_point *p, const struct selector *s)
{
    bool complete = (timeline_commit(p)->flags & COMMIT_COMPLETE) != 0;

    switch (s->position) {
    case SELECTOR_ALL:
    case SELECTOR_LATEST:
        return true;
    case SELECTOR_ID:
        return id_begins(p->snapshot->id, s->id);
    case SELECTOR_AT:
        return complete && timeline_commit(p)->end_ns <= s->time_ns;
    case SELECTOR_BEFORE:
        return complete && timeline_commit(p)->end_ns < s->time_ns;
    case SELECTOR_NUMBER:
        return p->snapshot->number == s->n;
    }
    return false;
}

bool timeline_matches(const struct timeline_point *p, const struct selector *s,
                      enum timeline_scope scope)
{
    return timeline_in_scope(p, scope) && filters_hold(p, s) && position_allows(p, s);
}

static int compare_placed(const void *va, const void *vb)
{
    const struct placed *a = va, *b = vb;

    if (a->end_ns != b->end_ns) {
        return a->end_ns < b->end_ns ? -1 : 1;
    }
    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    return a->point->snapshot->number < b->point->snapshot->number ? -1 : 1;
}

/* Gives each point the least key of itself and what is newer in its group: see the top. */
static int place(const struct timeline *t, struct placed *all, size_t count)
{
    const struct placed **least = mem_array(t->groups + 1, sizeof *least);

    if (least == NULL) {
        return err_nomem();
    }
    for (size_t i = count; i-- > 0;) {
        const struct placed **newer = &least[all[i].point->group];

        if (*newer != NULL &&
            ((*newer)->end_ns < all[i].end_ns ||
             ((*newer)->end_ns == all[i].end_ns && (*newer)->number < all[i].number))) {
            all[i].end_ns = (*newer)->end_ns;
            all[i].number = (*newer)->number;
        }
        *newer = &all[i];
    }
    mem_free(least);
    return 0;
}

/* Brings points, given in journal order, into the order of the timeline: oldest first. */
static int bring_into_order(const struct timeline *t, struct timeline_list *l)
{
    struct placed *all = mem_array(l->count + 1, sizeof *all);
    int rc;

    if (all == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < l->count; i++) {
        all[i].point = l->points[i];
        all[i].end_ns = timeline_commit(l->points[i])->end_ns;
        all[i].number = l->points[i]->snapshot->number;
    }
    rc = place(t, all, l->count);
    if (rc == 0) {
        qsort(all, l->count, sizeof *all, compare_placed);
    }
    for (size_t i = 0; i < l->count; i++) {
        l->points[i] = all[i].point;
    }
    mem_free(all);
    return rc;
}

/* All points whose place in `wanted` is set, oldest first. */
static int list_marked(const struct timeline *t, const bool *wanted, struct timeline_list *out)
{
    int rc;

    out->count = 0;
    out->points = mem_array(t->count + 1, sizeof *out->points);
    if (out->points == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < t->count; i++) {
        if (wanted[i]) {
            out->points[out->count++] = &t->points[i];
        }
    }
    rc = bring_into_order(t, out);
    if (rc != 0) {
        timeline_list_release(out);
    }
    return rc;
}

/* All points that match, oldest first. */
static int list_matches(const struct timeline *t, const struct selector *s,
                        enum timeline_scope scope, struct timeline_list *out)
{
    bool *wanted = mem_array(t->count + 1, sizeof *wanted);
    int rc;

    memset(out, 0, sizeof *out);
    if (wanted == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < t->count; i++) {
        wanted[i] = timeline_matches(&t->points[i], s, scope);
    }
    rc = list_marked(t, wanted, out);
    mem_free(wanted);
    return rc;
}

struct selector timeline_filters_only(const struct selector *s)
{
    struct selector all = *s;

    all.position = SELECTOR_ALL;
    return all;
}

const struct timeline_point *timeline_first_after(const struct timeline *t,
                                                  const struct selector *s, bool or_at)
{
    struct selector all = timeline_filters_only(s);
    const struct timeline_point *best = NULL;

    for (size_t i = 0; i < t->count; i++) {
        const struct timeline_point *p = &t->points[i];
        int64_t end = timeline_commit(p)->end_ns;

        if (end < s->time_ns || (end == s->time_ns && !or_at)) {
            continue;
        }
        if ((timeline_commit(p)->flags & COMMIT_COMPLETE) == 0 ||
            !timeline_matches(p, &all, TIMELINE_LIVE)) {
            continue;
        }
        if (best == NULL || end < timeline_commit(best)->end_ns) {
            best = p;
        }
    }
    return best;
}

static int fail_missing(const struct timeline *t, const struct selector *s,
                        enum timeline_scope scope)
{
    struct selector all = timeline_filters_only(s);
    struct timeline_list known;
    int rc = list_matches(t, &all, scope, &known);

    if (rc != 0) {
        return rc;
    }
    rc = timeline_fail_missing(t, s, scope, &known);
    timeline_list_release(&known);
    return rc;
}

/* A time that has not come yet promises what nobody knows. */
static int check_not_future(const struct timeline *t, const struct selector *s,
                            enum timeline_scope scope)
{
    struct selector all = timeline_filters_only(s);
    struct timeline_list known;
    int rc;

    if ((s->position != SELECTOR_AT && s->position != SELECTOR_BEFORE) || s->time_ns <= t->now_ns) {
        return 0;
    }
    rc = list_matches(t, &all, scope, &known);
    if (rc != 0) {
        return rc;
    }
    rc = known.count > 0 ? timeline_fail_future(t, s, &known) : timeline_fail_filters(t, s, scope);
    timeline_list_release(&known);
    return rc;
}

/*
 * The first in the order among all that match; NULL if nothing does. Without sorting: it is one of
 * the points with the highest number of their job and host, which are met first from the end.
 */
static int newest_match(const struct timeline *t, const struct selector *s,
                        enum timeline_scope scope, const struct timeline_point **out_point)
{
    bool *met = mem_array(t->groups + 1, sizeof *met);
    const struct timeline_point *best = NULL;
    size_t left = t->groups;

    *out_point = NULL;
    if (met == NULL) {
        return err_nomem();
    }
    for (size_t i = t->count; i-- > 0 && left > 0;) {
        const struct timeline_point *p = &t->points[i];

        if (met[p->group] || !timeline_matches(p, s, scope)) {
            continue;
        }
        met[p->group] = true;
        left--;
        /* Of equal ends the higher number wins, which came first. */
        if (best == NULL || timeline_commit(p)->end_ns > timeline_commit(best)->end_ns) {
            best = p;
        }
    }
    mem_free(met);
    *out_point = best;
    return 0;
}

/* latest~N and ids: one of all that match. */
static int pick_of_list(const struct timeline *t, const struct selector *s,
                        enum timeline_scope scope, const struct timeline_point **out_point)
{
    struct timeline_list l;
    uint64_t back = s->position == SELECTOR_LATEST ? s->n : 0;
    int rc = list_matches(t, s, scope, &l);

    if (rc != 0) {
        return rc;
    }
    if (s->position == SELECTOR_ID && l.count > 1) {
        rc = timeline_fail_ambiguous(s, &l);
    } else if (l.count > back) {
        *out_point = l.points[l.count - 1 - back];
    }
    timeline_list_release(&l);
    return rc;
}

/* The one point of a position (or, for filters alone, the newest match). */
static int pick(const struct timeline *t, const struct selector *s, enum timeline_scope scope,
                const struct timeline_point **out_point)
{
    bool of_list = s->position == SELECTOR_ID || (s->position == SELECTOR_LATEST && s->n > 0);
    const struct timeline_gap *gap;
    int rc = check_not_future(t, s, scope);

    *out_point = NULL;
    if (rc == 0 && (gap = timeline_gap_around(t, s, scope)) != NULL) {
        rc = timeline_fail_gap(t, s, scope, gap);
    }
    if (rc == 0) {
        rc = of_list ? pick_of_list(t, s, scope, out_point) : newest_match(t, s, scope, out_point);
    }
    if (rc == 0 && *out_point == NULL) {
        rc = fail_missing(t, s, scope);
    }
    return rc;
}

/* Marks what one selector means. */
static int mark(const struct timeline *t, const struct selector *s, enum timeline_scope scope,
                bool may_be_empty, bool *wanted)
{
    const struct timeline_point *point;
    bool any = may_be_empty;
    int rc;

    if (s->position != SELECTOR_ALL) {
        rc = pick(t, s, scope, &point);
        if (rc == 0) {
            wanted[point - t->points] = true;
        }
        return rc;
    }
    for (size_t i = 0; i < t->count; i++) {
        if (timeline_matches(&t->points[i], s, scope)) {
            wanted[i] = any = true;
        }
    }
    return any ? 0 : fail_missing(t, s, scope);
}

int timeline_select(const struct timeline *t, const struct selector *selectors, size_t count,
                    enum timeline_scope scope, bool may_be_empty, struct timeline_list *out)
{
    static const struct selector everything = { .position = SELECTOR_ALL };
    bool *wanted = mem_array(t->count + 1, sizeof *wanted);
    int rc = 0;

    memset(out, 0, sizeof *out);
    if (wanted == NULL) {
        return err_nomem();
    }
    if (count == 0) {
        rc = mark(t, &everything, scope, may_be_empty, wanted);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = mark(t, &selectors[i], scope, may_be_empty, wanted);
    }
    if (rc == 0) {
        rc = list_marked(t, wanted, out);
    }
    mem_free(wanted);
    return rc;
}

/* The next newer match of the same job and host. */
static const struct timeline_point *newer_sibling(const struct timeline *t,
                                                  const struct selector *s,
                                                  const struct timeline_point *point)
{
    struct selector all = timeline_filters_only(s);

    for (size_t i = (size_t)(point - t->points) + 1; i < t->count; i++) {
        const struct timeline_point *p = &t->points[i];

        if (p->group == point->group && timeline_matches(p, &all, TIMELINE_LIVE)) {
            return p;
        }
    }
    return NULL;
}

int timeline_resolve(const struct timeline *t, const struct selector *s,
                     struct timeline_resolution *out)
{
    int rc;

    memset(out, 0, sizeof *out);
    rc = pick(t, s, TIMELINE_LIVE, &out->found);
    if (rc != 0) {
        return rc;
    }
    out->by_time = s->position == SELECTOR_AT || s->position == SELECTOR_BEFORE;
    if (!out->by_time) {
        out->next = newer_sibling(t, s, out->found);
        return 0;
    }
    out->asked_ns = s->time_ns;
    if (__builtin_sub_overflow(s->time_ns, timeline_commit(out->found)->end_ns,
                               &out->distance_ns)) {
        out->distance_ns = INT64_MAX;
    }
    out->next = timeline_first_after(t, s, s->position == SELECTOR_BEFORE);
    return 0;
}
