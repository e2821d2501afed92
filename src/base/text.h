/*
 * text.h - text in and out: hex, sizes, durations, times, safe formatting, escaping.
 *
 * Parsers take the whole string or fail with HF_EUSAGE and a trail that quotes it and says what was
 * expected; they never accept a prefix. Formatters write into the caller's buffer, always with a
 * NUL, and return it.
 */
#ifndef HF_BASE_TEXT_H
#define HF_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

char *text_hex(const void *data, size_t len, char *out);     /* out holds 2 * len + 1 */
bool text_unhex(const char *hex, size_t hex_len, void *out); /* lower or upper case; exact */

int text_parse_u64(const char *text, uint64_t max, uint64_t *out);
/* 512K 10M 2G 1T (powers of 1024; k, KiB and B are understood as well), bare bytes. */
int text_parse_size(const char *text, uint64_t *out);
/* 500ms 90s 15m 24h 7d 4w 6mo 1y, joined; bare 0. A month is 30 days, a year 365. */
int text_parse_duration(const char *text, int64_t *out_ns);
/*
 * RFC 3339, `YYYY-MM-DD[ HH:MM[:SS[.frac]]]` local, what text_time_local writes, `now`, `-3h`,
 * `+3h`; now_ns is what `now` means. A local time that never was, or was twice, because clocks were
 * changed is an error that names both moments it might mean. A leap second is the second after it.
 */
int text_parse_time(const char *text, int64_t now_ns, int64_t *out_ns);

#define TEXT_TIME_BYTES 48
char *text_time_utc(int64_t ns, char out[TEXT_TIME_BYTES]);   /* 2026-11-21T10:00:00.000000000Z */
char *text_time_local(int64_t ns, char out[TEXT_TIME_BYTES]); /* 2026-11-21 11:00:00 +01:00 */
#define TEXT_SIZE_BYTES 32
char *text_size(uint64_t bytes, char out[TEXT_SIZE_BYTES]); /* 1.5 GiB */
char *text_duration(int64_t ns, char out[TEXT_SIZE_BYTES]); /* 2d 3h, 14m 5s, 1.25 s; cut off */
char *text_count(uint64_t n, char out[TEXT_SIZE_BYTES]);    /* 1,234,567 */

/* Appends text as the inside of a JSON string; bytes that are not UTF-8 become U+FFFD. */
void text_put_json(struct buf *b, const void *data, size_t len);
bool text_is_utf8(const void *data, size_t len);
void text_put_base64(struct buf *b, const void *data, size_t len);
/*
 * Appends a name for a terminal: bad UTF-8 and characters that control the terminal (C0, C1, line
 * separators, changes of writing direction) become \xNN escapes. Backslashes stay as they are.
 */
void text_put_shown(struct buf *b, const void *data, size_t len);

/* Edit distance in bytes, at most `limit` (limit + 1 when more), for "did you mean". */
size_t text_distance(const char *a, const char *b, size_t limit);

#endif
