/*
 * linkmap.h - files with several names: what the first one turned out to be, for the others.
 *
 * Knows of each inode with several names how many are still to come, and forgets it with the
 * last, so memory follows the number of link groups that are open, not of files.
 */
#ifndef HF_ENGINE_LINKMAP_H
#define HF_ENGINE_LINKMAP_H

#include <stdbool.h>

#include "format/node.h"

struct linkmap;

int linkmap_new(struct linkmap **out_map);
void linkmap_free(struct linkmap *m); /* accepts NULL */

/*
 * Sees a name of n's inode (n->links > 1). *out_first: it is the first one, which has to be read.
 * Else the node becomes known by linkmap_take, once linkmap_set has been called for the first
 * one.
 */
int linkmap_see(struct linkmap *m, const struct node *n, bool *out_first);
/* What the first name turned out to be; NULL: it could not be backed up. Copied. */
int linkmap_set(struct linkmap *m, uint64_t dev, uint64_t ino, const struct node *n);
/*
 * Fills out for another name with this path: everything but the path is the first one's, borrowed
 * until the next call. False if that one could not be backed up.
 */
bool linkmap_take(struct linkmap *m, uint64_t dev, uint64_t ino, const char *path, size_t path_len,
                  struct node *out);

#endif
