/*
 * fs.h - the seam: every operation that what is durable may ask of a file system.
 *
 * A struct fs is a folder and a table of operations on the names beneath it. The POSIX
 * implementation (fs_posix.h) is what users run; the simulated disk of the tests is another, which
 * records, crashes and fails. Code in `store` uses only this header, so that whatever it does can
 * be crashed at every operation.
 *
 * Names are relative to the folder, with '/' between parts, without "." or "..". Every operation
 * returns 0 or an error code; absent names are HF_EABSENT, names that are taken HF_EEXISTS.
 * Operations on different files may be called from several threads at once; so may fs_pwrite and
 * fs_pread on one file.
 *
 * Nothing is durable before fs_sync (for a file's content) and fs_sync_dir (for the names in a
 * folder). The `site` of each sync, a string literal, names the place in the protocol that asks for
 * it, so that a test can leave out one of them and show what breaks.
 */
#ifndef HF_IO_FS_H
#define HF_IO_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs;
struct fs_file;

struct fs_stat {
    uint64_t size;
    int64_t mtime_ns; /* by the storage's clock */
    uint32_t mode;    /* permission bits */
    bool is_dir;
};

struct fs_space {
    uint64_t free_bytes; /* to this user */
    uint64_t total_bytes;
};

/* Called for each name in a folder, in no order; a non-zero return ends the listing with it. */
typedef int (*fs_list_fn)(void *context, const char *name);

struct fs_ops {
    int (*mkdir)(struct fs *fs, const char *path, uint32_t mode);
    int (*create)(struct fs *fs, const char *path, uint32_t mode, struct fs_file **out_file);
    int (*open)(struct fs *fs, const char *path, struct fs_file **out_file);
    int (*pwrite)(struct fs_file *f, const void *data, size_t len, uint64_t offset);
    int (*pread)(struct fs_file *f, void *out, size_t len, uint64_t offset, size_t *out_got);
    int (*size)(struct fs_file *f, uint64_t *out_size);
    void (*write_soon)(struct fs_file *f, uint64_t offset, uint64_t len); /* NULL: nothing */
    int (*sync)(struct fs_file *f, const char *site);
    int (*close)(struct fs_file *f);
    int (*rename_new)(struct fs *fs, const char *from, const char *to);
    int (*rename_over)(struct fs *fs, const char *from, const char *to);
    int (*unlink)(struct fs *fs, const char *path);
    int (*rmdir)(struct fs *fs, const char *path);
    int (*stat)(struct fs *fs, const char *path, struct fs_stat *out_stat);
    int (*list)(struct fs *fs, const char *path, fs_list_fn each, void *context);
    int (*sync_dir)(struct fs *fs, const char *path, const char *site);
    int (*space)(struct fs *fs, struct fs_space *out_space);
    bool (*enforces)(struct fs *fs, const char *rule); /* NULL: all */
    void (*close_fs)(struct fs *fs);
};

struct fs {
    const struct fs_ops *ops;
    char *label; /* how messages call the folder: the path as the user gave it */
};

struct fs_file {
    const struct fs_ops *ops;
    struct fs *fs;
    char *path; /* relative, for messages */
};

/* Makes one folder; its parent must exist. */
int fs_mkdir(struct fs *fs, const char *path, uint32_t mode);
/* Creates a file that must not exist, for writing and reading. */
int fs_create(struct fs *fs, const char *path, uint32_t mode, struct fs_file **out_file);
/* Opens for reading. */
int fs_open(struct fs *fs, const char *path, struct fs_file **out_file);
/* Writes all of it (short writes are continued). */
int fs_pwrite(struct fs_file *f, const void *data, size_t len, uint64_t offset);
/* Reads up to len; *out_got is less only at the end of the file. */
int fs_pread(struct fs_file *f, void *out, size_t len, uint64_t offset, size_t *out_got);
/* Reads exactly len; a shorter file is HF_EDAMAGE. */
int fs_pread_all(struct fs_file *f, void *out, size_t len, uint64_t offset);
int fs_size(struct fs_file *f, uint64_t *out_size);
/*
 * A hint that nothing hangs on: what was written there will be synced, so the system may begin to
 * write it now, and the sync will have less to wait for.
 */
void fs_write_soon(struct fs_file *f, uint64_t offset, uint64_t len);
/* fdatasync: all that was written to this file through f. An error poisons the file: see fs_close.
 */
int fs_sync(struct fs_file *f, const char *site);
/* Accepts NULL; *f becomes NULL; an error of close is an error of what was written. */
int fs_close(struct fs_file **f);
/* Renames unless `to` exists (HF_EEXISTS); HF_EUNSUPPORTED where that can't be done atomically. */
int fs_rename_new(struct fs *fs, const char *from, const char *to);
/* Renames and replaces; for caches, head-less names and roll-ups only. */
int fs_rename_over(struct fs *fs, const char *from, const char *to);
int fs_unlink(struct fs *fs, const char *path);
int fs_rmdir(struct fs *fs, const char *path);
int fs_stat(struct fs *fs, const char *path, struct fs_stat *out_stat);
int fs_list(struct fs *fs, const char *path, fs_list_fn each, void *context);
/* fsync of a folder ("" is the root folder itself). */
int fs_sync_dir(struct fs *fs, const char *path, const char *site);
int fs_space(struct fs *fs, struct fs_space *out_space);
/*
 * Whether a rule that guards the repository is to be followed. Always - but a test can leave out
 * one rule at a time, as it can one sync, and show which promise breaks without it.
 */
bool fs_enforces(struct fs *fs, const char *rule);
void fs_close_fs(struct fs *fs); /* accepts NULL */

/* Reads a whole file of at most max bytes (more is HF_EDAMAGE) into fresh memory. */
int fs_read_file(struct fs *fs, const char *path, size_t max, uint8_t **out_data, size_t *out_len);

#endif
