/*
 * forget_look.c - see forget_look.h.
 *
 * A look goes on after a loss, since who wants a snapshot back asks what else is gone. Which entry
 * took a chunk away is not recorded anywhere: its segment's footer went with it. But as long as
 * the snapshot was live each of its chunks had a home, so it was one that came later.
 */
#include "engine/forget_look.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/manifest_visit.h"
#include "engine/repopages.h"

#define LOST_NAMED 4 /* how many lost chunks a message lists */

struct look {
    struct repo *repo;
    struct map *seen; /* pages, and chunks that are lost */
    uint8_t lost[LOST_NAMED][PAGESTORE_ID_BYTES];
    uint64_t lost_count;
    bool lost_page;         /* then nobody knows what else */
    struct err_trail cause; /* of the first of them */
};

static bool is_loss(int code)
{
    return code == HF_EDAMAGE || code == HF_EABSENT;
}

/* Goes on after a loss: one look is to find all of them. */
static void note_loss(struct look *l, const uint8_t id[PAGESTORE_ID_BYTES])
{
    if (l->lost_count == 0) {
        err_take(&l->cause);
    }
    if (l->lost_count < LOST_NAMED) {
        memcpy(l->lost[l->lost_count], id, PAGESTORE_ID_BYTES);
    }
    l->lost_count++;
}

static int locate(const struct look *l, const uint8_t id[PAGESTORE_ID_BYTES])
{
    struct index_home home;

    return repo_locate(l->repo, id, &home);
}

static int look_at_page(void *context, enum manifest_visit_kind kind,
                        const uint8_t id[PAGESTORE_ID_BYTES])
{
    struct look *l = context;
    bool is_new;
    int rc = map_put(l->seen, id, NULL, &is_new);

    (void)kind;
    if (rc != 0 || !is_new) {
        return rc;
    }
    rc = locate(l, id);
    if (is_loss(rc)) {
        note_loss(l, id);
        l->lost_page = true;
        return 0;
    }
    return rc != 0 ? rc : 1;
}

/* Only the lost ones are remembered: there may be very many of the others. */
static int look_at_chunk(void *context, const struct node *n, const struct node_ref *ref)
{
    struct look *l = context;
    bool is_new;
    int rc = ref->hole ? 0 : locate(l, ref->id);

    (void)n;
    if (!is_loss(rc)) {
        return rc;
    }
    rc = map_put(l->seen, ref->id, NULL, &is_new);
    if (rc == 0 && is_new) {
        note_loss(l, ref->id);
    }
    return rc;
}

/* A page that has a home but can't be read. */
static int look_past_damage(void *context, int code, const uint8_t id[PAGESTORE_ID_BYTES],
                            const struct node *n)
{
    (void)n;
    if (!is_loss(code)) {
        return code;
    }
    note_loss(context, id);
    ((struct look *)context)->lost_page = true;
    return 0;
}

/* "entry 12 of 2026-11-21 10:00:00 +00:00"; without the time where the entry can't be read. */
static void put_entry(struct repo *r, uint64_t number, struct buf *out)
{
    struct journal_entry e;
    uint8_t *memory = NULL;
    char when[TEXT_TIME_BYTES];

    buf_printf(out, "entry %" PRIu64, number);
    if (journal_read(repo_journal(r), number, &e, &memory) == 0) {
        buf_printf(out, " of %s", text_time_local(e.seal.time_ns, when));
    }
    mem_free(memory);
}

/*
 * What may have taken the chunks away: the first and the last entry that condemned a segment after
 * the snapshot was forgotten; until then each of its chunks had a home. 0: there is none.
 */
static void find_condemning(const struct catalog *c, uint64_t forgotten_by, uint64_t *out_first,
                            uint64_t *out_last)
{
    *out_first = *out_last = 0;
    for (size_t i = 0; i < catalog_segment_count(c); i++) {
        uint64_t by = catalog_segment(c, (uint32_t)i)->condemned_by;

        if (by > forgotten_by) {
            *out_first = *out_first == 0 || by < *out_first ? by : *out_first;
            *out_last = by > *out_last ? by : *out_last;
        }
    }
}

static void put_lost(const struct look *l, struct buf *out)
{
    char hex[2 * PAGESTORE_ID_BYTES + 1];

    for (size_t i = 0; i < l->lost_count && i < LOST_NAMED; i++) {
        buf_printf(out, "%s%s", i == 0 ? (l->lost_count == 1 ? "chunk " : "chunks ") : ", ",
                   text_hex(l->lost[i], PAGESTORE_ID_BYTES, hex));
    }
    if (l->lost_count > LOST_NAMED) {
        buf_printf(out, " and %" PRIu64 " more", l->lost_count - LOST_NAMED);
    }
    if (l->lost_page) {
        buf_printf(out, ", of the manifest, with what it names,");
    }
}

/* Which chunks of the snapshot are gone, and since when. What no prune explains is damage. */
static int fail_lost(struct look *l, const struct catalog_snapshot *s)
{
    uint64_t first, last;
    struct buf b;
    char id[33];

    text_hex(s->id, sizeof s->id, id);
    find_condemning(repo_catalog(l->repo), s->forgotten_by, &first, &last);
    if (first == 0) {
        err_give(&l->cause);
        err_add(HF_EDAMAGE, "snapshot %s lacks data that no prune has taken away", id);
        err_hint("\"holdfast check\" says what is damaged");
        return HF_EDAMAGE;
    }
    buf_init(&b);
    put_lost(l, &b);
    buf_printf(&b, " %s gone since ", l->lost_count == 1 ? "is" : "are");
    put_entry(l->repo, first, &b);
    if (last != first) {
        buf_printf(&b, " or a later prune, at the latest ");
        put_entry(l->repo, last, &b);
    }
    buf_printf(&b, "; it was forgotten by ");
    put_entry(l->repo, s->forgotten_by, &b);
    err_raise(HF_EFAIL, "snapshot %s has lost data since it was forgotten: %s", id, buf_text(&b));
    buf_release(&b);
    return HF_EFAIL;
}

/* Whether all that a snapshot needs has a home. */
static int look_at(struct look *l, struct pagestore *pages, const struct catalog_snapshot *s)
{
    const struct manifest_visitor visitor = {
        .context = l, .page = look_at_page, .chunk = look_at_chunk, .damaged = look_past_damage
    };
    int rc = manifest_visit(pages, s->commit.root, &visitor);

    return rc == 0 && l->lost_count > 0 ? fail_lost(l, s) : rc;
}

int forget_look(struct repo *r, const uint8_t (*ids)[16], size_t count)
{
    struct look l = { .repo = r };
    struct pagestore *pages = NULL;
    int rc = map_new(PAGESTORE_ID_BYTES, 0, 0, &l.seen);

    if (rc == 0) {
        rc = repopages_new(r, NULL, &pages);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct catalog_snapshot *s = catalog_find_snapshot(repo_catalog(r), ids[i]);

        if (s != NULL) {
            rc = look_at(&l, pages, s);
        }
    }
    repopages_free(pages);
    map_free(l.seen);
    return rc;
}

int forget_look_explain(struct repo *r, const uint8_t id[16], int rc)
{
    const struct catalog_snapshot *s = catalog_find_snapshot(repo_catalog(r), id);

    if (rc != HF_EDAMAGE || s == NULL || s->forgotten_by == 0 ||
        !catalog_condemned_since(repo_catalog(r), s->forgotten_by)) {
        return rc;
    }
    return err_add(HF_ECHANGED,
                   "snapshot #%" PRIu64 " was forgotten by entry %" PRIu64 ", and then pruned",
                   s->number, s->forgotten_by);
}
