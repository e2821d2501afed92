/*
 * hmac.h - HMAC-SHA-256 of many texts under one key, two of them at a time (sha256.h).
 *
 * Only for processors of which sha256_available says so. Nothing is allocated and nothing can fail.
 */
#ifndef HF_FORMAT_HMAC_H
#define HF_FORMAT_HMAC_H

#include "format/sha256.h"

#define HMAC_KEY_BYTES 32

struct hmac_key { /* the states after the padded key: as secret as the key itself */
    struct sha256_state inner, outer;
};

struct hmac_text {
    const void *data;
    size_t len;
    uint8_t *out; /* SHA256_BYTES */
};

void hmac_key_init(struct hmac_key *k, const uint8_t key[HMAC_KEY_BYTES]);
void hmac_of(const struct hmac_key *k, const struct hmac_text *texts, size_t count);

#endif
