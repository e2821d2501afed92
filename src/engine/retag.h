/*
 * retag.h - changing the tags of a snapshot. Its id does not change.
 */
#ifndef HF_ENGINE_RETAG_H
#define HF_ENGINE_RETAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/repo.h"

struct retag_change { /* what becomes of the tags, in this order */
    bool replace;     /* all go; `add` is what there will be */
    char *const *remove;
    size_t remove_count;
    char *const *add;
    size_t add_count;
};

/*
 * Publishes the tags of one snapshot as an entry: the change is applied to the tags at the tip of
 * the journal, so that two changes at once are both in it. *out_number is 0 when nothing changes.
 */
int retag_publish(struct repo *r, const uint8_t id[16], const struct retag_change *change,
                  uint64_t *out_number);

/* The tags that a snapshot would have: borrowed, in an array of fresh memory. */
int retag_apply(const struct commit *c, const struct retag_change *change, char ***out_tags,
                size_t *out_count);

#endif
