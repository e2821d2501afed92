/*
 * source_dir.h - the live file tree as a source.
 *
 * Several roots are walked as one tree in path order; a root within another is walked once; the
 * folders above the roots are yielded with their metadata. Symbolic links are followed in the
 * folders above a root, nowhere else: a root that is itself a symbolic link is backed up as one.
 * All access is relative to descriptors of folders, so paths of any length work, and no more than
 * a fixed number of descriptors is used at any depth.
 */
#ifndef HF_ENGINE_SOURCE_DIR_H
#define HF_ENGINE_SOURCE_DIR_H

#include "engine/exclude.h"
#include "engine/source.h"

struct source_dir_options {
    char *const *roots; /* absolute and clean: see source_dir_clean; one at least must be there */
    size_t root_count;
    const struct exclude *exclude;   /* or NULL; must outlive the source */
    bool one_file_system;            /* mount points below a root are kept as empty folders */
    bool exclude_caches;             /* folders with a CACHEDIR.TAG are kept with it only */
    char *const *exclude_if_present; /* NAME or NAME:BEGINNING: such folders too */
    size_t exclude_if_present_count;
    uint64_t exclude_larger; /* files above this size are left out; 0: none are */
    char *const *never;      /* folders that are never walked: the repository, its cache */
    size_t never_count;
    const char *strip_prefix; /* or NULL: a folder above all roots that becomes "/" */
};

/* HF_EABSENT: a root does not exist (the first one is named); HF_EUSAGE; HF_ENOMEM. */
int source_dir_new(const struct source_dir_options *options, struct source **out_source);

/* Makes a path absolute and takes out ".", ".." and doubled slashes; fresh memory. */
int source_dir_clean(const char *path, char **out_path);

#endif
