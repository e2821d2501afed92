/*
 * test_log.c - events reach the sink that wants them, whole and one at a time, and disturb nobody.
 */
/* tsan */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/pool.h"

/* What the sink was given. */
struct heard {
    int count;
    enum log_level level;
    char message[8192];
};

static void hear(void *context, enum log_level level, const char *message)
{
    struct heard *h = context;

    h->count++;
    h->level = level;
    snprintf(h->message, sizeof h->message, "%s", message);
}

static int tear_down(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL, LOG_LEVEL_ERROR);
    return 0;
}

static void test_log_without_a_sink_is_silent(void **state)
{
    struct heard h = { 0 };

    (void)state;
    log_write(LOG_LEVEL_ERROR, "nobody hears");
    log_set_sink(hear, &h, LOG_LEVEL_DEBUG);
    log_set_sink(NULL, NULL, LOG_LEVEL_DEBUG);
    log_write(LOG_LEVEL_ERROR, "nobody hears");
    assert_int_equal(h.count, 0);
}

static void test_log_hands_over_the_level_and_the_message(void **state)
{
    struct heard h = { 0 };

    (void)state;
    log_set_sink(hear, &h, LOG_LEVEL_DEBUG);
    log_write(LOG_LEVEL_WARN, "%s took %d s", "backup", 7);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.level, LOG_LEVEL_WARN);
    assert_string_equal(h.message, "backup took 7 s");
}

static void test_log_leaves_out_what_is_below_the_level(void **state)
{
    (void)state;
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        struct heard h = { 0 };
        log_set_sink(hear, &h, (enum log_level)level);
        for (int event = LOG_LEVEL_ERROR; event <= LOG_LEVEL_DEBUG; event++) {
            log_write((enum log_level)event, "x");
        }
        assert_int_equal(h.count, level + 1);
        assert_int_equal(h.level, level);
    }
}

static void test_log_marks_a_message_that_is_too_long(void **state)
{
    struct heard h = { 0 };
    char name[6000];

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    log_set_sink(hear, &h, LOG_LEVEL_INFO);
    log_write(LOG_LEVEL_INFO, "%s", name);
    size_t len = strlen(h.message);
    assert_in_range(len, 1000, sizeof name - 2);
    assert_string_equal(h.message + len - 4, "n...");
}

static void fail_to_write(void *context, enum log_level level, const char *message)
{
    (void)context;
    (void)level;
    (void)message;
    errno = EPIPE;
    err_os(errno, "could not write the log");
}

static void test_log_leaves_the_failure_being_reported_alone(void **state)
{
    (void)state;
    log_set_sink(fail_to_write, NULL, LOG_LEVEL_ERROR);
    err_raise(HF_EDAMAGE, "a page is damaged");
    err_hint("repair it");
    errno = ENOENT;
    log_write(LOG_LEVEL_ERROR, "%s", err_last()->text);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(err_last()->code, HF_EDAMAGE);
    assert_string_equal(err_last()->text, "a page is damaged");
    assert_string_equal(err_last()->hint, "repair it");
}

static void hear_and_log(void *context, enum log_level level, const char *message)
{
    hear(context, level, message);
    log_write(LOG_LEVEL_ERROR, "from within");
}

static void test_log_from_within_the_sink_is_left_out(void **state)
{
    struct heard h = { 0 };

    (void)state;
    log_set_sink(hear_and_log, &h, LOG_LEVEL_ERROR);
    log_write(LOG_LEVEL_ERROR, "one");
    log_write(LOG_LEVEL_ERROR, "two");
    assert_int_equal(h.count, 2);
    assert_string_equal(h.message, "two");
}

static void *log_much(void *text)
{
    for (int i = 0; i < 500; i++) {
        log_write(LOG_LEVEL_INFO, "%s", (const char *)text);
    }
    return NULL;
}

static void test_log_takes_messages_from_many_threads_one_at_a_time(void **state)
{
    static char texts[3][4] = { "aaa", "bbb", "ccc" };
    struct heard h = { 0 };
    pthread_t threads[3];

    (void)state;
    log_set_sink(hear, &h, LOG_LEVEL_INFO);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_much, texts[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(h.count, 1500); /* counted without a lock of its own */
    assert_int_equal(strlen(h.message), 3);
}

static void test_log_of_a_thread_with_a_sink_of_its_own_goes_there_alone(void **state)
{
    struct heard program = { 0 }, mine = { 0 };
    const struct log_own own = { hear, &mine, LOG_LEVEL_WARN };

    (void)state;
    log_set_sink(hear, &program, LOG_LEVEL_DEBUG);
    log_set_own(&own);
    log_write(LOG_LEVEL_WARN, "wanted");
    log_write(LOG_LEVEL_INFO, "below its level");
    assert_int_equal(mine.count, 1);
    assert_int_equal(program.count, 0);
    log_set_own(NULL);
    log_write(LOG_LEVEL_INFO, "the program's again");
    assert_int_equal(mine.count, 1);
    assert_int_equal(program.count, 1);
}

static void test_log_of_a_thread_whose_own_sink_is_none_goes_nowhere(void **state)
{
    const struct log_own own = { .sink = NULL };
    struct heard program = { 0 };

    (void)state;
    log_set_sink(hear, &program, LOG_LEVEL_DEBUG);
    log_set_own(&own);
    log_write(LOG_LEVEL_ERROR, "nobody hears");
    log_set_own(NULL);
    assert_int_equal(program.count, 0);
}

static int log_in_a_job(struct pool_job *job)
{
    (void)job;
    log_write(LOG_LEVEL_INFO, "from a worker");
    return 0;
}

static void test_log_of_a_pool_is_that_of_who_made_it(void **state)
{
    struct heard program = { 0 }, mine = { 0 };
    const struct log_own own = { hear, &mine, LOG_LEVEL_INFO };
    struct pool_job job = { .run = log_in_a_job };
    struct pool *pool;

    (void)state;
    log_set_sink(hear, &program, LOG_LEVEL_DEBUG);
    log_set_own(&own);
    assert_int_equal(pool_new(1, &pool), 0);
    log_set_own(NULL);
    pool_submit(pool, &job, POOL_NORMAL);
    while (!pool_done(&job)) { /* not by waiting, which helps */
        sched_yield();
    }
    pool_free(pool);
    assert_int_equal(mine.count, 1);
    assert_int_equal(program.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_log_without_a_sink_is_silent, tear_down),
        cmocka_unit_test_teardown(test_log_hands_over_the_level_and_the_message, tear_down),
        cmocka_unit_test_teardown(test_log_leaves_out_what_is_below_the_level, tear_down),
        cmocka_unit_test_teardown(test_log_marks_a_message_that_is_too_long, tear_down),
        cmocka_unit_test_teardown(test_log_leaves_the_failure_being_reported_alone, tear_down),
        cmocka_unit_test_teardown(test_log_from_within_the_sink_is_left_out, tear_down),
        cmocka_unit_test_teardown(test_log_takes_messages_from_many_threads_one_at_a_time,
                                  tear_down),
        cmocka_unit_test_teardown(test_log_of_a_thread_with_a_sink_of_its_own_goes_there_alone,
                                  tear_down),
        cmocka_unit_test_teardown(test_log_of_a_thread_whose_own_sink_is_none_goes_nowhere,
                                  tear_down),
        cmocka_unit_test_teardown(test_log_of_a_pool_is_that_of_who_made_it, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
