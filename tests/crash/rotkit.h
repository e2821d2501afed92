/*
 * rotkit.h - what the tests of rot share: a repository of several snapshots on a simulated disk,
 * whose content is known without it. rotlook.h finds out what damage has done to a copy of it.
 */
#ifndef HF_CRASH_ROTKIT_H
#define HF_CRASH_ROTKIT_H

#include "unit/store/storekit.h"

#include "engine/backup.h"
#include "engine/forget.h"
#include "engine/retag.h"
#include "harness/source_mem.h"

#define ROT_FILES 700
#define ROT_POINTS 8
#define ROT_PATH 96

struct rot_file {
    char path[ROT_PATH];
    uint64_t seed;
    size_t len;
};

struct rot_point { /* a snapshot and what it holds */
    uint8_t id[16];
    uint64_t number;
    bool forgotten;
    struct rot_file *files;
    size_t count;
};

struct rot {
    struct simdisk *disk;
    struct source *source;
    int64_t now_ns;
    struct rot_file files[ROT_FILES];
    size_t count;
    struct rot_point points[ROT_POINTS];
    size_t point_count;
    uint64_t tip;
};

/* --- making it -------------------------------------------------------------------------------- */

static inline struct rot_file *rot_find(struct rot *r, const char *path)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->files[i].path, path) == 0) {
            return &r->files[i];
        }
    }
    return NULL;
}

/* A file whose bytes follow from a seed: equal seeds and lengths are equal content. */
static inline void rot_put(struct rot *r, const char *path, uint64_t seed, size_t len)
{
    struct rot_file *f = rot_find(r, path);
    uint8_t *data = kit_bytes(seed, len);

    if (!f) {
        assert_true(r->count < ROT_FILES);
        f = &r->files[r->count++];
    }
    snprintf(f->path, sizeof f->path, "%s", path);
    f->seed = seed;
    f->len = len;
    source_mem_file(r->source, path, data, len);
    mem_free(data);
}

static inline void rot_remove(struct rot *r, const char *path)
{
    struct rot_file *f = rot_find(r, path);

    assert_non_null(f);
    *f = r->files[--r->count];
    source_mem_remove(r->source, path);
}

static inline void rot_tick(struct rot *r)
{
    r->now_ns += 1000 * NS_PER_S;
    source_mem_tick(r->source, r->now_ns);
    simdisk_set_now(r->disk, r->now_ns + 500 * NS_PER_S);
}

/* An empty repository with segments of 8 KiB and chunks of about 1 KiB. */
static inline void rot_begin(struct rot *r, uint64_t seed)
{
    struct repo_params params;
    struct vault v;
    uint8_t id[16];

    memset(r, 0, sizeof *r);
    r->disk = simdisk_new(seed);
    r->now_ns = 1700000000 * NS_PER_S;
    r->source = source_mem_new(r->now_ns);
    repo_default_params(&params);
    params.segment_target = 8 << 10;
    params.chunks = (struct chunker_params){ 512, 1024, 4096, 512 };
    kit_enter(&v, r->disk, "a");
    ok(repo_init(&v.env, &params, &kit_unlock, "main", id));
    vault_leave(&v);
    r->tip = 1;
}

static inline void rot_end(struct rot *r)
{
    for (size_t i = 0; i < r->point_count; i++) {
        mem_free(r->points[i].files);
    }
    source_free(r->source);
    simdisk_free(r->disk);
}

/* Backs up the source as it is now, in an open repository. */
static inline int rot_try_backup(struct rot *r, struct repo *repo, const char *job,
                                 uint64_t checkpoint_bytes, struct backup_result *out)
{
    struct backup_options o = {
        .job = job, .host = "h", .threads = 1, .checkpoint_bytes = checkpoint_bytes
    };
    int rc = r->source->ops->rewind(r->source);

    return rc == 0 ? backup_run(repo, &o, r->source, NULL, out) : rc;
}

/* The source as it is now became a snapshot. */
static inline void rot_note_point(struct rot *r, const struct backup_result *result)
{
    struct rot_point *p = &r->points[r->point_count++];

    assert_true(r->point_count <= ROT_POINTS);
    memcpy(p->id, result->id, sizeof p->id);
    p->number = r->tip = result->number;
    p->files = mem_dup(r->files, r->count * sizeof *r->files);
    p->count = r->count;
    rot_tick(r);
}

/* checkpoint_bytes 0: none. */
static inline void rot_backup(struct rot *r, const char *job, uint64_t checkpoint_bytes)
{
    struct backup_result result;
    struct vault v;

    kit_join(&v, r->disk, "a");
    ok(rot_try_backup(r, v.repo, job, checkpoint_bytes, &result));
    vault_leave(&v);
    rot_note_point(r, &result);
}

static inline void rot_tag(struct rot *r, size_t point)
{
    char *tags[] = { (char[]){ "kept" } };
    struct retag_change change = { .add = tags, .add_count = 1 };
    struct vault v;

    kit_join(&v, r->disk, "a");
    ok(retag_publish(v.repo, r->points[point].id, &change, &r->tip));
    vault_leave(&v);
}

static inline void rot_forget(struct rot *r, size_t point)
{
    struct rot_point *p = &r->points[point];
    struct vault v;

    kit_join(&v, r->disk, "a");
    ok(forget_publish(v.repo, (const uint8_t(*)[16])p->id, 1, &r->tip));
    vault_leave(&v);
    p->forgotten = true;
}

/*
 * Entries of each kind, files that snapshots share, lists, chunked xattrs, pages on two levels; the
 * last entry is the newest snapshot, which was acknowledged a moment ago.
 */
static inline void rot_make(struct rot *r)
{
    uint8_t xattr[3000];
    char path[ROT_PATH];
    struct rnd rnd;

    rnd_init_seeded(&rnd, 99);
    ok(rnd_bytes(&rnd, xattr, sizeof xattr));
    rot_begin(r, 1);
    source_mem_dir(r->source, "/d");
    rot_put(r, "/d/a", 1, 3000);
    rot_put(r, "/d/b", 2, 5000);
    rot_put(r, "/d/empty", 3, 0);
    rot_tick(r);
    rot_backup(r, "home", 0);
    rot_put(r, "/d/b", 4, 4000);
    rot_put(r, "/d/big", 5, 50000);
    source_mem_xattr(r->source, "/d/a", "user.much", xattr, sizeof xattr);
    rot_backup(r, "home", 20000);
    rot_tag(r, 0);
    for (unsigned i = 0; i < 400; i++) {
        snprintf(path, sizeof path, "/d/one-of-many-files-of-no-great-interest-%u", i);
        rot_put(r, path, 1, 3000);
    }
    rot_backup(r, "other", 0);
    rot_forget(r, 2);
    rot_remove(r, "/d/big");
    rot_put(r, "/d/new", 6, 2500);
    rot_backup(r, "home", 0);
}

/* --- paths ------------------------------------------------------------------------------------ */

static inline char *rot_entry(uint64_t number, char out[128])
{
    snprintf(out, 128, "repo/journal/%012" PRIu64, number);
    return out;
}

/* The path as messages call it: without the name of the repository's own folder. */
static inline const char *rot_name(const char *path)
{
    return strncmp(path, "repo/", 5) == 0 ? path + 5 : path;
}

#endif
