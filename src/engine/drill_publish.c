/*
 * drill_publish.c - what a drill found, as evidence in the journal.
 */
#include <string.h>

#include "base/err.h"
#include "engine/drill_internal.h"
#include "engine/proof.h"

#define NAMED_BYTES (4u << 20) /* of mismatches by name; an entry of the journal has a limit */

static int add_time(struct evidence *e, const char *name, int64_t ns)
{
    return ns == DRILL_UNKNOWN_NS ? 0 : evidence_add_number(e, name, ns);
}

static int fill_numbers(const struct drill *d, struct evidence *e)
{
    const struct drill_result *r = d->result;
    const struct {
        const char *name;
        int64_t ns;
    } times[] = {
        { EVIDENCE_RTO_OPEN, r->rto.open_ns },
        { EVIDENCE_RTO_FIRST_BYTE, r->rto.first_byte_ns },
        { EVIDENCE_RTO_FIRST_FILE, r->rto.first_file_ns },
        { EVIDENCE_RTO_RESTORE, r->rto.restore_ns },
        { EVIDENCE_RTO_VERIFY, r->rto.verify_ns },
        { EVIDENCE_RTO_PROBE, r->rto.probe_ns },
        { EVIDENCE_RTO_TOTAL, r->rto.total_ns },
        { EVIDENCE_RPO_NEWEST_AGE, r->rpo.newest_age_ns },
        { EVIDENCE_RPO_LARGEST_GAP, r->rpo.largest_gap_ns },
    };
    const struct {
        const char *name;
        uint64_t n;
        bool always;
    } counts[] = {
        { EVIDENCE_FILES, r->files, true },    { EVIDENCE_BYTES, r->bytes, true },
        { "moments_count", r->points, false }, { "drift_count", r->drift, false },
        { "losses_count", r->losses, false },  { "faults_count", r->fault_count, false },
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof times / sizeof times[0]; i++) {
        rc = add_time(e, times[i].name, times[i].ns);
    }
    for (size_t i = 0; rc == 0 && i < sizeof counts / sizeof counts[0]; i++) {
        if (counts[i].always || counts[i].n > 0) {
            rc = evidence_add_number(e, counts[i].name, (int64_t)counts[i].n);
        }
    }
    if (rc == 0 && r->probe_status >= 0) {
        rc = evidence_add_number(e, "probe_status", r->probe_status);
    }
    return rc;
}

/*
 * A fault that did not pass is among the mismatches; all are among the texts. That there are too
 * many long names must not keep a failure from being on record: they are counted in any case.
 */
static int fill_texts(const struct drill *d, struct evidence *e)
{
    const struct drill_result *r = d->result;
    int rc = r->job != NULL ? evidence_add_text(e, EVIDENCE_JOB, r->job) : 0;
    size_t named = 0;

    if (rc == 0 && d->o->probe != NULL) {
        rc = evidence_add_text(e, "probe", d->o->probe);
    }
    for (size_t i = 0; rc == 0 && i < r->fault_count; i++) {
        rc = evidence_add_text(e, "fault", r->faults[i].fault);
    }
    for (size_t i = 0; rc == 0 && i < r->mismatch_count; i++) {
        const struct drill_mismatch *m = &r->mismatches[i];

        named += m->object_len + strlen(m->why);
        if (named > NAMED_BYTES) {
            break;
        }
        rc = evidence_add_mismatch(e, m->object, m->why);
    }
    e->mismatch_total = r->mismatch_total;
    return rc;
}

static int fill(const struct drill *d, struct evidence *e)
{
    const struct drill_result *r = d->result;
    int rc;

    e->kind = d->kind->evidence;
    e->passed = r->passed;
    e->begin_ns = r->begin_ns;
    e->end_ns = r->end_ns;
    e->seed = d->o->seed;
    memcpy(e->snapshot, r->snapshot, sizeof e->snapshot);
    memcpy(e->policy_hash, d->o->policy_hash, sizeof e->policy_hash);
    rc = evidence_set_origin(e, d->o->host, d->o->user, d->o->tool);
    if (rc == 0) {
        rc = fill_numbers(d, e);
    }
    return rc == 0 ? fill_texts(d, e) : rc;
}

int drill_publish(struct drill *d)
{
    struct evidence e;
    int rc = 0;

    evidence_init(&e);
    if (d->repo == NULL) {
        rc = repo_open(d->o->env, d->o->unlock, REPO_TOLERANT, &d->repo);
    }
    if (rc == 0) {
        rc = fill(d, &e);
    }
    if (rc == 0) {
        rc = proof_publish(d->repo, &e, d->result->evidence, &d->result->evidence_number);
    }
    d->result->published = rc == 0;
    evidence_release(&e);
    return rc == 0 ? 0 : err_add(rc, "could not publish the evidence");
}
