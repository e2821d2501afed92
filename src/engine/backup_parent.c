/*
 * backup_parent.c - see backup_parent.h.
 */
#include "engine/backup_parent.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/manifest_content.h"
#include "engine/manifest_cursor.h"

struct base { /* a manifest that things are looked up in */
    uint8_t id[16];
    uint8_t root[32];
    int64_t begin_ns;
    struct commit_counts counts;
    struct manifest_cursor *cursor; /* NULL: can't be read, or was read to its end */
    bool positioned;                /* the cursor has been brought to where the walk is */
    bool have;                      /* node is the cursor's, not yet passed */
    struct node node;
};

struct backup_parent {
    struct pagestore *pages;
    uint32_t fixed;       /* length of chunks of page-structured files */
    struct base bases[2]; /* asked in this order; leaves of the first can be kept */
    size_t count;
    struct base *parent; /* the one that is a commit; NULL if none */
    struct manifest_content_reader *content;
};

/* ---- choosing ---- */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool same_paths(const struct backup_query *q, const struct commit *c)
{
    if (q->path_count != c->path_count) {
        return false;
    }
    for (size_t i = 0; i < c->path_count; i++) {
        if (strcmp(q->paths[i], c->paths[i]) != 0) {
            return false;
        }
    }
    return true;
}

struct choice {
    const struct catalog_snapshot *exact, *near, *partial;
};

/*
 * What an unfinished run has stored is protected by nobody: once anything was condemned after it,
 * its chunks may be among that.
 */
static bool still_whole(const struct catalog *catalog, const struct catalog_snapshot *partial)
{
    return !catalog_condemned_since(catalog, partial->number);
}

static void choose(const struct catalog *catalog, const struct backup_query *q, struct choice *out)
{
    for (size_t i = catalog_snapshot_count(catalog); i-- > 0;) {
        const struct catalog_snapshot *s = catalog_snapshot(catalog, i);
        if (s->forgotten_by != 0 || !same_text(s->commit.host, q->host) ||
            !same_text(s->commit.job, q->job)) {
            continue;
        }
        bool same = same_paths(q, &s->commit);
        if (s->partial) {
            if (same && out->partial == NULL) {
                out->partial = s;
            }
            continue;
        }
        if (out->near == NULL) {
            out->near = s;
        }
        if (same && out->exact == NULL) {
            out->exact = s;
        }
        if (out->exact != NULL) {
            return; /* whatever is older does not matter */
        }
    }
}

static struct base *add_base(struct backup_parent *p, const struct catalog_snapshot *s)
{
    struct base *b = &p->bases[p->count++];
    memcpy(b->id, s->id, sizeof(b->id));
    memcpy(b->root, s->commit.root, sizeof(b->root));
    b->begin_ns = s->commit.begin_ns;
    b->counts = s->commit.counts;
    return b;
}

static int choose_bases(struct backup_parent *p, const struct catalog *catalog,
                        const struct backup_query *q)
{
    struct choice found = { 0 };
    choose(catalog, q, &found);
    const struct catalog_snapshot *parent = found.exact != NULL ? found.exact : found.near;
    if (q->parent != NULL) {
        parent = catalog_find_snapshot(catalog, q->parent);
        if (parent == NULL || parent->partial || parent->forgotten_by != 0) {
            return err_raise(HF_ENO_POINT, "there is no such snapshot to be the parent");
        }
    }
    if (found.partial != NULL && (parent == NULL || found.partial->number > parent->number) &&
        still_whole(catalog, found.partial)) {
        add_base(p, found.partial);
    }
    if (parent != NULL) {
        p->parent = add_base(p, parent);
    }
    return 0;
}

/* ---- life ---- */

/* A manifest that can't be read costs time, not the backup. */
static int tolerate(int rc, const char *what)
{
    if (rc != HF_EDAMAGE && rc != HF_ENEWER && rc != HF_EABSENT) {
        return rc;
    }
    log_write(LOG_LEVEL_WARN, "%s: %s; files are read again", what, err_last()->text);
    err_clear();
    return 0;
}

static int open_bases(struct backup_parent *p)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < p->count; i++) {
        rc = tolerate(manifest_cursor_open(p->pages, p->bases[i].root, &p->bases[i].cursor),
                      "could not read the parent's manifest");
    }
    return rc;
}

int backup_parent_open(struct repo *r, const struct backup_query *query, struct pagestore *pages,
                       struct backup_parent **out_parent)
{
    struct backup_parent *p = mem_zalloc(sizeof(*p));
    if (p == NULL) {
        return err_nomem();
    }
    p->pages = pages;
    p->fixed = chunker_params(repo_chunker(r))->fixed;
    int rc = choose_bases(p, repo_catalog(r), query);
    if (rc == 0) {
        rc = open_bases(p);
    }
    if (rc == 0) {
        rc = manifest_content_reader_new(pages, &p->content);
    }
    if (rc != 0) {
        backup_parent_close(p);
        return rc;
    }
    *out_parent = p;
    return 0;
}

void backup_parent_close(struct backup_parent *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        manifest_cursor_close(p->bases[i].cursor);
    }
    manifest_content_reader_free(p->content);
    mem_free(p);
}

const uint8_t *backup_parent_id(const struct backup_parent *p)
{
    return p->parent != NULL ? p->parent->id : NULL;
}

const uint8_t *backup_parent_root(const struct backup_parent *p)
{
    return p->parent != NULL ? p->parent->root : NULL;
}

const struct commit_counts *backup_parent_counts(const struct backup_parent *p)
{
    static const struct commit_counts none;
    return p->parent != NULL ? &p->parent->counts : &none;
}

const uint8_t *backup_parent_reliance(const struct backup_parent *p)
{
    return p->count > 0 ? p->bases[0].id : NULL;
}

/* ---- looking up ---- */

/* The cursor's next node, past pages that can't be read. At the end the cursor is closed. */
static int step(struct base *b)
{
    for (;;) {
        int rc = manifest_cursor_next(b->cursor, &b->node);
        b->have = rc == 1;
        if (rc == 1) {
            return 0;
        }
        if (rc == 0) {
            manifest_cursor_close(b->cursor);
            b->cursor = NULL;
            return 0;
        }
        rc = tolerate(rc, "could not read a page of the parent's manifest");
        if (rc == 0) {
            rc = manifest_cursor_skip_page(b->cursor, NULL);
        }
        if (rc != 0) {
            return rc;
        }
    }
}

/* Brings a manifest that was not asked so far to the path. */
static int catch_up(struct base *b, const char *path, size_t path_len)
{
    b->positioned = true;
    int rc = tolerate(manifest_cursor_seek(b->cursor, path, path_len),
                      "could not read a page of the parent's manifest");
    return rc != 0 ? rc : step(b);
}

/* 1: found; 0: not there. */
static int find_in(struct base *b, const char *path, size_t path_len)
{
    int rc = 0;
    if (b->cursor != NULL && !b->positioned) {
        rc = catch_up(b, path, path_len);
    }
    while (rc == 0 && b->have) {
        int order = node_path_compare(b->node.path, b->node.path_len, path, path_len);
        if (order >= 0) {
            return order == 0;
        }
        rc = step(b);
    }
    return rc;
}

int backup_parent_find(struct backup_parent *p, const char *path, size_t path_len,
                       struct backup_was *out_was)
{
    for (size_t i = 0; i < p->count; i++) {
        struct base *b = &p->bases[i];
        int rc = find_in(b, path, path_len);
        if (rc == 1) {
            out_was->node = &b->node;
            out_was->begin_ns = b->begin_ns;
            out_was->leaf = i == 0 ? manifest_cursor_leaf(b->cursor, &out_was->index) : NULL;
        }
        /* As long as one manifest goes on, the next one is not asked. */
        if (rc != 0 || b->have) {
            return rc;
        }
    }
    return 0;
}

int backup_parent_paged(struct backup_parent *p, const struct node *was, bool *out_paged)
{
    *out_paged = false;
    if (was->size < 2 * (uint64_t)p->fixed) {
        return 0;
    }
    int rc = manifest_content_reader_open(p->content, was);
    size_t pages = 0;
    /* Two chunks of just that length in a row are no accident. */
    while (rc == 0 && pages < 2) {
        struct node_ref ref;
        uint64_t offset = 0;
        rc = manifest_content_reader_next(p->content, &ref, &offset);
        if (rc == 1 && (ref.hole || ref.len == p->fixed)) {
            pages += ref.hole ? 0 : 1;
            rc = 0;
        } else if (rc == 1) {
            return 0;
        } else if (rc == 0) {
            return 0; /* the end */
        }
    }
    *out_paged = pages == 2;
    return tolerate(rc, "could not read a file's list of chunks in the parent");
}
