/*
 * manifest_patch.c - a walk over the old manifest, beside a builder of the new one.
 *
 * Before each change everything up to it is passed on: whole pages of any level where the
 * builder takes them, else what is below them. The walk then stands at the change, which takes
 * out a range of keys. After a change the builder is inside a page, so nodes are passed on one
 * by one until a page ends where one of the old pages ended; from there leaves are taken over,
 * then, once pages end together one level up, index pages, and so on.
 */
#include "engine/manifest_patch.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/manifest_edge.h"
#include "engine/manifest_walk.h"

struct manifest_patch {
    struct manifest_walk old;
    struct manifest_builder *builder;
    struct buf key;  /* of the change */
    struct buf done; /* all below this key has been dealt with */
    uint64_t removed;
};

int manifest_patch_open(struct pagestore *pages, const uint8_t boundary_key[16],
                        const uint8_t root[PAGESTORE_ID_BYTES], struct manifest_patch **out_patch)
{
    struct manifest_patch *p = mem_zalloc(sizeof *p);
    if (p == NULL) {
        return err_nomem();
    }
    int rc = manifest_builder_new(pages, boundary_key, &p->builder);
    if (rc == 0) {
        rc = manifest_walk_open(&p->old, pages, root);
    }
    if (rc == 0 && p->old.at == MANIFEST_WALK_PAGE) {
        rc = manifest_walk_enter(&p->old);
    }
    if (rc != 0) {
        manifest_patch_free(p);
        return rc;
    }
    *out_patch = p;
    return 0;
}

void manifest_patch_free(struct manifest_patch *p)
{
    if (p == NULL) {
        return;
    }
    manifest_walk_release(&p->old);
    manifest_builder_free(p->builder);
    buf_release(&p->key);
    buf_release(&p->done);
    mem_free(p);
}

/* Whether all of the page that the walk is at or in lies below key. No key: all there is. */
static bool is_below(const struct manifest_walk *w, const struct buf *key)
{
    const uint8_t *bound;
    size_t bound_len;
    if (key == NULL) {
        return true;
    }
    return manifest_walk_bound(w, &bound, &bound_len) &&
           manifest_walk_compare(bound, bound_len, key->data, key->len) <= 0;
}

static bool begins_at_or_after(const struct manifest_walk *w, const struct buf *key)
{
    return key != NULL &&
           manifest_walk_compare(w->page->key, w->page->key_len, key->data, key->len) >= 0;
}

static bool node_is_below(const struct manifest_walk *w, const struct buf *key)
{
    return key == NULL ||
           manifest_walk_compare_path(w->node.path, w->node.path_len, key->data, key->len) < 0;
}

/* Passes on the page that the walk stands before, or the leaf on whose first node it stands. */
static int keep_page(struct manifest_patch *p, const struct buf *key, bool *out_taken)
{
    struct manifest_walk *w = &p->old;
    *out_taken = false;
    if (!is_below(w, key)) {
        return 0;
    }
    int rc = manifest_builder_reuse(p->builder, w->page, key == NULL, out_taken);
    return rc != 0 || !*out_taken ? rc : manifest_walk_skip(w);
}

/* Passes on all before key; NULL: all there is. */
static int keep_before(struct manifest_patch *p, const struct buf *key)
{
    struct manifest_walk *w = &p->old;
    while (w->at != MANIFEST_WALK_END) {
        bool taken = false;
        int rc = 0;
        if (w->at == MANIFEST_WALK_PAGE && begins_at_or_after(w, key)) {
            return 0;
        }
        if (w->at == MANIFEST_WALK_NODE && !node_is_below(w, key)) {
            return 0;
        }
        if (w->at == MANIFEST_WALK_PAGE || w->index == 0) {
            rc = keep_page(p, key, &taken);
        }
        if (rc == 0 && !taken && w->at == MANIFEST_WALK_PAGE) {
            rc = manifest_walk_enter(w);
        } else if (rc == 0 && !taken) {
            rc = manifest_builder_add(p->builder, &w->node);
            if (rc == 0) {
                rc = manifest_walk_next(w);
            }
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* Leaves out all from where the walk stands up to key; NULL: all there is. */
static int drop_before(struct manifest_patch *p, const struct buf *key, uint64_t *out_dropped)
{
    struct manifest_walk *w = &p->old;
    *out_dropped = 0;
    while (w->at != MANIFEST_WALK_END) {
        int rc;
        if (w->at == MANIFEST_WALK_PAGE && begins_at_or_after(w, key)) {
            return 0;
        }
        if (w->at == MANIFEST_WALK_NODE && !node_is_below(w, key)) {
            return 0;
        }
        if (w->at == MANIFEST_WALK_NODE) {
            *out_dropped += 1;
            rc = manifest_walk_next(w);
        } else if (is_below(w, key)) {
            *out_dropped += w->page->entries;
            rc = manifest_walk_skip(w);
        } else {
            rc = manifest_walk_enter(w);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* Has the walk stand at the change, everything before it passed on. */
static int go_to(struct manifest_patch *p, const char *path, size_t path_len)
{
    if (path_len == 0 || path[0] != '/') {
        return err_raise(HF_EFAIL, "a change is not of an absolute path");
    }
    int rc = manifest_edge_key(path, path_len, &p->key);
    if (rc != 0) {
        return rc;
    }
    if (manifest_walk_compare(p->key.data, p->key.len, p->done.data, p->done.len) < 0) {
        return err_raise(HF_EFAIL, "a change is out of order");
    }
    return keep_before(p, &p->key);
}

/*
 * Leaves out the node of the change, or all below it as well: keys below have a 0 behind the
 * node's, what comes behind the sub-tree does not. p->key is changed.
 */
static int take_out(struct manifest_patch *p, bool tree, uint64_t *out_dropped)
{
    bool all = tree && p->key.len == 0;
    buf_put_u8(&p->key, tree ? 1 : 0);
    buf_clear(&p->done);
    buf_put(&p->done, p->key.data, p->key.len);
    if (buf_error(&p->key) != 0 || buf_error(&p->done) != 0) {
        return err_nomem();
    }
    return drop_before(p, all ? NULL : &p->key, out_dropped);
}

int manifest_patch_put(struct manifest_patch *p, const struct node *n)
{
    uint64_t dropped;
    int rc = go_to(p, n->path, n->path_len);
    if (rc == 0) {
        rc = take_out(p, false, &dropped);
    }
    return rc != 0 ? rc : manifest_builder_add(p->builder, n);
}

static int remove_range(struct manifest_patch *p, const char *path, size_t path_len, bool tree)
{
    uint64_t dropped;
    int rc = go_to(p, path, path_len);
    if (rc == 0) {
        rc = take_out(p, tree, &dropped);
    }
    if (rc == 0) {
        p->removed += dropped;
    }
    return rc;
}

int manifest_patch_remove(struct manifest_patch *p, const char *path, size_t path_len)
{
    return remove_range(p, path, path_len, false);
}

int manifest_patch_remove_tree(struct manifest_patch *p, const char *path, size_t path_len)
{
    return remove_range(p, path, path_len, true);
}

int manifest_patch_finish(struct manifest_patch *p, uint8_t out_root[PAGESTORE_ID_BYTES],
                          struct manifest_totals *out_totals)
{
    int rc = keep_before(p, NULL);
    return rc != 0 ? rc : manifest_builder_finish(p->builder, out_root, out_totals);
}

void manifest_patch_stats(const struct manifest_patch *p, struct manifest_patched *out)
{
    out->removed = p->removed;
    out->pages_read = p->old.pages_read;
    manifest_builder_stats(p->builder, &out->built);
}
