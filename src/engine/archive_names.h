/*
 * archive_names.h - what the names in an archive mean, when they are taken in one after the other.
 *
 * A later entry replaces an earlier one of the same name, as it does when a tar is unpacked; but
 * no entry ever leads through what is not a folder, nor takes the place of a folder that has
 * something in it. So what comes out is a tree, and no name can point out of it: a name with ".."
 * is refused, one that begins with a slash is taken without it.
 *
 * Memory: some 50 bytes for each name. Not thread-safe.
 */
#ifndef HF_ENGINE_ARCHIVE_NAMES_H
#define HF_ENGINE_ARCHIVE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct archive_names;

/* key: a secret, so that nobody can make two names look the same. */
int archive_names_new(const uint8_t key[32], struct archive_names **out_names);
void archive_names_free(struct archive_names *n); /* accepts NULL */

enum archive_names_verdict {
    ARCHIVE_NAMES_GOOD,
    ARCHIVE_NAMES_NONE, /* nothing is left of it without its first folders */
    ARCHIVE_NAMES_BAD,  /* *out_why says why */
};

/*
 * A name as archives have it becomes a path as snapshots have it, in out, with a NUL behind it:
 * "./a//b/" is "/a/b", "." is "/". The first `strip` folders are left out.
 */
int archive_names_clean(const char *name, unsigned strip, struct buf *out, bool *out_absolute,
                        enum archive_names_verdict *out_verdict, const char **out_why);

/*
 * Takes in an entry of this clean path. inode: a number for what it is, which other names of it
 * will have too; 0: a folder. *out_why is NULL if it may be there, else it was not taken in.
 */
int archive_names_add(struct archive_names *n, const char *path, size_t len, uint64_t inode,
                      const char **out_why);
/* The inode under this name now; 0 if there is none, or a folder. */
int archive_names_find(struct archive_names *n, const char *path, size_t len, uint64_t *out_inode);

#endif
