/*
 * archive_import_internal.h - what the parts of an import share.
 *
 * What is noted of an entry is a byte (enum), the number of its inode, and the node unless it is
 * but another name. An inode is the n-th thing other than a folder that the archive defines; some
 * archives (cpio) say the content of a file with its last name, so the latest definition counts.
 */
#ifndef HF_ENGINE_ARCHIVE_IMPORT_INTERNAL_H
#define HF_ENGINE_ARCHIVE_IMPORT_INTERNAL_H

#include "base/map.h"
#include "base/pool.h"
#include "engine/archive_content.h"
#include "engine/archive_import.h"
#include "engine/archive_names.h"
#include "engine/archive_spool.h"
#include "engine/arena.h"
#include "engine/names.h"
#include "store/run.h"

enum { ARCHIVE_IMPORT_DEFINES = 1, ARCHIVE_IMPORT_LINKS = 2 };

struct archive_import_group { /* a file with several names */
    uint64_t at, len;         /* of its node in the file of groups */
    uint64_t number;          /* of the record that said it, and 1; 0: none has been seen */
    uint64_t names;           /* it has in the end */
    uint64_t ino;             /* as the manifest has it; 0: none yet */
};

struct archive_import {
    struct repo *repo;
    const struct archive_import_options *o;
    const struct archive_import_events *events;
    struct archive_import_result *result;
    struct pool *pool;
    struct run *run;
    struct pagestore *pages;
    struct archive_content *content;
    struct archive_names *known;
    struct archive_spool *spool;
    struct map *groups; /* inode -> struct archive_import_group */
    struct names *names;
    uint64_t inodes;
    struct buf path, target, record, xattrs;
    struct node stand_in; /* who imports: for what has no owner */
    int64_t begin_ns;
    bool said_absolute, publishing;
};

/* One thing is not as it should be: told and counted. */
void archive_import_tell(struct archive_import *m, enum archive_import_what what, const char *path,
                         size_t path_len, const char *message);
int archive_import_cancelled(const struct archive_import *m);

/* archive_import_build.c: what was gathered becomes a manifest; its root, and counts. */
int archive_import_build(struct archive_import *m, uint8_t out_root[PAGESTORE_ID_BYTES]);

#endif
