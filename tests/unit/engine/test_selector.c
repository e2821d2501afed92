/*
 * test_selector.c - what is a selector, what it says, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/nearest.h"
#include "engine/selector.h"

#define NOW (1000000 * NS_PER_S)

static void expect_refused(const char *text, const char *said)
{
    struct selector s;

    assert_int_equal(selector_parse(text, NOW, &s), HF_EUSAGE);
    if (strstr(err_last()->text, said) == NULL) {
        fail_msg("\"%s\": \"%s\" does not say \"%s\"", text, err_last()->text, said);
    }
}

static void test_selector_reads_each_position(void **state)
{
    static const struct {
        const char *text;
        enum selector_position position;
        uint64_t n;
        int64_t time_ns;
        const char *id;
    } rows[] = {
        { "latest", SELECTOR_LATEST, 0, 0, "" },
        { "latest~3", SELECTOR_LATEST, 3, 0, "" },
        { "#42", SELECTOR_NUMBER, 42, 0, "" },
        { "at:1970-01-01T00:00:05Z", SELECTOR_AT, 0, 5 * NS_PER_S, "" },
        { "before:now", SELECTOR_BEFORE, 0, NOW, "" },
        { "at:-3h", SELECTOR_AT, 0, NOW - 3 * 3600 * NS_PER_S, "" },
        { "at:9999-12-31", SELECTOR_AT, 0, INT64_MAX, "" },
        { "before:1066-10-14T09:00:00Z", SELECTOR_BEFORE, 0, INT64_MIN, "" },
        { "abcdef", SELECTOR_ID, 0, 0, "abcdef" },
        { "0123456789ABCDEF0123456789abcdef", SELECTOR_ID, 0, 0,
          "0123456789abcdef0123456789abcdef" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selector s;

        assert_int_equal(selector_parse(rows[i].text, NOW, &s), 0);
        assert_int_equal(s.position, rows[i].position);
        assert_int_equal(s.n, rows[i].n);
        assert_int_equal(s.time_ns, rows[i].time_ns);
        assert_string_equal(s.id, rows[i].id);
        assert_string_equal(s.asked, rows[i].text);
        assert_int_equal(s.filter_count, 0);
        selector_release(&s);
    }
}

static void test_selector_reads_filters_and_a_position_in_any_order(void **state)
{
    struct selector s;

    (void)state;
    assert_int_equal(selector_parse("job:web,latest~1,host:a,tag:x:y,path:/srv//www/", NOW, &s), 0);
    assert_int_equal(s.position, SELECTOR_LATEST);
    assert_int_equal(s.filter_count, 4);
    assert_int_equal(s.filters[0].field, SELECTOR_JOB);
    assert_string_equal(s.filters[0].value, "web");
    assert_int_equal(s.filters[1].field, SELECTOR_HOST);
    assert_int_equal(s.filters[2].field, SELECTOR_TAG);
    assert_string_equal(s.filters[2].value, "x:y");
    assert_int_equal(s.filters[3].field, SELECTOR_PATH);
    assert_string_equal(s.filters[3].value, "/srv/www");
    selector_release(&s);
}

static void test_selector_filters_alone_are_no_position(void **state)
{
    struct selector s;

    (void)state;
    assert_int_equal(selector_parse("tag:t", NOW, &s), 0);
    assert_int_equal(s.position, SELECTOR_ALL);
    selector_release(&s);
}

static void test_selector_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    expect_refused("", "does not name a snapshot");
    expect_refused("lastest", "does not name a snapshot");
    expect_refused("latest~", "");
    expect_refused("latest~x", "");
    expect_refused("latestx", "does not name a snapshot");
    expect_refused("abcde", "6 to 32 are needed");
    expect_refused("0123456789abcdef0123456789abcdef0", "6 to 32 are needed");
    expect_refused("#", "");
    expect_refused("#-1", "");
    expect_refused("at:yesterday", "yesterday");
    expect_refused("at:9999-13-31", "9999-13-31");
    expect_refused("jobs:web", "does not name a snapshot");
    expect_refused("job:", "empty");
    expect_refused("job:web,", "does not name a snapshot");
}

static void test_selector_refuses_a_second_position(void **state)
{
    struct selector s;

    (void)state;
    expect_refused("latest,#3", "only one");
    expect_refused("at:now,before:now", "only one");
    assert_int_equal(selector_parse("latest", NOW, &s), 0);
    assert_int_equal(selector_set_at(&s, "now", NOW), HF_EUSAGE);
    selector_release(&s);
}

static void test_selector_takes_options_as_well(void **state)
{
    struct selector s;

    (void)state;
    assert_int_equal(selector_init(&s), 0);
    assert_int_equal(s.position, SELECTOR_ALL);
    assert_int_equal(selector_add_filter(&s, SELECTOR_JOB, "a,b"), 0);
    assert_int_equal(selector_set_at(&s, "now", NOW), 0);
    assert_int_equal(s.position, SELECTOR_AT);
    assert_string_equal(s.filters[0].value, "a,b");
    assert_string_equal(s.asked, "job:a,b,at:now");
    assert_int_equal(selector_add_filter(&s, SELECTOR_TAG, ""), HF_EUSAGE);
    selector_release(&s);
}

static void test_selector_survives_every_lack_of_memory(void **state)
{
    struct selector s;
    int rc = HF_ENOMEM;

    (void)state;
    for (uint64_t nth = 1; rc == HF_ENOMEM; nth++) {
        assert_true(nth < 100);
        mem_fail_at(nth, 0);
        rc = selector_parse("job:web,host:a,path:/x,latest", NOW, &s);
        mem_fail_at(0, 0);
    }
    assert_int_equal(rc, 0);
    selector_release(&s);
}

static const char *nearest_of(const char *asked)
{
    static const char *const known[] = { "job", "json", "backup", "ls", "snapshots" };
    struct nearest n;

    nearest_init(&n, asked);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        nearest_offer(&n, known[i]);
    }
    return n.best;
}

static void test_nearest_finds_misspellings_and_nothing_else(void **state)
{
    (void)state;
    assert_string_equal(nearest_of("jbo"), "job");
    assert_string_equal(nearest_of("bakcup"), "backup");
    assert_string_equal(nearest_of("snapshot"), "snapshots");
    assert_string_equal(nearest_of("l"), "ls");
    assert_null(nearest_of("xy"));
    assert_null(nearest_of("restore"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selector_reads_each_position),
        cmocka_unit_test(test_selector_reads_filters_and_a_position_in_any_order),
        cmocka_unit_test(test_selector_filters_alone_are_no_position),
        cmocka_unit_test(test_selector_refuses_what_it_does_not_know),
        cmocka_unit_test(test_selector_refuses_a_second_position),
        cmocka_unit_test(test_selector_takes_options_as_well),
        cmocka_unit_test(test_selector_survives_every_lack_of_memory),
        cmocka_unit_test(test_nearest_finds_misspellings_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
