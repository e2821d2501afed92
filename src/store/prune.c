/*
 * prune.c - marking, condemning, removing, without a lock. See prune.h.
 *
 * Wholly dead segments go first, so that a full disk gets room; then sparse ones, a batch at a
 * time. What others do meanwhile is met where our entry is made, with the catalogue at the tip: a
 * snapshot that has come (or come back) is marked too, and spares the segments it needs; another
 * CONDEMN voids the marks, for together the two might take both homes of a chunk. Publication
 * without replacing makes the look and the entry one step.
 */
#include "store/prune.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/prune_internal.h"

#define MOST_ATTEMPTS 64
#define READER_BLOCKS 8
#define DEFAULT_BATCH (1ull << 30)
#define BATCH_CHUNKS (1u << 18) /* what a run remembers of each is memory */

enum { MARKED_FOR_COURTESY = 1, MARKED_LIVE = 2 }; /* of struct prune, marked */

/* Lists of what is to go */

void prune_batch_release(struct prune_batch *b)
{
    mem_free(b->segments);
    mem_free(b->leftovers);
    memset(b, 0, sizeof *b);
}

int prune_batch_add(struct prune_batch *b, uint32_t ordinal)
{
    int rc = mem_grow(&b->segments, &b->cap, b->count + 1, sizeof *b->segments);

    if (rc == 0) {
        b->segments[b->count++] = ordinal;
    }
    return rc;
}

int prune_batch_add_leftover(struct prune_batch *b, const uint8_t uuid[16])
{
    int rc = mem_grow(&b->leftovers, &b->leftover_cap, b->leftover_count + 1, 16);

    if (rc == 0) {
        memcpy(b->leftovers[b->leftover_count++], uuid, 16);
    }
    return rc;
}

int prune_tell(struct prune *p, enum prune_phase phase, uint64_t done, uint64_t expected)
{
    struct prune_progress told = { .phase = phase, .done = done, .expected = expected };

    if (p->o->progress) {
        p->o->progress(p->o->context, &told);
    }
    return p->o->cancel && *p->o->cancel ? err_raise(HF_EINTERRUPTED, "interrupted") : 0;
}

/* Marking */

static bool is_live(const struct catalog_snapshot *s)
{
    return !s->partial && s->forgotten_by == 0;
}

/* Whether what an unfinished backup stored is of no more use: its job and host went on. */
static bool is_overtaken(const struct catalog *c, size_t index)
{
    const struct catalog_snapshot *s = catalog_snapshot(c, index);

    for (size_t i = index + 1; i < catalog_snapshot_count(c); i++) {
        const struct catalog_snapshot *later = catalog_snapshot(c, i);

        if (strcmp(later->commit.job, s->commit.job) == 0 &&
            strcmp(later->commit.host, s->commit.host) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether what nobody has a right to is kept for a while: forgotten, or of an unfinished backup. */
static int keeps(struct prune *p, size_t index, bool *out_keeps)
{
    const struct catalog *c = repo_catalog(p->repo);
    const struct catalog_snapshot *s = catalog_snapshot(c, index);
    int64_t grace = s->partial ? p->o->unfinished_ns : p->o->grace_ns;
    int64_t age;
    int rc;

    *out_keeps = false;
    if (grace <= 0 || (s->partial && is_overtaken(c, index))) {
        return 0;
    }
    rc = prune_entry_age(p, s->partial ? s->number : s->forgotten_by, &age);
    *out_keeps = rc == 0 && age < grace;
    return rc;
}

static int mark_one(struct prune *p, size_t index)
{
    const struct catalog_snapshot *s = catalog_snapshot(repo_catalog(p->repo), index);

    return p->o->mark(p->o->context, s->commit.root, p->marks);
}

static int mark_live(struct prune *p, size_t index)
{
    const struct catalog_snapshot *s = catalog_snapshot(repo_catalog(p->repo), index);
    int rc = is_live(s) && p->marked[index] != MARKED_LIVE ? mark_one(p, index) : 0;

    if (rc == 0 && is_live(s)) {
        p->marked[index] = MARKED_LIVE;
    }
    return rc;
}

/*
 * A prune without grace may have taken what another would keep: that is no damage, and what is left
 * of such a snapshot is of no use. A look that was given up must not count as one.
 */
static int mark_for_courtesy(struct prune *p, size_t index)
{
    const struct catalog_snapshot *s = catalog_snapshot(repo_catalog(p->repo), index);
    bool keep = false;
    int rc = is_live(s) || p->marked[index] ? 0 : keeps(p, index, &keep);

    if (rc < 0 || !keep) {
        return rc;
    }
    p->marked[index] = MARKED_FOR_COURTESY;
    rc = mark_one(p, index);
    if (rc == 0) {
        ++*(s->partial ? &p->result->kept_unfinished : &p->result->kept_forgotten);
    } else if (rc == HF_EDAMAGE || rc == HF_EABSENT) {
        err_clear();
        if (p->o->anew) {
            p->o->anew(p->o->context);
        }
        rc = 0;
    }
    return rc;
}

static int reserve_marked(struct prune *p, size_t count)
{
    size_t before = p->marked_cap;
    int rc = mem_grow(&p->marked, &p->marked_cap, count, 1);

    if (p->marked_cap > before) {
        memset(p->marked + before, 0, p->marked_cap - before);
    }
    return rc;
}

int prune_mark(struct prune *p)
{
    size_t count = catalog_snapshot_count(repo_catalog(p->repo));
    int rc = reserve_marked(p, count + 1);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = mark_live(p, i);
        if (rc == 0) {
            rc = prune_tell(p, PRUNE_MARKING, i + 1, count);
        }
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = mark_for_courtesy(p, i);
    }
    return rc;
}

/* The entry */

struct condemnation {
    struct prune *prune;
    const struct prune_batch *batch;
    uint64_t condemned, spared;
    bool nothing; /* there is nothing left to condemn */
};

/* What has come since the marks were made, at the tip. */
static int take_in_what_came(struct prune *p)
{
    int rc = run_validate_view(p->repo, p->view, "prune.anew");

    if (rc == 0 && fs_enforces(p->repo->env.fs, "prune.remark")) {
        rc = prune_mark(p);
    }
    return rc < 0 ? err_add(rc, "could not look at what was published meanwhile") : 0;
}

static int put_condemn(struct condemnation *t, const struct catalog *c, struct buf *body)
{
    const struct prune_batch *b = t->batch;
    uint8_t(*list)[16] = mem_array(b->count + b->leftover_count + 1, sizeof *list);
    size_t count = 0;

    if (!list) {
        return err_nomem();
    }
    t->spared = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (marks_segment(t->prune->marks, b->segments[i]).spared) {
            t->spared++;
        } else {
            memcpy(list[count++], catalog_segment(c, b->segments[i])->uuid, 16);
        }
    }
    for (size_t i = 0; i < b->leftover_count; i++) {
        /* One that was adopted after all is somebody's. */
        if (catalog_find_segment(c, b->leftovers[i]) == CATALOG_NO_SEGMENT &&
            !catalog_condemned(c, b->leftovers[i])) {
            memcpy(list[count++], b->leftovers[i], 16);
        }
    }
    t->condemned = count;
    t->nothing = count == 0;
    entry_put_condemn(body, (const uint8_t(*)[16])list, count);
    mem_free(list);
    return t->nothing ? err_raise(HF_ECHANGED, "all that was to go is needed") : buf_error(body);
}

static int build_condemn(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                         struct buf *body)
{
    struct condemnation *t = context;
    int rc = take_in_what_came(t->prune);

    (void)uuid;
    return rc == 0 ? put_condemn(t, catalog, body) : rc;
}

static void leave(struct prune *p, const struct prune_batch *b, bool leaving)
{
    for (size_t i = 0; i < b->count; i++) {
        (leaving ? marks_leave : marks_stay)(p->marks, b->segments[i]);
    }
}

static int publish(struct prune *p, struct run **run, const struct prune_batch *b)
{
    struct condemnation t = { .prune = p, .batch = b };
    struct run_entry entry = { .build = build_condemn, .context = &t };
    uint64_t number;
    uint64_t bytes;
    int rc = run_condemn(run, &entry, &number, &bytes);

    if (rc == HF_ECHANGED && t.nothing) {
        err_clear();
        rc = 0;
    } else if (rc == 0) {
        p->view = number;
        p->result->entries++;
        p->result->condemned += t.condemned;
        p->result->bytes_copied += bytes;
    }
    p->result->spared += t.spared;
    return rc;
}

/* One entry: what is alive in these segments goes elsewhere, then they are condemned and go. */
static int collect(struct prune *p, const struct prune_batch *b)
{
    struct run_options options = { .pool = p->o->pool };
    struct run *run = NULL;
    int rc;

    if (b->count == 0 && b->leftover_count == 0) {
        return 0;
    }
    leave(p, b, true);
    rc = run_begin(p->repo, &options, &run);
    if (rc == 0) {
        rc = prune_copy(p, run, b);
    }
    if (rc == 0) {
        rc = publish(p, &run, b);
    }
    run_abort(run);
    leave(p, b, false);
    return rc == 0 ? prune_remove_condemned(p) : rc;
}

/* Sparse segments, so many at a time that what is copied before an entry stays within bounds. */
static int collect_sparse(struct prune *p, const struct prune_batch *all)
{
    uint64_t most = p->o->batch_bytes ? p->o->batch_bytes : DEFAULT_BATCH;
    size_t from = 0;
    int rc = 0;

    while (rc == 0 && from < all->count) {
        struct prune_batch part = { .segments = all->segments + from };
        uint64_t bytes = 0, chunks = 0;

        while (from < all->count && (part.count == 0 || (bytes < most && chunks < BATCH_CHUNKS))) {
            struct marks_segment s = marks_segment(p->marks, all->segments[from++]);

            bytes += s.alive_bytes;
            chunks += s.chunks;
            part.count++;
        }
        rc = collect(p, &part);
    }
    return rc;
}

/* One attempt */

static void count_segments(const struct prune *p, uint64_t *out_count, uint64_t *out_bytes)
{
    const struct catalog *c = repo_catalog(p->repo);

    *out_count = *out_bytes = 0;
    for (uint32_t i = 0; i < catalog_segment_count(c); i++) {
        if (catalog_segment(c, i)->condemned_by == 0) {
            ++*out_count;
            *out_bytes += catalog_segment(c, i)->file_len;
        }
    }
}

static int mark_all(struct prune *p)
{
    int rc;

    p->result->kept_forgotten = p->result->kept_unfinished = 0;
    marks_free(p->marks);
    p->marks = NULL;
    if (p->marked_cap > 0) {
        memset(p->marked, 0, p->marked_cap);
    }
    if (p->o->anew) {
        p->o->anew(p->o->context);
    }
    p->view = journal_at(p->repo->journal)->number;
    rc = marks_new(p->repo, &p->marks);
    return rc == 0 ? prune_mark(p) : rc;
}

static int estimate(struct prune *p, const struct prune_batch *dead,
                    const struct prune_batch *sparse)
{
    struct prune_result *r = p->result;
    const struct catalog *c = repo_catalog(p->repo);

    r->condemned = dead->count + dead->leftover_count + sparse->count;
    r->bytes_removed = dead->file_bytes;
    for (size_t i = 0; i < dead->count; i++) {
        r->bytes_removed += catalog_segment(c, dead->segments[i])->file_len;
    }
    for (size_t i = 0; i < sparse->count; i++) {
        struct marks_segment s = marks_segment(p->marks, sparse->segments[i]);

        r->bytes_removed += catalog_segment(c, sparse->segments[i])->file_len;
        r->bytes_copied += s.alive_bytes;
        r->bytes_read += s.alive_bytes;
    }
    return 0;
}

static int attempt(struct prune *p)
{
    struct prune_batch dead = { 0 };
    struct prune_batch sparse = { 0 };
    int rc = mark_all(p);

    if (rc == 0) {
        rc = prune_plan(p, &dead, &sparse);
    }
    if (rc == 0) {
        rc = prune_find_leftovers(p, &dead);
    }
    if (rc == 0 && p->o->dry) {
        rc = estimate(p, &dead, &sparse);
    } else if (rc == 0) {
        rc = prune_remove_condemned(p); /* what a prune that was killed has left */
        if (rc == 0) {
            rc = collect(p, &dead);
        }
        if (rc == 0) {
            rc = collect_sparse(p, &sparse);
        }
    }
    p->result->bytes_read += p->marks ? marks_bytes_read(p->marks) : 0;
    prune_batch_release(&dead);
    prune_batch_release(&sparse);
    return rc;
}

/*
 * What can't be read may have been forgotten and pruned since we looked, which is no damage: that
 * is for the next look to find out.
 */
static int explain_absence(struct prune *p, int rc)
{
    struct err_trail why;
    bool moved = false;

    if (rc != HF_EDAMAGE && rc != HF_EABSENT) {
        return rc;
    }
    err_take(&why);
    rc = repo_look_again(p->repo, p->view, &moved);
    if (rc == 0 && moved) {
        return err_raise(HF_ECHANGED, "another prune came in between");
    }
    err_give(&why);
    return rc < 0 ? rc : why.code;
}

static int attempt_until_done(struct prune *p)
{
    int rc;

    do {
        rc = p->result->attempts > 0 ? repo_refresh(p->repo) : 0;
        p->result->attempts++;
        if (rc == 0) {
            rc = explain_absence(p, attempt(p));
        }
    } while (rc == HF_ECHANGED && p->result->attempts < MOST_ATTEMPTS);
    return rc;
}

int prune_run(struct repo *r, const struct prune_options *options, struct prune_result *out_result)
{
    struct prune p = { .repo = r, .o = options, .result = out_result };
    uint64_t bytes_after;
    struct index *index;
    int rc = repo_may_write(r);

    memset(out_result, 0, sizeof *out_result);
    if (rc == 0) {
        rc = repo_index(r, &index);
    }
    if (rc == 0) {
        rc = repo_reader_new(r, READER_BLOCKS, &p.reader);
    }
    p.now_ns = clock_wall(r->env.clock); /* a dry run must not write, not even to ask the time */
    if (rc == 0 && !options->dry) {
        rc = prune_storage_now(r, &p.now_ns);
    }
    if (rc == 0) {
        count_segments(&p, &out_result->segments_before, &out_result->bytes_before);
        rc = attempt_until_done(&p);
    }
    if (rc == 0 && !options->dry) {
        rc = prune_tidy(&p);
    }
    if (p.reader) {
        out_result->bytes_read += repo_reader_bytes_read(p.reader);
    }
    count_segments(&p, &out_result->segments_after, &bytes_after);
    if (out_result->bytes_removed > out_result->bytes_copied) {
        out_result->bytes_reclaimed = out_result->bytes_removed - out_result->bytes_copied;
    }
    marks_free(p.marks);
    mem_free(p.marked);
    repo_reader_free(p.reader);
    return rc;
}
