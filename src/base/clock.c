/*
 * clock.c - the system's clocks.
 */
#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    int rc = clock_gettime(id, &t);

    assert(rc == 0); /* fails for an id that the kernel does not know, and these two it does */
    (void)rc;
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t system_wall(const struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_monotonic(const struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_MONOTONIC);
}

static void system_sleep(const struct clock *c, int64_t ns)
{
    (void)c;
    if (ns <= 0) {
        return;
    }
    struct timespec left = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
        continue;
    }
}

const struct clock *clock_system(void)
{
    static const struct clock system_clock = {
        .wall_ns = system_wall,
        .monotonic_ns = system_monotonic,
        .sleep_ns = system_sleep,
    };

    return &system_clock;
}

int64_t clock_wall(const struct clock *c)
{
    return c->wall_ns(c);
}

int64_t clock_monotonic(const struct clock *c)
{
    return c->monotonic_ns(c);
}

void clock_sleep(const struct clock *c, int64_t ns)
{
    c->sleep_ns(c, ns);
}
