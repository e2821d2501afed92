/*
 * buf.h - growable bytes, and the two ways to write and read structures in them.
 *
 * A buf owns its memory and remembers its first failure: a run of buf_put_* calls needs one check
 * at the end (buf_error). A cursor borrows bytes and remembers its first overrun in the same way:
 * after a failed get nothing is left, every further get yields zeros, and cursor_failed says so.
 * All integers are little-endian; varints are LEB128 with at most ten bytes and only the shortest
 * form is valid.
 */
#ifndef HF_BASE_BUF_H
#define HF_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    int error; /* 0, or HF_ENOMEM: an append did not happen */
};

void buf_init(struct buf *b);
void buf_release(struct buf *b);             /* frees; b is as after buf_init */
void buf_clear(struct buf *b);               /* keeps the memory, forgets content and error */
int buf_reserve(struct buf *b, size_t more); /* room for more bytes beyond len */
int buf_error(const struct buf *b);          /* 0 or HF_ENOMEM, with the trail set */
/*
 * The memory becomes the caller's (mem_free), b is as after buf_init. NULL, with the trail set, if
 * memory ran out now or before, and only then. out_len may be NULL.
 */
uint8_t *buf_take(struct buf *b, size_t *out_len);

void buf_put(struct buf *b, const void *data, size_t len); /* data must not lie in b */
void buf_put_zeros(struct buf *b, size_t len);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_i64(struct buf *b, int64_t v);
void buf_put_varint(struct buf *b, uint64_t v);
void buf_put_svarint(struct buf *b, int64_t v);                  /* zig-zag */
void buf_put_bytes(struct buf *b, const void *data, size_t len); /* varint length, then bytes */
void buf_put_text(struct buf *b, const char *text);              /* the same; NULL is empty */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_text(struct buf *b); /* NUL-terminated view; "" when memory ran out */

struct cursor {
    const uint8_t *data;
    size_t len;
    size_t pos;
    bool failed;
};

void cursor_init(struct cursor *c, const void *data, size_t len);
size_t cursor_left(const struct cursor *c);
bool cursor_failed(const struct cursor *c);
bool cursor_done(const struct cursor *c); /* nothing failed and nothing is left */

const uint8_t *cursor_get(struct cursor *c, size_t len);   /* NULL when it overruns */
void cursor_copy(struct cursor *c, void *out, size_t len); /* zeros when it overruns */
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
int64_t cursor_i64(struct cursor *c);
uint64_t cursor_varint(struct cursor *c);
int64_t cursor_svarint(struct cursor *c);
/* Length-prefixed bytes, borrowed; more than `max` is a failure. */
const uint8_t *cursor_bytes(struct cursor *c, size_t max, size_t *out_len);
/*
 * The same as a fresh text. NULL when it overruns, is longer than `max` or has a zero byte in it
 * (then the cursor has failed), or memory ran out (then it has not, and the trail is set).
 */
char *cursor_text(struct cursor *c, size_t max);

/* Fixed-place access for fixed-size structures. */
void le_put16(uint8_t *p, uint16_t v);
void le_put32(uint8_t *p, uint32_t v);
void le_put64(uint8_t *p, uint64_t v);
uint16_t le_get16(const uint8_t *p);
uint32_t le_get32(const uint8_t *p);
uint64_t le_get64(const uint8_t *p);

#endif
