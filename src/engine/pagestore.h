/*
 * pagestore.h - where the pages of a manifest are kept: all that it knows of a repository.
 *
 * A pagestore serves one thread at a time; two threads take one each. Whoever implements it
 * fills in the functions; backup has one over its pipeline and a repo_reader, tests have one in
 * memory.
 */
#ifndef HF_ENGINE_PAGESTORE_H
#define HF_ENGINE_PAGESTORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PAGESTORE_ID_BYTES 32

struct pagestore {
    /*
     * Stores a page as a chunk, if it is not there yet, and says its id. NULL in one to be read
     * only.
     */
    int (*put)(struct pagestore *p, const void *page, size_t len,
               uint8_t out_id[PAGESTORE_ID_BYTES]);
    /*
     * Replaces what is in out by the page with this id, verified. Also finds what put was given
     * a moment ago. HF_EDAMAGE when it is missing or wrong.
     */
    int (*get)(struct pagestore *p, const uint8_t id[PAGESTORE_ID_BYTES], struct buf *out);
    void *context;
};

#endif
