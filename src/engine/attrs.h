/*
 * attrs.h - extended attributes and inode flags of live things: read, set, removed.
 *
 * A thing is an open descriptor (one opened with O_PATH will do) or a name in an open folder,
 * which is not followed if it is a symbolic link. Names in folders go by way of /proc/self/fd,
 * the only way that works for links and device nodes at any depth. ACLs and capabilities are
 * xattrs like any other.
 *
 * Thread-safe. What a file system lacks is remembered by device, so that it is not asked again.
 */
#ifndef HF_ENGINE_ATTRS_H
#define HF_ENGINE_ATTRS_H

#include <stdint.h>

#include "engine/source.h"
#include "format/node.h"

struct attrs_thing {
    int fd; /* -1: name in dir_fd */
    int dir_fd;
    const char *name;
    uint64_t dev; /* whose ways are remembered */
};

/*
 * Fills the node's xattrs, sorted by name, in d's memory (names are added to d->names after what
 * is there). The error is that of the first one that can't be read; the others are there.
 */
int attrs_read_xattrs(const struct attrs_thing *thing, struct node *node, struct source_detail *d);
/* Fills node->flags; 0 where there are none. Only for open files and folders. */
void attrs_read_flags(const struct attrs_thing *thing, struct node *node);

/* Sets one; returns 0 or an errno. */
int attrs_set_xattr(const struct attrs_thing *thing, const struct node_xattr *xattr);
int attrs_remove_xattr(const struct attrs_thing *thing, const char *name);
/* Replaces those flags that ATTRS_FLAGS names, by what `flags` says; returns 0 or an errno. */
int attrs_set_flags(const struct attrs_thing *thing, uint32_t flags);

/* The flags that users set; others say how a file system has laid out a file. */
extern const uint32_t attrs_flags;

#endif
