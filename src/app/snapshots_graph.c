/*
 * snapshots_graph.c - see snapshots_graph.h.
 *
 *     web/a   ▂▂▂▂▂ ▂▂▂▂▂ ▂▂▂▂▂ ▄▄▄▄█     32   2h 5m   1.2 GiB
 *             └ 2026-11-01  └ 2026-11-14
 */
#include "app/snapshots_graph.h"

#include <stdio.h>
#include <string.h>

#include "app/snapshots_axis.h"
#include "app/term.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define LABEL_MAX 24
#define CHART_MIN 10
#define LANE_ROWS_MAX 4
#define FACTS_WIDTH 32 /* of what stands to the right of a lane */
#define TICKS_MAX 64

struct lane {
    char *label; /* NULL: no point is in it */
    size_t label_width;
    uint64_t count, bytes;
    int64_t newest_ns;
    uint32_t *bins; /* points by column */
    bool *marks;    /* columns with a point whose clock was wrong */
    bool *gaps;     /* columns that a gap lies over */
    bool marked;    /* any with a wrong clock */
};

struct graph {
    const struct snapshots_graph_style *style;
    struct lane *lanes; /* by group of the timeline */
    size_t lane_count, lanes_used;
    size_t label_width, chart_width, lane_rows;
    int64_t begin_ns, end_ns;
    struct buf *out;
};

static const struct commit *commit_of(const struct timeline_point *p)
{
    return &p->snapshot->commit;
}

static int64_t second_of(int64_t ns)
{
    return ns / NS_PER_S - (ns % NS_PER_S < 0);
}

/* Gathering */

/* From the first point whose clock is believed, to now. */
static void find_span(struct graph *g, const struct timeline_list *points)
{
    g->end_ns = g->style->now_ns;
    g->begin_ns = g->end_ns;
    for (size_t i = 0; i < points->count; i++) {
        int64_t end = commit_of(points->points[i])->end_ns;

        if (!points->points[i]->clock_flag && end < g->begin_ns) {
            g->begin_ns = end;
        }
    }
    if (second_of(g->end_ns) - second_of(g->begin_ns) < 60) {
        g->begin_ns = g->end_ns - 60 * NS_PER_S;
    }
}

static size_t column_of(const struct graph *g, int64_t ns)
{
    double span = (double)g->end_ns - (double)g->begin_ns;
    double at = ((double)ns - (double)g->begin_ns) / span * (double)g->chart_width;

    if (at < 0) {
        return 0;
    }
    return at < (double)g->chart_width ? (size_t)at : g->chart_width - 1;
}

static int begin_lane(struct lane *l, const struct commit *c)
{
    struct buf whole, shown;

    buf_init(&whole);
    buf_init(&shown);
    text_put_shown(&whole, c->job, strlen(c->job));
    buf_put_u8(&whole, '/');
    text_put_shown(&whole, c->host, strlen(c->host));
    term_put_tail(&shown, (const char *)whole.data, whole.len, LABEL_MAX);
    l->label_width = term_width((const char *)shown.data, shown.len);
    buf_put_u8(&shown, 0);
    l->label = buf_error(&whole) != 0 ? NULL : (char *)buf_take(&shown, NULL);
    l->newest_ns = INT64_MIN;
    buf_release(&whole);
    buf_release(&shown);
    return l->label == NULL ? err_nomem() : 0;
}

/* Labels, and from their widths that of the chart. */
static int make_lanes(struct graph *g, const struct timeline_list *points)
{
    int rc = 0;

    for (size_t i = 0; i < points->count; i++) {
        g->lane_count = points->points[i]->group >= g->lane_count ? points->points[i]->group + 1
                                                                  : g->lane_count;
    }
    g->lanes = mem_array(g->lane_count + 1, sizeof *g->lanes);
    if (g->lanes == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; rc == 0 && i < points->count; i++) {
        struct lane *l = &g->lanes[points->points[i]->group];

        if (l->label == NULL) {
            rc = begin_lane(l, commit_of(points->points[i]));
            g->label_width = l->label_width > g->label_width ? l->label_width : g->label_width;
            g->lanes_used++;
        }
    }
    return rc;
}

static int make_bins(struct graph *g)
{
    size_t around = g->label_width + 2 + FACTS_WIDTH;

    g->chart_width = g->style->columns > around + CHART_MIN ? g->style->columns - around
                                                            : CHART_MIN;
    for (size_t i = 0; i < g->lane_count; i++) {
        g->lanes[i].bins = mem_array(g->chart_width, sizeof *g->lanes[i].bins);
        g->lanes[i].marks = mem_array(g->chart_width, sizeof *g->lanes[i].marks);
        g->lanes[i].gaps = mem_array(g->chart_width, sizeof *g->lanes[i].gaps);
        if (g->lanes[i].bins == NULL || g->lanes[i].marks == NULL || g->lanes[i].gaps == NULL) {
            return err_nomem();
        }
    }
    return 0;
}

static void count_points(struct graph *g, const struct timeline_list *points)
{
    for (size_t i = 0; i < points->count; i++) {
        const struct timeline_point *p = points->points[i];
        const struct commit *c = commit_of(p);
        struct lane *l = &g->lanes[p->group];
        size_t column = column_of(g, c->end_ns);

        l->count++;
        l->bytes += c->counts.bytes_stored;
        l->bins[column]++;
        if (p->clock_flag || c->end_ns > g->end_ns) {
            l->marks[column] = l->marked = true;
        } else if (c->end_ns > l->newest_ns) {
            l->newest_ns = c->end_ns;
        }
    }
}

static void mark_gaps(struct graph *g, const struct timeline_gap_list *gaps)
{
    for (size_t i = 0; i < gaps->count; i++) {
        const struct catalog_gap *gap = gaps->gaps[i].gap->gap;
        struct lane *l = &g->lanes[gaps->gaps[i].gap->group];
        size_t first = column_of(g, gap->begin_ns);
        size_t last = gap->closed_by == 0 ? g->chart_width - 1 : column_of(g, gap->end_ns);

        for (size_t k = first; k <= last; k++) {
            l->gaps[k] = true;
        }
    }
}

static void release(struct graph *g)
{
    for (size_t i = 0; g->lanes != NULL && i < g->lane_count; i++) {
        mem_free(g->lanes[i].label);
        mem_free(g->lanes[i].bins);
        mem_free(g->lanes[i].marks);
        mem_free(g->lanes[i].gaps);
    }
    mem_free(g->lanes);
}

/* Drawing */

static void blanks(struct graph *g, size_t count)
{
    buf_printf(g->out, "%*s", (int)count, "");
}

static void colour(struct graph *g, const char *code)
{
    if (g->style->colours) {
        buf_printf(g->out, "\033[%sm", code);
    }
}

/* What a cell looks like that is filled to so many eighths. */
static const char *cell(const struct graph *g, size_t eighths)
{
    static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    static const char *const signs[] = { " ", ".", ".", ":", ":", "|", "|", "#", "#" };

    return (g->style->unicode ? blocks : signs)[eighths];
}

/* How high a column stands, in eighths of a row; one point is always to be seen. */
static size_t height_of(const struct graph *g, const struct lane *l, uint32_t most, size_t column)
{
    size_t full = g->lane_rows * 8;

    return most == 0 ? 0 : (size_t)(((uint64_t)l->bins[column] * full + most - 1) / most);
}

/* At the bottom, where no point is. */
static const char *foot(const struct graph *g, const struct lane *l, size_t column)
{
    if (l->gaps[column]) {
        return g->style->unicode ? "░" : "~";
    }
    return g->style->unicode ? "·" : "-";
}

/* One row of a lane, 0 at the bottom. */
static void draw_bars(struct graph *g, const struct lane *l, uint32_t most, size_t row)
{
    const char *now = "";

    for (size_t i = 0; i < g->chart_width; i++) {
        size_t height = height_of(g, l, most, i);
        size_t here = height <= row * 8 ? 0 : height - row * 8 > 8 ? 8 : height - row * 8;
        bool is_gap = here == 0 && row == 0 && l->gaps[i];
        const char *wanted = is_gap ? "31" : here == 0 ? "2" : l->marks[i] ? "33" : "36";

        if (strcmp(now, wanted) != 0) {
            colour(g, "0");
            colour(g, wanted);
            now = wanted;
        }
        buf_printf(g->out, "%s", here == 0 && row == 0 ? foot(g, l, i) : cell(g, here));
    }
    colour(g, "0");
}

static void draw_facts(struct graph *g, const struct lane *l)
{
    char count[TEXT_SIZE_BYTES], age[TEXT_SIZE_BYTES], size[TEXT_SIZE_BYTES];

    text_count(l->count, count);
    text_size(l->bytes, size);
    if (l->newest_ns == INT64_MIN) {
        memcpy(age, "?", 2);
    } else {
        text_duration(second_of(g->end_ns - l->newest_ns) * NS_PER_S, age);
    }
    buf_printf(g->out, "%*s %*s %*s", 10, count, 10, age, 10, size);
}

static void draw_marks(struct graph *g, const struct lane *l)
{
    size_t last = 0;

    blanks(g, g->label_width + 2);
    for (size_t i = 0; i < g->chart_width; i++) {
        last = l->marks[i] ? i + 1 : last;
    }
    colour(g, "33");
    for (size_t i = 0; i < last; i++) {
        buf_printf(g->out, "%s", l->marks[i] ? "!" : " ");
    }
    colour(g, "0");
    buf_printf(g->out, "\n");
}

/* As high as the screen allows; lanes of more than one row have a free one above. */
static size_t rows_of_lane(const struct graph *g)
{
    size_t rows = g->style->rows > 5 ? (g->style->rows - 5) / g->lanes_used : 1;

    if (rows < 3) {
        return 1;
    }
    return rows > LANE_ROWS_MAX ? LANE_ROWS_MAX : rows - 1;
}

static void draw_lane(struct graph *g, const struct lane *l)
{
    uint32_t most = 0;

    if (g->lane_rows > 1) {
        buf_printf(g->out, "\n");
    }
    for (size_t i = 0; i < g->chart_width; i++) {
        most = l->bins[i] > most ? l->bins[i] : most;
    }
    for (size_t row = g->lane_rows; row-- > 0;) {
        buf_printf(g->out, "%s", row == 0 ? l->label : "");
        blanks(g, g->label_width + 2 - (row == 0 ? l->label_width : 0));
        draw_bars(g, l, most, row);
        if (row == 0) {
            draw_facts(g, l);
        }
        buf_printf(g->out, "\n");
    }
    if (l->marked) {
        draw_marks(g, l);
    }
}

static void draw_axis(struct graph *g)
{
    struct snapshots_axis_tick ticks[TICKS_MAX];
    size_t count = snapshots_axis_ticks(g->begin_ns, g->end_ns, g->chart_width, ticks, TICKS_MAX);
    size_t drawn = 0;

    blanks(g, g->label_width + 2);
    colour(g, "2");
    for (size_t i = 0; i < count; i++) {
        size_t column = column_of(g, ticks[i].at_ns);

        if (column >= drawn) { /* else the label before it is in its place */
            blanks(g, column - drawn);
            buf_printf(g->out, "%s %s", g->style->unicode ? "└" : "|", ticks[i].label);
            drawn = column + 2 + strlen(ticks[i].label);
        }
    }
    colour(g, "0");
    buf_printf(g->out, "\n");
}

/* From when on, and how long a column is if there is room to say so. */
static void draw_head(struct graph *g)
{
    size_t room = g->label_width + 2 + g->chart_width;
    int64_t ns = (g->end_ns - g->begin_ns) / (int64_t)g->chart_width;
    char since[TEXT_TIME_BYTES], width[TEXT_SIZE_BYTES], head[160];
    size_t len;

    text_time_local(g->begin_ns, since);
    text_duration(ns < NS_PER_S ? ns : second_of(ns) * NS_PER_S, width);
    len = (size_t)snprintf(head, sizeof head, "from %.16s to now, %s a column", since, width);
    if (len > room) {
        len = (size_t)snprintf(head, sizeof head, "from %.16s", since);
    }
    if (len > room) {
        len = 0;
    }
    buf_put(g->out, head, len);
    blanks(g, room - len);
    buf_printf(g->out, "%*s %*s %*s\n", 10, "points", 10, "newest", 10, "added");
}

static void draw(struct graph *g, bool any_gap)
{
    bool marked = false;

    draw_head(g);
    for (size_t i = 0; i < g->lane_count; i++) {
        if (g->lanes[i].label != NULL) {
            draw_lane(g, &g->lanes[i]);
            marked = marked || g->lanes[i].marked;
        }
    }
    draw_axis(g);
    if (marked) {
        buf_printf(g->out, "! a clock was wrong: the point is of the future, or had gone back\n");
    }
    if (any_gap) {
        buf_printf(g->out, "%s a gap: changes may have been missed\n",
                   g->style->unicode ? "░" : "~");
    }
}

int snapshots_graph_draw(const struct timeline_list *points, const struct timeline_gap_list *gaps,
                         const struct snapshots_graph_style *style, struct buf *out)
{
    struct graph g = { .style = style, .out = out };
    int rc = make_lanes(&g, points);

    if (rc == 0) {
        rc = make_bins(&g);
    }
    if (rc == 0) {
        g.lane_rows = rows_of_lane(&g);
        find_span(&g, points);
        count_points(&g, points);
        mark_gaps(&g, gaps);
        draw(&g, gaps->count > 0);
        rc = buf_error(out);
    }
    release(&g);
    return rc;
}
