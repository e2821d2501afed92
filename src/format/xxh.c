/*
 * xxh.c - xxHash behind our names; the only file that includes it.
 *
 * Its header is compiled in as it is, with the vector instructions that every x86-64 has (SSE2).
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/xxh.h"

struct xxh {
    XXH3_state_t *state; /* within this allocation, where its alignment puts it */
};

uint64_t xxh_64(const void *data, size_t len)
{
    return XXH3_64bits(data, len);
}

int xxh_new(struct xxh **out_state)
{
    const size_t align = _Alignof(XXH3_state_t);
    struct xxh *x = mem_alloc(sizeof *x + align - 1 + sizeof *x->state);
    *out_state = x;
    if (!x) {
        return err_nomem();
    }
    uintptr_t place = ((uintptr_t)(x + 1) + align - 1) & ~(uintptr_t)(align - 1);
    x->state = (XXH3_state_t *)place;
    XXH3_INITSTATE(x->state);
    xxh_reset(x);
    return 0;
}

void xxh_free(struct xxh *x)
{
    mem_free(x);
}

void xxh_reset(struct xxh *x)
{
    XXH3_64bits_reset(x->state);
}

void xxh_add(struct xxh *x, const void *data, size_t len)
{
    XXH3_64bits_update(x->state, data, len);
}

uint64_t xxh_sum(const struct xxh *x)
{
    return XXH3_64bits_digest(x->state);
}
