/*
 * fs_posix.c - the file system of the machine.
 *
 * A folder is a descriptor, beneath which every name is looked up; the last part of a name is never
 * followed if it is a symbolic link. Calls that a signal may interrupt before they did anything are
 * repeated; sync, rename and close are not, since after a failure of theirs nobody knows what was
 * done, and a second success would be a lie.
 */
#include "io/fs_posix.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define ALL_MODE_BITS 07777u
#define PERMISSION_BITS 0777u
#define BEYOND_ANY_FILE ((uint64_t)INT64_MAX)

struct posix_fs {
    struct fs base;
    int fd;
};

struct posix_file {
    struct fs_file base;
    int fd;
    bool created;      /* opened for writing */
    atomic_int poison; /* errno of the first failed write or sync, returned ever after */
};

static const struct fs_ops posix_ops;

/* The code is err_os's; the sentence is only the cause, since fs.c says what could not be done. */
static int posix_error(int errnum)
{
    const char *text = strerrordesc_np(errnum);
    int code = err_os(errnum, "system call");
    return err_raise(code, "%s", text != NULL ? text : "unknown system error");
}

static int root_fd(const struct fs *fs)
{
    return ((const struct posix_fs *)fs)->fd;
}

static const char *folder_name(const char *path)
{
    return path[0] == '\0' ? "." : path;
}

static int open_at(int dir_fd, const char *path, int flags, mode_t mode)
{
    int fd;
    do {
        fd = openat(dir_fd, path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* fd becomes the file's, also on failure. */
static int wrap_file(struct fs *fs, const char *path, int fd, bool created,
                     struct fs_file **out_file)
{
    struct posix_file *f = mem_zalloc(sizeof *f);
    char *name = mem_strdup(path);
    if (f == NULL || name == NULL) {
        mem_free(f);
        mem_free(name);
        close(fd);
        return err_nomem();
    }
    f->base.ops = &posix_ops;
    f->base.fs = fs;
    f->base.path = name;
    f->fd = fd;
    f->created = created;
    atomic_init(&f->poison, 0);
    *out_file = &f->base;
    return 0;
}

/* The umask and default ACLs may have changed the mode that was asked for. */
static int set_exact_mode(int fd, uint32_t mode)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return posix_error(errno);
    }
    if ((st.st_mode & ALL_MODE_BITS) == (mode & ALL_MODE_BITS)) {
        return 0;
    }
    return fchmod(fd, (mode_t)(mode & ALL_MODE_BITS)) == 0 ? 0 : posix_error(errno);
}

static int posix_create(struct fs *fs, const char *path, uint32_t mode, struct fs_file **out_file)
{
    int fd = open_at(root_fd(fs), path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, (mode_t)mode);
    if (fd < 0) {
        return posix_error(errno);
    }
    int rc = set_exact_mode(fd, mode);
    if (rc != 0) {
        close(fd);
    } else {
        rc = wrap_file(fs, path, fd, true, out_file);
    }
    if (rc != 0) {
        unlinkat(root_fd(fs), path, 0); /* O_EXCL: it is ours, and was never handed out */
    }
    return rc;
}

/* O_NONBLOCK: opening a FIFO that somebody put there must not wait for its other end. */
static int posix_open(struct fs *fs, const char *path, struct fs_file **out_file)
{
    int fd = open_at(root_fd(fs), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0) {
        return posix_error(errno);
    }
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) != 0) {
        rc = posix_error(errno);
    } else if (S_ISDIR(st.st_mode)) {
        rc = posix_error(EISDIR);
    } else if (!S_ISREG(st.st_mode)) {
        rc = err_raise(HF_EIO, "not a regular file");
    }
    if (rc != 0) {
        close(fd);
        return rc;
    }
    return wrap_file(fs, path, fd, false, out_file);
}

/* Remembers the first failure of a write or sync, and returns it. */
static int poison(struct posix_file *f, int errnum)
{
    int none = 0;
    atomic_compare_exchange_strong(&f->poison, &none, errnum);
    return posix_error(errnum);
}

static int posix_pwrite(struct fs_file *file, const void *data, size_t len, uint64_t offset)
{
    struct posix_file *f = (struct posix_file *)file;
    int poisoned = atomic_load(&f->poison);
    if (poisoned != 0) {
        return posix_error(poisoned);
    }
    if (offset > BEYOND_ANY_FILE || len > BEYOND_ANY_FILE - offset) {
        return poison(f, EFBIG);
    }
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(f->fd, (const uint8_t *)data + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return poison(f, n < 0 ? errno : EIO);
        }
        done += (size_t)n;
    }
    return 0;
}

static int posix_pread(struct fs_file *file, void *out, size_t len, uint64_t offset,
                       size_t *out_got)
{
    struct posix_file *f = (struct posix_file *)file;
    if (offset > BEYOND_ANY_FILE || len > BEYOND_ANY_FILE - offset) {
        return posix_error(EFBIG);
    }
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(f->fd, (uint8_t *)out + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return posix_error(errno);
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    *out_got = done;
    return 0;
}

static int posix_size(struct fs_file *file, uint64_t *out_size)
{
    struct stat st;
    if (fstat(((struct posix_file *)file)->fd, &st) != 0) {
        return posix_error(errno);
    }
    *out_size = (uint64_t)st.st_size;
    return 0;
}

/* Neither waits nor takes an error away from the sync: that is told of all. */
static void posix_write_soon(struct fs_file *file, uint64_t offset, uint64_t len)
{
    const struct posix_file *f = (const struct posix_file *)file;
    (void)sync_file_range(f->fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

static int posix_sync(struct fs_file *file, const char *site)
{
    (void)site;
    struct posix_file *f = (struct posix_file *)file;
    int poisoned = atomic_load(&f->poison);
    if (poisoned != 0) {
        return posix_error(poisoned);
    }
    return fdatasync(f->fd) == 0 ? 0 : poison(f, errno);
}

/* For a file that was only read there is nothing that an error of close could be about. */
static int posix_close(struct fs_file *file)
{
    struct posix_file *f = (struct posix_file *)file;
    int rc = 0;
    if (close(f->fd) != 0 && f->created) {
        rc = posix_error(errno);
    }
    mem_free(f->base.path);
    mem_free(f);
    return rc;
}

/*
 * Where the flag is not known, a second name is as exclusive: link fails if `to` exists. A crash
 * between link and unlink leaves both names, as does an error of the unlink, which is returned:
 * after any error of a rename its caller looks at both.
 */
static int rename_by_link(int dir_fd, const char *from, const char *to)
{
    if (linkat(dir_fd, from, dir_fd, to, 0) != 0) {
        if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) {
            return err_raise(HF_EUNSUPPORTED,
                             "this file system can neither rename without replacing nor link");
        }
        return posix_error(errno);
    }
    return unlinkat(dir_fd, from, 0) == 0 ? 0 : posix_error(errno);
}

static int posix_rename_new(struct fs *fs, const char *from, const char *to)
{
    int fd = root_fd(fs);
    if (renameat2(fd, from, fd, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return posix_error(errno);
    }
    return rename_by_link(fd, from, to);
}

static int posix_rename_over(struct fs *fs, const char *from, const char *to)
{
    return renameat(root_fd(fs), from, root_fd(fs), to) == 0 ? 0 : posix_error(errno);
}

static int posix_unlink(struct fs *fs, const char *path)
{
    return unlinkat(root_fd(fs), path, 0) == 0 ? 0 : posix_error(errno);
}

static int posix_rmdir(struct fs *fs, const char *path)
{
    return unlinkat(root_fd(fs), path, AT_REMOVEDIR) == 0 ? 0 : posix_error(errno);
}

/* A set-group-id bit inherited from the parent is left alone. */
static int make_dir(int dir_fd, const char *path, uint32_t mode)
{
    struct stat st;
    if (mkdirat(dir_fd, path, (mode_t)mode) != 0) {
        return posix_error(errno);
    }
    if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return posix_error(errno);
    }
    if ((st.st_mode & PERMISSION_BITS) == (mode & PERMISSION_BITS)) {
        return 0;
    }
    mode_t exact = (st.st_mode & ALL_MODE_BITS & ~PERMISSION_BITS) | (mode & PERMISSION_BITS);
    return fchmodat(dir_fd, path, exact, 0) == 0 ? 0 : posix_error(errno);
}

static int posix_mkdir(struct fs *fs, const char *path, uint32_t mode)
{
    return make_dir(root_fd(fs), path, mode);
}

static int posix_stat(struct fs *fs, const char *path, struct fs_stat *out_stat)
{
    struct stat st;
    if (fstatat(root_fd(fs), folder_name(path), &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return posix_error(errno);
    }
    out_stat->is_dir = S_ISDIR(st.st_mode);
    out_stat->size = out_stat->is_dir ? 0 : (uint64_t)st.st_size;
    out_stat->mtime_ns = (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
    out_stat->mode = st.st_mode & ALL_MODE_BITS;
    return 0;
}

static int list_open_dir(DIR *dir, fs_list_fn each, void *context)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            return errno == 0 ? 0 : posix_error(errno);
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        int rc = each(context, entry->d_name);
        if (rc != 0) {
            return rc;
        }
    }
}

static int posix_list(struct fs *fs, const char *path, fs_list_fn each, void *context)
{
    int fd = open_at(root_fd(fs), folder_name(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0) {
        return posix_error(errno);
    }
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        int errnum = errno;
        close(fd);
        return posix_error(errnum);
    }
    int rc = list_open_dir(dir, each, context);
    closedir(dir);
    return rc;
}

static int sync_folder(int dir_fd, const char *path, int flags)
{
    int fd = open_at(dir_fd, path, O_RDONLY | O_DIRECTORY | flags, 0);
    if (fd < 0) {
        return posix_error(errno);
    }
    int rc = fsync(fd) == 0 ? 0 : posix_error(errno);
    close(fd);
    return rc;
}

static int posix_sync_dir(struct fs *fs, const char *path, const char *site)
{
    (void)site;
    return sync_folder(root_fd(fs), folder_name(path), O_NOFOLLOW);
}

static int posix_space(struct fs *fs, struct fs_space *out_space)
{
    struct statvfs st;
    if (fstatvfs(root_fd(fs), &st) != 0) {
        return posix_error(errno);
    }
    out_space->free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    out_space->total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    return 0;
}

static void posix_close_fs(struct fs *fs)
{
    close(root_fd(fs));
    mem_free(fs->label);
    mem_free(fs);
}

static const struct fs_ops posix_ops = {
    .mkdir = posix_mkdir,
    .create = posix_create,
    .open = posix_open,
    .pwrite = posix_pwrite,
    .pread = posix_pread,
    .size = posix_size,
    .write_soon = posix_write_soon,
    .sync = posix_sync,
    .close = posix_close,
    .rename_new = posix_rename_new,
    .rename_over = posix_rename_over,
    .unlink = posix_unlink,
    .rmdir = posix_rmdir,
    .stat = posix_stat,
    .list = posix_list,
    .sync_dir = posix_sync_dir,
    .space = posix_space,
    .close_fs = posix_close_fs,
};

/* The folder itself may be named through a symbolic link: the user said so. */
int fs_posix_open(const char *path, struct fs **out_fs)
{
    assert(path != NULL && out_fs != NULL);
    *out_fs = NULL;
    int fd = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 && errno == ENOTDIR) {
        return err_raise(HF_EFAIL, "could not open %s: it is not a folder", path);
    }
    if (fd < 0) {
        return err_os(errno, "could not open the folder %s", path);
    }
    struct posix_fs *fs = mem_zalloc(sizeof *fs);
    char *label = mem_strdup(path);
    if (fs == NULL || label == NULL) {
        mem_free(fs);
        mem_free(label);
        close(fd);
        return err_nomem();
    }
    fs->base.ops = &posix_ops;
    fs->base.label = label;
    fs->fd = fd;
    *out_fs = &fs->base;
    return 0;
}

/* The folder that holds path's last part, in fresh memory: "." for a name without a folder. */
static char *parent_of(const char *path)
{
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/') {
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    if (len == 0) {
        return mem_strdup(".");
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    char *parent = mem_zalloc(len + 1);
    if (parent != NULL) {
        memcpy(parent, path, len);
    }
    return parent;
}

/*
 * Makes one folder whose parent exists. Its name is durable only when the parent is synced, and so
 * is that of one that an earlier, interrupted run made: so the parent is synced in both cases. One
 * that was there and whose parent may not be read was not made by us.
 */
static int make_one(const char *path, const char *parent, uint32_t mode)
{
    struct stat st;
    bool was_there = stat(path, &st) == 0;
    if (!was_there) {
        int rc = make_dir(AT_FDCWD, path, mode);
        if (rc != 0 && rc != HF_EEXISTS) { /* somebody else was faster: the same thing */
            return err_add(rc, "could not make the folder %s", path);
        }
    }
    int rc = sync_folder(AT_FDCWD, parent, 0);
    if (rc == 0 || (was_there && rc == HF_EACCESS)) {
        return 0;
    }
    return err_add(rc, "could not sync the folder %s", parent);
}

/* Missing ancestors first, from the top down. */
static int make_with_parents(const char *path, uint32_t mode)
{
    char *parent = parent_of(path);
    if (parent == NULL) {
        return err_nomem();
    }
    struct stat st;
    int rc = 0;
    if (stat(parent, &st) != 0 && errno == ENOENT && strcmp(parent, path) != 0) {
        rc = make_with_parents(parent, mode);
    }
    if (rc == 0) {
        rc = make_one(path, parent, mode);
    }
    mem_free(parent);
    return rc;
}

int fs_posix_make(const char *path, uint32_t mode, struct fs **out_fs)
{
    assert(path != NULL && out_fs != NULL);
    *out_fs = NULL;
    int rc = make_with_parents(path, mode);
    return rc == 0 ? fs_posix_open(path, out_fs) : rc;
}
