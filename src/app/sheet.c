/*
 * sheet.c - see sheet.h.
 *
 * Whoever reads it may never have seen holdfast and has a bad day: so every step is a command as it
 * is typed, with the location and the name of this very repository. The text can itself be given
 * as --key-file, and no line of it but the five looks like one of these: steps have letters.
 */
#include "app/sheet.h"

#include <string.h>

#include "app/qr.h"
#include "app/version.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define ROOM (128u << 10) /* more than any sheet takes */

enum line_kind { PLAIN, TITLE, HEADING, KEY, COMMAND, PARAGRAPH_END };

/* --- how text is put, by form --- */

static void put_escaped(struct buf *b, enum sheet_form form, const char *text)
{
    for (const char *p = text; *p; p++) {
        const char *entity = *p == '&' ? "&amp;" : *p == '<' ? "&lt;" : *p == '>' ? "&gt;" : NULL;

        if (form == SHEET_HTML && entity) {
            buf_printf(b, "%s", entity);
        } else {
            buf_put(b, p, 1);
        }
    }
}

struct pen {
    struct buf *b;
    enum sheet_form form;
};

static void put(const struct pen *p, enum line_kind kind, const char *text)
{
    static const struct {
        const char *before, *after, *html_before, *html_after;
    } how[] = {
        [PLAIN] = { "", "\n", "<p>", "</p>\n" },
        [TITLE] = { "", "\n\n", "<h1>", "</h1>\n" },
        [HEADING] = { "\n", "\n\n", "<h2>", "</h2>\n" },
        [KEY] = { "        ", "\n", "", "\n" },
        [COMMAND] = { "        ", "\n", "<pre>", "</pre>\n" },
        [PARAGRAPH_END] = { "", "\n", "", "" },
    };

    buf_printf(p->b, "%s", p->form == SHEET_HTML ? how[kind].html_before : how[kind].before);
    put_escaped(p->b, p->form, text);
    buf_printf(p->b, "%s", p->form == SHEET_HTML ? how[kind].html_after : how[kind].after);
}

/* As a shell takes it for one word. */
static void quote(struct buf *b, const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_@%+=:,./-";

    if (text[0] != '\0' && text[strspn(text, safe)] == '\0') {
        buf_printf(b, "%s", text);
        return;
    }
    buf_printf(b, "'");
    for (const char *p = text; *p; p++) {
        if (*p == '\'') {
            buf_printf(b, "'\\''");
        } else {
            buf_put(b, p, 1);
        }
    }
    buf_printf(b, "'");
}

/* A command line on this repository. */
static void put_command(const struct pen *p, const struct sheet *s, const char *before,
                        const char *after)
{
    struct buf line;

    buf_init(&line);
    buf_printf(&line, "holdfast --repo ");
    quote(&line, s->location);
    buf_printf(&line, "%s%s", before, after);
    put(p, COMMAND, buf_text(&line));
    buf_release(&line);
}

static void put_fact(const struct pen *p, const char *name, const char *value)
{
    if (p->form == SHEET_HTML) {
        buf_printf(p->b, "<tr><th>%s</th><td>", name);
        put_escaped(p->b, p->form, value);
        buf_printf(p->b, "</td></tr>\n");
    } else {
        buf_printf(p->b, "    %-14s%s\n", name, value);
    }
}

/* --- its parts --- */

static void put_facts(const struct pen *p, const struct sheet *s)
{
    char id[33], when[TEXT_TIME_BYTES];

    buf_printf(p->b, "%s", p->form == SHEET_HTML ? "<table>\n" : "");
    put_fact(p, "Key", s->name);
    put_fact(p, "Repository", text_hex(s->repo_id, sizeof s->repo_id, id));
    put_fact(p, "Location", s->location);
    put_fact(p, "Made on", s->host);
    put_fact(p, "Made at", text_time_local(s->made_ns, when));
    put_fact(p, "Made by", VERSION_TOOL);
    buf_printf(p->b, "%s", p->form == SHEET_HTML ? "</table>\n" : "\n");
}

/* What the QR code holds: it can be used as it was scanned. */
static void put_code_text(struct buf *b, const struct sheet *s)
{
    (void)buf_reserve(b, 1024);
    buf_printf(b, KEYSHEET_TITLE " %s\n", s->name);
    for (unsigned i = 0; i < KEYSHEET_LINES; i++) {
        buf_printf(b, "%s\n", s->key.lines[i]);
    }
}

static int put_code(struct buf *b, const struct sheet *s)
{
    struct buf text;
    int rc;

    buf_init(&text);
    put_code_text(&text, s);
    rc = buf_error(&text);
    if (rc == 0) {
        rc = qr_put_svg(b, KEYSHEET_TITLE, text.data, text.len);
    }
    if (text.data != NULL) {
        mem_wipe(text.data, text.cap);
    }
    buf_release(&text);
    return rc;
}

static int put_key(const struct pen *p, const struct sheet *s)
{
    int rc = 0;

    buf_printf(p->b, "%s", p->form == SHEET_HTML ? "<div class=\"key\"><pre>" : "");
    for (unsigned i = 0; i < KEYSHEET_LINES; i++) {
        put(p, KEY, s->key.lines[i]);
    }
    if (p->form == SHEET_HTML) {
        buf_printf(p->b, "</pre>\n");
        rc = put_code(p->b, s);
        buf_printf(p->b, "</div>\n");
    }
    return rc;
}

static void put_steps(const struct pen *p, const struct sheet *s)
{
    put(p, HEADING, "How to restore from it");
    put(p, PLAIN, "a) On any machine with " VERSION_TOOL " or newer, get at the repository: the");
    put(p, PLAIN, "   location above, or a copy of it anywhere else.");
    put(p, PARAGRAPH_END, "");
    put(p, PLAIN, "b) Type the five numbered lines into a file of their own, end with Ctrl-D; or");
    put(p, PLAIN,
        "   scan the QR code into it, where there is one. Upper or lower case and blanks");
    put(p, PLAIN, "   don't matter, nor whether a sign is taken for 0 or O, 1 or I or L.");
    put(p, PARAGRAPH_END, "");
    put(p, COMMAND, "umask 077; cat >sheet.txt");
    put(p, PARAGRAPH_END, "");
    put(p, PLAIN,
        "c) See that it opens the repository, and what is in it. A typing error is told by");
    put(p, PLAIN, "   line and group. Should the repository be elsewhere by now, name that place.");
    put(p, PARAGRAPH_END, "");
    put_command(p, s, " --key-file sheet.txt", " snapshots");
    put(p, PARAGRAPH_END, "");
    put(p, PLAIN, "d) Restore the newest snapshot, to a folder with enough space:");
    put(p, PARAGRAPH_END, "");
    put_command(p, s, " --key-file sheet.txt", " restore latest --target /restored");
    put(p, PARAGRAPH_END, "");
    put(p, PLAIN, "e) Choose a new password, and remove the file that you have typed:");
    put(p, PARAGRAPH_END, "");
    put_command(p, s, " --key-file sheet.txt", " key add after-recovery");
    put(p, COMMAND, "rm sheet.txt");
}

static void put_revocation(const struct pen *p, const struct sheet *s)
{
    put(p, HEADING, "If this sheet is lost, or was seen by somebody who should not");
    put_command(p, s, " key remove ", s->name);
    put_command(p, s, " key recovery-sheet", "");
}

static int put_body(const struct pen *p, const struct sheet *s)
{
    int rc;

    put(p, TITLE, KEYSHEET_TITLE);
    put_facts(p, s);
    put(p, PLAIN, "Who has this sheet and a copy of the repository can read all that is in it.");
    put(p, PLAIN, "Keep it secret, where the repository is not, and where you can get at it when");
    put(p, PLAIN, "all else is gone.");
    put(p, PARAGRAPH_END, "");
    rc = put_key(p, s);
    put_steps(p, s);
    put_revocation(p, s);
    return rc;
}

/* --- forms --- */

static const char html_head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<title>" KEYSHEET_TITLE "</title>\n<style>\n"
    "body{font:16px/1.45 sans-serif;color:#000;background:#fff;max-width:44rem;margin:1.5rem "
    "auto;padding:0 1rem}\n"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin:1.2rem 0 .3rem}p{margin:0}\n"
    "th{text-align:left;font-weight:600;padding-right:1rem;vertical-align:top}\n"
    "td{overflow-wrap:anywhere}table{margin-bottom:1rem}\n"
    "pre{font:.95rem/1.5 monospace;margin:.4rem 0;padding:0 0 0 1.5rem;white-space:pre-wrap;"
    "overflow-wrap:anywhere}\n"
    ".key{display:flex;flex-wrap:wrap;gap:1rem;align-items:center;border:1px solid #000;"
    "padding:.6rem;margin:1rem 0;break-inside:avoid}\n"
    ".key pre{font-size:1.15rem;padding:0;margin:0}.key svg{width:13rem;height:13rem}\n"
    "@media print{body{font-size:11pt;margin:0}}\n"
    "</style></head><body>\n";

enum sheet_form sheet_form_of(const char *path)
{
    const char *dot = path == NULL ? NULL : strrchr(path, '.');

    if (dot != NULL && (strcmp(dot, ".html") == 0 || strcmp(dot, ".htm") == 0)) {
        return SHEET_HTML;
    }
    return dot != NULL && strcmp(dot, ".svg") == 0 ? SHEET_SVG : SHEET_TEXT;
}

int sheet_put(struct buf *b, const struct sheet *s, enum sheet_form form)
{
    struct pen pen = { b, form };
    int rc = buf_reserve(b, ROOM);

    if (rc == 0 && form == SHEET_SVG) {
        rc = put_code(b, s);
    } else if (rc == 0) {
        buf_printf(b, "%s", form == SHEET_HTML ? html_head : "");
        rc = put_body(&pen, s);
        buf_printf(b, "%s", form == SHEET_HTML ? "</body></html>\n" : "");
    }
    return rc != 0 ? rc : buf_error(b);
}
