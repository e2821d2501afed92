/*
 * test_mem.c - memory fails when it shall, and only then, and nothing is lost by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

static int tear_down(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    return 0;
}

static void test_mem_size_zero_is_not_a_failure(void **state)
{
    (void)state;
    void *blocks[] = { mem_alloc(0), mem_zalloc(0), mem_array(0, 8), mem_dup(NULL, 0),
                       mem_realloc(NULL, 0) };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        assert_non_null(blocks[i]);
        mem_free(blocks[i]);
    }
    mem_free(NULL);
}

static void test_mem_zalloc_and_array_are_cleared(void **state)
{
    static const uint8_t zeros[1000];

    (void)state;
    /* Memory that was used just before, so that it is unlikely to be zero by itself. */
    void *used = mem_alloc(sizeof zeros);
    assert_non_null(used);
    memset(used, 0xa5, sizeof zeros);
    mem_free(used);
    void *a = mem_zalloc(sizeof zeros);
    void *b = mem_array(100, 10);
    assert_memory_equal(a, zeros, sizeof zeros);
    assert_memory_equal(b, zeros, sizeof zeros);
    mem_free(a);
    mem_free(b);
}

static void test_mem_refuses_what_overflows(void **state)
{
    (void)state;
    assert_null(mem_array(SIZE_MAX / 2 + 1, 2));
    assert_null(mem_array(SIZE_MAX, SIZE_MAX));
    assert_null(mem_array(1, SIZE_MAX));
    assert_null(mem_alloc(SIZE_MAX));
    assert_null(mem_realloc(NULL, SIZE_MAX));
}

static void test_mem_copies_are_equal(void **state)
{
    (void)state;
    char *text = mem_strdup("abc");
    uint8_t *bytes = mem_dup("a\0b", 3);
    assert_string_equal(text, "abc");
    assert_memory_equal(bytes, "a\0b", 3);
    mem_free(text);
    mem_free(bytes);
}

static void test_mem_fails_at_the_number_asked_for_once(void **state)
{
    (void)state;
    mem_fail_at(3, 0);
    void *first = mem_alloc(1);
    void *second = mem_zalloc(1);
    assert_non_null(first);
    assert_non_null(second);
    assert_int_equal(mem_fail_hits(), 0);
    assert_null(mem_strdup("third"));
    void *fourth = mem_alloc(1);
    assert_non_null(fourth);
    assert_int_equal(mem_fail_hits(), 1);
    mem_free(first);
    mem_free(second);
    mem_free(fourth);
}

static void test_mem_fails_for_ever_until_switched_off(void **state)
{
    (void)state;
    mem_fail_at(1, 1);
    assert_null(mem_alloc(1));
    assert_null(mem_array(1, 1));
    assert_null(mem_dup("x", 1));
    assert_int_equal(mem_fail_hits(), 3);
    mem_fail_at(0, 0);
    assert_int_equal(mem_fail_hits(), 0);
    void *block = mem_alloc(1);
    assert_non_null(block);
    mem_free(block);
}

static void test_mem_counts_each_request(void **state)
{
    (void)state;
    uint64_t before = mem_alloc_count();
    void *block = mem_alloc(1);
    block = mem_realloc(block, 100);
    mem_free(block);
    assert_int_equal(mem_alloc_count() - before, 2);
}

static void test_mem_realloc_keeps_the_block_when_it_fails(void **state)
{
    (void)state;
    char *text = mem_strdup("still here");
    mem_fail_at(1, 0);
    assert_null(mem_realloc(text, 1000));
    assert_string_equal(text, "still here");
    char *moved = mem_realloc(text, 1000);
    assert_string_equal(moved, "still here");
    mem_free(moved);
}

static void test_mem_grow_doubles_and_keeps_content(void **state)
{
    uint32_t *items = NULL;
    size_t capacity = 0;
    size_t moves = 0;

    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        size_t before = capacity;
        assert_int_equal(mem_grow(&items, &capacity, i + 1, sizeof *items), 0);
        moves += capacity != before;
        assert_true(capacity > i);
        items[i] = i * 3;
    }
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(items[i], i * 3);
    }
    assert_true(moves <= 12);
    mem_free(items);
}

static void test_mem_grow_takes_a_leap(void **state)
{
    uint8_t *items = NULL;
    size_t capacity = 0;

    (void)state;
    assert_int_equal(mem_grow(&items, &capacity, 1000, 1), 0);
    assert_true(capacity >= 1000);
    memset(items, 1, 1000);
    mem_free(items);
}

static void test_mem_grow_changes_nothing_when_it_fails(void **state)
{
    uint64_t *items = NULL;
    size_t capacity = 0;

    (void)state;
    assert_int_equal(mem_grow(&items, &capacity, 1, sizeof *items), 0);
    uint64_t *old = items;
    size_t old_capacity = capacity;
    items[0] = 42;

    mem_fail_at(1, 0);
    assert_int_equal(mem_grow(&items, &capacity, 100, sizeof *items), HF_ENOMEM);
    assert_int_equal(mem_grow(&items, &capacity, SIZE_MAX, sizeof *items), HF_ENOMEM);
    assert_int_equal(mem_grow(&items, &capacity, SIZE_MAX / 4, sizeof *items), HF_ENOMEM);
    assert_int_equal(err_last()->code, HF_ENOMEM);
    assert_ptr_equal(items, old);
    assert_int_equal(capacity, old_capacity);
    assert_int_equal(items[0], 42);
    mem_free(items);
}

static void test_mem_wipe_leaves_nothing(void **state)
{
    static const char zeros[8];
    char secret[8] = "hush hu";

    (void)state;
    mem_wipe(secret, sizeof secret);
    assert_memory_equal(secret, zeros, sizeof secret);
    mem_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_mem_size_zero_is_not_a_failure, tear_down),
        cmocka_unit_test_teardown(test_mem_zalloc_and_array_are_cleared, tear_down),
        cmocka_unit_test_teardown(test_mem_refuses_what_overflows, tear_down),
        cmocka_unit_test_teardown(test_mem_copies_are_equal, tear_down),
        cmocka_unit_test_teardown(test_mem_fails_at_the_number_asked_for_once, tear_down),
        cmocka_unit_test_teardown(test_mem_fails_for_ever_until_switched_off, tear_down),
        cmocka_unit_test_teardown(test_mem_counts_each_request, tear_down),
        cmocka_unit_test_teardown(test_mem_realloc_keeps_the_block_when_it_fails, tear_down),
        cmocka_unit_test_teardown(test_mem_grow_doubles_and_keeps_content, tear_down),
        cmocka_unit_test_teardown(test_mem_grow_takes_a_leap, tear_down),
        cmocka_unit_test_teardown(test_mem_grow_changes_nothing_when_it_fails, tear_down),
        cmocka_unit_test_teardown(test_mem_wipe_leaves_nothing, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
