/*
 * page_describe.c - a manifest page as text, for `debug dump`.
 */
#include <inttypes.h>

#include "base/err.h"
#include "base/text.h"
#include "format/describe.h"
#include "format/page_internal.h"

static void describe_ref(struct describe *d, const struct node_ref *ref, const char *kind)
{
    char hex[2 * NODE_ID_BYTES + 1];
    if (ref->hole) {
        describe_field(d, DESCRIBE_NOWHERE, "  hole", verdict_fine(), "%" PRIu64 " bytes",
                       ref->len);
    } else {
        describe_field(d, DESCRIBE_NOWHERE, kind, verdict_fine(), "%s %" PRIu64 " bytes",
                       text_hex(ref->id, NODE_ID_BYTES, hex), ref->len);
    }
}

static void describe_owner(struct describe *d, const struct node *n)
{
    buf_printf(d->out, "%*s  mode %04o uid %" PRIu32 " gid %" PRIu32, d->width + 3, "", n->mode,
               n->uid, n->gid);
    if (n->user_len > 0 || n->group_len > 0) {
        buf_printf(d->out, " owner ");
        text_put_shown(d->out, n->user, n->user_len);
        buf_put_u8(d->out, ':');
        text_put_shown(d->out, n->group, n->group_len);
    }
    buf_put_u8(d->out, '\n');
}

static void describe_numbers(struct describe *d, const struct node *n)
{
    char mtime[TEXT_TIME_BYTES], ctime[TEXT_TIME_BYTES];
    buf_printf(d->out, "%*s  mtime %s ctime %s\n", d->width + 3, "",
               text_time_utc(n->mtime_ns, mtime), text_time_utc(n->ctime_ns, ctime));
    buf_printf(d->out,
               "%*s  size %" PRIu64 " device %" PRIu64 " inode %" PRIu64 " links %" PRIu64
               " rdev %" PRIu64 " flags %" PRIx32 " remarks %u\n",
               d->width + 3, "", n->size, n->dev, n->ino, n->links, n->rdev, n->flags, n->remarks);
}

static void describe_node(struct describe *d, size_t at, const struct node *n)
{
    describe_text(d, at, node_type_name(n->type), n->path, n->path_len);
    describe_owner(d, n);
    describe_numbers(d, n);
    if (n->target_len > 0) {
        describe_text(d, DESCRIBE_NOWHERE, "  target", n->target, n->target_len);
    }
    for (size_t i = 0; i < n->xattr_count; i++) {
        describe_text(d, DESCRIBE_NOWHERE, "  xattr", n->xattrs[i].name, n->xattrs[i].name_len);
    }
    if (n->xattrs_chunked) {
        describe_ref(d, &n->xattr_ref, "  xattr chunk");
    }
    for (size_t i = 0; i < n->ref_count; i++) {
        describe_ref(d, &n->refs[i], n->content_depth == 0 ? "  chunk" : "  list page");
    }
}

static void describe_child(struct describe *d, size_t at, const struct page_child *c)
{
    char hex[2 * NODE_ID_BYTES + 1];
    describe_text(d, at, "from", c->key, c->key_len);
    describe_field(d, DESCRIBE_NOWHERE, "  page", verdict_fine(),
                   "%s %" PRIu64 " bytes; below: %" PRIu64 " entries, %" PRIu64 " bytes",
                   text_hex(c->id, sizeof c->id, hex), c->page_len, c->entries, c->bytes);
}

/* 1: an entry was described; 0: the end; negative: it is wrong. */
static int describe_entry(struct describe *d, struct page_reader *r)
{
    size_t at = page_reader_offset(r);
    struct node n;
    struct page_child c;
    struct node_ref ref;
    int rc = HF_EDAMAGE;
    switch (page_reader_kind(r)) {
    case PAGE_LEAF:
        rc = page_reader_next_node(r, &n);
        if (rc == 1) {
            describe_node(d, at, &n);
        }
        break;
    case PAGE_INDEX:
        rc = page_reader_next_child(r, &c);
        if (rc == 1) {
            describe_child(d, at, &c);
        }
        break;
    case PAGE_LIST:
        rc = page_reader_next_ref(r, &ref);
        if (rc == 1) {
            describe_ref(d, &ref, page_reader_level(r) == 0 ? "  chunk" : "  list page");
        }
        break;
    }
    return rc;
}

int page_describe(const void *data, size_t len, struct buf *out)
{
    static const char *const kinds[] = { "?", "leaf", "index", "list" };
    struct page_reader *r;
    struct describe d;
    int rc = page_reader_new(&r);
    if (rc != 0) {
        return rc;
    }
    describe_begin(&d, out, len);
    rc = page_reader_open(r, data, len);
    if (rc == 0) {
        describe_title(&d, "manifest page: %s, level %u, %" PRIu64 " entries",
                       kinds[page_reader_kind(r)], page_reader_level(r), page_reader_count(r));
        do {
            rc = describe_entry(&d, r);
        } while (rc == 1);
    }
    if (rc != 0) {
        describe_trail(&d, page_reader_offset(r), "entry");
    }
    page_reader_free(r);
    return describe_end(&d, "manifest page");
}
