/*
 * out.h - bytes to a descriptor, buffered, whose first failure is kept.
 *
 * A result that could not be written is an error of the command (out_finish says so); but when the
 * reader of a pipe has gone away by its own will, there is nobody left to be told anything: what
 * follows is dropped without one. Callers with much to say ask out_gone now and then. Nothing but
 * out_printf of more than 511 bytes needs memory.
 */
#ifndef HF_APP_OUT_H
#define HF_APP_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct out {
    int fd;
    struct buf pending;
    int errnum;    /* of the first write that failed, or 0 */
    bool deserted; /* the reader has closed the pipe */
};

void out_init(struct out *o, int fd);
void out_release(struct out *o);

void out_put(struct out *o, const void *data, size_t len);
void out_text(struct out *o, const char *text);
void out_printf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Bytes as a function of base/text.h writes them, which is called with a piece at a time. */
typedef void (*out_encode_fn)(struct buf *b, const void *data, size_t len);
void out_encoded(struct out *o, out_encode_fn encode, const void *data, size_t len);
/* Bytes of a name, escaped for a terminal (text_put_shown). */
void out_shown(struct out *o, const void *data, size_t len);
/* Pads with blanks. */
void out_blanks(struct out *o, size_t count);

/* Writes what is pending now; failures are kept for out_finish. */
void out_flush(struct out *o);
/* Whether going on writing makes no sense. */
bool out_gone(const struct out *o);
/* Flushes. 0, or the code and trail of the first failure. */
int out_finish(struct out *o, const char *what);

#endif
