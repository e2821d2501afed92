/*
 * describe.c - lines of a description: see describe.h.
 */
#include "format/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/text.h"

#define VALUE_BYTES 400
#define NAME_WIDTH 22
#define HEX_PIECE 32

void describe_begin(struct describe *d, struct buf *out, uint64_t size)
{
    *d = (struct describe){ .out = out, .width = 4 };
    for (uint64_t n = size / 10000; n > 0; n /= 10) {
        d->width++;
    }
}

void describe_title(struct describe *d, const char *fmt, ...)
{
    char text[VALUE_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_printf(d->out, "%s%s\n", d->out->len > 0 ? "\n" : "", text);
}

/* The first wrong field; but damage goes before what is newer, which rot can make believe. */
static void remember(struct describe *d, uint64_t offset, const char *name, struct verdict v)
{
    d->wrong++;
    if (d->code != 0 && !(d->code == HF_ENEWER && v.code == HF_EDAMAGE)) {
        return;
    }
    d->code = v.code;
    if (offset == DESCRIBE_NOWHERE) {
        snprintf(d->first, sizeof d->first, "%s %s", name, v.why);
    } else {
        snprintf(d->first, sizeof d->first, "%s %s (offset %" PRIu64 ")", name, v.why, offset);
    }
}

/* Mark, offset, name: what every line begins with. */
static void begin_line(struct describe *d, uint64_t offset, const char *name, struct verdict v)
{
    const char *mark = v.code != 0 ? "!!" : "  ";

    if (offset == DESCRIBE_NOWHERE) {
        buf_printf(d->out, "%s %*s  %-*s ", mark, d->width, "", NAME_WIDTH, name);
    } else {
        buf_printf(d->out, "%s %*" PRIu64 "  %-*s ", mark, d->width, offset, NAME_WIDTH, name);
    }
    if (v.code != 0) {
        remember(d, offset, name, v);
    }
}

static void end_line(struct describe *d, struct verdict v)
{
    if (v.code != 0) {
        buf_printf(d->out, "  <- %s", v.why);
    }
    buf_put_u8(d->out, '\n');
}

void describe_field(struct describe *d, uint64_t offset, const char *name, struct verdict v,
                    const char *fmt, ...)
{
    char text[VALUE_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    begin_line(d, offset, name, v);
    buf_printf(d->out, "%s", text);
    end_line(d, v);
}

void describe_hex(struct describe *d, uint64_t offset, const char *name, struct verdict v,
                  const void *data, size_t len)
{
    const uint8_t *p = data;
    char hex[2 * HEX_PIECE + 1];

    begin_line(d, offset, name, v);
    for (size_t at = 0; at < len; at += HEX_PIECE) {
        size_t piece = len - at < HEX_PIECE ? len - at : HEX_PIECE;

        buf_printf(d->out, "%s", text_hex(p + at, piece, hex));
    }
    end_line(d, v);
}

void describe_text(struct describe *d, uint64_t offset, const char *name, const void *data,
                   size_t len)
{
    begin_line(d, offset, name, verdict_fine());
    text_put_shown(d->out, data, len);
    end_line(d, verdict_fine());
}

void describe_trail(struct describe *d, uint64_t offset, const char *name)
{
    const struct err_trail *trail = err_last();
    struct verdict v = { .code = trail->code, .why = trail->text };

    begin_line(d, offset, name, v);
    end_line(d, v);
}

int describe_end(struct describe *d, const char *what)
{
    int rc;

    if (d->wrong == 1) {
        buf_printf(d->out, "\none field is wrong, marked with !!\n");
    } else if (d->wrong > 1) {
        buf_printf(d->out, "\n%u fields are wrong, marked with !!\n", d->wrong);
    }
    rc = buf_error(d->out);
    if (rc != 0) {
        return rc;
    }
    if (d->wrong == 0) {
        return 0;
    }
    rc = err_raise(d->code, "%s: %s", what, d->first);
    if (rc == HF_ENEWER) {
        err_hint("install a newer holdfast");
    }
    return rc;
}
