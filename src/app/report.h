/*
 * report.h - what a drill, a readiness check or a runbook has to say, as a document to keep.
 *
 * A report is built once and written in several forms: plain text, JUnit XML for systems that count
 * tests, and one HTML page that needs nothing else: readable on a phone, in the dark and on paper.
 * The form follows the name that it is written under: .txt, .xml, .html; for .json the command
 * gives the very document that --json prints. Texts are copied, and escaped where a form asks for
 * it. A failed allocation is kept and returned by report_write.
 */
#ifndef HF_APP_REPORT_H
#define HF_APP_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct report;

enum report_state {
    REPORT_PASS,
    REPORT_FAIL,
    REPORT_UNKNOWN, /* what is not known is not passed */
    REPORT_WAIVED,
    REPORT_NOTE, /* neither good nor bad */
};

struct report_point { /* of a plot */
    int64_t time_ns;
    double value;
    enum report_state state;
};

/* `suite` is a word for JUnit and file names ("drill-full"); at_ns is when it was made. */
int report_new(const char *suite, const char *title, int64_t at_ns, struct report **out_report);
void report_free(struct report *r); /* accepts NULL */

/* The one sentence at the top. */
void report_verdict(struct report *r, enum report_state state, const char *sentence);
/* What follows belongs to this section; one that nothing follows is left out. */
void report_section(struct report *r, const char *title);
void report_paragraph(struct report *r, const char *text);
/* A name and its value. */
void report_fact(struct report *r, const char *name, const char *value);
/* Something that was tried or asked: a row with its state; in JUnit a test case. */
void report_case(struct report *r, const char *name, enum report_state state, const char *detail,
                 int64_t duration_ns);
/* Lines to be typed in, and what they print; kept as they are. */
void report_commands(struct report *r, const char *text);
/* Values over time, in that unit ("s", "bytes"); nothing is drawn below two points. */
void report_plot(struct report *r, const char *title, const char *unit,
                 const struct report_point *points, size_t count);

/* The whole document in one form. */
int report_text(const struct report *r, struct buf *out);
int report_junit(const struct report *r, struct buf *out);
int report_html(const struct report *r, struct buf *out);

/*
 * Writes it to a file that appears whole or not at all, in the form that its name asks for; `json`
 * is the document for a name in .json. HF_EUSAGE for another name, found out by report_accepts
 * before any work is done.
 */
int report_accepts(const char *path);
int report_write(const struct report *r, const char *path, const char *json, size_t json_len);

#endif
