/*
 * repo_unlock.h - the files in keys/: which there are, and which of them opens.
 *
 * A damaged file is no obstacle as long as another one opens. Reads only.
 */
#ifndef HF_STORE_REPO_UNLOCK_H
#define HF_STORE_REPO_UNLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "format/keychange.h"
#include "format/keyfile.h"
#include "format/keyring.h"
#include "io/fs.h"
#include "store/catalog.h"

struct repo_wrap { /* one file in keys/ */
    char *file;
    uint8_t *data; /* NULL: it could not be read */
    size_t len;
    int code; /* 0: a whole copy is there; else as in `why` */
    struct err_trail why;
    struct keyfile_info info; /* if code is 0 */
};

struct repo_wraps { /* by name */
    struct repo_wrap *list;
    size_t count, cap;
};

/* All files in keys/. What is wrong with one of them is kept with it. */
int repo_unlock_load(struct fs *fs, struct repo_wraps *out);
void repo_unlock_release(struct repo_wraps *w);

/*
 * Tries those that can be opened by what is given, one by one. With a catalogue, what that knows to
 * be removed is passed over, and the error says so if nothing else fits.
 *
 * HF_EKEY: none of them is opened by it. HF_EKEY_DAMAGED: those that might be are damaged.
 */
struct repo_unlock {
    struct fs *fs;
    struct fs *cache; /* or NULL: remembers which one opened last, since a password costs time */
    const uint8_t *repo_id;
    const struct keyfile_unlock *how;
    const struct catalog *catalog; /* or NULL */
};
/* out_master (32 bytes) may be NULL, and is to be wiped. *out_keys is the caller's. */
int repo_unlock(const struct repo_unlock *u, struct keyring **out_keys,
                struct keychange_way *out_way, uint8_t *out_master);

#endif
