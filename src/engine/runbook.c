/*
 * runbook.c - the parts of a runbook, and how they look as Markdown. What they say is in
 * runbook_text.c.
 */
#include "engine/runbook.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static char *print(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

static char *print(const char *fmt, va_list args)
{
    va_list again;
    char *text = NULL;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    if (len >= 0) {
        text = mem_alloc((size_t)len + 1);
    }
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    return text;
}

void runbook_add(struct runbook *b, int *rc, enum runbook_kind kind, const char *name,
                 const char *fmt, ...)
{
    struct runbook_part part = { .kind = kind };
    va_list args;

    if (*rc != 0) {
        return;
    }
    va_start(args, fmt);
    part.text = print(fmt, args);
    va_end(args);
    part.name = name != NULL ? mem_strdup(name) : NULL;
    if (part.text == NULL || (name != NULL && part.name == NULL) ||
        mem_grow(&b->parts, &b->capacity, b->count + 1, sizeof *b->parts) != 0) {
        mem_free(part.name);
        mem_free(part.text);
        *rc = err_nomem();
        return;
    }
    b->parts[b->count++] = part;
}

void runbook_release(struct runbook *b)
{
    for (size_t i = 0; i < b->count; i++) {
        mem_free(b->parts[i].name);
        mem_free(b->parts[i].text);
    }
    mem_free(b->parts);
    memset(b, 0, sizeof *b);
}

/* --- Markdown --- */

/*
 * What Markdown would take for more than text: names of jobs and hosts may hold anything, also what
 * would move the cursor of a terminal.
 */
static void put_escaped(struct buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (strchr("\\`*_<>[]#|&", *p) != NULL) {
            buf_put_u8(out, '\\');
        }
        buf_put_u8(out, (uint8_t)*p < ' ' || *p == 0x7f ? ' ' : (uint8_t)*p);
    }
}

/* A fence that is longer than any run of backquotes within. */
static void put_fence(struct buf *out, const char *text)
{
    size_t longest = 2, run = 0;

    for (const char *p = text; *p != '\0'; p++) {
        run = *p == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    for (size_t i = 0; i <= longest; i++) {
        buf_put_u8(out, '`');
    }
}

static void put_block(struct buf *out, const char *language, const struct runbook_part *part)
{
    put_fence(out, part->text);
    buf_printf(out, "%s%s%s\n%s\n", language, part->name != NULL ? " " : "",
               part->name != NULL ? part->name : "", part->text);
    put_fence(out, part->text);
    buf_printf(out, "\n\n");
}

static void put_part(struct buf *out, const struct runbook_part *part, bool list_goes_on)
{
    switch (part->kind) {
    case RUNBOOK_TITLE:
    case RUNBOOK_HEADING:
        buf_printf(out, "%s", part->kind == RUNBOOK_TITLE ? "# " : "## ");
        put_escaped(out, part->text);
        buf_printf(out, "\n\n");
        break;
    case RUNBOOK_PARAGRAPH:
        put_escaped(out, part->text);
        buf_printf(out, "\n\n");
        break;
    case RUNBOOK_ITEM:
        buf_printf(out, "- ");
        if (part->name != NULL) {
            buf_printf(out, "**");
            put_escaped(out, part->name);
            buf_printf(out, "**: ");
        }
        put_escaped(out, part->text);
        buf_printf(out, list_goes_on ? "\n" : "\n\n");
        break;
    case RUNBOOK_COMMANDS:
        put_block(out, "sh", part);
        break;
    case RUNBOOK_OUTPUT:
        put_block(out, "text", part);
        break;
    }
}

int runbook_markdown(const struct runbook *b, struct buf *out)
{
    for (size_t i = 0; i < b->count; i++) {
        bool last = i + 1 == b->count || b->parts[i + 1].kind != RUNBOOK_ITEM;

        put_part(out, &b->parts[i], !last);
    }
    return buf_error(out);
}
