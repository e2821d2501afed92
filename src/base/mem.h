/*
 * mem.h - memory that can be made to fail.
 *
 * The only allocator of the project. Each function returns NULL when memory is out (or when a
 * test asked for this allocation to fail); the caller turns that into err_nomem(). Thread-safe.
 */
#ifndef HF_BASE_MEM_H
#define HF_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size);               /* not cleared; size 0 is allowed */
void *mem_zalloc(size_t size);              /* cleared */
void *mem_array(size_t count, size_t size); /* cleared; NULL on overflow of count * size */
void *mem_realloc(void *old, size_t size);  /* the old block stays valid on failure */
char *mem_strdup(const char *text);
void *mem_dup(const void *data, size_t size);
void mem_free(void *block); /* accepts NULL */

/* Overwrites memory that held a secret; the compiler may not leave it out. */
void mem_wipe(void *block, size_t size);

/*
 * Makes room for at least `need` elements in a growing array (array_pointer is a T **): doubles
 * *capacity as needed. Returns 0 or HF_ENOMEM (array and capacity unchanged).
 */
int mem_grow(void *array_pointer, size_t *capacity, size_t need, size_t element_size);

/*
 * For tests: the n-th allocation from now on (1 = the next) fails, once or for ever after.
 * 0 switches it off. mem_fail_hits says how many allocations were refused since then, and
 * mem_alloc_count how many were asked for in all.
 */
void mem_fail_at(uint64_t nth, int for_ever);
uint64_t mem_fail_hits(void);
uint64_t mem_alloc_count(void);

#endif
