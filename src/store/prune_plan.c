/*
 * prune_plan.c - which segments go.
 *
 * A segment in which nothing is alive costs nothing to remove. One that is sparse costs a copy of
 * what is alive in it, so the sparsest go first, and only until what is wasted in all is within
 * the bounds that were asked for; one of which less than a sixteenth is dead is never copied, for
 * that would write sixteen bytes to gain one. Many small segments of about the same size become
 * one, whatever is dead in them: each byte is copied once for each fourfold growth.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/prune_internal.h"

#define WORTH_COPYING 16 /* a segment is, if more than this part of it is dead */
#define SMALL_PART 4     /* a segment is small below this part of the target size */
#define CLASSES 32       /* of small segments, by powers of four */
#define MANY 8           /* of one class are merged */

struct candidate {
    uint32_t ordinal;
    uint64_t bytes, alive_bytes;
};

struct plan {
    struct prune *prune;
    struct candidate *list;
    size_t count, cap;
    uint64_t alive_bytes, dead_bytes; /* of those that are not wholly dead */
    uint8_t *chosen;                  /* by ordinal */
};

static int consider(struct plan *t, uint32_t ordinal, struct prune_batch *out_dead)
{
    struct marks_segment s = marks_segment(t->prune->marks, ordinal);
    int rc;

    if (!s.known || catalog_segment(repo_catalog(t->prune->repo), ordinal)->condemned_by != 0) {
        return 0;
    }
    if (s.alive_bytes == 0) {
        return prune_batch_add(out_dead, ordinal);
    }
    rc = mem_grow(&t->list, &t->cap, t->count + 1, sizeof *t->list);
    if (rc == 0) {
        t->list[t->count++] = (struct candidate){ ordinal, s.bytes, s.alive_bytes };
        t->alive_bytes += s.alive_bytes;
        t->dead_bytes += s.bytes - s.alive_bytes;
    }
    return rc;
}

/* The sparsest first; ties in the order of adoption, so that every client plans the same. */
static int by_waste(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;
    double wasted_x = (double)(x->bytes - x->alive_bytes) / (double)x->bytes;
    double wasted_y = (double)(y->bytes - y->alive_bytes) / (double)y->bytes;

    if (wasted_x < wasted_y || wasted_x > wasted_y) {
        return wasted_x < wasted_y ? 1 : -1;
    }
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static void choose_sparse(struct plan *t)
{
    double bound = t->prune->o->max_unused * (double)t->alive_bytes;
    double dead = (double)t->dead_bytes;

    if (t->count > 0) {
        qsort(t->list, t->count, sizeof *t->list, by_waste);
    }
    for (size_t i = 0; i < t->count && dead > bound; i++) {
        const struct candidate *s = &t->list[i];
        uint64_t wasted = s->bytes - s->alive_bytes;

        if (wasted * WORTH_COPYING <= s->bytes) {
            break;
        }
        t->chosen[s->ordinal] = 1;
        dead -= (double)wasted;
    }
}

static unsigned class_of(uint64_t bytes)
{
    unsigned class = 0;

    while (bytes > 3 && class < CLASSES - 1) {
        bytes /= 4;
        class ++;
    }
    return class;
}

static bool is_small(const struct plan *t, const struct candidate *s)
{
    return s->bytes < repo_params(t->prune->repo)->segment_target / SMALL_PART;
}

static void choose_small(struct plan *t)
{
    size_t members[CLASSES] = { 0 };

    for (size_t i = 0; i < t->count; i++) {
        members[class_of(t->list[i].bytes)] += is_small(t, &t->list[i]);
    }
    for (size_t i = 0; i < t->count; i++) {
        if (is_small(t, &t->list[i]) && members[class_of(t->list[i].bytes)] >= MANY) {
            t->chosen[t->list[i].ordinal] = 1;
        }
    }
}

/* In the order of adoption: what was stored together stays together. */
static int gather(struct plan *t, struct prune_batch *out_sparse)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < marks_count(t->prune->marks); i++) {
        if (t->chosen[i]) {
            t->prune->copy_expected += marks_segment(t->prune->marks, i).alive_bytes;
            rc = prune_batch_add(out_sparse, i);
        }
    }
    return rc;
}

int prune_plan(struct prune *p, struct prune_batch *out_dead, struct prune_batch *out_sparse)
{
    struct plan t = { .prune = p };
    int rc = 0;

    p->copy_expected = 0;
    t.chosen = mem_zalloc((size_t)marks_count(p->marks) + 1);
    if (!t.chosen) {
        return err_nomem();
    }
    for (uint32_t i = 0; rc == 0 && i < marks_count(p->marks); i++) {
        rc = consider(&t, i, out_dead);
    }
    if (rc == 0) {
        choose_small(&t);
        choose_sparse(&t);
        rc = gather(&t, out_sparse);
    }
    p->result->bytes_alive = t.alive_bytes;
    mem_free(t.chosen);
    mem_free(t.list);
    return rc;
}
