/*
 * segreader.c - reading one segment and believing nothing. See segreader.h.
 */
#include "store/segreader.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/block.h"
#include "format/nacl.h"
#include "format/xxh.h"

#define MAX_PAYLOAD (BLOCK_MAX_BYTES + (1u << 20))
#define MAX_FRAME (1ull << 30) /* of footer and sums: far beyond any segment we write */

struct segreader {
    struct fs_file *file;
    const struct keyring *keys;
    struct catalog_segment adopted;
    struct segment_header header;
    uint8_t header_bytes[SEGMENT_HEADER_BYTES];
    uint8_t key[SEGMENT_KEY_BYTES];
    char name[9 + 2 * UUID_BYTES + 1];
    atomic_uint_fast64_t bytes_read;
};

static int read_exactly(struct segreader *r, void *out, size_t len, uint64_t offset)
{
    atomic_fetch_add(&r->bytes_read, len);
    return fs_pread_all(r->file, out, len, offset);
}

/* The header must be of this segment and repository, and its key must open with ours. */
static int check_header(struct segreader *r, const uint8_t repo_id[16])
{
    int rc = read_exactly(r, r->header_bytes, sizeof r->header_bytes, 0);

    if (rc == 0) {
        rc = segment_header_decode(r->header_bytes, sizeof r->header_bytes, &r->header);
    }
    if (rc < 0) {
        return rc;
    }
    if (memcmp(r->header.uuid, r->adopted.uuid, 16) != 0) {
        return err_raise(HF_EDAMAGE, "its header names another segment");
    }
    if (memcmp(r->header.repo_id, repo_id, 16) != 0) {
        return err_raise(HF_EDAMAGE, "its header names another repository");
    }
    if (r->header.epoch != 0 || r->header.domain != r->keys->domain) {
        return err_raise(HF_EDENIED, "it is of a key epoch or domain that this key does not open");
    }
    if (!nacl_seal_open(r->keys->data_public, r->keys->data_secret, r->header.sealed_key,
                        sizeof r->header.sealed_key, r->key)) {
        return err_raise(HF_EDAMAGE, "the key in its header does not open");
    }
    return 0;
}

static int check_length(struct segreader *r)
{
    uint64_t len;
    int rc = fs_size(r->file, &len);

    if (rc == 0 && len != r->adopted.file_len) {
        rc = err_raise(HF_EDAMAGE, "it has %" PRIu64 " bytes and should have %" PRIu64, len,
                       r->adopted.file_len);
    }
    return rc;
}

int segreader_open(struct fs *fs, const struct keyring *keys, const uint8_t repo_id[16],
                   const struct catalog_segment *segment, struct segreader **out_reader)
{
    struct segreader *r = mem_zalloc(sizeof *r);
    int rc;

    if (!r) {
        return err_nomem();
    }
    r->keys = keys;
    r->adopted = *segment;
    atomic_init(&r->bytes_read, 0);
    memcpy(r->name, "segments/", 10);
    text_hex(segment->uuid, 16, r->name + 9);
    rc = fs_open(fs, r->name, &r->file);
    if (rc == 0) {
        rc = check_length(r);
    }
    if (rc == 0) {
        rc = check_header(r, repo_id);
    }
    if (rc < 0) {
        rc = rc == HF_EABSENT ? rc : err_add(rc, "%s", r->name);
        segreader_close(r);
        return rc;
    }
    *out_reader = r;
    return 0;
}

void segreader_close(struct segreader *r)
{
    if (r) {
        (void)fs_close(&r->file); /* only read from: there is nothing that closing could lose */
        mem_wipe(r->key, sizeof r->key);
        mem_free(r);
    }
}

enum cipher_kind segreader_cipher(const struct segreader *r)
{
    return r->header.cipher;
}

uint64_t segreader_bytes_read(const struct segreader *r)
{
    return atomic_load(&r->bytes_read);
}

/* The trailer against what the journal adopted. */
static int read_trailer(struct segreader *r, struct segment_trailer *out)
{
    uint8_t bytes[SEGMENT_TRAILER_BYTES];
    uint8_t hash[32];
    int rc;

    if (r->adopted.file_len < SEGMENT_HEADER_BYTES + SEGMENT_TRAILER_BYTES) {
        return err_raise(HF_EDAMAGE, "it is too short to be a segment");
    }
    rc = read_exactly(r, bytes, sizeof bytes, r->adopted.file_len - sizeof bytes);
    if (rc < 0) {
        return rc;
    }
    segment_trailer_hash(bytes, hash);
    if (memcmp(hash, r->adopted.trailer_hash, sizeof hash) != 0) {
        return err_raise(HF_EDAMAGE, "its trailer is not the one that the journal adopted");
    }
    return segment_trailer_decode(bytes, sizeof bytes, r->adopted.file_len, out);
}

/* Footer record and sums as they stand in the file, checked against the trailer. */
static int read_frame(struct segreader *r, struct segment_trailer *out_trailer, struct buf *out)
{
    struct nacl_part parts[3] = { { r->header_bytes, sizeof r->header_bytes } };
    uint64_t len;
    size_t record_len;
    uint8_t hash[32];
    int rc = read_trailer(r, out_trailer);

    if (rc < 0) {
        return rc;
    }
    len = r->adopted.file_len - SEGMENT_TRAILER_BYTES - out_trailer->footer_position;
    if (len > MAX_FRAME) {
        return err_raise(HF_EDAMAGE, "its footer is larger than any that is written");
    }
    rc = buf_reserve(out, (size_t)len);
    if (rc == 0) {
        rc = read_exactly(r, out->data, (size_t)len, out_trailer->footer_position);
    }
    if (rc < 0) {
        return rc;
    }
    out->len = (size_t)len;
    record_len = SEGMENT_RECORD_HEADER_BYTES + out_trailer->footer_payload_len;
    parts[1] = (struct nacl_part){ out->data, record_len };
    parts[2].data = out->data + (out_trailer->sums_position - out_trailer->footer_position);
    parts[2].len = (size_t)out_trailer->sum_count * 8;
    nacl_hash_parts(parts, 3, hash);
    if (memcmp(hash, out_trailer->hash, sizeof hash) != 0) {
        return err_raise(HF_EDAMAGE, "its header, footer or sums are not what its trailer says");
    }
    return 0;
}

/* The footer must list all there is: as many blocks as the trailer counts, up to the footer. */
static int check_contents(const struct segment_footer *f, const struct segment_trailer *t)
{
    uint64_t end = SEGMENT_HEADER_BYTES;

    if (f->block_count > 0) {
        const struct segment_block *last = &f->blocks[f->block_count - 1];

        end = last->position + segment_record_bytes(last->payload_len - CIPHER_TAG_BYTES);
    }
    if (f->block_count != t->record_count || end != t->footer_position) {
        return err_raise(HF_EDAMAGE, "its footer and its trailer speak of different records");
    }
    return 0;
}

int segreader_footer(struct segreader *r, struct segment_footer *out_footer)
{
    struct segment_trailer t;
    struct cipher *cipher = NULL;
    struct buf frame;
    uint8_t key[32];
    size_t plain_len = 0;
    int rc;

    buf_init(&frame);
    rc = read_frame(r, &t, &frame);
    if (rc == 0) {
        rc = cipher_new(r->header.cipher, &cipher);
    }
    if (rc == 0) {
        keyring_footer_key(r->keys, r->adopted.uuid, key);
        /* Without what fills the record up: nobody is to lose a segment for that. */
        rc = segment_record_open(cipher, key, r->adopted.uuid, SEGMENT_FOOTER, t.footer_position,
                                 frame.data, SEGMENT_RECORD_HEADER_BYTES + t.footer_payload_len,
                                 frame.data + SEGMENT_RECORD_HEADER_BYTES, &plain_len);
        mem_wipe(key, sizeof key);
    }
    if (rc == 0) {
        rc = segment_footer_decode(frame.data + SEGMENT_RECORD_HEADER_BYTES, plain_len, out_footer);
    }
    if (rc == 0) {
        rc = check_contents(out_footer, &t);
        if (rc < 0) {
            segment_footer_release(out_footer);
        }
    }
    cipher_free(cipher);
    buf_release(&frame);
    return rc < 0 ? err_add(rc, "%s", r->name) : 0;
}

static int scrub_spans(struct segreader *r, const struct segment_trailer *t, const uint8_t *sums,
                       uint8_t *span)
{
    for (uint32_t i = 0; i < t->sum_count; i++) {
        uint64_t at = (uint64_t)i * SEGMENT_SUM_SPAN;
        uint64_t left = t->sums_position - at;
        size_t len = left < SEGMENT_SUM_SPAN ? (size_t)left : SEGMENT_SUM_SPAN;
        int rc = read_exactly(r, span, len, at);

        if (rc < 0) {
            return rc;
        }
        if (xxh_64(span, len) != le_get64(sums + 8 * (size_t)i)) {
            return err_raise(HF_EDAMAGE, "its MiB %" PRIu32 " is not what was written", i);
        }
    }
    return 0;
}

int segreader_scrub(struct segreader *r, uint64_t *out_bytes)
{
    struct segment_trailer t = { 0 };
    struct buf frame;
    uint8_t *span = mem_alloc(SEGMENT_SUM_SPAN);
    int rc = span ? 0 : err_nomem();

    buf_init(&frame);
    if (rc == 0) {
        rc = read_frame(r, &t, &frame);
    }
    if (rc == 0) {
        rc = scrub_spans(r, &t, frame.data + (t.sums_position - t.footer_position), span);
    }
    *out_bytes = r->adopted.file_len;
    buf_release(&frame);
    mem_free(span);
    return rc < 0 ? err_add(rc, "%s", r->name) : 0;
}

int segreader_block(struct segreader *r, struct cipher *cipher, enum segment_record type,
                    uint64_t position, struct buf *out)
{
    uint8_t head[SEGMENT_RECORD_HEADER_BYTES];
    struct segment_record_header h;
    size_t plain_len = 0;
    int rc = read_exactly(r, head, sizeof head, position);

    if (rc == 0) {
        rc = segment_record_header_decode(head, sizeof head, &h);
    }
    if (rc == 0 && h.payload_len > MAX_PAYLOAD) {
        rc = err_raise(HF_EDAMAGE, "a record claims %" PRIu32 " bytes", h.payload_len);
    }
    buf_clear(out);
    if (rc == 0) {
        rc = buf_reserve(out, sizeof head + h.payload_len);
    }
    if (rc == 0) {
        memcpy(out->data, head, sizeof head);
        rc = read_exactly(r, out->data + sizeof head, h.payload_len, position + sizeof head);
    }
    if (rc == 0) {
        rc = segment_record_open(cipher, r->key, r->adopted.uuid, type ? type : h.type, position,
                                 out->data, sizeof head + h.payload_len, out->data + sizeof head,
                                 &plain_len);
    }
    if (rc < 0) {
        return err_add(rc, "%s, record at %" PRIu64, r->name, position);
    }
    memmove(out->data, out->data + sizeof head, plain_len);
    out->len = plain_len;
    return 0;
}

int segreader_padding(struct segreader *r, uint64_t position)
{
    uint8_t bytes[SEGMENT_RECORD_HEADER_BYTES + SEGMENT_ALIGN];
    struct segment_record_header h;
    uint8_t any = 0;
    int rc = read_exactly(r, bytes, SEGMENT_RECORD_HEADER_BYTES, position);

    if (rc == 0) {
        rc = segment_record_header_decode(bytes, SEGMENT_RECORD_HEADER_BYTES, &h);
    }
    if (rc == 0) {
        uint64_t end = SEGMENT_RECORD_HEADER_BYTES + (uint64_t)h.payload_len;
        size_t len = (size_t)(segment_record_bytes(h.payload_len - CIPHER_TAG_BYTES) - end);

        rc = len > 0 ? read_exactly(r, bytes, len, position + end) : 0;
        for (size_t i = 0; rc == 0 && i < len; i++) {
            any |= bytes[i];
        }
    }
    if (rc == 0 && any != 0) {
        rc = err_raise(HF_EDAMAGE, "it is not filled up with zeros");
    }
    return rc < 0 ? err_add(rc, "%s, record at %" PRIu64, r->name, position) : 0;
}
