/*
 * slurp.c - see slurp.h.
 */
#include "app/slurp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/signals.h"
#include "base/err.h"

#define PIECE_BYTES (16u << 10)

int slurp_fd(int fd, const char *what, size_t max, struct buf *out)
{
    size_t before = out->len;

    for (;;) {
        ssize_t n;
        int rc = signals_check();

        if (rc == 0) {
            rc = buf_reserve(out, PIECE_BYTES);
        }
        if (rc != 0) {
            return rc;
        }
        n = read(fd, out->data + out->len, PIECE_BYTES);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_os(errno, "could not read %s", what);
        }
        if (n == 0) {
            return 0;
        }
        out->len += (size_t)n;
        if (out->len - before > max) {
            return err_raise(HF_ELIMIT, "%s has more than %zu bytes", what, max);
        }
    }
}

int slurp_file(const char *path, size_t max, struct buf *out)
{
    int fd, rc;

    if (strcmp(path, "-") == 0) {
        return slurp_fd(STDIN_FILENO, "standard input", max, out);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_os(errno, "could not open %s", path);
    }
    rc = slurp_fd(fd, path, max, out);
    close(fd);
    return rc;
}
