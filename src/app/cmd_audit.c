/*
 * cmd_audit.c - the journal as a log that can be read, filtered and exported; and verified.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/session.h"
#include "app/signals.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/audit.h"

#define FAULTS_LISTED 10000u

struct audit_values {
    const char *since, *until, *job;
    struct option_list types;
    bool verify;
};

struct fault {
    uint64_t number;
    char *message;
};

struct audit_job {
    struct app *app;
    const struct audit_values *values;
    struct session session;
    struct fault *faults;
    size_t count, capacity;
    int digits; /* of the highest number */
    struct audit_result result;
};

/* --- what is asked for --- */

static int parse_time(struct app *app, const char *option, const char *text, int64_t *out)
{
    int rc = text == NULL ? 0 : text_parse_time(text, clock_wall(app->clock), out);

    return rc == 0 ? 0 : err_add(rc, "--%s", option);
}

static int parse_types(const struct option_list *words, unsigned *out)
{
    for (size_t i = 0; i < words->count; i++) {
        enum audit_type type;
        int rc = audit_type_parse(words->items[i], &type);

        if (rc != 0) {
            return err_add(rc, "--type");
        }
        *out |= 1u << type;
    }
    return 0;
}

static int fill_options(const struct audit_job *b, struct audit_options *o)
{
    const struct audit_values *v = b->values;
    int rc;

    *o = (struct audit_options){ .since_ns = INT64_MIN,
                                 .until_ns = INT64_MAX,
                                 .job = v->job,
                                 .verify = v->verify,
                                 .cancel = signals_flag() };
    rc = parse_time(b->app, "since", v->since, &o->since_ns);
    rc = rc != 0 ? rc : parse_time(b->app, "until", v->until, &o->until_ns);
    rc = rc != 0 ? rc : parse_types(&v->types, &o->types);
    if (rc == 0 && o->since_ns > o->until_ns) {
        rc = err_raise(HF_EUSAGE, "--since is later than --until");
    }
    return rc;
}

/* --- what is shown --- */

static void put_json(struct json *j, const struct audit_entry *e)
{
    bool readable = e->type != AUDIT_DAMAGED;

    json_object(j, NULL);
    json_number(j, "number", e->number);
    if (readable) {
        json_time(j, "time", e->time_ns);
        json_hex(j, "author", e->author, sizeof e->author);
    } else {
        json_null(j, "time");
        json_null(j, "author");
    }
    json_text(j, "type", audit_type_name(e->type));
    json_text(j, "text", e->text);
    if (readable) {
        json_hex(j, "id", e->id, sizeof e->id);
    } else {
        json_null(j, "id");
    }
    json_text(j, "key", e->key);
    json_text(j, "job", e->job);
    json_text(j, "host", e->host);
    json_text(j, "user", e->user);
    json_bool(j, "damaged", e->damaged);
    json_end_object(j);
}

/* "  (root@db-07, key laptop)": who, as far as the entry says so. */
static void put_who(struct out *out, const struct audit_entry *e)
{
    const struct {
        const char *before, *text;
    } parts[] = { { "", e->user },
                  { e->user == NULL ? "host " : "@", e->host },
                  { e->user == NULL && e->host == NULL ? "key " : ", key ", e->key } };
    bool any = false;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].text != NULL) {
            out_text(out, any ? "" : "  (");
            out_text(out, parts[i].before);
            out_shown(out, parts[i].text, strlen(parts[i].text));
            any = true;
        }
    }
    out_text(out, any ? ")" : "");
}

static void put_text(struct audit_job *b, const struct audit_entry *e)
{
    struct out *out = &b->app->out;
    char when[TEXT_TIME_BYTES] = "-";

    if (e->type != AUDIT_DAMAGED) {
        text_time_local(e->time_ns, when);
    }
    out_printf(out, "%*" PRIu64 "  %-26s  %-8s  ", b->digits, e->number, when,
               audit_type_name(e->type));
    out_shown(out, e->text, strlen(e->text));
    put_who(out, e);
    out_text(out, "\n");
}

static int on_entry(void *context, const struct audit_entry *e)
{
    struct audit_job *b = context;

    if (b->app->options.json) {
        put_json(&b->app->json, e);
    } else {
        put_text(b, e);
    }
    return 0;
}

static int on_fault(void *context, uint64_t number, const char *message)
{
    struct audit_job *b = context;
    int rc;

    app_warn(b->app, "%s", message);
    if (b->count >= FAULTS_LISTED) {
        return 0;
    }
    rc = mem_grow(&b->faults, &b->capacity, b->count + 1, sizeof *b->faults);
    if (rc == 0) {
        b->faults[b->count] = (struct fault){ number, mem_strdup(message) };
        rc = b->faults[b->count].message == NULL ? err_nomem() : 0;
        b->count += rc == 0;
    }
    return rc;
}

static void put_faults(struct json *j, const struct audit_job *b)
{
    json_array(j, "damage");
    for (size_t i = 0; i < b->count; i++) {
        json_object(j, NULL);
        if (b->faults[i].number == 0) {
            json_null(j, "number");
        } else {
            json_number(j, "number", b->faults[i].number);
        }
        json_text(j, "message", b->faults[i].message);
        json_end_object(j);
    }
    json_end_array(j);
}

/* `verified` is what was found out: null where nobody asked, or nobody could tell. */
static void put_end(struct audit_job *b, int rc)
{
    struct json *j = &b->app->json;
    char n[TEXT_SIZE_BYTES];

    if (b->app->options.json) {
        json_end_array(j);
        if (b->values->verify && (rc == 0 || rc == HF_EDAMAGE)) {
            json_bool(j, "verified", rc == 0);
        } else {
            json_null(j, "verified");
        }
        put_faults(j, b);
        json_number(j, "damage_count", b->result.faults);
        json_number(j, "journal_entries", b->result.entries);
        json_end_object(j);
    } else if (rc == 0 && b->values->verify && !b->app->options.quiet) {
        out_printf(&b->app->out, "verified: %s entries, each whole, in its place and signed\n",
                   text_count(b->result.entries, n));
    }
}

static int audit(struct audit_job *b)
{
    const struct audit_events events = { b, on_entry, on_fault };
    struct audit_options options;
    char digits[24];
    int rc = fill_options(b, &options);

    if (rc == 0) {
        rc = session_open(b->app, REPO_TOLERANT, &b->session);
    }
    if (rc != 0) {
        return rc;
    }
    b->digits = snprintf(digits, sizeof digits, "%" PRIu64,
                         catalog_entry_count(repo_catalog(b->session.repo)));
    if (b->app->options.json) {
        json_document(&b->app->json, "audit");
        json_array(&b->app->json, "entries");
    }
    rc = signals_name(audit_run(b->session.repo, &options, &events, &b->result));
    put_end(b, rc);
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct audit_job b = { .app = app, .values = values };
    int rc = audit(&b);

    (void)operands;
    for (size_t i = 0; i < b.count; i++) {
        mem_free(b.faults[i].message);
    }
    mem_free(b.faults);
    session_close(&b.session);
    return rc == 0 ? 0
                   : err_add(rc, b.values->verify && rc == HF_EDAMAGE
                                     ? "the journal does not stand the proof"
                                     : "could not read all of the journal");
}

#define ROW(field) offsetof(struct audit_values, field)
static const struct option options[] = {
    { "since", 0, OPTION_TEXT, "TIME", "only what was done then or later", ROW(since), NULL },
    { "until", 0, OPTION_TEXT, "TIME", "only what was done then or earlier", ROW(until), NULL },
    { "type", 0, OPTION_WORDS, "TYPE,...",
      "only these: init adopt partial commit forget undelete condemn key tag gap drill check "
      "signoff event damaged",
      ROW(types), NULL },
    { "job", 0, OPTION_TEXT, "JOB", "only what is about this job", ROW(job), NULL },
    { "verify", 0, OPTION_FLAG, NULL,
      "check every entry, its place in the chain, its signature and what is sealed in it",
      ROW(verify), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = {
    "[--since TIME] [--until TIME] [--type TYPE,...] [--job JOB] [--verify]", NULL
};
static const char *const about[] = {
    "Shows what was done to the repository, oldest first: every snapshot, what was forgotten, "
    "brought back and pruned, keys added and removed, tags, gaps, drills, checks and signatures. "
    "Each is an entry of the journal, and each entry is signed and holds the hash of the one "
    "before, so none can be altered, left out or added later without being noticed.",
    "With --verify all of them are proved, whatever is shown: an entry that was altered, that "
    "stands in for another, is missing or not signed is named. Nothing is written. With --json it "
    "is one document to be kept elsewhere.",
    NULL,
};
static const struct command_text exits[] = {
    { "0", "all entries could be read, and proved where that was asked for" },
    { "4", "an entry is damaged, missing or not what its author signed: which" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast audit --since -7d", "what was done this week" },
    { "holdfast audit --type drill,check,signoff", "what was proved, and by whom" },
    { "holdfast audit --verify --json", "the whole log, proved, for another system" },
    { NULL, NULL },
};

const struct command cmd_audit = {
    .name = "audit",
    .group = COMMAND_CARE,
    .summary = "show and verify what was done",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct audit_values),
    .run = run,
};
