/*
 * progress.c - see progress.h.
 */
#include "app/progress.h"

#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/term.h"
#include "base/text.h"

#define TERMINAL_PAUSE_NS (NS_PER_S / 10)
#define JSON_PAUSE_NS NS_PER_S
#define CLEAR_LINE "\r\033[K"
#define LINE_UP "\033[A"
#define WRAP_OFF "\033[?7l" /* a window may be narrower than we have been told so far */
#define WRAP_ON "\033[?7h"

void progress_start(struct app *app)
{
    struct progress *p = &app->progress;
    bool wanted = !app->options.no_progress && !app->options.quiet;

    memset(p, 0, sizeof *p);
    p->as_json = wanted && app->options.json;
    p->on_terminal = wanted && !app->options.json && term_is_live(app->err.fd);
    p->started_ns = clock_monotonic(app->clock);
}

/*
 * To the beginning of the line, and nothing is on it. Where the window has become narrower, what
 * was shown has been broken into several lines.
 */
static void put_clear(struct app *app)
{
    struct progress *p = &app->progress;
    size_t columns = term_columns(app->err.fd);
    size_t above = p->shown && p->width > columns ? (p->width - 1) / columns : 0;

    out_text(&app->err, CLEAR_LINE);
    while (above-- > 0) {
        out_text(&app->err, LINE_UP CLEAR_LINE);
    }
}

void progress_clear(struct app *app)
{
    if (app->progress.shown) {
        put_clear(app);
        app->progress.shown = false;
    }
}

void progress_stop(struct app *app)
{
    pthread_mutex_lock(&app->lock);
    progress_clear(app);
    out_flush(&app->err);
    memset(&app->progress, 0, sizeof app->progress);
    pthread_mutex_unlock(&app->lock);
}

/* Bytes per second since the beginning. */
static uint64_t rate(const struct app *app, const struct progress_state *s, int64_t now_ns)
{
    int64_t ns = now_ns - app->progress.started_ns;

    return ns <= 0 ? 0 : (uint64_t)((double)s->bytes * 1e9 / (double)ns);
}

/* How far it has come, if what is to be done is known. */
static int percent(const struct progress_state *s)
{
    uint64_t done = s->bytes_expected > 0 ? s->bytes : s->files;
    uint64_t all = s->bytes_expected > 0 ? s->bytes_expected : s->files_expected;

    if (all == 0) {
        return -1;
    }
    return done >= all ? 100 : (int)((double)done * 100.0 / (double)all);
}

/* The time that is left at this rate, if that can be told. */
static void put_left(struct buf *line, const struct app *app, const struct progress_state *s,
                     int64_t now_ns)
{
    uint64_t speed = rate(app, s, now_ns);
    char text[TEXT_SIZE_BYTES];

    if (speed == 0 || s->bytes_expected <= s->bytes) {
        return;
    }
    text_duration((int64_t)((s->bytes_expected - s->bytes) / speed) * NS_PER_S, text);
    buf_printf(line, ", %s left", text);
}

static void draw_terminal(struct app *app, const struct progress_state *s, int64_t now_ns)
{
    char files[TEXT_SIZE_BYTES], bytes[TEXT_SIZE_BYTES], speed[TEXT_SIZE_BYTES];
    size_t columns = term_columns(app->err.fd) - 1; /* the last one would wrap */
    struct buf line, path;
    size_t width;

    buf_init(&line);
    buf_init(&path);
    if (percent(s) >= 0) {
        buf_printf(&line, "%3d %%  ", percent(s));
    }
    buf_printf(&line, "%s files, %s, %s/s", text_count(s->files, files), text_size(s->bytes, bytes),
               text_size(rate(app, s, now_ns), speed));
    put_left(&line, app, s, now_ns);
    if (s->errors > 0) {
        buf_printf(&line, ", %" PRIu64 " error%s", s->errors, s->errors == 1 ? "" : "s");
    }
    buf_printf(&line, "  ");
    width = term_width((const char *)line.data, line.len);
    text_put_shown(&path, s->path, s->path_len);
    if (width < columns) {
        term_put_tail(&line, (const char *)path.data, path.len, columns - width);
    } else if (line.len > columns) {
        line.len = columns; /* so far it is ASCII */
    }
    if (buf_error(&line) == 0 && buf_error(&path) == 0) {
        put_clear(app);
        out_text(&app->err, WRAP_OFF);
        out_put(&app->err, line.data, line.len);
        out_text(&app->err, WRAP_ON);
        out_flush(&app->err);
        app->progress.shown = true;
        app->progress.width = term_width((const char *)line.data, line.len);
    }
    buf_release(&line);
    buf_release(&path);
}

static void draw_json(struct app *app, const struct progress_state *s, int64_t now_ns)
{
    struct json *j = &app->json;

    json_object(j, NULL);
    json_text(j, "type", "progress");
    json_number(j, "files", s->files);
    json_number(j, "bytes", s->bytes);
    if (s->files_expected > 0) {
        json_number(j, "files_expected", s->files_expected);
    } else {
        json_null(j, "files_expected");
    }
    if (s->bytes_expected > 0) {
        json_number(j, "bytes_expected", s->bytes_expected);
    } else {
        json_null(j, "bytes_expected");
    }
    json_number(j, "errors", s->errors);
    json_name(j, "path", s->path == NULL ? "" : s->path, s->path_len);
    json_seconds(j, "elapsed_seconds", now_ns - app->progress.started_ns);
    json_end_object(j);
    out_flush(&app->out);
}

void progress_update(struct app *app, const struct progress_state *s)
{
    struct progress *p = &app->progress;
    int64_t now_ns, pause_ns = p->as_json ? JSON_PAUSE_NS : TERMINAL_PAUSE_NS;

    if (!p->on_terminal && !p->as_json) {
        return;
    }
    now_ns = clock_monotonic(app->clock);
    if (now_ns - (p->drawn_ns != 0 ? p->drawn_ns : p->started_ns) < pause_ns) {
        return;
    }
    pthread_mutex_lock(&app->lock);
    p->drawn_ns = now_ns;
    if (p->as_json) {
        draw_json(app, s, now_ns);
    } else {
        draw_terminal(app, s, now_ns);
    }
    pthread_mutex_unlock(&app->lock);
}
