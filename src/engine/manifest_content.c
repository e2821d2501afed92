/*
 * manifest_content.c - the references of one file, gathered level by level.
 *
 * Each level keeps up to NODE_INLINE_REFS references as they are: if there are no more, they go
 * into the node. With one more, all of them go into list pages, and each page that ends is a
 * reference of the next level.
 */
#include "engine/manifest_content.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/page.h"

struct level {
    struct node_ref refs[NODE_INLINE_REFS];
    size_t count; /* of refs, as long as there is no page */
    bool paged;
    struct page_builder *page; /* kept from file to file */
    uint64_t len;              /* of all in the unfinished page */
};

struct manifest_content {
    struct pagestore *pages;
    uint8_t boundary_key[16];
    struct level *levels[PAGE_DEPTH_LIMIT + 1];
};

int manifest_content_new(struct pagestore *pages, const uint8_t boundary_key[16],
                         struct manifest_content **out_content)
{
    struct manifest_content *c = mem_zalloc(sizeof *c);
    if (c == NULL) {
        return err_nomem();
    }
    c->pages = pages;
    memcpy(c->boundary_key, boundary_key, sizeof c->boundary_key);
    *out_content = c;
    return 0;
}

void manifest_content_free(struct manifest_content *c)
{
    if (c == NULL) {
        return;
    }
    for (unsigned d = 0; d <= PAGE_DEPTH_LIMIT; d++) {
        if (c->levels[d] != NULL) {
            page_builder_free(c->levels[d]->page);
        }
        mem_free(c->levels[d]);
    }
    mem_free(c);
}

void manifest_content_begin(struct manifest_content *c)
{
    for (unsigned d = 0; d <= PAGE_DEPTH_LIMIT && c->levels[d] != NULL; d++) {
        struct level *level = c->levels[d];
        level->count = 0;
        level->paged = false;
        level->len = 0;
        if (level->page != NULL) {
            page_builder_reset(level->page);
        }
    }
}

static int need_level(struct manifest_content *c, unsigned depth)
{
    if (depth > PAGE_DEPTH_LIMIT) {
        return err_raise(HF_ELIMIT, "a file has too many chunks");
    }
    if (c->levels[depth] == NULL) {
        c->levels[depth] = mem_zalloc(sizeof *c->levels[depth]);
    }
    return c->levels[depth] != NULL ? 0 : err_nomem();
}

/* Ends the list page of a level: *out_ref is the reference to it. */
static int end_page(struct manifest_content *c, struct level *level, struct node_ref *out_ref)
{
    const uint8_t *data;
    size_t len;
    int rc = page_builder_finish(level->page, &data, &len);
    if (rc == 0) {
        rc = c->pages->put(c->pages, data, len, out_ref->id);
    }
    if (rc != 0) {
        return err_add(rc, "could not store a list page");
    }
    out_ref->len = level->len;
    out_ref->hole = false;
    level->len = 0;
    page_builder_reset(level->page);
    return 0;
}

static int add_at(struct manifest_content *c, unsigned depth, const struct node_ref *ref);

/* Adds to the list page of this depth, and up as far as pages end. */
static int add_to_page(struct manifest_content *c, unsigned depth, const struct node_ref *ref)
{
    struct level *level = c->levels[depth];
    struct node_ref page;
    bool ends;
    if (ref->len > INT64_MAX - level->len) {
        return err_raise(HF_ELIMIT, "a file is too long");
    }
    int rc = page_builder_add_ref(level->page, ref, &ends);
    if (rc != 0) {
        return rc;
    }
    level->len += ref->len;
    if (!ends) {
        return 0;
    }
    rc = end_page(c, level, &page);
    return rc != 0 ? rc : add_at(c, depth + 1, &page);
}

/* There are too many for the node: those gathered go into a list page. */
static int begin_pages(struct manifest_content *c, unsigned depth)
{
    struct level *level = c->levels[depth];
    int rc = 0;
    if (level->page == NULL) {
        rc = page_builder_new(PAGE_LIST, (uint8_t)depth, c->boundary_key, &level->page);
    }
    for (size_t i = 0; rc == 0 && i < level->count; i++) {
        rc = add_to_page(c, depth, &level->refs[i]);
    }
    level->paged = true;
    return rc;
}

static int add_at(struct manifest_content *c, unsigned depth, const struct node_ref *ref)
{
    int rc = need_level(c, depth);
    if (rc != 0) {
        return rc;
    }
    struct level *level = c->levels[depth];
    if (!level->paged && level->count < NODE_INLINE_REFS) {
        level->refs[level->count++] = *ref;
        return 0;
    }
    if (depth == PAGE_DEPTH_LIMIT) {
        return err_raise(HF_ELIMIT, "a file has too many chunks");
    }
    if (!level->paged) {
        rc = begin_pages(c, depth);
    }
    return rc != 0 ? rc : add_to_page(c, depth, ref);
}

int manifest_content_add(struct manifest_content *c, const struct node_ref *ref)
{
    if (ref->len == 0 || ref->len > INT64_MAX) {
        return err_raise(HF_EFAIL, "an impossible piece of a file");
    }
    return add_at(c, 0, ref);
}

int manifest_content_end(struct manifest_content *c, struct node *out_node)
{
    unsigned depth = 0;
    out_node->content_depth = 0;
    out_node->refs = NULL;
    out_node->ref_count = 0;
    for (; depth <= PAGE_DEPTH_LIMIT && c->levels[depth] != NULL; depth++) {
        struct level *level = c->levels[depth];
        if (!level->paged) {
            out_node->content_depth = level->count > 0 ? (uint8_t)depth : 0;
            out_node->refs = level->refs;
            out_node->ref_count = level->count;
            return 0;
        }
        if (page_builder_count(level->page) > 0) {
            struct node_ref page;
            int rc = end_page(c, level, &page);
            if (rc == 0) {
                rc = add_at(c, depth + 1, &page);
            }
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}
