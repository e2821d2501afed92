/*
 * run_metrics.c - see run_metrics.h. A job's name has no character that a label would have to
 * escape (config.h).
 */
#include "app/run_metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "app/newfile.h"
#include "app/slurp.h"
#include "base/text.h"

#define REMEMBERED_MAX 64u
#define FILE_MODE 0644 /* the collector is another user */

static int write_whole(const char *path, const struct buf *text, mode_t mode)
{
    struct newfile f;
    int rc = newfile_begin(path, &f);

    if (rc == 0 && f.temp != NULL && fchmod(f.fd, mode) != 0) {
        rc = err_os(errno, "could not write %s", path);
    }
    if (rc == 0) {
        rc = newfile_write(&f, text->data, text->len);
    }
    if (rc == 0) {
        rc = newfile_commit(&f);
    }
    newfile_abort(&f);
    return rc;
}

static void name_memory(struct buf *path, const char *folder, const char *job)
{
    buf_init(path);
    buf_printf(path, "%s/job-%s.last", folder, job);
}

void run_metrics_recall(const char *folder, const char *job, int64_t *out_ns)
{
    struct buf path, text;
    uint64_t ns = 0;

    *out_ns = 0;
    name_memory(&path, folder, job);
    buf_init(&text);
    if (buf_error(&path) == 0 && slurp_file(buf_text(&path), REMEMBERED_MAX, &text) == 0 &&
        text.len > 0 && text.data[text.len - 1] == '\n') {
        text.data[text.len - 1] = '\0';
        if (text_parse_u64((const char *)text.data, INT64_MAX, &ns) == 0) {
            *out_ns = (int64_t)ns;
        }
    }
    err_clear();
    buf_release(&text);
    buf_release(&path);
}

int run_metrics_remember(const char *folder, const char *job, int64_t ns)
{
    struct buf path, text;
    int rc;

    name_memory(&path, folder, job);
    buf_init(&text);
    buf_printf(&text, "%" PRId64 "\n", ns);
    rc = buf_error(&path);
    if (rc == 0) {
        rc = buf_error(&text);
    }
    if (rc == 0) {
        rc = write_whole(buf_text(&path), &text, 0600);
    }
    buf_release(&text);
    buf_release(&path);
    return rc;
}

static void put_head(struct buf *b, const char *name, const char *help)
{
    buf_printf(b, "# HELP holdfast_%s %s\n# TYPE holdfast_%s gauge\n", name, help, name);
}

static void put_number(struct buf *b, const char *name, const char *help, const char *job,
                       uint64_t value)
{
    put_head(b, name, help);
    buf_printf(b, "holdfast_%s{job=\"%s\"} %" PRIu64 "\n", name, job, value);
}

static void put_ns(struct buf *b, int64_t ns)
{
    int64_t ms = ns < 0 ? 0 : ns / 1000000;

    buf_printf(b, "%" PRId64 ".%03d\n", ms / 1000, (int)(ms % 1000));
}

static void put_seconds(struct buf *b, const char *name, const char *help, const char *job,
                        int64_t ns)
{
    put_head(b, name, help);
    buf_printf(b, "holdfast_%s{job=\"%s\"} ", name, job);
    put_ns(b, ns);
}

static void put_steps(struct buf *b, const struct run_facts *f)
{
    put_head(b, "last_run_step_exit_code", "How each step of the last run ended.");
    for (int i = 0; i < RUN_STEPS; i++) {
        if (f->steps[i].state == RUN_DONE) {
            buf_printf(b, "holdfast_last_run_step_exit_code{job=\"%s\",step=\"%s\"} %d\n", f->job,
                       run_step_name((enum run_step_id)i),
                       f->steps[i].code == 0 ? 0 : err_exit_status(f->steps[i].code));
        }
    }
    put_head(b, "last_run_step_duration_seconds", "How long each step of the last run took.");
    for (int i = 0; i < RUN_STEPS; i++) {
        if (f->steps[i].state == RUN_DONE) {
            buf_printf(b, "holdfast_last_run_step_duration_seconds{job=\"%s\",step=\"%s\"} ",
                       f->job, run_step_name((enum run_step_id)i));
            put_ns(b, f->steps[i].duration_ns);
        }
    }
}

static void put_all(struct buf *b, const struct run_facts *f)
{
    put_seconds(b, "last_run_timestamp_seconds", "When the job last ended.", f->job, f->end_ns);
    put_number(b, "last_run_exit_code", "How it ended: 0 if all was done.", f->job,
               f->code == 0 ? 0 : (uint64_t)err_exit_status(f->code));
    put_seconds(b, "last_run_duration_seconds", "How long it took.", f->job, f->duration_ns);
    if (f->success_ns != 0) {
        put_seconds(b, "last_success_timestamp_seconds", "When the job last did all it should.",
                    f->job, f->success_ns);
    }
    if (f->stale_after_ns != 0) {
        put_seconds(b, "stale_after_seconds", "How old the last success may grow.", f->job,
                    f->stale_after_ns);
    }
    if (f->made->any) {
        put_number(b, "last_backup_files", "Files in the snapshot of the last run.", f->job,
                   f->made->files);
        put_number(b, "last_backup_size_bytes", "Bytes in them.", f->job, f->made->bytes);
        put_number(b, "last_backup_stored_bytes", "Bytes that were stored for it.", f->job,
                   f->made->bytes_stored);
    }
    put_steps(b, f);
}

int run_metrics_write(const char *path, const struct run_facts *facts)
{
    struct buf text;
    int rc;

    buf_init(&text);
    put_all(&text, facts);
    rc = buf_error(&text);
    if (rc == 0) {
        rc = write_whole(path, &text, FILE_MODE);
    }
    buf_release(&text);
    return rc != 0 ? err_add(rc, "could not write the metrics") : 0;
}
