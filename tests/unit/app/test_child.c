/*
 * test_child.c - commands of the user are run, heard and told apart when they fail; streams end
 * when they should.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/child.h"
#include "app/relay.h"
#include "app/slurp.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

static int shell(const char *command, const char *const *environment, char *out, size_t size)
{
    const struct child_options o = {
        .what = "the test", .environment = environment, .no_input = true, .umask = 027
    };
    struct buf b;
    int rc;

    buf_init(&b);
    rc = child_shell(&o, command, &b, 1000);
    out[0] = '\0';
    if (b.len > 0 && b.len < size) {
        memcpy(out, buf_text(&b), b.len + 1);
    }
    buf_release(&b);
    return rc;
}

static void test_child_says_what_it_wrote(void **state)
{
    char out[100];

    (void)state;
    assert_int_equal(shell("echo a; umask; cat", NULL, out, sizeof out), 0);
    assert_string_equal(out, "a\n0027\n");
}

/* One with a limit; how long it took in seconds. */
static int limited(const char *command, int64_t limit_ns, double *out_seconds)
{
    const struct child_options o = {
        .what = "the test", .no_input = true, .no_secrets = true, .limit_ns = limit_ns, .umask = 027
    };
    int64_t begin = clock_monotonic(clock_system());
    int rc = child_shell(&o, command, NULL, 0);

    *out_seconds = (double)(clock_monotonic(clock_system()) - begin) / 1e9;
    return rc;
}

static void test_child_within_its_limit_ends_as_any(void **state)
{
    double seconds;

    (void)state;
    assert_int_equal(limited("true", NS_PER_S, &seconds), 0);
    assert_int_equal(limited("exit 3", NS_PER_S, &seconds), HF_EFAIL);
    assert_non_null(strstr(err_last()->text, "exit status 3"));
    assert_int_equal(limited("kill -9 $$", NS_PER_S, &seconds), HF_EFAIL);
    assert_non_null(strstr(err_last()->text, "signal 9"));
}

/* A pipe that all of them hold open: it ends when the last of them has ended. */
static void test_child_that_takes_too_long_is_ended_with_its_descendants(void **state)
{
    char command[300], byte;
    double seconds;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    snprintf(command, sizeof command,
             "setsid sleep 30 & (setsid sh -c 'trap \"\" TERM; sleep 30; sleep 30' &) ; "
             "(sleep 30 &); sleep 30; : %d",
             ends[1]);
    assert_int_equal(limited(command, NS_PER_S / 5, &seconds), HF_EFAIL);
    assert_string_equal(err_last()->text, "the test took longer than 200 ms");
    assert_true(seconds >= 0.2 && seconds < 5);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static void test_child_that_hears_nothing_is_killed(void **state)
{
    double seconds;

    (void)state;
    assert_int_equal(limited("trap '' TERM; while :; do sleep 1; done", NS_PER_S / 5, &seconds),
                     HF_EFAIL);
    assert_true(seconds >= 5 && seconds < 15);
}

static void test_child_without_secrets_does_not_get_a_password(void **state)
{
    double seconds;

    (void)state;
    setenv("HOLDFAST_PASSWORD", "hush", 1);
    setenv("HOLDFAST_PASSWORD_FILE", "/p", 1);
    assert_int_equal(limited("test -z \"$HOLDFAST_PASSWORD\" -a -n \"$HOLDFAST_PASSWORD_FILE\"",
                             NS_PER_S, &seconds),
                     0);
    unsetenv("HOLDFAST_PASSWORD");
    unsetenv("HOLDFAST_PASSWORD_FILE");
}

static void test_child_finds_what_was_added_to_its_environment(void **state)
{
    static const char *const environment[] = { "HF_TEST=a b", NULL };
    char out[100];

    (void)state;
    assert_int_equal(shell("echo \"$HF_TEST\"; test -n \"$PATH\"", environment, out, sizeof out),
                     0);
    assert_string_equal(out, "a b\n");
}

static void test_child_failure_tells_how_it_ended(void **state)
{
    char out[100];

    (void)state;
    assert_int_equal(shell("exit 7", NULL, out, sizeof out), HF_EFAIL);
    assert_string_equal(err_last()->text, "the test ended with exit status 7");
    assert_int_equal(shell("kill -9 $$", NULL, out, sizeof out), HF_EFAIL);
    assert_string_equal(err_last()->text, "the test was killed by signal 9");
}

static void test_child_that_writes_too_much_is_stopped(void **state)
{
    char out[100];

    (void)state;
    assert_int_equal(shell("yes", NULL, out, sizeof out), HF_ELIMIT);
}

static void test_child_that_does_not_exist_is_an_error_of_starting_it(void **state)
{
    static const char *const argv[] = { "/nonexistent/command", NULL };
    const struct child_options o = { .what = "nothing", .argv = argv };
    struct child c;

    (void)state;
    assert_int_equal(child_start(&o, &c), HF_EFAIL);
    assert_non_null(strstr(err_last()->text, "could not run nothing: No such file"));
    assert_int_equal(c.pid, 0);
    child_stop(&c);
}

static void test_child_stop_ends_one_that_would_run_on(void **state)
{
    static const char *const argv[] = { "sleep", "1000", NULL };
    const struct child_options o = { .what = "sleep", .argv = argv, .capture = true };
    struct child c;

    (void)state;
    assert_int_equal(child_start(&o, &c), 0);
    assert_true(c.pid > 0);
    child_stop(&c);
    assert_int_equal(c.pid, 0);
}

static void fill(int fd, size_t len)
{
    char piece[1000];

    for (size_t i = 0; i < sizeof piece; i++) {
        piece[i] = (char)('a' + i % 26);
    }
    for (; len > 0; len -= sizeof piece) {
        assert_int_equal(write(fd, piece, sizeof piece), sizeof piece);
    }
}

static void test_relay_hands_on_all_of_a_file(void **state)
{
    char name[] = "/tmp/test_child_XXXXXX";
    int fd = mkstemp(name);
    struct relay r;
    struct buf b;

    (void)state;
    assert_true(fd >= 0);
    unlink(name);
    fill(fd, 3000000);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    buf_init(&b);
    assert_int_equal(relay_start(&r, fd), 0);
    assert_int_equal(slurp_fd(r.out_fd, "the relay", 4000000, &b), 0);
    assert_int_equal(relay_check(&r), 0);
    relay_stop(&r);
    assert_int_equal(b.len, 3000000);
    for (size_t i = 0; i < b.len; i++) {
        assert_int_equal(b.data[i], 'a' + i % 1000 % 26);
    }
    buf_release(&b);
    close(fd);
}

static void test_relay_of_a_silent_stream_can_be_stopped(void **state)
{
    int pair[2];
    struct relay r;

    (void)state;
    assert_int_equal(pipe(pair), 0);
    assert_int_equal(relay_start(&r, pair[0]), 0);
    relay_stop(&r);
    assert_int_equal(r.out_fd, -1);
    close(pair[0]);
    close(pair[1]);
}

static void test_relay_reports_what_can_not_be_read(void **state)
{
    int fd = open("/tmp", O_RDONLY | O_DIRECTORY);
    struct relay r;
    struct buf b;

    (void)state;
    buf_init(&b);
    assert_int_equal(relay_start(&r, fd), 0);
    assert_int_equal(slurp_fd(r.out_fd, "the relay", 100, &b), 0);
    assert_int_equal(b.len, 0);
    assert_int_equal(relay_check(&r), HF_EIO);
    relay_stop(&r);
    buf_release(&b);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child_says_what_it_wrote),
        cmocka_unit_test(test_child_within_its_limit_ends_as_any),
        cmocka_unit_test(test_child_that_takes_too_long_is_ended_with_its_descendants),
        cmocka_unit_test(test_child_that_hears_nothing_is_killed),
        cmocka_unit_test(test_child_without_secrets_does_not_get_a_password),
        cmocka_unit_test(test_child_finds_what_was_added_to_its_environment),
        cmocka_unit_test(test_child_failure_tells_how_it_ended),
        cmocka_unit_test(test_child_that_writes_too_much_is_stopped),
        cmocka_unit_test(test_child_that_does_not_exist_is_an_error_of_starting_it),
        cmocka_unit_test(test_child_stop_ends_one_that_would_run_on),
        cmocka_unit_test(test_relay_hands_on_all_of_a_file),
        cmocka_unit_test(test_relay_of_a_silent_stream_can_be_stopped),
        cmocka_unit_test(test_relay_reports_what_can_not_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
