/*
 * test_roll.c - a roll-up gives its entries back byte for byte, or is refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "format/crc.h"
#include "format/entry.h"
#include "format/nacl.h"
#include "format/roll.h"

static const uint8_t repo_id[16] = { 0xaa, 0xbb };

static int set_up(void **state)
{
    (void)state;
    return nacl_init();
}

static void says(int rc, int code, const char *text)
{
    if (strstr(err_last()->text, text) == NULL) {
        print_error("expected '%s' in '%s'\n", text, err_last()->text);
    }
    assert_int_equal(rc, code);
    assert_non_null(strstr(err_last()->text, text));
}

/* count real entries from `first`, each of one ADOPT. */
static void make_entries(uint64_t first, uint32_t count, struct buf *entries, uint32_t *lengths)
{
    static const uint8_t master[32] = { 3 };
    struct keyring *keys = NULL;
    struct buf body;

    assert_int_equal(keyring_new(master, &keys), 0);
    buf_init(&body);
    for (uint32_t i = 0; i < count; i++) {
        struct entry_adopt adopt = { .file_len = 5000, .uuid = { (uint8_t)i } };
        struct entry_seal seal = { .number = first + i, .uuid = { 0xe0, (uint8_t)i } };
        uint8_t bytes[ENTRY_SEAL_BYTES];

        buf_clear(&body);
        entry_put_adopt(&body, &adopt);
        entry_seal_encode(&seal, body.data, body.len, keys, bytes);
        buf_put(entries, body.data, body.len);
        buf_put(entries, bytes, sizeof bytes);
        lengths[i] = (uint32_t)(body.len + sizeof bytes);
    }
    buf_release(&body);
    keyring_free(keys);
}

static void make_roll(uint64_t first, uint32_t count, struct buf *out)
{
    uint32_t lengths[16];
    struct buf entries;

    buf_init(out);
    buf_init(&entries);
    make_entries(first, count, &entries, lengths);
    assert_int_equal(roll_encode(repo_id, first, lengths, count, entries.data, entries.len, out),
                     0);
    buf_release(&entries);
}

static void test_roll_gives_its_entries_back(void **state)
{
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 1);
    for (int i = 0; i < 50; i++) {
        uint32_t count = 1 + (uint32_t)rnd_below(&r, 40), lengths[40];
        uint64_t first = 1 + rnd_below(&r, ENTRY_MAX_NUMBER - 40);
        struct roll_view v;
        struct buf entries, out;

        buf_init(&entries);
        buf_init(&out);
        for (uint32_t k = 0; k < count; k++) {
            lengths[k] = 257 + (uint32_t)rnd_below(&r, 500);
            buf_put_zeros(&entries, lengths[k]);
        }
        assert_int_equal(rnd_bytes(&r, entries.data, entries.len), 0);
        assert_int_equal(
            roll_encode(repo_id, first, lengths, count, entries.data, entries.len, &out), 0);
        assert_int_equal(roll_decode(out.data, out.len, &v), 0);
        assert_int_equal(v.first, first);
        assert_int_equal(v.last, first + count - 1);
        assert_int_equal(v.count, count);
        assert_memory_equal(v.repo_id, repo_id, 16);
        assert_int_equal(v.entries_len, entries.len);
        assert_memory_equal(v.entries, entries.data, entries.len);
        for (uint32_t k = 0; k < count; k++) {
            assert_int_equal(roll_entry_len(&v, k), lengths[k]);
        }
        buf_release(&entries);
        buf_release(&out);
    }
}

static void test_roll_refuses_every_flipped_bit(void **state)
{
    struct roll_view v;
    struct buf b;

    (void)state;
    make_roll(7, 3, &b);
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(roll_decode(b.data, b.len, &v), HF_EDAMAGE);
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_release(&b);
}

static void test_roll_cut_or_longer_is_damage(void **state)
{
    struct roll_view v;
    struct buf b;

    (void)state;
    make_roll(7, 2, &b);
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *exact = mem_dup(b.data, len);

        assert_int_equal(roll_decode(exact, len, &v), HF_EDAMAGE);
        mem_free(exact);
    }
    buf_put_u8(&b, 0);
    says(roll_decode(b.data, b.len, &v), HF_EDAMAGE, "file length is");
    buf_release(&b);
}

/* A roll-up with one field set, under a checksum and a hash that hold. */
static int decode_with(size_t at, uint64_t value, size_t size)
{
    struct roll_view v;
    struct buf b;
    int rc;

    make_roll(7, 2, &b);
    if (size == 4) {
        le_put32(b.data + at, (uint32_t)value);
    } else {
        le_put64(b.data + at, value);
    }
    le_put32(b.data + 60, crc_32c(b.data, 60));
    nacl_hash(b.data, b.len - 32, b.data + b.len - 32);
    rc = roll_decode(b.data, b.len, &v);
    buf_release(&b);
    return rc;
}

static void test_roll_checks_every_field(void **state)
{
    (void)state;
    assert_int_equal(decode_with(32, 1, 8), 0); /* another repository: not for here to know */
    says(decode_with(8, 1, 4), HF_ENEWER, "version");
    assert_non_null(strstr(err_last()->hint, "newer holdfast"));
    says(decode_with(8, 0x10000, 4), HF_EDAMAGE, "reserved is not zero (offset 10)");
    says(decode_with(12, 0, 4), HF_EDAMAGE, "number of entries is not one");
    says(decode_with(12, 1u << 21, 4), HF_EDAMAGE, "number of entries is not one");
    says(decode_with(12, 3, 4), HF_EDAMAGE, "last entry does not fit");
    says(decode_with(16, 0, 8), HF_EDAMAGE, "first entry is not the number of an entry");
    says(decode_with(16, 9, 8), HF_EDAMAGE, "last entry does not fit");
    says(decode_with(24, UINT64_MAX, 8), HF_EDAMAGE, "last entry does not fit");
    says(decode_with(48, 1, 8), HF_EDAMAGE, "file length is 1");
    says(decode_with(56, 1, 4), HF_EDAMAGE, "reserved is not zero (offset 56)");
    says(decode_with(64, 256, 4), HF_EDAMAGE, "no entry has 256 bytes (offset 64)");
    says(decode_with(64, UINT32_MAX, 4), HF_EDAMAGE, "no entry has");
    says(decode_with(68, 300, 4), HF_EDAMAGE, "lengths of the entries make");
}

/* A count that does not fit its file, though first and last agree with it. */
static void test_roll_with_more_entries_than_bytes_is_damage(void **state)
{
    struct roll_view v;
    struct buf b;

    (void)state;
    make_roll(7, 1, &b);
    le_put32(b.data + 12, 1u << 20);
    le_put64(b.data + 24, 6 + (1u << 20));
    le_put32(b.data + 60, crc_32c(b.data, 60));
    says(roll_decode(b.data, b.len, &v), HF_EDAMAGE, "number of entries is more than there are");
    buf_release(&b);
}

static void test_roll_is_not_made_of_what_no_reader_would_take(void **state)
{
    uint32_t length = 300, small = 256;
    uint8_t entry[300] = { 0 };
    struct buf b;

    (void)state;
    buf_init(&b);
    assert_int_equal(roll_encode(repo_id, 1, &length, 0, entry, 0, &b), HF_ELIMIT);
    assert_int_equal(roll_encode(repo_id, 0, &length, 1, entry, 300, &b), HF_ELIMIT);
    assert_int_equal(roll_encode(repo_id, ENTRY_MAX_NUMBER + 1, &length, 1, entry, 300, &b),
                     HF_ELIMIT);
    assert_true(roll_encode(repo_id, 1, &length, 1, entry, 299, &b) < 0);
    assert_true(roll_encode(repo_id, 1, &small, 1, entry, 256, &b) < 0);
    buf_clear(&b);
    assert_int_equal(roll_encode(repo_id, ENTRY_MAX_NUMBER, &length, 1, entry, 300, &b), 0);
    buf_release(&b);
}

static void test_roll_names_are_exact(void **state)
{
    static const char *const bad[] = {
        "",
        "000000000001",
        "000000000001-",
        "000000000001-00000000102",
        "0000000000001-000000001024",
        "000000000001-0000000010244",
        "000000000001_000000001024",
        "000000000000-000000001024",
        "000000000002-000000000001",
        "00000000000a-000000001024",
        "000000000001-00000000102a",
    };
    char name[ROLL_NAME_BYTES];
    uint64_t first = 0, last = 0;

    (void)state;
    roll_name(1025, 2048, name);
    assert_string_equal(name, "000000001025-000000002048");
    assert_true(roll_parse_name(name, &first, &last));
    assert_int_equal(first, 1025);
    assert_int_equal(last, 2048);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(roll_parse_name(bad[i], &first, &last));
    }
    assert_int_equal(first, 1025);
}

static void test_roll_description_marks_damage_anywhere(void **state)
{
    struct buf b, out;

    (void)state;
    buf_init(&out);
    make_roll(7, 2, &b);
    assert_int_equal(roll_describe(b.data, b.len, &out), 0);
    assert_null(strstr(buf_text(&out), "!!"));
    assert_non_null(strstr(buf_text(&out), "000000000008"));
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= (uint8_t)(1u << i % 8);
        buf_clear(&out);
        assert_int_equal(roll_describe(b.data, b.len, &out), HF_EDAMAGE);
        assert_non_null(strstr(buf_text(&out), "!!"));
        b.data[i] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *exact = mem_dup(b.data, len);

        buf_clear(&out);
        assert_int_equal(roll_describe(exact, len, &out), HF_EDAMAGE);
        mem_free(exact);
    }
    buf_release(&out);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roll_gives_its_entries_back),
        cmocka_unit_test(test_roll_refuses_every_flipped_bit),
        cmocka_unit_test(test_roll_cut_or_longer_is_damage),
        cmocka_unit_test(test_roll_checks_every_field),
        cmocka_unit_test(test_roll_with_more_entries_than_bytes_is_damage),
        cmocka_unit_test(test_roll_is_not_made_of_what_no_reader_would_take),
        cmocka_unit_test(test_roll_names_are_exact),
        cmocka_unit_test(test_roll_description_marks_damage_anywhere),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
