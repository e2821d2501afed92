/*
 * manifest_walk.h - the pages of a manifest one by one, entering each only when told.
 *
 * The walk stands before a page, on a node, or at the end. It never fetches a page unless it is
 * entered. Cursor, patch, diff and visit are made of this. One page a level is held.
 *
 * What is read is checked against the page above (kind, level, lengths, counts, range of keys):
 * nodes come in strictly increasing order whatever the pages hold.
 */
#ifndef HF_ENGINE_MANIFEST_WALK_H
#define HF_ENGINE_MANIFEST_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/manifest_leaf.h"
#include "engine/pagestore.h"
#include "format/node.h"
#include "format/page.h"

enum manifest_walk_at { MANIFEST_WALK_END, MANIFEST_WALK_PAGE, MANIFEST_WALK_NODE };

struct manifest_walk_level; /* of manifest_walk.c */

struct manifest_walk {
    enum manifest_walk_at at;
    const struct manifest_page *page; /* PAGE: the one stood before; NODE: the leaf stood in */
    struct node node;                 /* NODE: the node stood on, borrowed until the next call */
    uint32_t index;                   /* NODE: which entry of the leaf it is */
    uint64_t pages_read;

    /* The rest is the walk's own. */
    struct pagestore *pages;
    struct manifest_page root;
    unsigned above; /* the level whose page has the page stood before in it */
    struct manifest_walk_level *levels[PAGE_LEVEL_LIMIT + 1];
};

/*
 * Stands before the root page, or at the end if root is zeros. The root's key is empty; its
 * entries, bytes and length are known once it was entered. The walk must stay where it is in
 * memory.
 */
int manifest_walk_open(struct manifest_walk *w, struct pagestore *pages,
                       const uint8_t root[PAGESTORE_ID_BYTES]);
void manifest_walk_release(struct manifest_walk *w);

/*
 * PAGE: fetches the page and stands before its first page, or on its first node. After an error,
 * which names the page, the walk stands where it stood.
 */
int manifest_walk_enter(struct manifest_walk *w);
/* PAGE: passes over the page. NODE: passes over the rest of the leaf. */
int manifest_walk_skip(struct manifest_walk *w);
/* NODE: the next node of the leaf, or what comes behind it. An error leaves only skip. */
int manifest_walk_next(struct manifest_walk *w);
/*
 * Stands on the first node at or after key, before the page that comes next if the leaf has
 * none, or at the end. After an error it stands before the page that could not be entered.
 */
int manifest_walk_seek(struct manifest_walk *w, const uint8_t *key, size_t key_len);

/*
 * What the page stood before, or the leaf stood in, lies below of: the separator of what comes
 * behind it. False if nothing does.
 */
bool manifest_walk_bound(const struct manifest_walk *w, const uint8_t **out_key, size_t *out_len);

/* Order of keys, and of a path and a key: less than 0, 0, more than 0. */
int manifest_walk_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
int manifest_walk_compare_path(const char *path, size_t path_len, const uint8_t *key,
                               size_t key_len);
/* Whether an id is all zeros, which stands for no page. */
bool manifest_walk_is_none(const uint8_t id[PAGESTORE_ID_BYTES]);

#endif
