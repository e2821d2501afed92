/*
 * drill.c - see drill.h: the table of kinds, what all of them have in common, and the verdict.
 */
#include "engine/drill.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/drill_internal.h"
#include "engine/nearest.h"

/* ---- the table ---- */

static const struct drill_kind kinds[] = {
#define DRILL(name, kind, traits, fraction, help)                                                  \
    { #name, EVIDENCE_##kind, traits, help, fraction, drill_##name##_run },
#include "engine/drill_kinds.def"
#undef DRILL
};

size_t drill_kind_count(void)
{
    return sizeof kinds / sizeof kinds[0];
}

const struct drill_kind *drill_kind_at(size_t i)
{
    return &kinds[i];
}

const struct drill_kind *drill_kind_find(const char *name)
{
    for (size_t i = 0; i < drill_kind_count(); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

const struct drill_kind *drill_kind_nearest(const char *name)
{
    struct nearest n;

    nearest_init(&n, name);
    for (size_t i = 0; i < drill_kind_count(); i++) {
        nearest_offer(&n, kinds[i].name);
    }
    return n.best != NULL ? drill_kind_find(n.best) : NULL;
}

/* ---- telling ---- */

int drill_cancelled(const struct drill *d)
{
    if (d->o->cancel != NULL && *d->o->cancel != 0) {
        return err_raise(HF_EINTERRUPTED, "interrupted");
    }
    return 0;
}

void drill_phase(struct drill *d, const char *what)
{
    if (d->events != NULL && d->events->phase != NULL) {
        d->events->phase(d->events->context, what);
    }
}

void drill_note(struct drill *d, const char *object, size_t len, const char *text)
{
    if (d->events != NULL && d->events->note != NULL) {
        d->events->note(d->events->context, object, len, text);
    }
}

int drill_mismatch(struct drill *d, const char *object, size_t len, const char *why)
{
    struct drill_result *r = d->result;
    struct drill_mismatch *m;

    if (d->events != NULL && d->events->mismatch != NULL) {
        d->events->mismatch(d->events->context, object, len, why);
    }
    r->mismatch_total++;
    if (r->mismatch_count == EVIDENCE_MAX_MISMATCHES) {
        return 0;
    }
    if (mem_grow(&r->mismatches, &r->mismatch_cap, r->mismatch_count + 1, sizeof *m) != 0) {
        return err_nomem();
    }
    m = &r->mismatches[r->mismatch_count];
    m->object = mem_alloc(len + 1);
    m->object_len = len;
    m->why = mem_strdup(why);
    if (m->object == NULL || m->why == NULL) {
        mem_free(m->object);
        mem_free(m->why);
        return err_nomem();
    }
    memcpy(m->object, object, len);
    m->object[len] = '\0';
    r->mismatch_count++;
    return 0;
}

int drill_fault(struct drill *d, const char *fault, const char *expected, const char *observed,
                bool passed)
{
    struct drill_result *r = d->result;
    struct drill_fault f = { mem_strdup(fault), mem_strdup(expected), mem_strdup(observed),
                             passed };

    if (f.fault == NULL || f.expected == NULL || f.observed == NULL ||
        mem_grow(&r->faults, &r->fault_cap, r->fault_count + 1, sizeof f) != 0) {
        mem_free(f.fault);
        mem_free(f.expected);
        mem_free(f.observed);
        return err_nomem();
    }
    r->faults[r->fault_count++] = f;
    return passed ? 0 : drill_mismatch(d, fault, strlen(fault), observed);
}

/* ---- steps ---- */

int drill_open(struct drill *d, const struct repo_env *env, const struct keyfile_unlock *unlock,
               struct repo **out_repo)
{
    int64_t begin = clock_monotonic(d->clock);
    int rc;

    drill_phase(d, "opening the repository");
    rc = repo_open(env, unlock, REPO_TOLERANT, out_repo);
    if (rc != 0) {
        return rc;
    }
    d->result->rto.open_ns = clock_monotonic(d->clock) - begin;
    if (repo_damage(*out_repo) != NULL) {
        return drill_mismatch(d, "the journal", strlen("the journal"),
                              repo_damage(*out_repo)->text);
    }
    return 0;
}

int drill_point(struct drill *d, struct repo *repo, const struct catalog_snapshot **out_snapshot)
{
    const struct catalog_snapshot *s = catalog_find_snapshot(repo_catalog(repo), d->o->snapshot);
    struct drill_result *r = d->result;
    char id[2 * 16 + 1];

    if (s == NULL || s->partial) {
        return err_raise(HF_ENO_POINT, "there is no snapshot %s", text_hex(d->o->snapshot, 16, id));
    }
    memcpy(r->snapshot, s->id, sizeof r->snapshot);
    r->number = s->number;
    mem_free(r->job);
    r->job = mem_strdup(s->commit.job);
    if (r->job == NULL) {
        return err_nomem();
    }
    *out_snapshot = s;
    return 0;
}

/* Whether a point counts for how much may be lost: one of that job and host, and complete. */
static bool counts(const struct catalog_snapshot *s, const struct commit *like)
{
    const struct commit *c = &s->commit;

    return !s->partial && (c->flags & COMMIT_COMPLETE) != 0 && strcmp(c->job, like->job) == 0 &&
           strcmp(c->host, like->host) == 0;
}

/*
 * In the order of the journal, by the times that were recorded: where the clock went back there is
 * no gap. A point that was forgotten since was there when it counted.
 */
int drill_rpo(struct drill *d, struct repo *repo, const struct catalog_snapshot *snapshot)
{
    const struct catalog *c = repo_catalog(repo);
    struct drill_result *r = d->result;
    const struct catalog_snapshot *newest = NULL;
    int64_t last = INT64_MIN, gap = DRILL_UNKNOWN_NS, now = clock_wall(d->clock);

    for (size_t i = 0; i < catalog_snapshot_count(c); i++) {
        const struct catalog_snapshot *s = catalog_snapshot(c, i);

        if (!counts(s, &snapshot->commit)) {
            continue;
        }
        if (last != INT64_MIN && s->commit.end_ns > last && s->commit.end_ns - last > gap) {
            gap = s->commit.end_ns - last;
        }
        last = s->commit.end_ns > last ? s->commit.end_ns : last;
        newest = s->forgotten_by == 0 ? s : newest;
    }
    r->rpo.largest_gap_ns = gap;
    if (newest != NULL && newest->commit.end_ns <= now) {
        r->rpo.newest_age_ns = now - newest->commit.end_ns;
    } else if (newest != NULL) {
        r->clock_flag = true;
        drill_note(d, NULL, 0,
                   "the newest point lies in the future: the clock was ahead when it was made, or "
                   "is behind now; how old it is can't be told");
    }
    return 0;
}

int drill_begin_point(struct drill *d, const struct catalog_snapshot **out_snapshot)
{
    int rc = drill_open(d, d->o->env, d->o->unlock, &d->repo);

    if (rc == 0) {
        rc = drill_point(d, d->repo, out_snapshot);
    }
    return rc == 0 ? drill_rpo(d, d->repo, *out_snapshot) : rc;
}

/* ---- the run ---- */

#define CLOCK_SLACK_NS (2 * NS_PER_S)

/* What time it is when all is done, by the duration: the wall clock may have been set meanwhile. */
static void note_end(struct drill *d)
{
    struct drill_result *r = d->result;
    int64_t now = clock_wall(d->clock);

    r->end_ns = r->begin_ns + (clock_monotonic(d->clock) - d->begin_mono_ns);
    if (now < r->end_ns - CLOCK_SLACK_NS || now > r->end_ns + CLOCK_SLACK_NS) {
        r->clock_flag = true;
        drill_note(d, NULL, 0, "the clock was set during the drill; durations are not of it");
    }
}

static void sum_up(struct drill_result *r)
{
    const int64_t parts[] = { r->rto.open_ns, r->rto.restore_ns, r->rto.verify_ns,
                              r->rto.probe_ns };
    int64_t sum = 0;
    bool any = false;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i] != DRILL_UNKNOWN_NS) {
            sum += parts[i];
            any = true;
        }
    }
    if (r->rto.total_ns == DRILL_UNKNOWN_NS && any) {
        r->rto.total_ns = sum;
    }
}

static int begin(struct drill *d)
{
    struct drill_result *r = d->result;
    int rc = drill_scratch_open(d->o->scratch, &d->scratch);

    r->begin_ns = clock_wall(d->clock);
    d->begin_mono_ns = clock_monotonic(d->clock);
    if (rc == 0 && drill_scratch_swept(d->scratch) > 0) {
        drill_note(d, NULL, 0, "what a drill that was killed had left was removed");
    }
    return rc;
}

/* The scratch folder is kept only by a drill that came to its end. */
static int clean_up(struct drill *d)
{
    struct drill_result *r = d->result;
    bool keep = d->o->keep && r->finished;

    if (keep && d->scratch != NULL) {
        r->kept = mem_strdup(drill_scratch_path(d->scratch));
        if (r->kept == NULL) {
            keep = false;
        }
    }
    drill_phase(d, "cleaning up");
    return drill_scratch_close(d->scratch, keep);
}

/* What can't be removed is said, and no more: it says nothing of the backup. */
static void finish_scratch(struct drill *d)
{
    struct err_trail before;

    err_take(&before);
    if (clean_up(d) != 0) {
        drill_note(d, NULL, 0, err_last()->text);
    }
    err_give(&before);
}

static void clear_times(struct drill_result *r)
{
    r->rto.open_ns = r->rto.first_byte_ns = r->rto.first_file_ns = DRILL_UNKNOWN_NS;
    r->rto.restore_ns = r->rto.verify_ns = r->rto.probe_ns = DRILL_UNKNOWN_NS;
    r->rto.total_ns = DRILL_UNKNOWN_NS;
    r->rpo.newest_age_ns = r->rpo.largest_gap_ns = DRILL_UNKNOWN_NS;
    r->probe_status = -1;
}

static int verdict(struct drill *d)
{
    struct drill_result *r = d->result;
    int rc = d->o->no_evidence ? 0 : drill_publish(d);

    if (rc != 0) {
        err_take(&r->unpublished);
    }
    if (!r->passed) {
        return err_raise(HF_EDRILL, "%llu mismatches", (unsigned long long)r->mismatch_total);
    }
    if (rc != 0) {
        err_give(&r->unpublished);
    }
    return rc;
}

int drill_run(const struct drill_kind *kind, const struct drill_options *options,
              const struct drill_events *events, struct drill_result *out_result)
{
    struct drill d = { .kind = kind,
                       .o = options,
                       .events = events,
                       .result = out_result,
                       .clock = options->env->clock,
                       .fraction = options->fraction > 0 ? options->fraction : kind->fraction };
    int rc;

    memset(out_result, 0, sizeof *out_result);
    clear_times(out_result);
    rnd_init_seeded(&d.rnd, options->seed);
    rc = begin(&d);
    if (rc == 0) {
        rc = kind->run(&d);
    }
    if (rc == 0) {
        rc = drill_cancelled(&d);
    }
    if (rc == 0) {
        sum_up(out_result);
        note_end(&d);
        out_result->finished = true;
        out_result->passed = out_result->mismatch_total == 0;
        rc = verdict(&d);
    }
    finish_scratch(&d);
    exclude_free(d.chosen);
    repo_close(d.repo);
    return rc;
}

void drill_result_release(struct drill_result *r)
{
    for (size_t i = 0; i < r->mismatch_count; i++) {
        mem_free(r->mismatches[i].object);
        mem_free(r->mismatches[i].why);
    }
    for (size_t i = 0; i < r->fault_count; i++) {
        mem_free(r->faults[i].fault);
        mem_free(r->faults[i].expected);
        mem_free(r->faults[i].observed);
    }
    mem_free(r->mismatches);
    mem_free(r->faults);
    mem_free(r->job);
    mem_free(r->probe_output);
    mem_free(r->kept);
    memset(r, 0, sizeof *r);
}
