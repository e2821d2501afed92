/*
 * manifest_update.c - runs of kept entries, and whether they become a page taken over.
 *
 * A run that begins with the first entry of a leaf, at a page start of the builder, is only
 * counted. If it comes to cover the leaf, the page is taken over. If something else comes first,
 * the leaf is read again and the entries counted so far are added one by one: that happens at
 * most once for each leaf that has changed.
 */
#include "engine/manifest_update.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/page.h"

struct manifest_update {
    struct pagestore *pages;
    struct manifest_builder *builder;

    struct manifest_leaf *run; /* the leaf whose first `kept` entries are kept, or NULL */
    uint32_t kept;

    struct manifest_leaf *open; /* the leaf that is read for adding its entries, or NULL */
    uint32_t position;          /* of the entry that its reader yields next */
    struct page_reader *reader;
    struct buf bytes;
};

int manifest_update_new(struct pagestore *pages, const uint8_t boundary_key[16],
                        struct manifest_update **out_update)
{
    struct manifest_update *u = mem_zalloc(sizeof *u);
    if (u == NULL) {
        return err_nomem();
    }
    u->pages = pages;
    int rc = manifest_builder_new(pages, boundary_key, &u->builder);
    if (rc == 0) {
        rc = page_reader_new(&u->reader);
    }
    if (rc != 0) {
        manifest_update_free(u);
        return rc;
    }
    *out_update = u;
    return 0;
}

void manifest_update_free(struct manifest_update *u)
{
    if (u == NULL) {
        return;
    }
    manifest_leaf_drop(u->run);
    manifest_leaf_drop(u->open);
    manifest_builder_free(u->builder);
    page_reader_free(u->reader);
    buf_release(&u->bytes);
    mem_free(u);
}

static void forget(struct manifest_leaf **leaf)
{
    manifest_leaf_drop(*leaf);
    *leaf = NULL;
}

static bool is_same(const struct manifest_leaf *a, const struct manifest_leaf *b)
{
    return a == b || (a != NULL && b != NULL && a->page.first_entry == b->page.first_entry &&
                      memcmp(a->page.id, b->page.id, sizeof a->page.id) == 0);
}

/* Has the reader stand before this entry of this leaf. */
static int open_at(struct manifest_update *u, struct manifest_leaf *leaf, uint32_t first)
{
    struct node n;
    int rc = 0;
    if (!is_same(u->open, leaf) || u->position > first) {
        forget(&u->open);
        rc = u->pages->get(u->pages, leaf->page.id, &u->bytes);
        if (rc == 0) {
            rc = page_reader_open(u->reader, u->bytes.data, u->bytes.len);
        }
        if (rc != 0) {
            return rc;
        }
        u->open = manifest_leaf_hold(leaf);
        u->position = 0;
    }
    for (; u->position < first; u->position++) {
        rc = page_reader_next_node(u->reader, &n);
        if (rc != 1) {
            return rc < 0 ? rc : err_raise(HF_EDAMAGE, "it has fewer entries than it should");
        }
    }
    return 0;
}

/* Adds the entries of a leaf one by one. */
static int add_entries(struct manifest_update *u, struct manifest_leaf *leaf, uint32_t first,
                       uint32_t count)
{
    struct node n;
    int rc = open_at(u, leaf, first);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = page_reader_next_node(u->reader, &n);
        if (rc == 0) {
            rc = err_raise(HF_EDAMAGE, "it has fewer entries than it should");
        }
        if (rc < 0) {
            break;
        }
        u->position++;
        rc = manifest_builder_add(u->builder, &n);
    }
    if (rc == 0) {
        return 0;
    }
    char hex[2 * PAGESTORE_ID_BYTES + 1];
    return err_add(rc, "manifest page %s", text_hex(leaf->page.id, PAGESTORE_ID_BYTES, hex));
}

/* Something else comes: what was only counted is added. */
static int settle(struct manifest_update *u)
{
    struct manifest_leaf *leaf = u->run;
    if (leaf == NULL) {
        return 0;
    }
    u->run = NULL;
    int rc = add_entries(u, leaf, 0, u->kept);
    manifest_leaf_drop(leaf);
    return rc;
}

/* The run covers its leaf: takes it over if that can be said now. */
static int take_run(struct manifest_update *u, bool at_end)
{
    bool taken;
    int rc = manifest_builder_reuse(u->builder, &u->run->page, at_end, &taken);
    if (rc == 0 && taken) {
        forget(&u->run);
    } else if (rc == 0 && !u->run->page.last) {
        rc = settle(u);
    }
    return rc; /* the last leaf waits for what comes next */
}

int manifest_update_put(struct manifest_update *u, const struct node *n)
{
    int rc = settle(u);
    return rc != 0 ? rc : manifest_builder_add(u->builder, n);
}

int manifest_update_keep(struct manifest_update *u, struct manifest_leaf *leaf, uint32_t first,
                         uint32_t count)
{
    uint64_t entries = leaf->page.entries;
    if (count == 0) {
        return 0;
    }
    if (first > entries || count > entries - first) {
        return err_raise(HF_EFAIL, "a leaf of the manifest has no such entries");
    }
    if (u->run != NULL && (!is_same(u->run, leaf) || u->kept != first)) {
        int rc = settle(u);
        if (rc != 0) {
            return rc;
        }
    }
    if (u->run == NULL && (first > 0 || !manifest_builder_at_start(u->builder, 0))) {
        return add_entries(u, leaf, first, count);
    }
    if (u->run == NULL) {
        u->run = manifest_leaf_hold(leaf);
        u->kept = 0;
    }
    u->kept += count;
    return u->kept == entries ? take_run(u, false) : 0;
}

int manifest_update_checkpoint(struct manifest_update *u, uint8_t out_root[PAGESTORE_ID_BYTES])
{
    return manifest_builder_checkpoint(u->builder, out_root);
}

int manifest_update_finish(struct manifest_update *u, uint8_t out_root[PAGESTORE_ID_BYTES],
                           struct manifest_totals *out_totals)
{
    int rc = 0;
    if (u->run != NULL && u->kept == u->run->page.entries) {
        rc = take_run(u, true);
    }
    if (rc == 0) {
        rc = settle(u);
    }
    return rc != 0 ? rc : manifest_builder_finish(u->builder, out_root, out_totals);
}

void manifest_update_stats(const struct manifest_update *u, struct manifest_built *out)
{
    manifest_builder_stats(u->builder, out);
}
