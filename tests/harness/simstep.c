/*
 * simstep.c - what happens around every operation of a simulated disk.
 *
 * In this order: the client waits for its turn; if it has been killed, that was all; time passes;
 * renames that were on their way land; the operation is recorded; a fault may end it. So an
 * operation takes place at one moment, whole, and its place in the trace is the order that all
 * clients saw.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "harness/simdisk_internal.h"
#include "harness/simmem.h"

#define PATIENCE 100000u /* operations that a killed client may ask for until it is stuck */

/* What each kind of fault can be about; for other operations it does not count. */
static const uint32_t within_reach[] = {
    [SIMFAULT_REFUSE] = ~0u,
    [SIMFAULT_HALF] = SIMOP_BIT(SIMOP_PWRITE),
    [SIMFAULT_AFTER] = SIMOP_CHANGES | SIMOP_BIT(SIMOP_CLOSE),
    [SIMFAULT_LATE] = SIMOP_BIT(SIMOP_RENAME_NEW),
    [SIMFAULT_LOST] = SIMOP_BIT(SIMOP_SYNC) | SIMOP_BIT(SIMOP_SYNC_DIR),
};

struct simop *simstep_op(const struct simstep *s)
{
    return &s->disk->trace.ops[s->index];
}

static int refuse_the_dead(struct simclient *c)
{
    if (++c->refused > PATIENCE) {
        simmem_die("client %s was killed, and goes on asking for operations", c->name);
    }
    return err_raise(HF_EINTERRUPTED, "the process was killed");
}

static bool is_alive(struct simclient *c)
{
    if (c->kill_at != 0 && c->ops + 1 >= c->kill_at) {
        c->killed = true;
    }
    return !c->killed;
}

/* --- renames that land late ------------------------------------------------------------------- */

static void land_one(struct simdisk *d, struct simlanding *l)
{
    struct simop *op = simtrace_add(&d->trace, SIMOP_RENAME_NEW, l->from, l->to);
    op->client = l->client;
    op->late = true;
    op->time_ns = d->now_ns;
    struct simplace from, to;
    if (simtree_resolve(&d->tree, op->path, &from) != 0 || from.ino == 0) {
        op->result = HF_EABSENT;
    } else if (simtree_resolve(&d->tree, op->to, &to) != 0 || to.dir == 0) {
        op->result = HF_EABSENT;
    } else if (to.ino != 0) {
        op->result = HF_EEXISTS;
    } else {
        simdisk_move(d, op, &from, &to);
    }
    op->happened = op->result == 0;
}

static void land_until(struct simdisk *d, uint64_t due)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->landing_count; i++) {
        if (d->landings[i].due <= due) {
            land_one(d, &d->landings[i]);
        } else {
            d->landings[kept++] = d->landings[i];
        }
    }
    d->landing_count = kept;
}

void simdisk_land(struct simdisk *d)
{
    land_until(d, UINT64_MAX);
}

static void send_late(struct simdisk *d, const struct simop *op, uint64_t late_by)
{
    simmem_grow(&d->landings, &d->landing_capacity, d->landing_count + 1, sizeof *d->landings);
    d->landings[d->landing_count++] = (struct simlanding){
        .due = d->ops + late_by,
        .from = simmem_strdup(op->path),
        .to = simmem_strdup(op->to),
        .client = op->client,
    };
}

/* --- faults ----------------------------------------------------------------------------------- */

/* Every fault counts the operations that it fits; the first that is due acts. */
static const struct simfault *due_fault(struct simdisk *d, const struct simop *op)
{
    const struct simfault *due = NULL;
    for (size_t i = 0; i < d->fault_count; i++) {
        struct simarmed *a = &d->faults[i];
        if ((within_reach[a->fault.kind] & SIMOP_BIT(op->kind)) == 0) {
            continue;
        }
        if (!simmatch_fits(&a->fault.where, op)) {
            continue;
        }
        a->seen++;
        uint64_t nth = a->fault.where.nth == 0 ? 1 : a->fault.where.nth;
        bool hit = a->fault.for_ever ? a->seen >= nth : a->seen == nth;
        if (hit && due == NULL) {
            due = &a->fault;
        }
    }
    return due;
}

static int apply_fault(struct simstep *s, const struct simfault *fault)
{
    struct simop *op = simstep_op(s);
    int errnum = fault->errnum == 0 ? EIO : fault->errnum;
    s->disk->fault_hits++;
    switch (fault->kind) {
    case SIMFAULT_HALF:
    case SIMFAULT_AFTER:
        s->half = fault->kind == SIMFAULT_HALF;
        s->after = errnum;
        return 0;
    case SIMFAULT_LATE:
        send_late(s->disk, op, fault->late_by);
        break;
    case SIMFAULT_LOST:
        op->lost = true;
        break;
    case SIMFAULT_REFUSE:
        break;
    }
    return simdisk_error(errnum);
}

/* --- before and after ------------------------------------------------------------------------- */

static bool wait_for_turn(struct simclient *c, enum simop_kind kind, char *path, char *to)
{
    struct simdisk *d = c->disk;
    if (!is_alive(c)) {
        return false;
    }
    if (d->turn != NULL) {
        struct simop about = { .kind = kind, .client = c->name, .path = path, .to = to };
        d->turn(d->turn_context, c, &about);
    }
    return is_alive(c);
}

int simstep_begin(struct simstep *s, struct simclient *c, enum simop_kind kind, char *path,
                  char *to, const char *site)
{
    struct simdisk *d = c->disk;
    *s = (struct simstep){ .disk = d };
    if (!wait_for_turn(c, kind, path, to)) {
        simmem_free(path);
        simmem_free(to);
        return refuse_the_dead(c);
    }
    c->ops++;
    d->ops++;
    d->now_ns += d->tick_ns;
    land_until(d, d->ops);
    struct simop *op = simtrace_add(&d->trace, kind, path, to);
    op->client = c->name;
    op->site = site;
    op->time_ns = d->now_ns;
    s->index = d->trace.count - 1;
    s->begun = true;
    const struct simfault *fault = due_fault(d, op);
    return fault == NULL ? 0 : apply_fault(s, fault);
}

int simstep_end(struct simstep *s, int rc)
{
    if (!s->begun) {
        return rc;
    }
    struct simop *op = simstep_op(s);
    op->happened = rc == 0 && !op->skipped;
    if (rc == 0 && s->after != 0) {
        rc = simdisk_error(s->after);
    }
    op->result = rc;
    return rc;
}
