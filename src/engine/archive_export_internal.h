/*
 * archive_export_internal.h - an export: what it consists of.
 */
#ifndef HF_ENGINE_ARCHIVE_EXPORT_INTERNAL_H
#define HF_ENGINE_ARCHIVE_EXPORT_INTERNAL_H

#include "base/map.h"
#include "engine/archive_export.h"
#include "engine/arena.h"
#include "engine/manifest_content.h"
#include "engine/manifest_cursor.h"

struct archive_export_group_key {
    uint64_t dev, ino;
};

struct archive_export_group { /* a file with several names */
    char *path;
    uint64_t serial;
    uint64_t names_left;
};

struct archive_export {
    struct repo *repo;
    const struct archive_export_options *o;
    const struct archive_export_events *events;
    struct archive_export_result *result;
    const struct archive_lib_format *format;
    const struct commit_counts *expected; /* NULL: unknown */
    struct pagestore *pages;
    struct manifest_cursor *cursor;
    struct manifest_content_reader *content;
    struct repo_reader *reader;
    struct archive_lib_writer *writer;
    struct map *groups;
    uint64_t serial;
    struct archive_lib_extent *extents;
    size_t extent_count, extent_cap;
    struct node_xattr *xattrs; /* those that the format holds */
    size_t xattr_cap;
    struct arena arena; /* the node at hand, its texts ended by NULs */
};

/* ---- archive_export_fit.c: what of an entry the format holds ---- */

bool archive_export_holds(const struct archive_export *x, unsigned what);
/* Something of a node is not in the archive: told and counted. */
void archive_export_lose(struct archive_export *x, const struct node *n, const char *what,
                         const char *why);
void archive_export_lose_to_format(struct archive_export *x, const struct node *n,
                                   const char *what);
/* Copies a node of the cursor, with those attributes that have a chunk of their own. */
int archive_export_copy(struct archive_export *x, const struct node *from, struct node *out);
/* Why the format can't hold the thing at all; NULL if it can. */
const char *archive_export_refusal(const struct archive_export *x, const struct node *n);
/* Takes from n what the format can't hold; `whole` is how the snapshot has it. */
int archive_export_fit(struct archive_export *x, const struct node *whole, struct node *n);

#endif
