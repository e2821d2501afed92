/*
 * rotkit.h - what the tests of rot share: a repository of several snapshots on a simulated disk,
 * whose content is known without it, and two ways to find out what damage has done to a copy.
 *
 * rot_check is the program's own answer: it opens without cache and memory and checks. rot_restore
 * is the truth: it restores every snapshot and compares each file with what was backed up. The
 * first must name all that the second finds lost, and nothing else.
 */
#ifndef HF_CRASH_ROTKIT_H
#define HF_CRASH_ROTKIT_H

#include "unit/store/storekit.h"

#include "engine/backup.h"
#include "engine/check.h"
#include "engine/forget.h"
#include "engine/restore.h"
#include "engine/retag.h"
#include "harness/source_mem.h"
#include "harness/target_mem.h"

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

/* --- what check says -------------------------------------------------------------------------- */

enum rot_look { ROT_STRUCTURE = 0, ROT_READ_DATA = 1, ROT_SCRUB = 2 };

struct rot_finding {
    char kind[16];
    char object[160];
    bool costs; /* snapshot and path say what */
    uint8_t snapshot[16];
    char path[ROT_PATH]; /* empty: not known which */
};

struct rot_report {
    int rc;      /* of opening or of the check */
    bool opened; /* else `text` is all there is */
    char text[ERR_TRAIL_BYTES];
    char hint[ERR_HINT_BYTES];
    char note[512]; /* the last one */
    struct check_result result;
    struct rot_finding *list;
    size_t count, cap;
};

static inline void rot_on_damage(void *context, const struct check_damage *d)
{
    struct rot_report *out = context;
    struct rot_finding *f;

    if (mem_grow(&out->list, &out->cap, out->count + 1, sizeof *out->list) != 0) {
        abort();
    }
    f = &out->list[out->count++];
    memset(f, 0, sizeof *f);
    snprintf(f->kind, sizeof f->kind, "%s", d->kind);
    snprintf(f->object, sizeof f->object, "%s", d->object);
    if (d->snapshot) {
        f->costs = true;
        memcpy(f->snapshot, d->snapshot, sizeof f->snapshot);
        snprintf(f->path, sizeof f->path, "%.*s", (int)d->path_len, d->path ? d->path : "");
    }
}

static inline void rot_on_note(void *context, const char *message)
{
    struct rot_report *out = context;

    snprintf(out->note, sizeof out->note, "%s", message);
}

/* The environment of somebody who has never seen the repository; `remembers`: of client "a". */
static inline struct repo_env rot_env(struct simdisk *d, bool remembers)
{
    struct simclient *c = simdisk_client(d, remembers ? "a" : "checker");
    struct repo_env env = { .fs = simclient_fs(c, "repo"),
                            .clock = simclient_clock(c),
                            .rnd = simclient_rnd(c) };

    if (remembers) {
        env.state = simclient_fs(c, "state-a");
    }
    return env;
}

static inline void rot_leave(struct repo_env *env, struct repo *repo)
{
    repo_close(repo);
    fs_close_fs(env->fs);
    fs_close_fs(env->state);
}

static inline void rot_check_as(struct simdisk *d, bool remembers, unsigned look,
                                struct rot_report *out)
{
    const struct check_events events = { out, NULL, rot_on_damage, rot_on_note };
    const struct check_options o = { .read_data = (look & ROT_READ_DATA) != 0,
                                     .read_fraction = 1,
                                     .scrub = (look & ROT_SCRUB) != 0,
                                     .threads = 1 };
    struct repo_env env = rot_env(d, remembers);
    struct repo *repo = NULL;

    memset(out, 0, sizeof *out);
    err_clear();
    out->rc = repo_open(&env, &kit_unlock, REPO_TOLERANT, &repo);
    out->opened = out->rc == 0;
    if (out->opened) {
        out->rc = check_run(repo, &o, &events, &out->result);
    }
    snprintf(out->text, sizeof out->text, "%s", err_last()->text);
    snprintf(out->hint, sizeof out->hint, "%s", err_last()->hint);
    rot_leave(&env, repo);
}

static inline void rot_check(struct simdisk *d, unsigned look, struct rot_report *out)
{
    rot_check_as(d, false, look, out);
}

static inline void rot_release(struct rot_report *r)
{
    mem_free(r->list);
    memset(r, 0, sizeof *r);
}

static inline void rot_print(const struct rot_report *r)
{
    char id[33];

    print_error("  %s: %s\n", err_code_name(r->rc), r->text);
    for (size_t i = 0; i < r->count; i++) {
        const struct rot_finding *f = &r->list[i];

        print_error("  %s %s %s %s\n", f->kind, f->object,
                    f->costs ? text_hex(f->snapshot, 16, id) : "", f->path);
    }
}

static inline bool rot_names(const struct rot_report *r, const char *object)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->list[i].object, object) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether any file but this one is named: what is whole must not be accused. */
static inline bool rot_accuses(const struct rot_report *r, const char *but)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct rot_finding *f = &r->list[i];

        if (!f->costs && strcmp(f->object, but) != 0) {
            return true;
        }
    }
    return false;
}

/* Damage was found, and it is that of this file; where nothing opens, the error says this text. */
static inline bool rot_told(const struct rot_report *r, const char *object, const char *text)
{
    if (!r->opened) {
        return (r->rc == HF_EDAMAGE || r->rc == HF_EKEY_DAMAGED) && strstr(r->text, text);
    }
    return r->rc == HF_EDAMAGE && r->result.damage == r->count && rot_names(r, object) &&
           !rot_accuses(r, object);
}

/* Whoever doesn't ask for a damaged history gets the whole one or none. */
static inline bool rot_strict_is_honest(const struct rot *r, struct simdisk *d)
{
    struct repo_env env = rot_env(d, false);
    struct repo *repo = NULL;
    size_t seen = 0;
    int rc = repo_open(&env, &kit_unlock, REPO_STRICT, &repo);

    for (size_t i = 0; rc == 0 && i < r->point_count; i++) {
        seen += catalog_find_snapshot(repo_catalog(repo), r->points[i].id) != NULL;
    }
    rot_leave(&env, repo);
    err_clear();
    return rc != 0 || seen == r->point_count;
}

/* --- what a restore brings back --------------------------------------------------------------- */

struct rot_losses {
    struct rot_finding *list; /* costs; path empty: the whole snapshot, or an unknown part of it */
    size_t count, cap;
    const struct rot_point *at;
    size_t missing; /* snapshots that are not listed any more */
};

static inline void rot_on_error(void *context, const char *path, size_t path_len, int code,
                                const char *message)
{
    struct rot_losses *out = context;
    struct rot_finding *f;

    if (mem_grow(&out->list, &out->cap, out->count + 1, sizeof *out->list) != 0) {
        abort();
    }
    f = &out->list[out->count++];
    memset(f, 0, sizeof *f);
    f->costs = true;
    memcpy(f->snapshot, out->at->id, sizeof f->snapshot);
    snprintf(f->kind, sizeof f->kind, "%s", err_code_name(code));
    snprintf(f->object, sizeof f->object, "%.*s", (int)sizeof f->object - 1, message);
    /* A page was lost: the path is the last one before it, those below it are unknown. */
    if (!strstr(message, "entries that follow are lost")) {
        snprintf(f->path, sizeof f->path, "%.*s", (int)path_len, path);
    }
}

static inline bool rot_has(const struct rot_finding *list, size_t count, const uint8_t id[16],
                           const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].costs && memcmp(list[i].snapshot, id, 16) == 0 &&
            (!path || strcmp(list[i].path, path) == 0)) {
            return true;
        }
    }
    return false;
}

/* Is this file of the target what was backed up? */
static inline bool rot_same(struct target *t, const struct rot_file *f)
{
    struct target_mem_thing thing;
    uint8_t *expected = kit_bytes(f->seed, f->len);
    bool same = target_mem_find(t, f->path, &thing) && thing.type == NODE_FILE &&
                thing.len == f->len && (f->len == 0 || memcmp(thing.data, expected, f->len) == 0);

    mem_free(expected);
    return same;
}

/* Of each point: each file is either right or told as lost. */
static inline void rot_restore_point(struct repo *repo, const struct rot_point *p,
                                     struct rot_losses *out)
{
    const struct catalog_snapshot *s = catalog_find_snapshot(repo_catalog(repo), p->id);
    const struct restore_options o = { .threads = 1 };
    const struct restore_events events = { .context = out, .error = rot_on_error };
    struct target *t = target_mem_new();
    struct restore_result result;
    size_t told = out->count;
    int rc;

    if (!s) {
        out->missing++;
        target_free(t);
        return;
    }
    out->at = p;
    rc = restore_run(repo, s, &o, t, &events, &result);
    if (rc != 0 && out->count == told) {
        rot_on_error(out, "", 0, rc, err_last()->text);
    }
    assert_true((rc == 0) == (out->count == told));
    for (size_t i = 0; i < p->count; i++) {
        const struct rot_file *f = &p->files[i];
        struct target_mem_thing thing;
        bool named = rot_has(out->list + told, out->count - told, p->id, f->path);
        bool unnamed = rot_has(out->list + told, out->count - told, p->id, "") &&
                       !target_mem_find(t, f->path, &thing);

        if (!named && !unnamed && !rot_same(t, f)) {
            fail_msg("%s was not restored as it was, and nothing said so", f->path);
        }
    }
    target_free(t);
}

static inline void rot_restore(const struct rot *r, struct simdisk *d, struct rot_losses *out)
{
    struct repo_env env = rot_env(d, false);
    struct repo *repo = NULL;

    memset(out, 0, sizeof *out);
    ok(repo_open(&env, &kit_unlock, REPO_TOLERANT, &repo));
    for (size_t i = 0; i < r->point_count; i++) {
        if (!r->points[i].forgotten) {
            rot_restore_point(repo, &r->points[i], out);
        }
    }
    rot_leave(&env, repo);
    err_clear();
}

#endif
