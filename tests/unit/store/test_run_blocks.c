/*
 * test_run_blocks.c - what is written depends on the order in which chunks are added, and on
 * nothing else: not on how many work at it, nor on how fast they are.
 */
/* tsan */
#include <ftw.h>
#include <unistd.h>

#include "format/block.h"
#include "io/fs_posix.h"
#include "store/repo_internal.h"
#include "store/run_internal.h"
#include "unit/store/storekit.h"

#define KIB ((size_t)1024)

/* A repository of segments of this size. */
static struct simdisk *begin(struct vault *v, uint64_t segment_target)
{
    struct simdisk *d = simdisk_new(1);
    struct repo_params params;
    uint8_t id[16];

    kit_enter(v, d, "a");
    repo_default_params(&params);
    params.codec = CODEC_NONE;
    params.level = 0;
    params.segment_target = segment_target;
    ok(repo_init(&v->env, &params, &kit_unlock, "main", id));
    kit_open(v);
    return d;
}

static void commit(struct run **x)
{
    uint8_t id[16];
    uint64_t number;

    ok(kit_try_commit(x, id, &number));
}

static void add_typed(struct vault *v, struct run *x, enum segment_record type, uint64_t number,
                      size_t len)
{
    uint8_t *data = kit_bytes(number, len);
    uint8_t id[32];
    bool is_new;

    kit_id(v->repo, data, len, id);
    ok(run_add(x, type, id, data, len, &is_new));
    assert_true(is_new);
    mem_free(data);
}

static void footer_of(struct repo *r, uint32_t ordinal, struct segment_footer *out)
{
    struct segreader *s = NULL;

    memset(out, 0, sizeof *out);
    ok(repo_segment_get(r, ordinal, &s));
    ok(segreader_footer(s, out));
    repo_segment_put(r, ordinal);
}

static void assert_blocks(struct repo *r, uint32_t ordinal, const uint32_t *chunks, size_t count)
{
    struct segment_footer f;

    footer_of(r, ordinal, &f);
    assert_int_equal(f.block_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(f.blocks[i].chunk_count, chunks[i]);
    }
    segment_footer_release(&f);
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void test_blocks_hold_chunks_in_the_order_of_their_arrival(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1 << 20);
    struct run *x = kit_run(&v);
    struct segment_footer f;

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        kit_add(&v, x, i, 100 + i);
    }
    commit(&x);
    footer_of(v.repo, 0, &f);
    assert_int_equal(f.block_count, 1);
    assert_int_equal(f.blocks[0].type, SEGMENT_DATA);
    for (unsigned i = 0; i < 10; i++) {
        uint8_t id[32];

        kit_chunk_id(v.repo, i, 100 + i, id);
        assert_memory_equal(f.chunks[i].id, id, 32);
        assert_int_equal(f.chunks[i].len, 100 + i);
    }
    segment_footer_release(&f);
    kit_end(&v, d);
}

static void test_blocks_end_before_they_are_too_long(void **state)
{
    static const uint32_t expected[] = { 3, 3, 1 };
    struct vault v;
    struct simdisk *d = begin(&v, 64u << 20);
    struct run *x = kit_run(&v);

    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        kit_add(&v, x, i, 300 * KIB);
    }
    commit(&x);
    assert_blocks(v.repo, 0, expected, COUNT(expected));
    kit_end(&v, d);
}

static void test_blocks_end_when_they_are_full(void **state)
{
    static const uint32_t expected[] = { 4, 1, 1, 2 };
    struct vault v;
    struct simdisk *d = begin(&v, 64u << 20);
    struct run *x = kit_run(&v);

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        kit_add(&v, x, i, 256 * KIB); /* one MiB, and not a byte more */
    }
    kit_add(&v, x, 4, 10);
    kit_add(&v, x, 5, 5 * KIB * KIB); /* longer than any block is meant to be */
    kit_add(&v, x, 6, 10);
    kit_add(&v, x, 7, 10);
    commit(&x);
    assert_blocks(v.repo, 0, expected, COUNT(expected));
    ok(kit_fetch(v.repo, 5, 5 * KIB * KIB));
    kit_end(&v, d);
}

static void test_blocks_have_a_bounded_number_of_chunks(void **state)
{
    static const uint32_t expected[] = { BLOCK_MAX_CHUNKS, 3 };
    struct vault v;
    struct simdisk *d = begin(&v, 64u << 20);
    struct run *x = kit_run(&v);

    (void)state;
    for (uint32_t i = 0; i < BLOCK_MAX_CHUNKS + 3; i++) {
        uint8_t id[32] = { (uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16), 1 };
        bool is_new;

        ok(run_add(x, SEGMENT_DATA, id, "x", 1, &is_new)); /* ids are the caller's affair */
    }
    commit(&x);
    assert_blocks(v.repo, 0, expected, COUNT(expected));
    kit_end(&v, d);
}

/* Few chunks become a record where they are gathered, with room before and behind; many don't. */
static void test_blocks_without_compression_hold_what_was_put_into_them(void **state)
{
    static const uint32_t counts[] = { 1, 255, 256, 257, 400 };
    /* With what comes before them, up to all the memory that they are gathered in. */
    static const size_t lengths[] = { 2 * KIB * KIB - 1100, 2 * KIB * KIB - 1080,
                                      2 * KIB * KIB - 1068, 2 * KIB * KIB - 1067 };
    struct vault v;
    struct simdisk *d = begin(&v, 64u << 20);
    struct run *x = kit_run(&v);

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        for (uint32_t k = 0; k < counts[i]; k++) {
            add_typed(&v, x, i % 2 == 0 ? SEGMENT_DATA : SEGMENT_PAGES, 1000 * i + k, 50 + k % 9);
        }
        ok(run_cut(x, SEGMENT_DATA));
        ok(run_cut(x, SEGMENT_PAGES));
    }
    for (size_t i = 0; i < COUNT(lengths); i++) {
        add_typed(&v, x, SEGMENT_DATA, 9000 + i, lengths[i]);
    }
    commit(&x);
    for (size_t i = 0; i < COUNT(counts); i++) {
        for (uint32_t k = 0; k < counts[i]; k += k < 250 ? 13 : 1) {
            ok(kit_fetch(v.repo, 1000 * i + k, 50 + k % 9));
        }
    }
    for (size_t i = 0; i < COUNT(lengths); i++) {
        ok(kit_fetch(v.repo, 9000 + i, lengths[i]));
    }
    kit_end(&v, d);
}

static void test_blocks_end_where_they_are_cut(void **state)
{
    static const uint32_t expected[] = { 2, 1 };
    struct vault v;
    struct simdisk *d = begin(&v, 1 << 20);
    struct run *x = kit_run(&v);

    (void)state;
    ok(run_cut(x, SEGMENT_DATA)); /* of nothing */
    kit_add(&v, x, 1, 100);
    kit_add(&v, x, 2, 100);
    ok(run_cut(x, SEGMENT_PAGES)); /* of the others */
    ok(run_cut(x, SEGMENT_DATA));
    ok(run_cut(x, SEGMENT_DATA));
    kit_add(&v, x, 3, 100);
    commit(&x);
    assert_blocks(v.repo, 0, expected, COUNT(expected));
    kit_end(&v, d);
}

static void test_blocks_take_no_chunk_of_an_impossible_length(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1 << 20);
    struct run *x = kit_run(&v);
    uint8_t *zeros = mem_zalloc(BLOCK_MAX_BYTES + 1);
    uint8_t id[32] = { 1 };
    bool is_new = true;

    (void)state;
    says(run_add(x, SEGMENT_DATA, id, zeros, 0, &is_new), HF_ELIMIT, "a chunk of 0 bytes");
    assert_false(is_new);
    assert_int_equal(run_add(x, SEGMENT_DATA, id, zeros, BLOCK_MAX_BYTES + 1, &is_new), HF_ELIMIT);
    ok(run_add(x, SEGMENT_DATA, id, zeros, BLOCK_MAX_BYTES, &is_new)); /* no harm was done */
    commit(&x);
    mem_free(zeros);
    kit_end(&v, d);
}

/* --- segments --------------------------------------------------------------------------------- */

static void test_segments_are_filled_up_to_their_target(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 10000);
    struct run *x = kit_run(&v);
    size_t segments;

    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        kit_add(&v, x, i, 1500 + 10 * i);
        ok(run_cut(x, SEGMENT_DATA));
    }
    kit_add(&v, x, 100, 30000); /* alone, since it fits nowhere */
    commit(&x);
    segments = catalog_segment_count(repo_catalog(v.repo));
    for (uint32_t s = 0; s < segments; s++) {
        struct segment_footer f;
        const struct segment_block *last;
        uint64_t end;

        footer_of(v.repo, s, &f);
        assert_true(f.block_count > 0);
        last = &f.blocks[f.block_count - 1];
        end = last->position + segment_record_bytes(last->payload_len - CIPHER_TAG_BYTES);
        if (s + 1 < segments) {
            assert_true(end <= 10000 && end > 10000 - 2500);
        } else {
            assert_int_equal(f.block_count, 1);
        }
        segment_footer_release(&f);
    }
    assert_true(segments >= 6);
    for (unsigned i = 0; i < 30; i++) {
        ok(kit_fetch(v.repo, i, 1500 + 10 * i));
    }
    ok(kit_fetch(v.repo, 100, 30000));
    kit_end(&v, d);
}

/* The pages of a small commit go behind its data: one segment, one sync. */
static void test_segments_of_small_commits_hold_pages_too(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 64u << 20);
    struct run *x = kit_run(&v);
    struct segment_footer f;

    (void)state;
    add_typed(&v, x, SEGMENT_PAGES, 1, 500);
    add_typed(&v, x, SEGMENT_DATA, 2, 500);
    ok(run_cut(x, SEGMENT_PAGES));
    add_typed(&v, x, SEGMENT_PAGES, 3, 500);
    add_typed(&v, x, SEGMENT_DATA, 4, 500);
    commit(&x);
    assert_int_equal(catalog_segment_count(repo_catalog(v.repo)), 1);
    footer_of(v.repo, 0, &f);
    assert_int_equal(f.block_count, 3);
    assert_int_equal(f.blocks[0].type, SEGMENT_DATA);
    assert_int_equal(f.blocks[0].chunk_count, 2);
    assert_int_equal(f.blocks[1].type, SEGMENT_PAGES);
    assert_int_equal(f.blocks[2].type, SEGMENT_PAGES);
    segment_footer_release(&f);
    kit_end(&v, d);
}

/* Many pages get segments of their own, so that listing reads no data. */
static void test_segments_of_large_commits_hold_one_or_the_other(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3u << 20);
    struct run *x = kit_run(&v);
    unsigned of_pages = 0;

    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        add_typed(&v, x, SEGMENT_PAGES, i, 200 * KIB);
        add_typed(&v, x, SEGMENT_DATA, 1000 + i, 100 * KIB);
    }
    commit(&x);
    for (uint32_t s = 0; s < catalog_segment_count(repo_catalog(v.repo)); s++) {
        struct segment_footer f;

        footer_of(v.repo, s, &f);
        for (size_t i = 1; i < f.block_count; i++) {
            assert_int_equal(f.blocks[i].type, f.blocks[0].type);
        }
        of_pages += f.blocks[0].type == SEGMENT_PAGES;
        segment_footer_release(&f);
    }
    assert_true(of_pages >= 4);
    for (unsigned i = 0; i < 60; i++) {
        ok(kit_fetch(v.repo, i, 200 * KIB));
    }
    kit_end(&v, d);
}

/* What fails in a worker is the caller's to hear, in the words of the worker. */
static void test_segments_that_can_not_be_written_fail_the_run(void **state)
{
    static const struct {
        enum simop_kind op;
        const char *text;
    } cases[] = { { SIMOP_CREATE, "could not create tmp/" },
                  { SIMOP_PWRITE, "could not write tmp/" },
                  { SIMOP_SYNC, "could not sync tmp/" },
                  { SIMOP_RENAME_NEW, "could not rename tmp/" } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (uint64_t nth = 1; nth <= 4; nth++) {
            struct simfault f = {
                .where = { .kinds = SIMOP_BIT(cases[i].op), .prefix = "repo/tmp/", .nth = nth },
                .errnum = ENOSPC
            };
            struct vault v;
            struct simdisk *d = begin(&v, 8000);
            struct run *x = kit_run(&v);
            uint8_t id[16];
            uint64_t number;
            bool is_new;
            int rc = 0;

            simdisk_fault(d, &f);
            for (unsigned c = 0; rc == 0 && c < 40; c++) {
                rc = kit_try_add(v.repo, x, c, 1000, &is_new);
                if (rc == 0) {
                    rc = run_cut(x, SEGMENT_DATA);
                }
            }
            if (rc == 0) {
                rc = kit_try_commit(&x, id, &number);
            }
            says(rc, HF_ENOSPC, cases[i].text);
            run_abort(x);
            assert_int_equal(kit_files(d, "repo/tmp/"), 0);
            assert_int_equal(kit_files(d, "repo/journal/"), 1);
            kit_end(&v, d);
        }
    }
}

/* Threads come and go: nothing is left under way when a run is aborted at any point. */
static void test_segments_under_way_are_waited_for_by_abort(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 8000);

    (void)state;
    for (unsigned chunks = 0; chunks < 12; chunks++) {
        struct run *x = kit_run(&v);

        for (unsigned c = 0; c < chunks; c++) {
            add_typed(&v, x, c % 3 ? SEGMENT_DATA : SEGMENT_PAGES, 100 * chunks + c, 1000);
            ok(run_cut(x, c % 3 ? SEGMENT_DATA : SEGMENT_PAGES));
        }
        run_abort(x);
        assert_int_equal(kit_files(d, "repo/tmp/"), 0);
    }
    kit_end(&v, d);
}

/* --- with threads, on the machine's own disk -------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* What a run has written, as far as it does not depend on nonces and names. */
static void describe_segment(struct repo *r, uint32_t ordinal, struct buf *out)
{
    const struct catalog_segment *s = catalog_segment(repo_catalog(r), ordinal);
    struct segment_footer f;
    char hex[65];

    footer_of(r, ordinal, &f);
    buf_printf(out, "segment of %" PRIu64 "\n", s->file_len);
    for (size_t b = 0; b < f.block_count; b++) {
        const struct segment_block *k = &f.blocks[b];

        buf_printf(out, " block at %" PRIu64 " type %d payload %u plain %u\n", k->position,
                   (int)k->type, k->payload_len, k->plain_len);
        for (uint32_t c = 0; c < k->chunk_count; c++) {
            buf_printf(out, "  %s %u\n", text_hex(f.chunks[k->first_chunk + c].id, 32, hex),
                       f.chunks[k->first_chunk + c].len);
        }
    }
    segment_footer_release(&f);
}

/* Chunks of all kinds: tiny and large, that compress and that don't, pages among them, twice. */
static void store_load(struct vault *v, struct run *x)
{
    struct commit so_far = { .job = (char[]){ "so far" } };
    struct rnd r;

    rnd_init_seeded(&r, 7);
    for (unsigned i = 0; i < 300; i++) {
        size_t len = 1 + (size_t)rnd_below(&r, i % 17 == 0 ? 400 * KIB : 9 * KIB);
        uint8_t *data = kit_bytes(i % 50 == 49 ? i - 40 : i, len);
        enum segment_record type = i % 5 == 0 ? SEGMENT_PAGES : SEGMENT_DATA;
        uint8_t id[32];
        bool is_new;

        if (i % 3 == 0) {
            memset(data, (int)i, len);
        }
        kit_id(v->repo, data, len, id);
        ok(run_add(x, type, id, data, len, &is_new));
        if (i % 40 == 39) {
            ok(run_cut(x, SEGMENT_DATA));
        }
        if (i == 200) {
            ok(run_partial(x, &so_far));
        }
        mem_free(data);
    }
}

/* The whole story of one run by so many workers; the repository's secrets are always the same. */
static void run_with(size_t workers, struct buf *out)
{
    char path[256];
    const char *tmp = getenv("TMPDIR");
    struct repo_params params;
    struct vault v = { .client = NULL };
    struct run *x;
    struct rnd seeded;
    uint8_t id[16];

    snprintf(path, sizeof path, "%s/run-blocks-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
    rnd_init_seeded(&seeded, 3);
    ok(fs_posix_open(path, &v.env.fs));
    v.env.clock = clock_system();
    v.env.rnd = &seeded;
    repo_default_params(&params);
    params.segment_target = 200 * KIB;
    ok(repo_init(&v.env, &params, &kit_unlock, "main", id));
    v.env.rnd = rnd_system();
    ok(pool_new(workers, &v.pool));
    kit_open(&v);
    x = kit_run(&v);
    store_load(&v, x);
    commit(&x);
    for (uint32_t s = 0; s < catalog_segment_count(repo_catalog(v.repo)); s++) {
        describe_segment(v.repo, s, out);
    }
    ok(buf_error(out));
    kit_close(&v);
    pool_free(v.pool);
    fs_close_fs(v.env.fs);
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void test_run_writes_the_same_whoever_works_at_it(void **state)
{
    static const size_t workers[] = { 0, 1, 3, 3 };
    struct buf stories[COUNT(workers)];

    (void)state;
    for (size_t i = 0; i < COUNT(workers); i++) {
        buf_init(&stories[i]);
        run_with(workers[i], &stories[i]);
        assert_true(stories[i].len > 10000);
        assert_string_equal(buf_text(&stories[i]), buf_text(&stories[0]));
    }
    for (size_t i = 0; i < COUNT(workers); i++) {
        buf_release(&stories[i]);
    }
}

/* Several readers at once, of an index that is damaged: each gets the right answer. */
struct reading {
    struct pool_job job;
    struct repo *repo;
    uint64_t first;
};

static int read_chunks(struct pool_job *job)
{
    const struct reading *r = (const struct reading *)job;
    struct repo_reader *rd = NULL;
    int rc = repo_reader_new(r->repo, 1, &rd);

    for (uint64_t n = r->first; rc == 0 && n < r->first + 60; n++) {
        struct cipher_id *ids = NULL;
        struct rnd g;
        uint8_t bytes[500];
        uint8_t id[32];
        const uint8_t *data;
        size_t len;

        rnd_init_seeded(&g, n);
        (void)rnd_bytes(&g, bytes, sizeof bytes);
        rc = cipher_id_new(repo_keys(r->repo)->chunk_id_key, &ids);
        if (rc == 0) {
            rc = cipher_id_of(ids, bytes, sizeof bytes, id);
        }
        if (rc == 0) {
            rc = repo_reader_chunk(rd, id, &data, &len);
        }
        if (rc == 0 && (len != sizeof bytes || memcmp(data, bytes, len) != 0)) {
            rc = err_raise(HF_EFAIL, "chunk %" PRIu64 " is another", n);
        }
        cipher_id_free(ids);
    }
    repo_reader_free(rd);
    return rc;
}

static int spoil_run(void *context, const char *name)
{
    const char *folder = context;
    size_t len = strlen(name);
    char path[512];
    FILE *f;

    if (len < 4 || strcmp(name + len - 4, ".run") != 0) {
        return 0;
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 2 * 16384 + 100, SEEK_SET), 0);
    assert_int_equal(fputs("rotten", f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
    return 0;
}

static void test_readers_at_once_build_a_damaged_index_anew(void **state)
{
    char path[256];
    char cache[300];
    const char *tmp = getenv("TMPDIR");
    struct repo_params params;
    struct vault v = { .client = NULL };
    struct reading jobs[4];
    struct run *x;
    uint8_t id[16];

    (void)state;
    snprintf(path, sizeof path, "%s/run-blocks-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
    snprintf(cache, sizeof cache, "%s/cache", path);
    ok(fs_posix_make(cache, 0700, &v.env.cache));
    snprintf(cache, sizeof cache, "%s/repo", path);
    ok(fs_posix_make(cache, 0700, &v.env.fs));
    snprintf(cache, sizeof cache, "%s/cache", path);
    v.env.clock = clock_system();
    v.env.rnd = rnd_system();
    repo_default_params(&params);
    ok(repo_init(&v.env, &params, &kit_unlock, "main", id));
    ok(pool_new(3, &v.pool));
    kit_open(&v);
    x = kit_run(&v);
    for (unsigned n = 0; n < 200; n++) {
        kit_add(&v, x, n, 500);
    }
    commit(&x);
    kit_close(&v);
    ok(fs_list(v.env.cache, "", spoil_run, cache));
    kit_open(&v);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        jobs[i] = (struct reading){ .job = { .run = read_chunks },
                                    .repo = v.repo,
                                    .first = 40 * i };
        pool_submit(v.pool, &jobs[i].job, POOL_NORMAL);
    }
    for (size_t i = 0; i < COUNT(jobs); i++) {
        ok(pool_wait(v.pool, &jobs[i].job));
    }
    kit_close(&v);
    pool_free(v.pool);
    fs_close_fs(v.env.fs);
    fs_close_fs(v.env.cache);
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_hold_chunks_in_the_order_of_their_arrival),
        cmocka_unit_test(test_blocks_end_before_they_are_too_long),
        cmocka_unit_test(test_blocks_end_when_they_are_full),
        cmocka_unit_test(test_blocks_have_a_bounded_number_of_chunks),
        cmocka_unit_test(test_blocks_without_compression_hold_what_was_put_into_them),
        cmocka_unit_test(test_blocks_end_where_they_are_cut),
        cmocka_unit_test(test_blocks_take_no_chunk_of_an_impossible_length),
        cmocka_unit_test(test_segments_are_filled_up_to_their_target),
        cmocka_unit_test(test_segments_of_small_commits_hold_pages_too),
        cmocka_unit_test(test_segments_of_large_commits_hold_one_or_the_other),
        cmocka_unit_test(test_segments_that_can_not_be_written_fail_the_run),
        cmocka_unit_test(test_segments_under_way_are_waited_for_by_abort),
        cmocka_unit_test(test_run_writes_the_same_whoever_works_at_it),
        cmocka_unit_test(test_readers_at_once_build_a_damaged_index_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
