/*
 * segment.h - the bytes of a segment: header, records, footer, sums, trailer.
 *
 * Format: "Segment" in docs/format.md. Encoding and decoding only; store/segwriter.h writes files
 * and store/segreader.h reads them. Decoders accept any bytes and answer HF_EDAMAGE (it is not what
 * was written) or HF_ENEWER (a version this program does not know).
 */
#ifndef HF_FORMAT_SEGMENT_H
#define HF_FORMAT_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rnd.h"
#include "format/cipher.h"
#include "format/keyring.h"

#define SEGMENT_HEADER_BYTES 192u
#define SEGMENT_RECORD_HEADER_BYTES 32u
#define SEGMENT_TRAILER_BYTES 128u
#define SEGMENT_SUM_SPAN (1u << 20)
#define SEGMENT_ALIGN 8u
#define SEGMENT_MAX_BYTES (1ull << 34) /* positions are u32 in units of 8 */
#define SEGMENT_KEY_BYTES 32u

enum segment_record { SEGMENT_DATA = 1, SEGMENT_PAGES = 2, SEGMENT_FOOTER = 3 };

struct segment_header {
    uint32_t epoch;
    uint8_t repo_id[16];
    uint8_t uuid[16];
    uint32_t domain;
    enum cipher_kind cipher;
    uint8_t sealed_key[80];
};

void segment_header_encode(const struct segment_header *h, uint8_t out[SEGMENT_HEADER_BYTES]);
int segment_header_decode(const void *data, size_t len, struct segment_header *out);

/* The payload and its tag, rounded up to the alignment, with the record header. */
uint64_t segment_record_bytes(uint64_t plain_len);

struct segment_record_header {
    enum segment_record type;
    uint32_t payload_len; /* with tag */
    uint64_t position;
    uint8_t nonce[CIPHER_NONCE_BYTES];
};

int segment_record_header_decode(const void *data, size_t len, struct segment_record_header *out);

/*
 * Makes a whole record - header, ciphertext, tag, padding - of exactly
 * segment_record_bytes(plain_len) bytes at out. out + SEGMENT_RECORD_HEADER_BYTES may be plain.
 */
int segment_record_seal(struct cipher *c, const uint8_t key[32], const uint8_t uuid[16],
                        enum segment_record type, uint64_t position,
                        const uint8_t nonce[CIPHER_NONCE_BYTES], const void *plain,
                        size_t plain_len, uint8_t *out);

/*
 * Opens a record that lies at data (header and payload, len bytes in all or more): checks that it
 * is of this type and stands at this position, and writes its plaintext to out_plain (payload_len -
 * tag bytes; may be the payload's place). HF_EDAMAGE.
 */
int segment_record_open(struct cipher *c, const uint8_t key[32], const uint8_t uuid[16],
                        enum segment_record type, uint64_t position, uint8_t *data, size_t len,
                        uint8_t *out_plain, size_t *out_plain_len);

struct segment_block {
    uint64_t position;
    uint32_t payload_len;
    uint32_t plain_len;
    uint32_t chunk_count;
    uint32_t first_chunk; /* into the chunks of the footer; computed */
    enum segment_record type;
};

struct segment_chunk {
    uint8_t id[32];
    uint32_t len;
};

struct segment_footer {
    struct segment_block *blocks;
    size_t block_count;
    struct segment_chunk *chunks;
    size_t chunk_count;
};

int segment_footer_encode(const struct segment_footer *f, struct buf *out);
/* Fresh memory, released by segment_footer_release. Every count and position is checked. */
int segment_footer_decode(const void *plain, size_t len, struct segment_footer *out);
void segment_footer_release(struct segment_footer *f);

struct segment_trailer {
    uint8_t uuid[16];
    uint8_t repo_id[16];
    uint64_t footer_position;
    uint32_t footer_payload_len;
    uint32_t sum_count;
    uint64_t sums_position;
    uint64_t file_len;
    uint32_t record_count;
    uint8_t hash[32]; /* of header, footer record, sums */
};

void segment_trailer_encode(const struct segment_trailer *t, uint8_t out[SEGMENT_TRAILER_BYTES]);
/* file_len is what the file system says; the trailer must agree. */
int segment_trailer_decode(const void *data, size_t len, uint64_t file_len,
                           struct segment_trailer *out);
void segment_trailer_hash(const uint8_t trailer[SEGMENT_TRAILER_BYTES], uint8_t out[32]);

/* Appends a readable description of a whole segment; keys NULL: what can be told without. */
int segment_describe(const void *data, size_t len, const struct keyring *keys, struct buf *out);

#endif
