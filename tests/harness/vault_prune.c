/*
 * vault_prune.c - a prune without any grace, and backups that rely on what it may take away.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "harness/vault_internal.h"

#define MOST_SEGMENTS 64

int vault_commit_unread(struct vault *v, unsigned number)
{
    const struct catalog_snapshot *parent = vault_find_live(repo_catalog(v->repo), number);
    struct run_options options = { .pool = v->pool };
    char job[16];
    struct commit c = { .job = job, .flags = COMMIT_COMPLETE };
    struct run *run = NULL;
    uint8_t id[16];
    uint64_t entry;
    int rc = parent ? run_begin(v->repo, &options, &run) : err_raise(HF_ENO_POINT, "no parent");

    if (rc < 0) {
        return rc;
    }
    snprintf(job, sizeof job, "%u", number);
    memcpy(c.root, parent->commit.root, sizeof c.root);
    run_rely_on_parent(run, parent->id);
    rc = vault_meanwhile(v);
    if (rc == 0) {
        rc = run_commit(&run, &c, id, &entry);
    }
    run_abort(run);
    if (rc == 0) {
        simclient_note(v->client, "acked %u", number);
    }
    return rc == HF_ECHANGED ? vault_commit(v, number, 0) : rc;
}

static int build_forget(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                        struct buf *body)
{
    const unsigned *number = context;
    const struct catalog_snapshot *s = vault_find_live(catalog, *number);

    (void)uuid;
    if (!s) {
        return err_raise(HF_ENO_POINT, "there is no snapshot %u", *number);
    }
    entry_put_forget(body, false, 0, &s->id, 1);
    return buf_error(body);
}

int vault_forget(struct vault *v, unsigned number)
{
    struct run_entry entry = { .build = build_forget, .context = &number };
    uint8_t id[16];
    uint64_t at;

    simclient_note(v->client, "forgets %u", number);
    return run_publish(v->repo, &entry, id, &at);
}

struct pruning {
    struct vault *vault;
    bool needed[MOST_SEGMENTS];
    uint8_t condemned[MOST_SEGMENTS][16];
    size_t count;
};

static int need_chunk(struct pruning *p, const uint8_t id[VAULT_ID_BYTES])
{
    struct index_home home;
    int rc = repo_locate(p->vault->repo, id, &home);

    if (rc == 0 && home.segment < MOST_SEGMENTS) {
        p->needed[home.segment] = true;
    }
    return rc;
}

static int need_snapshot(struct pruning *p, struct repo_reader *reader,
                         const struct catalog_snapshot *s)
{
    uint8_t copy[VAULT_CHUNKS * VAULT_ID_BYTES];
    const uint8_t *ids;
    size_t len;
    int rc = need_chunk(p, s->commit.root);

    if (rc == 0) {
        rc = repo_reader_chunk(reader, s->commit.root, &ids, &len);
    }
    if (rc == 0 && len != sizeof copy) {
        rc = err_raise(HF_EFAIL, "a snapshot has another root");
    }
    if (rc == 0) {
        memcpy(copy, ids, sizeof copy);
    }
    for (size_t i = 0; rc == 0 && i < VAULT_CHUNKS; i++) {
        rc = need_chunk(p, copy + i * VAULT_ID_BYTES);
    }
    return rc;
}

static int mark(struct pruning *p, const struct catalog *catalog)
{
    struct repo_reader *reader = NULL;
    int rc = repo_reader_new(p->vault->repo, 2, &reader);

    memset(p->needed, 0, sizeof p->needed);
    for (size_t i = 0; rc == 0 && i < catalog_snapshot_count(catalog); i++) {
        if (vault_is_live(catalog_snapshot(catalog, i))) {
            rc = need_snapshot(p, reader, catalog_snapshot(catalog, i));
        }
    }
    repo_reader_free(reader);
    return rc;
}

static int condemn_orphan(void *context, const char *name)
{
    struct pruning *p = context;
    const struct catalog *catalog = repo_catalog(p->vault->repo);
    uint8_t uuid[16];

    if (p->count < MOST_SEGMENTS && text_unhex(name, 32, uuid) &&
        catalog_find_segment(catalog, uuid) == CATALOG_NO_SEGMENT &&
        !catalog_condemned(catalog, uuid)) {
        memcpy(p->condemned[p->count++], uuid, 16);
    }
    return 0;
}

/* Marked anew at every attempt: what was committed meanwhile is needed as well. */
static int build_condemn(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                         struct buf *body)
{
    struct pruning *p = context;
    int rc = mark(p, catalog);

    (void)uuid;
    p->count = 0;
    for (uint32_t i = 0; rc == 0 && i < catalog_segment_count(catalog) && i < MOST_SEGMENTS; i++) {
        if (!p->needed[i] && catalog_segment(catalog, i)->condemned_by == 0) {
            memcpy(p->condemned[p->count++], catalog_segment(catalog, i)->uuid, 16);
        }
    }
    if (rc == 0) {
        rc = fs_list(p->vault->env.fs, "segments", condemn_orphan, p);
    }
    if (rc == 0 && p->count == 0) {
        rc = err_raise(HF_EABSENT, "there is nothing to prune");
    }
    if (rc == 0) {
        entry_put_condemn(body, (const uint8_t(*)[16])p->condemned, p->count);
    }
    return rc < 0 ? rc : buf_error(body);
}

int vault_prune(struct vault *v)
{
    struct pruning p = { .vault = v };
    struct run_entry entry = { .build = build_condemn, .context = &p };
    uint8_t id[16];
    uint64_t at;
    int rc = run_publish(v->repo, &entry, id, &at);

    for (size_t i = 0; rc == 0 && i < p.count; i++) {
        char path[9 + 33] = "segments/";

        text_hex(p.condemned[i], 16, path + 9);
        rc = fs_unlink(v->env.fs, path);
    }
    return rc == HF_EABSENT ? 0 : rc;
}
