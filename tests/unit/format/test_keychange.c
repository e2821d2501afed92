/*
 * test_keychange.c - what a KEY entry says comes back as it was; anything else is damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/keychange.h"

static struct keychange_way way(const char *file, enum keychange_kind kind, uint8_t byte)
{
    struct keychange_way w = { .kind = kind };

    memcpy(w.file, file, strlen(file));
    memset(w.fingerprint, byte, sizeof w.fingerprint);
    return w;
}

static void encode_sample(struct buf *out)
{
    struct keychange_way added[] = { way("new.2", KEYCHANGE_RECOVERY, 2) };
    struct keychange_way removed[] = { way("old", KEYCHANGE_KEY_FILE, 3),
                                       way("old.7", KEYCHANGE_PASSWORD, 4) };
    struct keychange c = { .by = way("first", KEYCHANGE_PASSWORD, 1),
                           .added = added,
                           .added_count = 1,
                           .removed = removed,
                           .removed_count = 2 };

    buf_init(out);
    assert_int_equal(keychange_encode(&c, out), 0);
}

static int decode(const uint8_t *data, size_t len, struct keychange *out)
{
    uint8_t *exact = mem_dup(data, len);
    int rc = keychange_decode(exact, len, out);

    mem_free(exact);
    return rc;
}

static void test_keychange_comes_back_as_it_was(void **state)
{
    struct keychange c;
    struct buf b, again;

    (void)state;
    encode_sample(&b);
    assert_int_equal(decode(b.data, b.len, &c), 0);
    assert_string_equal(c.by.file, "first");
    assert_int_equal(c.added_count, 1);
    assert_string_equal(c.added[0].file, "new.2");
    assert_int_equal(c.added[0].kind, KEYCHANGE_RECOVERY);
    assert_int_equal(c.removed_count, 2);
    assert_int_equal(c.removed[1].fingerprint[31], 4);
    buf_init(&again);
    assert_int_equal(keychange_encode(&c, &again), 0);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    keychange_release(&c);
    buf_release(&again);
    buf_release(&b);
}

static void test_keychange_that_is_cut_or_longer_is_damage(void **state)
{
    struct keychange c;
    struct buf b;

    (void)state;
    encode_sample(&b);
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(decode(b.data, len, &c), HF_EDAMAGE);
        assert_null(c.added);
    }
    buf_put_u8(&b, 0);
    assert_int_equal(decode(b.data, b.len, &c), HF_EDAMAGE);
    buf_release(&b);
}

static void test_keychange_of_a_later_version_or_kind_needs_a_newer_program(void **state)
{
    struct keychange c;
    struct buf b;

    (void)state;
    encode_sample(&b);
    b.data[0] = 1;
    assert_int_equal(decode(b.data, b.len, &c), HF_ENEWER);
    b.data[0] = 0;
    b.data[7] = 4; /* the kind of what it was opened by */
    assert_int_equal(decode(b.data, b.len, &c), HF_ENEWER);
    b.data[7] = 0;
    assert_int_equal(decode(b.data, b.len, &c), HF_EDAMAGE);
    buf_release(&b);
}

static void test_keychange_takes_no_name_that_leads_elsewhere(void **state)
{
    static const char *const names[] = { "fi/st", "../st", "first.", "fir.1",
                                         "fir.0", "fi.02", "fi.2x",  ".irst" };
    struct keychange c;
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);

        encode_sample(&b);
        b.data[1] = (uint8_t)len;
        memmove(b.data + 2 + len, b.data + 7, b.len - 7);
        memcpy(b.data + 2, names[i], len);
        b.len = b.len - 5 + len;
        assert_int_equal(decode(b.data, b.len, &c), HF_EDAMAGE);
        assert_non_null(strstr(err_last()->text, "no key's file is called so"));
        buf_release(&b);
    }
}

static void test_keychange_believes_no_count(void **state)
{
    static const uint8_t counts[][3] = { { 0xff, 0xff, 0x03 }, { 0x81, 0x08, 0 }, { 0x7f, 0, 0 } };
    struct keychange c;
    struct buf b;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        encode_sample(&b);
        memcpy(b.data + 40, counts[i], 3);
        assert_int_equal(decode(b.data, b.len, &c), HF_EDAMAGE);
        buf_release(&b);
    }
}

static void test_keychange_without_memory(void **state)
{
    struct keychange c;
    struct buf b;

    (void)state;
    encode_sample(&b);
    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_at(n, 0);
        assert_int_equal(keychange_decode(b.data, b.len, &c), HF_ENOMEM);
        mem_fail_at(0, 0);
    }
    buf_release(&b);
}

static void test_keychange_names_and_their_files(void **state)
{
    char file[KEYCHANGE_FILE_BYTES], name[KEYCHANGE_NAME_MAX + 1];
    unsigned generation;

    (void)state;
    assert_true(keychange_name_valid("laptop-2_A"));
    assert_false(keychange_name_valid(""));
    assert_false(keychange_name_valid("a.2"));
    assert_false(keychange_name_valid("a b"));
    keychange_file("a", 1, file);
    assert_string_equal(file, "a");
    keychange_file("a", 12, file);
    assert_string_equal(file, "a.12");
    assert_true(keychange_parse_file("a.12", name, &generation));
    assert_string_equal(name, "a");
    assert_int_equal(generation, 12);
    assert_true(keychange_parse_file("a", name, &generation));
    assert_int_equal(generation, 1);
    assert_false(keychange_parse_file("a.99999999999999", name, &generation));
    assert_string_equal(keychange_kind_name(KEYCHANGE_PASSWORD), "password");
    assert_string_equal(keychange_kind_name((enum keychange_kind)9), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keychange_comes_back_as_it_was),
        cmocka_unit_test(test_keychange_that_is_cut_or_longer_is_damage),
        cmocka_unit_test(test_keychange_of_a_later_version_or_kind_needs_a_newer_program),
        cmocka_unit_test(test_keychange_takes_no_name_that_leads_elsewhere),
        cmocka_unit_test(test_keychange_believes_no_count),
        cmocka_unit_test(test_keychange_without_memory),
        cmocka_unit_test(test_keychange_names_and_their_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
