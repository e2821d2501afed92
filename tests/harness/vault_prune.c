/*
 * vault_prune.c - a prune without any grace, backups that rely on what it may take away, and the
 * undoing of a forget, which must notice what it has taken.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "harness/vault_internal.h"
#include "store/prune.h"

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
        simclient_note(v->client, "acked %u in %" PRIu64, number, entry);
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

/* What a snapshot of a vault needs: its root, and the chunks whose ids the root lists. */
struct marking {
    struct repo_reader *reader;
    unsigned batches_left; /* 0: no bound */
    uint64_t copied;
    volatile sig_atomic_t enough;
};

static int mark(void *context, const uint8_t root[32], struct marks *m)
{
    static const uint8_t none[VAULT_ID_BYTES];
    struct marking *t = context;
    uint8_t ids[VAULT_CHUNKS * VAULT_ID_BYTES];
    const uint8_t *data;
    size_t len;
    int rc;

    if (memcmp(root, none, sizeof none) == 0) {
        return 0; /* of an unfinished backup */
    }
    rc = marks_add(m, root);
    if (rc == 0) {
        rc = repo_reader_chunk(t->reader, root, &data, &len);
    }
    if (rc == 0 && len != sizeof ids) {
        rc = err_raise(HF_EFAIL, "a snapshot has another root");
    }
    if (rc == 0) {
        memcpy(ids, data, len);
    }
    for (size_t i = 0; rc == 0 && i < VAULT_CHUNKS; i++) {
        rc = marks_add(m, ids + i * VAULT_ID_BYTES);
    }
    return rc;
}

/* What is removed after a batch was published shows that it was. */
static void count_batches(void *context, const struct prune_progress *p)
{
    struct marking *t = context;

    t->enough = t->batches_left > 0 && p->phase == PRUNE_COPYING && t->copied > 0;
    t->copied += p->phase == PRUNE_REMOVING;
}

int vault_prune(struct vault *v)
{
    struct marking t = { .batches_left = v->batches };
    struct prune_options o = { .pool = v->pool,
                               .leftover_ns = v->tidy ? 0 : 3600 * NS_PER_S,
                               .batch_bytes = 1,
                               .roll_size = VAULT_ROLL_ENTRIES,
                               .mark = mark,
                               .progress = count_batches,
                               .context = &t,
                               .cancel = &t.enough };
    struct prune_result result;
    int rc = repo_reader_new(v->repo, 2, &t.reader);

    if (rc == 0) {
        rc = prune_run(v->repo, &o, &result);
    }
    repo_reader_free(t.reader);
    return rc;
}

struct undoing {
    struct repo *repo;
    unsigned number;
    uint64_t view;
    bool nothing;
};

static const struct catalog_snapshot *find_forgotten(const struct catalog *c, unsigned number)
{
    char job[16];

    snprintf(job, sizeof job, "%u", number);
    for (size_t i = 0; i < catalog_snapshot_count(c); i++) {
        const struct catalog_snapshot *s = catalog_snapshot(c, i);

        if (!s->partial && s->forgotten_by != 0 && strcmp(s->commit.job, job) == 0) {
            return s;
        }
    }
    return NULL;
}

static int build_unforget(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                          struct buf *body)
{
    struct undoing *u = context;
    const struct catalog_snapshot *s = find_forgotten(catalog, u->number);

    (void)uuid;
    u->nothing = s == NULL;
    if (!s) {
        return err_raise(HF_ECHANGED, "somebody else was faster");
    }
    entry_put_forget(body, true, 0, &s->id, 1);
    return run_validate_view(u->repo, u->view, "validate.unforget");
}

int vault_undelete(struct vault *v, unsigned number)
{
    struct undoing u = { .repo = v->repo, .number = number };
    struct run_entry entry = { .build = build_unforget, .context = &u };
    const struct catalog_snapshot *s;
    struct repo_reader *reader = NULL;
    uint8_t id[16];
    uint64_t at;
    int rc = repo_refresh(v->repo);

    u.view = journal_at(repo_journal(v->repo))->number;
    s = rc == 0 ? find_forgotten(repo_catalog(v->repo), number) : NULL;
    if (!s) {
        return rc;
    }
    rc = repo_reader_new(v->repo, 2, &reader);
    if (rc == 0) {
        rc = vault_look_at(reader, s);
    }
    repo_reader_free(reader);
    if (rc == 0) {
        rc = run_publish(v->repo, &entry, id, &at);
    }
    if (rc == 0) {
        simclient_note(v->client, "acked %u in %" PRIu64, number, at);
    } else if (rc == HF_EDAMAGE || rc == HF_ECHANGED) {
        err_clear(); /* it is gone, or going */
        rc = 0;
    }
    return rc;
}
