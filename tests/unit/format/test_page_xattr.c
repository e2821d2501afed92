/*
 * test_page_xattr.c - extended attributes as a chunk of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/page.h"

static void test_page_xattrs_come_back_as_they_were(void **state)
{
    char value[3000];
    memset(value, 'v', sizeof value);
    struct node_xattr in[] = {
        { "system.posix_acl_access", value, 23, sizeof value },
        { "user.a", "", 6, 0 },
        { "user.ab", "\0x", 7, 2 },
    };
    struct node_xattr *out;
    struct buf b;
    size_t count;
    (void)state;
    buf_init(&b);
    assert_int_equal(page_xattrs_encode(in, 3, &b), 0);
    assert_int_equal(page_xattrs_decode(b.data, b.len, &out, &count), 0);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(out[i].name_len, in[i].name_len);
        assert_memory_equal(out[i].name, in[i].name, in[i].name_len);
        assert_int_equal(out[i].value_len, in[i].value_len);
        assert_memory_equal(out[i].value, in[i].value, in[i].value_len);
    }
    mem_free(out);
    buf_release(&b);
}

static void test_page_xattrs_must_be_in_order(void **state)
{
    struct node_xattr in[] = { { "user.b", "1", 6, 1 }, { "user.a", "2", 6, 1 } };
    struct buf b;
    (void)state;
    buf_init(&b);
    assert_int_equal(page_xattrs_encode(in, 2, &b), HF_EFAIL);
    assert_int_equal(page_xattrs_encode(in, 0, &b), HF_EFAIL);
    buf_release(&b);
}

static void test_page_xattrs_that_are_damaged_leave_nothing(void **state)
{
    static const uint8_t good[] = { 2, 1, 'a', 1, 'x', 1, 'b', 0 };
    struct node_xattr *out;
    size_t count;
    (void)state;
    for (size_t len = 0; len < sizeof good; len++) {
        assert_int_equal(page_xattrs_decode(good, len, &out, &count), HF_EDAMAGE);
        assert_null(out);
        assert_int_equal(count, 0);
    }
    assert_int_equal(page_xattrs_decode(good, sizeof good, &out, &count), 0);
    mem_free(out);
    assert_int_equal(page_xattrs_decode("\x01\x01"
                                        "a\0\0",
                                        5, &out, &count),
                     HF_EDAMAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_xattrs_come_back_as_they_were),
        cmocka_unit_test(test_page_xattrs_must_be_in_order),
        cmocka_unit_test(test_page_xattrs_that_are_damaged_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
