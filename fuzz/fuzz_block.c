/*
 * fuzz_block.c - any bytes as the plaintext of a record: parsed, and decoded if they are a block.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "format/block.h"
#include "fuzz_format.h"

#define DECODE_LIMIT (1u << 20) /* larger ones cost the fuzzer time and show nothing new */

/* A block without compression has one encoding. */
static void check_encoding(const struct block_view *v, const uint8_t *chunks, const uint8_t *data,
                           size_t size)
{
    uint32_t *lengths = mem_array(v->count, sizeof *lengths);
    struct buf b;

    buf_init(&b);
    fuzz_require(lengths != NULL);
    for (uint32_t i = 0; i < v->count; i++) {
        lengths[i] = block_chunk_len(v, i);
    }
    fuzz_require(block_encode(chunks, lengths, v->count, NULL, &b) == 0);
    if (v->codec == CODEC_NONE) {
        fuzz_require(b.len == size && memcmp(b.data, data, size) == 0);
    }
    buf_release(&b);
    mem_free(lengths);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec *codec;
    struct block_view v;
    uint8_t *chunks;

    if (codec == NULL) {
        fuzz_require(codec_new(CODEC_ZSTD, 1, &codec) == 0);
    }
    if (block_parse(data, size, &v) != 0) {
        return 0;
    }
    fuzz_require(v.plain_len <= BLOCK_MAX_BYTES && v.count <= BLOCK_MAX_CHUNKS);
    if (v.plain_len > DECODE_LIMIT) {
        return 0;
    }
    chunks = mem_alloc(v.plain_len);
    fuzz_require(chunks != NULL);
    if (block_decode(&v, codec, chunks) == 0) {
        check_encoding(&v, chunks, data, size);
    }
    mem_free(chunks);
    return 0;
}
