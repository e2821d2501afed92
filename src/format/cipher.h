/*
 * cipher.h - what OpenSSL does for us: bulk authenticated encryption and chunk ids.
 *
 * A cipher context serves one thread at a time; each worker has its own. Nothing is allocated
 * after cipher_new.
 */
#ifndef HF_FORMAT_CIPHER_H
#define HF_FORMAT_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/hmac.h"

#define CIPHER_KEY_BYTES 32
#define CIPHER_NONCE_BYTES 12
#define CIPHER_TAG_BYTES 16
#define CIPHER_ID_BYTES 32

enum cipher_kind { CIPHER_AES_256_GCM = 1, CIPHER_CHACHA20_POLY1305 = 2 };

struct cipher;

/* HF_EUNSUPPORTED for an unknown kind. */
int cipher_new(enum cipher_kind kind, struct cipher **out_cipher);
void cipher_free(struct cipher *c);
/* What this processor does faster. */
enum cipher_kind cipher_best(void);

struct cipher_ad { /* associated data in two parts: segment UUID, record header */
    const void *first;
    size_t first_len;
    const void *second;
    size_t second_len;
};

/* out holds len bytes of ciphertext and the tag; out may be data (in place). */
int cipher_seal(struct cipher *c, const uint8_t key[CIPHER_KEY_BYTES],
                const uint8_t nonce[CIPHER_NONCE_BYTES], const struct cipher_ad *ad,
                const void *data, size_t len, uint8_t *out);
/* HF_EDAMAGE when the tag does not hold; out: sealed_len - CIPHER_TAG_BYTES, may be in place. */
int cipher_open(struct cipher *c, const uint8_t key[CIPHER_KEY_BYTES],
                const uint8_t nonce[CIPHER_NONCE_BYTES], const struct cipher_ad *ad,
                const void *sealed, size_t sealed_len, uint8_t *out);

/* Chunk ids: HMAC-SHA-256 under a key that is set up once. One thread at a time. */
struct cipher_id;
int cipher_id_new(const uint8_t key[CIPHER_KEY_BYTES], struct cipher_id **out_id);
/* The same without what only some processors can (hmac.h). */
int cipher_id_new_portable(const uint8_t key[CIPHER_KEY_BYTES], struct cipher_id **out_id);
void cipher_id_free(struct cipher_id *h);
int cipher_id_of(struct cipher_id *h, const void *data, size_t len, uint8_t out[CIPHER_ID_BYTES]);
/* Of many texts, in half the time where the processor can. */
int cipher_ids_of(struct cipher_id *h, const struct hmac_text *texts, size_t count);

#endif
