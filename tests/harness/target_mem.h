/*
 * target_mem.h - a tree in memory, as a target of restores.
 *
 * What restores put into it can be looked at path by path; operations can be made to fail.
 * Thread-safe. What was written is durable at once: a simulated crash takes nothing away.
 */
#ifndef HF_HARNESS_TARGET_MEM_H
#define HF_HARNESS_TARGET_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "engine/target.h"

/* An empty folder. Freed with target_free. */
struct target *target_mem_new(void);

struct target_mem_thing { /* valid until the tree is changed */
    const char *path;     /* absolute: "/" is the target itself */
    enum node_type type;
    const void *data; /* content, or a symlink's target */
    size_t len;
    bool finished; /* its attributes were set; those that follow are then valid */
    struct node node;
    const struct node_xattr *xattrs;
    size_t xattr_count;
    uint64_t inode; /* equal for names of the same file */
};

size_t target_mem_count(struct target *t);
/* In path order. */
void target_mem_thing(struct target *t, size_t i, struct target_mem_thing *out);
bool target_mem_find(struct target *t, const char *path, struct target_mem_thing *out);

/* Puts a file there, as if it had been there before. */
void target_mem_put(struct target *t, const char *path, const void *data, size_t len,
                    int64_t mtime_ns);

/* The nth write from now on (1: the next) and all that follow fail with this code; 0: no more. */
void target_mem_fail_write(struct target *t, uint64_t nth, int code);
void target_mem_set_doubtful(struct target *t, bool doubtful);
uint64_t target_mem_bytes_written(struct target *t);
unsigned target_mem_syncs(struct target *t);
size_t target_mem_open_files(struct target *t); /* not closed */

#endif
