/*
 * audit.c - the walk over the journal. See audit.h.
 *
 * An entry is judged by itself (bytes, author, signature, what is sealed in it) and by its link to
 * the one before, unless that one is a fault already: then its hash says nothing about this one.
 */
#include "engine/audit.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "engine/audit_internal.h"
#include "engine/nearest.h"

#define CANCEL_EVERY 256u

struct audit {
    struct repo *repo;
    struct journal *journal;
    const struct audit_options *options;
    const struct audit_events *events;
    struct audit_result *result;
    struct audit_teller teller;
    struct map *ids;              /* id to number, while verifying */
    struct journal_position head; /* number 0: there is none */
    uint64_t reach;               /* entries up to here must be there */
    uint8_t previous[32];         /* seal hash of the entry before, if it can be relied on */
    bool linked;                  /* it can */
};

static const char *const type_names[AUDIT_TYPES] = {
    [AUDIT_INIT] = "init",       [AUDIT_ADOPT] = "adopt",   [AUDIT_PARTIAL] = "partial",
    [AUDIT_COMMIT] = "commit",   [AUDIT_FORGET] = "forget", [AUDIT_UNFORGET] = "undelete",
    [AUDIT_CONDEMN] = "condemn", [AUDIT_KEY] = "key",       [AUDIT_TAG] = "tag",
    [AUDIT_GAP] = "gap",         [AUDIT_DRILL] = "drill",   [AUDIT_CHECK] = "check",
    [AUDIT_SIGNOFF] = "signoff", [AUDIT_EVENT] = "event",   [AUDIT_DAMAGED] = "damaged",
};

const char *audit_type_name(enum audit_type type)
{
    return type_names[type];
}

int audit_type_parse(const char *name, enum audit_type *out)
{
    struct nearest near;

    nearest_init(&near, name);
    for (int i = 0; i < AUDIT_TYPES; i++) {
        if (strcmp(type_names[i], name) == 0) {
            *out = (enum audit_type)i;
            return 0;
        }
        nearest_offer(&near, type_names[i]);
    }
    err_raise(HF_EUSAGE, "there is no type of entry \"%s\"", name);
    if (near.best != NULL) {
        return err_hint("did you mean \"%s\"?", near.best);
    }
    return err_hint("types are init, commit, forget, key, drill, check, signoff and others: see "
                    "`holdfast help audit`");
}

/* --- what can be believed --- */

static bool is_fault(int rc)
{
    return rc == HF_EDAMAGE || rc == HF_EIO;
}

static int tell_fault(struct audit *a, uint64_t number, const char *message)
{
    a->result->faults++;
    return a->events->fault == NULL ? 0 : a->events->fault(a->events->context, number, message);
}

/* An id is given once: a second entry of that id is the first one's bytes, shown again. */
static int check_id(struct audit *a, const struct journal_entry *e)
{
    bool new = false;
    void *first;
    int rc = map_put(a->ids, e->seal.uuid, &first, &new);

    if (rc != 0) {
        return rc;
    }
    if (!new) {
        return err_raise(HF_EDAMAGE, "it repeats entry %" PRIu64, *(uint64_t *)first);
    }
    *(uint64_t *)first = e->seal.number;
    return 0;
}

static int check_head(const struct audit *a, const struct journal_entry *e)
{
    if (a->head.number == e->seal.number &&
        memcmp(a->head.hash, e->seal_hash, sizeof e->seal_hash) != 0) {
        return err_raise(HF_EDAMAGE, "it is not the entry that the head names");
    }
    return 0;
}

static int check_link(const struct audit *a, const struct journal_entry *e)
{
    if (a->linked && memcmp(e->seal.previous, a->previous, sizeof a->previous) != 0) {
        return err_raise(HF_EDAMAGE, "it does not follow from the entry before it");
    }
    return 0;
}

/* First what tells most: one that is not signed is in no right place either. */
static int believe(struct audit *a, const struct journal_entry *e)
{
    int rc = a->options->verify ? journal_check_signature(a->journal, e) : 0;

    rc = rc != 0 ? rc : check_link(a, e);
    rc = rc != 0 ? rc : check_head(a, e);
    return rc != 0 || !a->options->verify ? rc : check_id(a, e);
}

/* --- an entry --- */

static bool in_time(const struct audit_options *o, const struct journal_entry *e)
{
    return e->seal.time_ns >= o->since_ns && e->seal.time_ns <= o->until_ns;
}

static bool wanted(const struct audit *a, const struct audit_words *w)
{
    const struct audit_options *o = a->options;

    return (o->types == 0 || (o->types & 1u << w->type) != 0) && (o->job == NULL || w->of_job);
}

static int show(struct audit *a, const struct journal_entry *e, bool damaged)
{
    const struct audit_words *w = &a->teller.words;
    struct audit_entry shown = { .number = e->seal.number,
                                 .type = w->type,
                                 .damaged = damaged,
                                 .time_ns = e->seal.time_ns,
                                 .key = w->key,
                                 .job = w->job,
                                 .host = w->host,
                                 .user = w->user };
    struct buf text = w->text;

    memcpy(shown.id, e->seal.uuid, sizeof shown.id);
    memcpy(shown.author, e->seal.author, sizeof shown.author);
    shown.text = buf_text(&text);
    a->teller.words.text = text;
    a->result->shown++;
    return a->events->entry == NULL ? 0 : a->events->entry(a->events->context, &shown);
}

/* One that can't be read is about nothing that is known, so only its type can be asked for. */
static int show_damaged(struct audit *a, uint64_t number, const char *why)
{
    const struct audit_entry shown = {
        .number = number, .type = AUDIT_DAMAGED, .text = why, .damaged = true
    };
    const struct audit_options *o = a->options;

    if (o->job != NULL || (o->types != 0 && (o->types & 1u << AUDIT_DAMAGED) == 0)) {
        return 0;
    }
    a->result->shown++;
    return a->events->entry == NULL ? 0 : a->events->entry(a->events->context, &shown);
}

/* Keeps the first thing that is wrong; what is no damage goes up. */
static int keep_fault(int rc, struct err_trail *why)
{
    if (!is_fault(rc)) {
        return rc;
    }
    if (why->code == 0) {
        err_take(why);
    }
    err_clear();
    return 0;
}

static int judge(struct audit *a, const struct journal_entry *e)
{
    struct err_trail why = { 0 };
    bool timely = in_time(a->options, e), told = false;
    int rc = believe(a, e);

    rc = rc < 0 ? err_add(rc, "journal entry %" PRIu64, e->seal.number) : 0;
    rc = keep_fault(rc, &why);
    if (rc == 0 && (timely || a->options->verify)) {
        rc = audit_tell(&a->teller, e);
        told = rc == 0;
        rc = keep_fault(rc, &why);
    }
    a->linked = why.code == 0;
    memcpy(a->previous, e->seal_hash, sizeof a->previous);
    if (rc == 0 && why.code != 0) {
        rc = tell_fault(a, e->seal.number, why.text);
    }
    if (rc == 0 && timely && told && wanted(a, &a->teller.words)) {
        rc = show(a, e, why.code != 0);
    } else if (rc == 0 && timely && why.code != 0 && !told) {
        rc = show_damaged(a, e->seal.number, why.text);
    }
    return rc;
}

/* HF_EABSENT: the journal ends before it. */
static int visit(struct audit *a, uint64_t number)
{
    struct err_trail why = { 0 };
    struct journal_entry e;
    uint8_t *memory = NULL;
    int rc = journal_read(a->journal, number, &e, &memory);

    if (rc == HF_EABSENT && number <= a->reach) {
        rc = err_raise(HF_EDAMAGE,
                       "journal entry %" PRIu64 ": it is missing, though the journal has reached "
                       "entry %" PRIu64,
                       number, a->reach);
    }
    if (rc == 0) {
        rc = judge(a, &e);
        a->result->entries++;
    } else if (is_fault(rc)) {
        (void)keep_fault(rc, &why);
        a->linked = false;
        rc = tell_fault(a, number, why.text);
        if (rc == 0) {
            rc = show_damaged(a, number, why.text);
        }
    }
    mem_free(memory);
    return rc;
}

/* --- the journal as a whole --- */

static int see_name(void *context, const char *name)
{
    struct audit *a = context;
    uint64_t number;

    if (entry_parse_name(name, &number) && number > a->reach) {
        a->reach = number;
    }
    return 0;
}

/* How far the journal must go: to its head; and, told by a listing, to the last name there is. */
static int find_reach(struct audit *a)
{
    struct err_trail why = { 0 };
    int rc = keep_fault(journal_head(a->journal, &a->head), &why);

    a->reach = journal_at(a->journal)->number;
    a->reach = a->head.number > a->reach ? a->head.number : a->reach;
    if (rc == 0 && why.code != 0) {
        a->head.number = 0;
        rc = tell_fault(a, 0, why.text);
    }
    if (rc == 0 && a->options->verify) {
        rc = fs_list(repo_env(a->repo)->fs, "journal", see_name, a);
    }
    return rc;
}

static int walk(struct audit *a)
{
    int rc = 0;

    for (uint64_t number = 1; rc == 0; number++) {
        if (number % CANCEL_EVERY == 0 && a->options->cancel && *a->options->cancel) {
            return err_raise(HF_EINTERRUPTED, "the audit was interrupted");
        }
        rc = visit(a, number);
    }
    if (rc == HF_EABSENT) {
        err_clear();
        rc = 0;
    }
    return rc;
}

int audit_run(struct repo *r, const struct audit_options *options,
              const struct audit_events *events, struct audit_result *out_result)
{
    struct audit a = { .repo = r,
                       .journal = repo_journal(r),
                       .options = options,
                       .events = events,
                       .result = out_result,
                       .linked = true };
    const struct err_trail *damage = repo_damage(r);
    int rc = 0;

    memset(out_result, 0, sizeof *out_result);
    audit_teller_init(r, options->job, &a.teller);
    if (options->verify) {
        rc = map_new(sizeof(uint8_t[16]), sizeof(uint64_t), 0, &a.ids);
    }
    if (rc == 0) {
        rc = find_reach(&a);
    }
    if (rc == 0) {
        rc = walk(&a);
    }
    /* What this client remembers may say more than the journal itself. */
    if (rc == 0 && damage != NULL && out_result->faults == 0) {
        rc = tell_fault(&a, 0, damage->text);
    }
    map_free(a.ids);
    audit_teller_release(&a.teller);
    if (rc == 0 && out_result->faults > 0) {
        rc = err_raise(HF_EDAMAGE, "the journal is damaged, or was altered");
    }
    return rc;
}
