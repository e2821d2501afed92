/*
 * mem.c - the system's allocator behind a counter that can refuse.
 *
 * Every request takes the next number of one sequence; a test that names a number makes that very
 * request fail, so a sweep over all numbers visits every out-of-memory path of the code under test.
 */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FIRST_CAPACITY 8

static _Atomic uint64_t asked;      /* requests so far */
static _Atomic uint64_t fail_first; /* the number of the request to refuse; 0: none */
static _Atomic bool fail_later;     /* and all that follow it */
static _Atomic uint64_t refused;    /* since mem_fail_at */

static bool refuses(void)
{
    uint64_t number = atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed) + 1;
    uint64_t first = atomic_load_explicit(&fail_first, memory_order_relaxed);

    if (first == 0 || number < first) {
        return false;
    }
    if (number > first && !atomic_load_explicit(&fail_later, memory_order_relaxed)) {
        return false;
    }
    atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
    return true;
}

/* malloc(0) may return NULL, which would look like a failure. */
static size_t at_least_one(size_t size)
{
    return size == 0 ? 1 : size;
}

void *mem_alloc(size_t size)
{
    if (refuses() || size > PTRDIFF_MAX) {
        return NULL;
    }
    return malloc(at_least_one(size));
}

void *mem_zalloc(size_t size)
{
    return mem_array(1, size);
}

void *mem_array(size_t count, size_t size)
{
    size_t total;

    if (refuses() || __builtin_mul_overflow(count, size, &total) || total > PTRDIFF_MAX) {
        return NULL;
    }
    return calloc(1, at_least_one(total));
}

void *mem_realloc(void *old, size_t size)
{
    if (refuses() || size > PTRDIFF_MAX) {
        return NULL;
    }
    return realloc(old, at_least_one(size));
}

char *mem_strdup(const char *text)
{
    return mem_dup(text, strlen(text) + 1);
}

void *mem_dup(const void *data, size_t size)
{
    void *copy = mem_alloc(size);

    if (copy != NULL && size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

void mem_free(void *block)
{
    free(block);
}

void mem_wipe(void *block, size_t size)
{
    if (size > 0) {
        explicit_bzero(block, size);
    }
}

int mem_grow(void *array_pointer, size_t *capacity, size_t need, size_t element_size)
{
    if (need <= *capacity) {
        return 0;
    }

    size_t grown = *capacity < FIRST_CAPACITY ? FIRST_CAPACITY : *capacity;
    while (grown < need) {
        if (grown > SIZE_MAX / 2) {
            return err_nomem();
        }
        grown *= 2;
    }
    size_t bytes;
    if (__builtin_mul_overflow(grown, element_size, &bytes)) {
        return err_nomem();
    }

    /* The caller's variable is a T * for some T, so it is not read through a void **. */
    void *old;
    memcpy(&old, array_pointer, sizeof old);
    void *array = mem_realloc(old, bytes);
    if (array == NULL) {
        return err_nomem();
    }
    memcpy(array_pointer, &array, sizeof array);
    *capacity = grown;
    return 0;
}

void mem_fail_at(uint64_t nth, int for_ever)
{
    uint64_t now = atomic_load(&asked);

    atomic_store(&fail_first, 0);
    atomic_store(&refused, 0);
    atomic_store(&fail_later, for_ever != 0);
    atomic_store(&fail_first, nth == 0 ? 0 : now + nth);
}

uint64_t mem_fail_hits(void)
{
    return atomic_load(&refused);
}

uint64_t mem_alloc_count(void)
{
    return atomic_load(&asked);
}
