/*
 * test_repo_reader.c - a chunk is given out only if its id is that of its bytes, from any of its
 * homes that is whole; and what is lost is named.
 */
#include "store/repo_internal.h"
#include "unit/store/storekit.h"

#define LEN 700

/* A repository whose snapshots have a segment each: three chunks from 10, 20, .. */
static struct simdisk *begin(struct vault *v, unsigned snapshots)
{
    struct simdisk *d = kit_begin(v);
    uint8_t id[16];

    for (unsigned i = 1; i <= snapshots; i++) {
        kit_commit(v, 10 * i, 3, LEN, id);
    }
    assert_int_equal(catalog_segment_count(repo_catalog(v->repo)), snapshots);
    return d;
}

/* Opened anew by a client without a cache. */
static void reopen(struct vault *v, struct simdisk *d, const char *client)
{
    vault_leave(v);
    kit_join(v, d, client);
}

static size_t operations(const struct simdisk *d, size_t from, enum simop_kind kind,
                         const char *prefix)
{
    const struct simtrace *t = simdisk_trace(d);
    size_t count = 0;

    for (size_t i = from; i < t->count; i++) {
        count += t->ops[i].kind == kind && t->ops[i].path &&
                 strncmp(t->ops[i].path, prefix, strlen(prefix)) == 0;
    }
    return count;
}

/* --- finding ---------------------------------------------------------------------------------- */

static void test_reader_gives_what_was_stored(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);

    (void)state;
    for (unsigned fresh = 0; fresh < 2; fresh++) {
        for (unsigned i = 1; i <= 3; i++) {
            for (unsigned c = 0; c < 3; c++) {
                ok(kit_fetch(v.repo, 10 * i + c, LEN));
            }
        }
        reopen(&v, d, "b");
    }
    kit_end(&v, d);
}

static void test_reader_knows_no_other_chunk(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    struct index_home home;
    uint8_t id[32];

    (void)state;
    says(kit_fetch(v.repo, 999, LEN), HF_EDAMAGE, "is in no segment");
    kit_chunk_id(v.repo, 999, LEN, id);
    says(repo_locate(v.repo, id, &home), HF_EDAMAGE, "is in no segment");
    kit_end(&v, d);
}

static void test_reader_finds_where_a_chunk_is(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    struct index_home home;
    uint8_t id[32];

    (void)state;
    kit_chunk_id(v.repo, 21, LEN, id);
    ok(repo_locate(v.repo, id, &home));
    assert_int_equal(home.segment, 1);
    assert_int_equal(home.position, SEGMENT_HEADER_BYTES);
    assert_int_equal(home.slot, 1);
    assert_int_equal(home.len, LEN);
    kit_end(&v, d);
}

static void test_reader_reads_by_place(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    struct repo_reader *rd = NULL;
    uint8_t *expected = kit_bytes(21, LEN);
    const uint8_t *data;
    size_t len;
    uint8_t id[32];

    (void)state;
    kit_chunk_id(v.repo, 21, LEN, id);
    ok(repo_reader_new(v.repo, 0, &rd)); /* at least one block is kept */
    says(repo_reader_slot(rd, 0, id, &data, &len), HF_EDAMAGE, "fewer chunks");
    ok(repo_reader_block(rd, 1, SEGMENT_HEADER_BYTES));
    ok(repo_reader_slot(rd, 1, id, &data, &len));
    assert_int_equal(len, LEN);
    assert_memory_equal(data, expected, LEN);
    says(repo_reader_slot(rd, 0, id, &data, &len), HF_EDAMAGE, "not those of its id");
    says(repo_reader_slot(rd, 3, id, &data, &len), HF_EDAMAGE, "fewer chunks");
    says(repo_reader_block(rd, 7, SEGMENT_HEADER_BYTES), HF_ELIMIT, "");
    /* After a block that could not be read there is none at hand. */
    assert_int_equal(repo_reader_block(rd, 1, SEGMENT_HEADER_BYTES + 8), HF_EDAMAGE);
    says(repo_reader_slot(rd, 1, id, &data, &len), HF_EDAMAGE, "fewer chunks");
    assert_true(repo_reader_bytes_read(rd) > LEN);
    repo_reader_free(rd);
    repo_reader_free(NULL);
    mem_free(expected);
    kit_end(&v, d);
}

/* The id of the next slot is computed ahead: it is that of its own block's bytes alone. */
static void test_reader_takes_no_id_of_one_block_for_anothers(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    struct repo_reader *rd = NULL;
    uint8_t *expected = kit_bytes(21, LEN);
    const uint8_t *data;
    size_t len;
    uint8_t ids[3][32];

    (void)state;
    kit_chunk_id(v.repo, 10, LEN, ids[0]);
    kit_chunk_id(v.repo, 11, LEN, ids[1]);
    kit_chunk_id(v.repo, 21, LEN, ids[2]);
    for (size_t blocks = 1; blocks <= 2; blocks++) {
        ok(repo_reader_new(v.repo, blocks, &rd));
        ok(repo_reader_block(rd, 0, SEGMENT_HEADER_BYTES));
        ok(repo_reader_slot(rd, 0, ids[0], &data, &len));
        ok(repo_reader_block(rd, 1, SEGMENT_HEADER_BYTES));
        says(repo_reader_slot(rd, 1, ids[1], &data, &len), HF_EDAMAGE, "not those of its id");
        ok(repo_reader_slot(rd, 1, ids[2], &data, &len));
        assert_int_equal(len, LEN);
        assert_memory_equal(data, expected, LEN);
        repo_reader_free(rd);
    }
    mem_free(expected);
    kit_end(&v, d);
}

/* A block is read once as long as it is among the last few. */
static void test_reader_keeps_the_last_blocks(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    struct repo_reader *rd = NULL;
    size_t from;

    (void)state;
    ok(repo_reader_new(v.repo, 2, &rd));
    ok(repo_reader_block(rd, 0, SEGMENT_HEADER_BYTES));
    ok(repo_reader_block(rd, 1, SEGMENT_HEADER_BYTES));
    from = simdisk_trace(d)->count;
    ok(repo_reader_block(rd, 0, SEGMENT_HEADER_BYTES));
    ok(repo_reader_block(rd, 1, SEGMENT_HEADER_BYTES));
    ok(repo_reader_block(rd, 0, SEGMENT_HEADER_BYTES));
    assert_int_equal(simdisk_trace(d)->count, from);
    ok(repo_reader_block(rd, 2, SEGMENT_HEADER_BYTES)); /* 1 was not used for longest */
    from = simdisk_trace(d)->count;
    ok(repo_reader_block(rd, 0, SEGMENT_HEADER_BYTES));
    assert_int_equal(simdisk_trace(d)->count, from);
    ok(repo_reader_block(rd, 1, SEGMENT_HEADER_BYTES));
    assert_true(simdisk_trace(d)->count > from);
    repo_reader_free(rd);
    kit_end(&v, d);
}

/* --- open segments ---------------------------------------------------------------------------- */

static void test_reader_opens_a_segment_once(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    size_t from;

    (void)state;
    ok(kit_fetch(v.repo, 10, LEN));
    from = simdisk_trace(d)->count;
    for (unsigned i = 0; i < 5; i++) {
        ok(kit_fetch(v.repo, 10 + i % 3, LEN));
    }
    assert_int_equal(operations(d, from, SIMOP_OPEN, "repo/"), 0);
    kit_end(&v, d);
}

static void test_reader_has_a_bounded_number_of_segments_open(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, REPO_OPEN_SEGMENTS + 6);
    struct segreader *r;
    size_t from;

    (void)state;
    reopen(&v, d, "b");
    from = simdisk_trace(d)->count;
    for (uint32_t s = 0; s < REPO_OPEN_SEGMENTS + 6; s++) {
        ok(kit_fetch(v.repo, 10 * (uint64_t)(s + 1), LEN));
    }
    assert_true(operations(d, from, SIMOP_OPEN, "repo/segments") <=
                operations(d, from, SIMOP_CLOSE, "repo/segments") + REPO_OPEN_SEGMENTS);
    for (uint32_t s = 0; s < REPO_OPEN_SEGMENTS; s++) {
        ok(repo_segment_get(v.repo, s, &r));
    }
    says(repo_segment_get(v.repo, REPO_OPEN_SEGMENTS, &r), HF_ELIMIT,
         "too many segments are in use at once");
    ok(repo_segment_get(v.repo, 5, &r)); /* in use by two */
    repo_segment_put(v.repo, 5);
    assert_int_equal(repo_segment_get(v.repo, REPO_OPEN_SEGMENTS, &r), HF_ELIMIT);
    repo_segment_put(v.repo, 5);
    ok(repo_segment_get(v.repo, REPO_OPEN_SEGMENTS, &r));
    repo_segment_put(v.repo, 1000); /* of none: nothing happens */
    kit_end(&v, d);
}

/* --- damage ----------------------------------------------------------------------------------- */

static void test_reader_names_a_segment_that_is_missing(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    struct index *index;
    char path[128];

    (void)state;
    simrot_delete(d, kit_segment_path(v.repo, 1, path));
    ok(kit_fetch(v.repo, 30, LEN));
    says(kit_fetch(v.repo, 20, LEN), HF_EDAMAGE, path + 5); /* the index still knows of it */
    assert_non_null(strstr(err_last()->text, "is missing"));
    reopen(&v, d, "b");
    ok(repo_index(v.repo, &index));
    ok(kit_fetch(v.repo, 10, LEN));
    ok(kit_fetch(v.repo, 30, LEN));
    says(kit_fetch(v.repo, 20, LEN), HF_EDAMAGE, path + 5);
    assert_non_null(strstr(err_last()->text, "is missing"));
    kit_end(&v, d);
}

/* A footer that can't be read costs what it lists, and is named; what is cached is never half. */
static void test_reader_passes_over_a_damaged_footer_and_names_it(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    char path[128];
    size_t len;

    (void)state;
    simrot_look(d, kit_segment_path(v.repo, 1, path), &len);
    simrot_flip(d, path, 8 * (len - SEGMENT_TRAILER_BYTES - 60));
    for (unsigned again = 0; again < 2; again++) {
        reopen(&v, d, "b");
        ok(kit_fetch(v.repo, 10, LEN));
        ok(kit_fetch(v.repo, 30, LEN));
        says(kit_fetch(v.repo, 20, LEN), HF_EDAMAGE, path + 5);
        repo_save_cache(v.repo);
    }
    simrot_flip(d, path, 8 * (len - SEGMENT_TRAILER_BYTES - 60));
    reopen(&v, d, "b");
    ok(kit_fetch(v.repo, 20, LEN));
    kit_end(&v, d);
}

/* What the disk can't read is as good as damaged; what we may not read is an error. */
static void test_reader_that_can_not_read_a_footer_says_so(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    struct index *index;
    char path[128];

    (void)state;
    kit_segment_path(v.repo, 1, path);
    reopen(&v, d, "b");
    kit_fault(d, SIMOP_PREAD, path, SIMFAULT_REFUSE, EIO);
    ok(kit_fetch(v.repo, 10, LEN));
    says(kit_fetch(v.repo, 20, LEN), HF_EDAMAGE, path + 5);
    reopen(&v, d, "b");
    kit_fault(d, SIMOP_OPEN, path, SIMFAULT_REFUSE, EACCES);
    assert_int_equal(repo_index(v.repo, &index), HF_EACCESS);
    ok(repo_index(v.repo, &index)); /* goes on where it stopped */
    ok(kit_fetch(v.repo, 20, LEN));
    kit_end(&v, d);
}

static void test_reader_asks_nothing_of_condemned_segments(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    char path[128];
    size_t from;

    (void)state;
    kit_segment_path(v.repo, 0, path);
    kit_publish(v.repo, ENTRY_CONDEMN, kit_segment(v.repo, 0));
    simrot_delete(d, path);
    from = simdisk_trace(d)->count;
    reopen(&v, d, "b");
    ok(kit_fetch(v.repo, 20, LEN));
    says(kit_fetch(v.repo, 10, LEN), HF_EDAMAGE, "is in no segment");
    assert_int_equal(operations(d, from, SIMOP_OPEN, path), 0);
    kit_end(&v, d);
}

/* Stores the same chunks again, as a client does whose view is old: they get a second home. */
static void store_again(struct simdisk *d, const char *client, uint64_t first, uint64_t other)
{
    struct vault a;
    struct vault b;
    struct run *x;
    uint8_t id[16];
    uint64_t number;

    kit_join(&a, d, client);
    kit_join(&b, d, "second");
    x = kit_run(&b);
    kit_commit(&a, first, 3, LEN, id);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(kit_add(&b, x, first + i, LEN));
    }
    kit_add(&b, x, other, LEN);
    ok(kit_try_commit(&x, id, &number));
    vault_leave(&a);
    vault_leave(&b);
}

static void test_reader_tries_every_home(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    char first[128];
    char second[128];

    (void)state;
    store_again(d, "a", 50, 60);
    reopen(&v, d, "reader");
    kit_segment_path(v.repo, 1, first);
    kit_segment_path(v.repo, 2, second);
    ok(kit_fetch(v.repo, 50, LEN));
    simrot_flip(d, first, 8 * (SEGMENT_HEADER_BYTES + 50));
    ok(kit_fetch(v.repo, 50, LEN));
    simrot_flip(d, first, 8 * (SEGMENT_HEADER_BYTES + 50));
    simrot_flip(d, second, 8 * (SEGMENT_HEADER_BYTES + 50));
    ok(kit_fetch(v.repo, 50, LEN));
    simrot_flip(d, first, 8 * (SEGMENT_HEADER_BYTES + 50));
    says(kit_fetch(v.repo, 50, LEN), HF_EDAMAGE, "segments/");
    kit_end(&v, d);
}

/* A disk that can't read one place is no reason not to look at the other. */
static void test_reader_tries_every_home_of_a_failing_disk(void **state)
{
    (void)state;
    for (uint32_t bad = 1; bad <= 2; bad++) {
        struct vault v;
        struct simdisk *d = begin(&v, 1);
        char path[128];
        char other[128];

        store_again(d, "a", 50, 60);
        reopen(&v, d, "reader");
        kit_segment_path(v.repo, bad, path);
        kit_segment_path(v.repo, 3 - bad, other);
        ok(kit_fetch(v.repo, 10, LEN));
        kit_fault_for_ever(d, SIMOP_PREAD, path, EIO);
        ok(kit_fetch(v.repo, 50, LEN));
        kit_fault_for_ever(d, SIMOP_PREAD, other, EIO);
        assert_int_equal(kit_fetch(v.repo, 50, LEN), HF_EIO);
        kit_end(&v, d);
    }
}

/* An index that names places where the chunk is not, and whose checksums hold. */
static void test_reader_believes_no_index(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    struct index_home wrong[] = { { 0, SEGMENT_HEADER_BYTES, 1, LEN }, /* another's slot */
                                  { 0, SEGMENT_HEADER_BYTES, 9, LEN },
                                  { 0, SEGMENT_HEADER_BYTES + 8, 0, LEN },
                                  { 0, (uint64_t)1 << 33, 0, LEN } };
    uint8_t id[32];

    (void)state;
    reopen(&v, d, "b");
    kit_chunk_id(v.repo, 20, LEN, id);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ok(index_put(v.repo->index, id, &wrong[i]));
    }
    ok(kit_fetch(v.repo, 20, LEN)); /* the right home is among them */
    for (size_t i = 0; i < COUNT(wrong); i++) {
        kit_chunk_id(v.repo, 900 + i, LEN, id);
        ok(index_put(v.repo->index, id, &wrong[i]));
        assert_int_equal(kit_fetch(v.repo, 900 + i, LEN), HF_EDAMAGE);
    }
    kit_end(&v, d);
}

/*
 * The disk of the cache fails: that is said, and what to do. (Were the index built anew instead, a
 * disk that fails for both would make a repository look damaged.)
 */
static void test_reader_says_that_the_cache_can_not_be_read(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    struct index_home home;
    uint64_t count = 0;
    uint8_t id[32];

    (void)state;
    kit_chunk_id(v.repo, 21, LEN, id);
    for (unsigned i = 0; i < 3; i++) {
        kit_close(&v);
        kit_open(&v);
        kit_fault_for_ever(d, SIMOP_PREAD, "cache-a/", EIO);
        if (i == 0) {
            assert_int_equal(kit_fetch(v.repo, 21, LEN), HF_EIO);
        } else if (i == 1) {
            assert_int_equal(repo_locate(v.repo, id, &home), HF_EIO);
        } else {
            assert_int_equal(repo_chunk_count(v.repo, &count), HF_EIO);
        }
        assert_non_null(strstr(err_last()->hint, "can be deleted"));
        simdisk_clear_faults(d);
    }
    kit_end(&v, d);
}

/* Rot in any byte of any segment: never another chunk than the one asked for. */
static void test_reader_never_gives_out_what_is_rotten(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    char path[128];
    size_t len;
    unsigned lost = 0;

    (void)state;
    simrot_look(d, kit_segment_path(v.repo, 0, path), &len);
    for (size_t at = 0; at < len; at += 13) {
        struct simdisk *rotten = simdisk_fork(d);
        struct vault w;
        int rc;

        simrot_flip(rotten, path, 8 * (uint64_t)at + at % 8);
        kit_join(&w, rotten, "b");
        rc = kit_fetch(w.repo, 11, LEN); /* compares what it gets */
        assert_true(rc == 0 || rc == HF_EDAMAGE);
        lost += rc != 0;
        kit_end(&w, rotten);
    }
    assert_true(lost > len / 13 / 2);
    kit_end(&v, d);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void test_reader_without_memory(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    uint64_t refused = 1;

    (void)state;
    for (uint64_t n = 1; refused > 0; n++) {
        struct repo_reader *rd = NULL;
        const uint8_t *data;
        size_t len;
        uint8_t id[32];
        int rc;

        reopen(&v, d, "b");
        kit_chunk_id(v.repo, 20, LEN, id);
        mem_fail_at(n, 0);
        rc = repo_reader_new(v.repo, 2, &rd);
        if (rc == 0) {
            rc = repo_reader_chunk(rd, id, &data, &len);
        }
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_int_equal(rc, refused > 0 ? HF_ENOMEM : 0);
        if (rd) {
            ok(repo_reader_chunk(rd, id, &data, &len)); /* nothing is spoilt by it */
            assert_int_equal(len, LEN);
        }
        repo_reader_free(rd);
    }
    kit_end(&v, d);
}

/* The trail of a damaged footer is kept in memory; without any, that is the error. */
static void test_reader_without_memory_to_name_a_damaged_footer(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    uint64_t refused = 1;
    char path[128];
    size_t len;

    (void)state;
    simrot_look(d, kit_segment_path(v.repo, 0, path), &len);
    simrot_flip(d, path, 8 * (len - SEGMENT_TRAILER_BYTES - 60));
    for (uint64_t n = 1; refused > 0; n++) {
        struct index *index;
        int rc;

        reopen(&v, d, "b");
        mem_fail_at(n, 0);
        rc = repo_index(v.repo, &index);
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_int_equal(rc, refused > 0 ? HF_ENOMEM : 0);
        ok(repo_index(v.repo, &index));
        ok(kit_fetch(v.repo, 20, LEN));
        says(kit_fetch(v.repo, 10, LEN), HF_EDAMAGE, path + 5);
    }
    kit_end(&v, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_gives_what_was_stored),
        cmocka_unit_test(test_reader_knows_no_other_chunk),
        cmocka_unit_test(test_reader_finds_where_a_chunk_is),
        cmocka_unit_test(test_reader_reads_by_place),
        cmocka_unit_test(test_reader_takes_no_id_of_one_block_for_anothers),
        cmocka_unit_test(test_reader_keeps_the_last_blocks),
        cmocka_unit_test(test_reader_opens_a_segment_once),
        cmocka_unit_test(test_reader_has_a_bounded_number_of_segments_open),
        cmocka_unit_test(test_reader_names_a_segment_that_is_missing),
        cmocka_unit_test(test_reader_passes_over_a_damaged_footer_and_names_it),
        cmocka_unit_test(test_reader_that_can_not_read_a_footer_says_so),
        cmocka_unit_test(test_reader_asks_nothing_of_condemned_segments),
        cmocka_unit_test(test_reader_tries_every_home),
        cmocka_unit_test(test_reader_tries_every_home_of_a_failing_disk),
        cmocka_unit_test(test_reader_believes_no_index),
        cmocka_unit_test(test_reader_says_that_the_cache_can_not_be_read),
        cmocka_unit_test(test_reader_never_gives_out_what_is_rotten),
        cmocka_unit_test(test_reader_without_memory),
        cmocka_unit_test(test_reader_without_memory_to_name_a_damaged_footer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
