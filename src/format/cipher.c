/*
 * cipher.c - OpenSSL behind our names; the only file that includes it.
 *
 * Algorithms are fetched and contexts made once: a fetch per call costs more than sealing a small
 * block. A cipher holds one context for each direction, since turning one around makes OpenSSL
 * set it up anew.
 */
#include "format/cipher.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "base/err.h"
#include "base/mem.h"

struct cipher {
    EVP_CIPHER *algorithm;
    EVP_CIPHER_CTX *sealing, *opening;
};

/*
 * Whether what failed in OpenSSL did so for want of memory: it says so, or did not even have the
 * memory to give a reason. Its queue of errors belongs to the thread and would only grow.
 */
static bool memory_was_out(void)
{
    unsigned long error = ERR_get_error();
    bool out = error == 0;

    for (; error != 0; error = ERR_get_error()) {
        out = out || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    }
    return out;
}

/* What we ask for is always in order: if OpenSSL can't do it, it is short of something. */
static int openssl_failed(const char *what)
{
    if (memory_was_out()) {
        return err_raise(HF_ENOMEM, "could not %s with OpenSSL: out of memory", what);
    }
    return err_raise(HF_EFAIL,
                     "could not %s with OpenSSL: its build can't do that, or it is out of memory",
                     what);
}

/*
 * OpenSSL's default context can't be used: when memory runs out while that is made, the next fetch
 * crashes (docs/decisions/0006-openssl-context.md). One of our own is made wholly or not at all. It
 * lives as long as the process. NULL: memory is out.
 */
static OSSL_LIB_CTX *library(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static OSSL_LIB_CTX *context;
    OSSL_LIB_CTX *got;

    pthread_mutex_lock(&lock);
    if (!context) {
        context = OSSL_LIB_CTX_new();
    }
    got = context;
    pthread_mutex_unlock(&lock);
    return got;
}

static EVP_CIPHER *fetch_cipher(const char *name)
{
    OSSL_LIB_CTX *context = library();

    return context ? EVP_CIPHER_fetch(context, name, NULL) : NULL;
}

static EVP_MD *fetch_digest(const char *name)
{
    OSSL_LIB_CTX *context = library();

    return context ? EVP_MD_fetch(context, name, NULL) : NULL;
}

/* What OpenSSL has no memory for it passes over, and says that it knows no such thing. */
static int no_algorithm(const char *name)
{
    if (memory_was_out()) {
        return err_nomem();
    }
    return err_raise(HF_EUNSUPPORTED,
                     "OpenSSL gives no %s: its build lacks it, or it is out of memory", name);
}

static const char *algorithm_name(enum cipher_kind kind)
{
    switch (kind) {
    case CIPHER_AES_256_GCM:
        return "AES-256-GCM";
    case CIPHER_CHACHA20_POLY1305:
        return "ChaCha20-Poly1305";
    }
    return NULL;
}

int cipher_new(enum cipher_kind kind, struct cipher **out_cipher)
{
    *out_cipher = NULL;
    const char *name = algorithm_name(kind);
    if (!name) {
        return err_raise(HF_EUNSUPPORTED, "unknown cipher %d", (int)kind);
    }

    struct cipher *c = mem_zalloc(sizeof *c);
    if (!c) {
        return err_nomem();
    }
    int rc;
    c->algorithm = fetch_cipher(name);
    if (!c->algorithm) {
        rc = no_algorithm(name);
        goto fail;
    }
    c->sealing = EVP_CIPHER_CTX_new();
    c->opening = EVP_CIPHER_CTX_new();
    if (!c->sealing || !c->opening) {
        ERR_clear_error();
        rc = err_nomem();
        goto fail;
    }
    if (EVP_EncryptInit_ex2(c->sealing, c->algorithm, NULL, NULL, NULL) != 1 ||
        EVP_DecryptInit_ex2(c->opening, c->algorithm, NULL, NULL, NULL) != 1) {
        rc = openssl_failed("set up a cipher");
        goto fail;
    }
    *out_cipher = c;
    return 0;

fail:
    cipher_free(c);
    return rc;
}

void cipher_free(struct cipher *c)
{
    if (!c) {
        return;
    }
    EVP_CIPHER_CTX_free(c->sealing);
    EVP_CIPHER_CTX_free(c->opening);
    EVP_CIPHER_free(c->algorithm);
    mem_free(c);
}

enum cipher_kind cipher_best(void)
{
#if defined(__x86_64__)
    bool fast = __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
    const unsigned long both = HWCAP_AES | HWCAP_PMULL;
    bool fast = (getauxval(AT_HWCAP) & both) == both;
#else
    bool fast = false;
#endif
    return fast ? CIPHER_AES_256_GCM : CIPHER_CHACHA20_POLY1305;
}

/* Lengths are ints to OpenSSL. No block comes near that, but a damaged length might. */
static int check_lengths(size_t len, const struct cipher_ad *ad)
{
    if (len > INT_MAX || ad->first_len > INT_MAX || ad->second_len > INT_MAX) {
        return err_raise(HF_ELIMIT, "%zu bytes are too many to encrypt at once", len);
    }
    return 0;
}

static bool add_part(EVP_CIPHER_CTX *ctx, const void *part, size_t len)
{
    int taken;
    return len == 0 || EVP_CipherUpdate(ctx, NULL, &taken, part, (int)len) == 1;
}

static bool add_associated(EVP_CIPHER_CTX *ctx, const struct cipher_ad *ad)
{
    return add_part(ctx, ad->first, ad->first_len) && add_part(ctx, ad->second, ad->second_len);
}

static bool transform(EVP_CIPHER_CTX *ctx, const void *in, size_t len, uint8_t *out)
{
    int made;
    return len == 0 || (EVP_CipherUpdate(ctx, out, &made, in, (int)len) == 1 && made == (int)len);
}

int cipher_seal(struct cipher *c, const uint8_t key[CIPHER_KEY_BYTES],
                const uint8_t nonce[CIPHER_NONCE_BYTES], const struct cipher_ad *ad,
                const void *data, size_t len, uint8_t *out)
{
    int rc = check_lengths(len, ad);
    if (rc != 0) {
        return rc;
    }
    int made;
    uint8_t *tag = out + len;
    EVP_CIPHER_CTX *ctx = c->sealing;
    if (EVP_EncryptInit_ex2(ctx, NULL, key, nonce, NULL) != 1 || !add_associated(ctx, ad) ||
        !transform(ctx, data, len, out) || EVP_EncryptFinal_ex(ctx, tag, &made) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG_BYTES, tag) != 1) {
        return openssl_failed("encrypt");
    }
    return 0;
}

int cipher_open(struct cipher *c, const uint8_t key[CIPHER_KEY_BYTES],
                const uint8_t nonce[CIPHER_NONCE_BYTES], const struct cipher_ad *ad,
                const void *sealed, size_t sealed_len, uint8_t *out)
{
    if (sealed_len < CIPHER_TAG_BYTES) {
        return err_raise(HF_EDAMAGE, "%zu bytes are too few to hold a ciphertext", sealed_len);
    }
    size_t len = sealed_len - CIPHER_TAG_BYTES;
    int rc = check_lengths(len, ad);
    if (rc != 0) {
        return rc;
    }

    int made;
    uint8_t tag[CIPHER_TAG_BYTES], rest[CIPHER_TAG_BYTES];
    memcpy(tag, (const uint8_t *)sealed + len, sizeof tag);
    EVP_CIPHER_CTX *ctx = c->opening;
    if (EVP_DecryptInit_ex2(ctx, NULL, key, nonce, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CIPHER_TAG_BYTES, tag) != 1 ||
        !add_associated(ctx, ad) || !transform(ctx, sealed, len, out)) {
        return openssl_failed("decrypt");
    }
    if (EVP_DecryptFinal_ex(ctx, rest, &made) != 1) {
        /* What nobody vouches for must not be used, not even by mistake. */
        if (len > 0) {
            memset(out, 0, len);
        }
        ERR_clear_error();
        return err_raise(HF_EDAMAGE, "the authentication tag does not hold");
    }
    return 0;
}

/*
 * HMAC by hand from the two states that its key leads to. EVP_MAC does the same, and spends 70 to
 * 150 ns more on each call, which is a third of what a small chunk costs.
 */
struct cipher_id {
    bool own; /* by our own code and `key`; else by OpenSSL and what follows */
    struct hmac_key key;
    EVP_MD *algorithm;
    EVP_MD_CTX *inner, *outer; /* after the padded key; only ever copied */
    EVP_MD_CTX *work;
};

static bool begin_with_pad(EVP_MD_CTX *ctx, const EVP_MD *algorithm,
                           const uint8_t key[CIPHER_KEY_BYTES], uint8_t pad)
{
    uint8_t block[SHA256_BLOCK_BYTES];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < CIPHER_KEY_BYTES; i++) {
        block[i] ^= key[i];
    }
    bool ok = EVP_DigestInit_ex2(ctx, algorithm, NULL) == 1 &&
              EVP_DigestUpdate(ctx, block, sizeof block) == 1;
    mem_wipe(block, sizeof block);
    return ok;
}

int cipher_id_new(const uint8_t key[CIPHER_KEY_BYTES], struct cipher_id **out_id)
{
    if (!sha256_available()) {
        return cipher_id_new_portable(key, out_id); /* LCOV_EXCL_LINE: an older processor */
    }
    *out_id = mem_zalloc(sizeof **out_id);
    if (!*out_id) {
        return err_nomem();
    }
    (*out_id)->own = true;
    hmac_key_init(&(*out_id)->key, key);
    return 0;
}

int cipher_id_new_portable(const uint8_t key[CIPHER_KEY_BYTES], struct cipher_id **out_id)
{
    *out_id = NULL;
    struct cipher_id *h = mem_zalloc(sizeof *h);
    if (!h) {
        return err_nomem();
    }
    h->algorithm = fetch_digest("SHA256");
    if (!h->algorithm) {
        cipher_id_free(h);
        return no_algorithm("SHA-256");
    }
    h->inner = EVP_MD_CTX_new();
    h->outer = EVP_MD_CTX_new();
    h->work = EVP_MD_CTX_new();
    if (!h->inner || !h->outer || !h->work || !begin_with_pad(h->inner, h->algorithm, key, 0x36) ||
        !begin_with_pad(h->outer, h->algorithm, key, 0x5c)) {
        cipher_id_free(h);
        return openssl_failed("set up HMAC-SHA-256");
    }
    *out_id = h;
    return 0;
}

void cipher_id_free(struct cipher_id *h)
{
    if (!h) {
        return;
    }
    EVP_MD_CTX_free(h->work);
    EVP_MD_CTX_free(h->outer);
    EVP_MD_CTX_free(h->inner);
    EVP_MD_free(h->algorithm);
    mem_wipe(&h->key, sizeof h->key);
    mem_free(h);
}

static bool digest_from(EVP_MD_CTX *work, const EVP_MD_CTX *state, const void *data, size_t len,
                        uint8_t out[CIPHER_ID_BYTES])
{
    return EVP_MD_CTX_copy_ex(work, state) == 1 && EVP_DigestUpdate(work, data, len) == 1 &&
           EVP_DigestFinal_ex(work, out, NULL) == 1;
}

static int portable_id_of(struct cipher_id *h, const struct hmac_text *text)
{
    uint8_t inner[CIPHER_ID_BYTES];

    if (!digest_from(h->work, h->inner, text->data, text->len, inner) ||
        !digest_from(h->work, h->outer, inner, sizeof inner, text->out)) {
        return openssl_failed("compute a chunk id");
    }
    return 0;
}

int cipher_ids_of(struct cipher_id *h, const struct hmac_text *texts, size_t count)
{
    int rc = 0;

    if (h->own) {
        hmac_of(&h->key, texts, count);
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = portable_id_of(h, &texts[i]);
    }
    return rc;
}

int cipher_id_of(struct cipher_id *h, const void *data, size_t len, uint8_t out[CIPHER_ID_BYTES])
{
    const struct hmac_text text = { data, len, out };

    return cipher_ids_of(h, &text, 1);
}
