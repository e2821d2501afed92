/*
 * test_chunker.c - where files are cut: as chunker.c says, by the bytes alone, and with a key.
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
#include "format/chunker.h"
#include "format/nacl.h"

static const struct chunker_params defaults = { CHUNKER_DEFAULT_MIN, CHUNKER_DEFAULT_AVG,
                                                CHUNKER_DEFAULT_MAX, CHUNKER_DEFAULT_FIXED };
static const struct chunker_params small = { 256, 1000, 4096, 512 };

static struct chunker *new_chunker(const struct chunker_params *params, uint8_t first_key_byte)
{
    uint8_t key[32];
    struct chunker *c;

    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)(first_key_byte + i);
    }
    assert_int_equal(chunker_new(params, key, &c), 0);
    return c;
}

static uint8_t *random_bytes(size_t len, uint64_t seed)
{
    uint8_t *data = mem_alloc(len);
    struct rnd rnd;

    rnd_init_seeded(&rnd, seed);
    assert_int_equal(rnd_bytes(&rnd, data, len), 0);
    return data;
}

/* A generator that is easy to write again in any language. */
static uint8_t *plain_bytes(size_t len)
{
    uint8_t *data = mem_alloc(len);
    uint64_t x = 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        data[i] = (uint8_t)(x >> 56);
    }
    return data;
}

/* The lengths were computed by a program written from the comment at the head of chunker.c. */
static void test_chunker_cuts_where_its_description_says(void **state)
{
    static const size_t default_cuts[] = { 62457, 49219, 23615, 37738, 85153, 49311, 49361, 43146 };
    static const size_t small_cuts[] = { 1045, 960,  1289, 1026, 1021, 1178, 1211, 1251, 1104, 1601,
                                         1133, 1458, 1028, 1023, 1053, 1088, 376,  1105, 50 };
    struct chunker *c = new_chunker(&defaults, 0);
    uint8_t *data = plain_bytes(400000);
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < sizeof default_cuts / sizeof default_cuts[0]; i++) {
        assert_int_equal(chunker_cut(c, data + at, 400000 - at, true), default_cuts[i]);
        at += default_cuts[i];
    }
    assert_int_equal(at, 400000);
    chunker_free(c);

    c = new_chunker(&small, 0);
    at = 0;
    for (size_t i = 0; i < sizeof small_cuts / sizeof small_cuts[0]; i++) {
        assert_int_equal(chunker_cut(c, data + at, 20000 - at, true), small_cuts[i]);
        at += small_cuts[i];
    }
    assert_int_equal(at, 20000);
    chunker_free(c);
    mem_free(data);
}

static void test_chunker_averages_32_to_64_kib_by_default(void **state)
{
    const size_t len = 32u << 20;
    struct chunker *c = new_chunker(&defaults, 1);
    uint8_t *data = random_bytes(len, 1);
    size_t chunks = 0;

    (void)state;
    for (size_t at = 0, cut; at < len; at += cut, chunks++) {
        cut = chunker_cut(c, data + at, len - at, true);
        assert_in_range(cut, at + cut < len ? defaults.min : 1, defaults.max);
    }
    assert_in_range(len / chunks, 32u << 10, 64u << 10);
    chunker_free(c);
    mem_free(data);
}

static void test_chunker_gathers_lengths_around_the_average(void **state)
{
    const size_t len = 32u << 20;
    struct chunker *c = new_chunker(&defaults, 2);
    uint8_t *data = random_bytes(len, 2);
    size_t chunks = 0, near = 0;

    (void)state;
    for (size_t at = 0, cut; at < len; at += cut, chunks++) {
        cut = chunker_cut(c, data + at, len - at, true);
        near += cut > defaults.avg / 2 && cut < 2 * defaults.avg;
    }
    assert_true(near * 10 > chunks * 9);
    chunker_free(c);
    mem_free(data);
}

static void test_chunker_finds_its_cuts_again_after_an_insertion(void **state)
{
    const size_t len = 4u << 20, inserted = 1001;
    struct chunker *c = new_chunker(&defaults, 3);
    uint8_t *data = random_bytes(inserted + len, 3);
    uint8_t *is_cut = mem_zalloc(len + 1);
    size_t chunks = 0, moved = 0;

    (void)state;
    for (size_t at = 0; at < len;) {
        at += chunker_cut(c, data + inserted + at, len - at, true);
        is_cut[at] = 1;
    }
    for (size_t at = 0; at < inserted + len; chunks++) {
        at += chunker_cut(c, data + at, inserted + len - at, true);
        moved += at < inserted || !is_cut[at - inserted];
    }
    assert_in_range(moved, 0, 8);
    assert_true(chunks > 60);
    chunker_free(c);
    mem_free(is_cut);
    mem_free(data);
}

/* Given less, it waits; what it says at last is what it would have said at once. */
static void assert_patient(const struct chunker *c, const uint8_t *data, size_t len)
{
    size_t max = chunker_params(c)->max;
    size_t right = chunker_cut(c, data, len, true);

    for (size_t n = 0; n <= len && n <= max + 1; n++) {
        size_t cut = chunker_cut(c, data, n, false);
        if (n < right) {
            assert_int_equal(cut, 0);
        } else if (right < len || right == max) {
            assert_int_equal(cut, right);
        }
        assert_int_equal(chunker_cut(c, data, n, true), n < right ? n : right);
    }
}

static void test_chunker_waits_until_more_bytes_cannot_change_the_cut(void **state)
{
    struct chunker *c = new_chunker(&small, 4);
    uint8_t *data = random_bytes(20000, 4), *zeros = mem_zalloc(6000);

    (void)state;
    for (size_t at = 0; at < 12000; at += 700) {
        assert_patient(c, data + at, 8000);
    }
    assert_patient(c, data, 200);
    assert_patient(c, zeros, 6000);
    chunker_free(c);
    mem_free(zeros);
    mem_free(data);
}

static void test_chunker_cut_depends_on_the_bytes_of_the_chunk_alone(void **state)
{
    struct chunker *c = new_chunker(&small, 5);
    uint8_t *data = random_bytes(8000, 5), *moved = random_bytes(8000, 6);

    (void)state;
    for (size_t from = 0; from < 3000; from += 123) {
        size_t cut = chunker_cut(c, data + from, 4500, true);
        memcpy(moved + 1000, data + from, cut);
        assert_int_equal(chunker_cut(c, moved + 1000, 7000, true), cut);
    }
    chunker_free(c);
    mem_free(data);
    mem_free(moved);
}

static void test_chunker_cuts_elsewhere_with_another_key(void **state)
{
    const size_t len = 2u << 20;
    struct chunker *a = new_chunker(&defaults, 6), *b = new_chunker(&defaults, 7);
    uint8_t *data = random_bytes(len, 7), *is_cut = mem_zalloc(len + 1);
    size_t same = 0;

    (void)state;
    for (size_t at = 0; at < len;) {
        at += chunker_cut(a, data + at, len - at, true);
        is_cut[at] = 1;
    }
    for (size_t at = 0; at < len;) {
        at += chunker_cut(b, data + at, len - at, true);
        same += is_cut[at];
    }
    assert_int_equal(same, 1); /* the end */
    chunker_free(a);
    chunker_free(b);
    mem_free(is_cut);
    mem_free(data);
}

static void test_chunker_cuts_equal_bytes_into_equal_chunks(void **state)
{
    struct chunker *c = new_chunker(&defaults, 8);
    uint8_t *data = mem_alloc(defaults.max);

    (void)state;
    for (unsigned value = 0; value < 256; value += 51) {
        memset(data, (int)value, defaults.max);
        size_t cut = chunker_cut(c, data, defaults.max, false);
        assert_in_range(cut, defaults.min, defaults.max);
        assert_int_equal(chunker_cut(c, data, cut, true), cut);
    }
    chunker_free(c);
    mem_free(data);
}

static void test_chunker_takes_a_short_file_whole(void **state)
{
    struct chunker *c = new_chunker(&defaults, 9);
    uint8_t *data = random_bytes(defaults.min, 9);

    (void)state;
    assert_int_equal(chunker_cut(c, data, 0, true), 0);
    assert_int_equal(chunker_cut(c, data, 1, true), 1);
    assert_int_equal(chunker_cut(c, data, defaults.min, true), defaults.min);
    assert_int_equal(chunker_cut(c, data, defaults.min, false), 0);
    chunker_free(c);
    mem_free(data);
}

static void test_chunker_refuses_sizes_that_make_no_sense(void **state)
{
    static const struct chunker_params wrong[] = {
        { 63, 1000, 4096, 512 },   { 0, 1000, 4096, 512 },
        { 1000, 1000, 4096, 512 }, { 256, 4096, 4096, 512 },
        { 256, 1000, 4096, 0 },    { 256, 1000, (16u << 20) + 1, 512 },
        { 4096, 1000, 256, 512 },  { 256, 1000, 4096, 1u << 30 },
    };
    static const struct chunker_params odd = { 64, 65, 66, 64 };
    uint8_t key[32] = { 0 };
    struct chunker *c;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(chunker_new(&wrong[i], key, &c), HF_EUSAGE);
        assert_null(c);
    }
    assert_int_equal(chunker_new(&odd, key, &c), 0);
    assert_int_equal(chunker_params(c)->avg, 65);
    chunker_free(c);
}

static void test_chunker_new_reports_that_memory_is_out(void **state)
{
    uint8_t key[32] = { 0 };
    struct chunker *c;

    (void)state;
    mem_fail_at(1, 0);
    assert_int_equal(chunker_new(&defaults, key, &c), HF_ENOMEM);
    mem_fail_at(0, 0);
    assert_null(c);
    chunker_free(c);
}

/* A head of 4 KiB of zeros with these bytes at that place. */
static bool paged_with(size_t at, const char *bytes, size_t len)
{
    uint8_t head[4096] = { 0 };

    memcpy(head + at, bytes, len);
    return chunker_is_paged(head, sizeof head);
}
#define PAGED_WITH(at, bytes) paged_with(at, bytes, sizeof(bytes) - 1)

static void test_chunker_knows_page_structured_files(void **state)
{
    (void)state;
    assert_true(PAGED_WITH(0, "SQLite format 3\0\x10\0"));
    assert_true(PAGED_WITH(0, "QFI\xfb\0\0\0\3"));
    assert_true(PAGED_WITH(0, "KDMV\1\0\0\0\3\0\0\0"));
    assert_true(PAGED_WITH(0, "vhdxfile"));
    assert_true(PAGED_WITH(0, "conectix\0\0\0\2"));
    assert_true(PAGED_WITH(64, "\x7f\x10\xda\xbe"));
    assert_true(PAGED_WITH(512, "EFI PART\0\0\1\0"));
    assert_true(PAGED_WITH(4, "\xef\xcd\xab\x89\x20\6\0\0"));
    /* InnoDB: checksum, page 0, previous, next, LSN, type 8, flush LSN, space twice, pages */
    assert_true(PAGED_WITH(0, "\x12\x34\x56\x78\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3\0\x08"
                              "\0\0\0\0\0\0\0\0\0\0\0\x2a\0\0\0\x2a\0\0\0\0\0\0\0\6"));
    assert_true(PAGED_WITH(8, "\0\0\x08\0\0\0\0\0\xde\xc0\xef\xbe\1\0\0\0")); /* LMDB */
    assert_true(PAGED_WITH(8, "\4\0\0\0\0\0\0\0\xed\xda\x0c\xed\2\0\0\0"));   /* BoltDB */
    assert_true(PAGED_WITH(12, "\x62\x31\5\0\x09\0\0\0\0\x10\0\0"));          /* Berkeley DB */
    assert_true(PAGED_WITH(12, "\0\5\x31\x62\0\0\0\x09\0\0\x10\0"));
}

static void test_chunker_does_not_take_others_for_page_structured(void **state)
{
    uint8_t *data = random_bytes(64u << 10, 11);

    (void)state;
    assert_false(PAGED_WITH(0, ""));
    assert_false(PAGED_WITH(0, "SQLite format 2\0"));
    assert_false(PAGED_WITH(0, "KDMV\3\0\0\0\3\0\1\0")); /* its grains are compressed */
    assert_false(PAGED_WITH(0, "EFI PART\0\0\1\0"));
    assert_false(PAGED_WITH(12, "\x62\x31\5\0\x09\0\0\0\1\x10\0\0"));
    assert_false(PAGED_WITH(0, "\x7f"
                               "ELF\2\1\1"));
    assert_false(PAGED_WITH(0, "%PDF-1.7\n"));
    for (size_t at = 0; at < (60u << 10); at += 16) {
        assert_false(chunker_is_paged(data + at, 4096));
    }
    mem_free(data);
}

/* A sanitizer watches: each head has exactly the bytes it says. */
static void test_chunker_looks_no_further_than_the_head_it_is_given(void **state)
{
    (void)state;
    for (size_t len = 0; len < 600; len++) {
        uint8_t *head = mem_zalloc(len);
        assert_false(chunker_is_paged(head, len));
        mem_free(head);
    }
}

static int init(void **state)
{
    (void)state;
    return nacl_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunker_cuts_where_its_description_says),
        cmocka_unit_test(test_chunker_averages_32_to_64_kib_by_default),
        cmocka_unit_test(test_chunker_gathers_lengths_around_the_average),
        cmocka_unit_test(test_chunker_finds_its_cuts_again_after_an_insertion),
        cmocka_unit_test(test_chunker_waits_until_more_bytes_cannot_change_the_cut),
        cmocka_unit_test(test_chunker_cut_depends_on_the_bytes_of_the_chunk_alone),
        cmocka_unit_test(test_chunker_cuts_elsewhere_with_another_key),
        cmocka_unit_test(test_chunker_cuts_equal_bytes_into_equal_chunks),
        cmocka_unit_test(test_chunker_takes_a_short_file_whole),
        cmocka_unit_test(test_chunker_refuses_sizes_that_make_no_sense),
        cmocka_unit_test(test_chunker_new_reports_that_memory_is_out),
        cmocka_unit_test(test_chunker_knows_page_structured_files),
        cmocka_unit_test(test_chunker_does_not_take_others_for_page_structured),
        cmocka_unit_test(test_chunker_looks_no_further_than_the_head_it_is_given),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
