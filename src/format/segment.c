/*
 * segment.c - header, records and trailer of a segment; the footer is in segment_footer.c.
 *
 * Every field that follows from others (the place of the sums, the length of the file, ...) is
 * checked against them, so that a segment has one encoding and a trailer that decodes can be
 * followed without looking again.
 */
#include "format/segment.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "format/block.h"
#include "format/nacl.h"
#include "format/segment_internal.h"

#define FOOTER_MIN_PAYLOAD (SEGMENT_FOOTER_HEAD_BYTES + CIPHER_TAG_BYTES)
#define BLOCK_MAX_PAYLOAD (12u + 4u * BLOCK_MAX_CHUNKS + BLOCK_MAX_BYTES + CIPHER_TAG_BYTES)

static uint64_t align_up(uint64_t n)
{
    return (n + SEGMENT_ALIGN - 1) / SEGMENT_ALIGN * SEGMENT_ALIGN;
}

static uint64_t record_span(uint32_t payload_len)
{
    return align_up((uint64_t)SEGMENT_RECORD_HEADER_BYTES + payload_len);
}

uint64_t segment_record_bytes(uint64_t plain_len)
{
    return align_up(SEGMENT_RECORD_HEADER_BYTES + plain_len + CIPHER_TAG_BYTES);
}

/* --- header --- */

static const char *cipher_meaning(uint64_t kind)
{
    switch (kind) {
    case CIPHER_AES_256_GCM:
        return "AES-256-GCM";
    case CIPHER_CHACHA20_POLY1305:
        return "ChaCha20-Poly1305";
    default:
        return "unknown";
    }
}

static struct verdict check_cipher(const uint8_t *header)
{
    if (header[52] == 0) {
        return verdict_of(false, "is 0");
    }
    if (header[52] > CIPHER_CHACHA20_POLY1305) {
        return verdict_newer("is one that this program does not know");
    }
    return verdict_fine();
}

static const struct layout_field header_fields[] = {
    { 0, 8, LAYOUT_MAGIC, "magic", NULL, NULL },
    { 8, 2, LAYOUT_VERSION, "version", NULL, NULL },
    { 10, 2, LAYOUT_FLAGS, "flags", NULL, NULL },
    { 12, 4, LAYOUT_NUMBER, "key epoch", NULL, NULL },
    { 16, 16, LAYOUT_HEX, "repository", NULL, NULL },
    { 32, 16, LAYOUT_HEX, "segment", NULL, NULL },
    { 48, 4, LAYOUT_NUMBER, "domain", NULL, NULL },
    { 52, 1, LAYOUT_NUMBER, "cipher", cipher_meaning, check_cipher },
    { 53, 3, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 56, 80, LAYOUT_HEX, "sealed segment key", NULL, NULL },
    { 136, 52, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 188, 4, LAYOUT_CRC, "checksum", NULL, NULL },
};

const struct layout segment_header_layout = {
    .what = "segment header",
    .size = SEGMENT_HEADER_BYTES,
    .magic = "HFSEGMNT",
    .fields = header_fields,
    .count = LAYOUT_COUNT(header_fields),
};

void segment_header_encode(const struct segment_header *h, uint8_t out[SEGMENT_HEADER_BYTES])
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    le_put32(out + 12, h->epoch);
    memcpy(out + 16, h->repo_id, 16);
    memcpy(out + 32, h->uuid, 16);
    le_put32(out + 48, h->domain);
    out[52] = (uint8_t)h->cipher;
    memcpy(out + 56, h->sealed_key, sizeof h->sealed_key);
    layout_finish(&segment_header_layout, out);
}

int segment_header_decode(const void *data, size_t len, struct segment_header *out)
{
    const uint8_t *p = data;
    int rc = layout_check(&segment_header_layout, data, len);

    if (rc != 0) {
        return rc;
    }
    out->epoch = le_get32(p + 12);
    memcpy(out->repo_id, p + 16, 16);
    memcpy(out->uuid, p + 32, 16);
    out->domain = le_get32(p + 48);
    out->cipher = (enum cipher_kind)p[52];
    memcpy(out->sealed_key, p + 56, sizeof out->sealed_key);
    return 0;
}

/* --- record --- */

static const char *record_meaning(uint64_t type)
{
    switch (type) {
    case SEGMENT_DATA:
        return "data block";
    case SEGMENT_PAGES:
        return "page block";
    case SEGMENT_FOOTER:
        return "footer";
    default:
        return "unknown";
    }
}

static struct verdict check_record_type(const uint8_t *header)
{
    if (header[4] == 0) {
        return verdict_of(false, "is 0");
    }
    if (header[4] > SEGMENT_FOOTER) {
        return verdict_newer("is one that this program does not know");
    }
    return verdict_fine();
}

static struct verdict check_record_length(const uint8_t *header)
{
    uint32_t len = le_get32(header + 8);

    if (len < CIPHER_TAG_BYTES) {
        return verdict_of(false, "is too short for a tag");
    }
    return verdict_of(header[4] == SEGMENT_FOOTER || len <= BLOCK_MAX_PAYLOAD,
                      "is more than a block may have");
}

static struct verdict check_record_position(const uint8_t *header)
{
    uint64_t position = (uint64_t)le_get32(header + 12) * SEGMENT_ALIGN;

    if (position < SEGMENT_HEADER_BYTES) {
        return verdict_of(false, "lies in the segment's header");
    }
    return verdict_of(position + record_span(le_get32(header + 8)) <= SEGMENT_MAX_BYTES,
                      "lies beyond the largest segment");
}

static const struct layout_field record_fields[] = {
    { 0, 4, LAYOUT_MAGIC, "magic", NULL, NULL },
    { 4, 1, LAYOUT_NUMBER, "type", record_meaning, check_record_type },
    { 5, 1, LAYOUT_FLAGS, "flags", NULL, NULL },
    { 6, 2, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 8, 4, LAYOUT_NUMBER, "payload length", NULL, check_record_length },
    { 12, 4, LAYOUT_UNITS, "position", NULL, check_record_position },
    { 16, 12, LAYOUT_HEX, "nonce", NULL, NULL },
    { 28, 4, LAYOUT_CRC, "checksum", NULL, NULL },
};

const struct layout segment_record_layout = {
    .what = "record header",
    .size = SEGMENT_RECORD_HEADER_BYTES,
    .magic = "HFRC",
    .fields = record_fields,
    .count = LAYOUT_COUNT(record_fields),
};

int segment_record_header_decode(const void *data, size_t len, struct segment_record_header *out)
{
    const uint8_t *p = data;
    int rc = layout_check(&segment_record_layout, data, len);

    if (rc != 0) {
        return rc;
    }
    out->type = (enum segment_record)p[4];
    out->payload_len = le_get32(p + 8);
    out->position = (uint64_t)le_get32(p + 12) * SEGMENT_ALIGN;
    memcpy(out->nonce, p + 16, CIPHER_NONCE_BYTES);
    return 0;
}

static struct cipher_ad record_ad(const uint8_t uuid[16], const uint8_t *header)
{
    return (struct cipher_ad){
        .first = uuid, .first_len = 16, .second = header, .second_len = SEGMENT_RECORD_HEADER_BYTES
    };
}

int segment_record_seal(struct cipher *c, const uint8_t key[32], const uint8_t uuid[16],
                        enum segment_record type, uint64_t position,
                        const uint8_t nonce[CIPHER_NONCE_BYTES], const void *plain,
                        size_t plain_len, uint8_t *out)
{
    uint8_t header[SEGMENT_RECORD_HEADER_BYTES] = { 0 };
    struct cipher_ad ad = record_ad(uuid, header);
    uint64_t max_payload = type == SEGMENT_FOOTER ? UINT32_MAX : BLOCK_MAX_PAYLOAD;
    size_t used = SEGMENT_RECORD_HEADER_BYTES + plain_len + CIPHER_TAG_BYTES;
    int rc;

    assert(position % SEGMENT_ALIGN == 0);
    if (plain_len > max_payload - CIPHER_TAG_BYTES || position > SEGMENT_MAX_BYTES ||
        segment_record_bytes(plain_len) > SEGMENT_MAX_BYTES - position) {
        return err_raise(HF_ELIMIT, "a record of %zu bytes at %" PRIu64 " is too large", plain_len,
                         position);
    }
    header[4] = (uint8_t)type;
    le_put32(header + 8, (uint32_t)(plain_len + CIPHER_TAG_BYTES));
    le_put32(header + 12, (uint32_t)(position / SEGMENT_ALIGN));
    memcpy(header + 16, nonce, CIPHER_NONCE_BYTES);
    layout_finish(&segment_record_layout, header);
    rc = cipher_seal(c, key, nonce, &ad, plain, plain_len, out + SEGMENT_RECORD_HEADER_BYTES);
    if (rc != 0) {
        return err_add(rc, "could not seal a record");
    }
    memcpy(out, header, sizeof header);
    memset(out + used, 0, (size_t)segment_record_bytes(plain_len) - used);
    return 0;
}

/* The header is whole; is it this one, and is all of the record here? */
static int check_record(const struct segment_record_header *h, enum segment_record type,
                        uint64_t position, const uint8_t *data, size_t len)
{
    size_t end = (size_t)SEGMENT_RECORD_HEADER_BYTES + h->payload_len;
    size_t span = (size_t)record_span(h->payload_len);

    if (h->type != type) {
        return layout_raise(&segment_record_layout, HF_EDAMAGE, 4,
                            "type is not the one that belongs here");
    }
    if (h->position != position) {
        return layout_raise(&segment_record_layout, HF_EDAMAGE, 12,
                            "position is that of another record");
    }
    if (h->payload_len > len - SEGMENT_RECORD_HEADER_BYTES) {
        return layout_raise(&segment_record_layout, HF_EDAMAGE, 8,
                            "payload length is more than there is");
    }
    for (size_t i = end; i < span && i < len; i++) {
        if (data[i] != 0) {
            return err_raise(HF_EDAMAGE, "record: padding is not zero (offset %zu)", i);
        }
    }
    return 0;
}

int segment_record_open(struct cipher *c, const uint8_t key[32], const uint8_t uuid[16],
                        enum segment_record type, uint64_t position, uint8_t *data, size_t len,
                        uint8_t *out_plain, size_t *out_plain_len)
{
    struct segment_record_header h = { .payload_len = 0 };
    struct cipher_ad ad = record_ad(uuid, data);
    int rc = segment_record_header_decode(data, len, &h);

    if (rc == 0) {
        rc = check_record(&h, type, position, data, len);
    }
    if (rc == 0) {
        rc = cipher_open(c, key, h.nonce, &ad, data + SEGMENT_RECORD_HEADER_BYTES, h.payload_len,
                         out_plain);
    }
    if (rc != 0) {
        return err_add(rc, "%s record at %" PRIu64, record_meaning(type), position);
    }
    *out_plain_len = h.payload_len - CIPHER_TAG_BYTES;
    return 0;
}

/* --- trailer --- */

static struct verdict check_footer_position(const uint8_t *trailer)
{
    uint64_t position = le_get64(trailer + 24);

    if (position < SEGMENT_HEADER_BYTES || position > SEGMENT_MAX_BYTES) {
        return verdict_of(false, "lies outside of the segment");
    }
    return verdict_of(position % SEGMENT_ALIGN == 0, "is not a multiple of 8");
}

static struct verdict check_footer_length(const uint8_t *trailer)
{
    return verdict_of(le_get32(trailer + 32) >= FOOTER_MIN_PAYLOAD, "is too short for a footer");
}

static struct verdict check_sum_count(const uint8_t *trailer)
{
    uint64_t spans = le_get64(trailer + 40) / SEGMENT_SUM_SPAN +
                     (le_get64(trailer + 40) % SEGMENT_SUM_SPAN != 0);

    return verdict_of(le_get32(trailer + 36) == spans, "is not one for each MiB");
}

/* Sums of hostile values may wrap here: they are then unequal, or refused as the file's length. */
static struct verdict check_sums_position(const uint8_t *trailer)
{
    uint64_t footer_end = le_get64(trailer + 24) + record_span(le_get32(trailer + 32));

    return verdict_of(le_get64(trailer + 40) == footer_end, "is not where the footer ends");
}

static struct verdict check_file_length(const uint8_t *trailer)
{
    uint64_t len = le_get64(trailer + 48);
    uint64_t sums_end = le_get64(trailer + 40) + 8ull * le_get32(trailer + 36);

    if (len > SEGMENT_MAX_BYTES) {
        return verdict_of(false, "is more than a segment may have");
    }
    return verdict_of(len == sums_end + SEGMENT_TRAILER_BYTES, "is not where the trailer ends");
}

static struct verdict check_record_count(const uint8_t *trailer)
{
    uint64_t room = le_get64(trailer + 24) - SEGMENT_HEADER_BYTES;
    uint64_t count = le_get32(trailer + 56);

    return verdict_of((count == 0) == (room == 0) && count <= room / segment_record_bytes(0),
                      "does not fit into the space of the records");
}

static const struct layout_field trailer_fields[] = {
    { 0, 8, LAYOUT_MAGIC, "magic", NULL, NULL },
    { 8, 16, LAYOUT_HEX, "segment", NULL, NULL },
    { 24, 8, LAYOUT_NUMBER, "footer position", NULL, check_footer_position },
    { 32, 4, LAYOUT_NUMBER, "footer payload length", NULL, check_footer_length },
    { 36, 4, LAYOUT_NUMBER, "number of sums", NULL, check_sum_count },
    { 40, 8, LAYOUT_NUMBER, "sums position", NULL, check_sums_position },
    { 48, 8, LAYOUT_NUMBER, "file length", NULL, check_file_length },
    { 56, 4, LAYOUT_NUMBER, "number of records", NULL, check_record_count },
    { 60, 4, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 64, 32, LAYOUT_HEX, "hash", NULL, NULL },
    { 96, 16, LAYOUT_HEX, "repository", NULL, NULL },
    { 112, 12, LAYOUT_ZERO, "reserved", NULL, NULL },
    { 124, 4, LAYOUT_CRC, "checksum", NULL, NULL },
};

const struct layout segment_trailer_layout = {
    .what = "segment trailer",
    .size = SEGMENT_TRAILER_BYTES,
    .magic = "HFTRAILR",
    .fields = trailer_fields,
    .count = LAYOUT_COUNT(trailer_fields),
};

void segment_trailer_encode(const struct segment_trailer *t, uint8_t out[SEGMENT_TRAILER_BYTES])
{
    memset(out, 0, SEGMENT_TRAILER_BYTES);
    memcpy(out + 8, t->uuid, 16);
    le_put64(out + 24, t->footer_position);
    le_put32(out + 32, t->footer_payload_len);
    le_put32(out + 36, t->sum_count);
    le_put64(out + 40, t->sums_position);
    le_put64(out + 48, t->file_len);
    le_put32(out + 56, t->record_count);
    memcpy(out + 64, t->hash, 32);
    memcpy(out + 96, t->repo_id, 16);
    layout_finish(&segment_trailer_layout, out);
}

int segment_trailer_decode(const void *data, size_t len, uint64_t file_len,
                           struct segment_trailer *out)
{
    const uint8_t *p = data;
    int rc = layout_check(&segment_trailer_layout, data, len);

    if (rc != 0) {
        return rc;
    }
    if (le_get64(p + 48) != file_len) {
        return err_raise(HF_EDAMAGE,
                         "segment trailer: file length is %" PRIu64 ", but the file has %" PRIu64
                         " bytes (offset 48)",
                         le_get64(p + 48), file_len);
    }
    memcpy(out->uuid, p + 8, 16);
    out->footer_position = le_get64(p + 24);
    out->footer_payload_len = le_get32(p + 32);
    out->sum_count = le_get32(p + 36);
    out->sums_position = le_get64(p + 40);
    out->file_len = le_get64(p + 48);
    out->record_count = le_get32(p + 56);
    memcpy(out->hash, p + 64, 32);
    memcpy(out->repo_id, p + 96, 16);
    return 0;
}

void segment_trailer_hash(const uint8_t trailer[SEGMENT_TRAILER_BYTES], uint8_t out[32])
{
    nacl_hash(trailer, SEGMENT_TRAILER_BYTES, out);
}
