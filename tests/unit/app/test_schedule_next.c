/*
 * test_schedule_next.c - the next time of a calendar expression, by local clocks, and when a point
 * has become too old.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "app/schedule_next.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

static int64_t at(const char *text)
{
    int64_t ns = 0;

    assert_int_equal(text_parse_time(text, 0, &ns), 0);
    return ns;
}

static void zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

static void expect_next(const char *calendar, const char *after, const char *next)
{
    char shown[TEXT_TIME_BYTES];
    int64_t ns = 0;
    int rc = schedule_next(calendar, at(after), &ns);

    if (rc != 0 || ns != at(next)) {
        fail_msg("%s after %s -> %d: %s instead of %s", calendar, after, rc,
                 text_time_local(ns, shown), next);
    }
}

static void test_schedule_next_is_the_first_time_after(void **state)
{
    (void)state;
    zone("UTC");
    expect_next("*-*-* 02:00:00", "2026-11-21 01:59:59", "2026-11-21 02:00:00");
    expect_next("*-*-* 02:00:00", "2026-11-21 02:00:00", "2026-11-22 02:00:00");
    expect_next("daily", "2026-12-31 00:00:01", "2027-01-01 00:00:00");
    expect_next("hourly", "2026-11-21 02:00:30", "2026-11-21 03:00:00");
    expect_next("weekly", "2026-11-21 12:00:00", "2026-11-23 00:00:00");
    expect_next("monthly", "2026-11-21 12:00:00", "2026-12-01 00:00:00");
    expect_next("yearly", "2026-11-21 12:00:00", "2027-01-01 00:00:00");
    expect_next("*:0/15", "2026-11-21 12:31:00", "2026-11-21 12:45:00");
    expect_next("Mon..Fri 22:15", "2026-11-20 22:15:00", "2026-11-23 22:15:00");
    expect_next("Sat,Sun *-*-* 08..18/2:00", "2026-11-21 08:00:00", "2026-11-21 10:00:00");
    expect_next("Fri..Sun 00:00", "2026-11-21 00:00:00", "2026-11-22 00:00:00");
    expect_next("*-02-29 03:30", "2026-11-21 00:00:00", "2028-02-29 03:30:00");
    expect_next("*-*-01,15 06:00", "2026-11-02 00:00:00", "2026-11-15 06:00:00");
}

static void test_schedule_next_follows_local_clocks_through_their_changes(void **state)
{
    (void)state;
    zone("Europe/Berlin");
    expect_next("*-*-* 02:00:00", "2026-10-24T12:00:00+02:00", "2026-10-25T02:00:00+02:00");
    expect_next("*-*-* 12:00:00", "2026-10-24T12:00:00+02:00", "2026-10-25T12:00:00+01:00");
    expect_next("*-*-* 12:00:00", "2026-03-28T12:00:00+01:00", "2026-03-29T12:00:00+02:00");
    expect_next("hourly", "2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00");
    zone("Asia/Kolkata");
    expect_next("hourly", "2026-11-21T12:40:00+05:30", "2026-11-21T13:00:00+05:30");
    zone("UTC");
}

static void test_schedule_next_asks_systemd_or_says_that_it_can_not_tell(void **state)
{
    int64_t ns = 0;
    int rc;

    (void)state;
    rc = schedule_next("*-*~01 02:00:30", at("2026-11-21 12:00:00"), &ns);
    if (rc == 0) { /* there is a systemd-analyze */
        assert_int_equal(ns, at("2026-11-30 02:00:30"));
    } else {
        assert_int_equal(rc, HF_EUNSUPPORTED);
    }
    setenv("PATH", "/nowhere", 1);
    assert_int_equal(schedule_next("*-*~01 02:00:30", at("2026-11-21 12:00:00"), &ns),
                     HF_EUNSUPPORTED);
    assert_non_null(strstr(err_last()->text, "more than can be worked out here"));
    assert_int_equal(schedule_next("*-02-30 02:00", at("2026-11-21 12:00:00"), &ns),
                     HF_EUNSUPPORTED);
    assert_non_null(strstr(err_last()->text, "never comes"));
}

static void expect_due(const char *calendar, const char *point, const char *due)
{
    char shown[TEXT_TIME_BYTES];
    int64_t ns = 0;
    int rc = schedule_next_due(calendar, at(point), &ns);

    if (rc != 0 || ns != at(due)) {
        fail_msg("%s, %s -> %d: %s instead of %s", calendar, point, rc, text_time_local(ns, shown),
                 due);
    }
}

static void test_schedule_next_due_leaves_time_for_a_run(void **state)
{
    int64_t ns;

    (void)state;
    expect_due("*-*-* 02:00:00", "2026-11-21 02:03:00", "2026-11-22 04:24:00");
    expect_due("*:0/15", "2026-11-21 12:01:00", "2026-11-21 12:30:00");
    expect_due("monthly", "2026-11-01 00:30:00", "2026-12-01 12:00:00");
    setenv("PATH", "/nowhere", 1);
    assert_int_equal(schedule_next_due("*-*~01 02:00:30", at("2026-11-21 12:00:00"), &ns),
                     HF_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule_next_is_the_first_time_after),
        cmocka_unit_test(test_schedule_next_follows_local_clocks_through_their_changes),
        cmocka_unit_test(test_schedule_next_asks_systemd_or_says_that_it_can_not_tell),
        cmocka_unit_test(test_schedule_next_due_leaves_time_for_a_run),
    };

    return cmocka_run_group_tests_name("schedule_next", tests, NULL, NULL);
}
