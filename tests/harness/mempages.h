/*
 * mempages.h - a pagestore in memory, which counts, forgets on demand, and fails on demand.
 *
 * Ids are BLAKE2b-256 of the page. nacl_init must have succeeded.
 */
#ifndef HF_HARNESS_MEMPAGES_H
#define HF_HARNESS_MEMPAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/pagestore.h"

struct map;

struct mempages {
    struct pagestore pages; /* what is handed to those under test */
    struct map *map;
    uint64_t puts;  /* calls of put */
    uint64_t fresh; /* of these, of pages that were not there */
    uint64_t fresh_bytes;
    uint64_t gets;
    uint64_t fail_put_at; /* the n-th put from now on fails with HF_ENOSPC; 0: none does */
    bool refuse_gets;     /* HF_EIO for every get */
};

int mempages_open(struct mempages *m);
void mempages_close(struct mempages *m);
/* The page is gone from now on: getting it is HF_EDAMAGE. */
void mempages_lose(struct mempages *m, const uint8_t id[32]);
/* Other bytes under this id; they are copied. */
int mempages_replace(struct mempages *m, const uint8_t id[32], const void *data, size_t len);
/* The bytes of a page, or NULL; borrowed. */
const uint8_t *mempages_find(const struct mempages *m, const uint8_t id[32], size_t *out_len);
void mempages_reset_counts(struct mempages *m);

#endif
