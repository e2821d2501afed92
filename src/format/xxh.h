/*
 * xxh.h - XXH3-64, for the sums of a segment: a scrub without keys.
 */
#ifndef HF_FORMAT_XXH_H
#define HF_FORMAT_XXH_H

#include <stddef.h>
#include <stdint.h>

uint64_t xxh_64(const void *data, size_t len);

/* A hash over pieces; one allocation, which xxh_new makes and xxh_free frees. */
struct xxh;
int xxh_new(struct xxh **out_state);
void xxh_free(struct xxh *x);
void xxh_reset(struct xxh *x);
void xxh_add(struct xxh *x, const void *data, size_t len);
uint64_t xxh_sum(const struct xxh *x);

#endif
