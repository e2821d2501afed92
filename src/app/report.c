/*
 * report.c - see report.h. The report itself, and its way into a file.
 */
#include "app/report.h"

#include <math.h>
#include <string.h>

#include "app/newfile.h"
#include "app/report_internal.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

static const struct {
    const char *label, *word;
} states[] = {
    [REPORT_PASS] = { "PASS", "pass" },          [REPORT_FAIL] = { "FAIL", "fail" },
    [REPORT_UNKNOWN] = { "UNKNOWN", "unknown" }, [REPORT_WAIVED] = { "WAIVED", "waived" },
    [REPORT_NOTE] = { "NOTE", "note" },
};

const char *report_state_label(enum report_state state)
{
    return states[state].label;
}

const char *report_state_word(enum report_state state)
{
    return states[state].word;
}

/* --- building it --- */

int report_new(const char *suite, const char *title, int64_t at_ns, struct report **out_report)
{
    struct report *r = mem_zalloc(sizeof *r);

    *out_report = NULL;
    if (r == NULL) {
        return err_nomem();
    }
    r->suite = mem_strdup(suite);
    r->title = mem_strdup(title);
    r->at_ns = at_ns;
    if (r->suite == NULL || r->title == NULL) {
        report_free(r);
        return err_nomem();
    }
    *out_report = r;
    return 0;
}

static void release_part(struct report_part *p)
{
    mem_free(p->name);
    mem_free(p->text);
    mem_free(p->points);
}

void report_free(struct report *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        release_part(&r->parts[i]);
    }
    mem_free(r->parts);
    mem_free(r->suite);
    mem_free(r->title);
    mem_free(r->sentence);
    mem_free(r);
}

/* A new part at the end; NULL if memory is out, which is kept. name may be NULL. */
static struct report_part *add(struct report *r, enum report_part_kind kind, const char *name,
                               const char *text)
{
    struct report_part p = { .kind = kind };

    if (r->error == 0) {
        r->error = mem_grow(&r->parts, &r->capacity, r->count + 1, sizeof *r->parts);
    }
    if (r->error != 0) {
        return NULL;
    }
    p.name = name == NULL ? NULL : mem_strdup(name);
    p.text = mem_strdup(text == NULL ? "" : text);
    if ((name != NULL && p.name == NULL) || p.text == NULL) {
        release_part(&p);
        r->error = HF_ENOMEM;
        return NULL;
    }
    r->parts[r->count] = p;
    return &r->parts[r->count++];
}

/* A heading is only worth something with what stands below it. */
static void drop_empty_section(struct report *r)
{
    if (r->count > 0 && r->parts[r->count - 1].kind == REPORT_PART_SECTION) {
        release_part(&r->parts[--r->count]);
    }
}

void report_verdict(struct report *r, enum report_state state, const char *sentence)
{
    mem_free(r->sentence);
    r->state = state;
    r->sentence = mem_strdup(sentence);
    if (r->sentence == NULL) {
        r->error = HF_ENOMEM;
    }
}

void report_section(struct report *r, const char *title)
{
    drop_empty_section(r);
    add(r, REPORT_PART_SECTION, title, NULL);
}

void report_paragraph(struct report *r, const char *text)
{
    add(r, REPORT_PART_PARAGRAPH, NULL, text);
}

void report_fact(struct report *r, const char *name, const char *value)
{
    add(r, REPORT_PART_FACT, name, value);
}

void report_case(struct report *r, const char *name, enum report_state state, const char *detail,
                 int64_t duration_ns)
{
    struct report_part *p = add(r, REPORT_PART_CASE, name, detail);

    if (p != NULL) {
        p->state = state;
        p->duration_ns = duration_ns > 0 ? duration_ns : 0;
    }
}

void report_commands(struct report *r, const char *text)
{
    add(r, REPORT_PART_COMMANDS, NULL, text);
}

void report_plot(struct report *r, const char *title, const char *unit,
                 const struct report_point *points, size_t count)
{
    struct report_part *p;
    struct report_point *kept = mem_array(count, sizeof *kept);
    size_t n = 0;

    if (kept == NULL) {
        r->error = HF_ENOMEM;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (isfinite(points[i].value) && points[i].value >= 0) {
            kept[n++] = points[i];
        }
    }
    p = n < 2 ? NULL : add(r, REPORT_PART_PLOT, title, unit);
    if (p == NULL) {
        mem_free(kept);
        return;
    }
    p->points = kept;
    p->count = n;
}

size_t report_run_end(const struct report *r, size_t i)
{
    size_t end = i + 1;

    while (end < r->count && r->parts[end].kind == r->parts[i].kind) {
        end++;
    }
    return end;
}

size_t report_length(const struct report *r)
{
    bool hanging = r->count > 0 && r->parts[r->count - 1].kind == REPORT_PART_SECTION;

    return hanging ? r->count - 1 : r->count;
}

/* --- markup --- */

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* U+FFFE and U+FFFF are UTF-8, but no characters of XML. */
static bool is_noncharacter(const char *p)
{
    return strncmp(p, "\xef\xbf\xbe", 3) == 0 || strncmp(p, "\xef\xbf\xbf", 3) == 0;
}

void report_put_markup(struct buf *b, const char *text, bool lines)
{
    const char *plain = text;

    for (const char *p = text;; p++) {
        bool space = *p == '\n' || *p == '\t';

        if (*p != '\0' && !space && entity_of(*p) == NULL && !is_noncharacter(p)) {
            continue;
        }
        text_put_shown(b, plain, (size_t)(p - plain));
        if (*p == '\0') {
            break;
        }
        if (space) {
            buf_put(b, lines ? p : " ", 1);
        } else if (entity_of(*p) != NULL) {
            buf_printf(b, "%s", entity_of(*p));
        } else {
            buf_printf(b, "\xef\xbf\xbd");
            p += 2;
        }
        plain = p + 1;
    }
}

/* --- into a file --- */

enum form { FORM_NONE, FORM_TEXT, FORM_JUNIT, FORM_HTML, FORM_JSON };

static enum form form_of(const char *path)
{
    static const struct {
        const char *end;
        enum form form;
    } ends[] = { { ".txt", FORM_TEXT },
                 { ".xml", FORM_JUNIT },
                 { ".html", FORM_HTML },
                 { ".json", FORM_JSON } };
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot != NULL && i < sizeof ends / sizeof *ends; i++) {
        if (strcmp(dot, ends[i].end) == 0) {
            return ends[i].form;
        }
    }
    return FORM_NONE;
}

int report_accepts(const char *path)
{
    return form_of(path) != FORM_NONE
               ? 0
               : err_raise(HF_EUSAGE,
                           "a report is written as .txt, .json, .xml (JUnit) or .html,"
                           " which the name %s doesn't say",
                           path);
}

static int render(const struct report *r, enum form form, struct buf *out)
{
    switch (form) {
    case FORM_JUNIT:
        return report_junit(r, out);
    case FORM_HTML:
        return report_html(r, out);
    default:
        return report_text(r, out);
    }
}

int report_write(const struct report *r, const char *path, const char *json, size_t json_len)
{
    enum form form = form_of(path);
    struct newfile f;
    struct buf text;
    int rc = report_accepts(path);

    if (rc != 0) {
        return rc;
    }
    buf_init(&text);
    rc = form == FORM_JSON ? 0 : render(r, form, &text);
    if (rc == 0 && form == FORM_JSON) {
        buf_put(&text, json, json_len);
        rc = buf_error(&text);
    }
    if (rc == 0) {
        rc = newfile_begin(path, &f);
        if (rc == 0) {
            rc = newfile_write(&f, text.data, text.len);
        }
        if (rc == 0) {
            rc = newfile_commit(&f);
        }
        newfile_abort(&f);
    }
    buf_release(&text);
    return rc != 0 ? err_add(rc, "could not write the report %s", path) : 0;
}
