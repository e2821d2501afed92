/*
 * index.h - where each chunk is: chunk id -> homes (segment, block, slot).
 *
 * A cache that can be deleted at any time: it is rebuilt from the footers of the segments.
 * Immutable sorted runs in the client's cache folder, read as they are needed, each page of them
 * checksummed and checked when first touched; and a table in memory of what came since. Runs are
 * merged like an LSM tree. A run that is wrong in any way is HF_EDAMAGE to whoever asks, and the
 * owner rebuilds.
 *
 * Segments are named by their ordinals in the catalogue. Ids are compared by their first 16 bytes:
 * they are keyed MACs, so equal prefixes of different chunks can't be made. Reading is thread-safe
 * while nobody writes.
 */
#ifndef HF_STORE_INDEX_H
#define HF_STORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rnd.h"
#include "io/fs.h"

struct index;

struct index_home {
    uint32_t segment;  /* ordinal */
    uint64_t position; /* of the block's record in the segment */
    uint32_t slot;     /* which chunk of the block */
    uint32_t len;      /* of the chunk, plain */
};

/* Says whether a segment still counts; homes in others are passed over and dropped by merges. */
typedef bool (*index_live_fn)(void *context, uint32_t segment);

/* cache NULL: all is kept in memory. Else what comes in large numbers goes to the cache at once. */
int index_new(struct fs *cache, struct rnd *rnd, index_live_fn live, void *context,
              struct index **out_index);
void index_free(struct index *x);
void index_clear(struct index *x); /* forgets all, runs included */

int index_put(struct index *x, const uint8_t id[32], const struct index_home *home);
/* The live home with the lowest segment ordinal. 0, HF_EABSENT (no trail), HF_EDAMAGE, HF_EIO. */
int index_get(const struct index *x, const uint8_t id[32], struct index_home *out_home);
/* All live homes: calls each until it returns non-zero, which is returned. */
int index_each_home(const struct index *x, const uint8_t id[32],
                    int (*each)(void *context, const struct index_home *home), void *context);
uint64_t index_count(const struct index *x); /* entries, duplicates and dead ones included */
/* Homes in segments that count: all are looked at. HF_EDAMAGE, HF_EIO. */
int index_count_live(const struct index *x, uint64_t *out_count);
uint64_t index_pending(const struct index *x); /* entries in memory */

/*
 * Writes what is in memory as a new run, merging as needed, and appends the names of all runs to
 * `manifest`, for index_load. The files are not synced: a cache may be torn by a crash, and its
 * checksums say so. HF_EABSENT: another process has removed a run of ours, whose own list is
 * better than this one would be.
 */
int index_save(struct index *x, struct buf *manifest);
/* HF_EDAMAGE or HF_EABSENT when the runs named are not whole: the index is then empty. */
int index_load(struct index *x, const void *manifest, size_t len);
/* Removes run files that no manifest names and that are old by the storage's clock. */
void index_tidy(struct index *x, int64_t now_ns);

#endif
