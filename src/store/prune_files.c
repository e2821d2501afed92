/*
 * prune_files.c - the files that a prune removes, and how old they are.
 *
 * A file in segments/ goes only if the durable journal condemns it; who did that does not matter. A
 * file in tmp/ was never acknowledged. Ages are by the storage's own clock, so that a client whose
 * clock is wrong spares too little or too much of what is courtesy only.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/roll.h"
#include "store/prune_internal.h"
#include "store/rollup.h"

#define UUID_HEX 32

static int tmp_name(struct repo *r, char out[4 + UUID_HEX + 1])
{
    uint8_t uuid[16];
    int rc = rnd_uuid(r->env.rnd, uuid);

    memcpy(out, "tmp/", 5);
    text_hex(uuid, sizeof uuid, out + 4);
    return rc;
}

int prune_storage_now(struct repo *r, int64_t *out_now_ns)
{
    char path[4 + UUID_HEX + 1];
    struct fs_file *f = NULL;
    struct fs_stat st = { 0 };
    int rc = tmp_name(r, path);

    if (rc == 0) {
        rc = fs_create(r->env.fs, path, 0600, &f);
    }
    if (rc == 0) {
        rc = fs_close(&f);
    }
    if (rc == 0) {
        rc = fs_stat(r->env.fs, path, &st);
    }
    if (rc == 0) {
        (void)fs_unlink(r->env.fs, path);
    }
    if (rc == HF_ENOSPC || rc == HF_EABSENT) {
        /* A full disk must not keep a prune from making room, nor another prune's tidiness. */
        st.mtime_ns = clock_wall(r->env.clock);
        rc = 0;
    }
    if (rc == 0) {
        err_clear();
    }
    *out_now_ns = st.mtime_ns;
    return rc;
}

/* An entry that was rolled up is as young as that: what it forgot is kept a little longer. */
int prune_entry_age(struct prune *p, uint64_t number, int64_t *out_age_ns)
{
    char path[8 + ENTRY_NAME_BYTES] = "journal/";
    struct fs_stat st;
    int rc;

    entry_name(number, path + 8);
    rc = fs_stat(p->repo->env.fs, path, &st);
    *out_age_ns = rc == 0 ? p->now_ns - st.mtime_ns : 0;
    return rc;
}

struct sweep {
    struct prune *prune;
    struct prune_batch *batch;
};

/* The UUID of a file in segments/, if its name is one. */
static bool parse_name(const char *name, uint8_t out_uuid[16])
{
    return strlen(name) == UUID_HEX && text_unhex(name, UUID_HEX, out_uuid);
}

/* HF_EABSENT if it has just been removed by somebody else. */
static int stat_in(struct prune *p, const char *folder, const char *name, struct fs_stat *out,
                   char *path, size_t path_size)
{
    snprintf(path, path_size, "%s/%s", folder, name);
    return fs_stat(p->repo->env.fs, path, out);
}

static int look_at_leftover(void *context, const char *name)
{
    const struct sweep *s = context;
    const struct catalog *c = repo_catalog(s->prune->repo);
    bool condemned;
    uint8_t uuid[16];
    char path[9 + 256];
    struct fs_stat st;
    int rc;

    if (!parse_name(name, uuid)) {
        return 0;
    }
    condemned = catalog_condemned(c, uuid);
    if (!condemned && catalog_find_segment(c, uuid) != CATALOG_NO_SEGMENT) {
        return 0;
    }
    rc = stat_in(s->prune, "segments", name, &st, path, sizeof path);
    if (rc == HF_EABSENT) {
        err_clear();
        return 0;
    }
    if (rc == 0 && !condemned && s->prune->now_ns - st.mtime_ns < s->prune->o->leftover_ns) {
        return 0;
    }
    if (rc == 0 && !condemned) {
        rc = prune_batch_add_leftover(s->batch, uuid);
    }
    s->batch->file_bytes += rc == 0 ? st.size : 0;
    return rc;
}

int prune_find_leftovers(struct prune *p, struct prune_batch *b)
{
    struct sweep s = { .prune = p, .batch = b };

    return fs_list(p->repo->env.fs, "segments", look_at_leftover, &s);
}

static int unlink_one(struct prune *p, const char *path, uint64_t *count)
{
    int rc = fs_unlink(p->repo->env.fs, path);

    if (rc == HF_EABSENT) {
        err_clear();
        return 0;
    }
    *count += rc == 0;
    return rc;
}

static int remove_if_condemned(void *context, const char *name)
{
    struct prune *p = context;
    uint64_t before = p->result->removed;
    uint8_t uuid[16];
    char path[9 + 256];
    struct fs_stat st;
    int rc;

    if (!parse_name(name, uuid) || !catalog_condemned(repo_catalog(p->repo), uuid)) {
        return 0;
    }
    rc = stat_in(p, "segments", name, &st, path, sizeof path);
    if (rc == HF_EABSENT) {
        err_clear();
        return 0;
    }
    if (rc == 0) {
        rc = unlink_one(p, path, &p->result->removed);
    }
    if (p->result->removed > before) {
        p->result->bytes_removed += st.size;
    }
    return rc == 0 ? prune_tell(p, PRUNE_REMOVING, p->result->removed, 0) : rc;
}

/* What a CONDEMN says may be undone by a power cut until it is durable; a removal may not. */
int prune_remove_condemned(struct prune *p)
{
    int rc = 0;

    if (fs_enforces(p->repo->env.fs, "prune.settled")) {
        rc = journal_settle(p->repo->journal);
    }
    repo_segment_drop_condemned(p->repo);
    return rc == 0 ? fs_list(p->repo->env.fs, "segments", remove_if_condemned, p) : rc;
}

static int remove_if_old(void *context, const char *name)
{
    struct prune *p = context;
    char path[4 + 256];
    struct fs_stat st;
    int rc = stat_in(p, "tmp", name, &st, path, sizeof path);

    if (rc == HF_EABSENT) {
        err_clear();
        return 0;
    }
    if (rc == 0 && !st.is_dir && p->now_ns - st.mtime_ns >= p->o->leftover_ns) {
        rc = unlink_one(p, path, &p->result->tmp_removed);
    }
    return rc;
}

/* It was given up for an entry on a full disk; now there may be room again. */
static void restore_reserve(struct fs *fs)
{
    struct fs_stat st;

    if (fs_stat(fs, "reserve", &st) < 0 && repo_write_reserve(fs) < 0) {
        (void)fs_unlink(fs, "reserve"); /* half a reserve is none */
    }
    err_clear();
}

int prune_tidy(struct prune *p)
{
    struct rollup_result rolled;
    int rc = fs_list(p->repo->env.fs, "tmp", remove_if_old, p);

    if (rc == 0) {
        restore_reserve(p->repo->env.fs);
        rc = rollup_run(p->repo, p->o->roll_size ? p->o->roll_size : ROLL_SMALL, &rolled);
        p->result->rolls = rolled.rolls;
    }
    if (rc == 0 && p->result->condemned > 0) {
        rc = repo_index_renew(p->repo);
        repo_save_cache(p->repo);
    }
    return rc;
}
