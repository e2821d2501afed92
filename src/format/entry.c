/*
 * entry.c - the body of a journal entry: building it, walking it, and the items in it. The seal is
 * in entry_seal.c, sealed parts are in entry_sealed.c.
 */
#include "format/entry.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "format/block.h"
#include "format/codec.h"
#include "format/entry_internal.h"
#include "format/segment.h"

#define INIT_ID_HMAC_SHA256 1

static const char *const item_names[] = {
    [ENTRY_ADOPT] = "ADOPT",   [ENTRY_INIT] = "INIT",         [ENTRY_COMMIT] = "COMMIT",
    [ENTRY_FORGET] = "FORGET", [ENTRY_UNFORGET] = "UNFORGET", [ENTRY_CONDEMN] = "CONDEMN",
    [ENTRY_KEY] = "KEY",       [ENTRY_EVENT] = "EVENT",       [ENTRY_PARTIAL] = "PARTIAL",
};

const char *entry_item_name(uint64_t type)
{
    if (type >= sizeof item_names / sizeof item_names[0] || item_names[type] == NULL) {
        return "unknown";
    }
    return item_names[type];
}

int entry_item_raise(int code, uint64_t type, size_t at, const char *why)
{
    int rc = err_raise(code, "%s item: %s (offset %zu)", entry_item_name(type), why, at);

    if (rc == HF_ENEWER) {
        err_hint("install a newer holdfast");
    }
    return rc;
}

/* --- ADOPT --- */

static struct verdict check_adopted_len(const uint8_t *item)
{
    uint64_t len = le_get64(item + 16);

    return verdict_of(len > SEGMENT_HEADER_BYTES + SEGMENT_TRAILER_BYTES &&
                          len <= SEGMENT_MAX_BYTES,
                      "is not one that a segment can have");
}

static const struct layout_field adopt_fields[] = {
    { 0, 16, LAYOUT_HEX, "segment", NULL, NULL },
    { 16, 8, LAYOUT_NUMBER, "file length", NULL, check_adopted_len },
    { 24, 32, LAYOUT_HEX, "trailer hash", NULL, NULL },
};

const struct layout entry_adopt_layout = {
    .what = "ADOPT item",
    .size = ENTRY_ADOPT_BYTES,
    .fields = adopt_fields,
    .count = LAYOUT_COUNT(adopt_fields),
};

/* --- INIT --- */

static struct verdict check_features(const uint8_t *init)
{
    if (le_get64(init + 40) != 0) {
        return verdict_newer("are more than this program knows");
    }
    return verdict_fine();
}

static const char *id_meaning(uint64_t algorithm)
{
    return algorithm == INIT_ID_HMAC_SHA256 ? "HMAC-SHA-256" : "unknown";
}

static struct verdict check_id(const uint8_t *init)
{
    if (init[120] != INIT_ID_HMAC_SHA256) {
        return verdict_newer("is one that this program does not know");
    }
    return verdict_fine();
}

static const char *cipher_meaning(uint64_t cipher)
{
    if (cipher == CIPHER_AES_256_GCM) {
        return "AES-256-GCM";
    }
    return cipher == CIPHER_CHACHA20_POLY1305 ? "ChaCha20-Poly1305" : "unknown";
}

static struct verdict check_cipher(const uint8_t *init)
{
    if (init[121] == 0 || init[121] > CIPHER_CHACHA20_POLY1305) {
        return verdict_newer("is one that this program does not know");
    }
    return verdict_fine();
}

static const char *codec_meaning(uint64_t codec)
{
    return codec <= CODEC_ZLIB ? codec_name((enum codec_kind)codec) : "unknown";
}

static struct verdict check_codec(const uint8_t *init)
{
    if (init[122] > CODEC_ZLIB) {
        return verdict_newer("is one that this program does not know");
    }
    return verdict_fine();
}

static struct verdict check_target(const uint8_t *init)
{
    uint64_t target = le_get64(init + 128);

    return verdict_of(target > 0 && target <= SEGMENT_MAX_BYTES, "is not one that can be");
}

static struct verdict check_average(const uint8_t *init)
{
    uint32_t min = le_get32(init + 136), average = le_get32(init + 140);

    return verdict_of(min < average && average < le_get32(init + 144),
                      "is not between smallest and largest");
}

static struct verdict check_smallest(const uint8_t *init)
{
    return verdict_of(le_get32(init + 136) >= 64, "is less than 64");
}

static struct verdict check_largest(const uint8_t *init)
{
    return verdict_of(le_get32(init + 144) <= BLOCK_MAX_BYTES, "is more than a block can hold");
}

static struct verdict check_fixed(const uint8_t *init)
{
    uint32_t fixed = le_get32(init + 148);

    return verdict_of(fixed >= 64 && fixed <= BLOCK_MAX_BYTES, "is not one that can be");
}

static const struct layout_field init_fields[] = {
    { 0, 16, LAYOUT_HEX, "repository", NULL, NULL },
    { 16, 2, LAYOUT_VERSION, "format version", NULL, NULL },
    { 18, 6, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 24, 8, LAYOUT_NUMBER, "features to ignore", NULL, NULL },
    { 32, 8, LAYOUT_NUMBER, "features to write", NULL, NULL },
    { 40, 8, LAYOUT_NUMBER, "features to read", NULL, check_features },
    { 48, 8, LAYOUT_TIME, "created", NULL, NULL },
    { 56, 32, LAYOUT_HEX, "admin public key", NULL, NULL },
    { 88, 32, LAYOUT_HEX, "data public key", NULL, NULL },
    { 120, 1, LAYOUT_NUMBER, "id algorithm", id_meaning, check_id },
    { 121, 1, LAYOUT_NUMBER, "cipher", cipher_meaning, check_cipher },
    { 122, 1, LAYOUT_NUMBER, "codec", codec_meaning, check_codec },
    { 123, 1, LAYOUT_NUMBER, "level", NULL, NULL },
    { 124, 4, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 128, 8, LAYOUT_NUMBER, "segment target", NULL, check_target },
    { 136, 4, LAYOUT_NUMBER, "smallest chunk", NULL, check_smallest },
    { 140, 4, LAYOUT_NUMBER, "average chunk", NULL, check_average },
    { 144, 4, LAYOUT_NUMBER, "largest chunk", NULL, check_largest },
    { 148, 4, LAYOUT_NUMBER, "fixed chunk", NULL, check_fixed },
    { 152, 8, LAYOUT_HEX, "first key", NULL, NULL },
};

const struct layout entry_init_layout = {
    .what = "INIT item",
    .size = ENTRY_INIT_BYTES,
    .fields = init_fields,
    .count = LAYOUT_COUNT(init_fields),
};

/* --- building --- */

static void put_head(struct buf *body, enum entry_item type, size_t len)
{
    buf_put_u16(body, (uint16_t)type);
    buf_put_u16(body, 0);
    buf_put_u32(body, (uint32_t)len);
}

void entry_put_adopt(struct buf *body, const struct entry_adopt *a)
{
    put_head(body, ENTRY_ADOPT, ENTRY_ADOPT_BYTES);
    buf_put(body, a->uuid, sizeof a->uuid);
    buf_put_u64(body, a->file_len);
    buf_put(body, a->trailer_hash, sizeof a->trailer_hash);
}

void entry_put_init(struct buf *body, const struct entry_init *i)
{
    put_head(body, ENTRY_INIT, ENTRY_INIT_BYTES);
    buf_put(body, i->repo_id, sizeof i->repo_id);
    buf_put_u16(body, i->version);
    buf_put_zeros(body, 6);
    buf_put_u64(body, i->features_ignore);
    buf_put_u64(body, i->features_write);
    buf_put_u64(body, i->features_read);
    buf_put_i64(body, i->created_ns);
    buf_put(body, i->admin_public, sizeof i->admin_public);
    buf_put(body, i->data_public, sizeof i->data_public);
    buf_put_u8(body, i->id_algorithm);
    buf_put_u8(body, i->cipher);
    buf_put_u8(body, i->codec);
    buf_put_u8(body, i->level);
    buf_put_zeros(body, 4);
    buf_put_u64(body, i->segment_target);
    buf_put_u32(body, i->chunk_min);
    buf_put_u32(body, i->chunk_avg);
    buf_put_u32(body, i->chunk_max);
    buf_put_u32(body, i->chunk_fixed);
    buf_put(body, i->first_key, sizeof i->first_key);
}

void entry_put_forget(struct buf *body, bool undo, uint64_t view, const uint8_t (*commits)[16],
                      size_t count)
{
    put_head(body, undo ? ENTRY_UNFORGET : ENTRY_FORGET, ENTRY_LIST_HEAD_BYTES + 16 * count);
    buf_put_u64(body, undo ? 0 : view);
    buf_put_u32(body, (uint32_t)count);
    buf_put(body, commits, 16 * count);
}

void entry_put_condemn(struct buf *body, const uint8_t (*segments)[16], size_t count)
{
    put_head(body, ENTRY_CONDEMN, 4 + 16 * count);
    buf_put_u32(body, (uint32_t)count);
    buf_put(body, segments, 16 * count);
}

/* --- walking --- */

void entry_walk_init(struct entry_walk *w, const void *body, size_t len)
{
    *w = (struct entry_walk){ .body = body, .len = len };
}

static int walk_damage(size_t at, const char *why)
{
    return err_raise(HF_EDAMAGE, "entry body: %s (offset %zu)", why, at);
}

/* ADOPT items come first, then at most one other. */
static int check_order(struct entry_walk *w, uint16_t type, size_t at)
{
    if (w->seen_act) {
        return walk_damage(at, type == ENTRY_ADOPT ? "an ADOPT item comes after another item"
                                                   : "there is more than one item to act on");
    }
    w->seen_act = type != ENTRY_ADOPT;
    return 0;
}

static int check_item(struct entry_walk *w, uint16_t type, uint16_t flags, size_t at)
{
    if (type == 0) {
        return walk_damage(at, "type of an item is 0");
    }
    if (type > ENTRY_PARTIAL || flags != 0) {
        err_raise(HF_ENEWER,
                  "entry body: an item of type %u with flags %u is not known "
                  "(offset %zu)",
                  type, flags, at);
        err_hint("install a newer holdfast");
        return HF_ENEWER;
    }
    return check_order(w, type, at);
}

int entry_walk_next(struct entry_walk *w, struct entry_view *out)
{
    if (w->len == 0) {
        return walk_damage(0, "it has no items");
    }
    while (w->pos < w->len) {
        size_t at = w->pos;
        const uint8_t *head = w->body + at;
        uint16_t type;
        uint32_t len;
        int rc;

        if (w->len - at < ENTRY_ITEM_HEAD_BYTES) {
            return walk_damage(at, "it ends within the head of an item");
        }
        type = le_get16(head);
        len = le_get32(head + 4);
        if (len > w->len - at - ENTRY_ITEM_HEAD_BYTES) {
            return walk_damage(at + 4, "length of an item is more than there is");
        }
        w->pos = at + ENTRY_ITEM_HEAD_BYTES + len;
        if (type >= ENTRY_MAY_SKIP) {
            continue;
        }
        rc = check_item(w, type, le_get16(head + 2), at);
        if (rc != 0) {
            return rc;
        }
        out->type = (enum entry_item)type;
        out->payload = head + ENTRY_ITEM_HEAD_BYTES;
        out->len = len;
        return 1;
    }
    return 0;
}

/* --- reading items --- */

static int check_fixed_item(const struct layout *l, enum entry_item type,
                            const struct entry_view *v)
{
    if (v->type != type) {
        return entry_item_raise(HF_EDAMAGE, v->type, 0, "another item belongs here");
    }
    if (v->len != l->size) {
        return entry_item_raise(HF_EDAMAGE, v->type, 0, "its length is wrong");
    }
    return layout_check(l, v->payload, v->len);
}

int entry_get_adopt(const struct entry_view *v, struct entry_adopt *out)
{
    int rc = check_fixed_item(&entry_adopt_layout, ENTRY_ADOPT, v);

    if (rc != 0) {
        return rc;
    }
    memcpy(out->uuid, v->payload, sizeof out->uuid);
    out->file_len = le_get64(v->payload + 16);
    memcpy(out->trailer_hash, v->payload + 24, sizeof out->trailer_hash);
    return 0;
}

int entry_get_init(const struct entry_view *v, struct entry_init *out)
{
    const uint8_t *p = v->payload;
    int rc = check_fixed_item(&entry_init_layout, ENTRY_INIT, v);

    if (rc != 0) {
        return rc;
    }
    memcpy(out->repo_id, p, sizeof out->repo_id);
    out->version = le_get16(p + 16);
    out->features_ignore = le_get64(p + 24);
    out->features_write = le_get64(p + 32);
    out->features_read = le_get64(p + 40);
    out->created_ns = (int64_t)le_get64(p + 48);
    memcpy(out->admin_public, p + 56, sizeof out->admin_public);
    memcpy(out->data_public, p + 88, sizeof out->data_public);
    out->id_algorithm = p[120];
    out->cipher = p[121];
    out->codec = p[122];
    out->level = p[123];
    out->segment_target = le_get64(p + 128);
    out->chunk_min = le_get32(p + 136);
    out->chunk_avg = le_get32(p + 140);
    out->chunk_max = le_get32(p + 144);
    out->chunk_fixed = le_get32(p + 148);
    memcpy(out->first_key, p + 152, sizeof out->first_key);
    return 0;
}

int entry_get_list(const struct entry_view *v, uint64_t *out_view, const uint8_t **out_uuids,
                   size_t *out_count)
{
    size_t head = v->type == ENTRY_CONDEMN ? 4 : ENTRY_LIST_HEAD_BYTES;
    uint64_t view;
    uint32_t count;

    if (v->type != ENTRY_FORGET && v->type != ENTRY_UNFORGET && v->type != ENTRY_CONDEMN) {
        return entry_item_raise(HF_EDAMAGE, v->type, 0, "a list belongs here");
    }
    if (v->len < head) {
        return entry_item_raise(HF_EDAMAGE, v->type, 0, "it is too short for a list");
    }
    view = v->type == ENTRY_CONDEMN ? 0 : le_get64(v->payload);
    count = le_get32(v->payload + head - 4);
    if (v->type == ENTRY_UNFORGET && view != 0) {
        return entry_item_raise(HF_EDAMAGE, v->type, 0, "view is not 0");
    }
    if (view > ENTRY_MAX_NUMBER) {
        return entry_item_raise(HF_EDAMAGE, v->type, 0, "view is not the number of an entry");
    }
    if (count == 0 || v->len - head != 16 * (uint64_t)count) {
        return entry_item_raise(HF_EDAMAGE, v->type, head - 4, "count does not fit its length");
    }
    *out_view = view;
    *out_uuids = v->payload + head;
    *out_count = count;
    return 0;
}
