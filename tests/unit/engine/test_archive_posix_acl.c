/*
 * test_archive_posix_acl.c - ACLs as bytes and as lists: what comes out is what went in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "engine/archive_posix_acl.h"

/* u::rw-,u:1000:r--,g::r--,m::r--,o::--- as the kernel has it. */
static const uint8_t bytes[] = {
    2, 0,    0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,   4,
    0, 0xe8, 3,   0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16,  0,
    4, 0,    255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255,
};

static void test_archive_posix_acl_survives_both_ways(void **state)
{
    (void)state;
    struct archive_posix_acl a = { 0 };
    struct buf out;
    bool valid = false;
    buf_init(&out);
    assert_int_equal(archive_posix_acl_decode(bytes, sizeof(bytes), &a, &valid), 0);
    assert_true(valid);
    assert_int_equal(a.count, 5);
    assert_int_equal(archive_posix_acl_find(&a, ARCHIVE_POSIX_ACL_USER)->id, 1000);
    assert_int_equal(archive_posix_acl_find(&a, ARCHIVE_POSIX_ACL_MASK)->perm, 4);
    assert_null(archive_posix_acl_find(&a, ARCHIVE_POSIX_ACL_GROUP));
    assert_int_equal(archive_posix_acl_encode(&a, &out), 0);
    assert_int_equal(out.len, sizeof(bytes));
    assert_memory_equal(out.data, bytes, sizeof(bytes));
    buf_release(&out);
    archive_posix_acl_release(&a);
}

static void test_archive_posix_acl_is_put_in_order(void **state)
{
    (void)state;
    static const struct archive_posix_acl_entry entries[] = {
        { ARCHIVE_POSIX_ACL_OTHER, 0, 7 },    { ARCHIVE_POSIX_ACL_MASK, 4, 0 },
        { ARCHIVE_POSIX_ACL_USER, 4, 1000 },  { ARCHIVE_POSIX_ACL_GROUP_OBJ, 4, 0 },
        { ARCHIVE_POSIX_ACL_USER_OBJ, 6, 0 },
    };
    struct archive_posix_acl a = { 0 };
    struct buf out;
    buf_init(&out);
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        assert_int_equal(archive_posix_acl_add(&a, &entries[i]), 0);
    }
    assert_int_equal(archive_posix_acl_encode(&a, &out), 0);
    assert_memory_equal(out.data, bytes, sizeof(bytes));
    buf_release(&out);
    archive_posix_acl_release(&a);
}

static void test_archive_posix_acl_knows_what_is_none(void **state)
{
    (void)state;
    struct archive_posix_acl a = { 0 };
    uint8_t bad[sizeof(bytes)];
    bool valid = true;
    for (size_t len = 0; len < sizeof(bytes); len++) {
        assert_int_equal(archive_posix_acl_decode(bytes, len, &a, &valid), 0);
        assert_int_equal(valid, len >= 4 && (len - 4) % 8 == 0);
    }
    static const size_t places[] = { 0, 4, 5, 6, 7 }; /* version, tag, permissions */
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        memcpy(bad, bytes, sizeof(bytes));
        bad[places[i]] |= 0x48;
        assert_int_equal(archive_posix_acl_decode(bad, sizeof(bad), &a, &valid), 0);
        assert_false(valid);
    }
    archive_posix_acl_release(&a);
}

static void test_archive_posix_acl_has_an_end(void **state)
{
    (void)state;
    const struct archive_posix_acl_entry e = { ARCHIVE_POSIX_ACL_USER, 7, 1 };
    struct archive_posix_acl a = { 0 };
    for (unsigned i = 0; i < ARCHIVE_POSIX_ACL_MOST; i++) {
        assert_int_equal(archive_posix_acl_add(&a, &e), 0);
    }
    assert_int_equal(archive_posix_acl_add(&a, &e), HF_ELIMIT);
    archive_posix_acl_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_archive_posix_acl_survives_both_ways),
        cmocka_unit_test(test_archive_posix_acl_is_put_in_order),
        cmocka_unit_test(test_archive_posix_acl_knows_what_is_none),
        cmocka_unit_test(test_archive_posix_acl_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
