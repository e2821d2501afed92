/*
 * describe.h - the lines of `debug dump`: offset, name, value, and what is wrong with it.
 *
 *        8  version               0
 *     !! 188  checksum            1f2e3d4c  <- does not match
 *
 * A description goes on after damage: it marks the field and remembers the first one, which becomes
 * the trail of describe_end. Lines go to a buf, which keeps a failed allocation for describe_end.
 */
#ifndef HF_FORMAT_DESCRIBE_H
#define HF_FORMAT_DESCRIBE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/verdict.h"

#define DESCRIBE_FIRST_BYTES 256
#define DESCRIBE_NOWHERE UINT64_MAX /* an offset that no file has: sealed, or computed */

struct describe {
    struct buf *out;
    int width;                        /* of the offsets */
    unsigned wrong;                   /* fields that are */
    int code;                         /* of the first one; damage before HF_ENEWER */
    char first[DESCRIBE_FIRST_BYTES]; /* what is wrong with that one */
};

/* size: of the file, for the width of the offsets. */
void describe_begin(struct describe *d, struct buf *out, uint64_t size);
/* A heading, with an empty line before it unless it is the first. */
void describe_title(struct describe *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One field; values longer than 400 bytes are cut. */
void describe_field(struct describe *d, uint64_t offset, const char *name, struct verdict v,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void describe_hex(struct describe *d, uint64_t offset, const char *name, struct verdict v,
                  const void *data, size_t len);
/* Bytes as a terminal may show them. */
void describe_text(struct describe *d, uint64_t offset, const char *name, const void *data,
                   size_t len);
/* This thread's trail as a wrong field. */
void describe_trail(struct describe *d, uint64_t offset, const char *name);

/* The last line. 0, HF_ENOMEM, or HF_EDAMAGE or HF_ENEWER with the first wrong field as trail. */
int describe_end(struct describe *d, const char *what);

#endif
