/*
 * run_lock.c - see run_lock.h.
 */
#include "app/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

/* The number that the holder wrote, or nothing: it may be about to. */
static int fail_held(int fd, const char *job)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    uint64_t pid;

    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (text_parse_u64(text, INT32_MAX, &pid) == 0) {
        err_raise(HF_EHELD, "the job is running already, as process %llu", (unsigned long long)pid);
    } else {
        err_raise(HF_EHELD, "the job is running already");
    }
    return err_hint("wait for it; nothing was done by this one (job %s)", job);
}

static void write_pid(int fd)
{
    char text[32];
    struct buf b;

    buf_init(&b);
    buf_printf(&b, "%ld\n", (long)getpid());
    if (b.len < sizeof text && ftruncate(fd, 0) == 0) {
        ssize_t ignored = pwrite(fd, b.data, b.len, 0);

        (void)ignored;
    }
    buf_release(&b);
}

static int open_and_lock(const char *path, const char *job, int *out_fd)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = 0;

    if (fd < 0) {
        return err_os(errno, "could not open %s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK ? fail_held(fd, job) : err_os(errno, "could not lock %s", path);
        close(fd);
        return rc;
    }
    write_pid(fd);
    *out_fd = fd;
    return 0;
}

int run_lock_take(const char *folder, const char *job, int *out_fd)
{
    struct buf path;
    int rc;

    *out_fd = -1;
    buf_init(&path);
    buf_printf(&path, "%s/job-%s.lock", folder, job);
    rc = buf_error(&path);
    if (rc == 0) {
        rc = open_and_lock(buf_text(&path), job, out_fd);
    }
    buf_release(&path);
    return rc;
}

/* /proc/locks is asked: trying it would keep a run that begins just now from beginning. */
static bool is_locked(const struct stat *st)
{
    FILE *locks = fopen("/proc/locks", "re");
    char line[256], wanted[32];
    bool found = false;

    /* Not by device: of some file systems stat tells another one. */
    snprintf(wanted, sizeof wanted, ":%ju ", (uintmax_t)st->st_ino);
    while (locks != NULL && !found && fgets(line, sizeof line, locks) != NULL) {
        found = strstr(line, "FLOCK") != NULL && strstr(line, wanted) != NULL;
    }
    if (locks != NULL) {
        fclose(locks);
    }
    return found;
}

bool run_lock_is_held(const char *folder, const char *job)
{
    struct buf path;
    struct stat st;
    bool held;

    buf_init(&path);
    buf_printf(&path, "%s/job-%s.lock", folder, job);
    held = buf_error(&path) == 0 && stat(buf_text(&path), &st) == 0 && is_locked(&st);
    buf_release(&path);
    return held;
}

void run_lock_release(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}
