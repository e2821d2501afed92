/*
 * test_index_run.c - a sorted run gives back what was put into it, or says that it is not whole.
 */
#include "format/xxh.h"
#include "store/index_run.h"
#include "unit/store/storekit.h"

#define PAGE ((size_t)16 << 10)

struct bench {
    struct simdisk *d;
    struct fs *fs;
    struct rnd rnd;
};

static void begin(struct bench *b)
{
    b->d = simdisk_new(1);
    b->fs = simclient_fs(simdisk_client(b->d, "a"), "cache");
    rnd_init_seeded(&b->rnd, 1);
}

static void end(struct bench *b)
{
    fs_close_fs(b->fs);
    simdisk_free(b->d);
}

/* The i-th of count entries, in order: the keys are spread over all there are. */
static struct index_entry entry(uint64_t i, uint64_t count)
{
    uint64_t key = count == 0 ? 0 : i * (UINT64_MAX / count) + 17;
    struct index_entry e = { .home = { .segment = (uint32_t)(i % 7),
                                       .position = 8 * i,
                                       .slot = (uint32_t)i + 1,
                                       .len = (uint32_t)i + 2 } };

    for (unsigned k = 0; k < 8; k++) {
        e.key[k] = (uint8_t)(key >> (56 - 8 * k));
    }
    return e;
}

static void assert_entry(const struct index_entry *a, const struct index_entry *b)
{
    assert_memory_equal(a->key, b->key, sizeof a->key);
    assert_int_equal(a->home.segment, b->home.segment);
    assert_int_equal(a->home.position, b->home.position);
    assert_int_equal(a->home.slot, b->home.slot);
    assert_int_equal(a->home.len, b->home.len);
}

static struct index_run *write_run(struct bench *b, uint64_t count, uint64_t expected)
{
    struct index_run_writer *w = NULL;
    struct index_run *r = NULL;

    ok(index_run_create(b->fs, &b->rnd, expected, &w));
    for (uint64_t i = 0; i < count; i++) {
        struct index_entry e = entry(i, count);

        ok(index_run_add(w, &e));
    }
    ok(index_run_finish(w, &r));
    return r;
}

static void check_run(const struct index_run *r, uint64_t count)
{
    struct index_entry e;
    struct index_entry got;
    uint8_t key[INDEX_KEY_BYTES] = { 0 };
    uint64_t at;

    assert_int_equal(index_run_count(r), count);
    for (uint64_t i = 0; i < count; i++) {
        e = entry(i, count);
        ok(index_run_entry(r, i, &got));
        assert_entry(&got, &e);
        ok(index_run_find(r, e.key, &at));
        assert_int_equal(at, i);
        e.key[15]++; /* between this one and the next */
        ok(index_run_find(r, e.key, &at));
        assert_int_equal(at, i + 1);
    }
    ok(index_run_find(r, key, &at));
    assert_int_equal(at, 0);
    memset(key, 0xff, sizeof key);
    ok(index_run_find(r, key, &at));
    assert_int_equal(at, count);
}

static void test_run_gives_back_what_was_put_into_it(void **state)
{
    /* Around a page of entries, several buckets, more than is flushed at once. */
    static const uint64_t counts[] = { 0, 1, 2, 63, 511, 512, 513, 4000, 32768, 40001 };

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        struct bench b;
        struct index_run *r;
        char name[INDEX_RUN_NAME_BYTES];

        begin(&b);
        r = write_run(&b, counts[i], counts[i]);
        check_run(r, counts[i]);
        snprintf(name, sizeof name, "%s", index_run_name(r));
        index_run_close(r);
        ok(index_run_open(b.fs, name, &r));
        check_run(r, counts[i]);
        index_run_close(r);
        end(&b);
    }
}

static void test_run_may_expect_more_than_comes(void **state)
{
    struct bench b;
    struct index_run *r;

    (void)state;
    begin(&b);
    r = write_run(&b, 10, 100000);
    check_run(r, 10);
    index_run_close(r);
    r = write_run(&b, 300, 1);
    check_run(r, 300);
    index_run_close(r);
    end(&b);
}

static void test_run_finds_the_first_of_equal_keys(void **state)
{
    struct bench b;
    struct index_run_writer *w = NULL;
    struct index_run *r = NULL;
    struct index_entry e = entry(5, 10);
    uint64_t at;

    (void)state;
    begin(&b);
    ok(index_run_create(b.fs, &b.rnd, 10, &w));
    for (uint32_t i = 0; i < 10; i++) {
        e.home.segment = i;
        ok(index_run_add(w, &e));
    }
    ok(index_run_finish(w, &r));
    ok(index_run_find(r, e.key, &at));
    assert_int_equal(at, 0);
    index_run_close(r);
    end(&b);
}

static void test_entries_are_ordered_by_key_then_by_home(void **state)
{
    struct index_entry a = entry(1, 10);
    struct index_entry b = entry(2, 10);

    (void)state;
    assert_true(index_run_compare(&a, &b) < 0);
    assert_true(index_run_compare(&b, &a) > 0);
    b = a;
    assert_int_equal(index_run_compare(&a, &b), 0);
    b.home.slot++;
    assert_true(index_run_compare(&a, &b) < 0 && index_run_compare(&b, &a) > 0);
    a.home.position += 8;
    assert_true(index_run_compare(&a, &b) > 0 && index_run_compare(&b, &a) < 0);
    b.home.segment++;
    assert_true(index_run_compare(&a, &b) < 0 && index_run_compare(&b, &a) > 0);
}

static void test_run_that_is_not_there(void **state)
{
    struct bench b;
    struct index_run *r = NULL;

    (void)state;
    begin(&b);
    assert_int_equal(index_run_open(b.fs, "00000000000000000000000000000000.run", &r), HF_EABSENT);
    index_run_close(NULL);
    index_run_abandon(NULL);
    end(&b);
}

/* Looks at everything: 0 if all is as it was written, HF_EDAMAGE if any of it is refused. */
static int look_at_all(struct bench *b, const char *name, uint64_t count)
{
    struct index_run *r = NULL;
    int rc = index_run_open(b->fs, name, &r);

    for (uint64_t i = 0; rc == 0 && i < count; i++) {
        struct index_entry expected = entry(i, count);
        struct index_entry e;
        uint64_t at;

        rc = index_run_entry(r, i, &e);
        if (rc == 0) {
            assert_entry(&e, &expected);
            rc = index_run_find(r, expected.key, &at);
            assert_true(rc != 0 || at == i);
        }
    }
    if (rc < 0) {
        assert_int_equal(rc, HF_EDAMAGE);
    }
    index_run_close(r);
    return rc;
}

static void test_run_finds_every_kind_of_damage(void **state)
{
    struct bench b;
    struct index_run *r;
    char name[INDEX_RUN_NAME_BYTES];
    char path[128];
    size_t len;
    unsigned refused = 0;

    (void)state;
    begin(&b);
    r = write_run(&b, 1200, 1200);
    snprintf(name, sizeof name, "%s", index_run_name(r));
    index_run_close(r);
    snprintf(path, sizeof path, "cache/%s", name);
    simrot_look(b.d, path, &len);
    for (size_t at = 0; at < len; at += at < 64 || at + 64 > len ? 1 : 509) {
        struct bench rotten = { .d = simdisk_fork(b.d) };

        rotten.fs = simclient_fs(simdisk_client(rotten.d, "a"), "cache");
        simrot_flip(rotten.d, path, 8 * at + at % 8);
        /* What nobody reads may rot: the rest of the header's page. */
        if (look_at_all(&rotten, name, 1200) == 0) {
            assert_true(at >= 56 && at < PAGE);
        } else {
            refused++;
        }
        end(&rotten);
    }
    assert_true(refused > 100);
    end(&b);
}

static void test_run_finds_every_cut(void **state)
{
    struct bench b;
    struct index_run *r;
    char name[INDEX_RUN_NAME_BYTES];
    char path[128];
    size_t len;

    (void)state;
    begin(&b);
    r = write_run(&b, 600, 600);
    snprintf(name, sizeof name, "%s", index_run_name(r));
    index_run_close(r);
    snprintf(path, sizeof path, "cache/%s", name);
    simrot_look(b.d, path, &len);
    for (size_t to = 0; to<len + 2 * PAGE; to += to + 40> len && to < len ? 1 : 1021) {
        struct bench rotten = { .d = simdisk_fork(b.d) };

        rotten.fs = simclient_fs(simdisk_client(rotten.d, "a"), "cache");
        simrot_cut(rotten.d, path, to);
        if (to != len) {
            assert_int_equal(look_at_all(&rotten, name, 600), HF_EDAMAGE);
        }
        end(&rotten);
    }
    end(&b);
}

/* A header of which the checksum holds and that lies: another program's, or a hostile one's. */
static void test_run_refuses_sizes_that_do_not_fit(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
    } lies[] = { { 12, 23 },         { 12, 22 }, { 16, UINT64_MAX },      { 16, 1 << 20 },
                 { 24, PAGE },       { 32, 0 },  { 32, UINT64_MAX / 16 }, { 40, 1 },
                 { 8, (uint64_t)2 }, { 32, 2 },  { 24, UINT64_MAX } };
    struct bench b;
    struct index_run *r;
    char name[INDEX_RUN_NAME_BYTES];
    char path[128];

    (void)state;
    begin(&b);
    r = write_run(&b, 10, 10);
    snprintf(name, sizeof name, "%s", index_run_name(r));
    index_run_close(r);
    snprintf(path, sizeof path, "cache/%s", name);
    for (size_t i = 0; i < COUNT(lies); i++) {
        struct bench rotten = { .d = simdisk_fork(b.d) };
        size_t len;
        const uint8_t *data = simrot_look(b.d, path, &len);
        uint8_t *whole = mem_dup(data, len);

        rotten.fs = simclient_fs(simdisk_client(rotten.d, "a"), "cache");
        if (lies[i].at == 8 || lies[i].at == 12) {
            le_put32(whole + lies[i].at, (uint32_t)lies[i].value);
        } else {
            le_put64(whole + lies[i].at, lies[i].value);
        }
        le_put64(whole + 48, xxh_64(whole, 48));
        simrot_replace(rotten.d, path, whole, len);
        assert_int_equal(index_run_open(rotten.fs, name, &r), HF_EDAMAGE);
        mem_free(whole);
        end(&rotten);
    }
    end(&b);
}

/* A fan-out whose checksum holds and that contradicts itself. */
static void test_run_refuses_a_fan_out_that_contradicts_itself(void **state)
{
    static const uint32_t lies[] = { 11, UINT32_MAX };
    struct bench b;
    struct index_run *r;
    uint8_t key[INDEX_KEY_BYTES] = { 0 };
    char name[INDEX_RUN_NAME_BYTES];
    char path[128];
    size_t len;
    uint64_t at;

    (void)state;
    begin(&b);
    r = write_run(&b, 10, 10);
    snprintf(name, sizeof name, "%s", index_run_name(r));
    index_run_close(r);
    snprintf(path, sizeof path, "cache/%s", name);
    for (size_t i = 0; i < 2 * COUNT(lies); i++) {
        const uint8_t *data = simrot_look(b.d, path, &len);
        uint8_t *whole = mem_dup(data, len);
        size_t checks = (size_t)le_get64(whole + 24);

        le_put32(whole + PAGE + 4 * (i % 2), lies[i / 2]); /* low, high */
        le_put64(whole + checks + 8, xxh_64(whole + PAGE, PAGE));
        le_put64(whole + 40, xxh_64(whole + checks, len - checks));
        le_put64(whole + 48, xxh_64(whole, 48));
        simrot_replace(b.d, path, whole, len);
        ok(index_run_open(b.fs, name, &r));
        says(index_run_find(r, key, &at), HF_EDAMAGE, "contradicts itself");
        index_run_close(r);
        mem_free(whole);
    }
    end(&b);
}

static int make_run(struct bench *b, uint64_t count)
{
    struct index_run_writer *w = NULL;
    struct index_run *r = NULL;
    int rc = index_run_create(b->fs, &b->rnd, count, &w);

    for (uint64_t i = 0; rc == 0 && i < count; i++) {
        struct index_entry e = entry(i, count);

        rc = index_run_add(w, &e);
        if (rc < 0) {
            index_run_abandon(w);
        }
    }
    if (rc == 0) {
        rc = index_run_finish(w, &r);
    }
    if (rc == 0) {
        check_run(r, count);
    }
    index_run_close(r);
    return rc;
}

/* Header, checks, fan-out; then what is looked up. */
static void test_run_that_can_not_be_read_is_an_error(void **state)
{
    struct bench b;
    struct index_run *r;
    char name[INDEX_RUN_NAME_BYTES];
    struct index_entry e = entry(5, 600);
    uint64_t at;

    (void)state;
    begin(&b);
    r = write_run(&b, 600, 600);
    snprintf(name, sizeof name, "%s", index_run_name(r));
    index_run_close(r);
    for (uint64_t nth = 1; nth <= 4; nth++) {
        struct simfault f = { .where = { .kinds = SIMOP_BIT(SIMOP_PREAD), .nth = nth },
                              .errnum = EIO };
        int rc;

        simdisk_fault(b.d, &f);
        rc = index_run_open(b.fs, name, &r);
        assert_int_equal(rc, nth <= 3 ? HF_EIO : 0);
        if (rc == 0) {
            assert_int_equal(index_run_find(r, e.key, &at), HF_EIO);
            ok(index_run_find(r, e.key, &at)); /* it was the reading, not the run */
            assert_int_equal(at, 5);
            index_run_close(r);
        }
    }
    end(&b);
}

static void test_run_cursor_begins_anywhere(void **state)
{
    static const uint64_t places[] = { 0, 1, 511, 512, 513, 1199, 1200, 5000 };
    struct bench b;
    struct index_run *r;

    (void)state;
    begin(&b);
    r = write_run(&b, 1200, 1200);
    for (size_t i = 0; i < COUNT(places); i++) {
        struct index_run_cursor c;
        struct index_entry got;
        uint64_t at = places[i];

        index_run_cursor_init(&c, r, at);
        while (index_run_cursor_next(&c, &got) > 0) {
            struct index_entry e = entry(at++, 1200);

            assert_entry(&got, &e);
        }
        assert_int_equal(at, places[i] < 1200 ? 1200 : places[i]);
    }
    index_run_close(r);
    end(&b);
}

static void test_run_that_can_not_be_written_leaves_nothing(void **state)
{
    static const enum simop_kind ops[] = { SIMOP_CREATE, SIMOP_PWRITE, SIMOP_OPEN, SIMOP_SIZE };

    (void)state;
    for (size_t i = 0; i < COUNT(ops); i++) {
        for (uint64_t nth = 1; nth < 20; nth++) {
            struct bench b;
            struct simfault f = { .where = { .kinds = SIMOP_BIT(ops[i]), .nth = nth },
                                  .errnum = EIO };
            int rc;

            begin(&b);
            simdisk_fault(b.d, &f);
            rc = make_run(&b, 33000);
            if (simdisk_fault_hits(b.d) == 0) {
                ok(rc);
                end(&b);
                break;
            }
            assert_int_equal(rc, HF_EIO);
            if (ops[i] == SIMOP_CREATE || ops[i] == SIMOP_PWRITE) {
                assert_int_equal(kit_files(b.d, "cache/"), 0);
            }
            end(&b);
        }
    }
}

static void test_run_without_memory(void **state)
{
    int rc = HF_ENOMEM;

    (void)state;
    for (uint64_t n = 1; rc != 0; n++) {
        struct bench b;

        begin(&b);
        mem_fail_at(n, 0);
        rc = make_run(&b, 600);
        mem_fail_at(0, 0);
        if (rc != 0) {
            assert_int_equal(rc, HF_ENOMEM);
        }
        end(&b);
    }
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
    struct bench b;

    (void)state;
    begin(&b);
    b.rnd.fill = no_randomness;
    assert_int_equal(make_run(&b, 3), HF_EIO);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_gives_back_what_was_put_into_it),
        cmocka_unit_test(test_run_may_expect_more_than_comes),
        cmocka_unit_test(test_run_finds_the_first_of_equal_keys),
        cmocka_unit_test(test_entries_are_ordered_by_key_then_by_home),
        cmocka_unit_test(test_run_that_is_not_there),
        cmocka_unit_test(test_run_finds_every_kind_of_damage),
        cmocka_unit_test(test_run_finds_every_cut),
        cmocka_unit_test(test_run_refuses_sizes_that_do_not_fit),
        cmocka_unit_test(test_run_refuses_a_fan_out_that_contradicts_itself),
        cmocka_unit_test(test_run_that_can_not_be_read_is_an_error),
        cmocka_unit_test(test_run_cursor_begins_anywhere),
        cmocka_unit_test(test_run_that_can_not_be_written_leaves_nothing),
        cmocka_unit_test(test_run_without_memory),
        cmocka_unit_test(test_run_needs_randomness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
