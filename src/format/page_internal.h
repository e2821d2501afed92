/*
 * page_internal.h - what the builder, the reader and the describer of manifest pages share.
 *
 * Format: "Manifest" in docs/format.md.
 */
#ifndef HF_FORMAT_PAGE_INTERNAL_H
#define HF_FORMAT_PAGE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/page.h"

#define PAGE_VERSION 0
#define PAGE_HEADER_BYTES 4u

/* The bits of a leaf entry's "fields present". */
enum page_field {
    PAGE_HAS_TYPE = 1 << 0,
    PAGE_HAS_MODE = 1 << 1,
    PAGE_HAS_OWNER = 1 << 2,
    PAGE_HAS_OWNER_NAMES = 1 << 3,
    PAGE_HAS_MTIME = 1 << 4,
    PAGE_HAS_CTIME = 1 << 5,
    PAGE_HAS_DEV = 1 << 6,
    PAGE_HAS_INO = 1 << 7,
    PAGE_HAS_SIZE = 1 << 8,
    PAGE_HAS_LINKS = 1 << 9,
    PAGE_HAS_RDEV = 1 << 10,
    PAGE_HAS_TARGET = 1 << 11,
    PAGE_HAS_FLAGS = 1 << 12,
    PAGE_HAS_XATTRS = 1 << 13,
    PAGE_HAS_XATTR_CHUNK = 1 << 14,
    PAGE_HAS_CONTENT = 1 << 15,
    PAGE_HAS_REMARKS = 1 << 16,
    PAGE_FIELDS_END = 1 << 17,
};

/*
 * Whether a page ends here. weight: the bytes of its entries without those of its first key; mixed:
 * what the boundary hash is of (the last key, or the last reference's id).
 */
bool page_rule_ends(enum page_kind kind, const uint8_t boundary_key[16], uint64_t count,
                    size_t weight, const uint8_t *mixed, size_t mixed_len);

/*
 * Whether no name in path[from..len) is empty, "." or "..", given that those before are fine. The
 * name that `from` lies in is looked at as a whole.
 */
bool page_path_tail_ok(const char *path, size_t from, size_t len);

/* Shared by both directions of a reference: what may stand in a page. */
bool page_ref_ok(const struct node_ref *ref, uint8_t depth);

bool page_xattrs_ordered(const struct node_xattr *a, const struct node_xattr *b);
bool page_xattrs_ok(const struct node_xattr *xattrs, size_t count);
void page_xattrs_put(struct buf *out, const struct node_xattr *xattrs, size_t count);
/* Reads into a growing array that the caller keeps from page to page. */
int page_xattrs_read(struct cursor *c, struct node_xattr **array, size_t *capacity,
                     size_t *out_count);

/* Where in its page a reader stands. */
size_t page_reader_offset(const struct page_reader *r);

#endif
