/*
 * forget.h - snapshots that are not wanted any more, and those that are again.
 *
 * Forgetting is an entry of the journal: nothing is removed by it, and it can be undone as long as
 * every chunk that the snapshot needs still has a home.
 */
#ifndef HF_ENGINE_FORGET_H
#define HF_ENGINE_FORGET_H

#include <stddef.h>
#include <stdint.h>

#include "store/repo.h"

/*
 * Forgets these snapshots by one entry, whose number is *out_number; 0 if somebody else has
 * forgotten all of them meanwhile. HF_EUNKNOWN: the entry may still appear.
 */
int forget_publish(struct repo *r, const uint8_t (*ids)[16], size_t count, uint64_t *out_number);

/*
 * Undoes it, by one entry again. HF_EFAIL, HF_EDAMAGE: data of one of them are gone
 * (forget_look.h).
 */
int forget_undo(struct repo *r, const uint8_t (*ids)[16], size_t count, uint64_t *out_number);

#endif
