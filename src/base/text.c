/*
 * text.c - numbers, sizes and durations as people write them; hex; and how much two words differ.
 *
 * Times are in text_time.c, escaping is in text_put.c.
 */
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

/* Longer input is quoted in part, so that what was expected still fits into the message. */
#define QUOTED "\"%.200s\""

char *text_hex(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}

/* The value of a hex digit, or 16. */
static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a') + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return (unsigned)(c - 'A') + 10;
    }
    return 16;
}

bool text_unhex(const char *hex, size_t hex_len, void *out)
{
    uint8_t *bytes = out;

    if (hex_len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < hex_len; i += 2) {
        unsigned high = hex_value(hex[i]);
        unsigned low = hex_value(hex[i + 1]);
        if (high > 15 || low > 15) {
            return false;
        }
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

enum digits { DIGITS_OK, DIGITS_NONE, DIGITS_TOO_LARGE };

/* Reads the digits at *text and moves it behind them; *out is the value if it fits. */
static enum digits read_digits(const char **text, uint64_t *out)
{
    const char *p = *text;
    uint64_t v = 0;
    bool fits = true;

    for (; *p >= '0' && *p <= '9'; p++) {
        fits = fits && !__builtin_mul_overflow(v, 10, &v) &&
               !__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
    }
    if (p == *text) {
        return DIGITS_NONE;
    }
    *text = p;
    *out = v;
    return fits ? DIGITS_OK : DIGITS_TOO_LARGE;
}

int text_parse_u64(const char *text, uint64_t max, uint64_t *out)
{
    const char *p = text;
    uint64_t v = 0;
    enum digits digits = read_digits(&p, &v);

    if (digits == DIGITS_NONE || *p != '\0') {
        return err_raise(HF_EUSAGE, QUOTED " is not a whole number", text);
    }
    if (digits == DIGITS_TOO_LARGE || v > max) {
        return err_raise(HF_EUSAGE, QUOTED " is too large: at most %" PRIu64 " is possible", text,
                         max);
    }
    *out = v;
    return 0;
}

/* The shift of a size's unit at p, which must be all that follows, or -1. */
static int size_shift(const char *p)
{
    static const char units[] = "kmgtpe";

    if (*p == '\0' || strcmp(p, "B") == 0) {
        return 0;
    }
    char lower = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    const char *unit = strchr(units, lower);
    if (unit == NULL || (p[1] != '\0' && strcmp(p + 1, "iB") != 0)) {
        return -1;
    }
    return 10 * (int)(unit - units + 1);
}

int text_parse_size(const char *text, uint64_t *out)
{
    const char *p = text;
    uint64_t v = 0;
    enum digits digits = read_digits(&p, &v);
    int shift = size_shift(p);

    if (digits == DIGITS_NONE || shift < 0) {
        return err_raise(HF_EUSAGE,
                         QUOTED " is not a size such as 4096, 512K, 10M, 2G or 1T (powers of 1024)",
                         text);
    }
    if (digits == DIGITS_TOO_LARGE || v > UINT64_MAX >> shift) {
        return err_raise(HF_EUSAGE, QUOTED " is too large for a size: less than 16E is possible",
                         text);
    }
    *out = v << shift;
    return 0;
}

#define NS_PER_MS 1000000LL
#define NS_PER_MINUTE (60 * NS_PER_S)
#define NS_PER_HOUR (60 * NS_PER_MINUTE)
#define NS_PER_DAY (24 * NS_PER_HOUR)

/* Months and years are those of retention, not of the calendar. */
static const struct {
    const char *name;
    int64_t ns;
} duration_units[] = {
    { "ms", NS_PER_MS },     { "mo", 30 * NS_PER_DAY }, { "s", NS_PER_S },
    { "m", NS_PER_MINUTE },  { "h", NS_PER_HOUR },      { "d", NS_PER_DAY },
    { "w", 7 * NS_PER_DAY }, { "y", 365 * NS_PER_DAY },
};

/* The length of the unit at *text, which is moved behind it, or 0. The longer names come first. */
static int64_t read_duration_unit(const char **text)
{
    for (size_t i = 0; i < sizeof duration_units / sizeof *duration_units; i++) {
        size_t len = strlen(duration_units[i].name);
        if (strncmp(*text, duration_units[i].name, len) == 0) {
            *text += len;
            return duration_units[i].ns;
        }
    }
    return 0;
}

int text_parse_duration(const char *text, int64_t *out_ns)
{
    int64_t total = 0;
    bool fits = true;

    if (strcmp(text, "0") == 0) {
        *out_ns = 0;
        return 0;
    }
    const char *p = text;
    do {
        const char *part_text = p;
        uint64_t n = 0;
        enum digits digits = read_digits(&p, &n);
        int64_t unit = digits == DIGITS_NONE ? 0 : read_duration_unit(&p);
        if (unit == 0) {
            return err_raise(HF_EUSAGE,
                             QUOTED " is not a duration, from position %zu on (\"%.20s\"): say "
                                    "90s, 15m, 24h, 7d, 4w, 6mo, 1y, 1y6mo or 0",
                             text, (size_t)(part_text - text) + 1, part_text);
        }
        int64_t part;
        fits = fits && digits == DIGITS_OK && !__builtin_mul_overflow(n, unit, &part) &&
               !__builtin_add_overflow(total, part, &total);
    } while (*p != '\0');
    if (!fits) {
        return err_raise(HF_EUSAGE, QUOTED " is too long: at most 292y is possible", text);
    }
    *out_ns = total;
    return 0;
}

char *text_size(uint64_t bytes, char out[TEXT_SIZE_BYTES])
{
    static const char units[] = "BKMGTPE";
    unsigned unit = 0;

    while (bytes >> (10 * unit) >= 1024) {
        unit++;
    }
    if (unit == 0) {
        snprintf(out, TEXT_SIZE_BYTES, "%u B", (unsigned)bytes);
        return out;
    }
    uint64_t one = (uint64_t)1 << (10 * unit);
    unsigned whole = (unsigned)(bytes / one);
    unsigned tenths = (unsigned)((bytes % one * 10 + one / 2) / one);
    if (tenths == 10) {
        tenths = 0;
        whole++;
    }
    if (whole == 1024) { /* never of the largest: there are only 16 of those */
        whole = 1;
        unit++;
    }
    snprintf(out, TEXT_SIZE_BYTES, "%u.%u %ciB", whole, tenths, units[unit]);
    return out;
}

/* n hundredths with as many decimals as they need: 1.25, 1.5, 10. */
static void put_hundredths(char out[TEXT_SIZE_BYTES], const char *sign, uint64_t n,
                           const char *unit)
{
    if (n % 100 == 0) {
        snprintf(out, TEXT_SIZE_BYTES, "%s%" PRIu64 " %s", sign, n / 100, unit);
    } else if (n % 10 == 0) {
        snprintf(out, TEXT_SIZE_BYTES, "%s%" PRIu64 ".%" PRIu64 " %s", sign, n / 100, n % 100 / 10,
                 unit);
    } else {
        snprintf(out, TEXT_SIZE_BYTES, "%s%" PRIu64 ".%02" PRIu64 " %s", sign, n / 100, n % 100,
                 unit);
    }
}

static void put_two_units(char out[TEXT_SIZE_BYTES], const char *sign, uint64_t n, unsigned per,
                          const char *large, const char *small)
{
    if (n % per == 0) {
        snprintf(out, TEXT_SIZE_BYTES, "%s%" PRIu64 "%s", sign, n / per, large);
    } else {
        snprintf(out, TEXT_SIZE_BYTES, "%s%" PRIu64 "%s %" PRIu64 "%s", sign, n / per, large,
                 n % per, small);
    }
}

char *text_duration(int64_t ns, char out[TEXT_SIZE_BYTES])
{
    const char *sign = ns < 0 ? "-" : "";
    uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    static const struct {
        uint64_t ns;
        const char *name;
    } small[] = { { 1000, "us" }, { NS_PER_MS, "ms" }, { NS_PER_S, "s" } };

    if (n >= (uint64_t)NS_PER_DAY) {
        put_two_units(out, sign, n / (uint64_t)NS_PER_HOUR, 24, "d", "h");
    } else if (n >= (uint64_t)NS_PER_HOUR) {
        put_two_units(out, sign, n / (uint64_t)NS_PER_MINUTE, 60, "h", "m");
    } else if (n >= (uint64_t)NS_PER_MINUTE) {
        put_two_units(out, sign, n / (uint64_t)NS_PER_S, 60, "m", "s");
    } else if (n == 0) {
        snprintf(out, TEXT_SIZE_BYTES, "0 s");
    } else if (n < 1000) {
        snprintf(out, TEXT_SIZE_BYTES, "%s%" PRIu64 " ns", sign, n);
    } else {
        size_t i = n >= (uint64_t)NS_PER_S ? 2 : n >= (uint64_t)NS_PER_MS ? 1 : 0;
        /* Cut, not rounded: else 59.999 s would read as 60 s, which is said differently. */
        put_hundredths(out, sign, n / (small[i].ns / 100), small[i].name);
    }
    return out;
}

char *text_count(uint64_t n, char out[TEXT_SIZE_BYTES])
{
    char plain[TEXT_SIZE_BYTES];
    size_t len = (size_t)snprintf(plain, sizeof plain, "%" PRIu64, n);
    size_t to = 0;

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[to++] = ',';
        }
        out[to++] = plain[i];
    }
    out[to] = '\0';
    return out;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t text_distance(const char *a, const char *b, size_t limit)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);

    if (a_len > b_len + limit || b_len > a_len + limit) {
        return limit + 1;
    }
    /* row[j]: the distance of the first i bytes of a and the first j of b (Levenshtein). */
    size_t *row = mem_array(b_len + 1, sizeof *row);
    if (row == NULL) {
        return limit + 1;
    }
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    bool within = true; /* rows never get better again */
    for (size_t i = 1; i <= a_len && within; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        within = i <= limit;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(replaced, least(row[j - 1], row[j]) + 1);
            within = within || row[j] <= limit;
        }
    }
    size_t distance = within ? row[b_len] : limit + 1;
    mem_free(row);
    return least(distance, limit + 1);
}
