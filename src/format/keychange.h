/*
 * keychange.h - what a KEY entry says: which ways into the repository were added and removed.
 *
 * A way in is a file in keys/. The journal knows it by its file's name and its fingerprint
 * (keyfile.h), so that a file that has gone, come back, or become another can be told. Format: "KEY
 * plaintext" in docs/format.md.
 */
#ifndef HF_FORMAT_KEYCHANGE_H
#define HF_FORMAT_KEYCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/keyfile.h"

#define KEYCHANGE_NAME_MAX 64u   /* of a key: letters, digits, '-' and '_' */
#define KEYCHANGE_FILE_BYTES 80u /* of a file: the name, perhaps '.' and a number; with its NUL */

enum keychange_kind { KEYCHANGE_PASSWORD = 1, KEYCHANGE_KEY_FILE = 2, KEYCHANGE_RECOVERY = 3 };

struct keychange_way {
    char file[KEYCHANGE_FILE_BYTES];
    enum keychange_kind kind;
    uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES];
};

struct keychange {
    struct keychange_way by; /* what its author had opened the repository with */
    struct keychange_way *added, *removed;
    size_t added_count, removed_count;
};

int keychange_encode(const struct keychange *c, struct buf *out);
/* Fresh memory, freed by keychange_release. HF_EDAMAGE, HF_ENEWER. */
int keychange_decode(const void *plain, size_t len, struct keychange *out);
void keychange_release(struct keychange *c);

/* "password", "key file", "recovery sheet". */
const char *keychange_kind_name(enum keychange_kind kind);

/* Whether a key may have this name. */
bool keychange_name_valid(const char *name);
/* NAME or, of generation 2 and above, NAME.GENERATION. */
void keychange_file(const char *name, unsigned generation, char out[KEYCHANGE_FILE_BYTES]);
/* Its inverse: false if no key's file is called so. */
bool keychange_parse_file(const char *file, char out_name[KEYCHANGE_NAME_MAX + 1],
                          unsigned *out_generation);

#endif
