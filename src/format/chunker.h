/*
 * chunker.h - where a file is cut into chunks.
 *
 * Content-defined boundaries: a gear hash whose table is derived from a secret, normalised around
 * the average size (FastCDC). The cut depends on the bytes since the last cut alone, so an
 * insertion moves only the chunks around it. Fixed mode cuts every `fixed` bytes, for
 * page-structured files.
 */
#ifndef HF_FORMAT_CHUNKER_H
#define HF_FORMAT_CHUNKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunker_params {
    uint32_t min, avg, max; /* min >= 64, min < avg < max, avg a power of two or not */
    uint32_t fixed;         /* for page-structured files */
};

#define CHUNKER_DEFAULT_MIN (16u << 10)
#define CHUNKER_DEFAULT_AVG (48u << 10)
#define CHUNKER_DEFAULT_MAX (256u << 10)
#define CHUNKER_DEFAULT_FIXED (16u << 10)

struct chunker; /* immutable once made: any number of threads may use it */

int chunker_new(const struct chunker_params *params, const uint8_t boundary_key[32],
                struct chunker **out_chunker);
void chunker_free(struct chunker *c);
const struct chunker_params *chunker_params(const struct chunker *c);

/*
 * The length of the first chunk of data. When `last` is false and the cut may lie beyond len, the
 * answer is 0: call again with more bytes (at most params.max are ever needed).
 */
size_t chunker_cut(const struct chunker *c, const uint8_t *data, size_t len, bool last);

/* Whether content looks page-structured by its first bytes (SQLite, qcow2, ... known by magic). */
bool chunker_is_paged(const void *head, size_t len);

#endif
