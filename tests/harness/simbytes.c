/*
 * simbytes.c - bytes that are shared until somebody changes them.
 */
#include "harness/simbytes.h"

#include <string.h>

#include "harness/simmem.h"

struct simbytes *simbytes_new(const void *data, size_t len)
{
    if (len == 0) {
        return NULL;
    }
    struct simbytes *b = simmem_alloc(sizeof *b);
    b->refs = 1;
    b->len = b->capacity = len;
    b->data = simmem_dup(data, len);
    return b;
}

struct simbytes *simbytes_ref(struct simbytes *b)
{
    if (b != NULL) {
        b->refs++;
    }
    return b;
}

void simbytes_unref(struct simbytes *b)
{
    if (b == NULL || --b->refs > 0) {
        return;
    }
    simmem_free(b->data);
    simmem_free(b);
}

size_t simbytes_len(const struct simbytes *b)
{
    return b == NULL ? 0 : b->len;
}

uint64_t simbytes_hash(struct simbytes *b)
{
    if (b == NULL) {
        return simmem_hash("", 0);
    }
    if (!b->hashed) {
        b->hash = simmem_hash(b->data, b->len);
        b->hashed = true;
    }
    return b->hash;
}

/* *b with room for `capacity` bytes, and nobody else's. */
static struct simbytes *own_bytes(struct simbytes **b, size_t capacity)
{
    if (*b == NULL || (*b)->refs > 1) {
        struct simbytes *own = simmem_alloc(sizeof *own);
        own->refs = 1;
        own->len = simbytes_len(*b);
        own->capacity = capacity > own->len ? capacity : own->len;
        own->data = simmem_alloc(own->capacity);
        if (own->len > 0) {
            memcpy(own->data, (*b)->data, own->len);
        }
        simbytes_unref(*b);
        *b = own;
    }
    simmem_grow(&(*b)->data, &(*b)->capacity, capacity, 1);
    (*b)->hashed = false;
    return *b;
}

void simbytes_resize(struct simbytes **b, size_t len)
{
    if (simbytes_len(*b) == len) {
        return;
    }
    struct simbytes *own = own_bytes(b, len);
    if (len > own->len) {
        memset(own->data + own->len, 0, len - own->len);
    }
    own->len = len;
}

void simbytes_write(struct simbytes **b, uint64_t offset, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    size_t end = (size_t)offset + len;
    if (end > simbytes_len(*b)) {
        simbytes_resize(b, end);
    }
    memcpy(own_bytes(b, end)->data + offset, data, len);
}
