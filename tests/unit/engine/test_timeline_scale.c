/*
 * test_timeline_scale.c - a hundred thousand points: what a question costs does not grow with
 * them where it need not. Counted, not timed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/retention.h"
#include "engine/timeline.h"

#define MINUTE ((int64_t)60 * NS_PER_S)

static char host[] = "a", path[] = "/srv";
static char *paths[] = { path };
static char jobs[4][8] = { "web", "db", "mail", "log" };

struct archive {
    struct catalog_snapshot *snapshots;
    const struct catalog_snapshot **list;
    size_t count;
    int64_t now_ns;
    struct timeline *timeline;
};

static void make(struct archive *a, size_t count)
{
    a->count = count;
    a->now_ns = (int64_t)count * MINUTE;
    a->snapshots = mem_array(count, sizeof *a->snapshots);
    a->list = mem_array(count, sizeof *a->list);
    assert_non_null(a->snapshots);
    assert_non_null(a->list);
    for (size_t i = 0; i < count; i++) {
        struct catalog_snapshot *s = &a->snapshots[i];

        s->number = 2 + i;
        memcpy(s->id, &i, sizeof i);
        s->commit.job = jobs[i % 4];
        s->commit.host = host;
        s->commit.paths = paths;
        s->commit.path_count = 1;
        s->commit.flags = COMMIT_COMPLETE;
        s->commit.end_ns = (int64_t)i * MINUTE;
        a->list[i] = s;
    }
    assert_int_equal(timeline_of(a->list, count, a->now_ns, &a->timeline), 0);
}

static void release(struct archive *a)
{
    timeline_free(a->timeline);
    mem_free(a->list);
    mem_free(a->snapshots);
}

/* How often memory is asked for to answer this. */
static uint64_t cost_of(const struct archive *a, const char *text, uint64_t expected)
{
    struct timeline_resolution r;
    struct selector s;
    uint64_t before;

    assert_int_equal(selector_parse(text, a->now_ns, &s), 0);
    before = mem_alloc_count();
    assert_int_equal(timeline_resolve(a->timeline, &s, &r), 0);
    before = mem_alloc_count() - before;
    selector_release(&s);
    assert_int_equal(r.found->snapshot->number, expected);
    return before;
}

static void test_timeline_answers_without_listing_all_points(void **state)
{
    static const size_t counts[] = { 100, 100000 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct archive a = { .count = 0 };
        uint64_t last = 1 + counts[i];

        make(&a, counts[i]);
        assert_int_equal(cost_of(&a, "latest", last), 1);
        assert_int_equal(cost_of(&a, "at:now", last), 1);
        assert_int_equal(cost_of(&a, "at:-50m", last - 49), 1);
        assert_int_equal(cost_of(&a, "job:db,before:-10m", counts[i] - 9), 1);
        assert_int_equal(cost_of(&a, "#7", 7), 1);
        assert_int_equal(cost_of(&a, "job:web", last - 3), 1);
        assert_int_equal(cost_of(&a, "latest~5", last - 5), 4);
        release(&a);
    }
}

static void test_retention_of_many_points_asks_for_little_memory(void **state)
{
    const struct retention_policy policy = { .keep[RETENTION_HOUR] = 100,
                                             .keep[RETENTION_DAY] = 30,
                                             .group_by = RETENTION_BY_JOB };
    struct archive a = { .count = 0 };
    struct retention_plan plan;
    struct timeline_list all;
    uint64_t before;

    (void)state;
    make(&a, 100000);
    assert_int_equal(timeline_select(a.timeline, NULL, 0, TIMELINE_LIVE, true, &all), 0);
    before = mem_alloc_count();
    assert_int_equal(retention_plan(&policy, &all, a.now_ns, &plan), 0);
    assert_true(mem_alloc_count() - before < 200); /* blocks of the arena; none for each point */
    assert_int_equal(plan.group_count, 4);
    assert_true(plan.kept < 4 * 130);
    retention_plan_release(&plan);
    timeline_list_release(&all);
    release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeline_answers_without_listing_all_points),
        cmocka_unit_test(test_retention_of_many_points_asks_for_little_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
