/*
 * explore.c - runs scenarios, crashes them everywhere, and keeps count.
 */
#include "harness/explore.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "harness/simmem.h"

#define DEEPEST 4u

/* What is known of a state, by its hash and that of what had been noted. */
struct verdict {
    uint8_t models; /* that can leave it, as far as known */
    uint8_t depth;  /* crashes explored below it, and itself; 0: not looked at */
    uint8_t bad;
};

struct explorer {
    const struct scenario *scenario;
    const struct explore_options *options;
    struct explore_report *report;
    struct map *verdicts;
    const struct simcrash_state *path[DEEPEST]; /* the crashes that led to where we are */
    unsigned level;                             /* how many */
};

void explore_options_init(struct explore_options *o)
{
    *o = (struct explore_options){ .models = SIMMODEL_ALL,
                                   .depth = 1,
                                   .seed = 1,
                                   .limits = { .exhaustive = 20000, .sampled = 200 } };
    const char *seed = getenv("HOLDFAST_SIM_SEED");
    const char *states = getenv("HOLDFAST_SIM_STATES");
    if (seed != NULL) {
        o->seed = strtoull(seed, NULL, 10);
    }
    if (states != NULL) {
        o->limits.sampled = strtoull(states, NULL, 10);
    }
    o->limits.seed = o->seed;
}

/* --- the story of a violation ----------------------------------------------------------------- */

static int print_file(void *context, const char *path, const struct simnode *node)
{
    struct buf *out = context;
    buf_printf(out, "    ");
    simtrace_print_path(path, out);
    if (node->is_dir) {
        buf_printf(out, "/\n");
    } else {
        buf_printf(out, "  %zu bytes\n", simbytes_len(node->content));
    }
    return 0;
}

static void print_crash(const struct simcrash_state *state, unsigned number, struct buf *out)
{
    const struct simtrace *t = simdisk_trace(state->disk);
    buf_printf(out, "crash %u, after operation %zu of %zu, model %s. Until then:\n", number,
               state->cut, t->count, simmodel_name(state->model));
    simtrace_print(t, 0, state->cut, out);
    buf_printf(out, "what became of it:\n");
    simcrash_print(state, out);
    buf_printf(out, "what was left:\n");
    simtree_each(state->tree, print_file, out);
}

/* d is the disk on which it went wrong, or NULL if nothing ran after the crash. */
static char *tell_story(const struct explorer *e, const struct simdisk *d)
{
    struct buf out;
    buf_init(&out);
    buf_printf(&out, "scenario %s, seed %" PRIu64 ": %s\n", e->scenario->name, e->options->seed,
               err_last()->text);
    for (unsigned i = 0; i < e->level; i++) {
        print_crash(e->path[i], i + 1, &out);
    }
    if (d != NULL) {
        buf_printf(&out, "then:\n");
        simtrace_print(simdisk_trace(d), 0, SIZE_MAX, &out);
    }
    char *text = simmem_strdup(buf_text(&out));
    buf_release(&out);
    return text;
}

static void note_violation(struct explorer *e, const struct simdisk *d)
{
    if (e->report->text == NULL) {
        e->report->text = tell_story(e, d);
    }
}

/* --- what happens after a crash --------------------------------------------------------------- */

static uint64_t seen_hash(const struct simdisk *d)
{
    return simtree_hash(simdisk_tree(d));
}

static int call(const struct explorer *e, scenario_fn fn, struct simdisk *d, const char *what)
{
    if (fn == NULL) {
        return 0;
    }
    err_clear();
    int rc = fn(d, e->scenario->context);
    return rc == 0 ? 0 : err_add(HF_EFAIL, "%s failed", what);
}

static int verify(const struct explorer *e, struct simdisk *d, const char *what)
{
    uint64_t before = seen_hash(d);
    int rc = call(e, e->scenario->verify, d, what);
    if (rc == 0 && seen_hash(d) != before) {
        rc = err_raise(HF_EFAIL, "%s wrote to the disk", what);
    }
    return rc;
}

static int recover_again(const struct explorer *e, struct simdisk *d)
{
    uint64_t before = seen_hash(d);
    int rc = call(e, e->scenario->recover, d, "recovering a second time");
    if (rc == 0 && seen_hash(d) != before) {
        rc = err_raise(HF_EFAIL, "recovering a second time changed the disk");
    }
    return rc;
}

static int after_crash(const struct explorer *e, struct simdisk *d)
{
    int rc = call(e, e->scenario->recover, d, "recovery");
    if (rc == 0) {
        rc = verify(e, d, "verification after the crash");
    }
    if (rc == 0) {
        rc = recover_again(e, d);
    }
    if (rc == 0) {
        rc = call(e, e->scenario->proceed, d, "going on after the crash");
    }
    if (rc == 0 && e->scenario->proceed != NULL) {
        rc = verify(e, d, "verification after going on");
    }
    return rc;
}

/* --- exploring -------------------------------------------------------------------------------- */

static struct verdict *verdict_of(struct explorer *e, const struct simcrash_state *state)
{
    uint64_t notes = simdisk_notes_hash(state->disk, state->cut);
    uint64_t key = simmem_mix(state->hash, notes);
    void *value;
    bool added;
    if (map_put(e->verdicts, &key, &value, &added) != 0) {
        simmem_die("out of memory");
    }
    if (added) {
        *(struct verdict *)value = (struct verdict){ 0 };
    }
    return value;
}

static int explore_state(void *context, const struct simcrash_state *state);

static bool goes_deeper(const struct explorer *e, unsigned depth_left)
{
    size_t every = e->options->deeper_every;
    return depth_left > 1 && (every < 2 || e->report->looked_at % every == 0);
}

/* Runs what runs after this crash, and crashes that as well. */
static int look_at(struct explorer *e, const struct simcrash_state *state, unsigned depth_left,
                   bool *out_bad)
{
    struct simdisk *d = simcrash_disk(state);
    simdisk_skip_site(d, e->options->skip_site);
    e->path[e->level++] = state;
    e->report->looked_at++;
    int rc = 0;
    *out_bad = after_crash(e, d) != 0;
    if (*out_bad) {
        note_violation(e, d);
    } else if (goes_deeper(e, depth_left)) {
        rc = simcrash_each(d, state->model, &e->options->limits, 1, SIZE_MAX, explore_state, e);
    }
    e->level--;
    simdisk_free(d);
    return rc;
}

/* The verdict is looked up anew after looking: deeper crashes have moved it. */
static int explore_state(void *context, const struct simcrash_state *state)
{
    struct explorer *e = context;
    struct explore_report *r = e->report;
    unsigned depth = e->options->depth == 0 ? 1 : e->options->depth;
    unsigned left = depth > e->level ? depth - e->level : 0;
    uint8_t bit = (uint8_t)SIMMODEL_BIT(state->model);
    struct verdict *v = verdict_of(e, state);
    bool first_for_model = (v->models & bit) == 0;
    v->models |= bit;
    r->states[state->model] += first_for_model;
    r->deeper += first_for_model && e->level > 0;
    int rc = 0;
    if (v->bad == 0 && v->depth < left) {
        bool bad;
        v->depth = (uint8_t)left;
        rc = look_at(e, state, left, &bad);
        v = verdict_of(e, state);
        v->bad = bad;
    }
    r->violations[state->model] += v->bad != 0 && first_for_model;
    return rc == 0 && v->bad != 0 && e->options->first_only ? HF_EFAIL : rc;
}

static void explorer_init(struct explorer *e, const struct scenario *s,
                          const struct explore_options *o, struct explore_report *r)
{
    if (o->depth > DEEPEST) {
        simmem_die("depth %u is too deep", o->depth);
    }
    *e = (struct explorer){ .scenario = s, .options = o, .report = r };
    if (map_new(sizeof(uint64_t), sizeof(struct verdict), 0, &e->verdicts) != 0) {
        simmem_die("out of memory");
    }
    *r = (struct explore_report){ .scenario = s->name, .seed = o->seed };
}

/* The disk on which the scenario may begin, or NULL if preparing failed. */
static struct simdisk *prepare(struct explorer *e)
{
    struct simdisk *d = simdisk_new(e->options->seed);
    if (call(e, e->scenario->prepare, d, "preparing") != 0) {
        note_violation(e, d);
        simdisk_free(d);
        return NULL;
    }
    simdisk_settle(d);
    simdisk_skip_site(d, e->options->skip_site);
    return d;
}

static void crash_at(struct explorer *e, const struct simdisk *d, size_t first, size_t last)
{
    unsigned models = e->options->models == 0 ? SIMMODEL_ALL : e->options->models;
    int rc = 0;
    for (unsigned m = 0; rc == 0 && m < SIMMODELS; m++) {
        if ((models & SIMMODEL_BIT(m)) != 0) {
            rc = simcrash_each(d, (enum simmodel)m, &e->options->limits, first, last, explore_state,
                               e);
        }
    }
}

/* The end of the run as it was, and then a few random moments, each in one random way. */
static void crash_here_and_there(struct explorer *e, const struct simdisk *d)
{
    unsigned models = e->options->models == 0 ? SIMMODEL_ALL : e->options->models;
    size_t end = simdisk_trace(d)->count;
    struct simcrash_limits one = { .sampled = 1, .random = true };
    struct rnd rnd;
    rnd_init_seeded(&rnd, simmem_mix(e->options->limits.seed, end));
    int rc = simcrash_each(d, SIMMODEL_KILL, &one, end, end, explore_state, e);
    for (size_t i = 0; rc == 0 && i < e->options->cuts; i++) {
        size_t cut = (size_t)rnd_below(&rnd, end + 1);
        unsigned model = (unsigned)rnd_below(&rnd, SIMMODELS);
        one.seed = simmem_mix(e->options->limits.seed, i);
        if ((models & SIMMODEL_BIT(model)) != 0) {
            rc = simcrash_each(d, (enum simmodel)model, &one, cut, cut, explore_state, e);
        }
    }
}

uint64_t explore_violations(const struct explore_report *r)
{
    uint64_t sum = 0;
    for (unsigned m = 0; m < SIMMODELS; m++) {
        sum += r->violations[m];
    }
    return sum;
}

static int conclude(struct explorer *e, int64_t began_ns)
{
    struct explore_report *r = e->report;
    r->seconds = (double)(clock_monotonic(clock_system()) - began_ns) / (double)NS_PER_S;
    map_free(e->verdicts);
    if (r->text == NULL) {
        return 0;
    }
    return err_raise(HF_EFAIL, "%s", r->text);
}

int explore_crashes(const struct scenario *s, const struct explore_options *o,
                    struct explore_report *out_report)
{
    struct explorer e;
    int64_t began = clock_monotonic(clock_system());
    explorer_init(&e, s, o, out_report);
    struct simdisk *d = prepare(&e);
    if (d != NULL) {
        if (call(&e, s->run, d, "the run, without any crash,") != 0) {
            note_violation(&e, d);
        }
        out_report->operations = simdisk_trace(d)->count;
        out_report->runs = 1;
        if (o->cuts > 0) {
            crash_here_and_there(&e, d);
        } else {
            crash_at(&e, d, 0, SIZE_MAX);
        }
        simdisk_free(d);
    }
    return conclude(&e, began);
}

/* Returns false when the run did not come to the n-th such operation: the sweep is over. */
static bool run_with_fault(struct explorer *e, struct simfault fault, uint64_t n)
{
    struct simdisk *d = prepare(e);
    if (d == NULL) {
        return false;
    }
    fault.where.nth = n;
    simdisk_fault(d, &fault);
    err_clear();
    e->scenario->run(d, e->scenario->context); /* it may fail: then it has noted less */
    bool hit = simdisk_fault_hits(d) > 0;
    simdisk_clear_faults(d);
    simdisk_land(d);
    size_t end = simdisk_trace(d)->count;
    if (hit) {
        crash_at(e, d, end, end);
        e->report->runs++;
        e->report->operations = end > e->report->operations ? end : e->report->operations;
    }
    simdisk_free(d);
    return hit;
}

int explore_faults(const struct scenario *s, const struct explore_options *o,
                   const struct simfault *fault, struct explore_report *out_report)
{
    struct explorer e;
    int64_t began = clock_monotonic(clock_system());
    explorer_init(&e, s, o, out_report);
    for (uint64_t n = 1; run_with_fault(&e, *fault, n); n++) {
        if (o->first_only && out_report->text != NULL) {
            break;
        }
    }
    return conclude(&e, began);
}

int explore_mutants(const struct scenario *s, const struct explore_options *o,
                    struct explore_mutant *out_mutants, size_t max, size_t *out_count)
{
    struct explore_report r;
    struct explorer e;
    explorer_init(&e, s, o, &r);
    *out_count = 0;
    struct simdisk *d = prepare(&e);
    int rc = d == NULL ? HF_EFAIL : call(&e, s->run, d, "the run, with all its syncs,");
    const char **sites = simmem_alloc(max * sizeof *sites);
    size_t count = rc == 0 ? simtrace_sites(simdisk_trace(d), sites, max) : 0;
    simdisk_free(d);
    map_free(e.verdicts);
    explore_report_release(&r);
    for (size_t i = 0; i < count; i++) {
        struct explore_mutant *mutant = &out_mutants[(*out_count)++];
        *mutant = (struct explore_mutant){ .site = sites[i] };
        for (unsigned m = 0; m < SIMMODELS; m++) {
            struct explore_options only = *o;
            only.models = SIMMODEL_BIT(m);
            only.skip_site = sites[i];
            only.first_only = true;
            if (explore_crashes(s, &only, &r) != 0) {
                mutant->caught |= SIMMODEL_BIT(m);
            }
            explore_report_release(&r);
        }
    }
    simmem_free(sites);
    return rc;
}

void explore_print(const struct explore_report *r, FILE *out)
{
    static const char *const short_names[SIMMODELS] = { "P", "J", "J'", "A" };
    fprintf(out, "%s: %zu operations", r->scenario, r->operations);
    if (r->runs > 1) {
        fprintf(out, " in %" PRIu64 " runs", r->runs);
    }
    for (unsigned m = 0; m < SIMMODELS; m++) {
        if (r->states[m] > 0) {
            fprintf(out, ", %s %" PRIu64, short_names[m], r->states[m]);
        }
    }
    fprintf(out, " states (%" PRIu64 " looked at, %" PRIu64 " after more than one crash), ",
            r->looked_at, r->deeper);
    fprintf(out, "%" PRIu64 " violations, %.2f s\n", explore_violations(r), r->seconds);
    if (r->text != NULL) {
        fputs(r->text, out);
    }
}

void explore_report_release(struct explore_report *r)
{
    simmem_free(r->text);
    r->text = NULL;
}
