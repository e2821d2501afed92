/*
 * simcrash.h - every state in which a crash may leave a disk.
 *
 * Given a disk with its trace, the states after each operation are enumerated: all combinations of
 * what may have become of each pending name and of each file with unsynced data, by the rules of
 * one model (simtear.h). Where these are too many, they are sampled: all arrived, all lost, each
 * single loss, each single survivor, pairs, and seeded random combinations.
 */
#ifndef HF_HARNESS_SIMCRASH_H
#define HF_HARNESS_SIMCRASH_H

#include "base/buf.h"
#include "harness/simdisk.h"
#include "harness/simtear.h"

struct simcrash_limits {
    size_t exhaustive; /* up to so many combinations at one cut, all of them */
    size_t sampled;    /* beyond: so many pairs and random ones, after the single ones */
    bool random;       /* so many random ones, and nothing else */
    uint64_t seed;
};

struct simcrash_plan;

/* One state, valid during the call. */
struct simcrash_state {
    enum simmodel model;
    size_t cut;                 /* operations of the trace that were done */
    const struct simtree *tree; /* what is left; it may hold nodes without a name */
    uint64_t hash;              /* of what can be seen in it */
    const struct simdisk *disk;
    const struct simcrash_plan *plan;
};

/* A non-zero return ends the enumeration with it. */
typedef int (*simcrash_fn)(void *context, const struct simcrash_state *state);

/*
 * Calls `each` for the states after operations first..last (0: before any), each distinct one once:
 * a state that was met before comes again only if more had been noted by then.
 */
int simcrash_each(const struct simdisk *d, enum simmodel model,
                  const struct simcrash_limits *limits, size_t first, size_t last, simcrash_fn each,
                  void *context);

/* What became of the pending names and contents, a line each. */
void simcrash_print(const struct simcrash_state *state, struct buf *out);

/* A fresh disk that holds only what survived. */
struct simdisk *simcrash_disk(const struct simcrash_state *state);

#endif
