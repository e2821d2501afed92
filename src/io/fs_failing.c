/*
 * fs_failing.c - see fs_failing.h.
 */
#include "io/fs_failing.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

struct failing {
    struct fs base;
    struct fs *inner;
    struct fs_failing_rules *rules;
};

struct failing_file {
    struct fs_file base;
    struct fs_file *inner;
    atomic_int poison; /* the code of the first write or sync that was refused or failed */
};

static const struct fs_ops failing_ops;

static struct failing *of(struct fs *fs)
{
    return (struct failing *)fs;
}

static struct failing_file *of_file(struct fs_file *f)
{
    return (struct failing_file *)f;
}

static struct fs_failing_rules *rules_of(struct fs_file *f)
{
    return of(f->fs)->rules;
}

static bool meant(const char *rule, const char *path)
{
    return rule != NULL && strncmp(rule, path, strlen(rule)) == 0;
}

static int refuse(struct fs_failing_rules *rules, int code)
{
    atomic_fetch_add(&rules->refused, 1);
    return err_raise(code, "%s",
                     code == HF_ENOSPC ? "No space left on device" : "Input/output error");
}

/* --- files --- */

/* inner becomes the file's, also on failure. */
static int wrap(struct fs *fs, const char *path, struct fs_file *inner, struct fs_file **out_file)
{
    struct failing_file *f = mem_zalloc(sizeof *f);
    char *name = mem_strdup(path);

    if (f == NULL || name == NULL) {
        mem_free(f);
        mem_free(name);
        (void)inner->ops->close(inner);
        return err_nomem();
    }
    f->base.ops = &failing_ops;
    f->base.fs = fs;
    f->base.path = name;
    f->inner = inner;
    atomic_init(&f->poison, 0);
    *out_file = &f->base;
    return 0;
}

static int failing_create(struct fs *fs, const char *path, uint32_t mode, struct fs_file **out_file)
{
    struct fs *inner = of(fs)->inner;
    struct fs_file *file = NULL;
    int rc = inner->ops->create(inner, path, mode, &file);

    if (rc == 0) {
        rc = wrap(fs, path, file, out_file);
    }
    return rc;
}

static int failing_open(struct fs *fs, const char *path, struct fs_file **out_file)
{
    struct fs *inner = of(fs)->inner;
    struct fs_file *file = NULL;
    int rc = inner->ops->open(inner, path, &file);

    if (rc == 0) {
        rc = wrap(fs, path, file, out_file);
    }
    return rc;
}

/* All or nothing: a medium that takes half of it has failed no less. */
static int take_room(struct fs_failing_rules *rules, uint64_t len)
{
    uint64_t room = atomic_load(&rules->room_bytes);

    do {
        if (room == FS_FAILING_ROOM) {
            return 0;
        }
        if (len > room) {
            return refuse(rules, HF_ENOSPC);
        }
    } while (!atomic_compare_exchange_weak(&rules->room_bytes, &room, room - len));
    return 0;
}

static int poisoned(struct failing_file *f)
{
    int code = atomic_load(&f->poison);

    return code != 0 ? refuse(rules_of(&f->base), code) : 0;
}

static int poison(struct failing_file *f, int rc)
{
    int none = 0;

    if (rc != 0) {
        atomic_compare_exchange_strong(&f->poison, &none, rc);
    }
    return rc;
}

static int failing_pwrite(struct fs_file *file, const void *data, size_t len, uint64_t offset)
{
    struct failing_file *f = of_file(file);
    struct fs_failing_rules *rules = rules_of(file);
    int rc = poisoned(f);

    if (rc != 0) {
        return rc;
    }
    if (meant(rules->unwritable, file->path)) {
        return poison(f, refuse(rules, HF_EIO));
    }
    rc = take_room(rules, len);
    if (rc == 0) {
        rc = f->inner->ops->pwrite(f->inner, data, len, offset);
    }
    return poison(f, rc);
}

static int failing_sync(struct fs_file *file, const char *site)
{
    struct failing_file *f = of_file(file);
    struct fs_failing_rules *rules = rules_of(file);
    int rc = poisoned(f);

    if (rc == 0) {
        rc = meant(rules->unsyncable, file->path) ? refuse(rules, HF_EIO)
                                                  : f->inner->ops->sync(f->inner, site);
        rc = poison(f, rc);
    }
    return rc;
}

static int failing_pread(struct fs_file *file, void *out, size_t len, uint64_t offset,
                         size_t *out_got)
{
    struct failing_file *f = of_file(file);

    if (meant(rules_of(file)->unreadable, file->path)) {
        return refuse(rules_of(file), HF_EIO);
    }
    return f->inner->ops->pread(f->inner, out, len, offset, out_got);
}

static int failing_size(struct fs_file *file, uint64_t *out_size)
{
    struct fs_file *inner = of_file(file)->inner;

    return inner->ops->size(inner, out_size);
}

static int failing_close(struct fs_file *file)
{
    struct failing_file *f = of_file(file);
    int rc = f->inner->ops->close(f->inner);

    mem_free(f->base.path);
    mem_free(f);
    return rc;
}

/* --- names --- */

static int failing_mkdir(struct fs *fs, const char *path, uint32_t mode)
{
    struct fs *inner = of(fs)->inner;

    return inner->ops->mkdir(inner, path, mode);
}

static int failing_rename_new(struct fs *fs, const char *from, const char *to)
{
    struct fs *inner = of(fs)->inner;

    return inner->ops->rename_new(inner, from, to);
}

static int failing_rename_over(struct fs *fs, const char *from, const char *to)
{
    struct fs *inner = of(fs)->inner;

    return inner->ops->rename_over(inner, from, to);
}

static int failing_unlink(struct fs *fs, const char *path)
{
    struct failing *x = of(fs);
    struct fs_stat st = { .size = 0 };
    int rc;

    if (x->inner->ops->stat(x->inner, path, &st) != 0) {
        err_clear(); /* the removal says what is wrong */
    }
    rc = x->inner->ops->unlink(x->inner, path);
    if (rc == 0 && atomic_load(&x->rules->room_bytes) != FS_FAILING_ROOM) {
        atomic_fetch_add(&x->rules->room_bytes, st.size);
    }
    return rc;
}

static int failing_rmdir(struct fs *fs, const char *path)
{
    struct fs *inner = of(fs)->inner;

    return inner->ops->rmdir(inner, path);
}

static int failing_stat(struct fs *fs, const char *path, struct fs_stat *out_stat)
{
    struct fs *inner = of(fs)->inner;

    return inner->ops->stat(inner, path, out_stat);
}

static int failing_list(struct fs *fs, const char *path, fs_list_fn each, void *context)
{
    struct fs *inner = of(fs)->inner;

    return inner->ops->list(inner, path, each, context);
}

static int failing_sync_dir(struct fs *fs, const char *path, const char *site)
{
    struct fs *inner = of(fs)->inner;

    return inner->ops->sync_dir(inner, path, site);
}

static int failing_space(struct fs *fs, struct fs_space *out_space)
{
    struct failing *x = of(fs);
    uint64_t room = atomic_load(&x->rules->room_bytes);
    int rc = x->inner->ops->space(x->inner, out_space);

    if (rc == 0 && room < out_space->free_bytes) {
        out_space->free_bytes = room;
    }
    return rc;
}

static void failing_close_fs(struct fs *fs)
{
    mem_free(fs->label);
    mem_free(fs);
}

static const struct fs_ops failing_ops = {
    .mkdir = failing_mkdir,
    .create = failing_create,
    .open = failing_open,
    .pwrite = failing_pwrite,
    .pread = failing_pread,
    .size = failing_size,
    .sync = failing_sync,
    .close = failing_close,
    .rename_new = failing_rename_new,
    .rename_over = failing_rename_over,
    .unlink = failing_unlink,
    .rmdir = failing_rmdir,
    .stat = failing_stat,
    .list = failing_list,
    .sync_dir = failing_sync_dir,
    .space = failing_space,
    .close_fs = failing_close_fs,
};

void fs_failing_rules_init(struct fs_failing_rules *rules)
{
    memset(rules, 0, sizeof *rules);
    atomic_init(&rules->room_bytes, FS_FAILING_ROOM);
    atomic_init(&rules->refused, 0);
}

int fs_failing_new(struct fs *inner, struct fs_failing_rules *rules, struct fs **out_fs)
{
    struct failing *x = mem_zalloc(sizeof *x);
    char *label = mem_strdup(inner->label);

    *out_fs = NULL;
    if (x == NULL || label == NULL) {
        mem_free(x);
        mem_free(label);
        return err_nomem();
    }
    x->base.ops = &failing_ops;
    x->base.label = label;
    x->inner = inner;
    x->rules = rules;
    *out_fs = &x->base;
    return 0;
}
