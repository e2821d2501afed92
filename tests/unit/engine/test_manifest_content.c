/*
 * test_manifest_content.c - the references of a file: inline or a tree, from any offset.
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
#include "engine/manifest_content.h"
#include "format/nacl.h"
#include "format/page.h"
#include "harness/mempages.h"

static const uint8_t key[16] = { 2, 2, 2 };

struct fixture {
    struct mempages pages;
    struct manifest_content *content;
    struct manifest_content_reader *reader;
    struct node_ref *refs; /* of the file */
    size_t count;
    struct node node;
};

static int set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    if (f == NULL || nacl_init() != 0 || mempages_open(&f->pages) != 0 ||
        manifest_content_new(&f->pages.pages, key, &f->content) != 0 ||
        manifest_content_reader_new(&f->pages.pages, &f->reader) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    manifest_content_free(f->content);
    manifest_content_reader_free(f->reader);
    mempages_close(&f->pages);
    mem_free(f->refs);
    mem_free(f);
    return 0;
}

static struct node_ref random_ref(struct rnd *r)
{
    struct node_ref ref = { .len = 1 + rnd_below(r, 100000) };
    if (rnd_below(r, 50) == 0) {
        ref.hole = true;
    } else {
        assert_int_equal(rnd_bytes(r, ref.id, sizeof ref.id), 0);
    }
    return ref;
}

static void make_refs(struct fixture *f, size_t count, uint64_t seed)
{
    struct rnd r;
    rnd_init_seeded(&r, seed);
    mem_free(f->refs);
    f->refs = mem_array(count + 1, sizeof *f->refs);
    assert_non_null(f->refs);
    f->count = count;
    for (size_t i = 0; i < count; i++) {
        f->refs[i] = random_ref(&r);
    }
}

static void write_refs(struct fixture *f)
{
    manifest_content_begin(f->content);
    for (size_t i = 0; i < f->count; i++) {
        assert_int_equal(manifest_content_add(f->content, &f->refs[i]), 0);
    }
    assert_int_equal(manifest_content_end(f->content, &f->node), 0);
    assert_true(f->node.ref_count <= NODE_INLINE_REFS);
}

static void assert_same_ref(const struct node_ref *a, const struct node_ref *b)
{
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->hole, b->hole);
    assert_memory_equal(a->id, b->id, sizeof a->id);
}

/* Reads refs from..from + count - 1, the first of which begins at offset. */
static void assert_reads(struct fixture *f, size_t from, size_t count, uint64_t offset)
{
    struct node_ref got;
    uint64_t at;
    for (size_t i = from; i < f->count && count > 0; i++, count--) {
        assert_int_equal(manifest_content_reader_next(f->reader, &got, &at), 1);
        assert_same_ref(&got, &f->refs[i]);
        assert_int_equal(at, offset);
        offset += got.len;
    }
    if (count > 0) {
        assert_int_equal(manifest_content_reader_next(f->reader, &got, &at), 0);
    }
}

static void test_manifest_content_comes_back_at_any_size(void **state)
{
    static const size_t sizes[] = { 0,   1,   2,    15,   16,   17,   200,  255,
                                    256, 257, 1023, 1024, 1025, 5000, 20000 };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        make_refs(f, sizes[i], i);
        write_refs(f);
        assert_int_equal(f->node.content_depth > 0, sizes[i] > NODE_INLINE_REFS);
        assert_int_equal(manifest_content_reader_open(f->reader, &f->node), 0);
        assert_reads(f, 0, SIZE_MAX, 0);
    }
    assert_int_equal(f->node.content_depth, 2);
}

static void test_manifest_content_of_few_pieces_has_no_pages(void **state)
{
    struct fixture *f = *state;
    make_refs(f, NODE_INLINE_REFS, 1);
    write_refs(f);
    assert_int_equal(f->node.content_depth, 0);
    assert_int_equal(f->node.ref_count, NODE_INLINE_REFS);
    assert_int_equal(f->pages.puts, 0);
}

static void test_manifest_content_does_not_depend_on_the_file_before(void **state)
{
    struct fixture *f = *state;
    struct node_ref refs[NODE_INLINE_REFS];
    make_refs(f, 3000, 1);
    write_refs(f);
    size_t count = f->node.ref_count;
    memcpy(refs, f->node.refs, count * sizeof refs[0]);
    make_refs(f, 40, 2);
    write_refs(f);
    make_refs(f, 5, 2);
    write_refs(f);
    assert_int_equal(f->node.ref_count, 5);
    assert_int_equal(f->node.content_depth, 0);
    manifest_content_begin(f->content); /* and one that is not ended */
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(manifest_content_add(f->content, &f->refs[i]), 0);
    }
    make_refs(f, 3000, 1);
    write_refs(f);
    assert_int_equal(f->node.ref_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_same_ref(&refs[i], &f->node.refs[i]);
    }
}

/* A terabyte in pieces of 16 KiB would be 64 million; a million shows the same. */
static void test_manifest_content_of_a_small_change_writes_few_pages(void **state)
{
    struct fixture *f = *state;
    struct rnd r;
    make_refs(f, 1000000, 3);
    write_refs(f);
    assert_true(f->pages.fresh > 1000);
    rnd_init_seeded(&r, 4);
    f->refs[500000] = random_ref(&r);
    mempages_reset_counts(&f->pages);
    write_refs(f);
    assert_true(f->pages.fresh <= 8);
    /* A piece more shifts all that follow. */
    memmove(&f->refs[250001], &f->refs[250000], 750000 * sizeof f->refs[0]);
    f->refs[250000] = random_ref(&r);
    f->count++;
    mempages_reset_counts(&f->pages);
    write_refs(f);
    assert_true(f->pages.fresh <= 12);
}

static void test_manifest_content_memory_does_not_grow_with_the_file(void **state)
{
    struct fixture *f = *state;
    make_refs(f, 100000, 3);
    write_refs(f);
    uint64_t before = mem_alloc_count() - f->pages.fresh;
    mempages_reset_counts(&f->pages);
    write_refs(f); /* the same: every page is there already */
    assert_int_equal(f->pages.fresh, 0);
    assert_true(mem_alloc_count() - before <= f->pages.puts * 2 + 8);
    before = mem_alloc_count();
    write_refs(f);
    assert_int_equal(mem_alloc_count(), before);
}

static void test_manifest_content_is_read_from_any_offset(void **state)
{
    struct fixture *f = *state;
    struct rnd r;
    make_refs(f, 20000, 6);
    write_refs(f);
    assert_int_equal(manifest_content_reader_open(f->reader, &f->node), 0);
    uint64_t total = manifest_content_reader_length(f->reader), sum = 0;
    for (size_t i = 0; i < f->count; i++) {
        sum += f->refs[i].len;
    }
    assert_int_equal(total, sum);
    rnd_init_seeded(&r, 7);
    for (int i = 0; i < 300; i++) {
        uint64_t offset = rnd_below(&r, total), begin = 0;
        size_t at = 0;
        while (begin + f->refs[at].len <= offset) {
            begin += f->refs[at++].len;
        }
        assert_int_equal(manifest_content_reader_seek(f->reader, offset), 0);
        assert_reads(f, at, 3, begin);
    }
    assert_int_equal(manifest_content_reader_seek(f->reader, total), 0);
    assert_reads(f, f->count, 1, total);
    assert_int_equal(manifest_content_reader_seek(f->reader, UINT64_MAX), 0);
    assert_reads(f, f->count, 1, total);
    assert_int_equal(manifest_content_reader_seek(f->reader, 0), 0);
    assert_reads(f, 0, 5, 0);
}

static void test_manifest_content_seek_reads_one_page_a_level(void **state)
{
    struct fixture *f = *state;
    make_refs(f, 20000, 6);
    write_refs(f);
    assert_int_equal(manifest_content_reader_open(f->reader, &f->node), 0);
    mempages_reset_counts(&f->pages);
    uint64_t half = manifest_content_reader_length(f->reader) / 2;
    assert_int_equal(manifest_content_reader_seek(f->reader, half), 0);
    assert_int_equal(f->pages.gets, f->node.content_depth);
}

static void test_manifest_content_loses_only_what_a_lost_page_holds(void **state)
{
    struct fixture *f = *state;
    struct node_ref got;
    uint64_t at, lost_at = 0, lost_len = 0, read = 0;
    size_t i = 0, losses = 0;
    make_refs(f, 3000, 8);
    write_refs(f);
    assert_int_equal(f->node.content_depth, 1);
    assert_true(f->node.ref_count > 2);
    mempages_lose(&f->pages, f->node.refs[1].id);
    assert_int_equal(manifest_content_reader_open(f->reader, &f->node), 0);
    int rc;
    while ((rc = manifest_content_reader_next(f->reader, &got, &at)) != 0) {
        if (rc < 0) {
            assert_int_equal(rc, HF_EDAMAGE);
            assert_int_equal(manifest_content_reader_next(f->reader, &got, &at), HF_EDAMAGE);
            assert_int_equal(manifest_content_reader_skip(f->reader, &lost_at, &lost_len), 0);
            assert_int_equal(manifest_content_reader_skip(f->reader, &at, &at), HF_EFAIL);
            assert_int_equal(lost_at, f->node.refs[0].len);
            assert_int_equal(lost_len, f->node.refs[1].len);
            for (uint64_t passed = 0; passed < lost_len;) {
                passed += f->refs[i++].len;
            }
            read += lost_len;
            losses++;
            continue;
        }
        assert_int_equal(at, read);
        assert_same_ref(&got, &f->refs[i++]);
        read += got.len;
    }
    assert_int_equal(losses, 1);
    assert_int_equal(i, f->count);
    assert_int_equal(manifest_content_reader_skip(f->reader, &lost_at, &lost_len), HF_EFAIL);
}

static void test_manifest_content_refuses_a_page_of_another_length(void **state)
{
    struct fixture *f = *state;
    struct node_ref got, refs[NODE_INLINE_REFS];
    uint64_t at;
    make_refs(f, 600, 8);
    write_refs(f);
    memcpy(refs, f->node.refs, f->node.ref_count * sizeof refs[0]);
    f->node.refs = refs;
    for (int i = -1; i <= 1; i += 2) {
        refs[0].len += (uint64_t)(int64_t)i;
        assert_int_equal(manifest_content_reader_open(f->reader, &f->node), 0);
        assert_int_equal(manifest_content_reader_next(f->reader, &got, &at), HF_EDAMAGE);
        refs[0].len -= (uint64_t)(int64_t)i;
    }
    refs[0].len = INT64_MAX;
    f->node.ref_count = 2;
    refs[1].len = INT64_MAX;
    assert_int_equal(manifest_content_reader_open(f->reader, &f->node), HF_EDAMAGE);
}

/* Makes a list page of holes of these lengths, and a node whose content it is. */
static void make_list(struct fixture *f, uint8_t level, const uint64_t *lens, size_t count,
                      struct node_ref *ref)
{
    struct page_builder *b;
    const uint8_t *data;
    size_t len;
    bool ends;
    assert_int_equal(page_builder_new(PAGE_LIST, level, key, &b), 0);
    for (size_t i = 0; i < count; i++) {
        struct node_ref piece = { .len = lens[i], .hole = level == 0 };
        assert_int_equal(page_builder_add_ref(b, &piece, &ends), 0);
    }
    assert_int_equal(page_builder_finish(b, &data, &len), 0);
    assert_int_equal(f->pages.pages.put(&f->pages.pages, data, len, ref->id), 0);
    page_builder_free(b);
    f->node = (struct node){ .content_depth = 1, .refs = ref, .ref_count = 1 };
}

/* The lengths in the page are what the reference says only once 64 bits have wrapped around. */
static void test_manifest_content_refuses_lengths_that_wrap_around(void **state)
{
    static const uint64_t lens[] = { INT64_MAX, INT64_MAX, 12 };
    struct fixture *f = *state;
    struct node_ref ref = { .len = 10 }, got;
    uint64_t at;
    make_list(f, 0, lens, 3, &ref);
    assert_int_equal(manifest_content_reader_open(f->reader, &f->node), 0);
    assert_int_equal(manifest_content_reader_next(f->reader, &got, &at), HF_EDAMAGE);
    make_list(f, 0, lens + 2, 1, &ref);
    ref.len = 12;
    assert_int_equal(manifest_content_reader_open(f->reader, &f->node), 0);
    assert_int_equal(manifest_content_reader_next(f->reader, &got, &at), 1);
}

static void test_manifest_content_refuses_a_list_page_of_another_level(void **state)
{
    static const uint64_t lens[] = { 5, 7 };
    struct fixture *f = *state;
    struct node_ref ref = { .len = 12 }, got;
    uint64_t at;
    make_list(f, 1, lens, 2, &ref);
    assert_int_equal(manifest_content_reader_open(f->reader, &f->node), 0);
    assert_int_equal(manifest_content_reader_next(f->reader, &got, &at), HF_EDAMAGE);
}

static void test_manifest_content_refuses_empty_pieces(void **state)
{
    struct fixture *f = *state;
    struct node_ref empty = { .len = 0 };
    manifest_content_begin(f->content);
    assert_int_equal(manifest_content_add(f->content, &empty), HF_EFAIL);
}

static void test_manifest_content_says_that_a_page_could_not_be_stored(void **state)
{
    struct fixture *f = *state;
    make_refs(f, 100, 8);
    f->pages.fail_put_at = 1;
    manifest_content_begin(f->content);
    for (size_t i = 0; i < f->count; i++) {
        assert_int_equal(manifest_content_add(f->content, &f->refs[i]), 0);
    }
    assert_int_equal(manifest_content_end(f->content, &f->node), HF_ENOSPC);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_manifest_content_comes_back_at_any_size),
        ON(test_manifest_content_of_few_pieces_has_no_pages),
        ON(test_manifest_content_does_not_depend_on_the_file_before),
        ON(test_manifest_content_of_a_small_change_writes_few_pages),
        ON(test_manifest_content_memory_does_not_grow_with_the_file),
        ON(test_manifest_content_is_read_from_any_offset),
        ON(test_manifest_content_seek_reads_one_page_a_level),
        ON(test_manifest_content_loses_only_what_a_lost_page_holds),
        ON(test_manifest_content_refuses_a_page_of_another_length),
        ON(test_manifest_content_refuses_lengths_that_wrap_around),
        ON(test_manifest_content_refuses_a_list_page_of_another_level),
        ON(test_manifest_content_refuses_empty_pieces),
        ON(test_manifest_content_says_that_a_page_could_not_be_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
