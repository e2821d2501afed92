/*
 * manifest_cursor.h - reading a stored manifest: its nodes in path order, from anywhere.
 *
 * Format: "Manifest" in docs/format.md. A cursor holds one page of each level and nothing else,
 * whatever the size of the manifest. It fetches the pages on the way to what it is asked for and
 * no others: seeking and skipping cost one page a level at the most.
 *
 * A page that can't be fetched or is not a page is an error that names the page. The cursor then
 * stands before it: next tries again, manifest_cursor_skip_page goes on behind it, so that only
 * what is in that page is lost.
 */
#ifndef HF_ENGINE_MANIFEST_CURSOR_H
#define HF_ENGINE_MANIFEST_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/manifest_leaf.h"
#include "engine/pagestore.h"
#include "format/node.h"

/* What manifest_cursor_skip_page passed over. */
struct manifest_loss {
    uint8_t id[PAGESTORE_ID_BYTES];
    uint8_t level;
    uint64_t entries, bytes; /* in and below that page, as the page above says */
    uint64_t entries_read;   /* of these were returned before */
};

struct manifest_cursor;

/*
 * root: as a commit names it; zeros: an empty manifest. Fetches the root page, without which
 * there is nothing to be read: its errors are returned here. The pagestore is borrowed.
 */
int manifest_cursor_open(struct pagestore *pages, const uint8_t root[PAGESTORE_ID_BYTES],
                         struct manifest_cursor **out_cursor);
void manifest_cursor_close(struct manifest_cursor *c); /* accepts NULL */

/* 1: *out is the next node, valid until the next call; 0: the end; negative: an error. */
int manifest_cursor_next(struct manifest_cursor *c, struct node *out);
/*
 * The next node will be the first at or after path, which may lie behind or before. After an error
 * of a page on the way: as for next.
 */
int manifest_cursor_seek(struct manifest_cursor *c, const char *path, size_t path_len);
/* Passes over all that lies below the node returned last. */
int manifest_cursor_skip_subtree(struct manifest_cursor *c);
/* Looks up one node: 1 found (it was returned), 0 there is none. Moves the cursor. */
int manifest_cursor_find(struct manifest_cursor *c, const char *path, size_t path_len,
                         struct node *out);

/*
 * The leaf of the node returned last, and which of its entries it is (0: the first). The leaf is
 * borrowed until the next call: hold it to keep it.
 */
struct manifest_leaf *manifest_cursor_leaf(const struct manifest_cursor *c, uint32_t *out_index);

/*
 * After an error of next, seek or skip_subtree: goes on behind the page that could not be read.
 * HF_EFAIL if there was no such error. out_loss may be NULL.
 */
int manifest_cursor_skip_page(struct manifest_cursor *c, struct manifest_loss *out_loss);

void manifest_cursor_totals(const struct manifest_cursor *c, struct manifest_totals *out);
uint64_t manifest_cursor_pages_read(const struct manifest_cursor *c);

#endif
