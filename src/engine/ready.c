/*
 * ready.c - see ready.h.
 */
#include "engine/ready.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/proof.h"

static const unsigned weights[] = {
    [POLICY_CRITICAL] = 10,
    [POLICY_IMPORTANT] = 5,
    [POLICY_NICE] = 1,
};

static void apply_waiver(const struct gate_context *c, struct ready_gate *r)
{
    const struct policy_value *until = &r->gate->values[GATE_KEY_waived_until];

    r->waiver_lapsed = until->given && c->now_ns >= until->number;
    r->waived = until->given && !r->waiver_lapsed && r->finding.state != GATE_PASS;
    r->blocks = r->finding.state != GATE_PASS && !r->waived && r->gate->severity != POLICY_NICE;
}

static int judge_gate(const struct gate_context *c, const struct clock *clock, struct ready_gate *r)
{
    int64_t begin_ns = clock_monotonic(clock);
    int rc = gate_ask(c, r->gate, &r->finding);

    r->duration_ns = clock_monotonic(clock) - begin_ns;
    apply_waiver(c, r);
    return rc == 0 ? 0 : err_add(rc, "could not judge the gate \"%s\"", r->gate->name);
}

static void sum_up(struct ready_result *r)
{
    unsigned all = 0, passed = 0;

    r->ready = true;
    for (size_t i = 0; i < r->count; i++) {
        const struct ready_gate *g = &r->gates[i];
        unsigned weight = weights[g->gate->severity];

        all += weight;
        passed += g->finding.state == GATE_PASS ? weight : 0;
        r->passed += g->finding.state == GATE_PASS ? 1 : 0;
        r->failed += g->finding.state == GATE_FAIL ? 1 : 0;
        r->unknown += g->finding.state == GATE_UNKNOWN ? 1 : 0;
        r->waived += g->waived ? 1 : 0;
        r->ready = r->ready && !g->blocks;
    }
    r->score = all == 0 ? 0 : passed * 100 / all;
}

int ready_judge(const struct policy *p, const struct ready_context *c, struct ready_result *out)
{
    struct gate_context gc = { .repo = c->repo,
                               .no_repo = c->no_repo,
                               .now_ns = clock_wall(c->clock),
                               .job = c->job,
                               .policy = p,
                               .stop = c->stop };
    int rc = 0;

    memset(out, 0, sizeof *out);
    out->policy = p;
    out->at_ns = gc.now_ns;
    out->gates = mem_array(p->count, sizeof *out->gates);
    if (out->gates == NULL) {
        return err_nomem();
    }
    if (c->repo != NULL) {
        proof_tool_hash(gc.tool_hash);
    }
    for (size_t i = 0; rc == 0 && i < p->count; i++) {
        out->gates[i].gate = p->gates[i];
        gate_init(&out->gates[i].finding);
        out->count++;
        rc = judge_gate(&gc, c->clock, &out->gates[i]);
    }
    if (rc == 0) {
        sum_up(out);
    }
    return rc;
}

void ready_release(struct ready_result *r)
{
    for (size_t i = 0; i < r->count; i++) {
        gate_release(&r->gates[i].finding);
    }
    mem_free(r->gates);
    memset(r, 0, sizeof *r);
}
