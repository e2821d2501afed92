/*
 * test_logfile.c - a job's log, its tail, its rotation; what a ping asks for; what is remembered of
 * runs.
 */
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

#include "app/logfile.h"
#include "app/ping.h"
#include "app/run_memory.h"
#include "app/slurp.h"
#include "base/err.h"

#define PATH_BYTES 512
#define RUN "0123456789abcdef0123456789abcdef"

static char folder[PATH_BYTES];

static const char *path_of(const char *name)
{
    static char path[2 * PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(folder, sizeof folder, "%s/holdfast-logfile-XXXXXX", tmp != NULL ? tmp : "/tmp");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "log", "log.1", "job-a.last" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlink(path_of(names[i]));
    }
    return rmdir(folder);
}

static void say(struct logfile *l, enum log_level level, const char *message)
{
    const struct logfile_line line = { 1700000000000000001, level, RUN, message };

    logfile_line(l, &line);
}

static void expect_file(const char *name, const char *text)
{
    struct buf b;

    buf_init(&b);
    assert_int_equal(slurp_file(path_of(name), 1 << 20, &b), 0);
    assert_string_equal(buf_text(&b), text);
    buf_release(&b);
}

static void test_logfile_lines_have_all_facts_and_no_control_characters(void **state)
{
    struct logfile *l = NULL;
    struct stat st;

    (void)state;
    assert_int_equal(logfile_open(path_of("log"), false, "home", &l), 0);
    say(l, LOG_LEVEL_WARN, "a\nb\033[31m");
    assert_int_equal(logfile_error(l), 0);
    logfile_close(l);
    assert_int_equal(logfile_open(path_of("log"), true, "home", &l), 0);
    say(l, LOG_LEVEL_ERROR, "a \"b\"");
    logfile_close(l);
    expect_file("log", "2023-11-14T22:13:20.000000001Z warn home " RUN " a\\x0ab\\x1b[31m\n"
                       "{\"time\":\"2023-11-14T22:13:20.000000001Z\",\"level\":\"error\","
                       "\"run\":\"" RUN "\",\"job\":\"home\",\"message\":\"a \\\"b\\\"\"}\n");
    assert_int_equal(stat(path_of("log"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    unlink(path_of("log"));
}

static void test_logfile_goes_on_in_a_new_file_when_its_own_was_renamed(void **state)
{
    struct logfile *l = NULL;
    char to[2 * PATH_BYTES];
    struct buf b;

    (void)state;
    assert_int_equal(logfile_open(path_of("log"), false, "home", &l), 0);
    say(l, LOG_LEVEL_INFO, "one");
    snprintf(to, sizeof to, "%s", path_of("log.1"));
    assert_int_equal(rename(path_of("log"), to), 0);
    say(l, LOG_LEVEL_INFO, "two");
    expect_file("log.1", "2023-11-14T22:13:20.000000001Z info home " RUN " one\n");
    expect_file("log", "2023-11-14T22:13:20.000000001Z info home " RUN " two\n");
    buf_init(&b);
    logfile_tail(l, &b);
    assert_non_null(strstr(buf_text(&b), " one\n"));
    assert_non_null(strstr(buf_text(&b), " two\n"));
    buf_release(&b);
    logfile_close(l);
}

static void test_logfile_keeps_the_last_lines_whole(void **state)
{
    struct logfile *l = NULL;
    char message[100];
    struct buf b;

    (void)state;
    assert_int_equal(logfile_open(NULL, false, "home", &l), 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(message, sizeof message, "line %d", i);
        say(l, LOG_LEVEL_INFO, message);
        buf_init(&b);
        logfile_tail(l, &b);
        assert_true(b.len > 0 && b.len <= LOGFILE_TAIL_BYTES);
        assert_int_equal(memcmp(b.data, "2023-", 5), 0);
        assert_int_equal(b.data[b.len - 1], '\n');
        buf_release(&b);
    }
    buf_init(&b);
    logfile_tail(l, &b);
    assert_true(b.len > LOGFILE_TAIL_BYTES - 200);
    assert_non_null(strstr(buf_text(&b), " line 999\n"));
    buf_release(&b);
    logfile_close(l);
}

static void test_logfile_that_can_not_be_written_says_so(void **state)
{
    struct logfile *l = NULL;

    (void)state;
    assert_int_equal(logfile_open("/nowhere/log", false, "home", &l), HF_EABSENT);
    assert_null(l);
    assert_int_equal(logfile_open("/dev/full", false, "home", &l), 0);
    say(l, LOG_LEVEL_INFO, "one");
    assert_int_equal(logfile_error(l), HF_ENOSPC);
    logfile_close(l);
}

static void test_logfile_without_a_folder_goes_on_where_it_was_and_says_so(void **state)
{
    struct logfile *l = NULL;
    char inner[2 * PATH_BYTES], moved[2 * PATH_BYTES];

    (void)state;
    snprintf(inner, sizeof inner, "%s", path_of("inner"));
    snprintf(moved, sizeof moved, "%s", path_of("moved"));
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_int_equal(logfile_open(path_of("inner/log"), false, "home", &l), 0);
    assert_int_equal(rename(inner, moved), 0);
    say(l, LOG_LEVEL_INFO, "one");
    say(l, LOG_LEVEL_INFO, "two");
    assert_int_equal(logfile_error(l), HF_EABSENT);
    logfile_close(l);
    expect_file("moved/log", "2023-11-14T22:13:20.000000001Z info home " RUN " one\n"
                             "2023-11-14T22:13:20.000000001Z info home " RUN " two\n");
    unlink(path_of("moved/log"));
    rmdir(moved);
}

static void expect_url(const char *url, enum ping_event event, const char *asked)
{
    struct buf b;

    buf_init(&b);
    ping_put_url(&b, url, RUN, event);
    assert_string_equal(buf_text(&b), asked);
    buf_release(&b);
}

static void test_ping_asks_for_what_healthchecks_has(void **state)
{
#define RID "rid=01234567-89ab-cdef-0123-456789abcdef"
    (void)state;
    expect_url("https://h/u", PING_START, "https://h/u/start?" RID);
    expect_url("https://h/u/", PING_SUCCESS, "https://h/u?" RID);
    expect_url("https://h/u?a=b", PING_FAILURE, "https://h/u/fail?a=b&" RID);
    expect_url("https://h/u#x", PING_FAILURE, "https://h/u/fail?" RID);
#undef RID
}

static void test_ping_without_an_answer_names_the_host_alone(void **state)
{
    const struct ping p = { .url = "http://user:hush@127.0.0.1:1/secret", .run = RUN };
    const struct ping none = { .url = "secret", .run = RUN };

    (void)state;
    assert_int_equal(ping_send(&p, PING_FAILURE), HF_EFAIL);
    assert_non_null(strstr(err_last()->text, "could not ping 127.0.0.1:1: "));
    assert_null(strstr(err_last()->text, "secret"));
    assert_null(strstr(err_last()->text, "hush"));
    assert_int_equal(ping_send(&none, PING_START), HF_EFAIL);
}

static void test_run_memory_comes_back(void **state)
{
    const struct run_memory m = { .success_ns = 5, .run = { 7, 3 }, .check = { 6, 0 } };
    struct run_memory back;
    FILE *f;

    (void)state;
    run_memory_load(folder, "a", &back);
    assert_int_equal(back.success_ns, 0);
    assert_int_equal(run_memory_save(folder, "a", &m), 0);
    run_memory_load(folder, "a", &back);
    assert_int_equal(back.success_ns, 5);
    assert_int_equal(back.run.ns, 7);
    assert_int_equal(back.run.exit, 3);
    assert_int_equal(back.check.ns, 6);
    assert_int_equal(back.check.exit, 0);
    assert_int_equal(back.drill.ns, 0);
    f = fopen(path_of("job-a.last"), "we");
    assert_non_null(f);
    fputs("what\nrun\ncheck x y\nunknown 1 2\nrun 9\n", f);
    assert_int_equal(fclose(f), 0);
    run_memory_load(folder, "a", &back);
    assert_int_equal(back.success_ns, 0);
    assert_int_equal(back.check.ns, 0);
    assert_int_equal(back.run.ns, 9);
    assert_int_equal(run_memory_save("/nowhere", "a", &m), HF_EABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logfile_lines_have_all_facts_and_no_control_characters),
        cmocka_unit_test(test_logfile_goes_on_in_a_new_file_when_its_own_was_renamed),
        cmocka_unit_test(test_logfile_keeps_the_last_lines_whole),
        cmocka_unit_test(test_logfile_that_can_not_be_written_says_so),
        cmocka_unit_test(test_logfile_without_a_folder_goes_on_where_it_was_and_says_so),
        cmocka_unit_test(test_ping_asks_for_what_healthchecks_has),
        cmocka_unit_test(test_ping_without_an_answer_names_the_host_alone),
        cmocka_unit_test(test_run_memory_comes_back),
    };

    return cmocka_run_group_tests_name("logfile", tests, make_folder, remove_folder);
}
