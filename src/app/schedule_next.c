/*
 * schedule_next.c - see schedule_next.h.
 */
#include "app/schedule_next.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/child.h"
#include "app/schedule_cron.h"
#include "app/slurp.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

#define STEPS_MAX 20000 /* of days, hours and minutes: enough for the 29th of February */
#define ANSWER_MAX 4096u
#define GRACE_LEAST_NS (15 * 60 * NS_PER_S)
#define GRACE_MOST_NS (12 * 3600 * NS_PER_S)

struct times { /* bit i: at minute, hour, day, ... i */
    uint64_t minute, hour, day, month, weekday;
};

/* A field as schedule_cron writes it: "*", "3", "1-5", "0-59/15", "1,15", "*" with a step. */
static uint64_t take_field(const char *field, unsigned low, unsigned high)
{
    uint64_t bits = 0;

    while (*field != '\0') {
        unsigned long from = low, to = high, step = 1;
        char *end = NULL;

        if (*field == '*') {
            field++;
        } else {
            from = to = strtoul(field, &end, 10);
            field = end;
            if (*field == '-') {
                to = strtoul(field + 1, &end, 10);
                field = end;
            }
        }
        if (*field == '/') {
            step = strtoul(field + 1, &end, 10);
            field = end;
        }
        for (; from <= to && from<64; from += step> 0 ? step : 1) {
            bits |= UINT64_C(1) << from;
        }
        field += *field == ',' ? 1 : 0;
    }
    return bits;
}

static void take_times(char *fields, struct times *t)
{
    t->minute = take_field(strsep(&fields, " "), 0, 59);
    t->hour = take_field(strsep(&fields, " "), 0, 23);
    t->day = take_field(strsep(&fields, " "), 1, 31);
    t->month = take_field(strsep(&fields, " "), 1, 12);
    t->weekday = take_field(fields, 0, 7);
    t->weekday |= t->weekday >> 7; /* Sunday is 0 and 7 */
}

static bool has(uint64_t bits, int i)
{
    return (bits >> i & 1) != 0;
}

/* The first moment of another day, or of the next month. */
static time_t later_day(const struct tm *at, bool month, time_t now)
{
    struct tm day = { .tm_year = at->tm_year,
                      .tm_mon = at->tm_mon + (month ? 1 : 0),
                      .tm_mday = month ? 1 : at->tm_mday + 1,
                      .tm_isdst = -1 };
    time_t then = mktime(&day);

    return then > now ? then : now + 3600;
}

static bool find(const struct times *t, time_t now, time_t *out)
{
    now += 60 - now % 60; /* no zone's offset has seconds today */
    for (int i = 0; i < STEPS_MAX; i++) {
        struct tm at;

        if (localtime_r(&now, &at) == NULL) {
            return false;
        }
        if (!has(t->month, at.tm_mon + 1)) {
            now = later_day(&at, true, now);
        } else if (!has(t->day, at.tm_mday) || !has(t->weekday, at.tm_wday)) {
            now = later_day(&at, false, now);
        } else if (!has(t->hour, at.tm_hour)) {
            now += 3600 - at.tm_min * 60;
        } else if (!has(t->minute, at.tm_min)) {
            now += 60;
        } else {
            *out = now;
            return true;
        }
    }
    return false;
}

/* "    (in UTC): Tue 2026-11-24 02:00:00 UTC", or "Next elapse: ..." where that is local time. */
static bool read_answer(const char *text, int64_t *out_ns)
{
    const char *line = strstr(text, "(in UTC): ");
    char day[16], hour[16], time[40];

    if (line == NULL) {
        line = strstr(text, "Next elapse: ");
    }
    if (line == NULL || sscanf(strchr(line, ':') + 1, " %*3s %15s %15s UTC", day, hour) != 2) {
        return false;
    }
    snprintf(time, sizeof time, "%sT%sZ", day, hour);
    return text_parse_time(time, 0, out_ns) == 0;
}

static int ask_systemd(const char *calendar, int64_t after_ns, int64_t *out_ns)
{
    static const char line[] = "exec systemd-analyze calendar --base-time=\"$1\" -- \"$2\" "
                               "2>/dev/null";
    char base[32];
    const char *const argv[] = { "/bin/sh", "-c", line, "sh", base, calendar, NULL };
    const struct child_options o = {
        .what = "systemd-analyze", .argv = argv, .capture = true, .no_input = true, .umask = 077
    };
    struct child c;
    struct buf answer;
    bool good = false;

    snprintf(base, sizeof base, "@%" PRId64, (int64_t)(after_ns / NS_PER_S));
    buf_init(&answer);
    if (child_start(&o, &c) == 0) {
        int rc = slurp_fd(c.out_fd, o.what, ANSWER_MAX, &answer);

        good = child_finish(&c) == 0 && rc == 0 && read_answer(buf_text(&answer), out_ns);
    }
    buf_release(&answer);
    err_clear();
    return good ? 0
                : err_raise(HF_EUNSUPPORTED, "\"%.60s\" is more than can be worked out here",
                            calendar);
}

int schedule_next(const char *calendar, int64_t after_ns, int64_t *out_ns)
{
    struct times times;
    struct buf fields;
    time_t found = 0;
    int rc;

    buf_init(&fields);
    rc = schedule_cron_fields(calendar, &fields);
    if (rc == HF_EUSAGE) {
        rc = ask_systemd(calendar, after_ns, out_ns);
    } else if (rc == 0) {
        (void)buf_text(&fields);
        take_times((char *)fields.data, &times);
        if (find(&times, (time_t)(after_ns / NS_PER_S), &found)) {
            *out_ns = (int64_t)found * NS_PER_S;
        } else {
            rc = err_raise(HF_EUNSUPPORTED, "\"%.60s\" never comes", calendar);
        }
    }
    buf_release(&fields);
    return rc;
}

int schedule_next_due(const char *calendar, int64_t point_ns, int64_t *out_ns)
{
    int64_t first = 0, second = 0, grace;
    int rc = schedule_next(calendar, point_ns, &first);

    if (rc == 0) {
        rc = schedule_next(calendar, first, &second);
    }
    if (rc != 0) {
        return rc;
    }
    grace = (second - first) / 10;
    grace = grace < GRACE_LEAST_NS ? GRACE_LEAST_NS : grace > GRACE_MOST_NS ? GRACE_MOST_NS : grace;
    *out_ns = first + grace;
    return 0;
}
