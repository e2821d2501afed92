/*
 * manifest_content.h - what a file consists of: references in its node, or a tree of list pages.
 *
 * A writer takes the chunks of one file in order and yields what the node holds: a depth and at
 * most NODE_INLINE_REFS references. A reader yields the chunks again, from any offset. Both hold
 * one page a level at the most. The tree depends on the references alone, so a small change in a
 * large file writes a few list pages.
 */
#ifndef HF_ENGINE_MANIFEST_CONTENT_H
#define HF_ENGINE_MANIFEST_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/pagestore.h"
#include "format/node.h"

struct manifest_content;

/* boundary_key: the first 16 bytes of the page boundary key. One serves any number of files. */
int manifest_content_new(struct pagestore *pages, const uint8_t boundary_key[16],
                         struct manifest_content **out_content);
void manifest_content_free(struct manifest_content *c); /* accepts NULL */

/* Begins a file; what was not ended is forgotten. */
void manifest_content_begin(struct manifest_content *c);
/* The next chunk, or a hole; neither is empty. */
int manifest_content_add(struct manifest_content *c, const struct node_ref *ref);
/* Fills content_depth, refs and ref_count of the node; refs are borrowed until the next begin. */
int manifest_content_end(struct manifest_content *c, struct node *out_node);

struct manifest_content_reader;

int manifest_content_reader_new(struct pagestore *pages,
                                struct manifest_content_reader **out_reader);
void manifest_content_reader_free(struct manifest_content_reader *r); /* accepts NULL */

/* Begins a file; copies what it needs of the node. */
int manifest_content_reader_open(struct manifest_content_reader *r, const struct node *n);
/* The length of all references together. */
uint64_t manifest_content_reader_length(const struct manifest_content_reader *r);
/* 1: *out is the next chunk or hole, which begins at *out_offset of the file; 0: the end. */
int manifest_content_reader_next(struct manifest_content_reader *r, struct node_ref *out,
                                 uint64_t *out_offset);
/* The next chunk will be the one with this byte in it; at or behind the end: none. */
int manifest_content_reader_seek(struct manifest_content_reader *r, uint64_t offset);
/*
 * After an error: goes on behind the list page that could not be read. What is lost is *out_len
 * bytes from *out_offset. HF_EFAIL if there was no such error.
 */
int manifest_content_reader_skip(struct manifest_content_reader *r, uint64_t *out_offset,
                                 uint64_t *out_len);

#endif
