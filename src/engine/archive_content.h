/*
 * archive_content.h - the content of files, as it comes out of an archive, becomes chunks in a run.
 *
 * Cut as a backup cuts it, so that the same file has the same chunks from wherever it came.
 */
#ifndef HF_ENGINE_ARCHIVE_CONTENT_H
#define HF_ENGINE_ARCHIVE_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/pagestore.h"
#include "format/node.h"
#include "store/run.h"

struct archive_content;

/* All borrowed. */
int archive_content_new(struct repo *repo, struct run *run, struct pagestore *pages,
                        struct archive_content **out_content);
void archive_content_free(struct archive_content *c); /* accepts NULL */

/* Begins a file; what was not ended is forgotten. */
int archive_content_begin(struct archive_content *c);
/* A piece at this offset, which is at or behind the end of the last one: between them is a hole. */
int archive_content_add(struct archive_content *c, const void *data, size_t len, uint64_t offset);
/* Its end; up to size, which may be 0, there is a hole. Fills in size and references of the node,
 * which are borrowed until the next begin. */
int archive_content_end(struct archive_content *c, uint64_t size, struct node *out_node);
uint64_t archive_content_length(const struct archive_content *c);

#endif
