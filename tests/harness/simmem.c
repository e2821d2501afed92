/*
 * simmem.c - memory of the harness.
 */
#include "harness/simmem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/*
 * Asked again, an allocator that was to fail once obeys, and one that was to fail for ever does
 * not: so we know which it was, and can ask for the same at the next allocation, which is not ours.
 */
void *simmem_alloc(size_t size)
{
    void *block = mem_zalloc(size);
    if (block != NULL) {
        return block;
    }
    block = mem_zalloc(size);
    int for_ever = block == NULL;
    if (for_ever) {
        mem_fail_at(0, 0);
        block = mem_zalloc(size);
    }
    if (block == NULL) {
        simmem_die("out of memory");
    }
    mem_fail_at(1, for_ever);
    return block;
}

void *simmem_dup(const void *data, size_t size)
{
    void *copy = simmem_alloc(size);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

char *simmem_strdup(const char *text)
{
    return simmem_dup(text, strlen(text) + 1);
}

/* Done for every operation, so not by way of printf. */
char *simmem_join(const char *folder, const char *path)
{
    size_t folder_len = strlen(folder), path_len = strlen(path);
    char *joined = simmem_alloc(folder_len + path_len + 2);
    char *at = joined;
    memcpy(at, folder, folder_len);
    at += folder_len;
    if (folder_len > 0 && path_len > 0) {
        *at++ = '/';
    }
    memcpy(at, path, path_len);
    return joined;
}

char *simmem_printf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        simmem_die("a format that cannot be printed: %s", fmt);
    }
    char *text = simmem_alloc((size_t)len + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}

void simmem_free(void *block)
{
    mem_free(block);
}

void simmem_grow(void *array_pointer, size_t *capacity, size_t need, size_t element_size)
{
    if (need <= *capacity) {
        return;
    }
    size_t more = *capacity < 8 ? 8 : *capacity * 2;
    if (more < need) {
        more = need;
    }
    void *old;
    memcpy(&old, array_pointer, sizeof old);
    void *grown = simmem_alloc(more * element_size);
    if (*capacity > 0) {
        memcpy(grown, old, *capacity * element_size);
    }
    simmem_free(old);
    memcpy(array_pointer, &grown, sizeof grown);
    *capacity = more;
}

void simmem_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("harness: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

uint64_t simmem_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b * 0x9e3779b97f4a7c15u)) + 0x632be59bd9b4e019u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t simmem_hash(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = 0x2545f4914f6cdd1du ^ len;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = (h ^ word) * 0x9fb21c651e98df25u;
        h ^= h >> 32;
    }
    uint64_t tail = 0;
    if (len > 0) {
        memcpy(&tail, p, len);
    }
    return simmem_mix(h, tail);
}
