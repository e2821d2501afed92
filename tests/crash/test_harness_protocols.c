/*
 * test_harness_protocols.c - a correct protocol survives every crash, and each classic mistake is
 * caught, by just the models that can know.
 *
 * The toy is a store of values: a value is written to tmp/N, synced, renamed to data/N, data/ is
 * synced, and then it is acknowledged. Its promise: what was acknowledged is there, and what is
 * there is whole. A mistake is one thing left out or done too early.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "harness/explore.h"
#include "harness/simmem.h"
#include "io/fs.h"

#define P SIMMODEL_BIT(SIMMODEL_KILL)
#define J SIMMODEL_BIT(SIMMODEL_JOURNAL)
#define LAZY SIMMODEL_BIT(SIMMODEL_LAZY)
#define A SIMMODEL_BIT(SIMMODEL_POSIX)

enum mistake {
    NONE,
    FILE_IS_NOT_SYNCED,
    FOLDER_IS_NOT_SYNCED,
    WRONG_FOLDER_IS_SYNCED,
    RENAMED_BEFORE_SYNC,
    ACKNOWLEDGED_BEFORE_FOLDER_SYNC,
    ACKNOWLEDGED_BEFORE_RENAME,
    WRITTEN_IN_PLACE,
    NEW_FOLDER_IS_NOT_SYNCED,
    SYNC_IS_TRIED_AGAIN,
    ONE_SYNC_IS_NEEDLESS
};

struct toy {
    enum mistake mistake;
    int values;
};

static size_t value_of(int i, char out[64])
{
    int len = snprintf(out, 64, "value %d, all of it, to the end.", i);
    return (size_t)len;
}

static int sync_file(const struct toy *toy, struct fs *fs, const char *path, struct fs_file *f)
{
    if (toy->mistake == FILE_IS_NOT_SYNCED) {
        return 0;
    }
    int rc = fs_sync(f, "file");
    if (rc == 0 || toy->mistake != SYNC_IS_TRIED_AGAIN) {
        return rc;
    }
    struct fs_file *again;
    rc = fs_open(fs, path, &again);
    if (rc == 0) {
        rc = fs_sync(again, "file again");
    }
    fs_close(&again);
    return rc;
}

static int write_value(const struct toy *toy, struct fs *fs, int i, const char *path,
                       const char *renamed)
{
    char text[64];
    size_t len = value_of(i, text);
    struct fs_file *f;
    int rc = fs_create(fs, path, 0400, &f);
    if (rc == 0) {
        rc = fs_pwrite(f, text, len, 0);
    }
    if (rc == 0 && toy->mistake == RENAMED_BEFORE_SYNC) {
        rc = fs_rename_new(fs, path, renamed);
    }
    if (rc == 0) {
        rc = sync_file(toy, fs, path, f);
    }
    int closed = fs_close(&f);
    return rc == 0 ? closed : rc;
}

static int store_value(const struct toy *toy, struct simclient *c, struct fs *fs, int i)
{
    char tmp[32], data[32];
    snprintf(tmp, sizeof tmp, "tmp/%d", i);
    snprintf(data, sizeof data, "data/%d", i);
    bool in_place = toy->mistake == WRITTEN_IN_PLACE;
    int rc = write_value(toy, fs, i, in_place ? data : tmp, data);
    if (rc == 0 && toy->mistake == ACKNOWLEDGED_BEFORE_RENAME) {
        simclient_note(c, "acked %d", i);
    }
    if (rc == 0 && !in_place && toy->mistake != RENAMED_BEFORE_SYNC) {
        rc = fs_rename_new(fs, tmp, data);
    }
    if (rc == 0 && toy->mistake == ACKNOWLEDGED_BEFORE_FOLDER_SYNC) {
        simclient_note(c, "acked %d", i);
    }
    if (rc == 0 && toy->mistake != FOLDER_IS_NOT_SYNCED) {
        rc = fs_sync_dir(fs, toy->mistake == WRONG_FOLDER_IS_SYNCED ? "tmp" : "data", "folder");
    }
    if (rc == 0) {
        simclient_note(c, "acked %d", i);
    }
    if (rc == 0 && toy->mistake == ONE_SYNC_IS_NEEDLESS) {
        rc = fs_sync_dir(fs, "tmp", "needless");
    }
    return rc;
}

static int toy_prepare(struct simdisk *d, void *context)
{
    const struct toy *toy = context;
    struct fs *fs = simclient_fs(simdisk_client(d, "a"), "store");
    int rc = fs_mkdir(fs, "tmp", 0755);
    if (rc == 0 && toy->mistake != NEW_FOLDER_IS_NOT_SYNCED) {
        rc = fs_mkdir(fs, "data", 0755);
    }
    fs_close_fs(fs);
    return rc;
}

static int toy_run(struct simdisk *d, void *context)
{
    const struct toy *toy = context;
    struct simclient *c = simdisk_client(d, "a");
    struct fs *fs = simclient_fs(c, "store");
    int rc = 0;
    if (toy->mistake == NEW_FOLDER_IS_NOT_SYNCED) {
        rc = fs_mkdir(fs, "data", 0755);
    }
    for (int i = 0; rc == 0 && i < toy->values; i++) {
        rc = store_value(toy, c, fs, i);
    }
    fs_close_fs(fs);
    return rc;
}

static int verify_value(const struct simdisk *d, struct fs *fs, int i)
{
    char path[32], text[64];
    snprintf(path, sizeof path, "data/%d", i);
    uint8_t *data;
    size_t len;
    int rc = fs_read_file(fs, path, 1 << 20, &data, &len);
    if (rc == HF_EABSENT && simdisk_noted(d, "acked %d", i)) {
        return err_raise(HF_EDAMAGE, "value %d was acknowledged and is lost", i);
    }
    if (rc == HF_EABSENT) {
        return 0;
    }
    if (rc != 0) {
        return rc;
    }
    bool whole = len == value_of(i, text) && memcmp(data, text, len) == 0;
    mem_free(data);
    return whole ? 0 : err_raise(HF_EDAMAGE, "value %d is there, but not whole", i);
}

static int toy_verify(struct simdisk *d, void *context)
{
    const struct toy *toy = context;
    struct fs *fs = simclient_fs(simdisk_client(d, "a"), "store");
    int rc = 0;
    for (int i = 0; rc == 0 && i < toy->values; i++) {
        rc = verify_value(d, fs, i);
    }
    fs_close_fs(fs);
    return rc;
}

static struct scenario toy_scenario(struct toy *toy)
{
    return (struct scenario){
        .name = "toy", .prepare = toy_prepare, .run = toy_run, .verify = toy_verify, .context = toy
    };
}

static void test_a_correct_protocol_survives_every_crash(void **state)
{
    (void)state;
    struct toy toy = { .mistake = NONE, .values = 4 };
    struct scenario s = toy_scenario(&toy);
    struct explore_options o;
    struct explore_report r;
    explore_options_init(&o);
    int rc = explore_crashes(&s, &o, &r);
    if (rc != 0) {
        explore_print(&r, stderr);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(explore_violations(&r), 0);
    for (unsigned m = 0; m < SIMMODELS; m++) {
        assert_true(r.states[m] > 20);
    }
    assert_true(r.states[SIMMODEL_POSIX] > r.states[SIMMODEL_JOURNAL]);
    explore_report_release(&r);
}

/* Which models show that something is wrong, each asked alone. */
static unsigned caught_by(struct scenario *s)
{
    unsigned caught = 0;
    for (unsigned m = 0; m < SIMMODELS; m++) {
        struct explore_options o;
        struct explore_report r;
        explore_options_init(&o);
        o.models = SIMMODEL_BIT(m);
        if (explore_crashes(s, &o, &r) != 0) {
            caught |= SIMMODEL_BIT(m);
        }
        assert_int_equal(explore_violations(&r) > 0, (caught & SIMMODEL_BIT(m)) != 0);
        explore_report_release(&r);
    }
    return caught;
}

static void test_each_classic_mistake_is_caught_by_the_models_that_can_know(void **state)
{
    (void)state;
    static const struct {
        enum mistake mistake;
        unsigned caught;
    } cases[] = {
        { FILE_IS_NOT_SYNCED, J | LAZY | A },
        { FOLDER_IS_NOT_SYNCED, J | LAZY | A },
        { WRONG_FOLDER_IS_SYNCED, A }, /* a journal takes both halves of a rename as one */
        { RENAMED_BEFORE_SYNC, J | LAZY | A },
        { ACKNOWLEDGED_BEFORE_FOLDER_SYNC, J | LAZY | A },
        { ACKNOWLEDGED_BEFORE_RENAME, P | J | LAZY | A },
        { WRITTEN_IN_PLACE, P | J | LAZY | A },
        { NEW_FOLDER_IS_NOT_SYNCED, LAZY | A }, /* ext4 commits it with the next sync of all */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct toy toy = { .mistake = cases[i].mistake, .values = 2 };
        struct scenario s = toy_scenario(&toy);
        unsigned caught = caught_by(&s);
        if (caught != cases[i].caught) {
            fail_msg("mistake %d was caught by models %#x instead of %#x", (int)cases[i].mistake,
                     caught, cases[i].caught);
        }
    }
}

static void test_a_violation_tells_its_story(void **state)
{
    (void)state;
    struct toy toy = { .mistake = FOLDER_IS_NOT_SYNCED, .values = 1 };
    struct scenario s = toy_scenario(&toy);
    struct explore_options o;
    struct explore_report r;
    explore_options_init(&o);
    o.models = A;
    o.first_only = true;
    assert_int_equal(explore_crashes(&s, &o, &r), HF_EFAIL);
    assert_non_null(r.text);
    assert_non_null(strstr(r.text, "value 0 was acknowledged and is lost"));
    assert_non_null(strstr(r.text, "rename_new  store/tmp/0 -> store/data/0"));
    assert_non_null(strstr(r.text, "* acked 0"));
    assert_non_null(strstr(r.text, "the name store/data/0"));
    assert_int_equal(explore_violations(&r), 1);
    explore_report_release(&r);
}

static void test_leaving_out_a_sync_by_its_site_is_caught(void **state)
{
    (void)state;
    struct toy toy = { .mistake = NONE, .values = 2 };
    struct scenario s = toy_scenario(&toy);
    struct explore_options o;
    struct explore_mutant mutants[8];
    size_t count;
    explore_options_init(&o);
    assert_int_equal(explore_mutants(&s, &o, mutants, 8, &count), 0);
    assert_int_equal(count, 2);
    assert_string_equal(mutants[0].site, "file");
    assert_string_equal(mutants[1].site, "folder");
    assert_int_equal(mutants[0].caught, J | LAZY | A);
    assert_int_equal(mutants[1].caught, J | LAZY | A);
}

static void test_a_needless_sync_is_not_missed(void **state)
{
    (void)state;
    struct toy toy = { .mistake = ONE_SYNC_IS_NEEDLESS, .values = 2 };
    struct scenario s = toy_scenario(&toy);
    struct explore_options o;
    struct explore_mutant mutants[8];
    size_t count;
    explore_options_init(&o);
    assert_int_equal(explore_mutants(&s, &o, mutants, 8, &count), 0);
    assert_int_equal(count, 3);
    assert_string_equal(mutants[2].site, "needless");
    assert_int_equal(mutants[2].caught, 0);
    assert_int_equal(mutants[1].caught, J | LAZY | A);
}

/* --- sweeps of faults ------------------------------------------------------------------------- */

static int sweep(enum mistake mistake, enum simfault_kind kind, int errnum, uint32_t kinds,
                 bool for_ever)
{
    struct toy toy = { .mistake = mistake, .values = 2 };
    struct scenario s = toy_scenario(&toy);
    struct explore_options o;
    struct explore_report r;
    explore_options_init(&o);
    struct simfault fault = {
        .where = { .kinds = kinds }, .kind = kind, .errnum = errnum, .for_ever = for_ever
    };
    int rc = explore_faults(&s, &o, &fault, &r);
    assert_true(r.runs > 0);
    explore_report_release(&r);
    return rc;
}

static void test_a_correct_protocol_survives_every_fault_and_a_crash_on_top(void **state)
{
    (void)state;
    assert_int_equal(sweep(NONE, SIMFAULT_REFUSE, 0, 0, false), 0);
    assert_int_equal(sweep(NONE, SIMFAULT_REFUSE, 28, 0, true), 0);
    assert_int_equal(sweep(NONE, SIMFAULT_AFTER, 0, 0, false), 0);
    assert_int_equal(sweep(NONE, SIMFAULT_HALF, 28, 0, false), 0);
    assert_int_equal(sweep(NONE, SIMFAULT_LATE, 0, 0, false), 0);
    assert_int_equal(sweep(NONE, SIMFAULT_LOST, 0, 0, false), 0);
}

static void test_trying_a_failed_sync_again_is_caught(void **state)
{
    (void)state;
    assert_int_equal(sweep(SYNC_IS_TRIED_AGAIN, SIMFAULT_LOST, 0, SIMOP_BIT(SIMOP_SYNC), false),
                     HF_EFAIL);
    assert_int_equal(sweep(SYNC_IS_TRIED_AGAIN, SIMFAULT_REFUSE, 0, SIMOP_BIT(SIMOP_SYNC), false),
                     0);
}

static int forget_the_error(struct simdisk *d, void *context)
{
    toy_run(d, context);
    return 0;
}

static int expect_nothing(struct simdisk *d, void *context)
{
    (void)context;
    struct fs *fs = simclient_fs(simdisk_client(d, "a"), "store");
    struct fs_stat st;
    int rc = fs_stat(fs, "data/0", &st);
    fs_close_fs(fs);
    return rc == HF_EABSENT ? 0 : err_raise(HF_EFAIL, "the late request has landed");
}

/* A request that its client gave up on takes effect after that client's end. */
static void test_what_is_on_its_way_lands_before_the_crash(void **state)
{
    (void)state;
    struct toy toy = { .values = 1 };
    struct scenario s = toy_scenario(&toy);
    struct explore_options o;
    struct explore_report r;
    explore_options_init(&o);
    s.run = forget_the_error;
    s.verify = expect_nothing;
    struct simfault late = { .kind = SIMFAULT_LATE, .late_by = 1000 };
    assert_int_equal(explore_faults(&s, &o, &late, &r), HF_EFAIL);
    assert_non_null(strstr(r.text, "the late request has landed"));
    assert_non_null(strstr(r.text, "(landed late)"));
    explore_report_release(&r);
}

/* --- recovery --------------------------------------------------------------------------------- */

/*
 * A second toy: a file `state` is replaced by way of `state.new`, and recovery finishes what a
 * crash interrupted. A recovery that takes the old file away first is fine unless it is crashed
 * itself.
 */
enum recovery_mistake { RECOVERS_WELL, REMOVES_THE_OLD_FIRST, ALWAYS_WRITES, VERIFY_WRITES };

static int put_file(struct fs *fs, const char *path, const char *text)
{
    struct fs_file *f;
    int rc = fs_create(fs, path, 0644, &f);
    if (rc == 0) {
        rc = fs_pwrite(f, text, strlen(text), 0);
    }
    if (rc == 0) {
        rc = fs_sync(f, "file");
    }
    fs_close(&f);
    return rc;
}

static bool holds(struct fs *fs, const char *path, const char *text)
{
    uint8_t *data;
    size_t len;
    if (fs_read_file(fs, path, 100, &data, &len) != 0) {
        return false;
    }
    bool same = len == strlen(text) && memcmp(data, text, len) == 0;
    mem_free(data);
    return same;
}

static struct fs *open_state(struct simdisk *d)
{
    return simclient_fs(simdisk_client(d, "a"), "");
}

static int state_prepare(struct simdisk *d, void *context)
{
    (void)context;
    struct fs *fs = open_state(d);
    int rc = put_file(fs, "state", "one");
    fs_close_fs(fs);
    return rc;
}

static int state_run(struct simdisk *d, void *context)
{
    (void)context;
    struct fs *fs = open_state(d);
    int rc = put_file(fs, "state.new", "two");
    if (rc == 0) {
        rc = fs_sync_dir(fs, "", "folder");
    }
    fs_close_fs(fs);
    return rc;
}

static int finish_replacing(struct fs *fs, enum recovery_mistake mistake)
{
    if (!holds(fs, "state.new", "two")) {
        return 0;
    }
    int rc = 0;
    if (mistake == REMOVES_THE_OLD_FIRST) {
        rc = fs_unlink(fs, "state");
        if (rc == 0) {
            rc = fs_rename_new(fs, "state.new", "state");
        }
    } else {
        rc = fs_rename_over(fs, "state.new", "state");
    }
    return rc == 0 ? fs_sync_dir(fs, "", "folder") : rc;
}

static int state_recover(struct simdisk *d, void *context)
{
    enum recovery_mistake mistake = *(enum recovery_mistake *)context;
    struct fs *fs = open_state(d);
    int rc = finish_replacing(fs, mistake);
    if (rc == 0 && mistake == ALWAYS_WRITES) {
        char name[32];
        snprintf(name, sizeof name, "recovered at %lld", (long long)simdisk_now(d));
        rc = put_file(fs, name, "");
    }
    fs_close_fs(fs);
    return rc;
}

static int state_verify(struct simdisk *d, void *context)
{
    enum recovery_mistake mistake = *(enum recovery_mistake *)context;
    struct fs *fs = open_state(d);
    int rc = 0;
    if (mistake == VERIFY_WRITES) {
        rc = put_file(fs, "checked", "");
    }
    if (rc == 0 && !holds(fs, "state", "one") && !holds(fs, "state", "two")) {
        rc = err_raise(HF_EDAMAGE, "the state is lost");
    }
    fs_close_fs(fs);
    return rc;
}

static int explore_recovery(enum recovery_mistake mistake, unsigned depth,
                            struct explore_report *out_report)
{
    struct scenario s = { .name = "state",
                          .prepare = state_prepare,
                          .run = state_run,
                          .recover = state_recover,
                          .verify = state_verify,
                          .context = &mistake };
    struct explore_options o;
    explore_options_init(&o);
    o.depth = depth;
    return explore_crashes(&s, &o, out_report);
}

static void test_recovery_is_crashed_as_well(void **state)
{
    (void)state;
    struct explore_report r;
    assert_int_equal(explore_recovery(RECOVERS_WELL, 3, &r), 0);
    assert_true(r.deeper > 0);
    explore_report_release(&r);
    assert_int_equal(explore_recovery(REMOVES_THE_OLD_FIRST, 1, &r), 0);
    explore_report_release(&r);
    assert_int_equal(explore_recovery(REMOVES_THE_OLD_FIRST, 2, &r), HF_EFAIL);
    assert_non_null(strstr(r.text, "crash 2"));
    explore_report_release(&r);
}

static void test_recovering_twice_must_be_recovering_once(void **state)
{
    (void)state;
    struct explore_report r;
    assert_int_equal(explore_recovery(ALWAYS_WRITES, 1, &r), HF_EFAIL);
    assert_non_null(strstr(r.text, "recovering a second time changed the disk"));
    explore_report_release(&r);
}

static void test_verifying_must_not_write(void **state)
{
    (void)state;
    struct explore_report r;
    assert_int_equal(explore_recovery(VERIFY_WRITES, 1, &r), HF_EFAIL);
    assert_non_null(strstr(r.text, "verification after the crash wrote to the disk"));
    explore_report_release(&r);
}

static int fail_at_once(struct simdisk *d, void *context)
{
    (void)d, (void)context;
    return err_raise(HF_EIO, "no reason");
}

static void test_a_scenario_that_fails_without_a_crash_is_no_success(void **state)
{
    (void)state;
    struct toy toy = { .mistake = NONE, .values = 1 };
    struct scenario s = toy_scenario(&toy);
    struct explore_options o;
    struct explore_report r;
    explore_options_init(&o);
    s.run = fail_at_once;
    assert_int_equal(explore_crashes(&s, &o, &r), HF_EFAIL);
    assert_non_null(strstr(r.text, "without any crash, failed: no reason"));
    explore_report_release(&r);
    s = toy_scenario(&toy);
    s.proceed = fail_at_once;
    assert_int_equal(explore_crashes(&s, &o, &r), HF_EFAIL);
    assert_non_null(strstr(r.text, "going on after the crash failed"));
    explore_report_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_correct_protocol_survives_every_crash),
        cmocka_unit_test(test_each_classic_mistake_is_caught_by_the_models_that_can_know),
        cmocka_unit_test(test_a_violation_tells_its_story),
        cmocka_unit_test(test_leaving_out_a_sync_by_its_site_is_caught),
        cmocka_unit_test(test_a_needless_sync_is_not_missed),
        cmocka_unit_test(test_a_correct_protocol_survives_every_fault_and_a_crash_on_top),
        cmocka_unit_test(test_trying_a_failed_sync_again_is_caught),
        cmocka_unit_test(test_what_is_on_its_way_lands_before_the_crash),
        cmocka_unit_test(test_recovery_is_crashed_as_well),
        cmocka_unit_test(test_recovering_twice_must_be_recovering_once),
        cmocka_unit_test(test_verifying_must_not_write),
        cmocka_unit_test(test_a_scenario_that_fails_without_a_crash_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
