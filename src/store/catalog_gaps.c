/*
 * catalog_gaps.c - the gaps that a sequence of journal entries amounts to.
 *
 * Times in a gap are those of its author's clock, which may have been set back meanwhile: an end
 * before the begin counts as the begin.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "store/catalog_internal.h"

size_t catalog_gap_count(const struct catalog *c)
{
    return c->gap_count;
}

const struct catalog_gap *catalog_gap(const struct catalog *c, size_t i)
{
    return i < c->gap_count ? c->gaps[i] : NULL;
}

/* The gap asked for is nearly always one of the last. */
static struct catalog_gap *find_gap(const struct catalog *c, const uint8_t id[16])
{
    for (size_t i = c->gap_count; i-- > 0;) {
        if (memcmp(c->gaps[i]->id, id, sizeof c->gaps[i]->id) == 0) {
            return c->gaps[i];
        }
    }
    return NULL;
}

const struct catalog_gap *catalog_find_gap(const struct catalog *c, const uint8_t id[16])
{
    return find_gap(c, id);
}

static bool same_name(const char *a, const char *b)
{
    return strcmp(a, b ? b : "") == 0;
}

static bool is_open_for(const struct catalog_gap *g, const struct commit *commit)
{
    return g->closed_by == 0 && same_name(g->job, commit->job) && same_name(g->host, commit->host);
}

static bool closes(const struct commit *commit, const struct catalog_gap *g)
{
    return (commit->flags & COMMIT_CLOSES_GAPS) != 0 && g->begin_ns <= commit->begin_ns;
}

bool catalog_inside_gap(const struct catalog *c, const struct commit *commit)
{
    if (c->gaps_open == 0 || (commit->flags & COMMIT_IMPORTED) != 0) {
        return false;
    }
    for (size_t i = c->gap_count; i-- > 0;) {
        if (is_open_for(c->gaps[i], commit) && !closes(commit, c->gaps[i])) {
            return true;
        }
    }
    return false;
}

void catalog_gap_free(struct catalog_gap *g)
{
    if (!g) {
        return;
    }
    mem_free(g->job);
    mem_free(g->host);
    mem_free(g);
}

int catalog_add_gap(struct catalog *c, struct catalog_gap *g)
{
    struct catalog_gap *own;
    int rc = mem_grow(&c->gaps, &c->gap_cap, c->gap_count + 1, sizeof(struct catalog_gap *));

    if (rc < 0) {
        return rc;
    }
    own = mem_dup(g, sizeof *g);
    if (!own) {
        return err_nomem();
    }
    g->job = g->host = NULL;
    c->gaps[c->gap_count++] = own;
    c->gaps_open += own->closed_by == 0;
    return 0;
}

static int open_gap(struct catalog *c, const struct journal_entry *e, struct gapevent *event)
{
    struct catalog_gap g = { .number = e->seal.number,
                             .reason = event->reason,
                             .job = event->job,
                             .host = event->host,
                             .begin_ns = event->at_ns };
    int rc;

    memcpy(g.id, e->seal.uuid, sizeof g.id);
    rc = catalog_add_gap(c, &g);
    event->job = g.job;
    event->host = g.host;
    return rc;
}

static void close_gap(struct catalog *c, struct catalog_gap *g, uint64_t number, int64_t end_ns)
{
    if (g->closed_by == 0) {
        g->closed_by = number;
        g->end_ns = end_ns < g->begin_ns ? g->begin_ns : end_ns;
        c->gaps_open--;
    }
}

int catalog_apply_gap(struct catalog *c, const struct journal_entry *e, const struct buf *plain)
{
    struct gapevent event;
    struct catalog_gap *g;
    int rc = gapevent_decode(plain->data, plain->len, &event);

    if (rc < 0) {
        return rc;
    }
    if (event.act == GAPEVENT_OPEN) {
        rc = open_gap(c, e, &event);
    } else {
        g = find_gap(c, event.gap);
        if (g) {
            close_gap(c, g, e->seal.number, event.at_ns);
        }
    }
    gapevent_release(&event);
    return rc;
}

void catalog_close_gaps(struct catalog *c, const struct catalog_snapshot *s)
{
    if ((s->commit.flags & COMMIT_CLOSES_GAPS) == 0 || c->gaps_open == 0) {
        return;
    }
    for (size_t i = 0; i < c->gap_count; i++) {
        if (is_open_for(c->gaps[i], &s->commit) && closes(&s->commit, c->gaps[i])) {
            close_gap(c, c->gaps[i], s->number, s->commit.end_ns);
        }
    }
}
