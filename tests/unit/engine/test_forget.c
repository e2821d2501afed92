/*
 * test_forget.c - forgetting, its undoing and tags, also when two clients do it at once.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/forget.h"
#include "engine/retag.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"

struct bench {
    struct realrepo r;
    uint8_t ids[2][16];
};

static void back_up(struct bench *b, size_t i)
{
    struct backup_result result;
    char path[200];

    snprintf(path, sizeof path, "%s/file%zu", b->r.tree, i);
    realtree_write(path, path, strlen(path));
    assert_int_equal(realrepo_backup(&b->r, NULL, &result), 0);
    memcpy(b->ids[i], result.id, sizeof b->ids[i]);
}

static int set_up(void **state)
{
    struct bench *b = mem_zalloc(sizeof *b);

    realrepo_make(&b->r, 0, NULL);
    back_up(b, 0);
    back_up(b, 1);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    realrepo_remove(&b->r);
    mem_free(b);
    return 0;
}

static const uint8_t (*all_ids(const struct bench *b))[16]
{
    return (const uint8_t(*)[16])b->ids;
}

static bool is_forgotten(struct repo *r, const uint8_t id[16])
{
    return catalog_find_snapshot(repo_catalog(r), id)->forgotten_by != 0;
}

static void test_forget_is_one_entry_and_can_be_undone(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(forget_publish(b->r.repo, all_ids(b), 2, &number), 0);
    assert_int_equal(number, 4);
    assert_true(is_forgotten(b->r.repo, b->ids[0]) && is_forgotten(b->r.repo, b->ids[1]));
    assert_int_equal(forget_undo(b->r.repo, all_ids(b), 2, &number), 0);
    assert_int_equal(number, 5);
    assert_false(is_forgotten(b->r.repo, b->ids[0]) || is_forgotten(b->r.repo, b->ids[1]));
}

static void test_forget_leaves_out_what_another_client_forgot(void **state)
{
    struct bench *b = *state;
    struct repo *other = realrepo_other(&b->r);
    uint64_t number;

    assert_int_equal(forget_publish(other, all_ids(b), 1, &number), 0);
    assert_int_equal(number, 4);
    /* This client has not seen that, and wants both. */
    assert_int_equal(forget_publish(b->r.repo, all_ids(b), 2, &number), 0);
    assert_int_equal(number, 5);
    assert_int_equal(catalog_find_snapshot(repo_catalog(b->r.repo), b->ids[0])->forgotten_by, 4);
    assert_int_equal(catalog_find_snapshot(repo_catalog(b->r.repo), b->ids[1])->forgotten_by, 5);
    repo_close(other);
}

static void test_forget_of_what_is_forgotten_makes_no_entry(void **state)
{
    struct bench *b = *state;
    struct repo *other = realrepo_other(&b->r);
    uint64_t number;

    assert_int_equal(forget_publish(other, all_ids(b), 2, &number), 0);
    number = 77;
    assert_int_equal(forget_publish(b->r.repo, all_ids(b), 2, &number), 0);
    assert_int_equal(number, 0);
    assert_int_equal(repo_refresh(other), 0);
    assert_int_equal(catalog_entry_count(repo_catalog(other)), 4);
    repo_close(other);
}

static void lose_segments(const struct bench *b)
{
    char path[500];
    struct dirent *entry;
    DIR *d;

    snprintf(path, sizeof path, "%s/segments", b->r.at);
    d = opendir(path);
    assert_non_null(d);
    while ((entry = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "%s/segments/%s", b->r.at, entry->d_name);
        if (entry->d_name[0] != '.') {
            assert_int_equal(unlink(path), 0);
        }
    }
    closedir(d);
}

static void test_forget_is_not_undone_when_data_are_gone(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(forget_publish(b->r.repo, all_ids(b), 1, &number), 0);
    realrepo_reopen(&b->r, true);
    lose_segments(b);
    assert_int_equal(forget_undo(b->r.repo, all_ids(b), 1, &number), HF_EFAIL);
    assert_non_null(strstr(err_last()->text, "has lost data since it was forgotten"));
    assert_true(is_forgotten(b->r.repo, b->ids[0]));
}

static void expect_tags(struct repo *r, const uint8_t id[16], const char *expected)
{
    const struct commit *c = &catalog_find_snapshot(repo_catalog(r), id)->commit;
    char text[200] = "";

    for (size_t i = 0; i < c->tag_count; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s,", c->tags[i]);
    }
    assert_string_equal(text, expected);
}

static char red[] = "red", blue[] = "blue", green[] = "green";

static int retag(struct repo *r, const uint8_t id[16], bool replace, char *add, char *remove,
                 uint64_t *out_number)
{
    const struct retag_change change = {
        .replace = replace,
        .add = &add,
        .add_count = add != NULL,
        .remove = &remove,
        .remove_count = remove != NULL,
    };

    return retag_publish(r, id, &change, out_number);
}

static void test_retag_adds_removes_and_replaces(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(retag(b->r.repo, b->ids[0], false, red, NULL, &number), 0);
    assert_int_equal(number, 4);
    assert_int_equal(retag(b->r.repo, b->ids[0], false, blue, red, &number), 0);
    expect_tags(b->r.repo, b->ids[0], "blue,");
    assert_int_equal(retag(b->r.repo, b->ids[0], true, green, NULL, &number), 0);
    expect_tags(b->r.repo, b->ids[0], "green,");
    assert_int_equal(retag(b->r.repo, b->ids[0], true, NULL, NULL, &number), 0);
    expect_tags(b->r.repo, b->ids[0], "");
    expect_tags(b->r.repo, b->ids[1], "");
}

static void test_retag_without_a_change_makes_no_entry(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(retag(b->r.repo, b->ids[0], false, red, NULL, &number), 0);
    assert_int_equal(retag(b->r.repo, b->ids[0], false, red, blue, &number), 0);
    assert_int_equal(number, 0);
    assert_int_equal(catalog_entry_count(repo_catalog(b->r.repo)), 4);
}

static void test_retag_by_two_clients_at_once_keeps_both_changes(void **state)
{
    struct bench *b = *state;
    struct repo *other = realrepo_other(&b->r);
    uint64_t number;

    assert_int_equal(retag(other, b->ids[0], false, red, NULL, &number), 0);
    assert_int_equal(retag(b->r.repo, b->ids[0], false, blue, NULL, &number), 0);
    expect_tags(b->r.repo, b->ids[0], "red,blue,");
    repo_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_forget_is_one_entry_and_can_be_undone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_forget_leaves_out_what_another_client_forgot, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_forget_of_what_is_forgotten_makes_no_entry, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_forget_is_not_undone_when_data_are_gone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_retag_adds_removes_and_replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retag_without_a_change_makes_no_entry, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_retag_by_two_clients_at_once_keeps_both_changes,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
