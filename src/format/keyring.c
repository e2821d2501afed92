/*
 * keyring.c - the table of secrets in docs/format.md, "Keys and derivation", as code.
 */
#include "format/keyring.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/nacl.h"

#define OWNER_DOMAIN 0u
#define FIRST_EPOCH 0u

static void derive_signer(struct keyring *k, const uint8_t master[KEYRING_MASTER_BYTES])
{
    uint8_t seed[NACL_KEY_BYTES], hash[NACL_HASH_BYTES];
    nacl_derive(master, "admin-sign", NULL, 0, seed);
    nacl_sign_pair(seed, k->sign_public, k->sign_secret);
    mem_wipe(seed, sizeof seed);

    nacl_hash(k->sign_public, sizeof k->sign_public, hash);
    memcpy(k->author, hash, sizeof k->author);
}

static void derive_data_pair(struct keyring *k, const uint8_t master[KEYRING_MASTER_BYTES])
{
    uint8_t seed[NACL_KEY_BYTES], epoch[4];
    le_put32(epoch, FIRST_EPOCH);
    nacl_derive(master, "data-pair", epoch, sizeof epoch, seed);
    nacl_box_pair(seed, k->data_public, k->data_secret);
    mem_wipe(seed, sizeof seed);
}

static void derive_domain(struct keyring *k, const uint8_t master[KEYRING_MASTER_BYTES])
{
    uint8_t secret[NACL_KEY_BYTES], domain[4];
    k->domain = OWNER_DOMAIN;
    le_put32(domain, k->domain);
    nacl_derive(master, "domain", domain, sizeof domain, secret);
    nacl_derive(secret, "chunk-id", NULL, 0, k->chunk_id_key);
    nacl_derive(secret, "chunk-boundary", NULL, 0, k->chunk_boundary_key);
    nacl_derive(secret, "page-boundary", NULL, 0, k->page_boundary_key);
    nacl_derive(secret, "footer", NULL, 0, k->footer_root);
    nacl_derive(secret, "entry", NULL, 0, k->entry_key);
    mem_wipe(secret, sizeof secret);
}

int keyring_new(const uint8_t master[KEYRING_MASTER_BYTES], struct keyring **out_ring)
{
    struct keyring *k = mem_zalloc(sizeof *k);
    *out_ring = k;
    if (!k) {
        return err_nomem();
    }
    derive_signer(k, master);
    derive_data_pair(k, master);
    derive_domain(k, master);
    return 0;
}

void keyring_free(struct keyring *k)
{
    if (!k) {
        return;
    }
    mem_wipe(k, sizeof *k);
    mem_free(k);
}

void keyring_footer_key(const struct keyring *k, const uint8_t segment[16], uint8_t out[32])
{
    nacl_derive(k->footer_root, "segment", segment, 16, out);
}
