/*
 * text_put.c - bytes that may be anything, made fit for JSON and for terminals.
 *
 * File names are bytes. What is valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF) passes as it is; the rest is replaced or escaped byte by byte.
 */
#include "base/text.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The length of the UTF-8 sequence at p, its code point in *out; or 0 if there is none. */
static size_t read_utf8(const uint8_t *p, size_t len, uint32_t *out)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t need = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (need == 1) {
        *out = p[0];
        return 1;
    }
    if (need == 0 || p[0] > 0xf4 || need > len) {
        return 0;
    }
    uint32_t point = p[0] & (0x7fU >> need);
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | (p[i] & 0x3f);
    }
    if (point < smallest[need] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        return 0;
    }
    *out = point;
    return need;
}

bool text_is_utf8(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint32_t point;

    while (len > 0) {
        size_t used = read_utf8(p, len, &point);
        if (used == 0) {
            return false;
        }
        p += used;
        len -= used;
    }
    return true;
}

/* A character that JSON demands to be escaped. */
static void put_json_escape(struct buf *b, uint8_t c)
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *at = c == 0 ? NULL : strchr(named, c);

    if (at != NULL) {
        buf_put_u8(b, '\\');
        buf_put_u8(b, (uint8_t)names[at - named]);
    } else {
        buf_printf(b, "\\u%04x", c);
    }
}

static bool json_escapes(uint32_t point)
{
    return point < 0x20 || point == '"' || point == '\\';
}

/* Control characters, and those that reorder or break the line they stand in. */
static bool upsets_terminal(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x61c || point == 0x200e ||
           point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069);
}

static void put_hex_escapes(struct buf *b, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        buf_printf(b, "\\x%02x", p[i]);
    }
}

/* Plain runs are appended whole, since most names are nothing else. */

void text_put_json(struct buf *b, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t plain = 0;
    uint32_t point;

    for (size_t i = 0; i < len;) {
        size_t used = read_utf8(p + i, len - i, &point);
        if (used > 0 && !json_escapes(point)) {
            i += used;
            continue;
        }
        buf_put(b, p + plain, i - plain);
        if (used == 0) {
            buf_put(b, REPLACEMENT, strlen(REPLACEMENT));
        } else {
            put_json_escape(b, p[i]);
        }
        plain = ++i;
    }
    buf_put(b, p + plain, len - plain);
}

void text_put_shown(struct buf *b, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t plain = 0;
    uint32_t point;

    for (size_t i = 0; i < len;) {
        size_t used = read_utf8(p + i, len - i, &point);
        if (used > 0 && !upsets_terminal(point)) {
            i += used;
            continue;
        }
        buf_put(b, p + plain, i - plain);
        if (used == 0) {
            used = 1;
        }
        put_hex_escapes(b, p + i, used);
        i += used;
        plain = i;
    }
    buf_put(b, p + plain, len - plain);
}

void text_put_base64(struct buf *b, const void *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)p[i] << 16;
        if (left > 1) {
            bits |= (uint32_t)p[i + 1] << 8;
        }
        if (left > 2) {
            bits |= p[i + 2];
        }
        char group[4] = { digits[bits >> 18], digits[bits >> 12 & 63], '=', '=' };
        if (left > 1) {
            group[2] = digits[bits >> 6 & 63];
        }
        if (left > 2) {
            group[3] = digits[bits & 63];
        }
        buf_put(b, group, sizeof group);
    }
}
