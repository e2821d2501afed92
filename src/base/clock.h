/*
 * clock.h - what time it is, from a source that tests replace.
 *
 * A struct clock is passed to whoever needs the time; nothing else in the project asks the system.
 */
#ifndef HF_BASE_CLOCK_H
#define HF_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_S 1000000000LL

struct clock {
    int64_t (*wall_ns)(const struct clock *c); /* since 1970, UTC */
    int64_t (*monotonic_ns)(const struct clock *c);
    void (*sleep_ns)(const struct clock *c, int64_t ns);
    void *context;
};

const struct clock *clock_system(void);
int64_t clock_wall(const struct clock *c);
int64_t clock_monotonic(const struct clock *c);
void clock_sleep(const struct clock *c, int64_t ns); /* all of it, whatever signals come */

#endif
