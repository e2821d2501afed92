/*
 * test_pool.c - jobs run once, in turn and on every core, and waiters help without going astray.
 *
 * The schedules that matter are brought about with semaphores; a pool that does not keep its
 * promise shows as a wrong value, or as a test that never ends.
 */
/* tsan */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"

static struct pool *new_pool(size_t workers)
{
    struct pool *p;

    assert_int_equal(pool_new(workers, &p), 0);
    assert_int_equal(pool_workers(p), workers);
    return p;
}

/* A job that writes down when it ran, and on which thread. */
struct noted {
    struct pool_job job;
    atomic_int *clock;
    int turn;
    pthread_t thread;
};

static int run_noted(struct pool_job *job)
{
    struct noted *n = (struct noted *)job;

    n->turn = 1 + atomic_fetch_add(n->clock, 1);
    n->thread = pthread_self();
    return 0;
}

static void init_noted(struct noted *jobs, size_t count, atomic_int *clock)
{
    memset(jobs, 0, count * sizeof *jobs);
    for (size_t i = 0; i < count; i++) {
        jobs[i].job.run = run_noted;
        jobs[i].clock = clock;
    }
}

static void test_pool_without_workers_runs_in_the_order_of_submission(void **state)
{
    enum { JOBS = 50 };
    struct noted jobs[JOBS];
    atomic_int clock = 0;
    struct pool *p = new_pool(0);

    (void)state;
    init_noted(jobs, JOBS, &clock);
    for (size_t i = 0; i < JOBS; i++) {
        pool_submit(p, &jobs[i].job, POOL_NORMAL);
    }
    assert_int_equal(clock, 0);
    assert_int_equal(pool_wait(p, &jobs[9].job), 0);
    assert_int_equal(clock, 10); /* up to the job waited for, and no further */
    assert_true(pool_done(&jobs[0].job));
    assert_false(pool_done(&jobs[10].job));
    for (size_t i = JOBS; i-- > 0;) {
        assert_int_equal(pool_wait(p, &jobs[i].job), 0);
    }
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].turn, i + 1);
        assert_true(pthread_equal(jobs[i].thread, pthread_self()));
    }
    pool_free(p);
}

static void test_pool_runs_urgent_jobs_first(void **state)
{
    struct noted jobs[6];
    atomic_int clock = 0;
    struct pool *p = new_pool(0);

    (void)state;
    init_noted(jobs, 6, &clock);
    for (size_t i = 0; i < 6; i++) {
        pool_submit(p, &jobs[i].job, i % 2 == 0 ? POOL_NORMAL : POOL_URGENT);
    }
    for (size_t i = 0; i < 6; i++) {
        pool_wait(p, &jobs[i].job);
    }
    static const int turns[6] = { 4, 1, 5, 2, 6, 3 };
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(jobs[i].turn, turns[i]);
    }
    pool_free(p);
}

static void test_pool_job_can_be_submitted_again(void **state)
{
    struct noted job;
    atomic_int clock = 0;

    (void)state;
    for (size_t workers = 0; workers < 2; workers++) {
        struct pool *p = new_pool(workers);
        init_noted(&job, 1, &clock);
        clock = 0;
        for (int i = 1; i <= 100; i++) {
            pool_submit(p, &job.job, POOL_NORMAL);
            assert_int_equal(pool_wait(p, &job.job), 0);
            assert_int_equal(job.turn, i);
            assert_int_equal(pool_wait(p, &job.job), 0); /* which costs nothing */
        }
        pool_free(p);
    }
}

static void test_pool_runs_each_of_many_jobs_once(void **state)
{
    enum { JOBS = 5000 };
    atomic_int clock = 0;
    struct noted *jobs = mem_array(JOBS, sizeof *jobs);

    (void)state;
    assert_non_null(jobs);
    for (size_t workers = 1; workers <= 4; workers++) {
        struct pool *p = new_pool(workers);
        init_noted(jobs, JOBS, &clock);
        clock = 0;
        for (size_t i = 0; i < JOBS; i++) {
            pool_submit(p, &jobs[i].job, i % 7 == 0 ? POOL_URGENT : POOL_NORMAL);
        }
        for (size_t i = 0; i < JOBS; i++) {
            assert_int_equal(pool_wait(p, &jobs[i].job), 0);
            assert_true(jobs[i].turn > 0);
        }
        assert_int_equal(clock, JOBS);
        pool_free(p);
    }
    mem_free(jobs);
}

/* A job that says that it has begun, and ends when it is told to. */
struct gate {
    struct pool_job job;
    sem_t begun;
    sem_t open;
};

static void pass(sem_t *s)
{
    while (sem_wait(s) != 0) {
        continue;
    }
}

static int run_gate(struct pool_job *job)
{
    struct gate *g = (struct gate *)job;

    sem_post(&g->begun);
    pass(&g->open);
    return 0;
}

static void init_gate(struct gate *g)
{
    memset(g, 0, sizeof *g);
    g->job.run = run_gate;
    assert_int_equal(sem_init(&g->begun, 0, 0), 0);
    assert_int_equal(sem_init(&g->open, 0, 0), 0);
}

static void end_gate(struct gate *g)
{
    sem_destroy(&g->begun);
    sem_destroy(&g->open);
}

static void test_pool_waiter_runs_what_busy_workers_do_not(void **state)
{
    struct gate gate;
    struct noted jobs[3];
    atomic_int clock = 0;
    struct pool *p = new_pool(1);

    (void)state;
    init_gate(&gate);
    init_noted(jobs, 3, &clock);
    pool_submit(p, &gate.job, POOL_NORMAL);
    pass(&gate.begun);
    for (size_t i = 0; i < 3; i++) {
        pool_submit(p, &jobs[i].job, POOL_NORMAL);
    }
    assert_int_equal(pool_wait(p, &jobs[2].job), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(jobs[i].turn, i + 1);
        assert_true(pthread_equal(jobs[i].thread, pthread_self()));
    }
    sem_post(&gate.open);
    assert_int_equal(pool_wait(p, &gate.job), 0);
    end_gate(&gate);
    pool_free(p);
}

/* Submits a job from within a job, and ends only when somebody else has run it. */
struct calling {
    struct pool_job job;
    sem_t begun;
    struct pool *pool;
    struct gate called;
};

static int run_calling(struct pool_job *job)
{
    struct calling *c = (struct calling *)job;

    sem_post(&c->begun);
    /* Time for the waiter to fall asleep; where it has not, the test passes as well. */
    clock_sleep(clock_system(), 20000000);
    pool_submit(c->pool, &c->called.job, POOL_NORMAL);
    pass(&c->called.begun);
    return 0;
}

static void test_pool_waiter_that_sleeps_is_called_to_help(void **state)
{
    struct calling calling = { .job.run = run_calling, .pool = new_pool(1) };

    (void)state;
    assert_int_equal(sem_init(&calling.begun, 0, 0), 0);
    init_gate(&calling.called);
    sem_post(&calling.called.open);
    pool_submit(calling.pool, &calling.job, POOL_NORMAL);
    pass(&calling.begun); /* on the worker */
    /* The only thread that is left for the second job. */
    assert_int_equal(pool_wait(calling.pool, &calling.job), 0);
    assert_int_equal(pool_wait(calling.pool, &calling.called.job), 0);
    end_gate(&calling.called);
    sem_destroy(&calling.begun);
    pool_free(calling.pool);
}

/* Each submits another and waits for it; notes how many of its kind are on this stack. */
struct nesting {
    struct pool_job job;
    struct pool *pool;
    struct noted inner;
    int nested;
};

static _Thread_local int nesting_now;

static int run_nesting(struct pool_job *job)
{
    struct nesting *n = (struct nesting *)job;

    n->nested = ++nesting_now;
    pool_submit(n->pool, &n->inner.job, POOL_NORMAL);
    int rc = pool_wait(n->pool, &n->inner.job);
    nesting_now--;
    return rc;
}

static void test_pool_wait_within_a_job_does_not_pile_up_the_queue(void **state)
{
    enum { JOBS = 300 };
    atomic_int clock = 0;
    struct nesting *jobs = mem_array(JOBS, sizeof *jobs);

    (void)state;
    assert_non_null(jobs);
    for (size_t workers = 0; workers <= 2; workers++) {
        struct pool *p = new_pool(workers);
        for (size_t i = 0; i < JOBS; i++) {
            jobs[i] = (struct nesting){ .job.run = run_nesting, .pool = p };
            init_noted(&jobs[i].inner, 1, &clock);
            pool_submit(p, &jobs[i].job, POOL_NORMAL);
        }
        for (size_t i = 0; i < JOBS; i++) {
            assert_int_equal(pool_wait(p, &jobs[i].job), 0);
            assert_true(pool_done(&jobs[i].inner.job));
            assert_int_equal(jobs[i].nested, 1);
        }
        pool_free(p);
    }
    mem_free(jobs);
}

/* Adds up a range by halves, each half a job. */
struct sum {
    struct pool_job job;
    struct pool *pool;
    uint64_t from, to, result;
};

static int run_sum(struct pool_job *job)
{
    struct sum *s = (struct sum *)job;

    if (s->to - s->from == 1) {
        s->result = s->from;
        return 0;
    }
    uint64_t middle = s->from + (s->to - s->from) / 2;
    struct sum low = { .job.run = run_sum, .pool = s->pool, .from = s->from, .to = middle };
    struct sum high = { .job.run = run_sum, .pool = s->pool, .from = middle, .to = s->to };
    pool_submit(s->pool, &low.job, POOL_NORMAL);
    pool_submit(s->pool, &high.job, POOL_URGENT);
    int rc = pool_wait(s->pool, &low.job);
    int rc_high = pool_wait(s->pool, &high.job);
    s->result = low.result + high.result;
    return rc != 0 ? rc : rc_high;
}

static void test_pool_jobs_that_wait_for_jobs_come_to_an_end(void **state)
{
    (void)state;
    for (size_t workers = 0; workers <= 3; workers++) {
        struct pool *p = new_pool(workers);
        struct sum all = { .job.run = run_sum, .pool = p, .from = 0, .to = 2000 };
        pool_submit(p, &all.job, POOL_NORMAL);
        assert_int_equal(pool_wait(p, &all.job), 0);
        assert_int_equal(all.result, 2000 * 1999 / 2);
        pool_free(p);
    }
}

/* Several threads that each submit and wait, on one pool. */
struct user {
    struct pool *pool;
    int ran;
};

static void *use_pool(void *argument)
{
    struct user *u = argument;

    for (int round = 0; round < 200; round++) {
        struct noted jobs[5];
        atomic_int clock = 0;
        init_noted(jobs, 5, &clock);
        for (size_t i = 0; i < 5; i++) {
            pool_submit(u->pool, &jobs[i].job, POOL_NORMAL);
        }
        for (size_t i = 0; i < 5; i++) {
            u->ran += pool_wait(u->pool, &jobs[i].job) == 0 && jobs[i].turn > 0;
        }
    }
    return NULL;
}

static void test_pool_serves_several_waiting_threads(void **state)
{
    enum { USERS = 3 };

    (void)state;
    for (size_t workers = 0; workers <= 2; workers++) {
        struct pool *p = new_pool(workers);
        struct user users[USERS];
        pthread_t threads[USERS];
        for (size_t i = 0; i < USERS; i++) {
            users[i] = (struct user){ .pool = p };
            assert_int_equal(pthread_create(&threads[i], NULL, use_pool, &users[i]), 0);
        }
        for (size_t i = 0; i < USERS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(users[i].ran, 1000);
        }
        pool_free(p);
    }
}

static int run_failing(struct pool_job *job)
{
    (void)job;
    err_raise(HF_EDAMAGE, "block 7 is damaged");
    err_hint("repair it");
    return err_add(HF_EDAMAGE, "could not decode");
}

static void test_pool_hands_over_the_error_and_its_trail(void **state)
{
    (void)state;
    for (size_t workers = 0; workers <= 1; workers++) {
        struct pool *p = new_pool(workers);
        struct err_trail trail;
        struct pool_job job = { .run = run_failing, .trail = &trail };
        err_clear();
        pool_submit(p, &job, POOL_NORMAL);
        assert_int_equal(pool_wait(p, &job), HF_EDAMAGE);
        assert_int_equal(err_last()->code, HF_EDAMAGE);
        assert_string_equal(err_last()->text, "could not decode: block 7 is damaged");
        assert_string_equal(err_last()->hint, "repair it");
        assert_string_equal(trail.text, err_last()->text);

        /* Without a place for the trail there is at least the class of the error. */
        job.trail = NULL;
        pool_submit(p, &job, POOL_NORMAL);
        assert_int_equal(pool_wait(p, &job), HF_EDAMAGE);
        assert_int_equal(err_last()->code, HF_EDAMAGE);
        assert_string_equal(err_last()->text, err_code_text(HF_EDAMAGE));
        pool_free(p);
    }
}

static void test_pool_helping_does_not_change_the_trail_of_the_waiter(void **state)
{
    struct pool *p = new_pool(0);
    struct err_trail trail;
    struct pool_job failing = { .run = run_failing, .trail = &trail };
    struct noted job;
    atomic_int clock = 0;

    (void)state;
    init_noted(&job, 1, &clock);
    err_raise(HF_EIO, "what went wrong before");
    pool_submit(p, &failing, POOL_NORMAL);
    pool_submit(p, &job.job, POOL_NORMAL);
    assert_int_equal(pool_wait(p, &job.job), 0);
    assert_true(pool_done(&failing));
    assert_string_equal(err_last()->text, "what went wrong before");
    assert_int_equal(pool_wait(p, &failing), HF_EDAMAGE);
    pool_free(p);
}

static int run_at_odds(struct pool_job *job)
{
    (void)job;
    return err_last()->code == 0 ? 0 : HF_EFAIL;
}

static void test_pool_job_begins_with_an_empty_trail(void **state)
{
    struct pool *p = new_pool(0);
    struct pool_job job = { .run = run_at_odds };

    (void)state;
    err_raise(HF_EIO, "of the waiter");
    pool_submit(p, &job, POOL_NORMAL);
    assert_int_equal(pool_wait(p, &job), 0);
    pool_free(p);
}

struct waiting {
    struct pool *pool;
    struct pool_job *job;
};

static void *wait_for(void *argument)
{
    struct waiting *w = argument;

    pool_wait(w->pool, w->job);
    return NULL;
}

static void test_pool_wakes_each_waiter_when_its_own_job_is_done(void **state)
{
    enum { WAITERS = 3 };
    struct pool *p = new_pool(WAITERS);
    struct gate gates[WAITERS];
    struct waiting waiting[WAITERS];
    pthread_t threads[WAITERS];

    (void)state;
    for (size_t i = 0; i < WAITERS; i++) {
        init_gate(&gates[i]);
        pool_submit(p, &gates[i].job, POOL_NORMAL);
        pass(&gates[i].begun);
    }
    for (size_t i = 0; i < WAITERS; i++) {
        waiting[i] = (struct waiting){ p, &gates[i].job };
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for, &waiting[i]), 0);
    }
    clock_sleep(clock_system(), 20000000); /* until they sleep, in whatever order */
    for (size_t i = 0; i < WAITERS; i++) {
        sem_post(&gates[i].open);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        end_gate(&gates[i]);
    }
    pool_free(p);
}

struct masked {
    struct pool_job job;
    sem_t ran;
    sigset_t mask;
};

static int run_masked(struct pool_job *job)
{
    struct masked *m = (struct masked *)job;

    pthread_sigmask(SIG_SETMASK, NULL, &m->mask);
    sem_post(&m->ran);
    return 0;
}

static void test_pool_workers_leave_signals_to_the_program(void **state)
{
    struct masked m = { .job.run = run_masked };
    sigset_t before;
    sigset_t after;

    (void)state;
    assert_int_equal(sem_init(&m.ran, 0, 0), 0);
    sigemptyset(&before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    struct pool *p = new_pool(1);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number < 32; number++) {
        assert_int_equal(sigismember(&before, number), sigismember(&after, number));
    }

    pool_submit(p, &m.job, POOL_NORMAL);
    pass(&m.ran); /* not pool_wait, which might run it here */
    assert_true(sigismember(&m.mask, SIGINT) && sigismember(&m.mask, SIGTERM));
    assert_true(sigismember(&m.mask, SIGHUP) && sigismember(&m.mask, SIGALRM));
    assert_false(sigismember(&m.mask, SIGSEGV) || sigismember(&m.mask, SIGBUS));
    pool_wait(p, &m.job);
    pool_free(p);
    sem_destroy(&m.ran);
}

/* A job that waits for another, which runs elsewhere. */
struct dependent {
    struct pool_job job;
    struct waiting needs;
};

static int run_dependent(struct pool_job *job)
{
    struct dependent *d = (struct dependent *)job;

    return pool_wait(d->needs.pool, d->needs.job);
}

static void test_pool_sleeps_while_there_is_nothing_to_do(void **state)
{
    struct gate gate;
    struct waiting waiting;
    struct dependent dependent;
    pthread_t thread;
    struct timespec before;
    struct timespec after;
    struct pool *p = new_pool(3);

    (void)state;
    init_gate(&gate);
    pool_submit(p, &gate.job, POOL_NORMAL);
    pass(&gate.begun);
    waiting = (struct waiting){ p, &gate.job };
    dependent = (struct dependent){ .job.run = run_dependent, .needs = waiting };
    pool_submit(p, &dependent.job, POOL_NORMAL);
    assert_int_equal(pthread_create(&thread, NULL, wait_for, &waiting), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    clock_sleep(clock_system(), NS_PER_S / 5);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    sem_post(&gate.open);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pool_wait(p, &dependent.job), 0);
    int64_t used = (after.tv_sec - before.tv_sec) * NS_PER_S + after.tv_nsec - before.tv_nsec;
    assert_true(used < NS_PER_S / 20);
    end_gate(&gate);
    pool_free(p);
}

static void test_pool_new_fails_without_memory_or_threads(void **state)
{
    struct pool *p = NULL;
    pthread_attr_t usual;
    pthread_attr_t huge;

    (void)state;
    mem_fail_at(1, 0);
    assert_int_equal(pool_new(2, &p), HF_ENOMEM);
    assert_null(p);
    mem_fail_at(0, 0);

    /* Stacks that no address space has room for. */
    assert_int_equal(pthread_getattr_default_np(&usual), 0);
    assert_int_equal(pthread_attr_init(&huge), 0);
    assert_int_equal(pthread_attr_setstacksize(&huge, (size_t)1 << 48), 0);
    assert_int_equal(pthread_setattr_default_np(&huge), 0);
    int rc = pool_new(2, &p);
    assert_int_equal(pthread_setattr_default_np(&usual), 0);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&usual);
    assert_int_equal(rc, HF_EIO);
    assert_null(p);
    assert_non_null(strstr(err_last()->text, "could not start a thread: "));
    pool_free(NULL);
}

static void test_pool_cores_are_those_this_process_may_use(void **state)
{
    cpu_set_t usual;
    cpu_set_t one;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof usual, &usual), 0);
    assert_int_equal(pool_cores(), CPU_COUNT(&usual));
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &usual)) {
            CPU_SET(i, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    size_t cores = pool_cores();
    assert_int_equal(sched_setaffinity(0, sizeof usual, &usual), 0);
    assert_int_equal(cores, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_without_workers_runs_in_the_order_of_submission),
        cmocka_unit_test(test_pool_runs_urgent_jobs_first),
        cmocka_unit_test(test_pool_job_can_be_submitted_again),
        cmocka_unit_test(test_pool_runs_each_of_many_jobs_once),
        cmocka_unit_test(test_pool_waiter_runs_what_busy_workers_do_not),
        cmocka_unit_test(test_pool_waiter_that_sleeps_is_called_to_help),
        cmocka_unit_test(test_pool_wait_within_a_job_does_not_pile_up_the_queue),
        cmocka_unit_test(test_pool_jobs_that_wait_for_jobs_come_to_an_end),
        cmocka_unit_test(test_pool_serves_several_waiting_threads),
        cmocka_unit_test(test_pool_wakes_each_waiter_when_its_own_job_is_done),
        cmocka_unit_test(test_pool_hands_over_the_error_and_its_trail),
        cmocka_unit_test(test_pool_helping_does_not_change_the_trail_of_the_waiter),
        cmocka_unit_test(test_pool_job_begins_with_an_empty_trail),
        cmocka_unit_test(test_pool_workers_leave_signals_to_the_program),
        cmocka_unit_test(test_pool_sleeps_while_there_is_nothing_to_do),
        cmocka_unit_test(test_pool_new_fails_without_memory_or_threads),
        cmocka_unit_test(test_pool_cores_are_those_this_process_may_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
