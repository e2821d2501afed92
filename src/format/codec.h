/*
 * codec.h - compression: none, zstd, zlib, chosen per block and recorded in it.
 *
 * A codec context serves one thread at a time and is reused from block to block. A new codec is a
 * file codec_NAME.c and a line in codec.c's table.
 */
#ifndef HF_FORMAT_CODEC_H
#define HF_FORMAT_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum codec_kind { CODEC_NONE = 0, CODEC_ZSTD = 1, CODEC_ZLIB = 2 };

struct codec;

/* HF_EUNSUPPORTED for an unknown kind, HF_EUSAGE for a level it does not have. */
int codec_new(enum codec_kind kind, int level, struct codec **out_codec);
void codec_free(struct codec *c);

/*
 * Encodes into at most out_max bytes. *out_len = 0 when it would not fit: the caller then stores
 * the bytes raw, so out_max is what makes compression worth its while.
 */
int codec_encode(struct codec *c, const void *data, size_t len, void *out, size_t out_max,
                 size_t *out_len);

/* Decodes to exactly plain_len bytes, else HF_EDAMAGE. Any kind; contexts are kept inside. */
int codec_decode(struct codec *c, enum codec_kind kind, const void *data, size_t len, void *out,
                 size_t plain_len);

/* A cheap look: false when compressing is surely a waste of time. */
bool codec_worthwhile(const void *data, size_t len);

/* "zstd:3", "zlib:6", "none"; HF_EUSAGE with what is allowed. */
int codec_parse(const char *text, enum codec_kind *out_kind, int *out_level);
const char *codec_name(enum codec_kind kind);

#endif
