/*
 * simdisk_internal.h - what simdisk.c, simstep.c, simfs.c, simrot.c and simsched.c share.
 */
#ifndef HF_HARNESS_SIMDISK_INTERNAL_H
#define HF_HARNESS_SIMDISK_INTERNAL_H

#include "harness/simdisk.h"

#define SIMDISK_RULES 16

struct simclient {
    struct simdisk *disk;
    struct simclient *next;
    char *name;
    uint64_t ops;
    uint64_t kill_at; /* the operation that is not done any more, 0: none */
    bool killed;
    uint64_t refused; /* operations asked for after its death */
    int64_t skew_ns;
    struct clock clock;
    struct rnd rnd;
};

/* Who keeps a file in being: its names and those who have it open. */
struct simuse {
    uint32_t links, opens;
};

struct simarmed {
    struct simfault fault;
    uint64_t seen; /* operations that it fits */
};

struct simlanding {
    uint64_t due; /* by the count of operations of the disk */
    char *from, *to;
    const char *client;
};

/* Decides who runs before an operation; returns when it is this client's turn. */
typedef void (*simturn_fn)(void *context, struct simclient *c, const struct simop *about);

struct simdisk {
    uint64_t seed;
    uint64_t generation; /* crashes survived */
    struct simtree tree; /* what running code sees */
    struct simtree base; /* what was durable when recording began */
    struct simtrace trace;
    char **notes;
    size_t note_count, note_capacity;
    size_t notes_before; /* notes made before recording began */
    struct simclient *clients;
    struct simuse *uses; /* by node */
    size_t use_capacity;
    uint64_t used, space;
    uint64_t ops;
    int64_t now_ns, tick_ns;
    struct simarmed *faults;
    size_t fault_count, fault_capacity;
    uint64_t fault_hits;
    struct simlanding *landings;
    size_t landing_count, landing_capacity;
    const char *skip_site;
    const char *rules[SIMDISK_RULES]; /* that were asked for */
    size_t rule_count;
    simturn_fn turn; /* NULL: whoever calls runs */
    void (*sleep)(void *context, struct simclient *c, int64_t ns);
    void *turn_context;
};

/* Begins the trail with a cause as the machine would give it. */
int simdisk_error(int errnum);

/* Bookkeeping of who keeps a file in being, and with it of space. */
void simdisk_link(struct simdisk *d, uint32_t ino, int change);
void simdisk_open(struct simdisk *d, uint32_t ino, int change);

/* Moves a name; what stood at the target loses its name. Fills in the operation. */
void simdisk_move(struct simdisk *d, struct simop *op, const struct simplace *from,
                  const struct simplace *to);

/* --- simstep.c: what happens around every operation ------------------------------------------- */

struct simstep {
    struct simdisk *disk;
    size_t index; /* of its operation in the trace */
    bool begun;
    bool half; /* a write: only one half is to be written */
    int after; /* errno to return although it happened */
};

/*
 * Waits for the client's turn, lets time pass, records the operation and applies what faults there
 * are. path and to become the trace's. An error ends the operation; simstep_end is called anyway.
 */
int simstep_begin(struct simstep *s, struct simclient *c, enum simop_kind kind, char *path,
                  char *to, const char *site);
int simstep_end(struct simstep *s, int rc);
struct simop *simstep_op(const struct simstep *s); /* valid until the next operation */

/* --- simfs.c ---------------------------------------------------------------------------------- */

struct fs *simfs_new(struct simclient *c, const char *folder);

#endif
