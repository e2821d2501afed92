/*
 * drill_scratch.c - see drill_scratch.h.
 *
 * The lock is a file in the folder. Who finds it unlocked may remove the folder, so its maker
 * locks it at once and, if a sweep was faster, makes another folder. A sweep removes the lock
 * last: a folder without one is either empty or was kept, and is at most removed if it is empty.
 */
#include "engine/drill_scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "engine/drill_debris.h"

#define PREFIX "holdfast-drill-"
#define MADE_BYTES 6 /* of random letters */
#define LOCK "lock"
#define TRIES 16

struct drill_scratch {
    char *path;
    int place_fd; /* the folder it is in */
    int fd;
    int lock_fd;
    int guard_fd; /* to the process that removes it if we die, or -1 */
    pid_t guard;
    size_t swept;
};

static const char *name_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* ---- removing ---- */

/* Empties it, the lock last, and takes its name away. */
static int remove_all(int place_fd, int fd, const char *name, size_t threads)
{
    int rc = drill_debris_empty_by(fd, LOCK, threads);

    if (rc == 0 && unlinkat(fd, LOCK, 0) != 0 && errno != ENOENT) {
        rc = err_os(errno, "could not remove '%s'", LOCK);
    }
    if (rc == 0 && unlinkat(place_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
        rc = err_os(errno, "could not remove '%s'", name);
    }
    return rc;
}

/* Whether it is a name that mkdtemp makes of ours, and no other that merely begins like it. */
static bool is_ours(const char *name)
{
    return strncmp(name, PREFIX, sizeof PREFIX - 1) == 0 &&
           strlen(name) == sizeof PREFIX - 1 + MADE_BYTES;
}

/* Whether it is a folder of a drill of ours that is dead: then it is locked by us. */
static bool take_over(int fd, int *out_lock)
{
    struct stat st;

    *out_lock = -1;
    if (fstat(fd, &st) != 0 || st.st_uid != geteuid()) {
        return false;
    }
    *out_lock = openat(fd, LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (*out_lock >= 0 && fstat(*out_lock, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 &&
        flock(*out_lock, LOCK_EX | LOCK_NB) == 0) {
        return true;
    }
    if (*out_lock >= 0) {
        close(*out_lock);
    }
    *out_lock = -1;
    return false;
}

static bool sweep_one(int place_fd, const char *name)
{
    int fd = openat(place_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int lock = -1;
    bool gone = false;

    if (fd < 0) {
        return false;
    }
    if (take_over(fd, &lock)) {
        gone = remove_all(place_fd, fd, name, 0) == 0;
        err_clear();
        close(lock);
    }
    close(fd);
    /* One that its maker died in before the lock was there is empty; others stay. */
    return gone || unlinkat(place_fd, name, AT_REMOVEDIR) == 0;
}

static size_t sweep(int place_fd)
{
    int own = openat(place_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own < 0 ? NULL : fdopendir(own);
    struct dirent *e;
    size_t count = 0;

    if (dir == NULL) {
        if (own >= 0) {
            close(own);
        }
        return 0; /* a place that may be written to but not listed */
    }
    while ((e = readdir(dir)) != NULL) {
        if (is_ours(e->d_name) && sweep_one(place_fd, e->d_name)) {
            count++;
        }
    }
    closedir(dir);
    return count;
}

/* ---- making ---- */

/* 1: it is ours; 0: a sweep took it for debris. */
static int lock_it(struct drill_scratch *s)
{
    struct stat st;

    s->lock_fd = openat(s->fd, LOCK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->lock_fd < 0) {
        return errno == ENOENT ? 0 : err_os(errno, "could not make a lock in %s", s->path);
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? 0 : err_os(errno, "could not lock %s", s->path);
    }
    if (fstat(s->lock_fd, &st) != 0) {
        return err_os(errno, "could not look at %s", s->path);
    }
    return st.st_nlink > 0;
}

static int make_once(struct drill_scratch *s, const char *real)
{
    struct buf path;
    int rc;

    buf_init(&path);
    buf_printf(&path, "%s/" PREFIX "XXXXXX", strcmp(real, "/") == 0 ? "" : real);
    buf_put_u8(&path, 0);
    rc = buf_error(&path);
    if (rc == 0 && mkdtemp((char *)path.data) == NULL) {
        rc = err_os(errno, "could not make a folder in %s", real);
    }
    if (rc == 0) {
        s->path = (char *)buf_take(&path, NULL);
        s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        rc = s->fd < 0 && errno != ENOENT ? err_os(errno, "could not open %s", s->path) : 0;
    }
    buf_release(&path);
    if (rc != 0 || s->fd < 0) {
        return rc;
    }
    rc = lock_it(s);
    return rc;
}

static void forget(struct drill_scratch *s)
{
    int *fds[] = { &s->fd, &s->lock_fd };

    for (size_t i = 0; i < 2; i++) {
        if (*fds[i] >= 0) {
            close(*fds[i]);
        }
        *fds[i] = -1;
    }
    mem_free(s->path);
    s->path = NULL;
}

static int make(struct drill_scratch *s, const char *real)
{
    int rc = 0;

    for (int i = 0; i < TRIES; i++) {
        rc = make_once(s, real);
        if (rc == 1) {
            return 0;
        }
        if (rc != 0 && s->path != NULL) {
            if (s->fd >= 0) {
                unlinkat(s->fd, LOCK, 0);
            }
            rmdir(s->path);
        }
        forget(s);
        if (rc != 0) {
            return rc;
        }
    }
    return err_raise(HF_EHELD, "other drills take away each new folder in %s", real);
}

/* ---- the process that outlives us ---- */

/* Everything but these descriptors is none of its business: locks of others must not live on. */
static void shed(int guard, const struct drill_scratch *s)
{
    int keep[] = { guard, s->place_fd, s->fd, s->lock_fd };
    int null = open("/dev/null", O_RDWR);
    int last = 2;

    for (int i = 0; null >= 0 && i < 3; i++) {
        dup2(null, i);
    }
    for (size_t i = 0; i < 4; i++) { /* in rising order */
        for (size_t k = i + 1; k < 4; k++) {
            if (keep[k] < keep[i]) {
                int t = keep[i];

                keep[i] = keep[k];
                keep[k] = t;
            }
        }
        if (keep[i] > last + 1) {
            close_range((unsigned)last + 1, (unsigned)keep[i] - 1, 0);
        }
        last = keep[i] > last ? keep[i] : last;
    }
    close_range((unsigned)last + 1, ~0u, 0);
}

/* A command that we were running is not to go on in a folder that is going away. */
static void kill_inside(const struct drill_scratch *s)
{
    DIR *dir = opendir("/proc");
    size_t len = strlen(s->path);
    char link[32], cwd[PATH_MAX];
    struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        ssize_t n;

        if (e->d_name[0] < '1' || e->d_name[0] > '9' ||
            snprintf(link, sizeof link, "%s/cwd", e->d_name) >= (int)sizeof link) {
            continue;
        }
        n = readlinkat(dirfd(dir), link, cwd, sizeof cwd - 1);
        if (n > (ssize_t)len && strncmp(cwd, s->path, len) == 0 && cwd[len] == '/') {
            (void)kill((pid_t)strtol(e->d_name, NULL, 10), SIGKILL);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

/* Waits for a word, or for our end without one. */
static void guard(int fd, const struct drill_scratch *s)
{
    static const int deaf[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM };
    char word;
    ssize_t n;

    setsid();
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "holdfast-tidy");
    for (size_t i = 0; i < sizeof deaf / sizeof deaf[0]; i++) {
        signal(deaf[i], SIG_IGN);
    }
    shed(fd, s);
    do {
        n = read(fd, &word, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 0) {
        kill_inside(s);
        (void)remove_all(s->place_fd, s->fd, name_of(s->path), 0);
    }
    _exit(0);
}

/* Without it, the next drill cleans up. */
static void post_guard(struct drill_scratch *s)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return;
    }
    s->guard = fork();
    if (s->guard == 0) {
        close(pair[0]);
        guard(pair[1], s);
    }
    close(pair[1]);
    if (s->guard < 0) {
        close(pair[0]);
        return;
    }
    s->guard_fd = pair[0];
}

static void dismiss_guard(struct drill_scratch *s)
{
    char word = 'q';

    if (s->guard_fd < 0) {
        return;
    }
    (void)send(s->guard_fd, &word, 1, MSG_NOSIGNAL);
    close(s->guard_fd);
    s->guard_fd = -1;
    while (waitpid(s->guard, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* ---- life ---- */

int drill_scratch_open(const char *place, struct drill_scratch **out_scratch)
{
    struct drill_scratch *s = mem_zalloc(sizeof *s);
    char real[PATH_MAX];
    int rc = 0;

    if (s == NULL) {
        return err_nomem();
    }
    s->place_fd = s->fd = s->lock_fd = s->guard_fd = -1;
    if (realpath(place, real) == NULL) {
        rc = err_os(errno, "could not use %s as a scratch folder", place);
        goto fail;
    }
    s->place_fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->place_fd < 0) {
        rc = err_os(errno, "could not use %s as a scratch folder", real);
        goto fail;
    }
    s->swept = sweep(s->place_fd);
    rc = make(s, real);
    if (rc != 0) {
        goto fail;
    }
    post_guard(s);
    *out_scratch = s;
    return 0;
fail:
    if (s->place_fd >= 0) {
        close(s->place_fd);
    }
    forget(s);
    mem_free(s);
    return rc;
}

const char *drill_scratch_path(const struct drill_scratch *s)
{
    return s->path;
}

size_t drill_scratch_swept(const struct drill_scratch *s)
{
    return s->swept;
}

int drill_scratch_make(struct drill_scratch *s, const char *name, char **out_path)
{
    struct buf path;
    int rc;

    buf_init(&path);
    buf_printf(&path, "%s/%s", s->path, name);
    rc = buf_error(&path);
    if (rc == 0 && mkdirat(s->fd, name, 0700) != 0) {
        rc = err_os(errno, "could not make %s", buf_text(&path));
    }
    if (rc == 0) {
        *out_path = mem_strdup(buf_text(&path));
        rc = *out_path != NULL ? 0 : err_nomem();
    }
    buf_release(&path);
    return rc;
}

int drill_scratch_clear(struct drill_scratch *s)
{
    int rc = drill_debris_empty_by(s->fd, LOCK, pool_cores());

    return rc == 0 ? 0 : err_add(rc, "could not clear %s", s->path);
}

int drill_scratch_close(struct drill_scratch *s, bool keep)
{
    int rc;

    if (s == NULL) {
        return 0;
    }
    if (keep) {
        rc = unlinkat(s->fd, LOCK, 0) == 0 ? 0 : err_os(errno, "could not keep %s", s->path);
    } else {
        rc = remove_all(s->place_fd, s->fd, name_of(s->path), pool_cores());
        rc = rc == 0 ? 0 : err_add(rc, "could not remove the scratch folder %s", s->path);
    }
    dismiss_guard(s);
    close(s->place_fd);
    forget(s);
    mem_free(s);
    return rc;
}
