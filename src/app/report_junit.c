/*
 * report_junit.c - a report as JUnit XML, for systems that count tests.
 *
 * Their one common ground is what Jenkins reads: suites of test cases that passed, failed or were
 * skipped. So what is unknown has failed, with that as its type, and what is waived or only a note
 * was skipped, with the reason. The verdict is a case as well: what is no row of its own can't turn
 * out green, and no suite is empty.
 */
#include <string.h>
#include <time.h>

#include "app/report_internal.h"
#include "base/clock.h"
#include "base/err.h"

struct counts {
    size_t tests, failures, skipped;
    int64_t duration_ns;
};

static bool failed(enum report_state state)
{
    return state == REPORT_FAIL || state == REPORT_UNKNOWN;
}

static bool skipped(enum report_state state)
{
    return state == REPORT_WAIVED || state == REPORT_NOTE;
}

static void count_case(struct counts *c, enum report_state state, int64_t duration_ns)
{
    c->tests++;
    c->failures += failed(state);
    c->skipped += skipped(state);
    c->duration_ns += duration_ns;
}

static struct counts count_all(const struct report *r)
{
    struct counts c = { 0, 0, 0, 0 };

    if (r->sentence != NULL) {
        count_case(&c, r->state, 0);
    }
    for (size_t i = 0; i < r->count; i++) {
        if (r->parts[i].kind == REPORT_PART_CASE) {
            count_case(&c, r->parts[i].state, r->parts[i].duration_ns);
        }
    }
    return c;
}

static void put_attribute(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, " %s=\"", name);
    report_put_markup(b, value, false);
    buf_printf(b, "\"");
}

static void put_seconds(struct buf *b, int64_t ns)
{
    buf_printf(b, " time=\"%lld.%03lld\"", (long long)(ns / NS_PER_S),
               (long long)(ns % NS_PER_S / 1000000));
}

/* Cases of a section are a class of their own; a dot would be read as a package. */
static void put_class(struct buf *b, const struct report *r, const char *section)
{
    size_t start;

    buf_printf(b, " classname=\"holdfast.");
    report_put_markup(b, r->suite, false);
    if (section != NULL) {
        buf_printf(b, ".");
        start = b->len;
        report_put_markup(b, section, false);
        for (size_t i = start; i < b->len; i++) {
            b->data[i] = b->data[i] == '.' ? '_' : b->data[i];
        }
    }
    buf_printf(b, "\"");
}

static void put_outcome(struct buf *b, enum report_state state, const char *detail)
{
    if (failed(state)) {
        buf_printf(b, "<failure type=\"%s\"", report_state_word(state));
        put_attribute(b, "message", detail);
        buf_printf(b, ">");
        report_put_markup(b, detail, true);
        buf_printf(b, "</failure>");
    } else if (skipped(state)) {
        buf_printf(b, "<skipped message=\"%s%s", report_state_word(state),
                   detail[0] == '\0' ? "" : ": ");
        report_put_markup(b, detail, false);
        buf_printf(b, "\"/>");
    } else if (detail[0] != '\0') {
        buf_printf(b, "<system-out>");
        report_put_markup(b, detail, true);
        buf_printf(b, "</system-out>");
    }
}

static void put_case(struct buf *b, const struct report *r, const char *section, const char *name,
                     enum report_state state, const char *detail, int64_t duration_ns)
{
    buf_printf(b, "    <testcase");
    put_class(b, r, section);
    put_attribute(b, "name", name);
    put_seconds(b, duration_ns);
    buf_printf(b, ">");
    put_outcome(b, state, detail);
    buf_printf(b, "</testcase>\n");
}

static void put_properties(struct buf *b, const struct report *r)
{
    bool any = false;

    for (size_t i = 0; i < r->count; i++) {
        if (r->parts[i].kind != REPORT_PART_FACT) {
            continue;
        }
        buf_printf(b, "%s      <property", any ? "" : "    <properties>\n");
        put_attribute(b, "name", r->parts[i].name);
        put_attribute(b, "value", r->parts[i].text);
        buf_printf(b, "/>\n");
        any = true;
    }
    buf_printf(b, "%s", any ? "    </properties>\n" : "");
}

static void put_cases(struct buf *b, const struct report *r)
{
    const char *section = NULL;

    if (r->sentence != NULL) {
        put_case(b, r, NULL, "verdict", r->state, r->sentence, 0);
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct report_part *p = &r->parts[i];

        if (p->kind == REPORT_PART_SECTION) {
            section = p->name;
        } else if (p->kind == REPORT_PART_CASE) {
            put_case(b, r, section, p->name, p->state, p->text, p->duration_ns);
        }
    }
}

/* The whole report, as people read it. */
static int put_output(struct buf *b, const struct report *r)
{
    struct buf text;
    int rc;

    buf_init(&text);
    rc = report_text(r, &text);
    buf_printf(b, "    <system-out>");
    report_put_markup(b, buf_text(&text), true);
    buf_printf(b, "</system-out>\n");
    rc = rc != 0 ? rc : buf_error(&text);
    buf_release(&text);
    return rc;
}

static void put_counts(struct buf *b, const struct report *r, const struct counts *c)
{
    put_attribute(b, "name", r->suite);
    buf_printf(b, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\"", c->tests,
               c->failures, c->skipped);
    put_seconds(b, c->duration_ns);
}

/* ISO 8601 in UTC without a zone: all that the schema of JUnit takes. */
static void put_timestamp(struct buf *b, int64_t ns)
{
    time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm tm;
    char text[32] = "";

    if (gmtime_r(&seconds, &tm) != NULL) {
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    put_attribute(b, "timestamp", text);
}

int report_junit(const struct report *r, struct buf *out)
{
    struct counts c = count_all(r);
    int rc;

    if (r->error != 0) {
        return err_nomem();
    }
    buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    put_counts(out, r, &c);
    buf_printf(out, ">\n  <testsuite");
    put_counts(out, r, &c);
    put_timestamp(out, r->at_ns);
    buf_printf(out, ">\n");
    put_properties(out, r);
    put_cases(out, r);
    rc = put_output(out, r);
    buf_printf(out, "  </testsuite>\n</testsuites>\n");
    return rc != 0 ? rc : buf_error(out);
}
