/*
 * test_forget_policy.c - forgetting by a policy, also when others commit, forget and bring back
 * after this client has looked.
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
#include "engine/forget.h"
#include "engine/forget_policy.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"

#define SNAPSHOTS 3

struct bench {
    struct realrepo r;
    struct repo *other; /* of a second client */
    uint8_t ids[SNAPSHOTS + 1][16];
    struct retention_plan plan;
};

static void back_up(struct bench *b, size_t i)
{
    struct backup_result result;
    char path[200];

    snprintf(path, sizeof path, "%s/file%zu", b->r.tree, i);
    realtree_write(path, path, strlen(path));
    assert_int_equal(realrepo_backup(&b->r, NULL, &result), 0);
    memcpy(b->ids[i], result.id, sizeof b->ids[i]);
}

static int set_up(void **state)
{
    struct bench *b = mem_zalloc(sizeof *b);

    realrepo_make(&b->r, 0, NULL);
    for (size_t i = 0; i < SNAPSHOTS; i++) {
        back_up(b, i);
    }
    b->other = realrepo_other(&b->r);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    retention_plan_release(&b->plan);
    repo_close(b->other);
    realrepo_remove(&b->r);
    mem_free(b);
    return 0;
}

static const struct forget_policy keep_last = { .retention.keep[RETENTION_EACH] = 1 };

static bool is_forgotten(struct repo *r, const uint8_t id[16])
{
    return catalog_find_snapshot(repo_catalog(r), id)->forgotten_by != 0;
}

/* The tip that the policy of this entry was computed from. */
static uint64_t view_of(struct repo *r, uint64_t number)
{
    struct journal_entry e;
    struct entry_walk walk;
    struct entry_view item;
    const uint8_t *ids;
    uint8_t *memory;
    uint64_t view;
    size_t count;

    assert_int_equal(journal_read(repo_journal(r), number, &e, &memory), 0);
    entry_walk_init(&walk, e.body, e.body_len);
    assert_int_equal(entry_walk_next(&walk, &item), 1);
    assert_int_equal(item.type, ENTRY_FORGET);
    assert_int_equal(entry_get_list(&item, &view, &ids, &count), 0);
    mem_free(memory);
    return view;
}

static void test_forget_policy_forgets_by_one_entry_that_names_its_view(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(forget_policy_publish(b->r.repo, &keep_last, &b->plan, &number), 0);
    assert_int_equal(number, 5);
    assert_int_equal(view_of(b->r.repo, number), 4);
    assert_int_equal(b->plan.kept, 1);
    assert_int_equal(b->plan.count, 3);
    assert_true(is_forgotten(b->r.repo, b->ids[0]) && is_forgotten(b->r.repo, b->ids[1]));
    assert_false(is_forgotten(b->r.repo, b->ids[2]));
}

static void test_forget_policy_counts_a_commit_that_came_in_between(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    back_up(b, 3); /* not seen by the other client, which would keep the third */
    assert_int_equal(forget_policy_publish(b->other, &keep_last, &b->plan, &number), 0);
    assert_int_equal(view_of(b->other, number), 5);
    assert_true(is_forgotten(b->other, b->ids[2]));
    assert_false(is_forgotten(b->other, b->ids[3]));
}

static void test_forget_policy_keeps_one_though_the_last_was_forgotten_in_between(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    /* "Keep the last" of a stale view would now keep none. */
    assert_int_equal(forget_publish(b->r.repo, (const uint8_t(*)[16])b->ids + 2, 1, &number), 0);
    assert_int_equal(forget_policy_publish(b->other, &keep_last, &b->plan, &number), 0);
    assert_true(is_forgotten(b->other, b->ids[0]));
    assert_false(is_forgotten(b->other, b->ids[1]));
}

static void test_forget_policy_counts_what_came_back_in_between(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(forget_publish(b->r.repo, (const uint8_t(*)[16])b->ids + 2, 1, &number), 0);
    assert_int_equal(repo_refresh(b->other), 0);
    assert_int_equal(forget_undo(b->r.repo, (const uint8_t(*)[16])b->ids + 2, 1, &number), 0);
    assert_int_equal(forget_policy_publish(b->other, &keep_last, &b->plan, &number), 0);
    assert_true(is_forgotten(b->other, b->ids[1]));
    assert_false(is_forgotten(b->other, b->ids[2]));
}

/* Whoever asks for the time first, which is when a policy is computed, is overtaken. */
static struct bench *overtaken;
static unsigned times_asked;

static int64_t wall_that_lets_another_pass(const struct clock *c)
{
    struct bench *b = overtaken;
    uint64_t number;

    (void)c;
    times_asked++;
    overtaken = NULL;
    if (b != NULL) {
        assert_int_equal(forget_publish(b->other, (const uint8_t(*)[16])b->ids + 2, 1, &number), 0);
        assert_int_equal(number, 5);
    }
    return clock_wall(clock_system());
}

static void test_forget_policy_is_computed_again_when_it_is_overtaken(void **state)
{
    struct bench *b = *state;
    uint64_t number;

    b->r.clock.wall_ns = wall_that_lets_another_pass;
    overtaken = b;
    times_asked = 0;
    assert_int_equal(forget_policy_publish(b->r.repo, &keep_last, &b->plan, &number), 0);
    assert_null(overtaken);
    assert_true(times_asked > 1);
    assert_int_equal(number, 6);
    assert_int_equal(view_of(b->r.repo, number), 5);
    assert_int_equal(b->plan.count, 2);
    assert_true(is_forgotten(b->r.repo, b->ids[0]));
    assert_false(is_forgotten(b->r.repo, b->ids[1]));
}

static void test_forget_policy_makes_no_entry_when_all_are_kept(void **state)
{
    const struct forget_policy all = { .retention.keep[RETENTION_EACH] = RETENTION_UNLIMITED };
    struct bench *b = *state;
    uint64_t number = 77;

    assert_int_equal(forget_policy_publish(b->r.repo, &all, &b->plan, &number), 0);
    assert_int_equal(number, 0);
    assert_int_equal(b->plan.kept, 3);
    assert_int_equal(catalog_entry_count(repo_catalog(b->r.repo)), 4);
}

static void test_forget_policy_refuses_to_let_a_whole_group_go(void **state)
{
    struct forget_policy none = { .retention.within_ns[RETENTION_EACH] = 0 };
    struct bench *b = *state;
    uint64_t number;

    assert_int_equal(forget_policy_publish(b->r.repo, &none, &b->plan, &number), HF_EUSAGE);
    assert_int_equal(catalog_entry_count(repo_catalog(b->r.repo)), 4);
    none.allow_empty = true;
    retention_plan_release(&b->plan);
    assert_int_equal(forget_policy_publish(b->r.repo, &none, &b->plan, &number), 0);
    assert_int_equal(number, 5);
    assert_int_equal(b->plan.kept, 0);
}

static void test_forget_policy_plans_without_writing(void **state)
{
    struct bench *b = *state;

    assert_int_equal(forget_policy_plan(b->r.repo, &keep_last, &b->plan), 0);
    assert_int_equal(b->plan.kept, 1);
    assert_int_equal(catalog_entry_count(repo_catalog(b->r.repo)), 4);
}

static void test_forget_policy_of_filters_that_match_nothing_is_no_success(void **state)
{
    struct forget_policy policy = keep_last;
    struct bench *b = *state;
    struct selector s;

    assert_int_equal(selector_parse("job:wbe", 0, &s), 0);
    policy.selectors = &s;
    policy.selector_count = 1;
    assert_int_equal(forget_policy_plan(b->r.repo, &policy, &b->plan), HF_ENO_POINT);
    selector_release(&s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_forget_policy_forgets_by_one_entry_that_names_its_view),
        CASE(test_forget_policy_counts_a_commit_that_came_in_between),
        CASE(test_forget_policy_keeps_one_though_the_last_was_forgotten_in_between),
        CASE(test_forget_policy_counts_what_came_back_in_between),
        CASE(test_forget_policy_is_computed_again_when_it_is_overtaken),
        CASE(test_forget_policy_makes_no_entry_when_all_are_kept),
        CASE(test_forget_policy_refuses_to_let_a_whole_group_go),
        CASE(test_forget_policy_plans_without_writing),
        CASE(test_forget_policy_of_filters_that_match_nothing_is_no_success),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
