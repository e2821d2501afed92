/*
 * node.h - one file, folder or other thing, as a manifest describes it.
 *
 * A node borrows all it points to. Names are bytes, not text: paths and targets may hold anything
 * but NUL (and user names too). Paths are absolute ("/etc/passwd"; the root is "/").
 */
#ifndef HF_FORMAT_NODE_H
#define HF_FORMAT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_ID_BYTES 32

enum node_type {
    NODE_FILE = 1,
    NODE_DIR = 2,
    NODE_SYMLINK = 3,
    NODE_CHAR = 4,
    NODE_BLOCK = 5,
    NODE_FIFO = 6,
    NODE_SOCKET = 7,
};

enum node_remark { NODE_UNSTABLE = 1 };

struct node_ref {              /* a piece of a file, or (in a list tree) all below a list page */
    uint8_t id[NODE_ID_BYTES]; /* zeros for a hole */
    uint64_t len;
    bool hole;
};

#define NODE_INLINE_REFS 16

struct node_xattr {
    const char *name;
    const void *value;
    size_t name_len, value_len;
};

struct node {
    const char *path;
    size_t path_len;
    enum node_type type;
    uint32_t mode; /* 07777 */
    uint32_t uid, gid;
    const char *user, *group; /* "" when unknown */
    size_t user_len, group_len;
    uint64_t size;
    int64_t mtime_ns, ctime_ns;
    uint64_t dev, ino;
    uint64_t links; /* names of this inode; > 1: a link group by (dev, ino) */
    uint64_t rdev;
    const char *target;
    size_t target_len;
    uint32_t flags;                  /* inode flags */
    const struct node_xattr *xattrs; /* inline ones, sorted by name */
    size_t xattr_count;
    bool xattrs_chunked; /* then xattr_ref instead */
    struct node_ref xattr_ref;
    uint8_t remarks;
    uint8_t content_depth; /* 0: refs are chunks; d: list pages of level d - 1 */
    const struct node_ref *refs;
    size_t ref_count; /* at most NODE_INLINE_REFS */
};

/* Path order: bytes, with '/' before all others; -1, 0, 1. */
int node_path_compare(const char *a, size_t a_len, const char *b, size_t b_len);
/* Whether path is dir or lies below it. */
bool node_path_within(const char *dir, size_t dir_len, const char *path, size_t path_len);
const char *node_type_name(enum node_type type);
/* Everything but path, inode, device, ctime: what `diff` calls the same. */
bool node_same_content(const struct node *a, const struct node *b);
bool node_same_metadata(const struct node *a, const struct node *b);

#endif
