/*
 * test_keyring.c - the derivations of docs/format.md, against values computed from its text alone
 * (with Python's hashlib and its cryptography package).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/keyring.h"
#include "format/nacl.h"

static void assert_hex(const void *bytes, size_t len, const char *expected)
{
    char hex[2 * 64 + 1];

    assert_string_equal(text_hex(bytes, len, hex), expected);
}

static struct keyring *new_ring(uint8_t first_byte)
{
    uint8_t master[KEYRING_MASTER_BYTES];
    struct keyring *k;

    for (size_t i = 0; i < sizeof master; i++) {
        master[i] = (uint8_t)(first_byte + i);
    }
    assert_int_equal(keyring_new(master, &k), 0);
    return k;
}

static void test_keyring_derives_what_the_format_says(void **state)
{
    struct keyring *k = new_ring(0);

    (void)state;
    assert_hex(k->sign_public, 32,
               "af0f8717d2d97acc62f4b3ad9a790661800e61d06aadcb7909987387c5979243");
    assert_hex(k->sign_secret, 64,
               "d62fc10ff1ff2fac994306caec8890936e624f1c16fa9f9ab445e44a73bd0d09"
               "af0f8717d2d97acc62f4b3ad9a790661800e61d06aadcb7909987387c5979243");
    assert_hex(k->author, 16, "7484805735aa2a854ac97c1a2a90d0a0");
    assert_hex(k->data_public, 32,
               "4292bd0269e8616217c9d23260bac95f4d9fa64cc9a58e620bb385b399e81444");
    assert_hex(k->data_secret, 32,
               "a3638af1294710daf1673220b958f79315f5b577cc078bad92a93f3a093962e7");
    assert_int_equal(k->domain, 0);
    assert_hex(k->chunk_id_key, 32,
               "f092314c08260c035697928b76ce45a7506bf4976374a6c1997c4ad5281b3de5");
    assert_hex(k->chunk_boundary_key, 32,
               "04e996fa52a9424f57f0a8e938aebb6c14220e156b633d9b25a91f13405cb903");
    assert_hex(k->page_boundary_key, 32,
               "3a90755808534c01c621c2b4f8f6e1bc93a7d1aefedaacc8b774dc8258be8168");
    assert_hex(k->footer_root, 32,
               "13d28c678a2f728ade073c5e77ec8f3c0240da06649da80df0b18071d11317a4");
    assert_hex(k->entry_key, 32,
               "c773fc9ad2749ba4fd038382cfacfd0d68a520aa98d5956d1a14db014a1c82e4");
    keyring_free(k);
}

static void test_keyring_footer_key_belongs_to_one_segment(void **state)
{
    struct keyring *k = new_ring(0);
    uint8_t segment[16], one[32], other[32];

    (void)state;
    for (uint8_t i = 0; i < sizeof segment; i++) {
        segment[i] = (uint8_t)(0xa0 + i);
    }
    keyring_footer_key(k, segment, one);
    assert_hex(one, 32, "e2195338b0c65ad1b3441d596fa7c3f4f13d6e793f348dc3b74d43e77879a69a");
    segment[15] ^= 1;
    keyring_footer_key(k, segment, other);
    assert_memory_not_equal(one, other, sizeof one);
    keyring_free(k);
}

static void test_keyring_pairs_belong_together(void **state)
{
    struct keyring *k = new_ring(7);
    uint8_t signature[NACL_SIGNATURE_BYTES], sealed[5 + NACL_SEALED_EXTRA], open[5];

    (void)state;
    nacl_sign(k->sign_secret, "entry", 5, signature);
    assert_true(nacl_verify(k->sign_public, "entry", 5, signature));
    assert_int_equal(nacl_seal_to(k->data_public, rnd_system(), "bytes", 5, sealed), 0);
    assert_true(nacl_seal_open(k->data_public, k->data_secret, sealed, sizeof sealed, open));
    assert_memory_equal(open, "bytes", 5);
    keyring_free(k);
}

static void test_keyring_shares_no_secret_with_that_of_another_master(void **state)
{
    struct keyring *a = new_ring(0), *b = new_ring(1);

    (void)state;
    assert_memory_not_equal(a->sign_secret, b->sign_secret, 32);
    assert_memory_not_equal(a->data_secret, b->data_secret, 32);
    assert_memory_not_equal(a->chunk_id_key, b->chunk_id_key, 32);
    assert_memory_not_equal(a->chunk_boundary_key, b->chunk_boundary_key, 32);
    assert_memory_not_equal(a->page_boundary_key, b->page_boundary_key, 32);
    assert_memory_not_equal(a->footer_root, b->footer_root, 32);
    assert_memory_not_equal(a->entry_key, b->entry_key, 32);
    keyring_free(a);
    keyring_free(b);
}

static void test_keyring_new_reports_that_memory_is_out(void **state)
{
    uint8_t master[KEYRING_MASTER_BYTES] = { 0 };
    struct keyring *k;

    (void)state;
    mem_fail_at(1, 0);
    assert_int_equal(keyring_new(master, &k), HF_ENOMEM);
    mem_fail_at(0, 0);
    assert_null(k);
    keyring_free(k);
}

static int init(void **state)
{
    (void)state;
    return nacl_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyring_derives_what_the_format_says),
        cmocka_unit_test(test_keyring_footer_key_belongs_to_one_segment),
        cmocka_unit_test(test_keyring_pairs_belong_together),
        cmocka_unit_test(test_keyring_shares_no_secret_with_that_of_another_master),
        cmocka_unit_test(test_keyring_new_reports_that_memory_is_out),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
