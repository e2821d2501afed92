/*
 * manifest_cursor.c - a walk that enters every page, and says what it could not enter.
 */
#include "engine/manifest_cursor.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/manifest_walk.h"

struct manifest_cursor {
    struct manifest_walk walk;
    bool returned;              /* the node that the walk stands on was returned */
    bool stuck;                 /* the last call failed where the walk stands */
    struct manifest_leaf *leaf; /* of the node returned last */
    uint32_t index;
    struct buf key; /* where to seek to */
    struct manifest_totals totals;
};

int manifest_cursor_open(struct pagestore *pages, const uint8_t root[PAGESTORE_ID_BYTES],
                         struct manifest_cursor **out_cursor)
{
    struct manifest_cursor *c = mem_zalloc(sizeof *c);
    if (c == NULL) {
        return err_nomem();
    }
    int rc = manifest_walk_open(&c->walk, pages, root);
    if (rc == 0 && c->walk.at == MANIFEST_WALK_PAGE) {
        rc = manifest_walk_enter(&c->walk);
    }
    if (rc != 0) {
        manifest_cursor_close(c);
        return rc;
    }
    c->totals.entries = c->walk.root.entries;
    c->totals.bytes = c->walk.root.bytes;
    *out_cursor = c;
    return 0;
}

void manifest_cursor_close(struct manifest_cursor *c)
{
    if (c == NULL) {
        return;
    }
    manifest_walk_release(&c->walk);
    manifest_leaf_drop(c->leaf);
    buf_release(&c->key);
    mem_free(c);
}

static int noted(struct manifest_cursor *c, int rc)
{
    c->stuck = rc < 0;
    return rc;
}

/* Goes to the next node that was not returned yet. */
static int advance(struct manifest_cursor *c)
{
    int rc = 0;
    bool broken = c->stuck && c->walk.at == MANIFEST_WALK_NODE; /* which is told again */
    if (c->returned || broken) {
        rc = manifest_walk_next(&c->walk);
    }
    if (rc == 0) {
        c->returned = false;
    }
    while (rc == 0 && c->walk.at == MANIFEST_WALK_PAGE) {
        rc = manifest_walk_enter(&c->walk);
    }
    return rc;
}

/* Notes which leaf the node to be returned is in. */
static int note_leaf(struct manifest_cursor *c)
{
    const struct manifest_page *page = c->walk.page;
    c->index = c->walk.index;
    if (c->leaf != NULL && c->leaf->page.first_entry == page->first_entry) {
        return 0;
    }
    struct manifest_leaf *leaf;
    int rc = manifest_leaf_new(page, &leaf);
    if (rc != 0) {
        return rc;
    }
    manifest_leaf_drop(c->leaf);
    c->leaf = leaf;
    return 0;
}

int manifest_cursor_next(struct manifest_cursor *c, struct node *out)
{
    int rc = advance(c);
    if (rc != 0) {
        return noted(c, rc);
    }
    c->stuck = false;
    if (c->walk.at == MANIFEST_WALK_END) {
        return 0;
    }
    rc = note_leaf(c);
    if (rc != 0) {
        return rc;
    }
    *out = c->walk.node;
    c->returned = true;
    return 1;
}

static int seek_key(struct manifest_cursor *c)
{
    int rc = buf_error(&c->key);
    if (rc != 0) {
        return rc;
    }
    c->returned = false;
    return noted(c, manifest_walk_seek(&c->walk, c->key.data, c->key.len));
}

static int set_key(struct manifest_cursor *c, const char *path, size_t path_len)
{
    buf_clear(&c->key);
    int rc = buf_reserve(&c->key, path_len + 1);
    if (rc == 0) {
        c->key.len = page_key_of_path(path, path_len, c->key.data);
    }
    return rc;
}

int manifest_cursor_seek(struct manifest_cursor *c, const char *path, size_t path_len)
{
    int rc = set_key(c, path, path_len);
    return rc != 0 ? rc : seek_key(c);
}

int manifest_cursor_skip_subtree(struct manifest_cursor *c)
{
    if (!c->returned) {
        return err_raise(HF_EFAIL, "no node was returned whose sub-tree could be skipped");
    }
    const struct node *n = &c->walk.node;
    if (n->path_len == 1) { /* all there is lies below the root */
        while (c->walk.at != MANIFEST_WALK_END) {
            int rc = manifest_walk_skip(&c->walk);
            if (rc != 0) {
                return noted(c, rc);
            }
        }
        c->returned = false;
        return 0;
    }
    int rc = set_key(c, n->path, n->path_len);
    if (rc != 0) {
        return rc;
    }
    buf_put_u8(&c->key, 1); /* all keys below have a 0 there */
    return seek_key(c);
}

int manifest_cursor_find(struct manifest_cursor *c, const char *path, size_t path_len,
                         struct node *out)
{
    int rc = manifest_cursor_seek(c, path, path_len);
    if (rc == 0 && c->walk.at == MANIFEST_WALK_PAGE) {
        return 0; /* whatever is in that page comes after it */
    }
    if (rc == 0) {
        rc = manifest_cursor_next(c, out);
    }
    if (rc != 1) {
        return rc;
    }
    return out->path_len == path_len && memcmp(out->path, path, path_len) == 0;
}

struct manifest_leaf *manifest_cursor_leaf(const struct manifest_cursor *c, uint32_t *out_index)
{
    *out_index = c->index;
    return c->leaf;
}

int manifest_cursor_skip_page(struct manifest_cursor *c, struct manifest_loss *out_loss)
{
    if (!c->stuck || c->walk.at == MANIFEST_WALK_END) {
        return err_raise(HF_EFAIL, "there is no page that could not be read");
    }
    const struct manifest_page *page = c->walk.page;
    if (out_loss != NULL) {
        memcpy(out_loss->id, page->id, sizeof out_loss->id);
        out_loss->level = page->level;
        out_loss->entries = page->entries;
        out_loss->bytes = page->bytes;
        out_loss->entries_read = c->walk.at == MANIFEST_WALK_NODE ? c->walk.index + 1u : 0;
    }
    c->stuck = c->returned = false;
    return manifest_walk_skip(&c->walk);
}

void manifest_cursor_totals(const struct manifest_cursor *c, struct manifest_totals *out)
{
    *out = c->totals;
}

uint64_t manifest_cursor_pages_read(const struct manifest_cursor *c)
{
    return c->walk.pages_read;
}
