/*
 * test_ready.c - each kind of gate in each state: passed, failed, unknown, waived, stale; and
 * evidence that was forged, or that has lapsed, is none.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/proof.h"
#include "engine/ready.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"
#include "io/process.h"

#define NOW ((int64_t)1795255200 * NS_PER_S) /* 2026-11-21 10:00 in UTC */
#define HOUR (3600 * NS_PER_S)
#define DAY (24 * HOUR)

struct place {
    struct realrepo repo;
    struct policy policy;
    struct ready_result result;
    char file[140];
    const char *job;
    bool closed; /* judge without the repository */
};

static int set_up(void **state)
{
    struct place *p = mem_zalloc(sizeof *p);

    realrepo_make(&p->repo, NOW, NULL);
    snprintf(p->file, sizeof p->file, "%s/policy.ini", p->repo.dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    ready_release(&p->result);
    policy_release(&p->policy);
    realrepo_remove(&p->repo);
    mem_free(p);
    return 0;
}

static void read_policy(struct place *p, const char *text)
{
    FILE *f = fopen(p->file, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(p->file, 0600), 0);
    policy_release(&p->policy);
    if (policy_read(p->file, &p->policy) != 0) {
        fail_msg("%s", err_last()->text);
    }
}

static void judge(struct place *p)
{
    const struct ready_context c = { .repo = p->closed ? NULL : p->repo.repo,
                                     .no_repo = p->closed ? "it is gone" : NULL,
                                     .clock = &p->repo.clock,
                                     .job = p->job };

    ready_release(&p->result);
    assert_int_equal(ready_judge(&p->policy, &c, &p->result), 0);
}

/* A policy of one gate, judged: its state, and a part of what is said about it. */
static void expect(struct place *p, const char *keys, enum gate_state state, const char *says)
{
    char text[2000];
    struct gate_finding *f;

    snprintf(text, sizeof text, "[gate g]\n%s", keys);
    read_policy(p, text);
    judge(p);
    f = &p->result.gates[0].finding;
    if (f->state != state || (says != NULL && strstr(buf_text(&f->why), says) == NULL &&
                              strstr(buf_text(&f->value), says) == NULL &&
                              strstr(buf_text(&f->evidence), says) == NULL)) {
        fail_msg("%s-> %s: %s (%s) %s", text, gate_state_name(f->state), buf_text(&f->value),
                 buf_text(&f->why), buf_text(&f->evidence));
    }
    assert_int_equal(f->why.len > 0, state != GATE_PASS);
    assert_int_equal(p->result.ready, state == GATE_PASS);
}

/* --- evidence --- */

struct fact {
    enum evidence_kind kind;
    bool failed;
    const char *job, *role, *key_kind;
    int64_t took_ns;
    bool reads_nothing; /* CHECK */
    uint8_t policy;     /* first byte of its hash; 0: none */
};

/* One hour later, this is proved; the number of its entry. */
static uint64_t prove(struct place *p, struct fact fact)
{
    struct evidence e;
    uint64_t number;
    uint8_t id[16];

    p->repo.wall_ns += HOUR;
    evidence_init(&e);
    e.kind = fact.kind;
    e.passed = !fact.failed;
    e.begin_ns = e.end_ns = p->repo.wall_ns;
    e.policy_hash[0] = fact.policy;
    assert_int_equal(evidence_set_origin(&e, "web1", "root", "holdfast 9"), 0);
    if (fact.job != NULL) {
        assert_int_equal(evidence_add_text(&e, EVIDENCE_JOB, fact.job), 0);
    }
    if (fact.role != NULL) {
        assert_int_equal(evidence_add_text(&e, EVIDENCE_ROLE, fact.role), 0);
    }
    if (fact.key_kind != NULL) {
        assert_int_equal(evidence_add_text(&e, EVIDENCE_KEY_KIND, fact.key_kind), 0);
    }
    if (fact.took_ns != 0) {
        assert_int_equal(evidence_add_number(&e, EVIDENCE_RTO_TOTAL, fact.took_ns), 0);
    }
    if (fact.kind == EVIDENCE_CHECK && !fact.failed && !fact.reads_nothing) {
        for (uint32_t i = 0; i < catalog_segment_count(repo_catalog(p->repo.repo)); i++) {
            assert_int_equal(evidence_add_verified(&e, i), 0);
        }
    }
    assert_int_equal(proof_publish(p->repo.repo, &e, id, &number), 0);
    assert_int_equal(repo_refresh(p->repo.repo), 0);
    evidence_release(&e);
    return number;
}

static void flip_entry(struct place *p, uint64_t number)
{
    char path[300];
    FILE *f;
    int byte;

    snprintf(path, sizeof path, "%s/journal/%012llu", p->repo.at, (unsigned long long)number);
    assert_int_equal(chmod(path, 0600), 0);
    f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 40, SEEK_SET), 0);
    byte = fgetc(f);
    assert_int_equal(fseek(f, 40, SEEK_SET), 0);
    fputc(byte ^ 1, f);
    fclose(f);
}

static void back_up(struct place *p, const char *job)
{
    const struct backup_options options = { .threads = 1, .job = job };
    struct backup_result result;
    char path[200];

    snprintf(path, sizeof path, "%s/file", p->repo.tree);
    realtree_write(path, job, strlen(job));
    assert_int_equal(realrepo_backup(&p->repo, &options, &result), 0);
    assert_int_equal(repo_refresh(p->repo.repo), 0);
}

static void test_newest_point_is_judged_by_its_age(void **state)
{
    static const char any[] = "type = newest_point\nmax_age = 1d\n";
    struct place *p = *state;

    expect(p, any, GATE_UNKNOWN, "no complete point");
    back_up(p, "web");
    p->repo.wall_ns += 20 * HOUR;
    expect(p, any, GATE_PASS, "20h");
    expect(p, "type = newest_point\nmax_age = 1d\njob = web\nhost = host\n", GATE_PASS, "web");
    expect(p, "type = newest_point\nmax_age = 1d\njob = mail\n", GATE_UNKNOWN, "no complete");
    expect(p, "type = newest_point\nmax_age = 1d\nhost = other\n", GATE_UNKNOWN, "no complete");
    p->repo.wall_ns += 5 * HOUR;
    expect(p, any, GATE_FAIL, "1d 1h");
    p->repo.wall_ns -= 3 * DAY;
    expect(p, any, GATE_UNKNOWN, "a clock is wrong");
}

static void test_newest_point_is_of_the_job_that_is_judged(void **state)
{
    static const char any[] = "type = newest_point\nmax_age = 1h\n";
    struct place *p = *state;

    back_up(p, "web");
    p->repo.wall_ns += 2 * HOUR;
    back_up(p, "mail");
    expect(p, any, GATE_PASS, NULL);
    p->job = "web";
    expect(p, any, GATE_FAIL, NULL);
    expect(p, "type = newest_point\nmax_age = 1h\njob = mail\n", GATE_PASS, NULL);
}

static void test_drill_must_have_passed_lately(void **state)
{
    static const char full[] = "type = drill\nkind = full\nmax_age = 7d\n";
    struct place *p = *state;

    expect(p, full, GATE_UNKNOWN, "no such drill");
    prove(p, (struct fact){ .kind = EVIDENCE_SAMPLE });
    expect(p, full, GATE_UNKNOWN, "no such drill");
    prove(p, (struct fact){ .kind = EVIDENCE_FULL, .job = "web" });
    expect(p, full, GATE_PASS, "full");
    expect(p, "type = drill\nkind = full\nmax_age = 7d\njob = web\n", GATE_PASS, NULL);
    expect(p, "type = drill\nkind = full\nmax_age = 7d\njob = db\n", GATE_UNKNOWN, NULL);
    p->repo.wall_ns += 8 * DAY;
    expect(p, full, GATE_FAIL, "8d old"); /* stale */
    prove(p, (struct fact){ .kind = EVIDENCE_FULL, .failed = true });
    expect(p, full, GATE_FAIL, "it failed");
    prove(p, (struct fact){ .kind = EVIDENCE_FULL });
    expect(p, full, GATE_PASS, NULL);
    p->job = "web"; /* is judged: what was drilled without saying of which job counts as well */
    expect(p, full, GATE_PASS, NULL);
    prove(p, (struct fact){ .kind = EVIDENCE_FULL, .job = "db", .failed = true });
    expect(p, full, GATE_PASS, NULL);
    p->job = "db";
    expect(p, full, GATE_FAIL, "it failed");
    expect(p, "type = drill\nkind = full\nmax_age = 7d\njob = mail\n", GATE_UNKNOWN, NULL);
    p->job = "web";
    p->repo.wall_ns -= DAY;
    expect(p, full, GATE_UNKNOWN, "a clock is wrong");
}

static void test_rto_is_what_the_newest_drill_measured(void **state)
{
    static const char keys[] = "type = rto\nkind = full\nmax = 1h\n";
    static const char fresh[] = "type = rto\nkind = full\nmax = 1h\nmax_age = 1d\n";
    struct place *p = *state;

    expect(p, keys, GATE_UNKNOWN, "no such drill");
    prove(p, (struct fact){ .kind = EVIDENCE_FULL });
    expect(p, keys, GATE_UNKNOWN, "did not measure");
    prove(p, (struct fact){ .kind = EVIDENCE_FULL, .took_ns = 2 * HOUR });
    expect(p, keys, GATE_FAIL, "it took 2h");
    prove(p, (struct fact){ .kind = EVIDENCE_FULL, .took_ns = HOUR / 2 });
    expect(p, fresh, GATE_PASS, "took 30m");
    p->repo.wall_ns += 2 * DAY;
    expect(p, keys, GATE_PASS, NULL);
    expect(p, fresh, GATE_FAIL, "2d old"); /* stale */
    prove(p, (struct fact){ .kind = EVIDENCE_FULL, .took_ns = 1, .failed = true });
    expect(p, keys, GATE_FAIL, "it failed");
}

static void test_verified_counts_the_data_that_checks_have_read(void **state)
{
    static const char keys[] = "type = verified\npercent = 100\nmax_age = 7d\n";
    struct place *p = *state;

    expect(p, keys, GATE_UNKNOWN, "no data yet");
    back_up(p, "web");
    expect(p, keys, GATE_UNKNOWN, "no check was recorded");
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK });
    expect(p, keys, GATE_PASS, "100 %");
    back_up(p, "more");
    expect(p, keys, GATE_FAIL, "too little");
    expect(p, "type = verified\npercent = 20\nmax_age = 7d\n", GATE_PASS, NULL);
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK, .failed = true });
    expect(p, "type = verified\npercent = 20\nmax_age = 7d\n", GATE_FAIL, "found damage");
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK });
    expect(p, keys, GATE_PASS, "100 %");
    p->repo.wall_ns += 8 * DAY;
    expect(p, keys, GATE_UNKNOWN, "within 7d"); /* stale */
}

/* A check that finds nothing because it reads nothing is no answer to one that found damage. */
static void test_damage_is_not_outdone_by_a_check_that_did_not_look(void **state)
{
    static const char keys[] = "type = verified\npercent = 100\nmax_age = 7d\n";
    struct place *p = *state;

    back_up(p, "web");
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK });
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK, .failed = true });
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK, .reads_nothing = true });
    expect(p, keys, GATE_FAIL, "not all has been read and found right since");
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK });
    expect(p, keys, GATE_PASS, "100 %");
}

/* By a clock that was ahead; a check by one that is right makes it good. */
static void test_data_verified_in_the_future_is_not_verified(void **state)
{
    static const char keys[] = "type = verified\npercent = 100\nmax_age = 7d\n";
    struct place *p = *state;

    back_up(p, "web");
    p->repo.wall_ns += 400 * DAY;
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK });
    p->repo.wall_ns -= 400 * DAY;
    expect(p, keys, GATE_UNKNOWN, "no check was recorded");
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK, .reads_nothing = true });
    expect(p, keys, GATE_FAIL, "too little");
    prove(p, (struct fact){ .kind = EVIDENCE_CHECK });
    expect(p, keys, GATE_PASS, "100 %");
}

static void test_key_sheet_must_have_opened_a_drill(void **state)
{
    static const char keys[] = "type = key_sheet\nmax_age = 365d\n";
    struct place *p = *state;

    prove(p, (struct fact){ .kind = EVIDENCE_COLD, .key_kind = "password" });
    expect(p, keys, GATE_UNKNOWN, "recovery sheet");
    prove(p, (struct fact){ .kind = EVIDENCE_COLD, .key_kind = "recovery-sheet" });
    expect(p, keys, GATE_PASS, "cold");
    prove(p,
          (struct fact){ .kind = EVIDENCE_SAMPLE, .key_kind = "recovery-sheet", .failed = true });
    expect(p, keys, GATE_FAIL, "it failed");
    prove(p, (struct fact){ .kind = EVIDENCE_FULL, .key_kind = "recovery-sheet" });
    p->repo.wall_ns += 366 * DAY;
    expect(p, keys, GATE_FAIL, "366d old"); /* stale */
}

static void test_signoff_is_of_its_role(void **state)
{
    static const char keys[] = "type = signoff\nrole = ops\nmax_age = 1d\n";
    struct place *p = *state;

    prove(p, (struct fact){ .kind = EVIDENCE_SIGNOFF, .role = "security" });
    expect(p, keys, GATE_UNKNOWN, "nobody has signed");
    prove(p, (struct fact){ .kind = EVIDENCE_SIGNOFF, .role = "ops" });
    prove(p, (struct fact){ .kind = EVIDENCE_SIGNOFF, .role = "security" });
    expect(p, keys, GATE_PASS, "by root on web1");
    prove(p, (struct fact){ .kind = EVIDENCE_SIGNOFF, .role = "ops", .failed = true });
    expect(p, keys, GATE_FAIL, "it failed");
    prove(p, (struct fact){ .kind = EVIDENCE_SIGNOFF, .role = "ops" });
    p->repo.wall_ns += 2 * DAY;
    expect(p, keys, GATE_FAIL, "2d old"); /* stale */
}

static void test_free_space_is_of_the_repository(void **state)
{
    struct place *p = *state;

    expect(p, "type = free_space\nmin = 1\nmin_percent = 0.001%\n", GATE_PASS, "free");
    expect(p, "type = free_space\nmin = 8000000T\n", GATE_FAIL, "too little room");
    expect(p, "type = free_space\nmin_percent = 100%\n", GATE_FAIL, "too few");
}

/* --- evidence that does not count --- */

static void test_evidence_that_was_altered_is_none(void **state)
{
    static const char keys[] = "type = drill\nkind = full\nmax_age = 7d\n";
    struct place *p = *state;
    uint64_t number;

    back_up(p, "web");
    prove(p, (struct fact){ .kind = EVIDENCE_FULL });
    number = prove(p, (struct fact){ .kind = EVIDENCE_FULL });
    expect(p, keys, GATE_PASS, NULL);
    flip_entry(p, number); /* the older one, which is whole, does not stand in for it */
    expect(p, keys, GATE_UNKNOWN, "the evidence in entry");
    number = prove(p, (struct fact){ .kind = EVIDENCE_SIGNOFF, .role = "ops" });
    flip_entry(p, number);
    expect(p, "type = signoff\nrole = ops\nmax_age = 7d\n", GATE_UNKNOWN, "the evidence in entry");
    number = prove(p, (struct fact){ .kind = EVIDENCE_CHECK });
    flip_entry(p, number);
    expect(p, "type = verified\npercent = 10\nmax_age = 7d\n", GATE_UNKNOWN, "the evidence in");
}

static void test_evidence_of_another_policy_is_none(void **state)
{
    static const char keys[] = "type = signoff\nrole = ops\nmax_age = 1d\n";
    struct place *p = *state;

    prove(p, (struct fact){ .kind = EVIDENCE_SIGNOFF, .role = "ops", .policy = 1 });
    expect(p, keys, GATE_UNKNOWN, "another policy");
    p->policy.hash[0] = 1;
    memset(p->policy.hash + 1, 0, sizeof p->policy.hash - 1);
    judge(p);
    assert_int_equal(p->result.gates[0].finding.state, GATE_PASS);
}

/* What a drill proves, it proves of the program that did it. */
static void test_evidence_of_another_program_is_none_for_drills(void **state)
{
    struct place *p = *state;
    struct gate_context c = { .policy = &p->policy };
    struct gate_finding f;

    prove(p, (struct fact){ .kind = EVIDENCE_FULL });
    prove(p, (struct fact){ .kind = EVIDENCE_SIGNOFF, .role = "ops" });
    read_policy(p, "[gate a]\ntype = drill\nkind = full\nmax_age = 1d\n"
                   "[gate b]\ntype = signoff\nrole = ops\nmax_age = 1d\n");
    c.repo = p->repo.repo;
    c.now_ns = p->repo.wall_ns;
    c.tool_hash[0] = 1;
    gate_init(&f);
    assert_int_equal(gate_ask(&c, p->policy.gates[0], &f), 0);
    assert_int_equal(f.state, GATE_UNKNOWN);
    assert_non_null(strstr(buf_text(&f.why), "another program (holdfast 9)"));
    gate_release(&f);
    gate_init(&f);
    assert_int_equal(gate_ask(&c, p->policy.gates[1], &f), 0);
    assert_int_equal(f.state, GATE_PASS);
    gate_release(&f);
}

static void test_gates_of_a_repository_that_is_not_there_are_unknown(void **state)
{
    struct place *p = *state;

    p->closed = true;
    expect(p, "type = newest_point\nmax_age = 1d\n", GATE_UNKNOWN, "it is gone");
    expect(p, "type = drill\nkind = full\nmax_age = 1d\n", GATE_UNKNOWN, "it is gone");
}

/* --- the world --- */

static void test_command_must_end_as_expected(void **state)
{
    struct place *p = *state;

    expect(p, "type = command\ncommand = true\n", GATE_PASS, "exit 0");
    expect(p, "type = command\ncommand = echo why; exit 3\n", GATE_FAIL, "it said: why");
    expect(p, "type = command\ncommand = exit 3\nexpect_exit = 3\n", GATE_PASS, "exit 3");
    expect(p, "type = command\ncommand = kill -9 $$\n", GATE_FAIL, "signal 9");
    expect(p, "type = command\ncommand = echo yes\nexpect_output = es\n", GATE_PASS, NULL);
    expect(p, "type = command\ncommand = echo yes\nexpect_output = /^no|yes$/\n", GATE_PASS, NULL);
    expect(p, "type = command\ncommand = echo yes\nexpect_output = /^es/\n", GATE_FAIL, "not say");
    expect(p, "type = command\ncommand = sleep 100\ntimeout = 200ms\n", GATE_FAIL, "within 200 ms");
    assert_int_equal(setenv("HOLDFAST_PASSWORD", "secret", 1), 0);
    expect(p, "type = command\ncommand = ! env | grep -q HOLDFAST_PASSWORD\n", GATE_PASS, NULL);
    assert_string_equal(getenv("HOLDFAST_PASSWORD"), "secret");
    unsetenv("HOLDFAST_PASSWORD");
}

static void test_file_must_be_as_it_should(void **state)
{
    const struct timespec far[2] = { { 15000000000, 0 }, { 15000000000, 0 } };
    struct place *p = *state;
    char path[200], keys[600];
    struct stat st;
    static const struct {
        const char *keys;
        enum gate_state state;
        const char *says;
    } rows[] = {
        { "", GATE_PASS, "there" },
        { "exists = yes\n", GATE_PASS, NULL },
        { "exists = no\n", GATE_FAIL, "there is a" },
        { "mode = 0640\n", GATE_PASS, "mode 0600" },
        { "mode = 0400\n", GATE_FAIL, "allows more" },
        { "min_size = 5\nmax_size = 5\n", GATE_PASS, "5" },
        { "min_size = 6\n", GATE_FAIL, "too small" },
        { "max_size = 4\n", GATE_FAIL, "too large" },
        { "max_age = 1h\n", GATE_PASS, "30m" },
        { "max_age = 20m\n", GATE_FAIL, "30m" },
        { "owner = no-such-user\n", GATE_UNKNOWN, "no user" },
        { "owner = 12345678\n", GATE_FAIL, "belongs to" },
        { "mode = 0400\nmax_size = 4\n", GATE_FAIL, "; it is too large" },
    };

    snprintf(path, sizeof path, "%s/x", p->repo.dir);
    realtree_write(path, "hello", 5);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(stat(path, &st), 0);
    p->repo.wall_ns = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec + HOUR / 2;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(keys, sizeof keys, "type = file\npath = %s\n%s", path, rows[i].keys);
        expect(p, keys, rows[i].state, rows[i].says);
    }
    snprintf(keys, sizeof keys, "type = file\npath = %s\nowner = %u\n", path, (unsigned)getuid());
    expect(p, keys, GATE_PASS, NULL);
    assert_int_equal(utimensat(AT_FDCWD, path, far, 0), 0); /* more nanoseconds than can be told */
    snprintf(keys, sizeof keys, "type = file\npath = %s\nmax_age = 1h\n", path);
    expect(p, keys, GATE_UNKNOWN, NULL);
    expect(p, "type = file\npath = /nonexistent/x\n", GATE_FAIL, "there is no");
    expect(p, "type = file\npath = /nonexistent/x\nexists = no\n", GATE_PASS, "absent");
    expect(p, "type = file\npath = /proc/self/fd/99999/x\n", GATE_FAIL, NULL);
    if (getuid() == 0) {
        expect(p, "type = file\npath = /\nowner = root\n", GATE_PASS, "uid 0");
    }
}

static void test_disk_must_have_room(void **state)
{
    struct place *p = *state;

    expect(p, "type = disk\npath = /tmp\nmin_free = 1\nmin_free_percent = 0.001\n", GATE_PASS,
           "free");
    expect(p, "type = disk\npath = /tmp\nmin_free = 8000000T\n", GATE_FAIL, "too little room");
    expect(p, "type = disk\npath = /tmp\nmin_free_percent = 100\n", GATE_FAIL,
           "too few of the bytes");
    expect(p, "type = disk\npath = /proc\nmin_inodes_percent = 1\n", GATE_UNKNOWN, "does not tell");
    expect(p, "type = disk\npath = /nonexistent\nmin_free = 1\n", GATE_UNKNOWN, "No such file");
}

static void test_process_must_run(void **state)
{
    struct place *p = *state;

    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_NAME, "hf-test-gate");
        pause();
        _exit(0);
    }
    for (size_t i = 0, count = 0; i < 500 && count == 0; i++) {
        assert_int_equal(process_find("hf-test-gate", &count), 0);
        usleep(10000);
    }
    expect(p, "type = process\nname = hf-test-gate\n", GATE_PASS, "1 process");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    expect(p, "type = process\nname = hf-test-gate\n", GATE_FAIL, "no process is called");
}

static void test_port_must_listen(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    struct place *p = *state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char keys[200];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(keys, sizeof keys, "type = port\nport = %u\nhost = 127.0.0.1\n",
             ntohs(address.sin_port));
    expect(p, keys, GATE_FAIL, "Connection refused");
    assert_int_equal(listen(fd, 1), 0);
    expect(p, keys, GATE_PASS, "listens");
    close(fd);
    expect(p, "type = port\nport = 1\nhost = no-such-host.invalid\n", GATE_FAIL, "no-such-host");
}

static void test_http_without_an_answer_fails(void **state)
{
    struct place *p = *state;

    expect(p, "type = http\nurl = http://127.0.0.1:1/\n", GATE_FAIL, "Connection refused");
    expect(p, "type = http\nurl = http://127.0.0.1:1/\nrepeat = 3\n", GATE_FAIL, "request 3 of 3");
}

/* --- the verdict --- */

#define WAIVER(until) "waived_until = " until "\nwaived_by = A. Miller\nreason = known\n"
#define GOOD(name, severity) "[gate " name "]\ntype = file\npath = /\nseverity = " severity "\n"
#define BAD(name, severity)                                                                        \
    "[gate " name "]\ntype = file\npath = /nonexistent\nseverity = " severity "\n"
#define UNKNOWN(name, severity)                                                                    \
    "[gate " name "]\ntype = newest_point\nmax_age = 1d\nseverity = " severity "\n"

static void test_ready_only_if_nothing_blocks(void **state)
{
    static const struct {
        const char *text;
        bool ready;
        unsigned score;
    } rows[] = {
        { GOOD("a", "critical"), true, 100 },
        { GOOD("a", "critical") BAD("b", "nice"), true, 90 },
        { GOOD("a", "critical") UNKNOWN("b", "nice"), true, 90 },
        { GOOD("a", "critical") BAD("b", "important"), false, 66 },
        { GOOD("a", "critical") UNKNOWN("b", "important"), false, 66 },
        { GOOD("a", "important") BAD("b", "critical"), false, 33 },
        { UNKNOWN("b", "critical"), false, 0 },
        { BAD("b", "nice"), true, 0 },
        { BAD("b", "critical") WAIVER("2027-01-01"), true, 0 },
        { UNKNOWN("b", "critical") WAIVER("2027-01-01"), true, 0 },
        { BAD("b", "critical") WAIVER("2026-11-21"), false, 0 },
        { GOOD("a", "critical") WAIVER("2027-01-01"), true, 100 },
    };
    struct place *p = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        read_policy(p, rows[i].text);
        judge(p);
        if (p->result.ready != rows[i].ready || p->result.score != rows[i].score) {
            fail_msg("%s-> %d, %u", rows[i].text, p->result.ready, p->result.score);
        }
    }
}

static void test_waiver_hides_nothing_and_ends(void **state)
{
    struct place *p = *state;

    read_policy(p, BAD("b", "critical") WAIVER("2026-11-22") UNKNOWN("c", "important")
                       WAIVER("2026-11-22") GOOD("a", "nice") WAIVER("2026-11-22"));
    judge(p);
    assert_true(p->result.ready);
    assert_int_equal(p->result.waived, 2);
    assert_int_equal(p->result.passed, 1);
    assert_int_equal(p->result.failed, 1);
    assert_int_equal(p->result.unknown, 1);
    assert_true(p->result.gates[0].waived);
    assert_false(p->result.gates[0].waiver_lapsed);
    assert_int_equal(p->result.gates[0].finding.state, GATE_FAIL);
    assert_int_equal(p->result.gates[1].finding.state, GATE_UNKNOWN);
    assert_false(p->result.gates[2].waived);
    p->repo.wall_ns += DAY;
    judge(p);
    assert_false(p->result.ready);
    assert_int_equal(p->result.waived, 0);
    assert_true(p->result.gates[0].waiver_lapsed);
    assert_true(p->result.gates[0].blocks);
}

static volatile sig_atomic_t stopped = 1;

static void test_ready_ends_when_it_is_to_stop(void **state)
{
    struct place *p = *state;
    const struct ready_context c = { .repo = p->repo.repo,
                                     .clock = &p->repo.clock,
                                     .stop = &stopped };

    read_policy(p, "[gate a]\ntype = command\ncommand = sleep 100\n");
    assert_int_equal(ready_judge(&p->policy, &c, &p->result), HF_EINTERRUPTED);
    read_policy(p, "[gate a]\ntype = port\nport = 1\n");
    ready_release(&p->result);
    assert_int_equal(ready_judge(&p->policy, &c, &p->result), HF_EINTERRUPTED);
}

/* Each allocation fails once: out of memory, and nothing else, and nothing is lost. */
static void test_ready_survives_want_of_memory(void **state)
{
    struct place *p = *state;
    const struct ready_context c = { .repo = p->repo.repo, .clock = &p->repo.clock };
    uint64_t hits = 1;

    back_up(p, "web");
    prove(p, (struct fact){ .kind = EVIDENCE_FULL, .took_ns = 1 });
    read_policy(p, UNKNOWN("a", "critical") GOOD("b", "nice")
                       BAD("c", "nice") "[gate d]\ntype = rto\nkind = full\nmax = 1h\n");
    for (uint64_t n = 1; hits > 0; n++) {
        int rc;

        ready_release(&p->result);
        mem_fail_at(n, 0);
        rc = ready_judge(&p->policy, &c, &p->result);
        hits = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_true(rc == 0 || rc == HF_ENOMEM); /* 0: which program this is was not told */
        assert_true(n < 10000);
    }
    assert_true(p->result.ready);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_newest_point_is_judged_by_its_age),
        TEST(test_newest_point_is_of_the_job_that_is_judged),
        TEST(test_drill_must_have_passed_lately),
        TEST(test_rto_is_what_the_newest_drill_measured),
        TEST(test_verified_counts_the_data_that_checks_have_read),
        TEST(test_damage_is_not_outdone_by_a_check_that_did_not_look),
        TEST(test_data_verified_in_the_future_is_not_verified),
        TEST(test_key_sheet_must_have_opened_a_drill),
        TEST(test_signoff_is_of_its_role),
        TEST(test_free_space_is_of_the_repository),
        TEST(test_evidence_that_was_altered_is_none),
        TEST(test_evidence_of_another_policy_is_none),
        TEST(test_evidence_of_another_program_is_none_for_drills),
        TEST(test_gates_of_a_repository_that_is_not_there_are_unknown),
        TEST(test_command_must_end_as_expected),
        TEST(test_file_must_be_as_it_should),
        TEST(test_disk_must_have_room),
        TEST(test_process_must_run),
        TEST(test_port_must_listen),
        TEST(test_http_without_an_answer_fails),
        TEST(test_ready_only_if_nothing_blocks),
        TEST(test_waiver_hides_nothing_and_ends),
        TEST(test_ready_ends_when_it_is_to_stop),
        TEST(test_ready_survives_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
