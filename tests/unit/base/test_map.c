/*
 * test_map.c - a map does what a plain table does, whatever is put, removed and looked up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rnd.h"

static int tear_down(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    return 0;
}

static struct map *new_map(size_t key_size, size_t value_size, uint64_t seed)
{
    struct map *m;

    assert_int_equal(map_new(key_size, value_size, seed, &m), 0);
    return m;
}

static void put_u64(struct map *m, uint64_t key, uint64_t value)
{
    void *place;

    assert_int_equal(map_put(m, &key, &place, NULL), 0);
    memcpy(place, &value, sizeof value);
}

static void test_map_finds_what_was_put_and_nothing_else(void **state)
{
    struct map *m = new_map(8, 8, 1);

    (void)state;
    for (uint64_t i = 0; i < 10000; i++) {
        put_u64(m, i * 8, i);
    }
    assert_int_equal(map_count(m), 10000);
    for (uint64_t i = 0; i < 80000; i++) {
        const uint64_t *value = map_get(m, &i);
        if (i % 8 == 0) {
            assert_int_equal(*value, i / 8);
        } else {
            assert_null(value);
        }
    }
    map_free(m);
}

static void test_map_put_tells_new_from_found(void **state)
{
    struct map *m = new_map(4, 4, 1);
    void *place;
    bool is_new;

    (void)state;
    assert_null(map_get(m, "abcd"));
    assert_int_equal(map_put(m, "abcd", &place, &is_new), 0);
    assert_true(is_new);
    assert_memory_equal(place, "\0\0\0\0", 4);
    memcpy(place, "1234", 4);
    assert_int_equal(map_put(m, "abcd", &place, &is_new), 0);
    assert_false(is_new);
    assert_memory_equal(place, "1234", 4);
    assert_int_equal(map_put(m, "abcd", NULL, NULL), 0);
    assert_int_equal(map_count(m), 1);

    /* A value that was removed does not come back. */
    assert_true(map_remove(m, "abcd"));
    assert_false(map_remove(m, "abcd"));
    assert_int_equal(map_put(m, "abcd", &place, &is_new), 0);
    assert_true(is_new);
    assert_memory_equal(place, "\0\0\0\0", 4);
    map_free(m);
}

/* Few keys, so that they are put and removed again and again, in every order. */
static void test_map_equals_a_plain_table_after_any_history(void **state)
{
    enum { KEYS = 300, STEPS = 60000 };
    const uint64_t seed = 20261121;
    struct rnd r;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rnd_init_seeded(&r, seed);
    for (int round = 0; round < 4; round++) {
        uint32_t plain[KEYS] = { 0 }; /* 0: not there */
        size_t count = 0;
        struct map *m = new_map(8, 4, rnd_u64(&r));
        for (uint32_t step = 1; step <= STEPS; step++) {
            uint64_t key = rnd_below(&r, KEYS);
            /* Growing and shrinking in turns. */
            bool put = rnd_below(&r, 100) < (step / 5000 % 2 == 0 ? 65 : 35);
            if (put) {
                void *place;
                bool is_new;
                assert_int_equal(map_put(m, &key, &place, &is_new), 0);
                assert_int_equal(is_new, plain[key] == 0);
                memcpy(place, &step, sizeof step);
                count += is_new;
                plain[key] = step;
            } else {
                bool removed = map_remove(m, &key);
                assert_int_equal(removed, plain[key] != 0);
                count -= removed;
                plain[key] = 0;
            }
            assert_int_equal(map_count(m), count);
            uint64_t probe = rnd_below(&r, KEYS);
            const uint32_t *value = map_get(m, &probe);
            assert_int_equal(value == NULL ? 0 : *value, plain[probe]);
        }
        for (uint64_t key = 0; key < KEYS; key++) {
            const uint32_t *value = map_get(m, &key);
            assert_int_equal(value == NULL ? 0 : *value, plain[key]);
        }
        map_free(m);
    }
}

static void test_map_visits_each_entry_once(void **state)
{
    enum { KEYS = 1000 };
    uint8_t visits[KEYS] = { 0 };
    struct map *m = new_map(8, 8, 5);
    size_t position = 0;
    const void *key;
    void *value;

    (void)state;
    assert_false(map_next(m, &position, &key, &value));
    for (uint64_t i = 0; i < KEYS; i++) {
        put_u64(m, i, ~i);
    }
    position = 0;
    while (map_next(m, &position, &key, &value)) {
        uint64_t k;
        uint64_t v;
        memcpy(&k, key, sizeof k);
        memcpy(&v, value, sizeof v);
        assert_true(k < KEYS && v == ~k);
        visits[k]++;
    }
    assert_false(map_next(m, &position, &key, &value));
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(visits[i], 1);
    }
    map_free(m);
}

static void test_map_clear_forgets_and_goes_on(void **state)
{
    struct map *m = new_map(8, 8, 5);
    uint64_t key = 3;

    (void)state;
    map_clear(m);
    for (uint64_t i = 0; i < 100; i++) {
        put_u64(m, i, i);
    }
    size_t bytes = map_bytes(m);
    map_clear(m);
    assert_int_equal(map_count(m), 0);
    assert_null(map_get(m, &key));
    put_u64(m, key, 9);
    assert_int_equal(*(uint64_t *)map_get(m, &key), 9);
    assert_int_equal(map_bytes(m), bytes);
    map_free(m);
}

static void test_map_keys_and_values_of_any_size(void **state)
{
    static const size_t key_sizes[] = { 1, 3, 7, 8, 9, 16, 32, 33 };
    static const size_t value_sizes[] = { 0, 1, 2, 4, 5, 8, 12, 24, 40, 48 };

    (void)state;
    for (size_t k = 0; k < sizeof key_sizes / sizeof *key_sizes; k++) {
        for (size_t v = 0; v < sizeof value_sizes / sizeof *value_sizes; v++) {
            struct map *m = new_map(key_sizes[k], value_sizes[v], 77);
            uint8_t key[40] = { 0 };
            for (int i = 0; i < 200; i++) {
                void *place;
                key[key_sizes[k] - 1] = (uint8_t)i; /* they differ in the last byte alone */
                assert_int_equal(map_put(m, key, &place, NULL), 0);
                size_t align = value_sizes[v] % 16 == 0 ? 16 : value_sizes[v] % 8 == 0 ? 8 : 1;
                assert_int_equal(value_sizes[v] == 0 ? 0 : (uintptr_t)place % align, 0);
                memset(place, i, value_sizes[v]);
            }
            assert_int_equal(map_count(m), 200);
            for (int i = 0; i < 200; i++) {
                uint8_t expected[48];
                key[key_sizes[k] - 1] = (uint8_t)i;
                memset(expected, i, sizeof expected);
                const void *value = map_get(m, key);
                assert_non_null(value);
                assert_memory_equal(value, expected, value_sizes[v]);
            }
            map_free(m);
        }
    }
}

/* Were any byte of a key left out of the hash, one of these would need a billion comparisons. */
static void test_map_spreads_keys_that_differ_in_few_bits(void **state)
{
    static const struct {
        size_t key_size;
        size_t place; /* of the four bytes that differ */
    } cases[] = { { 4, 0 },   { 8, 0 },  { 8, 4 },   { 12, 8 },
                  { 15, 11 }, { 32, 0 }, { 32, 14 }, { 32, 28 } };
    enum { KEYS = 40000 };

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct map *m = new_map(cases[c].key_size, 0, 1);
        uint8_t key[32] = { 0 };
        clock_t start = clock();
        for (uint32_t i = 0; i < KEYS; i++) {
            memcpy(key + cases[c].place, &i, sizeof i);
            assert_int_equal(map_put(m, key, NULL, NULL), 0);
        }
        assert_int_equal(map_count(m), KEYS);
        assert_true(clock() - start < CLOCKS_PER_SEC);
        map_free(m);
    }
}

static void test_map_memory_follows_the_load(void **state)
{
    struct map *m = new_map(32, 16, 1);
    uint8_t key[32] = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        memcpy(key, &i, sizeof i);
        assert_int_equal(map_put(m, key, NULL, NULL), 0);
    }
    /* 49 bytes a slot, between three eighths and three quarters in use. */
    assert_in_range(map_bytes(m), 100000 * 49 * 4 / 3, 100000 * 49 * 8 / 3 + 4096);
    map_free(m);
}

static void test_map_is_unchanged_when_memory_runs_out(void **state)
{
    struct map *m;

    (void)state;
    mem_fail_at(1, 0);
    assert_int_equal(map_new(8, 8, 1, &m), HF_ENOMEM);
    assert_null(m);

    m = new_map(8, 8, 1);
    mem_fail_at(1, 1);
    uint64_t key = 0;
    assert_int_equal(map_put(m, &key, NULL, NULL), HF_ENOMEM);
    assert_int_equal(map_count(m), 0);
    mem_fail_at(0, 0);
    for (key = 0; key < 6; key++) {
        put_u64(m, key, key);
    }
    mem_fail_at(1, 1);
    int rc = 0;
    for (key = 6; rc == 0 && key < 100; key++) {
        rc = map_put(m, &key, NULL, NULL);
    }
    uint64_t stopped = key - 1;
    assert_int_equal(rc, HF_ENOMEM);
    assert_int_equal(map_count(m), stopped);
    assert_null(map_get(m, &stopped));
    for (key = 0; key < 6; key++) {
        assert_int_equal(*(uint64_t *)map_get(m, &key), key);
    }
    mem_fail_at(0, 0);
    put_u64(m, stopped, 1);
    map_free(m);
    map_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_finds_what_was_put_and_nothing_else),
        cmocka_unit_test(test_map_put_tells_new_from_found),
        cmocka_unit_test(test_map_equals_a_plain_table_after_any_history),
        cmocka_unit_test(test_map_visits_each_entry_once),
        cmocka_unit_test(test_map_clear_forgets_and_goes_on),
        cmocka_unit_test(test_map_keys_and_values_of_any_size),
        cmocka_unit_test(test_map_spreads_keys_that_differ_in_few_bits),
        cmocka_unit_test(test_map_memory_follows_the_load),
        cmocka_unit_test_teardown(test_map_is_unchanged_when_memory_runs_out, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
