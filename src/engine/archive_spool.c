/*
 * archive_spool.c - see archive_spool.h.
 *
 * A record in memory and on file: path length, data length (u32), number (u64), path, data.
 */
#include "engine/archive_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/node.h"

#define HEAD_BYTES 16u
#define RECORD_LIMIT (64u << 20)
#define WINDOW_LEAST (8u << 10)
#define WINDOW_MOST (256u << 10)

struct run { /* a sorted stretch of the file, and how far it has been read */
    uint64_t from, to;
    uint64_t at;       /* what is behind the window */
    struct buf window; /* read from the file */
    size_t pos;        /* the record at hand begins here in the window */
};

struct archive_spool {
    char *folder;
    size_t memory;
    uint64_t count;
    struct buf records;
    size_t *starts; /* of records in memory; sorted by rewind */
    size_t start_count, start_cap;
    int fd;
    uint64_t end; /* of the file */
    struct run *runs;
    size_t run_count, run_cap;
    size_t *heap; /* of runs that are not at their end, by their records at hand */
    size_t heap_count, heap_cap;
    bool advance; /* the record at the heap's top has been given out */
    size_t next;  /* in memory, if there are no runs */
};

/* ---- files ---- */

int archive_spool_file(const char *folder, int *out_fd)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        struct buf name;
        buf_init(&name);
        buf_printf(&name, "%s/holdfast-XXXXXX", folder);
        buf_put_u8(&name, 0);
        fd = buf_error(&name) == 0 ? mkostemp((char *)name.data, O_CLOEXEC) : -1;
        if (fd >= 0) {
            unlink((const char *)name.data);
        }
        buf_release(&name);
    }
    *out_fd = fd;
    return fd >= 0 ? 0 : err_os(errno, "could not make a temporary file in %s", folder);
}

int archive_spool_write(int fd, const void *data, size_t len, uint64_t offset)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_os(errno, "could not write to a temporary file");
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int archive_spool_read(int fd, void *out, size_t len, uint64_t offset)
{
    char *p = out;
    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_os(n < 0 ? errno : EIO, "could not read a temporary file");
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* ---- records ---- */

static size_t record_len(const uint8_t *head)
{
    return HEAD_BYTES + (size_t)le_get32(head) + le_get32(head + 4);
}

static void decode(const uint8_t *p, struct archive_spool_record *out)
{
    out->path_len = le_get32(p);
    out->len = le_get32(p + 4);
    out->number = le_get64(p + 8);
    out->path = (const char *)p + HEAD_BYTES;
    out->data = p + HEAD_BYTES + out->path_len;
}

static int compare(const uint8_t *a, const uint8_t *b)
{
    struct archive_spool_record x;
    struct archive_spool_record y;
    decode(a, &x);
    decode(b, &y);
    int order = node_path_compare(x.path, x.path_len, y.path, y.path_len);
    return order != 0 ? order : x.number < y.number ? -1 : 1;
}

static int compare_starts(const void *a, const void *b, void *records)
{
    const uint8_t *base = records;
    return compare(base + *(const size_t *)a, base + *(const size_t *)b);
}

static void sort(struct archive_spool *s)
{
    if (s->start_count > 1) {
        qsort_r(s->starts, s->start_count, sizeof(*s->starts), compare_starts, s->records.data);
    }
}

/* ---- adding ---- */

int archive_spool_new(const char *folder, size_t memory, struct archive_spool **out_spool)
{
    struct archive_spool *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return err_nomem();
    }
    s->fd = -1;
    s->memory = memory;
    buf_init(&s->records);
    s->folder = mem_strdup(folder);
    if (s->folder == NULL) {
        archive_spool_free(s);
        return err_nomem();
    }
    *out_spool = s;
    return 0;
}

void archive_spool_free(struct archive_spool *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->run_count; i++) {
        buf_release(&s->runs[i].window);
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    buf_release(&s->records);
    mem_free(s->runs);
    mem_free(s->heap);
    mem_free(s->starts);
    mem_free(s->folder);
    mem_free(s);
}

static int spill(struct archive_spool *s)
{
    struct run r = { .from = s->end };
    struct buf out;
    if (s->fd < 0) {
        int rc = archive_spool_file(s->folder, &s->fd);
        if (rc != 0) {
            return rc;
        }
    }
    if (mem_grow(&s->runs, &s->run_cap, s->run_count + 1, sizeof(*s->runs)) != 0) {
        return err_nomem();
    }
    sort(s);
    buf_init(&out);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->start_count; i++) {
        const uint8_t *p = s->records.data + s->starts[i];
        buf_put(&out, p, record_len(p));
        rc = buf_error(&out);
        if (rc == 0 && (out.len >= WINDOW_MOST || i + 1 == s->start_count)) {
            rc = archive_spool_write(s->fd, out.data, out.len, s->end);
            s->end += out.len;
            buf_clear(&out);
        }
    }
    buf_release(&out);
    r.to = s->end;
    buf_init(&r.window);
    s->runs[s->run_count++] = r;
    buf_clear(&s->records);
    s->start_count = 0;
    return rc;
}

int archive_spool_add(struct archive_spool *s, const char *path, size_t path_len, const void *data,
                      size_t len)
{
    if (path_len > RECORD_LIMIT || len > RECORD_LIMIT) {
        return err_raise(HF_ELIMIT, "an entry is too large");
    }
    size_t need = HEAD_BYTES + path_len + len;
    if (s->start_count > 0 &&
        s->records.len + need + (s->start_count + 1) * sizeof(*s->starts) > s->memory) {
        int rc = spill(s);
        if (rc != 0) {
            return rc;
        }
    }
    if (mem_grow(&s->starts, &s->start_cap, s->start_count + 1, sizeof(*s->starts)) != 0) {
        return err_nomem();
    }
    s->starts[s->start_count++] = s->records.len;
    buf_put_u32(&s->records, (uint32_t)path_len);
    buf_put_u32(&s->records, (uint32_t)len);
    buf_put_u64(&s->records, s->count++);
    buf_put(&s->records, path, path_len);
    buf_put(&s->records, data, len);
    return buf_error(&s->records);
}

/* ---- reading ---- */

/* Sees to it that the record at hand lies in the window as a whole; false at the run's end. */
static int load(struct archive_spool *s, struct run *r, size_t window, bool *out_more)
{
    size_t have = r->window.len - r->pos;
    size_t need = have >= HEAD_BYTES ? record_len(r->window.data + r->pos) : HEAD_BYTES;
    *out_more = have > 0 || r->at < r->to;
    while (*out_more && have < need) {
        uint64_t left = r->to - r->at;
        size_t want = need - have > window ? need - have : window;
        want = left < want ? (size_t)left : want;
        if (want < need - have) {
            return err_raise(HF_EIO, "a temporary file is not what was written to it");
        }
        if (have > 0) {
            memmove(r->window.data, r->window.data + r->pos, have);
        }
        r->window.len = have;
        r->pos = 0;
        if (buf_reserve(&r->window, want) != 0) {
            return err_nomem();
        }
        int rc = archive_spool_read(s->fd, r->window.data + have, want, r->at);
        if (rc != 0) {
            return rc;
        }
        r->at += want;
        r->window.len = have = have + want;
        need = have >= HEAD_BYTES ? record_len(r->window.data) : HEAD_BYTES;
    }
    return 0;
}

static bool before(const struct archive_spool *s, size_t a, size_t b)
{
    const struct run *x = &s->runs[s->heap[a]];
    const struct run *y = &s->runs[s->heap[b]];
    return compare(x->window.data + x->pos, y->window.data + y->pos) < 0;
}

static void swap(struct archive_spool *s, size_t a, size_t b)
{
    size_t kept = s->heap[a];
    s->heap[a] = s->heap[b];
    s->heap[b] = kept;
}

static void sink(struct archive_spool *s, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->heap_count; child++) {
            least = before(s, child, least) ? child : least;
        }
        if (least == i) {
            return;
        }
        swap(s, i, least);
        i = least;
    }
}

static size_t window_of(const struct archive_spool *s)
{
    size_t share = s->memory / (s->run_count > 0 ? s->run_count : 1);
    return share < WINDOW_LEAST ? WINDOW_LEAST : share > WINDOW_MOST ? WINDOW_MOST : share;
}

int archive_spool_rewind(struct archive_spool *s)
{
    int rc = 0;
    s->next = 0;
    s->advance = false;
    s->heap_count = 0;
    if (s->run_count == 0) {
        sort(s);
        return 0;
    }
    if (s->start_count > 0) {
        rc = spill(s);
        buf_release(&s->records);
    }
    if (rc == 0 && mem_grow(&s->heap, &s->heap_cap, s->run_count, sizeof(*s->heap)) != 0) {
        return err_nomem();
    }
    for (size_t i = 0; rc == 0 && i < s->run_count; i++) {
        struct run *r = &s->runs[i];
        bool more = false;
        r->at = r->from;
        r->pos = 0;
        buf_clear(&r->window);
        rc = load(s, r, window_of(s), &more);
        if (more) {
            s->heap[s->heap_count++] = i;
        }
    }
    for (size_t i = s->heap_count / 2; rc == 0 && i-- > 0;) {
        sink(s, i);
    }
    return rc;
}

/* The record that was given out last makes room for the next one of its run. */
static int step(struct archive_spool *s)
{
    struct run *r = &s->runs[s->heap[0]];
    bool more = false;
    r->pos += record_len(r->window.data + r->pos);
    int rc = load(s, r, window_of(s), &more);
    if (rc != 0) {
        return rc;
    }
    if (!more) {
        s->heap[0] = s->heap[--s->heap_count];
    }
    if (s->heap_count > 0) {
        sink(s, 0);
    }
    return 0;
}

int archive_spool_next(struct archive_spool *s, struct archive_spool_record *out)
{
    if (s->run_count == 0) {
        if (s->next == s->start_count) {
            return 0;
        }
        decode(s->records.data + s->starts[s->next++], out);
        return 1;
    }
    int rc = s->advance ? step(s) : 0;
    s->advance = rc == 0 && s->heap_count > 0;
    if (!s->advance) {
        return rc;
    }
    const struct run *r = &s->runs[s->heap[0]];
    decode(r->window.data + r->pos, out);
    return 1;
}
