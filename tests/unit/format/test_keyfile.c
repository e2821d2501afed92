/*
 * test_keyfile.c - a key opens with what it was made for; rot is told from a wrong password; no
 * damage ever yields another master.
 */
/* valgrind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/keyfile.h"
#include "format/nacl.h"

#define CHECKSUM_AT 224

static uint8_t master[32], repo_id[16], admin[32], secret[KEYFILE_SECRET_BYTES];

static const struct keyfile_unlock by_secret = { .secret = secret };
static const struct keyfile_unlock by_password = {
    .password = "correct horse", .password_len = 13, .passes = 1, .memory_kib = 8
};

static void fill_rising(uint8_t *out, size_t len, uint8_t first)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(first + i);
    }
}

static int init(void **state)
{
    (void)state;
    fill_rising(repo_id, sizeof repo_id, 0x10);
    fill_rising(admin, sizeof admin, 0x40);
    fill_rising(master, sizeof master, 0x80);
    fill_rising(secret, sizeof secret, 0xa0);
    return nacl_init();
}

static void make(const struct keyfile_unlock *how, uint64_t seed, uint8_t out[KEYFILE_BYTES])
{
    struct rnd rnd;

    rnd_init_seeded(&rnd, seed);
    assert_int_equal(keyfile_wrap(master, repo_id, admin, how, &rnd, out), 0);
}

/* As somebody would who changes a key on purpose. */
static void set_checksums(uint8_t file[KEYFILE_BYTES])
{
    nacl_hash(file, CHECKSUM_AT, file + CHECKSUM_AT);
    nacl_hash(file + KEYFILE_COPY_BYTES, CHECKSUM_AT, file + KEYFILE_COPY_BYTES + CHECKSUM_AT);
}

static void assert_opens(const uint8_t *file, size_t len, const struct keyfile_unlock *how,
                         bool first_damaged, bool second_damaged)
{
    uint8_t *exact = mem_dup(file, len), got[32] = { 0 };
    struct keyfile_info info;

    assert_int_equal(keyfile_unwrap(exact, len, how, got, &info), 0);
    assert_memory_equal(got, master, sizeof got);
    assert_int_equal(info.copy_damaged[0], first_damaged);
    assert_int_equal(info.copy_damaged[1], second_damaged);
    mem_free(exact);
}

static void assert_refused(const uint8_t *file, size_t len, const struct keyfile_unlock *how,
                           int code)
{
    uint8_t *exact = mem_dup(file, len), got[32] = { 0 }, zeros[32] = { 0 };
    struct keyfile_info info;

    assert_int_equal(keyfile_unwrap(exact, len, how, got, &info), code);
    assert_memory_equal(got, zeros, sizeof got);
    mem_free(exact);
}

/* Both were computed by a program written from docs/format.md. */
static const char golden_secret[] =
    "48464b4559575250000002000000000000000000000000001011121314151617"
    "18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"
    "38393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f5051525354555657"
    "58595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f7071727374757677"
    "c3f7318d463da9dd0fada9416718ffb48aa50eafbbe5d01e147a099504f620ae"
    "bb757eaaa39770b85b3e148f92922a0f0b68f20c5c95e66fb2787fbc3d1689e1"
    "ad7c5e2f7f431312257ce2ba8016c26400000000000000000000000000000000"
    "09e8824dec76878f1c88bc04df5914ed4a58e5912258d8bb9d831cd4def4ea31";
static const char golden_password[] =
    "48464b4559575250000001000200000010000000000000001011121314151617"
    "18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"
    "38393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f5051525354555657"
    "58595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f7071727374757677"
    "2aa002c44b784b187a56b8f177865840b19d7b44501e7ac97ae5a96d2798a098"
    "6dfdd8f1dc8e6e6f94cf0089f0f34f81de6e2f90f35e09f280c99ae20d846252"
    "3829cc0d221dd2b115e7944c6309f09800000000000000000000000000000000"
    "a940d5a40bbaf0b47ff41b06e04df15bb6df42c247236e29071eb29f33557bb7";

static void from_golden(const char *hex, uint8_t out[KEYFILE_BYTES])
{
    assert_true(text_unhex(hex, 2 * KEYFILE_COPY_BYTES, out));
    memcpy(out + KEYFILE_COPY_BYTES, out, KEYFILE_COPY_BYTES);
}

static void test_keyfile_opens_what_the_format_describes(void **state)
{
    uint8_t file[KEYFILE_BYTES];

    (void)state;
    from_golden(golden_secret, file);
    assert_opens(file, sizeof file, &by_secret, false, false);
    from_golden(golden_password, file);
    assert_opens(file, sizeof file, &by_password, false, false);
}

/* A source of randomness that yields the golden salt and nonce. */
static int rising(struct rnd *r, void *out, size_t len)
{
    fill_rising(out, len, (uint8_t)r->state[0]);
    r->state[0] += 0x40;
    return 0;
}

static void test_keyfile_makes_what_the_format_describes(void **state)
{
    struct rnd rnd = { .fill = rising, .state = { 0x20 } };
    struct keyfile_unlock how = by_password;
    uint8_t file[KEYFILE_BYTES], expected[KEYFILE_BYTES];

    (void)state;
    assert_int_equal(keyfile_wrap(master, repo_id, admin, &by_secret, &rnd, file), 0);
    from_golden(golden_secret, expected);
    assert_memory_equal(file, expected, sizeof file);

    rnd.state[0] = 0x20;
    how.passes = 2;
    how.memory_kib = 16;
    assert_int_equal(keyfile_wrap(master, repo_id, admin, &how, &rnd, file), 0);
    from_golden(golden_password, expected);
    assert_memory_equal(file, expected, sizeof file);
}

static void test_keyfile_inspect_tells_all_that_is_not_secret(void **state)
{
    uint8_t file[KEYFILE_BYTES];
    struct keyfile_info info;

    (void)state;
    from_golden(golden_password, file);
    assert_int_equal(keyfile_inspect(file, sizeof file, &info), 0);
    assert_int_equal(info.kind, KEYFILE_PASSWORD);
    assert_int_equal(info.passes, 2);
    assert_int_equal(info.memory_kib, 16);
    assert_memory_equal(info.repo_id, repo_id, sizeof repo_id);
    assert_memory_equal(info.admin_public, admin, sizeof admin);
    assert_false(info.copy_damaged[0] || info.copy_damaged[1]);
    from_golden(golden_secret, file);
    assert_int_equal(keyfile_inspect(file, sizeof file, &info), 0);
    assert_int_equal(info.kind, KEYFILE_SECRET);
    assert_int_equal(info.passes, 0);
}

static void test_keyfile_wrap_costs_are_the_defaults_unless_told(void **state)
{
    struct keyfile_unlock how = { .password = "x", .password_len = 1 };
    uint8_t file[KEYFILE_BYTES];
    struct keyfile_info info;

    (void)state;
    make(&how, 1, file);
    assert_int_equal(keyfile_inspect(file, sizeof file, &info), 0);
    assert_int_equal(info.passes, KEYFILE_DEFAULT_PASSES);
    assert_int_equal(info.memory_kib, KEYFILE_DEFAULT_MEMORY_KIB);
    assert_opens(file, sizeof file, &how, false, false);
}

static void test_keyfile_wraps_of_one_master_share_nothing(void **state)
{
    uint8_t one[KEYFILE_BYTES], other[KEYFILE_BYTES];

    (void)state;
    make(&by_secret, 1, one);
    make(&by_secret, 2, other);
    assert_memory_not_equal(one + 40, other + 40, 32);   /* salt */
    assert_memory_not_equal(one + 104, other + 104, 24); /* nonce */
    assert_memory_not_equal(one + 128, other + 128, 80); /* seal */
}

static void test_keyfile_wrong_password_is_said_as_such(void **state)
{
    struct keyfile_unlock wrong = by_password;
    uint8_t file[KEYFILE_BYTES];

    (void)state;
    make(&by_password, 1, file);
    wrong.password = "correct Horse";
    assert_refused(file, sizeof file, &wrong, HF_EKEY);
    assert_string_equal(err_last()->text, "wrong password");
    assert_non_null(strstr(err_last()->hint, "caps lock"));
    wrong = by_password;
    wrong.password_len--;
    assert_refused(file, sizeof file, &wrong, HF_EKEY);
}

static void test_keyfile_wrong_key_file_is_said_as_such(void **state)
{
    uint8_t file[KEYFILE_BYTES], other[KEYFILE_SECRET_BYTES] = { 1 };
    struct keyfile_unlock wrong = { .secret = other };

    (void)state;
    make(&by_secret, 1, file);
    assert_refused(file, sizeof file, &wrong, HF_EKEY);
    assert_string_equal(err_last()->text, "wrong key file");
}

static void test_keyfile_of_the_other_kind_is_said_as_such(void **state)
{
    uint8_t file[KEYFILE_BYTES];

    (void)state;
    make(&by_password, 1, file);
    assert_refused(file, sizeof file, &by_secret, HF_EKEY);
    assert_string_equal(err_last()->text, "it is opened by a password, not by a key file");
    make(&by_secret, 1, file);
    assert_refused(file, sizeof file, &by_password, HF_EKEY);
    assert_string_equal(err_last()->text, "it is opened by a key file, not by a password");
}

static void test_keyfile_opens_with_any_bit_flipped_and_says_where(void **state)
{
    static const struct keyfile_unlock *const ways[] = { &by_secret, &by_password };
    uint8_t file[KEYFILE_BYTES];

    (void)state;
    for (size_t w = 0; w < 2; w++) {
        make(ways[w], 1, file);
        for (size_t bit = 0; bit < 8 * sizeof file; bit++) {
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_opens(file, sizeof file, ways[w], bit / 8 < KEYFILE_COPY_BYTES,
                         bit / 8 >= KEYFILE_COPY_BYTES);
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void test_keyfile_damaged_in_both_copies_is_not_a_wrong_password(void **state)
{
    uint8_t file[KEYFILE_BYTES];

    (void)state;
    make(&by_password, 1, file);
    for (size_t bit = 0; bit < 8 * KEYFILE_COPY_BYTES; bit++) {
        size_t other = 8 * sizeof file - 1 - bit;
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        file[other / 8] ^= (uint8_t)(1u << other % 8);
        assert_refused(file, sizeof file, &by_password, HF_EKEY_DAMAGED);
        assert_non_null(strstr(err_last()->text, "damaged: neither of its two copies is whole"));
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        file[other / 8] ^= (uint8_t)(1u << other % 8);
    }
}

/* Changed in both copies, with checksums that hold: somebody's doing, not rot. */
static void test_keyfile_forged_never_yields_a_master(void **state)
{
    uint8_t file[KEYFILE_BYTES], got[32] = { 0 };
    struct keyfile_info info;

    (void)state;
    make(&by_secret, 1, file);
    for (size_t bit = 0; bit < 8 * CHECKSUM_AT; bit++) {
        uint8_t forged[KEYFILE_BYTES];
        memcpy(forged, file, sizeof forged);
        forged[bit / 8] ^= (uint8_t)(1u << bit % 8);
        forged[KEYFILE_COPY_BYTES + bit / 8] ^= (uint8_t)(1u << bit % 8);
        set_checksums(forged);
        assert_int_not_equal(keyfile_unwrap(forged, sizeof forged, &by_secret, got, &info), 0);
    }
}

static void test_keyfile_cut_short_opens_while_a_copy_is_whole(void **state)
{
    uint8_t file[KEYFILE_BYTES + 1] = { 0 };
    struct keyfile_info info;

    (void)state;
    make(&by_secret, 1, file);
    for (size_t len = 0; len < KEYFILE_COPY_BYTES; len++) {
        assert_refused(file, len, &by_secret, HF_EKEY_DAMAGED);
    }
    for (size_t len = KEYFILE_COPY_BYTES; len < KEYFILE_BYTES; len++) {
        assert_opens(file, len, &by_secret, false, true);
    }
    assert_opens(file, KEYFILE_BYTES + 1, &by_secret, false, true);
    assert_int_equal(keyfile_inspect(file, KEYFILE_COPY_BYTES, &info), 0);
    assert_false(info.copy_damaged[0]);
    assert_true(info.copy_damaged[1]);
}

static void test_keyfile_with_two_unlike_copies_opens_with_either(void **state)
{
    uint8_t file[KEYFILE_BYTES], other[KEYFILE_BYTES];
    struct keyfile_info info;

    (void)state;
    make(&by_secret, 1, file);
    make(&by_password, 2, other);
    memcpy(file + KEYFILE_COPY_BYTES, other, KEYFILE_COPY_BYTES);
    assert_int_equal(keyfile_inspect(file, sizeof file, &info), 0);
    assert_true(info.copy_damaged[1]);
    assert_opens(file, sizeof file, &by_secret, false, true);
    assert_opens(file, sizeof file, &by_password, true, false);
}

/* It would take minutes to do what these ask for: the test ends because nobody does. */
static void test_keyfile_refuses_costs_that_would_exhaust_the_machine(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
    } hostile[] = { { 12, 65 },         { 12, UINT32_MAX }, { 12, 0 }, { 16, (1u << 20) + 1 },
                    { 16, UINT32_MAX }, { 16, 7 } };
    uint8_t file[KEYFILE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        make(&by_password, 1, file);
        le_put32(file + hostile[i].at, hostile[i].value);
        le_put32(file + KEYFILE_COPY_BYTES + hostile[i].at, hostile[i].value);
        set_checksums(file);
        assert_refused(file, sizeof file, &by_password, HF_EKEY_DAMAGED);
    }
}

static void test_keyfile_of_a_newer_version_is_not_called_damaged(void **state)
{
    static const size_t places[] = { 8, 10 }; /* version, kind */
    uint8_t file[KEYFILE_BYTES];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        make(&by_secret, 1, file);
        file[places[i]] = 3;
        file[KEYFILE_COPY_BYTES + places[i]] = 3;
        set_checksums(file);
        assert_refused(file, sizeof file, &by_secret, HF_ENEWER);
        assert_non_null(strstr(err_last()->hint, "newer holdfast"));
    }
}

static void test_keyfile_wrap_refuses_what_it_would_not_open(void **state)
{
    struct keyfile_unlock how = { 0 };
    uint8_t file[KEYFILE_BYTES];
    struct rnd rnd;

    (void)state;
    rnd_init_seeded(&rnd, 1);
    assert_int_equal(keyfile_wrap(master, repo_id, admin, &how, &rnd, file), HF_EUSAGE);
    how = by_password;
    how.secret = secret;
    assert_int_equal(keyfile_wrap(master, repo_id, admin, &how, &rnd, file), HF_EUSAGE);
    how = by_password;
    how.passes = 65;
    assert_int_equal(keyfile_wrap(master, repo_id, admin, &how, &rnd, file), HF_EUSAGE);
    how = by_password;
    how.memory_kib = 7;
    assert_int_equal(keyfile_wrap(master, repo_id, admin, &how, &rnd, file), HF_EUSAGE);
}

static int no_randomness(struct rnd *r, void *out, size_t len)
{
    (void)r;
    (void)out;
    (void)len;
    return err_raise(HF_EIO, "no randomness");
}

static void test_keyfile_wrap_fails_without_randomness(void **state)
{
    struct rnd rnd = { .fill = no_randomness };
    uint8_t file[KEYFILE_BYTES];

    (void)state;
    assert_int_equal(keyfile_wrap(master, repo_id, admin, &by_secret, &rnd, file), HF_EIO);
}

static void test_keyfile_describe_names_the_damaged_field(void **state)
{
    uint8_t file[KEYFILE_BYTES];
    struct buf b;

    (void)state;
    buf_init(&b);
    make(&by_password, 1, file);
    assert_int_equal(keyfile_describe(file, sizeof file, &b), 0);
    assert_non_null(strstr(buf_text(&b), "1 (password)"));
    assert_null(strstr(buf_text(&b), "!!"));
    buf_clear(&b);
    file[300] ^= 1;
    assert_int_not_equal(keyfile_describe(file, sizeof file, &b), 0);
    assert_non_null(strstr(buf_text(&b), "!!  480  checksum"));
    buf_clear(&b);
    assert_int_not_equal(keyfile_describe(file, 300, &b), 0);
    assert_int_not_equal(keyfile_describe(NULL, 0, &b), 0);
    buf_release(&b);
}

/* --- the user's key file --- */

static void assert_text_refused(const char *text, const char *why)
{
    uint8_t out[KEYFILE_SECRET_BYTES];
    char *exact = mem_dup(text, strlen(text));

    assert_int_equal(keyfile_parse_text(exact, strlen(text), out), HF_EKEY_DAMAGED);
    assert_string_equal(err_last()->text, why);
    mem_free(exact);
}

#define SECRET_HEX "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"

static void test_keyfile_text_comes_back(void **state)
{
    uint8_t out[KEYFILE_SECRET_BYTES];
    struct buf b;

    (void)state;
    buf_init(&b);
    keyfile_put_text(&b, secret);
    assert_int_equal(buf_error(&b), 0);
    assert_int_equal(keyfile_parse_text((const char *)b.data, b.len, out), 0);
    assert_memory_equal(out, secret, sizeof out);
    buf_release(&b);
}

static void test_keyfile_text_says_what_it_is(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    keyfile_put_text(&b, secret);
    assert_string_equal(buf_text(&b),
                        "# The key file of a holdfast repository: who has it can read and forge "
                        "its backups.\n"
                        "# Keep it secret, and keep a copy elsewhere: without it nothing can be "
                        "restored.\n"
                        "holdfast-key 1\n"
                        "secret: " SECRET_HEX "\n"
                        "check: 32306722\n");
    buf_release(&b);
}

static void test_keyfile_text_tolerates_what_editors_do(void **state)
{
    static const char text[] = "\r\n# mine\r\n\r\nholdfast-key 1  \r\n  # not at the start\n"
                               "secret:   A0A1A2A3A4A5A6A7A8A9AAABACADAEAF"
                               "B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF \t\r\n#\ncheck:32306722";
    static const char fine[] = "\r\n# mine\r\n\r\nholdfast-key 1  \r\n"
                               "secret:   A0A1A2A3A4A5A6A7A8A9AAABACADAEAF"
                               "B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF \t\r\n#\ncheck:32306722";
    uint8_t out[KEYFILE_SECRET_BYTES];

    (void)state;
    assert_int_equal(keyfile_parse_text(fine, sizeof fine - 1, out), 0);
    assert_memory_equal(out, secret, sizeof out);
    assert_int_equal(keyfile_parse_text(text, sizeof text - 1, out), HF_EKEY_DAMAGED);
}

static void test_keyfile_text_errors_name_the_line_and_what_is_wrong(void **state)
{
    (void)state;
    assert_text_refused("", "it holds no key, only comments or nothing at all");
    assert_text_refused("# nothing\n\n", "it holds no key, only comments or nothing at all");
    assert_text_refused("# a\nhunter2\n",
                        "line 2: 'holdfast-key 1' was expected: this is not a key file");
    assert_text_refused("holdfast-key 1\n# b\n", "it ends after line 2: 'secret:' is missing");
    assert_text_refused("holdfast-key 1\ncheck: 00000000\n",
                        "line 2: 'secret: ' and 64 hex digits were expected");
    assert_text_refused("holdfast-key 1\nsecret: a0a1\ncheck: 00000000\n",
                        "line 2: 4 hex digits after 'secret:', not 64");
    assert_text_refused("holdfast-key 1\nsecret: a0ag\ncheck: 00000000\n",
                        "line 2: character 4 after 'secret:' is not a hex digit");
    assert_text_refused("holdfast-key 1\n\nsecret: " SECRET_HEX "\n",
                        "it ends after line 3: 'check:' is missing");
    assert_text_refused("holdfast-key 1\nsecret: " SECRET_HEX "\ncheck: 32306723\n",
                        "line 3: the check does not fit the secret: some digit of either is wrong");
    assert_text_refused("holdfast-key 1\nsecret: " SECRET_HEX "\ncheck: 32306722\nmore\n",
                        "line 4: nothing may follow the check");
}

static void test_keyfile_text_of_a_newer_version_is_not_called_damaged(void **state)
{
    uint8_t out[KEYFILE_SECRET_BYTES];

    (void)state;
    assert_int_equal(keyfile_parse_text("holdfast-key 2\n", 15, out), HF_ENEWER);
}

/* Typed from paper: whichever character is wrong, no other secret comes of it. */
static void test_keyfile_text_mistyped_never_yields_another_secret(void **state)
{
    uint8_t out[KEYFILE_SECRET_BYTES];
    struct buf b;
    size_t start;

    (void)state;
    buf_init(&b);
    keyfile_put_text(&b, secret);
    start = (size_t)(strstr(buf_text(&b), "holdfast-key") - (const char *)b.data);
    for (size_t i = start; i < b.len; i++) {
        uint8_t right = b.data[i];
        for (unsigned wrong = 0; wrong < 256; wrong++) {
            b.data[i] = (uint8_t)wrong;
            if (keyfile_parse_text((const char *)b.data, b.len, out) == 0) {
                assert_memory_equal(out, secret, sizeof out);
            }
        }
        b.data[i] = right;
    }
    buf_release(&b);
}

/* A quarter of a second: more passes on a fast machine, never fewer than the default. */
static void test_keyfile_passes_follow_the_machine(void **state)
{
    (void)state;
    assert_int_equal(keyfile_passes_for(250000000), KEYFILE_DEFAULT_PASSES);
    assert_int_equal(keyfile_passes_for(125000000), 2 * KEYFILE_DEFAULT_PASSES);
    assert_int_equal(keyfile_passes_for(100000000), 7);
    assert_int_equal(keyfile_passes_for(INT64_MAX), KEYFILE_DEFAULT_PASSES);
    assert_int_equal(keyfile_passes_for(1), 16);
    assert_int_equal(keyfile_passes_for(0), KEYFILE_DEFAULT_PASSES); /* nothing is known */
}

/* By it the journal knows a wrap; one copy is enough to tell it. */
static void test_keyfile_fingerprint_is_of_one_wrap(void **state)
{
    uint8_t file[KEYFILE_BYTES], other[KEYFILE_BYTES];
    struct keyfile_info a, b;

    (void)state;
    make(&by_secret, 1, file);
    make(&by_secret, 2, other);
    assert_int_equal(keyfile_inspect(file, sizeof file, &a), 0);
    assert_int_equal(keyfile_inspect(other, sizeof other, &b), 0);
    assert_memory_not_equal(a.fingerprint, b.fingerprint, sizeof a.fingerprint);
    file[60] ^= 1;
    assert_int_equal(keyfile_inspect(file, sizeof file, &b), 0);
    assert_memory_equal(a.fingerprint, b.fingerprint, sizeof a.fingerprint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyfile_opens_what_the_format_describes),
        cmocka_unit_test(test_keyfile_makes_what_the_format_describes),
        cmocka_unit_test(test_keyfile_inspect_tells_all_that_is_not_secret),
        cmocka_unit_test(test_keyfile_wrap_costs_are_the_defaults_unless_told),
        cmocka_unit_test(test_keyfile_wraps_of_one_master_share_nothing),
        cmocka_unit_test(test_keyfile_wrong_password_is_said_as_such),
        cmocka_unit_test(test_keyfile_wrong_key_file_is_said_as_such),
        cmocka_unit_test(test_keyfile_of_the_other_kind_is_said_as_such),
        cmocka_unit_test(test_keyfile_opens_with_any_bit_flipped_and_says_where),
        cmocka_unit_test(test_keyfile_damaged_in_both_copies_is_not_a_wrong_password),
        cmocka_unit_test(test_keyfile_forged_never_yields_a_master),
        cmocka_unit_test(test_keyfile_cut_short_opens_while_a_copy_is_whole),
        cmocka_unit_test(test_keyfile_with_two_unlike_copies_opens_with_either),
        cmocka_unit_test(test_keyfile_refuses_costs_that_would_exhaust_the_machine),
        cmocka_unit_test(test_keyfile_of_a_newer_version_is_not_called_damaged),
        cmocka_unit_test(test_keyfile_wrap_refuses_what_it_would_not_open),
        cmocka_unit_test(test_keyfile_wrap_fails_without_randomness),
        cmocka_unit_test(test_keyfile_describe_names_the_damaged_field),
        cmocka_unit_test(test_keyfile_text_comes_back),
        cmocka_unit_test(test_keyfile_text_says_what_it_is),
        cmocka_unit_test(test_keyfile_text_tolerates_what_editors_do),
        cmocka_unit_test(test_keyfile_text_errors_name_the_line_and_what_is_wrong),
        cmocka_unit_test(test_keyfile_text_of_a_newer_version_is_not_called_damaged),
        cmocka_unit_test(test_keyfile_text_mistyped_never_yields_another_secret),
        cmocka_unit_test(test_keyfile_passes_follow_the_machine),
        cmocka_unit_test(test_keyfile_fingerprint_is_of_one_wrap),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
