/*
 * archive_in.h - an archive as a command line names it: a file, or standard input.
 *
 * A stream ends when the program is told to stop. Of zips and 7z archives the end has to be read
 * first: from a stream they go to a temporary file without a name.
 */
#ifndef HF_APP_ARCHIVE_IN_H
#define HF_APP_ARCHIVE_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/relay.h"
#include "engine/archive_lib.h"

struct archive_in {
    int fd;     /* what is read: standard input, or one of the others, or the relay's */
    int opened; /* the file, or -1 */
    int kept;   /* the temporary file, or -1 */
    bool seekable, relayed;
    struct relay relay;
    uint8_t *data; /* read last */
    size_t ahead;  /* of it, read but not handed out: what the archive begins with */
    struct archive_lib_source source;
};

/* name "-": standard input. Close it in either case. */
int archive_in_open(const char *name, const char *folder, struct archive_in *in);
void archive_in_close(struct archive_in *in);

#endif
