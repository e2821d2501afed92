/*
 * listing.c - see listing.h.
 */
#include "engine/listing.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define LISTING_READ_BYTES (64u << 10)

struct dirent_raw { /* linux_dirent64, which no header has */
    uint64_t ino;
    int64_t next;
    uint16_t len;
    uint8_t type;
    char name[];
};

void listing_init(struct listing *l)
{
    buf_init(&l->names);
    l->entries = NULL;
    l->count = l->cap = 0;
}

void listing_release(struct listing *l)
{
    buf_release(&l->names);
    mem_free(l->entries);
    listing_init(l);
}

struct listing_mark listing_mark(const struct listing *l)
{
    return (struct listing_mark){ .entries = l->count, .names = l->names.len };
}

void listing_return(struct listing *l, struct listing_mark mark)
{
    l->count = mark.entries;
    l->names.len = mark.names;
}

static uint64_t order_of(const char *name, size_t len)
{
    uint64_t order = 0;
    for (size_t i = 0; i < 8; i++) {
        order = order << 8 | (i < len ? (unsigned char)name[i] : 0);
    }
    return order;
}

int listing_add(struct listing *l, struct listing_mark mark, const char *name, size_t len,
                uint8_t type)
{
    size_t offset = l->names.len - mark.names;
    if (offset > UINT32_MAX || len > UINT16_MAX) {
        return err_raise(HF_ELIMIT, "too many names in one folder");
    }
    if (mem_grow(&l->entries, &l->cap, l->count + 1, sizeof(*l->entries)) != 0) {
        return err_nomem();
    }
    buf_put(&l->names, name, len);
    buf_put_u8(&l->names, 0);
    if (buf_error(&l->names) != 0) {
        return err_nomem();
    }
    l->entries[l->count++] = (struct listing_name){
        .order = order_of(name, len), .offset = (uint32_t)offset, .len = (uint16_t)len, .type = type
    };
    return 0;
}

static int add_raw(struct listing *l, struct listing_mark mark, const char *data, size_t len)
{
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < len;) {
        const struct dirent_raw *d = (const void *)(data + at);
        at += d->len;
        const char *name = d->name;
        bool dots = name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
        if (!dots) {
            rc = listing_add(l, mark, name, strlen(name), d->type);
        }
    }
    return rc;
}

int listing_read(struct listing *l, struct listing_mark mark, int fd)
{
    _Alignas(8) char data[LISTING_READ_BYTES];
    for (;;) {
        long got = syscall(SYS_getdents64, fd, data, sizeof(data));
        if (got == 0) {
            return 0;
        }
        if (got < 0) {
            /* A folder that was opened for passing through only can't be listed. */
            return err_os(errno == EBADF ? EACCES : errno, "could not list the folder");
        }
        int rc = add_raw(l, mark, data, (size_t)got);
        if (rc != 0) {
            return rc;
        }
    }
}

static int compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int diff = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return diff != 0 ? diff : (a_len > b_len) - (a_len < b_len);
}

static int compare_entries(const void *a, const void *b, void *names)
{
    const struct listing_name *x = a;
    const struct listing_name *y = b;
    if (x->order != y->order) {
        return x->order < y->order ? -1 : 1;
    }
    const char *base = names;
    return compare_names(base + x->offset, x->len, base + y->offset, y->len);
}

void listing_sort(struct listing *l, struct listing_mark mark)
{
    if (l->count > mark.entries + 1) {
        qsort_r(l->entries + mark.entries, l->count - mark.entries, sizeof(*l->entries),
                compare_entries, l->names.data + mark.names);
    }
}

const char *listing_text(const struct listing *l, struct listing_mark mark,
                         const struct listing_name *n)
{
    return (const char *)l->names.data + mark.names + n->offset;
}

struct listing_name *listing_find(struct listing *l, struct listing_mark mark, const char *name,
                                  size_t len)
{
    size_t low = mark.entries;
    size_t high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct listing_name *n = &l->entries[middle];
        int diff = compare_names(name, len, listing_text(l, mark, n), n->len);
        if (diff == 0) {
            return n;
        }
        if (diff < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}
