/*
 * simmedium.h - the platters: what of a trace is durable, and what is still on its way.
 *
 * A medium replays a trace operation by operation and sorts what each did into durable and pending,
 * by the rules of one model of crashes (simtear.h). simcrash.h then enumerates what a crash may
 * leave of the pending part.
 */
#ifndef HF_HARNESS_SIMMEDIUM_H
#define HF_HARNESS_SIMMEDIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/simtear.h"
#include "harness/simtrace.h"
#include "harness/simtree.h"

/* A name that was made to refer to another node. */
struct simchange {
    size_t op; /* its place in the trace */
    uint32_t dir;
    const char *name; /* borrowed from the trace */
    size_t len;
    uint32_t ino; /* 0: the name was removed */
    bool doomed;  /* by a sync that failed: no later one makes it durable */
};

/* A file with writes that are not durable. */
struct simdirty {
    uint32_t ino;
    struct simbytes *durable; /* the content before all of these */
    struct simwrite *writes;
    size_t count, capacity;
    bool doomed;                 /* as above; who wrote it may not write to it any more */
    struct simvariants variants; /* what may be left; none: not computed since it changed */
};

struct simmedium {
    enum simmodel model;
    struct simtree tree;       /* durable; it also has the nodes that no durable name leads to */
    struct simchange *changes; /* pending, in order */
    size_t change_count, change_capacity;
    struct simdirty *dirty;
    size_t dirty_count, dirty_capacity;
};

void simmedium_init(struct simmedium *m, enum simmodel model, const struct simtree *durable);
void simmedium_release(struct simmedium *m);
void simmedium_apply(struct simmedium *m, const struct simtrace *t, size_t index);

/* The distinct contents that this file may be left with. */
const struct simvariants *simmedium_variants(const struct simmedium *m, struct simdirty *d);

#endif
