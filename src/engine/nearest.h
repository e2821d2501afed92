/*
 * nearest.h - "did you mean": the known word that is most like one that is not.
 *
 * Offer all that is known; best is then the most similar one, or NULL when none is near enough to
 * be a misspelling. Borrows all text.
 */
#ifndef HF_ENGINE_NEAREST_H
#define HF_ENGINE_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *asked;
    const char *best;
    size_t reach; /* only what is nearer than this is taken */
};

void nearest_init(struct nearest *n, const char *asked);
void nearest_offer(struct nearest *n, const char *known);

#endif
