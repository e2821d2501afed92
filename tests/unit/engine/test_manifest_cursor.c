/*
 * test_manifest_cursor.c - reading in order, from anywhere, few pages, around damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "engine/manifest_cursor.h"
#include "format/nacl.h"
#include "format/page.h"
#include "harness/mempages.h"
#include "harness/pathmodel.h"

static const uint8_t key[16] = { 4 };

struct fixture {
    struct mempages pages;
    struct pathmodel model;
    uint8_t root[32];
    struct manifest_totals totals;
    struct manifest_cursor *cursor;
};

static void build(struct fixture *f)
{
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, f->root, &f->totals), 0);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, f->root, &f->cursor), 0);
}

static int set_up_empty(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    if (f == NULL || nacl_init() != 0 || mempages_open(&f->pages) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

/* Twenty thousand files in a hundred folders: two levels. */
static int set_up_tree(void **state)
{
    if (set_up_empty(state) != 0) {
        return -1;
    }
    struct fixture *f = *state;
    char folder[32];
    pathmodel_fill(&f->model, "/", 0);
    for (int i = 0; i < 100; i++) {
        snprintf(folder, sizeof folder, "/dir-%02d", i);
        pathmodel_fill(&f->model, folder, 200);
    }
    build(f);
    return 0;
}

/* The same shape with large nodes: three levels. */
static int set_up_high_tree(void **state)
{
    if (set_up_empty(state) != 0) {
        return -1;
    }
    struct fixture *f = *state;
    struct rnd r;
    char path[200];
    f->model.fat_every = 1;
    f->model.fat_bytes = 35000;
    rnd_init_seeded(&r, 11);
    for (int i = 0; i < 1700; i++) {
        pathmodel_random_path(&r, path);
        pathmodel_put(&f->model, path, rnd_below(&r, 100000));
    }
    build(f);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    manifest_cursor_close(f->cursor);
    mempages_close(&f->pages);
    pathmodel_release(&f->model);
    mem_free(f);
    return 0;
}

/* Reads from entry `at` to the end, or `count` entries. */
static void assert_reads(struct fixture *f, size_t at, size_t count)
{
    struct node n;
    for (size_t i = at; i < f->model.count && count > 0; i++, count--) {
        assert_int_equal(manifest_cursor_next(f->cursor, &n), 1);
        assert_true(pathmodel_is(&f->model, i, &n));
    }
    if (count > 0) {
        assert_int_equal(manifest_cursor_next(f->cursor, &n), 0);
    }
}

static void test_manifest_cursor_reads_all_in_order(void **state)
{
    struct fixture *f = *state;
    struct node n;
    struct manifest_totals totals;
    assert_reads(f, 0, SIZE_MAX);
    assert_int_equal(manifest_cursor_next(f->cursor, &n), 0);
    manifest_cursor_totals(f->cursor, &totals);
    assert_int_equal(totals.entries, f->totals.entries);
    assert_int_equal(totals.bytes, f->totals.bytes);
    assert_int_equal(manifest_cursor_pages_read(f->cursor), f->pages.fresh); /* each once */
}

static void test_manifest_cursor_of_nothing_yields_nothing(void **state)
{
    struct fixture *f = *state;
    struct node n;
    build(f);
    assert_int_equal(manifest_cursor_next(f->cursor, &n), 0);
    assert_int_equal(manifest_cursor_seek(f->cursor, "/a", 2), 0);
    assert_int_equal(manifest_cursor_next(f->cursor, &n), 0);
    assert_int_equal(manifest_cursor_find(f->cursor, "/", 1, &n), 0);
    assert_int_equal(f->pages.gets, 0);
}

static void test_manifest_cursor_of_one_leaf_knows_its_totals(void **state)
{
    struct fixture *f = *state;
    struct manifest_totals totals;
    pathmodel_fill(&f->model, "/", 30);
    build(f);
    manifest_cursor_totals(f->cursor, &totals);
    assert_int_equal(totals.entries, 31);
    assert_int_equal(totals.bytes, f->totals.bytes);
    assert_reads(f, 0, SIZE_MAX);
}

static void test_manifest_cursor_seeks_anywhere(void **state)
{
    struct fixture *f = *state;
    struct rnd r;
    char path[200];
    rnd_init_seeded(&r, 5);
    for (int i = 0; i < 3000; i++) {
        size_t at;
        if (rnd_below(&r, 2) == 0) {
            at = (size_t)rnd_below(&r, f->model.count);
            snprintf(path, sizeof path, "%s", f->model.entries[at].path);
        } else {
            pathmodel_random_path(&r, path);
            at = pathmodel_seek(&f->model, path);
        }
        assert_int_equal(manifest_cursor_seek(f->cursor, path, strlen(path)), 0);
        assert_reads(f, at, (size_t)rnd_below(&r, 4));
    }
}

static void test_manifest_cursor_finds_what_is_there_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct node n;
    for (size_t i = 0; i < f->model.count; i += 97) {
        const struct pathmodel_entry *e = &f->model.entries[i];
        assert_int_equal(manifest_cursor_find(f->cursor, e->path, e->len, &n), 1);
        assert_true(pathmodel_is(&f->model, i, &n));
    }
    assert_int_equal(manifest_cursor_find(f->cursor, "/dir-50/file", 12, &n), 0);
    assert_int_equal(manifest_cursor_find(f->cursor, "/dir-5", 6, &n), 0);
    assert_int_equal(manifest_cursor_find(f->cursor, "/zzz", 4, &n), 0);
    assert_int_equal(manifest_cursor_find(f->cursor, "/", 1, &n), 1);
}

static void test_manifest_cursor_skips_a_subtree(void **state)
{
    struct fixture *f = *state;
    struct node n;
    size_t i = 0;
    while (i < f->model.count) {
        assert_int_equal(manifest_cursor_next(f->cursor, &n), 1);
        assert_true(pathmodel_is(&f->model, i, &n));
        if (n.path_len == 1) { /* not the root: all would be skipped */
            i++;
            continue;
        }
        assert_int_equal(manifest_cursor_skip_subtree(f->cursor), 0);
        i = pathmodel_subtree_end(&f->model, i);
    }
    assert_int_equal(manifest_cursor_next(f->cursor, &n), 0);
}

static void test_manifest_cursor_skips_everything_below_the_root(void **state)
{
    struct fixture *f = *state;
    struct node n;
    assert_int_equal(manifest_cursor_skip_subtree(f->cursor), HF_EFAIL);
    assert_int_equal(manifest_cursor_next(f->cursor, &n), 1);
    assert_int_equal(manifest_cursor_skip_subtree(f->cursor), 0);
    assert_int_equal(manifest_cursor_next(f->cursor, &n), 0);
}

static void test_manifest_cursor_lists_a_folder_from_few_pages(void **state)
{
    struct fixture *f = *state;
    struct node n;
    size_t count = 0;
    mempages_reset_counts(&f->pages);
    assert_int_equal(manifest_cursor_seek(f->cursor, "/dir-57", 7), 0);
    while (manifest_cursor_next(f->cursor, &n) == 1 &&
           node_path_within("/dir-57", 7, n.path, n.path_len)) {
        count++;
    }
    assert_int_equal(count, 201);
    assert_true(f->pages.gets <= 3); /* two leaves, and the one where it ends */
}

static void test_manifest_cursor_lists_the_top_from_one_page_a_folder(void **state)
{
    struct fixture *f = *state;
    struct node n;
    size_t count = 0;
    mempages_reset_counts(&f->pages);
    assert_int_equal(manifest_cursor_seek(f->cursor, "/dir-00", 7), 0);
    while (manifest_cursor_next(f->cursor, &n) == 1) {
        count++;
        assert_int_equal(manifest_cursor_skip_subtree(f->cursor), 0);
    }
    assert_int_equal(count, 100);
    assert_true(f->pages.gets <= 100);
}

static void test_manifest_cursor_tells_leaf_and_index(void **state)
{
    struct fixture *f = *state;
    struct node n;
    struct manifest_leaf *held = NULL;
    uint32_t index, expected = 0;
    uint64_t entries = 0;
    size_t leaves = 0;
    while (manifest_cursor_next(f->cursor, &n) == 1) {
        struct manifest_leaf *leaf = manifest_cursor_leaf(f->cursor, &index);
        if (index == 0) {
            if (held != NULL) {
                assert_int_equal(held->page.entries, expected);
                assert_false(held->page.last);
            }
            manifest_leaf_drop(held);
            held = manifest_leaf_hold(leaf);
            assert_int_equal(held->page.first_entry, entries);
            assert_int_equal(held->page.level, 0);
            expected = 0;
            leaves++;
        }
        assert_int_equal(index, expected++);
        entries++;
    }
    assert_non_null(held);
    assert_true(held->page.last);
    assert_true(leaves > 10);
    manifest_leaf_drop(held);
}

/* Loses every page in turn: all that is not in it is read, and the loss has the page's id. */
static void test_manifest_cursor_reads_around_each_lost_page(void **state)
{
    struct fixture *f = *state;
    struct node n;
    struct manifest_leaf *held[400];
    struct manifest_loss loss;
    uint32_t index;
    size_t leaves = 0;
    while (manifest_cursor_next(f->cursor, &n) == 1) {
        struct manifest_leaf *leaf = manifest_cursor_leaf(f->cursor, &index);
        if (index == 0 && leaves < 400) {
            held[leaves++] = manifest_leaf_hold(leaf);
        }
    }
    for (size_t i = 0; i < leaves; i++) {
        struct manifest_page *page = &held[i]->page;
        size_t len, at = 0, losses = 0;
        const uint8_t *data = mempages_find(&f->pages, page->id, &len);
        void *copy = mem_dup(data, len);
        assert_non_null(copy);
        mempages_lose(&f->pages, page->id);
        manifest_cursor_close(f->cursor);
        assert_int_equal(manifest_cursor_open(&f->pages.pages, f->root, &f->cursor), 0);
        int rc;
        while ((rc = manifest_cursor_next(f->cursor, &n)) != 0) {
            if (rc == 1) {
                assert_true(pathmodel_is(&f->model, at++, &n));
                continue;
            }
            assert_int_equal(rc, HF_EDAMAGE);
            assert_int_equal(manifest_cursor_next(f->cursor, &n), HF_EDAMAGE); /* still */
            assert_int_equal(manifest_cursor_skip_page(f->cursor, &loss), 0);
            assert_int_equal(manifest_cursor_skip_page(f->cursor, &loss), HF_EFAIL);
            assert_memory_equal(loss.id, page->id, 32);
            assert_int_equal(loss.entries, page->entries);
            assert_int_equal(loss.entries_read, 0);
            at += (size_t)loss.entries;
            losses++;
        }
        assert_int_equal(losses, 1);
        assert_int_equal(at, f->model.count);
        assert_int_equal(mempages_replace(&f->pages, page->id, copy, len), 0);
        mem_free(copy);
        manifest_leaf_drop(held[i]);
    }
}

static void test_manifest_cursor_names_the_page_that_is_lost(void **state)
{
    struct fixture *f = *state;
    struct node n;
    uint32_t index;
    char hex[9];
    assert_int_equal(manifest_cursor_next(f->cursor, &n), 1);
    const struct manifest_page *page = &manifest_cursor_leaf(f->cursor, &index)->page;
    snprintf(hex, sizeof hex, "%02x%02x%02x%02x", page->id[0], page->id[1], page->id[2],
             page->id[3]);
    mempages_lose(&f->pages, page->id);
    manifest_cursor_close(f->cursor);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, f->root, &f->cursor), 0);
    assert_int_equal(manifest_cursor_next(f->cursor, &n), HF_EDAMAGE);
    assert_non_null(strstr(err_last()->text, hex));
}

static void test_manifest_cursor_goes_on_once_the_disk_answers_again(void **state)
{
    struct fixture *f = *state;
    struct node n;
    f->pages.refuse_gets = true;
    assert_int_equal(manifest_cursor_next(f->cursor, &n), HF_EIO);
    f->pages.refuse_gets = false;
    assert_reads(f, 0, SIZE_MAX);
}

static void test_manifest_cursor_can_not_open_a_lost_root(void **state)
{
    struct fixture *f = *state;
    struct manifest_cursor *c;
    mempages_lose(&f->pages, f->root);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, f->root, &c), HF_EDAMAGE);
}

/* A seek into a lost page fails, and goes on behind it. */
static void test_manifest_cursor_seeks_behind_a_lost_page(void **state)
{
    struct fixture *f = *state;
    struct node n;
    uint32_t index;
    assert_int_equal(manifest_cursor_find(f->cursor, "/dir-50/file-0000100.dat", 24, &n), 1);
    struct manifest_leaf *leaf = manifest_leaf_hold(manifest_cursor_leaf(f->cursor, &index));
    mempages_lose(&f->pages, leaf->page.id);
    manifest_cursor_close(f->cursor);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, f->root, &f->cursor), 0);
    assert_int_equal(manifest_cursor_seek(f->cursor, "/dir-50/file-0000100.dat", 24), HF_EDAMAGE);
    assert_int_equal(manifest_cursor_skip_page(f->cursor, NULL), 0);
    assert_reads(f, (size_t)(leaf->page.first_entry + leaf->page.entries), SIZE_MAX);
    manifest_leaf_drop(leaf);
}

/* A leaf that is valid by itself but does not belong where it is named. */
static void test_manifest_cursor_refuses_a_page_in_the_wrong_place(void **state)
{
    struct fixture *f = *state;
    struct node n;
    uint32_t index;
    size_t len;
    assert_int_equal(manifest_cursor_find(f->cursor, "/dir-20", 7, &n), 1);
    struct manifest_leaf *a = manifest_leaf_hold(manifest_cursor_leaf(f->cursor, &index));
    assert_int_equal(manifest_cursor_find(f->cursor, "/dir-70", 7, &n), 1);
    struct manifest_leaf *b = manifest_leaf_hold(manifest_cursor_leaf(f->cursor, &index));
    const uint8_t *data = mempages_find(&f->pages, a->page.id, &len);
    void *copy = mem_dup(data, len);
    assert_non_null(copy);
    assert_int_equal(mempages_replace(&f->pages, b->page.id, copy, len), 0);
    assert_int_equal(manifest_cursor_seek(f->cursor, "/dir-00", 7), 0);
    int rc;
    size_t errors = 0;
    while ((rc = manifest_cursor_next(f->cursor, &n)) != 0) {
        if (rc == 1) {
            continue;
        }
        assert_int_equal(rc, HF_EDAMAGE);
        assert_int_equal(manifest_cursor_skip_page(f->cursor, NULL), 0);
        errors++;
    }
    assert_int_equal(errors, 1);
    mem_free(copy);
    manifest_leaf_drop(a);
    manifest_leaf_drop(b);
}

static void test_manifest_cursor_refuses_a_list_page_as_root(void **state)
{
    static const uint8_t list[] = { PAGE_LIST, 0, 0, 0, 1, 3 };
    struct fixture *f = *state;
    struct manifest_cursor *c;
    uint8_t id[32];
    assert_int_equal(f->pages.pages.put(&f->pages.pages, list, sizeof list, id), 0);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, id, &c), HF_EDAMAGE);
}

static void test_manifest_cursor_survives_each_failed_allocation(void **state)
{
    struct fixture *f = *state;
    struct manifest_cursor *c;
    struct node n;
    for (uint64_t nth = 1;; nth++) {
        c = NULL;
        mem_fail_at(nth, 0);
        int rc = manifest_cursor_open(&f->pages.pages, f->root, &c);
        if (rc == 0) {
            rc = manifest_cursor_seek(c, "/dir-50", 7);
        }
        for (int i = 0; rc == 0 && i < 1000; i++) {
            rc = manifest_cursor_next(c, &n) == 1 ? 0 : HF_ENOMEM;
        }
        uint64_t hits = mem_fail_hits();
        mem_fail_at(0, 0);
        manifest_cursor_close(c);
        assert_int_equal(rc, hits > 0 ? HF_ENOMEM : 0);
        if (hits == 0) {
            break;
        }
    }
}

#define ON(set_up, test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(set_up_tree, test_manifest_cursor_reads_all_in_order),
        ON(set_up_high_tree, test_manifest_cursor_reads_all_in_order),
        ON(set_up_empty, test_manifest_cursor_of_nothing_yields_nothing),
        ON(set_up_empty, test_manifest_cursor_of_one_leaf_knows_its_totals),
        ON(set_up_tree, test_manifest_cursor_seeks_anywhere),
        ON(set_up_high_tree, test_manifest_cursor_seeks_anywhere),
        ON(set_up_tree, test_manifest_cursor_finds_what_is_there_and_nothing_else),
        ON(set_up_tree, test_manifest_cursor_skips_a_subtree),
        ON(set_up_high_tree, test_manifest_cursor_skips_a_subtree),
        ON(set_up_tree, test_manifest_cursor_skips_everything_below_the_root),
        ON(set_up_tree, test_manifest_cursor_lists_a_folder_from_few_pages),
        ON(set_up_tree, test_manifest_cursor_lists_the_top_from_one_page_a_folder),
        ON(set_up_tree, test_manifest_cursor_tells_leaf_and_index),
        ON(set_up_high_tree, test_manifest_cursor_tells_leaf_and_index),
        ON(set_up_tree, test_manifest_cursor_reads_around_each_lost_page),
        ON(set_up_tree, test_manifest_cursor_names_the_page_that_is_lost),
        ON(set_up_tree, test_manifest_cursor_goes_on_once_the_disk_answers_again),
        ON(set_up_tree, test_manifest_cursor_can_not_open_a_lost_root),
        ON(set_up_tree, test_manifest_cursor_seeks_behind_a_lost_page),
        ON(set_up_tree, test_manifest_cursor_refuses_a_page_in_the_wrong_place),
        ON(set_up_empty, test_manifest_cursor_refuses_a_list_page_as_root),
        ON(set_up_tree, test_manifest_cursor_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
