/*
 * catalog_evidence.c - where the evidence in the journal is, and which segments it vouches for.
 *
 * Only that is kept: what evidence says is read again from the journal by whoever relies on it, so
 * that thousands of drills cost every command next to nothing.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "store/catalog_internal.h"

size_t catalog_evidence_count(const struct catalog *c)
{
    return c->evidence_count;
}

const struct catalog_evidence *catalog_evidence(const struct catalog *c, size_t i)
{
    return i < c->evidence_count ? &c->evidence[i] : NULL;
}

int catalog_add_evidence(struct catalog *c, const struct catalog_evidence *e)
{
    int rc = mem_grow(&c->evidence, &c->evidence_cap, c->evidence_count + 1, sizeof *c->evidence);

    if (rc == 0) {
        c->evidence[c->evidence_count++] = *e;
    }
    return rc;
}

/*
 * Ordinals that are not there yet, or whose segment is gone, vouch for nothing. The last one
 * counts, whatever clocks said: one that was ahead must not keep its word for ever.
 */
static void note_verified(struct catalog *c, const struct evidence_span *span, int64_t at_ns)
{
    uint64_t end = (uint64_t)span->first + span->count;

    for (uint64_t i = span->first; i < end && i < c->segment_count; i++) {
        c->segments[i].verified_ns = at_ns;
    }
}

int catalog_apply_evidence(struct catalog *c, const struct journal_entry *e,
                           const struct buf *plain)
{
    struct catalog_evidence where = { .number = e->seal.number, .published_ns = e->seal.time_ns };
    struct evidence said;
    int rc = evidence_decode(plain->data, plain->len, &said);

    if (rc == HF_ENEWER) {
        err_clear(); /* an older program goes on without it */
        return 0;
    }
    if (rc < 0) {
        return rc;
    }
    memcpy(where.id, e->seal.uuid, sizeof where.id);
    where.kind = said.kind;
    rc = catalog_add_evidence(c, &where);
    for (size_t i = 0; rc == 0 && i < said.verified_count; i++) {
        note_verified(c, &said.verified[i], e->seal.time_ns);
    }
    evidence_release(&said);
    return rc;
}
