/*
 * drill_fault_look.c - what somebody sees who opens, checks, restores or backs up the copy.
 *
 * Each look begins from nothing: no cache, and the memory of a client only where a fault is about
 * that. Who looks sees the copy through the medium, so that this may fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/backup.h"
#include "engine/check.h"
#include "engine/drill_debris.h"
#include "engine/drill_fault.h"
#include "engine/source_dir.h"
#include "engine/target_dir.h"
#include "io/fs_posix.h"

#define SAID_BYTES 1500u /* kept of what was said */
#define SOURCE_BYTES (2u << 20)
#define JOB "holdfast-drill"

/* --- listening --- */

static void hear(struct fault_bench *b, const char *text)
{
    size_t len = strlen(text);

    if (b->object[0] != '\0' && strstr(text, b->object) != NULL) {
        b->object_named = true;
    }
    if (b->said.len < SAID_BYTES) {
        if (b->said.len > 0) {
            buf_put(&b->said, "; ", 2);
        }
        buf_put(&b->said, text, len < SAID_BYTES ? len : SAID_BYTES);
    }
}

static void hear_damage(void *context, const struct check_damage *d)
{
    struct fault_bench *b = context;

    if (strcmp(d->object, b->object) == 0) {
        b->object_named = true;
    }
    if (d->path != NULL && d->path_len == b->victim.path_len &&
        memcmp(d->path, b->victim.path, d->path_len) == 0) {
        b->victim_named = true;
    }
    hear(b, d->message);
}

static void hear_error(void *context, const char *path, size_t path_len, int code,
                       const char *message)
{
    struct fault_bench *b = context;

    (void)code;
    if (b->victim.path == NULL ||
        (path_len == b->victim.path_len && memcmp(path, b->victim.path, path_len) == 0)) {
        b->victim_named = true;
    }
    hear(b, message);
}

/* Removes a folder of the scratch folder, whatever is in it. */
static int discard(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = fd >= 0 ? drill_debris_empty(fd, NULL) : 0;

    if (fd >= 0) {
        close(fd);
    }
    if (rc == 0 && (fd < 0 || rmdir(path) != 0)) {
        rc = err_os(errno, "could not remove %s", path);
    }
    return rc;
}

/*
 * Of a look that came to rc: its scratch folder goes, and the outcome stays the look's, unless a
 * lack of memory leaves a folder that the next look would stumble over.
 */
static int leave(char *path, int rc)
{
    struct err_trail cause;
    int removed;

    err_take(&cause);
    removed = path != NULL ? discard(path) : 0;
    mem_free(path);
    if (rc == 0 || removed == HF_ENOMEM) {
        return removed;
    }
    err_give(&cause);
    return rc;
}

/* --- looking --- */

static int open_copy(struct fault_bench *b, enum repo_damage_policy policy, struct repo **out)
{
    b->env.state = b->memory;
    return repo_open(&b->env, b->d->o->unlock, policy, out);
}

static int look_open(struct fault_bench *b)
{
    struct repo *repo = NULL;
    int rc = open_copy(b, REPO_STRICT, &repo);

    repo_close(repo);
    return rc;
}

static int look_check(struct fault_bench *b)
{
    const struct check_options options = { .threads = b->d->o->threads, .cancel = b->d->o->cancel };
    const struct check_events events = { .context = b, .damage = hear_damage };
    struct check_result result;
    struct repo *repo = NULL;
    int rc = open_copy(b, REPO_TOLERANT, &repo);

    if (rc == 0) {
        rc = check_run(repo, &options, &events, &result);
    }
    repo_close(repo);
    return rc;
}

static int find_snapshot(const struct fault_bench *b, const struct repo *repo,
                         const struct catalog_snapshot **out)
{
    *out = catalog_find_snapshot(repo_catalog(repo), b->d->o->snapshot);
    return *out != NULL ? 0 : err_raise(HF_EDAMAGE, "the snapshot can't be reached in the journal");
}

/* What a scratch folder refuses of the metadata is no fault of the repository. */
static int judge_restore(int rc, const struct restore_result *r)
{
    if (rc == HF_EPARTIAL && r->errors == 0) {
        err_clear();
        return 0;
    }
    return rc;
}

static int restore_from(struct fault_bench *b, struct repo *repo, const char *path)
{
    const struct target_dir_options to = { .path = path, .make = true, .no_owner = true };
    const struct restore_options options = { .include = b->sample,
                                             .overwrite = RESTORE_ALWAYS,
                                             .verify = true,
                                             .threads = b->d->o->threads,
                                             .cancel = b->d->o->cancel };
    const struct restore_events events = { .context = b, .error = hear_error };
    const struct catalog_snapshot *snapshot = NULL;
    struct restore_result result;
    struct target *target = NULL;
    int rc = find_snapshot(b, repo, &snapshot);

    if (rc == 0) {
        rc = target_dir_new(&to, &target);
    }
    if (rc == 0) {
        rc = judge_restore(restore_run(repo, snapshot, &options, target, &events, &result),
                           &result);
    }
    target_free(target);
    return rc;
}

static int look_restore(struct fault_bench *b)
{
    struct repo *repo = NULL;
    char *path = NULL;
    int rc = drill_scratch_make(b->d->scratch, "restored", &path);

    if (rc == 0) {
        rc = open_copy(b, REPO_TOLERANT, &repo);
    }
    if (rc == 0) {
        rc = restore_from(b, repo, path);
    }
    repo_close(repo);
    return leave(path, rc);
}

/* --- a backup of something small --- */

static int fill_source(struct fault_bench *b, const char *path)
{
    uint8_t *data = mem_alloc(SOURCE_BYTES);
    struct fs *fs = NULL;
    struct fs_file *f = NULL;
    int rc = data != NULL ? 0 : err_nomem();

    if (rc == 0) {
        rc = rnd_bytes(&b->d->rnd, data, SOURCE_BYTES);
    }
    if (rc == 0) {
        rc = fs_posix_open(path, &fs);
    }
    if (rc == 0) {
        rc = fs_create(fs, "data", 0600, &f);
    }
    if (rc == 0) {
        rc = fs_pwrite(f, data, SOURCE_BYTES, 0);
    }
    (void)fs_close(&f);
    fs_close_fs(fs);
    mem_free(data);
    return rc;
}

static int back_up(struct fault_bench *b, struct repo *repo, char *path)
{
    const struct source_dir_options walk = { .roots = &path, .root_count = 1 };
    const struct backup_options options = { .job = JOB,
                                            .host = b->d->o->host,
                                            .user = b->d->o->user,
                                            .paths = &path,
                                            .path_count = 1,
                                            .class = COMMIT_CRASH,
                                            .threads = b->d->o->threads,
                                            .checkpoint_bytes = UINT64_MAX,
                                            .cancel = b->d->o->cancel };
    struct backup_result result;
    struct source *source = NULL;
    int rc = source_dir_new(&walk, &source);

    if (rc == 0) {
        rc = backup_run(repo, &options, source, NULL, &result);
    }
    source_free(source);
    return rc;
}

static int look_backup(struct fault_bench *b)
{
    struct repo *repo = NULL;
    char *path = NULL;
    int rc = drill_scratch_make(b->d->scratch, "source", &path);

    if (rc == 0) {
        rc = fill_source(b, path);
    }
    if (rc == 0) {
        rc = open_copy(b, REPO_STRICT, &repo);
    }
    if (rc == 0) {
        rc = back_up(b, repo, path);
    }
    repo_close(repo);
    return leave(path, rc);
}

static int look_at(struct fault_bench *b, enum fault_look look)
{
    int rc = 0;

    switch (look) {
    case FAULT_OPEN:
        rc = look_open(b);
        break;
    case FAULT_CHECK:
        rc = look_check(b);
        break;
    case FAULT_RESTORE:
        rc = look_restore(b);
        break;
    case FAULT_BACKUP:
        rc = look_backup(b);
        break;
    }
    return rc;
}

/* What is logged meanwhile is about the copy, and would be taken for the truth. */
int drill_fault_look(struct fault_bench *b, enum fault_look look)
{
    static const struct log_own nowhere = { .sink = NULL };
    const struct log_own *before = log_own();
    int rc;

    log_set_own(&nowhere);
    rc = look_at(b, look);
    log_set_own(before);
    if (rc != 0) {
        hear(b, err_last()->text);
    }
    return rc;
}

int drill_fault_grow(struct fault_bench *b)
{
    int rc = drill_fault_look(b, FAULT_BACKUP);

    return rc != 0 ? err_add(rc, "could not make a backup into the copy") : 0;
}
