/*
 * target_dir_file.c - the content of files in a directory target.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/target_dir_internal.h"

#define CREATE_FLAGS (O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
#define EARLY_SYNC_BYTES (64u << 20)
#define FILE_COST_BYTES 4096u /* what a new file adds to what is to be synced */
#define OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

int target_dir_create(struct target *base, struct target_place *in, const char *name, size_t len,
                      struct target_file *out_file)
{
    struct target_dir *t = (struct target_dir *)base;
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
    atomic_fetch_add(&t->unsynced, FILE_COST_BYTES);
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
    struct target_dir *t = (struct target_dir *)base;
    size_t done = 0;
    atomic_fetch_add(&t->unsynced, len);
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

/*
 * Now and then, what there is to be synced is synced by a thread of its own while the others go on,
 * so that the sync at the end has little left to wait for. The system tells an error of it only
 * once: it is kept.
 */
static int sync_early(struct pool_job *job)
{
    struct target_dir *t = (struct target_dir *)(void *)((char *)job -
                                                         offsetof(struct target_dir, early));
    if (syncfs(t->first_device) != 0 && t->sync_errno == 0) {
        t->sync_errno = errno;
    }
    return 0;
}

static void begin_syncing(struct target_dir *t)
{
    if (t->syncer == NULL) {
        struct err_trail before;

        err_take(&before);
        (void)pool_new(1, &t->syncer); /* without it all is synced at the end */
        err_give(&before);
    }
    if (t->syncer == NULL) {
        return;
    }
    t->early.run = sync_early;
    pool_submit(t->syncer, &t->early, POOL_NORMAL);
}

/* Whoever takes the flag may begin; it stays taken until the job that was begun is done. */
static void sync_if_due(struct target_dir *t)
{
    if (atomic_load(&t->unsynced) < EARLY_SYNC_BYTES || atomic_exchange(&t->syncing, true)) {
        return;
    }
    if (t->syncer == NULL || pool_done(&t->early)) {
        atomic_store(&t->unsynced, 0);
        begin_syncing(t);
    }
    atomic_store(&t->syncing, false);
}

void target_dir_stop_syncing(struct target_dir *t)
{
    if (t->syncer != NULL) {
        (void)pool_wait(t->syncer, &t->early);
        pool_free(t->syncer);
        t->syncer = NULL;
    }
}

int target_dir_end_syncing(struct target_dir *t)
{
    target_dir_stop_syncing(t);
    return t->sync_errno == 0 ? 0 : err_os(t->sync_errno, "could not sync %s", t->options.path);
}

int target_dir_close(struct target *base, struct target_file *f)
{
    struct target_dir *t = (struct target_dir *)base;
    int fd = f->handle.fd;
    f->handle.fd = -1;
    sync_if_due(t);
    if (fd >= 0 && close(fd) != 0) {
        return err_os(errno, "could not close it");
    }
    return 0;
}
