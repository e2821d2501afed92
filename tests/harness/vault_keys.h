/*
 * vault_keys.h - changes of keys by simulated clients, and what they have promised.
 */
#ifndef HF_HARNESS_VAULT_KEYS_H
#define HF_HARNESS_VAULT_KEYS_H

#include "harness/vault.h"

/*
 * Opens the repository by whichever way there is, and adds way `way` under `name`, or puts it in
 * the place of that name. Notes "way N begun" before and "way N valid" after; what it replaces is
 * noted as removed.
 */
int vault_key_add(struct simdisk *d, const char *name, unsigned way);
int vault_key_replace(struct simdisk *d, const char *name, unsigned way, unsigned old);
/* Notes "way N going" before and "way N removed" after. `by` is the way that `client` uses. */
int vault_key_remove(struct simdisk *d, const char *client, unsigned by, const char *name,
                     unsigned way);

/*
 * vault_verify, and the promises about keys: some way opens; a way opens that was acknowledged and
 * whose removal was not begun; one opens no more, and its file is gone, whose removal was
 * acknowledged; all that the journal knows to be valid is there and whole.
 */
int vault_verify_keys(struct simdisk *d);

#endif
