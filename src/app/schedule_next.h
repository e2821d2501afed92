/*
 * schedule_next.h - when a calendar expression of systemd.time(7) comes next.
 *
 * What cron could express as well is worked out here; of anything else systemd-analyze is asked,
 * where there is one. The delay that a timer adds is not in it.
 */
#ifndef HF_APP_SCHEDULE_NEXT_H
#define HF_APP_SCHEDULE_NEXT_H

#include <stdint.h>

/* The first such time after that one, by local clocks. HF_EUNSUPPORTED: it can't be told, why. */
int schedule_next(const char *calendar, int64_t after_ns, int64_t *out_ns);

/*
 * How old the last point may be, for who was not told: until the time after it, and a tenth of what
 * is between it and the one that follows, but at least 15 minutes and at most 12 hours, as a run
 * takes time.
 */
int schedule_next_due(const char *calendar, int64_t point_ns, int64_t *out_ns);

#endif
