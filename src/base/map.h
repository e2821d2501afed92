/*
 * map.h - hash maps from fixed-size keys to fixed-size values.
 *
 * Open addressing in one allocation; deterministic iteration is not promised. Keys are compared
 * byte by byte, so a struct as a key must have no padding, or zeros there. Values are aligned for
 * any type of their size. Not thread-safe. The hash is keyed by the seed: a random one where
 * somebody hostile may choose the keys.
 */
#ifndef HF_BASE_MAP_H
#define HF_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;

int map_new(size_t key_size, size_t value_size, uint64_t seed, struct map **out_map);
void map_free(struct map *m);
void map_clear(struct map *m);
size_t map_count(const struct map *m);
size_t map_bytes(const struct map *m);               /* memory held */
void *map_get(const struct map *m, const void *key); /* the value in place, or NULL */
/*
 * Inserts, with a value of zeros, or finds. *out_value is valid until the next put or remove; it
 * and out_new may be NULL. Returns 0 or HF_ENOMEM (the map is as before).
 */
int map_put(struct map *m, const void *key, void **out_value, bool *out_new);
bool map_remove(struct map *m, const void *key);
/* Visits all: start with *position = 0; false at the end. No put or remove meanwhile. */
bool map_next(const struct map *m, size_t *position, const void **out_key, void **out_value);

#endif
