/*
 * codec_zstd.c - Zstandard; the only file that includes its header.
 *
 * One frame a block, without content size and checksum: the block records the length, and the
 * record around it is authenticated. The same input at the same level gives the same bytes,
 * whatever the context has compressed before.
 */
#define ZSTD_STATIC_LINKING_ONLY /* for ZSTD_customMem, so that memory can be made to fail */
#include <zstd.h>
#include <zstd_errors.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/codec_impl.h"

struct zstd_state {
    int level;
    ZSTD_CCtx *encoder; /* each made at its first use: a restore needs no encoder */
    ZSTD_DCtx *decoder;
};

static void *zstd_alloc(void *opaque, size_t size)
{
    (void)opaque;
    return mem_alloc(size);
}

static void zstd_free(void *opaque, void *block)
{
    (void)opaque;
    mem_free(block);
}

static const ZSTD_customMem memory = { zstd_alloc, zstd_free, NULL };

static int zstd_open(int level, void **out_state)
{
    struct zstd_state *s = mem_zalloc(sizeof *s);
    if (!s) {
        return err_nomem();
    }
    s->level = level;
    *out_state = s;
    return 0;
}

static void zstd_close(void *state)
{
    struct zstd_state *s = state;
    ZSTD_freeCCtx(s->encoder);
    ZSTD_freeDCtx(s->decoder);
    mem_free(s);
}

static int encode_error(size_t code)
{
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) {
        return err_nomem();
    }
    return err_raise(HF_EFAIL, "zstd could not compress: %s", ZSTD_getErrorName(code));
}

static int make_encoder(struct zstd_state *s)
{
    ZSTD_CCtx *encoder = ZSTD_createCCtx_advanced(memory);
    if (!encoder) {
        return err_nomem();
    }
    const struct {
        ZSTD_cParameter name;
        int value;
    } settings[] = {
        { ZSTD_c_compressionLevel, s->level },
        { ZSTD_c_contentSizeFlag, 0 },
        { ZSTD_c_checksumFlag, 0 },
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        size_t result = ZSTD_CCtx_setParameter(encoder, settings[i].name, settings[i].value);
        if (ZSTD_isError(result)) {
            ZSTD_freeCCtx(encoder);
            return encode_error(result);
        }
    }
    s->encoder = encoder;
    return 0;
}

static int zstd_encode(void *state, const void *data, size_t len, void *out, size_t out_max,
                       size_t *out_len)
{
    struct zstd_state *s = state;
    *out_len = 0;
    if (!s->encoder) {
        int rc = make_encoder(s);
        if (rc != 0) {
            return rc;
        }
    }
    size_t result = ZSTD_compress2(s->encoder, out, out_max, data, len);
    if (!ZSTD_isError(result)) {
        *out_len = result;
        return 0;
    }
    if (ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall) {
        return 0;
    }
    return encode_error(result);
}

/*
 * zstd itself accepts several frames one after the other, and frames that are to be skipped: here
 * the block is one frame and nothing else.
 */
static int check_one_frame(const void *data, size_t len)
{
    if (len < 4 || le_get32(data) != ZSTD_MAGICNUMBER) {
        return err_raise(HF_EDAMAGE, "a block is not a zstd frame");
    }
    size_t frame_len = ZSTD_findFrameCompressedSize(data, len);
    if (ZSTD_isError(frame_len)) {
        return err_raise(HF_EDAMAGE, "a zstd frame is damaged: %s", ZSTD_getErrorName(frame_len));
    }
    if (frame_len != len) {
        return err_raise(HF_EDAMAGE, "%zu bytes follow a zstd frame", len - frame_len);
    }
    return 0;
}

static int zstd_decode(void *state, const void *data, size_t len, void *out, size_t plain_len)
{
    struct zstd_state *s = state;
    int rc = check_one_frame(data, len);
    if (rc != 0) {
        return rc;
    }
    if (!s->decoder) {
        s->decoder = ZSTD_createDCtx_advanced(memory);
        if (!s->decoder) {
            return err_nomem();
        }
    }
    size_t result = ZSTD_decompressDCtx(s->decoder, out, plain_len, data, len);
    if (ZSTD_isError(result)) {
        if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) {
            return err_nomem();
        }
        return err_raise(HF_EDAMAGE, "a zstd frame is damaged: %s", ZSTD_getErrorName(result));
    }
    if (result != plain_len) {
        return err_raise(HF_EDAMAGE, "a zstd frame holds %zu bytes instead of %zu", result,
                         plain_len);
    }
    return 0;
}

const struct codec_impl codec_zstd_impl = {
    .name = "zstd",
    .min_level = 1,
    .max_level = 19,
    .default_level = 1,
    .open = zstd_open,
    .close = zstd_close,
    .encode = zstd_encode,
    .decode = zstd_decode,
};
