/*
 * holdfast.h - the library: back up, list, restore, check and drill from a program of your own.
 *
 * It keeps the promises of the program: a backup that returned HOLDFAST_OK survives a power cut,
 * every byte that is restored has been checked, and what did not work is said. It never prints,
 * exits or installs a signal handler, and reads no environment variable but TZ. A breach of its own
 * invariants ends the process by assert: no repository, file or argument brings one about, unless
 * the argument is no valid pointer.
 *
 * All state is in handles. One thread at a time may use a handle (only holdfast_cancel is for any
 * thread, and for signal handlers); different handles may be used by different threads at once,
 * with the same repository or others. Callbacks must not call this library, but for
 * holdfast_cancel. An operation works with threads of its own, which end before it returns.
 *
 * What you pass is borrowed for the length of the call. What callbacks get, and all texts that
 * functions return, is borrowed from the library for the time that is given with it. Texts end in a
 * NUL; paths are bytes. Times are nanoseconds since 1970 in UTC.
 *
 * Structs that you make begin with their size: set it, and leave what you don't care about 0 or
 * NULL, which is the default. So a program keeps working with a later libholdfast.so.0. Structs
 * that callbacks get may grow at their end.
 *
 * Link with `pkg-config --libs holdfast`; docs/manual/api.md has an introduction, docs/examples
 * programs that run.
 */
#ifndef HOLDFAST_H
#define HOLDFAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header, and of the program that comes with it. */
#define HOLDFAST_VERSION "0.1.0"
/* Of the library that runs. */
const char *holdfast_version(void);

/* What became of an operation: also the exit status that the program would have. */
enum holdfast_status {
    HOLDFAST_OK = 0,           /* all that was asked for was done */
    HOLDFAST_FAILED = 1,       /* it failed; what was published before stands */
    HOLDFAST_USAGE = 2,        /* an argument makes no sense */
    HOLDFAST_INCOMPLETE = 3,   /* done, but for some files: each was a problem (see below) */
    HOLDFAST_DAMAGED = 4,      /* the repository is damaged; what could be done was done */
    HOLDFAST_DRILL_FAILED = 5, /* a drill ran, and found that restoring does not work */
    HOLDFAST_NO_POINT = 7,     /* no such point in time, inside a gap, or not unique */
    HOLDFAST_UNKNOWN = 8,      /* the snapshot may still appear; running again is safe */
    HOLDFAST_NO_REPOSITORY = 10,
    HOLDFAST_HELD = 11,      /* someone else holds what is needed */
    HOLDFAST_WRONG_KEY = 12, /* wrong password or key */
    HOLDFAST_NEWER = 13,     /* it needs a newer holdfast */
    HOLDFAST_DENIED = 14,    /* not permitted to this key */
    HOLDFAST_NO_SPACE = 28,
    HOLDFAST_INTERRUPTED = 130 /* by holdfast_cancel */
};

/* The handle: nothing at first, then an opened repository. */
struct holdfast;

/* NULL: out of memory. */
struct holdfast *holdfast_new(void);
/* Accepts NULL. Not while an operation is under way. */
void holdfast_close(struct holdfast *h);

/* How the last operation with this handle failed; valid until the next one. Never NULL. */
struct holdfast_error {
    enum holdfast_status status;
    const char *code;    /* for programs, as "code" in the program's JSON: "no_space"; or "ok" */
    const char *message; /* one sentence; "" if nothing failed */
    const char *hint;    /* what to do about it, or NULL */
};
const struct holdfast_error *holdfast_last_error(const struct holdfast *h);

/*
 * Ends the operation under way as soon as it can stop cleanly, with HOLDFAST_INTERRUPTED; if none
 * is under way, the next one. Any thread, callback or signal handler.
 */
void holdfast_cancel(struct holdfast *h);

/* Events */

struct holdfast_progress {                   /* of a check: segments for files */
    uint64_t files, bytes;                   /* done */
    uint64_t files_expected, bytes_expected; /* 0: not known */
    uint64_t problems;
    const char *path; /* at work on, or NULL */
    size_t path_len;
};

struct holdfast_problem { /* something was not done, or not as it should be: the rest goes on */
    const char *path;     /* what it is about, or NULL; a path ends in no NUL */
    size_t path_len;
    const char *code; /* as in holdfast_error; "loss": restored, but for some of its metadata */
    const char *message;
    const char *object;   /* of a check or drill: what is wrong if it is no path, or NULL */
    const char *snapshot; /* of a check: the id of a snapshot that needs it, or NULL */
};

enum holdfast_log_level {
    HOLDFAST_LOG_ERROR = 0,
    HOLDFAST_LOG_WARNING = 1,
    HOLDFAST_LOG_INFO = 2,
    HOLDFAST_LOG_DEBUG = 3
};

struct holdfast_events { /* each may be NULL */
    size_t size;
    void *context;
    /* In the thread of the operation, often: be quick. */
    void (*progress)(void *context, const struct holdfast_progress *p);
    void (*problem)(void *context, const struct holdfast_problem *p);
    /* In any thread of the operation, one at a time. Secrets are never logged. */
    void (*log)(void *context, enum holdfast_log_level level, const char *message);
};

/* Copied; the context must live as long as it may be called. NULL: no events. */
enum holdfast_status holdfast_set_events(struct holdfast *h, const struct holdfast_events *events);

/* Opening */

struct holdfast_repository {
    size_t size;
    const char *path;      /* the folder of the repository */
    const char *password;  /* this, ... */
    const char *key_file;  /* ... or the path of a key file or of a recovery sheet */
    const char *cache_dir; /* the folder of caches, made if absent; NULL: none, which is slower */
    const char *state_dir; /* where it is remembered how far the repository had come, to notice one
                              that was set back; made if absent. NULL: that is not noticed */
    size_t threads;        /* of each operation; 0: one a core and one more */
    const char *codec;     /* for holdfast_init: "zstd:1" (the default), "zlib:6", "none" */
};

/*
 * Opens an existing repository. One whose journal is damaged is opened as well: problem and log say
 * so, reading goes on with what stands, writing is refused. Whatever was opened before is closed,
 * also on failure.
 */
enum holdfast_status holdfast_open(struct holdfast *h, const struct holdfast_repository *where);
/*
 * Makes a repository (code "exists": there is one) and opens it. The folder is made if absent, and
 * so is the key file, readable by its owner alone: without it nothing can be restored.
 */
enum holdfast_status holdfast_init(struct holdfast *h, const struct holdfast_repository *where);

/* Operations on the repository that is open */

#define HOLDFAST_ID_BYTES 33 /* 32 hex digits and a NUL */

struct holdfast_backup_options {
    size_t size;
    const char *const *paths; /* one at least */
    size_t path_count;
    const char *job;  /* NULL: "default" */
    const char *host; /* NULL: this machine */
    const char *const *tags;
    size_t tag_count;
    const char *const *excludes; /* patterns, as for `holdfast backup --exclude` */
    size_t exclude_count;
    bool exclude_caches;     /* leave out what is in folders with a CACHEDIR.TAG */
    bool one_file_system;    /* do not enter other file systems */
    bool skip_if_unchanged;  /* make no snapshot if nothing has changed */
    bool force;              /* read all files, even those that seem unmodified */
    const char *consistency; /* "app" or "crash", as you know; NULL: "fuzzy", a live scan */
};

struct holdfast_backup_result {
    size_t size;
    bool published;             /* there is a new snapshot: also after HOLDFAST_INCOMPLETE */
    bool unchanged;             /* skip_if_unchanged, and nothing differed: there is none */
    char id[HOLDFAST_ID_BYTES]; /* if published, or after HOLDFAST_UNKNOWN; else "" */
    uint64_t number;            /* of its journal entry */
    int64_t time_ns;
    uint64_t files, files_new, files_changed, files_unmodified, dirs;
    uint64_t bytes;        /* of content looked at */
    uint64_t bytes_stored; /* what the repository has grown by */
    uint64_t errors;       /* things that could not be backed up */
    uint64_t unstable;     /* files that changed while they were read */
};

/*
 * HOLDFAST_OK: the snapshot is durable, and all is in it. HOLDFAST_INCOMPLETE: it is durable, and
 * problem was told what is missing. Otherwise there is none. The repository and its caches are
 * never part of a backup. The result, which may be NULL, holds whatever is returned.
 */
enum holdfast_status holdfast_backup(struct holdfast *h,
                                     const struct holdfast_backup_options *options,
                                     struct holdfast_backup_result *out_result);

struct holdfast_point { /* a snapshot: a point in time that can be restored */
    const char *id;
    uint64_t number;
    int64_t begin_ns, end_ns; /* of the backup; the end is the time of the point */
    const char *job, *host, *user;
    const char *const *paths;
    size_t path_count;
    const char *const *tags;
    size_t tag_count;
    const char *consistency; /* "app", "crash", "fuzzy" */
    uint64_t files, bytes;
    bool complete;   /* not made inside a gap of continuous journaling */
    bool forgotten;  /* may still be taken back by `holdfast undelete` */
    bool clock_flag; /* the clock had gone back when it was made */
};

struct holdfast_list_options {
    size_t size;
    const char *selector; /* as the program takes them: "job:web,tag:nightly"; NULL: all */
    bool forgotten;       /* forgotten ones as well */
    void *context;
    /* Oldest first. What p points to is valid until it returns; non-zero ends the list. */
    int (*point)(void *context, const struct holdfast_point *p);
};

/* HOLDFAST_OK also for an empty list. HOLDFAST_DAMAGED: these stand, but more may be missing. */
enum holdfast_status holdfast_list(struct holdfast *h, const struct holdfast_list_options *options);

enum holdfast_overwrite { /* what is done about existing files */
                          HOLDFAST_IF_CHANGED =
                              0,               /* those whose size or time differs are replaced */
                          HOLDFAST_ALWAYS = 1, /* the content of each is compared */
                          HOLDFAST_NEVER = 2
};

struct holdfast_restore_options {
    size_t size;
    const char *target;   /* restore below this folder, which is made if absent */
    const char *selector; /* "at:2026-11-21 10:00", "job:web,latest~1", "#42"; NULL: "latest" */
    const char *const *includes; /* paths and patterns; none: everything */
    size_t include_count;
    const char *const *excludes;
    size_t exclude_count;
    enum holdfast_overwrite overwrite;
    unsigned strip_components; /* leave out so many folders at the beginning of each path */
    bool delete_extras;        /* remove what is not in the snapshot; refused if target is "/" */
    bool verify;               /* read everything back and compare it */
};

struct holdfast_restore_result {
    size_t size;
    char id[HOLDFAST_ID_BYTES]; /* what the selector meant; "" if it meant nothing */
    uint64_t number;
    int64_t time_ns;  /* of that point */
    bool by_time;     /* the selector asked for a time: the next two hold */
    int64_t asked_ns; /* which one */
    int64_t next_ns;  /* the next point after it; 0: there is none */
    uint64_t files, dirs;
    uint64_t bytes_written;
    uint64_t bytes_verified; /* against their content ids */
    uint64_t skipped;        /* files that were right already, or kept by HOLDFAST_NEVER */
    uint64_t deleted;
    uint64_t losses; /* metadata that the system refused */
    uint64_t errors; /* things that were not restored, or not wholly */
};

/*
 * HOLDFAST_OK: all that was asked for is there, and durable. HOLDFAST_INCOMPLETE,
 * HOLDFAST_DAMAGED: so is all but what problem was told of. HOLDFAST_NO_POINT: the message says
 * what there is instead; a time is never guessed. Ended early, it is continued by another call.
 */
enum holdfast_status holdfast_restore(struct holdfast *h,
                                      const struct holdfast_restore_options *options,
                                      struct holdfast_restore_result *out_result);

struct holdfast_check_options {
    size_t size;
    bool read_data;      /* read file data too, and compute every id anew */
    double read_percent; /* a random part of it; 0: all */
    bool scrub;          /* compare the sums of whole segments */
};

struct holdfast_check_result {
    size_t size;
    uint64_t entries, segments, chunks, snapshots;
    uint64_t bytes_read;
    uint64_t damage; /* how often problem was told of something */
};

/* Trusts no cache and writes nothing. HOLDFAST_DAMAGED: problem was told what, and what it costs.
 */
enum holdfast_status holdfast_check(struct holdfast *h,
                                    const struct holdfast_check_options *options,
                                    struct holdfast_check_result *out_result);

struct holdfast_drill_options {
    size_t size;
    const char *kind;    /* "sample", "full", "pitr", "live" or "cold": see `holdfast drill list` */
    const char *scratch; /* a folder; the drill makes one of its own in it, and removes it */
    const char *selector;  /* NULL: "latest"; for "pitr" filters alone, NULL: all points */
    double sample_percent; /* of the files; 0: as usual for the kind */
    uint64_t seed;         /* what is left to chance hangs on it alone; 0: one is chosen */
    uint64_t max_space;    /* bytes of scratch space; 0: what there is */
    bool no_evidence;      /* do not record in the repository what was found */
};

struct holdfast_drill_result {
    size_t size;
    bool passed;
    char id[HOLDFAST_ID_BYTES]; /* of the snapshot, if it was a drill of one; else "" */
    uint64_t number;
    uint64_t seed;
    uint64_t files, bytes; /* restored and found right */
    uint64_t mismatches;   /* how often problem was told of one */
    /* How long it took until..., in nanoseconds; -1: not measured. */
    int64_t open_ns, first_byte_ns, first_file_ns, restore_ns, verify_ns, total_ns;
    int64_t newest_age_ns;  /* of the newest complete point: what a disaster now would cost */
    int64_t largest_gap_ns; /* between two points */
    char evidence[HOLDFAST_ID_BYTES]; /* the entry that records it; "" if there is none */
};

/*
 * Restores for real into the scratch folder, compares, measures, and records what it found.
 * HOLDFAST_OK: it passed. HOLDFAST_DRILL_FAILED: it ran and failed. Otherwise it could not be
 * finished, and proves nothing either way. A process of its own, begun by fork, waits to remove the
 * scratch folder should this one be killed; it ends with the drill.
 */
enum holdfast_status holdfast_drill(struct holdfast *h,
                                    const struct holdfast_drill_options *options,
                                    struct holdfast_drill_result *out_result);

#ifdef __cplusplus
}
#endif

#endif
