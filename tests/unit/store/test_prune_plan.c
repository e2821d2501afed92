/*
 * test_prune_plan.c - which segments are worth a copy: the wasteful, and the many that are small.
 */
#include "store/prune_internal.h"
#include "unit/store/prunekit.h"

#define LEN 1000

/* A repository whose segments become so large. */
static struct simdisk *begin(struct vault *v, uint64_t segment_target)
{
    struct simdisk *d = simdisk_new(1);
    struct repo_params params;
    uint8_t id[16];

    kit_enter(v, d, "a");
    repo_default_params(&params);
    params.segment_target = segment_target;
    ok(repo_init(&v->env, &params, &kit_unlock, "main", id));
    kit_open(v);
    return d;
}

/* `count` chunks in one snapshot that is forgotten, all but the first `dead` of them in another. */
static void commit_and_waste(struct vault *v, uint64_t first, size_t count, size_t dead, size_t len)
{
    uint8_t all[16], some[16];

    prunekit_commit(v, first, count, len, all);
    prunekit_commit(v, first + dead, count - dead, len, some);
    kit_publish(v->repo, ENTRY_FORGET, all);
}

static void prune(struct vault *v, double max_unused, struct prune_result *out_result)
{
    struct prunekit_marking t = { .v = v };
    struct prune_options o = prunekit_options(&t);

    o.max_unused = max_unused;
    ok(prune_run(v->repo, &o, out_result));
}

/* Two segments hold data, one 5 dead of 10 chunks, one 2 of 10: 7 of 13 live ones is 54 %. */
static void test_prune_copies_only_until_waste_is_within_bounds(void **state)
{
    static const struct {
        double max_unused;
        unsigned copied; /* chunks */
    } cases[] = { { 0.6, 0 }, { 0.5, 5 }, { 0.2, 5 }, { 0.1, 13 }, { 0, 13 } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vault v;
        struct simdisk *d = begin(&v, 20000);
        struct prune_result result;

        commit_and_waste(&v, 100, 10, 5, LEN);
        commit_and_waste(&v, 200, 10, 2, LEN);
        prune(&v, cases[i].max_unused, &result);
        assert_in_range(result.bytes_copied, cases[i].copied * LEN,
                        cases[i].copied * (LEN + 200) + (cases[i].copied ? 1500 : 0));
        for (uint64_t n = 0; n < 5; n++) { /* what is left of the wasteful one goes first */
            assert_int_equal(kit_fetch(v.repo, 100 + n, LEN), cases[i].copied ? HF_EDAMAGE : 0);
        }
        prunekit_assert_whole(d, 2);
        kit_end(&v, d);
    }
}

/* Sixteen bytes are not written to gain one, whatever is asked for. */
static void test_prune_does_not_copy_where_little_is_dead(void **state)
{
    static const struct {
        size_t dead;
        bool copied;
    } cases[] = { { 1, false }, { 4, true } }; /* of 40, and a root: 5 % and 12 % */

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vault v;
        struct simdisk *d = begin(&v, 100000);
        struct prune_result result;

        commit_and_waste(&v, 100, 40, cases[i].dead, LEN);
        prune(&v, 0, &result);
        assert_int_equal(result.bytes_copied > 0, cases[i].copied);
        kit_end(&v, d);
    }
}

static void test_prune_merges_many_small_segments_of_about_one_size(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1u << 20);
    struct prune_result result;
    uint8_t id[16];

    (void)state;
    for (unsigned n = 0; n < 7; n++) {
        prunekit_commit(&v, n, 1, LEN, id);
    }
    prune(&v, 0, &result);
    assert_int_equal(result.bytes_copied, 0); /* seven are not many */
    prunekit_commit(&v, 50, 1, 30 * LEN, id);
    prune(&v, 0, &result);
    assert_int_equal(result.bytes_copied, 0); /* nor is one that is larger the eighth */
    prunekit_commit(&v, 7, 1, LEN, id);
    prune(&v, 1.0, &result); /* whatever may stay unused */
    assert_int_equal(result.segments_before, 9);
    assert_int_equal(result.segments_after, 2);
    assert_int_equal(result.condemned, 8);
    assert_int_equal(kit_files(d, "repo/segments/"), 2);
    prunekit_assert_whole(d, 9);
    prune(&v, 0, &result);
    assert_int_equal(result.entries, 0); /* the one that they became is none of many */
    kit_end(&v, d);
}

/* What is as large as it should be is not merged, however many there are. */
static void test_prune_does_not_merge_what_is_large_enough(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 6000);
    struct prune_result result;
    uint8_t id[16];

    (void)state;
    prunekit_commit(&v, 1, 60, LEN, id);
    assert_true(catalog_segment_count(repo_catalog(v.repo)) > 8);
    prune(&v, 0, &result);
    assert_int_equal(result.bytes_copied, 0);
    kit_end(&v, d);
}

/*
 * 500 tiny commits, a prune after each ten: every byte is copied once for each fourfold growth of
 * the segment that it is in, and few segments are left.
 */
static void test_prune_copies_each_byte_a_few_times_in_its_life(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1u << 20);
    struct prune_result result;
    uint64_t copied = 0, stored = 0;
    uint8_t id[16];

    (void)state;
    for (unsigned n = 1; n <= 500; n++) {
        prunekit_commit(&v, n, 1, 200, id);
        if (n % 10 == 0) {
            prune(&v, 0, &result);
            copied += result.bytes_copied;
            assert_true(result.segments_after < 50);
        }
    }
    stored = result.bytes_alive;
    print_message("500 commits of %" PRIu64 " bytes in all: %" PRIu64 " bytes copied\n", stored,
                  copied);
    assert_true(stored > 500 * 200);
    assert_true(copied < 5 * stored); /* log4 of 500 is 4.5 */
    prunekit_assert_whole(d, 500);
    kit_end(&v, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prune_copies_only_until_waste_is_within_bounds),
        cmocka_unit_test(test_prune_does_not_copy_where_little_is_dead),
        cmocka_unit_test(test_prune_merges_many_small_segments_of_about_one_size),
        cmocka_unit_test(test_prune_does_not_merge_what_is_large_enough),
        cmocka_unit_test(test_prune_copies_each_byte_a_few_times_in_its_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
