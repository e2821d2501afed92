/*
 * cmd_drill.c - a restore for real, to see whether it works and how long it takes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/drill_history.h"
#include "app/drill_report.h"
#include "app/drill_runbook.h"
#include "app/select.h"
#include "app/signals.h"
#include "app/version.h"
#include "app/whoami.h"
#include "base/err.h"
#include "base/text.h"
#include "engine/policy.h"

#define NICE_DEFAULT 10
#define NICE_MOST 19
#define PROBE_LIMIT_NS (600 * NS_PER_S)
#define SEED_BYTES 4 /* few enough for any program that reads JSON */

struct drill_values {
    struct select_filters filters;
    const char *at;
    const char *probe;
    struct option_ns probe_timeout;
    const char *policy;
    const char *runbook;
    struct option_list reports;
    struct option_number seed;
    const char *sample;
    const char *scratch;
    struct option_number max_space;
    struct option_number nice;
    bool keep;
    bool no_record;
};

struct drill_job {
    struct app *app;
    const struct drill_values *values;
    const struct drill_kind *kind;
    struct select_view view;
    struct whoami who;
    struct drill_options options;
    struct drill_result result;
    bool begun; /* there will be a summary */
};

/* ---- what is told meanwhile ---- */

static void on_progress(void *context, const struct restore_progress *p)
{
    const struct drill_job *b = context;
    const struct progress_state s = {
        .files = p->files,
        .bytes = p->bytes,
        .files_expected = p->files_expected,
        .bytes_expected = p->bytes_expected,
        .errors = p->errors,
        .path = p->path,
        .path_len = p->path_len,
    };

    progress_update(b->app, &s);
}

static void on_mismatch(void *context, const char *object, size_t len, const char *why)
{
    struct drill_job *b = context;

    if (b->app->options.json) {
        app_event(b->app, "error", object, len, err_code_name(HF_EDRILL), why);
    } else {
        app_warn(b->app, "MISMATCH %.*s: %s", (int)len, object, why);
    }
}

static void on_note(void *context, const char *object, size_t len, const char *text)
{
    struct drill_job *b = context;

    if (b->app->options.json) {
        app_event(b->app, "warning", object != NULL ? object : "", object != NULL ? len : 0, "note",
                  text);
    } else if (object != NULL) {
        app_warn(b->app, "%.*s: %s", (int)len, object, text);
    } else {
        app_warn(b->app, "%s", text);
    }
}

static void on_phase(void *context, const char *what)
{
    struct drill_job *b = context;

    if (b->app->options.verbose > 0) {
        app_note(b->app, "%s", what);
    }
}

/* ---- what is to be done ---- */

static int find_kind(const char *name, const struct drill_kind **out)
{
    const struct drill_kind *near;

    *out = drill_kind_find(name);
    if (*out != NULL) {
        return 0;
    }
    near = drill_kind_nearest(name);
    err_raise(HF_EUSAGE, "there is no kind of drill \"%.100s\"", name);
    return near != NULL ? err_hint("did you mean \"%s\"?", near->name)
                        : err_hint("\"holdfast drill list\" shows them");
}

static int parse_percent(const char *text, double *out_fraction)
{
    char *end;
    double percent = strtod(text, &end);

    if (end == text || (end[0] != '\0' && strcmp(end, "%") != 0) ||
        !(percent > 0.0 && percent <= 100.0)) {
        return err_raise(HF_EUSAGE, "--sample: \"%.100s\" is no percentage up to 100", text);
    }
    *out_fraction = percent / 100.0;
    return 0;
}

/* Options that mean nothing to this kind would promise what is not done. */
static int check_values(const struct drill_job *b)
{
    const struct drill_values *v = b->values;
    const char *name = b->kind->name;

    if (v->probe != NULL && (b->kind->traits & DRILL_PROBES) == 0) {
        return err_raise(HF_EUSAGE, "\"drill %s\" takes no --probe: \"drill probe\" does", name);
    }
    if (v->probe_timeout.given && (b->kind->traits & DRILL_PROBES) == 0) {
        return err_raise(HF_EUSAGE, "\"drill %s\" takes no --probe-timeout", name);
    }
    if (v->probe == NULL && (b->kind->traits & DRILL_PROBES) != 0) {
        err_raise(HF_EUSAGE, "\"drill %s\" needs a command", name);
        return err_hint("give one: --probe 'test -s etc/passwd'");
    }
    if (v->sample != NULL && (b->kind->traits & DRILL_SAMPLES) == 0) {
        return err_raise(HF_EUSAGE, "\"drill %s\" takes no --sample", name);
    }
    if (v->at != NULL && (b->kind->traits & DRILL_OF_A_POINT) == 0) {
        return err_raise(HF_EUSAGE, "\"drill %s\" takes no --at", name);
    }
    if (v->nice.value > NICE_MOST) {
        return err_raise(HF_EUSAGE, "--nice: a number up to %d", NICE_MOST);
    }
    return drill_report_accepts(&v->reports);
}

static int choose_seed(struct drill_job *b)
{
    uint8_t bytes[SEED_BYTES];
    int rc = 0;

    b->options.seed = b->values->seed.value;
    if (!b->values->seed.given) {
        rc = rnd_bytes(b->app->rnd, bytes, sizeof bytes);
        for (size_t i = 0; rc == 0 && i < sizeof bytes; i++) {
            b->options.seed = b->options.seed << 8 | bytes[i];
        }
    }
    return rc;
}

static const char *choose_scratch(const struct drill_values *v)
{
    const char *tmp = getenv("TMPDIR");

    return v->scratch != NULL ? v->scratch : tmp != NULL && tmp[0] != '\0' ? tmp : "/var/tmp";
}

static int fill_options(struct drill_job *b)
{
    const struct drill_values *v = b->values;
    struct drill_options *o = &b->options;
    int rc = choose_seed(b);

    o->scratch = choose_scratch(v);
    o->probe = v->probe;
    o->probe_limit_ns = v->probe_timeout.given ? v->probe_timeout.value : PROBE_LIMIT_NS;
    o->max_space = v->max_space.value;
    o->keep = v->keep;
    o->no_evidence = v->no_record;
    o->tool = VERSION_TOOL;
    o->cancel = signals_flag();
    if (rc == 0 && v->sample != NULL) {
        rc = parse_percent(v->sample, &o->fraction);
    }
    if (rc == 0 && v->policy != NULL) {
        rc = policy_hash_file(v->policy, o->policy_hash);
    }
    if (rc == 0) {
        rc = whoami_find(&b->who);
        o->host = b->who.host;
        o->user = b->who.user;
    }
    return rc;
}

/* The point, or, for a drill of the whole history, the filters. */
static int choose_point(struct drill_job *b)
{
    struct timeline_resolution r;
    int rc;

    if ((b->kind->traits & DRILL_OF_A_POINT) == 0) {
        if (b->view.count > 0 && b->view.selectors[0].position != SELECTOR_ALL) {
            return err_raise(HF_EUSAGE, "\"drill %s\" takes filters, and no position: %s",
                             b->kind->name, b->view.selectors[0].asked);
        }
        b->options.filter = b->view.count > 0 ? &b->view.selectors[0] : NULL;
        return 0;
    }
    rc = select_point(&b->view, 0, &r);
    if (rc == 0) {
        memcpy(b->options.snapshot, r.found->snapshot->id, sizeof b->options.snapshot);
    }
    return rc;
}

/* The drill opens the repository anew, as whoever needs it on a bad day does. */
static void shut_repository(struct drill_job *b)
{
    timeline_free(b->view.timeline);
    b->view.timeline = NULL;
    repo_close(b->view.session.repo);
    b->view.session.repo = NULL;
    b->options.env = &b->view.session.env;
    b->options.unlock = &b->view.session.secret.unlock;
}

/* A drill gives way to what the machine is there for. It never takes more than it was given. */
static void be_nice(const struct drill_job *b)
{
    int wanted = b->values->nice.given ? (int)b->values->nice.value : NICE_DEFAULT;
    int now;

    errno = 0;
    now = getpriority(PRIO_PROCESS, 0);
    if (errno == 0 && now < wanted) {
        (void)setpriority(PRIO_PROCESS, 0, wanted);
    }
}

static int drill(struct drill_job *b)
{
    const struct drill_events events = { .context = b,
                                         .progress = on_progress,
                                         .mismatch = on_mismatch,
                                         .note = on_note,
                                         .phase = on_phase };
    int rc;

    be_nice(b);
    progress_start(b->app);
    rc = drill_run(b->kind, &b->options, &events, &b->result);
    progress_stop(b->app);
    return signals_name(rc);
}

static int do_all(struct drill_job *b, const struct option_operands *operands)
{
    int rc = check_values(b);

    if (rc == 0) {
        rc = fill_options(b);
    }
    if (rc == 0) {
        rc = select_open(b->app, REPO_TOLERANT, &b->values->filters, operands->items + 1,
                         operands->count - 1, b->values->at, &b->view);
    }
    if (rc == 0) {
        rc = choose_point(b);
    }
    if (rc != 0) {
        return rc;
    }
    b->begun = true;
    shut_repository(b);
    return drill(b);
}

/* ---- what came of it ---- */

/* One sentence for the one line that cron sends. */
static int say_failure(const struct drill_job *b)
{
    const struct drill_result *r = &b->result;
    struct buf object;

    if (r->mismatch_count == 0) {
        return err_raise(HF_EDRILL, "it failed");
    }
    buf_init(&object);
    text_put_shown(&object, r->mismatches[0].object, r->mismatches[0].object_len);
    err_raise(HF_EDRILL, "%llu mismatches; the first one: %s: %s",
              (unsigned long long)r->mismatch_total, buf_text(&object), r->mismatches[0].why);
    buf_release(&object);
    if (r->unpublished.code != 0) {
        app_warn(b->app, "%s", r->unpublished.text);
    }
    return HF_EDRILL;
}

/* A report that could not be written is a failure, but says nothing of the drill. */
static int write_reports(struct drill_job *b, const struct drill_report *d)
{
    struct session *s = &b->view.session;

    if (b->values->reports.count == 0) {
        return 0;
    }
    if (repo_open(&s->env, &s->secret.unlock, REPO_TOLERANT, &s->repo) != 0) {
        err_clear(); /* without plots, then */
    }
    return drill_report_write(d, s->repo, &b->values->reports);
}

static int finish(struct drill_job *b, int rc)
{
    struct drill_report d = { .kind = b->kind,
                              .result = &b->result,
                              .seed = b->options.seed,
                              .probe = b->values->probe,
                              .code = rc };
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
        drill_report_json(&b->app->json, &d);
    } else if (b->result.finished) {
        drill_report_text(b->app, &d);
    }
    err_give(&trail);
    return rc;
}

static int run_kind(struct app *app, const struct drill_values *values,
                    const struct option_operands *operands)
{
    struct drill_job b = { .app = app, .values = values };
    int rc = find_kind(operands->items[0], &b.kind);

    if (rc != 0) {
        return rc;
    }
    rc = do_all(&b, operands);
    if (rc == HF_EDRILL) {
        rc = say_failure(&b);
    }
    if (rc != 0) {
        rc = err_add(rc, rc == HF_EDRILL ? "the drill \"%s\" failed" : "could not drill \"%s\"",
                     b.kind->name);
    }
    if (b.begun) {
        rc = finish(&b, rc);
    }
    drill_result_release(&b.result);
    select_close(&b.view);
    return rc;
}

/* Which point is restored, and how much of it, is for the runbook to say. */
static int check_runbook_values(const struct drill_values *v)
{
    bool filtered = v->at != NULL;

    for (size_t i = 0; i < SELECTOR_FIELDS; i++) {
        filtered = filtered || v->filters.values[i].count > 0;
    }
    if (filtered || v->probe != NULL || v->probe_timeout.given || v->sample != NULL ||
        v->seed.given || v->max_space.given) {
        err_raise(HF_EUSAGE, "--runbook does what the runbook says");
        return err_hint("of the other options it takes --scratch, --keep, --nice, --policy, "
                        "--no-record and --report");
    }
    return 0;
}

static int run_runbook(struct app *app, const struct drill_values *v)
{
    struct drill_runbook wish = { .path = v->runbook, .reports = &v->reports };
    struct drill_job b = { .app = app, .values = v };
    int rc = check_runbook_values(v);

    if (rc == 0 && v->policy != NULL) {
        rc = policy_hash_file(v->policy, wish.drill.policy_hash);
    }
    wish.drill.scratch = choose_scratch(v);
    wish.drill.keep = v->keep;
    wish.drill.no_evidence = v->no_record;
    be_nice(&b);
    return rc != 0 ? rc : drill_runbook(app, &wish);
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct drill_values *v = values;
    const char *what = operands->count > 0 ? operands->items[0] : NULL;

    if ((v->runbook != NULL) == (what != NULL)) {
        err_raise(HF_EUSAGE, what != NULL ? "--runbook takes no operand" : "which drill?");
        return err_hint("\"holdfast drill list\" shows them");
    }
    if (v->runbook != NULL) {
        return run_runbook(app, v);
    }
    if (strcmp(what, "list") == 0) {
        return operands->count == 1 ? drill_history_kinds(app)
                                    : err_raise(HF_EUSAGE, "\"drill list\" takes no operand");
    }
    if (strcmp(what, "history") == 0) {
        int rc = drill_history_show(app, operands->count > 1 ? operands->items[1] : NULL);

        return rc == 0 ? 0 : err_add(rc, "could not show the drills");
    }
    return run_kind(app, values, operands);
}

#define ROW(field) offsetof(struct drill_values, field)
static const struct option options[] = {
    { "at", 0, OPTION_TEXT, "TIME", "the newest snapshot at or before this moment", ROW(at), NULL },
    SELECT_FILTER_ROWS(struct drill_values, filters),
    { "probe", 0, OPTION_TEXT, "CMD",
      "drill probe: a shell command, run in the restored tree; it fails if it does not end with 0",
      ROW(probe), NULL },
    { "probe-timeout", 0, OPTION_DURATION, "DURATION", "how long it may take (10m)",
      ROW(probe_timeout), NULL },
    { "sample", 0, OPTION_TEXT, "PERCENT",
      "of the files, chosen at random; sample and pitr: 1 %, and 100 files at least; probe and "
      "live: all",
      ROW(sample), NULL },
    { "seed", 0, OPTION_NUMBER, "N", "chooses as the drill with this seed did", ROW(seed), NULL },
    { "scratch", 0, OPTION_TEXT, "DIR",
      "restore to a folder of its own in DIR (TMPDIR, else /var/tmp)", ROW(scratch), NULL },
    { "max-space", 0, OPTION_SIZE, "SIZE", "don't begin if more than this is to be restored",
      ROW(max_space), NULL },
    { "keep", 0, OPTION_FLAG, NULL, "leave what was restored where it is, and say where", ROW(keep),
      NULL },
    { "nice", 0, OPTION_NUMBER, "N",
      "the priority on the processor, 0 to 19; 10 unless it is lower already", ROW(nice), NULL },
    { "policy", 0, OPTION_TEXT, "F", "the evidence is for this policy: it lapses if that changes",
      ROW(policy), NULL },
    { "no-record", 0, OPTION_FLAG, NULL, "publish no evidence, for a repository that is read-only",
      ROW(no_record), NULL },
    { "runbook", 0, OPTION_TEXT, "F",
      "types the commands of a runbook in an empty environment, and measures each step",
      ROW(runbook), NULL },
    { "report", 0, OPTION_LIST, "F",
      "write a report: F.txt, F.html, F.xml (JUnit), F.json; can be given several times",
      ROW(reports), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "KIND [SELECTOR] [OPTION...]", "list", "history [KIND]",
                                        "--runbook F [OPTION...]", NULL };
static const char *const about[] = {
    "Restores for real, into a scratch folder that is removed afterwards, compares what came out "
    "bit for bit, and measures how long it took. \"drill list\" shows the kinds. Without a "
    "SELECTOR it is of the latest snapshot; pitr takes filters only, and drills the whole history.",
    "What it found, good or bad, becomes signed evidence in the journal, which \"drill history\" "
    "lists. A drill that could not be finished leaves none.",
    "probe: the command gets an environment of its own: PATH, HOME and TMPDIR (a folder that goes "
    "away), LANG=C, HOLDFAST_DRILL_TREE, _KIND, _JOB, _SNAPSHOT. Whatever it started is killed "
    "when it has ended or its time is up.",
    "live: a difference to the source is a mismatch only if nothing explains it: what was changed "
    "after the backup began is counted as drift. A file whose size and modification time are those "
    "of the snapshot, but not its content, is a mismatch. What is in the source alone is not "
    "looked at.",
    "--runbook: each block of commands in F gets a shell of its own, which knows PATH, HOME and "
    "RESTORE_TARGET (empty folders), TERM, and KEY or PASSWORD_FILE if --key-file or "
    "--password-file is given here; what the runbook sets for itself counts as well. It fails at "
    "the first step that does not end as it must. \"holdfast runbook\" writes one.",
    "Drills may run beside each other, and beside anything else. One that is killed leaves nothing "
    "that the next one in the same place does not remove.",
    NULL,
};
static const struct command_text exits[] = {
    { "5", "the drill ran, and failed: each mismatch is named" },
    { "7", "no such point" },
    { "28", "no space left in the scratch folder, or more than --max-space is needed" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast drill sample", "a few files, for every night" },
    { "holdfast drill full --report ~/drill.html", "everything, with a report to show" },
    { "holdfast drill probe --probe 'test -n \"$(ls)\"'", "let a command say whether it will do" },
    { "holdfast drill pitr --seed 7 --sample 5", "random moments of the history" },
    { "holdfast drill cold", "as if nothing were left but the repository and the key" },
    { "holdfast drill fault", "damage a copy, and see what comes of it" },
    { "holdfast drill --runbook ~/runbook.md", "follow the runbook" },
    { "holdfast drill history", "the drills on record" },
    { NULL, NULL },
};

const struct command cmd_drill = {
    .name = "drill",
    .group = COMMAND_CARE,
    .summary = "restore for real, compare, and measure",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct drill_values),
    .operands_max = 2,
    .run = run,
};
