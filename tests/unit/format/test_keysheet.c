/*
 * test_keysheet.c - what a sheet prints opens when it is typed in again, however that is spelled;
 * every mistake is told by its place; no mistake is ever accepted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "format/keysheet.h"
#include "format/nacl.h"

#define TEXT_BYTES 512
#define FIRST 3u /* of the characters in a line */

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static uint8_t secret[KEYFILE_SECRET_BYTES];
static struct keysheet sheet;

static int init(void **state)
{
    struct rnd rnd;

    (void)state;
    rnd_init_seeded(&rnd, 7);
    if (nacl_init() != 0 || rnd_bytes(&rnd, secret, sizeof secret) != 0) {
        return -1;
    }
    keysheet_make(secret, &sheet);
    return 0;
}

static void join(const struct keysheet *s, char out[TEXT_BYTES])
{
    snprintf(out, TEXT_BYTES, "%s\n%s\n%s\n%s\n%s\n", s->lines[0], s->lines[1], s->lines[2],
             s->lines[3], s->lines[4]);
}

static int parse(const char *text, uint8_t out[KEYFILE_SECRET_BYTES])
{
    size_t len = strlen(text);
    char *exact = mem_dup(text, len); /* without a NUL, for the sanitizer */
    int rc;

    assert_non_null(exact);
    memset(out, 0, KEYFILE_SECRET_BYTES);
    rc = keyfile_parse_text(exact, len, out);
    mem_free(exact);
    return rc;
}

static void opens(const char *text)
{
    uint8_t got[KEYFILE_SECRET_BYTES];
    int rc = parse(text, got);

    if (rc != 0) {
        print_error("%s: %s\n", text, err_last()->text);
    }
    assert_int_equal(rc, 0);
    assert_memory_equal(got, secret, sizeof got);
}

static void refused(const char *text, const char *why)
{
    uint8_t got[KEYFILE_SECRET_BYTES], zeros[KEYFILE_SECRET_BYTES] = { 0 };

    assert_int_equal(parse(text, got), HF_EKEY_DAMAGED);
    if (strstr(err_last()->text, why) == NULL) {
        print_error("'%s', wanted '%s'\n", err_last()->text, why);
    }
    assert_non_null(strstr(err_last()->text, why));
    assert_memory_equal(got, zeros, sizeof got);
}

/* The sheet with one line written as this. */
static void with_line(unsigned line, const char *text, char out[TEXT_BYTES])
{
    char *p = out;

    for (unsigned i = 1; i <= KEYSHEET_LINES; i++) {
        p += snprintf(p, TEXT_BYTES - (size_t)(p - out), "%s\n",
                      i == line ? text : sheet.lines[i - 1]);
    }
}

static void test_keysheet_lines_have_their_form(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEYSHEET_LINES; i++) {
        const char *line = sheet.lines[i];

        assert_int_equal(strlen(line), KEYSHEET_LINE_BYTES - 2);
        assert_int_equal(line[0], '1' + (int)i);
        for (unsigned c = FIRST; line[c] != '\0'; c++) {
            assert_true(line[c] == ' ' ? (c - FIRST) % 6 == 5 : strchr(alphabet, line[c]) != NULL);
        }
    }
}

/* The format is what docs/format.md says, now and later. */
static void test_keysheet_is_the_same_for_ever(void **state)
{
    static const uint8_t rising[KEYFILE_SECRET_BYTES] = { 0,  1,  2,  3,  4,  5,  6,  7,
                                                          8,  9,  10, 11, 12, 13, 14, 15,
                                                          16, 17, 18, 19, 20, 21, 22, 23,
                                                          24, 25, 26, 27, 28, 29, 30, 31 };
    struct keysheet s;

    (void)state;
    keysheet_make(rising, &s);
    assert_string_equal(s.lines[0], "1  000G5 40R4C 0M30Z 52V18");
    assert_string_equal(s.lines[4], "5  3RFG7 D718P 6770W EV1BW");
}

static void test_keysheet_opens_whatever_the_spelling(void **state)
{
    char text[TEXT_BYTES], other[2 * TEXT_BYTES], *p;

    (void)state;
    join(&sheet, text);
    opens(text);
    for (p = text; *p; p++) {
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    }
    opens(text);
    for (p = text; *p; p++) {
        *p = *p == '0' && p[-1] != '\n' ? 'o' : *p;
    }
    for (p = text; *p; p++) {
        *p = (char)(*p == '1' && p > text && p[-1] != '\n' ? (p - text) % 2 ? 'l' : 'I' : *p);
    }
    opens(text);
    snprintf(other, sizeof other, "From the safe.\r\n\r\n# a comment\r\n%sThe end, on page 3.\r\n",
             text);
    opens(other);
}

static void test_keysheet_opens_without_blanks_and_numbers(void **state)
{
    char text[TEXT_BYTES] = "", dashed[TEXT_BYTES] = "", numbered[TEXT_BYTES] = "";

    (void)state;
    for (unsigned i = 0; i < KEYSHEET_LINES; i++) {
        char *at = text + strlen(text), *to = dashed + strlen(dashed);
        const char *line = sheet.lines[i];

        for (const char *p = line + FIRST; *p; p++) {
            if (*p != ' ') {
                *at++ = *p;
            }
            *to++ = *p == ' ' ? '-' : *p;
        }
        memcpy(at, "\n", 2);
        memcpy(to, "\r\n", 3);
        snprintf(numbered + strlen(numbered), sizeof numbered - strlen(numbered), "%u%s", i + 1,
                 at - 20);
    }
    opens(text);
    opens(dashed);
    opens(numbered);
}

/* Every character, taken for every other one: by the group it is in, and never accepted. */
static void test_keysheet_finds_every_wrong_character(void **state)
{
    char text[TEXT_BYTES], line[KEYSHEET_LINE_BYTES], why[64];

    (void)state;
    for (unsigned n = 1; n <= KEYSHEET_LINES; n++) {
        for (unsigned c = FIRST; c < KEYSHEET_LINE_BYTES - 2; c++) {
            if (sheet.lines[n - 1][c] == ' ') {
                continue;
            }
            snprintf(why, sizeof why, "line %u, group %u: its checksum", n, (c - FIRST) / 6 + 1);
            for (const char *a = alphabet; *a; a++) {
                memcpy(line, sheet.lines[n - 1], sizeof line);
                if (line[c] == *a) {
                    continue;
                }
                line[c] = *a;
                with_line(n, line, text);
                refused(text, why);
            }
        }
    }
}

static void test_keysheet_finds_any_two_characters_swapped_in_a_group(void **state)
{
    char text[TEXT_BYTES], line[KEYSHEET_LINE_BYTES], why[64];

    (void)state;
    for (unsigned n = 1; n <= KEYSHEET_LINES; n++) {
        for (unsigned g = 0; g < 4; g++) {
            for (unsigned pair = 0; pair < 25; pair++) {
                unsigned a = FIRST + 6 * g + pair / 5, b = FIRST + 6 * g + pair % 5;

                memcpy(line, sheet.lines[n - 1], sizeof line);
                if (line[a] == line[b]) {
                    continue;
                }
                line[a] = sheet.lines[n - 1][b];
                line[b] = sheet.lines[n - 1][a];
                with_line(n, line, text);
                snprintf(why, sizeof why, "line %u, group %u: its checksum", n, g + 1);
                refused(text, why);
            }
        }
    }
}

/* A group is right in its place only, be it on this line or another. */
static void test_keysheet_finds_any_group_in_another_place(void **state)
{
    char text[TEXT_BYTES], line[KEYSHEET_LINE_BYTES];

    (void)state;
    for (unsigned to = 0; to < 4 * KEYSHEET_LINES; to++) {
        for (unsigned from = 0; from < 4 * KEYSHEET_LINES; from++) {
            if (from == to) {
                continue;
            }
            memcpy(line, sheet.lines[to / 4], sizeof line);
            memcpy(line + FIRST + 6 * (to % 4), sheet.lines[from / 4] + FIRST + 6 * (from % 4), 5);
            with_line(to / 4 + 1, line, text);
            refused(text, "its checksum doesn't match");
        }
    }
}

/* Two errors in one group may make up for each other; the line's own check is there for these. */
static void test_keysheet_never_accepts_many_errors(void **state)
{
    char text[TEXT_BYTES], line[KEYSHEET_LINE_BYTES];
    unsigned by_line = 0;
    struct rnd rnd;

    (void)state;
    rnd_init_seeded(&rnd, 3);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned n = 1 + (unsigned)rnd_below(&rnd, KEYSHEET_LINES);
        unsigned g = (unsigned)rnd_below(&rnd, 4), errors = 2 + (unsigned)rnd_below(&rnd, 4);

        memcpy(line, sheet.lines[n - 1], sizeof line);
        for (unsigned e = 0; e < errors; e++) {
            line[FIRST + 6 * g + rnd_below(&rnd, 5)] = alphabet[rnd_below(&rnd, 32)];
        }
        if (strcmp(line, sheet.lines[n - 1]) == 0) {
            continue;
        }
        with_line(n, line, text);
        refused(text, "checksum doesn't match");
        by_line += strstr(err_last()->text, "though that of each") != NULL;
    }
    assert_in_range(by_line, 200, 2000); /* about one in 32 */
}

static void test_keysheet_tells_lines_that_are_not_in_their_place(void **state)
{
    const char(*l)[KEYSHEET_LINE_BYTES] = (const char(*)[KEYSHEET_LINE_BYTES])sheet.lines;
    char text[TEXT_BYTES];

    (void)state;
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n", l[0], l[1], l[3], l[4]);
    refused(text, "line 3 is missing");
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n", l[0], l[1], l[2], l[3]);
    refused(text, "line 5 is missing");
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s\n%s\n", l[0], l[1], l[1], l[2], l[3], l[4]);
    refused(text, "line 2 is there twice");
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s\n", l[0], l[2], l[1], l[3], l[4]);
    refused(text, "line 2 comes after line 3: they are swapped");
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n", l[0] + FIRST, l[1] + FIRST, l[3] + FIRST,
             l[4] + FIRST);
    refused(text, "line 3: what stands there is line 4 of a sheet");
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s\n%s\n", l[0], l[1], l[2], l[3], l[4],
             l[4] + FIRST);
    refused(text, "more than the 5 lines");
    with_line(2, l[2] + FIRST, text);
    refused(text, "line 2: what stands there is line 3");
}

static void test_keysheet_tells_what_is_too_short_or_too_long(void **state)
{
    char text[TEXT_BYTES], line[2 * TEXT_BYTES];

    (void)state;
    snprintf(line, sizeof line, "%.*s%s", 12, sheet.lines[1], sheet.lines[1] + 13);
    with_line(2, line, text);
    refused(text, "line 2, group 2: a character is missing");
    snprintf(line, sizeof line, "%.*sZ%s", 12, sheet.lines[1], sheet.lines[1] + 12);
    with_line(2, line, text);
    refused(text, "line 2, group 2: there is a character too many");
    snprintf(line, sizeof line, "%.*s", 20, sheet.lines[1]);
    with_line(2, line, text);
    refused(text, "line 2: 15 characters instead of 20");
    memcpy(line, sheet.lines[4], KEYSHEET_LINE_BYTES);
    line[FIRST + 7] = '?';
    with_line(5, line, text);
    refused(text, "line 5, group 2: character 2 is none that a sheet has");
}

static void test_keysheet_tells_lines_of_two_sheets(void **state)
{
    struct keysheet other;
    char text[TEXT_BYTES];

    (void)state;
    secret[0] ^= 1;
    keysheet_make(secret, &other);
    secret[0] ^= 1;
    with_line(1, other.lines[0], text);
    refused(text, "they don't belong together");
}

static void test_keysheet_is_not_seen_in_other_texts(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "secret: 0011",
        "holdfast-key 1\nsecret: x\n",
        "1 of many lines",
        "2. Take the book, and read what is written on the last page of it.",
        "a line of words that has five of them each",
        "# 1  AAAAA AAAAA AAAAA AAAAA"
    };
    uint8_t out[KEYFILE_SECRET_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_false(keysheet_seems(texts[i], strlen(texts[i])));
        assert_int_equal(keysheet_parse(texts[i], strlen(texts[i]), out), HF_EKEY_DAMAGED);
        assert_non_null(strstr(err_last()->text, "line 1 is missing"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keysheet_lines_have_their_form),
        cmocka_unit_test(test_keysheet_is_the_same_for_ever),
        cmocka_unit_test(test_keysheet_opens_whatever_the_spelling),
        cmocka_unit_test(test_keysheet_opens_without_blanks_and_numbers),
        cmocka_unit_test(test_keysheet_finds_every_wrong_character),
        cmocka_unit_test(test_keysheet_finds_any_two_characters_swapped_in_a_group),
        cmocka_unit_test(test_keysheet_finds_any_group_in_another_place),
        cmocka_unit_test(test_keysheet_never_accepts_many_errors),
        cmocka_unit_test(test_keysheet_tells_lines_that_are_not_in_their_place),
        cmocka_unit_test(test_keysheet_tells_what_is_too_short_or_too_long),
        cmocka_unit_test(test_keysheet_tells_lines_of_two_sheets),
        cmocka_unit_test(test_keysheet_is_not_seen_in_other_texts),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
