/*
 * test_node.c - the order of paths, and what counts as the same content or metadata.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/node.h"

static int compare(const char *a, const char *b)
{
    return node_path_compare(a, strlen(a), b, strlen(b));
}

static void test_node_order_is_that_of_a_depth_first_walk(void **state)
{
    /* '/' is the smallest byte, all others are in their own order. */
    static const char *const sorted[] = {
        "/",   "/a",     "/a/b", "/a/b/c", "/a/b\x01", "/a/b-c", "/a b",
        "/a-", "/a.txt", "/a0",  "/ab",    "/b",       "/b\xff",
    };
    (void)state;
    size_t count = sizeof sorted / sizeof sorted[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int expected = i < j ? -1 : i > j ? 1 : 0;
            assert_int_equal(compare(sorted[i], sorted[j]), expected);
        }
    }
}

static void test_node_order_holds_for_long_shared_prefixes(void **state)
{
    char a[100], b[100];
    (void)state;
    for (size_t at = 1; at < sizeof a; at++) {
        memset(a, 'x', sizeof a);
        memset(b, 'x', sizeof b);
        a[0] = b[0] = '/';
        a[at] = '/';
        b[at] = '!';
        assert_int_equal(node_path_compare(a, sizeof a, b, sizeof b), -1);
        assert_int_equal(node_path_compare(b, sizeof b, a, sizeof a), 1);
        assert_int_equal(node_path_compare(a, at, b, at), 0);
    }
}

static bool within(const char *dir, const char *path)
{
    return node_path_within(dir, strlen(dir), path, strlen(path));
}

static void test_node_is_within_itself_and_what_is_above(void **state)
{
    (void)state;
    assert_true(within("/", "/"));
    assert_true(within("/", "/etc/passwd"));
    assert_true(within("/etc", "/etc"));
    assert_true(within("/etc", "/etc/passwd"));
    assert_false(within("/etc", "/etcetera"));
    assert_false(within("/etc", "/et"));
    assert_false(within("/etc/passwd", "/etc"));
}

static struct node sample_file(const struct node_ref *refs, size_t count)
{
    return (struct node){
        .path = "/f",
        .path_len = 2,
        .type = NODE_FILE,
        .mode = 0644,
        .uid = 1,
        .gid = 2,
        .user = "u",
        .user_len = 1,
        .group = "g",
        .group_len = 1,
        .size = 7,
        .mtime_ns = 5,
        .ctime_ns = 6,
        .dev = 8,
        .ino = 9,
        .links = 1,
        .refs = refs,
        .ref_count = count,
    };
}

static void test_node_content_is_size_and_references(void **state)
{
    struct node_ref one = { .id = { 1 }, .len = 7 }, other = { .id = { 2 }, .len = 7 };
    struct node_ref hole = { .len = 7, .hole = true };
    struct node a = sample_file(&one, 1), b = sample_file(&one, 1);
    (void)state;
    b.mode = 0600;
    b.ino = 77;
    assert_true(node_same_content(&a, &b));
    b.refs = &other;
    assert_false(node_same_content(&a, &b));
    b.refs = &hole;
    assert_false(node_same_content(&a, &b));
    b = sample_file(&one, 1);
    b.content_depth = 1;
    assert_false(node_same_content(&a, &b));
    b = sample_file(&one, 1);
    b.size = 8;
    assert_false(node_same_content(&a, &b));
}

static void test_node_content_of_links_and_devices_is_where_they_lead(void **state)
{
    struct node a = { .type = NODE_SYMLINK, .target = "x", .target_len = 1, .size = 1 };
    struct node b = { .type = NODE_SYMLINK, .target = "y", .target_len = 1, .size = 1 };
    struct node c = { .type = NODE_CHAR, .rdev = 259 }, d = { .type = NODE_CHAR, .rdev = 260 };
    struct node e = { .type = NODE_DIR, .size = 4096 }, f = { .type = NODE_DIR, .size = 8192 };
    (void)state;
    assert_false(node_same_content(&a, &b));
    assert_true(node_same_content(&a, &a));
    assert_false(node_same_content(&c, &d));
    assert_true(node_same_content(&c, &c));
    assert_true(node_same_content(&e, &f));
    assert_false(node_same_content(&a, &c));
}

static void test_node_metadata_leaves_out_what_a_copy_can_not_have(void **state)
{
    struct node a = sample_file(NULL, 0), b = sample_file(NULL, 0);
    (void)state;
    b.path = "/elsewhere";
    b.path_len = 10;
    b.ctime_ns = 1000;
    b.ino = 1000;
    b.dev = 1000;
    assert_true(node_same_metadata(&a, &b));
}

static void test_node_metadata_sees_each_difference(void **state)
{
    static const struct node_xattr xattr = { "user.a", "v", 6, 1 };
    static const struct node_xattr changed = { "user.a", "w", 6, 1 };
    struct node a = sample_file(NULL, 0);
    struct node b[9];
    (void)state;
    for (size_t i = 0; i < 9; i++) {
        b[i] = a;
    }
    b[0].mode = 0;
    b[1].uid = 0;
    b[2].gid = 0;
    b[3].user = "v";
    b[4].group = "";
    b[4].group_len = 0;
    b[5].mtime_ns = 0;
    b[6].flags = 1;
    b[7].xattrs = &xattr;
    b[7].xattr_count = 1;
    b[8].xattrs_chunked = true;
    for (size_t i = 0; i < 9; i++) {
        assert_false(node_same_metadata(&a, &b[i]));
    }
    a = b[7];
    assert_true(node_same_metadata(&a, &b[7]));
    a.xattrs = &changed;
    assert_false(node_same_metadata(&a, &b[7]));
}

static void test_node_types_have_names(void **state)
{
    (void)state;
    assert_string_equal(node_type_name(NODE_FILE), "file");
    assert_string_equal(node_type_name(NODE_SOCKET), "socket");
    assert_string_equal(node_type_name((enum node_type)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_order_is_that_of_a_depth_first_walk),
        cmocka_unit_test(test_node_order_holds_for_long_shared_prefixes),
        cmocka_unit_test(test_node_is_within_itself_and_what_is_above),
        cmocka_unit_test(test_node_content_is_size_and_references),
        cmocka_unit_test(test_node_content_of_links_and_devices_is_where_they_lead),
        cmocka_unit_test(test_node_metadata_leaves_out_what_a_copy_can_not_have),
        cmocka_unit_test(test_node_metadata_sees_each_difference),
        cmocka_unit_test(test_node_types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
