/*
 * audit_events.c - events of the journal in one sentence each: tags, gaps, and evidence of drills,
 * checks and signatures. See audit_internal.h.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/audit_internal.h"
#include "format/evidence.h"
#include "format/gapevent.h"

/* --- tags --- */

static int tell_tags(struct audit_teller *t, const struct buf *plain)
{
    const struct catalog_snapshot *s;
    struct buf *b = &t->words.text;
    struct commit c = { .flags = 0 };
    uint8_t id[16];
    int rc = commit_tags_decode(plain->data, plain->len, id, &c);

    if (rc != 0) {
        return rc;
    }
    t->words.type = AUDIT_TAG;
    s = catalog_find_snapshot(repo_catalog(t->repo), id);
    rc = s == NULL ? 0 : audit_note_job(t, s->commit.job);
    buf_printf(b, "snapshot ");
    audit_put_id(b, id);
    buf_printf(b, c.tag_count == 0   ? " has no tags any more"
                  : c.tag_count == 1 ? " has the tag "
                                     : " has the tags ");
    for (size_t i = 0; i < c.tag_count; i++) {
        buf_printf(b, "%s%s", i == 0 ? "" : ", ", c.tags[i]);
    }
    commit_release(&c);
    return rc;
}

/* --- gaps --- */

static int tell_gap_of(struct audit_teller *t, const char *job, const char *host)
{
    int rc = audit_note_job(t, job);

    rc = rc != 0 ? rc : audit_set(&t->words.host, host);
    buf_printf(&t->words.text, "the gap");
    audit_put_origin(&t->words.text, job, host);
    return rc;
}

static int tell_gap(struct audit_teller *t, const struct buf *plain)
{
    const struct catalog_gap *known;
    struct buf *b = &t->words.text;
    struct gapevent g;
    int rc = gapevent_decode(plain->data, plain->len, &g);

    if (rc != 0) {
        return rc;
    }
    t->words.type = AUDIT_GAP;
    known = g.act == GAPEVENT_CLOSE ? catalog_find_gap(repo_catalog(t->repo), g.gap) : NULL;
    if (g.act == GAPEVENT_OPEN) {
        rc = tell_gap_of(t, g.job, g.host);
        buf_printf(b, " (%s) began at ", gapevent_reason_name(g.reason));
    } else if (known != NULL) {
        rc = tell_gap_of(t, known->job, known->host);
        buf_printf(b, " that entry %llu opened ended at ", (unsigned long long)known->number);
    } else {
        buf_printf(b, "a gap that is not known ended at ");
    }
    audit_put_time(b, g.at_ns);
    gapevent_release(&g);
    return rc;
}

/* --- evidence --- */

static void put_number(struct buf *b, const struct evidence *e, const char *name,
                       void (*put)(struct buf *b, int64_t value))
{
    int64_t value;

    if (evidence_number(e, name, &value) && value >= 0) {
        buf_printf(b, ", ");
        put(b, value);
    }
}

static void put_files(struct buf *b, int64_t value)
{
    audit_put_count(b, (uint64_t)value, "file", "files");
}

static void put_bytes(struct buf *b, int64_t value)
{
    audit_put_size(b, (uint64_t)value);
}

static void put_read(struct buf *b, int64_t value)
{
    audit_put_size(b, (uint64_t)value);
    buf_printf(b, " of data read");
}

static void put_rto(struct buf *b, int64_t value)
{
    char text[TEXT_SIZE_BYTES];

    buf_printf(b, "restored in %s", text_duration(value, text));
}

static void put_verified(struct buf *b, const struct evidence *e)
{
    uint64_t count = 0;

    for (size_t i = 0; i < e->verified_count; i++) {
        count += e->verified[i].count;
    }
    if (count > 0) {
        buf_printf(b, ", ");
        audit_put_count(b, count, "segment proved whole", "segments proved whole");
    }
}

static void put_mismatches(struct buf *b, const struct evidence *e)
{
    if (e->mismatch_total > 0) {
        buf_printf(b, ", ");
        audit_put_count(b, e->mismatch_total, "mismatch", "mismatches");
    }
    if (e->mismatch_count > 0) {
        buf_printf(b, ", the first: %s: %s", e->mismatches[0].name, e->mismatches[0].value);
    }
}

static void put_policy(struct buf *b, const struct evidence *e)
{
    static const uint8_t none[EVIDENCE_HASH_BYTES];
    char hex[17];

    if (memcmp(e->policy_hash, none, sizeof none) != 0) {
        buf_printf(b, ", under the policy %s", text_hex(e->policy_hash, 8, hex));
    }
}

static void tell_drill(struct audit_teller *t, const struct evidence *e)
{
    static const uint8_t none[16];
    struct buf *b = &t->words.text;

    t->words.type = AUDIT_DRILL;
    buf_printf(b, "the drill \"%s\" %s", evidence_kind_name(e->kind),
               e->passed ? "passed" : "FAILED");
    audit_put_origin(b, evidence_text(e, EVIDENCE_JOB), NULL);
    if (memcmp(e->snapshot, none, sizeof none) != 0) {
        buf_printf(b, ", snapshot ");
        audit_put_id(b, e->snapshot);
    }
    put_number(b, e, EVIDENCE_FILES, put_files);
    put_number(b, e, EVIDENCE_BYTES, put_bytes);
    put_number(b, e, EVIDENCE_RTO_TOTAL, put_rto);
}

static void tell_check(struct audit_teller *t, const struct evidence *e)
{
    struct buf *b = &t->words.text;
    int64_t damage = 0;

    t->words.type = AUDIT_CHECK;
    if (e->passed) {
        buf_printf(b, "the check found nothing wrong");
    } else {
        (void)evidence_number(e, EVIDENCE_DAMAGE, &damage);
        buf_printf(b, "the check FOUND DAMAGE in ");
        audit_put_count(b, damage > 0 ? (uint64_t)damage : 1, "place", "places");
    }
    put_number(b, e, EVIDENCE_BYTES_READ, put_read);
    put_verified(b, e);
}

static void tell_signoff(struct audit_teller *t, const struct evidence *e)
{
    const char *role = evidence_text(e, EVIDENCE_ROLE);
    const char *comment = evidence_text(e, EVIDENCE_COMMENT);
    struct buf *b = &t->words.text;

    t->words.type = AUDIT_SIGNOFF;
    buf_printf(b, "signed off as %s", role == NULL ? "nobody" : role);
    put_policy(b, e);
    if (comment != NULL) {
        buf_printf(b, ": %s", comment);
    }
}

static int tell_proof(struct audit_teller *t, const struct evidence *e)
{
    const char *job = evidence_text(e, EVIDENCE_JOB);
    int rc = job == NULL ? 0 : audit_note_job(t, job);

    rc = rc != 0 ? rc : audit_set(&t->words.host, e->host);
    rc = rc != 0 ? rc : audit_set(&t->words.user, e->user);
    t->words.key = audit_key_name(t, e->key);
    if (e->kind == EVIDENCE_CHECK) {
        tell_check(t, e);
    } else if (e->kind == EVIDENCE_SIGNOFF) {
        tell_signoff(t, e);
        return rc;
    } else if (evidence_is_drill(e->kind)) {
        tell_drill(t, e);
    } else {
        buf_printf(&t->words.text, "evidence of a kind that this holdfast doesn't know, %s",
                   e->passed ? "passed" : "FAILED");
    }
    put_policy(&t->words.text, e);
    put_mismatches(&t->words.text, e);
    return rc;
}

int audit_tell_event(struct audit_teller *t, unsigned kind, const struct buf *plain)
{
    struct evidence e;
    int rc;

    t->words.type = AUDIT_EVENT;
    switch (kind) {
    case ENTRY_EVENT_TAG:
        return tell_tags(t, plain);
    case ENTRY_EVENT_GAP:
        return tell_gap(t, plain);
    case ENTRY_EVENT_EVIDENCE:
        break;
    default:
        buf_printf(&t->words.text, "an event that this holdfast doesn't know (kind %u)", kind);
        return 0;
    }
    rc = evidence_decode(plain->data, plain->len, &e);
    if (rc == 0) {
        rc = tell_proof(t, &e);
        evidence_release(&e);
    }
    return rc;
}
