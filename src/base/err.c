/*
 * err.c - the trail of the thread, and the table of errors.
 *
 * Text is formatted into a local buffer before it touches the trail, so that an argument may point
 * into the trail itself. What does not fit is cut and ends in "...": never the cause, which every
 * err_add leaves whole at the end of the sentence.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct err_trail mine; /* this thread's */

static const char cut[] = "...";

/* Formats into out, marks what was cut, and returns the length. */
__attribute__((format(printf, 3, 0))) static size_t put_text(char *out, size_t size,
                                                             const char *fmt, va_list args)
{
    int wanted = vsnprintf(out, size, fmt, args);
    if (wanted < 0) {
        /* Only a message that cannot be converted; its format still says something. */
        wanted = snprintf(out, size, "%s", fmt);
    }
    if (wanted >= 0 && (size_t)wanted < size) {
        return (size_t)wanted;
    }
    if (size >= sizeof cut) {
        memcpy(out + size - sizeof cut, cut, sizeof cut);
    }
    return strlen(out);
}

/* Copies what is used: a trail is large, and most are short. */
static void copy_trail(struct err_trail *to, const struct err_trail *from)
{
    to->code = from->code;
    memcpy(to->text, from->text, strlen(from->text) + 1);
    memcpy(to->hint, from->hint, strlen(from->hint) + 1);
}

static int begin(int code, const char *text, size_t len)
{
    mine.code = code;
    memcpy(mine.text, text, len + 1);
    mine.hint[0] = '\0';
    return code;
}

int err_raise(int code, const char *fmt, ...)
{
    char text[ERR_TRAIL_BYTES];
    va_list args;

    va_start(args, fmt);
    size_t len = put_text(text, sizeof text, fmt, args);
    va_end(args);
    return begin(code, text, len);
}

static int code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return HF_ENOSPC;
    case ENOENT:
        return HF_EABSENT;
    case EEXIST:
        return HF_EEXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return HF_EACCESS;
    case ENOMEM:
        return HF_ENOMEM;
    case EMFILE:
    case ENFILE:
        return HF_EFILES;
    default:
        return HF_EIO;
    }
}

int err_os(int errnum, const char *fmt, ...)
{
    char text[ERR_TRAIL_BYTES];
    char unknown[64];
    const char *reason = strerror_r(errnum, unknown, sizeof unknown);
    size_t room = strlen(reason) + sizeof ": " - 1;
    va_list args;

    va_start(args, fmt);
    size_t len = put_text(text, sizeof text - room, fmt, args);
    va_end(args);
    len += (size_t)snprintf(text + len, sizeof text - len, ": %s", reason);
    return begin(code_of_errno(errnum), text, len);
}

int err_add(int code, const char *fmt, ...)
{
    char what[ERR_TRAIL_BYTES];
    va_list args;

    va_start(args, fmt);
    size_t len = put_text(what, sizeof what, fmt, args);
    va_end(args);
    if (mine.text[0] == '\0') {
        return begin(code, what, len);
    }

    mine.code = code;
    size_t old_len = strlen(mine.text);
    size_t room = sizeof mine.text - 1 - old_len;
    if (room < strlen(": ") + strlen(cut)) {
        return code;
    }
    room -= strlen(": ");
    if (len > room) {
        len = room;
        memcpy(what + len - strlen(cut), cut, strlen(cut));
    }
    memmove(mine.text + len + strlen(": "), mine.text, old_len + 1);
    memcpy(mine.text, what, len);
    memcpy(mine.text + len, ": ", strlen(": "));
    return code;
}

int err_hint(const char *fmt, ...)
{
    if (mine.hint[0] != '\0') {
        return mine.code;
    }
    char hint[ERR_HINT_BYTES];
    va_list args;

    va_start(args, fmt);
    size_t len = put_text(hint, sizeof hint, fmt, args);
    va_end(args);
    memcpy(mine.hint, hint, len + 1);
    return mine.code;
}

int err_nomem(void)
{
    return err_raise(HF_ENOMEM, "out of memory");
}

void err_clear(void)
{
    mine.code = 0;
    mine.text[0] = '\0';
    mine.hint[0] = '\0';
}

const struct err_trail *err_last(void)
{
    return &mine;
}

void err_take(struct err_trail *out_trail)
{
    copy_trail(out_trail, &mine);
    err_clear();
}

void err_give(const struct err_trail *trail)
{
    copy_trail(&mine, trail);
}

struct err_class {
    int code;
    int exit_status;
    const char *name;
    const char *text;
};

static const struct err_class success = { HF_OK, 0, "ok", "nothing went wrong" };

static const struct err_class failures[] = {
#define ERR(symbol, status, name, text) { HF_E##symbol, status, name, text },
#include "base/err.def"
#undef ERR
};

/* A code that is not in the table counts as the general failure, so it can never look like 0. */
static const struct err_class *class_of(int code)
{
    if (code == HF_OK) {
        return &success;
    }
    if (code > HF_E_FIRST_ && code < HF_E_END_) {
        return &failures[code - HF_E_FIRST_ - 1];
    }
    return &failures[HF_EFAIL - HF_E_FIRST_ - 1];
}

int err_exit_status(int code)
{
    return class_of(code)->exit_status;
}

const char *err_code_name(int code)
{
    return class_of(code)->name;
}

const char *err_code_text(int code)
{
    return class_of(code)->text;
}
