/*
 * test_run.c - what a run acknowledges is there, wholly, and needs nothing that is not; whatever
 * happens meanwhile, and whatever fails.
 */
#include "store/memory.h"
#include "store/repo_internal.h"
#include "store/run_internal.h"
#include "unit/store/storekit.h"

#define LEN 700

static struct commit commit_of(char *job)
{
    return (struct commit){ .job = job, .flags = COMMIT_COMPLETE };
}

static int partial(struct run *x)
{
    struct commit c = commit_of((char[]){ "so far" });

    return run_partial(x, &c);
}

static int commit(struct run **x)
{
    uint8_t id[16];
    uint64_t number;

    return kit_try_commit(x, id, &number);
}

/* Opens the repository as somebody who has neither cache nor memory, and fetches the chunks. */
static int fetch_afresh(struct simdisk *d, uint64_t first, unsigned count, size_t len)
{
    struct simclient *c = simdisk_client(d, "afresh");
    struct repo_env env = { .fs = simclient_fs(c, "repo"),
                            .clock = simclient_clock(c),
                            .rnd = simclient_rnd(c) };
    struct repo *r = NULL;
    int rc = repo_open(&env, &kit_unlock, REPO_STRICT, &r);

    for (unsigned i = 0; rc == 0 && i < count; i++) {
        rc = kit_fetch(r, first + i, len);
    }
    repo_close(r);
    fs_close_fs(env.fs);
    return rc;
}

/* --- a commit --------------------------------------------------------------------------------- */

static void test_run_commits_a_snapshot(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct commit c = commit_of((char[]){ "nightly" });
    const struct catalog_snapshot *s;
    struct run *x = kit_run(&v);
    struct vault w;
    uint8_t id[16];
    uint64_t number;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(kit_add(&v, x, i, LEN));
    }
    assert_int_equal(run_bytes_new(x), 5 * LEN);
    ok(run_commit(&x, &c, id, &number));
    assert_null(x);
    assert_int_equal(number, 2);
    assert_int_equal(c.counts.bytes_new, 5 * LEN);
    assert_true(c.counts.bytes_stored > 5 * LEN);
    kit_join(&w, d, "b");
    s = catalog_find_snapshot(repo_catalog(w.repo), id);
    assert_non_null(s);
    assert_string_equal(s->commit.job, "nightly");
    assert_int_equal(s->number, 2);
    assert_int_equal(s->commit.counts.bytes_new, 5 * LEN);
    assert_int_equal(s->commit.counts.bytes_stored, c.counts.bytes_stored);
    assert_int_equal(c.counts.bytes_stored, catalog_segment(repo_catalog(w.repo), 0)->file_len);
    vault_leave(&w);
    ok(fetch_afresh(d, 0, 5, LEN));
    kit_end(&v, d);
}

/* The five syncs of docs/durability.md, and none more. */
static void test_run_makes_just_the_syncs_of_the_protocol(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run *x = kit_run(&v);
    struct buf sites;
    size_t from = simdisk_trace(d)->count;

    (void)state;
    buf_init(&sites);
    kit_add(&v, x, 1, LEN);
    ok(commit(&x));
    assert_string_equal(kit_syncs(d, from, &sites),
                        "segment.data segment.names journal.entry journal.publish journal.head");
    x = kit_run(&v); /* nothing new: no segment */
    kit_add(&v, x, 1, LEN);
    from = simdisk_trace(d)->count;
    ok(commit(&x));
    assert_string_equal(kit_syncs(d, from, &sites), "journal.entry journal.publish journal.head");
    x = kit_run(&v); /* several segments: their names are synced once */
    for (unsigned i = 0; i < 20; i++) {
        kit_add(&v, x, 100 + i, LEN);
        ok(run_cut(x, SEGMENT_DATA));
    }
    from = simdisk_trace(d)->count;
    ok(commit(&x));
    assert_string_equal(kit_syncs(d, from, &sites) + strlen("segment.data "),
                        "segment.names journal.entry journal.publish journal.head");
    buf_release(&sites);
    kit_end(&v, d);
}

/* A sixth, of journal/, when another client's entry stands above the head. */
static void test_run_settles_what_it_builds_on(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run *x = kit_run(&v);
    struct vault w;
    struct buf sites;
    size_t from;

    (void)state;
    buf_init(&sites);
    kit_add(&v, x, 1, LEN);
    kit_fault(d, SIMOP_CREATE, "repo/head/", SIMFAULT_REFUSE, EIO);
    assert_int_equal(commit(&x), HF_EUNKNOWN);
    kit_join(&w, d, "b");
    x = kit_run(&w);
    kit_add(&w, x, 2, LEN);
    from = simdisk_trace(d)->count;
    ok(commit(&x));
    assert_string_equal(kit_syncs(d, from, &sites),
                        "segment.data segment.names journal.settle journal.entry "
                        "journal.publish journal.head");
    buf_release(&sites);
    vault_leave(&w);
    kit_end(&v, d);
}

static void test_run_of_nothing_commits(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run *x = kit_run(&v);

    (void)state;
    ok(commit(&x));
    assert_int_equal(kit_files(d, "repo/segments/"), 0);
    assert_int_equal(catalog_snapshot_count(repo_catalog(v.repo)), 1);
    kit_end(&v, d);
}

/* --- what is stored already ------------------------------------------------------------------- */

static void test_run_stores_a_chunk_once(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run *x = kit_run(&v);
    struct vault w;
    uint8_t id[32];
    bool known;

    (void)state;
    kit_chunk_id(v.repo, 1, LEN, id);
    ok(run_has(x, id, &known));
    assert_false(known);
    assert_true(kit_add(&v, x, 1, LEN));
    assert_false(kit_add(&v, x, 1, LEN)); /* within a run */
    ok(run_has(x, id, &known));
    assert_true(known);
    ok(commit(&x));
    x = kit_run(&v);
    assert_false(kit_add(&v, x, 1, LEN)); /* and across runs */
    assert_true(kit_add(&v, x, 2, LEN));
    assert_int_equal(run_bytes_new(x), LEN);
    ok(commit(&x));
    kit_join(&w, d, "b");
    x = kit_run(&w);
    assert_false(kit_add(&w, x, 1, LEN)); /* and across clients */
    assert_false(kit_add(&w, x, 2, LEN));
    ok(commit(&x));
    assert_int_equal(kit_files(d, "repo/segments/"), 2);
    vault_leave(&w);
    kit_end(&v, d);
}

static void test_run_stores_again_what_was_condemned(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run *x;
    uint8_t id[16];

    (void)state;
    kit_commit(&v, 1, 3, LEN, id);
    kit_publish(v.repo, ENTRY_CONDEMN, kit_segment(v.repo, 0));
    x = kit_run(&v);
    assert_true(kit_add(&v, x, 2, LEN));
    ok(commit(&x));
    ok(fetch_afresh(d, 2, 1, LEN));
    kit_end(&v, d);
}

/* --- dry runs, aborted runs ------------------------------------------------------------------- */

static void test_run_that_is_dry_writes_nothing(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run_options o = { .pool = v.pool, .dry = true, .partial_bytes = 1 };
    struct commit c = commit_of((char[]){ "dry" });
    struct run *x = NULL;
    uint8_t id[16];
    uint64_t number;
    size_t from;

    (void)state;
    kit_commit(&v, 1, 3, LEN, id);
    from = simdisk_trace(d)->count;
    ok(run_begin(v.repo, &o, &x));
    assert_false(kit_add(&v, x, 2, LEN));
    assert_true(kit_add(&v, x, 50, LEN));
    assert_false(kit_add(&v, x, 50, LEN));
    ok(run_cut(x, SEGMENT_DATA));
    assert_false(run_partial_due(x));
    assert_int_equal(run_bytes_new(x), LEN);
    ok(run_commit(&x, &c, id, &number));
    assert_int_equal(number, 0);
    assert_int_equal(c.counts.bytes_new, LEN);
    assert_int_equal(kit_changes(d, from, ""), 0);
    kit_end(&v, d);
}

static void test_run_that_is_aborted_leaves_only_garbage(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    for (unsigned chunks = 0; chunks < 40; chunks += 13) {
        struct run *x = kit_run(&v);

        for (unsigned i = 0; i < chunks; i++) {
            kit_add(&v, x, 100 * chunks + i, LEN);
            ok(run_cut(x, SEGMENT_DATA));
        }
        run_abort(x);
        assert_int_equal(kit_files(d, "repo/tmp/"), 0);
        assert_int_equal(kit_files(d, "repo/journal/"), 1);
        ok(fetch_afresh(d, 0, 0, LEN));
    }
    run_abort(NULL);
    kit_end(&v, d);
}

/* --- partials --------------------------------------------------------------------------------- */

static void test_run_partial_keeps_what_is_stored_so_far(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run_options o = { .pool = v.pool, .partial_bytes = 2 * LEN };
    struct run *x = NULL;
    struct vault w;

    (void)state;
    ok(run_begin(v.repo, &o, &x));
    kit_add(&v, x, 1, LEN);
    assert_false(run_partial_due(x));
    assert_int_equal(run_bytes_stored(x), 0);
    for (unsigned i = 2; !run_partial_due(x); i++) {
        kit_add(&v, x, i, LEN);
        ok(run_cut(x, SEGMENT_DATA));
        assert_true(i < 20);
    }
    ok(partial(x));
    assert_true(run_bytes_stored(x) >= 2 * LEN);
    assert_false(run_partial_due(x));
    assert_false(kit_add(&v, x, 1, LEN)); /* known still */
    run_abort(x);
    kit_join(&w, d, "b");
    assert_int_equal(catalog_snapshot_count(repo_catalog(w.repo)), 1);
    assert_true(catalog_snapshot(repo_catalog(w.repo), 0)->partial);
    ok(kit_fetch(w.repo, 1, LEN));
    vault_leave(&w);
    kit_end(&v, d);
}

static void test_run_commits_after_partials(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct commit c = commit_of((char[]){ "all" });
    struct run *x = kit_run(&v);
    uint8_t id[16];
    uint64_t number;
    uint64_t stored = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        kit_add(&v, x, i, LEN);
        ok(partial(x));
    }
    ok(partial(x)); /* of nothing new */
    kit_add(&v, x, 4, LEN);
    ok(run_commit(&x, &c, id, &number));
    assert_int_equal(number, 7);
    assert_int_equal(c.counts.bytes_new, 5 * LEN);
    for (uint32_t i = 0; i < 5; i++) {
        stored += catalog_segment(repo_catalog(v.repo), i)->file_len;
    }
    assert_int_equal(c.counts.bytes_stored, stored);
    ok(fetch_afresh(d, 0, 5, LEN));
    kit_end(&v, d);
}

/* --- validation ------------------------------------------------------------------------------- */

/* Another client condemns a segment while this one's run relies on a chunk in it. */
static void test_run_refuses_when_what_it_relies_on_is_condemned(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct vault w;
    struct run *x;
    uint8_t id[16];

    (void)state;
    kit_commit(&v, 1, 3, LEN, id);
    kit_commit(&v, 11, 3, LEN, id);
    kit_join(&w, d, "b");
    x = kit_run(&v);
    assert_false(kit_add(&v, x, 1, LEN));
    kit_publish(w.repo, ENTRY_CONDEMN, kit_segment(w.repo, 1));
    ok(commit(&x)); /* what was condemned was nothing to it */
    x = kit_run(&v);
    assert_false(kit_add(&v, x, 1, LEN));
    assert_true(kit_add(&v, x, 21, LEN));
    kit_publish(w.repo, ENTRY_CONDEMN, kit_segment(w.repo, 0));
    says(commit(&x), HF_ECHANGED, "chunks of this backup was removed");
    assert_null(x);
    x = kit_run(&v); /* all over again is right */
    assert_true(kit_add(&v, x, 1, LEN));
    ok(commit(&x));
    ok(fetch_afresh(d, 1, 1, LEN));
    vault_leave(&w);
    kit_end(&v, d);
}

static void test_run_refuses_when_its_segments_were_taken_for_garbage(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct vault w;
    struct run *x;
    char path[128];
    uint8_t uuid[16];

    (void)state;
    kit_join(&w, d, "b");
    x = kit_run(&v);
    for (unsigned i = 0; i < 20; i++) {
        kit_add(&v, x, i, LEN);
        ok(run_cut(x, SEGMENT_DATA));
    }
    kit_file(d, "repo/segments/", 0, path); /* finished, and not yet adopted */
    assert_true(text_unhex(path + strlen("repo/segments/"), 32, uuid));
    kit_publish(w.repo, ENTRY_CONDEMN, uuid);
    says(commit(&x), HF_ECHANGED, "taken for garbage");
    assert_true(kit_there(d, path)); /* an author never unlinks what has its name */
    vault_leave(&w);
    kit_end(&v, d);
}

/*
 * What a run has adopted by partials is protected by nobody. If it goes, so do chunks of the
 * snapshot that the run has no reason to look at again.
 */
static void test_run_refuses_when_its_partials_were_condemned(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct vault w;
    struct run *x;

    (void)state;
    kit_join(&w, d, "b");
    x = kit_run(&v);
    kit_add(&v, x, 1, LEN);
    ok(partial(x));
    ok(repo_refresh(w.repo));
    kit_publish(w.repo, ENTRY_CONDEMN, kit_segment(w.repo, 0));
    kit_add(&v, x, 2, LEN);
    says(commit(&x), HF_ECHANGED, "removed");
    assert_int_equal(catalog_snapshot_count(repo_catalog(w.repo)), 1);
    vault_leave(&w);
    kit_end(&v, d);
}

static void test_run_partial_validates_too(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct vault w;
    struct run *x;
    uint8_t id[16];

    (void)state;
    kit_commit(&v, 1, 3, LEN, id);
    kit_join(&w, d, "b");
    x = kit_run(&v);
    kit_add(&v, x, 1, LEN);
    kit_publish(w.repo, ENTRY_CONDEMN, kit_segment(w.repo, 0));
    says(partial(x), HF_ECHANGED, "could not keep what was stored so far");
    run_abort(x);
    vault_leave(&w);
    kit_end(&v, d);
}

static void test_run_refuses_when_its_parent_was_forgotten(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct vault w;
    struct run *x;
    uint8_t parent[16];
    uint8_t unknown[16] = { 1 };

    (void)state;
    kit_commit(&v, 1, 3, LEN, parent);
    kit_join(&w, d, "b");
    x = kit_run(&v);
    run_rely_on_parent(x, parent);
    ok(commit(&x));
    x = kit_run(&v);
    run_rely_on_parent(x, parent);
    kit_publish(w.repo, ENTRY_FORGET, parent);
    says(commit(&x), HF_ECHANGED, "the parent snapshot was forgotten meanwhile");
    kit_publish(w.repo, ENTRY_UNFORGET, parent);
    ok(repo_refresh(v.repo));
    x = kit_run(&v);
    run_rely_on_parent(x, parent);
    ok(commit(&x));
    x = kit_run(&v);
    run_rely_on_parent(x, unknown);
    assert_int_equal(commit(&x), HF_ECHANGED);
    vault_leave(&w);
    kit_end(&v, d);
}

/* An unfinished run protects nothing: whatever was condemned since may have been below it. */
static void test_run_on_a_partial_parent_bears_no_condemnation_since(void **state)
{
    static const uint8_t stillborn[16] = { 7 };

    (void)state;
    for (unsigned when = 0; when < 4; when++) {
        struct vault v;
        struct simdisk *d = kit_begin(&v);
        struct run *x;
        uint8_t id[16];
        uint8_t parent[16];

        kit_commit(&v, 1, 3, LEN, id);
        if (when == 0) { /* before the parent was made: it had nothing to do with it */
            kit_publish(v.repo, ENTRY_CONDEMN, kit_segment(v.repo, 0));
        }
        x = kit_run(&v);
        kit_add(&v, x, 50, LEN);
        ok(partial(x));
        run_abort(x);
        memcpy(parent, catalog_snapshot(repo_catalog(v.repo), 1)->id, 16);
        if (when == 1) { /* between the parent and us */
            kit_publish(v.repo, ENTRY_CONDEMN, kit_segment(v.repo, 0));
        }
        x = kit_run(&v);
        run_rely_on_parent(x, parent);
        if (when == 2) { /* while we ran */
            kit_publish(v.repo, ENTRY_CONDEMN, kit_segment(v.repo, 0));
        }
        if (when == 3) { /* of what nobody adopted */
            kit_publish(v.repo, ENTRY_CONDEMN, stillborn);
        }
        if (when == 0 || when == 3) {
            ok(commit(&x));
        } else {
            says(commit(&x), HF_ECHANGED, "what an unfinished backup had stored was removed");
        }
        kit_end(&v, d);
    }
}

/* --- outcomes that are not known -------------------------------------------------------------- */

static void late_publication(struct simdisk *d)
{
    struct simfault f = { .where = { .kinds = SIMOP_BIT(SIMOP_RENAME_NEW),
                                     .prefix = "repo/journal/" },
                          .kind = SIMFAULT_LATE,
                          .late_by = 100000 };

    simdisk_fault(d, &f);
    kit_fault_for_ever(d, SIMOP_RENAME_NEW, "repo/journal/", EIO);
}

static void test_run_whose_commit_lands_late_keeps_its_segments(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run *x = kit_run(&v);
    struct vault w;
    uint8_t id[16];
    uint64_t number;

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        kit_add(&v, x, i, LEN);
        ok(run_cut(x, SEGMENT_DATA));
    }
    late_publication(d);
    assert_int_equal(kit_try_commit(&x, id, &number), HF_EUNKNOWN);
    assert_null(x);
    assert_int_equal(number, 0);
    ok(fetch_afresh(d, 0, 0, LEN)); /* it is not there ... */
    simdisk_clear_faults(d);
    simdisk_land(d);
    ok(fetch_afresh(d, 0, 12, LEN)); /* ... and then it is, wholly, under the id that was told */
    kit_join(&w, d, "b");
    assert_non_null(catalog_find_snapshot(repo_catalog(w.repo), id));
    vault_leave(&w);
    kit_end(&v, d);
}

/* After a partial of which the outcome is unknown, nothing may adopt its segments once more. */
static void test_run_never_adopts_twice(void **state)
{
    (void)state;
    for (unsigned landed = 0; landed < 2; landed++) {
        struct vault v;
        struct simdisk *d = kit_begin(&v);
        struct run *x = kit_run(&v);
        bool is_new;

        kit_add(&v, x, 1, LEN);
        late_publication(d);
        assert_int_equal(partial(x), HF_EUNKNOWN);
        simdisk_clear_faults(d);
        if (landed) {
            simdisk_land(d);
        }
        says(kit_try_add(v.repo, x, 2, LEN, &is_new), HF_EFAIL, "has failed before");
        says(run_cut(x, SEGMENT_DATA), HF_EFAIL, "has failed before");
        says(partial(x), HF_EFAIL, "has failed before");
        if (landed) { /* and if that were forgotten: what is adopted is known */
            x->failed = false;
            says(commit(&x), HF_ECHANGED, "was adopted before");
        } else {
            says(commit(&x), HF_EFAIL, "has failed before");
        }
        simdisk_land(d);
        ok(fetch_afresh(d, 1, 1, LEN));
        kit_end(&v, d);
    }
}

/* The folder's sync failed, and the next one would say that all is well: it is not believed. */
static void test_run_does_not_sync_again_what_failed(void **state)
{
    static const char *const folders[] = { "repo/segments", "repo/journal", "repo/head" };

    (void)state;
    for (size_t i = 0; i < COUNT(folders); i++) {
        struct vault v;
        struct simdisk *d = kit_begin(&v);
        struct run *x = kit_run(&v);

        kit_add(&v, x, 1, LEN);
        kit_fault(d, SIMOP_SYNC_DIR, folders[i], SIMFAULT_LOST, EIO);
        assert_int_equal(partial(x), i == 0 ? HF_EIO : HF_EUNKNOWN);
        assert_true(commit(&x) < 0);
        kit_end(&v, d);
    }
}

/* --- a caller who does not listen ------------------------------------------------------------- */

/*
 * Whatever fails, and even if the caller goes on as if nothing had happened: what is acknowledged
 * is all there.
 */
#define REGARDLESS 14

struct load {
    uint8_t *data[REGARDLESS];
    uint8_t ids[REGARDLESS][32];
};

static void make_load(struct vault *v, struct load *l)
{
    for (unsigned i = 0; i < REGARDLESS; i++) {
        l->data[i] = kit_bytes(i, LEN);
        kit_id(v->repo, l->data[i], LEN, l->ids[i]);
    }
}

static void free_load(struct load *l)
{
    for (unsigned i = 0; i < REGARDLESS; i++) {
        mem_free(l->data[i]);
    }
}

static int commit_regardless(struct vault *v, const struct load *l)
{
    struct run_options o = { .pool = v->pool };
    struct run *x = NULL;
    int rc = run_begin(v->repo, &o, &x);

    if (rc < 0) {
        return rc;
    }
    for (unsigned i = 0; i < REGARDLESS; i++) {
        bool is_new;

        (void)run_add(x, i % 3 == 2 ? SEGMENT_PAGES : SEGMENT_DATA, l->ids[i], l->data[i], LEN,
                      &is_new);
        (void)run_cut(x, SEGMENT_DATA);
        if (i == REGARDLESS / 2) {
            (void)partial(x);
        }
    }
    return commit(&x);
}

static bool snapshot_is_there(struct simdisk *d)
{
    struct vault w;
    bool there = false;

    kit_join(&w, d, "b");
    for (size_t i = 0; i < catalog_snapshot_count(repo_catalog(w.repo)); i++) {
        there = there || !catalog_snapshot(repo_catalog(w.repo), i)->partial;
    }
    vault_leave(&w);
    return there;
}

static void test_run_acknowledges_only_what_is_all_there_when_memory_fails(void **state)
{
    uint64_t refused = 1;
    unsigned failed = 0;

    (void)state;
    for (uint64_t n = 1; refused > 0; n++) {
        struct vault v;
        struct simdisk *d = kit_begin(&v);
        struct load l;
        int rc;

        make_load(&v, &l);
        mem_fail_at(n, 0);
        rc = commit_regardless(&v, &l);
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        failed += rc != 0;
        if (rc != 0 && rc != HF_EUNKNOWN) {
            assert_false(snapshot_is_there(d)); /* what has failed was not published */
        }
        ok(fetch_afresh(d, 0, rc == 0 ? REGARDLESS : 0, LEN));
        free_load(&l);
        kit_end(&v, d);
    }
    assert_true(failed > 20);
}

static void test_run_acknowledges_only_what_is_all_there_when_the_disk_fails(void **state)
{
    bool hit = true;

    (void)state;
    for (uint64_t nth = 1; hit; nth++) {
        struct vault v;
        struct simdisk *d = kit_begin(&v);
        struct simfault f = { .where = { .prefix = "repo/", .nth = nth }, .errnum = EIO };
        struct load l;
        int rc;

        make_load(&v, &l);
        simdisk_fault(d, &f);
        rc = commit_regardless(&v, &l);
        hit = simdisk_fault_hits(d) > 0;
        simdisk_clear_faults(d);
        ok(fetch_afresh(d, 0, rc == 0 ? REGARDLESS : 0, LEN));
        free_load(&l);
        kit_end(&v, d);
    }
}

/* --- entries without data --------------------------------------------------------------------- */

struct plain {
    const struct catalog *seen;
    uint8_t uuid[16];
    uint64_t tip; /* entries that the catalogue knew */
    struct vault *rival;
    int refuses;
    unsigned asked;
};

static int build_plain(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                       struct buf *body)
{
    struct plain *p = context;

    p->asked++;
    p->seen = catalog;
    p->tip = catalog_entry_count(catalog);
    memcpy(p->uuid, uuid, 16);
    if (p->rival) {
        struct vault *rival = p->rival;

        p->rival = NULL;
        kit_publish(rival->repo, ENTRY_FORGET, kit_secret);
    }
    if (p->refuses < 0) {
        return err_raise(p->refuses, "the builder refuses");
    }
    entry_put_forget(body, false, 0, (const uint8_t(*)[16])kit_secret, 1);
    return buf_error(body);
}

static void test_run_publish_builds_at_the_tip(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct vault w;
    struct plain p = { .rival = &w };
    struct run_entry e = { build_plain, &p };
    struct journal_position known;
    uint8_t id[16];
    uint64_t number;

    (void)state;
    kit_join(&w, d, "b");
    ok(run_publish(v.repo, &e, id, &number));
    assert_int_equal(number, 3); /* the rival was faster */
    assert_int_equal(p.asked, 2);
    assert_int_equal(p.tip, 2);
    assert_ptr_equal(p.seen, repo_catalog(v.repo));
    assert_memory_equal(p.uuid, id, 16);
    ok(memory_load(v.env.state, repo_id(v.repo), v.env.fs->label, &known));
    assert_int_equal(known.number, 3);
    p.refuses = HF_ECHANGED;
    says(run_publish(v.repo, &e, id, &number), HF_ECHANGED, "the builder refuses");
    assert_int_equal(kit_files(d, "repo/journal/"), 3);
    vault_leave(&w);
    kit_end(&v, d);
}

static int no_randomness(struct rnd *r, void *out, size_t len)
{
    (void)r;
    (void)out;
    (void)len;
    return err_raise(HF_EIO, "there is no randomness");
}

static void test_run_needs_randomness(void **state)
{
    struct rnd broken = { .fill = no_randomness };
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run *x;

    (void)state;
    x = kit_run(&v);
    v.repo->env.rnd = &broken;
    assert_int_equal(commit(&x), HF_EIO);
    assert_int_equal(kit_try_publish(v.repo, ENTRY_FORGET, kit_secret), HF_EIO);
    assert_int_equal(kit_files(d, "repo/journal/"), 1);
    kit_end(&v, d);
}

static void test_run_can_not_begin_without_memory_or_index(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct run_options o = { .pool = v.pool };
    struct run *x = NULL;
    struct vault w;
    uint8_t id[16];
    char path[128];

    (void)state;
    for (uint64_t n = 1;; n++) {
        int rc;

        mem_fail_at(n, 0);
        rc = run_begin(v.repo, &o, &x);
        mem_fail_at(0, 0);
        if (rc == 0) {
            break;
        }
        assert_int_equal(rc, HF_ENOMEM);
    }
    run_abort(x);
    kit_commit(&v, 1, 1, LEN, id);
    kit_segment_path(v.repo, 0, path);
    kit_join(&w, d, "b");
    kit_fault(d, SIMOP_OPEN, path, SIMFAULT_REFUSE, EACCES);
    assert_int_equal(run_begin(w.repo, &o, &x), HF_EACCESS);
    vault_leave(&w);
    kit_end(&v, d);
}

/* After the acknowledgement nothing is an error: the index is built anew where it must be. */
static void test_run_is_acknowledged_even_if_its_index_is_not_kept(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct vault w;
    struct run *x;
    char path[128];
    size_t len;
    uint8_t id[16];

    (void)state;
    x = kit_run(&v);
    kit_add(&v, x, 1, LEN);
    kit_join(&w, d, "b");
    kit_commit(&w, 50, 1, LEN, id); /* another's segment, of which the footer can't be read */
    simrot_look(d, kit_segment_path(w.repo, 0, path), &len);
    simrot_flip(d, path, 8 * (len - SEGMENT_TRAILER_BYTES - 60));
    ok(commit(&x));
    ok(kit_fetch(v.repo, 1, LEN));
    says(kit_fetch(v.repo, 50, LEN), HF_EDAMAGE, path + 5);
    x = kit_run(&v);
    assert_false(kit_add(&v, x, 1, LEN));
    ok(commit(&x));
    vault_leave(&w);
    kit_end(&v, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_commits_a_snapshot),
        cmocka_unit_test(test_run_makes_just_the_syncs_of_the_protocol),
        cmocka_unit_test(test_run_settles_what_it_builds_on),
        cmocka_unit_test(test_run_of_nothing_commits),
        cmocka_unit_test(test_run_stores_a_chunk_once),
        cmocka_unit_test(test_run_stores_again_what_was_condemned),
        cmocka_unit_test(test_run_that_is_dry_writes_nothing),
        cmocka_unit_test(test_run_that_is_aborted_leaves_only_garbage),
        cmocka_unit_test(test_run_partial_keeps_what_is_stored_so_far),
        cmocka_unit_test(test_run_commits_after_partials),
        cmocka_unit_test(test_run_refuses_when_what_it_relies_on_is_condemned),
        cmocka_unit_test(test_run_refuses_when_its_segments_were_taken_for_garbage),
        cmocka_unit_test(test_run_refuses_when_its_partials_were_condemned),
        cmocka_unit_test(test_run_partial_validates_too),
        cmocka_unit_test(test_run_refuses_when_its_parent_was_forgotten),
        cmocka_unit_test(test_run_on_a_partial_parent_bears_no_condemnation_since),
        cmocka_unit_test(test_run_whose_commit_lands_late_keeps_its_segments),
        cmocka_unit_test(test_run_never_adopts_twice),
        cmocka_unit_test(test_run_does_not_sync_again_what_failed),
        cmocka_unit_test(test_run_acknowledges_only_what_is_all_there_when_memory_fails),
        cmocka_unit_test(test_run_acknowledges_only_what_is_all_there_when_the_disk_fails),
        cmocka_unit_test(test_run_publish_builds_at_the_tip),
        cmocka_unit_test(test_run_needs_randomness),
        cmocka_unit_test(test_run_can_not_begin_without_memory_or_index),
        cmocka_unit_test(test_run_is_acknowledged_even_if_its_index_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
