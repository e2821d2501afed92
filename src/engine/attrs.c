/*
 * attrs.c - see attrs.h.
 */
#include "engine/attrs.h"

#include <errno.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "base/err.h"
#include "base/mem.h"

#define PROC_PATH_BYTES 320 /* "/proc/self/fd/N/" and a name */
#define XATTR_LIST_GUESS 1024u
#define XATTR_VALUE_GUESS 256u
#define XATTR_TRIES 8 /* lists and values may grow while they are read */

const uint32_t attrs_flags = FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL | FS_IMMUTABLE_FL |
                             FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_JOURNAL_DATA_FL |
                             FS_NOTAIL_FL | FS_DIRSYNC_FL | FS_TOPDIR_FL | FS_NOCOW_FL | FS_DAX_FL |
                             FS_PROJINHERIT_FL | FS_CASEFOLD_FL;

/* ---- what file systems lack ---- */

enum quirk { QUIRK_NO_XATTRS = 1, QUIRK_NO_FLAGS = 2 };

#define QUIRKS_MAX 32u

/* A short list is enough: when it is full, the file systems that follow are simply asked. */
static struct {
    pthread_mutex_t lock;
    size_t count;
    struct {
        uint64_t dev;
        unsigned lacks;
    } of[QUIRKS_MAX];
} quirks = { .lock = PTHREAD_MUTEX_INITIALIZER };

static unsigned quirks_of(uint64_t dev)
{
    unsigned lacks = 0;
    pthread_mutex_lock(&quirks.lock);
    for (size_t i = 0; i < quirks.count; i++) {
        if (quirks.of[i].dev == dev) {
            lacks = quirks.of[i].lacks;
        }
    }
    pthread_mutex_unlock(&quirks.lock);
    return lacks;
}

static void quirks_add(uint64_t dev, enum quirk quirk)
{
    pthread_mutex_lock(&quirks.lock);
    size_t i = 0;
    while (i < quirks.count && quirks.of[i].dev != dev) {
        i++;
    }
    if (i < QUIRKS_MAX) {
        quirks.of[i].dev = dev;
        quirks.of[i].lacks |= quirk;
        if (i == quirks.count) {
            quirks.count++;
        }
    }
    pthread_mutex_unlock(&quirks.lock);
}

/* ---- the system's calls, by descriptor or by name ---- */

/* Where the thing is in /proc. A descriptor's own link is followed, a name below one is not. */
static const char *proc_path(const struct attrs_thing *thing, char out[PROC_PATH_BYTES])
{
    if (thing->fd >= 0) {
        snprintf(out, PROC_PATH_BYTES, "/proc/self/fd/%d", thing->fd);
    } else {
        snprintf(out, PROC_PATH_BYTES, "/proc/self/fd/%d/%s", thing->dir_fd, thing->name);
    }
    return out;
}

/* Descriptors opened with O_PATH answer EBADF; their link in /proc does not. */
static bool by_descriptor(const struct attrs_thing *thing, ssize_t result)
{
    return thing->fd >= 0 && !(result < 0 && errno == EBADF);
}

static ssize_t list_xattrs(const struct attrs_thing *thing, char *out, size_t max)
{
    ssize_t got = thing->fd >= 0 ? flistxattr(thing->fd, out, max) : -1;
    if (by_descriptor(thing, got)) {
        return got;
    }
    char path[PROC_PATH_BYTES];
    proc_path(thing, path);
    return thing->fd >= 0 ? listxattr(path, out, max) : llistxattr(path, out, max);
}

static ssize_t get_xattr(const struct attrs_thing *thing, const char *name, void *out, size_t max)
{
    ssize_t got = thing->fd >= 0 ? fgetxattr(thing->fd, name, out, max) : -1;
    if (by_descriptor(thing, got)) {
        return got;
    }
    char path[PROC_PATH_BYTES];
    proc_path(thing, path);
    return thing->fd >= 0 ? getxattr(path, name, out, max) : lgetxattr(path, name, out, max);
}

int attrs_set_xattr(const struct attrs_thing *thing, const struct node_xattr *xattr)
{
    const char *name = xattr->name; /* ended by a NUL: see page.h */
    int rc = -1;
    if (thing->fd >= 0) {
        rc = fsetxattr(thing->fd, name, xattr->value, xattr->value_len, 0);
    }
    if (!by_descriptor(thing, rc)) {
        char path[PROC_PATH_BYTES];
        proc_path(thing, path);
        rc = thing->fd >= 0 ? setxattr(path, name, xattr->value, xattr->value_len, 0)
                            : lsetxattr(path, name, xattr->value, xattr->value_len, 0);
    }
    return rc == 0 ? 0 : errno;
}

int attrs_remove_xattr(const struct attrs_thing *thing, const char *name)
{
    int rc = thing->fd >= 0 ? fremovexattr(thing->fd, name) : -1;
    if (!by_descriptor(thing, rc)) {
        char path[PROC_PATH_BYTES];
        proc_path(thing, path);
        rc = thing->fd >= 0 ? removexattr(path, name) : lremovexattr(path, name);
    }
    return rc == 0 ? 0 : errno;
}

/* ---- reading ---- */

/* Appends the list of names to d->names; *out_len is 0 where there are none. */
static int read_list(const struct attrs_thing *thing, struct source_detail *d, size_t *out_len)
{
    *out_len = 0;
    for (int tries = 0; tries < XATTR_TRIES; tries++) {
        size_t room = (size_t)XATTR_LIST_GUESS << (2 * tries);
        if (buf_reserve(&d->names, room) != 0) {
            return err_nomem();
        }
        ssize_t got = list_xattrs(thing, (char *)d->names.data + d->names.len, room);
        if (got >= 0) {
            d->names.len += (size_t)got;
            *out_len = (size_t)got;
            return 0;
        }
        if (errno == ENOTSUP || errno == ENOSYS) {
            quirks_add(thing->dev, QUIRK_NO_XATTRS);
            return 0;
        }
        if (errno != ERANGE) {
            return err_os(errno, "could not list the extended attributes");
        }
    }
    return err_raise(HF_ECHANGED, "the extended attributes kept growing");
}

/* Appends the value to d->values; HF_EABSENT, without trail, when it has gone. */
static int read_value(const struct attrs_thing *thing, const char *name, struct source_detail *d,
                      size_t *out_len)
{
    size_t room = XATTR_VALUE_GUESS;
    for (int tries = 0; tries < XATTR_TRIES; tries++) {
        if (buf_reserve(&d->values, room) != 0) {
            return err_nomem();
        }
        ssize_t got = get_xattr(thing, name, d->values.data + d->values.len, room);
        if (got >= 0) {
            d->values.len += (size_t)got;
            *out_len = (size_t)got;
            return 0;
        }
        if (errno == ENODATA) {
            return HF_EABSENT;
        }
        if (errno != ERANGE) {
            return err_os(errno, "could not read the extended attribute %s", name);
        }
        ssize_t size = get_xattr(thing, name, NULL, 0);
        if (size > 0) {
            room = (size_t)size + XATTR_VALUE_GUESS;
        }
    }
    return err_raise(HF_ECHANGED, "the extended attribute %s kept growing", name);
}

static int by_name(const void *a, const void *b)
{
    const struct node_xattr *x = a;
    const struct node_xattr *y = b;
    return strcmp(x->name, y->name);
}

/* Reads the value of each name in list. Until all are read, values are counted by length alone. */
static int read_values(const struct attrs_thing *thing, size_t list_at, size_t list_len,
                       struct source_detail *d, size_t *out_count)
{
    int first_error = 0;
    size_t count = 0;
    for (size_t at = 0; at < list_len;) {
        const char *name = (const char *)d->names.data + list_at + at;
        size_t name_len = strlen(name);
        at += name_len + 1;
        size_t value_len = 0;
        struct err_trail kept;
        if (first_error != 0) {
            kept = *err_last();
        }
        int rc = read_value(thing, name, d, &value_len);
        if (rc == HF_ENOMEM) {
            return rc;
        }
        if (first_error != 0) {
            err_give(&kept);
        } else if (rc != 0 && rc != HF_EABSENT) {
            first_error = rc;
        }
        if (rc != 0) {
            continue;
        }
        if (mem_grow(&d->xattrs, &d->xattr_cap, count + 1, sizeof(*d->xattrs)) != 0) {
            return err_nomem();
        }
        d->xattrs[count++] = (struct node_xattr){ .name = name,
                                                  .name_len = name_len,
                                                  .value_len = value_len };
    }
    *out_count = count;
    return first_error;
}

int attrs_read_xattrs(const struct attrs_thing *thing, struct node *node, struct source_detail *d)
{
    node->xattrs = NULL;
    node->xattr_count = 0;
    node->xattrs_chunked = false;
    if (quirks_of(thing->dev) & QUIRK_NO_XATTRS) {
        return 0;
    }
    size_t list_at = d->names.len;
    size_t list_len = 0;
    int rc = read_list(thing, d, &list_len);
    if (rc != 0 || list_len == 0) {
        return rc;
    }
    size_t count = 0;
    buf_clear(&d->values);
    rc = read_values(thing, list_at, list_len, d, &count);
    if (rc == HF_ENOMEM) {
        return rc;
    }
    const uint8_t *value = d->values.data;
    for (size_t i = 0; i < count; i++) {
        d->xattrs[i].value = value;
        value += d->xattrs[i].value_len;
    }
    if (count > 1) {
        qsort(d->xattrs, count, sizeof(*d->xattrs), by_name);
    }
    node->xattrs = d->xattrs;
    node->xattr_count = count;
    return rc;
}

/* ---- inode flags ---- */

void attrs_read_flags(const struct attrs_thing *thing, struct node *node)
{
    int flags = 0;
    node->flags = 0;
    if (quirks_of(thing->dev) & QUIRK_NO_FLAGS) {
        return;
    }
    if (ioctl(thing->fd, FS_IOC_GETFLAGS, &flags) == 0) {
        node->flags = (uint32_t)flags & attrs_flags;
    } else if (errno == ENOTTY || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) {
        quirks_add(thing->dev, QUIRK_NO_FLAGS);
    }
}

int attrs_set_flags(const struct attrs_thing *thing, uint32_t flags)
{
    int now = 0;
    if (ioctl(thing->fd, FS_IOC_GETFLAGS, &now) != 0) {
        return errno;
    }
    int want = (int)(((uint32_t)now & ~attrs_flags) | (flags & attrs_flags));
    if (want == now) {
        return 0;
    }
    return ioctl(thing->fd, FS_IOC_SETFLAGS, &want) == 0 ? 0 : errno;
}
