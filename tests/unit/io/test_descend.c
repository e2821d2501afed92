/*
 * test_descend.c - what came of a process is found and told to end, and nothing else is.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/descend.h"

#define TRIES 500 /* of 10 ms */

static pid_t shell(const char *command)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Signal 0 tells nobody anything, and counts. */
static void wait_for_count(pid_t first, size_t count)
{
    size_t seen = 0;

    for (int i = 0; i < TRIES; i++) {
        seen = descend_signal(first, 0);
        if (seen == count) {
            break;
        }
        usleep(10000);
    }
    assert_int_equal(seen, count);
}

static void wait_for_all(void)
{
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
    }
}

/* A child, its child in another session, one whose parent has ended, and its child. */
static const char family[] = "setsid sleep 30 & "
                             "(setsid sh -c 'sleep 30; :' &); sleep 30; :";
#define FAMILY 5 /* with the first one, and what it waits for */

static void test_descend_reaches_all_generations_and_sessions(void **state)
{
    pid_t first;
    int status;

    (void)state;
    descend_watch(true);
    first = shell(family);
    wait_for_count(first, FAMILY);
    assert_int_equal(descend_signal(first, SIGTERM), FAMILY);
    wait_for_count(first, 0);
    descend_watch(false);
    /* All others were buried. */
    assert_int_equal(waitpid(-1, &status, 0), first);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_descend_leaves_alone_what_began_before(void **state)
{
    pid_t before = shell("sleep 30; :"), first;

    (void)state;
    wait_for_count(getpid(), 2);
    usleep(50000); /* the kernel's clock for this goes by hundredths of a second */
    first = shell("exec sleep 30");
    wait_for_count(first, 1);
    assert_int_equal(descend_signal(first, SIGKILL), 1);
    wait_for_count(first, 0);
    assert_int_equal(waitpid(before, NULL, WNOHANG), 0);
    assert_int_equal(descend_signal(getpid(), 0), 2);
    kill(-before, SIGKILL);
    wait_for_all();
}

static void test_descend_of_ourselves_is_all_but_us(void **state)
{
    (void)state;
    descend_watch(true);
    (void)shell(family);
    wait_for_count(getpid(), FAMILY);
    assert_int_equal(descend_signal(getpid(), SIGKILL), FAMILY);
    wait_for_count(getpid(), 0);
    descend_watch(false);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* The end of its name looks like what stands behind the name. */
static void test_descend_is_not_misled_by_names(void **state)
{
    char name[] = "/tmp/holdfast-descend-XXXXXX", path[60];
    pid_t child;

    (void)state;
    assert_non_null(mkdtemp(name));
    snprintf(path, sizeof path, "%s/) Z 1 1 1 (", name);
    assert_int_equal(symlink("/bin/sleep", path), 0);
    child = fork();
    if (child == 0) {
        execl(path, path, "30", (char *)NULL);
        _exit(127);
    }
    wait_for_count(child, 1);
    assert_int_equal(descend_signal(child, SIGKILL), 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(descend_signal(child, SIGKILL), 0);
    unlink(path);
    rmdir(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descend_reaches_all_generations_and_sessions),
        cmocka_unit_test(test_descend_leaves_alone_what_began_before),
        cmocka_unit_test(test_descend_of_ourselves_is_all_but_us),
        cmocka_unit_test(test_descend_is_not_misled_by_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
