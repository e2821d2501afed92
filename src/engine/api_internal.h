/*
 * api_internal.h - what the files behind include/holdfast.h share: the handle.
 *
 * Each public function begins with api_begin and ends with api_end, which hand the trail and the
 * log of the thread to the handle: nothing else of an operation outlives it.
 */
#ifndef HF_ENGINE_API_INTERNAL_H
#define HF_ENGINE_API_INTERNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "engine/exclude.h"
#include "engine/selector.h"
#include "engine/timeline.h"
#include "format/keyfile.h"
#include "holdfast.h"
#include "store/repo.h"

#define API_TOOL "libholdfast " HOLDFAST_VERSION

struct api_secret { /* what opens the repository; wiped when it is released */
    struct keyfile_unlock unlock;
    char *password;
    size_t password_size;
    uint8_t key[KEYFILE_SECRET_BYTES];
};

struct holdfast {
    struct holdfast_events events;
    volatile sig_atomic_t cancel; /* set by any thread; cleared when an operation ends */
    bool busy;                    /* an operation is under way */
    struct log_own log;           /* of the threads of an operation */
    const struct log_own *log_before;
    pthread_mutex_t log_lock; /* while the user's function runs */
    struct err_trail trail;   /* of the last operation */
    struct holdfast_error error;

    /* What was opened; all NULL or zero if nothing is. */
    struct repo_env env;
    struct api_secret secret;
    struct repo *repo;
    size_t threads;
    char *path;       /* absolute */
    char *cache_root; /* absolute, or NULL */
};

/* HF_EUSAGE if an operation is under way: then api_end must not be called. */
int api_begin(struct holdfast *h);
/* The code becomes the handle's last error, and the status that the caller gets. */
enum holdfast_status api_end(struct holdfast *h, int rc);

/*
 * Copies a struct of the caller's, of whatever version, into ours: what it does not have is zero.
 * HF_EUSAGE if its size was not set, HF_EUNSUPPORTED if it asks for what this library does not
 * know. `given` may be NULL: all is zero.
 */
int api_take(void *own, size_t own_size, const void *given, const char *what);
/* The other way round, for results: what fits into the caller's struct. NULL is fine. */
void api_give(void *to, const void *own, size_t own_size);
/* Before the operation: HF_EUSAGE if the size of a result was not set. */
int api_check_result(const void *out, const char *what);

/* Open, and as the journal says now. HF_EUSAGE if nothing is open. */
int api_ready(struct holdfast *h);
/* Of two of these at most one is given: makes what opens the repository, or the next one. */
int api_secret_get(struct api_secret *s, const struct holdfast_repository *where, bool make);
void api_secret_release(struct api_secret *s);

/* The machine and the user that this runs on and as; what can't be found out stays empty. */
struct api_self {
    char host[256], user[256];
};
int api_find_self(struct api_self *out);

/* The user's function for progress, which there is, told of a restore's. */
struct restore_progress;
void api_restore_progress(const struct holdfast *h, const struct restore_progress *p);
/* The user's function for problems; message and code are texts. */
void api_problem(const struct holdfast *h, const struct holdfast_problem *p);
/* Patterns, none of them NULL. */
int api_patterns(const char *const *patterns, size_t count, struct exclude **out);

/* The point that a selector means ("latest" if NULL); in a damaged journal only a named one. */
int api_resolve(struct holdfast *h, const char *selector, struct timeline **out_timeline,
                struct timeline_resolution *out);

#endif
