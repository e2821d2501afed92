/*
 * app.c - from argv to an exit status.
 */
#include "app/app.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/help.h"
#include "app/signals.h"
#include "app/talk.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/nacl.h"

static const char *const log_formats[] = { "text", "json", NULL };

#define ROW(field) offsetof(struct app_options, field)
const struct option app_option_table[] = {
    { "repo", 'r', OPTION_TEXT, "PATH", "the repository (or set HOLDFAST_REPOSITORY)", ROW(repo),
      NULL },
    { "key-file", 0, OPTION_TEXT, "F", "use this key file in place of a password", ROW(key_file),
      NULL },
    { "password-file", 0, OPTION_TEXT, "F",
      "read the password from the first line of a file (or set HOLDFAST_PASSWORD, "
      "HOLDFAST_PASSWORD_FILE or HOLDFAST_PASSWORD_COMMAND; else it is asked for)",
      ROW(password_file), NULL },
    { "password-fd", 0, OPTION_NUMBER, "N", "read it from a file descriptor", ROW(password_fd),
      NULL },
    { "cache-dir", 0, OPTION_TEXT, "DIR",
      "keep caches here (or set HOLDFAST_CACHE_DIR; default: ~/.cache/holdfast)", ROW(cache_dir),
      NULL },
    { "no-cache", 0, OPTION_FLAG, NULL, "neither use nor write a cache", ROW(no_cache), NULL },
    { "config", 0, OPTION_TEXT, "F",
      "the file of jobs (or set HOLDFAST_CONFIG; default: /etc/holdfast.conf)", ROW(config), NULL },
    { "json", 0, OPTION_FLAG, NULL, "write results as JSON, and errors as JSON lines", ROW(json),
      NULL },
    { "quiet", 'q', OPTION_FLAG, NULL, "say nothing but results, warnings and errors", ROW(quiet),
      NULL },
    { "verbose", 'v', OPTION_COUNT, NULL, "say more; -vv says most", ROW(verbose), NULL },
    { "no-progress", 0, OPTION_FLAG, NULL, "do not show progress", ROW(no_progress), NULL },
    { "log-format", 0, OPTION_CHOICE, "text|json", "the form of what goes to standard error",
      ROW(log_format), log_formats },
    { "help", 'h', OPTION_FLAG, NULL, "explain a command", ROW(help), NULL },
    { NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL },
};

/* Only without a command. */
static const struct option program_option_table[] = {
    { "version", 0, OPTION_FLAG, NULL, "print the version", ROW(version), NULL },
    { NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL },
};
#undef ROW

int app_worse(int a, int b)
{
    static const int order[] = { HF_EINTERRUPTED, HF_ETERMINATED, HF_EDAMAGE, HF_ENOSPC,
                                 HF_EPARTIAL };

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return a != 0 ? a : b;
}

static int check_operands(const struct command *c, const struct option_operands *operands)
{
    if (operands->count < c->operands_min) {
        err_raise(HF_EUSAGE, "something is missing: the form is \"holdfast %s %s\"", c->name,
                  c->synopsis[0]);
    } else if (operands->count > c->operands_max) {
        err_raise(HF_EUSAGE, "\"%s\" is too much: the form is \"holdfast %s %s\"",
                  operands->items[c->operands_max], c->name, c->synopsis[0]);
    } else {
        return 0;
    }
    err_hint("\"holdfast help %s\" explains it", c->name);
    return HF_EUSAGE;
}

int app_step(struct app *app, const struct command *c, char *const *argv, size_t argc)
{
    void *values = mem_zalloc(c->values_size + 1);
    struct option_operands operands = { 0 };
    const struct option_set sets[] = { { c->options, values },
                                       { app_option_table, &app->options } };
    const struct option_rules rules = { sets, 2, false };
    int rc;

    if (values == NULL) {
        err_nomem();
        return err_add(HF_ENOMEM, "could not begin \"%s\"", c->name);
    }
    rc = option_parse(&rules, argv, argc, &operands);
    if (rc == 0 && app->options.help) {
        help_command(&app->out, c);
    } else {
        if (rc == 0) {
            rc = check_operands(c, &operands);
        }
        if (rc != 0) {
            rc = err_add(rc, "could not understand the command \"%s\"", c->name);
        } else {
            rc = c->run(app, values, &operands);
        }
    }
    option_release_operands(&operands);
    option_release(&sets[0]);
    mem_free(values);
    return rc;
}

static int fail_unknown_command(const char *name)
{
    const struct command *near = command_nearest(name);

    err_raise(HF_EUSAGE, "could not understand \"%s\": there is no such command", name);
    if (near != NULL) {
        err_hint("did you mean \"holdfast %s\"?", near->name);
    } else {
        err_hint("\"holdfast help\" lists the commands");
    }
    return HF_EUSAGE;
}

static int fail_no_command(void)
{
    err_raise(HF_EUSAGE, "could not do anything: no command was given");
    err_hint("\"holdfast help\" lists the commands");
    return HF_EUSAGE;
}

static int dispatch(struct app *app, char *const *argv, size_t argc)
{
    const struct option_set sets[] = { { app_option_table, &app->options },
                                       { program_option_table, &app->options } };
    const struct option_rules rules = { sets, 2, true };
    struct option_operands none = { 0 };
    int rc = option_parse(&rules, argv, argc, &none);
    size_t at = none.consumed;

    option_release_operands(&none);
    if (rc != 0) {
        return err_add(rc, "could not understand the command line");
    }
    if (app->options.version) {
        return app_step(app, &cmd_version, argv + argc, 0);
    }
    if (at == argc && app->options.help) {
        help_program(&app->out);
        return 0;
    }
    if (at == argc) {
        return fail_no_command();
    }
    app->command = command_find(argv[at]);
    if (app->command == NULL) {
        return fail_unknown_command(argv[at]);
    }
    return app_step(app, app->command, argv + at + 1, argc - at - 1);
}

/* The form of errors must be known even where the command line can't be understood. */
static bool asks_for_json(char *const *argv, size_t argc)
{
    for (size_t i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

static void start(struct app *app)
{
    uint8_t id[UUID_BYTES] = { 0 };

    memset(app, 0, sizeof *app);
    app->umask_before = umask(077);
    pthread_mutex_init(&app->lock, NULL);
    out_init(&app->out, STDOUT_FILENO);
    out_init(&app->err, STDERR_FILENO);
    json_init(&app->json, &app->out);
    app->journal = talk_to_journal(STDERR_FILENO);
    app->clock = clock_system();
    app->rnd = rnd_system();
    if (rnd_uuid(app->rnd, id) != 0) {
        err_clear();
    }
    text_hex(id, sizeof id, app->run_id);
    signals_install();
}

/* What could not be written is an error as well. */
static int settle(struct app *app, int rc)
{
    struct err_trail trail;
    int written;

    rc = signals_name(rc);
    err_take(&trail);
    written = out_finish(&app->out, "the result");
    if (rc != 0 && app_worse(rc, written) == rc) {
        err_give(&trail);
    }
    return app_worse(rc, written);
}

int app_run(int argc, char **argv)
{
    struct app app;
    size_t count = argc > 0 ? (size_t)argc - 1 : 0;
    int rc;

    start(&app);
    log_set_sink(talk_log_sink, &app, LOG_LEVEL_DEBUG);
    rc = nacl_init();
    if (rc == 0) {
        rc = dispatch(&app, argv + 1, count);
    }
    rc = settle(&app, rc);
    if (rc != 0) {
        app.options.json = app.options.json || asks_for_json(argv + 1, count);
        talk_failure(&app, rc);
    }
    out_flush(&app.err);
    log_set_sink(NULL, NULL, LOG_LEVEL_ERROR);
    out_release(&app.out);
    out_release(&app.err);
    pthread_mutex_destroy(&app.lock);
    return rc == 0 ? 0 : err_exit_status(rc);
}
