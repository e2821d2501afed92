/*
 * ready_report.c - see ready_report.h.
 */
#include "app/ready_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/newfile.h"
#include "app/report.h"
#include "app/term.h"
#include "base/err.h"
#include "base/text.h"

#define METRICS_MODE 0644 /* the collector is another user */

static const char *text_of(struct buf *b)
{
    return b->len > 0 ? buf_text(b) : NULL;
}

static const char *waiver_text(struct ready_gate *g, enum gate_key key)
{
    return policy_text(g->gate, key);
}

/* For people */

static const char *colour_of(struct ready_gate *g)
{
    if (g->waived) {
        return "36";
    }
    return g->finding.state == GATE_PASS ? "32" : g->blocks ? "1;31" : "33";
}

static const char *word_of(struct ready_gate *g)
{
    static const char *const loud[] = { "pass", "FAIL", "UNKNOWN" };

    return g->waived ? "waived" : loud[g->finding.state];
}

static void put_shown(struct out *out, const char *before, struct buf *b, const char *after)
{
    if (b->len > 0) {
        out_text(out, before);
        out_shown(out, b->data, b->len);
        out_text(out, after);
    }
}

static void put_waiver(struct out *out, struct ready_gate *g, const char *indent)
{
    const char *reason = waiver_text(g, GATE_KEY_reason);
    const char *by = waiver_text(g, GATE_KEY_waived_by);

    if (!g->waived && !g->waiver_lapsed) {
        return;
    }
    out_printf(out, "%s%s %s by ", indent, g->waived ? "waived until" : "the waiver ended with",
               waiver_text(g, GATE_KEY_waived_until));
    out_shown(out, by, strlen(by));
    out_text(out, ": ");
    out_shown(out, reason, strlen(reason));
    out_text(out, "\n");
}

static void print_gate(struct out *out, struct ready_gate *g, size_t width, bool colours)
{
    static const char indent[] = "                      ";
    struct gate_finding *f = &g->finding;

    out_printf(out, "  %s%s%s%s", colours ? "\033[" : "", colours ? colour_of(g) : "",
               colours ? "m" : "", word_of(g));
    out_text(out, colours ? "\033[0m" : "");
    out_blanks(out, 9 - strlen(word_of(g)));
    out_printf(out, "%-11s", policy_severity_name(g->gate->severity));
    out_shown(out, g->gate->name, strlen(g->gate->name));
    if (f->value.len + f->limit.len > 0) {
        out_blanks(out, width + 2 - term_width(g->gate->name, strlen(g->gate->name)));
    }
    put_shown(out, "", &f->value, f->limit.len > 0 ? " " : "");
    put_shown(out, "(", &f->limit, ")");
    out_text(out, "\n");
    if (f->state != GATE_PASS) {
        put_shown(out, indent, &f->why, "\n");
        put_waiver(out, g, indent);
        if (!g->waived) {
            out_text(out, f->hint.len > 0 ? indent : "");
            put_shown(out, "to do: ", &f->hint, "\n");
        }
    }
}

void ready_report_print(struct out *out, struct ready_result *r, bool colours)
{
    size_t width = 0;

    for (size_t i = 0; i < r->count; i++) {
        const char *name = r->gates[i].gate->name;
        size_t len = term_width(name, strlen(name));

        width = len > width ? len : width;
    }
    out_printf(out, "%s%s%s: ", colours ? (r->ready ? "\033[1;32m" : "\033[1;31m") : "",
               r->ready ? "ready" : "NOT READY", colours ? "\033[0m" : "");
    out_shown(out, r->policy->name, strlen(r->policy->name));
    out_printf(out, ", %zu of %zu gates pass", r->passed, r->count);
    if (r->waived > 0) {
        out_printf(out, ", %zu waived", r->waived);
    }
    out_printf(out, ", score %u %%\n", r->score);
    for (size_t i = 0; i < r->count; i++) {
        print_gate(out, &r->gates[i], width, colours);
    }
}

/* JSON */

static void put_waiver_json(struct json *j, struct ready_gate *g)
{
    if (!g->gate->values[GATE_KEY_waived_until].given) {
        json_null(j, "waiver");
        return;
    }
    json_object(j, "waiver");
    json_time(j, "until", g->gate->values[GATE_KEY_waived_until].number);
    json_text(j, "by", waiver_text(g, GATE_KEY_waived_by));
    json_text(j, "reason", waiver_text(g, GATE_KEY_reason));
    json_bool(j, "expired", g->waiver_lapsed);
    json_end_object(j);
}

static void put_gate_json(struct json *j, struct ready_gate *g)
{
    struct gate_finding *f = &g->finding;

    json_object(j, NULL);
    json_text(j, "name", g->gate->name);
    json_text(j, "type", policy_type_name(g->gate->type));
    json_text(j, "severity", policy_severity_name(g->gate->severity));
    json_text(j, "state", gate_state_name(f->state));
    json_text(j, "value", text_of(&f->value));
    json_text(j, "limit", text_of(&f->limit));
    json_text(j, "evidence", text_of(&f->evidence));
    json_text(j, "why", text_of(&f->why));
    json_text(j, "hint", text_of(&f->hint));
    json_bool(j, "waived", g->waived);
    put_waiver_json(j, g);
    json_bool(j, "blocks", g->blocks);
    json_seconds(j, "duration_seconds", g->duration_ns);
    json_end_object(j);
}

void ready_report_json(struct json *j, struct ready_result *r)
{
    json_document(j, "ready");
    json_bool(j, "ready", r->ready);
    json_number(j, "score", r->score);
    json_time(j, "time", r->at_ns);
    json_text(j, "policy", r->policy->name);
    json_hex(j, "policy_hash", r->policy->hash, sizeof r->policy->hash);
    json_number(j, "passed", r->passed);
    json_number(j, "failed", r->failed);
    json_number(j, "unknown", r->unknown);
    json_number(j, "waived", r->waived);
    json_array(j, "gates");
    for (size_t i = 0; i < r->count; i++) {
        put_gate_json(j, &r->gates[i]);
    }
    json_end_array(j);
    json_end_object(j);
}

/* Prometheus */

static void put_label(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"') {
            buf_put_u8(b, '\\');
        }
        buf_put_u8(b, (unsigned char)*text < ' ' ? ' ' : (uint8_t)*text);
    }
}

static void put_head(struct buf *b, const char *name, const char *help)
{
    buf_printf(b, "# HELP holdfast_%s %s\n# TYPE holdfast_%s gauge\n", name, help, name);
}

static void put_one(struct buf *b, struct ready_result *r, const char *name, const char *help,
                    uint64_t value)
{
    put_head(b, name, help);
    buf_printf(b, "holdfast_%s{policy=\"", name);
    put_label(b, r->policy->name);
    buf_printf(b, "\"} %" PRIu64 "\n", value);
}

static void put_gate(struct buf *b, struct ready_result *r, const char *name, struct ready_gate *g,
                     unsigned value)
{
    buf_printf(b, "holdfast_%s{policy=\"", name);
    put_label(b, r->policy->name);
    buf_printf(b, "\",gate=\"");
    put_label(b, g->gate->name);
    buf_printf(b, "\",severity=\"%s\"} %u\n", policy_severity_name(g->gate->severity), value);
}

void ready_report_metrics(struct buf *b, struct ready_result *r)
{
    put_one(b, r, "ready", "Whether every gate that blocks passes or is waived.", r->ready);
    put_one(b, r, "ready_score_percent", "The part of the gates' weights that passed.", r->score);
    put_one(b, r, "ready_timestamp_seconds", "When it was judged.",
            (uint64_t)(r->at_ns / NS_PER_S));
    put_head(b, "gate_state", "What the gate found: 1 pass, 0 fail, 2 unknown.");
    for (size_t i = 0; i < r->count; i++) {
        enum gate_state s = r->gates[i].finding.state;

        put_gate(b, r, "gate_state", &r->gates[i], s == GATE_PASS ? 1 : s == GATE_FAIL ? 0 : 2);
    }
    put_head(b, "gate_waived", "Whether it does not pass, and needn't.");
    for (size_t i = 0; i < r->count; i++) {
        put_gate(b, r, "gate_waived", &r->gates[i], r->gates[i].waived ? 1 : 0);
    }
}

/* Files */

static bool ends_with(const char *path, const char *end)
{
    size_t len = strlen(path), end_len = strlen(end);

    return len > end_len && strcmp(path + len - end_len, end) == 0;
}

int ready_report_accepts(const char *path)
{
    return ends_with(path, ".prom") ? 0 : report_accepts(path);
}

int ready_report_write_metrics(const char *path, struct ready_result *r)
{
    struct buf text;
    int rc;

    buf_init(&text);
    ready_report_metrics(&text, r);
    rc = buf_error(&text);
    rc = rc == 0 ? newfile_put(path, METRICS_MODE, &text) : rc;
    buf_release(&text);
    return rc != 0 ? err_add(rc, "could not write the metrics %s", path) : 0;
}

static int write_json(const char *path, struct ready_result *r)
{
    struct newfile f;
    struct json j;
    struct out out;
    int rc = newfile_begin(path, &f);

    if (rc == 0) {
        out_init(&out, f.fd);
        json_init(&j, &out);
        ready_report_json(&j, r);
        rc = out_finish(&out, path);
        out_release(&out);
    }
    rc = rc == 0 ? newfile_commit(&f) : rc;
    newfile_abort(&f);
    return rc != 0 ? err_add(rc, "could not write the report %s", path) : 0;
}

static enum report_state state_of(struct ready_gate *g)
{
    static const enum report_state states[] = { REPORT_PASS, REPORT_FAIL, REPORT_UNKNOWN };

    return g->waived ? REPORT_WAIVED : states[g->finding.state];
}

/* One line about a gate: what was found, what was to be found, why that is not good enough. */
static void put_detail(struct buf *b, struct ready_gate *g)
{
    struct gate_finding *f = &g->finding;

    if (f->value.len == 0) {
        buf_printf(b, "%s", buf_text(&f->why));
    }
    buf_printf(b, "%s", buf_text(&f->value));
    if (f->limit.len > 0) {
        buf_printf(b, " (%s)", buf_text(&f->limit));
    }
    if (f->value.len > 0 && f->why.len > 0) {
        buf_printf(b, ": %s", buf_text(&f->why));
    }
    if (g->waived) {
        buf_printf(b, ". Waived until %s by %s: %s", waiver_text(g, GATE_KEY_waived_until),
                   waiver_text(g, GATE_KEY_waived_by), waiver_text(g, GATE_KEY_reason));
    } else if (f->hint.len > 0) {
        buf_printf(b, ". To do: %s", buf_text(&f->hint));
    }
    if (f->evidence.len > 0) {
        buf_printf(b, ". Evidence: %s", buf_text(&f->evidence));
    }
}

static void put_facts(struct report *doc, struct ready_result *r)
{
    char hash[2 * EVIDENCE_HASH_BYTES + 1], number[32];

    report_fact(doc, "Policy", r->policy->name);
    report_fact(doc, "Its hash", text_hex(r->policy->hash, sizeof r->policy->hash, hash));
    (void)snprintf(number, sizeof number, "%u %%", r->score);
    report_fact(doc, "Score", number);
    (void)snprintf(number, sizeof number, "%zu of %zu", r->passed, r->count);
    report_fact(doc, "Gates that pass", number);
    (void)snprintf(number, sizeof number, "%zu", r->waived);
    report_fact(doc, "Waived", number);
}

static int build(struct ready_result *r, struct report **out)
{
    static const char *const titles[] = { "Critical", "Important", "Nice to have" };
    struct buf detail;
    int rc = report_new("ready", "Readiness", r->at_ns, out);

    if (rc != 0) {
        return rc;
    }
    buf_init(&detail);
    report_verdict(*out, r->ready ? REPORT_PASS : REPORT_FAIL,
                   r->ready ? "Ready: nothing that must be true is not."
                            : "Not ready: something that must be true is not, or is not known.");
    put_facts(*out, r);
    for (int s = 0; s < POLICY_SEVERITIES; s++) {
        bool any = false;

        for (size_t i = 0; i < r->count; i++) {
            struct ready_gate *g = &r->gates[i];

            if (g->gate->severity != (enum policy_severity)s) {
                continue;
            }
            if (!any) {
                report_section(*out, titles[s]);
                any = true;
            }
            buf_clear(&detail);
            put_detail(&detail, g);
            report_case(*out, g->gate->name, state_of(g), buf_text(&detail), g->duration_ns);
            rc = rc == 0 ? buf_error(&detail) : rc;
        }
    }
    buf_release(&detail);
    return rc;
}

int ready_report_write(const char *path, struct ready_result *r)
{
    struct report *doc = NULL;
    int rc;

    if (ends_with(path, ".prom")) {
        return ready_report_write_metrics(path, r);
    }
    if (ends_with(path, ".json")) {
        return write_json(path, r);
    }
    rc = build(r, &doc);
    rc = rc == 0 ? report_write(doc, path, NULL, 0) : rc;
    report_free(doc);
    return rc;
}
