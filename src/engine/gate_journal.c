/*
 * gate_journal.c - gates that ask what there is in the repository: points in time, data that was
 * verified, room for more (gate.h).
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/gate.h"
#include "engine/proof.h"
#include "engine/timeline.h"

#define MILLION 1000000

static bool is_meant(const struct gate_context *c, const struct policy_gate *g,
                     const struct commit *commit)
{
    const char *job = policy_text(g, GATE_KEY_job);
    const char *host = policy_text(g, GATE_KEY_host);

    job = job != NULL ? job : c->job;
    return (commit->flags & COMMIT_COMPLETE) != 0 &&
           (job == NULL || strcmp(commit->job, job) == 0) &&
           (host == NULL || strcmp(commit->host, host) == 0);
}

/*
 * The newest complete point as the timeline orders them: the last of each job and host, whatever
 * its clock said, and of those the one that ended last.
 */
static int find_newest(const struct gate_context *c, const struct policy_gate *g,
                       const struct timeline *t, const struct catalog_snapshot **out)
{
    size_t count = timeline_count(t);
    bool *seen = mem_array(count + 1, sizeof *seen); /* groups whose last is known */

    *out = NULL;
    if (seen == NULL) {
        return err_nomem();
    }
    for (size_t i = count; i-- > 0;) {
        const struct timeline_point *p = timeline_point(t, i);
        const struct catalog_snapshot *s = p->snapshot;

        if (s->forgotten_by == 0 && !seen[p->group] && is_meant(c, g, &s->commit)) {
            seen[p->group] = true;
            *out = *out == NULL || s->commit.end_ns > (*out)->commit.end_ns ? s : *out;
        }
    }
    mem_free(seen);
    return 0;
}

int gate_newest_point(const struct gate_context *c, const struct policy_gate *g,
                      struct gate_finding *f)
{
    const struct catalog_snapshot *s = NULL;
    char shown[TEXT_TIME_BYTES];
    struct timeline *t = NULL;
    int rc = timeline_new(repo_catalog(c->repo), c->now_ns, &t);

    rc = rc == 0 ? find_newest(c, g, t, &s) : rc;
    if (rc == 0 && s == NULL) {
        gate_unknown(f, "there is no complete point in time yet");
        buf_printf(&f->hint, "\"holdfast backup\" makes one");
    } else if (rc == 0) {
        buf_printf(&f->evidence, "entry %" PRIu64 ": job %s of %s, %s", s->number, s->commit.job,
                   s->commit.host, text_time_local(s->commit.end_ns, shown));
        rc = gate_check_age(c, g, "the newest complete point", s->commit.end_ns, f);
    }
    timeline_free(t);
    return rc;
}

int gate_free_space(const struct gate_context *c, const struct policy_gate *g,
                    struct gate_finding *f)
{
    const struct policy_value *min = &g->values[GATE_KEY_min];
    const struct policy_value *percent = &g->values[GATE_KEY_min_percent];
    char shown[TEXT_SIZE_BYTES];
    struct fs_space space;
    int rc = fs_space(repo_env(c->repo)->fs, &space);

    if (rc != 0) {
        return rc;
    }
    buf_printf(&f->value, "%s free", text_size(space.free_bytes, shown));
    if (min->given) {
        buf_printf(&f->limit, "at least %s", text_size((uint64_t)min->number, shown));
        if (space.free_bytes < (uint64_t)min->number) {
            gate_fail(f, "the repository's disk has too little room");
        }
    }
    if (percent->given) {
        gate_check_room(f, "bytes", space.free_bytes, space.total_bytes, percent->number);
    }
    if (f->state == GATE_FAIL) {
        buf_printf(&f->hint, "\"holdfast forget\" and \"holdfast prune\" give space back");
    }
    return 0;
}

static void put_check(struct gate_finding *f, const struct proof *p)
{
    char shown[TEXT_TIME_BYTES];

    buf_printf(&f->evidence, "entry %" PRIu64 ": check, %s", p->number,
               text_time_local(p->evidence.end_ns, shown));
}

/*
 * How many checks passed or failed within the time, each believed only if it can be read and is
 * signed. One that found damage is not outdone by a later one that did not look there: that must
 * have passed, and what was not found right must have been read again. One of the future, by a
 * clock that was wrong, can only fail.
 */
static int count_checks(const struct gate_context *c, int64_t since_ns, struct gate_finding *f,
                        size_t *out_count)
{
    bool passed = false, failed = false; /* since the newest that failed; there was one */

    *out_count = 0;
    for (size_t i = proof_count(c->repo); i-- > 0;) {
        struct proof p;
        int rc;

        if (proof_kind(c->repo, i) != EVIDENCE_CHECK || proof_time_ns(c->repo, i) < since_ns) {
            continue;
        }
        rc = proof_read(c->repo, i, &p);
        if (rc != 0) {
            return rc;
        }
        if (++*out_count == 1) {
            put_check(f, &p);
        }
        if (p.evidence.passed && p.published_ns > c->now_ns + GATE_SKEW_NS) {
            --*out_count;
            buf_clear(&f->evidence);
        } else if (p.evidence.passed) {
            passed = true;
        } else if (!failed) {
            failed = true;
            if (!passed || !proof_verified_again(c->repo, &p)) {
                gate_fail(f, "the check in entry %" PRIu64 " found damage%s", p.number,
                          passed ? ", and not all has been read and found right since" : "");
            }
        }
        proof_release(&p);
    }
    return 0;
}

int gate_verified(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    int64_t wanted = g->values[GATE_KEY_percent].number;
    int64_t since_ns = c->now_ns - g->values[GATE_KEY_max_age].number;
    uint64_t verified, all;
    char shown[TEXT_SIZE_BYTES];
    int64_t part;
    size_t checks;
    int rc = count_checks(c, since_ns, f, &checks);

    if (rc != 0) {
        return rc;
    }
    proof_verified_within(c->repo, since_ns, c->now_ns + GATE_SKEW_NS, &verified, &all);
    buf_printf(&f->limit, "at least ");
    gate_put_percent(&f->limit, wanted);
    buf_printf(&f->limit, " within %s", text_duration(g->values[GATE_KEY_max_age].number, shown));
    part = all == 0 ? 0 : (int64_t)((double)verified / (double)all * MILLION);
    gate_put_percent(&f->value, part);
    buf_printf(&f->hint, "\"holdfast check --read-data --record\" reads it, and keeps the proof");
    if (all == 0) {
        return gate_unknown(f, "there are no data yet");
    }
    if (checks == 0) {
        return gate_unknown(f, "no check was recorded within %s", shown);
    }
    if (part < wanted) {
        return gate_fail(f, "too little of the data was read and found right");
    }
    if (f->state == GATE_PASS) {
        buf_clear(&f->hint);
    }
    return 0;
}
