/*
 * test_commit.c - a commit's plaintext comes back whole, and hostile ones are refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "format/commit.h"

static void says(int rc, int code, const char *text)
{
    if (strstr(err_last()->text, text) == NULL) {
        print_error("expected '%s' in '%s'\n", text, err_last()->text);
    }
    assert_int_equal(rc, code);
    assert_non_null(strstr(err_last()->text, text));
}

static char *random_text(struct rnd *r)
{
    size_t len = (size_t)rnd_below(r, 40);
    char *text = mem_zalloc(len + 1);

    for (size_t i = 0; i < len; i++) {
        text[i] = (char)(1 + rnd_below(r, 255));
    }
    return text;
}

static char **random_list(struct rnd *r, size_t *out_count)
{
    char **texts;

    *out_count = (size_t)rnd_below(r, 6);
    texts = mem_array(*out_count, sizeof *texts);
    for (size_t i = 0; i < *out_count; i++) {
        texts[i] = random_text(r);
    }
    return texts;
}

static void random_commit(struct rnd *r, struct commit *c)
{
    memset(c, 0, sizeof *c);
    c->class = (enum commit_class)rnd_below(r, 3);
    c->flags = (uint8_t)rnd_below(r, 8);
    c->job = random_text(r);
    c->host = random_text(r);
    c->user = random_text(r);
    c->paths = random_list(r, &c->path_count);
    c->tags = random_list(r, &c->tag_count);
    c->begin_ns = (int64_t)rnd_u64(r);
    c->end_ns = (int64_t)rnd_u64(r);
    assert_int_equal(rnd_bytes(r, c->parent, sizeof c->parent), 0);
    assert_int_equal(rnd_bytes(r, c->root, sizeof c->root), 0);
    c->counts = (struct commit_counts){
        rnd_u64(r), 0, 127, 128, 16383, 16384, UINT64_MAX, rnd_u64(r) >> 20, 1, rnd_below(r, 5), 2
    };
    c->tool = random_text(r);
}

static void assert_lists_equal(char **a, size_t a_count, char **b, size_t b_count)
{
    assert_int_equal(a_count, b_count);
    for (size_t i = 0; i < a_count; i++) {
        assert_string_equal(a[i], b[i]);
    }
}

static void assert_commits_equal(const struct commit *a, const struct commit *b)
{
    assert_int_equal(a->class, b->class);
    assert_int_equal(a->flags, b->flags);
    assert_string_equal(a->job, b->job);
    assert_string_equal(a->host, b->host);
    assert_string_equal(a->user, b->user);
    assert_lists_equal(a->paths, a->path_count, b->paths, b->path_count);
    assert_lists_equal(a->tags, a->tag_count, b->tags, b->tag_count);
    assert_true(a->begin_ns == b->begin_ns && a->end_ns == b->end_ns);
    assert_memory_equal(a->parent, b->parent, sizeof a->parent);
    assert_memory_equal(a->root, b->root, sizeof a->root);
    assert_memory_equal(&a->counts, &b->counts, sizeof a->counts);
    assert_string_equal(a->tool, b->tool);
}

static void test_commit_comes_back(void **state)
{
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 1);
    for (int i = 0; i < 300; i++) {
        struct commit in, out;
        struct buf b;

        buf_init(&b);
        random_commit(&r, &in);
        assert_int_equal(commit_encode(&in, &b), 0);
        assert_int_equal(commit_decode(b.data, b.len, &out), 0);
        assert_commits_equal(&in, &out);
        commit_release(&in);
        commit_release(&out);
        buf_release(&b);
    }
}

static void test_commit_has_one_encoding(void **state)
{
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 2);
    for (int i = 0; i < 2000; i++) { /* whatever decodes, encodes to the same bytes */
        struct commit c;
        struct buf a, b;

        buf_init(&a);
        buf_init(&b);
        random_commit(&r, &c);
        assert_int_equal(commit_encode(&c, &a), 0);
        commit_release(&c);
        a.data[rnd_below(&r, a.len)] ^= (uint8_t)(1u << rnd_below(&r, 8));
        if (commit_decode(a.data, a.len, &c) == 0) {
            assert_int_equal(commit_encode(&c, &b), 0);
            assert_int_equal(a.len, b.len);
            assert_memory_equal(a.data, b.data, a.len);
            commit_release(&c);
        }
        buf_release(&a);
        buf_release(&b);
    }
}

static void test_commit_without_texts_has_empty_ones_when_decoded(void **state)
{
    struct commit in, out;
    struct buf b;

    (void)state;
    memset(&in, 0, sizeof in);
    buf_init(&b);
    assert_int_equal(commit_encode(&in, &b), 0);
    assert_int_equal(commit_decode(b.data, b.len, &out), 0);
    assert_string_equal(out.job, "");
    assert_string_equal(out.host, "");
    assert_string_equal(out.user, "");
    assert_string_equal(out.tool, "");
    assert_int_equal(out.path_count + out.tag_count, 0);
    commit_release(&out);
    buf_release(&b);
}

/* version, class, flags, "j", "h", "u", one path "/p", no tags, ... */
static void sample(struct buf *b)
{
    char *paths[] = { (char *)(uintptr_t) "/p" };
    struct commit c;

    memset(&c, 0, sizeof c);
    c.job = (char *)(uintptr_t) "j";
    c.host = (char *)(uintptr_t) "h";
    c.user = (char *)(uintptr_t) "u";
    c.paths = paths;
    c.path_count = 1;
    c.tool = (char *)(uintptr_t) "t";
    buf_init(b);
    assert_int_equal(commit_encode(&c, b), 0);
}

static int decode_with(size_t at, uint8_t value)
{
    struct commit c;
    struct buf b;
    int rc;

    sample(&b);
    b.data[at] = value;
    rc = commit_decode(b.data, b.len, &c);
    if (rc == 0) {
        commit_release(&c);
    }
    buf_release(&b);
    return rc;
}

static void test_commit_with_a_wrong_field_is_refused(void **state)
{
    (void)state;
    assert_int_equal(decode_with(4, 'k'), 0);
    says(decode_with(0, 1), HF_ENEWER, "version 1");
    says(decode_with(1, 3), HF_ENEWER, "class 3");
    says(decode_with(2, 16), HF_ENEWER, "flags 16");
    assert_non_null(strstr(err_last()->hint, "newer holdfast"));
    says(decode_with(4, 0), HF_EDAMAGE, "job contains a zero byte (offset 3)");
    says(decode_with(11, 0), HF_EDAMAGE, "paths contains a zero byte (offset 10)");
    says(decode_with(3, 0xff), HF_EDAMAGE, "job does not end");
    says(decode_with(9, 0x7f), HF_EDAMAGE, "paths are more than there can be (offset 9)");
}

static void test_commit_with_a_longer_varint_is_damage(void **state)
{
    struct commit c;
    struct buf b, longer;

    (void)state;
    sample(&b);
    buf_init(&longer);
    buf_put(&longer, b.data, 3);
    buf_put_u8(&longer, 0x81); /* the job's length 1, in two bytes */
    buf_put_u8(&longer, 0x00);
    buf_put(&longer, b.data + 4, b.len - 4);
    says(commit_decode(longer.data, longer.len, &c), HF_EDAMAGE, "job");
    buf_release(&longer);
    buf_release(&b);
}

static void test_commit_cut_or_longer_is_damage(void **state)
{
    struct commit c;
    struct buf b;

    (void)state;
    sample(&b);
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *exact = mem_dup(b.data, len);

        assert_int_equal(commit_decode(exact, len, &c), HF_EDAMAGE);
        mem_free(exact);
    }
    buf_put_u8(&b, 0);
    says(commit_decode(b.data, b.len, &c), HF_EDAMAGE, "end is not where it must be");
    buf_release(&b);
}

static void test_commit_too_large_to_be_read_is_not_written(void **state)
{
    char *text = mem_alloc(COMMIT_MAX_TEXT + 2);
    struct commit c;
    struct buf b;

    (void)state;
    memset(&c, 0, sizeof c);
    memset(text, 'x', COMMIT_MAX_TEXT + 1);
    text[COMMIT_MAX_TEXT + 1] = 0;
    buf_init(&b);
    c.job = text;
    says(commit_encode(&c, &b), HF_ELIMIT, "job");
    c.job = NULL;
    text[1] = 0;
    c.paths = &text;
    c.path_count = COMMIT_MAX_LIST + 1;
    says(commit_encode(&c, &b), HF_ELIMIT, "paths");
    buf_release(&b);
    mem_free(text);
}

static void test_commit_copy_is_equal_and_its_own(void **state)
{
    struct commit in, out;
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 3);
    random_commit(&r, &in);
    assert_int_equal(commit_copy(&in, &out), 0);
    assert_commits_equal(&in, &out);
    assert_ptr_not_equal(in.job, out.job);
    commit_release(&in);
    commit_release(&out);
    memset(&in, 0, sizeof in);
    assert_int_equal(commit_copy(&in, &out), 0);
    assert_string_equal(out.job, "");
    commit_release(&out);
}

static void test_commit_tags_are_replaced(void **state)
{
    char *tags[] = { (char *)(uintptr_t) "a", (char *)(uintptr_t) "b" };
    uint8_t id[16] = { 7 }, got[16];
    struct commit c, d;
    struct buf b;
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 4);
    random_commit(&r, &c);
    assert_int_equal(commit_set_tags(&c, tags, 2), 0);
    assert_lists_equal(c.tags, c.tag_count, tags, 2);
    buf_init(&b);
    assert_int_equal(commit_tags_encode(id, tags, 1, &b), 0);
    assert_int_equal(commit_copy(&c, &d), 0);
    assert_int_equal(commit_tags_decode(b.data, b.len, got, &d), 0);
    assert_memory_equal(id, got, 16);
    assert_lists_equal(d.tags, d.tag_count, tags, 1);
    assert_string_equal(d.job, c.job);
    for (size_t len = 0; len < b.len; len++) { /* and a failure changes nothing */
        assert_int_equal(commit_tags_decode(b.data, len, got, &d), HF_EDAMAGE);
        assert_lists_equal(d.tags, d.tag_count, tags, 1);
    }
    buf_put_u8(&b, 0);
    assert_int_equal(commit_tags_decode(b.data, b.len, got, &d), HF_EDAMAGE);
    buf_release(&b);
    commit_release(&c);
    commit_release(&d);
}

/* Each of the operations below, failing at every allocation: an error, and nothing lost. */
static int decode_and_copy(const struct buf *b)
{
    char *tags[] = { (char *)(uintptr_t) "a", (char *)(uintptr_t) "b" };
    struct commit c, d;
    int rc = commit_decode(b->data, b->len, &c);

    if (rc != 0) {
        return rc;
    }
    rc = commit_copy(&c, &d);
    if (rc == 0) {
        rc = commit_set_tags(&d, tags, 2);
        commit_release(&d);
    }
    commit_release(&c);
    return rc;
}

static void test_commit_survives_every_failed_allocation(void **state)
{
    struct buf b;
    int rc = HF_ENOMEM;

    (void)state;
    sample(&b);
    for (uint64_t n = 1; rc != 0; n++) {
        mem_fail_at(n, 0);
        rc = decode_and_copy(&b);
        assert_true(rc == HF_ENOMEM || (rc == 0 && mem_fail_hits() == 0));
        mem_fail_at(0, 0);
    }
    buf_release(&b);
}

static void test_commit_allocates_no_more_than_its_bytes_justify(void **state)
{
    uint8_t hostile[16] = { 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x03 }; /* 65,535 paths */
    struct commit c;
    uint64_t before = mem_alloc_count();

    (void)state;
    assert_int_equal(commit_decode(hostile, sizeof hostile, &c), HF_EDAMAGE);
    assert_int_equal(mem_alloc_count() - before, 3); /* job, host, user: no list */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit_comes_back),
        cmocka_unit_test(test_commit_has_one_encoding),
        cmocka_unit_test(test_commit_without_texts_has_empty_ones_when_decoded),
        cmocka_unit_test(test_commit_with_a_wrong_field_is_refused),
        cmocka_unit_test(test_commit_with_a_longer_varint_is_damage),
        cmocka_unit_test(test_commit_cut_or_longer_is_damage),
        cmocka_unit_test(test_commit_too_large_to_be_read_is_not_written),
        cmocka_unit_test(test_commit_copy_is_equal_and_its_own),
        cmocka_unit_test(test_commit_tags_are_replaced),
        cmocka_unit_test(test_commit_survives_every_failed_allocation),
        cmocka_unit_test(test_commit_allocates_no_more_than_its_bytes_justify),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
