/*
 * test_restore.c - what is restored is what was there, to the last bit, whatever was in the way.
 */
/* tsan */
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/target_dir.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"
#include "harness/source_mem.h"
#include "harness/target_mem.h"

#define NOW 1700000000000000000LL

struct told {
    size_t errors, losses, acts;
    int last_code;
    char last[512], last_act[256];
    size_t new, changed, same, deleted, kept;
};

static struct realrepo repo;
static struct told told;

static int set_up(void **state)
{
    (void)state;
    realrepo_make(&repo, 0, NULL);
    memset(&told, 0, sizeof(told));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    realrepo_remove(&repo);
    return 0;
}

/* ---- what is told ---- */

static void on_error(void *context, const char *path, size_t path_len, int code,
                     const char *message)
{
    struct told *t = context;
    t->errors++;
    t->last_code = code;
    snprintf(t->last, sizeof(t->last), "%.*s: %s", (int)path_len, path, message);
}

static void on_loss(void *context, const char *path, size_t path_len, const char *what,
                    const char *why)
{
    struct told *t = context;
    t->losses++;
    snprintf(t->last, sizeof(t->last), "%.*s: %s: %s", (int)path_len, path, what, why);
}

static void on_act(void *context, const char *path, size_t path_len, const char *act)
{
    struct told *t = context;
    t->acts++;
    t->new += strcmp(act, "new") == 0;
    t->changed += strcmp(act, "changed") == 0;
    t->same += strcmp(act, "same") == 0;
    t->deleted += strcmp(act, "deleted") == 0;
    t->kept += strcmp(act, "kept") == 0;
    snprintf(t->last_act, sizeof(t->last_act), "%s %.*s", act, (int)path_len, path);
}

static const struct restore_events events = {
    .context = &told, .error = on_error, .loss = on_loss, .act = on_act
};

/* ---- doing it ---- */

static void back_up(void)
{
    struct backup_result result;
    if (realrepo_backup(&repo, NULL, &result) != 0) {
        fail_msg("%s", err_last()->text);
    }
}

static struct restore_result restore_expecting(struct restore_options o, int expected)
{
    struct restore_result result;
    if (o.threads == 0) {
        o.threads = 1;
    }
    memset(&told, 0, sizeof(told));
    int rc = realrepo_restore(&repo, &o, &events, &result);
    if (rc != expected) {
        fail_msg("%s, not %s: %s (%s)", err_code_name(rc), err_code_name(expected),
                 err_last()->text, told.last);
    }
    return result;
}

static struct restore_result restore(struct restore_options o)
{
    return restore_expecting(o, 0);
}

static void expect_same(void)
{
    char difference[8192];
    if (realtree_differs(repo.tree, repo.out, 0, difference, sizeof(difference)) != 0) {
        fail_msg("%s", difference);
    }
}

static void at(char out[256], const char *base, const char *path)
{
    snprintf(out, 256, "%.120s/%.120s", base, path);
}

static void put(const char *base, const char *path, const char *content)
{
    char full[256];
    at(full, base, path);
    realtree_write(full, content, strlen(content));
}

static void put_dir(const char *base, const char *path)
{
    char full[256];
    at(full, base, path);
    assert_int_equal(mkdir(full, 0755), 0);
}

static bool is_there(const char *base, const char *path)
{
    char full[256];
    struct stat st;
    at(full, base, path);
    return lstat(full, &st) == 0;
}

static void expect_content(const char *path, const char *content)
{
    char full[256];
    char got[4096] = "";
    at(full, repo.out, path);
    int fd = open(full, O_RDONLY);
    if (fd < 0) {
        fail_msg("there is no %s", path);
    }
    ssize_t n = read(fd, got, sizeof(got) - 1);
    close(fd);
    assert_true(n >= 0);
    assert_string_equal(got, content);
}

static struct exclude *patterns(const char *a, const char *b)
{
    struct exclude *x = NULL;
    assert_int_equal(exclude_new(&x), 0);
    assert_int_equal(exclude_add(x, a), 0);
    if (b != NULL) {
        assert_int_equal(exclude_add(x, b), 0);
    }
    return x;
}

/* ---- whole trees ---- */

static void round_trips(size_t threads, uint64_t seed)
{
    realtree_fill(repo.tree, seed, 150);
    back_up();
    struct restore_result r = restore((struct restore_options){ .threads = threads });
    expect_same();
    assert_true(r.files > 0 && r.bytes_written > 0 && r.first_byte_ns >= 0);
    assert_true(r.first_file_ns >= 0);
    /* What was restored differs from the tree as it is later; another backup, another restore. */
    for (uint64_t i = 1; i <= 3; i++) {
        realtree_change(repo.tree, seed + i);
        realtree_change(repo.out, 7 * seed + i);
        back_up();
        restore((struct restore_options){
            .threads = threads, .delete_extras = true, .overwrite = RESTORE_ALWAYS });
        expect_same();
    }
}

static void test_restore_gives_back_random_trees(void **state)
{
    (void)state;
    round_trips(1, 11);
}

static void test_restore_gives_back_random_trees_in_parallel(void **state)
{
    (void)state;
    round_trips(4, 22);
}

static void test_restore_gives_back_a_tree_in_tiny_windows(void **state)
{
    (void)state;
    realtree_fill(repo.tree, 33, 120);
    back_up();
    restore((struct restore_options){ .threads = 3, .window_bytes = 64u << 10 });
    expect_same();
}

static void test_restore_works_without_any_cache(void **state)
{
    (void)state;
    realtree_fill(repo.tree, 44, 60);
    back_up();
    realrepo_reopen(&repo, true);
    restore((struct restore_options){ 0 });
    expect_same();
}

static void test_restore_of_what_is_right_writes_nothing(void **state)
{
    (void)state;
    realtree_fill(repo.tree, 55, 100);
    back_up();
    restore((struct restore_options){ 0 });
    struct restore_result r = restore((struct restore_options){ 0 });
    assert_int_equal(r.bytes_written, 0);
    assert_true(r.skipped > 0);
    assert_int_equal(told.changed + told.new, 0);
    expect_same();
}

static void test_restore_does_not_touch_what_is_right(void **state)
{
    (void)state;
    static const char *const paths[] = { "f", "d", "l", "d/fifo" };
    struct stat before[4], after[4];
    char path[256];
    put_dir(repo.tree, "d");
    put(repo.tree, "f", "x");
    at(path, repo.tree, "f");
    (void)setxattr(path, "user.x", "y", 1, 0);
    assert_int_equal(chmod(path, 04711), 0);
    at(path, repo.tree, "l");
    assert_int_equal(symlink("f", path), 0);
    at(path, repo.tree, "d/fifo");
    assert_int_equal(mkfifo(path, 0640), 0);
    back_up();
    restore((struct restore_options){ 0 });
    for (size_t i = 0; i < 4; i++) {
        at(path, repo.out, paths[i]);
        assert_int_equal(lstat(path, &before[i]), 0);
    }
    restore((struct restore_options){ 0 });
    for (size_t i = 0; i < 4; i++) {
        at(path, repo.out, paths[i]);
        assert_int_equal(lstat(path, &after[i]), 0);
        if (before[i].st_ctim.tv_sec != after[i].st_ctim.tv_sec ||
            before[i].st_ctim.tv_nsec != after[i].st_ctim.tv_nsec) {
            fail_msg("%s was touched", paths[i]);
        }
    }
}

static void test_restore_compares_content_and_writes_nothing_where_it_is_right(void **state)
{
    (void)state;
    uint8_t data[300000];
    char path[256];
    realtree_content(2, data, sizeof(data));
    at(path, repo.tree, "sparse");
    realtree_write(path, data, sizeof(data));
    assert_int_equal(truncate(path, 1 << 20), 0);
    put(repo.tree, "small", "x");
    put(repo.tree, "empty", "");
    back_up();
    restore((struct restore_options){ 0 });
    struct restore_result r = restore((struct restore_options){ .overwrite = RESTORE_ALWAYS });
    assert_int_equal(r.bytes_written, 0);
    assert_true(r.bytes_verified > sizeof(data));
    expect_same();
}

/* ---- what is there already ---- */

static void test_restore_writes_only_chunks_that_differ(void **state)
{
    (void)state;
    const size_t len = 2u << 20;
    uint8_t *data = mem_alloc(len);
    char path[256];
    realtree_content(3, data, len);
    at(path, repo.tree, "big");
    realtree_write(path, data, len);
    back_up();
    restore((struct restore_options){ 0 });
    at(path, repo.out, "big");
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "damage", 6, 1u << 20), 6);
    assert_int_equal(ftruncate(fd, 2u << 20), 0);
    close(fd);
    struct restore_result r = restore((struct restore_options){ 0 });
    expect_same();
    assert_true(r.bytes_written > 0 && r.bytes_written <= CHUNKER_DEFAULT_MAX);
    mem_free(data);
}

static void test_restore_cuts_and_extends_what_is_there(void **state)
{
    (void)state;
    put(repo.tree, "shorter", "0123456789");
    put(repo.tree, "longer", "0123456789");
    put(repo.tree, "empty", "");
    back_up();
    assert_int_equal(mkdir(repo.out, 0755), 0);
    put(repo.out, "shorter", "0123456789 and more");
    put(repo.out, "longer", "012");
    put(repo.out, "empty", "not at all");
    restore((struct restore_options){ 0 });
    expect_same();
}

static void test_restore_leaves_existing_things_alone_if_told_so(void **state)
{
    (void)state;
    put(repo.tree, "there", "new content");
    put(repo.tree, "absent", "x");
    put_dir(repo.tree, "dir");
    put(repo.tree, "dir/in", "y");
    back_up();
    assert_int_equal(mkdir(repo.out, 0755), 0);
    put(repo.out, "there", "old");
    put_dir(repo.out, "dir");
    char dir[256];
    struct stat before, after;
    at(dir, repo.out, "dir");
    assert_int_equal(chmod(dir, 0711), 0);
    assert_int_equal(stat(dir, &before), 0);
    struct restore_result r = restore((struct restore_options){ .overwrite = RESTORE_NEVER });
    assert_int_equal(stat(dir, &after), 0);
    assert_int_equal(before.st_mode, after.st_mode);
    expect_content("there", "old");
    expect_content("absent", "x");
    expect_content("dir/in", "y");
    assert_int_equal(r.skipped, 1);
    assert_int_equal(told.kept, 1);
}

static void test_restore_replaces_things_of_another_type(void **state)
{
    (void)state;
    char path[256];
    put_dir(repo.tree, "d");
    put(repo.tree, "d/in", "1");
    put(repo.tree, "f", "file");
    put_dir(repo.tree, "l"); /* where the target has a link that leads out */
    put(repo.tree, "l/x", "inside");
    back_up();
    assert_int_equal(mkdir(repo.out, 0755), 0);
    put(repo.out, "d", "a file in the way");
    put_dir(repo.out, "f");
    put_dir(repo.out, "f/deep");
    put(repo.out, "f/deep/er", "");
    char outside[256];
    at(outside, repo.dir, "outside");
    assert_int_equal(mkdir(outside, 0755), 0);
    at(path, repo.out, "l");
    assert_int_equal(symlink(outside, path), 0);
    restore((struct restore_options){ 0 });
    expect_same();
    assert_false(is_there(outside, "x"));
}

static void test_restore_breaks_links_to_other_files(void **state)
{
    (void)state;
    char a[256], b[256];
    put(repo.tree, "a", "the right content");
    back_up();
    assert_int_equal(mkdir(repo.out, 0755), 0);
    put(repo.out, "other", "somebody else's");
    at(a, repo.out, "other");
    at(b, repo.out, "a");
    assert_int_equal(link(a, b), 0);
    restore((struct restore_options){ 0 });
    expect_content("a", "the right content");
    expect_content("other", "somebody else's");
}

static void test_restore_deletes_what_is_extra(void **state)
{
    (void)state;
    put(repo.tree, "keep", "1");
    put_dir(repo.tree, "d");
    back_up();
    assert_int_equal(mkdir(repo.out, 0755), 0);
    put(repo.out, "extra", "");
    put_dir(repo.out, "d");
    put(repo.out, "d/more", "");
    put_dir(repo.out, "gone");
    put(repo.out, "gone/too", "");
    put(repo.out, "keep.o", "");
    struct exclude *x = patterns("*.o", NULL);
    struct restore_result r = restore(
        (struct restore_options){ .dry_run = true, .exclude = x, .delete_extras = true });
    assert_int_equal(told.deleted, 3);
    assert_true(is_there(repo.out, "extra") && is_there(repo.out, "d/more"));
    r = restore((struct restore_options){ .delete_extras = true, .exclude = x });
    assert_int_equal(r.deleted, 4);
    assert_true(is_there(repo.out, "keep.o")); /* what is excluded is not touched */
    assert_false(is_there(repo.out, "gone") || is_there(repo.out, "extra"));
    exclude_free(x);
    restore((struct restore_options){ .delete_extras = true });
    expect_same();
}

static void test_restore_dry_run_changes_nothing(void **state)
{
    (void)state;
    put_dir(repo.tree, "d");
    put(repo.tree, "d/new", "1");
    put(repo.tree, "changed", "12");
    put(repo.tree, "same", "s");
    back_up();
    restore((struct restore_options){ 0 });
    char path[256];
    at(path, repo.out, "d");
    realtree_remove(path);
    put(repo.out, "changed", "3");
    struct restore_result r = restore((struct restore_options){ .dry_run = true });
    assert_int_equal(told.new, 2);
    assert_int_equal(told.changed, 1);
    assert_int_equal(r.files, 3);
    assert_int_equal(r.bytes_written, 0);
    assert_false(is_there(repo.out, "d"));
    expect_content("changed", "3");
    assert_false(is_there(repo.out, ".holdfast-restore-unfinished"));
}

/* ---- parts ---- */

static void fill_parts(void)
{
    put_dir(repo.tree, "etc");
    put_dir(repo.tree, "etc/nginx");
    put(repo.tree, "etc/nginx/nginx.conf", "conf");
    put(repo.tree, "etc/nginx/mime.types", "mime");
    put(repo.tree, "etc/passwd", "root");
    put_dir(repo.tree, "srv");
    put(repo.tree, "srv/a.conf", "a");
    put(repo.tree, "srv/b.txt", "b");
    back_up();
}

static void test_restore_of_a_path_gives_all_below_it_and_the_way_to_it(void **state)
{
    (void)state;
    fill_parts();
    struct exclude *x = patterns("/etc/nginx", "/srv/b.txt");
    struct restore_result r = restore((struct restore_options){ .include = x });
    assert_int_equal(r.files, 3);
    expect_content("etc/nginx/nginx.conf", "conf");
    expect_content("etc/nginx/mime.types", "mime");
    expect_content("srv/b.txt", "b");
    assert_false(is_there(repo.out, "etc/passwd") || is_there(repo.out, "srv/a.conf"));
    exclude_free(x);
}

static void test_restore_of_a_pattern_gives_what_matches(void **state)
{
    (void)state;
    fill_parts();
    struct exclude *in = patterns("*.conf", NULL);
    struct exclude *out = patterns("/srv", NULL);
    restore((struct restore_options){ .include = in, .exclude = out });
    expect_content("etc/nginx/nginx.conf", "conf");
    assert_false(is_there(repo.out, "etc/passwd") || is_there(repo.out, "srv"));
    exclude_free(in);
    exclude_free(out);
}

static void test_restore_of_a_path_that_is_not_there_names_the_nearest(void **state)
{
    (void)state;
    fill_parts();
    struct exclude *x = patterns("/etc/pasword", NULL);
    restore_expecting((struct restore_options){ .include = x }, HF_EABSENT);
    assert_non_null(strstr(err_last()->text, "/etc/pasword"));
    assert_non_null(strstr(err_last()->hint, "/etc/passwd"));
    exclude_free(x);
    x = patterns("/etc/passwd", "*.nothing");
    restore_expecting((struct restore_options){ .include = x }, HF_EABSENT);
    assert_non_null(strstr(err_last()->text, "*.nothing"));
    exclude_free(x);
}

static void test_restore_strips_components(void **state)
{
    (void)state;
    fill_parts();
    restore((struct restore_options){ .strip_components = 1 });
    expect_content("nginx/nginx.conf", "conf");
    expect_content("passwd", "root");
    expect_content("a.conf", "a");
    assert_false(is_there(repo.out, "etc") || is_there(repo.out, "srv"));
    restore_expecting((struct restore_options){ .strip_components = 1, .delete_extras = true },
                      HF_EUSAGE);
}

static void test_restore_joins_names_of_one_file(void **state)
{
    (void)state;
    char a[256], b[256], c[256];
    struct stat x, y, z;
    put(repo.tree, "a", "shared");
    put_dir(repo.tree, "d");
    at(a, repo.tree, "a");
    at(b, repo.tree, "d/b");
    at(c, repo.tree, "z");
    assert_int_equal(link(a, b), 0);
    assert_int_equal(link(a, c), 0);
    back_up();
    struct exclude *without = patterns("/a", NULL);
    restore((struct restore_options){ .exclude = without }); /* the first name is not wanted */
    at(b, repo.out, "d/b");
    at(c, repo.out, "z");
    assert_int_equal(lstat(b, &y), 0);
    assert_int_equal(lstat(c, &z), 0);
    assert_true(y.st_ino == z.st_ino && y.st_nlink == 2);
    exclude_free(without);
    restore((struct restore_options){ 0 });
    at(a, repo.out, "a");
    assert_int_equal(lstat(a, &x), 0);
    assert_int_equal(lstat(c, &z), 0);
    assert_true(x.st_ino == z.st_ino && x.st_nlink == 3);
    expect_same();
}

/* The number of names and the inode of something in the target. */
static struct stat restored_stat(const char *name)
{
    char path[256];
    struct stat st;
    at(path, repo.out, name);
    assert_int_equal(lstat(path, &st), 0);
    return st;
}

static void test_restore_joins_names_of_links_and_fifos(void **state)
{
    (void)state;
    char a[256], b[256];
    at(a, repo.tree, "link");
    at(b, repo.tree, "other");
    assert_int_equal(symlink("nowhere", a), 0);
    assert_int_equal(link(a, b), 0);
    at(a, repo.tree, "pipe");
    at(b, repo.tree, "pipe2");
    assert_int_equal(mkfifo(a, 0640), 0);
    assert_int_equal(link(a, b), 0);
    back_up();
    restore((struct restore_options){ 0 });
    assert_int_equal(restored_stat("link").st_ino, restored_stat("other").st_ino);
    assert_int_equal(restored_stat("pipe").st_ino, restored_stat("pipe2").st_ino);
    expect_same();
}

/* What has the right size and time, but shares its inode with others than it should. */
static void test_restore_parts_names_that_came_together(void **state)
{
    (void)state;
    static const char *const names[] = { "a", "b", "c", "d", "e" };
    char from[256], to[256];
    for (size_t i = 0; i < 5; i++) {
        struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        put(repo.tree, names[i], "equal");
        at(to, repo.tree, names[i]);
        assert_int_equal(utimensat(AT_FDCWD, to, times, 0), 0);
    }
    at(from, repo.tree, "a");
    at(to, repo.tree, "a2");
    assert_int_equal(link(from, to), 0);
    at(from, repo.tree, "b");
    at(to, repo.tree, "b2");
    assert_int_equal(link(from, to), 0);
    back_up();
    restore((struct restore_options){ 0 });
    expect_same();
    /* Now all are one file. */
    static const char *const others[] = { "a2", "b", "b2", "c", "d", "e" };
    at(from, repo.out, "a");
    for (size_t i = 0; i < 6; i++) {
        at(to, repo.out, others[i]);
        assert_int_equal(unlink(to), 0);
        assert_int_equal(link(from, to), 0);
    }
    restore((struct restore_options){ 0 });
    expect_same();
    assert_int_equal(restored_stat("a").st_nlink, 2);
    assert_int_equal(restored_stat("c").st_nlink, 1);
}

static void test_restore_sets_flags_that_forbid_links_last(void **state)
{
    (void)state;
    char a[256], b[256];
    int flags = 0;
    put(repo.tree, "a", "immutable");
    at(a, repo.tree, "a");
    at(b, repo.tree, "b");
    assert_int_equal(link(a, b), 0);
    int fd = open(a, O_RDONLY);
    bool can = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
    flags |= FS_IMMUTABLE_FL;
    can = can && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
    close(fd);
    back_up();
    restore((struct restore_options){ 0 });
    expect_same(); /* the flags included, where the file system has them */
    if (can) {
        /* And once more over what can't be changed. */
        restore((struct restore_options){ .overwrite = RESTORE_ALWAYS, .delete_extras = true });
        expect_same();
    }
}

/* ---- trouble ---- */

/* Flips a byte of a stored segment, far from its ends. */
static void damage_a_segment(void)
{
    char command[512];
    snprintf(command, sizeof(command),
             "set -e; cd '%s/segments'; f=$(ls -S | head -1); chmod u+w $f; "
             "printf 'XXXX' | dd of=$f bs=1 seek=3000 conv=notrunc 2>/dev/null",
             repo.at);
    assert_int_equal(system(command), 0);
}

static void test_restore_names_damaged_files_and_restores_all_others(void **state)
{
    (void)state;
    uint8_t data[100000];
    char path[256];
    for (uint64_t i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof(name), "f%02u", (unsigned)i);
        realtree_content(3 * i, data, sizeof(data));
        at(path, repo.tree, name);
        realtree_write(path, data, sizeof(data));
    }
    back_up();
    damage_a_segment();
    realrepo_reopen(&repo, false);
    struct restore_result r = restore_expecting((struct restore_options){ .threads = 2 },
                                                HF_EDAMAGE);
    assert_true(r.damaged > 0 && r.damaged < 30);
    assert_int_equal(r.damaged, r.errors);
    assert_int_equal(r.damaged, told.errors);
    assert_int_equal(told.last_code, HF_EDAMAGE);
    assert_int_equal(r.files, 40 - r.damaged);
    /* A damaged file is never taken for right the next time. */
    struct restore_result again = restore_expecting((struct restore_options){ 0 }, HF_EDAMAGE);
    assert_int_equal(again.damaged, r.damaged);
    assert_int_equal(again.skipped, 40 - r.damaged);
}

static void test_restore_goes_on_where_it_was_interrupted(void **state)
{
    (void)state;
    realtree_fill(repo.tree, 66, 200);
    back_up();
    struct restore_result r;
    static volatile sig_atomic_t cancel;
    cancel = 1;
    struct restore_options o = { .threads = 2, .cancel = &cancel, .window_bytes = 1u << 20 };
    assert_int_equal(realrepo_restore(&repo, &o, &events, &r), HF_EINTERRUPTED);
    restore((struct restore_options){ .threads = 2 });
    expect_same();
}

static void test_restore_does_not_believe_mtimes_after_a_crash(void **state)
{
    (void)state;
    char path[256];
    struct stat st;
    put(repo.tree, "f", "right");
    back_up();
    restore((struct restore_options){ 0 });
    at(path, repo.out, "f");
    assert_int_equal(stat(path, &st), 0);
    put(repo.out, "f", "wrong");
    struct timespec times[2] = { st.st_atim, st.st_mtim };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    restore((struct restore_options){ 0 });
    expect_content("f", "wrong"); /* nothing tells that it is not what it seems */
    put(repo.out, ".holdfast-restore-unfinished", "another boot");
    restore((struct restore_options){ 0 });
    expect_content("f", "right");
    assert_false(is_there(repo.out, ".holdfast-restore-unfinished"));
}

static void test_restore_verify_finds_what_differs(void **state)
{
    (void)state;
    char path[256];
    struct stat st;
    put_dir(repo.tree, "d");
    put(repo.tree, "d/f", "right");
    put(repo.tree, "g", "g");
    at(path, repo.tree, "hole");
    realtree_write(path, "x", 1);
    assert_int_equal(truncate(path, 1 << 20), 0);
    back_up();
    struct restore_result r = restore((struct restore_options){ .verify = true });
    assert_true(r.bytes_verified >= 2 * 7);
    struct target *t = NULL;
    struct target_dir_options to = { .path = repo.out };
    struct restore_options o = { .threads = 2 };
    assert_int_equal(target_dir_new(&to, &t), 0);
    assert_int_equal(restore_verify(repo.repo, realrepo_latest(&repo), &o, t, &events, &r), 0);
    assert_int_equal(r.files, 3);
    at(path, repo.out, "d/f");
    assert_int_equal(stat(path, &st), 0);
    put(repo.out, "d/f", "wrong");
    at(path, repo.out, "g");
    assert_int_equal(unlink(path), 0);
    at(path, repo.out, "hole");
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "!", 1, 700000), 1);
    close(fd);
    assert_int_equal(restore_verify(repo.repo, realrepo_latest(&repo), &o, t, &events, &r),
                     HF_EPARTIAL);
    assert_int_equal(r.errors, 3);
    assert_int_equal(told.last_code, HF_ECHANGED);
    target_free(t);
    expect_content("d/f", "wrong"); /* it only looks */
}

static void restore_as_nobody(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct restore_result r;
        struct target *t = NULL;
        struct target_dir_options to = { .path = repo.out };
        struct restore_options o = { .threads = 1 };
        if (setgid(65534) != 0 || setuid(65534) != 0 || target_dir_new(&to, &t) != 0) {
            _exit(9);
        }
        int rc = restore_run(repo.repo, realrepo_latest(&repo), &o, t, &events, &r);
        _exit(rc == HF_EPARTIAL && r.losses == told.losses && r.losses >= 2 && r.errors == 1 &&
                      r.files == 2
                  ? 0
                  : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_restore_counts_what_an_ordinary_user_may_not_set(void **state)
{
    (void)state;
    char path[256];
    struct stat st;
    if (geteuid() != 0) {
        return;
    }
    put(repo.tree, "roots", "root's");
    put(repo.tree, "suid", "x");
    at(path, repo.tree, "suid");
    assert_int_equal(chmod(path, 04755), 0);
    at(path, repo.tree, "dev");
    assert_int_equal(mknod(path, S_IFCHR | 0600, 0x103), 0);
    back_up();
    assert_int_equal(mkdir(repo.out, 0777), 0);
    assert_int_equal(chmod(repo.out, 0777), 0);
    assert_int_equal(system("true"), 0);
    char command[400];
    snprintf(command, sizeof(command), "chmod -R a+rX '%s'", repo.at);
    assert_int_equal(system(command), 0);
    restore_as_nobody();
    expect_content("roots", "root's");
    at(path, repo.out, "suid");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755); /* not another user's powers */
}

static void test_restore_ends_when_the_target_is_full(void **state)
{
    (void)state;
    struct target *t = target_mem_new();
    struct restore_options o = { .threads = 2 };
    struct restore_result r;
    realtree_fill(repo.tree, 77, 80);
    back_up();
    target_mem_fail_write(t, 5, HF_ENOSPC);
    assert_int_equal(restore_run(repo.repo, realrepo_latest(&repo), &o, t, &events, &r), HF_ENOSPC);
    assert_int_equal(target_mem_open_files(t), 0);
    assert_int_equal(target_mem_syncs(t), 0);
    target_mem_fail_write(t, 0, 0);
    assert_int_equal(restore_run(repo.repo, realrepo_latest(&repo), &o, t, &events, &r), 0);
    assert_int_equal(target_mem_syncs(t), 1);
    target_free(t);
}

static void test_restore_names_files_that_could_not_be_written(void **state)
{
    (void)state;
    struct target *t = target_mem_new();
    struct restore_options o = { .threads = 1 };
    struct restore_result r;
    put(repo.tree, "a", "1");
    put(repo.tree, "b", "2");
    back_up();
    memset(&told, 0, sizeof(told));
    target_mem_fail_write(t, 2, HF_EIO);
    assert_int_equal(restore_run(repo.repo, realrepo_latest(&repo), &o, t, &events, &r),
                     HF_EPARTIAL);
    assert_int_equal(r.errors, 1);
    assert_int_equal(r.files, 1);
    assert_int_equal(told.last_code, HF_EIO);
    assert_int_equal(target_mem_open_files(t), 0);
    target_free(t);
}

static void test_restore_reports_memory_running_out(void **state)
{
    (void)state;
    struct restore_options o = { .threads = 1, .window_bytes = 1u << 20 };
    struct restore_result r;
    realtree_fill(repo.tree, 88, 60);
    back_up();
    bool whole = false;
    for (uint64_t n = 1; !whole; n += 1 + n / 7) {
        struct target *t = target_mem_new();
        mem_fail_at(n, 0);
        int rc = restore_run(repo.repo, realrepo_latest(&repo), &o, t, NULL, &r);
        whole = mem_fail_hits() == 0;
        mem_fail_at(0, 0);
        if (rc != 0 && rc != HF_ENOMEM) {
            fail_msg("allocation %u: %s: %s", (unsigned)n, err_code_name(rc), err_last()->text);
        }
        if (whole) {
            assert_int_equal(rc, 0);
        }
        assert_int_equal(target_mem_open_files(t), 0);
        target_free(t);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_restore_gives_back_random_trees),
        TEST(test_restore_gives_back_random_trees_in_parallel),
        TEST(test_restore_gives_back_a_tree_in_tiny_windows),
        TEST(test_restore_works_without_any_cache),
        TEST(test_restore_of_what_is_right_writes_nothing),
        TEST(test_restore_does_not_touch_what_is_right),
        TEST(test_restore_compares_content_and_writes_nothing_where_it_is_right),
        TEST(test_restore_writes_only_chunks_that_differ),
        TEST(test_restore_cuts_and_extends_what_is_there),
        TEST(test_restore_leaves_existing_things_alone_if_told_so),
        TEST(test_restore_replaces_things_of_another_type),
        TEST(test_restore_breaks_links_to_other_files),
        TEST(test_restore_deletes_what_is_extra),
        TEST(test_restore_dry_run_changes_nothing),
        TEST(test_restore_of_a_path_gives_all_below_it_and_the_way_to_it),
        TEST(test_restore_of_a_pattern_gives_what_matches),
        TEST(test_restore_of_a_path_that_is_not_there_names_the_nearest),
        TEST(test_restore_strips_components),
        TEST(test_restore_joins_names_of_one_file),
        TEST(test_restore_joins_names_of_links_and_fifos),
        TEST(test_restore_parts_names_that_came_together),
        TEST(test_restore_sets_flags_that_forbid_links_last),
        TEST(test_restore_names_damaged_files_and_restores_all_others),
        TEST(test_restore_goes_on_where_it_was_interrupted),
        TEST(test_restore_does_not_believe_mtimes_after_a_crash),
        TEST(test_restore_verify_finds_what_differs),
        TEST(test_restore_counts_what_an_ordinary_user_may_not_set),
        TEST(test_restore_ends_when_the_target_is_full),
        TEST(test_restore_names_files_that_could_not_be_written),
        TEST(test_restore_reports_memory_running_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
