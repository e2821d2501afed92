/*
 * simbytes.h - the content of files: bytes that are shared until somebody changes them.
 *
 * The visible tree, what is durable, the recorded writes and thousands of crash states refer to the
 * same bytes. NULL is a valid value: no bytes.
 */
#ifndef HF_HARNESS_SIMBYTES_H
#define HF_HARNESS_SIMBYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct simbytes {
    uint32_t refs;
    bool hashed;
    uint64_t hash;
    size_t len;
    size_t capacity;
    uint8_t *data;
};

struct simbytes *simbytes_new(const void *data, size_t len);
struct simbytes *simbytes_ref(struct simbytes *b);
void simbytes_unref(struct simbytes *b);
size_t simbytes_len(const struct simbytes *b);
uint64_t simbytes_hash(struct simbytes *b);
/* Changes *b, making an own copy if it is shared. A gap before offset becomes zeros. */
void simbytes_write(struct simbytes **b, uint64_t offset, const void *data, size_t len);
void simbytes_resize(struct simbytes **b, size_t len);

#endif
