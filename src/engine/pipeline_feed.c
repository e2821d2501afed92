/*
 * pipeline_feed.c - what was read goes into the run and the manifest, in the order of the walk.
 */
#include <string.h>

#include "base/err.h"
#include "engine/pipeline_internal.h"
#include "format/page.h"

/* ---- counting ---- */

static void count_file(struct pipeline *p, const struct node *n, bool known, bool same)
{
    struct commit_counts *c = p->o.counts;
    c->files++;
    c->bytes += n->size;
    if (!known) {
        c->files_new++;
    } else if (same) {
        c->files_unmodified++;
    } else {
        c->files_changed++;
    }
}

static void count_other(struct pipeline *p, const struct node *n)
{
    if (n->type == NODE_DIR) {
        p->o.counts->dirs++;
    } else {
        p->o.counts->others++;
    }
}

static void tell(struct pipeline *p, const struct node *n, int code, const char *message)
{
    if (p->o.warn != NULL) {
        p->o.warn(p->o.context, n->path, n->path_len, code, message);
    }
}

static void warn(struct pipeline *p, const struct node *n, int code, const char *message)
{
    p->o.counts->errors++;
    tell(p, n, code, message);
}

static int tick(struct pipeline *p, const char *path, size_t path_len)
{
    if (p->o.cancel != NULL && *p->o.cancel != 0) {
        return err_raise(HF_EINTERRUPTED, "interrupted");
    }
    return p->o.tick != NULL ? p->o.tick(p->o.context, path, path_len) : 0;
}

/* ---- into the manifest ---- */

/* Attributes too large for a page become a chunk of their own. */
static int store_xattrs(struct pipeline *p, struct node *n)
{
    size_t total = 0;
    for (size_t i = 0; i < n->xattr_count; i++) {
        total += n->xattrs[i].name_len + n->xattrs[i].value_len + 8;
    }
    if (total <= PAGE_XATTR_INLINE / 2) {
        return 0; /* surely small; no need to encode them to find out */
    }
    buf_clear(&p->xattrs);
    int rc = page_xattrs_encode(n->xattrs, n->xattr_count, &p->xattrs);
    if (rc != 0 || p->xattrs.len <= PAGE_XATTR_INLINE) {
        return rc;
    }
    rc = run_add_page(p->o.run, p->xattrs.data, p->xattrs.len, n->xattr_ref.id);
    n->xattr_ref.len = p->xattrs.len;
    n->xattr_ref.hole = false;
    n->xattrs_chunked = true;
    n->xattrs = NULL;
    n->xattr_count = 0;
    return rc;
}

/* Writes the node down. *out_done: false if the manifest can't hold it, which was warned of. */
static int put_node(struct pipeline *p, struct node *n, bool *out_done)
{
    int rc = store_xattrs(p, n);
    if (rc == 0) {
        rc = manifest_update_put(p->o.update, n);
        if (rc == HF_EFAIL || rc == HF_ELIMIT) {
            warn(p, n, rc, err_last()->text);
            err_clear();
            *out_done = false;
            return 0;
        }
    }
    *out_done = rc == 0;
    return rc;
}

int pipeline_feed_keep(struct pipeline *p, struct manifest_leaf *leaf, uint32_t first,
                       uint32_t count)
{
    return manifest_update_keep(p->o.update, leaf, first, count);
}

int pipeline_feed_put(struct pipeline *p, const struct node *n, bool known)
{
    struct node copy = *n;
    bool done = false;
    int rc = put_node(p, &copy, &done);
    if (rc != 0 || !done) {
        return rc;
    }
    if (n->type != NODE_FILE) {
        count_other(p, n);
        return 0;
    }
    count_file(p, n, known, known);
    p->bytes_done += n->size;
    return 0;
}

/* A file whose content has been stored. */
static int put_file(struct pipeline *p, struct pipeline_item *item)
{
    struct node *n = &item->node;
    bool done = false;
    if (item->outcome == PIPELINE_UNSTABLE) {
        n->remarks |= NODE_UNSTABLE;
        p->o.counts->unstable++;
        tell(p, n, HF_ECHANGED, "it changed while it was read");
    }
    if (item->code != 0) {
        warn(p, n, item->code, item->message);
    }
    if (item->leads) {
        int rc = linkmap_set(p->links, item->dev, item->ino, n);
        if (rc != 0) {
            return rc;
        }
    }
    int rc = put_node(p, n, &done);
    if (rc == 0 && done) {
        count_file(p, n, item->was.known,
                   item->was.known && pipeline_digest(n) == item->was.digest);
    }
    return rc;
}

/* Another name of a file that came before. */
static int put_link(struct pipeline *p, struct pipeline_item *item)
{
    struct node n;
    bool done = false;
    if (!linkmap_take(p->links, item->dev, item->ino, item->node.path, item->node.path_len, &n)) {
        warn(p, &item->node, HF_EFAIL, "its first name could not be backed up");
        return 0;
    }
    int rc = put_node(p, &n, &done);
    if (rc == 0 && done) {
        count_file(p, &n, item->was.known,
                   item->was.known && pipeline_digest(&n) == item->was.digest);
    }
    return rc;
}

/* ---- into the run ---- */

static int store_chunks(struct pipeline *p, const struct pipeline_chunk *chunks, size_t count,
                        const uint8_t *data)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct pipeline_chunk *c = &chunks[i];
        struct node_ref ref = { .len = c->len, .hole = c->hole };
        bool fresh = false;
        memcpy(ref.id, c->id, sizeof(ref.id));
        if (!c->hole) {
            rc = run_add(p->o.run, SEGMENT_DATA, c->id, data + c->offset, (size_t)c->len, &fresh);
        }
        if (rc == 0) {
            rc = manifest_content_add(p->content, &ref);
        }
        p->bytes_done += c->len;
    }
    return rc;
}

/* ---- units ---- */

static int feed_chain(struct pipeline *p, struct pipeline_unit *u, bool wait, bool *out_done)
{
    struct pipeline_item *item = &u->items[0];
    *out_done = false;
    while (!*out_done) {
        struct pipeline_piece *piece = NULL;
        int rc = pipeline_chain_next(u, wait, &piece);
        if (rc != 0 || piece == NULL) {
            return rc;
        }
        if (!u->content_begun) {
            manifest_content_begin(p->content);
        }
        u->content_begun = true;
        bool last = piece->last;
        bool again = false;
        rc = store_chunks(p, piece->chunks.list, piece->chunks.count, piece->data);
        if (rc == 0) {
            rc = pipeline_chain_taken(u, &again);
        }
        if (rc == 0) {
            rc = tick(p, u->chain.path, u->chain.path_len);
        }
        if (rc != 0) {
            return rc;
        }
        if (again) {
            u->content_begun = false;
        }
        *out_done = last && !again;
    }
    p->bytes_read += u->bytes_read;
    pipeline_chain_end(u);
    if (item->outcome == PIPELINE_LOST) {
        warn(p, &item->node, item->code, item->message);
        return 0;
    }
    int rc = manifest_content_end(p->content, &item->node);
    return rc != 0 ? rc : put_file(p, item);
}

/* A small file has become a large one under our eyes: reads it now, before anything else. */
static int feed_grown(struct pipeline *p, struct pipeline_item *item)
{
    struct pipeline_unit *u = NULL;
    struct pipeline_item *own = NULL;
    bool done = false;
    int rc = pipeline_unit_get(p, &u);
    if (rc != 0) {
        return rc;
    }
    rc = pipeline_unit_item(u, &own);
    if (rc == 0) {
        *own = *item;
        own->outcome = PIPELINE_READ;
        item->place = NULL; /* held by the copy now */
        rc = pipeline_chain_begin(u);
    }
    if (rc == 0) {
        rc = feed_chain(p, u, true, &done);
    }
    if (u->is_chain) {
        pipeline_chain_end(u);
    }
    pipeline_unit_put(p, u);
    return rc;
}

static int feed_file(struct pipeline *p, struct pipeline_unit *u, struct pipeline_item *item)
{
    if (item->outcome == PIPELINE_LARGE) {
        return feed_grown(p, item);
    }
    if (item->outcome == PIPELINE_LOST) {
        warn(p, &item->node, item->code, item->message);
        return 0;
    }
    manifest_content_begin(p->content);
    int rc = store_chunks(p, u->chunks.list + item->chunk_first, item->chunk_count, u->data.data);
    if (rc == 0) {
        rc = manifest_content_end(p->content, &item->node);
    }
    return rc != 0 ? rc : put_file(p, item);
}

static int feed_item(struct pipeline *p, struct pipeline_unit *u, struct pipeline_item *item)
{
    switch (item->kind) {
    case PIPELINE_KEEP:
        return pipeline_feed_keep(p, item->leaf, item->first, item->count);
    case PIPELINE_PUT:
        return pipeline_feed_put(p, &item->node, item->known);
    case PIPELINE_LINK:
        return put_link(p, item);
    case PIPELINE_FILE:
        return feed_file(p, u, item);
    }
    return 0;
}

static int feed_items(struct pipeline *p, struct pipeline_unit *u)
{
    const struct node *last = NULL;
    int rc = 0;
    for (; rc == 0 && u->consumed < u->count; u->consumed++) {
        struct pipeline_item *item = &u->items[u->consumed];
        rc = feed_item(p, u, item);
        if (item->kind != PIPELINE_KEEP) {
            last = &item->node;
        }
    }
    p->bytes_read += u->bytes_read;
    return rc == 0 && last != NULL ? tick(p, last->path, last->path_len) : rc;
}

int pipeline_feed(struct pipeline *p, struct pipeline_unit *u, bool wait, bool *out_done)
{
    *out_done = false;
    if (u->is_chain) {
        return feed_chain(p, u, wait, out_done);
    }
    if (u->submitted) {
        if (!wait && !pool_done(&u->job)) {
            return 0;
        }
        int rc = pool_wait(p->o.pool, &u->job);
        if (rc != 0) {
            return rc;
        }
    }
    *out_done = true;
    return feed_items(p, u);
}
