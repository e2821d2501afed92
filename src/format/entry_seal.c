/*
 * entry_seal.c - the last 256 bytes of an entry, which number, chain and sign it, and the names
 * that follow from them.
 */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "format/entry_internal.h"
#include "format/nacl.h"

#define NUMBER_DIGITS 12
#define SIGNED_BYTES 192u
#define HASH_DIGITS (2 * ENTRY_HASH_BYTES)

static struct verdict check_body_len(const uint8_t *seal)
{
    uint32_t len = le_get32(seal + 12);

    return verdict_of(len > 0 && len <= ENTRY_MAX_BODY, "is not between 1 byte and 16 MiB");
}

static struct verdict check_number(const uint8_t *seal)
{
    uint64_t number = le_get64(seal + 48);

    return verdict_of(number > 0 && number <= ENTRY_MAX_NUMBER,
                      "is not one that an entry can have");
}

static struct verdict check_previous(const uint8_t *seal)
{
    static const uint8_t zeros[ENTRY_HASH_BYTES];

    return verdict_of(le_get64(seal + 48) != 1 || memcmp(seal + 56, zeros, sizeof zeros) == 0,
                      "is not zeros, though the entry is the first");
}

/* A span that is passed over lies before the entry that says so. */
static struct verdict check_passed(const uint8_t *seal)
{
    uint64_t first = le_get64(seal + 144), last = le_get64(seal + 152);

    return verdict_of((first == 0 && last == 0) ||
                          (first > 0 && first <= last && last < le_get64(seal + 48)),
                      "begins no span before this entry");
}

static const struct layout_field seal_fields[] = {
    { 0, 8, LAYOUT_MAGIC, "magic", NULL, NULL },
    { 8, 2, LAYOUT_VERSION, "version", NULL, NULL },
    { 10, 2, LAYOUT_FLAGS, "flags", NULL, NULL },
    { 12, 4, LAYOUT_NUMBER, "body length", NULL, check_body_len },
    { 16, 16, LAYOUT_HEX, "repository", NULL, NULL },
    { 32, 16, LAYOUT_HEX, "entry", NULL, NULL },
    { 48, 8, LAYOUT_NUMBER, "number", NULL, check_number },
    { 56, 32, LAYOUT_HEX, "previous seal hash", NULL, check_previous },
    { 88, 32, LAYOUT_HEX, "body hash", NULL, NULL },
    { 120, 16, LAYOUT_HEX, "author", NULL, NULL },
    { 136, 8, LAYOUT_TIME, "wall time", NULL, NULL },
    { 144, 8, LAYOUT_NUMBER, "passed over, first", NULL, check_passed },
    { 152, 8, LAYOUT_NUMBER, "passed over, last", NULL, NULL },
    { 160, 28, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 188, 4, LAYOUT_CRC, "checksum", NULL, NULL },
    { 192, 64, LAYOUT_HEX, "signature", NULL, NULL },
};

const struct layout entry_seal_layout = {
    .what = "entry seal",
    .size = ENTRY_SEAL_BYTES,
    .magic = "HFSEAL\0",
    .fields = seal_fields,
    .count = LAYOUT_COUNT(seal_fields),
};

void entry_seal_encode(struct entry_seal *s, const void *body, size_t body_len,
                       const struct keyring *keys, uint8_t out[ENTRY_SEAL_BYTES])
{
    s->body_len = (uint32_t)body_len;
    nacl_hash(body, body_len, s->body_hash);
    memcpy(s->author, keys->author, sizeof s->author);

    memset(out, 0, ENTRY_SEAL_BYTES);
    le_put32(out + 12, s->body_len);
    memcpy(out + 16, s->repo_id, 16);
    memcpy(out + 32, s->uuid, 16);
    le_put64(out + 48, s->number);
    memcpy(out + 56, s->previous, ENTRY_HASH_BYTES);
    memcpy(out + 88, s->body_hash, ENTRY_HASH_BYTES);
    memcpy(out + 120, s->author, sizeof s->author);
    le_put64(out + 136, (uint64_t)s->time_ns);
    le_put64(out + 144, s->passed_first);
    le_put64(out + 152, s->passed_last);
    layout_finish(&entry_seal_layout, out);
    nacl_sign(keys->sign_secret, out, SIGNED_BYTES, out + SIGNED_BYTES);
}

static void read_seal(const uint8_t *p, struct entry_seal *s)
{
    s->body_len = le_get32(p + 12);
    memcpy(s->repo_id, p + 16, 16);
    memcpy(s->uuid, p + 32, 16);
    s->number = le_get64(p + 48);
    memcpy(s->previous, p + 56, ENTRY_HASH_BYTES);
    memcpy(s->body_hash, p + 88, ENTRY_HASH_BYTES);
    memcpy(s->author, p + 120, sizeof s->author);
    s->time_ns = (int64_t)le_get64(p + 136);
    s->passed_first = le_get64(p + 144);
    s->passed_last = le_get64(p + 152);
}

int entry_decode(const void *file, size_t len, struct entry_seal *out_seal,
                 const uint8_t **out_body, size_t *out_body_len)
{
    const uint8_t *p = file;
    uint8_t hash[ENTRY_HASH_BYTES];
    size_t body_len;
    int rc;

    if (len < ENTRY_SEAL_BYTES) {
        return err_raise(HF_EDAMAGE, "entry: %zu bytes are too few for a seal", len);
    }
    body_len = len - ENTRY_SEAL_BYTES;
    rc = layout_check(&entry_seal_layout, p + body_len, ENTRY_SEAL_BYTES);
    if (rc != 0) {
        return rc;
    }
    if (le_get32(p + body_len + 12) != body_len) {
        return layout_raise(&entry_seal_layout, HF_EDAMAGE, 12,
                            "body length is not that of the file");
    }
    nacl_hash(p, body_len, hash);
    if (memcmp(hash, p + body_len + 88, sizeof hash) != 0) {
        return layout_raise(&entry_seal_layout, HF_EDAMAGE, 88,
                            "body hash is not that of the body");
    }
    read_seal(p + body_len, out_seal);
    *out_body = p;
    *out_body_len = body_len;
    return 0;
}

bool entry_signature_holds(const uint8_t seal[ENTRY_SEAL_BYTES], const uint8_t public_key[32])
{
    return nacl_verify(public_key, seal, SIGNED_BYTES, seal + SIGNED_BYTES);
}

void entry_seal_hash(const uint8_t seal[ENTRY_SEAL_BYTES], uint8_t out[ENTRY_HASH_BYTES])
{
    nacl_hash(seal, ENTRY_SEAL_BYTES, out);
}

/* --- names --- */

/* A number that is too large gets the name of the largest, which can only be taken already. */
void entry_name(uint64_t number, char out[ENTRY_NAME_BYTES])
{
    uint64_t n = number <= ENTRY_MAX_NUMBER ? number : ENTRY_MAX_NUMBER;

    for (int i = NUMBER_DIGITS - 1; i >= 0; i--) {
        out[i] = (char)('0' + n % 10);
        n /= 10;
    }
    out[NUMBER_DIGITS] = 0;
}

/* Twelve digits, not all zero; stops at the first other character, so a short name is safe. */
static bool parse_number(const char *text, uint64_t *out_number)
{
    uint64_t n = 0;

    for (int i = 0; i < NUMBER_DIGITS; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *out_number = n;
    return n > 0;
}

bool entry_parse_name(const char *name, uint64_t *out_number)
{
    uint64_t number;

    if (!parse_number(name, &number) || name[NUMBER_DIGITS] != 0) {
        return false;
    }
    *out_number = number;
    return true;
}

void entry_head_name(uint64_t number, const uint8_t hash[32], char out[ENTRY_HEAD_BYTES])
{
    entry_name(number, out);
    out[NUMBER_DIGITS] = '-';
    text_hex(hash, ENTRY_HASH_BYTES, out + NUMBER_DIGITS + 1);
}

bool entry_parse_head(const char *name, uint64_t *out_number, uint8_t out_hash[32])
{
    const char *digits = name + NUMBER_DIGITS + 1;
    uint64_t number;

    if (!parse_number(name, &number) || name[NUMBER_DIGITS] != '-') {
        return false;
    }
    if (strlen(digits) != HASH_DIGITS || strspn(digits, "0123456789abcdef") != HASH_DIGITS) {
        return false;
    }
    *out_number = number;
    return text_unhex(digits, HASH_DIGITS, out_hash);
}
