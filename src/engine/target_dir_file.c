/*
 * target_dir_file.c - the content of files in a directory target.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/target_dir_internal.h"

#define CREATE_FLAGS (O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

int target_dir_create(struct target *base, struct target_place *in, const char *name, size_t len,
                      struct target_file *out_file)
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
    /* Nobody else may look into it before its owner and mode are what they should be. */
    int fd = openat(dir_fd, checked.text, CREATE_FLAGS, 0600);
    if (fd < 0) {
        rc = err_os(errno, "could not create it");
    }
    place_unpin(place);
    *out_file = (struct target_file){ .handle.fd = fd, .fresh = true };
    return rc;
}

static int open_regular(int dir_fd, const char *name, bool write, struct target_file *out_file)
{
    int flags = OPEN_FLAGS | (write ? O_RDWR : O_RDONLY);
    int fd = openat(dir_fd, name, flags);
    if (fd < 0 && write && errno == EPERM && target_dir_unlock(dir_fd, name)) {
        fd = openat(dir_fd, name, flags);
    }
    if (fd < 0) {
        return errno == ELOOP || errno == EISDIR || errno == ENXIO
                   ? err_raise(HF_EEXISTS, "it is no regular file")
                   : err_os(errno, "could not open it");
    }
    struct stat st;
    int rc = fstat(fd, &st) != 0 ? err_os(errno, "could not stat it") : 0;
    if (rc == 0 && !S_ISREG(st.st_mode)) {
        rc = err_raise(HF_EEXISTS, "it is no regular file");
    }
    if (rc != 0) {
        close(fd);
        return rc;
    }
    *out_file = (struct target_file){ .handle.fd = fd, .dev = st.st_dev };
    return 0;
}

int target_dir_open(struct target *base, struct target_place *in, const char *name, size_t len,
                    bool write, struct target_file *out_file)
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
    rc = open_regular(dir_fd, checked.text, write, out_file);
    place_unpin(place);
    return rc;
}

int target_dir_pread(struct target *base, struct target_file *f, void *out, size_t len,
                     uint64_t offset, size_t *out_got)
{
    (void)base;
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(f->handle.fd, (char *)out + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_os(errno, "could not read it back");
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    *out_got = got;
    return 0;
}

void target_dir_uncache(struct target *base, struct target_file *f)
{
    (void)base;
    /* Works for what is clean, which after a sync is everything. */
    (void)posix_fadvise(f->handle.fd, 0, 0, POSIX_FADV_DONTNEED);
}

int target_dir_pwrite(struct target *base, struct target_file *f, const void *data, size_t len,
                      uint64_t offset)
{
    (void)base;
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(f->handle.fd, (const char *)data + done, len - done,
                           (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_os(errno, "could not write it");
        }
        done += (size_t)n;
    }
    return 0;
}

int target_dir_truncate(struct target *base, struct target_file *f, uint64_t size)
{
    (void)base;
    if (size > (uint64_t)INT64_MAX || ftruncate(f->handle.fd, (off_t)size) != 0) {
        return err_os(size > (uint64_t)INT64_MAX ? EFBIG : errno, "could not set its size");
    }
    return 0;
}

int target_dir_punch(struct target *base, struct target_file *f, uint64_t offset, uint64_t len)
{
    if (len == 0 || fallocate(f->handle.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              (off_t)offset, (off_t)len) == 0) {
        return 0;
    }
    if (errno != EOPNOTSUPP && errno != ENOSYS) {
        return err_os(errno, "could not make a hole");
    }
    /* A file system without holes reads zeros where zeros were written. */
    static const char zeros[64 << 10];
    struct stat st;
    int rc = fstat(f->handle.fd, &st) != 0 ? err_os(errno, "could not stat it") : 0;
    uint64_t size = rc == 0 ? (uint64_t)st.st_size : 0;
    len = offset >= size ? 0 : len < size - offset ? len : size - offset;
    while (rc == 0 && len > 0) {
        size_t piece = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
        rc = target_dir_pwrite(base, f, zeros, piece, offset);
        offset += piece;
        len -= piece;
    }
    return rc;
}

int target_dir_close(struct target *base, struct target_file *f)
{
    (void)base;
    int fd = f->handle.fd;
    f->handle.fd = -1;
    if (fd >= 0 && close(fd) != 0) {
        return err_os(errno, "could not close it");
    }
    return 0;
}
