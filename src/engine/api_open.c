/*
 * api_open.c - opening and making repositories for users of the library.
 */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/api_internal.h"
#include "engine/source_dir.h"
#include "io/fs_posix.h"

#define FOLDER_MODE 0700
#define FIRST_KEY "first"

/* So that backups that leave caches out leave this one out. */
static const char cache_tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                                "# A cache of holdfast: it can be deleted at any time.\n";

static void close_all(struct holdfast *h)
{
    repo_close(h->repo);
    fs_close_fs(h->env.fs);
    fs_close_fs(h->env.cache);
    fs_close_fs(h->env.state);
    api_secret_release(&h->secret);
    mem_free(h->path);
    mem_free(h->cache_root);
    h->repo = NULL;
    h->env = (struct repo_env){ 0 };
    h->path = h->cache_root = NULL;
}

void holdfast_close(struct holdfast *h)
{
    if (h == NULL || api_begin(h) != 0) {
        return;
    }
    close_all(h);
    (void)api_end(h, 0);
    pthread_mutex_destroy(&h->log_lock);
    mem_free(h);
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

/* Making a folder syncs its parent: only if it is not there. */
static int open_or_make(const char *path, struct fs **out_fs)
{
    int rc = fs_posix_open(path, out_fs);

    return rc == HF_EABSENT ? fs_posix_make(path, FOLDER_MODE, out_fs) : rc;
}

/* A folder of its own for this repository, below the one for all. */
static int open_cache(struct holdfast *h, const char *path, const uint8_t id[16])
{
    struct fs *root = NULL;
    struct buf own;
    char hex[33];
    int rc = source_dir_clean(path, &h->cache_root);

    if (rc == 0) {
        rc = open_or_make(h->cache_root, &root);
    }
    if (rc != 0) {
        return rc;
    }
    tag_cache(root);
    fs_close_fs(root);
    buf_init(&own);
    buf_printf(&own, "%s/%s", h->cache_root, text_hex(id, 16, hex));
    rc = buf_error(&own);
    if (rc == 0) {
        rc = open_or_make(buf_text(&own), &h->env.cache);
    }
    buf_release(&own);
    return rc;
}

static int no_repository(int rc, const char *path)
{
    return err_add(rc == HF_EABSENT || rc == HF_EFAIL ? HF_ENO_REPO : rc,
                   "could not find the repository %s", path);
}

static int refuse_cancelled(const struct holdfast *h)
{
    return h->cancel == 0 ? 0 : err_raise(HF_EINTERRUPTED, "it was cancelled before it began");
}

/* Where it is and what opens it are known by now. */
static int open_found(struct holdfast *h, const struct holdfast_repository *where)
{
    uint8_t id[16];
    int rc = fs_posix_open(h->path, &h->env.fs);

    if (rc == 0) {
        rc = repo_probe(h->env.fs, id);
    }
    if (rc != 0) {
        return no_repository(rc, h->path);
    }
    if (where->cache_dir != NULL) {
        rc = open_cache(h, where->cache_dir, id);
    }
    if (rc == 0 && where->state_dir != NULL) {
        rc = open_or_make(where->state_dir, &h->env.state);
    }
    if (rc == 0) {
        rc = repo_open(&h->env, &h->secret.unlock, REPO_TOLERANT, &h->repo);
    }
    if (rc == 0 && repo_damage(h->repo) != NULL) {
        const struct holdfast_problem p = { .code = err_code_name(HF_EDAMAGE),
                                            .message = repo_damage(h->repo)->text,
                                            .object = "journal" };

        log_write(LOG_LEVEL_WARN, "the journal is damaged: %s", p.message);
        api_problem(h, &p);
    }
    return rc;
}

/* HF_EEXISTS when there is a repository, whole or damaged. */
static int refuse_existing(const char *path)
{
    struct fs *fs = NULL;
    uint8_t id[16];
    int rc = fs_posix_open(path, &fs);

    if (rc == 0) {
        rc = repo_probe(fs, id);
    }
    if (rc == 0 || rc == HF_ENEWER || rc == HF_EDAMAGE) {
        rc = err_raise(HF_EEXISTS, "there is a repository in %s already", path);
    } else if (rc == HF_EABSENT || rc == HF_ENO_REPO) {
        rc = 0;
    }
    fs_close_fs(fs);
    return rc;
}

static int make_repository(struct holdfast *h, const struct repo_params *params)
{
    const struct repo_env *e = &h->env;
    uint8_t id[16];
    int rc = fs_posix_make(h->path, FOLDER_MODE, &h->env.fs);

    if (rc == 0) {
        rc = repo_init(e, params, &h->secret.unlock, FIRST_KEY, id);
    }
    fs_close_fs(h->env.fs);
    h->env.fs = NULL;
    return rc;
}

static int begin(struct holdfast *h, const struct holdfast_repository *given,
                 struct holdfast_repository *where)
{
    int rc = api_take(where, sizeof *where, given, "struct holdfast_repository");

    close_all(h);
    if (rc == 0 && where->path == NULL) {
        rc = err_raise(HF_EUSAGE, "no repository was named");
    }
    if (rc == 0) {
        rc = source_dir_clean(where->path, &h->path);
    }
    h->threads = where->threads;
    h->env.clock = clock_system();
    h->env.rnd = rnd_system();
    return rc == 0 ? refuse_cancelled(h) : rc;
}

static enum holdfast_status end(struct holdfast *h, int rc)
{
    if (rc != 0) {
        struct err_trail why;

        err_take(&why);
        close_all(h);
        err_give(&why);
    }
    return api_end(h, rc);
}

enum holdfast_status holdfast_open(struct holdfast *h, const struct holdfast_repository *where)
{
    struct holdfast_repository w;
    int rc = api_begin(h);

    if (rc != 0) {
        return HOLDFAST_USAGE;
    }
    rc = begin(h, where, &w);
    if (rc == 0) {
        rc = api_secret_get(&h->secret, &w, false);
    }
    if (rc == 0) {
        rc = open_found(h, &w);
    }
    if (rc == 0 && h->cancel != 0) {
        rc = err_raise(HF_EINTERRUPTED, "it was cancelled while the repository was opened");
    }
    return end(h, rc);
}

enum holdfast_status holdfast_init(struct holdfast *h, const struct holdfast_repository *where)
{
    struct holdfast_repository w;
    struct repo_params params;
    int rc = api_begin(h);

    if (rc != 0) {
        return HOLDFAST_USAGE;
    }
    rc = begin(h, where, &w);
    repo_default_params(&params);
    if (rc == 0 && w.codec != NULL) {
        rc = codec_parse(w.codec, &params.codec, &params.level);
    }
    if (rc == 0) {
        rc = refuse_existing(h->path);
    }
    if (rc == 0) {
        rc = api_secret_get(&h->secret, &w, true);
    }
    if (rc == 0) {
        rc = make_repository(h, &params);
    }
    if (rc == 0) {
        rc = open_found(h, &w);
    }
    return end(h, rc);
}

int api_ready(struct holdfast *h)
{
    if (h->repo == NULL) {
        return err_raise(HF_EUSAGE, "no repository is open");
    }
    if (h->cancel != 0) {
        return refuse_cancelled(h);
    }
    /* A damaged one is not followed any further; who writes is refused by the store. */
    return repo_damage(h->repo) == NULL ? repo_refresh(h->repo) : 0;
}
