/*
 * test_sim_smoke.c - the journal is crashed at every operation by plain `make test`, too.
 *
 * Some scenarios of `make sim` are run with a few of their variants and few states at one moment:
 * what must be kept is asserted, and that it was looked at at all. `make sim` looks at some hundred
 * times as many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "format/nacl.h"
#include "harness/scenarios.h"

#define KILL SIMMODEL_BIT(SIMMODEL_KILL)
#define ALL SIMMODEL_ALL

/* How many variants, in which models, with how many combinations at one moment. */
static const struct sample {
    const char *name;
    unsigned variants;
    unsigned models;
    size_t exhaustive, sampled;
    uint64_t states; /* at least so many different ones */
} samples[] = {
    { "init", 1, ALL, 4, 0, 100 },
    { "commit", 1, KILL, 1, 0, 30 },
    { "race", 2, KILL, 1, 0, 50 },
    { "killed", 3, KILL, 1, 0, 20 },
    { "error-after-success", 1, KILL, 1, 0, 20 },
    { "unsynced-tip", 1, KILL, 1, 0, 20 },
    { "roll-up", 1, ALL, 1, 0, 50 },
};

static const struct sample *sample_of(const char *name)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        if (strcmp(samples[i].name, name) == 0) {
            return &samples[i];
        }
    }
    return NULL;
}

static unsigned variants_of(const struct scenario_entry *e)
{
    return e->variants ? e->variants : 1;
}

/* Looks at one variant; returns how many states it had. */
static uint64_t crash(const struct scenario_entry *e, const struct sample *sample)
{
    struct explore_options o;
    struct explore_report r;
    uint64_t states;

    explore_options_init(&o);
    o.models = sample->models;
    o.depth = 1;
    o.limits.exhaustive = sample->exhaustive;
    o.limits.sampled = sample->sampled;
    o.first_only = true;
    if (explore_crashes(&e->scenario, &o, &r) != 0) {
        explore_print(&r, stderr);
        fail_msg("%s: %s", e->scenario.name, r.text ? "a promise was broken" : err_last()->text);
    }
    assert_int_equal(explore_violations(&r), 0);
    states = r.looked_at;
    explore_report_release(&r);
    return states;
}

static void crash_scenario(const struct scenario_entry *e, const struct sample *sample)
{
    unsigned all = variants_of(e);
    unsigned some = sample->variants < all ? sample->variants : all;
    uint64_t states = 0;

    for (unsigned i = 0; i < some; i++) { /* spread over all there are */
        scenarios_set_variant(i * all / some);
        states += crash(e, sample);
    }
    print_message("%s: %d states\n", e->scenario.name, (int)states);
    assert_true(states >= sample->states);
}

static void test_sim_scenarios_keep_every_promise(void **state)
{
    (void)state;
    for (size_t i = 0; i < scenario_count; i++) {
        const struct sample *sample = sample_of(scenarios[i].scenario.name);

        if (sample) {
            crash_scenario(&scenarios[i], sample);
        }
    }
}

/* A sync that is left out is missed: what is looked at can see what it is looked at for. */
static void test_sim_sees_a_sync_that_is_left_out(void **state)
{
    static const char *const sites[] = { "segment.data", "segment.names", "journal.entry",
                                         "journal.publish" };

    (void)state;
    for (size_t i = 0; i < scenario_count; i++) {
        for (size_t s = 0; s < sizeof sites / sizeof *sites; s++) {
            struct explore_options o;
            struct explore_report r;

            if (strcmp(scenarios[i].scenario.name, "commit") != 0) {
                continue;
            }
            scenarios_set_variant(0);
            explore_options_init(&o);
            o.models = SIMMODEL_BIT(SIMMODEL_POSIX);
            o.limits.exhaustive = 4;
            o.limits.sampled = 0;
            o.first_only = true;
            o.skip_site = sites[s];
            if (explore_crashes(&scenarios[i].scenario, &o, &r) == 0) {
                fail_msg("nobody misses the sync %s", sites[s]);
            }
            explore_report_release(&r);
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    return nacl_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_scenarios_keep_every_promise),
        cmocka_unit_test(test_sim_sees_a_sync_that_is_left_out),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
