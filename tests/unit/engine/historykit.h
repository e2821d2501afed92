/*
 * historykit.h - random histories of many jobs and hosts, as a catalogue would hold them, for the
 * tests that hold timeline and retention against an oracle.
 *
 * Clocks mostly go forward, by minutes or months, often close to the nights in which local clocks
 * are changed; now and then they stand still, jump, or belong to an archive of long ago. Points are
 * forgotten and brought back, some are partials and some incomplete. history_gaps adds gaps.
 */
#ifndef HF_UNIT_HISTORYKIT_H
#define HF_UNIT_HISTORYKIT_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "store/catalog.h"

#define HISTORY_POINTS 64
#define HISTORY_GAPS 6
#define HISTORY_TEXTS 3

#define HISTORY_NOW ((int64_t)1795255200 * NS_PER_S) /* 2026-11-21 10:00 in UTC */
#define HISTORY_DAY (86400 * NS_PER_S)

struct history {
    struct catalog_snapshot snapshots[HISTORY_POINTS];
    const struct catalog_snapshot *list[HISTORY_POINTS];
    char *tags[HISTORY_POINTS][HISTORY_TEXTS], *paths[HISTORY_POINTS][HISTORY_TEXTS];
    size_t count;
    struct catalog_gap gaps[HISTORY_GAPS]; /* in journal order */
    const struct catalog_gap *gap_list[HISTORY_GAPS];
    size_t gap_count;
};

static char history_jobs[3][8] = { "web", "db", "mail" };
static char history_hosts[2][8] = { "a", "b" };
static char history_tags[HISTORY_TEXTS][8] = { "red", "green", "blue" };
static char history_paths[HISTORY_TEXTS][8] = { "/srv", "/etc", "/home" };

/* Zones whose clocks are changed on both hemispheres, by half an hour, and never. */
static const char *const history_zones[] = {
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT,M3.2.0,M11.1.0",
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "<+0545>-5:45",
};
#define HISTORY_ZONES (sizeof history_zones / sizeof history_zones[0])

static inline void history_set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

/* Nights around which zones change their clocks in 2026, in days of the year. */
static inline int64_t history_night(struct rnd *rnd)
{
    static const int days[] = { 66, 87, 94, 269, 276, 297, 304, 359 };
    int64_t new_year = (int64_t)1767225600 * NS_PER_S; /* of 2026, in UTC */

    return new_year + days[rnd_below(rnd, 8)] * HISTORY_DAY +
           (int64_t)rnd_below(rnd, 96 * 60) * 15 * NS_PER_S;
}

/* What the clock shows next. */
static inline int64_t history_step(struct rnd *rnd, int64_t clock_ns)
{
    switch (rnd_below(rnd, 12)) {
    case 0:
        return history_night(rnd);
    case 1:
        return clock_ns;
    case 2: /* set back, or found to have been years ahead */
        return clock_ns - (int64_t)rnd_below(rnd, 40) * HISTORY_DAY;
    case 3:
        return clock_ns + (int64_t)rnd_below(rnd, 400) * HISTORY_DAY;
    case 4:
        return clock_ns + (int64_t)rnd_below(rnd, 8) * HISTORY_DAY + 1;
    default:
        return clock_ns + (int64_t)rnd_below(rnd, 300) * 60 * NS_PER_S;
    }
}

/* A random subset of three texts, in random order. */
static inline size_t history_subset(struct rnd *rnd, char (*from)[8], char **out)
{
    uint64_t first = rnd_below(rnd, HISTORY_TEXTS);
    size_t count = 0;

    for (uint64_t i = 0; i < HISTORY_TEXTS; i++) {
        if (rnd_below(rnd, 3) == 0) {
            out[count++] = from[(first + i) % HISTORY_TEXTS];
        }
    }
    return count;
}

static inline void history_add(struct history *h, struct rnd *rnd, int64_t end_ns)
{
    size_t i = h->count++;
    struct catalog_snapshot *s = &h->snapshots[i];

    memset(s, 0, sizeof *s);
    s->number = (i == 0 ? 1 : h->list[i - 1]->number) + 1 + rnd_below(rnd, 3);
    (void)rnd_bytes(rnd, s->id, sizeof s->id);
    if (rnd_below(rnd, 4) == 0) {
        memset(s->id, (int)rnd_below(rnd, 2), 4); /* so that prefixes are not unique */
    }
    s->partial = rnd_below(rnd, 16) == 0;
    s->commit.job = history_jobs[rnd_below(rnd, 3)];
    s->commit.host = history_hosts[rnd_below(rnd, 2)];
    s->commit.flags = rnd_below(rnd, 10) == 0 ? 0 : COMMIT_COMPLETE;
    s->commit.tags = h->tags[i];
    s->commit.tag_count = history_subset(rnd, history_tags, h->tags[i]);
    s->commit.paths = h->paths[i];
    s->commit.path_count = history_subset(rnd, history_paths, h->paths[i]);
    s->commit.begin_ns = s->commit.end_ns = end_ns;
    if (rnd_below(rnd, 10) == 0) { /* an archive of long ago */
        s->commit.flags |= COMMIT_IMPORTED;
        s->commit.end_ns = HISTORY_NOW - (int64_t)rnd_below(rnd, 20000) * HISTORY_DAY;
        s->commit.begin_ns = s->commit.end_ns;
    }
    h->list[i] = s;
}

/* Forgets and brings back at random, as entries that come later would. */
static inline void history_forget(struct history *h, struct rnd *rnd)
{
    uint64_t number = h->count == 0 ? 0 : h->list[h->count - 1]->number;

    for (uint64_t n = h->count == 0 ? 0 : rnd_below(rnd, 1 + h->count / 3); n > 0; n--) {
        struct catalog_snapshot *s = &h->snapshots[rnd_below(rnd, h->count)];

        s->forgotten_by = s->forgotten_by == 0 ? ++number : 0;
    }
}

/* Opens a gap by the entry after a point, if no point is that: at its end or nearly so. */
static inline void history_add_gap(struct history *h, struct rnd *rnd, size_t after)
{
    const struct catalog_snapshot *s = h->list[after];
    const struct catalog_snapshot *end = h->list[rnd_below(rnd, h->count)];
    struct catalog_gap *g = &h->gaps[h->gap_count];

    if (after + 1 < h->count && h->list[after + 1]->number == s->number + 1) {
        return;
    }
    memset(g, 0, sizeof *g);
    g->number = s->number + 1;
    (void)rnd_bytes(rnd, g->id, sizeof g->id);
    g->reason = (enum gapevent_reason)(1 + rnd_below(rnd, 4));
    g->job = rnd_below(rnd, 2) == 0 ? s->commit.job : history_jobs[rnd_below(rnd, 3)];
    g->host = history_hosts[rnd_below(rnd, 2)];
    g->begin_ns = s->commit.end_ns + (int64_t)rnd_below(rnd, 3) - 1;
    if (rnd_below(rnd, 3) != 0) {
        g->closed_by = g->number + 1 + rnd_below(rnd, 40);
        g->end_ns = end->commit.end_ns + (int64_t)rnd_below(rnd, 3) - 1;
        g->end_ns = g->end_ns < g->begin_ns ? g->begin_ns : g->end_ns;
    }
    h->gap_list[h->gap_count++] = g;
}

/* Some gaps, of any job and host; half of the histories have none. */
static inline void history_gaps(struct history *h, struct rnd *rnd)
{
    uint64_t wanted = rnd_below(rnd, 2) == 0 ? 0 : 1 + rnd_below(rnd, HISTORY_GAPS);

    h->gap_count = 0;
    for (size_t i = 0; i < h->count && h->gap_count < HISTORY_GAPS; i++) {
        if (rnd_below(rnd, h->count) < wanted) {
            history_add_gap(h, rnd, i);
        }
    }
}

static inline void history_make(struct history *h, struct rnd *rnd)
{
    int64_t clock_ns = HISTORY_NOW - (int64_t)rnd_below(rnd, 600) * HISTORY_DAY;

    h->count = h->gap_count = 0;
    for (uint64_t n = rnd_below(rnd, HISTORY_POINTS + 1); n > 0; n--) {
        clock_ns = history_step(rnd, clock_ns);
        history_add(h, rnd, clock_ns);
    }
    history_forget(h, rnd);
}

#endif
