/*
 * test_clock.c - the system's clocks, and that anything else can stand in for them.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_clock_wall_is_the_time_of_day(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL);
    int64_t now = clock_wall(clock_system());
    int64_t after = (int64_t)time(NULL);
    /* time(2) may lag behind by a tick. */
    assert_true(now >= before * NS_PER_S);
    assert_true(now <= (after + 2) * NS_PER_S);
}

static void test_clock_sleep_takes_as_long_as_told(void **state)
{
    const struct clock *c = clock_system();

    (void)state;
    int64_t start = clock_monotonic(c);
    clock_sleep(c, 20000000);
    int64_t slept = clock_monotonic(c) - start;
    assert_true(slept >= 20000000);
    clock_sleep(c, 0);
    clock_sleep(c, -NS_PER_S);
    assert_true(clock_monotonic(c) - start < 10 * NS_PER_S);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
    (void)number;
    alarms = alarms + 1;
}

static void test_clock_sleep_goes_on_after_a_signal(void **state)
{
    const struct clock *c = clock_system();
    const struct sigaction counting = { .sa_handler = count_alarm };
    const struct itimerval soon = { .it_value = { .tv_usec = 5000 } };
    struct sigaction before;

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &counting, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    int64_t start = clock_monotonic(c);
    clock_sleep(c, 40000000);
    assert_true(clock_monotonic(c) - start >= 40000000);
    assert_int_equal(alarms, 1);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

/* A clock that stands still until somebody sleeps. */
static int64_t read_fake(const struct clock *c)
{
    return *(const int64_t *)c->context;
}

static void sleep_fake(const struct clock *c, int64_t ns)
{
    *(int64_t *)c->context += ns;
}

static void test_clock_can_be_replaced(void **state)
{
    int64_t now = 5;
    const struct clock fake = { read_fake, read_fake, sleep_fake, &now };

    (void)state;
    clock_sleep(&fake, 100 * NS_PER_S);
    assert_true(clock_wall(&fake) == 100 * NS_PER_S + 5);
    assert_true(clock_monotonic(&fake) == 100 * NS_PER_S + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_wall_is_the_time_of_day),
        cmocka_unit_test(test_clock_sleep_takes_as_long_as_told),
        cmocka_unit_test(test_clock_sleep_goes_on_after_a_signal),
        cmocka_unit_test(test_clock_can_be_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
