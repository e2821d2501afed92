/*
 * test_harness_sched.c - several clients on one disk, interleaved by a seed.
 */
/* tsan */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "harness/simmem.h"
#include "harness/simsched.h"
#include "io/fs.h"

static int put(struct fs *fs, const char *path, const char *text)
{
    struct fs_file *f;
    int rc = fs_create(fs, path, 0644, &f);
    if (rc == 0) {
        rc = fs_pwrite(f, text, strlen(text), 0);
    }
    int closed = fs_close(&f);
    return rc == 0 ? closed : rc;
}

/* A client that makes five files of its own. */
static int five_files(struct simclient *c, void *context)
{
    (void)context;
    struct fs *fs = simclient_fs(c, "");
    int rc = 0;
    for (int i = 0; rc == 0 && i < 5; i++) {
        char path[32];
        snprintf(path, sizeof path, "%s%d", simclient_name(c), i);
        rc = put(fs, path, path);
    }
    fs_close_fs(fs);
    return rc;
}

static uint64_t order_of(const struct simdisk *d)
{
    const struct simtrace *t = simdisk_trace(d);
    uint64_t hash = 0;
    for (size_t i = 0; i < t->count; i++) {
        hash = simmem_mix(hash, simmem_hash(t->ops[i].client, 1) ^ t->ops[i].kind);
    }
    return hash;
}

static uint64_t interleave(uint64_t seed)
{
    struct simdisk *d = simdisk_new(1);
    struct simsched *s = simsched_new(d, seed);
    simsched_add(s, "a", five_files, NULL);
    simsched_add(s, "b", five_files, NULL);
    simsched_add(s, "c", five_files, NULL);
    assert_int_equal(simsched_run(s), 0);
    assert_int_equal(simsched_result(s, "b"), 0);
    assert_int_equal(simdisk_trace(d)->count, 45);
    uint64_t order = order_of(d);
    simsched_free(s);
    simdisk_free(d);
    return order;
}

static void test_a_seed_gives_one_order_and_seeds_give_many(void **state)
{
    (void)state;
    uint64_t orders[20];
    size_t distinct = 0;
    for (size_t seed = 0; seed < 20; seed++) {
        orders[seed] = interleave(seed);
        assert_int_equal(orders[seed], interleave(seed));
        size_t i = 0;
        while (orders[i] != orders[seed]) {
            i++;
        }
        distinct += i == seed;
    }
    assert_int_equal(distinct, 20);
}

/* A race for a name: both publish, one must win, the other must know that it has lost. */
static int publish(struct simclient *c, void *context)
{
    bool careless = *(bool *)context;
    struct fs *fs = simclient_fs(c, "");
    struct fs_stat st;
    int rc = put(fs, simclient_name(c), simclient_name(c));
    if (rc == 0 && careless) {
        rc = fs_stat(fs, "published", &st);
        if (rc == HF_EABSENT) {
            rc = fs_rename_over(fs, simclient_name(c), "published");
        } else if (rc == 0) {
            rc = HF_EEXISTS;
        }
    } else if (rc == 0) {
        rc = fs_rename_new(fs, simclient_name(c), "published");
    }
    fs_close_fs(fs);
    return rc;
}

static size_t count_double_winners(bool careless)
{
    size_t doubles = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct simdisk *d = simdisk_new(1);
        struct simsched *s = simsched_new(d, seed);
        simsched_add(s, "a", publish, &careless);
        simsched_add(s, "b", publish, &careless);
        assert_int_equal(simsched_run(s), 0);
        int a = simsched_result(s, "a"), b = simsched_result(s, "b");
        assert_true(a == 0 || b == 0);
        doubles += a == 0 && b == 0;
        simsched_free(s);
        simdisk_free(d);
    }
    return doubles;
}

static void test_a_race_is_found_by_some_seed(void **state)
{
    (void)state;
    assert_int_equal(count_double_winners(false), 0);
    size_t doubles = count_double_winners(true);
    assert_true(doubles > 2 && doubles < 48);
}

static void test_a_killed_client_unwinds_and_the_others_go_on(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 15; nth++) {
        struct simdisk *d = simdisk_new(1);
        struct simsched *s = simsched_new(d, nth);
        simsched_add(s, "a", five_files, NULL);
        simsched_add(s, "b", five_files, NULL);
        simclient_kill_at(simdisk_client(d, "a"), nth);
        assert_int_equal(simsched_run(s), 0);
        assert_int_equal(simsched_result(s, "a"), HF_EINTERRUPTED);
        assert_non_null(strstr(err_last()->text, "killed"));
        assert_int_equal(simsched_result(s, "b"), 0);
        assert_int_equal(simclient_ops(simdisk_client(d, "a")), nth - 1);
        simsched_free(s);
        simdisk_free(d);
    }
}

/* The place in the trace of the first operation of a client on a path, or of its last. */
static size_t place_of(const struct simdisk *d, const char *client, enum simop_kind kind,
                       const char *path)
{
    const struct simtrace *t = simdisk_trace(d);
    for (size_t i = 0; i < t->count; i++) {
        if (t->ops[i].kind == kind && strcmp(t->ops[i].client, client) == 0 &&
            strcmp(t->ops[i].path, path) == 0) {
            return i;
        }
    }
    fail_msg("client %s did not get to %s", client, path);
    return 0;
}

static struct simdisk *run_two_with(const struct simsched_rule *rules, size_t count, uint64_t seed)
{
    struct simdisk *d = simdisk_new(1);
    struct simsched *s = simsched_new(d, seed);
    simsched_add(s, "a", five_files, NULL);
    simsched_add(s, "b", five_files, NULL);
    for (size_t i = 0; i < count; i++) {
        simsched_rule(s, &rules[i]);
    }
    assert_int_equal(simsched_run(s), 0);
    simsched_free(s);
    return d;
}

static void test_a_client_sleeps_for_operations_of_others(void **state)
{
    (void)state;
    struct simsched_rule sleep = { .when = { .client = "a", .prefix = "a0" },
                                   .deed = SIMSCHED_SLEEP,
                                   .ops = 9 };
    size_t woken_in_time = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct simdisk *d = run_two_with(&sleep, 1, seed);
        size_t place = place_of(d, "a", SIMOP_CREATE, "a0");
        assert_true(place >= 9);
        woken_in_time += place < 15; /* when b still had something to do */
        simdisk_free(d);
    }
    assert_true(woken_in_time > 3);
}

static void test_a_client_sleeps_until_it_is_woken(void **state)
{
    (void)state;
    struct simsched_rule rules[] = {
        { .when = { .client = "a", .prefix = "a3" }, .deed = SIMSCHED_SLEEP },
        { .when = { .client = "b", .prefix = "b4", .kinds = SIMOP_BIT(SIMOP_CLOSE) },
          .deed = SIMSCHED_WAKE,
          .who = "a" },
    };
    struct simdisk *d = run_two_with(rules, 2, 3);
    assert_true(place_of(d, "b", SIMOP_PWRITE, "b4") < place_of(d, "a", SIMOP_CREATE, "a3"));
    simdisk_free(d);
}

static void test_who_is_never_woken_goes_on_when_the_others_are_done(void **state)
{
    (void)state;
    struct simsched_rule sleep = { .when = { .client = "a" }, .deed = SIMSCHED_SLEEP };
    struct simdisk *d = run_two_with(&sleep, 1, 3);
    assert_int_equal(simdisk_trace(d)->count, 30);
    assert_int_equal(place_of(d, "a", SIMOP_CREATE, "a0"), 15);
    simdisk_free(d);
}

static void test_a_rule_kills_at_an_operation_of_another(void **state)
{
    (void)state;
    struct simsched_rule kill = { .when = { .client = "b", .prefix = "b2" },
                                  .deed = SIMSCHED_KILL,
                                  .who = "a" };
    struct simdisk *d = run_two_with(&kill, 1, 3);
    assert_true(simclient_killed(simdisk_client(d, "a")));
    assert_int_equal(simclient_ops(simdisk_client(d, "b")), 15);
    simdisk_free(d);
}

static int nap(struct simclient *c, void *context)
{
    int64_t ns = *(int64_t *)context;
    struct fs *fs = simclient_fs(c, "");
    clock_sleep(simclient_clock(c), ns);
    int rc = put(fs, simclient_name(c), "");
    fs_close_fs(fs);
    return rc;
}

static void test_time_that_all_wait_for_passes_at_once(void **state)
{
    (void)state;
    int64_t hour = 3600 * NS_PER_S, day = 24 * hour;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct simdisk *d = simdisk_new(1);
        int64_t begin = simdisk_now(d);
        struct simsched *s = simsched_new(d, seed);
        bool late_first = seed % 2 == 0;
        simsched_add(s, late_first ? "late" : "early", nap, late_first ? &day : &hour);
        simsched_add(s, late_first ? "early" : "late", nap, late_first ? &hour : &day);
        assert_int_equal(simsched_run(s), 0);
        assert_true(place_of(d, "early", SIMOP_CLOSE, "early") <
                    place_of(d, "late", SIMOP_CREATE, "late"));
        assert_true(simdisk_now(d) >= begin + day && simdisk_now(d) < begin + day + hour);
        simsched_free(s);
        simdisk_free(d);
    }
}

static int try_for_ever(struct simclient *c, void *context)
{
    (void)context;
    struct fs *fs = simclient_fs(c, "");
    struct fs_stat st;
    int rc;
    do {
        rc = fs_stat(fs, "never", &st);
    } while (rc == HF_EABSENT);
    fs_close_fs(fs);
    return rc;
}

static void test_clients_that_never_end_are_ended(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    struct simsched *s = simsched_new(d, 1);
    simsched_add(s, "a", try_for_ever, NULL);
    simsched_add(s, "b", try_for_ever, NULL);
    simsched_limit(s, 500);
    assert_int_equal(simsched_run(s), HF_ELIMIT);
    assert_int_equal(simsched_result(s, "a"), HF_EINTERRUPTED);
    simsched_free(s);
    simdisk_free(d);
}

/* Fails, and lets others run, and fail, before it returns. */
static int fail_in_words(struct simclient *c, void *context)
{
    (void)context;
    struct fs *fs = simclient_fs(c, "");
    struct fs_stat st;
    int rc = fs_unlink(fs, simclient_name(c));
    for (int i = 0; i < 5; i++) {
        fs_stat(fs, "", &st);
    }
    fs_close_fs(fs);
    return rc;
}

static void test_each_client_has_its_own_trail(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    struct simsched *s = simsched_new(d, 1);
    simsched_add(s, "a", fail_in_words, NULL);
    simsched_add(s, "b", fail_in_words, NULL);
    assert_int_equal(simsched_run(s), 0);
    assert_int_equal(simsched_result(s, "a"), HF_EABSENT);
    assert_non_null(strstr(err_last()->text, "could not remove a in sim:/"));
    assert_int_equal(simsched_result(s, "b"), HF_EABSENT);
    assert_non_null(strstr(err_last()->text, "could not remove b in sim:/"));
    simsched_free(s);
    simdisk_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_gives_one_order_and_seeds_give_many),
        cmocka_unit_test(test_a_race_is_found_by_some_seed),
        cmocka_unit_test(test_a_killed_client_unwinds_and_the_others_go_on),
        cmocka_unit_test(test_a_client_sleeps_for_operations_of_others),
        cmocka_unit_test(test_a_client_sleeps_until_it_is_woken),
        cmocka_unit_test(test_who_is_never_woken_goes_on_when_the_others_are_done),
        cmocka_unit_test(test_a_rule_kills_at_an_operation_of_another),
        cmocka_unit_test(test_time_that_all_wait_for_passes_at_once),
        cmocka_unit_test(test_clients_that_never_end_are_ended),
        cmocka_unit_test(test_each_client_has_its_own_trail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
