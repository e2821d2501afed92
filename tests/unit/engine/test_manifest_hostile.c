/*
 * test_manifest_hostile.c - pages that are fine by themselves but lie about each other.
 *
 * A small tree is made by hand, two index pages of two leaves each below a root. Told as it is, it
 * is read; each lie is damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "engine/manifest_cursor.h"
#include "format/nacl.h"
#include "format/page.h"
#include "harness/mempages.h"

static const uint8_t key[16] = { 1 };

enum { LEAVES = 4, INDEXES = 2 };

struct tree {
    struct mempages pages;
    const char *paths[LEAVES][2];
    struct page_child leaves[LEAVES];   /* as the index pages describe them */
    struct page_child indexes[INDEXES]; /* as the root describes them */
    uint8_t index_level;
    uint8_t root[32];
};

static void set_child_key(struct page_child *c, const char *text)
{
    c->key = (const uint8_t *)text;
    c->key_len = strlen(text);
}

static void put_page(struct tree *t, struct page_builder *b, struct page_child *out)
{
    const uint8_t *data;
    size_t len;
    assert_int_equal(page_builder_finish(b, &data, &len), 0);
    assert_int_equal(t->pages.pages.put(&t->pages.pages, data, len, out->id), 0);
    out->page_len = len;
    page_builder_free(b);
}

static void make_leaf(struct tree *t, size_t i)
{
    struct page_builder *b;
    bool ends;
    assert_int_equal(page_builder_new(PAGE_LEAF, 0, key, &b), 0);
    for (int j = 0; j < 2; j++) {
        struct node n = { .path = t->paths[i][j],
                          .path_len = strlen(t->paths[i][j]),
                          .type = NODE_FILE,
                          .user = "",
                          .group = "",
                          .size = 1 };
        assert_int_equal(page_builder_add_node(b, &n, &ends), 0);
    }
    t->leaves[i].entries = t->leaves[i].bytes = 2;
    put_page(t, b, &t->leaves[i]);
}

static void make_index(struct tree *t, const struct page_child *children, uint8_t level,
                       struct page_child *out)
{
    struct page_builder *b;
    bool ends;
    assert_int_equal(page_builder_new(PAGE_INDEX, level, key, &b), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(page_builder_add_child(b, &children[i], &ends), 0);
    }
    put_page(t, b, out);
}

static void make_indexes(struct tree *t)
{
    for (size_t i = 0; i < INDEXES; i++) {
        make_index(t, &t->leaves[2 * i], t->index_level, &t->indexes[i]);
        t->indexes[i].entries = t->indexes[i].bytes = 4;
    }
}

static void make_root(struct tree *t)
{
    struct page_child root = { .key = NULL };
    make_index(t, t->indexes, 2, &root);
    memcpy(t->root, root.id, sizeof t->root);
}

/* All but the index pages and the root, which the test may lie in. */
static void begin(struct tree *t)
{
    static const char *const paths[LEAVES][2] = {
        { "/a", "/b" },
        { "/c", "/d" },
        { "/e", "/f" },
        { "/g", "/h" },
    };
    static const char *const keys[LEAVES] = { "", "c", "e", "g" };
    memset(t, 0, sizeof *t);
    assert_int_equal(nacl_init(), 0);
    assert_int_equal(mempages_open(&t->pages), 0);
    memcpy(t->paths, paths, sizeof paths);
    t->index_level = 1;
    for (size_t i = 0; i < LEAVES; i++) {
        make_leaf(t, i);
        set_child_key(&t->leaves[i], keys[i]);
    }
    set_child_key(&t->indexes[0], "");
    set_child_key(&t->indexes[1], "e");
}

/* Reads all of it: the first error, or 0. */
static int read_all(struct tree *t, size_t *out_count)
{
    struct manifest_cursor *c;
    struct node n;
    *out_count = 0;
    int rc = manifest_cursor_open(&t->pages.pages, t->root, &c);
    if (rc != 0) {
        return rc;
    }
    while ((rc = manifest_cursor_next(c, &n)) == 1) {
        *out_count += 1;
    }
    manifest_cursor_close(c);
    return rc;
}

/* Nothing is read but the honest nodes before the lie. */
static void assert_damage(struct tree *t, const char *what, size_t nodes_before)
{
    size_t count;
    assert_int_equal(read_all(t, &count), HF_EDAMAGE);
    assert_int_equal(count, nodes_before);
    assert_non_null(strstr(err_last()->text, what));
    mempages_close(&t->pages);
}

static void test_manifest_of_honest_pages_is_read(void **state)
{
    struct tree t;
    size_t count;
    (void)state;
    begin(&t);
    make_indexes(&t);
    make_root(&t);
    assert_int_equal(read_all(&t, &count), 0);
    assert_int_equal(count, 8);
    mempages_close(&t.pages);
}

static void test_manifest_refuses_a_wrong_number_of_entries_in_a_leaf(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    t.leaves[2].entries = 3;
    make_indexes(&t);
    t.indexes[1].entries = 5;
    make_root(&t);
    assert_damage(&t, "number of its entries", 4);
}

static void test_manifest_refuses_a_wrong_page_length(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    t.leaves[2].page_len++;
    make_indexes(&t);
    make_root(&t);
    assert_damage(&t, "length", 4);
}

static void test_manifest_refuses_wrong_sums_in_an_index_page(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    make_indexes(&t);
    t.indexes[1].entries++;
    make_root(&t);
    assert_damage(&t, "what is below", 4);
    begin(&t);
    make_indexes(&t);
    t.indexes[0].bytes--;
    make_root(&t);
    assert_damage(&t, "what is below", 0);
}

static void test_manifest_refuses_a_leaf_that_begins_before_its_separator(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    set_child_key(&t.leaves[1], "cc");
    make_indexes(&t);
    make_root(&t);
    assert_damage(&t, "begins before", 2);
}

static void test_manifest_refuses_a_leaf_that_ends_behind_the_next_separator(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    t.paths[1][1] = "/e";
    make_leaf(&t, 1);
    make_indexes(&t);
    make_root(&t);
    assert_damage(&t, "next page begins", 3);
    begin(&t);
    t.paths[2][1] = "/g/x";
    make_leaf(&t, 2);
    make_indexes(&t);
    make_root(&t);
    assert_damage(&t, "next page begins", 5);
}

static void test_manifest_refuses_an_index_page_that_begins_elsewhere(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    make_indexes(&t);
    set_child_key(&t.indexes[1], "d\x01");
    make_root(&t);
    assert_damage(&t, "does not begin", 4);
}

/* Each leaf keeps to what its index page says; but that leads them behind the next index page. */
static void test_manifest_refuses_an_index_page_that_goes_on_too_far(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    set_child_key(&t.leaves[1], "f");
    t.paths[0][1] = "/e/x";
    t.paths[1][0] = "/f/1";
    t.paths[1][1] = "/f/2";
    make_leaf(&t, 0);
    make_leaf(&t, 1);
    make_indexes(&t);
    make_root(&t);
    assert_damage(&t, "next page begins", 0);
}

/* The second of two keys in a leaf becomes one that is not after the first. */
static void break_leaf(struct tree *t, size_t i)
{
    size_t len;
    const uint8_t *data = mempages_find(&t->pages, t->leaves[i].id, &len);
    uint8_t *copy = mem_dup(data, len);
    assert_non_null(copy);
    uint8_t *at = memchr(copy + 5, t->paths[i][1][1], len - 5);
    assert_non_null(at);
    *at = (uint8_t)t->paths[i][0][1];
    assert_int_equal(mempages_replace(&t->pages, t->leaves[i].id, copy, len), 0);
    mem_free(copy);
}

static void test_manifest_of_a_leaf_that_breaks_off_goes_on_behind_it(void **state)
{
    struct tree t;
    struct manifest_cursor *c;
    struct manifest_loss loss;
    struct node n;
    (void)state;
    begin(&t);
    make_indexes(&t);
    make_root(&t);
    break_leaf(&t, 1);
    assert_int_equal(manifest_cursor_open(&t.pages.pages, t.root, &c), 0);
    for (int by_seek = 0; by_seek < 2; by_seek++) {
        assert_int_equal(manifest_cursor_seek(c, "/c", 2), 0);
        if (by_seek) {
            assert_int_equal(manifest_cursor_seek(c, "/d", 2), HF_EDAMAGE);
        } else {
            assert_int_equal(manifest_cursor_next(c, &n), 1);
            assert_string_equal(n.path, "/c");
        }
        assert_int_equal(manifest_cursor_next(c, &n), HF_EDAMAGE);
        assert_int_equal(manifest_cursor_next(c, &n), HF_EDAMAGE); /* it does not heal */
        assert_int_equal(manifest_cursor_skip_page(c, &loss), 0);
        assert_memory_equal(loss.id, t.leaves[1].id, sizeof loss.id);
        assert_int_equal(loss.entries, 2);
        assert_int_equal(loss.entries_read, 1);
        assert_int_equal(manifest_cursor_next(c, &n), 1);
        assert_string_equal(n.path, "/e");
    }
    manifest_cursor_close(c);
    mempages_close(&t.pages);
}

static void test_manifest_refuses_a_page_of_another_level(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    t.index_level = 3;
    make_indexes(&t);
    make_root(&t);
    assert_damage(&t, "another level", 0);
}

static void test_manifest_refuses_the_same_page_twice(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    make_indexes(&t);
    t.indexes[1] = t.indexes[0];
    set_child_key(&t.indexes[1], "e");
    make_root(&t);
    assert_damage(&t, "does not begin", 4);
}

/* Changes a few bytes of a page anywhere in the tree. */
static void damage_at_random(struct tree *t, struct rnd *r)
{
    const uint8_t *ids[] = { t->root,         t->indexes[0].id, t->indexes[1].id, t->leaves[0].id,
                             t->leaves[1].id, t->leaves[2].id,  t->leaves[3].id };
    const uint8_t *id = ids[rnd_below(r, 7)];
    size_t len;
    const uint8_t *data = mempages_find(&t->pages, id, &len);
    uint8_t *copy = mem_dup(data, len);
    assert_non_null(copy);
    for (uint64_t i = 1 + rnd_below(r, 3); i > 0; i--) {
        copy[rnd_below(r, len)] = (uint8_t)rnd_u64(r);
    }
    assert_int_equal(mempages_replace(&t->pages, id, copy, len), 0);
    mem_free(copy);
}

/* Reads to the end, past all damage: it comes to an end, and what is read is in order. */
static void test_manifest_with_random_damage_is_read_in_order(void **state)
{
    struct rnd r;
    size_t readable = 0;
    (void)state;
    rnd_init_seeded(&r, 77);
    for (int i = 0; i < 5000; i++) {
        struct tree t;
        struct manifest_cursor *c;
        struct node n;
        char last[64] = "";
        int rc;
        begin(&t);
        make_indexes(&t);
        make_root(&t);
        damage_at_random(&t, &r);
        if (manifest_cursor_open(&t.pages.pages, t.root, &c) == 0) {
            for (int steps = 0; (rc = manifest_cursor_next(c, &n)) != 0; steps++) {
                assert_true(steps < 100);
                if (rc < 0) {
                    assert_true(rc == HF_EDAMAGE || rc == HF_ENEWER);
                    assert_int_equal(manifest_cursor_skip_page(c, NULL), 0);
                    continue;
                }
                assert_true(n.path_len < sizeof last);
                assert_true(node_path_compare(last, strlen(last), n.path, n.path_len) < 0);
                memcpy(last, n.path, n.path_len + 1);
                readable++;
            }
            manifest_cursor_close(c);
        }
        mempages_close(&t.pages);
    }
    assert_in_range(readable, 5000, 8 * 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_of_honest_pages_is_read),
        cmocka_unit_test(test_manifest_refuses_a_wrong_number_of_entries_in_a_leaf),
        cmocka_unit_test(test_manifest_refuses_a_wrong_page_length),
        cmocka_unit_test(test_manifest_refuses_wrong_sums_in_an_index_page),
        cmocka_unit_test(test_manifest_refuses_a_leaf_that_begins_before_its_separator),
        cmocka_unit_test(test_manifest_refuses_a_leaf_that_ends_behind_the_next_separator),
        cmocka_unit_test(test_manifest_refuses_an_index_page_that_begins_elsewhere),
        cmocka_unit_test(test_manifest_refuses_an_index_page_that_goes_on_too_far),
        cmocka_unit_test(test_manifest_of_a_leaf_that_breaks_off_goes_on_behind_it),
        cmocka_unit_test(test_manifest_refuses_a_page_of_another_level),
        cmocka_unit_test(test_manifest_refuses_the_same_page_twice),
        cmocka_unit_test(test_manifest_with_random_damage_is_read_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
