/*
 * check_choice.c - the part of a check that chooses the segments whose data are read.
 *
 * A part of the data is, as long as nobody records what was found, a random one. With evidence it
 * is what was verified longest ago, in the journal as it was just read and proved; what never was
 * comes first. So a small part each night goes through everything in time.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/check_internal.h"

struct turn { /* of a live segment */
    int64_t verified_ns;
    uint64_t lot; /* among those verified at the same time */
    uint64_t bytes;
    uint32_t ordinal;
};

static uint64_t lot_of(const struct check *c, uint32_t ordinal, uint64_t below)
{
    struct rnd pick;

    rnd_init_seeded(&pick, c->options->seed * 0x9e3779b97f4a7c15ull + ordinal);
    return rnd_below(&pick, below);
}

static int compare_turns(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;

    if (x->verified_ns != y->verified_ns) {
        return x->verified_ns < y->verified_ns ? -1 : 1;
    }
    return (x->lot > y->lot) - (x->lot < y->lot);
}

/* Live segments; whether evidence speaks of any of them. */
static bool list_turns(const struct check *c, struct turn *turns, size_t *out_count,
                       uint64_t *out_bytes)
{
    bool known = false;

    *out_count = 0;
    *out_bytes = 0;
    for (uint32_t i = 0; i < catalog_segment_count(c->catalog); i++) {
        const struct catalog_segment *s = catalog_segment(c->catalog, i);

        if (s->condemned_by == 0) {
            turns[(*out_count)++] = (struct turn){ s->verified_ns, lot_of(c, i, UINT64_MAX),
                                                   s->file_len, i };
            *out_bytes += s->file_len;
            known = known || s->verified_ns != 0;
        }
    }
    return known;
}

/* Whole segments, until there is as much as was asked for. */
static void choose_oldest(struct check *c, struct turn *turns, size_t count, uint64_t all)
{
    double wanted = c->options->read_fraction * (double)all;
    uint64_t chosen = 0;

    qsort(turns, count, sizeof *turns, compare_turns);
    for (size_t i = 0; i < count && (double)chosen < wanted; i++) {
        c->chosen[turns[i].ordinal] = 1;
        chosen += turns[i].bytes;
    }
}

static void choose_random(struct check *c, const struct turn *turns, size_t count)
{
    const uint64_t parts = 1000000000;
    uint64_t threshold = (uint64_t)(c->options->read_fraction * (double)parts);

    for (size_t i = 0; i < count; i++) {
        c->chosen[turns[i].ordinal] = lot_of(c, turns[i].ordinal, parts) < threshold;
    }
}

int check_choose(struct check *c)
{
    bool all = c->options->read_fraction >= 1, known;
    size_t size = catalog_segment_count(c->catalog), count;
    struct turn *turns;
    uint64_t bytes;

    c->chosen = mem_zalloc(size + 1);
    if (c->chosen == NULL) {
        return err_nomem();
    }
    if (!c->options->read_data) {
        return 0;
    }
    turns = mem_array(size + 1, sizeof *turns);
    if (turns == NULL) {
        return err_nomem();
    }
    known = list_turns(c, turns, &count, &bytes);
    if (all) {
        memset(c->chosen, 1, size);
    } else if (known || c->options->recorded) {
        choose_oldest(c, turns, count, bytes);
    } else {
        choose_random(c, turns, count);
    }
    mem_free(turns);
    return 0;
}
