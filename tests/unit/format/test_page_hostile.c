/*
 * test_page_hostile.c - a page reader accepts what a builder writes, and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "format/nacl.h"
#include "format/page.h"

static const uint8_t boundary_key[16] = { 7 };

/* Reads all that is in it; 0 or the first error. */
static int read_all(struct page_reader *r, const void *data, size_t len)
{
    struct node n;
    struct page_child c;
    struct node_ref ref;
    int rc = page_reader_open(r, data, len);
    if (rc != 0) {
        return rc;
    }
    do {
        if (page_reader_kind(r) == PAGE_LEAF) {
            rc = page_reader_next_node(r, &n);
        } else if (page_reader_kind(r) == PAGE_INDEX) {
            rc = page_reader_next_child(r, &c);
        } else {
            rc = page_reader_next_ref(r, &ref);
        }
    } while (rc == 1);
    return rc;
}

static int read_bytes(const void *data, size_t len)
{
    struct page_reader *r;
    assert_int_equal(page_reader_new(&r), 0);
    int rc = read_all(r, data, len);
    page_reader_free(r);
    return rc;
}

#define BYTES(...) ((const uint8_t[]){ __VA_ARGS__ })
#define READ(...) read_bytes(BYTES(__VA_ARGS__), sizeof BYTES(__VA_ARGS__))

/* kind, version, level, zero, count; an entry: shared, length of the rest, rest, fields. */
static void test_page_reader_accepts_the_smallest_pages(void **state)
{
    (void)state;
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0), 0);
    assert_int_equal(READ(1, 0, 0, 0, 2, 0, 1, 'a', 0, 1, 1, 'b', 0), 0);
    assert_int_equal(READ(3, 0, 0, 0, 1, 3), 0);
}

static void test_page_reader_refuses_bad_headers(void **state)
{
    (void)state;
    assert_int_equal(read_bytes("", 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(0, 0, 0, 0, 1, 0, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(4, 0, 0, 0, 1, 0, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 1, 0, 0, 1, 0, 0, 0), HF_ENEWER);
    assert_int_equal(READ(1, 0, 1, 0, 1, 0, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 1, 1, 0, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(2, 0, 0, 0, 1, 0, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(3, 0, 8, 0, 1, 3), HF_EDAMAGE);
}

static void test_page_reader_refuses_impossible_counts(void **state)
{
    (void)state;
    assert_int_equal(READ(1, 0, 0, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 9, 0, 0, 0), HF_EDAMAGE);
    assert_non_null(strstr(err_last()->text, "number of entries")); /* before any is read */
    assert_int_equal(READ(1, 0, 0, 0, 2, 0, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0, 0), HF_EDAMAGE);
    /* A count that takes more bytes than it needs. */
    assert_int_equal(READ(1, 0, 0, 0, 0x81, 0, 0, 0, 0), HF_EDAMAGE);
}

static void test_page_reader_refuses_keys_that_are_not_front_coded_in_order(void **state)
{
    (void)state;
    /* A first key that shares something, the same key again, a smaller one. */
    assert_int_equal(READ(1, 0, 0, 0, 1, 1, 1, 'a', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 2, 0, 1, 'a', 0, 1, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 2, 0, 1, 'b', 0, 0, 1, 'a', 0), HF_EDAMAGE);
    /* More shared than there is, less shared than there could be. */
    assert_int_equal(READ(1, 0, 0, 0, 2, 0, 1, 'a', 0, 2, 1, 'b', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 2, 0, 1, 'a', 0, 0, 2, 'a', 'b', 0), HF_EDAMAGE);
}

static void test_page_reader_refuses_paths_that_lead_elsewhere(void **state)
{
    (void)state;
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 1, '.', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 2, '.', '.', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 4, 'a', 0, '.', '.', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 4, '.', '.', 0, 'a', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 2, 'a', 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 2, 0, 'a', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 4, 'a', 0, 0, 'b', 0), HF_EDAMAGE);
    /* A slash inside a name. */
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 3, 'a', '/', 'b', 0), HF_EDAMAGE);
    /* ".." made of a shared dot and another. */
    assert_int_equal(READ(1, 0, 0, 0, 2, 0, 2, '.', '-', 0, 1, 1, '.', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 2, 0, 2, '.', '-', 0, 1, 2, '.', '-', 0), 0);
}

static void test_page_reader_refuses_fields_that_say_nothing(void **state)
{
    (void)state;
    /* Type file, mode 0, owner 0, no names, mtime 0, ctime as mtime, device 0, inode 0, size 0. */
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 1, 1), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 2, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 4, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 8, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 16, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 32, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 64, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 1, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 2, 0), HF_EDAMAGE);
    /* One link; no target; no content. */
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 4, 1), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 4, 2), 0);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 16, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x80, 2, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x80, 4, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x80, 4, 1), 0);
}

static void test_page_reader_refuses_values_out_of_range(void **state)
{
    (void)state;
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 1, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 1, 8), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 2, 0x80, 0x20), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 4, 0x80, 0x80, 0x80, 0x80, 0x10, 0), HF_EDAMAGE);
    /* A NUL in the name of a user, in a target. */
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 8, 1, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 16, 1, 0), HF_EDAMAGE);
    /* An empty chunk, a hole below a list page, 17 references. */
    assert_int_equal(READ(3, 0, 0, 0, 1, 1), HF_EDAMAGE);
    assert_int_equal(READ(3, 0, 1, 0, 1, 3), HF_EDAMAGE);
    uint8_t many[12 + 17] = { 1, 0, 0, 0, 1, 0, 0, 0x80, 0x80, 2, 0, 17 };
    memset(many + 12, 3, 17); /* holes of one byte */
    assert_int_equal(read_bytes(many, 12 + 17), HF_EDAMAGE);
    many[11] = 16;
    assert_int_equal(read_bytes(many, 12 + 16), 0);
}

static void test_page_reader_refuses_xattrs_out_of_order(void **state)
{
    (void)state;
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x40, 2, 1, 'a', 0, 1, 'b', 0), 0);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x40, 2, 1, 'b', 0, 1, 'a', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x40, 2, 1, 'a', 0, 1, 'a', 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x40, 1, 0, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x40, 0), HF_EDAMAGE);
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x40, 0xff, 0x7f, 1, 'a', 0), HF_EDAMAGE);
}

static void test_page_reader_says_what_needs_a_newer_holdfast(void **state)
{
    (void)state;
    assert_int_equal(READ(1, 0, 0, 0, 1, 0, 0, 0x80, 0x80, 8, 0), HF_ENEWER);
}

static void test_page_reader_refuses_a_page_of_another_kind(void **state)
{
    /* An index page that would be a leaf as well but for its kind, and the other way round. */
    uint8_t index[4 + 3 + NODE_ID_BYTES + 3] = { 2, 0, 1, 0, 1 };
    uint8_t leaf[sizeof index] = { 1, 0, 0, 0, 1 };
    struct page_reader *r;
    struct node n;
    struct page_child c;
    struct node_ref ref;
    (void)state;
    assert_int_equal(page_reader_new(&r), 0);
    assert_int_equal(page_reader_open(r, index, sizeof index), 0);
    assert_int_equal(page_reader_next_node(r, &n), HF_EDAMAGE);
    assert_int_equal(page_reader_next_ref(r, &ref), HF_EDAMAGE);
    assert_int_equal(page_reader_open(r, leaf, sizeof leaf), 0);
    assert_int_equal(page_reader_next_child(r, &c), HF_EDAMAGE);
    page_reader_free(r);
}

/*
 * A real page, then every truncation of it and every flipped bit: never a crash, seldom
 * accepted.
 */
static void test_page_reader_survives_every_flipped_bit(void **state)
{
    static const struct node_xattr xattr = { "user.k", "value", 6, 5 };
    static const char *const paths[] = { "/", "/a", "/a/file", "/a/file2", "/b" };
    struct node_ref refs[2] = { { .id = { 1 }, .len = 70000 }, { .len = 5000, .hole = true } };
    struct page_builder *b;
    struct page_reader *r;
    const uint8_t *data;
    uint8_t bytes[1024];
    size_t len;
    bool ends;
    (void)state;
    assert_int_equal(nacl_init(), 0);
    assert_int_equal(page_reader_new(&r), 0);
    assert_int_equal(page_builder_new(PAGE_LEAF, 0, boundary_key, &b), 0);
    for (size_t i = 0; i < 5; i++) {
        struct node n = { .path = paths[i],
                          .path_len = strlen(paths[i]),
                          .type = NODE_FILE,
                          .mode = 0640,
                          .user = "u",
                          .user_len = 1,
                          .group = "",
                          .xattrs = &xattr,
                          .xattr_count = i & 1,
                          .refs = refs,
                          .ref_count = i % 3,
                          .ino = i,
                          .mtime_ns = (int64_t)i * 1000000007,
                          .size = 300 };
        assert_int_equal(page_builder_add_node(b, &n, &ends), 0);
    }
    assert_int_equal(page_builder_finish(b, &data, &len), 0);
    assert_true(len <= sizeof bytes);
    assert_int_equal(read_all(r, data, len), 0);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(read_all(r, data, cut), HF_EDAMAGE);
    }
    size_t accepted = 0;
    for (size_t bit = 0; bit < len * 8; bit++) {
        memcpy(bytes, data, len);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        int rc = read_all(r, bytes, len);
        assert_true(rc == 0 || rc == HF_EDAMAGE || rc == HF_ENEWER);
        accepted += rc == 0;
    }
    assert_true(accepted < len * 8);
    page_builder_free(b);
    page_reader_free(r);
}

/* One entry with a very long target: all is well but for the length. */
static void test_page_reader_refuses_a_page_beyond_the_limit(void **state)
{
    static const uint8_t head[] = { 1, 0, 0, 0, 1, 0, 0, 0x80, 0x10 };
    struct buf page;
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        buf_init(&page);
        buf_put(&page, head, sizeof head);
        size_t target_len = PAGE_LIMIT_BYTES + over - sizeof head - 4; /* 4: its varint */
        buf_put_varint(&page, target_len);
        size_t at = page.len;
        buf_put_zeros(&page, target_len);
        assert_int_equal(buf_error(&page), 0);
        memset(page.data + at, 'x', target_len);
        assert_int_equal(page.len, PAGE_LIMIT_BYTES + over);
        assert_int_equal(read_bytes(page.data, page.len), over == 0 ? 0 : HF_EDAMAGE);
        buf_release(&page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_reader_accepts_the_smallest_pages),
        cmocka_unit_test(test_page_reader_refuses_bad_headers),
        cmocka_unit_test(test_page_reader_refuses_impossible_counts),
        cmocka_unit_test(test_page_reader_refuses_keys_that_are_not_front_coded_in_order),
        cmocka_unit_test(test_page_reader_refuses_paths_that_lead_elsewhere),
        cmocka_unit_test(test_page_reader_refuses_fields_that_say_nothing),
        cmocka_unit_test(test_page_reader_refuses_values_out_of_range),
        cmocka_unit_test(test_page_reader_refuses_xattrs_out_of_order),
        cmocka_unit_test(test_page_reader_says_what_needs_a_newer_holdfast),
        cmocka_unit_test(test_page_reader_refuses_a_page_of_another_kind),
        cmocka_unit_test(test_page_reader_survives_every_flipped_bit),
        cmocka_unit_test(test_page_reader_refuses_a_page_beyond_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
