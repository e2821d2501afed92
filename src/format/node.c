/*
 * node.c - order and equality of nodes.
 *
 * The order is that of a depth-first walk: '/' counts as the smallest byte, so that all below a
 * folder follows it at once, before any sibling whose name merely begins with the folder's.
 */
#include "format/node.h"

#include <string.h>

static size_t common_prefix(const char *a, const char *b, size_t len)
{
    size_t i = 0;
    while (i + sizeof(uint64_t) <= len) {
        uint64_t x, y;
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        if (x != y) {
            break;
        }
        i += sizeof(uint64_t);
    }
    while (i < len && a[i] == b[i]) {
        i++;
    }
    return i;
}

int node_path_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t shorter = a_len < b_len ? a_len : b_len;
    size_t i = common_prefix(a, b, shorter);
    if (i == shorter) {
        return a_len == b_len ? 0 : a_len < b_len ? -1 : 1;
    }
    unsigned char x = a[i] == '/' ? 0 : (unsigned char)a[i];
    unsigned char y = b[i] == '/' ? 0 : (unsigned char)b[i];
    return x < y ? -1 : 1;
}

bool node_path_within(const char *dir, size_t dir_len, const char *path, size_t path_len)
{
    if (dir_len == 1 && dir[0] == '/') {
        return path_len > 0 && path[0] == '/';
    }
    if (path_len < dir_len || memcmp(dir, path, dir_len) != 0) {
        return false;
    }
    return path_len == dir_len || path[dir_len] == '/';
}

const char *node_type_name(enum node_type type)
{
    switch (type) {
    case NODE_FILE:
        return "file";
    case NODE_DIR:
        return "dir";
    case NODE_SYMLINK:
        return "symlink";
    case NODE_CHAR:
        return "char";
    case NODE_BLOCK:
        return "block";
    case NODE_FIFO:
        return "fifo";
    case NODE_SOCKET:
        return "socket";
    }
    return "unknown";
}

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool same_ref(const struct node_ref *a, const struct node_ref *b)
{
    return a->len == b->len && a->hole == b->hole &&
           (a->hole || memcmp(a->id, b->id, NODE_ID_BYTES) == 0);
}

static bool same_refs(const struct node *a, const struct node *b)
{
    if (a->content_depth != b->content_depth || a->ref_count != b->ref_count) {
        return false;
    }
    for (size_t i = 0; i < a->ref_count; i++) {
        if (!same_ref(&a->refs[i], &b->refs[i])) {
            return false;
        }
    }
    return true;
}

bool node_same_content(const struct node *a, const struct node *b)
{
    if (a->type != b->type) {
        return false;
    }
    switch (a->type) {
    case NODE_FILE:
        return a->size == b->size && same_refs(a, b);
    case NODE_SYMLINK:
        return same_bytes(a->target, a->target_len, b->target, b->target_len);
    case NODE_CHAR:
    case NODE_BLOCK:
        return a->rdev == b->rdev;
    case NODE_DIR:
    case NODE_FIFO:
    case NODE_SOCKET:
        return true;
    }
    return false;
}

static bool same_xattrs(const struct node *a, const struct node *b)
{
    if (a->xattrs_chunked || b->xattrs_chunked) {
        return a->xattrs_chunked && b->xattrs_chunked && same_ref(&a->xattr_ref, &b->xattr_ref);
    }
    if (a->xattr_count != b->xattr_count) {
        return false;
    }
    for (size_t i = 0; i < a->xattr_count; i++) {
        const struct node_xattr *x = &a->xattrs[i], *y = &b->xattrs[i];
        if (!same_bytes(x->name, x->name_len, y->name, y->name_len) ||
            !same_bytes(x->value, x->value_len, y->value, y->value_len)) {
            return false;
        }
    }
    return true;
}

bool node_same_metadata(const struct node *a, const struct node *b)
{
    return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
           same_bytes(a->user, a->user_len, b->user, b->user_len) &&
           same_bytes(a->group, a->group_len, b->group, b->group_len) &&
           a->mtime_ns == b->mtime_ns && a->flags == b->flags && same_xattrs(a, b);
}
