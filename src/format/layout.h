/*
 * layout.h - structures of fixed size as tables of fields: one table decodes and describes.
 *
 * Each fixed structure of docs/format.md (segment header, record header, trailer, seal, roll-up
 * header, ...) is a table that says where its fields are and what they must be. layout_check
 * applies it to bytes of unknown origin, layout_describe prints them; both ask the same checks, so
 * that what `debug dump` marks is what a reader refuses. Magic and checksum are checked before
 * anything else: a rotten version is damage, not a newer version.
 */
#ifndef HF_FORMAT_LAYOUT_H
#define HF_FORMAT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "format/describe.h"

enum layout_kind {
    LAYOUT_MAGIC,   /* the layout's magic */
    LAYOUT_VERSION, /* u16; only 0 is known */
    LAYOUT_FLAGS,   /* none is known */
    LAYOUT_ZERO,    /* zeros, for alignment and later use */
    LAYOUT_CRC,     /* crc32c of all bytes before */
    LAYOUT_NUMBER,  /* u8, u16, u32, u64 by its size */
    LAYOUT_UNITS,   /* u32 position in units of 8 */
    LAYOUT_TIME,    /* i64, ns since 1970 */
    LAYOUT_HEX,     /* bytes */
};

struct layout_field {
    uint16_t at, size;
    enum layout_kind kind;
    const char *name;
    const char *(*meaning)(uint64_t value);            /* of a number, for people; or NULL */
    struct verdict (*check)(const uint8_t *structure); /* beyond the kind's; or NULL */
};

struct layout {
    const char *what; /* "segment header" */
    size_t size;
    const char *magic; /* as long as the LAYOUT_MAGIC field */
    const struct layout_field *fields;
    size_t count;
};

#define LAYOUT_COUNT(fields) (sizeof(fields) / sizeof(fields)[0])

/* Whether the first l->size of len bytes are such a structure. HF_EDAMAGE, HF_ENEWER. */
int layout_check(const struct layout *l, const void *data, size_t len);

/* Prints every field; data has l->size bytes, of which the first is at this offset of the file. */
void layout_describe(const struct layout *l, const uint8_t *data, uint64_t offset,
                     struct describe *d);

/* Raises code for something else about such a structure: "segment header: TEXT (offset N)". */
int layout_raise(const struct layout *l, int code, size_t at, const char *text);

/* Magic, and the checksum at l's LAYOUT_CRC, into bytes whose other fields are encoded. */
void layout_finish(const struct layout *l, uint8_t *data);

#endif
