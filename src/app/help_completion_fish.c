/*
 * help_completion_fish.c - see help_completion.h.
 */
#include <stddef.h>

#include "app/app.h"
#include "app/help_completion.h"
#include "app/help_parts.h"

/* Text inside of single quotes. */
static void put_quoted(struct out *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            out_text(out, "\\");
        }
        out_put(out, text, 1);
    }
}

/* An option of a command, or of every one. */
static void put_option(struct out *out, const struct command *c, const struct option *o)
{
    out_text(out, "complete -c holdfast");
    if (c != NULL) {
        out_printf(out, " -n '__holdfast_is %s'", c->name);
    }
    out_printf(out, " -l %s", o->name);
    if (o->letter != 0) {
        out_printf(out, " -s %c", o->letter);
    }
    switch (o->kind == OPTION_MAYBE ? HELP_PARTS_FLAG : help_parts_value(o)) {
    case HELP_PARTS_WORDS:
        out_text(out, " -x -a '");
        for (size_t i = 0; o->choices[i] != NULL; i++) {
            out_printf(out, "%s%s", i == 0 ? "" : " ", o->choices[i]);
        }
        out_text(out, "'");
        break;
    case HELP_PARTS_FILE:
        out_text(out, " -r -F");
        break;
    case HELP_PARTS_FOLDER:
        out_text(out, " -x -a '(__fish_complete_directories)'");
        break;
    case HELP_PARTS_COMMAND:
        out_text(out, " -x -a '(__fish_complete_command)'");
        break;
    case HELP_PARTS_TEXT:
        out_text(out, " -x");
        break;
    case HELP_PARTS_FLAG:
        break;
    }
    out_text(out, " -d '");
    put_quoted(out, o->help);
    out_text(out, "'\n");
}

/* Options that take the next word, for finding the command behind them. */
static void put_takers(struct out *out)
{
    for (const struct option *o = app_option_table; o->name != NULL; o++) {
        if (help_parts_value(o) != HELP_PARTS_FLAG && o->kind != OPTION_MAYBE) {
            out_printf(out, " --%s", o->name);
            if (o->letter != 0) {
                out_printf(out, " -%c", o->letter);
            }
        }
    }
}

static void put_operands(struct out *out, const struct command *c)
{
    struct help_parts_operands operands;

    help_parts_operands(c, &operands);
    if (operands.files) {
        out_printf(out, "complete -c holdfast -n '__holdfast_is %s' -F\n", c->name);
    }
    if (operands.words) {
        out_printf(out, "complete -c holdfast -n '__holdfast_is %s 1' -a '", c->name);
        help_parts_words(out, c);
        out_text(out, "'\n");
    }
    if (operands.points) {
        out_printf(out,
                   "complete -c holdfast -n '__holdfast_is %s' -a '" HELP_COMPLETION_POINTS "'\n",
                   c->name);
    }
    if (operands.jobs) {
        out_printf(out, "complete -c holdfast -n '__holdfast_is %s' -a '(__holdfast_jobs)'\n",
                   c->name);
    }
    if (operands.commands) {
        out_printf(out, "complete -c holdfast -n '__holdfast_is %s' -a '", c->name);
        for (size_t i = 0; i < command_count(); i++) {
            out_printf(out, "%s%s", i == 0 ? "" : " ", command_at(i)->name);
        }
        out_text(out, "'\n");
    }
}

static const char functions[] =
    "            case '-*'\n"
    "            case '*'\n"
    "                set -a operands $word\n"
    "        end\n"
    "    end\n"
    "    string join \\n -- $operands\n"
    "end\n"
    "\n"
    "# __holdfast_is COMMAND [COUNT]: whether it is this one, with so many operands to its name.\n"
    "function __holdfast_is\n"
    "    set -l operands (__holdfast_operands)\n"
    "    test \"$operands[1]\" = \"$argv[1]\"\n"
    "    and begin\n"
    "        test (count $argv) -lt 2\n"
    "        or test (count $operands) -eq $argv[2]\n"
    "    end\n"
    "end\n"
    "\n"
    "function __holdfast_begins\n"
    "    test (count (__holdfast_operands)) -eq 0\n"
    "end\n"
    "\n"
    "function __holdfast_jobs\n"
    "    " HELP_COMPLETION_JOBS "\n"
    "end\n"
    "\n"
    "complete -c holdfast -f\n";

void help_completion_fish(struct out *out)
{
    out_text(out,
             "# fish completion for holdfast, made by \"holdfast help --completion fish\"\n\n"
             "# The command and its operands, as far as they have been typed.\n"
             "function __holdfast_operands\n"
             "    set -l words (commandline -opc)\n    set -l operands\n    set -l skip 0\n"
             "    for word in $words[2..-1]\n        if test $skip = 1\n            set skip 0\n"
             "            continue\n        end\n        switch $word\n            case");
    put_takers(out);
    out_text(out, "\n                set skip 1\n");
    out_text(out, functions);
    out_text(out, "complete -c holdfast -n __holdfast_begins -l version -d 'print the version'\n");
    for (const struct option *o = app_option_table; o->name != NULL; o++) {
        put_option(out, NULL, o);
    }
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *c = command_at(i);

        out_printf(out, "complete -c holdfast -n __holdfast_begins -a %s -d '", c->name);
        put_quoted(out, c->summary);
        out_text(out, "'\n");
        for (const struct option *o = c->options; o->name != NULL; o++) {
            put_option(out, c, o);
        }
        put_operands(out, c);
    }
}
