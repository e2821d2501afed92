/*
 * test_drill_scratch.c - a drill's folder goes with its drill, however that ends, and no other
 * does.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/drill_debris.h"
#include "engine/drill_scratch.h"

#define DEPTH 600 /* folders of ten letters: more than PATH_MAX */

static char place[128];

static int set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(place, sizeof place, "%s/scratch-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(place));
    return 0;
}

static int tear_down(void **state)
{
    int fd = open(place, O_RDONLY | O_DIRECTORY);

    (void)state;
    assert_int_equal(drill_debris_empty(fd, NULL), 0);
    close(fd);
    return rmdir(place);
}

static size_t count(void)
{
    DIR *dir = opendir(place);
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        n++;
    }
    closedir(dir);
    return n - 2;
}

static void make_file(const char *folder, const char *name)
{
    char path[300];
    int fd;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void test_drill_scratch_is_private_and_goes(void **state)
{
    struct drill_scratch *s;
    struct stat st;
    char *below;

    (void)state;
    assert_int_equal(drill_scratch_open(place, &s), 0);
    assert_int_equal(stat(drill_scratch_path(s), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(drill_scratch_make(s, "tree", &below), 0);
    make_file(below, "file");
    assert_int_equal(drill_scratch_make(s, "tree", &below), HF_EEXISTS);
    assert_int_equal(drill_scratch_clear(s), 0);
    assert_int_equal(rmdir(below), -1);
    mem_free(below);
    assert_int_equal(drill_scratch_make(s, "tree", &below), 0);
    mem_free(below);
    assert_int_equal(drill_scratch_close(s, false), 0);
    assert_int_equal(count(), 0);
    assert_int_equal(drill_scratch_close(NULL, false), 0);
}

static void test_drill_scratch_is_kept_if_told(void **state)
{
    struct drill_scratch *s;
    char path[300];
    char *below;

    (void)state;
    assert_int_equal(drill_scratch_open(place, &s), 0);
    snprintf(path, sizeof path, "%s/tree", drill_scratch_path(s));
    assert_int_equal(drill_scratch_make(s, "tree", &below), 0);
    mem_free(below);
    assert_int_equal(drill_scratch_close(s, true), 0);
    assert_int_equal(drill_scratch_open(place, &s), 0);
    assert_int_equal(drill_scratch_swept(s), 0);
    assert_int_equal(drill_scratch_close(s, false), 0);
    assert_int_equal(access(path, F_OK), 0);
}

/* A killed process can't clean up; its guard does. */
static void test_drill_scratch_goes_when_its_process_dies(void **state)
{
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct drill_scratch *s;
        char *below;

        if (drill_scratch_open(place, &s) != 0 || drill_scratch_make(s, "tree", &below) != 0) {
            _exit(1);
        }
        make_file(below, "file");
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (int i = 0; i < 200 && count() > 0; i++) {
        clock_sleep(clock_system(), NS_PER_S / 20);
    }
    assert_int_equal(count(), 0);
}

static void test_drill_scratch_sweeps_the_dead_and_spares_the_living(void **state)
{
    struct drill_scratch *alive, *s;
    char path[300];

    (void)state;
    assert_int_equal(drill_scratch_open(place, &alive), 0);
    snprintf(path, sizeof path, "%s/holdfast-drill-dead00", place);
    assert_int_equal(mkdir(path, 0700), 0);
    make_file(path, "lock");
    make_file(path, "more");
    snprintf(path, sizeof path, "%s/holdfast-drill-empty0", place);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/holdfast-drill-kept00", place);
    assert_int_equal(mkdir(path, 0700), 0);
    make_file(path, "more");
    snprintf(path, sizeof path, "%s/holdfast-drill-reports", place); /* a user's own */
    assert_int_equal(mkdir(path, 0700), 0);
    make_file(path, "lock");
    snprintf(path, sizeof path, "%s/holdfast-drill-link00", place);
    assert_int_equal(symlink(drill_scratch_path(alive), path), 0);
    assert_int_equal(drill_scratch_open(place, &s), 0);
    assert_int_equal(drill_scratch_swept(s), 2);
    assert_int_equal(count(), 5);
    assert_int_equal(access(drill_scratch_path(alive), F_OK), 0);
    assert_int_equal(drill_scratch_close(s, false), 0);
    assert_int_equal(drill_scratch_close(alive, false), 0);
    assert_int_equal(count(), 3);
}

static void test_drill_scratch_needs_a_folder(void **state)
{
    struct drill_scratch *s;

    (void)state;
    assert_int_equal(drill_scratch_open("/no/such/place", &s), HF_EABSENT);
    assert_non_null(strstr(err_last()->text, "/no/such/place"));
}

/* A tree that no path leads through, with folders that may not be entered. */
static void test_drill_debris_has_no_depth(void **state)
{
    int fd = open(place, O_RDONLY | O_DIRECTORY), top = fd;

    (void)state;
    for (int i = 0; i < DEPTH; i++) {
        int below;

        assert_int_equal(mkdirat(fd, "tenletters", 0700), 0);
        assert_int_equal(mkdirat(fd, "beside", 0), 0);
        assert_int_equal(symlinkat("/", fd, "link"), 0);
        below = openat(fd, "tenletters", O_RDONLY | O_DIRECTORY);
        assert_true(below >= 0);
        fchmod(fd, i % 2 == 0 ? 0500 : 0700);
        if (fd != top) {
            close(fd);
        }
        fd = below;
    }
    close(fd);
    make_file(place, "spared");
    assert_int_equal(drill_debris_empty_by(top, "spared", 2), 0);
    close(top);
    assert_int_equal(count(), 1);
}

/* A probe that bound /dev into the tree and was killed must not cost the machine its devices. */
static void test_drill_debris_leaves_alone_what_is_mounted(void **state)
{
    char folder[160], outside[160], inside[200];
    int fd = open(place, O_RDONLY | O_DIRECTORY), rc;

    (void)state;
    snprintf(folder, sizeof folder, "%s/tree", place);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(folder, sizeof folder, "%s/tree/a", place);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(folder, sizeof folder, "%s/tree/a/bound", place);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(outside, sizeof outside, "%s/outside", place);
    assert_int_equal(mkdir(outside, 0750), 0);
    make_file(outside, "precious");
    make_file(folder, "below");
    if (mount(outside, folder, NULL, MS_BIND, NULL) != 0) {
        assert_true(errno == EPERM || errno == EACCES); /* only root may try */
        close(fd);
        return;
    }
    rc = drill_debris_empty_by(fd, "outside", 2);
    /* The folder that it is in was moved, and it with that. */
    snprintf(folder, sizeof folder, "%s/.gone-0/bound", place);
    assert_int_equal(umount(folder), 0);
    assert_int_equal(rc, HF_EIO);
    snprintf(inside, sizeof inside, "%s/precious", outside);
    assert_int_equal(access(inside, F_OK), 0);
    assert_int_equal(drill_debris_empty(fd, "outside"), 0);
    assert_int_equal(count(), 1);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_drill_scratch_is_private_and_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drill_scratch_is_kept_if_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drill_scratch_goes_when_its_process_dies, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_drill_scratch_sweeps_the_dead_and_spares_the_living,
                                        set_up, tear_down),
        cmocka_unit_test(test_drill_scratch_needs_a_folder),
        cmocka_unit_test_setup_teardown(test_drill_debris_has_no_depth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drill_debris_leaves_alone_what_is_mounted, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("drill_scratch", tests, NULL, NULL);
}
