/*
 * pipeline_cut.c - what both ways of reading a file have in common.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/pipeline_internal.h"
#include "format/chunker.h"
#include "format/xxh.h"

#define HASHED_AT_ONCE 64

int pipeline_add_chunk(struct pipeline_chunks *chunks, size_t offset, uint64_t len, bool hole)
{
    if (mem_grow(&chunks->list, &chunks->cap, chunks->count + 1, sizeof(*chunks->list)) != 0) {
        return err_nomem();
    }
    struct pipeline_chunk *c = &chunks->list[chunks->count++];
    memset(c->id, 0, sizeof(c->id));
    c->offset = offset;
    c->len = len;
    c->hole = hole;
    return 0;
}

/* The length of the next chunk of data, 0 if more bytes are needed to tell. */
static size_t next_cut(const struct pipeline *p, bool paged, const uint8_t *data, size_t len,
                       bool last)
{
    if (paged) {
        size_t page = p->cut->fixed;
        return len >= page ? page : last ? len : 0;
    }
    return chunker_cut(p->chunker, data, len, last);
}

int pipeline_cut(const struct pipeline *p, bool paged, const uint8_t *data, size_t *at, size_t len,
                 bool last, struct pipeline_chunks *chunks)
{
    while (*at < len) {
        size_t cut = next_cut(p, paged, data + *at, len - *at, last);
        if (cut == 0) {
            return 0;
        }
        int rc = pipeline_add_chunk(chunks, *at, cut, false);
        if (rc != 0) {
            return rc;
        }
        *at += cut;
    }
    return 0;
}

int pipeline_read_full(struct source *s, struct source_file *file, uint8_t *out, size_t want,
                       size_t enough, uint64_t offset, size_t *out_got)
{
    size_t total = 0;
    size_t got = 0;
    do {
        got = 0;
        int rc = s->ops->read(s, file, out + total, want - total, offset + total, &got);
        if (rc != 0) {
            return rc;
        }
        total += got;
    } while (got > 0 && total < enough);
    *out_got = total;
    return 0;
}

int pipeline_hash(struct cipher_id *ids, const uint8_t *data, struct pipeline_chunks *chunks)
{
    struct hmac_text texts[HASHED_AT_ONCE] = { { 0 } };
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < chunks->count; i++) {
        struct pipeline_chunk *c = &chunks->list[i];
        if (c->hole) {
            continue;
        }
        texts[count++] = (struct hmac_text){ data + c->offset, (size_t)c->len, c->id };
        if (count == HASHED_AT_ONCE) {
            rc = cipher_ids_of(ids, texts, count);
            count = 0;
        }
    }
    return rc == 0 ? cipher_ids_of(ids, texts, count) : rc;
}

bool pipeline_held_still(const struct node *before, const struct node *after)
{
    return before->type == after->type && before->size == after->size &&
           before->mtime_ns == after->mtime_ns && before->ctime_ns == after->ctime_ns &&
           before->ino == after->ino && before->dev == after->dev;
}

bool pipeline_only_grew(const struct node *before, const struct node *after, uint64_t got)
{
    return before->type == after->type && before->ino == after->ino && before->dev == after->dev &&
           after->size > before->size && got == before->size;
}

void pipeline_blame(struct pipeline_unit *u, struct pipeline_item *item, int code)
{
    const char *text = err_last()->text;
    item->code = code;
    item->message = arena_text(&u->arena, text, strlen(text));
    if (item->message == NULL) {
        item->message = "out of memory";
    }
    err_clear();
}

int pipeline_take_detail(struct pipeline_unit *u, struct pipeline_item *item,
                         struct source_file *file)
{
    struct source *s = u->pipeline->o.source;
    int rc = s->ops->detail(s, item->place, file, &item->node, &u->detail);
    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        pipeline_blame(u, item, rc);
    }
    return arena_node_detail(&u->arena, &item->node);
}

/* ---- digest ---- */

static void put_texts(struct buf *b, const struct node *n)
{
    buf_put_bytes(b, n->user, n->user_len);
    buf_put_bytes(b, n->group, n->group_len);
    buf_put_bytes(b, n->target, n->target_len);
    for (size_t i = 0; i < n->xattr_count; i++) {
        buf_put_bytes(b, n->xattrs[i].name, n->xattrs[i].name_len);
        buf_put_bytes(b, n->xattrs[i].value, n->xattrs[i].value_len);
    }
    if (n->xattrs_chunked) {
        buf_put(b, n->xattr_ref.id, sizeof(n->xattr_ref.id));
    }
}

uint64_t pipeline_digest(const struct node *n)
{
    struct buf b;
    buf_init(&b);
    buf_put_u8(&b, (uint8_t)n->type);
    buf_put_u32(&b, n->mode);
    buf_put_u32(&b, n->uid);
    buf_put_u32(&b, n->gid);
    buf_put_u32(&b, n->flags);
    buf_put_u64(&b, n->size);
    buf_put_i64(&b, n->mtime_ns);
    buf_put_u64(&b, n->rdev);
    put_texts(&b, n);
    buf_put_u8(&b, n->content_depth);
    for (size_t i = 0; i < n->ref_count; i++) {
        buf_put_varint(&b, n->refs[i].len * 2 + (n->refs[i].hole ? 1 : 0));
        if (!n->refs[i].hole) {
            buf_put(&b, n->refs[i].id, sizeof(n->refs[i].id));
        }
    }
    /*
     * Without memory there is no fingerprint: nothing equals anything, a count is all that is
     * off.
     */
    uint64_t sum = buf_error(&b) == 0 ? xxh_64(b.data, b.len) : n->ino ^ n->size;
    if (b.error != 0) {
        err_clear();
    }
    buf_release(&b);
    return sum;
}
