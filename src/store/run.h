/*
 * run.h - a writing run: chunks go in, in order; segments, and in the end one entry, come out.
 *
 * Chunks that are stored already are not stored again. New ones are packed in the order of their
 * arrival into blocks, compressed and encrypted by the pool's workers, and written to segments.
 * What is written depends on the order of the calls alone, not on the workers. run_commit makes all
 * of it durable and publishes; until then nothing is acknowledged, and an aborted run leaves
 * nothing but garbage.
 *
 * One thread calls these functions.
 */
#ifndef HF_STORE_RUN_H
#define HF_STORE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "format/commit.h"
#include "format/segment.h"
#include "store/repo.h"

struct run;

struct run_options {
    struct pool *pool;
    bool dry;               /* finds out what would be stored, writes nothing */
    uint64_t partial_bytes; /* publish what is stored so far after so many new bytes; 0: never */
};

int run_begin(struct repo *r, const struct run_options *options, struct run **out_run);
void run_abort(struct run *x); /* accepts NULL; frees */

/* Whether the chunk is stored already, by this run or before it. */
int run_has(struct run *x, const uint8_t id[32], bool *out_known);
/* Stores a chunk unless it is stored already. type: SEGMENT_DATA or SEGMENT_PAGES. */
int run_add(struct run *x, enum segment_record type, const uint8_t id[32], const void *data,
            size_t len, bool *out_new);
/* A manifest page: computes its id, stores it unless known. */
int run_add_page(struct run *x, const void *data, size_t len, uint8_t out_id[32]);
/*
 * What lies below this page is taken over unread from a parent: recorded, so that the commit is
 * refused (HF_ECHANGED) when that parent has been forgotten and its chunks condemned meanwhile.
 */
void run_rely_on_parent(struct run *x, const uint8_t commit_id[16]);
/* The block in hand ends here: what follows belongs to somebody else. */
int run_cut(struct run *x, enum segment_record type);

uint64_t run_bytes_new(const struct run *x);    /* plain bytes of chunks that were new */
uint64_t run_bytes_stored(const struct run *x); /* bytes of records placed so far */

/* Whether it is time for run_partial, by options->partial_bytes. */
bool run_partial_due(const struct run *x);
/* Makes durable and adopts what is stored so far; `so_far` (its root) helps the next run. */
int run_partial(struct run *x, const struct commit *so_far);

/*
 * Publishes the snapshot and frees the run. bytes_new and bytes_stored of c->counts are filled in.
 * It is not COMMIT_COMPLETE, whatever c says, if it is made inside a gap (catalog_inside_gap).
 * 0: acknowledged. HF_EUNKNOWN: it may still appear under out_id. HF_ECHANGED: what it relied on
 * was condemned meanwhile; doing the whole run again is right. The run is freed in every case.
 */
int run_commit(struct run **x, struct commit *c, uint8_t out_id[16], uint64_t *out_number);

/*
 * The one item of an entry that acts. `build` is called with the catalogue at the tip, before each
 * attempt to publish, as `validate` in journal.h: it refuses, or appends the item to the body.
 */
struct run_entry {
    int (*build)(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                 struct buf *body);
    void *context;
};
/* An entry without data: forget, unforget, an event. */
int run_publish(struct repo *r, const struct run_entry *entry, uint8_t out_id[16],
                uint64_t *out_number);

/*
 * For an entry that stands on a look at what is stored, as of entry `view`: HF_ECHANGED if anything
 * was condemned since. `rule` names the place for fs_enforces.
 */
int run_validate_view(struct repo *r, uint64_t view, const char *rule);

/*
 * For garbage collection. A chunk that moves is stored again although it has a home, unless this
 * run has stored it already. run_condemn publishes what was stored together with a CONDEMN that
 * `entry` appends, and frees the run; out_bytes: of the segments adopted. Fails as run_commit does.
 */
int run_move(struct run *x, enum segment_record type, const uint8_t id[32], const void *data,
             size_t len);
int run_condemn(struct run **x, const struct run_entry *entry, uint64_t *out_number,
                uint64_t *out_bytes);

#endif
