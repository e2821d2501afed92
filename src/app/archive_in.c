/*
 * archive_in.c - see archive_in.h.
 */
#include "app/archive_in.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/signals.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/archive_spool.h"

#define DATA_BYTES (256u << 10)
#define MAGIC_BYTES 2u

/* Up to len bytes; *out_got is 0 only at the end. */
static int read_some(struct archive_in *in, void *out, size_t len, size_t *out_got)
{
    ssize_t n = -1;
    int rc = 0;

    while (rc == 0 && n < 0) {
        n = read(in->fd, out, len);
        if (n < 0 && errno != EINTR) {
            return err_os(errno, "could not read the archive");
        }
        if (n < 0 || (n == 0 && !in->relayed)) {
            rc = signals_check();
        }
    }
    if (rc == 0 && n == 0 && in->relayed) {
        rc = relay_check(&in->relay);
    }
    *out_got = rc == 0 ? (size_t)n : 0;
    return rc;
}

static int on_read(void *context, const void **out_data, size_t *out_len)
{
    struct archive_in *in = context;

    *out_data = in->data;
    *out_len = in->ahead;
    in->ahead = 0;
    return *out_len > 0 ? 0 : read_some(in, in->data, DATA_BYTES, out_len);
}

static int on_seek(void *context, int64_t offset, int whence, int64_t *out_position)
{
    struct archive_in *in = context;
    off_t at = lseek(in->fd, (off_t)offset, whence == 2 ? SEEK_END : SEEK_SET);

    in->ahead = 0;
    *out_position = (int64_t)at;
    return at >= 0 ? 0 : err_os(errno, "could not read the archive");
}

static int open_named(const char *name, struct archive_in *in)
{
    struct stat st;

    if (strcmp(name, "-") == 0) {
        in->fd = STDIN_FILENO;
    } else {
        in->opened = in->fd = open(name, O_RDONLY | O_CLOEXEC);
    }
    if (in->fd < 0 || fstat(in->fd, &st) != 0) {
        return err_os(errno, "could not open %s", name);
    }
    if (S_ISDIR(st.st_mode)) {
        err_raise(HF_EFAIL, "%s is a folder", name);
        return err_hint("\"holdfast backup\" is for folders");
    }
    in->seekable = S_ISREG(st.st_mode);
    return 0;
}

/* What is in the pipe so far, and all that follows, into a file. */
static int keep_stream(struct archive_in *in, const char *folder)
{
    uint64_t end = 0;
    size_t got = in->ahead;
    int fd = -1;
    int rc = archive_spool_file(folder, &fd);

    while (rc == 0 && got > 0) {
        rc = archive_spool_write(fd, in->data, got, end);
        end += got;
        if (rc == 0) {
            rc = read_some(in, in->data, DATA_BYTES, &got);
        }
    }
    in->ahead = 0;
    in->kept = in->fd = fd;
    in->seekable = true;
    return rc;
}

static int open_stream(struct archive_in *in, const char *folder)
{
    size_t got = 1;
    int rc = relay_start(&in->relay, in->fd);

    if (rc != 0) {
        return rc;
    }
    in->relayed = true;
    in->fd = in->relay.out_fd;
    while (rc == 0 && got > 0 && in->ahead < MAGIC_BYTES) {
        rc = read_some(in, in->data + in->ahead, DATA_BYTES - in->ahead, &got);
        in->ahead += got;
    }
    if (rc == 0 && in->ahead >= MAGIC_BYTES &&
        (memcmp(in->data, "PK", 2) == 0 || memcmp(in->data, "7z", 2) == 0)) {
        rc = keep_stream(in, folder);
    }
    return rc;
}

int archive_in_open(const char *name, const char *folder, struct archive_in *in)
{
    int rc;

    memset(in, 0, sizeof *in);
    in->fd = in->opened = in->kept = -1;
    in->relay.out_fd = -1;
    in->data = mem_alloc(DATA_BYTES);
    if (in->data == NULL) {
        return err_nomem();
    }
    rc = open_named(name, in);
    if (rc == 0 && !in->seekable) {
        rc = open_stream(in, folder);
    }
    in->source.read = on_read;
    in->source.seek = in->seekable ? on_seek : NULL;
    in->source.context = in;
    return rc;
}

void archive_in_close(struct archive_in *in)
{
    if (in->relayed) {
        relay_stop(&in->relay);
    }
    if (in->opened >= 0) {
        close(in->opened);
    }
    if (in->kept >= 0) {
        close(in->kept);
    }
    mem_free(in->data);
    in->data = NULL;
    in->relayed = false;
    in->fd = in->opened = in->kept = -1;
}
