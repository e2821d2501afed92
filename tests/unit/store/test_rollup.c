/*
 * test_rollup.c - rolled up, a journal says what it said; and at no moment less.
 */
#include "store/rollup.h"
#include "unit/store/storekit.h"

#define LEN 300
#define SIZE 4

/* A repository of so many entries: every third is a snapshot of one chunk. */
static struct simdisk *begin(struct vault *v, unsigned entries)
{
    struct simdisk *d = kit_begin(v);

    for (unsigned n = 2; n <= entries; n++) {
        uint8_t id[16];

        if (n % 3 == 0) {
            kit_commit(v, n, 1, LEN, id);
        } else {
            kit_publish(v->repo, ENTRY_FORGET, kit_secret);
        }
    }
    return d;
}

/* All entries, as somebody sees them who has nothing cached. */
static void assert_whole(struct simdisk *d, unsigned entries)
{
    struct simclient *c = simdisk_client(d, "afresh");
    struct repo_env env = { .fs = simclient_fs(c, "repo"),
                            .clock = simclient_clock(c),
                            .rnd = simclient_rnd(c) };
    struct repo *r = NULL;

    ok(repo_open(&env, &kit_unlock, REPO_STRICT, &r));
    assert_int_equal(journal_at(repo_journal(r))->number, entries);
    for (unsigned n = 3; n <= entries; n += 3) {
        ok(kit_fetch(r, n, LEN));
    }
    repo_close(r);
    fs_close_fs(env.fs);
}

static size_t length_of(const struct simdisk *d, uint64_t number)
{
    char path[64];
    size_t len = 77;

    snprintf(path, sizeof path, "repo/journal/%012" PRIu64, number);
    assert_non_null(simrot_look(d, path, &len)); /* a number is never free again */
    return len;
}

static void test_rollup_changes_nothing_that_is_read(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 10);
    struct rollup_result result;

    (void)state;
    ok(rollup_run(v.repo, SIZE, &result));
    assert_int_equal(result.rolls, 2);
    assert_int_equal(result.entries, 8);
    assert_true(kit_there(d, "repo/rolls/000000000001-000000000004"));
    assert_true(kit_there(d, "repo/rolls/000000000005-000000000008"));
    assert_int_equal(kit_files(d, "repo/journal/"), 10);
    for (uint64_t n = 1; n <= 10; n++) {
        assert_int_equal(length_of(d, n) == 0, n <= 8);
    }
    assert_int_equal(kit_files(d, "repo/tmp/"), 0);
    assert_whole(d, 10);
    ok(rollup_run(v.repo, SIZE, &result));
    assert_int_equal(result.rolls, 0);
    assert_int_equal(result.entries, 0);
    kit_publish(v.repo, ENTRY_FORGET, kit_secret);
    kit_publish(v.repo, ENTRY_FORGET, kit_secret);
    ok(rollup_run(v.repo, SIZE, &result));
    assert_int_equal(result.rolls, 1);
    assert_int_equal(journal_at(repo_journal(v.repo))->number, 12);
    kit_end(&v, d);
}

static void test_rollup_waits_until_enough_is_below_the_head(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    struct rollup_result result;
    struct run *x;
    uint8_t id[16];
    uint64_t number;

    (void)state;
    ok(rollup_run(v.repo, SIZE, &result));
    assert_int_equal(result.rolls, 0);
    x = kit_run(&v);
    kit_fault(d, SIMOP_CREATE, "repo/head/", SIMFAULT_REFUSE, EIO);
    assert_int_equal(kit_try_commit(&x, id, &number), HF_EUNKNOWN);
    ok(rollup_run(v.repo, SIZE, &result)); /* entry 4 may still vanish */
    assert_int_equal(result.rolls, 0);
    assert_int_equal(length_of(d, 1) > 0, 1);
    kit_end(&v, d);
}

/* Durable and named first; only then is the first single entry emptied. */
static void test_rollup_empties_what_is_safe_elsewhere(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 4);
    struct rollup_result result;
    struct buf sites;
    const struct simtrace *t;
    size_t from = simdisk_trace(d)->count;
    bool named = false;

    (void)state;
    buf_init(&sites);
    ok(rollup_run(v.repo, SIZE, &result));
    assert_string_equal(kit_syncs(d, from, &sites), "roll.data roll.name");
    t = simdisk_trace(d);
    for (size_t i = from; i < t->count; i++) {
        named = named || t->ops[i].kind == SIMOP_SYNC_DIR;
        if (t->ops[i].kind == SIMOP_RENAME_OVER) {
            assert_true(named);
        }
    }
    buf_release(&sites);
    kit_end(&v, d);
}

static void test_rollup_of_two_clients_is_one(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 4);
    struct rollup_result result;
    char roll[128];
    size_t len;
    const uint8_t *bytes;
    struct simdisk *other = simdisk_fork(d);
    struct vault w;

    (void)state;
    kit_join(&w, other, "b");
    ok(rollup_run(w.repo, SIZE, &result));
    bytes = simrot_look(other, kit_file(other, "repo/rolls/", 0, roll), &len);
    simrot_replace(d, roll, bytes, len);
    ok(rollup_run(v.repo, SIZE, &result));
    assert_int_equal(result.entries, 4);
    assert_int_equal(kit_files(d, "repo/tmp/"), 0);
    assert_whole(d, 4);
    kit_end(&w, other);
    kit_end(&v, d);
}

/* A roll-up that is there and holds something else: nothing is emptied for it. */
static void test_rollup_does_not_trust_one_that_is_there(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 4);
    struct rollup_result result;

    (void)state;
    simrot_replace(d, "repo/rolls/000000000001-000000000004", "something", 9);
    says(rollup_run(v.repo, SIZE, &result), HF_EDAMAGE, "does not hold the entries of its name");
    for (uint64_t n = 1; n <= 4; n++) {
        assert_true(length_of(d, n) > 0);
    }
    assert_whole(d, 4);
    kit_end(&v, d);
}

static void test_rollup_of_a_damaged_journal_is_refused(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 6);
    struct rollup_result result;
    struct vault w;

    (void)state;
    simrot_flip(d, "repo/journal/000000000003", 99);
    says(rollup_run(v.repo, SIZE, &result), HF_EDAMAGE, "journal entry 3"); /* seen on the way */
    kit_enter(&w, d, "b");
    ok(repo_open(&w.env, &kit_unlock, REPO_TOLERANT, &w.repo));
    assert_int_equal(rollup_run(w.repo, SIZE, &result), HF_EDAMAGE);
    assert_int_equal(kit_files(d, "repo/rolls/"), 0);
    assert_true(length_of(d, 1) > 0);
    vault_leave(&w);
    kit_end(&v, d);
}

/* Interrupted anywhere, by whatever: nothing is lost, and the next run goes on. */
static void test_rollup_that_fails_anywhere_loses_nothing(void **state)
{
    static const int errors[] = { EIO, ENOSPC };
    bool hit = true;

    (void)state;
    for (uint64_t nth = 1; hit; nth++) {
        struct simfault f = { .where = { .prefix = "repo/", .nth = nth },
                              .errnum = errors[nth % 2] };
        struct vault v;
        struct simdisk *d = begin(&v, 9);
        struct rollup_result result;
        int rc;

        simdisk_fault(d, &f);
        rc = rollup_run(v.repo, SIZE, &result);
        hit = simdisk_fault_hits(d) > 0;
        simdisk_clear_faults(d);
        if (rc != 0) {
            assert_int_equal(rc, nth % 2 ? HF_ENOSPC : HF_EIO);
        }
        assert_whole(d, 9);
        ok(rollup_run(v.repo, SIZE, &result));
        assert_whole(d, 9);
        for (uint64_t n = 1; n <= 8; n++) {
            assert_int_equal(length_of(d, n), 0);
        }
        kit_end(&v, d);
    }
}

static void test_rollup_without_memory(void **state)
{
    uint64_t refused = 1;

    (void)state;
    for (uint64_t n = 1; refused > 0; n++) {
        struct vault v;
        struct simdisk *d = begin(&v, 5);
        struct rollup_result result;
        int rc;

        mem_fail_at(n, 0);
        rc = rollup_run(v.repo, SIZE, &result);
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_int_equal(rc, refused > 0 ? HF_ENOMEM : 0);
        assert_whole(d, 5);
        kit_end(&v, d);
    }
}

static int no_randomness(struct rnd *r, void *out, size_t len)
{
    (void)r;
    (void)out;
    (void)len;
    return err_raise(HF_EIO, "there is no randomness");
}

static void test_rollup_needs_randomness(void **state)
{
    struct rnd broken = { .fill = no_randomness };
    struct vault v;
    struct simdisk *d = begin(&v, 4);
    struct rollup_result result;

    (void)state;
    ((struct repo_env *)repo_env(v.repo))->rnd = &broken;
    says(rollup_run(v.repo, SIZE, &result), HF_EIO, "no randomness");
    assert_whole(d, 4);
    kit_end(&v, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rollup_changes_nothing_that_is_read),
        cmocka_unit_test(test_rollup_waits_until_enough_is_below_the_head),
        cmocka_unit_test(test_rollup_empties_what_is_safe_elsewhere),
        cmocka_unit_test(test_rollup_of_two_clients_is_one),
        cmocka_unit_test(test_rollup_does_not_trust_one_that_is_there),
        cmocka_unit_test(test_rollup_of_a_damaged_journal_is_refused),
        cmocka_unit_test(test_rollup_that_fails_anywhere_loses_nothing),
        cmocka_unit_test(test_rollup_without_memory),
        cmocka_unit_test(test_rollup_needs_randomness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
