/*
 * help_man.c - see help_man.h.
 *
 * Text is escaped so that nothing in it can be taken for a macro; mandoc -Tlint has nothing to say
 * about what comes out (tests/cli/test_man.sh).
 */
#include "app/help_man.h"

#include <ctype.h>
#include <string.h>

#include "app/app.h"
#include "app/help_facts.h"
#include "app/help_parts.h"
#include "app/version.h"

#define COLUMNS 72u /* of the source; escapes come on top */

/* Bytes of prose, or `literal` ones that can be copied out of the page as they are. */
static void put_bytes(struct out *out, const char *text, size_t len, bool literal)
{
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '\\':
            out_text(out, "\\e");
            break;
        case '-':
            out_text(out, literal ? "\\-" : "-");
            break;
        case '~':
            out_text(out, "\\(ti");
            break;
        case '^':
            out_text(out, "\\(ha");
            break;
        case '`':
            out_text(out, "\\(ga");
            break;
        case '\'':
            out_text(out, "\\(aq");
            break;
        default:
            out_put(out, text + i, 1);
        }
    }
}

static void put_literal(struct out *out, const char *text)
{
    out_text(out, "\\&");
    put_bytes(out, text, strlen(text), true);
}

static bool ends_sentence(const char *word, size_t len)
{
    if (len > 0 && (word[len - 1] == ')' || word[len - 1] == '"')) {
        len--;
    }
    return len > 1 && strchr(".!?", word[len - 1]) != NULL &&
           (isalnum((unsigned char)word[len - 2]) || strchr(")\"", word[len - 2]) != NULL);
}

/* A paragraph, each sentence on a line of its own, and lines that are not too long. */
static void put_prose(struct out *out, const char *text)
{
    size_t at = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        bool is_option = text[strspn(text, "(\"")] == '-';

        if (at > 0 && at + len > COLUMNS) {
            out_text(out, "\n");
            at = 0;
        }
        out_text(out, at > 0 ? " " : strchr(".'", *text) != NULL ? "\\&" : "");
        put_bytes(out, text, len, is_option);
        at += len + 1;
        if (ends_sentence(text, len) && text[len] == ' ') {
            out_text(out, "\n");
            at = 0;
        }
        text += len;
        text += strspn(text, " ");
    }
    out_text(out, at > 0 ? "\n" : "");
}

static void put_paragraphs(struct out *out, const char *const *paragraphs)
{
    for (const char *const *p = paragraphs; *p != NULL; p++) {
        out_text(out, p == paragraphs ? "" : ".Pp\n");
        put_prose(out, *p);
    }
}

/* NAME, and what precedes it. `section` ends the title. */
static void put_head(struct out *out, const char *name, const char *sub, int section,
                     const char *summary)
{
    out_printf(out, ".Dd %s\n.Dt ", VERSION_DATE);
    for (const char *c = name; *c != '\0'; c++) {
        out_printf(out, "%c", toupper((unsigned char)*c));
    }
    out_text(out, sub == NULL ? "" : "-");
    for (const char *c = sub == NULL ? "" : sub; *c != '\0'; c++) {
        out_printf(out, "%c", toupper((unsigned char)*c));
    }
    out_printf(out, " %d\n.Os holdfast %s\n.Sh NAME\n.Nm %s%s%s\n.Nd %s\n", section, VERSION_TEXT,
               name, sub == NULL ? "" : "-", sub == NULL ? "" : sub, summary);
}

/* What stands as it is is bold; what stands for something is in italics. */
static void put_synopsis(struct out *out, const char *text)
{
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    while (*text != '\0') {
        size_t upper = strspn(text, capitals);
        size_t plain = strcspn(text, " []|()=");
        size_t dots = strspn(text, ".");

        if (upper > 0) {
            out_printf(out, "\\fI%.*s\\fR", (int)upper, text);
            text += upper;
        } else if (plain > 0 && dots == 0) {
            plain -= plain > 3 && strncmp(text + plain - 3, "...", 3) == 0 ? 3 : 0;
            out_text(out, "\\fB");
            put_bytes(out, text, plain, true);
            out_text(out, "\\fR");
            text += plain;
        } else {
            out_put(out, text, dots > 0 ? dots : 1);
            text += dots > 0 ? dots : 1;
        }
    }
    out_text(out, "\n");
}

static void put_option(struct out *out, const struct option *o)
{
    if (o->letter != 0) {
        out_printf(out, ".It Fl %c , Fl -%s", o->letter, o->name);
    } else {
        out_printf(out, ".It Fl -%s", o->name);
    }
    if (o->kind == OPTION_MAYBE) {
        out_printf(out, " Ns Oo = Ns Ar \\&%s Oc", o->value);
    } else if (o->value != NULL) {
        out_printf(out, " Ar \\&%s", o->value);
    }
    out_text(out, "\n");
    put_prose(out, o->help);
}

static void put_options(struct out *out, const struct option *options)
{
    out_text(out, ".Bl -tag -width Ds\n");
    for (const struct option *o = options; o->name != NULL; o++) {
        put_option(out, o);
    }
    out_text(out, ".El\n");
}

static void put_row(struct out *out, const struct command_text *row)
{
    out_text(out, ".It ");
    put_literal(out, row->what);
    out_text(out, "\n");
    put_prose(out, row->means);
}

static void put_rows(struct out *out, const char *title, const struct command_text *rows)
{
    out_printf(out, ".Sh %s\n.Bl -tag -width Ds\n", title);
    for (; rows->what != NULL; rows++) {
        put_row(out, rows);
    }
    out_text(out, ".El\n");
}

static void put_examples(struct out *out, const struct command_text *examples)
{
    out_text(out, ".Sh EXAMPLES\n");
    for (const struct command_text *e = examples; e->what != NULL; e++) {
        out_text(out, e == examples ? "" : ".Pp\n");
        put_prose(out, e->means);
        out_text(out, ".Bd -literal -offset indent\n");
        put_literal(out, e->what);
        out_text(out, "\n.Ed\n");
    }
}

/* The command that follows this one in the alphabet, or the first. */
static const struct command *next_by_name(const struct command *c)
{
    const struct command *next = NULL;

    for (size_t i = 0; i < command_count(); i++) {
        const struct command *other = command_at(i);

        if ((c == NULL || strcmp(other->name, c->name) > 0) &&
            (next == NULL || strcmp(other->name, next->name) < 0)) {
            next = other;
        }
    }
    return next;
}

/* Whether the text of a command says "holdfast NAME" or "holdfast help NAME". */
static bool refers_to(const struct command *c, const struct command *other)
{
    size_t len = strlen(other->name);

    for (const char *const *p = c->about; *p != NULL; p++) {
        for (const char *at = *p; (at = strstr(at, "\"holdfast ")) != NULL; at++) {
            const char *name = at + strlen("\"holdfast ");

            name += strncmp(name, "help ", 5) == 0 ? 5 : 0;
            if (strncmp(name, other->name, len) == 0 && !isalpha((unsigned char)name[len])) {
                return other != c;
            }
        }
    }
    return false;
}

/* Pages that a command's text names; all, without one. */
static void put_see_also(struct out *out, const struct command *c, bool conf)
{
    const char *joint = "";

    out_text(out, ".Sh SEE ALSO\n");
    if (c != NULL) {
        out_text(out, ".Xr holdfast 1");
        joint = " ,\n";
    }
    for (const struct command *other = next_by_name(NULL); other != NULL;
         other = next_by_name(other)) {
        if (c == NULL || refers_to(c, other)) {
            out_printf(out, "%s.Xr holdfast-%s 1", joint, other->name);
            joint = " ,\n";
        }
    }
    out_printf(out, "%s\n", conf ? " ,\n.Xr holdfast.conf 5" : "");
}

static void put_groups(struct out *out)
{
    out_text(out, ".Sh COMMANDS\n");
    for (int g = 0; g < COMMAND_GROUPS; g++) {
        out_printf(out, ".Ss %s\n.Bl -tag -width Ds\n", help_parts_group((enum command_group)g));
        for (size_t i = 0; i < command_count(); i++) {
            const struct command *c = command_at(i);

            if ((int)c->group == g) {
                out_printf(out, ".It Xr holdfast-%s 1\n", c->name);
                put_prose(out, c->summary);
            }
        }
        out_text(out, ".El\n");
    }
}

static void put_statuses(struct out *out)
{
    out_text(out, ".Sh EXIT STATUS\n"
                  "In brackets is what the key\n.Dq code\nsays under\n.Fl -json .\n"
                  ".Bl -tag -width Ds\n");
    for (const struct command_text *row = help_facts_statuses; row->what != NULL; row++) {
        put_row(out, row);
        help_parts_codes(out, row->what, "(", ", ", ")\n");
    }
    out_text(out, ".El\n");
}

void help_man_program(struct out *out)
{
    put_head(out, "holdfast", NULL, 1, HELP_FACTS_TAGLINE);
    out_text(out, ".Sh SYNOPSIS\n.Nm holdfast\n");
    put_synopsis(out, "COMMAND [OPTION...] [ARGUMENT...]");
    out_text(out, ".Sh DESCRIPTION\n");
    put_paragraphs(out, help_facts_about);
    put_groups(out);
    out_text(out, ".Sh OPTIONS\nEvery command takes these:\n");
    put_options(out, app_option_table);
    put_rows(out, "ENVIRONMENT", help_facts_environment);
    put_rows(out, "FILES", help_facts_files);
    put_statuses(out);
    put_examples(out, help_facts_examples);
    put_see_also(out, NULL, true);
}

static void put_exit(struct out *out, const struct command_text *row)
{
    put_row(out, row);
}

void help_man_command(struct out *out, const struct command *c)
{
    struct help_parts_operands operands;

    help_parts_operands(c, &operands);
    put_head(out, "holdfast", c->name, 1, c->summary);
    out_text(out, ".Sh SYNOPSIS\n");
    for (const char *const *s = c->synopsis; *s != NULL; s++) {
        out_printf(out, ".Nm holdfast\n.Cm %s\n", c->name);
        if (**s != '\0') {
            put_synopsis(out, *s);
        }
    }
    out_text(out, ".Sh DESCRIPTION\n");
    put_paragraphs(out, c->about);
    out_text(out, ".Sh OPTIONS\n");
    if (c->options->name != NULL) {
        put_options(out, c->options);
        out_text(out, ".Pp\n");
    }
    out_text(out, "Every command takes these:\n");
    put_options(out, app_option_table);
    out_text(out, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
    help_parts_exits(out, c, put_exit);
    out_text(out, ".El\n");
    put_examples(out, c->examples);
    put_see_also(out, c, operands.jobs || strcmp(c->name, "config") == 0);
}

static void put_key(struct out *out, const struct config_key *key)
{
    out_printf(out, ".It Ic %s\n", key->name);
    put_prose(out, key->means);
    out_printf(out, "(%s", help_parts_takes(key));
    if (key->standard != NULL) {
        out_printf(out, "; by default %s", key->standard);
    }
    out_text(out, ")\n.Dl ");
    put_literal(out, key->name);
    out_text(out, " = ");
    put_bytes(out, key->example, strlen(key->example), true);
    out_text(out, "\n");
}

void help_man_conf(struct out *out)
{
    put_head(out, HELP_FACTS_CONF, NULL, 5, "the jobs of this machine");
    out_text(out, ".Sh DESCRIPTION\n");
    put_paragraphs(out, help_facts_conf_about);
    out_text(out, ".Sh KEYS\n.Bl -tag -width Ds\n");
    for (int id = 0; id < CONFIG_KEYS; id++) {
        put_key(out, config_key_at((enum config_key_id)id));
    }
    out_text(out, ".El\n");
    put_examples(out, help_facts_conf_examples);
    out_text(out, ".Sh SEE ALSO\n.Xr holdfast 1 ,\n.Xr holdfast-config 1 ,\n"
                  ".Xr holdfast-run 1 ,\n.Xr holdfast-schedule 1\n");
}
