/*
 * gate_evidence.c - gates that ask for evidence: drills, what they measured, which way in they
 * used, and who signed (gate.h).
 *
 * Evidence tells of what was there when it was made. It lapses, as if there were none, when the
 * program is another one since (for drills), when the key that it was made with was removed, or
 * when it was made for another policy, or an earlier text of this one.
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/gate.h"
#include "engine/proof.h"

static const uint8_t no_hash[EVIDENCE_HASH_BYTES];

struct wanted {              /* the newest evidence of which all that is not 0 holds */
    const char *missing;     /* what to say if there is none */
    enum evidence_kind kind; /* 0: any drill */
    const char *job;
    bool job_is_named; /* by the gate: what tells no job is of no use to it */
    const char *role;
    bool by_sheet; /* the repository was opened with a recovery sheet */
};

static bool is_of_job(const struct wanted *w, const struct evidence *e)
{
    const char *own = evidence_text(e, EVIDENCE_JOB);

    return w->job == NULL || (own != NULL ? strcmp(own, w->job) == 0 : !w->job_is_named);
}

static bool is_of_role(const struct wanted *w, const struct evidence *e)
{
    const char *own = evidence_text(e, EVIDENCE_ROLE);

    return w->role == NULL || (own != NULL && strcmp(own, w->role) == 0);
}

/* By the fingerprint of the key, which the journal knows; or as the evidence says itself. */
static bool is_by_sheet(const struct gate_context *c, const struct evidence *e)
{
    const struct catalog_key *key = catalog_find_key(repo_catalog(c->repo), e->key);
    const char *said = evidence_text(e, EVIDENCE_KEY_KIND);

    return (key != NULL && key->way.kind == KEYCHANGE_RECOVERY) ||
           (said != NULL && strcmp(said, "recovery-sheet") == 0);
}

/* HF_EABSENT: there is none. HF_EDAMAGE: one that could be it, or is newer, can't be believed. */
static int find(const struct gate_context *c, const struct wanted *w, struct proof *out)
{
    for (size_t i = proof_count(c->repo); i-- > 0;) {
        enum evidence_kind kind = proof_kind(c->repo, i);
        int rc;

        if (w->kind != 0 ? kind != w->kind : !evidence_is_drill(kind)) {
            continue;
        }
        rc = proof_read(c->repo, i, out);
        if (rc != 0) {
            return rc;
        }
        if (is_of_job(w, &out->evidence) && is_of_role(w, &out->evidence) &&
            (!w->by_sheet || is_by_sheet(c, &out->evidence))) {
            return 0;
        }
        proof_release(out);
    }
    return err_raise(HF_EABSENT, "there is none");
}

static void put_evidence(struct gate_finding *f, const struct proof *p)
{
    const struct evidence *e = &p->evidence;
    char shown[TEXT_TIME_BYTES];

    buf_printf(&f->evidence, "entry %" PRIu64 ": %s, %s, by %s on %s", p->number,
               evidence_kind_name(e->kind), text_time_local(e->end_ns, shown), e->user, e->host);
}

/* Whether it has lapsed; then it is unknown, and f says why. */
static bool has_lapsed(const struct gate_context *c, const struct proof *p, struct gate_finding *f)
{
    const struct evidence *e = &p->evidence;

    if (catalog_key_state(repo_catalog(c->repo), e->key) == CATALOG_KEY_REMOVED) {
        gate_unknown(f, "it lapsed: the key that it was made with was removed");
    }
    if (memcmp(e->policy_hash, no_hash, sizeof no_hash) != 0 &&
        memcmp(e->policy_hash, c->policy->hash, sizeof no_hash) != 0) {
        gate_unknown(f, "it lapsed: it was made for another policy, or this one has changed");
    }
    if (evidence_is_drill(e->kind) && memcmp(c->tool_hash, no_hash, sizeof no_hash) == 0) {
        gate_unknown(f, "which program this is could not be told, so whether it lapsed can't");
    } else if (evidence_is_drill(e->kind) &&
               memcmp(e->tool_hash, c->tool_hash, sizeof no_hash) != 0) {
        gate_unknown(f, "it lapsed: it was made by another program (%s) than this", e->tool);
    }
    return f->state != GATE_PASS;
}

/* What all of these gates have in common; *out_found: there is something to look at. */
static int look(const struct gate_context *c, const struct policy_gate *g, const struct wanted *w,
                struct proof *p, struct gate_finding *f, bool *out_found)
{
    int rc = find(c, w, p);

    *out_found = rc == 0;
    if (rc == HF_EABSENT) {
        err_clear();
        return gate_unknown(f, "%s", w->missing);
    }
    if (rc != 0) {
        return rc;
    }
    put_evidence(f, p);
    buf_printf(&f->value, "%s", p->evidence.passed ? "passed" : "failed");
    if (!p->evidence.passed) {
        gate_fail(f, "it failed");
    } else {
        has_lapsed(c, p, f);
    }
    return gate_check_age(c, g, "it", p->evidence.end_ns, f);
}

static const char *job_of(const struct gate_context *c, const struct policy_gate *g)
{
    const char *job = policy_text(g, GATE_KEY_job);

    return job != NULL ? job : c->job;
}

static void advise_drill(struct gate_finding *f, const struct policy_gate *g)
{
    if (f->state != GATE_PASS) {
        buf_printf(&f->hint, "\"holdfast drill %s\" makes it", policy_text(g, GATE_KEY_kind));
    }
}

int gate_drill(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    const struct wanted w = { .missing = "there is no such drill yet",
                              .kind = (enum evidence_kind)g->values[GATE_KEY_kind].number,
                              .job = job_of(c, g),
                              .job_is_named = g->values[GATE_KEY_job].given };
    struct proof p;
    bool found;
    int rc = look(c, g, &w, &p, f, &found);

    if (found) {
        proof_release(&p);
    }
    advise_drill(f, g);
    return rc;
}

int gate_rto(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    const struct wanted w = { .missing = "there is no such drill yet",
                              .kind = (enum evidence_kind)g->values[GATE_KEY_kind].number,
                              .job = job_of(c, g),
                              .job_is_named = g->values[GATE_KEY_job].given };
    int64_t max = g->values[GATE_KEY_max].number;
    char shown[TEXT_SIZE_BYTES];
    struct proof p;
    int64_t took;
    bool found;
    int rc = look(c, g, &w, &p, f, &found);

    buf_printf(&f->limit, "%sin at most %s", f->limit.len > 0 ? ", " : "",
               text_duration(max, shown));
    if (found && evidence_number(&p.evidence, EVIDENCE_RTO_TOTAL, &took) && took >= 0) {
        buf_printf(&f->value, ", took %s", text_duration(took, shown));
        if (took > max) {
            gate_fail(f, "it took %s", shown);
        }
    } else if (found) {
        gate_unknown(f, "it did not measure how long a restore takes");
    }
    if (found) {
        proof_release(&p);
    }
    advise_drill(f, g);
    return rc;
}

int gate_key_sheet(const struct gate_context *c, const struct policy_gate *g,
                   struct gate_finding *f)
{
    const struct wanted w = { .missing = "no drill was opened with a recovery sheet yet",
                              .by_sheet = true };
    struct proof p;
    bool found;
    int rc = look(c, g, &w, &p, f, &found);

    if (found) {
        proof_release(&p);
    }
    if (f->state != GATE_PASS) {
        buf_printf(&f->hint, "type the sheet in again, then \"holdfast drill cold --key-file "
                             "SHEET\"");
    }
    return rc;
}

int gate_signoff(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    const struct wanted w = { .missing = "nobody has signed for it yet",
                              .kind = EVIDENCE_SIGNOFF,
                              .role = policy_text(g, GATE_KEY_role) };
    struct proof p;
    bool found;
    int rc = look(c, g, &w, &p, f, &found);

    if (found) {
        proof_release(&p);
    }
    if (f->state != GATE_PASS) {
        buf_printf(&f->hint, "who has the role runs \"holdfast signoff %s\"", w.role);
    }
    return rc;
}
