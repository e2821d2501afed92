/*
 * forget_policy.c - see forget_policy.h.
 */
#include "engine/forget_policy.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/timeline.h"
#include "store/run.h"

static int plan_at(const struct catalog *catalog, const struct clock *clock,
                   const struct forget_policy *policy, struct retention_plan *out)
{
    int64_t now_ns = clock_wall(clock);
    struct timeline_list points = { 0 };
    struct timeline *t = NULL;
    int rc = timeline_new(catalog, now_ns, &t);

    *out = (struct retention_plan){ 0 };
    if (rc == 0) {
        /* With neither points nor wishes there is nothing to do, and nothing wrong. */
        rc = timeline_select(t, policy->selectors, policy->selector_count, TIMELINE_LIVE,
                             policy->selector_count == 0, &points);
    }
    if (rc == 0) {
        rc = retention_plan(&policy->retention, &points, now_ns, out);
    }
    timeline_list_release(&points);
    timeline_free(t);
    return rc;
}

int forget_policy_plan(struct repo *r, const struct forget_policy *policy,
                       struct retention_plan *out)
{
    return plan_at(repo_catalog(r), repo_env(r)->clock, policy, out);
}

struct attempt {
    const struct forget_policy *policy;
    const struct clock *clock;
    struct retention_plan *plan;
    bool nothing; /* at the tip nothing is to be forgotten */
};

static int put_entry(const struct retention_plan *plan, uint64_t view, struct buf *body)
{
    uint8_t(*ids)[16] = mem_array(plan->count + 1, sizeof *ids);
    size_t count = 0;

    if (ids == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->decisions[i].reasons == 0) {
            memcpy(ids[count++], plan->decisions[i].id, sizeof ids[0]);
        }
    }
    entry_put_forget(body, false, view, (const uint8_t(*)[16])ids, count);
    mem_free(ids);
    return buf_error(body);
}

/* Computes all anew: what an earlier attempt found out is of an earlier tip. */
static int build(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                 struct buf *body)
{
    struct attempt *a = context;
    int rc;

    (void)uuid;
    retention_plan_release(a->plan);
    rc = plan_at(catalog, a->clock, a->policy, a->plan);
    if (rc == 0 && !a->policy->allow_empty) {
        rc = retention_refuse_empty(a->plan);
    }
    if (rc != 0) {
        return rc;
    }
    a->nothing = a->plan->kept == a->plan->count;
    if (a->nothing) {
        return err_raise(HF_ECHANGED, "there is nothing to forget");
    }
    return put_entry(a->plan, catalog_entry_count(catalog), body);
}

int forget_policy_publish(struct repo *r, const struct forget_policy *policy,
                          struct retention_plan *out, uint64_t *out_number)
{
    struct attempt a = { .policy = policy, .clock = repo_env(r)->clock, .plan = out };
    const struct run_entry entry = { build, &a };
    uint8_t id[16];
    int rc;

    *out = (struct retention_plan){ 0 };
    *out_number = 0;
    rc = run_publish(r, &entry, id, out_number);
    if (rc == HF_ECHANGED && a.nothing) {
        *out_number = 0;
        err_clear();
        return 0;
    }
    return rc;
}
