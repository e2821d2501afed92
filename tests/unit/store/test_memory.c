/*
 * test_memory.c - what a client remembers may become older by a crash, and never wrong.
 */
#include "store/memory.h"
#include "unit/store/storekit.h"

#define PLACE "/srv/backup"

static const uint8_t repo[16] = { 0xab, 1, 2, 3 };

struct client {
    struct simdisk *d;
    struct fs *fs;
};

static void begin(struct client *c)
{
    ok(nacl_init());
    c->d = simdisk_new(1);
    c->fs = simclient_fs(simdisk_client(c->d, "a"), "state");
}

static void end(struct client *c)
{
    fs_close_fs(c->fs);
    simdisk_free(c->d);
}

static struct journal_position position(uint64_t number)
{
    struct journal_position p = { .number = number };

    memset(p.hash, (int)number, sizeof p.hash);
    return p;
}

static int store(struct client *c, uint64_t number)
{
    struct journal_position p = position(number);

    return memory_store(c->fs, repo, PLACE, &p);
}

static uint64_t recall(struct client *c)
{
    struct journal_position p;
    struct journal_position expected;

    ok(memory_load(c->fs, repo, PLACE, &p));
    if (p.number != 0) {
        expected = position(p.number);
        assert_memory_equal(&p, &expected, sizeof p);
    }
    return p.number;
}

static void test_memory_of_nothing(void **state)
{
    struct client c;

    (void)state;
    begin(&c);
    assert_int_equal(recall(&c), 0);
    assert_int_equal(kit_changes(c.d, 0, ""), 0);
    end(&c);
}

static void test_memory_keeps_the_newest(void **state)
{
    struct client c;

    (void)state;
    begin(&c);
    for (uint64_t n = 5; n < 20; n += 3) {
        ok(store(&c, n));
        assert_int_equal(recall(&c), n);
    }
    ok(store(&c, 6));
    assert_int_equal(recall(&c), 17);
    ok(store(&c, 17));
    assert_int_equal(recall(&c), 17);
    assert_int_equal(kit_files(c.d, "state/"), 2);
    end(&c);
}

static void test_memory_tells_repositories_and_places_apart(void **state)
{
    struct client c;
    struct journal_position p = position(9);
    uint8_t other[16] = { 7 };

    (void)state;
    begin(&c);
    ok(store(&c, 5));
    ok(memory_store(c.fs, repo, "/mnt/copy", &p));
    ok(memory_store(c.fs, other, PLACE, &p));
    assert_int_equal(recall(&c), 5);
    ok(memory_load(c.fs, repo, "/mnt/copy", &p));
    assert_int_equal(p.number, 9);
    end(&c);
}

static void test_memory_forgets_on_demand(void **state)
{
    struct client c;

    (void)state;
    begin(&c);
    ok(memory_forget(c.fs, repo, PLACE)); /* there is none */
    ok(store(&c, 5));
    ok(store(&c, 6));
    ok(memory_forget(c.fs, repo, PLACE));
    assert_int_equal(recall(&c), 0);
    assert_int_equal(kit_files(c.d, "state/"), 0);
    ok(store(&c, 2));
    assert_int_equal(recall(&c), 2);
    end(&c);
}

/* Whichever slot is torn, the other one counts: the newest, or the one before. */
static void test_memory_survives_a_torn_slot(void **state)
{
    struct client c;

    (void)state;
    begin(&c);
    ok(store(&c, 5));
    ok(store(&c, 8));
    for (size_t slot = 0; slot < 2; slot++) {
        char path[128];
        size_t len;

        kit_file(c.d, "state/", slot, path);
        simrot_look(c.d, path, &len);
        for (size_t i = 0; i < 8 * len; i++) {
            struct client torn = { .d = simdisk_fork(c.d) };
            uint64_t number;

            torn.fs = simclient_fs(simdisk_client(torn.d, "a"), "state");
            if (i <= len && i % 8 == 0) {
                simrot_cut(torn.d, path, i == len ? len + 1 : i);
            } else {
                simrot_flip(torn.d, path, i);
            }
            number = recall(&torn);
            assert_true(number == 5 || number == 8);
            ok(store(&torn, 9));
            assert_int_equal(recall(&torn), 9);
            end(&torn);
        }
    }
    end(&c);
}

static void test_memory_with_both_slots_torn_is_none(void **state)
{
    struct client c;
    char path[128];

    (void)state;
    begin(&c);
    ok(store(&c, 5));
    ok(store(&c, 8));
    simrot_cut(c.d, kit_file(c.d, "state/", 0, path), 0);
    simrot_zero(c.d, kit_file(c.d, "state/", 1, path), 0, 64);
    assert_int_equal(recall(&c), 0);
    ok(store(&c, 3));
    assert_int_equal(recall(&c), 3);
    end(&c);
}

/*
 * At any moment of a store, the old memory or the new one is there: one slot at a time is touched.
 */
static void test_memory_killed_while_storing(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < 14; at++) {
        struct client c;
        struct client after;
        uint64_t number;
        int rc;

        begin(&c);
        ok(store(&c, 5));
        ok(store(&c, 8));
        simclient_kill_at(simdisk_client(c.d, "a"), at);
        rc = store(&c, 9);
        after.d = simdisk_fork(c.d);
        after.fs = simclient_fs(simdisk_client(after.d, "b"), "state");
        number = recall(&after);
        assert_true(number == 8 || number == 9);
        assert_true(rc != 0 || number == 9);
        end(&after);
        end(&c);
    }
}

static void test_memory_says_when_the_folder_fails(void **state)
{
    static const struct {
        enum simop_kind op;
        bool loads;
    } cases[] = { { SIMOP_OPEN, true },    { SIMOP_PREAD, true },  { SIMOP_CREATE, false },
                  { SIMOP_PWRITE, false }, { SIMOP_CLOSE, false }, { SIMOP_UNLINK, false } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct client c;
        struct journal_position p;

        begin(&c);
        ok(store(&c, 5));
        ok(store(&c, 8));
        kit_fault_for_ever(c.d, cases[i].op, "state/", EIO);
        assert_int_equal(memory_load(c.fs, repo, PLACE, &p), cases[i].loads ? HF_EIO : 0);
        assert_int_equal(store(&c, 9), HF_EIO);
        assert_int_equal(memory_forget(c.fs, repo, PLACE),
                         cases[i].op == SIMOP_UNLINK ? HF_EIO : 0);
        end(&c);
    }
}

static void test_memory_leaves_the_slot_to_another_process(void **state)
{
    struct client c;

    (void)state;
    begin(&c);
    ok(store(&c, 5));
    kit_fault(c.d, SIMOP_CREATE, "state/", SIMFAULT_REFUSE, EEXIST);
    ok(store(&c, 8));
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_of_nothing),
        cmocka_unit_test(test_memory_keeps_the_newest),
        cmocka_unit_test(test_memory_tells_repositories_and_places_apart),
        cmocka_unit_test(test_memory_forgets_on_demand),
        cmocka_unit_test(test_memory_survives_a_torn_slot),
        cmocka_unit_test(test_memory_with_both_slots_torn_is_none),
        cmocka_unit_test(test_memory_killed_while_storing),
        cmocka_unit_test(test_memory_says_when_the_folder_fails),
        cmocka_unit_test(test_memory_leaves_the_slot_to_another_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
