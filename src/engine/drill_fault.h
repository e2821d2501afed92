/*
 * drill_fault.h - what the drill of faults is made of: a copy of the repository, things that are
 * done to it, and ways of looking at what comes of them.
 *
 * The copy (fs_overlay.h) costs what is changed in it, so a repository of any size can be drilled
 * in little space. A medium that fails (fs_failing.h) lies between the copy and whoever looks.
 * After each fault the copy is made anew. The original is opened for reading only, but for the
 * evidence that drill_run publishes at the end.
 */
#ifndef HF_ENGINE_DRILL_FAULT_H
#define HF_ENGINE_DRILL_FAULT_H

#include "base/buf.h"
#include "engine/drill_internal.h"
#include "engine/exclude.h"
#include "io/fs_failing.h"
#include "io/fs_overlay.h"

#define FAULT_PATH_BYTES 128 /* of a name in the repository */

/* Each must come to the outcome that the fault must have. */
enum fault_look {
    FAULT_OPEN = 1,
    FAULT_CHECK = 2,
    FAULT_RESTORE = 4,
    FAULT_BACKUP = 8,
};

/* What somebody has to name, so that it can be found. */
enum fault_names {
    FAULT_NAMES_NOTHING = 0,
    FAULT_NAMES_OBJECT = 1,  /* what was damaged */
    FAULT_NAMES_VICTIM = 2,  /* the file that is lost, unless its name is lost as well */
    FAULT_NAMES_CERTAIN = 4, /* its name is not */
};

struct fault_victim {
    char *path; /* the file of the snapshot that the damage costs; NULL: all of them */
    size_t path_len;
    char segment[FAULT_PATH_BYTES]; /* that holds some of it */
    uint64_t segment_len;
    uint64_t position;    /* of the block's record in there */
    uint32_t payload_len; /* of that record */
    uint64_t footer;      /* where the footer's record is */
    bool with_pages;      /* so are pages that lead to it: with the segment its name is lost */
    bool twice;           /* another segment holds it as well: nothing is lost with this one */
};

struct fault_bench {
    struct drill *d;
    struct fs *above;  /* what is different in the copy */
    struct fs *copy;   /* undamaged, or what a fault has made of it */
    struct fs *medium; /* the copy, through a medium that may fail */
    struct fs_failing_rules rules;
    struct fs *memory;   /* of a client that has seen the copy before; NULL: of none */
    struct repo_env env; /* of whoever looks */
    struct fault_victim victim;
    struct exclude *sample; /* the victim and some other files; NULL: everything */
    uint64_t sample_bytes;
    char object[FAULT_PATH_BYTES]; /* what this fault has damaged */
    bool object_named, victim_named;
    struct buf said; /* by whoever looked */
};

struct drill_fault_row {
    const char *name; /* for ever: evidence names it */
    const char *done; /* what is done to the copy */
    int expected;     /* the outcome of each look */
    unsigned looks;
    unsigned names;
    bool passes; /* once the medium is in order again, the copy must be whole */
    int (*apply)(struct fault_bench *b);
};

/* The kind. */
int drill_fault_run(struct drill *d);

extern const struct drill_fault_row drill_fault_table[];
extern const size_t drill_fault_rows;

/* From now on who looks remembers, in this folder, what of the copy it has seen. */
int drill_fault_remember(struct fault_bench *b, const char *path);

/* ---- drill_fault_victim.c ---- */

/* Chooses by the seed a file of the snapshot to lose, and some others to be restored beside it. */
int drill_fault_choose(struct fault_bench *b, const struct catalog_snapshot *snapshot);
void drill_fault_victim_release(struct fault_bench *b);

/* ---- drill_fault_look.c ---- */

/* Looks in one way; what comes of it is the code, the trail, and what is noted in b. */
int drill_fault_look(struct fault_bench *b, enum fault_look look);
/* A small backup into the copy, which so gets a segment and an entry of its own. */
int drill_fault_grow(struct fault_bench *b);

#endif
