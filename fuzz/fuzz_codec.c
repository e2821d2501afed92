/*
 * fuzz_codec.c - blocks of any content are decoded or refused, and what is encoded comes back.
 *
 * The first byte chooses codec and level, the next two the length that is expected of the rest.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/codec.h"

static void decode_anything(struct codec *c, const uint8_t *data, size_t len, size_t plain_len)
{
    uint8_t *out = mem_alloc(plain_len);

    if (!out) {
        return;
    }
    for (int kind = CODEC_NONE; kind <= CODEC_ZLIB; kind++) {
        int rc = codec_decode(c, (enum codec_kind)kind, data, len, out, plain_len);
        if (rc != 0 && rc != HF_EDAMAGE) {
            abort();
        }
    }
    mem_free(out);
}

static void encode_and_decode(struct codec *c, enum codec_kind kind, const uint8_t *data,
                              size_t len, size_t max)
{
    uint8_t *encoded = mem_alloc(max), *plain = mem_alloc(len);
    size_t encoded_len;

    if (encoded && plain) {
        if (codec_encode(c, data, len, encoded, max, &encoded_len) != 0 || encoded_len > max) {
            abort();
        }
        if (encoded_len > 0 && (codec_decode(c, kind, encoded, encoded_len, plain, len) != 0 ||
                                (len > 0 && memcmp(plain, data, len) != 0))) {
            abort();
        }
        (void)codec_worthwhile(data, len);
    }
    mem_free(encoded);
    mem_free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum codec_kind kind;
    size_t plain_len, len;
    int level;
    struct codec *c;
    uint8_t *exact;

    if (size < 3) {
        return 0;
    }
    kind = (enum codec_kind)(data[0] % 3);
    level = kind == CODEC_NONE ? 0 : 1 + data[0] / 3 % 9;
    plain_len = (size_t)data[1] | (size_t)data[2] << 8;
    len = size - 3;
    exact = mem_dup(data + 3, len);
    if (!exact) {
        return 0;
    }
    if (codec_new(kind, level, &c) != 0) {
        abort();
    }
    decode_anything(c, exact, len, plain_len);
    encode_and_decode(c, kind, exact, len, len);
    encode_and_decode(c, kind, exact, len, 2 * len + 100);
    codec_free(c);
    mem_free(exact);
    return 0;
}
