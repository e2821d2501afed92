/*
 * test_block.c - packed chunks come back as they were, and nothing else is taken for a block.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "format/block.h"

#define MAX_CHUNKS 40
#define MAX_CHUNK 3000

struct sample {
    uint8_t data[MAX_CHUNKS * MAX_CHUNK];
    uint32_t lengths[MAX_CHUNKS];
    size_t count, len;
};

static void fill_sample(struct sample *s, struct rnd *r, bool compressible)
{
    s->count = 1 + (size_t)rnd_below(r, MAX_CHUNKS);
    s->len = 0;
    for (size_t i = 0; i < s->count; i++) {
        s->lengths[i] = 1 + (uint32_t)rnd_below(r, MAX_CHUNK);
        s->len += s->lengths[i];
    }
    assert_int_equal(rnd_bytes(r, s->data, s->len), 0);
    for (size_t i = 0; compressible && i < s->len; i++) {
        s->data[i] = (uint8_t)('a' + (s->data[i] & 3));
    }
}

static struct codec *new_codec(enum codec_kind kind)
{
    struct codec *c = NULL;

    assert_int_equal(codec_new(kind, kind == CODEC_ZLIB ? 6 : kind == CODEC_ZSTD ? 1 : 0, &c), 0);
    return c;
}

static void check_round_trip(const struct sample *s, struct codec *codec, enum codec_kind expected)
{
    static uint8_t out[MAX_CHUNKS * MAX_CHUNK];
    struct block_view v;
    struct buf b;

    buf_init(&b);
    assert_int_equal(block_encode(s->data, s->lengths, s->count, codec, &b), 0);
    assert_int_equal(block_parse(b.data, b.len, &v), 0);
    assert_int_equal(v.codec, expected);
    assert_int_equal(v.plain_len, s->len);
    assert_int_equal(v.count, s->count);
    for (uint32_t i = 0; i < v.count; i++) {
        assert_int_equal(block_chunk_len(&v, i), s->lengths[i]);
    }
    assert_int_equal(block_decode(&v, codec, out), 0);
    assert_memory_equal(out, s->data, s->len);
    buf_release(&b);
}

static void test_block_gives_back_what_was_packed(void **state)
{
    static const enum codec_kind kinds[] = { CODEC_NONE, CODEC_ZSTD, CODEC_ZLIB };
    struct sample *s = mem_alloc(sizeof *s);
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 1);
    for (size_t k = 0; k < 3; k++) {
        struct codec *codec = new_codec(kinds[k]);

        for (int i = 0; i < 20; i++) {
            fill_sample(s, &r, true);
            if (s->len > 500) { /* a few bytes may not be worth compressing */
                check_round_trip(s, codec, kinds[k]);
            }
        }
        codec_free(codec);
    }
    mem_free(s);
}

static void test_block_stores_what_does_not_compress_as_it_is(void **state)
{
    struct codec *codec = new_codec(CODEC_ZSTD);
    struct sample *s = mem_alloc(sizeof *s);
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 2);
    for (int i = 0; i < 20; i++) {
        fill_sample(s, &r, false);
        check_round_trip(s, codec, CODEC_NONE);
    }
    s->count = 1;
    s->len = s->lengths[0] = 1;
    check_round_trip(s, codec, CODEC_NONE);
    codec_free(codec);
    mem_free(s);
}

static void test_block_encoding_depends_on_the_arguments_alone(void **state)
{
    struct codec *first = new_codec(CODEC_ZSTD), *second = new_codec(CODEC_ZSTD);
    struct sample *s = mem_alloc(sizeof *s);
    struct buf a, b;
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 3);
    buf_init(&a);
    buf_init(&b);
    for (int i = 0; i < 5; i++) { /* `first` has a history, `second` has not */
        fill_sample(s, &r, true);
        buf_clear(&a);
        assert_int_equal(block_encode(s->data, s->lengths, s->count, first, &a), 0);
    }
    buf_put_u8(&b, 7); /* and appending to something makes no difference */
    assert_int_equal(block_encode(s->data, s->lengths, s->count, second, &b), 0);
    assert_int_equal(a.len, b.len - 1);
    assert_memory_equal(a.data, b.data + 1, a.len);
    buf_release(&a);
    buf_release(&b);
    codec_free(first);
    codec_free(second);
    mem_free(s);
}

static void test_block_refuses_to_pack_what_no_reader_would_take(void **state)
{
    static const uint8_t data[4];
    uint32_t zero[2] = { 4, 0 }, large[2] = { BLOCK_MAX_BYTES, 1 };
    uint32_t *many = mem_array(BLOCK_MAX_CHUNKS + 1, sizeof *many);
    struct buf b;

    (void)state;
    for (size_t i = 0; i <= BLOCK_MAX_CHUNKS; i++) {
        many[i] = 1;
    }
    buf_init(&b);
    assert_int_equal(block_encode(data, zero, 0, NULL, &b), HF_ELIMIT);
    assert_int_equal(block_encode(data, zero, 2, NULL, &b), HF_ELIMIT);
    assert_int_equal(block_encode(data, large, 2, NULL, &b), HF_ELIMIT);
    assert_int_equal(block_encode(data, many, BLOCK_MAX_CHUNKS + 1, NULL, &b), HF_ELIMIT);
    assert_int_equal(b.len, 0);
    buf_release(&b);
    mem_free(many);
}

/* Two raw chunks of 3 and 2 bytes: 12 + 8 + 5 bytes. */
static const uint8_t small_block[25] = { 0, 0, 0, 0, 5, 0, 0, 0,   2,   0,   0,   0,  3,
                                         0, 0, 0, 2, 0, 0, 0, 'a', 'b', 'c', 'd', 'e' };

static int parse_changed(size_t at, uint8_t value)
{
    uint8_t bytes[sizeof small_block];
    struct block_view v;

    memcpy(bytes, small_block, sizeof bytes);
    bytes[at] = value;
    return block_parse(bytes, sizeof bytes, &v);
}

static void test_block_with_a_wrong_field_is_damage(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        const char *says;
    } cases[] = {
        { 1, 1, "reserved is not zero (offset 1)" },
        { 3, 1, "reserved is not zero (offset 1)" },
        { 4, 0, "length of its chunks" },
        { 7, 1, "length of its chunks" },
        { 4, 6, "not 6" },
        { 8, 0, "number of chunks" },
        { 8, 3, "not 5" },
        { 11, 1, "number of chunks" },
        { 12, 0, "length of chunk 0 is 0 (offset 12)" },
        { 16, 3, "its chunks have 6 bytes, not 5" },
        { 19, 0x80, "not 5" },
        { 0, 1, "stored bytes do not fit" },
        { 0, 2, "stored bytes do not fit" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse_changed(cases[i].at, cases[i].value), HF_EDAMAGE);
        assert_non_null(strstr(err_last()->text, cases[i].says));
    }
}

static void test_block_of_an_unknown_codec_needs_a_newer_program(void **state)
{
    (void)state;
    assert_int_equal(parse_changed(0, 3), HF_ENEWER);
    assert_non_null(strstr(err_last()->hint, "newer holdfast"));
}

static void test_block_cut_anywhere_is_damage(void **state)
{
    struct block_view v;

    (void)state;
    assert_int_equal(block_parse(small_block, sizeof small_block, &v), 0);
    for (size_t len = 0; len < sizeof small_block; len++) {
        uint8_t *exact = mem_dup(small_block, len); /* so that a sanitizer sees an overrun */

        assert_int_equal(block_parse(exact, len, &v), HF_EDAMAGE);
        mem_free(exact);
    }
}

static void test_block_with_rotten_compressed_bytes_is_damage(void **state)
{
    struct codec *codec = new_codec(CODEC_ZLIB);
    struct sample *s = mem_alloc(sizeof *s);
    struct block_view v;
    struct buf b;
    struct rnd r;
    uint8_t *out;

    (void)state;
    rnd_init_seeded(&r, 4);
    fill_sample(s, &r, true);
    out = mem_alloc(s->len);
    buf_init(&b);
    assert_int_equal(block_encode(s->data, s->lengths, s->count, codec, &b), 0);
    assert_int_equal(block_parse(b.data, b.len, &v), 0);
    b.data[b.len - v.body_len / 2] ^= 0x10;
    assert_int_equal(block_decode(&v, codec, out), HF_EDAMAGE);
    buf_release(&b);
    codec_free(codec);
    mem_free(out);
    mem_free(s);
}

/* How many allocations had to be let fail, one after the other, until a block was made. */
static uint64_t encode_with_failures(const struct sample *s, struct codec *codec)
{
    int rc = HF_ENOMEM;
    uint64_t n = 0;

    while (rc != 0) {
        struct buf b;

        buf_init(&b);
        mem_fail_at(++n, 0);
        rc = block_encode(s->data, s->lengths, s->count, codec, &b);
        assert_true(rc == HF_ENOMEM || (rc == 0 && mem_fail_hits() == 0));
        mem_fail_at(0, 0);
        buf_release(&b);
    }
    return n - 1;
}

static void test_block_encoding_survives_every_failed_allocation(void **state)
{
    struct codec *codec = new_codec(CODEC_ZSTD);
    struct sample *s = mem_alloc(sizeof *s);
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 5);
    fill_sample(s, &r, true);
    assert_true(encode_with_failures(s, codec) > 0);
    assert_true(encode_with_failures(s, NULL) > 0);
    codec_free(codec);
    mem_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_gives_back_what_was_packed),
        cmocka_unit_test(test_block_stores_what_does_not_compress_as_it_is),
        cmocka_unit_test(test_block_encoding_depends_on_the_arguments_alone),
        cmocka_unit_test(test_block_refuses_to_pack_what_no_reader_would_take),
        cmocka_unit_test(test_block_with_a_wrong_field_is_damage),
        cmocka_unit_test(test_block_of_an_unknown_codec_needs_a_newer_program),
        cmocka_unit_test(test_block_cut_anywhere_is_damage),
        cmocka_unit_test(test_block_with_rotten_compressed_bytes_is_damage),
        cmocka_unit_test(test_block_encoding_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
