/*
 * fuzz_entry.c - any bytes as a journal entry and as its body, with keys and without: as they are,
 * and with checksum and hash made to hold. The first bytes serve as a name as well.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "format/crc.h"
#include "format/entry.h"
#include "fuzz_format.h"

static const uint8_t no_id[16];

static void check_list(const struct entry_view *v)
{
    const uint8_t *uuids;
    uint64_t view;
    size_t count;

    if (entry_get_list(v, &view, &uuids, &count) == 0) {
        fuzz_require(count > 0 && uuids + 16 * count == v->payload + v->len);
    }
}

/* What decodes has that one encoding. */
static void check_fixed(const struct entry_view *v)
{
    struct entry_adopt adopt;
    struct entry_init init;
    struct buf b;

    buf_init(&b);
    if (entry_get_adopt(v, &adopt) == 0) {
        entry_put_adopt(&b, &adopt);
    } else if (entry_get_init(v, &init) == 0) {
        entry_put_init(&b, &init);
    }
    if (b.len > 0) {
        fuzz_require(b.len == 8 + v->len && memcmp(b.data + 8, v->payload, v->len) == 0);
    }
    buf_release(&b);
}

static void run_body(const uint8_t *body, size_t len, const uint8_t *repo_id, const uint8_t *uuid)
{
    enum entry_event event;
    struct entry_walk w;
    struct entry_view v;
    struct buf plain;

    buf_init(&plain);
    entry_walk_init(&w, body, len);
    while (entry_walk_next(&w, &v) == 1) {
        fuzz_require(v.payload >= body && v.payload + v.len <= body + len);
        check_fixed(&v);
        check_list(&v);
        entry_get_sealed(&v, fuzz_keys(), repo_id, uuid, &event, &plain);
    }
    buf_release(&plain);
}

static void run(const uint8_t *data, size_t size)
{
    struct entry_seal seal;
    const uint8_t *body;
    size_t body_len;
    struct buf out;

    if (entry_decode(data, size, &seal, &body, &body_len) == 0) {
        fuzz_require(body == data && body_len + ENTRY_SEAL_BYTES == size);
        entry_signature_holds(body + body_len, fuzz_keys()->sign_public);
        run_body(body, body_len, seal.repo_id, seal.uuid);
    }
    buf_init(&out);
    entry_describe(data, size, NULL, &out);
    buf_clear(&out);
    entry_describe(data, size, fuzz_keys(), &out);
    buf_release(&out);
}

static void run_names(const uint8_t *data, size_t size)
{
    char text[90] = { 0 }, name[ENTRY_HEAD_BYTES];
    uint8_t hash[32];
    uint64_t number;

    memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
    if (entry_parse_name(text, &number)) {
        entry_name(number, name);
        fuzz_require(strcmp(name, text) == 0);
    }
    if (entry_parse_head(text, &number, hash)) {
        entry_head_name(number, hash, name);
        fuzz_require(strcmp(name, text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *mended, *seal;

    fuzz_keys();
    run_names(data, size);
    run_body(data, size, no_id, no_id);
    run(data, size);
    if (size <= ENTRY_SEAL_BYTES) {
        return 0;
    }
    mended = mem_dup(data, size);
    fuzz_require(mended != NULL);
    seal = mended + size - ENTRY_SEAL_BYTES;
    memcpy(seal, "HFSEAL\0", 8);
    le_put32(seal + 12, (uint32_t)(size - ENTRY_SEAL_BYTES));
    nacl_hash(mended, size - ENTRY_SEAL_BYTES, seal + 88);
    le_put32(seal + 188, crc_32c(seal, 188));
    run(mended, size);
    mem_free(mended);
    return 0;
}
