/*
 * nearest.c - see nearest.h. The longer a word, the more slips of the finger it allows.
 */
#include "engine/nearest.h"

#include <string.h>

#include "base/text.h"

void nearest_init(struct nearest *n, const char *asked)
{
    size_t len = strlen(asked);

    n->asked = asked;
    n->best = NULL;
    n->reach = len < 3 ? 2 : len < 6 ? 3 : 4;
}

void nearest_offer(struct nearest *n, const char *known)
{
    size_t distance = text_distance(n->asked, known, n->reach);

    if (distance < n->reach) {
        n->best = known;
        n->reach = distance;
    }
}
