/*
 * archive_posix_acl.h - POSIX ACLs: as extended attributes hold them, and as lists of who may do
 * what.
 *
 * Archives know ACLs as text, file systems as the bytes of two attributes (version 2: a header of
 * four bytes, then eight for each entry, little-endian).
 */
#ifndef HF_ENGINE_ARCHIVE_POSIX_ACL_H
#define HF_ENGINE_ARCHIVE_POSIX_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ARCHIVE_POSIX_ACL_ACCESS "system.posix_acl_access"
#define ARCHIVE_POSIX_ACL_DEFAULT "system.posix_acl_default"
#define ARCHIVE_POSIX_ACL_MOST 8192u /* entries; more than any file system takes */

enum archive_posix_acl_tag {
    ARCHIVE_POSIX_ACL_USER_OBJ = 0x01,
    ARCHIVE_POSIX_ACL_USER = 0x02,
    ARCHIVE_POSIX_ACL_GROUP_OBJ = 0x04,
    ARCHIVE_POSIX_ACL_GROUP = 0x08,
    ARCHIVE_POSIX_ACL_MASK = 0x10,
    ARCHIVE_POSIX_ACL_OTHER = 0x20,
};

struct archive_posix_acl_entry {
    enum archive_posix_acl_tag tag;
    uint32_t perm; /* 07 */
    uint32_t id;   /* of USER and GROUP */
};

struct archive_posix_acl {
    struct archive_posix_acl_entry *entries;
    size_t count, cap;
};

void archive_posix_acl_release(struct archive_posix_acl *a);
void archive_posix_acl_clear(struct archive_posix_acl *a);
int archive_posix_acl_add(struct archive_posix_acl *a, const struct archive_posix_acl_entry *e);
/* The entry with this tag; NULL if there is none. */
const struct archive_posix_acl_entry *archive_posix_acl_find(const struct archive_posix_acl *a,
                                                             enum archive_posix_acl_tag tag);
/* Replaces what is in a. False if these are not the bytes of an ACL; HF_ENOMEM. */
int archive_posix_acl_decode(const void *value, size_t len, struct archive_posix_acl *a,
                             bool *out_valid);
/* Appends the bytes, entries in the order that file systems demand. */
int archive_posix_acl_encode(struct archive_posix_acl *a, struct buf *out);

#endif
