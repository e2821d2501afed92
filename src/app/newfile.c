/*
 * newfile.c - see newfile.h.
 */
#include "app/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define PENDING_BYTES (256u << 10)

/* A link to a file stays a link: what it leads to is replaced. */
static int find_path(struct newfile *f, const char *path)
{
    char real[PATH_MAX];

    f->path = mem_strdup(realpath(path, real) != NULL ? real : path);
    return f->path != NULL ? 0 : err_nomem();
}

static int name_temp(struct newfile *f)
{
    const char *slash = strrchr(f->path, '/');
    int folder = slash == NULL ? 0 : (int)(slash - f->path) + 1;
    struct buf b;
    int rc;

    buf_init(&b);
    buf_printf(&b, "%.*s.holdfast-XXXXXX", folder, f->path);
    buf_put_u8(&b, 0);
    rc = buf_error(&b);
    if (rc == 0) {
        f->temp = (char *)buf_take(&b, NULL);
    }
    buf_release(&b);
    return rc;
}

int newfile_begin(const char *path, struct newfile *f)
{
    struct stat st;
    int rc;

    memset(f, 0, sizeof *f);
    f->fd = -1;
    buf_init(&f->pending);
    rc = find_path(f, path);
    if (rc != 0) {
        return rc;
    }
    if (stat(f->path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return err_os(EISDIR, "could not write %s", path);
    }
    if (stat(f->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        f->fd = open(f->path, O_WRONLY | O_CLOEXEC);
    } else {
        rc = name_temp(f);
        if (rc != 0) {
            return rc;
        }
        f->fd = mkostemp(f->temp, O_CLOEXEC);
        if (f->fd < 0) {
            mem_free(f->temp);
            f->temp = NULL;
        }
    }
    if (f->fd < 0) {
        bool is_homeless = errno == ENOENT;

        rc = err_os(errno, "could not write %s", path);
        return is_homeless ? err_hint("make the folder that it is to be in first") : rc;
    }
    return 0;
}

static int write_pending(struct newfile *f)
{
    size_t at = 0;

    while (at < f->pending.len) {
        ssize_t n = write(f->fd, f->pending.data + at, f->pending.len - at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_os(errno, "could not write %s", f->path);
        }
        at += (size_t)n;
    }
    buf_clear(&f->pending);
    return 0;
}

int newfile_write(struct newfile *f, const void *data, size_t len)
{
    int rc;

    buf_put(&f->pending, data, len);
    rc = buf_error(&f->pending);
    return rc == 0 && f->pending.len >= PENDING_BYTES ? write_pending(f) : rc;
}

/* The new name, too, is to survive a power cut. */
static int sync_folder(const char *path)
{
    char *folder = mem_strdup(path);
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    int fd, rc = 0;

    if (folder == NULL) {
        return err_nomem();
    }
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    fd = open(slash == NULL ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        rc = err_os(errno, "could not sync the folder of %s", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    mem_free(folder);
    return rc;
}

static int put_in_place(struct newfile *f)
{
    if (fsync(f->fd) != 0) {
        return err_os(errno, "could not sync %s", f->path);
    }
    if (rename(f->temp, f->path) != 0) {
        return err_os(errno, "could not name %s", f->path);
    }
    mem_free(f->temp);
    f->temp = NULL;
    return sync_folder(f->path);
}

int newfile_commit(struct newfile *f)
{
    int rc = write_pending(f);
    int fd = f->fd;

    if (rc == 0 && f->temp != NULL) {
        rc = put_in_place(f);
    }
    if (rc == 0) {
        f->fd = -1;
        rc = close(fd) == 0 ? 0 : err_os(errno, "could not write %s", f->path);
    }
    return rc;
}

void newfile_abort(struct newfile *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    if (f->temp != NULL) {
        unlink(f->temp);
    }
    mem_free(f->temp);
    mem_free(f->path);
    buf_release(&f->pending);
    f->temp = f->path = NULL;
    f->fd = -1;
}

int newfile_put(const char *path, mode_t mode, const struct buf *text)
{
    struct newfile f;
    int rc = buf_error(text);

    if (rc != 0) {
        return rc;
    }
    rc = newfile_begin(path, &f);
    if (rc == 0 && f.temp != NULL && fchmod(f.fd, mode) != 0) {
        rc = err_os(errno, "could not write %s", path);
    }
    if (rc == 0) {
        rc = newfile_write(&f, text->data, text->len);
    }
    if (rc == 0) {
        rc = newfile_commit(&f);
    }
    newfile_abort(&f);
    return rc;
}
