/*
 * report_internal.h - what a report consists of, for those who write it in one of its forms.
 *
 * It is a list of parts in the order they were given. Parts of one kind that follow each other
 * belong together: facts become one list, cases one table.
 */
#ifndef HF_APP_REPORT_INTERNAL_H
#define HF_APP_REPORT_INTERNAL_H

#include "app/report.h"

enum report_part_kind {
    REPORT_PART_SECTION,
    REPORT_PART_PARAGRAPH,
    REPORT_PART_FACT,
    REPORT_PART_CASE,
    REPORT_PART_COMMANDS,
    REPORT_PART_PLOT,
};

struct report_part {
    enum report_part_kind kind;
    enum report_state state;     /* of a case */
    char *name;                  /* of all but paragraphs and commands, else NULL */
    char *text;                  /* never NULL; of a plot its unit */
    int64_t duration_ns;         /* of a case; 0: it was not measured */
    struct report_point *points; /* two or more, finite, none below zero */
    size_t count;
};

struct report {
    char *suite, *title;
    int64_t at_ns;
    enum report_state state;
    char *sentence; /* NULL: there is no verdict */
    struct report_part *parts;
    size_t count, capacity;
    int error; /* the first failure */
};

/* "PASS"; and the same as a word in lower case: "pass". */
const char *report_state_label(enum report_state state);
const char *report_state_word(enum report_state state);

/* How many parts there are to be written: not a last section that nothing came for. */
size_t report_length(const struct report *r);
/* The first part behind i that is of another kind. */
size_t report_run_end(const struct report *r, size_t i);

/*
 * Text that is fit for markup: special characters escaped, and those that are not valid in XML, or
 * control a terminal, shown as \xNN. Ends of lines and tabs stay where `lines` says so, and are
 * blanks elsewhere.
 */
void report_put_markup(struct buf *b, const char *text, bool lines);

/* A value of a plot, in words. */
#define REPORT_VALUE_BYTES 64
char *report_value(double value, const char *unit, char out[REPORT_VALUE_BYTES]);
/* Appends an <svg>. `id` is unique in the page. */
void report_put_plot(struct buf *b, const struct report_part *plot, size_t id);

extern const char *const report_style[]; /* the style sheet of the page, up to a NULL */

#endif
