/*
 * test_nacl.c - hashes, signatures, boxes and passwords against published vectors, and what must be
 * refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"
#include "format/nacl.h"

static void assert_hex(const void *bytes, size_t len, const char *expected)
{
    char hex[2 * 256 + 1];

    assert_string_equal(text_hex(bytes, len, hex), expected);
}

static void unhex(const char *hex, uint8_t *out)
{
    assert_true(text_unhex(hex, strlen(hex), out));
}

static void fill_rising(uint8_t *out, size_t len, uint8_t first)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(first + i);
    }
}

static void test_nacl_init_may_be_called_again(void **state)
{
    (void)state;
    assert_int_equal(nacl_init(), 0);
    assert_int_equal(nacl_init(), 0);
}

static void test_nacl_hash_is_blake2b_256(void **state)
{
    uint8_t hash[NACL_HASH_BYTES];

    (void)state;
    nacl_hash(NULL, 0, hash);
    assert_hex(hash, 32, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    nacl_hash("abc", 3, hash);
    assert_hex(hash, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void test_nacl_hash_of_parts_is_that_of_the_whole(void **state)
{
    const struct nacl_part parts[] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
    uint8_t whole[NACL_HASH_BYTES], pieces[NACL_HASH_BYTES];

    (void)state;
    nacl_hash("abc", 3, whole);
    nacl_hash_parts(parts, 3, pieces);
    assert_memory_equal(whole, pieces, sizeof whole);
}

static void test_nacl_derive_is_keyed_blake2b_of_label_and_context(void **state)
{
    uint8_t key[NACL_KEY_BYTES], out[NACL_KEY_BYTES];

    (void)state;
    fill_rising(key, sizeof key, 0);
    nacl_derive(key, "label", "context", 7, out);
    assert_hex(out, 32, "d4ad97a9a0f25ca7944797259fd1c651d83a91264563159fae65a124b876ed31");
}

static void test_nacl_derive_keeps_label_and_context_apart(void **state)
{
    uint8_t key[NACL_KEY_BYTES] = { 1 }, one[NACL_KEY_BYTES], other[NACL_KEY_BYTES];

    (void)state;
    nacl_derive(key, "chunk", "id", 2, one);
    nacl_derive(key, "chunkid", NULL, 0, other);
    assert_memory_not_equal(one, other, sizeof one);
}

static void test_nacl_siphash_matches_its_paper(void **state)
{
    uint8_t key[16], data[15];

    (void)state;
    fill_rising(key, sizeof key, 0);
    fill_rising(data, sizeof data, 0);
    assert_true(nacl_siphash(key, data, 15) == 0xa129ca6149be45e5ull);
    assert_true(nacl_siphash(key, NULL, 0) == 0x726fdb47dd0e0e31ull);
}

static void test_nacl_sign_matches_rfc_8032(void **state)
{
    uint8_t seed[32], public_key[32], secret[64], signature[64];
    const uint8_t message = 0x72;

    (void)state;
    unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", seed);
    nacl_sign_pair(seed, public_key, secret);
    assert_hex(public_key, 32, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    nacl_sign(secret, NULL, 0, signature);
    assert_hex(signature, 64,
               "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
               "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");

    unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", seed);
    nacl_sign_pair(seed, public_key, secret);
    assert_hex(public_key, 32, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    nacl_sign(secret, &message, 1, signature);
    assert_hex(signature, 64,
               "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
               "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

static void test_nacl_verify_refuses_every_flipped_bit(void **state)
{
    uint8_t seed[32] = { 5 }, public_key[32], secret[64], signature[64];
    uint8_t message[4] = "seal";

    (void)state;
    nacl_sign_pair(seed, public_key, secret);
    nacl_sign(secret, message, sizeof message, signature);
    assert_true(nacl_verify(public_key, message, sizeof message, signature));
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(nacl_verify(public_key, message, sizeof message, signature));
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof message; bit++) {
        message[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(nacl_verify(public_key, message, sizeof message, signature));
        message[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    public_key[3] ^= 1;
    assert_false(nacl_verify(public_key, message, sizeof message, signature));
}

/* The pair of a seed is X25519 of the first half of its SHA-512. */
static void test_nacl_box_pair_is_fixed_by_its_seed(void **state)
{
    uint8_t seed[32], public_key[32], secret[32];

    (void)state;
    fill_rising(seed, sizeof seed, 0);
    nacl_box_pair(seed, public_key, secret);
    assert_hex(secret, 32, "3d94eea49c580aef816935762be049559d6d1440dede12e6a125f1841fff8e6f");
    assert_hex(public_key, 32, "4701d08488451f545a409fb58ae3e58581ca40ac3f7f114698cd71deac73ca01");
}

static void test_nacl_sealed_box_opens_only_unchanged_and_with_its_pair(void **state)
{
    uint8_t seed[32] = { 1 }, public_key[32], secret[32], other_public[32], other_secret[32];
    uint8_t key[32], sealed[32 + NACL_SEALED_EXTRA], open[32];

    (void)state;
    nacl_box_pair(seed, public_key, secret);
    seed[0] = 2;
    nacl_box_pair(seed, other_public, other_secret);
    fill_rising(key, sizeof key, 9);
    assert_int_equal(nacl_seal_to(public_key, rnd_system(), key, sizeof key, sealed), 0);
    assert_true(nacl_seal_open(public_key, secret, sealed, sizeof sealed, open));
    assert_memory_equal(open, key, sizeof key);

    assert_false(nacl_seal_open(other_public, other_secret, sealed, sizeof sealed, open));
    assert_false(nacl_seal_open(public_key, secret, sealed, sizeof sealed - 1, open));
    assert_false(nacl_seal_open(public_key, secret, sealed, NACL_SEALED_EXTRA - 1, open));
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 0x40;
        assert_false(nacl_seal_open(public_key, secret, sealed, sizeof sealed, open));
        sealed[i] ^= 0x40;
    }
}

static void test_nacl_seal_to_refuses_a_key_everybody_could_open(void **state)
{
    uint8_t zero[32] = { 0 }, sealed[4 + NACL_SEALED_EXTRA];

    (void)state;
    assert_int_equal(nacl_seal_to(zero, rnd_system(), "data", 4, sealed), HF_EDAMAGE);
}

/* draft-irtf-cfrg-xchacha-03, A.3.1 */
static const char sunscreen[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
                                "only one tip for the future, sunscreen would be it.";
#define SUNSCREEN_BYTES (sizeof sunscreen - 1)

static void encrypt_sunscreen(uint8_t key[32], uint8_t nonce[24], uint8_t ad[12], uint8_t *out)
{
    fill_rising(key, 32, 0x80);
    fill_rising(nonce, 24, 0x40);
    unhex("50515253c0c1c2c3c4c5c6c7", ad);
    nacl_encrypt(key, nonce, ad, 12, sunscreen, SUNSCREEN_BYTES, out);
}

static void test_nacl_encrypt_matches_the_xchacha_draft(void **state)
{
    uint8_t key[32], nonce[24], ad[12], sealed[SUNSCREEN_BYTES + NACL_TAG_BYTES];
    uint8_t open[SUNSCREEN_BYTES];

    (void)state;
    encrypt_sunscreen(key, nonce, ad, sealed);
    assert_hex(sealed, sizeof sealed,
               "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
               "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
               "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
               "21f9664c97637da9768812f615c68b13b52e"
               "c0875924c1c7987947deafd8780acf49");
    assert_true(nacl_decrypt(key, nonce, ad, sizeof ad, sealed, sizeof sealed, open));
    assert_memory_equal(open, sunscreen, sizeof open);
}

static void test_nacl_decrypt_refuses_whatever_is_changed(void **state)
{
    uint8_t key[32], nonce[24], ad[12], sealed[SUNSCREEN_BYTES + NACL_TAG_BYTES];
    uint8_t open[SUNSCREEN_BYTES];
    const struct {
        uint8_t *bytes;
        size_t len;
    } parts[] = { { key, 32 }, { nonce, 24 }, { ad, 12 }, { sealed, sizeof sealed } };

    (void)state;
    encrypt_sunscreen(key, nonce, ad, sealed);
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        for (size_t bit = 0; bit < 8 * parts[p].len; bit++) {
            parts[p].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(nacl_decrypt(key, nonce, ad, 12, sealed, sizeof sealed, open));
            parts[p].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    assert_false(nacl_decrypt(key, nonce, ad, 11, sealed, sizeof sealed, open));
    assert_false(nacl_decrypt(key, nonce, ad, 12, sealed, sizeof sealed - 1, open));
    assert_false(nacl_decrypt(key, nonce, ad, 12, sealed, NACL_TAG_BYTES - 1, open));
}

/* The expected key was computed by the reference implementation of Argon2. */
static void test_nacl_password_key_is_argon2id(void **state)
{
    uint8_t salt[NACL_SALT_BYTES], key[NACL_KEY_BYTES];

    (void)state;
    fill_rising(salt, sizeof salt, 0);
    assert_int_equal(nacl_password_key("password", 8, salt, 3, 64, key), 0);
    assert_hex(key, 32, "b06bcf7d2d3ae0a0e060f75fc78cc0082e6196baab3e422cbe3cc0c807f76c0d");
}

static void test_nacl_password_key_depends_on_all_it_is_given(void **state)
{
    uint8_t salt[NACL_SALT_BYTES] = { 0 }, right[NACL_KEY_BYTES], key[NACL_KEY_BYTES];

    (void)state;
    assert_int_equal(nacl_password_key("secret", 6, salt, 1, 8, right), 0);
    assert_int_equal(nacl_password_key("secreT", 6, salt, 1, 8, key), 0);
    assert_memory_not_equal(right, key, sizeof key);
    assert_int_equal(nacl_password_key("secret", 5, salt, 1, 8, key), 0);
    assert_memory_not_equal(right, key, sizeof key);
    assert_int_equal(nacl_password_key("secret", 6, salt, 2, 8, key), 0);
    assert_memory_not_equal(right, key, sizeof key);
    assert_int_equal(nacl_password_key("secret", 6, salt, 1, 16, key), 0);
    assert_memory_not_equal(right, key, sizeof key);
    salt[15] = 1;
    assert_int_equal(nacl_password_key("secret", 6, salt, 1, 8, key), 0);
    assert_memory_not_equal(right, key, sizeof key);
}

static void test_nacl_password_key_refuses_costs_below_what_argon2_takes(void **state)
{
    uint8_t salt[NACL_SALT_BYTES] = { 0 }, key[NACL_KEY_BYTES];

    (void)state;
    assert_int_equal(nacl_password_key("secret", 6, salt, 0, 64, key), HF_EUSAGE);
    assert_int_equal(nacl_password_key("secret", 6, salt, 1, 7, key), HF_EUSAGE);
}

static void test_nacl_equal_compares_all_bytes(void **state)
{
    (void)state;
    assert_true(nacl_equal("abcd", "abcd", 4));
    assert_false(nacl_equal("abcd", "abce", 4));
    assert_false(nacl_equal("xbcd", "abcd", 4));
    assert_true(nacl_equal("x", "y", 0));
}

static int init(void **state)
{
    (void)state;
    return nacl_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nacl_init_may_be_called_again),
        cmocka_unit_test(test_nacl_hash_is_blake2b_256),
        cmocka_unit_test(test_nacl_hash_of_parts_is_that_of_the_whole),
        cmocka_unit_test(test_nacl_derive_is_keyed_blake2b_of_label_and_context),
        cmocka_unit_test(test_nacl_derive_keeps_label_and_context_apart),
        cmocka_unit_test(test_nacl_siphash_matches_its_paper),
        cmocka_unit_test(test_nacl_sign_matches_rfc_8032),
        cmocka_unit_test(test_nacl_verify_refuses_every_flipped_bit),
        cmocka_unit_test(test_nacl_box_pair_is_fixed_by_its_seed),
        cmocka_unit_test(test_nacl_sealed_box_opens_only_unchanged_and_with_its_pair),
        cmocka_unit_test(test_nacl_seal_to_refuses_a_key_everybody_could_open),
        cmocka_unit_test(test_nacl_encrypt_matches_the_xchacha_draft),
        cmocka_unit_test(test_nacl_decrypt_refuses_whatever_is_changed),
        cmocka_unit_test(test_nacl_password_key_is_argon2id),
        cmocka_unit_test(test_nacl_password_key_depends_on_all_it_is_given),
        cmocka_unit_test(test_nacl_password_key_refuses_costs_below_what_argon2_takes),
        cmocka_unit_test(test_nacl_equal_compares_all_bytes),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
