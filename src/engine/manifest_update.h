/*
 * manifest_update.h - the next manifest, from what is new and what stays: for backup.
 *
 * The walk compares each thing with the old manifest (manifest_cursor.h). What is new or changed
 * is put; what stays is kept, which costs nothing but counting: a leaf page of which every entry
 * is kept is taken over unread. What is neither put nor kept is gone. All in path order, old and
 * new merged:
 *
 *     walk:    rc = manifest_cursor_next(old, &was);
 *              leaf = manifest_cursor_leaf(old, &index);        (hold it to hand it on)
 *     later:   manifest_update_keep(u, leaf, index, 1);         (it is as it was)
 *         or   manifest_update_put(u, &node);                   (it is new, or has changed)
 *     at last: manifest_update_finish(u, root, &totals);
 *
 * The old cursor and the update may live in different threads, with a pagestore each.
 */
#ifndef HF_ENGINE_MANIFEST_UPDATE_H
#define HF_ENGINE_MANIFEST_UPDATE_H

#include <stdint.h>

#include "engine/manifest_builder.h"
#include "engine/manifest_leaf.h"

struct manifest_update;

int manifest_update_new(struct pagestore *pages, const uint8_t boundary_key[16],
                        struct manifest_update **out_update);
void manifest_update_free(struct manifest_update *u); /* accepts NULL */

/* Errors as of manifest_builder_add. */
int manifest_update_put(struct manifest_update *u, const struct node *n);

/*
 * Entries first .. first + count - 1 of this leaf stay as they are. A run may be given in
 * pieces. All leaves given are of one old manifest. The leaf is held as long as needed. Errors:
 * those of reading the leaf again, if it turns out that it can't be taken over whole.
 */
int manifest_update_keep(struct manifest_update *u, struct manifest_leaf *leaf, uint32_t first,
                         uint32_t count);

/* The root of what has come so far, for a PARTIAL entry; the update goes on. */
int manifest_update_checkpoint(struct manifest_update *u, uint8_t out_root[PAGESTORE_ID_BYTES]);

int manifest_update_finish(struct manifest_update *u, uint8_t out_root[PAGESTORE_ID_BYTES],
                           struct manifest_totals *out_totals);

void manifest_update_stats(const struct manifest_update *u, struct manifest_built *out);

#endif
