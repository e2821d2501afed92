/*
 * restore_jobs.c - the work of a window: comparing, fetching block by block, writing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/forget_look.h"
#include "engine/restore_internal.h"

/* ---- jobs ---- */

static int reserve_jobs(struct restore_window *w, size_t count)
{
    w->job_count = 0;
    return mem_grow(&w->jobs, &w->job_cap, count, sizeof(*w->jobs)) == 0 ? 0 : err_nomem();
}

static void submit(struct restore_window *w, int (*run)(struct pool_job *job), size_t first,
                   size_t count)
{
    struct restore_job *j = &w->jobs[w->job_count++];
    *j = (struct restore_job){ .window = w, .first = first, .count = count };
    j->job.run = run;
    j->job.trail = &j->trail;
    pool_submit(w->restore->pool, &j->job, POOL_NORMAL);
}

/* Waits for all; the first error counts. */
static int wait_all(struct restore_window *w)
{
    int first = 0;
    for (size_t i = 0; i < w->job_count; i++) {
        struct err_trail kept;
        if (first != 0) {
            err_take(&kept);
        }
        int rc = pool_wait(w->restore->pool, &w->jobs[i].job);
        if (first != 0) {
            err_give(&kept);
        } else {
            first = rc;
        }
    }
    w->job_count = 0;
    return first;
}

/* ---- comparing with what is there ---- */

static int compare_piece(struct restore *r, struct restore_piece *p, struct cipher_id *ids,
                         struct buf *data)
{
    uint8_t id[CIPHER_ID_BYTES];
    size_t got = 0;
    if (p->len > SIZE_MAX / 2 || buf_reserve(data, (size_t)p->len) != 0) {
        return err_nomem();
    }
    int rc = restore_file_read(p->file, p->offset, data->data, (size_t)p->len, &got);
    if (rc != 0 || got < p->len) {
        return rc;
    }
    rc = cipher_id_of(ids, data->data, got, id);
    if (rc == 0 && memcmp(id, p->id, sizeof(id)) == 0) {
        p->state = RESTORE_DONE;
        atomic_fetch_add(&r->bytes_verified, got);
    }
    return rc;
}

/* What can't be read can't be right: it is written anew, which shows whether the file is usable. */
static int compare_run(struct pool_job *job)
{
    struct restore_job *j = (struct restore_job *)job;
    struct restore *r = j->window->restore;
    struct cipher_id *ids = NULL;
    struct buf data;
    buf_init(&data);
    int rc = restore_borrow_hasher(r, &ids);
    for (size_t i = j->first; rc == 0 && i < j->first + j->count; i++) {
        struct restore_piece *p = &j->window->pieces[i];
        if (r->verifying) {
            rc = restore_verify_piece(r, p, ids, &data);
            continue;
        }
        if (p->hole) {
            rc = restore_file_hole(p->file, p->offset, p->len);
        } else if (p->file->how == RESTORE_EXISTING && !restore_cancelled(r)) {
            rc = compare_piece(r, p, ids, &data);
        }
        if (rc == HF_ENOMEM) {
            break;
        }
        if (rc != 0 && p->hole) {
            restore_file_lose(p->file, rc);
        }
        err_clear();
        rc = 0;
        if (p->hole) {
            p->state = RESTORE_DONE;
            atomic_fetch_add(&r->bytes_passed, p->len);
        }
    }
    restore_return_hasher(r, ids);
    buf_release(&data);
    return rc;
}

/* Pieces in a row, cut into jobs of some MiB. */
static int compare(struct restore_window *w)
{
    int rc = reserve_jobs(w, (size_t)(w->bytes / RESTORE_COMPARE_BYTES) + w->piece_count / 64 + 2);
    size_t first = 0;
    uint64_t bytes = 0;
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < w->piece_count; i++) {
        bytes += w->pieces[i].hole ? 0 : w->pieces[i].len;
        if (bytes < RESTORE_COMPARE_BYTES && i + 1 < w->piece_count) {
            continue;
        }
        submit(w, compare_run, first, i + 1 - first);
        first = i + 1;
        bytes = 0;
    }
    rc = wait_all(w);
    for (size_t i = 0; rc == 0 && i < w->piece_count; i++) {
        if (w->pieces[i].state == RESTORE_DONE) {
            rc = restore_file_done(w->pieces[i].file, 1);
        }
    }
    return rc;
}

/* ---- fetching ---- */

/* Writes a chunk to its place. Its file's troubles stay with it. */
static void write_piece(struct restore *r, struct restore_piece *p, const uint8_t *data, size_t len)
{
    int rc = len == p->len ? 0 : err_raise(HF_EDAMAGE, "a chunk is not as long as its file says");
    if (rc == 0) {
        rc = restore_file_write(p->file, p->offset, data, len);
    }
    if (rc != 0) {
        restore_file_lose(p->file, rc);
    } else {
        atomic_fetch_add(&r->bytes_verified, len);
    }
}

/*
 * A block that is damaged or gone: its chunks may have other homes; that is tried once all jobs
 * are done, since it may take reading the journal anew.
 */
static int fetch_block(struct restore *r, struct repo_reader *reader, struct restore_piece **order,
                       size_t count)
{
    int rc = repo_reader_block(reader, order[0]->segment, order[0]->position);
    for (size_t i = 0; i < count; i++) {
        struct restore_piece *p = order[i];
        const uint8_t *data = NULL;
        size_t len = 0;
        int got = rc != 0 ? rc : repo_reader_slot(reader, p->slot, p->id, &data, &len);
        if (got == HF_ENOMEM) {
            return got;
        }
        if (got != 0) {
            p->state = RESTORE_RETRY;
            continue;
        }
        p->state = RESTORE_DONE;
        write_piece(r, p, data, len);
        restore_file_done(p->file, 1);
    }
    err_clear();
    return 0;
}

static int fetch_run(struct pool_job *job)
{
    struct restore_job *j = (struct restore_job *)job;
    struct restore *r = j->window->restore;
    struct repo_reader *reader = NULL;
    if (restore_cancelled(r) != 0 || atomic_load(&r->fatal) != 0) {
        err_clear();
        return 0; /* the calling thread says so */
    }
    int rc = restore_borrow_reader(r, &reader);
    if (rc == 0) {
        rc = fetch_block(r, reader, j->window->order + j->first, j->count);
    }
    restore_return_reader(r, reader);
    return rc;
}

/* Files without content of their own to be fetched. */
static int bare_run(struct pool_job *job)
{
    struct restore_job *j = (struct restore_job *)job;
    for (size_t i = 0; i < j->count; i++) {
        restore_file_done(j->window->bare[j->first + i], 1);
    }
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct restore_piece *x = *(struct restore_piece *const *)a;
    const struct restore_piece *y = *(struct restore_piece *const *)b;
    if (x->segment != y->segment) {
        return x->segment < y->segment ? -1 : 1;
    }
    if (x->position != y->position) {
        return x->position < y->position ? -1 : 1;
    }
    if (x->slot != y->slot) {
        return x->slot < y->slot ? -1 : 1;
    }
    return (x->file > y->file) - (x->file < y->file);
}

/* Looks up where the chunks are, and puts those that are somewhere in the order of their places. */
static int locate(struct restore_window *w)
{
    struct restore *r = w->restore;
    if (mem_grow(&w->order, &w->order_cap, w->piece_count + 1, sizeof(struct restore_piece *)) !=
        0) {
        return err_nomem();
    }
    w->order_count = 0;
    for (size_t i = 0; i < w->piece_count; i++) {
        struct restore_piece *p = &w->pieces[i];
        struct index_home home;
        if (p->state == RESTORE_DONE) {
            continue;
        }
        int rc = repo_locate(r->repo, p->id, &home);
        if (rc == HF_ENOMEM) {
            return rc;
        }
        if (rc != 0) {
            p->state = RESTORE_RETRY;
            err_clear();
            continue;
        }
        p->segment = home.segment;
        p->position = home.position;
        p->slot = home.slot;
        w->order[w->order_count++] = p;
    }
    if (w->order_count > 1) {
        qsort(w->order, w->order_count, sizeof(struct restore_piece *), by_place);
    }
    return 0;
}

static bool same_block(const struct restore_piece *a, const struct restore_piece *b)
{
    return a->segment == b->segment && a->position == b->position;
}

int restore_jobs_start(struct restore_window *w)
{
    w->started = true;
    int rc = w->compares ? compare(w) : 0;
    if (rc == 0) {
        rc = locate(w);
    }
    if (rc == 0) {
        rc = reserve_jobs(w, w->order_count + w->bare_count / RESTORE_BATCH + 1);
    }
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < w->bare_count; i += RESTORE_BATCH) {
        size_t left = w->bare_count - i;
        submit(w, bare_run, i, left < RESTORE_BATCH ? left : RESTORE_BATCH);
    }
    for (size_t first = 0, i = 1; first < w->order_count; i++) {
        if (i < w->order_count && same_block(w->order[first], w->order[i])) {
            continue;
        }
        submit(w, fetch_run, first, i - first);
        first = i;
    }
    return 0;
}

/* ---- what was not where it should be ---- */

static int retry(struct restore_window *w)
{
    struct restore *r = w->restore;
    int rc = repo_refresh(r->repo);
    if (rc == HF_ENOMEM) {
        return rc;
    }
    err_clear(); /* a journal that can't be followed: what it led to before is what there is */
    for (size_t i = 0; i < w->piece_count; i++) {
        struct restore_piece *p = &w->pieces[i];
        const uint8_t *data = NULL;
        size_t len = 0;
        if (p->state != RESTORE_RETRY) {
            continue;
        }
        rc = repo_reader_chunk(r->reader, p->id, &data, &len);
        if (rc == HF_ENOMEM) {
            return rc;
        }
        if (rc == 0) {
            write_piece(r, p, data, len);
        } else {
            restore_file_lose(p->file, forget_look_explain(r->repo, r->id, restore_damage_of(rc)));
        }
        p->state = RESTORE_DONE;
        restore_file_done(p->file, 1);
    }
    return 0;
}

int restore_jobs_wait(struct restore_window *w)
{
    struct restore *r = w->restore;
    int rc = wait_all(w);
    bool again = false;
    if (rc == 0) {
        rc = restore_cancelled(r);
    }
    if (rc == 0 && atomic_load(&r->fatal) != 0) {
        rc = restore_give_fatal(r);
    }
    for (size_t i = 0; i < w->piece_count; i++) {
        again |= w->pieces[i].state == RESTORE_RETRY;
    }
    return rc == 0 && again ? retry(w) : rc;
}
