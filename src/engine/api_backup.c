/*
 * api_backup.c - backups for users of the library.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/api_internal.h"
#include "engine/backup.h"
#include "engine/source_dir.h"

struct backup_call {
    struct holdfast *h;
    struct holdfast_backup_options options;
    char **roots; /* as many as options.path_count */
    struct exclude *exclude;
    struct source *source;
    enum commit_class class;
    struct api_self self;
    struct backup_result result;
};

static void on_progress(void *context, const struct backup_progress *p)
{
    const struct holdfast *h = ((const struct backup_call *)context)->h;
    const struct holdfast_progress told = { .files = p->files,
                                            .bytes = p->bytes,
                                            .files_expected = p->files_expected,
                                            .bytes_expected = p->bytes_expected,
                                            .problems = p->errors,
                                            .path = p->path,
                                            .path_len = p->path_len };

    h->events.progress(h->events.context, &told);
}

static void on_warning(void *context, const char *path, size_t path_len, int code,
                       const char *message)
{
    const struct backup_call *c = context;
    const struct holdfast_problem p = {
        .path = path, .path_len = path_len, .code = err_code_name(code), .message = message
    };

    api_problem(c->h, &p);
}

static int check_name(const char *name, const char *what)
{
    if (name != NULL && (name[0] == '\0' || strchr(name, ',') != NULL)) {
        return err_raise(HF_EUSAGE, "the name of a %s is not empty and has no comma in it", what);
    }
    return 0;
}

static int check_options(struct backup_call *c)
{
    const struct holdfast_backup_options *o = &c->options;
    int rc = check_name(o->job, "job");

    if (rc == 0) {
        rc = check_name(o->host, "host");
    }
    for (size_t i = 0; rc == 0 && i < o->tag_count; i++) {
        rc = check_name(o->tags[i], "tag");
    }
    if (rc == 0 && o->path_count == 0) {
        rc = err_raise(HF_EUSAGE, "no path was given");
    }
    if (rc == 0 && o->path_count > COMMIT_MAX_LIST) {
        rc = err_raise(HF_ELIMIT, "there are more than %u paths", COMMIT_MAX_LIST);
    }
    if (o->consistency != NULL) {
        for (c->class = COMMIT_APP; c->class != COMMIT_FUZZY; c->class --) {
            if (strcmp(o->consistency, commit_class_name(c->class)) == 0) {
                return rc;
            }
        }
        if (strcmp(o->consistency, commit_class_name(COMMIT_FUZZY)) != 0) {
            rc = err_raise(HF_EUSAGE, "\"%s\" is no class of consistency", o->consistency);
        }
    }
    return rc;
}

static int open_source(struct backup_call *c)
{
    const struct holdfast_backup_options *o = &c->options;
    char *never[] = { c->h->path, c->h->cache_root };
    struct source_dir_options s = { .root_count = o->path_count,
                                    .one_file_system = o->one_file_system,
                                    .exclude_caches = o->exclude_caches,
                                    .never = never,
                                    .never_count = never[1] == NULL ? 1 : 2 };
    int rc = api_patterns(o->excludes, o->exclude_count, &c->exclude);

    c->roots = mem_array(o->path_count, sizeof *c->roots);
    if (c->roots == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; rc == 0 && i < o->path_count; i++) {
        rc = source_dir_clean(o->paths[i], &c->roots[i]);
    }
    s.roots = c->roots;
    s.exclude = c->exclude;
    return rc != 0 ? rc : source_dir_new(&s, &c->source);
}

/* The engine's lists are of texts that it does not change either. */
static char *const *as_list(const char *const *texts)
{
    return (char *const *)(uintptr_t)texts;
}

static int back_up(struct backup_call *c)
{
    const struct holdfast_backup_options *o = &c->options;
    const struct backup_events events = { c, c->h->events.progress != NULL ? on_progress : NULL,
                                          on_warning };
    const struct backup_options b = { .job = o->job,
                                      .host = o->host != NULL ? o->host : c->self.host,
                                      .user = c->self.user,
                                      .paths = c->roots,
                                      .path_count = o->path_count,
                                      .tags = as_list(o->tags),
                                      .tag_count = o->tag_count,
                                      .force = o->force,
                                      .skip_if_unchanged = o->skip_if_unchanged,
                                      .class = c->class,
                                      .class_asserted = c->class != COMMIT_FUZZY,
                                      .threads = c->h->threads,
                                      .tool = API_TOOL,
                                      .cancel = &c->h->cancel };

    return backup_run(c->h->repo, &b, c->source, &events, &c->result);
}

static int explain(const struct backup_call *c, int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case HF_EUNKNOWN:
        return err_add(rc, "could not tell whether the snapshot was published");
    case HF_EPARTIAL:
        return err_add(rc, "could not back up everything");
    default:
        return err_add(rc, c->result.published ? "could not do all that was asked for, though "
                                                 "the snapshot was published"
                                               : "could not back up");
    }
}

static void give_result(const struct backup_call *c, int rc, struct holdfast_backup_result *out)
{
    const struct commit_counts *n = &c->result.counts;
    struct holdfast_backup_result r = { .published = c->result.published,
                                        .unchanged = c->result.unchanged,
                                        .number = c->result.number,
                                        .files = n->files,
                                        .files_new = n->files_new,
                                        .files_changed = n->files_changed,
                                        .files_unmodified = n->files_unmodified,
                                        .dirs = n->dirs,
                                        .bytes = n->bytes,
                                        .bytes_stored = n->bytes_stored,
                                        .errors = n->errors,
                                        .unstable = n->unstable };

    if (r.published || rc == HF_EUNKNOWN) {
        text_hex(c->result.id, sizeof c->result.id, r.id);
        r.time_ns = c->result.time_ns;
    }
    api_give(out, &r, sizeof r);
}

static void release(struct backup_call *c)
{
    source_free(c->source);
    exclude_free(c->exclude);
    for (size_t i = 0; c->roots != NULL && i < c->options.path_count; i++) {
        mem_free(c->roots[i]);
    }
    mem_free(c->roots);
}

enum holdfast_status holdfast_backup(struct holdfast *h,
                                     const struct holdfast_backup_options *options,
                                     struct holdfast_backup_result *out_result)
{
    struct backup_call c = { .h = h };
    int rc = api_begin(h);

    if (rc != 0) {
        return HOLDFAST_USAGE;
    }
    rc = api_check_result(out_result, "struct holdfast_backup_result");
    if (rc == 0) {
        rc = api_take(&c.options, sizeof c.options, options, "struct holdfast_backup_options");
    }
    if (rc == 0) {
        rc = check_options(&c);
    }
    if (rc == 0) {
        rc = api_find_self(&c.self);
    }
    if (rc == 0) {
        rc = api_ready(h);
    }
    if (rc == 0) {
        rc = open_source(&c);
    }
    if (rc == 0) {
        rc = back_up(&c);
    }
    rc = explain(&c, rc);
    give_result(&c, rc, out_result);
    release(&c);
    return api_end(h, rc);
}
