/*
 * backup.c - one backup run: walk, compare with the parent, hand over to the pipeline, commit.
 */
#include "engine/backup.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/backup_parent.h"
#include "engine/manifest_diff.h"
#include "engine/pipeline.h"
#include "engine/repopages.h"
#include "store/run.h"

#define DEFAULT_BUDGET (32ull << 20)
#define DEFAULT_CHECKPOINT (1ull << 30)
#define WORTH_A_CHECKPOINT (16ull << 20) /* of stored bytes, when the run is interrupted */
#define MOST_ATTEMPTS 5u
#define MOST_THREADS 256u
#define STEPS_PER_TICK 256u /* things walked between two reports */

struct backup {
    struct repo *repo;
    const struct backup_options *o;
    struct source *source;
    const struct backup_events *events;
    struct backup_result *result;
    int64_t begin_ns;
    struct pool *pool;
    struct run *run;
    uint64_t view;               /* the entry at which this attempt began */
    struct pagestore *pages;     /* over the run: what is written */
    struct pagestore *old_pages; /* what is looked up: a reader, and a cache, of its own */
    struct backup_parent *parent;
    struct manifest_update *update;
    struct pipeline *pipeline;
    struct source_detail detail;
    bool publishing; /* what fails now is the publication, not the walk */
};

/* ---- what is told meanwhile ---- */

static void warn(void *context, const char *path, size_t path_len, int code, const char *message)
{
    struct backup *b = context;
    if (b->events != NULL && b->events->warning != NULL) {
        b->events->warning(b->events->context, path, path_len, code, message);
    }
}

/* The walk's own reports; the pipeline counts its own. */
static void source_warn(void *context, const char *path, size_t path_len, int code,
                        const char *message)
{
    struct backup *b = context;
    b->result->counts.errors++;
    warn(b, path, path_len, code, message);
}

static void progress(struct backup *b, const char *path, size_t path_len)
{
    const struct commit_counts *expected = backup_parent_counts(b->parent);
    const struct commit_counts *counts = &b->result->counts;
    if (b->events == NULL || b->events->progress == NULL) {
        return;
    }
    struct backup_progress p = {
        .files = counts->files,
        .bytes = pipeline_bytes_done(b->pipeline),
        .files_expected = expected->files,
        .bytes_expected = expected->bytes,
        .errors = counts->errors,
        .path = path,
        .path_len = path_len,
    };
    b->events->progress(b->events->context, &p);
}

/* ---- commits ---- */

static void fill_commit(const struct backup *b, struct commit *c)
{
    const struct backup_options *o = b->o;
    const uint8_t *parent = backup_parent_id(b->parent);
    /* A commit owns its texts; this one borrows them for the moment of being published. */
    *c = (struct commit){
        .class = o->class,
        .flags = (uint8_t)(COMMIT_COMPLETE | (o->class_asserted ? COMMIT_ASSERTED : 0) |
                           o->extra_flags),
        .job = (char *)(o->job != NULL ? o->job : "default"),
        .host = (char *)(o->host != NULL ? o->host : ""),
        .user = (char *)(o->user != NULL ? o->user : ""),
        .paths = (char **)o->paths,
        .path_count = o->path_count,
        .tags = (char **)o->tags,
        .tag_count = o->tag_count,
        .begin_ns = b->begin_ns,
        .end_ns = o->end_ns != 0 ? o->end_ns : clock_wall(repo_env(b->repo)->clock),
        .counts = b->result->counts,
        .tool = (char *)(o->tool != NULL ? o->tool : "holdfast"),
    };
    if (c->end_ns < c->begin_ns) {
        c->end_ns = c->begin_ns; /* the clock was set back meanwhile */
    }
    if (parent != NULL) {
        memcpy(c->parent, parent, sizeof(c->parent));
    }
}

/* What is stored so far becomes known to the next run, should this one not come to its end. */
static int checkpoint(struct backup *b)
{
    struct commit c;
    fill_commit(b, &c);
    int rc = manifest_update_checkpoint(b->update, c.root);
    b->publishing = true;
    if (rc == 0) {
        rc = run_partial(b->run, &c);
    }
    b->publishing = rc != 0;
    return rc;
}

static int tick(void *context, const char *path, size_t path_len)
{
    struct backup *b = context;
    progress(b, path, path_len);
    return run_partial_due(b->run) ? checkpoint(b) : 0;
}

/* ---- one thing ---- */

/*
 * Whether a timestamp lies so far before the parent's beginning that no change after the parent's
 * reading can bear it: the system stamps by a clock that stands for up to 10 ms, some file
 * systems by one of two seconds.
 */
static bool settled(int64_t stamp_ns, int64_t begin_ns)
{
    int64_t slack = stamp_ns % NS_PER_S == 0 ? 2 * NS_PER_S : NS_PER_S / 50;
    return stamp_ns < begin_ns - slack;
}

static bool content_unchanged(const struct backup *b, const struct node *n,
                              const struct backup_was *was)
{
    const struct node *w = was->node;
    const struct backup_options *o = b->o;
    return !o->force && n->type == w->type && (w->remarks & NODE_UNSTABLE) == 0 &&
           n->size == w->size && n->mtime_ns == w->mtime_ns &&
           (o->ignore_ctime || n->ctime_ns == w->ctime_ns) &&
           (o->ignore_inode || n->ino == w->ino) && settled(n->mtime_ns, was->begin_ns) &&
           (o->ignore_ctime || settled(n->ctime_ns, was->begin_ns));
}

static bool same_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/*
 * Whether the old entry says all there is to say. Device numbers change with every boot here and
 * there, and matter to link groups only.
 */
static bool entry_unchanged(const struct node *n, const struct node *w)
{
    return n->ctime_ns == w->ctime_ns && n->ino == w->ino && n->mode == w->mode &&
           n->uid == w->uid && n->gid == w->gid && n->links == w->links && n->rdev == w->rdev &&
           (n->links <= 1 || n->dev == w->dev) &&
           same_text(n->user, n->user_len, w->user, w->user_len) &&
           same_text(n->group, n->group_len, w->group, w->group_len);
}

static void take_detail(struct node *n, const struct node *w)
{
    n->target = w->target;
    n->target_len = w->target_len;
    n->flags = w->flags;
    n->xattrs = w->xattrs;
    n->xattr_count = w->xattr_count;
    n->xattrs_chunked = w->xattrs_chunked;
    n->xattr_ref = w->xattr_ref;
}

static void take_content(struct node *n, const struct node *w)
{
    n->content_depth = w->content_depth;
    n->refs = w->refs;
    n->ref_count = w->ref_count;
}

/* Asks the source for what stat does not tell. What can't be had is warned of. */
static int ask_detail(struct backup *b, struct source_entry *e)
{
    int rc = b->source->ops->detail(b->source, e->place, NULL, &e->node, &b->detail);
    if (rc == 0 || rc == HF_ENOMEM) {
        return rc;
    }
    source_report(b->source, e->node.path, e->node.path_len, rc);
    return 0;
}

/* Its content is that of the parent. */
static int take_over(struct backup *b, struct source_entry *e, const struct backup_was *was)
{
    struct node *n = &e->node;
    bool is_file = n->type == NODE_FILE;
    if (was->leaf != NULL && entry_unchanged(n, was->node)) {
        return pipeline_keep(b->pipeline, was->leaf, was->index, n);
    }
    take_detail(n, was->node);
    if (n->ctime_ns != was->node->ctime_ns) {
        uint32_t flags = n->flags;
        int rc = ask_detail(b, e);
        if (rc != 0) {
            return rc;
        }
        if (is_file) {
            n->flags = flags; /* told of open files only */
        }
    }
    if (is_file) {
        take_content(n, was->node);
    }
    return pipeline_put(b->pipeline, n, is_file);
}

static int read_file(struct backup *b, const struct source_entry *e, const struct backup_was *was)
{
    struct pipeline_was known = { 0 };
    if (was != NULL && was->node->type == NODE_FILE) {
        known.known = true;
        known.digest = pipeline_digest(was->node);
        int rc = backup_parent_paged(b->parent, was->node, &known.paged);
        if (rc != 0) {
            return rc;
        }
    }
    return pipeline_read(b->pipeline, e, &known);
}

static int visit(struct backup *b, struct source_entry *e)
{
    struct backup_was was;
    int rc = backup_parent_find(b->parent, e->node.path, e->node.path_len, &was);
    if (rc < 0) {
        return rc;
    }
    bool found = rc == 1;
    if (found && content_unchanged(b, &e->node, &was)) {
        return take_over(b, e, &was);
    }
    if (e->node.type == NODE_FILE) {
        return read_file(b, e, found ? &was : NULL);
    }
    rc = ask_detail(b, e);
    return rc != 0 ? rc : pipeline_put(b->pipeline, &e->node, false);
}

/* ---- the run ---- */

static int walk(struct backup *b)
{
    struct source_entry e;
    int rc = 0;
    for (unsigned steps = 1; (rc = b->source->ops->next(b->source, &e)) == 1; steps++) {
        rc = visit(b, &e);
        if (rc == 0 && b->o->cancel != NULL && *b->o->cancel != 0) {
            rc = err_raise(HF_EINTERRUPTED, "interrupted");
        }
        if (rc == 0 && steps % STEPS_PER_TICK == 0) {
            progress(b, e.node.path, e.node.path_len);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return rc != 0 ? rc : pipeline_drain(b->pipeline);
}

static int open_parent(struct backup *b)
{
    const struct backup_options *o = b->o;
    struct backup_query query = {
        .host = o->host != NULL ? o->host : "",
        .job = o->job != NULL ? o->job : "default",
        .paths = o->paths,
        .path_count = o->path_count,
        .parent = o->parent,
    };
    int rc = repopages_new(b->repo, NULL, &b->old_pages);
    if (rc == 0) {
        rc = backup_parent_open(b->repo, &query, b->old_pages, &b->parent);
    }
    if (rc != 0) {
        return rc;
    }
    const uint8_t *id = backup_parent_id(b->parent);
    b->result->has_parent = id != NULL;
    if (id != NULL) {
        memcpy(b->result->parent, id, sizeof(b->result->parent));
    }
    return 0;
}

static int open_run(struct backup *b)
{
    const struct backup_options *o = b->o;
    uint64_t every = o->checkpoint_bytes == 0            ? DEFAULT_CHECKPOINT
                     : o->checkpoint_bytes == UINT64_MAX ? 0
                                                         : o->checkpoint_bytes;
    struct run_options run = { .pool = b->pool,
                               .dry = o->dry_run,
                               .partial_bytes = o->dry_run ? 0 : every };
    int rc = run_begin(b->repo, &run, &b->run);
    if (rc == 0) {
        rc = repopages_new(b->repo, b->run, &b->pages);
    }
    if (rc == 0) {
        rc = manifest_update_new(b->pages, repo_keys(b->repo)->page_boundary_key, &b->update);
    }
    if (rc != 0) {
        return rc;
    }
    const uint8_t *relied = backup_parent_reliance(b->parent);
    if (relied != NULL) {
        run_rely_on_parent(b->run, relied);
    }
    struct pipeline_options pipeline = {
        .repo = b->repo,
        .run = b->run,
        .pool = b->pool,
        .source = b->source,
        .pages = b->pages,
        .update = b->update,
        .counts = &b->result->counts,
        .budget_bytes = o->budget_bytes != 0 ? o->budget_bytes : DEFAULT_BUDGET,
        .cancel = o->cancel,
        .warn = warn,
        .tick = tick,
        .context = b,
    };
    return pipeline_new(&pipeline, &b->pipeline);
}

/* ---- whether anything has changed ---- */

static bool is_below(const char *path, size_t len, const char *above, size_t above_len)
{
    return len > above_len && path[above_len] == '/' && memcmp(path, above, above_len) == 0;
}

/*
 * A folder that is in the manifest only because what was asked for lies in it: what others do
 * there (in /tmp, say) is no change of what is backed up.
 */
static bool is_implied(const struct backup_options *o, const struct node *n)
{
    size_t len = n->path_len == 1 ? 0 : n->path_len; /* "/" is above all */
    bool above = false;
    for (size_t i = 0; i < o->path_count; i++) {
        const char *path = o->paths[i];
        size_t path_len = strlen(path);
        if (path_len == 1 || same_text(n->path, n->path_len, path, path_len) ||
            is_below(n->path, n->path_len, path, path_len)) {
            return false;
        }
        above |= is_below(path, path_len, n->path, len);
    }
    return above && n->type == NODE_DIR;
}

static int on_difference(void *context, const struct node *was, const struct node *is)
{
    const struct backup *b = context;
    bool implied = was != NULL && is != NULL && is_implied(b->o, was) && is_implied(b->o, is);
    return implied ? 0 : HF_ECHANGED;
}

/* Pages that can't be read (too many are new) have something new in them. */
static int is_unchanged(const struct backup *b, const uint8_t root[PAGESTORE_ID_BYTES],
                        bool *out_unchanged)
{
    const uint8_t *old_root = backup_parent_root(b->parent);
    const struct manifest_diff_options options = { .context = (void *)b };
    uint64_t pages_read = 0;
    *out_unchanged = false;
    if (!b->o->skip_if_unchanged || old_root == NULL) {
        return 0;
    }
    int rc = manifest_diff(b->old_pages, old_root, b->pages, root, &options, on_difference,
                           &pages_read);
    *out_unchanged = rc == 0;
    if (rc != 0 && rc != HF_ENOMEM) {
        err_clear();
        rc = 0;
    }
    return rc;
}

static int publish(struct backup *b, struct commit *c)
{
    struct backup_result *r = b->result;
    r->time_ns = c->end_ns;
    int rc = is_unchanged(b, c->root, &r->unchanged);
    if (rc == 0 && r->unchanged && !b->o->dry_run) {
        /* "Unchanged" acknowledges the parent, whose entry may be in no one's sync yet. */
        rc = journal_settle(repo_journal(b->repo));
    }
    if (rc != 0 || r->unchanged) {
        return rc;
    }
    uint8_t id[16];
    uint64_t number = 0;
    b->publishing = true;
    rc = run_commit(&b->run, c, id, &number);
    if ((rc == 0 && !b->o->dry_run) || rc == HF_EUNKNOWN) {
        memcpy(r->id, id, sizeof(r->id));
    }
    if (rc != 0) {
        return rc;
    }
    r->counts.bytes_new = c->counts.bytes_new;
    r->counts.bytes_stored = c->counts.bytes_stored;
    r->published = !b->o->dry_run;
    r->number = number;
    return 0;
}

static int run_to_the_end(struct backup *b)
{
    struct commit c;
    uint8_t root[PAGESTORE_ID_BYTES];
    struct manifest_totals totals = { 0 };
    int rc = walk(b);
    if (rc == 0) {
        rc = manifest_update_finish(b->update, root, &totals);
    }
    if (rc == 0 && totals.entries == 0) {
        rc = err_raise(HF_ESOURCE, "there was nothing to back up");
    }
    if (rc != 0) {
        return rc;
    }
    fill_commit(b, &c);
    memcpy(c.root, root, sizeof(c.root));
    return publish(b, &c);
}

/* An interrupted run keeps what it has, if that is worth an entry. */
static int keep_what_there_is(struct backup *b)
{
    if (b->run == NULL || b->o->dry_run || b->o->checkpoint_bytes == UINT64_MAX ||
        run_bytes_stored(b->run) < WORTH_A_CHECKPOINT) {
        return 0;
    }
    return checkpoint(b);
}

static void close_all(struct backup *b)
{
    pipeline_free(b->pipeline);
    manifest_update_free(b->update);
    backup_parent_close(b->parent);
    repopages_free(b->pages);
    repopages_free(b->old_pages);
    run_abort(b->run);
    b->pipeline = NULL;
    b->update = NULL;
    b->parent = NULL;
    b->pages = b->old_pages = NULL;
    b->run = NULL;
}

static int attempt(struct backup *b)
{
    memset(&b->result->counts, 0, sizeof(b->result->counts));
    b->publishing = false;
    b->view = journal_at(repo_journal(b->repo))->number;
    int rc = open_parent(b);
    if (rc == 0) {
        rc = open_run(b);
    }
    if (rc == 0) {
        rc = run_to_the_end(b);
    }
    if (b->pipeline != NULL) {
        b->result->bytes_read = pipeline_bytes_read(b->pipeline);
    }
    if (rc == HF_EINTERRUPTED) {
        struct err_trail kept;
        err_take(&kept);
        pipeline_free(b->pipeline); /* nothing may be under way when the run is flushed */
        b->pipeline = NULL;
        if (keep_what_there_is(b) != 0) {
            err_clear();
        }
        err_give(&kept);
    }
    close_all(b);
    return rc;
}

/*
 * Whether it failed because of a prune: what it relied on was condemned before it could publish, or
 * what it meant to read of its parent has gone.
 */
static bool was_overtaken(struct backup *b, int rc)
{
    struct err_trail kept;
    bool pruned;
    if (rc != HF_EDAMAGE) {
        return rc == HF_ECHANGED && b->publishing;
    }
    err_take(&kept);
    pruned = repo_refresh(b->repo) == 0 && catalog_condemned_since(repo_catalog(b->repo), b->view);
    err_give(&kept);
    return pruned;
}

/* All over again, from the state as it is now. */
static int start_over(struct backup *b)
{
    int rc = repo_refresh(b->repo);
    if (rc == 0) {
        rc = b->source->ops->rewind(b->source);
    }
    return rc != 0 ? err_add(rc, "could not begin anew after a prune removed what was relied on")
                   : 0;
}

static size_t worker_count(const struct backup_options *o)
{
    size_t threads = o->threads != 0 ? o->threads : pool_cores() + 1;
    return (threads < MOST_THREADS ? threads : MOST_THREADS) - 1;
}

int backup_run(struct repo *r, const struct backup_options *options, struct source *source,
               const struct backup_events *events, struct backup_result *out_result)
{
    const struct clock *clock = repo_env(r)->clock;
    struct backup b = {
        .repo = r, .o = options, .source = source, .events = events, .result = out_result
    };
    int64_t started = clock_monotonic(clock);
    memset(out_result, 0, sizeof(*out_result));
    b.begin_ns = options->begin_ns != 0 ? options->begin_ns : clock_wall(clock);
    source_detail_init(&b.detail);
    source->report = source_warn;
    /* cppcheck-suppress autoVariables ; it is taken out again below */
    source->report_context = &b;
    int rc = pool_new(worker_count(options), &b.pool);
    while (rc == 0) {
        out_result->attempts++;
        rc = attempt(&b);
        if (out_result->attempts == MOST_ATTEMPTS || !was_overtaken(&b, rc)) {
            break;
        }
        rc = start_over(&b);
    }
    pool_free(b.pool);
    source_detail_release(&b.detail);
    source->report = NULL;
    out_result->duration_ns = clock_monotonic(clock) - started;
    if (rc == 0 && (out_result->counts.errors > 0 || out_result->counts.unstable > 0)) {
        rc = err_raise(HF_EPARTIAL, "some files could not be read, or changed meanwhile");
    }
    return rc;
}
