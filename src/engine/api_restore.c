/*
 * api_restore.c - restoring for users of the library.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "engine/api_internal.h"
#include "engine/restore.h"
#include "engine/target_dir.h"

struct restore_call {
    struct holdfast *h;
    struct holdfast_restore_options options;
    struct exclude *include, *exclude;
    struct timeline *timeline;
    struct timeline_resolution point;
    bool found;
    struct target *target;
    struct restore_result result;
};

void api_restore_progress(const struct holdfast *h, const struct restore_progress *p)
{
    const struct holdfast_progress told = { .files = p->files,
                                            .bytes = p->bytes,
                                            .files_expected = p->files_expected,
                                            .bytes_expected = p->bytes_expected,
                                            .problems = p->errors,
                                            .path = p->path,
                                            .path_len = p->path_len };

    h->events.progress(h->events.context, &told);
}

static void on_progress(void *context, const struct restore_progress *p)
{
    api_restore_progress(((const struct restore_call *)context)->h, p);
}

static void on_error(void *context, const char *path, size_t path_len, int code,
                     const char *message)
{
    const struct restore_call *c = context;
    const struct holdfast_problem p = {
        .path = path, .path_len = path_len, .code = err_code_name(code), .message = message
    };

    api_problem(c->h, &p);
}

static void on_loss(void *context, const char *path, size_t path_len, const char *what,
                    const char *why)
{
    const struct restore_call *c = context;
    struct holdfast_problem p = { .path = path, .path_len = path_len, .code = "loss" };
    struct buf message;

    buf_init(&message);
    buf_printf(&message, "%s was not restored: %s", what, why);
    p.message = buf_text(&message);
    api_problem(c->h, &p);
    buf_release(&message);
}

static int check_options(const struct holdfast_restore_options *o)
{
    char real[PATH_MAX];

    if (o->target == NULL || o->target[0] == '\0') {
        return err_raise(HF_EUSAGE, "no target was named");
    }
    if (o->overwrite < HOLDFAST_IF_CHANGED || o->overwrite > HOLDFAST_NEVER) {
        return err_raise(HF_EUSAGE, "there is no such way to treat existing files");
    }
    if (o->delete_extras && realpath(o->target, real) != NULL && strcmp(real, "/") == 0) {
        return err_raise(HF_EUSAGE, "what is not in the snapshot is not removed from the whole "
                                    "system");
    }
    return 0;
}

static enum restore_overwrite overwrite_of(const struct holdfast_restore_options *o)
{
    return o->overwrite == HOLDFAST_ALWAYS  ? RESTORE_ALWAYS
           : o->overwrite == HOLDFAST_NEVER ? RESTORE_NEVER
                                            : RESTORE_IF_CHANGED;
}

static int find_all(struct restore_call *c)
{
    const struct holdfast_restore_options *o = &c->options;
    const struct target_dir_options t = { .path = o->target, .make = true };
    int rc = api_patterns(o->includes, o->include_count, &c->include);

    if (rc == 0) {
        rc = api_patterns(o->excludes, o->exclude_count, &c->exclude);
    }
    if (rc == 0) {
        rc = api_ready(c->h);
    }
    if (rc == 0) {
        rc = api_resolve(c->h, o->selector, &c->timeline, &c->point);
        c->found = rc == 0;
    }
    return rc != 0 ? rc : target_dir_new(&t, &c->target);
}

static int restore(struct restore_call *c)
{
    const struct holdfast_restore_options *o = &c->options;
    const struct restore_events events = { .context = c,
                                           .progress = c->h->events.progress != NULL ? on_progress
                                                                                     : NULL,
                                           .error = on_error,
                                           .loss = on_loss };
    const struct restore_options r = { .include = c->include,
                                       .exclude = c->exclude,
                                       .strip_components = o->strip_components,
                                       .overwrite = overwrite_of(o),
                                       .delete_extras = o->delete_extras,
                                       .verify = o->verify,
                                       .threads = c->h->threads,
                                       .cancel = &c->h->cancel };

    return restore_run(c->h->repo, c->point.found->snapshot, &r, c->target, &events, &c->result);
}

static void give_result(const struct restore_call *c, struct holdfast_restore_result *out)
{
    const struct restore_result *n = &c->result;
    struct holdfast_restore_result r = { .files = n->files,
                                         .dirs = n->dirs,
                                         .bytes_written = n->bytes_written,
                                         .bytes_verified = n->bytes_verified,
                                         .skipped = n->skipped,
                                         .deleted = n->deleted,
                                         .losses = n->losses,
                                         .errors = n->errors };

    if (c->found) {
        const struct catalog_snapshot *s = c->point.found->snapshot;

        text_hex(s->id, sizeof s->id, r.id);
        r.number = s->number;
        r.time_ns = s->commit.end_ns;
        r.by_time = c->point.by_time;
        r.asked_ns = c->point.by_time ? c->point.asked_ns : 0;
        r.next_ns = c->point.next != NULL ? c->point.next->snapshot->commit.end_ns : 0;
    }
    api_give(out, &r, sizeof r);
}

static int explain(const struct restore_call *c, int rc)
{
    if (rc == 0) {
        return 0;
    }
    return err_add(rc, rc == HF_EDAMAGE && c->found ? "could not restore everything"
                       : rc == HF_EPARTIAL          ? "could not restore everything as it was"
                                                    : "could not restore");
}

enum holdfast_status holdfast_restore(struct holdfast *h,
                                      const struct holdfast_restore_options *options,
                                      struct holdfast_restore_result *out_result)
{
    struct restore_call c = { .h = h };
    int rc = api_begin(h);

    if (rc != 0) {
        return HOLDFAST_USAGE;
    }
    rc = api_check_result(out_result, "struct holdfast_restore_result");
    if (rc == 0) {
        rc = api_take(&c.options, sizeof c.options, options, "struct holdfast_restore_options");
    }
    if (rc == 0) {
        rc = check_options(&c.options);
    }
    if (rc == 0) {
        rc = find_all(&c);
    }
    if (rc == 0) {
        rc = restore(&c);
    }
    rc = explain(&c, rc);
    give_result(&c, out_result);
    target_free(c.target);
    timeline_free(c.timeline);
    exclude_free(c.include);
    exclude_free(c.exclude);
    return api_end(h, rc);
}
