/*
 * status.h - how each job stands: what is known without doing anything.
 *
 * A good point is a complete snapshot of the job on this machine that nobody forgot. It is too old
 * when stale_after says so; or, where that is not set, when the schedule does (schedule_next_due).
 * A job without a good point is stale; one of which neither says anything never grows old. What a
 * repository that can't be opened would say is taken from what the job's runs left in the state
 * folder.
 */
#ifndef HF_APP_STATUS_H
#define HF_APP_STATUS_H

#include "app/config.h"
#include "app/run_memory.h"
#include "base/err.h"
#include "format/evidence.h"

#define STATUS_SIZES 5

enum status_state { /* the first that holds */
                    STATUS_UNREACHABLE,
                    STATUS_STALE,
                    STATUS_RUNNING,
                    STATUS_FAILED, /* its last run did */
                    STATUS_INCOMPLETE,
                    STATUS_OK,
};

struct status_point {
    uint8_t id[16];
    uint64_t number;
    int64_t end_ns;
    uint64_t files, bytes;
};

struct status_proof { /* time 0: there is none */
    int64_t ns;
    bool passed;
    enum evidence_kind kind; /* 0: only the exit code of a run is known */
};

struct status_job {
    const struct config_job *job;
    const char *repository, *schedule; /* or NULL */
    int code;                          /* why the repository can't be opened, or 0 */
    struct err_trail trail;
    bool running, stale;
    struct run_memory memory;
    struct status_point points[STATUS_SIZES]; /* the last good ones, oldest first */
    size_t point_count;
    int64_t good_ns;        /* when the last good point was made; 0: never */
    int64_t stale_after_ns; /* what it may be old; 0: nobody says */
    int64_t due_ns;         /* when it becomes too old; 0: never */
    int64_t next_ns;        /* 0: there is no schedule, or it can't be told: why_not */
    char why_not[200];
    struct status_proof check, drill;
    bool judged, ready;  /* whether there is a policy that was asked, and its answer */
    char not_ready[200]; /* why not */
};

struct status {
    struct app *app;
    struct config config;
    int64_t now_ns;
    struct status_job **jobs;
    size_t count, capacity;
};

/* Those jobs, or all. HF_EUSAGE for a name that is none. Release it in either case. */
int status_gather(struct app *app, const char *const *names, size_t count, struct status *out);
void status_release(struct status *s);

enum status_state status_of(const struct status_job *j);
const char *status_state_name(enum status_state state);
/* 0, or the worst of the jobs; of those that are stale it is HF_ENOT_READY, with all their names.
 */
int status_verdict(const struct status *s);

#endif
