/*
 * test_view.c - the cached view is what was saved, or there is none.
 */
#include "store/view.h"
#include "unit/store/storekit.h"

#define CHUNK_BYTES 900

struct bench {
    struct simdisk *d;
    struct vault v;   /* where the catalogue comes from */
    struct fs *fs;    /* the cache under test */
    struct index *x;  /* what is saved */
    struct view view; /* of v's repository */
};

static bool all_live(void *context, uint32_t segment)
{
    (void)context;
    (void)segment;
    return true;
}

static void begin(struct bench *b)
{
    struct index_home h = { 0, 192, 0, 5 };
    uint8_t id[32] = { 1, 2, 3 };
    uint8_t commit[16];

    b->d = kit_begin(&b->v);
    kit_commit(&b->v, 1, 3, CHUNK_BYTES, commit);
    b->fs = simclient_fs(simdisk_client(b->d, "a"), "other-cache");
    ok(index_new(b->fs, b->v.env.rnd, all_live, NULL, &b->x));
    ok(index_put(b->x, id, &h));
    b->view = (struct view){ .position = *journal_at(repo_journal(b->v.repo)),
                             .catalog = (struct catalog *)repo_catalog(b->v.repo),
                             .indexed = 1 };
}

static void end(struct bench *b)
{
    index_free(b->x);
    fs_close_fs(b->fs);
    kit_end(&b->v, b->d);
}

static int save(struct bench *b)
{
    return view_save(b->fs, b->v.env.rnd, b->x, &b->view);
}

/* Loads as a new process would; 0 means that all is as it was saved. */
static int load(struct bench *b, struct fs *fs)
{
    struct index *x = NULL;
    struct index_home h;
    struct view got;
    uint8_t id[32] = { 1, 2, 3 };
    int rc;

    ok(index_new(fs, b->v.env.rnd, all_live, NULL, &x));
    rc = view_load(fs, repo_keys(b->v.repo), repo_id(b->v.repo), x, &got);
    if (rc == 0) {
        assert_memory_equal(&got.position, &b->view.position, sizeof got.position);
        assert_int_equal(got.indexed, b->view.indexed);
        assert_int_equal(catalog_segment_count(got.catalog),
                         catalog_segment_count(b->view.catalog));
        assert_int_equal(catalog_snapshot_count(got.catalog), 1);
        ok(index_get(x, id, &h));
        assert_int_equal(h.position, 192);
        catalog_free(got.catalog);
    } else {
        assert_null(got.catalog);
        assert_int_equal(index_count(x), 0);
    }
    index_free(x);
    return rc;
}

static void test_view_is_loaded_as_it_was_saved(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    assert_int_equal(load(&b, b.fs), HF_EABSENT);
    ok(save(&b));
    ok(load(&b, b.fs));
    b.view.indexed = 3;
    ok(save(&b)); /* replaces */
    ok(load(&b, b.fs));
    assert_int_equal(kit_files(b.d, "other-cache/view"), 1);
    end(&b);
}

static void test_view_is_not_synced(void **state)
{
    struct bench b;
    struct buf sites;
    size_t from;

    (void)state;
    begin(&b);
    buf_init(&sites);
    from = simdisk_trace(b.d)->count;
    ok(save(&b));
    assert_string_equal(kit_syncs(b.d, from, &sites), "");
    buf_release(&sites);
    end(&b);
}

static void test_view_finds_every_cut_and_every_flipped_byte(void **state)
{
    struct bench b;
    size_t len;

    (void)state;
    begin(&b);
    ok(save(&b));
    simrot_look(b.d, "other-cache/view", &len);
    for (size_t i = 0; i < 2 * len; i++) {
        struct simdisk *rotten = simdisk_fork(b.d);
        struct fs *fs = simclient_fs(simdisk_client(rotten, "a"), "other-cache");

        if (i < len) {
            simrot_cut(rotten, "other-cache/view", i);
        } else {
            simrot_flip(rotten, "other-cache/view", 8 * (uint64_t)(i - len) + i % 8);
        }
        assert_int_equal(load(&b, fs), HF_EDAMAGE);
        fs_close_fs(fs);
        simdisk_free(rotten);
    }
    end(&b);
}

/* Writes it anew with a hash that holds. */
static void reseal(struct simdisk *d, uint8_t *data, size_t len)
{
    nacl_hash(data, len - 32, data + len - 32);
    simrot_replace(d, "other-cache/view", data, len);
}

/* Its checksum holds, and yet it is nothing for us: of another repository, or another program. */
static void test_view_of_another_repository_or_version_is_none(void **state)
{
    static const size_t places[] = { 0, 7, 8, 23 }; /* magic, version, repository */
    struct bench b;

    (void)state;
    begin(&b);
    ok(save(&b));
    for (size_t i = 0; i < COUNT(places); i++) {
        struct simdisk *d = simdisk_fork(b.d);
        struct fs *fs = simclient_fs(simdisk_client(d, "a"), "other-cache");
        size_t len;
        const uint8_t *old = simrot_look(d, "other-cache/view", &len);
        uint8_t *data = mem_dup(old, len);

        data[places[i]] ^= 1;
        reseal(d, data, len);
        says(load(&b, fs), HF_EDAMAGE, "of another repository or version");
        mem_free(data);
        fs_close_fs(fs);
        simdisk_free(d);
    }
    end(&b);
}

/* The same with lengths in it that are wrong: refused, whatever they are. */
static void test_view_survives_any_content_with_a_checksum_that_holds(void **state)
{
    struct bench b;
    size_t len;

    (void)state;
    begin(&b);
    ok(save(&b));
    simrot_look(b.d, "other-cache/view", &len);
    for (size_t at = 24; at < len - 32; at++) {
        struct simdisk *d = simdisk_fork(b.d);
        struct fs *fs = simclient_fs(simdisk_client(d, "a"), "other-cache");
        const uint8_t *old = simrot_look(d, "other-cache/view", &len);
        uint8_t *data = mem_dup(old, len);
        struct index *x = NULL;
        struct view got;

        data[at] ^= 0xff;
        reseal(d, data, len);
        ok(index_new(fs, b.v.env.rnd, all_live, NULL, &x));
        if (view_load(fs, repo_keys(b.v.repo), repo_id(b.v.repo), x, &got) == 0) {
            catalog_free(got.catalog);
        } else {
            assert_int_equal(index_count(x), 0);
        }
        index_free(x);
        mem_free(data);
        fs_close_fs(fs);
        simdisk_free(d);
    }
    end(&b);
}

static void test_view_whose_runs_are_gone_is_none(void **state)
{
    struct bench b;
    char path[128];

    (void)state;
    begin(&b);
    ok(save(&b));
    simrot_delete(b.d, kit_file(b.d, "other-cache/", 0, path));
    assert_int_equal(load(&b, b.fs), HF_EABSENT);
    end(&b);
}

static void test_view_that_can_not_be_saved_leaves_the_old_one(void **state)
{
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct bench b;
        struct simfault f = { .where = { .prefix = "other-cache/", .nth = nth }, .errnum = ENOSPC };
        size_t before;
        int rc;

        begin(&b);
        ok(save(&b));
        before = kit_files(b.d, "other-cache/");
        simdisk_fault(b.d, &f);
        rc = save(&b);
        failed = simdisk_fault_hits(b.d) > 0;
        simdisk_clear_faults(b.d);
        assert_int_equal(rc, failed ? HF_ENOSPC : 0);
        assert_int_equal(kit_files(b.d, "other-cache/"), before);
        ok(load(&b, b.fs));
        end(&b);
    }
}

static void test_view_without_a_catalogue_is_not_saved(void **state)
{
    struct bench b;
    struct catalog *empty = NULL;

    (void)state;
    begin(&b);
    ok(catalog_new(repo_keys(b.v.repo), repo_id(b.v.repo), &empty));
    b.view.catalog = empty;
    says(save(&b), HF_EFAIL, "no catalogue");
    assert_int_equal(kit_files(b.d, "other-cache/"), 0);
    catalog_free(empty);
    end(&b);
}

static void test_view_without_memory(void **state)
{
    struct bench b;
    int rc = HF_ENOMEM;

    (void)state;
    begin(&b);
    for (uint64_t n = 1; rc != 0; n++) {
        mem_fail_at(n, 0);
        rc = save(&b);
        mem_fail_at(0, 0);
        if (rc != 0) {
            assert_int_equal(rc, HF_ENOMEM);
        }
    }
    rc = HF_ENOMEM;
    for (uint64_t n = 1; rc != 0; n++) {
        struct index *x = NULL;
        struct view got;

        ok(index_new(b.fs, b.v.env.rnd, all_live, NULL, &x));
        mem_fail_at(n, 0);
        rc = view_load(b.fs, repo_keys(b.v.repo), repo_id(b.v.repo), x, &got);
        mem_fail_at(0, 0);
        if (rc == 0) {
            catalog_free(got.catalog);
        } else {
            assert_int_equal(rc, HF_ENOMEM);
        }
        index_free(x);
    }
    end(&b);
}

static int no_randomness(struct rnd *r, void *out, size_t len)
{
    (void)r;
    (void)out;
    (void)len;
    return err_raise(HF_EIO, "there is no randomness");
}

static void test_view_needs_randomness(void **state)
{
    struct rnd broken = { .fill = no_randomness };
    struct bench b;

    (void)state;
    begin(&b);
    ok(save(&b));
    says(view_save(b.fs, &broken, b.x, &b.view), HF_EIO, "no randomness");
    ok(load(&b, b.fs));
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_is_loaded_as_it_was_saved),
        cmocka_unit_test(test_view_is_not_synced),
        cmocka_unit_test(test_view_finds_every_cut_and_every_flipped_byte),
        cmocka_unit_test(test_view_of_another_repository_or_version_is_none),
        cmocka_unit_test(test_view_survives_any_content_with_a_checksum_that_holds),
        cmocka_unit_test(test_view_whose_runs_are_gone_is_none),
        cmocka_unit_test(test_view_that_can_not_be_saved_leaves_the_old_one),
        cmocka_unit_test(test_view_without_a_catalogue_is_not_saved),
        cmocka_unit_test(test_view_without_memory),
        cmocka_unit_test(test_view_needs_randomness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
