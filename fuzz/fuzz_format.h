/*
 * fuzz_format.h - what the fuzz targets of src/format share: a keyring of a fixed secret, with
 * which the stored inputs are sealed, and a check that stops the fuzzer.
 */
#ifndef HF_FUZZ_FORMAT_H
#define HF_FUZZ_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/keyring.h"
#include "format/nacl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that must hold for any input. */
static inline void fuzz_require(bool holds)
{
    if (!holds)
        abort();
}

/* One keyring for the whole run. */
static inline const struct keyring *fuzz_keys(void)
{
    static const uint8_t master[KEYRING_MASTER_BYTES] = { 0xf0, 0x2 };
    static struct keyring *keys;
    static struct keyring kept; /* so that no leak is reported at the end */

    if (keys == NULL) {
        fuzz_require(nacl_init() == 0 && keyring_new(master, &keys) == 0);
        kept = *keys;
        keyring_free(keys);
        keys = &kept;
    }
    return keys;
}

#endif
