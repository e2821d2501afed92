/*
 * test_collect.c - a prune keeps all that manifests reach, and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/check.h"
#include "engine/collect.h"
#include "engine/forget.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"
#include "harness/source_mem.h"
#include "harness/target_mem.h"
#include "store/marks.h"

#define S NS_PER_S
#define NOW (1700000000 * S)

static struct realrepo repo;
static struct source *source;

/* Small chunks, so that files of some KiB have list pages. */
static int set_up(void **state)
{
    struct repo_params params;

    (void)state;
    repo_default_params(&params);
    params.segment_target = 256u << 10;
    params.chunks = (struct chunker_params){ 256, 1024, 4096, 1024 };
    realrepo_make(&repo, 0, &params);
    source = source_mem_new(NOW - 1000 * S);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    source_free(source);
    realrepo_remove(&repo);
    return 0;
}

static void ok(int rc)
{
    if (rc != 0) {
        fail_msg("%s: %s", err_code_name(rc), err_last()->text);
    }
}

static struct collect_options at_once(void)
{
    struct collect_options o;

    collect_options_init(&o);
    o.now = true;
    o.max_unused = 0;
    o.threads = 1;
    return o;
}

static void prune_at_once(struct prune_result *out_result)
{
    struct collect_options o = at_once();

    ok(collect_run(repo.repo, &o, out_result));
}

static void forget(const uint8_t id[16])
{
    uint64_t number;

    ok(forget_publish(repo.repo, (const uint8_t(*)[16])id, 1, &number));
}

/* Nothing is damaged, as one sees it who trusts no cache. */
static void assert_sound(void)
{
    struct repo *other = realrepo_other(&repo);
    struct check_options o = { .read_data = true, .read_fraction = 1, .threads = 1 };
    struct check_result result;

    ok(check_run(other, &o, NULL, &result));
    assert_int_equal(result.damage, 0);
    repo_close(other);
}

/* A tree in memory, and what it should be */

#define FILES 24

struct model_file {
    uint64_t seed;
    size_t len; /* 0: there is none */
    uint64_t xattr_seed;
};

struct model {
    struct model_file files[FILES];
};

#define XATTR_LEN 3000 /* not inline */

static void path_of(size_t i, char out[32])
{
    snprintf(out, 32, "/d%zu/f%zu", i % 3, i);
}

static uint8_t *content_of(uint64_t seed, size_t len)
{
    uint8_t *data = mem_alloc(len + 1);

    assert_non_null(data);
    realtree_content(seed, data, len);
    return data;
}

static void put(struct model *m, size_t i, struct model_file f)
{
    uint8_t *data = content_of(f.seed, f.len);
    char path[32];

    path_of(i, path);
    if (m->files[i].len > 0) {
        source_mem_remove(source, path);
    }
    m->files[i] = f;
    if (f.len > 0) {
        source_mem_file(source, path, data, f.len);
    }
    mem_free(data);
    if (f.len > 0 && f.xattr_seed != 0) {
        data = content_of(f.xattr_seed, XATTR_LEN);
        source_mem_xattr(source, path, "user.x", data, XATTR_LEN);
        mem_free(data);
    }
}

static void make_folders(void)
{
    source_mem_dir(source, "/d0");
    source_mem_dir(source, "/d1");
    source_mem_dir(source, "/d2");
}

static void back_up(uint8_t out_id[16])
{
    static char root[] = "/";
    char *paths[] = { root };
    struct backup_options o = { .threads = 1, .paths = paths, .path_count = 1 };
    struct backup_result result;

    ok(source->ops->rewind(source));
    ok(backup_run(repo.repo, &o, source, NULL, &result));
    memcpy(out_id, result.id, 16);
}

static void assert_file(struct target *t, size_t i, const struct model_file *f)
{
    struct target_mem_thing thing;
    uint8_t *data = content_of(f->seed, f->len);
    char path[32];

    path_of(i, path);
    assert_int_equal(target_mem_find(t, path, &thing), f->len > 0);
    if (f->len > 0) {
        assert_int_equal(thing.len, f->len);
        assert_memory_equal(thing.data, data, f->len);
        assert_int_equal(thing.xattr_count, f->xattr_seed != 0);
    }
    mem_free(data);
    if (f->len > 0 && f->xattr_seed != 0) {
        data = content_of(f->xattr_seed, XATTR_LEN);
        assert_int_equal(thing.xattrs[0].value_len, XATTR_LEN);
        assert_memory_equal(thing.xattrs[0].value, data, XATTR_LEN);
        mem_free(data);
    }
}

static void assert_restores(const uint8_t id[16], const struct model *m)
{
    struct target *t = target_mem_new();
    struct restore_options o = { .threads = 1 };
    struct restore_result result;

    ok(restore_run(repo.repo, catalog_find_snapshot(repo_catalog(repo.repo), id), &o, t, NULL,
                   &result));
    for (size_t i = 0; i < FILES; i++) {
        assert_file(t, i, &m->files[i]);
    }
    target_free(t);
}

/* Tests */

static void test_collect_keeps_lists_and_xattrs_and_takes_the_rest(void **state)
{
    struct model m = { 0 };
    struct prune_result result;
    uint8_t first[16], second[16];

    (void)state;
    make_folders();
    put(&m, 0, (struct model_file){ 1, 3000000, 0 }); /* a tree of list pages */
    put(&m, 1, (struct model_file){ 2, 100000, 9 });  /* one list page, and an xattr chunk */
    put(&m, 2, (struct model_file){ 3, 5000, 8 });
    put(&m, 3, (struct model_file){ 4, 400000, 0 });
    back_up(first);
    put(&m, 3, (struct model_file){ 5, 200000, 0 });
    back_up(second);
    prune_at_once(&result);
    assert_int_equal(result.condemned, 0); /* both are needed */
    forget(first);
    prune_at_once(&result);
    assert_true(result.bytes_reclaimed > 50000);
    assert_restores(second, &m);
    assert_sound();
    prune_at_once(&result);
    assert_int_equal(result.condemned, 0);
}

/* Holes, links, attributes, many kinds of things, on the real file system. */
static void test_collect_keeps_what_real_trees_need(void **state)
{
    struct backup_result backed_up;
    struct restore_result restored;
    struct prune_result result;
    uint8_t older[16];
    char why[500];

    (void)state;
    realtree_fill(repo.tree, 77, 150);
    ok(realrepo_backup(&repo, NULL, &backed_up));
    for (uint64_t i = 0; i < 4; i++) {
        memcpy(older, backed_up.id, sizeof older);
        realtree_change(repo.tree, 100 + i);
        ok(realrepo_backup(&repo, NULL, &backed_up));
        forget(older);
        prune_at_once(&result);
        assert_true(result.bytes_removed > 0);
    }
    ok(realrepo_restore(&repo, NULL, NULL, &restored));
    if (realtree_differs(repo.tree, repo.out, REALTREE_TOP, why, sizeof why)) {
        fail_msg("%s", why);
    }
    assert_sound();
}

struct counting {
    uint64_t snapshots;
    volatile sig_atomic_t stop;
};

static void count(void *context, const struct prune_progress *p)
{
    struct counting *c = context;

    if (p->phase == PRUNE_MARKING) {
        assert_true(p->done <= p->expected);
        c->snapshots = p->done;
    }
    c->stop = c->snapshots == 2;
}

/* A page that snapshots share is looked at once: twenty alike cost no more to mark than one. */
static void test_collect_marks_shared_pages_once(void **state)
{
    struct model m = { 0 };
    struct counting c = { 0 };
    struct collect_options o = at_once();
    struct prune_result one, many;
    uint8_t id[16];
    uint64_t allocated[3];

    (void)state;
    make_folders();
    for (size_t i = 0; i < FILES; i++) {
        put(&m, i, (struct model_file){ i + 1, 30000, 0 });
    }
    back_up(id);
    o.dry = true;
    o.progress = count;
    o.context = &c;
    allocated[0] = mem_alloc_count();
    ok(collect_run(repo.repo, &o, &one));
    allocated[1] = mem_alloc_count();
    assert_int_equal(c.snapshots, 1);
    for (int i = 0; i < 20; i++) {
        back_up(id);
    }
    allocated[2] = mem_alloc_count();
    ok(collect_run(repo.repo, &o, &many));
    assert_int_equal(c.snapshots, 21);
    assert_int_equal(many.bytes_alive, one.bytes_alive);
    allocated[2] = mem_alloc_count() - allocated[2];
    allocated[1] -= allocated[0];
    print_message("%d allocations for 1, %d for 21\n", (int)allocated[1], (int)allocated[2]);
    assert_true(allocated[2] < 2 * allocated[1]); /* each page is one at least */
}

static void test_collect_can_be_interrupted(void **state)
{
    struct model m = { 0 };
    struct counting c = { 0 };
    struct collect_options o = at_once();
    struct prune_result result;
    uint8_t first[16], id[16];

    (void)state;
    make_folders();
    put(&m, 0, (struct model_file){ 1, 30000, 0 });
    back_up(first);
    put(&m, 0, (struct model_file){ 2, 30000, 0 });
    back_up(id);
    back_up(id);
    forget(first);
    o.progress = count;
    o.context = &c;
    o.cancel = &c.stop;
    assert_int_equal(collect_run(repo.repo, &o, &result), HF_EINTERRUPTED);
    assert_int_equal(result.condemned, 0);
    assert_restores(id, &m);
    prune_at_once(&result);
    assert_true(result.condemned > 0);
    assert_restores(id, &m);
}

static void test_collect_gives_what_was_forgotten_a_day(void **state)
{
    struct model m = { 0 };
    struct collect_options o;
    struct prune_result result;
    uint8_t first[16], second[16];
    uint64_t number;

    (void)state;
    make_folders();
    put(&m, 0, (struct model_file){ 1, 30000, 0 });
    back_up(first);
    back_up(second);
    put(&m, 0, (struct model_file){ 2, 30000, 0 });
    back_up(second);
    forget(second);
    collect_options_init(&o);
    assert_int_equal(o.grace_ns, 24 * 3600 * S);
    ok(collect_run(repo.repo, &o, &result));
    assert_int_equal(result.kept_forgotten, 1);
    assert_int_equal(result.condemned, 0);
    ok(forget_undo(repo.repo, (const uint8_t(*)[16])second, 1, &number));
    assert_restores(second, &m);
    forget(second);
    o.grace_ns = 0;
    ok(collect_run(repo.repo, &o, &result));
    assert_true(result.condemned > 0);
    assert_int_equal(forget_undo(repo.repo, (const uint8_t(*)[16])second, 1, &number), HF_EFAIL);
    assert_non_null(strstr(err_last()->text, "has lost data since it was forgotten"));
}

static void test_collect_needs_memory(void **state)
{
    struct model m = { 0 };
    struct collect_options o = at_once();
    struct prune_result result;
    uint8_t first[16], second[16];
    int rc = HF_ENOMEM;

    (void)state;
    make_folders();
    put(&m, 0, (struct model_file){ 1, 50000, 0 });
    back_up(first);
    put(&m, 0, (struct model_file){ 2, 50000, 0 });
    back_up(second);
    forget(first);
    for (uint64_t n = 1; rc != 0; n += 1 + n / 30) {
        mem_fail_at(n, 0);
        rc = collect_run(repo.repo, &o, &result);
        mem_fail_at(0, 0);
        assert_true(rc == 0 || rc == HF_ENOMEM || rc == HF_EUNKNOWN);
    }
    realrepo_reopen(&repo, true);
    prune_at_once(&result);
    assert_restores(second, &m);
    assert_sound();
}

/* A random history */

#define ROUNDS 30
#define MOST 64

struct version {
    uint8_t id[16];
    struct model model;
    bool live;
    bool certain; /* if forgotten: no prune that might have taken it has run since */
};

struct history {
    struct rnd rnd;
    struct model now;
    struct version versions[MOST];
    size_t count;
};

static void mutate(struct history *h)
{
    for (uint64_t n = 1 + rnd_below(&h->rnd, 5); n > 0; n--) {
        static const size_t lengths[] = { 0, 700, 5000, 20000, 20000, 120000 };
        struct model_file f = { .seed = 1 + rnd_below(&h->rnd, 25), /* so that content comes back */
                                .len = lengths[rnd_below(&h->rnd, 6)],
                                .xattr_seed = rnd_below(&h->rnd, 4) };

        put(&h->now, rnd_below(&h->rnd, FILES), f);
    }
    source_mem_tick(source, NOW - 900 * S + (int64_t)h->count * S);
}

static struct version *any(struct history *h, bool live)
{
    size_t from = h->count ? rnd_below(&h->rnd, h->count) : 0;

    for (size_t i = 0; i < h->count; i++) {
        struct version *v = &h->versions[(from + i) % h->count];

        if (v->live == live) {
            return v;
        }
    }
    return NULL;
}

static void forget_one(struct history *h)
{
    struct version *v = any(h, true);

    if (v) {
        forget(v->id);
        v->live = false;
        v->certain = true;
    }
}

/* It works, or says what is gone. */
static void undelete_one(struct history *h)
{
    struct version *v = any(h, false);
    uint64_t number;
    int rc;

    if (!v) {
        return;
    }
    rc = forget_undo(repo.repo, (const uint8_t(*)[16])v->id, 1, &number);
    if (rc == 0) {
        v->live = true;
        assert_restores(v->id, &v->model);
    } else {
        assert_int_equal(rc, HF_EFAIL);
        assert_false(v->certain);
        assert_non_null(strstr(err_last()->text, "has lost data since it was forgotten"));
    }
}

static void prune_somehow(struct history *h)
{
    struct collect_options o = at_once();
    struct prune_result result;

    o.now = rnd_below(&h->rnd, 2) == 0;
    o.grace_ns = rnd_below(&h->rnd, 2) == 0 ? 0 : 3600 * S;
    o.max_unused = rnd_below(&h->rnd, 2) == 0 ? 0 : 0.2;
    ok(collect_run(repo.repo, &o, &result));
    for (size_t i = 0; i < h->count; i++) {
        h->versions[i].certain &= !o.now && o.grace_ns > 0;
    }
}

static void play(uint64_t seed)
{
    struct history *h = mem_zalloc(sizeof *h);

    assert_non_null(h);
    rnd_init_seeded(&h->rnd, seed);
    for (int round = 0; round < ROUNDS; round++) {
        struct version *v = &h->versions[h->count++];

        mutate(h);
        back_up(v->id);
        v->live = true;
        v->model = h->now;
        for (uint64_t n = rnd_below(&h->rnd, 3); n > 0; n--) {
            forget_one(h);
        }
        if (rnd_below(&h->rnd, 3) == 0) {
            undelete_one(h);
        }
        if (rnd_below(&h->rnd, 2) == 0) {
            prune_somehow(h);
        }
        if (rnd_below(&h->rnd, 6) == 0) {
            realrepo_reopen(&repo, rnd_below(&h->rnd, 2) == 0);
        }
    }
    for (size_t i = 0; i < h->count; i++) {
        if (h->versions[i].live) {
            assert_restores(h->versions[i].id, &h->versions[i].model);
        }
    }
    assert_sound();
    mem_free(h);
}

static void test_collect_keeps_every_live_snapshot_of_random_histories(void **state)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        print_message("seed %d\n", (int)seed);
        make_folders();
        play(seed);
        tear_down(state);
        set_up(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_collect_keeps_lists_and_xattrs_and_takes_the_rest),
        T(test_collect_keeps_what_real_trees_need),
        T(test_collect_marks_shared_pages_once),
        T(test_collect_can_be_interrupted),
        T(test_collect_gives_what_was_forgotten_a_day),
        T(test_collect_needs_memory),
        T(test_collect_keeps_every_live_snapshot_of_random_histories),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
