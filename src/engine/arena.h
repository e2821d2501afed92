/*
 * arena.h - memory for many small things that are freed together.
 *
 * What was given out never moves. Clearing keeps the memory for the next round, so a recycled
 * arena allocates nothing. Not thread-safe.
 */
#ifndef HF_ENGINE_ARENA_H
#define HF_ENGINE_ARENA_H

#include <stddef.h>

#include "format/node.h"

struct arena_block;

struct arena {
    struct arena_block *first; /* all blocks, in order */
    struct arena_block *at;    /* the one in use; those behind it are empty */
    size_t block;              /* how much is asked for at once */
    size_t bytes;              /* given out since the last clear */
};

void arena_init(struct arena *a);
/* The same for little: at most these many bytes are held in reserve. */
void arena_init_small(struct arena *a, size_t block);
void arena_release(struct arena *a);
void arena_clear(struct arena *a);

/* NULL when memory is out. Aligned for anything. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy, with a NUL behind it; NULL when memory is out. */
char *arena_text(struct arena *a, const void *data, size_t len);

/* Copies a node with all that it borrows; texts get a NUL behind them. HF_ENOMEM. */
int arena_node(struct arena *a, const struct node *from, struct node *out);
/* Copies parts of it in place: what detail() has filled in; references. */
int arena_node_detail(struct arena *a, struct node *n);
int arena_node_refs(struct arena *a, struct node *n);

#endif
