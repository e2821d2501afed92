/*
 * fuzz_roll.c - any bytes as a roll-up: as they are, and with checksum and hash made to hold. What
 * decodes has that one encoding. The first bytes serve as a name as well.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "format/crc.h"
#include "format/roll.h"
#include "fuzz_format.h"

static void check_encoding(const struct roll_view *v, const uint8_t *data, size_t size)
{
    uint32_t *lengths = mem_array(v->count, sizeof *lengths);
    struct buf b;

    buf_init(&b);
    fuzz_require(lengths != NULL);
    for (uint32_t i = 0; i < v->count; i++) {
        lengths[i] = roll_entry_len(v, i);
    }
    fuzz_require(
        roll_encode(v->repo_id, v->first, lengths, v->count, v->entries, v->entries_len, &b) == 0);
    fuzz_require(b.len == size && memcmp(b.data, data, size) == 0);
    buf_release(&b);
    mem_free(lengths);
}

static void run(const uint8_t *data, size_t size)
{
    struct roll_view v;
    struct buf out;

    if (roll_decode(data, size, &v) == 0) {
        check_encoding(&v, data, size);
    }
    buf_init(&out);
    roll_describe(data, size, &out);
    buf_release(&out);
}

static void run_name(const uint8_t *data, size_t size)
{
    char text[40] = { 0 }, name[ROLL_NAME_BYTES];
    uint64_t first, last;

    memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
    if (!roll_parse_name(text, &first, &last)) {
        return;
    }
    roll_name(first, last, name);
    fuzz_require(strcmp(name, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *mended;

    fuzz_keys();
    run_name(data, size);
    run(data, size);
    if (size < ROLL_HEADER_BYTES + ROLL_HASH_BYTES) {
        return 0;
    }
    mended = mem_dup(data, size);
    fuzz_require(mended != NULL);
    memcpy(mended, "HFROLLUP", 8);
    le_put64(mended + 48, size);
    le_put32(mended + 60, crc_32c(mended, 60));
    nacl_hash(mended, size - ROLL_HASH_BYTES, mended + size - ROLL_HASH_BYTES);
    run(mended, size);
    mem_free(mended);
    return 0;
}
