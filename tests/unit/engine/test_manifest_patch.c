/*
 * test_manifest_patch.c - a batch of changes equals scratch, and costs what changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "engine/manifest_patch.h"
#include "format/nacl.h"
#include "harness/mempages.h"
#include "harness/pathmodel.h"

static const uint8_t key[16] = { 6, 1 };

struct fixture {
    struct mempages pages;
    struct pathmodel model;
    uint8_t root[32];
    struct manifest_patch *patch;
    struct manifest_patched stats;
    uint64_t fresh; /* pages that the patch stored anew */
};

static int set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    if (f == NULL || nacl_init() != 0 || mempages_open(&f->pages) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    manifest_patch_free(f->patch);
    mempages_close(&f->pages);
    pathmodel_release(&f->model);
    mem_free(f);
    return 0;
}

static void build(struct fixture *f)
{
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, f->root, NULL), 0);
}

static void begin(struct fixture *f)
{
    mempages_reset_counts(&f->pages);
    assert_int_equal(manifest_patch_open(&f->pages.pages, key, f->root, &f->patch), 0);
}

/* Puts into patch and model alike. */
static void put(struct fixture *f, const char *path, uint64_t version)
{
    pathmodel_put(&f->model, path, version);
    struct node n = pathmodel_node(&f->model, pathmodel_seek(&f->model, path));
    assert_int_equal(manifest_patch_put(f->patch, &n), 0);
}

static void remove_one(struct fixture *f, const char *path)
{
    size_t at = pathmodel_seek(&f->model, path);
    assert_int_equal(manifest_patch_remove(f->patch, path, strlen(path)), 0);
    if (at < f->model.count && strcmp(f->model.entries[at].path, path) == 0) {
        pathmodel_remove(&f->model, at);
    }
}

static void remove_tree(struct fixture *f, const char *path)
{
    size_t at = pathmodel_seek(&f->model, path), len = strlen(path);
    assert_int_equal(manifest_patch_remove_tree(f->patch, path, len), 0);
    while (at < f->model.count &&
           node_path_within(path, len, f->model.entries[at].path, f->model.entries[at].len)) {
        pathmodel_remove(&f->model, at);
    }
}

/* Finishes the patch and compares with scratch. */
static void finish(struct fixture *f)
{
    struct manifest_totals totals, expected;
    uint8_t root[32];
    assert_int_equal(manifest_patch_finish(f->patch, root, &totals), 0);
    manifest_patch_stats(f->patch, &f->stats);
    manifest_patch_free(f->patch);
    f->patch = NULL;
    f->fresh = f->pages.fresh;
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, f->root, &expected), 0);
    assert_memory_equal(root, f->root, 32);
    assert_int_equal(totals.entries, expected.entries);
    assert_int_equal(totals.bytes, expected.bytes);
    assert_int_equal(f->pages.fresh, f->fresh); /* scratch needs nothing that is not there */
}

struct change {
    char path[200];
};

static int by_path(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    return node_path_compare(x->path, strlen(x->path), y->path, strlen(y->path));
}

/* A sorted batch of changes; what a removed tree covers is not spoken of again. */
static void change_at_random(struct fixture *f, struct rnd *r)
{
    static struct change batch[100];
    size_t count = 1 + (size_t)rnd_below(r, rnd_below(r, 3) == 0 ? 100 : 5);
    char covered[200] = "";
    for (size_t i = 0; i < count; i++) {
        if (f->model.count > 0 && rnd_below(r, 2) == 0) {
            snprintf(batch[i].path, sizeof batch[i].path, "%s",
                     f->model.entries[rnd_below(r, f->model.count)].path);
        } else {
            pathmodel_random_path(r, batch[i].path);
        }
    }
    qsort(batch, count, sizeof batch[0], by_path);
    for (size_t i = 0; i < count; i++) {
        const char *path = batch[i].path;
        if ((i > 0 && strcmp(path, batch[i - 1].path) == 0) ||
            (covered[0] != '\0' &&
             node_path_within(covered, strlen(covered), path, strlen(path)))) {
            continue;
        }
        switch (rnd_below(r, 12)) {
        case 0:
            remove_tree(f, path);
            snprintf(covered, sizeof covered, "%s", path);
            break;
        case 1:
        case 2:
        case 3:
            remove_one(f, path);
            break;
        default:
            put(f, path, rnd_below(r, 1000000));
            break;
        }
    }
}

static void run_history(struct fixture *f, uint64_t seed, size_t start, size_t steps)
{
    const char *given = getenv("HOLDFAST_TEST_SEED");
    struct rnd r;
    char path[200];
    seed = given != NULL ? strtoull(given, NULL, 10) : seed;
    print_message("history: seed %llu\n", (unsigned long long)seed);
    rnd_init_seeded(&r, seed);
    pathmodel_release(&f->model);
    for (size_t i = 0; i < start; i++) {
        pathmodel_random_path(&r, path);
        pathmodel_put(&f->model, path, rnd_below(&r, 1000000));
    }
    build(f);
    for (size_t i = 0; i < steps; i++) {
        begin(f);
        change_at_random(f, &r);
        finish(f);
    }
}

static void test_manifest_patch_equals_scratch_after_any_history(void **state)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        run_history(*state, 400 + seed, 2500, 30);
    }
}

static void test_manifest_patch_equals_scratch_with_small_pages_of_few_entries(void **state)
{
    struct fixture *f = *state;
    f->model.fat_every = 2;
    f->model.fat_bytes = 5000;
    for (uint64_t seed = 0; seed < 3; seed++) {
        run_history(f, 500 + seed, 1500, 15);
    }
}

static void test_manifest_patch_equals_scratch_with_three_levels(void **state)
{
    struct fixture *f = *state;
    size_t len;
    f->model.fat_every = 1;
    f->model.fat_bytes = 35000;
    run_history(f, 600, 1700, 6);
    const uint8_t *page = mempages_find(&f->pages, f->root, &len);
    assert_int_equal(page[2], 2);
}

static void test_manifest_patch_without_changes_is_the_same(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->model, "/srv", 20000);
    build(f);
    begin(f);
    finish(f);
    assert_int_equal(f->fresh, 0);
    assert_int_equal(f->stats.pages_read, 1);
    assert_int_equal(f->stats.built.pages_got, 0);
}

static void test_manifest_patch_builds_from_nothing(void **state)
{
    struct fixture *f = *state;
    begin(f);
    remove_one(f, "/absent");
    put(f, "/b", 1);
    put(f, "/b/c", 2);
    finish(f);
    begin(f);
    remove_tree(f, "/");
    finish(f);
    assert_int_equal(f->model.count, 0);
    assert_int_equal(f->stats.removed, 2);
}

static void test_manifest_patch_replaces_the_root_and_keeps_what_is_below(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->model, "/", 3000);
    build(f);
    begin(f);
    put(f, "/", 777);
    finish(f);
    assert_int_equal(f->model.count, 3001);
    begin(f);
    remove_one(f, "/");
    finish(f);
    assert_int_equal(f->model.count, 3000);
}

/*
 * In a manifest of three levels, one changed file: a page a level is read, and about as many
 * written.
 */
static void test_manifest_patch_of_one_file_touches_one_page_a_level(void **state)
{
    struct fixture *f = *state;
    char path[64];
    f->model.fat_every = 1;
    f->model.fat_bytes = 35000;
    pathmodel_fill(&f->model, "/srv", 1700);
    build(f);
    size_t len;
    const uint8_t *page = mempages_find(&f->pages, f->root, &len);
    assert_int_equal(page[2], 2);
    uint64_t read = 0, written = 0;
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "/srv/file-%07d.dat", 100 + i * 197);
        begin(f);
        put(f, path, 1000 + (uint64_t)i * 3);
        finish(f);
        read += f->stats.pages_read + f->stats.built.pages_got;
        written += f->fresh;
    }
    /* A leaf, an index page, the root; now and then a few more, where pages shift. */
    assert_in_range(read, 8 * 3, 8 * 8);
    assert_in_range(written, 8 * 3, 8 * 5);
}

/*
 * Large nodes, two to a leaf, until `pages` index pages of level 1 have ended, and `more` nodes
 * behind them. Returns the number of nodes in those pages; *out_second: where the second of them
 * begins.
 */
static size_t build_index_pages(struct fixture *f, int pages, size_t more, size_t *out_second)
{
    struct manifest_builder *b;
    size_t i = 0;
    f->model.fat_every = 1;
    f->model.fat_bytes = 35000;
    pathmodel_fill(&f->model, "/srv", 4000);
    assert_int_equal(manifest_builder_new(&f->pages.pages, key, &b), 0);
    for (int ended = 0; ended < pages;) {
        struct node n = pathmodel_node(&f->model, i++);
        assert_int_equal(manifest_builder_add(b, &n), 0);
        ended += manifest_builder_at_start(b, 1);
        if (ended == 1 && manifest_builder_at_start(b, 1)) {
            *out_second = i;
        }
    }
    manifest_builder_free(b);
    assert_true(i + more < f->model.count);
    while (f->model.count > i + more) {
        pathmodel_remove(&f->model, f->model.count - 1);
    }
    build(f);
    return i;
}

static void remove_first(struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s", f->model.entries[0].path);
        remove_one(f, path);
    }
}

/* The last index page, of one leaf, is left alone: it is not the root then, its leaf is. */
static void test_manifest_patch_leaves_no_index_page_above_a_single_leaf(void **state)
{
    struct fixture *f = *state;
    size_t second, len;
    size_t before = build_index_pages(f, 1, 1, &second);
    begin(f);
    remove_first(f, before);
    finish(f);
    assert_int_equal(f->model.count, 1);
    const uint8_t *page = mempages_find(&f->pages, f->root, &len);
    assert_int_equal(page[2], 0);
}

/* An index page has its first separator in it, which is empty in the first one. */
static void test_manifest_patch_makes_an_index_page_the_first(void **state)
{
    struct fixture *f = *state;
    size_t second = 0;
    build_index_pages(f, 2, 10, &second);
    begin(f);
    remove_first(f, second);
    finish(f);
}

/* The key before an index page changes, and with it the separator that the page begins with. */
static void test_manifest_patch_changes_the_key_before_an_index_page(void **state)
{
    struct fixture *f = *state;
    char last[200], behind[200];
    size_t second = 0;
    build_index_pages(f, 2, 10, &second);
    snprintf(last, sizeof last, "%s", f->model.entries[second - 1].path);
    snprintf(behind, sizeof behind, "%s", f->model.entries[second].path);
    behind[strlen(behind) - 4] = '\0'; /* without ".dat": right before it */
    begin(f);
    remove_one(f, last);
    put(f, behind, 12345);
    finish(f);
}

/* What was taken over unread ends with a key that the next separator depends on. */
static void test_manifest_patch_removes_the_key_behind_an_index_page(void **state)
{
    struct fixture *f = *state;
    char first[200];
    size_t second = 0;
    build_index_pages(f, 2, 10, &second);
    snprintf(first, sizeof first, "%s", f->model.entries[second].path);
    begin(f);
    remove_one(f, first);
    finish(f);
}

static void test_manifest_patch_appends_behind_the_last_leaf(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->model, "/srv", 3000);
    build(f);
    begin(f);
    put(f, "/srv/zzz", 5);
    finish(f);
}

static void test_manifest_patch_removes_a_large_folder_unread(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->model, "/a", 1000);
    pathmodel_fill(&f->model, "/b", 50000);
    pathmodel_fill(&f->model, "/c", 1000);
    build(f);
    begin(f);
    remove_tree(f, "/b");
    finish(f);
    assert_int_equal(f->stats.removed, 50001);
    assert_true(f->stats.pages_read <= 6);
}

/* The last leaf begins inside the folder and ends behind it. */
static void test_manifest_patch_keeps_what_shares_a_leaf_with_a_removed_folder(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->model, "/b", 20000);
    pathmodel_fill(&f->model, "/c", 5);
    build(f);
    begin(f);
    remove_tree(f, "/b");
    finish(f);
    assert_int_equal(f->model.count, 6);
}

static void test_manifest_patch_refuses_changes_out_of_order(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->model, "/srv", 100);
    build(f);
    struct node n = pathmodel_node(&f->model, 50);
    begin(f);
    assert_int_equal(manifest_patch_put(f->patch, &n), 0);
    assert_int_equal(manifest_patch_put(f->patch, &n), HF_EFAIL);
    manifest_patch_free(f->patch);
    begin(f);
    assert_int_equal(manifest_patch_remove_tree(f->patch, "/srv", 4), 0);
    assert_int_equal(manifest_patch_put(f->patch, &n), HF_EFAIL);
    manifest_patch_free(f->patch);
    begin(f);
    assert_int_equal(manifest_patch_remove(f->patch, "srv", 3), HF_EFAIL);
}

static void test_manifest_patch_fails_where_a_page_is_lost(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->model, "/srv", 20000);
    build(f);
    begin(f);
    struct node n = pathmodel_node(&f->model, 10000);
    f->pages.refuse_gets = true;
    assert_int_equal(manifest_patch_put(f->patch, &n), HF_EIO);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_manifest_patch_equals_scratch_after_any_history),
        ON(test_manifest_patch_equals_scratch_with_small_pages_of_few_entries),
        ON(test_manifest_patch_equals_scratch_with_three_levels),
        ON(test_manifest_patch_without_changes_is_the_same),
        ON(test_manifest_patch_builds_from_nothing),
        ON(test_manifest_patch_replaces_the_root_and_keeps_what_is_below),
        ON(test_manifest_patch_of_one_file_touches_one_page_a_level),
        ON(test_manifest_patch_leaves_no_index_page_above_a_single_leaf),
        ON(test_manifest_patch_makes_an_index_page_the_first),
        ON(test_manifest_patch_changes_the_key_before_an_index_page),
        ON(test_manifest_patch_removes_the_key_behind_an_index_page),
        ON(test_manifest_patch_appends_behind_the_last_leaf),
        ON(test_manifest_patch_removes_a_large_folder_unread),
        ON(test_manifest_patch_keeps_what_shares_a_leaf_with_a_removed_folder),
        ON(test_manifest_patch_refuses_changes_out_of_order),
        ON(test_manifest_patch_fails_where_a_page_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
