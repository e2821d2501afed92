/*
 * manifest_edge.h - the first and the last key below a page: one page a level is read.
 */
#ifndef HF_ENGINE_MANIFEST_EDGE_H
#define HF_ENGINE_MANIFEST_EDGE_H

#include <stdint.h>

#include "base/buf.h"
#include "engine/manifest_leaf.h"
#include "engine/pagestore.h"

struct page_reader;

struct manifest_edge {
    struct pagestore *pages;
    struct page_reader *reader;
    struct buf bytes;
    uint64_t pages_got;
};

int manifest_edge_init(struct manifest_edge *e, struct pagestore *pages);
void manifest_edge_release(struct manifest_edge *e);

/* The key, in key form, replaces what is in out_key. */
int manifest_edge_first(struct manifest_edge *e, const struct manifest_page *page,
                        struct buf *out_key);
int manifest_edge_last(struct manifest_edge *e, const struct manifest_page *page,
                       struct buf *out_key);

/* The key of a path replaces what is in out_key. */
int manifest_edge_key(const char *path, size_t path_len, struct buf *out_key);

#endif
