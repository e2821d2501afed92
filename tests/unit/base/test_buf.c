/*
 * test_buf.c - what is put is got again, and neither lack of memory nor bad bytes do harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"

static int tear_down(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    return 0;
}

static void assert_holds(const struct buf *b, const void *bytes, size_t len)
{
    assert_int_equal(buf_error(b), 0);
    assert_int_equal(b->len, len);
    assert_memory_equal(b->data, bytes, len);
}

static void test_buf_integers_are_little_endian(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    buf_put_u8(&b, 0x01);
    buf_put_u16(&b, 0x0302);
    buf_put_u32(&b, 0x07060504);
    buf_put_u64(&b, 0x0f0e0d0c0b0a0908);
    buf_put_i64(&b, -2);
    assert_holds(&b,
                 "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
                 "\xfe\xff\xff\xff\xff\xff\xff\xff",
                 23);

    struct cursor c;
    cursor_init(&c, b.data, b.len);
    assert_int_equal(cursor_u8(&c), 0x01);
    assert_int_equal(cursor_u16(&c), 0x0302);
    assert_int_equal(cursor_u32(&c), 0x07060504);
    assert_true(cursor_u64(&c) == 0x0f0e0d0c0b0a0908);
    assert_true(cursor_i64(&c) == -2);
    assert_true(cursor_done(&c));
    buf_release(&b);
}

static void test_buf_fixed_places_agree_with_puts(void **state)
{
    uint8_t place[15];

    (void)state;
    memset(place, 0xee, sizeof place);
    le_put16(place, 0xfffe);
    le_put32(place + 2, 0x80000001);
    le_put64(place + 6, 0x8000000000000002);
    assert_memory_equal(place, "\xfe\xff\x01\x00\x00\x80\x02\x00\x00\x00\x00\x00\x00\x80\xee", 15);
    assert_int_equal(le_get16(place), 0xfffe);
    assert_true(le_get32(place + 2) == 0x80000001);
    assert_true(le_get64(place + 6) == 0x8000000000000002);
}

static void test_buf_varints_take_the_shortest_form(void **state)
{
    static const struct {
        uint64_t value;
        const char *bytes;
        size_t len;
    } cases[] = {
        { 0, "\x00", 1 },
        { 127, "\x7f", 1 },
        { 128, "\x80\x01", 2 },
        { 300, "\xac\x02", 2 },
        { UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        struct cursor c;
        buf_init(&b);
        buf_put_varint(&b, cases[i].value);
        assert_holds(&b, cases[i].bytes, cases[i].len);
        cursor_init(&c, b.data, b.len);
        assert_true(cursor_varint(&c) == cases[i].value);
        assert_true(cursor_done(&c));
        buf_release(&b);
    }
}

static void test_buf_svarints_are_zig_zag(void **state)
{
    static const struct {
        int64_t value;
        uint64_t as_varint;
    } cases[] = {
        { 0, 0 },
        { -1, 1 },
        { 1, 2 },
        { -2, 3 },
        { INT64_MAX, UINT64_MAX - 1 },
        { INT64_MIN, UINT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        struct cursor c;
        buf_init(&b);
        buf_put_svarint(&b, cases[i].value);
        cursor_init(&c, b.data, b.len);
        assert_true(cursor_varint(&c) == cases[i].as_varint);
        cursor_init(&c, b.data, b.len);
        assert_true(cursor_svarint(&c) == cases[i].value);
        buf_release(&b);
    }
}

static void test_buf_round_trip_of_random_integers(void **state)
{
    const uint64_t seed = 20261121;
    struct rnd r;
    struct buf b;
    struct cursor c;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    buf_init(&b);
    rnd_init_seeded(&r, seed);
    for (int i = 0; i < 20000; i++) {
        uint64_t v = rnd_u64(&r) >> rnd_below(&r, 64);
        buf_put_varint(&b, v);
        buf_put_svarint(&b, (int64_t)v);
        buf_put_u64(&b, v);
    }
    cursor_init(&c, b.data, b.len);
    while (cursor_left(&c) > 0) {
        uint64_t v = cursor_varint(&c);
        assert_true((uint64_t)cursor_svarint(&c) == v);
        assert_true(cursor_u64(&c) == v);
    }
    assert_true(cursor_done(&c));
    buf_release(&b);
}

static void test_buf_cursor_refuses_varints_that_are_overlong_or_torn(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        { "", 0 },
        { "\x80", 1 },
        { "\x80\x00", 2 },                                      /* 0 in two bytes */
        { "\xff\x00", 2 },                                      /* 127 in two bytes */
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9 },          /* torn */
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 },     /* beyond 64 bits */
        { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11 }, /* eleven bytes */
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cursor c;
        cursor_init(&c, cases[i].bytes, cases[i].len);
        assert_true(cursor_varint(&c) == 0);
        assert_true(cursor_failed(&c));
    }
}

static void test_buf_cursor_that_failed_stays_failed(void **state)
{
    uint8_t copy[3] = { 9, 9, 9 };
    struct cursor c;
    size_t len = 7;

    (void)state;
    cursor_init(&c, "\x05\x06\x07", 3);
    assert_int_equal(cursor_u8(&c), 5);
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(cursor_failed(&c));
    assert_false(cursor_done(&c));
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(cursor_u8(&c), 0);
    assert_null(cursor_get(&c, 0));
    assert_null(cursor_bytes(&c, 10, &len));
    assert_int_equal(len, 0);
    cursor_copy(&c, copy, sizeof copy);
    assert_memory_equal(copy, "\0\0\0", 3);
}

static void test_buf_cursor_borrows_bytes_within_their_bounds(void **state)
{
    struct buf b;
    struct cursor c;
    size_t len;

    (void)state;
    buf_init(&b);
    buf_put_text(&b, "name");
    buf_put_text(&b, NULL);
    buf_put_bytes(&b, "a\0b", 3);
    cursor_init(&c, b.data, b.len);
    const uint8_t *bytes = cursor_bytes(&c, 4, &len);
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "name", 4);
    assert_non_null(cursor_bytes(&c, 0, &len));
    assert_int_equal(len, 0);
    assert_null(cursor_bytes(&c, 2, &len)); /* it is 3 */
    assert_true(cursor_failed(&c));

    /* A length that lies beyond the end, and one that would wrap around. */
    cursor_init(&c,
                "\x05"
                "abcd",
                5);
    assert_null(cursor_bytes(&c, SIZE_MAX, &len));
    cursor_init(&c,
                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                "ab",
                12);
    assert_null(cursor_bytes(&c, SIZE_MAX, &len));
    buf_release(&b);
}

static void test_buf_cursor_over_nothing_gives_nothing_without_failing(void **state)
{
    struct cursor c;

    (void)state;
    cursor_init(&c, NULL, 0);
    assert_true(cursor_done(&c));
    assert_non_null(cursor_get(&c, 0));
    assert_true(cursor_done(&c));
    assert_null(cursor_get(&c, SIZE_MAX));
    assert_true(cursor_failed(&c));
}

static void test_buf_zeros_and_copies(void **state)
{
    struct buf b;
    struct cursor c;
    uint8_t copy[5];

    (void)state;
    buf_init(&b);
    buf_put(&b, "ab", 2);
    buf_put_zeros(&b, 0);
    buf_put_zeros(&b, 3);
    buf_put(&b, NULL, 0);
    buf_put(&b, "c", 1);
    assert_holds(&b, "ab\0\0\0c", 6);
    cursor_init(&c, b.data, b.len);
    cursor_copy(&c, copy, 1);
    cursor_copy(&c, copy, sizeof copy);
    assert_memory_equal(copy, "b\0\0\0c", 5);
    cursor_copy(&c, NULL, 0);
    assert_true(cursor_done(&c));
    buf_release(&b);
}

static void test_buf_grows_by_doubling(void **state)
{
    struct buf b;
    uint64_t before = mem_alloc_count();

    (void)state;
    buf_init(&b);
    for (int i = 0; i < 100000; i++) {
        buf_put_u8(&b, (uint8_t)i);
    }
    assert_int_equal(buf_error(&b), 0);
    assert_true(mem_alloc_count() - before < 16);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(b.data[i], (uint8_t)i);
    }
    buf_release(&b);
    assert_null(b.data);
}

static void test_buf_printf_appends_text_of_any_length(void **state)
{
    struct buf b;
    char name[301];

    (void)state;
    memset(name, 'n', 300);
    name[300] = '\0';
    buf_init(&b);
    assert_string_equal(buf_text(&b), "");
    buf_printf(&b, "%d-", 7);
    buf_printf(&b, "%s%s", name, "!");
    buf_printf(&b, "%s", "");
    assert_int_equal(b.len, 303);
    assert_memory_equal(buf_text(&b), "7-nnn", 5);
    assert_string_equal(buf_text(&b) + 299, "nnn!");
    assert_int_equal(b.len, 303); /* the NUL of the view does not count */
    buf_release(&b);
}

static void test_buf_remembers_that_memory_ran_out(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    buf_put(&b, "kept", 4);
    mem_fail_at(1, 0);
    buf_put_zeros(&b, 1000);
    buf_printf(&b, "%d", 7);
    buf_put(&b, "late", 4); /* would fit, but what is missing before it is missing */
    assert_int_equal(b.len, 4);
    assert_string_equal(buf_text(&b), "");
    assert_int_equal(buf_reserve(&b, 0), HF_ENOMEM);
    err_clear();
    assert_int_equal(buf_error(&b), HF_ENOMEM);
    assert_int_equal(err_last()->code, HF_ENOMEM);

    buf_clear(&b);
    buf_put(&b, "new", 3);
    assert_holds(&b, "new", 3);
    buf_release(&b);
}

static void test_buf_refuses_impossible_sizes(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    buf_put_u8(&b, 1);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), HF_ENOMEM);
    buf_clear(&b);
    assert_int_equal(buf_reserve(&b, SIZE_MAX / 2 + 1), HF_ENOMEM);
    buf_release(&b);
}

static void test_buf_take_moves_the_memory_out(void **state)
{
    struct buf b;
    size_t len;

    (void)state;
    buf_init(&b);
    buf_put(&b, "abc", 3);
    uint8_t *bytes = buf_take(&b, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "abc", 3);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    mem_free(bytes);

    bytes = buf_take(&b, &len);
    assert_non_null(bytes); /* nothing, which is not a failure */
    assert_int_equal(len, 0);
    mem_free(bytes);
}

static void test_buf_take_gives_nothing_half_done(void **state)
{
    struct buf b;
    size_t len = 7;

    (void)state;
    buf_init(&b);
    buf_put(&b, "abc", 3);
    mem_fail_at(1, 0);
    buf_put_zeros(&b, 1000);
    err_clear();
    assert_null(buf_take(&b, &len));
    assert_int_equal(len, 0);
    assert_int_equal(err_last()->code, HF_ENOMEM);
    assert_int_equal(buf_error(&b), 0);

    mem_fail_at(1, 0);
    assert_null(buf_take(&b, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_integers_are_little_endian),
        cmocka_unit_test(test_buf_fixed_places_agree_with_puts),
        cmocka_unit_test(test_buf_varints_take_the_shortest_form),
        cmocka_unit_test(test_buf_svarints_are_zig_zag),
        cmocka_unit_test(test_buf_round_trip_of_random_integers),
        cmocka_unit_test(test_buf_cursor_refuses_varints_that_are_overlong_or_torn),
        cmocka_unit_test(test_buf_cursor_that_failed_stays_failed),
        cmocka_unit_test(test_buf_cursor_borrows_bytes_within_their_bounds),
        cmocka_unit_test(test_buf_cursor_over_nothing_gives_nothing_without_failing),
        cmocka_unit_test(test_buf_zeros_and_copies),
        cmocka_unit_test(test_buf_grows_by_doubling),
        cmocka_unit_test(test_buf_printf_appends_text_of_any_length),
        cmocka_unit_test_teardown(test_buf_remembers_that_memory_ran_out, tear_down),
        cmocka_unit_test(test_buf_refuses_impossible_sizes),
        cmocka_unit_test(test_buf_take_moves_the_memory_out),
        cmocka_unit_test_teardown(test_buf_take_gives_nothing_half_done, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
