/*
 * simtrace.h - what was asked of a simulated disk, operation by operation.
 *
 * A trace holds enough to replay it on another tree: numbers of the nodes, data of the writes. It
 * tells what the caller was told (`result`) from what took place (`happened`); the two differ
 * where a fault made them.
 */
#ifndef HF_HARNESS_SIMTRACE_H
#define HF_HARNESS_SIMTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "harness/simbytes.h"

enum simop_kind {
    SIMOP_MKDIR,
    SIMOP_CREATE,
    SIMOP_OPEN,
    SIMOP_PWRITE,
    SIMOP_PREAD,
    SIMOP_SIZE,
    SIMOP_SYNC,
    SIMOP_CLOSE,
    SIMOP_RENAME_NEW,
    SIMOP_RENAME_OVER,
    SIMOP_UNLINK,
    SIMOP_RMDIR,
    SIMOP_STAT,
    SIMOP_LIST,
    SIMOP_SYNC_DIR,
    SIMOP_SPACE,
    SIMOP_NOTE, /* no operation: what a client says it has achieved */
    SIMOP_KINDS
};

#define SIMOP_BIT(kind) (1u << (kind))
/* The operations that change what a disk holds, now or after a crash. */
#define SIMOP_CHANGES                                                                              \
    (SIMOP_BIT(SIMOP_MKDIR) | SIMOP_BIT(SIMOP_CREATE) | SIMOP_BIT(SIMOP_PWRITE) |                  \
     SIMOP_BIT(SIMOP_SYNC) | SIMOP_BIT(SIMOP_RENAME_NEW) | SIMOP_BIT(SIMOP_RENAME_OVER) |          \
     SIMOP_BIT(SIMOP_UNLINK) | SIMOP_BIT(SIMOP_RMDIR) | SIMOP_BIT(SIMOP_SYNC_DIR))

struct simop {
    enum simop_kind kind;
    int result;    /* what the caller was told */
    bool happened; /* it took place, at least in part, whatever the caller was told */
    bool skipped;  /* a sync that was left out because its site is to be skipped */
    bool lost;     /* a sync that failed and threw away what it was to make durable */
    bool late;     /* a rename that lands long after its caller was told it had failed */
    const char *client;
    const char *site;     /* of a sync, else NULL */
    char *path, *to;      /* from the root of the disk; the text of a note */
    uint32_t ino;         /* the node that it is about, 0 if it got to none */
    uint32_t dir, to_dir; /* the folders of the names that it changed, 0 if none */
    uint32_t mode;
    uint64_t offset, length;
    struct simbytes *data; /* that was written */
    int64_t time_ns;
};

struct simtrace {
    struct simop *ops;
    size_t count, capacity;
};

/* The new operation is valid until the next is added. path and to become the trace's. */
struct simop *simtrace_add(struct simtrace *t, enum simop_kind kind, char *path, char *to);
void simtrace_release(struct simtrace *t);

/* Does this operation change what a disk holds, or what it would hold after a crash? */
bool simop_changes(const struct simop *op);
const char *simop_name(enum simop_kind kind);

/* Which operations a fault or a stall is about. An empty one is about all. */
struct simmatch {
    uint32_t kinds;     /* SIMOP_BITs, 0: any */
    const char *client; /* NULL: any */
    const char *prefix; /* of either path, from the root of the disk; NULL: any */
    uint64_t nth;       /* the n-th such operation from now on; 0 is as 1 */
};
bool simmatch_fits(const struct simmatch *m, const struct simop *op); /* but for nth */

/* Readable lines, "op 17  a  rename_new  tmp/ab -> segments/ab", numbers beginning with 1. */
void simtrace_print_op(const struct simtrace *t, size_t index, struct buf *out);
void simtrace_print(const struct simtrace *t, size_t first, size_t end, struct buf *out);
/* A path for a reader: long parts, as UUIDs are, are cut. */
void simtrace_print_path(const char *path, struct buf *out);

/* The distinct sites of the syncs, in the order of their first appearance; returns how many. */
size_t simtrace_sites(const struct simtrace *t, const char **out_sites, size_t max);

#endif
