/*
 * logfile.c - see logfile.h.
 */
#include "app/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/signals.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define FILE_MODE 0600

struct logfile {
    char *path; /* NULL: only the tail */
    const char *job;
    bool json;
    int fd;
    struct stat is;  /* the file that fd is */
    struct buf tail; /* at most twice LOGFILE_TAIL_BYTES */
    int errnum;      /* of the first failure */
};

const char *logfile_level_name(enum log_level level)
{
    static const char *const names[] = {
        [LOG_LEVEL_ERROR] = "error",
        [LOG_LEVEL_WARN] = "warn",
        [LOG_LEVEL_INFO] = "info",
        [LOG_LEVEL_DEBUG] = "debug",
    };

    return names[level];
}

static int open_file(struct logfile *l)
{
    l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, FILE_MODE);
    if (l->fd < 0 || fstat(l->fd, &l->is) != 0) {
        return err_os(errno, "could not open the log %s", l->path);
    }
    return 0;
}

int logfile_open(const char *path, bool json, const char *job, struct logfile **out_log)
{
    struct logfile *l = mem_zalloc(sizeof *l);
    int rc = 0;

    *out_log = NULL;
    if (l == NULL) {
        return err_nomem();
    }
    l->fd = -1;
    l->job = job;
    l->json = json;
    buf_init(&l->tail);
    if (path != NULL) {
        l->path = mem_strdup(path);
        rc = l->path == NULL ? err_nomem() : open_file(l);
    }
    if (rc != 0) {
        logfile_close(l);
        return rc;
    }
    if (path != NULL) {
        signals_keep_hangup(true);
    }
    *out_log = l;
    return 0;
}

void logfile_close(struct logfile *l)
{
    if (l == NULL) {
        return;
    }
    if (l->fd >= 0) {
        close(l->fd);
        signals_keep_hangup(false);
    }
    buf_release(&l->tail);
    mem_free(l->path);
    mem_free(l);
}

/* Whether the name leads elsewhere, or nowhere. */
static bool was_moved(const struct logfile *l)
{
    struct stat now;

    return stat(l->path, &now) != 0 || now.st_ino != l->is.st_ino || now.st_dev != l->is.st_dev;
}

static void reopen(struct logfile *l)
{
    int before = l->fd;

    if (!signals_take_hangup() && !was_moved(l)) {
        return;
    }
    if (open_file(l) == 0) {
        close(before);
        return;
    }
    l->errnum = l->errnum != 0 ? l->errnum : errno;
    if (l->fd >= 0) {
        close(l->fd);
    }
    l->fd = before; /* better there than nowhere */
    err_clear();
}

static void put_text(struct buf *b, const struct logfile_line *line, const char *job)
{
    char time[TEXT_TIME_BYTES];

    buf_printf(b, "%s %s %s %s ", text_time_utc(line->time_ns, time),
               logfile_level_name(line->level), job, line->run);
    text_put_shown(b, line->message, strlen(line->message));
    buf_put_u8(b, '\n');
}

static void put_member(struct buf *b, const char *key, const char *value)
{
    buf_printf(b, ",\"%s\":\"", key);
    text_put_json(b, value, strlen(value));
    buf_put_u8(b, '"');
}

void logfile_put_json(struct buf *b, const struct logfile_line *line, const char *job)
{
    char time[TEXT_TIME_BYTES];

    buf_printf(b, "{\"time\":\"%s\"", text_time_utc(line->time_ns, time));
    put_member(b, "level", logfile_level_name(line->level));
    put_member(b, "run", line->run);
    if (job != NULL) {
        put_member(b, "job", job);
    }
    put_member(b, "message", line->message);
    buf_printf(b, "}\n");
}

static void write_line(struct logfile *l, const struct buf *text)
{
    ssize_t n;

    reopen(l);
    do {
        n = write(l->fd, text->data, text->len);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)text->len && l->errnum == 0) {
        l->errnum = n < 0 ? errno : ENOSPC;
    }
}

/* Forgets the oldest lines once there is twice as much as is wanted. */
static void shorten(struct buf *tail)
{
    size_t from = tail->len > LOGFILE_TAIL_BYTES ? tail->len - LOGFILE_TAIL_BYTES : 0;
    const uint8_t *end = memchr(tail->data + from, '\n', tail->len - from);
    size_t kept = end == NULL ? 0 : tail->len - (size_t)(end + 1 - tail->data);

    if (tail->len >= 2 * LOGFILE_TAIL_BYTES) {
        memmove(tail->data, tail->data + tail->len - kept, kept);
        tail->len = kept;
    }
}

void logfile_line(struct logfile *l, const struct logfile_line *line)
{
    size_t start = l->tail.len;

    put_text(&l->tail, line, l->job);
    if (buf_error(&l->tail) != 0) {
        buf_clear(&l->tail);
        err_clear();
        return;
    }
    if (l->fd >= 0) {
        struct buf b;

        buf_init(&b);
        if (l->json) {
            logfile_put_json(&b, line, l->job);
        } else {
            buf_put(&b, l->tail.data + start, l->tail.len - start);
        }
        if (buf_error(&b) == 0) {
            write_line(l, &b);
        }
        buf_release(&b);
    }
    shorten(&l->tail);
}

void logfile_tail(const struct logfile *l, struct buf *out)
{
    size_t from = l->tail.len > LOGFILE_TAIL_BYTES ? l->tail.len - LOGFILE_TAIL_BYTES : 0;

    if (from > 0) {
        const uint8_t *end = memchr(l->tail.data + from - 1, '\n', l->tail.len - from + 1);

        from = end == NULL ? l->tail.len : (size_t)(end + 1 - l->tail.data);
    }
    if (from < l->tail.len) {
        buf_put(out, l->tail.data + from, l->tail.len - from);
    }
}

int logfile_error(const struct logfile *l)
{
    return l->errnum == 0 ? 0 : err_os(l->errnum, "could not write the log %s", l->path);
}
