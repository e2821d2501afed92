/*
 * help_completion_zsh.c - see help_completion.h. Everything is left to _arguments of zsh.
 */
#include <stddef.h>
#include <string.h>

#include "app/app.h"
#include "app/help_completion.h"
#include "app/help_parts.h"

/* An explanation, inside of single quotes and of brackets. */
static void put_means(struct out *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            out_text(out, "'\\'");
        } else if (strchr("[]:\\", *text) != NULL) {
            out_text(out, "\\");
        }
        out_put(out, text, 1);
    }
}

static void put_action(struct out *out, const struct option *o)
{
    switch (help_parts_value(o)) {
    case HELP_PARTS_WORDS:
        out_text(out, "(");
        for (size_t i = 0; o->choices[i] != NULL; i++) {
            out_printf(out, "%s%s", i == 0 ? "" : " ", o->choices[i]);
        }
        out_text(out, ")");
        break;
    case HELP_PARTS_FILE:
        out_text(out, "_files");
        break;
    case HELP_PARTS_FOLDER:
        out_text(out, "_files -/");
        break;
    case HELP_PARTS_COMMAND:
        out_text(out, "_cmdstring");
        break;
    case HELP_PARTS_FLAG:
    case HELP_PARTS_TEXT:
        out_text(out, " ");
        break;
    }
}

static bool repeats(const struct option *o)
{
    return o->kind == OPTION_LIST || o->kind == OPTION_WORDS || o->kind == OPTION_COUNT;
}

static void put_option(struct out *out, const struct option *o)
{
    const char *sign = o->value == NULL ? "" : o->kind == OPTION_MAYBE ? "=-" : "=";

    out_text(out, " \\\n        ");
    if (repeats(o)) {
        out_text(out, "'*'");
    } else if (o->letter != 0) {
        out_printf(out, "'(-%c --%s)'", o->letter, o->name);
    }
    if (o->letter != 0) {
        out_printf(out, "{-%c%s,--%s%s}'", o->letter, o->value == NULL ? "" : "+", o->name, sign);
    } else {
        out_printf(out, "'--%s%s", o->name, sign);
    }
    out_text(out, "[");
    put_means(out, o->help);
    out_text(out, "]");
    if (o->value != NULL) {
        out_text(out, o->kind == OPTION_MAYBE ? "::" : ":");
        put_means(out, o->value);
        out_text(out, ":");
        put_action(out, o);
    }
    out_text(out, "'");
}

static void put_options(struct out *out, const struct option *options)
{
    for (const struct option *o = options; o->name != NULL; o++) {
        put_option(out, o);
    }
}

static void put_operands(struct out *out, const struct command *c)
{
    struct help_parts_operands operands;

    help_parts_operands(c, &operands);
    if (operands.words) {
        out_printf(out, " \\\n        '1:what:(");
        help_parts_words(out, c);
        out_text(out, ")'");
    }
    if (operands.jobs) {
        out_text(out, " \\\n        '*:JOB:_holdfast_jobs'");
    } else if (operands.commands) {
        out_text(out, " \\\n        '1:COMMAND:_holdfast_commands'");
    } else if (operands.points && operands.files) {
        out_text(out, " \\\n        '*:what:_alternative \"points:SELECTOR:_holdfast_points\" "
                      "\"files:file:_files\"'");
    } else if (operands.points) {
        out_text(out, " \\\n        '*:SELECTOR:_holdfast_points'");
    } else if (operands.files) {
        out_text(out, " \\\n        '*:file:_files'");
    }
}

static void put_commands(struct out *out)
{
    out_text(out, "_holdfast_commands()\n{\n    local -a commands=(\n");
    for (size_t i = 0; i < command_count(); i++) {
        out_printf(out, "        '%s:", command_at(i)->name);
        put_means(out, command_at(i)->summary);
        out_text(out, "'\n");
    }
    out_text(out, "    )\n    _describe -t commands 'command of holdfast' commands\n}\n\n");
}

static const char helpers[] =
    "_holdfast_points()\n"
    "{\n"
    "    local -a ends=(latest) begins=(${(s: :):-\"" HELP_COMPLETION_POINTS "\"})\n"
    "    compadd -- $ends\n"
    "    compadd -S '' -- ${begins:#latest}\n"
    "}\n"
    "\n"
    "_holdfast_jobs()\n"
    "{\n"
    "    compadd -- ${(f)\"$(" HELP_COMPLETION_JOBS ")\"}\n"
    "}\n"
    "\n";

void help_completion_zsh(struct out *out)
{
    out_text(out, "#compdef holdfast\n"
                  "# zsh completion for holdfast, made by \"holdfast help --completion zsh\"\n\n");
    put_commands(out);
    out_text(out, helpers);
    out_text(out, "_holdfast()\n{\n    local curcontext=$curcontext state line\n"
                  "    typeset -A opt_args\n    local -a common=(");
    put_options(out, app_option_table);
    out_text(out, "\n    )\n\n    _arguments -C -s -S $common '--version[print the version]' \\\n"
                  "        '1:command:_holdfast_commands' '*::operand:->rest' && return\n"
                  "    [[ $state == rest ]] || return\n    case $words[1] in\n");
    for (size_t i = 0; i < command_count(); i++) {
        out_printf(out, "    %s)\n        _arguments -s -S $common", command_at(i)->name);
        put_options(out, command_at(i)->options);
        put_operands(out, command_at(i));
        out_text(out, "\n        ;;\n");
    }
    out_text(out, "    esac\n}\n\n_holdfast \"$@\"\n");
}
