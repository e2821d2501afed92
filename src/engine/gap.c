/*
 * gap.c - see gap.h.
 */
#include "engine/gap.h"

#include <string.h>

#include "base/err.h"
#include "store/run.h"

struct wish {
    struct repo *repo;
    struct gapevent event;
    bool nothing; /* another has closed it */
};

/* The rules of closing are judged at the tip of the journal, at each attempt to publish. */
static int check_close(struct wish *w, const struct catalog *catalog)
{
    const struct catalog_gap *g = catalog_find_gap(catalog, w->event.gap);

    if (g == NULL) {
        return err_raise(HF_ENO_POINT, "there is no such gap");
    }
    w->nothing = g->closed_by != 0;
    return w->nothing ? err_raise(HF_ECHANGED, "the gap is closed") : 0;
}

static int build(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                 struct buf *body)
{
    struct wish *w = context;
    struct buf plain;
    int rc = w->event.act == GAPEVENT_CLOSE ? check_close(w, catalog) : 0;

    buf_init(&plain);
    if (rc == 0) {
        rc = gapevent_encode(&w->event, &plain);
    }
    if (rc == 0) {
        rc = entry_put_sealed(body, ENTRY_EVENT, ENTRY_EVENT_GAP, repo_keys(w->repo),
                              repo_id(w->repo), uuid, repo_env(w->repo)->rnd, plain.data,
                              plain.len);
    }
    buf_release(&plain);
    return rc;
}

int gap_open(struct repo *r, const struct gap_begin *begin, uint8_t out_id[16],
             uint64_t *out_number)
{
    struct wish w = {
        .repo = r,
        .event = { .act = GAPEVENT_OPEN,
                   .reason = begin->reason,
                   .job = (char *)(uintptr_t)begin->job, /* borrowed */
                   .host = (char *)(uintptr_t)begin->host,
                   .at_ns = begin->begin_ns },
    };
    const struct run_entry entry = { build, &w };

    return run_publish(r, &entry, out_id, out_number);
}

int gap_close(struct repo *r, const uint8_t id[16], int64_t end_ns, uint64_t *out_number)
{
    struct wish w = { .repo = r, .event = { .act = GAPEVENT_CLOSE, .at_ns = end_ns } };
    const struct run_entry entry = { build, &w };
    uint8_t entry_id[16];
    int rc;

    memcpy(w.event.gap, id, sizeof w.event.gap);
    rc = run_publish(r, &entry, entry_id, out_number);
    if (rc == HF_ECHANGED && w.nothing) {
        *out_number = 0;
        err_clear();
        return 0;
    }
    return rc;
}
