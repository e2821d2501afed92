/*
 * repo_init.c - making a repository.
 *
 * All folders are made here, so that no later operation depends on a folder that somebody else may
 * have made but not synced. Making journal/ is the claim: of two inits at once one fails there. The
 * file `holdfast` gets its name last: without it nothing was ever acknowledged, and what lies there
 * is half-made, which is never mistaken for a repository. So its name must not survive a crash that
 * the folders don't: they are synced before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/nacl.h"
#include "store/journal.h"
#include "store/repo.h"
#include "store/repo_internal.h"
#include "store/repo_keys.h"

#define RESERVE_BYTES ((size_t)1 << 20)

static const char *const folders[] = { "journal", "keys", "rolls", "segments",
                                       "parity",  "head", "tmp" };

void repo_default_params(struct repo_params *out)
{
    *out = (struct repo_params){
        .codec = CODEC_ZSTD,
        .level = 1,
        .segment_target = 64u << 20,
        .chunks = { CHUNKER_DEFAULT_MIN, CHUNKER_DEFAULT_AVG, CHUNKER_DEFAULT_MAX,
                    CHUNKER_DEFAULT_FIXED },
    };
}

void repo_hint_text(const uint8_t repo_id[16], char out[REPO_HINT_BYTES])
{
    char id[33];

    snprintf(out, REPO_HINT_BYTES, "holdfast repository\nformat: %d\nid: %s\n", REPO_FORMAT_VERSION,
             text_hex(repo_id, 16, id));
}

/* What no repository can have, so that none is made which can't be opened or written to. */
static int check_params(const struct repo_params *p)
{
    static const uint8_t any_key[32];
    struct codec *codec = NULL;
    struct chunker *chunker = NULL;
    int rc;

    if (p->segment_target < REPO_TARGET_MIN || p->segment_target > REPO_TARGET_MAX) {
        return err_raise(HF_EUSAGE, "segments can't have %" PRIu64 " bytes", p->segment_target);
    }
    if (p->level < 0 || p->level > UINT8_MAX) {
        return err_raise(HF_EUSAGE, "there is no level %d of compression", p->level);
    }
    rc = codec_new(p->codec, p->level, &codec);
    if (rc == 0) {
        rc = chunker_new(&p->chunks, any_key, &chunker);
    }
    chunker_free(chunker);
    codec_free(codec);
    return rc;
}

static int refuse_what_is_there(struct fs *fs)
{
    struct fs_stat st;
    int rc = fs_stat(fs, "holdfast", &st);

    if (rc == 0) {
        return err_raise(HF_EEXISTS, "there is a repository already");
    }
    if (rc != HF_EABSENT) {
        return rc;
    }
    rc = fs_stat(fs, "journal", &st);
    if (rc == 0) {
        err_raise(HF_EEXISTS, "an unfinished init, or a damaged repository, is there");
        return err_hint(
            "if no other init is running there, remove the folder's content and try again");
    }
    return rc == HF_EABSENT ? 0 : rc;
}

static int make_folders(struct fs *fs)
{
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        int rc = fs_mkdir(fs, folders[i], 0700);

        if (rc < 0) {
            return rc;
        }
    }
    return fs_sync_dir(fs, "", "init.folders");
}

int repo_write_file(struct fs *fs, const char *path, uint32_t mode, const void *data, size_t len,
                    const char *site)
{
    struct fs_file *f = NULL;
    int rc = fs_create(fs, path, mode, &f);

    if (rc == 0) {
        rc = fs_pwrite(f, data, len, 0);
    }
    if (rc == 0 && site) {
        rc = fs_sync(f, site);
    }
    if (rc == 0) {
        rc = fs_close(&f);
    }
    if (rc < 0) {
        struct err_trail cause;

        err_take(&cause);
        (void)fs_close(&f);
        err_give(&cause);
    }
    return rc;
}

/*
 * The protocol stands on create-if-absent: a file system that replaces instead is no home for it.
 */
static int probe_renaming(struct fs *fs)
{
    int rc = repo_write_file(fs, "tmp/probe-a", 0600, "a", 1, NULL);

    if (rc == 0) {
        rc = repo_write_file(fs, "tmp/probe-b", 0600, "b", 1, NULL);
    }
    if (rc == 0) {
        rc = fs_rename_new(fs, "tmp/probe-a", "tmp/probe-b");
        if (rc == 0) {
            rc = err_raise(HF_EUNSUPPORTED, "renaming replaced a file that was there");
        } else if (rc == HF_EEXISTS) {
            rc = fs_rename_new(fs, "tmp/probe-a", "tmp/probe-c");
        }
        if (rc == HF_EUNSUPPORTED) {
            err_add(rc, "this file system can't create a name only if it is free");
            err_hint("choose a local file system (ext4, xfs, btrfs) or NFS version 4");
        }
    }
    if (rc == 0) {
        rc = fs_unlink(fs, "tmp/probe-b");
    }
    if (rc == 0) {
        rc = fs_unlink(fs, "tmp/probe-c");
    }
    return rc;
}

int repo_write_reserve(struct fs *fs)
{
    uint8_t *zeros = mem_zalloc(RESERVE_BYTES);
    int rc = zeros ? repo_write_file(fs, "reserve", 0600, zeros, RESERVE_BYTES, NULL) : err_nomem();

    mem_free(zeros);
    return rc;
}

static int write_key(const struct repo_env *env, const uint8_t master[32],
                     const struct keyring *keys, const uint8_t repo_id[16],
                     const struct keyfile_unlock *unlock, const char *name, uint8_t out_first[8])
{
    uint8_t bytes[KEYFILE_BYTES];
    struct keyfile_info info;
    char path[5 + 256];
    int rc;

    snprintf(path, sizeof path, "keys/%s", name);
    rc = keyfile_wrap(master, repo_id, keys->sign_public, unlock, env->rnd, bytes);
    if (rc == 0) {
        rc = repo_write_file(env->fs, "tmp/key", 0400, bytes, sizeof bytes, "init.key");
    }
    if (rc == 0) {
        rc = fs_rename_new(env->fs, "tmp/key", path);
    }
    if (rc == 0) {
        rc = fs_sync_dir(env->fs, "keys", "init.keys");
    }
    if (rc == 0) {
        rc = keyfile_inspect(bytes, sizeof bytes, &info);
    }
    if (rc == 0) {
        memcpy(out_first, info.fingerprint, 8);
    }
    return rc;
}

struct first_entry {
    const struct repo_env *env;
    const struct repo_params *params;
    const struct keyring *keys;
    const uint8_t *repo_id;
    uint8_t key[8]; /* how the fingerprint of its key begins */
};

static int build_first_entry(void *context, struct buf *body)
{
    const struct first_entry *f = context;
    struct entry_init init = {
        .version = REPO_FORMAT_VERSION,
        .created_ns = clock_wall(f->env->clock),
        .id_algorithm = 1,
        .cipher = (uint8_t)cipher_best(),
        .codec = (uint8_t)f->params->codec,
        .level = (uint8_t)f->params->level,
        .segment_target = f->params->segment_target,
        .chunk_min = f->params->chunks.min,
        .chunk_avg = f->params->chunks.avg,
        .chunk_max = f->params->chunks.max,
        .chunk_fixed = f->params->chunks.fixed,
    };

    memcpy(init.repo_id, f->repo_id, sizeof init.repo_id);
    memcpy(init.admin_public, f->keys->sign_public, sizeof init.admin_public);
    memcpy(init.data_public, f->keys->data_public, sizeof init.data_public);
    memcpy(init.first_key, f->key, sizeof init.first_key);
    entry_put_init(body, &init);
    return buf_error(body);
}

static int publish_first_entry(struct first_entry *first)
{
    struct journal_options options = { .fs = first->env->fs,
                                       .clock = first->env->clock,
                                       .rnd = first->env->rnd,
                                       .keys = first->keys };
    struct journal_draft draft = { .validate = build_first_entry, .context = first };
    struct journal *j = NULL;
    int rc = rnd_uuid(first->env->rnd, draft.uuid);

    memcpy(options.repo_id, first->repo_id, sizeof options.repo_id);
    memcpy(options.admin_public, first->keys->sign_public, sizeof options.admin_public);
    if (rc == 0) {
        rc = journal_new(&options, &j);
    }
    if (rc == 0) {
        rc = journal_create(j, &draft);
    }
    journal_free(j);
    return rc;
}

static int name_repository(const struct repo_env *env, const uint8_t repo_id[16])
{
    char text[REPO_HINT_BYTES];
    int rc;

    repo_hint_text(repo_id, text);
    rc = repo_write_file(env->fs, "tmp/holdfast", 0444, text, strlen(text), "init.hint");
    if (rc == 0) {
        rc = fs_rename_new(env->fs, "tmp/holdfast", "holdfast");
    }
    if (rc == 0) {
        rc = fs_sync_dir(env->fs, "", "init.name");
    }
    return rc;
}

static int make_repository(const struct repo_env *env, const struct repo_params *params,
                           const uint8_t master[32], const uint8_t repo_id[16],
                           const struct keyfile_unlock *unlock, const char *key_name)
{
    struct first_entry first = { .env = env, .params = params, .repo_id = repo_id };
    struct keyring *keys = NULL;
    int rc = keyring_new(master, &keys);

    first.keys = keys;
    if (rc == 0) {
        rc = make_folders(env->fs);
    }
    if (rc == 0) {
        rc = probe_renaming(env->fs);
    }
    if (rc == 0) {
        rc = repo_write_reserve(env->fs);
    }
    if (rc == 0) {
        rc = write_key(env, master, keys, repo_id, unlock, key_name, first.key);
    }
    if (rc == 0) {
        rc = publish_first_entry(&first);
    }
    if (rc == 0) {
        rc = name_repository(env, repo_id);
    }
    keyring_free(keys);
    return rc;
}

int repo_init(const struct repo_env *env, const struct repo_params *params,
              const struct keyfile_unlock *unlock, const char *key_name, uint8_t out_repo_id[16])
{
    uint8_t master[KEYRING_MASTER_BYTES];
    int rc = nacl_init();

    if (rc == 0) {
        rc = check_params(params);
    }
    if (rc == 0) {
        rc = repo_keys_check_name(key_name);
    }
    if (rc == 0) {
        rc = refuse_what_is_there(env->fs);
    }
    if (rc == 0) {
        rc = rnd_bytes(env->rnd, master, sizeof master);
    }
    if (rc == 0) {
        rc = rnd_bytes(env->rnd, out_repo_id, 16);
    }
    if (rc == 0) {
        rc = make_repository(env, params, master, out_repo_id, unlock, key_name);
        if (rc < 0 && rc != HF_EEXISTS) {
            err_hint("what lies there now is no repository: remove the folder's content before "
                     "the next try");
        }
    }
    mem_wipe(master, sizeof master);
    return rc < 0 ? err_add(rc, "could not make a repository in %s", env->fs->label) : 0;
}
