/*
 * target_mem.c - see target_mem.h. Names in a sorted array of paths, inodes with counts.
 */
#include "harness/target_mem.h"

#include <pthread.h>
#include <string.h>

#include "base/err.h"
#include "harness/simmem.h"

struct inode {
    size_t refs; /* names, and open files */
    uint64_t links, ino;
    enum node_type type;
    char *data;
    size_t len, cap;
    uint64_t rdev;
    bool finished;
    struct node node;
    struct node_xattr *xattrs;
    size_t xattr_count, xattr_cap;
};

struct name {
    char *path;
    struct inode *inode;
};

struct target_place { /* a folder, by its path */
    size_t refs;
    char *path;
};

struct target_mem {
    struct target base;
    pthread_mutex_t lock;
    struct name *names;
    size_t count, cap;
    struct target_place *top;
    uint64_t last_ino, bytes_written;
    uint64_t fail_after; /* writes until they fail, if fail_code is set */
    int fail_code;
    bool doubtful;
    unsigned syncs;
    size_t open_files;
};

static struct target_mem *of(struct target *t)
{
    return (struct target_mem *)t;
}

/* ---- the tree; the lock is held ---- */

static size_t find(const struct target_mem *m, const char *path, bool *out_there)
{
    size_t low = 0;
    size_t high = m->count;
    *out_there = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *here = m->names[middle].path;
        int order = node_path_compare(here, strlen(here), path, strlen(path));
        if (order == 0) {
            *out_there = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct inode *lookup_inode(const struct target_mem *m, const char *path)
{
    bool there = false;
    size_t at = find(m, path, &there);
    return there ? m->names[at].inode : NULL;
}

static void forget_xattrs(struct inode *i)
{
    for (size_t k = 0; k < i->xattr_count; k++) {
        simmem_free((char *)i->xattrs[k].name);
        simmem_free((void *)(uintptr_t)i->xattrs[k].value);
    }
    i->xattr_count = 0;
}

static void inode_drop(struct inode *i)
{
    if (--i->refs > 0) {
        return;
    }
    forget_xattrs(i);
    simmem_free(i->xattrs);
    simmem_free(i->data);
    simmem_free(i);
}

static void add_name(struct target_mem *m, const char *path, struct inode *i)
{
    bool there = false;
    size_t at = find(m, path, &there);
    simmem_grow(&m->names, &m->cap, m->count + 1, sizeof(*m->names));
    memmove(m->names + at + 1, m->names + at, (m->count - at) * sizeof(*m->names));
    m->names[at] = (struct name){ .path = simmem_strdup(path), .inode = i };
    m->count++;
    i->refs++;
    i->links++;
}

static struct inode *make(struct target_mem *m, const char *path, enum node_type type)
{
    struct inode *i = simmem_alloc(sizeof(*i));
    i->type = type;
    i->ino = ++m->last_ino;
    add_name(m, path, i);
    return i;
}

static void set_size(struct inode *i, size_t len)
{
    simmem_grow(&i->data, &i->cap, len + 1, 1);
    if (len > i->len) {
        memset(i->data + i->len, 0, len - i->len);
    }
    i->len = len;
}

/* The path of a name in a place; fresh. */
static char *path_in(const struct target_place *in, const char *name, size_t len)
{
    return simmem_printf("%s%s%.*s", in->path, strcmp(in->path, "/") == 0 ? "" : "/", (int)len,
                         name);
}

/* Takes the lock and finds what has the name; *out_path is fresh. */
static int begin(struct target *t, struct target_place *in, const char *name, size_t len,
                 char **out_path, struct inode **out_inode)
{
    int rc = target_check_name(name, len);
    pthread_mutex_lock(&of(t)->lock);
    *out_path = path_in(in, name, rc == 0 ? len : 0);
    *out_inode = rc == 0 ? lookup_inode(of(t), *out_path) : NULL;
    return rc;
}

static int end(struct target *t, char *path, int rc)
{
    pthread_mutex_unlock(&of(t)->lock);
    simmem_free(path);
    return rc;
}

/* ---- folders ---- */

static int begin_restore(struct target *t, bool *out_doubtful)
{
    *out_doubtful = of(t)->doubtful;
    return 0;
}

static struct target_place *root(struct target *t)
{
    return of(t)->top;
}

static int enter(struct target *t, struct target_place *in, const char *name, size_t len,
                 bool may_make, struct target_place **out_place, bool *out_made)
{
    char *path = NULL;
    struct inode *i = NULL;
    int rc = begin(t, in, name, len, &path, &i);
    *out_made = rc == 0 && i == NULL && may_make;
    if (*out_made) {
        i = make(of(t), path, NODE_DIR);
    }
    if (rc == 0 && i == NULL) {
        rc = err_raise(HF_EABSENT, "there is no such folder");
    }
    if (rc == 0 && i->type != NODE_DIR) {
        rc = err_raise(HF_EEXISTS, "it is no folder");
    }
    if (rc == 0) {
        *out_place = simmem_alloc(sizeof(**out_place));
        **out_place = (struct target_place){ .refs = 1, .path = simmem_strdup(path) };
    }
    return end(t, path, rc);
}

static void hold(struct target *t, struct target_place *p)
{
    pthread_mutex_lock(&of(t)->lock);
    p->refs++;
    pthread_mutex_unlock(&of(t)->lock);
}

static void drop(struct target *t, struct target_place *p)
{
    pthread_mutex_lock(&of(t)->lock);
    if (--p->refs == 0) {
        simmem_free(p->path);
        simmem_free(p);
    }
    pthread_mutex_unlock(&of(t)->lock);
}

/* ---- names ---- */

static int lookup(struct target *t, struct target_place *in, const char *name, size_t len,
                  struct target_stat *out)
{
    char *path = NULL;
    struct inode *i = NULL;
    int rc = begin(t, in, name, len, &path, &i);
    if (rc == 0 && i == NULL) {
        rc = HF_EABSENT;
    }
    if (rc == 0) {
        *out = (struct target_stat){ .type = i->type,
                                     .mode = i->node.mode,
                                     .uid = i->node.uid,
                                     .gid = i->node.gid,
                                     .size = i->type == NODE_FILE ? i->len : 0,
                                     .mtime_ns = i->node.mtime_ns,
                                     .dev = 1,
                                     .ino = i->ino,
                                     .links = i->links,
                                     .rdev = i->rdev };
    }
    return end(t, path, rc);
}

static bool is_child(const char *dir, const char *path)
{
    size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);
    return strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1] != '\0' &&
           strchr(path + len + 1, '/') == NULL;
}

static int list(struct target *t, struct target_place *place, target_list_fn each, void *context)
{
    struct target_mem *m = of(t);
    char **found = NULL;
    size_t count = 0;
    size_t cap = 0;
    int rc = 0;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count; i++) {
        if (is_child(place->path, m->names[i].path)) {
            simmem_grow(&found, &cap, count + 1, sizeof(char *));
            found[count++] = simmem_strdup(strrchr(m->names[i].path, '/') + 1);
        }
    }
    pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < count; i++) {
        if (rc == 0) {
            rc = each(context, found[i], strlen(found[i]));
        }
        simmem_free(found[i]);
    }
    simmem_free(found);
    return rc;
}

static int remove_name(struct target *t, struct target_place *in, const char *name, size_t len,
                       uint64_t *out_count)
{
    struct target_mem *m = of(t);
    char *path = NULL;
    struct inode *i = NULL;
    int rc = begin(t, in, name, len, &path, &i);
    size_t kept = 0;
    if (rc == 0 && i == NULL) {
        rc = err_raise(HF_EABSENT, "could not remove '%.*s'", (int)len, name);
    }
    for (size_t k = 0; rc == 0 && k < m->count; k++) {
        struct name *n = &m->names[k];
        if (!node_path_within(path, strlen(path), n->path, strlen(n->path))) {
            m->names[kept++] = *n;
            continue;
        }
        simmem_free(n->path);
        n->inode->links--;
        inode_drop(n->inode);
        (*out_count)++;
    }
    if (rc == 0) {
        m->count = kept;
    }
    return end(t, path, rc);
}

static int make_named(struct target *t, struct target_place *in, const char *name, size_t len,
                      enum node_type type, const void *data, size_t data_len, uint64_t rdev)
{
    char *path = NULL;
    struct inode *i = NULL;
    int rc = begin(t, in, name, len, &path, &i);
    if (rc == 0 && i != NULL) {
        rc = err_raise(HF_EEXISTS, "could not make it");
    }
    if (rc == 0) {
        i = make(of(t), path, type);
        set_size(i, data_len);
        if (data_len > 0) {
            memcpy(i->data, data, data_len);
        }
        i->rdev = rdev;
    }
    return end(t, path, rc);
}

static int make_symlink(struct target *t, struct target_place *in, const char *name, size_t len,
                        const char *content, size_t content_len)
{
    return make_named(t, in, name, len, NODE_SYMLINK, content, content_len, 0);
}

static int make_special(struct target *t, struct target_place *in, const char *name, size_t len,
                        enum node_type type, uint64_t rdev)
{
    return make_named(t, in, name, len, type, NULL, 0, rdev);
}

static int read_symlink(struct target *t, struct target_place *in, const char *name, size_t len,
                        char *out, size_t max, size_t *out_len)
{
    char *path = NULL;
    struct inode *i = NULL;
    int rc = begin(t, in, name, len, &path, &i);
    if (rc == 0 && (i == NULL || i->type != NODE_SYMLINK)) {
        rc = err_raise(HF_EABSENT, "it is no symbolic link");
    }
    if (rc == 0) {
        *out_len = i->len < max ? i->len : max;
        memcpy(out, i->data, *out_len);
    }
    return end(t, path, rc);
}

static int make_link(struct target *t, struct target_place *from, const char *from_name,
                     size_t from_len, struct target_place *in, const char *name, size_t len)
{
    char *path = NULL;
    struct inode *i = NULL;
    int rc = target_check_name(from_name, from_len);
    if (rc != 0) {
        return rc;
    }
    rc = begin(t, in, name, len, &path, &i);
    if (rc == 0 && i != NULL) {
        rc = err_raise(HF_EEXISTS, "could not link it");
    }
    if (rc == 0) {
        char *old = path_in(from, from_name, from_len);
        i = lookup_inode(of(t), old);
        simmem_free(old);
        if (i == NULL) {
            rc = err_raise(HF_EABSENT, "could not link it");
        } else {
            add_name(of(t), path, i);
        }
    }
    return end(t, path, rc);
}

/* ---- files ---- */

static void open_inode(struct target_mem *m, struct inode *i, bool fresh, struct target_file *out)
{
    i->refs++;
    m->open_files++;
    *out = (struct target_file){ .handle.object = i, .fresh = fresh };
}

static int create_file(struct target *t, struct target_place *in, const char *name, size_t len,
                       struct target_file *out_file)
{
    char *path = NULL;
    struct inode *i = NULL;
    int rc = begin(t, in, name, len, &path, &i);
    if (rc == 0 && i != NULL) {
        rc = err_raise(HF_EEXISTS, "could not create it");
    }
    if (rc == 0) {
        open_inode(of(t), make(of(t), path, NODE_FILE), true, out_file);
    }
    return end(t, path, rc);
}

static int open_file(struct target *t, struct target_place *in, const char *name, size_t len,
                     bool write, struct target_file *out_file)
{
    char *path = NULL;
    struct inode *i = NULL;
    int rc = begin(t, in, name, len, &path, &i);
    (void)write;
    if (rc == 0 && i == NULL) {
        rc = err_raise(HF_EABSENT, "could not open it");
    }
    if (rc == 0 && i->type != NODE_FILE) {
        rc = err_raise(HF_EEXISTS, "it is no regular file");
    }
    if (rc == 0) {
        open_inode(of(t), i, false, out_file);
    }
    return end(t, path, rc);
}

static int pread_file(struct target *t, struct target_file *f, void *out, size_t len,
                      uint64_t offset, size_t *out_got)
{
    const struct inode *i = f->handle.object;
    pthread_mutex_lock(&of(t)->lock);
    size_t left = offset < i->len ? i->len - (size_t)offset : 0;
    *out_got = left < len ? left : len;
    if (*out_got > 0) {
        memcpy(out, i->data + offset, *out_got);
    }
    return end(t, NULL, 0);
}

static void uncache(struct target *t, struct target_file *f)
{
    (void)t;
    (void)f;
}

static int pwrite_file(struct target *t, struct target_file *f, const void *data, size_t len,
                       uint64_t offset)
{
    struct target_mem *m = of(t);
    struct inode *i = f->handle.object;
    pthread_mutex_lock(&m->lock);
    if (m->fail_code != 0 && (m->fail_after == 0 || --m->fail_after == 0)) {
        return end(t, NULL, err_raise(m->fail_code, "could not write it: as the test wants it"));
    }
    if (offset + len > i->len) {
        set_size(i, (size_t)offset + len);
    }
    memcpy(i->data + offset, data, len);
    m->bytes_written += len;
    return end(t, NULL, 0);
}

static int truncate_file(struct target *t, struct target_file *f, uint64_t size)
{
    pthread_mutex_lock(&of(t)->lock);
    set_size(f->handle.object, (size_t)size);
    return end(t, NULL, 0);
}

static int punch_file(struct target *t, struct target_file *f, uint64_t offset, uint64_t len)
{
    struct inode *i = f->handle.object;
    pthread_mutex_lock(&of(t)->lock);
    if (offset < i->len) {
        memset(i->data + offset, 0, len < i->len - offset ? (size_t)len : i->len - (size_t)offset);
    }
    return end(t, NULL, 0);
}

static void dress(struct inode *i, const struct node *n)
{
    forget_xattrs(i);
    i->finished = true;
    i->node = *n;
    for (size_t k = 0; k < n->xattr_count; k++) {
        const struct node_xattr *x = &n->xattrs[k];
        simmem_grow(&i->xattrs, &i->xattr_cap, k + 1, sizeof(*i->xattrs));
        i->xattrs[k] = (struct node_xattr){ .name = simmem_strdup(x->name),
                                            .name_len = x->name_len,
                                            .value = simmem_dup(x->value, x->value_len),
                                            .value_len = x->value_len };
        i->xattr_count++;
    }
    i->node.path = i->node.user = i->node.group = i->node.target = NULL;
    i->node.xattrs = NULL;
    i->node.refs = NULL;
}

static int finish_file(struct target *t, struct target_file *f, const struct node *node,
                       const struct target_losses *losses)
{
    (void)losses;
    pthread_mutex_lock(&of(t)->lock);
    dress(f->handle.object, node);
    return end(t, NULL, 0);
}

static int apply_named(struct target *t, struct target_place *in, const char *name, size_t len,
                       const struct node *node, const struct target_losses *losses)
{
    char *path = NULL;
    struct inode *i = NULL;
    int rc = 0;
    (void)losses;
    if (name != NULL) {
        rc = begin(t, in, name, len, &path, &i);
    } else {
        pthread_mutex_lock(&of(t)->lock);
        i = lookup_inode(of(t), in->path);
    }
    if (rc == 0 && i == NULL) {
        rc = err_raise(HF_EABSENT, "it is not there");
    }
    if (rc == 0) {
        dress(i, node);
    }
    return end(t, path, rc);
}

static int close_file(struct target *t, struct target_file *f)
{
    pthread_mutex_lock(&of(t)->lock);
    inode_drop(f->handle.object);
    of(t)->open_files--;
    return end(t, NULL, 0);
}

static int sync_all(struct target *t)
{
    of(t)->syncs++;
    return 0;
}

static void free_target(struct target *t)
{
    struct target_mem *m = of(t);
    for (size_t i = 0; i < m->count; i++) {
        simmem_free(m->names[i].path);
        inode_drop(m->names[i].inode);
    }
    simmem_free(m->names);
    simmem_free(m->top->path);
    simmem_free(m->top);
    pthread_mutex_destroy(&m->lock);
    simmem_free(m);
}

static const struct target_ops ops = {
    .begin = begin_restore,
    .root = root,
    .enter = enter,
    .hold = hold,
    .drop = drop,
    .lookup = lookup,
    .list = list,
    .remove = remove_name,
    .symlink = make_symlink,
    .readlink = read_symlink,
    .special = make_special,
    .link = make_link,
    .create = create_file,
    .open = open_file,
    .pread = pread_file,
    .uncache = uncache,
    .pwrite = pwrite_file,
    .truncate = truncate_file,
    .punch = punch_file,
    .finish = finish_file,
    .close = close_file,
    .apply = apply_named,
    .sync = sync_all,
    .free = free_target,
};

struct target *target_mem_new(void)
{
    struct target_mem *m = simmem_alloc(sizeof(*m));
    m->base.ops = &ops;
    pthread_mutex_init(&m->lock, NULL);
    make(m, "/", NODE_DIR);
    m->top = simmem_alloc(sizeof(*m->top));
    *m->top = (struct target_place){ .refs = 1, .path = simmem_strdup("/") };
    return &m->base;
}

/* ---- looking at it ---- */

size_t target_mem_count(struct target *t)
{
    return of(t)->count;
}

void target_mem_thing(struct target *t, size_t i, struct target_mem_thing *out)
{
    const struct name *n = &of(t)->names[i];
    *out = (struct target_mem_thing){
        .path = n->path,
        .type = n->inode->type,
        .data = n->inode->data,
        .len = n->inode->len,
        .finished = n->inode->finished,
        .node = n->inode->node,
        .xattrs = n->inode->xattrs,
        .xattr_count = n->inode->xattr_count,
        .inode = n->inode->ino,
    };
}

bool target_mem_find(struct target *t, const char *path, struct target_mem_thing *out)
{
    bool there = false;
    size_t at = find(of(t), path, &there);
    if (there) {
        target_mem_thing(t, at, out);
    }
    return there;
}

void target_mem_put(struct target *t, const char *path, const void *data, size_t len,
                    int64_t mtime_ns)
{
    struct inode *i = make(of(t), path, NODE_FILE);
    set_size(i, len);
    if (len > 0) {
        memcpy(i->data, data, len);
    }
    i->node.mtime_ns = mtime_ns;
}

void target_mem_fail_write(struct target *t, uint64_t nth, int code)
{
    of(t)->fail_after = nth;
    of(t)->fail_code = nth > 0 ? code : 0;
}

void target_mem_set_doubtful(struct target *t, bool doubtful)
{
    of(t)->doubtful = doubtful;
}

uint64_t target_mem_bytes_written(struct target *t)
{
    return of(t)->bytes_written;
}

unsigned target_mem_syncs(struct target *t)
{
    return of(t)->syncs;
}

size_t target_mem_open_files(struct target *t)
{
    return of(t)->open_files;
}
