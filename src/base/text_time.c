/*
 * text_time.c - moments as people write them, and back.
 *
 * The calendar is the proleptic Gregorian one, computed here, so that UTC needs no help from the
 * system. Local time is the system's (TZ). A local time that clocks skipped or showed twice has no
 * single meaning: it is refused, and the message names the two moments that may have been meant.
 */
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"

#define SECONDS_PER_DAY 86400
#define EARLIEST "1677-09-21T00:12:43.145224192Z"
#define LATEST "2262-04-11T23:47:16.854775807Z"

/* What a text says, field by field. */
struct written {
    int year, month, day;
    int hour, minute, second;
    int32_t fraction_ns;
    bool has_offset;
    int offset; /* seconds east of UTC */
};

/* Days from 1970-01-01, counting years from March so that a leap day is a year's last. */
static int64_t days_of_date(int64_t year, int month, int day)
{
    if (month <= 2) {
        year--;
    }
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* The inverse. */
static void date_of_days(int64_t days, struct written *w)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t without_leap_days = day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                                day_of_era / 146096;
    int64_t year_of_era = without_leap_days / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    w->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    w->month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    w->year = (int)(year_of_era + era * 400 + (w->month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* The division whose remainder is never negative. */
static int64_t floor_divide(int64_t n, int64_t by, int64_t *out_rest)
{
    int64_t rest = n % by;
    bool below = rest < 0;

    *out_rest = below ? rest + by : rest;
    return n / by - below;
}

/* Exactly `count` digits; moves *text behind them. */
static bool read_number(const char **text, int count, int *out)
{
    int v = 0;

    for (int i = 0; i < count; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9') {
            return false;
        }
        v = v * 10 + (c - '0');
    }
    *text += count;
    *out = v;
    return true;
}

static bool read_char(const char **text, const char *any_of)
{
    if (**text == '\0' || strchr(any_of, **text) == NULL) {
        return false;
    }
    ++*text;
    return true;
}

/* One to nine digits. */
static bool read_fraction(const char **text, int32_t *out_ns)
{
    int32_t v = 0;
    int count = 0;

    for (; **text >= '0' && **text <= '9'; ++*text, ++count) {
        if (count == 9) {
            return false;
        }
        v = v * 10 + (**text - '0');
    }
    if (count == 0) {
        return false;
    }
    for (; count < 9; count++) {
        v *= 10;
    }
    *out_ns = v;
    return true;
}

/* HH:MM[:SS[.frac]], then nothing or an offset, before which a space may stand. */
static bool read_time_of_day(const char **text, struct written *w)
{
    if (!read_number(text, 2, &w->hour) || !read_char(text, ":") ||
        !read_number(text, 2, &w->minute)) {
        return false;
    }
    if (read_char(text, ":")) {
        if (!read_number(text, 2, &w->second)) {
            return false;
        }
        if (read_char(text, ".") && !read_fraction(text, &w->fraction_ns)) {
            return false;
        }
    }
    if (**text == '\0') {
        return true;
    }

    read_char(text, " ");
    w->has_offset = true;
    if (read_char(text, "Zz")) {
        return true;
    }
    int sign = **text == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    int seconds = 0;
    if (!read_char(text, "+-") || !read_number(text, 2, &hours) || !read_char(text, ":") ||
        !read_number(text, 2, &minutes)) {
        return false;
    }
    /* Local mean times of the nineteenth century have seconds, and text_time_local shows them. */
    if (read_char(text, ":") && !read_number(text, 2, &seconds)) {
        return false;
    }
    w->offset = sign * (hours * 3600 + minutes * 60 + seconds);
    return hours < 24 && minutes < 60 && seconds < 60;
}

static bool read_written(const char *text, struct written *w)
{
    *w = (struct written){ 0 };
    if (!read_number(&text, 4, &w->year) || !read_char(&text, "-") ||
        !read_number(&text, 2, &w->month) || !read_char(&text, "-") ||
        !read_number(&text, 2, &w->day)) {
        return false;
    }
    if (*text != '\0' && (!read_char(&text, "Tt ") || !read_time_of_day(&text, w))) {
        return false;
    }
    return *text == '\0';
}

static bool exists_in_calendar(const struct written *w)
{
    return w->month >= 1 && w->month <= 12 && w->day >= 1 &&
           w->day <= days_in_month(w->year, w->month) && w->hour < 24 && w->minute < 60 &&
           w->second <= 60;
}

/* The seconds since 1970 if what is written were UTC. */
static int64_t seconds_as_utc(const struct written *w)
{
    return days_of_date(w->year, w->month, w->day) * SECONDS_PER_DAY + w->hour * 3600 +
           w->minute * 60 + w->second;
}

static int offset_at(int64_t utc)
{
    time_t t = (time_t)utc;
    struct tm local;

    return localtime_r(&t, &local) == NULL ? 0 : (int)local.tm_gmtoff;
}

/* What local clocks show at a moment. */
static char *show_local(int64_t utc, char out[TEXT_TIME_BYTES])
{
    struct written w;
    int64_t rest;
    int offset = offset_at(utc);
    int ahead = offset < 0 ? -offset : offset;

    date_of_days(floor_divide(utc + offset, SECONDS_PER_DAY, &rest), &w);
    int len = snprintf(out, TEXT_TIME_BYTES, "%04d-%02d-%02d %02d:%02d:%02d %c%02d:%02d", w.year,
                       w.month, w.day, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60),
                       offset < 0 ? '-' : '+', ahead / 3600, ahead / 60 % 60);
    if (ahead % 60 != 0) {
        snprintf(out + len, TEXT_TIME_BYTES - (size_t)len, ":%02d", ahead % 60);
    }
    return out;
}

/*
 * The moment at which local clocks show `wall` (seconds as if UTC). Offsets are within a day, so
 * any that may apply is in force a day before or a day after; it does apply if it still does at
 * the moment that it leads to.
 */
static int resolve_local(const char *text, int64_t wall, int64_t *out_utc)
{
    int64_t by_old = wall - offset_at(wall - SECONDS_PER_DAY);
    int64_t by_new = wall - offset_at(wall + SECONDS_PER_DAY);
    bool old_holds = by_old + offset_at(by_old) == wall;
    bool new_holds = by_new + offset_at(by_new) == wall;

    if (old_holds != new_holds || (old_holds && by_old == by_new)) {
        *out_utc = old_holds ? by_old : by_new;
        return 0;
    }
    char first[TEXT_TIME_BYTES];
    char second[TEXT_TIME_BYTES];
    show_local(by_old < by_new ? by_old : by_new, first);
    show_local(by_old < by_new ? by_new : by_old, second);
    if (old_holds) {
        return err_raise(HF_EUSAGE,
                         "\"%.200s\" happened twice, since clocks were set back: say %s or %s",
                         text, first, second);
    }
    return err_raise(HF_EUSAGE, "\"%.200s\" never was, since clocks were set forward: say %s or %s",
                     text, first, second);
}

static int refuse_range(const char *text)
{
    return err_raise(HF_EUSAGE, "\"%.200s\" is out of range: %s to %s is possible", text, EARLIEST,
                     LATEST);
}

/* Seconds and the nanoseconds after them as one count; false if it does not fit. */
static bool join_ns(int64_t seconds, int32_t fraction_ns, int64_t *out_ns)
{
    int64_t rest = fraction_ns;

    /* Toward zero first: the earliest second alone would not fit. */
    if (seconds < 0 && rest > 0) {
        seconds++;
        rest -= NS_PER_S;
    }
    int64_t ns;
    if (__builtin_mul_overflow(seconds, NS_PER_S, &ns) || __builtin_add_overflow(ns, rest, &ns)) {
        return false;
    }
    *out_ns = ns;
    return true;
}

/* A leap second can only be the last of a month in UTC; it counts as the second after it. */
static bool may_be_leap(int64_t second_after)
{
    struct written w;
    int64_t rest;

    date_of_days(floor_divide(second_after, SECONDS_PER_DAY, &rest), &w);
    return rest == 0 && w.day == 1;
}

static int parse_written(const char *text, int64_t *out_ns)
{
    struct written w;

    if (!read_written(text, &w)) {
        return err_raise(HF_EUSAGE,
                         "\"%.200s\" is not a time such as 2026-11-21, \"2026-11-21 10:00[:00]\", "
                         "2026-11-21T10:00:00+01:00, now or -3h",
                         text);
    }
    if (!exists_in_calendar(&w)) {
        return err_raise(HF_EUSAGE, "\"%.200s\" is not in the calendar", text);
    }

    int64_t utc = seconds_as_utc(&w);
    /* No offset is as much as a day; what is within that is decided below. */
    if (utc < INT64_MIN / NS_PER_S - SECONDS_PER_DAY ||
        utc > INT64_MAX / NS_PER_S + SECONDS_PER_DAY) {
        return refuse_range(text);
    }
    if (w.has_offset) {
        utc -= w.offset;
    } else {
        int rc = resolve_local(text, utc, &utc);
        if (rc != 0) {
            return rc;
        }
    }
    if (w.second == 60 && !may_be_leap(utc)) {
        return err_raise(HF_EUSAGE, "\"%.200s\" is not in the calendar: no leap second there",
                         text);
    }
    return join_ns(utc, w.fraction_ns, out_ns) ? 0 : refuse_range(text);
}

/* "-3h", and "+3h" for what lies ahead. */
static int parse_relative(const char *text, int64_t now_ns, int64_t *out_ns)
{
    int64_t distance;
    int rc = text_parse_duration(text + 1, &distance);

    if (rc != 0) {
        return err_add(rc, "\"%.200s\" is not a time", text);
    }
    if (text[0] == '-') {
        distance = -distance;
    }
    int64_t ns;
    if (__builtin_add_overflow(now_ns, distance, &ns)) {
        return refuse_range(text);
    }
    *out_ns = ns;
    return 0;
}

int text_parse_time(const char *text, int64_t now_ns, int64_t *out_ns)
{
    if (strcmp(text, "now") == 0) {
        *out_ns = now_ns;
        return 0;
    }
    if (text[0] == '-' || text[0] == '+') {
        return parse_relative(text, now_ns, out_ns);
    }
    return parse_written(text, out_ns);
}

char *text_time_utc(int64_t ns, char out[TEXT_TIME_BYTES])
{
    struct written w;
    int64_t fraction;
    int64_t second;
    int64_t seconds = floor_divide(ns, NS_PER_S, &fraction);

    date_of_days(floor_divide(seconds, SECONDS_PER_DAY, &second), &w);
    snprintf(out, TEXT_TIME_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", w.year, w.month, w.day,
             (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60), (int)fraction);
    return out;
}

char *text_time_local(int64_t ns, char out[TEXT_TIME_BYTES])
{
    int64_t fraction;

    return show_local(floor_divide(ns, NS_PER_S, &fraction), out);
}
