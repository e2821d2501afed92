/*
 * cmd_ready.c - is it ready? Every gate of a policy, asked; go or no-go.
 */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/job_env.h"
#include "app/policies.h"
#include "app/ready_report.h"
#include "app/secret.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/term.h"
#include "base/err.h"
#include "base/mem.h"

struct ready_values {
    const char *policy;
    const char *job;
    struct option_list reports;
    const char *metrics;
    const char *init;
    const char *template;
};

struct asking { /* zeros are fine to release */
    struct app *app;
    const struct ready_values *values;
    struct config *config;
    struct job_env before;
    struct session session;
    bool opened;
    struct policy policy;
    struct ready_result result;
};

/* A policy to begin with */

static int begin(struct app *app, const struct ready_values *o)
{
    const char *name = o->template != NULL ? o->template : policies_names[0];
    const char *content = policies_text(name);
    struct buf text;
    int rc;

    buf_init(&text);
    buf_put(&text, content, strlen(content));
    rc = buf_error(&text);
    rc = rc == 0 ? secret_write_file(o->init, &text) : rc;
    buf_release(&text);
    if (rc == HF_EEXISTS) {
        return err_hint("it is left as it is; --init takes another name");
    }
    if (rc == 0 && app->options.json) {
        json_document(&app->json, "policy");
        json_text(&app->json, "file", o->init);
        json_text(&app->json, "template", name);
        json_end_object(&app->json);
    } else if (rc == 0) {
        app_note(app, "made %s (%s); what to change is explained there", o->init,
                 policies_means(name));
    }
    return rc;
}

/* Judging */

/* The job's settings hold from here on, and its policy if none was named. */
static int take_job(struct asking *a, const char **out_path)
{
    const struct config_job *job = NULL;
    int rc;

    if (a->values->job == NULL) {
        return 0;
    }
    a->config = mem_zalloc(sizeof *a->config);
    if (a->config == NULL) {
        return err_nomem();
    }
    rc = config_load(config_path(a->app), a->config);
    rc = rc == 0 ? config_find(a->config, a->values->job, &job) : rc;
    rc = rc == 0 ? job_env_enter(a->app, a->config, job, &a->before) : rc;
    if (rc == 0 && *out_path == NULL) {
        *out_path = config_text(a->config, job, CONFIG_policy);
    }
    return rc;
}

static int check_reports(const struct ready_values *o)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < o->reports.count; i++) {
        rc = ready_report_accepts(o->reports.items[i]);
    }
    return rc;
}

static int read_policy(struct asking *a)
{
    const char *path = a->values->policy;
    int rc = take_job(a, &path);

    if (rc == 0 && path == NULL) {
        err_raise(HF_EUSAGE, "which policy?");
        return err_hint("--policy FILE names it, --init FILE writes one to begin with, --job J "
                        "takes the one of a job");
    }
    return rc == 0 ? policy_read(path, &a->policy) : rc;
}

/*
 * A repository that can't be opened is a reason for not being ready: all else is judged, and told,
 * and then the failure is that of opening. *out_failed is it.
 */
static int open_repository(struct asking *a, struct err_trail *out_failed)
{
    int rc;

    out_failed->code = 0;
    if (!policy_needs_repository(&a->policy)) {
        return 0;
    }
    rc = session_open(a->app, REPO_TOLERANT, &a->session);
    a->opened = true;
    if (rc == 0 || rc == HF_EUSAGE || rc == HF_ENOMEM || rc == HF_EINTERRUPTED ||
        rc == HF_ETERMINATED) {
        return rc;
    }
    err_take(out_failed);
    return 0;
}

/* What is wrong with the repository that the policy asks, or NULL. */
static const struct err_trail *trouble(const struct asking *a, const struct err_trail *failed)
{
    if (failed->code != 0) {
        return failed;
    }
    return a->opened ? repo_damage(a->session.repo) : NULL;
}

/* A waiver is about what a gate finds, not about a repository in which none can look. */
static int judge(struct asking *a, const struct err_trail *failed)
{
    const struct ready_context c = {
        .repo = failed->code == 0 && a->opened ? a->session.repo : NULL,
        .no_repo = failed->code != 0 ? failed->text : NULL,
        .clock = a->app->clock,
        .job = a->values->job,
        .stop = signals_flag(),
    };

    int rc = signals_name(ready_judge(&a->policy, &c, &a->result));

    a->result.ready = a->result.ready && trouble(a, failed) == NULL;
    return rc;
}

static int tell(struct asking *a)
{
    const struct ready_values *o = a->values;
    struct app *app = a->app;
    int rc = 0;

    if (app->options.json) {
        ready_report_json(&app->json, &a->result);
    } else if (!app->options.quiet) {
        ready_report_print(&app->out, &a->result, term_has_colours(app->out.fd));
    }
    for (size_t i = 0; rc == 0 && i < o->reports.count; i++) {
        rc = ready_report_write(o->reports.items[i], &a->result);
    }
    if (rc == 0 && o->metrics != NULL) {
        rc = ready_report_write_metrics(o->metrics, &a->result);
    }
    return rc;
}

/* What blocks, by name, as far as a sentence can hold them. */
static int refuse(const struct ready_result *r)
{
    char names[600] = "";
    size_t at = 0, left = 0;

    for (size_t i = 0; i < r->count; i++) {
        size_t len = strlen(r->gates[i].gate->name);

        if (!r->gates[i].blocks) {
            continue;
        }
        if (at + len + 3 > sizeof names) {
            left++;
            continue;
        }
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at > 0 ? ", " : "",
                               r->gates[i].gate->name);
    }
    if (left > 0) {
        return err_raise(HF_ENOT_READY, "not ready: %s and %zu more", names, left);
    }
    return err_raise(HF_ENOT_READY, "not ready: %s", names);
}

/* The worst of what there is to say decides; a report that was not written is warned of. */
static int conclude(struct asking *a, int written, const struct err_trail *failed)
{
    const struct err_trail *wrong = trouble(a, failed);

    if (written != 0 && !a->result.ready) {
        app_warn(a->app, "%s", err_last()->text);
        written = 0;
    }
    if (wrong != NULL) {
        err_give(wrong);
        return err_add(err_last()->code, "not ready");
    }
    return written != 0 ? written : a->result.ready ? 0 : refuse(&a->result);
}

static int ask(struct asking *a)
{
    struct err_trail *failed = mem_zalloc(sizeof *failed);
    int rc = failed != NULL ? check_reports(a->values) : err_nomem();

    rc = rc == 0 ? read_policy(a) : rc;
    rc = rc == 0 ? open_repository(a, failed) : rc;
    rc = rc == 0 ? judge(a, failed) : rc;
    if (rc == 0) {
        rc = conclude(a, tell(a), failed);
    } else {
        rc = err_add(rc, "could not judge whether it is ready");
    }
    mem_free(failed);
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct ready_values *o = values;
    struct asking *a;
    int rc;

    (void)operands;
    if (o->init != NULL && (o->policy != NULL || o->reports.count > 0)) {
        return err_raise(HF_EUSAGE, "--init writes a policy, and judges nothing");
    }
    if (o->init == NULL && o->template != NULL) {
        return err_raise(HF_EUSAGE, "--template is for --init");
    }
    if (o->init != NULL) {
        rc = begin(app, o);
        return rc != 0 ? err_add(rc, "could not write a policy") : 0;
    }
    a = mem_zalloc(sizeof *a);
    if (a == NULL) {
        return err_nomem();
    }
    a->app = app;
    a->values = o;
    rc = ask(a);
    ready_release(&a->result);
    policy_release(&a->policy);
    if (a->opened) {
        session_close(&a->session);
    }
    job_env_leave(app, &a->before);
    if (a->config != NULL) {
        config_release(a->config);
    }
    mem_free(a->config);
    mem_free(a);
    return rc;
}

static const struct option options[] = {
    { "policy", 0, OPTION_TEXT, "F", "the policy: a file of gates",
      offsetof(struct ready_values, policy), NULL },
    { "job", 0, OPTION_TEXT, "J",
      "repository, key and policy of this job, and its points and drills where a gate names none",
      offsetof(struct ready_values, job), NULL },
    { "report", 0, OPTION_LIST, "F",
      "write a report, by its name .txt, .json, .xml (JUnit), .html or .prom (Prometheus)",
      offsetof(struct ready_values, reports), NULL },
    { "metrics", 0, OPTION_TEXT, "F", "write metrics for Prometheus",
      offsetof(struct ready_values, metrics), NULL },
    { "init", 0, OPTION_TEXT, "F", "write a policy to begin with; an existing file is left alone",
      offsetof(struct ready_values, init), NULL },
    { "template", 0, OPTION_CHOICE, "NAME",
      "which one: minimum (default), launch-week, launch-eve, launch-day, disaster-recovery, "
      "database, file-server, virtual-machines or web-service",
      offsetof(struct ready_values, template), policies_names },
    { .name = NULL },
};
static const char *const synopsis[] = { "--policy F [--job J] [--report F]... [--metrics F]",
                                        "--init F [--template NAME]", NULL };
static const char *const about[] = {
    "Go or no-go: asks every gate of a policy, and is ready only if all that are critical or "
    "important pass. Each one passes, fails, or is unknown, which does not pass: where evidence is "
    "missing, can't be believed or has lapsed, it says why and what to do.",
    "Gates ask the repository (the newest point, drills and how long they took, how much of the "
    "data was verified, the recovery sheet, signatures, free space) and the world around it "
    "(commands, web servers, files, disks, processes, ports). --init writes a policy in which all "
    "of it is explained.",
    "Evidence of drills lapses when the program is another one since, when the key that it was "
    "made with was removed, or when it was made for another policy or an earlier text of this one; "
    "signatures do with key and policy.",
    "A gate is waived with waived_until, waived_by and reason, all three: until that day it does "
    "not block, but it still shows what it found. The score is the part of the gates that pass: "
    "critical ones weigh 10, important ones 5, nice ones 1.",
    NULL,
};
static const struct command_text exits[] = {
    { "0", "ready" },
    { "2", "something in the policy is not understood: its line is named" },
    { "4", "not ready: the journal is damaged" },
    { "6", "not ready: what blocks is named" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast ready --init ~/launch.ini --template launch-day", "a policy to begin with" },
    { "holdfast ready --policy ~/launch.ini", "go or no-go" },
    { "holdfast ready --policy ~/launch.ini --report ~/ready.html", "for the record" },
    { "holdfast ready --policy ~/launch.ini --json | jq '.gates[].why'", "what is missing" },
    { NULL, NULL },
};

const struct command cmd_ready = {
    .name = "ready",
    .group = COMMAND_CARE,
    .summary = "judge by a policy whether all is ready: go or no-go",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct ready_values),
    .local = true,
    .run = run,
};
