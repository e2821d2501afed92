/*
 * simcrash.c - every state in which a crash may leave a disk.
 *
 * At a cut the pending part of the medium is laid out in dimensions: one a name (model A) or one
 * for all names (a prefix, in the journaling models), and one a file with unsynced writes. A state
 * is a choice in each; choice 0 is always "all arrived". Names come first, since they decide which
 * of the files can be seen at all: what became of the others makes no difference.
 */
#include "harness/simcrash.h"

#include <string.h>

#include "base/map.h"
#include "base/rnd.h"
#include "harness/simmedium.h"
#include "harness/simmem.h"

#define BEFORE_ALL SIZE_MAX /* a value that a name had before any pending operation */

/* What a name may refer to: the newest first. */
struct slot_value {
    uint32_t ino;
    size_t op;
};

struct dimension {
    enum { DIM_NAME, DIM_PREFIX, DIM_FILE } kind;
    size_t options;
    const struct simchange *newest;     /* DIM_NAME */
    struct slot_value *values;          /* DIM_NAME: by option */
    size_t *ops;                        /* DIM_PREFIX: the pending operations, in order */
    struct simdirty *dirty;             /* DIM_FILE */
    const struct simvariants *variants; /* DIM_FILE: by option */
};

struct simcrash_plan {
    const struct simdisk *disk;
    struct simmedium medium;
    struct dimension *dims;
    size_t *choice; /* by dimension */
    size_t count, capacity;
    size_t names; /* dimensions before those of files */
    /* of the enumeration as a whole */
    const struct simcrash_limits *limits;
    struct rnd rnd;
    struct map *met; /* hashes of states */
    uint64_t notes_hash;
    size_t cut;
    simcrash_fn each;
    void *context;
};

/* --- laying out the dimensions of a cut ------------------------------------------------------- */

static struct dimension *add_dimension(struct simcrash_plan *p)
{
    simmem_grow(&p->dims, &p->capacity, p->count + 1, sizeof *p->dims);
    p->dims[p->count] = (struct dimension){ 0 };
    return &p->dims[p->count++];
}

static void clear_dimensions(struct simcrash_plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        simmem_free(p->dims[i].values);
        simmem_free(p->dims[i].ops);
    }
    p->count = 0;
}

static bool same_name(const struct simchange *a, const struct simchange *b)
{
    return a->dir == b->dir && a->len == b->len && memcmp(a->name, b->name, a->len) == 0;
}

static bool is_newest(const struct simmedium *m, size_t index)
{
    for (size_t i = index + 1; i < m->change_count; i++) {
        if (same_name(&m->changes[i], &m->changes[index])) {
            return false;
        }
    }
    return true;
}

static void add_value(struct dimension *dim, uint32_t ino, size_t op)
{
    for (size_t i = 0; i < dim->options; i++) {
        if (dim->values[i].ino == ino) {
            return;
        }
    }
    dim->values[dim->options++] = (struct slot_value){ ino, op };
}

/* A name may refer to whatever any pending operation made it refer to, or to what it did before. */
static void add_names(struct simcrash_plan *p)
{
    const struct simmedium *m = &p->medium;
    for (size_t i = 0; i < m->change_count; i++) {
        if (!is_newest(m, i)) {
            continue;
        }
        const struct simchange *newest = &m->changes[i];
        struct dimension *dim = add_dimension(p);
        dim->kind = DIM_NAME;
        dim->newest = newest;
        dim->values = simmem_alloc((i + 2) * sizeof *dim->values);
        for (size_t j = i + 1; j-- > 0;) {
            if (same_name(&m->changes[j], newest)) {
                add_value(dim, m->changes[j].ino, m->changes[j].op);
            }
        }
        add_value(dim, simtree_lookup(&m->tree, newest->dir, newest->name, newest->len),
                  BEFORE_ALL);
    }
}

/* Option n: the last n of the pending operations did not arrive. */
static void add_prefix(struct simcrash_plan *p)
{
    const struct simmedium *m = &p->medium;
    if (m->change_count == 0) {
        return;
    }
    struct dimension *dim = add_dimension(p);
    dim->kind = DIM_PREFIX;
    dim->ops = simmem_alloc(m->change_count * sizeof *dim->ops);
    size_t count = 0;
    for (size_t i = 0; i < m->change_count; i++) {
        if (count == 0 || dim->ops[count - 1] != m->changes[i].op) {
            dim->ops[count++] = m->changes[i].op;
        }
    }
    dim->options = count + 1;
}

/* The nodes that any name leads to or may lead to. */
static void mark_named(const struct simmedium *m, bool *named)
{
    for (uint32_t dir = 0; dir < m->tree.count; dir++) {
        const struct simnode *n = m->tree.nodes[dir];
        for (size_t i = 0; n != NULL && i < n->count; i++) {
            named[n->entries[i].ino] = true;
        }
    }
    for (size_t i = 0; i < m->change_count; i++) {
        named[m->changes[i].ino] = true;
    }
}

static void add_files(struct simcrash_plan *p)
{
    struct simmedium *m = &p->medium;
    bool *named = simmem_alloc(m->tree.count * sizeof *named);
    mark_named(m, named);
    for (size_t i = 0; i < m->dirty_count; i++) {
        if (!named[m->dirty[i].ino]) {
            continue;
        }
        struct dimension *dim = add_dimension(p);
        dim->kind = DIM_FILE;
        dim->dirty = &m->dirty[i];
        dim->variants = simmedium_variants(m, &m->dirty[i]);
        dim->options = dim->variants->count;
    }
    simmem_free(named);
}

static void lay_out(struct simcrash_plan *p)
{
    clear_dimensions(p);
    if (p->medium.model == SIMMODEL_POSIX) {
        add_names(p);
    } else {
        add_prefix(p);
    }
    p->names = p->count;
    add_files(p);
    simmem_free(p->choice);
    p->choice = simmem_alloc((p->count + 1) * sizeof *p->choice);
}

/* --- from a choice to a tree ------------------------------------------------------------------ */

static void choose_name(struct simtree *t, const struct dimension *dim, size_t option)
{
    const struct simchange *c = dim->newest;
    if (dim->values[option].op != BEFORE_ALL) {
        simtree_set(t, c->dir, c->name, c->len, dim->values[option].ino);
    }
}

static void choose_prefix(struct simtree *t, const struct simmedium *m, const struct dimension *dim,
                          size_t option)
{
    size_t kept = dim->options - 1 - option;
    for (size_t i = 0; i < m->change_count; i++) {
        const struct simchange *c = &m->changes[i];
        if (kept > 0 && c->op <= dim->ops[kept - 1]) {
            simtree_set(t, c->dir, c->name, c->len, c->ino);
        }
    }
}

static void choose(const struct simcrash_plan *p, struct simtree *t, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        const struct dimension *dim = &p->dims[i];
        size_t option = p->choice[i];
        if (dim->kind == DIM_NAME) {
            choose_name(t, dim, option);
        } else if (dim->kind == DIM_PREFIX) {
            choose_prefix(t, &p->medium, dim, option);
        } else {
            simtree_set_content(t, dim->dirty->ino, dim->variants->list[option].content);
        }
    }
}

/* Tells whether this is the first time; what had been noted is part of what was met. */
static bool is_new(struct simcrash_plan *p, uint64_t hash)
{
    uint64_t key = simmem_mix(hash, p->notes_hash);
    void *value;
    bool added;
    if (map_put(p->met, &key, &value, &added) != 0) {
        simmem_die("out of memory");
    }
    return added;
}

/* Completes the names in `t` by the choice for files, and hands the state out. */
static int visit(struct simcrash_plan *p, const struct simtree *names)
{
    struct simtree t;
    simtree_copy(&t, names);
    choose(p, &t, p->names, p->count);
    uint64_t hash = simtree_hash(&t);
    int rc = 0;
    if (is_new(p, hash)) {
        struct simcrash_state state = { .model = p->medium.model,
                                        .cut = p->cut,
                                        .tree = &t,
                                        .hash = hash,
                                        .disk = p->disk,
                                        .plan = p };
        rc = p->each(p->context, &state);
    }
    simtree_release(&t);
    return rc;
}

static int visit_choice(struct simcrash_plan *p)
{
    struct simtree names;
    simtree_copy(&names, &p->medium.tree);
    choose(p, &names, 0, p->names);
    int rc = visit(p, &names);
    simtree_release(&names);
    return rc;
}

/* --- all combinations ------------------------------------------------------------------------- */

static size_t combinations(const struct simcrash_plan *p, size_t bound)
{
    size_t product = 1;
    for (size_t i = 0; i < p->count && product <= bound; i++) {
        product *= p->dims[i].options;
    }
    return product;
}

/* Every choice for the files from `dim` on, of those that can be seen. */
static int all_files(struct simcrash_plan *p, const struct simtree *names, const bool *seen,
                     size_t dim)
{
    if (dim == p->count) {
        return visit(p, names);
    }
    size_t options = seen[p->dims[dim].dirty->ino] ? p->dims[dim].options : 1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < options; i++) {
        p->choice[dim] = i;
        rc = all_files(p, names, seen, dim + 1);
    }
    p->choice[dim] = 0;
    return rc;
}

/* Every choice for the names from `dim` on, and for each of these every one for the files. */
static int all_names(struct simcrash_plan *p, size_t dim)
{
    int rc = 0;
    if (dim < p->names) {
        for (size_t i = 0; rc == 0 && i < p->dims[dim].options; i++) {
            p->choice[dim] = i;
            rc = all_names(p, dim + 1);
        }
        p->choice[dim] = 0;
        return rc;
    }
    struct simtree names;
    simtree_copy(&names, &p->medium.tree);
    choose(p, &names, 0, p->names);
    bool *seen = simmem_alloc(names.count * sizeof *seen);
    simtree_reach(&names, seen);
    rc = all_files(p, &names, seen, p->names);
    simmem_free(seen);
    simtree_release(&names);
    return rc;
}

/* --- samples ---------------------------------------------------------------------------------- */

/* The option in which nothing arrived: the last of names, the second of files. */
static size_t lost_option(const struct dimension *dim)
{
    if (dim->kind == DIM_FILE) {
        return dim->options > 1 ? 1 : 0;
    }
    return dim->options - 1;
}

static void choose_all(struct simcrash_plan *p, bool lost)
{
    for (size_t i = 0; i < p->count; i++) {
        p->choice[i] = lost ? lost_option(&p->dims[i]) : 0;
    }
}

/* All arrived but one thing, in each way; nothing arrived but one thing. */
static int single_ones(struct simcrash_plan *p)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < p->count; i++) {
        choose_all(p, false);
        for (size_t option = 1; rc == 0 && option < p->dims[i].options; option++) {
            p->choice[i] = option;
            rc = visit_choice(p);
        }
        choose_all(p, true);
        p->choice[i] = 0;
        if (rc == 0) {
            rc = visit_choice(p);
        }
    }
    return rc;
}

static void choose_at_random(struct simcrash_plan *p, size_t dim)
{
    p->choice[dim] = (size_t)rnd_below(&p->rnd, p->dims[dim].options);
}

/* Two things went wrong, each in some way. */
static int pairs(struct simcrash_plan *p, size_t bound)
{
    size_t number = p->count * (p->count - 1) / 2;
    int rc = 0;
    if (number > bound) { /* too many: some of them */
        for (size_t n = 0; rc == 0 && n < bound; n++) {
            choose_all(p, false);
            choose_at_random(p, (size_t)rnd_below(&p->rnd, p->count));
            choose_at_random(p, (size_t)rnd_below(&p->rnd, p->count));
            rc = visit_choice(p);
        }
        return rc;
    }
    for (size_t i = 0; i < p->count; i++) {
        for (size_t j = i + 1; rc == 0 && j < p->count; j++) {
            choose_all(p, false);
            p->choice[i] = lost_option(&p->dims[i]);
            p->choice[j] = lost_option(&p->dims[j]);
            rc = visit_choice(p);
        }
    }
    return rc;
}

/* Any number of things went wrong; how likely each is differs from state to state. */
static int random_ones(struct simcrash_plan *p, size_t bound)
{
    int rc = 0;
    for (size_t n = 0; rc == 0 && n < bound; n++) {
        uint64_t odds = 1 + rnd_below(&p->rnd, 8);
        choose_all(p, false);
        for (size_t i = 0; i < p->count; i++) {
            if (rnd_below(&p->rnd, 8) < odds) {
                choose_at_random(p, i);
            }
        }
        rc = visit_choice(p);
    }
    return rc;
}

static int samples(struct simcrash_plan *p)
{
    choose_all(p, false);
    int rc = visit_choice(p);
    choose_all(p, true);
    if (rc == 0) {
        rc = visit_choice(p);
    }
    if (rc == 0) {
        rc = single_ones(p);
    }
    if (rc == 0) {
        rc = pairs(p, p->limits->sampled / 2);
    }
    if (rc == 0) {
        rc = random_ones(p, p->limits->sampled - p->limits->sampled / 2);
    }
    return rc;
}

/* --- over a trace ----------------------------------------------------------------------------- */

static int enumerate_cut(struct simcrash_plan *p, size_t cut)
{
    p->cut = cut;
    rnd_init_seeded(&p->rnd, simmem_mix(p->limits->seed, cut));
    lay_out(p);
    if (p->limits->random) {
        return random_ones(p, p->limits->sampled);
    }
    if (combinations(p, p->limits->exhaustive) <= p->limits->exhaustive) {
        return all_names(p, 0);
    }
    return samples(p);
}

/* Does this operation change what a crash after it may leave, or what must then be true? */
static bool matters(const struct simop *op)
{
    return simop_changes(op) || op->kind == SIMOP_NOTE;
}

int simcrash_each(const struct simdisk *d, enum simmodel model,
                  const struct simcrash_limits *limits, size_t first, size_t last, simcrash_fn each,
                  void *context)
{
    const struct simtrace *trace = simdisk_trace(d);
    struct simcrash_plan p = { .disk = d, .limits = limits, .each = each, .context = context };
    if (map_new(sizeof(uint64_t), 1, 0, &p.met) != 0) {
        simmem_die("out of memory");
    }
    simmedium_init(&p.medium, model, simdisk_base(d));
    int rc = 0;
    for (size_t cut = 0; rc == 0 && cut <= trace->count && cut <= last; cut++) {
        if (cut > 0) {
            simmedium_apply(&p.medium, trace, cut - 1);
        }
        if (cut == 0 || trace->ops[cut - 1].kind == SIMOP_NOTE) {
            p.notes_hash = simdisk_notes_hash(d, cut);
        }
        if (cut < first || (cut > first && !matters(&trace->ops[cut - 1]))) {
            continue;
        }
        rc = enumerate_cut(&p, cut);
    }
    clear_dimensions(&p);
    simmem_free(p.dims);
    simmem_free(p.choice);
    simmedium_release(&p.medium);
    map_free(p.met);
    return rc;
}

struct simdisk *simcrash_disk(const struct simcrash_state *state)
{
    struct simtree tree;
    simtree_copy(&tree, state->tree);
    simtree_prune(&tree);
    return simdisk_reborn(state->disk, &tree, state->cut);
}

/* --- in words --------------------------------------------------------------------------------- */

static const char *path_of_change(const struct simop *op, const struct simchange *c)
{
    bool is_target = op->to != NULL && c->dir == op->to_dir && c->ino != 0;
    return is_target ? op->to : op->path;
}

static void print_name(const struct simtrace *t, const struct dimension *dim, size_t option,
                       struct buf *out)
{
    const struct slot_value *v = &dim->values[option];
    buf_printf(out, "  the name ");
    simtrace_print_path(path_of_change(&t->ops[dim->newest->op], dim->newest), out);
    if (v->op == BEFORE_ALL) {
        buf_printf(out, ": as before the trace or the last sync of its folder");
    } else {
        buf_printf(out, ": as op %zu (%s) made it", v->op + 1, simop_name(t->ops[v->op].kind));
    }
    buf_printf(out, v->ino == 0 ? ", nothing there;" : ", a file or folder;");
    buf_printf(out, " op %zu (%s) did not last\n", dim->newest->op + 1,
               simop_name(t->ops[dim->newest->op].kind));
}

static void print_prefix(const struct simtrace *t, const struct dimension *dim, size_t option,
                         struct buf *out)
{
    buf_printf(out, "  the names that these operations gave or took did not last:\n");
    for (size_t i = dim->options - 1 - option; i < dim->options - 1; i++) {
        buf_printf(out, "  ");
        simtrace_print_op(t, dim->ops[i], out);
    }
}

static void print_file(const struct simtrace *t, const struct dimension *dim, size_t option,
                       struct buf *out)
{
    const struct simdirty *d = dim->dirty;
    buf_printf(out, "  the content of ");
    simtrace_print_path(t->ops[d->writes[d->count - 1].op].path, out);
    buf_printf(out, " (as it was called when written): ");
    simtear_print(&dim->variants->list[option].tear, out);
    buf_printf(out, "\n");
}

void simcrash_print(const struct simcrash_state *state, struct buf *out)
{
    const struct simcrash_plan *p = state->plan;
    const struct simtrace *t = simdisk_trace(state->disk);
    bool lost = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct dimension *dim = &p->dims[i];
        if (p->choice[i] == 0) {
            continue;
        }
        lost = true;
        if (dim->kind == DIM_NAME) {
            print_name(t, dim, p->choice[i], out);
        } else if (dim->kind == DIM_PREFIX) {
            print_prefix(t, dim, p->choice[i], out);
        } else {
            print_file(t, dim, p->choice[i], out);
        }
    }
    if (!lost) {
        buf_printf(out, "  all that had been done was there\n");
    }
}
