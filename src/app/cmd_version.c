/*
 * cmd_version.c - which holdfast this is.
 */
#include "app/app.h"
#include "app/commands.h"
#include "app/version.h"

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    (void)values;
    (void)operands;
    if (app->options.json) {
        json_document(&app->json, "version");
        json_text(&app->json, "version", VERSION_TEXT);
        json_number(&app->json, "format", VERSION_FORMAT);
        json_end_object(&app->json);
    } else {
        out_printf(&app->out, "%s (repository format %u)\n", VERSION_TOOL, VERSION_FORMAT);
    }
    return 0;
}

static const char *const synopsis[] = { "", NULL };
static const char *const about[] = {
    "Prints the version of the program and of the repository format that it makes and reads.",
    NULL,
};
static const struct option options[] = { { .name = NULL } };
static const struct command_text exits[] = { { NULL, NULL } };
static const struct command_text examples[] = {
    { "holdfast version", "for a bug report" },
    { NULL, NULL },
};

const struct command cmd_version = {
    .name = "version",
    .group = COMMAND_OTHER,
    .summary = "print the version",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .local = true,
    .run = run,
};
