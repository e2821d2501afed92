/*
 * fuzz_keyfile.c - keys and key files of any content: refused or opened, and never more than that.
 *
 * The first byte says what the rest is: a key as it is, a key whose checksums are put right first
 * (without that nothing would get past them), or the text of a user's key file. Only a secret is
 * tried, never a password, since costs within bounds may still be seconds.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/keyfile.h"
#include "format/nacl.h"

#define CHECKSUM_AT 224

enum form { AS_IS, WITH_CHECKSUMS, TEXT };

static void put_checksums(uint8_t *file, size_t len)
{
    for (size_t at = 0; at + KEYFILE_COPY_BYTES <= len && at < KEYFILE_BYTES;
         at += KEYFILE_COPY_BYTES) {
        nacl_hash(file + at, CHECKSUM_AT, file + at + CHECKSUM_AT);
    }
}

static void try_key(const uint8_t *file, size_t len)
{
    static const uint8_t secret[KEYFILE_SECRET_BYTES] = { 1, 2, 3 };
    const struct keyfile_unlock how = { .secret = secret };
    struct keyfile_info told, opened;
    uint8_t master[32];
    struct buf b;
    int rc = keyfile_inspect(file, len, &told);

    /* What opens must have looked whole before. */
    if (keyfile_unwrap(file, len, &how, master, &opened) == 0 && rc != 0) {
        abort();
    }
    buf_init(&b);
    (void)keyfile_describe(file, len, &b);
    buf_release(&b);
}

static void try_text(const char *text, size_t len)
{
    uint8_t secret[KEYFILE_SECRET_BYTES], again[KEYFILE_SECRET_BYTES];
    struct buf b;

    if (keyfile_parse_text(text, len, secret) != 0) {
        return;
    }
    buf_init(&b);
    keyfile_put_text(&b, secret);
    if (keyfile_parse_text((const char *)b.data, b.len, again) != 0 ||
        memcmp(secret, again, sizeof secret) != 0) {
        abort();
    }
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file;

    if (nacl_init() != 0) {
        abort();
    }
    if (size == 0) {
        return 0;
    }
    file = mem_dup(data + 1, size - 1); /* exactly as long, for the sanitizer */
    if (!file) {
        return 0;
    }
    switch ((enum form)(data[0] % 3)) {
    case AS_IS:
        try_key(file, size - 1);
        break;
    case WITH_CHECKSUMS:
        put_checksums(file, size - 1);
        try_key(file, size - 1);
        break;
    case TEXT:
        try_text((const char *)file, size - 1);
        break;
    }
    mem_free(file);
    return 0;
}
