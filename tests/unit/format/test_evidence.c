/*
 * test_evidence.c - what was proved comes back as it was; anything else is damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/commit.h"
#include "format/evidence.h"

static void fill(struct evidence *e)
{
    evidence_init(e);
    e->kind = EVIDENCE_FULL;
    e->passed = true;
    e->begin_ns = -7;
    e->end_ns = 1790000000000000000;
    e->seed = 42;
    memset(e->snapshot, 3, sizeof e->snapshot);
    memset(e->key, 4, sizeof e->key);
    assert_int_equal(evidence_set_origin(e, "web1", "root", "0.1"), 0);
    assert_int_equal(evidence_add_number(e, EVIDENCE_RTO_TOTAL, 1234567890), 0);
    assert_int_equal(evidence_add_number(e, EVIDENCE_FILES, -1), 0);
    assert_int_equal(evidence_add_text(e, EVIDENCE_JOB, "home"), 0);
    assert_int_equal(evidence_add_verified(e, 0), 0);
    assert_int_equal(evidence_add_verified(e, 1), 0);
    assert_int_equal(evidence_add_verified(e, 5), 0);
    assert_int_equal(evidence_add_mismatch(e, "/etc/passwd", "its content differs"), 0);
}

static void encode(struct buf *out)
{
    struct evidence e;

    fill(&e);
    buf_init(out);
    assert_int_equal(evidence_encode(&e, out), 0);
    evidence_release(&e);
}

static int decode(const uint8_t *data, size_t len, struct evidence *out)
{
    uint8_t *exact = mem_dup(data, len);
    int rc = evidence_decode(exact, len, out);

    mem_free(exact);
    return rc;
}

static void test_evidence_comes_back_as_it_was(void **state)
{
    struct evidence e;
    struct buf b;
    int64_t n = 0;

    (void)state;
    encode(&b);
    assert_int_equal(decode(b.data, b.len, &e), 0);
    assert_int_equal(e.kind, EVIDENCE_FULL);
    assert_true(e.passed);
    assert_true(e.begin_ns == -7 && e.end_ns == 1790000000000000000 && e.seed == 42);
    assert_string_equal(e.host, "web1");
    assert_string_equal(e.user, "root");
    assert_string_equal(e.tool, "0.1");
    assert_true(evidence_number(&e, EVIDENCE_RTO_TOTAL, &n) && n == 1234567890);
    assert_true(evidence_number(&e, EVIDENCE_FILES, &n) && n == -1);
    assert_false(evidence_number(&e, EVIDENCE_BYTES, &n));
    assert_string_equal(evidence_text(&e, EVIDENCE_JOB), "home");
    assert_null(evidence_text(&e, EVIDENCE_ROLE));
    assert_int_equal(e.verified_count, 2);
    assert_int_equal(e.verified[0].first, 0);
    assert_int_equal(e.verified[0].count, 2);
    assert_int_equal(e.verified[1].first, 5);
    assert_int_equal(e.mismatch_total, 1);
    assert_string_equal(e.mismatches[0].name, "/etc/passwd");
    assert_string_equal(e.mismatches[0].value, "its content differs");
    evidence_release(&e);
    buf_release(&b);
}

static void test_evidence_that_is_cut_short_is_damage(void **state)
{
    struct evidence e;
    struct buf b;

    (void)state;
    encode(&b);
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(decode(b.data, len, &e), HF_EDAMAGE);
    }
    buf_put_u8(&b, 0);
    assert_int_equal(decode(b.data, b.len, &e), HF_EDAMAGE);
    buf_release(&b);
}

static void test_evidence_of_another_version_needs_a_newer_program(void **state)
{
    struct evidence e;
    struct buf b;

    (void)state;
    encode(&b);
    b.data[0] = 1;
    assert_int_equal(decode(b.data, b.len, &e), HF_ENEWER);
    b.data[0] = 0;
    b.data[1] = 0; /* of no kind */
    assert_int_equal(decode(b.data, b.len, &e), HF_EDAMAGE);
    b.data[1] = 99; /* of a kind that is not known: it is shown all the same */
    assert_int_equal(decode(b.data, b.len, &e), 0);
    assert_string_equal(evidence_kind_name(e.kind), "unknown");
    evidence_release(&e);
    b.data[2] = 2; /* neither passed nor failed */
    assert_int_equal(decode(b.data, b.len, &e), HF_EDAMAGE);
    buf_release(&b);
}

/* Each set of segments has one encoding: spans neither touch nor are empty. */
static void test_evidence_refuses_spans_that_are_none(void **state)
{
    static const uint8_t wrong[][3] = { { 1, 0, 0 }, { 1, 4, 0 } };
    struct evidence e;
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        evidence_init(&e);
        e.kind = EVIDENCE_CHECK;
        buf_init(&b);
        assert_int_equal(evidence_encode(&e, &b), 0);
        assert_int_equal(b.data[b.len - 3], 0); /* no spans, nothing found, nothing kept */
        b.len -= 3;
        buf_put(&b, wrong[i], 3);
        buf_put_u8(&b, 0);
        buf_put_u8(&b, 0);
        assert_int_equal(decode(b.data, b.len, &e), HF_EDAMAGE);
        buf_release(&b);
    }
}

static void test_evidence_counts_mismatches_beyond_those_it_keeps(void **state)
{
    struct evidence e;
    struct buf b;

    (void)state;
    evidence_init(&e);
    e.kind = EVIDENCE_SAMPLE;
    for (int i = 0; i < 1500; i++) {
        char name[32];

        snprintf(name, sizeof name, "file %d", i);
        assert_int_equal(evidence_add_mismatch(&e, name, "is missing"), 0);
    }
    buf_init(&b);
    assert_int_equal(evidence_encode(&e, &b), 0);
    evidence_release(&e);
    assert_int_equal(decode(b.data, b.len, &e), 0);
    assert_int_equal(e.mismatch_total, 1500);
    assert_int_equal(e.mismatch_count, EVIDENCE_MAX_MISMATCHES);
    assert_string_equal(e.mismatches[999].name, "file 999");
    evidence_release(&e);
    buf_release(&b);
}

static void test_evidence_with_a_text_that_is_too_long_is_refused(void **state)
{
    char *text = mem_zalloc(COMMIT_MAX_TEXT + 2);
    struct evidence e;
    struct buf b;

    (void)state;
    memset(text, 'a', COMMIT_MAX_TEXT + 1);
    evidence_init(&e);
    e.kind = EVIDENCE_PROBE;
    assert_int_equal(evidence_add_text(&e, "output", text), 0);
    buf_init(&b);
    assert_int_equal(evidence_encode(&e, &b), HF_ELIMIT);
    buf_release(&b);
    evidence_release(&e);
    mem_free(text);
}

static void test_evidence_kinds_have_names(void **state)
{
    (void)state;
    for (int kind = EVIDENCE_SAMPLE; kind <= EVIDENCE_RUNBOOK; kind++) {
        const char *name = evidence_kind_name((enum evidence_kind)kind);

        assert_int_equal(evidence_kind_parse(name), kind);
        assert_true(evidence_is_drill((enum evidence_kind)kind));
    }
    assert_int_equal(evidence_kind_parse("signoff"), EVIDENCE_SIGNOFF);
    assert_false(evidence_is_drill(EVIDENCE_CHECK));
    assert_int_equal(evidence_kind_parse("unknown"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evidence_comes_back_as_it_was),
        cmocka_unit_test(test_evidence_that_is_cut_short_is_damage),
        cmocka_unit_test(test_evidence_of_another_version_needs_a_newer_program),
        cmocka_unit_test(test_evidence_refuses_spans_that_are_none),
        cmocka_unit_test(test_evidence_counts_mismatches_beyond_those_it_keeps),
        cmocka_unit_test(test_evidence_with_a_text_that_is_too_long_is_refused),
        cmocka_unit_test(test_evidence_kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
