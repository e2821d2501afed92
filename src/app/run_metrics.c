/*
 * run_metrics.c - see run_metrics.h. A job's name has no character that a label would have to
 * escape (config.h).
 */
#include "app/run_metrics.h"

#include <inttypes.h>

#include "app/newfile.h"

#define FILE_MODE 0644 /* the collector is another user */

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
    if (f->memory->success_ns != 0) {
        put_seconds(b, "last_success_timestamp_seconds", "When the job last did all it should.",
                    f->job, f->memory->success_ns);
    }
    if (f->stale_after_ns != 0) {
        put_seconds(b, "stale_after_seconds", "How old the last success may grow.", f->job,
                    f->stale_after_ns);
    }
    if (f->memory->check.ns != 0) {
        put_seconds(b, "last_check_timestamp_seconds", "When a check of the job last ended.",
                    f->job, f->memory->check.ns);
        put_number(b, "last_check_exit_code", "How it ended: 0 if nothing was wrong.", f->job,
                   (uint64_t)f->memory->check.exit);
    }
    if (f->memory->drill.ns != 0) {
        put_seconds(b, "last_drill_timestamp_seconds", "When a drill of the job last ended.",
                    f->job, f->memory->drill.ns);
        put_number(b, "last_drill_exit_code", "How it ended: 0 if it passed.", f->job,
                   (uint64_t)f->memory->drill.exit);
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
        rc = newfile_put(path, FILE_MODE, &text);
    }
    buf_release(&text);
    return rc != 0 ? err_add(rc, "could not write the metrics") : 0;
}
