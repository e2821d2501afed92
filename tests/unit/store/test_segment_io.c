/*
 * test_segment_io.c - a segment is written once, synced before it has its name, and read back with
 * every byte checked.
 */
#include "base/buf.h"
#include "format/block.h"
#include "format/crc.h"
#include "format/segment.h"
#include "store/segreader.h"
#include "store/segverify.h"
#include "store/segwriter.h"
#include "unit/store/storekit.h"

static const uint8_t repo[16] = "a repository id";

struct bench {
    struct simdisk *d;
    struct fs *fs;
    struct rnd rnd;
    struct keyring *keys;
    enum cipher_kind kind;
    struct cipher *cipher;
    struct codec *codec;
    struct cipher_id *ids;
};

static void begin_with(struct bench *b, enum cipher_kind kind)
{
    static const uint8_t master[KEYRING_MASTER_BYTES] = "the master secret of the tests";

    memset(b, 0, sizeof *b);
    ok(nacl_init());
    b->d = simdisk_new(1);
    b->fs = simclient_fs(simdisk_client(b->d, "a"), "repo");
    ok(fs_mkdir(b->fs, "segments", 0700));
    ok(fs_mkdir(b->fs, "tmp", 0700));
    simdisk_settle(b->d);
    rnd_init_seeded(&b->rnd, 1);
    b->kind = kind;
    ok(keyring_new(master, &b->keys));
    ok(cipher_new(kind, &b->cipher));
    ok(codec_new(CODEC_ZSTD, 1, &b->codec));
    ok(cipher_id_new(b->keys->chunk_id_key, &b->ids));
}

static void begin(struct bench *b)
{
    begin_with(b, CIPHER_AES_256_GCM);
}

static void end(struct bench *b)
{
    cipher_id_free(b->ids);
    codec_free(b->codec);
    cipher_free(b->cipher);
    keyring_free(b->keys);
    fs_close_fs(b->fs);
    simdisk_free(b->d);
}

/* --- writing ---------------------------------------------------------------------------------- */

static int open_writer(struct bench *b, const uint8_t *repo_id, struct segwriter **out)
{
    struct segwriter_options o = { b->fs, &b->rnd, b->keys, repo_id, b->kind };

    return segwriter_open(&o, out);
}

/*
 * Chunks numbered from `first`, one after the other: their bytes, and what a footer says of them.
 */
struct chunks {
    struct buf bytes;
    uint32_t lengths[100];
    struct segment_chunk list[100];
    size_t count;
};

static void make_chunks(struct bench *b, uint64_t first, size_t count, size_t len,
                        struct chunks *out)
{
    buf_init(&out->bytes);
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        uint8_t *data = kit_bytes(first + i, len + i);

        out->lengths[i] = out->list[i].len = (uint32_t)(len + i);
        ok(cipher_id_of(b->ids, data, len + i, out->list[i].id));
        buf_put(&out->bytes, data, len + i);
        mem_free(data);
    }
    ok(buf_error(&out->bytes));
}

/* The record has room for its header and the plaintext. */
static int write_record(struct bench *b, struct segwriter *w, const struct segwriter_place *place,
                        struct buf *record)
{
    size_t plain_len = record->len - SEGMENT_RECORD_HEADER_BYTES;
    int rc;

    buf_put_zeros(record, place->record_bytes - record->len);
    rc = buf_error(record);
    return rc == 0 ? segwriter_write(w, b->cipher, place, record->data, plain_len) : rc;
}

/* Places, writes and sums one block; what the footer says of it may be a lie. */
static int add_block(struct bench *b, struct segwriter *w, enum segment_record type,
                     const struct chunks *c, const struct segment_chunk *said, size_t said_count)
{
    struct segwriter_place place;
    struct buf record;
    int rc;

    buf_init(&record);
    buf_put_zeros(&record, SEGMENT_RECORD_HEADER_BYTES);
    rc = block_encode(c->bytes.data, c->lengths, c->count, b->codec, &record);
    if (rc == 0) {
        rc = segwriter_place(w, type, record.len - SEGMENT_RECORD_HEADER_BYTES, said, said_count,
                             &place);
    }
    if (rc == 0) {
        rc = write_record(b, w, &place, &record);
    }
    if (rc == 0) {
        rc = segwriter_sum(w, record.data, record.len);
    }
    buf_release(&record);
    return rc;
}

static int add_chunks(struct bench *b, struct segwriter *w, enum segment_record type,
                      uint64_t first, size_t count, size_t len)
{
    struct chunks c;
    int rc;

    make_chunks(b, first, count, len, &c);
    rc = add_block(b, w, type, &c, c.list, c.count);
    buf_release(&c.bytes);
    return rc;
}

/* What the journal would say of a segment. */
static struct catalog_segment adopted(const struct entry_adopt *a)
{
    struct catalog_segment s = { .file_len = a->file_len };

    memcpy(s.uuid, a->uuid, 16);
    memcpy(s.trailer_hash, a->trailer_hash, 32);
    return s;
}

static void finish(struct segwriter *w, struct catalog_segment *out)
{
    struct entry_adopt a;

    ok(segwriter_finish(w, &a));
    *out = adopted(&a);
    segwriter_free(w);
}

/* A segment of two small data blocks and one of pages. */
static void write_small(struct bench *b, uint64_t first, struct catalog_segment *out)
{
    struct segwriter *w = NULL;

    ok(open_writer(b, repo, &w));
    ok(add_chunks(b, w, SEGMENT_DATA, first, 2, 40));
    ok(add_chunks(b, w, SEGMENT_PAGES, first + 10, 1, 60));
    ok(add_chunks(b, w, SEGMENT_DATA, first + 20, 1, 20));
    finish(w, out);
}

static char *path_of(const struct catalog_segment *s, char out[128])
{
    char hex[33];

    snprintf(out, 128, "repo/segments/%s", text_hex(s->uuid, 16, hex));
    return out;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int open_reader_on(struct bench *b, struct fs *fs, const struct catalog_segment *s,
                          struct segreader **out)
{
    return segreader_open(fs, b->keys, repo, s, out);
}

static int open_reader(struct bench *b, const struct catalog_segment *s, struct segreader **out)
{
    return open_reader_on(b, b->fs, s, out);
}

static int scrub(struct bench *b, struct fs *fs, const struct catalog_segment *s)
{
    struct segreader *r = NULL;
    uint64_t bytes;
    int rc = open_reader_on(b, fs, s, &r);

    if (rc == 0) {
        rc = segreader_scrub(r, &bytes);
    }
    if (rc == 0) {
        assert_int_equal(bytes, s->file_len);
    }
    segreader_close(r);
    return rc;
}

/* Opens, takes the footer, verifies all blocks: what `check --read-data` does. */
static int verify(struct bench *b, struct fs *fs, const struct catalog_segment *s, uint8_t bad[8],
                  struct err_trail *why)
{
    struct segment_footer f = { 0 };
    struct segreader *r = NULL;
    struct segverify *v = NULL;
    uint64_t bytes;
    int rc = segverify_new(b->keys, &v);

    memset(bad, 0, 8);
    if (rc == 0) {
        rc = open_reader_on(b, fs, s, &r);
    }
    if (rc == 0) {
        rc = segreader_footer(r, &f);
    }
    if (rc == 0) {
        rc = segverify_blocks(v, r, &f, bad, &bytes, why);
    }
    segment_footer_release(&f);
    segreader_close(r);
    segverify_free(v);
    return rc;
}

static int verify_all(struct bench *b, const struct catalog_segment *s)
{
    struct err_trail why;
    uint8_t bad[8];

    return verify(b, b->fs, s, bad, &why);
}

static void assert_chunks(struct bench *b, const struct buf *plain, uint64_t first, size_t count,
                          size_t len)
{
    struct block_view view;
    struct chunks c;
    uint8_t *bytes;

    make_chunks(b, first, count, len, &c);
    ok(block_parse(plain->data, plain->len, &view));
    assert_int_equal(view.count, count);
    assert_int_equal(view.plain_len, c.bytes.len);
    bytes = mem_alloc(view.plain_len);
    ok(block_decode(&view, b->codec, bytes));
    assert_memory_equal(bytes, c.bytes.data, c.bytes.len);
    mem_free(bytes);
    buf_release(&c.bytes);
}

/* --- a whole segment -------------------------------------------------------------------------- */

static void test_segment_is_read_back_as_it_was_written(void **state)
{
    static const enum cipher_kind kinds[] = { CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305 };

    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct bench b;
        struct catalog_segment s;
        struct segment_footer f = { 0 };
        struct segreader *r = NULL;
        struct buf plain;

        begin_with(&b, kinds[k]);
        buf_init(&plain);
        write_small(&b, 1, &s);
        ok(open_reader(&b, &s, &r));
        assert_int_equal(segreader_cipher(r), kinds[k]);
        ok(segreader_footer(r, &f));
        assert_int_equal(f.block_count, 3);
        assert_int_equal(f.chunk_count, 4);
        assert_int_equal(f.blocks[0].position, SEGMENT_HEADER_BYTES);
        assert_int_equal(f.blocks[1].type, SEGMENT_PAGES);
        assert_int_equal(f.blocks[2].first_chunk, 3);
        ok(segreader_block(r, b.cipher, SEGMENT_DATA, f.blocks[0].position, &plain));
        assert_chunks(&b, &plain, 1, 2, 40);
        ok(segreader_block(r, b.cipher, SEGMENT_PAGES, f.blocks[1].position, &plain));
        assert_chunks(&b, &plain, 11, 1, 60);
        ok(segreader_block(r, b.cipher, 0, f.blocks[2].position, &plain));
        assert_chunks(&b, &plain, 21, 1, 20);
        assert_true(segreader_bytes_read(r) > s.file_len / 2);
        ok(verify_all(&b, &s));
        ok(scrub(&b, b.fs, &s));
        segment_footer_release(&f);
        segreader_close(r);
        buf_release(&plain);
        end(&b);
    }
}

static void test_segment_knows_what_was_placed(void **state)
{
    struct bench b;
    struct segwriter *w = NULL;
    struct catalog_segment s;
    uint8_t uuid[16];

    (void)state;
    begin(&b);
    ok(open_writer(&b, repo, &w));
    assert_int_equal(segwriter_bytes(w), SEGMENT_HEADER_BYTES);
    assert_int_equal(segwriter_contents(w)->block_count, 0);
    ok(add_chunks(&b, w, SEGMENT_DATA, 1, 3, 100));
    assert_true(segwriter_bytes(w) > SEGMENT_HEADER_BYTES + 300);
    assert_int_equal(segwriter_contents(w)->block_count, 1);
    assert_int_equal(segwriter_contents(w)->chunk_count, 3);
    memcpy(uuid, segwriter_uuid(w), 16);
    finish(w, &s);
    assert_memory_equal(s.uuid, uuid, 16);
    end(&b);
}

/* The sums are of each MiB of the file, wherever its records end. */
static void test_segment_of_several_mib_is_summed(void **state)
{
    struct bench b;
    struct segwriter *w = NULL;
    struct catalog_segment s;
    char path[128];

    (void)state;
    begin(&b);
    ok(open_writer(&b, repo, &w));
    ok(add_chunks(&b, w, SEGMENT_DATA, 1, 1, SEGMENT_SUM_SPAN - 500));
    ok(add_chunks(&b, w, SEGMENT_DATA, 2, 1, 200));
    ok(add_chunks(&b, w, SEGMENT_DATA, 3, 3, SEGMENT_SUM_SPAN));
    ok(add_chunks(&b, w, SEGMENT_DATA, 4, 1, 777777));
    finish(w, &s);
    ok(scrub(&b, b.fs, &s));
    ok(verify_all(&b, &s));
    for (uint64_t at = 1000; at < s.file_len - 10000; at += SEGMENT_SUM_SPAN / 2) {
        struct simdisk *rotten = simdisk_fork(b.d);
        struct fs *fs = simclient_fs(simdisk_client(rotten, "a"), "repo");
        char expected[64];

        simrot_flip(rotten, path_of(&s, path), 8 * at);
        snprintf(expected, sizeof expected, "its MiB %u is not what was written",
                 (unsigned)(at / SEGMENT_SUM_SPAN));
        says(scrub(&b, fs, &s), HF_EDAMAGE, expected);
        fs_close_fs(fs);
        simdisk_free(rotten);
    }
    end(&b);
}

static void test_segment_without_blocks_is_whole(void **state)
{
    struct bench b;
    struct segwriter *w = NULL;
    struct catalog_segment s;

    (void)state;
    begin(&b);
    ok(open_writer(&b, repo, &w));
    finish(w, &s);
    ok(verify_all(&b, &s));
    ok(scrub(&b, b.fs, &s));
    end(&b);
}

/* --- the order of things ---------------------------------------------------------------------- */

static void test_segment_is_synced_before_it_gets_its_name(void **state)
{
    struct bench b;
    struct catalog_segment s;
    const struct simtrace *t;
    unsigned syncs = 0;
    bool renamed = false;

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    t = simdisk_trace(b.d);
    for (size_t i = 0; i < t->count; i++) {
        const struct simop *op = &t->ops[i];

        if (op->kind == SIMOP_SYNC) {
            syncs++;
            assert_string_equal(op->site, "segment.data");
            assert_false(renamed);
        }
        renamed = renamed || op->kind == SIMOP_RENAME_NEW;
        if (op->kind == SIMOP_PWRITE) {
            assert_int_equal(syncs, 0); /* nothing is written behind the sync */
        }
        assert_true(op->kind != SIMOP_SYNC_DIR); /* that is once for all segments of a run */
    }
    assert_int_equal(syncs, 1);
    assert_true(renamed);
    assert_int_equal(kit_files(b.d, "repo/tmp/"), 0);
    assert_int_equal(kit_files(b.d, "repo/segments/"), 1);
    end(&b);
}

static void test_segment_that_is_given_up_leaves_nothing(void **state)
{
    struct bench b;
    struct segwriter *w = NULL;

    (void)state;
    begin(&b);
    ok(open_writer(&b, repo, &w));
    ok(add_chunks(&b, w, SEGMENT_DATA, 1, 1, 100));
    assert_int_equal(kit_files(b.d, "repo/tmp/"), 1);
    segwriter_free(w);
    assert_int_equal(kit_files(b.d, "repo/"), 0);
    segwriter_free(NULL);
    segreader_close(NULL);
    segverify_free(NULL);
    end(&b);
}

/* --- writing that fails ----------------------------------------------------------------------- */

static int write_one(struct bench *b, struct segwriter **out_writer, struct entry_adopt *a)
{
    int rc = open_writer(b, repo, out_writer);

    if (rc == 0) {
        rc = add_chunks(b, *out_writer, SEGMENT_DATA, 1, 2, 100);
    }
    if (rc == 0) {
        rc = segwriter_finish(*out_writer, a);
    }
    return rc;
}

static void test_segment_is_poisoned_by_any_failed_write_or_sync(void **state)
{
    static const enum simop_kind ops[] = { SIMOP_PWRITE, SIMOP_SYNC, SIMOP_CLOSE };

    (void)state;
    for (size_t i = 0; i < COUNT(ops); i++) {
        for (uint64_t nth = 1;; nth++) {
            struct simfault f = { .where = { .kinds = SIMOP_BIT(ops[i]), .nth = nth },
                                  .kind = ops[i] == SIMOP_SYNC ? SIMFAULT_LOST : SIMFAULT_REFUSE,
                                  .errnum = ENOSPC };
            struct bench b;
            struct segwriter *w = NULL;
            struct entry_adopt a;
            bool hit;
            int rc;

            begin(&b);
            simdisk_fault(b.d, &f);
            rc = write_one(&b, &w, &a);
            hit = simdisk_fault_hits(b.d) > 0;
            assert_int_equal(rc, hit ? HF_ENOSPC : 0);
            if (hit && w) { /* trying again does not heal it */
                if (ops[i] != SIMOP_CLOSE) {
                    assert_true(add_chunks(&b, w, SEGMENT_DATA, 5, 1, 10) < 0);
                }
                says(segwriter_finish(w, &a), HF_EIO, "was given up after a failed write");
            }
            assert_int_equal(kit_files(b.d, "repo/segments/"), hit ? 0 : 1);
            segwriter_free(w);
            assert_int_equal(kit_files(b.d, "repo/tmp/"), 0);
            end(&b);
            if (!hit) {
                break;
            }
        }
    }
}

static void test_segment_that_can_not_be_created(void **state)
{
    struct bench b;
    struct segwriter *w = NULL;

    (void)state;
    begin(&b);
    kit_fault(b.d, SIMOP_CREATE, "repo/tmp/", SIMFAULT_REFUSE, EROFS);
    assert_int_equal(open_writer(&b, repo, &w), HF_EACCESS);
    assert_int_equal(kit_files(b.d, "repo/"), 0);
    end(&b);
}

/* Nobody else knows its UUID: if the name is there, it is ours, whatever renaming said. */
static void test_segment_believes_that_its_name_is_there(void **state)
{
    struct bench b;
    struct segwriter *w = NULL;
    struct entry_adopt a;
    struct catalog_segment s;

    (void)state;
    begin(&b);
    kit_fault(b.d, SIMOP_RENAME_NEW, "repo/", SIMFAULT_AFTER, EIO);
    ok(write_one(&b, &w, &a));
    segwriter_free(w);
    s = adopted(&a);
    ok(verify_all(&b, &s));
    end(&b);
}

static void test_segment_that_gets_no_name_is_given_up(void **state)
{
    struct bench b;
    struct segwriter *w = NULL;
    struct entry_adopt a;

    (void)state;
    begin(&b);
    kit_fault(b.d, SIMOP_RENAME_NEW, "repo/", SIMFAULT_REFUSE, EIO);
    says(write_one(&b, &w, &a), HF_EIO, "could not rename tmp/");
    segwriter_free(w);
    assert_int_equal(kit_files(b.d, "repo/"), 0);
    end(&b);
}

static int no_randomness(struct rnd *r, void *out, size_t len)
{
    if (r->state[0] == 0) {
        return err_raise(HF_EIO, "there is no randomness");
    }
    r->state[0]--;
    memset(out, (int)r->state[0], len);
    return 0;
}

static void test_segment_needs_randomness(void **state)
{
    int rc = HF_EIO;

    (void)state;
    for (uint64_t draws = 0; rc != 0; draws++) {
        struct bench b;
        struct segwriter *w = NULL;
        struct entry_adopt a;

        begin(&b);
        b.rnd = (struct rnd){ .fill = no_randomness, .state = { draws } };
        rc = write_one(&b, &w, &a);
        if (rc != 0) {
            says(rc, HF_EIO, "no randomness");
        }
        assert_true(draws < 20);
        segwriter_free(w);
        end(&b);
    }
}

static void test_segment_without_memory(void **state)
{
    int rc = HF_ENOMEM;

    (void)state;
    for (uint64_t n = 1; rc != 0; n++) {
        struct bench b;
        struct segwriter *w = NULL;
        struct entry_adopt a;
        struct catalog_segment s;
        struct chunks c;

        begin(&b);
        make_chunks(&b, 1, 2, 100, &c);
        mem_fail_at(n, 0);
        rc = open_writer(&b, repo, &w);
        if (rc == 0) {
            rc = add_block(&b, w, SEGMENT_DATA, &c, c.list, c.count);
        }
        if (rc == 0) {
            rc = segwriter_finish(w, &a);
        }
        segwriter_free(w);
        if (rc == 0) {
            s = adopted(&a);
            rc = verify_all(&b, &s);
        }
        if (rc == 0) {
            rc = scrub(&b, b.fs, &s);
        }
        mem_fail_at(0, 0);
        if (rc != 0) {
            assert_int_equal(rc, HF_ENOMEM);
        }
        buf_release(&c.bytes);
        end(&b);
    }
}

/* --- damage ----------------------------------------------------------------------------------- */

static void test_segment_every_flipped_bit_is_noticed(void **state)
{
    struct bench b;
    struct catalog_segment s;
    char path[128];
    unsigned by_verify = 0;

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    path_of(&s, path);
    for (uint64_t bit = 0; bit < 8 * s.file_len; bit += 7) {
        struct simdisk *rotten = simdisk_fork(b.d);
        struct fs *fs = simclient_fs(simdisk_client(rotten, "a"), "repo");
        struct err_trail why;
        uint8_t bad[8];
        int rc;

        simrot_flip(rotten, path, bit);
        assert_int_equal(scrub(&b, fs, &s), HF_EDAMAGE);
        rc = verify(&b, fs, &s, bad, &why);
        by_verify += rc == HF_EDAMAGE; /* what is not: the sums of each MiB */
        fs_close_fs(fs);
        simdisk_free(rotten);
    }
    assert_true(by_verify > 8 * s.file_len / 7 * 9 / 10);
    end(&b);
}

static void test_segment_of_another_length_is_refused(void **state)
{
    struct bench b;
    struct catalog_segment s;
    struct segreader *r = NULL;
    char path[128];

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    simrot_cut(b.d, path_of(&s, path), (size_t)s.file_len - 1);
    says(open_reader(&b, &s, &r), HF_EDAMAGE, "bytes and should have");
    simrot_cut(b.d, path, (size_t)s.file_len + 1);
    says(open_reader(&b, &s, &r), HF_EDAMAGE, "segments/");
    end(&b);
}

static void test_segment_that_is_missing_is_absent(void **state)
{
    struct bench b;
    struct catalog_segment s;
    struct segreader *r = NULL;
    char path[128];

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    simrot_delete(b.d, path_of(&s, path));
    assert_int_equal(open_reader(&b, &s, &r), HF_EABSENT);
    end(&b);
}

static void test_segment_under_anothers_name_is_refused(void **state)
{
    struct bench b;
    struct catalog_segment s;
    struct catalog_segment other;
    struct segreader *r = NULL;
    char path[128];
    char other_path[128];

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    write_small(&b, 50, &other);
    simrot_swap(b.d, path_of(&s, path), path_of(&other, other_path));
    s.file_len = other.file_len;
    says(open_reader(&b, &s, &r), HF_EDAMAGE, "its header names another segment");
    end(&b);
}

/* Writes a header over the one of the file, with a checksum that holds. */
static void replace_header(struct bench *b, const struct catalog_segment *s,
                           const struct segment_header *h)
{
    char path[128];
    size_t len;
    const uint8_t *old = simrot_look(b->d, path_of(s, path), &len);
    uint8_t *data = mem_dup(old, len);

    segment_header_encode(h, data);
    simrot_replace(b->d, path, data, len);
    mem_free(data);
}

static void test_segment_whose_header_is_for_somebody_else_is_refused(void **state)
{
    struct bench b;
    struct catalog_segment s;
    struct segment_header h;
    struct segment_header other;
    struct segreader *r = NULL;
    char path[128];
    size_t len;

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    ok(segment_header_decode(simrot_look(b.d, path_of(&s, path), &len), SEGMENT_HEADER_BYTES, &h));
    other = h;
    other.repo_id[0] ^= 1;
    replace_header(&b, &s, &other);
    says(open_reader(&b, &s, &r), HF_EDAMAGE, "its header names another repository");
    other = h;
    other.epoch = 1;
    replace_header(&b, &s, &other);
    says(open_reader(&b, &s, &r), HF_EDENIED, "key epoch or domain");
    other = h;
    other.domain = 1;
    replace_header(&b, &s, &other);
    says(open_reader(&b, &s, &r), HF_EDENIED, "key epoch or domain");
    other = h;
    other.sealed_key[3] ^= 1;
    replace_header(&b, &s, &other);
    says(open_reader(&b, &s, &r), HF_EDAMAGE, "the key in its header does not open");
    end(&b);
}

static void test_segment_that_is_not_the_adopted_one_is_refused(void **state)
{
    struct bench b;
    struct catalog_segment s;
    struct catalog_segment short_one;
    char path[128];

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    short_one = s;
    s.trailer_hash[0] ^= 1;
    says(verify_all(&b, &s), HF_EDAMAGE, "its trailer is not the one that the journal adopted");
    simrot_cut(b.d, path_of(&s, path), SEGMENT_HEADER_BYTES + 60);
    short_one.file_len = SEGMENT_HEADER_BYTES + 60;
    says(verify_all(&b, &short_one), HF_EDAMAGE, "too short to be a segment");
    end(&b);
}

/* Puts another trailer into the file, and into what was adopted. */
static void replace_trailer(struct bench *b, struct catalog_segment *s,
                            void (*change)(struct segment_trailer *t))
{
    char path[128];
    size_t len;
    const uint8_t *old = simrot_look(b->d, path_of(s, path), &len);
    uint8_t *data = mem_dup(old, len);
    struct segment_trailer t;

    ok(segment_trailer_decode(data + len - SEGMENT_TRAILER_BYTES, SEGMENT_TRAILER_BYTES, len, &t));
    change(&t);
    segment_trailer_encode(&t, data + len - SEGMENT_TRAILER_BYTES);
    segment_trailer_hash(data + len - SEGMENT_TRAILER_BYTES, s->trailer_hash);
    simrot_replace(b->d, path, data, len);
    mem_free(data);
}

static void count_one_more(struct segment_trailer *t)
{
    t->record_count++;
}

static void hash_otherwise(struct segment_trailer *t)
{
    t->hash[0] ^= 1;
}

static void test_segment_whose_frame_contradicts_itself_is_refused(void **state)
{
    struct bench b;
    struct catalog_segment s;

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    replace_trailer(&b, &s, count_one_more);
    says(verify_all(&b, &s), HF_EDAMAGE, "its footer and its trailer speak of different records");
    write_small(&b, 50, &s);
    replace_trailer(&b, &s, hash_otherwise);
    says(verify_all(&b, &s), HF_EDAMAGE, "header, footer or sums are not what its trailer says");
    says(scrub(&b, b.fs, &s), HF_EDAMAGE, "header, footer or sums");
    end(&b);
}

/* A file of which only the frame is there, and that claims a footer of two GiB. */
static const struct fs_ops *plain_ops;
static uint8_t huge_trailer[SEGMENT_TRAILER_BYTES];
#define HUGE_BYTES ((uint64_t)2 << 30)

static int huge_size(struct fs_file *f, uint64_t *out_size)
{
    (void)f;
    *out_size = HUGE_BYTES;
    return 0;
}

static int huge_pread(struct fs_file *f, void *out, size_t len, uint64_t offset, size_t *out_got)
{
    if (offset == HUGE_BYTES - SEGMENT_TRAILER_BYTES) {
        memcpy(out, huge_trailer, len);
        *out_got = len;
        return 0;
    }
    return plain_ops->pread(f, out, len, offset, out_got);
}

static int huge_open(struct fs *fs, const char *path, struct fs_file **out_file)
{
    static struct fs_ops ops;
    int rc = plain_ops->open(fs, path, out_file);

    if (rc == 0) {
        ops = *plain_ops;
        ops.size = huge_size;
        ops.pread = huge_pread;
        (*out_file)->ops = &ops;
    }
    return rc;
}

static void test_segment_with_a_gigantic_footer_is_refused(void **state)
{
    struct bench b;
    struct catalog_segment s;
    struct segment_trailer t = { .footer_position = 192,
                                 .sum_count = 2048,
                                 .file_len = HUGE_BYTES };
    struct fs_ops ops;

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    memcpy(t.uuid, s.uuid, 16);
    memcpy(t.repo_id, repo, 16);
    t.sums_position = HUGE_BYTES - SEGMENT_TRAILER_BYTES - 8ull * t.sum_count;
    t.footer_payload_len = (uint32_t)(t.sums_position - 192 - SEGMENT_RECORD_HEADER_BYTES);
    segment_trailer_encode(&t, huge_trailer);
    segment_trailer_hash(huge_trailer, s.trailer_hash);
    s.file_len = HUGE_BYTES;
    plain_ops = b.fs->ops;
    ops = *plain_ops;
    ops.open = huge_open;
    b.fs->ops = &ops;
    says(verify_all(&b, &s), HF_EDAMAGE, "footer is larger than any that is written");
    b.fs->ops = plain_ops;
    end(&b);
}

static int read_block(struct bench *b, const struct catalog_segment *s, enum segment_record type,
                      uint64_t position)
{
    struct segreader *r = NULL;
    struct buf plain;
    int rc = open_reader(b, s, &r);

    buf_init(&plain);
    if (rc == 0) {
        rc = segreader_block(r, b->cipher, type, position, &plain);
    }
    segreader_close(r);
    buf_release(&plain);
    return rc;
}

static void test_segment_record_must_be_what_and_where_it_says(void **state)
{
    struct bench b;
    struct catalog_segment s;
    char path[128];
    size_t len;
    const uint8_t *old;
    uint8_t *data;

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    ok(read_block(&b, &s, SEGMENT_DATA, 192));
    assert_int_equal(read_block(&b, &s, SEGMENT_PAGES, 192), HF_EDAMAGE);
    assert_int_equal(read_block(&b, &s, SEGMENT_DATA, 200), HF_EDAMAGE);
    says(read_block(&b, &s, 0, s.file_len), HF_EDAMAGE, "record at");
    /* A footer where a block should be, larger than any block. */
    old = simrot_look(b.d, path_of(&s, path), &len);
    data = mem_dup(old, len);
    data[192 + 4] = SEGMENT_FOOTER;
    le_put32(data + 192 + 8, 18u << 20);
    le_put32(data + 192 + 28, crc_32c(data + 192, 28));
    simrot_replace(b.d, path, data, len);
    says(read_block(&b, &s, 0, 192), HF_EDAMAGE, "a record claims 18874368 bytes");
    data[192 + 4] = SEGMENT_DATA;
    le_put32(data + 192 + 8, 1u << 20); /* more than there is */
    le_put32(data + 192 + 28, crc_32c(data + 192, 28));
    simrot_replace(b.d, path, data, len);
    assert_int_equal(read_block(&b, &s, 0, 192), HF_EDAMAGE);
    mem_free(data);
    end(&b);
}

static void test_segment_that_can_not_be_read_is_not_damaged(void **state)
{
    static const enum simop_kind ops[] = { SIMOP_OPEN, SIMOP_SIZE, SIMOP_PREAD };

    (void)state;
    for (size_t i = 0; i < COUNT(ops); i++) {
        for (uint64_t nth = 1;; nth++) {
            struct simfault f = { .where = { .kinds = SIMOP_BIT(ops[i]), .nth = nth },
                                  .errnum = EIO };
            struct bench b;
            struct catalog_segment s;
            struct err_trail why;
            uint8_t bad[8];
            bool hit;
            int rc;

            begin(&b);
            write_small(&b, 1, &s);
            simdisk_fault(b.d, &f);
            rc = verify(&b, b.fs, &s, bad, &why);
            if (rc ==
                HF_EDAMAGE) { /* of one block, or what is behind it, and the others are read */
                assert_true(bad[0] + bad[1] + bad[2] <= 1);
                rc = why.code;
            }
            if (rc == 0) {
                rc = scrub(&b, b.fs, &s);
            }
            hit = simdisk_fault_hits(b.d) > 0;
            assert_int_equal(rc, hit ? HF_EIO : 0);
            end(&b);
            if (!hit) {
                break;
            }
        }
    }
}

/* --- verifying -------------------------------------------------------------------------------- */

static void test_verify_names_the_blocks_that_are_bad(void **state)
{
    struct bench b;
    struct catalog_segment s;
    struct err_trail why;
    uint8_t bad[8];
    char path[128];

    (void)state;
    begin(&b);
    write_small(&b, 1, &s);
    simrot_flip(b.d, path_of(&s, path), 8 * (SEGMENT_HEADER_BYTES + 40));
    assert_int_equal(verify(&b, b.fs, &s, bad, &why), HF_EDAMAGE);
    assert_int_equal(bad[0], 1);
    assert_int_equal(bad[1], 0);
    assert_int_equal(bad[2], 0);
    assert_int_equal(why.code, HF_EDAMAGE);
    assert_non_null(strstr(why.text, "record at 192"));
    end(&b);
}

/* What a footer says of a block, and the block itself, must be the same. */
static void test_verify_finds_a_footer_that_lies(void **state)
{
    static const char *const reasons[] = { "is not the one in the footer", "has another length",
                                           "is not that of its id",
                                           "is not the one in the footer" };
    static const uint8_t zeros[1024]; /* two chunks of at most 512 */

    (void)state;
    for (size_t lie = 0; lie < COUNT(reasons); lie++) {
        struct bench b;
        struct segwriter *w = NULL;
        struct catalog_segment s;
        struct chunks c;
        struct segment_chunk said[8];
        size_t count = 2;
        struct err_trail why;
        uint8_t bad[8];

        begin(&b);
        /* What compresses leaves a footer room for lies about its lengths. */
        make_chunks(&b, 1, 2, 500, &c);
        buf_clear(&c.bytes);
        buf_put(&c.bytes, zeros, c.lengths[0] + c.lengths[1]);
        for (size_t i = 0; i < 2; i++) {
            ok(cipher_id_of(b.ids, zeros, c.lengths[i], c.list[i].id));
        }
        memcpy(said, c.list, sizeof said);
        if (lie == 0) {
            said[0].len += said[1].len;
            count = 1;
        } else if (lie == 1) {
            said[0].len++;
            said[1].len--;
        } else if (lie == 2) {
            said[1].id[5] ^= 1;
        } else {
            said[1].len--;
        }
        ok(open_writer(&b, repo, &w));
        ok(add_block(&b, w, SEGMENT_DATA, &c, said, count));
        ok(add_chunks(&b, w, SEGMENT_DATA, 30, 1, 10));
        finish(w, &s);
        assert_int_equal(verify(&b, b.fs, &s, bad, &why), HF_EDAMAGE);
        assert_int_equal(bad[0], 1);
        assert_int_equal(bad[1], 0);
        if (!strstr(why.text, reasons[lie])) {
            fail_msg("'%s' instead of '%s'", why.text, reasons[lie]);
        }
        buf_release(&c.bytes);
        end(&b);
    }
}

/* Ids are computed many at a time: each of them counts, wherever it stands. */
static void test_verify_compares_every_id_of_a_long_block(void **state)
{
    static const size_t wrong[] = { 0, 31, 32, 33, 63, 64, 98 };

    (void)state;
    for (size_t i = 0; i <= COUNT(wrong); i++) {
        struct bench b;
        struct segwriter *w = NULL;
        struct catalog_segment s;
        struct chunks c;
        struct err_trail why;
        uint8_t bad[8];

        begin(&b);
        make_chunks(&b, 1, 99, 5, &c);
        if (i < COUNT(wrong)) {
            c.list[wrong[i]].id[31] ^= 1;
        }
        ok(open_writer(&b, repo, &w));
        ok(add_block(&b, w, SEGMENT_DATA, &c, c.list, c.count));
        finish(w, &s);
        assert_int_equal(verify(&b, b.fs, &s, bad, &why), i < COUNT(wrong) ? HF_EDAMAGE : 0);
        assert_int_equal(bad[0], i < COUNT(wrong));
        buf_release(&c.bytes);
        end(&b);
    }
}

/* A record that opens and is no block. */
static void test_verify_finds_a_record_that_is_no_block(void **state)
{
    struct bench b;
    struct segwriter *w = NULL;
    struct segwriter_place place;
    struct segment_chunk said = { .len = 10 };
    struct catalog_segment s;
    struct err_trail why;
    struct buf record;
    uint8_t bad[8];

    (void)state;
    begin(&b);
    buf_init(&record);
    buf_put_zeros(&record, SEGMENT_RECORD_HEADER_BYTES);
    buf_put(&record, "\0\1this is no block..", 20);
    ok(open_writer(&b, repo, &w));
    ok(segwriter_place(w, SEGMENT_DATA, 20, &said, 1, &place));
    ok(write_record(&b, w, &place, &record));
    ok(segwriter_sum(w, record.data, record.len));
    finish(w, &s);
    assert_int_equal(verify(&b, b.fs, &s, bad, &why), HF_EDAMAGE);
    assert_int_equal(bad[0], 1);
    buf_release(&record);
    end(&b);
}

static void test_verify_serves_segments_of_both_ciphers(void **state)
{
    struct bench b;
    struct catalog_segment s[3];
    struct segverify *v = NULL;

    (void)state;
    begin(&b);
    for (size_t i = 0; i < COUNT(s); i++) {
        cipher_free(b.cipher);
        b.kind = i == 1 ? CIPHER_CHACHA20_POLY1305 : CIPHER_AES_256_GCM;
        ok(cipher_new(b.kind, &b.cipher));
        write_small(&b, 1, &s[i]);
    }
    ok(segverify_new(b.keys, &v));
    for (size_t i = 0; i < 2 * COUNT(s); i++) {
        struct segment_footer f = { 0 };
        struct segreader *r = NULL;
        struct err_trail why;
        uint8_t bad[8];
        uint64_t bytes;

        ok(open_reader(&b, &s[i / 2], &r));
        ok(segreader_footer(r, &f));
        ok(segverify_blocks(v, r, &f, bad, &bytes, &why));
        assert_true(bytes > 100);
        segment_footer_release(&f);
        segreader_close(r);
    }
    segverify_free(v);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_is_read_back_as_it_was_written),
        cmocka_unit_test(test_segment_knows_what_was_placed),
        cmocka_unit_test(test_segment_of_several_mib_is_summed),
        cmocka_unit_test(test_segment_without_blocks_is_whole),
        cmocka_unit_test(test_segment_is_synced_before_it_gets_its_name),
        cmocka_unit_test(test_segment_that_is_given_up_leaves_nothing),
        cmocka_unit_test(test_segment_is_poisoned_by_any_failed_write_or_sync),
        cmocka_unit_test(test_segment_that_can_not_be_created),
        cmocka_unit_test(test_segment_believes_that_its_name_is_there),
        cmocka_unit_test(test_segment_that_gets_no_name_is_given_up),
        cmocka_unit_test(test_segment_needs_randomness),
        cmocka_unit_test(test_segment_without_memory),
        cmocka_unit_test(test_segment_every_flipped_bit_is_noticed),
        cmocka_unit_test(test_segment_of_another_length_is_refused),
        cmocka_unit_test(test_segment_that_is_missing_is_absent),
        cmocka_unit_test(test_segment_under_anothers_name_is_refused),
        cmocka_unit_test(test_segment_whose_header_is_for_somebody_else_is_refused),
        cmocka_unit_test(test_segment_that_is_not_the_adopted_one_is_refused),
        cmocka_unit_test(test_segment_whose_frame_contradicts_itself_is_refused),
        cmocka_unit_test(test_segment_with_a_gigantic_footer_is_refused),
        cmocka_unit_test(test_segment_record_must_be_what_and_where_it_says),
        cmocka_unit_test(test_segment_that_can_not_be_read_is_not_damaged),
        cmocka_unit_test(test_verify_names_the_blocks_that_are_bad),
        cmocka_unit_test(test_verify_finds_a_footer_that_lies),
        cmocka_unit_test(test_verify_compares_every_id_of_a_long_block),
        cmocka_unit_test(test_verify_finds_a_record_that_is_no_block),
        cmocka_unit_test(test_verify_serves_segments_of_both_ciphers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
