/*
 * realtree.h - trees on the real file system: made at random, changed at random, compared to the
 * last bit.
 *
 * Everything is decided by the seed. What only root may make (devices, other owners) is made by
 * root only; what the file system lacks (xattrs, flags) is left out.
 */
#ifndef HF_HARNESS_REALTREE_H
#define HF_HARNESS_REALTREE_H

#include <stddef.h>
#include <stdint.h>

/* Fills an existing folder with about so many things. */
void realtree_fill(const char *dir, uint64_t seed, size_t things);
/* Adds, changes, renames, replaces and removes some of what is there. */
void realtree_change(const char *dir, uint64_t seed);
/* Removes the folder and all below it, whatever its modes and flags. */
void realtree_remove(const char *dir);

enum realtree_ignore {
    REALTREE_TOP = 1, /* the two folders themselves are not compared, only what is in them */
    REALTREE_OWNERS = 2,
};

/*
 * Compares type, mode, owner, times (of symlinks too), content, targets, devices, xattrs, flags,
 * links among names, and holes. 0: the same; else 1, and the first difference is described.
 */
int realtree_differs(const char *a, const char *b, unsigned ignore, char *out, size_t out_max);

/* Content as the trees have it: compressible or not, by the seed. */
void realtree_content(uint64_t seed, void *out, size_t len);
void realtree_write(const char *path, const void *data, size_t len);

#endif
