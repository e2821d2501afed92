/*
 * retention.h - which points a policy keeps, and why.
 *
 * A policy is rules; a point is kept if any rule wants it. Points are first divided into groups by
 * host, job, paths or tags, and each group is judged for itself, newest point first, in the order
 * of timeline.h. The rules mean what restic's options of the same names mean:
 *
 *   last N               the N newest points
 *   hourly .. yearly N   of each calendar hour, day, ISO week, month, year in which there is a
 *                        point the newest one, for the N newest of them. If there are fewer than N,
 *                        the oldest point of the group is kept as well: history is as long as the
 *                        policy allows from the first day on
 *   within D             every point younger than D, counted back from the newest point of the
 *                        group. A point from the future, whose clock was wrong, is not what time is
 *                        counted from
 *   hourly .. yearly within D   of the points younger than D, the newest of each hour and so on
 *   tag T[,T]            every point that has all of these tags; costs the other rules nothing
 *
 * Calendar hours, days and so on are those of local clocks (TZ). An hour that clocks show twice is
 * one. A bucket counts once even where a clock that jumped comes back to it.
 */
#ifndef HF_ENGINE_RETENTION_H
#define HF_ENGINE_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/arena.h"
#include "engine/timeline.h"

enum retention_period {
    RETENTION_EACH, /* every point is a period of its own: last, within */
    RETENTION_HOUR,
    RETENTION_DAY,
    RETENTION_WEEK,
    RETENTION_MONTH,
    RETENTION_YEAR,
    RETENTION_PERIODS
};

enum retention_group_by {
    RETENTION_BY_HOST = 1,
    RETENTION_BY_JOB = 2,
    RETENTION_BY_PATHS = 4, /* as a set */
    RETENTION_BY_TAGS = 8,  /* as a set */
};
#define RETENTION_GROUP_DEFAULT (RETENTION_BY_HOST | RETENTION_BY_JOB | RETENTION_BY_PATHS)

#define RETENTION_UNLIMITED UINT64_MAX

struct retention_policy {
    uint64_t keep[RETENTION_PERIODS];     /* so many; 0: no such rule */
    int64_t within_ns[RETENTION_PERIODS]; /* 0: no such rule */
    char *const *tags;                    /* each one tag, or several joined by commas */
    size_t tag_count;
    unsigned group_by; /* any of enum retention_group_by; 0: all points are one group */
};

/* "12", or "unlimited" or "-1". HF_EUSAGE. */
int retention_parse_count(const char *text, uint64_t *out);
/* "host,job": words among host, job, paths, tags; "" or "none": no grouping. HF_EUSAGE. */
int retention_parse_group_by(const char *text, unsigned *out);
/* Whether there is a rule that can keep anything. */
bool retention_keeps_any(const struct retention_policy *policy);

/* A decision's reasons have a bit for each rule: by count, then by distance, then by tag. */
#define RETENTION_RULES (2 * RETENTION_PERIODS)
#define RETENTION_REASON_KEEP(period) (1u << (period))
#define RETENTION_REASON_WITHIN(period) (1u << (RETENTION_PERIODS + (period)))
#define RETENTION_REASON_TAG (1u << RETENTION_RULES)

struct retention_decision {
    uint8_t id[16];
    uint64_t number;
    int64_t end_ns;
    uint32_t reasons; /* 0: nothing keeps it */
    uint32_t oldest;  /* those of the reasons that hold only because it is the oldest point */
    size_t tag;       /* with RETENTION_REASON_TAG: the first of policy->tags that it has */
};

struct retention_group {
    const char *host, *job; /* NULL where it is not what points are grouped by */
    char *const *paths, *const *tags;
    size_t path_count, tag_count;
    size_t first, count; /* its decisions */
    size_t kept;
};

/* Owns all that it holds: the catalogue may change under it. */
struct retention_plan {
    struct retention_decision *decisions; /* group by group, each oldest first */
    size_t count, kept;
    struct retention_group *groups;
    size_t group_count;
    struct arena memory;
};

/* Judges these points. now_ns: what is later is from the future. The policy may be without rules.
 */
int retention_plan(const struct retention_policy *policy, const struct timeline_list *points,
                   int64_t now_ns, struct retention_plan *out);
void retention_plan_release(struct retention_plan *plan);

/* HF_EUSAGE, naming the first group of which nothing is kept. */
int retention_refuse_empty(const struct retention_plan *plan);

/*
 * Appends the i-th reason in words ("daily", "oldest weekly", "within 7d", "tag x"); false, and
 * nothing, if there are not so many.
 */
bool retention_put_reason(const struct retention_policy *policy,
                          const struct retention_decision *decision, size_t i, struct buf *out);
/* Appends "job web, host a, paths /etc /srv", or "all jobs". */
void retention_put_group(const struct retention_group *group, struct buf *out);

#endif
