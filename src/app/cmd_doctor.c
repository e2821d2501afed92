/*
 * cmd_doctor.c - whether all is here that holdfast needs, and what to do where it is not.
 */
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/doctor.h"
#include "app/term.h"
#include "base/err.h"

struct doctor_values {
    bool probe;
};

static const char *const words[DOCTOR_STATES] = { "ok", "warn", "fail" };

static void put_json(struct app *app, const struct doctor *d)
{
    struct json *j = &app->json;

    json_document(j, "doctor");
    json_array(j, "checks");
    for (size_t i = 0; i < d->count; i++) {
        const struct doctor_finding *f = &d->findings[i];

        json_object(j, NULL);
        json_text(j, "name", f->name);
        json_text(j, "state", words[f->state]);
        json_text(j, "about", f->about);
        json_text(j, "message", f->message);
        json_text(j, "advice", f->state == DOCTOR_OK ? NULL : f->advice);
        json_end_object(j);
    }
    json_end_array(j);
    for (int i = 0; i < DOCTOR_STATES; i++) {
        json_number(j, words[i], d->counts[i]);
    }
    json_end_object(j);
}

static void put_text(struct app *app, const struct doctor *d)
{
    static const char *const colours[DOCTOR_STATES] = { "\033[32m", "\033[33m", "\033[1;31m" };
    bool coloured = term_has_colours(app->out.fd);
    struct out *out = &app->out;

    for (size_t i = 0; i < d->count; i++) {
        const struct doctor_finding *f = &d->findings[i];

        if (app->options.quiet && f->state == DOCTOR_OK) {
            continue;
        }
        out_printf(out, "%s%-4s%s  %s", coloured ? colours[f->state] : "", words[f->state],
                   coloured ? "\033[0m" : "", f->name);
        if (f->about != NULL) {
            out_text(out, " ");
            out_shown(out, f->about, strlen(f->about));
        }
        out_text(out, ": ");
        out_shown(out, f->message, strlen(f->message));
        out_text(out, "\n");
        if (f->state != DOCTOR_OK && f->advice != NULL) {
            out_printf(out, "      -> %s\n", f->advice);
        }
    }
    out_printf(out, "%zu ok, %zu to look at, %zu wrong\n", d->counts[DOCTOR_OK],
               d->counts[DOCTOR_WARN], d->counts[DOCTOR_FAIL]);
}

static int verdict(const struct doctor *d)
{
    if (d->error != 0 || d->counts[DOCTOR_FAIL] == 0) {
        return d->error;
    }
    err_raise(HF_EFAIL, "the doctor found %zu thing%s that must be seen to", d->counts[DOCTOR_FAIL],
              d->counts[DOCTOR_FAIL] == 1 ? "" : "s");
    return err_hint("the lines that begin with \"fail\" say what to do");
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct doctor_values *o = values;
    struct doctor d = { .app = app, .probe = o->probe };
    int rc;

    (void)operands;
    doctor_host(&d);
    doctor_places(&d);
    doctor_jobs(&d);
    if (app->options.json) {
        put_json(app, &d);
    } else {
        put_text(app, &d);
    }
    rc = verdict(&d);
    doctor_release(&d);
    return rc;
}

static const struct option options[] = {
    { "probe", 0, OPTION_FLAG, NULL,
      "make files in tmp/ of each repository, to see what its file system can do, and remove them",
      offsetof(struct doctor_values, probe), NULL },
    { .name = NULL },
};
static const char *const synopsis[] = { "[--probe]", NULL };
static const char *const about[] = {
    "Looks at all that backups need, a line each: ok, warn or fail, and what to do about it. The "
    "program, its libraries and the processor; the clock, and whether it is synchronised; the "
    "environment; the folders of cache and state, and repositories: file systems, permissions, "
    "space and inodes, what interrupted writing left behind, whether they open and their journals "
    "are whole; the configuration, and of each job its key, paths, files, lock, and whether "
    "something runs it at its times.",
    "The repository is that of --repo or HOLDFAST_REPOSITORY; beside it, or without it, those of "
    "the jobs. Without either, the rest is looked at. Nothing is written to a repository unless "
    "--probe is given.",
    NULL,
};
static const struct command_text exits[] = {
    { "0", "nothing is wrong, though there may be something to look at (warn)" },
    { "1", "something is wrong (fail)" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast doctor --config ~/holdfast.conf", "everything" },
    { "holdfast -q doctor --probe --config ~/holdfast.conf", "only what is not well; file systems "
                                                             "are tried" },
    { "holdfast doctor --json --config ~/holdfast.conf", "for scripts" },
    { NULL, NULL },
};

const struct command cmd_doctor = {
    .name = "doctor",
    .group = COMMAND_CARE,
    .summary = "look for what would keep backups from working",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct doctor_values),
    .local = true,
    .run = run,
};
