/*
 * test_retention.c - what the words of a policy mean, case by case; test_retention_oracle.c has
 * the random ones.
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
#include "engine/retention.h"
#include "unit/engine/historykit.h"

static void add(struct history *h, const char *when)
{
    struct catalog_snapshot *s = &h->snapshots[h->count];

    memset(s, 0, sizeof *s);
    s->number = 2 + h->count;
    s->id[0] = (uint8_t)s->number;
    s->commit.job = history_jobs[0];
    s->commit.host = history_hosts[0];
    s->commit.flags = COMMIT_COMPLETE;
    s->commit.tags = h->tags[h->count];
    s->commit.paths = h->paths[h->count];
    assert_int_equal(text_parse_time(when, HISTORY_NOW, &s->commit.end_ns), 0);
    h->list[h->count++] = s;
}

static void plan(const struct history *h, const struct retention_policy *policy,
                 struct retention_plan *out)
{
    struct timeline_list all;
    struct timeline *t;

    assert_int_equal(timeline_of(h->list, h->count, HISTORY_NOW, &t), 0);
    assert_int_equal(timeline_select(t, NULL, 0, TIMELINE_LIVE, true, &all), 0);
    assert_int_equal(retention_plan(policy, &all, HISTORY_NOW, out), 0);
    timeline_list_release(&all);
    timeline_free(t);
}

/* All decisions in words: "2 none; 3 last, daily; ". */
static void expect(const struct history *h, const struct retention_policy *policy,
                   const char *expected)
{
    struct retention_plan p;
    struct buf b;

    buf_init(&b);
    plan(h, policy, &p);
    for (size_t i = 0; i < p.count; i++) {
        buf_printf(&b, "%s%d", i == 0 ? "" : "; ", (int)p.decisions[i].number);
        for (size_t k = 0; k < 16; k++) {
            size_t before = b.len;

            buf_printf(&b, "%s", k == 0 ? " " : ", ");
            if (!retention_put_reason(policy, &p.decisions[i], k, &b)) {
                b.len = before;
                break;
            }
        }
    }
    assert_string_equal(buf_text(&b), expected);
    buf_release(&b);
    retention_plan_release(&p);
}

static void test_retention_counts_an_hour_that_clocks_show_twice_once(void **state)
{
    const struct retention_policy policy = { .keep[RETENTION_HOUR] = 2 };
    struct history h = { .count = 0 };

    (void)state;
    history_set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    add(&h, "2026-10-24T23:30:00Z"); /* 01:30 */
    add(&h, "2026-10-25T00:30:00Z"); /* 02:30 in summer time */
    add(&h, "2026-10-25T01:30:00Z"); /* 02:30 again */
    expect(&h, &policy, "2 hourly; 3; 4 hourly");
    history_set_zone("UTC0");
    expect(&h, &policy, "2; 3 hourly; 4 hourly");
}

static void test_retention_keeps_the_oldest_while_a_rule_wants_more(void **state)
{
    struct retention_policy policy = { .keep[RETENTION_DAY] = 3 };
    struct history h = { .count = 0 };

    (void)state;
    history_set_zone("UTC0");
    add(&h, "2026-11-19T01:00:00Z");
    add(&h, "2026-11-19T02:00:00Z");
    add(&h, "2026-11-20T01:00:00Z");
    expect(&h, &policy, "2 oldest daily; 3 daily; 4 daily");
    policy.keep[RETENTION_DAY] = 2;
    expect(&h, &policy, "2; 3 daily; 4 daily");
    policy.keep[RETENTION_DAY] = RETENTION_UNLIMITED;
    expect(&h, &policy, "2 oldest daily; 3 daily; 4 daily");
}

static void test_retention_within_does_not_count_back_from_a_clock_that_was_ahead(void **state)
{
    const struct retention_policy policy = { .within_ns[RETENTION_EACH] = HISTORY_DAY,
                                             .within_ns[RETENTION_DAY] = 2 * HISTORY_DAY };
    struct history h = { .count = 0 };

    (void)state;
    history_set_zone("UTC0");
    add(&h, "2026-11-17T12:00:00Z");
    add(&h, "2026-11-18T12:00:00Z"); /* a day before the newest: no longer within */
    add(&h, "2026-11-19T12:00:00Z");
    expect(&h, &policy, "2; 3 daily within 2d; 4 within 1d, daily within 2d");
    add(&h, "2063-01-01T00:00:00Z");
    expect(&h, &policy,
           "2; 3 daily within 2d; 4 within 1d, daily within 2d; 5 within 1d, daily within 2d");
}

static void test_retention_keeps_all_within_when_every_point_is_of_the_future(void **state)
{
    const struct retention_policy policy = { .within_ns[RETENTION_EACH] = 1 };
    struct history h = { .count = 0 };

    (void)state;
    add(&h, "2063-01-01T00:00:00Z");
    add(&h, "2064-01-01T00:00:00Z");
    expect(&h, &policy, "2 within 1 ns; 3 within 1 ns");
}

static void test_retention_newest_is_the_order_of_the_journal(void **state)
{
    const struct retention_policy policy = { .keep[RETENTION_EACH] = 1, .keep[RETENTION_YEAR] = 1 };
    struct history h = { .count = 0 };

    (void)state;
    history_set_zone("UTC0");
    add(&h, "2031-01-01T00:00:00Z"); /* the clock was years ahead */
    add(&h, "2026-11-20T12:00:00Z");
    expect(&h, &policy, "2; 3 last, yearly");
}

static void test_retention_groups_by_sets_and_names_them(void **state)
{
    const struct retention_policy policy = { .group_by = RETENTION_GROUP_DEFAULT |
                                                         RETENTION_BY_TAGS };
    struct history h = { .count = 0 };
    struct retention_plan p;
    struct buf b;

    (void)state;
    add(&h, "2026-11-18T00:00:00Z");
    add(&h, "2026-11-19T00:00:00Z");
    h.paths[0][0] = h.paths[1][1] = history_paths[0];
    h.paths[0][1] = h.paths[1][0] = history_paths[1];
    h.snapshots[0].commit.path_count = h.snapshots[1].commit.path_count = 2;
    plan(&h, &policy, &p);
    assert_int_equal(p.group_count, 1);
    buf_init(&b);
    retention_put_group(&p.groups[0], &b);
    assert_string_equal(buf_text(&b), "job web, host a, paths /etc /srv, no tags");
    assert_int_equal(retention_refuse_empty(&p), HF_EUSAGE);
    assert_non_null(strstr(err_last()->text, "keeps none of the 2 snapshots of job web, host a"));
    retention_plan_release(&p);
    buf_clear(&b);
    h.snapshots[1].commit.tags[0] = history_tags[0];
    h.snapshots[1].commit.tag_count = 1;
    plan(&h, &policy, &p);
    assert_int_equal(p.group_count, 2);
    retention_put_group(&p.groups[1], &b);
    assert_string_equal(buf_text(&b), "job web, host a, paths /etc /srv, tags red");
    retention_plan_release(&p);
    buf_release(&b);
}

static void test_retention_without_grouping_is_one_group_of_all_jobs(void **state)
{
    const struct retention_policy policy = { .keep[RETENTION_EACH] = 1 };
    struct history h = { .count = 0 };
    struct retention_plan p;
    struct buf b;

    (void)state;
    add(&h, "2026-11-18T00:00:00Z");
    add(&h, "2026-11-19T00:00:00Z");
    h.snapshots[1].commit.job = history_jobs[1];
    plan(&h, &policy, &p);
    assert_int_equal(p.group_count, 1);
    assert_int_equal(p.kept, 1);
    assert_int_equal(retention_refuse_empty(&p), 0);
    buf_init(&b);
    retention_put_group(&p.groups[0], &b);
    assert_string_equal(buf_text(&b), "all jobs");
    buf_release(&b);
    retention_plan_release(&p);
}

static void test_retention_parses_counts(void **state)
{
    uint64_t n;

    (void)state;
    assert_int_equal(retention_parse_count("12", &n), 0);
    assert_int_equal(n, 12);
    assert_int_equal(retention_parse_count("-1", &n), 0);
    assert_true(n == RETENTION_UNLIMITED);
    assert_int_equal(retention_parse_count("unlimited", &n), 0);
    assert_true(n == RETENTION_UNLIMITED);
    assert_int_equal(retention_parse_count("-2", &n), HF_EUSAGE);
    assert_int_equal(retention_parse_count("", &n), HF_EUSAGE);
    assert_non_null(strstr(err_last()->hint, "unlimited"));
}

static void test_retention_parses_groups(void **state)
{
    unsigned bits;

    (void)state;
    assert_int_equal(retention_parse_group_by("paths,host", &bits), 0);
    assert_int_equal(bits, RETENTION_BY_PATHS | RETENTION_BY_HOST);
    assert_int_equal(retention_parse_group_by("job,tags", &bits), 0);
    assert_int_equal(bits, RETENTION_BY_JOB | RETENTION_BY_TAGS);
    assert_int_equal(retention_parse_group_by("", &bits), 0);
    assert_int_equal(bits, 0);
    assert_int_equal(retention_parse_group_by("none", &bits), 0);
    assert_int_equal(bits, 0);
    assert_int_equal(retention_parse_group_by("hosts", &bits), HF_EUSAGE);
    assert_int_equal(retention_parse_group_by("host,", &bits), HF_EUSAGE);
    assert_int_equal(retention_parse_group_by("host,none", &bits), HF_EUSAGE);
}

static void test_retention_knows_policies_that_keep_nothing(void **state)
{
    struct retention_policy p = { .group_by = RETENTION_GROUP_DEFAULT };

    (void)state;
    assert_false(retention_keeps_any(&p));
    p.within_ns[RETENTION_YEAR] = 1;
    assert_true(retention_keeps_any(&p));
    p.within_ns[RETENTION_YEAR] = 0;
    p.tag_count = 1;
    assert_true(retention_keeps_any(&p));
}

static void test_retention_survives_a_lack_of_memory_anywhere(void **state)
{
    const struct retention_policy policy = {
        .keep[RETENTION_DAY] = 2, .group_by = RETENTION_GROUP_DEFAULT | RETENTION_BY_TAGS
    };
    struct history h = { .count = 0 };
    struct timeline_list all;
    struct retention_plan p;
    struct timeline *t;
    int rc = HF_ENOMEM;

    (void)state;
    add(&h, "2026-11-18T00:00:00Z");
    add(&h, "2026-11-19T00:00:00Z");
    assert_int_equal(timeline_of(h.list, h.count, HISTORY_NOW, &t), 0);
    assert_int_equal(timeline_select(t, NULL, 0, TIMELINE_LIVE, true, &all), 0);
    for (uint64_t n = 1; rc != 0; n++) {
        mem_fail_at(n, 0);
        rc = retention_plan(&policy, &all, HISTORY_NOW, &p);
        mem_fail_at(0, 0);
        assert_true(rc == 0 || (rc == HF_ENOMEM && p.decisions == NULL));
        assert_true(n < 100);
    }
    assert_int_equal(p.kept, 2);
    retention_plan_release(&p);
    timeline_list_release(&all);
    timeline_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retention_counts_an_hour_that_clocks_show_twice_once),
        cmocka_unit_test(test_retention_keeps_the_oldest_while_a_rule_wants_more),
        cmocka_unit_test(test_retention_within_does_not_count_back_from_a_clock_that_was_ahead),
        cmocka_unit_test(test_retention_keeps_all_within_when_every_point_is_of_the_future),
        cmocka_unit_test(test_retention_newest_is_the_order_of_the_journal),
        cmocka_unit_test(test_retention_groups_by_sets_and_names_them),
        cmocka_unit_test(test_retention_without_grouping_is_one_group_of_all_jobs),
        cmocka_unit_test(test_retention_parses_counts),
        cmocka_unit_test(test_retention_parses_groups),
        cmocka_unit_test(test_retention_survives_a_lack_of_memory_anywhere),
        cmocka_unit_test(test_retention_knows_policies_that_keep_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
