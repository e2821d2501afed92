/*
 * drill_runbook.c - see drill_runbook.h.
 *
 * The commands find this very program, and the key file or password file that was given here, in
 * the variable that the runbook leaves for it. The rest of what they know is what stands in it.
 */
#include "app/drill_runbook.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/drill_report.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/slurp.h"
#include "app/version.h"
#include "app/whoami.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/runbook_run.h"

#define RUNBOOK_MOST (1u << 20)
#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct job {
    struct app *app;
    const struct drill_runbook *wish;
    struct session session;
    struct whoami who;
    struct buf text, path, key, password;
    const char *variables[3];
    struct drill_options drill;
    struct drill_result result;
    struct runbook_run_result steps;
    bool begun;
};

/* --- what is told meanwhile --- */

static void on_mismatch(void *context, const char *object, size_t len, const char *why)
{
    struct job *b = context;

    if (b->app->options.json) {
        app_event(b->app, "error", object, len, err_code_name(HF_EDRILL), why);
    } else {
        app_warn(b->app, "step \"%.*s\": %s", (int)len, object, why);
    }
}

static void on_note(void *context, const char *object, size_t len, const char *text)
{
    struct job *b = context;

    (void)object;
    (void)len;
    if (b->app->options.json) {
        app_event(b->app, "warning", "", 0, "note", text);
    } else {
        app_warn(b->app, "%s", text);
    }
}

static void on_phase(void *context, const char *what)
{
    struct job *b = context;

    if (b->app->options.verbose > 0) {
        app_note(b->app, "%s", what);
    }
}

/* --- what the commands are given --- */

static int put_path(struct job *b)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    if (n < 0) {
        return err_os(errno, "could not find out where this program is");
    }
    program[n] = '\0';
    slash = strrchr(program, '/');
    if (slash != NULL && slash != program) {
        *slash = '\0';
    }
    buf_printf(&b->path, "%s:%s", program, USUAL_PATH);
    return buf_error(&b->path);
}

static int put_variable(struct job *b, struct buf *out, const char *name, const char *file)
{
    char real[PATH_MAX];
    size_t count = 0;

    if (file == NULL) {
        return 0;
    }
    if (realpath(file, real) == NULL) {
        return err_os(errno, "could not find %s", file);
    }
    buf_printf(out, "%s=%s", name, real);
    while (b->variables[count] != NULL) {
        count++;
    }
    b->variables[count] = buf_text(out);
    return buf_error(out);
}

static int gather(struct job *b)
{
    const struct app_options *o = &b->app->options;
    int rc = slurp_file(b->wish->path, RUNBOOK_MOST, &b->text);

    if (rc == 0) {
        rc = put_path(b);
    }
    if (rc == 0) {
        rc = put_variable(b, &b->key, "KEY", o->key_file);
    }
    if (rc == 0) {
        rc = put_variable(b, &b->password, "PASSWORD_FILE", o->password_file);
    }
    return rc == 0 ? whoami_find(&b->who) : rc;
}

static int rehearse(struct job *b)
{
    const struct drill_events events = {
        .context = b, .mismatch = on_mismatch, .note = on_note, .phase = on_phase
    };
    struct runbook_run_options o = { .drill = &b->drill, .variables = b->variables };
    int rc = session_open(b->app, REPO_TOLERANT, &b->session);

    if (rc != 0) {
        return rc;
    }
    b->begun = true;
    repo_close(b->session.repo);
    b->session.repo = NULL;
    b->drill = b->wish->drill;
    b->drill.env = &b->session.env;
    b->drill.unlock = &b->session.secret.unlock;
    b->drill.host = b->who.host;
    b->drill.user = b->who.user;
    b->drill.tool = VERSION_TOOL;
    b->drill.cancel = signals_flag();
    o.text = buf_text(&b->text);
    o.len = b->text.len;
    o.path = buf_text(&b->path);
    return signals_name(runbook_run(&o, &events, &b->result, &b->steps));
}

/* --- what came of it --- */

static void put_steps_json(struct job *b)
{
    struct json *j = &b->app->json;

    for (size_t i = 0; i < b->steps.count; i++) {
        const struct runbook_run_step *s = &b->steps.steps[i];

        json_object(j, NULL);
        json_text(j, "type", "step");
        json_text(j, "path", s->name);
        json_text(j, "title", s->title);
        json_number(j, "expected", (uint64_t)s->expected);
        if (s->status < 0) {
            json_null(j, "exit_status");
            json_null(j, "duration_seconds");
        } else {
            json_number(j, "exit_status", (uint64_t)s->status);
            json_seconds(j, "duration_seconds", s->took_ns);
        }
        json_end_object(j);
    }
}

static void put_steps_text(struct job *b)
{
    char took[TEXT_SIZE_BYTES];

    if (b->app->options.quiet) {
        return;
    }
    for (size_t i = 0; i < b->steps.count; i++) {
        const struct runbook_run_step *s = &b->steps.steps[i];

        if (s->status < 0) {
            out_printf(&b->app->out, "  %-12s not tried\n", s->name);
        } else {
            out_printf(&b->app->out, "  %-12s %s, exit %d\n", s->name,
                       text_duration(s->took_ns, took), s->status);
        }
    }
}

static int write_reports(struct job *b, const struct drill_report *d)
{
    struct session *s = &b->session;

    if (b->wish->reports->count == 0) {
        return 0;
    }
    if (repo_open(&s->env, &s->secret.unlock, REPO_TOLERANT, &s->repo) != 0) {
        err_clear(); /* without plots, then */
    }
    return drill_report_write(d, s->repo, b->wish->reports);
}

static int finish(struct job *b, int rc)
{
    struct drill_report d = {
        .kind = runbook_run_kind(), .result = &b->result, .steps = &b->steps, .code = rc
    };
    struct err_trail trail;
    int failed;

    err_take(&trail);
    d.message = rc != 0 ? trail.text : NULL;
    failed = write_reports(b, &d);
    if (failed != 0 && rc == 0) {
        err_take(&trail);
        d.code = rc = failed;
    } else if (failed != 0) {
        app_warn(b->app, "%s", err_last()->text);
    }
    if (b->app->options.json) {
        put_steps_json(b);
        drill_report_json(&b->app->json, &d);
    } else if (b->result.finished) {
        put_steps_text(b);
        drill_report_text(b->app, &d);
    }
    if (b->result.unpublished.code != 0) {
        app_warn(b->app, "%s", b->result.unpublished.text);
    }
    err_give(&trail);
    return rc;
}

static int say_failure(const struct job *b)
{
    const struct drill_mismatch *m = b->result.mismatches;

    return b->result.mismatch_count == 0
               ? err_raise(HF_EDRILL, "it failed")
               : err_raise(HF_EDRILL, "step \"%s\": %s", m->object, m->why);
}

int drill_runbook(struct app *app, const struct drill_runbook *wish)
{
    struct job b = { .app = app, .wish = wish };
    int rc = drill_report_accepts(wish->reports);

    if (rc == 0) {
        rc = gather(&b);
    }
    if (rc == 0) {
        rc = rehearse(&b);
    }
    if (rc == HF_EDRILL) {
        rc = say_failure(&b);
    }
    if (rc != 0) {
        rc = err_add(rc,
                     rc == HF_EDRILL ? "the runbook %s failed" : "could not drill the runbook %s",
                     wish->path);
    }
    if (b.begun) {
        rc = finish(&b, rc);
    }
    runbook_run_release(&b.steps);
    drill_result_release(&b.result);
    buf_release(&b.text);
    buf_release(&b.path);
    buf_release(&b.key);
    buf_release(&b.password);
    session_close(&b.session);
    return rc;
}
