/*
 * test_proof.c - evidence is found again as it was published, with and without a cache; an entry
 * that was altered, exchanged or taken away proves nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/proof.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"

#define NOW ((int64_t)1795255200 * NS_PER_S) /* 2026-11-21 10:00 in UTC */
#define MINUTE ((int64_t)60 * NS_PER_S)

static int set_up(void **state)
{
    struct realrepo *r = mem_zalloc(sizeof *r);

    realrepo_make(r, NOW, NULL);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct realrepo *r = *state;

    realrepo_remove(r);
    mem_free(r);
    return 0;
}

/* One minute later, evidence of a job; the number of its entry. */
static uint64_t prove(struct realrepo *r, enum evidence_kind kind, const char *job)
{
    struct evidence e;
    uint64_t number;
    uint8_t id[16];

    r->wall_ns += MINUTE;
    evidence_init(&e);
    e.kind = kind;
    e.passed = true;
    e.end_ns = r->wall_ns;
    assert_int_equal(evidence_set_origin(&e, "host", "root", "0.1"), 0);
    assert_int_equal(evidence_add_text(&e, EVIDENCE_JOB, job), 0);
    assert_int_equal(proof_publish(r->repo, &e, id, &number), 0);
    evidence_release(&e);
    return number;
}

/* The path of an entry's file. */
static const char *entry_path(const struct realrepo *r, uint64_t number, char out[200])
{
    snprintf(out, 200, "%s/journal/%012llu", r->at, (unsigned long long)number);
    return out;
}

static void flip(const char *path, long offset)
{
    FILE *f;
    int byte;

    assert_int_equal(chmod(path, 0600), 0);
    f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
    byte = fgetc(f);
    assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
    fputc(byte ^ 1, f);
    fclose(f);
}

static void expect_newest(struct realrepo *r, enum evidence_kind kind, const char *job,
                          uint64_t number)
{
    struct proof p;

    assert_int_equal(proof_newest(r->repo, kind, job, &p), 0);
    assert_int_equal(p.number, number);
    assert_int_equal(p.evidence.kind, kind);
    proof_release(&p);
}

static void test_proof_is_found_with_and_without_a_cache(void **state)
{
    struct realrepo *r = *state;
    uint64_t first = prove(r, EVIDENCE_FULL, "web"), second = prove(r, EVIDENCE_FULL, "db");
    struct proof p;

    prove(r, EVIDENCE_SIGNOFF, "db");
    for (int i = 0; i < 3; i++) {
        expect_newest(r, EVIDENCE_FULL, NULL, second);
        expect_newest(r, EVIDENCE_FULL, "web", first);
        assert_int_equal(proof_newest(r->repo, EVIDENCE_PITR, NULL, &p), HF_EABSENT);
        assert_int_equal(proof_newest(r->repo, EVIDENCE_FULL, "mail", &p), HF_EABSENT);
        assert_int_equal(proof_count(r->repo), 3);
        assert_int_equal(proof_kind(r->repo, 2), EVIDENCE_SIGNOFF);
        assert_true(proof_time_ns(r->repo, 0) == NOW + MINUTE);
        realrepo_reopen(r, i > 0);
    }
}

static void test_proof_names_the_program_and_the_key(void **state)
{
    static const uint8_t zeros[EVIDENCE_HASH_BYTES];
    struct realrepo *r = *state;
    uint8_t tool[EVIDENCE_HASH_BYTES];
    struct proof p;

    prove(r, EVIDENCE_FULL, "web");
    proof_tool_hash(tool);
    assert_memory_not_equal(tool, zeros, sizeof tool);
    assert_int_equal(proof_read(r->repo, 0, &p), 0);
    assert_memory_equal(p.evidence.tool_hash, tool, sizeof tool);
    assert_memory_not_equal(p.evidence.key, zeros, sizeof zeros);
    assert_string_equal(p.evidence.host, "host");
    proof_release(&p);
}

static void test_proof_with_any_byte_altered_proves_nothing(void **state)
{
    static const long places[] = { 0, 30, 90, -256, -200, -100, -65, -64, -1 };
    struct realrepo *r = *state;
    char path[200];
    struct proof p;

    prove(r, EVIDENCE_FULL, "web");
    entry_path(r, prove(r, EVIDENCE_FULL, "web"), path);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        flip(path, places[i]);
        assert_true(proof_newest(r->repo, EVIDENCE_FULL, NULL, &p) < 0); /* not the older one */
        assert_null(p.evidence.host);
        flip(path, places[i]);
    }
    assert_int_equal(proof_newest(r->repo, EVIDENCE_FULL, NULL, &p), 0);
    proof_release(&p);
}

static void test_proof_that_was_taken_away_or_exchanged_proves_nothing(void **state)
{
    struct realrepo *r = *state;
    char first[200], second[200], aside[220];
    struct proof p;

    entry_path(r, prove(r, EVIDENCE_FULL, "web"), first);
    entry_path(r, prove(r, EVIDENCE_FULL, "web"), second);
    snprintf(aside, sizeof aside, "%s.aside", second);
    assert_int_equal(rename(second, aside), 0);
    assert_int_equal(proof_newest(r->repo, EVIDENCE_FULL, NULL, &p), HF_EDAMAGE);
    assert_int_equal(link(first, second), 0); /* replayed */
    assert_int_equal(proof_newest(r->repo, EVIDENCE_FULL, NULL, &p), HF_EDAMAGE);
    assert_int_equal(unlink(second), 0);
    assert_int_equal(rename(aside, second), 0);
    assert_int_equal(proof_newest(r->repo, EVIDENCE_FULL, NULL, &p), 0);
    proof_release(&p);
}

/* Whoever edits a cache can call a check a drill; the entry says what it is. */
static void test_proof_is_of_the_kind_that_its_entry_says(void **state)
{
    struct realrepo *r = *state;
    struct catalog_evidence *where;
    struct proof p;

    (void)prove(r, EVIDENCE_CHECK, "web");
    assert_int_equal(proof_count(r->repo), 1);
    where = (struct catalog_evidence *)(uintptr_t)catalog_evidence(repo_catalog(r->repo), 0);
    where->kind = EVIDENCE_FULL;
    assert_int_equal(proof_newest(r->repo, EVIDENCE_FULL, NULL, &p), HF_EDAMAGE);
    assert_non_null(strstr(err_last()->text, "of another kind"));
}

/* Of two segments the first is verified; which one is remembered from the journal or the cache. */
static void test_proof_of_a_check_counts_the_bytes_it_verified(void **state)
{
    struct realrepo *r = *state;
    uint64_t verified, all, number, first;
    struct backup_result backed_up;
    char path[200];
    struct evidence e;
    uint8_t id[16];

    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/file%d", r->tree, i);
        realtree_write(path, path, strlen(path));
        assert_int_equal(realrepo_backup(r, NULL, &backed_up), 0);
    }
    first = catalog_segment(repo_catalog(r->repo), 0)->file_len;
    evidence_init(&e);
    e.kind = EVIDENCE_CHECK;
    assert_int_equal(evidence_add_verified(&e, 0), 0);
    assert_int_equal(evidence_add_verified(&e, 1000), 0); /* not there: vouches for nothing */
    assert_int_equal(proof_publish(r->repo, &e, id, &number), 0);
    evidence_release(&e);
    for (int i = 0; i < 3; i++) {
        proof_verified_within(r->repo, r->wall_ns, r->wall_ns, &verified, &all);
        assert_int_equal(verified, first);
        assert_true(all > first);
        proof_verified_within(r->repo, r->wall_ns + 1, INT64_MAX, &verified, &all);
        assert_int_equal(verified, 0);
        proof_verified_within(r->repo, 0, r->wall_ns - 1, &verified, &all); /* of the future */
        assert_int_equal(verified, 0);
        realrepo_reopen(r, i > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_proof_is_found_with_and_without_a_cache, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_proof_names_the_program_and_the_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_proof_with_any_byte_altered_proves_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_proof_that_was_taken_away_or_exchanged_proves_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_proof_is_of_the_kind_that_its_entry_says, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_proof_of_a_check_counts_the_bytes_it_verified, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
