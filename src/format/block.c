/*
 * block.c - chunks packed together and compressed as one: see block.h.
 */
#include "format/block.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "format/layout.h"

#define HEAD_BYTES 12u
#define GAIN_SHIFT 5 /* compression must save 1/32, else it is not worth its time at each read */

static int check_lengths(const uint32_t *lengths, size_t count, uint32_t *out_sum)
{
    uint64_t sum = 0;

    if (count == 0 || count > BLOCK_MAX_CHUNKS) {
        return err_raise(HF_ELIMIT, "block: it cannot have %zu chunks", count);
    }
    for (size_t i = 0; i < count; i++) {
        if (lengths[i] == 0) {
            return err_raise(HF_ELIMIT, "block: chunk %zu has no bytes", i);
        }
        sum += lengths[i];
    }
    if (sum > BLOCK_MAX_BYTES) {
        return err_raise(HF_ELIMIT, "block: %" PRIu64 " bytes of chunks are too many", sum);
    }
    *out_sum = (uint32_t)sum;
    return 0;
}

/* A codec does not tell its kind, but what it made does: a zstd frame begins with its magic. */
static enum codec_kind encoded_kind(const uint8_t *body, size_t len)
{
    static const uint8_t zstd_magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };

    if (len >= sizeof zstd_magic && memcmp(body, zstd_magic, sizeof zstd_magic) == 0) {
        return CODEC_ZSTD;
    }
    return CODEC_ZLIB;
}

/* Appends the compressed chunks; if it doesn't pay, nothing, and *out_kind is CODEC_NONE. */
static int put_encoded(const void *data, uint32_t len, struct codec *codec, struct buf *out,
                       enum codec_kind *out_kind)
{
    size_t max = len - (len >> GAIN_SHIFT) - 1;
    size_t encoded = 0;
    int rc;

    *out_kind = CODEC_NONE;
    if (codec == NULL || max == 0 || !codec_worthwhile(data, len)) {
        return 0;
    }
    rc = buf_reserve(out, max);
    if (rc != 0) {
        return rc;
    }
    rc = codec_encode(codec, data, len, out->data + out->len, max, &encoded);
    if (rc != 0) {
        return err_add(rc, "could not compress a block");
    }
    if (encoded == 0) {
        return 0;
    }
    *out_kind = encoded_kind(out->data + out->len, encoded);
    out->len += encoded;
    return 0;
}

size_t block_head_bytes(size_t count)
{
    return HEAD_BYTES + 4 * count;
}

static void put_head(uint8_t *p, uint32_t len, const uint32_t *lengths, size_t count)
{
    le_put32(p, 0); /* the codec, when it is known */
    le_put32(p + 4, len);
    le_put32(p + 8, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        le_put32(p + HEAD_BYTES + 4 * i, lengths[i]);
    }
}

/* Appends head and compressed chunks; if it doesn't pay, nothing, and *out_kind is CODEC_NONE. */
static int put_block(const void *data, uint32_t len, const uint32_t *lengths, size_t count,
                     struct codec *codec, struct buf *out, enum codec_kind *out_kind)
{
    size_t start = out->len, head = block_head_bytes(count);
    int rc = buf_reserve(out, head);

    if (rc != 0) {
        return rc;
    }
    put_head(out->data + start, len, lengths, count);
    out->len += head;
    rc = put_encoded(data, len, codec, out, out_kind);
    if (rc != 0 || *out_kind == CODEC_NONE) {
        out->len = start;
    } else {
        out->data[start] = (uint8_t)*out_kind;
    }
    return rc;
}

int block_encode(const void *data, const uint32_t *lengths, size_t count, struct codec *codec,
                 struct buf *out)
{
    enum codec_kind kind;
    uint32_t len = 0;
    int rc = check_lengths(lengths, count, &len);

    if (rc == 0) {
        rc = put_block(data, len, lengths, count, codec, out, &kind);
    }
    if (rc == 0 && kind == CODEC_NONE) {
        out->len += block_head_bytes(count); /* it still stands there */
        buf_put(out, data, len);
        rc = buf_error(out);
    }
    return rc;
}

int block_encode_or_frame(uint8_t *chunks, const uint32_t *lengths, size_t count,
                          struct codec *codec, struct buf *out, bool *out_framed)
{
    enum codec_kind kind = CODEC_NONE;
    uint32_t len = 0;
    int rc = check_lengths(lengths, count, &len);

    if (rc == 0) {
        rc = put_block(chunks, len, lengths, count, codec, out, &kind);
    }
    *out_framed = rc == 0 && kind == CODEC_NONE;
    if (*out_framed) {
        put_head(chunks - block_head_bytes(count), len, lengths, count);
    }
    return rc;
}

/* --- reading --- */

static const char *codec_meaning(uint64_t kind)
{
    return kind <= CODEC_ZLIB ? codec_name((enum codec_kind)kind) : "unknown";
}

static struct verdict check_codec(const uint8_t *head)
{
    if (head[0] > CODEC_ZLIB) {
        return verdict_newer("is one that this program does not know");
    }
    return verdict_fine();
}

static struct verdict check_plain_len(const uint8_t *head)
{
    uint32_t len = le_get32(head + 4);

    return verdict_of(len > 0 && len <= BLOCK_MAX_BYTES, "is not between 1 byte and 16 MiB");
}

static struct verdict check_count(const uint8_t *head)
{
    uint32_t count = le_get32(head + 8);

    return verdict_of(count > 0 && count <= BLOCK_MAX_CHUNKS, "is not between 1 and 65,536");
}

static const struct layout_field head_fields[] = {
    { 0, 1, LAYOUT_NUMBER, "codec", codec_meaning, check_codec },
    { 1, 3, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 4, 4, LAYOUT_NUMBER, "length of its chunks", NULL, check_plain_len },
    { 8, 4, LAYOUT_NUMBER, "number of chunks", NULL, check_count },
};

static const struct layout head_layout = {
    .what = "block",
    .size = HEAD_BYTES,
    .fields = head_fields,
    .count = LAYOUT_COUNT(head_fields),
};

/* Every chunk has a byte or more, and together they have plain_len. */
static int check_view(const struct block_view *v)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t len = block_chunk_len(v, i);

        if (len == 0) {
            return err_raise(HF_EDAMAGE, "block: length of chunk %" PRIu32 " is 0 (offset %zu)", i,
                             HEAD_BYTES + 4 * (size_t)i);
        }
        sum += len;
    }
    if (sum != v->plain_len) {
        return err_raise(HF_EDAMAGE,
                         "block: its chunks have %" PRIu64 " bytes, not %" PRIu32 " (offset 4)",
                         sum, v->plain_len);
    }
    return 0;
}

/* Raw chunks are all there; a compressed body is smaller, or it would have been stored raw. */
static int check_body(const struct block_view *v)
{
    bool fits = v->codec == CODEC_NONE ? v->body_len == v->plain_len
                                       : v->body_len > 0 && v->body_len < v->plain_len;

    if (fits) {
        return 0;
    }
    return err_raise(HF_EDAMAGE,
                     "block: %zu stored bytes do not fit %" PRIu32 " bytes of chunks "
                     "(offset %zu)",
                     v->body_len, v->plain_len, HEAD_BYTES + 4 * (size_t)v->count);
}

int block_parse(const void *plain, size_t len, struct block_view *out_view)
{
    const uint8_t *p = plain;
    struct block_view v;
    int rc = layout_check(&head_layout, plain, len);

    if (rc != 0) {
        return rc;
    }
    v.codec = (enum codec_kind)p[0];
    v.plain_len = le_get32(p + 4);
    v.count = le_get32(p + 8);
    if (len - HEAD_BYTES < 4 * (size_t)v.count) {
        return err_raise(HF_EDAMAGE, "block: it ends within the lengths of its chunks (offset %zu)",
                         len);
    }
    v.lengths = p + HEAD_BYTES;
    v.body = v.lengths + 4 * (size_t)v.count;
    v.body_len = len - HEAD_BYTES - 4 * (size_t)v.count;
    rc = check_view(&v);
    if (rc == 0) {
        rc = check_body(&v);
    }
    if (rc == 0) {
        *out_view = v;
    }
    return rc;
}

int block_decode(const struct block_view *view, struct codec *codec, void *out)
{
    int rc = codec_decode(codec, view->codec, view->body, view->body_len, out, view->plain_len);

    return rc == 0 ? 0 : err_add(rc, "block of %" PRIu32 " bytes", view->plain_len);
}

int block_chunks(const struct block_view *view, struct codec *codec, struct buf *scratch,
                 const uint8_t **out_chunks)
{
    int rc;

    *out_chunks = view->body;
    if (view->codec == CODEC_NONE && view->body_len == view->plain_len) {
        return 0;
    }
    buf_clear(scratch);
    rc = buf_reserve(scratch, view->plain_len);
    *out_chunks = scratch->data;
    return rc == 0 ? block_decode(view, codec, scratch->data) : rc;
}

uint32_t block_chunk_len(const struct block_view *view, uint32_t slot)
{
    return le_get32(view->lengths + 4 * (size_t)slot);
}
