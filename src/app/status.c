/*
 * status.c - see status.h. Jobs that follow each other with the same repository and key share one
 * opening: deriving a key from a password costs a quarter of a second.
 */
#include "app/status.h"

#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/job_env.h"
#include "app/places.h"
#include "app/run_lock.h"
#include "app/schedule_next.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/whoami.h"
#include "base/mem.h"
#include "engine/proof.h"
#include "engine/ready.h"

struct gathering {
    struct status *status;
    struct whoami who;
    struct session session;
    int code; /* of its opening */
    struct err_trail trail;
    const struct config_job *opened_for; /* NULL: for none yet */
};

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_repository(const struct gathering *g, const struct config_job *job)
{
    static const enum config_key_id keys[] = { CONFIG_repository,    CONFIG_key_file,
                                               CONFIG_password_file, CONFIG_password_command,
                                               CONFIG_cache_dir,     CONFIG_state_dir };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!same_text(config_text(&g->status->config, g->opened_for, keys[i]),
                       config_text(&g->status->config, job, keys[i]))) {
            return false;
        }
    }
    return true;
}

static void open_session(struct gathering *g, const struct config_job *job)
{
    if (g->opened_for != NULL && same_repository(g, job)) {
        return;
    }
    session_close(&g->session);
    g->opened_for = job;
    g->code = session_open(g->status->app, REPO_TOLERANT, &g->session);
    if (g->code == 0 && repo_damage(g->session.repo) != NULL) {
        err_give(repo_damage(g->session.repo));
        g->code = err_add(HF_EDAMAGE, "the journal of %s is damaged", g->session.path);
    }
    err_take(&g->trail);
}

static void add_point(struct status_job *j, const struct catalog_snapshot *s)
{
    struct status_point *p;

    if (j->point_count == STATUS_SIZES) {
        memmove(j->points, j->points + 1, sizeof j->points - sizeof j->points[0]);
        j->point_count--;
    }
    p = &j->points[j->point_count++];
    *p = (struct status_point){ .number = s->number,
                                .end_ns = s->commit.end_ns,
                                .files = s->commit.counts.files,
                                .bytes = s->commit.counts.bytes };
    memcpy(p->id, s->id, sizeof p->id);
    j->good_ns = s->commit.end_ns;
}

static void take_points(struct gathering *g, struct status_job *j)
{
    const struct catalog *c = repo_catalog(g->session.repo);
    const char *host = config_text(&g->status->config, j->job, CONFIG_host);

    host = host != NULL ? host : g->who.host;
    for (size_t i = 0; i < catalog_snapshot_count(c); i++) {
        const struct catalog_snapshot *s = catalog_snapshot(c, i);

        if (!s->partial && s->forgotten_by == 0 && (s->commit.flags & COMMIT_COMPLETE) != 0 &&
            strcmp(s->commit.job, j->job->name) == 0 && strcmp(s->commit.host, host) == 0) {
            add_point(j, s);
        }
    }
}

static void newer(struct status_proof *p, int64_t ns, bool passed, enum evidence_kind kind)
{
    if (ns > p->ns) {
        *p = (struct status_proof){ ns, passed, kind };
    }
}

/* Evidence is the repository's; of a drill that names a job only its own counts. */
static void take_proofs(struct gathering *g, struct status_job *j)
{
    struct repo *repo = g->session.repo;

    for (enum evidence_kind kind = EVIDENCE_SAMPLE; kind <= EVIDENCE_CHECK; kind++) {
        bool drill = evidence_is_drill(kind);
        struct proof p;

        if (!drill && kind != EVIDENCE_CHECK) {
            continue;
        }
        if (proof_newest(repo, kind, drill ? j->job->name : NULL, &p) == 0) {
            newer(drill ? &j->drill : &j->check, p.evidence.end_ns, p.evidence.passed, kind);
        }
        err_clear();
        proof_release(&p);
    }
}

static void take_memory(const struct gathering *g, struct status_job *j)
{
    char *folder = NULL;

    if (places_state(g->status->app, &folder) == 0) {
        run_memory_load(folder, j->job->name, &j->memory);
        j->running = run_lock_is_held(folder, j->job->name);
    }
    err_clear();
    mem_free(folder);
    newer(&j->check, j->memory.check.ns, j->memory.check.exit == 0, 0);
    newer(&j->drill, j->memory.drill.ns, j->memory.drill.exit == 0, 0);
}

static void take_schedule(struct gathering *g, struct status_job *j)
{
    const struct config *c = &g->status->config;

    j->schedule = config_text(c, j->job, CONFIG_schedule);
    if (j->schedule != NULL && schedule_next(j->schedule, g->status->now_ns, &j->next_ns) != 0) {
        snprintf(j->why_not, sizeof j->why_not, "%.*s", (int)sizeof j->why_not - 1,
                 err_last()->text);
        err_clear();
    }
    j->stale_after_ns = config_duration(c, j->job, CONFIG_stale_after);
    if (j->good_ns == 0) {
        j->stale = j->code == 0;
        return;
    }
    if (j->stale_after_ns != 0) {
        j->due_ns = j->good_ns + j->stale_after_ns;
    } else if (j->schedule != NULL && schedule_next_due(j->schedule, j->good_ns, &j->due_ns) == 0) {
        j->stale_after_ns = j->due_ns - j->good_ns;
    }
    err_clear();
    /* Of the future it was made by a clock that was wrong: how old it is can't be told. */
    j->stale = j->due_ns != 0 &&
               (j->due_ns < g->status->now_ns || j->good_ns > g->status->now_ns + GATE_SKEW_NS);
}

/* Its policy, asked as "holdfast ready --job" asks it. */
static void take_readiness(struct gathering *g, struct status_job *j)
{
    const char *path = config_text(&g->status->config, j->job, CONFIG_policy);
    const struct ready_context c = { .repo = j->code == 0 ? g->session.repo : NULL,
                                     .no_repo = j->code == 0 ? NULL : j->trail.text,
                                     .clock = g->status->app->clock,
                                     .job = j->job->name,
                                     .stop = signals_flag() };
    struct ready_result result = { 0 };
    struct policy policy = { 0 };
    int rc;

    if (path == NULL) {
        return;
    }
    rc = policy_read(path, &policy);
    if (rc == 0) {
        rc = ready_judge(&policy, &c, &result);
    }
    j->judged = true;
    j->ready = rc == 0 && result.ready;
    if (rc != 0) {
        snprintf(j->not_ready, sizeof j->not_ready, "%.*s", (int)sizeof j->not_ready - 1,
                 err_last()->text);
    } else if (!j->ready) {
        snprintf(j->not_ready, sizeof j->not_ready,
                 "of %zu gates %zu failed, %zu are unknown; \"holdfast ready\" names them",
                 result.count, result.failed, result.unknown);
    }
    err_clear();
    ready_release(&result);
    policy_release(&policy);
}

static void look_at(struct gathering *g, struct status_job *j)
{
    struct app *app = g->status->app;
    struct job_env before = { 0 };

    j->repository = config_text(&g->status->config, j->job, CONFIG_repository);
    j->code = job_env_enter(app, &g->status->config, j->job, &before);
    if (j->code == 0) {
        take_memory(g, j);
        open_session(g, j->job);
        j->code = g->code;
        j->trail = g->trail;
    } else {
        err_take(&j->trail);
    }
    if (j->code == 0 || (j->code == HF_EDAMAGE && g->session.repo != NULL)) {
        take_points(g, j);
    }
    if (j->code == 0) {
        take_proofs(g, j);
    } else if (j->good_ns == 0) {
        j->good_ns = j->memory.success_ns;
    }
    take_readiness(g, j);
    job_env_leave(app, &before);
    take_schedule(g, j);
}

static int add_job(struct status *s, const struct config_job *job)
{
    struct status_job *j;

    for (size_t i = 0; i < s->count; i++) {
        if (s->jobs[i]->job == job) {
            return 0;
        }
    }
    if (mem_grow(&s->jobs, &s->capacity, s->count + 1, sizeof *s->jobs) != 0) {
        return err_nomem();
    }
    j = mem_zalloc(sizeof *j);
    if (j == NULL) {
        return err_nomem();
    }
    j->job = job;
    s->jobs[s->count++] = j;
    return 0;
}

static int choose(struct status *s, const char *const *names, size_t count)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < (count > 0 ? count : s->config.job_count); i++) {
        const struct config_job *job = count > 0 ? NULL : s->config.jobs[i];

        if (count > 0) {
            rc = config_find(&s->config, names[i], &job);
        }
        rc = rc == 0 ? add_job(s, job) : rc;
    }
    return rc;
}

int status_gather(struct app *app, const char *const *names, size_t count, struct status *out)
{
    struct gathering *g;
    int rc;

    memset(out, 0, sizeof *out);
    out->app = app;
    rc = config_load(config_path(app), &out->config);
    if (rc == 0) {
        rc = choose(out, names, count);
    }
    g = rc == 0 ? mem_zalloc(sizeof *g) : NULL;
    if (rc != 0 || g == NULL) {
        return rc != 0 ? rc : err_nomem();
    }
    g->status = out;
    rc = whoami_find(&g->who);
    out->now_ns = clock_wall(app->clock);
    for (size_t i = 0; rc == 0 && i < out->count; i++) {
        look_at(g, out->jobs[i]);
        rc = signals_check();
    }
    session_close(&g->session);
    mem_free(g);
    return rc;
}

void status_release(struct status *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->jobs[i]);
    }
    mem_free(s->jobs);
    config_release(&s->config);
}

enum status_state status_of(const struct status_job *j)
{
    if (j->code != 0) {
        return STATUS_UNREACHABLE;
    }
    if (j->stale) {
        return STATUS_STALE;
    }
    if (j->running) {
        return STATUS_RUNNING;
    }
    if (j->memory.run.exit != 0) {
        return j->memory.run.exit == err_exit_status(HF_EPARTIAL) ? STATUS_INCOMPLETE
                                                                  : STATUS_FAILED;
    }
    return STATUS_OK;
}

const char *status_state_name(enum status_state state)
{
    static const char *const names[] = { "unreachable", "stale",      "running",
                                         "failed",      "incomplete", "ok" };

    return names[state];
}

int status_verdict(const struct status *s)
{
    const struct status_job *worst = NULL;
    struct buf names;
    int code = 0;

    buf_init(&names);
    for (size_t i = 0; i < s->count; i++) {
        if (s->jobs[i]->stale) {
            buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", s->jobs[i]->job->name);
            code = HF_ENOT_READY;
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct status_job *j = s->jobs[i];

        if (j->code != 0 && app_worse(code, j->code) == j->code && code != j->code) {
            code = j->code;
            worst = j;
        }
    }
    if (worst != NULL) {
        err_give(&worst->trail);
        code = err_add(code, "could not look at the job \"%s\"", worst->job->name);
    } else if (code != 0) {
        err_raise(code, "there is no good point that is young enough of: %s", buf_text(&names));
        err_hint("\"holdfast run JOB\" makes one; the log of its last run says what went wrong");
    }
    buf_release(&names);
    return code;
}
