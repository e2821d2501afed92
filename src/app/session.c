/*
 * session.c - see session.h.
 */
#include "app/session.h"

#include <stdlib.h>
#include <string.h>

#include "app/places.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/source_dir.h"
#include "io/fs_posix.h"

#define FOLDER_MODE 0700

/* So that backups with --exclude-caches leave the caches out. */
static const char cache_tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                                "# A cache of holdfast: it can be deleted at any time.\n";

int session_path(const struct app *app, char **out_path)
{
    const char *path = app->options.repo != NULL ? app->options.repo
                                                 : getenv("HOLDFAST_REPOSITORY");
    int rc;

    if (path == NULL || path[0] == '\0') {
        err_raise(HF_EUSAGE, "could not find the repository: none was named");
        err_hint("use --repo PATH or set HOLDFAST_REPOSITORY");
        return HF_EUSAGE;
    }
    rc = source_dir_clean(path, out_path);
    return rc == HF_EABSENT ? err_add(HF_ENO_REPO, "could not find the repository") : rc;
}

static void tag_cache(struct fs *root)
{
    struct fs_file *f = NULL;

    if (fs_create(root, "CACHEDIR.TAG", 0600, &f) == 0) {
        (void)fs_pwrite(f, cache_tag, sizeof cache_tag - 1, 0);
    }
    (void)fs_close(&f);
    err_clear();
}

/* Making a folder syncs its parent, which costs more than most commands: only if it is not there.
 */
static int open_or_make(const char *path, struct fs **out_fs)
{
    int rc = fs_posix_open(path, out_fs);

    if (rc == HF_EABSENT) {
        err_clear();
        rc = fs_posix_make(path, FOLDER_MODE, out_fs);
    }
    return rc;
}

/* A folder of its own for this repository, below the one for all. */
static int open_cache(struct session *s)
{
    struct fs *root = NULL;
    struct buf path;
    char id[33];
    int rc = places_cache(s->app, &s->cache_root);

    if (rc == 0) {
        rc = open_or_make(s->cache_root, &root);
    }
    if (rc != 0) {
        return rc;
    }
    tag_cache(root);
    fs_close_fs(root);
    buf_init(&path);
    buf_printf(&path, "%s/%s", s->cache_root, text_hex(s->id, sizeof s->id, id));
    rc = buf_error(&path);
    if (rc == 0) {
        rc = open_or_make(buf_text(&path), &s->env.cache);
    }
    buf_release(&path);
    return rc;
}

static int open_state(struct session *s)
{
    int rc = places_state(s->app, &s->state_root);

    return rc != 0 ? rc : open_or_make(s->state_root, &s->env.state);
}

/* Neither is worth failing for: without a cache it is slow, without a state less is noticed. */
static void open_places(struct session *s)
{
    if (!s->app->options.no_cache && open_cache(s) != 0) {
        log_write(LOG_LEVEL_WARN, "there will be no cache: %s", err_last()->text);
        mem_free(s->cache_root);
        s->cache_root = NULL;
    }
    if (open_state(s) != 0) {
        log_write(LOG_LEVEL_WARN, "a repository that was set back would not be noticed: %s",
                  err_last()->text);
        mem_free(s->state_root);
        s->state_root = NULL;
    }
    err_clear();
}

static void begin(struct app *app, struct session *s)
{
    memset(s, 0, sizeof *s);
    s->app = app;
    s->env.clock = app->clock;
    s->env.rnd = app->rnd;
}

static int no_repository(int rc, const char *path)
{
    if (rc == HF_EABSENT || rc == HF_EFAIL) {
        rc = HF_ENO_REPO;
    }
    err_add(rc, "could not find the repository %s", path);
    if (rc == HF_ENO_REPO) {
        err_hint("make one with \"holdfast init\", or correct the path");
    }
    return rc;
}

int session_locate(struct app *app, struct session *s)
{
    int rc;

    begin(app, s);
    rc = session_path(app, &s->path);
    if (rc != 0) {
        return rc;
    }
    rc = fs_posix_open(s->path, &s->env.fs);
    if (rc == 0) {
        rc = repo_probe(s->env.fs, s->id);
    }
    if (rc != 0) {
        return no_repository(rc, s->path);
    }
    open_places(s);
    return 0;
}

int session_open(struct app *app, enum repo_damage_policy policy, struct session *s)
{
    int rc = session_locate(app, s);

    if (rc == 0) {
        rc = secret_get(app, SECRET_TO_OPEN, &s->secret);
        if (rc != 0) {
            rc = err_add(rc, "could not open the repository %s", s->path);
        }
    }
    if (rc == 0) {
        rc = repo_open(&s->env, &s->secret.unlock, policy, &s->repo);
    }
    if (rc == 0 && repo_damage(s->repo) != NULL) {
        app_warn(app, "the journal is damaged: %s", repo_damage(s->repo)->text);
    }
    return rc;
}

int session_prepare(struct app *app, struct session *s)
{
    int rc;

    begin(app, s);
    rc = session_path(app, &s->path);
    if (rc == 0) {
        rc = secret_get(app, SECRET_TO_INIT, &s->secret);
    }
    if (rc == 0) {
        rc = fs_posix_make(s->path, FOLDER_MODE, &s->env.fs);
    }
    return rc;
}

void session_close(struct session *s)
{
    repo_close(s->repo);
    secret_release(&s->secret);
    fs_close_fs(s->env.fs);
    fs_close_fs(s->env.cache);
    fs_close_fs(s->env.state);
    mem_free(s->path);
    mem_free(s->cache_root);
    mem_free(s->state_root);
    memset(s, 0, sizeof *s);
}
