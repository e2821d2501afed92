/*
 * simrot.h - damage to what a simulated disk holds: rot, misdirected writes, lost files.
 *
 * Paths are from the root of the disk. Damage is durable, and recording starts anew; a sweep
 * damages a simdisk_fork of a good disk. Naming a file that is not there is a wrong use of the
 * harness.
 */
#ifndef HF_HARNESS_SIMROT_H
#define HF_HARNESS_SIMROT_H

#include "harness/simdisk.h"

/* Visits the files whose paths begin with prefix, ordered; a non-zero return ends it. */
typedef int (*simrot_fn)(void *context, const char *path, size_t len);
int simrot_each(const struct simdisk *d, const char *prefix, simrot_fn each, void *context);

/* What a file holds, borrowed until the disk changes; NULL if it is not there. */
const uint8_t *simrot_look(const struct simdisk *d, const char *path, size_t *out_len);

void simrot_flip(struct simdisk *d, const char *path, uint64_t bit);
void simrot_zero(struct simdisk *d, const char *path, size_t offset, size_t len);
void simrot_cut(struct simdisk *d, const char *path, size_t len); /* or zeros appended */
void simrot_delete(struct simdisk *d, const char *path);
void simrot_swap(struct simdisk *d, const char *a, const char *b); /* the contents */
/* Makes the file, if it is absent, in a folder that is there. */
void simrot_replace(struct simdisk *d, const char *path, const void *data, size_t len);

#endif
