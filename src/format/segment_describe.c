/*
 * segment_describe.c - a whole segment for an operator's eyes: every field, whole or not.
 *
 * Damage ends nothing: after a record header that is not one, the next that is one (it says its own
 * position) is looked for; the trailer is found from the end of the file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/block.h"
#include "format/nacl.h"
#include "format/segment.h"
#include "format/segment_internal.h"
#include "format/xxh.h"

struct scene {
    const uint8_t *data;
    size_t len;
    struct describe *d;
    struct segment_header header;
    struct cipher *cipher; /* NULL: nothing sealed can be opened */
    uint8_t block_key[SEGMENT_KEY_BYTES], footer_key[SEGMENT_KEY_BYTES];
    bool has_block_key, has_footer_key;
    struct segment_trailer trailer;
    bool has_trailer; /* it is whole and agrees with the file */
    uint32_t blocks;  /* records met, the footer not counted */
    bool footer_met;
};

/* --- header --- */

static void open_segment_key(struct scene *s, const struct keyring *keys)
{
    const struct segment_header *h = &s->header;

    if (h->epoch != 0) {
        describe_field(s->d, DESCRIBE_NOWHERE, "segment key", verdict_fine(),
                       "sealed to another epoch than this key's");
        return;
    }
    s->has_block_key = nacl_seal_open(keys->data_public, keys->data_secret, h->sealed_key,
                                      sizeof h->sealed_key, s->block_key);
    describe_field(s->d, DESCRIBE_NOWHERE, "segment key",
                   verdict_of(s->has_block_key, "does not open with this key"),
                   s->has_block_key ? "opens" : "sealed");
}

static int describe_header(struct scene *s, const struct keyring *keys)
{
    describe_title(s->d, "header");
    layout_describe(&segment_header_layout, s->data, 0, s->d);
    if (segment_header_decode(s->data, s->len, &s->header) != 0 || keys == NULL) {
        return 0;
    }
    open_segment_key(s, keys);
    if (s->header.domain == keys->domain) {
        keyring_footer_key(keys, s->header.uuid, s->footer_key);
        s->has_footer_key = true;
    }
    return cipher_new(s->header.cipher, &s->cipher);
}

/* --- records --- */

static void describe_block(struct scene *s, const uint8_t *plain, size_t len)
{
    struct block_view v;

    if (block_parse(plain, len, &v) != 0) {
        describe_trail(s->d, DESCRIBE_NOWHERE, "block");
        return;
    }
    describe_field(s->d, DESCRIBE_NOWHERE, "codec", verdict_fine(), "%d (%s)", (int)v.codec,
                   codec_name(v.codec));
    describe_field(s->d, DESCRIBE_NOWHERE, "chunks", verdict_fine(), "%" PRIu32, v.count);
    describe_field(s->d, DESCRIBE_NOWHERE, "length of its chunks", verdict_fine(),
                   "%" PRIu32 ", stored as %zu", v.plain_len, v.body_len);
}

static void describe_footer_block(struct scene *s, const struct segment_footer *f, size_t index)
{
    const struct segment_block *b = &f->blocks[index];
    char name[32], hex[2 * 32 + 1];

    snprintf(name, sizeof name, "block %zu", index);
    describe_field(s->d, DESCRIBE_NOWHERE, name, verdict_fine(),
                   "%s at %" PRIu64 ", payload %" PRIu32 ", %" PRIu32 " chunks of %" PRIu32
                   " bytes",
                   b->type == SEGMENT_DATA ? "data" : "pages", b->position, b->payload_len,
                   b->chunk_count, b->plain_len);
    for (uint32_t i = 0; i < b->chunk_count; i++) {
        const struct segment_chunk *c = &f->chunks[b->first_chunk + i];

        snprintf(name, sizeof name, "  chunk %" PRIu32, i);
        describe_field(s->d, DESCRIBE_NOWHERE, name, verdict_fine(), "%s  %" PRIu32,
                       text_hex(c->id, sizeof c->id, hex), c->len);
    }
}

static int describe_footer(struct scene *s, const uint8_t *plain, size_t len)
{
    struct segment_footer f;
    int rc = segment_footer_decode(plain, len, &f);

    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        describe_trail(s->d, DESCRIBE_NOWHERE, "table of contents");
        return 0;
    }
    describe_field(s->d, DESCRIBE_NOWHERE, "blocks",
                   verdict_of(f.block_count == s->blocks, "is not the number of records"), "%zu",
                   f.block_count);
    describe_field(s->d, DESCRIBE_NOWHERE, "chunks", verdict_fine(), "%zu", f.chunk_count);
    for (size_t i = 0; i < f.block_count; i++) {
        describe_footer_block(s, &f, i);
    }
    segment_footer_release(&f);
    return 0;
}

/* Opens a record whose header is whole, in a copy, and tells what is in it. */
static int describe_sealed(struct scene *s, const struct segment_record_header *h, size_t span)
{
    bool footer = h->type == SEGMENT_FOOTER;
    size_t plain_len = 0;
    uint8_t *copy, *plain;
    int rc;

    if (s->cipher == NULL || !(footer ? s->has_footer_key : s->has_block_key)) {
        return 0;
    }
    copy = mem_dup(s->data + h->position, span);
    if (copy == NULL) {
        return err_nomem();
    }
    plain = copy + SEGMENT_RECORD_HEADER_BYTES;
    rc = segment_record_open(s->cipher, footer ? s->footer_key : s->block_key, s->header.uuid,
                             h->type, h->position, copy, span, plain, &plain_len);
    if (rc != 0) {
        describe_trail(s->d, h->position + SEGMENT_RECORD_HEADER_BYTES, "plaintext");
        rc = rc == HF_ENOMEM ? rc : 0;
    } else if (footer) {
        rc = describe_footer(s, plain, plain_len);
    } else {
        describe_block(s, plain, plain_len);
    }
    mem_free(copy);
    return rc;
}

static void describe_padding(struct scene *s, uint64_t at, size_t len)
{
    static const uint8_t zeros[SEGMENT_ALIGN];
    const uint8_t *p = s->data + at;

    if (len > 0) {
        describe_hex(s->d, at, "padding", verdict_of(memcmp(p, zeros, len) == 0, "is not zero"), p,
                     len);
    }
}

/* One record at `at`, where 32 bytes or more are left; *out_next: where the next begins, or 0. */
static int describe_record(struct scene *s, uint64_t at, uint64_t end, uint64_t *out_next)
{
    uint64_t payload = at + SEGMENT_RECORD_HEADER_BYTES;
    struct segment_record_header h;
    size_t span;
    bool whole;

    *out_next = 0;
    layout_describe(&segment_record_layout, s->data + at, at, s->d);
    if (segment_record_header_decode(s->data + at, (size_t)(end - at), &h) != 0) {
        return 0;
    }
    if (h.position != at) {
        describe_field(s->d, at + 12, "place", verdict_of(false, "is not the position it says"),
                       "%" PRIu64, at);
        return 0;
    }
    span = (size_t)segment_record_bytes(h.payload_len - CIPHER_TAG_BYTES);
    whole = span <= end - at;
    describe_field(s->d, payload, "payload", verdict_of(whole, "goes on beyond what there is"),
                   "%" PRIu32 " bytes, tag included", h.payload_len);
    if (!whole) {
        return 0;
    }
    describe_padding(s, payload + h.payload_len,
                     span - SEGMENT_RECORD_HEADER_BYTES - h.payload_len);
    *out_next = at + span;
    s->footer_met = h.type == SEGMENT_FOOTER;
    s->blocks += !s->footer_met;
    return describe_sealed(s, &h, span);
}

/* The next place after `at` where a record begins by its own word, or the trailer's; else end. */
static uint64_t find_record(const struct scene *s, uint64_t at, uint64_t end)
{
    struct segment_record_header h;

    for (at += SEGMENT_ALIGN; at < end && end - at >= SEGMENT_RECORD_HEADER_BYTES;
         at += SEGMENT_ALIGN) {
        if (s->has_trailer && at == s->trailer.footer_position) {
            return at;
        }
        if (segment_record_header_decode(s->data + at, (size_t)(end - at), &h) == 0 &&
            h.position == at) {
            return at;
        }
    }
    return end;
}

static int describe_records(struct scene *s)
{
    uint64_t end = s->has_trailer ? s->trailer.sums_position : s->len;
    uint64_t at = SEGMENT_HEADER_BYTES;
    unsigned index = 0;

    while (!s->footer_met && at < end && end - at >= SEGMENT_RECORD_HEADER_BYTES) {
        uint64_t next;
        int rc;

        describe_title(s->d, "record %u", index++);
        rc = describe_record(s, at, end, &next);
        if (rc != 0) {
            return rc;
        }
        if (next == 0) {
            next = find_record(s, at, end);
            describe_field(s->d, at, "passed over", verdict_fine(), "%" PRIu64 " bytes", next - at);
        }
        at = next;
    }
    if (!s->footer_met) {
        describe_field(s->d, at, "footer", verdict_of(false, "was not found"), "none");
    }
    return 0;
}

/* --- sums and trailer --- */

static void describe_sums(struct scene *s)
{
    uint64_t end = s->trailer.sums_position;
    char name[32];

    describe_title(s->d, "sums");
    for (uint32_t i = 0; i < s->trailer.sum_count; i++) {
        uint64_t begin = (uint64_t)i * SEGMENT_SUM_SPAN;
        size_t span = end - begin < SEGMENT_SUM_SPAN ? (size_t)(end - begin) : SEGMENT_SUM_SPAN;
        uint64_t at = end + 8 * (uint64_t)i;
        uint64_t sum = le_get64(s->data + at);

        snprintf(name, sizeof name, "MiB %" PRIu32, i);
        describe_field(s->d, at, name,
                       verdict_of(sum == xxh_64(s->data + begin, span), "does not match"),
                       "%016" PRIx64, sum);
    }
}

/* The hash over header, footer record and sums, with which the trailer vouches for them. */
static void describe_hash(struct scene *s)
{
    const struct segment_trailer *t = &s->trailer;
    size_t footer_len = SEGMENT_RECORD_HEADER_BYTES + (size_t)t->footer_payload_len;
    struct nacl_part parts[3] = {
        { s->data, SEGMENT_HEADER_BYTES },
        { s->data + t->footer_position, footer_len },
        { s->data + t->sums_position, 8 * (size_t)t->sum_count },
    };
    uint8_t hash[NACL_HASH_BYTES];

    nacl_hash_parts(parts, 3, hash);
    describe_hex(s->d, DESCRIBE_NOWHERE, "hash of the file",
                 verdict_of(memcmp(hash, t->hash, sizeof hash) == 0, "is not the trailer's"), hash,
                 sizeof hash);
}

/* What must agree between trailer, header and records. */
static void describe_agreement(struct scene *s)
{
    const struct segment_trailer *t = &s->trailer;
    uint8_t hash[NACL_HASH_BYTES];

    describe_hash(s);
    describe_field(s->d, DESCRIBE_NOWHERE, "records met",
                   verdict_of(s->blocks == t->record_count, "is not the trailer's number"),
                   "%" PRIu32, s->blocks);
    describe_field(s->d, DESCRIBE_NOWHERE, "same as in the header",
                   verdict_of(memcmp(t->uuid, s->data + 32, 16) == 0 &&
                                  memcmp(t->repo_id, s->data + 16, 16) == 0,
                              "are of another segment"),
                   "segment, repository");
    segment_trailer_hash(s->data + s->len - SEGMENT_TRAILER_BYTES, hash);
    describe_hex(s->d, DESCRIBE_NOWHERE, "trailer hash", verdict_fine(), hash, sizeof hash);
}

static void describe_trailer(struct scene *s)
{
    uint64_t at = s->len - SEGMENT_TRAILER_BYTES;

    describe_title(s->d, "trailer");
    layout_describe(&segment_trailer_layout, s->data + at, at, s->d);
    describe_field(s->d, DESCRIBE_NOWHERE, "length of this file",
                   verdict_of(le_get64(s->data + at + 48) == s->len, "is not the trailer's"), "%zu",
                   s->len);
    if (s->has_trailer) {
        describe_agreement(s);
    }
}

static int describe_parts(struct scene *s, const struct keyring *keys)
{
    const uint8_t *trailer = s->data + s->len - SEGMENT_TRAILER_BYTES;
    int rc;

    s->has_trailer = segment_trailer_decode(trailer, SEGMENT_TRAILER_BYTES, s->len, &s->trailer) ==
                     0;
    rc = describe_header(s, keys);
    if (rc == 0) {
        rc = describe_records(s);
    }
    if (rc != 0) {
        return rc;
    }
    if (s->has_trailer) {
        describe_sums(s);
    }
    describe_trailer(s);
    return 0;
}

int segment_describe(const void *data, size_t len, const struct keyring *keys, struct buf *out)
{
    struct describe d;
    struct scene s = { .data = data, .len = len, .d = &d };
    int rc = 0;

    describe_begin(&d, out, len);
    describe_title(&d, "segment of %zu bytes", len);
    if (len < SEGMENT_HEADER_BYTES + SEGMENT_TRAILER_BYTES) {
        describe_field(&d, 0, "length", verdict_of(false, "is too short for a segment"), "%zu",
                       len);
    } else {
        rc = describe_parts(&s, keys);
    }
    cipher_free(s.cipher);
    mem_wipe(s.block_key, sizeof s.block_key);
    mem_wipe(s.footer_key, sizeof s.footer_key);
    return rc != 0 ? rc : describe_end(&d, "segment");
}
