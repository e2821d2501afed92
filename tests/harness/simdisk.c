/*
 * simdisk.c - a simulated disk, its clients, its notes, its clock.
 */
#include "harness/simdisk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "harness/simdisk_internal.h"
#include "harness/simmem.h"

#define START_NS (1767225600LL * NS_PER_S) /* 2026-01-01 */
#define TICK_NS 1000000LL
#define REBOOT_NS (60LL * NS_PER_S)

static struct simdisk *new_disk(uint64_t seed)
{
    struct simdisk *d = simmem_alloc(sizeof *d);
    d->seed = seed;
    d->now_ns = START_NS;
    d->tick_ns = TICK_NS;
    return d;
}

struct simdisk *simdisk_new(uint64_t seed)
{
    struct simdisk *d = new_disk(seed);
    simtree_init(&d->tree);
    simtree_copy(&d->base, &d->tree);
    return d;
}

static void free_clients(struct simclient *c)
{
    while (c != NULL) {
        struct simclient *next = c->next;
        simmem_free(c->name);
        simmem_free(c);
        c = next;
    }
}

void simdisk_free(struct simdisk *d)
{
    if (d == NULL) {
        return;
    }
    simtree_release(&d->tree);
    simtree_release(&d->base);
    simtrace_release(&d->trace);
    for (size_t i = 0; i < d->note_count; i++) {
        simmem_free(d->notes[i]);
    }
    for (size_t i = 0; i < d->landing_count; i++) {
        simmem_free(d->landings[i].from);
        simmem_free(d->landings[i].to);
    }
    simmem_free(d->notes);
    simmem_free(d->uses);
    simmem_free(d->faults);
    simmem_free(d->landings);
    free_clients(d->clients);
    simmem_free(d);
}

void simdisk_settle(struct simdisk *d)
{
    simtree_release(&d->base);
    simtree_copy(&d->base, &d->tree);
    simtrace_release(&d->trace);
    d->notes_before = d->note_count;
}

const struct simtree *simdisk_tree(const struct simdisk *d)
{
    return &d->tree;
}

const struct simtree *simdisk_base(const struct simdisk *d)
{
    return &d->base;
}

const struct simtrace *simdisk_trace(const struct simdisk *d)
{
    return &d->trace;
}

/* --- rebirth ---------------------------------------------------------------------------------- */

static size_t notes_before(const struct simdisk *d, size_t cut)
{
    size_t count = d->notes_before;
    for (size_t i = 0; i < cut && i < d->trace.count; i++) {
        count += d->trace.ops[i].kind == SIMOP_NOTE;
    }
    return count;
}

static void add_note(struct simdisk *d, const char *text)
{
    simmem_grow(&d->notes, &d->note_capacity, d->note_count + 1, sizeof *d->notes);
    d->notes[d->note_count++] = simmem_strdup(text);
}

/* Counts the names of every file, and with them the space in use. */
static void count_links(struct simdisk *d)
{
    bool *seen = simmem_alloc(d->tree.count * sizeof *seen);
    simtree_reach(&d->tree, seen);
    for (uint32_t dir = 0; dir < d->tree.count; dir++) {
        if (!seen[dir]) {
            continue;
        }
        const struct simnode *n = d->tree.nodes[dir];
        for (size_t i = 0; i < n->count; i++) {
            simdisk_link(d, n->entries[i].ino, 1);
        }
    }
    simmem_free(seen);
}

struct simdisk *simdisk_reborn(const struct simdisk *d, struct simtree *tree, size_t cut)
{
    struct simdisk *r = new_disk(d->seed);
    r->generation = d->generation + 1;
    r->tree = *tree;
    *tree = (struct simtree){ 0 };
    simtree_copy(&r->base, &r->tree);
    r->tick_ns = d->tick_ns;
    r->now_ns = d->now_ns + REBOOT_NS;
    if (cut < d->trace.count) {
        r->now_ns = d->trace.ops[cut].time_ns + REBOOT_NS;
    }
    size_t notes = notes_before(d, cut);
    for (size_t i = 0; i < notes; i++) {
        add_note(r, d->notes[i]);
    }
    r->notes_before = notes;
    count_links(r);
    r->space = d->space;
    return r;
}

struct simdisk *simdisk_fork(const struct simdisk *d)
{
    struct simtree tree;
    simtree_copy(&tree, &d->tree);
    simtree_prune(&tree);
    return simdisk_reborn(d, &tree, d->trace.count);
}

/* --- clients ---------------------------------------------------------------------------------- */

static int64_t client_wall_ns(const struct clock *clock)
{
    const struct simclient *c = clock->context;
    return c->disk->now_ns + c->skew_ns;
}

static int64_t client_monotonic_ns(const struct clock *clock)
{
    const struct simclient *c = clock->context;
    return c->disk->now_ns;
}

static void client_sleep_ns(const struct clock *clock, int64_t ns)
{
    struct simclient *c = clock->context;
    struct simdisk *d = c->disk;
    if (d->sleep != NULL) {
        d->sleep(d->turn_context, c, ns);
    } else if (ns > 0) {
        d->now_ns += ns;
    }
}

struct simclient *simdisk_client(struct simdisk *d, const char *name)
{
    for (struct simclient *c = d->clients; c != NULL; c = c->next) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    struct simclient *c = simmem_alloc(sizeof *c);
    c->disk = d;
    c->name = simmem_strdup(name);
    c->clock = (struct clock){ client_wall_ns, client_monotonic_ns, client_sleep_ns, c };
    uint64_t seed = simmem_mix(d->seed, d->generation);
    rnd_init_seeded(&c->rnd, simmem_mix(seed, simmem_hash(name, strlen(name))));
    c->next = d->clients;
    d->clients = c;
    return c;
}

const char *simclient_name(const struct simclient *c)
{
    return c->name;
}

struct simdisk *simclient_disk(const struct simclient *c)
{
    return c->disk;
}

struct rnd *simclient_rnd(struct simclient *c)
{
    return &c->rnd;
}

const struct clock *simclient_clock(struct simclient *c)
{
    return &c->clock;
}

void simclient_skew(struct simclient *c, int64_t ns)
{
    c->skew_ns = ns;
}

uint64_t simclient_ops(const struct simclient *c)
{
    return c->ops;
}

void simclient_kill_at(struct simclient *c, uint64_t nth)
{
    c->kill_at = nth == 0 ? 0 : c->ops + nth;
}

bool simclient_killed(const struct simclient *c)
{
    return c->killed;
}

/* A folder that the test wants is there and durable: its making is no part of what is recorded. */
static void ensure_folder(struct simdisk *d, const char *folder)
{
    for (const char *end = folder; *end != '\0';) {
        end += *end == '/';
        end += strcspn(end, "/");
        char *path = simmem_printf("%.*s", (int)(end - folder), folder);
        struct simplace at, base_at;
        int rc = simtree_resolve(&d->tree, path, &at);
        if (rc == 0 && at.ino == 0) {
            uint32_t ino = d->tree.count;
            if (simtree_resolve(&d->base, path, &base_at) != 0 || base_at.ino != 0) {
                simmem_die("the folder %s cannot be made now", path);
            }
            simtree_add(&d->tree, ino, true, 0755, d->now_ns);
            simtree_set(&d->tree, at.dir, at.name, at.len, ino);
            simtree_add(&d->base, ino, true, 0755, d->now_ns);
            simtree_set(&d->base, base_at.dir, base_at.name, base_at.len, ino);
        }
        simmem_free(path);
    }
}

struct fs *simclient_fs(struct simclient *c, const char *folder)
{
    ensure_folder(c->disk, folder);
    return simfs_new(c, folder);
}

/* --- notes ------------------------------------------------------------------------------------ */

void simclient_note(struct simclient *c, const char *fmt, ...)
{
    if (c->killed) {
        return;
    }
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    add_note(c->disk, text);
    struct simop *op = simtrace_add(&c->disk->trace, SIMOP_NOTE, simmem_strdup(text), NULL);
    op->client = c->name;
    op->happened = true;
    op->time_ns = c->disk->now_ns;
}

bool simdisk_noted(const struct simdisk *d, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (size_t i = 0; i < d->note_count; i++) {
        if (strcmp(d->notes[i], text) == 0) {
            return true;
        }
    }
    return false;
}

size_t simdisk_note_count(const struct simdisk *d)
{
    return d->note_count;
}

const char *simdisk_note(const struct simdisk *d, size_t index)
{
    return d->notes[index];
}

uint64_t simdisk_notes_hash(const struct simdisk *d, size_t cut)
{
    uint64_t hash = 0;
    size_t count = notes_before(d, cut);
    for (size_t i = 0; i < count; i++) {
        hash = simmem_mix(hash, simmem_hash(d->notes[i], strlen(d->notes[i])));
    }
    return hash;
}

/* --- time and space --------------------------------------------------------------------------- */

int64_t simdisk_now(const struct simdisk *d)
{
    return d->now_ns;
}

void simdisk_set_now(struct simdisk *d, int64_t ns)
{
    d->now_ns = ns;
}

void simdisk_set_tick(struct simdisk *d, int64_t ns)
{
    d->tick_ns = ns;
}

void simdisk_set_space(struct simdisk *d, uint64_t bytes)
{
    d->space = bytes;
}

uint64_t simdisk_used(const struct simdisk *d)
{
    return d->used;
}

/* A file takes space while it has a name or somebody has it open. */
static void change_use(struct simdisk *d, uint32_t ino, int links, int opens)
{
    simmem_grow(&d->uses, &d->use_capacity, (size_t)ino + 1, sizeof *d->uses);
    struct simuse *u = &d->uses[ino];
    bool was = u->links + u->opens > 0;
    u->links += (uint32_t)links;
    u->opens += (uint32_t)opens;
    bool is = u->links + u->opens > 0;
    uint64_t size = simbytes_len(simtree_node(&d->tree, ino)->content);
    if (was && !is) {
        d->used -= size;
    }
    if (is && !was) {
        d->used += size;
    }
}

void simdisk_link(struct simdisk *d, uint32_t ino, int change)
{
    change_use(d, ino, change, 0);
}

void simdisk_open(struct simdisk *d, uint32_t ino, int change)
{
    change_use(d, ino, 0, change);
}

/* --- faults ----------------------------------------------------------------------------------- */

int simdisk_error(int errnum)
{
    return err_os(errnum, "the simulated disk says");
}

void simdisk_fault(struct simdisk *d, const struct simfault *fault)
{
    simmem_grow(&d->faults, &d->fault_capacity, d->fault_count + 1, sizeof *d->faults);
    d->faults[d->fault_count++] = (struct simarmed){ .fault = *fault };
}

void simdisk_clear_faults(struct simdisk *d)
{
    d->fault_count = 0;
    d->fault_hits = 0;
}

uint64_t simdisk_fault_hits(const struct simdisk *d)
{
    return d->fault_hits;
}

void simdisk_skip_site(struct simdisk *d, const char *site)
{
    d->skip_site = site;
}

size_t simdisk_rules(const struct simdisk *d, const char **out_rules, size_t max)
{
    size_t count = d->rule_count < max ? d->rule_count : max;

    for (size_t i = 0; i < count; i++) {
        out_rules[i] = d->rules[i];
    }
    return count;
}
