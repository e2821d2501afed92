/*
 * segverify.c - see segverify.h.
 */
#include "store/segverify.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "format/block.h"

#define HASHED_AT_ONCE 32

struct segverify {
    struct cipher *cipher;
    enum cipher_kind kind;
    struct codec *codec;
    struct cipher_id *ids;
    struct buf record;
    struct buf chunks;
};

int segverify_new(const struct keyring *keys, struct segverify **out_verifier)
{
    struct segverify *v = mem_zalloc(sizeof *v);
    int rc;

    if (!v) {
        return err_nomem();
    }
    buf_init(&v->record);
    buf_init(&v->chunks);
    rc = codec_new(CODEC_NONE, 0, &v->codec);
    if (rc == 0) {
        rc = cipher_id_new(keys->chunk_id_key, &v->ids);
    }
    if (rc < 0) {
        segverify_free(v);
        return rc;
    }
    *out_verifier = v;
    return 0;
}

void segverify_free(struct segverify *v)
{
    if (v) {
        cipher_free(v->cipher);
        codec_free(v->codec);
        cipher_id_free(v->ids);
        buf_release(&v->record);
        buf_release(&v->chunks);
        mem_free(v);
    }
}

static int choose_cipher(struct segverify *v, enum cipher_kind kind)
{
    if (v->cipher && v->kind == kind) {
        return 0;
    }
    cipher_free(v->cipher);
    v->cipher = NULL;
    v->kind = kind;
    return cipher_new(kind, &v->cipher);
}

/* The next chunks, at most HASHED_AT_ONCE of them, against their ids; *at passes them over. */
static int compare_ids(struct segverify *v, const struct segment_chunk *list, size_t count,
                       const uint8_t **at, uint64_t position)
{
    struct hmac_text texts[HASHED_AT_ONCE] = { { 0 } };
    uint8_t ids[HASHED_AT_ONCE][CIPHER_ID_BYTES] = { { 0 } };
    int rc;

    for (size_t i = 0; i < count; i++) {
        texts[i] = (struct hmac_text){ *at, list[i].len, ids[i] };
        *at += list[i].len;
    }
    rc = cipher_ids_of(v->ids, texts, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (memcmp(ids[i], list[i].id, CIPHER_ID_BYTES) != 0) {
            rc = err_raise(HF_EDAMAGE, "a chunk of the block at %" PRIu64 " is not that of its id",
                           position);
        }
    }
    return rc;
}

/* The decoded chunks against what the footer says of them. */
static int compare_chunks(struct segverify *v, const struct block_view *view, const uint8_t *chunks,
                          const struct segment_block *b, const struct segment_footer *f)
{
    const struct segment_chunk *list = &f->chunks[b->first_chunk];
    int rc = 0;

    if (view->count != b->chunk_count || view->plain_len != b->plain_len) {
        return err_raise(HF_EDAMAGE, "the block at %" PRIu64 " is not the one in the footer",
                         b->position);
    }
    for (uint32_t i = 0; i < view->count; i++) {
        if (block_chunk_len(view, i) != list[i].len) {
            return err_raise(HF_EDAMAGE, "a chunk of the block at %" PRIu64 " has another length",
                             b->position);
        }
    }
    for (uint32_t i = 0; rc == 0 && i < view->count; i += HASHED_AT_ONCE) {
        uint32_t left = view->count - i;

        rc = compare_ids(v, list + i, left < HASHED_AT_ONCE ? left : HASHED_AT_ONCE, &chunks,
                         b->position);
    }
    return rc;
}

static int verify_block(struct segverify *v, struct segreader *r, const struct segment_block *b,
                        const struct segment_footer *f)
{
    struct block_view view;
    const uint8_t *chunks;
    int rc = segreader_block(r, v->cipher, b->type, b->position, &v->record);

    if (rc == 0) {
        rc = block_parse(v->record.data, v->record.len, &view);
    }
    if (rc == 0) {
        rc = block_chunks(&view, v->codec, &v->chunks, &chunks);
    }
    return rc == 0 ? compare_chunks(v, &view, chunks, b, f) : rc;
}

static uint64_t footer_position(const struct segment_footer *f)
{
    const struct segment_block *last = f->block_count ? &f->blocks[f->block_count - 1] : NULL;

    return last ? last->position + segment_record_bytes(last->payload_len - CIPHER_TAG_BYTES)
                : SEGMENT_HEADER_BYTES;
}

int segverify_padding(struct segreader *r, const struct segment_footer *f, bool blocks)
{
    int rc = segreader_padding(r, footer_position(f));

    for (size_t i = 0; rc == 0 && blocks && i < f->block_count; i++) {
        rc = segreader_padding(r, f->blocks[i].position);
    }
    return rc;
}

/* The first reason is kept. */
static void remember(struct err_trail *why)
{
    if (why->code == 0) {
        err_take(why);
    }
    err_clear();
}

int segverify_blocks(struct segverify *v, struct segreader *r, const struct segment_footer *f,
                     uint8_t *bad, uint64_t *out_bytes, struct err_trail *why)
{
    int rc = choose_cipher(v, segreader_cipher(r));

    *out_bytes = 0;
    memset(why, 0, sizeof *why);
    for (size_t i = 0; rc == 0 && i < f->block_count; i++) {
        rc = verify_block(v, r, &f->blocks[i], f);
        *out_bytes += f->blocks[i].payload_len;
        bad[i] = rc == HF_EDAMAGE || rc == HF_EIO;
        if (bad[i]) {
            remember(why);
            rc = 0;
        }
    }
    if (rc == 0 && why->code == 0) {
        rc = segverify_padding(r, f, true);
        if (rc == HF_EDAMAGE || rc == HF_EIO) {
            remember(why);
            rc = 0;
        }
    }
    return rc < 0 ? rc : why->code != 0 ? HF_EDAMAGE : 0;
}
