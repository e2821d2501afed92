/*
 * help.c - see help.h. Text is wrapped at 79 columns, whatever the terminal: it is read in pipes,
 * pagers and tickets as well.
 */
#include "app/help.h"

#include <string.h>

#include "app/app.h"
#include "app/help_facts.h"
#include "app/help_parts.h"

#define COLUMNS 79u
#define OPTION_COLUMN 28u /* where the explanations of options begin */
#define COMMAND_COLUMN 14u
#define EXIT_COLUMN 7u
#define KEY_COLUMN 20u

/* Puts text from `column` on, wrapped; the line stands at `at` already. */
static void put_wrapped(struct out *out, const char *text, size_t at, size_t column)
{
    while (*text != '\0') {
        size_t word = strcspn(text, " ");

        if (at > column && at + 1 + word > COLUMNS) {
            out_text(out, "\n");
            at = 0;
        }
        if (at < column) {
            out_blanks(out, column - at);
            at = column;
        } else if (at > column) {
            out_text(out, " ");
            at++;
        }
        out_put(out, text, word);
        at += word;
        text += word;
        text += strspn(text, " ");
    }
    out_text(out, "\n");
}

static void put_option(struct out *out, const struct option *o)
{
    size_t at = 6 + 2 + strlen(o->name);
    const char *equals = o->kind == OPTION_MAYBE ? "[=" : " ";

    if (o->letter != 0) {
        out_printf(out, "  -%c, --%s", o->letter, o->name);
    } else {
        out_printf(out, "      --%s", o->name);
    }
    if (o->value != NULL) {
        out_printf(out, "%s%s%s", equals, o->value, o->kind == OPTION_MAYBE ? "]" : "");
        at += strlen(equals) + strlen(o->value) + (o->kind == OPTION_MAYBE ? 1 : 0);
    }
    if (at + 2 > OPTION_COLUMN) {
        out_text(out, "\n");
        at = 0;
    }
    put_wrapped(out, o->help, at, OPTION_COLUMN);
}

static void put_options(struct out *out, const char *title, const struct option *options)
{
    if (options->name == NULL) {
        return;
    }
    out_printf(out, "\n%s:\n", title);
    for (const struct option *o = options; o->name != NULL; o++) {
        put_option(out, o);
    }
}

static void put_usage(struct out *out, const struct command *c)
{
    out_text(out, "\nUsage:\n");
    for (const char *const *s = c->synopsis; *s != NULL; s++) {
        size_t at = strlen("  holdfast ") + strlen(c->name);

        out_printf(out, "  holdfast %s", c->name);
        if (**s == '\0') {
            out_text(out, "\n");
            continue;
        }
        out_text(out, " ");
        put_wrapped(out, *s, at + 1, at + 1);
    }
}

static void put_exit(struct out *out, const struct command_text *e)
{
    size_t len = strlen(e->what);

    out_blanks(out, len < 5 ? 5 - len : 1);
    out_text(out, e->what);
    put_wrapped(out, e->means, len < 5 ? 5 : len + 1, EXIT_COLUMN);
}

static void put_exits(struct out *out, const struct command *c)
{
    out_text(out, "\nExit codes:\n");
    help_parts_exits(out, c, put_exit);
}

static void put_examples(struct out *out, const struct command *c)
{
    if (c->examples->what == NULL) {
        return;
    }
    out_text(out, "\nExamples:\n");
    for (const struct command_text *e = c->examples; e->what != NULL; e++) {
        out_printf(out, "  $ %s\n", e->what);
        put_wrapped(out, e->means, 0, 6);
    }
}

void help_command(struct out *out, const struct command *c)
{
    out_printf(out, "holdfast %s - %s\n", c->name, c->summary);
    put_usage(out, c);
    for (const char *const *p = c->about; *p != NULL; p++) {
        out_text(out, "\n");
        put_wrapped(out, *p, 0, 0);
    }
    put_options(out, "Options", c->options);
    put_options(out, "Options of every command", app_option_table);
    put_exits(out, c);
    put_examples(out, c);
}

static void put_group(struct out *out, enum command_group group)
{
    out_printf(out, "\n%s:\n", help_parts_group(group));
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *c = command_at(i);

        if (c->group != group) {
            continue;
        }
        out_printf(out, "  %s", c->name);
        put_wrapped(out, c->summary, 2 + strlen(c->name), COMMAND_COLUMN);
    }
}

void help_program(struct out *out)
{
    out_text(out, "holdfast - " HELP_FACTS_TAGLINE "\n"
                  "\nUsage:\n  holdfast COMMAND [OPTION...] [ARGUMENT...]\n");
    for (int g = 0; g < COMMAND_GROUPS; g++) {
        put_group(out, (enum command_group)g);
    }
    put_options(out, "Options of every command", app_option_table);
    out_text(out, "\n\"holdfast help COMMAND\" explains a command, with examples. To begin:\n\n"
                  "  $ export HOLDFAST_REPOSITORY=~/backups\n"
                  "  $ holdfast init --key-file ~/holdfast.key\n"
                  "  $ holdfast backup ~/documents --key-file ~/holdfast.key\n");
}

static void put_key(struct out *out, const struct config_key *key)
{
    const char *takes = help_parts_takes(key);
    size_t at = KEY_COLUMN + strlen(takes) + 1;

    out_printf(out, "  %s", key->name);
    put_wrapped(out, key->means, 2 + strlen(key->name), KEY_COLUMN);
    out_blanks(out, KEY_COLUMN);
    out_printf(out, "%s;", takes);
    if (at + strlen(" for example: ") + strlen(key->example) > COLUMNS) {
        out_text(out, "\n");
        at = 0;
    }
    out_blanks(out, at == 0 ? KEY_COLUMN : 1);
    out_text(out, "for example:");
    at = (at == 0 ? KEY_COLUMN : at + 1) + strlen("for example:");
    put_wrapped(out, key->example, at, KEY_COLUMN);
}

void help_conf(struct out *out)
{
    out_text(out, HELP_FACTS_CONF " - the jobs of this machine\n");
    for (const char *const *p = help_facts_conf_about; *p != NULL; p++) {
        out_text(out, "\n");
        put_wrapped(out, *p, 0, 0);
    }
    out_text(out, "\nKeys:\n");
    for (int id = 0; id < CONFIG_KEYS; id++) {
        put_key(out, config_key_at((enum config_key_id)id));
    }
}
