/*
 * report_html.c - a report as one page of HTML that needs nothing else, and may run or fetch
 * nothing: its own policy forbids it, whatever the texts in it say.
 *
 * Tables keep their meaning for screen readers where the style makes cards of them: so the roles
 * are said again. Blocks that scroll can be reached by the keyboard.
 */
#include "app/report_internal.h"

#include "app/version.h"
#include "base/err.h"
#include "base/text.h"

static void put_element(struct buf *b, const char *name, const char *text, bool lines)
{
    buf_printf(b, "<%s>", name);
    report_put_markup(b, text, lines);
    buf_printf(b, "</%s>", name);
}

static void put_badge(struct buf *b, enum report_state state)
{
    buf_printf(b, "<span class=\"badge %s\">%s</span>", report_state_word(state),
               report_state_label(state));
}

static void put_head(struct buf *b, const struct report *r)
{
    buf_printf(b, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "style-src 'unsafe-inline'\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    if (r->sentence != NULL) {
        buf_printf(b, "%s: ", report_state_label(r->state));
    }
    report_put_markup(b, r->title, false);
    buf_printf(b, "</title>\n<style>\n");
    for (size_t i = 0; report_style[i] != NULL; i++) {
        buf_printf(b, "%s", report_style[i]);
    }
    buf_printf(b, "</style>\n</head>\n<body>\n");
}

static void put_verdict(struct buf *b, const struct report *r)
{
    buf_printf(b, "<header>\n");
    put_element(b, "h1", r->title, false);
    buf_printf(b, "\n");
    if (r->sentence != NULL) {
        buf_printf(b, "<p class=\"verdict %s\">", report_state_word(r->state));
        put_badge(b, r->state);
        put_element(b, "span", r->sentence, true);
        buf_printf(b, "</p>\n");
    }
    buf_printf(b, "</header>\n");
}

static void put_facts(struct buf *b, const struct report_part *parts, size_t count)
{
    buf_printf(b, "<dl>\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(b, "<div>");
        put_element(b, "dt", parts[i].name, false);
        put_element(b, "dd", parts[i].text, true);
        buf_printf(b, "</div>\n");
    }
    buf_printf(b, "</dl>\n");
}

static void put_case(struct buf *b, const struct report_part *p, bool timed)
{
    char took[TEXT_SIZE_BYTES];

    buf_printf(b, "<tr role=\"row\"><td role=\"cell\">");
    put_badge(b, p->state);
    buf_printf(b, "</td><th role=\"rowheader\" scope=\"row\">");
    report_put_markup(b, p->name, false);
    buf_printf(b, "</th><td role=\"cell\">");
    report_put_markup(b, p->text, true);
    buf_printf(b, "</td>");
    if (timed) {
        buf_printf(b, "<td role=\"cell\" class=\"took\">%s</td>",
                   p->duration_ns > 0 ? text_duration(p->duration_ns, took) : "");
    }
    buf_printf(b, "</tr>\n");
}

static void put_cases(struct buf *b, const struct report_part *parts, size_t count)
{
    bool timed = false;

    for (size_t i = 0; i < count; i++) {
        timed = timed || parts[i].duration_ns > 0;
    }
    buf_printf(b,
               "<div class=\"cases\"><table role=\"table\">\n<thead role=\"rowgroup\"><tr "
               "role=\"row\"><th role=\"columnheader\" scope=\"col\">Result</th><th "
               "role=\"columnheader\" scope=\"col\">What</th><th role=\"columnheader\" "
               "scope=\"col\">Detail</th>%s</tr></thead>\n<tbody role=\"rowgroup\">\n",
               timed ? "<th role=\"columnheader\" scope=\"col\" class=\"took\">Time</th>" : "");
    for (size_t i = 0; i < count; i++) {
        put_case(b, &parts[i], timed);
    }
    buf_printf(b, "</tbody></table></div>\n");
}

/* Figures of a run stand side by side; `first` numbers them. */
static void put_plots(struct buf *b, const struct report_part *parts, size_t count, size_t first)
{
    char value[REPORT_VALUE_BYTES];

    buf_printf(b, "<div class=\"plots\">\n");
    for (size_t i = 0; i < count; i++) {
        const struct report_part *p = &parts[i];

        buf_printf(b, "<figure>\n<figcaption>");
        report_put_markup(b, p->name, false);
        buf_printf(b, "<small>newest: ");
        report_put_markup(b, report_value(p->points[p->count - 1].value, p->text, value), false);
        buf_printf(b, "</small></figcaption>\n");
        report_put_plot(b, p, first + i);
        buf_printf(b, "</figure>\n");
    }
    buf_printf(b, "</div>\n");
}

static void put_run(struct buf *b, const struct report *r, size_t i, size_t end)
{
    const struct report_part *parts = &r->parts[i];

    switch (parts->kind) {
    case REPORT_PART_FACT:
        put_facts(b, parts, end - i);
        return;
    case REPORT_PART_CASE:
        put_cases(b, parts, end - i);
        return;
    case REPORT_PART_PLOT:
        put_plots(b, parts, end - i, i);
        return;
    default:
        break;
    }
    for (; i < end; i++) {
        if (r->parts[i].kind == REPORT_PART_SECTION) {
            put_element(b, "h2", r->parts[i].name, false);
        } else if (r->parts[i].kind == REPORT_PART_PARAGRAPH) {
            put_element(b, "p", r->parts[i].text, true);
        } else {
            buf_printf(b, "<pre tabindex=\"0\">");
            put_element(b, "code", r->parts[i].text, true);
            buf_printf(b, "</pre>");
        }
        buf_printf(b, "\n");
    }
}

int report_html(const struct report *r, struct buf *out)
{
    char when[TEXT_TIME_BYTES];

    if (r->error != 0) {
        return err_nomem();
    }
    put_head(out, r);
    put_verdict(out, r);
    buf_printf(out, "<main>\n");
    for (size_t i = 0, end; i < report_length(r); i = end) {
        end = report_run_end(r, i);
        put_run(out, r, i, end);
    }
    buf_printf(out, "</main>\n<footer>Made %s by " VERSION_TOOL ".</footer>\n</body>\n</html>\n",
               text_time_local(r->at_ns, when));
    return buf_error(out);
}
