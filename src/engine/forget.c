/*
 * forget.c - see forget.h.
 *
 * Undoing looks at the chunks first and publishes then; what was condemned between the two would
 * make the look worthless, so the entry is refused if that happened, and all is done again.
 */
#include "engine/forget.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/forget_look.h"
#include "format/entry.h"
#include "store/run.h"

#define UNDO_ATTEMPTS 16

struct wish {
    struct repo *repo;
    const uint8_t (*ids)[16];
    size_t count;
    bool undo;
    uint64_t view; /* condemned after this entry: what was looked at is void */
    bool nothing;  /* at the tip there is nothing left to do */
};

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
    if (w->undo) {
        int rc = run_validate_view(w->repo, w->view, "validate.unforget");

        if (rc < 0) {
            return rc;
        }
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
    struct wish w = { .repo = r, .ids = ids, .count = count };

    return publish(r, &w, out_number);
}

int forget_undo(struct repo *r, const uint8_t (*ids)[16], size_t count, uint64_t *out_number)
{
    struct wish w = { .repo = r, .ids = ids, .count = count, .undo = true };
    int rc = HF_ECHANGED;

    for (int attempt = 0; rc == HF_ECHANGED && attempt < UNDO_ATTEMPTS; attempt++) {
        rc = repo_refresh(r);
        w.view = journal_at(repo_journal(r))->number;
        if (rc == 0) {
            rc = forget_look(r, ids, count);
        }
        if (rc == 0) {
            rc = publish(r, &w, out_number);
        }
    }
    return rc;
}
