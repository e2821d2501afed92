/*
 * test_manifest_diff.c - the diff of two manifests against brute force, and what it reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "engine/manifest_cursor.h"
#include "engine/manifest_diff.h"
#include "format/nacl.h"
#include "harness/mempages.h"
#include "harness/pathmodel.h"

static const uint8_t key[16] = { 8, 8 };

struct fixture {
    struct mempages pages;
    struct pathmodel was, is;
    uint8_t was_root[32], is_root[32];
    uint64_t pages_read;
    /* What the diff still has to tell. */
    size_t i, j;
    size_t told;
    const char *below;
    size_t damages;
    uint8_t lost[32];              /* a page of was ... */
    uint64_t lost_first, lost_end; /* ... and its entries, of which nothing may be told */
    bool stop;
};

static int set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    if (f == NULL || nacl_init() != 0 || mempages_open(&f->pages) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mempages_close(&f->pages);
    pathmodel_release(&f->was);
    pathmodel_release(&f->is);
    mem_free(f);
    return 0;
}

static void build(struct fixture *f)
{
    assert_int_equal(pathmodel_build(&f->was, &f->pages.pages, key, f->was_root, NULL), 0);
    assert_int_equal(pathmodel_build(&f->is, &f->pages.pages, key, f->is_root, NULL), 0);
}

static bool counts(const struct fixture *f, const struct pathmodel_entry *e)
{
    return f->below == NULL || node_path_within(f->below, strlen(f->below), e->path, e->len);
}

/* Goes over what is equal; then i, or j, or both, are the next difference. */
static int next_difference(struct fixture *f, bool *out_was, bool *out_is)
{
    for (;;) {
        bool left = f->i < f->was.count, right = f->j < f->is.count;
        if (!left && !right) {
            return 0;
        }
        const struct pathmodel_entry *a = left ? &f->was.entries[f->i] : NULL;
        const struct pathmodel_entry *b = right ? &f->is.entries[f->j] : NULL;
        int order = !left ? 1 : !right ? -1 : node_path_compare(a->path, a->len, b->path, b->len);
        *out_was = order <= 0;
        *out_is = order >= 0;
        bool differs = order != 0 || a->version != b->version;
        if (differs && counts(f, *out_was ? a : b)) {
            return 1;
        }
        f->i += *out_was;
        f->j += *out_is;
    }
}

static int expect(void *context, const struct node *was, const struct node *is)
{
    struct fixture *f = context;
    bool in_was, in_is;
    assert_int_equal(next_difference(f, &in_was, &in_is), 1);
    assert_int_equal(was != NULL, in_was);
    assert_int_equal(is != NULL, in_is);
    if (was != NULL) {
        assert_true(pathmodel_is(&f->was, f->i++, was));
    }
    if (is != NULL) {
        assert_true(pathmodel_is(&f->is, f->j++, is));
    }
    f->told++;
    return 0;
}

static void assert_diff(struct fixture *f)
{
    struct manifest_diff_options options = { .context = f,
                                             .below = f->below,
                                             .below_len = f->below ? strlen(f->below) : 0 };
    bool in_was, in_is;
    f->i = f->j = f->told = 0;
    assert_int_equal(manifest_diff(&f->pages.pages, f->was_root, &f->pages.pages, f->is_root,
                                   &options, expect, &f->pages_read),
                     0);
    assert_int_equal(next_difference(f, &in_was, &in_is), 0);
}

static void change_at_random(struct pathmodel *m, struct rnd *r)
{
    char path[200];
    uint64_t count = rnd_below(r, 4) == 0 ? rnd_below(r, 300) : rnd_below(r, 6);
    for (uint64_t i = 0; i < count; i++) {
        size_t at = m->count > 0 ? (size_t)rnd_below(r, m->count) : 0;
        uint64_t kind = rnd_below(r, 3);
        if (kind == 0 || m->count == 0) {
            pathmodel_random_path(r, path);
            pathmodel_put(m, path, rnd_below(r, 1000000));
        } else if (kind == 1) {
            m->entries[at].version = rnd_below(r, 1000000);
        } else {
            pathmodel_remove(m, at);
        }
    }
}

static void run(struct fixture *f, uint64_t seed, size_t start, int rounds)
{
    const char *given = getenv("HOLDFAST_TEST_SEED");
    struct rnd r;
    char path[200];
    seed = given != NULL ? strtoull(given, NULL, 10) : seed;
    print_message("seed %llu\n", (unsigned long long)seed);
    rnd_init_seeded(&r, seed);
    pathmodel_release(&f->was);
    f->is.fat_every = f->was.fat_every;
    f->is.fat_bytes = f->was.fat_bytes;
    for (size_t i = 0; i < start; i++) {
        pathmodel_random_path(&r, path);
        pathmodel_put(&f->was, path, rnd_below(&r, 1000000));
    }
    for (int i = 0; i < rounds; i++) {
        pathmodel_copy(&f->was, &f->is);
        change_at_random(&f->is, &r);
        if (rnd_below(&r, 10) == 0) {
            while (f->is.count > 200) {
                pathmodel_remove(&f->is, f->is.count - 1);
            }
        }
        build(f);
        f->below = NULL;
        assert_diff(f);
        if (f->was.count > 0) {
            f->below = f->was.entries[rnd_below(&r, f->was.count)].path;
            assert_diff(f);
            f->below = NULL;
        }
        if (rnd_below(&r, 3) == 0) {
            pathmodel_copy(&f->is, &f->was);
        }
    }
}

static void test_manifest_diff_tells_what_differs(void **state)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        run(*state, 700 + seed, 2500, 20);
    }
}

static void test_manifest_diff_tells_what_differs_in_trees_of_unlike_height(void **state)
{
    struct fixture *f = *state;
    f->was.fat_every = 1;
    f->was.fat_bytes = 35000;
    run(f, 800, 1700, 8);
}

static void test_manifest_diff_of_nothing_is_all(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->is, "/a", 3000);
    build(f);
    assert_diff(f);
    assert_int_equal(f->told, 3001);
    pathmodel_copy(&f->is, &f->was);
    pathmodel_release(&f->is);
    build(f);
    assert_diff(f);
    assert_int_equal(f->told, 3001);
}

static void test_manifest_diff_of_the_same_reads_nothing(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->was, "/a", 3000);
    pathmodel_copy(&f->was, &f->is);
    build(f);
    assert_diff(f);
    assert_int_equal(f->told, 0);
    assert_int_equal(f->pages_read, 0);
}

static void test_manifest_diff_reads_only_pages_that_differ(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->was, "/a", 100000);
    pathmodel_copy(&f->was, &f->is);
    f->is.entries[31000].version++;
    f->is.entries[77000].version++;
    build(f);
    assert_diff(f);
    assert_int_equal(f->told, 2);
    assert_true(f->pages_read <= 2 * 3 + 2); /* each side: root and two leaves, one may split */
}

static void test_manifest_diff_below_a_folder_reads_only_its_pages(void **state)
{
    struct fixture *f = *state;
    pathmodel_fill(&f->was, "/a", 20000);
    pathmodel_fill(&f->was, "/b", 300);
    pathmodel_fill(&f->was, "/c", 20000);
    pathmodel_copy(&f->was, &f->is);
    for (size_t i = 0; i < f->is.count; i++) {
        f->is.entries[i].version++;
    }
    build(f);
    f->below = "/b";
    assert_diff(f);
    assert_int_equal(f->told, 301);
    assert_true(f->pages_read <= 2 * 4);
}

static int stop_at_third(void *context, const struct node *was, const struct node *is)
{
    struct fixture *f = context;
    (void)was;
    (void)is;
    return ++f->told == 3 ? HF_EINTERRUPTED : 0;
}

static void test_manifest_diff_stops_when_told(void **state)
{
    struct fixture *f = *state;
    struct manifest_diff_options options = { .context = f };
    /* At something gone, something changed, something new. */
    for (int round = 0; round < 3; round++) {
        pathmodel_release(&f->was);
        pathmodel_release(&f->is);
        if (round < 2) {
            pathmodel_fill(&f->was, "/a", 100);
        }
        if (round > 0) {
            pathmodel_fill(&f->is, "/a", 100);
        }
        for (size_t i = 0; i < f->is.count; i++) {
            f->is.entries[i].version += 5;
        }
        build(f);
        f->told = 0;
        assert_int_equal(manifest_diff(&f->pages.pages, f->was_root, &f->pages.pages, f->is_root,
                                       &options, stop_at_third, NULL),
                         HF_EINTERRUPTED);
        assert_int_equal(f->told, 3);
    }
}

static int note_damage(void *context, int code, const uint8_t page_id[32])
{
    struct fixture *f = context;
    assert_int_equal(code, HF_EDAMAGE);
    assert_memory_equal(page_id, f->lost, 32);
    f->damages++;
    return 0;
}

static int expect_outside_the_loss(void *context, const struct node *was, const struct node *is)
{
    struct fixture *f = context;
    const struct node *n = was != NULL ? was : is;
    char path[200];
    assert_true(n->path_len < sizeof path);
    memcpy(path, n->path, n->path_len);
    path[n->path_len] = '\0';
    uint64_t at = pathmodel_seek(&f->was, path);
    assert_true(at < f->lost_first || at >= f->lost_end);
    f->told++;
    return 0;
}

/* Nothing is said of what lies in a lost page: neither that it is gone, nor that it is new. */
static void test_manifest_diff_says_nothing_of_what_is_lost(void **state)
{
    struct fixture *f = *state;
    struct manifest_diff_options options = { .context = f, .damaged = note_damage };
    struct manifest_cursor *c;
    struct node n;
    uint32_t index;
    pathmodel_fill(&f->was, "/a", 10000);
    pathmodel_copy(&f->was, &f->is);
    for (size_t i = 0; i < f->is.count; i += 10) {
        f->is.entries[i].version++;
    }
    build(f);
    for (int side = 0; side < 2; side++) {
        const uint8_t *root = side == 0 ? f->was_root : f->is_root;
        build(f); /* what was lost is there again */
        assert_int_equal(manifest_cursor_open(&f->pages.pages, root, &c), 0);
        assert_int_equal(manifest_cursor_find(c, "/a/file-0005000.dat", 19, &n), 1);
        const struct manifest_page *page = &manifest_cursor_leaf(c, &index)->page;
        memcpy(f->lost, page->id, 32);
        f->lost_first = page->first_entry;
        f->lost_end = page->first_entry + page->entries;
        manifest_cursor_close(c);
        mempages_lose(&f->pages, f->lost);
        f->damages = f->told = 0;
        options.damaged = note_damage;
        assert_int_equal(manifest_diff(&f->pages.pages, f->was_root, &f->pages.pages, f->is_root,
                                       &options, expect_outside_the_loss, NULL),
                         0);
        assert_int_equal(f->damages, 1);
        uint64_t lost = (f->lost_end + 9) / 10 - (f->lost_first + 9) / 10;
        assert_int_equal(f->told, 1001 - lost);
        options.damaged = NULL;
        assert_int_equal(manifest_diff(&f->pages.pages, f->was_root, &f->pages.pages, f->is_root,
                                       &options, expect_outside_the_loss, NULL),
                         HF_EDAMAGE);
    }
}

/*
 * The lower tree is the beginning of the higher one: where both begin with the same pages, index
 * pages of the higher are entered to meet the lower at its level.
 */
static void test_manifest_diff_meets_a_lower_tree_at_its_level(void **state)
{
    struct fixture *f = *state;
    f->was.fat_every = f->is.fat_every = 1;
    f->was.fat_bytes = f->is.fat_bytes = 35000;
    pathmodel_fill(&f->was, "/a", 1700);
    pathmodel_fill(&f->is, "/a", 200);
    for (int round = 0; round < 2; round++) {
        size_t was_len, is_len;
        build(f);
        assert_int_not_equal(mempages_find(&f->pages, f->was_root, &was_len)[2],
                             mempages_find(&f->pages, f->is_root, &is_len)[2]);
        assert_diff(f);
        /* All that only one has, both roots, an index page, and a leaf where they part. */
        assert_true(f->pages_read <= 1500 / 2 + 6);
        struct pathmodel swap = f->was;
        f->was = f->is;
        f->is = swap;
    }
}

#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_manifest_diff_tells_what_differs),
        ON(test_manifest_diff_tells_what_differs_in_trees_of_unlike_height),
        ON(test_manifest_diff_of_nothing_is_all),
        ON(test_manifest_diff_of_the_same_reads_nothing),
        ON(test_manifest_diff_reads_only_pages_that_differ),
        ON(test_manifest_diff_below_a_folder_reads_only_its_pages),
        ON(test_manifest_diff_stops_when_told),
        ON(test_manifest_diff_meets_a_lower_tree_at_its_level),
        ON(test_manifest_diff_says_nothing_of_what_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
