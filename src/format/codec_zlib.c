/*
 * codec_zlib.c - zlib; the only file that includes its header.
 *
 * One zlib stream (RFC 1950) a block, which anything can read. Streams are reset, not made anew.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/codec_impl.h"

struct zlib_state {
    int level;
    bool encoder_made, decoder_made; /* each at its first use: a restore needs no encoder */
    z_stream encoder, decoder;
};

static void *zlib_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return mem_array(count, size);
}

static void zlib_free(void *opaque, void *block)
{
    (void)opaque;
    mem_free(block);
}

static int zlib_open(int level, void **out_state)
{
    struct zlib_state *s = mem_zalloc(sizeof *s);
    if (!s) {
        return err_nomem();
    }
    s->level = level;
    s->encoder.zalloc = s->decoder.zalloc = zlib_alloc;
    s->encoder.zfree = s->decoder.zfree = zlib_free;
    *out_state = s;
    return 0;
}

static void zlib_close(void *state)
{
    struct zlib_state *s = state;
    if (s->encoder_made) {
        deflateEnd(&s->encoder);
    }
    if (s->decoder_made) {
        inflateEnd(&s->decoder);
    }
    mem_free(s);
}

static int stream_error(const char *what, int result)
{
    if (result == Z_MEM_ERROR) {
        return err_nomem();
    }
    return err_raise(HF_EFAIL, "zlib could not %s: %s", what, zError(result));
}

static int ready_encoder(struct zlib_state *s)
{
    int result = s->encoder_made ? deflateReset(&s->encoder) : deflateInit(&s->encoder, s->level);
    if (result != Z_OK) {
        return stream_error("compress", result);
    }
    s->encoder_made = true;
    return 0;
}

static int ready_decoder(struct zlib_state *s)
{
    int result = s->decoder_made ? inflateReset(&s->decoder) : inflateInit(&s->decoder);
    if (result != Z_OK) {
        return stream_error("decompress", result);
    }
    s->decoder_made = true;
    return 0;
}

/* zlib writes nowhere else than to next_out, and reads nothing past avail_in. */
static int set_ends(z_stream *z, const void *data, size_t len, void *out, size_t out_max)
{
    if (len > UINT_MAX || out_max > UINT_MAX) {
        return err_raise(HF_ELIMIT, "a block of %zu bytes is too large for zlib", len);
    }
    z->next_in = (z_const Bytef *)data;
    z->avail_in = (uInt)len;
    z->next_out = out;
    z->avail_out = (uInt)out_max;
    return 0;
}

static int zlib_encode(void *state, const void *data, size_t len, void *out, size_t out_max,
                       size_t *out_len)
{
    struct zlib_state *s = state;
    *out_len = 0;
    if (out_max == 0) {
        return 0;
    }
    int rc = ready_encoder(s);
    if (rc == 0) {
        rc = set_ends(&s->encoder, data, len, out, out_max);
    }
    if (rc != 0) {
        return rc;
    }

    int result = deflate(&s->encoder, Z_FINISH);
    if (result == Z_STREAM_END) {
        *out_len = out_max - s->encoder.avail_out;
    } else if (result != Z_OK && result != Z_BUF_ERROR) { /* those two: it does not fit */
        return stream_error("compress", result);
    }
    return 0;
}

static int zlib_decode(void *state, const void *data, size_t len, void *out, size_t plain_len)
{
    struct zlib_state *s = state;
    uint8_t nothing;
    int rc = ready_decoder(s);
    if (rc == 0) {
        rc = set_ends(&s->decoder, data, len, plain_len > 0 ? out : &nothing, plain_len);
    }
    if (rc != 0) {
        return rc;
    }

    int result = inflate(&s->decoder, Z_FINISH);
    if (result == Z_MEM_ERROR) {
        return err_nomem();
    }
    if (result != Z_STREAM_END) {
        return err_raise(HF_EDAMAGE, "a zlib stream is damaged: %s",
                         s->decoder.msg ? s->decoder.msg : "it does not end where it should");
    }
    if (s->decoder.avail_out != 0) {
        return err_raise(HF_EDAMAGE, "a zlib stream holds %zu bytes instead of %zu",
                         plain_len - s->decoder.avail_out, plain_len);
    }
    if (s->decoder.avail_in != 0) {
        return err_raise(HF_EDAMAGE, "%u bytes follow a zlib stream", s->decoder.avail_in);
    }
    return 0;
}

const struct codec_impl codec_zlib_impl = {
    .name = "zlib",
    .min_level = 1,
    .max_level = 9,
    .default_level = 6,
    .open = zlib_open,
    .close = zlib_close,
    .encode = zlib_encode,
    .decode = zlib_decode,
};
