/*
 * cmd_restore.c - a snapshot becomes files again.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/losses.h"
#include "app/select.h"
#include "app/signals.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/restore.h"
#include "engine/target_dir.h"

struct restore_values {
    struct select_filters filters;
    const char *target;
    const char *at;
    struct option_list include;
    struct option_list exclude;
    const char *overwrite;
    bool delete;
    bool yes;
    struct option_number strip_components;
    bool verify;
    bool dry_run;
};

struct restore_job {
    struct app *app;
    const struct restore_values *values;
    struct select_view view;
    struct timeline_resolution resolution;
    bool begun; /* there will be a summary */
    struct exclude *include;
    struct exclude *exclude;
    char *stand_in; /* an empty folder for a dry run whose target does not exist */
    struct target *target;
    struct losses losses; /* for the summary; each one is told when it happens */
    struct restore_result result;
};

static const char *const overwrite_names[] = { "always", "if-changed", "never", NULL };

static void on_progress(void *context, const struct restore_progress *p)
{
    const struct restore_job *b = context;
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

static void on_error(void *context, const char *path, size_t path_len, int code,
                     const char *message)
{
    struct restore_job *b = context;

    losses_keep(&b->losses, path, path_len, "content", message);
    if (b->app->options.json) {
        app_event(b->app, "error", path, path_len, err_code_name(code), message);
    } else {
        app_warn(b->app, "%.*s: %s", (int)path_len, path, message);
    }
}

static void on_loss(void *context, const char *path, size_t path_len, const char *what,
                    const char *why)
{
    struct restore_job *b = context;
    struct buf message;

    losses_keep(&b->losses, path, path_len, what, why);
    buf_init(&message);
    buf_printf(&message, "%s was not restored: %s", what, why);
    if (b->app->options.json) {
        app_event(b->app, "warning", path, path_len, "loss", buf_text(&message));
    } else {
        app_warn(b->app, "%.*s: %s", (int)path_len, path, buf_text(&message));
    }
    buf_release(&message);
}

static void on_act(void *context, const char *path, size_t path_len, const char *act)
{
    const struct restore_job *b = context;
    struct json *j = &b->app->json;

    if (b->app->options.json) {
        json_object(j, NULL);
        json_text(j, "type", "act");
        json_name(j, "path", path, path_len);
        json_text(j, "act", act);
        json_end_object(j);
        return;
    }
    pthread_mutex_lock(&b->app->lock);
    progress_clear(b->app);
    out_flush(&b->app->err);
    out_printf(&b->app->out, "%-8s ", act);
    out_shown(&b->app->out, path, path_len);
    out_text(&b->app->out, "\n");
    pthread_mutex_unlock(&b->app->lock);
}

static int gather(const struct option_list *patterns, struct exclude **out)
{
    int rc = exclude_new(out);

    for (size_t i = 0; rc == 0 && i < patterns->count; i++) {
        rc = exclude_add(*out, patterns->items[i]);
    }
    return rc;
}

/* Deleting whatever is not in a snapshot from a whole system is not to happen by a slip. */
static int check_values(const struct restore_values *v)
{
    char real[PATH_MAX];

    if (v->target == NULL) {
        err_raise(HF_EUSAGE, "no target was named");
        err_hint("use --target DIR; \"-t /\" restores to where it came from");
        return HF_EUSAGE;
    }
    if (v->strip_components.value > UINT_MAX) {
        return err_raise(HF_EUSAGE, "--strip-components: the number is too large");
    }
    if (v->delete &&!v->yes && realpath(v->target, real) != NULL && strcmp(real, "/") == 0) {
        err_raise(HF_EUSAGE, "--delete with \"-t /\" removes what is not in the snapshot from the "
                             "whole system");
        err_hint("add --yes if that is meant");
        return HF_EUSAGE;
    }
    return 0;
}

/* An empty folder says the same of a dry run as one that does not exist. */
static int make_stand_in(struct restore_job *b)
{
    const char *tmp = getenv("TMPDIR");
    struct buf path;
    int rc;

    buf_init(&path);
    buf_printf(&path, "%s/holdfast-dry-run-XXXXXX", tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
    buf_put_u8(&path, 0);
    rc = buf_error(&path);
    if (rc == 0 && mkdtemp((char *)path.data) == NULL) {
        rc = err_os(errno, "could not make %s", (const char *)path.data);
    }
    if (rc == 0) {
        b->stand_in = (char *)buf_take(&path, NULL);
    }
    buf_release(&path);
    return rc;
}

static int open_target(struct restore_job *b)
{
    struct target_dir_options o = { .path = b->values->target, .make = !b->values->dry_run };
    int rc = target_dir_new(&o, &b->target);

    if (rc != HF_EABSENT || !b->values->dry_run) {
        return rc;
    }
    rc = make_stand_in(b);
    o.path = b->stand_in;
    return rc != 0 ? rc : target_dir_new(&o, &b->target);
}

static int restore(struct restore_job *b)
{
    const struct restore_values *v = b->values;
    const struct restore_events events = {
        .context = b,
        .progress = on_progress,
        .error = on_error,
        .loss = on_loss,
        .act = v->dry_run || b->app->options.verbose > 0 ? on_act : NULL,
    };
    struct restore_options o = {
        .include = b->include,
        .exclude = b->exclude,
        .strip_components = (unsigned)v->strip_components.value,
        .delete_extras = v->delete,
        .dry_run = v->dry_run,
        .verify = v->verify,
        .cancel = signals_flag(),
    };
    int rc;

    if (v->overwrite != NULL) {
        o.overwrite = strcmp(v->overwrite, "always") == 0  ? RESTORE_ALWAYS
                      : strcmp(v->overwrite, "never") == 0 ? RESTORE_NEVER
                                                           : RESTORE_IF_CHANGED;
    }
    progress_start(b->app);
    rc = restore_run(b->view.session.repo, b->resolution.found->snapshot, &o, b->target, &events,
                     &b->result);
    progress_stop(b->app);
    return signals_name(rc);
}

static int do_all(struct restore_job *b, const struct option_operands *operands)
{
    int rc = check_values(b->values);

    if (rc == 0) {
        rc = gather(&b->values->include, &b->include);
    }
    if (rc == 0) {
        rc = gather(&b->values->exclude, &b->exclude);
    }
    if (rc == 0) {
        rc = select_open(b->app, REPO_TOLERANT, &b->values->filters, operands->items,
                         operands->count, b->values->at, &b->view);
    }
    if (rc == 0) {
        rc = select_point(&b->view, 0, &b->resolution);
    }
    b->begun = rc == 0;
    if (rc == 0) {
        rc = open_target(b);
    }
    return rc != 0 ? rc : restore(b);
}

static void put_summary_json(const struct restore_job *b, int rc)
{
    const struct restore_result *r = &b->result;
    const uint64_t all = r->losses + r->errors;
    struct json *j = &b->app->json;

    json_document(j, "restore");
    json_text(j, "type", "summary");
    json_number(j, "exit", rc == 0 ? 0 : (uint64_t)err_exit_status(rc));
    json_hex(j, "snapshot_id", b->resolution.found->snapshot->id, 16);
    json_number(j, "number", b->resolution.found->snapshot->number);
    json_number(j, "files", r->files);
    json_number(j, "dirs", r->dirs);
    json_number(j, "others", r->others);
    json_number(j, "bytes_written", r->bytes_written);
    json_number(j, "bytes_verified", r->bytes_verified);
    json_number(j, "skipped", r->skipped);
    json_number(j, "deleted", r->deleted);
    losses_json(j, &b->losses, all);
    json_number(j, "errors", r->errors);
    json_seconds(j, "duration_seconds", r->duration_ns);
    if (r->first_byte_ns > 0) {
        json_seconds(j, "first_byte_seconds", r->first_byte_ns);
    } else {
        json_null(j, "first_byte_seconds");
    }
    select_put_resolved(j, &b->resolution, select_asked(&b->view, 0));
    json_end_object(j);
}

static void put_summary_text(const struct restore_job *b)
{
    const struct restore_result *r = &b->result;
    struct out *out = &b->app->out;
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES], z[TEXT_SIZE_BYTES];

    if (b->app->options.quiet) {
        return;
    }
    out_printf(out, "%s %s files and %s folders ",
               b->values->dry_run ? "would restore" : "restored", text_count(r->files, x),
               text_count(r->dirs, y));
    out_printf(out, "(%s) of snapshot #%" PRIu64 " to ", text_size(r->bytes_total, x),
               b->resolution.found->snapshot->number);
    out_shown(out, b->values->target, strlen(b->values->target));
    out_printf(out, "\n  %s written, %s files were right already, %s deleted",
               text_size(r->bytes_written, x), text_count(r->skipped, y),
               text_count(r->deleted, z));
    out_printf(out, ", in %s\n", text_duration(r->duration_ns, x));
    if (r->errors + r->losses > 0) {
        out_printf(out,
                   "  %" PRIu64 " errors (%" PRIu64 " of them damage), %" PRIu64
                   " losses of metadata; each is named above\n",
                   r->errors, r->damaged, r->losses);
    }
}

static void release(struct restore_job *b)
{
    losses_release(&b->losses);
    target_free(b->target);
    if (b->stand_in != NULL) {
        rmdir(b->stand_in);
    }
    mem_free(b->stand_in);
    exclude_free(b->include);
    exclude_free(b->exclude);
    select_close(&b->view);
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct restore_job b = { .app = app, .values = values };
    int rc = do_all(&b, operands);

    if (rc == HF_EDAMAGE && b.begun) {
        rc = err_add(rc, "could not restore everything");
    } else if (rc == HF_EPARTIAL) {
        rc = err_add(rc, "could not restore everything as it was");
    } else if (rc != 0) {
        rc = err_add(rc, "could not restore");
    }
    if (b.begun && app->options.json) {
        put_summary_json(&b, rc);
    } else if (b.begun && (rc == 0 || rc == HF_EDAMAGE || rc == HF_EPARTIAL)) {
        put_summary_text(&b);
    }
    release(&b);
    return rc;
}

#define ROW(field) offsetof(struct restore_values, field)
static const struct option options[] = {
    { "target", 't', OPTION_TEXT, "DIR", "restore below this folder, which is made if absent",
      ROW(target), NULL },
    { "at", 0, OPTION_TEXT, "TIME", "as it was at this moment: the newest point at or before it",
      ROW(at), NULL },
    SELECT_FILTER_ROWS(struct restore_values, filters),
    { "include", 0, OPTION_LIST, "P", "only what matches this path or pattern, and all below it",
      ROW(include), NULL },
    { "exclude", 'e', OPTION_LIST, "P", "not what matches this path or pattern", ROW(exclude),
      NULL },
    { "overwrite", 0, OPTION_CHOICE, "always|if-changed|never",
      "existing files: compare the content of each; only of those whose size or time differs (the "
      "default); leave them alone",
      ROW(overwrite), overwrite_names },
    { "delete", 0, OPTION_FLAG, NULL,
      "remove what is not in the snapshot from folders that are restored; with \"-t /\", --yes is "
      "needed",
      ROW(delete), NULL },
    { "yes", 0, OPTION_FLAG, NULL, "--delete with \"-t /\" is meant", ROW(yes), NULL },
    { "strip-components", 0, OPTION_NUMBER, "N", "leave out the first N folders of each path",
      ROW(strip_components), NULL },
    { "verify", 0, OPTION_FLAG, NULL, "read everything back and compare it", ROW(verify), NULL },
    { "dry-run", 'n', OPTION_FLAG, NULL, "only say what would be done", ROW(dry_run), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "[SELECTOR] --target DIR [--at TIME] [OPTION...]", NULL };
static const char *const about[] = {
    "Restores a snapshot, or a part of it, below a folder: /etc/hosts becomes DIR/etc/hosts. "
    "Without a SELECTOR or --at it is the latest. \"holdfast help snapshots\" explains SELECTORs.",
    "Every byte is checked against its content id before it is believed, and all is synced before "
    "success is reported. What is there already and right is not written again, so an interrupted "
    "restore is continued by running it again. Files beside those of the snapshot stay, unless "
    "--delete is given.",
    "Files that are lost to damage are named; all others are restored. Metadata that the system "
    "refuses (ownership, without root) is named as well, and the exit code is 3.",
    NULL,
};
static const struct command_text exits[] = {
    { "1", "it failed, or an --include matches nothing" },
    { "3", "restored, but some metadata or files could not be" },
    { "4", "content is damaged; all other files were restored" },
    { "7", "no such point: before the first one, in the future, or not unique" },
    { "28", "no space left" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast restore -t ~/restored", "the latest snapshot" },
    { "holdfast restore --at now -t ~/restored --verify", "as of a moment, and read back" },
    { "holdfast restore job:default,latest~1 -t ~/before --include ~/documents",
      "a folder of the one before the latest" },
    { "holdfast restore -t / --dry-run", "what would change if it were put back in place" },
    { NULL, NULL },
};

const struct command cmd_restore = {
    .name = "restore",
    .group = COMMAND_EVERYDAY,
    .summary = "restore files as of a snapshot or a moment",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct restore_values),
    .operands_max = 1,
    .run = run,
};
