/*
 * segverify.h - reading every block of a segment and computing every chunk's id anew.
 *
 * What `check --read-data` is made of. A verifier serves one thread at a time.
 */
#ifndef HF_STORE_SEGVERIFY_H
#define HF_STORE_SEGVERIFY_H

#include <stdbool.h>

#include "base/err.h"
#include "store/segreader.h"

struct segverify;

int segverify_new(const struct keyring *keys, struct segverify **out_verifier);
void segverify_free(struct segverify *v);

/*
 * Reads the blocks that the footer lists. bad[i] is set to 1 for each block that is not what was
 * written or can't be read, with the first reason in `why`; returns 0 if all are good, HF_EDAMAGE
 * if any is bad or has something else than zeros behind it, or why it could not be told.
 */
int segverify_blocks(struct segverify *v, struct segreader *r, const struct segment_footer *f,
                     uint8_t *bad, uint64_t *out_bytes, struct err_trail *why);

/*
 * The zeros behind the footer's record and, with `blocks`, behind each block's: what no hash
 * but the sums covers, and no reader needs. HF_EDAMAGE.
 */
int segverify_padding(struct segreader *r, const struct segment_footer *f, bool blocks);

#endif
