/*
 * test_timeline.c - which point a selector means, against an oracle that follows docs/design.md
 * word by word, over random histories; and what is said when it means none.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rnd.h"
#include "base/text.h"
#include "engine/timeline.h"

#define MAX_POINTS 48
#define MAX_TAGS 2

#define SECOND NS_PER_S
#define NOW (1000 * SECOND)

/* A history: snapshots as a catalogue would hold them, without one. */
struct history {
    struct catalog_snapshot snapshots[MAX_POINTS];
    const struct catalog_snapshot *list[MAX_POINTS];
    char *tags[MAX_POINTS][MAX_TAGS];
    size_t count;
    struct timeline *timeline;
};

static char job_a[] = "alpha", job_b[] = "beta", job_c[] = "gamma";
static char host_a[] = "one", host_b[] = "two";
static char tag_a[] = "red", tag_b[] = "blue";
static char path_a[] = "/srv";
static char *const jobs[] = { job_a, job_b, job_c };
static char *const hosts[] = { host_a, host_b };
static char *paths[] = { path_a };

static struct catalog_snapshot *add(struct history *h, char *job, char *host, int64_t end_s)
{
    struct catalog_snapshot *s = &h->snapshots[h->count];

    memset(s, 0, sizeof *s);
    s->number = h->count == 0 ? 2 : h->list[h->count - 1]->number + 1;
    memset(s->id, (int)(s->number * 17 % 251), sizeof s->id);
    s->commit.job = job;
    s->commit.host = host;
    s->commit.flags = COMMIT_COMPLETE;
    s->commit.paths = paths;
    s->commit.path_count = 1;
    s->commit.tags = h->tags[h->count];
    s->commit.begin_ns = s->commit.end_ns = end_s * SECOND;
    h->list[h->count++] = s;
    return s;
}

static void open_timeline(struct history *h)
{
    assert_int_equal(timeline_of(h->list, h->count, NOW, &h->timeline), 0);
}

static int resolve(const struct history *h, const char *text, struct timeline_resolution *out)
{
    struct selector s;
    int rc;

    assert_int_equal(selector_parse(text, NOW, &s), 0);
    rc = timeline_resolve(h->timeline, &s, out);
    selector_release(&s);
    return rc;
}

static uint64_t resolved_number(const struct history *h, const char *text)
{
    struct timeline_resolution r;

    assert_int_equal(resolve(h, text, &r), 0);
    return r.found->snapshot->number;
}

/* What is said about a selector that means no point. */
static void expect_no_point(const struct history *h, const char *text, const char *said,
                            const char *hint)
{
    struct timeline_resolution r;

    assert_int_equal(resolve(h, text, &r), HF_ENO_POINT);
    if (strstr(err_last()->text, said) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err_last()->text, said);
    }
    if (strstr(err_last()->hint, hint) == NULL) {
        fail_msg("the hint \"%s\" does not say \"%s\"", err_last()->hint, hint);
    }
}

/* The oracle */

struct question {
    enum selector_position position;
    uint64_t n;
    int64_t time_ns;
    char id[33];
    char *job, *host, *tag; /* NULL: any */
};

static bool has_tag(const struct commit *c, const char *tag)
{
    for (size_t i = 0; i < c->tag_count; i++) {
        if (strcmp(c->tags[i], tag) == 0) {
            return true;
        }
    }
    return false;
}

static bool passes_filters(const struct catalog_snapshot *s, const struct question *q)
{
    return !s->partial && s->forgotten_by == 0 &&
           (q->job == NULL || strcmp(q->job, s->commit.job) == 0) &&
           (q->host == NULL || strcmp(q->host, s->commit.host) == 0) &&
           (q->tag == NULL || has_tag(&s->commit, q->tag));
}

static bool passes(const struct catalog_snapshot *s, const struct question *q)
{
    char hex[33];

    if (!passes_filters(s, q)) {
        return false;
    }
    switch (q->position) {
    case SELECTOR_AT:
        return (s->commit.flags & COMMIT_COMPLETE) != 0 && s->commit.end_ns <= q->time_ns;
    case SELECTOR_BEFORE:
        return (s->commit.flags & COMMIT_COMPLETE) != 0 && s->commit.end_ns < q->time_ns;
    case SELECTOR_NUMBER:
        return s->number == q->n;
    case SELECTOR_ID:
        return strncmp(text_hex(s->id, 16, hex), q->id, strlen(q->id)) == 0;
    case SELECTOR_ALL:
    case SELECTOR_LATEST:
        break;
    }
    return true;
}

static bool same_group(const struct catalog_snapshot *a, const struct catalog_snapshot *b)
{
    return strcmp(a->commit.job, b->commit.job) == 0 && strcmp(a->commit.host, b->commit.host) == 0;
}

/* Within one job and host the highest number; among those the latest end, ties by number. */
static const struct catalog_snapshot *newest(const struct history *h, const bool *candidate)
{
    const struct catalog_snapshot *best = NULL;

    for (size_t i = 0; i < h->count; i++) {
        bool head = candidate[i];

        for (size_t k = i + 1; head && k < h->count; k++) {
            head = !(candidate[k] && same_group(h->list[i], h->list[k]));
        }
        if (head && (best == NULL || h->list[i]->commit.end_ns > best->commit.end_ns ||
                     (h->list[i]->commit.end_ns == best->commit.end_ns &&
                      h->list[i]->number > best->number))) {
            best = h->list[i];
        }
    }
    return best;
}

/* All candidates, newest first: what would be newest without those before it. */
static size_t newest_first(const struct history *h, const struct question *q,
                           const struct catalog_snapshot **out)
{
    bool candidate[MAX_POINTS] = { false };
    size_t count = 0;

    for (size_t i = 0; i < h->count; i++) {
        candidate[i] = passes(h->list[i], q);
    }
    while ((out[count] = newest(h, candidate)) != NULL) {
        for (size_t i = 0; i < h->count; i++) {
            candidate[i] = candidate[i] && h->list[i] != out[count];
        }
        count++;
    }
    return count;
}

static const struct catalog_snapshot *expected(const struct history *h, const struct question *q)
{
    const struct catalog_snapshot *all[MAX_POINTS + 1];
    size_t count = newest_first(h, q, all);
    size_t back = q->position == SELECTOR_LATEST ? (size_t)q->n : 0;

    if ((q->position == SELECTOR_AT || q->position == SELECTOR_BEFORE) && q->time_ns > NOW) {
        return NULL;
    }
    if (q->position == SELECTOR_ID && count > 1) {
        return NULL;
    }
    return back < count ? all[back] : NULL;
}

/* Random histories and questions */

static void make_history(struct history *h, struct rnd *rnd)
{
    int64_t clock_s = 100;

    memset(h, 0, sizeof *h);
    for (size_t n = rnd_below(rnd, MAX_POINTS); n > 0; n--) {
        struct catalog_snapshot *s;

        /* Mostly forward, now and then at the same moment, back, or an import of long ago. */
        switch (rnd_below(rnd, 8)) {
        case 0:
            clock_s -= (int64_t)rnd_below(rnd, 30);
            break;
        case 1:
            break;
        default:
            clock_s += (int64_t)rnd_below(rnd, 20);
        }
        s = add(h, jobs[rnd_below(rnd, 3)], hosts[rnd_below(rnd, 2)],
                rnd_below(rnd, 10) == 0 ? (int64_t)rnd_below(rnd, 100) : clock_s);
        s->number += rnd_below(rnd, 3);
        (void)rnd_bytes(rnd, s->id, sizeof s->id);
        if (rnd_below(rnd, 3) == 0) {
            memset(s->id, (int)rnd_below(rnd, 2), 4); /* prefixes that are not unique */
        }
        s->partial = rnd_below(rnd, 8) == 0;
        s->forgotten_by = rnd_below(rnd, 6) == 0 ? 999 : 0;
        if (rnd_below(rnd, 8) == 0) {
            s->commit.flags = 0;
        }
        if (rnd_below(rnd, 2) == 0) {
            s->commit.tags[s->commit.tag_count++] = tag_a;
        }
        if (rnd_below(rnd, 2) == 0) {
            s->commit.tags[s->commit.tag_count++] = tag_b;
        }
    }
    open_timeline(h);
}

static void make_question(const struct history *h, struct rnd *rnd, struct question *q)
{
    static const enum selector_position positions[] = { SELECTOR_ALL,    SELECTOR_LATEST,
                                                        SELECTOR_ID,     SELECTOR_AT,
                                                        SELECTOR_BEFORE, SELECTOR_NUMBER };
    const struct catalog_snapshot *near = h->count == 0 ? NULL : h->list[rnd_below(rnd, h->count)];

    memset(q, 0, sizeof *q);
    q->position = positions[rnd_below(rnd, 6)];
    q->n = q->position == SELECTOR_LATEST ? rnd_below(rnd, 6) : 2 + rnd_below(rnd, 60);
    q->time_ns = (int64_t)rnd_below(rnd, 1100) * SECOND;
    text_hex(near == NULL ? (const uint8_t *)"0123456789abcdef" : near->id, 16, q->id);
    q->id[6 + rnd_below(rnd, 27)] = '\0';
    if (near != NULL && rnd_below(rnd, 2) == 0) {
        q->time_ns = near->commit.end_ns + (int64_t)rnd_below(rnd, 3) - 1;
    }
    q->job = rnd_below(rnd, 2) == 0 ? jobs[rnd_below(rnd, 3)] : NULL;
    q->host = rnd_below(rnd, 3) == 0 ? hosts[rnd_below(rnd, 2)] : NULL;
    q->tag = rnd_below(rnd, 3) == 0 ? tag_a : NULL;
}

static void put_position(const struct question *q, char *out, size_t size)
{
    char when[TEXT_TIME_BYTES];

    text_time_utc(q->time_ns, when);
    switch (q->position) {
    case SELECTOR_ALL:
        snprintf(out, size, "path:/srv");
        break;
    case SELECTOR_LATEST:
        snprintf(out, size, "latest~%" PRIu64, q->n);
        break;
    case SELECTOR_ID:
        snprintf(out, size, "%s", q->id);
        break;
    case SELECTOR_AT:
        snprintf(out, size, "at:%s", when);
        break;
    case SELECTOR_BEFORE:
        snprintf(out, size, "before:%s", when);
        break;
    case SELECTOR_NUMBER:
        snprintf(out, size, "#%" PRIu64, q->n);
        break;
    }
}

static void put_question(const struct question *q, char *out, size_t size)
{
    char position[96];

    put_position(q, position, sizeof position);
    snprintf(out, size, "%s%s%s%s%s%s%s", position, q->job != NULL ? ",job:" : "",
             q->job != NULL ? q->job : "", q->host != NULL ? ",host:" : "",
             q->host != NULL ? q->host : "", q->tag != NULL ? ",tag:" : "",
             q->tag != NULL ? q->tag : "");
}

static void test_timeline_resolves_as_the_design_says(void **state)
{
    struct rnd rnd;
    size_t found_some = 0, found_none = 0;

    (void)state;
    rnd_init_seeded(&rnd, 20261121);
    for (int round = 0; round < 400; round++) {
        struct history h;

        make_history(&h, &rnd);
        for (int i = 0; i < 40; i++) {
            const struct catalog_snapshot *should;
            struct timeline_resolution r;
            struct question q;
            char text[256];
            int rc;

            make_question(&h, &rnd, &q);
            put_question(&q, text, sizeof text);
            should = expected(&h, &q);
            rc = resolve(&h, text, &r);
            if (rc != (should == NULL ? HF_ENO_POINT : 0)) {
                fail_msg("round %d: %s: %d", round, text, rc);
            }
            if (should != NULL && r.found->snapshot != should) {
                fail_msg("round %d: %s is #%" PRIu64 ", not #%" PRIu64, round, text, should->number,
                         r.found->snapshot->number);
            }
            found_some += should != NULL;
            found_none += should == NULL;
        }
        timeline_free(h.timeline);
    }
    assert_true(found_some > 2000 && found_none > 2000);
}

static void test_timeline_lists_oldest_first_in_the_order_of_latest(void **state)
{
    struct rnd rnd;

    (void)state;
    rnd_init_seeded(&rnd, 7);
    for (int round = 0; round < 200; round++) {
        const struct question everything = { .position = SELECTOR_ALL };
        const struct catalog_snapshot *should[MAX_POINTS + 1];
        struct timeline_list l;
        struct history h;
        size_t count;

        make_history(&h, &rnd);
        count = newest_first(&h, &everything, should);
        assert_int_equal(timeline_select(h.timeline, NULL, 0, TIMELINE_LIVE, true, &l), 0);
        assert_int_equal(l.count, count);
        for (size_t i = 0; i < count; i++) {
            assert_ptr_equal(l.points[count - 1 - i]->snapshot, should[i]);
        }
        timeline_list_release(&l);
        timeline_free(h.timeline);
    }
}

static void test_timeline_flags_points_whose_clock_had_gone_back(void **state)
{
    struct rnd rnd;
    size_t flagged = 0;

    (void)state;
    rnd_init_seeded(&rnd, 8);
    for (int round = 0; round < 200; round++) {
        struct history h;

        make_history(&h, &rnd);
        for (size_t i = 0; i < timeline_count(h.timeline); i++) {
            const struct timeline_point *p = timeline_point(h.timeline, i);
            bool should = false;

            for (size_t k = 0; k < i; k++) {
                const struct catalog_snapshot *s = timeline_point(h.timeline, k)->snapshot;

                should = should || (same_group(s, p->snapshot) &&
                                    s->commit.end_ns > p->snapshot->commit.end_ns);
            }
            assert_int_equal(p->clock_flag, should);
            flagged += should;
        }
        timeline_free(h.timeline);
    }
    assert_true(flagged > 100);
}

static void test_timeline_says_how_far_and_what_comes_next(void **state)
{
    struct history h = { .count = 0 };
    struct timeline_resolution r;

    (void)state;
    add(&h, job_a, host_a, 100);
    add(&h, job_a, host_a, 200);
    add(&h, job_b, host_a, 250);
    open_timeline(&h);
    assert_int_equal(resolve(&h, "at:1970-01-01T00:03:45Z", &r), 0);
    assert_true(r.by_time);
    assert_int_equal(r.found->snapshot->number, 3);
    assert_int_equal(r.asked_ns, 225 * SECOND);
    assert_int_equal(r.distance_ns, 25 * SECOND);
    assert_int_equal(r.next->snapshot->number, 4);
    assert_int_equal(resolve(&h, "#2", &r), 0);
    assert_false(r.by_time);
    assert_int_equal(r.next->snapshot->number, 3);
    assert_int_equal(resolve(&h, "latest", &r), 0);
    assert_null(r.next);
    timeline_free(h.timeline);
}

static void test_timeline_next_of_before_may_be_at_that_very_moment(void **state)
{
    struct history h = { .count = 0 };
    struct timeline_resolution r;

    (void)state;
    add(&h, job_a, host_a, 100);
    add(&h, job_a, host_a, 200);
    open_timeline(&h);
    assert_int_equal(resolve(&h, "before:1970-01-01T00:03:20Z", &r), 0);
    assert_int_equal(r.found->snapshot->number, 2);
    assert_int_equal(r.next->snapshot->number, 3);
    assert_int_equal(resolve(&h, "at:1970-01-01T00:03:20Z", &r), 0);
    assert_int_equal(r.found->snapshot->number, 3);
    assert_null(r.next);
    timeline_free(h.timeline);
}

static void test_timeline_old_import_is_not_the_latest_of_others(void **state)
{
    struct history h = { .count = 0 };

    (void)state;
    add(&h, job_a, host_a, 500);
    add(&h, job_b, host_a, 20);
    open_timeline(&h);
    assert_int_equal(resolved_number(&h, "latest"), 2);
    assert_int_equal(resolved_number(&h, "job:beta"), 3);
    assert_int_equal(resolved_number(&h, "latest~1"), 3);
    timeline_free(h.timeline);
}

static void test_timeline_clock_that_jumped_back_does_not_hide_the_latest(void **state)
{
    struct history h = { .count = 0 };

    (void)state;
    add(&h, job_a, host_a, 500);
    add(&h, job_a, host_a, 100);
    open_timeline(&h);
    assert_int_equal(resolved_number(&h, "latest"), 3);
    assert_true(timeline_point(h.timeline, 1)->clock_flag);
    assert_false(timeline_point(h.timeline, 0)->clock_flag);
    timeline_free(h.timeline);
}

static void test_timeline_time_before_the_first_point_names_it(void **state)
{
    struct history h = { .count = 0 };

    (void)state;
    add(&h, job_a, host_a, 100);
    open_timeline(&h);
    expect_no_point(&h, "at:1970-01-01T00:00:09Z", "before the first point, #2 ", "#2");
    expect_no_point(&h, "before:1970-01-01T00:01:40Z", "before the first point, #2 ", "#2");
    timeline_free(h.timeline);
}

static void test_timeline_time_in_the_future_names_the_latest(void **state)
{
    struct history h = { .count = 0 };

    (void)state;
    add(&h, job_a, host_a, 100);
    open_timeline(&h);
    expect_no_point(&h, "at:2100-01-01T00:00:00Z", "in the future", "latest");
    assert_int_equal(resolved_number(&h, "at:now"), 2);
    timeline_free(h.timeline);
}

static void test_timeline_ambiguous_prefix_lists_candidates(void **state)
{
    struct history h = { .count = 0 };

    (void)state;
    memset(add(&h, job_a, host_a, 100)->id, 0xab, 16);
    memset(add(&h, job_a, host_a, 200)->id, 0xab, 15);
    open_timeline(&h);
    expect_no_point(&h, "abababab", "#2 abababab", "more digits");
    expect_no_point(&h, "abababab", "#3 abababab", "more digits");
    assert_int_equal(resolved_number(&h, "ABABABABABABABABABABABABABABABAB"), 2);
    expect_no_point(&h, "abababac", "no snapshot has the id", "snapshots");
    timeline_free(h.timeline);
}

static void test_timeline_forgotten_point_is_said_to_be_forgotten(void **state)
{
    struct history h = { .count = 0 };

    (void)state;
    memset(add(&h, job_a, host_a, 100)->id, 0xcd, 16);
    h.snapshots[0].forgotten_by = 9;
    add(&h, job_a, host_a, 200);
    open_timeline(&h);
    expect_no_point(&h, "cdcdcd", "was forgotten by entry 9", "undelete cdcdcd");
    expect_no_point(&h, "#2", "was forgotten by entry 9", "undelete");
    timeline_free(h.timeline);
}

static void test_timeline_unknown_filter_value_names_the_nearest(void **state)
{
    struct history h = { .count = 0 };
    struct catalog_snapshot *s;

    (void)state;
    s = add(&h, job_a, host_a, 100);
    s->commit.tags[s->commit.tag_count++] = tag_a;
    open_timeline(&h);
    expect_no_point(&h, "job:alhpa", "no snapshot has job \"alhpa\"", "job:alpha");
    expect_no_point(&h, "host:ome", "no snapshot has host", "host:one");
    expect_no_point(&h, "tag:read,latest", "no snapshot has tag", "tag:red");
    expect_no_point(&h, "path:/srw", "no snapshot has path", "path:/srv");
    expect_no_point(&h, "latest~1", "only 1 points", "");
    expect_no_point(&h, "#7", "entry 7 is no snapshot; the nearest one is #2", "");
    timeline_free(h.timeline);
}

static void test_timeline_of_nothing_says_so(void **state)
{
    struct history h = { .count = 0 };

    (void)state;
    open_timeline(&h);
    expect_no_point(&h, "latest", "there is no snapshot yet", "");
    timeline_free(h.timeline);
    add(&h, job_a, host_a, 100)->forgotten_by = 3;
    open_timeline(&h);
    expect_no_point(&h, "latest", "every snapshot has been forgotten", "--all");
    timeline_free(h.timeline);
}

static int select_numbers(const struct history *h, const char *const *texts, size_t count,
                          enum timeline_scope scope, bool may_be_empty, uint64_t *out,
                          size_t *out_count)
{
    struct selector selectors[4] = { 0 };
    struct timeline_list l;
    int rc;

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(selector_parse(texts[i], NOW, &selectors[i]), 0);
    }
    rc = timeline_select(h->timeline, selectors, count, scope, may_be_empty, &l);
    *out_count = l.count;
    for (size_t i = 0; i < l.count; i++) {
        out[i] = l.points[i]->snapshot->number;
    }
    timeline_list_release(&l);
    for (size_t i = 0; i < count; i++) {
        selector_release(&selectors[i]);
    }
    return rc;
}

static void test_timeline_several_selectors_are_a_union(void **state)
{
    static const char *const texts[] = { "latest", "job:alpha", "#2" };
    struct history h = { .count = 0 };
    uint64_t numbers[8];
    size_t count;

    (void)state;
    add(&h, job_a, host_a, 100);
    add(&h, job_b, host_a, 150);
    add(&h, job_a, host_a, 200);
    add(&h, job_c, host_a, 300);
    open_timeline(&h);
    assert_int_equal(select_numbers(&h, texts, 3, TIMELINE_LIVE, false, numbers, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(numbers[0], 2);
    assert_int_equal(numbers[1], 4);
    assert_int_equal(numbers[2], 5);
    timeline_free(h.timeline);
}

static void test_timeline_filters_without_a_match_are_an_error_where_something_is_needed(
    void **state)
{
    static const char *const texts[] = { "job:beta" };
    struct history h = { .count = 0 };
    uint64_t numbers[8];
    size_t count;

    (void)state;
    add(&h, job_a, host_a, 100);
    open_timeline(&h);
    assert_int_equal(select_numbers(&h, texts, 1, TIMELINE_LIVE, false, numbers, &count),
                     HF_ENO_POINT);
    assert_int_equal(select_numbers(&h, texts, 1, TIMELINE_LIVE, true, numbers, &count), 0);
    assert_int_equal(count, 0);
    timeline_free(h.timeline);
}

static void test_timeline_scope_chooses_among_live_and_forgotten(void **state)
{
    static const char *const latest[] = { "latest" };
    static const char *const live[] = { "#3" };
    struct history h = { .count = 0 };
    uint64_t numbers[8];
    size_t count;

    (void)state;
    add(&h, job_a, host_a, 100)->forgotten_by = 9;
    add(&h, job_a, host_a, 200);
    add(&h, job_a, host_a, 300)->partial = true;
    open_timeline(&h);
    assert_int_equal(timeline_count(h.timeline), 2);
    assert_int_equal(select_numbers(&h, NULL, 0, TIMELINE_ANY, false, numbers, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(select_numbers(&h, latest, 1, TIMELINE_FORGOTTEN, false, numbers, &count), 0);
    assert_int_equal(numbers[0], 2);
    assert_int_equal(select_numbers(&h, live, 1, TIMELINE_FORGOTTEN, false, numbers, &count),
                     HF_ENO_POINT);
    assert_non_null(strstr(err_last()->text, "has not been forgotten"));
    timeline_free(h.timeline);
}

static void test_timeline_incomplete_points_answer_no_question_about_time(void **state)
{
    struct history h = { .count = 0 };

    (void)state;
    add(&h, job_a, host_a, 100);
    add(&h, job_a, host_a, 200)->commit.flags = 0;
    open_timeline(&h);
    assert_int_equal(resolved_number(&h, "at:1970-01-01T00:05:00Z"), 2);
    assert_int_equal(resolved_number(&h, "latest"), 3);
    timeline_free(h.timeline);
}

static void test_timeline_bears_impossible_times(void **state)
{
    struct history h = { .count = 0 };
    struct timeline_resolution r;

    (void)state;
    add(&h, job_a, host_a, 0)->commit.end_ns = INT64_MIN;
    add(&h, job_a, host_a, 0)->commit.end_ns = INT64_MAX;
    open_timeline(&h);
    assert_int_equal(resolve(&h, "at:1970-01-01T00:00:09Z", &r), 0);
    assert_int_equal(r.distance_ns, INT64_MAX);
    assert_int_equal(r.next->snapshot->number, 3);
    timeline_free(h.timeline);
}

/* Gaps */

static void open_with_gap(struct history *h, struct catalog_gap *g)
{
    const struct catalog_gap *list[] = { g };

    open_timeline(h);
    assert_int_equal(timeline_set_gaps(h->timeline, list, 1), 0);
}

static struct catalog_gap gap_of(char *job, int64_t begin_s, int64_t end_s)
{
    return (struct catalog_gap){ .number = 3,
                                 .reason = GAPEVENT_OVERFLOW,
                                 .job = job,
                                 .host = host_a,
                                 .begin_ns = begin_s * SECOND,
                                 .end_ns = end_s * SECOND,
                                 .closed_by = end_s == 0 ? 0 : 4 };
}

static void test_timeline_names_what_is_around_a_gap(void **state)
{
    struct catalog_gap g = gap_of(job_a, 110, 150);
    struct history h = { .count = 0 };

    (void)state;
    add(&h, job_a, host_a, 100);
    add(&h, job_a, host_a, 130)->commit.flags = 0; /* made inside it */
    add(&h, job_a, host_a, 150);
    open_with_gap(&h, &g);
    expect_no_point(&h, "at:1970-01-01T00:02:00Z",
                    "is inside a gap of job \"alpha\" on host \"one\" (overflow), from "
                    "1970-01-01 00:01:50 +00:00 to 1970-01-01 00:02:30 +00:00; before it is #2 ",
                    "name one of them: \"#2\" or \"#4\"");
    expect_no_point(&h, "before:1970-01-01T00:02:30Z", ", after it is #4 ", "#2");
    assert_int_equal(resolved_number(&h, "at:1970-01-01T00:01:50Z"), 2);
    assert_int_equal(resolved_number(&h, "at:1970-01-01T00:02:30Z"), 4);
    assert_int_equal(resolved_number(&h, "latest"), 4);
    assert_int_equal(resolved_number(&h, "#3"), 3);
    timeline_free(h.timeline);
}

static void test_timeline_says_when_a_gap_is_not_over(void **state)
{
    struct catalog_gap g = gap_of(job_a, 110, 0);
    struct history h = { .count = 0 };

    (void)state;
    add(&h, job_a, host_a, 100);
    open_with_gap(&h, &g);
    expect_no_point(&h, "at:1970-01-01T00:02:00Z",
                    "from 1970-01-01 00:01:50 +00:00 on and not over; before it is #2 ",
                    "the nearest one is #2");
    assert_int_equal(resolved_number(&h, "latest"), 2);
    timeline_free(h.timeline);
}

static void test_timeline_minds_no_gap_of_what_is_not_asked_for(void **state)
{
    struct catalog_gap g = gap_of(job_b, 110, 0);
    struct history h = { .count = 0 };

    (void)state;
    add(&h, job_a, host_a, 100);
    add(&h, job_b, host_a, 105);
    add(&h, job_b, host_b, 106);
    open_with_gap(&h, &g);
    assert_int_equal(resolved_number(&h, "job:alpha,at:1970-01-01T00:02:00Z"), 2);
    assert_int_equal(resolved_number(&h, "host:two,at:1970-01-01T00:02:00Z"), 4);
    expect_no_point(&h, "job:beta,at:1970-01-01T00:02:00Z", "gap of job \"beta\"", "#3");
    assert_null(strstr(err_last()->hint, "job:J"));
    expect_no_point(&h, "at:1970-01-01T00:02:00Z", "gap of job \"beta\"",
                    "#3; \"job:J\" asks for one job alone");
    h.snapshots[1].forgotten_by = 9; /* nothing of it is left to be asked for */
    assert_int_equal(resolved_number(&h, "at:1970-01-01T00:02:00Z"), 4);
    timeline_free(h.timeline);
}

static void test_timeline_knows_no_gap_of_a_job_without_points(void **state)
{
    struct catalog_gap g = gap_of(job_c, 110, 0);
    struct timeline_list all;
    struct timeline_gap_list gaps;
    struct history h = { .count = 0 };

    (void)state;
    add(&h, job_a, host_a, 100);
    open_with_gap(&h, &g);
    assert_int_equal(resolved_number(&h, "at:1970-01-01T00:02:00Z"), 2);
    assert_int_equal(timeline_select(h.timeline, NULL, 0, TIMELINE_ANY, true, &all), 0);
    assert_int_equal(timeline_list_gaps(h.timeline, &all, &gaps), 0);
    assert_int_equal(gaps.count, 0);
    timeline_gap_list_release(&gaps);
    timeline_list_release(&all);
    timeline_free(h.timeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeline_resolves_as_the_design_says),
        cmocka_unit_test(test_timeline_lists_oldest_first_in_the_order_of_latest),
        cmocka_unit_test(test_timeline_flags_points_whose_clock_had_gone_back),
        cmocka_unit_test(test_timeline_says_how_far_and_what_comes_next),
        cmocka_unit_test(test_timeline_next_of_before_may_be_at_that_very_moment),
        cmocka_unit_test(test_timeline_old_import_is_not_the_latest_of_others),
        cmocka_unit_test(test_timeline_clock_that_jumped_back_does_not_hide_the_latest),
        cmocka_unit_test(test_timeline_time_before_the_first_point_names_it),
        cmocka_unit_test(test_timeline_time_in_the_future_names_the_latest),
        cmocka_unit_test(test_timeline_ambiguous_prefix_lists_candidates),
        cmocka_unit_test(test_timeline_forgotten_point_is_said_to_be_forgotten),
        cmocka_unit_test(test_timeline_unknown_filter_value_names_the_nearest),
        cmocka_unit_test(test_timeline_of_nothing_says_so),
        cmocka_unit_test(test_timeline_several_selectors_are_a_union),
        cmocka_unit_test(
            test_timeline_filters_without_a_match_are_an_error_where_something_is_needed),
        cmocka_unit_test(test_timeline_scope_chooses_among_live_and_forgotten),
        cmocka_unit_test(test_timeline_incomplete_points_answer_no_question_about_time),
        cmocka_unit_test(test_timeline_bears_impossible_times),
        cmocka_unit_test(test_timeline_names_what_is_around_a_gap),
        cmocka_unit_test(test_timeline_says_when_a_gap_is_not_over),
        cmocka_unit_test(test_timeline_minds_no_gap_of_what_is_not_asked_for),
        cmocka_unit_test(test_timeline_knows_no_gap_of_a_job_without_points),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
