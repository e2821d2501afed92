/*
 * run_internal.h - what run.c (what is published) and run_blocks.c (what is stored) share.
 *
 * The life of a block: chunks are gathered (run_add) → encoded by a worker → placed in a segment by
 * the run's thread, in order → encrypted and written by a worker → summed by the run's thread, in
 * order. A segment that is full and wholly summed is finished (frame, sync, name) by a worker.
 */
#ifndef HF_STORE_RUN_INTERNAL_H
#define HF_STORE_RUN_INTERNAL_H

#include "base/map.h"
#include "store/repo_internal.h"
#include "store/run.h"
#include "store/segwriter.h"

struct run_writer {      /* a segment being written, or finished and not yet adopted */
    struct pool_job job; /* finishing it */
    struct err_trail trail;
    struct segwriter *segment;
    struct entry_adopt adopt;
    unsigned blocks_in_flight; /* placed, not yet summed */
    bool full;                 /* takes no more blocks */
    bool submitted;            /* finishing has begun */
    struct run_writer *next;
};

enum run_block_state { RUN_BLOCK_ENCODING, RUN_BLOCK_HELD, RUN_BLOCK_WRITING };

struct run_block {
    struct pool_job job; /* encoding, then writing */
    struct err_trail trail;
    enum run_block_state state;
    enum segment_record type;
    struct buf chunks; /* their bytes, one after the other, with room before them */
    struct segment_chunk *list;
    uint32_t *lengths;
    size_t count, list_cap, lengths_cap;
    struct buf record;
    bool framed;      /* the record is in `chunks`, not in `record`: nothing was compressed */
    size_t plain_len; /* of the record */
    struct codec *codec;
    struct cipher *cipher;
    struct run_writer *writer;
    struct segwriter_place place;
    struct run_block *next;
};

struct run_queue {
    struct run_block *first, *last;
    size_t count;
};

struct run {
    struct repo *repo;
    struct run_options options;
    struct map *known; /* id prefixes that this run has stored and not yet published */
    uint8_t *relied;   /* one a segment ordinal: a chunk in it was taken as stored, or it is ours */
    size_t relied_cap;
    uint8_t parent[16];
    bool has_parent;
    struct run_block *open[3]; /* by enum segment_record: the block in hand */
    struct run_queue flying;   /* encoding or writing, in order */
    struct run_queue held;     /* page blocks that wait for a segment of their own */
    size_t held_bytes;
    struct run_queue idle;           /* blocks to be used again */
    struct run_writer *data, *pages; /* segments that take blocks */
    struct run_writer *writers;      /* all not yet adopted, oldest first ... */
    struct run_writer **writers_end; /* ... and where the next one is hung */
    uint64_t bytes_new;
    uint64_t bytes_placed;  /* records of blocks, frames not counted */
    uint64_t bytes_adopted; /* whole segments, by entries of this run */
    uint64_t new_at_partial, placed_at_partial;
    bool failed; /* chunks that are known may be lost, or adopted already: see run_may_go_on */
};

/* HF_EFAIL once anything has failed: such a run can only be aborted. */
int run_may_go_on(const struct run *x);

/*
 * Everything gathered so far is written, synced and named; run->writers then all have their adopt.
 */
int run_flush(struct run *x);
/* Ends all that is under way, whatever comes of it, and frees blocks and segments. */
void run_release_blocks(struct run *x);
/* Frees the segments that have been adopted. */
void run_release_writers(struct run *x);

#endif
