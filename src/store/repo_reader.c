/*
 * repo_reader.c - fetching chunks, and believing a chunk only if its id is that of its bytes.
 *
 * A chunk's home is looked up in the index, its block is read, decrypted and decompressed as a
 * whole, and the chunk's id is computed anew. Should one home fail, the others are tried.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "format/block.h"
#include "store/repo_internal.h"

#define CIPHER_KINDS 3

struct cached_block {
    uint32_t segment;
    uint64_t position;
    uint64_t last_use; /* 0: empty */
    struct buf chunks; /* decoded, one after the other */
    uint32_t *offsets; /* count + 1 of them */
    size_t offset_cap;
    uint32_t count;
    uint32_t ahead; /* the id of this slot's bytes is known; count or more: of none */
    uint8_t ahead_id[CIPHER_ID_BYTES];
};

struct repo_reader {
    struct repo *repo;
    struct cipher *ciphers[CIPHER_KINDS];
    struct codec *codec;
    struct cipher_id *ids;
    struct buf record;
    struct cached_block *blocks;
    size_t block_count;
    struct cached_block *current; /* what repo_reader_block has fetched */
    uint64_t uses;
    uint64_t bytes_read;
};

int repo_reader_new(struct repo *r, size_t cached_blocks, struct repo_reader **out_reader)
{
    struct repo_reader *rd = mem_zalloc(sizeof *rd);
    int rc;

    if (!rd) {
        return err_nomem();
    }
    rd->repo = r;
    rd->block_count = cached_blocks ? cached_blocks : 1;
    buf_init(&rd->record);
    rd->blocks = mem_array(rd->block_count, sizeof *rd->blocks);
    rc = rd->blocks ? codec_new(CODEC_NONE, 0, &rd->codec) : err_nomem();
    if (rc == 0) {
        rc = cipher_id_new(r->keys->chunk_id_key, &rd->ids);
    }
    if (rc < 0) {
        repo_reader_free(rd);
        return rc;
    }
    *out_reader = rd;
    return 0;
}

void repo_reader_free(struct repo_reader *rd)
{
    if (!rd) {
        return;
    }
    for (size_t i = 0; rd->blocks && i < rd->block_count; i++) {
        buf_release(&rd->blocks[i].chunks);
        mem_free(rd->blocks[i].offsets);
    }
    for (size_t i = 0; i < CIPHER_KINDS; i++) {
        cipher_free(rd->ciphers[i]);
    }
    mem_free(rd->blocks);
    codec_free(rd->codec);
    cipher_id_free(rd->ids);
    buf_release(&rd->record);
    mem_free(rd);
}

uint64_t repo_reader_bytes_read(const struct repo_reader *rd)
{
    return rd->bytes_read;
}

static int cipher_for(struct repo_reader *rd, enum cipher_kind kind, struct cipher **out)
{
    if ((unsigned)kind >= CIPHER_KINDS) {
        return err_raise(HF_EDAMAGE, "no such cipher"); /* unreachable: headers are checked */
    }
    if (!rd->ciphers[kind]) {
        int rc = cipher_new(kind, &rd->ciphers[kind]);

        if (rc < 0) {
            return rc;
        }
    }
    *out = rd->ciphers[kind];
    return 0;
}

static int read_record(struct repo_reader *rd, uint32_t segment, uint64_t position)
{
    struct segreader *reader;
    struct cipher *cipher = NULL;
    int rc = repo_segment_get(rd->repo, segment, &reader);

    if (rc < 0) {
        return rc;
    }
    rc = cipher_for(rd, segreader_cipher(reader), &cipher);
    if (rc == 0) {
        rc = segreader_block(reader, cipher, 0, position, &rd->record);
        rd->bytes_read += rd->record.len;
    }
    repo_segment_put(rd->repo, segment);
    return rc;
}

static int decode_record(struct repo_reader *rd, struct cached_block *b)
{
    struct block_view view;
    int rc = block_parse(rd->record.data, rd->record.len, &view);

    buf_clear(&b->chunks);
    if (rc == 0) {
        rc = buf_reserve(&b->chunks, view.plain_len);
    }
    if (rc == 0) {
        rc = mem_grow(&b->offsets, &b->offset_cap, (size_t)view.count + 1, sizeof *b->offsets);
    }
    if (rc == 0) {
        rc = block_decode(&view, rd->codec, b->chunks.data);
    }
    if (rc < 0) {
        return rc;
    }
    b->chunks.len = view.plain_len;
    b->count = view.count;
    b->ahead = UINT32_MAX;
    b->offsets[0] = 0;
    for (uint32_t i = 0; i < view.count; i++) {
        b->offsets[i + 1] = b->offsets[i] + block_chunk_len(&view, i);
    }
    return 0;
}

/* The block if it is cached; else the place that was used longest ago, emptied. */
static struct cached_block *place_for(struct repo_reader *rd, uint32_t segment, uint64_t position)
{
    struct cached_block *oldest = &rd->blocks[0];

    for (size_t i = 0; i < rd->block_count; i++) {
        struct cached_block *b = &rd->blocks[i];

        if (b->last_use != 0 && b->segment == segment && b->position == position) {
            return b;
        }
        if (b->last_use < oldest->last_use) {
            oldest = b;
        }
    }
    oldest->last_use = 0;
    return oldest;
}

int repo_reader_block(struct repo_reader *rd, uint32_t segment, uint64_t position)
{
    struct cached_block *b = place_for(rd, segment, position);

    rd->current = NULL;
    if (b->last_use == 0) {
        int rc = read_record(rd, segment, position);

        if (rc == 0) {
            rc = decode_record(rd, b);
        }
        if (rc < 0) {
            return rc;
        }
        b->segment = segment;
        b->position = position;
    }
    b->last_use = ++rd->uses;
    rd->current = b;
    return 0;
}

static struct hmac_text text_of(const struct cached_block *b, uint32_t slot, uint8_t *out)
{
    return (struct hmac_text){ b->chunks.data + b->offsets[slot],
                               b->offsets[slot + 1] - b->offsets[slot], out };
}

/*
 * The id of a slot's bytes. Two texts are hashed in hardly more time than one, and what is asked
 * for next is nearly always the slot behind: its id is computed along with this one's.
 */
static int compute_id(struct repo_reader *rd, struct cached_block *b, uint32_t slot,
                      uint8_t out[CIPHER_ID_BYTES])
{
    struct hmac_text texts[2] = { text_of(b, slot, out) };
    size_t count = 1;
    int rc;

    if (b->ahead == slot) {
        memcpy(out, b->ahead_id, CIPHER_ID_BYTES);
        return 0;
    }
    if (slot + 1 < b->count) {
        texts[count++] = text_of(b, slot + 1, b->ahead_id);
    }
    rc = cipher_ids_of(rd->ids, texts, count);
    b->ahead = rc == 0 && count == 2 ? slot + 1 : UINT32_MAX;
    return rc;
}

int repo_reader_slot(struct repo_reader *rd, uint32_t slot, const uint8_t id[32],
                     const uint8_t **out_data, size_t *out_len)
{
    struct cached_block *b = rd->current;
    uint8_t actual[CIPHER_ID_BYTES];
    int rc;

    if (!b || slot >= b->count) {
        return err_raise(HF_EDAMAGE, "a block has fewer chunks than the index says");
    }
    *out_data = b->chunks.data + b->offsets[slot];
    *out_len = b->offsets[slot + 1] - b->offsets[slot];
    rc = compute_id(rd, b, slot, actual);
    if (rc == 0 && memcmp(actual, id, sizeof actual) != 0) {
        rc = err_raise(HF_EDAMAGE, "a chunk's bytes are not those of its id");
    }
    return rc;
}

/* No home: say which segment could not be read, if that may be why. */
static int no_home(struct repo *r, const uint8_t id[32])
{
    char hex[65];

    text_hex(id, 32, hex);
    err_raise(HF_EDAMAGE, "chunk %.16s.. is in no segment", hex);
    pthread_rwlock_rdlock(&r->index_lock);
    if (r->unread) {
        err_raise(HF_EDAMAGE, "chunk %.16s.. is not there (%s)", hex, r->unread->text);
    }
    pthread_rwlock_unlock(&r->index_lock);
    return HF_EDAMAGE;
}

int repo_locate(struct repo *r, const uint8_t id[32], struct index_home *out_home)
{
    bool again = true;
    int rc = HF_EABSENT;

    while (rc == HF_EABSENT && again) {
        uint64_t tip = repo_tip(r);

        rc = repo_index_get(r, id, out_home);
        if (rc == HF_EABSENT) {
            int looked = repo_look_again(r, tip, &again);

            rc = looked < 0 ? looked : rc;
        }
    }
    return rc == HF_EABSENT ? no_home(r, id) : rc;
}

struct attempt {
    struct repo_reader *rd;
    const uint8_t *id;
    const uint8_t *data;
    size_t len;
    int last_error;
};

/* 1: read and verified, no other home is needed. What can't be read here may be readable there. */
static int try_home(void *context, const struct index_home *home)
{
    struct attempt *a = context;
    int rc = repo_reader_block(a->rd, home->segment, home->position);

    if (rc == 0) {
        rc = repo_reader_slot(a->rd, home->slot, a->id, &a->data, &a->len);
    }
    a->last_error = rc;
    return rc == 0 ? 1 : rc == HF_EDAMAGE || rc == HF_EIO ? 0 : rc;
}

/*
 * A segment that is not there may have been condemned since the journal was read, and what it held
 * moved: so before anything is called damaged, the journal is asked for news.
 */
int repo_reader_chunk(struct repo_reader *rd, const uint8_t id[32], const uint8_t **out_data,
                      size_t *out_len)
{
    struct attempt a = { .rd = rd, .id = id };
    bool again = true;
    int rc = 0;

    while (rc == 0 && again) {
        uint64_t tip = repo_tip(rd->repo);

        a.last_error = 0;
        rc = repo_index_each_home(rd->repo, id, try_home, &a);
        if (rc == 0) {
            rc = repo_look_again(rd->repo, tip, &again);
        }
    }
    if (rc < 0) {
        return rc;
    }
    if (rc == 0) {
        return a.last_error < 0 ? a.last_error : no_home(rd->repo, id);
    }
    *out_data = a.data;
    *out_len = a.len;
    return 0;
}
