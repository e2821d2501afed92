/*
 * manifest_content_reader.c - all chunks of a file, or those from an offset on.
 */
#include "base/err.h"
#include "base/mem.h"
#include "engine/manifest_content.h"
#include "engine/manifest_list.h"

struct manifest_content_reader {
    struct manifest_list list;
    bool stuck; /* the list page that the walk stands before could not be read */
};

int manifest_content_reader_new(struct pagestore *pages,
                                struct manifest_content_reader **out_reader)
{
    struct manifest_content_reader *r = mem_zalloc(sizeof *r);
    if (r == NULL) {
        return err_nomem();
    }
    manifest_list_init(&r->list, pages);
    *out_reader = r;
    return 0;
}

void manifest_content_reader_free(struct manifest_content_reader *r)
{
    if (r == NULL) {
        return;
    }
    manifest_list_release(&r->list);
    mem_free(r);
}

int manifest_content_reader_open(struct manifest_content_reader *r, const struct node *n)
{
    r->stuck = false;
    return manifest_list_open(&r->list, n);
}

uint64_t manifest_content_reader_length(const struct manifest_content_reader *r)
{
    return r->list.total;
}

int manifest_content_reader_next(struct manifest_content_reader *r, struct node_ref *out,
                                 uint64_t *out_offset)
{
    struct manifest_list *l = &r->list;
    int rc = 0;
    while (rc == 0 && l->at == MANIFEST_LIST_PAGE) {
        rc = manifest_list_enter(l);
    }
    r->stuck = rc < 0;
    if (rc != 0 || l->at == MANIFEST_LIST_END) {
        return rc;
    }
    *out = l->ref;
    *out_offset = l->offset;
    rc = manifest_list_skip(l);
    return rc < 0 ? rc : 1;
}

int manifest_content_reader_seek(struct manifest_content_reader *r, uint64_t offset)
{
    struct manifest_list *l = &r->list;
    int rc = offset < l->offset || l->at == MANIFEST_LIST_END ? manifest_list_rewind(l) : 0;
    r->stuck = false;
    while (rc == 0 && l->at != MANIFEST_LIST_END) {
        if (offset - l->offset >= l->ref.len) {
            rc = manifest_list_skip(l);
        } else if (l->at == MANIFEST_LIST_PAGE) {
            r->stuck = (rc = manifest_list_enter(l)) < 0;
        } else {
            break;
        }
    }
    return rc;
}

int manifest_content_reader_skip(struct manifest_content_reader *r, uint64_t *out_offset,
                                 uint64_t *out_len)
{
    if (!r->stuck) {
        return err_raise(HF_EFAIL, "there is no list page that could not be read");
    }
    *out_offset = r->list.offset;
    *out_len = r->list.ref.len;
    r->stuck = false;
    return manifest_list_skip(&r->list);
}
