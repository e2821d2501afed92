/*
 * target_dir_internal.h - what the parts of a directory target share.
 */
#ifndef HF_ENGINE_TARGET_DIR_INTERNAL_H
#define HF_ENGINE_TARGET_DIR_INTERNAL_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/pool.h"
#include "engine/names.h"
#include "engine/place.h"
#include "engine/target_dir.h"

struct target_dir_device { /* a file system that was written to */
    dev_t dev;
    int fd; /* of a folder on it, for syncfs */
};

struct target_dir {
    struct target base;
    struct target_dir_options options;
    struct place_set *places;
    struct place *top;
    struct names *names;
    uint32_t uid, gid; /* ours: those of what we make */
    /* Some folder hands down an ACL, inode flags or its group: what is new may begin with them. */
    atomic_bool inherits;
    struct target_dir_device *devices;
    size_t device_count, device_cap;
    /* Syncing what there is while the others go on: see target_dir_file.c. */
    atomic_ullong unsynced; /* bytes written since that was last begun, roughly */
    atomic_bool syncing;
    struct pool *syncer;   /* one thread, once there is much to write; NULL before */
    struct pool_job early; /* its job */
    int first_device;      /* what it syncs: the descriptor of the first device */
    int sync_errno;        /* why it failed, or 0 */
    bool marked;
};

/* A checked name, ended by a NUL. */
struct target_dir_name {
    char text[NAME_MAX + 1];
};
int target_dir_name(const char *name, size_t len, struct target_dir_name *out);

static inline struct place *target_dir_place(struct target_place *p)
{
    return (struct place *)(void *)p;
}

/* Clears what forbids changing the thing (immutable, append only). False if that is not it. */
bool target_dir_unlock(int dir_fd, const char *name);
bool target_dir_unlock_fd(int fd);

/* target_dir_file.c: waits for what was begun while files were written; says how it ended. */
int target_dir_end_syncing(struct target_dir *t);
void target_dir_stop_syncing(struct target_dir *t); /* the same, and says nothing */

/* target_dir_mark.c */
#define TARGET_DIR_MARK ".holdfast-restore-unfinished"
int target_dir_begin(struct target *base, bool *out_doubtful);
/* The restore is complete and durable: the mark goes. */
int target_dir_unmark(struct target_dir *t);

/* target_dir_remove.c */
int target_dir_remove(struct target *base, struct target_place *in, const char *name, size_t len,
                      uint64_t *out_count);
int target_dir_list(struct target *base, struct target_place *place, target_list_fn each,
                    void *context);

/* target_dir_file.c */
int target_dir_create(struct target *base, struct target_place *in, const char *name, size_t len,
                      struct target_file *out_file);
int target_dir_open(struct target *base, struct target_place *in, const char *name, size_t len,
                    bool write, struct target_file *out_file);
int target_dir_pread(struct target *base, struct target_file *f, void *out, size_t len,
                     uint64_t offset, size_t *out_got);
void target_dir_uncache(struct target *base, struct target_file *f);
int target_dir_pwrite(struct target *base, struct target_file *f, const void *data, size_t len,
                      uint64_t offset);
int target_dir_truncate(struct target *base, struct target_file *f, uint64_t size);
int target_dir_punch(struct target *base, struct target_file *f, uint64_t offset, uint64_t len);
int target_dir_close(struct target *base, struct target_file *f);

/* target_dir_meta.c */
int target_dir_finish(struct target *base, struct target_file *f, const struct node *node,
                      const struct target_losses *losses);
int target_dir_apply(struct target *base, struct target_place *in, const char *name, size_t len,
                     const struct node *node, const struct target_losses *losses);

#endif
