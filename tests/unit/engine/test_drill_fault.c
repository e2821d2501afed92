/*
 * test_drill_fault.c - every fault of the table comes out as it must, the drill fails where it does
 * not, and the repository is never touched; and a cold drill.
 */
#include <dirent.h>
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
#include "engine/drill_fault.h"
#include "engine/source_dir.h"
#include "format/nacl.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"
#include "store/rollup.h"

static const uint8_t secret[KEYFILE_SECRET_BYTES] = { 7, 7, 7 }; /* of realrepo.c */
static const struct keyfile_unlock unlock = { .secret = secret };

static struct realrepo repo;
static char scratch[160];

static void ok(int rc)
{
    if (rc != 0) {
        fail_msg("%s: %s", err_code_name(rc), err_last()->text);
    }
}

static void add_file(const char *name, size_t len, uint64_t seed)
{
    uint8_t *data = mem_alloc(len + 1);
    char path[200];

    assert_non_null(data);
    realtree_content(seed, data, len);
    snprintf(path, sizeof path, "%s/%s", repo.tree, name);
    realtree_write(path, data, len);
    mem_free(data);
}

static void back_up(void)
{
    struct backup_result result;

    ok(realrepo_backup(&repo, NULL, &result));
}

static int set_up(void **state)
{
    struct repo_params params;

    (void)state;
    repo_default_params(&params);
    params.segment_target = 1u << 20;
    realrepo_make(&repo, 0, &params);
    snprintf(scratch, sizeof scratch, "%s/scratch", repo.dir);
    assert_int_equal(mkdir(scratch, 0700), 0);
    add_file("one", 70000, 1);
    add_file("two [*] !", 3000, 2);
    add_file("#three\\", 50, 3);
    add_file("empty", 0, 4);
    back_up();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    realrepo_remove(&repo);
    return 0;
}

/* --- the original, to the last bit --- */

struct prints {
    char *lines[4096];
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_file(struct prints *p, const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    uint8_t *data, hash[NACL_HASH_BYTES];
    char hex[65], line[900];

    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    data = mem_alloc((size_t)st.st_size + 1);
    assert_int_equal(fread(data, 1, (size_t)st.st_size, f), (size_t)st.st_size);
    fclose(f);
    nacl_hash(data, (size_t)st.st_size, hash);
    mem_free(data);
    for (size_t i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }
    snprintf(line, sizeof line, "%s %s %o %lld.%09ld", path, hex, st.st_mode,
             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    p->lines[p->count++] = mem_strdup(line);
}

static void print_folder(struct prints *p, const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *e;

    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL) {
        char below[600];

        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        if (e->d_type == DT_DIR) {
            print_folder(p, below);
        } else {
            print_file(p, below);
        }
    }
    closedir(dir);
}

static void take_prints(struct prints *p)
{
    p->count = 0;
    print_folder(p, repo.at);
    qsort(p->lines, p->count, sizeof p->lines[0], by_text);
}

static void assert_same_prints(struct prints *a, struct prints *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->lines[i], b->lines[i]);
    }
    for (size_t i = 0; i < a->count; i++) {
        mem_free(a->lines[i]);
        mem_free(b->lines[i]);
    }
}

static size_t names_in(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2;
}

/* --- drilling --- */

static int drill_with(const char *kind, struct drill_options *o, struct drill_result *out)
{
    o->env = &repo.env;
    o->unlock = &unlock;
    o->scratch = scratch;
    o->host = "host";
    o->user = "user";
    o->tool = "test";
    o->threads = 1;
    memcpy(o->snapshot, realrepo_latest(&repo)->id, sizeof o->snapshot);
    return drill_run(drill_kind_find(kind), o, NULL, out);
}

static void assert_all_pass(const struct drill_result *r)
{
    for (size_t i = 0; i < r->fault_count; i++) {
        const struct drill_fault *f = &r->faults[i];

        if (!f->passed) {
            fail_msg("%s: expected %s; observed %s", f->fault, f->expected, f->observed);
        }
    }
    assert_int_equal(r->fault_count, drill_fault_rows);
}

static void test_every_fault_comes_out_as_it_must(void **state)
{
    struct drill_options o = { .seed = 1, .no_evidence = true };
    struct drill_result r;
    struct prints before, after;

    (void)state;
    take_prints(&before);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        int rc;

        o.seed = seed;
        rc = drill_with("fault", &o, &r);
        assert_all_pass(&r);
        ok(rc);
        assert_true(r.passed);
        drill_result_release(&r);
    }
    take_prints(&after);
    assert_same_prints(&before, &after);
    assert_int_equal(names_in(scratch), 0);
}

/* Several segments and snapshots, no memory of caches. */
static void test_faults_of_a_longer_history(void **state)
{
    struct drill_options o = { .seed = 5, .no_evidence = true };
    struct drill_result r;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        char name[16];

        snprintf(name, sizeof name, "large%u", i);
        add_file(name, 900000, 100 + 2 * i);
        back_up();
    }
    ok(drill_with("fault", &o, &r));
    assert_all_pass(&r);
    drill_result_release(&r);
}

/* Entries that were rolled up are empty files, in which nothing can be torn. */
static void test_faults_of_a_rolled_up_journal(void **state)
{
    struct drill_options o = { .seed = 6, .no_evidence = true };
    struct rollup_result rolled;
    struct drill_result r;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char name[16];

        snprintf(name, sizeof name, "more%u", i);
        add_file(name, 100, i);
        back_up();
    }
    ok(rollup_run(repo.repo, 2, &rolled));
    assert_true(rolled.entries > 0);
    ok(drill_with("fault", &o, &r));
    assert_all_pass(&r);
    drill_result_release(&r);
}

static void test_a_snapshot_without_content_can_be_drilled(void **state)
{
    struct drill_options o = { .seed = 7, .no_evidence = true };
    struct drill_result r;
    char path[200];

    (void)state;
    for (const char *const *name = (const char *const[]){ "one", "two [*] !", "#three\\", NULL };
         *name != NULL; name++) {
        snprintf(path, sizeof path, "%s/%s", repo.tree, *name);
        assert_int_equal(unlink(path), 0);
    }
    back_up();
    ok(drill_with("fault", &o, &r));
    assert_all_pass(&r);
    drill_result_release(&r);
}

/* What two clients stored at once has two homes: the loss of one of them costs nothing. */
static void test_what_is_stored_twice_survives_the_loss_of_a_segment(void **state)
{
    struct drill_options o = { .seed = 8, .no_evidence = true };
    struct backup_options options = { .threads = 1 };
    struct source_dir_options walk = { .roots = NULL };
    char *root = repo.tree, *stored[] = { (char[]){ "/" } };
    struct repo *other = realrepo_other(&repo);
    struct backup_result result;
    struct source *source = NULL;
    struct drill_result r;
    int rc;

    (void)state;
    add_file("one", 70000, 91);
    add_file("two [*] !", 3000, 92);
    add_file("#three\\", 50, 93);
    back_up();
    walk.roots = &root;
    walk.root_count = 1;
    walk.strip_prefix = repo.tree;
    options.job = "other";
    options.host = "host";
    options.paths = stored;
    options.path_count = 1;
    ok(source_dir_new(&walk, &source));
    ok(backup_run(other, &options, source, NULL, &result));
    source_free(source);
    repo_close(other);
    ok(repo_refresh(repo.repo));
    rc = drill_with("fault", &o, &r);
    assert_all_pass(&r);
    ok(rc);
    drill_result_release(&r);
}

/* Whatever runs out of memory is an error or an outcome, and nothing is left lying about. */
static void test_a_lack_of_memory_ends_it_cleanly(void **state)
{
    (void)state;
    for (uint64_t n = 50; n < 20000; n = n * 3 + 7) {
        struct drill_options o = { .seed = 1, .no_evidence = true };
        struct drill_result r;
        int rc;

        mem_fail_at(n, 0);
        rc = drill_with("fault", &o, &r);
        mem_fail_at(0, 0);
        assert_true(rc == HF_ENOMEM || rc == 0);
        drill_result_release(&r);
        assert_int_equal(names_in(scratch), 0);
    }
}

static void test_evidence_names_the_faults(void **state)
{
    struct drill_options o = { .seed = 1 };
    struct drill_result r;

    (void)state;
    ok(drill_with("fault", &o, &r));
    assert_true(r.published);
    drill_result_release(&r);
}

/* Where the repository itself is damaged, the drill fails and says so, and tries nothing. */
static void test_a_damaged_repository_fails(void **state)
{
    struct drill_options o = { .seed = 1, .no_evidence = true };
    char path[600] = "", folder[200];
    struct drill_result r;
    const struct dirent *e;
    DIR *dir;

    (void)state;
    snprintf(folder, sizeof folder, "%s/segments", repo.at);
    dir = opendir(folder);
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        }
    }
    closedir(dir);
    assert_int_equal(truncate(path, 5000), 0);
    assert_int_equal(drill_with("fault", &o, &r), HF_EDRILL);
    assert_int_equal(r.fault_count, 1);
    assert_false(r.faults[0].passed);
    assert_non_null(strstr(r.faults[0].observed, "5000 bytes"));
    drill_result_release(&r);
}

static void test_too_little_space_is_said_before_anything_is_damaged(void **state)
{
    struct drill_options o = { .seed = 1, .no_evidence = true, .max_space = 1000 };
    struct drill_result r;

    (void)state;
    assert_int_equal(drill_with("fault", &o, &r), HF_ENOSPC);
    assert_int_equal(r.fault_count, 1); /* "none" */
    assert_int_equal(names_in(scratch), 0);
    drill_result_release(&r);
}

static void test_an_interrupted_drill_leaves_nothing(void **state)
{
    static volatile sig_atomic_t stop = 1;
    struct drill_options o = { .seed = 1, .cancel = &stop };
    struct drill_result r;
    uint64_t entries = catalog_entry_count(repo_catalog(repo.repo));

    (void)state;
    assert_int_equal(drill_with("fault", &o, &r), HF_EINTERRUPTED);
    assert_false(r.finished);
    assert_int_equal(names_in(scratch), 0);
    drill_result_release(&r);
    ok(repo_refresh(repo.repo));
    assert_int_equal(catalog_entry_count(repo_catalog(repo.repo)), entries);
}

/* --- cold --- */

static void test_cold_restores_everything_without_a_cache(void **state)
{
    struct drill_options o = { .seed = 1 };
    struct drill_result r;

    (void)state;
    ok(drill_with("cold", &o, &r));
    assert_true(r.passed && r.published);
    assert_int_equal(r.files, 4);
    assert_true(r.rto.open_ns > 0 && r.rto.restore_ns > 0 && r.rto.verify_ns > 0);
    assert_int_equal(r.rto.total_ns, r.rto.open_ns + r.rto.restore_ns + r.rto.verify_ns);
    drill_result_release(&r);
}

/* A warm cache would still know where everything was. */
static void test_cold_names_what_a_cache_would_hide(void **state)
{
    struct drill_options o = { .seed = 1, .no_evidence = true };
    char path[600], folder[200];
    struct drill_result r;
    const struct dirent *e;
    DIR *dir;

    (void)state;
    snprintf(folder, sizeof folder, "%s/segments", repo.at);
    dir = opendir(folder);
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            assert_int_equal(unlink(path), 0);
        }
    }
    closedir(dir);
    assert_int_equal(drill_with("cold", &o, &r), HF_EDRILL);
    assert_true(r.mismatch_total > 0);
    drill_result_release(&r);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_fault_comes_out_as_it_must),
        CASE(test_faults_of_a_longer_history),
        CASE(test_faults_of_a_rolled_up_journal),
        CASE(test_a_snapshot_without_content_can_be_drilled),
        CASE(test_what_is_stored_twice_survives_the_loss_of_a_segment),
        CASE(test_a_lack_of_memory_ends_it_cleanly),
        CASE(test_evidence_names_the_faults),
        CASE(test_a_damaged_repository_fails),
        CASE(test_too_little_space_is_said_before_anything_is_damaged),
        CASE(test_an_interrupted_drill_leaves_nothing),
        CASE(test_cold_restores_everything_without_a_cache),
        CASE(test_cold_names_what_a_cache_would_hide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
