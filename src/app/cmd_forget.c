/*
 * cmd_forget.c - snapshots that are not wanted any more: by name, or by what a policy keeps.
 */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/forget_report.h"
#include "app/points.h"
#include "app/select.h"
#include "base/err.h"
#include "engine/forget.h"
#include "engine/forget_policy.h"

struct forget_values {
    struct select_filters filters;
    bool dry_run;
    const char *keep[RETENTION_PERIODS];
    struct option_ns within[RETENTION_PERIODS];
    struct option_list keep_tags;
    const char *group_by;
    bool allow_empty;
    bool prune;
};

static const char *const keep_options[RETENTION_PERIODS] = {
    [RETENTION_EACH] = "keep-last",     [RETENTION_HOUR] = "keep-hourly",
    [RETENTION_DAY] = "keep-daily",     [RETENTION_WEEK] = "keep-weekly",
    [RETENTION_MONTH] = "keep-monthly", [RETENTION_YEAR] = "keep-yearly",
};

/* Whether there is anything in the options that only a policy has. */
static bool is_policy(const struct forget_values *o)
{
    bool any = o->keep_tags.count > 0 || o->group_by != NULL || o->allow_empty;

    for (int p = 0; p < RETENTION_PERIODS; p++) {
        any = any || o->keep[p] != NULL || o->within[p].given;
    }
    return any;
}

static int check_tags(const struct option_list *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        const char *t = tags->items[i];
        size_t len = strlen(t);

        if (len == 0 || t[0] == ',' || t[len - 1] == ',' || strstr(t, ",,") != NULL) {
            return err_raise(HF_EUSAGE, "--keep-tag: a tag in \"%.200s\" is empty", t);
        }
    }
    return 0;
}

static int parse_policy(const struct forget_values *o, struct retention_policy *out)
{
    int rc = check_tags(&o->keep_tags);

    *out = (struct retention_policy){ .tags = o->keep_tags.items,
                                      .tag_count = o->keep_tags.count,
                                      .group_by = RETENTION_GROUP_DEFAULT };
    for (int p = 0; rc == 0 && p < RETENTION_PERIODS; p++) {
        out->within_ns[p] = o->within[p].value;
        if (o->keep[p] != NULL) {
            rc = retention_parse_count(o->keep[p], &out->keep[p]);
            rc = rc != 0 ? err_add(rc, "--%s", keep_options[p]) : 0;
        }
    }
    if (rc == 0 && o->group_by != NULL) {
        rc = retention_parse_group_by(o->group_by, &out->group_by);
        rc = rc != 0 ? err_add(rc, "--group-by") : 0;
    }
    if (rc == 0 && !retention_keeps_any(out) && !o->allow_empty) {
        err_raise(HF_EUSAGE, "a policy that keeps nothing");
        err_hint("say what to keep, such as --keep-last 3 or --keep-daily 7");
        rc = HF_EUSAGE;
    }
    return rc;
}

/*
 * What was forgotten just now goes at once. What has failed before is told in any case: the
 * snapshots are forgotten.
 */
static int prune_if_asked(struct app *app, const struct forget_values *o, struct repo *r,
                          struct prune_report *storage, const struct prune_report **out_report)
{
    struct collect_options options;
    int rc;

    *out_report = NULL;
    if (!o->prune || o->dry_run) {
        return 0;
    }
    collect_options_init(&options);
    options.grace_ns = 0;
    rc = prune_report_run(app, r, &options, storage);
    *out_report = storage;
    return rc != 0 ? err_add(rc, "what was forgotten could not be pruned") : 0;
}

/* A policy judges all points that filters leave: beside one that is named there are none. */
static int check_selectors(const struct select_view *v)
{
    for (size_t i = 0; i < v->count; i++) {
        if (v->selectors[i].position != SELECTOR_ALL) {
            err_raise(HF_EUSAGE, "\"%s\" names one snapshot, and a policy judges groups of them",
                      v->selectors[i].asked);
            err_hint("tag:T, job:J, host:H and path:P go together with a policy");
            return HF_EUSAGE;
        }
    }
    return 0;
}

static void finish_text(struct app *app, const struct prune_report *pruned, int rc)
{
    if (pruned && rc == 0 && !app->options.json) {
        prune_report_text(app, pruned);
    }
}

static int run_policy(struct app *app, const struct forget_values *o,
                      const struct option_operands *operands)
{
    struct forget_policy policy = { .allow_empty = o->allow_empty };
    struct retention_plan plan = { 0 };
    struct select_view v = { 0 };
    struct prune_report storage = { 0 };
    const struct prune_report *pruned;
    uint64_t number = 0;
    int rc = parse_policy(o, &policy.retention);

    if (rc == 0) {
        rc = select_open(app, REPO_STRICT, &o->filters, operands->items, operands->count, NULL, &v);
    }
    if (rc == 0) {
        rc = check_selectors(&v);
    }
    policy.selectors = v.selectors;
    policy.selector_count = v.count;
    if (rc == 0 && o->dry_run) {
        rc = forget_policy_plan(v.session.repo, &policy, &plan);
    } else if (rc == 0) {
        rc = forget_policy_publish(v.session.repo, &policy, &plan, &number);
    }
    if (rc == 0) {
        rc = prune_if_asked(app, o, v.session.repo, &storage, &pruned);
        forget_report(app, &policy.retention, &plan, repo_catalog(v.session.repo), o->dry_run,
                      number, pruned);
        finish_text(app, pruned, rc);
    }
    if (rc == 0 && !o->allow_empty) {
        rc = retention_refuse_empty(&plan);
    }
    retention_plan_release(&plan);
    select_close(&v);
    return rc;
}

static int run_named(struct app *app, const struct forget_values *o,
                     const struct option_operands *operands)
{
    struct prune_report storage = { 0 };
    const struct prune_report *pruned;
    struct points p;
    uint64_t number = 0;
    int rc = points_open(app, &o->filters, operands, TIMELINE_LIVE, &p);

    if (rc == 0 && !o->dry_run) {
        rc = forget_publish(p.view.session.repo, (const uint8_t(*)[16])p.ids, p.list.count,
                            &number);
    }
    if (rc == 0) {
        rc = prune_if_asked(app, o, p.view.session.repo, &storage, &pruned);
        points_report(app, &p, "forget", o->dry_run ? "would forget" : "forgot", number, pruned);
        finish_text(app, pruned, rc);
    }
    points_close(&p);
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct forget_values *o = values;
    int rc = is_policy(o) ? run_policy(app, o, operands) : run_named(app, o, operands);

    return rc != 0 ? err_add(rc, "could not forget") : 0;
}

#define ROW(member) offsetof(struct forget_values, member), NULL
#define KEEP(period) offsetof(struct forget_values, keep) + (period) * sizeof(const char *), NULL
#define WITHIN(period)                                                                             \
    offsetof(struct forget_values, within) + (period) * sizeof(struct option_ns), NULL

static const struct option options[] = {
    SELECT_FILTER_ROWS(struct forget_values, filters),
    { "keep-last", 0, OPTION_TEXT, "N", "keep the N newest (or \"unlimited\")",
      KEEP(RETENTION_EACH) },
    { "keep-hourly", 0, OPTION_TEXT, "N",
      "keep the newest of each of the last N hours that have any", KEEP(RETENTION_HOUR) },
    { "keep-daily", 0, OPTION_TEXT, "N", "the same by calendar days", KEEP(RETENTION_DAY) },
    { "keep-weekly", 0, OPTION_TEXT, "N", "the same by weeks, which begin on Mondays",
      KEEP(RETENTION_WEEK) },
    { "keep-monthly", 0, OPTION_TEXT, "N", "the same by calendar months", KEEP(RETENTION_MONTH) },
    { "keep-yearly", 0, OPTION_TEXT, "N", "the same by calendar years", KEEP(RETENTION_YEAR) },
    { "keep-within", 0, OPTION_DURATION, "DURATION",
      "keep all that are younger than this when the newest was made", WITHIN(RETENTION_EACH) },
    { "keep-within-hourly", 0, OPTION_DURATION, "DURATION",
      "of those younger than this the newest of each hour", WITHIN(RETENTION_HOUR) },
    { "keep-within-daily", 0, OPTION_DURATION, "DURATION", "the same by calendar days",
      WITHIN(RETENTION_DAY) },
    { "keep-within-weekly", 0, OPTION_DURATION, "DURATION", "the same by weeks",
      WITHIN(RETENTION_WEEK) },
    { "keep-within-monthly", 0, OPTION_DURATION, "DURATION", "the same by calendar months",
      WITHIN(RETENTION_MONTH) },
    { "keep-within-yearly", 0, OPTION_DURATION, "DURATION", "the same by calendar years",
      WITHIN(RETENTION_YEAR) },
    { "keep-tag", 0, OPTION_LIST, "T",
      "keep those with this tag (T,T: all of them); may be repeated", ROW(keep_tags) },
    { "group-by", 0, OPTION_TEXT, "WORDS",
      "what makes a group: any of host,job,paths,tags, or none (host,job,paths)", ROW(group_by) },
    { "allow-empty", 0, OPTION_FLAG, NULL, "let a group go of which the policy keeps nothing",
      ROW(allow_empty) },
    { "prune", 0, OPTION_FLAG, NULL,
      "then give the space back at once, as \"holdfast prune --grace 0\" does", ROW(prune) },
    { "dry-run", 'n', OPTION_FLAG, NULL, "only say what would be forgotten, and why",
      ROW(dry_run) },
    { .name = NULL },
};
static const char *const synopsis[] = {
    "SELECTOR... [--prune] [-n]",
    "--keep-last N [--keep-daily N]... [--group-by WORDS] [FILTER...] [--prune] [-n]",
    NULL,
};
static const char *const about[] = {
    "Forgets the snapshots that the SELECTORs mean; filters alone (tag:T, job:J) mean every match. "
    "Nothing is removed by that, and \"holdfast undelete\" brings them back. \"holdfast help "
    "snapshots\" explains SELECTORs.",
    "With any --keep option, forgets what these options do not keep. Snapshots are divided into "
    "groups by host, job and paths (--group-by), and each group is judged for itself; a snapshot "
    "that any option wants is kept. Hours, days and so on are those of local clocks. While there "
    "are fewer of them than an option would keep, it keeps the oldest snapshot as well. If another "
    "client commits or forgets meanwhile, all is computed again.",
    "A policy that would let a whole group go is refused, unless --allow-empty is given.",
    NULL,
};
static const struct command_text exits[] = {
    { "2", "also: a policy that keeps nothing, or nothing of some group; nothing was forgotten" },
    { "7", "a selector means no snapshot, or an id is not unique; nothing was forgotten" },
    { "8", "they may still be forgotten; running it again is safe" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast forget -n latest", "would it be the right one?" },
    { "holdfast forget latest", "one snapshot" },
    { "holdfast forget job:home", "all snapshots of a job" },
    { "holdfast forget -n --keep-last 3 --keep-daily 7 --keep-monthly 12",
      "what a policy would keep, and why" },
    { "holdfast forget --keep-within 2d --keep-tag release --job home", "thin out one job" },
    { "holdfast forget --keep-weekly unlimited --group-by host,job", "whatever the paths are" },
    { NULL, NULL },
};

const struct command cmd_forget = {
    .name = "forget",
    .group = COMMAND_CARE,
    .summary = "forget snapshots, by name or by a policy",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct forget_values),
    .operands_max = COMMAND_MANY,
    .run = run,
};
