/*
 * nacl.c - libsodium behind our names; the only file that includes it.
 *
 * What can't fail for bytes of any content has no error to return. Lengths are those of our own
 * structures, so they are far below libsodium's limits.
 */
#include "format/nacl.h"

#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

_Static_assert(NACL_HASH_BYTES == crypto_generichash_BYTES, "BLAKE2b-256");
_Static_assert(NACL_SIGN_SECRET_BYTES == crypto_sign_SECRETKEYBYTES, "Ed25519 secret");
_Static_assert(NACL_SIGNATURE_BYTES == crypto_sign_BYTES, "Ed25519 signature");
_Static_assert(NACL_SEALED_EXTRA == crypto_box_SEALBYTES, "sealed box");
_Static_assert(NACL_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(NACL_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(NACL_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "Argon2id salt");

int nacl_init(void)
{
    if (sodium_init() < 0) {
        return err_raise(HF_EFAIL, "could not initialise the cryptography library (libsodium)");
    }
    return 0;
}

void nacl_hash(const void *data, size_t len, uint8_t out[NACL_HASH_BYTES])
{
    crypto_generichash(out, NACL_HASH_BYTES, data, len, NULL, 0);
}

void nacl_hash_parts(const struct nacl_part *parts, size_t count, uint8_t out[NACL_HASH_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, NACL_HASH_BYTES);
    for (size_t i = 0; i < count; i++) {
        crypto_generichash_update(&state, parts[i].data, parts[i].len);
    }
    crypto_generichash_final(&state, out, NACL_HASH_BYTES);
}

void nacl_derive(const uint8_t key[NACL_KEY_BYTES], const char *label, const void *context,
                 size_t context_len, uint8_t out[NACL_KEY_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, NACL_KEY_BYTES, NACL_KEY_BYTES);
    /* The label's NUL goes in as well: no label and context can pass for another pair. */
    crypto_generichash_update(&state, (const unsigned char *)label, strlen(label) + 1);
    crypto_generichash_update(&state, context, context_len);
    crypto_generichash_final(&state, out, NACL_KEY_BYTES);
    sodium_memzero(&state, sizeof state);
}

uint64_t nacl_siphash(const uint8_t key[16], const void *data, size_t len)
{
    uint8_t out[crypto_shorthash_siphash24_BYTES];
    crypto_shorthash_siphash24(out, data, len, key);
    return le_get64(out);
}

void nacl_sign_pair(const uint8_t seed[NACL_KEY_BYTES], uint8_t out_public[NACL_PUBLIC_BYTES],
                    uint8_t out_secret[NACL_SIGN_SECRET_BYTES])
{
    crypto_sign_seed_keypair(out_public, out_secret, seed);
}

void nacl_sign(const uint8_t secret[NACL_SIGN_SECRET_BYTES], const void *data, size_t len,
               uint8_t out[NACL_SIGNATURE_BYTES])
{
    crypto_sign_detached(out, NULL, data, len, secret);
}

bool nacl_verify(const uint8_t public_key[NACL_PUBLIC_BYTES], const void *data, size_t len,
                 const uint8_t signature[NACL_SIGNATURE_BYTES])
{
    return crypto_sign_verify_detached(signature, data, len, public_key) == 0;
}

void nacl_box_pair(const uint8_t seed[NACL_KEY_BYTES], uint8_t out_public[NACL_PUBLIC_BYTES],
                   uint8_t out_secret[NACL_KEY_BYTES])
{
    crypto_box_seed_keypair(out_public, out_secret, seed);
}

/*
 * crypto_box_seal, but for where the throw-away key comes from: it must be the caller's randomness,
 * so that a simulated run is the same each time.
 */
int nacl_seal_to(const uint8_t public_key[NACL_PUBLIC_BYTES], struct rnd *rnd, const void *data,
                 size_t len, uint8_t *out)
{
    uint8_t seed[crypto_box_SEEDBYTES];
    uint8_t secret[crypto_box_SECRETKEYBYTES];
    uint8_t nonce[crypto_box_NONCEBYTES];
    crypto_generichash_state hash;
    int rc = rnd_bytes(rnd, seed, sizeof seed);

    if (rc != 0) {
        return rc;
    }
    crypto_box_seed_keypair(out, secret, seed);
    crypto_generichash_init(&hash, NULL, 0, sizeof nonce);
    crypto_generichash_update(&hash, out, crypto_box_PUBLICKEYBYTES);
    crypto_generichash_update(&hash, public_key, crypto_box_PUBLICKEYBYTES);
    crypto_generichash_final(&hash, nonce, sizeof nonce);
    rc = crypto_box_easy(out + crypto_box_PUBLICKEYBYTES, data, len, nonce, public_key, secret);
    mem_wipe(secret, sizeof secret);
    mem_wipe(seed, sizeof seed);
    /* Refused are the few points with which the shared secret would be known to everybody. */
    return rc == 0 ? 0 : err_raise(HF_EDAMAGE, "the public data key is not a valid X25519 key");
}

bool nacl_seal_open(const uint8_t public_key[NACL_PUBLIC_BYTES],
                    const uint8_t secret[NACL_KEY_BYTES], const void *sealed, size_t sealed_len,
                    uint8_t *out)
{
    if (sealed_len < NACL_SEALED_EXTRA) {
        return false;
    }
    return crypto_box_seal_open(out, sealed, sealed_len, public_key, secret) == 0;
}

void nacl_encrypt(const uint8_t key[NACL_KEY_BYTES], const uint8_t nonce[NACL_NONCE_BYTES],
                  const void *ad, size_t ad_len, const void *data, size_t len, uint8_t *out)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, data, len, ad, ad_len, NULL, nonce, key);
}

bool nacl_decrypt(const uint8_t key[NACL_KEY_BYTES], const uint8_t nonce[NACL_NONCE_BYTES],
                  const void *ad, size_t ad_len, const void *sealed, size_t sealed_len,
                  uint8_t *out)
{
    if (sealed_len < NACL_TAG_BYTES) {
        return false;
    }
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, sealed_len, ad,
                                                      ad_len, nonce, key) == 0;
}

int nacl_password_key(const void *password, size_t len, const uint8_t salt[NACL_SALT_BYTES],
                      uint32_t passes, uint32_t memory_kib, uint8_t out[NACL_KEY_BYTES])
{
    size_t memory = (size_t)memory_kib << 10;
    if (passes < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
        memory < crypto_pwhash_argon2id_MEMLIMIT_MIN) {
        return err_raise(HF_EUSAGE, "Argon2id needs at least %u pass and %u KiB",
                         (unsigned)crypto_pwhash_argon2id_OPSLIMIT_MIN,
                         (unsigned)(crypto_pwhash_argon2id_MEMLIMIT_MIN >> 10));
    }
    if (crypto_pwhash_argon2id(out, NACL_KEY_BYTES, password, len, salt, passes, memory,
                               crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
        return err_raise(HF_ENOMEM,
                         "could not get the %u KiB that deriving a key from the "
                         "password takes: out of memory",
                         memory_kib);
    }
    return 0;
}

bool nacl_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}
