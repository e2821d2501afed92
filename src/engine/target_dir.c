/*
 * target_dir.c - the folders and names of a directory target.
 *
 * A name is always one component below a folder that is open, and never followed if it is a
 * symbolic link: component by component is as safe as openat2 with RESOLVE_BENEATH, works on
 * every kernel and has no limit of length; place.h keeps the folders open, so it costs nothing
 * either.
 */
#include "engine/target_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/attrs.h"
#include "engine/target_dir_internal.h"

#define PLACES_OPEN 128u
#define LOCKED_FLAGS (FS_IMMUTABLE_FL | FS_APPEND_FL)

int target_dir_name(const char *name, size_t len, struct target_dir_name *out)
{
    int rc = target_check_name(name, len);
    if (rc != 0) {
        return rc;
    }
    memcpy(out->text, name, len);
    out->text[len] = '\0';
    return 0;
}

bool target_dir_unlock_fd(int fd)
{
    int flags = 0;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 || (flags & LOCKED_FLAGS) == 0) {
        return false;
    }
    flags &= ~LOCKED_FLAGS;
    return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

bool target_dir_unlock(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool done = target_dir_unlock_fd(fd);
    close(fd);
    return done;
}

/* ---- folders ---- */

/* Remembers each file system that is written to, for sync. */
static int note_device(struct target_dir *t, dev_t dev, int fd)
{
    for (size_t i = 0; i < t->device_count; i++) {
        if (t->devices[i].dev == dev) {
            return 0;
        }
    }
    if (mem_grow(&t->devices, &t->device_cap, t->device_count + 1, sizeof(*t->devices)) != 0) {
        return err_nomem();
    }
    /* syncfs does not accept a descriptor that was opened for passing through only. */
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own < 0) {
        return err_os(errno, "could not open the folder");
    }
    if (t->device_count == 0) {
        t->first_device = own;
    }
    t->devices[t->device_count++] = (struct target_dir_device){ .dev = dev, .fd = own };
    return 0;
}

/* Whether what is made in the folder is given more than it is asked to have. */
static void note_inheritance(struct target_dir *t, int fd, const struct stat *st)
{
    int flags = 0;
    bool grouped = (st->st_mode & S_ISGID) != 0 || st->st_gid != t->gid;
    bool flagged = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && ((uint32_t)flags & attrs_flags) != 0;
    if (grouped || flagged || fgetxattr(fd, "system.posix_acl_default", NULL, 0) > 0) {
        atomic_store(&t->inherits, true);
    }
}

/* An existing folder: whatever forbids writing into it goes; apply puts it back. */
static void make_writable(struct target_dir *t, int fd, const struct stat *st)
{
    target_dir_unlock_fd(fd);
    if ((st->st_mode & 0700) != 0700 && st->st_uid == geteuid() && geteuid() != 0) {
        fchmod(fd, (st->st_mode & 07777) | 0700);
    }
    note_inheritance(t, fd, st);
}

static int enter_named(struct target_dir *t, struct place *in, int dir_fd,
                       const struct target_dir_name *name, size_t len, bool make,
                       struct place **out_place, bool *out_made)
{
    *out_made = make && mkdirat(dir_fd, name->text, 0700) == 0;
    if (make && !*out_made && errno != EEXIST) {
        return err_os(errno, "could not make the folder");
    }
    int fd = place_open_folder(dir_fd, name->text, false);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = errno == ENOTDIR || errno == ELOOP ? err_raise(HF_EEXISTS, "it is no folder")
                                                    : err_os(errno, "could not open the folder");
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    int rc = 0;
    if (make) {
        if (!*out_made) {
            make_writable(t, fd, &st);
        }
        rc = note_device(t, st.st_dev, fd);
    }
    if (rc != 0) {
        close(fd);
        return rc;
    }
    return place_new(t->places, in, name->text, len, fd, &st, out_place);
}

static int enter(struct target *base, struct target_place *in, const char *name, size_t len,
                 bool make, struct target_place **out_place, bool *out_made)
{
    struct place *place = target_dir_place(in);
    struct place *found = NULL;
    struct target_dir_name checked;
    int dir_fd = -1;
    int rc = target_dir_name(name, len, &checked);
    if (rc == 0) {
        rc = place_pin(place, &dir_fd);
    }
    if (rc != 0) {
        return rc;
    }
    rc = enter_named((struct target_dir *)base, place, dir_fd, &checked, len, make, &found,
                     out_made);
    place_unpin(place);
    *out_place = (struct target_place *)(void *)found;
    return rc;
}

static struct target_place *root(struct target *base)
{
    return (struct target_place *)(void *)((struct target_dir *)base)->top;
}

static void hold(struct target *base, struct target_place *p)
{
    (void)base;
    place_hold(target_dir_place(p));
}

static void drop(struct target *base, struct target_place *p)
{
    (void)base;
    place_drop(target_dir_place(p));
}

/* ---- names ---- */

static enum node_type type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return NODE_DIR;
    case S_IFLNK:
        return NODE_SYMLINK;
    case S_IFCHR:
        return NODE_CHAR;
    case S_IFBLK:
        return NODE_BLOCK;
    case S_IFIFO:
        return NODE_FIFO;
    case S_IFSOCK:
        return NODE_SOCKET;
    default:
        return NODE_FILE;
    }
}

static void fill_stat(const struct stat *st, struct target_stat *out)
{
    *out = (struct target_stat){
        .type = type_of(st->st_mode),
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .size = (uint64_t)st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .dev = st->st_dev,
        .ino = st->st_ino,
        .links = st->st_nlink,
        .rdev = st->st_rdev,
        .sparse = st->st_blocks < st->st_size / 512,
    };
}

static int lookup(struct target *base, struct target_place *in, const char *name, size_t len,
                  struct target_stat *out_stat)
{
    (void)base;
    struct place *place = target_dir_place(in);
    struct target_dir_name checked;
    struct stat st;
    int dir_fd = -1;
    int rc = target_dir_name(name, len, &checked);
    if (rc == 0) {
        rc = place_pin(place, &dir_fd);
    }
    if (rc != 0) {
        return rc;
    }
    if (fstatat(dir_fd, checked.text, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        fill_stat(&st, out_stat);
    } else {
        rc = errno == ENOENT ? HF_EABSENT : err_os(errno, "could not stat it");
    }
    place_unpin(place);
    return rc;
}

static int make_symlink(struct target *base, struct target_place *in, const char *name, size_t len,
                        const char *content, size_t content_len)
{
    (void)base;
    struct place *place = target_dir_place(in);
    struct target_dir_name checked;
    int dir_fd = -1;
    int rc = target_dir_name(name, len, &checked);
    if (rc == 0 && (content_len == 0 || memchr(content, '\0', content_len) != NULL)) {
        rc = err_raise(HF_EDAMAGE, "the symbolic link leads nowhere");
    }
    char *text = rc == 0 ? mem_alloc(content_len + 1) : NULL;
    if (rc == 0 && text == NULL) {
        rc = err_nomem();
    }
    if (rc == 0) {
        rc = place_pin(place, &dir_fd);
    }
    if (rc == 0) {
        memcpy(text, content, content_len);
        text[content_len] = '\0';
        if (symlinkat(text, dir_fd, checked.text) != 0) {
            rc = err_os(errno, "could not make the symbolic link");
        }
        place_unpin(place);
    }
    mem_free(text);
    return rc;
}

static int read_symlink(struct target *base, struct target_place *in, const char *name, size_t len,
                        char *out, size_t max, size_t *out_len)
{
    (void)base;
    struct place *place = target_dir_place(in);
    struct target_dir_name checked;
    int dir_fd = -1;
    int rc = target_dir_name(name, len, &checked);
    if (rc == 0) {
        rc = place_pin(place, &dir_fd);
    }
    if (rc != 0) {
        return rc;
    }
    ssize_t got = readlinkat(dir_fd, checked.text, out, max);
    if (got >= 0) {
        *out_len = (size_t)got;
    } else {
        rc = err_os(errno, "could not read the symbolic link");
    }
    place_unpin(place);
    return rc;
}

static int make_special(struct target *base, struct target_place *in, const char *name, size_t len,
                        enum node_type type, uint64_t rdev)
{
    (void)base;
    mode_t format = type == NODE_CHAR    ? S_IFCHR
                    : type == NODE_BLOCK ? S_IFBLK
                    : type == NODE_FIFO  ? S_IFIFO
                                         : S_IFSOCK;
    struct place *place = target_dir_place(in);
    struct target_dir_name checked;
    int dir_fd = -1;
    int rc = target_dir_name(name, len, &checked);
    if (rc == 0) {
        rc = place_pin(place, &dir_fd);
    }
    if (rc != 0) {
        return rc;
    }
    if (mknodat(dir_fd, checked.text, format | 0600, rdev) != 0) {
        rc = err_os(errno, "could not make the %s", node_type_name(type));
    }
    place_unpin(place);
    return rc;
}

static int make_link(struct target *base, struct target_place *from, const char *from_name,
                     size_t from_len, struct target_place *in, const char *name, size_t len)
{
    (void)base;
    struct target_dir_name old;
    struct target_dir_name new;
    int from_fd = -1;
    int in_fd = -1;
    int rc = target_dir_name(from_name, from_len, &old);
    if (rc == 0) {
        rc = target_dir_name(name, len, &new);
    }
    if (rc == 0) {
        rc = place_pin(target_dir_place(from), &from_fd);
    }
    if (rc != 0) {
        return rc;
    }
    rc = place_pin(target_dir_place(in), &in_fd);
    if (rc == 0) {
        if (linkat(from_fd, old.text, in_fd, new.text, 0) != 0) {
            rc = err_os(errno, "could not link it to its other name");
        }
        place_unpin(target_dir_place(in));
    }
    place_unpin(target_dir_place(from));
    return rc;
}

/* ---- the whole ---- */

/*
 * One call for each file system, in place of an fsync for each file and folder: it writes out
 * everything below the target and reports what could not be written (since Linux 5.8 also what
 * failed before the call). What else is being written there meanwhile is written out along with
 * it, which costs time, but far less than a million single syncs.
 */
static int sync_all(struct target *base)
{
    struct target_dir *t = (struct target_dir *)base;
    int rc = target_dir_end_syncing(t);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < t->device_count; i++) {
        if (syncfs(t->devices[i].fd) != 0) {
            return err_os(errno, "could not sync %s", t->options.path);
        }
    }
    return target_dir_unmark(t);
}

static void free_target(struct target *base)
{
    struct target_dir *t = (struct target_dir *)base;
    target_dir_stop_syncing(t);
    for (size_t i = 0; i < t->device_count; i++) {
        close(t->devices[i].fd);
    }
    mem_free(t->devices);
    place_drop(t->top);
    place_set_free(t->places);
    names_free(t->names);
    mem_free(t);
}

/* File systems that keep what they are given as it is; others may compress it, or are far away. */
static bool keeps_all(const struct statfs *fs)
{
    return fs->f_type == EXT4_SUPER_MAGIC || fs->f_type == XFS_SUPER_MAGIC ||
           fs->f_type == TMPFS_MAGIC || fs->f_type == MSDOS_SUPER_MAGIC;
}

static bool space(struct target *base, struct target_place *in, uint64_t *out_dev,
                  uint64_t *out_bytes)
{
    struct place *place = target_dir_place(in);
    struct statfs fs;
    struct stat st;
    int fd = -1;
    (void)base;
    if (place_pin(place, &fd) != 0) {
        err_clear();
        return false;
    }
    /* One without limits has no blocks to tell of. */
    bool known = fstatfs(fd, &fs) == 0 && fstat(fd, &st) == 0 && keeps_all(&fs) && fs.f_blocks > 0;
    place_unpin(place);
    if (known) {
        /* What is reserved for root is there for root. */
        *out_bytes = (uint64_t)(geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * (uint64_t)fs.f_bsize;
        *out_dev = st.st_dev;
    }
    return known;
}

static const struct target_ops ops = {
    .begin = target_dir_begin,
    .root = root,
    .enter = enter,
    .space = space,
    .hold = hold,
    .drop = drop,
    .lookup = lookup,
    .list = target_dir_list,
    .remove = target_dir_remove,
    .symlink = make_symlink,
    .readlink = read_symlink,
    .special = make_special,
    .link = make_link,
    .create = target_dir_create,
    .open = target_dir_open,
    .pread = target_dir_pread,
    .uncache = target_dir_uncache,
    .pwrite = target_dir_pwrite,
    .truncate = target_dir_truncate,
    .punch = target_dir_punch,
    .finish = target_dir_finish,
    .close = target_dir_close,
    .apply = target_dir_apply,
    .sync = sync_all,
    .free = free_target,
};

/* mkdir -p: the modes are the user's, by the umask. */
static int make_path(const char *path)
{
    char *copy = mem_strdup(path);
    if (copy == NULL) {
        return err_nomem();
    }
    int rc = 0;
    for (char *p = copy + 1; rc == 0; p++) {
        char kept = *p;
        if (kept != '/' && kept != '\0') {
            continue;
        }
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            rc = err_os(errno, "could not make the folder %s", copy);
        }
        *p = kept;
        if (kept == '\0') {
            break;
        }
    }
    mem_free(copy);
    return rc;
}

static int open_top(struct target_dir *t)
{
    const char *path = t->options.path;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && t->options.make) {
        int rc = make_path(path);
        if (rc != 0) {
            return rc;
        }
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0 && errno == ENOTDIR) {
        return err_raise(HF_EFAIL, "%s is not a folder", path);
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = err_os(errno, "could not open the folder %s", path);
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    note_inheritance(t, fd, &st);
    int rc = note_device(t, st.st_dev, fd);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    return place_new(t->places, NULL, "", 0, fd, &st, &t->top);
}

int target_dir_new(const struct target_dir_options *options, struct target **out_target)
{
    struct target_dir *t = mem_zalloc(sizeof(*t));
    if (t == NULL) {
        return err_nomem();
    }
    t->base.ops = &ops;
    t->options = *options;
    t->uid = (uint32_t)geteuid();
    t->gid = (uint32_t)getegid();
    int rc = names_new(&t->names);
    if (rc == 0) {
        rc = place_set_new(PLACES_OPEN, &t->places);
    }
    if (rc == 0) {
        rc = open_top(t);
    }
    if (rc != 0) {
        free_target(&t->base);
        return rc;
    }
    *out_target = &t->base;
    return 0;
}
