/*
 * fs_failing.h - a folder on a medium that fails: what is asked of it is passed on, but for what
 * the rules refuse.
 *
 * For drills: what would happen if this disk became full, or this file unreadable? The rules may be
 * changed at any time while nobody else uses the folder. A file whose write or sync was refused is
 * poisoned, as fs.h demands.
 */
#ifndef HF_IO_FS_FAILING_H
#define HF_IO_FS_FAILING_H

#include <stdatomic.h>

#include "io/fs.h"

#define FS_FAILING_ROOM UINT64_MAX /* a medium without an end */

struct fs_failing_rules {
    const char *unreadable; /* reading what is in files whose names begin like this: HF_EIO */
    const char *unsyncable; /* syncing such files: HF_EIO */
    const char *unwritable; /* writing into such files: HF_EIO */
    /* What may still be written; beyond it HF_ENOSPC. A removed file gives its space back. */
    atomic_uint_fast64_t room_bytes;
    atomic_uint_fast64_t refused; /* counted: how often a rule was applied */
};

/* Nothing is refused. */
void fs_failing_rules_init(struct fs_failing_rules *rules);

/* `inner` and `rules` are borrowed. The label is that of `inner`. */
int fs_failing_new(struct fs *inner, struct fs_failing_rules *rules, struct fs **out_fs);

#endif
