/*
 * marks.h - which chunks of which segments are needed: what garbage collection knows.
 *
 * One bit for each chunk that a segment holds, and for each block how much of it is alive; ids are
 * not kept, so that ten million chunks cost a few MiB. A chunk that has several homes is marked in
 * the one with the lowest ordinal, which every client would choose. Segments that were adopted
 * after the marks were made are not condemned by them, so nothing is noted about these.
 */
#ifndef HF_STORE_MARKS_H
#define HF_STORE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/repo.h"

struct marks;

struct marks_segment {    /* bytes of records as they stand in the file */
    uint64_t bytes;       /* of all its blocks */
    uint64_t alive_bytes; /* of what is needed, dead chunks of needed blocks left out */
    uint64_t chunks;      /* in the blocks in which something is needed */
    bool known;           /* not condemned when the marks were made */
    bool leaving;         /* a prune is about to condemn it */
    bool spared;          /* something in it was marked since it has been leaving */
};

/* Reads the footers of all segments that are not condemned: HF_EDAMAGE if one can't be read. */
int marks_new(struct repo *r, struct marks **out_marks);
void marks_free(struct marks *m);

/* This chunk is needed. HF_EDAMAGE if it has no home. */
int marks_add(struct marks *m, const uint8_t id[32]);

/* Segments known to the marks, by their ordinals. */
uint32_t marks_count(const struct marks *m);
struct marks_segment marks_segment(const struct marks *m, uint32_t ordinal);
/* From now on a new mark in this segment spares it. */
void marks_leave(struct marks *m, uint32_t ordinal);
/* It has been condemned, or is not to go after all. */
void marks_stay(struct marks *m, uint32_t ordinal);
bool marks_has(const struct marks *m, uint32_t ordinal, uint64_t position, uint32_t slot);
uint64_t marks_bytes_read(const struct marks *m); /* of footers */

#endif
