/*
 * gapevent.c - the plaintext of EVENT GAP: see gapevent.h.
 */
#include "format/gapevent.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/commit.h"

#define VERSION 0

const char *gapevent_reason_name(enum gapevent_reason reason)
{
    switch (reason) {
    case GAPEVENT_OVERFLOW:
        return "overflow";
    case GAPEVENT_RESTART:
        return "restart";
    case GAPEVENT_MOUNT_CHANGE:
        return "mount-change";
    case GAPEVENT_WATCH_LIMIT:
        return "watch-limit";
    }
    return "unknown";
}

static bool is_too_long(const char *text)
{
    return text != NULL && strlen(text) > COMMIT_MAX_TEXT;
}

int gapevent_encode(const struct gapevent *g, struct buf *out)
{
    if (is_too_long(g->job) || is_too_long(g->host)) {
        return err_raise(HF_ELIMIT, "gap: the name of its job or host is longer than 1 MiB");
    }
    buf_put_u8(out, VERSION);
    buf_put_u8(out, (uint8_t)g->act);
    buf_put_i64(out, g->at_ns);
    if (g->act == GAPEVENT_CLOSE) {
        buf_put(out, g->gap, sizeof g->gap);
    } else {
        buf_put_u8(out, (uint8_t)g->reason);
        buf_put_text(out, g->job);
        buf_put_text(out, g->host);
    }
    return buf_error(out);
}

static int damaged(const struct cursor *in, const char *what)
{
    return err_raise(HF_EDAMAGE, "gap: %s (offset %zu)", what, in->pos);
}

static int newer(const char *what, unsigned value)
{
    err_raise(HF_ENEWER, "gap: its %s %u is not known", what, value);
    return err_hint("install a newer holdfast");
}

static int get_name(struct cursor *in, char **out)
{
    *out = cursor_text(in, COMMIT_MAX_TEXT);
    if (*out != NULL) {
        return 0;
    }
    return cursor_failed(in) ? damaged(in, "a name does not end, is too long or has a zero byte")
                             : HF_ENOMEM;
}

static int get_opened(struct cursor *in, struct gapevent *out)
{
    int rc;

    out->reason = (enum gapevent_reason)cursor_u8(in);
    if (!cursor_failed(in) && out->reason == 0) {
        return damaged(in, "its reason is 0");
    }
    rc = get_name(in, &out->job);
    return rc == 0 ? get_name(in, &out->host) : rc;
}

static int get_event(struct cursor *in, struct gapevent *out)
{
    unsigned version = cursor_u8(in), act = cursor_u8(in);
    int rc = 0;

    out->at_ns = cursor_i64(in);
    if (cursor_failed(in)) {
        return damaged(in, "it is cut short");
    }
    if (version != VERSION) {
        return newer("version", version);
    }
    if (act == 0) {
        return damaged(in, "it neither opens nor closes");
    }
    if (act > GAPEVENT_CLOSE) {
        return newer("act", act);
    }
    out->act = (enum gapevent_act)act;
    if (out->act == GAPEVENT_CLOSE) {
        cursor_copy(in, out->gap, sizeof out->gap);
    } else {
        rc = get_opened(in, out);
    }
    if (rc == 0 && cursor_failed(in)) {
        rc = damaged(in, "it is cut short");
    }
    if (rc == 0 && !cursor_done(in)) {
        rc = damaged(in, "something follows its end");
    }
    return rc;
}

int gapevent_decode(const void *plain, size_t len, struct gapevent *out)
{
    struct cursor in;
    int rc;

    memset(out, 0, sizeof *out);
    cursor_init(&in, plain, len);
    rc = get_event(&in, out);
    if (rc != 0) {
        gapevent_release(out);
    }
    return rc;
}

void gapevent_release(struct gapevent *g)
{
    mem_free(g->job);
    mem_free(g->host);
    memset(g, 0, sizeof *g);
}
