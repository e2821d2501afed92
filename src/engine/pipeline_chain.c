/*
 * pipeline_chain.c - a large file, read by a chain of jobs.
 *
 * The job of a piece reads on where the one before it stopped, cuts as far as cuts are certain,
 * hands what is left over to the next piece and submits that, and only then hashes its chunks:
 * reading is sequential, hashing goes on in parallel. No more pieces are begun than the ring has
 * places; a chain without a free place stalls until the calling thread has consumed a piece.
 *
 * A file that did not hold still is read again from its beginning. The chunks of the first time
 * may have been stored by then: garbage, if they are in no other file.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/pipeline_internal.h"
#include "format/chunker.h"
#include "format/pageshape.h"

static int piece_run(struct pool_job *job);

/* ---- one after the other: the file ---- */

static int open_file(struct pipeline_unit *u)
{
    struct pipeline_chain *c = &u->chain;
    struct pipeline_item *item = &u->items[0];
    struct source *s = u->pipeline->o.source;
    int rc = s->ops->open(s, item->place, &item->node, &c->file);
    if (rc != 0) {
        return rc;
    }
    c->open = true;
    rc = s->ops->stat(s, &c->file, &item->node, &item->sparse);
    if (rc == 0 && item->node.type != NODE_FILE) {
        rc = err_raise(HF_ECHANGED, "it is no longer a file");
    }
    c->limit = s->volatile_content ? UINT64_MAX : item->node.size;
    return rc;
}

static void close_file(struct pipeline_unit *u)
{
    struct source *s = u->pipeline->o.source;
    if (u->chain.open) {
        s->ops->close(s, &u->chain.file);
    }
    u->chain.open = false;
}

/* Finds the next stretch of data; a hole before it becomes one in the content. */
static int next_extent(struct pipeline_unit *u, struct pipeline_chunks *chunks)
{
    struct pipeline_chain *c = &u->chain;
    struct source *s = u->pipeline->o.source;
    uint64_t start = c->offset;
    int rc = 0;
    c->extent_end = c->limit;
    if (u->items[0].sparse) {
        rc = s->ops->extent(s, &c->file, c->offset, c->limit, &start, &c->extent_end);
    }
    if (rc == 0 && start > c->offset) {
        rc = pipeline_add_chunk(chunks, 0, start - c->offset, true);
    }
    c->offset = start;
    return rc;
}

/* By what it begins with; a large one also by what its pages have in common. */
static bool is_paged(const struct node *n, const uint8_t *head, size_t len)
{
    return chunker_is_paged(head, len) ||
           (n->size >= PAGESHAPE_FILE_BYTES && pageshape_found(head, len));
}

/* Reads up to room bytes of the stretch at hand; *out_short: the file ends before its stat says. */
static int read_some(struct pipeline_unit *u, struct pipeline_piece *piece, size_t room,
                     size_t *out_got, bool *out_short)
{
    struct pipeline_chain *c = &u->chain;
    struct source *s = u->pipeline->o.source;
    uint64_t left = c->extent_end - c->offset;
    size_t want = left < room ? (size_t)left : room;
    int rc = pipeline_read_full(s, &c->file, piece->data + piece->len, want, want, c->offset,
                                out_got);
    if (rc != 0) {
        return rc;
    }
    if (!c->paged_known) {
        c->paged = u->items[0].was.paged ||
                   (c->offset == 0 &&
                    is_paged(&u->items[0].node, piece->data + piece->len, *out_got));
        c->paged_known = true;
    }
    piece->len += *out_got;
    c->offset += *out_got;
    u->bytes_read += *out_got;
    *out_short = *out_got < want;
    return 0;
}

/* Fills the piece and cuts it; piece->last when the file has ended. */
static int fill(struct pipeline_unit *u, struct pipeline_piece *piece)
{
    struct pipeline_chain *c = &u->chain;
    size_t room = PIPELINE_PIECE_BYTES;
    piece->left_at = 0;
    while (room > 0 && !piece->last) {
        int rc = c->offset == c->extent_end ? next_extent(u, &piece->chunks) : 0;
        size_t got = 0;
        bool is_short = false;
        if (rc == 0 && c->offset < c->extent_end) {
            rc = read_some(u, piece, room, &got, &is_short);
        }
        room -= got;
        piece->last = is_short || c->offset >= c->limit;
        /* A chunk never reaches over a hole. */
        bool ends = piece->last || c->offset == c->extent_end;
        if (rc == 0) {
            rc = pipeline_cut(u->pipeline, c->paged, piece->data, &piece->left_at, piece->len, ends,
                              &piece->chunks);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* The end of the file was reached: has it held still? */
static int judge(struct pipeline_unit *u)
{
    struct pipeline_chain *c = &u->chain;
    struct pipeline_item *item = &u->items[0];
    struct source *s = u->pipeline->o.source;
    struct node now = item->node;
    bool sparse = false;
    int rc = s->ops->stat(s, &c->file, &now, &sparse);
    if (rc != 0) {
        return rc;
    }
    bool still = s->volatile_content || pipeline_held_still(&item->node, &now) ||
                 pipeline_only_grew(&item->node, &now, c->offset);
    if (!still && c->tries < PIPELINE_TRIES) {
        item->node = now;
        item->sparse = sparse;
        c->limit = now.size;
        c->again = true;
        return 0;
    }
    item->node.size = c->offset;
    item->outcome = still ? PIPELINE_READ : PIPELINE_UNSTABLE;
    rc = pipeline_take_detail(u, item, &c->file);
    close_file(u);
    return rc;
}

/* ---- the chain ---- */

/* Begins the next piece with what is left over from this one. The lock is held. */
static void start_next(struct pipeline_unit *u, const struct pipeline_piece *from)
{
    struct pipeline_chain *c = &u->chain;
    struct pipeline_piece *next = c->ring[c->started % c->ring_size];
    size_t left = from != NULL ? from->len - from->left_at : 0;
    if (left > 0) {
        memmove(next->data, from->data + from->left_at, left);
    }
    next->len = left;
    next->chunks.count = 0;
    next->last = false;
    next->unit = u;
    next->job.run = piece_run;
    next->job.trail = &next->trail;
    c->started++;
    pool_submit(u->pipeline->o.pool, &next->job, POOL_NORMAL);
}

static void hand_on(struct pipeline_unit *u, const struct pipeline_piece *piece)
{
    struct pipeline_chain *c = &u->chain;
    pthread_mutex_lock(&c->lock);
    if (!c->stop && c->started - c->taken < c->ring_size) {
        start_next(u, piece);
    } else {
        c->stalled = true;
    }
    pthread_mutex_unlock(&c->lock);
}

static int piece_run(struct pool_job *job)
{
    struct pipeline_piece *piece = (struct pipeline_piece *)job;
    struct pipeline_unit *u = piece->unit;
    struct pipeline_item *item = &u->items[0];
    int rc = u->chain.open ? 0 : open_file(u);
    if (rc == 0) {
        rc = fill(u, piece);
    }
    if (rc == 0 && piece->last) {
        rc = judge(u);
    }
    if (rc == HF_ENOMEM || (rc != 0 && u->pipeline->o.source->volatile_content)) {
        return rc;
    }
    if (rc != 0) {
        pipeline_blame(u, item, rc);
        item->outcome = PIPELINE_LOST;
        piece->last = true;
        piece->chunks.count = 0;
        return 0;
    }
    if (!piece->last) {
        hand_on(u, piece);
    }
    return pipeline_hash(piece->ids, piece->data, &piece->chunks);
}

/* ---- the calling thread ---- */

static void begin_reading(struct pipeline_unit *u)
{
    struct pipeline_chain *c = &u->chain;
    c->tries++;
    c->started = c->taken = 0;
    c->stalled = c->again = false;
    c->offset = c->extent_end = 0;
    c->paged_known = false;
    pthread_mutex_lock(&c->lock);
    start_next(u, NULL);
    pthread_mutex_unlock(&c->lock);
}

/* As many places as the file has pieces, and as the budget allows. */
static size_t ring_size(const struct pipeline *p, const struct pipeline_item *item)
{
    uint64_t size = p->o.source->volatile_content ? UINT64_MAX : item->node.size;
    uint64_t pieces = size / PIPELINE_PIECE_BYTES + 1;
    uint64_t allowed = p->o.budget_bytes / (2 * PIPELINE_PIECE_BYTES) + 1;
    uint64_t most = allowed < PIPELINE_RING ? allowed : PIPELINE_RING;
    return (size_t)(pieces < most ? pieces : most);
}

int pipeline_chain_begin(struct pipeline_unit *u)
{
    struct pipeline_chain *c = &u->chain;
    size_t want = ring_size(u->pipeline, &u->items[0]);
    u->is_chain = true;
    c->open = c->stop = false;
    c->tries = 0;
    c->path = u->items[0].node.path;
    c->path_len = u->items[0].node.path_len;
    for (c->ring_size = 0; c->ring_size < want; c->ring_size++) {
        int rc = pipeline_piece_get(u->pipeline, &c->ring[c->ring_size]);
        if (rc != 0) {
            return rc;
        }
        u->charge += c->ring[c->ring_size]->cap;
    }
    u->submitted = true;
    begin_reading(u);
    return 0;
}

int pipeline_chain_next(struct pipeline_unit *u, bool wait, struct pipeline_piece **out_piece)
{
    struct pipeline_chain *c = &u->chain;
    /* Once a piece was consumed, its successor has been submitted: by it, or by chain_taken. */
    struct pipeline_piece *piece = c->ring[c->taken % c->ring_size];
    *out_piece = NULL;
    if (!wait && !pool_done(&piece->job)) {
        return 0;
    }
    int rc = pool_wait(u->pipeline->o.pool, &piece->job);
    if (rc == 0) {
        *out_piece = piece;
    }
    return rc;
}

int pipeline_chain_taken(struct pipeline_unit *u, bool *out_again)
{
    struct pipeline_chain *c = &u->chain;
    bool last = c->ring[c->taken % c->ring_size]->last;
    *out_again = last && c->again;
    pthread_mutex_lock(&c->lock);
    c->taken++;
    if (!last && c->stalled) {
        c->stalled = false;
        start_next(u, c->ring[(c->started - 1) % c->ring_size]);
    }
    pthread_mutex_unlock(&c->lock);
    if (*out_again) {
        begin_reading(u);
    }
    return 0;
}

void pipeline_chain_end(struct pipeline_unit *u)
{
    struct pipeline_chain *c = &u->chain;
    pthread_mutex_lock(&c->lock);
    c->stop = true; /* from here on, nothing more is started */
    pthread_mutex_unlock(&c->lock);
    for (uint64_t i = c->taken; u->submitted && i < c->started; i++) {
        if (pool_wait(u->pipeline->o.pool, &c->ring[i % c->ring_size]->job) != 0) {
            err_clear();
        }
    }
    c->started = c->taken = 0;
    close_file(u);
    while (c->ring_size > 0) {
        pipeline_piece_put(u->pipeline, c->ring[--c->ring_size]);
    }
}
