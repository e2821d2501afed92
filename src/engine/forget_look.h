/*
 * forget_look.h - whether the data of snapshots are still there, and if not, since when.
 */
#ifndef HF_ENGINE_FORGET_LOOK_H
#define HF_ENGINE_FORGET_LOOK_H

#include <stddef.h>
#include <stdint.h>

#include "store/repo.h"

/*
 * Looks for a home of every chunk that these snapshots need, as of the view of `r`; ids that are
 * of no snapshot are passed over. HF_EFAIL names the first snapshot of which data have been pruned:
 * which chunks, and since which entries. HF_EDAMAGE: data are missing that no prune has taken away.
 */
int forget_look(struct repo *r, const uint8_t (*ids)[16], size_t count);

/*
 * What became of reading a snapshot: if it is HF_EDAMAGE because the snapshot has been forgotten
 * and pruned meanwhile, as far as the view of `r` knows, HF_ECHANGED that says so. Else rc as it
 * was.
 */
int forget_look_explain(struct repo *r, const uint8_t id[16], int rc);

#endif
