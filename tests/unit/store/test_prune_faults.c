/*
 * test_prune_faults.c - a disk that is full or fails, memory that is out: nothing is lost, and what
 * can be given back is.
 */
#include "unit/store/prunekit.h"

#define LEN 1000
#define ALIVE 4

/*
 * What there is to do: segments that are wholly dead, some that are sparse, and two homes of a
 * chunk. Client "a" leaves; one disk serves many forks.
 */
static struct simdisk *prepare(size_t dead_chunks)
{
    static const uint64_t few[ALIVE] = { 100, 106, 112, 118 };
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    uint8_t sparse[16], dead[16], kept[16];

    prunekit_commit(&v, 100, 20, LEN, sparse);
    prunekit_commit(&v, 200, dead_chunks, LEN, dead);
    ok(prunekit_try_commit(&v, "test", few, ALIVE, LEN, kept));
    kit_publish(v.repo, ENTRY_FORGET, sparse);
    kit_publish(v.repo, ENTRY_FORGET, dead);
    vault_leave(&v);
    simdisk_settle(d);
    return d;
}

/* What a prune that nothing disturbed leaves. */
static void assert_pruned(struct vault *v)
{
    for (uint64_t n = 100; n < 120; n++) {
        assert_int_equal(kit_fetch(v->repo, n, LEN), n % 6 == 4 ? 0 : HF_EDAMAGE);
    }
    assert_int_equal(kit_fetch(v->repo, 200, LEN), HF_EDAMAGE);
}

/* It runs again, to the end. */
static void finish(struct vault *v)
{
    struct prune_result result;

    kit_close(v);
    kit_open(v);
    ok(prunekit_prune(v, &result));
    prunekit_assert_whole(simclient_disk(v->client), 1);
    assert_pruned(v);
}

/*
 * A full disk whose reserve is so large: from some size on it is enough to condemn what is dead,
 * from some larger one on to copy as well.
 */
static void test_prune_on_a_full_disk_frees_what_needs_no_copy(void **state)
{
    struct simdisk *prepared = prepare(1);
    unsigned nothing = 0, dead_alone = 0;
    int rc = HF_ENOSPC;

    (void)state;
    for (size_t reserve = 100; rc != 0; reserve += 100) {
        struct vault v;
        struct simdisk *d = simdisk_fork(prepared);
        struct prune_result result;

        kit_join(&v, d, "b");
        simrot_cut(d, "repo/reserve", reserve);
        simdisk_set_space(d, simdisk_used(d));
        rc = prunekit_prune(&v, &result);
        if (rc != 0) {
            assert_int_equal(rc, HF_ENOSPC);
            nothing += result.removed == 0;
            dead_alone += result.removed > 0;
        }
        assert_int_equal(kit_fetch(v.repo, 200, LEN), result.removed ? HF_EDAMAGE : 0);
        prunekit_assert_whole(d, 1);
        simdisk_set_space(d, 0);
        finish(&v);
        assert_true(kit_there(d, "repo/reserve"));
        kit_end(&v, d);
    }
    assert_true(nothing > 0);
    assert_true(dead_alone > 5);
    simdisk_free(prepared);
}

/* Nothing can be published at all: the reserve is gone, too. */
static void test_prune_says_that_there_is_no_space(void **state)
{
    static const uint64_t few[] = { 100, 101, 106, 107, 112, 113, 118 };
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;
    uint8_t sparse[16], kept[16];

    (void)state;
    prunekit_commit(&v, 100, 20, LEN, sparse);
    ok(prunekit_try_commit(&v, "test", few, COUNT(few), LEN, kept));
    kit_publish(v.repo, ENTRY_FORGET, sparse);
    simrot_delete(d, "repo/reserve");
    simdisk_set_space(d, simdisk_used(d));
    assert_int_equal(prunekit_prune(&v, &result), HF_ENOSPC);
    assert_int_equal(result.condemned, 0);
    prunekit_assert_whole(d, 1);
    simdisk_set_space(d, simdisk_used(d) + 100000);
    ok(prunekit_prune(&v, &result));
    prunekit_assert_whole(d, 1);
    kit_end(&v, d);
}

/* There is room for entries again, but not for the whole reserve: half of one is none. */
static void test_prune_leaves_no_half_reserve(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;
    size_t len;

    (void)state;
    assert_non_null(simrot_look(d, "repo/reserve", &len));
    simrot_delete(d, "repo/reserve");
    simdisk_set_space(d, simdisk_used(d) + len / 2);
    ok(prunekit_prune(&v, &result));
    assert_false(kit_there(d, "repo/reserve"));
    simdisk_set_space(d, 0);
    ok(prunekit_prune(&v, &result));
    assert_true(kit_there(d, "repo/reserve"));
    kit_end(&v, d);
}

static void test_prune_loses_nothing_when_memory_is_out(void **state)
{
    struct simdisk *prepared = prepare(7);
    unsigned failed = 0;
    uint64_t refused = 1;

    (void)state;
    for (uint64_t n = 1; refused > 0; n += 1 + n / 40) {
        struct vault v;
        struct simdisk *d = simdisk_fork(prepared);
        struct prune_result result;
        int rc;

        kit_join(&v, d, "b");
        mem_fail_at(n, 0);
        rc = prunekit_prune(&v, &result);
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        if (rc != 0) {
            assert_true(rc == HF_ENOMEM || rc == HF_EUNKNOWN); /* its entry may be there */
            failed++;
        }
        prunekit_assert_whole(d, 1);
        finish(&v);
        kit_end(&v, d);
    }
    assert_true(failed > 40);
    simdisk_free(prepared);
}

/* The n-th operation fails, once or for ever; whatever it says then, nothing is lost. */
static void sweep(enum simfault_kind kind, int errnum, bool for_ever)
{
    struct simdisk *prepared = prepare(7);
    unsigned failed = 0;
    bool hit = true;

    for (uint64_t nth = 1; hit; nth++) {
        struct vault v;
        struct simdisk *d = simdisk_fork(prepared);
        struct simfault f = { .where = { .prefix = "repo/", .nth = nth },
                              .kind = kind,
                              .errnum = errnum,
                              .for_ever = for_ever };
        struct prune_result result;

        kit_join(&v, d, "b");
        simdisk_fault(d, &f);
        failed += prunekit_prune(&v, &result) != 0;
        hit = simdisk_fault_hits(d) > 0;
        simdisk_clear_faults(d);
        prunekit_assert_whole(d, 1);
        finish(&v);
        kit_end(&v, d);
    }
    assert_true(failed > 20);
    simdisk_free(prepared);
}

static void test_prune_loses_nothing_when_an_operation_fails(void **state)
{
    (void)state;
    sweep(SIMFAULT_REFUSE, EIO, false);
}

static void test_prune_loses_nothing_when_all_operations_fail(void **state)
{
    (void)state;
    sweep(SIMFAULT_REFUSE, EIO, true);
}

static void test_prune_loses_nothing_when_what_failed_took_place(void **state)
{
    (void)state;
    sweep(SIMFAULT_AFTER, EIO, false);
}

/* Killed before the n-th operation: the next one, of another client, finishes. */
static void test_prune_that_was_killed_is_finished_by_the_next(void **state)
{
    struct simdisk *prepared = prepare(7);
    unsigned killed = 0;
    bool was = true;

    (void)state;
    for (uint64_t nth = 1; was; nth += 1 + nth / 50) {
        struct vault v, w;
        struct simdisk *d = simdisk_fork(prepared);
        struct prune_result result;

        kit_join(&v, d, "b");
        simclient_kill_at(v.client, nth);
        (void)prunekit_prune(&v, &result);
        was = simclient_killed(v.client);
        killed += was;
        vault_leave(&v);
        kit_join(&w, d, "c");
        finish(&w);
        kit_end(&w, d);
    }
    assert_true(killed > 20);
    simdisk_free(prepared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prune_on_a_full_disk_frees_what_needs_no_copy),
        cmocka_unit_test(test_prune_says_that_there_is_no_space),
        cmocka_unit_test(test_prune_leaves_no_half_reserve),
        cmocka_unit_test(test_prune_loses_nothing_when_memory_is_out),
        cmocka_unit_test(test_prune_loses_nothing_when_an_operation_fails),
        cmocka_unit_test(test_prune_loses_nothing_when_all_operations_fail),
        cmocka_unit_test(test_prune_loses_nothing_when_what_failed_took_place),
        cmocka_unit_test(test_prune_that_was_killed_is_finished_by_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
