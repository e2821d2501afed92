/*
 * test_archive_spool.c - records come out by path, whether they fit into memory or not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "engine/archive_spool.h"
#include "format/node.h"

#define RECORDS 3000u

static const char *folder(void)
{
    const char *dir = getenv("TMPDIR");
    return dir != NULL ? dir : "/tmp";
}

/* Paths with few first parts, so that there are equal ones, and slashes at odd places. */
static size_t some_path(struct rnd *r, char out[128])
{
    int len = snprintf(out, 128, "/d%u", (unsigned)rnd_below(r, 9));
    if (rnd_below(r, 2) == 0) {
        len += snprintf(out + len, 128 - (size_t)len, "/%u", (unsigned)rnd_below(r, 200));
    }
    if (rnd_below(r, 3) == 0) {
        len += snprintf(out + len, 128 - (size_t)len, ".%u", (unsigned)rnd_below(r, 3));
    }
    return (size_t)len;
}

static struct archive_spool *fill(size_t memory, uint64_t seed)
{
    struct archive_spool *s = NULL;
    struct rnd r;
    rnd_init_seeded(&r, seed);
    assert_int_equal(archive_spool_new(folder(), memory, &s), 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        char path[128];
        char data[700];
        size_t len = some_path(&r, path);
        size_t size = (size_t)rnd_below(&r, sizeof(data));
        memset(data, (int)(i % 251), sizeof(data));
        assert_int_equal(archive_spool_add(s, path, len, data, size), 0);
    }
    return s;
}

static void read_all(struct archive_spool *s, struct buf *out)
{
    struct archive_spool_record r;
    char last[128] = "";
    size_t last_len = 0;
    uint64_t last_number = 0;
    uint64_t count = 0;
    int rc;
    assert_int_equal(archive_spool_rewind(s), 0);
    while ((rc = archive_spool_next(s, &r)) == 1) {
        int order = node_path_compare(last, last_len, r.path, r.path_len);
        assert_true(order < 0 || (order == 0 && (count == 0 || last_number < r.number)));
        memcpy(last, r.path, r.path_len);
        last_len = r.path_len;
        last_number = r.number;
        count++;
        for (size_t i = 0; i < r.len; i++) {
            assert_int_equal(((const uint8_t *)r.data)[i], r.number % 251);
        }
        buf_put(out, r.path, r.path_len);
        buf_put_u64(out, r.number);
        buf_put_u64(out, r.len);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(archive_spool_next(s, &r), 0);
    assert_int_equal(count, RECORDS);
}

static void test_archive_spool_sorts_by_path_and_then_by_arrival(void **state)
{
    (void)state;
    struct archive_spool *s = fill(64u << 20, 1);
    struct buf out;
    buf_init(&out);
    read_all(s, &out);
    buf_release(&out);
    archive_spool_free(s);
}

static void test_archive_spool_spilled_is_the_same_and_can_be_read_again(void **state)
{
    (void)state;
    static const size_t memories[] = { 1, 3000, 40000, 700000 };
    struct archive_spool *whole = fill(64u << 20, 2);
    struct buf expected;
    buf_init(&expected);
    read_all(whole, &expected);
    archive_spool_free(whole);
    for (size_t i = 0; i < sizeof(memories) / sizeof(*memories); i++) {
        struct archive_spool *s = fill(memories[i], 2);
        for (int again = 0; again < 2; again++) {
            struct buf out;
            buf_init(&out);
            read_all(s, &out);
            assert_int_equal(out.len, expected.len);
            assert_memory_equal(out.data, expected.data, out.len);
            buf_release(&out);
        }
        archive_spool_free(s);
    }
    buf_release(&expected);
}

static void test_archive_spool_of_nothing_is_empty(void **state)
{
    (void)state;
    struct archive_spool *s = NULL;
    struct archive_spool_record r;
    assert_int_equal(archive_spool_new(folder(), 1000, &s), 0);
    assert_int_equal(archive_spool_rewind(s), 0);
    assert_int_equal(archive_spool_next(s, &r), 0);
    archive_spool_free(s);
    archive_spool_free(NULL);
}

static void test_archive_spool_names_the_folder_it_can_not_use(void **state)
{
    (void)state;
    struct archive_spool *s = NULL;
    assert_int_equal(archive_spool_new("/nowhere/at/all", 1, &s), 0);
    assert_int_equal(archive_spool_add(s, "/a", 2, "x", 1), 0);
    assert_int_equal(archive_spool_add(s, "/b", 2, "x", 1), HF_EABSENT);
    assert_non_null(strstr(err_last()->text, "/nowhere/at/all"));
    archive_spool_free(s);
}

static void test_archive_spool_without_memory_says_so(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 40; n++) {
        struct archive_spool *s = NULL;
        struct archive_spool_record r;
        mem_fail_at(n, 0);
        int rc = archive_spool_new(folder(), 200, &s);
        for (int i = 0; rc == 0 && i < 30; i++) {
            rc = archive_spool_add(s, "/some/path", 10, "some data", 9);
        }
        rc = rc == 0 ? archive_spool_rewind(s) : rc;
        while (rc == 0 && (rc = archive_spool_next(s, &r)) == 1) {
            rc = 0;
        }
        assert_true(mem_fail_hits() == 0 ? rc == 0 : rc == HF_ENOMEM);
        mem_fail_at(0, 0);
        archive_spool_free(rc == HF_ENOMEM && s == NULL ? NULL : s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_archive_spool_sorts_by_path_and_then_by_arrival),
        cmocka_unit_test(test_archive_spool_spilled_is_the_same_and_can_be_read_again),
        cmocka_unit_test(test_archive_spool_of_nothing_is_empty),
        cmocka_unit_test(test_archive_spool_names_the_folder_it_can_not_use),
        cmocka_unit_test(test_archive_spool_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
