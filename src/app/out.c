/*
 * out.c - see out.h. SIGPIPE is ignored by signals.c, so a closed pipe is an EPIPE here.
 */
#include "app/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

#define OUT_FLUSH_BYTES (64u << 10)

void out_init(struct out *o, int fd)
{
    memset(o, 0, sizeof *o);
    o->fd = fd;
    buf_init(&o->pending);
}

void out_release(struct out *o)
{
    buf_release(&o->pending);
}

static void write_all(struct out *o, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(o->fd, data, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EPIPE) {
            o->deserted = true;
            return;
        }
        if (n < 0) {
            o->errnum = errno;
            return;
        }
        data += n;
        len -= (size_t)n;
    }
}

void out_flush(struct out *o)
{
    if (o->errnum == 0 && buf_error(&o->pending) != 0) {
        o->errnum = ENOMEM;
    }
    if (!out_gone(o)) {
        write_all(o, o->pending.data, o->pending.len);
    }
    buf_clear(&o->pending);
}

static void flush_if_full(struct out *o)
{
    if (o->pending.len >= OUT_FLUSH_BYTES || o->pending.error != 0) {
        out_flush(o);
    }
}

void out_put(struct out *o, const void *data, size_t len)
{
    if (out_gone(o)) {
        return;
    }
    buf_put(&o->pending, data, len);
    flush_if_full(o);
}

void out_text(struct out *o, const char *text)
{
    out_put(o, text, strlen(text));
}

void out_printf(struct out *o, const char *fmt, ...)
{
    va_list args;
    char small[512];
    int len;

    va_start(args, fmt);
    len = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof small) {
        out_put(o, small, (size_t)len);
        return;
    }
    if (len < 0 || buf_reserve(&o->pending, (size_t)len + 1) != 0) {
        o->errnum = o->errnum != 0 ? o->errnum : ENOMEM;
        return;
    }
    va_start(args, fmt);
    vsnprintf((char *)o->pending.data + o->pending.len, (size_t)len + 1, fmt, args);
    va_end(args);
    o->pending.len += (size_t)len;
    flush_if_full(o);
}

void out_shown(struct out *o, const void *data, size_t len)
{
    if (out_gone(o)) {
        return;
    }
    text_put_shown(&o->pending, data, len);
    flush_if_full(o);
}

void out_blanks(struct out *o, size_t count)
{
    while (count-- > 0) {
        out_put(o, " ", 1);
    }
}

bool out_gone(const struct out *o)
{
    return o->deserted || o->errnum != 0;
}

int out_finish(struct out *o, const char *what)
{
    out_flush(o);
    if (o->errnum == 0) {
        return 0;
    }
    return err_os(o->errnum, "could not write %s", what);
}
