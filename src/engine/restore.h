/*
 * restore.h - a snapshot, or part of it, becomes files again.
 *
 * Every byte written has been checked against its content id, and all is synced before success is
 * returned. What could not be restored is reported name by name: damage (the file is lost or
 * incomplete, since what the repository holds is wrong or can't be read; all others go on) and
 * losses (metadata that the system refused). Where it is certain from the start that the target has
 * no room, nothing is written. A run that was interrupted is continued by running it again: what is
 * right already is not written again.
 */
#ifndef HF_ENGINE_RESTORE_H
#define HF_ENGINE_RESTORE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/exclude.h"
#include "engine/target.h"
#include "store/repo.h"

enum restore_overwrite {
    RESTORE_IF_CHANGED, /* a file with the size and mtime it should have is taken for right */
    RESTORE_ALWAYS,     /* existing content is compared chunk by chunk */
    RESTORE_NEVER,      /* what exists stays as it is */
};

struct restore_options {
    const struct exclude *include; /* patterns (exclude.h); NULL or empty: everything */
    const struct exclude *exclude;
    unsigned strip_components;
    enum restore_overwrite overwrite;
    bool delete_extras; /* what is not in the snapshot goes, in folders restored whole */
    bool dry_run;
    bool verify;           /* reads everything back when it is written */
    bool no_sparse;        /* writes zeros where the snapshot has holes */
    size_t threads;        /* 0: one a core, and one for those that wait for a disk;
                              1: everything in the calling thread */
    uint64_t window_bytes; /* of content in memory at once; 0: 64 MiB */
    const volatile sig_atomic_t *cancel;
};

struct restore_progress {
    uint64_t files, bytes;                   /* done with, written or not */
    uint64_t files_expected, bytes_expected; /* of the whole snapshot; 0: only a part is meant */
    uint64_t errors;
    const char *path;
    size_t path_len;
};

struct restore_events { /* called in the thread of restore_run; each may be NULL */
    void *context;
    void (*progress)(void *context, const struct restore_progress *p);
    /* A thing was not restored, or not wholly: code HF_EDAMAGE or one of the system's. */
    void (*error)(void *context, const char *path, size_t path_len, int code, const char *message);
    /* It was restored, but `what` (ownership, xattr NAME, ...) was refused. */
    void (*loss)(void *context, const char *path, size_t path_len, const char *what,
                 const char *why);
    /* For dry runs and -v: what happens to each thing: "new", "changed", "same", "deleted". */
    void (*act)(void *context, const char *path, size_t path_len, const char *act);
};

struct restore_result {           /* filled in as far as the run came, whatever it returns */
    uint64_t files, dirs, others; /* restored or found right */
    uint64_t bytes_written;
    uint64_t bytes_verified; /* checked against content ids */
    uint64_t bytes_total;    /* sizes of the files restored or found right */
    uint64_t skipped;        /* files that were right already, or kept by RESTORE_NEVER */
    uint64_t deleted;
    uint64_t losses;
    uint64_t errors;
    uint64_t damaged; /* those of the errors that are damage */
    int64_t duration_ns;
    int64_t first_byte_ns; /* until the first content was written; -1: none was */
    int64_t first_file_ns; /* until the first file was complete; -1: none was */
};

/*
 * 0: all that was asked for is there and durable. HF_EDAMAGE: done, but content was damaged.
 * HF_EPARTIAL: done, but there were errors or losses. HF_EABSENT: an include matches nothing (the
 * nearest names are given as a hint). HF_EINTERRUPTED. HF_ENOSPC and other errors that end the
 * run. events may be NULL.
 */
int restore_run(struct repo *repo, const struct catalog_snapshot *snapshot,
                const struct restore_options *options, struct target *target,
                const struct restore_events *events, struct restore_result *out_result);

/*
 * Compares what is in the target with the snapshot: content by id, types, symlink targets, sizes.
 * Differences are errors of code HF_ECHANGED. Restores nothing. restore_run does this by itself
 * for options->verify.
 */
int restore_verify(struct repo *repo, const struct catalog_snapshot *snapshot,
                   const struct restore_options *options, struct target *target,
                   const struct restore_events *events, struct restore_result *out_result);

#endif
