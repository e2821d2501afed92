/*
 * fuzz_chunker.c - chunks of any content have allowed lengths, and patience changes no cut.
 *
 * The first two bytes choose the sizes, the rest is cut.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "format/chunker.h"
#include "format/nacl.h"

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* The cut at the start of data, asked for with ever more bytes as a reader has them. */
static size_t cut_patiently(const struct chunker *c, const uint8_t *data, size_t len, size_t step)
{
    size_t cut = 0;

    for (size_t n = step; cut == 0 && n < len; n += step) {
        cut = chunker_cut(c, data, n, false);
    }
    return cut != 0 ? cut : chunker_cut(c, data, len, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t key[32] = { 7 };
    struct chunker_params p;
    struct chunker *c;
    uint8_t *exact;

    require(nacl_init() == 0);
    if (size < 2) {
        return 0;
    }
    p = (struct chunker_params){ .min = 64u + data[0] % 16, .fixed = 64 };
    p.avg = p.min + 1u + data[1] % 64;
    p.max = p.avg + 1u + data[1] / 64 * 100;
    exact = mem_dup(data + 2, size - 2);
    if (!exact) {
        return 0;
    }
    require(chunker_new(&p, key, &c) == 0);
    for (size_t at = 0, cut; at < size - 2; at += cut) {
        size_t left = size - 2 - at;
        cut = chunker_cut(c, exact + at, left, true);
        require(cut <= p.max && cut <= left && (cut >= p.min || cut == left));
        require(cut == cut_patiently(c, exact + at, left, 1 + data[0] / 16));
    }
    (void)chunker_is_paged(exact, size - 2);
    chunker_free(c);
    mem_free(exact);
    return 0;
}
