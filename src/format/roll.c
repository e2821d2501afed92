/*
 * roll.c - the frame around many journal entries: see roll.h.
 */
#include "format/roll.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "format/entry.h"
#include "format/layout.h"
#include "format/nacl.h"

#define MAX_COUNT (ROLL_SMALL * ROLL_SMALL)
#define MIN_ENTRY (ENTRY_SEAL_BYTES + 1)
#define MAX_ENTRY (ENTRY_SEAL_BYTES + ENTRY_MAX_BODY)

static struct verdict check_count(const uint8_t *head)
{
    uint32_t count = le_get32(head + 12);

    return verdict_of(count > 0 && count <= MAX_COUNT, "is not one that a roll-up can have");
}

static struct verdict check_first(const uint8_t *head)
{
    uint64_t first = le_get64(head + 16);

    return verdict_of(first > 0 && first <= ENTRY_MAX_NUMBER, "is not the number of an entry");
}

static struct verdict check_last(const uint8_t *head)
{
    uint64_t first = le_get64(head + 16), last = le_get64(head + 24);

    return verdict_of(last <= ENTRY_MAX_NUMBER && last - first + 1 == le_get32(head + 12),
                      "does not fit the first and the count");
}

static const struct layout_field head_fields[] = {
    { 0, 8, LAYOUT_MAGIC, "magic", NULL, NULL },
    { 8, 2, LAYOUT_VERSION, "version", NULL, NULL },
    { 10, 2, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 12, 4, LAYOUT_NUMBER, "number of entries", NULL, check_count },
    { 16, 8, LAYOUT_NUMBER, "first entry", NULL, check_first },
    { 24, 8, LAYOUT_NUMBER, "last entry", NULL, check_last },
    { 32, 16, LAYOUT_HEX, "repository", NULL, NULL },
    { 48, 8, LAYOUT_NUMBER, "file length", NULL, NULL },
    { 56, 4, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 60, 4, LAYOUT_CRC, "checksum", NULL, NULL },
};

static const struct layout head_layout = {
    .what = "roll-up",
    .size = ROLL_HEADER_BYTES,
    .magic = "HFROLLUP",
    .fields = head_fields,
    .count = LAYOUT_COUNT(head_fields),
};

/* Each length is one that an entry can have, and together they are what there is. */
static int check_lengths(const uint8_t *lengths, uint32_t count, uint64_t entries_len)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = le_get32(lengths + 4 * (size_t)i);

        if (len < MIN_ENTRY || len > MAX_ENTRY) {
            return err_raise(HF_EDAMAGE, "roll-up: no entry has %" PRIu32 " bytes (offset %zu)",
                             len, ROLL_HEADER_BYTES + 4 * (size_t)i);
        }
        sum += len;
    }
    if (sum != entries_len) {
        return err_raise(HF_EDAMAGE,
                         "roll-up: lengths of the entries make %" PRIu64 " bytes of %" PRIu64
                         " (offset %u)",
                         sum, entries_len, ROLL_HEADER_BYTES);
    }
    return 0;
}

int roll_encode(const uint8_t repo_id[16], uint64_t first, const uint32_t *lengths, uint32_t count,
                const void *entries, size_t entries_len, struct buf *out)
{
    uint64_t file_len = ROLL_HEADER_BYTES + 4ull * count + entries_len + ROLL_HASH_BYTES;
    uint8_t head[ROLL_HEADER_BYTES] = { 0 };
    uint8_t hash[NACL_HASH_BYTES];
    size_t start = out->len;
    int rc;

    if (count == 0 || count > MAX_COUNT || first == 0 || first > ENTRY_MAX_NUMBER - count + 1) {
        return err_raise(HF_ELIMIT, "roll-up: it cannot have %" PRIu32 " entries from %" PRIu64,
                         count, first);
    }
    le_put32(head + 12, count);
    le_put64(head + 16, first);
    le_put64(head + 24, first + count - 1);
    memcpy(head + 32, repo_id, 16);
    le_put64(head + 48, file_len);
    layout_finish(&head_layout, head);
    buf_put(out, head, sizeof head);
    for (uint32_t i = 0; i < count; i++) {
        buf_put_u32(out, lengths[i]);
    }
    rc = buf_error(out);
    if (rc == 0) {
        rc = check_lengths(out->data + start + ROLL_HEADER_BYTES, count, entries_len);
    }
    if (rc != 0) {
        return rc;
    }
    buf_put(out, entries, entries_len);
    rc = buf_error(out);
    if (rc != 0) {
        return rc;
    }
    nacl_hash(out->data + start, out->len - start, hash);
    buf_put(out, hash, sizeof hash);
    return buf_error(out);
}

static int check_frame(const uint8_t *p, size_t len)
{
    uint8_t hash[NACL_HASH_BYTES];
    uint64_t fixed;
    int rc = layout_check(&head_layout, p, len);

    if (rc != 0) {
        return rc;
    }
    if (le_get64(p + 48) != len) {
        return err_raise(HF_EDAMAGE,
                         "roll-up: file length is %" PRIu64 ", but the file has %zu "
                         "bytes (offset 48)",
                         le_get64(p + 48), len);
    }
    fixed = ROLL_HEADER_BYTES + 4ull * le_get32(p + 12) + ROLL_HASH_BYTES;
    if (len < fixed) {
        return layout_raise(&head_layout, HF_EDAMAGE, 12,
                            "number of entries is more than there are");
    }
    rc = check_lengths(p + ROLL_HEADER_BYTES, le_get32(p + 12), len - fixed);
    if (rc != 0) {
        return rc;
    }
    nacl_hash(p, len - ROLL_HASH_BYTES, hash);
    if (memcmp(hash, p + len - ROLL_HASH_BYTES, ROLL_HASH_BYTES) != 0) {
        return layout_raise(&head_layout, HF_EDAMAGE, len - ROLL_HASH_BYTES, "hash does not match");
    }
    return 0;
}

int roll_decode(const void *data, size_t len, struct roll_view *out)
{
    const uint8_t *p = data;
    int rc = check_frame(p, len);

    if (rc != 0) {
        return rc;
    }
    out->count = le_get32(p + 12);
    out->first = le_get64(p + 16);
    out->last = le_get64(p + 24);
    memcpy(out->repo_id, p + 32, sizeof out->repo_id);
    out->lengths = p + ROLL_HEADER_BYTES;
    out->entries = out->lengths + 4 * (size_t)out->count;
    out->entries_len = len - ROLL_HASH_BYTES - (size_t)(out->entries - p);
    return 0;
}

uint32_t roll_entry_len(const struct roll_view *v, uint32_t index)
{
    return le_get32(v->lengths + 4 * (size_t)index);
}

/* --- names --- */

void roll_name(uint64_t first, uint64_t last, char out[ROLL_NAME_BYTES])
{
    entry_name(first, out);
    out[ENTRY_NAME_BYTES - 1] = '-';
    entry_name(last, out + ENTRY_NAME_BYTES);
}

bool roll_parse_name(const char *name, uint64_t *out_first, uint64_t *out_last)
{
    char first_name[ENTRY_NAME_BYTES];
    uint64_t first, last;

    if (strlen(name) != ROLL_NAME_BYTES - 1 || name[ENTRY_NAME_BYTES - 1] != '-') {
        return false;
    }
    memcpy(first_name, name, sizeof first_name);
    first_name[ENTRY_NAME_BYTES - 1] = 0;
    if (!entry_parse_name(first_name, &first) ||
        !entry_parse_name(name + ENTRY_NAME_BYTES, &last)) {
        return false;
    }
    if (first > last) {
        return false;
    }
    *out_first = first;
    *out_last = last;
    return true;
}

/* --- describing --- */

/* One line an entry: what it is by its seal; `debug dump` of the entry itself tells the rest. */
static void describe_entry(struct describe *d, const uint8_t *entry, size_t len, uint64_t offset,
                           uint64_t number)
{
    struct entry_seal seal;
    const uint8_t *body;
    size_t body_len;
    char name[ENTRY_NAME_BYTES], uuid[2 * 16 + 1], time[TEXT_TIME_BYTES];

    entry_name(number, name);
    if (entry_decode(entry, len, &seal, &body, &body_len) != 0) {
        describe_trail(d, offset, name);
        return;
    }
    describe_field(d, offset, name, verdict_of(seal.number == number, "has another number inside"),
                   "%s  %s  %zu bytes", text_hex(seal.uuid, sizeof seal.uuid, uuid),
                   text_time_utc(seal.time_ns, time), len);
}

/* The lengths and the entries, as far as they lie within what precedes the hash. */
static void describe_entries(struct describe *d, const uint8_t *p, size_t end)
{
    uint64_t first = le_get64(p + 16);
    uint32_t count = le_get32(p + 12);
    size_t at = ROLL_HEADER_BYTES + 4 * (size_t)count;

    describe_title(d, "entries");
    if (at > end) {
        describe_field(d, 12, "number of entries", verdict_of(false, "is more than there are"),
                       "%" PRIu32, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t place = ROLL_HEADER_BYTES + 4 * (size_t)i;
        uint32_t len = le_get32(p + place);

        if (len > end - at) {
            describe_field(d, place, "length of an entry",
                           verdict_of(false, "is more than there is"), "%" PRIu32, len);
            return;
        }
        describe_entry(d, p + at, len, at, first + i);
        at += len;
    }
    describe_field(d, at, "end of the entries",
                   verdict_of(at == end, "is not where the hash begins"), "%zu", at);
}

int roll_describe(const void *data, size_t len, struct buf *out)
{
    const uint8_t *p = data;
    uint8_t hash[NACL_HASH_BYTES];
    struct describe d;
    size_t end;

    describe_begin(&d, out, len);
    describe_title(&d, "roll-up of %zu bytes", len);
    if (len < ROLL_HEADER_BYTES + ROLL_HASH_BYTES) {
        describe_field(&d, 0, "length", verdict_of(false, "is too short for a roll-up"), "%zu",
                       len);
        return describe_end(&d, "roll-up");
    }
    layout_describe(&head_layout, p, 0, &d);
    describe_field(&d, DESCRIBE_NOWHERE, "length of this file",
                   verdict_of(le_get64(p + 48) == len, "is another"), "%zu", len);
    end = len - ROLL_HASH_BYTES;
    describe_entries(&d, p, end);
    nacl_hash(p, end, hash);
    describe_title(&d, "hash");
    describe_hex(&d, end, "hash",
                 verdict_of(memcmp(hash, p + end, sizeof hash) == 0, "does not match"), p + end,
                 sizeof hash);
    return describe_end(&d, "roll-up");
}
