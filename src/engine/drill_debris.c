/*
 * drill_debris.c - see drill_debris.h.
 *
 * A folder below the one that is being emptied is moved to the top under a number of its own, so
 * that its depth never matters; folders at the top are emptied side by side, as jobs of a pool. The
 * top is gone through again until nothing goes any more.
 */
#include "engine/drill_debris.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "engine/attrs.h"

#define MOVED_PREFIX ".gone-" /* of folders that were moved to the top */
#define BATCH 256             /* folders at the top that are emptied side by side */
#define INNER_MOST 16         /* levels that are entered where nothing can be moved: a full disk */

struct debris {
    int top;
    const char *spared; /* a name at the top */
    atomic_ullong moved;
    atomic_bool progress;
};

struct folder { /* at the top */
    struct pool_job job;
    struct debris *debris;
    struct err_trail trail;
    char name[NAME_MAX + 1];
};

static int failed(int errnum, const char *name)
{
    return err_os(errnum, "could not remove '%s'", name);
}

/* Takes away the flags and modes that forbid changing what is in a folder, or the thing itself. */
static void unlock(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return;
    }
    (void)attrs_set_flags(&(struct attrs_thing){ .fd = fd, .dir_fd = -1, .dev = st.st_dev }, 0);
    if (S_ISDIR(st.st_mode)) {
        (void)fchmod(fd, 0700);
    }
}

/* Also a folder that is bound to its place is another mount, though on the same file system. */
static bool same_mount(int dir_fd, int fd)
{
    struct statx a, b;

    if (statx(dir_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) != 0 ||
        statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &b) != 0) {
        return false;
    }
    if ((a.stx_mask & b.stx_mask & STATX_MNT_ID) != 0) {
        return a.stx_mnt_id == b.stx_mnt_id;
    }
    return a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor;
}

/*
 * A folder that its owner may not read is given another mode by name first. What was mounted in
 * the tree (a probe may have bound /dev there) is somebody else's: it is never entered.
 */
static int open_below(int dir_fd, const char *name, int flags)
{
    int fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && errno == EACCES && fchmodat(dir_fd, name, 0700, 0) == 0) {
        fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd >= 0 && !same_mount(dir_fd, fd)) {
        close(fd);
        errno = EBUSY;
        fd = -1;
    }
    return fd;
}

static int unlink_file(int dir_fd, const char *name)
{
    int fd;

    if (unlinkat(dir_fd, name, 0) == 0) {
        return 0;
    }
    if (errno != EPERM) {
        return errno;
    }
    fd = open_below(dir_fd, name, O_RDONLY);
    if (fd >= 0) {
        unlock(fd);
        close(fd);
    }
    return unlinkat(dir_fd, name, 0) == 0 ? 0 : errno;
}

/* Moves a folder of `dir_fd` to the top. */
static int move_up(struct debris *d, int dir_fd, const char *name)
{
    char to[sizeof MOVED_PREFIX + 20];
    int rc;

    do {
        snprintf(to, sizeof to, MOVED_PREFIX "%llu", atomic_fetch_add(&d->moved, 1));
        rc = renameat2(dir_fd, name, d->top, to, RENAME_NOREPLACE) == 0 ? 0 : errno;
    } while (rc == EEXIST);
    return rc;
}

static int empty(struct debris *d, int dir_fd, unsigned level);

/* Enters it. */
static int remove_below(struct debris *d, int dir_fd, const char *name, unsigned level)
{
    int fd = open_below(dir_fd, name, O_RDONLY | O_DIRECTORY);
    int rc;

    if (fd < 0) {
        return failed(errno, name);
    }
    unlock(fd);
    rc = empty(d, fd, level);
    close(fd);
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0) {
        atomic_store(&d->progress, true);
        return 0;
    }
    return rc != 0 ? rc : failed(errno, name);
}

/* A folder below one at the top. One that is not empty is moved, or else entered. */
static int remove_folder(struct debris *d, int dir_fd, const char *name, unsigned level)
{
    int rc, fd;

    if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0) {
        return 0;
    }
    fd = open_below(dir_fd, name, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        return failed(errno, name);
    }
    unlock(fd); /* who moves a folder must be allowed to write to it */
    close(fd);
    rc = move_up(d, dir_fd, name);
    if (rc == 0) {
        atomic_store(&d->progress, true);
        return 0;
    }
    return level < INNER_MOST ? remove_below(d, dir_fd, name, level + 1) : failed(rc, name);
}

static bool is_folder(int dir_fd, const struct dirent *e)
{
    struct stat st;

    if (e->d_type != DT_UNKNOWN) {
        return e->d_type == DT_DIR;
    }
    return fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int remove_file(struct debris *d, int dir_fd, const char *name)
{
    int rc = unlink_file(dir_fd, name);

    if (rc == 0) {
        atomic_store_explicit(&d->progress, true, memory_order_relaxed);
    }
    return rc == 0 || rc == ENOENT ? 0 : failed(rc, name);
}

/* A description of its own: the position of fd is not ours to move. */
static DIR *list(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own < 0 ? NULL : fdopendir(own);

    if (dir == NULL && own >= 0) {
        close(own);
    }
    return dir;
}

/* Everything in a folder that is not the top; the first error. */
static int empty(struct debris *d, int dir_fd, unsigned level)
{
    DIR *dir = list(dir_fd);
    struct dirent *e;
    int first = 0;

    if (dir == NULL) {
        return failed(errno, ".");
    }
    while ((e = readdir(dir)) != NULL) {
        int rc = is_dots(e->d_name)     ? 0
                 : is_folder(dir_fd, e) ? remove_folder(d, dir_fd, e->d_name, level)
                                        : remove_file(d, dir_fd, e->d_name);

        first = first != 0 ? first : rc;
    }
    closedir(dir);
    return first;
}

/* ---- the top ---- */

static int run_folder(struct pool_job *job)
{
    struct folder *f = (struct folder *)(void *)job;

    return remove_below(f->debris, f->debris->top, f->name, 0);
}

/* The next files and folders of the top: files go at once. Returns how many folders there are. */
static size_t next_batch(struct debris *d, DIR *dir, struct folder *batch, int *io_first)
{
    size_t count = 0;
    struct dirent *e;

    while (count < BATCH && (e = readdir(dir)) != NULL) {
        if (is_dots(e->d_name) || (d->spared != NULL && strcmp(e->d_name, d->spared) == 0)) {
            continue;
        }
        if (!is_folder(d->top, e)) {
            int rc = remove_file(d, d->top, e->d_name);

            *io_first = *io_first != 0 ? *io_first : rc;
            continue;
        }
        batch[count] = (struct folder){ .job = { .run = run_folder }, .debris = d };
        batch[count].job.trail = &batch[count].trail;
        memcpy(batch[count].name, e->d_name, strlen(e->d_name) + 1);
        count++;
    }
    return count;
}

/* Once through the top; the first error. */
static int pass(struct debris *d, struct pool *pool, struct folder *batch)
{
    DIR *dir = list(d->top);
    size_t count;
    int first = 0;

    if (dir == NULL) {
        return failed(errno, ".");
    }
    while ((count = next_batch(d, dir, batch, &first)) > 0) {
        for (size_t i = 0; i < count; i++) {
            pool_submit(pool, &batch[i].job, POOL_NORMAL);
        }
        for (size_t i = 0; i < count; i++) {
            int rc = pool_wait(pool, &batch[i].job);

            first = first != 0 ? first : rc;
        }
    }
    closedir(dir);
    return first;
}

int drill_debris_empty_by(int dir_fd, const char *spared, size_t threads)
{
    struct debris d = { .top = dir_fd, .spared = spared };
    struct folder *batch = mem_array(BATCH, sizeof *batch);
    struct pool *pool = NULL;
    int rc = batch != NULL ? 0 : err_nomem();

    if (rc == 0) {
        rc = pool_new(threads, &pool);
    }
    if (rc == 0) {
        unlock(dir_fd);
        do { /* what was moved to the top meanwhile may not have been listed */
            atomic_store(&d.progress, false);
            rc = pass(&d, pool, batch);
        } while (atomic_load(&d.progress));
    }
    pool_free(pool);
    mem_free(batch);
    return rc;
}

int drill_debris_empty(int dir_fd, const char *spared)
{
    return drill_debris_empty_by(dir_fd, spared, 0);
}
