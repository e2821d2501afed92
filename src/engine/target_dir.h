/*
 * target_dir.h - a real directory as a target.
 *
 * Every folder is opened beneath the one above it by a single name without following symbolic
 * links, so neither a planted link nor a path beyond PATH_MAX matters. Ownership, modes (setuid
 * after ownership), xattrs with ACLs and capabilities, inode flags and times are set; what the
 * system refuses is reported as a loss.
 */
#ifndef HF_ENGINE_TARGET_DIR_H
#define HF_ENGINE_TARGET_DIR_H

#include "engine/target.h"

struct target_dir_options {
    const char *path;
    bool make;          /* makes it, with its missing parents, if absent (never in a dry run) */
    bool owner_by_name; /* user and group names decide where they exist here, else the numbers */
    bool no_owner;      /* leaves ownership alone, which is then no loss */
};

/* HF_EABSENT, HF_EFAIL (not a folder), HF_EACCESS ... */
int target_dir_new(const struct target_dir_options *options, struct target **out_target);

#endif
