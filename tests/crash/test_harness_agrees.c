/*
 * test_harness_agrees.c - the simulated disk behaves as the machine's file system does.
 *
 * The same seeded random operations are asked of both, through the same seam. Every answer must be
 * the same: codes, bytes read, sizes, modes, names listed; and so must the trees at the end. What
 * the simulated disk refuses on purpose, renaming folders, is not asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "harness/simdisk.h"
#include "io/fs.h"
#include "io/fs_posix.h"

#define SEEDS 60
#define OPERATIONS 400
#define HANDLES 4
#define LARGEST_WRITE 6000

enum { SIMULATED, REAL, BOTH };

struct pair {
    struct fs *fs[BOTH];
    struct fs_file *files[HANDLES][BOTH];
    struct rnd rnd;
    uint64_t seed;
    int step;
    uint8_t data[LARGEST_WRITE];
};

/* What was asked, in words for a failure. */
static void assert_same(const struct pair *p, int64_t simulated, int64_t real, const char *what,
                        const char *path)
{
    if (simulated != real) {
        fail_msg("seed %llu, step %d, %s %s: simulated %lld, real %lld (%s)",
                 (unsigned long long)p->seed, p->step, what, path, (long long)simulated,
                 (long long)real, err_last()->text);
    }
}

static const char *const names[] = { "f0",   "f1",     "f2",     "d",     "e",
                                     "d/f0", "d/f1",   "d/f2",   "e/f0",  "e/f1",
                                     "d/s",  "d/s/f0", "d/s/f1", "f0/f1", "e/absent/f0" };
static const char *const folders[] = { "d", "e", "d/s", "d", "e/absent/d", "f0/d" };
static const char *const files[] = { "f0",   "f1",   "f2",     "d/f0",   "d/f1",        "d/f2",
                                     "e/f0", "e/f1", "d/s/f0", "d/s/f1", "e/absent/f0", "f0/f1" };

#define PICK(p, list) ((list)[rnd_below(&(p)->rnd, sizeof(list) / sizeof((list)[0]))])

static void do_mkdir(struct pair *p)
{
    const char *path = PICK(p, folders);
    uint32_t mode = rnd_below(&p->rnd, 2) == 0 ? 0755 : 0700;
    assert_same(p, fs_mkdir(p->fs[SIMULATED], path, mode), fs_mkdir(p->fs[REAL], path, mode),
                "mkdir", path);
}

static void close_handle(struct pair *p, size_t handle)
{
    struct fs_file **f = p->files[handle];
    assert_same(p, fs_close(&f[SIMULATED]), fs_close(&f[REAL]), "close", "");
}

static void do_create(struct pair *p)
{
    static const uint32_t modes[] = { 0600, 0400, 0644, 0666 };
    size_t handle = (size_t)rnd_below(&p->rnd, HANDLES);
    const char *path = PICK(p, files);
    uint32_t mode = PICK(p, modes);
    close_handle(p, handle);
    assert_same(p, fs_create(p->fs[SIMULATED], path, mode, &p->files[handle][SIMULATED]),
                fs_create(p->fs[REAL], path, mode, &p->files[handle][REAL]), "create", path);
}

static void do_open(struct pair *p)
{
    size_t handle = (size_t)rnd_below(&p->rnd, HANDLES);
    const char *path = PICK(p, names);
    close_handle(p, handle);
    assert_same(p, fs_open(p->fs[SIMULATED], path, &p->files[handle][SIMULATED]),
                fs_open(p->fs[REAL], path, &p->files[handle][REAL]), "open", path);
}

/* A handle that is open, or NULL. */
static struct fs_file **some_handle(struct pair *p)
{
    struct fs_file **f = p->files[rnd_below(&p->rnd, HANDLES)];
    return f[SIMULATED] == NULL ? NULL : f;
}

static void do_write(struct pair *p)
{
    struct fs_file **f = some_handle(p);
    size_t len = (size_t)rnd_below(&p->rnd, LARGEST_WRITE);
    uint64_t offset = rnd_below(&p->rnd, 20000);
    if (f == NULL) {
        return;
    }
    rnd_bytes(&p->rnd, p->data, len);
    assert_same(p, fs_pwrite(f[SIMULATED], p->data, len, offset),
                fs_pwrite(f[REAL], p->data, len, offset), "write", f[REAL]->path);
}

static void do_read(struct pair *p)
{
    struct fs_file **f = some_handle(p);
    uint8_t got[BOTH][LARGEST_WRITE];
    size_t len[BOTH];
    size_t wanted = (size_t)rnd_below(&p->rnd, LARGEST_WRITE);
    uint64_t offset = rnd_below(&p->rnd, 25000);
    if (f == NULL) {
        return;
    }
    assert_same(p, fs_pread(f[SIMULATED], got[SIMULATED], wanted, offset, &len[SIMULATED]),
                fs_pread(f[REAL], got[REAL], wanted, offset, &len[REAL]), "read", f[REAL]->path);
    assert_same(p, (int64_t)len[SIMULATED], (int64_t)len[REAL], "length read", f[REAL]->path);
    assert_memory_equal(got[SIMULATED], got[REAL], len[REAL]);
}

static void do_size(struct pair *p)
{
    struct fs_file **f = some_handle(p);
    uint64_t size[BOTH];
    if (f == NULL) {
        return;
    }
    assert_same(p, fs_size(f[SIMULATED], &size[SIMULATED]), fs_size(f[REAL], &size[REAL]), "size",
                f[REAL]->path);
    assert_same(p, (int64_t)size[SIMULATED], (int64_t)size[REAL], "size", f[REAL]->path);
}

/* Seldom, since the real one takes its time. */
static void do_sync(struct pair *p)
{
    struct fs_file **f = some_handle(p);
    const char *path = PICK(p, names);
    if (rnd_below(&p->rnd, 10) != 0) {
        return;
    }
    if (f != NULL) {
        assert_same(p, fs_sync(f[SIMULATED], "test"), fs_sync(f[REAL], "test"), "sync",
                    f[REAL]->path);
    }
    assert_same(p, fs_sync_dir(p->fs[SIMULATED], path, "test"),
                fs_sync_dir(p->fs[REAL], path, "test"), "sync_dir", path);
}

static void do_rename(struct pair *p)
{
    const char *from = PICK(p, files), *to = PICK(p, names);
    bool over = rnd_below(&p->rnd, 2) == 0;
    int (*rename_it)(struct fs *, const char *, const char *) = over ? fs_rename_over
                                                                     : fs_rename_new;
    assert_same(p, rename_it(p->fs[SIMULATED], from, to), rename_it(p->fs[REAL], from, to),
                over ? "rename_over" : "rename_new", to);
}

static void do_remove(struct pair *p)
{
    const char *path = PICK(p, names);
    if (rnd_below(&p->rnd, 3) == 0) {
        assert_same(p, fs_rmdir(p->fs[SIMULATED], path), fs_rmdir(p->fs[REAL], path), "rmdir",
                    path);
    } else {
        assert_same(p, fs_unlink(p->fs[SIMULATED], path), fs_unlink(p->fs[REAL], path), "unlink",
                    path);
    }
}

static void do_stat(struct pair *p)
{
    const char *path = PICK(p, names);
    struct fs_stat st[BOTH];
    int rc = fs_stat(p->fs[SIMULATED], path, &st[SIMULATED]);
    assert_same(p, rc, fs_stat(p->fs[REAL], path, &st[REAL]), "stat", path);
    if (rc != 0) {
        return;
    }
    assert_same(p, (int64_t)st[SIMULATED].size, (int64_t)st[REAL].size, "size of", path);
    assert_same(p, st[SIMULATED].mode, st[REAL].mode, "mode of", path);
    assert_same(p, st[SIMULATED].is_dir, st[REAL].is_dir, "kind of", path);
}

/* --- whole trees ------------------------------------------------------------------------------ */

struct listing {
    char names[32][16];
    size_t count;
};

static int add_name(void *context, const char *name)
{
    struct listing *l = context;
    assert_true(l->count < 32 && strlen(name) < 16);
    snprintf(l->names[l->count++], 16, "%s", name);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int list_sorted(struct fs *fs, const char *path, struct listing *out)
{
    out->count = 0;
    int rc = fs_list(fs, path, add_name, out);
    qsort(out->names, out->count, sizeof out->names[0], by_text);
    return rc;
}

static void do_list(struct pair *p)
{
    const char *path = rnd_below(&p->rnd, 4) == 0 ? "" : PICK(p, names);
    struct listing l[BOTH];
    memset(l, 0, sizeof l);
    int rc = list_sorted(p->fs[SIMULATED], path, &l[SIMULATED]);
    assert_same(p, rc, list_sorted(p->fs[REAL], path, &l[REAL]), "list", path);
    assert_same(p, (int64_t)l[SIMULATED].count, (int64_t)l[REAL].count, "list", path);
    assert_memory_equal(l[SIMULATED].names, l[REAL].names, sizeof l[REAL].names);
}

/* Puts all that can be seen beneath a folder into out. */
static void put_tree(struct fs *fs, const char *folder, struct buf *out)
{
    struct listing l;
    assert_int_equal(list_sorted(fs, folder, &l), 0);
    for (size_t i = 0; i < l.count; i++) {
        char path[128];
        struct fs_stat st;
        snprintf(path, sizeof path, "%s%s%s", folder, folder[0] == '\0' ? "" : "/", l.names[i]);
        assert_int_equal(fs_stat(fs, path, &st), 0);
        buf_printf(out, "%s %o %d\n", path, st.mode, st.is_dir);
        if (st.is_dir) {
            put_tree(fs, path, out);
            continue;
        }
        uint8_t *data;
        size_t len;
        assert_int_equal(fs_read_file(fs, path, 1 << 20, &data, &len), 0);
        buf_put_bytes(out, data, len);
        mem_free(data);
    }
}

static void assert_same_trees(const struct pair *p)
{
    struct buf tree[BOTH];
    for (int i = 0; i < BOTH; i++) {
        buf_init(&tree[i]);
        put_tree(p->fs[i], "", &tree[i]);
    }
    assert_int_equal(tree[SIMULATED].len, tree[REAL].len);
    assert_memory_equal(tree[SIMULATED].data, tree[REAL].data, tree[REAL].len);
    for (int i = 0; i < BOTH; i++) {
        buf_release(&tree[i]);
    }
}

/* --- runs ------------------------------------------------------------------------------------- */

static void do_close(struct pair *p)
{
    close_handle(p, (size_t)rnd_below(&p->rnd, HANDLES));
}

static void run_pair(struct pair *p)
{
    static void (*const operations[])(struct pair *) = { do_mkdir,  do_create, do_create, do_create,
                                                         do_open,   do_write,  do_write,  do_write,
                                                         do_read,   do_read,   do_read,   do_sync,
                                                         do_rename, do_rename, do_remove, do_stat,
                                                         do_list,   do_close,  do_size };
    for (p->step = 0; p->step < OPERATIONS; p->step++) {
        PICK(p, operations)(p);
    }
    for (size_t i = 0; i < HANDLES; i++) {
        close_handle(p, i);
    }
    assert_same_trees(p);
}

static void remove_folder(const char *dir)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_the_simulated_disk_answers_as_the_machine_does(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct pair *p = mem_zalloc(sizeof *p);
        assert_non_null(p);
        char dir[512];
        snprintf(dir, sizeof dir, "%s/agrees.XXXXXX", tmp != NULL ? tmp : "/tmp");
        assert_non_null(mkdtemp(dir));
        struct simdisk *d = simdisk_new(seed);
        p->seed = seed;
        rnd_init_seeded(&p->rnd, seed);
        p->fs[SIMULATED] = simclient_fs(simdisk_client(d, "a"), "");
        assert_int_equal(fs_posix_open(dir, &p->fs[REAL]), 0);
        run_pair(p);
        for (int i = 0; i < BOTH; i++) {
            fs_close_fs(p->fs[i]);
        }
        simdisk_free(d);
        remove_folder(dir);
        mem_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_simulated_disk_answers_as_the_machine_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
