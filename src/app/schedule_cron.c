/*
 * schedule_cron.c - see schedule_cron.h.
 */
#include "app/schedule_cron.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define WORDS_MAX 3 /* weekdays, date, time */

static const struct {
    const char *name, *fields;
} shorthands[] = {
    { "minutely", "* * * * *" },       { "hourly", "0 * * * *" },
    { "daily", "0 0 * * *" },          { "weekly", "0 0 * * 1" },
    { "monthly", "0 0 1 * *" },        { "quarterly", "0 0 1 1,4,7,10 *" },
    { "semiannually", "0 0 1 1,7 *" }, { "yearly", "0 0 1 1 *" },
    { "annually", "0 0 1 1 *" },
};

static const char *const weekdays[] = { "sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday" };

static int refuse(const char *what)
{
    err_raise(HF_EUSAGE, "cron can't express \"%.60s\"", what);
    return err_hint("--systemd takes every calendar expression");
}

/* A number from low to high, and what follows it. */
static bool take_number(const char **text, unsigned low, unsigned high, unsigned *out)
{
    size_t digits = strspn(*text, "0123456789");
    unsigned n = 0;

    if (digits == 0 || digits > 4) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        n = n * 10 + (unsigned)((*text)[i] - '0');
    }
    *text += digits;
    *out = n;
    return n >= low && n <= high;
}

/* "3", "3..5", "3/10", "3..40/10": behind what stands there already. */
static bool put_range(const char **text, unsigned low, unsigned high, struct buf *out)
{
    unsigned from = low, to = high, step = 0;
    bool star = **text == '*', range = false;

    if (star) {
        ++*text;
    } else if (!take_number(text, low, high, &from)) {
        return false;
    } else if (strncmp(*text, "..", 2) == 0) {
        *text += 2;
        range = true;
        if (!take_number(text, from, high, &to)) {
            return false;
        }
    }
    if (**text == '/') {
        ++*text;
        if (!take_number(text, 1, high, &step)) {
            return false;
        }
    }
    if (star) {
        buf_printf(out, "*");
    } else if (range || step != 0) {
        buf_printf(out, "%u-%u", from, to);
    } else {
        buf_printf(out, "%u", from);
    }
    if (step != 0) {
        buf_printf(out, "/%u", step);
    }
    return true;
}

/* A component: ranges, separated by commas. */
static bool put_field(const char *text, unsigned low, unsigned high, struct buf *out)
{
    for (;;) {
        if (!put_range(&text, low, high, out)) {
            return false;
        }
        if (*text != ',') {
            return *text == '\0';
        }
        text++;
        buf_printf(out, ",");
    }
}

static bool take_weekday(const char **text, unsigned *out)
{
    size_t len = strcspn(*text, ",.");

    for (unsigned i = 0; i < 7; i++) {
        if ((len == 3 || len == strlen(weekdays[i])) && strncasecmp(*text, weekdays[i], len) == 0) {
            *text += len;
            *out = i;
            return true;
        }
    }
    return false;
}

/* "Mon", "Mon..Fri", "Sat,Sun". cron's weeks begin with 0 for Sunday and end with 7 for it. */
static bool put_weekdays(const char *text, struct buf *out)
{
    for (;;) {
        unsigned from, to;

        if (!take_weekday(&text, &from)) {
            return false;
        }
        if (strncmp(text, "..", 2) == 0) {
            text += 2;
            if (!take_weekday(&text, &to)) {
                return false;
            }
            to = to == 0 ? 7 : to;
            from = from == 0 && to == 7 ? 7 : from;
            if (from > to) {
                return false;
            }
            buf_printf(out, "%u-%u", from, to);
        } else {
            buf_printf(out, "%u", from);
        }
        if (*text != ',') {
            return *text == '\0';
        }
        text++;
        buf_printf(out, ",");
    }
}

struct fields {
    struct buf minute, hour, day, month, weekday;
};

/* "*-MONTH-DAY" or "MONTH-DAY". */
static bool put_date(char *text, struct fields *f)
{
    char *last = strrchr(text, '-');
    char *middle;

    if (last == NULL) {
        return false;
    }
    *last++ = '\0';
    middle = strrchr(text, '-');
    if (middle != NULL) {
        *middle++ = '\0';
        if (strcmp(text, "*") != 0) {
            return false;
        }
    }
    return put_field(middle != NULL ? middle : text, 1, 12, &f->month) &&
           put_field(last, 1, 31, &f->day);
}

/* "HOUR:MINUTE" or "HOUR:MINUTE:00". */
static bool put_time(char *text, struct fields *f)
{
    char *minute = strchr(text, ':');
    char *second;

    if (minute == NULL) {
        return false;
    }
    *minute++ = '\0';
    second = strchr(minute, ':');
    if (second != NULL) {
        *second++ = '\0';
        if (strcmp(second, "00") != 0 && strcmp(second, "0") != 0) {
            return false;
        }
    }
    return put_field(text, 0, 23, &f->hour) && put_field(minute, 0, 59, &f->minute);
}

/* Sorts the words by their looks, each kind at most once and in this order. */
static bool put_words(char *const *words, size_t count, struct fields *f)
{
    size_t i = 0;

    if (i < count && strpbrk(words[i], ":-*") == NULL && !put_weekdays(words[i++], &f->weekday)) {
        return false;
    }
    if (i < count && strchr(words[i], ':') == NULL && !put_date(words[i++], f)) {
        return false;
    }
    if (i < count && !put_time(words[i++], f)) {
        return false;
    }
    return i == count && count > 0;
}

static const char *or_else(struct buf *b, const char *text)
{
    return b->len > 0 ? buf_text(b) : text;
}

static int put_fields(struct fields *f, const char *calendar, struct buf *out)
{
    const char *day = or_else(&f->day, "*"), *weekday = or_else(&f->weekday, "*");

    if (day[0] != '*' && weekday[0] != '*') {
        return refuse(calendar);
    }
    buf_printf(out, "%s %s %s %s %s", or_else(&f->minute, "0"), or_else(&f->hour, "0"), day,
               or_else(&f->month, "*"), weekday);
    return buf_error(out);
}

static int convert(const char *calendar, char *copy, struct buf *out)
{
    struct fields f = { 0 };
    struct buf *const all[] = { &f.minute, &f.hour, &f.day, &f.month, &f.weekday };
    char *words[WORDS_MAX] = { NULL };
    char *rest = copy;
    size_t count = 0;
    bool good = true;
    int rc = 0;

    for (size_t i = 0; i < 5; i++) {
        buf_init(all[i]);
    }
    while (good && rest != NULL) {
        char *word = strsep(&rest, " ");

        if (word[0] != '\0') {
            good = count < WORDS_MAX;
            if (good) {
                words[count++] = word;
            }
        }
    }
    good = good && put_words(words, count, &f);
    for (size_t i = 0; rc == 0 && i < 5; i++) {
        rc = buf_error(all[i]);
    }
    if (rc == 0) {
        rc = good ? put_fields(&f, calendar, out) : refuse(calendar);
    }
    for (size_t i = 0; i < 5; i++) {
        buf_release(all[i]);
    }
    return rc;
}

int schedule_cron_fields(const char *calendar, struct buf *out)
{
    char *copy;
    int rc;

    for (size_t i = 0; i < sizeof shorthands / sizeof shorthands[0]; i++) {
        if (strcasecmp(shorthands[i].name, calendar) == 0) {
            buf_printf(out, "%s", shorthands[i].fields);
            return buf_error(out);
        }
    }
    copy = mem_strdup(calendar);
    if (copy == NULL) {
        return err_nomem();
    }
    rc = convert(calendar, copy, out);
    mem_free(copy);
    return rc;
}
