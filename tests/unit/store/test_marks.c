/*
 * test_marks.c - what is marked is known, chunk by chunk, and nothing else is.
 */
#include "store/marks.h"
#include "unit/store/prunekit.h"

#define LEN 1000

static struct index_home home_of(struct vault *v, uint64_t number, uint8_t id[32])
{
    struct index_home home;

    kit_chunk_id(v->repo, number, LEN, id);
    ok(repo_locate(v->repo, id, &home));
    return home;
}

static struct marks *marks_of(struct vault *v)
{
    struct marks *m = NULL;

    ok(marks_new(v->repo, &m));
    return m;
}

static void test_marks_know_the_chunks_that_were_added(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct index_home home[12];
    uint8_t id[12][32], commit[16];
    struct marks *m;

    (void)state;
    prunekit_commit(&v, 1, 12, LEN, commit);
    m = marks_of(&v);
    assert_int_equal(marks_count(m), catalog_segment_count(repo_catalog(v.repo)));
    assert_true(marks_bytes_read(m) > 0);
    for (uint64_t i = 0; i < 12; i++) {
        home[i] = home_of(&v, 1 + i, id[i]);
        if (i % 3 == 0) {
            ok(marks_add(m, id[i]));
            ok(marks_add(m, id[i])); /* twice is once */
        }
    }
    for (uint64_t i = 0; i < 12; i++) {
        assert_int_equal(marks_has(m, home[i].segment, home[i].position, home[i].slot), i % 3 == 0);
        assert_false(marks_has(m, home[i].segment, home[i].position, home[i].slot + 1));
        assert_false(marks_has(m, home[i].segment, home[i].position + 1, home[i].slot));
    }
    assert_false(marks_has(m, marks_count(m), home[0].position, 0));
    assert_false(marks_has(m, 0, UINT64_MAX, 0));
    marks_free(m);
    marks_free(NULL);
    kit_end(&v, d);
}

/* Chunks that share a block share its bytes by their lengths. */
static void test_marks_measure_what_is_alive(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run *x;
    struct marks_segment s;
    uint8_t id[32], commit[16];
    uint64_t number;
    struct marks *m;

    (void)state;
    x = kit_run(&v);
    for (uint64_t n = 0; n < 4; n++) {
        kit_add(&v, x, n, LEN); /* one block */
    }
    run_cut(x, SEGMENT_DATA);
    kit_add(&v, x, 4, LEN); /* another one */
    ok(kit_try_commit(&x, commit, &number));
    m = marks_of(&v);
    assert_int_equal(marks_count(m), 1);
    s = marks_segment(m, 0);
    assert_true(s.known && !s.leaving && !s.spared);
    assert_in_range(s.bytes, 5 * LEN, 5 * LEN + 400);
    assert_int_equal(s.alive_bytes, 0);
    home_of(&v, 2, id);
    ok(marks_add(m, id));
    assert_in_range(marks_segment(m, 0).alive_bytes, LEN, LEN + 60);
    assert_int_equal(marks_segment(m, 0).chunks, 4); /* of the block that it is in */
    home_of(&v, 4, id);
    ok(marks_add(m, id));
    assert_in_range(marks_segment(m, 0).alive_bytes, 2 * LEN, 2 * LEN + 200);
    for (uint64_t n = 0; n < 4; n++) {
        home_of(&v, n, id);
        ok(marks_add(m, id));
    }
    assert_int_equal(marks_segment(m, 0).alive_bytes, s.bytes);
    marks_free(m);
    kit_end(&v, d);
}

/* One that is empty, or compresses to next to nothing, is needed all the same. */
static void test_marks_take_the_least_chunk_for_something(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run *x = kit_run(&v);
    static const uint8_t zeros[100000];
    static const uint8_t one[1] = { 1 };
    uint8_t id[32], commit[16];
    uint64_t number;
    struct marks *m;
    bool is_new;

    (void)state;
    kit_id(v.repo, zeros, sizeof zeros, id);
    ok(run_add(x, SEGMENT_DATA, id, zeros, sizeof zeros, &is_new));
    kit_id(v.repo, one, sizeof one, id);
    ok(run_add(x, SEGMENT_DATA, id, one, sizeof one, &is_new)); /* in the same block */
    ok(kit_try_commit(&x, commit, &number));
    m = marks_of(&v);
    ok(marks_add(m, id));
    assert_int_equal(marks_segment(m, 0).alive_bytes, 1);
    marks_free(m);
    kit_end(&v, d);
}

static void test_marks_spare_a_segment_for_new_marks_alone(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    uint8_t first[32], second[32], third[32], commit[16];
    uint32_t ordinal;
    struct marks *m;

    (void)state;
    prunekit_commit(&v, 1, 3, LEN, commit);
    ordinal = home_of(&v, 1, first).segment;
    assert_int_equal(home_of(&v, 2, second).segment, ordinal);
    assert_int_equal(home_of(&v, 3, third).segment, ordinal);
    m = marks_of(&v);
    ok(marks_add(m, first));
    marks_leave(m, ordinal);
    assert_true(marks_segment(m, ordinal).leaving);
    ok(marks_add(m, first)); /* it was known to be needed: copied already */
    assert_false(marks_segment(m, ordinal).spared);
    ok(marks_add(m, second));
    assert_true(marks_segment(m, ordinal).spared);
    marks_stay(m, ordinal);
    assert_false(marks_segment(m, ordinal).leaving);
    marks_leave(m, ordinal);
    assert_false(marks_segment(m, ordinal).spared);
    marks_stay(m, ordinal);
    ok(marks_add(m, third));
    assert_false(marks_segment(m, ordinal).spared);
    marks_free(m);
    kit_end(&v, d);
}

static void test_marks_refuse_a_chunk_that_is_nowhere(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    uint8_t id[32] = { 1, 2, 3 };
    uint8_t commit[16];
    struct marks *m;

    (void)state;
    prunekit_commit(&v, 1, 3, LEN, commit);
    m = marks_of(&v);
    assert_int_equal(marks_add(m, id), HF_EDAMAGE);
    marks_free(m);
    kit_end(&v, d);
}

static void test_marks_pass_over_what_came_after_them(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    uint8_t id[32], commit[16];
    struct index_home home;
    struct marks *m;

    (void)state;
    prunekit_commit(&v, 1, 3, LEN, commit);
    m = marks_of(&v);
    prunekit_commit(&v, 11, 3, LEN, commit);
    home = home_of(&v, 11, id);
    ok(marks_add(m, id));
    assert_false(marks_has(m, home.segment, home.position, home.slot));
    assert_true(home.segment >= marks_count(m));
    marks_free(m);
    kit_end(&v, d);
}

static void test_marks_know_nothing_of_condemned_segments(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    uint8_t commit[16];
    char path[128];
    struct marks *m;

    (void)state;
    prunekit_commit(&v, 1, 3, LEN, commit);
    prunekit_commit(&v, 11, 3, LEN, commit);
    kit_publish(v.repo, ENTRY_CONDEMN, kit_segment(v.repo, 0));
    simrot_delete(d, kit_segment_path(v.repo, 0, path));
    m = marks_of(&v);
    assert_false(marks_segment(m, 0).known);
    assert_int_equal(marks_segment(m, 0).bytes, 0);
    assert_true(marks_segment(m, 1).known);
    marks_free(m);
    kit_end(&v, d);
}

/* The index (whose cache may lie) says that a chunk is where its segment has no block. */
static void test_marks_refuse_a_home_that_its_segment_does_not_have(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct index_home home = { .segment = 0, .position = 77, .len = 5 };
    uint8_t id[32] = { 1, 2, 3 };
    uint8_t commit[16];
    struct index *index;
    struct marks *m;

    (void)state;
    prunekit_commit(&v, 1, 3, LEN, commit);
    m = marks_of(&v);
    ok(repo_index(v.repo, &index));
    ok(index_put(index, id, &home));
    says(marks_add(m, id), HF_EDAMAGE, "a block that its segment does not have");
    marks_free(m);
    kit_end(&v, d);
}

static void test_marks_refuse_a_segment_without_its_footer(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct marks *m = NULL;
    uint8_t commit[16];
    char path[128];
    size_t len;

    (void)state;
    prunekit_commit(&v, 1, 3, LEN, commit);
    kit_segment_path(v.repo, 0, path);
    kit_close(&v);
    kit_open(&v);
    assert_non_null(simrot_look(d, path, &len));
    simrot_flip(d, path, (len - 30) * 8);
    assert_int_equal(marks_new(v.repo, &m), HF_EDAMAGE);
    simrot_delete(d, path);
    assert_true(marks_new(v.repo, &m) < 0);
    assert_null(m);
    kit_end(&v, d);
}

static void test_marks_need_memory(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct marks *m = NULL;
    uint8_t commit[16];
    unsigned failed = 0;
    int rc = HF_ENOMEM;

    (void)state;
    prunekit_commit(&v, 1, 12, LEN, commit);
    for (uint64_t n = 1; rc != 0; n++) {
        mem_fail_at(n, 0);
        rc = marks_new(v.repo, &m);
        mem_fail_at(0, 0);
        if (rc != 0) {
            assert_int_equal(rc, HF_ENOMEM);
            assert_null(m);
            failed++;
        }
    }
    assert_true(failed >= 4);
    marks_free(m);
    kit_end(&v, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_know_the_chunks_that_were_added),
        cmocka_unit_test(test_marks_measure_what_is_alive),
        cmocka_unit_test(test_marks_take_the_least_chunk_for_something),
        cmocka_unit_test(test_marks_spare_a_segment_for_new_marks_alone),
        cmocka_unit_test(test_marks_refuse_a_chunk_that_is_nowhere),
        cmocka_unit_test(test_marks_pass_over_what_came_after_them),
        cmocka_unit_test(test_marks_know_nothing_of_condemned_segments),
        cmocka_unit_test(test_marks_refuse_a_home_that_its_segment_does_not_have),
        cmocka_unit_test(test_marks_refuse_a_segment_without_its_footer),
        cmocka_unit_test(test_marks_need_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
