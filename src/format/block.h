/*
 * block.h - the plaintext of a record: chunks packed together, compressed as one.
 *
 * Format: "Block" in docs/format.md. Nothing in here encrypts; see segment.h.
 */
#ifndef HF_FORMAT_BLOCK_H
#define HF_FORMAT_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/codec.h"

#define BLOCK_TARGET_BYTES (1u << 20) /* a block is closed when its chunks reach this */
#define BLOCK_MAX_BYTES (16u << 20)   /* of chunks; a reader refuses more */
#define BLOCK_MAX_CHUNKS (1u << 16)

/*
 * Encodes chunks that lie one after the other in data. Appends to out. Chooses CODEC_NONE by itself
 * when compression does not pay. The result depends on nothing but the arguments.
 */
int block_encode(const void *data, const uint32_t *lengths, size_t count, struct codec *codec,
                 struct buf *out);

/* How many bytes of a block with so many chunks come before them. */
size_t block_head_bytes(size_t count);
/*
 * The same for chunks that have block_head_bytes(count) writable bytes before them. Where
 * compression does not pay, those become the head, out is left as it was and *out_framed is true:
 * the block is what lies there, and nothing was copied.
 */
int block_encode_or_frame(uint8_t *chunks, const uint32_t *lengths, size_t count,
                          struct codec *codec, struct buf *out, bool *out_framed);

struct block_view {
    enum codec_kind codec;
    uint32_t plain_len;
    uint32_t count;
    const uint8_t *lengths; /* count little-endian u32s */
    const uint8_t *body;
    size_t body_len;
};

/* Splits the plaintext of a record and checks every bound. HF_EDAMAGE. */
int block_parse(const void *plain, size_t len, struct block_view *out_view);
/* Decodes the chunks into out, which holds view->plain_len bytes. */
int block_decode(const struct block_view *view, struct codec *codec, void *out);
/*
 * The same, where they are: borrowed from the view if they were stored as they are, else decoded
 * into scratch.
 */
int block_chunks(const struct block_view *view, struct codec *codec, struct buf *scratch,
                 const uint8_t **out_chunks);
uint32_t block_chunk_len(const struct block_view *view, uint32_t slot);

#endif
