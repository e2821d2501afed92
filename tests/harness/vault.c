/*
 * vault.c - see vault.h.
 */
#include "harness/vault_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "format/cipher.h"

#define CHUNK_MAX 1500

static const uint8_t secrets[VAULT_WAYS][KEYFILE_SECRET_BYTES] = {
    "a key file for simulated clients", "another, which came later to it."
};
static const struct keyfile_unlock ways[VAULT_WAYS] = { { .secret = secrets[0] },
                                                        { .secret = secrets[1] } };

const struct keyfile_unlock *vault_way(unsigned way)
{
    return &ways[way];
}

int vault_open_by(const struct repo_env *env, unsigned way, struct repo **out_repo)
{
    return repo_open(env, &ways[way], REPO_STRICT, out_repo);
}

static int open_somehow(const struct repo_env *env, struct repo **out_repo)
{
    int rc = HF_EKEY;

    for (unsigned way = 0; rc == HF_EKEY && way < VAULT_WAYS; way++) {
        rc = vault_open_by(env, way, out_repo);
    }
    return rc;
}

int vault_enter(struct vault *v, struct simclient *client)
{
    char folder[64];

    memset(v, 0, sizeof *v);
    v->client = client;
    v->env.fs = simclient_fs(client, "repo");
    snprintf(folder, sizeof folder, "cache-%s", simclient_name(client));
    v->env.cache = simclient_fs(client, folder);
    snprintf(folder, sizeof folder, "state-%s", simclient_name(client));
    v->env.state = simclient_fs(client, folder);
    v->env.clock = simclient_clock(client);
    v->env.rnd = simclient_rnd(client);
    return pool_new(0, &v->pool);
}

void vault_leave(struct vault *v)
{
    repo_close(v->repo);
    pool_free(v->pool);
    fs_close_fs(v->env.fs);
    fs_close_fs(v->env.cache);
    fs_close_fs(v->env.state);
    memset(v, 0, sizeof *v);
}

int vault_init(struct vault *v)
{
    struct repo_params params;
    uint8_t id[16];
    int rc;

    repo_default_params(&params);
    params.segment_target = 6000; /* a commit of a few KiB needs several segments */
    rc = repo_init(&v->env, &params, &ways[0], "main", id);
    if (rc == 0) {
        simclient_note(v->client, "made");
    }
    return rc;
}

int vault_attach(struct vault *v)
{
    return open_somehow(&v->env, &v->repo);
}

/* What snapshot `number` holds: every second chunk is also in snapshot number - 1. */
static size_t content(unsigned number, unsigned chunk, uint8_t out[CHUNK_MAX])
{
    struct rnd r;
    size_t len;

    rnd_init_seeded(&r, chunk % 2 ? number * 100u + chunk : (number / 2) * 100u + chunk);
    len = 1 + rnd_below(&r, CHUNK_MAX);
    (void)rnd_bytes(&r, out, len);
    return len;
}

static int store_chunks(struct vault *v, struct run *run, struct cipher_id *ids, unsigned number,
                        unsigned partials, struct buf *root)
{
    struct commit so_far = { .job = (char[]){ "partial" } };

    for (unsigned i = 0; i < VAULT_CHUNKS; i++) {
        uint8_t data[CHUNK_MAX];
        uint8_t id[VAULT_ID_BYTES];
        size_t len = content(number, i, data);
        bool is_new;
        int rc = cipher_id_of(ids, data, len, id);

        if (rc == 0) {
            rc = run_add(run, SEGMENT_DATA, id, data, len, &is_new);
        }
        if (rc == 0) {
            rc = run_cut(run, SEGMENT_DATA); /* a block each: more segments, more to lose */
        }
        if (rc == 0 && i < partials) {
            rc = run_partial(run, &so_far);
        }
        if (rc < 0) {
            return rc;
        }
        buf_put(root, id, sizeof id);
    }
    (void)v;
    return buf_error(root);
}

int vault_meanwhile(struct vault *v)
{
    int (*others)(struct simdisk * d) = v->meanwhile;

    v->meanwhile = NULL;
    return others ? others(simclient_disk(v->client)) : 0;
}

static int store_and_commit(struct vault *v, struct run **run, unsigned number, unsigned partials)
{
    struct cipher_id *ids = NULL;
    struct buf root;
    char job[16];
    struct commit c = { .job = job, .flags = COMMIT_COMPLETE };
    uint8_t id[16];
    uint64_t entry;
    int rc = cipher_id_new(repo_keys(v->repo)->chunk_id_key, &ids);

    buf_init(&root);
    snprintf(job, sizeof job, "%u", number);
    if (rc == 0) {
        rc = store_chunks(v, *run, ids, number, partials, &root);
    }
    if (rc == 0) {
        rc = run_add_page(*run, root.data, root.len, c.root);
    }
    if (rc == 0) {
        rc = vault_meanwhile(v);
    }
    if (rc == 0) {
        rc = run_commit(run, &c, id, &entry);
    }
    if (rc == 0) {
        simclient_note(v->client, "acked %u in %" PRIu64, number, entry);
    }
    buf_release(&root);
    cipher_id_free(ids);
    return rc;
}

static int commit_once(struct vault *v, unsigned number, unsigned partials)
{
    struct run_options options = { .pool = v->pool };
    struct run *run = NULL;
    int rc = run_begin(v->repo, &options, &run);

    if (rc == 0) {
        rc = store_and_commit(v, &run, number, partials);
    }
    run_abort(run);
    return rc;
}

/* Like a backup: what it relied on has changed, and all is done again. */
int vault_commit(struct vault *v, unsigned number, unsigned partials)
{
    int rc = commit_once(v, number, partials);

    if (rc == HF_ECHANGED) {
        rc = repo_refresh(v->repo);
        if (rc == 0) {
            rc = commit_once(v, number, partials);
        }
    }
    return rc;
}

int vault_backup(struct simdisk *d, const char *client, unsigned number, unsigned partials)
{
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, client));

    if (rc == 0) {
        rc = vault_attach(&v);
    }
    if (rc == 0) {
        rc = vault_commit(&v, number, partials);
    }
    vault_leave(&v);
    return rc;
}

/* The oracle */

static int verify_chunks(struct repo_reader *reader, unsigned number, const uint8_t *ids,
                         size_t len)
{
    if (len != VAULT_CHUNKS * VAULT_ID_BYTES) {
        return err_raise(HF_EFAIL, "snapshot %u has another root", number);
    }
    for (unsigned i = 0; i < VAULT_CHUNKS; i++) {
        uint8_t expected[CHUNK_MAX];
        size_t expected_len = content(number, i, expected);
        const uint8_t *data;
        size_t data_len;
        int rc = repo_reader_chunk(reader, ids + (size_t)i * VAULT_ID_BYTES, &data, &data_len);

        if (rc < 0) {
            return rc;
        }
        if (data_len != expected_len || memcmp(data, expected, data_len) != 0) {
            return err_raise(HF_EFAIL, "chunk %u of snapshot %u is another", i, number);
        }
    }
    return 0;
}

int vault_look_at(struct repo_reader *reader, const struct catalog_snapshot *s)
{
    unsigned number = (unsigned)strtoul(s->commit.job, NULL, 10);
    uint8_t ids[VAULT_CHUNKS * VAULT_ID_BYTES + 1];
    const uint8_t *data;
    size_t len;
    int rc = repo_reader_chunk(reader, s->commit.root, &data, &len);

    if (rc < 0) {
        return err_add(rc, "snapshot %u", number);
    }
    if (len > sizeof ids) {
        return err_raise(HF_EFAIL, "snapshot %u has another root", number);
    }
    memcpy(ids, data, len);
    rc = verify_chunks(reader, number, ids, len);
    return rc < 0 ? err_add(rc, "snapshot %u", number) : 0;
}

const struct catalog_snapshot *vault_find_live(const struct catalog *c, unsigned number)
{
    char job[16];

    snprintf(job, sizeof job, "%u", number);
    for (size_t i = 0; i < catalog_snapshot_count(c); i++) {
        const struct catalog_snapshot *s = catalog_snapshot(c, i);

        if (vault_is_live(s) && strcmp(s->commit.job, job) == 0) {
            return s;
        }
    }
    return NULL;
}

/*
 * Whether the journal still holds what was acknowledged in that entry: the snapshot, and unless
 * somebody has set out to forget it, as one that is not forgotten.
 */
static bool is_kept(const struct simdisk *d, const struct catalog *c, unsigned number,
                    uint64_t entry)
{
    char job[16];

    snprintf(job, sizeof job, "%u", number);
    for (size_t i = 0; i < catalog_snapshot_count(c); i++) {
        const struct catalog_snapshot *s = catalog_snapshot(c, i);

        if (!s->partial && s->number <= entry && strcmp(s->commit.job, job) == 0 &&
            (s->forgotten_by == 0 ||
             (s->forgotten_by > entry && simdisk_noted(d, "forgets %u", number)))) {
            return true;
        }
    }
    return false;
}

static int verify_acknowledged(const struct simdisk *d, const struct catalog *c)
{
    for (size_t i = 0; i < simdisk_note_count(d); i++) {
        unsigned number;
        uint64_t entry;

        if (sscanf(simdisk_note(d, i), "acked %u in %" SCNu64, &number, &entry) == 2 &&
            !is_kept(d, c, number, entry)) {
            return err_raise(HF_EFAIL, "snapshot %u was acknowledged and is gone", number);
        }
    }
    return 0;
}

static int verify_repo(const struct simdisk *d, struct repo *r)
{
    const struct catalog *c = repo_catalog(r);
    struct repo_reader *reader = NULL;
    int rc = repo_reader_new(r, 4, &reader);

    for (size_t i = 0; rc == 0 && i < catalog_snapshot_count(c); i++) {
        if (vault_is_live(catalog_snapshot(c, i))) {
            rc = vault_look_at(reader, catalog_snapshot(c, i));
        }
    }
    if (rc == 0) {
        rc = verify_acknowledged(d, c);
    }
    repo_reader_free(reader);
    return rc;
}

int vault_verify(struct simdisk *d)
{
    struct simclient *client = simdisk_client(d, "verifier");
    struct repo_env env = { .fs = simclient_fs(client, "repo"),
                            .clock = simclient_clock(client),
                            .rnd = simclient_rnd(client) };
    struct repo *r = NULL;
    int rc = open_somehow(&env, &r);

    if (rc == HF_ENO_REPO && !simdisk_noted(d, "made")) {
        err_clear();
        rc = 0; /* half-made or not begun, and known as such */
    } else if (rc == 0) {
        rc = verify_repo(d, r);
    }
    repo_close(r);
    fs_close_fs(env.fs);
    return rc;
}
