/*
 * test_report.c - reports: what was found is said in every form, whatever the texts hold, and no
 * failure is lost on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/report.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "harness/reportkit.h"

#define DAY (86400 * NS_PER_S)

static struct report *new_report(void)
{
    struct report *r;

    assert_int_equal(report_new("ready", "Readiness", REPORTKIT_AT, &r), 0);
    return r;
}

/* In its form, freed with the report. */
static char *render(struct report *r, int (*form)(const struct report *, struct buf *))
{
    struct buf b;
    char *text;

    buf_init(&b);
    assert_int_equal(form(r, &b), 0);
    text = mem_strdup(buf_text(&b));
    assert_non_null(text);
    assert_int_equal(strlen(text), b.len);
    buf_release(&b);
    report_free(r);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        fail_msg("\"%s\" is in:\n%s", part, text);
    }
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *p = text; (p = strstr(p, part)) != NULL; p++) {
        count++;
    }
    return count;
}

/* --- text --- */

static void test_report_text_aligns_facts_and_wraps_words(void **state)
{
    struct report *r = new_report();
    char *text;

    (void)state;
    report_verdict(r, REPORT_PASS, "All gates passed.");
    report_fact(r, "Policy", "minimum");
    report_fact(r, "Evaluated", "one\ntwo");
    report_section(r, "Gates");
    report_paragraph(r, "A paragraph of so many words that it does not fit into a line of eighty "
                        "full columns.\n\nAnother.");
    report_commands(r, "holdfast ready\n\n\twith a tab\n");
    text = render(r, report_text);
    assert_string_equal(text, "Readiness\n=========\n\nPASS: All gates passed.\n\n"
                              "Policy:     minimum\nEvaluated:  one\n            two\n\n"
                              "Gates\n-----\n\n"
                              "A paragraph of so many words that it does not fit into a line of "
                              "eighty full\ncolumns.\n\nAnother.\n\n"
                              "    holdfast ready\n\n    \twith a tab\n\n"
                              "Made 2026-11-21 12:00:00 +00:00 by holdfast 0.1.0.\n");
    mem_free(text);
}

static void test_report_leaves_empty_sections_out(void **state)
{
    struct report *r = new_report();
    char *text;

    (void)state;
    report_section(r, "Nothing");
    report_section(r, "Something");
    report_paragraph(r, "Here it is.");
    report_section(r, "Nothing again");
    text = render(r, report_text);
    assert_has(text, "=\n\nSomething\n---------\n\nHere it is.\n\nMade ");
    mem_free(text);
}

static void test_report_text_tells_states_times_and_details(void **state)
{
    struct report *r = new_report();
    const struct report_point points[] = { { REPORTKIT_AT - DAY, 61, REPORT_PASS },
                                           { REPORTKIT_AT, 2, REPORT_FAIL } };
    char *text;

    (void)state;
    report_case(r, "newest point", REPORT_PASS, "", 1500000000);
    report_case(r, "\x1b[2Jdrill", REPORT_UNKNOWN, "none yet\nof any kind", 0);
    report_plot(r, "RTO", "s", points, 2);
    text = render(r, report_text);
    assert_has(text, "PASS     newest point (1.5 s)\n"
                     "UNKNOWN  \\x1b[2Jdrill\n         none yet\n         of any kind\n");
    assert_has(text, "RTO\n    2026-11-20 12:00:00 +00:00  PASS     1m 1s\n"
                     "    2026-11-21 12:00:00 +00:00  FAIL     2 s\n");
    mem_free(text);
}

/* --- JUnit --- */

static void test_report_junit_counts_what_did_not_pass(void **state)
{
    struct report *r = new_report();
    char *xml;

    (void)state;
    report_verdict(r, REPORT_FAIL, "Not ready.");
    report_fact(r, "Policy", "a \"b\" <c>");
    report_section(r, "Gates 1.2");
    report_case(r, "a", REPORT_PASS, "fine", 1234567890);
    report_case(r, "b", REPORT_FAIL, "too old\nby far", 0);
    report_case(r, "c", REPORT_UNKNOWN, "no evidence", 0);
    report_case(r, "d", REPORT_WAIVED, "until then", 0);
    report_case(r, "e", REPORT_NOTE, "", 0);
    xml = render(r, report_junit);
    assert_int_equal(count_of(xml, "tests=\"6\" failures=\"3\" errors=\"0\" skipped=\"2\" "
                                   "time=\"1.234\""),
                     2);
    assert_has(xml, "timestamp=\"2026-11-21T12:00:00\"");
    assert_has(xml, "<property name=\"Policy\" value=\"a &quot;b&quot; &lt;c&gt;\"/>");
    assert_has(xml,
               "<testcase classname=\"holdfast.ready\" name=\"verdict\" time=\"0.000\"><failure");
    assert_has(xml, "<testcase classname=\"holdfast.ready.Gates 1_2\" name=\"a\" time=\"1.234\">"
                    "<system-out>fine</system-out></testcase>");
    assert_has(xml, "<failure type=\"fail\" message=\"too old by far\">too old\nby far</failure>");
    assert_has(xml, "<failure type=\"unknown\" message=\"no evidence\">");
    assert_has(xml, "<skipped message=\"waived: until then\"/>");
    assert_has(xml, "<skipped message=\"note\"/>");
    mem_free(xml);
}

static void test_report_junit_fails_by_its_verdict_alone(void **state)
{
    struct report *r = new_report();
    char *xml;

    (void)state;
    report_verdict(r, REPORT_FAIL, "Interrupted.");
    xml = render(r, report_junit);
    assert_has(xml, "tests=\"1\" failures=\"1\"");
    mem_free(xml);
}

static void test_report_junit_is_valid_xml_whatever_is_in_it(void **state)
{
    char *xml = render(reportkit_new(), report_junit);

    (void)state;
    assert_true(text_is_utf8(xml, strlen(xml)));
    for (const char *p = xml; *p != '\0'; p++) {
        assert_true((uint8_t)*p >= 0x20 || *p == '\n' || *p == '\t');
    }
    assert_lacks(xml, "<script>");
    assert_lacks(xml, "]]>");
    assert_lacks(xml, "\xef\xbf\xbf");
    assert_has(xml, "\\x1b[31m and \\xff\\xfe bytes");
    mem_free(xml);
}

/* --- HTML --- */

static void test_report_html_escapes_and_names_states(void **state)
{
    char *html = render(reportkit_new(), report_html);

    (void)state;
    assert_true(text_is_utf8(html, strlen(html)));
    assert_lacks(html, "<script");
    assert_lacks(html, "<b>");
    assert_has(html,
               "&lt;script&gt;document.title=&#39;run&#39;&lt;/script&gt;\\x01\xef\xbf\xbd]]&gt;");
    assert_has(html, "<title>FAIL: Full drill of web on host db-07</title>");
    assert_has(html, "<span class=\"badge waived\">WAIVED</span>");
    assert_has(html, "default-src 'none'");
    assert_has(html, "<dt>Seed</dt><dd>1834</dd>");
    assert_int_equal(count_of(html, "<table"), 2);
    assert_int_equal(count_of(html, "<svg"), 2);
    assert_int_equal(count_of(html, "class=\"took\""), 7); /* of the table that has times */
    mem_free(html);
}

static void test_report_html_draws_plots_with_words(void **state)
{
    struct report *r = new_report();
    const struct report_point points[] = { { REPORTKIT_AT - DAY, 1, REPORT_PASS },
                                           { REPORTKIT_AT - DAY / 2, -1, REPORT_PASS },
                                           { REPORTKIT_AT - DAY / 2, 1.0 / 0.0, REPORT_PASS },
                                           { REPORTKIT_AT, 7, REPORT_FAIL } };
    char *html;

    (void)state;
    report_plot(r, "Size", "bytes", points, 4);
    report_plot(r, "Too few", "bytes", points, 3);
    html = render(r, report_html);
    assert_int_equal(count_of(html, "<figure>"), 1);
    assert_has(html, "2 values from 1 B to 7 B; the newest is 7 B.");
    /* From one end of the axis to the other; and the grid reaches beyond the highest value. */
    assert_has(html, "<polyline points=\"74.0,134.5 338.0,41.5\"/>");
    assert_has(html, ">8 B</text>");
    assert_has(html, ": 7 B, fail</title><path");
    assert_has(html, ">2026-11-20 12:00</text>");
    mem_free(html);
}

static void test_report_plot_steps_are_those_people_count_in(void **state)
{
    static const struct {
        double highest;
        const char *unit, *label;
    } cases[] = {
        { 0, "s", ">1 s</text>" },           { 0.013, "s", ">15 ms</text>" },
        { 100, "s", ">2m</text>" },          { 400000, "s", ">6d</text>" },
        { 3000000, "s", ">40d</text>" },     { 3u << 20, "bytes", ">3.0 MiB</text>" },
        { 70, "files", ">80 files</text>" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct report *r = new_report();
        const struct report_point points[] = { { 0, 0, REPORT_PASS },
                                               { 0, cases[i].highest, REPORT_PASS } };
        char *html;

        report_plot(r, "p", cases[i].unit, points, 2);
        html = render(r, report_html);
        assert_has(html, cases[i].label);
        mem_free(html);
    }
}

static void test_report_plot_of_many_points_marks_what_failed(void **state)
{
    static struct report_point points[500];
    struct report *r = new_report();
    char *html;

    (void)state;
    for (int i = 0; i < 500; i++) {
        points[i] = (struct report_point){ i * DAY, i, i == 7 ? REPORT_FAIL : REPORT_PASS };
    }
    report_plot(r, "p", "s", points, 500);
    html = render(r, report_html);
    assert_int_equal(count_of(html, "<circle"), 0);
    assert_int_equal(count_of(html, "<path d="), 1);
    mem_free(html);
}

/* --- files --- */

static void test_report_accepts_the_names_of_its_forms(void **state)
{
    (void)state;
    assert_int_equal(report_accepts("a.txt"), 0);
    assert_int_equal(report_accepts("/x.y/a.xml"), 0);
    assert_int_equal(report_accepts("a.b.html"), 0);
    assert_int_equal(report_accepts("a.json"), 0);
    assert_int_equal(report_accepts("a"), HF_EUSAGE);
    assert_int_equal(report_accepts("a.pdf"), HF_EUSAGE);
    assert_non_null(strstr(err_last()->text, "a.pdf"));
}

static void read_file(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    out[fread(out, 1, size - 1, f)] = '\0';
    fclose(f);
}

static void test_report_write_takes_the_form_from_the_name(void **state)
{
    static const struct {
        const char *end, *begins;
    } forms[] = { { "txt", "Readiness\n" },
                  { "xml", "<?xml " },
                  { "html", "<!doctype html>" },
                  { "json", "{\"a\":1}\n" } };
    char dir[] = "/tmp/holdfast-report-XXXXXX", path[64], text[64];
    struct report *r = new_report();

    (void)state;
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/r.%s", dir, forms[i].end);
        assert_int_equal(report_write(r, path, "{\"a\":1}\n", 8), 0);
        read_file(path, text, sizeof text);
        text[strlen(forms[i].begins)] = '\0';
        assert_string_equal(text, forms[i].begins);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(report_write(r, "/nowhere/at/all.txt", NULL, 0), HF_EABSENT);
    assert_int_equal(report_write(r, "r.doc", NULL, 0), HF_EUSAGE);
    assert_int_equal(rmdir(dir), 0);
    report_free(r);
}

/* valgrind */
static void test_report_keeps_a_failed_allocation(void **state)
{
    int (*const forms[])(const struct report *, struct buf *) = { report_text, report_junit,
                                                                  report_html };
    size_t failures = 0;

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct report *r;
        struct buf b;
        int rc;

        mem_fail_at(nth, 0);
        r = reportkit_new();
        buf_init(&b);
        rc = r == NULL ? HF_ENOMEM : forms[nth % 3](r, &b);
        if (rc == 0) {
            rc = buf_error(&b);
        }
        bool hit = mem_fail_hits() > 0;
        mem_fail_at(0, 0);
        assert_int_equal(rc, hit ? HF_ENOMEM : 0);
        buf_release(&b);
        report_free(r);
        failures += hit;
        if (!hit && nth % 3 == 0) {
            break;
        }
    }
    assert_true(failures > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_text_aligns_facts_and_wraps_words),
        cmocka_unit_test(test_report_leaves_empty_sections_out),
        cmocka_unit_test(test_report_text_tells_states_times_and_details),
        cmocka_unit_test(test_report_junit_counts_what_did_not_pass),
        cmocka_unit_test(test_report_junit_fails_by_its_verdict_alone),
        cmocka_unit_test(test_report_junit_is_valid_xml_whatever_is_in_it),
        cmocka_unit_test(test_report_html_escapes_and_names_states),
        cmocka_unit_test(test_report_html_draws_plots_with_words),
        cmocka_unit_test(test_report_plot_steps_are_those_people_count_in),
        cmocka_unit_test(test_report_plot_of_many_points_marks_what_failed),
        cmocka_unit_test(test_report_accepts_the_names_of_its_forms),
        cmocka_unit_test(test_report_write_takes_the_form_from_the_name),
        cmocka_unit_test(test_report_keeps_a_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
