/*
 * rnd.h - random bytes: the system's for secrets, a seeded generator for tests and sampling.
 *
 * A struct rnd is passed to whoever needs randomness, so that a test can fix it. The seeded
 * generator is not for secrets.
 */
#ifndef HF_BASE_RND_H
#define HF_BASE_RND_H

#include <stddef.h>
#include <stdint.h>

struct rnd {
    int (*fill)(struct rnd *r, void *out, size_t len); /* 0 or an error code */
    uint64_t state[4];
};

struct rnd *rnd_system(void);                       /* getrandom(2); thread-safe */
void rnd_init_seeded(struct rnd *r, uint64_t seed); /* deterministic; one thread at a time */
int rnd_bytes(struct rnd *r, void *out, size_t len);
uint64_t rnd_u64(struct rnd *r);                   /* seeded generators only */
uint64_t rnd_below(struct rnd *r, uint64_t bound); /* uniform in [0, bound), bound > 0; seeded */

#define UUID_BYTES 16
int rnd_uuid(struct rnd *r, uint8_t out[UUID_BYTES]);

#endif
