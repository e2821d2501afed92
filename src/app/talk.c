/*
 * talk.c - see talk.h; and app_note, app_warn and app_event of app.h.
 */
#include "app/talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/logfile.h"
#include "app/term.h"
#include "base/err.h"
#include "base/text.h"

#define MESSAGE_BYTES 4096

bool talk_to_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM"); /* DEVICE:INODE */
    char is[64];
    struct stat st;

    if (stream == NULL || fstat(fd, &st) != 0) {
        return false;
    }
    snprintf(is, sizeof is, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, is) == 0;
}

static bool json_log(const struct app *app)
{
    return app->options.log_format != NULL && strcmp(app->options.log_format, "json") == 0;
}

/* What is said goes to the log of the job as well. Under the lock. */
static void keep(struct app *app, enum log_level level, const char *message)
{
    const struct logfile_line line = { clock_wall(app->clock), level, app->run_id, message };
    struct err_trail trail;

    if (app->log != NULL) {
        err_take(&trail); /* who says something may be on the way to report a failure */
        logfile_line(app->log, &line);
        err_give(&trail);
    }
}

/* The journal takes the priority of a line from its beginning, and leaves it out. */
static void put_priority(struct app *app, enum log_level level)
{
    static const int priorities[] = {
        [LOG_LEVEL_ERROR] = 3,
        [LOG_LEVEL_WARN] = 4,
        [LOG_LEVEL_INFO] = 6,
        [LOG_LEVEL_DEBUG] = 7,
    };

    if (app->journal) {
        out_printf(&app->err, "<%d>", priorities[level]);
    }
}

static void put_json_line(struct app *app, enum log_level level, const char *message)
{
    const struct logfile_line line = { clock_wall(app->clock), level, app->run_id, message };
    struct buf b;

    buf_init(&b);
    logfile_put_json(&b, &line, NULL);
    out_put(&app->err, b.data, b.len);
    buf_release(&b);
}

static void put_text_line(struct app *app, const char *label, const char *colour,
                          const char *message)
{
    bool colours = colour != NULL && term_has_colours(app->err.fd);

    if (label != NULL) {
        out_printf(&app->err, "%s%s:%s ", colours ? colour : "", label, colours ? "\033[0m" : "");
    }
    out_shown(&app->err, message, strlen(message));
    out_text(&app->err, "\n");
}

static void say(struct app *app, enum log_level level, const char *label, const char *colour,
                const char *message)
{
    progress_clear(app);
    put_priority(app, level);
    if (json_log(app)) {
        put_json_line(app, level, message);
    } else {
        put_text_line(app, label, colour, message);
    }
    out_flush(&app->err);
}

#define YELLOW "\033[33m"
#define RED "\033[1;31m"

void talk_log_sink(void *context, enum log_level level, const char *message)
{
    struct app *app = context;
    enum log_level most = app->options.verbose > 1    ? LOG_LEVEL_DEBUG
                          : app->options.verbose == 1 ? LOG_LEVEL_INFO
                                                      : LOG_LEVEL_WARN;

    pthread_mutex_lock(&app->lock);
    if (level <= most || level <= LOG_LEVEL_INFO) {
        keep(app, level, message);
    }
    if (level <= most) {
        say(app, level, level <= LOG_LEVEL_WARN ? "warning" : logfile_level_name(level),
            level <= LOG_LEVEL_WARN ? YELLOW : NULL, message);
    }
    pthread_mutex_unlock(&app->lock);
}

void talk_keep(struct app *app, enum log_level level, const char *fmt, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    pthread_mutex_lock(&app->lock);
    keep(app, level, message);
    pthread_mutex_unlock(&app->lock);
}

void app_note(struct app *app, const char *fmt, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    pthread_mutex_lock(&app->lock);
    keep(app, LOG_LEVEL_INFO, message);
    if (!app->options.quiet && !app->options.json) {
        out_flush(&app->out); /* what was said before stands before */
        say(app, LOG_LEVEL_INFO, NULL, NULL, message);
    }
    pthread_mutex_unlock(&app->lock);
}

void app_warn(struct app *app, const char *fmt, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    out_flush(&app->out);
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    pthread_mutex_lock(&app->lock);
    keep(app, LOG_LEVEL_WARN, message);
    say(app, LOG_LEVEL_WARN, "warning", YELLOW, message);
    pthread_mutex_unlock(&app->lock);
}

void app_event(struct app *app, const char *type, const char *path, size_t path_len,
               const char *code, const char *message)
{
    struct json *j = &app->json;

    json_object(j, NULL);
    json_text(j, "type", type);
    json_name(j, "path", path == NULL ? "" : path, path_len);
    json_text(j, "code", code);
    json_text(j, "message", message);
    json_end_object(j);
    out_flush(&app->out); /* who follows wants to know now */
}

static void put_failure_json(struct app *app, int code, const struct err_trail *trail)
{
    struct json j;

    json_init(&j, &app->err);
    json_object(&j, NULL);
    json_text(&j, "type", "error");
    json_text(&j, "code", err_code_name(code));
    json_number(&j, "exit", (uint64_t)err_exit_status(code));
    json_text(&j, "message", trail->text);
    json_text(&j, "hint", trail->hint[0] == '\0' ? NULL : trail->hint);
    json_end_object(&j);
}

void talk_failure(struct app *app, int code)
{
    struct err_trail trail = *err_last();

    if (trail.code == 0) {
        snprintf(trail.text, sizeof trail.text, "could not do it: %s", err_code_text(code));
    }
    if (code == HF_ENOSPC && trail.hint[0] == '\0') {
        snprintf(trail.hint, sizeof trail.hint,
                 "free some space there and run it again; what was published before stands");
    }
    pthread_mutex_lock(&app->lock);
    progress_clear(app);
    put_priority(app, LOG_LEVEL_ERROR);
    if (app->options.json || json_log(app)) {
        put_failure_json(app, code, &trail);
    } else {
        put_text_line(app, "holdfast", RED, trail.text);
        if (trail.hint[0] != '\0') {
            put_priority(app, LOG_LEVEL_ERROR);
            put_text_line(app, "hint", NULL, trail.hint);
        }
    }
    out_flush(&app->err);
    pthread_mutex_unlock(&app->lock);
}
