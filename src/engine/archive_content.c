/*
 * archive_content.c - see archive_content.h.
 */
#include "engine/archive_content.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/manifest_content.h"
#include "format/chunker.h"
#include "format/cipher.h"

#define BUFFER_BYTES (1u << 20)

struct archive_content {
    struct run *run;
    const struct chunker *chunker;
    const struct chunker_params *cut;
    struct cipher_id *ids;
    struct manifest_content *refs;
    uint8_t *data; /* of the stretch at hand, what is not yet cut */
    size_t len, cap;
    uint64_t end; /* of the file so far */
    bool paged, paged_known, fresh;
};

int archive_content_new(struct repo *repo, struct run *run, struct pagestore *pages,
                        struct archive_content **out_content)
{
    struct archive_content *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return err_nomem();
    }
    c->run = run;
    c->chunker = repo_chunker(repo);
    c->cut = chunker_params(c->chunker);
    c->cap = BUFFER_BYTES > 2 * (size_t)c->cut->max ? BUFFER_BYTES : 2 * (size_t)c->cut->max;
    c->data = mem_alloc(c->cap);
    int rc = c->data != NULL ? cipher_id_new(repo_keys(repo)->chunk_id_key, &c->ids) : err_nomem();
    if (rc == 0) {
        rc = manifest_content_new(pages, repo_keys(repo)->page_boundary_key, &c->refs);
    }
    if (rc != 0) {
        archive_content_free(c);
        return rc;
    }
    *out_content = c;
    return 0;
}

void archive_content_free(struct archive_content *c)
{
    if (c == NULL) {
        return;
    }
    manifest_content_free(c->refs);
    cipher_id_free(c->ids);
    mem_free(c->data);
    mem_free(c);
}

int archive_content_begin(struct archive_content *c)
{
    manifest_content_begin(c->refs);
    c->len = 0;
    c->end = 0;
    c->paged = c->paged_known = false;
    c->fresh = true;
    return 0;
}

static int store(struct archive_content *c, const uint8_t *data, size_t len)
{
    struct node_ref ref = { .len = len };
    bool is_new = false;
    int rc = cipher_id_of(c->ids, data, len, ref.id);
    if (rc == 0) {
        rc = run_add(c->run, SEGMENT_DATA, ref.id, data, len, &is_new);
    }
    return rc != 0 ? rc : manifest_content_add(c->refs, &ref);
}

/* The length of the next chunk; 0 if more bytes are needed to tell. */
static size_t next_cut(const struct archive_content *c, size_t at, bool last)
{
    size_t left = c->len - at;
    if (c->fresh && last && at == 0 && left <= c->cut->min) {
        return left; /* all there is */
    }
    if (c->paged) {
        return left >= c->cut->fixed ? c->cut->fixed : last ? left : 0;
    }
    return chunker_cut(c->chunker, c->data + at, left, last);
}

/* Stores what of the stretch can be cut; `last`: all of it. */
static int cut(struct archive_content *c, bool last)
{
    size_t at = 0;
    if (!c->paged_known) {
        c->paged = c->end == c->len && c->len > c->cut->min && chunker_is_paged(c->data, c->len);
        c->paged_known = true;
    }
    while (at < c->len) {
        size_t len = next_cut(c, at, last);
        if (len == 0) {
            break;
        }
        int rc = store(c, c->data + at, len);
        if (rc != 0) {
            return rc;
        }
        at += len;
        c->fresh = false;
    }
    memmove(c->data, c->data + at, c->len - at);
    c->len -= at;
    c->fresh = c->fresh || last;
    return 0;
}

/* The stretch ends, and a hole follows. */
static int skip_to(struct archive_content *c, uint64_t offset)
{
    struct node_ref hole = { .len = offset - c->end, .hole = true };
    int rc = cut(c, true);
    if (rc == 0) {
        rc = manifest_content_add(c->refs, &hole);
    }
    c->end = offset;
    return rc;
}

int archive_content_add(struct archive_content *c, const void *data, size_t len, uint64_t offset)
{
    const uint8_t *p = data;
    if (offset < c->end || offset + len < offset) {
        return err_raise(HF_EFAIL, "its pieces overlap");
    }
    int rc = offset > c->end && len > 0 ? skip_to(c, offset) : 0;
    while (rc == 0 && len > 0) {
        size_t part = len < c->cap - c->len ? len : c->cap - c->len;
        memcpy(c->data + c->len, p, part);
        c->len += part;
        c->end += part;
        p += part;
        len -= part;
        rc = c->len == c->cap ? cut(c, false) : 0;
    }
    return rc;
}

int archive_content_end(struct archive_content *c, uint64_t size, struct node *out_node)
{
    int rc = cut(c, true);
    if (rc == 0 && size > c->end) {
        rc = skip_to(c, size);
    }
    if (rc == 0) {
        rc = manifest_content_end(c->refs, out_node);
    }
    out_node->size = c->end;
    return rc;
}

uint64_t archive_content_length(const struct archive_content *c)
{
    return c->end;
}
