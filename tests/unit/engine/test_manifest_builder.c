/*
 * test_manifest_builder.c - nodes become a tree of pages: exact, low, in bounded memory.
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
#include "engine/manifest_builder.h"
#include "engine/manifest_cursor.h"
#include "format/nacl.h"
#include "format/page.h"
#include "harness/mempages.h"
#include "harness/pathmodel.h"

static const uint8_t key[16] = { 9 };

struct fixture {
    struct mempages pages;
    struct manifest_builder *builder;
    struct pathmodel model;
};

static int set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    if (f == NULL || nacl_init() != 0 || mempages_open(&f->pages) != 0 ||
        manifest_builder_new(&f->pages.pages, key, &f->builder) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    manifest_builder_free(f->builder);
    mempages_close(&f->pages);
    pathmodel_release(&f->model);
    mem_free(f);
    return 0;
}

static struct node plain_node(const char *path, size_t len)
{
    return (struct node){
        .path = path, .path_len = len, .type = NODE_FILE, .user = "", .group = "", .size = 10
    };
}

static int add(struct fixture *f, const char *path)
{
    struct node n = plain_node(path, strlen(path));
    return manifest_builder_add(f->builder, &n);
}

static uint8_t level_of(struct fixture *f, const uint8_t id[32])
{
    size_t len;
    const uint8_t *page = mempages_find(&f->pages, id, &len);
    assert_non_null(page);
    return page[2];
}

static void test_manifest_of_nothing_has_no_page(void **state)
{
    struct fixture *f = *state;
    struct manifest_totals totals;
    static const uint8_t zeros[32];
    uint8_t root[32];
    assert_int_equal(manifest_builder_finish(f->builder, root, &totals), 0);
    assert_memory_equal(root, zeros, 32);
    assert_int_equal(totals.entries, 0);
    assert_int_equal(f->pages.puts, 0);
}

static void test_manifest_of_a_few_nodes_is_one_leaf(void **state)
{
    struct fixture *f = *state;
    struct manifest_totals totals;
    uint8_t root[32];
    assert_int_equal(add(f, "/"), 0);
    assert_int_equal(add(f, "/a"), 0);
    assert_int_equal(manifest_builder_finish(f->builder, root, &totals), 0);
    assert_int_equal(level_of(f, root), 0);
    assert_int_equal(totals.entries, 2);
    assert_int_equal(totals.bytes, 20);
    assert_int_equal(f->pages.puts, 1);
}

static void test_manifest_refuses_paths_out_of_order(void **state)
{
    struct fixture *f = *state;
    uint8_t root[32];
    struct manifest_totals totals;
    assert_int_equal(add(f, "/b"), 0);
    assert_int_equal(add(f, "/b"), HF_EFAIL);
    assert_int_equal(add(f, "/a"), HF_EFAIL);
    assert_int_equal(add(f, "/b/../c"), HF_EFAIL);
    assert_int_equal(add(f, "/c"), 0);
    assert_int_equal(manifest_builder_finish(f->builder, root, &totals), 0);
    assert_int_equal(totals.entries, 2);
}

/* Also where a page has just ended, and the page that follows knows nothing of it. */
static void test_manifest_refuses_paths_out_of_order_across_pages(void **state)
{
    struct fixture *f = *state;
    char path[64];
    size_t starts = 0;
    for (unsigned i = 0; i < 50000; i++) {
        if (i > 0 && manifest_builder_at_start(f->builder, 0)) {
            starts++;
            assert_int_equal(add(f, path), HF_EFAIL); /* the last one again */
            assert_int_equal(add(f, "/"), HF_EFAIL);
        }
        snprintf(path, sizeof path, "/some/folder/file-number-%08u", i);
        assert_int_equal(add(f, path), 0);
    }
    assert_true(starts > 2);
}

static void test_manifest_of_a_hundred_thousand_files_in_one_folder(void **state)
{
    struct fixture *f = *state;
    struct manifest_cursor *c;
    struct manifest_totals totals;
    struct node n;
    uint8_t root[32];
    size_t i = 0;
    pathmodel_fill(&f->model, "/var/spool/mail", 100000);
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, root, &totals), 0);
    assert_int_equal(totals.entries, 100001);
    assert_int_equal(level_of(f, root), 1);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, root, &c), 0);
    while (manifest_cursor_next(c, &n) == 1) {
        assert_true(pathmodel_is(&f->model, i++, &n));
    }
    assert_int_equal(i, 100001);
    manifest_cursor_close(c);
}

/* Stores nothing, so that all allocations are the builder's. */
static int put_nowhere(struct pagestore *p, const void *page, size_t len, uint8_t out_id[32])
{
    uint64_t *pages = p->context;
    *pages += 1;
    nacl_hash(page, len, out_id);
    return 0;
}

static void test_manifest_memory_does_not_grow_with_its_entries(void **state)
{
    uint64_t pages = 0, before = 0;
    struct pagestore nowhere = { .put = put_nowhere, .context = &pages };
    struct manifest_builder *b;
    char path[64];
    (void)state;
    assert_int_equal(manifest_builder_new(&nowhere, key, &b), 0);
    for (unsigned i = 0; i < 400000; i++) {
        if (i == 40000) {
            before = mem_alloc_count();
        }
        snprintf(path, sizeof path, "/some/folder/file-number-%08u", i);
        struct node n = plain_node(path, strlen(path));
        n.ino = i * 1000000007ull;
        assert_int_equal(manifest_builder_add(b, &n), 0);
    }
    assert_true(pages > 100);
    assert_in_range(mem_alloc_count() - before, 0, 5); /* another level, a longer separator */
    manifest_builder_free(b);
}

static void test_manifest_keeps_a_path_of_a_hundred_thousand_bytes(void **state)
{
    struct fixture *f = *state;
    struct manifest_cursor *c;
    struct node n;
    uint8_t root[32];
    size_t len = 100000;
    char *path = mem_alloc(len + 1);
    assert_non_null(path);
    for (size_t i = 0; i < len; i++) {
        path[i] = i % 250 == 0 ? '/' : 'n';
    }
    path[len] = '\0';
    struct node deep = plain_node(path, len);
    assert_int_equal(add(f, "/a"), 0);
    assert_int_equal(manifest_builder_add(f->builder, &deep), 0);
    assert_int_equal(add(f, "/z"), 0);
    assert_int_equal(manifest_builder_finish(f->builder, root, NULL), 0);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, root, &c), 0);
    assert_int_equal(manifest_cursor_find(c, path, len, &n), 1);
    assert_int_equal(n.path_len, len);
    assert_memory_equal(n.path, path, len);
    assert_int_equal(manifest_cursor_next(c, &n), 1);
    assert_string_equal(n.path, "/z");
    manifest_cursor_close(c);
    mem_free(path);
}

/*
 * Ten thousand files below a folder whose path alone is longer than a page: the path must not be
 * stored for each of them, nor on each level, and the levels must come to an end.
 */
static void test_manifest_of_a_very_deep_folder_stays_small(void **state)
{
    struct fixture *f = *state;
    uint8_t root[32];
    size_t len = 70000;
    char *path = mem_alloc(len + 32);
    assert_non_null(path);
    for (size_t i = 0; i < len; i++) {
        path[i] = i % 250 == 0 ? '/' : 'n';
    }
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(path + len, 32, "/%05u", i);
        assert_int_equal(add(f, path), 0);
    }
    assert_int_equal(manifest_builder_finish(f->builder, root, NULL), 0);
    assert_true(level_of(f, root) <= 2);
    assert_true(f->pages.fresh_bytes < 4u << 20);
    mem_free(path);
}

/* Long paths that share little: pages of two entries, and still a tree. */
static void test_manifest_of_long_unlike_paths_has_a_root(void **state)
{
    struct fixture *f = *state;
    struct manifest_cursor *c;
    struct node n;
    uint8_t root[32];
    size_t len = 70000, count = 0;
    char *path = mem_alloc(len + 1);
    assert_non_null(path);
    for (unsigned i = 0; i < 40; i++) {
        for (size_t j = 0; j < len; j++) {
            path[j] = j % 250 == 0 ? '/' : j < 6 ? 'a' : (char)('a' + i % 26);
        }
        snprintf(path + 1, 6, "%05u", i);
        path[6] = 'a';
        struct node deep = plain_node(path, len);
        assert_int_equal(manifest_builder_add(f->builder, &deep), 0);
    }
    assert_int_equal(manifest_builder_finish(f->builder, root, NULL), 0);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, root, &c), 0);
    while (manifest_cursor_next(c, &n) == 1) {
        count++;
    }
    assert_int_equal(count, 40);
    manifest_cursor_close(c);
    mem_free(path);
}

static void first_and_last(struct fixture *f, const uint8_t id[32], uint8_t *first,
                           size_t *first_len, uint8_t *last, size_t *last_len)
{
    struct page_reader *r;
    struct node n;
    size_t len;
    const uint8_t *page = mempages_find(&f->pages, id, &len);
    assert_int_equal(page_reader_new(&r), 0);
    assert_int_equal(page_reader_open(r, page, len), 0);
    for (bool is_first = true; page_reader_next_node(r, &n) == 1; is_first = false) {
        *last_len = page_key_of_path(n.path, n.path_len, last);
        if (is_first) {
            *first_len = page_key_of_path(n.path, n.path_len, first);
        }
    }
    page_reader_free(r);
}

static int key_order(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : a_len < b_len ? -1 : a_len > b_len;
}

static void test_manifest_separators_are_the_shortest(void **state)
{
    struct fixture *f = *state;
    struct page_reader *r;
    struct page_child child;
    uint8_t root[32], first[300], last[300], before[300];
    size_t len, first_len = 0, last_len = 0, before_len = 0, count = 0;
    pathmodel_fill(&f->model, "/a", 4000);
    pathmodel_fill(&f->model, "/b/c", 4000);
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, root, NULL), 0);
    const uint8_t *page = mempages_find(&f->pages, root, &len);
    assert_int_equal(page_reader_new(&r), 0);
    assert_int_equal(page_reader_open(r, page, len), 0);
    assert_int_equal(page_reader_kind(r), PAGE_INDEX);
    while (page_reader_next_child(r, &child) == 1) {
        first_and_last(f, child.id, first, &first_len, last, &last_len);
        assert_true(child.key_len <= first_len);
        assert_memory_equal(child.key, first, child.key_len);
        if (count++ == 0) {
            assert_int_equal(child.key_len, 0);
        } else { /* behind the last key before; one byte less would not be */
            assert_true(key_order(before, before_len, child.key, child.key_len) < 0);
            assert_true(key_order(before, before_len, child.key, child.key_len - 1) >= 0);
        }
        memcpy(before, last, last_len);
        before_len = last_len;
    }
    assert_true(count > 10);
    page_reader_free(r);
}

static void test_manifest_does_not_depend_on_what_the_builder_did_before(void **state)
{
    struct fixture *f = *state;
    uint8_t one[32], two[32], other[32];
    static const uint8_t other_key[16] = { 10 };
    pathmodel_fill(&f->model, "/x", 5000);
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, one, NULL), 0);
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, two, NULL), 0);
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, other_key, other, NULL), 0);
    assert_memory_equal(one, two, 32);
    assert_memory_not_equal(one, other, 32);
}

static void test_manifest_builder_says_that_a_page_could_not_be_stored(void **state)
{
    struct fixture *f = *state;
    uint8_t root[32];
    assert_int_equal(add(f, "/a"), 0);
    f->pages.fail_put_at = 1;
    assert_int_equal(manifest_builder_finish(f->builder, root, NULL), HF_ENOSPC);
}

static void test_manifest_reuse_waits_for_page_starts(void **state)
{
    struct fixture *f = *state;
    struct manifest_cursor *c;
    struct node n;
    uint8_t root[32];
    uint32_t index;
    bool taken;
    pathmodel_fill(&f->model, "/x", 5000);
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, root, NULL), 0);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, root, &c), 0);
    assert_int_equal(manifest_cursor_next(c, &n), 1);
    struct manifest_leaf *leaf = manifest_cursor_leaf(c, &index);
    assert_int_equal(add(f, "/a"), 0);
    assert_int_equal(manifest_builder_reuse(f->builder, &leaf->page, false, &taken), 0);
    assert_false(taken);
    manifest_cursor_close(c);
}

#define WITH_BUILDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BUILDER(test_manifest_of_nothing_has_no_page),
        WITH_BUILDER(test_manifest_of_a_few_nodes_is_one_leaf),
        WITH_BUILDER(test_manifest_refuses_paths_out_of_order),
        WITH_BUILDER(test_manifest_refuses_paths_out_of_order_across_pages),
        WITH_BUILDER(test_manifest_of_a_hundred_thousand_files_in_one_folder),
        cmocka_unit_test(test_manifest_memory_does_not_grow_with_its_entries),
        WITH_BUILDER(test_manifest_keeps_a_path_of_a_hundred_thousand_bytes),
        WITH_BUILDER(test_manifest_of_a_very_deep_folder_stays_small),
        WITH_BUILDER(test_manifest_of_long_unlike_paths_has_a_root),
        WITH_BUILDER(test_manifest_separators_are_the_shortest),
        WITH_BUILDER(test_manifest_does_not_depend_on_what_the_builder_did_before),
        WITH_BUILDER(test_manifest_builder_says_that_a_page_could_not_be_stored),
        WITH_BUILDER(test_manifest_reuse_waits_for_page_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
