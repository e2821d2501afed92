/*
 * test_text_time.c - moments are read as they were meant, or refused with what they might mean.
 *
 * Time zones are given as rules, so no zone files are needed.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rnd.h"
#include "base/text.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define SAO_PAULO "<-03>3<-02>,M11.1.0/0,M2.3.0/0" /* clocks change at midnight */
#define KIRITIMATI "<+14>-14"
#define LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0" /* by half an hour */

#define NOW (1763719200 * NS_PER_S) /* 2025-11-21T10:00:00Z */

static void set_zone(const char *rules)
{
    assert_int_equal(setenv("TZ", rules, 1), 0);
    tzset();
}

static int tear_down(void **state)
{
    (void)state;
    set_zone("UTC0");
    return 0;
}

static void assert_time(const char *text, int64_t seconds, int64_t ns)
{
    int64_t t;
    int rc = text_parse_time(text, NOW, &t);

    if (rc != 0) {
        fail_msg("%s: %s", text, err_last()->text);
    }
    if (t != seconds * NS_PER_S + ns) {
        fail_msg("%s: %" PRId64 ", expected %" PRId64 ".%09" PRId64, text, t, seconds, ns);
    }
}

static void assert_refused(const char *text, const char *expected)
{
    int64_t t = 99;

    if (text_parse_time(text, NOW, &t) != HF_EUSAGE) {
        fail_msg("%s was taken", text);
    }
    assert_int_equal(err_last()->code, HF_EUSAGE);
    if (strstr(err_last()->text, text) == NULL || strstr(err_last()->text, expected) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", text, err_last()->text, expected);
    }
    assert_true(t == 99);
}

static void test_text_time_reads_rfc_3339(void **state)
{
    (void)state;
    set_zone(BERLIN); /* which must not matter */
    assert_time("1970-01-01T00:00:00Z", 0, 0);
    assert_time("2025-11-21T10:00:00Z", 1763719200, 0);
    assert_time("2025-11-21t10:00:00z", 1763719200, 0);
    assert_time("2025-11-21 10:00:00Z", 1763719200, 0);
    assert_time("2025-11-21T11:00:00+01:00", 1763719200, 0);
    assert_time("2025-11-21T04:30:00-05:30", 1763719200, 0);
    assert_time("2025-11-21T10:00:00-00:00", 1763719200, 0);
    assert_time("2025-11-22T09:59:00+23:59", 1763719200, 0);
    assert_time("2025-11-21T10:00:00.5Z", 1763719200, 500000000);
    assert_time("2025-11-21T10:00:00.000000001+00:00", 1763719200, 1);
    assert_time("1969-12-31T23:59:59.999999999Z", -1, 999999999);
    assert_time("2024-02-29T00:00:00Z", 1709164800, 0);
    assert_time("2000-02-29T00:00:00Z", 951782400, 0);
    assert_time("2261-06-01T00:00:00Z", 9196156800, 0);
}

static void test_text_time_takes_a_leap_second_where_there_can_be_one(void **state)
{
    (void)state;
    assert_time("2016-12-31T23:59:60Z", 1483228800, 0);
    assert_time("2017-01-01T00:59:60.5+01:00", 1483228800, 500000000);
    assert_refused("2016-12-30T23:59:60Z", "calendar");
    assert_refused("2016-12-31T22:59:60Z", "calendar");
    assert_refused("2016-12-31T23:59:61Z", "calendar");
}

static void test_text_time_reads_local_forms(void **state)
{
    (void)state;
    set_zone(BERLIN);
    assert_time("2025-11-21", 1763679600, 0);
    assert_time("2025-11-21 11:00", 1763719200, 0);
    assert_time("2025-11-21 11:00:00", 1763719200, 0);
    assert_time("2025-11-21 11:00:00.25", 1763719200, 250000000);
    assert_time("2025-11-21T11:00:00", 1763719200, 0);
    assert_time("2025-07-01 12:00", 1751364000, 0); /* summer */
    set_zone(KIRITIMATI);
    assert_time("2025-11-22 00:00", 1763719200, 0);
    set_zone("UTC0");
    assert_time("2025-11-21 10:00", 1763719200, 0);
    assert_time("2025-11-21 11:00:00 +01:00", 1763719200, 0);
}

static void test_text_time_reads_moments_relative_to_now(void **state)
{
    (void)state;
    assert_time("now", 1763719200, 0);
    assert_time("-3h", 1763719200 - 3 * 3600, 0);
    assert_time("-1d12h", 1763719200 - 36 * 3600, 0);
    assert_time("+90d", 1763719200 + 90 * 86400, 0);
    assert_time("-0", 1763719200, 0);
    assert_refused("+250y", "2262");
    assert_refused("-", "not a time");
    assert_refused("-3", "not a time");
    assert_refused("--3h", "not a time");
    assert_refused("Now", "not a time");
    assert_refused("now-3h", "not a time");
}

static void test_text_time_refuses_what_is_not_a_time(void **state)
{
    static const char *const bad[] = {
        "",
        " 2025-11-21",
        "2025-11-21 ",
        "2025-11",
        "25-11-21",
        "2025-1-21",
        "2025/11/21",
        "20251121",
        "02025-11-21",
        "2025-11-21T",
        "2025-11-21 10",
        "2025-11-21 10:00:",
        "2025-11-21 10:00:0",
        "2025-11-21 1:00",
        "2025-11-21  10:00",
        "2025-11-21T10:00:00.Z",
        "2025-11-21T10:00:00.1234567890Z",
        "2025-11-21T10:00.5",
        "2025-11-21T10:00:00Zx",
        "2025-11-21T10:00:00+1:00",
        "2025-11-21T10:00:00+01",
        "2025-11-21T10:00:00+0100",
        "2025-11-21T10:00:00+24:00",
        "2025-11-21T10:00:00+01:00:",
        "2025-11-21T10:00:00+01:00:60",
        "2025-11-21T10:00:00+01:60",
        "2025-11-21T10:00:00 ",
        "2025-11-21Z",
        "2025-11-21T10:00:00 CET",
        "-2025-11-21",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(bad[i], "not a time");
    }
}

static void test_text_time_refuses_days_and_hours_that_the_calendar_has_not(void **state)
{
    static const char *const bad[] = {
        "2025-00-01",       "2025-13-01",       "2025-01-00",          "2025-01-32",
        "2025-04-31",       "2025-02-29",       "1900-02-29",          "2100-02-29",
        "2025-01-01 24:00", "2025-01-01 10:60", "2025-01-01 10:00:61",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(bad[i], "calendar");
    }
}

static void test_text_time_reaches_exactly_as_far_as_nanoseconds_do(void **state)
{
    int64_t t;

    (void)state;
    assert_int_equal(text_parse_time("1677-09-21T00:12:43.145224192Z", NOW, &t), 0);
    assert_true(t == INT64_MIN);
    assert_int_equal(text_parse_time("2262-04-11T23:47:16.854775807Z", NOW, &t), 0);
    assert_true(t == INT64_MAX);
    assert_refused("1677-09-21T00:12:43.145224191Z",
                   "out of range: 1677-09-21T00:12:43.145224192Z to 2262");
    assert_refused("2262-04-11T23:47:16.854775808Z", "out of range");
    assert_refused("2262-04-11T23:47:17Z", "out of range");
    assert_refused("0000-01-01", "out of range");
    assert_refused("0001-01-01T00:00:00Z", "out of range");
    assert_refused("9999-12-31T23:59:59Z", "out of range");
    assert_refused("1677-01-01", "out of range");
    assert_refused("2262-12-31", "out of range");
    assert_int_equal(text_parse_time("-1s", INT64_MIN, &t), HF_EUSAGE);
    assert_int_equal(text_parse_time("-1s", INT64_MIN + NS_PER_S, &t), 0);
    assert_true(t == INT64_MIN);

    /* Even where summer time would begin on that day. */
    set_zone(BERLIN);
    assert_refused("2262-03-30 02:30", "2262-03-30 03:30:00 +02:00");
    assert_refused("2263-03-29 02:30", "out of range");
}

static void test_text_time_names_both_meanings_of_a_local_time_that_was_twice(void **state)
{
    (void)state;
    set_zone(BERLIN);
    assert_refused("2025-10-26 02:30", "2025-10-26 02:30:00 +02:00 or 2025-10-26 02:30:00 +01:00");
    assert_refused("2025-10-26 02:00", "twice");
    assert_refused("2025-10-26 02:59:59.999", "twice");
    assert_time("2025-10-26 01:59:59", 1761436799, 0);
    assert_time("2025-10-26 03:00:00", 1761444000, 0);
    /* What the message offers is understood. */
    assert_time("2025-10-26 02:30:00 +02:00", 1761438600, 0);
    assert_time("2025-10-26 02:30:00 +01:00", 1761442200, 0);

    set_zone(SAO_PAULO);
    assert_refused("2018-02-17 23:30", "2018-02-17 23:30:00 -02:00 or 2018-02-17 23:30:00 -03:00");
    assert_time("2018-02-18", 1518922800, 0);
    set_zone(LORD_HOWE);
    assert_refused("2025-04-06 01:45", "2025-04-06 01:45:00 +11:00 or 2025-04-06 01:45:00 +10:30");
    assert_time("2025-04-06 01:29", 1743863340, 0);
}

static void test_text_time_names_what_lies_around_a_local_time_that_never_was(void **state)
{
    (void)state;
    set_zone(BERLIN);
    assert_refused("2025-03-30 02:30", "2025-03-30 01:30:00 +01:00 or 2025-03-30 03:30:00 +02:00");
    assert_refused("2025-03-30 02:00", "never was");
    assert_time("2025-03-30 01:59:59", 1743296399, 0);
    assert_time("2025-03-30 03:00:00", 1743296400, 0);
    set_zone(SAO_PAULO);
    assert_refused("2018-11-04", "2018-11-03 23:00:00 -03:00 or 2018-11-04 01:00:00 -02:00");
    assert_time("2018-11-04 01:00", 1541300400, 0);
}

static void test_text_time_shows_utc_to_the_nanosecond(void **state)
{
    char out[TEXT_TIME_BYTES];

    (void)state;
    set_zone(BERLIN);
    assert_string_equal(text_time_utc(0, out), "1970-01-01T00:00:00.000000000Z");
    assert_string_equal(text_time_utc(NOW + 7, out), "2025-11-21T10:00:00.000000007Z");
    assert_string_equal(text_time_utc(-1, out), "1969-12-31T23:59:59.999999999Z");
    assert_string_equal(text_time_utc(INT64_MIN, out), "1677-09-21T00:12:43.145224192Z");
    assert_string_equal(text_time_utc(INT64_MAX, out), "2262-04-11T23:47:16.854775807Z");
}

static void test_text_time_shows_local_time_with_its_offset(void **state)
{
    char out[TEXT_TIME_BYTES];

    (void)state;
    set_zone(BERLIN);
    assert_string_equal(text_time_local(NOW, out), "2025-11-21 11:00:00 +01:00");
    assert_string_equal(text_time_local(1751364000 * NS_PER_S, out), "2025-07-01 12:00:00 +02:00");
    set_zone("<-0330>3:30");
    assert_string_equal(text_time_local(NOW, out), "2025-11-21 06:30:00 -03:30");
    assert_string_equal(text_time_local(-1, out), "1969-12-31 20:29:59 -03:30");
    set_zone("LMT-0:53:28");
    assert_string_equal(text_time_local(0, out), "1970-01-01 00:53:28 +00:53:28");
    set_zone(KIRITIMATI);
    assert_string_equal(text_time_local(INT64_MAX, out), "2262-04-12 13:47:16 +14:00");
    assert_string_equal(text_time_local(INT64_MIN, out), "1677-09-21 14:12:43 +14:00");
}

static void test_text_time_round_trip_of_random_moments(void **state)
{
    static const char *const zones[] = { "UTC0",     BERLIN,    SAO_PAULO,
                                         KIRITIMATI, LORD_HOWE, "LMT-0:53:28" };
    /* When clocks were set back in Berlin, in Sao Paulo, on Lord Howe. */
    static const int64_t changes[] = { 1761440400, 1518919200, 1743865200 };
    const uint64_t seed = 20261121;
    struct rnd r;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    rnd_init_seeded(&r, seed);
    for (size_t z = 0; z < sizeof zones / sizeof *zones; z++) {
        set_zone(zones[z]);
        for (int i = 0; i < 3000; i++) {
            char text[TEXT_TIME_BYTES];
            int64_t t = (int64_t)rnd_u64(&r) >> rnd_below(&r, 4);
            int64_t back;
            if (i % 4 == 0) {
                t = (changes[i % 3] - 7200 + (int64_t)rnd_below(&r, 14400)) * NS_PER_S;
            }
            assert_int_equal(text_parse_time(text_time_utc(t, text), NOW, &back), 0);
            assert_true(back == t);

            t = t / NS_PER_S * NS_PER_S;
            assert_int_equal(text_parse_time(text_time_local(t, text), NOW, &back), 0);
            assert_true(back == t);

            /* Without its offset the text means the same, or says that it may mean this as well. */
            char with_offset[TEXT_TIME_BYTES];
            memcpy(with_offset, text, sizeof text);
            text[strlen("2025-11-21 11:00:00")] = '\0';
            if (text_parse_time(text, NOW, &back) == 0) {
                assert_true(back == t);
            } else {
                assert_non_null(strstr(err_last()->text, with_offset));
            }
        }
    }
}

/* Every minute around each change of clocks, against what mktime(3) makes of it. */
static void test_text_time_agrees_with_the_system_around_changes(void **state)
{
    static const struct {
        const char *zone;
        int64_t change;
        int shift_minutes; /* forward, or back if negative */
    } cases[] = {
        { BERLIN, 1743296400, 60 },     { BERLIN, 1761440400, -60 },
        { SAO_PAULO, 1541300400, 60 },  { SAO_PAULO, 1518919200, -60 },
        { LORD_HOWE, 1743865200, -30 }, { LORD_HOWE, 1759591800, 30 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int refused = 0;
        set_zone(cases[i].zone);
        time_t before = (time_t)(cases[i].change - 1);
        struct tm base;
        localtime_r(&before, &base);
        for (int minute = -180; minute <= 180; minute++) {
            struct tm fields = base;
            char text[64];
            int64_t t;
            fields.tm_isdst = 0;
            fields.tm_sec = 0;
            fields.tm_min += minute;
            /* As UTC, whose days have no changes, to carry minutes over into hours and days. */
            time_t wall = timegm(&fields);
            gmtime_r(&wall, &fields);
            strftime(text, sizeof text, "%Y-%m-%d %H:%M", &fields);
            if (text_parse_time(text, NOW, &t) != 0) {
                refused++;
                continue;
            }
            fields.tm_isdst = -1;
            assert_true(t == (int64_t)mktime(&fields) * NS_PER_S);
        }
        assert_int_equal(refused, abs(cases[i].shift_minutes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_text_time_reads_rfc_3339, tear_down),
        cmocka_unit_test(test_text_time_takes_a_leap_second_where_there_can_be_one),
        cmocka_unit_test_teardown(test_text_time_reads_local_forms, tear_down),
        cmocka_unit_test(test_text_time_reads_moments_relative_to_now),
        cmocka_unit_test(test_text_time_refuses_what_is_not_a_time),
        cmocka_unit_test(test_text_time_refuses_days_and_hours_that_the_calendar_has_not),
        cmocka_unit_test_teardown(test_text_time_reaches_exactly_as_far_as_nanoseconds_do,
                                  tear_down),
        cmocka_unit_test_teardown(test_text_time_names_both_meanings_of_a_local_time_that_was_twice,
                                  tear_down),
        cmocka_unit_test_teardown(test_text_time_names_what_lies_around_a_local_time_that_never_was,
                                  tear_down),
        cmocka_unit_test_teardown(test_text_time_shows_utc_to_the_nanosecond, tear_down),
        cmocka_unit_test_teardown(test_text_time_shows_local_time_with_its_offset, tear_down),
        cmocka_unit_test_teardown(test_text_time_round_trip_of_random_moments, tear_down),
        cmocka_unit_test_teardown(test_text_time_agrees_with_the_system_around_changes, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
