/*
 * scenarios.h - the stories in which holdfast's journal is crashed at every operation.
 *
 * The table is the list: a new scenario is a function or two and a line in scenarios.c. main_sim.c
 * runs them, `make sim-mutants` runs them with one sync left out at a time.
 */
#ifndef HF_HARNESS_SCENARIOS_H
#define HF_HARNESS_SCENARIOS_H

#include "harness/explore.h"

struct scenario_entry {
    struct scenario scenario;
    const char *about; /* what happens, in a line */
    unsigned depth;    /* of crashes within what follows a crash */
    size_t deeper_every;
    size_t exhaustive, sampled; /* limits at one cut; 0: the defaults */
    size_t cuts;                /* as in struct explore_options */
    unsigned variants;          /* run once for each value of scenarios_variant; 0 is 1 */
};

extern const struct scenario_entry scenarios[];
extern const size_t scenario_count;

/* Which of its variants a scenario tells: at which operation somebody is killed, for instance. */
void scenarios_set_variant(unsigned variant);

#endif
