/*
 * manifest_builder.c - one unfinished page a level; a page that ends becomes an entry one level up.
 *
 * Why a page can be taken over: what a page is depends on its own entries, and where it ends on
 * the entries since the end of the page before. So if all levels up to it stand at a page start,
 * and its entries come next and unchanged, the builder would make this very page. Two things are
 * not its own: that it ended where its level ended (`last`), and, in an index page, its first
 * separator, which depends on the key before it.
 *
 * That key is known when the page before was built here. If that was taken over as well, its last
 * key is read only if need be: a page that followed it in the old manifest keeps its separator.
 */
#include "engine/manifest_builder.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/manifest_edge.h"
#include "engine/manifest_walk.h"
#include "format/page.h"

struct level {
    struct page_builder *page; /* NULL until the level is needed */
    unsigned pages;            /* that have ended; 2 stands for more than one */
    uint8_t last_id[PAGESTORE_ID_BYTES];
    struct buf separator;         /* of the unfinished page */
    struct manifest_totals below; /* the unfinished page */
};

struct manifest_builder {
    struct pagestore *pages;
    uint8_t boundary_key[16];
    struct level levels[PAGE_LEVEL_LIMIT + 1];
    struct manifest_totals totals;
    struct manifest_built stats;

    struct buf last_key; /* the last key of the last page that ended, if last_known ... */
    bool last_known;
    struct manifest_page taken; /* ... else that page, which was taken over; without its key */

    struct buf key; /* scratch */
    struct manifest_edge edge;
};

int manifest_builder_new(struct pagestore *pages, const uint8_t boundary_key[16],
                         struct manifest_builder **out_builder)
{
    struct manifest_builder *b = mem_zalloc(sizeof *b);
    if (b == NULL) {
        return err_nomem();
    }
    b->pages = pages;
    memcpy(b->boundary_key, boundary_key, sizeof b->boundary_key);
    int rc = manifest_edge_init(&b->edge, pages);
    if (rc == 0) {
        rc = page_builder_new(PAGE_LEAF, 0, boundary_key, &b->levels[0].page);
    }
    if (rc != 0) {
        manifest_builder_free(b);
        return rc;
    }
    *out_builder = b;
    return 0;
}

void manifest_builder_free(struct manifest_builder *b)
{
    if (b == NULL) {
        return;
    }
    for (unsigned l = 0; l <= PAGE_LEVEL_LIMIT; l++) {
        page_builder_free(b->levels[l].page);
        buf_release(&b->levels[l].separator);
    }
    manifest_edge_release(&b->edge);
    buf_release(&b->last_key);
    buf_release(&b->key);
    mem_free(b);
}

void manifest_builder_stats(const struct manifest_builder *b, struct manifest_built *out)
{
    *out = b->stats;
    out->pages_got = b->edge.pages_got;
}

static bool is_started(const struct level *l)
{
    return l->page != NULL && page_builder_count(l->page) > 0;
}

static void count_pages(struct level *l, unsigned pages)
{
    l->pages = l->pages + pages > 2 ? 2 : l->pages + pages;
}

static int set_separator(struct level *l, const uint8_t *key, size_t len)
{
    buf_clear(&l->separator);
    buf_put(&l->separator, key, len);
    return buf_error(&l->separator);
}

static int need_level(struct manifest_builder *b, unsigned l)
{
    if (l > PAGE_LEVEL_LIMIT) {
        return err_raise(HF_ELIMIT, "the manifest has too many levels");
    }
    if (b->levels[l].page != NULL) {
        return 0;
    }
    return page_builder_new(PAGE_INDEX, (uint8_t)l, b->boundary_key, &b->levels[l].page);
}

/* Stores what is in `page`: id and length of the child that describes it. */
static int put_page(struct manifest_builder *b, struct page_builder *page, struct page_child *child)
{
    const uint8_t *data;
    size_t len;
    int rc = page_builder_finish(page, &data, &len);
    if (rc == 0) {
        rc = b->pages->put(b->pages, data, len, child->id);
    }
    if (rc != 0) {
        return err_add(rc, "could not store a page of the manifest");
    }
    b->stats.pages_put++;
    child->page_len = len;
    return 0;
}

/* Stores the unfinished page of a level; *out_child borrows its separator. */
static int put_level(struct manifest_builder *b, struct level *l, struct page_child *out_child)
{
    *out_child = (struct page_child){
        .key = l->separator.data,
        .key_len = l->separator.len,
        .entries = l->below.entries,
        .bytes = l->below.bytes,
    };
    return put_page(b, l->page, out_child);
}

/* The unfinished page of a level ends here. */
static int end_page(struct manifest_builder *b, struct level *l, struct page_child *out_child)
{
    int rc = put_level(b, l, out_child);
    if (rc != 0) {
        return rc;
    }
    memcpy(l->last_id, out_child->id, sizeof l->last_id);
    count_pages(l, 1);
    page_builder_reset(l->page);
    l->below = (struct manifest_totals){ 0 };
    return 0;
}

/* Adds an entry to level l, and to those above as far as pages end. */
static int add_child(struct manifest_builder *b, unsigned l, struct page_child child)
{
    for (;; l++) {
        struct level *level = &b->levels[l];
        bool ends;
        int rc = need_level(b, l);
        if (rc == 0 && !is_started(level)) {
            rc = set_separator(level, child.key, child.key_len);
        }
        if (rc == 0) {
            rc = page_builder_add_child(level->page, &child, &ends);
        }
        if (rc != 0) {
            return rc;
        }
        level->below.entries += child.entries;
        level->below.bytes += child.bytes;
        if (!ends) {
            return 0;
        }
        rc = end_page(b, level, &child);
        if (rc != 0) {
            return rc;
        }
    }
}

static int know_last_key(struct manifest_builder *b)
{
    if (b->last_known) {
        return 0;
    }
    int rc = manifest_edge_last(&b->edge, &b->taken, &b->last_key);
    b->last_known = rc == 0;
    return rc;
}

/* The separator of a leaf that begins with this key, after all that has come. */
static int separate(struct manifest_builder *b, const struct buf *key)
{
    struct level *leaf = &b->levels[0];
    if (b->totals.entries == 0) {
        return set_separator(leaf, NULL, 0);
    }
    int rc = know_last_key(b);
    if (rc != 0) {
        return rc;
    }
    const struct buf *last = &b->last_key;
    if (manifest_walk_compare(last->data, last->len, key->data, key->len) >= 0) {
        return err_raise(HF_EFAIL, "a path is out of order");
    }
    size_t len = page_separator(last->data, last->len, key->data, key->len);
    return set_separator(leaf, key->data, len);
}

/* The node just added is the first of its page. */
static int begin_leaf(struct manifest_builder *b, const struct node *n)
{
    int rc = manifest_edge_key(n->path, n->path_len, &b->key);
    if (rc == 0) {
        rc = separate(b, &b->key);
    }
    if (rc != 0) {
        page_builder_reset(b->levels[0].page);
    }
    return rc;
}

int manifest_builder_add(struct manifest_builder *b, const struct node *n)
{
    struct level *leaf = &b->levels[0];
    struct page_child child;
    bool ends, begins = !is_started(leaf);
    int rc = page_builder_add_node(leaf->page, n, &ends);
    if (rc == 0 && begins) {
        rc = begin_leaf(b, n);
    }
    if (rc != 0) {
        return rc;
    }
    uint64_t bytes = n->type == NODE_FILE ? n->size : 0;
    leaf->below.entries++;
    leaf->below.bytes += bytes;
    b->totals.entries++;
    b->totals.bytes += bytes;
    if (!ends) {
        return 0;
    }
    rc = manifest_edge_key(n->path, n->path_len, &b->last_key);
    b->last_known = true;
    if (rc == 0) {
        rc = end_page(b, leaf, &child);
    }
    return rc != 0 ? rc : add_child(b, 1, child);
}

bool manifest_builder_at_start(const struct manifest_builder *b, uint8_t level)
{
    for (unsigned l = 0; l <= level; l++) {
        if (is_started(&b->levels[l])) {
            return false;
        }
    }
    return true;
}

/*
 * Whether this is still the separator that the page has after the key before it: it sorts after
 * that key, and would not if it were shorter.
 */
static bool is_separator(const struct buf *last, const uint8_t *key, size_t len)
{
    return len > 0 && manifest_walk_compare(last->data, last->len, key, len) < 0 &&
           manifest_walk_compare(last->data, last->len, key, len - 1) >= 0;
}

/*
 * Sets the separator of the page to be taken over. *out_fits: it may be taken over. A leaf may have
 * another separator than before, an index page has its own in it.
 */
static int fit_separator(struct manifest_builder *b, const struct manifest_page *page,
                         bool *out_fits)
{
    *out_fits = true;
    if (b->totals.entries == 0) {
        *out_fits = page->level == 0 || page->key_len == 0;
        return set_separator(&b->levels[0], NULL, 0);
    }
    bool follows = !b->last_known && b->taken.first_entry + b->taken.entries == page->first_entry;
    if (!follows) {
        int rc = know_last_key(b);
        if (rc != 0) {
            return rc;
        }
    }
    if (follows || is_separator(&b->last_key, page->key, page->key_len)) {
        return set_separator(&b->levels[0], page->key, page->key_len);
    }
    *out_fits = page->level == 0;
    if (!*out_fits) {
        return 0;
    }
    int rc = manifest_edge_first(&b->edge, page, &b->key);
    return rc != 0 ? rc : separate(b, &b->key);
}

int manifest_builder_reuse(struct manifest_builder *b, const struct manifest_page *page,
                           bool at_end, bool *out_taken)
{
    *out_taken = false;
    bool ended_by_rule = !page->last;
    if (!manifest_builder_at_start(b, page->level) || !(ended_by_rule || at_end)) {
        return 0;
    }
    bool fits;
    int rc = fit_separator(b, page, &fits);
    if (rc != 0 || !fits) {
        return rc;
    }
    struct page_child child = {
        .key = b->levels[0].separator.data,
        .key_len = b->levels[0].separator.len,
        .page_len = page->page_len,
        .entries = page->entries,
        .bytes = page->bytes,
    };
    memcpy(child.id, page->id, sizeof child.id);
    for (unsigned l = 0; l < page->level; l++) {
        count_pages(&b->levels[l], 2);
    }
    count_pages(&b->levels[page->level], 1);
    memcpy(b->levels[page->level].last_id, page->id, sizeof child.id);
    b->totals.entries += page->entries;
    b->totals.bytes += page->bytes;
    b->taken = *page;
    b->last_known = false;
    b->stats.pages_taken++;
    *out_taken = true;
    return add_child(b, page->level + 1u, child);
}

/* Copies the entries of an unfinished index page to another. */
static int copy_children(struct manifest_builder *b, struct page_builder *from,
                         struct page_builder *to)
{
    const uint8_t *data;
    size_t len;
    struct page_child child;
    bool ends;
    int rc = page_builder_finish(from, &data, &len);
    if (rc == 0) {
        rc = page_reader_open(b->edge.reader, data, len);
    }
    if (rc != 0) {
        return rc;
    }
    while ((rc = page_reader_next_child(b->edge.reader, &child)) == 1) {
        rc = page_builder_add_child(to, &child, &ends);
        if (rc != 0) {
            return rc;
        }
    }
    return rc;
}

/*
 * Stores what the unfinished page of an index level would be with one child more; *child becomes
 * what describes that page.
 */
static int put_with_child(struct manifest_builder *b, unsigned l, struct page_child *child)
{
    struct level *level = &b->levels[l];
    struct page_builder *page;
    bool ends;
    int rc = page_builder_new(PAGE_INDEX, (uint8_t)l, b->boundary_key, &page);
    if (rc != 0) {
        return rc;
    }
    if (is_started(level)) {
        rc = copy_children(b, level->page, page);
    }
    if (rc == 0) {
        rc = page_builder_add_child(page, child, &ends);
    }
    if (rc == 0 && is_started(level)) {
        child->key = level->separator.data;
        child->key_len = level->separator.len;
        child->entries += level->below.entries;
        child->bytes += level->below.bytes;
    }
    if (rc == 0) {
        rc = put_page(b, page, child);
    }
    page_builder_free(page);
    return rc;
}

int manifest_builder_checkpoint(struct manifest_builder *b, uint8_t out_root[PAGESTORE_ID_BYTES])
{
    struct page_child child = { .key = NULL };
    bool carries = false; /* child is a page of the level below, stored ahead of its end */
    memset(out_root, 0, PAGESTORE_ID_BYTES);
    if (b->totals.entries == 0) {
        return 0;
    }
    for (unsigned l = 0; l <= PAGE_LEVEL_LIMIT; l++) {
        struct level *level = &b->levels[l];
        int rc = 0;
        if (carries) {
            rc = put_with_child(b, l, &child);
        } else if (is_started(level)) {
            rc = put_level(b, level, &child);
        }
        if (rc != 0) {
            return rc;
        }
        carries |= is_started(level);
        if (level->pages + (carries ? 1 : 0) == 1) {
            memcpy(out_root, carries ? child.id : level->last_id, PAGESTORE_ID_BYTES);
            return 0;
        }
    }
    return err_raise(HF_ELIMIT, "the manifest has too many levels");
}

int manifest_builder_finish(struct manifest_builder *b, uint8_t out_root[PAGESTORE_ID_BYTES],
                            struct manifest_totals *out_totals)
{
    memset(out_root, 0, PAGESTORE_ID_BYTES);
    if (out_totals != NULL) {
        *out_totals = b->totals;
    }
    if (b->totals.entries == 0) {
        return 0;
    }
    for (unsigned l = 0; l <= PAGE_LEVEL_LIMIT; l++) {
        struct level *level = &b->levels[l];
        struct page_child child;
        if (is_started(level)) {
            int rc = end_page(b, level, &child);
            if (rc == 0 && level->pages > 1) {
                rc = add_child(b, l + 1, child);
            }
            if (rc != 0) {
                return rc;
            }
        }
        if (level->pages == 1) {
            memcpy(out_root, level->last_id, PAGESTORE_ID_BYTES);
            return 0;
        }
    }
    return err_raise(HF_ELIMIT, "the manifest has too many levels");
}
