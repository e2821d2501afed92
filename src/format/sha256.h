/*
 * sha256.h - SHA-256 of two messages side by side, where the processor has instructions for it.
 *
 * One message alone leaves such a processor waiting for itself: each step needs the one before. Two
 * that are interleaved take hardly longer than one. Only whole blocks are dealt with here; padding
 * and HMAC are the caller's (cipher.c), and so is every processor without the instructions.
 */
#ifndef HF_FORMAT_SHA256_H
#define HF_FORMAT_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK_BYTES 64
#define SHA256_BYTES 32

struct sha256_state { /* of a message of which some blocks were taken in */
    uint32_t h[8];
};

/* Whether this processor can; the others must not call what follows. */
bool sha256_available(void);

void sha256_begin(struct sha256_state *s);
/* Takes in so many blocks. */
void sha256_blocks(struct sha256_state *s, const uint8_t *data, size_t blocks);
/* The same for two messages at once. */
void sha256_blocks_of_two(struct sha256_state *a, const uint8_t *data_a, struct sha256_state *b,
                          const uint8_t *data_b, size_t blocks);
/* The state as bytes: the digest, when the padding was taken in. */
void sha256_put(const struct sha256_state *s, uint8_t out[SHA256_BYTES]);

#endif
