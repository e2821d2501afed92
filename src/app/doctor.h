/*
 * doctor.h - whether all is here that holdfast needs, and what to do where it is not.
 *
 * A finding is good, or something to look at, or something that will make a backup or a restore
 * fail. Nothing is written to a repository unless a probe was asked for; then files are made in its
 * tmp/, and removed.
 */
#ifndef HF_APP_DOCTOR_H
#define HF_APP_DOCTOR_H

#include "app/config.h"

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_STATES };

struct doctor_finding {
    enum doctor_state state;
    const char *name;   /* what was looked at: "clock" */
    char *about;        /* which one: a job, a folder; or NULL */
    char *message;      /* how it is */
    const char *advice; /* what to do, or NULL */
};

struct doctor {
    struct app *app;
    bool probe;
    struct config *config; /* NULL: there is none, or it is not good */
    struct doctor_finding *findings;
    size_t count, capacity;
    size_t counts[DOCTOR_STATES];
    int error; /* memory ran out */
};

/* `advice` is kept as it is; what it says goes for every case. */
struct doctor_about {
    const char *name, *about, *advice;
};
void doctor_say(struct doctor *d, enum doctor_state state, const struct doctor_about *about,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void doctor_release(struct doctor *d);

/* The program and the machine; the clock; the environment. */
void doctor_host(struct doctor *d);
/* The configuration; each job's files and its schedule; what runs and locks left behind. */
void doctor_jobs(struct doctor *d);
/* The folders of this client, and the repository that the command line names. */
void doctor_places(struct doctor *d);
/* A repository, as the app's options have it, under the name that findings have for it. */
void doctor_repository(struct doctor *d, const char *name);
/* A folder: its file system, space and inodes. `what` is "repository", "cache" or "state". */
void doctor_folder(struct doctor *d, const char *what, const char *path);

#endif
