/*
 * report_text.c - a report as plain text of 80 columns, for terminals, mails and tickets.
 */
#include <string.h>

#include "app/report_internal.h"
#include "app/version.h"
#include "base/err.h"
#include "base/text.h"

#define COLUMNS 80
#define NAME_COLUMNS 28 /* what stands before the values of facts, at most */
#define STATE_COLUMNS 9

/* How many columns it takes; wide and combining characters are counted as one. */
static size_t width(const char *text, size_t len)
{
    size_t columns = 0;

    for (size_t i = 0; i < len; i++) {
        columns += ((uint8_t)text[i] & 0xc0) != 0x80;
    }
    return columns;
}

static void put_blanks(struct buf *b, size_t count)
{
    buf_printf(b, "%*s", (int)count, "");
}

/* One line of text, word by word; its first line begins at a column that is already reached. */
static void put_wrapped(struct buf *b, const char *line, size_t len, size_t indent)
{
    size_t column = indent;

    for (size_t i = 0; i < len;) {
        size_t word = i;

        while (word < len && line[word] == ' ') {
            word++;
        }
        size_t blanks = word - i, end = word;
        while (end < len && line[end] != ' ') {
            end++;
        }
        size_t wide = width(line + word, end - word);
        if (i > 0 && column + blanks + wide > COLUMNS) {
            buf_printf(b, "\n");
            put_blanks(b, indent);
            column = indent;
            blanks = 0;
        }
        put_blanks(b, blanks);
        buf_put(b, line + word, end - word);
        column += blanks + wide;
        i = end;
    }
    buf_printf(b, "\n");
}

/* Text of any number of lines, the first of which is begun already. */
static void put_text(struct buf *b, const char *text, size_t indent)
{
    for (bool first = true;; first = false) {
        size_t len = strcspn(text, "\n");
        struct buf shown;

        buf_init(&shown);
        text_put_shown(&shown, text, len);
        if (!first && len > 0) {
            put_blanks(b, indent);
        }
        put_wrapped(b, buf_text(&shown), shown.len, indent);
        if (shown.error != 0) {
            b->error = shown.error;
        }
        buf_release(&shown);
        if (text[len] == '\0' || text[len + 1] == '\0') {
            break;
        }
        text += len + 1;
    }
}

static void put_heading(struct buf *b, const char *title, char under)
{
    size_t start = b->len, columns;

    put_text(b, title, 0);
    columns = b->error != 0 ? 0 : width((const char *)b->data + start, b->len - start - 1);
    for (size_t i = 0; i < columns && i < COLUMNS; i++) {
        buf_put(b, &under, 1);
    }
    buf_printf(b, "\n");
}

static void put_facts(struct buf *b, const struct report_part *parts, size_t count)
{
    size_t widest = 0;

    for (size_t i = 0; i < count; i++) {
        size_t wide = width(parts[i].name, strlen(parts[i].name));

        widest = wide > widest && wide <= NAME_COLUMNS ? wide : widest;
    }
    for (size_t i = 0; i < count; i++) {
        size_t start = b->len, wide;

        text_put_shown(b, parts[i].name, strlen(parts[i].name));
        buf_printf(b, ":");
        wide = b->error != 0 ? 0 : width((const char *)b->data + start, b->len - start);
        put_blanks(b, wide < widest + 3 ? widest + 3 - wide : 1);
        put_text(b, parts[i].text, widest + 3);
    }
}

static void put_cases(struct buf *b, const struct report_part *parts, size_t count)
{
    char took[TEXT_SIZE_BYTES];

    for (size_t i = 0; i < count; i++) {
        const struct report_part *p = &parts[i];

        buf_printf(b, "%-*s", STATE_COLUMNS, report_state_label(p->state));
        text_put_shown(b, p->name, strlen(p->name));
        if (p->duration_ns > 0) {
            buf_printf(b, " (%s)", text_duration(p->duration_ns, took));
        }
        buf_printf(b, "\n");
        if (p->text[0] != '\0') {
            put_blanks(b, STATE_COLUMNS);
            put_text(b, p->text, STATE_COLUMNS);
        }
    }
}

/* Not wrapped: they are to be typed in. */
static void put_commands(struct buf *b, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        if (len > 0) {
            put_blanks(b, 4);
        }
        for (size_t i = 0; i < len;) {
            size_t run = strcspn(text + i, "\t\n");

            text_put_shown(b, text + i, run);
            i += run;
            if (text[i] == '\t') {
                buf_put(b, text + i++, 1);
            }
        }
        buf_printf(b, "\n");
        text += len + (text[len] == '\n');
    }
}

static void put_plot(struct buf *b, const struct report_part *p)
{
    char when[TEXT_TIME_BYTES], value[REPORT_VALUE_BYTES];

    put_text(b, p->name, 0);
    for (size_t i = 0; i < p->count; i++) {
        buf_printf(b, "    %s  %-8s %s\n", text_time_local(p->points[i].time_ns, when),
                   report_state_label(p->points[i].state),
                   report_value(p->points[i].value, p->text, value));
    }
}

static void put_run(struct buf *b, const struct report_part *parts, size_t count)
{
    switch (parts->kind) {
    case REPORT_PART_FACT:
        put_facts(b, parts, count);
        return;
    case REPORT_PART_CASE:
        put_cases(b, parts, count);
        return;
    default:
        break;
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_printf(b, "\n");
        }
        if (parts[i].kind == REPORT_PART_SECTION) {
            put_heading(b, parts[i].name, '-');
        } else if (parts[i].kind == REPORT_PART_COMMANDS) {
            put_commands(b, parts[i].text);
        } else if (parts[i].kind == REPORT_PART_PLOT) {
            put_plot(b, &parts[i]);
        } else {
            put_text(b, parts[i].text, 0);
        }
    }
}

int report_text(const struct report *r, struct buf *out)
{
    char when[TEXT_TIME_BYTES];

    if (r->error != 0) {
        return err_nomem();
    }
    put_heading(out, r->title, '=');
    if (r->sentence != NULL) {
        buf_printf(out, "\n%s: ", report_state_label(r->state));
        put_text(out, r->sentence, strlen(report_state_label(r->state)) + 2);
    }
    for (size_t i = 0, end; i < report_length(r); i = end) {
        end = report_run_end(r, i);
        buf_printf(out, "\n");
        put_run(out, &r->parts[i], end - i);
    }
    buf_printf(out, "\nMade %s by " VERSION_TOOL ".\n", text_time_local(r->at_ns, when));
    return buf_error(out);
}
