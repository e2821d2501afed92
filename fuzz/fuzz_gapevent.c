/*
 * fuzz_gapevent.c - any bytes as what a GAP event says. What decodes has that one encoding.
 */
#include "base/buf.h"
#include "format/gapevent.h"
#include "fuzz_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gapevent g;
    struct buf b;

    if (gapevent_decode(data, size, &g) != 0) {
        return 0;
    }
    buf_init(&b);
    fuzz_require(gapevent_encode(&g, &b) == 0);
    fuzz_require(b.len == size && memcmp(b.data, data, size) == 0);
    buf_release(&b);
    gapevent_release(&g);
    return 0;
}
