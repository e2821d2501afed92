/*
 * test_process.c - a command comes to an end, and nothing of it is left, whatever it does.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/process.h"

#define MS ((int64_t)1000000)

static struct process_result result;

static int set_up(void **state)
{
    (void)state;
    memset(&result, 0, sizeof result);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    process_release(&result);
    return 0;
}

static void run(const char *command, int64_t timeout_ns)
{
    const struct process_request q = { .command = command, .timeout_ns = timeout_ns };

    assert_int_equal(process_run(&q, &result), 0);
}

/* Whether every process whose number the command wrote on a line of its own is gone. */
static void expect_all_gone(size_t count)
{
    char *text = (char *)(uintptr_t)buf_text(&result.output), *rest = text;
    size_t seen = 0;

    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        long pid = strtol(line, NULL, 10);

        if (pid > 0) {
            seen++;
            assert_int_equal(kill((pid_t)pid, 0), -1);
        }
    }
    assert_int_equal(seen, count);
}

static void test_process_tells_how_a_command_ended_and_what_it_said(void **state)
{
    (void)state;
    run("echo one; echo two >&2; exit 7", 0);
    assert_int_equal(result.exit_status, 7);
    assert_string_equal(buf_text(&result.output), "one\ntwo\n");
    assert_int_equal(process_status(&result), 7);
    assert_false(result.timed_out);
    assert_true(result.duration_ns > 0);
    process_release(&result);
    run("kill -9 $$", 0);
    assert_int_equal(result.exit_status, -1);
    assert_int_equal(result.signal, SIGKILL);
    assert_int_equal(process_status(&result), 128 + SIGKILL);
    process_release(&result);
    run("exec >&- 2>&-; sleep 0.2; exit 4", 0);
    assert_int_equal(result.exit_status, 4);
}

static void test_process_that_takes_too_long_is_killed(void **state)
{
    (void)state;
    run("echo $$; exec sleep 1000", 300 * MS);
    assert_true(result.timed_out);
    assert_int_equal(result.exit_status, -1);
    assert_true(result.duration_ns < 10000 * MS);
    expect_all_gone(1);
}

static void test_process_that_ignores_signals_is_killed(void **state)
{
    (void)state;
    run("trap '' TERM INT HUP; echo $$; while :; do sleep 1; done", 300 * MS);
    assert_true(result.timed_out);
    expect_all_gone(1);
}

/* One in the background, one in a session of its own, one whose parent is gone as well. */
static const char family[] = "sleep 1000 & echo $!; "
                             "setsid sh -c 'echo $$; exec sleep 1000' & "
                             "(setsid sh -c 'sleep 1000 & echo $!; echo $$; wait' &); sleep 0.2; ";

static void test_process_leaves_nothing_behind_when_it_ends(void **state)
{
    (void)state;
    run(family, 20000 * MS);
    assert_false(result.timed_out);
    assert_int_equal(result.exit_status, 0);
    assert_int_equal(result.left_over, 4);
    expect_all_gone(4);
}

/* Whoever is killed may just have started another one, in a session of its own. */
static void test_process_that_goes_on_in_others_is_killed(void **state)
{
    static char file[] = "F=/tmp/holdfast-process-XXXXXX";
    const char *const environment[] = {
        "PATH=/usr/bin:/bin", file, "N=0",
        "A=N=$((N+1)); echo >>$F; test $N -lt 3000 && setsid sh -c \"$A\" &", NULL
    };
    const struct process_request q = { .command = "sh -c \"$A\"; sleep 0.1",
                                       .environment = environment };
    int fd = mkstemp(file + 2);
    off_t reached;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(process_run(&q, &result), 0);
    assert_int_equal(result.exit_status, 0);
    reached = lseek(fd, 0, SEEK_END);
    usleep(100000);
    assert_int_equal(lseek(fd, 0, SEEK_END), reached);
    assert_in_range(reached, 1, 2999);
    close(fd);
    unlink(file + 2);
}

static void test_process_leaves_nothing_behind_when_it_is_killed(void **state)
{
    char command[400];

    (void)state;
    snprintf(command, sizeof command, "%s sleep 1000", family);
    run(command, 800 * MS);
    assert_true(result.timed_out);
    expect_all_gone(4);
}

static void test_process_that_floods_is_read_and_ended_in_time(void **state)
{
    const struct process_request q = { .command = "yes", .timeout_ns = 300 * MS, .keep = 10 };

    (void)state;
    assert_int_equal(process_run(&q, &result), 0);
    assert_true(result.timed_out);
    assert_int_equal(strncmp(buf_text(&result.output), "y\ny\ny\ny\ny\n\n[", 12), 0);
    assert_true(result.output.len < 100);
    assert_true(result.duration_ns < 10000 * MS);
}

static void test_process_keeps_the_beginning_and_the_end_of_what_it_says(void **state)
{
    struct process_request q = { .command = "seq 100000", .keep = 100 };
    const char *text;

    (void)state;
    assert_int_equal(process_run(&q, &result), 0);
    text = buf_text(&result.output);
    assert_int_equal(strncmp(text, "1\n2\n3\n", 6), 0);
    assert_non_null(strstr(text, "\n[588695 bytes are left out here]\n"));
    assert_string_equal(text + strlen(text) - 14, "\n99999\n100000\n");
    assert_true(strlen(text) < 250);
    process_release(&result);
    q.command = "seq 40"; /* a little more than the beginning */
    assert_int_equal(process_run(&q, &result), 0);
    text = buf_text(&result.output);
    assert_null(strstr(text, "left out"));
    assert_int_equal(strlen(text), 111);
    assert_string_equal(text + strlen(text) - 7, "\n39\n40\n");
}

static void test_process_leaves_other_children_alone(void **state)
{
    pid_t other = fork();
    int status;

    (void)state;
    if (other == 0) {
        pause();
        _exit(0);
    }
    run("exit 0", 0);
    assert_int_equal(waitpid(other, &status, WNOHANG), 0);
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, &status, 0), other);
}

static void test_process_has_the_environment_and_folder_it_is_given(void **state)
{
    static const char *const environment[] = { "PATH=/usr/bin:/bin", "A=b c", NULL };
    const struct process_request q = { .command = "pwd; env | grep -v -e '^_' -e '^PWD'; cat",
                                       .environment = environment,
                                       .folder = "/usr" };

    (void)state;
    assert_int_equal(process_run(&q, &result), 0);
    assert_int_equal(result.exit_status, 0); /* that of cat: there was nothing to read */
    assert_non_null(strstr(buf_text(&result.output), "/usr\n"));
    assert_non_null(strstr(buf_text(&result.output), "A=b c\n"));
    assert_null(strstr(buf_text(&result.output), "HOME="));
}

static void test_process_that_can_not_be_started_is_an_error(void **state)
{
    const struct process_request q = { .command = "true", .folder = "/nonexistent" };

    (void)state;
    assert_int_equal(process_run(&q, &result), HF_EFAIL);
    assert_non_null(strstr(err_last()->text, "could not start the command: No such file"));
}

static void test_process_ends_when_memory_does(void **state)
{
    uint64_t hits = 1;

    (void)state;
    for (uint64_t n = 1; hits > 0; n++) {
        const struct process_request q = { .command = "echo $$; exec sleep 0.1" };
        int rc;

        mem_fail_at(n, 0);
        rc = process_run(&q, &result);
        hits = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_int_equal(rc, hits > 0 ? HF_ENOMEM : 0);
        process_release(&result);
    }
}

static volatile sig_atomic_t stop;

static void on_alarm(int signum)
{
    (void)signum;
    stop = 1;
}

static void test_process_ends_when_we_are_to_stop(void **state)
{
    const struct process_request q = { .command = "echo $$; sleep 1000", .stop = &stop };

    (void)state;
    signal(SIGALRM, on_alarm);
    alarm(1);
    assert_int_equal(process_run(&q, &result), HF_EINTERRUPTED);
    expect_all_gone(1);
}

/* Whoever orders a command may be killed without warning: the command must not outlive it. */
static void test_process_does_not_outlive_who_ordered_it(void **state)
{
    char name[] = "/tmp/holdfast-process-XXXXXX", command[100], text[40] = "";
    int fd = mkstemp(name);
    pid_t child;
    long pid;

    (void)state;
    assert_true(fd >= 0);
    snprintf(command, sizeof command, "echo $$ >%s; exec sleep 1000", name);
    child = fork();
    if (child == 0) {
        const struct process_request q = { .command = command };

        (void)process_run(&q, &result);
        _exit(0);
    }
    for (int i = 0; i < 500 && pread(fd, text, sizeof text - 1, 0) <= 0; i++) {
        usleep(10000);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    pid = strtol(text, NULL, 10);
    assert_true(pid > 0);
    for (int i = 0; i < 500 && kill((pid_t)pid, 0) == 0; i++) {
        usleep(10000);
    }
    assert_int_equal(kill((pid_t)pid, 0), -1);
    close(fd);
    unlink(name);
}

static void test_process_is_found_by_its_name_while_it_runs(void **state)
{
    static const char name[] = "holdfast-test-of-a-name";
    char first[] = "/x/holdfast-test-of-a-name";
    size_t count;
    pid_t child;

    (void)state;
    assert_int_equal(process_find(name, &count), 0);
    assert_int_equal(count, 0);
    child = fork();
    if (child == 0) {
        execl("/bin/sleep", first, "1000", (char *)NULL);
        _exit(1);
    }
    for (int i = 0; i < 500; i++) {
        assert_int_equal(process_find(name, &count), 0);
        if (count > 0) {
            break;
        }
        usleep(10000);
    }
    assert_int_equal(count, 1);
    kill(child, SIGKILL);
    for (int i = 0; i < 500 && count > 0; i++) { /* it is not buried yet */
        assert_int_equal(process_find(name, &count), 0);
        usleep(10000);
    }
    assert_int_equal(count, 0);
    waitpid(child, NULL, 0);
}

/* The kernel calls both the same, as it keeps 15 letters of a name. */
static void test_process_of_a_name_that_begins_alike_is_another(void **state)
{
    char dir[] = "/tmp/holdfast-test-XXXXXX", path[100], copy[200];
    size_t count = 0;
    pid_t child;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/hf-test-alike-one", dir);
    snprintf(copy, sizeof copy, "cp /bin/sleep %s", path);
    assert_int_equal(system(copy), 0);
    child = fork();
    if (child == 0) {
        execl(path, path, "1000", (char *)NULL);
        _exit(1);
    }
    for (int i = 0; i < 500 && count == 0; i++) {
        assert_int_equal(process_find("hf-test-alike-one", &count), 0);
        usleep(10000);
    }
    assert_int_equal(count, 1);
    assert_int_equal(process_find("hf-test-alike-two", &count), 0);
    assert_int_equal(count, 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(path);
    rmdir(dir);
}

static void test_process_calls_itself_what_it_likes(void **state)
{
    size_t count;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        prctl(PR_SET_NAME, "hf-test-own-nam");
        pause();
        _exit(0);
    }
    for (int i = 0; i < 500; i++) {
        assert_int_equal(process_find("hf-test-own-name-is-long", &count), 0);
        if (count > 0) {
            break;
        }
        usleep(10000);
    }
    assert_int_equal(count, 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_process_tells_how_a_command_ended_and_what_it_said,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_process_that_takes_too_long_is_killed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_process_that_ignores_signals_is_killed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_process_leaves_nothing_behind_when_it_ends, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_process_leaves_nothing_behind_when_it_is_killed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_process_that_goes_on_in_others_is_killed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_process_that_floods_is_read_and_ended_in_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_process_keeps_the_beginning_and_the_end_of_what_it_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_process_leaves_other_children_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_process_has_the_environment_and_folder_it_is_given,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_process_that_can_not_be_started_is_an_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_process_ends_when_memory_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_process_ends_when_we_are_to_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_process_does_not_outlive_who_ordered_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_process_is_found_by_its_name_while_it_runs, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_process_of_a_name_that_begins_alike_is_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_process_calls_itself_what_it_likes, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
