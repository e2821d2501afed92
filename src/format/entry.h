/*
 * entry.h - the bytes of a journal entry: items, and the seal that orders and signs them.
 *
 * Format: "Journal entry" in docs/format.md. A body is built once and does not depend on its
 * number; the seal is made anew for each number tried. Decoders accept any bytes: HF_EDAMAGE,
 * HF_ENEWER.
 */
#ifndef HF_FORMAT_ENTRY_H
#define HF_FORMAT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rnd.h"
#include "format/keyring.h"

#define ENTRY_SEAL_BYTES 256u
#define ENTRY_MAX_BODY (16u << 20)
#define ENTRY_MAX_NUMBER 999999999999ull
#define ENTRY_HASH_BYTES 32
#define ENTRY_NAME_BYTES 13 /* twelve digits and a NUL */
#define ENTRY_HEAD_BYTES 78 /* twelve digits, a dash, 64 hex digits, a NUL */

enum entry_item {
    ENTRY_ADOPT = 1,
    ENTRY_INIT = 2,
    ENTRY_COMMIT = 3,
    ENTRY_FORGET = 4,
    ENTRY_UNFORGET = 5,
    ENTRY_CONDEMN = 6,
    ENTRY_KEY = 7,
    ENTRY_EVENT = 8,
    ENTRY_PARTIAL = 9,
};

enum entry_event { ENTRY_EVENT_TAG = 1, ENTRY_EVENT_GAP = 2, ENTRY_EVENT_EVIDENCE = 3 };
enum entry_key { ENTRY_KEY_WAYS = 1 };

struct entry_adopt {
    uint8_t uuid[16];
    uint64_t file_len;
    uint8_t trailer_hash[32];
};

struct entry_init {
    uint8_t repo_id[16];
    uint16_t version;
    uint64_t features_ignore, features_write, features_read;
    int64_t created_ns;
    uint8_t admin_public[32];
    uint8_t data_public[32];
    uint8_t id_algorithm, cipher, codec, level;
    uint64_t segment_target;
    uint32_t chunk_min, chunk_avg, chunk_max, chunk_fixed;
    uint8_t first_key[8]; /* how the fingerprint of the key that init made begins, or zeros */
};

/* Building a body: items in the order of docs/format.md. Errors stay in the buf. */
void entry_put_adopt(struct buf *body, const struct entry_adopt *a);
void entry_put_init(struct buf *body, const struct entry_init *i);
void entry_put_forget(struct buf *body, bool undo, uint64_t view, const uint8_t (*commits)[16],
                      size_t count);
void entry_put_condemn(struct buf *body, const uint8_t (*segments)[16], size_t count);
/* COMMIT, PARTIAL, KEY or EVENT: the plaintext is sealed for the keyring's domain. `kind` is an
 * enum entry_key or entry_event, of no meaning for the others. */
int entry_put_sealed(struct buf *body, enum entry_item type, unsigned kind,
                     const struct keyring *keys, const uint8_t repo_id[16],
                     const uint8_t entry_uuid[16], struct rnd *rnd, const void *plain, size_t len);

/* Reading a body, item by item. */
struct entry_view {
    enum entry_item type;
    const uint8_t *payload;
    size_t len;
};
struct entry_walk {
    const uint8_t *body;
    size_t len, pos;
    bool seen_act; /* something else than ADOPT has come */
};
void entry_walk_init(struct entry_walk *w, const void *body, size_t len);
/* 1: *out is the next item; 0: the end; negative: HF_EDAMAGE or HF_ENEWER. Skips what may be
 * skipped. */
int entry_walk_next(struct entry_walk *w, struct entry_view *out);

int entry_get_adopt(const struct entry_view *v, struct entry_adopt *out);
int entry_get_init(const struct entry_view *v, struct entry_init *out);
/* FORGET, UNFORGET, CONDEMN: the list is borrowed, count UUIDs of 16 bytes. */
int entry_get_list(const struct entry_view *v, uint64_t *out_view, const uint8_t **out_uuids,
                   size_t *out_count);
/* COMMIT, PARTIAL, KEY, EVENT: fresh plaintext in out. HF_EDAMAGE; HF_EDENIED for another domain.
 */
int entry_get_sealed(const struct entry_view *v, const struct keyring *keys,
                     const uint8_t repo_id[16], const uint8_t entry_uuid[16], unsigned *out_kind,
                     struct buf *out);

struct entry_seal {
    uint32_t body_len;
    uint8_t repo_id[16];
    uint8_t uuid[16];
    uint64_t number;
    uint8_t previous[32];
    uint8_t body_hash[32];
    uint8_t author[16];
    int64_t time_ns;
    uint64_t passed_first, passed_last;
};

/* Fills body_len and body_hash from the body, signs. */
void entry_seal_encode(struct entry_seal *s, const void *body, size_t body_len,
                       const struct keyring *keys, uint8_t out[ENTRY_SEAL_BYTES]);
/*
 * Splits a whole entry file and checks magic, version, lengths, CRC and body hash: HF_EDAMAGE says
 * which. The chain and the signature are the journal's to check. *out_body is borrowed.
 */
int entry_decode(const void *file, size_t len, struct entry_seal *out_seal,
                 const uint8_t **out_body, size_t *out_body_len);
bool entry_signature_holds(const uint8_t seal[ENTRY_SEAL_BYTES], const uint8_t public_key[32]);
void entry_seal_hash(const uint8_t seal[ENTRY_SEAL_BYTES], uint8_t out[ENTRY_HASH_BYTES]);

void entry_name(uint64_t number, char out[ENTRY_NAME_BYTES]);
bool entry_parse_name(const char *name, uint64_t *out_number);
void entry_head_name(uint64_t number, const uint8_t hash[32], char out[ENTRY_HEAD_BYTES]);
bool entry_parse_head(const char *name, uint64_t *out_number, uint8_t out_hash[32]);

/* Appends a readable description; keys NULL: what can be told without. */
int entry_describe(const void *file, size_t len, const struct keyring *keys, struct buf *out);

#endif
