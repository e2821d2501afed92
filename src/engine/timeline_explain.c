/*
 * timeline_explain.c - why a selector means no single point, and what is there instead.
 *
 * Each function raises HF_ENO_POINT with the nearest alternatives: who asks for a point that is not
 * there is in trouble already, and should not have to list and search by hand.
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/nearest.h"
#include "engine/timeline_internal.h"

#define CANDIDATES_NAMED 8 /* how many of them a message lists */
#define ID_SHOWN 8         /* digits of an id in messages */

/* "#12 5f03c2d1 of 2026-11-21 10:00:00 +00:00" */
static void describe_point(struct buf *b, const struct timeline_point *p)
{
    char hex[33];
    char when[TEXT_TIME_BYTES];

    text_hex(p->snapshot->id, 16, hex);
    buf_printf(b, "#%" PRIu64 " %.*s of %s", p->snapshot->number, ID_SHOWN, hex,
               text_time_local(timeline_commit(p)->end_ns, when));
}

int timeline_fail_ambiguous(const struct selector *s, const struct timeline_list *l)
{
    struct buf b;

    buf_init(&b);
    for (size_t i = 0; i < l->count && i < CANDIDATES_NAMED; i++) {
        buf_printf(&b, i == 0 ? "" : "; ");
        describe_point(&b, l->points[i]);
    }
    if (l->count > CANDIDATES_NAMED) {
        buf_printf(&b, "; and %zu more", l->count - CANDIDATES_NAMED);
    }
    err_raise(HF_ENO_POINT, "\"%s\" may mean %zu snapshots: %s", s->asked, l->count, buf_text(&b));
    err_hint("give more digits of the id");
    buf_release(&b);
    return HF_ENO_POINT;
}

/* Offers what this commit has in this field. */
static void offer_values(struct nearest *n, enum selector_field field, const struct commit *c)
{
    switch (field) {
    case SELECTOR_TAG:
        for (size_t i = 0; i < c->tag_count; i++) {
            nearest_offer(n, c->tags[i]);
        }
        break;
    case SELECTOR_PATH:
        for (size_t i = 0; i < c->path_count; i++) {
            nearest_offer(n, c->paths[i]);
        }
        break;
    case SELECTOR_JOB:
        nearest_offer(n, c->job);
        break;
    case SELECTOR_HOST:
        nearest_offer(n, c->host);
        break;
    case SELECTOR_FIELDS:
        break;
    }
}

/* The value of this field that is there and most like what was asked for, or NULL. */
static const char *nearest_value(const struct timeline *t, const struct selector_filter *f,
                                 enum timeline_scope scope)
{
    struct nearest n;

    nearest_init(&n, f->value);
    for (size_t i = 0; i < t->count; i++) {
        if (timeline_in_scope(&t->points[i], scope)) {
            offer_values(&n, f->field, timeline_commit(&t->points[i]));
        }
    }
    return n.best;
}

/* Whether any point in scope has this value in this field. */
static bool value_exists(const struct timeline *t, const struct selector_filter *f,
                         enum timeline_scope scope)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct timeline_point *p = &t->points[i];

        if (timeline_in_scope(p, scope) && timeline_filter_holds(f, timeline_commit(p))) {
            return true;
        }
    }
    return false;
}

/* The filters leave nothing over, whatever the position: says which of them is to blame. */
int timeline_fail_filters(const struct timeline *t, const struct selector *s,
                          enum timeline_scope scope)
{
    if (s->filter_count == 0) {
        if (scope == TIMELINE_FORGOTTEN) {
            return err_raise(HF_ENO_POINT, "no snapshot has been forgotten");
        }
        if (t->count > 0) {
            err_raise(HF_ENO_POINT, "every snapshot has been forgotten");
            err_hint("\"holdfast snapshots --all\" lists the forgotten ones too");
            return HF_ENO_POINT;
        }
        return err_raise(HF_ENO_POINT, "there is no snapshot yet");
    }
    for (size_t i = 0; i < s->filter_count; i++) {
        const struct selector_filter *f = &s->filters[i];
        const char *field = selector_field_name(f->field);
        const char *near;

        if (value_exists(t, f, scope)) {
            continue;
        }
        err_raise(HF_ENO_POINT, "no snapshot has %s \"%s\"", field, f->value);
        near = nearest_value(t, f, scope);
        if (near != NULL) {
            err_hint("did you mean %s:%s?", field, near);
        }
        return HF_ENO_POINT;
    }
    return err_raise(HF_ENO_POINT, "no snapshot matches all of \"%s\"", s->asked);
}

static int fail_too_early(const struct timeline *t, const struct selector *s)
{
    const struct timeline_point *first = timeline_first_after(t, s, true);
    char when[TEXT_TIME_BYTES];
    struct buf b;

    text_time_local(s->time_ns, when);
    if (first == NULL) {
        return err_raise(HF_ENO_POINT, "there is no complete point at or before %s", when);
    }
    buf_init(&b);
    describe_point(&b, first);
    err_raise(HF_ENO_POINT, "%s is before the first point, %s", when, buf_text(&b));
    err_hint("the nearest one is #%" PRIu64, first->snapshot->number);
    buf_release(&b);
    return HF_ENO_POINT;
}

int timeline_fail_future(const struct timeline *t, const struct selector *s,
                         const struct timeline_list *known)
{
    char when[TEXT_TIME_BYTES], now[TEXT_TIME_BYTES];
    struct buf b;

    buf_init(&b);
    describe_point(&b, known->points[known->count - 1]);
    err_raise(HF_ENO_POINT, "%s is in the future (it is %s); the latest point is %s",
              text_time_local(s->time_ns, when), text_time_local(t->now_ns, now), buf_text(&b));
    err_hint("name it by \"latest\"");
    buf_release(&b);
    return HF_ENO_POINT;
}

/* The nearest complete points of the gap's job and host, before and after the time that s names. */
static void find_around(const struct timeline *t, const struct selector *s,
                        enum timeline_scope scope, size_t group,
                        const struct timeline_point *out[2])
{
    struct selector all = timeline_filters_only(s);

    out[0] = out[1] = NULL;
    for (size_t i = t->count; i-- > 0;) {
        const struct timeline_point *p = &t->points[i];

        if (p->group != group || (timeline_commit(p)->flags & COMMIT_COMPLETE) == 0 ||
            !timeline_matches(p, &all, scope)) {
            continue;
        }
        if (timeline_matches(p, s, scope)) {
            out[0] = out[0] == NULL ? p : out[0];
        } else if (out[1] == NULL ||
                   timeline_commit(p)->end_ns <= timeline_commit(out[1])->end_ns) {
            out[1] = p;
        }
    }
}

static void describe_gap(struct buf *b, const struct catalog_gap *g)
{
    char begin[TEXT_TIME_BYTES], end[TEXT_TIME_BYTES];

    buf_printf(b, "a gap of job \"");
    text_put_shown(b, g->job, strlen(g->job));
    buf_printf(b, "\" on host \"");
    text_put_shown(b, g->host, strlen(g->host));
    buf_printf(b, "\" (%s), from %s ", gapevent_reason_name(g->reason),
               text_time_local(g->begin_ns, begin));
    if (g->closed_by == 0) {
        buf_printf(b, "on and not over");
    } else {
        buf_printf(b, "to %s", text_time_local(g->end_ns, end));
    }
}

static bool names_job(const struct selector *s)
{
    bool any = false;

    for (size_t i = 0; i < s->filter_count; i++) {
        any = any || s->filters[i].field == SELECTOR_JOB;
    }
    return any;
}

/* Who named no job asked for all of them, and may have meant one without this gap. */
static void hint_at(const struct selector *s, const struct timeline_point *const around[2])
{
    const char *other = names_job(s) ? "" : "; \"job:J\" asks for one job alone";

    if (around[0] != NULL && around[1] != NULL) {
        err_hint("name one of them: \"#%" PRIu64 "\" or \"#%" PRIu64 "\"%s",
                 around[0]->snapshot->number, around[1]->snapshot->number, other);
    } else if (around[0] != NULL || around[1] != NULL) {
        err_hint("the nearest one is #%" PRIu64 "%s",
                 around[around[0] == NULL ? 1 : 0]->snapshot->number, other);
    }
}

int timeline_fail_gap(const struct timeline *t, const struct selector *s, enum timeline_scope scope,
                      const struct timeline_gap *gap)
{
    static const char *const where[2] = { "before it", "after it" };
    const struct timeline_point *around[2];
    char when[TEXT_TIME_BYTES];
    struct buf b;

    find_around(t, s, scope, gap->group, around);
    buf_init(&b);
    describe_gap(&b, gap->gap);
    for (int i = 0; i < 2; i++) {
        buf_printf(&b, "%s %s is ", i == 0 ? ";" : ",", where[i]);
        if (around[i] == NULL) {
            buf_printf(&b, "no point");
        } else {
            describe_point(&b, around[i]);
        }
    }
    err_raise(HF_ENO_POINT, "%s is inside %s", text_time_local(s->time_ns, when), buf_text(&b));
    hint_at(s, around);
    buf_release(&b);
    return HF_ENO_POINT;
}

/* The point asked for is there but out of scope: that is worth saying. */
static int fail_scope(const struct timeline_point *p, const struct selector *s)
{
    if (p->snapshot->forgotten_by == 0) {
        return err_raise(HF_ENO_POINT, "%s has not been forgotten", s->asked);
    }
    err_raise(HF_ENO_POINT, "%s was forgotten by entry %" PRIu64, s->asked,
              p->snapshot->forgotten_by);
    err_hint("\"holdfast undelete %s\" brings it back if its data are still there", s->asked);
    return HF_ENO_POINT;
}

static int fail_number(const struct selector *s, const struct timeline_list *known)
{
    const struct timeline_point *near = known->points[0];
    struct buf b;

    for (size_t i = 1; i < known->count; i++) {
        uint64_t n = known->points[i]->snapshot->number, best = near->snapshot->number;
        uint64_t distance = n > s->n ? n - s->n : s->n - n;

        if (distance < (best > s->n ? best - s->n : s->n - best)) {
            near = known->points[i];
        }
    }
    buf_init(&b);
    describe_point(&b, near);
    err_raise(HF_ENO_POINT, "entry %" PRIu64 " is no snapshot; the nearest one is %s", s->n,
              buf_text(&b));
    buf_release(&b);
    return HF_ENO_POINT;
}

int timeline_fail_missing(const struct timeline *t, const struct selector *s,
                          enum timeline_scope scope, const struct timeline_list *known)
{
    if (s->position == SELECTOR_ID || s->position == SELECTOR_NUMBER) {
        for (size_t i = 0; i < t->count; i++) {
            if (timeline_matches(&t->points[i], s, TIMELINE_ANY)) {
                return fail_scope(&t->points[i], s);
            }
        }
    }
    if (known->count == 0) {
        return timeline_fail_filters(t, s, scope);
    }
    switch (s->position) {
    case SELECTOR_LATEST:
        return err_raise(HF_ENO_POINT, "\"%s\": there are only %zu points", s->asked, known->count);
    case SELECTOR_AT:
    case SELECTOR_BEFORE:
        return fail_too_early(t, s);
    case SELECTOR_NUMBER:
        return fail_number(s, known);
    case SELECTOR_ID:
    case SELECTOR_ALL:
        break;
    }
    err_raise(HF_ENO_POINT, "no snapshot has the id \"%s\"", s->asked);
    err_hint("\"holdfast snapshots\" lists them all");
    return HF_ENO_POINT;
}
