/*
 * losses.h - what could not be given back as it was, kept for the document that a command ends in.
 */
#ifndef HF_APP_LOSSES_H
#define HF_APP_LOSSES_H

#include <stdint.h>

#include "app/json.h"

#define LOSSES_LISTED 10000u

struct loss;

struct losses { /* zeros: none */
    struct loss *list;
    size_t count, capacity;
};

/* Keeps one of the first LOSSES_LISTED; where memory is short, what is counted must do. */
void losses_keep(struct losses *l, const char *path, size_t path_len, const char *what,
                 const char *why);
/* "losses", and "losses_omitted": how many of `all` are not among them. */
void losses_json(struct json *j, const struct losses *l, uint64_t all);
void losses_release(struct losses *l);

#endif
