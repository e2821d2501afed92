/*
 * test_index.c - the index knows every home of every chunk, through saving, merging and loading, or
 * says that it is damaged; it never answers wrongly.
 */
#include "base/clock.h"
#include "store/index.h"
#include "unit/store/storekit.h"

#define SEGMENTS 12
#define FIRST_RUN_BYTES ((size_t)16 << 10) /* a page of a run */

struct bench {
    struct simdisk *d;
    struct fs *fs;
    struct rnd rnd;
    bool dead[SEGMENTS];
    struct index *x;
};

static bool is_live(void *context, uint32_t segment)
{
    const struct bench *b = context;

    return segment < SEGMENTS && !b->dead[segment];
}

static void begin(struct bench *b)
{
    memset(b, 0, sizeof *b);
    b->d = simdisk_new(1);
    b->fs = simclient_fs(simdisk_client(b->d, "a"), "cache");
    rnd_init_seeded(&b->rnd, 1);
    ok(index_new(b->fs, &b->rnd, is_live, b, &b->x));
}

static void end(struct bench *b)
{
    index_free(b->x);
    fs_close_fs(b->fs);
    simdisk_free(b->d);
}

static void make_id(uint64_t n, uint8_t out[32])
{
    struct rnd r;

    rnd_init_seeded(&r, n + 1000);
    ok(rnd_bytes(&r, out, 32));
}

static struct index_home home(uint32_t segment, uint64_t n)
{
    return (struct index_home){ segment, 8 * n, (uint32_t)n % 5, (uint32_t)n + 1 };
}

static void put(struct bench *b, uint64_t n, uint32_t segment)
{
    struct index_home h = home(segment, n);
    uint8_t id[32];

    make_id(n, id);
    ok(index_put(b->x, id, &h));
}

static void put_many(struct bench *b, uint64_t first, unsigned count, uint32_t segment)
{
    for (unsigned i = 0; i < count; i++) {
        put(b, first + i, segment);
    }
}

static int get(struct bench *b, uint64_t n, uint32_t *out_segment)
{
    struct index_home h;
    struct index_home expected;
    uint8_t id[32];
    int rc;

    make_id(n, id);
    rc = index_get(b->x, id, &h);
    if (rc == 0) {
        expected = home(h.segment, n);
        assert_int_equal(h.position, expected.position);
        assert_int_equal(h.slot, expected.slot);
        assert_int_equal(h.len, expected.len);
        *out_segment = h.segment;
    }
    return rc;
}

static void assert_home(struct bench *b, uint64_t n, uint32_t segment)
{
    uint32_t got;

    ok(get(b, n, &got));
    assert_int_equal(got, segment);
}

static void assert_absent(struct bench *b, uint64_t n)
{
    uint32_t got;

    assert_int_equal(get(b, n, &got), HF_EABSENT);
}

static int save(struct bench *b, struct buf *manifest)
{
    buf_clear(manifest);
    return index_save(b->x, manifest);
}

/* --- in memory -------------------------------------------------------------------------------- */

static void test_index_finds_what_was_put(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    assert_absent(&b, 1);
    put_many(&b, 1, 100, 3);
    for (uint64_t n = 1; n <= 100; n++) {
        assert_home(&b, n, 3);
    }
    assert_absent(&b, 101);
    assert_int_equal(index_count(b.x), 100);
    assert_int_equal(index_pending(b.x), 100);
    end(&b);
}

static void test_index_prefers_the_lowest_live_segment(void **state)
{
    struct bench b;
    struct buf manifest;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    put(&b, 1, 5);
    put(&b, 1, 2);
    put(&b, 1, 7);
    assert_home(&b, 1, 2);
    ok(save(&b, &manifest));
    assert_home(&b, 1, 2);
    put(&b, 1, 1); /* some in the run, one in memory */
    assert_home(&b, 1, 1);
    b.dead[1] = b.dead[2] = true;
    assert_home(&b, 1, 5);
    b.dead[5] = b.dead[7] = true;
    assert_absent(&b, 1);
    buf_release(&manifest);
    end(&b);
}

static int count_home(void *context, const struct index_home *h)
{
    unsigned *seen = context;

    seen[h->segment]++;
    return 0;
}

static int stop_at_once(void *context, const struct index_home *h)
{
    (void)h;
    ++*(int *)context;
    return 42;
}

static void test_index_visits_every_live_home(void **state)
{
    struct bench b;
    struct buf manifest;
    unsigned seen[SEGMENTS] = { 0 };
    uint8_t id[32];
    int calls = 0;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    put(&b, 1, 5);
    put(&b, 2, 5);
    ok(save(&b, &manifest));
    put(&b, 1, 6);
    put(&b, 1, 7);
    b.dead[6] = true;
    make_id(1, id);
    ok(index_each_home(b.x, id, count_home, seen));
    for (unsigned s = 0; s < SEGMENTS; s++) {
        assert_int_equal(seen[s], s == 5 || s == 7);
    }
    assert_int_equal(index_each_home(b.x, id, stop_at_once, &calls), 42);
    assert_int_equal(calls, 1);
    b.dead[7] = true;
    assert_int_equal(index_each_home(b.x, id, stop_at_once, &calls), 42); /* in a run */
    assert_int_equal(calls, 2);
    buf_release(&manifest);
    end(&b);
}

static void test_index_without_a_cache_keeps_all_in_memory(void **state)
{
    struct bench b;
    struct index *x = NULL;
    struct buf manifest;
    struct index_home h = home(1, 1);
    uint8_t id[32];

    (void)state;
    begin(&b);
    buf_init(&manifest);
    ok(index_new(NULL, &b.rnd, is_live, &b, &x));
    make_id(1, id);
    ok(index_put(x, id, &h));
    says(index_save(x, &manifest), HF_EUNSUPPORTED, "no cache folder");
    ok(index_get(x, id, &h));
    index_tidy(x, 0);
    index_free(x);
    buf_release(&manifest);
    end(&b);
}

static void test_index_keeps_little_of_very_much_in_memory(void **state)
{
    struct bench b;
    struct buf manifest;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    put_many(&b, 0, 200000, 1);
    assert_int_equal(index_count(b.x), 200000);
    assert_true(index_pending(b.x) < 50000);
    assert_home(&b, 0, 1);
    assert_home(&b, 199999, 1);
    assert_absent(&b, 200000);
    ok(save(&b, &manifest));
    ok(index_load(b.x, manifest.data, manifest.len));
    assert_int_equal(index_count(b.x), 200000);
    assert_home(&b, 77, 1);
    buf_release(&manifest);
    end(&b);
}

/* A run that a list names may be open elsewhere; one that was only ever ours makes room. */
static void test_index_removes_merged_runs_that_no_list_has_named(void **state)
{
    struct bench b;
    struct buf manifest, later;
    struct index *other;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    put_many(&b, 0, 10, 1);
    ok(save(&b, &manifest));
    put_many(&b, 10, 400000, 2); /* written down twice, and merged with what was there */
    assert_int_equal(kit_files(b.d, "cache/"), 2);
    assert_home(&b, 5, 1);
    assert_home(&b, 300000, 2);
    ok(index_load(b.x, manifest.data, manifest.len));
    put_many(&b, 10, 20, 3);
    buf_init(&later);
    ok(save(&b, &later)); /* merged again, but the list is still the first */
    ok(index_new(b.fs, &b.rnd, is_live, &b, &other));
    ok(index_load(other, manifest.data, manifest.len));
    assert_int_equal(index_count(other), 10);
    index_free(other);
    buf_release(&later);
    buf_release(&manifest);
    end(&b);
}

static void test_index_clear_forgets_all(void **state)
{
    struct bench b;
    struct buf manifest;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    put_many(&b, 1, 10, 1);
    ok(save(&b, &manifest));
    put_many(&b, 11, 10, 1);
    index_clear(b.x);
    assert_int_equal(index_count(b.x), 0);
    for (uint64_t n = 1; n <= 20; n++) {
        assert_absent(&b, n);
    }
    put(&b, 3, 2);
    assert_home(&b, 3, 2);
    buf_release(&manifest);
    end(&b);
}

/* --- saved and loaded ------------------------------------------------------------------------- */

static void test_index_loads_what_was_saved(void **state)
{
    struct bench b;
    struct buf manifest;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    ok(save(&b, &manifest)); /* of nothing */
    ok(index_load(b.x, manifest.data, manifest.len));
    put_many(&b, 1, 1000, 1);
    ok(save(&b, &manifest));
    put_many(&b, 1001, 200, 2);
    ok(save(&b, &manifest));
    assert_int_equal(index_pending(b.x), 0);
    put_many(&b, 5000, 10, 3); /* not saved */
    ok(index_load(b.x, manifest.data, manifest.len));
    assert_int_equal(index_count(b.x), 1200);
    for (uint64_t n = 1; n <= 1200; n++) {
        assert_home(&b, n, n <= 1000 ? 1 : 2);
    }
    assert_absent(&b, 5000);
    buf_release(&manifest);
    end(&b);
}

static void test_index_keeps_its_runs_few(void **state)
{
    struct bench b;
    struct buf manifest;
    struct cursor in;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    for (unsigned i = 0; i < 130; i++) {
        put_many(&b, 3 * (uint64_t)i, 3, 1);
        ok(save(&b, &manifest));
    }
    cursor_init(&in, manifest.data, manifest.len);
    assert_true(cursor_varint(&in) <= 9);
    assert_int_equal(index_count(b.x), 390);
    for (uint64_t n = 0; n < 390; n++) {
        assert_home(&b, n, 1);
    }
    buf_release(&manifest);
    end(&b);
}

static void test_index_merging_drops_dead_segments(void **state)
{
    struct bench b;
    struct buf manifest;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    put_many(&b, 0, 100, 1);
    put_many(&b, 50, 100, 2);
    ok(save(&b, &manifest));
    b.dead[1] = true;
    put_many(&b, 200, 150, 3);
    ok(save(&b, &manifest));
    assert_int_equal(index_count(b.x), 250);
    for (uint64_t n = 0; n < 50; n++) {
        assert_absent(&b, n);
    }
    for (uint64_t n = 50; n < 150; n++) {
        assert_home(&b, n, 2);
    }
    b.dead[2] = b.dead[3] = true;
    put_many(&b, 500, 300, 3);
    ok(save(&b, &manifest));
    assert_int_equal(index_count(b.x), 0); /* a run of nothing */
    ok(index_load(b.x, manifest.data, manifest.len));
    assert_absent(&b, 500);
    buf_release(&manifest);
    end(&b);
}

/* --- damage ----------------------------------------------------------------------------------- */

static void test_index_refuses_a_list_that_is_not_whole(void **state)
{
    struct bench b;
    struct buf manifest;
    struct buf long_list;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    buf_init(&long_list);
    put_many(&b, 0, 200, 1);
    ok(save(&b, &manifest));
    put_many(&b, 200, 10, 1);
    ok(save(&b, &manifest));
    for (size_t len = 0; len < manifest.len; len++) {
        int rc = index_load(b.x, manifest.data, len);

        assert_true(rc == HF_EDAMAGE || (rc == 0 && len == 0));
        assert_int_equal(index_count(b.x), 0);
    }
    buf_put_varint(&long_list, 100);
    for (unsigned i = 0; i < 100; i++) {
        buf_put(&long_list, manifest.data + 1, 37); /* the first run again and again */
    }
    says(index_load(b.x, long_list.data, long_list.len), HF_EDAMAGE, "list of index runs");
    assert_int_equal(index_count(b.x), 0);
    manifest.data[3] ^= 1; /* a name that no file has */
    assert_int_equal(index_load(b.x, manifest.data, manifest.len), HF_EABSENT);
    buf_release(&long_list);
    buf_release(&manifest);
    end(&b);
}

/* Every page of every run, rotten one at a time: damage, or the right answer; never a wrong one. */
static void test_index_never_answers_from_a_rotten_page(void **state)
{
    struct bench b;
    struct buf manifest;
    size_t files;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    put_many(&b, 0, 3000, 1);
    ok(save(&b, &manifest));
    put_many(&b, 3000, 1000, 2);
    ok(save(&b, &manifest));
    files = kit_files(b.d, "cache/");
    for (size_t f = 0; f < files; f++) {
        char path[128];
        size_t len;

        simrot_look(b.d, kit_file(b.d, "cache/", f, path), &len);
        for (size_t at = 100; at < len; at += FIRST_RUN_BYTES) {
            struct bench rotten = { .d = simdisk_fork(b.d) };
            unsigned damaged = 0;

            rotten.fs = simclient_fs(simdisk_client(rotten.d, "a"), "cache");
            ok(index_new(rotten.fs, &rotten.rnd, is_live, &rotten, &rotten.x));
            simrot_flip(rotten.d, path, 8 * (uint64_t)at);
            if (index_load(rotten.x, manifest.data, manifest.len) == 0) {
                for (uint64_t n = 0; n < 4100; n += 3) {
                    uint32_t segment = 0;
                    int rc = get(&rotten, n, &segment);

                    damaged += rc == HF_EDAMAGE;
                    if (rc == 0) {
                        assert_int_equal(segment, n < 3000 ? 1 : 2);
                    }
                    if (rc == HF_EABSENT) {
                        assert_true(n >= 4000);
                    }
                }
                assert_true(damaged > 0 || at < FIRST_RUN_BYTES);
            }
            end(&rotten);
        }
    }
    buf_release(&manifest);
    end(&b);
}

static void test_index_refuses_to_merge_a_rotten_run(void **state)
{
    struct bench b;
    struct buf manifest;
    char path[128];
    size_t len;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    put_many(&b, 0, 600, 1);
    ok(save(&b, &manifest));
    simrot_look(b.d, kit_file(b.d, "cache/", 0, path), &len);
    simrot_flip(b.d, path, 8 * (2 * FIRST_RUN_BYTES + 77));
    ok(index_load(b.x, manifest.data, manifest.len));
    put_many(&b, 600, 600, 1);
    assert_int_equal(save(&b, &manifest), HF_EDAMAGE);
    assert_int_equal(kit_files(b.d, "cache/"), 2); /* what was begun is gone */
    buf_release(&manifest);
    end(&b);
}

/* --- failures --------------------------------------------------------------------------------- */

static void test_index_that_can_not_be_saved_stays_usable(void **state)
{
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct bench b;
        struct buf manifest;
        struct simfault f = { .where = { .nth = nth }, .errnum = ENOSPC };
        int rc;

        begin(&b);
        buf_init(&manifest);
        put_many(&b, 0, 100, 1);
        ok(save(&b, &manifest));
        put_many(&b, 100, 90, 2);
        simdisk_fault(b.d, &f);
        rc = save(&b, &manifest);
        failed = simdisk_fault_hits(b.d) > 0;
        simdisk_clear_faults(b.d);
        assert_true(rc == 0 || rc == HF_ENOSPC);
        for (uint64_t n = 0; n < 190; n++) {
            assert_home(&b, n, n < 100 ? 1 : 2);
        }
        ok(save(&b, &manifest));
        ok(index_load(b.x, manifest.data, manifest.len));
        for (uint64_t n = 0; n < 190; n++) {
            assert_home(&b, n, n < 100 ? 1 : 2);
        }
        buf_release(&manifest);
        end(&b);
    }
}

/* Runs that can be written and never merged: their number has a bound, and nothing is lost. */
static void test_index_that_can_not_be_merged_again_and_again(void **state)
{
    struct bench b;
    struct buf manifest;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    for (uint64_t i = 0; i < 100; i++) {
        struct simfault f = { .where = { .kinds = SIMOP_BIT(SIMOP_CREATE), .nth = 2 },
                              .errnum = EIO };

        put(&b, i, 1);
        simdisk_clear_faults(b.d);
        simdisk_fault(b.d, &f);
        f.where.nth = 3;
        simdisk_fault(b.d, &f);
        if (i >= 64) { /* from here on merging fails at once */
            f.where.nth = 1;
            simdisk_fault(b.d, &f);
        }
        assert_int_equal(save(&b, &manifest), i == 0 ? 0 : HF_EIO);
    }
    simdisk_clear_faults(b.d);
    for (uint64_t i = 0; i < 100; i++) {
        assert_home(&b, i, 1);
    }
    ok(save(&b, &manifest));
    ok(index_load(b.x, manifest.data, manifest.len));
    for (uint64_t i = 0; i < 100; i++) {
        assert_home(&b, i, 1);
    }
    buf_release(&manifest);
    end(&b);
}

static void test_index_without_memory(void **state)
{
    uint64_t refused = 1;

    (void)state;
    for (uint64_t n = 1; refused > 0; n++) {
        struct bench b;
        struct buf manifest;
        struct index *x = NULL;
        int rc;

        begin(&b);
        buf_init(&manifest);
        mem_fail_at(n, 0);
        rc = index_new(b.fs, &b.rnd, is_live, &b, &x);
        for (uint64_t i = 0; rc == 0 && i < 40; i++) {
            struct index_home h = home(1, i);
            uint8_t id[32];

            make_id(i, id);
            rc = index_put(x, id, &h);
        }
        if (rc == 0) {
            rc = index_save(x, &manifest);
        }
        if (rc == 0) {
            rc = index_load(x, manifest.data, manifest.len);
        }
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_int_equal(rc, refused > 0 ? HF_ENOMEM : 0);
        index_free(x);
        buf_release(&manifest);
        end(&b);
    }
    index_free(NULL);
}

/* --- tidying ---------------------------------------------------------------------------------- */

static void test_index_tidy_removes_only_old_runs_that_nobody_names(void **state)
{
    struct bench b;
    struct buf manifest;
    const int64_t hour = 3600 * NS_PER_S;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    simrot_replace(b.d, "cache/view", "x", 1);
    simrot_replace(b.d, "cache/0123456789abcdef0123456789abcdef.txt", "x", 1);
    put_many(&b, 0, 10, 1);
    ok(save(&b, &manifest));
    put_many(&b, 10, 10, 1);
    ok(save(&b, &manifest)); /* merged: the first list names one that is of no use now */
    assert_int_equal(kit_files(b.d, "cache/"), 4);
    index_tidy(b.x, simdisk_now(b.d) + 60 * NS_PER_S);
    assert_int_equal(kit_files(b.d, "cache/"), 4); /* not yet old */
    index_tidy(b.x, simdisk_now(b.d) + hour);
    assert_int_equal(kit_files(b.d, "cache/"), 3);
    ok(index_load(b.x, manifest.data, manifest.len));
    assert_home(&b, 15, 1);
    kit_fault(b.d, SIMOP_LIST, "cache", SIMFAULT_REFUSE, EIO);
    index_tidy(b.x, simdisk_now(b.d) + hour);
    assert_int_equal(err_last()->code, 0);
    buf_release(&manifest);
    end(&b);
}

/* Two processes with one cache: who comes late must not replace a list that is good. */
static void test_index_lists_no_run_that_another_process_has_removed(void **state)
{
    struct bench b;
    struct buf manifest, late;
    struct index *first, *second;

    (void)state;
    begin(&b);
    buf_init(&manifest);
    buf_init(&late);
    first = b.x;
    put_many(&b, 0, 100, 1);
    ok(save(&b, &manifest));
    ok(index_new(b.fs, &b.rnd, is_live, &b, &second));
    ok(index_load(second, manifest.data, manifest.len));
    put_many(&b, 100, 100, 1);
    ok(save(&b, &manifest)); /* merged */
    index_tidy(b.x, simdisk_now(b.d) + 3600 * NS_PER_S);
    b.x = second;
    put_many(&b, 200, 10, 1);
    assert_int_equal(save(&b, &late), HF_EABSENT);
    assert_home(&b, 5, 1); /* it is open still */
    assert_home(&b, 205, 1);
    put_many(&b, 300, 200, 1);
    ok(save(&b, &late)); /* by now it has been merged into another */
    assert_home(&b, 5, 1);
    ok(index_load(first, late.data, late.len));
    assert_int_equal(index_count(first), 310);
    index_free(first);
    buf_release(&manifest);
    buf_release(&late);
    end(&b);
}

/* --- against brute force ---------------------------------------------------------------------- */

struct fact {
    uint64_t n;
    uint32_t segment;
};

struct oracle {
    struct fact facts[4000];
    size_t count;
};

static void compare(struct bench *b, const struct oracle *o, uint64_t n)
{
    unsigned expected[SEGMENTS] = { 0 };
    unsigned seen[SEGMENTS] = { 0 };
    uint32_t lowest = SEGMENTS;
    uint32_t got;
    uint8_t id[32];

    for (size_t i = 0; i < o->count; i++) {
        const struct fact *f = &o->facts[i];

        if (f->n == n && !b->dead[f->segment]) {
            expected[f->segment]++;
            lowest = f->segment < lowest ? f->segment : lowest;
        }
    }
    if (lowest == SEGMENTS) {
        assert_absent(b, n);
    } else {
        ok(get(b, n, &got));
        assert_int_equal(got, lowest);
    }
    make_id(n, id);
    ok(index_each_home(b->x, id, count_home, seen));
    assert_memory_equal(seen, expected, sizeof seen);
}

/* Puts, deaths of segments, saves, merges and loads in any order, over few ids: many homes each. */
static void test_index_agrees_with_brute_force(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        static struct oracle o;
        struct bench b;
        struct buf manifest;
        struct rnd r;
        size_t saved = 0; /* facts that the manifest knows */

        begin(&b);
        buf_init(&manifest);
        rnd_init_seeded(&r, seed);
        o.count = 0;
        ok(save(&b, &manifest));
        for (unsigned step = 0; step < 1500; step++) {
            uint64_t what = rnd_below(&r, 1000);
            uint64_t n = rnd_below(&r, 300);

            if (what < 850 && o.count < COUNT(o.facts)) {
                uint32_t segment = (uint32_t)rnd_below(&r, SEGMENTS);

                put(&b, n, segment);
                o.facts[o.count++] = (struct fact){ n, segment };
            } else if (what < 853) {
                b.dead[rnd_below(&r, SEGMENTS)] = true;
            } else if (what < 900) {
                ok(save(&b, &manifest));
                saved = o.count;
            } else if (what < 910) {
                ok(index_load(b.x, manifest.data, manifest.len));
                o.count = saved; /* what was not saved is gone */
            } else {
                compare(&b, &o, n);
            }
        }
        for (uint64_t n = 0; n < 300; n++) {
            compare(&b, &o, n);
        }
        buf_release(&manifest);
        end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_finds_what_was_put),
        cmocka_unit_test(test_index_prefers_the_lowest_live_segment),
        cmocka_unit_test(test_index_visits_every_live_home),
        cmocka_unit_test(test_index_without_a_cache_keeps_all_in_memory),
        cmocka_unit_test(test_index_keeps_little_of_very_much_in_memory),
        cmocka_unit_test(test_index_removes_merged_runs_that_no_list_has_named),
        cmocka_unit_test(test_index_clear_forgets_all),
        cmocka_unit_test(test_index_loads_what_was_saved),
        cmocka_unit_test(test_index_keeps_its_runs_few),
        cmocka_unit_test(test_index_merging_drops_dead_segments),
        cmocka_unit_test(test_index_refuses_a_list_that_is_not_whole),
        cmocka_unit_test(test_index_never_answers_from_a_rotten_page),
        cmocka_unit_test(test_index_refuses_to_merge_a_rotten_run),
        cmocka_unit_test(test_index_that_can_not_be_saved_stays_usable),
        cmocka_unit_test(test_index_that_can_not_be_merged_again_and_again),
        cmocka_unit_test(test_index_without_memory),
        cmocka_unit_test(test_index_tidy_removes_only_old_runs_that_nobody_names),
        cmocka_unit_test(test_index_lists_no_run_that_another_process_has_removed),
        cmocka_unit_test(test_index_agrees_with_brute_force),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
