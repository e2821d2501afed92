/*
 * pipeline_small.c - the job of a unit: reads its small files, cuts and hashes them.
 *
 * A file is opened, read, stat'ed and closed, and nothing else: if the stat is the one that the
 * walk saw, nothing happened in between. If not, it is read again, from that stat on. A file that
 * has merely grown since the stat right before its reading is taken at the length it had then.
 */
#include <string.h>

#include "base/err.h"
#include "engine/pipeline_internal.h"
#include "format/chunker.h"

/* Reads len bytes of the file to the end of the unit's data; *out_got may be less, or one more. */
static int read_stretch(struct pipeline_unit *u, struct source_file *file, uint64_t offset,
                        size_t len, bool to_end, size_t *out_got)
{
    struct source *s = u->pipeline->o.source;
    size_t want = len + (to_end ? 1 : 0); /* one byte more tells that it has grown */
    if (buf_reserve(&u->data, want) != 0) {
        return err_nomem();
    }
    int rc = pipeline_read_full(s, file, u->data.data + u->data.len, want, len, offset, out_got);
    if (rc == 0) {
        u->bytes_read += *out_got;
    }
    return rc;
}

/* Cuts what lies in data from `at` to its end. */
static int cut_stretch(struct pipeline_unit *u, const struct pipeline_item *item, size_t at,
                       bool whole)
{
    const struct pipeline *p = u->pipeline;
    size_t len = u->data.len - at;
    bool paged = len > p->cut->min &&
                 (item->was.paged || (whole && chunker_is_paged(u->data.data + at, len)));
    if (len <= p->cut->min && len > 0) {
        return pipeline_add_chunk(&u->chunks, at, len, false);
    }
    return pipeline_cut(p, paged, u->data.data, &at, u->data.len, true, &u->chunks);
}

static int read_whole(struct pipeline_unit *u, struct pipeline_item *item, struct source_file *file,
                      uint64_t *out_got)
{
    size_t size = (size_t)item->node.size;
    size_t at = u->data.len;
    size_t got = 0;
    int rc = read_stretch(u, file, 0, size, true, &got);
    if (rc != 0) {
        return rc;
    }
    *out_got = got < size ? got : size;
    u->data.len += (size_t)*out_got;
    return cut_stretch(u, item, at, true);
}

/* The same for a file with holes: stretch by stretch. */
static int read_sparse(struct pipeline_unit *u, struct pipeline_item *item,
                       struct source_file *file, uint64_t *out_got)
{
    struct source *s = u->pipeline->o.source;
    uint64_t size = item->node.size;
    uint64_t offset = 0;
    while (offset < size) {
        uint64_t start = 0;
        uint64_t end = 0;
        int rc = s->ops->extent(s, file, offset, size, &start, &end);
        if (rc == 0 && start > offset) {
            rc = pipeline_add_chunk(&u->chunks, 0, start - offset, true);
        }
        size_t at = u->data.len;
        size_t got = 0;
        if (rc == 0 && end > start) {
            rc = read_stretch(u, file, start, (size_t)(end - start), false, &got);
        }
        u->data.len += got;
        if (rc == 0) {
            rc = cut_stretch(u, item, at, start == 0);
        }
        if (rc != 0) {
            return rc;
        }
        offset = start + got;
        if (got < end - start) {
            break; /* it has shrunk */
        }
        offset = end;
    }
    *out_got = offset;
    return 0;
}

static int read_once(struct pipeline_unit *u, struct pipeline_item *item, struct source_file *file,
                     struct node *out_now, bool *out_sparse, uint64_t *out_got)
{
    struct source *s = u->pipeline->o.source;
    int rc = item->sparse ? read_sparse(u, item, file, out_got)
                          : read_whole(u, item, file, out_got);
    *out_now = item->node;
    return rc != 0 ? rc : s->ops->stat(s, file, out_now, out_sparse);
}

/* Reads until it has held still, or often enough. */
static int read_file(struct pipeline_unit *u, struct pipeline_item *item, struct source_file *file)
{
    const size_t data_at = u->data.len;
    const size_t chunks_at = u->chunks.count;
    for (int tries = 1;; tries++) {
        struct node now;
        bool sparse = false;
        uint64_t got = 0;
        u->data.len = data_at;
        u->chunks.count = chunks_at;
        int rc = read_once(u, item, file, &now, &sparse, &got);
        if (rc != 0) {
            return rc;
        }
        if (now.type != NODE_FILE) {
            return err_raise(HF_ECHANGED, "it is no longer a file");
        }
        bool still = pipeline_held_still(&item->node, &now);
        bool grew = tries > 1 && pipeline_only_grew(&item->node, &now, got);
        if (still || grew || tries == PIPELINE_TRIES) {
            /* What was read is what there is, whatever stat says (some file systems make it up). */
            item->node.size = got;
            item->outcome = still || grew ? PIPELINE_READ : PIPELINE_UNSTABLE;
            return 0;
        }
        item->node = now;
        item->sparse = sparse;
        if (now.size > PIPELINE_UNIT_BYTES) {
            item->outcome = PIPELINE_LARGE;
            return 0;
        }
    }
}

/* Errors of one file stay with it; only the lack of memory is one of the unit. */
static int read_item(struct pipeline_unit *u, struct pipeline_item *item)
{
    struct source *s = u->pipeline->o.source;
    struct source_file file;
    const size_t chunks_at = u->chunks.count;
    int rc = s->ops->open(s, item->place, &item->node, &file);
    if (rc == 0) {
        rc = read_file(u, item, &file);
        if (rc == 0 && item->outcome != PIPELINE_LARGE) {
            rc = pipeline_take_detail(u, item, &file);
        }
        s->ops->close(s, &file);
    }
    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        pipeline_blame(u, item, rc);
        item->outcome = PIPELINE_LOST;
    }
    if (item->outcome == PIPELINE_LOST || item->outcome == PIPELINE_LARGE) {
        u->chunks.count = chunks_at;
    }
    item->chunk_first = chunks_at;
    item->chunk_count = u->chunks.count - chunks_at;
    return 0;
}

int pipeline_small_run(struct pool_job *job)
{
    struct pipeline_unit *u = (struct pipeline_unit *)job;
    int rc = buf_reserve(&u->data, (size_t)u->bytes + 1);
    for (size_t i = 0; rc == 0 && i < u->count; i++) {
        if (u->items[i].kind == PIPELINE_FILE) {
            rc = read_item(u, &u->items[i]);
        }
    }
    return rc == 0 ? pipeline_hash(u->ids, u->data.data, &u->chunks) : rc;
}
