/*
 * cmd_check.c - is all there that the journal promises?
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/version.h"
#include "app/whoami.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/check.h"
#include "engine/proof.h"

#define FINDINGS_LISTED 10000u /* in the summary; each one is told when it is found */

struct check_values {
    struct option_maybe read_data;
    bool scrub;
    bool record;
};

struct affected { /* what a finding costs */
    uint8_t snapshot[16];
    char *path; /* NULL: not known, or the whole snapshot */
    size_t path_len;
};

struct finding {
    char *kind;
    char *object;
    struct affected *affects;
    size_t affected, capacity;
};

struct check_job {
    struct app *app;
    const struct check_values *values;
    struct session session;
    struct finding *findings;
    size_t count, capacity;
    size_t affects_kept;
    struct check_result result;
    struct evidence evidence; /* what will be recorded, if that was asked for */
    int evidence_error;       /* of adding to it */
    uint64_t recorded;        /* the entry, or 0 */
};

static void on_progress(void *context, const struct check_progress *p)
{
    const struct check_job *b = context;
    const struct progress_state s = {
        .files = p->segments,
        .files_expected = p->segments_expected,
        .bytes = p->bytes,
        .bytes_expected = p->bytes_expected,
        .path = "",
    };

    progress_update(b->app, &s);
}

/* The finding about this object, made if there is none yet; NULL when there are enough. */
static struct finding *finding_of(struct check_job *b, const struct check_damage *d)
{
    struct finding *f;

    for (size_t i = b->count; i-- > 0 && i + 64 > b->count;) {
        f = &b->findings[i];
        if (strcmp(f->kind, d->kind) == 0 && strcmp(f->object, d->object) == 0) {
            return f;
        }
    }
    if (b->count >= FINDINGS_LISTED ||
        mem_grow(&b->findings, &b->capacity, b->count + 1, sizeof *b->findings) != 0) {
        return NULL;
    }
    f = &b->findings[b->count];
    *f = (struct finding){ mem_strdup(d->kind), mem_strdup(d->object), NULL, 0, 0 };
    if (f->kind != NULL && f->object != NULL) {
        b->count++;
        return f;
    }
    mem_free(f->kind);
    mem_free(f->object);
    return NULL;
}

static void keep_affected(struct check_job *b, struct finding *f, const struct check_damage *d)
{
    struct affected *a;

    if (b->affects_kept >= FINDINGS_LISTED ||
        mem_grow(&f->affects, &f->capacity, f->affected + 1, sizeof *f->affects) != 0) {
        return;
    }
    a = &f->affects[f->affected];
    memcpy(a->snapshot, d->snapshot, sizeof a->snapshot);
    a->path_len = d->path_len;
    a->path = d->path == NULL ? NULL : mem_dup(d->path, d->path_len);
    f->affected++;
    b->affects_kept++;
}

static void tell(struct check_job *b, const struct check_damage *d)
{
    char id[33] = "";
    struct buf said;

    if (b->app->options.json) {
        app_event(b->app, "error", d->path != NULL ? d->path : d->object,
                  d->path != NULL ? d->path_len : strlen(d->object), err_code_name(HF_EDAMAGE),
                  d->message);
        return;
    }
    if (d->snapshot != NULL) {
        text_hex(d->snapshot, 16, id);
    }
    buf_init(&said);
    /* Many a message begins with what it is about. */
    if (strncmp(d->message, d->object, strlen(d->object)) != 0) {
        buf_printf(&said, "%s %s: ", d->kind, d->object);
    }
    buf_put(&said, d->message, strlen(d->message));
    if (d->path != NULL) {
        buf_printf(&said, "; it costs %.*s of snapshot %s", (int)d->path_len, d->path, id);
    } else if (d->snapshot != NULL) {
        buf_printf(&said, "; snapshot %s needs it", id);
    }
    app_warn(b->app, "%s", buf_text(&said));
    buf_release(&said);
}

static void on_damage(void *context, const struct check_damage *d)
{
    struct check_job *b = context;
    struct finding *f = finding_of(b, d);

    if (f != NULL && d->snapshot != NULL) {
        keep_affected(b, f, d);
    }
    tell(b, d);
    if (b->evidence_error == 0) {
        b->evidence_error = evidence_add_mismatch(&b->evidence, d->object, d->message);
    }
}

static void on_verified(void *context, uint32_t ordinal)
{
    struct check_job *b = context;

    if (b->evidence_error == 0) {
        b->evidence_error = evidence_add_verified(&b->evidence, ordinal);
    }
}

static void on_note(void *context, const char *message)
{
    const struct check_job *b = context;

    app_note(b->app, "%s", message);
}

/* "10%" of the data, or so many bytes of it, as a fraction. */
static int parse_part(const char *text, const struct catalog *catalog, double *out_fraction)
{
    size_t len = strlen(text);
    uint64_t all = 0, part;
    int rc;

    if (len > 1 && text[len - 1] == '%') {
        char *end;
        double percent = strtod(text, &end);

        if (end != text + len - 1 || !(percent > 0.0 && percent <= 100.0)) {
            return err_raise(HF_EUSAGE, "--read-data: \"%s\" is no percentage up to 100%%", text);
        }
        *out_fraction = percent / 100.0;
        return 0;
    }
    rc = text_parse_size(text, &part);
    if (rc != 0) {
        return err_add(rc, "--read-data");
    }
    for (size_t i = 0; catalog != NULL && i < catalog_segment_count(catalog); i++) {
        const struct catalog_segment *s = catalog_segment(catalog, (uint32_t)i);

        all += s->condemned_by == 0 ? s->file_len : 0;
    }
    *out_fraction = all == 0 ? 1.0 : (double)part / (double)all;
    return 0;
}

static int fill_options(const struct check_job *b, const struct catalog *catalog,
                        struct check_options *o)
{
    const struct option_maybe *part = &b->values->read_data;
    int rc = rnd_bytes(b->app->rnd, &o->seed, sizeof o->seed);

    o->read_data = part->given;
    o->read_fraction = 1.0;
    o->scrub = b->values->scrub;
    o->recorded = b->values->record;
    o->cancel = signals_flag();
    if (rc == 0 && part->value != NULL) {
        rc = parse_part(part->value, catalog, &o->read_fraction);
    }
    return rc;
}

/* --- as evidence --- */

static int fill_evidence(struct check_job *b, bool passed)
{
    const struct check_result *r = &b->result;
    struct evidence *e = &b->evidence;
    struct whoami who;
    /* What was collected while it ran: only memory can have been short. */
    int rc = b->evidence_error != 0 ? err_nomem() : 0;

    e->kind = EVIDENCE_CHECK;
    e->passed = passed;
    e->end_ns = clock_wall(b->app->clock);
    e->begin_ns = e->end_ns - r->duration_ns;
    rc = rc != 0 ? rc : whoami_find(&who);
    rc = rc != 0 ? rc : evidence_set_origin(e, who.host, who.user, VERSION_TOOL);
    rc = rc != 0 ? rc : evidence_add_number(e, EVIDENCE_BYTES_READ, (int64_t)r->bytes_read);
    return rc != 0 ? rc : evidence_add_number(e, EVIDENCE_DAMAGE, (int64_t)r->damage);
}

static int publish(struct check_job *b, bool passed)
{
    uint8_t id[16];
    int rc = 0;

    if (b->session.repo == NULL || repo_damage(b->session.repo) != NULL) {
        rc = err_raise(HF_EDAMAGE, "a damaged journal takes no entries");
    }
    rc = rc != 0 ? rc : fill_evidence(b, passed);
    return rc != 0 ? rc : proof_publish(b->session.repo, &b->evidence, id, &b->recorded);
}

/* What was found decides; that it could not be recorded is an error only of a check that passed. */
static int record(struct check_job *b, int found)
{
    struct err_trail trail;
    int rc;

    if (!b->values->record || (found != 0 && found != HF_EDAMAGE)) {
        return found;
    }
    err_take(&trail);
    rc = publish(b, found == 0);
    if (rc == 0) {
        app_note(b->app, "recorded in entry %" PRIu64, b->recorded);
    } else if (found != 0) {
        app_warn(b->app, "the result was not recorded: %s", err_last()->text);
    } else {
        return err_add(rc, "nothing is wrong, but the result was not recorded");
    }
    err_give(&trail);
    return found;
}

static int check(struct check_job *b)
{
    const struct check_events events = { b, on_progress, on_damage, on_note, on_verified };
    struct check_options options = { 0 };
    int rc = fill_options(b, NULL, &options);

    if (rc == 0) {
        rc = session_open(b->app, REPO_TOLERANT, &b->session);
    }
    if (rc == HF_EDAMAGE) {
        const struct check_damage d = { .kind = "journal",
                                        .object = b->session.path,
                                        .message = err_last()->text };
        struct err_trail trail;

        err_take(&trail);
        on_damage(b, &d);
        b->result.damage = 1;
        err_give(&trail);
    }
    if (rc == 0) {
        rc = fill_options(b, repo_catalog(b->session.repo), &options);
    }
    if (rc != 0) {
        return record(b, rc);
    }
    progress_start(b->app);
    rc = check_run(b->session.repo, &options, &events, &b->result);
    progress_stop(b->app);
    return record(b, signals_name(rc));
}

static void put_findings(struct json *j, const struct check_job *b)
{
    json_array(j, "damage");
    for (size_t i = 0; i < b->count; i++) {
        const struct finding *f = &b->findings[i];

        json_object(j, NULL);
        json_text(j, "kind", f->kind);
        json_text(j, "object", f->object);
        json_array(j, "affects");
        for (size_t k = 0; k < f->affected; k++) {
            json_object(j, NULL);
            json_hex(j, "snapshot_id", f->affects[k].snapshot, 16);
            if (f->affects[k].path != NULL) {
                json_name(j, "path", f->affects[k].path, f->affects[k].path_len);
            } else {
                json_null(j, "path");
            }
            json_end_object(j);
        }
        json_end_array(j);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_summary_json(const struct check_job *b, int rc)
{
    const struct check_result *r = &b->result;
    struct json *j = &b->app->json;

    json_document(j, "check");
    json_text(j, "type", "summary");
    json_number(j, "exit", rc == 0 ? 0 : (uint64_t)err_exit_status(rc));
    json_bool(j, "ok", rc == 0);
    json_number(j, "entries", r->entries);
    json_number(j, "segments", r->segments);
    json_number(j, "chunks", r->chunks);
    json_number(j, "snapshots", r->snapshots);
    json_number(j, "bytes_read", r->bytes_read);
    put_findings(j, b);
    json_number(j, "damage_count", r->damage);
    json_number(j, "orphans", r->orphans);
    if (b->recorded != 0) {
        json_number(j, "evidence", b->recorded);
    } else {
        json_null(j, "evidence");
    }
    json_seconds(j, "duration_seconds", r->duration_ns);
    json_end_object(j);
}

static void put_summary_text(const struct check_job *b, int rc)
{
    const struct check_result *r = &b->result;
    struct out *out = &b->app->out;
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES], z[TEXT_SIZE_BYTES];

    if (b->app->options.quiet) {
        return;
    }
    out_printf(out, "%s: %s entries, %s segments, ", rc == 0 ? "whole" : "DAMAGED",
               text_count(r->entries, x), text_count(r->segments, y));
    out_printf(out, "%s chunks of %s snapshots, %s read, in ", text_count(r->chunks, x),
               text_count(r->snapshots, y), text_size(r->bytes_read, z));
    out_printf(out, "%s\n", text_duration(r->duration_ns, x));
    if (rc == 0 && !b->values->read_data.given) {
        app_note(b->app, "file data was not read; \"holdfast check --read-data\" does that");
    }
}

static void release(struct check_job *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct finding *f = &b->findings[i];

        for (size_t k = 0; k < f->affected; k++) {
            mem_free(f->affects[k].path);
        }
        mem_free(f->affects);
        mem_free(f->kind);
        mem_free(f->object);
    }
    mem_free(b->findings);
    evidence_release(&b->evidence);
    session_close(&b->session);
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct check_job b = { .app = app, .values = values };
    bool begun;
    int rc;

    (void)operands;
    evidence_init(&b.evidence);
    rc = check(&b);
    begun = b.session.repo != NULL || rc == HF_EDAMAGE;
    if (rc == HF_EDAMAGE && b.session.repo != NULL) {
        rc = err_add(rc, "could not find everything whole");
    } else if (rc != 0) {
        rc = err_add(rc, "could not check the repository");
    }
    if (begun && app->options.json) {
        put_summary_json(&b, rc);
    } else if (begun && (rc == 0 || rc == HF_EDAMAGE)) {
        put_summary_text(&b, rc);
    }
    release(&b);
    return rc;
}

#define ROW(field) offsetof(struct check_values, field)
static const struct option options[] = {
    { "read-data", 0, OPTION_MAYBE, "PART",
      "read file data too and compute every id anew: all, or a part (5% or 10G)", ROW(read_data),
      NULL },
    { "scrub", 0, OPTION_FLAG, NULL, "compare the sums of whole segments, which needs no keys",
      ROW(scrub), NULL },
    { "record", 0, OPTION_FLAG, NULL,
      "publish the result as evidence; a PART is then what was verified longest ago", ROW(record),
      NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "[--read-data[=PART]] [--scrub] [--record]", NULL };
static const char *const about[] = {
    "Reads the whole journal again, trusting no cache: the chain of entries, their signatures, the "
    "head; then the frame and table of contents of every segment, and for every snapshot that each "
    "piece it needs is there. What is wrong is named, with the snapshots and files that it costs. "
    "Nothing is written, unless --record is given: then the result becomes a signed entry of the "
    "journal, for \"ready\" and \"audit\", which says what data were read. With it, a part of the "
    "data is no longer a random one, but what was verified longest ago.",
    "If something is damaged, leave the repository as it is: restore still brings back every file "
    "that is whole, and names the others. A new backup into another repository protects what the "
    "source still has.",
    NULL,
};
static const struct command_text exits[] = {
    { "0", "nothing is wrong with what was looked at" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast check", "the structure, within seconds" },
    { "holdfast check --read-data", "everything, as long as it takes" },
    { "holdfast check --read-data=5% --record", "a part every night, until all was read" },
    { NULL, NULL },
};

const struct command cmd_check = {
    .name = "check",
    .group = COMMAND_EVERYDAY,
    .summary = "verify the repository",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct check_values),
    .run = run,
};
