/*
 * test_entry.c - a journal entry comes back as it was sealed; anything else is refused.
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
#include "format/commit.h"
#include "format/crc.h"
#include "format/entry.h"
#include "format/gapevent.h"
#include "format/nacl.h"

static const uint8_t repo_id[16] = { 0xaa, 0xbb };
static const uint8_t entry_uuid[16] = { 0xe1, 0xe2 };
static struct keyring *keys;

static int set_up(void **state)
{
    static const uint8_t master[32] = { 5 };
    int rc = nacl_init();

    (void)state;
    return rc != 0 ? rc : keyring_new(master, &keys);
}

static int tear_down(void **state)
{
    (void)state;
    keyring_free(keys);
    return 0;
}

static void says(int rc, int code, const char *text)
{
    if (strstr(err_last()->text, text) == NULL) {
        print_error("expected '%s' in '%s'\n", text, err_last()->text);
    }
    assert_int_equal(rc, code);
    assert_non_null(strstr(err_last()->text, text));
    if (code == HF_ENEWER) {
        assert_non_null(strstr(err_last()->hint, "newer holdfast"));
    }
}

static struct entry_adopt sample_adopt(uint8_t n)
{
    return (struct entry_adopt){ .uuid = { n }, .file_len = 5000u + n, .trailer_hash = { n, n } };
}

static struct entry_init sample_init(void)
{
    struct entry_init i;

    memset(&i, 0, sizeof i);
    memcpy(i.repo_id, repo_id, 16);
    i.features_ignore = 1ull << 63;
    i.features_write = 2;
    i.created_ns = -5;
    memcpy(i.admin_public, keys->sign_public, 32);
    memcpy(i.data_public, keys->data_public, 32);
    i.id_algorithm = 1;
    i.cipher = 2;
    i.codec = 1;
    i.level = 3;
    i.segment_target = 64u << 20;
    i.chunk_min = 16384;
    i.chunk_avg = 49152;
    i.chunk_max = 262144;
    i.chunk_fixed = 16384;
    return i;
}

/* The whole file: body, then its seal. */
static void seal_file(struct buf *body, uint64_t number)
{
    struct entry_seal s = { .number = number, .time_ns = 1790000000000000000 };
    uint8_t seal[ENTRY_SEAL_BYTES];

    memcpy(s.repo_id, repo_id, 16);
    memcpy(s.uuid, entry_uuid, 16);
    s.previous[0] = number == 1 ? 0 : 0x55;
    entry_seal_encode(&s, body->data, body->len, keys, seal);
    buf_put(body, seal, sizeof seal);
    assert_int_equal(buf_error(body), 0);
}

static void put_commit(struct buf *body, struct rnd *r)
{
    struct commit c;
    struct buf plain;

    memset(&c, 0, sizeof c);
    c.job = (char *)(uintptr_t) "nightly";
    c.tool = (char *)(uintptr_t) "holdfast test";
    buf_init(&plain);
    assert_int_equal(commit_encode(&c, &plain), 0);
    assert_int_equal(entry_put_sealed(body, ENTRY_COMMIT, (enum entry_event)0, keys, repo_id,
                                      entry_uuid, r, plain.data, plain.len),
                     0);
    buf_release(&plain);
}

/* --- body --- */

static void first_item(const struct buf *body, struct entry_view *v)
{
    struct entry_walk w;

    entry_walk_init(&w, body->data, body->len);
    assert_int_equal(entry_walk_next(&w, v), 1);
}

static void test_entry_items_come_back_in_order(void **state)
{
    const uint8_t ids[3][16] = { { 1 }, { 2 }, { 3 } };
    struct entry_adopt adopt;
    struct entry_view v;
    struct entry_walk w;
    const uint8_t *uuids;
    uint64_t view;
    size_t count;
    struct buf body;

    (void)state;
    buf_init(&body);
    for (uint8_t i = 0; i < 3; i++) {
        adopt = sample_adopt(i);
        entry_put_adopt(&body, &adopt);
    }
    entry_put_forget(&body, false, 41, ids, 3);
    entry_walk_init(&w, body.data, body.len);
    for (uint8_t i = 0; i < 3; i++) {
        struct entry_adopt expected = sample_adopt(i);

        assert_int_equal(entry_walk_next(&w, &v), 1);
        assert_int_equal(v.type, ENTRY_ADOPT);
        assert_int_equal(entry_get_adopt(&v, &adopt), 0);
        assert_memory_equal(adopt.uuid, expected.uuid, 16);
        assert_int_equal(adopt.file_len, expected.file_len);
        assert_memory_equal(adopt.trailer_hash, expected.trailer_hash, 32);
    }
    assert_int_equal(entry_walk_next(&w, &v), 1);
    assert_int_equal(v.type, ENTRY_FORGET);
    assert_int_equal(entry_get_list(&v, &view, &uuids, &count), 0);
    assert_int_equal(view, 41);
    assert_int_equal(count, 3);
    assert_memory_equal(uuids, ids, sizeof ids);
    assert_int_equal(entry_walk_next(&w, &v), 0);
    assert_int_equal(entry_walk_next(&w, &v), 0);
    buf_release(&body);
}

static void test_entry_lists_of_unforget_and_condemn_have_no_view(void **state)
{
    const uint8_t ids[2][16] = { { 1 }, { 2 } };
    struct entry_view v;
    const uint8_t *uuids;
    uint64_t view = 9;
    size_t count;
    struct buf body;

    (void)state;
    buf_init(&body);
    entry_put_forget(&body, true, 41, ids, 2);
    first_item(&body, &v);
    assert_int_equal(v.type, ENTRY_UNFORGET);
    assert_int_equal(entry_get_list(&v, &view, &uuids, &count), 0);
    assert_int_equal(view, 0);
    body.data[8] = 1;
    says(entry_get_list(&v, &view, &uuids, &count), HF_EDAMAGE, "UNFORGET item: view is not 0");
    buf_clear(&body);
    entry_put_condemn(&body, ids, 2);
    first_item(&body, &v);
    view = 9;
    assert_int_equal(entry_get_list(&v, &view, &uuids, &count), 0);
    assert_int_equal(view, 0);
    assert_int_equal(count, 2);
    assert_memory_equal(uuids, ids, sizeof ids);
    buf_release(&body);
}

static void test_entry_list_must_fit_its_count(void **state)
{
    static const uint32_t counts[] = { 0, 1, 3, 0x10000002u, UINT32_MAX };
    const uint8_t ids[2][16] = { { 1 }, { 2 } };
    struct entry_view v;
    const uint8_t *uuids;
    uint64_t view;
    size_t count;
    struct buf body;

    (void)state;
    buf_init(&body);
    entry_put_condemn(&body, ids, 2);
    first_item(&body, &v);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        le_put32(body.data + 8, counts[i]);
        says(entry_get_list(&v, &view, &uuids, &count), HF_EDAMAGE, "count does not fit");
    }
    buf_clear(&body);
    entry_put_condemn(&body, ids, 0);
    first_item(&body, &v);
    says(entry_get_list(&v, &view, &uuids, &count), HF_EDAMAGE, "count does not fit");
    v.len = 3;
    says(entry_get_list(&v, &view, &uuids, &count), HF_EDAMAGE, "too short for a list");
    v.type = ENTRY_ADOPT;
    says(entry_get_list(&v, &view, &uuids, &count), HF_EDAMAGE, "a list belongs here");
    buf_release(&body);
}

static void test_entry_init_comes_back(void **state)
{
    struct entry_init in = sample_init(), out;
    struct entry_view v;
    struct buf body;

    (void)state;
    memset(&out, 0, sizeof out);
    buf_init(&body);
    entry_put_init(&body, &in);
    first_item(&body, &v);
    assert_int_equal(v.len, 160);
    assert_int_equal(entry_get_init(&v, &out), 0);
    assert_memory_equal(&in, &out, sizeof in);
    buf_release(&body);
}

static int get_init_with(size_t at, uint8_t value)
{
    struct entry_init init = sample_init(), out;
    struct entry_view v;
    struct buf body;
    int rc;

    buf_init(&body);
    entry_put_init(&body, &init);
    body.data[8 + at] = value;
    first_item(&body, &v);
    rc = entry_get_init(&v, &out);
    buf_release(&body);
    return rc;
}

static void test_entry_init_checks_every_field(void **state)
{
    (void)state;
    assert_int_equal(get_init_with(24, 0xff), 0); /* features to ignore */
    assert_int_equal(get_init_with(32, 0xff), 0); /* to write: a reader goes on */
    says(get_init_with(40, 1), HF_ENEWER, "features to read");
    says(get_init_with(16, 1), HF_ENEWER, "format version");
    says(get_init_with(120, 2), HF_ENEWER, "id algorithm");
    says(get_init_with(121, 3), HF_ENEWER, "cipher");
    says(get_init_with(122, 3), HF_ENEWER, "codec");
    says(get_init_with(23, 1), HF_EDAMAGE, "reserved is not zero (offset 18)");
    says(get_init_with(127, 1), HF_EDAMAGE, "reserved is not zero (offset 124)");
    assert_int_equal(get_init_with(159, 0xff), 0); /* first key: any bytes */
    says(get_init_with(135, 1), HF_EDAMAGE, "segment target");
    says(get_init_with(131, 0), HF_EDAMAGE, "segment target");
    says(get_init_with(137, 0), HF_EDAMAGE, "smallest chunk is less than 64 (offset 136)");
    says(get_init_with(141, 0), HF_EDAMAGE, "average chunk");
    says(get_init_with(147, 1), HF_EDAMAGE, "largest chunk is more");
    says(get_init_with(149, 0), HF_EDAMAGE, "fixed chunk");
    says(get_init_with(151, 1), HF_EDAMAGE, "fixed chunk");
}

static void test_entry_adopt_of_an_impossible_length_is_damage(void **state)
{
    static const uint64_t lengths[] = { 0, 320, (1ull << 34) + 1, UINT64_MAX };
    struct entry_adopt a = sample_adopt(1);
    struct entry_view v;
    struct buf body;

    (void)state;
    buf_init(&body);
    for (size_t i = 0; i < 4; i++) {
        buf_clear(&body);
        a.file_len = lengths[i];
        entry_put_adopt(&body, &a);
        first_item(&body, &v);
        says(entry_get_adopt(&v, &a), HF_EDAMAGE, "ADOPT item: file length");
    }
    v.len = 55;
    says(entry_get_adopt(&v, &a), HF_EDAMAGE, "ADOPT item: its length is wrong");
    v.type = ENTRY_INIT;
    says(entry_get_adopt(&v, &a), HF_EDAMAGE, "another item belongs here");
    buf_release(&body);
}

static void put_raw_item(struct buf *body, uint16_t type, uint16_t flags, size_t len)
{
    buf_put_u16(body, type);
    buf_put_u16(body, flags);
    buf_put_u32(body, (uint32_t)len);
    buf_put_zeros(body, len);
}

/* The code that ends a walk over items of these types. */
static int walk_types(const uint16_t *types, size_t count, size_t *out_seen)
{
    struct entry_walk w;
    struct entry_view v;
    struct buf body;
    int rc;

    buf_init(&body);
    for (size_t i = 0; i < count; i++) {
        put_raw_item(&body, types[i], 0, i);
    }
    entry_walk_init(&w, body.data, body.len);
    for (*out_seen = 0; (rc = entry_walk_next(&w, &v)) == 1;) {
        ++*out_seen;
    }
    buf_release(&body);
    return rc;
}

static void test_entry_walk_keeps_the_order_of_items(void **state)
{
    size_t n;

    (void)state;
    says(walk_types(NULL, 0, &n), HF_EDAMAGE, "it has no items");
    assert_int_equal(walk_types((uint16_t[]){ 1, 1, 3 }, 3, &n), 0);
    assert_int_equal(n, 3);
    says(walk_types((uint16_t[]){ 1, 3, 1 }, 3, &n), HF_EDAMAGE, "an ADOPT item comes after");
    assert_int_equal(n, 2);
    says(walk_types((uint16_t[]){ 4, 3 }, 2, &n), HF_EDAMAGE,
         "more than one item to act on (offset 8)");
}

static void test_entry_walk_skips_what_may_be_skipped_and_only_that(void **state)
{
    size_t n;

    (void)state;
    assert_int_equal(walk_types((uint16_t[]){ 0x8000, 1, 0xffff, 3, 0x8001 }, 5, &n), 0);
    assert_int_equal(n, 2);
    says(walk_types((uint16_t[]){ 1, 10 }, 2, &n), HF_ENEWER, "an item of type 10");
    says(walk_types((uint16_t[]){ 1, 0x7fff }, 2, &n), HF_ENEWER, "an item of type 32767");
    assert_int_equal(walk_types((uint16_t[]){ 1, ENTRY_KEY }, 2, &n), 0);
    says(walk_types((uint16_t[]){ ENTRY_KEY, ENTRY_EVENT }, 2, &n), HF_EDAMAGE, "more than one");
    says(walk_types((uint16_t[]){ 0 }, 1, &n), HF_EDAMAGE, "type of an item is 0");
}

static void test_entry_walk_checks_flags_and_lengths(void **state)
{
    struct entry_walk w;
    struct entry_view v;
    struct buf body;

    (void)state;
    buf_init(&body);
    put_raw_item(&body, ENTRY_ADOPT, 1, 0);
    entry_walk_init(&w, body.data, body.len);
    says(entry_walk_next(&w, &v), HF_ENEWER, "flags 1");
    buf_clear(&body);
    put_raw_item(&body, ENTRY_COMMIT, 0, 20);
    for (size_t len = 1; len < body.len; len++) {
        entry_walk_init(&w, body.data, len);
        says(entry_walk_next(&w, &v), HF_EDAMAGE, "entry body");
    }
    le_put32(body.data + 4, UINT32_MAX);
    entry_walk_init(&w, body.data, body.len);
    says(entry_walk_next(&w, &v), HF_EDAMAGE, "length of an item is more than there is (offset 4)");
    buf_release(&body);
}

/* --- sealed parts --- */

static void test_entry_sealed_parts_come_back(void **state)
{
    static const enum entry_item types[] = { ENTRY_COMMIT, ENTRY_PARTIAL, ENTRY_KEY, ENTRY_EVENT };
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 1);
    for (int i = 0; i < 60; i++) {
        enum entry_item type = types[i % 3];
        size_t len = (size_t)rnd_below(&r, 300);
        enum entry_event event = (enum entry_event)99;
        uint8_t plain[300];
        struct entry_view v;
        struct buf body, out;

        buf_init(&body);
        buf_init(&out);
        buf_put_u8(&out, 1); /* what was in it goes */
        assert_int_equal(rnd_bytes(&r, plain, len), 0);
        assert_int_equal(entry_put_sealed(&body, type, ENTRY_EVENT_TAG, keys, repo_id, entry_uuid,
                                          &r, plain, len),
                         0);
        first_item(&body, &v);
        assert_int_equal(v.type, type);
        assert_int_equal(entry_get_sealed(&v, keys, repo_id, entry_uuid, &event, &out), 0);
        assert_int_equal(out.len, len);
        assert_memory_equal(out.data, plain, len);
        assert_int_equal(event, type == ENTRY_EVENT || type == ENTRY_KEY ? ENTRY_EVENT_TAG : 0);
        buf_release(&body);
        buf_release(&out);
    }
}

static void test_entry_sealed_part_cannot_be_moved_or_changed(void **state)
{
    static const uint8_t other[16] = { 1 };
    enum entry_event event;
    struct entry_view v;
    struct buf body, out;
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 2);
    buf_init(&body);
    buf_init(&out);
    assert_int_equal(entry_put_sealed(&body, ENTRY_COMMIT, ENTRY_EVENT_TAG, keys, repo_id,
                                      entry_uuid, &r, "secret", 6),
                     0);
    assert_null(memmem(body.data, body.len, "secret", 6));
    first_item(&body, &v);
    buf_put_u8(&out, 1); /* what was in it goes, on failure too */
    says(entry_get_sealed(&v, keys, other, entry_uuid, &event, &out), HF_EDAMAGE, "COMMIT item");
    assert_int_equal(out.len, 0);
    says(entry_get_sealed(&v, keys, repo_id, other, &event, &out), HF_EDAMAGE, "COMMIT item");
    v.type = ENTRY_PARTIAL;
    says(entry_get_sealed(&v, keys, repo_id, entry_uuid, &event, &out), HF_EDAMAGE, "PARTIAL");
    v.type = ENTRY_FORGET;
    says(entry_get_sealed(&v, keys, repo_id, entry_uuid, &event, &out), HF_EDAMAGE, "belongs");
    v.type = ENTRY_COMMIT;
    for (size_t bit = 8 * 4; bit < 8 * v.len; bit++) { /* nonce, ciphertext, tag */
        body.data[8 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        says(entry_get_sealed(&v, keys, repo_id, entry_uuid, &event, &out), HF_EDAMAGE,
             "not what was written");
        assert_int_equal(out.len, 0);
        body.data[8 + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (v.len = 0; v.len < 44; v.len++) {
        says(entry_get_sealed(&v, keys, repo_id, entry_uuid, &event, &out), HF_EDAMAGE,
             "too short");
    }
    buf_release(&body);
    buf_release(&out);
}

static void test_entry_sealed_part_of_another_domain_is_denied(void **state)
{
    enum entry_event event;
    struct entry_view v;
    struct buf body, out;
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 3);
    buf_init(&body);
    buf_init(&out);
    assert_int_equal(entry_put_sealed(&body, ENTRY_EVENT, ENTRY_EVENT_TAG, keys, repo_id,
                                      entry_uuid, &r, "x", 1),
                     0);
    first_item(&body, &v);
    body.data[8 + 4] = 6;
    says(entry_get_sealed(&v, keys, repo_id, entry_uuid, &event, &out), HF_EDENIED, "domain 6");
    body.data[8 + 2] = 1;
    says(entry_get_sealed(&v, keys, repo_id, entry_uuid, &event, &out), HF_EDAMAGE, "reserved");
    body.data[8 + 2] = 0;
    body.data[8] = 0;
    says(entry_get_sealed(&v, keys, repo_id, entry_uuid, &event, &out), HF_EDAMAGE, "kind is 0");
    buf_release(&body);
    buf_release(&out);
}

static int no_random(struct rnd *r, void *out, size_t len)
{
    (void)r;
    (void)out;
    (void)len;
    return err_raise(HF_EIO, "no randomness");
}

static void test_entry_is_not_sealed_without_randomness_or_memory(void **state)
{
    struct rnd broken = { .fill = no_random }, r;
    struct buf body;

    (void)state;
    rnd_init_seeded(&r, 4);
    buf_init(&body);
    says(entry_put_sealed(&body, ENTRY_COMMIT, ENTRY_EVENT_TAG, keys, repo_id, entry_uuid, &broken,
                          "x", 1),
         HF_EIO, "no randomness");
    says(entry_put_sealed(&body, ENTRY_COMMIT, ENTRY_EVENT_TAG, keys, repo_id, entry_uuid, &r, "x",
                          ENTRY_MAX_BODY),
         HF_ELIMIT, "too many");
    mem_fail_at(1, 0);
    assert_int_equal(entry_put_sealed(&body, ENTRY_COMMIT, ENTRY_EVENT_TAG, keys, repo_id,
                                      entry_uuid, &r, "x", 1),
                     HF_ENOMEM);
    mem_fail_at(0, 0);
    assert_int_equal(body.len, 0);
    buf_release(&body);
}

/* --- seal --- */

static void test_entry_seal_comes_back(void **state)
{
    struct rnd r;

    (void)state;
    rnd_init_seeded(&r, 5);
    for (int i = 0; i < 50; i++) {
        struct entry_seal in, out;
        uint8_t file[100 + ENTRY_SEAL_BYTES], public_key[32];
        size_t len = 1 + (size_t)rnd_below(&r, 100), body_len;
        const uint8_t *body;

        memset(&in, 0, sizeof in);
        memset(&out, 0, sizeof out);
        in.number = 2 + rnd_below(&r, ENTRY_MAX_NUMBER - 1);
        in.time_ns = (int64_t)rnd_u64(&r);
        in.passed_last = rnd_below(&r, in.number);
        in.passed_first = in.passed_last == 0 ? 0 : 1 + rnd_below(&r, in.passed_last);
        assert_int_equal(rnd_bytes(&r, in.repo_id, 16), 0);
        assert_int_equal(rnd_bytes(&r, in.uuid, 16), 0);
        assert_int_equal(rnd_bytes(&r, in.previous, 32), 0);
        assert_int_equal(rnd_bytes(&r, file, len), 0);
        entry_seal_encode(&in, file, len, keys, file + len);
        assert_int_equal(entry_decode(file, len + ENTRY_SEAL_BYTES, &out, &body, &body_len), 0);
        assert_memory_equal(&in, &out, sizeof in);
        assert_memory_equal(out.author, keys->author, 16);
        assert_ptr_equal(body, file);
        assert_int_equal(body_len, len);
        assert_true(entry_signature_holds(file + len, keys->sign_public));
        memset(public_key, 7, sizeof public_key);
        assert_false(entry_signature_holds(file + len, public_key));
    }
}

static void test_entry_refuses_every_flipped_bit(void **state)
{
    struct entry_seal s;
    struct entry_adopt adopt = sample_adopt(1);
    const uint8_t *body;
    size_t body_len, unnoticed = 0;
    struct buf file;

    (void)state;
    buf_init(&file);
    entry_put_adopt(&file, &adopt);
    seal_file(&file, 5);
    for (size_t bit = 0; bit < 8 * file.len; bit++) {
        int rc;

        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        rc = entry_decode(file.data, file.len, &s, &body, &body_len);
        assert_true(rc == HF_EDAMAGE || rc == 0);
        if (rc == 0) {
            unnoticed++;
            assert_false(entry_signature_holds(file.data + body_len, keys->sign_public));
        }
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(unnoticed, 8 * 64); /* the signature's own bits, and no others */
    buf_release(&file);
}

static void test_entry_cut_or_longer_is_damage(void **state)
{
    struct entry_seal s;
    struct entry_adopt adopt = sample_adopt(1);
    const uint8_t *body;
    size_t body_len;
    struct buf file;

    (void)state;
    buf_init(&file);
    entry_put_adopt(&file, &adopt);
    seal_file(&file, 5);
    for (size_t len = 0; len < file.len; len++) {
        uint8_t *exact = mem_dup(file.data, len);

        assert_int_equal(entry_decode(exact, len, &s, &body, &body_len), HF_EDAMAGE);
        mem_free(exact);
    }
    says(entry_decode(file.data + 1, file.len - 1, &s, &body, &body_len), HF_EDAMAGE,
         "body length is not that of the file");
    buf_release(&file);
}

/* An entry whose seal has one field set, under a checksum that holds. */
static int decode_seal_with(uint64_t number, size_t at, uint64_t value, size_t size)
{
    struct entry_seal s;
    struct entry_adopt adopt = sample_adopt(1);
    const uint8_t *body;
    size_t body_len;
    struct buf file;
    uint8_t *seal;
    int rc;

    buf_init(&file);
    entry_put_adopt(&file, &adopt);
    seal_file(&file, number);
    seal = file.data + file.len - ENTRY_SEAL_BYTES;
    if (size == 1) {
        seal[at] = (uint8_t)value;
    } else if (size == 4) {
        le_put32(seal + at, (uint32_t)value);
    } else {
        le_put64(seal + at, value);
    }
    le_put32(seal + 188, crc_32c(seal, 188));
    rc = entry_decode(file.data, file.len, &s, &body, &body_len);
    buf_release(&file);
    return rc;
}

static void test_entry_seal_checks_every_field(void **state)
{
    (void)state;
    assert_int_equal(decode_seal_with(5, 152, 0, 8), 0);
    says(decode_seal_with(5, 0, 'X', 1), HF_EDAMAGE, "entry seal: magic");
    says(decode_seal_with(5, 8, 1, 1), HF_ENEWER, "version");
    says(decode_seal_with(5, 10, 1, 1), HF_ENEWER, "flags");
    says(decode_seal_with(5, 12, 0, 4), HF_EDAMAGE, "body length");
    says(decode_seal_with(5, 12, 65, 4), HF_EDAMAGE, "body length is not that of the file");
    says(decode_seal_with(5, 12, ENTRY_MAX_BODY + 1, 4), HF_EDAMAGE, "body length is not between");
    says(decode_seal_with(5, 48, 0, 8), HF_EDAMAGE, "number is not one");
    says(decode_seal_with(5, 48, ENTRY_MAX_NUMBER + 1, 8), HF_EDAMAGE, "number is not one");
    says(decode_seal_with(1, 56, 1, 1), HF_EDAMAGE, "previous seal hash is not zeros");
    says(decode_seal_with(5, 88, 1, 8), HF_EDAMAGE,
         "body hash is not that of the body (offset 88)");
    says(decode_seal_with(5, 144, 1, 8), HF_EDAMAGE, "passed over, first");
    says(decode_seal_with(5, 152, 1, 8), HF_EDAMAGE, "passed over, first");
    says(decode_seal_with(5, 160, 1, 1), HF_EDAMAGE, "reserved is not zero (offset 160)");
    says(decode_seal_with(5, 187, 1, 1), HF_EDAMAGE, "reserved is not zero (offset 160)");
}

static void test_entry_span_that_is_passed_over_lies_before_it(void **state)
{
    static const struct {
        uint64_t first, last;
        int rc;
    } cases[] = {
        { 2, 3, 0 }, { 4, 4, 0 }, { 3, 2, HF_EDAMAGE }, { 4, 5, HF_EDAMAGE }, { 0, 3, HF_EDAMAGE }
    };
    uint8_t file[1 + ENTRY_SEAL_BYTES] = { 0 };
    const uint8_t *body;
    size_t body_len;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct entry_seal s = { .number = 5,
                                .passed_first = cases[i].first,
                                .passed_last = cases[i].last };

        entry_seal_encode(&s, file, 1, keys, file + 1);
        assert_int_equal(entry_decode(file, sizeof file, &s, &body, &body_len), cases[i].rc);
    }
}

static void test_entry_seal_hash_is_of_all_its_bytes(void **state)
{
    uint8_t seal[ENTRY_SEAL_BYTES] = { 0 }, a[32], b[32];

    (void)state;
    entry_seal_hash(seal, a);
    seal[ENTRY_SEAL_BYTES - 1] = 1; /* the signature too */
    entry_seal_hash(seal, b);
    assert_memory_not_equal(a, b, 32);
}

/* --- names --- */

static void test_entry_names_are_exact(void **state)
{
    static const char *const bad[] = { "",
                                       "1",
                                       "00000000001",
                                       "0000000000001",
                                       "000000000000",
                                       "00000000000a",
                                       "+00000000001",
                                       " 00000000001",
                                       "000000000001 " };
    char name[ENTRY_NAME_BYTES];
    uint64_t number = 77;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(entry_parse_name(bad[i], &number));
    }
    assert_int_equal(number, 77);
    entry_name(1, name);
    assert_string_equal(name, "000000000001");
    entry_name(ENTRY_MAX_NUMBER, name);
    assert_string_equal(name, "999999999999");
    assert_true(entry_parse_name(name, &number));
    assert_int_equal(number, ENTRY_MAX_NUMBER);
    entry_name(ENTRY_MAX_NUMBER + 2, name); /* a name that is taken, not one that is free */
    assert_string_equal(name, "999999999999");
}

static void test_entry_head_names_are_exact(void **state)
{
    uint8_t hash[32], got[32];
    char name[ENTRY_HEAD_BYTES], bad[ENTRY_HEAD_BYTES + 1];
    uint64_t number;

    (void)state;
    memset(hash, 0xab, sizeof hash);
    entry_head_name(42, hash, name);
    assert_int_equal(strlen(name), ENTRY_HEAD_BYTES - 1);
    assert_memory_equal(name, "000000000042-abab", 17);
    assert_true(entry_parse_head(name, &number, got));
    assert_int_equal(number, 42);
    assert_memory_equal(hash, got, 32);
    for (size_t len = 0; len < strlen(name); len++) {
        memcpy(bad, name, len);
        bad[len] = 0;
        assert_false(entry_parse_head(bad, &number, got));
    }
    memcpy(bad, name, sizeof name);
    bad[20] = 'A'; /* one spelling only */
    assert_false(entry_parse_head(bad, &number, got));
    memcpy(bad, name, sizeof name);
    memcpy(bad + ENTRY_HEAD_BYTES - 1, "a", 2);
    assert_false(entry_parse_head(bad, &number, got));
}

/* --- description --- */

static void make_commit_file(struct buf *file)
{
    struct entry_adopt adopt = sample_adopt(1);
    struct rnd r;

    rnd_init_seeded(&r, 6);
    buf_init(file);
    entry_put_adopt(file, &adopt);
    put_commit(file, &r);
    seal_file(file, 5);
}

static void test_entry_description_shows_a_commit_to_key_holders_only(void **state)
{
    struct buf file, out;

    (void)state;
    buf_init(&out);
    make_commit_file(&file);
    assert_int_equal(entry_describe(file.data, file.len, NULL, &out), 0);
    assert_null(strstr(buf_text(&out), "!!"));
    assert_null(strstr(buf_text(&out), "nightly"));
    assert_non_null(strstr(buf_text(&out), "COMMIT"));
    buf_clear(&out);
    assert_int_equal(entry_describe(file.data, file.len, keys, &out), 0);
    assert_null(strstr(buf_text(&out), "!!"));
    assert_non_null(strstr(buf_text(&out), "nightly"));
    buf_release(&out);
    buf_release(&file);
}

static void describe_gap(const struct gapevent *g, size_t spare, struct buf *out)
{
    struct buf file, plain;
    struct rnd r;

    rnd_init_seeded(&r, 6);
    buf_init(&file);
    buf_init(&plain);
    assert_int_equal(gapevent_encode(g, &plain), 0);
    assert_int_equal(entry_put_sealed(&file, ENTRY_EVENT, ENTRY_EVENT_GAP, keys, repo_id,
                                      entry_uuid, &r, plain.data, plain.len - spare),
                     0);
    seal_file(&file, 5);
    buf_clear(out);
    assert_int_equal(entry_describe(file.data, file.len, keys, out), spare == 0 ? 0 : HF_EDAMAGE);
    buf_release(&file);
    buf_release(&plain);
}

static void test_entry_description_tells_of_gaps(void **state)
{
    struct gapevent g = { .act = GAPEVENT_OPEN,
                          .reason = GAPEVENT_WATCH_LIMIT,
                          .job = (char[]){ "nightly" },
                          .host = (char[]){ "web1" } };
    struct buf out;

    (void)state;
    buf_init(&out);
    describe_gap(&g, 0, &out);
    assert_non_null(strstr(buf_text(&out), "2 (GAP)"));
    assert_non_null(strstr(buf_text(&out), "4 (watch-limit)"));
    assert_non_null(strstr(buf_text(&out), "web1"));
    g.act = GAPEVENT_CLOSE;
    g.gap[0] = 0xab;
    describe_gap(&g, 0, &out);
    assert_non_null(strstr(buf_text(&out), "ab000000"));
    describe_gap(&g, 1, &out);
    assert_non_null(strstr(buf_text(&out), "it is cut short"));
    buf_release(&out);
}

static void test_entry_description_marks_damage_anywhere_and_goes_on(void **state)
{
    struct buf file, out;

    (void)state;
    buf_init(&out);
    make_commit_file(&file);
    for (size_t i = 0; i < file.len; i++) {
        file.data[i] ^= (uint8_t)(1u << i % 8);
        buf_clear(&out);
        assert_int_equal(entry_describe(file.data, file.len, keys, &out), HF_EDAMAGE);
        assert_non_null(strstr(buf_text(&out), "!!"));
        assert_non_null(strstr(buf_text(&out), "\nseal\n"));
        assert_non_null(strstr(buf_text(&out), "seal hash"));
        file.data[i] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t len = 0; len < file.len; len++) {
        uint8_t *exact = mem_dup(file.data, len);

        buf_clear(&out);
        assert_int_equal(entry_describe(exact, len, keys, &out), HF_EDAMAGE);
        mem_free(exact);
    }
    buf_release(&out);
    buf_release(&file);
}

static void test_entry_description_checks_the_first_entry_without_keys(void **state)
{
    struct entry_init init = sample_init();
    struct buf file, out;

    (void)state;
    buf_init(&file);
    buf_init(&out);
    entry_put_init(&file, &init);
    seal_file(&file, 1);
    assert_int_equal(entry_describe(file.data, file.len, NULL, &out), 0);
    file.data[file.len - 1] ^= 1;
    assert_int_equal(entry_describe(file.data, file.len, NULL, &out), HF_EDAMAGE);
    assert_non_null(strstr(err_last()->text, "signature does not hold"));
    buf_release(&out);
    buf_release(&file);
}

static void test_entry_description_of_the_unknown_needs_a_newer_program(void **state)
{
    struct buf file, out;

    (void)state;
    buf_init(&file);
    buf_init(&out);
    put_raw_item(&file, 0x9000, 3, 5);
    seal_file(&file, 5);
    assert_int_equal(entry_describe(file.data, file.len, keys, &out), 0);
    buf_clear(&file);
    buf_clear(&out);
    put_raw_item(&file, 0x9000, 3, 5);
    put_raw_item(&file, 0x1234, 0, 5);
    seal_file(&file, 5);
    says(entry_describe(file.data, file.len, keys, &out), HF_ENEWER, "type is one");
    assert_non_null(strstr(buf_text(&out), "may be skipped"));
    buf_release(&out);
    buf_release(&file);
}

static void test_entry_description_survives_every_failed_allocation(void **state)
{
    struct buf file;
    int rc = HF_ENOMEM;

    (void)state;
    make_commit_file(&file);
    for (uint64_t n = 1; rc != 0; n++) {
        struct buf out;

        buf_init(&out);
        mem_fail_at(n, 0);
        rc = entry_describe(file.data, file.len, keys, &out);
        assert_true(rc == HF_ENOMEM || (rc == 0 && mem_fail_hits() == 0));
        mem_fail_at(0, 0);
        buf_release(&out);
    }
    buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_items_come_back_in_order),
        cmocka_unit_test(test_entry_lists_of_unforget_and_condemn_have_no_view),
        cmocka_unit_test(test_entry_list_must_fit_its_count),
        cmocka_unit_test(test_entry_init_comes_back),
        cmocka_unit_test(test_entry_init_checks_every_field),
        cmocka_unit_test(test_entry_adopt_of_an_impossible_length_is_damage),
        cmocka_unit_test(test_entry_walk_keeps_the_order_of_items),
        cmocka_unit_test(test_entry_walk_skips_what_may_be_skipped_and_only_that),
        cmocka_unit_test(test_entry_walk_checks_flags_and_lengths),
        cmocka_unit_test(test_entry_sealed_parts_come_back),
        cmocka_unit_test(test_entry_sealed_part_cannot_be_moved_or_changed),
        cmocka_unit_test(test_entry_sealed_part_of_another_domain_is_denied),
        cmocka_unit_test(test_entry_is_not_sealed_without_randomness_or_memory),
        cmocka_unit_test(test_entry_seal_comes_back),
        cmocka_unit_test(test_entry_refuses_every_flipped_bit),
        cmocka_unit_test(test_entry_cut_or_longer_is_damage),
        cmocka_unit_test(test_entry_seal_checks_every_field),
        cmocka_unit_test(test_entry_span_that_is_passed_over_lies_before_it),
        cmocka_unit_test(test_entry_seal_hash_is_of_all_its_bytes),
        cmocka_unit_test(test_entry_names_are_exact),
        cmocka_unit_test(test_entry_head_names_are_exact),
        cmocka_unit_test(test_entry_description_shows_a_commit_to_key_holders_only),
        cmocka_unit_test(test_entry_description_tells_of_gaps),
        cmocka_unit_test(test_entry_description_marks_damage_anywhere_and_goes_on),
        cmocka_unit_test(test_entry_description_checks_the_first_entry_without_keys),
        cmocka_unit_test(test_entry_description_of_the_unknown_needs_a_newer_program),
        cmocka_unit_test(test_entry_description_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
