/*
 * test_xxh.c - XXH3-64 against the vectors of the reference implementation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/xxh.h"

/* The buffer that the reference's own sanity test hashes prefixes of. */
static void fill_reference(uint8_t *out, size_t len)
{
    uint64_t generator = 2654435761u;

    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(generator >> 56);
        generator *= 11400714785074694797ull;
    }
}

static void test_xxh_matches_the_reference_vectors(void **state)
{
    static const struct {
        size_t len;
        uint64_t sum;
    } vectors[] = {
        { 0, 0x2D06800538D394C2ull },    { 1, 0xC44BDFF4074EECDBull },
        { 6, 0x27B56A84CD2D7325ull },    { 12, 0xA713DAF0DFBB77E7ull },
        { 24, 0xA3FE70BF9D3510EBull },   { 48, 0x397DA259ECBA1F11ull },
        { 80, 0xBCDEFBBB2C47C90Aull },   { 195, 0xCD94217EE362EC3Aull },
        { 403, 0xCDEB804D65C6DEA4ull },  { 512, 0x617E49599013CB6Bull },
        { 2048, 0xDD59E2C3A5F038E0ull }, { 2240, 0x6E73A90539CF2948ull },
        { 2367, 0xCB37AEB9E5D361EDull },
    };
    uint8_t bytes[2367];

    (void)state;
    fill_reference(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_true(xxh_64(bytes, vectors[i].len) == vectors[i].sum);
    }
}

static void test_xxh_over_pieces_equals_the_whole(void **state)
{
    uint8_t bytes[5000];
    struct xxh *x;

    (void)state;
    fill_reference(bytes, sizeof bytes);
    assert_int_equal(xxh_new(&x), 0);
    for (size_t piece = 1; piece < sizeof bytes; piece = piece * 3 + 1) {
        xxh_reset(x);
        for (size_t at = 0; at < sizeof bytes; at += piece) {
            size_t left = sizeof bytes - at;
            xxh_add(x, bytes + at, left < piece ? left : piece);
        }
        assert_true(xxh_sum(x) == xxh_64(bytes, sizeof bytes));
    }
    xxh_free(x);
}

static void test_xxh_sum_may_be_asked_for_midway(void **state)
{
    uint8_t bytes[3000];
    struct xxh *x;

    (void)state;
    fill_reference(bytes, sizeof bytes);
    assert_int_equal(xxh_new(&x), 0);
    assert_true(xxh_sum(x) == xxh_64(bytes, 0));
    xxh_add(x, bytes, 1000);
    assert_true(xxh_sum(x) == xxh_64(bytes, 1000));
    xxh_add(x, bytes + 1000, 2000);
    assert_true(xxh_sum(x) == xxh_64(bytes, 3000));
    xxh_free(x);
}

static void test_xxh_new_reports_that_memory_is_out(void **state)
{
    struct xxh *x;

    (void)state;
    mem_fail_at(1, 0);
    assert_int_equal(xxh_new(&x), HF_ENOMEM);
    mem_fail_at(0, 0);
    assert_null(x);
    xxh_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xxh_matches_the_reference_vectors),
        cmocka_unit_test(test_xxh_over_pieces_equals_the_whole),
        cmocka_unit_test(test_xxh_sum_may_be_asked_for_midway),
        cmocka_unit_test(test_xxh_new_reports_that_memory_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
