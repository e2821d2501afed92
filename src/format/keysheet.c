/*
 * keysheet.c - see keysheet.h.
 *
 * 300 bits, the first one first: the secret [256], how its hash begins [40], a version [4]. Line k
 * holds bits 60(k-1) to 60k-1 as three groups of 20 bits, and a fourth group that is a hash of
 * them. A group is four characters of 5 bits and a check: a sum over GF(32), each character times
 * another power of x, plus the place of the group on the sheet. So a group that is right in one
 * place is wrong in every other.
 *
 * Messages name lines, groups and characters by their place and never quote them.
 */
#include "format/keysheet.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/nacl.h"

#define GROUPS 4u
#define GROUP_CHARS 5u
#define LINE_CHARS (GROUPS * GROUP_CHARS)
#define LINE_BITS 60u
#define CHECK_BYTES 5u
#define BITS_BYTES 38u /* 300 bits; the last four of these bytes' bits are zero */
#define VERSION 0u
#define WORDS_MAX 8u
#define NO_DIGIT 0xffu

_Static_assert(KEYSHEET_LINES *LINE_BITS == 8 * (KEYFILE_SECRET_BYTES + CHECK_BYTES) + 4, "bits");

/* --- characters --- */

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static uint8_t digit_of(char c)
{
    const char *at;

    if (c >= 'a' && c <= 'z') {
        c = (char)(c - 'a' + 'A');
    }
    c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c == 'U' ? 'V' : c;
    at = c == '\0' ? NULL : strchr(alphabet, c);
    return at ? (uint8_t)(at - alphabet) : NO_DIGIT;
}

/* --- checks --- */

/* Times x in GF(2)[x] / (x^5 + x^2 + 1). */
static uint8_t times_x(uint8_t a)
{
    return (uint8_t)((a << 1 & 31) ^ (a & 16 ? 5 : 0));
}

/* The check of the four digits of group 0 to 3 in line 1 to 5. */
static uint8_t group_check(const uint8_t digits[GROUP_CHARS - 1], unsigned line, unsigned group)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < GROUP_CHARS - 1; i++) {
        sum = times_x(sum ^ digits[i]);
    }
    return (uint8_t)(sum ^ ((line - 1) * GROUPS + group));
}

/* The 20 bits of a line's fourth group, of the 60 bits before. */
static uint32_t line_check(const uint8_t digits[LINE_CHARS], unsigned line)
{
    static const char label[] = "holdfast sheet line";
    uint8_t text[sizeof label + 1 + 12], hash[NACL_HASH_BYTES];
    size_t n = sizeof label;

    memcpy(text, label, sizeof label);
    text[n++] = (uint8_t)line;
    for (unsigned i = 0; i < (GROUPS - 1) * GROUP_CHARS; i++) {
        if (i % GROUP_CHARS != GROUP_CHARS - 1) {
            text[n++] = digits[i];
        }
    }
    nacl_hash(text, n, hash);
    mem_wipe(text, sizeof text);
    return (uint32_t)hash[0] << 12 | (uint32_t)hash[1] << 4 | (uint32_t)hash[2] >> 4;
}

static void whole_check(const uint8_t secret[KEYFILE_SECRET_BYTES], uint8_t out[CHECK_BYTES])
{
    static const char label[] = "holdfast sheet";
    const struct nacl_part parts[] = { { label, sizeof label }, { secret, KEYFILE_SECRET_BYTES } };
    uint8_t hash[NACL_HASH_BYTES];

    nacl_hash_parts(parts, 2, hash);
    memcpy(out, hash, CHECK_BYTES);
}

/* --- making --- */

static uint8_t get_digit(const uint8_t bits[BITS_BYTES], unsigned at)
{
    unsigned value = 0;

    for (unsigned i = at; i < at + 5; i++) {
        value = value << 1 | (bits[i / 8] >> (7 - i % 8) & 1);
    }
    return (uint8_t)value;
}

static void put_digit(uint8_t bits[BITS_BYTES], unsigned at, uint8_t digit)
{
    for (unsigned i = 0; i < 5; i++) {
        bits[(at + i) / 8] |= (uint8_t)((digit >> (4 - i) & 1) << (7 - (at + i) % 8));
    }
}

static void finish_line(uint8_t digits[LINE_CHARS], unsigned line)
{
    uint32_t check = line_check(digits, line);

    for (unsigned i = 0; i < GROUP_CHARS - 1; i++) {
        digits[LINE_CHARS - GROUP_CHARS + i] = check >> (15 - 5 * i) & 31;
    }
    for (unsigned g = 0; g < GROUPS; g++) {
        uint8_t *group = digits + (size_t)g * GROUP_CHARS;

        group[GROUP_CHARS - 1] = group_check(group, line, g);
    }
}

static void write_line(const uint8_t digits[LINE_CHARS], unsigned line,
                       char out[KEYSHEET_LINE_BYTES])
{
    char *p = out;

    *p++ = (char)('0' + line);
    *p++ = ' ';
    for (unsigned i = 0; i < LINE_CHARS; i++) {
        if (i % GROUP_CHARS == 0) {
            *p++ = ' ';
        }
        *p++ = alphabet[digits[i]];
    }
    *p = '\0';
}

void keysheet_make(const uint8_t secret[KEYFILE_SECRET_BYTES], struct keysheet *out)
{
    uint8_t bits[BITS_BYTES] = { 0 }, digits[LINE_CHARS];
    unsigned at = 0;

    memset(out, 0, sizeof *out);
    memcpy(bits, secret, KEYFILE_SECRET_BYTES);
    whole_check(secret, bits + KEYFILE_SECRET_BYTES);
    bits[BITS_BYTES - 1] = VERSION << 4;
    for (unsigned line = 1; line <= KEYSHEET_LINES; line++) {
        for (unsigned i = 0; i < (GROUPS - 1) * GROUP_CHARS; i++) {
            if (i % GROUP_CHARS != GROUP_CHARS - 1) {
                digits[i] = get_digit(bits, at);
                at += 5;
            }
        }
        finish_line(digits, line);
        write_line(digits, line, out->lines[line - 1]);
    }
    mem_wipe(bits, sizeof bits);
    mem_wipe(digits, sizeof digits);
}

/* --- reading a line --- */

struct word {
    const char *text;
    size_t len;
};

struct typed {      /* a line of a text that is, or tries to be, one of a sheet */
    unsigned label; /* 1 to 5, or 0 if it has none */
    struct word words[WORDS_MAX];
    unsigned word_count;
    size_t chars; /* in all words */
};

static bool separates(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '-' || c == '_' || c == '.' || c == ':' ||
           c == ',' || c == ')' || c == '|' || c == '/';
}

/* false: more words than a line of a sheet can have. */
static bool split_words(const char *text, size_t len, struct typed *t)
{
    size_t at = 0;

    memset(t, 0, sizeof *t);
    for (;;) {
        size_t start;

        while (at < len && separates(text[at])) {
            at++;
        }
        if (at == len) {
            return true;
        }
        if (t->word_count == WORDS_MAX) {
            return false;
        }
        start = at;
        while (at < len && !separates(text[at])) {
            at++;
        }
        t->words[t->word_count++] = (struct word){ text + start, at - start };
        t->chars += at - start;
    }
}

/* The number at the beginning: a word of its own, or one character more than a line has. */
static void take_label(struct typed *t)
{
    struct word *first = &t->words[0];
    bool alone = first->len == 1 && t->word_count > 1;
    bool joined = t->word_count == 1 && first->len == LINE_CHARS + 1;

    if ((!alone && !joined) || *first->text < '1' || *first->text > '0' + (char)KEYSHEET_LINES) {
        return;
    }
    t->label = (unsigned)(*first->text - '0');
    t->chars--;
    if (joined) {
        first->text++;
        first->len--;
    } else {
        t->word_count--;
        memmove(t->words, t->words + 1, t->word_count * sizeof *t->words);
    }
}

static bool in_groups(const struct typed *t)
{
    bool even = t->word_count == GROUPS;

    for (unsigned i = 0; even && i < t->word_count; i++) {
        even = t->words[i].len == GROUP_CHARS;
    }
    return even;
}

/* Whether a line of a text belongs to the sheet: by its number, or else by its shape. */
static bool read_line(const char *text, size_t len, struct typed *t)
{
    if (len > 0 && text[0] == '#') {
        return false;
    }
    if (!split_words(text, len, t) || t->word_count == 0) {
        return false;
    }
    take_label(t);
    if (t->label != 0) {
        return t->chars >= LINE_CHARS - 8 && t->chars <= LINE_CHARS + 8;
    }
    return in_groups(t) || (t->word_count == 1 && t->chars == LINE_CHARS);
}

static bool next_line(const char **text, size_t *len, struct typed *t)
{
    while (*len > 0) {
        const char *start = *text;
        const char *end = memchr(start, '\n', *len);
        size_t line_len = end ? (size_t)(end - start) : *len;
        size_t step = line_len + (end ? 1 : 0);

        *text += step;
        *len -= step;
        if (read_line(start, line_len, t)) {
            return true;
        }
    }
    return false;
}

bool keysheet_seems(const char *text, size_t len)
{
    struct typed t;

    return next_line(&text, &len, &t);
}

/* --- what is wrong --- */

static int wrong_group(unsigned line, unsigned group, const char *what)
{
    err_raise(HF_EKEY_DAMAGED, "line %u, group %u: %s", line, group + 1, what);
    return err_hint("compare it with the sheet, character by character");
}

static int wrong_length(const struct typed *t, unsigned line)
{
    for (unsigned i = 0; t->word_count == GROUPS && i < GROUPS; i++) {
        if (t->words[i].len != GROUP_CHARS) {
            return wrong_group(line, i,
                               t->words[i].len < GROUP_CHARS ? "a character is missing"
                                                             : "there is a character too many");
        }
    }
    err_raise(HF_EKEY_DAMAGED, "line %u: %zu characters instead of %u", line, t->chars, LINE_CHARS);
    return err_hint("a line is four groups of five characters");
}

/* The digits of a line that has as many as it must. */
static int get_digits(const struct typed *t, unsigned line, uint8_t out[LINE_CHARS])
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->word_count; i++) {
        for (size_t c = 0; c < t->words[i].len; c++) {
            out[n] = digit_of(t->words[i].text[c]);
            if (out[n] == NO_DIGIT) {
                return err_raise(HF_EKEY_DAMAGED,
                                 "line %u, group %u: character %u is none that a sheet has", line,
                                 n / GROUP_CHARS + 1, n % GROUP_CHARS + 1);
            }
            n++;
        }
    }
    return 0;
}

/* The first group whose check does not fit, GROUPS if the line's does not; -1: all fit. */
static int find_wrong(const uint8_t digits[LINE_CHARS], unsigned line)
{
    uint8_t right[LINE_CHARS];
    int wrong = -1;

    for (unsigned g = 0; g < GROUPS && wrong < 0; g++) {
        const uint8_t *group = digits + (size_t)g * GROUP_CHARS;

        if (group[GROUP_CHARS - 1] != group_check(group, line, g)) {
            wrong = (int)g;
        }
    }
    if (wrong < 0) {
        memcpy(right, digits, sizeof right);
        finish_line(right, line);
        wrong = memcmp(right, digits, sizeof right) == 0 ? -1 : (int)GROUPS;
        mem_wipe(right, sizeof right);
    }
    return wrong;
}

/* Which line these digits are, whatever their place; 0: none. */
static unsigned find_line(const uint8_t digits[LINE_CHARS])
{
    for (unsigned line = 1; line <= KEYSHEET_LINES; line++) {
        if (find_wrong(digits, line) < 0) {
            return line;
        }
    }
    return 0;
}

static int check_line(const uint8_t digits[LINE_CHARS], unsigned line)
{
    int wrong = find_wrong(digits, line);
    unsigned other = wrong < 0 ? 0 : find_line(digits);

    if (wrong < 0) {
        return 0;
    }
    if (other != 0) {
        err_raise(HF_EKEY_DAMAGED, "line %u: what stands there is line %u of a sheet", line, other);
        return err_hint("a line is missing, or lines are not in their order");
    }
    if (wrong == (int)GROUPS) {
        err_raise(HF_EKEY_DAMAGED,
                  "line %u: its checksum doesn't match, though that of each of "
                  "its groups does",
                  line);
        return err_hint("compare the whole line with the sheet, character by character");
    }
    return wrong_group(line, (unsigned)wrong, "its checksum doesn't match");
}

/* --- reading a sheet --- */

struct reading {
    uint8_t bits[BITS_BYTES];
    bool seen[KEYSHEET_LINES + 1];
    unsigned last;
};

/* Lines are to come in their order: what is not is no line, or one that was copied wrongly. */
static int check_place(const struct reading *r, unsigned line)
{
    if (line > KEYSHEET_LINES) {
        return err_raise(HF_EKEY_DAMAGED, "there are more than the %u lines of a sheet",
                         KEYSHEET_LINES);
    }
    if (r->seen[line]) {
        return err_raise(HF_EKEY_DAMAGED, "line %u is there twice", line);
    }
    if (line < r->last) {
        return err_raise(HF_EKEY_DAMAGED, "line %u comes after line %u: they are swapped", line,
                         r->last);
    }
    return 0;
}

static int take_line(struct reading *r, const struct typed *t)
{
    unsigned line = t->label ? t->label : r->last + 1, at = (line - 1) * LINE_BITS;
    uint8_t digits[LINE_CHARS] = { 0 };
    int rc = check_place(r, line);

    if (rc == 0 && t->chars != LINE_CHARS) {
        rc = wrong_length(t, line);
    }
    if (rc == 0) {
        rc = get_digits(t, line, digits);
    }
    if (rc == 0) {
        rc = check_line(digits, line);
    }
    for (unsigned i = 0; rc == 0 && i < (GROUPS - 1) * GROUP_CHARS; i++) {
        if (i % GROUP_CHARS != GROUP_CHARS - 1) {
            put_digit(r->bits, at, digits[i]);
            at += 5;
        }
    }
    mem_wipe(digits, sizeof digits);
    if (rc == 0) {
        r->seen[line] = true;
        r->last = line;
    }
    return rc;
}

static int check_whole(const struct reading *r)
{
    uint8_t check[CHECK_BYTES];

    for (unsigned line = 1; line <= KEYSHEET_LINES; line++) {
        if (!r->seen[line]) {
            return err_raise(HF_EKEY_DAMAGED, "line %u is missing", line);
        }
    }
    whole_check(r->bits, check);
    if (memcmp(check, r->bits + KEYFILE_SECRET_BYTES, sizeof check) != 0) {
        err_raise(HF_EKEY_DAMAGED, "each line is right, but they don't belong together");
        return err_hint("are they all from the same sheet?");
    }
    if (r->bits[BITS_BYTES - 1] != VERSION << 4) {
        err_raise(HF_ENEWER, "a recovery sheet of a version that this program does not know");
        return err_hint("install a newer holdfast");
    }
    return 0;
}

int keysheet_parse(const char *text, size_t len, uint8_t out_secret[KEYFILE_SECRET_BYTES])
{
    struct reading r = { .last = 0 };
    struct typed t;
    int rc = 0;

    while (rc == 0 && next_line(&text, &len, &t)) {
        rc = take_line(&r, &t);
    }
    if (rc == 0) {
        rc = check_whole(&r);
    }
    if (rc == 0) {
        memcpy(out_secret, r.bits, KEYFILE_SECRET_BYTES);
    }
    mem_wipe(&r, sizeof r);
    return rc;
}
