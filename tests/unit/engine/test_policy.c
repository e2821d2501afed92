/*
 * test_policy.c - a policy is understood wholly or refused with file, line and the nearest known
 * word.
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

#include "base/clock.h"
#include "base/err.h"
#include "engine/policy.h"

static char folder[150], path[200];

static int set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(folder, sizeof folder, "%s/policy-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/launch.ini", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_policy(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, 0644), 0);
}

static const char good[] = "; comment\n"
                           "[policy]\n"
                           "name = launch day\n"
                           "[gate fresh]\n"
                           "max_age = 1d2h\n"
                           "type = newest_point\n"
                           "[gate page]\n"
                           "type = http\n"
                           "severity = nice\n"
                           "url = https://localhost:1/\n"
                           "expect_status = 2xx, 301\n"
                           "expect_status = 404\n"
                           "expect_header = \"Cache-Control: a, b\", Vary\n"
                           "min_tls_days = 21\n"
                           "waived_until = 2027-01-31\n"
                           "waived_by = A. Miller\n"
                           "reason = \"later # really\"\n"
                           "[gate room]\n"
                           "type = free_space\n"
                           "min = 10G\n"
                           "min_percent = 12.5%\n"
                           "[gate key]\n"
                           "type = file\n"
                           "path = /etc/holdfast.key\n"
                           "mode = 0640\n"
                           "[gate gone]\n"
                           "type = file\n"
                           "path = /run/x\n"
                           "exists = no\n"
                           "[gate ask]\n"
                           "type = command\n"
                           "command = test -e \"/x y\" # as it stands\n"
                           "expect_output = /^a.*b$/\n";

static void test_policy_takes_what_is_written(void **state)
{
    struct policy p;
    const struct policy_gate *g;

    (void)state;
    write_policy(good);
    assert_int_equal(policy_read(path, &p), 0);
    assert_string_equal(p.name, "launch day");
    assert_int_equal(p.count, 6);
    assert_true(policy_needs_repository(&p));
    g = p.gates[0];
    assert_string_equal(g->name, "fresh");
    assert_int_equal(g->type, GATE_TYPE_newest_point);
    assert_int_equal(g->severity, POLICY_CRITICAL);
    assert_int_equal(policy_number(g, GATE_KEY_max_age, 0), 26 * 3600 * NS_PER_S);
    g = p.gates[1];
    assert_int_equal(g->severity, POLICY_NICE);
    assert_int_equal(g->values[GATE_KEY_expect_status].count, 3);
    assert_string_equal(g->values[GATE_KEY_expect_status].items[2], "404");
    assert_int_equal(g->values[GATE_KEY_expect_header].count, 2);
    assert_string_equal(g->values[GATE_KEY_expect_header].items[0], "Cache-Control: a, b");
    assert_int_equal(g->values[GATE_KEY_waived_until].number, INT64_C(1801353600) * NS_PER_S);
    assert_string_equal(policy_text(g, GATE_KEY_reason), "later # really");
    assert_int_equal(policy_number(p.gates[2], GATE_KEY_min, 0), INT64_C(10) << 30);
    assert_int_equal(policy_number(p.gates[2], GATE_KEY_min_percent, 0), 125000);
    assert_int_equal(policy_number(p.gates[3], GATE_KEY_mode, 0), 0640);
    assert_int_equal(policy_number(p.gates[4], GATE_KEY_exists, 1), 0);
    assert_string_equal(policy_text(p.gates[5], GATE_KEY_command),
                        "test -e \"/x y\" # as it stands");
    assert_string_equal(policy_type_name(p.gates[5]->type), "command");
    assert_true(strlen(policy_type_means(p.gates[5]->type)) > 0);
    policy_release(&p);
}

static void test_policy_without_a_name_is_called_as_its_file(void **state)
{
    struct policy p;

    (void)state;
    write_policy("[gate a]\ntype = process\nname = init\n");
    assert_int_equal(policy_read(path, &p), 0);
    assert_string_equal(p.name, "launch");
    assert_false(policy_needs_repository(&p));
    policy_release(&p);
}

static void test_policy_hash_is_of_the_text(void **state)
{
    uint8_t a[EVIDENCE_HASH_BYTES], b[EVIDENCE_HASH_BYTES];
    struct policy p;

    (void)state;
    write_policy(good);
    assert_int_equal(policy_hash_file(path, a), 0);
    assert_int_equal(policy_read(path, &p), 0);
    assert_memory_equal(p.hash, a, sizeof a);
    policy_release(&p);
    write_policy("# another\n");
    assert_int_equal(policy_hash_file(path, b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(policy_hash_file("/nonexistent", b), HF_EABSENT);
}

#define GATE(type) "[gate g]\ntype = " type "\n"

static const struct {
    const char *text;
    unsigned line; /* 0: the file as a whole */
    const char *says, *hint;
} bad[] = {
    { "", 0, "has no gate", "--init" },
    { "[policy]\nname = x\n", 0, "has no gate", NULL },
    { "[polcy]\n", 1, "no section [polcy]", "[policy]" },
    { "[gates x]\n", 1, "no section [gates x]", "[gate NAME]" },
    { "[job x]\n", 1, "no section [job x]", "[policy] and [gate NAME]" },
    { "[gate]\n", 1, "has no name", NULL },
    { "name = x\n", 1, "outside of any section", NULL },
    { "[policy]\nnme = x\n", 2, "no key \"nme\"", "name" },
    { "[policy]\nversion = 1\n", 2, "no key \"version\"", "only key" },
    { "[policy]\n[policy]\n", 2, "stands once", NULL },
    { GATE("process") "name = a\n[gate g]\n", 4, "in line 1 already", NULL },
    { "[gate g]\nseverity = nice\n", 1, "has no type", NULL },
    { GATE("newest_pint"), 2, "no \"newest_pint\"", "newest_point" },
    { GATE("drill") "kind = ful\nmax_age = 1d\n", 3, "no drill \"ful\"", "sample, full" },
    { GATE("drill") "kind = check\nmax_age = 1d\n", 3, "no drill \"check\"", NULL },
    { GATE("drill") "knd = full\n", 3, "no key \"knd\"", "kind" },
    { "[gate g]\nmax_aeg = 1d\n", 2, "no key \"max_aeg\"", "max_age" },
    { "[gate g]\nseverity = high\n", 2, "no \"high\"", NULL },
    { "[gate g]\nseverity = import\n", 2, "no \"import\"", "important" },
    { GATE("drill") "kind = full\n", 1, "lacks max_age", NULL },
    { GATE("rto") "max_age = 1d\n", 1, "lacks kind, max", NULL },
    { GATE("process") "name = a\nport = 3\n", 4, "type process has no key \"port\"", "keys are" },
    { GATE("free_space"), 1, "at least one of min, min_percent", NULL },
    { GATE("disk") "path = /\n", 1, "at least one of min_free", NULL },
    { GATE("newest_point") "max_age = 0\n", 3, "no time at all", NULL },
    { GATE("newest_point") "max_age = 10ms\n", 3, "less than", NULL },
    { GATE("newest_point") "max_age = soon\n", 3, "max_age", NULL },
    { GATE("newest_point") "max_age = 1d\nmax_age = 2d\n", 4, "in line 3 already", NULL },
    { GATE("newest_point") "max_age =\n", 3, "nothing behind the =", NULL },
    { GATE("newest_point") "max_age = 1d # one\n", 3, "seems to end in a comment", NULL },
    { GATE("verified") "percent = 101\n", 3, "at most 100 percent", NULL },
    { GATE("verified") "percent = 0\n", 3, "above 0", NULL },
    { GATE("verified") "percent = 5.%\n", 3, "no percentage", NULL },
    { GATE("verified") "percent = most\n", 3, "no percentage", NULL },
    { GATE("free_space") "min = 0\n", 3, "makes no sense", NULL },
    { GATE("free_space") "min = some\n", 3, "min", NULL },
    { GATE("signoff") "role = the boss\nmax_age = 1d\n", 3, "a role has letters", NULL },
    { GATE("port") "port = 0\n", 3, "between 1 and 65535", NULL },
    { GATE("port") "port = http\n", 3, "no number", NULL },
    { GATE("port") "port = 1\ntimeout = 2h\n", 4, "more than 1h", NULL },
    { GATE("command") "command = true\nexpect_exit = 256\n", 4, "between 0 and 255", NULL },
    { GATE("command") "command = true\nexpect_output = /(/\n", 4, "no regular expression", NULL },
    { GATE("http") "url = ftp://x/\n", 3, "no url", "http://" },
    { GATE("http") "url = /x\n", 3, "no url", NULL },
    { GATE("http") "url = http://x/\nexpect_status = 2x\n", 4, "no status", NULL },
    { GATE("http") "url = http://x/\nexpect_status = 700\n", 4, "no status", NULL },
    { GATE("http") "url = http://x/\nmin_tls_days = 3\n", 4, "without https", NULL },
    { GATE("http") "url = http://x/\nmax_latency = 11s\n", 4, "longer than the timeout", NULL },
    { GATE("http") "url = http://x/\ntimeout = 1s\nmax_latency = 2s\n", 5, "longer than", NULL },
    { GATE("file") "path = etc\n", 3, "does not begin with /", NULL },
    { GATE("file") "path = /x\nmode = 0888\n", 4, "no mode", NULL },
    { GATE("file") "path = /x\nmode = 17777\n", 4, "no mode", NULL },
    { GATE("file") "path = /x\nexists = maybe\n", 4, "not yes or no", NULL },
    { GATE("file") "path = /x\nexists = no\nmode = 0600\n", 5, "must not exist", NULL },
    { GATE("file") "path = /x\nmin_size = 2K\nmax_size = 1K\n", 5, "less than min_size", NULL },
    { GATE("process") "name = a\nwaived_until = 2027-01-01\n", 1, "lacks waived_by, reason", NULL },
    { GATE("process") "name = a\nwaived_by = B\nreason = c\n", 1, "lacks waived_until", NULL },
    { GATE("process") "name = a\nwaived_until = +3h\n", 4, "no date", "write the day" },
    { GATE("process") "name = a\nwaived_until = soon\n", 4, "waived_until", NULL },
};

static void test_policy_that_is_not_understood_is_refused_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char place[40];
        struct policy p;

        write_policy(bad[i].text);
        assert_int_equal(policy_read(path, &p), HF_EUSAGE);
        policy_release(&p);
        snprintf(place, sizeof place, "launch.ini:%u: ", bad[i].line);
        if (strstr(err_last()->text, bad[i].says) == NULL ||
            (bad[i].line != 0 && strstr(err_last()->text, place) == NULL) ||
            (bad[i].hint != NULL && strstr(err_last()->hint, bad[i].hint) == NULL)) {
            fail_msg("%s\n-> %s (%s)", bad[i].text, err_last()->text, err_last()->hint);
        }
    }
}

static void test_policy_includes_nothing(void **state)
{
    char text[400], other[220];
    struct policy p;
    FILE *f;

    (void)state;
    snprintf(other, sizeof other, "%s.more", path);
    f = fopen(other, "w");
    assert_non_null(f);
    fputs("[gate b]\ntype = process\nname = a\n", f);
    fclose(f);
    assert_int_equal(chmod(other, 0644), 0);
    snprintf(text, sizeof text, "[gate a]\ntype = process\nname = a\ninclude = %s\n", other);
    write_policy(text);
    assert_int_equal(policy_read(path, &p), HF_EUSAGE);
    policy_release(&p);
    assert_non_null(strstr(err_last()->text, "includes no other file"));
    unlink(other);
}

/* It says what is run: nobody else may have a hand in it. */
static void test_policy_that_others_may_change_is_refused(void **state)
{
    struct policy p;

    (void)state;
    write_policy(good);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(policy_read(path, &p), HF_EACCESS);
    policy_release(&p);
    unlink(path);
    assert_int_equal(policy_read(path, &p), HF_EABSENT);
    policy_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_takes_what_is_written),
        cmocka_unit_test(test_policy_without_a_name_is_called_as_its_file),
        cmocka_unit_test(test_policy_hash_is_of_the_text),
        cmocka_unit_test(test_policy_that_is_not_understood_is_refused_with_its_line),
        cmocka_unit_test(test_policy_includes_nothing),
        cmocka_unit_test(test_policy_that_others_may_change_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
