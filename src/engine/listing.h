/*
 * listing.h - the names in folders, sorted, in little memory.
 *
 * A stack: the names of a folder are added on top of those of the folder above it, and taken off
 * when the walk leaves it; so a walk allocates nothing per folder. A name costs its bytes and
 * sixteen more.
 */
#ifndef HF_ENGINE_LISTING_H
#define HF_ENGINE_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct listing_name {
    uint64_t order;  /* its first bytes as a number: most comparisons end here */
    uint32_t offset; /* in the folder's names */
    uint16_t len;
    uint8_t type; /* as getdents says (DT_*) */
};

struct listing {
    struct buf names;
    struct listing_name *entries;
    size_t count, cap;
};

struct listing_mark { /* where a folder begins */
    size_t entries;
    size_t names;
};

void listing_init(struct listing *l);
void listing_release(struct listing *l);

struct listing_mark listing_mark(const struct listing *l);
/* Takes off all that was added since. */
void listing_return(struct listing *l, struct listing_mark mark);

int listing_add(struct listing *l, struct listing_mark mark, const char *name, size_t len,
                uint8_t type);
/* Adds all names of an open folder but "." and ".."; what was read before an error stays. */
int listing_read(struct listing *l, struct listing_mark mark, int fd);
void listing_sort(struct listing *l, struct listing_mark mark);

/* The name of an entry, ended by a NUL; valid until the next add. */
const char *listing_text(const struct listing *l, struct listing_mark mark,
                         const struct listing_name *n);
/* Finds a name among the sorted ones since the mark; NULL if it is not there. */
struct listing_name *listing_find(struct listing *l, struct listing_mark mark, const char *name,
                                  size_t len);

#endif
