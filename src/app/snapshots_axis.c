/*
 * snapshots_axis.c - see snapshots_axis.h.
 */
#include "app/snapshots_axis.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

enum unit { UNIT_MINUTE, UNIT_HOUR, UNIT_DAY, UNIT_MONTH, UNIT_YEAR };

static const struct step {
    enum unit unit;
    int count;
    double seconds;
} steps[] = {
    { UNIT_MINUTE, 1, 60 },       { UNIT_MINUTE, 5, 300 },      { UNIT_MINUTE, 15, 900 },
    { UNIT_HOUR, 1, 3600 },       { UNIT_HOUR, 3, 10800 },      { UNIT_HOUR, 6, 21600 },
    { UNIT_HOUR, 12, 43200 },     { UNIT_DAY, 1, 86400 },       { UNIT_DAY, 2, 172800 },
    { UNIT_DAY, 4, 345600 },      { UNIT_DAY, 7, 604800 },      { UNIT_DAY, 14, 1209600 },
    { UNIT_MONTH, 1, 2629746 },   { UNIT_MONTH, 3, 7889238 },   { UNIT_MONTH, 6, 15778476 },
    { UNIT_YEAR, 1, 31556952 },   { UNIT_YEAR, 2, 63113904 },   { UNIT_YEAR, 5, 157784760 },
    { UNIT_YEAR, 10, 315569520 }, { UNIT_YEAR, 50, 1.5778e+9 },
};

/* The smallest step whose labels have room. */
static const struct step *choose_step(double span, size_t width)
{
    size_t last = sizeof steps / sizeof steps[0] - 1;

    for (size_t i = 0; i < last; i++) {
        if (span / steps[i].seconds * SNAPSHOTS_AXIS_TICK_COLUMNS <= (double)width) {
            return &steps[i];
        }
    }
    return &steps[last];
}

/* Back to the last whole unit: the minute, the hour of the day, Monday, January. */
static void round_down(const struct step *s, struct tm *t)
{
    t->tm_sec = 0;
    if (s->unit == UNIT_MINUTE) {
        t->tm_min -= t->tm_min % s->count;
        return;
    }
    t->tm_min = 0;
    if (s->unit == UNIT_HOUR) {
        t->tm_hour -= t->tm_hour % s->count;
        return;
    }
    t->tm_hour = 0;
    if (s->unit == UNIT_DAY) {
        t->tm_mday -= s->count >= 7 ? (t->tm_wday + 6) % 7 : 0;
        return;
    }
    t->tm_mday = 1;
    if (s->unit == UNIT_MONTH) {
        t->tm_mon -= t->tm_mon % s->count;
        return;
    }
    t->tm_mon = 0;
    t->tm_year -= (t->tm_year + 1900) % s->count;
}

static void step_forward(const struct step *s, struct tm *t)
{
    switch (s->unit) {
    case UNIT_MINUTE:
        t->tm_min += s->count;
        break;
    case UNIT_HOUR:
        t->tm_hour += s->count;
        break;
    case UNIT_DAY:
        t->tm_mday += s->count;
        break;
    case UNIT_MONTH:
        t->tm_mon += s->count;
        break;
    case UNIT_YEAR:
        t->tm_year += s->count;
        break;
    }
    t->tm_isdst = -1;
}

static void put_tick(const struct step *s, const struct tm *t, char out[SNAPSHOTS_AXIS_LABEL])
{
    if (s->unit <= UNIT_HOUR && (t->tm_hour != 0 || t->tm_min != 0)) {
        strftime(out, SNAPSHOTS_AXIS_LABEL, "%H:%M", t);
    } else if (s->unit <= UNIT_DAY) {
        strftime(out, SNAPSHOTS_AXIS_LABEL, "%b %d", t);
    } else if (s->unit == UNIT_MONTH) {
        strftime(out, SNAPSHOTS_AXIS_LABEL, "%b %Y", t);
    } else {
        strftime(out, SNAPSHOTS_AXIS_LABEL, "%Y", t);
    }
}

size_t snapshots_axis_ticks(int64_t begin_ns, int64_t end_ns, size_t columns,
                            struct snapshots_axis_tick *out, size_t max)
{
    double span = ((double)end_ns - (double)begin_ns) / (double)NS_PER_S;
    const struct step *s = choose_step(span, columns);
    time_t at = (time_t)(begin_ns / NS_PER_S);
    size_t count = 0;
    struct tm t;

    if (localtime_r(&at, &t) == NULL) {
        return 0;
    }
    round_down(s, &t);
    t.tm_isdst = -1;
    for (at = mktime(&t); count < max && at <= (time_t)(end_ns / NS_PER_S); at = mktime(&t)) {
        if (at >= (time_t)(begin_ns / NS_PER_S)) {
            out[count].at_ns = (int64_t)at * NS_PER_S;
            put_tick(s, &t, out[count++].label);
        }
        step_forward(s, &t);
    }
    return count;
}
