/*
 * snapshots_axis.h - where an axis of time has its ticks: at whole minutes, hours, days, months or
 * years of local clocks, as many as have room for their labels.
 */
#ifndef HF_APP_SNAPSHOTS_AXIS_H
#define HF_APP_SNAPSHOTS_AXIS_H

#include <stddef.h>
#include <stdint.h>

#define SNAPSHOTS_AXIS_LABEL 16
#define SNAPSHOTS_AXIS_TICK_COLUMNS 10 /* from one tick to the next, at least on average */

struct snapshots_axis_tick {
    int64_t at_ns;
    char label[SNAPSHOTS_AXIS_LABEL];
};

/* Fills in at most `max` ticks from begin to end, for an axis of so many columns; their number. */
size_t snapshots_axis_ticks(int64_t begin_ns, int64_t end_ns, size_t columns,
                            struct snapshots_axis_tick *out, size_t max);

#endif
