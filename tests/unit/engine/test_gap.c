/*
 * test_gap.c - gaps are opened and closed by entries, also by two clients at once; what is
 * published inside one is not complete; and no time inside one means a point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/gap.h"
#include "engine/timeline.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"

#define NOW ((int64_t)1795255200 * NS_PER_S) /* 2026-11-21 10:00 in UTC */
#define MINUTE ((int64_t)60 * NS_PER_S)

struct bench {
    struct realrepo r;
    unsigned files;
};

static int set_up(void **state)
{
    struct bench *b = mem_zalloc(sizeof *b);

    realrepo_make(&b->r, NOW, NULL);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    realrepo_remove(&b->r);
    mem_free(b);
    return 0;
}

/* One minute later, a backup of the harness's "host"; whether it is complete. */
static bool back_up(struct bench *b, const char *job, uint8_t flags)
{
    const struct backup_options o = { .job = job, .threads = 1, .extra_flags = flags };
    struct backup_result result;
    char path[200];

    b->r.wall_ns += MINUTE;
    snprintf(path, sizeof path, "%s/file%u", b->r.tree, b->files++);
    realtree_write(path, path, strlen(path));
    assert_int_equal(realrepo_backup(&b->r, &o, &result), 0);
    return (catalog_find_snapshot(repo_catalog(b->r.repo), result.id)->commit.flags &
            COMMIT_COMPLETE) != 0;
}

static void open_gap(struct bench *b, struct repo *r, uint8_t out_id[16])
{
    const struct gap_begin begin = {
        .job = "web", .host = "host", .reason = GAPEVENT_OVERFLOW, .begin_ns = b->r.wall_ns
    };
    uint64_t number;

    assert_int_equal(gap_open(r, &begin, out_id, &number), 0);
    assert_int_equal(number, catalog_entry_count(repo_catalog(r)));
}

static const struct catalog_gap *only_gap(const struct bench *b)
{
    assert_int_equal(catalog_gap_count(repo_catalog(b->r.repo)), 1);
    return catalog_gap(repo_catalog(b->r.repo), 0);
}

/* What a time so many minutes after the beginning means. */
static int resolve(struct bench *b, int minutes, struct timeline_resolution *out)
{
    struct timeline *t = NULL;
    struct selector s;
    char text[64] = "at:";
    int rc;

    text_time_utc(NOW + minutes * MINUTE, text + 3);
    assert_int_equal(timeline_new(repo_catalog(b->r.repo), b->r.wall_ns, &t), 0);
    assert_int_equal(selector_parse(text, b->r.wall_ns, &s), 0);
    rc = timeline_resolve(t, &s, out);
    out->found = NULL; /* it was of the timeline */
    selector_release(&s);
    timeline_free(t);
    return rc;
}

static void test_gap_is_open_until_an_event_closes_it(void **state)
{
    struct bench *b = *state;
    const struct catalog_gap *g;
    uint64_t number;
    uint8_t id[16];

    open_gap(b, b->r.repo, id);
    g = only_gap(b);
    assert_memory_equal(g->id, id, 16);
    assert_string_equal(g->job, "web");
    assert_string_equal(g->host, "host");
    assert_int_equal(g->reason, GAPEVENT_OVERFLOW);
    assert_true(g->begin_ns == NOW && g->closed_by == 0);
    assert_int_equal(gap_close(b->r.repo, id, NOW + MINUTE, &number), 0);
    assert_int_equal(g->closed_by, number);
    assert_true(g->end_ns == NOW + MINUTE);
}

static void test_gap_is_remembered_with_and_without_a_cache(void **state)
{
    struct bench *b = *state;
    uint8_t id[16];

    open_gap(b, b->r.repo, id);
    realrepo_reopen(&b->r, false);
    assert_memory_equal(only_gap(b)->id, id, 16);
    realrepo_reopen(&b->r, true);
    assert_memory_equal(only_gap(b)->id, id, 16);
}

static void test_gap_that_another_has_closed_is_closed_without_an_entry(void **state)
{
    struct bench *b = *state;
    struct repo *other = realrepo_other(&b->r);
    uint64_t number;
    uint8_t id[16];

    open_gap(b, b->r.repo, id);
    assert_int_equal(gap_close(other, id, NOW + MINUTE, &number), 0);
    number = 77;
    assert_int_equal(gap_close(b->r.repo, id, NOW + 2 * MINUTE, &number), 0);
    assert_int_equal(number, 0);
    assert_true(only_gap(b)->end_ns == NOW + MINUTE);
    repo_close(other);
}

static void test_gap_that_is_none_can_not_be_closed(void **state)
{
    static const uint8_t id[16] = { 1 };
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(gap_close(b->r.repo, id, NOW, &number), HF_ENO_POINT);
}

static void test_gap_makes_what_is_published_inside_it_incomplete(void **state)
{
    struct bench *b = *state;
    uint64_t number;
    uint8_t id[16];

    assert_true(back_up(b, "web", 0));
    open_gap(b, b->r.repo, id);
    assert_false(back_up(b, "web", 0));
    assert_true(back_up(b, "db", 0)); /* it belongs to one job */
    assert_true(back_up(b, "web", COMMIT_IMPORTED));
    assert_int_equal(gap_close(b->r.repo, id, b->r.wall_ns, &number), 0);
    assert_true(back_up(b, "web", 0));
}

/* The client that backs up has not seen it when it begins: what counts is the tip. */
static void test_gap_counts_at_publication(void **state)
{
    struct bench *b = *state;
    struct repo *other = realrepo_other(&b->r);
    uint8_t id[16];

    open_gap(b, other, id);
    assert_int_equal(catalog_gap_count(repo_catalog(b->r.repo)), 0);
    assert_false(back_up(b, "web", 0));
    repo_close(other);
}

static void test_gap_is_closed_by_a_commit_that_says_so(void **state)
{
    struct timeline_resolution r;
    struct bench *b = *state;
    uint8_t id[16];

    assert_true(back_up(b, "web", 0)); /* minute 1 */
    open_gap(b, b->r.repo, id);
    b->r.wall_ns += 9 * MINUTE;
    assert_int_equal(resolve(b, 10, &r), HF_ENO_POINT);
    assert_true(back_up(b, "web", COMMIT_CLOSES_GAPS)); /* minute 11 */
    assert_int_equal(only_gap(b)->closed_by, catalog_entry_count(repo_catalog(b->r.repo)));
    assert_true(only_gap(b)->end_ns == NOW + 11 * MINUTE);
    assert_int_equal(resolve(b, 1, &r), 0);
    assert_int_equal(resolve(b, 10, &r), HF_ENO_POINT);
    assert_int_equal(resolve(b, 11, &r), 0);
}

/* What was missed after the scan began is missing from it. */
static void test_gap_that_began_during_the_scan_stays_open(void **state)
{
    struct bench *b = *state;
    uint8_t id[16];

    b->r.wall_ns += 2 * MINUTE;
    open_gap(b, b->r.repo, id);
    b->r.wall_ns -= 2 * MINUTE;
    assert_false(back_up(b, "web", COMMIT_CLOSES_GAPS));
    assert_int_equal(only_gap(b)->closed_by, 0);
}

static void test_gap_with_a_name_too_long_is_not_published(void **state)
{
    struct bench *b = *state;
    char *name = mem_alloc(COMMIT_MAX_TEXT + 2);
    const struct gap_begin begin = { .job = name, .host = "a", .reason = GAPEVENT_RESTART };
    uint64_t number;
    uint8_t id[16];

    memset(name, 'x', COMMIT_MAX_TEXT + 1);
    name[COMMIT_MAX_TEXT + 1] = '\0';
    assert_int_equal(gap_open(b->r.repo, &begin, id, &number), HF_ELIMIT);
    assert_int_equal(catalog_gap_count(repo_catalog(b->r.repo)), 0);
    mem_free(name);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_gap_is_open_until_an_event_closes_it),
        CASE(test_gap_is_remembered_with_and_without_a_cache),
        CASE(test_gap_that_another_has_closed_is_closed_without_an_entry),
        CASE(test_gap_that_is_none_can_not_be_closed),
        CASE(test_gap_makes_what_is_published_inside_it_incomplete),
        CASE(test_gap_counts_at_publication),
        CASE(test_gap_is_closed_by_a_commit_that_says_so),
        CASE(test_gap_that_began_during_the_scan_stays_open),
        CASE(test_gap_with_a_name_too_long_is_not_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
