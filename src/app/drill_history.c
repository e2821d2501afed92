/*
 * drill_history.c - see drill_history.h.
 */
#include "app/drill_history.h"

#include <inttypes.h>
#include <string.h>

#include "app/drill_report.h"
#include "app/session.h"
#include "app/table.h"
#include "base/err.h"
#include "base/text.h"

/* ---- kinds ---- */

int drill_history_kinds(struct app *app)
{
    static const char *const titles[] = { "kind", "what it does" };
    struct json *j = &app->json;
    struct table t;

    if (app->options.json) {
        json_document(j, "drill");
        json_array(j, "kinds");
        for (size_t i = 0; i < drill_kind_count(); i++) {
            json_object(j, NULL);
            json_text(j, "name", drill_kind_at(i)->name);
            json_text(j, "help", drill_kind_at(i)->help);
            json_end_object(j);
        }
        json_end_array(j);
        json_end_object(j);
        return 0;
    }
    table_init(&t, titles, sizeof titles / sizeof titles[0]);
    for (size_t i = 0; i < drill_kind_count(); i++) {
        table_cell(&t, "%s", drill_kind_at(i)->name);
        table_cell(&t, "%s", drill_kind_at(i)->help);
    }
    table_print(&t, &app->out);
    table_release(&t);
    return 0;
}

/* ---- history ---- */

struct history {
    struct app *app;
    struct table table;
    const char *kind;
    uint64_t unbelievable;
};

static int64_t number_of(const struct evidence *e, const char *name)
{
    int64_t value;

    return evidence_number(e, name, &value) ? value : DRILL_UNKNOWN_NS;
}

/* "" for a drill of no single snapshot. */
static const char *snapshot_of(const struct evidence *e, char id[33])
{
    static const uint8_t none[16] = { 0 };

    return memcmp(e->snapshot, none, sizeof none) == 0 ? "" : text_hex(e->snapshot, 16, id);
}

static void put_row(struct history *h, const struct proof *p)
{
    const struct evidence *e = &p->evidence;
    int64_t total = number_of(e, EVIDENCE_RTO_TOTAL);
    char x[TEXT_TIME_BYTES], id[33];
    const char *job = evidence_text(e, EVIDENCE_JOB);

    table_cell(&h->table, "%" PRIu64, p->number);
    table_cell(&h->table, "%s", text_time_local(p->published_ns, x));
    table_cell(&h->table, "%s", evidence_kind_name(e->kind));
    table_cell(&h->table, "%s", e->passed ? "passed" : "FAILED");
    table_cell(&h->table, "%.8s", snapshot_of(e, id));
    table_name(&h->table, job != NULL ? job : "", job != NULL ? strlen(job) : 0);
    table_cell(&h->table, "%s", total == DRILL_UNKNOWN_NS ? "" : text_duration(total, x));
    table_cell(&h->table, "%s", text_count(e->mismatch_total, x));
}

static void put_json(struct history *h, const struct proof *p)
{
    const struct evidence *e = &p->evidence;
    struct json *j = &h->app->json;
    char id[33];
    const char *snapshot = snapshot_of(e, id);

    json_object(j, NULL);
    json_number(j, "number", p->number);
    json_hex(j, "id", p->id, sizeof p->id);
    json_time(j, "time", p->published_ns);
    json_text(j, "kind", evidence_kind_name(e->kind));
    json_bool(j, "passed", e->passed);
    json_time(j, "begin", e->begin_ns);
    json_time(j, "end", e->end_ns);
    json_number(j, "seed", e->seed);
    json_text(j, "snapshot_id", snapshot[0] != '\0' ? snapshot : NULL);
    json_text(j, "job", evidence_text(e, EVIDENCE_JOB));
    json_text(j, "host", e->host);
    drill_report_seconds(j, "total_seconds", number_of(e, EVIDENCE_RTO_TOTAL));
    drill_report_seconds(j, "newest_age_seconds", number_of(e, EVIDENCE_RPO_NEWEST_AGE));
    drill_report_seconds(j, "largest_gap_seconds", number_of(e, EVIDENCE_RPO_LARGEST_GAP));
    json_number(j, "mismatches", e->mismatch_total);
    json_end_object(j);
}

/* Whether it is a drill, and one of the kind that is wanted. */
static bool is_wanted(const struct history *h, enum evidence_kind kind)
{
    return evidence_is_drill(kind) &&
           (h->kind == NULL || strcmp(evidence_kind_name(kind), h->kind) == 0);
}

static int show_all(struct history *h, struct repo *repo)
{
    for (size_t i = 0; i < proof_count(repo); i++) {
        struct proof p;
        int rc;

        if (!is_wanted(h, proof_kind(repo, i))) {
            continue;
        }
        rc = proof_read(repo, i, &p);
        if (rc == HF_EDAMAGE) {
            app_warn(h->app, "%s", err_last()->text);
            h->unbelievable++;
            continue;
        }
        if (rc != 0) {
            return rc;
        }
        if (h->app->options.json) {
            put_json(h, &p);
        } else {
            put_row(h, &p);
        }
        proof_release(&p);
    }
    return 0;
}

static int show(struct history *h, struct repo *repo)
{
    static const char *const titles[] = { ">#",       "when", "kind",  "result",
                                          "snapshot", "job",  ">took", ">wrong" };
    int rc;

    if (h->app->options.json) {
        json_document(&h->app->json, "drill");
        json_array(&h->app->json, "history");
    } else {
        table_init(&h->table, titles, sizeof titles / sizeof titles[0]);
    }
    rc = show_all(h, repo);
    if (h->app->options.json) {
        json_end_array(&h->app->json);
        json_end_object(&h->app->json);
    } else {
        table_print(&h->table, &h->app->out);
        table_release(&h->table);
    }
    if (rc == 0 && h->unbelievable > 0) {
        rc = err_raise(HF_EDAMAGE, "%" PRIu64 " records of drills can't be believed",
                       h->unbelievable);
    }
    return rc;
}

int drill_history_show(struct app *app, const char *kind)
{
    struct history h = { .app = app, .kind = kind };
    struct session s;
    int rc;

    if (kind != NULL && !evidence_is_drill(evidence_kind_parse(kind))) {
        err_raise(HF_EUSAGE, "there is no kind of drill \"%.100s\"", kind);
        return err_hint("\"holdfast drill list\" shows them");
    }
    rc = session_open(app, REPO_TOLERANT, &s);
    if (rc == 0) {
        rc = show(&h, s.repo);
    }
    session_close(&s);
    return rc;
}
