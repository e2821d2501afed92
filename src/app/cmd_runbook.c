/*
 * cmd_runbook.c - what to do on the day of a disaster, as a document to print and to drill.
 */
#include <string.h>
#include <sys/stat.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/newfile.h"
#include "app/report.h"
#include "app/select.h"
#include "app/version.h"
#include "app/whoami.h"
#include "base/err.h"
#include "engine/runbook.h"

#define FILE_MODE 0644

struct runbook_values {
    struct select_filters filters;
    const char *output;
    const char *policy;
};

struct runbook_job {
    struct app *app;
    const struct runbook_values *values;
    struct select_view view;
    struct policy policy;
    struct runbook book;
};

static int make(struct runbook_job *b)
{
    struct timeline_resolution r;
    struct whoami who;
    struct runbook_options o = { .tool = VERSION_TOOL, .host = who.host };
    int rc = whoami_find(&who);

    if (rc == 0 && b->values->policy != NULL) {
        rc = policy_read(b->values->policy, &b->policy);
        o.policy = &b->policy;
    }
    if (rc == 0) {
        rc = select_open(b->app, REPO_STRICT, &b->values->filters, NULL, 0, NULL, &b->view);
    }
    if (rc == 0) {
        rc = select_point(&b->view, 0, &r);
    }
    if (rc == 0) {
        o.location = b->view.session.path;
        o.now_ns = clock_wall(b->app->clock);
        o.point = r.found;
        rc = runbook_make(b->view.session.repo, &o, &b->book);
    }
    return rc;
}

/* --- as HTML --- */

static void put_item(struct report *r, const struct runbook_part *part)
{
    if (part->name != NULL) {
        report_fact(r, part->name, part->text);
    } else {
        report_paragraph(r, part->text);
    }
}

static void put_part(struct report *r, const struct runbook_part *part)
{
    switch (part->kind) {
    case RUNBOOK_TITLE:
        break;
    case RUNBOOK_HEADING:
        report_section(r, part->text);
        break;
    case RUNBOOK_PARAGRAPH:
        report_paragraph(r, part->text);
        break;
    case RUNBOOK_ITEM:
        put_item(r, part);
        break;
    case RUNBOOK_COMMANDS:
    case RUNBOOK_OUTPUT:
        report_commands(r, part->text);
        break;
    }
}

static int put_html(const struct runbook_job *b, struct buf *out)
{
    const struct runbook *book = &b->book;
    struct report *r = NULL;
    int rc = report_new("runbook", book->parts[0].text, clock_wall(b->app->clock), &r);

    for (size_t i = 0; rc == 0 && i < book->count; i++) {
        put_part(r, &book->parts[i]);
    }
    if (rc == 0) {
        rc = report_html(r, out);
    }
    report_free(r);
    return rc;
}

/* --- as what was asked for --- */

static bool ends_in(const char *path, const char *ending)
{
    size_t len = strlen(path), end = strlen(ending);

    return len >= end && strcmp(path + len - end, ending) == 0;
}

static void put_json(const struct runbook_job *b, const char *text)
{
    struct json *j = &b->app->json;

    json_document(j, "runbook");
    json_text(j, "file", b->values->output);
    json_array(j, "steps");
    for (size_t i = 0; i < b->book.count; i++) {
        const struct runbook_part *part = &b->book.parts[i];

        if (part->kind == RUNBOOK_COMMANDS) {
            json_object(j, NULL);
            json_text(j, "step", part->name);
            json_text(j, "commands", part->text);
            json_end_object(j);
        }
    }
    json_end_array(j);
    json_text(j, "text", text);
    json_end_object(j);
}

static int put(const struct runbook_job *b)
{
    const char *path = b->values->output;
    bool html = path != NULL && (ends_in(path, ".html") || ends_in(path, ".htm"));
    struct buf text;
    int rc;

    buf_init(&text);
    rc = html ? put_html(b, &text) : runbook_markdown(&b->book, &text);
    if (rc == 0 && path != NULL) {
        rc = newfile_put(path, FILE_MODE & ~b->app->umask_before, &text);
    }
    if (rc == 0 && b->app->options.json) {
        put_json(b, buf_text(&text));
    } else if (rc == 0 && path == NULL) {
        out_put(&b->app->out, text.data, text.len);
    } else if (rc == 0) {
        app_note(b->app, "wrote %s; print it, and keep it with the key", path);
    }
    buf_release(&text);
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct runbook_job b = { .app = app, .values = values };
    int rc = make(&b);

    (void)operands;
    if (rc == 0) {
        rc = put(&b);
    }
    runbook_release(&b.book);
    policy_release(&b.policy);
    select_close(&b.view);
    return rc == 0 ? 0 : err_add(rc, "could not write the runbook");
}

#define ROW(field) offsetof(struct runbook_values, field)
static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, "F", "write it to F, as a page if that ends in .html",
      ROW(output), NULL },
    SELECT_FILTER_ROWS(struct runbook_values, filters),
    { "policy", 0, OPTION_TEXT, "F", "name the limits and the roles of this policy", ROW(policy),
      NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "[-o F] [--job J] [--host H] [--policy F]", NULL };
static const char *const about[] = {
    "Writes down how this repository is restored on a machine that has nothing: who, what is "
    "needed, each step with its commands, what is to be seen then, how long it took in the last "
    "drill, and what to do if it fails. It is Markdown, or a page to print.",
    "The commands rely on nothing but a shell, the program, the repository and a key. What has to "
    "be filled in stands at the top, as variables. \"drill --runbook F\" types the commands of the "
    "Markdown in an empty environment and puts what they took on record: do that whenever "
    "something has changed.",
    "It is about the newest snapshot of one job and host: the newest of all, unless filters say "
    "another. It holds no secret.",
    NULL,
};
static const struct command_text exits[] = {
    { "7", "there is no snapshot to be restored" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast runbook -o ~/runbook.md", "to be drilled" },
    { "holdfast runbook -o ~/runbook.html --job default", "to be printed" },
    { NULL, NULL },
};

const struct command cmd_runbook = {
    .name = "runbook",
    .group = COMMAND_CARE,
    .summary = "write down how to recover from a disaster",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct runbook_values),
    .run = run,
};
