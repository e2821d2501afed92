/*
 * segwriter.c - one segment, written once. See segwriter.h and "Segment" in docs/format.md.
 *
 * The file is created exclusively under tmp/ and one descriptor lives from the first write to the
 * sync, since an error is reported only to descriptors that were open when it happened. After any
 * failed write or sync nothing of it is ever used: the pages may have been marked clean.
 */
#include "store/segwriter.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/nacl.h"
#include "format/xxh.h"

#define WRITE_SOON_BYTES ((uint64_t)4 << 20)
#define NAME_BYTES (2 * UUID_BYTES + 1)

struct segwriter {
    struct segwriter_options o;
    uint8_t uuid[UUID_BYTES];
    uint8_t key[SEGMENT_KEY_BYTES];
    uint8_t header[SEGMENT_HEADER_BYTES];
    struct fs_file *file;
    char tmp_path[4 + NAME_BYTES];
    char path[9 + NAME_BYTES];
    uint64_t end;    /* where the next record will stand */
    uint64_t summed; /* bytes that the sums have taken in */
    struct xxh *sum; /* of the MiB in hand */
    struct buf sums;
    struct segment_footer contents;
    size_t block_cap, chunk_cap;
    atomic_bool poisoned;
    bool created; /* its temporary file was made by us ... */
    bool named;   /* ... and has its name in segments/: not ours to remove */
};

static int prepare(struct segwriter *w)
{
    struct segment_header h = { .epoch = 0, .domain = w->o.keys->domain, .cipher = w->o.cipher };
    int rc = rnd_uuid(w->o.rnd, w->uuid);

    if (rc == 0) {
        rc = rnd_bytes(w->o.rnd, w->key, sizeof w->key);
    }
    if (rc == 0) {
        rc = nacl_seal_to(w->o.keys->data_public, w->o.rnd, w->key, sizeof w->key, h.sealed_key);
    }
    if (rc == 0) {
        rc = xxh_new(&w->sum);
    }
    if (rc < 0) {
        return rc;
    }
    memcpy(h.repo_id, w->o.repo_id, sizeof h.repo_id);
    memcpy(h.uuid, w->uuid, sizeof h.uuid);
    segment_header_encode(&h, w->header);
    memcpy(w->tmp_path, "tmp/", 5);
    text_hex(w->uuid, sizeof w->uuid, w->tmp_path + 4);
    memcpy(w->path, "segments/", 10);
    text_hex(w->uuid, sizeof w->uuid, w->path + 9);
    return 0;
}

int segwriter_open(const struct segwriter_options *options, struct segwriter **out_writer)
{
    struct segwriter *w = mem_zalloc(sizeof *w);
    int rc;

    if (!w) {
        return err_nomem();
    }
    w->o = *options;
    buf_init(&w->sums);
    atomic_init(&w->poisoned, false);
    rc = prepare(w);
    if (rc == 0) {
        rc = fs_create(w->o.fs, w->tmp_path, 0400, &w->file);
        w->created = rc == 0;
    }
    if (rc == 0) {
        rc = fs_pwrite(w->file, w->header, sizeof w->header, 0);
    }
    if (rc == 0) {
        w->end = sizeof w->header;
        rc = segwriter_sum(w, w->header, sizeof w->header);
    }
    if (rc < 0) {
        segwriter_free(w);
        return rc;
    }
    *out_writer = w;
    return 0;
}

void segwriter_free(struct segwriter *w)
{
    if (!w) {
        return;
    }
    if (w->created && !w->named) {
        struct err_trail cause;

        /* Given up: the space is wanted back, and nothing can refer to a file under tmp/. */
        err_take(&cause);
        (void)fs_close(&w->file);
        (void)fs_unlink(w->o.fs, w->tmp_path);
        err_give(&cause);
    }
    mem_wipe(w->key, sizeof w->key);
    xxh_free(w->sum);
    buf_release(&w->sums);
    mem_free(w->contents.blocks);
    mem_free(w->contents.chunks);
    mem_free(w);
}

int segwriter_place(struct segwriter *w, enum segment_record type, size_t plain_len,
                    const struct segment_chunk *chunks, size_t count,
                    struct segwriter_place *out_place)
{
    struct segment_footer *c = &w->contents;
    struct segment_block *b;
    int rc = mem_grow(&c->blocks, &w->block_cap, c->block_count + 1, sizeof *c->blocks);

    if (rc == 0) {
        rc = mem_grow(&c->chunks, &w->chunk_cap, c->chunk_count + count, sizeof *c->chunks);
    }
    if (rc == 0) {
        rc = rnd_bytes(w->o.rnd, out_place->nonce, sizeof out_place->nonce);
    }
    if (rc < 0) {
        return rc;
    }
    out_place->type = type;
    out_place->position = w->end;
    out_place->record_bytes = (size_t)segment_record_bytes(plain_len);
    b = &c->blocks[c->block_count++];
    *b = (struct segment_block){ .position = w->end,
                                 .payload_len = (uint32_t)(plain_len + CIPHER_TAG_BYTES),
                                 .chunk_count = (uint32_t)count,
                                 .first_chunk = (uint32_t)c->chunk_count,
                                 .type = type };
    for (size_t i = 0; i < count; i++) {
        b->plain_len += chunks[i].len;
    }
    memcpy(c->chunks + c->chunk_count, chunks, count * sizeof *chunks);
    c->chunk_count += count;
    w->end += out_place->record_bytes;
    return 0;
}

/*
 * Whoever fills a stretch has it written to the disk while others go on. A record before it may
 * come later: that one is written by the sync.
 */
static void begin_to_write(const struct segwriter *w, const struct segwriter_place *place)
{
    uint64_t first = place->position / WRITE_SOON_BYTES;
    uint64_t end = (place->position + place->record_bytes) / WRITE_SOON_BYTES;

    if (end > first) {
        fs_write_soon(w->file, first * WRITE_SOON_BYTES, (end - first) * WRITE_SOON_BYTES);
    }
}

int segwriter_write(struct segwriter *w, struct cipher *cipher, const struct segwriter_place *place,
                    uint8_t *record, size_t plain_len)
{
    int rc = segment_record_seal(cipher, w->key, w->uuid, place->type, place->position,
                                 place->nonce, record + SEGMENT_RECORD_HEADER_BYTES, plain_len,
                                 record);

    if (rc == 0) {
        rc = fs_pwrite(w->file, record, place->record_bytes, place->position);
    }
    if (rc == 0) {
        begin_to_write(w, place);
    }
    if (rc < 0) {
        atomic_store(&w->poisoned, true);
    }
    return rc;
}

/* The sums are of each MiB of the file, wherever records begin and end. */
int segwriter_sum(struct segwriter *w, const void *record, size_t len)
{
    const uint8_t *p = record;

    while (len > 0) {
        uint64_t room = SEGMENT_SUM_SPAN - w->summed % SEGMENT_SUM_SPAN;
        size_t part = len < room ? len : (size_t)room;

        xxh_add(w->sum, p, part);
        w->summed += part;
        p += part;
        len -= part;
        if (w->summed % SEGMENT_SUM_SPAN == 0) {
            buf_put_u64(&w->sums, xxh_sum(w->sum));
            xxh_reset(w->sum);
        }
    }
    return buf_error(&w->sums);
}

/* The footer is a record like the others, but under the key of the domain's index. */
static int write_footer(struct segwriter *w, struct buf *record)
{
    struct cipher *cipher = NULL;
    struct buf plain;
    uint8_t key[32];
    uint8_t nonce[CIPHER_NONCE_BYTES];
    int rc;

    buf_init(&plain);
    rc = segment_footer_encode(&w->contents, &plain);
    if (rc == 0) {
        rc = buf_reserve(record, (size_t)segment_record_bytes(plain.len));
    }
    if (rc == 0) {
        rc = rnd_bytes(w->o.rnd, nonce, sizeof nonce);
    }
    if (rc == 0) {
        rc = cipher_new(w->o.cipher, &cipher);
    }
    if (rc == 0) {
        keyring_footer_key(w->o.keys, w->uuid, key);
        rc = segment_record_seal(cipher, key, w->uuid, SEGMENT_FOOTER, w->end, nonce, plain.data,
                                 plain.len, record->data);
        mem_wipe(key, sizeof key);
    }
    if (rc == 0) {
        record->len = (size_t)segment_record_bytes(plain.len);
        rc = fs_pwrite(w->file, record->data, record->len, w->end);
    }
    cipher_free(cipher);
    buf_release(&plain);
    return rc;
}

static void fill_trailer(struct segwriter *w, const struct buf *footer, uint32_t payload_len,
                         uint8_t out[SEGMENT_TRAILER_BYTES])
{
    struct segment_trailer t = {
        .footer_position = w->end,
        .footer_payload_len = payload_len,
        .sum_count = (uint32_t)(w->sums.len / 8),
        .sums_position = w->end + footer->len,
        .file_len = w->end + footer->len + w->sums.len + SEGMENT_TRAILER_BYTES,
        .record_count = (uint32_t)w->contents.block_count,
    };
    struct nacl_part parts[] = {
        { w->header, sizeof w->header },
        { footer->data, SEGMENT_RECORD_HEADER_BYTES + payload_len },
        { w->sums.data, w->sums.len },
    };

    memcpy(t.uuid, w->uuid, sizeof t.uuid);
    memcpy(t.repo_id, w->o.repo_id, sizeof t.repo_id);
    nacl_hash_parts(parts, 3, t.hash);
    segment_trailer_encode(&t, out);
}

/* Footer, sums and trailer behind the records. Fills in what an ADOPT must say. */
static int write_frame(struct segwriter *w, struct entry_adopt *out_adopt)
{
    struct segment_record_header h;
    struct buf footer;
    uint8_t trailer[SEGMENT_TRAILER_BYTES];
    int rc;

    buf_init(&footer);
    rc = write_footer(w, &footer);
    if (rc == 0) {
        rc = segwriter_sum(w, footer.data, footer.len);
    }
    if (rc == 0 && w->summed % SEGMENT_SUM_SPAN != 0) {
        buf_put_u64(&w->sums, xxh_sum(w->sum));
        rc = buf_error(&w->sums);
    }
    if (rc == 0) {
        rc = segment_record_header_decode(footer.data, footer.len, &h);
    }
    if (rc == 0) {
        fill_trailer(w, &footer, h.payload_len, trailer);
        buf_put(&w->sums, trailer, sizeof trailer);
        rc = buf_error(&w->sums);
    }
    if (rc == 0) {
        rc = fs_pwrite(w->file, w->sums.data, w->sums.len, w->end + footer.len);
    }
    if (rc == 0) {
        memcpy(out_adopt->uuid, w->uuid, sizeof out_adopt->uuid);
        out_adopt->file_len = w->end + footer.len + w->sums.len;
        segment_trailer_hash(trailer, out_adopt->trailer_hash);
    }
    buf_release(&footer);
    return rc;
}

/* An error may follow success: if the name is there, it is ours, for nobody else knows the UUID. */
static int take_name(struct segwriter *w)
{
    struct fs_stat st;
    struct err_trail cause;
    int rc = fs_rename_new(w->o.fs, w->tmp_path, w->path);

    if (rc < 0) {
        err_take(&cause);
        if (fs_stat(w->o.fs, w->path, &st) == 0) {
            err_clear();
            rc = 0;
        } else {
            err_give(&cause);
        }
    }
    if (rc == HF_EABSENT) {
        rc = err_raise(HF_ECHANGED, "%s was so old that a prune removed it", w->tmp_path);
    }
    w->named = rc == 0;
    return rc;
}

int segwriter_finish(struct segwriter *w, struct entry_adopt *out_adopt)
{
    int rc;

    if (atomic_load(&w->poisoned)) {
        return err_raise(HF_EIO, "segment %s was given up after a failed write", w->path + 9);
    }
    rc = write_frame(w, out_adopt);
    if (rc == 0) {
        rc = fs_sync(w->file, "segment.data");
    }
    if (rc == 0) {
        rc = fs_close(&w->file);
    }
    if (rc == 0) {
        rc = take_name(w);
    }
    if (rc < 0) {
        atomic_store(&w->poisoned, true);
    }
    return rc;
}

const uint8_t *segwriter_uuid(const struct segwriter *w)
{
    return w->uuid;
}

uint64_t segwriter_bytes(const struct segwriter *w)
{
    return w->end;
}

const struct segment_footer *segwriter_contents(const struct segwriter *w)
{
    return &w->contents;
}
