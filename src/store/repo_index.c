/*
 * repo_index.c - the index of a repository, fed from footers, and the segments it points to.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/repo_internal.h"

int repo_index_footer(struct repo *r, uint32_t ordinal, const struct segment_footer *f)
{
    for (size_t b = 0; b < f->block_count; b++) {
        const struct segment_block *block = &f->blocks[b];

        for (uint32_t slot = 0; slot < block->chunk_count; slot++) {
            const struct segment_chunk *c = &f->chunks[block->first_chunk + slot];
            struct index_home home = { ordinal, block->position, slot, c->len };
            int rc = index_put(r->index, c->id, &home);

            if (rc < 0) {
                return rc;
            }
        }
    }
    return 0;
}

int repo_index_segment(struct repo *r, uint32_t ordinal)
{
    struct segment_footer footer = { 0 };
    struct segreader *reader;
    int rc = repo_segment_get(r, ordinal, &reader);

    if (rc < 0) {
        return rc;
    }
    rc = segreader_footer(reader, &footer);
    repo_segment_put(r, ordinal);
    if (rc == 0) {
        rc = repo_index_footer(r, ordinal, &footer);
    }
    segment_footer_release(&footer);
    return rc;
}

/*
 * A segment whose footer can't be read is told and passed over: what it holds has no home for now,
 * and whatever needs that says so, while the rest can be restored.
 */
static int pass_over(struct repo *r)
{
    log_write(LOG_LEVEL_ERROR, "%s", err_last()->text);
    if (!r->unread) {
        r->unread = mem_alloc(sizeof *r->unread);
        if (!r->unread) {
            return err_nomem();
        }
        err_take(r->unread);
    }
    err_clear();
    return 0;
}

/* What can't be read may have been pruned since the journal was read: that is no damage. */
static bool is_gone(struct repo *r, uint32_t ordinal)
{
    struct err_trail why;
    bool gone = false;

    err_take(&why);
    pthread_mutex_lock(&r->lock);
    if (!r->publishing && !r->damage && journal_follow(r->journal) == 0) {
        gone = catalog_segment(r->catalog, ordinal)->condemned_by != 0;
    }
    pthread_mutex_unlock(&r->lock);
    err_give(&why);
    return gone;
}

static int catch_up(struct repo *r)
{
    for (; r->indexed < catalog_segment_count(r->catalog); r->indexed++) {
        const struct catalog_segment *s = catalog_segment(r->catalog, r->indexed);
        int rc = s->condemned_by == 0 ? repo_index_segment(r, r->indexed) : 0;

        if (rc == HF_EDAMAGE && is_gone(r, r->indexed)) {
            err_clear();
            rc = 0;
        }
        if (rc == HF_EDAMAGE || rc == HF_EIO) {
            rc = pass_over(r);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int repo_index(struct repo *r, struct index **out_index)
{
    int rc;

    pthread_rwlock_wrlock(&r->index_lock);
    rc = catch_up(r);
    pthread_rwlock_unlock(&r->index_lock);
    *out_index = r->index;
    return rc;
}

/* Begins the index anew, unless another thread has done so since its build `seen` was asked. */
static int build_anew(struct repo *r, uint64_t seen)
{
    int rc;

    log_write(err_last()->code == HF_EDAMAGE ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
              "the index is built anew: %s", err_last()->text);
    err_clear();
    pthread_rwlock_wrlock(&r->index_lock);
    if (r->builds == seen) {
        r->builds++;
        index_clear(r->index);
        r->indexed = 0;
    }
    rc = catch_up(r);
    pthread_rwlock_unlock(&r->index_lock);
    return rc;
}

int repo_chunk_count(struct repo *r, uint64_t *out_count)
{
    struct index *index;
    int rc = repo_index(r, &index);

    if (rc == 0) {
        rc = index_count_live(index, out_count);
    }
    if (rc == HF_EDAMAGE) {
        rc = build_anew(r, r->builds);
        if (rc == 0) {
            rc = index_count_live(index, out_count);
        }
    }
    return rc;
}

int repo_index_renew(struct repo *r)
{
    uint64_t live;
    int rc = repo_chunk_count(r, &live);

    if (rc == 0 && live < index_count(r->index) / 2) {
        err_raise(HF_EFAIL, "most of it is about what was pruned");
        rc = build_anew(r, r->builds);
    }
    return rc;
}

struct question {
    const uint8_t *id;
    struct index_home *out_home; /* or, if NULL: */
    int (*each)(void *context, const struct index_home *home);
    void *context;
};

/* false: the index is behind the catalogue, and was not asked. */
static bool ask(struct repo *r, const struct question *q, int *out_rc, uint64_t *out_build)
{
    bool current;

    pthread_rwlock_rdlock(&r->index_lock);
    current = r->indexed >= catalog_segment_count(r->catalog);
    *out_build = r->builds;
    if (current) {
        *out_rc = q->out_home ? index_get(r->index, q->id, q->out_home)
                              : index_each_home(r->index, q->id, q->each, q->context);
    }
    pthread_rwlock_unlock(&r->index_lock);
    return current;
}

static int answer(struct repo *r, const struct question *q)
{
    struct index *index;
    uint64_t build;
    int rc;

    while (!ask(r, q, &rc, &build)) {
        rc = repo_index(r, &index);
        if (rc < 0) {
            return rc;
        }
    }
    if (rc == HF_EDAMAGE) {
        rc = build_anew(r, build);
        if (rc == 0) {
            (void)ask(r, q, &rc, &build);
        }
    }
    return rc;
}

int repo_index_get(struct repo *r, const uint8_t id[32], struct index_home *out_home)
{
    struct question q = { .id = id, .out_home = out_home };

    return answer(r, &q);
}

int repo_index_each_home(struct repo *r, const uint8_t id[32],
                         int (*each)(void *context, const struct index_home *home), void *context)
{
    struct question q = { .id = id, .each = each, .context = context };

    return answer(r, &q);
}

/* Open segments */

static struct repo_open_segment *find_open(struct repo *r, uint32_t ordinal)
{
    for (size_t i = 0; i < REPO_OPEN_SEGMENTS; i++) {
        if (r->open[i].reader && r->open[i].ordinal == ordinal) {
            return &r->open[i];
        }
    }
    return NULL;
}

/* A free place, or the one that was used longest ago and that nobody uses now. */
static struct repo_open_segment *find_place(struct repo *r)
{
    struct repo_open_segment *oldest = NULL;

    for (size_t i = 0; i < REPO_OPEN_SEGMENTS; i++) {
        struct repo_open_segment *o = &r->open[i];

        if (!o->reader) {
            return o;
        }
        if (o->users == 0 && (!oldest || o->last_use < oldest->last_use)) {
            oldest = o;
        }
    }
    if (oldest) {
        segreader_close(oldest->reader);
        oldest->reader = NULL;
    }
    return oldest;
}

static int open_segment(struct repo *r, uint32_t ordinal, struct repo_open_segment **out_open)
{
    const struct catalog_segment *s = catalog_segment(r->catalog, ordinal);
    struct repo_open_segment *o = s ? find_place(r) : NULL;
    char uuid[33];
    int rc;

    if (!o) {
        return err_raise(HF_ELIMIT, "too many segments are in use at once");
    }
    rc = segreader_open(r->env.fs, r->keys, r->id, s, &o->reader);
    if (rc == HF_EABSENT) {
        rc = err_raise(HF_EDAMAGE, "segments/%s is missing", text_hex(s->uuid, 16, uuid));
    }
    if (rc == 0) {
        o->ordinal = ordinal;
        o->users = 0;
        *out_open = o;
    }
    return rc;
}

int repo_segment_get(struct repo *r, uint32_t ordinal, struct segreader **out_reader)
{
    struct repo_open_segment *o;
    int rc = 0;

    pthread_mutex_lock(&r->lock);
    o = find_open(r, ordinal);
    if (!o) {
        rc = open_segment(r, ordinal, &o);
    }
    if (rc == 0) {
        o->users++;
        o->last_use = ++r->uses;
        *out_reader = o->reader;
    }
    pthread_mutex_unlock(&r->lock);
    return rc;
}

void repo_segment_put(struct repo *r, uint32_t ordinal)
{
    struct repo_open_segment *o;

    pthread_mutex_lock(&r->lock);
    o = find_open(r, ordinal);
    if (o) {
        o->users--;
    }
    pthread_mutex_unlock(&r->lock);
}

void repo_segment_drop_condemned(struct repo *r)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < REPO_OPEN_SEGMENTS; i++) {
        struct repo_open_segment *o = &r->open[i];

        if (o->reader && o->users == 0 &&
            catalog_segment(r->catalog, o->ordinal)->condemned_by != 0) {
            segreader_close(o->reader);
            o->reader = NULL;
        }
    }
    pthread_mutex_unlock(&r->lock);
}
