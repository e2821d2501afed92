/*
 * fuzz_evidence.c - any bytes as evidence. What decodes has that one encoding.
 */
#include "base/buf.h"
#include "format/evidence.h"
#include "fuzz_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evidence e;
    struct buf b;

    if (evidence_decode(data, size, &e) != 0) {
        return 0;
    }
    buf_init(&b);
    fuzz_require(evidence_encode(&e, &b) == 0);
    fuzz_require(b.len == size && memcmp(b.data, data, size) == 0);
    buf_release(&b);
    evidence_release(&e);
    return 0;
}
