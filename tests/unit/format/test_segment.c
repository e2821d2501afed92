/*
 * test_segment.c - each part of a segment comes back as it was written; anything else is refused.
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
#include "base/text.h"
#include "format/block.h"
#include "format/crc.h"
#include "format/nacl.h"
#include "format/segment.h"
#include "format/xxh.h"

static const uint8_t uuid[16] = { 0x11, 0x22, 0x33 };
static const uint8_t repo_id[16] = { 0xaa, 0xbb };
static const uint8_t nonce[CIPHER_NONCE_BYTES] = { 9, 8, 7 };
static const uint8_t key[SEGMENT_KEY_BYTES] = { 1, 2, 3 };

static int set_up(void **state)
{
    (void)state;
    return nacl_init();
}

static struct cipher *new_cipher(void)
{
    struct cipher *c = NULL;

    assert_int_equal(cipher_new(CIPHER_CHACHA20_POLY1305, &c), 0);
    return c;
}

static void says(int rc, int code, const char *text)
{
    if (strstr(err_last()->text, text) == NULL) {
        print_error("expected '%s' in '%s'\n", text, err_last()->text);
    }
    assert_int_equal(rc, code);
    assert_non_null(strstr(err_last()->text, text));
    if (code == HF_ENEWER) {
        assert_non_null(strstr(err_last()->hint, "newer holdfast"));
    }
}

/* --- header --- */

static struct segment_header sample_header(struct rnd *r)
{
    struct segment_header h;

    memset(&h, 0, sizeof h);
    h.epoch = (uint32_t)rnd_u64(r);
    h.domain = (uint32_t)rnd_u64(r);
    h.cipher = rnd_below(r, 2) == 0 ? CIPHER_AES_256_GCM : CIPHER_CHACHA20_POLY1305;
    assert_int_equal(rnd_bytes(r, h.repo_id, sizeof h.repo_id), 0);
    assert_int_equal(rnd_bytes(r, h.uuid, sizeof h.uuid), 0);
    assert_int_equal(rnd_bytes(r, h.sealed_key, sizeof h.sealed_key), 0);
    return h;
}

static void test_segment_header_comes_back(void **state)
{
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 1);
    for (int i = 0; i < 200; i++) {
        struct segment_header in = sample_header(&r), out;
        uint8_t bytes[SEGMENT_HEADER_BYTES];

        memset(&out, 0, sizeof out);
        segment_header_encode(&in, bytes);
        assert_int_equal(segment_header_decode(bytes, sizeof bytes, &out), 0);
        assert_memory_equal(&in, &out, sizeof in);
    }
}

static void test_segment_header_refuses_every_flipped_bit(void **state)
{
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    struct segment_header h, out;
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 2);
    h = sample_header(&r);
    segment_header_encode(&h, bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(segment_header_decode(bytes, sizeof bytes, &out), HF_EDAMAGE);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    bytes[100] ^= 1;
    says(segment_header_decode(bytes, sizeof bytes, &out), HF_EDAMAGE,
         "segment header: checksum does not match (offset 188)");
}

/* A header whose byte `at` is `value`, under a checksum that holds. */
static int decode_header_with(size_t at, uint8_t value)
{
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    struct segment_header h, out;
    struct rnd r;

    rnd_init_seeded(&r, 3);
    h = sample_header(&r);
    segment_header_encode(&h, bytes);
    bytes[at] = value;
    le_put32(bytes + 188, crc_32c(bytes, 188));
    return segment_header_decode(bytes, sizeof bytes, &out);
}

static void test_segment_header_tells_newer_from_damaged(void **state)
{
    (void)state;
    says(decode_header_with(8, 1), HF_ENEWER, "version");
    says(decode_header_with(9, 1), HF_ENEWER, "version");
    says(decode_header_with(10, 1), HF_ENEWER, "flags");
    says(decode_header_with(52, 3), HF_ENEWER, "cipher");
    says(decode_header_with(52, 0), HF_EDAMAGE, "cipher is 0 (offset 52)");
    says(decode_header_with(0, 'X'), HF_EDAMAGE, "magic");
    says(decode_header_with(53, 1), HF_EDAMAGE, "reserved is not zero (offset 53)");
    says(decode_header_with(136, 1), HF_EDAMAGE, "reserved is not zero (offset 136)");
    says(decode_header_with(187, 1), HF_EDAMAGE, "reserved is not zero (offset 136)");
}

static void test_segment_header_cut_is_damage(void **state)
{
    struct segment_header out;
    uint8_t *short_one = mem_zalloc(SEGMENT_HEADER_BYTES - 1);

    (void)state;
    says(segment_header_decode(short_one, SEGMENT_HEADER_BYTES - 1, &out), HF_EDAMAGE, "191");
    mem_free(short_one);
}

/* --- records --- */

#define POSITION 4096u

static size_t seal_sample(struct cipher *c, uint8_t *out, size_t plain_len,
                          enum segment_record type)
{
    for (size_t i = 0; i < plain_len; i++) {
        out[SEGMENT_RECORD_HEADER_BYTES + i] = (uint8_t)(i * 7);
    }
    assert_int_equal(segment_record_seal(c, key, uuid, type, POSITION, nonce,
                                         out + SEGMENT_RECORD_HEADER_BYTES, plain_len, out),
                     0);
    return (size_t)segment_record_bytes(plain_len);
}

/* Opens it in memory of exactly its size, so that a sanitizer sees what is read beyond. */
static int open_sample(struct cipher *c, const uint8_t *record, size_t len)
{
    uint8_t *copy = mem_dup(record, len);
    uint8_t plain[512];
    size_t plain_len;
    int rc = segment_record_open(c, key, uuid, SEGMENT_DATA, POSITION, copy, len, plain,
                                 &plain_len);

    mem_free(copy);
    return rc;
}

static void test_segment_record_comes_back_in_its_place(void **state)
{
    struct cipher *c = new_cipher();

    (void)state;
    for (size_t plain_len = 0; plain_len < 100; plain_len++) {
        uint8_t record[512];
        uint8_t *plain = record + SEGMENT_RECORD_HEADER_BYTES;
        struct segment_record_header h;
        size_t len, out_len = 0;

        memset(record, 0xee, sizeof record);
        len = seal_sample(c, record, plain_len, SEGMENT_PAGES);
        assert_int_equal(len % SEGMENT_ALIGN, 0);
        assert_int_equal(record[len], 0xee); /* exactly so much was written */
        assert_int_equal(segment_record_header_decode(record, len, &h), 0);
        assert_int_equal(h.type, SEGMENT_PAGES);
        assert_int_equal(h.position, POSITION);
        assert_int_equal(h.payload_len, plain_len + CIPHER_TAG_BYTES);
        assert_memory_equal(h.nonce, nonce, sizeof nonce);
        assert_int_equal(segment_record_open(c, key, uuid, SEGMENT_PAGES, POSITION, record, len,
                                             plain, &out_len),
                         0);
        assert_int_equal(out_len, plain_len);
        for (size_t i = 0; i < plain_len; i++) {
            assert_int_equal(plain[i], (uint8_t)(i * 7));
        }
    }
    cipher_free(c);
}

static void test_segment_record_refuses_every_flipped_bit(void **state)
{
    struct cipher *c = new_cipher();
    uint8_t record[512];
    size_t len = seal_sample(c, record, 45, SEGMENT_DATA);

    (void)state;
    assert_int_equal(open_sample(c, record, len), 0);
    assert_true(len > SEGMENT_RECORD_HEADER_BYTES + 45 + CIPHER_TAG_BYTES); /* it has padding */
    for (size_t bit = 0; bit < 8 * len; bit++) {
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(open_sample(c, record, len), HF_EDAMAGE);
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cipher_free(c);
}

static void test_segment_record_refuses_another_place_type_segment_or_key(void **state)
{
    static const uint8_t other[32] = { 0x77 };
    struct cipher *c = new_cipher();
    uint8_t record[512], plain[512];
    size_t len = seal_sample(c, record, 40, SEGMENT_DATA), n;

    (void)state;
    says(segment_record_open(c, key, uuid, SEGMENT_PAGES, POSITION, record, len, plain, &n),
         HF_EDAMAGE, "type is not the one that belongs here (offset 4)");
    says(segment_record_open(c, key, uuid, SEGMENT_DATA, POSITION + 8, record, len, plain, &n),
         HF_EDAMAGE, "position is that of another record (offset 12)");
    says(segment_record_open(c, key, uuid, SEGMENT_DATA, POSITION + 8, record, len, plain, &n),
         HF_EDAMAGE, "data block record at 4104");
    assert_int_equal(
        segment_record_open(c, key, other, SEGMENT_DATA, POSITION, record, len, plain, &n),
        HF_EDAMAGE);
    assert_int_equal(
        segment_record_open(c, other, uuid, SEGMENT_DATA, POSITION, record, len, plain, &n),
        HF_EDAMAGE);
    assert_int_equal(
        segment_record_open(c, key, uuid, SEGMENT_DATA, POSITION, record, len, plain, &n), 0);
    cipher_free(c);
}

static void test_segment_record_cut_is_damage_but_its_padding_may_be_absent(void **state)
{
    struct cipher *c = new_cipher();
    uint8_t record[512];
    size_t payload_end = SEGMENT_RECORD_HEADER_BYTES + 45 + CIPHER_TAG_BYTES;

    (void)state;
    seal_sample(c, record, 45, SEGMENT_DATA);
    for (size_t len = 0; len < payload_end; len++) {
        assert_int_equal(open_sample(c, record, len), HF_EDAMAGE);
    }
    says(open_sample(c, record, payload_end - 1), HF_EDAMAGE, "more than there is (offset 8)");
    assert_int_equal(open_sample(c, record, payload_end), 0);
    cipher_free(c);
}

/* A record header with one field set, under a checksum that holds. */
static int decode_record_with(size_t at, uint32_t value, size_t size)
{
    struct cipher *c = new_cipher();
    struct segment_record_header h;
    uint8_t record[512];

    seal_sample(c, record, 40, SEGMENT_DATA);
    cipher_free(c);
    if (size == 1) {
        record[at] = (uint8_t)value;
    } else {
        le_put32(record + at, value);
    }
    le_put32(record + 28, crc_32c(record, 28));
    return segment_record_header_decode(record, SEGMENT_RECORD_HEADER_BYTES, &h);
}

static void test_segment_record_header_checks_each_field(void **state)
{
    (void)state;
    assert_int_equal(decode_record_with(4, SEGMENT_DATA, 1), 0);
    says(decode_record_with(4, 4, 1), HF_ENEWER, "type");
    says(decode_record_with(5, 1, 1), HF_ENEWER, "flags");
    says(decode_record_with(4, 0, 1), HF_EDAMAGE, "type is 0 (offset 4)");
    says(decode_record_with(6, 1, 1), HF_EDAMAGE, "reserved is not zero (offset 6)");
    says(decode_record_with(8, 15, 4), HF_EDAMAGE, "payload length is too short");
    says(decode_record_with(8, 0x7fffffff, 4), HF_EDAMAGE, "payload length is more than a block");
    says(decode_record_with(12, 0, 4), HF_EDAMAGE, "position lies in the segment's header");
    says(decode_record_with(12, 0xffffffff, 4), HF_EDAMAGE, "beyond the largest segment");
}

static void test_segment_record_too_large_is_not_sealed(void **state)
{
    struct cipher *c = new_cipher();
    uint8_t out[64];

    (void)state;
    says(segment_record_seal(c, key, uuid, SEGMENT_DATA, POSITION, nonce, out, 18u << 20, out),
         HF_ELIMIT, "too large");
    says(
        segment_record_seal(c, key, uuid, SEGMENT_DATA, SEGMENT_MAX_BYTES - 32, nonce, out, 8, out),
        HF_ELIMIT, "too large");
    cipher_free(c);
}

/* --- footer --- */

#define MAX_BLOCKS 12
#define MAX_CHUNKS 30

static void sample_footer(struct rnd *r, struct segment_footer *f)
{
    uint64_t position = SEGMENT_HEADER_BYTES;

    f->block_count = (size_t)rnd_below(r, MAX_BLOCKS + 1);
    f->blocks = mem_array(MAX_BLOCKS, sizeof *f->blocks);
    f->chunks = mem_array(MAX_BLOCKS * MAX_CHUNKS, sizeof *f->chunks);
    f->chunk_count = 0;
    for (size_t i = 0; i < f->block_count; i++) {
        struct segment_block *b = &f->blocks[i];

        b->first_chunk = (uint32_t)f->chunk_count;
        b->chunk_count = 1 + (uint32_t)rnd_below(r, MAX_CHUNKS);
        b->type = rnd_below(r, 2) == 0 ? SEGMENT_DATA : SEGMENT_PAGES;
        for (uint32_t k = 0; k < b->chunk_count; k++) {
            struct segment_chunk *chunk = &f->chunks[f->chunk_count++];

            assert_int_equal(rnd_bytes(r, chunk->id, sizeof chunk->id), 0);
            chunk->len = 1 + (uint32_t)rnd_below(r, 100000);
            b->plain_len += chunk->len;
        }
        b->payload_len = 28 + 4 * b->chunk_count + 1 + (uint32_t)rnd_below(r, b->plain_len);
        b->position = position;
        position += segment_record_bytes(b->payload_len - CIPHER_TAG_BYTES);
    }
}

static void test_segment_footer_comes_back(void **state)
{
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 4);
    for (int i = 0; i < 200; i++) {
        struct segment_footer in, out;
        struct buf b;

        buf_init(&b);
        sample_footer(&r, &in);
        assert_int_equal(segment_footer_encode(&in, &b), 0);
        assert_int_equal(segment_footer_decode(b.data, b.len, &out), 0);
        assert_int_equal(out.block_count, in.block_count);
        assert_int_equal(out.chunk_count, in.chunk_count);
        assert_memory_equal(out.chunks, in.chunks, in.chunk_count * sizeof *in.chunks);
        for (size_t k = 0; k < in.block_count; k++) {
            assert_int_equal(out.blocks[k].position, in.blocks[k].position);
            assert_int_equal(out.blocks[k].payload_len, in.blocks[k].payload_len);
            assert_int_equal(out.blocks[k].plain_len, in.blocks[k].plain_len);
            assert_int_equal(out.blocks[k].chunk_count, in.blocks[k].chunk_count);
            assert_int_equal(out.blocks[k].first_chunk, in.blocks[k].first_chunk);
            assert_int_equal(out.blocks[k].type, in.blocks[k].type);
        }
        segment_footer_release(&in);
        segment_footer_release(&out);
        buf_release(&b);
    }
}

/* Two blocks, of 2 chunks (3 + 4 bytes) and of 1 chunk (5 bytes): 12 + 2 * 20 + 3 * 36 bytes. */
#define SMALL_FOOTER 160u
static void small_footer(uint8_t out[SMALL_FOOTER])
{
    struct segment_chunk chunks[3] = { { { 1 }, 3 }, { { 2 }, 4 }, { { 3 }, 5 } };
    struct segment_block blocks[2] = {
        { .position = 192,
          .payload_len = 43,
          .plain_len = 7,
          .chunk_count = 2,
          .type = SEGMENT_DATA },
        { .position = 272,
          .payload_len = 37,
          .plain_len = 5,
          .chunk_count = 1,
          .type = SEGMENT_PAGES },
    };
    struct segment_footer f = {
        .blocks = blocks, .block_count = 2, .chunks = chunks, .chunk_count = 3
    };
    struct buf b;

    buf_init(&b);
    assert_int_equal(segment_footer_encode(&f, &b), 0);
    assert_int_equal(b.len, SMALL_FOOTER);
    memcpy(out, b.data, b.len);
    buf_release(&b);
}

static int decode_footer_with(size_t at, uint32_t value)
{
    uint8_t bytes[SMALL_FOOTER];
    struct segment_footer f;
    int rc;

    small_footer(bytes);
    le_put32(bytes + at, value);
    rc = segment_footer_decode(bytes, sizeof bytes, &f);
    if (rc == 0) {
        segment_footer_release(&f);
    } else {
        assert_true(f.blocks == NULL && f.chunks == NULL);
    }
    return rc;
}

static void test_segment_footer_checks_every_number(void **state)
{
    (void)state;
    assert_int_equal(decode_footer_with(0, 0), 0);
    says(decode_footer_with(0, 1), HF_ENEWER, "version 1");
    says(decode_footer_with(4, 1), HF_EDAMAGE, "do not fit");
    says(decode_footer_with(8, 4), HF_EDAMAGE, "do not fit");
    says(decode_footer_with(12, 23), HF_EDAMAGE, "block 0: position 184 lies before");
    says(decode_footer_with(12, 25), HF_EDAMAGE, "block 1: position 272 lies before");
    says(decode_footer_with(32, 33), HF_EDAMAGE, "block 1: position 264 lies before");
    says(decode_footer_with(32, 0x80000000u), HF_EDAMAGE, "beyond the largest segment (offset 32)");
    says(decode_footer_with(16, 36), HF_EDAMAGE, "block 0: payload length 36");
    says(decode_footer_with(16, 44), HF_EDAMAGE, "block 0: payload length 44");
    says(decode_footer_with(20, 0), HF_EDAMAGE, "block 0: length of its chunks is 0 (offset 20)");
    says(decode_footer_with(20, BLOCK_MAX_BYTES + 1), HF_EDAMAGE, "length of its chunks");
    says(decode_footer_with(20, 8), HF_EDAMAGE, "its chunks have 7 bytes, not 8");
    says(decode_footer_with(24, 0), HF_EDAMAGE, "block 0: number of chunks is 0 (offset 24)");
    says(decode_footer_with(24, 8), HF_EDAMAGE, "block 0: number of chunks is 8");
    says(decode_footer_with(24, 1), HF_EDAMAGE, "block 0: payload length 43");
    says(decode_footer_with(44, 2), HF_EDAMAGE, "number of chunks is 3, which is not that of");
    says(decode_footer_with(28, 0), HF_EDAMAGE, "block 0: type is 0 (offset 28)");
    says(decode_footer_with(28, SEGMENT_FOOTER), HF_EDAMAGE, "block 0: type is 3");
    says(decode_footer_with(28, 4), HF_ENEWER, "block 0: type 4");
    says(decode_footer_with(28, 0x101), HF_EDAMAGE, "block 0: reserved bytes are not zero");
    says(decode_footer_with(84, 0), HF_EDAMAGE, "length of chunk 0 is 0 (offset 84)");
    says(decode_footer_with(84, 2), HF_EDAMAGE, "its chunks have 6 bytes, not 7");
    says(decode_footer_with(84, 0xffffffffu), HF_EDAMAGE, "not 7");
}

static void test_segment_footer_lengths_may_not_wrap_around(void **state)
{
    uint8_t bytes[SMALL_FOOTER];
    struct segment_footer f;

    (void)state;
    small_footer(bytes);
    le_put32(bytes + 84, 0x80000003u); /* together 2^32 + 7 */
    le_put32(bytes + 120, 0x80000004u);
    says(segment_footer_decode(bytes, sizeof bytes, &f), HF_EDAMAGE, "not 7");
}

static void test_segment_footer_cut_or_longer_is_damage(void **state)
{
    uint8_t bytes[SMALL_FOOTER + 1] = { 0 };
    struct segment_footer f;

    (void)state;
    small_footer(bytes);
    for (size_t len = 0; len < SMALL_FOOTER; len++) {
        assert_int_equal(segment_footer_decode(bytes, len, &f), HF_EDAMAGE);
    }
    assert_int_equal(segment_footer_decode(bytes, sizeof bytes, &f), HF_EDAMAGE);
    assert_int_equal(segment_footer_decode(bytes, SMALL_FOOTER, &f), 0);
    segment_footer_release(&f);
}

static void test_segment_footer_allocates_nothing_for_a_count_that_does_not_fit(void **state)
{
    uint8_t bytes[SMALL_FOOTER];
    struct segment_footer f;
    uint64_t before;

    (void)state;
    small_footer(bytes);
    memset(bytes + 4, 0xff, 8);
    before = mem_alloc_count();
    assert_int_equal(segment_footer_decode(bytes, sizeof bytes, &f), HF_EDAMAGE);
    assert_int_equal(mem_alloc_count(), before);
}

static void test_segment_footer_survives_every_failed_allocation(void **state)
{
    uint8_t bytes[SMALL_FOOTER];
    struct segment_footer f;
    int rc = HF_ENOMEM;

    (void)state;
    small_footer(bytes);
    for (uint64_t n = 1; rc != 0; n++) {
        mem_fail_at(n, 0);
        rc = segment_footer_decode(bytes, sizeof bytes, &f);
        mem_fail_at(0, 0);
        assert_true(rc == 0 || rc == HF_ENOMEM);
    }
    segment_footer_release(&f);
}

static void test_segment_footer_sealed_refuses_every_flipped_bit(void **state)
{
    struct cipher *c = new_cipher();
    uint8_t record[512], copy[512], plain[512];
    size_t len = (size_t)segment_record_bytes(SMALL_FOOTER), n;

    (void)state;
    small_footer(plain);
    assert_int_equal(
        segment_record_seal(c, key, uuid, SEGMENT_FOOTER, 320, nonce, plain, SMALL_FOOTER, record),
        0);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(copy, record, len);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(
            segment_record_open(c, key, uuid, SEGMENT_FOOTER, 320, copy, len, plain, &n),
            HF_EDAMAGE);
    }
    cipher_free(c);
}

/* --- trailer --- */

static struct segment_trailer sample_trailer(struct rnd *r)
{
    struct segment_trailer t;

    memset(&t, 0, sizeof t);
    t.record_count = (uint32_t)rnd_below(r, 1000);
    t.footer_position = SEGMENT_HEADER_BYTES;
    if (t.record_count > 0) {
        t.footer_position += (uint64_t)t.record_count * 48 + 8 * rnd_below(r, 1u << 20);
    }
    t.footer_payload_len = 28 + (uint32_t)rnd_below(r, 100000);
    t.sums_position = t.footer_position +
                      segment_record_bytes(t.footer_payload_len - CIPHER_TAG_BYTES);
    t.sum_count = (uint32_t)((t.sums_position + SEGMENT_SUM_SPAN - 1) / SEGMENT_SUM_SPAN);
    t.file_len = t.sums_position + 8ull * t.sum_count + SEGMENT_TRAILER_BYTES;
    assert_int_equal(rnd_bytes(r, t.uuid, sizeof t.uuid), 0);
    assert_int_equal(rnd_bytes(r, t.repo_id, sizeof t.repo_id), 0);
    assert_int_equal(rnd_bytes(r, t.hash, sizeof t.hash), 0);
    return t;
}

static void test_segment_trailer_comes_back(void **state)
{
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 5);
    for (int i = 0; i < 200; i++) {
        struct segment_trailer in = sample_trailer(&r), out;
        uint8_t bytes[SEGMENT_TRAILER_BYTES];

        memset(&out, 0, sizeof out);
        segment_trailer_encode(&in, bytes);
        assert_int_equal(segment_trailer_decode(bytes, sizeof bytes, in.file_len, &out), 0);
        assert_memory_equal(&in, &out, sizeof in);
    }
}

static void test_segment_trailer_refuses_every_flipped_bit(void **state)
{
    uint8_t bytes[SEGMENT_TRAILER_BYTES];
    struct segment_trailer t, out;
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 6);
    t = sample_trailer(&r);
    segment_trailer_encode(&t, bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(segment_trailer_decode(bytes, sizeof bytes, t.file_len, &out), HF_EDAMAGE);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    says(segment_trailer_decode(bytes, sizeof bytes, t.file_len + 1, &out), HF_EDAMAGE,
         "file length is");
    assert_int_equal(segment_trailer_decode(bytes, sizeof bytes - 1, t.file_len, &out), HF_EDAMAGE);
}

static int decode_trailer_with(size_t at, uint64_t value, size_t size)
{
    struct segment_trailer t, out;
    uint8_t bytes[SEGMENT_TRAILER_BYTES];
    struct rnd r;

    rnd_init_seeded(&r, 7);
    do {
        t = sample_trailer(&r);
    } while (t.record_count == 0);
    segment_trailer_encode(&t, bytes);
    if (size == 4) {
        le_put32(bytes + at, (uint32_t)value);
    } else {
        le_put64(bytes + at, value);
    }
    le_put32(bytes + 124, crc_32c(bytes, 124));
    return segment_trailer_decode(bytes, sizeof bytes, le_get64(bytes + 48), &out);
}

static void test_segment_trailer_fields_must_agree(void **state)
{
    (void)state;
    says(decode_trailer_with(24, 191, 8), HF_EDAMAGE, "footer position lies outside");
    says(decode_trailer_with(24, UINT64_MAX - 7, 8), HF_EDAMAGE, "footer position lies outside");
    says(decode_trailer_with(24, 193, 8), HF_EDAMAGE, "footer position is not a multiple of 8");
    says(decode_trailer_with(32, 27, 4), HF_EDAMAGE, "footer payload length is too short");
    says(decode_trailer_with(32, 1u << 30, 4), HF_EDAMAGE, "sums position is not where");
    says(decode_trailer_with(36, 0, 4), HF_EDAMAGE, "number of sums is not one for each MiB");
    says(decode_trailer_with(48, 4096, 8), HF_EDAMAGE, "file length is not where");
    says(decode_trailer_with(48, UINT64_MAX, 8), HF_EDAMAGE, "file length is more than");
    says(decode_trailer_with(56, 0, 4), HF_EDAMAGE, "number of records does not fit");
    says(decode_trailer_with(56, UINT32_MAX, 4), HF_EDAMAGE, "number of records does not fit");
    says(decode_trailer_with(60, 1, 4), HF_EDAMAGE, "reserved is not zero (offset 60)");
    says(decode_trailer_with(112, 1, 8), HF_EDAMAGE, "reserved is not zero (offset 112)");
    says(decode_trailer_with(116, 1ull << 56, 8), HF_EDAMAGE, "reserved is not zero (offset 112)");
}

/* --- description of a whole segment --- */

struct whole {
    struct keyring *keys;
    struct buf bytes;
    struct segment_chunk chunk;
};

/* A header, one block of one chunk, footer, sums, trailer. */
static void make_whole(struct whole *w)
{
    static const uint8_t master[32] = { 5 };
    static const uint8_t data[] = "a chunk of a file";
    const uint32_t length = sizeof data;
    struct segment_header h = { .cipher = CIPHER_CHACHA20_POLY1305 };
    struct segment_block block = {
        .position = 192, .plain_len = length, .chunk_count = 1, .type = SEGMENT_DATA
    };
    struct segment_footer f = { &block, 1, &w->chunk, 1 };
    struct segment_trailer t = { .record_count = 1, .sum_count = 1 };
    struct cipher *c = new_cipher();
    uint8_t footer_key[32];
    struct nacl_part parts[3];
    struct buf plain;
    uint8_t *p;

    memset(w, 0, sizeof *w);
    buf_init(&w->bytes);
    buf_init(&plain);
    assert_int_equal(keyring_new(master, &w->keys), 0);
    assert_int_equal(buf_reserve(&w->bytes, 4096), 0);
    p = w->bytes.data;

    memcpy(h.uuid, uuid, 16);
    memcpy(h.repo_id, repo_id, 16);
    assert_int_equal(
        nacl_seal_to(w->keys->data_public, rnd_system(), key, sizeof key, h.sealed_key), 0);
    segment_header_encode(&h, p);

    assert_int_equal(block_encode(data, &length, 1, NULL, &plain), 0);
    block.payload_len = (uint32_t)plain.len + CIPHER_TAG_BYTES;
    assert_int_equal(
        segment_record_seal(c, key, uuid, SEGMENT_DATA, 192, nonce, plain.data, plain.len, p + 192),
        0);
    t.footer_position = 192 + segment_record_bytes(plain.len);

    memset(w->chunk.id, 0xc4, sizeof w->chunk.id);
    w->chunk.len = length;
    buf_clear(&plain);
    assert_int_equal(segment_footer_encode(&f, &plain), 0);
    keyring_footer_key(w->keys, uuid, footer_key);
    t.footer_payload_len = (uint32_t)plain.len + CIPHER_TAG_BYTES;
    assert_int_equal(segment_record_seal(c, footer_key, uuid, SEGMENT_FOOTER, t.footer_position,
                                         nonce, plain.data, plain.len, p + t.footer_position),
                     0);
    t.sums_position = t.footer_position + segment_record_bytes(plain.len);
    le_put64(p + t.sums_position, xxh_64(p, (size_t)t.sums_position));
    t.file_len = t.sums_position + 8 + SEGMENT_TRAILER_BYTES;
    parts[0] = (struct nacl_part){ p, SEGMENT_HEADER_BYTES };
    parts[1] = (struct nacl_part){ p + t.footer_position,
                                   SEGMENT_RECORD_HEADER_BYTES + (size_t)t.footer_payload_len };
    parts[2] = (struct nacl_part){ p + t.sums_position, 8 };
    nacl_hash_parts(parts, 3, t.hash);
    memcpy(t.uuid, uuid, 16);
    memcpy(t.repo_id, repo_id, 16);
    segment_trailer_encode(&t, p + t.sums_position + 8);
    w->bytes.len = (size_t)t.file_len;
    buf_release(&plain);
    cipher_free(c);
}

static void free_whole(struct whole *w)
{
    keyring_free(w->keys);
    buf_release(&w->bytes);
}

static void test_segment_description_shows_sealed_parts_to_key_holders_only(void **state)
{
    char id[65];
    struct whole w;
    struct buf out;

    (void)state;
    buf_init(&out);
    make_whole(&w);
    text_hex(w.chunk.id, 32, id);
    assert_int_equal(segment_describe(w.bytes.data, w.bytes.len, NULL, &out), 0);
    assert_null(strstr(buf_text(&out), "!!"));
    assert_null(strstr(buf_text(&out), id));
    assert_non_null(strstr(buf_text(&out), "ChaCha20-Poly1305"));
    buf_clear(&out);
    assert_int_equal(segment_describe(w.bytes.data, w.bytes.len, w.keys, &out), 0);
    assert_null(strstr(buf_text(&out), "!!"));
    assert_non_null(strstr(buf_text(&out), id));
    buf_release(&out);
    free_whole(&w);
}

static void test_segment_description_marks_damage_anywhere_and_goes_on(void **state)
{
    struct whole w;
    struct buf out;

    (void)state;
    buf_init(&out);
    make_whole(&w);
    for (size_t i = 0; i < w.bytes.len; i++) {
        w.bytes.data[i] ^= (uint8_t)(1u << i % 8);
        buf_clear(&out);
        assert_int_equal(segment_describe(w.bytes.data, w.bytes.len, i % 2 ? w.keys : NULL, &out),
                         HF_EDAMAGE);
        assert_non_null(strstr(buf_text(&out), "!!"));
        assert_non_null(strstr(buf_text(&out), "\ntrailer\n")); /* and the rest was told */
        w.bytes.data[i] ^= (uint8_t)(1u << i % 8);
    }
    buf_release(&out);
    free_whole(&w);
}

static void test_segment_description_finds_the_footer_behind_a_bad_record(void **state)
{
    struct whole w;
    struct buf out;

    (void)state;
    buf_init(&out);
    make_whole(&w);
    w.bytes.data[192] ^= 1;             /* no record header any more */
    w.bytes.data[w.bytes.len - 1] ^= 1; /* and no trailer to help */
    assert_int_equal(segment_describe(w.bytes.data, w.bytes.len, w.keys, &out), HF_EDAMAGE);
    assert_non_null(strstr(buf_text(&out), "passed over"));
    assert_non_null(strstr(buf_text(&out), "chunk 0"));
    buf_release(&out);
    free_whole(&w);
}

static void test_segment_description_takes_any_cut(void **state)
{
    struct whole w;
    struct buf out;

    (void)state;
    buf_init(&out);
    make_whole(&w);
    for (size_t len = 0; len < w.bytes.len; len++) {
        uint8_t *exact = mem_dup(w.bytes.data, len);

        buf_clear(&out);
        assert_int_equal(segment_describe(exact, len, w.keys, &out), HF_EDAMAGE);
        mem_free(exact);
    }
    buf_release(&out);
    free_whole(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_header_comes_back),
        cmocka_unit_test(test_segment_header_refuses_every_flipped_bit),
        cmocka_unit_test(test_segment_header_tells_newer_from_damaged),
        cmocka_unit_test(test_segment_header_cut_is_damage),
        cmocka_unit_test(test_segment_record_comes_back_in_its_place),
        cmocka_unit_test(test_segment_record_refuses_every_flipped_bit),
        cmocka_unit_test(test_segment_record_refuses_another_place_type_segment_or_key),
        cmocka_unit_test(test_segment_record_cut_is_damage_but_its_padding_may_be_absent),
        cmocka_unit_test(test_segment_record_header_checks_each_field),
        cmocka_unit_test(test_segment_record_too_large_is_not_sealed),
        cmocka_unit_test(test_segment_footer_comes_back),
        cmocka_unit_test(test_segment_footer_checks_every_number),
        cmocka_unit_test(test_segment_footer_lengths_may_not_wrap_around),
        cmocka_unit_test(test_segment_footer_cut_or_longer_is_damage),
        cmocka_unit_test(test_segment_footer_allocates_nothing_for_a_count_that_does_not_fit),
        cmocka_unit_test(test_segment_footer_survives_every_failed_allocation),
        cmocka_unit_test(test_segment_footer_sealed_refuses_every_flipped_bit),
        cmocka_unit_test(test_segment_trailer_comes_back),
        cmocka_unit_test(test_segment_trailer_refuses_every_flipped_bit),
        cmocka_unit_test(test_segment_trailer_fields_must_agree),
        cmocka_unit_test(test_segment_description_shows_sealed_parts_to_key_holders_only),
        cmocka_unit_test(test_segment_description_marks_damage_anywhere_and_goes_on),
        cmocka_unit_test(test_segment_description_finds_the_footer_behind_a_bad_record),
        cmocka_unit_test(test_segment_description_takes_any_cut),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
