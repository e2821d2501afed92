/*
 * source_mem.c - see source_mem.h. Names in a sorted array, inodes with counts.
 */
#include "harness/source_mem.h"

#include <pthread.h>
#include <string.h>

#include "base/err.h"
#include "harness/simmem.h"

struct inode {
    size_t refs; /* names, and open files */
    uint64_t links;
    struct node node; /* what stat tells */
    char *data;       /* content or target */
    size_t len;
    struct node_xattr *xattrs; /* own copies */
    size_t xattr_count, xattr_cap;
    int fail_open, fail_read;
    uint64_t fail_from;
    source_mem_fn on_read;
    void *context;
};

struct name {
    char *path;
    struct inode *inode;
};

struct source_mem {
    struct source base;
    pthread_mutex_t lock;
    struct name *names; /* in path order */
    size_t count, cap;
    int64_t now_ns;
    uint64_t last_ino;
    char *at; /* the path yielded last; NULL: none yet */
    size_t yielded;
    uint64_t opens, bytes_read;
    size_t held;
    void (*on_next)(void *context, struct source *s, size_t yielded);
    void *on_next_context;
};

static struct source_mem *of(struct source *s)
{
    return (struct source_mem *)s;
}

/* ---- names and inodes; the lock is held ---- */

static void inode_drop(struct inode *i)
{
    if (--i->refs > 0) {
        return;
    }
    for (size_t k = 0; k < i->xattr_count; k++) {
        simmem_free((char *)i->xattrs[k].name);
        simmem_free((void *)(uintptr_t)i->xattrs[k].value);
    }
    simmem_free(i->xattrs);
    simmem_free(i->data);
    simmem_free(i);
}

/* Where the path is, or would be. */
static size_t find(const struct source_mem *m, const char *path, bool *out_there)
{
    size_t at = 0;
    int order = -1;
    while (at < m->count) {
        const char *here = m->names[at].path;
        order = node_path_compare(here, strlen(here), path, strlen(path));
        if (order >= 0) {
            break;
        }
        at++;
    }
    *out_there = order == 0;
    return at;
}

static struct inode *need(const struct source_mem *m, const char *path)
{
    bool there = false;
    size_t at = find(m, path, &there);
    if (!there) {
        simmem_die("source_mem: there is no %s", path);
    }
    return m->names[at].inode;
}

static void add_name(struct source_mem *m, const char *path, struct inode *inode)
{
    bool there = false;
    size_t at = find(m, path, &there);
    if (there) {
        simmem_die("source_mem: %s is there already", path);
    }
    simmem_grow(&m->names, &m->cap, m->count + 1, sizeof(*m->names));
    memmove(m->names + at + 1, m->names + at, (m->count - at) * sizeof(*m->names));
    m->names[at] = (struct name){ .path = simmem_strdup(path), .inode = inode };
    m->count++;
    inode->refs++;
    inode->links++;
}

static void stamp(const struct source_mem *m, struct inode *i)
{
    i->node.mtime_ns = i->node.ctime_ns = m->now_ns;
}

/* The inode of a path, made if it is not there. */
static struct inode *make(struct source_mem *m, const char *path, enum node_type type,
                          uint32_t mode)
{
    bool there = false;
    size_t at = find(m, path, &there);
    if (there) {
        return m->names[at].inode;
    }
    struct inode *i = simmem_alloc(sizeof(*i));
    i->node = (struct node){ .type = type, .mode = mode, .ino = ++m->last_ino, .dev = 1 };
    add_name(m, path, i);
    return i;
}

static void set_data(struct source_mem *m, struct inode *i, const void *data, size_t len)
{
    simmem_free(i->data);
    i->data = simmem_dup(data, len);
    i->len = len;
    i->node.size = i->node.type == NODE_FILE ? len : 0;
    stamp(m, i);
}

/* ---- changing the tree ---- */

void source_mem_tick(struct source *s, int64_t now_ns)
{
    pthread_mutex_lock(&of(s)->lock);
    of(s)->now_ns = now_ns;
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_dir(struct source *s, const char *path)
{
    pthread_mutex_lock(&of(s)->lock);
    stamp(of(s), make(of(s), path, NODE_DIR, 0755));
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_file(struct source *s, const char *path, const void *data, size_t len)
{
    pthread_mutex_lock(&of(s)->lock);
    set_data(of(s), make(of(s), path, NODE_FILE, 0644), data, len);
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_symlink(struct source *s, const char *path, const char *target)
{
    pthread_mutex_lock(&of(s)->lock);
    set_data(of(s), make(of(s), path, NODE_SYMLINK, 0777), target, strlen(target));
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_link(struct source *s, const char *from, const char *path)
{
    pthread_mutex_lock(&of(s)->lock);
    struct inode *i = need(of(s), from);
    add_name(of(s), path, i);
    i->node.ctime_ns = of(s)->now_ns;
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_xattr(struct source *s, const char *path, const char *name, const void *value,
                      size_t len)
{
    pthread_mutex_lock(&of(s)->lock);
    struct inode *i = need(of(s), path);
    size_t at = 0;
    while (at < i->xattr_count && strcmp(i->xattrs[at].name, name) < 0) {
        at++;
    }
    simmem_grow(&i->xattrs, &i->xattr_cap, i->xattr_count + 1, sizeof(*i->xattrs));
    memmove(i->xattrs + at + 1, i->xattrs + at, (i->xattr_count - at) * sizeof(*i->xattrs));
    i->xattrs[at] = (struct node_xattr){ .name = simmem_strdup(name),
                                         .name_len = strlen(name),
                                         .value = simmem_dup(value, len),
                                         .value_len = len };
    i->xattr_count++;
    i->node.ctime_ns = of(s)->now_ns;
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_chmod(struct source *s, const char *path, uint32_t mode)
{
    pthread_mutex_lock(&of(s)->lock);
    struct inode *i = need(of(s), path);
    i->node.mode = mode;
    i->node.ctime_ns = of(s)->now_ns;
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_mtime(struct source *s, const char *path, int64_t mtime_ns)
{
    pthread_mutex_lock(&of(s)->lock);
    struct inode *i = need(of(s), path);
    i->node.mtime_ns = mtime_ns;
    i->node.ctime_ns = of(s)->now_ns;
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_remove(struct source *s, const char *path)
{
    struct source_mem *m = of(s);
    size_t kept = 0;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count; i++) {
        struct name *n = &m->names[i];
        if (!node_path_within(path, strlen(path), n->path, strlen(n->path))) {
            m->names[kept++] = *n;
            continue;
        }
        n->inode->links--;
        inode_drop(n->inode);
        simmem_free(n->path);
    }
    m->count = kept;
    pthread_mutex_unlock(&m->lock);
}

/* ---- what goes wrong ---- */

void source_mem_fail_open(struct source *s, const char *path, int code)
{
    pthread_mutex_lock(&of(s)->lock);
    need(of(s), path)->fail_open = code;
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_fail_read(struct source *s, const char *path, uint64_t offset, int code)
{
    pthread_mutex_lock(&of(s)->lock);
    need(of(s), path)->fail_read = code;
    need(of(s), path)->fail_from = offset;
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_on_read(struct source *s, const char *path, source_mem_fn fn, void *context)
{
    pthread_mutex_lock(&of(s)->lock);
    need(of(s), path)->on_read = fn;
    need(of(s), path)->context = context;
    pthread_mutex_unlock(&of(s)->lock);
}

void source_mem_on_next(struct source *s,
                        void (*fn)(void *context, struct source *s, size_t yielded), void *context)
{
    of(s)->on_next = fn;
    of(s)->on_next_context = context;
}

uint64_t source_mem_opens(struct source *s)
{
    return of(s)->opens;
}

uint64_t source_mem_bytes_read(struct source *s)
{
    return of(s)->bytes_read;
}

size_t source_mem_held(struct source *s)
{
    return of(s)->held;
}

/* ---- the source ---- */

static void fill(const struct inode *i, struct node *n)
{
    const char *path = n->path;
    size_t path_len = n->path_len;
    *n = i->node;
    n->path = path;
    n->path_len = path_len;
    n->links = i->node.type == NODE_DIR ? 1 : i->links;
    n->user = n->group = "tester";
    n->user_len = n->group_len = 6;
    n->uid = n->gid = 1000;
}

static int rewind_source(struct source *s)
{
    simmem_free(of(s)->at);
    of(s)->at = NULL;
    of(s)->yielded = 0;
    return 0;
}

static int next(struct source *s, struct source_entry *out)
{
    struct source_mem *m = of(s);
    bool there = false;
    if (m->on_next != NULL) {
        m->on_next(m->on_next_context, s, m->yielded);
    }
    pthread_mutex_lock(&m->lock);
    size_t at = m->at != NULL ? find(m, m->at, &there) : 0;
    at += there ? 1 : 0;
    int rc = at < m->count ? 1 : 0;
    if (rc == 1) {
        simmem_free(m->at);
        m->at = simmem_strdup(m->names[at].path);
        memset(out, 0, sizeof(*out));
        out->node.path = m->at;
        out->node.path_len = strlen(m->at);
        fill(m->names[at].inode, &out->node);
        out->place = (struct source_place *)(void *)m; /* there is but one */
        m->yielded++;
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static void hold(struct source *s, struct source_place *place)
{
    (void)place;
    pthread_mutex_lock(&of(s)->lock);
    of(s)->held++;
    pthread_mutex_unlock(&of(s)->lock);
}

static void drop(struct source *s, struct source_place *place)
{
    (void)place;
    pthread_mutex_lock(&of(s)->lock);
    of(s)->held--;
    pthread_mutex_unlock(&of(s)->lock);
}

static int open_file(struct source *s, struct source_place *place, const struct node *node,
                     struct source_file *out_file)
{
    struct source_mem *m = of(s);
    bool there = false;
    int rc = 0;
    (void)place;
    pthread_mutex_lock(&m->lock);
    size_t at = find(m, node->path, &there);
    struct inode *i = there ? m->names[at].inode : NULL;
    if (i == NULL) {
        rc = err_raise(HF_EABSENT, "could not open it: it has vanished");
    } else if (i->fail_open != 0) {
        rc = err_raise(i->fail_open, "could not open it: as the test wants it");
    } else if (i->node.type != NODE_FILE) {
        rc = err_raise(HF_ECHANGED, "it is no longer a file");
    }
    if (rc == 0) {
        i->refs++;
        m->opens++;
        out_file->handle.object = i;
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static int stat_file(struct source *s, struct source_file *file, struct node *node,
                     bool *out_sparse)
{
    pthread_mutex_lock(&of(s)->lock);
    fill(file->handle.object, node);
    pthread_mutex_unlock(&of(s)->lock);
    *out_sparse = false;
    return 0;
}

static const char *path_of(const struct source_mem *m, const struct inode *i)
{
    for (size_t k = 0; k < m->count; k++) {
        if (m->names[k].inode == i) {
            return m->names[k].path;
        }
    }
    return "";
}

static int read_file(struct source *s, struct source_file *file, void *out, size_t len,
                     uint64_t offset, size_t *out_got)
{
    struct source_mem *m = of(s);
    struct inode *i = file->handle.object;
    int rc = 0;
    pthread_mutex_lock(&m->lock);
    if (i->on_read != NULL) {
        char *path = simmem_strdup(path_of(m, i));
        source_mem_fn fn = i->on_read;
        pthread_mutex_unlock(&m->lock);
        fn(i->context, s, path, offset);
        simmem_free(path);
        pthread_mutex_lock(&m->lock);
    }
    size_t left = offset < i->len ? i->len - (size_t)offset : 0;
    size_t got = left < len ? left : len;
    if (i->fail_read != 0 && offset + got > i->fail_from) {
        rc = err_raise(i->fail_read, "could not read it: as the test wants it");
    } else if (got > 0) {
        memcpy(out, i->data + offset, got);
    }
    *out_got = got;
    m->bytes_read += got;
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static int extent(struct source *s, struct source_file *file, uint64_t offset, uint64_t size,
                  uint64_t *out_start, uint64_t *out_end)
{
    (void)s;
    (void)file;
    *out_start = offset;
    *out_end = size;
    return 0;
}

static int detail(struct source *s, struct source_place *place, struct source_file *file,
                  struct node *node, struct source_detail *d)
{
    struct source_mem *m = of(s);
    bool there = false;
    (void)place;
    pthread_mutex_lock(&m->lock);
    size_t at = find(m, node->path, &there);
    struct inode *i = file != NULL ? file->handle.object : there ? m->names[at].inode : NULL;
    buf_clear(&d->names);
    if (i == NULL) {
        pthread_mutex_unlock(&m->lock);
        return err_raise(HF_EABSENT, "it has vanished");
    }
    if (i->node.type == NODE_SYMLINK) {
        buf_put(&d->names, i->data, i->len);
        node->target = (const char *)d->names.data;
        node->target_len = i->len;
    }
    node->xattrs = i->xattrs; /* stays in place: tests set xattrs before they back up */
    node->xattr_count = i->xattr_count;
    pthread_mutex_unlock(&m->lock);
    return buf_error(&d->names);
}

static void close_file(struct source *s, struct source_file *file)
{
    pthread_mutex_lock(&of(s)->lock);
    inode_drop(file->handle.object);
    pthread_mutex_unlock(&of(s)->lock);
}

static void free_source(struct source *s)
{
    struct source_mem *m = of(s);
    source_mem_remove(s, "/");
    simmem_free(m->names);
    simmem_free(m->at);
    pthread_mutex_destroy(&m->lock);
    simmem_free(m);
}

static const struct source_ops ops = {
    .rewind = rewind_source,
    .next = next,
    .hold = hold,
    .drop = drop,
    .open = open_file,
    .stat = stat_file,
    .read = read_file,
    .extent = extent,
    .detail = detail,
    .close = close_file,
    .free = free_source,
};

struct source *source_mem_new(int64_t now_ns)
{
    struct source_mem *m = simmem_alloc(sizeof(*m));
    m->base.ops = &ops;
    m->now_ns = now_ns;
    pthread_mutex_init(&m->lock, NULL);
    source_mem_dir(&m->base, "/");
    return &m->base;
}
