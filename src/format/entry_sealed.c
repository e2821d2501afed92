/*
 * entry_sealed.c - the parts of an entry that only key holders may read: COMMIT, PARTIAL, KEY,
 * EVENT.
 *
 * The associated data ties a sealed part to its repository, its entry and its type of item, so that
 * it cannot be moved to another one.
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "format/entry_internal.h"
#include "format/nacl.h"

#define AD_BYTES 34u
#define SEALED_MIN (ENTRY_SEALED_HEAD_BYTES + NACL_TAG_BYTES)

static void make_ad(uint8_t ad[AD_BYTES], const uint8_t repo_id[16], const uint8_t uuid[16],
                    enum entry_item type)
{
    memcpy(ad, repo_id, 16);
    memcpy(ad + 16, uuid, 16);
    le_put16(ad + 32, (uint16_t)type);
}

static size_t head_bytes(enum entry_item type)
{
    return type == ENTRY_EVENT || type == ENTRY_KEY ? ENTRY_KIND_HEAD_BYTES : 0;
}

int entry_put_sealed(struct buf *body, enum entry_item type, unsigned kind,
                     const struct keyring *keys, const uint8_t repo_id[16],
                     const uint8_t entry_uuid[16], struct rnd *rnd, const void *plain, size_t len)
{
    uint8_t nonce[NACL_NONCE_BYTES], ad[AD_BYTES];
    size_t fixed = head_bytes(type) + SEALED_MIN;
    int rc;

    if (len > ENTRY_MAX_BODY - ENTRY_ITEM_HEAD_BYTES - fixed) {
        return err_raise(HF_ELIMIT, "%s item: %zu bytes are too many", entry_item_name(type), len);
    }
    rc = rnd_bytes(rnd, nonce, sizeof nonce);
    if (rc == 0) {
        rc = buf_reserve(body, ENTRY_ITEM_HEAD_BYTES + fixed + len);
    }
    if (rc != 0) {
        return rc;
    }
    buf_put_u16(body, (uint16_t)type);
    buf_put_u16(body, 0);
    buf_put_u32(body, (uint32_t)(fixed + len));
    if (head_bytes(type) > 0) {
        buf_put_u16(body, (uint16_t)kind);
        buf_put_u16(body, 0);
    }
    buf_put_u32(body, keys->domain);
    buf_put(body, nonce, sizeof nonce);
    make_ad(ad, repo_id, entry_uuid, type);
    nacl_encrypt(keys->entry_key, nonce, ad, sizeof ad, plain, len, body->data + body->len);
    body->len += len + NACL_TAG_BYTES;
    return 0;
}

/* The clear part of a KEY or EVENT: its kind, 0 for the other items. */
static int get_kind(const struct entry_view *v, unsigned *out_kind)
{
    *out_kind = 0;
    if (head_bytes(v->type) == 0) {
        return 0;
    }
    *out_kind = le_get16(v->payload);
    if (*out_kind == 0) {
        return entry_item_raise(HF_EDAMAGE, v->type, 0, "kind is 0");
    }
    if (le_get16(v->payload + 2) != 0) {
        return entry_item_raise(HF_EDAMAGE, v->type, 2, "reserved bytes are not zero");
    }
    return 0;
}

static int open_part(const struct entry_view *v, const struct keyring *keys,
                     const uint8_t ad[AD_BYTES], struct buf *out)
{
    size_t head = head_bytes(v->type);
    const uint8_t *part = v->payload + head;
    const uint8_t *sealed = part + ENTRY_SEALED_HEAD_BYTES;
    size_t sealed_len = v->len - head - ENTRY_SEALED_HEAD_BYTES;
    int rc;

    if (le_get32(part) != keys->domain) {
        return err_raise(HF_EDENIED,
                         "%s item: it is sealed for domain %" PRIu32
                         ", the key is of domain %" PRIu32,
                         entry_item_name(v->type), le_get32(part), keys->domain);
    }
    rc = buf_reserve(out, sealed_len);
    if (rc != 0) {
        return rc;
    }
    if (!nacl_decrypt(keys->entry_key, part + 4, ad, AD_BYTES, sealed, sealed_len, out->data)) {
        return entry_item_raise(HF_EDAMAGE, v->type, head + ENTRY_SEALED_HEAD_BYTES,
                                "the sealed part is not what was written");
    }
    out->len = sealed_len - NACL_TAG_BYTES;
    return 0;
}

int entry_get_sealed(const struct entry_view *v, const struct keyring *keys,
                     const uint8_t repo_id[16], const uint8_t entry_uuid[16], unsigned *out_kind,
                     struct buf *out)
{
    unsigned kind;
    uint8_t ad[AD_BYTES];
    int rc;

    buf_clear(out);
    if (v->type != ENTRY_COMMIT && v->type != ENTRY_PARTIAL && v->type != ENTRY_KEY &&
        v->type != ENTRY_EVENT) {
        return entry_item_raise(HF_EDAMAGE, v->type, 0, "a sealed item belongs here");
    }
    if (v->len < head_bytes(v->type) + SEALED_MIN) {
        return entry_item_raise(HF_EDAMAGE, v->type, 0, "it is too short for a sealed part");
    }
    rc = get_kind(v, &kind);
    if (rc != 0) {
        return rc;
    }
    make_ad(ad, repo_id, entry_uuid, v->type);
    rc = open_part(v, keys, ad, out);
    if (rc == 0 && out_kind != NULL) {
        *out_kind = kind;
    }
    return rc;
}
