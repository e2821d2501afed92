/*
 * test_archive_names.c - whatever names an archive has, what comes out is a tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "engine/archive_names.h"
#include "format/page.h"

static const uint8_t key[32] = { 1, 2, 3 };
static struct archive_names *names;

static int set_up(void **state)
{
    (void)state;
    return archive_names_new(key, &names);
}

static int tear_down(void **state)
{
    (void)state;
    archive_names_free(names);
    return 0;
}

static void expect_clean(const char *name, unsigned strip, const char *path)
{
    enum archive_names_verdict verdict;
    const char *why = NULL;
    struct buf out;
    bool absolute = false;
    buf_init(&out);
    assert_int_equal(archive_names_clean(name, strip, &out, &absolute, &verdict, &why), 0);
    assert_int_equal(verdict, ARCHIVE_NAMES_GOOD);
    assert_null(why);
    assert_string_equal((const char *)out.data, path);
    assert_int_equal(out.len, strlen(path));
    assert_int_equal(absolute, name[0] == '/');
    buf_release(&out);
}

static enum archive_names_verdict verdict_of(const char *name, unsigned strip)
{
    enum archive_names_verdict verdict;
    const char *why = NULL;
    struct buf out;
    bool absolute = false;
    buf_init(&out);
    assert_int_equal(archive_names_clean(name, strip, &out, &absolute, &verdict, &why), 0);
    assert_true((verdict == ARCHIVE_NAMES_BAD) == (why != NULL));
    buf_release(&out);
    return verdict;
}

static void test_archive_names_become_absolute_paths(void **state)
{
    (void)state;
    expect_clean("a", 0, "/a");
    expect_clean("./a//b/./c/", 0, "/a/b/c");
    expect_clean("/a/b", 0, "/a/b");
    expect_clean("///", 0, "/");
    expect_clean(".", 0, "/");
    expect_clean("./", 0, "/");
    expect_clean("...", 0, "/...");
    expect_clean("..a/b..", 0, "/..a/b..");
    expect_clean("a\\..\\b", 0, "/a\\..\\b");
    expect_clean("\xff\n", 0, "/\xff\n");
}

static void test_archive_names_can_lose_their_first_folders(void **state)
{
    (void)state;
    expect_clean("a/b/c", 1, "/b/c");
    expect_clean("./a/./b/c", 2, "/c");
    assert_int_equal(verdict_of("a/b", 2), ARCHIVE_NAMES_NONE);
    assert_int_equal(verdict_of("a", 9), ARCHIVE_NAMES_NONE);
}

static void test_archive_names_that_lead_up_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "..",  "../a", "a/..",        "a/../b",
                                       "/..", "./..", "a/b/../../c", "" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(verdict_of(bad[i], 0), ARCHIVE_NAMES_BAD);
    }
    /* Leaving out what is bad does not make the rest good. */
    assert_int_equal(verdict_of("../a", 1), ARCHIVE_NAMES_BAD);
}

static void test_archive_names_too_long_are_refused(void **state)
{
    (void)state;
    static char name[PAGE_KEY_LIMIT + 10];
    memset(name, 'x', sizeof(name) - 1);
    assert_int_equal(verdict_of(name, 0), ARCHIVE_NAMES_BAD);
    name[PAGE_KEY_LIMIT - 1] = '\0';
    assert_int_equal(verdict_of(name, 0), ARCHIVE_NAMES_GOOD);
    for (size_t i = 1; i < PAGE_KEY_LIMIT - 1; i += 2) {
        name[i] = '/';
    }
    assert_int_equal(verdict_of(name, 0), ARCHIVE_NAMES_BAD); /* half a million folders */
    name[100000] = '\0';
    assert_int_equal(verdict_of(name, 0), ARCHIVE_NAMES_GOOD);
}

static const char *add(const char *path, uint64_t inode)
{
    const char *why = NULL;
    assert_int_equal(archive_names_add(names, path, strlen(path), inode, &why), 0);
    return why;
}

static uint64_t find(const char *path)
{
    uint64_t inode = 99;
    assert_int_equal(archive_names_find(names, path, strlen(path), &inode), 0);
    return inode;
}

static void test_archive_names_know_what_is_there(void **state)
{
    (void)state;
    assert_null(add("/a/b/c", 1));
    assert_int_equal(find("/a/b/c"), 1);
    assert_int_equal(find("/a/b"), 0);
    assert_int_equal(find("/a"), 0);
    assert_int_equal(find("/x"), 0);
    assert_null(add("/a/b/c", 2));
    assert_int_equal(find("/a/b/c"), 2);
}

static void test_archive_names_never_lead_through_what_is_no_folder(void **state)
{
    (void)state;
    assert_null(add("/link", 1));
    assert_non_null(add("/link/x", 2));
    assert_non_null(add("/link/x/y", 3));
    assert_non_null(add("/link/d", 0));
    assert_int_equal(find("/link/x"), 0);
    /* But once it is a folder they do. */
    assert_null(add("/link", 0));
    assert_null(add("/link/x", 2));
}

static void test_archive_names_folders_with_something_in_them_stay(void **state)
{
    (void)state;
    assert_null(add("/d", 0));
    assert_null(add("/d/x", 1));
    assert_non_null(add("/d", 2));
    assert_null(add("/implied/x", 3));
    assert_non_null(add("/implied", 4));
    assert_null(add("/d", 0)); /* the same folder again */
    assert_int_equal(find("/d/x"), 1);
    /* One that is empty may become something else. */
    assert_null(add("/e", 0));
    assert_null(add("/e", 5));
    assert_non_null(add("/e/x", 6));
}

static void test_archive_names_the_root_is_a_folder(void **state)
{
    (void)state;
    assert_non_null(add("/", 1));
    assert_null(add("/", 0));
    assert_null(add("/a", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_archive_names_become_absolute_paths),
        cmocka_unit_test(test_archive_names_can_lose_their_first_folders),
        cmocka_unit_test(test_archive_names_that_lead_up_are_refused),
        cmocka_unit_test(test_archive_names_too_long_are_refused),
        cmocka_unit_test_setup_teardown(test_archive_names_know_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_archive_names_never_lead_through_what_is_no_folder,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_archive_names_folders_with_something_in_them_stay,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_archive_names_the_root_is_a_folder, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
