/*
 * test_backup.c - a backup has everything in it, reads only what has changed, and tells what it
 * missed.
 */
/* tsan */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
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
#include "engine/source_dir.h"
#include "engine/source_stdin.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"
#include "harness/source_mem.h"
#include "harness/target_mem.h"
#include "io/fs_posix.h"
#include "store/run.h"
#include "store/segreader.h"

#define S 1000000000LL
#define NOW (1700000000 * S)

static struct realrepo repo;
static struct source *source;
static struct backup_result result;
static size_t warnings;
static int last_code;
static char last_warning[512];

/* ---- setting up: a repository, a clock that stands still, a source in memory ---- */

static int set_up(void **state)
{
    (void)state;
    realrepo_make(&repo, NOW, NULL);
    source = source_mem_new(NOW - 1000 * S);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    assert_int_equal(source_mem_held(source), 0);
    source_free(source);
    realrepo_remove(&repo);
    return 0;
}

static void on_warning(void *context, const char *path, size_t path_len, int code,
                       const char *message)
{
    (void)context;
    warnings++;
    last_code = code;
    snprintf(last_warning, sizeof(last_warning), "%.*s: %s", (int)path_len, path, message);
}

static const struct backup_events events = { .warning = on_warning };

static int run(struct backup_options o)
{
    static char root[] = "/";
    char *paths[] = { root };
    if (o.threads == 0) {
        o.threads = 1;
    }
    if (o.paths == NULL) {
        o.paths = paths;
        o.path_count = 1;
    }
    warnings = 0;
    last_warning[0] = '\0';
    assert_int_equal(source->ops->rewind(source), 0);
    return backup_run(repo.repo, &o, source, &events, &result);
}

static void back_up_with(struct backup_options o)
{
    int rc = run(o);
    if (rc != 0) {
        fail_msg("%s: %s (%s)", err_code_name(rc), err_last()->text, last_warning);
    }
    repo.wall_ns += 10 * S; /* the next one comes later */
}

static void back_up(void)
{
    back_up_with((struct backup_options){ 0 });
}

static void expect_partial(struct backup_options o)
{
    int rc = run(o);
    if (rc != HF_EPARTIAL) {
        fail_msg("%s: %s", err_code_name(rc), err_last()->text);
    }
    repo.wall_ns += 10 * S;
}

/* Fills a file with content of this seed. */
static void put(const char *path, uint64_t seed, size_t len)
{
    uint8_t *data = mem_alloc(len + 1);
    realtree_content(seed, data, len);
    source_mem_file(source, path, data, len);
    mem_free(data);
}

/* Restores the newest snapshot; freed with target_free. */
static struct target *restored(void)
{
    struct target *t = target_mem_new();
    struct restore_options o = { .threads = 1 };
    struct restore_result r;
    int rc = restore_run(repo.repo, realrepo_latest(&repo), &o, t, NULL, &r);
    if (rc != 0) {
        fail_msg("%s", err_last()->text);
    }
    return t;
}

static void expect_content(struct target *t, const char *path, uint64_t seed, size_t len)
{
    struct target_mem_thing thing;
    uint8_t *data = mem_alloc(len + 1);
    realtree_content(seed, data, len);
    if (!target_mem_find(t, path, &thing)) {
        fail_msg("there is no %s", path);
    }
    assert_int_equal(thing.len, len);
    assert_true(len == 0 || memcmp(thing.data, data, len) == 0);
    mem_free(data);
}

/* ---- what is in a snapshot ---- */

static void test_backup_counts_what_it_meets(void **state)
{
    (void)state;
    source_mem_dir(source, "/d");
    put("/d/a", 1, 100000);
    put("/d/b", 2, 10);
    put("/d/empty", 0, 0);
    source_mem_symlink(source, "/d/l", "a");
    back_up_with((struct backup_options){ .job = "web", .host = "h1", .user = "u" });
    const struct catalog_snapshot *s = realrepo_latest(&repo);
    assert_true(result.published && !result.has_parent && result.number == s->number);
    assert_memory_equal(result.id, s->id, 16);
    assert_string_equal(s->commit.job, "web");
    assert_string_equal(s->commit.host, "h1");
    assert_int_equal(s->commit.flags, COMMIT_COMPLETE);
    assert_true(s->commit.begin_ns == NOW && s->commit.end_ns == NOW);
    assert_int_equal(result.counts.files, 3);
    assert_int_equal(result.counts.files_new, 3);
    assert_int_equal(result.counts.dirs, 2);
    assert_int_equal(result.counts.others, 1);
    assert_int_equal(result.counts.bytes, 100010);
    assert_int_equal(result.bytes_read, 100010);
    assert_true(result.counts.bytes_new >= 100010 && result.counts.bytes_stored > 0);
    assert_int_equal(s->commit.counts.bytes, 100010);
    struct target *t = restored();
    struct target_mem_thing thing;
    expect_content(t, "/d/a", 1, 100000);
    expect_content(t, "/d/b", 2, 10);
    assert_true(target_mem_find(t, "/d/l", &thing) && thing.type == NODE_SYMLINK);
    assert_int_equal(thing.len, 1);
    assert_true(target_mem_find(t, "/d/empty", &thing) && thing.len == 0 && thing.finished);
    target_free(t);
}

static void test_backup_stores_files_of_all_sizes_around_the_limits(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0,       1,       16383,   16384,   16385,   49152,  262144,
                                    1048575, 1048576, 1048577, 2097152, 3000001, 9000000 };
    char path[32];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        snprintf(path, sizeof(path), "/f%02zu", i);
        put(path, i, sizes[i]);
    }
    back_up_with((struct backup_options){ .threads = 3, .budget_bytes = 2u << 20 });
    struct target *t = restored();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        snprintf(path, sizeof(path), "/f%02zu", i);
        expect_content(t, path, i, sizes[i]);
    }
    target_free(t);
}

static void test_backup_is_the_same_whatever_the_threads(void **state)
{
    (void)state;
    char path[32];
    uint8_t root[32];
    for (size_t i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/f%03zu", i);
        put(path, i, i * i * 13 % 40000);
    }
    put("/large", 5, 7000000);
    put("/larger", 4, 9500000);
    back_up_with((struct backup_options){ .job = "one" });
    memcpy(root, realrepo_latest(&repo)->commit.root, 32);
    back_up_with((struct backup_options){ .job = "two", .threads = 4 });
    assert_memory_equal(realrepo_latest(&repo)->commit.root, root, 32);
    assert_int_equal(result.counts.bytes_new, 0); /* what another job has stored is stored */
    back_up_with((struct backup_options){ .job = "three", .threads = 2, .budget_bytes = 1 });
    assert_memory_equal(realrepo_latest(&repo)->commit.root, root, 32);
}

/* What every segment consists of: blocks with their places, sizes and chunks. */
static void put_composition(struct repo *r, struct fs *fs, struct buf *out)
{
    const struct catalog *c = repo_catalog(r);
    for (uint32_t i = 0; i < catalog_segment_count(c); i++) {
        struct segreader *reader = NULL;
        struct segment_footer footer;
        assert_int_equal(
            segreader_open(fs, repo_keys(r), repo_id(r), catalog_segment(c, i), &reader), 0);
        assert_int_equal(segreader_footer(reader, &footer), 0);
        for (size_t b = 0; b < footer.block_count; b++) {
            const struct segment_block *block = &footer.blocks[b];
            buf_printf(out, "%u %u at %llu: %u %u %u\n", (unsigned)i, (unsigned)block->type,
                       (unsigned long long)block->position, block->payload_len, block->plain_len,
                       block->chunk_count);
        }
        for (size_t k = 0; k < footer.chunk_count; k++) {
            buf_put(out, footer.chunks[k].id, sizeof(footer.chunks[k].id));
            buf_put(out, &footer.chunks[k].len, sizeof(footer.chunks[k].len));
        }
        segment_footer_release(&footer);
        segreader_close(reader);
    }
}

/* Backs the source up to a copy of the repository, and says all that could depend on threads. */
static void put_result_with(size_t threads, struct buf *out)
{
    char command[512], at[160];
    struct backup_options o = { .threads = threads, .checkpoint_bytes = 3u << 20 };
    struct realrepo copy = repo;
    struct repo *original = repo.repo;
    snprintf(at, sizeof(at), "%s/copy%zu", repo.dir, threads);
    snprintf(command, sizeof(command), "cp -a '%s' '%s'", repo.at, at);
    assert_int_equal(system(command), 0);
    assert_int_equal(fs_posix_open(at, &copy.env.fs), 0);
    repo.repo = realrepo_other(&copy);
    back_up_with(o);
    buf_printf(out, "%llu %llu\n", (unsigned long long)result.counts.bytes_new,
               (unsigned long long)result.counts.bytes_stored);
    buf_put(out, realrepo_latest(&repo)->commit.root, 32);
    put_composition(repo.repo, copy.env.fs, out);
    repo_close(repo.repo);
    fs_close_fs(copy.env.fs);
    repo.repo = original;
}

static void test_backup_cuts_the_same_blocks_whatever_the_threads(void **state)
{
    (void)state;
    static const size_t counts[] = { 2, 3, 8 };
    struct buf first, other;
    char path[32];
    buf_init(&first);
    for (size_t i = 0; i < 400; i++) {
        snprintf(path, sizeof(path), "/f%03zu", i);
        put(path, i, i * i * 13 % 40000);
    }
    put("/g-large", 5, 7000000);
    put("/g-larger", 6, 9500000);
    put("/h", 9, 300000);
    put_result_with(1, &first);
    assert_true(first.len > 10000);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        buf_init(&other);
        put_result_with(counts[i], &other);
        assert_int_equal(other.len, first.len);
        assert_memory_equal(other.data, first.data, first.len);
        buf_release(&other);
    }
    buf_release(&first);
}

static void test_backup_keeps_large_and_small_xattrs(void **state)
{
    (void)state;
    static char big[5000];
    memset(big, 'b', sizeof(big));
    put("/f", 1, 10);
    source_mem_xattr(source, "/f", "user.big", big, sizeof(big));
    source_mem_xattr(source, "/f", "user.small", "s", 1);
    source_mem_dir(source, "/d");
    source_mem_xattr(source, "/d", "user.dir", "", 0);
    back_up();
    struct target *t = restored();
    struct target_mem_thing thing;
    assert_true(target_mem_find(t, "/f", &thing));
    assert_int_equal(thing.xattr_count, 2);
    assert_string_equal(thing.xattrs[0].name, "user.big");
    assert_memory_equal(thing.xattrs[0].value, big, sizeof(big));
    assert_string_equal(thing.xattrs[1].name, "user.small");
    assert_true(target_mem_find(t, "/d", &thing));
    assert_int_equal(thing.xattr_count, 1);
    target_free(t);
    back_up();
    assert_int_equal(result.counts.files_unmodified, 1);
    assert_int_equal(result.bytes_read, 0);
}

static void test_backup_reads_a_file_with_several_names_once(void **state)
{
    (void)state;
    struct target_mem_thing a, b, c;
    source_mem_dir(source, "/d");
    put("/a", 1, 5000000);
    source_mem_link(source, "/a", "/d/b");
    source_mem_link(source, "/a", "/z");
    back_up_with((struct backup_options){ .threads = 2 });
    assert_int_equal(source_mem_opens(source), 1);
    assert_int_equal(result.bytes_read, 5000000);
    assert_int_equal(result.counts.files, 3);
    struct target *t = restored();
    assert_true(target_mem_find(t, "/a", &a) && target_mem_find(t, "/d/b", &b) &&
                target_mem_find(t, "/z", &c));
    assert_true(a.inode == b.inode && b.inode == c.inode && a.len == 5000000);
    target_free(t);
}

static void test_backup_of_nothing_is_an_error(void **state)
{
    (void)state;
    source_mem_remove(source, "/");
    assert_int_equal(run((struct backup_options){ 0 }), HF_ESOURCE);
    assert_false(result.published);
}

/* ---- what has changed ---- */

static void test_backup_reads_only_what_has_changed(void **state)
{
    (void)state;
    char path[32];
    for (size_t i = 0; i < 500; i++) {
        snprintf(path, sizeof(path), "/f%03zu", i);
        put(path, i, 1000);
    }
    put("/large", 7, 3000000);
    back_up();
    back_up();
    assert_true(result.has_parent);
    assert_int_equal(result.bytes_read, 0);
    assert_int_equal(result.counts.files_unmodified, 501);
    assert_int_equal(result.counts.bytes, 3500000);
    assert_int_equal(result.counts.bytes_new, 0);
    source_mem_tick(source, NOW - 500 * S);
    put("/f100", 9999, 1000);
    put("/f1001", 9998, 50);
    source_mem_remove(source, "/f200");
    back_up();
    assert_int_equal(result.bytes_read, 1050);
    assert_int_equal(result.counts.files_unmodified, 499);
    assert_int_equal(result.counts.files_changed, 1);
    assert_int_equal(result.counts.files_new, 1);
    struct target *t = restored();
    struct target_mem_thing thing;
    expect_content(t, "/f100", 9999, 1000);
    expect_content(t, "/f499", 499, 1000);
    expect_content(t, "/large", 7, 3000000);
    assert_false(target_mem_find(t, "/f200", &thing));
    target_free(t);
    /* The manifest is the one that would have been built from nothing. */
    uint8_t root[32];
    memcpy(root, realrepo_latest(&repo)->commit.root, 32);
    back_up_with((struct backup_options){ .job = "fresh" });
    assert_memory_equal(realrepo_latest(&repo)->commit.root, root, 32);
}

static void test_backup_sees_every_kind_of_change(void **state)
{
    (void)state;
    static const char *const paths[] = { "/content", "/ctime", "/inode", "/mode", "/mtime" };
    for (size_t i = 0; i < 5; i++) {
        put(paths[i], i, 100);
    }
    back_up();
    source_mem_tick(source, NOW - 500 * S);
    put("/content", 77, 100);
    put("/ctime", 78, 100); /* content of the same length, and the mtime put back */
    source_mem_mtime(source, "/ctime", NOW - 1000 * S);
    source_mem_remove(source, "/inode");
    source_mem_tick(source, NOW - 1000 * S);
    put("/inode", 79, 100);
    source_mem_tick(source, NOW - 500 * S);
    source_mem_chmod(source, "/mode", 0600);
    source_mem_mtime(source, "/mtime", 5);
    back_up();
    assert_int_equal(result.counts.files_changed, 5);
    struct target *t = restored();
    struct target_mem_thing thing;
    expect_content(t, "/content", 77, 100);
    expect_content(t, "/ctime", 78, 100);
    expect_content(t, "/inode", 79, 100);
    assert_true(target_mem_find(t, "/mode", &thing) && thing.node.mode == 0600);
    assert_true(target_mem_find(t, "/mtime", &thing) && thing.node.mtime_ns == 5);
    target_free(t);
}

static void test_backup_rereads_what_may_have_changed_in_the_same_instant(void **state)
{
    (void)state;
    source_mem_tick(source, NOW - 1);
    put("/f", 1, 100);
    back_up();
    put("/f", 2, 100); /* same size, same times: only reading tells */
    back_up();
    assert_int_equal(result.bytes_read, 100);
    assert_int_equal(result.counts.files_changed, 1);
    struct target *t = restored();
    expect_content(t, "/f", 2, 100);
    target_free(t);
    back_up(); /* that one began ten seconds later, so it is settled */
    assert_int_equal(result.bytes_read, 0);
}

static void test_backup_counts_what_was_read_in_vain_as_unmodified(void **state)
{
    (void)state;
    source_mem_tick(source, NOW);
    put("/f", 1, 100);
    back_up();
    repo.wall_ns = NOW;
    back_up();
    assert_int_equal(result.bytes_read, 100);
    assert_int_equal(result.counts.files_unmodified, 1);
    assert_int_equal(result.counts.files_changed, 0);
    back_up_with((struct backup_options){ .force = true });
    assert_int_equal(result.bytes_read, 100);
    assert_int_equal(result.counts.files_unmodified, 1);
}

static void test_backup_can_ignore_inode_and_ctime(void **state)
{
    (void)state;
    put("/f", 1, 100);
    put("/g", 1, 200);
    back_up();
    source_mem_remove(source, "/f");
    put("/f", 2, 100); /* another inode of the same times: taken for unchanged */
    back_up_with((struct backup_options){ .ignore_inode = true });
    assert_int_equal(result.bytes_read, 0);
    source_mem_tick(source, NOW - 5 * S);
    source_mem_chmod(source, "/g", 0600);
    source_mem_xattr(source, "/g", "user.x", "new", 3);
    back_up_with((struct backup_options){ .ignore_ctime = true });
    assert_int_equal(result.bytes_read, 0);
    struct target *t = restored();
    struct target_mem_thing thing;
    expect_content(t, "/f", 1, 100);
    expect_content(t, "/g", 1, 200);
    assert_true(target_mem_find(t, "/g", &thing));
    assert_int_equal(thing.node.mode, 0600); /* the metadata are taken anew */
    assert_int_equal(thing.xattr_count, 1);
    target_free(t);
}

static void test_backup_skips_publishing_when_nothing_differs(void **state)
{
    (void)state;
    put("/f", 1, 100);
    back_up();
    uint64_t number = realrepo_latest(&repo)->number;
    back_up_with((struct backup_options){ .skip_if_unchanged = true });
    assert_true(result.unchanged && !result.published);
    assert_int_equal(realrepo_latest(&repo)->number, number);
    put("/g", 1, 1);
    back_up_with((struct backup_options){ .skip_if_unchanged = true });
    assert_true(result.published && !result.unchanged);
}

static void test_backup_dry_run_writes_nothing(void **state)
{
    (void)state;
    put("/f", 1, 100000);
    back_up();
    uint64_t number = realrepo_latest(&repo)->number;
    put("/g", 3, 50000);
    back_up_with((struct backup_options){ .dry_run = true });
    assert_false(result.published);
    assert_int_equal(result.counts.files_new, 1);
    assert_true(result.counts.bytes_new >= 50000 && result.counts.bytes_new < 60000);
    realrepo_reopen(&repo, false);
    assert_int_equal(realrepo_latest(&repo)->number, number);
}

static void test_backup_parent_is_the_newest_of_the_same_paths(void **state)
{
    (void)state;
    static char other[] = "/other";
    char *paths[] = { other };
    uint8_t first[16], second[16];
    uint8_t unknown[16] = { 1 };
    put("/f", 1, 100);
    back_up();
    memcpy(first, result.id, 16);
    back_up_with((struct backup_options){ .paths = paths, .path_count = 1 });
    memcpy(second, result.id, 16);
    assert_memory_equal(result.parent, first, 16); /* for want of one of these paths */
    back_up();
    assert_memory_equal(result.parent, first, 16);
    back_up_with((struct backup_options){ .parent = second });
    assert_memory_equal(result.parent, second, 16);
    back_up_with((struct backup_options){ .host = "elsewhere" });
    assert_false(result.has_parent);
    assert_int_equal(run((struct backup_options){ .parent = unknown }), HF_ENO_POINT);
}

static void test_backup_cuts_page_structured_files_at_pages(void **state)
{
    (void)state;
    const size_t len = 2u << 20;
    uint8_t *data = mem_alloc(len);
    for (int large = 0; large < 2; large++) {
        size_t size = large ? len : len / 4;
        realtree_content(3, data, len); /* random: nothing but pages can be found again */
        memcpy(data, "SQLite format 3", 16);
        source_mem_file(source, "/db", data, size);
        back_up();
        source_mem_tick(source, NOW - 900 * S + large);
        data[200000] ^= 1;
        source_mem_file(source, "/db", data, size);
        back_up();
        /* One page of content, and a few of the manifest. */
        assert_true(result.counts.bytes_new < 3 * CHUNKER_DEFAULT_FIXED);
        data[0] = 'x'; /* not known by its beginning any more, but by its parent */
        source_mem_tick(source, NOW - 800 * S + large);
        source_mem_file(source, "/db", data, size);
        back_up();
        assert_true(result.counts.bytes_new < 3 * CHUNKER_DEFAULT_FIXED);
        source_mem_remove(source, "/db");
        source_mem_tick(source, NOW - 700 * S);
    }
    mem_free(data);
}

/* ---- files that do not hold still ---- */

struct meddling {
    int times; /* how often it still changes */
    size_t len;
    uint64_t seed;
    uint64_t from; /* only when read at or behind this offset */
    int64_t now;
};

static void rewrite(void *context, struct source *s, const char *path, uint64_t offset)
{
    struct meddling *m = context;
    if (m->times == 0 || offset < m->from) {
        return;
    }
    m->times--;
    m->now += S;
    source_mem_tick(s, m->now);
    put(path, ++m->seed, m->len);
}

static void test_backup_reads_again_what_changed_while_it_was_read(void **state)
{
    (void)state;
    static const size_t sizes[] = { 5000, 3000000 };
    for (size_t i = 0; i < 2; i++) {
        struct meddling m = { .times = 2,
                              .len = sizes[i],
                              .now = NOW - 900 * S,
                              .seed = 50,
                              .from = i == 0 ? 0 : 2u << 20 };
        put("/f", 1, sizes[i]);
        source_mem_on_read(source, "/f", rewrite, &m);
        back_up_with((struct backup_options){ .threads = 2, .force = true });
        assert_int_equal(result.counts.unstable, 0);
        assert_int_equal(warnings, 0);
        assert_int_equal(m.times, 0);
        source_mem_on_read(source, "/f", NULL, NULL);
        struct target *t = restored();
        expect_content(t, "/f", 52, sizes[i]);
        target_free(t);
    }
}

static void test_backup_flags_what_never_holds_still(void **state)
{
    (void)state;
    static const size_t sizes[] = { 5000, 3000000 };
    for (size_t i = 0; i < 2; i++) {
        struct meddling m = {
            .times = 1000, .len = sizes[i], .seed = 50, .now = NOW - 900 * S + (int64_t)i * 100 * S
        };
        put("/f", 1, sizes[i]);
        source_mem_on_read(source, "/f", rewrite, &m);
        expect_partial((struct backup_options){ .force = true });
        assert_int_equal(result.counts.unstable, 1);
        assert_int_equal(result.counts.errors, 0);
        assert_int_equal(warnings, 1);
        assert_int_equal(last_code, HF_ECHANGED);
        assert_true(result.published);
        source_mem_on_read(source, "/f", NULL, NULL);
        back_up(); /* such a file is read again, whatever its times say */
        assert_int_equal(result.bytes_read, sizes[i]);
        assert_int_equal(result.counts.unstable, 0);
    }
}

/* Appends, as a log does. */
static void append(void *context, struct source *s, const char *path, uint64_t offset)
{
    struct meddling *m = context;
    if (offset < m->from) {
        return;
    }
    m->len += 100;
    m->now += S;
    source_mem_tick(s, m->now);
    put(path, m->seed, m->len);
}

static void test_backup_takes_a_growing_log_as_long_as_it_was(void **state)
{
    (void)state;
    static const size_t sizes[] = { 5000, 3000000 };
    for (size_t i = 0; i < 2; i++) {
        struct meddling m = { .len = sizes[i], .now = NOW - 900 * S, .seed = 4 };
        put("/log", 4, sizes[i]);
        source_mem_on_read(source, "/log", append, &m);
        back_up_with((struct backup_options){ .force = true });
        assert_int_equal(result.counts.unstable, 0);
        source_mem_on_read(source, "/log", NULL, NULL);
        struct target *t = restored();
        struct target_mem_thing thing;
        assert_true(target_mem_find(t, "/log", &thing));
        assert_true(thing.len >= sizes[i] && thing.len < m.len);
        expect_content(t, "/log", 4, thing.len);
        target_free(t);
    }
}

static void test_backup_takes_a_file_that_shrank_as_it_is(void **state)
{
    (void)state;
    static const size_t sizes[] = { 5000, 3000000 };
    for (size_t i = 0; i < 2; i++) {
        struct meddling m = {
            .times = 1, .len = 1000, .now = NOW - 900 * S, .seed = 50, .from = i == 0 ? 0 : 1u << 20
        };
        put("/f", 1, sizes[i]);
        source_mem_on_read(source, "/f", rewrite, &m);
        back_up_with((struct backup_options){ .force = true });
        source_mem_on_read(source, "/f", NULL, NULL);
        struct target *t = restored();
        expect_content(t, "/f", 51, 1000);
        target_free(t);
    }
}

static void test_backup_takes_a_small_file_that_became_large(void **state)
{
    (void)state;
    struct meddling m = { .times = 1, .len = 4000000, .now = NOW - 900 * S, .seed = 50 };
    put("/a", 1, 100);
    put("/f", 1, 5000);
    put("/g", 1, 100);
    source_mem_on_read(source, "/f", rewrite, &m);
    back_up();
    struct target *t = restored();
    expect_content(t, "/f", 51, 4000000);
    expect_content(t, "/g", 1, 100);
    target_free(t);
}

static void vanish(void *context, struct source *s, size_t yielded)
{
    if (yielded == *(size_t *)context) {
        source_mem_remove(s, "/f");
    }
}

static void test_backup_warns_of_what_has_vanished(void **state)
{
    (void)state;
    size_t when = 3; /* "/", "/a", "/f" have been seen, and nothing was read yet */
    put("/a", 1, 10);
    put("/f", 1, 10);
    put("/g", 1, 10);
    source_mem_on_next(source, vanish, &when);
    expect_partial((struct backup_options){ 0 });
    assert_int_equal(result.counts.errors, 1);
    assert_int_equal(last_code, HF_EABSENT);
    assert_int_equal(strncmp(last_warning, "/f: ", 4), 0);
    struct target *t = restored();
    struct target_mem_thing thing;
    assert_false(target_mem_find(t, "/f", &thing));
    expect_content(t, "/g", 1, 10);
    target_free(t);
}

static void test_backup_goes_on_past_files_that_cant_be_read(void **state)
{
    (void)state;
    put("/a", 1, 10);
    put("/denied", 1, 10);
    put("/large", 1, 5000000);
    source_mem_link(source, "/large", "/large2");
    put("/small", 1, 100000);
    put("/z", 1, 10);
    source_mem_fail_open(source, "/denied", HF_EACCESS);
    source_mem_fail_read(source, "/large", 3000000, HF_EIO);
    source_mem_fail_read(source, "/small", 0, HF_EIO);
    expect_partial((struct backup_options){ .threads = 2 });
    assert_int_equal(result.counts.errors, 4); /* the second name of the large one is lost too */
    assert_int_equal(warnings, 4);
    assert_int_equal(result.counts.files, 2);
    struct target *t = restored();
    expect_content(t, "/a", 1, 10);
    expect_content(t, "/z", 1, 10);
    assert_int_equal(target_mem_count(t), 3);
    target_free(t);
    source_mem_fail_open(source, "/denied", 0);
    source_mem_fail_read(source, "/large", 0, 0);
    source_mem_fail_read(source, "/small", 0, 0);
    back_up();
    assert_int_equal(result.counts.files_new, 4);
    assert_int_equal(result.counts.files_unmodified, 2);
}

/* ---- runs that do not come to their end ---- */

static volatile sig_atomic_t cancel;

static void stop_late(void *context, struct source *s, size_t yielded)
{
    (void)s;
    if (yielded == *(size_t *)context) {
        cancel = 1;
    }
}

static void fill_many(void)
{
    char path[32];
    for (size_t i = 0; i < 100; i++) {
        snprintf(path, sizeof(path), "/f%03zu", i);
        put(path, 3 * i, 300000); /* random, 30 MB in all */
    }
}

static void test_backup_interrupted_keeps_what_it_stored(void **state)
{
    (void)state;
    size_t when = 90;
    fill_many();
    cancel = 0;
    source_mem_on_next(source, stop_late, &when);
    struct backup_options o = { .cancel = &cancel,
                                .checkpoint_bytes = 4u << 20,
                                .budget_bytes = 2u << 20 };
    assert_int_equal(run(o), HF_EINTERRUPTED);
    assert_false(result.published);
    source_mem_on_next(source, NULL, NULL);
    realrepo_reopen(&repo, false);
    repo.wall_ns += 10 * S;
    back_up();
    assert_false(result.has_parent);
    /* What lay before the last checkpoint is neither read nor stored again. */
    assert_true(result.bytes_read < 8000000);
    assert_true(result.counts.bytes_new < 8000000);
    assert_int_equal(result.counts.files, 100);
    struct target *t = restored();
    expect_content(t, "/f000", 0, 300000);
    expect_content(t, "/f099", 297, 300000);
    target_free(t);
    uint8_t root[32];
    memcpy(root, realrepo_latest(&repo)->commit.root, 32);
    back_up_with((struct backup_options){ .job = "fresh" });
    assert_memory_equal(realrepo_latest(&repo)->commit.root, root, 32);
}

static void test_backup_after_an_interruption_uses_the_parent_for_the_rest(void **state)
{
    (void)state;
    size_t when = 60;
    fill_many();
    back_up();
    uint8_t parent[16];
    memcpy(parent, result.id, 16);
    source_mem_tick(source, NOW - 500 * S);
    for (size_t i = 0; i < 50; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/f%03zu", i);
        put(path, 3 * i + 3000, 300000);
    }
    cancel = 0;
    source_mem_on_next(source, stop_late, &when);
    struct backup_options o = { .cancel = &cancel,
                                .checkpoint_bytes = 4u << 20,
                                .budget_bytes = 2u << 20 };
    assert_int_equal(run(o), HF_EINTERRUPTED);
    source_mem_on_next(source, NULL, NULL);
    repo.wall_ns += 10 * S;
    back_up();
    assert_memory_equal(result.parent, parent, 16);
    assert_true(result.bytes_read < 8000000);
    struct target *t = restored();
    expect_content(t, "/f000", 3000, 300000);
    expect_content(t, "/f049", 3 * 49 + 3000, 300000);
    expect_content(t, "/f099", 297, 300000);
    target_free(t);
}

static void test_backup_cancelled_at_once_publishes_nothing(void **state)
{
    (void)state;
    put("/f", 1, 10);
    cancel = 1;
    assert_int_equal(run((struct backup_options){ .cancel = &cancel, .threads = 2 }),
                     HF_EINTERRUPTED);
    assert_false(result.published);
    back_up();
}

/* ---- somebody else at work ---- */

struct forgetting {
    size_t when;
    uint8_t id[16];
    bool done;
};

static int build_forget(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                        struct buf *body)
{
    const struct forgetting *f = context;
    (void)catalog;
    (void)uuid;
    entry_put_forget(body, false, 0, &f->id, 1);
    return buf_error(body);
}

static void forget_parent(void *context, struct source *s, size_t yielded)
{
    struct forgetting *f = context;
    struct run_entry entry = { .build = build_forget, .context = f };
    uint8_t id[16];
    uint64_t number = 0;
    (void)s;
    if (f->done || yielded != f->when) {
        return;
    }
    f->done = true;
    struct repo *other = realrepo_other(&repo);
    assert_int_equal(run_publish(other, &entry, id, &number), 0);
    repo_close(other);
}

static void test_backup_starts_over_when_its_parent_is_forgotten(void **state)
{
    (void)state;
    struct forgetting f = { .when = 2 };
    put("/a", 1, 1000);
    put("/b", 2, 1000);
    back_up();
    memcpy(f.id, result.id, 16);
    source_mem_on_next(source, forget_parent, &f);
    back_up();
    assert_int_equal(result.attempts, 2);
    assert_false(result.has_parent);
    assert_int_equal(result.counts.files, 2); /* counted once */
    struct target *t = restored();
    expect_content(t, "/b", 2, 1000);
    target_free(t);
}

/* ---- streams ---- */

static int finish_stream(void *context)
{
    int code = *(int *)context;
    return code != 0 ? err_raise(code, "the command failed") : 0;
}

static int back_up_stream(size_t len, int code)
{
    int ends[2];
    uint8_t *data = mem_alloc(len + 1);
    struct source *s = NULL;
    struct backup_options o = { .threads = 2 };
    realtree_content(6, data, len);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        for (size_t at = 0; at < len;) {
            ssize_t n = write(ends[1], data + at, len - at);
            if (n <= 0) {
                _exit(1);
            }
            at += (size_t)n;
        }
        _exit(0);
    }
    close(ends[1]);
    struct source_stdin_options in = { .fd = ends[0],
                                       .name = "dumps/db.sql",
                                       .clock = &repo.clock,
                                       .finish = finish_stream,
                                       .context = &code };
    assert_int_equal(source_stdin_new(&in, &s), 0);
    int rc = backup_run(repo.repo, &o, s, &events, &result);
    source_free(s);
    close(ends[0]);
    mem_free(data);
    return rc;
}

static void test_backup_stores_a_stream_as_a_file(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 100, 5000000 };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(back_up_stream(sizes[i], 0), 0);
        assert_int_equal(result.counts.bytes, sizes[i]);
        struct target *t = restored();
        struct target_mem_thing thing;
        expect_content(t, "/dumps/db.sql", 6, sizes[i]);
        assert_true(target_mem_find(t, "/dumps/db.sql", &thing));
        assert_int_equal(thing.node.mode, 0600);
        assert_true(thing.node.mtime_ns == NOW);
        target_free(t);
    }
}

static void test_backup_of_a_failed_stream_publishes_nothing(void **state)
{
    (void)state;
    assert_int_equal(back_up_stream(3000000, HF_EFAIL), HF_EFAIL);
    assert_false(result.published);
    assert_int_equal(catalog_snapshot_count(repo_catalog(repo.repo)), 0);
}

static void test_backup_refuses_names_for_streams_that_lead_elsewhere(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "/", "a/", "a//b", "..", "a/../b", "./a" };
    struct source *s = NULL;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct source_stdin_options in = { .fd = -1, .name = bad[i], .clock = &repo.clock };
        assert_int_equal(source_stdin_new(&in, &s), HF_EUSAGE);
    }
}

/* ---- live files ---- */

static void test_backup_reads_no_holes(void **state)
{
    (void)state;
    char path[200];
    repo.wall_ns = 0;
    snprintf(path, sizeof(path), "%s/sparse", repo.tree);
    realtree_write(path, "beginning", 9);
    assert_int_equal(truncate(path, 1 << 30), 0);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "middle", 6, 512 << 20), 6);
    close(fd);
    snprintf(path, sizeof(path), "%s/small", repo.tree);
    realtree_write(path, "x", 1);
    assert_int_equal(truncate(path, 500000), 0);
    assert_int_equal(realrepo_backup(&repo, NULL, &result), 0);
    assert_int_equal(result.counts.bytes, (1u << 30) + 500000u);
    assert_true(result.bytes_read < 64u << 10);
    struct restore_result r;
    char difference[512];
    assert_int_equal(realrepo_restore(&repo, NULL, NULL, &r), 0);
    if (realtree_differs(repo.tree, repo.out, 0, difference, sizeof(difference)) != 0) {
        fail_msg("%s", difference);
    }
    assert_true(r.bytes_written < 64u << 10);
}

static void test_backup_never_contains_its_repository(void **state)
{
    (void)state;
    struct source *s = NULL;
    char *root = repo.dir;
    char *never[] = { repo.at };
    struct backup_options o = { .threads = 1 };
    struct source_dir_options walk = {
        .roots = &root, .root_count = 1, .never = never, .never_count = 1, .strip_prefix = repo.dir
    };
    assert_int_equal(source_dir_new(&walk, &s), 0);
    assert_int_equal(backup_run(repo.repo, &o, s, NULL, &result), 0);
    source_free(s);
    struct target *t = restored();
    struct target_mem_thing thing;
    assert_true(target_mem_find(t, "/cache", &thing));
    assert_false(target_mem_find(t, "/repo", &thing));
    target_free(t);
}

/* ---- running out ---- */

static void test_backup_reports_memory_running_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/f%02zu", i);
        put(path, i, 30000);
    }
    put("/large", 3, 2500000);
    source_mem_link(source, "/large", "/link");
    source_mem_xattr(source, "/f00", "user.x", "y", 1);
    back_up();
    bool whole = false;
    for (uint64_t n = 1; !whole; n += 1 + n / 9) {
        source_mem_tick(source, NOW - 400 * S + (int64_t)n);
        put("/f05", n, 20000);
        put("/large", n, 2500000);
        mem_fail_at(n, 0);
        int rc = run((struct backup_options){ 0 });
        whole = mem_fail_hits() == 0;
        mem_fail_at(0, 0);
        /* Once the entry has its name, memory running out leaves its durability open. */
        if (rc != 0 && rc != HF_ENOMEM && rc != HF_EUNKNOWN) {
            fail_msg("allocation %u: %s: %s", (unsigned)n, err_code_name(rc), err_last()->text);
        }
        assert_true(rc == 0 || !result.published);
        if (whole) {
            assert_int_equal(rc, 0);
        }
        repo.wall_ns += 10 * S;
    }
    back_up();
    struct target *t = restored();
    expect_content(t, "/f19", 19, 30000);
    target_free(t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_backup_counts_what_it_meets),
        TEST(test_backup_stores_files_of_all_sizes_around_the_limits),
        TEST(test_backup_is_the_same_whatever_the_threads),
        TEST(test_backup_cuts_the_same_blocks_whatever_the_threads),
        TEST(test_backup_keeps_large_and_small_xattrs),
        TEST(test_backup_reads_a_file_with_several_names_once),
        TEST(test_backup_of_nothing_is_an_error),
        TEST(test_backup_reads_only_what_has_changed),
        TEST(test_backup_sees_every_kind_of_change),
        TEST(test_backup_rereads_what_may_have_changed_in_the_same_instant),
        TEST(test_backup_counts_what_was_read_in_vain_as_unmodified),
        TEST(test_backup_can_ignore_inode_and_ctime),
        TEST(test_backup_skips_publishing_when_nothing_differs),
        TEST(test_backup_dry_run_writes_nothing),
        TEST(test_backup_parent_is_the_newest_of_the_same_paths),
        TEST(test_backup_cuts_page_structured_files_at_pages),
        TEST(test_backup_reads_again_what_changed_while_it_was_read),
        TEST(test_backup_flags_what_never_holds_still),
        TEST(test_backup_takes_a_growing_log_as_long_as_it_was),
        TEST(test_backup_takes_a_file_that_shrank_as_it_is),
        TEST(test_backup_takes_a_small_file_that_became_large),
        TEST(test_backup_warns_of_what_has_vanished),
        TEST(test_backup_goes_on_past_files_that_cant_be_read),
        TEST(test_backup_interrupted_keeps_what_it_stored),
        TEST(test_backup_after_an_interruption_uses_the_parent_for_the_rest),
        TEST(test_backup_cancelled_at_once_publishes_nothing),
        TEST(test_backup_starts_over_when_its_parent_is_forgotten),
        TEST(test_backup_stores_a_stream_as_a_file),
        TEST(test_backup_of_a_failed_stream_publishes_nothing),
        TEST(test_backup_refuses_names_for_streams_that_lead_elsewhere),
        TEST(test_backup_reads_no_holes),
        TEST(test_backup_never_contains_its_repository),
        TEST(test_backup_reports_memory_running_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
