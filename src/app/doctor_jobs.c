/*
 * doctor_jobs.c - see doctor.h: the configuration, the files that its jobs name, their schedules.
 */
#include "app/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/child.h"
#include "app/job_env.h"
#include "app/places.h"
#include "app/run_lock.h"
#include "app/slurp.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/policy.h"

#define CRONTAB_MAX (1u << 20)

/* 0: the file can be used; what opens a repository must be its owner's alone. */
static void look_at_secret(struct doctor *d, const struct config_job *job, enum config_key_id id)
{
    const struct doctor_about open = { "key", job->name, "chmod 600, and think of who read it" };
    const struct doctor_about gone = {
        "key", job->name,
        "bring it back from where its copy is; \"init\" makes one for a new repository"
    };
    const struct doctor_about about = { "key", job->name, NULL };
    const char *path = config_text(d->config, job, id);
    struct stat st;

    if (path == NULL) {
        return;
    }
    if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
        doctor_say(d, DOCTOR_FAIL, &gone, "could not read %s: %s", path, strerror(errno));
    } else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        doctor_say(d, DOCTOR_WARN, &open, "%s has mode %04o: others may use it", path,
                   (unsigned)st.st_mode & 07777u);
    } else if (st.st_uid != geteuid() && st.st_uid != 0) {
        doctor_say(d, DOCTOR_WARN, &open, "%s belongs to user %ld", path, (long)st.st_uid);
    } else {
        doctor_say(d, DOCTOR_OK, &about, "%s, mode %04o", path, (unsigned)st.st_mode & 07777u);
    }
}

/* A file that a run replaces: its folder must be there, and writable. */
static void look_at_output(struct doctor *d, const struct config_job *job, enum config_key_id id)
{
    const char *name = config_key_at(id)->name, *path = config_text(d->config, job, id);
    const struct doctor_about bad = { name, job->name,
                                      "make the folder, writable for who runs it" };
    const struct doctor_about about = { name, job->name, NULL };
    const char *slash;
    struct buf folder;

    if (path == NULL) {
        return;
    }
    slash = strrchr(path, '/');
    buf_init(&folder);
    buf_printf(&folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (access(buf_text(&folder), W_OK | X_OK) != 0) {
        doctor_say(d, DOCTOR_FAIL, &bad, "%s can't be written to: %s", buf_text(&folder),
                   strerror(errno));
    } else {
        doctor_say(d, DOCTOR_OK, &about, "%s", path);
    }
    buf_release(&folder);
}

static void look_at_paths(struct doctor *d, const struct config_job *job)
{
    const struct doctor_about gone = { "paths", job->name, "correct `paths`" };
    const struct doctor_about about = { "paths", job->name, NULL };
    const struct option_list *paths = &config_get(d->config, job, CONFIG_paths)->values;
    size_t missing = 0;

    for (size_t i = 0; i < paths->count; i++) {
        if (access(paths->items[i], R_OK) != 0) {
            missing++;
            doctor_say(d, DOCTOR_WARN, &gone, "%s: %s", paths->items[i], strerror(errno));
        }
    }
    if (missing == 0) {
        doctor_say(d, DOCTOR_OK, &about, "there are all of them (%zu)", paths->count);
    }
}

/* What a command prints, its errors left out; empty if it can't be run, or fails. */
static void ask(const char *what, const char *line, const char *argument, struct buf *out)
{
    const char *const argv[] = { "/bin/sh", "-c", line, "sh", argument, NULL };
    const struct child_options o = {
        .what = what, .argv = argv, .capture = true, .no_input = true, .umask = 077
    };
    struct child c;

    if (child_start(&o, &c) == 0) {
        int rc = slurp_fd(c.out_fd, what, CRONTAB_MAX, out);

        if (child_finish(&c) != 0 || rc != 0) {
            buf_clear(out);
        }
    }
    err_clear();
}

/* Whether some line that is no comment runs the job. */
static bool crontab_runs(const char *crontab, const char *job)
{
    struct buf words;
    bool found = false;

    buf_init(&words);
    buf_printf(&words, " run %s ", job);
    for (const char *line = crontab; *line != '\0' && !found;) {
        size_t len = strcspn(line, "\n");

        found = line[0] != '#' && memmem(line, len, buf_text(&words), words.len) != NULL &&
                memmem(line, len, "holdfast", 8) != NULL;
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    buf_release(&words);
    return found;
}

static bool is_there(const char *before, const char *job, const char *after)
{
    struct buf path;
    bool there;

    buf_init(&path);
    buf_printf(&path, "%s%s%s", before, job, after);
    there = access(buf_text(&path), F_OK) == 0;
    buf_release(&path);
    return there;
}

static void look_at_schedule(struct doctor *d, const struct config_job *job)
{
    const struct doctor_about about = { "schedule", job->name, NULL };
    const struct doctor_about none = { "schedule", job->name,
                                       "\"holdfast schedule JOB --install\", as root" };
    const struct doctor_about off = { "schedule", job->name,
                                      "\"systemctl enable --now holdfast-JOB.timer\"" };
    struct buf timer, crontab;

    if (config_text(d->config, job, CONFIG_schedule) == NULL) {
        doctor_say(d, DOCTOR_OK, &about, "none: the job runs when somebody runs it");
        return;
    }
    buf_init(&timer);
    buf_init(&crontab);
    ask("systemctl", "exec systemctl is-enabled \"holdfast-$1.timer\" 2>/dev/null", job->name,
        &timer);
    ask("crontab", "exec crontab -l 2>/dev/null", NULL, &crontab);
    if (strcmp(buf_text(&timer), "enabled\n") == 0) {
        doctor_say(d, DOCTOR_OK, &about, "its timer is enabled");
    } else if (is_there("/etc/cron.d/holdfast-", job->name, "") ||
               crontab_runs(buf_text(&crontab), job->name)) {
        doctor_say(d, DOCTOR_OK, &about, "cron runs it");
    } else if (is_there("/etc/systemd/system/holdfast-", job->name, ".timer")) {
        doctor_say(d, DOCTOR_WARN, &off, "its timer is there, but not enabled");
    } else {
        doctor_say(d, DOCTOR_WARN, &none, "it is not installed: nothing runs the job");
    }
    buf_release(&timer);
    buf_release(&crontab);
}

/* A drill of the job fails without it: its evidence is to say under which policy it was made. */
static void look_at_policy(struct doctor *d, const struct config_job *job)
{
    const struct doctor_about bad = { "policy", job->name, "correct it, or `policy`" };
    const struct doctor_about about = { "policy", job->name, NULL };
    const char *path = config_text(d->config, job, CONFIG_policy);
    struct policy policy;

    if (path == NULL) {
        return;
    }
    if (policy_read(path, &policy) == 0) {
        doctor_say(d, DOCTOR_OK, &about, "%s is good; gates: %zu", path, policy.count);
    } else {
        doctor_say(d, DOCTOR_FAIL, &bad, "%s", err_last()->text);
        err_clear();
    }
    policy_release(&policy);
}

static void look_at_job(struct doctor *d, const struct config_job *job)
{
    look_at_secret(d, job, CONFIG_key_file);
    look_at_secret(d, job, CONFIG_password_file);
    look_at_paths(d, job);
    look_at_output(d, job, CONFIG_metrics_file);
    look_at_output(d, job, CONFIG_log_file);
    look_at_policy(d, job);
    look_at_schedule(d, job);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Each repository once, as the first job that has it opens it. */
static void look_at_repositories(struct doctor *d)
{
    for (size_t i = 0; i < d->config->job_count; i++) {
        const struct config_job *job = d->config->jobs[i];
        const char *repository = config_text(d->config, job, CONFIG_repository);
        struct job_env before = { 0 };
        bool seen = false;

        for (size_t k = 0; k < i; k++) {
            seen = seen ||
                   same(repository, config_text(d->config, d->config->jobs[k], CONFIG_repository));
        }
        if (!seen && job_env_enter(d->app, d->config, job, &before) == 0) {
            doctor_repository(d, repository);
        }
        job_env_leave(d->app, &before);
    }
}

/* Locks end with their process, so a file says nothing; that one is held does. */
static void look_at_locks(struct doctor *d)
{
    char *folder = NULL;

    for (size_t i = 0; i < d->config->job_count; i++) {
        const struct config_job *job = d->config->jobs[i];
        const struct doctor_about about = { "lock", job->name, NULL };
        struct job_env before = { 0 };

        if (job_env_enter(d->app, d->config, job, &before) == 0 &&
            places_state(d->app, &folder) == 0) {
            doctor_say(d, DOCTOR_OK, &about, "%s",
                       run_lock_is_held(folder, job->name) ? "held: the job runs right now"
                                                           : "free");
        }
        mem_free(folder);
        folder = NULL;
        job_env_leave(d->app, &before);
    }
}

void doctor_jobs(struct doctor *d)
{
    const char *path = config_path(d->app);
    const struct doctor_about good = { "configuration", path, NULL };
    const struct doctor_about none = { "configuration", path,
                                       "\"holdfast config init\" writes one; --config names "
                                       "another" };
    const struct doctor_about bad = { "configuration", path,
                                      "\"holdfast config check\" looks at "
                                      "it again" };
    int rc;

    d->config = mem_zalloc(sizeof *d->config);
    if (d->config == NULL) {
        d->error = err_nomem();
        return;
    }
    rc = config_load(path, d->config);
    if (rc != 0) {
        doctor_say(d, rc == HF_EABSENT ? DOCTOR_WARN : DOCTOR_FAIL, rc == HF_EABSENT ? &none : &bad,
                   "%s",
                   rc == HF_EABSENT ? "there is none, so there are no jobs" : err_last()->text);
        err_clear();
        return;
    }
    doctor_say(d, DOCTOR_OK, &good, "it is good; jobs: %zu", d->config->job_count);
    for (size_t i = 0; i < d->config->job_count; i++) {
        look_at_job(d, d->config->jobs[i]);
    }
    look_at_locks(d);
    if (d->app->options.repo == NULL) {
        look_at_repositories(d);
    }
}
