/*
 * cmd_help.c - help, of the program or of one command, and what else is made of the same tables.
 */
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/help.h"
#include "app/help_completion.h"
#include "app/help_facts.h"
#include "app/help_man.h"
#include "app/help_markdown.h"
#include "base/err.h"

struct help_values {
    const char *format;
    const char *completion;
};

static const struct form {
    const char *name;
    void (*program)(struct out *out);
    void (*command)(struct out *out, const struct command *c);
    void (*conf)(struct out *out);
} forms[] = {
    { "text", help_program, help_command, help_conf },
    { "man", help_man_program, help_man_command, help_man_conf },
    { "markdown", help_markdown_program, help_markdown_command, help_markdown_conf },
};
static const char *const form_names[] = { "text", "man", "markdown", NULL };

static const struct shell {
    const char *name;
    void (*put)(struct out *out);
} shells[] = {
    { "bash", help_completion_bash },
    { "zsh", help_completion_zsh },
    { "fish", help_completion_fish },
};
static const char *const shell_names[] = { "bash", "zsh", "fish", NULL };

static int complete(struct app *app, const struct help_values *v,
                    const struct option_operands *operands)
{
    if (operands->count > 0 || v->format != NULL) {
        return err_raise(HF_EUSAGE, "could not print a completion: --completion stands alone");
    }
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, v->completion) == 0) {
            shells[i].put(&app->out);
        }
    }
    return 0;
}

static const struct form *find_form(const char *name)
{
    for (size_t i = 1; name != NULL && i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].name, name) == 0) {
            return &forms[i];
        }
    }
    return &forms[0];
}

static int fail_unknown(const char *name)
{
    const struct command *near = command_nearest(name);

    err_raise(HF_EUSAGE, "could not explain \"%s\": there is no such command", name);
    if (near != NULL) {
        err_hint("did you mean \"holdfast help %s\"?", near->name);
    }
    return HF_EUSAGE;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct help_values *v = values;
    const struct form *form = find_form(v->format);
    const struct command *c;

    if (v->completion != NULL) {
        return complete(app, v, operands);
    }
    if (operands->count == 0) {
        form->program(&app->out);
        return 0;
    }
    if (strcmp(operands->items[0], HELP_FACTS_CONF) == 0) {
        form->conf(&app->out);
        return 0;
    }
    c = command_find(operands->items[0]);
    if (c == NULL) {
        return fail_unknown(operands->items[0]);
    }
    form->command(&app->out, c);
    return 0;
}

#define ROW(field) offsetof(struct help_values, field)
static const struct option options[] = {
    { "format", 0, OPTION_CHOICE, "text|man|markdown",
      "as text (the default), as the source of a man page in mdoc(7), or as Markdown", ROW(format),
      form_names },
    { "completion", 0, OPTION_CHOICE, "bash|zsh|fish",
      "print the script that completes command lines in this shell", ROW(completion), shell_names },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "[COMMAND|holdfast.conf] [--format FORMAT]",
                                        "--completion SHELL", NULL };
static const char *const about[] = {
    "Without a command: what commands there are, and the options that all of them take. \"holdfast "
    "COMMAND --help\" says the same as \"holdfast help COMMAND\". \"holdfast help holdfast.conf\" "
    "explains the keys of the configuration file.",
    "The man pages, the pages of the manual and the completions are made of the same tables, and "
    "printed with --format and --completion. They are installed with holdfast.",
    NULL,
};
static const struct command_text exits[] = { { NULL, NULL } };
static const struct command_text examples[] = {
    { "holdfast help restore", "everything about restoring" },
    { "holdfast help holdfast.conf", "everything about the configuration file" },
    { "holdfast help --format man restore >restore.1", "the source of a man page" },
    { "eval \"$(holdfast help --completion bash)\"", "complete command lines in this shell" },
    { NULL, NULL },
};

const struct command cmd_help = {
    .name = "help",
    .group = COMMAND_OTHER,
    .summary = "explain the program or a command",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct help_values),
    .operands_max = 1,
    .local = true,
    .run = run,
};
