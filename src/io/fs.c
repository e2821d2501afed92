/*
 * fs.c - what is the same for every file system behind the seam.
 *
 * Each function hands its work to the table of operations and, where that fails, says in the trail
 * what could not be done to which file of which folder. Names are checked here, once for all
 * implementations: one that is absolute, or has an empty part, "." or "..", is refused before it
 * reaches any of them, since some names come from users and from repositories.
 */
#include "io/fs.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static bool part_is_plain(const char *part, size_t len)
{
    if (len == 0 || (len == 1 && part[0] == '.')) {
        return false;
    }
    return !(len == 2 && part[0] == '.' && part[1] == '.');
}

/* 0 if path stays beneath its folder. */
static int check_name(const char *path)
{
    assert(path != NULL);
    for (const char *part = path;;) {
        size_t len = strcspn(part, "/");
        if (!part_is_plain(part, len)) {
            return err_raise(HF_EFAIL, "not a name beneath that folder");
        }
        if (part[len] == '\0') {
            return 0;
        }
        part += len + 1;
    }
}

/* The same for a folder, where "" is the root. */
static int check_folder(const char *path)
{
    assert(path != NULL);
    return path[0] == '\0' ? 0 : check_name(path);
}

static int explain(int rc, const char *what, const char *path, const struct fs *fs)
{
    if (rc >= 0) {
        return rc;
    }
    if (path[0] == '\0') {
        return err_add(rc, "could not %s %s", what, fs->label);
    }
    return err_add(rc, "could not %s %s in %s", what, path, fs->label);
}

static int explain_file(int rc, const char *what, const struct fs_file *f)
{
    return explain(rc, what, f->path, f->fs);
}

static int explain_rename(int rc, const char *from, const char *to, const struct fs *fs)
{
    if (rc >= 0) {
        return rc;
    }
    return err_add(rc, "could not rename %s to %s in %s", from, to, fs->label);
}

int fs_mkdir(struct fs *fs, const char *path, uint32_t mode)
{
    assert(fs != NULL);
    int rc = check_name(path);
    if (rc == 0) {
        rc = fs->ops->mkdir(fs, path, mode);
    }
    return explain(rc, "make the folder", path, fs);
}

int fs_create(struct fs *fs, const char *path, uint32_t mode, struct fs_file **out_file)
{
    assert(fs != NULL && out_file != NULL);
    *out_file = NULL;
    int rc = check_name(path);
    if (rc == 0) {
        rc = fs->ops->create(fs, path, mode, out_file);
    }
    return explain(rc, "create", path, fs);
}

int fs_open(struct fs *fs, const char *path, struct fs_file **out_file)
{
    assert(fs != NULL && out_file != NULL);
    *out_file = NULL;
    int rc = check_name(path);
    if (rc == 0) {
        rc = fs->ops->open(fs, path, out_file);
    }
    return explain(rc, "open", path, fs);
}

int fs_pwrite(struct fs_file *f, const void *data, size_t len, uint64_t offset)
{
    assert(f != NULL && (data != NULL || len == 0));
    return explain_file(f->ops->pwrite(f, data, len, offset), "write", f);
}

int fs_pread(struct fs_file *f, void *out, size_t len, uint64_t offset, size_t *out_got)
{
    assert(f != NULL && (out != NULL || len == 0) && out_got != NULL);
    *out_got = 0;
    return explain_file(f->ops->pread(f, out, len, offset, out_got), "read", f);
}

int fs_pread_all(struct fs_file *f, void *out, size_t len, uint64_t offset)
{
    size_t got;
    int rc = fs_pread(f, out, len, offset, &got);
    if (rc != 0 || got == len) {
        return rc;
    }
    err_raise(HF_EDAMAGE, "it ends after %zu of the %zu bytes wanted at %" PRIu64, got, len,
              offset);
    return explain_file(HF_EDAMAGE, "read", f);
}

int fs_size(struct fs_file *f, uint64_t *out_size)
{
    assert(f != NULL && out_size != NULL);
    *out_size = 0;
    return explain_file(f->ops->size(f, out_size), "get the size of", f);
}

void fs_write_soon(struct fs_file *f, uint64_t offset, uint64_t len)
{
    assert(f != NULL);
    if (f->ops->write_soon != NULL) {
        f->ops->write_soon(f, offset, len);
    }
}

int fs_sync(struct fs_file *f, const char *site)
{
    assert(f != NULL);
    return explain_file(f->ops->sync(f, site), "sync", f);
}

/*
 * The file is gone when its operation returns, and its name with it: what the sentence needs is
 * copied before. A name that does not fit is cut, in the message only.
 */
int fs_close(struct fs_file **f)
{
    assert(f != NULL);
    if (*f == NULL) {
        return 0;
    }
    const struct fs *fs = (*f)->fs;
    char path[256];
    size_t len = strnlen((*f)->path, sizeof path - 1);
    memcpy(path, (*f)->path, len);
    path[len] = '\0';
    int rc = (*f)->ops->close(*f);
    *f = NULL;
    return explain(rc, "close", path, fs);
}

int fs_rename_new(struct fs *fs, const char *from, const char *to)
{
    assert(fs != NULL);
    int rc = check_name(from);
    if (rc == 0) {
        rc = check_name(to);
    }
    if (rc == 0) {
        rc = fs->ops->rename_new(fs, from, to);
    }
    return explain_rename(rc, from, to, fs);
}

int fs_rename_over(struct fs *fs, const char *from, const char *to)
{
    assert(fs != NULL);
    int rc = check_name(from);
    if (rc == 0) {
        rc = check_name(to);
    }
    if (rc == 0) {
        rc = fs->ops->rename_over(fs, from, to);
    }
    return explain_rename(rc, from, to, fs);
}

int fs_unlink(struct fs *fs, const char *path)
{
    assert(fs != NULL);
    int rc = check_name(path);
    if (rc == 0) {
        rc = fs->ops->unlink(fs, path);
    }
    return explain(rc, "remove", path, fs);
}

int fs_rmdir(struct fs *fs, const char *path)
{
    assert(fs != NULL);
    int rc = check_name(path);
    if (rc == 0) {
        rc = fs->ops->rmdir(fs, path);
    }
    return explain(rc, "remove the folder", path, fs);
}

int fs_stat(struct fs *fs, const char *path, struct fs_stat *out_stat)
{
    assert(fs != NULL && out_stat != NULL);
    memset(out_stat, 0, sizeof *out_stat);
    int rc = check_folder(path);
    if (rc == 0) {
        rc = fs->ops->stat(fs, path, out_stat);
    }
    return explain(rc, "look at", path, fs);
}

int fs_list(struct fs *fs, const char *path, fs_list_fn each, void *context)
{
    assert(fs != NULL && each != NULL);
    int rc = check_folder(path);
    if (rc == 0) {
        rc = fs->ops->list(fs, path, each, context);
    }
    return explain(rc, "list", path, fs);
}

int fs_sync_dir(struct fs *fs, const char *path, const char *site)
{
    assert(fs != NULL);
    int rc = check_folder(path);
    if (rc == 0) {
        rc = fs->ops->sync_dir(fs, path, site);
    }
    return explain(rc, "sync the folder", path, fs);
}

int fs_space(struct fs *fs, struct fs_space *out_space)
{
    assert(fs != NULL && out_space != NULL);
    memset(out_space, 0, sizeof *out_space);
    return explain(fs->ops->space(fs, out_space), "get the free space of", "", fs);
}

bool fs_enforces(struct fs *fs, const char *rule)
{
    return !fs->ops->enforces || fs->ops->enforces(fs, rule);
}

void fs_close_fs(struct fs *fs)
{
    if (fs != NULL) {
        fs->ops->close_fs(fs);
    }
}

static int read_open_file(struct fs_file *f, size_t max, uint8_t **out_data, size_t *out_len)
{
    uint64_t size;
    int rc = fs_size(f, &size);
    if (rc != 0) {
        return rc;
    }
    if (size > max) {
        err_raise(HF_EDAMAGE, "it has %" PRIu64 " bytes, more than the %zu it may have", size, max);
        return explain_file(HF_EDAMAGE, "read", f);
    }
    uint8_t *data = mem_alloc((size_t)size);
    if (data == NULL) {
        return err_nomem();
    }
    rc = fs_pread_all(f, data, (size_t)size, 0);
    if (rc != 0) {
        mem_free(data);
        return rc;
    }
    *out_data = data;
    *out_len = (size_t)size;
    return 0;
}

int fs_read_file(struct fs *fs, const char *path, size_t max, uint8_t **out_data, size_t *out_len)
{
    assert(out_data != NULL && out_len != NULL);
    *out_data = NULL;
    *out_len = 0;
    struct fs_file *f;
    int rc = fs_open(fs, path, &f);
    if (rc != 0) {
        return rc;
    }
    rc = read_open_file(f, max, out_data, out_len);
    fs_close(&f); /* nothing was written that an error could be about */
    return rc;
}
