/*
 * test_fs_posix.c - the POSIX file system behind the seam, and the wrappers in front of it.
 *
 * What a kernel does only on bad days (no renameat2, a sync that fails once) is brought about in a
 * child process by a seccomp filter that answers one system call with an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/fs.h"
#include "io/fs_posix.h"

/* A private folder, and the struct fs opened on it. */
struct place {
    char dir[512];
    struct fs *fs;
};

static void run_rm(const char *dir)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int set_up(void **state)
{
    struct place *p = mem_zalloc(sizeof *p);
    assert_non_null(p);
    const char *tmp = getenv("TMPDIR");
    snprintf(p->dir, sizeof p->dir, "%s/fs_posix.XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(p->dir));
    assert_int_equal(fs_posix_open(p->dir, &p->fs), 0);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    fs_close_fs(p->fs);
    run_rm(p->dir);
    mem_free(p);
    return 0;
}

static void put(struct fs *fs, const char *path, const char *text)
{
    struct fs_file *f;
    assert_int_equal(fs_create(fs, path, 0644, &f), 0);
    assert_int_equal(fs_pwrite(f, text, strlen(text), 0), 0);
    assert_int_equal(fs_close(&f), 0);
}

static void assert_holds(struct fs *fs, const char *path, const char *text)
{
    uint8_t *data;
    size_t len;
    assert_int_equal(fs_read_file(fs, path, 1 << 20, &data, &len), 0);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(data, text, len);
    mem_free(data);
}

static bool is_there(struct fs *fs, const char *path)
{
    struct fs_stat st;
    int rc = fs_stat(fs, path, &st);
    assert_true(rc == 0 || rc == HF_EABSENT);
    return rc == 0;
}

/* From now on this process gets `errnum` from the system call, always. */
static void forbid(long call, int errnum)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)errnum),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        _exit(99);
    }
}

/* Of a coverage build: writes down what was run so far, since _exit does not. */
extern void __gcov_dump(void) __attribute__((weak));

/* Runs check in a child, which returns the number of what did not hold, or 0. */
static void in_child(int (*check)(struct fs *fs), struct fs *fs)
{
    pid_t child = fork();
    if (child == 0) {
        int wrong = check(fs);
        if (__gcov_dump != NULL) {
            __gcov_dump();
        }
        _exit(wrong);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0) {
        fail_msg("the check numbered %d of the child did not hold", WEXITSTATUS(status));
    }
}

static void test_create_refuses_a_name_that_is_taken(void **state)
{
    struct place *p = *state;
    put(p->fs, "a", "first");
    struct fs_file *f;
    assert_int_equal(fs_create(p->fs, "a", 0644, &f), HF_EEXISTS);
    assert_null(f);
    assert_holds(p->fs, "a", "first");
}

static void test_create_gives_exactly_the_mode_asked_for(void **state)
{
    struct place *p = *state;
    mode_t old = umask(077);
    struct fs_file *f;
    assert_int_equal(fs_create(p->fs, "wide", 0644, &f), 0);
    assert_int_equal(fs_close(&f), 0);
    assert_int_equal(fs_mkdir(p->fs, "folder", 0755), 0);
    umask(old);
    struct fs_stat st;
    assert_int_equal(fs_stat(p->fs, "wide", &st), 0);
    assert_int_equal(st.mode, 0644);
    assert_int_equal(fs_stat(p->fs, "folder", &st), 0);
    assert_int_equal(st.mode & 0777, 0755);
    assert_true(st.is_dir);
}

static void test_a_read_only_file_can_be_written_by_whoever_created_it(void **state)
{
    struct place *p = *state;
    struct fs_file *f;
    assert_int_equal(fs_create(p->fs, "entry", 0400, &f), 0);
    assert_int_equal(fs_pwrite(f, "abc", 3, 0), 0);
    assert_int_equal(fs_sync(f, "test"), 0);
    assert_int_equal(fs_close(&f), 0);
    assert_null(f);
    assert_holds(p->fs, "entry", "abc");
}

static void test_writes_land_at_their_offsets_and_gaps_are_zeros(void **state)
{
    struct place *p = *state;
    struct fs_file *f;
    assert_int_equal(fs_create(p->fs, "a", 0644, &f), 0);
    assert_int_equal(fs_pwrite(f, "end", 3, 5), 0);
    assert_int_equal(fs_pwrite(f, "be", 2, 0), 0);
    char got[16];
    size_t len;
    assert_int_equal(fs_pread(f, got, sizeof got, 0, &len), 0);
    assert_int_equal(len, 8);
    assert_memory_equal(got, "be\0\0\0end", 8);
    uint64_t size;
    assert_int_equal(fs_size(f, &size), 0);
    assert_int_equal(size, 8);
    assert_int_equal(fs_close(&f), 0);
}

static void test_pread_all_calls_a_short_file_damaged(void **state)
{
    struct place *p = *state;
    put(p->fs, "a", "short");
    struct fs_file *f;
    assert_int_equal(fs_open(p->fs, "a", &f), 0);
    char got[8];
    assert_int_equal(fs_pread_all(f, got, 5, 0), 0);
    assert_int_equal(fs_pread_all(f, got, 6, 0), HF_EDAMAGE);
    assert_int_equal(fs_pread_all(f, got, 1, UINT64_MAX), HF_EIO);
    assert_int_equal(fs_close(&f), 0);
}

static void test_read_file_refuses_more_than_its_limit(void **state)
{
    struct place *p = *state;
    put(p->fs, "a", "12345");
    uint8_t *data;
    size_t len;
    assert_int_equal(fs_read_file(p->fs, "a", 4, &data, &len), HF_EDAMAGE);
    assert_null(data);
    assert_int_equal(fs_read_file(p->fs, "a", 5, &data, &len), 0);
    assert_int_equal(len, 5);
    mem_free(data);
}

static void test_read_file_of_an_empty_file_gives_memory(void **state)
{
    struct place *p = *state;
    put(p->fs, "a", "");
    uint8_t *data;
    size_t len;
    assert_int_equal(fs_read_file(p->fs, "a", 0, &data, &len), 0);
    assert_non_null(data);
    assert_int_equal(len, 0);
    mem_free(data);
}

static void test_rename_new_moves_and_never_replaces(void **state)
{
    struct place *p = *state;
    assert_int_equal(fs_mkdir(p->fs, "d", 0755), 0);
    put(p->fs, "a", "a");
    put(p->fs, "b", "b");
    assert_int_equal(fs_rename_new(p->fs, "a", "d/a"), 0);
    assert_false(is_there(p->fs, "a"));
    assert_int_equal(fs_rename_new(p->fs, "b", "d/a"), HF_EEXISTS);
    assert_holds(p->fs, "d/a", "a");
    assert_holds(p->fs, "b", "b");
    assert_int_equal(fs_rename_new(p->fs, "absent", "c"), HF_EABSENT);
}

static int rename_new_through_link(struct fs *fs, int errnum)
{
    forbid(SYS_renameat2, errnum);
    if (fs_rename_new(fs, "a", "c") != 0) {
        return 1;
    }
    if (fs_rename_new(fs, "b", "c") != HF_EEXISTS) {
        return 2;
    }
    struct fs_stat st;
    if (fs_stat(fs, "a", &st) != HF_EABSENT || fs_stat(fs, "b", &st) != 0) {
        return 3;
    }
    return 0;
}

static int rename_new_without_the_flag(struct fs *fs)
{
    return rename_new_through_link(fs, EINVAL);
}

static int rename_new_without_the_call(struct fs *fs)
{
    return rename_new_through_link(fs, ENOSYS);
}

static void test_rename_new_links_where_the_flag_is_not_known(void **state)
{
    struct place *p = *state;
    put(p->fs, "a", "a");
    put(p->fs, "b", "b");
    in_child(rename_new_without_the_flag, p->fs);
    assert_holds(p->fs, "c", "a");
}

static void test_rename_new_links_where_the_call_is_not_known(void **state)
{
    struct place *p = *state;
    put(p->fs, "a", "a");
    put(p->fs, "b", "b");
    in_child(rename_new_without_the_call, p->fs);
    assert_holds(p->fs, "c", "a");
}

static int rename_new_without_link(struct fs *fs)
{
    forbid(SYS_renameat2, EINVAL);
    forbid(SYS_linkat, EPERM);
    if (fs_rename_new(fs, "a", "c") != HF_EUNSUPPORTED) {
        return 1;
    }
    struct fs_stat st;
    return fs_stat(fs, "a", &st) == 0 && fs_stat(fs, "c", &st) == HF_EABSENT ? 0 : 2;
}

static void test_rename_new_says_where_it_cannot_be_done(void **state)
{
    struct place *p = *state;
    put(p->fs, "a", "a");
    in_child(rename_new_without_link, p->fs);
}

static void test_rename_over_replaces(void **state)
{
    struct place *p = *state;
    put(p->fs, "a", "new");
    put(p->fs, "b", "old");
    assert_int_equal(fs_rename_over(p->fs, "a", "b"), 0);
    assert_holds(p->fs, "b", "new");
    assert_false(is_there(p->fs, "a"));
}

static int a_failed_write_poisons(struct fs *fs)
{
    struct fs_file *f;
    if (fs_create(fs, "big", 0644, &f) != 0) {
        return 1;
    }
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = { .rlim_cur = 4, .rlim_max = RLIM_INFINITY };
    struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    setrlimit(RLIMIT_FSIZE, &small);
    int first = fs_pwrite(f, "too much", 8, 0);
    setrlimit(RLIMIT_FSIZE, &all);
    if (first != HF_EIO) {
        return 2;
    }
    if (fs_pwrite(f, "x", 1, 0) != first) {
        return 3;
    }
    if (strstr(err_last()->text, "File too large") == NULL) {
        return 4;
    }
    if (fs_sync(f, "test") != first) {
        return 5;
    }
    char got[8];
    size_t len;
    if (fs_pread(f, got, sizeof got, 0, &len) != 0 || len != 4) {
        return 6;
    }
    return fs_close(&f) == 0 ? 0 : 7;
}

static void test_a_failed_write_poisons_the_file(void **state)
{
    struct place *p = *state;
    in_child(a_failed_write_poisons, p->fs);
}

/* The file is closed and opened behind our back, so that its sync succeeds again. */
static int a_failed_sync_poisons(struct fs *fs)
{
    int pipes[2];
    int spare = dup(STDIN_FILENO); /* the number that the file is going to have */
    close(spare);
    struct fs_file *f;
    if (fs_create(fs, "a", 0644, &f) != 0 || pipe(pipes) != 0) {
        return 1;
    }
    int keep = dup(spare);
    dup2(pipes[0], spare); /* fdatasync of a pipe fails */
    int first = fs_sync(f, "test");
    dup2(keep, spare);
    if (first != HF_EIO) {
        return 2;
    }
    if (fs_sync(f, "test") != first || fs_pwrite(f, "x", 1, 0) != first) {
        return 3;
    }
    return fs_close(&f) == 0 ? 0 : 4;
}

static void test_a_failed_sync_poisons_the_file(void **state)
{
    struct place *p = *state;
    in_child(a_failed_sync_poisons, p->fs);
}

static int no_space_at_sync(struct fs *fs)
{
    struct fs_file *f;
    if (fs_create(fs, "a", 0644, &f) != 0) {
        return 1;
    }
    forbid(SYS_fdatasync, ENOSPC);
    if (fs_sync(f, "test") != HF_ENOSPC) {
        return 2;
    }
    char expected[1024];
    snprintf(expected, sizeof expected, "could not sync a in %s: No space left on device",
             fs->label);
    bool said = strcmp(err_last()->text, expected) == 0;
    fs_close(&f);
    return said ? 0 : 3;
}

static void test_a_failure_says_what_could_not_be_done_to_which_file(void **state)
{
    struct place *p = *state;
    in_child(no_space_at_sync, p->fs);
}

static int sync_dir_fails(struct fs *fs)
{
    forbid(SYS_fsync, EIO);
    return fs_sync_dir(fs, "", "test") == HF_EIO ? 0 : 1;
}

static void test_sync_dir_reports_failure(void **state)
{
    struct place *p = *state;
    assert_int_equal(fs_mkdir(p->fs, "d", 0755), 0);
    assert_int_equal(fs_sync_dir(p->fs, "d", "test"), 0);
    assert_int_equal(fs_sync_dir(p->fs, "", "test"), 0);
    assert_int_equal(fs_sync_dir(p->fs, "absent", "test"), HF_EABSENT);
    in_child(sync_dir_fails, p->fs);
}

static int close_fails(struct fs *fs)
{
    struct fs_file *written, *read;
    if (fs_create(fs, "w", 0644, &written) != 0 || fs_open(fs, "w", &read) != 0) {
        return 1;
    }
    forbid(SYS_close, EDQUOT);
    if (fs_close(&read) != 0 || read != NULL) {
        return 2;
    }
    if (fs_close(&written) != HF_ENOSPC || written != NULL) {
        return 3;
    }
    return strstr(err_last()->text, "could not close w in ") != NULL ? 0 : 4;
}

static void test_close_reports_what_was_written_and_only_that(void **state)
{
    struct place *p = *state;
    in_child(close_fails, p->fs);
}

static void test_close_accepts_nothing(void **state)
{
    (void)state;
    struct fs_file *none = NULL;
    assert_int_equal(fs_close(&none), 0);
    fs_close_fs(NULL);
}

/* The sum of what was seen, so that order does not matter. */
struct seen {
    int count;
    bool odd;
};

static int see(void *context, const char *name)
{
    struct seen *s = context;
    s->count++;
    if (strcmp(name, "one") != 0 && strcmp(name, "two") != 0 && strcmp(name, "d") != 0) {
        s->odd = true;
    }
    return 0;
}

static int stop_with_seven(void *context, const char *name)
{
    (void)name;
    (*(int *)context)++;
    return 7;
}

static void test_list_names_all_but_the_folder_and_its_parent(void **state)
{
    struct place *p = *state;
    put(p->fs, "one", "");
    put(p->fs, "two", "");
    assert_int_equal(fs_mkdir(p->fs, "d", 0755), 0);
    struct seen s = { 0 };
    assert_int_equal(fs_list(p->fs, "", see, &s), 0);
    assert_int_equal(s.count, 3);
    assert_false(s.odd);
    assert_int_equal(fs_list(p->fs, "absent", see, &s), HF_EABSENT);
}

static void test_list_ends_with_what_its_caller_returned(void **state)
{
    struct place *p = *state;
    put(p->fs, "one", "");
    put(p->fs, "two", "");
    int calls = 0;
    assert_int_equal(fs_list(p->fs, "", stop_with_seven, &calls), 7);
    assert_int_equal(calls, 1);
}

static void test_names_that_leave_the_folder_are_refused(void **state)
{
    struct place *p = *state;
    static const char *const bad[] = { "",     "/etc/passwd", "..",  "../x", "a/../x", ".",
                                       "a//b", "a/",          "./a", "a/.",  "a/.." };
    struct fs_file *f;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(fs_create(p->fs, bad[i], 0644, &f), HF_EFAIL);
        assert_int_equal(fs_open(p->fs, bad[i], &f), HF_EFAIL);
        assert_int_equal(fs_mkdir(p->fs, bad[i], 0755), HF_EFAIL);
        assert_int_equal(fs_unlink(p->fs, bad[i]), HF_EFAIL);
        assert_int_equal(fs_rename_new(p->fs, "a", bad[i]), HF_EFAIL);
        assert_int_equal(fs_rename_over(p->fs, bad[i], "a"), HF_EFAIL);
    }
    put(p->fs, "..a", "dots are letters");
    assert_holds(p->fs, "..a", "dots are letters");
}

static void test_open_follows_no_link_and_waits_for_no_fifo(void **state)
{
    struct place *p = *state;
    char path[600];
    snprintf(path, sizeof path, "%s/link", p->dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof path, "%s/fifo", p->dir);
    assert_int_equal(mkfifo(path, 0644), 0);
    assert_int_equal(fs_mkdir(p->fs, "d", 0755), 0);
    struct fs_file *f;
    assert_int_equal(fs_open(p->fs, "link", &f), HF_EIO);
    assert_int_equal(fs_open(p->fs, "fifo", &f), HF_EIO);
    assert_int_equal(fs_open(p->fs, "d", &f), HF_EIO);
    assert_int_equal(fs_open(p->fs, "absent", &f), HF_EABSENT);
}

static void test_unlink_and_rmdir_remove_each_its_kind(void **state)
{
    struct place *p = *state;
    assert_int_equal(fs_mkdir(p->fs, "d", 0755), 0);
    put(p->fs, "d/a", "");
    assert_int_equal(fs_rmdir(p->fs, "d"), HF_EIO);
    assert_int_equal(fs_unlink(p->fs, "d"), HF_EIO);
    assert_int_equal(fs_unlink(p->fs, "d/a"), 0);
    assert_int_equal(fs_unlink(p->fs, "d/a"), HF_EABSENT);
    assert_int_equal(fs_rmdir(p->fs, "d"), 0);
    assert_false(is_there(p->fs, "d"));
}

static void test_space_is_known(void **state)
{
    struct place *p = *state;
    struct fs_space space;
    assert_int_equal(fs_space(p->fs, &space), 0);
    assert_true(space.total_bytes > 0);
    assert_true(space.free_bytes <= space.total_bytes);
}

static void test_opening_a_folder_tells_absent_from_not_a_folder(void **state)
{
    struct place *p = *state;
    char path[600];
    struct fs *fs;
    snprintf(path, sizeof path, "%s/absent", p->dir);
    assert_int_equal(fs_posix_open(path, &fs), HF_EABSENT);
    assert_null(fs);
    put(p->fs, "file", "");
    snprintf(path, sizeof path, "%s/file", p->dir);
    assert_int_equal(fs_posix_open(path, &fs), HF_EFAIL);
    assert_int_equal(fs_posix_make(path, 0755, &fs), HF_EFAIL);
    snprintf(path, sizeof path, "%s/file/below", p->dir);
    assert_int_equal(fs_posix_make(path, 0755, &fs), HF_EIO);
}

static void test_make_makes_what_is_missing_with_the_mode_asked_for(void **state)
{
    struct place *p = *state;
    char path[600];
    struct fs *fs;
    snprintf(path, sizeof path, "%s/x/y//z/", p->dir);
    mode_t old = umask(0777);
    int rc = fs_posix_make(path, 0750, &fs);
    umask(old);
    assert_int_equal(rc, 0);
    fs_close_fs(fs);
    struct fs_stat st;
    assert_int_equal(fs_stat(p->fs, "x/y/z", &st), 0);
    assert_int_equal(st.mode & 0777, 0750);
    assert_int_equal(fs_stat(p->fs, "x", &st), 0);
    assert_int_equal(st.mode & 0777, 0750);
    assert_int_equal(fs_posix_make(path, 0700, &fs), 0);
    fs_close_fs(fs);
    assert_int_equal(fs_stat(p->fs, "x/y/z", &st), 0);
    assert_int_equal(st.mode & 0777, 0750);
}

static int make_without_sync(struct fs *fs)
{
    char path[600];
    struct fs *made;
    snprintf(path, sizeof path, "%s/new", fs->label);
    forbid(SYS_fsync, EIO);
    return fs_posix_make(path, 0755, &made) == HF_EIO && made == NULL ? 0 : 1;
}

static void test_make_fails_if_the_new_name_is_not_durable(void **state)
{
    struct place *p = *state;
    in_child(make_without_sync, p->fs);
}

/* --- every system call fails ------------------------------------------------------------------ */

static size_t failing_index; /* of the case that is tried */

/* A name for each case, since some of them leave behind what they made. */
static const char *new_name(void)
{
    static char name[32];
    snprintf(name, sizeof name, "new%zu", failing_index);
    return name;
}

static int act_mkdir(struct fs *fs)
{
    umask(0777);
    return fs_mkdir(fs, new_name(), 0755);
}

static int act_create(struct fs *fs)
{
    struct fs_file *f;
    umask(0777);
    return fs_create(fs, new_name(), 0644, &f);
}

static int act_open(struct fs *fs)
{
    struct fs_file *f;
    return fs_open(fs, "file", &f);
}

static int act_read(struct fs *fs)
{
    uint8_t *data;
    size_t len;
    return fs_read_file(fs, "file", 100, &data, &len);
}

static int act_stat(struct fs *fs)
{
    struct fs_stat st;
    return fs_stat(fs, "file", &st);
}

static int see_nothing(void *context, const char *name)
{
    (void)context, (void)name;
    return 0;
}

static int act_list(struct fs *fs)
{
    return fs_list(fs, "", see_nothing, NULL);
}

static int act_space(struct fs *fs)
{
    struct fs_space space;
    return fs_space(fs, &space);
}

static int act_unlink(struct fs *fs)
{
    return fs_unlink(fs, "file");
}

static int act_rename_new(struct fs *fs)
{
    return fs_rename_new(fs, "file", "other");
}

static int act_rename_over(struct fs *fs)
{
    return fs_rename_over(fs, "file", "other");
}

static int act_rename_by_link(struct fs *fs)
{
    forbid(SYS_renameat2, EINVAL);
    return fs_rename_new(fs, "file", "other");
}

static int act_sync_dir(struct fs *fs)
{
    return fs_sync_dir(fs, "", "test");
}

static int act_reopen(struct fs *fs)
{
    struct fs *again;
    return fs_posix_open(fs->label, &again);
}

static int act_make(struct fs *fs)
{
    struct fs *made;
    char path[600];
    snprintf(path, sizeof path, "%s/%s", fs->label, new_name());
    return fs_posix_make(path, 0755, &made);
}

static const struct failing_call {
    long call;
    int (*act)(struct fs *fs);
} failing_calls[] = {
    { SYS_mkdirat, act_mkdir },         { SYS_newfstatat, act_mkdir },
    { SYS_fchmodat, act_mkdir },        { SYS_openat, act_create },
    { SYS_newfstatat, act_create },     { SYS_fchmod, act_create },
    { SYS_openat, act_open },           { SYS_newfstatat, act_open },
    { SYS_pread64, act_read },          { SYS_newfstatat, act_stat },
    { SYS_openat, act_list },           { SYS_getdents64, act_list },
    { SYS_fstatfs, act_space },         { SYS_unlinkat, act_unlink },
    { SYS_renameat2, act_rename_new },  { SYS_renameat, act_rename_over },
    { SYS_linkat, act_rename_by_link }, { SYS_unlinkat, act_rename_by_link },
    { SYS_openat, act_sync_dir },       { SYS_fsync, act_sync_dir },
    { SYS_openat, act_reopen },         { SYS_mkdirat, act_make },
};

static int fail_one_call(struct fs *fs)
{
    const struct failing_call *f = &failing_calls[failing_index];
    forbid(f->call, EIO);
    int rc = f->act(fs);
    bool said = strstr(err_last()->text, "could not ") != NULL &&
                strstr(err_last()->text, "Input/output error") != NULL;
    return rc == HF_EIO && said ? 0 : 1 + (int)failing_index;
}

static void test_every_system_call_that_fails_is_reported(void **state)
{
    struct place *p = *state;
    put(p->fs, "file", "text");
    for (failing_index = 0; failing_index < sizeof failing_calls / sizeof failing_calls[0];
         failing_index++) {
        in_child(fail_one_call, p->fs);
    }
    assert_holds(p->fs, "file", "text");
}

static int size_fails(struct fs *fs)
{
    struct fs_file *f;
    uint64_t size;
    if (fs_open(fs, "file", &f) != 0) {
        return 1;
    }
    forbid(SYS_newfstatat, EIO);
    int rc = fs_size(f, &size);
    fs_close(&f);
    return rc == HF_EIO ? 0 : 2;
}

static void test_a_size_that_cannot_be_had_is_reported(void **state)
{
    struct place *p = *state;
    put(p->fs, "file", "text");
    in_child(size_fails, p->fs);
}

static void test_offsets_beyond_any_file_are_refused(void **state)
{
    struct place *p = *state;
    struct fs_file *f;
    assert_int_equal(fs_create(p->fs, "a", 0644, &f), 0);
    assert_int_equal(fs_pwrite(f, "x", 1, UINT64_MAX), HF_EIO);
    assert_int_equal(fs_pwrite(f, "x", 1, 0), HF_EIO); /* poisoned, as by any failed write */
    assert_int_equal(fs_close(&f), 0);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void test_lack_of_memory_leaves_nothing_behind(void **state)
{
    struct place *p = *state;
    for (uint64_t n = 1;; n++) {
        struct fs_file *f;
        mem_fail_at(n, 0);
        int rc = fs_create(p->fs, "a", 0644, &f);
        uint64_t hits = mem_fail_hits();
        mem_fail_at(0, 0);
        if (hits == 0) {
            assert_int_equal(rc, 0);
            assert_int_equal(fs_close(&f), 0);
            assert_true(n > 1);
            return;
        }
        assert_int_equal(rc, HF_ENOMEM);
        assert_false(is_there(p->fs, "a"));
    }
}

/* Reading a file and making a folder, with the n-th allocation failing; 0 when all went well. */
static int read_and_make(struct place *p)
{
    uint8_t *data = NULL;
    size_t len;
    struct fs *fs = NULL;
    char path[600];
    snprintf(path, sizeof path, "%s/x/y", p->dir);
    int rc = fs_read_file(p->fs, "file", 100, &data, &len);
    if (rc == 0) {
        rc = fs_posix_make(path, 0755, &fs);
    }
    mem_free(data);
    fs_close_fs(fs);
    return rc;
}

static void test_lack_of_memory_is_an_error_and_passes(void **state)
{
    struct place *p = *state;
    put(p->fs, "file", "text");
    for (uint64_t n = 1;; n++) {
        mem_fail_at(n, 0);
        int rc = read_and_make(p);
        uint64_t hits = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_int_equal(rc, hits == 0 ? 0 : HF_ENOMEM);
        if (hits == 0) {
            assert_true(n > 5);
            return;
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_create_refuses_a_name_that_is_taken),
        TEST(test_create_gives_exactly_the_mode_asked_for),
        TEST(test_a_read_only_file_can_be_written_by_whoever_created_it),
        TEST(test_writes_land_at_their_offsets_and_gaps_are_zeros),
        TEST(test_pread_all_calls_a_short_file_damaged),
        TEST(test_read_file_refuses_more_than_its_limit),
        TEST(test_read_file_of_an_empty_file_gives_memory),
        TEST(test_rename_new_moves_and_never_replaces),
        TEST(test_rename_new_links_where_the_flag_is_not_known),
        TEST(test_rename_new_links_where_the_call_is_not_known),
        TEST(test_rename_new_says_where_it_cannot_be_done),
        TEST(test_rename_over_replaces),
        TEST(test_a_failed_write_poisons_the_file),
        TEST(test_a_failed_sync_poisons_the_file),
        TEST(test_a_failure_says_what_could_not_be_done_to_which_file),
        TEST(test_sync_dir_reports_failure),
        TEST(test_close_reports_what_was_written_and_only_that),
        TEST(test_close_accepts_nothing),
        TEST(test_list_names_all_but_the_folder_and_its_parent),
        TEST(test_list_ends_with_what_its_caller_returned),
        TEST(test_names_that_leave_the_folder_are_refused),
        TEST(test_open_follows_no_link_and_waits_for_no_fifo),
        TEST(test_unlink_and_rmdir_remove_each_its_kind),
        TEST(test_space_is_known),
        TEST(test_opening_a_folder_tells_absent_from_not_a_folder),
        TEST(test_make_makes_what_is_missing_with_the_mode_asked_for),
        TEST(test_make_fails_if_the_new_name_is_not_durable),
        TEST(test_every_system_call_that_fails_is_reported),
        TEST(test_a_size_that_cannot_be_had_is_reported),
        TEST(test_offsets_beyond_any_file_are_refused),
        TEST(test_lack_of_memory_leaves_nothing_behind),
        TEST(test_lack_of_memory_is_an_error_and_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
