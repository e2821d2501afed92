/*
 * rollup.h - keeping a long journal cheap: many entries in one file, byte for byte.
 *
 * A roll-up covers entries that all lie at or below the head, ROLL_SMALL of them as a rule. Once it
 * is durable and has been read back and compared, each single entry may be replaced by an empty
 * file of the same name: the number stays taken for ever, so that a client that slept can't publish
 * under it again.
 */
#ifndef HF_STORE_ROLLUP_H
#define HF_STORE_ROLLUP_H

#include <stdint.h>

#include "store/repo.h"

struct rollup_result {
    uint64_t rolls;   /* made */
    uint64_t entries; /* whose single files were emptied */
};

/*
 * Rolls up whatever is due, `size` entries at a time. May be interrupted and repeated anywhere, by
 * several clients at once, which must agree on the size.
 */
int rollup_run(struct repo *r, uint32_t size, struct rollup_result *out_result);

#endif
