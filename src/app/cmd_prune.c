/*
 * cmd_prune.c - space that nothing needs any more is given back.
 */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/prune_report.h"
#include "app/session.h"
#include "base/err.h"

struct prune_values {
    bool dry_run;
    bool now;
    struct option_ns grace;
    const char *max_unused;
};

struct prune_job {
    struct app *app;
    const struct prune_values *values;
    struct session session;
    struct prune_report report;
};

/* "5%", or 5. */
static int parse_max_unused(const char *text, double *out_fraction)
{
    char *end;
    double percent = strtod(text, &end);

    if (end == text || (*end != '\0' && strcmp(end, "%") != 0) ||
        !(percent >= 0.0 && percent <= 100.0)) {
        err_raise(HF_EUSAGE, "--max-unused: \"%.200s\" is no percentage", text);
        return err_hint("give a number from 0 to 100, such as 5%%");
    }
    *out_fraction = percent / 100.0;
    return 0;
}

static int fill_options(const struct prune_values *v, struct collect_options *o)
{
    collect_options_init(o);
    o->dry = v->dry_run;
    o->now = v->now;
    if (v->now && v->grace.given) {
        err_raise(HF_EUSAGE, "--now and --grace exclude each other");
        return err_hint("--now is a grace of 0, and takes what unfinished backups have stored");
    }
    if (v->grace.given) {
        o->grace_ns = v->grace.value;
    }
    return v->max_unused ? parse_max_unused(v->max_unused, &o->max_unused) : 0;
}

static int prune(struct prune_job *b)
{
    struct collect_options options;
    int rc = fill_options(b->values, &options);

    if (rc == 0) {
        rc = session_open(b->app, REPO_STRICT, &b->session);
    }
    return rc != 0 ? rc : prune_report_run(b->app, b->session.repo, &options, &b->report);
}

static void put_summary(const struct prune_job *b, int rc)
{
    struct json *j = &b->app->json;

    json_document(j, "prune");
    json_text(j, "type", "summary");
    json_number(j, "exit", rc == 0 ? 0 : (uint64_t)err_exit_status(rc));
    prune_report_json(j, &b->report);
    json_end_object(j);
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct prune_job b = { .app = app, .values = values };
    int rc = prune(&b);

    (void)operands;
    if (rc != 0) {
        rc = err_add(rc, "could not prune the repository");
    }
    if (b.session.repo != NULL && app->options.json) {
        put_summary(&b, rc);
    } else if (b.session.repo != NULL && rc == 0) {
        prune_report_text(app, &b.report);
    }
    session_close(&b.session);
    return rc;
}

#define ROW(field) offsetof(struct prune_values, field)
static const struct option options[] = {
    { "dry-run", 'n', OPTION_FLAG, NULL, "only say what would be read, copied and reclaimed",
      ROW(dry_run), NULL },
    { "grace", 0, OPTION_DURATION, "DURATION",
      "keep what was forgotten less long ago, so that it can be undeleted (default 24h)",
      ROW(grace), NULL },
    { "max-unused", 0, OPTION_TEXT, "PERCENT",
      "how much may stay that nothing needs, of what is needed, to save copying (default 5%)",
      ROW(max_unused), NULL },
    { "now", 0, OPTION_FLAG, NULL, "no grace, and take what unfinished backups have stored",
      ROW(now), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "[--grace DURATION] [--max-unused PERCENT] [--now] [-n]",
                                        NULL };
static const char *const about[] = {
    "Gives the space of forgotten snapshots back. What no snapshot needs is condemned by an entry "
    "of the journal and then removed; segments that are mostly dead are copied without what is "
    "dead in them, each piece proved before its source goes; many small segments become one; a "
    "long journal is rolled up.",
    "Backups, restores and other prunes may run at the same time: no lock is taken. A prune that "
    "was killed does no harm, and the next one goes on. A damaged repository is not pruned.",
    NULL,
};
static const struct command_text exits[] = {
    { "0", "what could be reclaimed was" },
    { "4", "something that a snapshot needs can't be read; nothing alive was removed" },
    { "28", "no space to copy to; what could be removed without copying was removed" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast prune -n", "what it would cost and bring" },
    { "holdfast prune", "every week, after \"holdfast forget\"" },
    { "holdfast prune --now --max-unused 0", "all that can be had, at once" },
    { NULL, NULL },
};

const struct command cmd_prune = {
    .name = "prune",
    .group = COMMAND_CARE,
    .summary = "give space back",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct prune_values),
    .run = run,
};
