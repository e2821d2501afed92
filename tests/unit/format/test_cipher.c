/*
 * test_cipher.c - AES-256-GCM, ChaCha20-Poly1305 and HMAC-SHA-256 against published vectors, and
 * that nothing changed is ever opened.
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
#include "base/rnd.h"
#include "base/text.h"
#include "format/cipher.h"

static void unhex(const char *hex, uint8_t *out)
{
    assert_true(text_unhex(hex, strlen(hex), out));
}

static void assert_hex(const void *bytes, size_t len, const char *expected)
{
    char hex[2 * 256 + 1];

    assert_string_equal(text_hex(bytes, len, hex), expected);
}

static struct cipher *new_cipher(enum cipher_kind kind)
{
    struct cipher *c;

    assert_int_equal(cipher_new(kind, &c), 0);
    return c;
}

/* Test cases 13, 14 and 16 of the specification of GCM. */
static void test_cipher_aes_gcm_matches_its_specification(void **state)
{
    struct cipher *c = new_cipher(CIPHER_AES_256_GCM);
    uint8_t key[32] = { 0 }, nonce[12] = { 0 }, ad_bytes[20], plain[60] = { 0 }, out[76];
    struct cipher_ad ad = { 0 };

    (void)state;
    assert_int_equal(cipher_seal(c, key, nonce, &ad, NULL, 0, out), 0);
    assert_hex(out, 16, "530f8afbc74536b9a963b4f1c4cb738b");
    assert_int_equal(cipher_seal(c, key, nonce, &ad, plain, 16, out), 0);
    assert_hex(out, 32, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");

    unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key);
    unhex("cafebabefacedbaddecaf888", nonce);
    unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2", ad_bytes);
    unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
          plain);
    ad = (struct cipher_ad){ ad_bytes, 16, ad_bytes + 16, 4 };
    assert_int_equal(cipher_seal(c, key, nonce, &ad, plain, 60, out), 0);
    assert_hex(out, 76,
               "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
               "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
               "76fc6ece0f4e1768cddf8853bb2d551b");
    cipher_free(c);
}

static void test_cipher_chacha_matches_rfc_8439(void **state)
{
    static const char plain[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
                                "only one tip for the future, sunscreen would be it.";
    struct cipher *c = new_cipher(CIPHER_CHACHA20_POLY1305);
    uint8_t key[32], nonce[12], ad_bytes[12], out[sizeof plain - 1 + 16];
    struct cipher_ad ad = { ad_bytes, 5, ad_bytes + 5, 7 };

    (void)state;
    unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", key);
    unhex("070000004041424344454647", nonce);
    unhex("50515253c0c1c2c3c4c5c6c7", ad_bytes);
    assert_int_equal(cipher_seal(c, key, nonce, &ad, plain, sizeof plain - 1, out), 0);
    assert_hex(out, sizeof out,
               "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
               "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
               "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
               "3ff4def08e4b7a9de576d26586cec64b6116"
               "1ae10b594f09e26a7e902ecbd0600691");
    cipher_free(c);
}

static void seal_and_open_in_place(enum cipher_kind kind, size_t len)
{
    struct cipher *c = new_cipher(kind);
    struct cipher_ad ad = { "segment", 7, "header", 6 };
    uint8_t key[32] = { 1 }, nonce[12] = { 2 };
    uint8_t *data = mem_alloc(len + CIPHER_TAG_BYTES), *apart = mem_alloc(len + CIPHER_TAG_BYTES);
    uint8_t *plain = mem_alloc(len);
    struct rnd rnd;

    rnd_init_seeded(&rnd, len);
    assert_int_equal(rnd_bytes(&rnd, plain, len), 0);
    memcpy(data, plain, len);
    assert_int_equal(cipher_seal(c, key, nonce, &ad, plain, len, apart), 0);
    assert_int_equal(cipher_seal(c, key, nonce, &ad, data, len, data), 0);
    assert_memory_equal(data, apart, len + CIPHER_TAG_BYTES);
    assert_int_equal(cipher_open(c, key, nonce, &ad, data, len + CIPHER_TAG_BYTES, data), 0);
    assert_memory_equal(data, plain, len);
    mem_free(data);
    mem_free(apart);
    mem_free(plain);
    cipher_free(c);
}

static void test_cipher_works_in_place_at_any_length(void **state)
{
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 255, 4096, 70001 };

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        seal_and_open_in_place(CIPHER_AES_256_GCM, lengths[i]);
        seal_and_open_in_place(CIPHER_CHACHA20_POLY1305, lengths[i]);
    }
}

static void assert_nothing_changed_opens(enum cipher_kind kind)
{
    struct cipher *c = new_cipher(kind);
    uint8_t key[32] = { 1 }, nonce[12] = { 2 }, uuid[16] = { 3 }, header[32] = { 4 };
    uint8_t plain[40] = { 5 }, sealed[40 + CIPHER_TAG_BYTES], out[40];
    struct cipher_ad ad = { uuid, sizeof uuid, header, sizeof header };
    const struct {
        uint8_t *bytes;
        size_t len;
    } parts[] = { { key, 32 }, { nonce, 12 }, { uuid, 16 }, { header, 32 }, { sealed, 56 } };

    assert_int_equal(cipher_seal(c, key, nonce, &ad, plain, sizeof plain, sealed), 0);
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        for (size_t bit = 0; bit < 8 * parts[p].len; bit++) {
            parts[p].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(cipher_open(c, key, nonce, &ad, sealed, sizeof sealed, out),
                             HF_EDAMAGE);
            parts[p].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    for (size_t len = 0; len < sizeof sealed; len++) {
        assert_int_equal(cipher_open(c, key, nonce, &ad, sealed, len, out), HF_EDAMAGE);
    }
    assert_int_equal(cipher_open(c, key, nonce, &ad, sealed, sizeof sealed, out), 0);
    assert_memory_equal(out, plain, sizeof plain);
    cipher_free(c);
}

static void test_cipher_opens_nothing_that_was_changed(void **state)
{
    (void)state;
    assert_nothing_changed_opens(CIPHER_AES_256_GCM);
    assert_nothing_changed_opens(CIPHER_CHACHA20_POLY1305);
}

static void test_cipher_leaves_no_plaintext_that_nobody_vouches_for(void **state)
{
    struct cipher *c = new_cipher(CIPHER_AES_256_GCM);
    uint8_t key[32] = { 1 }, nonce[12] = { 2 }, sealed[32 + CIPHER_TAG_BYTES];
    uint8_t plain[32], out[32], zeros[32] = { 0 };
    struct cipher_ad ad = { 0 };

    (void)state;
    memset(plain, 'p', sizeof plain);
    assert_int_equal(cipher_seal(c, key, nonce, &ad, plain, sizeof plain, sealed), 0);
    sealed[sizeof sealed - 1] ^= 1;
    assert_int_equal(cipher_open(c, key, nonce, &ad, sealed, sizeof sealed, out), HF_EDAMAGE);
    assert_memory_equal(out, zeros, sizeof out);
    cipher_free(c);
}

static void test_cipher_refuses_an_unknown_kind(void **state)
{
    struct cipher *c;

    (void)state;
    assert_int_equal(cipher_new((enum cipher_kind)0, &c), HF_EUNSUPPORTED);
    assert_null(c);
    assert_int_equal(cipher_new((enum cipher_kind)3, &c), HF_EUNSUPPORTED);
    assert_null(c);
}

static void test_cipher_best_is_one_that_exists(void **state)
{
    (void)state;
    cipher_free(new_cipher(cipher_best()));
}

static void assert_id(const char *key_hex, const void *data, size_t len, const char *expected)
{
    uint8_t key[CIPHER_KEY_BYTES] = { 0 }, id[CIPHER_ID_BYTES];
    struct cipher_id *h;

    unhex(key_hex, key);
    assert_int_equal(cipher_id_new(key, &h), 0);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(cipher_id_of(h, data, len, id), 0);
        assert_hex(id, sizeof id, expected);
    }
    cipher_id_free(h);
}

/* A shorter key is one that ends in zeros. */
static void test_cipher_id_matches_rfc_4231(void **state)
{
    uint8_t data[50];

    (void)state;
    assert_id("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There", 8,
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_id("4a656665", "what do ya want for nothing?", 28,
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(data, 0xdd, sizeof data);
    assert_id("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", data, sizeof data,
              "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    memset(data, 0xcd, sizeof data);
    assert_id("0102030405060708090a0b0c0d0e0f10111213141516171819", data, sizeof data,
              "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
}

static void test_cipher_reports_every_allocation_that_fails(void **state)
{
    uint8_t key[CIPHER_KEY_BYTES] = { 0 };
    struct cipher *c;
    struct cipher_id *h;

    (void)state;
    mem_fail_at(1, 0);
    assert_int_equal(cipher_new(CIPHER_AES_256_GCM, &c), HF_ENOMEM);
    mem_fail_at(1, 0);
    assert_int_equal(cipher_id_new(key, &h), HF_ENOMEM);
    mem_fail_at(0, 0);
    assert_null(c);
    assert_null(h);
    cipher_free(c);
    cipher_id_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cipher_aes_gcm_matches_its_specification),
        cmocka_unit_test(test_cipher_chacha_matches_rfc_8439),
        cmocka_unit_test(test_cipher_works_in_place_at_any_length),
        cmocka_unit_test(test_cipher_opens_nothing_that_was_changed),
        cmocka_unit_test(test_cipher_leaves_no_plaintext_that_nobody_vouches_for),
        cmocka_unit_test(test_cipher_refuses_an_unknown_kind),
        cmocka_unit_test(test_cipher_best_is_one_that_exists),
        cmocka_unit_test(test_cipher_id_matches_rfc_4231),
        cmocka_unit_test(test_cipher_reports_every_allocation_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
