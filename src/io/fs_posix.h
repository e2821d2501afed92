/*
 * fs_posix.h - the file system of the machine, behind the seam of fs.h.
 *
 * Every name is resolved beneath a descriptor of the root folder. Creation without replacing is
 * renameat2(RENAME_NOREPLACE), else link and unlink. sync is fdatasync, sync_dir an fsync of the
 * folder; neither is ever retried.
 */
#ifndef HF_IO_FS_POSIX_H
#define HF_IO_FS_POSIX_H

#include <stdbool.h>
#include <stdint.h>

#include "io/fs.h"

/* Opens the folder at path; HF_EABSENT if there is none, HF_EFAIL if it is not a folder. */
int fs_posix_open(const char *path, struct fs **out_fs);
/* The same, making the folder and its missing parents first (mode for those that it makes). */
int fs_posix_make(const char *path, uint32_t mode, struct fs **out_fs);

#endif
