/*
 * run_blocks.c - chunks in, blocks out, segments filled. See run_internal.h for the life of a
 * block.
 *
 * What is written depends on the order of run_add alone: blocks are placed in the order in which
 * they were closed, however fast the workers are.
 */
#include <string.h>

#include "base/mem.h"
#include "format/block.h"
#include "store/run_internal.h"

#define HELD_MAX_BYTES                                                                             \
    ((size_t)4 << 20)     /* of page blocks, before they get a segment of their own */
#define UNFINISHED_MAX 4  /* segments being finished at once */
#define FRAMED_CHUNKS 256 /* as many can become a record where they are, without compression */
#define ROOM_BEFORE (SEGMENT_RECORD_HEADER_BYTES + block_head_bytes(FRAMED_CHUNKS))
#define ROOM_BEHIND (CIPHER_TAG_BYTES + SEGMENT_ALIGN)

/* Queues */

static void push(struct run_queue *q, struct run_block *b)
{
    b->next = NULL;
    if (q->last) {
        q->last->next = b;
    } else {
        q->first = b;
    }
    q->last = b;
    q->count++;
}

static struct run_block *pop(struct run_queue *q)
{
    struct run_block *b = q->first;

    if (b) {
        q->first = b->next;
        if (!q->first) {
            q->last = NULL;
        }
        q->count--;
    }
    return b;
}

/* Blocks */

static void free_block(struct run_block *b)
{
    if (b) {
        buf_release(&b->chunks);
        buf_release(&b->record);
        mem_free(b->list);
        mem_free(b->lengths);
        codec_free(b->codec);
        cipher_free(b->cipher);
        mem_free(b);
    }
}

static int new_block(struct run *x, struct run_block **out_block)
{
    const struct repo_params *p = &x->repo->params;
    struct run_block *b = pop(&x->idle);
    int rc;

    if (b) {
        *out_block = b;
        return 0;
    }
    b = mem_zalloc(sizeof *b);
    if (!b) {
        return err_nomem();
    }
    buf_init(&b->chunks);
    buf_init(&b->record);
    rc = codec_new(p->codec, p->level, &b->codec);
    if (rc == 0) {
        rc = cipher_new(x->repo->cipher, &b->cipher);
    }
    if (rc < 0) {
        free_block(b);
        return rc;
    }
    *out_block = b;
    return 0;
}

static void recycle(struct run *x, struct run_block *b)
{
    buf_clear(&b->chunks);
    buf_clear(&b->record);
    b->framed = false;
    b->count = 0;
    b->writer = NULL;
    push(&x->idle, b);
}

static size_t chunk_bytes(const struct run_block *b)
{
    return b->chunks.len > 0 ? b->chunks.len - ROOM_BEFORE : 0;
}

/* Where the record is, or will be when it has its place. */
static uint8_t *record_of(const struct run_block *b)
{
    return b->framed ? b->chunks.data + ROOM_BEFORE - block_head_bytes(b->count) -
                           SEGMENT_RECORD_HEADER_BYTES
                     : b->record.data;
}

/* The two jobs of a block */

static int encode_job(struct pool_job *job)
{
    struct run_block *b = (struct run_block *)job;
    uint8_t *chunks = b->chunks.data + ROOM_BEFORE;
    int rc;

    buf_clear(&b->record);
    buf_put_zeros(&b->record, SEGMENT_RECORD_HEADER_BYTES);
    if (b->count <= FRAMED_CHUNKS) {
        rc = block_encode_or_frame(chunks, b->lengths, b->count, b->codec, &b->record, &b->framed);
    } else {
        rc = block_encode(chunks, b->lengths, b->count, b->codec, &b->record);
    }
    b->plain_len = b->framed ? block_head_bytes(b->count) + chunk_bytes(b)
                             : b->record.len - SEGMENT_RECORD_HEADER_BYTES;
    return rc == 0 ? buf_reserve(b->framed ? &b->chunks : &b->record, ROOM_BEHIND) : rc;
}

static int write_job(struct pool_job *job)
{
    struct run_block *b = (struct run_block *)job;

    return segwriter_write(b->writer->segment, b->cipher, &b->place, record_of(b), b->plain_len);
}

static void submit(struct run *x, struct run_block *b, int (*run)(struct pool_job *job),
                   enum pool_urgency urgency)
{
    b->job.run = run;
    b->job.trail = &b->trail;
    pool_submit(x->options.pool, &b->job, urgency);
}

/* Segments */

static int finish_job(struct pool_job *job)
{
    struct run_writer *w = (struct run_writer *)job;

    return segwriter_finish(w->segment, &w->adopt);
}

static void finish_when_summed(struct run *x, struct run_writer *w)
{
    if (w->full && w->blocks_in_flight == 0 && !w->submitted) {
        w->submitted = true;
        w->job.run = finish_job;
        w->job.trail = &w->trail;
        pool_submit(x->options.pool, &w->job, POOL_NORMAL);
    }
}

static int new_writer(struct run *x, struct run_writer **out_writer)
{
    struct segwriter_options o = { .fs = x->repo->env.fs,
                                   .rnd = x->repo->env.rnd,
                                   .keys = x->repo->keys,
                                   .repo_id = x->repo->id,
                                   .cipher = x->repo->cipher };
    struct run_writer *w = mem_zalloc(sizeof *w);
    int rc = w ? segwriter_open(&o, &w->segment) : err_nomem();

    if (rc < 0) {
        mem_free(w);
        return rc;
    }
    *x->writers_end = w;
    x->writers_end = &w->next;
    *out_writer = w;
    return 0;
}

/* Not more than a few segments are finished at once: a slow disk slows the run down, not memory. */
static int limit_unfinished(struct run *x)
{
    struct run_writer *oldest = NULL;
    unsigned count = 0;

    for (struct run_writer *w = x->writers; w; w = w->next) {
        if (w->submitted && !pool_done(&w->job)) {
            oldest = oldest ? oldest : w;
            count++;
        }
    }
    return count > UNFINISHED_MAX ? pool_wait(x->options.pool, &oldest->job) : 0;
}

/* The segment in *slot, or a new one if a record of these bytes would make it too long. */
static int writer_with_room(struct run *x, struct run_writer **slot, uint64_t record_bytes)
{
    struct run_writer *w = *slot;

    if (w && segwriter_bytes(w->segment) + record_bytes > x->repo->params.segment_target &&
        segwriter_contents(w->segment)->block_count > 0) {
        int rc;

        w->full = true;
        *slot = NULL;
        finish_when_summed(x, w);
        rc = limit_unfinished(x);
        if (rc < 0) {
            return rc;
        }
    }
    return *slot ? 0 : new_writer(x, slot);
}

/* Placing, in order */

static int place_in(struct run *x, struct run_block *b, struct run_writer **slot)
{
    int rc = writer_with_room(x, slot, segment_record_bytes(b->plain_len));

    if (rc == 0) {
        rc = segwriter_place((*slot)->segment, b->type, b->plain_len, b->list, b->count, &b->place);
    }
    if (rc < 0) {
        return rc;
    }
    b->writer = *slot;
    b->writer->blocks_in_flight++;
    b->state = RUN_BLOCK_WRITING;
    x->bytes_placed += b->place.record_bytes;
    submit(x, b, write_job, POOL_URGENT);
    return 0;
}

/* Places a block and sends it on its way; a block that can't be placed is given back. */
static int send(struct run *x, struct run_block *b, struct run_writer **slot)
{
    int rc = place_in(x, b, slot);

    if (rc < 0) {
        recycle(x, b);
    } else {
        push(&x->flying, b);
    }
    return rc;
}

static int send_held(struct run *x, struct run_writer **slot)
{
    int rc = 0;

    while (rc == 0 && x->held.first) {
        rc = send(x, pop(&x->held), slot);
    }
    x->held_bytes = 0;
    return rc;
}

/*
 * Pages wait until there are enough of them for a segment of their own; a small commit needs none.
 */
static int hold(struct run *x, struct run_block *b)
{
    b->state = RUN_BLOCK_HELD;
    x->held_bytes += b->plain_len;
    if (!b->framed) {
        buf_release(&b->chunks);
    }
    push(&x->held, b);
    return x->held_bytes > HELD_MAX_BYTES ? send_held(x, &x->pages) : 0;
}

/* Its record is written: into the sums with it. */
static int retire(struct run *x, struct run_block *b)
{
    struct run_writer *w = b->writer;
    int rc = segwriter_sum(w->segment, record_of(b), b->place.record_bytes);

    w->blocks_in_flight--;
    finish_when_summed(x, w);
    recycle(x, b);
    return rc;
}

/*
 * Takes the oldest block one step further: placed, or held, if it was being encoded; retired if
 * it was being written.
 */
static int step(struct run *x)
{
    struct run_block *b = pop(&x->flying);
    int rc = pool_wait(x->options.pool, &b->job);

    if (rc < 0) {
        if (b->state == RUN_BLOCK_WRITING) {
            b->writer->blocks_in_flight--;
        }
        recycle(x, b);
        return rc;
    }
    if (b->state == RUN_BLOCK_WRITING) {
        return retire(x, b);
    }
    if (b->type == SEGMENT_PAGES && !x->pages) {
        return hold(x, b);
    }
    return send(x, b, b->type == SEGMENT_PAGES ? &x->pages : &x->data);
}

static size_t window(const struct run *x)
{
    return 2 * pool_workers(x->options.pool) + 2;
}

static int dispatch(struct run *x, enum segment_record type)
{
    struct run_block *b = x->open[type];
    int rc = 0;

    if (!b || b->count == 0) {
        return 0;
    }
    x->open[type] = NULL;
    b->type = type;
    b->state = RUN_BLOCK_ENCODING;
    submit(x, b, encode_job, POOL_NORMAL);
    push(&x->flying, b);
    while (rc == 0 && x->flying.count > window(x)) {
        rc = step(x);
    }
    return rc;
}

int run_cut(struct run *x, enum segment_record type)
{
    int rc = run_may_go_on(x);

    if (rc == 0) {
        rc = dispatch(x, type);
        x->failed = rc < 0;
    }
    return rc;
}

/* Adding */

static int append(struct run_block *b, const uint8_t id[32], const void *data, size_t len)
{
    int rc = mem_grow(&b->list, &b->list_cap, b->count + 1, sizeof *b->list);

    if (rc == 0) {
        rc = mem_grow(&b->lengths, &b->lengths_cap, b->count + 1, sizeof *b->lengths);
    }
    if (rc < 0) {
        return rc;
    }
    if (b->chunks.len == 0 &&
        buf_reserve(&b->chunks, ROOM_BEFORE + BLOCK_TARGET_BYTES + ROOM_BEHIND) == 0) {
        buf_put_zeros(&b->chunks, ROOM_BEFORE);
    }
    buf_put(&b->chunks, data, len);
    memcpy(b->list[b->count].id, id, 32);
    b->list[b->count].len = (uint32_t)len;
    b->lengths[b->count] = (uint32_t)len;
    b->count++;
    return buf_error(&b->chunks);
}

static int mark_known(struct run *x, const uint8_t id[32])
{
    void *value;
    bool is_new;

    return map_put(x->known, id, &value, &is_new);
}

/* Puts a chunk that is new into the block in hand, and sends that on its way when it is full. */
static int gather(struct run *x, enum segment_record type, const uint8_t id[32], const void *data,
                  size_t len)
{
    struct run_block **b = &x->open[type];
    int rc = 0;

    if (*b && (chunk_bytes(*b) + len > BLOCK_TARGET_BYTES || (*b)->count == BLOCK_MAX_CHUNKS)) {
        rc = dispatch(x, type);
    }
    if (rc == 0 && !*b) {
        rc = new_block(x, b);
    }
    if (rc == 0) {
        rc = append(*b, id, data, len);
    }
    if (rc == 0 && chunk_bytes(*b) >= BLOCK_TARGET_BYTES) {
        rc = dispatch(x, type);
    }
    return rc;
}

static int add_new(struct run *x, enum segment_record type, const uint8_t id[32], const void *data,
                   size_t len)
{
    int rc = mark_known(x, id);

    x->bytes_new += len;
    if (rc == 0 && !x->options.dry) {
        rc = gather(x, type, id, data, len);
    }
    x->failed = rc < 0;
    return rc;
}

int run_add(struct run *x, enum segment_record type, const uint8_t id[32], const void *data,
            size_t len, bool *out_new)
{
    bool known = false;
    int rc = run_may_go_on(x);

    *out_new = false;
    if (rc == 0 && (len == 0 || len > BLOCK_MAX_BYTES)) {
        rc = err_raise(HF_ELIMIT, "a chunk of %zu bytes can't be stored", len);
    }
    if (rc == 0) {
        rc = run_has(x, id, &known);
    }
    if (rc < 0 || known) {
        return rc;
    }
    *out_new = true;
    return add_new(x, type, id, data, len);
}

int run_move(struct run *x, enum segment_record type, const uint8_t id[32], const void *data,
             size_t len)
{
    int rc = run_may_go_on(x);

    return rc < 0 || map_get(x->known, id) ? rc : add_new(x, type, id, data, len);
}

/* Flushing */

static int drain(struct run *x)
{
    int rc = 0;

    while (rc == 0 && x->flying.first) {
        rc = step(x);
    }
    return rc;
}

static void close_segment(struct run *x, struct run_writer **slot)
{
    if (*slot) {
        (*slot)->full = true;
        finish_when_summed(x, *slot);
        *slot = NULL;
    }
}

int run_flush(struct run *x)
{
    int rc = dispatch(x, SEGMENT_DATA);

    if (rc == 0) {
        rc = dispatch(x, SEGMENT_PAGES);
    }
    if (rc == 0) {
        rc = drain(x);
    }
    if (rc == 0) {
        rc = send_held(x, &x->data);
    }
    if (rc == 0) {
        rc = drain(x);
    }
    if (rc < 0) {
        return rc;
    }
    close_segment(x, &x->data);
    close_segment(x, &x->pages);
    for (struct run_writer *w = x->writers; w && rc == 0; w = w->next) {
        rc = pool_wait(x->options.pool, &w->job);
    }
    return rc;
}

void run_release_writers(struct run *x)
{
    while (x->writers) {
        struct run_writer *w = x->writers;

        x->writers = w->next;
        if (w->submitted) {
            (void)pool_wait(x->options.pool, &w->job);
        }
        segwriter_free(w->segment);
        mem_free(w);
    }
    x->writers_end = &x->writers;
    x->data = NULL;
    x->pages = NULL;
}

static void free_queue(struct run_queue *q)
{
    while (q->first) {
        free_block(pop(q));
    }
}

void run_release_blocks(struct run *x)
{
    struct err_trail cause;

    err_take(&cause);
    for (struct run_block *b = x->flying.first; b; b = b->next) {
        (void)pool_wait(x->options.pool, &b->job);
    }
    free_queue(&x->flying);
    free_queue(&x->held);
    free_queue(&x->idle);
    for (size_t i = 0; i < sizeof x->open / sizeof *x->open; i++) {
        free_block(x->open[i]);
    }
    run_release_writers(x);
    err_give(&cause);
}
