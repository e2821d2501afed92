/*
 * test_hmac.c - ids of many texts at once are those that OpenSSL computes one by one, whatever
 * their lengths and however many there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rnd.h"
#include "format/cipher.h"

#define MOST 70

static const uint8_t key[CIPHER_KEY_BYTES] = { 9, 8, 7, 255 };

/* All texts at once by `fast`, one by one by `slow`. */
static void compare(struct cipher_id *fast, struct cipher_id *slow, const uint8_t *data,
                    const size_t *lengths, size_t count)
{
    uint8_t ids[MOST][CIPHER_ID_BYTES], expected[CIPHER_ID_BYTES];
    struct hmac_text texts[MOST] = { { 0 } };

    for (size_t i = 0; i < count; i++) {
        texts[i] = (struct hmac_text){ lengths[i] > 0 ? data + i : NULL, lengths[i], ids[i] };
    }
    assert_int_equal(cipher_ids_of(fast, texts, count), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cipher_id_of(slow, data + i, lengths[i], expected), 0);
        assert_memory_equal(ids[i], expected, sizeof expected);
    }
}

struct both {
    struct cipher_id *fast, *slow;
    uint8_t *data;
};

static void begin(struct both *b)
{
    assert_int_equal(cipher_id_new(key, &b->fast), 0);
    assert_int_equal(cipher_id_new_portable(key, &b->slow), 0);
    b->data = mem_alloc(100000 + MOST);
    for (size_t i = 0; i < 100000 + MOST; i++) {
        b->data[i] = (uint8_t)(i * 31 + i / 255);
    }
}

static void end(struct both *b)
{
    cipher_id_free(b->fast);
    cipher_id_free(b->slow);
    mem_free(b->data);
}

/* Around each border of padding, beside a text of another length. */
static void test_hmac_of_two_texts_of_any_lengths(void **state)
{
    struct both b;

    (void)state;
    begin(&b);
    for (size_t first = 0; first < 200; first++) {
        const size_t lengths[] = { first, (first * 7) % 321 };

        compare(b.fast, b.slow, b.data, lengths, 2);
        compare(b.fast, b.slow, b.data, lengths, 1);
    }
    end(&b);
}

static void test_hmac_of_many_texts(void **state)
{
    struct both b;
    struct rnd rnd;

    (void)state;
    begin(&b);
    rnd_init_seeded(&rnd, 5);
    for (size_t round = 0; round < 200; round++) {
        size_t lengths[MOST];
        size_t count = (size_t)rnd_below(&rnd, MOST + 1);

        for (size_t i = 0; i < count; i++) {
            lengths[i] = (size_t)rnd_below(&rnd, rnd_below(&rnd, 4) == 0 ? 100000 : 150);
        }
        compare(b.fast, b.slow, b.data, lengths, count);
    }
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac_of_two_texts_of_any_lengths),
        cmocka_unit_test(test_hmac_of_many_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
