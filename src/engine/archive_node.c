/*
 * archive_node.c - see archive_node.h.
 */
#include "engine/archive_node.h"

#include <string.h>

#include "base/err.h"

#define TEXT_LIMIT (64u << 20)

static void put_ref(struct buf *b, const struct node_ref *r)
{
    buf_put_u8(b, r->hole ? 1 : 0);
    buf_put_varint(b, r->len);
    if (!r->hole) {
        buf_put(b, r->id, sizeof(r->id));
    }
}

static void get_ref(struct cursor *c, struct node_ref *r)
{
    memset(r, 0, sizeof(*r));
    r->hole = cursor_u8(c) != 0;
    r->len = cursor_varint(c);
    if (!r->hole) {
        cursor_copy(c, r->id, sizeof(r->id));
    }
}

int archive_node_encode(const struct node *n, struct buf *out)
{
    buf_put_u8(out, (uint8_t)n->type);
    buf_put_varint(out, n->mode);
    buf_put_varint(out, n->uid);
    buf_put_varint(out, n->gid);
    buf_put_bytes(out, n->user, n->user_len);
    buf_put_bytes(out, n->group, n->group_len);
    buf_put_varint(out, n->size);
    buf_put_i64(out, n->mtime_ns);
    buf_put_i64(out, n->ctime_ns);
    buf_put_varint(out, n->rdev);
    buf_put_bytes(out, n->target, n->target_len);
    buf_put_u32(out, n->flags);
    buf_put_u8(out, n->xattrs_chunked ? 1 : 0);
    if (n->xattrs_chunked) {
        put_ref(out, &n->xattr_ref);
    }
    buf_put_varint(out, n->xattr_count);
    for (size_t i = 0; i < n->xattr_count; i++) {
        buf_put_bytes(out, n->xattrs[i].name, n->xattrs[i].name_len);
        buf_put_bytes(out, n->xattrs[i].value, n->xattrs[i].value_len);
    }
    buf_put_u8(out, n->content_depth);
    buf_put_u8(out, (uint8_t)n->ref_count);
    for (size_t i = 0; i < n->ref_count; i++) {
        put_ref(out, &n->refs[i]);
    }
    return buf_error(out);
}

/* *bad becomes the first code that something fails with. */
static const char *get_text(struct cursor *c, struct arena *arena, size_t *out_len, int *bad)
{
    const uint8_t *data = cursor_bytes(c, TEXT_LIMIT, out_len);
    const char *text = data != NULL ? arena_text(arena, data, *out_len) : NULL;
    if (*bad == 0 && text == NULL) {
        *bad = data == NULL ? HF_EFAIL : HF_ENOMEM;
    }
    return text;
}

static int get_xattrs(struct cursor *c, struct arena *arena, struct node *n, int *bad)
{
    size_t count = (size_t)cursor_varint(c);
    if (cursor_failed(c) || count > cursor_left(c)) {
        *bad = HF_EFAIL;
        return 0;
    }
    struct node_xattr *list = arena_alloc(arena, (count + 1) * sizeof(*list));
    if (list == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < count && *bad == 0; i++) {
        list[i].name = get_text(c, arena, &list[i].name_len, bad);
        list[i].value = get_text(c, arena, &list[i].value_len, bad);
    }
    n->xattrs = list;
    n->xattr_count = count;
    return 0;
}

static int get_refs(struct cursor *c, struct arena *arena, struct node *n)
{
    size_t count = cursor_u8(c);
    struct node_ref *refs = arena_alloc(arena, (count + 1) * sizeof(*refs));
    if (refs == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        get_ref(c, &refs[i]);
    }
    n->refs = refs;
    n->ref_count = count;
    return 0;
}

int archive_node_decode(const void *data, size_t len, struct arena *arena, struct node *out)
{
    struct cursor c;
    int bad = 0;
    cursor_init(&c, data, len);
    memset(out, 0, sizeof(*out));
    out->type = (enum node_type)cursor_u8(&c);
    out->mode = (uint32_t)cursor_varint(&c);
    out->uid = (uint32_t)cursor_varint(&c);
    out->gid = (uint32_t)cursor_varint(&c);
    out->user = get_text(&c, arena, &out->user_len, &bad);
    out->group = get_text(&c, arena, &out->group_len, &bad);
    out->size = cursor_varint(&c);
    out->mtime_ns = cursor_i64(&c);
    out->ctime_ns = cursor_i64(&c);
    out->rdev = cursor_varint(&c);
    out->target = get_text(&c, arena, &out->target_len, &bad);
    out->flags = cursor_u32(&c);
    out->links = 1;
    out->xattrs_chunked = cursor_u8(&c) != 0;
    if (out->xattrs_chunked) {
        get_ref(&c, &out->xattr_ref);
    }
    int rc = get_xattrs(&c, arena, out, &bad);
    out->content_depth = cursor_u8(&c);
    if (rc == 0) {
        rc = get_refs(&c, arena, out);
    }
    if (rc == 0 && bad == HF_ENOMEM) {
        rc = err_nomem();
    } else if (rc == 0 && (bad != 0 || !cursor_done(&c))) {
        rc = err_raise(HF_EFAIL, "what was noted of an entry can't be read back");
    }
    return rc;
}
