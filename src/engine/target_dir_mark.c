/*
 * target_dir_mark.c - the mark of a restore that is under way.
 *
 * Files get their final mtime when they are written, not when they are durable. Should the power
 * fail before the sync at the end, the system may keep a file's size and mtime and lose its
 * content, and a restore that is run again would take it for right. So as long as a restore is
 * under way, a file in the target's folder names the boot during which it ran: if it is found
 * after another boot, nothing is believed by its mtime, and all content is compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "engine/target_dir_internal.h"

#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_BYTES 64

/* What the file says, "" if it says nothing. */
static void read_text(int dir_fd, const char *name, char out[BOOT_BYTES + 1])
{
    memset(out, 0, BOOT_BYTES + 1);
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (read(fd, out, BOOT_BYTES) < 0) {
        out[0] = '\0';
    }
    close(fd);
}

static bool write_mark(int dir_fd, const char *boot)
{
    size_t len = strlen(boot);
    int fd = openat(dir_fd, TARGET_DIR_MARK, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
    if (fd < 0) {
        return false;
    }
    bool good = write(fd, boot, len) == (ssize_t)len && fsync(fd) == 0;
    close(fd);
    return good && fsync(dir_fd) == 0;
}

int target_dir_begin(struct target *base, bool *out_doubtful)
{
    struct target_dir *t = (struct target_dir *)base;
    char boot[BOOT_BYTES + 1];
    char before[BOOT_BYTES + 1];
    struct stat st;
    int fd = -1;
    *out_doubtful = false;
    int rc = place_pin(t->top, &fd);
    if (rc != 0) {
        return rc;
    }
    read_text(AT_FDCWD, BOOT_FILE, boot);
    if (fstatat(fd, TARGET_DIR_MARK, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        read_text(fd, TARGET_DIR_MARK, before);
        *out_doubtful = boot[0] == '\0' || strcmp(boot, before) != 0;
        /* A doubt stays until a restore has come to its end. */
        t->marked = true;
    } else {
        t->marked = write_mark(fd, boot);
    }
    if (!t->marked) {
        log_write(LOG_LEVEL_INFO, "could not mark %s as being restored", t->options.path);
    }
    place_unpin(t->top);
    return 0;
}

int target_dir_unmark(struct target_dir *t)
{
    int fd = -1;
    if (!t->marked) {
        return 0;
    }
    int rc = place_pin(t->top, &fd);
    if (rc != 0) {
        return rc;
    }
    /* The folder has been given its times by now; that the mark goes shall not show in them. */
    struct stat st;
    bool known = fstat(fd, &st) == 0;
    if (unlinkat(fd, TARGET_DIR_MARK, 0) != 0 && errno != ENOENT) {
        rc = err_os(errno, "could not remove %s", TARGET_DIR_MARK);
    }
    if (rc == 0 && known) {
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, st.st_mtim };
        if (futimens(fd, times) == 0 && fsync(fd) != 0) {
            rc = err_os(errno, "could not sync %s", t->options.path);
        }
    }
    place_unpin(t->top);
    t->marked = false;
    return rc;
}
