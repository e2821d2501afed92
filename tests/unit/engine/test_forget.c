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
#include "engine/forget_look.h"
#include "engine/retag.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"
#include "store/run.h"

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

static void test_forget_is_not_undone_when_data_are_gone_and_nobody_pruned(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(forget_publish(b->r.repo, all_ids(b), 1, &number), 0);
    realrepo_reopen(&b->r, true);
    lose_segments(b);
    assert_int_equal(forget_undo(b->r.repo, all_ids(b), 1, &number), HF_EDAMAGE);
    assert_non_null(strstr(err_last()->text, "lacks data that no prune has taken away"));
    assert_true(is_forgotten(b->r.repo, b->ids[0]));
}

/* Condemns the segments that the entries from `first` to `last` adopted, as a prune would. */
struct condemning {
    uint64_t first, last;
};

static int build_condemn(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                         struct buf *body)
{
    const struct condemning *w = context;
    uint8_t uuids[16][16];
    size_t count = 0;

    (void)uuid;
    for (uint32_t i = 0; i < catalog_segment_count(catalog) && count < 16; i++) {
        const struct catalog_segment *s = catalog_segment(catalog, i);

        if (s->adopted_by >= w->first && s->adopted_by <= w->last && s->condemned_by == 0) {
            memcpy(uuids[count++], s->uuid, 16);
        }
    }
    entry_put_condemn(body, (const uint8_t(*)[16])uuids, count);
    return buf_error(body);
}

static uint64_t condemn(struct repo *r, uint64_t first, uint64_t last)
{
    struct condemning w = { first, last };
    const struct run_entry entry = { .build = build_condemn, .context = &w };
    uint8_t id[16];
    uint64_t number;

    assert_int_equal(run_publish(r, &entry, id, &number), 0);
    return number;
}

static void expect_said(const char *what)
{
    if (strstr(err_last()->text, what) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err_last()->text, what);
    }
}

static void test_forget_says_which_chunks_were_pruned_and_since_when(void **state)
{
    struct bench *b = *state;
    char said[200];
    uint64_t number;

    /* Entries 2 and 3 are the commits; the second snapshot needs chunks of both. */
    assert_int_equal(forget_publish(b->r.repo, all_ids(b), 2, &number), 0);
    number = condemn(b->r.repo, 3, 3);
    assert_int_equal(number, 5);
    assert_int_equal(forget_look(b->r.repo, all_ids(b) + 1, 1), HF_EFAIL);
    assert_int_equal(forget_undo(b->r.repo, all_ids(b) + 1, 1, &number), HF_EFAIL);
    expect_said("has lost data since it was forgotten: chunk ");
    expect_said(", of the manifest, with what it names, is gone since entry 5 of 20");
    expect_said("; it was forgotten by entry 4 of 20");
    snprintf(said, sizeof said, "%02x%02x", b->ids[1][0], b->ids[1][1]);
    expect_said(said);
    /* What the first one needs is still there. */
    assert_int_equal(forget_look(b->r.repo, all_ids(b), 1), 0);
    assert_int_equal(forget_undo(b->r.repo, all_ids(b), 1, &number), 0);
    assert_int_equal(number, 6);
}

/* What a reader met was no damage if its snapshot was forgotten and pruned while it read. */
static void test_forget_explains_what_was_pruned_under_a_reader(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    err_raise(HF_EDAMAGE, "chunk so and so is not there");
    assert_int_equal(forget_look_explain(b->r.repo, b->ids[0], HF_EDAMAGE), HF_EDAMAGE);
    assert_int_equal(forget_publish(b->r.repo, all_ids(b), 1, &number), 0);
    assert_int_equal(forget_look_explain(b->r.repo, b->ids[0], HF_EDAMAGE), HF_EDAMAGE);
    condemn(b->r.repo, 2, 2);
    err_raise(HF_EDAMAGE, "chunk so and so is not there");
    assert_int_equal(forget_look_explain(b->r.repo, b->ids[0], HF_EDAMAGE), HF_ECHANGED);
    expect_said("snapshot #2 was forgotten by entry 4, and then pruned: chunk so and so");
    assert_int_equal(forget_look_explain(b->r.repo, b->ids[1], HF_EDAMAGE), HF_EDAMAGE);
    assert_int_equal(forget_look_explain(b->r.repo, b->ids[0], HF_EIO), HF_EIO);
    assert_int_equal(forget_look_explain(b->r.repo, b->ids[0], 0), 0);
}

static void test_forget_tells_content_that_was_pruned_from_pages(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    /* The second snapshot's own pages stay; what it shares with the first one goes. */
    assert_int_equal(forget_publish(b->r.repo, all_ids(b), 2, &number), 0);
    condemn(b->r.repo, 2, 2);
    assert_int_equal(forget_look(b->r.repo, all_ids(b) + 1, 1), HF_EFAIL);
    expect_said(" is gone since entry 5 of 20");
    assert_null(strstr(err_last()->text, "of the manifest"));
}

static void test_forget_names_the_prunes_between_which_chunks_went(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(forget_publish(b->r.repo, all_ids(b), 2, &number), 0);
    condemn(b->r.repo, 3, 3);
    condemn(b->r.repo, 2, 2);
    assert_int_equal(forget_undo(b->r.repo, all_ids(b), 2, &number), HF_EFAIL);
    expect_said("since entry 5 of 20");
    expect_said("or a later prune, at the latest entry 6 of 20");
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
        cmocka_unit_test_setup_teardown(
            test_forget_is_not_undone_when_data_are_gone_and_nobody_pruned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forget_says_which_chunks_were_pruned_and_since_when,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forget_explains_what_was_pruned_under_a_reader, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_forget_tells_content_that_was_pruned_from_pages,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forget_names_the_prunes_between_which_chunks_went,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retag_adds_removes_and_replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retag_without_a_change_makes_no_entry, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_retag_by_two_clients_at_once_keeps_both_changes,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
