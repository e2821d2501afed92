/*
 * report_plot.c - values over time as a small picture: SVG in the page, with text beside it.
 *
 * Its size is that of a phone, and grows with the page. A state is told by form as well as by
 * colour: a dot passed, a cross failed, a square is all else. Coordinates are whole tenths, put
 * without the help of a locale. Whoever can't see it gets its title and what is in it in words.
 */
#include <math.h>
#include <stdio.h>

#include "app/report_internal.h"
#include "base/clock.h"
#include "base/text.h"

#define WIDTH 360
#define HEIGHT 190
#define LEFT 66
#define RIGHT 14
#define TOP 26
#define BOTTOM 40
#define STEPS 4        /* lines of the grid above zero, at most */
#define MARKED_MAX 100 /* beyond so many points only what did not pass is marked */

enum unit { UNIT_PLAIN, UNIT_SECONDS, UNIT_BYTES };

static enum unit unit_of(const char *unit)
{
    if (unit[0] == 's' && unit[1] == '\0') {
        return UNIT_SECONDS;
    }
    return unit[0] == 'b' ? UNIT_BYTES : UNIT_PLAIN;
}

char *report_value(double value, const char *unit, char out[REPORT_VALUE_BYTES])
{
    double v = value > 0 ? fmin(value, 9e9) : 0;

    switch (unit_of(unit)) {
    case UNIT_SECONDS:
        return text_duration((int64_t)(v * (double)NS_PER_S), out);
    case UNIT_BYTES:
        return text_size(value > 0 ? (uint64_t)fmin(value, 9e18) : 0, out);
    default:
        snprintf(out, REPORT_VALUE_BYTES, "%g%s%.20s", value, unit[0] == '\0' ? "" : " ", unit);
        return out;
    }
}

/* --- scales --- */

struct scale {
    double step, top;          /* of values */
    int64_t first_ns, last_ns; /* of times */
    double lowest, highest;    /* what there is */
    const struct report_point *newest;
};

/* 1, 2, 5, 10, ...: the smallest that is enough. */
static double round_step(double need)
{
    double step = pow(10, floor(log10(need)));

    return step >= need       ? step
           : step * 2 >= need ? step * 2
           : step * 5 >= need ? step * 5
                              : step * 10;
}

/* Seconds, minutes, hours and days as clocks and calendars have them. */
static double clock_step(double need)
{
    static const double steps[] = { 1,   2,   5,    10,   15,   30,   60,    120,   180,   300,
                                    600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400 };
    const double day = 86400;

    for (size_t i = 0; need > 0.5 && i < sizeof steps / sizeof *steps; i++) {
        if (steps[i] >= need) {
            return steps[i];
        }
    }
    return need > day ? day * round_step(need / day) : round_step(need);
}

/* The smallest step that people count in and that STEPS of which reach. */
static double choose_step(double highest, enum unit unit)
{
    double need = highest / STEPS, step = 1;

    if (need <= 0) {
        return 1;
    }
    if (unit == UNIT_SECONDS) {
        return clock_step(need);
    }
    if (unit == UNIT_PLAIN) {
        return round_step(need);
    }
    while (step < need) {
        step *= 2;
    }
    return step;
}

static void scale_of(const struct report_part *plot, struct scale *s)
{
    *s = (struct scale){ .lowest = INFINITY };
    for (size_t i = 0; i < plot->count; i++) {
        const struct report_point *p = &plot->points[i];

        s->first_ns = i == 0 || p->time_ns < s->first_ns ? p->time_ns : s->first_ns;
        s->last_ns = i == 0 || p->time_ns > s->last_ns ? p->time_ns : s->last_ns;
        s->lowest = fmin(s->lowest, p->value);
        s->highest = fmax(s->highest, p->value);
        s->newest = s->newest == NULL || p->time_ns >= s->newest->time_ns ? p : s->newest;
    }
    s->step = choose_step(s->highest, unit_of(plot->text));
    s->top = s->step * fmax(1, ceil(s->highest / s->step));
}

static int x_of(const struct scale *s, int64_t time_ns)
{
    double span = (double)(s->last_ns - s->first_ns);
    double share = span > 0 ? (double)(time_ns - s->first_ns) / span : 0.5;

    return (int)lround(10 * (LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16)));
}

static int y_of(const struct scale *s, double value)
{
    return (int)lround(10 * (HEIGHT - BOTTOM - value / s->top * (HEIGHT - TOP - BOTTOM)));
}

/* --- drawing --- */

static void put_at(struct buf *b, const char *name, int tenths)
{
    buf_printf(b, " %s=\"%d.%d\"", name, tenths / 10, tenths % 10);
}

static void put_words(struct buf *b, const struct report_part *plot, const struct scale *s,
                      size_t id)
{
    char low[REPORT_VALUE_BYTES], high[REPORT_VALUE_BYTES], last[REPORT_VALUE_BYTES];

    buf_printf(b, "<title id=\"plot%zu\">", id);
    report_put_markup(b, plot->name, false);
    buf_printf(b,
               "</title><desc id=\"plot%zud\">%zu values from %s to %s; the newest is %s.</desc>\n",
               id, plot->count, report_value(s->lowest, plot->text, low),
               report_value(s->highest, plot->text, high),
               report_value(s->newest->value, plot->text, last));
}

static void put_value_axis(struct buf *b, const struct report_part *plot, const struct scale *s)
{
    static const char *const names[] = { [UNIT_SECONDS] = "duration", [UNIT_BYTES] = "size" };
    enum unit unit = unit_of(plot->text);
    char label[REPORT_VALUE_BYTES];

    buf_printf(b, "<text x=\"%d\" y=\"12\" class=\"axis\">", 4);
    report_put_markup(b, unit == UNIT_PLAIN ? plot->text : names[unit], false);
    buf_printf(b, "</text>\n");
    for (double v = 0; v < s->top + s->step / 2; v += s->step) {
        int y = y_of(s, v);

        buf_printf(b, "<line class=\"%s\" x1=\"%d\" x2=\"%d\"", v > 0 ? "grid" : "base", LEFT,
                   WIDTH - RIGHT);
        put_at(b, "y1", y);
        put_at(b, "y2", y);
        buf_printf(b, "/><text x=\"%d\"", LEFT - 6);
        put_at(b, "y", y + 40);
        buf_printf(b, " text-anchor=\"end\">");
        report_put_markup(b, v > 0 ? report_value(v, plot->text, label) : "0", false);
        buf_printf(b, "</text>\n");
    }
}

/* Days; within two of them the time as well, and within two hours its seconds. */
static void put_time_axis(struct buf *b, const struct scale *s)
{
    const int64_t day = 86400 * NS_PER_S;
    int64_t span = s->last_ns - s->first_ns;
    char text[TEXT_TIME_BYTES];
    int cut = span >= 2 * day ? 10 : span >= day / 12 ? 16 : 19;

    text_time_local(s->first_ns, text);
    buf_printf(b, "<text x=\"%d\" y=\"%d\">%.*s</text>", LEFT, HEIGHT - BOTTOM + 17, cut, text);
    text_time_local(s->last_ns, text);
    buf_printf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.*s</text>\n", WIDTH - RIGHT,
               HEIGHT - BOTTOM + 17, cut, text);
    buf_printf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" class=\"axis\">date</text>\n",
               (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6);
}

static void put_line(struct buf *b, const struct report_part *plot, const struct scale *s)
{
    const char *between = "";

    buf_printf(b, "<polyline points=\"");
    for (size_t i = 0; i < plot->count; i++) {
        const struct report_point *p = &plot->points[i];

        int x = x_of(s, p->time_ns), y = y_of(s, p->value);

        buf_printf(b, "%s%d.%d,%d.%d", between, x / 10, x % 10, y / 10, y % 10);
        between = " ";
    }
    buf_printf(b, "\"/>\n");
}

static void put_mark(struct buf *b, const struct report_part *plot, const struct scale *s,
                     const struct report_point *p)
{
    int x = x_of(s, p->time_ns), y = y_of(s, p->value);
    char when[TEXT_TIME_BYTES], value[REPORT_VALUE_BYTES];

    buf_printf(b, "<g class=\"%s\" transform=\"translate(%d.%d %d.%d)\"><title>",
               report_state_word(p->state), x / 10, x % 10, y / 10, y % 10);
    buf_printf(b, "%s: ", text_time_local(p->time_ns, when));
    report_put_markup(b, report_value(p->value, plot->text, value), false);
    buf_printf(b, ", %s</title>", report_state_word(p->state));
    if (p->state == REPORT_PASS) {
        buf_printf(b, "<circle r=\"3.5\"/>");
    } else if (p->state == REPORT_FAIL) {
        buf_printf(b, "<path d=\"M-4-4 4 4M-4 4 4-4\"/>");
    } else {
        buf_printf(b, "<rect x=\"-3\" y=\"-3\" width=\"6\" height=\"6\"/>");
    }
    buf_printf(b, "</g>\n");
}

void report_put_plot(struct buf *b, const struct report_part *plot, size_t id)
{
    struct scale s;

    scale_of(plot, &s);
    buf_printf(b, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"plot%zu plot%zud\">",
               WIDTH, HEIGHT, id, id);
    put_words(b, plot, &s, id);
    put_value_axis(b, plot, &s);
    put_time_axis(b, &s);
    put_line(b, plot, &s);
    for (size_t i = 0; i < plot->count; i++) {
        const struct report_point *p = &plot->points[i];

        if (plot->count <= MARKED_MAX || p->state != REPORT_PASS) {
            put_mark(b, plot, &s, p);
        }
    }
    buf_printf(b, "</svg>\n");
}
