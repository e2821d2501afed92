/*
 * fuzz_keychange.c - any bytes as what a KEY entry says, and as the name of a key's file. What
 * decodes has that one encoding.
 */
#include "base/buf.h"
#include "format/keychange.h"
#include "fuzz_format.h"

static void run_name(const uint8_t *data, size_t size)
{
    char text[KEYCHANGE_FILE_BYTES + 8] = { 0 }, name[KEYCHANGE_NAME_MAX + 1];
    char file[KEYCHANGE_FILE_BYTES];
    unsigned generation;

    memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
    if (keychange_parse_file(text, name, &generation)) {
        fuzz_require(keychange_name_valid(name));
        keychange_file(name, generation, file);
        fuzz_require(strcmp(file, text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keychange c;
    struct buf b;

    run_name(data, size);
    if (keychange_decode(data, size, &c) != 0) {
        return 0;
    }
    buf_init(&b);
    fuzz_require(keychange_encode(&c, &b) == 0);
    fuzz_require(b.len == size && memcmp(b.data, data, size) == 0);
    buf_release(&b);
    keychange_release(&c);
    return 0;
}
