/*
 * simmedium.c - what of a trace is durable.
 *
 * What becomes durable leaves the pending lists and enters the tree. A pending change of a name
 * that has since become durable with a later value is forgotten: it can no longer be seen.
 */
#include "harness/simmedium.h"

#include <string.h>

#include "harness/simmem.h"

void simmedium_init(struct simmedium *m, enum simmodel model, const struct simtree *durable)
{
    *m = (struct simmedium){ .model = model };
    simtree_copy(&m->tree, durable);
}

static void release_dirty(struct simdirty *d)
{
    simvariants_release(&d->variants);
    simbytes_unref(d->durable);
    simmem_free(d->writes);
}

void simmedium_release(struct simmedium *m)
{
    for (size_t i = 0; i < m->dirty_count; i++) {
        release_dirty(&m->dirty[i]);
    }
    simmem_free(m->dirty);
    simmem_free(m->changes);
    simtree_release(&m->tree);
}

/* --- names ------------------------------------------------------------------------------------ */

static void add_change(struct simmedium *m, size_t op, uint32_t dir, const char *path, uint32_t ino)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    simmem_grow(&m->changes, &m->change_capacity, m->change_count + 1, sizeof *m->changes);
    m->changes[m->change_count++] = (struct simchange){
        .op = op, .dir = dir, .name = name, .len = strlen(name), .ino = ino
    };
}

static bool same_name(const struct simchange *a, const struct simchange *b)
{
    return a->dir == b->dir && a->len == b->len && memcmp(a->name, b->name, a->len) == 0;
}

static bool touches(const struct simmedium *m, size_t op, uint32_t dir)
{
    for (size_t i = 0; i < m->change_count; i++) {
        if (m->changes[i].op == op && m->changes[i].dir == dir) {
            return true;
        }
    }
    return false;
}

/* Does a sync of this folder make this change durable? (0: of a file, with ext4) */
static bool is_fixed_by(const struct simmedium *m, const struct simchange *c, uint32_t dir)
{
    if (c->doomed) {
        return false;
    }
    switch (m->model) {
    case SIMMODEL_KILL:
    case SIMMODEL_JOURNAL:
        return true;
    case SIMMODEL_LAZY: /* a rename is one transaction: both its names */
        return touches(m, c->op, dir);
    case SIMMODEL_POSIX:
    case SIMMODELS:
        break;
    }
    return c->dir == dir;
}

static void fix_names(struct simmedium *m, uint32_t dir)
{
    bool *gone = simmem_alloc(m->change_count * sizeof *gone);
    for (size_t i = 0; i < m->change_count; i++) {
        const struct simchange *c = &m->changes[i];
        if (!is_fixed_by(m, c, dir)) {
            continue;
        }
        simtree_set(&m->tree, c->dir, c->name, c->len, c->ino);
        for (size_t j = 0; j <= i; j++) {
            gone[j] = gone[j] || same_name(&m->changes[j], c);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < m->change_count; i++) {
        if (!gone[i]) {
            m->changes[kept++] = m->changes[i];
        }
    }
    m->change_count = kept;
    simmem_free(gone);
}

static void doom_names(struct simmedium *m, uint32_t dir)
{
    for (size_t i = 0; i < m->change_count; i++) {
        if (m->changes[i].dir == dir) {
            m->changes[i].doomed = true;
        }
    }
}

/* --- contents --------------------------------------------------------------------------------- */

static struct simdirty *find_dirty(struct simmedium *m, uint32_t ino)
{
    for (size_t i = 0; i < m->dirty_count; i++) {
        if (m->dirty[i].ino == ino) {
            return &m->dirty[i];
        }
    }
    return NULL;
}

static void add_write(struct simmedium *m, size_t index, const struct simop *op)
{
    struct simdirty *d = find_dirty(m, op->ino);
    if (d == NULL) {
        simmem_grow(&m->dirty, &m->dirty_capacity, m->dirty_count + 1, sizeof *m->dirty);
        d = &m->dirty[m->dirty_count++];
        *d = (struct simdirty){ .ino = op->ino };
        d->durable = simbytes_ref(simtree_node(&m->tree, op->ino)->content);
    }
    simmem_grow(&d->writes, &d->capacity, d->count + 1, sizeof *d->writes);
    d->writes[d->count++] = (struct simwrite){ index, op->offset, op->data };
    simvariants_release(&d->variants);
    simtree_edit(&m->tree, op->ino)->mtime_ns = op->time_ns;
}

static void fix_writes(struct simmedium *m, struct simdirty *d)
{
    struct simbytes *content = simbytes_ref(d->durable);
    for (size_t i = 0; i < d->count; i++) {
        if (d->writes[i].data != NULL) {
            simbytes_write(&content, d->writes[i].offset, d->writes[i].data->data,
                           d->writes[i].data->len);
        }
    }
    simtree_set_content(&m->tree, d->ino, content);
    simbytes_unref(content);
    release_dirty(d);
    *d = m->dirty[--m->dirty_count];
}

static void sync_file(struct simmedium *m, const struct simop *op)
{
    struct simdirty *d = find_dirty(m, op->ino);
    if (op->lost) {
        if (d != NULL) {
            d->doomed = true;
        }
        return;
    }
    if (d != NULL && !d->doomed) {
        fix_writes(m, d);
    }
    if (m->model == SIMMODEL_JOURNAL) {
        fix_names(m, 0);
    }
}

static void sync_folder(struct simmedium *m, const struct simop *op)
{
    if (op->lost) {
        doom_names(m, op->ino);
    } else {
        fix_names(m, op->ino);
    }
}

/* --- replaying -------------------------------------------------------------------------------- */

static void apply_change(struct simmedium *m, size_t index, const struct simop *op)
{
    switch (op->kind) {
    case SIMOP_MKDIR:
    case SIMOP_CREATE:
        simtree_add(&m->tree, op->ino, op->kind == SIMOP_MKDIR, op->mode, op->time_ns);
        add_change(m, index, op->dir, op->path, op->ino);
        break;
    case SIMOP_RENAME_NEW:
    case SIMOP_RENAME_OVER:
        if (op->dir == 0) {
            break; /* two names of one file: nothing happened */
        }
        add_change(m, index, op->to_dir, op->to, op->ino);
        add_change(m, index, op->dir, op->path, 0);
        break;
    case SIMOP_UNLINK:
    case SIMOP_RMDIR:
        add_change(m, index, op->dir, op->path, 0);
        break;
    case SIMOP_PWRITE:
        add_write(m, index, op);
        break;
    case SIMOP_SYNC:
        sync_file(m, op);
        break;
    case SIMOP_SYNC_DIR:
        sync_folder(m, op);
        break;
    default:
        break;
    }
}

/* A killed process loses nothing; only the write that it was in may have been cut short. */
void simmedium_apply(struct simmedium *m, const struct simtrace *t, size_t index)
{
    const struct simop *op = &t->ops[index];
    bool killed = m->model == SIMMODEL_KILL;
    while (killed && m->dirty_count > 0) {
        fix_writes(m, &m->dirty[0]);
    }
    if (simop_changes(op)) {
        apply_change(m, index, op);
    }
    if (killed) {
        fix_names(m, 0);
    }
}

const struct simvariants *simmedium_variants(const struct simmedium *m, struct simdirty *d)
{
    if (d->variants.count == 0) {
        simtear_variants(m->model, d->durable, d->writes, d->count, &d->variants);
    }
    return &d->variants;
}
