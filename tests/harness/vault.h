/*
 * vault.h - a client of a simulated repository, and the oracle of what it has promised.
 *
 * A vault is one process: a repository at the disk's folder "repo", a cache and a memory of its own
 * in "cache-NAME" and "state-NAME". Snapshots are made from a number alone (what they hold, how
 * much of it they share), so that anybody can tell from the number whether a snapshot is what it
 * was.
 *
 * What a client achieves is noted on the disk: "acked N" once the commit of number N is
 * acknowledged. All functions return 0 or a negative code with a trail.
 */
#ifndef HF_HARNESS_VAULT_H
#define HF_HARNESS_VAULT_H

#include "base/pool.h"
#include "harness/simdisk.h"
#include "store/run.h"

struct vault {
    struct simclient *client;
    struct repo_env env;
    struct repo *repo; /* NULL until vault_attach */
    struct pool *pool; /* without workers: deterministic */
    /* Called when all is stored and nothing published yet: what others do meanwhile. Or NULL. */
    int (*meanwhile)(struct simdisk *d);
};

/* Folders and pool of a process; vault_leave ends it, whatever it has open. */
int vault_enter(struct vault *v, struct simclient *client);
void vault_leave(struct vault *v);

int vault_init(struct vault *v);   /* makes the repository; notes "made" */
int vault_attach(struct vault *v); /* opens it */

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
/*
 * A prune without any grace: condemns each segment that holds nothing a live snapshot needs, and
 * each file in segments/ that no entry has adopted; then removes what is condemned.
 */
int vault_prune(struct vault *v);

/*
 * Opens the repository with neither cache nor memory, which writes nothing, and asserts the
 * promises: what was noted as acknowledged is there, every snapshot that is there is whole, and
 * a crash is never taken for damage.
 */
int vault_verify(struct simdisk *d);

#endif
