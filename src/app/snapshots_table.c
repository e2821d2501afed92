/*
 * snapshots_table.c - see snapshots_table.h. Its columns are the rows of another table.
 */
#include "app/snapshots_table.h"

#include <inttypes.h>
#include <string.h>

#include "app/select.h"
#include "app/table.h"
#include "app/term.h"
#include "base/clock.h"
#include "base/text.h"

/* The cells of a gap, and of a point */

static void age_of(struct table *t, int64_t then_ns, int64_t now_ns)
{
    char age[TEXT_SIZE_BYTES];
    int64_t ns;

    if (__builtin_sub_overflow(now_ns, then_ns, &ns) || ns < 0) {
        table_cell(t, "-");
        return;
    }
    table_cell(t, "%s", text_duration(ns - ns % NS_PER_S, age));
}

static void gap_number_cell(struct table *t, const struct catalog_gap *g, int64_t now_ns)
{
    (void)now_ns;
    table_cell(t, "%" PRIu64, g->number);
}

static void gap_no_cell(struct table *t, const struct catalog_gap *g, int64_t now_ns)
{
    (void)g;
    (void)now_ns;
    table_cell(t, "-");
}

static void gap_blank_cell(struct table *t, const struct catalog_gap *g, int64_t now_ns)
{
    (void)g;
    (void)now_ns;
    table_cell(t, "%s", "");
}

static void gap_time_cell(struct table *t, const struct catalog_gap *g, int64_t now_ns)
{
    char when[TEXT_TIME_BYTES];

    (void)now_ns;
    table_cell(t, "%s", text_time_local(g->begin_ns, when));
}

static void gap_age_cell(struct table *t, const struct catalog_gap *g, int64_t now_ns)
{
    age_of(t, g->begin_ns, now_ns);
}

static void gap_job_cell(struct table *t, const struct catalog_gap *g, int64_t now_ns)
{
    (void)now_ns;
    table_name(t, g->job, strlen(g->job));
}

static void gap_host_cell(struct table *t, const struct catalog_gap *g, int64_t now_ns)
{
    (void)now_ns;
    table_name(t, g->host, strlen(g->host));
}

static void gap_note_cell(struct table *t, const struct catalog_gap *g, int64_t now_ns)
{
    char length[TEXT_SIZE_BYTES] = "open";
    int64_t ns;

    (void)now_ns;
    if (g->closed_by != 0 && !__builtin_sub_overflow(g->end_ns, g->begin_ns, &ns)) {
        text_duration(ns < NS_PER_S ? ns : ns - ns % NS_PER_S, length);
    }
    table_cell(t, "gap %s %s", length, gapevent_reason_name(g->reason));
}

static void number_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    (void)now_ns;
    table_cell(t, "%" PRIu64, p->snapshot->number);
}

static void id_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    char id[33];

    (void)now_ns;
    table_cell(t, "%.*s", SELECT_ID_SHOWN, text_hex(p->snapshot->id, 16, id));
}

static void time_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    char when[TEXT_TIME_BYTES];

    (void)now_ns;
    table_cell(t, "%s", text_time_local(p->snapshot->commit.end_ns, when));
}

static void age_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    age_of(t, p->snapshot->commit.end_ns, now_ns);
}

static void job_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    (void)now_ns;
    table_name(t, p->snapshot->commit.job, strlen(p->snapshot->commit.job));
}

static void host_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    (void)now_ns;
    table_name(t, p->snapshot->commit.host, strlen(p->snapshot->commit.host));
}

static void class_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    const struct commit *c = &p->snapshot->commit;

    (void)now_ns;
    table_cell(t, "%s%s", commit_class_name(c->class),
               (c->flags & COMMIT_ASSERTED) != 0 ? "?" : "");
}

static void files_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    char count[TEXT_SIZE_BYTES];

    (void)now_ns;
    table_cell(t, "%s", text_count(p->snapshot->commit.counts.files, count));
}

static void size_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    char size[TEXT_SIZE_BYTES];

    (void)now_ns;
    table_cell(t, "%s", text_size(p->snapshot->commit.counts.bytes, size));
}

/* What the repository grew by. */
static void added_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    char size[TEXT_SIZE_BYTES];

    (void)now_ns;
    table_cell(t, "%s", text_size(p->snapshot->commit.counts.bytes_stored, size));
}

/* What is not as usual with a point. */
static void note_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    const char *forgotten = p->snapshot->forgotten_by != 0 ? "forgotten " : "";
    const char *clock = p->clock_flag ? "clock " : "";
    const char *future = p->snapshot->commit.end_ns > now_ns ? "future " : "";
    const char *partly = (p->snapshot->commit.flags & COMMIT_COMPLETE) == 0 ? "incomplete " : "";

    table_cell(t, "%s%s%s%s", forgotten, clock, future, partly);
}

static void tags_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    (void)now_ns;
    select_tags_cell(t, p->snapshot);
}

static void paths_cell(struct table *t, const struct timeline_point *p, int64_t now_ns)
{
    (void)now_ns;
    select_paths_cell(t, p->snapshot);
}

static const struct column {
    const char *title; /* as in table.h */
    void (*put)(struct table *t, const struct timeline_point *p, int64_t now_ns);
    void (*put_gap)(struct table *t, const struct catalog_gap *g, int64_t now_ns);
    unsigned spare; /* on a terminal too narrow for all, the highest is left out first; 0: never */
} columns[] = {
    { ">number", number_cell, gap_number_cell, 0 }, { "id", id_cell, gap_no_cell, 0 },
    { "time", time_cell, gap_time_cell, 0 },        { ">age", age_cell, gap_age_cell, 3 },
    { "job", job_cell, gap_job_cell, 0 },           { "host", host_cell, gap_host_cell, 1 },
    { "class", class_cell, gap_no_cell, 7 },        { ">files", files_cell, gap_no_cell, 6 },
    { ">size", size_cell, gap_no_cell, 2 },         { ">added", added_cell, gap_no_cell, 4 },
    { "note", note_cell, gap_note_cell, 0 },        { "tags", tags_cell, gap_blank_cell, 5 },
    { "paths", paths_cell, gap_blank_cell, 8 },
};
#define COLUMNS (sizeof columns / sizeof columns[0])
#define SPARE_ALL 8u

static void put_gap_row(struct table *t, const struct catalog_gap *g, int64_t now_ns,
                        unsigned spare)
{
    for (size_t k = 0; k < COLUMNS; k++) {
        if (columns[k].spare <= spare) {
            columns[k].put_gap(t, g, now_ns);
        }
    }
}

static void put_row(struct table *t, const struct timeline_point *p, int64_t now_ns, unsigned spare)
{
    for (size_t k = 0; k < COLUMNS; k++) {
        if (columns[k].spare <= spare) {
            columns[k].put(t, p, now_ns);
        }
    }
}

/* Fills the table with the columns whose spare is at most so much. */
static void fill_table(struct table *t, const struct timeline_list *l,
                       const struct timeline_gap_list *gaps, int64_t now_ns, unsigned spare)
{
    const char *titles[COLUMNS];
    size_t count = 0, gap = 0;

    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].spare <= spare) {
            titles[count++] = columns[i].title;
        }
    }
    table_init(t, titles, count);
    for (size_t i = 0; i <= l->count; i++) {
        for (; gap < gaps->count && gaps->gaps[gap].before == i; gap++) {
            put_gap_row(t, gaps->gaps[gap].gap->gap, now_ns, spare);
        }
        if (i < l->count) {
            put_row(t, l->points[i], now_ns, spare);
        }
    }
}

/* How much may be spared so that the rows fit; t has all columns, and so knows their widths. */
static unsigned choose_spare(const struct table *t, size_t room)
{
    unsigned spare = SPARE_ALL;

    for (;; spare--) {
        size_t width = 0;

        for (size_t i = 0; i < COLUMNS; i++) {
            width += columns[i].spare <= spare ? t->width[i] + 2 : 0;
        }
        if (spare == 0 || width - 2 <= room) {
            return spare;
        }
    }
}

void snapshots_table_print(struct app *app, const struct timeline_list *l,
                           const struct timeline_gap_list *gaps)
{
    int64_t now_ns = clock_wall(app->clock);
    unsigned spare = SPARE_ALL;
    struct table t;

    fill_table(&t, l, gaps, now_ns, spare);
    if (term_is_live(app->out.fd)) {
        spare = choose_spare(&t, term_columns(app->out.fd));
    }
    if (spare < SPARE_ALL) {
        table_release(&t);
        fill_table(&t, l, gaps, now_ns, spare);
    }
    table_print(&t, &app->out);
    table_release(&t);
}
