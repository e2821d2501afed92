/*
 * test_timeline_oracle.c - every selector, alone and in unions, in every scope, over random
 * histories and in zones whose clocks are changed, against an oracle that follows the definitions
 * of docs/cli.md word by word and does nothing cleverly.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/timeline.h"
#include "unit/engine/historykit.h"

#define ROUNDS 1500
#define QUESTIONS 12
#define SEED 61
#define MINUTE_NS ((int64_t)60 * NS_PER_S)

struct question {
    enum selector_position position;
    uint64_t n;
    char id[33];
    int64_t time_ns;
    const char *job, *host, *tag, *path; /* NULL: any */
    char text[256];                      /* the same as a user writes it */
};

/* The oracle */

static bool in_scope(const struct catalog_snapshot *s, enum timeline_scope scope)
{
    if (s->partial) {
        return false;
    }
    return scope == TIMELINE_ANY || (s->forgotten_by != 0) == (scope == TIMELINE_FORGOTTEN);
}

static bool is_among(const char *wanted, char *const *texts, size_t count)
{
    bool found = wanted == NULL;

    for (size_t i = 0; i < count; i++) {
        found = found || strcmp(texts[i], wanted) == 0;
    }
    return found;
}

static bool passes_filters(const struct catalog_snapshot *s, const struct question *q)
{
    const struct commit *c = &s->commit;

    return (q->job == NULL || strcmp(q->job, c->job) == 0) &&
           (q->host == NULL || strcmp(q->host, c->host) == 0) &&
           is_among(q->tag, c->tags, c->tag_count) && is_among(q->path, c->paths, c->path_count);
}

static bool passes_position(const struct catalog_snapshot *s, const struct question *q)
{
    bool complete = (s->commit.flags & COMMIT_COMPLETE) != 0;
    char hex[33];

    switch (q->position) {
    case SELECTOR_AT:
        return complete && s->commit.end_ns <= q->time_ns;
    case SELECTOR_BEFORE:
        return complete && s->commit.end_ns < q->time_ns;
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

/* Within one job and host the highest number; among those the latest end; ties by number. */
static const struct catalog_snapshot *newest(const struct history *h, const bool *candidate)
{
    const struct catalog_snapshot *best = NULL;

    for (size_t i = 0; i < h->count; i++) {
        const struct commit *c = &h->list[i]->commit;
        bool head = candidate[i];

        for (size_t k = i + 1; k < h->count; k++) {
            const struct commit *other = &h->list[k]->commit;

            head = head && !(candidate[k] && strcmp(c->job, other->job) == 0 &&
                             strcmp(c->host, other->host) == 0);
        }
        if (head && (best == NULL || c->end_ns >= best->commit.end_ns)) {
            best = h->list[i];
        }
    }
    return best;
}

/* The candidates, oldest first: the newest is the last, and so on without it. */
static size_t in_order(const struct history *h, const bool *wanted,
                       const struct catalog_snapshot **out)
{
    const struct catalog_snapshot *s;
    bool left[HISTORY_POINTS];
    size_t count = 0;

    memcpy(left, wanted, sizeof left);
    for (size_t i = 0; i < h->count; i++) {
        count += wanted[i];
    }
    for (size_t at = count; (s = newest(h, left)) != NULL;) {
        out[--at] = s;
        left[s - h->snapshots] = false;
    }
    return count;
}

static bool same_lane(const struct catalog_gap *g, const struct catalog_snapshot *s)
{
    return strcmp(g->job, s->commit.job) == 0 && strcmp(g->host, s->commit.host) == 0;
}

/* Between a gap's begin and its end, both left out; what is before T is what was there at T-1. */
static bool in_time(const struct catalog_gap *g, const struct question *q)
{
    bool open = g->closed_by == 0;

    return q->position == SELECTOR_AT
               ? g->begin_ns < q->time_ns && (open || q->time_ns < g->end_ns)
               : g->begin_ns + 1 < q->time_ns && (open || q->time_ns <= g->end_ns);
}

/* Whether a time is inside a gap of any job and host that is asked for. */
static bool in_gap(const struct history *h, const struct question *q, enum timeline_scope scope)
{
    for (size_t i = 0; i < h->gap_count; i++) {
        for (size_t k = 0; k < h->count && in_time(h->gap_list[i], q); k++) {
            if (same_lane(h->gap_list[i], h->list[k]) && in_scope(h->list[k], scope) &&
                passes_filters(h->list[k], q)) {
                return true;
            }
        }
    }
    return false;
}

/* Marks what the selector means; false if it means nothing, or an id is not unique. */
static bool answer(const struct history *h, const struct question *q, enum timeline_scope scope,
                   bool may_be_empty, bool *wanted)
{
    const struct catalog_snapshot *all[HISTORY_POINTS];
    bool match[HISTORY_POINTS] = { false };
    size_t count, back = q->position == SELECTOR_LATEST ? (size_t)q->n : 0;
    bool by_time = q->position == SELECTOR_AT || q->position == SELECTOR_BEFORE;

    for (size_t i = 0; i < h->count; i++) {
        match[i] = in_scope(h->list[i], scope) && passes_filters(h->list[i], q) &&
                   passes_position(h->list[i], q);
    }
    count = in_order(h, match, all);
    if (q->position == SELECTOR_ALL) {
        for (size_t i = 0; i < h->count; i++) {
            wanted[i] = wanted[i] || match[i];
        }
        return may_be_empty || count > 0;
    }
    if (back >= count || (q->position == SELECTOR_ID && count > 1) ||
        (by_time && (q->time_ns > HISTORY_NOW || in_gap(h, q, scope)))) {
        return false;
    }
    wanted[all[count - 1 - back] - h->snapshots] = true;
    return true;
}

/* The next after a time: the earliest end, of equal ones the lowest number. */
static const struct catalog_snapshot *next_after(const struct history *h, const struct question *q)
{
    const struct catalog_snapshot *best = NULL;

    for (size_t i = 0; i < h->count; i++) {
        const struct catalog_snapshot *s = h->list[i];
        bool later = q->position == SELECTOR_AT ? s->commit.end_ns > q->time_ns
                                                : s->commit.end_ns >= q->time_ns;

        if (later && in_scope(s, TIMELINE_LIVE) && passes_filters(s, q) &&
            (s->commit.flags & COMMIT_COMPLETE) != 0 &&
            (best == NULL || s->commit.end_ns < best->commit.end_ns)) {
            best = s;
        }
    }
    return best;
}

/* Random questions, and as what users write them */

static const char *random_text(struct rnd *rnd, char (*from)[8], uint64_t count)
{
    return rnd_below(rnd, 3) == 0 ? from[rnd_below(rnd, count)] : NULL;
}

static void put_filter(struct question *q, const char *field, const char *value)
{
    size_t len = strlen(q->text);

    if (value != NULL) {
        snprintf(q->text + len, sizeof q->text - len, "%s%s:%s", len == 0 ? "" : ",", field, value);
    }
}

static void put_position(struct question *q)
{
    char when[TEXT_TIME_BYTES];

    text_time_utc(q->time_ns, when);
    switch (q->position) {
    case SELECTOR_ALL:
        q->text[0] = '\0';
        break;
    case SELECTOR_LATEST:
        snprintf(q->text, sizeof q->text, q->n == 0 ? "latest" : "latest~%" PRIu64, q->n);
        break;
    case SELECTOR_ID:
        snprintf(q->text, sizeof q->text, "%s", q->id);
        break;
    case SELECTOR_NUMBER:
        snprintf(q->text, sizeof q->text, "#%" PRIu64, q->n);
        break;
    case SELECTOR_AT:
    case SELECTOR_BEFORE:
        snprintf(q->text, sizeof q->text, "%s:%s", q->position == SELECTOR_AT ? "at" : "before",
                 when);
        break;
    }
}

static void ask(const struct history *h, struct rnd *rnd, struct question *q)
{
    const struct catalog_snapshot *near = h->count == 0 ? NULL : h->list[rnd_below(rnd, h->count)];

    memset(q, 0, sizeof *q);
    q->position = (enum selector_position)rnd_below(rnd, SELECTOR_NUMBER + 1);
    q->n = q->position == SELECTOR_LATEST ? rnd_below(rnd, 6) : 2 + rnd_below(rnd, 100);
    text_hex(near == NULL ? (const uint8_t *)"0123456789abcdef" : near->id, 16, q->id);
    q->id[6 + rnd_below(rnd, 27)] = '\0';
    q->time_ns = history_night(rnd);
    if (near != NULL && rnd_below(rnd, 4) != 0) {
        q->time_ns = near->commit.end_ns + (int64_t)rnd_below(rnd, 3) - 1;
    }
    q->job = random_text(rnd, history_jobs, 3);
    q->host = random_text(rnd, history_hosts, 2);
    q->tag = random_text(rnd, history_tags, 3);
    q->path = random_text(rnd, history_paths, 3);
    put_position(q);
    put_filter(q, "job", q->job);
    put_filter(q, "host", q->host);
    put_filter(q, "tag", q->tag);
    put_filter(q, "path", q->path);
    if (q->text[0] == '\0') { /* every point is of some job */
        q->position = SELECTOR_LATEST;
        q->n = 0;
        put_position(q);
    }
}

/* One point */

/* Such a time is refused for that reason, with the nearest points. */
static void check_gap(const struct history *h, const struct question *q, size_t *refused)
{
    bool by_time = q->position == SELECTOR_AT || q->position == SELECTOR_BEFORE;

    if (by_time && q->time_ns <= HISTORY_NOW && in_gap(h, q, TIMELINE_LIVE)) {
        assert_non_null(strstr(err_last()->text, " is inside a gap of job "));
        assert_non_null(strstr(err_last()->text, "; before it is "));
        assert_non_null(strstr(err_last()->text, ", after it is "));
        ++*refused;
    }
}

static void check_resolution(const struct history *h, const struct timeline *t,
                             const struct question *q, int round, size_t *refused)
{
    bool wanted[HISTORY_POINTS] = { false };
    struct question one = *q;
    struct timeline_resolution r;
    struct selector s;
    bool should;
    int rc;

    if (q->position == SELECTOR_ALL) { /* where one is needed: the newest match */
        one.position = SELECTOR_LATEST;
        one.n = 0;
    }
    should = answer(h, &one, TIMELINE_LIVE, false, wanted);
    assert_int_equal(selector_parse(q->text, HISTORY_NOW, &s), 0);
    rc = timeline_resolve(t, &s, &r);
    selector_release(&s);
    if (rc != (should ? 0 : HF_ENO_POINT) ||
        (should && !wanted[r.found->snapshot - h->snapshots])) {
        fail_msg("seed %d, round %d, TZ=%s: %s is %d (%s)", SEED, round, getenv("TZ"), q->text, rc,
                 err_last()->text);
    }
    check_gap(h, q, refused);
    if (should && (q->position == SELECTOR_AT || q->position == SELECTOR_BEFORE)) {
        const struct catalog_snapshot *next = next_after(h, q);

        assert_true(r.by_time);
        assert_true(r.asked_ns == q->time_ns);
        assert_true(r.distance_ns == q->time_ns - r.found->snapshot->commit.end_ns);
        assert_ptr_equal(r.next == NULL ? NULL : r.next->snapshot, next);
    }
}

static struct timeline *history_timeline(struct history *h, struct rnd *rnd)
{
    struct timeline *t;

    history_make(h, rnd);
    history_gaps(h, rnd);
    assert_int_equal(timeline_of(h->list, h->count, HISTORY_NOW, &t), 0);
    assert_int_equal(timeline_set_gaps(t, h->gap_list, h->gap_count), 0);
    return t;
}

static void test_timeline_resolves_every_selector_as_the_oracle_does(void **state)
{
    size_t refused = 0;
    struct rnd rnd;

    (void)state;
    print_message("seed %d\n", SEED);
    rnd_init_seeded(&rnd, SEED);
    for (int round = 0; round < ROUNDS; round++) {
        struct timeline *t;
        struct history h;

        history_set_zone(history_zones[rnd_below(&rnd, HISTORY_ZONES)]);
        t = history_timeline(&h, &rnd);
        for (int i = 0; i < QUESTIONS; i++) {
            struct question q;

            ask(&h, &rnd, &q);
            check_resolution(&h, t, &q, round, &refused);
        }
        timeline_free(t);
    }
    assert_true(refused > 300);
}

/* Unions */

/*
 * Whether a gap belongs into a list, and where: it is of a job and host that have points there, and
 * was not over when the first of them was made; it stands before the first that came after it.
 */
static bool place_in(const struct catalog_gap *g, const struct timeline_list *l, size_t *out_before)
{
    bool begun = false, shown = false;

    *out_before = l->count;
    for (size_t i = 0; i < l->count; i++) {
        const struct catalog_snapshot *s = l->points[i]->snapshot;

        if (!same_lane(g, s)) {
            continue;
        }
        shown = begun ? shown : g->closed_by == 0 || g->closed_by > s->number;
        begun = true;
        if (s->number > g->number && *out_before == l->count) {
            *out_before = i;
        }
    }
    return shown;
}

static void check_listed_gaps(const struct history *h, const struct timeline *t,
                              const struct timeline_list *l, size_t *gaps)
{
    struct timeline_gap_list listed;
    size_t expected = 0;

    assert_int_equal(timeline_list_gaps(t, l, &listed), 0);
    for (size_t i = 0; i < h->gap_count; i++) {
        size_t before = 0, at = 0;

        if (!place_in(h->gap_list[i], l, &before)) {
            continue;
        }
        while (at < listed.count && listed.gaps[at].gap->gap != h->gap_list[i]) {
            at++;
        }
        assert_true(at < listed.count);
        assert_int_equal(listed.gaps[at].before, before);
        expected++;
    }
    assert_int_equal(listed.count, expected);
    for (size_t i = 1; i < listed.count; i++) {
        assert_true(listed.gaps[i - 1].before <= listed.gaps[i].before);
    }
    *gaps += expected;
    timeline_gap_list_release(&listed);
}

static void check_union(const struct history *h, const struct timeline *t, struct rnd *rnd,
                        size_t *found, size_t *gaps)
{
    const struct catalog_snapshot *expected[HISTORY_POINTS];
    enum timeline_scope scope = (enum timeline_scope)rnd_below(rnd, 3);
    bool wanted[HISTORY_POINTS] = { false }, may_be_empty = rnd_below(rnd, 2) == 0, should = true;
    size_t count = 1 + (size_t)rnd_below(rnd, 3);
    struct selector selectors[3];
    struct timeline_list l;
    int rc;

    for (size_t i = 0; i < count; i++) {
        struct question q;

        ask(h, rnd, &q);
        should = answer(h, &q, scope, may_be_empty, wanted) && should;
        assert_int_equal(selector_parse(q.text, HISTORY_NOW, &selectors[i]), 0);
    }
    rc = timeline_select(t, selectors, count, scope, may_be_empty, &l);
    assert_int_equal(rc, should ? 0 : HF_ENO_POINT);
    if (should) {
        assert_int_equal(l.count, in_order(h, wanted, expected));
        for (size_t i = 0; i < l.count; i++) {
            assert_ptr_equal(l.points[i]->snapshot, expected[i]);
        }
        *found += l.count;
        check_listed_gaps(h, t, &l, gaps);
        timeline_list_release(&l);
    }
    for (size_t i = 0; i < count; i++) {
        selector_release(&selectors[i]);
    }
}

static void test_timeline_lists_unions_as_the_oracle_does(void **state)
{
    struct rnd rnd;
    size_t found = 0, gaps = 0;

    (void)state;
    print_message("seed %d\n", SEED + 1);
    rnd_init_seeded(&rnd, SEED + 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct timeline *t;
        struct history h;

        t = history_timeline(&h, &rnd);
        for (int i = 0; i < QUESTIONS; i++) {
            check_union(&h, t, &rnd, &found, &gaps);
        }
        timeline_free(t);
    }
    assert_true(found > 10000 && gaps > 1000);
}

/* Local times */

/* What local clocks show, with the offset that they go by, as messages write it. */
static void show(int64_t ns, char out[40])
{
    time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm local;
    char offset[8];

    assert_non_null(localtime_r(&seconds, &local));
    strftime(offset, sizeof offset, "%z", &local);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S ", &local);
    snprintf(out + strlen(out), 40 - strlen(out), "%.3s:%.2s", offset, offset + 3);
}

/* All moments at which local clocks show this: by looking at each quarter of an hour. */
static size_t moments_of(const char *wall, int64_t around_ns, int64_t out[4])
{
    size_t count = 0;
    char shown[40];

    for (int64_t ns = around_ns - 2 * HISTORY_DAY; ns <= around_ns + 2 * HISTORY_DAY;
         ns += 15 * MINUTE_NS) {
        show(ns, shown);
        if (strncmp(shown, wall, 16) == 0) {
            assert_true(count < 4);
            out[count++] = ns;
        }
    }
    return count;
}

/* The moments that are meant if clocks had been changed a day earlier, or a day later. */
static void moments_beside(int64_t around_ns, int64_t wall_as_utc_ns, int64_t out[2])
{
    for (int i = 0; i < 2; i++) {
        time_t seconds = (time_t)((around_ns + (i == 0 ? -HISTORY_DAY : HISTORY_DAY)) / NS_PER_S);
        struct tm local;

        assert_non_null(localtime_r(&seconds, &local));
        out[i] = wall_as_utc_ns - (int64_t)local.tm_gmtoff * NS_PER_S;
    }
}

static void expect_both_named(const char *wall, const int64_t moments[2])
{
    for (int i = 0; i < 2; i++) {
        char shown[40];

        show(moments[i], shown);
        if (strstr(err_last()->text, shown) == NULL) {
            fail_msg("TZ=%s: %s: \"%s\" does not name %s", getenv("TZ"), wall, err_last()->text,
                     shown);
        }
    }
}

static void test_timeline_takes_local_times_for_the_one_moment_they_mean(void **state)
{
    size_t outcomes[3] = { 0 };
    struct rnd rnd;

    (void)state;
    print_message("seed %d\n", SEED + 2);
    rnd_init_seeded(&rnd, SEED + 2);
    for (int round = 0; round < 3000; round++) {
        int64_t as_utc = history_night(&rnd), found[4], beside[2];
        char wall[24], text[40];
        struct selector s;
        size_t count;
        int rc;

        as_utc -= as_utc % (15 * MINUTE_NS);
        history_set_zone("UTC0");
        show(as_utc, text);
        snprintf(wall, sizeof wall, "%.16s", text);
        history_set_zone(history_zones[rnd_below(&rnd, HISTORY_ZONES)]);
        count = moments_of(wall, as_utc, found);
        snprintf(text, sizeof text, "at:%s", wall);
        rc = selector_parse(text, HISTORY_NOW, &s);
        if (rc != (count == 1 ? 0 : HF_EUSAGE)) {
            fail_msg("TZ=%s: %s: %d, though it is %zu moments", getenv("TZ"), wall, rc, count);
        }
        assert_true(count < 3);
        outcomes[count]++;
        if (count == 1) {
            assert_true(s.time_ns == found[0]);
            selector_release(&s);
            continue;
        }
        moments_beside(as_utc, as_utc, beside);
        expect_both_named(wall, count == 2 ? found : beside);
    }
    assert_true(outcomes[0] > 5 && outcomes[1] > 1000 && outcomes[2] > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeline_resolves_every_selector_as_the_oracle_does),
        cmocka_unit_test(test_timeline_lists_unions_as_the_oracle_does),
        cmocka_unit_test(test_timeline_takes_local_times_for_the_one_moment_they_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
