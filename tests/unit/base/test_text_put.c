/*
 * test_text_put.c - names of any bytes reach JSON, base64 and terminals as something harmless.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rnd.h"
#include "base/text.h"

typedef void (*put_fn)(struct buf *b, const void *data, size_t len);

static void assert_put(put_fn put, const void *data, size_t len, const char *expected)
{
    struct buf b;

    buf_init(&b);
    put(&b, data, len);
    assert_int_equal(buf_error(&b), 0);
    assert_string_equal(buf_text(&b), expected);
    buf_release(&b);
}

/* Each is one case of RFC 3629 that a careless decoder lets pass. */
static const struct {
    const char *bytes;
    size_t len;
} not_utf8[] = {
    { "\x80", 1 }, /* a continuation alone */
    { "\xbf", 1 },
    { "\xc3", 1 }, /* torn */
    { "\xe2\x82", 2 },
    { "\xf0\x9f\x98", 3 },
    { "\xc3(", 2 }, /* a start without continuation */
    { "\xe2(\xa1", 3 },
    { "\xe2\x82(", 3 },
    { "\xc0\xaf", 2 }, /* overlong */
    { "\xc1\xbf", 2 },
    { "\xe0\x9f\xbf", 3 },
    { "\xf0\x8f\xbf\xbf", 4 },
    { "\xed\xa0\x80", 3 }, /* surrogates */
    { "\xed\xbf\xbf", 3 },
    { "\xf4\x90\x80\x80", 4 }, /* above U+10FFFF */
    { "\xf5\x80\x80\x80", 4 },
    { "\xf8\x88\x80\x80\x80", 5 },
    { "\xfe", 1 },
    { "\xff", 1 },
};

static void test_text_put_knows_utf8_at_its_borders(void **state)
{
    static const char *const good[] = {
        "",
        "plain",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    }
    assert_true(text_is_utf8("a\0b", 3));
    for (size_t i = 0; i < sizeof not_utf8 / sizeof *not_utf8; i++) {
        assert_false(text_is_utf8(not_utf8[i].bytes, not_utf8[i].len));
    }
}

static void test_text_put_json_escapes_what_json_demands(void **state)
{
    (void)state;
    assert_put(text_put_json, "", 0, "");
    assert_put(text_put_json, "a/b c", 5, "a/b c");
    assert_put(text_put_json, "\"\\\b\f\n\r\t", 7, "\\\"\\\\\\b\\f\\n\\r\\t");
    assert_put(text_put_json, "\0\x01\x1f\x7f", 4, "\\u0000\\u0001\\u001f\x7f");
    assert_put(text_put_json, "x\ny", 3, "x\\ny");
    assert_put(text_put_json, "\xc3\xbc\n\xf0\x9f\x98\x80", 7, "\xc3\xbc\\n\xf0\x9f\x98\x80");
}

static void test_text_put_json_replaces_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    assert_put(text_put_json,
               "a\xff"
               "b",
               3,
               "a\xef\xbf\xbd"
               "b");
    assert_put(text_put_json, "\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd");
    assert_put(text_put_json, "\xc3(", 2, "\xef\xbf\xbd(");
    for (size_t i = 0; i < sizeof not_utf8 / sizeof *not_utf8; i++) {
        struct buf b;
        buf_init(&b);
        text_put_json(&b, not_utf8[i].bytes, not_utf8[i].len);
        assert_true(text_is_utf8(b.data, b.len));
        assert_non_null(strstr(buf_text(&b), "\xef\xbf\xbd"));
        buf_release(&b);
    }
}

/* The inverse, for what text_put_json writes. */
static void read_json(struct buf *out, const char *p)
{
    static const char named[] = "\"\\bfnrt";
    static const char meant[] = "\"\\\b\f\n\r\t";

    for (; *p != '\0'; p++) {
        if (*p != '\\') {
            assert_true((uint8_t)*p >= 0x20 && *p != '"');
            buf_put_u8(out, (uint8_t)*p);
            continue;
        }
        p++;
        if (*p == 'u') {
            uint8_t bytes[2];
            assert_true(text_unhex(p + 1, 4, bytes));
            assert_int_equal(bytes[0], 0);
            buf_put_u8(out, bytes[1]);
            p += 4;
        } else {
            const char *at = strchr(named, *p);
            assert_non_null(at);
            buf_put_u8(out, (uint8_t)meant[at - named]);
        }
    }
}

static void test_text_put_json_round_trip(void **state)
{
    static const char *const pieces[] = { "a",
                                          "\"",
                                          "\\",
                                          "\n",
                                          "\x01",
                                          "\x1f",
                                          "u00",
                                          "\x7f",
                                          "\xc3\xbc",
                                          "\xe2\x82\xac",
                                          "\xf0\x9f\x98\x80",
                                          "/" };
    const uint64_t seed = 20261121;
    struct rnd r;
    struct buf name;
    struct buf json;
    struct buf back;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rnd_init_seeded(&r, seed);
    buf_init(&name);
    buf_init(&json);
    buf_init(&back);
    for (int i = 0; i < 3000; i++) {
        buf_clear(&name);
        buf_clear(&json);
        buf_clear(&back);
        for (uint64_t n = rnd_below(&r, 12); n > 0; n--) {
            const char *piece = pieces[rnd_below(&r, sizeof pieces / sizeof *pieces)];
            buf_put(&name, piece, strlen(piece));
        }
        text_put_json(&json, name.data, name.len);
        read_json(&back, buf_text(&json));
        assert_int_equal(back.len, name.len);
        assert_memory_equal(buf_text(&back), buf_text(&name), name.len);
    }
    buf_release(&name);
    buf_release(&json);
    buf_release(&back);
}

static void test_text_put_base64_is_that_of_rfc_4648(void **state)
{
    (void)state;
    assert_put(text_put_base64, "", 0, "");
    assert_put(text_put_base64, "f", 1, "Zg==");
    assert_put(text_put_base64, "fo", 2, "Zm8=");
    assert_put(text_put_base64, "foo", 3, "Zm9v");
    assert_put(text_put_base64, "foob", 4, "Zm9vYg==");
    assert_put(text_put_base64, "fooba", 5, "Zm9vYmE=");
    assert_put(text_put_base64, "foobar", 6, "Zm9vYmFy");
    assert_put(text_put_base64, "\xff\xfe\x00\xfb\xef\xbe", 6, "//4A++++");
}

static void test_text_put_shown_leaves_readable_names_alone(void **state)
{
    static const char *const names[] = {
        "", "a b", "C:\\x41", "gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x98\x80", "\"'*?"
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_put(text_put_shown, names[i], strlen(names[i]), names[i]);
    }
}

static void test_text_put_shown_disarms_what_controls_a_terminal(void **state)
{
    (void)state;
    assert_put(text_put_shown, "a\nb\x1b[2J\x7f\0", 9, "a\\x0ab\\x1b[2J\\x7f\\x00");
    assert_put(text_put_shown,
               "\xc2\x9b"
               "2J",
               4, "\\xc2\\x9b2J");                             /* C1 */
    assert_put(text_put_shown, "a\xff\xc3", 3, "a\\xff\\xc3"); /* not UTF-8 */
    assert_put(text_put_shown,
               "\xe2\x80\xae"
               "gpj",
               6, "\\xe2\\x80\\xaegpj");                              /* right to left */
    assert_put(text_put_shown, "\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8"); /* a line ends */
    assert_put(text_put_shown, "\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6");
    for (size_t i = 0; i < sizeof not_utf8 / sizeof *not_utf8; i++) {
        struct buf b;
        buf_init(&b);
        text_put_shown(&b, not_utf8[i].bytes, not_utf8[i].len);
        for (size_t k = 0; k < b.len; k++) {
            assert_in_range(b.data[k], 0x20, 0x7e);
        }
        buf_release(&b);
    }
}

static void test_text_put_shown_never_lets_random_bytes_through(void **state)
{
    const uint64_t seed = 20261122;
    uint8_t name[64];
    struct rnd r;
    struct buf b;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rnd_init_seeded(&r, seed);
    buf_init(&b);
    for (int i = 0; i < 3000; i++) {
        size_t len = rnd_below(&r, sizeof name + 1);
        rnd_bytes(&r, name, len);
        buf_clear(&b);
        text_put_shown(&b, name, len);
        assert_true(text_is_utf8(b.data, b.len));
        for (size_t k = 0; k < b.len; k++) {
            assert_true(b.data[k] >= 0x20 && b.data[k] != 0x7f);
        }
    }
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_put_knows_utf8_at_its_borders),
        cmocka_unit_test(test_text_put_json_escapes_what_json_demands),
        cmocka_unit_test(test_text_put_json_replaces_bytes_that_are_not_utf8),
        cmocka_unit_test(test_text_put_json_round_trip),
        cmocka_unit_test(test_text_put_base64_is_that_of_rfc_4648),
        cmocka_unit_test(test_text_put_shown_leaves_readable_names_alone),
        cmocka_unit_test(test_text_put_shown_disarms_what_controls_a_terminal),
        cmocka_unit_test(test_text_put_shown_never_lets_random_bytes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
