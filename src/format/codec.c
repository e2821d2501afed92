/*
 * codec.c - the table of codecs, what is common to them, and the look at a block beforehand.
 */
#include "format/codec.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/codec_impl.h"

/* By enum codec_kind. CODEC_NONE has no functions: it is handled here. */
static const struct codec_impl none_impl = { .name = "none" };
static const struct codec_impl *const impls[] = {
    [CODEC_NONE] = &none_impl,
    [CODEC_ZSTD] = &codec_zstd_impl,
    [CODEC_ZLIB] = &codec_zlib_impl,
};
#define IMPL_COUNT (sizeof impls / sizeof impls[0])

struct codec {
    enum codec_kind kind;
    void *states[IMPL_COUNT]; /* of the other kinds: opened when a block of that kind comes by */
};

static const struct codec_impl *find_impl(enum codec_kind kind)
{
    return (size_t)kind < IMPL_COUNT ? impls[kind] : NULL;
}

static int unknown_kind(enum codec_kind kind)
{
    return err_raise(HF_EUNSUPPORTED, "unknown codec %d", (int)kind);
}

static int level_error(const struct codec_impl *impl)
{
    return err_raise(HF_EUSAGE, "the level of %s must be a number from %d to %d", impl->name,
                     impl->min_level, impl->max_level);
}

int codec_new(enum codec_kind kind, int level, struct codec **out_codec)
{
    *out_codec = NULL;
    const struct codec_impl *impl = find_impl(kind);
    if (!impl) {
        return unknown_kind(kind);
    }
    if (level < impl->min_level || level > impl->max_level) {
        return level_error(impl);
    }

    struct codec *c = mem_zalloc(sizeof *c);
    if (!c) {
        return err_nomem();
    }
    c->kind = kind;
    if (impl->open) {
        int rc = impl->open(level, &c->states[kind]);
        if (rc != 0) {
            mem_free(c);
            return rc;
        }
    }
    *out_codec = c;
    return 0;
}

void codec_free(struct codec *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < IMPL_COUNT; i++) {
        if (c->states[i]) {
            impls[i]->close(c->states[i]);
        }
    }
    mem_free(c);
}

int codec_encode(struct codec *c, const void *data, size_t len, void *out, size_t out_max,
                 size_t *out_len)
{
    *out_len = 0;
    if (c->kind != CODEC_NONE) {
        return impls[c->kind]->encode(c->states[c->kind], data, len, out, out_max, out_len);
    }
    if (len > 0 && len <= out_max) {
        memcpy(out, data, len);
        *out_len = len;
    }
    return 0;
}

static int decode_none(const void *data, size_t len, void *out, size_t plain_len)
{
    if (len != plain_len) {
        return err_raise(HF_EDAMAGE, "a block of %zu bytes is stored as %zu bytes", plain_len, len);
    }
    if (len > 0) {
        memcpy(out, data, len);
    }
    return 0;
}

int codec_decode(struct codec *c, enum codec_kind kind, const void *data, size_t len, void *out,
                 size_t plain_len)
{
    const struct codec_impl *impl = find_impl(kind);
    if (!impl) {
        return unknown_kind(kind);
    }
    if (kind == CODEC_NONE) {
        return decode_none(data, len, out, plain_len);
    }
    if (!c->states[kind]) {
        int rc = impl->open(impl->default_level, &c->states[kind]);
        if (rc != 0) {
            return rc;
        }
    }
    return impl->decode(c->states[kind], data, len, out, plain_len);
}

const char *codec_name(enum codec_kind kind)
{
    const struct codec_impl *impl = find_impl(kind);
    return impl ? impl->name : "unknown";
}

static int parse_error(const char *text)
{
    return err_raise(HF_EUSAGE,
                     "'%s' is not a codec: use zstd:%d to zstd:%d, zlib:%d to zlib:%d, or none",
                     text, codec_zstd_impl.min_level, codec_zstd_impl.max_level,
                     codec_zlib_impl.min_level, codec_zlib_impl.max_level);
}

int codec_parse(const char *text, enum codec_kind *out_kind, int *out_level)
{
    size_t name_len = strcspn(text, ":");
    for (size_t i = 0; i < IMPL_COUNT; i++) {
        const struct codec_impl *impl = impls[i];
        if (strlen(impl->name) != name_len || memcmp(impl->name, text, name_len) != 0) {
            continue;
        }
        uint64_t level = (uint64_t)impl->default_level;
        if (text[name_len] == ':' &&
            (text_parse_u64(text + name_len + 1, (uint64_t)impl->max_level, &level) != 0 ||
             level < (uint64_t)impl->min_level || !impl->open)) {
            return parse_error(text);
        }
        *out_kind = (enum codec_kind)i;
        *out_level = (int)level;
        return 0;
    }
    return parse_error(text);
}

/*
 * The look beforehand. Windows spread over the block are asked for their bytes' distribution, by
 * counting pairs of equal bytes: random bytes pair once in 256, and each doubling of that rate is
 * about a bit that an entropy coder saves per byte. What looks random then may still repeat
 * itself, so two stretches are searched for repetitions as well. Repetitions further apart than a
 * stretch go unseen; that is the price of taking some 1 % of the time of compressing.
 */
#define PROBE_WINDOW 256u
#define PROBE_WINDOWS_MIN 2u
#define PROBE_WINDOWS_MAX 32u
#define PROBE_BLOCK_PER_WINDOW (32u << 10)
#define PROBE_STRETCH_MIN 512u
#define PROBE_STRETCH_MAX 4096u
#define PROBE_TABLE_BITS 10

/* The bits that coding the bytes of this window saves per byte: 0 (random) to 8 (all equal). */
static unsigned window_gain(const uint8_t *window)
{
    uint16_t seen[256] = { 0 };
    unsigned pairs = 0;
    for (size_t i = 0; i < PROBE_WINDOW; i++) {
        pairs += seen[window[i]]++;
    }
    /* 127.5 pairs are expected of random bytes, with a deviation of 11: 192 is no accident. */
    unsigned gain = 0;
    for (unsigned limit = 192; pairs >= limit && gain < 8; limit *= 2) {
        gain++;
    }
    return gain;
}

/* Whether entropy coding alone would save 3 %: a quarter of a bit per byte. */
static bool bytes_are_uneven(const uint8_t *data, size_t len)
{
    size_t windows = len / PROBE_BLOCK_PER_WINDOW;
    if (windows < PROBE_WINDOWS_MIN) {
        windows = PROBE_WINDOWS_MIN;
    }
    if (windows > PROBE_WINDOWS_MAX) {
        windows = PROBE_WINDOWS_MAX;
    }
    size_t stride = len / windows;
    size_t room = stride - PROBE_WINDOW + 1;
    size_t gain = 0;
    /*
     * Not always the same place within a page of some power of two; and begun such that the first
     * window is never near the beginning, where a photograph has its tables.
     */
    uint32_t jitter = 3;
    for (size_t i = 0; i < windows; i++) {
        jitter = jitter * 1664525u + 1013904223u;
        gain += window_gain(data + i * stride + (jitter >> 8) % room);
    }
    return gain * 4 >= windows;
}

static uint32_t word_at(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/*
 * At how many places of this stretch stand four bytes that stood earlier in it. Every place is
 * looked at, found or not: skipping what was found would make each step wait for the one before.
 */
static size_t repeated_places(const uint8_t *stretch, size_t len)
{
    uint16_t last[1u << PROBE_TABLE_BITS] = { 0 };
    size_t repeated = 0;
    for (size_t i = 0; i + 4 <= len; i++) {
        uint32_t word = word_at(stretch + i);
        uint16_t *place = &last[(word * 2654435761u) >> (32 - PROBE_TABLE_BITS)];
        size_t earlier = *place;
        *place = (uint16_t)i;
        repeated += earlier < i && word_at(stretch + earlier) == word;
    }
    return repeated;
}

static bool bytes_are_repeated(const uint8_t *data, size_t len)
{
    size_t stretch = len / 128;
    if (stretch < PROBE_STRETCH_MIN) {
        stretch = PROBE_STRETCH_MIN;
    }
    if (stretch > PROBE_STRETCH_MAX) {
        stretch = PROBE_STRETCH_MAX;
    }
    if (stretch > len / 2) {
        stretch = len / 2;
    }
    size_t repeated = repeated_places(data + len / 4 - stretch / 2, stretch) +
                      repeated_places(data + len / 4 * 3 - stretch / 2, stretch);
    return repeated * 16 >= stretch * 2;
}

bool codec_worthwhile(const void *data, size_t len)
{
    /* So little says nothing, and trying costs nothing. */
    if (len < PROBE_WINDOWS_MIN * PROBE_WINDOW) {
        return true;
    }
    return bytes_are_uneven(data, len) || bytes_are_repeated(data, len);
}
