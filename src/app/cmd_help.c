/*
 * cmd_help.c - help, of the program or of one command.
 */
#include "app/app.h"
#include "app/commands.h"
#include "app/help.h"
#include "base/err.h"

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct command *c, *near;

    (void)values;
    if (operands->count == 0) {
        help_program(&app->out);
        return 0;
    }
    c = command_find(operands->items[0]);
    if (c != NULL) {
        help_command(&app->out, c);
        return 0;
    }
    near = command_nearest(operands->items[0]);
    err_raise(HF_EUSAGE, "could not explain \"%s\": there is no such command", operands->items[0]);
    if (near != NULL) {
        err_hint("did you mean \"holdfast help %s\"?", near->name);
    }
    return HF_EUSAGE;
}

static const char *const synopsis[] = { "[COMMAND]", NULL };
static const char *const about[] = {
    "Without a command: what commands there are, and the options that all of them take. \"holdfast "
    "COMMAND --help\" says the same as \"holdfast help COMMAND\".",
    NULL,
};
static const struct option options[] = { { .name = NULL } };
static const struct command_text exits[] = { { NULL, NULL } };
static const struct command_text examples[] = {
    { "holdfast help restore", "everything about restoring" },
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
    .operands_max = 1,
    .local = true,
    .run = run,
};
