/*
 * manifest_list.h - the references of a file one by one, entering list pages only when told.
 *
 * The counterpart of manifest_walk.h one floor down: the walk stands before a list page, at a chunk
 * (or hole), or at the end, and fetches a list page only when it is entered.
 */
#ifndef HF_ENGINE_MANIFEST_LIST_H
#define HF_ENGINE_MANIFEST_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/pagestore.h"
#include "format/node.h"
#include "format/page.h"

enum manifest_list_at { MANIFEST_LIST_END, MANIFEST_LIST_PAGE, MANIFEST_LIST_CHUNK };

struct manifest_list_level {
    struct buf bytes;
    struct page_reader *reader;
};

struct manifest_list {
    enum manifest_list_at at;
    struct node_ref ref; /* PAGE, CHUNK: what the walk stands before or at */
    uint64_t offset;     /* where it begins in the file */
    uint8_t level;       /* PAGE: of the list page */

    /* The rest is the walk's own. */
    struct pagestore *pages;
    struct node_ref refs[NODE_INLINE_REFS];
    size_t count, used;
    unsigned depth; /* of refs */
    unsigned here;  /* of ref: it is in the list page of this level, or in the node */
    uint64_t total;
    struct manifest_list_level levels[PAGE_DEPTH_LIMIT];
};

void manifest_list_init(struct manifest_list *l, struct pagestore *pages);
void manifest_list_release(struct manifest_list *l);

/* Begins a file: copies what it needs of the node. HF_EDAMAGE if its lengths can't be. */
int manifest_list_open(struct manifest_list *l, const struct node *n);
/* Begins the same file again. */
int manifest_list_rewind(struct manifest_list *l);

/*
 * PAGE: fetches it and stands at its first reference. After an error, which names it, it stands
 * where it stood.
 */
int manifest_list_enter(struct manifest_list *l);
/* Goes on behind what the walk stands before or at. */
int manifest_list_skip(struct manifest_list *l);

#endif
