/*
 * backup_parent.h - what earlier snapshots know of the things that a walk meets.
 *
 * The parent is the newest live commit of the same host, job and paths, else of the same host and
 * job. If a run of the same host, job and paths was interrupted after that, what it had stored by
 * its last checkpoint comes first, and the parent is asked for what lies behind.
 */
#ifndef HF_ENGINE_BACKUP_PARENT_H
#define HF_ENGINE_BACKUP_PARENT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/manifest_leaf.h"
#include "engine/pagestore.h"
#include "format/commit.h"
#include "format/node.h"
#include "store/repo.h"

struct backup_parent;

struct backup_query { /* whose parent is looked for */
    const char *host, *job;
    char *const *paths;
    size_t path_count;
    const uint8_t *parent; /* or by its id [16] */
};

struct backup_was {             /* one thing, as it was */
    const struct node *node;    /* until the next question */
    struct manifest_leaf *leaf; /* for manifest_update_keep; NULL if it can't be kept in place */
    uint32_t index;
    int64_t begin_ns; /* of the snapshot that says so */
};

/* HF_ENO_POINT: there is no such commit as the query's parent. The pagestore is borrowed. */
int backup_parent_open(struct repo *r, const struct backup_query *query, struct pagestore *pages,
                       struct backup_parent **out_parent);
void backup_parent_close(struct backup_parent *p); /* accepts NULL */

/* The commit that the new one names as its parent; NULL if there is none. */
const uint8_t *backup_parent_id(const struct backup_parent *p);
const uint8_t *backup_parent_root(const struct backup_parent *p);
/* Of that commit; zeros if there is none. */
const struct commit_counts *backup_parent_counts(const struct backup_parent *p);
/*
 * For run_rely_on_parent. An unfinished run's validation demands that nothing at all was
 * condemned meanwhile, so it stands for the parent behind it as well.
 */
const uint8_t *backup_parent_reliance(const struct backup_parent *p);

/*
 * Looks up a path; paths come in order. 1: found; 0: it is new. Pages that can't be read are
 * passed over with a line in the log: what they held counts as new, and is read again.
 */
int backup_parent_find(struct backup_parent *p, const char *path, size_t path_len,
                       struct backup_was *out_was);
/* Whether the file found last was cut like a page-structured one. */
int backup_parent_paged(struct backup_parent *p, const struct node *was, bool *out_paged);

#endif
