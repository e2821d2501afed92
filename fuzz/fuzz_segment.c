/*
 * fuzz_segment.c - any bytes as each part of a segment and as a whole one, with keys and without:
 * as they are, and with all checksums made to hold. What decodes has that one encoding.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "format/crc.h"
#include "format/segment.h"
#include "fuzz_format.h"

static void run_header(const uint8_t *data, size_t size)
{
    uint8_t again[SEGMENT_HEADER_BYTES];
    struct segment_header h;

    if (segment_header_decode(data, size, &h) != 0) {
        return;
    }
    segment_header_encode(&h, again);
    fuzz_require(memcmp(again, data, sizeof again) == 0);
}

static void run_trailer(const uint8_t *data, size_t size)
{
    uint8_t again[SEGMENT_TRAILER_BYTES];
    struct segment_trailer t;
    const uint8_t *trailer;

    if (size < sizeof again) {
        fuzz_require(segment_trailer_decode(data, size, size, &t) != 0);
        return;
    }
    trailer = data + size - sizeof again;
    if (segment_trailer_decode(trailer, sizeof again, le_get64(trailer + 48), &t) != 0) {
        return;
    }
    segment_trailer_encode(&t, again);
    fuzz_require(memcmp(again, trailer, sizeof again) == 0);
}

static void run_footer(const uint8_t *data, size_t size)
{
    struct segment_footer f;
    struct buf b;

    if (segment_footer_decode(data, size, &f) != 0) {
        return;
    }
    buf_init(&b);
    fuzz_require(segment_footer_encode(&f, &b) == 0);
    fuzz_require(b.len == size && memcmp(b.data, data, size) == 0);
    for (size_t i = 0; i < f.block_count; i++) {
        fuzz_require(f.blocks[i].first_chunk + f.blocks[i].chunk_count <= f.chunk_count);
    }
    buf_release(&b);
    segment_footer_release(&f);
}

static void run_record(const uint8_t *data, size_t size)
{
    static const uint8_t key[SEGMENT_KEY_BYTES], uuid[16];
    static struct cipher *cipher;
    struct segment_record_header h;
    uint8_t *copy;
    size_t plain_len;

    if (cipher == NULL) {
        fuzz_require(cipher_new(CIPHER_CHACHA20_POLY1305, &cipher) == 0);
    }
    if (segment_record_header_decode(data, size, &h) != 0) {
        return;
    }
    copy = mem_dup(data, size);
    fuzz_require(copy != NULL);
    segment_record_open(cipher, key, uuid, h.type, h.position, copy, size,
                        copy + SEGMENT_RECORD_HEADER_BYTES, &plain_len);
    mem_free(copy);
}

static void run(const uint8_t *data, size_t size)
{
    struct buf out;

    run_header(data, size);
    run_trailer(data, size);
    run_record(data, size);
    run_footer(data, size);
    buf_init(&out);
    segment_describe(data, size, NULL, &out);
    buf_clear(&out);
    segment_describe(data, size, fuzz_keys(), &out);
    buf_release(&out);
}

static void mend_crc(uint8_t *at, const char *magic, size_t magic_len, size_t crc_at)
{
    memcpy(at, magic, magic_len);
    le_put32(at + crc_at, crc_32c(at, crc_at));
}

/* Every checksum of header, records (where their magic stands) and trailer. */
static void mend(uint8_t *data, size_t size)
{
    size_t trailer = size - SEGMENT_TRAILER_BYTES;

    mend_crc(data, "HFSEGMNT", 8, 188);
    for (size_t at = SEGMENT_HEADER_BYTES; at + SEGMENT_RECORD_HEADER_BYTES <= trailer; at += 8) {
        if (memcmp(data + at, "HFRC", 4) == 0) {
            mend_crc(data + at, "HFRC", 4, 28);
        }
    }
    le_put64(data + trailer + 48, size);
    mend_crc(data + trailer, "HFTRAILR", 8, 124);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *mended;

    fuzz_keys();
    run(data, size);
    if (size < SEGMENT_RECORD_HEADER_BYTES) {
        return 0;
    }
    mended = mem_dup(data, size);
    fuzz_require(mended != NULL);
    if (size >= SEGMENT_HEADER_BYTES + SEGMENT_TRAILER_BYTES) {
        mend(mended, size);
    } else {
        mend_crc(mended, "HFRC", 4, 28);
    }
    run(mended, size);
    mem_free(mended);
    return 0;
}
