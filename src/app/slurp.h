/*
 * slurp.h - whole small files, as a command line names them.
 */
#ifndef HF_APP_SLURP_H
#define HF_APP_SLURP_H

#include <stddef.h>

#include "base/buf.h"

/* Appends all that is read until the end; more than max is HF_ELIMIT. "what" is for messages. */
int slurp_fd(int fd, const char *what, size_t max, struct buf *out);
/* The same for a file; "-" is standard input. */
int slurp_file(const char *path, size_t max, struct buf *out);

#endif
