/*
 * config.c - see config.h.
 */
#include "app/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/nearest.h"

#define STANDARD_PATH "/etc/holdfast.conf"
#define JOB_NAME_MAX 64u

static const enum config_key_id unlocking[] = { CONFIG_key_file, CONFIG_password_file,
                                                CONFIG_password_command };

const char *config_path(const struct app *app)
{
    const char *path = app->options.config != NULL ? app->options.config
                                                   : getenv("HOLDFAST_CONFIG");

    return path != NULL && path[0] != '\0' ? path : STANDARD_PATH;
}

/* It becomes a part of file names, of units and of crontab lines. */
static int check_job_name(const char *name)
{
    size_t len = strlen(name);
    bool good = len > 0 && isalnum((unsigned char)name[0]) != 0;

    for (const char *c = name; *c != '\0'; c++) {
        good = good && (isalnum((unsigned char)*c) != 0 || strchr("-_.", *c) != NULL);
    }
    if (len == 0) {
        return err_raise(HF_EUSAGE, "[job] has no name: write [job NAME]");
    }
    if (!good || len > JOB_NAME_MAX) {
        err_raise(HF_EUSAGE, "\"%.100s\" can't be the name of a job", name);
        return err_hint("a name has up to %u letters, digits, - _ and ., and begins with one of "
                        "the first two",
                        JOB_NAME_MAX);
    }
    return 0;
}

static int add_job(struct config *c, const char *name, const struct config_ini_place *place)
{
    struct config_job *job;
    int rc = check_job_name(name);

    for (size_t i = 0; rc == 0 && i < c->job_count; i++) {
        job = c->jobs[i];
        if (strcmp(job->name, name) == 0) {
            rc = err_raise(HF_EUSAGE, "the job \"%s\" is in %s:%u already", name,
                           job->place.file->path, job->place.line);
        }
    }
    if (rc != 0) {
        return rc;
    }
    if (mem_grow(&c->jobs, &c->job_capacity, c->job_count + 1, sizeof *c->jobs) != 0) {
        return err_nomem();
    }
    job = mem_zalloc(sizeof *job);
    if (job == NULL) {
        return err_nomem();
    }
    c->jobs[c->job_count++] = job;
    job->place = *place;
    job->name = mem_strdup(name);
    if (job->name == NULL) {
        return err_nomem();
    }
    c->section = job->own;
    c->section_origin = CONFIG_FROM_JOB;
    return 0;
}

static int unknown_section(const char *text)
{
    char word[32] = "";
    size_t len = strcspn(text, " \t");
    struct nearest near;

    memcpy(word, text, len < sizeof word ? len : sizeof word - 1);
    nearest_init(&near, word);
    nearest_offer(&near, "defaults");
    nearest_offer(&near, "job");
    err_raise(HF_EUSAGE, "there is no section [%.100s]", text);
    if (near.best != NULL && strcmp(near.best, "defaults") == 0) {
        return err_hint("did you mean [defaults]?");
    }
    return err_hint(near.best != NULL ? "did you mean [job NAME]?"
                                      : "there are [defaults] and [job NAME]");
}

static int on_section(void *context, const struct config_ini_place *place, const char *text)
{
    struct config *c = context;

    if (strncmp(text, "job", 3) == 0 && (text[3] == '\0' || text[3] == ' ' || text[3] == '\t')) {
        return add_job(c, text + 3 + strspn(text + 3, " \t"), place);
    }
    if (strcmp(text, "defaults") != 0) {
        return unknown_section(text);
    }
    if (c->defaults_place.file != NULL) {
        return err_raise(HF_EUSAGE, "[defaults] is in %s:%u already", c->defaults_place.file->path,
                         c->defaults_place.line);
    }
    c->defaults_place = *place;
    c->section = c->defaults;
    c->section_origin = CONFIG_FROM_DEFAULTS;
    return 0;
}

static int on_entry(void *context, const struct config_ini_place *place, const char *key,
                    const char *value)
{
    struct config *c = context;
    const struct config_key *k;
    struct config_setting *s;
    enum config_key_id id;
    int rc = config_key_find(key, &id);

    if (rc != 0) {
        return rc;
    }
    if (c->section == NULL) {
        err_raise(HF_EUSAGE, "\"%s\" stands outside of any section", key);
        return err_hint("[defaults] or [job NAME] comes before it");
    }
    k = config_key_at(id);
    s = &c->section[id];
    if (s->origin != CONFIG_FROM_NOWHERE && !config_key_is_list(k)) {
        return err_raise(HF_EUSAGE, "%s was set in %s:%u already", key, s->place.file->path,
                         s->place.line);
    }
    if (k->secret && place->file->exposed) {
        err_raise(HF_EACCESS, "%s is a secret, and others may read the file", key);
        return err_hint("chmod 600 %s", place->file->path);
    }
    s->origin = c->section_origin;
    s->place = *place;
    rc = config_key_take(k, value, &s->values);
    return rc != 0 ? err_add(rc, "%s", key) : 0;
}

static void on_enter(void *context, bool begins)
{
    struct config *c = context;

    if (begins) {
        c->outer[c->depth] = c->section;
        c->outer_origin[c->depth] = c->section_origin;
        c->depth++;
        c->section = NULL;
        return;
    }
    c->depth--;
    c->section = c->outer[c->depth];
    c->section_origin = c->outer_origin[c->depth];
}

static int load_program(struct config *c)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < CONFIG_KEYS; i++) {
        const struct config_key *key = config_key_at((enum config_key_id)i);

        if (key->standard != NULL) {
            c->program[i].origin = CONFIG_FROM_PROGRAM;
            rc = config_key_take(key, key->standard, &c->program[i].values);
        }
    }
    return rc;
}

/* HOLDFAST_KEEP_DAILY and so on. */
static int load_environment(struct config *c)
{
    char name[64] = "HOLDFAST_";
    int rc = 0;

    for (int i = 0; rc == 0 && i < CONFIG_KEYS; i++) {
        const struct config_key *key = config_key_at((enum config_key_id)i);
        size_t at = strlen("HOLDFAST_");
        const char *value;

        for (const char *p = key->name; *p != '\0' && at + 1 < sizeof name; p++) {
            name[at++] = (char)toupper((unsigned char)*p);
        }
        name[at] = '\0';
        value = getenv(name);
        if (value != NULL && value[0] != '\0') {
            c->environment[i].origin = CONFIG_FROM_ENVIRONMENT;
            rc = config_key_take(key, value, &c->environment[i].values);
            rc = rc != 0 ? err_add(rc, "%s in the environment", name) : 0;
        }
    }
    return rc;
}

const struct config_setting *config_get(const struct config *c, const struct config_job *job,
                                        enum config_key_id id)
{
    const struct config_setting *all[] = { &c->environment[id],
                                           job != NULL ? &job->own[id] : &c->defaults[id],
                                           &c->defaults[id], &c->program[id] };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i]->origin != CONFIG_FROM_NOWHERE) {
            return all[i];
        }
    }
    return &c->program[id];
}

const char *config_text(const struct config *c, const struct config_job *job, enum config_key_id id)
{
    const struct config_setting *s = config_get(c, job, id);

    return s->values.count > 0 ? s->values.items[0] : NULL;
}

bool config_flag(const struct config *c, const struct config_job *job, enum config_key_id id)
{
    const char *value = config_text(c, job, id);

    return value != NULL && config_key_yes(value);
}

int64_t config_duration(const struct config *c, const struct config_job *job, enum config_key_id id)
{
    const char *value = config_text(c, job, id);
    int64_t ns = 0;

    if (value != NULL) {
        (void)text_parse_duration(value, &ns);
    }
    return ns;
}

enum config_key_id config_unlock(const struct config *c, const struct config_job *job)
{
    enum config_origin best = CONFIG_FROM_NOWHERE;
    enum config_key_id found = CONFIG_KEYS;

    for (size_t i = 0; i < sizeof unlocking / sizeof unlocking[0]; i++) {
        const struct config_setting *s = config_get(c, job, unlocking[i]);

        if (s->origin > best) {
            best = s->origin;
            found = unlocking[i];
        }
    }
    return found;
}

/* Two ways to open at the same place: which one is meant? */
static int check_unlock(const struct config_setting *section)
{
    const struct config_setting *first = NULL;

    for (size_t i = 0; i < sizeof unlocking / sizeof unlocking[0]; i++) {
        const struct config_setting *s = &section[unlocking[i]];

        if (s->origin == CONFIG_FROM_NOWHERE) {
            continue;
        }
        if (first != NULL) {
            err_raise(HF_EUSAGE,
                      "key_file, password_file and password_command exclude each other; another "
                      "of them is in line %u",
                      first->place.line);
            return config_ini_at(HF_EUSAGE, &s->place);
        }
        first = s;
    }
    return 0;
}

static int check_job(const struct config *c, const struct config_job *job)
{
    static const enum config_key_id needed[] = { CONFIG_repository, CONFIG_paths };
    const char *metrics = config_text(c, job, CONFIG_metrics_file);

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (config_get(c, job, needed[i])->values.count == 0) {
            err_raise(HF_EUSAGE, "the job \"%s\" has no %s", job->name,
                      config_key_at(needed[i])->name);
            return config_ini_at(HF_EUSAGE, &job->place);
        }
    }
    for (size_t i = 0; metrics != NULL && c->jobs[i] != job; i++) {
        const char *other = config_text(c, c->jobs[i], CONFIG_metrics_file);

        if (other != NULL && strcmp(other, metrics) == 0) {
            err_raise(HF_EUSAGE, "the jobs \"%s\" and \"%s\" have the same metrics_file",
                      c->jobs[i]->name, job->name);
            err_hint("each run writes the whole of it: give each job its own");
            return config_ini_at(HF_EUSAGE, &job->place);
        }
    }
    return check_unlock(job->own);
}

static int check_all(const struct config *c)
{
    int rc = check_unlock(c->defaults);

    for (size_t i = 0; rc == 0 && i < c->job_count; i++) {
        rc = check_job(c, c->jobs[i]);
    }
    return rc;
}

int config_load(const char *path, struct config *c)
{
    const struct config_ini_events events = { c, on_section, on_entry, on_enter };
    int rc;

    memset(c, 0, sizeof *c);
    c->path = mem_strdup(path);
    if (c->path == NULL) {
        return err_nomem();
    }
    rc = load_program(c);
    if (rc == 0) {
        rc = load_environment(c);
    }
    if (rc == 0) {
        rc = config_ini_read(path, &events, &c->files);
    }
    if (rc == HF_EABSENT) {
        err_hint("\"holdfast config init\" writes one to begin with; --config names another");
    }
    return rc == 0 ? check_all(c) : rc;
}

int config_find(const struct config *c, const char *name, const struct config_job **out_job)
{
    struct nearest near;

    nearest_init(&near, name);
    for (size_t i = 0; i < c->job_count; i++) {
        if (strcmp(c->jobs[i]->name, name) == 0) {
            *out_job = c->jobs[i];
            return 0;
        }
        nearest_offer(&near, c->jobs[i]->name);
    }
    err_raise(HF_EUSAGE, "%s has no job \"%.100s\"", c->path, name);
    if (near.best != NULL) {
        err_hint("did you mean \"%s\"?", near.best);
    } else {
        err_hint("\"holdfast config show\" lists the jobs");
    }
    return HF_EUSAGE;
}

static void release_settings(struct config_setting *settings)
{
    for (int i = 0; i < CONFIG_KEYS; i++) {
        option_list_release(&settings[i].values);
    }
}

void config_release(struct config *c)
{
    for (size_t i = 0; i < c->job_count; i++) {
        release_settings(c->jobs[i]->own);
        mem_free(c->jobs[i]->name);
        mem_free(c->jobs[i]);
    }
    release_settings(c->program);
    release_settings(c->defaults);
    release_settings(c->environment);
    mem_free(c->jobs);
    mem_free(c->path);
    config_ini_release(&c->files);
    memset(c, 0, sizeof *c);
}
