/*
 * cmd_import.c - an archive becomes a snapshot.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/archive_in.h"
#include "app/commands.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/version.h"
#include "app/whoami.h"
#include "base/err.h"
#include "base/text.h"
#include "engine/archive_import.h"

#define JOB "import"

struct import_values {
    const char *job;
    const char *host;
    struct option_list tags;
    const char *time;
    struct option_number strip_components;
    bool contents;
    bool dry_run;
};

struct import_job {
    struct app *app;
    const struct import_values *values;
    struct session session;
    struct archive_in in;
    bool begun; /* there will be a summary */
    int64_t time_ns;
    struct whoami who;
    struct archive_import_result result;
};

static void on_progress(void *context, const struct archive_import_progress *p)
{
    const struct import_job *b = context;
    const struct progress_state s = {
        .files = p->entries,
        .bytes = p->bytes,
        .errors = p->errors,
        .path = p->path,
        .path_len = p->path_len,
    };

    progress_update(b->app, &s);
}

static void on_warning(void *context, enum archive_import_what what, const char *path,
                       size_t path_len, const char *message)
{
    static const char *const codes[] = {
        [ARCHIVE_IMPORT_REFUSED] = "refused",
        [ARCHIVE_IMPORT_LOSS] = "loss",
        [ARCHIVE_IMPORT_NOTE] = "note",
    };
    const struct import_job *b = context;

    if (b->app->options.json) {
        app_event(b->app, "warning", path, path_len, codes[what], message);
    } else if (what == ARCHIVE_IMPORT_NOTE) {
        app_note(b->app, "%.*s: %s", (int)path_len, path, message);
    } else {
        app_warn(b->app, "%s: %.*s: %s",
                 what == ARCHIVE_IMPORT_REFUSED ? "left out" : "not all of it is kept",
                 (int)path_len, path, message);
    }
}

static int check_values(struct import_job *b)
{
    const struct import_values *v = b->values;
    int64_t now = clock_wall(b->app->clock);
    int rc;

    if (v->strip_components.value > UINT_MAX) {
        return err_raise(HF_EUSAGE, "--strip-components: the number is too large");
    }
    if (v->time == NULL) {
        return 0;
    }
    rc = text_parse_time(v->time, now, &b->time_ns);
    if (rc != 0) {
        return err_add(HF_EUSAGE, "--time");
    }
    if (b->time_ns > now) {
        return err_raise(HF_EUSAGE, "--time: %s is in the future", v->time);
    }
    return 0;
}

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");

    return folder != NULL && folder[0] != '\0' ? folder : "/var/tmp";
}

static int import(struct import_job *b)
{
    const struct import_values *v = b->values;
    const struct archive_import_events events = { b, on_progress, on_warning };
    const struct archive_import_options o = {
        .job = v->job != NULL ? v->job : JOB,
        .host = v->host != NULL ? v->host : b->who.host,
        .user = b->who.user,
        .tags = v->tags.items,
        .tag_count = v->tags.count,
        .strip_components = (unsigned)v->strip_components.value,
        .dry_run = v->dry_run,
        .time_ns = b->time_ns,
        .folder = temporary_folder(),
        .tool = VERSION_TOOL,
        .cancel = signals_flag(),
    };
    int rc;

    b->in.source.contents_from_disk = v->contents;
    progress_start(b->app);
    rc = archive_import_run(b->session.repo, &o, &b->in.source, &events, &b->result);
    progress_stop(b->app);
    return signals_name(rc);
}

static int do_all(struct import_job *b, const char *archive)
{
    int rc = check_values(b);

    if (rc == 0) {
        rc = whoami_find(&b->who);
    }
    if (rc == 0) {
        rc = session_open(b->app, REPO_STRICT, &b->session);
    }
    b->begun = rc == 0;
    if (rc == 0) {
        rc = archive_in_open(archive, temporary_folder(), &b->in);
    }
    return rc == 0 ? import(b) : rc;
}

static void put_summary_json(const struct import_job *b, int rc)
{
    const struct archive_import_result *r = &b->result;
    const struct commit_counts *c = &r->counts;
    struct json *j = &b->app->json;

    json_document(j, "import");
    json_text(j, "type", "summary");
    json_number(j, "exit", rc == 0 ? 0 : (uint64_t)err_exit_status(rc));
    if (r->published || rc == HF_EUNKNOWN) {
        json_hex(j, "snapshot_id", r->id, sizeof r->id);
    } else {
        json_null(j, "snapshot_id");
    }
    if (r->published) {
        json_number(j, "number", r->number);
        json_time(j, "time", r->time_ns);
    } else {
        json_null(j, "number");
        json_null(j, "time");
    }
    json_text(j, "format", r->format[0] != '\0' ? r->format : NULL);
    json_text(j, "compression", r->filter[0] != '\0' ? r->filter : NULL);
    json_number(j, "entries", r->entries);
    json_number(j, "files", c->files);
    json_number(j, "dirs", c->dirs);
    json_number(j, "others", c->others);
    json_number(j, "links", r->links);
    json_number(j, "replaced", r->replaced);
    json_number(j, "refused", r->refused);
    json_number(j, "losses", r->losses);
    json_number(j, "bytes_processed", c->bytes);
    json_number(j, "bytes_new", c->bytes_new);
    json_number(j, "bytes_stored", c->bytes_stored);
    json_number(j, "errors", c->errors);
    json_seconds(j, "duration_seconds", r->duration_ns);
    json_end_object(j);
}

static void put_counts(struct out *out, const struct archive_import_result *r)
{
    const struct commit_counts *c = &r->counts;
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES], z[TEXT_SIZE_BYTES];

    out_printf(out, "  %s: %s files, %s folders", r->format, text_count(c->files, x),
               text_count(c->dirs, y));
    out_printf(out, ", %s others, %s\n", text_count(c->others, x), text_size(c->bytes, y));
    out_printf(out, "  %s new, %s stored, in %s\n", text_size(c->bytes_new, x),
               text_size(c->bytes_stored, y), text_duration(r->duration_ns, z));
    if (r->refused + r->losses > 0) {
        out_printf(out,
                   "  %" PRIu64 " entries were left out, %" PRIu64
                   " are not kept as they were; each is named above\n",
                   r->refused, r->losses);
    }
}

static void put_summary_text(const struct import_job *b, int rc)
{
    const struct archive_import_result *r = &b->result;
    const char *job = b->values->job != NULL ? b->values->job : JOB;
    struct out *out = &b->app->out;
    char id[33];

    text_hex(r->id, sizeof r->id, id);
    if (rc == HF_EUNKNOWN || (r->published && b->app->options.quiet)) {
        out_printf(out, "%s\n", id);
    } else if (r->published) {
        out_printf(out, "snapshot %s is entry %" PRIu64 ", job ", id, r->number);
        out_shown(out, job, strlen(job));
        out_text(out, "\n");
        put_counts(out, r);
    } else if ((rc == 0 || rc == HF_EPARTIAL) && !b->app->options.quiet) {
        out_text(out, "nothing was written: a dry run\n");
        put_counts(out, r);
    }
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct import_job b = { .app = app,
                            .values = values,
                            .in = { .fd = -1, .opened = -1, .kept = -1 } };
    int rc = do_all(&b, operands->items[0]);

    if (rc == HF_EUNKNOWN) {
        rc = err_add(rc, "could not tell whether the snapshot was published");
    } else if (rc == HF_EPARTIAL) {
        rc = err_add(rc, "could not import everything");
    } else if (rc != 0) {
        rc = err_add(rc, "could not import %s", operands->items[0]);
    }
    if (b.begun && app->options.json) {
        put_summary_json(&b, rc);
    } else if (b.begun) {
        put_summary_text(&b, rc);
    }
    archive_in_close(&b.in);
    session_close(&b.session);
    return rc;
}

#define ROW(field) offsetof(struct import_values, field)
static const struct option options[] = {
    { "job", 0, OPTION_TEXT, "J", "the name of what this is a backup of (\"import\")", ROW(job),
      NULL },
    { "host", 0, OPTION_TEXT, "H", "the machine it comes from (this one)", ROW(host), NULL },
    { "tag", 0, OPTION_WORDS, "T", "mark the snapshot; may be repeated, or T,T", ROW(tags), NULL },
    { "time", 0, OPTION_TEXT, "TIME", "the time of the snapshot, its begin and its end (now)",
      ROW(time), NULL },
    { "strip-components", 0, OPTION_NUMBER, "N", "leave out the first N folders of each name",
      ROW(strip_components), NULL },
    { "contents", 0, OPTION_FLAG, NULL,
      "read the files that an mtree list names, from the current folder or where it says",
      ROW(contents), NULL },
    { "dry-run", 'n', OPTION_FLAG, NULL, "only say what would be stored", ROW(dry_run), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = {
    "ARCHIVE|- [--job J] [--host H] [--tag T]... [--time TIME] [OPTION...]", NULL
};
static const char *const about[] = {
    "Makes one snapshot of an archive: tar (pax, ustar, GNU), cpio, zip, 7z, or an mtree list, "
    "compressed or not; - is standard input. Entries keep their own metadata; \"a/b\" becomes "
    "/a/b. A later entry replaces an earlier one of the same name.",
    "Entries whose names have \"..\" in them or lead through a symbolic link, and links to what is "
    "not there, are left out and named; the exit code is 3. Leading slashes are taken off. An "
    "archive that is damaged, cut short, encrypted or of unknown kind makes no snapshot at all.",
    "What is not said (owners in a 7z archive, folders that are only implied) is as if made now, "
    "by you. A list holds no content: --contents reads the files that it names, so trust the list.",
    NULL,
};
static const struct command_text exits[] = {
    { "1", "it failed: no such archive, or one that can't be read; there is no snapshot" },
    { "3", "there is a snapshot, but some entries were left out, or not all of them was kept" },
    { "8", "the snapshot may still appear; its id is printed; running again is safe" },
    { "28", "no space left; no snapshot was made" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast import ~/documents.tar.gz", "an archive of any kind" },
    { "tar -c -C ~ documents | holdfast import - --job documents --tag old", "a stream" },
    { "holdfast import ~/documents.tar.gz --time '2021-05-04 12:00'", "as of a moment" },
    { NULL, NULL },
};

const struct command cmd_import = {
    .name = "import",
    .group = COMMAND_EVERYDAY,
    .summary = "make a snapshot of an archive",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct import_values),
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
