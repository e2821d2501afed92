/*
 * test_retention_oracle.c - what policies keep, over random histories and in zones whose clocks
 * are changed, against an oracle that asks of each point, by comparing it with every other one,
 * what the definitions of engine/retention.h say.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "engine/retention.h"
#include "unit/engine/historykit.h"

#define ROUNDS 10000
#define SEED 20261121

/* The oracle */

static size_t name_period(int period, const struct tm *local, char out[32])
{
    switch (period) {
    case RETENTION_HOUR:
        return strftime(out, 32, "%Y-%m-%d %H", local);
    case RETENTION_DAY:
        return strftime(out, 32, "%Y-%m-%d", local);
    case RETENTION_WEEK:
        return strftime(out, 32, "%G week %V", local);
    case RETENTION_MONTH:
        return strftime(out, 32, "%Y-%m", local);
    default:
        return strftime(out, 32, "%Y", local);
    }
}

/* The name of the hour, day, .. that a point is in. */
static void label(const struct catalog_snapshot *s, int period, char out[32])
{
    int64_t ns = s->commit.end_ns;
    time_t seconds = (time_t)(ns / NS_PER_S - (ns % NS_PER_S < 0));
    struct tm local;

    if (period == RETENTION_EACH) {
        snprintf(out, 32, "#%" PRIu64, s->number);
        return;
    }
    assert_non_null(localtime_r(&seconds, &local));
    assert_true(name_period(period, &local, out) > 0);
}

static bool holds_all(char *const *set, size_t set_count, char *const *wanted, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < set_count; k++) {
            found += strcmp(set[k], wanted[i]) == 0;
        }
    }
    return found == count;
}

static bool equal_sets(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
    return a_count == b_count && holds_all(a, a_count, b, b_count);
}

static bool same_group(unsigned by, const struct commit *a, const struct commit *b)
{
    return (!(by & RETENTION_BY_JOB) || strcmp(a->job, b->job) == 0) &&
           (!(by & RETENTION_BY_HOST) || strcmp(a->host, b->host) == 0) &&
           (!(by & RETENTION_BY_PATHS) ||
            equal_sets(a->paths, a->path_count, b->paths, b->path_count)) &&
           (!(by & RETENTION_BY_TAGS) || equal_sets(a->tags, a->tag_count, b->tags, b->tag_count));
}

struct question {
    struct retention_policy policy;
    char *tags[2];
    const struct catalog_snapshot *group[HISTORY_POINTS]; /* oldest first */
    size_t count;
};

/* Whether the point is younger than D, counted from the newest point that is not of the future. */
static bool is_within(const struct question *q, const struct catalog_snapshot *s, int64_t within_ns)
{
    for (size_t i = 0; i < q->count; i++) {
        int64_t end = q->group[i]->commit.end_ns;

        if (end <= HISTORY_NOW && end - s->commit.end_ns >= within_ns) {
            return false;
        }
    }
    return true;
}

/*
 * Of the points newer than the i-th that the rule looks at: how many different periods they are
 * in, and whether its own is among them.
 */
static size_t periods_after(const struct question *q, size_t i, int period, int64_t within_ns,
                            bool *out_own)
{
    char own[32], names[HISTORY_POINTS][32];
    size_t count = 0;

    *out_own = false;
    label(q->group[i], period, own);
    for (size_t k = i + 1; k < q->count; k++) {
        bool known = false;

        if (within_ns > 0 && !is_within(q, q->group[k], within_ns)) {
            continue;
        }
        label(q->group[k], period, names[count]);
        for (size_t n = 0; n < count; n++) {
            known = known || strcmp(names[n], names[count]) == 0;
        }
        *out_own = *out_own || strcmp(names[count], own) == 0;
        count += !known;
    }
    return count;
}

/* Of each rule, whether it keeps the i-th point, and whether only since that is the oldest. */
static uint32_t reasons_for(const struct question *q, size_t i, uint32_t *out_oldest)
{
    uint32_t reasons = 0;

    *out_oldest = 0;
    for (int p = 0; p < RETENTION_PERIODS; p++) {
        int64_t within = q->policy.within_ns[p];
        bool own;

        if (periods_after(q, i, p, 0, &own) < q->policy.keep[p] && (!own || i == 0)) {
            reasons |= RETENTION_REASON_KEEP(p);
            *out_oldest |= own ? RETENTION_REASON_KEEP(p) : 0;
        }
        if (within == 0 || !is_within(q, q->group[i], within)) {
            continue;
        }
        (void)periods_after(q, i, p, within, &own);
        if (!own || i == 0) {
            reasons |= RETENTION_REASON_WITHIN(p);
            *out_oldest |= own ? RETENTION_REASON_WITHIN(p) : 0;
        }
    }
    return reasons;
}

/* Random policies */

static char one_tag[] = "red", two_tags[] = "green,blue";

static bool tag_keeps(const struct commit *c, const char *tags)
{
    static char *const red[] = { history_tags[0] };
    static char *const others[] = { history_tags[2], history_tags[1] };

    return tags == one_tag ? holds_all(c->tags, c->tag_count, red, 1)
                           : holds_all(c->tags, c->tag_count, others, 2);
}

static uint64_t random_count(struct rnd *rnd)
{
    switch (rnd_below(rnd, 6)) {
    case 0:
        return 1 + rnd_below(rnd, 12);
    case 1:
        return 1 + rnd_below(rnd, 3);
    case 2:
        return rnd_below(rnd, 4) == 0 ? RETENTION_UNLIMITED : 0;
    default:
        return 0;
    }
}

static int64_t random_distance(struct rnd *rnd)
{
    switch (rnd_below(rnd, 8)) {
    case 0:
        return (int64_t)(1 + rnd_below(rnd, 96)) * 3600 * NS_PER_S;
    case 1:
        return (int64_t)(1 + rnd_below(rnd, 500)) * HISTORY_DAY;
    case 2:
        return rnd_below(rnd, 8) == 0 ? INT64_MAX : 0;
    default:
        return 0;
    }
}

static void random_policy(struct rnd *rnd, struct question *q)
{
    struct retention_policy *p = &q->policy;

    memset(p, 0, sizeof *p);
    for (int i = 0; i < RETENTION_PERIODS; i++) {
        p->keep[i] = random_count(rnd);
        p->within_ns[i] = random_distance(rnd);
    }
    p->tags = q->tags;
    if (rnd_below(rnd, 6) == 0) {
        q->tags[p->tag_count++] = one_tag;
    }
    if (rnd_below(rnd, 6) == 0) {
        q->tags[p->tag_count++] = two_tags;
    }
    p->group_by = (unsigned)rnd_below(rnd, 16);
}

/* Comparing */

static void gather_group(struct question *q, const struct timeline_list *all,
                         const struct catalog_snapshot *one)
{
    q->count = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct catalog_snapshot *s = all->points[i]->snapshot;

        if (same_group(q->policy.group_by, &s->commit, &one->commit)) {
            q->group[q->count++] = s;
        }
    }
}

static void check_decision(const struct question *q, size_t i, const struct retention_decision *d,
                           int round)
{
    const struct catalog_snapshot *s = q->group[i];
    uint32_t oldest, reasons = reasons_for(q, i, &oldest);

    for (size_t t = q->policy.tag_count; t-- > 0;) {
        if (tag_keeps(&s->commit, q->policy.tags[t])) {
            reasons |= RETENTION_REASON_TAG;
            assert_true(d->tag <= t);
        }
    }
    if (d->number != s->number || d->reasons != reasons || d->oldest != oldest) {
        fail_msg("seed %d, round %d, TZ=%s: #%" PRIu64
                 " has reasons %x (oldest %x) instead of #%" PRIu64 " with %x (%x)",
                 SEED, round, getenv("TZ"), d->number, d->reasons, d->oldest, s->number, reasons,
                 oldest);
    }
    assert_memory_equal(d->id, s->id, sizeof d->id);
    assert_true(d->end_ns == s->commit.end_ns);
}

/* Each group is what the oracle takes for one, each point is in one group only. */
static void check_plan(struct question *q, const struct timeline_list *all,
                       const struct retention_plan *plan, int round)
{
    size_t seen = 0, kept = 0;

    assert_int_equal(plan->count, all->count);
    for (size_t g = 0; g < plan->group_count; g++) {
        const struct retention_group *group = &plan->groups[g];
        size_t kept_here = 0;

        assert_int_equal(group->first, seen);
        for (size_t i = 0; i < all->count; i++) {
            if (all->points[i]->snapshot->number == plan->decisions[seen].number) {
                gather_group(q, all, all->points[i]->snapshot);
            }
        }
        assert_int_equal(group->count, q->count);
        for (size_t i = 0; i < q->count; i++) {
            check_decision(q, i, &plan->decisions[seen + i], round);
            kept_here += plan->decisions[seen + i].reasons != 0;
        }
        assert_int_equal(group->kept, kept_here);
        seen += q->count;
        kept += kept_here;
    }
    assert_int_equal(seen, all->count);
    assert_int_equal(plan->kept, kept);
}

static void test_retention_keeps_what_the_definitions_say(void **state)
{
    size_t kept = 0, gone = 0;
    struct rnd rnd;

    (void)state;
    print_message("seed %d\n", SEED);
    rnd_init_seeded(&rnd, SEED);
    for (int round = 0; round < ROUNDS; round++) {
        struct retention_plan plan;
        struct timeline_list all;
        struct timeline *t;
        struct history h;
        struct question q;

        history_set_zone(history_zones[rnd_below(&rnd, HISTORY_ZONES)]);
        history_make(&h, &rnd);
        random_policy(&rnd, &q);
        assert_int_equal(timeline_of(h.list, h.count, HISTORY_NOW, &t), 0);
        assert_int_equal(timeline_select(t, NULL, 0, TIMELINE_LIVE, true, &all), 0);
        assert_int_equal(retention_plan(&q.policy, &all, HISTORY_NOW, &plan), 0);
        check_plan(&q, &all, &plan, round);
        kept += plan.kept;
        gone += plan.count - plan.kept;
        retention_plan_release(&plan);
        timeline_list_release(&all);
        timeline_free(t);
    }
    assert_true(kept > 10000 && gone > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retention_keeps_what_the_definitions_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
