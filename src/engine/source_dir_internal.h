/*
 * source_dir_internal.h - what the walk and the access to files share.
 */
#ifndef HF_ENGINE_SOURCE_DIR_INTERNAL_H
#define HF_ENGINE_SOURCE_DIR_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "engine/listing.h"
#include "engine/names.h"
#include "engine/place.h"
#include "engine/source_dir.h"

struct source_dir_frame {       /* a folder that the walk is in */
    struct place *place;        /* held */
    struct listing_mark mark;   /* where its names begin */
    size_t next, end;           /* entries of the listing still to come */
    size_t path_len;            /* of its path, "" being the root */
    dev_t dev;                  /* of the root that was entered */
    size_t root_low, root_high; /* above the roots: those that lie below it */
    bool above;                 /* above the roots: its names are ways to them */
};

struct source_dir_id {
    dev_t dev;
    ino_t ino;
};

struct source_dir {
    struct source base;
    struct source_dir_options options;
    char **roots; /* own copies: sorted, none within another */
    size_t root_count;
    char **absent; /* roots that are not there: told at the beginning of a walk */
    size_t absent_count;
    char *strip; /* own copy, "" for none */
    size_t strip_len;
    struct source_dir_id *never;
    size_t never_count;
    struct names *names;
    struct place_set *places;

    struct place *top; /* "/" */
    struct listing listing;
    struct source_dir_frame *frames;
    size_t frame_count, frame_cap;
    struct buf path;     /* of the entry at hand, ended by a NUL */
    struct place *ahead; /* the folder just yielded, to be entered next; held */
    struct source_dir_frame ahead_frame;
    bool begun;

    uint32_t last_uid, last_gid; /* whose names are at hand */
    const char *last_user, *last_group;
    size_t last_user_len, last_group_len;
};

/* What stat tells, names excepted. */
void source_dir_fill(const struct stat *st, struct node *node, bool *out_sparse);
/* Looks up both names in the shared cache. */
void source_dir_name(struct source_dir *s, struct node *node);

/* Access: source_dir_access.c. */
int source_dir_open(struct source *base, struct source_place *place, const struct node *node,
                    struct source_file *out_file);
int source_dir_stat(struct source *base, struct source_file *file, struct node *node,
                    bool *out_sparse);
int source_dir_read(struct source *base, struct source_file *file, void *out, size_t len,
                    uint64_t offset, size_t *out_got);
int source_dir_extent(struct source *base, struct source_file *file, uint64_t offset, uint64_t size,
                      uint64_t *out_start, uint64_t *out_end);
int source_dir_detail(struct source *base, struct source_place *place, struct source_file *file,
                      struct node *node, struct source_detail *d);
void source_dir_close(struct source *base, struct source_file *file);

/* The walk: source_dir_walk.c. */
int source_dir_rewind(struct source *base);
int source_dir_next(struct source *base, struct source_entry *out);
void source_dir_leave_all(struct source_dir *s);

#endif
