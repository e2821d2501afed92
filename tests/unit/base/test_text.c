/*
 * test_text.c - what people write is understood or refused, and what is shown can be read back.
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
#include "base/mem.h"
#include "base/rnd.h"
#include "base/text.h"

#define SEED 20261121

static void start(struct rnd *r)
{
    print_message("seed %d\n", SEED);
    rnd_init_seeded(r, SEED);
}

/* The trail quotes the input and says what is possible. */
static void assert_refused(int rc, const char *text, const char *expected)
{
    char quoted[300];

    snprintf(quoted, sizeof quoted, "\"%.200s\"", text);
    assert_int_equal(rc, HF_EUSAGE);
    assert_int_equal(err_last()->code, HF_EUSAGE);
    assert_non_null(strstr(err_last()->text, quoted));
    assert_non_null(strstr(err_last()->text, expected));
}

static void test_text_hex_round_trip(void **state)
{
    uint8_t bytes[64];
    uint8_t back[64];
    char hex[129];
    struct rnd r;

    (void)state;
    start(&r);
    assert_string_equal(text_hex("\x00\x9f\xaB\xff", 4, hex), "009fabff");
    assert_string_equal(text_hex("", 0, hex), "");
    for (size_t len = 0; len <= sizeof bytes; len++) {
        rnd_bytes(&r, bytes, len);
        text_hex(bytes, len, hex);
        assert_int_equal(strlen(hex), 2 * len);
        assert_true(text_unhex(hex, 2 * len, back));
        assert_memory_equal(back, bytes, len);
    }
}

static void test_text_unhex_takes_both_cases_and_nothing_else(void **state)
{
    uint8_t out[4];

    (void)state;
    assert_true(text_unhex("aBcDeF09", 8, out));
    assert_memory_equal(out, "\xab\xcd\xef\x09", 4);
    assert_false(text_unhex("abcd", 3, out));
    static const char *const bad[] = { "0g", "g0", "0/", "0:", "0@",
                                       "0`", " 1", "0x", "-1", "\xc0\xaf" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(text_unhex(bad[i], 2, out));
    }
}

static void test_text_parse_u64_takes_the_whole_range(void **state)
{
    uint64_t v = 0;

    (void)state;
    assert_int_equal(text_parse_u64("0", 0, &v), 0);
    assert_true(v == 0);
    assert_int_equal(text_parse_u64("18446744073709551615", UINT64_MAX, &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(text_parse_u64("007", 10, &v), 0);
    assert_true(v == 7);
}

static void test_text_parse_u64_refuses_what_is_no_number_or_too_large(void **state)
{
    static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "1x", "x", "0x10", "1.0" };
    uint64_t v = 99;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(text_parse_u64(bad[i], UINT64_MAX, &v), bad[i], "whole number");
    }
    assert_refused(text_parse_u64("11", 10, &v), "11", "at most 10");
    assert_refused(text_parse_u64("18446744073709551616", UINT64_MAX, &v), "18446744073709551616",
                   "at most 18446744073709551615");
    assert_refused(text_parse_u64("99999999999999999999999", 5, &v), "99999999999999999999999",
                   "at most 5");
    assert_true(v == 99);
}

static void test_text_parse_size_knows_powers_of_1024(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        { "0", 0 },
        { "4096", 4096 },
        { "17B", 17 },
        { "512K", 512 << 10 },
        { "512k", 512 << 10 },
        { "10M", 10 << 20 },
        { "10MiB", 10 << 20 },
        { "2G", (uint64_t)2 << 30 },
        { "1T", (uint64_t)1 << 40 },
        { "3P", (uint64_t)3 << 50 },
        { "15E", (uint64_t)15 << 60 },
        { "18446744073709551615", UINT64_MAX },
    };
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(text_parse_size(cases[i].text, &v), 0);
        assert_true(v == cases[i].bytes);
    }
}

static void test_text_parse_size_refuses_the_rest(void **state)
{
    static const char *const bad[] = { "",     "K",    "-1",  "1 K", "1KK",   "1X",  "1KB",
                                       "1.5G", "10Mi", "1iB", "1b",  "1MiBs", "0x1", "1K " };
    uint64_t v = 99;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(text_parse_size(bad[i], &v), bad[i], "512K");
    }
    assert_refused(text_parse_size("16E", &v), "16E", "too large");
    assert_refused(text_parse_size("18446744073709551616", &v), "18446744073709551616",
                   "too large");
    assert_true(v == 99);
}

static void test_text_parse_size_round_trip(void **state)
{
    static const char units[] = "KMGTPE";
    struct rnd r;

    (void)state;
    start(&r);
    for (int i = 0; i < 5000; i++) {
        char text[40];
        uint64_t v;
        unsigned unit = (unsigned)rnd_below(&r, 6);
        unsigned shift = 10 * (unit + 1);
        uint64_t n = rnd_below(&r, (UINT64_MAX >> shift) + 1) >> rnd_below(&r, 64 - shift);
        snprintf(text, sizeof text, "%" PRIu64 "%c", n, units[unit]);
        assert_int_equal(text_parse_size(text, &v), 0);
        assert_true(v == n << shift);
    }
}

static void test_text_parse_duration_adds_its_parts(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        { "0", 0 },
        { "0s", 0 },
        { "90s", 90 },
        { "15m", 15 * 60 },
        { "24h", 86400 },
        { "7d", 7 * 86400 },
        { "4w", 28 * 86400 },
        { "6mo", 180 * 86400 },
        { "1y", 365 * 86400 },
        { "1y6mo", (365 + 180) * 86400 },
        { "1mo1m1s", 30 * 86400 + 61 },
        { "292y", 292LL * 365 * 86400 },
    };
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(text_parse_duration(cases[i].text, &ns), 0);
        assert_true(ns == cases[i].seconds * NS_PER_S);
    }
    assert_int_equal(text_parse_duration("1s250ms", &ns), 0);
    assert_true(ns == 1250000000);
}

static void test_text_parse_duration_refuses_the_rest(void **state)
{
    static const char *const bad[] = { "",    "5",   "s",    "1",   "00", "-1s", "1.5h", "1h ",
                                       " 1h", "1 h", "1h30", "1hh", "1x", "1S",  "1mo6", "h1" };
    static const char *const long_ones[] = { "293y", "9223372037s", "18446744073709551616s",
                                             "292y365d", "99999999999999999999999h" };
    int64_t ns = 99;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(text_parse_duration(bad[i], &ns), bad[i], "90s");
    }
    for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++) {
        assert_refused(text_parse_duration(long_ones[i], &ns), long_ones[i], "at most 292y");
    }
    assert_true(ns == 99);
}

static void test_text_parse_duration_round_trip(void **state)
{
    static const char *const units[] = { "y", "mo", "w", "d", "h", "m", "s", "ms" };
    static const int64_t ms[] = { 31536000000, 2592000000, 604800000, 86400000,
                                  3600000,     60000,      1000,      1 };
    struct rnd r;

    (void)state;
    start(&r);
    for (int i = 0; i < 5000; i++) {
        char text[200] = "";
        int len = 0;
        int64_t expected = 0;
        for (size_t u = 0; u < 8; u++) {
            if (len > 0 && rnd_below(&r, 2) == 0) {
                continue;
            }
            int n = (int)rnd_below(&r, 100);
            len += snprintf(text + len, sizeof text - (size_t)len, "%d%s", n, units[u]);
            expected += n * ms[u] * 1000000;
        }
        int64_t ns;
        assert_int_equal(text_parse_duration(text, &ns), 0);
        assert_true(ns == expected);
    }
}

static void test_text_size_shows_one_decimal(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *shown;
    } cases[] = {
        { 0, "0 B" },
        { 1023, "1023 B" },
        { 1024, "1.0 KiB" },
        { 1536, "1.5 KiB" },
        { ((uint64_t)3 << 29), "1.5 GiB" },
        { 1024 * 1024 - 1, "1.0 MiB" },
        { 1024 * 1024 - 52, "1023.9 KiB" },
        { ((uint64_t)1 << 50) - 1, "1.0 PiB" },
        { UINT64_MAX, "16.0 EiB" },
    };
    char out[TEXT_SIZE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(text_size(cases[i].bytes, out), cases[i].shown);
    }
}

static void test_text_duration_shows_two_units(void **state)
{
    static const struct {
        int64_t ns;
        const char *shown;
    } cases[] = {
        { 0, "0 s" },
        { 7, "7 ns" },
        { 12340, "12.34 us" },
        { 250 * 1000000, "250 ms" },
        { NS_PER_S, "1 s" },
        { NS_PER_S * 5 / 4, "1.25 s" },
        { NS_PER_S * 3 / 2, "1.5 s" },
        { NS_PER_S * 201 / 200, "1 s" },
        { NS_PER_S * 101 / 100, "1.01 s" },
        { 60 * NS_PER_S - 1, "59.99 s" },
        { 60 * NS_PER_S, "1m" },
        { 845 * NS_PER_S, "14m 5s" },
        { 3599 * NS_PER_S, "59m 59s" },
        { 3600 * NS_PER_S, "1h" },
        { (51 * 3600 + 59 * 60) * NS_PER_S, "2d 3h" },
        { 86400 * NS_PER_S - 1, "23h 59m" },
        { -845 * NS_PER_S, "-14m 5s" },
        { -1, "-1 ns" },
        { INT64_MIN, "-106751d 23h" },
    };
    char out[TEXT_SIZE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(text_duration(cases[i].ns, out), cases[i].shown);
    }
}

static void test_text_count_groups_by_thousands(void **state)
{
    static const struct {
        uint64_t n;
        const char *shown;
    } cases[] = {
        { 0, "0" },
        { 999, "999" },
        { 1000, "1,000" },
        { 1234567, "1,234,567" },
        { UINT64_MAX, "18,446,744,073,709,551,615" },
    };
    char out[TEXT_SIZE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(text_count(cases[i].n, out), cases[i].shown);
    }
}

static void test_text_long_input_is_quoted_in_part(void **state)
{
    char text[5000];
    uint64_t v;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_refused(text_parse_size(text, &v), text, "512K");
}

static void test_text_distance_counts_single_edits(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        size_t distance;
    } cases[] = {
        { "", "", 0 },
        { "", "abc", 3 },
        { "restore", "restore", 0 },
        { "restor", "restore", 1 },
        { "resstore", "restore", 1 },
        { "rextore", "restore", 1 },
        { "kitten", "sitting", 3 },
        { "flaw", "lawn", 2 },
        { "ab", "ba", 2 },
        { "abcd", "cdab", 4 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t limit = 0; limit < 6; limit++) {
            size_t expected = cases[i].distance <= limit ? cases[i].distance : limit + 1;
            assert_int_equal(text_distance(cases[i].a, cases[i].b, limit), expected);
            assert_int_equal(text_distance(cases[i].b, cases[i].a, limit), expected);
        }
        assert_int_equal(text_distance(cases[i].a, cases[i].b, SIZE_MAX / 4), cases[i].distance);
    }
}

static void test_text_distance_without_memory_is_far(void **state)
{
    (void)state;
    mem_fail_at(1, 0);
    assert_int_equal(text_distance("restore", "restore", 2), 3);
    mem_fail_at(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_hex_round_trip),
        cmocka_unit_test(test_text_unhex_takes_both_cases_and_nothing_else),
        cmocka_unit_test(test_text_parse_u64_takes_the_whole_range),
        cmocka_unit_test(test_text_parse_u64_refuses_what_is_no_number_or_too_large),
        cmocka_unit_test(test_text_parse_size_knows_powers_of_1024),
        cmocka_unit_test(test_text_parse_size_refuses_the_rest),
        cmocka_unit_test(test_text_parse_size_round_trip),
        cmocka_unit_test(test_text_parse_duration_adds_its_parts),
        cmocka_unit_test(test_text_parse_duration_refuses_the_rest),
        cmocka_unit_test(test_text_parse_duration_round_trip),
        cmocka_unit_test(test_text_size_shows_one_decimal),
        cmocka_unit_test(test_text_duration_shows_two_units),
        cmocka_unit_test(test_text_count_groups_by_thousands),
        cmocka_unit_test(test_text_long_input_is_quoted_in_part),
        cmocka_unit_test(test_text_distance_counts_single_edits),
        cmocka_unit_test(test_text_distance_without_memory_is_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
