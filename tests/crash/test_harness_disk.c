/*
 * test_harness_disk.c - the simulated disk: its faults, its space, its clock, its notes, its rot.
 */
/* valgrind */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "harness/simcrash.h"
#include "harness/simdisk.h"
#include "harness/simrot.h"
#include "io/fs.h"

struct bench {
    struct simdisk *disk;
    struct simclient *client;
    struct fs *fs;
};

static int set_up(void **state)
{
    struct bench *b = mem_zalloc(sizeof *b);
    assert_non_null(b);
    b->disk = simdisk_new(1);
    b->client = simdisk_client(b->disk, "a");
    b->fs = simclient_fs(b->client, "");
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    fs_close_fs(b->fs);
    simdisk_free(b->disk);
    mem_free(b);
    return 0;
}

static int try_put(struct fs *fs, const char *path, const char *text)
{
    struct fs_file *f;
    int rc = fs_create(fs, path, 0644, &f);
    if (rc == 0) {
        rc = fs_pwrite(f, text, strlen(text), 0);
    }
    int closed = fs_close(&f);
    return rc == 0 ? closed : rc;
}

static void put(struct fs *fs, const char *path, const char *text)
{
    assert_int_equal(try_put(fs, path, text), 0);
}

static bool is_there(struct fs *fs, const char *path)
{
    struct fs_stat st;
    int rc = fs_stat(fs, path, &st);
    assert_true(rc == 0 || rc == HF_EABSENT);
    return rc == 0;
}

static void assert_holds(const struct simdisk *d, const char *path, const char *text)
{
    size_t len;
    const uint8_t *data = simrot_look(d, path, &len);
    assert_non_null(data);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(data, text, len);
}

static void arm(struct bench *b, enum simop_kind kind, enum simfault_kind fault_kind, int errnum)
{
    struct simfault fault = { .where = { .kinds = SIMOP_BIT(kind) },
                              .kind = fault_kind,
                              .errnum = errnum };
    simdisk_fault(b->disk, &fault);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void test_the_nth_operation_fails_once(void **state)
{
    struct bench *b = *state;
    struct simfault fault = { .where = { .nth = 2, .prefix = "x" }, .errnum = EMFILE };
    simdisk_fault(b->disk, &fault);
    put(b->fs, "y", "");
    assert_true(!is_there(b->fs, "x1"));
    struct fs_file *f;
    assert_int_equal(fs_create(b->fs, "x1", 0644, &f), HF_EFILES);
    assert_non_null(strstr(err_last()->text, "could not create x1 in sim:/"));
    put(b->fs, "x1", "");
    assert_int_equal(simdisk_fault_hits(b->disk), 1);
}

static void test_a_fault_may_last_until_it_is_cleared(void **state)
{
    struct bench *b = *state;
    struct simfault fault = { .where = { .kinds = SIMOP_BIT(SIMOP_MKDIR) },
                              .errnum = EROFS,
                              .for_ever = true };
    simdisk_fault(b->disk, &fault);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fs_mkdir(b->fs, "d", 0755), HF_EACCESS);
    }
    assert_int_equal(simdisk_fault_hits(b->disk), 3);
    simdisk_clear_faults(b->disk);
    assert_int_equal(fs_mkdir(b->fs, "d", 0755), 0);
}

static void test_a_fault_is_about_the_client_that_it_names(void **state)
{
    struct bench *b = *state;
    struct fs *other = simclient_fs(simdisk_client(b->disk, "b"), "");
    struct simfault fault = { .where = { .client = "b" } };
    simdisk_fault(b->disk, &fault);
    put(b->fs, "x", "");
    assert_int_equal(fs_unlink(other, "x"), HF_EIO);
    assert_int_equal(fs_unlink(other, "x"), 0);
    fs_close_fs(other);
}

static void test_a_write_may_fail_half_way(void **state)
{
    struct bench *b = *state;
    arm(b, SIMOP_PWRITE, SIMFAULT_HALF, EDQUOT);
    assert_int_equal(try_put(b->fs, "x", "abcdef"), HF_ENOSPC);
    assert_holds(b->disk, "x", "abc");
}

static void test_an_error_may_follow_success(void **state)
{
    struct bench *b = *state;
    put(b->fs, "x", "1");
    arm(b, SIMOP_RENAME_NEW, SIMFAULT_AFTER, EIO);
    assert_int_equal(fs_rename_new(b->fs, "x", "y"), HF_EIO);
    assert_holds(b->disk, "y", "1");
    assert_false(is_there(b->fs, "x"));
    arm(b, SIMOP_CREATE, SIMFAULT_AFTER, EIO);
    assert_int_equal(try_put(b->fs, "z", "1"), HF_EIO);
    assert_holds(b->disk, "z", "");
}

static void test_a_rename_may_land_late(void **state)
{
    struct bench *b = *state;
    put(b->fs, "x", "1");
    struct simfault late = { .kind = SIMFAULT_LATE, .late_by = 3 };
    simdisk_fault(b->disk, &late);
    assert_int_equal(fs_rename_new(b->fs, "x", "y"), HF_EIO);
    assert_false(is_there(b->fs, "y"));
    assert_false(is_there(b->fs, "y"));
    assert_true(is_there(b->fs, "y"));
    assert_false(is_there(b->fs, "x"));
}

static void test_a_late_rename_takes_no_name_that_is_taken(void **state)
{
    struct bench *b = *state;
    put(b->fs, "x", "late");
    struct simfault late = { .kind = SIMFAULT_LATE, .late_by = 100 };
    simdisk_fault(b->disk, &late);
    assert_int_equal(fs_rename_new(b->fs, "x", "y"), HF_EIO);
    put(b->fs, "y", "first");
    simdisk_land(b->disk);
    assert_holds(b->disk, "y", "first");
    assert_holds(b->disk, "x", "late");
}

static void test_a_failed_write_or_sync_poisons_the_file(void **state)
{
    struct bench *b = *state;
    struct fs_file *f;
    assert_int_equal(fs_create(b->fs, "x", 0644, &f), 0);
    arm(b, SIMOP_SYNC, SIMFAULT_REFUSE, ENOSPC);
    assert_int_equal(fs_sync(f, "test"), HF_ENOSPC);
    size_t asked = simdisk_trace(b->disk)->count;
    assert_int_equal(fs_sync(f, "test"), HF_ENOSPC);
    assert_int_equal(fs_pwrite(f, "x", 1, 0), HF_ENOSPC);
    assert_int_equal(simdisk_trace(b->disk)->count, asked);
    assert_int_equal(fs_close(&f), 0);
}

/* --- space ------------------------------------------------------------------------------------ */

static void test_a_full_disk_takes_what_fits_and_unlink_gives_back(void **state)
{
    struct bench *b = *state;
    struct fs_space space;
    simdisk_set_space(b->disk, 10);
    put(b->fs, "x", "1234567");
    assert_int_equal(try_put(b->fs, "y", "abcde"), HF_ENOSPC);
    assert_holds(b->disk, "y", "abc");
    assert_int_equal(fs_space(b->fs, &space), 0);
    assert_int_equal(space.free_bytes, 0);
    assert_int_equal(space.total_bytes, 10);
    assert_int_equal(fs_unlink(b->fs, "x"), 0);
    put(b->fs, "z", "abcdefg");
    assert_int_equal(simdisk_used(b->disk), 10);
}

static void test_an_open_file_keeps_its_space(void **state)
{
    struct bench *b = *state;
    struct fs_file *f;
    put(b->fs, "x", "12345");
    assert_int_equal(fs_open(b->fs, "x", &f), 0);
    assert_int_equal(fs_unlink(b->fs, "x"), 0);
    assert_int_equal(simdisk_used(b->disk), 5);
    char got[8];
    size_t len;
    assert_int_equal(fs_pread(f, got, sizeof got, 1, &len), 0);
    assert_int_equal(len, 4);
    assert_int_equal(fs_close(&f), 0);
    assert_int_equal(simdisk_used(b->disk), 0);
}

static void test_replacing_a_file_gives_back_its_space(void **state)
{
    struct bench *b = *state;
    put(b->fs, "x", "12345");
    put(b->fs, "y", "1");
    assert_int_equal(fs_rename_over(b->fs, "y", "x"), 0);
    assert_int_equal(simdisk_used(b->disk), 1);
}

/* --- clients, time, notes --------------------------------------------------------------------- */

static void test_a_killed_client_does_nothing_more(void **state)
{
    struct bench *b = *state;
    struct fs *other = simclient_fs(simdisk_client(b->disk, "b"), "");
    simclient_kill_at(b->client, 3);
    struct fs_file *f;
    assert_int_equal(fs_create(b->fs, "x", 0644, &f), 0);
    assert_int_equal(fs_pwrite(f, "ab", 2, 0), 0);
    assert_int_equal(fs_pwrite(f, "cd", 2, 2), HF_EINTERRUPTED);
    assert_true(simclient_killed(b->client));
    assert_int_equal(fs_sync(f, "test"), HF_EINTERRUPTED);
    simclient_note(b->client, "done");
    assert_int_equal(fs_close(&f), HF_EINTERRUPTED);
    assert_int_equal(simclient_ops(b->client), 2);
    assert_false(simdisk_noted(b->disk, "done"));
    assert_holds(b->disk, "x", "ab");
    put(other, "y", "the others go on");
    fs_close_fs(other);
}

static void test_time_passes_with_operations_and_clocks_may_be_wrong(void **state)
{
    struct bench *b = *state;
    struct simclient *ahead = simdisk_client(b->disk, "ahead");
    simclient_skew(ahead, 3600 * NS_PER_S);
    simdisk_set_now(b->disk, 5 * NS_PER_S);
    simdisk_set_tick(b->disk, 7);
    put(b->fs, "x", ""); /* create, write, close */
    assert_int_equal(simdisk_now(b->disk), 5 * NS_PER_S + 21);
    assert_int_equal(clock_wall(simclient_clock(b->client)), 5 * NS_PER_S + 21);
    assert_int_equal(clock_wall(simclient_clock(ahead)), 3605 * NS_PER_S + 21);
    struct fs_stat st;
    assert_int_equal(fs_stat(b->fs, "x", &st), 0);
    assert_int_equal(st.mtime_ns, 5 * NS_PER_S + 14); /* by the storage's clock, at the write */
    clock_sleep(simclient_clock(ahead), 100);
    assert_int_equal(clock_monotonic(simclient_clock(b->client)), 5 * NS_PER_S + 128);
}

static void test_clients_draw_their_own_randomness_by_the_seed(void **state)
{
    struct bench *b = *state;
    struct simdisk *same = simdisk_new(1), *different = simdisk_new(2);
    uint64_t a = rnd_u64(simclient_rnd(b->client));
    assert_int_equal(a, rnd_u64(simclient_rnd(simdisk_client(same, "a"))));
    assert_int_not_equal(a, rnd_u64(simclient_rnd(simdisk_client(same, "b"))));
    assert_int_not_equal(a, rnd_u64(simclient_rnd(simdisk_client(different, "a"))));
    simdisk_free(same);
    simdisk_free(different);
}

static void test_notes_are_known_by_their_words(void **state)
{
    struct bench *b = *state;
    simclient_note(b->client, "acked %d", 7);
    assert_true(simdisk_noted(b->disk, "acked 7"));
    assert_true(simdisk_noted(b->disk, "acked %d", 7));
    assert_false(simdisk_noted(b->disk, "acked %d", 8));
    assert_int_equal(simdisk_note_count(b->disk), 1);
    assert_string_equal(simdisk_note(b->disk, 0), "acked 7");
    struct simdisk *later = simdisk_fork(b->disk);
    assert_true(simdisk_noted(later, "acked 7"));
    assert_int_equal(simdisk_notes_hash(later, 0), simdisk_notes_hash(b->disk, 1));
    assert_int_not_equal(simdisk_notes_hash(b->disk, 0), simdisk_notes_hash(b->disk, 1));
    simdisk_free(later);
}

static void test_folders_of_clients_share_one_disk(void **state)
{
    struct bench *b = *state;
    struct fs *repo = simclient_fs(b->client, "repo");
    struct fs *again = simclient_fs(simdisk_client(b->disk, "b"), "repo");
    struct fs *cache = simclient_fs(b->client, "clients/a/cache");
    put(repo, "x", "1");
    assert_true(is_there(again, "x"));
    assert_false(is_there(cache, "x"));
    put(cache, "y", "2");
    assert_holds(b->disk, "repo/x", "1");
    assert_holds(b->disk, "clients/a/cache/y", "2");
    fs_close_fs(repo);
    fs_close_fs(again);
    fs_close_fs(cache);
}

/* --- the trace -------------------------------------------------------------------------------- */

static void test_the_trace_reads_like_a_story(void **state)
{
    struct bench *b = *state;
    struct fs_file *f;
    assert_int_equal(fs_create(b->fs, "tmp-5f0c1d2e3b4a59687786950a1b2c3d4e", 0400, &f), 0);
    assert_int_equal(fs_pwrite(f, "abc", 3, 10), 0);
    assert_int_equal(fs_sync(f, "segment"), 0);
    assert_int_equal(fs_close(&f), 0);
    assert_int_equal(fs_rename_new(b->fs, "absent", "there"), HF_EABSENT);
    simclient_note(b->client, "acked 1");
    struct buf text;
    buf_init(&text);
    simtrace_print(simdisk_trace(b->disk), 0, SIZE_MAX, &text);
    assert_string_equal(buf_text(&text),
                        "  op 1    a      create      tmp-5f0c1d2e3b..\n"
                        "  op 2    a      write       tmp-5f0c1d2e3b..  10+3\n"
                        "  op 3    a      sync        tmp-5f0c1d2e3b..  [segment]\n"
                        "  op 4    a      close       tmp-5f0c1d2e3b..\n"
                        "  op 5    a      rename_new  absent -> there  = absent\n"
                        "  op 6    a      * acked 1\n");
    buf_release(&text);
}

static void test_the_sites_of_a_trace_are_known(void **state)
{
    struct bench *b = *state;
    const char *sites[4];
    assert_int_equal(fs_sync_dir(b->fs, "", "second"), 0);
    assert_int_equal(fs_sync_dir(b->fs, "", "first"), 0);
    assert_int_equal(fs_sync_dir(b->fs, "", "second"), 0);
    assert_int_equal(simtrace_sites(simdisk_trace(b->disk), sites, 4), 2);
    assert_string_equal(sites[0], "second");
    assert_string_equal(sites[1], "first");
}

/* --- rot -------------------------------------------------------------------------------------- */

static int count_files(void *context, const char *path, size_t len)
{
    (void)path;
    *(size_t *)context += 100 + len;
    return 0;
}

static void test_files_are_damaged_by_name(void **state)
{
    struct bench *b = *state;
    assert_int_equal(fs_mkdir(b->fs, "d", 0755), 0);
    put(b->fs, "d/x", "abcd");
    put(b->fs, "d/y", "12");
    size_t sum = 0;
    assert_int_equal(simrot_each(b->disk, "d/", count_files, &sum), 0);
    assert_int_equal(sum, 206);

    struct simdisk *good = simdisk_fork(b->disk);
    simrot_flip(b->disk, "d/x", 8);
    assert_holds(b->disk, "d/x", "accd");
    simrot_zero(b->disk, "d/x", 2, 2);
    simrot_cut(b->disk, "d/x", 2);
    assert_holds(b->disk, "d/x", "ac");
    simrot_swap(b->disk, "d/x", "d/y");
    assert_holds(b->disk, "d/y", "ac");
    simrot_replace(b->disk, "d/z", "new", 3);
    simrot_delete(b->disk, "d/x");
    assert_false(is_there(b->fs, "d/x"));
    assert_int_equal(simdisk_used(b->disk), 5);
    assert_holds(good, "d/x", "abcd");
    simdisk_free(good);
}

static int count_states(void *context, const struct simcrash_state *state)
{
    (void)state;
    ++*(size_t *)context;
    return 0;
}

static void test_damage_is_durable(void **state)
{
    struct bench *b = *state;
    put(b->fs, "x", "abcd");
    simrot_flip(b->disk, "x", 0);
    const struct simcrash_limits limits = { .exhaustive = 1000 };
    size_t count = 0;
    simcrash_each(b->disk, SIMMODEL_POSIX, &limits, 0, SIZE_MAX, count_states, &count);
    assert_int_equal(count, 1);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* A failure that hits the harness is passed on: the code under test sees each, the harness none. */
static void test_the_harness_passes_on_failures_of_memory(void **state)
{
    struct bench *b = *state;
    mem_fail_at(1, 0);
    put(b->fs, "x", "abc");
    assert_null(mem_alloc(1));
    void *block = mem_alloc(1);
    assert_non_null(block);
    mem_free(block);
    mem_fail_at(1, 1);
    put(b->fs, "y", "abc");
    assert_null(mem_alloc(1));
    assert_null(mem_alloc(1));
    mem_fail_at(0, 0);
    assert_holds(b->disk, "y", "abc");
}

/* --- reading ---------------------------------------------------------------------------------- */

struct removing {
    struct fs *fs;
    int count;
};

static int remove_it(void *context, const char *name)
{
    struct removing *r = context;
    r->count++;
    return fs_unlink(r->fs, name);
}

static void test_what_is_listed_may_be_removed_meanwhile(void **state)
{
    struct bench *b = *state;
    put(b->fs, "x", "");
    put(b->fs, "y", "");
    put(b->fs, "z", "");
    struct removing r = { .fs = b->fs };
    assert_int_equal(fs_list(b->fs, "", remove_it, &r), 0);
    assert_int_equal(r.count, 3);
    assert_false(is_there(b->fs, "y"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_nth_operation_fails_once),
        TEST(test_a_fault_may_last_until_it_is_cleared),
        TEST(test_a_fault_is_about_the_client_that_it_names),
        TEST(test_a_write_may_fail_half_way),
        TEST(test_an_error_may_follow_success),
        TEST(test_a_rename_may_land_late),
        TEST(test_a_late_rename_takes_no_name_that_is_taken),
        TEST(test_a_failed_write_or_sync_poisons_the_file),
        TEST(test_a_full_disk_takes_what_fits_and_unlink_gives_back),
        TEST(test_an_open_file_keeps_its_space),
        TEST(test_replacing_a_file_gives_back_its_space),
        TEST(test_a_killed_client_does_nothing_more),
        TEST(test_time_passes_with_operations_and_clocks_may_be_wrong),
        TEST(test_clients_draw_their_own_randomness_by_the_seed),
        TEST(test_notes_are_known_by_their_words),
        TEST(test_folders_of_clients_share_one_disk),
        TEST(test_the_trace_reads_like_a_story),
        TEST(test_the_sites_of_a_trace_are_known),
        TEST(test_files_are_damaged_by_name),
        TEST(test_damage_is_durable),
        TEST(test_the_harness_passes_on_failures_of_memory),
        TEST(test_what_is_listed_may_be_removed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
