/*
 * prune_internal.h - what the files prune*.c share.
 */
#ifndef HF_STORE_PRUNE_INTERNAL_H
#define HF_STORE_PRUNE_INTERNAL_H

#include "store/prune.h"
#include "store/repo_internal.h"
#include "store/run.h"

struct prune {
    struct repo *repo;
    const struct prune_options *o;
    struct prune_result *result;
    struct repo_reader *reader;
    int64_t now_ns;      /* by the storage's clock */
    struct marks *marks; /* true for the journal up to `view`, but for what is marked since */
    uint64_t view;       /* no CONDEMN of others lies behind it */
    uint8_t *marked;     /* one a snapshot: whether, and why, it has been marked */
    size_t marked_cap;
    uint64_t copy_expected;
};

struct prune_batch { /* segments that one entry condemns, by ordinals, and leftover files */
    uint32_t *segments;
    size_t count, cap;
    uint8_t (*leftovers)[16];
    size_t leftover_count, leftover_cap;
    uint64_t file_bytes; /* of these, and of what others have condemned and not removed */
};

void prune_batch_release(struct prune_batch *b);
int prune_batch_add(struct prune_batch *b, uint32_t ordinal);
int prune_batch_add_leftover(struct prune_batch *b, const uint8_t uuid[16]);

/* Marks every snapshot that is to be kept and is not marked yet. */
int prune_mark(struct prune *p);

/*
 * prune_plan.c: what goes because nothing in it is alive, and what is to be copied so that the rest
 * can go, in the order in which that is done.
 */
int prune_plan(struct prune *p, struct prune_batch *out_dead, struct prune_batch *out_sparse);

/* prune_copy.c: stores what is alive in these segments anew, proving what lives elsewhere too. */
int prune_copy(struct prune *p, struct run *run, const struct prune_batch *b);

/* prune_files.c: what concerns files rather than segments. */
int prune_storage_now(struct repo *r, int64_t *out_now_ns);
int prune_entry_age(struct prune *p, uint64_t number, int64_t *out_age_ns);
int prune_find_leftovers(struct prune *p, struct prune_batch *b);
int prune_remove_condemned(struct prune *p);
int prune_tidy(struct prune *p); /* old files in tmp/, the reserve, roll-ups */

int prune_tell(struct prune *p, enum prune_phase phase, uint64_t done, uint64_t expected);

#endif
