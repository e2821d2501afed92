/*
 * forget.c - see forget.h.
 *
 * Undoing looks at the chunks first and publishes then; what was condemned between the two would
 * make the look worthless, so the entry is refused if that happened, and all is done again.
 */
#include "engine/forget.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/manifest_visit.h"
#include "engine/repopages.h"
#include "format/entry.h"
#include "store/run.h"

#define UNDO_ATTEMPTS 16

struct wish {
    const uint8_t (*ids)[16];
    size_t count;
    bool undo;
    uint64_t view; /* condemned after this entry: what was looked at is void */
    bool nothing;  /* at the tip there is nothing left to do */
};

static bool condemned_since(const struct catalog *c, uint64_t view)
{
    for (size_t i = 0; i < catalog_segment_count(c); i++) {
        if (catalog_segment(c, (uint32_t)i)->condemned_by > view) {
            return true;
        }
    }
    return false;
}

/* Takes those that still need it. */
static int build(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                 struct buf *body)
{
    struct wish *w = context;
    uint8_t(*left)[16] = mem_array(w->count + 1, sizeof *left);
    size_t count = 0;

    (void)uuid;
    if (left == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < w->count; i++) {
        const struct catalog_snapshot *s = catalog_find_snapshot(catalog, w->ids[i]);

        if (s != NULL && (s->forgotten_by != 0) == w->undo) {
            memcpy(left[count++], w->ids[i], sizeof left[0]);
        }
    }
    w->nothing = count == 0;
    entry_put_forget(body, w->undo, 0, (const uint8_t(*)[16])left, count);
    mem_free(left);
    if (w->nothing) {
        return err_raise(HF_ECHANGED, "somebody else was faster");
    }
    if (w->undo && condemned_since(catalog, w->view)) {
        return err_raise(HF_ECHANGED, "data were pruned meanwhile");
    }
    return buf_error(body);
}

static int publish(struct repo *r, struct wish *w, uint64_t *out_number)
{
    const struct run_entry entry = { build, w };
    uint8_t id[16];
    int rc = run_publish(r, &entry, id, out_number);

    if (rc == HF_ECHANGED && w->nothing) {
        *out_number = 0;
        err_clear();
        return 0;
    }
    return rc;
}

int forget_publish(struct repo *r, const uint8_t (*ids)[16], size_t count, uint64_t *out_number)
{
    struct wish w = { .ids = ids, .count = count };

    return publish(r, &w, out_number);
}

struct look {
    struct repo *repo;
    struct map *seen; /* pages whose content is known to be there */
};

static int look_at_page(void *context, enum manifest_visit_kind kind,
                        const uint8_t id[PAGESTORE_ID_BYTES])
{
    struct look *l = context;
    void *value;
    bool is_new;
    int rc = map_put(l->seen, id, &value, &is_new);

    (void)kind;
    return rc != 0 ? rc : is_new;
}

static int look_at_chunk(void *context, const struct node *n, const struct node_ref *ref)
{
    const struct look *l = context;
    struct index_home home;

    (void)n;
    return ref->hole ? 0 : repo_locate(l->repo, ref->id, &home);
}

/* Whether all that a snapshot needs has a home. */
static int look_at(struct look *l, struct pagestore *pages, const struct catalog_snapshot *s)
{
    const struct manifest_visitor visitor = { .context = l,
                                              .page = look_at_page,
                                              .chunk = look_at_chunk };
    char id[33];
    int rc = manifest_visit(pages, s->commit.root, &visitor);

    if (rc != HF_EDAMAGE && rc != HF_EABSENT) {
        return rc;
    }
    return err_add(HF_EFAIL, "snapshot %s has lost data since it was forgotten",
                   text_hex(s->id, sizeof s->id, id));
}

static int look_at_all(struct repo *r, const struct wish *w)
{
    struct look l = { .repo = r };
    struct pagestore *pages = NULL;
    int rc = map_new(PAGESTORE_ID_BYTES, 1, 0, &l.seen);

    if (rc == 0) {
        rc = repopages_new(r, NULL, &pages);
    }
    for (size_t i = 0; rc == 0 && i < w->count; i++) {
        const struct catalog_snapshot *s = catalog_find_snapshot(repo_catalog(r), w->ids[i]);

        if (s != NULL) {
            rc = look_at(&l, pages, s);
        }
    }
    repopages_free(pages);
    map_free(l.seen);
    return rc;
}

int forget_undo(struct repo *r, const uint8_t (*ids)[16], size_t count, uint64_t *out_number)
{
    struct wish w = { .ids = ids, .count = count, .undo = true };
    int rc = HF_ECHANGED;

    for (int attempt = 0; rc == HF_ECHANGED && attempt < UNDO_ATTEMPTS; attempt++) {
        rc = repo_refresh(r);
        w.view = journal_at(repo_journal(r))->number;
        if (rc == 0) {
            rc = look_at_all(r, &w);
        }
        if (rc == 0) {
            rc = publish(r, &w, out_number);
        }
    }
    return rc;
}
