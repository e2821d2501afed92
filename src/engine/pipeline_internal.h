/*
 * pipeline_internal.h - units of work, and who may touch what in them when.
 *
 * A unit belongs to the calling thread until it is submitted, to its job (or the jobs of its
 * chain, one at a time but for hashing) until that is done, and then to the calling thread again.
 */
#ifndef HF_ENGINE_PIPELINE_INTERNAL_H
#define HF_ENGINE_PIPELINE_INTERNAL_H

#include <pthread.h>

#include "engine/arena.h"
#include "engine/linkmap.h"
#include "engine/manifest_content.h"
#include "engine/pipeline.h"
#include "format/cipher.h"

#define PIPELINE_UNIT_BYTES (1u << 20) /* of small files in one unit; larger ones are chains */
#define PIPELINE_UNIT_ITEMS 512u
#define PIPELINE_UNIT_CHARGE (256u << 10) /* what a unit costs of the budget at least */
#define PIPELINE_PIECE_BYTES (1u << 20)   /* read at once by a piece of a chain */
#define PIPELINE_RING 8u                  /* pieces of one chain in memory */
#define PIPELINE_TRIES 3                  /* at reading a file that does not hold still */

enum pipeline_kind { PIPELINE_KEEP, PIPELINE_PUT, PIPELINE_LINK, PIPELINE_FILE };

enum pipeline_outcome {
    PIPELINE_READ,     /* as it was, when it was read */
    PIPELINE_UNSTABLE, /* never held still: as read last */
    PIPELINE_LOST,     /* could not be read */
    PIPELINE_LARGE,    /* has grown too large for a unit: to be read as a chain */
};

struct pipeline_chunk {
    uint8_t id[CIPHER_ID_BYTES];
    uint64_t len;
    size_t offset; /* in the data of the unit or piece */
    bool hole;
};

struct pipeline_chunks {
    struct pipeline_chunk *list;
    size_t count, cap;
};

struct pipeline_item {
    enum pipeline_kind kind;
    struct manifest_leaf *leaf; /* KEEP: held; entries first .. first + count - 1 */
    uint32_t first, count;
    struct node node;           /* of the others; borrows from the unit's arena */
    uint64_t dev, ino;          /* as the walk saw them, for link groups */
    bool known;                 /* PUT: the parent had its content */
    struct source_place *place; /* FILE: held */
    bool sparse, leads;         /* leads: the first name of a link group */
    struct pipeline_was was;
    enum pipeline_outcome outcome;
    size_t chunk_first, chunk_count;
    int code; /* what went wrong, or 0 */
    const char *message;
};

struct pipeline_piece { /* of a chain */
    struct pool_job job;
    struct err_trail trail;
    struct pipeline_unit *unit;
    struct pipeline_piece *next; /* in the list of spare ones */
    uint8_t *data;
    size_t cap;
    size_t len;     /* of data: what was left over, and what was read */
    size_t left_at; /* what comes after the last cut begins here */
    struct pipeline_chunks chunks;
    struct cipher_id *ids;
    bool last;
};

struct pipeline_chain {      /* one large file */
    pthread_mutex_t lock;    /* over started, taken, stalled, stop */
    uint64_t started, taken; /* pieces submitted, and consumed by the calling thread */
    bool stalled;            /* the next one waits for a place in the ring */
    bool stop;
    struct pipeline_piece *ring[PIPELINE_RING];
    size_t ring_size;
    const char *path; /* the file's, for the calling thread */
    size_t path_len;
    struct source_file file; /* from here on: the jobs', in the order of the chain */
    bool open;
    bool paged, paged_known;
    bool again; /* it did not hold still: to be read once more */
    int tries;
    uint64_t limit;      /* where it ends, as far as is known */
    uint64_t offset;     /* read so far */
    uint64_t extent_end; /* data is known to reach to here */
};

struct pipeline_unit {
    struct pool_job job; /* of a unit of small files */
    struct err_trail trail;
    struct pipeline *pipeline;
    struct pipeline_unit *next;
    bool is_chain, submitted, content_begun;
    uint64_t charge; /* of the budget */
    struct arena arena;
    struct pipeline_item *items;
    size_t count, cap;
    size_t consumed; /* items written down */
    uint64_t bytes;  /* sizes of the files to be read */
    uint64_t bytes_read;
    size_t reads; /* files to be read */
    struct buf data;
    struct pipeline_chunks chunks;
    struct cipher_id *ids;
    struct source_detail detail;
    struct pipeline_chain chain;
};

struct pipeline {
    struct pipeline_options o;
    const struct chunker *chunker;
    const struct chunker_params *cut;
    struct pipeline_unit *head, *tail; /* submitted or complete, in order */
    struct pipeline_unit *open;        /* being gathered; NULL if none */
    struct pipeline_unit *spare_units;
    struct pipeline_piece *spare_pieces;
    uint64_t in_flight; /* charges of all in the queue */
    struct manifest_content *content;
    struct linkmap *links;
    struct buf xattrs;
    uint64_t bytes_done, bytes_read;
};

/* ---- pipeline_unit.c: gathering, recycling ---- */

int pipeline_unit_get(struct pipeline *p, struct pipeline_unit **out_unit);
void pipeline_unit_put(struct pipeline *p, struct pipeline_unit *u);
void pipeline_unit_free(struct pipeline_unit *u);
int pipeline_unit_item(struct pipeline_unit *u, struct pipeline_item **out_item);
int pipeline_piece_get(struct pipeline *p, struct pipeline_piece **out_piece);
void pipeline_piece_put(struct pipeline *p, struct pipeline_piece *piece);
void pipeline_piece_free(struct pipeline_piece *piece);

/* ---- pipeline_cut.c: cutting, hashing, comparing; any thread ---- */

int pipeline_add_chunk(struct pipeline_chunks *chunks, size_t offset, uint64_t len, bool hole);
/*
 * Cuts data[*at .. len) as far as cuts are certain; *at becomes where the rest begins (len if
 * `last`).
 */
int pipeline_cut(const struct pipeline *p, bool paged, const uint8_t *data, size_t *at, size_t len,
                 bool last, struct pipeline_chunks *chunks);
/*
 * Reads up to `want` bytes, and stops before that only at the end of the file or when there are
 * `enough`.
 */
int pipeline_read_full(struct source *s, struct source_file *file, uint8_t *out, size_t want,
                       size_t enough, uint64_t offset, size_t *out_got);
/* Computes the ids of all chunks. */
int pipeline_hash(struct cipher_id *ids, const uint8_t *data, struct pipeline_chunks *chunks);
/* Whether two stats of a file are of the same state of it. */
bool pipeline_held_still(const struct node *before, const struct node *after);
/* Whether a file that was read to its size as of `before` has grown since, and nothing else. */
bool pipeline_only_grew(const struct node *before, const struct node *after, uint64_t got);
/* Puts this thread's error trail into the item. */
void pipeline_blame(struct pipeline_unit *u, struct pipeline_item *item, int code);
/* Reads attributes into the unit's arena; what can't be read is blamed, not returned. */
int pipeline_take_detail(struct pipeline_unit *u, struct pipeline_item *item,
                         struct source_file *file);

/* ---- pipeline_small.c, pipeline_chain.c ---- */

int pipeline_small_run(struct pool_job *job);
/* Sets up a unit of one item as a chain and lets it begin. */
int pipeline_chain_begin(struct pipeline_unit *u);
/* The piece whose turn it is; NULL if it is not done and `wait` is false. */
int pipeline_chain_next(struct pipeline_unit *u, bool wait, struct pipeline_piece **out_piece);
/* That piece has been consumed. *out_again: the file did not hold still and is read once more. */
int pipeline_chain_taken(struct pipeline_unit *u, bool *out_again);
void pipeline_chain_end(struct pipeline_unit *u);

/* ---- pipeline_feed.c: into run and manifest; the calling thread ---- */

/* Consumes as much of the unit as is done, all of it if `wait`. *out_done: it was all. */
int pipeline_feed(struct pipeline *p, struct pipeline_unit *u, bool wait, bool *out_done);
int pipeline_feed_keep(struct pipeline *p, struct manifest_leaf *leaf, uint32_t first,
                       uint32_t count);
int pipeline_feed_put(struct pipeline *p, const struct node *n, bool known);

#endif
