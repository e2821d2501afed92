/*
 * out.c - see out.h. SIGPIPE is ignored by signals.c, so a closed pipe is an EPIPE here.
 *
 * The buffer is there for speed. When there is no memory for it, bytes go out as they come: that
 * memory has run out is, after all, what is to be said then.
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
#define PIECE_BYTES 256u
#define MOST_PER_BYTE 6u /* what a byte becomes at most: \u001b */

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

/* Room for so much in the buffer, which is written before if it can't grow. Leaves the trail. */
static bool has_room(struct out *o, size_t need)
{
    struct err_trail trail;

    if (o->pending.error == 0 && need > o->pending.cap - o->pending.len) {
        err_take(&trail);
        if (buf_reserve(&o->pending, need) != 0) {
            o->pending.error = 0;
            out_flush(o);
        }
        err_give(&trail);
    }
    return need <= o->pending.cap - o->pending.len;
}

void out_put(struct out *o, const void *data, size_t len)
{
    if (out_gone(o)) {
        return;
    }
    if (has_room(o, len)) {
        buf_put(&o->pending, data, len);
        flush_if_full(o);
    } else if (!out_gone(o)) {
        write_all(o, data, len);
    }
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

/* As much of it as fits a piece, without cutting a character of UTF-8 in two. */
static size_t piece_of(const uint8_t *data, size_t len)
{
    size_t n = PIECE_BYTES;

    if (len <= n) {
        return len;
    }
    while (n > PIECE_BYTES - 4 && (data[n] & 0xc0) == 0x80) {
        n--;
    }
    return n;
}

void out_encoded(struct out *o, out_encode_fn encode, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint8_t room[PIECE_BYTES * MOST_PER_BYTE + 1];

    while (len > 0 && !out_gone(o)) {
        /* Large enough from the beginning: it never asks for memory. */
        struct buf piece = { .data = room, .cap = sizeof room };
        size_t n = piece_of(p, len);

        encode(&piece, p, n);
        out_put(o, piece.data, piece.len);
        p += n;
        len -= n;
    }
}

void out_shown(struct out *o, const void *data, size_t len)
{
    out_encoded(o, text_put_shown, data, len);
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
