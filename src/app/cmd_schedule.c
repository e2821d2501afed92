/*
 * cmd_schedule.c - a job runs by itself: timer and service of systemd, or a line for cron.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/child.h"
#include "app/commands.h"
#include "app/newfile.h"
#include "app/places.h"
#include "app/schedule_unit.h"
#include "base/err.h"
#include "base/mem.h"

#define FILE_MODE 0644
#define FILES_MOST 2

struct schedule_values {
    bool systemd;
    bool cron;
    bool install;
    bool remove;
    const char *root;
};

struct schedule_file {
    struct buf path;
    struct buf text;
};

struct schedule {
    struct app *app;
    const struct schedule_values *values;
    const char *name;
    struct config *config;
    struct schedule_facts facts;
    char program[PATH_MAX];
    char config_path[PATH_MAX];
    char *cache, *state;
    struct schedule_file files[FILES_MOST];
    size_t file_count;
};

static int find_paths(struct schedule *s)
{
    ssize_t n = readlink("/proc/self/exe", s->program, sizeof s->program - 1);
    int rc;

    if (n < 0) {
        return err_os(errno, "could not find out where this program is");
    }
    s->program[n] = '\0';
    if (realpath(config_path(s->app), s->config_path) == NULL) {
        return err_os(errno, "could not find %s", config_path(s->app));
    }
    for (const char *p = s->config_path; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ') {
            return err_raise(HF_EUSAGE, "the name of the configuration file is not printable");
        }
    }
    rc = places_cache(s->app, &s->cache);
    return rc == 0 ? places_state(s->app, &s->state) : rc;
}

/* What this shell's environment says, a timer's will not. */
static void warn_of_environment(const struct schedule *s)
{
    for (int i = 0; i < CONFIG_KEYS; i++) {
        if (s->config->environment[i].origin != CONFIG_FROM_NOWHERE) {
            app_warn(s->app, "%s comes from the environment here, which the job will not have",
                     config_key_at((enum config_key_id)i)->name);
        }
    }
}

static int gather(struct schedule *s)
{
    const struct config_job *job = NULL;
    const char *state, *calendar;
    int rc = config_load(config_path(s->app), s->config);

    if (rc == 0) {
        rc = config_find(s->config, s->name, &job);
    }
    if (rc != 0) {
        return rc;
    }
    calendar = config_text(s->config, job, CONFIG_schedule);
    if (calendar == NULL) {
        err_raise(HF_EUSAGE, "the job \"%s\" has no schedule", s->name);
        err_hint("add a line such as schedule = *-*-* 02:00:00");
        return config_ini_at(HF_EUSAGE, &job->place);
    }
    if (s->app->options.cache_dir == NULL) {
        s->app->options.cache_dir = config_text(s->config, job, CONFIG_cache_dir);
    }
    state = config_text(s->config, job, CONFIG_state_dir);
    if (state != NULL && setenv("HOLDFAST_STATE_DIR", state, 1) != 0) {
        return err_os(errno, "could not set the environment");
    }
    warn_of_environment(s);
    rc = find_paths(s);
    s->facts = (struct schedule_facts){ s->config,      job,      s->program, s->config_path,
                                        getenv("HOME"), s->cache, s->state,   calendar };
    return rc;
}

static struct schedule_file *new_file(struct schedule *s, const char *folder, const char *suffix)
{
    struct schedule_file *f = &s->files[s->file_count++];
    const char *root = s->values->root == NULL ? "" : s->values->root;
    size_t len = strlen(root);

    while (len > 0 && root[len - 1] == '/') {
        len--;
    }
    buf_init(&f->path);
    buf_init(&f->text);
    buf_printf(&f->path, "%.*s%s/holdfast-%s%s", (int)len, root, folder, s->name, suffix);
    return f;
}

/* The files' names, and, unless they are only to be removed, what is in them. */
static int write_text(struct schedule *s)
{
    bool fill = !s->values->remove;
    struct schedule_file *f;
    int rc = 0;

    if (s->values->cron) {
        f = new_file(s, "/etc/cron.d", "");
        return fill ? schedule_unit_cron(&f->text, &s->facts, s->values->install ? "root" : NULL)
                    : 0;
    }
    f = new_file(s, "/etc/systemd/system", ".service");
    if (fill) {
        schedule_unit_service(&f->text, &s->facts);
        rc = buf_error(&f->text);
    }
    f = new_file(s, "/etc/systemd/system", ".timer");
    if (fill) {
        schedule_unit_timer(&f->text, &s->facts);
    }
    return rc == 0 ? buf_error(&f->text) : rc;
}

/* Only where systemd runs, and of the real files. */
static int systemctl(struct schedule *s, const char *verb, bool about_timer)
{
    struct buf timer;
    struct child c;
    int rc;

    if (s->values->cron || s->values->root != NULL || access("/run/systemd/system", F_OK) != 0) {
        return 0;
    }
    buf_init(&timer);
    buf_printf(&timer, "holdfast-%s.timer", s->name);
    rc = buf_error(&timer);
    if (rc == 0) {
        const char *const argv[] = { "systemctl", verb, about_timer ? "--now" : NULL,
                                     buf_text(&timer), NULL };
        const struct child_options o = {
            .what = "systemctl", .argv = argv, .no_input = true, .umask = s->app->umask_before
        };

        rc = child_start(&o, &c);
    }
    if (rc == 0) {
        rc = child_finish(&c);
    }
    buf_release(&timer);
    return rc;
}

static int install(struct schedule *s)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < s->file_count; i++) {
        rc = newfile_put(buf_text(&s->files[i].path), FILE_MODE, &s->files[i].text);
    }
    if (rc == 0) {
        rc = systemctl(s, "daemon-reload", false);
    }
    return rc == 0 ? systemctl(s, "enable", true) : rc;
}

/* A part of it that is missing is no obstacle; nothing at all is told. */
static int take_away(struct schedule *s)
{
    size_t found = 0;
    int rc = 0;

    for (size_t i = 0; i < s->file_count; i++) {
        found += access(buf_text(&s->files[i].path), F_OK) == 0 ? 1 : 0;
    }
    if (found == 0) {
        return err_raise(HF_EABSENT, "%s is not there: the job is not scheduled so",
                         buf_text(&s->files[0].path));
    }
    rc = systemctl(s, "disable", true);
    for (size_t i = 0; rc == 0 && i < s->file_count; i++) {
        const char *path = buf_text(&s->files[i].path);

        if (unlink(path) != 0 && errno != ENOENT) {
            rc = err_os(errno, "could not remove %s", path);
        }
    }
    return rc == 0 ? systemctl(s, "daemon-reload", false) : rc;
}

static void put_json(struct schedule *s)
{
    const struct schedule_values *v = s->values;
    struct json *j = &s->app->json;

    json_document(j, "schedule");
    json_text(j, "job", s->name);
    json_text(j, "by", v->cron ? "cron" : "systemd");
    json_text(j, "action", v->install ? "install" : v->remove ? "remove" : "print");
    json_array(j, "files");
    for (size_t i = 0; i < s->file_count; i++) {
        json_object(j, NULL);
        json_text(j, "path", buf_text(&s->files[i].path));
        json_text(j, "text", v->remove ? NULL : buf_text(&s->files[i].text));
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static void put_text(struct schedule *s)
{
    const struct schedule_values *v = s->values;

    for (size_t i = 0; i < s->file_count; i++) {
        const char *path = buf_text(&s->files[i].path);

        if (v->install || v->remove) {
            app_note(s->app, "%s %s", v->install ? "made" : "removed", path);
            continue;
        }
        if (!v->cron) {
            out_printf(&s->app->out, "%s# %s\n", i == 0 ? "" : "\n", path);
        }
        out_put(&s->app->out, s->files[i].text.data, s->files[i].text.len);
    }
    if (v->cron && !v->remove) {
        app_note(s->app, "cron does not make up for runs that were missed while the machine was "
                         "off; --systemd does");
    }
    if (v->install && !v->cron && access("/run/systemd/system", F_OK) != 0) {
        app_note(s->app, "systemd does not run here: the timer was not enabled");
    }
}

static int check_values(const struct schedule_values *v, const char *name)
{
    if (v->systemd && v->cron) {
        return err_raise(HF_EUSAGE, "--systemd and --cron exclude each other");
    }
    if (v->install && v->remove) {
        return err_raise(HF_EUSAGE, "--install and --remove exclude each other");
    }
    if (strchr(name, '/') != NULL || name[0] == '\0') {
        return err_raise(HF_EUSAGE, "\"%.100s\" can't be the name of a job", name);
    }
    return 0;
}

static int do_all(struct schedule *s)
{
    int rc = check_values(s->values, s->name);

    /* What is to be removed may be gone from the configuration. */
    if (rc == 0 && !s->values->remove) {
        rc = gather(s);
    }
    if (rc == 0) {
        rc = write_text(s);
    }
    if (rc == 0 && s->values->install) {
        rc = install(s);
    } else if (rc == 0 && s->values->remove) {
        rc = take_away(s);
    }
    if (rc == 0 && s->app->options.json) {
        put_json(s);
    } else if (rc == 0) {
        put_text(s);
    }
    return rc;
}

static void release(struct schedule *s)
{
    for (size_t i = 0; i < s->file_count; i++) {
        buf_release(&s->files[i].path);
        buf_release(&s->files[i].text);
    }
    if (s->config != NULL) {
        config_release(s->config);
    }
    mem_free(s->config);
    mem_free(s->cache);
    mem_free(s->state);
    mem_free(s);
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const char *cache_before = app->options.cache_dir;
    struct schedule *s = mem_zalloc(sizeof *s);
    int rc;

    if (s == NULL) {
        return err_add(err_nomem(), "could not begin \"schedule\"");
    }
    s->app = app;
    s->values = values;
    s->name = operands->items[0];
    s->config = mem_zalloc(sizeof *s->config);
    rc = s->config != NULL ? do_all(s) : err_nomem();
    app->options.cache_dir = cache_before;
    release(s);
    return rc != 0 ? err_add(rc, "could not schedule the job \"%s\"", operands->items[0]) : 0;
}

#define ROW(field) offsetof(struct schedule_values, field)
static const struct option options[] = {
    { "systemd", 0, OPTION_FLAG, NULL, "a timer and a service of systemd (this is the default)",
      ROW(systemd), NULL },
    { "cron", 0, OPTION_FLAG, NULL, "a line for crontab", ROW(cron), NULL },
    { "install", 0, OPTION_FLAG, NULL,
      "put it into /etc/systemd/system and enable the timer, or into /etc/cron.d", ROW(install),
      NULL },
    { "remove", 0, OPTION_FLAG, NULL, "undo that", ROW(remove), NULL },
    { "root", 0, OPTION_TEXT, "DIR",
      "install into, or remove from, the system below DIR, which does not run", ROW(root), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "JOB [--systemd|--cron] [--install|--remove] [--root DIR]",
                                        NULL };
static const char *const about[] = {
    "Prints what runs a job of the configuration file at the times of its key `schedule`, or "
    "installs it. The timer makes up for a run that was missed while the machine was off, and "
    "waits up to five minutes, so that not all machines begin at once. The service may write to "
    "nothing but the repository and the folders of holdfast, unless the job has commands of its "
    "own.",
    "cron knows fewer times than systemd; what it can't express is refused.",
    NULL,
};
static const struct command_text exits[] = {
    { "2", "the job has no schedule, or one that cron can't express" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast schedule home --config ~/holdfast.conf", "look at the units" },
    { "holdfast schedule home --cron --config ~/holdfast.conf", "a line for \"crontab -e\"" },
    { NULL, NULL },
};

const struct command cmd_schedule = {
    .name = "schedule",
    .group = COMMAND_CARE,
    .summary = "let systemd or cron run a job",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct schedule_values),
    .operands_min = 1,
    .operands_max = 1,
    .local = true,
    .run = run,
};
