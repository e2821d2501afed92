/*
 * nacl.h - what libsodium does for us: hashes, derivation, signatures, sealed boxes, passwords.
 *
 * nacl_init must have succeeded once before anything else (it is idempotent and thread-safe).
 * Randomness comes from the caller, so that a simulated run is deterministic.
 */
#ifndef HF_FORMAT_NACL_H
#define HF_FORMAT_NACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rnd.h"

#define NACL_HASH_BYTES 32
#define NACL_KEY_BYTES 32
#define NACL_PUBLIC_BYTES 32
#define NACL_SIGN_SECRET_BYTES 64
#define NACL_SIGNATURE_BYTES 64
#define NACL_SEALED_EXTRA 48 /* what nacl_seal_to adds */
#define NACL_NONCE_BYTES 24
#define NACL_TAG_BYTES 16
#define NACL_SALT_BYTES 16

int nacl_init(void);

/* BLAKE2b-256, of one piece or of several. */
void nacl_hash(const void *data, size_t len, uint8_t out[NACL_HASH_BYTES]);
struct nacl_part {
    const void *data;
    size_t len;
};
void nacl_hash_parts(const struct nacl_part *parts, size_t count, uint8_t out[NACL_HASH_BYTES]);

/* derive(key, label, context) of docs/format.md. */
void nacl_derive(const uint8_t key[NACL_KEY_BYTES], const char *label, const void *context,
                 size_t context_len, uint8_t out[NACL_KEY_BYTES]);

/* SipHash-2-4 with a 16-byte key. */
uint64_t nacl_siphash(const uint8_t key[16], const void *data, size_t len);

/* Ed25519. */
void nacl_sign_pair(const uint8_t seed[NACL_KEY_BYTES], uint8_t out_public[NACL_PUBLIC_BYTES],
                    uint8_t out_secret[NACL_SIGN_SECRET_BYTES]);
void nacl_sign(const uint8_t secret[NACL_SIGN_SECRET_BYTES], const void *data, size_t len,
               uint8_t out[NACL_SIGNATURE_BYTES]);
bool nacl_verify(const uint8_t public_key[NACL_PUBLIC_BYTES], const void *data, size_t len,
                 const uint8_t signature[NACL_SIGNATURE_BYTES]);

/* X25519 sealed boxes (crypto_box_seal): who holds the public key can only write. */
void nacl_box_pair(const uint8_t seed[NACL_KEY_BYTES], uint8_t out_public[NACL_PUBLIC_BYTES],
                   uint8_t out_secret[NACL_KEY_BYTES]);
int nacl_seal_to(const uint8_t public_key[NACL_PUBLIC_BYTES], struct rnd *rnd, const void *data,
                 size_t len, uint8_t *out); /* out: len + NACL_SEALED_EXTRA */
bool nacl_seal_open(const uint8_t public_key[NACL_PUBLIC_BYTES],
                    const uint8_t secret[NACL_KEY_BYTES], const void *sealed, size_t sealed_len,
                    uint8_t *out); /* out: sealed_len - NACL_SEALED_EXTRA */

/* XChaCha20-Poly1305; out: len + NACL_TAG_BYTES, or sealed_len - NACL_TAG_BYTES. */
void nacl_encrypt(const uint8_t key[NACL_KEY_BYTES], const uint8_t nonce[NACL_NONCE_BYTES],
                  const void *ad, size_t ad_len, const void *data, size_t len, uint8_t *out);
bool nacl_decrypt(const uint8_t key[NACL_KEY_BYTES], const uint8_t nonce[NACL_NONCE_BYTES],
                  const void *ad, size_t ad_len, const void *sealed, size_t sealed_len,
                  uint8_t *out);

/* Argon2id; HF_ENOMEM when the memory can't be had. */
int nacl_password_key(const void *password, size_t len, const uint8_t salt[NACL_SALT_BYTES],
                      uint32_t passes, uint32_t memory_kib, uint8_t out[NACL_KEY_BYTES]);

bool nacl_equal(const void *a, const void *b, size_t len); /* in constant time */

#endif
