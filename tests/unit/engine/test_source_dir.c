/*
 * test_source_dir.c - the walk yields every thing once, in path order, with all that stat and
 * xattrs say, and nothing that was excluded.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/source_dir.h"

#define MOST 4096

struct seen {
    char *path;
    struct node node;
    bool sparse;
};

struct fixture {
    char dir[64];
    struct seen seen[MOST];
    size_t count;
    size_t reports;
    char report[4096];
    int report_code;
};

/* ---- making trees; all paths relative to the fixture's folder, which is the current one ---- */

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "%s", "/tmp/hf-source-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(chdir(f->dir), 0);
    *state = f;
    return 0;
}

static void forget(struct fixture *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->seen[i].path);
    }
    f->count = f->reports = 0;
    f->report[0] = '\0';
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[256];
    mem_fail_at(0, 0);
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof(command), "chmod -R u+rwx '%s'; rm -rf '%s'", f->dir, f->dir);
    assert_int_equal(system(command), 0);
    forget(f);
    free(f);
    return 0;
}

static void put_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(close(fd), 0);
}

static void put_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0755), 0);
}

/* ---- walking ---- */

static void report(void *context, const char *path, size_t path_len, int code, const char *message)
{
    struct fixture *f = context;
    f->reports++;
    f->report_code = code;
    snprintf(f->report, sizeof(f->report), "%.*s: %s", (int)path_len, path, message);
}

static struct source *source_of(struct fixture *f, const struct source_dir_options *o)
{
    struct source *s = NULL;
    int rc = source_dir_new(o, &s);
    if (rc != 0) {
        fail_msg("%s", err_last()->text);
    }
    s->report = report;
    s->report_context = f;
    return s;
}

static void collect(struct fixture *f, struct source *s)
{
    struct source_entry e;
    int rc = 0;
    forget(f);
    while ((rc = s->ops->next(s, &e)) == 1) {
        assert_true(f->count < MOST);
        assert_int_equal(strlen(e.node.path), e.node.path_len);
        struct seen *seen = &f->seen[f->count++];
        seen->path = strdup(e.node.path);
        seen->node = e.node;
        seen->sparse = e.sparse;
        if (f->count > 1) {
            assert_true(node_path_compare(seen[-1].path, strlen(seen[-1].path), seen->path,
                                          strlen(seen->path)) < 0);
        }
    }
    assert_int_equal(rc, 0);
}

/* Walks the fixture's folder as "/" with these options. */
static void walk(struct fixture *f, struct source_dir_options o)
{
    char *root = f->dir;
    if (o.roots == NULL) {
        o.roots = &root;
        o.root_count = 1;
    }
    if (o.strip_prefix == NULL) {
        o.strip_prefix = f->dir;
    }
    struct source *s = source_of(f, &o);
    collect(f, s);
    source_free(s);
}

static const struct seen *find(const struct fixture *f, const char *path)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->seen[i].path, path) == 0) {
            return &f->seen[i];
        }
    }
    return NULL;
}

static void expect_paths(const struct fixture *f, const char *expected)
{
    char got[8192] = "";
    size_t at = 0;
    for (size_t i = 0; i < f->count; i++) {
        at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s", i > 0 ? " " : "",
                               f->seen[i].path);
    }
    assert_string_equal(got, expected);
}

/* ---- order and roots ---- */

static void test_source_dir_yields_in_path_order(void **state)
{
    struct fixture *f = *state;
    put_folder("a");
    put_file("a-b", "");
    put_file("a/z", "");
    put_folder("a/b");
    put_file("a/b/c", "");
    put_file("a.c", "");
    put_file("\x01x", "");
    put_file("\xff", "");
    put_file("abcdefgh", "");
    put_file("abcdefghi", "");
    put_file("abcdefgg", "");
    walk(f, (struct source_dir_options){ 0 });
    expect_paths(f, "/ /\x01x /a /a/b /a/b/c /a/z /a-b /a.c /abcdefgg /abcdefgh /abcdefghi "
                    "/\xff");
}

static void test_source_dir_walks_roots_once_with_their_ancestors(void **state)
{
    struct fixture *f = *state;
    char a[128], ab[128], c[128], d[128];
    put_folder("a");
    put_folder("a/b");
    put_file("a/b/x", "");
    put_file("a/y", "");
    put_folder("c");
    put_file("c/z", "");
    put_file("d", "");
    put_file("e", "");
    snprintf(a, sizeof(a), "%s/a", f->dir);
    snprintf(ab, sizeof(ab), "%s/a/b", f->dir);
    snprintf(c, sizeof(c), "%s/c/z", f->dir);
    snprintf(d, sizeof(d), "%s/d", f->dir);
    char *roots[] = { d, ab, c, a, ab };
    walk(f, (struct source_dir_options){ .roots = roots, .root_count = 5 });
    expect_paths(f, "/ /a /a/b /a/b/x /a/y /c /c/z /d");
    assert_int_equal(find(f, "/c")->node.type, NODE_DIR);
    walk(f, (struct source_dir_options){ .roots = roots, .root_count = 1, .strip_prefix = "/" });
    assert_int_equal(f->count, 4);
    assert_string_equal(f->seen[0].path, "/");
    assert_string_equal(f->seen[1].path, "/tmp");
    assert_string_equal(f->seen[2].path, f->dir);
    assert_string_equal(f->seen[3].path, d);
}

static void test_source_dir_follows_links_above_roots_only(void **state)
{
    struct fixture *f = *state;
    char root[128], link[128];
    put_folder("real");
    put_folder("real/in");
    put_file("real/in/x", "");
    assert_int_equal(symlink("real", "link"), 0);
    snprintf(root, sizeof(root), "%s/link/in", f->dir);
    snprintf(link, sizeof(link), "%s/link", f->dir);
    char *through[] = { root };
    walk(f, (struct source_dir_options){ .roots = through, .root_count = 1 });
    expect_paths(f, "/ /link /link/in /link/in/x");
    assert_int_equal(find(f, "/link")->node.type, NODE_DIR);
    char *itself[] = { link };
    walk(f, (struct source_dir_options){ .roots = itself, .root_count = 1 });
    expect_paths(f, "/ /link");
    assert_int_equal(find(f, "/link")->node.type, NODE_SYMLINK);
}

static void test_source_dir_refuses_absent_and_unclean_roots(void **state)
{
    struct fixture *f = *state;
    struct source *s = NULL;
    char absent[128];
    snprintf(absent, sizeof(absent), "%s/no", f->dir);
    char *roots[] = { absent, (char *)"/nowhere" };
    struct source_dir_options o = { .roots = roots, .root_count = 2 };
    assert_int_equal(source_dir_new(&o, &s), HF_EABSENT);
    assert_non_null(strstr(err_last()->text, absent));
    static const char *const unclean[] = { "tmp", "/tmp/", "//tmp", "/tmp/../etc", "/./tmp", "" };
    for (size_t i = 0; i < sizeof(unclean) / sizeof(unclean[0]); i++) {
        roots[0] = (char *)unclean[i];
        o.root_count = 1;
        assert_int_equal(source_dir_new(&o, &s), HF_EUSAGE);
    }
    roots[0] = f->dir;
    o.strip_prefix = "/usr";
    assert_int_equal(source_dir_new(&o, &s), HF_EUSAGE);
}

static void test_source_dir_reports_roots_that_are_not_there(void **state)
{
    struct fixture *f = *state;
    char absent[128];
    put_file("a", "");
    snprintf(absent, sizeof(absent), "%s-no", f->dir);
    char *roots[] = { absent, f->dir };
    walk(f, (struct source_dir_options){ .roots = roots, .root_count = 2 });
    assert_int_equal(f->reports, 1);
    assert_non_null(find(f, "/a"));
}

static void expect_clean(const char *path, const char *clean)
{
    char *got = NULL;
    assert_int_equal(source_dir_clean(path, &got), 0);
    assert_string_equal(got, clean);
    mem_free(got);
}

static void test_source_dir_cleans_paths(void **state)
{
    struct fixture *f = *state;
    char expected[128];
    put_folder("a");
    put_folder("a/b");
    assert_int_equal(symlink("a/b", "l"), 0);
    expect_clean("/", "/");
    expect_clean("//x//y/./z/", "/x/y/z");
    snprintf(expected, sizeof(expected), "%s/a", f->dir);
    expect_clean("a", expected);
    expect_clean("./a/.", expected);
    expect_clean("a/b/..", expected);
    expect_clean("l/..", expected); /* where the link leads, not where it stands */
    expect_clean("/..", "/");
    snprintf(expected, sizeof(expected), "%s/absent", f->dir);
    expect_clean("a/../absent", expected);
    char *got = NULL;
    assert_int_equal(source_dir_clean("", &got), HF_EUSAGE);
}

static void test_source_dir_walks_again_after_rewind(void **state)
{
    struct fixture *f = *state;
    put_folder("a");
    put_file("a/b", "");
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1, .strip_prefix = f->dir };
    struct source *s = source_of(f, &o);
    struct source_entry e;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s->ops->next(s, &e), 1);
    }
    assert_int_equal(s->ops->rewind(s), 0);
    collect(f, s);
    expect_paths(f, "/ /a /a/b");
    source_free(s);
}

/* ---- what nodes say ---- */

static void test_source_dir_tells_what_stat_tells(void **state)
{
    struct fixture *f = *state;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                 { .tv_sec = -5, .tv_nsec = 123456789 } };
    put_file("file", "hello");
    assert_int_equal(chmod("file", 04751), 0);
    assert_int_equal(utimensat(AT_FDCWD, "file", times, 0), 0);
    assert_int_equal(link("file", "other"), 0);
    assert_int_equal(symlink("target/of it", "link"), 0);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "sock" };
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(sock, (struct sockaddr *)&name, sizeof(name)), 0);
    close(sock);
    walk(f, (struct source_dir_options){ 0 });

    struct stat st;
    const struct node *n = &find(f, "/file")->node;
    assert_int_equal(stat("file", &st), 0);
    assert_int_equal(n->type, NODE_FILE);
    assert_int_equal(n->mode, 04751);
    assert_int_equal(n->size, 5);
    assert_true(n->mtime_ns == -5 * 1000000000LL + 123456789);
    assert_int_equal(n->links, 2);
    assert_true(n->ino == st.st_ino && n->dev == st.st_dev);
    assert_int_equal(n->uid, st.st_uid);
    assert_true(find(f, "/other")->node.ino == n->ino);
    assert_int_equal(find(f, "/link")->node.type, NODE_SYMLINK);
    assert_int_equal(find(f, "/fifo")->node.type, NODE_FIFO);
    assert_int_equal(find(f, "/sock")->node.type, NODE_SOCKET);
    assert_int_equal(find(f, "/")->node.type, NODE_DIR);
    assert_int_equal(find(f, "/")->node.links, 1);
}

static void test_source_dir_names_users_and_groups(void **state)
{
    struct fixture *f = *state;
    put_file("x", "");
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1 };
    struct source *s = source_of(f, &o);
    struct source_entry e;
    assert_int_equal(s->ops->next(s, &e), 1); /* "/", which is root's everywhere */
    assert_int_equal(e.node.user_len, 4);
    assert_memory_equal(e.node.user, "root", 4);
    assert_memory_equal(e.node.group, "root", 4);
    source_free(s);
}

static void test_source_dir_tells_sparse_files(void **state)
{
    struct fixture *f = *state;
    put_file("dense", "x");
    put_file("sparse", "x");
    assert_int_equal(truncate("sparse", 1 << 20), 0);
    walk(f, (struct source_dir_options){ 0 });
    assert_false(find(f, "/dense")->sparse);
    assert_true(find(f, "/sparse")->sparse);
}

/* Brings the source to a path and hands out the entry. */
static void go_to(struct source *s, const char *path, struct source_entry *out)
{
    do {
        assert_int_equal(s->ops->next(s, out), 1);
    } while (strcmp(out->node.path, path) != 0);
}

static void test_source_dir_finds_holes(void **state)
{
    struct fixture *f = *state;
    int fd = open("s", O_RDWR | O_CREAT, 0600);
    assert_int_equal(pwrite(fd, "data", 4, 1 << 20), 4);
    assert_int_equal(ftruncate(fd, 3 << 20), 0);
    close(fd);
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1, .strip_prefix = f->dir };
    struct source *s = source_of(f, &o);
    struct source_entry e;
    struct source_file file;
    uint64_t start = 0, end = 0;
    go_to(s, "/s", &e);
    assert_int_equal(s->ops->open(s, e.place, &e.node, &file), 0);
    assert_int_equal(s->ops->extent(s, &file, 0, e.node.size, &start, &end), 0);
    assert_true(start > 0 && start <= 1 << 20 && end > 1 << 20 && end < 3 << 20);
    assert_int_equal(s->ops->extent(s, &file, end, e.node.size, &start, &end), 0);
    assert_true(start == 3 << 20 && end == 3 << 20);
    s->ops->close(s, &file);
    source_free(s);
}

static void expect_xattr(const struct node *n, size_t i, const char *name, const char *value)
{
    assert_true(i < n->xattr_count);
    assert_string_equal(n->xattrs[i].name, name);
    assert_int_equal(n->xattrs[i].value_len, strlen(value));
    assert_memory_equal(n->xattrs[i].value, value, strlen(value));
}

static void test_source_dir_reads_xattrs_of_all_kinds_of_things(void **state)
{
    struct fixture *f = *state;
    char big[3000];
    memset(big, 'v', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    put_file("f", "content");
    put_folder("g");
    assert_int_equal(symlink("f", "l"), 0);
    assert_int_equal(setxattr("f", "user.b", "second", 6, 0), 0);
    assert_int_equal(setxattr("f", "user.a", "", 0, 0), 0);
    assert_int_equal(setxattr("f", "user.c", big, strlen(big), 0), 0);
    assert_int_equal(setxattr("g", "user.d", "dir", 3, 0), 0);
    bool trusted = lsetxattr("l", "trusted.l", "link", 4, 0) == 0;
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1, .strip_prefix = f->dir };
    struct source *s = source_of(f, &o);
    struct source_detail d;
    struct source_entry e;
    struct source_file file;
    source_detail_init(&d);
    go_to(s, "/f", &e);
    assert_int_equal(s->ops->open(s, e.place, &e.node, &file), 0);
    assert_int_equal(s->ops->detail(s, e.place, &file, &e.node, &d), 0);
    assert_int_equal(e.node.xattr_count, 3);
    expect_xattr(&e.node, 0, "user.a", "");
    expect_xattr(&e.node, 1, "user.b", "second");
    expect_xattr(&e.node, 2, "user.c", big);
    s->ops->close(s, &file);
    assert_int_equal(s->ops->detail(s, e.place, NULL, &e.node, &d), 0);
    assert_int_equal(e.node.xattr_count, 3); /* the same without opening it */
    go_to(s, "/g", &e);
    assert_int_equal(s->ops->detail(s, e.place, NULL, &e.node, &d), 0);
    expect_xattr(&e.node, 0, "user.d", "dir");
    go_to(s, "/l", &e);
    assert_int_equal(s->ops->detail(s, e.place, NULL, &e.node, &d), 0);
    assert_int_equal(e.node.target_len, 1);
    assert_memory_equal(e.node.target, "f", 1);
    if (trusted) {
        expect_xattr(&e.node, 0, "trusted.l", "link");
    }
    source_detail_release(&d);
    source_free(s);
}

static void test_source_dir_reads_inode_flags(void **state)
{
    struct fixture *f = *state;
    put_file("f", "");
    int fd = open("f", O_RDONLY);
    int flags = 0;
    bool have = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
    flags |= FS_NODUMP_FL | FS_NOATIME_FL;
    have = have && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
    close(fd);
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1, .strip_prefix = f->dir };
    struct source *s = source_of(f, &o);
    struct source_detail d;
    struct source_entry e;
    struct source_file file;
    source_detail_init(&d);
    go_to(s, "/f", &e);
    assert_int_equal(s->ops->open(s, e.place, &e.node, &file), 0);
    assert_int_equal(s->ops->detail(s, e.place, &file, &e.node, &d), 0);
    /* How the file system lays a file out (extents, ...) is no part of it. */
    assert_int_equal(e.node.flags, have ? FS_NODUMP_FL | FS_NOATIME_FL : 0);
    s->ops->close(s, &file);
    source_detail_release(&d);
    source_free(s);
}

/* ---- access ---- */

static void test_source_dir_reads_a_file_after_the_walk_has_left_it(void **state)
{
    struct fixture *f = *state;
    put_folder("a");
    put_file("a/x", "content of x");
    put_file("b", "");
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1, .strip_prefix = f->dir };
    struct source *s = source_of(f, &o);
    struct source_entry e;
    go_to(s, "/a/x", &e);
    struct source_place *place = e.place;
    struct node node = e.node;
    node.path = "/a/x";
    s->ops->hold(s, place);
    while (s->ops->next(s, &e) == 1) {
        continue;
    }
    struct source_file file;
    char got[64];
    size_t len = 0;
    bool sparse = false;
    assert_int_equal(s->ops->open(s, place, &node, &file), 0);
    assert_int_equal(s->ops->read(s, &file, got, sizeof(got), 0, &len), 0);
    assert_int_equal(len, 12);
    assert_memory_equal(got, "content of x", 12);
    assert_int_equal(s->ops->read(s, &file, got, 4, 8, &len), 0);
    assert_memory_equal(got, "of x", 4);
    assert_int_equal(s->ops->stat(s, &file, &node, &sparse), 0);
    assert_int_equal(node.size, 12);
    s->ops->close(s, &file);
    s->ops->drop(s, place);
    source_free(s);
}

static void test_source_dir_opens_files_only(void **state)
{
    struct fixture *f = *state;
    put_file("x", "1");
    put_file("y", "1");
    put_file("z", "1");
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1, .strip_prefix = f->dir };
    struct source *s = source_of(f, &o);
    struct source_file file;
    struct source_entry e;
    go_to(s, "/x", &e);
    assert_int_equal(unlink("x"), 0);
    assert_int_equal(s->ops->open(s, e.place, &e.node, &file), HF_EABSENT);
    assert_int_equal(symlink("z", "x"), 0);
    assert_int_equal(s->ops->open(s, e.place, &e.node, &file), HF_ECHANGED);
    go_to(s, "/y", &e);
    assert_int_equal(unlink("y"), 0);
    assert_int_equal(mkfifo("y", 0600), 0);
    bool sparse = false;
    assert_int_equal(s->ops->open(s, e.place, &e.node, &file), 0); /* and it did not wait */
    assert_int_equal(s->ops->stat(s, &file, &e.node, &sparse), 0);
    assert_int_equal(e.node.type, NODE_FIFO);
    s->ops->close(s, &file);
    source_free(s);
}

/* ---- what is left out ---- */

static void test_source_dir_leaves_out_what_is_excluded(void **state)
{
    struct fixture *f = *state;
    char pattern[128];
    put_folder("a");
    put_file("a/x.o", "");
    put_file("a/x.c", "");
    put_folder("b");
    put_file("b/y", "");
    put_folder("x.o");
    put_file("x.o/in", "");
    struct exclude *x = NULL;
    assert_int_equal(exclude_new(&x), 0);
    assert_int_equal(exclude_add(x, "*.o"), 0);
    snprintf(pattern, sizeof(pattern), "%s/b", f->dir);
    assert_int_equal(exclude_add(x, pattern), 0);
    walk(f, (struct source_dir_options){ .exclude = x });
    expect_paths(f, "/ /a /a/x.c");
    assert_int_equal(f->reports, 0);
    exclude_free(x);
}

static void test_source_dir_keeps_tagged_folders_with_their_tag_only(void **state)
{
    struct fixture *f = *state;
    put_folder("cache");
    put_file("cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\nmore");
    put_file("cache/big", "x");
    put_folder("fake");
    put_file("fake/CACHEDIR.TAG", "Signature: no");
    put_file("fake/x", "");
    put_folder("skip");
    put_file("skip/.nobackup", "");
    put_file("skip/x", "");
    put_folder("some");
    put_file("some/mark", "yes, really");
    put_file("some/x", "");
    put_folder("none");
    put_file("none/mark", "no");
    char *tags[] = { (char *)".nobackup", (char *)"mark:yes" };
    walk(f, (struct source_dir_options){ .exclude_caches = true,
                                         .exclude_if_present = tags,
                                         .exclude_if_present_count = 2 });
    expect_paths(f, "/ /cache /cache/CACHEDIR.TAG /fake /fake/CACHEDIR.TAG /fake/x /none "
                    "/none/mark /skip /skip/.nobackup /some /some/mark");
}

static void test_source_dir_leaves_out_large_files(void **state)
{
    struct fixture *f = *state;
    put_file("five", "12345");
    put_file("six", "123456");
    walk(f, (struct source_dir_options){ .exclude_larger = 5 });
    expect_paths(f, "/ /five");
}

static void test_source_dir_never_walks_the_repository(void **state)
{
    struct fixture *f = *state;
    char repo[128];
    put_folder("repo");
    put_file("repo/holdfast", "");
    put_file("x", "");
    snprintf(repo, sizeof(repo), "%s/./repo", f->dir); /* whatever it is called */
    char *never[] = { repo };
    walk(f, (struct source_dir_options){ .never = never, .never_count = 1 });
    expect_paths(f, "/ /x");
}

static void test_source_dir_stays_on_one_file_system(void **state)
{
    struct fixture *f = *state;
    put_folder("mnt");
    if (mount("none", "mnt", "tmpfs", 0, "size=64k") != 0) {
        assert_true(errno == EPERM || errno == EACCES); /* only root may try */
        return;
    }
    put_file("mnt/x", "");
    put_folder("mnt/d");
    put_file("y", "");
    walk(f, (struct source_dir_options){ .one_file_system = true });
    expect_paths(f, "/ /mnt /y");
    walk(f, (struct source_dir_options){ 0 });
    expect_paths(f, "/ /mnt /mnt/d /mnt/x /y");
    char inner[128];
    snprintf(inner, sizeof(inner), "%s/mnt/d", f->dir);
    put_file("mnt/d/z", "");
    char *roots[] = { inner };
    walk(f,
         (struct source_dir_options){ .one_file_system = true, .roots = roots, .root_count = 1 });
    assert_int_equal(umount("mnt"), 0);
    expect_paths(f, "/ /mnt /mnt/d /mnt/d/z"); /* a root's own file system is the one meant */
}

/* ---- trouble ---- */

static void test_source_dir_walks_beyond_path_max_and_many_levels(void **state)
{
    struct fixture *f = *state;
    char name[201];
    memset(name, 'n', 200);
    name[200] = '\0';
    const int depth = 400;
    int here = open(".", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < depth; i++) {
        assert_int_equal(mkdir(name, 0755), 0);
        put_file("zz", "");
        assert_int_equal(chdir(name), 0);
    }
    put_file("deepest", "x");
    assert_int_equal(fchdir(here), 0);
    close(here);
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 200;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    walk(f, (struct source_dir_options){ 0 });
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    if (f->reports > 0) {
        fail_msg("%s", f->report);
    }
    assert_int_equal(f->count, 1 + 2 * depth + 1);
    size_t longest = 0;
    for (size_t i = 0; i < f->count; i++) {
        longest = strlen(f->seen[i].path) > longest ? strlen(f->seen[i].path) : longest;
    }
    assert_int_equal(longest, (size_t)depth * 201 + 8);
    assert_true(longest > PATH_MAX);
}

static void test_source_dir_reads_a_folder_when_it_is_entered(void **state)
{
    struct fixture *f = *state;
    put_folder("a");
    put_file("a/x", "");
    put_file("b", "");
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1, .strip_prefix = f->dir };
    struct source *s = source_of(f, &o);
    struct source_entry e;
    assert_int_equal(s->ops->next(s, &e), 1);
    assert_int_equal(unlink("b"), 0);
    put_file("c", "");
    collect(f, s);
    expect_paths(f, "/a /a/x /c");
    assert_int_equal(f->reports, 0);
    source_free(s);
}

static void test_source_dir_reports_what_has_vanished(void **state)
{
    struct fixture *f = *state;
    put_file("a", "");
    put_file("b", "");
    put_folder("c");
    put_file("d", "");
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1, .strip_prefix = f->dir };
    struct source *s = source_of(f, &o);
    struct source_entry e;
    go_to(s, "/a", &e);
    assert_int_equal(unlink("b"), 0);
    assert_int_equal(rmdir("c"), 0);
    collect(f, s);
    expect_paths(f, "/d");
    assert_int_equal(f->reports, 2);
    assert_int_equal(f->report_code, HF_EABSENT);
    source_free(s);
}

static void walk_as_nobody(struct fixture *f)
{
    pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0) {
            _exit(9);
        }
        walk(f, (struct source_dir_options){ 0 });
        bool good = find(f, "/closed") != NULL && find(f, "/closed/x") == NULL &&
                    find(f, "/open/y") != NULL && f->reports == 1 && f->report_code == HF_EACCESS &&
                    strncmp(f->report, "/tmp/", 5) == 0 && strstr(f->report, "/closed: ") != NULL;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_source_dir_goes_on_past_unreadable_folders(void **state)
{
    struct fixture *f = *state;
    put_folder("closed");
    put_file("closed/x", "");
    put_folder("open");
    put_file("open/y", "");
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(chmod("closed", 0700), 0);
    if (geteuid() == 0) {
        walk_as_nobody(f);
    } else {
        assert_int_equal(chmod("closed", 0), 0);
    }
}

static void test_source_dir_yields_any_bytes_in_names(void **state)
{
    struct fixture *f = *state;
    char longest[256];
    memset(longest, 'L', 255);
    longest[255] = '\0';
    put_file("new\nline", "");
    put_file("\xc3\x28 not utf-8 \xff", "");
    put_file(longest, "");
    put_file("-rf *", "");
    walk(f, (struct source_dir_options){ 0 });
    assert_int_equal(f->count, 5);
    assert_non_null(find(f, "/new\nline"));
    assert_non_null(find(f, "/\xc3\x28 not utf-8 \xff"));
    assert_non_null(find(f, "/-rf *"));
    char path[300];
    snprintf(path, sizeof(path), "/%s", longest);
    assert_non_null(find(f, path));
}

static void test_source_dir_reports_memory_running_out(void **state)
{
    struct fixture *f = *state;
    put_folder("a");
    put_file("a/x", "");
    char *root = f->dir;
    struct source_dir_options o = { .roots = &root, .root_count = 1 };
    bool whole = false;
    for (uint64_t n = 1; !whole && n < 200; n++) {
        struct source *s = NULL;
        struct source_entry e;
        mem_fail_at(n, 1);
        int rc = source_dir_new(&o, &s);
        while (rc == 0) {
            rc = s->ops->next(s, &e);
            if (rc == 0) {
                break;
            }
            rc = rc == 1 ? 0 : rc;
        }
        whole = mem_fail_hits() == 0;
        mem_fail_at(0, 0);
        if (rc != 0) {
            assert_int_equal(rc, HF_ENOMEM);
        }
        if (whole) {
            assert_int_equal(rc, 0);
        }
        source_free(s);
    }
    assert_true(whole);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_source_dir_yields_in_path_order),
        TEST(test_source_dir_walks_roots_once_with_their_ancestors),
        TEST(test_source_dir_follows_links_above_roots_only),
        TEST(test_source_dir_refuses_absent_and_unclean_roots),
        TEST(test_source_dir_reports_roots_that_are_not_there),
        TEST(test_source_dir_cleans_paths),
        TEST(test_source_dir_walks_again_after_rewind),
        TEST(test_source_dir_tells_what_stat_tells),
        TEST(test_source_dir_names_users_and_groups),
        TEST(test_source_dir_tells_sparse_files),
        TEST(test_source_dir_finds_holes),
        TEST(test_source_dir_reads_xattrs_of_all_kinds_of_things),
        TEST(test_source_dir_reads_inode_flags),
        TEST(test_source_dir_reads_a_file_after_the_walk_has_left_it),
        TEST(test_source_dir_opens_files_only),
        TEST(test_source_dir_leaves_out_what_is_excluded),
        TEST(test_source_dir_keeps_tagged_folders_with_their_tag_only),
        TEST(test_source_dir_leaves_out_large_files),
        TEST(test_source_dir_never_walks_the_repository),
        TEST(test_source_dir_stays_on_one_file_system),
        TEST(test_source_dir_walks_beyond_path_max_and_many_levels),
        TEST(test_source_dir_reads_a_folder_when_it_is_entered),
        TEST(test_source_dir_reports_what_has_vanished),
        TEST(test_source_dir_goes_on_past_unreadable_folders),
        TEST(test_source_dir_yields_any_bytes_in_names),
        TEST(test_source_dir_reports_memory_running_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
