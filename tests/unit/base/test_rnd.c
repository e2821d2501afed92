/*
 * test_rnd.c - the seeded generator is the one its authors published; the system's fills all.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"

static void test_rnd_seeding_is_splitmix64(void **state)
{
    static const uint64_t published[4] = { 6457827717110365317, 3203168211198807973,
                                           9817491932198370423u, 4593380528125082431 };
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 1234567);
    assert_memory_equal(r.state, published, sizeof published);
}

static void test_rnd_sequence_is_xoshiro256starstar(void **state)
{
    static const uint64_t published[] = { 11520, 0, 1509978240, 1215971899390074240 };
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 0);
    for (size_t i = 0; i < 4; i++) {
        r.state[i] = i + 1;
    }
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        assert_true(rnd_u64(&r) == published[i]);
    }
}

static void test_rnd_seed_decides_all_bytes(void **state)
{
    uint8_t a[101];
    uint8_t b[101];
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 7);
    assert_int_equal(rnd_bytes(&r, a, sizeof a), 0);
    rnd_init_seeded(&r, 7);
    assert_int_equal(rnd_bytes(&r, b, sizeof b), 0);
    assert_memory_equal(a, b, sizeof a);
    rnd_init_seeded(&r, 7);
    assert_true(le_get64(a) == rnd_u64(&r));
    rnd_init_seeded(&r, 8);
    assert_int_equal(rnd_bytes(&r, b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_rnd_bytes_stay_within_their_place(void **state)
{
    uint8_t place[32];
    struct rnd seeded;

    (void)state;
    rnd_init_seeded(&seeded, 1);
    struct rnd *generators[] = { rnd_system(), &seeded };
    for (size_t g = 0; g < 2; g++) {
        for (size_t len = 0; len < sizeof place; len++) {
            memset(place, 0, sizeof place);
            assert_int_equal(rnd_bytes(generators[g], place, len), 0);
            for (size_t i = len; i < sizeof place; i++) {
                assert_int_equal(place[i], 0);
            }
        }
    }
}

static void test_rnd_below_is_uniform_and_below(void **state)
{
    enum { BOUND = 10, DRAWS = 100000 };
    size_t count[BOUND] = { 0 };
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 42);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t v = rnd_below(&r, BOUND);
        assert_true(v < BOUND);
        count[v]++;
    }
    for (size_t i = 0; i < BOUND; i++) { /* five standard deviations are 474 */
        assert_in_range(count[i], DRAWS / BOUND - 474, DRAWS / BOUND + 474);
    }
    assert_int_equal(rnd_below(&r, 1), 0);
}

static void test_rnd_below_does_not_favour_small_values_of_a_large_bound(void **state)
{
    /* A plain remainder would give the lower half of three quarters of the range twice as often. */
    const uint64_t bound = 3 * ((uint64_t)1 << 62);
    struct rnd r;
    int low = 0;

    (void)state;
    rnd_init_seeded(&r, 43);
    for (int i = 0; i < 3000; i++) {
        low += rnd_below(&r, bound) < (uint64_t)1 << 62;
    }
    assert_in_range(low, 850, 1150); /* 1000 are due, 1500 by a plain remainder */
}

static void pass_by(int number)
{
    (void)number;
}

/* Signals that come all the time make getrandom(2) give less than it was asked for. */
static void test_rnd_system_fills_all_though_signals_come(void **state)
{
    enum { LEN = 8 << 20 };
    static const uint8_t zeros[64];
    const struct sigaction passing = { .sa_handler = pass_by };
    const struct itimerval often = { { 0, 300 }, { 0, 300 } };
    const struct itimerval never = { { 0, 0 }, { 0, 0 } };
    struct sigaction before;

    (void)state;
    uint8_t *bytes = mem_zalloc(LEN);
    assert_non_null(bytes);
    assert_int_equal(sigaction(SIGALRM, &passing, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    assert_int_equal(rnd_bytes(rnd_system(), bytes, LEN), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    for (size_t i = 0; i < LEN; i += sizeof zeros) {
        assert_memory_not_equal(bytes + i, zeros, sizeof zeros);
    }
    assert_memory_not_equal(bytes, bytes + LEN / 2, 64);
    mem_free(bytes);
}

static void test_rnd_uuid_is_random_and_says_so(void **state)
{
    uint8_t a[UUID_BYTES];
    uint8_t b[UUID_BYTES];
    uint8_t seen_or[UUID_BYTES] = { 0 };
    uint8_t seen_and[UUID_BYTES];

    (void)state;
    memset(seen_and, 0xff, sizeof seen_and);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(rnd_uuid(rnd_system(), a), 0);
        for (size_t k = 0; k < UUID_BYTES; k++) {
            seen_or[k] |= a[k];
            seen_and[k] &= a[k];
        }
    }
    /* Version 4, variant 10; every other bit was seen set and clear. */
    assert_memory_equal(seen_or, "\xff\xff\xff\xff\xff\xff\x4f\xff\xbf\xff\xff\xff\xff\xff\xff\xff",
                        UUID_BYTES);
    assert_memory_equal(seen_and, "\0\0\0\0\0\0\x40\0\x80\0\0\0\0\0\0\0", UUID_BYTES);
    assert_int_equal(rnd_uuid(rnd_system(), b), 0);
    assert_memory_not_equal(a, b, UUID_BYTES);
}

static int fail_to_fill(struct rnd *r, void *out, size_t len)
{
    (void)r;
    (void)out;
    (void)len;
    return err_raise(HF_EIO, "no entropy");
}

static void test_rnd_failure_of_the_source_is_passed_on(void **state)
{
    struct rnd broken = { .fill = fail_to_fill };
    uint8_t uuid[UUID_BYTES];

    (void)state;
    assert_int_equal(rnd_uuid(&broken, uuid), HF_EIO);
    assert_string_equal(err_last()->text, "no entropy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rnd_seeding_is_splitmix64),
        cmocka_unit_test(test_rnd_sequence_is_xoshiro256starstar),
        cmocka_unit_test(test_rnd_seed_decides_all_bytes),
        cmocka_unit_test(test_rnd_bytes_stay_within_their_place),
        cmocka_unit_test(test_rnd_below_is_uniform_and_below),
        cmocka_unit_test(test_rnd_below_does_not_favour_small_values_of_a_large_bound),
        cmocka_unit_test(test_rnd_system_fills_all_though_signals_come),
        cmocka_unit_test(test_rnd_uuid_is_random_and_says_so),
        cmocka_unit_test(test_rnd_failure_of_the_source_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
