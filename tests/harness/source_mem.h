/*
 * source_mem.h - a tree of folders and files in memory, as a source of backups.
 *
 * For tests that need to decide what happens when: files change between and during reads, vanish,
 * or fail, without a clock or a file system. Every change stamps the thing with source_mem_tick's
 * time. Thread-safe, so that a pool's workers may read it. Folders must be made before what is in
 * them.
 */
#ifndef HF_HARNESS_SOURCE_MEM_H
#define HF_HARNESS_SOURCE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "engine/source.h"

/* An empty "/". Freed with source_free. */
struct source *source_mem_new(int64_t now_ns);
/* The time of all changes from now on. */
void source_mem_tick(struct source *s, int64_t now_ns);

/* Makes the thing, or replaces its content or target; a replaced file keeps its inode. */
void source_mem_dir(struct source *s, const char *path);
void source_mem_file(struct source *s, const char *path, const void *data, size_t len);
void source_mem_symlink(struct source *s, const char *path, const char *target);
void source_mem_link(struct source *s, const char *from, const char *path);
void source_mem_xattr(struct source *s, const char *path, const char *name, const void *value,
                      size_t len);
void source_mem_chmod(struct source *s, const char *path, uint32_t mode);
/* Sets the mtime alone, as utimensat does: the ctime is that of the tick. */
void source_mem_mtime(struct source *s, const char *path, int64_t mtime_ns);
void source_mem_remove(struct source *s, const char *path); /* with all below it */

/* From now on: opening fails with this code (0: no more). */
void source_mem_fail_open(struct source *s, const char *path, int code);
/* From now on: reading fails with this code at and behind this offset. */
void source_mem_fail_read(struct source *s, const char *path, uint64_t offset, int code);
/*
 * Called before each read of the file; may change the tree, the file included. It is called with
 * nothing locked, in the thread that reads.
 */
typedef void (*source_mem_fn)(void *context, struct source *s, const char *path, uint64_t offset);
void source_mem_on_read(struct source *s, const char *path, source_mem_fn fn, void *context);
/* Called before each step of the walk, with the number of things yielded so far. */
void source_mem_on_next(struct source *s,
                        void (*fn)(void *context, struct source *s, size_t yielded), void *context);

uint64_t source_mem_opens(struct source *s); /* of files, so far */
uint64_t source_mem_bytes_read(struct source *s);
size_t source_mem_held(struct source *s); /* places not dropped */

#endif
