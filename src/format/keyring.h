/*
 * keyring.h - every secret that a repository needs, derived from its master secret.
 *
 * A keyring is immutable once made; any thread may use it. keyring_free wipes it. See "Keys and
 * derivation" in docs/format.md.
 */
#ifndef HF_FORMAT_KEYRING_H
#define HF_FORMAT_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#define KEYRING_MASTER_BYTES 32
#define KEYRING_AUTHOR_BYTES 16

struct keyring {
    uint8_t sign_public[32];
    uint8_t sign_secret[64];
    uint8_t author[KEYRING_AUTHOR_BYTES]; /* how entries name this signer */
    uint8_t data_public[32];              /* of epoch 0 */
    uint8_t data_secret[32];
    uint32_t domain;
    uint8_t chunk_id_key[32];
    uint8_t chunk_boundary_key[32];
    uint8_t page_boundary_key[32];
    uint8_t footer_root[32];
    uint8_t entry_key[32];
};

int keyring_new(const uint8_t master[KEYRING_MASTER_BYTES], struct keyring **out_ring);
void keyring_free(struct keyring *k);

/* The key of one segment's footer. */
void keyring_footer_key(const struct keyring *k, const uint8_t segment[16], uint8_t out[32]);

#endif
