/*
 * prune.h - garbage collection: what no snapshot needs is condemned in the journal, then removed.
 *
 * No lock is taken, and nobody is waited for. What is needed is marked; live chunks of sparse
 * segments are copied forward, each proved by its id; one entry adopts the copies and condemns
 * their sources, valid only if nothing that was published meanwhile needs what it condemns; only
 * then are files removed, and any prune removes what any other has condemned. It may be killed
 * anywhere and run again, by several clients at once. The rules and their reasons: "Garbage
 * collection" in docs/durability.md.
 */
#ifndef HF_STORE_PRUNE_H
#define HF_STORE_PRUNE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "store/marks.h"
#include "store/repo.h"

enum prune_phase { PRUNE_MARKING, PRUNE_COPYING, PRUNE_REMOVING };

struct prune_progress {
    enum prune_phase phase;
    uint64_t done, expected; /* snapshots marked; bytes copied; files removed (expected unknown) */
};

struct prune_options {
    struct pool *pool;
    bool dry;
    int64_t grace_ns;      /* what was forgotten less long ago is kept */
    int64_t unfinished_ns; /* so is what an unfinished backup stored less long ago */
    int64_t leftover_ns;   /* and files that nobody has adopted, or that are in tmp/ */
    double max_unused;     /* dead bytes that may stay, as a fraction of those alive */
    uint64_t batch_bytes;  /* copied before the next entry; 0: a default */
    uint32_t roll_size;    /* entries in a roll-up; 0: the usual size */
    /* Marks (marks_add) every chunk that a snapshot with this root needs, its pages included. */
    int (*mark)(void *context, const uint8_t root[32], struct marks *m);
    /* The marks begin anew: whatever `mark` remembers is void. */
    void (*anew)(void *context);
    void (*progress)(void *context, const struct prune_progress *p); /* or NULL */
    void *context;
    const volatile sig_atomic_t *cancel; /* or NULL */
};

struct prune_result {
    uint64_t segments_before, segments_after;
    uint64_t condemned;       /* segments and leftover files named by our entries */
    uint64_t removed;         /* files, whoever condemned them */
    uint64_t spared;          /* segments that were to go, but are needed by what came meanwhile */
    uint64_t bytes_before;    /* of all adopted segments */
    uint64_t bytes_alive;     /* what is needed of them */
    uint64_t bytes_copied;    /* of segments written */
    uint64_t bytes_read;      /* of segments */
    uint64_t bytes_removed;   /* of files */
    uint64_t bytes_reclaimed; /* removed less copied */
    uint64_t kept_forgotten;  /* forgotten snapshots within the grace time */
    uint64_t kept_unfinished; /* unfinished backups whose data are kept */
    uint64_t entries;         /* published */
    uint64_t attempts;        /* begun anew because another prune came in between */
    uint64_t rolls;           /* roll-ups made */
    uint64_t tmp_removed;
};

/*
 * 0: done, or (dry) found out what would be done: bytes_copied and the like are then estimates.
 * HF_EDAMAGE: something live can't be read, and where it lies is not condemned. HF_ENOSPC: no room
 * to copy; what could be removed without was. Results hold in each case.
 */
int prune_run(struct repo *r, const struct prune_options *options, struct prune_result *out_result);

#endif
