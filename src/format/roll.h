/*
 * roll.h - roll-ups: many journal entries, byte for byte, in one file.
 *
 * Format: "Roll-up" in docs/format.md. Decoding checks the frame (magic, lengths, hash); each entry
 * inside is checked like any other entry.
 */
#ifndef HF_FORMAT_ROLL_H
#define HF_FORMAT_ROLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ROLL_HEADER_BYTES 64u
#define ROLL_HASH_BYTES 32u
#define ROLL_NAME_BYTES 26
#define ROLL_SMALL 1024u

struct roll_view {
    uint64_t first, last;
    uint32_t count;
    uint8_t repo_id[16];
    const uint8_t *lengths;
    const uint8_t *entries;
    size_t entries_len;
};

/* entries: the files one after the other, lengths: count of them. */
int roll_encode(const uint8_t repo_id[16], uint64_t first, const uint32_t *lengths, uint32_t count,
                const void *entries, size_t entries_len, struct buf *out);
int roll_decode(const void *data, size_t len, struct roll_view *out);
uint32_t roll_entry_len(const struct roll_view *v, uint32_t index);

void roll_name(uint64_t first, uint64_t last, char out[ROLL_NAME_BYTES]);
bool roll_parse_name(const char *name, uint64_t *out_first, uint64_t *out_last);
int roll_describe(const void *data, size_t len, struct buf *out);

#endif
