/*
 * retention.c - see retention.h.
 *
 * One pass over each group, newest first. Every rule counts the periods that it has met; a point
 * is the newest of its period if that was not met before, which one map for all rules remembers.
 */
#include "engine/retention.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"

/* Groups */

struct member { /* a point, and what its group is known by */
    const struct timeline_point *point;
    size_t position; /* among the points: oldest first */
    const uint8_t *key;
    size_t key_len;
    char **paths, **tags; /* sorted copies of the lists; NULL unless grouped by */
};

static int compare_texts(const void *va, const void *vb)
{
    return strcmp(*(char *const *)va, *(char *const *)vb);
}

/* The texts sorted, in the plan's memory, so that equal sets are equal lists. */
static char **sorted_texts(struct arena *a, char *const *texts, size_t count)
{
    char **copy = arena_alloc(a, (count + 1) * sizeof *copy);

    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = arena_text(a, texts[i], strlen(texts[i]));
        if (copy[i] == NULL) {
            return NULL;
        }
    }
    if (copy != NULL) {
        qsort(copy, count, sizeof *copy, compare_texts);
    }
    return copy;
}

static void put_texts(struct buf *b, char *const *texts, size_t count)
{
    buf_put_varint(b, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_text(b, texts[i]);
    }
}

static int make_key(struct arena *a, unsigned group_by, struct member *m, struct buf *scratch)
{
    const struct commit *c = &m->point->snapshot->commit;

    buf_clear(scratch);
    if (group_by & RETENTION_BY_JOB) {
        buf_put_text(scratch, c->job);
    }
    if (group_by & RETENTION_BY_HOST) {
        buf_put_text(scratch, c->host);
    }
    if (group_by & RETENTION_BY_PATHS) {
        m->paths = sorted_texts(a, c->paths, c->path_count);
        if (m->paths == NULL) {
            return err_nomem();
        }
        put_texts(scratch, m->paths, c->path_count);
    }
    if (group_by & RETENTION_BY_TAGS) {
        m->tags = sorted_texts(a, c->tags, c->tag_count);
        if (m->tags == NULL) {
            return err_nomem();
        }
        put_texts(scratch, m->tags, c->tag_count);
    }
    m->key_len = scratch->len;
    m->key = (const uint8_t *)arena_text(a, scratch->data, scratch->len);
    return m->key == NULL ? err_nomem() : buf_error(scratch);
}

static int compare_keys(const struct member *a, const struct member *b)
{
    size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
    int c = memcmp(a->key, b->key, len);

    return c != 0 ? c : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static int compare_members(const void *va, const void *vb)
{
    const struct member *a = va, *b = vb;
    int c = compare_keys(a, b);

    return c != 0 ? c : (a->position > b->position) - (a->position < b->position);
}

/* The points as members, group by group, each oldest first. */
static int gather(struct arena *a, unsigned group_by, const struct timeline_list *points,
                  struct member *members)
{
    struct buf scratch;
    int rc = 0;

    buf_init(&scratch);
    for (size_t i = 0; rc == 0 && i < points->count; i++) {
        members[i] = (struct member){ .point = points->points[i], .position = i };
        rc = make_key(a, group_by, &members[i], &scratch);
    }
    buf_release(&scratch);
    if (rc == 0) {
        qsort(members, points->count, sizeof *members, compare_members);
    }
    return rc;
}

/* What a group is called, from any of its members. */
static int name_group(struct arena *a, unsigned group_by, const struct member *m,
                      struct retention_group *g)
{
    const struct commit *c = &m->point->snapshot->commit;

    if (group_by & RETENTION_BY_JOB) {
        g->job = arena_text(a, c->job, strlen(c->job));
    }
    if (group_by & RETENTION_BY_HOST) {
        g->host = arena_text(a, c->host, strlen(c->host));
    }
    g->paths = m->paths;
    g->path_count = m->paths == NULL ? 0 : c->path_count;
    g->tags = m->tags;
    g->tag_count = m->tags == NULL ? 0 : c->tag_count;
    if (((group_by & RETENTION_BY_JOB) && g->job == NULL) ||
        ((group_by & RETENTION_BY_HOST) && g->host == NULL)) {
        return err_nomem();
    }
    return 0;
}

/* Judging */

struct judge {
    const struct retention_policy *policy;
    struct map *met;                     /* {rule, period}: of this group, what a rule has met */
    uint64_t met_count[RETENTION_RULES]; /* how many of them */
    int64_t newest_ns;                   /* what "within" counts back from */
};

static int64_t floor_divide(int64_t n, int64_t by)
{
    return n / by - (n % by < 0);
}

/* Which hour, day, .. of local clocks this is: an equal number for equal ones. */
static int64_t period_at(enum retention_period period, const struct timeline_point *p)
{
    time_t seconds = (time_t)floor_divide(p->snapshot->commit.end_ns, NS_PER_S);
    struct tm local = { 0 };

    if (period == RETENTION_EACH || localtime_r(&seconds, &local) == NULL) {
        return (int64_t)p->snapshot->number;
    }
    int64_t wall = (int64_t)seconds + local.tm_gmtoff;
    switch (period) {
    case RETENTION_HOUR:
        return floor_divide(wall, 3600);
    case RETENTION_DAY:
        return floor_divide(wall, 86400);
    case RETENTION_WEEK: /* the first day of 1970 was a Thursday, and weeks begin on Mondays */
        return floor_divide(floor_divide(wall, 86400) + 3, 7);
    case RETENTION_MONTH:
        return (int64_t)local.tm_year * 12 + local.tm_mon;
    case RETENTION_YEAR:
        return local.tm_year;
    case RETENTION_EACH:
    case RETENTION_PERIODS:
        break;
    }
    return 0;
}

/* Whether this is the first point of its period that the rule meets; notes that it has. */
static int meet(struct judge *j, size_t rule, int64_t period, bool *out_first)
{
    const int64_t key[2] = { (int64_t)rule, period };
    int rc = map_put(j->met, key, NULL, out_first);

    j->met_count[rule] += rc == 0 && *out_first;
    return rc;
}

/* One rule, by count or by distance. */
static int apply_rule(struct judge *j, size_t rule, const struct timeline_point *p, bool last,
                      struct retention_decision *d)
{
    enum retention_period period = (enum retention_period)(rule % RETENTION_PERIODS);
    bool by_count = rule < RETENTION_PERIODS;
    uint64_t limit = by_count ? j->policy->keep[period] : RETENTION_UNLIMITED;
    int64_t within_ns = j->policy->within_ns[period];
    int64_t from_ns;
    bool first;
    int rc;

    if (by_count ? j->met_count[rule] >= limit : within_ns <= 0) {
        return 0;
    }
    if (__builtin_sub_overflow(j->newest_ns, within_ns, &from_ns)) {
        from_ns = INT64_MIN;
    }
    if (!by_count && from_ns != INT64_MIN && p->snapshot->commit.end_ns <= from_ns) {
        return 0;
    }
    rc = meet(j, rule, period_at(period, p), &first);
    if (rc == 0 && (first || last)) {
        d->reasons |= 1u << rule;
        d->oldest |= first ? 0 : 1u << rule;
    }
    return rc;
}

static bool has_tag(const struct commit *c, const char *tag, size_t len)
{
    for (size_t i = 0; i < c->tag_count; i++) {
        if (strlen(c->tags[i]) == len && memcmp(c->tags[i], tag, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether it has each of the tags that commas join. */
static bool has_tags(const struct commit *c, const char *tags)
{
    for (;;) {
        size_t len = strcspn(tags, ",");

        if (!has_tag(c, tags, len)) {
            return false;
        }
        if (tags[len] == '\0') {
            return true;
        }
        tags += len + 1;
    }
}

static void apply_tags(const struct judge *j, const struct commit *c, struct retention_decision *d)
{
    for (size_t i = 0; i < j->policy->tag_count; i++) {
        if (has_tags(c, j->policy->tags[i])) {
            d->reasons |= RETENTION_REASON_TAG;
            d->tag = i;
            return;
        }
    }
}

static int judge_point(struct judge *j, const struct timeline_point *p, bool last,
                       struct retention_decision *d)
{
    int rc = 0;

    *d = (struct retention_decision){ .number = p->snapshot->number,
                                      .end_ns = p->snapshot->commit.end_ns };
    memcpy(d->id, p->snapshot->id, sizeof d->id);
    apply_tags(j, &p->snapshot->commit, d);
    for (size_t rule = 0; rc == 0 && rule < RETENTION_RULES; rule++) {
        rc = apply_rule(j, rule, p, last, d);
    }
    return rc;
}

/* The latest end that is not in the future; if all are, everything is "within". */
static int64_t newest_end(const struct member *members, size_t count, int64_t now_ns)
{
    int64_t newest = INT64_MIN;

    for (size_t i = 0; i < count; i++) {
        int64_t end = members[i].point->snapshot->commit.end_ns;

        newest = end <= now_ns && end > newest ? end : newest;
    }
    return newest;
}

static int judge_group(struct judge *j, const struct member *members, int64_t now_ns,
                       struct retention_plan *plan, struct retention_group *g)
{
    int rc = name_group(&plan->memory, j->policy->group_by, &members[g->first], g);

    map_clear(j->met);
    memset(j->met_count, 0, sizeof j->met_count);
    j->newest_ns = newest_end(members + g->first, g->count, now_ns);
    for (size_t i = g->count; rc == 0 && i-- > 0;) {
        struct retention_decision *d = &plan->decisions[g->first + i];

        rc = judge_point(j, members[g->first + i].point, i == 0, d);
        g->kept += d->reasons != 0;
    }
    plan->kept += g->kept;
    return rc;
}

/* Finds where each group ends, and judges it. */
static int judge_all(struct judge *j, const struct member *members, int64_t now_ns,
                     struct retention_plan *plan)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->count;) {
        struct retention_group *g = &plan->groups[plan->group_count++];

        *g = (struct retention_group){ .first = i };
        while (i < plan->count && compare_keys(&members[g->first], &members[i]) == 0) {
            g->count++;
            i++;
        }
        rc = judge_group(j, members, now_ns, plan, g);
    }
    return rc;
}

int retention_plan(const struct retention_policy *policy, const struct timeline_list *points,
                   int64_t now_ns, struct retention_plan *out)
{
    struct judge j = { .policy = policy };
    struct member *members = mem_array(points->count + 1, sizeof *members);
    int rc = map_new(2 * sizeof(int64_t), 0, 0, &j.met);

    *out = (struct retention_plan){ .count = points->count };
    arena_init(&out->memory);
    out->decisions = mem_array(points->count + 1, sizeof *out->decisions);
    out->groups = mem_array(points->count + 1, sizeof *out->groups);
    if (rc == 0 && (members == NULL || out->decisions == NULL || out->groups == NULL)) {
        rc = err_nomem();
    }
    if (rc == 0) {
        rc = gather(&out->memory, policy->group_by, points, members);
    }
    if (rc == 0) {
        rc = judge_all(&j, members, now_ns, out);
    }
    map_free(j.met);
    mem_free(members);
    if (rc != 0) {
        retention_plan_release(out);
    }
    return rc;
}

void retention_plan_release(struct retention_plan *plan)
{
    mem_free(plan->decisions);
    mem_free(plan->groups);
    arena_release(&plan->memory);
    memset(plan, 0, sizeof *plan);
}
