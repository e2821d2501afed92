/*
 * archive_out.c - see archive_out.h.
 */
#include "app/archive_out.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "app/losses.h"
#include "app/newfile.h"
#include "app/signals.h"
#include "base/err.h"
#include "base/text.h"
#include "engine/archive_export.h"

#define LOSSES_TOLD 1000u /* to people, one by one */

struct job {
    struct app *app;
    const struct archive_out_request *request;
    const struct timeline_resolution *found;
    struct newfile file;
    bool to_file;
    bool deserted; /* the reader of our pipe has gone: there is nobody to be told anything */
    struct losses losses;
    struct archive_export_result result;
};

static int write_out(void *context, const void *data, size_t len)
{
    struct job *b = context;

    if (b->to_file) {
        return newfile_write(&b->file, data, len);
    }
    out_put(&b->app->out, data, len);
    if (!out_gone(&b->app->out)) {
        return 0;
    }
    b->deserted = b->app->out.deserted;
    return b->deserted ? err_raise(HF_EFAIL, "nobody reads it any more")
                       : out_finish(&b->app->out, "the archive");
}

static void on_progress(void *context, const struct archive_export_progress *p)
{
    const struct job *b = context;
    const struct progress_state s = {
        .files = p->files,
        .bytes = p->bytes,
        .files_expected = p->files_expected,
        .bytes_expected = p->bytes_expected,
        .errors = p->losses,
        .path = p->path,
        .path_len = p->path_len,
    };

    progress_update(b->app, &s);
}

static void on_loss(void *context, const char *path, size_t path_len, const char *what,
                    const char *why)
{
    struct job *b = context;

    if (b->app->options.json) {
        losses_keep(&b->losses, path, path_len, what, why);
    } else if (b->result.losses <= LOSSES_TOLD) {
        app_warn(b->app, "%.*s: %s is not in the archive: %s", (int)path_len, path, what, why);
    }
}

/* Standard output is the archive's, if that does not go to a file. */
static void put_document(struct job *b, int rc)
{
    const struct archive_export_result *r = &b->result;
    struct json on_err;
    struct json *j = &b->app->json;

    if (!b->to_file) {
        json_init(&on_err, &b->app->err);
        j = &on_err;
    }
    pthread_mutex_lock(&b->app->lock);
    json_document(j, b->request->document);
    json_number(j, "exit", rc == 0 ? 0 : (uint64_t)err_exit_status(rc));
    json_hex(j, "snapshot_id", b->found->found->snapshot->id, 16);
    json_number(j, "number", b->found->found->snapshot->number);
    json_name(j, "path", b->request->path, strlen(b->request->path));
    json_text(j, "format", b->request->format);
    json_number(j, "files", r->files);
    json_number(j, "dirs", r->dirs);
    json_number(j, "others", r->others);
    json_number(j, "links", r->links);
    json_number(j, "bytes", r->bytes);
    json_number(j, "bytes_written", r->written);
    json_number(j, "rounded", r->rounded);
    losses_json(j, &b->losses, b->result.losses);
    json_seconds(j, "duration_seconds", r->duration_ns);
    json_end_object(j);
    pthread_mutex_unlock(&b->app->lock);
}

static void put_summary(struct job *b)
{
    const struct archive_export_result *r = &b->result;
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES], z[TEXT_SIZE_BYTES];

    app_note(b->app, "exported %s files and %s folders (%s) of snapshot #%" PRIu64 " as %s",
             text_count(r->files, x), text_count(r->dirs, y), text_size(r->bytes, z),
             b->found->found->snapshot->number, b->request->format);
    if (r->losses > LOSSES_TOLD) {
        app_warn(b->app, "%" PRIu64 " more losses are not listed; --json lists %u",
                 r->losses - LOSSES_TOLD, LOSSES_LISTED);
    }
}

static int open_output(struct job *b)
{
    const char *file = b->request->file;

    if (file != NULL && strcmp(file, "-") != 0) {
        b->to_file = true;
        return newfile_begin(file, &b->file);
    }
    if (isatty(STDOUT_FILENO)) {
        err_raise(HF_EUSAGE, "an archive is nothing to be shown on a terminal");
        return err_hint("send it to a file or through a pipe");
    }
    return 0;
}

/* An archive with losses is whole as an archive; anything worse must not look like one. */
static int finish(struct job *b, int rc)
{
    struct err_trail why;
    int committed;

    if (b->deserted) {
        err_clear();
        return 0;
    }
    if (!b->to_file || (rc != 0 && rc != HF_EPARTIAL)) {
        return rc;
    }
    err_take(&why);
    committed = newfile_commit(&b->file);
    if (committed != 0) {
        return committed;
    }
    err_give(&why);
    return rc;
}

static int write_archive(struct job *b, struct repo *repo)
{
    const struct archive_export_options options = {
        .format = archive_lib_format(b->request->format),
        .path = b->request->path,
        .write = write_out,
        .write_context = b,
        .cancel = signals_flag(),
    };
    const struct archive_export_events events = {
        .context = b,
        .progress = b->app->options.json ? NULL : on_progress,
        .loss = on_loss,
    };
    int rc;

    if (!b->app->options.json) { /* a document, not lines */
        progress_start(b->app);
    }
    rc = signals_name(
        archive_export_run(repo, b->found->found->snapshot, &options, &events, &b->result));
    if (!b->app->options.json) {
        progress_stop(b->app);
    }
    return finish(b, rc);
}

int archive_out_run(struct app *app, struct repo *repo, const struct timeline_resolution *found,
                    const struct archive_out_request *request)
{
    struct job b = { .app = app, .request = request, .found = found, .file = { .fd = -1 } };
    int rc = open_output(&b);
    bool begun = rc == 0;

    if (begun) {
        rc = write_archive(&b, repo);
    }
    if (begun && app->options.json) {
        put_document(&b, rc);
    } else if (rc == 0 || rc == HF_EPARTIAL) {
        put_summary(&b);
    }
    if (b.to_file) {
        newfile_abort(&b.file);
    }
    losses_release(&b.losses);
    return rc;
}
