/*
 * simdisk.h - a simulated disk: files in memory behind the seam of io/fs.h.
 *
 * Code under test runs on it unchanged. The disk records every operation (simtrace.h), so that it
 * can afterwards be asked what a crash would have left at any moment (simcrash.h); it fails where
 * it is told to; it has a clock of its own. Several clients may share it: a client is one process,
 * with its own randomness, a clock that may be wrong, and any number of folders of the disk opened
 * as struct fs. Who of several clients runs is up to simsched.h.
 *
 * Everything is deterministic by the seed. Nothing here fails but what a fault makes fail; wrong
 * use of the harness ends the program.
 */
#ifndef HF_HARNESS_SIMDISK_H
#define HF_HARNESS_SIMDISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "harness/simtrace.h"
#include "harness/simtree.h"
#include "io/fs.h"

struct simdisk;
struct simclient;

struct simdisk *simdisk_new(uint64_t seed);
void simdisk_free(struct simdisk *d); /* accepts NULL; all struct fs must be closed */

/* All that was done becomes durable and the trace empty: recording starts here. */
void simdisk_settle(struct simdisk *d);

/* What running code sees; what was durable when recording began; what was asked since. */
const struct simtree *simdisk_tree(const struct simdisk *d);
const struct simtree *simdisk_base(const struct simdisk *d);
const struct simtrace *simdisk_trace(const struct simdisk *d);

/*
 * The disk after a crash that came when `cut` operations of d had been done: it holds tree, all of
 * it durable, knows what had been noted by then, and a minute has passed. The tree is moved. Its
 * clients draw other randomness than those of d.
 */
struct simdisk *simdisk_reborn(const struct simdisk *d, struct simtree *tree, size_t cut);

/* The same for a disk that did not crash: what it shows now, on its own, to damage or to try. */
struct simdisk *simdisk_fork(const struct simdisk *d);

/* --- clients ---------------------------------------------------------------------------------- */

/* The client of that name, made when first asked for. It lives as long as its disk. */
struct simclient *simdisk_client(struct simdisk *d, const char *name);
const char *simclient_name(const struct simclient *c);
struct simdisk *simclient_disk(const struct simclient *c);

/* Opens a folder of the disk ("" is all of it), which is made, durably, if it is absent. */
struct fs *simclient_fs(struct simclient *c, const char *folder);
struct rnd *simclient_rnd(struct simclient *c);
const struct clock *simclient_clock(struct simclient *c);
void simclient_skew(struct simclient *c, int64_t ns); /* how far its clock is ahead */
uint64_t simclient_ops(const struct simclient *c);    /* operations it has asked for */

/*
 * The process is killed before its n-th operation from now on (1: the next) takes place: that one
 * and all later ones return HF_EINTERRUPTED and do nothing, so that its code unwinds.
 */
void simclient_kill_at(struct simclient *c, uint64_t nth);
bool simclient_killed(const struct simclient *c);

/* --- notes: the oracle ------------------------------------------------------------------------ */

/*
 * What a client says that it has achieved, in the words of the scenario ("acked 3"). Notes stand in
 * the trace between the operations: a disk reborn after a crash knows those made before it, and
 * what they say must then be true. A killed client makes no more notes.
 */
void simclient_note(struct simclient *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
bool simdisk_noted(const struct simdisk *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
size_t simdisk_note_count(const struct simdisk *d);
const char *simdisk_note(const struct simdisk *d, size_t index);
uint64_t simdisk_notes_hash(const struct simdisk *d, size_t cut); /* of those made before cut */

/* --- time and space --------------------------------------------------------------------------- */

/* The storage's clock, by which files get their times. It advances a little with each operation. */
int64_t simdisk_now(const struct simdisk *d);
void simdisk_set_now(struct simdisk *d, int64_t ns);
void simdisk_set_tick(struct simdisk *d, int64_t ns);

/* Files may hold so many bytes in all, then writes fail with HF_ENOSPC; 0: no bound. */
void simdisk_set_space(struct simdisk *d, uint64_t bytes);
uint64_t simdisk_used(const struct simdisk *d);

/* --- faults ----------------------------------------------------------------------------------- */

enum simfault_kind {
    SIMFAULT_REFUSE, /* an error, and nothing happened */
    SIMFAULT_HALF,   /* of a write, one half is written, then the error */
    SIMFAULT_AFTER,  /* it happened, and yet an error is returned */
    SIMFAULT_LATE,   /* of rename_new: an error; it happens late_by operations of anyone later,
                        if its source is still there and its target still free */
    SIMFAULT_LOST    /* of sync and sync_dir: an error; the next one succeeds, and what this one
                        was to make durable is not: pages marked clean after a failed fsync */
};

struct simfault {
    struct simmatch where; /* strings are borrowed */
    enum simfault_kind kind;
    int errnum;    /* EIO, ENOSPC, EDQUOT, EROFS, EMFILE..; 0 is EIO */
    bool for_ever; /* not only the n-th, but all from it on */
    uint64_t late_by;
};

void simdisk_fault(struct simdisk *d, const struct simfault *fault); /* one more */
void simdisk_clear_faults(struct simdisk *d);
uint64_t simdisk_fault_hits(const struct simdisk *d); /* since the last clear */
void simdisk_land(struct simdisk *d);                 /* renames that are on their way land now */

/* Syncs of this site (borrowed; NULL: none) do nothing and say that they did. */
void simdisk_skip_site(struct simdisk *d, const char *site);

/*
 * The rules that running code has asked for so far (fs_enforces); skip_site leaves out these, too.
 */
size_t simdisk_rules(const struct simdisk *d, const char **out_rules, size_t max);

#endif
