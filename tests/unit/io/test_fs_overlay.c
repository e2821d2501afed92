/*
 * test_fs_overlay.c - a copy that is changed at will, and an original that never is; a medium that
 * fails as it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/fs_failing.h"
#include "io/fs_overlay.h"
#include "io/fs_posix.h"

#define NAMES_BYTES 200

struct place {
    char dir[512];
    struct fs *below, *above, *copy;
};

static struct fs *folder(const struct place *p, const char *name)
{
    char path[600];
    struct fs *fs = NULL;

    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    assert_int_equal(fs_posix_make(path, 0700, &fs), 0);
    return fs;
}

static void put(struct fs *fs, const char *path, const char *text)
{
    struct fs_file *f = NULL;

    assert_int_equal(fs_create(fs, path, 0400, &f), 0);
    assert_int_equal(fs_pwrite(f, text, strlen(text), 0), 0);
    assert_int_equal(fs_close(&f), 0);
}

static void assert_holds(struct fs *fs, const char *path, const char *text)
{
    uint8_t *data = NULL;
    size_t len = 0;

    assert_int_equal(fs_read_file(fs, path, 1000, &data, &len), 0);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(data, text, len);
    mem_free(data);
}

static void assert_absent(struct fs *fs, const char *path)
{
    struct fs_file *f = NULL;
    struct fs_stat st;

    assert_int_equal(fs_open(fs, path, &f), HF_EABSENT);
    assert_int_equal(fs_stat(fs, path, &st), HF_EABSENT);
}

static int add_name(void *context, const char *name)
{
    char *all = context;
    size_t len = strlen(all);

    snprintf(all + len, NAMES_BYTES - len, "%s ", name);
    return 0;
}

/* How many names, and that each is there once. */
static void assert_lists(struct fs *fs, const char *path, size_t count, const char *with)
{
    char all[NAMES_BYTES] = "";
    size_t spaces = 0;

    assert_int_equal(fs_list(fs, path, add_name, all), 0);
    for (const char *c = all; *c != '\0'; c++) {
        spaces += *c == ' ';
    }
    assert_int_equal(spaces, count);
    assert_non_null(strstr(all, with));
}

static const char *const copied[] = { "head", "top", NULL };
static const char *const left_empty[] = { "tmp", NULL };

static int set_up(void **state)
{
    struct place *p = mem_zalloc(sizeof *p);
    const char *tmp = getenv("TMPDIR");
    struct fs_overlay_options o = { .copied = copied, .left_empty = left_empty };

    assert_non_null(p);
    snprintf(p->dir, sizeof p->dir, "%s/fs_overlay.XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(p->dir));
    p->below = folder(p, "below");
    p->above = folder(p, "above");
    assert_int_equal(fs_mkdir(p->below, "data", 0700), 0);
    assert_int_equal(fs_mkdir(p->below, "head", 0700), 0);
    assert_int_equal(fs_mkdir(p->below, "tmp", 0700), 0);
    put(p->below, "top", "at the top");
    put(p->below, "data/one", "first");
    put(p->below, "data/two", "second");
    put(p->below, "head/7", "");
    put(p->below, "tmp/of-somebody", "half");
    o.below = p->below;
    o.above = p->above;
    assert_int_equal(fs_overlay_new(&o, &p->copy), 0);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[600];

    mem_fail_at(0, 0);
    fs_close_fs(p->copy);
    fs_close_fs(p->above);
    fs_close_fs(p->below);
    snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
    assert_int_equal(system(command), 0);
    mem_free(p);
    return 0;
}

static void assert_as_made(struct fs *copy)
{
    assert_holds(copy, "top", "at the top");
    assert_holds(copy, "data/one", "first");
    assert_holds(copy, "data/two", "second");
    assert_holds(copy, "head/7", "");
    assert_lists(copy, "data", 2, "two");
    assert_lists(copy, "", 4, "top");
    assert_lists(copy, "tmp", 0, "");
}

static void test_copy_shows_what_is_below(void **state)
{
    const struct place *p = *state;
    struct fs_stat st;

    assert_as_made(p->copy);
    assert_absent(p->copy, "data/three");
    assert_int_equal(fs_stat(p->copy, "data", &st), 0);
    assert_true(st.is_dir);
}

static void test_nothing_below_ever_changes(void **state)
{
    const struct place *p = *state;

    assert_int_equal(fs_unlink(p->copy, "data/one"), 0);
    put(p->copy, "data/one", "other");
    put(p->copy, "data/new", "new");
    assert_int_equal(fs_rename_over(p->copy, "data/new", "data/two"), 0);
    assert_int_equal(fs_unlink(p->copy, "head/7"), 0);
    assert_int_equal(fs_unlink(p->copy, "top"), 0);
    assert_holds(p->copy, "data/one", "other");
    assert_holds(p->copy, "data/two", "new");
    assert_lists(p->copy, "data", 2, "one");
    assert_absent(p->copy, "top");

    assert_holds(p->below, "data/one", "first");
    assert_holds(p->below, "data/two", "second");
    assert_holds(p->below, "head/7", "");
    assert_holds(p->below, "top", "at the top");
    assert_lists(p->below, "data", 2, "one");
}

static void test_undo_makes_the_copy_as_it_was(void **state)
{
    const struct place *p = *state;

    assert_int_equal(fs_unlink(p->copy, "data/one"), 0);
    assert_int_equal(fs_unlink(p->copy, "head/7"), 0);
    put(p->copy, "data/new", "new");
    put(p->copy, "tmp/x", "x");
    assert_int_equal(fs_rename_new(p->copy, "tmp/x", "head/8"), 0);
    assert_int_equal(fs_overlay_undo(p->copy), 0);
    assert_as_made(p->copy);
    assert_absent(p->copy, "data/new");
    assert_absent(p->copy, "head/8");
}

/* As the software of some disks leaves them about. */
static void test_a_folder_in_a_folder_does_not_matter(void **state)
{
    struct place *p = *state;
    const struct fs_overlay_options o = { .below = p->below, .above = folder(p, "more") };
    struct fs *copy = NULL;

    assert_int_equal(fs_mkdir(p->below, "data/folder", 0700), 0);
    assert_int_equal(fs_overlay_new(&o, &copy), 0);
    put(copy, "data/new", "new");
    assert_int_equal(fs_overlay_undo(copy), 0);
    assert_absent(copy, "data/new");
    assert_holds(copy, "data/one", "first");
    fs_close_fs(copy);
    fs_close_fs(o.above);
}

/* What others remove below is still in the copy if it was copied for real, also after an undo. */
static void test_copied_files_outlive_the_original(void **state)
{
    const struct place *p = *state;

    assert_int_equal(fs_unlink(p->below, "head/7"), 0);
    assert_int_equal(fs_overlay_undo(p->copy), 0);
    assert_holds(p->copy, "head/7", "");
    assert_int_equal(fs_overlay_compare(p->copy), 0);
}

static void test_compare_tells_of_what_went_below(void **state)
{
    const struct place *p = *state;

    put(p->below, "data/later", "nobody's business");
    assert_int_equal(fs_overlay_compare(p->copy), 0);
    assert_absent(p->copy, "data/later");
    assert_int_equal(fs_unlink(p->below, "data/two"), 0);
    assert_int_equal(fs_overlay_compare(p->copy), HF_ECHANGED);
    assert_non_null(strstr(err_last()->text, "data/two"));
}

static void test_names_that_are_taken_are_refused(void **state)
{
    const struct place *p = *state;
    struct fs_file *f = NULL;

    assert_int_equal(fs_create(p->copy, "data/one", 0600, &f), HF_EEXISTS);
    assert_int_equal(fs_mkdir(p->copy, "data", 0700), HF_EEXISTS);
    put(p->copy, "tmp/x", "x");
    assert_int_equal(fs_rename_new(p->copy, "tmp/x", "data/one"), HF_EEXISTS);
    assert_int_equal(fs_unlink(p->copy, "data/none"), HF_EABSENT);
    assert_int_equal(fs_rename_new(p->copy, "data/none", "data/x"), HF_EABSENT);
    assert_int_equal(fs_rmdir(p->copy, "data"), HF_EUNSUPPORTED);
}

static void test_renaming_what_is_below_copies_it(void **state)
{
    const struct place *p = *state;

    assert_int_equal(fs_rename_new(p->copy, "data/one", "data/moved"), 0);
    assert_holds(p->copy, "data/moved", "first");
    assert_absent(p->copy, "data/one");
    assert_holds(p->below, "data/one", "first");
}

/* Each allocation fails in turn: it fails as a whole, and nothing is lost. */
static void test_making_a_copy_survives_a_lack_of_memory(void **state)
{
    const struct place *p = *state;
    int rc = HF_ENOMEM;

    for (uint64_t n = 1; rc != 0; n++) {
        struct fs_overlay_options o = { .copied = copied, .left_empty = left_empty };
        char name[32];
        struct fs *copy = NULL;

        snprintf(name, sizeof name, "above%d", (int)n);
        o.below = p->below;
        o.above = folder(p, name);
        mem_fail_at(n, 0);
        rc = fs_overlay_new(&o, &copy);
        mem_fail_at(0, 0);
        if (rc != 0) {
            assert_int_equal(rc, HF_ENOMEM);
            assert_null(copy);
        } else {
            assert_as_made(copy);
        }
        fs_close_fs(copy);
        fs_close_fs(o.above);
        assert_true(n < 1000);
    }
}

/* --- a medium that fails --- */

static struct fs_failing_rules rules;

static struct fs *medium(const struct place *p)
{
    struct fs *fs = NULL;

    fs_failing_rules_init(&rules);
    assert_int_equal(fs_failing_new(p->copy, &rules, &fs), 0);
    return fs;
}

static void test_medium_without_rules_passes_all_on(void **state)
{
    const struct place *p = *state;
    struct fs *m = medium(p);
    struct fs_space space;
    struct fs_file *f = NULL;
    uint64_t size = 0;

    assert_holds(m, "data/one", "first");
    put(m, "tmp/x", "written");
    assert_int_equal(fs_open(m, "tmp/x", &f), 0);
    assert_int_equal(fs_size(f, &size), 0);
    assert_int_equal(size, 7);
    assert_int_equal(fs_close(&f), 0);
    assert_int_equal(fs_rename_over(m, "tmp/x", "data/one"), 0);
    assert_holds(p->copy, "data/one", "written");
    assert_int_equal(fs_mkdir(m, "more", 0700), 0);
    assert_int_equal(fs_sync_dir(m, "more", "test"), 0);
    assert_int_equal(fs_space(m, &space), 0);
    assert_true(space.free_bytes > 0);
    assert_int_equal(fs_rmdir(m, "more"), HF_EUNSUPPORTED);
    assert_int_equal(rules.refused, 0);
    fs_close_fs(m);
}

static void test_full_medium_refuses_and_takes_again_what_was_freed(void **state)
{
    const struct place *p = *state;
    struct fs *m = medium(p);
    struct fs_space space;
    struct fs_file *f = NULL;

    rules.room_bytes = 8;
    put(m, "tmp/a", "12345");
    assert_int_equal(fs_space(m, &space), 0);
    assert_int_equal(space.free_bytes, 3);
    assert_int_equal(fs_create(m, "tmp/b", 0600, &f), 0);
    assert_int_equal(fs_pwrite(f, "1234", 4, 0), HF_ENOSPC);
    assert_int_equal(fs_unlink(m, "tmp/a"), 0);
    assert_int_equal(fs_pwrite(f, "1234", 4, 0), HF_ENOSPC); /* it is poisoned */
    assert_int_equal(fs_sync(f, "test"), HF_ENOSPC);
    assert_int_equal(fs_close(&f), 0);
    put(m, "tmp/c", "12345678");
    assert_true(rules.refused >= 2);
    fs_close_fs(m);
}

/* Renaming copies what is below: half a copy must not be taken for it. */
static void test_a_copy_that_finds_no_room_hides_nothing(void **state)
{
    const struct place *p = *state;
    struct fs_overlay_options o = { .below = p->below };
    struct fs *inner = folder(p, "small"), *copy = NULL;

    fs_failing_rules_init(&rules);
    assert_int_equal(fs_failing_new(inner, &rules, &o.above), 0);
    assert_int_equal(fs_overlay_new(&o, &copy), 0);
    rules.room_bytes = 3;
    assert_int_equal(fs_rename_new(copy, "data/one", "data/moved"), HF_ENOSPC);
    assert_holds(copy, "data/one", "first");
    assert_absent(copy, "data/moved");
    fs_close_fs(copy);
    fs_close_fs(o.above);
    fs_close_fs(inner);
}

static void test_what_can_not_be_read_written_or_synced(void **state)
{
    const struct place *p = *state;
    struct fs *m = medium(p);
    struct fs_file *f = NULL;
    char byte;
    size_t got;

    rules.unreadable = "data/one";
    assert_int_equal(fs_open(m, "data/one", &f), 0);
    assert_int_equal(fs_pread(f, &byte, 1, 0, &got), HF_EIO);
    assert_int_equal(fs_close(&f), 0);
    assert_holds(m, "data/two", "second");

    rules.unwritable = "tmp/w";
    assert_int_equal(fs_create(m, "tmp/w", 0600, &f), 0);
    assert_int_equal(fs_pwrite(f, "x", 1, 0), HF_EIO);
    assert_int_equal(fs_close(&f), 0);

    rules.unsyncable = "tmp/s";
    assert_int_equal(fs_create(m, "tmp/s", 0600, &f), 0);
    assert_int_equal(fs_pwrite(f, "x", 1, 0), 0);
    assert_int_equal(fs_sync(f, "test"), HF_EIO);
    rules.unsyncable = NULL;
    assert_int_equal(fs_sync(f, "test"), HF_EIO); /* never retried into a success */
    assert_int_equal(fs_close(&f), 0);
    fs_close_fs(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_copy_shows_what_is_below, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_below_ever_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_undo_makes_the_copy_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_folder_in_a_folder_does_not_matter, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_copied_files_outlive_the_original, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compare_tells_of_what_went_below, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_are_taken_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_renaming_what_is_below_copies_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_making_a_copy_survives_a_lack_of_memory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_medium_without_rules_passes_all_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_medium_refuses_and_takes_again_what_was_freed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_copy_that_finds_no_room_hides_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_can_not_be_read_written_or_synced, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
