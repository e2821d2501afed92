/*
 * status_table.c - see status_table.h.
 */
#include "app/status_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/term.h"
#include "base/clock.h"
#include "base/text.h"

#define COLUMNS 10
#define COLUMN_STATE 1
#define NAME_MAX_SHOWN 18 /* columns of a job's name */

struct grid {
    struct buf text; /* cells, each with a NUL behind it, row by row */
    size_t cells;
    size_t width[COLUMNS];
};

static const char *const titles[COLUMNS] = { "JOB",  "STATE", "AGE",   "LIMIT", "NEXT",
                                             "SIZE", "TREND", "CHECK", "DRILL", "READY" };
static const bool right[COLUMNS] = {
    false, false, true, true, true, true, true, true, true, false
};

static const char *const colours[] = {
    [STATUS_UNREACHABLE] = "\033[1;31m", [STATUS_STALE] = "\033[1;31m",
    [STATUS_RUNNING] = "\033[36m",       [STATUS_FAILED] = "\033[33m",
    [STATUS_INCOMPLETE] = "\033[33m",    [STATUS_OK] = "\033[32m",
};

static void put_cell(struct grid *g, const char *text)
{
    size_t width = term_width(text, strlen(text)), column = g->cells % COLUMNS;

    buf_put(&g->text, text, strlen(text) + 1);
    g->width[column] = width > g->width[column] ? width : g->width[column];
    g->cells++;
}

/* One unit is enough to see what is wrong: 45s, 12m, 47h, 12d. */
static const char *short_age(int64_t ns, char out[TEXT_SIZE_BYTES])
{
    static const struct {
        int64_t seconds, up_to;
        char unit;
    } units[] = { { 1, 120, 's' }, { 60, 7200, 'm' }, { 3600, 172800, 'h' }, { 86400, 0, 'd' } };
    int64_t s = ns < 0 ? 0 : ns / NS_PER_S;
    size_t i = 0;

    while (units[i].up_to != 0 && s >= units[i].up_to) {
        i++;
    }
    snprintf(out, TEXT_SIZE_BYTES, "%" PRId64 "%c", s / units[i].seconds, units[i].unit);
    return out;
}

static void put_age(struct grid *g, int64_t ns, const char *none)
{
    char text[TEXT_SIZE_BYTES];

    put_cell(g, ns < 0 ? none : short_age(ns, text));
}

/* A column for each of the last points, or by how much the last differs from the first of them. */
static void put_trend(struct grid *g, const struct status_job *j, bool unicode)
{
    static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    uint64_t first, last, most = 1;
    char text[64] = "-";
    size_t at = 0;

    if (j->point_count < 2) {
        put_cell(g, "-");
        return;
    }
    first = j->points[0].bytes;
    last = j->points[j->point_count - 1].bytes;
    for (size_t i = 0; i < j->point_count; i++) {
        most = j->points[i].bytes > most ? j->points[i].bytes : most;
    }
    for (size_t i = 0; unicode && i < j->point_count; i++) {
        double part = (double)j->points[i].bytes / (double)most;

        at += (size_t)snprintf(text + at, sizeof text - at, "%s", bars[(int)(part * 7.0)]);
    }
    if (!unicode && first > 0) {
        double percent = 100.0 * ((double)last - (double)first) / (double)first;

        snprintf(text, sizeof text, percent > 999 ? ">+999%%" : "%+.0f%%", percent);
    }
    put_cell(g, text);
}

/* When it was done last; with a mark if it failed. */
static void put_proof(struct grid *g, const struct status_proof *p, int64_t now_ns)
{
    char age[TEXT_SIZE_BYTES], text[TEXT_SIZE_BYTES + 2];

    if (p->ns == 0) {
        put_cell(g, "-");
        return;
    }
    snprintf(text, sizeof text, "%s%s", p->passed ? "" : "!", short_age(now_ns - p->ns, age));
    put_cell(g, text);
}

static void put_name(struct grid *g, const char *name)
{
    size_t len = strlen(name);
    struct buf b;

    buf_init(&b);
    if (len <= NAME_MAX_SHOWN) {
        buf_put(&b, name, len);
    } else {
        buf_printf(&b, "%.*s..", NAME_MAX_SHOWN - 2, name);
    }
    put_cell(g, buf_text(&b));
    buf_release(&b);
}

static void put_row(struct grid *g, const struct status *s, const struct status_job *j,
                    bool unicode)
{
    const struct status_point *last = j->point_count > 0 ? &j->points[j->point_count - 1] : NULL;
    char size[TEXT_SIZE_BYTES];

    put_name(g, j->job->name);
    put_cell(g, status_state_name(status_of(j)));
    put_age(g, j->good_ns != 0 ? s->now_ns - j->good_ns : -1, j->code != 0 ? "?" : "never");
    put_age(g, j->stale_after_ns > 0 ? j->stale_after_ns : -1, "-");
    put_age(g, j->next_ns != 0 ? j->next_ns - s->now_ns : -1, j->why_not[0] != '\0' ? "?" : "-");
    put_cell(g, last != NULL ? text_size(last->bytes, size) : "-");
    put_trend(g, j, unicode);
    put_proof(g, &j->check, s->now_ns);
    put_proof(g, &j->drill, s->now_ns);
    put_cell(g, !j->judged ? "-" : j->ready ? "yes" : "NO");
}

static void put_blanks(struct buf *b, size_t count)
{
    while (count-- > 0) {
        buf_put_u8(b, ' ');
    }
}

static void print_cell(struct buf *b, const struct grid *g, size_t column, const char *text,
                       const char *colour)
{
    size_t width = term_width(text, strlen(text)), pad = g->width[column] - width;

    if (column > 0) {
        put_blanks(b, 2);
    }
    if (right[column]) {
        put_blanks(b, pad);
    }
    buf_printf(b, "%s%s%s", colour, text, colour[0] != '\0' ? "\033[0m" : "");
    if (!right[column] && column + 1 < COLUMNS) {
        put_blanks(b, pad);
    }
}

/* The last column is there only if some job has a policy. */
static void print_grid(struct buf *b, const struct grid *g, const struct status *s, bool ready,
                       bool coloured)
{
    const char *text = (const char *)g->text.data;

    for (size_t i = 0; i < g->cells; i++, text += strlen(text) + 1) {
        size_t row = i / COLUMNS, column = i % COLUMNS;
        bool paint = coloured && column == COLUMN_STATE && row > 0;

        if (column + 1 < COLUMNS || ready) {
            print_cell(b, g, column, text, paint ? colours[status_of(s->jobs[row - 1])] : "");
        }
        if (column + 1 == COLUMNS) {
            buf_printf(b, "\n");
        }
    }
}

/* What is wrong, and what could be done about it. */
static void put_sentence(struct buf *b, const struct status *s, const struct status_job *j)
{
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES];
    const char *name = j->job->name;

    if (j->code != 0) {
        buf_printf(b, "%s: ", name);
        text_put_shown(b, j->trail.text, strlen(j->trail.text));
        buf_printf(b, "\n");
    }
    if (j->stale && j->good_ns == 0) {
        buf_printf(b, "%s: there is no good point yet\n", name);
    } else if (j->stale && j->good_ns > s->now_ns) {
        buf_printf(b, "%s: the last good point is of the future, by %s: a clock is wrong\n", name,
                   text_duration(j->good_ns - s->now_ns, x));
    } else if (j->stale) {
        buf_printf(b, "%s: the last good point is %s old and may be %s\n", name,
                   text_duration(s->now_ns - j->good_ns, x), text_duration(j->stale_after_ns, y));
    }
    if (j->memory.run.exit != 0 && !j->running) {
        buf_printf(b, "%s: the last run, %s ago, ended with exit code %d\n", name,
                   text_duration(s->now_ns - j->memory.run.ns, x), j->memory.run.exit);
    }
    if (j->check.ns != 0 && !j->check.passed) {
        buf_printf(b, "%s: the last check did not pass\n", name);
    }
    if (j->drill.ns != 0 && !j->drill.passed) {
        buf_printf(b, "%s: the last drill did not pass\n", name);
    }
    if (j->judged && !j->ready) {
        buf_printf(b, "%s: not ready: %s\n", name, j->not_ready);
    }
    if (j->why_not[0] != '\0') {
        buf_printf(b, "%s: when it runs next can't be told: %s\n", name, j->why_not);
    }
}

static void put_counts(struct buf *b, const struct status *s)
{
    size_t counts[STATUS_OK + 1] = { 0 };
    const char *before = ": ";

    for (size_t i = 0; i < s->count; i++) {
        counts[status_of(s->jobs[i])]++;
    }
    buf_printf(b, "%zu job%s", s->count, s->count == 1 ? "" : "s");
    for (int state = STATUS_OK; state >= 0; state--) {
        if (counts[state] > 0) {
            buf_printf(b, "%s%zu %s", before, counts[state],
                       status_state_name((enum status_state)state));
            before = ", ";
        }
    }
    buf_printf(b, "\n");
}

void status_table_put(struct buf *b, const struct status *s, const struct status_table_style *style)
{
    struct grid g = { 0 };
    bool ready = false;

    buf_init(&g.text);
    for (size_t i = 0; i < COLUMNS; i++) {
        put_cell(&g, titles[i]);
    }
    for (size_t i = 0; i < s->count; i++) {
        put_row(&g, s, s->jobs[i], style->unicode);
        ready = ready || s->jobs[i]->judged;
    }
    if (buf_error(&g.text) != 0) {
        b->error = g.text.error;
    } else {
        print_grid(b, &g, s, ready, style->colours);
    }
    buf_release(&g.text);
    for (size_t i = 0; i < s->count; i++) {
        put_sentence(b, s, s->jobs[i]);
    }
    put_counts(b, s);
}
