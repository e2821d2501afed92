/*
 * keyfile.h - wrapped keys: the master secret as a password or a key file protects it.
 *
 * Format: "keys/NAME" and the text form of a user's key file, in docs/format.md.
 */
#ifndef HF_FORMAT_KEYFILE_H
#define HF_FORMAT_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rnd.h"

#define KEYFILE_COPY_BYTES 256
#define KEYFILE_BYTES (2 * KEYFILE_COPY_BYTES)
#define KEYFILE_SECRET_BYTES 32
#define KEYFILE_FINGERPRINT_BYTES 32

enum keyfile_kind { KEYFILE_PASSWORD = 1, KEYFILE_SECRET = 2 };

/* What opens a wrap. Exactly one of the two. */
struct keyfile_unlock {
    const char *password; /* or NULL */
    size_t password_len;
    const uint8_t *secret;       /* KEYFILE_SECRET_BYTES, or NULL */
    uint32_t passes, memory_kib; /* for making a password wrap; 0: the defaults */
};

struct keyfile_info {
    enum keyfile_kind kind;
    uint8_t repo_id[16];
    uint8_t admin_public[32];
    uint32_t passes, memory_kib;
    uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES]; /* no other wrap has it; it needs no secret */
    bool copy_damaged[2];                           /* one bad copy can be told and mended */
};

#define KEYFILE_DEFAULT_MEMORY_KIB (64u << 10)
#define KEYFILE_DEFAULT_PASSES 3u

/*
 * How many passes take about a quarter of a second where the default ones took so long: never less
 * than the default, and not more than a machine a few times slower would bear.
 */
uint32_t keyfile_passes_for(int64_t default_ns);

int keyfile_wrap(const uint8_t master[32], const uint8_t repo_id[16],
                 const uint8_t admin_public[32], const struct keyfile_unlock *how, struct rnd *rnd,
                 uint8_t out[KEYFILE_BYTES]);

/*
 * Reads what needs no secret. HF_EKEY_DAMAGED when neither copy is whole, HF_ENEWER when it is of a
 * version this program does not know.
 */
int keyfile_inspect(const void *data, size_t len, struct keyfile_info *out_info);

/*
 * Unwraps. HF_EKEY for a wrong password or secret, or when the wrap is of the other kind;
 * HF_EKEY_DAMAGED when neither copy is whole or its Argon2 costs are beyond what is allowed.
 */
int keyfile_unwrap(const void *data, size_t len, const struct keyfile_unlock *how,
                   uint8_t out_master[32], struct keyfile_info *out_info);

/*
 * The user's key file: text with one secret; reading it, also a recovery sheet (keysheet.h).
 * HF_EKEY_DAMAGED with the line that is wrong.
 */
void keyfile_put_text(struct buf *b, const uint8_t secret[KEYFILE_SECRET_BYTES]);
int keyfile_parse_text(const char *text, size_t len, uint8_t out_secret[KEYFILE_SECRET_BYTES]);

/* Appends a readable description with offsets, as far as possible without secrets. */
int keyfile_describe(const void *data, size_t len, struct buf *out);

#endif
