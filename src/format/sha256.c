/*
 * sha256.c - see sha256.h. FIPS 180-4; the instructions keep the state as ABEF and CDGH.
 */
#include "format/sha256.h"

static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

void sha256_begin(struct sha256_state *s)
{
    for (size_t i = 0; i < 8; i++) {
        s->h[i] = initial[i];
    }
}

void sha256_put(const struct sha256_state *s, uint8_t out[SHA256_BYTES])
{
    for (size_t i = 0; i < 8; i++) {
        out[4 * i] = (uint8_t)(s->h[i] >> 24);
        out[4 * i + 1] = (uint8_t)(s->h[i] >> 16);
        out[4 * i + 2] = (uint8_t)(s->h[i] >> 8);
        out[4 * i + 3] = (uint8_t)s->h[i];
    }
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define CPUID_7_EBX_SHA (1u << 29)

#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE static inline __attribute__((always_inline))

_Alignas(16) static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

bool sha256_available(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3") &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & CPUID_7_EBX_SHA) != 0;
}

struct lane {
    __m128i abef, cdgh; /* the state */
    __m128i abef_before, cdgh_before;
    __m128i m[4]; /* the last sixteen words of the schedule, in turn */
};

WITH_SHA INLINE void load_state(struct lane *l, const struct sha256_state *s)
{
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)s->h);        /* dcba */
    __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(s->h + 4)); /* hgfe */

    low = _mm_shuffle_epi32(low, 0xb1);   /* cdab */
    high = _mm_shuffle_epi32(high, 0x1b); /* efgh */
    l->abef = _mm_alignr_epi8(low, high, 8);
    l->cdgh = _mm_blend_epi16(high, low, 0xf0);
}

WITH_SHA INLINE void store_state(const struct lane *l, struct sha256_state *s)
{
    __m128i low = _mm_shuffle_epi32(l->abef, 0x1b);  /* feba */
    __m128i high = _mm_shuffle_epi32(l->cdgh, 0xb1); /* dchg */

    _mm_storeu_si128((__m128i *)(void *)s->h, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(s->h + 4), _mm_alignr_epi8(high, low, 8));
}

WITH_SHA INLINE void load_block(struct lane *l, const uint8_t *data)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

    l->abef_before = l->abef;
    l->cdgh_before = l->cdgh;
    for (int i = 0; i < 4; i++) {
        __m128i words = _mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i));

        l->m[i] = _mm_shuffle_epi8(words, swap);
    }
}

/* Four rounds; `group` counts them from 0 to 15. The schedule is kept three groups ahead. */
WITH_SHA INLINE void four_rounds(struct lane *l, int group)
{
    const __m128i constants = _mm_load_si128((const __m128i *)(const void *)(k + 4 * group));
    __m128i now = l->m[group % 4];
    __m128i sum = _mm_add_epi32(now, constants);

    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, sum);
    if (group >= 3 && group < 15) {
        __m128i *next = &l->m[(group + 1) % 4];
        __m128i seven_back = _mm_alignr_epi8(now, l->m[(group + 3) % 4], 4);

        *next = _mm_sha256msg2_epu32(_mm_add_epi32(*next, seven_back), now);
    }
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(sum, 0x0e));
    if (group >= 1 && group < 13) {
        __m128i *before = &l->m[(group + 3) % 4];

        *before = _mm_sha256msg1_epu32(*before, now);
    }
}

WITH_SHA INLINE void add_before(struct lane *l)
{
    l->abef = _mm_add_epi32(l->abef, l->abef_before);
    l->cdgh = _mm_add_epi32(l->cdgh, l->cdgh_before);
}

WITH_SHA void sha256_blocks(struct sha256_state *s, const uint8_t *data, size_t blocks)
{
    struct lane l;

    load_state(&l, s);
    for (; blocks > 0; blocks--, data += SHA256_BLOCK_BYTES) {
        load_block(&l, data);
#pragma GCC unroll 16
        for (int group = 0; group < 16; group++) {
            four_rounds(&l, group);
        }
        add_before(&l);
    }
    store_state(&l, s);
}

WITH_SHA void sha256_blocks_of_two(struct sha256_state *a, const uint8_t *data_a,
                                   struct sha256_state *b, const uint8_t *data_b, size_t blocks)
{
    struct lane first, second;

    load_state(&first, a);
    load_state(&second, b);
    for (; blocks > 0; blocks--) {
        load_block(&first, data_a);
        load_block(&second, data_b);
#pragma GCC unroll 16
        for (int group = 0; group < 16; group++) {
            four_rounds(&first, group);
            four_rounds(&second, group);
        }
        add_before(&first);
        add_before(&second);
        data_a += SHA256_BLOCK_BYTES;
        data_b += SHA256_BLOCK_BYTES;
    }
    store_state(&first, a);
    store_state(&second, b);
}

#else

bool sha256_available(void)
{
    return false;
}

void sha256_blocks(struct sha256_state *s, const uint8_t *data, size_t blocks)
{
    (void)s, (void)data, (void)blocks;
}

void sha256_blocks_of_two(struct sha256_state *a, const uint8_t *data_a, struct sha256_state *b,
                          const uint8_t *data_b, size_t blocks)
{
    (void)a, (void)data_a, (void)b, (void)data_b, (void)blocks;
}

#endif
