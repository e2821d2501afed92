/*
 * check_reach.c - the part of a check that walks what snapshots need.
 *
 * The first pass looks at each page once, however many snapshots share it, and finds out whether
 * anything is missing. Only if so, a second pass walks each live snapshot alone, so that every path
 * of every snapshot that is affected is named.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/check_internal.h"
#include "engine/manifest_visit.h"
#include "engine/repopages.h"

struct reach {
    struct check *check;
    struct pagestore *pages;
    struct map *seen; /* pages looked at; not used by the second pass */
    const struct catalog_snapshot *snapshot;
    bool reporting; /* the second pass */
    uint64_t missing;
};

static int see_page(void *context, enum manifest_visit_kind kind,
                    const uint8_t id[PAGESTORE_ID_BYTES])
{
    struct reach *r = context;
    void *value;
    bool is_new;
    int rc;

    (void)kind;
    if (r->reporting) {
        return 1;
    }
    rc = map_put(r->seen, id, &value, &is_new);
    if (rc < 0) {
        return rc;
    }
    rc = check_tick(r->check);
    return rc < 0 ? rc : is_new;
}

static void report(struct reach *r, const char *kind, const uint8_t id[PAGESTORE_ID_BYTES],
                   const struct node *n, const char *message)
{
    char object[65];

    text_hex(id, PAGESTORE_ID_BYTES, object);
    check_report_loss(r->check, kind, object, message, r->snapshot->id, n ? n->path : NULL,
                      n ? n->path_len : 0);
}

/* What a prune has moved since the journal was read is in a segment that came after it. */
static bool was_moved(const struct reach *r, const struct node_ref *ref)
{
    struct index_home home;
    bool moved = repo_locate(r->check->repo, ref->id, &home) == 0 && home.len == ref->len &&
                 home.segment >= catalog_segment_count(r->check->catalog);

    err_clear();
    return moved;
}

/* What was forgotten since is nobody's loss. */
static bool was_forgotten(const struct reach *r)
{
    const struct catalog_snapshot *s = catalog_find_snapshot(repo_catalog(r->check->repo),
                                                             r->snapshot->id);

    return s != NULL && s->forgotten_by != 0;
}

static int see_chunk(void *context, const struct node *n, const struct node_ref *ref)
{
    struct reach *r = context;
    struct index_home home;
    int rc;

    if (ref->hole) {
        return 0;
    }
    rc = index_get(r->check->index, ref->id, &home);
    if (rc == 0 && home.len == ref->len) {
        return 0;
    }
    if (rc < 0 && rc != HF_EABSENT) {
        return rc;
    }
    if (was_moved(r, ref) || was_forgotten(r)) {
        return 0;
    }
    r->missing++;
    if (r->reporting) {
        report(r, "chunk", ref->id, n,
               rc == 0 ? "it has another length than the file says" : "no segment holds it whole");
    }
    return 0;
}

static int see_damaged(void *context, int code, const uint8_t id[PAGESTORE_ID_BYTES],
                       const struct node *n)
{
    struct reach *r = context;

    if (code != HF_EDAMAGE && code != HF_ENEWER && code != HF_EIO) {
        return code;
    }
    if (was_forgotten(r)) {
        return 0;
    }
    r->missing++;
    if (r->reporting) {
        report(r, "page", id, n, NULL);
    }
    return 0;
}

static int visit(struct reach *r, const struct catalog_snapshot *s)
{
    struct manifest_visitor v = {
        .context = r, .page = see_page, .chunk = see_chunk, .damaged = see_damaged
    };

    r->snapshot = s;
    return manifest_visit(r->pages, s->commit.root, &v);
}

/*
 * What is to be walked. A snapshot that was published after the repository was opened is none of
 * this check's: its pages are not in the index that the pages are read through.
 */
static bool live(const struct check *c, const struct catalog_snapshot *s)
{
    return s->forgotten_by == 0 && !s->partial &&
           s->number <= journal_at(repo_journal(c->repo))->number;
}

static int visit_all(struct reach *r)
{
    const struct catalog *c = r->check->catalog;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < catalog_snapshot_count(c); i++) {
        const struct catalog_snapshot *s = catalog_snapshot(c, i);

        if (live(r->check, s)) {
            rc = visit(r, s);
            r->check->progress.snapshots++;
        }
        if (rc == 0) {
            rc = check_tick(r->check);
        }
    }
    return rc;
}

int check_reach(struct check *c)
{
    struct reach r = { .check = c };
    int rc = repopages_new(c->repo, NULL, &r.pages);

    if (rc == 0) {
        rc = map_new(PAGESTORE_ID_BYTES, 1, 0, &r.seen);
    }
    for (size_t i = 0; i < catalog_snapshot_count(c->catalog); i++) {
        c->result->snapshots += live(c, catalog_snapshot(c->catalog, i));
    }
    c->progress.snapshots_expected = c->result->snapshots;
    if (rc == 0) {
        rc = visit_all(&r);
    }
    if (rc == 0 && r.missing > 0) {
        r.reporting = true;
        c->progress.snapshots = 0;
        rc = visit_all(&r);
    }
    map_free(r.seen);
    repopages_free(r.pages);
    return rc;
}
