/*
 * manifest_diff.c - two walks side by side.
 *
 * Where both stand before pages with the same id, both pass over them: same page, same nodes. Where
 * they stand before different pages, the one that begins first is entered, of two that begin
 * together the one of the higher level. Since boundaries depend on paths alone, the two come to
 * stand before the same pages again soon after a difference.
 */
#include "engine/manifest_diff.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/manifest_edge.h"
#include "engine/manifest_walk.h"

/* Keys of one side that could not be read, so that nothing can be said of them: [from, to). */
struct blind {
    bool is_set, to_end;
    struct buf from, to;
};

struct side {
    struct manifest_walk walk;
    struct blind blind;
};

struct diff {
    struct side was, is;
    const struct manifest_diff_options *options;
    manifest_diff_fn fn;
    struct buf until; /* nothing at or after this key counts, unless it is empty */
};

static bool same_node(const struct node *a, const struct node *b)
{
    return node_same_content(a, b) && node_same_metadata(a, b) && a->size == b->size &&
           a->ctime_ns == b->ctime_ns && a->dev == b->dev && a->ino == b->ino &&
           a->links == b->links && a->rdev == b->rdev && a->remarks == b->remarks;
}

static bool same_page(const struct manifest_page *a, const struct manifest_page *b)
{
    return a->level == b->level && memcmp(a->id, b->id, sizeof a->id) == 0;
}

static int set_key(struct buf *key, const uint8_t *data, size_t len)
{
    buf_clear(key);
    buf_put(key, data, len);
    return buf_error(key);
}

/*
 * Nothing will be known of the page that s is at or in. One range is enough: the sides keep so
 * close that damage is met again before the range is passed only right behind it.
 */
static int go_blind(struct side *s)
{
    struct blind *b = &s->blind;
    const struct manifest_page *page = s->walk.page;
    const uint8_t *bound;
    size_t len;
    bool extends = b->is_set &&
                   manifest_walk_compare(b->to.data, b->to.len, page->key, page->key_len) == 0;
    int rc = extends ? 0 : set_key(&b->from, page->key, page->key_len);
    b->is_set = true;
    b->to_end = !manifest_walk_bound(&s->walk, &bound, &len);
    if (rc == 0 && !b->to_end) {
        rc = set_key(&b->to, bound, len);
    }
    return rc;
}

static bool is_blind(const struct side *s, const struct node *n)
{
    const struct blind *b = &s->blind;
    return b->is_set &&
           manifest_walk_compare_path(n->path, n->path_len, b->from.data, b->from.len) >= 0 &&
           (b->to_end ||
            manifest_walk_compare_path(n->path, n->path_len, b->to.data, b->to.len) < 0);
}

/* A page that can't be read is passed over, if whoever asked wants to go on. */
static int forgive(struct diff *d, struct side *s, int code)
{
    uint8_t id[PAGESTORE_ID_BYTES];
    if (d->options->damaged == NULL || code == HF_ENOMEM) {
        return code;
    }
    memcpy(id, s->walk.page->id, sizeof id);
    int rc = d->options->damaged(d->options->context, code, id);
    if (rc == 0) {
        rc = go_blind(s);
    }
    return rc != 0 ? rc : manifest_walk_skip(&s->walk);
}

static int enter(struct diff *d, struct side *s)
{
    int rc = manifest_walk_enter(&s->walk);
    return rc < 0 ? forgive(d, s, rc) : rc;
}

static int next(struct diff *d, struct side *s)
{
    int rc = manifest_walk_next(&s->walk);
    return rc < 0 ? forgive(d, s, rc) : rc;
}

/* Both stand before pages. */
static int meet_pages(struct diff *d)
{
    struct manifest_walk *was = &d->was.walk, *is = &d->is.walk;
    const struct manifest_page *a = was->page, *b = is->page;
    if (same_page(a, b)) {
        int rc = manifest_walk_skip(was);
        return rc != 0 ? rc : manifest_walk_skip(is);
    }
    int order = manifest_walk_compare(a->key, a->key_len, b->key, b->key_len);
    if (order == 0) {
        order = b->level - a->level; /* to meet at pages of the same level */
    }
    return enter(d, order <= 0 ? &d->was : &d->is);
}

/* Tells of the node of one side that the other has not. */
static int tell_single(struct diff *d, struct side *s)
{
    const struct node *n = &s->walk.node;
    int rc = 0;
    if (s == &d->was && !is_blind(&d->is, n)) {
        rc = d->fn(d->options->context, n, NULL);
    } else if (s == &d->is && !is_blind(&d->was, n)) {
        rc = d->fn(d->options->context, NULL, n);
    }
    return rc != 0 ? rc : next(d, s);
}

/* One stands before a page, the other on a node: whose turn is it? */
static int meet_page_and_node(struct diff *d, struct side *at_page, struct side *on_node)
{
    const struct manifest_page *page = at_page->walk.page;
    const struct node *n = &on_node->walk.node;
    if (manifest_walk_compare_path(n->path, n->path_len, page->key, page->key_len) < 0) {
        return tell_single(d, on_node);
    }
    return enter(d, at_page);
}

static int meet_nodes(struct diff *d)
{
    const struct node *was = &d->was.walk.node, *is = &d->is.walk.node;
    int order = node_path_compare(was->path, was->path_len, is->path, is->path_len);
    if (order != 0) {
        return tell_single(d, order < 0 ? &d->was : &d->is);
    }
    int rc = same_node(was, is) ? 0 : d->fn(d->options->context, was, is);
    if (rc == 0) {
        rc = next(d, &d->was);
    }
    return rc != 0 ? rc : next(d, &d->is);
}

/* Only one side is left. */
static int go_alone(struct diff *d, struct side *s)
{
    return s->walk.at == MANIFEST_WALK_PAGE ? enter(d, s) : tell_single(d, s);
}

static int step(struct diff *d)
{
    enum manifest_walk_at was = d->was.walk.at, is = d->is.walk.at;
    if (was == MANIFEST_WALK_END) {
        return go_alone(d, &d->is);
    }
    if (is == MANIFEST_WALK_END) {
        return go_alone(d, &d->was);
    }
    if (was == MANIFEST_WALK_PAGE && is == MANIFEST_WALK_PAGE) {
        return meet_pages(d);
    }
    if (was == MANIFEST_WALK_NODE && is == MANIFEST_WALK_NODE) {
        return meet_nodes(d);
    }
    return was == MANIFEST_WALK_PAGE ? meet_page_and_node(d, &d->was, &d->is)
                                     : meet_page_and_node(d, &d->is, &d->was);
}

/* What lies at or after the end of the range that was asked for is no part of the diff. */
static void cut_off(struct diff *d, struct manifest_walk *w)
{
    if (d->until.len == 0 || w->at == MANIFEST_WALK_END) {
        return;
    }
    int order = w->at == MANIFEST_WALK_PAGE
                    ? manifest_walk_compare(w->page->key, w->page->key_len, d->until.data,
                                            d->until.len)
                    : manifest_walk_compare_path(w->node.path, w->node.path_len, d->until.data,
                                                 d->until.len);
    if (order >= 0) {
        w->at = MANIFEST_WALK_END;
    }
}

/*
 * Stands at the first node of the range, or before the first page if there is no range; goes on
 * behind pages that can't be read.
 */
static int begin(struct diff *d, struct side *s, struct pagestore *pages,
                 const uint8_t root[PAGESTORE_ID_BYTES])
{
    int rc = manifest_walk_open(&s->walk, pages, root);
    if (rc != 0 || s->walk.at == MANIFEST_WALK_END) {
        return rc;
    }
    rc = d->until.len > 0 ? manifest_walk_seek(&s->walk, d->until.data, d->until.len)
                          : manifest_walk_enter(&s->walk);
    return rc < 0 ? forgive(d, s, rc) : rc;
}

static int run(struct diff *d)
{
    for (;;) {
        cut_off(d, &d->was.walk);
        cut_off(d, &d->is.walk);
        if (d->was.walk.at == MANIFEST_WALK_END && d->is.walk.at == MANIFEST_WALK_END) {
            return 0;
        }
        int rc = step(d);
        if (rc != 0) {
            return rc;
        }
    }
}

static void release(struct side *s)
{
    manifest_walk_release(&s->walk);
    buf_release(&s->blind.from);
    buf_release(&s->blind.to);
}

int manifest_diff(struct pagestore *was_pages, const uint8_t was_root[PAGESTORE_ID_BYTES],
                  struct pagestore *is_pages, const uint8_t is_root[PAGESTORE_ID_BYTES],
                  const struct manifest_diff_options *options, manifest_diff_fn fn,
                  uint64_t *out_pages_read)
{
    struct diff d = { .options = options, .fn = fn };
    bool differ = memcmp(was_root, is_root, PAGESTORE_ID_BYTES) != 0;
    int rc = 0;
    if (options->below != NULL && options->below_len > 1) { /* not the root, which is all */
        rc = manifest_edge_key(options->below, options->below_len, &d.until);
    }
    if (rc == 0 && differ) {
        rc = begin(&d, &d.was, was_pages, was_root);
    }
    if (rc == 0 && differ) {
        rc = begin(&d, &d.is, is_pages, is_root);
    }
    if (d.until.len > 0) {
        buf_put_u8(&d.until, 1); /* the range ends there: keys below have a 0 in its place */
    }
    if (rc == 0) {
        rc = buf_error(&d.until);
    }
    if (rc == 0) {
        rc = run(&d);
    }
    if (out_pages_read != NULL) {
        *out_pages_read = d.was.walk.pages_read + d.is.walk.pages_read;
    }
    release(&d.was);
    release(&d.is);
    buf_release(&d.until);
    return rc;
}
