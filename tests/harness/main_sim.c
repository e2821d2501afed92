/*
 * main_sim.c - the program behind `make sim`: crashes every scenario everywhere and counts.
 *
 *     holdfast-sim [--scenario NAME] [--variant N] [--seed N] [--states N] [--share K/N]
 *                  [--mutants [SITE]] [--trace] [--list]
 *
 * Prints for each scenario how many distinct crash states were examined in each model, and how many
 * broke a promise; exits with 1 if any did, with the story of the first. --states N goes on with
 * new seeds until so many states have been looked at. --variant N tells a scenario that has several
 * variants in that one alone. --mutants leaves out one sync or rule at a time and prints which
 * scenario catches it. --trace prints the operations of one run. --share K/N does every N-th part
 * of the work: N processes with K from 1 to N do all of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "harness/scenarios.h"

#define MAX_SITES 64
#define SOME 24 /* variants that tell which syncs and rules a scenario has */

struct sim {
    const char *only; /* a scenario's name, or NULL */
    const char *site; /* of mutants: this one alone, or NULL */
    bool one_variant;
    unsigned variant; /* then this one */
    uint64_t seed;
    unsigned share, shares; /* the part of the work that is ours, from 0, and how many there are */
    unsigned part;          /* of the work, counted so far */
    uint64_t states;        /* at least so many */
    uint64_t looked_at;
    uint64_t violations;
    uint64_t by_model[SIMMODELS];
};

static void options_for(const struct scenario_entry *e, uint64_t seed, struct explore_options *o)
{
    explore_options_init(o);
    o->seed = seed;
    o->limits.seed = seed;
    if (e->exhaustive) {
        o->limits.exhaustive = e->exhaustive;
    }
    if (e->sampled) {
        o->limits.sampled = e->sampled;
    }
    o->cuts = e->cuts;
    o->depth = e->depth;
    o->deeper_every = e->deeper_every;
}

static bool wanted(const struct sim *sim, const struct scenario_entry *e)
{
    return !sim->only || strcmp(sim->only, e->scenario.name) == 0;
}

static unsigned variants(const struct scenario_entry *e)
{
    return e->variants ? e->variants : 1;
}

/* Whether the next part of the work is ours. */
static bool ours(struct sim *sim)
{
    return sim->part++ % sim->shares == sim->share;
}

static void print_line(const struct scenario_entry *e, const struct explore_report *sum,
                       uint64_t violations)
{
    printf("%-20s %5" PRIu64 " runs  P %6" PRIu64 "  J %6" PRIu64 "  J' %6" PRIu64 "  A %7" PRIu64
           "  looked at %7" PRIu64 "  violations %" PRIu64 "  %.1f s\n",
           e->scenario.name, sum->runs, sum->states[SIMMODEL_KILL], sum->states[SIMMODEL_JOURNAL],
           sum->states[SIMMODEL_LAZY], sum->states[SIMMODEL_POSIX], sum->looked_at, violations,
           sum->seconds);
    fflush(stdout);
}

/* All variants of one scenario with one seed. */
static void run_scenario(struct sim *sim, const struct scenario_entry *e, uint64_t seed)
{
    struct explore_options o;
    struct explore_report sum = { 0 };
    uint64_t violations = 0;

    options_for(e, seed, &o);
    for (unsigned v = 0; v < variants(e); v++) {
        struct explore_report r;
        int rc;

        if ((sim->one_variant && v != sim->variant) || !ours(sim)) {
            continue;
        }
        scenarios_set_variant(v);
        rc = explore_crashes(&e->scenario, &o, &r);
        if (rc < 0 && violations == 0) {
            printf("scenario %s, variant %u, seed %" PRIu64 ":\n%s\n", e->scenario.name, v, seed,
                   r.text ? r.text : err_last()->text);
        }
        violations += explore_violations(&r) + (rc < 0 && explore_violations(&r) == 0);
        for (unsigned m = 0; m < SIMMODELS; m++) {
            sum.states[m] += r.states[m];
            sim->by_model[m] += r.states[m];
        }
        sum.runs++;
        sum.looked_at += r.looked_at;
        sum.seconds += r.seconds;
        explore_report_release(&r);
    }
    sim->looked_at += sum.looked_at;
    sim->violations += violations;
    if (sum.runs > 0) {
        print_line(e, &sum, violations);
    }
}

static int run_all(struct sim *sim)
{
    uint64_t seed = sim->seed;
    bool any = false;

    do {
        printf("seed %" PRIu64 "\n", seed);
        for (size_t i = 0; i < scenario_count; i++) {
            if (wanted(sim, &scenarios[i])) {
                run_scenario(sim, &scenarios[i], seed);
                any = true;
            }
        }
        seed++;
    } while (any && sim->violations == 0 && sim->looked_at < sim->states);
    if (!any) {
        fprintf(stderr, "there is no scenario '%s'; --list shows all\n", sim->only);
        return 2;
    }
    printf("%" PRIu64 " distinct crash states looked at (P %" PRIu64 ", J %" PRIu64 ", J' %" PRIu64
           ", A %" PRIu64 "), %" PRIu64 " violations\n",
           sim->looked_at, sim->by_model[SIMMODEL_KILL], sim->by_model[SIMMODEL_JOURNAL],
           sim->by_model[SIMMODEL_LAZY], sim->by_model[SIMMODEL_POSIX], sim->violations);
    return sim->violations == 0 ? 0 : 1;
}

/* Mutants: one sync or rule left out at a time */

struct caught {
    const char *site;
    uint32_t seen_in;     /* scenarios that ask for it: a bit each */
    const char *scenario; /* the first that caught it, or NULL */
    unsigned models;
    char promise[160];
};

static void note_site(struct caught *table, size_t *count, const char *site, size_t scenario)
{
    size_t i = 0;

    while (i < *count && strcmp(table[i].site, site) != 0) {
        i++;
    }
    if (i == MAX_SITES) {
        return;
    }
    *count += i == *count;
    table[i].site = site;
    table[i].seen_in |= 1u << scenario;
}

/* What the story's first line says was broken. */
static void remember_promise(struct caught *c, const char *text)
{
    const char *end = strchr(text, '\n');

    snprintf(c->promise, sizeof c->promise, "%.*s", end ? (int)(end - text) : (int)strlen(text),
             text);
}

static void try_mutant(const struct scenario_entry *e, uint64_t seed, struct caught *c)
{
    struct explore_options o;

    options_for(e, seed, &o);
    o.skip_site = c->site;
    o.first_only = true;
    for (unsigned m = 0; m < SIMMODELS; m++) {
        struct explore_report r;

        o.models = SIMMODEL_BIT(m);
        if (explore_crashes(&e->scenario, &o, &r) < 0) {
            c->models |= SIMMODEL_BIT(m);
            c->scenario = e->scenario.name;
            if (r.text && !c->promise[0]) {
                remember_promise(c, r.text);
            }
        }
        explore_report_release(&r);
    }
}

/* The syncs, and the rules of validation, that one telling of a scenario asks for. */
static void sites_of(size_t scenario, uint64_t seed, struct caught *table, size_t *count)
{
    const struct scenario_entry *e = &scenarios[scenario];
    struct simdisk *d = simdisk_new(seed);
    const char *sites[MAX_SITES];
    size_t n;

    if (e->scenario.prepare(d, e->scenario.context) == 0) {
        simdisk_settle(d); /* what only the preparation asks for is somebody else's */
        (void)e->scenario.run(d, e->scenario.context);
    }
    n = simtrace_sites(simdisk_trace(d), sites, MAX_SITES);
    for (size_t i = 0; i < n; i++) {
        note_site(table, count, sites[i], scenario);
    }
    n = simdisk_rules(d, sites, MAX_SITES);
    for (size_t i = 0; i < n; i++) {
        note_site(table, count, sites[i], scenario);
    }
    simdisk_free(d);
}

/* The quick ones first: most syncs are missed in the simplest story. */
static uint64_t effort(const struct scenario_entry *e)
{
    uint64_t once = e->cuts ? e->cuts / 50 : e->exhaustive ? e->exhaustive : 20000;

    return (uint64_t)variants(e) * (once + 1);
}

static const struct scenario_entry *next_by_effort(const struct caught *c, const struct sim *sim,
                                                   uint32_t tried, size_t *out_index)
{
    const struct scenario_entry *best = NULL;

    for (size_t i = 0; i < scenario_count; i++) {
        const struct scenario_entry *e = &scenarios[i];
        uint32_t bit = 1u << i;

        if ((c->seen_in & bit) && !(tried & bit) && wanted(sim, e) &&
            (!best || effort(e) < effort(best))) {
            best = e;
            *out_index = i;
        }
    }
    return best;
}

static void hunt(struct caught *c, const struct sim *sim)
{
    const struct scenario_entry *e;
    uint32_t tried = 0;
    size_t index = 0;

    while (!c->scenario && (e = next_by_effort(c, sim, tried, &index)) != NULL) {
        tried |= 1u << index;
        for (unsigned v = 0; v < variants(e) && !c->scenario; v++) {
            scenarios_set_variant(v);
            try_mutant(e, sim->seed, c);
        }
    }
    printf("%-18s %-20s %s%s%s%s %s\n", c->site, c->scenario ? c->scenario : "NOT CAUGHT",
           c->models & SIMMODEL_BIT(SIMMODEL_KILL) ? "P " : "",
           c->models & SIMMODEL_BIT(SIMMODEL_JOURNAL) ? "J " : "",
           c->models & SIMMODEL_BIT(SIMMODEL_LAZY) ? "J' " : "",
           c->models & SIMMODEL_BIT(SIMMODEL_POSIX) ? "A " : "", c->promise);
    fflush(stdout);
}

static int run_mutants(struct sim *sim)
{
    static struct caught table[MAX_SITES];
    size_t count = 0;
    size_t tried = 0;
    int missed = 0;

    for (size_t i = 0; i < scenario_count; i++) {
        unsigned some = variants(&scenarios[i]) < SOME ? variants(&scenarios[i]) : SOME;

        for (unsigned v = 0; wanted(sim, &scenarios[i]) && v < some; v++) {
            scenarios_set_variant(v);
            sites_of(i, sim->seed, table, &count);
        }
    }
    printf("%-18s %-20s %-8s %s\n", "left out", "caught by", "models", "what broke");
    for (size_t s = 0; s < count; s++) {
        if ((sim->site && strcmp(sim->site, table[s].site) != 0) || !ours(sim)) {
            continue;
        }
        hunt(&table[s], sim);
        missed += table[s].scenario == NULL;
        tried++;
    }
    printf("%zu syncs and rules, %d not caught\n", tried, missed);
    return missed == 0 ? 0 : 1;
}

/* What a scenario does, operation by operation, if nothing crashes. */
static int print_trace(const struct sim *sim)
{
    for (size_t i = 0; i < scenario_count; i++) {
        const struct scenario *s = &scenarios[i].scenario;
        struct simdisk *d;
        struct buf out;
        int rc;

        if (!sim->only || !wanted(sim, &scenarios[i])) {
            continue;
        }
        d = simdisk_new(sim->seed);
        scenarios_set_variant(sim->variant);
        rc = s->prepare(d, s->context);
        simdisk_settle(d);
        simdisk_skip_site(d, sim->site);
        rc = rc == 0 ? s->run(d, s->context) : rc;
        buf_init(&out);
        simtrace_print(simdisk_trace(d), 0, SIZE_MAX, &out);
        fwrite(out.data, 1, out.len, stdout);
        printf("%s\n", rc == 0 ? "ok" : err_last()->text);
        buf_release(&out);
        simdisk_free(d);
        return rc == 0 ? 0 : 1;
    }
    fprintf(stderr, "--trace needs the name of a scenario; --list shows all\n");
    return 2;
}

static void list(void)
{
    for (size_t i = 0; i < scenario_count; i++) {
        printf("%-20s %s\n", scenarios[i].scenario.name, scenarios[i].about);
    }
}

/* "K/N" */
static void parse_share(struct sim *sim, const char *text)
{
    if (sscanf(text, "%u/%u", &sim->share, &sim->shares) != 2 || sim->share == 0 ||
        sim->share > sim->shares) {
        fprintf(stderr, "--share: \"%s\" is not K/N\n", text);
        exit(2);
    }
    sim->share--;
}

static const char *value(int argc, char **argv, int *i)
{
    if (*i + 1 >= argc) {
        fprintf(stderr, "%s needs a value\n", argv[*i]);
        exit(2);
    }
    return argv[++*i];
}

int main(int argc, char **argv)
{
    struct sim sim = { .seed = 1, .shares = 1 };
    bool mutants = false;
    bool trace = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--scenario") == 0) {
            sim.only = value(argc, argv, &i);
        } else if (strcmp(argv[i], "--seed") == 0) {
            sim.seed = strtoull(value(argc, argv, &i), NULL, 10);
        } else if (strcmp(argv[i], "--variant") == 0) {
            sim.one_variant = true;
            sim.variant = (unsigned)strtoul(value(argc, argv, &i), NULL, 10);
        } else if (strcmp(argv[i], "--states") == 0) {
            sim.states = strtoull(value(argc, argv, &i), NULL, 10);
        } else if (strcmp(argv[i], "--mutants") == 0) {
            mutants = true;
            if (i + 1 < argc && argv[i + 1][0] != '-') {
                sim.site = argv[++i];
            }
        } else if (strcmp(argv[i], "--share") == 0) {
            parse_share(&sim, value(argc, argv, &i));
        } else if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            list();
            return 0;
        } else {
            fprintf(stderr, "holdfast-sim [--scenario NAME] [--variant N] [--seed N] [--states N] "
                            "[--share K/N] [--mutants [SITE]] [--trace] [--list]\n");
            return 2;
        }
    }
    if (trace) {
        return print_trace(&sim);
    }
    return mutants ? run_mutants(&sim) : run_all(&sim);
}
