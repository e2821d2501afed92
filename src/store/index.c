/*
 * index.c - the chunk index: a table in memory over sorted runs. See index.h.
 *
 * Runs grow geometrically: a new one is merged with its neighbour while that is not at least twice
 * as large, so there are few of them, and each entry is rewritten a logarithmic number of times.
 */
#include "store/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/index_run.h"

#define MAX_RUNS 64
#define TIDY_AGE_NS (600 * NS_PER_S)
#define NO_ENTRY UINT32_MAX
#define SPILL_AT ((size_t)3 << 16) /* entries in memory: what a table of 2^18 slots takes */

struct pending_entry {
    struct index_entry entry;
    uint32_t next; /* another home of the same key, or NO_ENTRY */
};

struct listed_run {
    struct index_run *run;
    bool listed; /* a list may name it: see index_save */
};

struct index {
    struct fs *cache;
    struct rnd *rnd;
    index_live_fn live;
    void *context;
    struct map *by_key; /* -> u32 into pending */
    struct pending_entry *pending;
    size_t pending_count, pending_cap;
    size_t spill_at;                  /* that many of them become a run, if there is a cache */
    struct listed_run runs[MAX_RUNS]; /* from old and large to new and small */
    size_t run_count;
};

static int spill(struct index *x);

int index_new(struct fs *cache, struct rnd *rnd, index_live_fn live, void *context,
              struct index **out_index)
{
    struct index *x = mem_zalloc(sizeof *x);
    int rc;

    if (!x) {
        return err_nomem();
    }
    x->cache = cache;
    x->rnd = rnd;
    x->live = live;
    x->context = context;
    x->spill_at = cache ? SPILL_AT : SIZE_MAX;
    rc = map_new(INDEX_KEY_BYTES, sizeof(uint32_t), 0, &x->by_key);
    if (rc < 0) {
        mem_free(x);
        return rc;
    }
    *out_index = x;
    return 0;
}

static void close_runs(struct index *x)
{
    while (x->run_count > 0) {
        index_run_close(x->runs[--x->run_count].run);
    }
}

void index_free(struct index *x)
{
    if (x) {
        close_runs(x);
        map_free(x->by_key);
        mem_free(x->pending);
        mem_free(x);
    }
}

static void forget_pending(struct index *x)
{
    map_clear(x->by_key);
    mem_free(x->pending);
    x->pending = NULL;
    x->pending_count = 0;
    x->pending_cap = 0;
}

void index_clear(struct index *x)
{
    close_runs(x);
    forget_pending(x);
}

int index_put(struct index *x, const uint8_t id[32], const struct index_home *home)
{
    uint32_t at = (uint32_t)x->pending_count;
    struct pending_entry *e;
    void *value;
    bool is_new;
    int rc;

    if (x->pending_count >= NO_ENTRY) {
        return err_raise(HF_ELIMIT, "too many chunks"); /* LCOV_EXCL_LINE: four billion of them */
    }
    rc = mem_grow(&x->pending, &x->pending_cap, x->pending_count + 1, sizeof *x->pending);
    if (rc == 0) {
        rc = map_put(x->by_key, id, &value, &is_new);
    }
    if (rc < 0) {
        return rc;
    }
    e = &x->pending[x->pending_count++];
    memcpy(e->entry.key, id, sizeof e->entry.key);
    e->entry.home = *home;
    e->next = NO_ENTRY;
    if (!is_new) {
        memcpy(&e->next, value, sizeof e->next);
    }
    memcpy(value, &at, sizeof at);
    if (x->pending_count >= x->spill_at && spill(x) < 0) {
        log_write(LOG_LEVEL_DEBUG, "the index stays in memory: %s", err_last()->text);
        err_clear();
        x->spill_at *= 2;
    }
    return 0;
}

static int each_in_run(const struct index *x, const struct index_run *r,
                       const uint8_t key[INDEX_KEY_BYTES],
                       int (*each)(void *context, const struct index_home *home), void *context)
{
    struct index_entry e;
    uint64_t i;
    int rc = index_run_find(r, key, &i);

    for (; rc == 0 && i < index_run_count(r); i++) {
        rc = index_run_entry(r, i, &e);
        if (rc < 0 || memcmp(e.key, key, sizeof e.key) != 0) {
            break;
        }
        if (x->live(x->context, e.home.segment)) {
            rc = each(context, &e.home);
        }
    }
    return rc;
}

int index_each_home(const struct index *x, const uint8_t id[32],
                    int (*each)(void *context, const struct index_home *home), void *context)
{
    const uint32_t *head = map_get(x->by_key, id);
    uint32_t at = NO_ENTRY;
    int rc = 0;

    if (head) {
        memcpy(&at, head, sizeof at);
    }
    for (; rc == 0 && at != NO_ENTRY; at = x->pending[at].next) {
        const struct index_home *home = &x->pending[at].entry.home;

        if (x->live(x->context, home->segment)) {
            rc = each(context, home);
        }
    }
    for (size_t i = x->run_count; rc == 0 && i > 0; i--) {
        rc = each_in_run(x, x->runs[i - 1].run, id, each, context);
    }
    return rc;
}

struct lowest {
    struct index_home home;
    bool found;
};

static int keep_lowest(void *context, const struct index_home *home)
{
    struct lowest *l = context;

    if (!l->found || home->segment < l->home.segment) {
        l->home = *home;
        l->found = true;
    }
    return 0;
}

int index_get(const struct index *x, const uint8_t id[32], struct index_home *out_home)
{
    struct lowest l = { .found = false };
    int rc = index_each_home(x, id, keep_lowest, &l);

    *out_home = l.home;
    if (rc == 0 && !l.found) {
        rc = HF_EABSENT;
    }
    return rc;
}

uint64_t index_count(const struct index *x)
{
    uint64_t count = x->pending_count;

    for (size_t i = 0; i < x->run_count; i++) {
        count += index_run_count(x->runs[i].run);
    }
    return count;
}

int index_count_live(const struct index *x, uint64_t *out_count)
{
    *out_count = 0;
    for (size_t i = 0; i < x->pending_count; i++) {
        *out_count += x->live(x->context, x->pending[i].entry.home.segment);
    }
    for (size_t i = 0; i < x->run_count; i++) {
        struct index_run_cursor c;
        struct index_entry e;
        int rc;

        index_run_cursor_init(&c, x->runs[i].run, 0);
        while ((rc = index_run_cursor_next(&c, &e)) > 0) {
            *out_count += x->live(x->context, e.home.segment);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

uint64_t index_pending(const struct index *x)
{
    return x->pending_count;
}

/* Saving: the table becomes a run, and runs are merged */

static int by_entry(const void *a, const void *b)
{
    const struct index_entry *const *x = a;
    const struct index_entry *const *y = b;

    return index_run_compare(*x, *y);
}

/* Sorts pointers, not the table, which must stay usable if the cache can't be written. */
static int write_pending(struct index *x, struct index_run **out_run)
{
    const struct index_entry **order = mem_array(x->pending_count, sizeof *order);
    struct index_run_writer *w = NULL;
    int rc = order ? 0 : err_nomem();

    if (rc == 0) {
        rc = index_run_create(x->cache, x->rnd, x->pending_count, &w);
    }
    if (rc == 0) {
        for (size_t i = 0; i < x->pending_count; i++) {
            order[i] = &x->pending[i].entry;
        }
        qsort(order, x->pending_count, sizeof *order, by_entry);
    }
    for (size_t i = 0; rc == 0 && i < x->pending_count; i++) {
        rc = index_run_add(w, order[i]);
    }
    mem_free(order);
    if (rc < 0) {
        index_run_abandon(w);
        return rc;
    }
    return index_run_finish(w, out_run);
}

struct merge_side {
    struct index_run_cursor cursor;
    bool has;
    struct index_entry entry;
};

/* Moves to the next entry whose segment still counts. */
static int merge_step(const struct index *x, struct merge_side *s)
{
    int rc;

    do {
        rc = index_run_cursor_next(&s->cursor, &s->entry);
    } while (rc > 0 && !x->live(x->context, s->entry.home.segment));
    s->has = rc > 0;
    return rc < 0 ? rc : 0;
}

static int merge_entries(const struct index *x, struct merge_side *a, struct merge_side *b,
                         struct index_run_writer *w)
{
    int rc = merge_step(x, a);

    if (rc == 0) {
        rc = merge_step(x, b);
    }
    while (rc == 0 && (a->has || b->has)) {
        bool first = a->has && (!b->has || index_run_compare(&a->entry, &b->entry) <= 0);
        struct merge_side *s = first ? a : b;

        rc = index_run_add(w, &s->entry);
        if (rc == 0) {
            rc = merge_step(x, s);
        }
    }
    return rc;
}

/* What no list has ever named goes at once; what one names may be open elsewhere. */
static void let_go(struct index *x, size_t i)
{
    char name[INDEX_RUN_NAME_BYTES];

    snprintf(name, sizeof name, "%s", index_run_name(x->runs[i].run));
    index_run_close(x->runs[i].run);
    if (!x->runs[i].listed && fs_unlink(x->cache, name) < 0) {
        err_clear(); /* index_tidy removes it one day */
    }
}

static int merge_last_two(struct index *x)
{
    size_t n = x->run_count;
    const struct index_run *older = x->runs[n - 2].run, *newer = x->runs[n - 1].run;
    struct merge_side a, b;
    struct index_run_writer *w = NULL;
    struct index_run *merged = NULL;
    int rc = index_run_create(x->cache, x->rnd, index_run_count(older) + index_run_count(newer),
                              &w);

    if (rc < 0) {
        return rc;
    }
    index_run_cursor_init(&a.cursor, older, 0);
    index_run_cursor_init(&b.cursor, newer, 0);
    rc = merge_entries(x, &a, &b, w);
    if (rc < 0) {
        index_run_abandon(w);
        return rc;
    }
    rc = index_run_finish(w, &merged);
    if (rc < 0) {
        return rc;
    }
    let_go(x, n - 1);
    let_go(x, n - 2);
    x->runs[n - 2] = (struct listed_run){ .run = merged };
    x->run_count--;
    return 0;
}

static bool merge_is_due(const struct index *x)
{
    size_t n = x->run_count;

    return n >= 2 && (n == MAX_RUNS || index_run_count(x->runs[n - 2].run) <
                                           2 * index_run_count(x->runs[n - 1].run));
}

/* What is in memory becomes a run. No list names it yet: it is for whoever has it open. */
static int spill(struct index *x)
{
    int rc = 0;

    if (x->run_count == MAX_RUNS) {
        rc = merge_last_two(x); /* that has failed until now; without it there is no room */
    }
    if (rc == 0 && x->pending_count > 0) {
        struct index_run *run = NULL;

        rc = write_pending(x, &run);
        if (rc < 0) {
            return rc;
        }
        forget_pending(x);
        x->runs[x->run_count++] = (struct listed_run){ .run = run };
    }
    while (rc == 0 && merge_is_due(x)) {
        rc = merge_last_two(x);
    }
    return rc;
}

/*
 * Another process may have merged a run that we still have open into one of its own, and removed
 * it: a list that names it would be of no use to anybody, and in the place of one that is.
 */
static int check_present(const struct index *x)
{
    struct fs_stat st;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < x->run_count; i++) {
        rc = fs_stat(x->cache, index_run_name(x->runs[i].run), &st);
    }
    return rc;
}

int index_save(struct index *x, struct buf *manifest)
{
    int rc;

    if (!x->cache) {
        return err_raise(HF_EUNSUPPORTED, "there is no cache folder");
    }
    rc = spill(x);
    if (rc == 0) {
        rc = check_present(x);
    }
    buf_put_varint(manifest, x->run_count);
    for (size_t i = 0; rc == 0 && i < x->run_count; i++) {
        buf_put_text(manifest, index_run_name(x->runs[i].run));
        x->runs[i].listed = true;
    }
    return rc < 0 ? rc : buf_error(manifest);
}

int index_load(struct index *x, const void *manifest, size_t len)
{
    struct cursor in;
    uint64_t count;
    int rc = 0;

    index_clear(x);
    cursor_init(&in, manifest, len);
    count = cursor_varint(&in);
    for (uint64_t i = 0; rc == 0 && i < count; i++) {
        char name[INDEX_RUN_NAME_BYTES] = "";
        size_t name_len;
        const uint8_t *bytes = cursor_bytes(&in, sizeof name - 1, &name_len);

        if (!bytes || x->run_count == MAX_RUNS - 1) {
            rc = err_raise(HF_EDAMAGE, "the cached list of index runs is not whole");
            break;
        }
        memcpy(name, bytes, name_len);
        x->runs[x->run_count].listed = true;
        rc = index_run_open(x->cache, name, &x->runs[x->run_count].run);
        x->run_count += rc == 0;
    }
    if (rc < 0) {
        index_clear(x);
    }
    return rc;
}

/* Tidying: what no list names and is old was left by a merge or a crash */

struct tidy {
    struct index *x;
    int64_t now_ns;
};

static int tidy_one(void *context, const char *name)
{
    struct tidy *t = context;
    struct fs_stat st;
    size_t len = strlen(name);

    if (len != INDEX_RUN_NAME_BYTES - 1 || strcmp(name + len - 4, ".run") != 0) {
        return 0;
    }
    for (size_t i = 0; i < t->x->run_count; i++) {
        if (strcmp(name, index_run_name(t->x->runs[i].run)) == 0) {
            return 0;
        }
    }
    if (fs_stat(t->x->cache, name, &st) == 0 && st.mtime_ns + TIDY_AGE_NS < t->now_ns) {
        (void)fs_unlink(t->x->cache, name);
    }
    return 0;
}

void index_tidy(struct index *x, int64_t now_ns)
{
    struct tidy t = { x, now_ns };

    if (x->cache && fs_list(x->cache, "", tidy_one, &t) < 0) {
        log_write(LOG_LEVEL_DEBUG, "could not tidy the cache: %s", err_last()->text);
        err_clear();
    }
}
