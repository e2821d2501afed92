/*
 * manifest_leaf.h - pages of a stored manifest, as readers, updates and builders speak of them.
 */
#ifndef HF_ENGINE_MANIFEST_LEAF_H
#define HF_ENGINE_MANIFEST_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/pagestore.h"

struct manifest_totals {
    uint64_t entries;
    uint64_t bytes; /* sizes of all files */
};

/* A page of a manifest, as the page above it speaks of it. */
struct manifest_page {
    uint8_t id[PAGESTORE_ID_BYTES];
    uint8_t level; /* 0: a leaf */
    bool last;     /* of its level */
    uint64_t page_len;
    uint64_t entries, bytes; /* below it */
    uint64_t first_entry;    /* how many entries of the manifest come before it */
    const uint8_t *key;      /* its separator, in key form */
    size_t key_len;
};

/* A leaf page that outlives the cursor's stay on it; what manifest_update_keep speaks of. */
struct manifest_leaf {
    struct manifest_page page; /* its key belongs to the leaf */
    unsigned holders;          /* counted atomically by hold and drop */
};

/* Copies what describes the page; for cursors. */
int manifest_leaf_new(const struct manifest_page *page, struct manifest_leaf **out_leaf);
/* Both may be called from any thread. drop accepts NULL. */
struct manifest_leaf *manifest_leaf_hold(struct manifest_leaf *leaf);
void manifest_leaf_drop(struct manifest_leaf *leaf);

#endif
