/*
 * manifest_leaf.c - what is known of a leaf page, for as long as somebody needs it.
 */
#include "engine/manifest_leaf.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

int manifest_leaf_new(const struct manifest_page *page, struct manifest_leaf **out_leaf)
{
    struct manifest_leaf *leaf = mem_alloc(sizeof *leaf + page->key_len);
    if (leaf == NULL) {
        return err_nomem();
    }
    uint8_t *key = (uint8_t *)(leaf + 1);
    leaf->page = *page;
    leaf->page.key = key;
    if (page->key_len > 0) {
        memcpy(key, page->key, page->key_len);
    }
    leaf->holders = 1;
    *out_leaf = leaf;
    return 0;
}

struct manifest_leaf *manifest_leaf_hold(struct manifest_leaf *leaf)
{
    __atomic_fetch_add(&leaf->holders, 1, __ATOMIC_RELAXED);
    return leaf;
}

void manifest_leaf_drop(struct manifest_leaf *leaf)
{
    if (leaf != NULL && __atomic_sub_fetch(&leaf->holders, 1, __ATOMIC_ACQ_REL) == 0) {
        mem_free(leaf);
    }
}
