/*
 * restore.c - a restore from beginning to end, and what it tells meanwhile.
 */
#include "engine/restore.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/forget_look.h"
#include "engine/repopages.h"
#include "engine/restore_internal.h"
#include "format/page.h"

#define MOST_THREADS 256u
#define READER_BLOCKS 2u
#define STEPS_PER_TICK 256u

/* ---- telling ---- */

int restore_cancelled(const struct restore *r)
{
    if (r->o->cancel != NULL && *r->o->cancel != 0) {
        return err_raise(HF_EINTERRUPTED, "interrupted");
    }
    return 0;
}

bool restore_is_fatal(int rc)
{
    return rc == HF_ENOMEM || rc == HF_ENOSPC || rc == HF_EINTERRUPTED || rc == HF_EUSAGE;
}

void restore_set_fatal(struct restore *r, int code)
{
    pthread_mutex_lock(&r->lock);
    if (atomic_load(&r->fatal) == 0) {
        r->fatal_trail = *err_last();
        atomic_store(&r->fatal, code);
    }
    pthread_mutex_unlock(&r->lock);
}

int restore_give_fatal(struct restore *r)
{
    pthread_mutex_lock(&r->lock);
    err_give(&r->fatal_trail);
    pthread_mutex_unlock(&r->lock);
    return atomic_load(&r->fatal);
}

void restore_tell_error(struct restore *r, const char *path, size_t path_len, int code,
                        const char *message)
{
    r->result->errors++;
    r->result->damaged += code == HF_EDAMAGE ? 1 : 0;
    if (r->events != NULL && r->events->error != NULL) {
        r->events->error(r->events->context, path, path_len, code, message);
    }
}

int restore_tell_trail(struct restore *r, const char *path, size_t path_len, int rc)
{
    if (restore_is_fatal(rc)) {
        return rc;
    }
    restore_tell_error(r, path, path_len, rc, err_last()->text);
    err_clear();
    return 0;
}

void restore_tell_act(struct restore *r, const struct node *n, const char *act)
{
    if (r->events != NULL && r->events->act != NULL) {
        r->events->act(r->events->context, n->path, n->path_len, act);
    }
}

void restore_tell_progress(struct restore *r, const struct node *n)
{
    if (r->events == NULL || r->events->progress == NULL) {
        return;
    }
    struct restore_progress p = {
        .files = r->result->files,
        .bytes = atomic_load(&r->bytes_verified) + atomic_load(&r->bytes_passed),
        .files_expected = r->files_expected,
        .bytes_expected = r->bytes_expected,
        .errors = r->result->errors,
        .path = n->path,
        .path_len = n->path_len,
    };
    r->events->progress(r->events->context, &p);
}

/* ---- losses ---- */

void restore_note_loss(void *context, const struct node *node, const char *what, const char *why)
{
    struct restore *r = context;
    struct arena *a = &r->note_memory;
    pthread_mutex_lock(&r->lock);
    struct restore_note *note = arena_alloc(a, sizeof(*note));
    if (note != NULL) {
        *note = (struct restore_note){
            .path = arena_text(a, node->path, node->path_len),
            .path_len = node->path_len,
            .what = arena_text(a, what, strlen(what)),
            .why = arena_text(a, why, strlen(why)),
        };
        if (note->path == NULL || note->what == NULL || note->why == NULL) {
            note->path = NULL;
        }
        *r->notes_end = note;
        r->notes_end = &note->next;
    } else {
        r->result->losses++; /* counted at least */
    }
    pthread_mutex_unlock(&r->lock);
}

void restore_tell_notes(struct restore *r)
{
    pthread_mutex_lock(&r->lock);
    for (const struct restore_note *n = r->notes; n != NULL; n = n->next) {
        r->result->losses++;
        if (n->path != NULL && r->events != NULL && r->events->loss != NULL) {
            r->events->loss(r->events->context, n->path, n->path_len, n->what, n->why);
        }
    }
    r->notes = NULL;
    r->notes_end = &r->notes;
    arena_clear(&r->note_memory);
    pthread_mutex_unlock(&r->lock);
}

/* ---- what workers borrow ---- */

int restore_borrow_reader(struct restore *r, struct repo_reader **out_reader)
{
    *out_reader = NULL;
    pthread_mutex_lock(&r->lock);
    if (r->reader_count > 0) {
        *out_reader = r->readers[--r->reader_count];
    }
    pthread_mutex_unlock(&r->lock);
    return *out_reader != NULL ? 0 : repo_reader_new(r->repo, READER_BLOCKS, out_reader);
}

void restore_return_reader(struct restore *r, struct repo_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    bool kept = mem_grow(&r->readers, &r->reader_cap, r->reader_count + 1,
                         sizeof(struct repo_reader *)) == 0;
    if (kept) {
        r->readers[r->reader_count++] = reader;
    }
    pthread_mutex_unlock(&r->lock);
    if (!kept) {
        repo_reader_free(reader);
    }
}

int restore_borrow_hasher(struct restore *r, struct cipher_id **out_hasher)
{
    *out_hasher = NULL;
    pthread_mutex_lock(&r->lock);
    if (r->hasher_count > 0) {
        *out_hasher = r->hashers[--r->hasher_count];
    }
    pthread_mutex_unlock(&r->lock);
    return *out_hasher != NULL ? 0 : cipher_id_new(repo_keys(r->repo)->chunk_id_key, out_hasher);
}

void restore_return_hasher(struct restore *r, struct cipher_id *hasher)
{
    if (hasher == NULL) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    bool kept = mem_grow(&r->hashers, &r->hasher_cap, r->hasher_count + 1,
                         sizeof(struct cipher_id *)) == 0;
    if (kept) {
        r->hashers[r->hasher_count++] = hasher;
    }
    pthread_mutex_unlock(&r->lock);
    if (!kept) {
        cipher_id_free(hasher);
    }
}

/* ---- nodes ---- */

int restore_load_xattrs(struct restore *r, struct arena *a, struct node *n)
{
    const uint8_t *data = NULL;
    size_t len = 0;
    struct node_xattr *list = NULL;
    n->xattrs = NULL;
    n->xattr_count = 0;
    n->xattrs_chunked = false;
    int rc = restore_damage_of(repo_reader_chunk(r->reader, n->xattr_ref.id, &data, &len));
    if (rc == 0) {
        rc = page_xattrs_decode(data, len, &list, &n->xattr_count);
    }
    if (rc == 0) {
        n->xattrs = list;
        rc = arena_node_detail(a, n);
        mem_free(list);
    }
    if (rc == 0 || rc == HF_ENOMEM) {
        return rc;
    }
    n->xattrs = NULL;
    n->xattr_count = 0;
    return restore_tell_trail(r, n->path, n->path_len,
                              err_add(rc, "its extended attributes are lost"));
}

int restore_copy_node(struct restore *r, struct arena *a, const struct node *from, struct node *out)
{
    int rc = arena_node(a, from, out);
    return rc == 0 && out->xattrs_chunked ? restore_load_xattrs(r, a, out) : rc;
}

/* ---- what the repository can't give ---- */

int restore_damage_of(int rc)
{
    return rc == HF_EIO ? err_add(HF_EDAMAGE, "the repository can't be read there") : rc;
}

static int get_page(struct pagestore *base, const uint8_t id[PAGESTORE_ID_BYTES], struct buf *out)
{
    const struct restore *r = base->context;
    return restore_damage_of(r->stored->get(r->stored, id, out));
}

/* ---- the run ---- */

static void page_lost(void *context, const char *path, size_t path_len, uint64_t entries)
{
    struct restore *r = context;
    /* The names in it are unknown: from here on, nothing is known to be extra. */
    r->names_incomplete = true;
    int rc = err_add(HF_EDAMAGE, "%llu entries that follow are lost", (unsigned long long)entries);
    restore_tell_trail(r, path, path_len, rc);
}

int restore_walk(struct restore *r)
{
    struct node n;
    bool selected = false;
    int rc = 0;
    for (unsigned steps = 1; (rc = restore_select_next(r->select, &n, &selected)) == 1; steps++) {
        rc = restore_node_visit(r, &n, selected);
        if (rc == 0) {
            rc = restore_cancelled(r);
        }
        if (rc != 0) {
            return rc;
        }
        if (steps % STEPS_PER_TICK == 0) {
            restore_tell_progress(r, &n);
        }
    }
    if (rc == 0) {
        rc = restore_tree_leave_all(r);
    }
    if (rc == 0) {
        rc = restore_window_drain(r);
    }
    return rc;
}

static int open_snapshot(struct restore *r)
{
    struct restore_select_options select = {
        .root = r->root,
        .include = r->o->include,
        .exclude = r->o->exclude,
        .lost = page_lost,
        .context = r,
    };
    int rc = repopages_new(r->repo, NULL, &r->stored);
    r->pages = (struct pagestore){ .get = get_page, .context = r };
    if (rc == 0) {
        rc = repo_reader_new(r->repo, READER_BLOCKS, &r->reader);
    }
    if (rc == 0) {
        rc = manifest_content_reader_new(&r->pages, &r->content);
    }
    select.pages = &r->pages;
    return rc != 0 ? rc : restore_select_open(&select, &r->select);
}

static int copy_paths(struct restore *r, const struct commit *c)
{
    r->paths = mem_array(c->path_count + 1, sizeof(char *));
    for (size_t i = 0; r->paths != NULL && i < c->path_count; i++) {
        r->paths[i] = mem_strdup(c->paths[i]);
        if (r->paths[i] == NULL) {
            return err_nomem();
        }
        r->path_count++;
    }
    return r->paths != NULL ? 0 : err_nomem();
}

static size_t worker_count(const struct restore_options *o)
{
    size_t threads = o->threads != 0 ? o->threads : pool_cores() + 1;
    return (threads < MOST_THREADS ? threads : MOST_THREADS) - 1;
}

/* The snapshot's record may move when the journal is read anew: copies what is needed of it. */
int restore_open_all(struct restore *r, const struct catalog_snapshot *snapshot)
{
    memcpy(r->id, snapshot->id, sizeof(r->id));
    memcpy(r->root, snapshot->commit.root, sizeof(r->root));
    if (exclude_count(r->o->include) + exclude_count(r->o->exclude) == 0) {
        r->files_expected = snapshot->commit.counts.files;
        r->bytes_expected = snapshot->commit.counts.bytes;
    }
    r->begin_ns = clock_monotonic(repo_env(r->repo)->clock);
    r->notes_end = &r->notes;
    atomic_init(&r->first_byte_ns, -1);
    atomic_init(&r->first_file_ns, -1);
    pthread_mutex_init(&r->lock, NULL);
    for (size_t i = 0; i < RESTORE_STRIPES; i++) {
        pthread_mutex_init(&r->stripes[i], NULL);
    }
    listing_init(&r->names);
    arena_init(&r->scratch);
    arena_init(&r->note_memory);
    for (size_t i = 0; i < 2; i++) {
        r->windows[i].restore = r;
        arena_init(&r->windows[i].arena);
    }
    int rc = copy_paths(r, &snapshot->commit);
    if (rc == 0) {
        rc = pool_new(worker_count(r->o), &r->pool);
    }
    return rc != 0 ? rc : open_snapshot(r);
}

void restore_close_all(struct restore *r)
{
    restore_window_abandon(r);
    restore_tree_release(r);
    restore_links_free(r);
    restore_tell_notes(r);
    restore_select_close(r->select);
    manifest_content_reader_free(r->content);
    repopages_free(r->stored);
    repo_reader_free(r->reader);
    for (size_t i = 0; i < r->reader_count; i++) {
        repo_reader_free(r->readers[i]);
    }
    for (size_t i = 0; i < r->hasher_count; i++) {
        cipher_id_free(r->hashers[i]);
    }
    mem_free(r->readers);
    mem_free(r->hashers);
    for (size_t i = 0; i < r->path_count; i++) {
        mem_free(r->paths[i]);
    }
    mem_free(r->paths);
    pool_free(r->pool);
    arena_release(&r->scratch);
    arena_release(&r->note_memory);
    for (size_t i = 0; i < RESTORE_STRIPES; i++) {
        pthread_mutex_destroy(&r->stripes[i]);
    }
    pthread_mutex_destroy(&r->lock);
}

static int run(struct restore *r)
{
    int rc = 0;
    if (!r->o->dry_run) {
        rc = r->target->ops->begin(r->target, &r->doubtful);
    }
    if (rc == 0) {
        rc = restore_walk(r);
    }
    if (rc != 0) {
        return rc;
    }
    restore_links_free(r); /* sets flags that had to wait */
    restore_tell_notes(r);
    /* Only what is durable is restored. */
    if (!r->o->dry_run) {
        rc = r->target->ops->sync(r->target);
    }
    return rc != 0 ? rc : restore_select_unmatched(r->select);
}

void restore_fill_result(struct restore *r)
{
    struct restore_result *out = r->result;
    out->bytes_written = atomic_load(&r->bytes_written);
    out->bytes_verified = atomic_load(&r->bytes_verified);
    out->first_byte_ns = atomic_load(&r->first_byte_ns);
    out->first_file_ns = atomic_load(&r->first_file_ns);
    out->duration_ns = clock_monotonic(repo_env(r->repo)->clock) - r->begin_ns;
}

int restore_verdict(const struct restore_result *result)
{
    if (result->damaged > 0) {
        return err_raise(HF_EDAMAGE, "%llu files are lost or incomplete",
                         (unsigned long long)result->damaged);
    }
    if (result->errors > 0 || result->losses > 0) {
        return err_raise(HF_EPARTIAL, "%llu errors, %llu losses of metadata",
                         (unsigned long long)result->errors, (unsigned long long)result->losses);
    }
    return 0;
}

/* Reads everything back. What differs counts as an error of the restore. */
static int verify_after(struct repo *repo, const struct catalog_snapshot *snapshot,
                        const struct restore_options *options, struct target *target,
                        const struct restore_events *events, struct restore_result *io_result)
{
    struct restore_result seen;
    int rc = restore_verify(repo, snapshot, options, target, events, &seen);
    io_result->errors += seen.errors;
    io_result->bytes_verified += seen.bytes_verified;
    io_result->duration_ns += seen.duration_ns;
    if (rc == HF_EPARTIAL) {
        err_clear();
    }
    return rc == HF_EPARTIAL ? 0 : rc;
}

int restore_run(struct repo *repo, const struct catalog_snapshot *snapshot,
                const struct restore_options *options, struct target *target,
                const struct restore_events *events, struct restore_result *out_result)
{
    struct restore r = {
        .repo = repo, .o = options, .target = target, .events = events, .result = out_result
    };
    memset(out_result, 0, sizeof(*out_result));
    int rc = restore_space_check(repo, snapshot, options, target);
    if (rc != 0) {
        return rc;
    }
    rc = restore_open_all(&r, snapshot);
    if (rc == 0) {
        rc = run(&r);
    }
    restore_fill_result(&r);
    restore_close_all(&r);
    rc = forget_look_explain(repo, r.id, rc);
    if (rc == 0 && options->verify && !options->dry_run) {
        rc = verify_after(repo, snapshot, options, target, events, out_result);
    }
    return rc != 0 ? rc : forget_look_explain(repo, r.id, restore_verdict(out_result));
}
