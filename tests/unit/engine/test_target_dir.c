/*
 * test_target_dir.c - nothing is ever written outside of the target, and everything about a thing
 * is set.
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/target_dir_internal.h"
#include "harness/realtree.h"

static char dir[64]; /* current folder of each test; the target is dir/t */
static struct target *t;
static size_t losses;
static char lost[256];

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/hf-target-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(mkdir("outside", 0755), 0);
    struct target_dir_options o = { .path = "t", .make = true };
    assert_int_equal(target_dir_new(&o, &t), 0);
    losses = 0;
    lost[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_fail_at(0, 0);
    target_free(t);
    assert_int_equal(chdir("/"), 0);
    realtree_remove(dir);
    return 0;
}

static void on_loss(void *context, const struct node *node, const char *what, const char *why)
{
    (void)context;
    (void)node;
    losses++;
    snprintf(lost, sizeof(lost), "%s: %s", what, why);
}

static const struct target_losses report = { .loss = on_loss };

/* ---- shorthands; all in the top folder unless said otherwise ---- */

static struct target_place *top(void)
{
    return t->ops->root(t);
}

static int enter(struct target_place *in, const char *name, struct target_place **out)
{
    bool made = false;
    return t->ops->enter(t, in, name, strlen(name), true, out, &made);
}

static int create(const char *name, const char *content)
{
    struct target_file f;
    int rc = t->ops->create(t, top(), name, strlen(name), &f);
    if (rc != 0) {
        return rc;
    }
    assert_int_equal(t->ops->pwrite(t, &f, content, strlen(content), 0), 0);
    return t->ops->close(t, &f);
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* ---- staying inside ---- */

static void test_target_dir_never_goes_through_a_planted_link(void **state)
{
    (void)state;
    struct target_place *p = NULL;
    struct target_file f;
    bool made = false;
    assert_int_equal(symlink("../outside", "t/link"), 0);
    assert_int_equal(symlink("../outside/file", "t/file"), 0);
    assert_int_equal(enter(top(), "link", &p), HF_EEXISTS);
    assert_int_equal(t->ops->enter(t, top(), "link", 4, false, &p, &made), HF_EEXISTS);
    assert_int_equal(create("file", "x"), HF_EEXISTS);
    assert_int_equal(t->ops->open(t, top(), "file", 4, true, &f), HF_EEXISTS);
    assert_int_equal(t->ops->open(t, top(), "file", 4, false, &f), HF_EEXISTS);
    assert_false(exists("outside/file"));
    /* Metadata of a link are the link's own. */
    struct node n = { .type = NODE_SYMLINK, .mode = 0777, .uid = 12, .gid = 13, .mtime_ns = 5 };
    struct stat before, after;
    assert_int_equal(stat("outside", &before), 0);
    assert_int_equal(t->ops->apply(t, top(), "link", 4, &n, &report), 0);
    assert_int_equal(stat("outside", &after), 0);
    assert_true(before.st_uid == after.st_uid && before.st_mode == after.st_mode &&
                before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    /* Removing removes the link. */
    uint64_t count = 0;
    assert_int_equal(t->ops->remove(t, top(), "link", 4, &count), 0);
    assert_true(exists("outside") && !exists("t/link"));
}

static void test_target_dir_refuses_names_that_lead_elsewhere(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t len;
    } bad[] = { { "..", 2 },  { ".", 1 },    { "", 0 },
                { "a/b", 3 }, { "/etc", 4 }, { "../outside/x", 12 },
                { "a\0b", 3 } };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *name = bad[i].name;
        size_t len = bad[i].len;
        struct target_place *p = NULL;
        struct target_file f;
        struct target_stat st;
        struct node n = { .type = NODE_FILE };
        bool made = false;
        uint64_t count = 0;
        char text[8];
        size_t got = 0;
        assert_int_equal(t->ops->enter(t, top(), name, len, true, &p, &made), HF_EDAMAGE);
        assert_int_equal(t->ops->create(t, top(), name, len, &f), HF_EDAMAGE);
        assert_int_equal(t->ops->open(t, top(), name, len, true, &f), HF_EDAMAGE);
        assert_int_equal(t->ops->lookup(t, top(), name, len, &st), HF_EDAMAGE);
        assert_int_equal(t->ops->remove(t, top(), name, len, &count), HF_EDAMAGE);
        assert_int_equal(t->ops->symlink(t, top(), name, len, "x", 1), HF_EDAMAGE);
        assert_int_equal(t->ops->readlink(t, top(), name, len, text, 8, &got), HF_EDAMAGE);
        assert_int_equal(t->ops->special(t, top(), name, len, NODE_FIFO, 0), HF_EDAMAGE);
        assert_int_equal(t->ops->link(t, top(), name, len, top(), "ok", 2), HF_EDAMAGE);
        assert_int_equal(t->ops->link(t, top(), "ok", 2, top(), name, len), HF_EDAMAGE);
        assert_int_equal(t->ops->apply(t, top(), name, len, &n, &report), HF_EDAMAGE);
    }
    char longer[NAME_MAX + 2];
    memset(longer, 'x', sizeof(longer));
    assert_int_equal(target_check_name(longer, NAME_MAX), 0);
    assert_int_equal(target_check_name(longer, NAME_MAX + 1), HF_EDAMAGE);
    assert_int_equal(t->ops->symlink(t, top(), "l", 1, "", 0), HF_EDAMAGE);
    assert_int_equal(t->ops->symlink(t, top(), "l", 1, "a\0b", 3), HF_EDAMAGE);
}

static void test_target_dir_stays_in_a_folder_that_is_moved_away(void **state)
{
    (void)state;
    struct target_place *places[300];
    struct target_place *in = top();
    /* So deep that the first ones have been closed by the time they are used again. */
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(enter(in, "d", &places[i]), 0);
        in = places[i];
    }
    assert_int_equal(rename("t/d", "t/moved"), 0);
    assert_int_equal(symlink("../outside", "t/d"), 0);
    struct target_stat st;
    int rc = t->ops->lookup(t, places[0], "x", 1, &st);
    assert_true(rc == HF_ECHANGED || rc == HF_EABSENT);
    struct target_file f;
    rc = t->ops->create(t, places[0], "x", 1, &f);
    if (rc == 0) {
        assert_int_equal(t->ops->close(t, &f), 0);
    }
    assert_false(exists("outside/x"));
    for (size_t i = 300; i-- > 0;) {
        t->ops->drop(t, places[i]);
    }
}

static void test_target_dir_makes_paths_beyond_path_max(void **state)
{
    (void)state;
    char name[201];
    const size_t depth = 300;
    struct target_place *in = top();
    struct rlimit before, few;
    memset(name, 'n', 200);
    name[200] = '\0';
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 180;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (size_t i = 0; i < depth; i++) {
        struct target_place *next = NULL;
        assert_int_equal(enter(in, name, &next), 0);
        if (i > 0) {
            t->ops->drop(t, in);
        }
        in = next;
    }
    struct target_file f;
    assert_int_equal(t->ops->create(t, in, "deepest", 7, &f), 0);
    assert_int_equal(t->ops->close(t, &f), 0);
    t->ops->drop(t, in);
    uint64_t count = 0;
    assert_int_equal(t->ops->remove(t, top(), name, 200, &count), 0);
    assert_int_equal(count, depth + 1);
    assert_false(exists("t/n"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ---- names and folders ---- */

static void test_target_dir_enters_or_makes(void **state)
{
    (void)state;
    struct target_place *p = NULL;
    bool made = true;
    struct stat st;
    assert_int_equal(t->ops->enter(t, top(), "d", 1, false, &p, &made), HF_EABSENT);
    assert_int_equal(t->ops->enter(t, top(), "d", 1, true, &p, &made), 0);
    assert_true(made);
    assert_int_equal(stat("t/d", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700); /* nobody else may look before it is done */
    t->ops->drop(t, p);
    assert_int_equal(t->ops->enter(t, top(), "d", 1, true, &p, &made), 0);
    assert_false(made);
    t->ops->drop(t, p);
    assert_int_equal(create("f", ""), 0);
    assert_int_equal(enter(top(), "f", &p), HF_EEXISTS);
    assert_int_equal(create("f", ""), HF_EEXISTS);
    assert_int_equal(stat("t/f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_target_dir_refuses_what_is_no_folder(void **state)
{
    (void)state;
    struct target *other = NULL;
    realtree_write("file", "", 0);
    struct target_dir_options o = { .path = "file", .make = true };
    assert_int_equal(target_dir_new(&o, &other), HF_EFAIL);
    o = (struct target_dir_options){ .path = "absent/deeper" };
    assert_int_equal(target_dir_new(&o, &other), HF_EABSENT);
    o.make = true;
    assert_int_equal(target_dir_new(&o, &other), 0);
    assert_true(exists("absent/deeper"));
    target_free(other);
}

static int collect(void *context, const char *name, size_t len)
{
    char *all = context;
    size_t at = strlen(all);
    memcpy(all + at, name, len);
    all[at + len] = ' ';
    all[at + len + 1] = '\0';
    return strcmp(name, "stop") == 0 ? 42 : 0;
}

static void test_target_dir_lists_in_order_and_stops_when_told(void **state)
{
    (void)state;
    char names[256] = "";
    bool doubtful = true;
    assert_int_equal(t->ops->begin(t, &doubtful), 0); /* its mark is not listed */
    assert_int_equal(create("b", ""), 0);
    assert_int_equal(create("a", ""), 0);
    assert_int_equal(create(".c", ""), 0);
    assert_int_equal(t->ops->list(t, top(), collect, names), 0);
    assert_string_equal(names, ".c a b ");
    assert_int_equal(create("stop", ""), 0);
    assert_int_equal(create("then", ""), 0);
    names[0] = '\0';
    assert_int_equal(t->ops->list(t, top(), collect, names), 42);
    assert_string_equal(names, ".c a b stop ");
}

static void test_target_dir_removes_whole_trees(void **state)
{
    (void)state;
    uint64_t count = 0;
    assert_int_equal(mkdir("t/x", 0755), 0);
    realtree_fill("t/x", 5, 60);
    assert_int_equal(symlink("../../outside", "t/x/out"), 0);
    realtree_write("outside/kept", "", 0);
    assert_int_equal(t->ops->remove(t, top(), "x", 1, &count), 0);
    assert_true(count >= 60);
    assert_false(exists("t/x"));
    assert_true(exists("outside/kept"));
    assert_int_equal(t->ops->remove(t, top(), "x", 1, &count), HF_EABSENT);
}

static void test_target_dir_links_and_looks_up(void **state)
{
    (void)state;
    struct target_stat a, b;
    struct target_place *p = NULL;
    assert_int_equal(create("a", "content"), 0);
    assert_int_equal(enter(top(), "d", &p), 0);
    assert_int_equal(t->ops->link(t, top(), "a", 1, p, "b", 1), 0);
    assert_int_equal(t->ops->lookup(t, top(), "a", 1, &a), 0);
    assert_int_equal(t->ops->lookup(t, p, "b", 1, &b), 0);
    assert_true(a.ino == b.ino && a.links == 2 && a.size == 7 && a.type == NODE_FILE);
    assert_int_equal(t->ops->lookup(t, p, "c", 1, &b), HF_EABSENT);
    assert_int_equal(t->ops->link(t, top(), "a", 1, p, "b", 1), HF_EEXISTS);
    /* A link to a symlink is one to the link itself. */
    assert_int_equal(t->ops->symlink(t, top(), "s", 1, "/etc/passwd", 11), 0);
    assert_int_equal(t->ops->link(t, top(), "s", 1, p, "s2", 2), 0);
    assert_int_equal(t->ops->lookup(t, p, "s2", 2, &b), 0);
    assert_int_equal(b.type, NODE_SYMLINK);
    t->ops->drop(t, p);
}

/* ---- content ---- */

static void test_target_dir_writes_reads_cuts_and_punches(void **state)
{
    (void)state;
    struct target_file f;
    struct stat st;
    static char zeros[4096];
    char got[4096];
    size_t len = 0;
    assert_int_equal(t->ops->create(t, top(), "f", 1, &f), 0);
    assert_int_equal(t->ops->pwrite(t, &f, "hello", 5, 1 << 20), 0);
    assert_int_equal(t->ops->truncate(t, &f, 2 << 20), 0);
    assert_int_equal(t->ops->pread(t, &f, got, 5, 1 << 20, &len), 0);
    assert_int_equal(len, 5);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(t->ops->pread(t, &f, got, sizeof(got), (2 << 20) - 10, &len), 0);
    assert_int_equal(len, 10);
    assert_int_equal(t->ops->punch(t, &f, 1 << 20, 4096), 0);
    assert_int_equal(t->ops->pread(t, &f, got, sizeof(got), 1 << 20, &len), 0);
    assert_memory_equal(got, zeros, sizeof(got));
    assert_int_equal(t->ops->close(t, &f), 0);
    assert_int_equal(stat("t/f", &st), 0);
    assert_int_equal(st.st_size, 2 << 20);
    assert_int_equal(st.st_blocks, 0);
    assert_int_equal(t->ops->open(t, top(), "f", 1, true, &f), 0);
    assert_int_equal(t->ops->truncate(t, &f, 3), 0);
    assert_int_equal(t->ops->close(t, &f), 0);
    assert_int_equal(stat("t/f", &st), 0);
    assert_int_equal(st.st_size, 3);
}

/* ---- everything else ---- */

static const uint8_t acl[] = { /* rwx for user 12, r-x for the group class */
                               2, 0,  0,   0,   1,   0,   7,  0, 255, 255, 255, 255, 2,   0,  7,
                               0, 12, 0,   0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16, 0,
                               5, 0,  255, 255, 255, 255, 32, 0, 4,   0,   255, 255, 255, 255
};
static const uint8_t capability[] = { 1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

static struct node full_node(const struct node_xattr *xattrs, size_t count)
{
    return (struct node){ .path = "/f",
                          .path_len = 2,
                          .type = NODE_FILE,
                          .mode = 06754,
                          .uid = 123,
                          .gid = 456,
                          .mtime_ns = -1500000000,
                          .xattrs = xattrs,
                          .xattr_count = count };
}

static void expect_xattr(const char *path, const char *name, const void *value, size_t len)
{
    char got[256];
    ssize_t n = lgetxattr(path, name, got, sizeof(got));
    assert_int_equal(n, (ssize_t)len);
    assert_memory_equal(got, value, len);
}

static void test_target_dir_sets_everything_as_root(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return;
    }
    const struct node_xattr xattrs[] = {
        { .name = "security.capability",
          .name_len = 19,
          .value = capability,
          .value_len = sizeof(capability) },
        { .name = "system.posix_acl_access",
          .name_len = 23,
          .value = acl,
          .value_len = sizeof(acl) },
        { .name = "user.x", .name_len = 6, .value = "y", .value_len = 1 },
    };
    struct node n = full_node(xattrs, 3);
    struct target_file f;
    struct stat st;
    assert_int_equal(t->ops->create(t, top(), "f", 1, &f), 0);
    assert_int_equal(t->ops->pwrite(t, &f, "content", 7, 0), 0);
    assert_int_equal(t->ops->finish(t, &f, &n, &report), 0);
    assert_int_equal(t->ops->close(t, &f), 0);
    if (losses > 0) {
        fail_msg("%s", lost);
    }
    assert_int_equal(stat("t/f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 06754);
    assert_true(st.st_uid == 123 && st.st_gid == 456);
    assert_true(st.st_mtim.tv_sec == -2 && st.st_mtim.tv_nsec == 500000000);
    expect_xattr("t/f", "security.capability", capability, sizeof(capability));
    expect_xattr("t/f", "system.posix_acl_access", acl, sizeof(acl));
    expect_xattr("t/f", "user.x", "y", 1);
    /* Once more, with less: what is not in the snapshot goes. */
    n = full_node(xattrs + 2, 1);
    n.mode = 0640;
    assert_int_equal(t->ops->open(t, top(), "f", 1, true, &f), 0);
    assert_int_equal(t->ops->finish(t, &f, &n, &report), 0);
    assert_int_equal(t->ops->close(t, &f), 0);
    assert_int_equal(stat("t/f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_true(lgetxattr("t/f", "security.capability", NULL, 0) < 0);
    assert_true(lgetxattr("t/f", "system.posix_acl_access", NULL, 0) < 0);
    expect_xattr("t/f", "user.x", "y", 1);
}

static void test_target_dir_changes_what_flags_forbid_to_change(void **state)
{
    (void)state;
    struct node n = full_node(NULL, 0);
    struct target_file f;
    struct stat st;
    int fd;
    int flags = 0;
    assert_int_equal(t->ops->create(t, top(), "f", 1, &f), 0);
    fd = f.handle.fd;
    bool can = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
    flags |= FS_IMMUTABLE_FL;
    if (!can || ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0) {
        assert_int_equal(t->ops->close(t, &f), 0);
        return; /* not as an ordinary user, nor where there are no flags */
    }
    assert_int_equal(t->ops->close(t, &f), 0);
    n.flags = FS_IMMUTABLE_FL | FS_NOATIME_FL;
    assert_int_equal(t->ops->open(t, top(), "f", 1, false, &f), 0);
    assert_int_equal(t->ops->finish(t, &f, &n, &report), 0);
    assert_int_equal(ioctl(f.handle.fd, FS_IOC_GETFLAGS, &flags), 0);
    assert_int_equal(flags & (FS_IMMUTABLE_FL | FS_NOATIME_FL), n.flags);
    assert_int_equal(fstat(f.handle.fd, &st), 0);
    assert_true(st.st_uid == 123 && st.st_mtim.tv_sec == -2);
    assert_int_equal(losses, 0);
    flags &= ~FS_IMMUTABLE_FL;
    assert_int_equal(ioctl(f.handle.fd, FS_IOC_SETFLAGS, &flags), 0);
    assert_int_equal(t->ops->close(t, &f), 0);
}

static void test_target_dir_tells_what_room_is_left(void **state)
{
    (void)state;
    struct stat st;
    uint64_t dev = 0;
    uint64_t left = 0;
    assert_int_equal(stat("t", &st), 0);
    if (t->ops->space(t, top(), &dev, &left)) { /* some file systems can't tell */
        assert_int_equal(dev, st.st_dev);
        assert_true(left > 0);
    }
}

static void test_target_dir_dresses_folders_links_and_devices(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return;
    }
    struct node n = { .path = "/x", .path_len = 2, .uid = 5, .gid = 6, .mtime_ns = 7000000001 };
    struct target_place *p = NULL;
    struct stat st;
    assert_int_equal(enter(top(), "d", &p), 0);
    n.type = NODE_DIR;
    n.mode = 01777;
    assert_int_equal(t->ops->apply(t, p, NULL, 0, &n, &report), 0);
    t->ops->drop(t, p);
    assert_int_equal(stat("t/d", &st), 0);
    assert_true((st.st_mode & 07777) == 01777 && st.st_uid == 5 && st.st_mtim.tv_nsec == 1);
    assert_int_equal(t->ops->symlink(t, top(), "l", 1, "nowhere", 7), 0);
    n.type = NODE_SYMLINK;
    assert_int_equal(t->ops->apply(t, top(), "l", 1, &n, &report), 0);
    assert_int_equal(lstat("t/l", &st), 0);
    assert_true(st.st_uid == 5 && st.st_mtim.tv_sec == 7);
    assert_int_equal(t->ops->special(t, top(), "c", 1, NODE_CHAR, makedev(1, 3)), 0);
    n.type = NODE_CHAR;
    n.mode = 0640;
    assert_int_equal(t->ops->apply(t, top(), "c", 1, &n, &report), 0);
    assert_int_equal(lstat("t/c", &st), 0);
    assert_true(S_ISCHR(st.st_mode) && (st.st_mode & 07777) == 0640 && st.st_gid == 6 &&
                st.st_rdev == makedev(1, 3));
    assert_int_equal(losses, 0);
}

static void test_target_dir_takes_away_what_folders_hand_down(void **state)
{
    (void)state;
    struct target *other = NULL;
    struct target_file f;
    assert_int_equal(mkdir("acl", 0755), 0);
    if (setxattr("acl", "system.posix_acl_default", acl, sizeof(acl), 0) != 0) {
        return; /* a file system without ACLs hands none down */
    }
    struct target_dir_options o = { .path = "acl" };
    assert_int_equal(target_dir_new(&o, &other), 0);
    struct node n = { .path = "/f",
                      .path_len = 2,
                      .type = NODE_FILE,
                      .mode = 0604,
                      .uid = (uint32_t)geteuid(),
                      .gid = (uint32_t)getegid() };
    assert_int_equal(other->ops->create(other, other->ops->root(other), "f", 1, &f), 0);
    assert_int_equal(other->ops->finish(other, &f, &n, &report), 0);
    assert_int_equal(other->ops->close(other, &f), 0);
    struct stat st;
    assert_int_equal(stat("acl/f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0604);
    assert_true(lgetxattr("acl/f", "system.posix_acl_access", NULL, 0) < 0);
    target_free(other);
}

static void test_target_dir_can_go_by_names_of_users(void **state)
{
    (void)state;
    struct target *other = NULL;
    struct target_file f;
    struct stat st;
    if (geteuid() != 0) {
        return;
    }
    struct target_dir_options o = { .path = "t", .owner_by_name = true };
    assert_int_equal(target_dir_new(&o, &other), 0);
    struct node n = { .path = "/f",
                      .path_len = 2,
                      .type = NODE_FILE,
                      .uid = 777,
                      .gid = 778,
                      .user = "root",
                      .user_len = 4,
                      .group = "no such group",
                      .group_len = 13 };
    assert_int_equal(other->ops->create(other, other->ops->root(other), "f", 1, &f), 0);
    assert_int_equal(other->ops->finish(other, &f, &n, &report), 0);
    assert_int_equal(other->ops->close(other, &f), 0);
    assert_int_equal(stat("t/f", &st), 0);
    assert_true(st.st_uid == 0 && st.st_gid == 778);
    target_free(other);
}

static void ordinary_user(void)
{
    struct target *own = NULL;
    struct target_file f;
    struct stat st;
    const struct node_xattr x = {
        .name = "trusted.x", .name_len = 9, .value = "y", .value_len = 1
    };
    struct node n = full_node(&x, 1);
    struct target_dir_options o = { .path = "open", .make = true };
    assert_int_equal(target_dir_new(&o, &own), 0);
    assert_int_equal(own->ops->create(own, own->ops->root(own), "f", 1, &f), 0);
    assert_int_equal(own->ops->finish(own, &f, &n, &report), 0);
    assert_int_equal(own->ops->close(own, &f), 0);
    assert_int_equal(losses, 3); /* ownership, setuid, the xattr */
    assert_int_equal(stat("open/f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0754);
    assert_true(st.st_mtim.tv_sec == -2);
    losses = 0;
    n = full_node(NULL, 0);
    n.uid = n.gid = 65534; /* what is one's own is no loss */
    n.mode = 02751;
    assert_int_equal(own->ops->open(own, own->ops->root(own), "f", 1, true, &f), 0);
    assert_int_equal(own->ops->finish(own, &f, &n, &report), 0);
    assert_int_equal(own->ops->close(own, &f), 0);
    assert_int_equal(losses, 0);
    assert_int_equal(stat("open/f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 02751);
    assert_int_equal(own->ops->special(own, own->ops->root(own), "c", 1, NODE_CHAR, 0x103),
                     HF_EACCESS);
    target_free(own);
}

static void test_target_dir_reports_what_an_ordinary_user_loses(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return;
    }
    assert_int_equal(mkdir("open", 0777), 0);
    assert_int_equal(chmod("open", 0777), 0);
    pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0) {
            _exit(9);
        }
        ordinary_user();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_target_dir_marks_a_restore_until_it_is_synced(void **state)
{
    (void)state;
    struct stat before, after;
    bool doubtful = true;
    assert_int_equal(t->ops->begin(t, &doubtful), 0);
    assert_false(doubtful);
    assert_true(exists("t/.holdfast-restore-unfinished"));
    assert_int_equal(t->ops->begin(t, &doubtful), 0);
    assert_false(doubtful); /* interrupted, but the system still knows what was written */
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 5, .tv_nsec = 6 } };
    assert_int_equal(utimensat(AT_FDCWD, "t", times, 0), 0);
    assert_int_equal(stat("t", &before), 0);
    assert_int_equal(t->ops->sync(t), 0);
    assert_false(exists("t/.holdfast-restore-unfinished"));
    assert_int_equal(stat("t", &after), 0);
    assert_true(after.st_mtim.tv_sec == 5 && after.st_mtim.tv_nsec == 6);
    realtree_write("t/.holdfast-restore-unfinished", "some other boot", 15);
    assert_int_equal(t->ops->begin(t, &doubtful), 0);
    assert_true(doubtful);
}

/* As if that much had been written. */
static void write_much(const char *name)
{
    atomic_store(&((struct target_dir *)t)->unsynced, UINT32_MAX);
    assert_int_equal(create(name, "x"), 0);
}

static void test_target_dir_syncs_early_and_tells_of_its_errors(void **state)
{
    (void)state;
    struct target_dir *own = (struct target_dir *)t;
    bool doubtful = true;
    assert_int_equal(t->ops->begin(t, &doubtful), 0);
    assert_int_equal(create("little", "x"), 0);
    assert_null(own->syncer);
    for (int i = 0; i < 20; i++) {
        write_much("much");
        assert_non_null(own->syncer);
        assert_int_equal(unlink("t/much"), 0);
    }
    assert_int_equal(target_dir_end_syncing(own), 0);
    own->sync_errno = EIO; /* the system told of it, and will not tell again */
    write_much("more");
    assert_int_equal(t->ops->sync(t), HF_EIO);
    assert_true(exists("t/.holdfast-restore-unfinished"));
}

/* What went wrong before is what is told of. */
static void test_target_dir_syncs_early_without_a_word(void **state)
{
    (void)state;
    struct target_dir *own = (struct target_dir *)t;
    struct target_file f;
    assert_int_equal(t->ops->create(t, top(), "f", 1, &f), 0);
    atomic_store(&own->unsynced, UINT32_MAX);
    err_raise(HF_EINTERRUPTED, "the first");
    mem_fail_at(1, 0); /* so there is no thread for it */
    assert_int_equal(t->ops->close(t, &f), 0);
    mem_fail_at(0, 0);
    assert_null(own->syncer);
    assert_string_equal(err_last()->text, "the first");
    own->sync_errno = EIO;
    write_much("much");
    err_raise(HF_EINTERRUPTED, "the first");
    target_free(t);
    t = NULL;
    assert_string_equal(err_last()->text, "the first");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_target_dir_never_goes_through_a_planted_link),
        TEST(test_target_dir_refuses_names_that_lead_elsewhere),
        TEST(test_target_dir_stays_in_a_folder_that_is_moved_away),
        TEST(test_target_dir_makes_paths_beyond_path_max),
        TEST(test_target_dir_enters_or_makes),
        TEST(test_target_dir_refuses_what_is_no_folder),
        TEST(test_target_dir_lists_in_order_and_stops_when_told),
        TEST(test_target_dir_removes_whole_trees),
        TEST(test_target_dir_links_and_looks_up),
        TEST(test_target_dir_writes_reads_cuts_and_punches),
        TEST(test_target_dir_sets_everything_as_root),
        TEST(test_target_dir_changes_what_flags_forbid_to_change),
        TEST(test_target_dir_tells_what_room_is_left),
        TEST(test_target_dir_dresses_folders_links_and_devices),
        TEST(test_target_dir_takes_away_what_folders_hand_down),
        TEST(test_target_dir_can_go_by_names_of_users),
        TEST(test_target_dir_reports_what_an_ordinary_user_loses),
        TEST(test_target_dir_marks_a_restore_until_it_is_synced),
        TEST(test_target_dir_syncs_early_and_tells_of_its_errors),
        TEST(test_target_dir_syncs_early_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
