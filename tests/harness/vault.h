/*
 * vault.h - a client of a simulated repository, and the oracle of what it has promised.
 *
 * A vault is one process: a repository at the disk's folder "repo", a cache and a memory of its own
 * in "cache-NAME" and "state-NAME". Snapshots are made from a number alone (what they hold, how
 * much of it they share), so that anybody can tell from the number whether a snapshot is what it
 * was.
 *
 * What a client achieves is noted on the disk: "acked N in E" once the commit of number N is
 * acknowledged. All functions return 0 or a negative code with a trail.
 */
#ifndef HF_HARNESS_VAULT_H
#define HF_HARNESS_VAULT_H

#include "base/pool.h"
#include "harness/simdisk.h"
#include "store/run.h"

#define VAULT_ROLL_ENTRIES 4

struct vault {
    struct simclient *client;
    struct repo_env env;
    struct repo *repo; /* NULL until vault_attach */
    struct pool *pool; /* without workers: deterministic */
    /* Called when all is stored and nothing published yet: what others do meanwhile. Or NULL. */
    int (*meanwhile)(struct simdisk *d);
    bool tidy;        /* a prune takes what nobody has adopted, and files in tmp/, at any age */
    unsigned batches; /* a prune ends after it has copied so many batches; 0: when it is done */
};

/* Folders and pool of a process; vault_leave ends it, whatever it has open. */
int vault_enter(struct vault *v, struct simclient *client);
void vault_leave(struct vault *v);

int vault_init(struct vault *v);   /* makes the repository; notes "made" */
int vault_attach(struct vault *v); /* opens it, by whichever way in there is */

/*
 * The ways into a simulated repository: secrets, 0 being init's. HF_EKEY if that way is none (any
 * more).
 */
#define VAULT_WAYS 2u
const struct keyfile_unlock *vault_way(unsigned way);
int vault_open_by(const struct repo_env *env, unsigned way, struct repo **out_repo);

/*
 * Stores and commits snapshot `number`; with `partials` > 0 so many ADOPT-only entries before it.
 */
int vault_commit(struct vault *v, unsigned number, unsigned partials);

/* All in one: enter, attach, commit, leave. */
int vault_backup(struct simdisk *d, const char *client, unsigned number, unsigned partials);

/* Commits snapshot `number` once more by taking over its root unread, relying on it alone. */
int vault_commit_unread(struct vault *v, unsigned number);
/* Forgets a live snapshot of that number; notes "forgets N" before. */
int vault_forget(struct vault *v, unsigned number);
/* The store's prune without any grace: what is not needed now goes, and old entries roll up. */
int vault_prune(struct vault *v);
/*
 * Undoes the forgetting of a snapshot of that number and notes "acked N in E"; 0 and no note if
 * there is none, or if what it needs has been pruned.
 */
int vault_undelete(struct vault *v, unsigned number);

/*
 * Opens the repository with neither cache nor memory, which writes nothing, and asserts the
 * promises: what was noted as acknowledged is there, every snapshot that is there is whole, and
 * a crash is never taken for damage.
 */
int vault_verify(struct simdisk *d);

#endif
