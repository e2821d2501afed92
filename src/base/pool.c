/*
 * pool.c - one lock, one queue for each urgency, and nobody woken for nothing.
 *
 * Idle workers sleep on one condition; each waiter has its own, so that the end of a job wakes
 * those who wait for that job and no others. A submitted job goes to an idle worker if there is
 * one to spare, else it wakes a waiter that helps.
 *
 * A wait within a job runs no job but the one it waits for: were it to help with any, the stack
 * would grow with the length of the queue. It cannot block for ever, since what it waits for is
 * either queued, and then run by the waiter itself, or running elsewhere.
 */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define MOST_WORKERS 256

struct queue {
    struct pool_job *first;
    struct pool_job *last; /* valid if first is not NULL */
};

/* A thread that sleeps in pool_wait; lives on its stack. */
struct waiter {
    struct waiter *next;
    const struct pool_job *job;
    pthread_cond_t wake;
    bool helps;  /* may run any job */
    bool called; /* woken already, and not yet awake */
};

struct pool {
    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t work;  /* idle workers sleep here */
    struct queue queues[POOL_URGENCIES];
    size_t queued; /* jobs in the queues */
    size_t idle;   /* workers asleep, those included that were woken and are not yet awake */
    struct waiter *waiters;
    bool ending;
    const struct log_own *log; /* of who made the pool */
    size_t workers;
    pthread_t threads[];
};

/* How many jobs this thread is within. */
static _Thread_local unsigned depth;

static void put_job(struct pool *p, struct pool_job *job, enum pool_urgency urgency)
{
    struct queue *q = &p->queues[urgency];

    job->next = NULL;
    if (q->first == NULL) {
        q->first = job;
    } else {
        q->last->next = job;
    }
    q->last = job;
    p->queued++;
}

/* The next job in turn, or NULL. */
static struct pool_job *take_any(struct pool *p)
{
    for (size_t urgency = POOL_URGENCIES; urgency-- > 0;) {
        struct queue *q = &p->queues[urgency];
        struct pool_job *job = q->first;
        if (job != NULL) {
            q->first = job->next;
            p->queued--;
            return job;
        }
    }
    return NULL;
}

/* This very job, or NULL if it is not queued any more. */
static struct pool_job *take_this(struct pool *p, struct pool_job *wanted)
{
    for (size_t urgency = 0; urgency < POOL_URGENCIES; urgency++) {
        struct queue *q = &p->queues[urgency];
        struct pool_job *before = NULL;
        for (struct pool_job *job = q->first; job != NULL; before = job, job = job->next) {
            if (job != wanted) {
                continue;
            }
            if (before == NULL) {
                q->first = job->next;
            } else {
                before->next = job->next;
            }
            if (q->last == job) {
                q->last = before;
            }
            p->queued--;
            return job;
        }
    }
    return NULL;
}

/* Runs a job without the lock; returns with it. What this thread's trail said, it says again. */
static void run_job(struct pool *p, struct pool_job *job)
{
    struct err_trail mine;

    pthread_mutex_unlock(&p->lock);
    err_take(&mine);
    depth++;
    job->result = job->run(job);
    depth--;
    if (job->result != 0 && job->trail != NULL) {
        err_take(job->trail);
    }
    err_give(&mine);
    pthread_mutex_lock(&p->lock);

    for (struct waiter *w = p->waiters; w != NULL; w = w->next) {
        if (w->job == job) {
            pthread_cond_signal(&w->wake);
        }
    }
    /* The last touch: from here on the job's memory is its owner's. */
    atomic_store_explicit(&job->done, 1, memory_order_release);
}

static void *work(void *argument)
{
    struct pool *p = argument;

    log_set_own(p->log);
    pthread_mutex_lock(&p->lock);
    while (!p->ending) {
        struct pool_job *job = take_any(p);
        if (job != NULL) {
            run_job(p, job);
            continue;
        }
        p->idle++;
        pthread_cond_wait(&p->work, &p->lock);
        p->idle--;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void stop_workers(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->workers; i++) {
        pthread_join(p->threads[i], NULL);
    }
}

/*
 * Starts the workers with all signals blocked that are sent to a process, so that these reach the
 * threads that the program has for them. Those that a thread brings upon itself stay as they are.
 */
static int start_workers(struct pool *p, size_t workers)
{
    static const int own_fault[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };
    sigset_t blocked;
    sigset_t before;
    int errnum = 0;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own_fault / sizeof *own_fault; i++) {
        sigdelset(&blocked, own_fault[i]);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    while (p->workers < workers && errnum == 0) {
        errnum = pthread_create(&p->threads[p->workers], NULL, work, p);
        if (errnum == 0) {
            p->workers++;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return errnum == 0 ? 0 : err_os(errnum, "could not start a thread");
}

int pool_new(size_t workers, struct pool **out_pool)
{
    assert(workers <= MOST_WORKERS);
    struct pool *p = mem_zalloc(sizeof *p + workers * sizeof p->threads[0]);

    *out_pool = NULL;
    if (p == NULL) {
        return err_nomem();
    }
    p->log = log_own();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    if (workers > 0) {
        int rc = start_workers(p, workers);
        if (rc != 0) {
            pool_free(p);
            return rc;
        }
    }
    *out_pool = p;
    return 0;
}

void pool_free(struct pool *p)
{
    if (p == NULL) {
        return;
    }
    assert(p->queued == 0 && p->waiters == NULL);
    if (p->workers > 0) {
        stop_workers(p);
    }
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

size_t pool_workers(const struct pool *p)
{
    return p->workers;
}

/* Wakes a waiter that helps, where one is left that was not called yet. */
static void call_helper(struct pool *p)
{
    for (struct waiter *w = p->waiters; w != NULL; w = w->next) {
        if (w->helps && !w->called) {
            w->called = true;
            pthread_cond_signal(&w->wake);
            return;
        }
    }
}

void pool_submit(struct pool *p, struct pool_job *job, enum pool_urgency urgency)
{
    atomic_store_explicit(&job->done, 0, memory_order_relaxed);
    pthread_mutex_lock(&p->lock);
    put_job(p, job, urgency);
    if (p->queued <= p->idle) {
        pthread_cond_signal(&p->work);
    } else {
        call_helper(p);
    }
    pthread_mutex_unlock(&p->lock);
}

bool pool_done(const struct pool_job *job)
{
    return atomic_load_explicit(&job->done, memory_order_acquire) != 0;
}

/* Sleeps, with the lock, until the job is done or there is something to help with. */
static void sleep_for(struct pool *p, const struct pool_job *job, bool helps)
{
    struct waiter self = {
        .next = p->waiters, .job = job, .wake = PTHREAD_COND_INITIALIZER, .helps = helps
    };

    /* cppcheck-suppress autoVariables ; it is taken out again below */
    p->waiters = &self;
    while (!pool_done(job) && !(helps && p->queued > 0)) {
        self.called = false;
        pthread_cond_wait(&self.wake, &p->lock);
    }
    struct waiter **link = &p->waiters;
    while (*link != &self) {
        link = &(*link)->next;
    }
    *link = self.next;
    pthread_cond_destroy(&self.wake);
}

static void run_until_done(struct pool *p, struct pool_job *job)
{
    bool helps = depth == 0;

    pthread_mutex_lock(&p->lock);
    while (!pool_done(job)) {
        struct pool_job *next = helps ? take_any(p) : take_this(p, job);
        if (next != NULL) {
            run_job(p, next);
        } else {
            sleep_for(p, job, helps);
        }
    }
    pthread_mutex_unlock(&p->lock);
}

int pool_wait(struct pool *p, struct pool_job *job)
{
    if (!pool_done(job)) {
        run_until_done(p, job);
    }
    if (job->result == 0) {
        return 0;
    }
    if (job->trail != NULL) {
        err_give(job->trail);
    } else {
        err_raise(job->result, "%s", err_code_text(job->result));
    }
    return job->result;
}

size_t pool_cores(void)
{
    cpu_set_t allowed;

    /* Fails on machines with more processors than the set holds. */
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        return (size_t)CPU_COUNT(&allowed);
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}
