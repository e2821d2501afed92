/*
 * drill_cold.c - a restore on the day when nothing is left but the repository and a key: without
 * cache, index or state, which are all built anew. What that takes is part of the time to recover.
 */
#include "engine/drill_internal.h"

int drill_cold_run(struct drill *d);

/* d->repo is opened after it, with the client's own cache and state, for the evidence. */
int drill_cold_run(struct drill *d)
{
    struct repo_env env = *d->o->env;
    const struct catalog_snapshot *snapshot = NULL;
    struct repo *repo = NULL;
    int rc;

    env.cache = NULL;
    env.state = NULL;
    rc = drill_open(d, &env, d->o->unlock, &repo);
    if (rc == 0) {
        rc = drill_point(d, repo, &snapshot);
    }
    if (rc == 0) {
        rc = drill_rpo(d, repo, snapshot);
    }
    if (rc == 0) {
        rc = drill_restore(d, repo, snapshot, d->fraction, "restored");
    }
    repo_close(repo);
    return rc;
}
