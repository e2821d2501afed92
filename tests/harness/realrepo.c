/*
 * realrepo.c - see realrepo.h.
 */
#include "harness/realrepo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "engine/source_dir.h"
#include "engine/target_dir.h"
#include "harness/realtree.h"
#include "harness/simmem.h"
#include "io/fs_posix.h"

static const uint8_t secret[KEYFILE_SECRET_BYTES] = { 7, 7, 7 };
static const struct keyfile_unlock unlock = { .secret = secret };

static void must(int rc, const char *what)
{
    if (rc != 0) {
        simmem_die("realrepo: %s: %s", what, err_last()->text);
    }
}

static int64_t wall(const struct clock *c)
{
    const struct realrepo *r = c->context;
    return r->wall_ns != 0 ? r->wall_ns : clock_wall(clock_system());
}

static int64_t monotonic(const struct clock *c)
{
    (void)c;
    return clock_monotonic(clock_system());
}

static void no_sleep(const struct clock *c, int64_t ns)
{
    (void)c;
    (void)ns;
}

static struct fs *folder(const struct realrepo *r, const char *name)
{
    char path[160];
    struct fs *fs = NULL;
    snprintf(path, sizeof(path), "%s/%s", r->dir, name);
    must(fs_posix_make(path, 0700, &fs), path);
    return fs;
}

static void open_repo(struct realrepo *r)
{
    must(repo_open(&r->env, &unlock, REPO_STRICT, &r->repo), "could not open the repository");
}

void realrepo_make(struct realrepo *r, int64_t wall_ns, const struct repo_params *params)
{
    uint8_t id[16];
    struct repo_params defaults;
    const char *tmp = getenv("TMPDIR");
    memset(r, 0, sizeof(*r));
    snprintf(r->dir, sizeof(r->dir), "%.60s/hf-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(r->dir) == NULL) {
        simmem_die("realrepo: could not make a folder in %s", tmp != NULL ? tmp : "/tmp");
    }
    chmod(r->dir, 0755);
    snprintf(r->tree, sizeof(r->tree), "%s/tree", r->dir);
    snprintf(r->out, sizeof(r->out), "%s/out", r->dir);
    snprintf(r->at, sizeof(r->at), "%s/repo", r->dir);
    mkdir(r->tree, 0755);
    r->wall_ns = wall_ns;
    r->clock = (struct clock){ wall, monotonic, no_sleep, r };
    r->fs = folder(r, "repo");
    r->cache = folder(r, "cache");
    r->state = folder(r, "state");
    r->env = (struct repo_env){
        .fs = r->fs, .cache = r->cache, .state = r->state, .clock = &r->clock, .rnd = rnd_system()
    };
    repo_default_params(&defaults);
    defaults.segment_target = 4u << 20;
    must(repo_init(&r->env, params != NULL ? params : &defaults, &unlock, "main", id),
         "could not make the repository");
    open_repo(r);
}

void realrepo_remove(struct realrepo *r)
{
    repo_close(r->repo);
    fs_close_fs(r->fs);
    fs_close_fs(r->cache);
    fs_close_fs(r->state);
    realtree_remove(r->dir);
}

void realrepo_reopen(struct realrepo *r, bool cold)
{
    repo_close(r->repo);
    r->env.cache = cold ? NULL : r->cache;
    open_repo(r);
}

struct repo *realrepo_other(struct realrepo *r)
{
    struct repo_env env = r->env;
    struct repo *other = NULL;
    env.cache = env.state = NULL;
    must(repo_open(&env, &unlock, REPO_STRICT, &other), "could not open the repository");
    return other;
}

const struct catalog_snapshot *realrepo_latest(const struct realrepo *r)
{
    const struct catalog *c = repo_catalog(r->repo);
    for (size_t i = catalog_snapshot_count(c); i-- > 0;) {
        const struct catalog_snapshot *s = catalog_snapshot(c, i);
        if (!s->partial && s->forgotten_by == 0) {
            return s;
        }
    }
    simmem_die("realrepo: there is no snapshot");
}

int realrepo_backup(struct realrepo *r, const struct backup_options *options,
                    struct backup_result *out_result)
{
    static char root_path[] = "/";
    char *root = r->tree;
    char *stored[] = { root_path };
    struct source *source = NULL;
    struct backup_options o = { .threads = 1 };
    struct source_dir_options walk = { .roots = &root, .root_count = 1, .strip_prefix = r->tree };
    must(source_dir_new(&walk, &source), "could not walk the tree");
    if (options != NULL) {
        o = *options;
    }
    o.host = "host";
    o.paths = stored;
    o.path_count = 1;
    int rc = backup_run(r->repo, &o, source, NULL, out_result);
    source_free(source);
    return rc;
}

int realrepo_restore(struct realrepo *r, const struct restore_options *options,
                     const struct restore_events *events, struct restore_result *out_result)
{
    struct target *target = NULL;
    struct target_dir_options to = { .path = r->out, .make = true };
    struct restore_options o = { .threads = 1 };
    must(target_dir_new(&to, &target), "could not open the target");
    if (options != NULL) {
        o = *options;
    }
    int rc = restore_run(r->repo, realrepo_latest(r), &o, target, events, out_result);
    target_free(target);
    return rc;
}
