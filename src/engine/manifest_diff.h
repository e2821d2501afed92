/*
 * manifest_diff.h - what differs between two manifests, reading only the pages that differ.
 */
#ifndef HF_ENGINE_MANIFEST_DIFF_H
#define HF_ENGINE_MANIFEST_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "engine/pagestore.h"
#include "format/node.h"

/*
 * A path at which the two differ in anything at all (node_same_content and node_same_metadata
 * say in what): was is NULL if it is new, is is NULL if it is gone. In path order. Nodes are
 * borrowed for the call. Anything but 0 ends the diff and is returned.
 */
typedef int (*manifest_diff_fn)(void *context, const struct node *was, const struct node *is);

struct manifest_diff_options {
    const char *below; /* only this path and what is below it; NULL: all */
    size_t below_len;
    /*
     * A page of one side that can't be read: what is in it is not compared. 0 goes on, anything
     * else ends the diff. NULL: such an error ends it.
     */
    int (*damaged)(void *context, int code, const uint8_t page_id[PAGESTORE_ID_BYTES]);
    void *context; /* of damaged and of the callback */
};

/* Roots as of manifest_cursor_open. Each side has its own pagestore; both may be the same one. */
int manifest_diff(struct pagestore *was_pages, const uint8_t was_root[PAGESTORE_ID_BYTES],
                  struct pagestore *is_pages, const uint8_t is_root[PAGESTORE_ID_BYTES],
                  const struct manifest_diff_options *options, manifest_diff_fn fn,
                  uint64_t *out_pages_read);

#endif
