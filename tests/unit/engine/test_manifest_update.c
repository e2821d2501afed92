/*
 * test_manifest_update.c - whatever its history, a manifest equals the one built from scratch.
 *
 * Page for page; and what did not change costs nothing.
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
#include "engine/manifest_cursor.h"
#include "engine/manifest_update.h"
#include "format/nacl.h"
#include "harness/mempages.h"
#include "harness/pathmodel.h"

static const uint8_t key[16] = { 5, 5 };

struct history {
    struct mempages pages;
    struct pathmodel was, is;
    uint8_t root[32]; /* of was */
    struct manifest_built stats;
};

static void begin(struct history *h, uint32_t fat_every, uint32_t fat_bytes)
{
    memset(h, 0, sizeof *h);
    assert_int_equal(nacl_init(), 0);
    assert_int_equal(mempages_open(&h->pages), 0);
    h->was.fat_every = h->is.fat_every = fat_every;
    h->was.fat_bytes = h->is.fat_bytes = fat_bytes;
}

static void end(struct history *h)
{
    mempages_close(&h->pages);
    pathmodel_release(&h->was);
    pathmodel_release(&h->is);
}

static int order(const struct pathmodel *a, size_t i, const struct pathmodel *b, size_t j)
{
    if (i == a->count || j == b->count) {
        return i == a->count ? (j == b->count ? 0 : 1) : -1;
    }
    return node_path_compare(a->entries[i].path, a->entries[i].len, b->entries[j].path,
                             b->entries[j].len);
}

/* As backup does it: the old manifest by cursor, merged with what is there now. */
static int update(struct history *h, uint8_t out_root[32], struct manifest_totals *out_totals)
{
    struct manifest_cursor *c = NULL;
    struct manifest_update *u = NULL;
    struct node was;
    size_t i = 0, j = 0;
    int rc = manifest_cursor_open(&h->pages.pages, h->root, &c);
    if (rc == 0) {
        rc = manifest_update_new(&h->pages.pages, key, &u);
    }
    while (rc == 0 && (i < h->was.count || j < h->is.count)) {
        int o = order(&h->was, i, &h->is, j);
        if (o <= 0) {
            int got = manifest_cursor_next(c, &was);
            rc = got == 1 ? 0 : got < 0 ? got : HF_EFAIL;
            if (rc != 0) {
                break;
            }
        }
        if (o == 0 && h->was.entries[i].version == h->is.entries[j].version) {
            uint32_t index;
            struct manifest_leaf *leaf = manifest_cursor_leaf(c, &index);
            rc = manifest_update_keep(u, leaf, index, 1);
        } else if (o >= 0) {
            struct node n = pathmodel_node(&h->is, j);
            rc = manifest_update_put(u, &n);
        }
        i += o <= 0;
        j += o >= 0;
    }
    if (rc == 0) {
        rc = manifest_update_finish(u, out_root, out_totals);
    }
    if (u != NULL) {
        manifest_update_stats(u, &h->stats);
    }
    manifest_update_free(u);
    manifest_cursor_close(c);
    return rc;
}

/* Updates was to is, compares with scratch, and makes is the new was. */
static void step(struct history *h)
{
    uint8_t updated[32], scratch[32];
    struct manifest_totals totals, scratch_totals;
    mempages_reset_counts(&h->pages);
    assert_int_equal(update(h, updated, &totals), 0);
    uint64_t fresh = h->pages.fresh, gets = h->pages.gets;
    assert_int_equal(pathmodel_build(&h->is, &h->pages.pages, key, scratch, &scratch_totals), 0);
    assert_memory_equal(updated, scratch, 32);
    assert_int_equal(totals.entries, scratch_totals.entries);
    assert_int_equal(totals.bytes, scratch_totals.bytes);
    /* Whatever scratch needs has been stored by the update, too. */
    assert_int_equal(h->pages.fresh, fresh);
    h->pages.gets = gets;
    memcpy(h->root, scratch, 32);
    pathmodel_copy(&h->is, &h->was);
}

static void change_at_random(struct history *h, struct rnd *r)
{
    char path[200];
    uint64_t kind = rnd_below(r, 10), count = 1 + rnd_below(r, kind < 7 ? 4 : 60);
    for (uint64_t i = 0; i < count; i++) {
        size_t at = h->is.count > 0 ? (size_t)rnd_below(r, h->is.count) : 0;
        switch (h->is.count > 0 ? rnd_below(r, 4) : 0) {
        case 0:
        case 1:
            pathmodel_random_path(r, path);
            pathmodel_put(&h->is, path, rnd_below(r, 1000000));
            break;
        case 2:
            h->is.entries[at].version = rnd_below(r, 1000000);
            break;
        default:
            pathmodel_remove(&h->is, at);
            break;
        }
    }
    if (kind == 9 && h->is.count > 0) { /* a whole folder goes */
        size_t at = (size_t)rnd_below(r, h->is.count);
        for (size_t last = pathmodel_subtree_end(&h->is, at); last > at; last--) {
            pathmodel_remove(&h->is, last - 1);
        }
    }
    if (kind == 8 && h->is.count > 0 && rnd_below(r, 10) == 0) { /* the tail goes */
        size_t at = (size_t)rnd_below(r, h->is.count);
        while (h->is.count > at) {
            pathmodel_remove(&h->is, h->is.count - 1);
        }
    }
}

static uint64_t seed_of_the_day(uint64_t fixed)
{
    const char *seed = getenv("HOLDFAST_TEST_SEED");
    return seed != NULL ? strtoull(seed, NULL, 10) : fixed;
}

static void run_history(uint64_t seed, size_t start, size_t steps, uint32_t fat_every,
                        uint32_t fat_bytes, uint8_t min_level)
{
    struct history h;
    struct rnd r;
    char path[200];
    size_t root_len;
    print_message("history: seed %llu, %zu entries\n", (unsigned long long)seed, start);
    rnd_init_seeded(&r, seed);
    begin(&h, fat_every, fat_bytes);
    for (size_t i = 0; i < start; i++) {
        pathmodel_random_path(&r, path);
        pathmodel_put(&h.is, path, rnd_below(&r, 1000000));
    }
    step(&h);
    const uint8_t *page = mempages_find(&h.pages, h.root, &root_len);
    assert_non_null(page);
    assert_true(page[2] >= min_level);
    for (size_t i = 0; i < steps; i++) {
        change_at_random(&h, &r);
        step(&h);
    }
    end(&h);
}

static void test_manifest_update_equals_scratch_after_any_history(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 6; i++) {
        run_history(seed_of_the_day(100 + i), 2000, 25, 0, 0, 1);
    }
}

static void test_manifest_update_equals_scratch_from_nothing_and_back(void **state)
{
    struct history h;
    (void)state;
    begin(&h, 0, 0);
    step(&h); /* nothing to nothing */
    pathmodel_fill(&h.is, "/a", 3000);
    step(&h);
    while (h.is.count > 0) {
        pathmodel_remove(&h.is, h.is.count - 1);
    }
    step(&h);
    static const uint8_t zeros[32];
    assert_memory_equal(h.root, zeros, 32);
    end(&h);
}

static void test_manifest_update_equals_scratch_with_small_pages_of_few_entries(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        run_history(seed_of_the_day(200 + i), 1500, 12, 2, 5000, 1);
    }
}

static void test_manifest_update_equals_scratch_with_three_levels(void **state)
{
    (void)state;
    run_history(seed_of_the_day(300), 1700, 8, 1, 35000, 2);
}

static void test_manifest_update_of_an_unchanged_manifest_stores_no_leaf(void **state)
{
    struct history h;
    (void)state;
    begin(&h, 0, 0);
    pathmodel_fill(&h.is, "/srv", 50000);
    step(&h);
    uint64_t pages = h.stats.pages_put;
    assert_true(pages > 50);
    step(&h);
    assert_int_equal(h.stats.pages_taken, pages - 1); /* all but the root are leaves here */
    assert_int_equal(h.stats.pages_put, 1);
    assert_int_equal(h.stats.pages_got, 0);
    assert_int_equal(h.pages.gets, pages); /* each once, by the cursor */
    end(&h);
}

static void test_manifest_update_of_one_entry_rewrites_two_pages(void **state)
{
    struct history h;
    (void)state;
    begin(&h, 0, 0);
    pathmodel_fill(&h.is, "/srv", 50000);
    step(&h);
    uint64_t pages = h.stats.pages_put;
    h.is.entries[25000].version++;
    step(&h);
    assert_true(h.stats.pages_put <= 4); /* its leaf and the root; the leaf may have split */
    assert_true(h.stats.pages_taken >= pages - 4);
    assert_true(h.pages.gets <= pages + 4);
    end(&h);
}

/* The last leaf ended where the manifest ended, which is no reason any more. */
static void test_manifest_update_appends_behind_the_last_leaf(void **state)
{
    struct history h;
    char path[64];
    (void)state;
    begin(&h, 0, 0);
    pathmodel_fill(&h.is, "/srv", 3000);
    step(&h);
    for (int i = 0; i < 30; i++) {
        snprintf(path, sizeof path, "/srv/zzz-%02d", i);
        pathmodel_put(&h.is, path, (uint64_t)i);
        step(&h);
    }
    end(&h);
}

static void test_manifest_update_of_a_single_leaf_is_itself(void **state)
{
    struct history h;
    (void)state;
    begin(&h, 0, 0);
    pathmodel_fill(&h.is, "/", 20);
    step(&h);
    step(&h);
    assert_int_equal(h.stats.pages_put, 0);
    assert_int_equal(h.stats.pages_taken, 1);
    end(&h);
}

static void test_manifest_update_keeps_a_run_given_in_pieces(void **state)
{
    struct history h;
    struct manifest_cursor *c;
    struct manifest_update *u;
    struct manifest_leaf *leaf;
    struct node n;
    uint8_t root[32];
    uint32_t index;
    (void)state;
    begin(&h, 0, 0);
    pathmodel_fill(&h.is, "/srv", 3000);
    step(&h);
    assert_int_equal(manifest_cursor_open(&h.pages.pages, h.root, &c), 0);
    assert_int_equal(manifest_update_new(&h.pages.pages, key, &u), 0);
    uint32_t at = 0;
    while (manifest_cursor_next(c, &n) == 1) {
        leaf = manifest_cursor_leaf(c, &index);
        uint32_t all = (uint32_t)leaf->page.entries;
        if (index == 0) {
            at = 0;
        }
        if (index == all - 1) { /* a piece of seven at a time, the rest at last */
            for (; at + 7 < all; at += 7) {
                assert_int_equal(manifest_update_keep(u, leaf, at, 7), 0);
            }
            assert_int_equal(manifest_update_keep(u, leaf, at, all - at), 0);
        }
    }
    assert_int_equal(manifest_update_finish(u, root, NULL), 0);
    assert_memory_equal(root, h.root, 32);
    manifest_update_free(u);
    manifest_cursor_close(c);
    end(&h);
}

static void test_manifest_update_keeps_a_leaf_that_the_cursor_has_left(void **state)
{
    struct history h;
    struct manifest_cursor *c;
    struct manifest_update *u;
    struct manifest_leaf *held[64];
    struct node n;
    uint8_t root[32];
    size_t count = 0;
    uint32_t index;
    (void)state;
    begin(&h, 0, 0);
    pathmodel_fill(&h.is, "/srv", 3000);
    step(&h);
    assert_int_equal(manifest_cursor_open(&h.pages.pages, h.root, &c), 0);
    while (manifest_cursor_next(c, &n) == 1) {
        struct manifest_leaf *leaf = manifest_cursor_leaf(c, &index);
        if (index == 0) {
            held[count++] = manifest_leaf_hold(leaf);
        }
    }
    manifest_cursor_close(c);
    assert_true(count > 2);
    assert_int_equal(manifest_update_new(&h.pages.pages, key, &u), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(manifest_update_keep(u, held[i], 0, (uint32_t)held[i]->page.entries), 0);
        manifest_leaf_drop(held[i]);
    }
    assert_int_equal(manifest_update_finish(u, root, NULL), 0);
    assert_memory_equal(root, h.root, 32);
    manifest_update_free(u);
    end(&h);
}

static void test_manifest_update_refuses_entries_that_a_leaf_has_not(void **state)
{
    struct history h;
    struct manifest_cursor *c;
    struct manifest_update *u;
    struct node n;
    uint32_t index;
    (void)state;
    begin(&h, 0, 0);
    pathmodel_fill(&h.is, "/srv", 10);
    step(&h);
    assert_int_equal(manifest_cursor_open(&h.pages.pages, h.root, &c), 0);
    assert_int_equal(manifest_cursor_next(c, &n), 1);
    assert_int_equal(manifest_update_new(&h.pages.pages, key, &u), 0);
    struct manifest_leaf *leaf = manifest_cursor_leaf(c, &index);
    assert_int_equal(manifest_update_keep(u, leaf, 0, 12), HF_EFAIL);
    assert_int_equal(manifest_update_keep(u, leaf, 12, 1), HF_EFAIL);
    assert_int_equal(manifest_update_keep(u, leaf, 1, UINT32_MAX), HF_EFAIL);
    assert_int_equal(manifest_update_keep(u, leaf, 5, 1), 0);
    assert_int_equal(manifest_update_keep(u, leaf, 2, 1), HF_EFAIL); /* backwards */
    manifest_update_free(u);
    manifest_cursor_close(c);
    end(&h);
}

/* How many nodes it takes until an index page ends. */
static size_t nodes_of_an_index_page(const struct pathmodel *m, struct pagestore *pages)
{
    struct manifest_builder *b;
    size_t i = 0;
    assert_int_equal(manifest_builder_new(pages, key, &b), 0);
    do {
        struct node n = pathmodel_node(m, i++);
        assert_int_equal(manifest_builder_add(b, &n), 0);
    } while (!manifest_builder_at_start(b, 1));
    manifest_builder_free(b);
    return i;
}

static void test_manifest_update_checkpoint_is_the_manifest_so_far(void **state)
{
    struct mempages pages;
    struct pathmodel all = { .fat_every = 1, .fat_bytes = 35000 }, part = all;
    struct manifest_update *u;
    uint8_t root[32], scratch[32];
    (void)state;
    assert_int_equal(nacl_init(), 0);
    assert_int_equal(mempages_open(&pages), 0);
    pathmodel_fill(&all, "/srv", 2000);
    size_t ends = nodes_of_an_index_page(&all, &pages.pages);
    assert_int_equal(manifest_update_new(&pages.pages, key, &u), 0);
    for (size_t i = 0; i < ends + 20; i++) {
        if (i % 397 == 0 || i < 4 || (i >= ends - 1 && i < ends + 5)) {
            assert_int_equal(manifest_update_checkpoint(u, root), 0);
            pathmodel_copy(&all, &part);
            while (part.count > i) {
                pathmodel_remove(&part, part.count - 1);
            }
            assert_int_equal(pathmodel_build(&part, &pages.pages, key, scratch, NULL), 0);
            assert_memory_equal(root, scratch, 32);
        }
        struct node n = pathmodel_node(&all, i);
        assert_int_equal(manifest_update_put(u, &n), 0);
    }
    pathmodel_copy(&all, &part);
    while (part.count > ends + 20) {
        pathmodel_remove(&part, part.count - 1);
    }
    assert_int_equal(manifest_update_finish(u, root, NULL), 0);
    assert_int_equal(pathmodel_build(&part, &pages.pages, key, scratch, NULL), 0);
    assert_memory_equal(root, scratch, 32);
    manifest_update_free(u);
    pathmodel_release(&all);
    pathmodel_release(&part);
    mempages_close(&pages);
}

/* Every allocation fails once: an error, never a manifest that lacks something. */
static void test_manifest_update_survives_each_failed_allocation(void **state)
{
    struct history h;
    uint8_t root[32], scratch[32];
    struct manifest_totals totals;
    (void)state;
    begin(&h, 0, 0);
    pathmodel_fill(&h.is, "/srv", 1200);
    step(&h);
    h.is.entries[600].version++;
    assert_int_equal(pathmodel_build(&h.is, &h.pages.pages, key, scratch, NULL), 0);
    for (uint64_t nth = 1;; nth++) {
        mem_fail_at(nth, 0);
        int rc = update(&h, root, &totals);
        uint64_t hits = mem_fail_hits();
        mem_fail_at(0, 0);
        if (rc == 0) {
            assert_memory_equal(root, scratch, 32);
        }
        assert_true(rc == 0 || rc == HF_ENOMEM);
        if (hits == 0) {
            assert_int_equal(rc, 0);
            break;
        }
    }
    end(&h);
}

static void test_manifest_update_fails_when_a_page_can_not_be_stored(void **state)
{
    struct history h;
    uint8_t root[32];
    struct manifest_totals totals;
    (void)state;
    begin(&h, 0, 0);
    pathmodel_fill(&h.is, "/srv", 3000);
    h.pages.fail_put_at = 3;
    assert_int_equal(update(&h, root, &totals), HF_ENOSPC);
    end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_update_equals_scratch_after_any_history),
        cmocka_unit_test(test_manifest_update_equals_scratch_from_nothing_and_back),
        cmocka_unit_test(test_manifest_update_equals_scratch_with_small_pages_of_few_entries),
        cmocka_unit_test(test_manifest_update_equals_scratch_with_three_levels),
        cmocka_unit_test(test_manifest_update_of_an_unchanged_manifest_stores_no_leaf),
        cmocka_unit_test(test_manifest_update_of_one_entry_rewrites_two_pages),
        cmocka_unit_test(test_manifest_update_appends_behind_the_last_leaf),
        cmocka_unit_test(test_manifest_update_of_a_single_leaf_is_itself),
        cmocka_unit_test(test_manifest_update_keeps_a_run_given_in_pieces),
        cmocka_unit_test(test_manifest_update_keeps_a_leaf_that_the_cursor_has_left),
        cmocka_unit_test(test_manifest_update_refuses_entries_that_a_leaf_has_not),
        cmocka_unit_test(test_manifest_update_checkpoint_is_the_manifest_so_far),
        cmocka_unit_test(test_manifest_update_survives_each_failed_allocation),
        cmocka_unit_test(test_manifest_update_fails_when_a_page_can_not_be_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
