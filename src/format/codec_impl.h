/*
 * codec_impl.h - for those who implement a codec: the table of functions each provides.
 */
#ifndef HF_FORMAT_CODEC_IMPL_H
#define HF_FORMAT_CODEC_IMPL_H

#include <stddef.h>

struct codec_impl {
    const char *name;
    int min_level, max_level, default_level;
    int (*open)(int level, void **out_state);
    void (*close)(void *state);
    /* As codec_encode. */
    int (*encode)(void *state, const void *data, size_t len, void *out, size_t out_max,
                  size_t *out_len);
    int (*decode)(void *state, const void *data, size_t len, void *out, size_t plain_len);
};

extern const struct codec_impl codec_zstd_impl;
extern const struct codec_impl codec_zlib_impl;

#endif
