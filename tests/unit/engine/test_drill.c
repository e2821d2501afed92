/*
 * test_drill.c - what drills find in a repository whose clock is the test's: the right numbers,
 * each mismatch by name, and evidence of what was finished and of nothing else.
 */
#include <dirent.h>
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

#include "base/err.h"
#include "base/mem.h"
#include "engine/drill.h"
#include "engine/drill_internal.h"
#include "engine/gap.h"
#include "engine/proof.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"

#define NOW ((int64_t)1795255200 * NS_PER_S) /* 2026-11-21 10:00 in UTC */
#define MINUTE ((int64_t)60 * NS_PER_S)
#define FILES 30

static const uint8_t secret[KEYFILE_SECRET_BYTES] = { 7, 7, 7 }; /* of realrepo.c */
static const struct keyfile_unlock unlock = { .secret = secret };

static struct realrepo repo;
static char scratch[160];
static struct drill_options options;
static struct drill_result result;
static size_t told, notes;

static void ok(int rc)
{
    if (rc != 0) {
        fail_msg("%s: %s", err_code_name(rc), err_last()->text);
    }
}

static void write_file(const char *name, uint64_t seed, size_t len)
{
    uint8_t *data = mem_alloc(len + 1);
    char path[200];

    realtree_content(seed, data, len);
    snprintf(path, sizeof path, "%s/%s", repo.tree, name);
    realtree_write(path, data, len);
    mem_free(data);
}

static void back_up(int64_t after_ns)
{
    struct backup_result made;

    repo.wall_ns += after_ns;
    ok(realrepo_backup(&repo, NULL, &made));
}

static int set_up(void **state)
{
    (void)state;
    realrepo_make(&repo, NOW, NULL);
    snprintf(scratch, sizeof scratch, "%s/scratch", repo.dir);
    assert_int_equal(mkdir(scratch, 0700), 0);
    for (unsigned i = 0; i < FILES; i++) {
        char name[20];

        snprintf(name, sizeof name, "file [%u]!", i);
        write_file(name, i, 2000);
    }
    back_up(0);
    options = (struct drill_options){ .env = &repo.env,
                                      .unlock = &unlock,
                                      .seed = 1,
                                      .scratch = scratch,
                                      .threads = 1,
                                      .host = "host",
                                      .user = "user",
                                      .tool = "tool" };
    memset(&result, 0, sizeof result);
    told = notes = 0;
    return 0;
}

static size_t debris(void)
{
    DIR *dir = opendir(scratch);
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        n++;
    }
    closedir(dir);
    return n - 2;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(debris(), 0);
    drill_result_release(&result);
    realrepo_remove(&repo);
    return 0;
}

static void on_mismatch(void *context, const char *object, size_t len, const char *why)
{
    (void)context;
    (void)object;
    (void)len;
    (void)why;
    told++;
}

static void on_note(void *context, const char *object, size_t len, const char *text)
{
    (void)context;
    (void)object;
    (void)len;
    (void)text;
    notes++;
}

static int drill(const char *kind)
{
    static const struct drill_events events = { .mismatch = on_mismatch, .note = on_note };

    drill_result_release(&result);
    memcpy(options.snapshot, realrepo_latest(&repo)->id, sizeof options.snapshot);
    return drill_run(drill_kind_find(kind), &options, &events, &result);
}

static size_t evidence_count(void)
{
    ok(repo_refresh(repo.repo));
    return proof_count(repo.repo);
}

/* Flips a bit in the middle of the largest segment: the content of files. */
static void damage(void)
{
    char path[600], largest[600] = "";
    off_t most = 0;
    struct dirent *e;
    struct stat st;
    DIR *dir;
    uint8_t byte;
    int fd;

    snprintf(path, sizeof path, "%s/segments", repo.at);
    dir = opendir(path);
    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "%s/segments/%s", repo.at, e->d_name);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > most) {
            most = st.st_size;
            memcpy(largest, path, sizeof largest);
        }
    }
    closedir(dir);
    assert_int_equal(chmod(largest, 0600), 0);
    fd = open(largest, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, 1000), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 1000), 1);
    close(fd);
}

/* ---- the table ---- */

static void test_drill_kinds_are_found_by_name(void **state)
{
    (void)state;
    assert_true(drill_kind_count() >= 5);
    for (size_t i = 0; i < drill_kind_count(); i++) {
        const struct drill_kind *k = drill_kind_at(i);

        assert_ptr_equal(drill_kind_find(k->name), k);
        assert_string_equal(evidence_kind_name(k->evidence), k->name);
        assert_true(k->fraction > 0 && k->fraction <= 1);
    }
    assert_null(drill_kind_find("sampel"));
    assert_string_equal(drill_kind_nearest("sampel")->name, "sample");
    assert_null(drill_kind_nearest("zzzzzzzz"));
}

/* ---- what is whole ---- */

static void test_drill_full_restores_and_publishes(void **state)
{
    struct proof p;
    int64_t value;

    (void)state;
    ok(drill("full"));
    assert_true(result.finished && result.passed && result.published);
    assert_int_equal(result.files, FILES);
    assert_int_equal(result.bytes, FILES * 2000);
    assert_string_equal(result.job, "default");
    assert_int_equal(result.mismatch_total, 0);
    assert_int_equal(evidence_count(), 1);
    ok(proof_newest(repo.repo, EVIDENCE_FULL, "default", &p));
    assert_true(p.evidence.passed);
    assert_memory_equal(p.id, result.evidence, 16);
    assert_memory_equal(p.evidence.snapshot, result.snapshot, 16);
    assert_int_equal(p.evidence.seed, 1);
    assert_true(evidence_number(&p.evidence, EVIDENCE_FILES, &value) && value == FILES);
    assert_true(evidence_number(&p.evidence, EVIDENCE_RTO_TOTAL, &value));
    assert_int_equal(value, result.rto.total_ns);
    assert_int_equal(value, result.rto.open_ns + result.rto.restore_ns + result.rto.verify_ns);
    assert_false(evidence_number(&p.evidence, EVIDENCE_RTO_PROBE, &value));
    proof_release(&p);
}

static void test_drill_sample_takes_as_many_files_as_it_was_told(void **state)
{
    (void)state;
    ok(drill("sample")); /* 1 %, but 100 at least */
    assert_int_equal(result.files, FILES);
    options.fraction = 0.2;
    ok(drill("sample"));
    assert_int_equal(result.files, 6);
    options.fraction = 0.001;
    ok(drill("sample"));
    assert_int_equal(result.files, 1);
}

static void test_drill_rpo_is_of_that_job_and_by_the_recorded_times(void **state)
{
    (void)state;
    ok(drill("sample"));
    assert_int_equal(result.rpo.newest_age_ns, 0);
    assert_int_equal(result.rpo.largest_gap_ns, DRILL_UNKNOWN_NS);
    write_file("more", 77, 500);
    back_up(3 * MINUTE);
    write_file("more", 78, 500);
    back_up(5 * MINUTE);
    repo.wall_ns += MINUTE;
    ok(drill("sample"));
    assert_int_equal(result.rpo.newest_age_ns, MINUTE);
    assert_int_equal(result.rpo.largest_gap_ns, 5 * MINUTE);
    assert_false(result.clock_flag);
}

static void test_drill_does_not_believe_a_clock_that_was_ahead(void **state)
{
    (void)state;
    back_up(60 * MINUTE);
    repo.wall_ns -= 50 * MINUTE;
    ok(drill("full"));
    assert_true(result.passed && result.clock_flag);
    assert_int_equal(result.rpo.newest_age_ns, DRILL_UNKNOWN_NS);
    assert_true(result.rto.total_ns > 0);
    assert_true(result.end_ns >= result.begin_ns);
    assert_true(notes > 0);
}

/* ---- moments ---- */

static void test_drill_pitr_resolves_moments_of_the_history(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        write_file("more", 100 + i, 5000);
        back_up(10 * MINUTE);
    }
    repo.wall_ns += 7 * MINUTE;
    for (options.seed = 1; options.seed < 5; options.seed++) {
        ok(drill("pitr"));
        assert_int_equal(result.points, 5);
        assert_int_equal(result.number, 0);
        assert_string_equal(result.job, "default");
        assert_true(result.files >= FILES);
    }
}

static void test_drill_pitr_knows_of_gaps(void **state)
{
    struct gap_begin begin = { .job = "default", .host = "host", .reason = GAPEVENT_OVERFLOW };
    uint8_t id[16];
    uint64_t number;

    (void)state;
    begin.begin_ns = repo.wall_ns + MINUTE;
    repo.wall_ns += 20 * MINUTE;
    ok(gap_open(repo.repo, &begin, id, &number));
    repo.wall_ns += 2000 * MINUTE;
    ok(drill("pitr"));
    assert_true(notes >= 4); /* nearly all of it lies in the gap */
    assert_int_equal(result.points, 5);
}

static void test_drill_pitr_needs_a_point(void **state)
{
    struct selector none;

    (void)state;
    ok(selector_parse("job:other", NOW, &none));
    options.filter = &none;
    assert_int_equal(drill("pitr"), HF_ENO_POINT);
    assert_false(result.finished);
    selector_release(&none);
    repo.wall_ns -= 60 * MINUTE; /* all points lie in the future */
    options.filter = NULL;
    assert_int_equal(drill("pitr"), HF_ENO_POINT);
    assert_int_equal(evidence_count(), 0);
}

/* ---- what is not ---- */

static void test_drill_names_what_is_lost(void **state)
{
    static const char *const kinds[] = { "full", "sample", "pitr" };
    struct proof p;

    (void)state;
    damage();
    options.fraction = 1;
    for (size_t i = 0; i < 3; i++) {
        told = 0;
        assert_int_equal(drill(kinds[i]), HF_EDRILL);
        assert_true(result.finished && !result.passed && result.published);
        assert_true(result.mismatch_total > 0);
        assert_int_equal(result.mismatch_total, told);
        assert_int_equal(result.mismatch_count, told);
        assert_non_null(strstr(result.mismatches[0].object, "/file ["));
        assert_int_equal(result.files + result.mismatch_total, FILES);
        ok(repo_refresh(repo.repo));
        ok(proof_newest(repo.repo, evidence_kind_parse(kinds[i]), NULL, &p));
        assert_false(p.evidence.passed);
        assert_int_equal(p.evidence.mismatch_total, told);
        assert_string_equal(p.evidence.mismatches[0].name, result.mismatches[0].object);
        proof_release(&p);
    }
}

/* Without the manifest there is nothing to choose from: that is a failure, and is on record. */
static void test_drill_of_a_part_fails_where_all_is_lost(void **state)
{
    static const char *const kinds[] = { "sample", "pitr" };
    char path[600], aside[600];
    struct proof p;

    (void)state;
    snprintf(path, sizeof path, "%s/segments", repo.at);
    snprintf(aside, sizeof aside, "%s/lost", repo.at);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    options.fraction = 0.5;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(drill(kinds[i]), HF_EDRILL);
        assert_true(result.finished && result.published && result.mismatch_total > 0);
        ok(repo_refresh(repo.repo));
        ok(proof_newest(repo.repo, evidence_kind_parse(kinds[i]), NULL, &p));
        assert_false(p.evidence.passed);
        proof_release(&p);
    }
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rename(aside, path), 0);
}

/* An entry of the journal has a limit, which must not keep a failure from being on record. */
static void test_drill_with_many_long_names_is_on_record(void **state)
{
    static char name[40000];
    struct drill d = { .kind = drill_kind_find("full"), .o = &options, .result = &result };
    struct proof p;

    (void)state;
    memset(name, 'n', sizeof name);
    for (unsigned i = 0; i < EVIDENCE_MAX_MISMATCHES; i++) {
        ok(drill_mismatch(&d, name, sizeof name, "why"));
    }
    ok(drill_publish(&d));
    repo_close(d.repo);
    ok(repo_refresh(repo.repo));
    ok(proof_newest(repo.repo, EVIDENCE_FULL, NULL, &p));
    assert_int_equal(p.evidence.mismatch_total, EVIDENCE_MAX_MISMATCHES);
    assert_true(p.evidence.mismatch_count > 10);
    proof_release(&p);
}

static void test_drill_keeps_a_bounded_number_of_mismatches(void **state)
{
    struct drill d = { .result = &result };

    (void)state;
    for (unsigned i = 0; i < EVIDENCE_MAX_MISMATCHES + 5; i++) {
        ok(drill_mismatch(&d, "object", 6, "why"));
    }
    ok(drill_fault(&d, "fault", "expected", "observed", false));
    ok(drill_fault(&d, "other", "expected", "expected", true));
    assert_int_equal(result.mismatch_count, EVIDENCE_MAX_MISMATCHES);
    assert_int_equal(result.mismatch_total, EVIDENCE_MAX_MISMATCHES + 6);
    assert_int_equal(result.fault_count, 2);
}

static void test_drill_that_is_not_finished_is_no_evidence(void **state)
{
    static const volatile sig_atomic_t cancel = 1;

    (void)state;
    options.max_space = 1000;
    assert_int_equal(drill("full"), HF_ENOSPC);
    options.max_space = 0;
    options.cancel = &cancel;
    assert_int_equal(drill("full"), HF_EINTERRUPTED);
    options.cancel = NULL;
    options.scratch = "/no/such/folder";
    assert_int_equal(drill("full"), HF_EABSENT);
    options.scratch = scratch;
    options.no_evidence = true;
    ok(drill("full"));
    assert_true(result.passed && !result.published);
    assert_int_equal(evidence_count(), 0);
}

static void test_drill_probe_tells_how_the_command_ended(void **state)
{
    (void)state;
    options.probe_limit_ns = 20 * NS_PER_S;
    options.probe = "test -s 'file [3]!' && echo here";
    ok(drill("probe"));
    assert_int_equal(result.probe_status, 0);
    assert_string_equal(result.probe_output, "here\n");
    assert_true(result.rto.probe_ns > 0);
    options.probe = "exit 9";
    assert_int_equal(drill("probe"), HF_EDRILL);
    assert_int_equal(result.probe_status, 9);
    assert_string_equal(result.mismatches[0].object, "the probe");
    options.probe = "kill -11 $$";
    assert_int_equal(drill("probe"), HF_EDRILL);
    assert_non_null(strstr(result.mismatches[0].why, "killed by signal 11"));
    assert_int_equal(evidence_count(), 3);
}

/* Whatever allocation fails: an error or a success, never half of one. */
static void test_drill_survives_a_lack_of_memory(void **state)
{
    (void)state;
    ok(drill("full"));
    options.no_evidence = true;
    for (uint64_t n = 1; n < 100000; n += 1 + n / 6) {
        uint64_t hits;
        int rc;

        drill_result_release(&result);
        mem_fail_at(n, 0);
        rc = drill_run(drill_kind_find(n % 2 == 0 ? "sample" : "pitr"), &options, NULL, &result);
        hits = mem_fail_hits();
        mem_fail_at(0, 0);
        if (rc != 0 && rc != HF_ENOMEM) {
            fail_msg("allocation %llu: %s: %s", (unsigned long long)n, err_code_name(rc),
                     err_last()->text);
        }
        if (hits == 0) {
            break;
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drill_kinds_are_found_by_name),
        TEST(test_drill_full_restores_and_publishes),
        TEST(test_drill_sample_takes_as_many_files_as_it_was_told),
        TEST(test_drill_rpo_is_of_that_job_and_by_the_recorded_times),
        TEST(test_drill_does_not_believe_a_clock_that_was_ahead),
        TEST(test_drill_pitr_resolves_moments_of_the_history),
        TEST(test_drill_pitr_knows_of_gaps),
        TEST(test_drill_pitr_needs_a_point),
        TEST(test_drill_names_what_is_lost),
        TEST(test_drill_of_a_part_fails_where_all_is_lost),
        TEST(test_drill_with_many_long_names_is_on_record),
        TEST(test_drill_keeps_a_bounded_number_of_mismatches),
        TEST(test_drill_that_is_not_finished_is_no_evidence),
        TEST(test_drill_probe_tells_how_the_command_ended),
        TEST(test_drill_survives_a_lack_of_memory),
    };

    return cmocka_run_group_tests_name("drill", tests, NULL, NULL);
}
