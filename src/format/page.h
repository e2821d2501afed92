/*
 * page.h - pages of a manifest: leaves of nodes, index pages, list pages of references.
 *
 * Format: "Manifest" in docs/format.md. A page_builder collects entries in order and says when the
 * page ends; a page_reader yields them again. One encoding only for each content, so equal content
 * has equal page ids. Readers accept any bytes: HF_EDAMAGE, HF_ENEWER.
 */
#ifndef HF_FORMAT_PAGE_H
#define HF_FORMAT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/node.h"

#define PAGE_MIN_BYTES (16u << 10)
#define PAGE_MAX_BYTES (64u << 10)
#define PAGE_LIST_MIN 256u
#define PAGE_LIST_MAX 1024u
#define PAGE_MIX_MASK 0xffu
#define PAGE_LIMIT_BYTES (8u << 20) /* a reader refuses more */
#define PAGE_KEY_LIMIT (1u << 20)   /* the longest path: HF_ELIMIT beyond */
#define PAGE_ENTRY_LIMIT (2u << 20) /* path, names, target and inline xattrs of one node */
#define PAGE_DEPTH_LIMIT 8u         /* of a list tree */
#define PAGE_LEVEL_LIMIT 40u        /* of index pages */

enum page_kind { PAGE_LEAF = 1, PAGE_INDEX = 2, PAGE_LIST = 3 };

struct page_child {     /* an entry of an index page */
    const uint8_t *key; /* separator, in key form ('/' as 0) */
    size_t key_len;
    uint8_t id[32];
    uint64_t page_len;
    uint64_t entries, bytes; /* below it */
};

struct page_builder;

/* boundary_key: the first 16 bytes of the page boundary key. */
int page_builder_new(enum page_kind kind, uint8_t level, const uint8_t boundary_key[16],
                     struct page_builder **out_builder);
void page_builder_free(struct page_builder *b);
/* Each adds one entry; *out_ends says that the page ends after it. */
int page_builder_add_node(struct page_builder *b, const struct node *n, bool *out_ends);
int page_builder_add_child(struct page_builder *b, const struct page_child *c, bool *out_ends);
int page_builder_add_ref(struct page_builder *b, const struct node_ref *r, bool *out_ends);
size_t page_builder_count(const struct page_builder *b);
/* The encoded page, borrowed until the next add or reset; then page_builder_reset begins the next.
 */
int page_builder_finish(struct page_builder *b, const uint8_t **out_data, size_t *out_len);
void page_builder_reset(struct page_builder *b);

struct page_reader;

int page_reader_new(struct page_reader **out_reader);
void page_reader_free(struct page_reader *r);
/* Begins reading a page, which must stay in place. Kind and level are then known. */
int page_reader_open(struct page_reader *r, const void *data, size_t len);
enum page_kind page_reader_kind(const struct page_reader *r);
uint8_t page_reader_level(const struct page_reader *r);
uint64_t page_reader_count(const struct page_reader *r);
/* 1: *out is the next entry, valid until the next call; 0: the end; negative: an error. */
int page_reader_next_node(struct page_reader *r, struct node *out);
int page_reader_next_child(struct page_reader *r, struct page_child *out);
int page_reader_next_ref(struct page_reader *r, struct node_ref *out);
/* After the last entry: whether the page ended by the rule, not just where its level ended. */
bool page_reader_ended(const struct page_reader *r, const uint8_t boundary_key[16]);

/* Paths and keys: "/a/b" <-> "a\0b". Out buffers hold path_len + 1; no NUL is added. */
size_t page_key_of_path(const char *path, size_t path_len, uint8_t *out_key);
size_t page_path_of_key(const uint8_t *key, size_t key_len, char *out_path);
/* The length of the shortest prefix of key that sorts after `before`. */
size_t page_separator(const uint8_t *before, size_t before_len, const uint8_t *key, size_t key_len);

/* The bytes of an xattr chunk, for those too large to be inline (more than PAGE_XATTR_INLINE). */
#define PAGE_XATTR_INLINE 1024u
int page_xattrs_encode(const struct node_xattr *xattrs, size_t count, struct buf *out);
/* Fresh array in *out (mem_free), borrowing from data. */
int page_xattrs_decode(const void *data, size_t len, struct node_xattr **out, size_t *out_count);

/* Appends a readable description of a page. */
int page_describe(const void *data, size_t len, struct buf *out);

#endif
