/*
 * cmd_backup.c - one backup, with what runs around it.
 *
 * The order: the --before hook, the backup, the --after hook (whenever --before succeeded, so that
 * it can thaw what was frozen), the --on-failure hook if anything went wrong. A failing --after
 * hook makes a failure of the whole; the snapshot stands.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/backup_source.h"
#include "app/commands.h"
#include "app/hook.h"
#include "app/select.h"
#include "app/signals.h"
#include "app/version.h"
#include "app/whoami.h"
#include "base/err.h"
#include "base/text.h"
#include "engine/backup.h"

struct backup_values {
    const char *job;
    const char *host;
    struct option_list tags;
    struct backup_source_values source;
    const char *parent;
    bool force;
    bool skip_if_unchanged;
    bool ignore_inode;
    bool ignore_ctime;
    const char *class;
    const char *before;
    const char *after;
    const char *on_failure;
    bool dry_run;
};

struct backup_run {
    struct app *app;
    const struct backup_values *values;
    const struct option_operands *operands;
    struct select_view view;
    bool begun;    /* the repository is open: there will be a summary */
    bool quiesced; /* the --before hook succeeded */
    uint8_t parent[16];
    struct whoami who;
    struct backup_result result;
};

static const char *const class_names[] = { "app", "crash", "fuzzy", NULL };

static void on_progress(void *context, const struct backup_progress *p)
{
    const struct backup_run *b = context;
    const struct progress_state s = {
        .files = p->files,
        .bytes = p->bytes,
        .files_expected = p->files_expected,
        .bytes_expected = p->bytes_expected,
        .errors = p->errors,
        .path = p->path,
        .path_len = p->path_len,
    };

    progress_update(b->app, &s);
}

static void on_warning(void *context, const char *path, size_t path_len, int code,
                       const char *message)
{
    const struct backup_run *b = context;

    if (b->app->options.json) {
        app_event(b->app, "warning", path, path_len, err_code_name(code), message);
    } else {
        app_warn(b->app, "%.*s: %s", (int)path_len, path, message);
    }
}

static enum commit_class class_of(const struct backup_run *b)
{
    const char *name = b->values->class;

    if (name == NULL) {
        return b->quiesced ? COMMIT_APP : COMMIT_FUZZY;
    }
    return strcmp(name, "app") == 0     ? COMMIT_APP
           : strcmp(name, "crash") == 0 ? COMMIT_CRASH
                                        : COMMIT_FUZZY;
}

static void fill_options(const struct backup_run *b, const struct backup_source *source,
                         struct backup_options *o)
{
    const struct backup_values *v = b->values;

    *o = (struct backup_options){
        .job = v->job,
        .host = v->host != NULL ? v->host : b->who.host,
        .user = b->who.user,
        .paths = source->roots.items,
        .path_count = source->roots.count,
        .tags = v->tags.items,
        .tag_count = v->tags.count,
        .parent = v->parent != NULL ? b->parent : NULL,
        .force = v->force,
        .skip_if_unchanged = v->skip_if_unchanged,
        .dry_run = v->dry_run,
        .ignore_inode = v->ignore_inode,
        .ignore_ctime = v->ignore_ctime,
        .class = class_of(b),
        .tool = VERSION_TOOL,
        .cancel = signals_flag(),
    };
    o->class_asserted = o->class != COMMIT_FUZZY && !b->quiesced;
}

static int back_up(struct backup_run *b)
{
    const struct backup_events events = { b, on_progress, on_warning };
    struct backup_options options;
    struct backup_source source;
    int rc = backup_source_open(b->app, &b->view.session, &b->values->source, b->operands, &source);

    if (rc == 0) {
        fill_options(b, &source, &options);
        progress_start(b->app);
        rc = signals_name(
            backup_run(b->view.session.repo, &options, source.source, &events, &b->result));
        progress_stop(b->app);
    }
    backup_source_close(&source);
    return rc;
}

static struct hook_facts facts_of(const struct backup_run *b, int rc, const struct err_trail *why)
{
    const char *job = b->values->job != NULL ? b->values->job : "default";

    return (struct hook_facts){
        .job = job,
        .snapshot_id = b->result.published ? b->result.id : NULL,
        .code = rc,
        .error = rc != 0 ? why->text : NULL,
    };
}

/* Runs a hook after something happened: of two failures the first one is told. */
static int run_later_hook(struct backup_run *b, const char *name, const char *command, int rc)
{
    struct err_trail why;
    struct hook_facts facts;
    int hook_rc;

    if (command == NULL || b->values->dry_run) {
        return rc;
    }
    err_take(&why);
    facts = facts_of(b, rc, &why);
    hook_rc = hook_run(b->app, name, command, &facts);
    if (rc == 0) {
        return hook_rc;
    }
    if (hook_rc != 0) {
        app_warn(b->app, "%s", err_last()->text);
    }
    err_give(&why);
    return rc;
}

static int run_before_hook(struct backup_run *b)
{
    const struct hook_facts facts = facts_of(b, 0, NULL);
    int rc;

    if (b->values->before == NULL || b->values->dry_run) {
        return 0;
    }
    rc = hook_run(b->app, "before", b->values->before, &facts);
    b->quiesced = rc == 0;
    return rc;
}

static int find_parent(struct backup_run *b)
{
    struct timeline_resolution r;
    int rc;

    if (b->values->parent == NULL) {
        return 0;
    }
    rc = timeline_resolve(b->view.timeline, &b->view.selectors[0], &r);
    if (rc != 0) {
        return err_add(rc, "--parent");
    }
    memcpy(b->parent, r.found->snapshot->id, sizeof b->parent);
    return 0;
}

static int do_all(struct backup_run *b)
{
    static const struct select_filters no_filters;
    const char *parent = b->values->parent;
    int rc = select_open(b->app, REPO_STRICT, &no_filters, &parent, parent == NULL ? 0 : 1, NULL,
                         &b->view);

    b->begun = rc == 0;
    if (rc == 0) {
        rc = find_parent(b);
    }
    if (rc == 0) {
        rc = run_before_hook(b);
    }
    if (rc != 0) {
        return rc;
    }
    rc = back_up(b);
    if (b->quiesced || b->values->before == NULL) {
        rc = run_later_hook(b, "after", b->values->after, rc);
    }
    return rc;
}

static void put_summary_json(const struct backup_run *b, int rc)
{
    const struct backup_result *r = &b->result;
    const struct commit_counts *c = &r->counts;
    struct json *j = &b->app->json;

    json_document(j, "backup");
    json_text(j, "type", "summary");
    json_number(j, "exit", rc == 0 ? 0 : (uint64_t)err_exit_status(rc));
    if (r->published || rc == HF_EUNKNOWN) {
        json_hex(j, "snapshot_id", r->id, sizeof r->id);
    } else {
        json_null(j, "snapshot_id");
    }
    if (r->published) {
        json_number(j, "number", r->number);
    } else {
        json_null(j, "number");
    }
    if (r->published) {
        json_time(j, "time", r->time_ns);
    } else {
        json_null(j, "time");
    }
    if (r->has_parent) {
        json_hex(j, "parent", r->parent, sizeof r->parent);
    } else {
        json_null(j, "parent");
    }
    json_bool(j, "unchanged", r->unchanged);
    json_number(j, "files", c->files);
    json_number(j, "files_new", c->files_new);
    json_number(j, "files_changed", c->files_changed);
    json_number(j, "files_unmodified", c->files_unmodified);
    json_number(j, "dirs", c->dirs);
    json_number(j, "bytes_processed", c->bytes);
    json_number(j, "bytes_new", c->bytes_new);
    json_number(j, "bytes_stored", c->bytes_stored);
    json_number(j, "errors", c->errors);
    json_number(j, "unstable", c->unstable);
    json_seconds(j, "duration_seconds", r->duration_ns);
    json_end_object(j);
}

static void put_counts(struct out *out, const struct backup_result *r)
{
    const struct commit_counts *c = &r->counts;
    char a[TEXT_SIZE_BYTES], b[TEXT_SIZE_BYTES], d[TEXT_SIZE_BYTES], e[TEXT_SIZE_BYTES];

    out_printf(out, "  %s files (%s new, %s changed, %s unmodified)", text_count(c->files, a),
               text_count(c->files_new, b), text_count(c->files_changed, d),
               text_count(c->files_unmodified, e));
    out_printf(out, ", %s folders, %s\n", text_count(c->dirs, a), text_size(c->bytes, b));
    out_printf(out, "  %s new, %s stored, in %s\n", text_size(c->bytes_new, a),
               text_size(c->bytes_stored, b), text_duration(r->duration_ns, d));
    if (c->errors + c->unstable > 0) {
        out_printf(out, "  %s could not be backed up, %s changed meanwhile: each is named above\n",
                   text_count(c->errors, a), text_count(c->unstable, b));
    }
}

static void put_summary_text(const struct backup_run *b, int rc)
{
    const struct backup_result *r = &b->result;
    const char *job = b->values->job != NULL ? b->values->job : "default";
    struct out *out = &b->app->out;
    char id[33];

    text_hex(r->id, sizeof r->id, id);
    if (rc == HF_EUNKNOWN) {
        out_printf(out, "%s\n", id);
    } else if (r->published && b->app->options.quiet) {
        out_printf(out, "%s\n", id);
    } else if (r->published) {
        out_printf(out, "snapshot %s is entry %" PRIu64 ", job ", id, r->number);
        out_shown(out, job, strlen(job));
        out_text(out, "\n");
        put_counts(out, r);
    } else if (rc == 0 && !b->app->options.quiet) {
        out_text(out, r->unchanged ? "nothing has changed since the parent: no snapshot was made\n"
                                   : "nothing was written; a backup would hold\n");
        put_counts(out, r);
    }
}

static int check_values(const struct backup_values *v, const struct option_operands *operands)
{
    if (v->job != NULL && (v->job[0] == '\0' || strchr(v->job, ',') != NULL)) {
        return err_raise(HF_EUSAGE, "--job: a name is not empty and has no comma in it");
    }
    if (v->host != NULL && (v->host[0] == '\0' || strchr(v->host, ',') != NULL)) {
        return err_raise(HF_EUSAGE, "--host: a name is not empty and has no comma in it");
    }
    return backup_source_check(&v->source, operands);
}

static void note_made(const struct backup_run *b)
{
    struct app_made *made = &b->app->made;

    if (!b->result.published) {
        return;
    }
    made->any = true;
    memcpy(made->id, b->result.id, sizeof made->id);
    made->files = b->result.counts.files;
    made->bytes = b->result.counts.bytes;
    made->bytes_stored = b->result.counts.bytes_stored;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct backup_run b = { .app = app, .values = values, .operands = operands };
    int rc = check_values(values, operands);

    if (rc == 0) {
        rc = whoami_find(&b.who);
    }
    if (rc == 0) {
        rc = do_all(&b);
    }
    note_made(&b);
    if (rc == HF_EUNKNOWN) {
        rc = err_add(rc, "could not tell whether the snapshot was published");
    } else if (rc == HF_EPARTIAL) {
        rc = err_add(rc, "could not back up everything");
    } else if (rc != 0) {
        rc = err_add(rc, b.result.published ? "could not do all that was asked for, though the "
                                              "snapshot was published"
                                            : "could not back up");
    }
    if (rc != 0 && rc != HF_EUSAGE) {
        rc = run_later_hook(&b, "on-failure", b.values->on_failure, rc);
    }
    if (b.begun && app->options.json) {
        put_summary_json(&b, rc);
    } else if (b.begun) {
        put_summary_text(&b, rc);
    }
    select_close(&b.view);
    return rc;
}

#define ROW(field) offsetof(struct backup_values, field)
static const struct option options[] = {
    { "job", 0, OPTION_TEXT, "J", "the name of what this is a backup of (\"default\")", ROW(job),
      NULL },
    { "host", 0, OPTION_TEXT, "H", "the machine it comes from (this one)", ROW(host), NULL },
    { "tag", 0, OPTION_WORDS, "T", "mark the snapshot; may be repeated, or T,T", ROW(tags), NULL },
    { "exclude", 'e', OPTION_LIST, "PATTERN",
      "leave out what matches: a name at any depth (*.tmp), or a path from the root (/home/*/tmp); "
      "! before it takes back",
      ROW(source.excludes), NULL },
    { "exclude-file", 0, OPTION_LIST, "F", "the same, one pattern a line",
      ROW(source.exclude_files), NULL },
    { "exclude-caches", 0, OPTION_FLAG, NULL, "leave out what is in folders with a CACHEDIR.TAG",
      ROW(source.exclude_caches), NULL },
    { "exclude-if-present", 0, OPTION_LIST, "N",
      "leave out what is in folders that hold a file of this name", ROW(source.exclude_if_present),
      NULL },
    { "exclude-larger-than", 0, OPTION_SIZE, "SIZE", "leave out larger files",
      ROW(source.exclude_larger), NULL },
    { "one-file-system", 'x', OPTION_FLAG, NULL, "do not enter other file systems",
      ROW(source.one_file_system), NULL },
    { "files-from", 0, OPTION_LIST, "F",
      "read paths from a file, one a line; # begins a comment; - is standard input",
      ROW(source.files_from), NULL },
    { "files-from0", 0, OPTION_LIST, "F", "the same, each path ended by a NUL",
      ROW(source.files_from0), NULL },
    { "stdin", 0, OPTION_FLAG, NULL, "back up standard input as one file", ROW(source.from_stdin),
      NULL },
    { "stdin-from-command", 0, OPTION_FLAG, NULL,
      "back up what a command writes; if the command fails, there is no snapshot",
      ROW(source.from_command), NULL },
    { "stdin-name", 0, OPTION_TEXT, "N", "what to call that file (\"stdin\")",
      ROW(source.stdin_name), NULL },
    { "strip-prefix", 0, OPTION_TEXT, "P", "a folder above all paths, which becomes /",
      ROW(source.strip_prefix), NULL },
    { "parent", 0, OPTION_TEXT, "SELECTOR",
      "compare with this snapshot (the newest of the same host, job and paths)", ROW(parent),
      NULL },
    { "force", 0, OPTION_FLAG, NULL, "read all files, even those that seem unmodified", ROW(force),
      NULL },
    { "skip-if-unchanged", 0, OPTION_FLAG, NULL, "make no snapshot if nothing has changed",
      ROW(skip_if_unchanged), NULL },
    { "ignore-inode", 0, OPTION_FLAG, NULL, "another inode number is no sign of a change",
      ROW(ignore_inode), NULL },
    { "ignore-ctime", 0, OPTION_FLAG, NULL, "another ctime is no sign of a change",
      ROW(ignore_ctime), NULL },
    { "class", 0, OPTION_CHOICE, "app|crash|fuzzy",
      "how consistent it is: the application was quiesced, the file system frozen, or neither "
      "(app with a --before hook, else fuzzy); recorded as asserted unless a --before hook "
      "succeeded",
      ROW(class), class_names },
    { "before", 0, OPTION_TEXT, "CMD", "run this first; if it fails, there is no backup",
      ROW(before), NULL },
    { "after", 0, OPTION_TEXT, "CMD", "run this afterwards, whatever came out", ROW(after), NULL },
    { "on-failure", 0, OPTION_TEXT, "CMD", "run this if the exit code will not be 0",
      ROW(on_failure), NULL },
    { "dry-run", 'n', OPTION_FLAG, NULL, "only say what would be stored; no hooks are run",
      ROW(dry_run), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = {
    "PATH... [--job J] [--tag T]... [-e PATTERN]... [OPTION...]",
    "--stdin --stdin-name N [OPTION...]",
    "--stdin-from-command --stdin-name N [OPTION...] -- COMMAND [ARGUMENT...]",
    NULL,
};
static const char *const about[] = {
    "Makes one snapshot of files and folders. When it exits with 0, the snapshot survives a power "
    "cut; until then there is none. Only content that the repository does not hold already is "
    "stored. The repository's own files and the cache are never in it.",
    "Paths that don't exist, files that can't be read, and those that change while they are read "
    "are named; the snapshot holds the rest, and the exit code is 3.",
    "Hooks are run by /bin/sh with HOLDFAST_HOOK, HOLDFAST_JOB, HOLDFAST_SNAPSHOT_ID, "
    "HOLDFAST_EXIT and HOLDFAST_ERROR in their environment; what they print goes to standard "
    "error.",
    NULL,
};
static const struct command_text exits[] = {
    { "1", "it failed, none of the paths exists, or a hook failed" },
    { "3", "there is a snapshot, but some files are missing from it or changed meanwhile" },
    { "8", "the snapshot may still appear; its id is printed; running again is safe" },
    { "28", "no space left; no snapshot was made" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast backup ~/documents", "a folder" },
    { "holdfast backup ~/documents ~/photos --job home --tag nightly -e '*.tmp'",
      "two folders without temporary files, under the name \"home\"" },
    { "tar -c -C ~ documents | holdfast backup --stdin --stdin-name documents.tar",
      "a stream as one file" },
    { "holdfast backup --stdin-from-command --stdin-name uname.txt -- uname -a",
      "what a command writes; a dump of a database, say" },
    { "holdfast backup ~/documents --before 'sync' --class crash",
      "with a command that makes files hold still first" },
    { NULL, NULL },
};

const struct command cmd_backup = {
    .name = "backup",
    .group = COMMAND_EVERYDAY,
    .summary = "make a snapshot of files, folders or a stream",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct backup_values),
    .operands_max = COMMAND_MANY,
    .run = run,
};
