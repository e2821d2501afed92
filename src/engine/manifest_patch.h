/*
 * manifest_patch.h - a few changes to a large manifest: for watch, tags of metadata, repair.
 *
 * Everything that is not spoken of stays, and whole sub-trees of pages stay unread: the cost
 * follows the number of changes, not the size of the manifest. Changes come in path order:
 * HF_EFAIL if not. After any error the patch can only be freed.
 */
#ifndef HF_ENGINE_MANIFEST_PATCH_H
#define HF_ENGINE_MANIFEST_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/manifest_builder.h"

struct manifest_patch;

/* root: the manifest to be changed; zeros: an empty one. */
int manifest_patch_open(struct pagestore *pages, const uint8_t boundary_key[16],
                        const uint8_t root[PAGESTORE_ID_BYTES], struct manifest_patch **out_patch);
void manifest_patch_free(struct manifest_patch *p); /* accepts NULL */

/* Adds the node, or replaces the one of the same path. What is below that path stays. */
int manifest_patch_put(struct manifest_patch *p, const struct node *n);
/* Removes one node, if it is there. */
int manifest_patch_remove(struct manifest_patch *p, const char *path, size_t path_len);
/* Removes it and all below it. What is removed wholly is not read. */
int manifest_patch_remove_tree(struct manifest_patch *p, const char *path, size_t path_len);

int manifest_patch_finish(struct manifest_patch *p, uint8_t out_root[PAGESTORE_ID_BYTES],
                          struct manifest_totals *out_totals);

struct manifest_patched {
    uint64_t removed; /* nodes taken out, replaced ones not counted */
    uint64_t pages_read;
    struct manifest_built built;
};
void manifest_patch_stats(const struct manifest_patch *p, struct manifest_patched *out);

#endif
