/*
 * test_exclude.c - patterns match what users of restic and git expect, and bad ones say where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/exclude.h"

static struct exclude *made_of(const char *const *patterns, size_t count)
{
    struct exclude *x = NULL;
    assert_int_equal(exclude_new(&x), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(exclude_add(x, patterns[i]), 0);
    }
    return x;
}

struct expectation {
    const char *pattern, *path;
    bool is_dir, matches;
};

static void expect_each(const struct expectation *e, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct exclude *x = made_of(&e[i].pattern, 1);
        bool got = exclude_matches(x, e[i].path, strlen(e[i].path), e[i].is_dir);
        if (got != e[i].matches) {
            fail_msg("pattern '%s', path '%s': %s", e[i].pattern, e[i].path,
                     got ? "matches" : "does not match");
        }
        exclude_free(x);
    }
}

#define EXPECT(...)                                                                                \
    do {                                                                                           \
        static const struct expectation all[] = { __VA_ARGS__ };                                   \
        expect_each(all, sizeof(all) / sizeof(all[0]));                                            \
    } while (0)

static void test_exclude_bare_name_matches_any_component(void **state)
{
    (void)state;
    EXPECT({ "cache", "/cache", true, true }, { "cache", "/a/b/cache", false, true },
           { "cache", "/a/cache/b", false, false }, { "cache", "/a/cachet", false, false },
           { "cache", "/a/xcache", false, false }, { "cache", "/", true, false });
}

static void test_exclude_star_and_question_stay_within_a_component(void **state)
{
    (void)state;
    EXPECT({ "*.o", "/a/b.o", false, true }, { "*.o", "/a/.o", false, true },
           { "*.o", "/a.o/b", false, false }, { "/a/*", "/a/b", false, true },
           { "/a/*", "/a/b/c", false, false }, { "/a/*/c", "/a/b/c", false, true },
           { "a?c", "/abc", false, true }, { "a?c", "/ac", false, false },
           { "*a*b*c*", "/xaxbxcx", false, true }, { "*a*b*c*", "/xaxcxbx", false, false },
           { "a*", "/a", false, true }, { "*", "/anything", false, true });
}

static void test_exclude_class_has_ranges_and_negation(void **state)
{
    (void)state;
    EXPECT({ "[abc]", "/b", false, true }, { "[abc]", "/d", false, false },
           { "[a-c]x", "/bx", false, true }, { "[a-c]x", "/dx", false, false },
           { "[!a-c]", "/d", false, true }, { "[!a-c]", "/b", false, false },
           { "[^a]", "/b", false, true }, { "[]]", "/]", false, true },
           { "[a-]", "/-", false, true }, { "[\\]x]", "/]", false, true },
           { "v[0-9]*", "/v12", false, true }, { "[\xf0-\xff]", "/\xf5", false, true });
}

static void test_exclude_double_star_spans_components(void **state)
{
    (void)state;
    EXPECT({ "/a/**/z", "/a/z", false, true }, { "/a/**/z", "/a/b/c/z", false, true },
           { "/a/**/z", "/b/z", false, false }, { "/a/**", "/a/b/c", false, true },
           { "/a/**", "/a", true, false }, { "**/z", "/z", false, true },
           { "/**/b/**/d", "/a/b/c/d", false, true }, { "/**/b/**/d", "/a/b/d", false, true },
           { "/**/b/**/d", "/a/b/c", false, false }, { "/a/**/**/z", "/a/z", false, true },
           { "/**/a/b", "/a/a/a/b", false, true });
}

static void test_exclude_leading_slash_anchors(void **state)
{
    (void)state;
    EXPECT({ "/etc", "/etc", true, true }, { "/etc", "/x/etc", true, false },
           { "a/b", "/a/b", false, true }, { "a/b", "/x/y/a/b", false, true },
           { "a/b", "/a/x/b", false, false }, { "a/b", "/x/a/a/b", false, true },
           { "a/b", "/a/b/c", false, false }, { "/", "/", true, true }, { "/", "/a", true, false });
}

static void test_exclude_trailing_slash_means_folders(void **state)
{
    (void)state;
    EXPECT({ "tmp/", "/x/tmp", true, true }, { "tmp/", "/x/tmp", false, false },
           { "/a/tmp/", "/a/tmp", true, true }, { "/a/tmp/", "/a/tmp", false, false });
}

static void test_exclude_backslash_takes_the_next_character_as_it_is(void **state)
{
    (void)state;
    EXPECT({ "\\*", "/*", false, true }, { "\\*", "/x", false, false },
           { "\\!x", "/!x", false, true }, { "a\\[b", "/a[b", false, true },
           { "\\**", "/*abc", false, true }, { "\\**", "/abc", false, false });
}

static void test_exclude_last_match_wins(void **state)
{
    (void)state;
    const char *const patterns[] = { "*.log", "!keep.log", "/a/keep.log" };
    struct exclude *x = made_of(patterns, 3);
    assert_true(exclude_matches(x, "/x/b.log", 8, false));
    assert_false(exclude_matches(x, "/x/keep.log", 11, false));
    assert_true(exclude_matches(x, "/a/keep.log", 11, false));
    assert_int_equal(exclude_which(x, "/x/keep.log", 11, false), 1);
    assert_true(exclude_which(x, "/x/y", 4, false) == SIZE_MAX);
    exclude_free(x);
}

static void test_exclude_below_a_matched_folder_nothing_is_taken_back(void **state)
{
    (void)state;
    const char *const patterns[] = { "/a/b", "!/a/b/c" };
    struct exclude *x = made_of(patterns, 2);
    assert_true(exclude_covers(x, "/a/b/c", 6, false));
    assert_true(exclude_covers(x, "/a/b", 4, true));
    assert_false(exclude_covers(x, "/a", 2, true));
    assert_false(exclude_matches(x, "/a/b/c", 6, false));
    exclude_free(x);
}

static void test_exclude_names_the_position_of_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *says;
    } bad[] = {
        { "", "character 1" },      { "!", "character 2" },       { "ab[c", "character 3" },
        { "a\\", "character 2" },   { "/a/../b", "character 4" }, { "./a", "character 1" },
        { "[a/b]", "character 1" },
    };
    struct exclude *x = made_of(NULL, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(exclude_add(x, bad[i].pattern), HF_EUSAGE);
        if (strstr(err_last()->text, bad[i].says) == NULL) {
            fail_msg("'%s': %s", bad[i].pattern, err_last()->text);
        }
        assert_int_equal(exclude_count(x), 0);
    }
    exclude_free(x);
}

static void test_exclude_lines_pass_over_comments_and_blanks(void **state)
{
    (void)state;
    static const char text[] = "# comment\n\n*.o  \n/a b\t\r\nlast\\ ";
    struct exclude *x = made_of(NULL, 0);
    assert_int_equal(exclude_add_lines(x, text, sizeof(text) - 1, "list"), 0);
    assert_int_equal(exclude_count(x), 3);
    assert_true(exclude_matches(x, "/x.o", 4, false));
    assert_true(exclude_matches(x, "/a b", 4, false));
    assert_true(exclude_matches(x, "/last ", 6, false));
    exclude_free(x);
}

static void test_exclude_bad_line_is_named_and_leaves_nothing(void **state)
{
    (void)state;
    static const char text[] = "good\n\nalso\n[bad\n";
    struct exclude *x = made_of(NULL, 0);
    assert_int_equal(exclude_add_lines(x, text, sizeof(text) - 1, "list.txt"), HF_EUSAGE);
    assert_non_null(strstr(err_last()->text, "list.txt, line 4"));
    assert_int_equal(exclude_count(x), 0);
    exclude_free(x);
}

static void test_exclude_literal_is_the_one_path_meant(void **state)
{
    (void)state;
    const char *const patterns[] = { "/a/b\\*c/", "/a/*", "a", "!/a", "/" };
    struct exclude *x = made_of(patterns, 5);
    assert_string_equal(exclude_literal(x, 0), "/a/b*c");
    assert_null(exclude_literal(x, 1));
    assert_null(exclude_literal(x, 2));
    assert_null(exclude_literal(x, 3));
    assert_string_equal(exclude_literal(x, 4), "/");
    assert_string_equal(exclude_pattern(x, 0), "/a/b\\*c/");
    exclude_free(x);
}

static void test_exclude_star_heavy_pattern_takes_no_exponential_time(void **state)
{
    (void)state;
    char path[4100];
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    const char *const patterns[] = { "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
                                     "/**/a/**/a/**/a/**/a/**/a/**/b" };
    struct exclude *x = made_of(patterns, 2);
    assert_false(exclude_matches(x, path, sizeof(path), false));
    for (size_t i = 0; i < sizeof(path); i += 2) {
        path[i] = '/';
    }
    assert_false(exclude_matches(x, path, sizeof(path), false));
    exclude_free(x);
}

static void test_exclude_reports_memory_running_out(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 16; n++) {
        struct exclude *x = NULL;
        mem_fail_at(n, 0);
        int rc = exclude_new(&x);
        if (rc == 0) {
            rc = exclude_add(x, "/a/*/b");
        }
        if (rc == 0) {
            rc = exclude_add_lines(x, "x\ny\n", 4, "l");
        }
        uint64_t hits = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_int_equal(rc, hits > 0 ? HF_ENOMEM : 0);
        exclude_free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exclude_bare_name_matches_any_component),
        cmocka_unit_test(test_exclude_star_and_question_stay_within_a_component),
        cmocka_unit_test(test_exclude_class_has_ranges_and_negation),
        cmocka_unit_test(test_exclude_double_star_spans_components),
        cmocka_unit_test(test_exclude_leading_slash_anchors),
        cmocka_unit_test(test_exclude_trailing_slash_means_folders),
        cmocka_unit_test(test_exclude_backslash_takes_the_next_character_as_it_is),
        cmocka_unit_test(test_exclude_last_match_wins),
        cmocka_unit_test(test_exclude_below_a_matched_folder_nothing_is_taken_back),
        cmocka_unit_test(test_exclude_names_the_position_of_what_is_wrong),
        cmocka_unit_test(test_exclude_lines_pass_over_comments_and_blanks),
        cmocka_unit_test(test_exclude_bad_line_is_named_and_leaves_nothing),
        cmocka_unit_test(test_exclude_literal_is_the_one_path_meant),
        cmocka_unit_test(test_exclude_star_heavy_pattern_takes_no_exponential_time),
        cmocka_unit_test(test_exclude_reports_memory_running_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
