/*
 * backup.h - one backup: everything a source yields becomes a snapshot.
 *
 * backup_run returns when the snapshot is durable and acknowledged, or with an error: then there
 * is none (HF_EUNKNOWN: there may be one, under result->id). What was stored before an error or
 * an interruption is not lost: checkpoints make it known to the next run.
 *
 * What a run writes depends on the source and the repository alone, not on the number of threads.
 */
#ifndef HF_ENGINE_BACKUP_H
#define HF_ENGINE_BACKUP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/source.h"
#include "format/commit.h"
#include "store/repo.h"

struct backup_options {
    const char *job;  /* NULL: "default" */
    const char *host; /* NULL: "" */
    const char *user;
    char *const *paths; /* what was asked for, as the commit says it: absolute, as stored */
    size_t path_count;
    char *const *tags;
    size_t tag_count;
    const uint8_t *parent;  /* id of a commit [16]; NULL: found by host, job and paths */
    bool force;             /* reads all files again */
    bool skip_if_unchanged; /* publishes nothing when nothing differs from the parent; folders
                               that are only implied by the paths don't count */
    bool dry_run;           /* finds out what would happen; writes nothing */
    bool ignore_inode;      /* a file with another inode number may still be unchanged */
    bool ignore_ctime;      /* the same of another ctime; its metadata are taken anew */
    enum commit_class class;
    bool class_asserted;                 /* the class is the user's word; no hook has proved it */
    uint8_t extra_flags;                 /* for the commit: COMMIT_IMPORTED, COMMIT_CLOSES_GAPS */
    int64_t begin_ns;                    /* of the capture; 0: now */
    int64_t end_ns;                      /* 0: when all is read */
    size_t threads;                      /* 0: one a core, and one for those that wait for a disk;
                                            1: everything in the calling thread */
    uint64_t budget_bytes;               /* content in memory at once; 0: 32 MiB */
    uint64_t checkpoint_bytes;           /* publish what is stored after so many bytes; 0: 1 GiB;
                                            UINT64_MAX: never, not even when interrupted */
    const char *tool;                    /* name and version of the program; NULL: "holdfast" */
    const volatile sig_atomic_t *cancel; /* not 0: stop; may be NULL */
};

struct backup_progress {
    uint64_t files; /* done */
    uint64_t bytes;
    uint64_t files_expected; /* by the parent; 0: unknown */
    uint64_t bytes_expected;
    uint64_t errors;
    const char *path; /* at work on; borrowed */
    size_t path_len;
};

struct backup_events { /* called in the thread of backup_run; each may be NULL */
    void *context;
    void (*progress)(void *context, const struct backup_progress *p);
    /* One thing could not be backed up, or not as it should be. */
    void (*warning)(void *context, const char *path, size_t path_len, int code,
                    const char *message);
};

struct backup_result { /* filled in as far as the run came, whatever it returns */
    bool published;
    bool unchanged;  /* skip_if_unchanged, and nothing differed: not published */
    uint8_t id[16];  /* valid if published, or after HF_EUNKNOWN */
    uint64_t number; /* 0 unless published */
    int64_t time_ns; /* the commit's end */
    bool has_parent;
    uint8_t parent[16];
    /* files, dirs, others, bytes (processed), files_new, _changed, _unmodified, bytes_new,
       bytes_stored, errors, unstable: as in the summary */
    struct commit_counts counts;
    uint64_t bytes_read; /* from the source */
    int64_t duration_ns;
    unsigned attempts; /* more than 1: what it relied on was pruned meanwhile */
};

/*
 * 0: published (or dry, or unchanged), everything is in it. HF_EPARTIAL: published, but some
 * files could not be read or changed meanwhile. HF_ESOURCE: the source yielded nothing.
 * HF_EINTERRUPTED: cancelled. HF_EUNKNOWN: it may still appear. events may be NULL.
 */
int backup_run(struct repo *r, const struct backup_options *options, struct source *source,
               const struct backup_events *events, struct backup_result *out_result);

#endif
