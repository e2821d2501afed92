/*
 * cmd_config.c - the file of jobs: checked, shown with the origin of each setting, begun.
 */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/config.h"
#include "app/secret.h"
#include "base/err.h"
#include "base/mem.h"

static const char *const origin_names[] = {
    [CONFIG_FROM_NOWHERE] = "unset",           [CONFIG_FROM_PROGRAM] = "default",
    [CONFIG_FROM_DEFAULTS] = "file",           [CONFIG_FROM_JOB] = "file",
    [CONFIG_FROM_ENVIRONMENT] = "environment",
};

static void put_check_json(struct json *j, const struct config *c, const char *path)
{
    json_document(j, "config");
    json_text(j, "file", path);
    json_array(j, "jobs");
    for (size_t i = 0; i < c->job_count; i++) {
        json_object(j, NULL);
        json_text(j, "name", c->jobs[i]->name);
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static int check(struct app *app, const struct config *c)
{
    if (app->options.json) {
        put_check_json(&app->json, c, c->path);
        return 0;
    }
    out_printf(&app->out, "%s is good: %zu job%s\n", c->path, c->job_count,
               c->job_count == 1 ? "" : "s");
    return 0;
}

/* What a secret is has no place on a screen. */
static const char *shown(const struct config_key *key, const char *value)
{
    return key->secret ? "(secret)" : value;
}

static void show_setting_json(struct json *j, const struct config_key *key,
                              const struct config_setting *s)
{
    json_object(j, NULL);
    json_text(j, "key", key->name);
    json_array(j, "values");
    for (size_t i = 0; i < s->values.count; i++) {
        json_text(j, NULL, shown(key, s->values.items[i]));
    }
    json_end_array(j);
    json_text(j, "origin", origin_names[s->origin]);
    json_text(j, "file", s->place.file != NULL ? s->place.file->path : NULL);
    if (s->place.file != NULL) {
        json_number(j, "line", s->place.line);
    } else {
        json_null(j, "line");
    }
    json_end_object(j);
}

static void show_setting(struct out *out, const struct config_key *key,
                         const struct config_setting *s)
{
    out_printf(out, "  %s = ", key->name);
    for (size_t i = 0; i < s->values.count; i++) {
        const char *value = shown(key, s->values.items[i]);

        out_text(out, i == 0 ? "" : ", ");
        out_shown(out, value, strlen(value));
    }
    if (s->place.file != NULL) {
        out_printf(out, "   (%s:%u)\n", s->place.file->path, s->place.line);
    } else {
        out_printf(out, "   (%s)\n", origin_names[s->origin]);
    }
}

static void show_job(struct app *app, const struct config *c, const struct config_job *job)
{
    bool json = app->options.json;

    if (json) {
        json_object(&app->json, NULL);
        json_text(&app->json, "name", job->name);
        json_array(&app->json, "settings");
    } else {
        out_printf(&app->out, "[job %s]   (%s:%u)\n", job->name, job->place.file->path,
                   job->place.line);
    }
    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *key = config_key_at((enum config_key_id)i);
        const struct config_setting *s = config_get(c, job, (enum config_key_id)i);

        if (s->origin == CONFIG_FROM_NOWHERE) {
            continue;
        }
        if (json) {
            show_setting_json(&app->json, key, s);
        } else {
            show_setting(&app->out, key, s);
        }
    }
    if (json) {
        json_end_array(&app->json);
        json_end_object(&app->json);
    }
}

static int show(struct app *app, const struct config *c, const struct option_operands *operands)
{
    const struct config_job *only = NULL;
    int rc = operands->count > 1 ? config_find(c, operands->items[1], &only) : 0;

    if (rc != 0) {
        return rc;
    }
    if (app->options.json) {
        json_document(&app->json, "config");
        json_text(&app->json, "file", c->path);
        json_array(&app->json, "jobs");
    }
    for (size_t i = 0; i < c->job_count; i++) {
        if (only == NULL || only == c->jobs[i]) {
            show_job(app, c, c->jobs[i]);
        }
    }
    if (app->options.json) {
        json_end_array(&app->json);
        json_end_object(&app->json);
    }
    return 0;
}

/* Every key, with what it means; all but what a job needs is commented out. */
static void put_example(struct buf *b)
{
    buf_printf(b, "# The jobs of holdfast: \"holdfast run NAME\" runs one, \"holdfast schedule "
                  "NAME\" regularly.\n"
                  "# \"holdfast config check\" says whether this file is good.\n"
                  "#\n"
                  "# Comments stand on lines of their own. Lists are separated by commas, or their "
                  "key repeated.\n"
                  "# ${NAME} is what the environment says. [defaults] may hold any key, for all "
                  "jobs.\n"
                  "# include = FILE reads another file.\n\n"
                  "[job home]\n");
    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *key = config_key_at((enum config_key_id)i);
        bool needed = i == CONFIG_repository || i == CONFIG_key_file || i == CONFIG_paths;

        buf_printf(b, "# %s\n%s%s = %s\n", key->means, needed ? "" : "#", key->name, key->example);
    }
}

static int begin(struct app *app, const char *path)
{
    struct config none = { 0 };
    struct buf text;
    int rc;

    buf_init(&text);
    put_example(&text);
    rc = buf_error(&text);
    if (rc == 0) {
        rc = secret_write_file(path, &text);
    }
    buf_release(&text);
    if (rc == HF_EEXISTS) {
        err_hint("it is left as it is; --config names another");
    } else if (rc == 0 && app->options.json) {
        put_check_json(&app->json, &none, path);
    } else if (rc == 0) {
        app_note(app, "made %s; what to change is explained there", path);
    }
    return rc;
}

static int load_and(struct app *app, const struct option_operands *operands)
{
    struct config *c = mem_zalloc(sizeof *c);
    int rc;

    if (c == NULL) {
        return err_nomem();
    }
    rc = config_load(config_path(app), c);
    if (rc == 0) {
        rc = strcmp(operands->items[0], "show") == 0 ? show(app, c, operands) : check(app, c);
    }
    config_release(c);
    mem_free(c);
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const char *what = operands->items[0];
    bool to_show = strcmp(what, "show") == 0;
    int rc;

    (void)values;
    if (!to_show && operands->count > 1) {
        rc = err_raise(HF_EUSAGE, "\"%s\" is too much", operands->items[1]);
    } else if (to_show || strcmp(what, "check") == 0) {
        rc = load_and(app, operands);
    } else if (strcmp(what, "init") == 0) {
        rc = begin(app, config_path(app));
    } else {
        err_raise(HF_EUSAGE, "there are \"config check\", \"config show\" and \"config init\"");
        rc = err_hint("\"holdfast help config\" explains them");
    }
    return rc != 0 ? err_add(rc, "could not do \"config %s\"", what) : 0;
}

static const struct option options[] = { { .name = NULL } };
static const char *const synopsis[] = { "init", "check", "show [JOB]", NULL };
static const char *const about[] = {
    "The configuration file (--config, HOLDFAST_CONFIG, else /etc/holdfast.conf) holds the jobs "
    "that \"holdfast run\" runs: a section [job NAME] for each, and [defaults] for all.",
    "init: writes one to begin with, in which every key is explained; readable by its owner alone. "
    "An existing file is left as it is.",
    "check: whether the file is good. The first thing wrong with it is named, with its line. It "
    "must belong to root or to you, nobody else may be able to write it, and with a "
    "password_command in it nobody else to read it.",
    "show: what counts for each job, and where it comes from: a line of a file, the environment "
    "(HOLDFAST_KEEP_DAILY for keep_daily, and so on, before all else), or the program.",
    NULL,
};
static const struct command_text exits[] = {
    { "2", "something in the file is not understood: its line is named" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast config init --config ~/holdfast.conf", "a file to begin with" },
    { "holdfast config check --config ~/holdfast.conf", "is all of it understood?" },
    { "holdfast config show home --config ~/holdfast.conf", "what counts, and why" },
    { NULL, NULL },
};

const struct command cmd_config = {
    .name = "config",
    .group = COMMAND_CARE,
    .summary = "write, check or show the file of jobs",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .operands_min = 1,
    .operands_max = 2,
    .local = true,
    .run = run,
};
