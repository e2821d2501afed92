/*
 * repo_unlock.c - see repo_unlock.h.
 *
 * Only a password costs anything to try, and that a quarter of a second each: so files of the other
 * kind are left alone, and the one that opened last time comes first. Why none opened is told by
 * what says most: a wrong password says more than a damaged file beside it, and that more than a
 * key of the other kind.
 */
#include "store/repo_unlock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "format/nacl.h"

#define MAX_KEYS 1024u
#define PATH_BYTES (5 + 256)
#define HINT "last-key" /* in the cache */

/* --- what is there --- */

static int add_wrap(void *context, const char *name)
{
    struct repo_wraps *w = context;
    int rc = mem_grow(&w->list, &w->cap, w->count + 1, sizeof *w->list);

    if (rc == 0 && w->count >= MAX_KEYS) {
        rc = err_raise(HF_ELIMIT, "there are more than %u keys", MAX_KEYS);
    }
    if (rc == 0) {
        memset(&w->list[w->count], 0, sizeof *w->list);
        w->list[w->count].file = mem_strdup(name);
        rc = w->list[w->count].file ? 0 : err_nomem();
        w->count += rc == 0;
    }
    return rc;
}

static int compare_wraps(const void *a, const void *b)
{
    return strcmp(((const struct repo_wrap *)a)->file, ((const struct repo_wrap *)b)->file);
}

/* HF_ENOMEM is the caller's trouble, all else this file's. */
static int load_wrap(struct fs *fs, struct repo_wrap *w)
{
    char path[PATH_BYTES];
    int rc;

    snprintf(path, sizeof path, "keys/%s", w->file);
    rc = fs_read_file(fs, path, 2 * (size_t)KEYFILE_BYTES, &w->data, &w->len);
    if (rc == HF_EDAMAGE) {
        rc = HF_EKEY_DAMAGED;
    }
    if (rc == 0) {
        rc = keyfile_inspect(w->data, w->len, &w->info);
    }
    w->code = rc;
    if (rc < 0 && rc != HF_ENOMEM) {
        err_add(rc, "%s", path);
        err_take(&w->why);
    }
    return rc == HF_ENOMEM ? rc : 0;
}

int repo_unlock_load(struct fs *fs, struct repo_wraps *out)
{
    int rc;

    memset(out, 0, sizeof *out);
    rc = fs_list(fs, "keys", add_wrap, out);
    if (rc == HF_EABSENT || (rc == 0 && out->count == 0)) {
        rc = err_raise(HF_EKEY_DAMAGED, "there are no keys in %s/keys", fs->label);
        err_hint("put a copy of the repository's key files back into keys/");
    }
    if (rc == 0) {
        qsort(out->list, out->count, sizeof *out->list, compare_wraps);
    }
    for (size_t i = 0; rc == 0 && i < out->count; i++) {
        rc = load_wrap(fs, &out->list[i]);
    }
    if (rc < 0) {
        repo_unlock_release(out);
    }
    return rc;
}

void repo_unlock_release(struct repo_wraps *w)
{
    for (size_t i = 0; i < w->count; i++) {
        mem_free(w->list[i].file);
        mem_free(w->list[i].data);
    }
    mem_free(w->list);
    memset(w, 0, sizeof *w);
}

/* --- the one that opened last time --- */

static void read_hint(struct fs *cache, char out[KEYCHANGE_FILE_BYTES])
{
    uint8_t *data = NULL;
    size_t len = 0;

    memset(out, 0, KEYCHANGE_FILE_BYTES);
    if (cache && fs_read_file(cache, HINT, KEYCHANGE_FILE_BYTES - 1, &data, &len) == 0) {
        memcpy(out, data, len);
    }
    err_clear();
    mem_free(data);
}

/* It costs nothing but time if this fails. */
static void write_hint(struct fs *cache, const char *file)
{
    struct fs_file *f = NULL;

    if (cache) {
        (void)fs_unlink(cache, HINT);
        if (fs_create(cache, HINT, 0600, &f) == 0) {
            (void)fs_pwrite(f, file, strlen(file), 0);
        }
        (void)fs_close(&f);
        err_clear();
    }
}

/* --- opening --- */

/* What one wrap is to this try; the greater, the more its reason says about why nothing opened. */
enum weight {
    WEIGHT_NONE,
    WEIGHT_OTHER_KIND,
    WEIGHT_DAMAGED,
    WEIGHT_WRONG,
    WEIGHT_REMOVED,
    WEIGHT_FAILED
};

struct attempt {
    const struct repo_unlock *u;
    struct keyring **out_keys;
    struct keychange_way *out_way;
    uint8_t *out_master;
    enum weight weight; /* of reason */
    struct err_trail reason;
};

/* Takes this thread's trail as the reason if it says more than what was there before. */
static void keep_reason(struct attempt *a, enum weight weight)
{
    if (weight > a->weight) {
        err_take(&a->reason);
        a->weight = weight;
    }
    err_clear();
}

/* What has opened must be of this repository, and its pinned public key that of its secret. */
static int take_master(struct attempt *a, const struct repo_wrap *w,
                       const struct keyfile_info *info, const uint8_t master[KEYRING_MASTER_BYTES])
{
    int rc = 0;

    if (memcmp(info->repo_id, a->u->repo_id, 16) != 0) {
        rc = err_raise(HF_EDAMAGE, "the key and the file `holdfast` name different repositories");
    }
    if (rc == 0) {
        rc = keyring_new(master, a->out_keys);
    }
    if (rc == 0 && memcmp((*a->out_keys)->sign_public, info->admin_public, 32) != 0) {
        keyring_free(*a->out_keys);
        *a->out_keys = NULL;
        rc = err_raise(HF_EKEY_DAMAGED, "its pinned public key is not that of its secret");
    }
    if (rc == 0) {
        memset(a->out_way, 0, sizeof *a->out_way);
        snprintf(a->out_way->file, sizeof a->out_way->file, "%s", w->file);
        a->out_way->kind = info->kind == KEYFILE_PASSWORD ? KEYCHANGE_PASSWORD : KEYCHANGE_KEY_FILE;
        memcpy(a->out_way->fingerprint, info->fingerprint, sizeof info->fingerprint);
        if (a->out_master) {
            memcpy(a->out_master, master, KEYRING_MASTER_BYTES);
        }
    }
    return rc;
}

static enum weight weight_of(int code)
{
    switch (code) {
    case HF_EKEY:
        return WEIGHT_WRONG;
    case HF_EKEY_DAMAGED:
        return WEIGHT_DAMAGED;
    default:
        return WEIGHT_FAILED;
    }
}

/* HF_EKEY if the journal says that it is none any more. */
static int check_removal(const struct catalog *c, const struct keyfile_info *info)
{
    const struct catalog_key *known = c ? catalog_find_key(c, info->fingerprint) : NULL;

    if (!known || known->removed_by == 0) {
        return 0;
    }
    err_raise(HF_EKEY, "the key was removed by entry %" PRIu64 " of the journal",
              known->removed_by);
    return err_hint("use another key: that its file is there still, or again, does not make it "
                    "valid");
}

/* One whole wrap of the right kind. 0: it opened. */
static int try_wrap(struct attempt *a, const struct repo_wrap *w)
{
    uint8_t master[KEYRING_MASTER_BYTES] = { 0 };
    enum weight weight = WEIGHT_NONE;
    struct keyfile_info info;
    int rc = keyfile_unwrap(w->data, w->len, a->u->how, master, &info);

    if (rc == 0) {
        rc = check_removal(a->u->catalog, &info);
        weight = rc < 0 ? WEIGHT_REMOVED : WEIGHT_NONE;
    }
    if (rc == 0) {
        rc = take_master(a, w, &info, master);
    }
    mem_wipe(master, sizeof master);
    if (rc < 0) {
        err_add(rc, "keys/%s", w->file);
        keep_reason(a, weight == WEIGHT_NONE ? weight_of(rc) : weight);
    }
    return rc;
}

static bool fits(const struct repo_unlock *u, const struct repo_wrap *w)
{
    return w->code == 0 && (w->info.kind == KEYFILE_PASSWORD) == (u->how->password != NULL);
}

/* Why a wrap is not even tried. */
static void pass_over(struct attempt *a, const struct repo_wrap *w)
{
    if (w->code == 0) {
        uint8_t none[KEYRING_MASTER_BYTES];
        struct keyfile_info info;
        int rc = keyfile_unwrap(w->data, w->len, a->u->how, none, &info);

        err_add(rc, "keys/%s", w->file);
        keep_reason(a, WEIGHT_OTHER_KIND);
    } else if (w->code != HF_EABSENT) { /* that one was removed this very moment */
        struct err_trail copy = w->why;

        err_give(&copy);
        keep_reason(a, w->code == HF_EKEY_DAMAGED || w->code == HF_ENEWER ? WEIGHT_DAMAGED
                                                                          : WEIGHT_FAILED);
    }
}

/*
 * Another one has opened, and a damaged file is no obstacle; or what was given opens none of the
 * others, and it may be the damaged one that it is for.
 */
static void warn_of_damaged(const struct repo_wraps *wraps)
{
    for (size_t i = 0; i < wraps->count; i++) {
        if (wraps->list[i].code == HF_EKEY_DAMAGED) {
            log_write(LOG_LEVEL_WARN, "%s", wraps->list[i].why.text);
        }
    }
}

static size_t count_fitting(const struct repo_unlock *u, const struct repo_wraps *wraps)
{
    size_t count = 0;

    for (size_t i = 0; i < wraps->count; i++) {
        count += fits(u, &wraps->list[i]);
    }
    return count;
}

static int try_wraps(struct attempt *a, const struct repo_wraps *wraps)
{
    char hint[KEYCHANGE_FILE_BYTES] = "";
    unsigned tried = 0;

    if (count_fitting(a->u, wraps) > 1) {
        read_hint(a->u->cache, hint);
    }
    for (int hinted = 1; hinted >= 0; hinted--) {
        for (size_t i = 0; i < wraps->count; i++) {
            const struct repo_wrap *w = &wraps->list[i];
            int rc;

            if (!fits(a->u, w) || (strcmp(w->file, hint) == 0) != (hinted == 1)) {
                continue;
            }
            rc = try_wrap(a, w);
            if (rc == 0) {
                if (tried > 0) {
                    write_hint(a->u->cache, w->file);
                }
                return 0;
            }
            tried++;
        }
    }
    for (size_t i = 0; i < wraps->count; i++) {
        if (!fits(a->u, &wraps->list[i])) {
            pass_over(a, &wraps->list[i]);
        }
    }
    err_give(&a->reason);
    return a->reason.code;
}

int repo_unlock(const struct repo_unlock *u, struct keyring **out_keys,
                struct keychange_way *out_way, uint8_t *out_master)
{
    struct attempt a = {
        .u = u, .out_keys = out_keys, .out_way = out_way, .out_master = out_master
    };
    struct repo_wraps wraps;
    int rc = repo_unlock_load(u->fs, &wraps);

    if (rc < 0) {
        return rc;
    }
    rc = try_wraps(&a, &wraps);
    if (rc == 0 || a.weight == WEIGHT_WRONG) {
        warn_of_damaged(&wraps);
    }
    repo_unlock_release(&wraps);
    return rc;
}
