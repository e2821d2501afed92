/*
 * source.h - where the things to be backed up come from.
 *
 * A source yields nodes in path order (node_path_compare), folders before what is in them, and
 * gives access to the content of each. source_dir.h is the live file tree, source_stdin.h a
 * stream as one file; a source for tests lives in memory.
 *
 * One thread calls rewind, next, and those that set up; all that takes a place or a file may be
 * called from any thread, one thread at a time for each file. A place stays valid as long as
 * somebody holds it, which is how a worker opens a file of a folder that the walk has left long
 * ago.
 *
 * What can't be read is told to the reporter and left out; only what makes going on pointless is
 * an error of next.
 */
#ifndef HF_ENGINE_SOURCE_H
#define HF_ENGINE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/node.h"

struct source;
struct source_place; /* the source's */

struct source_entry {
    /*
     * What stat tells. The names of user and group live as long as the source, the path until the
     * next call of next; the path ends in a NUL, here and wherever it is passed back.
     */
    struct node node;
    struct source_place *place; /* for hold, open and detail */
    bool sparse;                /* a file that takes less space than its size */
};

struct source_file {
    union {
        int fd;
        void *object;
    } handle;
};

/* Memory for what detail finds; reused from call to call. */
struct source_detail {
    struct buf names; /* targets, names of xattrs */
    struct buf values;
    struct node_xattr *xattrs;
    size_t xattr_cap;
};

void source_detail_init(struct source_detail *d);
void source_detail_release(struct source_detail *d);

/* What went wrong with one thing: the run goes on. */
typedef void (*source_report_fn)(void *context, const char *path, size_t path_len, int code,
                                 const char *message);

struct source_ops {
    /* Begins anew; HF_EUNSUPPORTED for what can be read once only. */
    int (*rewind)(struct source *s);
    /* 1: *out is the next node; 0: the end; negative: an error. */
    int (*next)(struct source *s, struct source_entry *out);
    void (*hold)(struct source *s, struct source_place *place);
    void (*drop)(struct source *s, struct source_place *place);
    /* Opens the content of a file. HF_EABSENT: it has vanished; HF_ECHANGED: it is no file now. */
    int (*open)(struct source *s, struct source_place *place, const struct node *node,
                struct source_file *out_file);
    /*
     * Takes in anew what stat tells: all of node but path and what detail fills. Names of users
     * are looked up again if the ids have changed.
     */
    int (*stat)(struct source *s, struct source_file *file, struct node *node, bool *out_sparse);
    /* Up to len bytes from offset; *out_got may be less, and is 0 only at the end of the file. */
    int (*read)(struct source *s, struct source_file *file, void *out, size_t len, uint64_t offset,
                size_t *out_got);
    /* The first stretch of data at or after offset; both are `size` when there is none. */
    int (*extent)(struct source *s, struct source_file *file, uint64_t offset, uint64_t size,
                  uint64_t *out_start, uint64_t *out_end);
    /*
     * Fills the node's target, xattrs and inode flags, in d's memory. file: the node's content if
     * it is open, else NULL.
     */
    int (*detail)(struct source *s, struct source_place *place, struct source_file *file,
                  struct node *node, struct source_detail *d);
    void (*close)(struct source *s, struct source_file *file);
    void (*free)(struct source *s);
};

struct source {
    const struct source_ops *ops;
    source_report_fn report; /* set by who runs the source; may be NULL */
    void *report_context;
    /* A stream: sizes are unknown before the end is read, and an error of reading ends the run. */
    bool volatile_content;
};

void source_free(struct source *s); /* accepts NULL */
/* For implementations: tells the reporter of this thread's error trail, and clears it. */
void source_report(struct source *s, const char *path, size_t path_len, int code);

#endif
