/*
 * newfile.h - a file that appears whole or not at all.
 *
 * What is written goes to a name of its own in the same folder (".holdfast-XXXXXX", 0600), which
 * takes the place of the file when all is there and synced. What is no file (a device, a FIFO) is
 * written to as it is.
 */
#ifndef HF_APP_NEWFILE_H
#define HF_APP_NEWFILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

struct newfile {
    int fd;
    char *path; /* where it will be, symbolic links followed */
    char *temp; /* where it is; NULL if it is written in place */
    struct buf pending;
};

/* Abort it, whatever came of this. */
int newfile_begin(const char *path, struct newfile *f);
int newfile_write(struct newfile *f, const void *data, size_t len);
/* Synced, and under its name. */
int newfile_commit(struct newfile *f);
/* Leaves nothing behind unless it was committed. */
void newfile_abort(struct newfile *f);

/* All of it at once, with that mode. */
int newfile_put(const char *path, mode_t mode, const struct buf *text);

#endif
