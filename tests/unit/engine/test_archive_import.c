/*
 * test_archive_import.c - what is exported and imported again is what it was, whatever it was; and
 * an archive that is not whole is never taken for one.
 */
/* valgrind */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/archive_export.h"
#include "engine/archive_import.h"
#include "engine/manifest_cursor.h"
#include "engine/repopages.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"

#define NS 1000000000LL

static struct realrepo repo;
static struct buf archive;
static struct archive_export_result exported;
static struct archive_import_result imported;
static char last[512];
static size_t refused, losses;

static int set_up(void **state)
{
    (void)state;
    realrepo_make(&repo, 0, NULL);
    buf_init(&archive);
    refused = losses = 0;
    last[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    buf_release(&archive);
    realrepo_remove(&repo);
    return 0;
}

/* ---- exporting to memory, importing from it ---- */

static int to_archive(void *context, const void *data, size_t len)
{
    (void)context;
    buf_put(&archive, data, len);
    return buf_error(&archive);
}

static void on_loss(void *context, const char *path, size_t path_len, const char *what,
                    const char *why)
{
    (void)context;
    losses++;
    snprintf(last, sizeof(last), "%.*s: %s: %s", (int)path_len, path, what, why);
}

static int export(const char *format, const char *path)
{
    const struct archive_export_options o = { .format = archive_lib_format(format),
                                              .path = path,
                                              .write = to_archive };
    const struct archive_export_events events = { .loss = on_loss };
    losses = 0;
    buf_clear(&archive);
    return archive_export_run(repo.repo, realrepo_latest(&repo), &o, &events, &exported);
}

struct memory_source {
    size_t at, len, piece;
};

static int read_memory(void *context, const void **out_data, size_t *out_len)
{
    struct memory_source *s = context;
    size_t left = s->len - s->at;
    *out_data = archive.data + s->at;
    *out_len = left < s->piece ? left : s->piece;
    s->at += *out_len;
    return 0;
}

static int seek_memory(void *context, int64_t offset, int whence, int64_t *out_position)
{
    struct memory_source *s = context;
    int64_t to = whence == 2 ? (int64_t)s->len + offset : offset;
    if (to < 0 || to > (int64_t)s->len) {
        return err_raise(HF_EIO, "there is nothing there");
    }
    s->at = (size_t)to;
    *out_position = to;
    return 0;
}

static void on_warning(void *context, enum archive_import_what what, const char *path,
                       size_t path_len, const char *message)
{
    (void)context;
    refused += what == ARCHIVE_IMPORT_REFUSED;
    losses += what == ARCHIVE_IMPORT_LOSS;
    snprintf(last, sizeof(last), "%.*s: %s", (int)path_len, path, message);
}

static int import_part(struct archive_import_options o, size_t len, size_t piece)
{
    struct memory_source memory = { .len = len, .piece = piece };
    const struct archive_lib_source source = { .read = read_memory,
                                               .seek = seek_memory,
                                               .context = &memory };
    const struct archive_import_events events = { .warning = on_warning };
    refused = losses = 0;
    o.threads = 1;
    o.folder = repo.dir;
    return archive_import_run(repo.repo, &o, &source, &events, &imported);
}

static int import(void)
{
    return import_part((struct archive_import_options){ .host = "h" }, archive.len, 10000);
}

static void must(int rc)
{
    if (rc != 0) {
        fail_msg("%s (%s)", err_last()->text, last);
    }
}

static void back_up(void)
{
    struct backup_result result;
    must(realrepo_backup(&repo, NULL, &result));
}

static void expect_restored_as(const char *tree, unsigned ignore)
{
    char difference[8192];
    struct restore_result result;
    must(realrepo_restore(&repo, NULL, NULL, &result));
    if (realtree_differs(tree, repo.out, ignore, difference, sizeof(difference)) != 0) {
        fail_msg("%s", difference);
    }
}

/* ---- whole trees ---- */

/* No archive holds sockets, nor pax, as libarchive writes it, parts of the second before 1970. */
static int drop_socket(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)flag;
    (void)at;
    return S_ISSOCK(st->st_mode) ? unlink(path) : 0;
}

static int settle_time(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 5 } };
    (void)flag;
    (void)at;
    return st->st_mtim.tv_sec == -1 ? utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) : 0;
}

static void plant(uint64_t seed, size_t things)
{
    realtree_fill(repo.tree, seed, things);
    nftw(repo.tree, drop_socket, 32, FTW_PHYS | FTW_DEPTH);
    nftw(repo.tree, settle_time, 32, FTW_PHYS | FTW_DEPTH);
}

static void test_archive_import_brings_back_whole_trees(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct archive_import_options o = { .memory = seed % 2 == 0 ? 2000 : 0 };
        realtree_remove(repo.tree);
        realtree_remove(repo.out);
        assert_int_equal(mkdir(repo.tree, 0755), 0);
        plant(seed, 150);
        back_up();
        must(export("pax", NULL));
        must(import_part(o, archive.len, seed % 3 == 0 ? 1 + seed * 7 : 65536));
        assert_int_equal(imported.counts.files, exported.files);
        assert_int_equal(imported.counts.dirs, exported.dirs);
        assert_int_equal(imported.counts.others, exported.others);
        assert_int_equal(imported.links, exported.links);
        /* All content was there already, so it was cut the same way. */
        assert_true(imported.counts.bytes_new < 300000);
        expect_restored_as(repo.tree, 0);
    }
}

static void test_archive_import_does_not_depend_on_its_memory(void **state)
{
    (void)state;
    uint8_t root[32];
    plant(77, 200);
    back_up();
    must(export("pax", NULL));
    must(import_part((struct archive_import_options){ .time_ns = 5 }, archive.len, 10000));
    memcpy(root, realrepo_latest(&repo)->commit.root, sizeof(root));
    must(import_part((struct archive_import_options){ .time_ns = 5, .memory = 100 }, archive.len,
                     333));
    assert_memory_equal(root, realrepo_latest(&repo)->commit.root, sizeof(root));
    assert_int_equal(realrepo_latest(&repo)->commit.end_ns, 5);
    assert_int_equal(realrepo_latest(&repo)->commit.begin_ns, 5);
    assert_true((realrepo_latest(&repo)->commit.flags & COMMIT_IMPORTED) != 0);
}

static void put(const char *name, const char *content)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/%s", repo.tree, name);
    realtree_write(path, content, strlen(content));
}

static void test_archive_import_leaves_names_as_they_are(void **state)
{
    (void)state;
    put("cafe\xcc\x81", "decomposed");
    put("caf\xc3\xa9", "composed");
    put("\xff\xfe", "no text");
    put("new\nline", "n");
    put("trailing ", "blank");
    put("-rf", "minus");
    char path[400];
    snprintf(path, sizeof(path), "%s/link", repo.tree);
    assert_int_equal(symlink("\xff/\xc3\xa9\n", path), 0);
    back_up();
    static const char *const formats[] = { "pax", "gnutar", "ustar", "cpio" };
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        must(export(formats[i], NULL));
        must(import());
        assert_int_equal(imported.counts.files, 6);
    }
    back_up(); /* once more: the newest is what is exported */
    must(export("pax", NULL));
    must(import());
    expect_restored_as(repo.tree, 0);
}

static void test_archive_import_keeps_times_of_any_age(void **state)
{
    (void)state;
    static const int64_t times[] = { 0,
                                     1,
                                     -1500000000LL,
                                     -NS,
                                     -123456789123456789LL,
                                     9000000000000000123LL,
                                     INT64_C(-9000000000000000123) };
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        char path[400];
        int64_t s = times[i] / NS - (times[i] % NS < 0);
        struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { s, times[i] - s * NS } };
        snprintf(path, sizeof(path), "%s/%zu", repo.tree, i);
        realtree_write(path, "x", 1);
        assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
    }
    back_up();
    must(export("pax", NULL));
    assert_int_equal(exported.rounded, 0);
    must(import());
    expect_restored_as(repo.tree, 0);
}

static void test_archive_export_counts_what_it_rounds(void **state)
{
    (void)state;
    struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { -1, 250000000 } };
    char path[400];
    put("f", "x");
    snprintf(path, sizeof(path), "%s/f", repo.tree);
    assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
    t[1] = (struct timespec){ 1, 0 };
    assert_int_equal(utimensat(AT_FDCWD, repo.tree, t, 0), 0);
    back_up();
    must(export("pax", NULL));
    assert_int_equal(exported.rounded, 1);
    t[1] = (struct timespec){ 1, 1 };
    assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
    back_up();
    must(export("ustar", NULL));
    assert_int_equal(exported.rounded, 1);
    assert_int_equal(exported.losses, 0);
}

static void test_archive_import_keeps_large_attributes(void **state)
{
    (void)state;
    char value[3000];
    char path[400];
    put("f", "x");
    snprintf(path, sizeof(path), "%s/f", repo.tree);
    realtree_content(5, value, sizeof(value));
    if (setxattr(path, "user.large", value, sizeof(value), 0) != 0) {
        return; /* this file system has none */
    }
    assert_int_equal(setxattr(path, "user.100%=sure", "y", 1, 0), 0);
    back_up();
    must(export("pax", NULL));
    must(import());
    expect_restored_as(repo.tree, 0);
    assert_int_equal(setxattr(path, "user.a b", "y", 1, 0), 0);
    back_up();
    assert_int_equal(export("pax", NULL), HF_EPARTIAL);
    assert_non_null(strstr(last, "/f: xattr user.a b"));
}

static void test_archive_export_of_a_part_is_that_part(void **state)
{
    (void)state;
    char path[400];
    snprintf(path, sizeof(path), "%s/d", repo.tree);
    assert_int_equal(mkdir(path, 0755), 0);
    put("d/in", "in");
    put("d.not", "out");
    put("e", "out");
    back_up();
    must(export("pax", "/d"));
    assert_int_equal(exported.files, 1);
    assert_int_equal(exported.dirs, 1);
    must(export("pax", "/d/in"));
    assert_int_equal(exported.files, 1);
    assert_int_equal(exported.dirs, 0);
    assert_int_equal(export("pax", "/d/in/not"), HF_EABSENT);
    assert_null(archive_lib_format("tape"));
}

static void make_sparse(const char *name, off_t size, off_t data_at)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/%s", repo.tree, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(ftruncate(fd, size), 0);
    if (data_at >= 0) {
        assert_int_equal(pwrite(fd, "data", 4, data_at), 4);
    }
    close(fd);
}

static void test_archive_export_makes_holes_cost_nothing(void **state)
{
    (void)state;
    make_sparse("in-the-middle", 30 << 20, 17 << 20);
    make_sparse("at-the-end", 3 << 20, 0);
    make_sparse("at-the-beginning", (3 << 20) + 4, 3 << 20);
    make_sparse("nothing-else", 5 << 20, -1);
    back_up();
    must(export("pax", NULL));
    assert_true(archive.len < 100000);
    must(import());
    assert_int_equal(imported.counts.bytes, (41ull << 20) + 4);
    assert_true(imported.counts.bytes_new < 100000);
    expect_restored_as(repo.tree, 0);
}

static void test_archive_export_knows_no_limit_of_sizes(void **state)
{
    (void)state;
    make_sparse("huge", 20LL << 30, 9LL << 30);
    back_up();
    must(export("pax", NULL));
    must(import());
    assert_int_equal(imported.counts.bytes, 20ull << 30);
    assert_int_equal(export("ustar", NULL), HF_EPARTIAL);
    assert_non_null(strstr(last, "/huge: file: it is too large"));
}

/* ---- what is not whole ---- */

static void plant_little(void)
{
    put("a", "the first");
    put("b", "the second");
    back_up();
}

static void expect_none_of_a_part(const char *format)
{
    must(export(format, NULL));
    uint64_t number = realrepo_latest(&repo)->number;
    size_t step = archive.len / 61 + 1;
    for (size_t len = 0; len + 1024 < archive.len; len += step) {
        int rc = import_part((struct archive_import_options){ 0 }, len, 4096);
        if (rc == 0 || rc == HF_EPARTIAL) {
            /* Only the padding behind the end mark may be missing. */
            assert_true(archive.len - len <= 10240 && imported.counts.files == 2);
            break;
        }
        assert_true(rc == HF_EFAIL || rc == HF_EUNSUPPORTED || rc == HF_ESOURCE);
        assert_false(imported.published);
        assert_int_equal(realrepo_latest(&repo)->number, number);
    }
}

static void test_archive_import_takes_no_archive_that_was_cut(void **state)
{
    (void)state;
    plant_little();
    expect_none_of_a_part("pax");
    expect_none_of_a_part("cpio");
    expect_none_of_a_part("zip");
}

static void test_archive_import_survives_rotten_archives(void **state)
{
    (void)state;
    plant_little();
    static const char *const formats[] = { "pax", "cpio", "zip", "7zip", "mtree" };
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        int rc = export(formats[i], NULL);
        assert_true(rc == 0 || rc == HF_EPARTIAL);
        for (size_t at = 0; at < archive.len; at += archive.len / 97 + 1) {
            archive.data[at] ^= 0x55;
            rc = import_part((struct archive_import_options){ .dry_run = true }, archive.len, 999);
            archive.data[at] ^= 0x55;
            assert_true(rc == 0 || rc == HF_EFAIL || rc == HF_EUNSUPPORTED || rc == HF_ESOURCE ||
                        rc == HF_EPARTIAL || rc == HF_EIO);
        }
    }
}

static void test_archive_import_of_nothing_is_an_error(void **state)
{
    (void)state;
    static const char noise[] = "this is no archive, and never was one; not even a list of files";
    plant_little();
    buf_clear(&archive);
    assert_int_equal(import(), HF_EUNSUPPORTED);
    buf_put(&archive, noise, sizeof(noise));
    assert_int_equal(import(), HF_EUNSUPPORTED);
    buf_clear(&archive);
    buf_put_zeros(&archive, 10240);
    int rc = import();
    assert_true(rc == HF_ESOURCE || rc == HF_EUNSUPPORTED);
    assert_false(imported.published);
}

static void test_archive_import_dry_writes_nothing(void **state)
{
    (void)state;
    plant_little();
    must(export("pax", NULL));
    uint64_t number = realrepo_latest(&repo)->number;
    must(import_part((struct archive_import_options){ .dry_run = true }, archive.len, 10000));
    assert_false(imported.published);
    assert_int_equal(imported.counts.files, 2);
    assert_int_equal(realrepo_latest(&repo)->number, number);
}

static void test_archive_import_ends_when_told_to(void **state)
{
    (void)state;
    volatile sig_atomic_t cancel = 1;
    plant(9, 600);
    back_up();
    must(export("pax", NULL));
    int rc = import_part((struct archive_import_options){ .cancel = &cancel }, archive.len, 10000);
    assert_int_equal(rc, HF_EINTERRUPTED);
    const struct archive_export_options o = { .format = archive_lib_format("pax"),
                                              .write = to_archive,
                                              .cancel = &cancel };
    rc = archive_export_run(repo.repo, realrepo_latest(&repo), &o, NULL, &exported);
    assert_int_equal(rc, HF_EINTERRUPTED);
}

static int no_space(void *context, const void *data, size_t len)
{
    (void)context;
    (void)data;
    (void)len;
    return err_raise(HF_ENOSPC, "there is no room");
}

static void test_archive_export_hands_on_what_its_receiver_says(void **state)
{
    (void)state;
    plant_little();
    const struct archive_export_options o = { .format = archive_lib_format("pax"),
                                              .write = no_space };
    int rc = archive_export_run(repo.repo, realrepo_latest(&repo), &o, NULL, &exported);
    assert_int_equal(rc, HF_ENOSPC);
    assert_non_null(strstr(err_last()->text, "there is no room"));
}

static void test_archive_import_without_memory_says_so(void **state)
{
    (void)state;
    plant_little();
    must(export("pax", NULL));
    uint64_t n = 1;
    for (bool hit = true; hit; n += 2) {
        must(repo_refresh(repo.repo));
        size_t before = catalog_snapshot_count(repo_catalog(repo.repo));
        mem_fail_at(n, 0);
        int rc = import();
        hit = mem_fail_hits() > 0;
        mem_fail_at(0, 0);
        must(repo_refresh(repo.repo));
        if (rc == HF_ENOMEM) {
            assert_int_equal(catalog_snapshot_count(repo_catalog(repo.repo)), before);
        }
        assert_true(rc == 0 || (hit && (rc == HF_ENOMEM || rc == HF_EUNKNOWN)));
        assert_true(rc == 0 || !imported.published);
    }
    assert_true(n > 30);
    expect_restored_as(repo.tree, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_archive_import_brings_back_whole_trees),
        CASE(test_archive_import_does_not_depend_on_its_memory),
        CASE(test_archive_import_leaves_names_as_they_are),
        CASE(test_archive_import_keeps_times_of_any_age),
        CASE(test_archive_export_counts_what_it_rounds),
        CASE(test_archive_import_keeps_large_attributes),
        CASE(test_archive_export_of_a_part_is_that_part),
        CASE(test_archive_export_makes_holes_cost_nothing),
        CASE(test_archive_export_knows_no_limit_of_sizes),
        CASE(test_archive_import_takes_no_archive_that_was_cut),
        CASE(test_archive_import_survives_rotten_archives),
        CASE(test_archive_import_of_nothing_is_an_error),
        CASE(test_archive_import_dry_writes_nothing),
        CASE(test_archive_import_ends_when_told_to),
        CASE(test_archive_export_hands_on_what_its_receiver_says),
        CASE(test_archive_import_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
