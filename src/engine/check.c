/*
 * check.c - the order of a check, and how it tells what it finds. See check.h.
 */
#include "engine/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/check_internal.h"

void check_report_loss(struct check *c, const char *kind, const char *object, const char *message,
                       const uint8_t snapshot[16], const char *path, size_t path_len)
{
    struct check_damage d = { .kind = kind,
                              .object = object,
                              .message = message ? message : err_last()->text,
                              .snapshot = snapshot,
                              .path = path,
                              .path_len = path_len };

    c->result->damage++;
    if (c->events && c->events->damage) {
        c->events->damage(c->events->context, &d);
    }
    err_clear();
}

void check_report(struct check *c, const char *kind, const char *object, const char *message)
{
    check_report_loss(c, kind, object, message, NULL, NULL, 0);
}

void check_note(struct check *c, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (c->events && c->events->note) {
        c->events->note(c->events->context, text);
    }
}

int check_tick(struct check *c)
{
    if (c->events && c->events->progress) {
        c->events->progress(c->events->context, &c->progress);
    }
    if (c->options->cancel && *c->options->cancel) {
        return err_raise(HF_EINTERRUPTED, "the check was interrupted");
    }
    return 0;
}

bool check_was_pruned(struct check *c, const uint8_t uuid[16])
{
    struct err_trail kept;
    bool pruned;

    err_take(&kept);
    pruned = !repo_damage(c->repo) && repo_refresh(c->repo) == 0 &&
             catalog_condemned(repo_catalog(c->repo), uuid);
    err_give(&kept);
    return pruned;
}

/* Only what the fresh catalogue says is live is counted as a home. */
static bool segment_counts(void *context, uint32_t segment)
{
    const struct check *c = context;
    const struct catalog_segment *s = catalog_segment(c->catalog, segment);

    return s && s->condemned_by == 0;
}

static int run_parts(struct check *c)
{
    const struct err_trail *damage = repo_damage(c->repo);
    uint64_t before;
    int rc = check_keys(c);

    before = c->result->damage;
    if (rc == 0) {
        rc = check_journal(c);
    }
    /* What opening found is found again, unless it is about what this client remembers. */
    if (rc == 0 && damage && c->result->damage == before) {
        check_report(c, "journal", c->fs->label, damage->text);
    }
    if (rc == 0) {
        rc = check_segments(c);
    }
    if (rc == 0) {
        rc = check_reach(c);
    }
    return rc;
}

int check_run(struct repo *r, const struct check_options *options,
              const struct check_events *events, struct check_result *out_result)
{
    const struct repo_env *env = repo_env(r);
    struct check c = {
        .repo = r, .fs = env->fs, .options = options, .events = events, .result = out_result
    };
    size_t threads = options->threads ? options->threads : pool_cores();
    int64_t began = clock_monotonic(env->clock);
    int rc;

    memset(out_result, 0, sizeof *out_result);
    rc = pool_new(threads - 1, &c.pool);
    if (rc == 0) {
        rc = catalog_new(repo_keys(r), repo_id(r), &c.catalog);
    }
    if (rc == 0) {
        rc = index_new(NULL, env->rnd, segment_counts, &c, &c.index);
    }
    if (rc == 0) {
        rc = run_parts(&c);
    }
    index_free(c.index);
    catalog_free(c.catalog);
    pool_free(c.pool);
    out_result->duration_ns = clock_monotonic(env->clock) - began;
    if (rc == 0 && out_result->damage > 0) {
        rc = err_raise(HF_EDAMAGE, "the repository %s is damaged", env->fs->label);
        err_hint("each damage is named above; keep the repository as it is, and see `holdfast help "
                 "check` for what can be done");
    }
    return rc;
}
