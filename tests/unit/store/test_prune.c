/*
 * test_prune.c - what nobody needs goes, what somebody needs stays: by need, by age, beside others.
 */
#include "format/roll.h"
#include "store/repo_internal.h"
#include "unit/store/prunekit.h"

#define LEN 1000
#define SEGMENT_CHUNKS 5 /* of so many bytes, by the target that vault_init sets */

static uint64_t tip(const struct vault *v)
{
    return journal_at(repo_journal(v->repo))->number;
}

static bool file_of_segment(const struct simdisk *d, const struct vault *v, uint32_t ordinal)
{
    char path[128];

    return kit_there(d, kit_segment_path(v->repo, ordinal, path));
}

/* The segment in which chunk `number` is found. */
static uint32_t home_of(struct vault *v, uint64_t number)
{
    struct index_home home;
    uint8_t id[32];

    kit_chunk_id(v->repo, number, LEN, id);
    ok(repo_locate(v->repo, id, &home));
    return home.segment;
}

static void test_prune_takes_what_nobody_needs(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;
    uint8_t gone[16], kept[16];
    uint64_t used;
    size_t files;
    uint32_t dead;

    (void)state;
    prunekit_commit(&v, 100, 12, LEN, gone);
    dead = (uint32_t)catalog_segment_count(repo_catalog(v.repo));
    prunekit_commit(&v, 200, 12, LEN, kept);
    used = simdisk_used(d);
    files = kit_files(d, "repo/segments/");
    kit_publish(v.repo, ENTRY_FORGET, gone);
    ok(prunekit_prune(&v, &result));
    assert_int_equal(result.segments_before, files);
    assert_int_equal(result.segments_after, files - dead);
    assert_int_equal(result.condemned, dead);
    assert_int_equal(result.removed, dead);
    assert_int_equal(result.bytes_copied, 0);
    assert_int_equal(result.entries, 1);
    assert_int_equal(result.attempts, 1);
    assert_int_equal(result.spared, 0);
    assert_int_equal(result.bytes_reclaimed, result.bytes_removed);
    assert_true(result.bytes_removed > 12 * LEN && result.bytes_removed < used);
    assert_true(result.bytes_before > 24 * LEN);
    assert_true(result.bytes_alive > 12 * LEN && result.bytes_alive < 14 * LEN);
    assert_true(result.bytes_read > 0);
    assert_int_equal(kit_files(d, "repo/segments/"), files - dead);
    for (uint32_t i = 0; i < files; i++) {
        assert_int_equal(file_of_segment(d, &v, i), i >= dead);
        assert_int_equal(catalog_segment(repo_catalog(v.repo), i)->condemned_by,
                         i < dead ? tip(&v) : 0);
    }
    says(kit_fetch(v.repo, 100, LEN), HF_EDAMAGE, "");
    prunekit_assert_whole(d, 1);
    ok(prunekit_prune(&v, &result)); /* and a second one has nothing to do */
    assert_int_equal(result.entries, 0);
    assert_int_equal(result.condemned, 0);
    assert_int_equal(result.removed, 0);
    kit_end(&v, d);
}

/* The space of a file that is still open is not free. */
static void test_prune_closes_what_it_removes(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;
    const struct simtrace *t;
    uint8_t id[16];
    size_t removed = 0;

    (void)state;
    prunekit_commit(&v, 100, 12, LEN, id);
    kit_publish(v.repo, ENTRY_FORGET, id);
    ok(prunekit_prune(&v, &result));
    t = simdisk_trace(d);
    for (size_t i = 0; i < t->count; i++) {
        const struct simop *op = &t->ops[i];
        int open = 0;

        if (op->kind != SIMOP_UNLINK || !strstr(op->path, "/segments/")) {
            continue;
        }
        for (size_t j = 0; j < i; j++) {
            const struct simop *o = &t->ops[j];

            if (o->ino == op->ino && o->happened) {
                open += (o->kind == SIMOP_OPEN || o->kind == SIMOP_CREATE);
                open -= o->kind == SIMOP_CLOSE;
            }
        }
        assert_int_equal(open, 0);
        removed++;
    }
    assert_int_equal(removed, result.removed);
    assert_true(removed > 1);
    kit_end(&v, d);
}

static void test_prune_of_an_empty_repository_does_nothing(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;

    (void)state;
    ok(prunekit_prune(&v, &result));
    assert_int_equal(result.entries, 0);
    assert_int_equal(result.segments_before, 0);
    assert_int_equal(result.attempts, 1);
    assert_int_equal(tip(&v), 1);
    kit_end(&v, d);
}

/* Of 20 chunks every fifth is needed still: their segments go, and nothing but them is copied. */
static void test_prune_copies_what_is_alive_in_sparse_segments(void **state)
{
    static const uint64_t few[] = { 100, 105, 110, 115 };
    struct vault v, w;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;
    uint8_t gone[16], kept[16];

    (void)state;
    prunekit_commit(&v, 100, 20, LEN, gone);
    ok(prunekit_try_commit(&v, "test", few, COUNT(few), LEN, kept));
    kit_publish(v.repo, ENTRY_FORGET, gone);
    ok(prunekit_prune(&v, &result));
    assert_true(result.bytes_copied > COUNT(few) * LEN);
    assert_true(result.bytes_copied < (COUNT(few) + 2) * LEN);
    assert_true(result.bytes_removed > 20 * LEN);
    assert_int_equal(result.bytes_reclaimed, result.bytes_removed - result.bytes_copied);
    for (uint64_t n = 100; n < 120; n++) {
        if (n % 5 == 0) {
            ok(kit_fetch(v.repo, n, LEN));
        } else {
            says(kit_fetch(v.repo, n, LEN), HF_EDAMAGE, "");
        }
    }
    prunekit_assert_whole(d, 1);
    kit_join(&w, d, "cold"); /* who has no cache sees the same homes */
    for (size_t i = 0; i < COUNT(few); i++) {
        assert_int_equal(home_of(&w, few[i]), home_of(&v, few[i]));
    }
    vault_leave(&w);
    repo_save_cache(v.repo);
    kit_close(&v);
    kit_open(&v); /* nor who has one from before */
    for (size_t i = 0; i < COUNT(few); i++) {
        ok(kit_fetch(v.repo, few[i], LEN));
    }
    kit_end(&v, d);
}

/* One entry for each batch, and the sources of each are gone before the next is copied. */
static void test_prune_copies_in_batches(void **state)
{
    static const uint64_t few[] = { 100, 110, 120, 130, 140 };
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prunekit_marking t = { .v = &v };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t gone[16], kept[16];
    uint64_t before;

    (void)state;
    prunekit_commit(&v, 100, 50, LEN, gone);
    ok(prunekit_try_commit(&v, "test", few, COUNT(few), LEN, kept));
    kit_publish(v.repo, ENTRY_FORGET, gone);
    before = tip(&v);
    o.batch_bytes = 1;
    ok(prune_run(v.repo, &o, &result));
    assert_true(result.entries >= COUNT(few));
    assert_int_equal(tip(&v), before + result.entries);
    prunekit_assert_whole(d, 1);
    kit_end(&v, d);
}

/* Ages */

static void test_prune_keeps_what_was_forgotten_within_the_grace_time(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prunekit_marking t = { .v = &v };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t id[16];

    (void)state;
    o.grace_ns = 2 * PRUNEKIT_HOUR;
    prunekit_commit(&v, 1, 5, LEN, id);
    kit_publish(v.repo, ENTRY_FORGET, id);
    prunekit_later(d, PRUNEKIT_HOUR);
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.kept_forgotten, 1);
    assert_int_equal(result.entries, 0);
    kit_publish(v.repo, ENTRY_UNFORGET, id); /* so it can be undone */
    prunekit_assert_whole(d, 1);
    kit_publish(v.repo, ENTRY_FORGET, id);
    prunekit_later(d, PRUNEKIT_HOUR * 3 / 2);
    ok(prune_run(v.repo, &o, &result)); /* forgotten anew: the time begins anew */
    assert_int_equal(result.kept_forgotten, 1);
    prunekit_later(d, PRUNEKIT_HOUR);
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.kept_forgotten, 0);
    assert_int_equal(kit_files(d, "repo/segments/"), 0);
    kit_end(&v, d);
}

/* The client's clock is of no importance. */
static void test_prune_measures_age_by_the_clock_of_the_storage(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prunekit_marking t = { .v = &v };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t id[16];

    (void)state;
    o.grace_ns = 2 * PRUNEKIT_HOUR;
    prunekit_commit(&v, 1, 5, LEN, id);
    kit_publish(v.repo, ENTRY_FORGET, id);
    simclient_skew(v.client, 1000 * PRUNEKIT_HOUR);
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.kept_forgotten, 1);
    simclient_skew(v.client, -1000 * PRUNEKIT_HOUR);
    prunekit_later(d, 3 * PRUNEKIT_HOUR);
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.kept_forgotten, 0);
    kit_end(&v, d);
}

/* A prune without grace took what another one would keep: that is no damage. */
static void test_prune_does_not_miss_what_another_took_within_the_grace_time(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prunekit_marking t = { .v = &v };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t first[16], second[16];

    (void)state;
    prunekit_commit(&v, 1, 5, LEN, first);
    prunekit_commit(&v, 4, 5, LEN, second); /* 4 and 5 are in both */
    kit_publish(v.repo, ENTRY_FORGET, first);
    ok(prune_run(v.repo, &o, &result));
    o.grace_ns = PRUNEKIT_HOUR;
    t.anew = 0;
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.kept_forgotten, 0);
    assert_int_equal(t.anew, 2); /* once at the beginning, once because a look was given up */
    prunekit_assert_whole(d, 1);
    kit_end(&v, d);
}

static void store_unfinished(struct vault *v, const char *job, uint64_t first)
{
    const uint64_t numbers[] = { first, first + 1, first + 2 };
    struct commit c = { .job = (char *)(uintptr_t)job };
    struct run *x = kit_run(v);

    ok(prunekit_store(v, x, numbers, COUNT(numbers), LEN, c.root));
    ok(run_partial(x, &c));
    run_abort(x);
}

static void test_prune_keeps_what_an_unfinished_backup_has_stored(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prunekit_marking t = { .v = &v };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;

    (void)state;
    o.unfinished_ns = 2 * PRUNEKIT_HOUR;
    store_unfinished(&v, "test", 1);
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.kept_unfinished, 1);
    assert_int_equal(result.entries, 0);
    ok(kit_fetch(v.repo, 1, LEN));
    prunekit_later(d, 3 * PRUNEKIT_HOUR);
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.kept_unfinished, 0);
    assert_int_equal(kit_files(d, "repo/segments/"), 0);
    kit_end(&v, d);
}

/* A later snapshot of the job makes it useless; one of another job does not. */
static void test_prune_takes_what_was_unfinished_once_its_job_went_on(void **state)
{
    static const uint64_t others[] = { 50, 51 };
    static const uint64_t own[] = { 60, 61 };
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prunekit_marking t = { .v = &v };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t id[16];

    (void)state;
    o.unfinished_ns = 2 * PRUNEKIT_HOUR;
    store_unfinished(&v, "test", 1);
    ok(prunekit_try_commit(&v, "other", others, COUNT(others), LEN, id));
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.kept_unfinished, 1);
    ok(kit_fetch(v.repo, 1, LEN));
    ok(prunekit_try_commit(&v, "test", own, COUNT(own), LEN, id));
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.kept_unfinished, 0);
    says(kit_fetch(v.repo, 1, LEN), HF_EDAMAGE, "");
    prunekit_assert_whole(d, 2);
    kit_end(&v, d);
}

#define LEFTOVER "repo/segments/0123456789abcdef0123456789abcdef"

static void test_prune_takes_files_that_nobody_has_adopted_when_they_are_old(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;

    (void)state;
    simrot_replace(d, LEFTOVER, "abc", 3);
    simrot_replace(d, "repo/segments/README", "abc", 3); /* no segment, nor ours */
    ok(prunekit_prune(&v, &result));
    assert_int_equal(result.entries, 0);
    assert_true(kit_there(d, LEFTOVER));
    prunekit_later(d, PRUNEKIT_HOUR);
    ok(prunekit_prune(&v, &result));
    assert_int_equal(result.condemned, 1);
    assert_int_equal(result.removed, 1);
    assert_int_equal(result.bytes_removed, 3);
    assert_false(kit_there(d, LEFTOVER));
    assert_true(kit_there(d, "repo/segments/README"));
    kit_end(&v, d);
}

static void test_prune_takes_old_files_in_tmp(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;

    (void)state;
    simrot_replace(d, "repo/tmp/old", "abc", 3);
    prunekit_later(d, PRUNEKIT_HOUR);
    simrot_replace(d, "repo/tmp/new", "abc", 3);
    ok(fs_mkdir(v.env.fs, "tmp/folder", 0700));
    ok(prunekit_prune(&v, &result));
    assert_int_equal(result.tmp_removed, 1);
    assert_false(kit_there(d, "repo/tmp/old"));
    assert_true(kit_there(d, "repo/tmp/new"));
    prunekit_later(d, PRUNEKIT_HOUR);
    ok(prunekit_prune(&v, &result));
    assert_int_equal(result.tmp_removed, 1); /* a folder is not ours to remove */
    kit_end(&v, d);
}

/* Another prune is as quick to remove them: between the listing and us each of them goes. */
static void test_prune_does_not_mind_when_others_remove_files_first(void **state)
{
    static const char *const files[] = { LEFTOVER, "repo/tmp/old" };

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        for (int step = 0; step < 2; step++) {
            struct vault v;
            struct simdisk *d = kit_begin(&v);
            struct prune_result result;

            simrot_replace(d, files[i], "abc", 3);
            prunekit_later(d, PRUNEKIT_HOUR);
            kit_fault(d, step ? SIMOP_UNLINK : SIMOP_STAT, files[i], SIMFAULT_REFUSE, ENOENT);
            ok(prunekit_prune(&v, &result));
            assert_int_equal(simdisk_fault_hits(d), 1);
            assert_int_equal(result.tmp_removed, 0);
            assert_int_equal(result.removed, 0);
            kit_end(&v, d);
        }
    }
}

/* What another condemned and did not live to remove. */
static void test_prune_removes_what_was_condemned_by_anybody(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct simfault f = { .where = { .kinds = SIMOP_BIT(SIMOP_STAT), .prefix = "repo/segments/" },
                          .errnum = ENOENT };
    struct prune_result result;
    uint8_t id[16];
    size_t files;

    (void)state;
    prunekit_commit(&v, 1, 5, LEN, id);
    kit_publish(v.repo, ENTRY_FORGET, id);
    files = kit_files(d, "repo/segments/");
    for (uint32_t i = 0; i < files; i++) {
        kit_publish(v.repo, ENTRY_CONDEMN, kit_segment(v.repo, i));
    }
    f.where.nth = files + 1; /* after they have been counted, one vanishes */
    simdisk_fault(d, &f);
    ok(prunekit_prune(&v, &result));
    assert_int_equal(result.condemned, 0);
    assert_int_equal(result.removed, files - 1);
    assert_int_equal(result.entries, 0);
    ok(prunekit_prune(&v, &result));
    assert_int_equal(result.removed, 1);
    assert_int_equal(kit_files(d, "repo/segments/"), 0);
    kit_end(&v, d);
}

/* Damage */

/* Chunk `number`, stored by two clients at once, in two segments. */
static void store_twice(struct vault *v, struct vault *w, uint64_t number, uint8_t out_first[16],
                        uint8_t out_second[16])
{
    struct run *x = kit_run(v);
    struct run *y = kit_run(w);
    struct commit first = { .job = (char[]){ "test" }, .flags = COMMIT_COMPLETE };
    struct commit second = first;
    uint64_t others[] = { number, number + 1 };
    uint64_t entry;

    ok(prunekit_store(v, x, others, 2, LEN, first.root));
    others[1]++;
    ok(prunekit_store(w, y, others, 2, LEN, second.root));
    ok(run_commit(&x, &first, out_first, &entry));
    ok(run_commit(&y, &second, out_second, &entry));
    ok(repo_refresh(v->repo));
}

static void flip_chunk(struct simdisk *d, struct vault *v, uint64_t number)
{
    struct index_home home;
    uint8_t id[32];
    char path[128];

    kit_chunk_id(v->repo, number, LEN, id);
    ok(repo_locate(v->repo, id, &home));
    simrot_flip(d, kit_segment_path(v->repo, home.segment, path), (home.position + 300) * 8);
}

static void test_prune_proves_the_home_that_it_leaves_a_chunk_in(void **state)
{
    (void)state;
    for (int rotten = 0; rotten < 2; rotten++) {
        struct vault v, w;
        struct simdisk *d = kit_begin(&v);
        struct prune_result result;
        uint8_t first[16], second[16];

        kit_join(&w, d, "b");
        store_twice(&v, &w, 10, first, second);
        kit_publish(v.repo, ENTRY_FORGET, second);
        if (rotten) {
            flip_chunk(d, &v, 10);
        }
        ok(prunekit_prune(&v, &result));
        assert_int_equal(result.bytes_copied > 0, rotten);
        assert_int_equal(result.removed, 1);
        ok(kit_fetch(v.repo, 10, LEN)); /* from where it was copied to */
        prunekit_assert_whole(d, 1);
        vault_leave(&w);
        kit_end(&v, d);
    }
}

/* It can be read nowhere: nothing that might be needed to repair it goes. */
static void test_prune_leaves_a_damaged_repository_alone(void **state)
{
    (void)state;
    for (int what = 0; what < 3; what++) {
        struct vault v;
        struct simdisk *d = kit_begin(&v);
        struct prune_result result;
        uint8_t gone[16], kept[16];
        char path[128];
        uint64_t before;
        size_t files, len;

        prunekit_commit(&v, 100, 12, LEN, gone);
        prunekit_commit(&v, 200, 12, LEN, kept);
        kit_publish(v.repo, ENTRY_FORGET, gone);
        kit_segment_path(v.repo, home_of(&v, 211), path); /* with the root of `kept` */
        assert_non_null(simrot_look(d, path, &len));
        if (what == 0) {
            simrot_delete(d, path);
        } else if (what == 1) {
            simrot_flip(d, path, (len - 20) * 8); /* its trailer */
        } else {
            struct index_home home;

            ok(repo_locate(v.repo, catalog_snapshot(repo_catalog(v.repo), 1)->commit.root, &home));
            kit_segment_path(v.repo, home.segment, path);
            simrot_flip(d, path, (home.position + 60) * 8);
        }
        files = kit_files(d, "repo/segments/");
        before = tip(&v);
        kit_close(&v);
        kit_open(&v);
        assert_int_equal(prunekit_prune(&v, &result), HF_EDAMAGE);
        assert_int_equal(result.condemned, 0);
        assert_int_equal(result.removed, 0);
        assert_int_equal(tip(&v), before);
        assert_int_equal(kit_files(d, "repo/segments/"), files);
        kit_end(&v, d);
    }
}

/* It is found out when it is to be copied: the segment that holds it stays as it is. */
static void test_prune_does_not_take_what_it_could_not_copy(void **state)
{
    static const uint64_t few[] = { 100, 110 };
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;
    uint8_t gone[16], kept[16];
    uint32_t rotten;

    (void)state;
    prunekit_commit(&v, 100, 20, LEN, gone);
    ok(prunekit_try_commit(&v, "test", few, COUNT(few), LEN, kept));
    kit_publish(v.repo, ENTRY_FORGET, gone);
    rotten = home_of(&v, 110);
    flip_chunk(d, &v, 110);
    kit_close(&v);
    kit_open(&v);
    assert_int_equal(prunekit_prune(&v, &result), HF_EDAMAGE);
    assert_true(file_of_segment(d, &v, rotten));
    assert_int_equal(catalog_segment(repo_catalog(v.repo), rotten)->condemned_by, 0);
    ok(kit_fetch(v.repo, 100, LEN));
    kit_end(&v, d);
}

/* Beside others */

struct others {
    struct simdisk *d;
    struct vault *v;
    uint8_t id[16]; /* of a snapshot of theirs */
    const uint64_t *numbers;
    size_t count;
    bool prunes;
};

/* Another client commits what it found stored, or forgets and prunes. */
static int meet(void *context)
{
    struct others *o = context;
    struct prune_result result;
    int rc;

    if (o->prunes) {
        rc = kit_try_publish(o->v->repo, ENTRY_FORGET, o->id);
        return rc == 0 ? prunekit_prune(o->v, &result) : rc;
    }
    return prunekit_try_commit(o->v, "other", o->numbers, o->count, LEN, o->id);
}

static void test_prune_spares_what_is_needed_by_what_came_meanwhile(void **state)
{
    static const uint64_t some[] = { 100, 101 };
    struct vault v, w;
    struct simdisk *d = kit_begin(&v);
    struct others others = { .d = d, .v = &w, .numbers = some, .count = COUNT(some) };
    struct prunekit_marking t = { .v = &v, .meanwhile = meet, .others = &others };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t gone[16], kept[16];

    (void)state;
    prunekit_commit(&v, 100, 12, LEN, gone);
    prunekit_commit(&v, 200, 12, LEN, kept);
    kit_publish(v.repo, ENTRY_FORGET, gone);
    kit_join(&w, d, "b");
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.spared, 1);
    assert_true(result.condemned >= 1);
    assert_int_equal(result.attempts, 1); /* a commit is no reason to begin anew */
    ok(kit_fetch(v.repo, 100, LEN));
    says(kit_fetch(v.repo, 111, LEN), HF_EDAMAGE, "");
    prunekit_assert_whole(d, 2);
    vault_leave(&w);
    kit_end(&v, d);
}

/* All that was to go is needed again: there is nothing to publish, and that is success. */
static void test_prune_may_have_nothing_left_to_condemn(void **state)
{
    static const uint64_t all[] = { 100, 101, 102 };
    struct vault v, w;
    struct simdisk *d = kit_begin(&v);
    struct others others = { .d = d, .v = &w, .numbers = all, .count = COUNT(all) };
    struct prunekit_marking t = { .v = &v, .meanwhile = meet, .others = &others };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t gone[16], kept[16];
    uint64_t before;

    (void)state;
    prunekit_commit(&v, 100, 3, LEN, gone);
    prunekit_commit(&v, 200, 3, LEN, kept);
    kit_publish(v.repo, ENTRY_FORGET, gone);
    kit_join(&w, d, "b");
    before = tip(&v);
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.spared, 1);
    assert_int_equal(result.condemned, 0);
    assert_int_equal(result.entries, 0);
    assert_int_equal(tip(&v), before + 1); /* theirs */
    prunekit_assert_whole(d, 2);
    vault_leave(&w);
    kit_end(&v, d);
}

/* Two prunes together might take both homes of a chunk: the slower one looks again. */
static void test_prune_begins_anew_when_another_came_in_between(void **state)
{
    struct vault v, w;
    struct simdisk *d = kit_begin(&v);
    struct others others = { .d = d, .v = &w, .prunes = true };
    struct prunekit_marking t = { .v = &v, .meanwhile = meet, .others = &others };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t gone[16], kept[16];

    (void)state;
    prunekit_commit(&v, 100, 12, LEN, gone);
    prunekit_commit(&v, 200, 12, LEN, kept);
    prunekit_commit(&v, 300, 12, LEN, others.id);
    kit_publish(v.repo, ENTRY_FORGET, gone);
    kit_join(&w, d, "b");
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.attempts, 2);
    assert_int_equal(t.anew, 2);
    prunekit_assert_whole(d, 1);
    vault_leave(&w);
    kit_end(&v, d);
}

/* A snapshot that is being marked is forgotten and taken by another one. */
static int take_all_at_once(void *context)
{
    struct others *o = context;

    o->prunes = true;
    return meet(o);
}

static void test_prune_looks_again_when_what_it_marks_is_taken(void **state)
{
    struct vault v, w;
    struct simdisk *d = kit_begin(&v);
    struct others others = { .d = d, .v = &w };
    struct prunekit_marking t = { .v = &v, .meanwhile = take_all_at_once, .others = &others };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t kept[16];

    (void)state;
    prunekit_commit(&v, 100, 12, LEN, kept);
    prunekit_commit(&v, 200, 12, LEN, others.id); /* marked after the first has been */
    kit_join(&w, d, "b");
    kit_close(&v);
    kit_open(&v);
    ok(prune_run(v.repo, &o, &result));
    assert_true(result.attempts >= 1);
    prunekit_assert_whole(d, 1);
    vault_leave(&w);
    kit_end(&v, d);
}

/* Others condemn something each time that we look: it gives up rather than to go on for ever. */
struct restless {
    struct vault *v;
    uint64_t number;
};

static int condemn_something(struct restless *r)
{
    uint8_t id[16];
    uint64_t numbers[1] = { r->number++ };
    int rc = prunekit_try_commit(r->v, "other", numbers, 1, LEN, id);
    uint32_t last = (uint32_t)catalog_segment_count(repo_catalog(r->v->repo)) - 1;

    if (rc == 0) {
        rc = kit_try_publish(r->v->repo, ENTRY_FORGET, id);
    }
    return rc == 0 ? kit_try_publish(r->v->repo, ENTRY_CONDEMN, kit_segment(r->v->repo, last)) : rc;
}

static void never_rest(void *context)
{
    struct prunekit_marking *t = context;

    ok(condemn_something(t->others));
    t->anew++;
}

static void test_prune_gives_up_among_others_that_never_rest(void **state)
{
    struct vault v, w;
    struct simdisk *d = kit_begin(&v);
    struct restless others = { .v = &w, .number = 1000 };
    struct prunekit_marking t = { .v = &v, .others = &others };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t gone[16], kept[16];

    (void)state;
    prunekit_commit(&v, 100, 3, LEN, gone);
    prunekit_commit(&v, 200, 3, LEN, kept);
    kit_publish(v.repo, ENTRY_FORGET, gone);
    kit_join(&w, d, "b");
    o.anew = never_rest;
    says(prune_run(v.repo, &o, &result), HF_ECHANGED, "pruned meanwhile");
    assert_int_equal(result.condemned, 0);
    assert_true(result.attempts > 10);
    assert_int_equal(t.anew, result.attempts);
    prunekit_assert_whole(d, 1);
    vault_leave(&w);
    kit_end(&v, d);
}

/* Somebody has followed the journal, but not read the footers yet, when a prune moves it all. */
static void test_prune_is_no_damage_to_those_who_came_before_it(void **state)
{
    static const uint64_t few[] = { 100, 105 };
    struct vault v, w;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;
    uint8_t gone[16], kept[16];

    (void)state;
    prunekit_commit(&v, 100, 12, LEN, gone);
    ok(prunekit_try_commit(&v, "test", few, COUNT(few), LEN, kept));
    kit_publish(v.repo, ENTRY_FORGET, gone);
    kit_join(&w, d, "b");
    ok(prunekit_prune(&v, &result));
    assert_true(result.bytes_copied > 0);
    ok(kit_fetch(w.repo, 100, LEN));
    ok(kit_fetch(w.repo, 105, LEN));
    assert_null(w.repo->unread);
    vault_leave(&w);
    kit_end(&v, d);
}

/* Dry runs, ends, the rest */

static void test_prune_dry_writes_nothing_and_tells_the_truth(void **state)
{
    static const uint64_t few[] = { 100, 105, 110, 115 };
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prunekit_marking t = { .v = &v };
    struct prune_options o = prunekit_options(&t);
    struct prune_result dry, result;
    uint8_t gone[16], dead[16], kept[16];
    size_t from;

    (void)state;
    prunekit_commit(&v, 100, 20, LEN, gone);
    prunekit_commit(&v, 200, 12, LEN, dead);
    ok(prunekit_try_commit(&v, "test", few, COUNT(few), LEN, kept));
    kit_publish(v.repo, ENTRY_FORGET, gone);
    kit_publish(v.repo, ENTRY_FORGET, dead);
    prunekit_commit(&v, 300, 3, LEN, dead); /* condemned by somebody, who did not remove it */
    kit_publish(v.repo, ENTRY_FORGET, dead);
    kit_publish(v.repo, ENTRY_CONDEMN, kit_segment(v.repo, home_of(&v, 300)));
    simrot_replace(d, LEFTOVER, "abc", 3);
    simrot_replace(d, "repo/tmp/old", "abc", 3);
    prunekit_later(d, 2 * PRUNEKIT_HOUR);
    o.roll_size = 2;
    o.dry = true;
    from = simdisk_trace(d)->count;
    ok(prune_run(v.repo, &o, &dry));
    assert_int_equal(kit_changes(d, from, "repo"), 0);
    assert_int_equal(dry.segments_after, dry.segments_before);
    assert_int_equal(dry.entries, 0);
    assert_int_equal(dry.removed, 0);
    o.dry = false;
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(dry.condemned, result.condemned);
    assert_int_equal(dry.bytes_removed, result.bytes_removed);
    assert_int_equal(dry.bytes_before, result.bytes_before);
    assert_int_equal(dry.bytes_alive, result.bytes_alive);
    assert_in_range(result.bytes_copied, dry.bytes_copied, dry.bytes_copied + 1500);
    assert_in_range(result.bytes_read, dry.bytes_read - 1000, dry.bytes_read + 2000);
    assert_in_range(dry.bytes_reclaimed, result.bytes_reclaimed, result.bytes_reclaimed + 1500);
    assert_true(result.rolls > 0);
    kit_end(&v, d);
}

static void test_prune_can_be_cancelled_anywhere(void **state)
{
    static const uint64_t few[] = { 100, 105, 110, 115 };
    unsigned cancelled = 0;
    int rc = HF_EINTERRUPTED;

    (void)state;
    for (unsigned at = 1; rc != 0; at++) {
        struct vault v;
        struct simdisk *d = kit_begin(&v);
        struct prunekit_marking t = { .v = &v, .cancel_at = at };
        struct prune_options o = prunekit_options(&t);
        struct prune_result result;
        uint8_t gone[16], dead[16], kept[16];

        prunekit_commit(&v, 100, 20, LEN, gone);
        prunekit_commit(&v, 200, 6, LEN, dead);
        ok(prunekit_try_commit(&v, "test", few, COUNT(few), LEN, kept));
        kit_publish(v.repo, ENTRY_FORGET, gone);
        kit_publish(v.repo, ENTRY_FORGET, dead);
        o.batch_bytes = 1;
        rc = prune_run(v.repo, &o, &result);
        if (rc != 0) {
            says(rc, HF_EINTERRUPTED, "");
            cancelled++;
        }
        prunekit_assert_whole(d, 1);
        ok(prunekit_prune(&v, &result));
        prunekit_assert_whole(d, 1);
        for (uint64_t n = 100; n < 120; n++) {
            assert_int_equal(kit_fetch(v.repo, n, LEN), n % 5 ? HF_EDAMAGE : 0);
        }
        kit_end(&v, d);
    }
    assert_true(cancelled > 10);
}

static void test_prune_rolls_up_a_long_journal(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prunekit_marking t = { .v = &v };
    struct prune_options o = prunekit_options(&t);
    struct prune_result result;
    uint8_t id[16];

    (void)state;
    for (uint64_t n = 0; n < 9; n++) {
        prunekit_commit(&v, n, 1, LEN, id);
    }
    o.roll_size = 4;
    ok(prune_run(v.repo, &o, &result));
    assert_int_equal(result.rolls, 2);
    assert_int_equal(kit_files(d, "repo/rolls/"), 2);
    prunekit_assert_whole(d, 9);
    kit_end(&v, d);
}

static void test_prune_refuses_to_write_where_others_may_not(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct prune_result result;
    struct repo_env env;
    uint8_t id[16];
    char path[128];
    int rc;

    (void)state;
    prunekit_commit(&v, 1, 1, LEN, id);
    prunekit_commit(&v, 2, 1, LEN, id);
    kit_close(&v);
    simrot_flip(d, kit_file(d, "repo/journal/000000000002", 0, path), 800);
    env = v.env;
    env.cache = NULL;
    ok(repo_open(&env, &kit_unlock, REPO_TOLERANT, &v.repo));
    rc = prunekit_prune(&v, &result);
    assert_int_equal(rc, HF_EDAMAGE);
    assert_int_equal(kit_files(d, "repo/segments/"), 2);
    kit_end(&v, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prune_takes_what_nobody_needs),
        cmocka_unit_test(test_prune_closes_what_it_removes),
        cmocka_unit_test(test_prune_of_an_empty_repository_does_nothing),
        cmocka_unit_test(test_prune_copies_what_is_alive_in_sparse_segments),
        cmocka_unit_test(test_prune_copies_in_batches),
        cmocka_unit_test(test_prune_keeps_what_was_forgotten_within_the_grace_time),
        cmocka_unit_test(test_prune_measures_age_by_the_clock_of_the_storage),
        cmocka_unit_test(test_prune_does_not_miss_what_another_took_within_the_grace_time),
        cmocka_unit_test(test_prune_keeps_what_an_unfinished_backup_has_stored),
        cmocka_unit_test(test_prune_takes_what_was_unfinished_once_its_job_went_on),
        cmocka_unit_test(test_prune_takes_files_that_nobody_has_adopted_when_they_are_old),
        cmocka_unit_test(test_prune_takes_old_files_in_tmp),
        cmocka_unit_test(test_prune_does_not_mind_when_others_remove_files_first),
        cmocka_unit_test(test_prune_removes_what_was_condemned_by_anybody),
        cmocka_unit_test(test_prune_proves_the_home_that_it_leaves_a_chunk_in),
        cmocka_unit_test(test_prune_leaves_a_damaged_repository_alone),
        cmocka_unit_test(test_prune_does_not_take_what_it_could_not_copy),
        cmocka_unit_test(test_prune_spares_what_is_needed_by_what_came_meanwhile),
        cmocka_unit_test(test_prune_may_have_nothing_left_to_condemn),
        cmocka_unit_test(test_prune_begins_anew_when_another_came_in_between),
        cmocka_unit_test(test_prune_looks_again_when_what_it_marks_is_taken),
        cmocka_unit_test(test_prune_gives_up_among_others_that_never_rest),
        cmocka_unit_test(test_prune_is_no_damage_to_those_who_came_before_it),
        cmocka_unit_test(test_prune_dry_writes_nothing_and_tells_the_truth),
        cmocka_unit_test(test_prune_can_be_cancelled_anywhere),
        cmocka_unit_test(test_prune_rolls_up_a_long_journal),
        cmocka_unit_test(test_prune_refuses_to_write_where_others_may_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
