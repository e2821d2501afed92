/*
 * simfs.c - the operations of io/fs.h on a simulated disk.
 *
 * Each has the same errors, in the same order, as Linux has beneath fs_posix.c; a test runs the two
 * side by side. Folders are not renamed here: nothing durable asks for it.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "harness/simdisk_internal.h"
#include "harness/simmem.h"

#define LARGEST_FILE (1u << 30)

struct simfs {
    struct fs base;
    struct simclient *client;
    char *folder; /* from the root of the disk */
};

struct simfile {
    struct fs_file base;
    struct simclient *client;
    char *full; /* path from the root of the disk, when it was opened */
    uint32_t ino;
    bool created; /* opened for writing */
    int poison;   /* what a write or sync failed with, returned ever after */
};

static const struct fs_ops simfs_ops;

static char *full_path(const struct fs *fs, const char *path)
{
    return simmem_join(((const struct simfs *)fs)->folder, path);
}

/* Begins an operation on a name and finds it; place->ino is 0 if nothing has that name. */
static int begin_at(struct simstep *s, struct fs *fs, enum simop_kind kind, const char *path,
                    const char *site, struct simplace *place)
{
    struct simclient *c = ((struct simfs *)fs)->client;
    int rc = simstep_begin(s, c, kind, full_path(fs, path), NULL, site);
    if (!s->begun) {
        return rc;
    }
    struct simop *op = simstep_op(s);
    int errnum = simtree_resolve(&s->disk->tree, op->path, place);
    if (errnum == 0) {
        op->ino = place->ino; /* known of one that a fault ended, too */
    }
    return rc == 0 && errnum != 0 ? simdisk_error(errnum) : rc;
}

/* The same for a name that must be there. */
static int begin_at_existing(struct simstep *s, struct fs *fs, enum simop_kind kind,
                             const char *path, const char *site, struct simplace *place)
{
    int rc = begin_at(s, fs, kind, path, site, place);
    return rc == 0 && place->ino == 0 ? simdisk_error(ENOENT) : rc;
}

static int begin_file(struct simstep *s, struct simfile *f, enum simop_kind kind, const char *site)
{
    int rc = simstep_begin(s, f->client, kind, simmem_strdup(f->full), NULL, site);
    if (s->begun) {
        simstep_op(s)->ino = f->ino;
    }
    return rc;
}

static const struct simnode *node_of(const struct simstep *s, uint32_t ino)
{
    return simtree_node(&s->disk->tree, ino);
}

static void touch(struct simdisk *d, uint32_t ino)
{
    simtree_edit(&d->tree, ino)->mtime_ns = d->now_ns;
}

/* --- names ------------------------------------------------------------------------------------ */

static uint32_t make_node(struct simstep *s, const struct simplace *at, bool is_dir, uint32_t mode)
{
    struct simdisk *d = s->disk;
    uint32_t ino = d->tree.count;
    simtree_add(&d->tree, ino, is_dir, mode & 07777u, d->now_ns);
    simtree_set(&d->tree, at->dir, at->name, at->len, ino);
    simdisk_link(d, ino, 1);
    touch(d, at->dir);
    struct simop *op = simstep_op(s);
    op->ino = ino;
    op->dir = at->dir;
    op->mode = mode & 07777u;
    return ino;
}

static void remove_name(struct simstep *s, const struct simplace *at)
{
    struct simdisk *d = s->disk;
    simtree_set(&d->tree, at->dir, at->name, at->len, 0);
    simdisk_link(d, at->ino, -1);
    touch(d, at->dir);
    simstep_op(s)->dir = at->dir;
}

void simdisk_move(struct simdisk *d, struct simop *op, const struct simplace *from,
                  const struct simplace *to)
{
    op->ino = from->ino;
    if (from->ino == to->ino) {
        return; /* two names of one file: POSIX says that nothing is to happen */
    }
    if (to->ino != 0) {
        simdisk_link(d, to->ino, -1);
    }
    simtree_set(&d->tree, to->dir, to->name, to->len, from->ino);
    simtree_set(&d->tree, from->dir, from->name, from->len, 0);
    touch(d, to->dir);
    touch(d, from->dir);
    op->dir = from->dir;
    op->to_dir = to->dir;
}

static int sim_mkdir(struct fs *fs, const char *path, uint32_t mode)
{
    struct simstep s;
    struct simplace at;
    int rc = begin_at(&s, fs, SIMOP_MKDIR, path, NULL, &at);
    if (rc == 0 && at.ino != 0) {
        rc = simdisk_error(EEXIST);
    }
    if (rc == 0) {
        make_node(&s, &at, true, mode);
    }
    return simstep_end(&s, rc);
}

static int begin_rename(struct simstep *s, struct fs *fs, enum simop_kind kind, const char *from,
                        const char *to, struct simplace *from_at, struct simplace *to_at)
{
    struct simclient *c = ((struct simfs *)fs)->client;
    int rc = simstep_begin(s, c, kind, full_path(fs, from), full_path(fs, to), NULL);
    if (rc != 0) {
        return rc;
    }
    const struct simop *op = simstep_op(s);
    int errnum = simtree_resolve(&s->disk->tree, op->path, from_at);
    if (errnum == 0) {
        errnum = simtree_resolve(&s->disk->tree, op->to, to_at);
    }
    if (errnum == 0 && from_at->ino == 0) {
        errnum = ENOENT;
    }
    if (errnum != 0) {
        return simdisk_error(errnum);
    }
    if (node_of(s, from_at->ino)->is_dir) {
        return err_raise(HF_EUNSUPPORTED, "the simulated disk does not rename folders");
    }
    return 0;
}

static int sim_rename_new(struct fs *fs, const char *from, const char *to)
{
    struct simstep s;
    struct simplace a, b;
    int rc = begin_rename(&s, fs, SIMOP_RENAME_NEW, from, to, &a, &b);
    if (rc == 0 && b.ino != 0) {
        rc = simdisk_error(EEXIST);
    }
    if (rc == 0) {
        simdisk_move(s.disk, simstep_op(&s), &a, &b);
    }
    return simstep_end(&s, rc);
}

static int sim_rename_over(struct fs *fs, const char *from, const char *to)
{
    struct simstep s;
    struct simplace a, b;
    int rc = begin_rename(&s, fs, SIMOP_RENAME_OVER, from, to, &a, &b);
    if (rc == 0 && b.ino != 0 && node_of(&s, b.ino)->is_dir) {
        rc = simdisk_error(EISDIR);
    }
    if (rc == 0) {
        simdisk_move(s.disk, simstep_op(&s), &a, &b);
    }
    return simstep_end(&s, rc);
}

static int sim_unlink(struct fs *fs, const char *path)
{
    struct simstep s;
    struct simplace at;
    int rc = begin_at_existing(&s, fs, SIMOP_UNLINK, path, NULL, &at);
    if (rc == 0 && node_of(&s, at.ino)->is_dir) {
        rc = simdisk_error(EISDIR);
    }
    if (rc == 0) {
        remove_name(&s, &at);
    }
    return simstep_end(&s, rc);
}

static int sim_rmdir(struct fs *fs, const char *path)
{
    struct simstep s;
    struct simplace at;
    int rc = begin_at_existing(&s, fs, SIMOP_RMDIR, path, NULL, &at);
    if (rc == 0 && !node_of(&s, at.ino)->is_dir) {
        rc = simdisk_error(ENOTDIR);
    }
    if (rc == 0 && node_of(&s, at.ino)->count > 0) {
        rc = simdisk_error(ENOTEMPTY);
    }
    if (rc == 0) {
        remove_name(&s, &at);
    }
    return simstep_end(&s, rc);
}

static int sim_stat(struct fs *fs, const char *path, struct fs_stat *out_stat)
{
    struct simstep s;
    struct simplace at;
    int rc = begin_at_existing(&s, fs, SIMOP_STAT, path, NULL, &at);
    if (rc == 0) {
        const struct simnode *n = node_of(&s, at.ino);
        *out_stat = (struct fs_stat){ .size = simbytes_len(n->content),
                                      .mtime_ns = n->mtime_ns,
                                      .mode = n->mode,
                                      .is_dir = n->is_dir };
    }
    return simstep_end(&s, rc);
}

/* The names are copied first: `each` may ask for operations, and others may run meanwhile. */
static int list_names(const struct simnode *n, fs_list_fn each, void *context)
{
    size_t count = n->count;
    char **list = simmem_alloc((count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i] = simmem_strdup(n->entries[i].name->text);
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = each(context, list[i]);
    }
    for (size_t i = 0; i < count; i++) {
        simmem_free(list[i]);
    }
    simmem_free(list);
    return rc;
}

static int sim_list(struct fs *fs, const char *path, fs_list_fn each, void *context)
{
    struct simstep s;
    struct simplace at;
    int rc = begin_at_existing(&s, fs, SIMOP_LIST, path, NULL, &at);
    if (rc == 0 && !node_of(&s, at.ino)->is_dir) {
        rc = simdisk_error(ENOTDIR);
    }
    rc = simstep_end(&s, rc);
    return rc == 0 ? list_names(node_of(&s, at.ino), each, context) : rc;
}

static bool is_skipped(const struct simdisk *d, const char *site)
{
    return d->skip_site != NULL && site != NULL && strcmp(d->skip_site, site) == 0;
}

static int sim_sync_dir(struct fs *fs, const char *path, const char *site)
{
    struct simstep s;
    struct simplace at;
    int rc = begin_at_existing(&s, fs, SIMOP_SYNC_DIR, path, site, &at);
    if (rc == 0 && !node_of(&s, at.ino)->is_dir) {
        rc = simdisk_error(ENOTDIR);
    }
    if (rc == 0) {
        simstep_op(&s)->skipped = is_skipped(s.disk, site);
    }
    return simstep_end(&s, rc);
}

#define ENDLESS_SPACE (1ull << 40)

static int sim_space(struct fs *fs, struct fs_space *out_space)
{
    struct simstep s;
    struct simclient *c = ((struct simfs *)fs)->client;
    int rc = simstep_begin(&s, c, SIMOP_SPACE, full_path(fs, ""), NULL, NULL);
    const struct simdisk *d = s.disk;
    uint64_t total = d->space == 0 ? ENDLESS_SPACE : d->space;
    out_space->total_bytes = total;
    out_space->free_bytes = total > d->used ? total - d->used : 0;
    return simstep_end(&s, rc);
}

static void sim_close_fs(struct fs *fs)
{
    simmem_free(((struct simfs *)fs)->folder);
    simmem_free(fs->label);
    simmem_free(fs);
}

/* --- files ------------------------------------------------------------------------------------ */

static struct fs_file *new_file(struct simstep *s, struct fs *fs, const char *path, uint32_t ino,
                                bool created)
{
    struct simfile *f = simmem_alloc(sizeof *f);
    f->base.ops = &simfs_ops;
    f->base.fs = fs;
    f->base.path = simmem_strdup(path);
    f->client = ((struct simfs *)fs)->client;
    f->full = full_path(fs, path);
    f->ino = ino;
    f->created = created;
    simdisk_open(s->disk, ino, 1);
    return &f->base;
}

static int sim_create(struct fs *fs, const char *path, uint32_t mode, struct fs_file **out_file)
{
    struct simstep s;
    struct simplace at;
    uint32_t ino = 0;
    int rc = begin_at(&s, fs, SIMOP_CREATE, path, NULL, &at);
    if (rc == 0 && at.ino != 0) {
        rc = simdisk_error(EEXIST);
    }
    if (rc == 0) {
        ino = make_node(&s, &at, false, mode);
    }
    rc = simstep_end(&s, rc);
    if (rc == 0) {
        *out_file = new_file(&s, fs, path, ino, true);
    }
    return rc;
}

static int sim_open(struct fs *fs, const char *path, struct fs_file **out_file)
{
    struct simstep s;
    struct simplace at;
    int rc = begin_at_existing(&s, fs, SIMOP_OPEN, path, NULL, &at);
    if (rc == 0 && node_of(&s, at.ino)->is_dir) {
        rc = simdisk_error(EISDIR);
    }
    rc = simstep_end(&s, rc);
    if (rc == 0) {
        *out_file = new_file(&s, fs, path, at.ino, false);
    }
    return rc;
}

static int poisoned(const struct simfile *f)
{
    return err_raise(f->poison, "an earlier write or sync of this file failed");
}

/* The dead are not poisoned: they were never told that anything failed. */
static int poison(struct simfile *f, int rc)
{
    if (rc != 0 && !f->client->killed) {
        f->poison = rc;
    }
    return rc;
}

/* How many of len bytes at offset the disk has room for. */
static size_t room_for(const struct simdisk *d, const struct simnode *n, uint64_t offset,
                       size_t len)
{
    uint64_t size = simbytes_len(n->content);
    uint64_t left = d->space > d->used ? d->space - d->used : 0;
    if (d->space == 0 || offset + len <= size + left) {
        return len;
    }
    return offset >= size + left ? 0 : (size_t)(size + left - offset);
}

/* Writes what there is room for; a write that is cut short ends in an error. */
static int write_some(struct simstep *s, uint32_t ino, const void *data, size_t len,
                      uint64_t offset)
{
    struct simdisk *d = s->disk;
    if (offset > LARGEST_FILE || len > LARGEST_FILE - offset) {
        return simdisk_error(EFBIG);
    }
    size_t wanted = s->half ? len / 2 : len;
    size_t fits = room_for(d, node_of(s, ino), offset, wanted);
    if (fits < wanted && s->after == 0) {
        s->after = ENOSPC;
    }
    if (fits == 0 && s->after != 0) {
        return simdisk_error(s->after);
    }
    struct simnode *n = simtree_edit(&d->tree, ino);
    uint64_t before = simbytes_len(n->content);
    simbytes_write(&n->content, offset, data, fits);
    d->used += simbytes_len(n->content) - before;
    n->mtime_ns = d->now_ns;
    struct simop *op = simstep_op(s);
    op->offset = offset;
    op->length = fits;
    op->data = simbytes_new(data, fits);
    return 0;
}

static int sim_pwrite(struct fs_file *base, const void *data, size_t len, uint64_t offset)
{
    struct simfile *f = (struct simfile *)base;
    if (f->poison != 0) {
        return poisoned(f);
    }
    struct simstep s;
    int rc = begin_file(&s, f, SIMOP_PWRITE, NULL);
    if (rc == 0 && !f->created) {
        rc = simdisk_error(EBADF);
    }
    if (rc == 0) {
        rc = write_some(&s, f->ino, data, len, offset);
    }
    return poison(f, simstep_end(&s, rc));
}

static int sim_pread(struct fs_file *base, void *out, size_t len, uint64_t offset, size_t *out_got)
{
    struct simfile *f = (struct simfile *)base;
    struct simstep s;
    int rc = begin_file(&s, f, SIMOP_PREAD, NULL);
    if (rc == 0 && (offset > INT64_MAX || len > INT64_MAX - offset)) {
        rc = simdisk_error(EFBIG);
    }
    if (rc == 0) {
        const struct simbytes *b = node_of(&s, f->ino)->content;
        size_t size = simbytes_len(b);
        size_t left = offset < size ? size - (size_t)offset : 0;
        size_t got = len < left ? len : left;
        if (got > 0) {
            memcpy(out, b->data + offset, got);
        }
        *out_got = got;
        simstep_op(&s)->offset = offset;
        simstep_op(&s)->length = got;
    }
    return simstep_end(&s, rc);
}

static int sim_size(struct fs_file *base, uint64_t *out_size)
{
    struct simfile *f = (struct simfile *)base;
    struct simstep s;
    int rc = begin_file(&s, f, SIMOP_SIZE, NULL);
    if (rc == 0) {
        *out_size = simbytes_len(node_of(&s, f->ino)->content);
    }
    return simstep_end(&s, rc);
}

static int sim_sync(struct fs_file *base, const char *site)
{
    struct simfile *f = (struct simfile *)base;
    if (f->poison != 0) {
        return poisoned(f);
    }
    struct simstep s;
    int rc = begin_file(&s, f, SIMOP_SYNC, site);
    if (rc == 0) {
        simstep_op(&s)->skipped = is_skipped(s.disk, site);
    }
    return poison(f, simstep_end(&s, rc));
}

static int sim_close(struct fs_file *base)
{
    struct simfile *f = (struct simfile *)base;
    struct simstep s;
    int rc = simstep_end(&s, begin_file(&s, f, SIMOP_CLOSE, NULL));
    simdisk_open(f->client->disk, f->ino, -1);
    bool created = f->created;
    simmem_free(f->full);
    simmem_free(f->base.path);
    simmem_free(f);
    return created ? rc : 0;
}

static bool sim_enforces(struct fs *fs, const char *rule)
{
    struct simdisk *d = ((struct simfs *)fs)->client->disk;
    size_t known = 0;

    while (known < d->rule_count && strcmp(d->rules[known], rule) != 0) {
        known++;
    }
    if (known == d->rule_count && known < SIMDISK_RULES) {
        d->rules[d->rule_count++] = rule;
    }
    return !is_skipped(d, rule);
}

static const struct fs_ops simfs_ops = {
    .enforces = sim_enforces,
    .mkdir = sim_mkdir,
    .create = sim_create,
    .open = sim_open,
    .pwrite = sim_pwrite,
    .pread = sim_pread,
    .size = sim_size,
    .sync = sim_sync,
    .close = sim_close,
    .rename_new = sim_rename_new,
    .rename_over = sim_rename_over,
    .unlink = sim_unlink,
    .rmdir = sim_rmdir,
    .stat = sim_stat,
    .list = sim_list,
    .sync_dir = sim_sync_dir,
    .space = sim_space,
    .close_fs = sim_close_fs,
};

struct fs *simfs_new(struct simclient *c, const char *folder)
{
    struct simfs *fs = simmem_alloc(sizeof *fs);
    fs->base.ops = &simfs_ops;
    fs->base.label = simmem_printf("sim:/%s", folder);
    fs->client = c;
    fs->folder = simmem_strdup(folder);
    return &fs->base;
}
