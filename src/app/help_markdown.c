/*
 * help_markdown.c - see help_markdown.h. Headings are those of a page of docs/manual; lines have at
 * most 120 columns, as in all documents, but for rows of tables.
 */
#include "app/help_markdown.h"

#include <string.h>

#include "app/app.h"
#include "app/help_facts.h"
#include "app/help_parts.h"

#define COLUMNS 112u /* and a last word may have escapes */

/* Bytes of prose: whatever Markdown would take for its own is escaped. How many became of them. */
static size_t put_prose(struct out *out, const char *text, size_t len)
{
    size_t escapes = 0;

    for (size_t i = 0; i < len; i++) {
        if (strchr("\\*|<>[]#`", text[i]) != NULL) {
            out_text(out, "\\");
            escapes++;
        }
        out_put(out, text + i, 1);
    }
    return len + escapes;
}

static void put_cell(struct out *out, const char *text)
{
    (void)put_prose(out, text, strlen(text));
}

/* Code in a cell of a table: only the bar must be escaped there. */
static void put_code(struct out *out, const char *text)
{
    for (; *text != '\0'; text++) {
        out_text(out, *text == '|' ? "\\" : "");
        out_put(out, text, 1);
    }
}

static void put_paragraph(struct out *out, const char *text)
{
    size_t at = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (at > 0 && at + 1 + len > COLUMNS) {
            out_text(out, "\n");
            at = 0;
        }
        /* A lone sign at the beginning of a line would begin a list. */
        out_text(out, at > 0 ? " " : strchr("+-", *text) != NULL ? "\\" : "");
        at += put_prose(out, text, len) + (at > 0 ? 1 : 0);
        text += len;
        text += strspn(text, " ");
    }
    out_text(out, "\n");
}

static void put_options(struct out *out, const struct option *options)
{
    out_text(out, "| option | does |\n|---|---|\n");
    for (const struct option *o = options; o->name != NULL; o++) {
        out_text(out, "| ");
        if (o->letter != 0) {
            out_printf(out, "`-%c`, ", o->letter);
        }
        out_printf(out, "`--%s", o->name);
        if (o->value != NULL) {
            out_text(out, o->kind == OPTION_MAYBE ? "[=" : " ");
            put_code(out, o->value);
            out_text(out, o->kind == OPTION_MAYBE ? "]" : "");
        }
        out_text(out, "` | ");
        put_cell(out, o->help);
        out_text(out, " |\n");
    }
}

static void put_exit(struct out *out, const struct command_text *row)
{
    out_printf(out, "| %s | ", row->what);
    put_cell(out, row->means);
    out_text(out, " |\n");
}

static void put_rows(struct out *out, const struct command_text *rows)
{
    for (; rows->what != NULL; rows++) {
        out_text(out, "| `");
        put_code(out, rows->what);
        out_text(out, "` | ");
        put_cell(out, rows->means);
        out_text(out, " |\n");
    }
}

void help_markdown_command(struct out *out, const struct command *c)
{
    out_printf(out, "# holdfast %s\n\nholdfast %s: %s.\n\n```text\n", c->name, c->name, c->summary);
    for (const char *const *s = c->synopsis; *s != NULL; s++) {
        out_printf(out, "holdfast %s%s%s\n", c->name, **s == '\0' ? "" : " ", *s);
    }
    out_text(out, "```\n");
    for (const char *const *p = c->about; *p != NULL; p++) {
        out_text(out, "\n");
        put_paragraph(out, *p);
    }
    if (c->options->name != NULL) {
        out_text(out, "\n## Options\n\n");
        put_options(out, c->options);
    }
    out_text(out, c->options->name != NULL ? "\nAnd" : "\n## Options\n\nOnly");
    out_text(out, " the [options of every command](../commands.md#options-of-every-command).\n"
                  "\n## Exit codes\n\n| code | means |\n|---|---|\n");
    help_parts_exits(out, c, put_exit);
    out_text(out, "\n## Examples\n\n```text\n");
    for (const struct command_text *e = c->examples; e->what != NULL; e++) {
        out_printf(out, "$ %s\n    %s\n", e->what, e->means);
    }
    out_text(out, "```\n");
}

static void put_group(struct out *out, enum command_group group)
{
    out_printf(out, "\n### %s\n\n| command | does |\n|---|---|\n", help_parts_group(group));
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *c = command_at(i);

        if (c->group == group) {
            out_printf(out, "| [%s](commands/%s.md) | ", c->name, c->name);
            put_cell(out, c->summary);
            out_text(out, " |\n");
        }
    }
}

void help_markdown_program(struct out *out)
{
    out_text(out, "# All commands\n");
    for (const char *const *p = help_facts_about; *p != NULL; p++) {
        out_text(out, "\n");
        put_paragraph(out, *p);
    }
    out_text(out, "\n## Commands\n");
    for (int g = 0; g < COMMAND_GROUPS; g++) {
        put_group(out, (enum command_group)g);
    }
    out_text(out, "\n## Options of every command\n\n");
    put_options(out, app_option_table);
    out_text(out, "\n## Environment\n\n| variable | means |\n|---|---|\n");
    put_rows(out, help_facts_environment);
    out_text(out, "\n## Files\n\n| file | is |\n|---|---|\n");
    put_rows(out, help_facts_files);
    out_text(out, "\n## Exit codes\n\n| code | means | `code` in JSON |\n|---|---|---|\n");
    for (const struct command_text *row = help_facts_statuses; row->what != NULL; row++) {
        out_printf(out, "| %s | ", row->what);
        put_cell(out, row->means);
        out_text(out, " | ");
        help_parts_codes(out, row->what, "`", "`, `", "` ");
        out_text(out, "|\n");
    }
}

void help_markdown_conf(struct out *out)
{
    out_text(out, "# The configuration file\n");
    for (const char *const *p = help_facts_conf_about; *p != NULL; p++) {
        out_text(out, "\n");
        put_paragraph(out, *p);
    }
    out_text(out, "\n## Keys\n\n| key | means | takes | example |\n|---|---|---|---|\n");
    for (int id = 0; id < CONFIG_KEYS; id++) {
        const struct config_key *key = config_key_at((enum config_key_id)id);

        out_printf(out, "| `%s` | ", key->name);
        put_cell(out, key->means);
        out_text(out, " | ");
        put_cell(out, help_parts_takes(key));
        if (key->standard != NULL) {
            out_printf(out, " (%s)", key->standard);
        }
        out_text(out, " | `");
        put_code(out, key->example);
        out_text(out, "` |\n");
    }
    out_text(out, "\n## Example\n\n```ini\n");
    out_printf(out, "%s\n```\n", help_facts_conf_examples[0].what);
}
