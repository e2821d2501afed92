/*
 * test_gapevent.c - what a GAP event says comes back as it was; anything else is damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/commit.h"
#include "format/gapevent.h"

static char job[] = "web", host[] = "a";

static void encode_opened(struct buf *out)
{
    const struct gapevent g = {
        .act = GAPEVENT_OPEN, .reason = GAPEVENT_RESTART, .job = job, .host = host, .at_ns = -5
    };

    buf_init(out);
    assert_int_equal(gapevent_encode(&g, out), 0);
}

static void encode_closed(struct buf *out)
{
    const struct gapevent g = { .act = GAPEVENT_CLOSE, .gap = { 7, 8 }, .at_ns = 1790000000 };

    buf_init(out);
    assert_int_equal(gapevent_encode(&g, out), 0);
}

static int decode(const uint8_t *data, size_t len, struct gapevent *out)
{
    uint8_t *exact = mem_dup(data, len);
    int rc = gapevent_decode(exact, len, out);

    mem_free(exact);
    return rc;
}

static void test_gapevent_comes_back_as_it_was(void **state)
{
    struct gapevent g;
    struct buf b;

    (void)state;
    encode_opened(&b);
    assert_int_equal(decode(b.data, b.len, &g), 0);
    assert_int_equal(g.act, GAPEVENT_OPEN);
    assert_int_equal(g.reason, GAPEVENT_RESTART);
    assert_string_equal(g.job, "web");
    assert_string_equal(g.host, "a");
    assert_true(g.at_ns == -5);
    gapevent_release(&g);
    buf_release(&b);
    encode_closed(&b);
    assert_int_equal(decode(b.data, b.len, &g), 0);
    assert_int_equal(g.act, GAPEVENT_CLOSE);
    assert_int_equal(g.gap[1], 8);
    assert_true(g.at_ns == 1790000000);
    gapevent_release(&g);
    buf_release(&b);
}

static void test_gapevent_without_names_has_empty_ones(void **state)
{
    const struct gapevent nameless = { .act = GAPEVENT_OPEN, .reason = GAPEVENT_OVERFLOW };
    struct gapevent g;
    struct buf b;

    (void)state;
    buf_init(&b);
    assert_int_equal(gapevent_encode(&nameless, &b), 0);
    assert_int_equal(decode(b.data, b.len, &g), 0);
    assert_string_equal(g.job, "");
    assert_string_equal(g.host, "");
    gapevent_release(&g);
    buf_release(&b);
}

static void check_cuts(struct buf *b)
{
    struct gapevent g;

    for (size_t len = 0; len < b->len; len++) {
        assert_int_equal(decode(b->data, len, &g), HF_EDAMAGE);
        assert_null(g.job);
    }
    buf_put_u8(b, 0);
    assert_int_equal(decode(b->data, b->len, &g), HF_EDAMAGE);
    buf_release(b);
}

static void test_gapevent_that_is_cut_or_longer_is_damage(void **state)
{
    struct buf b;

    (void)state;
    encode_opened(&b);
    check_cuts(&b);
    encode_closed(&b);
    check_cuts(&b);
}

static void test_gapevent_of_a_later_version_or_act_needs_a_newer_program(void **state)
{
    struct gapevent g;
    struct buf b;

    (void)state;
    encode_opened(&b);
    b.data[0] = 1;
    assert_int_equal(decode(b.data, b.len, &g), HF_ENEWER);
    assert_non_null(strstr(err_last()->hint, "newer holdfast"));
    b.data[0] = 0;
    b.data[1] = 3;
    assert_int_equal(decode(b.data, b.len, &g), HF_ENEWER);
    b.data[1] = 0;
    assert_int_equal(decode(b.data, b.len, &g), HF_EDAMAGE);
    buf_release(&b);
}

static void test_gapevent_for_an_unknown_reason_is_a_gap_but_for_none_is_damage(void **state)
{
    struct gapevent g;
    struct buf b;

    (void)state;
    encode_opened(&b);
    b.data[10] = 200;
    assert_int_equal(decode(b.data, b.len, &g), 0);
    assert_string_equal(gapevent_reason_name(g.reason), "unknown");
    gapevent_release(&g);
    b.data[10] = 0;
    assert_int_equal(decode(b.data, b.len, &g), HF_EDAMAGE);
    buf_release(&b);
}

static void test_gapevent_takes_no_name_with_a_zero_byte_or_without_end(void **state)
{
    struct gapevent g;
    struct buf b;

    (void)state;
    encode_opened(&b);
    b.data[13] = 0;
    assert_int_equal(decode(b.data, b.len, &g), HF_EDAMAGE);
    b.data[13] = 'e';
    b.data[11] = 100;
    assert_int_equal(decode(b.data, b.len, &g), HF_EDAMAGE);
    buf_release(&b);
}

static void test_gapevent_refuses_names_that_no_reader_takes(void **state)
{
    struct gapevent g = { .act = GAPEVENT_OPEN, .reason = GAPEVENT_OVERFLOW, .job = job };
    char *longest = mem_alloc(COMMIT_MAX_TEXT + 2);
    struct buf b;

    (void)state;
    buf_init(&b);
    memset(longest, 'x', COMMIT_MAX_TEXT + 1);
    longest[COMMIT_MAX_TEXT + 1] = '\0';
    g.host = longest;
    assert_int_equal(gapevent_encode(&g, &b), HF_ELIMIT);
    mem_free(longest);
    buf_release(&b);
}

static void test_gapevent_without_memory(void **state)
{
    struct gapevent g;
    struct buf b;

    (void)state;
    encode_opened(&b);
    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_at(n, 0);
        assert_int_equal(gapevent_decode(b.data, b.len, &g), HF_ENOMEM);
        mem_fail_at(0, 0);
    }
    buf_release(&b);
}

static void test_gapevent_names_its_reasons(void **state)
{
    (void)state;
    assert_string_equal(gapevent_reason_name(GAPEVENT_OVERFLOW), "overflow");
    assert_string_equal(gapevent_reason_name(GAPEVENT_RESTART), "restart");
    assert_string_equal(gapevent_reason_name(GAPEVENT_MOUNT_CHANGE), "mount-change");
    assert_string_equal(gapevent_reason_name(GAPEVENT_WATCH_LIMIT), "watch-limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gapevent_comes_back_as_it_was),
        cmocka_unit_test(test_gapevent_without_names_has_empty_ones),
        cmocka_unit_test(test_gapevent_that_is_cut_or_longer_is_damage),
        cmocka_unit_test(test_gapevent_of_a_later_version_or_act_needs_a_newer_program),
        cmocka_unit_test(test_gapevent_for_an_unknown_reason_is_a_gap_but_for_none_is_damage),
        cmocka_unit_test(test_gapevent_takes_no_name_with_a_zero_byte_or_without_end),
        cmocka_unit_test(test_gapevent_refuses_names_that_no_reader_takes),
        cmocka_unit_test(test_gapevent_without_memory),
        cmocka_unit_test(test_gapevent_names_its_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
