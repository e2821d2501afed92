/*
 * test_json.c - what is written is JSON, whatever the names and the nesting; and results that can't
 * be written are noticed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/json.h"
#include "app/table.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

/* An out that is never flushed, so that what was written can be looked at. */
struct paper {
    struct out out;
    struct json json;
};

static void paper_init(struct paper *p)
{
    out_init(&p->out, -1);
    json_init(&p->json, &p->out);
}

static void expect_text(struct paper *p, const char *text)
{
    assert_string_equal(buf_text(&p->out.pending), text);
    out_release(&p->out);
}

static void test_json_document_begins_with_its_schema(void **state)
{
    struct paper p;

    (void)state;
    paper_init(&p);
    json_document(&p.json, "ls");
    json_number(&p.json, "n", 18446744073709551615u);
    json_bool(&p.json, "yes", true);
    json_null(&p.json, "nothing");
    json_text(&p.json, "none", NULL);
    json_end_object(&p.json);
    expect_text(&p, "{\"schema\":\"holdfast/ls/1\",\"n\":18446744073709551615,\"yes\":true,"
                    "\"nothing\":null,\"none\":null}\n");
}

static void test_json_puts_commas_where_they_belong(void **state)
{
    struct paper p;

    (void)state;
    paper_init(&p);
    json_object(&p.json, NULL);
    json_array(&p.json, "a");
    json_end_array(&p.json);
    json_array(&p.json, "b");
    json_number(&p.json, NULL, 1);
    json_object(&p.json, NULL);
    json_text(&p.json, "c", "d");
    json_end_object(&p.json);
    json_number(&p.json, NULL, 2);
    json_end_array(&p.json);
    json_end_object(&p.json);
    json_object(&p.json, NULL);
    json_end_object(&p.json);
    expect_text(&p, "{\"a\":[],\"b\":[1,{\"c\":\"d\"},2]}\n{}\n");
}

static void test_json_escapes_text(void **state)
{
    struct paper p;

    (void)state;
    paper_init(&p);
    json_text(&p.json, NULL, "a\"b\\c\n\x01/\xc3\xa9");
    expect_text(&p, "\"a\\\"b\\\\c\\n\\u0001/\xc3\xa9\"\n");
}

static void test_json_name_that_is_no_text_has_its_bytes_beside_it(void **state)
{
    struct paper p;

    (void)state;
    paper_init(&p);
    json_object(&p.json, NULL);
    json_name(&p.json, "path", "/\xff", 2);
    json_name(&p.json, "user", "web", 3);
    json_end_object(&p.json);
    expect_text(&p, "{\"path\":\"/\xef\xbf\xbd\",\"path_b64\":\"L/8=\",\"user\":\"web\"}\n");
}

static void test_json_times_and_durations(void **state)
{
    const uint8_t id[] = { 0x0a, 0xff };
    struct paper p;

    (void)state;
    paper_init(&p);
    json_object(&p.json, NULL);
    json_time(&p.json, "t", 1500000000123456789);
    json_seconds(&p.json, "s", 61 * NS_PER_S + 5);
    json_seconds(&p.json, "m", -1);
    json_seconds(&p.json, "x", INT64_MIN);
    json_hex(&p.json, "id", id, sizeof id);
    json_end_object(&p.json);
    expect_text(&p, "{\"t\":\"2017-07-14T02:40:00.123456789Z\",\"s\":61.000000005,"
                    "\"m\":-0.000000001,\"x\":-9223372036.854775808,\"id\":\"0aff\"}\n");
}

static void test_out_reports_a_full_disk(void **state)
{
    struct out o;

    (void)state;
    out_init(&o, open("/dev/full", O_WRONLY));
    out_text(&o, "x");
    assert_int_equal(out_finish(&o, "the result"), HF_ENOSPC);
    assert_non_null(strstr(err_last()->text, "could not write the result"));
    assert_true(out_gone(&o));
    close(o.fd);
    out_release(&o);
}

static void test_out_reports_a_descriptor_that_is_closed(void **state)
{
    struct out o;

    (void)state;
    out_init(&o, 1000);
    out_text(&o, "x");
    assert_int_equal(out_finish(&o, "the result"), HF_EIO);
    out_release(&o);
}

static void test_out_bears_a_reader_that_went_away(void **state)
{
    int pair[2];
    struct out o;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(pair), 0);
    close(pair[0]);
    out_init(&o, pair[1]);
    out_text(&o, "x");
    assert_int_equal(out_finish(&o, "the result"), 0);
    assert_true(out_gone(&o));
    close(pair[1]);
    out_release(&o);
}

/* What memory has run out for must be said without any; and no character is cut in two. */
static void test_out_and_json_need_no_memory(void **state)
{
    char name[600], written[1400];
    int pair[2];
    struct paper p;
    ssize_t got;

    (void)state;
    memset(name, 'a', 300);
    for (size_t i = 1; i + 1 < 300; i += 2) {
        memcpy(name + i, "\xc3\xa4", 2);
    }
    memcpy(name + 299, "\n", 2);
    assert_int_equal(pipe(pair), 0);
    paper_init(&p);
    p.out.fd = pair[1];
    err_raise(HF_EIO, "the cause");
    mem_fail_at(1, 1);
    out_printf(&p.out, "%d ", 7);
    out_shown(&p.out, name, strlen(name));
    json_object(&p.json, NULL);
    json_text(&p.json, "k", name);
    json_end_object(&p.json);
    mem_fail_at(0, 0);
    assert_string_equal(err_last()->text, "the cause");
    assert_int_equal(out_finish(&p.out, "the result"), 0);
    close(pair[1]);
    got = read(pair[0], written, sizeof written - 1);
    close(pair[0]);
    assert_true(got > 0);
    written[got] = '\0';
    out_release(&p.out);

    paper_init(&p);
    out_printf(&p.out, "7 ");
    out_shown(&p.out, name, strlen(name));
    json_object(&p.json, NULL);
    json_text(&p.json, "k", name);
    json_end_object(&p.json);
    expect_text(&p, written);
}

static void test_out_says_what_it_had_no_memory_to_format(void **state)
{
    char text[600];
    struct out o;

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    out_init(&o, -1);
    mem_fail_at(1, 1);
    out_printf(&o, "%s", text);
    mem_fail_at(0, 0);
    assert_int_equal(out_finish(&o, "the result"), HF_ENOMEM);
    out_release(&o);
}

static void test_out_formats_what_is_longer_than_its_first_guess(void **state)
{
    char text[2000];
    struct out o;

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    out_init(&o, -1);
    out_printf(&o, "<%s>", text);
    assert_int_equal(o.pending.len, sizeof text + 1);
    assert_int_equal(o.pending.data[0], '<');
    assert_int_equal(o.pending.data[sizeof text], '>');
    out_release(&o);
}

static void test_table_columns_are_as_wide_as_they_must_be(void **state)
{
    static const char *const titles[] = { ">n", "name", "last" };
    struct paper p;
    struct table t;

    (void)state;
    paper_init(&p);
    table_init(&t, titles, 3);
    table_cell(&t, "%d", 1000);
    table_name(&t, "\xc3\xa9\n", 3);
    table_cell(&t, "x");
    table_cell(&t, "%d", 7);
    table_name(&t, "abcdefg", 7);
    table_cell(&t, "%s", "");
    table_print(&t, &p.out);
    table_release(&t);
    expect_text(&p, "   n  name     last\n"
                    "1000  \xc3\xa9\\x0a    x\n"
                    "   7  abcdefg  \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_document_begins_with_its_schema),
        cmocka_unit_test(test_json_puts_commas_where_they_belong),
        cmocka_unit_test(test_json_escapes_text),
        cmocka_unit_test(test_json_name_that_is_no_text_has_its_bytes_beside_it),
        cmocka_unit_test(test_json_times_and_durations),
        cmocka_unit_test(test_out_reports_a_full_disk),
        cmocka_unit_test(test_out_reports_a_descriptor_that_is_closed),
        cmocka_unit_test(test_out_bears_a_reader_that_went_away),
        cmocka_unit_test(test_out_and_json_need_no_memory),
        cmocka_unit_test(test_out_says_what_it_had_no_memory_to_format),
        cmocka_unit_test(test_out_formats_what_is_longer_than_its_first_guess),
        cmocka_unit_test(test_table_columns_are_as_wide_as_they_must_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
