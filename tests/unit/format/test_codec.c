/*
 * test_codec.c - what is encoded comes back, what is damaged does not, and what is worth trying.
 */
/* valgrind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "base/text.h"
#include "format/codec.h"

#define BLOCK (256u << 10)

static uint8_t *text_block, *random_block;

static void fill_text(uint8_t *out, size_t len)
{
    static const char *const words[] = { "journal ", "entry ",  "segment ", "of ",   "the ",
                                         "backup ",  "was ",    "restored", ", and", " not\n",
                                         "durable ", "commit ", "as ",      "it ",   "should " };
    struct rnd rnd;
    size_t at = 0;

    rnd_init_seeded(&rnd, 3);
    while (at < len) {
        const char *word = words[rnd_below(&rnd, sizeof words / sizeof words[0])];
        for (size_t i = 0; word[i] && at < len; i++) {
            out[at++] = (uint8_t)word[i];
        }
    }
}

static int init(void **state)
{
    struct rnd rnd;

    (void)state;
    text_block = mem_alloc(BLOCK);
    random_block = mem_alloc(BLOCK);
    if (!text_block || !random_block) {
        return -1;
    }
    fill_text(text_block, BLOCK);
    rnd_init_seeded(&rnd, 4);
    return rnd_bytes(&rnd, random_block, BLOCK);
}

static int done(void **state)
{
    (void)state;
    mem_free(text_block);
    mem_free(random_block);
    return 0;
}

static struct codec *new_codec(enum codec_kind kind, int level)
{
    struct codec *c;

    assert_int_equal(codec_new(kind, level, &c), 0);
    return c;
}

/* Fresh memory, of exactly the encoded length, so that a sanitizer sees each byte too many. */
static uint8_t *encode(struct codec *c, const void *data, size_t len, size_t *out_len)
{
    uint8_t *out = mem_alloc(2 * len + 1000), *exact;

    assert_int_equal(codec_encode(c, data, len, out, 2 * len + 1000, out_len), 0);
    assert_int_not_equal(*out_len, 0);
    exact = mem_dup(out, *out_len);
    mem_free(out);
    return exact;
}

static void assert_comes_back(struct codec *c, enum codec_kind kind, const void *data, size_t len)
{
    size_t encoded_len;
    uint8_t *encoded = encode(c, data, len, &encoded_len);
    uint8_t *out = mem_alloc(len);

    assert_int_equal(codec_decode(c, kind, encoded, encoded_len, out, len), 0);
    assert_memory_equal(out, data, len);
    mem_free(out);
    mem_free(encoded);
}

static void test_codec_gives_back_what_it_was_given(void **state)
{
    static const struct {
        enum codec_kind kind;
        int level;
    } all[] = { { CODEC_NONE, 0 }, { CODEC_ZSTD, 1 }, { CODEC_ZSTD, 3 }, { CODEC_ZSTD, 19 },
                { CODEC_ZLIB, 1 }, { CODEC_ZLIB, 6 }, { CODEC_ZLIB, 9 } };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct codec *c = new_codec(all[i].kind, all[i].level);
        for (size_t len = 1; len <= BLOCK / 8; len = len * 5 + 3) {
            assert_comes_back(c, all[i].kind, text_block, len);
            assert_comes_back(c, all[i].kind, random_block, len);
        }
        codec_free(c);
    }
}

static void test_codec_makes_text_smaller(void **state)
{
    struct codec *zstd = new_codec(CODEC_ZSTD, 1), *zlib = new_codec(CODEC_ZLIB, 6);
    size_t zstd_len, zlib_len;

    (void)state;
    mem_free(encode(zstd, text_block, BLOCK, &zstd_len));
    mem_free(encode(zlib, text_block, BLOCK, &zlib_len));
    assert_in_range(zstd_len, 1, BLOCK / 2);
    assert_in_range(zlib_len, 1, BLOCK / 2);
    codec_free(zstd);
    codec_free(zlib);
}

static void test_codec_bytes_do_not_depend_on_what_came_before(void **state)
{
    static const enum codec_kind kinds[] = { CODEC_ZSTD, CODEC_ZLIB };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct codec *fresh = new_codec(kinds[i], 5), *used = new_codec(kinds[i], 5);
        size_t fresh_len, used_len, len;
        uint8_t *from_fresh = encode(fresh, text_block, 30000, &fresh_len), *from_used;

        for (size_t n = 1; n < 20; n++) {
            mem_free(encode(used, text_block + 977 * n, 5000 * n, &len));
        }
        assert_int_equal(codec_encode(used, random_block, 9000, from_fresh, 10, &len), 0);
        from_used = encode(used, text_block, 30000, &used_len);
        mem_free(from_fresh);
        from_fresh = encode(fresh, text_block, 30000, &fresh_len);
        assert_int_equal(used_len, fresh_len);
        assert_memory_equal(from_used, from_fresh, fresh_len);
        mem_free(from_used);
        mem_free(from_fresh);
        codec_free(fresh);
        codec_free(used);
    }
}

static void test_codec_says_when_it_does_not_fit(void **state)
{
    static const enum codec_kind kinds[] = { CODEC_NONE, CODEC_ZSTD, CODEC_ZLIB };
    uint8_t *out = mem_alloc(1000);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct codec *c = new_codec(kinds[i], kinds[i] == CODEC_NONE ? 0 : 1);
        for (size_t max = 0; max < 1000; max += 37) {
            size_t len = 99;
            memset(out, 0xee, 1000);
            assert_int_equal(codec_encode(c, random_block, 1000, out, max, &len), 0);
            assert_int_equal(len, 0);
            for (size_t at = max; at < 1000; at++) {
                assert_int_equal(out[at], 0xee);
            }
        }
        assert_comes_back(c, kinds[i], text_block, 5000);
        codec_free(c);
    }
    mem_free(out);
}

static void test_codec_decodes_every_kind_whatever_it_encodes(void **state)
{
    struct codec *none = new_codec(CODEC_NONE, 0), *zstd = new_codec(CODEC_ZSTD, 3);
    struct codec *zlib = new_codec(CODEC_ZLIB, 6);
    size_t zstd_len, zlib_len;
    uint8_t *from_zstd = encode(zstd, text_block, 9000, &zstd_len);
    uint8_t *from_zlib = encode(zlib, text_block, 9000, &zlib_len);
    uint8_t out[9000];

    (void)state;
    assert_int_equal(codec_decode(none, CODEC_ZSTD, from_zstd, zstd_len, out, 9000), 0);
    assert_memory_equal(out, text_block, 9000);
    assert_int_equal(codec_decode(zstd, CODEC_ZLIB, from_zlib, zlib_len, out, 9000), 0);
    assert_memory_equal(out, text_block, 9000);
    memset(out, 0, sizeof out);
    assert_int_equal(codec_decode(zlib, CODEC_NONE, text_block, 9000, out, 9000), 0);
    assert_memory_equal(out, text_block, 9000);
    mem_free(from_zstd);
    mem_free(from_zlib);
    codec_free(none);
    codec_free(zstd);
    codec_free(zlib);
}

static void assert_refused(struct codec *c, enum codec_kind kind, const void *data, size_t len,
                           size_t plain_len)
{
    uint8_t *exact = mem_dup(data, len), *out = mem_alloc(plain_len);

    assert_int_equal(codec_decode(c, kind, exact, len, out, plain_len), HF_EDAMAGE);
    mem_free(out);
    mem_free(exact);
}

static void test_codec_refuses_another_length(void **state)
{
    static const enum codec_kind kinds[] = { CODEC_NONE, CODEC_ZSTD, CODEC_ZLIB };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct codec *c = new_codec(kinds[i], kinds[i] == CODEC_NONE ? 0 : 1);
        size_t len;
        uint8_t *encoded = encode(c, text_block, 5000, &len);

        assert_refused(c, kinds[i], encoded, len, 4999);
        assert_refused(c, kinds[i], encoded, len, 5001);
        assert_refused(c, kinds[i], encoded, len, 0);
        for (size_t cut = 0; cut < len; cut += 1 + len / 50) {
            assert_refused(c, kinds[i], encoded, cut, 5000);
        }
        mem_free(encoded);
        codec_free(c);
    }
}

static void test_codec_refuses_whatever_follows(void **state)
{
    /* Junk, an empty zstd frame, and a zstd frame that is to be skipped. */
    static const char *const tails[] = { "00", "28b52ffd0058010000", "502a4d1800000000" };
    static const enum codec_kind kinds[] = { CODEC_ZSTD, CODEC_ZLIB };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct codec *c = new_codec(kinds[i], 1);
        size_t len;
        uint8_t *encoded = encode(c, text_block, 5000, &len);

        encoded = mem_realloc(encoded, len + 16);
        for (size_t t = 0; t < 3; t++) {
            size_t tail = strlen(tails[t]) / 2;
            assert_true(text_unhex(tails[t], 2 * tail, encoded + len));
            assert_refused(c, kinds[i], encoded, len + tail, 5000);
        }
        mem_free(encoded);
        codec_free(c);
    }
}

static void test_codec_refuses_a_frame_to_be_skipped_in_front(void **state)
{
    struct codec *c = new_codec(CODEC_ZSTD, 1);
    size_t len;
    uint8_t *encoded = encode(c, text_block, 5000, &len), *both = mem_alloc(len + 8);

    (void)state;
    assert_true(text_unhex("502a4d1800000000", 16, both));
    memcpy(both + 8, encoded, len);
    assert_refused(c, CODEC_ZSTD, both, len + 8, 5000);
    assert_refused(c, CODEC_ZSTD, both, 8, 0);
    mem_free(both);
    mem_free(encoded);
    codec_free(c);
}

/* What rot does to a frame is an error or other bytes; neither may leave the buffer. */
static void test_codec_survives_flipped_bits(void **state)
{
    static const enum codec_kind kinds[] = { CODEC_ZSTD, CODEC_ZLIB };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct codec *c = new_codec(kinds[i], 1);
        size_t len;
        uint8_t *encoded = encode(c, text_block, 600, &len), *out = mem_alloc(600);

        for (size_t bit = 0; bit < 8 * len; bit++) {
            encoded[bit / 8] ^= (uint8_t)(1u << bit % 8);
            int rc = codec_decode(c, kinds[i], encoded, len, out, 600);
            assert_true(rc == 0 || rc == HF_EDAMAGE);
            encoded[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(codec_decode(c, kinds[i], encoded, len, out, 600), 0);
        assert_memory_equal(out, text_block, 600);
        mem_free(out);
        mem_free(encoded);
        codec_free(c);
    }
}

static void test_codec_refuses_kinds_and_levels_it_does_not_have(void **state)
{
    struct codec *c;
    uint8_t out[4];

    (void)state;
    assert_int_equal(codec_new((enum codec_kind)3, 1, &c), HF_EUNSUPPORTED);
    assert_null(c);
    assert_int_equal(codec_new(CODEC_ZSTD, 0, &c), HF_EUSAGE);
    assert_int_equal(codec_new(CODEC_ZSTD, 20, &c), HF_EUSAGE);
    assert_int_equal(codec_new(CODEC_ZLIB, 10, &c), HF_EUSAGE);
    assert_null(c);
    c = new_codec(CODEC_NONE, 0);
    assert_int_equal(codec_decode(c, (enum codec_kind)7, "abcd", 4, out, 4), HF_EUNSUPPORTED);
    codec_free(c);
}

/* The first use of a codec makes its contexts: each allocation on the way is refused once. */
static void test_codec_reports_every_allocation_that_fails(void **state)
{
    static const enum codec_kind kinds[] = { CODEC_ZSTD, CODEC_ZLIB };
    uint8_t encoded[6000], out[5000];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (uint64_t nth = 1;; nth++) {
            struct codec *c = NULL;
            size_t len = 0;
            int rc;

            mem_fail_at(nth, 0);
            rc = codec_new(kinds[i], 3, &c);
            if (rc == 0) {
                rc = codec_encode(c, text_block, 5000, encoded, sizeof encoded, &len);
            }
            if (rc == 0) {
                rc = codec_decode(c, kinds[i], encoded, len, out, 5000);
            }
            uint64_t hits = mem_fail_hits();
            mem_fail_at(0, 0);
            if (hits == 0) {
                assert_int_equal(rc, 0);
                assert_true(nth > 3); /* the codec, and a context for each direction */
                codec_free(c);
                break;
            }
            assert_int_equal(rc, HF_ENOMEM);
            if (c) { /* and it works once there is memory again */
                assert_comes_back(c, kinds[i], text_block, 5000);
            }
            codec_free(c);
        }
    }
}

static void assert_parses(const char *text, enum codec_kind kind, int level)
{
    enum codec_kind got_kind;
    int got_level;

    assert_int_equal(codec_parse(text, &got_kind, &got_level), 0);
    assert_int_equal(got_kind, kind);
    assert_int_equal(got_level, level);
}

static void test_codec_parse_knows_names_levels_and_defaults(void **state)
{
    (void)state;
    assert_parses("zstd:3", CODEC_ZSTD, 3);
    assert_parses("zstd:19", CODEC_ZSTD, 19);
    assert_parses("zstd", CODEC_ZSTD, 1);
    assert_parses("zlib:9", CODEC_ZLIB, 9);
    assert_parses("zlib", CODEC_ZLIB, 6);
    assert_parses("none", CODEC_NONE, 0);
}

static void test_codec_parse_says_what_is_allowed(void **state)
{
    static const char *const wrong[] = { "",        "lz4",     "zstd:",   "zstd:0", "zstd:20",
                                         "zstd:-1", "zstd:3x", "zst:3",   "zstdd",  "none:1",
                                         "none:0",  "ZSTD",    "zlib:10", ":3",     "zstd :3" };
    enum codec_kind kind;
    int level;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(codec_parse(wrong[i], &kind, &level), HF_EUSAGE);
        assert_non_null(strstr(err_last()->text, "zstd:1 to zstd:19, zlib:1 to zlib:9, or none"));
    }
}

static void test_codec_name_names_every_kind(void **state)
{
    (void)state;
    assert_string_equal(codec_name(CODEC_NONE), "none");
    assert_string_equal(codec_name(CODEC_ZSTD), "zstd");
    assert_string_equal(codec_name(CODEC_ZLIB), "zlib");
    assert_string_equal(codec_name((enum codec_kind)9), "unknown");
}

static void test_codec_finds_random_bytes_not_worthwhile(void **state)
{
    (void)state;
    for (size_t len = 1024; len <= BLOCK; len *= 2) {
        for (size_t at = 0; at + len <= BLOCK; at += len) {
            assert_false(codec_worthwhile(random_block + at, len));
        }
    }
}

static void test_codec_finds_compressed_bytes_not_worthwhile(void **state)
{
    static const enum codec_kind kinds[] = { CODEC_ZSTD, CODEC_ZLIB };
    uint8_t *text = mem_alloc(8 * BLOCK);

    (void)state;
    fill_text(text, 8 * BLOCK);
    for (size_t i = 0; i < 2; i++) {
        struct codec *c = new_codec(kinds[i], 6);
        size_t len;
        uint8_t *encoded = encode(c, text, 8 * BLOCK, &len);

        assert_false(codec_worthwhile(encoded, len));
        mem_free(encoded);
        codec_free(c);
    }
    mem_free(text);
}

/* A JPEG: a few hundred bytes of tables, then entropy-coded bytes in which 0 follows each 0xff. */
static void test_codec_finds_a_photograph_not_worthwhile(void **state)
{
    uint8_t *jpeg = mem_dup(random_block, BLOCK);

    (void)state;
    memset(jpeg, 1, 600);
    for (size_t i = 600; i + 1 < BLOCK; i++) {
        if (jpeg[i] == 0xff) {
            jpeg[++i] = 0;
        }
    }
    assert_false(codec_worthwhile(jpeg, BLOCK));
    mem_free(jpeg);
}

static void test_codec_finds_text_worthwhile(void **state)
{
    (void)state;
    for (size_t len = 1; len <= BLOCK; len = len * 3 + 1) {
        assert_true(codec_worthwhile(text_block, len));
    }
}

static void test_codec_finds_base64_worthwhile(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    text_put_base64(&b, random_block, BLOCK);
    assert_int_equal(buf_error(&b), 0);
    assert_true(codec_worthwhile(b.data, b.len));
    assert_true(codec_worthwhile(b.data, 2000));
    buf_release(&b);
}

extern const uint8_t __executable_start[], etext[]; /* this program, as the linker laid it out */

static void test_codec_finds_a_program_worthwhile(void **state)
{
    (void)state;
    assert_true(codec_worthwhile(__executable_start, (size_t)(etext - __executable_start)));
}

static void test_codec_finds_a_sparse_table_worthwhile(void **state)
{
    uint8_t *table = mem_zalloc(BLOCK);

    (void)state;
    for (size_t i = 0; i < BLOCK; i += 64) {
        memcpy(table + i, random_block + i, 8);
    }
    assert_true(codec_worthwhile(table, BLOCK));
    memset(table, 0, BLOCK);
    assert_true(codec_worthwhile(table, BLOCK));
    mem_free(table);
}

/* Among photographs, one text of a tenth of the block. */
static void test_codec_finds_a_mixed_block_worthwhile(void **state)
{
    uint8_t *mixed = mem_dup(random_block, BLOCK);

    (void)state;
    memcpy(mixed + BLOCK / 2, text_block, BLOCK / 5);
    assert_true(codec_worthwhile(mixed, BLOCK));
    mem_free(mixed);
}

/* Bytes as even as random ones, in which every record comes twice: no window sees both. */
static void test_codec_finds_repetition_worthwhile(void **state)
{
    uint8_t *records = mem_alloc(BLOCK);

    (void)state;
    for (size_t i = 0; i < BLOCK; i += 1024) {
        memcpy(records + i, random_block + i / 2, 512);
        memcpy(records + i + 512, random_block + i / 2, 512);
    }
    assert_true(codec_worthwhile(records, BLOCK));
    mem_free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_gives_back_what_it_was_given),
        cmocka_unit_test(test_codec_makes_text_smaller),
        cmocka_unit_test(test_codec_bytes_do_not_depend_on_what_came_before),
        cmocka_unit_test(test_codec_says_when_it_does_not_fit),
        cmocka_unit_test(test_codec_decodes_every_kind_whatever_it_encodes),
        cmocka_unit_test(test_codec_refuses_another_length),
        cmocka_unit_test(test_codec_refuses_whatever_follows),
        cmocka_unit_test(test_codec_refuses_a_frame_to_be_skipped_in_front),
        cmocka_unit_test(test_codec_survives_flipped_bits),
        cmocka_unit_test(test_codec_refuses_kinds_and_levels_it_does_not_have),
        cmocka_unit_test(test_codec_reports_every_allocation_that_fails),
        cmocka_unit_test(test_codec_parse_knows_names_levels_and_defaults),
        cmocka_unit_test(test_codec_parse_says_what_is_allowed),
        cmocka_unit_test(test_codec_name_names_every_kind),
        cmocka_unit_test(test_codec_finds_random_bytes_not_worthwhile),
        cmocka_unit_test(test_codec_finds_compressed_bytes_not_worthwhile),
        cmocka_unit_test(test_codec_finds_a_photograph_not_worthwhile),
        cmocka_unit_test(test_codec_finds_text_worthwhile),
        cmocka_unit_test(test_codec_finds_base64_worthwhile),
        cmocka_unit_test(test_codec_finds_a_program_worthwhile),
        cmocka_unit_test(test_codec_finds_a_sparse_table_worthwhile),
        cmocka_unit_test(test_codec_finds_a_mixed_block_worthwhile),
        cmocka_unit_test(test_codec_finds_repetition_worthwhile),
    };

    return cmocka_run_group_tests(tests, init, done);
}
