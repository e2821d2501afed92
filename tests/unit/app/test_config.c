/*
 * test_config.c - the configuration file is read as docs/cli.md says; whatever is wrong with it is
 * named, with its file and line.
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

#include "app/config.h"
#include "base/err.h"
#include "base/mem.h"

#define PATH_BYTES 512
#define NEEDED "[job a]\nrepository = /r\npaths = /p\n"

static char folder[PATH_BYTES];

static const char *path_of(const char *name)
{
    static char path[2 * PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, mode_t mode, const char *text, size_t len)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static int load(const char *text, struct config *c)
{
    write_file("main.conf", 0600, text, strlen(text));
    return config_load(path_of("main.conf"), c);
}

/* The file is refused, with this in the message (or the hint). */
static void expect_refused(const char *text, const char *said, const char *hint)
{
    struct config c;
    int rc = load(text, &c);

    config_release(&c);
    if (rc != HF_EUSAGE || strstr(err_last()->text, said) == NULL ||
        strstr(err_last()->hint, hint) == NULL) {
        fail_msg("%s\n-> %d: %s (%s)\ninstead of %s (%s)", text, rc, err_last()->text,
                 err_last()->hint, said, hint);
    }
}

static int make_folder(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(folder, sizeof folder, "%s/holdfast-config-XXXXXX", tmp != NULL ? tmp : "/tmp");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "main.conf", "one.inc", "two.inc", NULL };

    (void)state;
    for (size_t i = 0; names[i] != NULL; i++) {
        unlink(path_of(names[i]));
    }
    return rmdir(folder);
}

static const struct row { /* of each key: what it takes, what it refuses, and how */
    const char *key, *good, *bad, *said;
} rows[] = {
    { "repository", "/r", "r", "does not begin with /" },
    { "key_file", "/k", "k", "does not begin with /" },
    { "password_file", "/k", "", "nothing behind the =" },
    { "password_command", "a; b # c", "", "nothing behind the =" },
    { "cache_dir", "/c", "~/c", "does not begin with /" },
    { "state_dir", "/c", ".", "does not begin with /" },
    { "paths", "/a, /b", "/a, b", "\"b\" does not begin with /" },
    { "exclude", "*.tmp, /x", "a,,b", "nothing behind the =" },
    { "exclude_file", "/x", "x", "does not begin with /" },
    { "exclude_caches", "yes", "maybe", "\"maybe\" is not yes or no" },
    { "one_file_system", "off", "2", "\"2\" is not yes or no" },
    { "host", "web1", "a,b", "no comma" },
    { "tags", "a, b", "a,", "nothing behind the =" },
    { "class", "crash", "fine", "\"fine\" is not app, crash or fuzzy" },
    { "before", "a, b", "", "nothing behind the =" },
    { "after", "\"a\" b", "", "nothing behind the =" },
    { "on_failure", "a # b", "", "nothing behind the =" },
    { "on_success", "a ; b", "", "nothing behind the =" },
    { "keep_last", "3", "three", "three" },
    { "keep_hourly", "unlimited", "-2", "-2" },
    { "keep_daily", "7", "1.5", "1.5" },
    { "keep_weekly", "-1", "all", "all" },
    { "keep_monthly", "12", "12m", "12m" },
    { "keep_yearly", "0", "y", "y" },
    { "keep_within", "2d", "0", "less than" },
    { "keep_tag", "release", "", "nothing behind the =" },
    { "prune", "true", "weekly", "is not yes or no" },
    { "check", "2.5%", "101%", "is not no, yes, a percentage (5%) or a size (10G)" },
    { "check", "10G", "0%", "\"0%\" is not no, yes" },
    { "drill", "full", "sampel", "there is no kind of drill \"sampel\"" },
    { "policy", "/etc/launch.ini", "launch.ini", "does not begin with /" },
    { "retry", "100", "101", "101 is not between 0 and 100" },
    { "retry_delay", "5m", "2d", "2d is more than 1d" },
    { "timeout", "6h", "6", "6" },
    { "nice", "-20", "20", "20 is not between -20 and 19" },
    { "nice", "19", "low", "\"low\" is no number" },
    { "ionice", "best-effort:7", "best-effort:8", "is not idle, best-effort or" },
    { "ionice", "idle", "realtime", "is not idle, best-effort or" },
    { "schedule", "Mon..Fri *-*-* 02:00/15", "daily$(reboot)", "no calendar expression" },
    { "stale_after", "26h", "never", "never" },
    { "metrics_file", "/m.prom", "m.prom", "does not begin with /" },
    { "hook_timeout", "10m", "0", "0 is less than 1 s" },
    { "hook_timeout", "1y", "2y", "2y is more than 365d" },
    { "ping_url", "https://hc-ping.com/uuid", "hc-ping.com/uuid", "that is no URL of a web" },
    { "ping_url", "http://127.0.0.1:8000/a?b=c", "ftp://example.org/", "that is no URL of a web" },
    { "log_file", "/var/log/h.log", "h.log", "does not begin with /" },
    { "log_format", "json", "xml", "\"xml\" is not text or json" },
};

static void test_config_every_key_takes_its_type_and_refuses_others(void **state)
{
    bool seen[CONFIG_KEYS] = { false };
    char text[500], said[200];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        enum config_key_id id;
        struct config c;

        assert_int_equal(config_key_find(r->key, &id), 0);
        seen[id] = true;
        snprintf(text, sizeof text, "[defaults]\n%s = %s\n", r->key, r->good);
        if (load(text, &c) != 0) {
            fail_msg("%s: %s", text, err_last()->text);
        }
        assert_int_equal(config_get(&c, NULL, id)->origin, CONFIG_FROM_DEFAULTS);
        config_release(&c);
        snprintf(text, sizeof text, "\n[defaults]\n%s = %s\n", r->key, r->bad);
        expect_refused(text, r->said, "");
        snprintf(said, sizeof said, "main.conf:3: %s: ", r->key);
        expect_refused(text, said, "");
    }
    for (int i = 0; i < CONFIG_KEYS; i++) {
        if (!seen[i]) {
            fail_msg("%s is not tested", config_key_at((enum config_key_id)i)->name);
        }
    }
}

static void test_config_every_key_is_refused_outside_a_section_and_twice_in_one(void **state)
{
    char text[500];

    (void)state;
    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *key = config_key_at((enum config_key_id)i);

        snprintf(text, sizeof text, "%s = %s\n[defaults]\n", key->name, key->example);
        expect_refused(text, "main.conf:1: ", "comes before it");
        if (!config_key_is_list(key)) {
            snprintf(text, sizeof text, "[defaults]\n%s = %s\n%s = %s\n", key->name, key->example,
                     key->name, key->example);
            expect_refused(text, "main.conf:3: ", "");
            expect_refused(text, "main.conf:2 already", "");
        }
    }
}

static void test_config_names_the_nearest_of_what_it_does_not_know(void **state)
{
    (void)state;
    expect_refused("[defaults]\n\nkeep_dayly = 7\n", "main.conf:3: there is no key \"keep_dayly\"",
                   "did you mean \"keep_daily\"?");
    expect_refused("[jobs web]\n", "main.conf:1: there is no section [jobs web]",
                   "did you mean [job NAME]?");
    expect_refused("[default]\n", "there is no section [default]", "did you mean [defaults]?");
    expect_refused("[policy]\n", "there is no section [policy]", "there are [defaults] and");
    expect_refused("[job a]\nzzzzzzzzzzzz = 1\n", "main.conf:2: there is no key", "");
}

static void test_config_refuses_drills_that_a_job_can_not_do(void **state)
{
    (void)state;
    expect_refused("[job a]\ndrill = sampel\n", "main.conf:2: ", "did you mean \"sample\"?");
    expect_refused("[job a]\ndrill = probe\n", "\"drill = probe\" would need a command", "");
}

static void test_config_refuses_sections_that_are_not_well_formed(void **state)
{
    (void)state;
    expect_refused("[job]\n", "main.conf:1: [job] has no name", "");
    expect_refused("[job a/b]\n", "\"a/b\" can't be the name of a job", "letters, digits");
    expect_refused("[job -a]\n", "\"-a\" can't be", "");
    expect_refused("[job a\n", "does not end with ]", "");
    expect_refused("[defaults]\n[defaults]\n", "main.conf:2: [defaults] is in", "");
    expect_refused(NEEDED "[job a]\n", "main.conf:4: the job \"a\" is in", "");
    expect_refused("[defaults]\nwhat\n", "main.conf:2: \"what\" is neither", "");
}

static void test_config_a_job_needs_a_repository_and_paths(void **state)
{
    (void)state;
    expect_refused("\n[job a]\npaths = /p\n", "main.conf:2: the job \"a\" has no repository", "");
    expect_refused("[job a]\nrepository = /r\n", "main.conf:1: the job \"a\" has no paths", "");
}

static void test_config_refuses_what_contradicts_itself(void **state)
{
    (void)state;
    expect_refused(NEEDED "key_file = /k\npassword_file = /p\n",
                   "main.conf:5: key_file, password_file and password_command exclude", "");
    expect_refused("[defaults]\nrepository = /r\npaths = /p\nmetrics_file = /m\n[job a]\n[job b]\n",
                   "main.conf:6: the jobs \"a\" and \"b\" have the same metrics_file", "");
}

static void test_config_the_weightier_origin_counts(void **state)
{
    const struct config_job *a, *b;
    struct config c;

    (void)state;
    setenv("HOLDFAST_KEEP_DAILY", "99", 1);
    assert_int_equal(load("[defaults]\nrepository = /r\npaths = /p, /q\nkeep_last = 1\n"
                          "password_file = /f\nkeep_daily = 3\n"
                          "[job a]\npaths = /a\nkeep_last = 2\nkey_file = /k\n[job b]\n",
                          &c),
                     0);
    unsetenv("HOLDFAST_KEEP_DAILY");
    assert_int_equal(config_find(&c, "a", &a), 0);
    assert_int_equal(config_find(&c, "b", &b), 0);
    assert_string_equal(config_text(&c, a, CONFIG_keep_last), "2");
    assert_string_equal(config_text(&c, b, CONFIG_keep_last), "1");
    assert_string_equal(config_text(&c, a, CONFIG_keep_daily), "99");
    assert_int_equal(config_get(&c, a, CONFIG_keep_daily)->origin, CONFIG_FROM_ENVIRONMENT);
    assert_string_equal(config_text(&c, a, CONFIG_retry), "0");
    assert_int_equal(config_get(&c, a, CONFIG_retry)->origin, CONFIG_FROM_PROGRAM);
    assert_int_equal(config_get(&c, a, CONFIG_paths)->values.count, 1);
    assert_int_equal(config_get(&c, b, CONFIG_paths)->values.count, 2);
    assert_int_equal(config_get(&c, b, CONFIG_paths)->place.line, 3);
    assert_int_equal(config_unlock(&c, a), CONFIG_key_file);
    assert_int_equal(config_unlock(&c, b), CONFIG_password_file);
    assert_int_equal(config_find(&c, "c", &b), HF_EUSAGE);
    config_release(&c);
}

static void test_config_refuses_a_bad_value_of_the_environment(void **state)
{
    (void)state;
    setenv("HOLDFAST_RETRY", "often", 1);
    expect_refused(NEEDED, "HOLDFAST_RETRY in the environment: \"often\" is no number", "");
    unsetenv("HOLDFAST_RETRY");
}

static void test_config_lists_are_divided_at_commas_or_repeated(void **state)
{
    const struct option_list *l;
    struct config c;

    (void)state;
    assert_int_equal(load("\xef\xbb\xbf[defaults]\r\n; a comment\r\n  # another\n"
                          "paths = /a , \"/b, c # d\" ,/e\npaths=/f\n",
                          &c),
                     0);
    l = &config_get(&c, NULL, CONFIG_paths)->values;
    assert_int_equal(l->count, 4);
    assert_string_equal(l->items[0], "/a");
    assert_string_equal(l->items[1], "/b, c # d");
    assert_string_equal(l->items[2], "/e");
    assert_string_equal(l->items[3], "/f");
    config_release(&c);
    expect_refused("[defaults]\npaths = /a # the first\n", "seems to end in a comment",
                   "line of its own");
}

static void test_config_takes_variables_from_the_environment(void **state)
{
    struct config c;

    (void)state;
    setenv("HF_TEST_PLACE", "/home/x", 1);
    assert_int_equal(
        load("[defaults]\nrepository = ${HF_TEST_PLACE}/r\nbefore = echo $${A} $B\n", &c), 0);
    assert_string_equal(config_text(&c, NULL, CONFIG_repository), "/home/x/r");
    assert_string_equal(config_text(&c, NULL, CONFIG_before), "echo ${A} $B");
    config_release(&c);
    unsetenv("HF_TEST_PLACE");
    expect_refused("[defaults]\nrepository = ${HF_TEST_PLACE}/r\n",
                   "main.conf:2: repository: HF_TEST_PLACE is not set", "$${");
    expect_refused("[defaults]\nrepository = ${HF_TEST_PLACE/r\n", "without a name and", "$${");
    expect_refused("[defaults]\nrepository = ${}/r\n", "without a name and", "");
}

static void test_config_includes_files_and_names_theirs_in_errors(void **state)
{
    static const char one[] = "[job one]\nrepository = /one\n";
    const struct config_job *job;
    struct config c;

    (void)state;
    write_file("one.inc", 0600, one, sizeof one - 1);
    write_file("two.inc", 0600, "[job two]\n", 10);
    assert_int_equal(load("[defaults]\nrepository = /r\ninclude = *.inc\npaths = /p\n", &c), 0);
    assert_int_equal(c.job_count, 2);
    assert_int_equal(config_find(&c, "one", &job), 0);
    assert_string_equal(config_text(&c, job, CONFIG_repository), "/one");
    assert_string_equal(config_text(&c, job, CONFIG_paths), "/p");
    config_release(&c);
    expect_refused("include = one.inc\n", "one.inc:1: the job \"one\" has no paths", "");
    write_file("one.inc", 0600, "\nretry = 1\n", 11);
    expect_refused("[defaults]\ninclude = one.inc\n", "one.inc:2: \"retry\" stands outside", "");
    expect_refused("[defaults]\ninclude = one.inc\n", "main.conf:2: ", "");
    write_file("one.inc", 0600, "include = two.inc\n", 18);
    write_file("two.inc", 0600, "include = one.inc\n", 18);
    expect_refused("include = one.inc\n", "files that include each other", "");
    expect_refused("include =\n", "which file?", "");
}

static void test_config_a_file_that_is_not_there_is_named(void **state)
{
    struct config c;

    (void)state;
    assert_int_equal(load("include = nothing\n", &c), HF_EABSENT);
    assert_non_null(strstr(err_last()->text, "main.conf:1: "));
    config_release(&c);
    assert_int_equal(load("include = nothing*\n", &c), 0);
    config_release(&c);
    assert_int_equal(config_load(path_of("nothing"), &c), HF_EABSENT);
    assert_non_null(strstr(err_last()->hint, "config init"));
    config_release(&c);
    assert_int_equal(config_load(folder, &c), HF_EUSAGE);
    config_release(&c);
}

static void test_config_a_file_that_others_may_change_is_refused(void **state)
{
    struct config c;

    (void)state;
    write_file("main.conf", 0620, NEEDED, strlen(NEEDED));
    assert_int_equal(config_load(path_of("main.conf"), &c), HF_EACCESS);
    assert_non_null(strstr(err_last()->hint, "chmod 600"));
    config_release(&c);
    write_file("main.conf", 0644, NEEDED, strlen(NEEDED));
    assert_int_equal(config_load(path_of("main.conf"), &c), 0);
    config_release(&c);
}

static void test_config_a_secret_demands_that_nobody_else_may_read(void **state)
{
    static const char text[] = NEEDED "password_command = echo s\n";
    struct config c;

    (void)state;
    write_file("main.conf", 0640, text, sizeof text - 1);
    assert_int_equal(config_load(path_of("main.conf"), &c), HF_EACCESS);
    assert_non_null(strstr(err_last()->text, "main.conf:4: password_command is a secret"));
    config_release(&c);
    write_file("main.conf", 0600, text, sizeof text - 1);
    assert_int_equal(config_load(path_of("main.conf"), &c), 0);
    config_release(&c);
}

static void test_config_refuses_bytes_that_are_no_text(void **state)
{
    struct config c;

    (void)state;
    write_file("main.conf", 0600, "[job a]\n\0x", 10);
    assert_int_equal(config_load(path_of("main.conf"), &c), HF_EUSAGE);
    config_release(&c);
}

static void test_config_survives_every_lack_of_memory(void **state)
{
    struct config c;
    int rc = HF_ENOMEM;

    (void)state;
    write_file("one.inc", 0600, "[defaults]\n", 11);
    for (uint64_t nth = 1; rc == HF_ENOMEM; nth++) {
        assert_true(nth < 1000);
        write_file("main.conf", 0600, "include = one.inc\n" NEEDED "tags = a, b\n",
                   strlen("include = one.inc\n" NEEDED "tags = a, b\n"));
        mem_fail_at(nth, 0);
        rc = config_load(path_of("main.conf"), &c);
        mem_fail_at(0, 0);
        config_release(&c);
    }
    assert_int_equal(rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_every_key_takes_its_type_and_refuses_others),
        cmocka_unit_test(test_config_every_key_is_refused_outside_a_section_and_twice_in_one),
        cmocka_unit_test(test_config_names_the_nearest_of_what_it_does_not_know),
        cmocka_unit_test(test_config_refuses_drills_that_a_job_can_not_do),
        cmocka_unit_test(test_config_refuses_sections_that_are_not_well_formed),
        cmocka_unit_test(test_config_a_job_needs_a_repository_and_paths),
        cmocka_unit_test(test_config_refuses_what_contradicts_itself),
        cmocka_unit_test(test_config_the_weightier_origin_counts),
        cmocka_unit_test(test_config_refuses_a_bad_value_of_the_environment),
        cmocka_unit_test(test_config_lists_are_divided_at_commas_or_repeated),
        cmocka_unit_test(test_config_takes_variables_from_the_environment),
        cmocka_unit_test(test_config_includes_files_and_names_theirs_in_errors),
        cmocka_unit_test(test_config_a_file_that_is_not_there_is_named),
        cmocka_unit_test(test_config_a_file_that_others_may_change_is_refused),
        cmocka_unit_test(test_config_a_secret_demands_that_nobody_else_may_read),
        cmocka_unit_test(test_config_refuses_bytes_that_are_no_text),
        cmocka_unit_test(test_config_survives_every_lack_of_memory),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
