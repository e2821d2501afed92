/*
 * realrepo.h - a repository of its own for a test, in a temporary folder, on the real file
 * system.
 *
 * The folder also has `tree` and `out`, for what is backed up and restored. Whatever can't be set
 * up ends the program.
 */
#ifndef HF_HARNESS_REALREPO_H
#define HF_HARNESS_REALREPO_H

#include "base/clock.h"
#include "engine/backup.h"
#include "engine/restore.h"
#include "store/repo.h"

struct realrepo {
    char dir[96];                      /* of it all */
    char tree[112], out[112], at[112]; /* at: the repository's own */
    struct fs *fs, *cache, *state;
    struct repo_env env;
    struct clock clock; /* stands still at wall_ns; monotonic runs */
    int64_t wall_ns;
    struct repo *repo;
};

/* wall_ns 0: the system's clock. params NULL: the defaults, but for small segments. */
void realrepo_make(struct realrepo *r, int64_t wall_ns, const struct repo_params *params);
void realrepo_remove(struct realrepo *r);
/* Closes the repository and opens it again; without its cache if `cold`. */
void realrepo_reopen(struct realrepo *r, bool cold);
/* A second client of the same repository, with no cache and no state. Closed with repo_close. */
struct repo *realrepo_other(struct realrepo *r);

/* The newest snapshot that was not forgotten; there must be one. */
const struct catalog_snapshot *realrepo_latest(const struct realrepo *r);
/* Backs up r->tree as "/". options NULL: the defaults, in the calling thread. */
int realrepo_backup(struct realrepo *r, const struct backup_options *options,
                    struct backup_result *out_result);
/* Restores the newest snapshot to r->out. options NULL: as above. */
int realrepo_restore(struct realrepo *r, const struct restore_options *options,
                     const struct restore_events *events, struct restore_result *out_result);

#endif
