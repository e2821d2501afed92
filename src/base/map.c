/*
 * map.c - linear probing, with removal by shifting back.
 *
 * One table: the slots (key, then value, each aligned for any type of its size), then one tag byte
 * for each slot. A tag is 0 where the slot is empty, else it holds seven bits of the hash, so a
 * probe looks at a key only where it very likely is the one. The capacity is a power of two, at
 * most three quarters are in use. Nothing is ever marked as deleted: what follows a removed slot
 * moves back towards its home, so look-ups do not slow down with time.
 *
 * The hash is SipHash-1-3: who does not know the seed cannot choose keys that collide.
 */
#include "base/map.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define FIRST_CAPACITY 8
#define TAG_USED 0x80

struct map {
    size_t key_size;
    size_t value_size;
    size_t value_offset; /* in a slot */
    size_t slot_size;
    uint64_t seed[2];
    size_t count;
    size_t capacity; /* 0 or a power of two */
    uint8_t *slots;  /* the one allocation */
    uint8_t *tags;   /* within it, behind the slots */
};

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* What any type of this size may need: the size of a type is a multiple of its alignment. */
static size_t alignment_for(size_t size)
{
    size_t lowest_bit = size & (0 - size);

    return lowest_bit == 0 ? 1 : lowest_bit < 16 ? lowest_bit : 16;
}

int map_new(size_t key_size, size_t value_size, uint64_t seed, struct map **out_map)
{
    assert(key_size > 0 && key_size < 65536 && value_size < 65536);
    struct map *m = mem_zalloc(sizeof *m);

    *out_map = m;
    if (m == NULL) {
        return err_nomem();
    }
    size_t key_align = alignment_for(key_size);
    size_t value_align = alignment_for(value_size);
    m->key_size = key_size;
    m->value_size = value_size;
    m->value_offset = round_up(key_size, value_align);
    m->slot_size = round_up(m->value_offset + value_size,
                            key_align > value_align ? key_align : value_align);
    m->seed[0] = seed;
    m->seed[1] = seed * 0x9e3779b97f4a7c15 + 0xbf58476d1ce4e5b9;
    return 0;
}

void map_free(struct map *m)
{
    if (m == NULL) {
        return;
    }
    mem_free(m->slots);
    mem_free(m);
}

void map_clear(struct map *m)
{
    if (m->capacity > 0) {
        memset(m->tags, 0, m->capacity);
    }
    m->count = 0;
}

size_t map_count(const struct map *m)
{
    return m->count;
}

size_t map_bytes(const struct map *m)
{
    return sizeof *m + m->capacity * (m->slot_size + 1);
}

static uint64_t rotate_left(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

/* In the machine's order: a hash never leaves the process. */
static inline uint64_t load_word(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

static uint64_t hash_of(const struct map *m, const uint8_t *key)
{
    uint64_t v[4] = {
        m->seed[0] ^ 0x736f6d6570736575,
        m->seed[1] ^ 0x646f72616e646f6d,
        m->seed[0] ^ 0x6c7967656e657261,
        m->seed[1] ^ 0x7465646279746573,
    };
    uint8_t last[8] = { 0 };
    size_t whole = m->key_size / 8 * 8;

    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = load_word(key + i);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    memcpy(last, key + whole, m->key_size - whole);
    uint64_t word = load_word(last) | (uint64_t)m->key_size << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(TAG_USED | hash >> 57);
}

static uint8_t *slot_at(const struct map *m, size_t i)
{
    return m->slots + i * m->slot_size;
}

/* The slot that holds the key, or else the empty one where it belongs. */
static size_t find(const struct map *m, const void *key, uint64_t hash)
{
    size_t mask = m->capacity - 1;
    uint8_t tag = tag_of(hash);

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        if (m->tags[i] == 0) {
            return i;
        }
        if (m->tags[i] == tag && memcmp(slot_at(m, i), key, m->key_size) == 0) {
            return i;
        }
    }
}

static int grow(struct map *m)
{
    struct map grown = *m;

    grown.capacity = m->capacity == 0 ? FIRST_CAPACITY : m->capacity * 2;
    if (grown.capacity > SIZE_MAX / 2 / (m->slot_size + 1)) {
        return err_nomem();
    }
    grown.slots = mem_alloc(grown.capacity * (m->slot_size + 1));
    if (grown.slots == NULL) {
        return err_nomem();
    }
    grown.tags = grown.slots + grown.capacity * grown.slot_size;
    memset(grown.tags, 0, grown.capacity);
    for (size_t i = 0; i < m->capacity; i++) {
        if (m->tags[i] == 0) {
            continue;
        }
        const uint8_t *slot = slot_at(m, i);
        size_t at = find(&grown, slot, hash_of(m, slot));
        memcpy(slot_at(&grown, at), slot, m->slot_size);
        grown.tags[at] = m->tags[i];
    }
    mem_free(m->slots);
    *m = grown;
    return 0;
}

void *map_get(const struct map *m, const void *key)
{
    if (m->count == 0) {
        return NULL;
    }
    size_t i = find(m, key, hash_of(m, key));
    return m->tags[i] == 0 ? NULL : slot_at(m, i) + m->value_offset;
}

int map_put(struct map *m, const void *key, void **out_value, bool *out_new)
{
    uint64_t hash = hash_of(m, key);
    size_t i = m->capacity == 0 ? 0 : find(m, key, hash);
    bool is_new = m->capacity == 0 || m->tags[i] == 0;

    if (is_new) {
        if (m->count + 1 > m->capacity / 4 * 3) {
            int rc = grow(m);
            if (rc != 0) {
                return rc;
            }
            i = find(m, key, hash);
        }
        /* The padding too: slots are copied whole. */
        memset(slot_at(m, i), 0, m->slot_size);
        memcpy(slot_at(m, i), key, m->key_size);
        m->tags[i] = tag_of(hash);
        m->count++;
    }
    if (out_value != NULL) {
        *out_value = slot_at(m, i) + m->value_offset;
    }
    if (out_new != NULL) {
        *out_new = is_new;
    }
    return 0;
}

bool map_remove(struct map *m, const void *key)
{
    if (m->count == 0) {
        return false;
    }
    size_t mask = m->capacity - 1;
    size_t hole = find(m, key, hash_of(m, key));
    if (m->tags[hole] == 0) {
        return false;
    }

    for (size_t i = (hole + 1) & mask; m->tags[i] != 0; i = (i + 1) & mask) {
        /* A slot may move back only as far as its home; the distances wrap around. */
        size_t home = hash_of(m, slot_at(m, i)) & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) {
            continue;
        }
        memcpy(slot_at(m, hole), slot_at(m, i), m->slot_size);
        m->tags[hole] = m->tags[i];
        hole = i;
    }
    m->tags[hole] = 0;
    m->count--;
    return true;
}

bool map_next(const struct map *m, size_t *position, const void **out_key, void **out_value)
{
    for (size_t i = *position; i < m->capacity; i++) {
        if (m->tags[i] == 0) {
            continue;
        }
        if (out_key != NULL) {
            *out_key = slot_at(m, i);
        }
        if (out_value != NULL) {
            *out_value = slot_at(m, i) + m->value_offset;
        }
        *position = i + 1;
        return true;
    }
    *position = m->capacity;
    return false;
}
