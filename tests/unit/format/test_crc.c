/*
 * test_crc.c - CRC-32C against RFC 3720 and against its definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rnd.h"
#include "format/crc.h"

/* One bit at a time, as the polynomial says. */
static uint32_t by_definition(const uint8_t *p, size_t len)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

static void test_crc_matches_rfc_3720(void **state)
{
    uint8_t bytes[32];

    (void)state;
    assert_int_equal(crc_32c("123456789", 9), 0xe3069283u);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc_32c(bytes, sizeof bytes), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc_32c(bytes, sizeof bytes), 0x62a8ab43u);
    for (uint8_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = i;
    }
    assert_int_equal(crc_32c(bytes, sizeof bytes), 0x46dd794eu);
    for (uint8_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(crc_32c(bytes, sizeof bytes), 0x113fdb5cu);
}

static void test_crc_of_any_length_and_alignment_is_as_defined(void **state)
{
    struct rnd rnd;
    uint8_t bytes[300];

    (void)state;
    rnd_init_seeded(&rnd, 1);
    assert_int_equal(rnd_bytes(&rnd, bytes, sizeof bytes), 0);
    for (size_t from = 0; from < 9; from++) {
        for (size_t len = 0; from + len <= sizeof bytes; len++) {
            assert_int_equal(crc_32c(bytes + from, len), by_definition(bytes + from, len));
        }
    }
}

/* Tails of up to three bytes go through the table on every machine: all its entries. */
static void test_crc_of_every_single_byte_is_as_defined(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;
        assert_int_equal(crc_32c(&byte, 1), by_definition(&byte, 1));
    }
}

static void test_crc_notices_every_flipped_bit_of_a_header(void **state)
{
    uint8_t header[192] = { 0 };
    uint32_t right = crc_32c(header, sizeof header);

    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof header; bit++) {
        header[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(crc_32c(header, sizeof header), right);
        header[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc_matches_rfc_3720),
        cmocka_unit_test(test_crc_of_any_length_and_alignment_is_as_defined),
        cmocka_unit_test(test_crc_of_every_single_byte_is_as_defined),
        cmocka_unit_test(test_crc_notices_every_flipped_bit_of_a_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
