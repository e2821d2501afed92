/*
 * source_stdin.h - a stream as a source: one file, and the folders above it.
 *
 * The file is `/NAME`, of mode 0600 and of the user who runs this; its time is the beginning. Its
 * size is known when the stream ends. A stream is read once: rewind is HF_EUNSUPPORTED after the
 * first read, and an error of the stream is one of the whole run, for half a stream is no backup.
 */
#ifndef HF_ENGINE_SOURCE_STDIN_H
#define HF_ENGINE_SOURCE_STDIN_H

#include "base/clock.h"
#include "engine/source.h"

struct source_stdin_options {
    int fd;           /* borrowed */
    const char *name; /* with or without a leading slash; may have folders in it */
    const struct clock *clock;
    /* Called once when the stream has ended; an error of it (the command that wrote the stream
       failed) is an error of the stream. May be NULL. Any thread. */
    int (*finish)(void *context);
    void *context;
};

/* HF_EUSAGE for a name that is empty or has an empty, "." or ".." component. */
int source_stdin_new(const struct source_stdin_options *options, struct source **out_source);

#endif
