/*
 * manifest_builder.h - nodes in path order become a manifest.
 *
 * The manifest depends on its nodes and the boundary key alone: however it came about - node by
 * node, or with pages of an older one taken over unread - it has the same pages with the same ids.
 * Memory: one unfinished page a level.
 *
 * Most callers want manifest_update.h (backup) or manifest_patch.h (a few changes to a large
 * manifest), which see to it that pages are taken over whenever they can be.
 */
#ifndef HF_ENGINE_MANIFEST_BUILDER_H
#define HF_ENGINE_MANIFEST_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/manifest_leaf.h"
#include "engine/pagestore.h"
#include "format/node.h"

struct manifest_builder;

/* boundary_key: the first 16 bytes of the page boundary key. The pagestore is borrowed. */
int manifest_builder_new(struct pagestore *pages, const uint8_t boundary_key[16],
                         struct manifest_builder **out_builder);
void manifest_builder_free(struct manifest_builder *b); /* accepts NULL */

/*
 * HF_EFAIL: the path is not after the last one, or not a plain absolute path; HF_ELIMIT: path or
 * metadata too large. After these two the builder is as before; after any other error it is of
 * no use.
 */
int manifest_builder_add(struct manifest_builder *b, const struct node *n);

/*
 * Whether pages of this level could be taken over now: all levels up to it stand at a page
 * start.
 */
bool manifest_builder_at_start(const struct manifest_builder *b, uint8_t level);

/*
 * Takes over a page of an older manifest of the same boundary key, and all below it, if that is
 * right here: *out_taken says whether. If not, nothing has happened, and the caller feeds what
 * the page holds (the pages below an index page, the nodes of a leaf). `at_end`: nothing will
 * follow; then pages that are the last of their level can be taken over as well. All pages given
 * to one builder are of one old manifest, and come in order.
 */
int manifest_builder_reuse(struct manifest_builder *b, const struct manifest_page *page,
                           bool at_end, bool *out_taken);

/* The root of what has come so far, as if it were all; the builder goes on. */
int manifest_builder_checkpoint(struct manifest_builder *b, uint8_t out_root[PAGESTORE_ID_BYTES]);

/* Zeros if nothing was added. The builder can only be freed after this. out_totals may be NULL. */
int manifest_builder_finish(struct manifest_builder *b, uint8_t out_root[PAGESTORE_ID_BYTES],
                            struct manifest_totals *out_totals);

struct manifest_built {
    uint64_t pages_put;   /* written, or found to exist under the same id */
    uint64_t pages_taken; /* taken over; an index page counts once */
    uint64_t pages_got;   /* read, to find the key where a page taken over begins or ends */
};
void manifest_builder_stats(const struct manifest_builder *b, struct manifest_built *out);

#endif
