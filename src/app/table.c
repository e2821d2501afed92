/*
 * table.c - see table.h.
 */
#include "app/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/term.h"
#include "base/text.h"

#define CELL_MAX 256

/* Ends the cell that began at `start`: its width counts. */
static void end_cell(struct table *t, size_t start)
{
    size_t column = t->cells % t->columns;

    if (buf_error(&t->text) == 0) {
        size_t width = term_width((const char *)t->text.data + start, t->text.len - start);

        if (width > t->width[column]) {
            t->width[column] = width;
        }
    }
    buf_put_u8(&t->text, 0);
    t->cells++;
}

void table_cell(struct table *t, const char *fmt, ...)
{
    char text[CELL_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    table_name(t, text, strlen(text));
}

void table_name(struct table *t, const void *data, size_t len)
{
    size_t start = t->text.len;

    text_put_shown(&t->text, data, len);
    end_cell(t, start);
}

void table_init(struct table *t, const char *const *titles, size_t columns)
{
    memset(t, 0, sizeof *t);
    buf_init(&t->text);
    t->columns = columns;
    for (size_t i = 0; i < columns; i++) {
        t->right[i] = titles[i][0] == '>';
        table_cell(t, "%s", titles[i] + t->right[i]);
    }
}

void table_release(struct table *t)
{
    buf_release(&t->text);
}

static void print_cell(const struct table *t, struct out *out, size_t column, const char *text)
{
    size_t len = strlen(text);
    size_t pad = t->width[column] - term_width(text, len);
    bool last = column + 1 == t->columns;

    if (t->right[column]) {
        out_blanks(out, pad);
    }
    out_put(out, text, len);
    if (last) {
        out_text(out, "\n");
        return;
    }
    if (!t->right[column]) {
        out_blanks(out, pad);
    }
    out_text(out, "  ");
}

void table_print(struct table *t, struct out *out)
{
    const char *text = (const char *)t->text.data;

    if (buf_error(&t->text) != 0) {
        out->errnum = out->errnum != 0 ? out->errnum : ENOMEM;
        return;
    }
    for (size_t i = 0; i < t->cells - t->cells % t->columns && !out_gone(out); i++) {
        print_cell(t, out, i % t->columns, text);
        text += strlen(text) + 1;
    }
}
