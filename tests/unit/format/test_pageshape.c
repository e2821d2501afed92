/*
 * test_pageshape.c - files of databases are known by the shape of their pages; text, records,
 * compressed data and zeros are not taken for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rnd.h"
#include "format/pageshape.h"

#define LEN ((size_t)1 << 20)

static uint8_t *noise(uint64_t seed)
{
    uint8_t *data = mem_alloc(LEN);
    struct rnd rnd;

    rnd_init_seeded(&rnd, seed);
    assert_int_equal(rnd_bytes(&rnd, data, LEN), 0);
    return data;
}

/* Pages of that size which agree on these bytes of their header. */
static void put_headers(uint8_t *data, size_t size, size_t at, const char *bytes, size_t len)
{
    for (size_t page = 0; page < LEN; page += size) {
        memcpy(data + page + at, bytes, len);
    }
}

static void test_pageshape_of_databases_is_found(void **state)
{
    static const size_t sizes[] = { 4096, 8192, 16384, 32768 };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *data = noise(i);

        put_headers(data, sizes[i], 17, "\x20\x04\x20", 3); /* as PostgreSQL's */
        assert_true(pageshape_found(data, LEN));
        assert_true(pageshape_found(data, 16 * sizes[i]));
        assert_false(pageshape_found(data, 15 * sizes[i])); /* too few to tell */
        mem_free(data);
    }
}

static void test_pageshape_allows_for_some_other_pages(void **state)
{
    uint8_t *data = noise(7);

    (void)state;
    put_headers(data, 8192, 17, "\x20\x04\x20", 3);
    memset(data + 5 * 8192, 0xaa, 8192);
    memset(data + 20 * 8192, 0, 90 * 8192); /* not yet used: these say nothing */
    assert_true(pageshape_found(data, LEN));
    for (size_t i = 0; i < 20; i += 4) {
        memset(data + i * 8192, 0xaa, 8192);
    }
    assert_false(pageshape_found(data, LEN));
    mem_free(data);
}

static void test_pageshape_is_not_seen_in_other_things(void **state)
{
    uint8_t *data = noise(1);
    size_t at = 0;

    (void)state;
    assert_false(pageshape_found(data, LEN)); /* compressed or encrypted */
    assert_false(pageshape_found(data, 0));
    put_headers(data, 8192, 17, "\x20", 1); /* one byte may be chance */
    assert_false(pageshape_found(data, LEN));
    put_headers(data, 64, 3, "\1\2\3", 3); /* records of one length */
    assert_false(pageshape_found(data, LEN));
    memset(data, 0, LEN);
    assert_false(pageshape_found(data, LEN));
    for (unsigned line = 0; at + 80 < LEN; line++) {
        at += (size_t)snprintf((char *)data + at, 80, "%u: a line of a log, number %u\n",
                               line * 37 % 1000, line);
    }
    assert_false(pageshape_found(data, at));
    mem_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pageshape_of_databases_is_found),
        cmocka_unit_test(test_pageshape_allows_for_some_other_pages),
        cmocka_unit_test(test_pageshape_is_not_seen_in_other_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
