/*
 * cmd_status.c - how the jobs stand, on one screen.
 */
#include "app/app.h"
#include "app/commands.h"
#include "app/status.h"
#include "app/status_table.h"
#include "app/term.h"
#include "base/err.h"

static void put_time(struct json *j, const char *key, int64_t ns)
{
    if (ns != 0) {
        json_time(j, key, ns);
    } else {
        json_null(j, key);
    }
}

static void put_seconds(struct json *j, const char *key, int64_t ns)
{
    if (ns > 0) {
        json_seconds(j, key, ns);
    } else {
        json_null(j, key);
    }
}

static void put_point(struct json *j, const struct status *s, const struct status_job *job)
{
    const struct status_point *p = job->point_count > 0 ? &job->points[job->point_count - 1] : NULL;

    if (p == NULL) {
        json_null(j, "last_point");
        return;
    }
    json_object(j, "last_point");
    json_hex(j, "id", p->id, sizeof p->id);
    json_number(j, "number", p->number);
    json_time(j, "time", p->end_ns);
    json_seconds(j, "age_seconds", s->now_ns > p->end_ns ? s->now_ns - p->end_ns : 0);
    json_number(j, "files", p->files);
    json_number(j, "bytes", p->bytes);
    json_end_object(j);
}

static void put_sizes(struct json *j, const struct status_job *job)
{
    json_array(j, "sizes");
    for (size_t i = 0; i < job->point_count; i++) {
        json_object(j, NULL);
        json_time(j, "time", job->points[i].end_ns);
        json_number(j, "bytes", job->points[i].bytes);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_proof(struct json *j, const char *key, const struct status_proof *p)
{
    if (p->ns == 0) {
        json_null(j, key);
        return;
    }
    json_object(j, key);
    json_time(j, "time", p->ns);
    json_text(j, "kind", p->kind != 0 ? evidence_kind_name(p->kind) : NULL);
    json_bool(j, "passed", p->passed);
    json_end_object(j);
}

static void put_last_run(struct json *j, const struct run_memory *m)
{
    if (m->run.ns == 0) {
        json_null(j, "last_run");
        return;
    }
    json_object(j, "last_run");
    json_time(j, "time", m->run.ns);
    json_number(j, "exit", (uint64_t)m->run.exit);
    json_end_object(j);
}

static void put_error(struct json *j, const struct status_job *job)
{
    if (job->code == 0) {
        json_null(j, "error");
        return;
    }
    json_object(j, "error");
    json_text(j, "code", err_code_name(job->code));
    json_number(j, "exit", (uint64_t)err_exit_status(job->code));
    json_text(j, "message", job->trail.text);
    json_end_object(j);
}

static void put_job(struct json *j, const struct status *s, const struct status_job *job)
{
    json_object(j, NULL);
    json_text(j, "name", job->job->name);
    json_text(j, "state", status_state_name(status_of(job)));
    json_bool(j, "stale", job->stale);
    json_bool(j, "running", job->running);
    json_text(j, "repository", job->repository);
    put_point(j, s, job);
    put_sizes(j, job);
    put_seconds(j, "stale_after_seconds", job->stale_after_ns);
    put_time(j, "stale_at", job->due_ns);
    json_text(j, "schedule", job->schedule);
    put_time(j, "next_run", job->next_ns);
    put_time(j, "last_success", job->memory.success_ns);
    put_last_run(j, &job->memory);
    put_proof(j, "last_check", &job->check);
    put_proof(j, "last_drill", &job->drill);
    if (job->judged) {
        json_bool(j, "ready", job->ready);
    } else {
        json_null(j, "ready");
    }
    put_error(j, job);
    json_end_object(j);
}

static void put_json(struct app *app, const struct status *s)
{
    struct json *j = &app->json;

    json_document(j, "status");
    json_text(j, "file", s->config.path);
    json_time(j, "time", s->now_ns);
    json_array(j, "jobs");
    for (size_t i = 0; i < s->count; i++) {
        put_job(j, s, s->jobs[i]);
    }
    json_end_array(j);
    json_end_object(j);
}

static int put_text(struct app *app, const struct status *s)
{
    const struct status_table_style style = { term_has_colours(app->out.fd), term_has_unicode() };
    struct buf b;
    int rc;

    if (s->count == 0) {
        app_note(app, "%s has no job", s->config.path);
        return 0;
    }
    buf_init(&b);
    status_table_put(&b, s, &style);
    rc = buf_error(&b);
    out_put(&app->out, b.data, b.len);
    buf_release(&b);
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct status s;
    int rc = status_gather(app, operands->items, operands->count, &s);

    (void)values;
    if (rc == 0 && app->options.json) {
        put_json(app, &s);
    } else if (rc == 0) {
        rc = put_text(app, &s);
    }
    rc = rc == 0 ? status_verdict(&s) : err_add(rc, "could not say how the jobs stand");
    status_release(&s);
    return rc;
}

static const struct option options[] = { { .name = NULL } };
static const char *const synopsis[] = { "[JOB...]", NULL };
static const char *const about[] = {
    "Says how the jobs of the configuration file stand (\"holdfast help config\"): those that are "
    "named, or all. Nothing is written but caches.",
    "AGE is that of the last good point: a complete snapshot of the job on this machine that "
    "nobody forgot. LIMIT is what it may be: stale_after; without that, what the schedule comes "
    "to: the time of the next run after it, and a tenth of the time between two runs (at least 15 "
    "minutes, at most 12 hours). NEXT is when the schedule has the next run; a timer adds up to "
    "five minutes. TREND compares the last five points: their sizes as bars, or by how much the "
    "last differs from the first. CHECK and DRILL are how long ago the last one was; ! if it did "
    "not pass. READY is what the job's policy says, if it has one. Below stands what is wrong.",
    "A repository that can't be opened does not hide the other jobs: its row says so, with what "
    "its runs left in the state folder.",
    NULL,
};
static const struct command_text exits[] = {
    { "0", "no job is stale, and every repository could be opened" },
    { "6", "a good point is too old, or there is none" },
    { "4", "a repository is damaged; this counts more than 6, and 6 more than what follows" },
    { "10", "there is no repository of a job" },
    { "12", "wrong password or key of a job" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast status --config ~/holdfast.conf", "all jobs" },
    { "holdfast status home --json --config ~/holdfast.conf", "one, for scripts" },
    { NULL, NULL },
};

const struct command cmd_status = {
    .name = "status",
    .group = COMMAND_LOOK,
    .summary = "say how the jobs stand",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .operands_max = COMMAND_MANY,
    .local = true,
    .run = run,
};
