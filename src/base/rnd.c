/*
 * rnd.c - getrandom(2), and xoshiro256** seeded by splitmix64.
 */
#include "base/rnd.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/err.h"

static int fill_system(struct rnd *r, void *out, size_t len)
{
    uint8_t *place = out;

    (void)r;
    while (len > 0) {
        ssize_t got = getrandom(place, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_os(errno, "could not get random bytes from the system");
        }
        place += got;
        len -= (size_t)got;
    }
    return 0;
}

struct rnd *rnd_system(void)
{
    static struct rnd generator = { .fill = fill_system };

    return &generator;
}

static uint64_t rotate_left(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

/* xoshiro256** 1.0 by Blackman and Vigna. */
static uint64_t next_seeded(uint64_t s[4])
{
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Little-endian words, so that a seed means the same bytes on every machine. */
static int fill_seeded(struct rnd *r, void *out, size_t len)
{
    uint8_t *place = out;
    uint8_t word[8];

    while (len > 0) {
        size_t part = len < sizeof word ? len : sizeof word;
        le_put64(word, next_seeded(r->state));
        memcpy(place, word, part);
        place += part;
        len -= part;
    }
    return 0;
}

/* Its authors' choice for turning one word into a state that is not all zero. */
static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void rnd_init_seeded(struct rnd *r, uint64_t seed)
{
    r->fill = fill_seeded;
    for (size_t i = 0; i < 4; i++) {
        r->state[i] = splitmix64(&seed);
    }
}

int rnd_bytes(struct rnd *r, void *out, size_t len)
{
    return r->fill(r, out, len);
}

uint64_t rnd_u64(struct rnd *r)
{
    assert(r->fill == fill_seeded);
    return next_seeded(r->state);
}

uint64_t rnd_below(struct rnd *r, uint64_t bound)
{
    assert(bound > 0);
    /* 2^64 mod bound, so many values would favour the small remainders: they are drawn again. */
    uint64_t surplus = (0 - bound) % bound;
    uint64_t v;

    do {
        v = rnd_u64(r);
    } while (v < surplus);
    return v % bound;
}

int rnd_uuid(struct rnd *r, uint8_t out[UUID_BYTES])
{
    int rc = rnd_bytes(r, out, UUID_BYTES);

    if (rc != 0) {
        return rc;
    }
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x40); /* version 4: random */
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
    return 0;
}
