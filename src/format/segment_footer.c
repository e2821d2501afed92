/*
 * segment_footer.c - the footer's plaintext: where a segment's blocks are, and what is in them.
 *
 * A footer is authentic when it comes here (it was sealed), but that proves only that a key holder
 * wrote it: every count and position is checked as if an enemy had.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/block.h"
#include "format/segment.h"
#include "format/segment_internal.h"

#define BLOCK_HEAD_BYTES 12u

static int damaged(size_t at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int damaged(size_t at, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_raise(HF_EDAMAGE, "segment footer: %s (offset %zu)", text, at);
}

static int encode_block(const struct segment_block *b, struct buf *out)
{
    if (b->position % SEGMENT_ALIGN != 0 || b->position >= SEGMENT_MAX_BYTES) {
        return err_raise(HF_ELIMIT, "segment footer: no block can be at %" PRIu64, b->position);
    }
    buf_put_u32(out, (uint32_t)(b->position / SEGMENT_ALIGN));
    buf_put_u32(out, b->payload_len);
    buf_put_u32(out, b->plain_len);
    buf_put_u32(out, b->chunk_count);
    buf_put_u8(out, (uint8_t)b->type);
    buf_put_zeros(out, 3);
    return 0;
}

int segment_footer_encode(const struct segment_footer *f, struct buf *out)
{
    int rc;

    if (f->block_count > UINT32_MAX || f->chunk_count > UINT32_MAX) {
        return err_raise(HF_ELIMIT, "segment footer: too many chunks for one segment");
    }
    buf_put_u32(out, 0);
    buf_put_u32(out, (uint32_t)f->block_count);
    buf_put_u32(out, (uint32_t)f->chunk_count);
    for (size_t i = 0; i < f->block_count; i++) {
        rc = encode_block(&f->blocks[i], out);
        if (rc != 0) {
            return rc;
        }
    }
    for (size_t i = 0; i < f->chunk_count; i++) {
        buf_put(out, f->chunks[i].id, sizeof f->chunks[i].id);
        buf_put_u32(out, f->chunks[i].len);
    }
    return buf_error(out);
}

/* A block holds at most all of its chunks as they are; compressed it holds less. */
static bool payload_fits(const struct segment_block *b)
{
    uint64_t fixed = BLOCK_HEAD_BYTES + 4ull * b->chunk_count + CIPHER_TAG_BYTES;

    return b->payload_len > fixed && b->payload_len <= fixed + b->plain_len;
}

static int check_block_numbers(const struct segment_block *b, size_t index, size_t at)
{
    if (b->plain_len == 0 || b->plain_len > BLOCK_MAX_BYTES) {
        return damaged(at + 8, "block %zu: length of its chunks is %" PRIu32, index, b->plain_len);
    }
    if (b->chunk_count == 0 || b->chunk_count > BLOCK_MAX_CHUNKS || b->chunk_count > b->plain_len) {
        return damaged(at + 12, "block %zu: number of chunks is %" PRIu32, index, b->chunk_count);
    }
    if (!payload_fits(b)) {
        return damaged(at + 4, "block %zu: payload length %" PRIu32 " does not fit its chunks",
                       index, b->payload_len);
    }
    return 0;
}

static int check_block_type(uint8_t type, const uint8_t zero[3], size_t index, size_t at)
{
    if (type == 0 || type == SEGMENT_FOOTER) {
        return damaged(at + 16, "block %zu: type is %d", index, type);
    }
    if (type > SEGMENT_FOOTER) {
        err_raise(HF_ENEWER, "segment footer: block %zu: type %d is not known (offset %zu)", index,
                  type, at + 16);
        err_hint("install a newer holdfast");
        return HF_ENEWER;
    }
    if ((zero[0] | zero[1] | zero[2]) != 0) {
        return damaged(at + 17, "block %zu: reserved bytes are not zero", index);
    }
    return 0;
}

/* *end: where the block before ends; then where this one does. */
static int decode_block(struct cursor *c, size_t index, struct segment_block *b, uint64_t *end)
{
    size_t at = c->pos;
    uint8_t type, zero[3];
    int rc;

    b->position = (uint64_t)cursor_u32(c) * SEGMENT_ALIGN;
    b->payload_len = cursor_u32(c);
    b->plain_len = cursor_u32(c);
    b->chunk_count = cursor_u32(c);
    type = cursor_u8(c);
    cursor_copy(c, zero, sizeof zero);
    b->type = (enum segment_record)type;
    rc = check_block_type(type, zero, index, at);
    if (rc == 0) {
        rc = check_block_numbers(b, index, at);
    }
    if (rc != 0) {
        return rc;
    }
    if (b->position < *end) {
        return damaged(at, "block %zu: position %" PRIu64 " lies before the end of what precedes",
                       index, b->position);
    }
    *end = b->position + segment_record_bytes(b->payload_len - CIPHER_TAG_BYTES);
    if (*end > SEGMENT_MAX_BYTES) {
        return damaged(at, "block %zu: position %" PRIu64 " is beyond the largest segment", index,
                       b->position);
    }
    return 0;
}

/* The chunks of one block, whose lengths must add up to the block's. */
static int decode_chunks(struct cursor *c, const struct segment_block *b, size_t index,
                         struct segment_chunk *chunks)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < b->chunk_count; i++) {
        struct segment_chunk *chunk = &chunks[b->first_chunk + i];

        cursor_copy(c, chunk->id, sizeof chunk->id);
        chunk->len = cursor_u32(c);
        if (chunk->len == 0) {
            return damaged(c->pos - 4, "block %zu: length of chunk %" PRIu32 " is 0", index, i);
        }
        sum += chunk->len;
    }
    if (sum != b->plain_len) {
        return damaged(c->pos, "block %zu: its chunks have %" PRIu64 " bytes, not %" PRIu32, index,
                       sum, b->plain_len);
    }
    return 0;
}

static int decode_blocks(struct cursor *c, struct segment_footer *f)
{
    uint64_t end = SEGMENT_HEADER_BYTES;
    uint64_t chunks = 0;

    for (size_t i = 0; i < f->block_count; i++) {
        int rc = decode_block(c, i, &f->blocks[i], &end);

        if (rc != 0) {
            return rc;
        }
        f->blocks[i].first_chunk = (uint32_t)chunks;
        chunks += f->blocks[i].chunk_count;
    }
    if (chunks != f->chunk_count) {
        return damaged(8, "number of chunks is %zu, which is not that of the blocks",
                       f->chunk_count);
    }
    for (size_t i = 0; i < f->block_count; i++) {
        int rc = decode_chunks(c, &f->blocks[i], i, f->chunks);

        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int segment_footer_decode(const void *plain, size_t len, struct segment_footer *out)
{
    struct cursor c;
    uint32_t version, blocks, chunks;
    int rc;

    memset(out, 0, sizeof *out);
    cursor_init(&c, plain, len);
    version = cursor_u32(&c);
    blocks = cursor_u32(&c);
    chunks = cursor_u32(&c);
    if (cursor_failed(&c)) {
        return damaged(0, "%zu bytes are too few", len);
    }
    if (version != 0) {
        err_raise(HF_ENEWER, "segment footer: version %" PRIu32 " is not known (offset 0)",
                  version);
        err_hint("install a newer holdfast");
        return HF_ENEWER;
    }
    if (cursor_left(&c) != (uint64_t)blocks * SEGMENT_FOOTER_BLOCK_BYTES +
                               (uint64_t)chunks * SEGMENT_FOOTER_CHUNK_BYTES) {
        return damaged(4, "%" PRIu32 " blocks and %" PRIu32 " chunks do not fit %zu bytes", blocks,
                       chunks, len);
    }
    out->blocks = mem_array(blocks, sizeof *out->blocks);
    out->chunks = mem_array(chunks, sizeof *out->chunks);
    out->block_count = blocks;
    out->chunk_count = chunks;
    if (out->blocks == NULL || out->chunks == NULL) {
        rc = err_nomem();
    } else {
        rc = decode_blocks(&c, out);
    }
    if (rc != 0) {
        segment_footer_release(out);
    }
    return rc;
}

void segment_footer_release(struct segment_footer *f)
{
    mem_free(f->blocks);
    mem_free(f->chunks);
    memset(f, 0, sizeof *f);
}
