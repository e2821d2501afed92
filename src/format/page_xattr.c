/*
 * page_xattr.c - extended attributes as bytes: inside a leaf entry, or as a chunk of their own.
 *
 * varint count, then name and value of each, ordered by name. At least one; no name is empty,
 * holds a NUL, or comes twice.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/page_internal.h"

bool page_xattrs_ordered(const struct node_xattr *a, const struct node_xattr *b)
{
    size_t shorter = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->name, b->name, shorter);
    return order < 0 || (order == 0 && a->name_len < b->name_len);
}

static bool name_ok(const struct node_xattr *x)
{
    return x->name_len > 0 && memchr(x->name, 0, x->name_len) == NULL;
}

bool page_xattrs_ok(const struct node_xattr *xattrs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!name_ok(&xattrs[i]) || (i > 0 && !page_xattrs_ordered(&xattrs[i - 1], &xattrs[i]))) {
            return false;
        }
    }
    return true;
}

void page_xattrs_put(struct buf *out, const struct node_xattr *xattrs, size_t count)
{
    buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_bytes(out, xattrs[i].name, xattrs[i].name_len);
        buf_put_bytes(out, xattrs[i].value, xattrs[i].value_len);
    }
}

int page_xattrs_read(struct cursor *c, struct node_xattr **array, size_t *capacity,
                     size_t *out_count)
{
    uint64_t count = cursor_varint(c);
    if (count == 0 || count > cursor_left(c) / 3) { /* each takes three bytes at the least */
        return err_raise(HF_EDAMAGE, "the number of xattrs is impossible");
    }
    if (mem_grow(array, capacity, (size_t)count, sizeof **array) != 0) {
        return err_nomem();
    }
    struct node_xattr *list = *array;
    for (size_t i = 0; i < count; i++) {
        list[i].name = (const char *)cursor_bytes(c, SIZE_MAX, &list[i].name_len);
        list[i].value = cursor_bytes(c, SIZE_MAX, &list[i].value_len);
        if (cursor_failed(c)) {
            return err_raise(HF_EDAMAGE, "an xattr is cut short");
        }
    }
    if (!page_xattrs_ok(list, (size_t)count)) {
        return err_raise(HF_EDAMAGE, "the names of xattrs are not in order");
    }
    *out_count = (size_t)count;
    return 0;
}

int page_xattrs_encode(const struct node_xattr *xattrs, size_t count, struct buf *out)
{
    if (count == 0 || !page_xattrs_ok(xattrs, count)) {
        return err_raise(HF_EFAIL, "xattrs are not in order");
    }
    page_xattrs_put(out, xattrs, count);
    return buf_error(out);
}

int page_xattrs_decode(const void *data, size_t len, struct node_xattr **out, size_t *out_count)
{
    struct cursor c;
    struct node_xattr *array = NULL;
    size_t capacity = 0;
    cursor_init(&c, data, len);
    int rc = page_xattrs_read(&c, &array, &capacity, out_count);
    if (rc == 0 && !cursor_done(&c)) {
        rc = err_raise(HF_EDAMAGE, "bytes are left over");
    }
    if (rc != 0) {
        mem_free(array);
        *out = NULL;
        *out_count = 0;
        return err_add(rc, "xattr chunk");
    }
    *out = array;
    return 0;
}
