/*
 * buf.c - growable bytes and cursors over borrowed ones.
 *
 * Both remember their first failure and do nothing from then on, so that a run of puts or gets
 * needs one check. A failed cursor has nothing left: a loop over what is left always ends.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define FIRST_CAPACITY 64

void buf_init(struct buf *b)
{
    *b = (struct buf){ 0 };
}

void buf_release(struct buf *b)
{
    mem_free(b->data);
    buf_init(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->error = 0;
}

int buf_error(const struct buf *b)
{
    /* Said anew, since other failures may have passed through this thread's trail meanwhile. */
    return b->error == 0 ? 0 : err_nomem();
}

static int fail(struct buf *b)
{
    b->error = HF_ENOMEM;
    return err_nomem();
}

int buf_reserve(struct buf *b, size_t more)
{
    if (b->error != 0) {
        return err_nomem();
    }
    if (more <= b->cap - b->len) {
        return 0;
    }
    if (more > SIZE_MAX / 2 - b->len) {
        return fail(b);
    }

    size_t cap = b->cap < FIRST_CAPACITY ? FIRST_CAPACITY : b->cap;
    while (cap < b->len + more) {
        cap *= 2;
    }
    uint8_t *data = mem_realloc(b->data, cap);
    if (data == NULL) {
        return fail(b);
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

uint8_t *buf_take(struct buf *b, size_t *out_len)
{
    /* An empty buf may own no memory yet; NULL shall mean that memory ran out, and nothing else. */
    if (b->cap == 0) {
        buf_reserve(b, 1);
    }
    if (buf_error(b) != 0) {
        buf_release(b);
    }
    uint8_t *data = b->data;
    if (out_len != NULL) {
        *out_len = b->len;
    }
    buf_init(b);
    return data;
}

/* Room for len more bytes, which count from now on, or NULL. */
static uint8_t *extend(struct buf *b, size_t len)
{
    if (buf_reserve(b, len) != 0) {
        return NULL;
    }
    uint8_t *place = b->data + b->len;
    b->len += len;
    return place;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    uint8_t *place = extend(b, len);
    if (place != NULL) {
        memcpy(place, data, len);
    }
}

void buf_put_zeros(struct buf *b, size_t len)
{
    if (len == 0) {
        return;
    }
    uint8_t *place = extend(b, len);
    if (place != NULL) {
        memset(place, 0, len);
    }
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put(b, &v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    uint8_t bytes[sizeof v];

    le_put16(bytes, v);
    buf_put(b, bytes, sizeof bytes);
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    uint8_t bytes[sizeof v];

    le_put32(bytes, v);
    buf_put(b, bytes, sizeof bytes);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    uint8_t bytes[sizeof v];

    le_put64(bytes, v);
    buf_put(b, bytes, sizeof bytes);
}

void buf_put_i64(struct buf *b, int64_t v)
{
    buf_put_u64(b, (uint64_t)v);
}

void buf_put_varint(struct buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t len = 0;

    while (v >= 0x80) {
        bytes[len++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[len++] = (uint8_t)v;
    buf_put(b, bytes, len);
}

void buf_put_svarint(struct buf *b, int64_t v)
{
    uint64_t sign = v < 0 ? UINT64_MAX : 0;

    buf_put_varint(b, ((uint64_t)v << 1) ^ sign);
}

void buf_put_bytes(struct buf *b, const void *data, size_t len)
{
    buf_put_varint(b, len);
    buf_put(b, data, len);
}

void buf_put_text(struct buf *b, const char *text)
{
    buf_put_bytes(b, text, text == NULL ? 0 : strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        fail(b);
        return;
    }
    /* vsnprintf also writes a NUL, which is reserved but does not count. */
    if (buf_reserve(b, (size_t)len + 1) != 0) {
        return;
    }
    va_start(args, fmt);
    vsnprintf((char *)b->data + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

const char *buf_text(struct buf *b)
{
    if (buf_reserve(b, 1) != 0) {
        return "";
    }
    b->data[b->len] = '\0';
    return (const char *)b->data;
}

void cursor_init(struct cursor *c, const void *data, size_t len)
{
    /* No bytes at no place are valid input, but NULL is how a get reports failure. */
    static const uint8_t nothing[1];

    assert(data != NULL || len == 0);
    *c = (struct cursor){ .data = data == NULL ? nothing : data, .len = len };
}

size_t cursor_left(const struct cursor *c)
{
    return c->failed ? 0 : c->len - c->pos;
}

bool cursor_failed(const struct cursor *c)
{
    return c->failed;
}

bool cursor_done(const struct cursor *c)
{
    return !c->failed && c->pos == c->len;
}

const uint8_t *cursor_get(struct cursor *c, size_t len)
{
    if (c->failed || len > c->len - c->pos) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *place = c->data + c->pos;
    c->pos += len;
    return place;
}

void cursor_copy(struct cursor *c, void *out, size_t len)
{
    const uint8_t *bytes = cursor_get(c, len);

    if (len == 0) {
        return;
    }
    if (bytes != NULL) {
        memcpy(out, bytes, len);
    } else {
        memset(out, 0, len);
    }
}

uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *bytes = cursor_get(c, 1);

    return bytes == NULL ? 0 : bytes[0];
}

uint16_t cursor_u16(struct cursor *c)
{
    const uint8_t *bytes = cursor_get(c, 2);

    return bytes == NULL ? 0 : le_get16(bytes);
}

uint32_t cursor_u32(struct cursor *c)
{
    const uint8_t *bytes = cursor_get(c, 4);

    return bytes == NULL ? 0 : le_get32(bytes);
}

uint64_t cursor_u64(struct cursor *c)
{
    const uint8_t *bytes = cursor_get(c, 8);

    return bytes == NULL ? 0 : le_get64(bytes);
}

int64_t cursor_i64(struct cursor *c)
{
    return (int64_t)cursor_u64(c);
}

uint64_t cursor_varint(struct cursor *c)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = cursor_u8(c);
        if (c->failed) {
            return 0;
        }
        /* The tenth byte has room for one bit; a last byte of zero says what is said without it. */
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) {
            break;
        }
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return v;
        }
    }
    c->failed = true;
    return 0;
}

int64_t cursor_svarint(struct cursor *c)
{
    uint64_t v = cursor_varint(c);
    uint64_t sign = (v & 1) != 0 ? UINT64_MAX : 0;

    return (int64_t)((v >> 1) ^ sign);
}

const uint8_t *cursor_bytes(struct cursor *c, size_t max, size_t *out_len)
{
    uint64_t len = cursor_varint(c);

    *out_len = 0;
    if (c->failed || len > max) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *bytes = cursor_get(c, (size_t)len);
    if (bytes != NULL) {
        *out_len = (size_t)len;
    }
    return bytes;
}

char *cursor_text(struct cursor *c, size_t max)
{
    size_t len = 0;
    const uint8_t *bytes = cursor_bytes(c, max, &len);
    char *text;

    if (c->failed || (len > 0 && memchr(bytes, 0, len) != NULL)) {
        c->failed = true;
        return NULL;
    }
    text = mem_alloc(len + 1);
    if (text == NULL) {
        err_nomem();
        return NULL;
    }
    if (len > 0) {
        memcpy(text, bytes, len);
    }
    text[len] = '\0';
    return text;
}

/* Byte by byte: compilers turn these into one load or store, on any machine and alignment. */

void le_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

void le_put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

void le_put64(uint8_t *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

uint16_t le_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t le_get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t le_get64(const uint8_t *p)
{
    return (uint64_t)le_get32(p) | (uint64_t)le_get32(p + 4) << 32;
}
