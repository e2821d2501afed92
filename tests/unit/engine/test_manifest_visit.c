/*
 * test_manifest_visit.c - every chunk that a manifest needs is told, once if shared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "engine/manifest_builder.h"
#include "engine/manifest_content.h"
#include "engine/manifest_cursor.h"
#include "engine/manifest_visit.h"
#include "format/nacl.h"
#include "harness/mempages.h"
#include "harness/pathmodel.h"

static const uint8_t key[16] = { 3 };

struct fixture {
    struct mempages pages;
    struct pathmodel model;
    struct map *seen;
    uint64_t pages_told, lists_told, chunks_told, bytes_told, damages;
    int page_answer; /* for pages not seen before */
    uint8_t lost[32];
    const char *lost_of; /* the file whose list page is lost */
};

static int set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    if (f == NULL || nacl_init() != 0 || mempages_open(&f->pages) != 0 ||
        map_new(32, 1, 5, &f->seen) != 0) {
        return -1;
    }
    f->page_answer = 1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mempages_close(&f->pages);
    pathmodel_release(&f->model);
    map_free(f->seen);
    mem_free(f);
    return 0;
}

static int see_page(void *context, enum manifest_visit_kind kind, const uint8_t id[32])
{
    struct fixture *f = context;
    void *value;
    bool is_new;
    assert_int_equal(map_put(f->seen, id, &value, &is_new), 0);
    if (!is_new) {
        return 0;
    }
    if (kind == MANIFEST_VISIT_LIST) {
        f->lists_told++;
    } else {
        f->pages_told++;
    }
    return f->page_answer;
}

static int see_chunk(void *context, const struct node *n, const struct node_ref *ref)
{
    struct fixture *f = context;
    assert_false(ref->hole);
    assert_true(n->path_len > 0);
    f->chunks_told++;
    f->bytes_told += ref->len;
    return 0;
}

static int see_damage(void *context, int code, const uint8_t id[32], const struct node *n)
{
    struct fixture *f = context;
    assert_int_equal(code, HF_EDAMAGE);
    assert_memory_equal(id, f->lost, 32);
    assert_int_equal(n != NULL, f->lost_of != NULL);
    if (n != NULL) {
        assert_string_equal(n->path, f->lost_of);
    }
    f->damages++;
    return 0;
}

static int visit(struct fixture *f, const uint8_t root[32])
{
    struct manifest_visitor v = { f, see_page, see_chunk, see_damage };
    f->pages_told = f->lists_told = f->chunks_told = f->bytes_told = f->damages = 0;
    return manifest_visit(&f->pages.pages, root, &v);
}

static void test_manifest_visit_tells_every_page_and_chunk(void **state)
{
    struct fixture *f = *state;
    uint8_t root[32];
    uint64_t chunks = 0;
    pathmodel_fill(&f->model, "/a", 20000);
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, root, NULL), 0);
    for (size_t i = 0; i < f->model.count; i++) {
        chunks += pathmodel_node(&f->model, i).ref_count;
    }
    assert_int_equal(visit(f, root), 0);
    assert_int_equal(f->pages_told, f->pages.fresh);
    assert_int_equal(f->chunks_told, chunks);
}

static void test_manifest_visit_of_a_second_snapshot_reads_what_differs(void **state)
{
    struct fixture *f = *state;
    uint8_t one[32], two[32];
    pathmodel_fill(&f->model, "/a", 20000);
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, one, NULL), 0);
    f->model.entries[10000].version++;
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, two, NULL), 0);
    assert_int_equal(visit(f, one), 0);
    mempages_reset_counts(&f->pages);
    assert_int_equal(visit(f, two), 0);
    assert_true(f->pages.gets <= 3);
    assert_true(f->pages_told <= 3);
}

static void test_manifest_visit_of_nothing_tells_nothing(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[32];
    assert_int_equal(visit(f, zeros), 0);
    assert_int_equal(f->pages_told, 0);
}

/* A manifest of one file of `count` chunks and one xattr chunk. */
static void build_large_file(struct fixture *f, size_t count, uint8_t root[32])
{
    struct manifest_content *c;
    struct manifest_builder *b;
    struct node n = { .path = "/big",
                      .path_len = 4,
                      .type = NODE_FILE,
                      .user = "",
                      .group = "",
                      .xattrs_chunked = true,
                      .xattr_ref = { .id = { 1 }, .len = 5000 } };
    struct node_ref ref = { .len = 3 }, hole = { .len = 1 << 20, .hole = true };
    struct rnd r;
    rnd_init_seeded(&r, 2);
    assert_int_equal(manifest_content_new(&f->pages.pages, key, &c), 0);
    manifest_content_begin(c);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rnd_bytes(&r, ref.id, sizeof ref.id), 0);
        assert_int_equal(manifest_content_add(c, &ref), 0);
    }
    assert_int_equal(manifest_content_add(c, &hole), 0);
    assert_int_equal(manifest_content_end(c, &n), 0);
    memcpy(f->lost, n.refs[0].id, 32);
    assert_int_equal(manifest_builder_new(&f->pages.pages, key, &b), 0);
    assert_int_equal(manifest_builder_add(b, &n), 0);
    assert_int_equal(manifest_builder_finish(b, root, NULL), 0);
    manifest_builder_free(b);
    manifest_content_free(c);
}

static void test_manifest_visit_tells_list_pages_and_xattr_chunks(void **state)
{
    struct fixture *f = *state;
    uint8_t root[32];
    build_large_file(f, 3000, root);
    assert_int_equal(visit(f, root), 0);
    assert_int_equal(f->pages_told, 1);
    assert_int_equal(f->lists_told, f->pages.fresh - 1);
    assert_int_equal(f->chunks_told, 3001);
    assert_int_equal(f->bytes_told, 3000 * 3 + 5000);
}

static void test_manifest_visit_without_interest_in_chunks_fetches_no_last_list_pages(void **state)
{
    struct fixture *f = *state;
    struct manifest_visitor v = { .context = f, .page = see_page };
    uint8_t root[32];
    build_large_file(f, 3000, root);
    mempages_reset_counts(&f->pages);
    assert_int_equal(manifest_visit(&f->pages.pages, root, &v), 0);
    assert_true(f->lists_told > 2);
    assert_int_equal(f->pages.gets, 1);
}

static void test_manifest_visit_passes_over_a_lost_list_page(void **state)
{
    struct fixture *f = *state;
    uint8_t root[32];
    build_large_file(f, 3000, root);
    mempages_lose(&f->pages, f->lost);
    f->lost_of = "/big";
    assert_int_equal(visit(f, root), 0);
    assert_int_equal(f->damages, 1);
    assert_in_range(f->chunks_told, 3001 - 1024, 3001 - 256);
}

static void test_manifest_visit_passes_over_a_lost_page(void **state)
{
    struct fixture *f = *state;
    struct manifest_cursor *c;
    struct node n;
    uint8_t root[32];
    uint32_t index;
    pathmodel_fill(&f->model, "/a", 20000);
    assert_int_equal(pathmodel_build(&f->model, &f->pages.pages, key, root, NULL), 0);
    assert_int_equal(manifest_cursor_open(&f->pages.pages, root, &c), 0);
    assert_int_equal(manifest_cursor_find(c, "/a/file-0010000.dat", 19, &n), 1);
    memcpy(f->lost, manifest_cursor_leaf(c, &index)->page.id, 32);
    manifest_cursor_close(c);
    mempages_lose(&f->pages, f->lost);
    assert_int_equal(visit(f, root), 0);
    assert_int_equal(f->damages, 1);
    assert_int_equal(f->pages_told, f->pages.fresh);
}

static void test_manifest_visit_ends_when_told(void **state)
{
    struct fixture *f = *state;
    uint8_t root[32];
    build_large_file(f, 3000, root);
    f->page_answer = HF_EINTERRUPTED;
    assert_int_equal(visit(f, root), HF_EINTERRUPTED);
    assert_int_equal(f->pages_told, 1);
    f->page_answer = 0;
    map_clear(f->seen);
    assert_int_equal(visit(f, root), 0);
    assert_int_equal(f->chunks_told, 0);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_manifest_visit_tells_every_page_and_chunk),
        ON(test_manifest_visit_of_a_second_snapshot_reads_what_differs),
        ON(test_manifest_visit_of_nothing_tells_nothing),
        ON(test_manifest_visit_tells_list_pages_and_xattr_chunks),
        ON(test_manifest_visit_without_interest_in_chunks_fetches_no_last_list_pages),
        ON(test_manifest_visit_passes_over_a_lost_list_page),
        ON(test_manifest_visit_passes_over_a_lost_page),
        ON(test_manifest_visit_ends_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
