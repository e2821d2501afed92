/*
 * prunekit.h - what the tests of garbage collection share: snapshots of numbered chunks whose root
 * lists their ids, and a prune that marks them.
 *
 * Each chunk is a block of its own, so that segments become sparse chunk by chunk.
 */
#ifndef HF_UNIT_PRUNEKIT_H
#define HF_UNIT_PRUNEKIT_H

#include "store/prune.h"
#include "unit/store/storekit.h"

#define PRUNEKIT_HOUR (3600 * NS_PER_S)

/* Stores the chunks and a root that lists them; out_root may be NULL. */
static inline int prunekit_store(struct vault *v, struct run *x, const uint64_t *numbers,
                                 size_t count, size_t len, uint8_t out_root[32])
{
    struct buf root;
    uint8_t id[32];
    int rc = 0;

    buf_init(&root);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        uint8_t *data = kit_bytes(numbers[i], len);
        bool is_new;

        kit_id(v->repo, data, len, id);
        rc = run_add(x, SEGMENT_DATA, id, data, len, &is_new);
        if (rc == 0) {
            rc = run_cut(x, SEGMENT_DATA);
        }
        mem_free(data);
        buf_put(&root, id, sizeof id);
    }
    if (rc == 0) {
        rc = run_add_page(x, root.data, root.len, out_root);
    }
    buf_release(&root);
    return rc;
}

static inline int prunekit_try_commit(struct vault *v, const char *job, const uint64_t *numbers,
                                      size_t count, size_t len, uint8_t out_id[16])
{
    struct commit c = { .job = (char *)(uintptr_t)job, .flags = COMMIT_COMPLETE };
    struct run_options o = { .pool = v->pool };
    struct run *x = NULL;
    uint64_t number;
    int rc = run_begin(v->repo, &o, &x);

    if (rc == 0) {
        rc = prunekit_store(v, x, numbers, count, len, c.root);
    }
    if (rc == 0) {
        rc = run_commit(&x, &c, out_id, &number);
    }
    run_abort(x);
    return rc;
}

/* A snapshot of the chunks first .. first + count - 1. */
static inline void prunekit_commit(struct vault *v, uint64_t first, size_t count, size_t len,
                                   uint8_t out_id[16])
{
    uint64_t *numbers = mem_array(count + 1, sizeof *numbers);

    assert_non_null(numbers);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = first + i;
    }
    ok(prunekit_try_commit(v, "test", numbers, count, len, out_id));
    mem_free(numbers);
}

/* Calls each with every id that this root needs, its own first. */
static inline int prunekit_each(struct repo *r, const uint8_t root[32],
                                int (*each)(void *context, const uint8_t id[32]), void *context)
{
    static const uint8_t none[32];
    struct repo_reader *rd = NULL;
    struct buf ids;
    const uint8_t *data;
    size_t len;
    int rc;

    if (memcmp(root, none, sizeof none) == 0) {
        return 0;
    }
    buf_init(&ids);
    rc = each(context, root);
    if (rc == 0) {
        rc = repo_reader_new(r, 2, &rd);
    }
    if (rc == 0) {
        rc = repo_reader_chunk(rd, root, &data, &len);
    }
    if (rc == 0) {
        buf_put(&ids, data, len);
        rc = buf_error(&ids);
    }
    repo_reader_free(rd);
    for (size_t i = 0; rc == 0 && i + 32 <= ids.len; i += 32) {
        rc = each(context, ids.data + i);
    }
    buf_release(&ids);
    return rc;
}

struct prunekit_marking { /* the context of a prune */
    struct vault *v;
    unsigned marked;                /* calls of `mark` */
    unsigned anew;                  /* and of `anew` */
    unsigned told;                  /* and of `progress` */
    enum prune_phase phase;         /* as told last */
    unsigned cancel_at;             /* the so many-th progress sets the flag; 0: none */
    int (*meanwhile)(void *others); /* called once, when the first snapshot has been marked */
    int (*copying)(void *others);   /* called once, when something has been copied */
    void *others;
    volatile sig_atomic_t cancel;
};

static inline int prunekit_mark_one(void *context, const uint8_t id[32])
{
    return marks_add(context, id);
}

static inline int prunekit_mark(void *context, const uint8_t root[32], struct marks *m)
{
    struct prunekit_marking *t = context;

    t->marked++;
    return prunekit_each(t->v->repo, root, prunekit_mark_one, m);
}

static inline void prunekit_anew(void *context)
{
    ((struct prunekit_marking *)context)->anew++;
}

static inline void prunekit_once(int (**hook)(void *others), void *others)
{
    int (*fn)(void *) = *hook;

    *hook = NULL;
    if (fn) {
        ok(fn(others));
    }
}

static inline void prunekit_progress(void *context, const struct prune_progress *p)
{
    struct prunekit_marking *t = context;

    t->phase = p->phase;
    if (p->phase == PRUNE_MARKING) {
        prunekit_once(&t->meanwhile, t->others);
    } else if (p->phase == PRUNE_COPYING) {
        prunekit_once(&t->copying, t->others);
    }
    t->cancel |= ++t->told == t->cancel_at;
}

/* Without any grace, but for leftovers; all that is dead goes. */
static inline struct prune_options prunekit_options(struct prunekit_marking *t)
{
    return (struct prune_options){
        .pool = t->v->pool,
        .leftover_ns = PRUNEKIT_HOUR,
        .mark = prunekit_mark,
        .anew = prunekit_anew,
        .progress = prunekit_progress,
        .context = t,
        .cancel = &t->cancel,
    };
}

static inline int prunekit_prune(struct vault *v, struct prune_result *out_result)
{
    struct prunekit_marking t = { .v = v };
    struct prune_options o = prunekit_options(&t);

    return prune_run(v->repo, &o, out_result);
}

static inline int prunekit_read_one(void *context, const uint8_t id[32])
{
    const uint8_t *data;
    size_t len;

    return repo_reader_chunk(context, id, &data, &len);
}

/* Every live snapshot of the repository is whole, as somebody sees it who has nothing cached. */
static inline void prunekit_assert_whole(struct simdisk *d, size_t live)
{
    struct simclient *c = simdisk_client(d, "afresh");
    struct repo_env env = { .fs = simclient_fs(c, "repo"),
                            .clock = simclient_clock(c),
                            .rnd = simclient_rnd(c) };
    struct repo_reader *rd = NULL;
    struct repo *r = NULL;
    size_t count = 0;

    ok(repo_open(&env, &kit_unlock, REPO_STRICT, &r));
    ok(repo_reader_new(r, 2, &rd));
    for (size_t i = 0; i < catalog_snapshot_count(repo_catalog(r)); i++) {
        const struct catalog_snapshot *s = catalog_snapshot(repo_catalog(r), i);

        if (!s->partial && s->forgotten_by == 0) {
            ok(prunekit_each(r, s->commit.root, prunekit_read_one, rd));
            count++;
        }
    }
    assert_int_equal(count, live);
    repo_reader_free(rd);
    repo_close(r);
    fs_close_fs(env.fs);
}

static inline void prunekit_later(struct simdisk *d, int64_t ns)
{
    simdisk_set_now(d, simdisk_now(d) + ns);
}

#endif
