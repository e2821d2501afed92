/*
 * test_runbook.c - which commands a runbook holds, and what one of a repository says.
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
#include "engine/proof.h"
#include "engine/runbook.h"
#include "engine/runbook_blocks.h"
#include "engine/timeline.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"

/* --- the blocks --- */

static struct runbook_blocks blocks;

static int parse(const char *text)
{
    runbook_blocks_release(&blocks);
    return runbook_blocks_parse(text, strlen(text), &blocks);
}

static int release(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    runbook_blocks_release(&blocks);
    return 0;
}

static void test_blocks_have_names_titles_and_exits(void **state)
{
    const char text[] = "# All\n\n```sh settings\nA=1\n```\n"
                        "## 2. Look \\_here\\_\r\n"
                        "```text\nsh is not meant\n```\n"
                        "```sh look exit=3\r\none\r\ntwo\r\n```\r\n"
                        "`````sh\n```\ninner\n`````\n"
                        "``` sh  last\n```";

    (void)state;
    assert_int_equal(parse(text), 0);
    assert_int_equal(blocks.count, 4);
    assert_string_equal(blocks.list[0].name, "settings");
    assert_string_equal(blocks.list[0].title, "All");
    assert_string_equal(blocks.list[0].commands, "A=1\n");
    assert_int_equal(blocks.list[0].expected, 0);
    assert_string_equal(blocks.list[1].name, "look");
    assert_string_equal(blocks.list[1].title, "2. Look _here_");
    assert_string_equal(blocks.list[1].commands, "one\ntwo\n");
    assert_int_equal(blocks.list[1].expected, 3);
    assert_int_equal(blocks.list[1].line, 10);
    assert_string_equal(blocks.list[2].name, "step-3");
    assert_string_equal(blocks.list[2].commands, "```\ninner\n");
    assert_string_equal(blocks.list[3].name, "last");
    assert_string_equal(blocks.list[3].commands, "");
    assert_ptr_equal(runbook_blocks_find(&blocks, "look"), &blocks.list[1]);
    assert_null(runbook_blocks_find(&blocks, "loo"));
}

static void refuses(const char *text, const char *why)
{
    assert_int_equal(parse(text), HF_EUSAGE);
    if (strstr(err_last()->text, why) == NULL) {
        fail_msg("%s: not about \"%s\"", err_last()->text, why);
    }
}

static void test_blocks_that_are_none_are_refused(void **state)
{
    struct buf many;

    (void)state;
    refuses("", "no commands");
    refuses("text\n```text\nx\n```\n```shell\nx\n```\n", "no commands");
    refuses("a\n```sh\nx\n", "line 2: the block that begins here does not end");
    refuses("```text\nx\n", "line 1: the block that begins here does not end");
    refuses("```sh a\nx\n```\n```sh a\ny\n```\n", "line 4: there are two steps \"a\"");
    refuses("```sh A\n```\n", "behind \"sh\"");
    refuses("```sh a b\n```\n", "behind \"sh\"");
    refuses("```sh a exit=256\n```\n", "exit= takes a number");
    refuses("```sh a exit=\n```\n", "exit= takes a number");
    refuses("```sh a-name-that-is-longer-than-any-name-may-be\n```\n", "behind \"sh\"");
    refuses("```sh a\n```\n```sh settings\n```\n", "the settings must come before");
    runbook_blocks_release(&blocks);
    assert_int_equal(runbook_blocks_parse("a\0b", 3, &blocks), HF_EUSAGE);
    buf_init(&many);
    for (unsigned i = 0; i <= RUNBOOK_BLOCKS_MOST; i++) {
        buf_printf(&many, "```sh\n:\n```\n");
    }
    refuses(buf_text(&many), "too many steps");
    buf_release(&many);
}

static void test_blocks_survive_a_lack_of_memory(void **state)
{
    int rc = HF_ENOMEM;

    (void)state;
    for (uint64_t n = 1; rc != 0; n++) {
        mem_fail_at(n, 0);
        rc = parse("# T\n```sh one\na\n```\n```text\nx\n```\n```sh\nb\n```\n");
        mem_fail_at(0, 0);
        assert_true(rc == 0 || rc == HF_ENOMEM);
        assert_true(n < 200);
    }
    assert_int_equal(blocks.count, 2);
}

/* --- a runbook --- */

static struct realrepo repo;
static struct buf text;

static int make_repository(void **state)
{
    struct backup_options o = { .job = "it's *mine*\\<b>\x1b", .threads = 1 };
    struct backup_result result;
    char path[200];

    (void)state;
    buf_init(&text);
    realrepo_make(&repo, 0, NULL);
    snprintf(path, sizeof path, "%s/file", repo.tree);
    realtree_write(path, "content", 7);
    return realrepo_backup(&repo, &o, &result);
}

static int remove_repository(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    buf_release(&text);
    realrepo_remove(&repo);
    return 0;
}

static int make_text(void)
{
    struct timeline *t = NULL;
    struct runbook_options o = { .location = "/srv/it's here", .tool = "holdfast 1", .host = "h" };
    struct runbook book;
    int rc = timeline_new(repo_catalog(repo.repo), clock_wall(&repo.clock), &t);

    buf_clear(&text);
    if (rc != 0) {
        return rc;
    }
    o.point = timeline_point(t, 0);
    rc = runbook_make(repo.repo, &o, &book);
    if (rc == 0) {
        rc = runbook_markdown(&book, &text);
    }
    runbook_release(&book);
    timeline_free(t);
    return rc;
}

static void says(const char *what)
{
    if (strstr(buf_text(&text), what) == NULL) {
        fail_msg("the runbook does not say \"%s\":\n%s", what, buf_text(&text));
    }
}

/* Names are data, to Markdown and to the shell. */
static void test_runbook_quotes_what_it_is_about(void **state)
{
    (void)state;
    assert_int_equal(make_text(), 0);
    says("HOLDFAST_REPOSITORY='/srv/it'\\''s here'");
    says("POINT='job:it'\\''s *mine*\\<b>\x1b,host:host,latest'");
    says("job it's \\*mine\\*\\\\\\<b\\>  of host");
    says("**It takes**: not measured yet");
    says("--key-file \"$KEY\"");
    assert_int_equal(parse(buf_text(&text)), 0);
    assert_int_equal(blocks.count, 7);
    assert_string_equal(blocks.list[0].name, RUNBOOK_SETTINGS);
    runbook_blocks_release(&blocks);
}

static void publish(enum evidence_kind kind, const char *name, int64_t ns)
{
    struct evidence e;
    uint8_t id[16];
    uint64_t number;

    evidence_init(&e);
    e.kind = kind;
    e.passed = true;
    assert_int_equal(evidence_set_origin(&e, "h", "u", "t"), 0);
    assert_int_equal(evidence_add_number(&e, name, ns), 0);
    assert_int_equal(proof_publish(repo.repo, &e, id, &number), 0);
    evidence_release(&e);
}

/* Of its own drill if there was one, else of one that measures the same. */
static void test_runbook_says_how_long_each_step_took(void **state)
{
    (void)state;
    publish(EVIDENCE_FULL, EVIDENCE_RTO_RESTORE, 90 * NS_PER_S);
    assert_int_equal(make_text(), 0);
    says("**It takes**: 1m 30s, in the full drill of ");
    publish(EVIDENCE_COLD, EVIDENCE_RTO_RESTORE, 95 * NS_PER_S);
    assert_int_equal(make_text(), 0);
    says("**It takes**: 1m 35s, in the cold drill of ");
    publish(EVIDENCE_RUNBOOK, "step_restore_ns", 100 * NS_PER_S);
    assert_int_equal(make_text(), 0);
    says("**It takes**: 1m 40s, in the runbook drill of ");
    says("**Time**: not measured yet");
    publish(EVIDENCE_RUNBOOK, EVIDENCE_RTO_TOTAL, 200 * NS_PER_S);
    assert_int_equal(make_text(), 0);
    says("**Time**: 3m 20s, in the runbook drill of ");
}

static void test_evidence_says_which_kind_of_key_it_was(void **state)
{
    struct proof p;

    (void)state;
    publish(EVIDENCE_COLD, EVIDENCE_RTO_TOTAL, 1);
    assert_int_equal(proof_newest(repo.repo, EVIDENCE_COLD, NULL, &p), 0);
    assert_string_equal(evidence_text(&p.evidence, EVIDENCE_KEY_KIND), "key-file");
    proof_release(&p);
}

static void test_runbook_survives_a_lack_of_memory(void **state)
{
    int rc = HF_ENOMEM;

    (void)state;
    for (uint64_t n = 1; rc != 0; n += 1 + n / 16) {
        mem_fail_at(n, 0);
        rc = make_text();
        mem_fail_at(0, 0);
        assert_true(rc == 0 || rc == HF_ENOMEM);
        assert_true(n < 20000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_blocks_have_names_titles_and_exits, release),
        cmocka_unit_test_teardown(test_blocks_that_are_none_are_refused, release),
        cmocka_unit_test_teardown(test_blocks_survive_a_lack_of_memory, release),
        cmocka_unit_test_setup_teardown(test_runbook_quotes_what_it_is_about, make_repository,
                                        remove_repository),
        cmocka_unit_test_setup_teardown(test_runbook_says_how_long_each_step_took, make_repository,
                                        remove_repository),
        cmocka_unit_test_setup_teardown(test_evidence_says_which_kind_of_key_it_was,
                                        make_repository, remove_repository),
        cmocka_unit_test_setup_teardown(test_runbook_survives_a_lack_of_memory, make_repository,
                                        remove_repository),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
