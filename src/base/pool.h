/*
 * pool.h - worker threads that run jobs, and waiters that help.
 *
 * A pool with no workers is valid: whoever waits runs the queued jobs itself, in the order of
 * submission, which makes a run deterministic. With workers, a waiter helps as well, so n - 1
 * workers and one waiting thread keep n cores busy.
 *
 * Jobs of a higher urgency run first. A job may submit jobs, and wait for them: such a wait runs no
 * job but the one it waits for, so that the stack does not grow with the queue. A job's memory is
 * its owner's: it must live until the job is done, which pool_wait reports. A job's error and its
 * trail travel in the job; what else the waiting thread's trail said is kept.
 *
 * Any thread may submit and wait. Workers take no signals that are sent to the process.
 */
#ifndef HF_BASE_POOL_H
#define HF_BASE_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct pool;

enum pool_urgency { POOL_NORMAL, POOL_URGENT, POOL_URGENCIES };

struct pool_job {
    int (*run)(struct pool_job *job); /* returns 0 or an error code with this thread's trail */
    struct pool_job *next;            /* the pool's */
    atomic_int done;                  /* the pool's; 1 when finished, read by pool_done */
    int result;                       /* what run returned; valid when done */
    struct err_trail *trail;          /* filled when run failed, if not NULL; the owner's */
};

/* workers 0..256. Fails with HF_EIO when threads can't be had, HF_ENOMEM. */
int pool_new(size_t workers, struct pool **out_pool);
void pool_free(struct pool *p); /* all jobs must have been waited for; joins the workers */
size_t pool_workers(const struct pool *p);

void pool_submit(struct pool *p, struct pool_job *job, enum pool_urgency urgency);
bool pool_done(const struct pool_job *job);
/*
 * Runs queued jobs until this one is done, which was submitted; returns its result, its trail given
 * to this thread (without one the trail says what class of error it was). Cheap when it is done.
 */
int pool_wait(struct pool *p, struct pool_job *job);

/* The number of processors this process may use. */
size_t pool_cores(void);

#endif
