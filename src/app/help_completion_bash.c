/*
 * help_completion_bash.c - see help_completion.h.
 *
 * The script needs nothing but bash. Bash divides --format=zip at the "=", unless it is told
 * otherwise, so the three words are looked at as one option and its value.
 */
#include <stddef.h>

#include "app/app.h"
#include "app/help_completion.h"
#include "app/help_parts.h"

static const char head[] =
    "# bash completion for holdfast, made by \"holdfast help --completion bash\"\n"
    "\n"
    "# _holdfast_value COMMAND OPTION: what the option's value is; nothing if it takes none.\n"
    "_holdfast_value()\n"
    "{\n"
    "    case \"$1 $2\" in\n";

static const char tail[] =
    "_holdfast_jobs()\n"
    "{\n"
    "    " HELP_COMPLETION_JOBS "\n"
    "}\n"
    "\n"
    "# _holdfast_files [-d]: names that begin as the word does, whatever is in them.\n"
    "_holdfast_files()\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen \"${1:--f}\" -- \"$cur\")\n"
    "}\n"
    "\n"
    "_holdfast_offer()\n"
    "{\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$*\" -- \"$cur\")\n"
    "    [[ ${#COMPREPLY[@]} -ne 1 || $COMPREPLY != *: ]] || compopt -o nospace 2>/dev/null\n"
    "}\n"
    "\n"
    "_holdfast()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} command= option= value operands=0 i\n"
    "\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        option=${COMP_WORDS[i]}\n"
    "        if [[ $option == -- ]]; then\n"
    "            _holdfast_files\n"
    "            return\n"
    "        elif [[ $option == -* ]]; then\n"
    "            value=$(_holdfast_value \"$command\" \"$option\")\n"
    "            if [[ ${COMP_WORDS[i + 1]} == = ]]; then\n"
    "                ((i += 2))\n"
    "            elif [[ -n $value && $value != maybe ]]; then\n"
    "                ((i++))\n"
    "            fi\n"
    "        elif [[ -z $command ]]; then\n"
    "            command=$option\n"
    "        else\n"
    "            ((operands++))\n"
    "        fi\n"
    "    done\n"
    "    if ((i > COMP_CWORD)); then\n"
    "        cur=${cur#=}\n"
    "        value=$(_holdfast_value \"$command\" \"$option\")\n"
    "        case $value in\n"
    "        words\\ *) _holdfast_offer \"${value#words }\" ;;\n"
    "        file) _holdfast_files ;;\n"
    "        folder) _holdfast_files -d ;;\n"
    "        command) _holdfast_files -c ;;\n"
    "        esac\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        _holdfast_offer \"$(_holdfast_options \"$command\")\"\n"
    "    else\n"
    "        _holdfast_operands \"$command\" \"$operands\"\n"
    "    fi\n"
    "}\n"
    "complete -F _holdfast holdfast\n";

static void put_words(struct out *out, const char *const *words)
{
    for (; *words != NULL; words++) {
        out_printf(out, " %s", *words);
    }
}

static void put_values(struct out *out, const char *command, const struct option *options)
{
    static const char *const names[] = {
        [HELP_PARTS_TEXT] = "text",       [HELP_PARTS_WORDS] = "words",
        [HELP_PARTS_FILE] = "file",       [HELP_PARTS_FOLDER] = "folder",
        [HELP_PARTS_COMMAND] = "command",
    };

    for (const struct option *o = options; o->name != NULL; o++) {
        enum help_parts_value value = help_parts_value(o);

        if (value == HELP_PARTS_FLAG) {
            continue;
        }
        out_printf(out, "    %s\" --%s\"", command, o->name);
        if (o->letter != 0) {
            out_printf(out, " | %s\" -%c\"", command, o->letter);
        }
        out_printf(out, ") echo \"%s", o->kind == OPTION_MAYBE ? "maybe" : names[value]);
        if (value == HELP_PARTS_WORDS) {
            put_words(out, o->choices);
        }
        out_text(out, "\" ;;\n");
    }
}

static void put_names(struct out *out, const struct option *options)
{
    for (const struct option *o = options; o->name != NULL; o++) {
        out_printf(out, " --%s", o->name);
        if (o->letter != 0) {
            out_printf(out, " -%c", o->letter);
        }
    }
}

static void put_options(struct out *out)
{
    out_text(out, "# _holdfast_options COMMAND: its options, and those of every command.\n"
                  "_holdfast_options()\n{\n    echo \"");
    put_names(out, app_option_table);
    out_text(out, "\"\n    case $1 in\n    \"\") echo \"--version\" ;;\n");
    for (size_t i = 0; i < command_count(); i++) {
        if (command_at(i)->options->name != NULL) {
            out_printf(out, "    %s) echo \"", command_at(i)->name);
            put_names(out, command_at(i)->options);
            out_text(out, "\" ;;\n");
        }
    }
    out_text(out, "    esac\n}\n\n");
}

static void put_commands(struct out *out)
{
    for (size_t i = 0; i < command_count(); i++) {
        out_printf(out, " %s", command_at(i)->name);
    }
}

/* What is no file. */
static void put_offer(struct out *out, const struct help_parts_operands *operands)
{
    out_text(out, "_holdfast_offer");
    out_text(out, operands->points ? " " HELP_COMPLETION_POINTS : "");
    if (operands->commands) {
        put_commands(out);
    }
    out_text(out, operands->jobs ? " \"$(_holdfast_jobs)\"\n" : "\n");
}

/* The first operand is a word or, of commands that take none, a file; later ones are files. */
static void put_command_operands(struct out *out, const struct command *c)
{
    struct help_parts_operands operands;
    bool others;

    help_parts_operands(c, &operands);
    others = operands.points || operands.jobs || operands.commands;
    out_printf(out, "    %s)\n        ", c->name);
    if (operands.words) {
        out_text(out, "[[ $2 -gt 0 ]] || _holdfast_offer");
        help_parts_words(out, c);
        out_text(out, others || operands.files ? "\n        [[ $2 -eq 0 ]] || " : "\n");
    }
    if (operands.files && others) {
        out_text(out, "[[ $2 -gt 0 ]] || ");
        put_offer(out, &operands);
        out_text(out, "        [[ $2 -eq 0 ]] || _holdfast_files\n");
    } else if (others) {
        put_offer(out, &operands);
    } else if (operands.files) {
        out_text(out, "_holdfast_files\n");
    } else if (!operands.words) {
        out_text(out, "COMPREPLY=()\n");
    }
    out_text(out, "        ;;\n");
}

void help_completion_bash(struct out *out)
{
    out_text(out, head);
    put_values(out, "*", app_option_table);
    for (size_t i = 0; i < command_count(); i++) {
        put_values(out, command_at(i)->name, command_at(i)->options);
    }
    out_text(out, "    esac\n}\n\n");
    put_options(out);
    out_text(out, "# _holdfast_operands COMMAND COUNT: what may follow so many operands.\n"
                  "_holdfast_operands()\n{\n    case $1 in\n    \"\") _holdfast_offer");
    put_commands(out);
    out_text(out, " ;;\n");
    for (size_t i = 0; i < command_count(); i++) {
        put_command_operands(out, command_at(i));
    }
    out_text(out, "    esac\n}\n\n");
    out_text(out, tail);
}
