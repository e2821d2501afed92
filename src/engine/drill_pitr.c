/*
 * drill_pitr.c - a drill of points in time: random moments, what each one means, and samples of it.
 *
 * A moment lies between a point and the next one, each point with the same chance, so that a
 * night with one backup counts as much as an hour with ten. It is resolved twice: by the timeline,
 * as --at does, and here, straight from the rule in docs/design.md. All moments are resolved
 * before anything is restored: the catalogue may be read anew by that.
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/drill_internal.h"
#include "engine/timeline.h"

#define MOMENTS 5

struct moment {
    int64_t at_ns;
    bool found; /* not in a gap */
    uint8_t id[16];
    uint64_t number;
};

struct pitr {
    struct drill *d;
    struct timeline *timeline;
    struct timeline_list list; /* what the filters leave */
    const struct selector *filter;
    int64_t now_ns;
    struct moment moments[MOMENTS];
};

static const struct commit *commit_of(const struct pitr *p, size_t i)
{
    return &p->list.points[i]->snapshot->commit;
}

/* Whether a moment may lie after this point. */
static bool is_usable(const struct pitr *p, size_t i)
{
    const struct commit *c = commit_of(p, i);

    return (c->flags & COMMIT_COMPLETE) != 0 && c->end_ns <= p->now_ns;
}

/* ---- moments ---- */

static int64_t next_end(const struct pitr *p, int64_t after_ns)
{
    int64_t end = p->now_ns;

    for (size_t i = 0; i < p->list.count; i++) {
        if (is_usable(p, i) && commit_of(p, i)->end_ns > after_ns &&
            commit_of(p, i)->end_ns < end) {
            end = commit_of(p, i)->end_ns;
        }
    }
    return end;
}

static int choose_moments(struct pitr *p)
{
    size_t usable = 0, skip;

    for (size_t i = 0; i < p->list.count; i++) {
        usable += is_usable(p, i) ? 1 : 0;
    }
    if (usable == 0) {
        return err_raise(HF_ENO_POINT, "there is no complete point yet");
    }
    for (size_t m = 0; m < MOMENTS; m++) {
        size_t i = 0;
        int64_t from;

        skip = (size_t)rnd_below(&p->d->rnd, usable);
        for (; !is_usable(p, i) || skip > 0; i++) {
            skip -= is_usable(p, i) ? 1 : 0;
        }
        from = commit_of(p, i)->end_ns;
        p->moments[m].at_ns = from;
        if (next_end(p, from) > from) {
            p->moments[m].at_ns += (int64_t)rnd_below(&p->d->rnd,
                                                      (uint64_t)(next_end(p, from) - from));
        }
    }
    return 0;
}

/* ---- what they mean ---- */

static bool same_group(const struct pitr *p, size_t a, size_t b)
{
    return p->list.points[a]->group == p->list.points[b]->group;
}

/* Whether a gap of a job and host that the filters leave has this moment in it. */
static bool in_gap(const struct pitr *p, int64_t at_ns)
{
    const struct catalog *c = repo_catalog(p->d->repo);

    for (size_t g = 0; g < catalog_gap_count(c); g++) {
        const struct catalog_gap *gap = catalog_gap(c, g);

        if (at_ns <= gap->begin_ns || (gap->closed_by != 0 && at_ns >= gap->end_ns)) {
            continue;
        }
        for (size_t i = 0; i < p->list.count; i++) {
            if (strcmp(commit_of(p, i)->job, gap->job) == 0 &&
                strcmp(commit_of(p, i)->host, gap->host) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The highest number of its job and host that ended by then; of these the one that ended last. */
static const struct catalog_snapshot *resolve_here(const struct pitr *p, int64_t at_ns)
{
    const struct catalog_snapshot *best = NULL;

    for (size_t i = 0; i < p->list.count; i++) {
        const struct catalog_snapshot *s = p->list.points[i]->snapshot;
        bool head = is_usable(p, i) && s->commit.end_ns <= at_ns;

        for (size_t k = 0; head && k < p->list.count; k++) {
            head = !(same_group(p, i, k) && is_usable(p, k) && commit_of(p, k)->end_ns <= at_ns &&
                     p->list.points[k]->snapshot->number > s->number);
        }
        if (head && (best == NULL || s->commit.end_ns > best->commit.end_ns ||
                     (s->commit.end_ns == best->commit.end_ns && s->number > best->number))) {
            best = s;
        }
    }
    return in_gap(p, at_ns) ? NULL : best;
}

static void put_meaning(struct buf *b, const struct catalog_snapshot *s)
{
    if (s != NULL) {
        buf_printf(b, "#%" PRIu64, s->number);
    } else {
        buf_printf(b, "no point");
    }
}

static int tell_difference(struct pitr *p, int64_t at_ns, const struct catalog_snapshot *is,
                           const struct catalog_snapshot *should)
{
    char when[TEXT_TIME_BYTES];
    struct buf why;
    int rc;

    buf_init(&why);
    buf_printf(&why, "this moment means ");
    put_meaning(&why, is);
    buf_printf(&why, ", and should mean ");
    put_meaning(&why, should);
    text_time_utc(at_ns, when);
    rc = drill_mismatch(p->d, when, strlen(when), buf_text(&why));
    buf_release(&why);
    return rc;
}

static int resolve(struct pitr *p, struct moment *m)
{
    const struct catalog_snapshot *should = resolve_here(p, m->at_ns), *is = NULL;
    struct timeline_resolution r;
    struct selector s = *p->filter;
    char when[TEXT_TIME_BYTES];
    int rc;

    s.position = SELECTOR_AT;
    s.time_ns = m->at_ns;
    s.asked = text_time_utc(m->at_ns, when);
    rc = timeline_resolve(p->timeline, &s, &r);
    if (rc != 0 && rc != HF_ENO_POINT) {
        return rc;
    }
    err_clear();
    if (rc == 0) {
        is = r.found->snapshot;
        m->found = true;
        m->number = is->number;
        memcpy(m->id, is->id, sizeof m->id);
    } else {
        drill_note(p->d, when, strlen(when), "this moment lies in a gap");
    }
    p->d->result->points++;
    return is == should ? 0 : tell_difference(p, m->at_ns, is, should);
}

/* ---- the drill ---- */

/* The job, if there is only one, and how much might be lost of what was backed up last. */
static int note_history(struct pitr *p)
{
    const struct catalog_snapshot *newest = p->list.points[p->list.count - 1]->snapshot;
    bool one = true;

    for (size_t i = 0; i < p->list.count; i++) {
        one = one && strcmp(commit_of(p, i)->job, newest->commit.job) == 0;
    }
    if (one) {
        p->d->result->job = mem_strdup(newest->commit.job);
        if (p->d->result->job == NULL) {
            return err_nomem();
        }
    }
    return drill_rpo(p->d, p->d->repo, newest);
}

static int look(struct pitr *p)
{
    int rc = timeline_new(repo_catalog(p->d->repo), p->now_ns, &p->timeline);

    if (rc == 0) {
        rc = timeline_select(p->timeline, p->filter, 1, TIMELINE_LIVE, false, &p->list);
    }
    if (rc == 0) {
        rc = choose_moments(p);
    }
    if (rc == 0) {
        rc = note_history(p);
    }
    for (size_t m = 0; rc == 0 && m < MOMENTS; m++) {
        rc = resolve(p, &p->moments[m]);
    }
    return rc;
}

static bool seen_before(const struct pitr *p, size_t m)
{
    for (size_t i = 0; i < m; i++) {
        if (p->moments[i].found && p->moments[i].number == p->moments[m].number) {
            return true;
        }
    }
    return false;
}

static int restore_point(struct drill *d, const struct moment *m)
{
    const struct catalog_snapshot *s = catalog_find_snapshot(repo_catalog(d->repo), m->id);
    struct buf name;
    int rc;

    buf_init(&name);
    buf_printf(&name, "point-%" PRIu64, m->number);
    rc = buf_error(&name);
    if (rc == 0) {
        rc = drill_restore(d, d->repo, s, d->fraction, buf_text(&name));
    }
    buf_release(&name);
    return rc == 0 && !d->o->keep ? drill_scratch_clear(d->scratch) : rc;
}

int drill_pitr_run(struct drill *d)
{
    char all_text[] = "all";
    const struct selector all = { .asked = all_text, .position = SELECTOR_ALL };
    struct pitr p = { .d = d,
                      .filter = d->o->filter != NULL ? d->o->filter : &all,
                      .now_ns = clock_wall(d->clock) };
    int rc = drill_open(d, d->o->env, d->o->unlock, &d->repo);

    if (rc == 0) {
        rc = look(&p);
    }
    timeline_list_release(&p.list);
    timeline_free(p.timeline);
    for (size_t m = 0; rc == 0 && m < MOMENTS; m++) {
        if (p.moments[m].found && !seen_before(&p, m)) {
            rc = restore_point(d, &p.moments[m]);
        }
    }
    return rc;
}
