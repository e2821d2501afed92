/*
 * cmd_run.c - a job of the configuration file, from the first step to the last word about it.
 *
 * The order: the lock, the ping that it begins, the steps, the hook that says how it went, the
 * metrics, the ping that says it, the summary. If the backup made no snapshot, or the repository is
 * damaged, or somebody wants it to end, what is left of the steps is skipped: nothing is forgotten
 * or removed after a bad night.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/hook.h"
#include "app/job_env.h"
#include "app/logfile.h"
#include "app/ping.h"
#include "app/places.h"
#include "app/run_lock.h"
#include "app/run_memory.h"
#include "app/run_metrics.h"
#include "app/signals.h"
#include "app/talk.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/fs_posix.h"

#define HOOK_LIMIT_NS (300 * NS_PER_S) /* on_success and on_failure; or what is given, if less */

struct run {
    struct app *app;
    struct config *config;
    const struct config_job *job;
    char *folder; /* of the state */
    int lock;
    int64_t begin_ns;
    struct run_memory memory;
    struct run_step steps[RUN_STEPS];
    int code;
    struct err_trail trail; /* of what decided the code */
    struct logfile *log;    /* what app->log is */
    struct job_env before;
};

/* Takes this thread's trail along if it weighs more than what went wrong before. */
static void note(struct run *r, int code)
{
    struct err_trail trail;

    if (code == 0) {
        return;
    }
    err_take(&trail);
    if (app_worse(r->code, code) == code && r->code != code) {
        if (r->code != 0) {
            app_warn(r->app, "%s", r->trail.text);
        }
        r->code = code;
        r->trail = trail;
    } else {
        app_warn(r->app, "%s", trail.text);
    }
}

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_BEST_EFFORT (2 << 13)
#define IOPRIO_IDLE (3 << 13)

/* To run with another priority than asked for is no reason not to run. */
static void apply_priorities(const struct run *r)
{
    const char *nice_value = config_text(r->config, r->job, CONFIG_nice);
    const char *io = config_text(r->config, r->job, CONFIG_ionice);

    if (nice_value != NULL &&
        setpriority(PRIO_PROCESS, 0, (int)config_key_number(nice_value)) != 0) {
        app_warn(r->app, "could not set the priority to %s: %s", nice_value, strerror(errno));
    }
    if (io != NULL) {
        const char *colon = strchr(io, ':');
        int level = colon != NULL ? (int)config_key_number(colon + 1) : 4;
        int wanted = strcmp(io, "idle") == 0 ? IOPRIO_IDLE : IOPRIO_BEST_EFFORT | level;

        if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, wanted) != 0) {
            app_warn(r->app, "could not set the priority of the disk to %s: %s", io,
                     strerror(errno));
        }
    }
}

static int take_lock(struct run *r)
{
    struct fs *fs = NULL;
    int rc = places_state(r->app, &r->folder);

    if (rc == 0) {
        rc = fs_posix_make(r->folder, 0700, &fs);
        fs_close_fs(fs);
    }
    return rc == 0 ? run_lock_take(r->folder, r->job->name, &r->lock) : rc;
}

/* A step that ended because the time was up says so, and not that it was terminated. */
static int name_expiry(const struct run *r, int code)
{
    if (!signals_expired() || (code != HF_ETERMINATED && code != HF_EINTERRUPTED)) {
        return code;
    }
    return err_raise(HF_EFAIL, "it took longer than its timeout of %s",
                     config_text(r->config, r->job, CONFIG_timeout));
}

static bool may_go_on(const struct run *r, enum run_step_id id, int code)
{
    if (*signals_flag() != 0 || code == HF_EDAMAGE || code == HF_EINTERRUPTED ||
        code == HF_ETERMINATED) {
        return false;
    }
    switch (id) {
    case RUN_BACKUP:
        return code == 0 || r->app->made.any;
    case RUN_FORGET:
    case RUN_PRUNE:
    case RUN_CHECK:
    case RUN_DRILL:
    case RUN_STEPS:
        break;
    }
    return true;
}

static void do_steps(struct run *r)
{
    struct out aside = r->app->out;
    bool silent = r->app->options.quiet && !r->app->options.json;
    int nowhere = silent ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    bool go_on = true;

    /* Under -q cron has nothing to mail: not even the id that a quiet backup prints. */
    if (nowhere >= 0) {
        out_init(&r->app->out, nowhere);
    }
    for (int i = 0; i < RUN_STEPS; i++) {
        enum run_step_id id = (enum run_step_id)i;
        struct run_step *s = &r->steps[i];
        int code;

        if (!run_step_wanted(r->config, r->job, id)) {
            continue;
        }
        /* What could not be forgotten is no reason to remove anything. */
        if (!go_on || (id == RUN_PRUNE && r->steps[RUN_FORGET].code != 0)) {
            s->state = RUN_SKIPPED;
            continue;
        }
        code = run_step_do(r->app, r->config, r->job, id, s);
        if (code != 0) {
            err_give(&s->trail);
            code = name_expiry(r, code);
            s->code = code;
            s->trail = *err_last();
            note(r, code);
        }
        go_on = may_go_on(r, id, code);
    }
    if (nowhere >= 0) {
        out_release(&r->app->out);
        r->app->out = aside;
        close(nowhere);
    }
}

/* Runs on_success or on_failure, which have less time than others: the run is over. */
static int run_hook(struct run *r, enum config_key_id id, const char *name)
{
    const struct hook_facts facts = {
        .job = r->job->name,
        .snapshot_id = r->app->made.any ? r->app->made.id : NULL,
        .code = r->code,
        .error = r->code != 0 ? r->trail.text : NULL,
    };
    const int64_t limits[] = { config_duration(r->config, r->job, CONFIG_timeout),
                               r->app->hook_limit_ns };
    int64_t before = r->app->hook_limit_ns, limit = HOOK_LIMIT_NS;
    int rc;

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        limit = limits[i] != 0 && limits[i] < limit ? limits[i] : limit;
    }
    r->app->hook_limit_ns = limit;
    rc = hook_run(r->app, name, config_text(r->config, r->job, id), &facts);
    r->app->hook_limit_ns = before;
    if (*signals_flag() != 0 && r->code != 0) {
        err_clear(); /* it ran; that somebody wants us to end is known */
        return 0;
    }
    return rc;
}

static void run_last_hooks(struct run *r)
{
    if (r->code == 0) {
        note(r, run_hook(r, CONFIG_on_success, "on-success"));
    }
    if (r->code != 0) {
        note(r, run_hook(r, CONFIG_on_failure, "on-failure"));
    }
}

/* A service that does not answer is no reason for a backup not to count. */
static void ping(struct run *r, enum ping_event event)
{
    struct ping p = { .url = config_text(r->config, r->job, CONFIG_ping_url),
                      .run = r->app->run_id,
                      .stop = event == PING_START ? signals_flag() : NULL };
    struct buf body;

    if (p.url == NULL) {
        return;
    }
    buf_init(&body);
    if (event != PING_START) {
        if (r->log != NULL) {
            logfile_tail(r->log, &body);
        }
        p.body = &body;
    }
    if (ping_send(&p, event) != 0) {
        app_warn(r->app, "%s", err_last()->text);
        err_clear();
    }
    buf_release(&body);
}

/* The job goes on without a log, but not without saying so. */
static void open_log(struct run *r)
{
    const char *path = config_text(r->config, r->job, CONFIG_log_file);
    const char *format = config_text(r->config, r->job, CONFIG_log_format);
    bool json = format != NULL && strcmp(format, "json") == 0;

    if (logfile_open(path, json, r->job->name, &r->log) != 0) {
        note(r, err_last()->code);
        if (logfile_open(NULL, json, r->job->name, &r->log) != 0) {
            note(r, err_last()->code);
        }
    }
    r->app->log = r->log;
    talk_keep(r->app, LOG_LEVEL_INFO, "the job begins, as process %ld", (long)getpid());
}

static int exit_of(int code)
{
    return code == 0 ? 0 : err_exit_status(code);
}

static void remember(struct run *r, int64_t now)
{
    const struct run_step *check = &r->steps[RUN_CHECK], *drill = &r->steps[RUN_DRILL];

    run_memory_load(r->folder, r->job->name, &r->memory);
    if (r->code == 0) {
        r->memory.success_ns = now;
    }
    r->memory.run = (struct run_memory_event){ now, exit_of(r->code) };
    if (check->state == RUN_DONE) {
        r->memory.check = (struct run_memory_event){ now, exit_of(check->code) };
    }
    if (drill->state == RUN_DONE) {
        r->memory.drill = (struct run_memory_event){ now, exit_of(drill->code) };
    }
    note(r, run_memory_save(r->folder, r->job->name, &r->memory));
}

static void put_down(struct run *r)
{
    const char *path = config_text(r->config, r->job, CONFIG_metrics_file);
    struct run_facts facts = {
        .job = r->job->name,
        .end_ns = clock_wall(r->app->clock),
        .duration_ns = clock_monotonic(r->app->clock) - r->begin_ns,
        .stale_after_ns = config_duration(r->config, r->job, CONFIG_stale_after),
        .memory = &r->memory,
        .made = &r->app->made,
        .steps = r->steps,
    };

    if (r->folder != NULL) {
        remember(r, facts.end_ns);
    }
    facts.code = r->code;
    if (path != NULL) {
        note(r, run_metrics_write(path, &facts));
    }
}

static const char *word_of(const struct run_step *s)
{
    return s->state == RUN_SKIPPED  ? "skipped"
           : s->code == 0           ? "done"
           : s->code == HF_EPARTIAL ? "incomplete"
                                    : "failed";
}

/* "job home: all done, in 3.2 s: backup done, prune done" */
static void put_line(const struct run *r, struct buf *b)
{
    char took[TEXT_SIZE_BYTES];
    const char *before = ": ";

    buf_printf(b, "job %s: %s, in %s", r->job->name,
               r->code == 0             ? "all done"
               : r->code == HF_EPARTIAL ? "INCOMPLETE"
                                        : "FAILED",
               text_duration(clock_monotonic(r->app->clock) - r->begin_ns, took));
    for (int i = 0; i < RUN_STEPS; i++) {
        const struct run_step *s = &r->steps[i];

        if (s->state != RUN_UNWANTED) {
            buf_printf(b, "%s%s %s", before, run_step_name((enum run_step_id)i), word_of(s));
            before = ", ";
        }
    }
}

/* The last lines of the log: they are in the ping as well. */
static void keep_summary(const struct run *r)
{
    struct buf b;

    buf_init(&b);
    put_line(r, &b);
    if (r->code != 0) {
        talk_keep(r->app, LOG_LEVEL_ERROR, "%s", r->trail.text);
    }
    talk_keep(r->app, r->code == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "%s", buf_text(&b));
    buf_release(&b);
}

static void put_text(const struct run *r)
{
    struct buf b;

    if (r->app->options.quiet) {
        return;
    }
    buf_init(&b);
    put_line(r, &b);
    out_printf(&r->app->out, "%s\n", buf_text(&b));
    buf_release(&b);
}

static void put_step_json(struct json *j, const struct run_step *s, const char *name)
{
    json_object(j, NULL);
    json_text(j, "name", name);
    json_text(j, "state", word_of(s));
    if (s->state == RUN_DONE) {
        json_number(j, "exit", s->code == 0 ? 0 : (uint64_t)err_exit_status(s->code));
    } else {
        json_null(j, "exit");
    }
    json_text(j, "code", s->code == 0 ? NULL : err_code_name(s->code));
    json_text(j, "message", s->code == 0 ? NULL : s->trail.text);
    json_number(j, "attempts", s->attempts);
    json_seconds(j, "duration_seconds", s->duration_ns);
    json_end_object(j);
}

static void put_json(const struct run *r)
{
    struct json *j = &r->app->json;

    json_document(j, "run");
    json_text(j, "type", "summary");
    json_number(j, "exit", r->code == 0 ? 0 : (uint64_t)err_exit_status(r->code));
    json_text(j, "job", r->job->name);
    json_text(j, "run_id", r->app->run_id);
    if (r->app->made.any) {
        json_hex(j, "snapshot_id", r->app->made.id, sizeof r->app->made.id);
    } else {
        json_null(j, "snapshot_id");
    }
    if (r->memory.success_ns != 0) {
        json_time(j, "last_success", r->memory.success_ns);
    } else {
        json_null(j, "last_success");
    }
    json_array(j, "steps");
    for (int i = 0; i < RUN_STEPS; i++) {
        if (r->steps[i].state != RUN_UNWANTED) {
            put_step_json(j, &r->steps[i], run_step_name((enum run_step_id)i));
        }
    }
    json_end_array(j);
    json_seconds(j, "duration_seconds", clock_monotonic(r->app->clock) - r->begin_ns);
    json_end_object(j);
}

static int prepare(struct run *r, const char *name)
{
    int rc = config_load(config_path(r->app), r->config);

    if (rc == 0) {
        rc = config_find(r->config, name, &r->job);
    }
    if (rc == 0) {
        const char *format = config_text(r->config, r->job, CONFIG_log_format);

        rc = job_env_enter(r->app, r->config, r->job, &r->before);
        if (rc == 0 && format != NULL && r->app->options.log_format == NULL) {
            r->app->options.log_format = strcmp(format, "json") == 0 ? "json" : "text";
        }
    }
    return rc == 0 ? take_lock(r) : rc;
}

static int do_job(struct run *r, const char *name)
{
    int rc = prepare(r, name);

    /* Who has the job already tells what becomes of it; any other failure is told here. */
    if (rc != 0 && (r->job == NULL || rc == HF_EHELD)) {
        return rc;
    }
    r->begin_ns = clock_monotonic(r->app->clock);
    r->app->hook_limit_ns = config_duration(r->config, r->job, CONFIG_hook_timeout);
    note(r, rc);
    open_log(r);
    ping(r, PING_START);
    if (rc == 0) {
        apply_priorities(r);
        signals_expire_in(config_duration(r->config, r->job, CONFIG_timeout));
        do_steps(r);
        signals_expire_in(0);
    }
    run_last_hooks(r);
    put_down(r);
    if (r->log != NULL) {
        note(r, logfile_error(r->log));
    }
    keep_summary(r);
    ping(r, r->code == 0 ? PING_SUCCESS : PING_FAILURE);
    if (r->app->options.json) {
        put_json(r);
    } else {
        put_text(r);
    }
    if (r->code != 0) {
        err_give(&r->trail);
    }
    return r->code;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const char *format;
    struct run *r = mem_zalloc(sizeof *r);
    int rc;

    (void)values;
    if (r == NULL) {
        return err_add(err_nomem(), "could not begin \"run\"");
    }
    r->app = app;
    r->lock = -1;
    r->config = mem_zalloc(sizeof *r->config);
    rc = r->config != NULL ? do_job(r, operands->items[0]) : err_nomem();
    if (rc != 0) {
        rc = err_add(rc, "could not do all of the job \"%s\"", operands->items[0]);
    }
    app->log = NULL;
    logfile_close(r->log);
    app->hook_limit_ns = 0;
    format = app->options.log_format; /* in which the failure is told */
    job_env_leave(app, &r->before);
    app->options.log_format = format;
    run_lock_release(r->lock);
    if (r->config != NULL) {
        config_release(r->config);
    }
    mem_free(r->config);
    mem_free(r->folder);
    mem_free(r);
    return rc;
}

static const struct option options[] = { { .name = NULL } };
static const char *const synopsis[] = { "JOB", NULL };
static const char *const about[] = {
    "Runs a job of the configuration file (\"holdfast help config\"): backup; forget, if it "
    "has any keep_ key; prune; check; drill. Each step does what the command of its name does. "
    "If the backup makes no snapshot, or the repository is damaged, the steps after that are "
    "skipped. One summary, and the exit code of the worst step, come last.",
    "A job runs once at a time: a second start ends with 11 and does nothing. The lock ends with "
    "its process, however that ends, and the next run goes on.",
    "A step that failed for what may pass is tried again (retry, retry_delay). After `timeout` the "
    "job ends and has failed. A hook that takes longer than hook_timeout (an hour, unless it is "
    "set) is ended with all that it started, and has failed. Then on_success or on_failure is run, "
    "with HOLDFAST_JOB, HOLDFAST_EXIT, HOLDFAST_ERROR, HOLDFAST_SNAPSHOT_ID and HOLDFAST_RUN_ID; "
    "it has five minutes, or `timeout` or hook_timeout if one is less. metrics_file is written "
    "last.",
    "ping_url is asked for as healthchecks.io has it: URL/start when the job begins, URL when all "
    "was done, URL/fail when it was not, with the end of the log; that it does not answer is a "
    "warning. log_file gets all that is said, line by line with time, level, job and run; it may "
    "be renamed at any time, and SIGHUP has it opened again.",
    NULL,
};
static const struct command_text exits[] = {
    { "3", "done but incomplete: some files could not be backed up" },
    { "11", "the job is running already" },
    { "28", "no space left" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast run home --config ~/holdfast.conf", "what cron or a timer calls" },
    { "holdfast -q run home --config ~/holdfast.conf", "says nothing unless something is wrong" },
    { "holdfast run home --json --config ~/holdfast.conf", "for other programs" },
    { NULL, NULL },
};

const struct command cmd_run = {
    .name = "run",
    .group = COMMAND_EVERYDAY,
    .summary = "run a job of the configuration file",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
