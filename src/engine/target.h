/*
 * target.h - where restored things go.
 *
 * A target is a tree of folders that are entered and left; target_dir.h is a real directory,
 * another for tests lives in memory. Every name is a single component: no path is ever resolved
 * by a target but by entering its folders one by one, and none is followed through a symbolic
 * link. Names that are empty, ".", ".." or hold a slash are refused (HF_EDAMAGE), whoever wrote
 * them.
 *
 * enter, leave and what changes names are called by one thread. create, open and all that takes a
 * file may be called by any thread, one at a time for each file. A place stays valid while it is
 * held.
 */
#ifndef HF_ENGINE_TARGET_H
#define HF_ENGINE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/node.h"

struct target;
struct target_place; /* the target's */

struct target_file {
    union {
        int fd;
        void *object;
    } handle;
    uint64_t dev;
    bool fresh; /* made by create: it has no attributes yet */
};

struct target_stat {
    enum node_type type;
    uint32_t mode, uid, gid;
    uint64_t size;
    int64_t mtime_ns;
    uint64_t dev, ino, links, rdev;
    bool sparse;
};

/* What could not be set, e.g. ("ownership", "Operation not permitted"). Any thread. */
typedef void (*target_loss_fn)(void *context, const struct node *node, const char *what,
                               const char *why);
struct target_losses {
    target_loss_fn loss;
    void *context;
};

/* Called for each name in a folder; a non-zero return ends the listing with it. */
typedef int (*target_list_fn)(void *context, const char *name, size_t len);

struct target_ops {
    /*
     * Before anything is written. *out_doubtful: an earlier restore into this target did not come
     * to its end, and the system has been started anew since, so what looks finished may have
     * lost its content. sync ends what begin has begun.
     */
    int (*begin)(struct target *t, bool *out_doubtful);
    struct target_place *(*root)(struct target *t);
    /*
     * Enters a folder below `in`. With `make`, makes it if there is none, and makes an existing
     * one writable for its owner (apply puts that right); else HF_EABSENT. HF_EEXISTS if
     * something else has its name. The place is held once.
     */
    int (*enter)(struct target *t, struct target_place *in, const char *name, size_t len, bool make,
                 struct target_place **out_place, bool *out_made);
    /*
     * What is left on the file system of a place, and which one that is. False: it can't be told,
     * or what is written may take less there. May be NULL.
     */
    bool (*space)(struct target *t, struct target_place *in, uint64_t *out_dev,
                  uint64_t *out_bytes);
    void (*hold)(struct target *t, struct target_place *place);
    void (*drop)(struct target *t, struct target_place *place);

    /* What has this name; HF_EABSENT (without a trail). */
    int (*lookup)(struct target *t, struct target_place *in, const char *name, size_t len,
                  struct target_stat *out_stat);
    int (*list)(struct target *t, struct target_place *place, target_list_fn each, void *context);
    /* Removes it, with all below it if it is a folder; adds to *out_count what was removed. */
    int (*remove)(struct target *t, struct target_place *in, const char *name, size_t len,
                  uint64_t *out_count);
    int (*symlink)(struct target *t, struct target_place *in, const char *name, size_t len,
                   const char *content, size_t content_len);
    int (*readlink)(struct target *t, struct target_place *in, const char *name, size_t len,
                    char *out, size_t max, size_t *out_len);
    int (*special)(struct target *t, struct target_place *in, const char *name, size_t len,
                   enum node_type type, uint64_t rdev);
    int (*link)(struct target *t, struct target_place *from, const char *from_name, size_t from_len,
                struct target_place *in, const char *name, size_t len);

    /* A new file that only its owner can read so far; HF_EEXISTS. */
    int (*create)(struct target *t, struct target_place *in, const char *name, size_t len,
                  struct target_file *out_file);
    /* An existing regular file; HF_EEXISTS if it is something else. */
    int (*open)(struct target *t, struct target_place *in, const char *name, size_t len, bool write,
                struct target_file *out_file);
    int (*pread)(struct target *t, struct target_file *f, void *out, size_t len, uint64_t offset,
                 size_t *out_got);
    /* What follows is read from the medium, not from memory, as far as that can be had. */
    void (*uncache)(struct target *t, struct target_file *f);
    int (*pwrite)(struct target *t, struct target_file *f, const void *data, size_t len,
                  uint64_t offset);
    int (*truncate)(struct target *t, struct target_file *f, uint64_t size);
    /* Makes a hole of what may have been data. It may reach beyond the end, which stays. */
    int (*punch)(struct target *t, struct target_file *f, uint64_t offset, uint64_t len);
    /*
     * Sets everything the node says but content and size; what can't be set is a loss, not an
     * error. The node's xattrs are at hand (none are chunked), and each name ends in a NUL.
     */
    int (*finish)(struct target *t, struct target_file *f, const struct node *node,
                  const struct target_losses *losses);
    int (*close)(struct target *t, struct target_file *f);

    /*
     * The same for what is not an open file: symlinks, specials, folders (name NULL: `in`
     * itself).
     */
    int (*apply)(struct target *t, struct target_place *in, const char *name, size_t len,
                 const struct node *node, const struct target_losses *losses);
    /* All that was written is durable, and the restore complete. */
    int (*sync)(struct target *t);
    void (*free)(struct target *t);
};

struct target {
    const struct target_ops *ops;
};

void target_free(struct target *t); /* accepts NULL */
/* Whether a name from a manifest may be used as one: HF_EDAMAGE. */
int target_check_name(const char *name, size_t len);

#endif
