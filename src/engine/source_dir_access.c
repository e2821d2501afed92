/*
 * source_dir_access.c - content and attributes of the things in a live tree.
 *
 * Everything is opened by its name in its folder, without following links and without waiting (a
 * FIFO may have taken the name of a file), and without touching the access time where that is
 * permitted.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/attrs.h"
#include "engine/source_dir_internal.h"

#define READ_AHEAD_BYTES (4u << 20) /* from here on, the system reads ahead further */
#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static struct place *as_place(struct source_place *place)
{
    return (struct place *)(void *)place;
}

/* The last component; node paths end in a NUL. */
static const char *name_of(const struct node *node)
{
    const char *slash = memrchr(node->path, '/', node->path_len);
    return slash != NULL ? slash + 1 : node->path;
}

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

/* Times beyond what 64 bits of nanoseconds hold (the years 1678 to 2262) are kept at that bound. */
static int64_t ns_of(const struct timespec *ts)
{
    int64_t ns = 0;
    if (__builtin_mul_overflow((int64_t)ts->tv_sec, 1000000000, &ns) ||
        __builtin_add_overflow(ns, (int64_t)ts->tv_nsec, &ns)) {
        return ts->tv_sec < 0 ? INT64_MIN : INT64_MAX;
    }
    return ns;
}

/* Below this size a hole is not worth looking for. */
#define SPARSE_MIN_BYTES 4096

void source_dir_fill(const struct stat *st, struct node *node, bool *out_sparse)
{
    node->type = type_of(st->st_mode);
    node->mode = (uint32_t)st->st_mode & 07777;
    node->uid = st->st_uid;
    node->gid = st->st_gid;
    node->size = node->type == NODE_FILE ? (uint64_t)st->st_size : 0;
    node->mtime_ns = ns_of(&st->st_mtim);
    node->ctime_ns = ns_of(&st->st_ctim);
    node->dev = st->st_dev;
    node->ino = st->st_ino;
    node->links = node->type == NODE_DIR ? 1 : st->st_nlink;
    node->rdev = node->type == NODE_CHAR || node->type == NODE_BLOCK ? st->st_rdev : 0;
    *out_sparse = node->type == NODE_FILE && st->st_size >= SPARSE_MIN_BYTES &&
                  st->st_blocks < st->st_size / 512;
}

void source_dir_name(struct source_dir *s, struct node *node)
{
    node->user = names_of(s->names, NAMES_USER, node->uid, &node->user_len);
    node->group = names_of(s->names, NAMES_GROUP, node->gid, &node->group_len);
}

static int open_error(int errnum)
{
    if (errnum == ELOOP || errnum == ENXIO || errnum == ENODEV || errnum == EISDIR) {
        return err_raise(HF_ECHANGED, "it is no longer a file");
    }
    return err_os(errnum, "could not open it");
}

int source_dir_open(struct source *base, struct source_place *place, const struct node *node,
                    struct source_file *out_file)
{
    (void)base;
    int dir_fd = -1;
    int rc = place_pin(as_place(place), &dir_fd);
    if (rc != 0) {
        return rc;
    }
    const char *name = name_of(node);
    int fd = openat(dir_fd, name, OPEN_FLAGS | O_NOATIME);
    if (fd < 0 && errno == EPERM) {
        fd = openat(dir_fd, name, OPEN_FLAGS); /* only owners may leave the access time alone */
    }
    if (fd < 0) {
        rc = open_error(errno);
    } else if (node->size >= READ_AHEAD_BYTES) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    place_unpin(as_place(place));
    out_file->handle.fd = fd;
    return rc;
}

int source_dir_stat(struct source *base, struct source_file *file, struct node *node,
                    bool *out_sparse)
{
    struct stat st;
    uint32_t uid = node->uid;
    uint32_t gid = node->gid;
    if (fstat(file->handle.fd, &st) != 0) {
        return err_os(errno, "could not stat it");
    }
    source_dir_fill(&st, node, out_sparse);
    if (node->uid != uid || node->gid != gid) {
        source_dir_name((struct source_dir *)base, node);
    }
    return 0;
}

int source_dir_read(struct source *base, struct source_file *file, void *out, size_t len,
                    uint64_t offset, size_t *out_got)
{
    (void)base;
    ssize_t got = -1;
    do {
        got = pread(file->handle.fd, out, len, (off_t)offset);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return err_os(errno, "could not read it");
    }
    *out_got = (size_t)got;
    return 0;
}

int source_dir_extent(struct source *base, struct source_file *file, uint64_t offset, uint64_t size,
                      uint64_t *out_start, uint64_t *out_end)
{
    (void)base;
    off_t start = lseek(file->handle.fd, (off_t)offset, SEEK_DATA);
    if (start < 0 && errno == ENXIO) {
        *out_start = *out_end = size;
        return 0;
    }
    off_t end = start < 0 ? -1 : lseek(file->handle.fd, start, SEEK_HOLE);
    if (end <= start) {
        /* No way to know about holes here: all of it is data. */
        *out_start = offset;
        *out_end = size;
        return 0;
    }
    *out_start = (uint64_t)start < size ? (uint64_t)start : size;
    *out_end = (uint64_t)end < size ? (uint64_t)end : size;
    return 0;
}

void source_dir_close(struct source *base, struct source_file *file)
{
    (void)base;
    close(file->handle.fd); /* opened for reading: nothing can be lost */
    file->handle.fd = -1;
}

static int read_target(int dir_fd, const char *name, struct node *node, struct source_detail *d)
{
    for (size_t room = 256; room <= (1u << 20); room *= 4) {
        if (buf_reserve(&d->names, room) != 0) {
            return err_nomem();
        }
        char *out = (char *)d->names.data + d->names.len;
        ssize_t got = readlinkat(dir_fd, name, out, room);
        if (got < 0) {
            return err_os(errno, "could not read the symbolic link");
        }
        if ((size_t)got < room) {
            d->names.len += (size_t)got;
            node->target_len = (size_t)got;
            return 0;
        }
    }
    return err_raise(HF_ELIMIT, "the symbolic link is too long");
}

static int detail_open(int fd, struct node *node, struct source_detail *d)
{
    struct attrs_thing thing = { .fd = fd, .dir_fd = -1, .dev = node->dev };
    attrs_read_flags(&thing, node);
    return attrs_read_xattrs(&thing, node, d);
}

static int detail_named(int dir_fd, struct node *node, struct source_detail *d)
{
    struct attrs_thing thing = {
        .fd = -1, .dir_fd = dir_fd, .name = name_of(node), .dev = node->dev
    };
    int rc = 0;
    if (node->type == NODE_SYMLINK) {
        rc = read_target(dir_fd, thing.name, node, d);
    }
    if (rc == 0) {
        rc = attrs_read_xattrs(&thing, node, d);
    }
    /* Both kinds of text lie in one buffer, which may have moved. */
    if (node->type == NODE_SYMLINK && node->target_len > 0) {
        node->target = (const char *)d->names.data;
    }
    return rc;
}

int source_dir_detail(struct source *base, struct source_place *place, struct source_file *file,
                      struct node *node, struct source_detail *d)
{
    (void)base;
    buf_clear(&d->names);
    node->target = NULL;
    node->target_len = 0;
    node->flags = 0;
    if (file != NULL) {
        return detail_open(file->handle.fd, node, d);
    }
    int fd = -1;
    int rc = place_pin(as_place(place), &fd);
    if (rc != 0) {
        return rc;
    }
    /* The place of a folder is the folder itself, of all else the folder that it is in. */
    rc = node->type == NODE_DIR ? detail_open(fd, node, d) : detail_named(fd, node, d);
    place_unpin(as_place(place));
    return rc;
}
