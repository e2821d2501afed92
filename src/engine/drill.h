/*
 * drill.h - restoring for real, to see whether it works and how long it takes.
 *
 * A drill opens the repository anew, restores into a scratch folder of its own, compares, and
 * measures. What it found is published as evidence in the journal, whether it passed or failed; a
 * drill that could not be finished (interrupted, a full scratch disk) leaves no evidence. Its
 * scratch folder is removed in every case, also when the program was killed (drill_scratch.h).
 *
 * Durations are those of the monotonic clock. The kinds stand in drill_kinds.def: a kind is a file
 * drill_NAME.c, written against drill_internal.h, and a line there.
 */
#ifndef HF_ENGINE_DRILL_H
#define HF_ENGINE_DRILL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/restore.h"
#include "engine/selector.h"
#include "format/evidence.h"
#include "store/repo.h"

#define DRILL_UNKNOWN_NS INT64_MIN /* a time that was not measured, or makes no sense */
#define DRILL_OUTPUT_BYTES 32768u  /* kept of a command's output: so many first, so many last */

struct drill;

enum drill_traits {
    DRILL_OF_A_POINT = 1, /* drills one snapshot, which the options name */
    DRILL_SAMPLES = 2,    /* --sample means something */
    DRILL_PROBES = 4,     /* needs a command */
};

struct drill_kind {
    const char *name;
    enum evidence_kind evidence;
    unsigned traits;
    const char *help; /* one line, without a full stop */
    double fraction;  /* of the files, unless the options say another */
    /* 0: the drill ran to its end, what it found is in the result. Else why it could not. */
    int (*run)(struct drill *d);
};

size_t drill_kind_count(void);
const struct drill_kind *drill_kind_at(size_t i);
/* NULL: there is none of that name. */
const struct drill_kind *drill_kind_find(const char *name);
/* The name most like it. */
const struct drill_kind *drill_kind_nearest(const char *name);

struct drill_options {          /* all borrowed */
    const struct repo_env *env; /* the repository is opened anew with these two */
    const struct keyfile_unlock *unlock;
    uint8_t snapshot[16];          /* DRILL_OF_A_POINT */
    const struct selector *filter; /* which points there are for pitr; NULL: all */
    double fraction;               /* of the files, above 0 to 1; 0: the kind's own */
    uint64_t seed;                 /* what is left to chance hangs on it alone */
    const char *scratch;           /* a folder; the drill makes one of its own in it */
    const char *probe;             /* a shell command line, run in the restored tree; or NULL */
    int64_t probe_limit_ns;
    uint64_t max_space; /* of the scratch folder, in bytes; 0: what there is */
    bool keep;          /* leaves what was restored where it is */
    bool no_evidence;   /* publishes nothing */
    size_t threads;     /* 0: one a core */
    uint8_t policy_hash[EVIDENCE_HASH_BYTES]; /* zeros: there is none */
    const char *host, *user, *tool;           /* for the evidence */
    const volatile sig_atomic_t *cancel;
};

struct drill_events { /* called in the thread of drill_run; each may be NULL */
    void *context;
    void (*progress)(void *context, const struct restore_progress *p);
    /* A mismatch: the drill has failed. Each one, also those that the result has no room for. */
    void (*mismatch)(void *context, const char *object, size_t len, const char *why);
    /* No reason to fail, but worth knowing; object NULL: of nothing in particular. */
    void (*note)(void *context, const char *object, size_t len, const char *text);
    void (*phase)(void *context, const char *what); /* "restoring", "comparing", ... */
};

struct drill_mismatch {
    char *object; /* a path of a snapshot, a name in the repository, "the probe", ... */
    size_t object_len;
    char *why;
};

struct drill_fault { /* something that was done to a copy of the repository */
    char *fault, *expected, *observed;
    bool passed;
};

struct drill_result { /* filled in as far as the drill came; freed by drill_result_release */
    bool finished;
    bool passed; /* finished, and nothing was wrong */
    uint8_t snapshot[16];
    uint64_t number; /* of the snapshot; 0: of no single one */
    char *job;       /* of the snapshot, or NULL */
    /* How long it takes until... open, restore, verify and probe are phases; the others count from
     * the beginning. total is what stands between a disaster and a tree that is known to be good.
     */
    struct {
        int64_t open_ns, first_byte_ns, first_file_ns, restore_ns, verify_ns, probe_ns, total_ns;
    } rto;
    struct {
        int64_t newest_age_ns;  /* of the newest complete point of the job and host */
        int64_t largest_gap_ns; /* between two of its complete points, forgotten ones included */
    } rpo;
    bool clock_flag; /* a point lies in the future, or the clock was set during the drill */
    int64_t begin_ns, end_ns;
    uint64_t files, bytes; /* restored (or compared) and found right */
    uint64_t points;       /* pitr: how many moments */
    uint64_t drift;        /* live: changed since the backup, which is no mismatch */
    uint64_t losses;       /* of metadata that the scratch folder refuses, which is none either */
    struct drill_mismatch *mismatches;
    size_t mismatch_count, mismatch_cap; /* kept: EVIDENCE_MAX_MISMATCHES at most */
    uint64_t mismatch_total;
    struct drill_fault *faults;
    size_t fault_count, fault_cap;
    int probe_status;   /* as a shell tells it: 128 + the signal; -1: none was run */
    char *probe_output; /* the beginning and the end of it, or NULL */
    size_t probe_output_len;
    char *kept; /* the folder that was kept, or NULL */
    bool published;
    uint8_t evidence[16]; /* the entry's id, if it was published */
    uint64_t evidence_number;
    struct err_trail unpublished; /* why not, if it should have been; code 0 otherwise */
};

/*
 * 0: it passed, and the evidence is published. HF_EDRILL: it ran and failed (unpublished says
 * whether the evidence could not be published). Another code: it could not be finished, or, with
 * out_result->finished, it passed and the evidence could not be published. events may be NULL.
 */
int drill_run(const struct drill_kind *kind, const struct drill_options *options,
              const struct drill_events *events, struct drill_result *out_result);
void drill_result_release(struct drill_result *r); /* zeros are fine */

#endif
