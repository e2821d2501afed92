/*
 * test_page.c - what goes into a page comes out, in one encoding, and pages end by rule.
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
#include "format/nacl.h"
#include "format/page.h"

static const uint8_t boundary_key[16] = { 1, 2, 3 };

struct fixture {
    struct page_builder *leaf, *index, *list;
    struct page_reader *reader;
};

static int set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    if (f == NULL || nacl_init() != 0 ||
        page_builder_new(PAGE_LEAF, 0, boundary_key, &f->leaf) != 0 ||
        page_builder_new(PAGE_INDEX, 1, boundary_key, &f->index) != 0 ||
        page_builder_new(PAGE_LIST, 0, boundary_key, &f->list) != 0 ||
        page_reader_new(&f->reader) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    page_builder_free(f->leaf);
    page_builder_free(f->index);
    page_builder_free(f->list);
    page_reader_free(f->reader);
    mem_free(f);
    return 0;
}

static struct node file_node(const char *path)
{
    return (struct node){
        .path = path,
        .path_len = strlen(path),
        .type = NODE_FILE,
        .mode = 0644,
        .uid = 33,
        .gid = 34,
        .user = "www",
        .user_len = 3,
        .group = "data",
        .group_len = 4,
        .mtime_ns = 1700000000123456789,
        .ctime_ns = 1700000000123456789,
        .dev = 2049,
        .links = 1,
    };
}

static void add_node(struct fixture *f, const struct node *n)
{
    bool ends;
    assert_int_equal(page_builder_add_node(f->leaf, n, &ends), 0);
}

static void open_leaf(struct fixture *f)
{
    const uint8_t *data;
    size_t len;
    assert_int_equal(page_builder_finish(f->leaf, &data, &len), 0);
    assert_int_equal(page_reader_open(f->reader, data, len), 0);
    assert_int_equal(page_reader_kind(f->reader), PAGE_LEAF);
    assert_int_equal(page_reader_level(f->reader), 0);
}

static void assert_same_node(const struct node *a, const struct node *b)
{
    assert_int_equal(a->path_len, b->path_len);
    assert_memory_equal(a->path, b->path, a->path_len);
    assert_true(node_same_metadata(a, b));
    assert_true(node_same_content(a, b));
    assert_true(a->size == b->size && a->ctime_ns == b->ctime_ns && a->dev == b->dev);
    assert_true(a->ino == b->ino && a->rdev == b->rdev && a->remarks == b->remarks);
    assert_int_equal(a->links > 1 ? a->links : 1, b->links > 1 ? b->links : 1);
    assert_int_equal(a->xattr_ref.len, b->xattr_ref.len);
}

static void assert_round_trip(struct fixture *f, const struct node *nodes, size_t count)
{
    struct node got;
    for (size_t i = 0; i < count; i++) {
        add_node(f, &nodes[i]);
    }
    assert_int_equal(page_builder_count(f->leaf), count);
    open_leaf(f);
    assert_int_equal(page_reader_count(f->reader), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(page_reader_next_node(f->reader, &got), 1);
        assert_same_node(&nodes[i], &got);
        assert_int_equal(got.path[got.path_len], 0);
    }
    assert_int_equal(page_reader_next_node(f->reader, &got), 0);
    assert_int_equal(page_reader_next_node(f->reader, &got), 0);
}

static void test_page_keeps_every_field_of_a_node(void **state)
{
    static const struct node_xattr xattrs[] = {
        { "security.capability", "\0\1\2", 19, 3 },
        { "user.empty", "", 10, 0 },
    };
    struct node_ref refs[NODE_INLINE_REFS];
    struct node n[6];
    memset(refs, 0, sizeof refs);
    for (size_t i = 0; i < NODE_INLINE_REFS; i++) {
        memset(refs[i].id, (int)i, sizeof refs[i].id);
        refs[i].len = i * i + 1;
    }
    refs[3] = (struct node_ref){ .len = (uint64_t)1 << 60, .hole = true };
    n[0] = file_node("/");
    n[0].type = NODE_DIR;
    n[1] = file_node("/a");
    n[1].refs = refs;
    n[1].ref_count = NODE_INLINE_REFS;
    n[1].size = UINT64_MAX;
    n[1].ino = UINT64_MAX;
    n[1].links = 3;
    n[1].flags = UINT32_MAX;
    n[2] = file_node("/a/b");
    n[2].type = NODE_SYMLINK;
    n[2].target = "../\xff/x";
    n[2].target_len = 6;
    n[2].mtime_ns = INT64_MIN;
    n[2].ctime_ns = INT64_MAX;
    n[3] = file_node("/a/b/c\n");
    n[3].type = NODE_BLOCK;
    n[3].rdev = 259;
    n[3].mode = 07777;
    n[3].uid = n[3].gid = UINT32_MAX;
    n[3].xattrs = xattrs;
    n[3].xattr_count = 2;
    n[3].mtime_ns = INT64_MAX;
    n[3].user_len = n[3].group_len = 0;
    n[4] = file_node("/a/b.");
    n[4].type = NODE_SOCKET;
    n[4].xattrs_chunked = true;
    n[4].xattr_ref = (struct node_ref){ .id = { 9, 8 }, .len = 70000 };
    n[4].remarks = NODE_UNSTABLE;
    n[4].dev = 0;
    n[5] = file_node("/...");
    n[5].path = "/b/...";
    n[5].path_len = 6;
    n[5].refs = refs;
    n[5].ref_count = 1;
    n[5].content_depth = 8;
    assert_round_trip(*state, n, 6);
}

static void test_page_takes_little_for_a_node_like_the_one_before(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data;
    size_t one, two;
    struct node a = file_node("/srv/www/photo-0001"), b = file_node("/srv/www/photo-0002");
    add_node(f, &a);
    assert_int_equal(page_builder_finish(f->leaf, &data, &one), 0);
    add_node(f, &b);
    assert_int_equal(page_builder_finish(f->leaf, &data, &two), 0);
    /* How much is shared, one byte of name and its length, and no field. */
    assert_int_equal(two - one, 4);
}

static void test_page_bytes_depend_on_its_own_entries_alone(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data;
    size_t len, again_len;
    uint8_t first[512];
    struct node before = file_node("/x"), a = file_node("/y"), b = file_node("/z");
    before.user = "somebody else";
    before.user_len = 13;
    b.mtime_ns++;
    add_node(f, &a);
    add_node(f, &b);
    assert_int_equal(page_builder_finish(f->leaf, &data, &len), 0);
    assert_true(len <= sizeof first);
    memcpy(first, data, len);
    page_builder_reset(f->leaf);
    add_node(f, &before);
    page_builder_reset(f->leaf);
    add_node(f, &a);
    add_node(f, &b);
    assert_int_equal(page_builder_finish(f->leaf, &data, &again_len), 0);
    assert_int_equal(again_len, len);
    assert_memory_equal(data, first, len);
}

static void test_page_refuses_paths_out_of_order_and_goes_on(void **state)
{
    struct fixture *f = *state;
    bool ends;
    struct node b = file_node("/b"), b_sub = file_node("/b/x"), same = file_node("/b/x");
    struct node less = file_node("/b"), dash = file_node("/b-"), got;
    add_node(f, &b);
    add_node(f, &b_sub);
    assert_int_equal(page_builder_add_node(f->leaf, &same, &ends), HF_EFAIL);
    assert_int_equal(page_builder_add_node(f->leaf, &less, &ends), HF_EFAIL);
    add_node(f, &dash);
    assert_int_equal(page_builder_add_node(f->leaf, &b_sub, &ends), HF_EFAIL);
    assert_int_equal(page_builder_count(f->leaf), 3);
    open_leaf(f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(page_reader_next_node(f->reader, &got), 1);
    }
    assert_int_equal(page_reader_next_node(f->reader, &got), 0);
}

static void test_page_refuses_paths_that_lead_elsewhere(void **state)
{
    static const char *const bad[] = {
        "", "a", "a/b", "//", "/a//b", "/a/", "/.", "/..", "/a/./b", "/a/../b", "/a/..", "/../a",
    };
    static const char *const good[] = { "/...", "/.a", "/..a", "/a.", "/a..", "/a/.b", "/a/..." };
    struct fixture *f = *state;
    bool ends;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct node n = file_node(bad[i]);
        page_builder_reset(f->leaf);
        assert_int_equal(page_builder_add_node(f->leaf, &n, &ends), HF_EFAIL);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct node n = file_node(good[i]);
        page_builder_reset(f->leaf);
        assert_int_equal(page_builder_add_node(f->leaf, &n, &ends), 0);
    }
    struct node nul = file_node("/a");
    nul.path = "/a\0b";
    nul.path_len = 4;
    assert_int_equal(page_builder_add_node(f->leaf, &nul, &ends), HF_EFAIL);
}

/* The name that a shared prefix ends in is looked at as a whole. */
static void test_page_refuses_bad_names_that_share_bytes_with_the_last(void **state)
{
    struct fixture *f = *state;
    bool ends;
    struct node a = file_node("/a/.-"), dots = file_node("/a/.."), slash = file_node("/a/.-/");
    add_node(f, &a);
    assert_int_equal(page_builder_add_node(f->leaf, &dots, &ends), HF_EFAIL);
    assert_int_equal(page_builder_add_node(f->leaf, &slash, &ends), HF_EFAIL);
    struct node fine = file_node("/a/..-");
    add_node(f, &fine);
}

static void test_page_refuses_impossible_nodes(void **state)
{
    static const struct node_xattr twice[] = { { "user.a", "", 6, 0 }, { "user.a", "", 6, 0 } };
    struct fixture *f = *state;
    struct node_ref empty = { .len = 0 }, hole = { .len = 1, .hole = true };
    struct node n[6];
    bool ends;
    for (size_t i = 0; i < 6; i++) {
        n[i] = file_node("/a");
    }
    n[0].type = (enum node_type)8;
    n[1].mode = 010000;
    n[2].refs = &empty;
    n[2].ref_count = 1;
    n[3].refs = &hole;
    n[3].ref_count = 1;
    n[3].content_depth = 1;
    n[4].xattrs = twice;
    n[4].xattr_count = 2;
    n[5].target = "a\0b";
    n[5].target_len = 3;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(page_builder_add_node(f->leaf, &n[i], &ends), HF_EFAIL);
    }
    assert_int_equal(page_builder_count(f->leaf), 0);
}

static void test_page_holds_a_path_of_a_mebibyte_and_no_longer(void **state)
{
    struct fixture *f = *state;
    size_t len = PAGE_KEY_LIMIT;
    char *path = mem_alloc(len + 2);
    struct node got, n = file_node("/");
    bool ends;
    assert_non_null(path);
    for (size_t i = 0; i < len + 1; i++) {
        path[i] = i % 200 == 0 ? '/' : 'a';
    }
    n.path = path;
    n.path_len = len + 1;
    assert_int_equal(page_builder_add_node(f->leaf, &n, &ends), HF_ELIMIT);
    n.path_len = len;
    assert_int_equal(page_builder_add_node(f->leaf, &n, &ends), 0);
    assert_false(ends); /* the first key weighs nothing */
    open_leaf(f);
    assert_int_equal(page_reader_next_node(f->reader, &got), 1);
    assert_same_node(&n, &got);
    mem_free(path);
}

/* Adds numbered files until the page ends; returns how many. */
static size_t fill_leaf(struct fixture *f, struct rnd *rnd, unsigned *number, size_t *out_len)
{
    const uint8_t *data;
    char path[64];
    struct node_ref ref = { .len = 1 };
    bool ends = false;
    page_builder_reset(f->leaf);
    while (!ends) {
        snprintf(path, sizeof path, "/srv/data/%08u", (*number)++);
        struct node n = file_node(path);
        assert_int_equal(rnd_bytes(rnd, ref.id, sizeof ref.id), 0);
        n.refs = &ref;
        n.ref_count = 1;
        assert_int_equal(page_builder_add_node(f->leaf, &n, &ends), 0);
    }
    assert_int_equal(page_builder_finish(f->leaf, &data, out_len), 0);
    return page_builder_count(f->leaf);
}

static void test_page_ends_between_its_bounds(void **state)
{
    struct fixture *f = *state;
    struct rnd rnd;
    unsigned number = 0;
    size_t total = 0, len;
    rnd_init_seeded(&rnd, 7);
    for (int i = 0; i < 60; i++) {
        fill_leaf(f, &rnd, &number, &len);
        assert_in_range(len, PAGE_MIN_BYTES, PAGE_MAX_BYTES + 200);
        total += len;
    }
    assert_in_range(total / 60, 20u << 10, 40u << 10);
}

static void test_page_boundaries_are_found_again_after_an_insertion(void **state)
{
    struct fixture *f = *state;
    struct rnd rnd;
    unsigned at = 0, shifted = 20, ends[100], again[100];
    size_t len;
    rnd_init_seeded(&rnd, 7);
    for (int i = 0; i < 100; i++) {
        fill_leaf(f, &rnd, &at, &len);
        ends[i] = at;
        fill_leaf(f, &rnd, &shifted, &len);
        again[i] = shifted;
    }
    size_t common = 0;
    for (int i = 0; i < 100; i++) {
        for (int j = 0; j < 100; j++) {
            common += ends[i] == again[j];
        }
    }
    assert_true(common > 50);
}

static void test_page_boundaries_depend_on_the_key(void **state)
{
    struct fixture *f = *state;
    static const uint8_t other_key[16] = { 3, 2, 1 };
    struct rnd rnd;
    unsigned at = 0;
    size_t len, same = 0;
    size_t counts[20];
    rnd_init_seeded(&rnd, 7);
    for (int i = 0; i < 20; i++) {
        counts[i] = fill_leaf(f, &rnd, &at, &len);
    }
    page_builder_free(f->leaf);
    assert_int_equal(page_builder_new(PAGE_LEAF, 0, other_key, &f->leaf), 0);
    at = 0;
    for (int i = 0; i < 20; i++) {
        same += fill_leaf(f, &rnd, &at, &len) == counts[i];
    }
    assert_true(same < 5);
}

static void test_page_reader_tells_an_end_by_rule_from_the_end_of_a_level(void **state)
{
    struct fixture *f = *state;
    struct rnd rnd;
    struct node got;
    unsigned at = 0;
    size_t len;
    rnd_init_seeded(&rnd, 7);
    fill_leaf(f, &rnd, &at, &len);
    open_leaf(f);
    while (page_reader_next_node(f->reader, &got) == 1) {
        continue;
    }
    assert_true(page_reader_ended(f->reader, boundary_key));
    page_builder_reset(f->leaf);
    struct node n = file_node("/a");
    add_node(f, &n);
    open_leaf(f);
    while (page_reader_next_node(f->reader, &got) == 1) {
        continue;
    }
    assert_false(page_reader_ended(f->reader, boundary_key));
}

static void test_page_index_keeps_separators_and_children(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = { "", "a", "a\1b", "a\1c\2", "b" };
    const uint8_t *data;
    size_t len;
    bool ends;
    struct page_child got;
    for (size_t i = 0; i < 5; i++) {
        struct page_child c = { .key = (const uint8_t *)keys[i],
                                .key_len = strlen(keys[i]),
                                .id = { (uint8_t)i },
                                .page_len = 100 + i,
                                .entries = 1000 * i,
                                .bytes = UINT64_MAX - i };
        assert_int_equal(page_builder_add_child(f->index, &c, &ends), 0);
        assert_false(ends);
        assert_int_equal(page_builder_add_child(f->index, &c, &ends), HF_EFAIL);
    }
    assert_int_equal(page_builder_finish(f->index, &data, &len), 0);
    assert_int_equal(page_reader_open(f->reader, data, len), 0);
    assert_int_equal(page_reader_kind(f->reader), PAGE_INDEX);
    assert_int_equal(page_reader_level(f->reader), 1);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(page_reader_next_child(f->reader, &got), 1);
        assert_int_equal(got.key_len, strlen(keys[i]));
        assert_memory_equal(got.key, keys[i], got.key_len);
        assert_int_equal(got.id[0], i);
        assert_int_equal(got.page_len, 100 + i);
        assert_int_equal(got.entries, 1000 * i);
        assert_true(got.bytes == UINT64_MAX - i);
    }
    assert_int_equal(page_reader_next_child(f->reader, &got), 0);
}

static void test_page_index_refuses_separators_beyond_the_limit(void **state)
{
    struct fixture *f = *state;
    struct page_child c = { .key_len = PAGE_KEY_LIMIT, .page_len = 1 };
    uint8_t *key = mem_zalloc(c.key_len);
    bool ends;
    assert_non_null(key);
    c.key = key;
    assert_int_equal(page_builder_add_child(f->index, &c, &ends), HF_ELIMIT);
    c.key_len--;
    assert_int_equal(page_builder_add_child(f->index, &c, &ends), 0);
    mem_free(key);
}

/* Else every level would be as large as the one below it, and there would be no root. */
static void test_page_index_shrinks_a_level_of_very_long_keys(void **state)
{
    struct fixture *f = *state;
    size_t key_len = 200000;
    uint8_t *key = mem_zalloc(key_len);
    bool ends = false;
    assert_non_null(key);
    memset(key, 'a', key_len);
    for (int i = 0; i < 100; i++) {
        key[key_len - 1] = (uint8_t)(100 + i);
        struct page_child c = { .key = key, .key_len = key_len, .page_len = 1 };
        assert_int_equal(page_builder_add_child(f->index, &c, &ends), 0);
        assert_false(ends);
    }
    mem_free(key);
}

static void test_page_list_ends_by_count(void **state)
{
    struct fixture *f = *state;
    struct rnd rnd;
    struct node_ref ref = { .len = 4096 }, hole = { .len = 4096, .hole = true }, got;
    const uint8_t *data;
    size_t len, shortest = SIZE_MAX, longest = 0;
    bool ends;
    rnd_init_seeded(&rnd, 3);
    for (int page = 0; page < 50; page++) {
        page_builder_reset(f->list);
        do {
            assert_int_equal(rnd_bytes(&rnd, ref.id, sizeof ref.id), 0);
            assert_int_equal(page_builder_add_ref(f->list, &ref, &ends), 0);
        } while (!ends);
        size_t count = page_builder_count(f->list);
        shortest = count < shortest ? count : shortest;
        longest = count > longest ? count : longest;
    }
    assert_true(shortest >= PAGE_LIST_MIN && shortest < 300);
    assert_true(longest > 600 && longest <= PAGE_LIST_MAX);
    page_builder_reset(f->list);
    assert_int_equal(page_builder_add_ref(f->list, &hole, &ends), 0);
    assert_int_equal(page_builder_add_ref(f->list, &ref, &ends), 0);
    assert_int_equal(page_builder_finish(f->list, &data, &len), 0);
    assert_int_equal(page_reader_open(f->reader, data, len), 0);
    assert_int_equal(page_reader_next_ref(f->reader, &got), 1);
    assert_true(got.hole && got.len == 4096);
    assert_int_equal(page_reader_next_ref(f->reader, &got), 1);
    assert_memory_equal(got.id, ref.id, sizeof got.id);
    assert_int_equal(page_reader_next_ref(f->reader, &got), 0);
}

static void test_page_separator_is_the_shortest_that_sorts_between(void **state)
{
    static const struct {
        const char *before, *key;
        size_t len;
    } cases[] = {
        { "abc", "abd", 3 },       { "abc", "b", 1 }, { "ab", "abc", 3 },
        { "abcdef", "abx123", 3 }, { "", "xyz", 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(page_separator((const uint8_t *)cases[i].before, strlen(cases[i].before),
                                        (const uint8_t *)cases[i].key, strlen(cases[i].key)),
                         cases[i].len);
    }
}

static void test_page_keys_and_paths_are_each_other(void **state)
{
    uint8_t key[16];
    char path[16];
    (void)state;
    assert_int_equal(page_key_of_path("/a/bc", 5, key), 4);
    assert_memory_equal(key, "a\0bc", 4);
    assert_int_equal(page_path_of_key(key, 4, path), 5);
    assert_memory_equal(path, "/a/bc", 5);
    assert_int_equal(page_key_of_path("/", 1, key), 0);
    assert_int_equal(page_path_of_key(key, 0, path), 1);
    assert_int_equal(path[0], '/');
}

static void test_page_allocates_nothing_per_node(void **state)
{
    struct fixture *f = *state;
    struct rnd rnd;
    struct node got;
    unsigned at = 0;
    size_t len;
    rnd_init_seeded(&rnd, 7);
    for (int i = 0; i < 3; i++) {
        fill_leaf(f, &rnd, &at, &len);
        open_leaf(f);
        while (page_reader_next_node(f->reader, &got) == 1) {
            continue;
        }
    }
    uint64_t before = mem_alloc_count();
    at = 0;
    fill_leaf(f, &rnd, &at, &len);
    open_leaf(f);
    while (page_reader_next_node(f->reader, &got) == 1) {
        continue;
    }
    assert_true(mem_alloc_count() == before);
}

static void test_page_survives_each_failed_allocation(void **state)
{
    (void)state;
    struct node n = file_node("/somewhere/over/the/rainbow");
    for (uint64_t nth = 1;; nth++) {
        struct page_builder *b = NULL;
        bool ends;
        mem_fail_at(nth, 0);
        int rc = page_builder_new(PAGE_LEAF, 0, boundary_key, &b);
        if (rc == 0) {
            rc = page_builder_add_node(b, &n, &ends);
        }
        uint64_t hits = mem_fail_hits();
        mem_fail_at(0, 0);
        page_builder_free(rc != 0 && b == NULL ? NULL : b);
        assert_int_equal(rc, hits > 0 ? HF_ENOMEM : 0);
        if (hits == 0) {
            break;
        }
    }
}

static void test_page_describes_itself(void **state)
{
    struct fixture *f = *state;
    const uint8_t *data;
    size_t len;
    struct buf out;
    struct node n = file_node("/etc/motd");
    add_node(f, &n);
    assert_int_equal(page_builder_finish(f->leaf, &data, &len), 0);
    buf_init(&out);
    assert_int_equal(page_describe(data, len, &out), 0);
    assert_non_null(strstr(buf_text(&out), "/etc/motd"));
    assert_non_null(strstr(buf_text(&out), "leaf"));
    buf_clear(&out);
    assert_int_equal(page_describe(data, len - 1, &out), HF_EDAMAGE);
    buf_release(&out);
}

#define WITH_PAGES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAGES(test_page_keeps_every_field_of_a_node),
        WITH_PAGES(test_page_takes_little_for_a_node_like_the_one_before),
        WITH_PAGES(test_page_bytes_depend_on_its_own_entries_alone),
        WITH_PAGES(test_page_refuses_paths_out_of_order_and_goes_on),
        WITH_PAGES(test_page_refuses_paths_that_lead_elsewhere),
        WITH_PAGES(test_page_refuses_bad_names_that_share_bytes_with_the_last),
        WITH_PAGES(test_page_refuses_impossible_nodes),
        WITH_PAGES(test_page_holds_a_path_of_a_mebibyte_and_no_longer),
        WITH_PAGES(test_page_ends_between_its_bounds),
        WITH_PAGES(test_page_boundaries_are_found_again_after_an_insertion),
        WITH_PAGES(test_page_boundaries_depend_on_the_key),
        WITH_PAGES(test_page_reader_tells_an_end_by_rule_from_the_end_of_a_level),
        WITH_PAGES(test_page_index_keeps_separators_and_children),
        WITH_PAGES(test_page_index_refuses_separators_beyond_the_limit),
        WITH_PAGES(test_page_index_shrinks_a_level_of_very_long_keys),
        WITH_PAGES(test_page_list_ends_by_count),
        cmocka_unit_test(test_page_separator_is_the_shortest_that_sorts_between),
        cmocka_unit_test(test_page_keys_and_paths_are_each_other),
        WITH_PAGES(test_page_allocates_nothing_per_node),
        cmocka_unit_test(test_page_survives_each_failed_allocation),
        WITH_PAGES(test_page_describes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
