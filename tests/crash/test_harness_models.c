/*
 * test_harness_models.c - what each model of crashes may leave, state by state.
 *
 * A few operations are recorded, and all states after the last of them are written down: one line
 * a tree, "name=content" or "name/" each. The lists here are the definition of the models.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "harness/simcrash.h"
#include "harness/simmem.h"
#include "io/fs.h"

#define MOST_STATES 4096

struct states {
    char *list[MOST_STATES];
    size_t count;
};

static int put_node(void *context, const char *path, const struct simnode *node)
{
    struct buf *out = context;
    buf_printf(out, "%s%s%s", out->len > 0 ? " " : "", path, node->is_dir ? "/" : "=");
    for (size_t i = 0; i < simbytes_len(node->content); i++) {
        uint8_t byte = node->content->data[i];
        buf_printf(out, "%c", byte == 0 ? '0' : byte < 0x80 && byte > 0x20 ? byte : '?');
    }
    return 0;
}

static char *tree_text(const struct simtree *tree)
{
    struct buf out;
    buf_init(&out);
    simtree_each(tree, put_node, &out);
    char *text = simmem_printf("%s", buf_text(&out));
    buf_release(&out);
    return text;
}

static int collect(void *context, const struct simcrash_state *state)
{
    struct states *s = context;
    assert_true(s->count < MOST_STATES);
    s->list[s->count++] = tree_text(state->tree);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Disk, client and folder of a test; a test records between begin and the first look. */
struct bench {
    struct simdisk *disk;
    struct fs *fs;
};

static void begin(struct bench *b)
{
    b->disk = simdisk_new(1);
    b->fs = simclient_fs(simdisk_client(b->disk, "a"), "");
}

static void end(struct bench *b)
{
    fs_close_fs(b->fs);
    simdisk_free(b->disk);
}

static const struct simcrash_limits all_of_them = { .exhaustive = 1 << 20, .seed = 1 };

/* The states after all operations, sorted. */
static void states_of(const struct bench *b, enum simmodel model, struct states *out)
{
    out->count = 0;
    size_t last = simdisk_trace(b->disk)->count;
    assert_int_equal(simcrash_each(b->disk, model, &all_of_them, last, last, collect, out), 0);
    qsort(out->list, out->count, sizeof out->list[0], by_text);
}

static void release(struct states *s)
{
    for (size_t i = 0; i < s->count; i++) {
        simmem_free(s->list[i]);
    }
}

/* The states must be just these, sorted; the list ends with NULL. */
static void assert_states(const struct bench *b, enum simmodel model, const char *const *expected)
{
    struct states got;
    states_of(b, model, &got);
    size_t i = 0;
    for (; expected[i] != NULL && i < got.count; i++) {
        if (strcmp(expected[i], got.list[i]) != 0) {
            fail_msg("%s: state %zu is \"%s\" instead of \"%s\"", simmodel_name(model), i,
                     got.list[i], expected[i]);
        }
    }
    if (i < got.count) {
        fail_msg("%s: unexpected state \"%s\"", simmodel_name(model), got.list[i]);
    }
    if (expected[i] != NULL) {
        fail_msg("%s: no state \"%s\"", simmodel_name(model), expected[i]);
    }
    release(&got);
}

#define STATES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static size_t count_states(const struct bench *b, enum simmodel model)
{
    struct states got;
    states_of(b, model, &got);
    size_t count = got.count;
    release(&got);
    return count;
}

static bool has_state(const struct bench *b, enum simmodel model, const char *text)
{
    struct states got;
    states_of(b, model, &got);
    bool found = false;
    for (size_t i = 0; i < got.count; i++) {
        found = found || strcmp(got.list[i], text) == 0;
    }
    release(&got);
    return found;
}

static void create(struct bench *b, const char *path, const char *text, bool synced)
{
    struct fs_file *f;
    assert_int_equal(fs_create(b->fs, path, 0644, &f), 0);
    if (text[0] != '\0') {
        assert_int_equal(fs_pwrite(f, text, strlen(text), 0), 0);
    }
    if (synced) {
        assert_int_equal(fs_sync(f, "test"), 0);
    }
    assert_int_equal(fs_close(&f), 0);
}

static void test_nothing_pending_is_one_state(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "ab", true);
    fs_sync_dir(b.fs, "", "test");
    for (unsigned m = 0; m < SIMMODELS; m++) {
        assert_states(&b, (enum simmodel)m, STATES("f=ab"));
    }
    end(&b);
}

static void test_a_kill_leaves_what_was_done(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "ab", false);
    assert_int_equal(fs_rename_new(b.fs, "f", "g"), 0);
    assert_states(&b, SIMMODEL_KILL, STATES("g=ab"));
    end(&b);
}

static void test_a_kill_cuts_the_write_that_was_under_way(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct fs_file *f;
    assert_int_equal(fs_create(b.fs, "f", 0644, &f), 0);
    assert_int_equal(fs_pwrite(f, "abcd", 4, 0), 0);
    assert_states(&b, SIMMODEL_KILL, STATES("f=", "f=ab", "f=abc", "f=abcd"));
    assert_int_equal(fs_pwrite(f, "ef", 2, 4), 0);
    assert_states(&b, SIMMODEL_KILL, STATES("f=abcd", "f=abcde", "f=abcdef"));
    assert_int_equal(fs_close(&f), 0);
    end(&b);
}

static void test_a_synced_file_may_lack_its_name_but_not_with_ext4(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "ab", true);
    assert_states(&b, SIMMODEL_JOURNAL, STATES("f=ab"));
    assert_states(&b, SIMMODEL_LAZY, STATES("", "f=ab"));
    assert_states(&b, SIMMODEL_POSIX, STATES("", "f=ab"));
    end(&b);
}

static void test_a_synced_name_says_nothing_of_the_content(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "ab", false);
    fs_sync_dir(b.fs, "", "test");
    assert_states(&b, SIMMODEL_JOURNAL, STATES("f=", "f=00", "f=ab"));
    assert_states(&b, SIMMODEL_LAZY, STATES("f=", "f=00", "f=ab"));
    assert_states(&b, SIMMODEL_POSIX, STATES("f=", "f=00", "f=?\?", "f=a", "f=a0", "f=ab"));
    end(&b);
}

static void test_names_of_a_journal_last_in_order(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "", false);
    create(&b, "g", "", false);
    assert_states(&b, SIMMODEL_JOURNAL, STATES("", "f=", "f= g="));
    assert_states(&b, SIMMODEL_LAZY, STATES("", "f=", "f= g="));
    assert_states(&b, SIMMODEL_POSIX, STATES("", "f=", "f= g=", "g="));
    end(&b);
}

static void test_a_rename_is_whole_in_a_journal_and_in_halves_elsewhere(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "x", true);
    fs_sync_dir(b.fs, "", "test");
    assert_int_equal(fs_rename_new(b.fs, "f", "g"), 0);
    assert_states(&b, SIMMODEL_JOURNAL, STATES("f=x", "g=x"));
    assert_states(&b, SIMMODEL_LAZY, STATES("f=x", "g=x"));
    assert_states(&b, SIMMODEL_POSIX, STATES("", "f=x", "f=x g=x", "g=x"));
    end(&b);
}

static void test_rename_over_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "old", true);
    create(&b, "g", "new", true);
    fs_sync_dir(b.fs, "", "test");
    assert_int_equal(fs_rename_over(b.fs, "g", "f"), 0);
    assert_states(&b, SIMMODEL_JOURNAL, STATES("f=new", "f=old g=new"));
    assert_states(&b, SIMMODEL_POSIX, STATES("f=new", "f=new g=new", "f=old", "f=old g=new"));
    end(&b);
}

/* Which folder is synced matters in the models that fix no more than what was asked for. */
static void test_a_sync_fixes_the_names_of_its_folder_only(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    fs_mkdir(b.fs, "d", 0755);
    fs_mkdir(b.fs, "t", 0755);
    simdisk_settle(b.disk);
    create(&b, "t/f", "x", true);
    assert_int_equal(fs_rename_new(b.fs, "t/f", "d/f"), 0);
    create(&b, "t/g", "", false);
    fs_sync_dir(b.fs, "d", "test");
    assert_states(&b, SIMMODEL_JOURNAL, STATES("d/ d/f=x t/ t/g="));
    assert_states(&b, SIMMODEL_LAZY, STATES("d/ d/f=x t/", "d/ d/f=x t/ t/g="));
    assert_states(
        &b, SIMMODEL_POSIX,
        STATES("d/ d/f=x t/", "d/ d/f=x t/ t/f=x", "d/ d/f=x t/ t/f=x t/g=", "d/ d/f=x t/ t/g="));
    end(&b);
}

static void test_what_is_in_a_folder_goes_with_it(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    fs_mkdir(b.fs, "d", 0755);
    create(&b, "d/f", "x", true);
    fs_sync_dir(b.fs, "d", "test");
    assert_states(&b, SIMMODEL_JOURNAL, STATES("d/ d/f=x"));
    assert_states(&b, SIMMODEL_POSIX, STATES("", "d/ d/f=x"));
    end(&b);
}

static void test_an_unlinked_file_may_come_back_with_its_content(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "x", true);
    fs_sync_dir(b.fs, "", "test");
    assert_int_equal(fs_unlink(b.fs, "f"), 0);
    create(&b, "f", "y", true);
    assert_states(&b, SIMMODEL_POSIX, STATES("", "f=x", "f=y"));
    assert_states(&b, SIMMODEL_LAZY, STATES("", "f=x", "f=y"));
    assert_states(&b, SIMMODEL_JOURNAL, STATES("f=y"));
    end(&b);
}

static void test_a_write_in_place_may_be_old_new_or_zeros(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct fs_file *f;
    assert_int_equal(fs_create(b.fs, "f", 0644, &f), 0);
    assert_int_equal(fs_pwrite(f, "old", 3, 0), 0);
    assert_int_equal(fs_sync(f, "test"), 0);
    fs_sync_dir(b.fs, "", "test");
    assert_int_equal(fs_pwrite(f, "NEW", 3, 0), 0);
    assert_states(&b, SIMMODEL_JOURNAL, STATES("f=000", "f=NEW", "f=old"));
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=Nld"));
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=N00"));
    assert_int_equal(fs_close(&f), 0);
    end(&b);
}

static void test_writes_may_arrive_out_of_order(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct fs_file *f;
    assert_int_equal(fs_create(b.fs, "f", 0644, &f), 0);
    fs_sync_dir(b.fs, "", "test");
    assert_int_equal(fs_pwrite(f, "1", 1, 0), 0);
    assert_int_equal(fs_pwrite(f, "2", 1, 1), 0);
    assert_int_equal(fs_pwrite(f, "3", 1, 2), 0);
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=1"));
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=12"));
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=103"));
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=003"));
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=023"));
    assert_false(has_state(&b, SIMMODEL_JOURNAL, "f=103"));
    assert_int_equal(fs_close(&f), 0);
    end(&b);
}

static void test_a_tear_goes_through_all_writes_in_order(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct fs_file *f;
    assert_int_equal(fs_create(b.fs, "f", 0644, &f), 0);
    fs_sync_dir(b.fs, "", "test");
    assert_int_equal(fs_pwrite(f, "ab", 2, 0), 0);
    assert_int_equal(fs_pwrite(f, "cd", 2, 2), 0);
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=abc"));
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=abc0"));
    assert_true(has_state(&b, SIMMODEL_POSIX, "f=ab00"));
    assert_false(has_state(&b, SIMMODEL_POSIX, "f=ac"));
    assert_int_equal(fs_close(&f), 0);
    end(&b);
}

static void test_pages_are_lost_each_on_its_own(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    char *data = simmem_alloc(3 * 4096);
    memset(data, 'x', 3 * 4096);
    struct fs_file *f;
    assert_int_equal(fs_create(b.fs, "f", 0644, &f), 0);
    fs_sync_dir(b.fs, "", "test");
    assert_int_equal(fs_pwrite(f, data, 3 * 4096, 0), 0);
    /* each page new or zeros, and the sizes 0, 4096 and 8192 */
    assert_int_equal(count_states(&b, SIMMODEL_JOURNAL), 8 + 3);
    assert_int_equal(fs_close(&f), 0);
    simmem_free(data);
    end(&b);
}

static void test_pages_written_over_are_old_new_or_zeros_each_on_its_own(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    char *data = simmem_alloc(2 * 4096);
    memset(data, 'o', 2 * 4096);
    struct fs_file *f;
    assert_int_equal(fs_create(b.fs, "f", 0644, &f), 0);
    assert_int_equal(fs_pwrite(f, data, 2 * 4096, 0), 0);
    assert_int_equal(fs_sync(f, "test"), 0);
    fs_sync_dir(b.fs, "", "test");
    memset(data, 'n', 2 * 4096);
    assert_int_equal(fs_pwrite(f, data, 2 * 4096, 0), 0);
    assert_int_equal(count_states(&b, SIMMODEL_JOURNAL), 9);
    assert_int_equal(fs_close(&f), 0);
    simmem_free(data);
    end(&b);
}

static void test_a_failed_sync_dooms_what_it_was_to_fix(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct fs_file *f, *again;
    assert_int_equal(fs_create(b.fs, "f", 0644, &f), 0);
    fs_sync_dir(b.fs, "", "test");
    assert_int_equal(fs_pwrite(f, "ab", 2, 0), 0);
    struct simfault lost = { .where = { .kinds = SIMOP_BIT(SIMOP_SYNC) }, .kind = SIMFAULT_LOST };
    simdisk_fault(b.disk, &lost);
    assert_int_not_equal(fs_sync(f, "test"), 0);
    assert_int_equal(fs_close(&f), 0);
    assert_int_equal(fs_open(b.fs, "f", &again), 0);
    assert_int_equal(fs_sync(again, "test"), 0);
    assert_int_equal(fs_close(&again), 0);
    assert_states(&b, SIMMODEL_JOURNAL, STATES("f=", "f=00", "f=ab"));
    assert_states(&b, SIMMODEL_KILL, STATES("f=ab"));
    end(&b);
}

static void test_a_failed_sync_of_a_folder_dooms_its_names(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "", false);
    struct simfault lost = { .where = { .kinds = SIMOP_BIT(SIMOP_SYNC_DIR) },
                             .kind = SIMFAULT_LOST };
    simdisk_fault(b.disk, &lost);
    assert_int_not_equal(fs_sync_dir(b.fs, "", "test"), 0);
    create(&b, "g", "", false);
    assert_int_equal(fs_sync_dir(b.fs, "", "test"), 0);
    assert_states(&b, SIMMODEL_POSIX, STATES("f= g=", "g="));
    end(&b);
}

static void test_a_skipped_sync_fixes_nothing(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    simdisk_skip_site(b.disk, "the one");
    create(&b, "f", "", false);
    assert_int_equal(fs_sync_dir(b.fs, "", "the one"), 0);
    assert_states(&b, SIMMODEL_JOURNAL, STATES("", "f="));
    assert_int_equal(fs_sync_dir(b.fs, "", "another"), 0);
    assert_states(&b, SIMMODEL_JOURNAL, STATES("f="));
    end(&b);
}

/* A sample claims nothing that all combinations would not show, and finds most of a small number.
 */
static void test_samples_are_states_of_the_whole_enumeration(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "abc", false);
    create(&b, "g", "defg", false);
    const struct simcrash_limits few = { .exhaustive = 1, .sampled = 2000, .seed = 7 };
    for (unsigned m = SIMMODEL_JOURNAL; m < SIMMODELS; m++) {
        struct states sampled = { .count = 0 };
        struct states every;
        size_t last = simdisk_trace(b.disk)->count;
        simcrash_each(b.disk, (enum simmodel)m, &few, last, last, collect, &sampled);
        states_of(&b, (enum simmodel)m, &every);
        assert_true(every.count > 10 && sampled.count > every.count * 3 / 4);
        for (size_t i = 0; i < sampled.count; i++) {
            assert_non_null(
                bsearch(&sampled.list[i], every.list, every.count, sizeof every.list[0], by_text));
        }
        release(&sampled);
        release(&every);
    }
    end(&b);
}

/* Notes are part of what a state is: what may be missing before a note may not be after it. */
static void test_a_state_comes_again_after_a_note(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "", false);
    struct states got = { .count = 0 };
    simcrash_each(b.disk, SIMMODEL_JOURNAL, &all_of_them, 0, SIZE_MAX, collect, &got);
    assert_int_equal(got.count, 2);
    release(&got);
    simclient_note(simdisk_client(b.disk, "a"), "made f");
    got.count = 0;
    simcrash_each(b.disk, SIMMODEL_JOURNAL, &all_of_them, 0, SIZE_MAX, collect, &got);
    assert_int_equal(got.count, 4);
    release(&got);
    end(&b);
}

static int keep_last_disk(void *context, const struct simcrash_state *state)
{
    struct simdisk **out = context;
    simdisk_free(*out);
    *out = simcrash_disk(state);
    return 0;
}

static void test_a_disk_after_a_crash_is_whole_durable_and_a_minute_older(void **state)
{
    (void)state;
    struct bench b, after = { NULL, NULL };
    begin(&b);
    create(&b, "f", "ab", true);
    simclient_note(simdisk_client(b.disk, "a"), "made f");
    size_t last = simdisk_trace(b.disk)->count;
    simcrash_each(b.disk, SIMMODEL_KILL, &all_of_them, last, last, keep_last_disk, &after.disk);
    for (unsigned m = 0; m < SIMMODELS; m++) {
        assert_states(&after, (enum simmodel)m, STATES("f=ab"));
    }
    assert_true(simdisk_noted(after.disk, "made f"));
    assert_int_equal(simdisk_used(after.disk), 2);
    assert_true(simdisk_now(after.disk) >= simdisk_now(b.disk) + 60 * NS_PER_S);
    uint64_t before_it = rnd_u64(simclient_rnd(simdisk_client(b.disk, "b")));
    uint64_t after_it = rnd_u64(simclient_rnd(simdisk_client(after.disk, "b")));
    assert_int_not_equal(before_it, after_it);
    simdisk_free(after.disk);
    end(&b);
}

static int stop_at_once(void *context, const struct simcrash_state *state)
{
    (void)state;
    ++*(int *)context;
    return 42;
}

static void test_an_enumeration_ends_with_what_was_returned(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    create(&b, "f", "ab", false);
    int calls = 0;
    assert_int_equal(
        simcrash_each(b.disk, SIMMODEL_POSIX, &all_of_them, 0, SIZE_MAX, stop_at_once, &calls), 42);
    assert_int_equal(calls, 1);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_pending_is_one_state),
        cmocka_unit_test(test_a_kill_leaves_what_was_done),
        cmocka_unit_test(test_a_kill_cuts_the_write_that_was_under_way),
        cmocka_unit_test(test_a_synced_file_may_lack_its_name_but_not_with_ext4),
        cmocka_unit_test(test_a_synced_name_says_nothing_of_the_content),
        cmocka_unit_test(test_names_of_a_journal_last_in_order),
        cmocka_unit_test(test_a_rename_is_whole_in_a_journal_and_in_halves_elsewhere),
        cmocka_unit_test(test_rename_over_leaves_the_old_or_the_new),
        cmocka_unit_test(test_a_sync_fixes_the_names_of_its_folder_only),
        cmocka_unit_test(test_what_is_in_a_folder_goes_with_it),
        cmocka_unit_test(test_an_unlinked_file_may_come_back_with_its_content),
        cmocka_unit_test(test_a_write_in_place_may_be_old_new_or_zeros),
        cmocka_unit_test(test_writes_may_arrive_out_of_order),
        cmocka_unit_test(test_a_tear_goes_through_all_writes_in_order),
        cmocka_unit_test(test_pages_are_lost_each_on_its_own),
        cmocka_unit_test(test_pages_written_over_are_old_new_or_zeros_each_on_its_own),
        cmocka_unit_test(test_a_failed_sync_dooms_what_it_was_to_fix),
        cmocka_unit_test(test_a_failed_sync_of_a_folder_dooms_its_names),
        cmocka_unit_test(test_a_skipped_sync_fixes_nothing),
        cmocka_unit_test(test_samples_are_states_of_the_whole_enumeration),
        cmocka_unit_test(test_a_state_comes_again_after_a_note),
        cmocka_unit_test(test_a_disk_after_a_crash_is_whole_durable_and_a_minute_older),
        cmocka_unit_test(test_an_enumeration_ends_with_what_was_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
