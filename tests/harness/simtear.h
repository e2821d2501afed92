/*
 * simtear.h - what may be left of one file whose last writes were not synced when power was lost.
 *
 * A file has the content that was durable and, in order, the writes since. A tear is one way in
 * which they may have reached the disk; its content can be computed. Which tears there are depends
 * on how kind the disk is (enum simmodel).
 */
#ifndef HF_HARNESS_SIMTEAR_H
#define HF_HARNESS_SIMTEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "harness/simbytes.h"

/* How much a crash may take, from kind to cruel. */
enum simmodel {
    SIMMODEL_KILL,    /* P: the process is killed, the machine goes on; a write may be cut short */
    SIMMODEL_JOURNAL, /* J: names last in order, and any sync makes all earlier ones durable, as
                         with ext4; unsynced data is old, new or zeros by page of 4 KiB */
    SIMMODEL_LAZY,    /* J': the same, but a sync makes durable only what was done to its folder */
    SIMMODEL_POSIX,   /* A: whatever POSIX allows; each name is on its own, a rename may leave both
                         or neither; data torn anywhere, sectors of garbage, writes reordered */
    SIMMODELS
};

#define SIMMODEL_BIT(model) (1u << (model))
#define SIMMODEL_ALL (SIMMODEL_BIT(SIMMODELS) - 1u)
const char *simmodel_name(enum simmodel model);

struct simwrite {
    size_t op; /* its place in the trace */
    uint64_t offset;
    struct simbytes *data; /* borrowed from the trace */
};

enum simtear_kind {
    SIMTEAR_WHOLE,     /* all writes arrived */
    SIMTEAR_LOST,      /* none did */
    SIMTEAR_CUT,       /* the first `at` bytes that were written */
    SIMTEAR_ZERO_TAIL, /* the same, and zeros in place of the others */
    SIMTEAR_GARBAGE,   /* all, but the sector `at` holds something else */
    SIMTEAR_WITHOUT,   /* all but the write numbered `at` */
    SIMTEAR_ONLY,      /* the write numbered `at` and no other */
    SIMTEAR_PAGES,     /* the pages written: `at` in base 3, 0 new, 1 old, 2 zeros */
    SIMTEAR_PAGE_OLD,  /* the page `at` is as it was, the others new */
    SIMTEAR_PAGE_ZERO, /* the page `at` is zeros, the others new */
    SIMTEAR_SHORT,     /* all that lies before byte `at` of the file */
    SIMTEAR_RANDOM     /* each page old, new or zeros by the seed `at` */
};

struct simtear {
    enum simtear_kind kind;
    uint64_t at;
};

/* One possible content, which is owned. */
struct simvariant {
    struct simtear tear;
    struct simbytes *content;
};

struct simvariants {
    struct simvariant *list; /* the first is SIMTEAR_WHOLE, the second, if any, SIMTEAR_LOST */
    size_t count, capacity;
};

/* All that may be left, each distinct content once. */
void simtear_variants(enum simmodel model, struct simbytes *durable, const struct simwrite *writes,
                      size_t count, struct simvariants *out);
void simvariants_release(struct simvariants *v);

/* "torn after 512 bytes" */
void simtear_print(const struct simtear *tear, struct buf *out);

#endif
