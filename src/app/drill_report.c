/*
 * drill_report.c - see drill_report.h.
 */
#include "app/drill_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/report.h"
#include "app/slurp.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define DOCUMENT_MAX (64u << 20)
#define OUTPUT_SHOWN 2000u /* of a probe's output on a terminal, the last bytes */

static const char *const unmeasured = "not measured";

static const char *duration(int64_t ns, char out[TEXT_SIZE_BYTES])
{
    return ns == DRILL_UNKNOWN_NS ? unmeasured : text_duration(ns, out);
}

static const char *word_of(const struct drill_result *r)
{
    return !r->finished ? "not finished" : r->passed ? "passed" : "FAILED";
}

/* What drills of several points, or of none, are of is told elsewhere. */
static void put_point(struct buf *b, const struct drill_result *r)
{
    char id[33];

    if (r->number != 0) {
        buf_printf(b, "#%" PRIu64 " %.8s", r->number, text_hex(r->snapshot, 16, id));
    }
    if (r->job != NULL) {
        buf_printf(b, "%sjob %s", b->len > 0 ? ", " : "", r->job);
    }
    if (r->points > 0) {
        buf_printf(b, "%s%" PRIu64 " moments", b->len > 0 ? ", " : "", r->points);
    }
}

/* ---- for people ---- */

static void put_probe(struct out *out, const struct drill_result *r)
{
    size_t skip = r->probe_output_len > OUTPUT_SHOWN ? r->probe_output_len - OUTPUT_SHOWN : 0;
    const char *at = r->probe_output, *end;

    if (at == NULL || r->passed || r->probe_output_len == 0) {
        return;
    }
    out_printf(out, "  the probe said%s:\n", skip > 0 ? " at last" : "");
    for (at += skip; at < r->probe_output + r->probe_output_len; at = end + 1) {
        end = memchr(at, '\n', (size_t)(r->probe_output + r->probe_output_len - at));
        end = end != NULL ? end : r->probe_output + r->probe_output_len;
        out_text(out, "    ");
        out_shown(out, at, (size_t)(end - at));
        out_text(out, "\n");
    }
}

static void put_counts(struct out *out, const struct drill_result *r)
{
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES];

    out_printf(out, "  %s files (%s) restored and right", text_count(r->files, x),
               text_size(r->bytes, y));
    out_printf(out, ", %s mismatches", text_count(r->mismatch_total, x));
    if (r->drift > 0) {
        out_printf(out, ", %s changed since the backup", text_count(r->drift, x));
    }
    if (r->losses > 0) {
        out_printf(out, ", %s attributes that the scratch folder refuses",
                   text_count(r->losses, x));
    }
    out_text(out, "\n");
}

static void put_faults(struct out *out, const struct drill_result *r)
{
    for (size_t i = 0; i < r->fault_count; i++) {
        const struct drill_fault *f = &r->faults[i];
        const char *text = f->passed ? f->expected : f->observed;

        out_printf(out, "  %-4s  %s: ", f->passed ? "ok" : "FAIL", f->fault);
        out_shown(out, text, strlen(text));
        out_text(out, "\n");
    }
}

static void put_times(struct out *out, const struct drill_result *r)
{
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES], z[TEXT_SIZE_BYTES];

    if (r->rto.total_ns != DRILL_UNKNOWN_NS) {
        out_printf(out, "  time to recover: %s (open %s, restore %s", duration(r->rto.total_ns, x),
                   duration(r->rto.open_ns, y), duration(r->rto.restore_ns, z));
        out_printf(out, ", verify %s", duration(r->rto.verify_ns, x));
        if (r->rto.probe_ns != DRILL_UNKNOWN_NS) {
            out_printf(out, ", probe %s", duration(r->rto.probe_ns, x));
        }
        out_text(out, ")\n");
    }
    if (r->rto.first_byte_ns != DRILL_UNKNOWN_NS) {
        out_printf(out, "  first byte after %s, first file after %s\n",
                   duration(r->rto.first_byte_ns, x), duration(r->rto.first_file_ns, y));
    }
    if (r->rpo.newest_age_ns != DRILL_UNKNOWN_NS) {
        out_printf(out, "  newest point: %s ago", text_duration(r->rpo.newest_age_ns, x));
        if (r->rpo.largest_gap_ns != DRILL_UNKNOWN_NS) {
            out_printf(out, "; longest time between two: %s",
                       text_duration(r->rpo.largest_gap_ns, y));
        }
        out_text(out, "\n");
    }
}

void drill_report_text(struct app *app, const struct drill_report *d)
{
    const struct drill_result *r = d->result;
    struct out *out = &app->out;
    struct buf point;
    char id[33];

    if (app->options.quiet) {
        return;
    }
    buf_init(&point);
    put_point(&point, r);
    out_printf(out, "drill %s: %s", d->kind->name, word_of(r));
    out_text(out, point.len > 0 ? ", " : "");
    out_shown(out, buf_text(&point), point.len);
    out_printf(out, " (seed %" PRIu64 ")\n", d->seed);
    buf_release(&point);
    if (r->fault_count == 0 || r->mismatch_total > 0) {
        put_counts(out, r);
    }
    put_faults(out, r);
    put_times(out, r);
    put_probe(out, r);
    if (r->published) {
        out_printf(out, "  evidence: entry %" PRIu64 ", %.8s\n", r->evidence_number,
                   text_hex(r->evidence, 16, id));
    }
    if (r->kept != NULL) {
        out_text(out, "  kept in ");
        out_shown(out, r->kept, strlen(r->kept));
        out_text(out, "\n");
    }
}

/* ---- for scripts ---- */

void drill_report_seconds(struct json *j, const char *key, int64_t ns)
{
    if (ns == DRILL_UNKNOWN_NS) {
        json_null(j, key);
    } else {
        json_seconds(j, key, ns);
    }
}

static void json_times(struct json *j, const struct drill_result *r)
{
    json_object(j, "rto");
    drill_report_seconds(j, "open", r->rto.open_ns);
    drill_report_seconds(j, "first_byte", r->rto.first_byte_ns);
    drill_report_seconds(j, "first_file", r->rto.first_file_ns);
    drill_report_seconds(j, "restore", r->rto.restore_ns);
    drill_report_seconds(j, "verify", r->rto.verify_ns);
    drill_report_seconds(j, "probe", r->rto.probe_ns);
    drill_report_seconds(j, "total", r->rto.total_ns);
    json_end_object(j);
    json_object(j, "rpo");
    drill_report_seconds(j, "newest_age_seconds", r->rpo.newest_age_ns);
    drill_report_seconds(j, "largest_gap_seconds", r->rpo.largest_gap_ns);
    json_end_object(j);
    json_bool(j, "clock_flag", r->clock_flag);
}

static void json_findings(struct json *j, const struct drill_result *r)
{
    json_array(j, "mismatches");
    for (size_t i = 0; i < r->mismatch_count; i++) {
        json_object(j, NULL);
        json_name(j, "object", r->mismatches[i].object, r->mismatches[i].object_len);
        json_text(j, "why", r->mismatches[i].why);
        json_end_object(j);
    }
    json_end_array(j);
    json_number(j, "mismatches_omitted", r->mismatch_total - r->mismatch_count);
    json_array(j, "faults");
    for (size_t i = 0; i < r->fault_count; i++) {
        json_object(j, NULL);
        json_text(j, "fault", r->faults[i].fault);
        json_text(j, "expected", r->faults[i].expected);
        json_text(j, "observed", r->faults[i].observed);
        json_bool(j, "passed", r->faults[i].passed);
        json_end_object(j);
    }
    json_end_array(j);
}

static void json_probe(struct json *j, const struct drill_report *d)
{
    const struct drill_result *r = d->result;

    if (d->probe == NULL) {
        json_null(j, "probe");
        return;
    }
    json_object(j, "probe");
    json_text(j, "command", d->probe);
    if (r->probe_status >= 0) {
        json_number(j, "status", (uint64_t)r->probe_status);
    } else {
        json_null(j, "status");
    }
    if (r->probe_output != NULL) {
        json_name(j, "output", r->probe_output, r->probe_output_len);
    } else {
        json_null(j, "output");
    }
    json_end_object(j);
}

static void json_evidence(struct json *j, const struct drill_result *r)
{
    if (r->published) {
        json_number(j, "evidence", r->evidence_number);
        json_hex(j, "evidence_id", r->evidence, sizeof r->evidence);
    } else {
        json_null(j, "evidence");
        json_null(j, "evidence_id");
    }
    json_text(j, "unpublished", r->unpublished.code != 0 ? r->unpublished.text : NULL);
}

void drill_report_json(struct json *j, const struct drill_report *d)
{
    const struct drill_result *r = d->result;

    json_document(j, "drill");
    json_text(j, "type", "summary");
    json_number(j, "exit", d->code == 0 ? 0 : (uint64_t)err_exit_status(d->code));
    json_text(j, "kind", d->kind->name);
    if (r->finished) {
        json_bool(j, "passed", r->passed);
    } else {
        json_null(j, "passed");
    }
    json_number(j, "seed", d->seed);
    if (r->number != 0) {
        json_hex(j, "snapshot_id", r->snapshot, sizeof r->snapshot);
        json_number(j, "number", r->number);
    } else {
        json_null(j, "snapshot_id");
        json_null(j, "number");
    }
    json_text(j, "job", r->job);
    json_times(j, r);
    json_number(j, "files", r->files);
    json_number(j, "bytes", r->bytes);
    json_number(j, "moments", r->points);
    json_number(j, "drift", r->drift);
    json_number(j, "losses", r->losses);
    json_findings(j, r);
    json_probe(j, d);
    json_text(j, "kept", r->kept);
    json_evidence(j, r);
    json_end_object(j);
}

/* ---- to keep ---- */

int drill_report_accepts(const struct option_list *paths)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < paths->count; i++) {
        rc = report_accepts(paths->items[i]);
    }
    return rc;
}

static void add_verdict(struct report *p, const struct drill_report *d)
{
    const struct drill_result *r = d->result;
    struct buf text;

    buf_init(&text);
    if (!r->finished) {
        buf_printf(&text, "The drill could not be finished: %s",
                   d->message != NULL ? d->message : "");
    } else if (r->passed) {
        buf_printf(&text, "The drill passed: what was restored is what was backed up.");
    } else {
        buf_printf(&text, "The drill failed: %" PRIu64 " mismatches.", r->mismatch_total);
    }
    report_verdict(p,
                   !r->finished ? REPORT_UNKNOWN
                   : r->passed  ? REPORT_PASS
                                : REPORT_FAIL,
                   buf_text(&text));
    buf_release(&text);
}

static void add_fact(struct report *p, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add_fact(struct report *p, const char *name, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    report_fact(p, name, text);
}

static void add_facts(struct report *p, const struct drill_report *d)
{
    const struct drill_result *r = d->result;
    char x[TEXT_TIME_BYTES], id[33];
    struct buf point;

    buf_init(&point);
    put_point(&point, r);
    if (point.len > 0) {
        report_fact(p, "Of", buf_text(&point));
    }
    buf_release(&point);
    add_fact(p, "Begun", "%s", text_time_local(r->begin_ns, x));
    add_fact(p, "Files", "%s", text_count(r->files, x));
    add_fact(p, "Content", "%s", text_size(r->bytes, x));
    add_fact(p, "Mismatches", "%s", text_count(r->mismatch_total, x));
    if (d->kind->evidence == EVIDENCE_LIVE) {
        add_fact(p, "Changed since the backup", "%s", text_count(r->drift, x));
    }
    add_fact(p, "Seed", "%" PRIu64, d->seed);
    if (r->published) {
        add_fact(p, "Evidence", "entry %" PRIu64 ", %s", r->evidence_number,
                 text_hex(r->evidence, 16, id));
    } else {
        report_fact(p, "Evidence",
                    r->unpublished.code != 0 ? r->unpublished.text : "none was published");
    }
    if (r->clock_flag) {
        report_fact(p, "Clock", "it was set, or a point lies in the future");
    }
}

static void add_times(struct report *p, const struct drill_result *r)
{
    const struct {
        const char *name;
        int64_t ns;
    } rows[] = {
        { "Opening the repository", r->rto.open_ns },
        { "Until the first byte", r->rto.first_byte_ns },
        { "Until the first file", r->rto.first_file_ns },
        { "Restoring", r->rto.restore_ns },
        { "Comparing", r->rto.verify_ns },
        { "The probe", r->rto.probe_ns },
        { "All of it", r->rto.total_ns },
    };
    char x[TEXT_SIZE_BYTES];

    report_section(p, "Time to recover (RTO)");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].ns != DRILL_UNKNOWN_NS) {
            report_fact(p, rows[i].name, duration(rows[i].ns, x));
        }
    }
    report_section(p, "What may be lost (RPO)");
    report_fact(p, "Age of the newest point", duration(r->rpo.newest_age_ns, x));
    report_fact(p, "Longest time between two points", duration(r->rpo.largest_gap_ns, x));
}

static const char *why_of(const struct drill_result *r, const char *object)
{
    for (size_t i = 0; i < r->mismatch_count; i++) {
        if (strcmp(r->mismatches[i].object, object) == 0) {
            return r->mismatches[i].why;
        }
    }
    return NULL;
}

/* The steps of a runbook, with what each of them took. */
static void add_steps(struct report *p, const struct drill_report *d)
{
    report_section(p, "Steps");
    for (size_t i = 0; i < d->steps->count; i++) {
        const struct runbook_run_step *s = &d->steps->steps[i];
        const char *why = why_of(d->result, s->name);
        enum report_state state = why != NULL ? REPORT_FAIL : REPORT_PASS;

        report_case(p, s->name, s->status < 0 ? REPORT_UNKNOWN : state,
                    s->status < 0 ? "not tried"
                    : why != NULL ? why
                                  : s->title,
                    s->took_ns);
    }
}

static void add_cases(struct report *p, const struct drill_report *d)
{
    const struct drill_result *r = d->result;

    if (d->steps != NULL && d->steps->count > 0) {
        add_steps(p, d);
        return;
    }
    report_section(p, "Findings");
    if (r->mismatch_count == 0 && r->fault_count == 0) {
        report_case(p, d->kind->name, r->finished ? REPORT_PASS : REPORT_UNKNOWN, d->message,
                    r->rto.total_ns == DRILL_UNKNOWN_NS ? 0 : r->rto.total_ns);
    }
    for (size_t i = 0; i < r->fault_count; i++) {
        const struct drill_fault *f = &r->faults[i];

        report_case(p, f->fault, f->passed ? REPORT_PASS : REPORT_FAIL,
                    f->passed ? f->expected : f->observed, 0);
    }
    for (size_t i = 0; r->fault_count == 0 && i < r->mismatch_count; i++) {
        report_case(p, r->mismatches[i].object, REPORT_FAIL, r->mismatches[i].why, 0);
    }
    if (r->mismatch_total > r->mismatch_count) {
        report_paragraph(p, "There are more mismatches than are listed here.");
    }
}

static void add_probe(struct report *p, const struct drill_report *d)
{
    const struct drill_result *r = d->result;

    if (d->probe == NULL) {
        return;
    }
    report_section(p, "The probe");
    report_commands(p, d->probe);
    add_fact(p, "Exit status", "%d", r->probe_status);
    if (r->probe_output != NULL && r->probe_output_len > 0) {
        report_commands(p, r->probe_output);
    }
}

/* Points of one number over the drills of that kind. */
static int add_plot(struct report *p, struct repo *repo, enum evidence_kind kind, const char *title,
                    const char *number)
{
    struct report_point *points = mem_array(proof_count(repo) + 1, sizeof *points);
    size_t count = 0;

    if (points == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < proof_count(repo); i++) {
        struct proof proof;
        int64_t value;

        if (proof_kind(repo, i) != kind || proof_read(repo, i, &proof) != 0) {
            err_clear(); /* what can't be believed is not drawn; "audit" names it */
            continue;
        }
        if (evidence_number(&proof.evidence, number, &value)) {
            points[count++] = (struct report_point){
                .time_ns = proof.evidence.end_ns,
                .value = (double)value / (double)NS_PER_S,
                .state = proof.evidence.passed ? REPORT_PASS : REPORT_FAIL,
            };
        }
        proof_release(&proof);
    }
    report_plot(p, title, "s", points, count);
    mem_free(points);
    return 0;
}

static int add_history(struct report *p, struct repo *repo, enum evidence_kind kind)
{
    int rc;

    report_section(p, "Over time");
    rc = add_plot(p, repo, kind, "Time to recover", EVIDENCE_RTO_TOTAL);
    return rc == 0 ? add_plot(p, repo, kind, "Age of the newest point", EVIDENCE_RPO_NEWEST_AGE)
                   : rc;
}

/* The document as text: what is written to a descriptor is read again. */
static int document(const struct drill_report *d, struct buf *to)
{
    int fd = memfd_create("drill", MFD_CLOEXEC);
    struct out out;
    struct json j;
    int rc;

    if (fd < 0) {
        return err_os(errno, "could not make the document");
    }
    out_init(&out, fd);
    json_init(&j, &out);
    drill_report_json(&j, d);
    rc = out_finish(&out, "the document");
    if (rc == 0 && lseek(fd, 0, SEEK_SET) != 0) {
        rc = err_os(errno, "could not make the document");
    }
    if (rc == 0) {
        rc = slurp_fd(fd, "the document", DOCUMENT_MAX, to);
    }
    out_release(&out);
    close(fd);
    return rc;
}

static int build(const struct drill_report *d, struct repo *repo, struct report **out)
{
    struct buf suite, title;
    int rc;

    buf_init(&suite);
    buf_init(&title);
    buf_printf(&suite, "drill-%s", d->kind->name);
    buf_printf(&title, "Drill: %s", d->kind->name);
    rc = report_new(buf_text(&suite), buf_text(&title), d->result->begin_ns, out);
    buf_release(&suite);
    buf_release(&title);
    if (rc != 0) {
        return rc;
    }
    add_verdict(*out, d);
    add_facts(*out, d);
    add_times(*out, d->result);
    add_cases(*out, d);
    add_probe(*out, d);
    return repo != NULL ? add_history(*out, repo, d->kind->evidence) : 0;
}

int drill_report_write(const struct drill_report *d, struct repo *repo,
                       const struct option_list *paths)
{
    struct report *p = NULL;
    struct err_trail first = { 0 };
    struct buf json;
    int rc;

    buf_init(&json);
    rc = document(d, &json);
    if (rc == 0) {
        rc = build(d, repo, &p);
    }
    for (size_t i = 0; rc == 0 && i < paths->count; i++) {
        int failed = report_write(p, paths->items[i], (const char *)json.data, json.len);

        if (failed != 0 && first.code == 0) {
            err_take(&first);
        }
    }
    if (rc == 0 && first.code != 0) {
        err_give(&first);
        rc = first.code;
    }
    report_free(p);
    buf_release(&json);
    return rc;
}
