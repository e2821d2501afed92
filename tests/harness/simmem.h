/*
 * simmem.h - memory of the harness, which does not fail when that of the code under test does.
 *
 * Tests make the n-th allocation fail (base/mem.h) to see what the code under test does then. The
 * harness allocates in between, with the same allocator; a failure that hits it is passed on to the
 * next allocation of the code under test. So nothing here returns NULL, and the harness reads as
 * if memory were endless. When it truly ends, the test program does.
 */
#ifndef HF_HARNESS_SIMMEM_H
#define HF_HARNESS_SIMMEM_H

#include <stddef.h>
#include <stdint.h>

void *simmem_alloc(size_t size); /* cleared */
void *simmem_dup(const void *data, size_t size);
char *simmem_strdup(const char *text);
char *simmem_join(const char *folder, const char *path); /* with a '/' if neither is empty */
char *simmem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void simmem_free(void *block); /* accepts NULL */

/* Makes room for `need` elements in the array that array_pointer points to; new room is cleared. */
void simmem_grow(void *array_pointer, size_t *capacity, size_t need, size_t element_size);

/* For a harness that is used wrongly: says so on stderr and ends the program. */
_Noreturn void simmem_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Hashing, for telling trees apart: 64 bits, not for secrets. */
uint64_t simmem_mix(uint64_t a, uint64_t b);
uint64_t simmem_hash(const void *data, size_t len);

#endif
