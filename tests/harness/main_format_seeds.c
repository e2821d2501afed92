/*
 * main_format_seeds.c - writes the inputs from which fuzzing of src/format starts.
 *
 *     holdfast-format_seeds fuzz/corpus
 *
 * fills the folders block, commit, entry, gapevent, keychange, roll and segment below it, which
 * must be there, with a few small valid structures each. They are sealed with the keyring of
 * fuzz/fuzz_format.h and depend on nothing else but the format: run it again when that changes.
 * (Sealed boxes draw a key of their own, so segments differ from run to run.)
 */
#include <stdio.h>

#include "../../fuzz/fuzz_format.h"
#include "base/buf.h"
#include "base/rnd.h"
#include "format/block.h"
#include "format/commit.h"
#include "format/entry.h"
#include "format/gapevent.h"
#include "format/keychange.h"
#include "format/roll.h"
#include "format/segment.h"
#include "format/xxh.h"

static const uint8_t repo_id[16] = { 0xaa, 0xbb };
static const uint8_t uuid[16] = { 0x11, 0x22 };
static const char *corpus;
static struct rnd rnd;

static void write_seed(const char *name, const void *data, size_t len)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", corpus, name);
    file = fopen(path, "wb");
    fuzz_require(file != NULL);
    fuzz_require(fwrite(data, 1, len, file) == len);
    fuzz_require(fclose(file) == 0);
}

/* Writes what is in b and empties it. */
static void flush_seed(const char *name, struct buf *b)
{
    fuzz_require(buf_error(b) == 0);
    write_seed(name, b->data, b->len);
    buf_clear(b);
}

/* --- blocks and commits --- */

static void put_block(struct buf *b, enum codec_kind kind)
{
    static const uint32_t lengths[] = { 300, 1, 200 };
    struct codec *codec = NULL;
    uint8_t data[501];

    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)('a' + i * i % 7);
    }
    if (kind != CODEC_NONE) {
        fuzz_require(codec_new(kind, 3, &codec) == 0);
    }
    fuzz_require(block_encode(data, lengths, 3, codec, b) == 0);
    codec_free(codec);
}

static void write_blocks(struct buf *b)
{
    put_block(b, CODEC_NONE);
    flush_seed("block/raw", b);
    put_block(b, CODEC_ZSTD);
    flush_seed("block/zstd", b);
    put_block(b, CODEC_ZLIB);
    flush_seed("block/zlib", b);
}

static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void put_commit(struct buf *b)
{
    char *paths[] = { borrow("/etc"), borrow("/srv/www") };
    char *tags[] = { borrow("weekly") };
    struct commit c = {
        .class = COMMIT_APP,
        .flags = COMMIT_COMPLETE,
        .job = borrow("nightly"),
        .host = borrow("web1"),
        .user = borrow("root"),
        .paths = paths,
        .path_count = 2,
        .tags = tags,
        .tag_count = 1,
        .begin_ns = 1790000000000000000,
        .end_ns = 1790000001500000000,
        .parent = { 1 },
        .root = { 2 },
        .counts = { .files = 1200, .dirs = 40, .bytes = 123456789, .bytes_new = 300 },
        .tool = borrow("holdfast 0.1.0"),
    };

    fuzz_require(commit_encode(&c, b) == 0);
}

static void put_tags(struct buf *b)
{
    char *tags[] = { borrow("keep"), borrow("audited") };

    fuzz_require(commit_tags_encode(uuid, tags, 2, b) == 0);
}

static void write_commits(struct buf *b)
{
    struct commit empty = { .job = NULL };

    put_commit(b);
    flush_seed("commit/full", b);
    fuzz_require(commit_encode(&empty, b) == 0);
    flush_seed("commit/empty", b);
    put_tags(b);
    flush_seed("commit/tags", b);
}

/* --- entries and roll-ups --- */

static void seal_entry(struct buf *b, uint64_t number)
{
    struct entry_seal s = { .number = number, .time_ns = 1790000002000000000 };
    uint8_t seal[ENTRY_SEAL_BYTES];

    memcpy(s.repo_id, repo_id, 16);
    memcpy(s.uuid, uuid, 16);
    s.previous[0] = number == 1 ? 0 : 9;
    s.passed_first = s.passed_last = number == 9 ? 4 : 0;
    entry_seal_encode(&s, b->data, b->len, fuzz_keys(), seal);
    buf_put(b, seal, sizeof seal);
}

static void put_adopt(struct buf *b)
{
    struct entry_adopt a = { .uuid = { 0x11, 0x22 }, .file_len = 70000, .trailer_hash = { 3 } };

    entry_put_adopt(b, &a);
}

static void put_init(struct buf *b)
{
    struct entry_init i = {
        .created_ns = 1790000000000000000,
        .id_algorithm = 1,
        .cipher = CIPHER_AES_256_GCM,
        .codec = CODEC_ZSTD,
        .level = 1,
        .segment_target = 64u << 20,
        .chunk_min = 16u << 10,
        .chunk_avg = 48u << 10,
        .chunk_max = 256u << 10,
        .chunk_fixed = 16u << 10,
    };

    memcpy(i.repo_id, repo_id, 16);
    memcpy(i.admin_public, fuzz_keys()->sign_public, 32);
    memcpy(i.data_public, fuzz_keys()->data_public, 32);
    entry_put_init(b, &i);
}

static void put_ways(struct buf *plain)
{
    struct keychange_way added = { "team.2", KEYCHANGE_PASSWORD, { 2 } };
    struct keychange_way removed = { "team", KEYCHANGE_PASSWORD, { 3 } };
    struct keychange c = { .by = { "first", KEYCHANGE_KEY_FILE, { 1 } },
                           .added = &added,
                           .added_count = 1,
                           .removed = &removed,
                           .removed_count = 1 };

    fuzz_require(keychange_encode(&c, plain) == 0);
}

static void put_gap_opened(struct buf *plain)
{
    const struct gapevent g = { .act = GAPEVENT_OPEN,
                                .reason = GAPEVENT_OVERFLOW,
                                .job = borrow("nightly"),
                                .host = borrow("web1"),
                                .at_ns = 1790000001500000000 };

    fuzz_require(gapevent_encode(&g, plain) == 0);
}

static void put_gap_closed(struct buf *plain)
{
    const struct gapevent g = { .act = GAPEVENT_CLOSE,
                                .gap = { 0x11, 0x22 },
                                .at_ns = 1790000002500000000 };

    fuzz_require(gapevent_encode(&g, plain) == 0);
}

/* `kind` is one of the events, or of the changes of keys: of no meaning for the others. */
static void put_sealed(struct buf *b, enum entry_item type, unsigned kind,
                       void (*put_plain)(struct buf *b))
{
    struct buf plain;

    buf_init(&plain);
    put_plain(&plain);
    fuzz_require(entry_put_sealed(b, type, kind, fuzz_keys(), repo_id, uuid, &rnd, plain.data,
                                  plain.len) == 0);
    buf_release(&plain);
}

static void write_entries(struct buf *b)
{
    static const uint8_t ids[2][16] = { { 1 }, { 2 } };

    put_init(b);
    seal_entry(b, 1);
    flush_seed("entry/init", b);
    put_adopt(b);
    put_adopt(b);
    put_sealed(b, ENTRY_COMMIT, 0, put_commit);
    seal_entry(b, 2);
    flush_seed("entry/commit", b);
    put_adopt(b);
    put_sealed(b, ENTRY_PARTIAL, 0, put_commit);
    seal_entry(b, 3);
    flush_seed("entry/partial", b);
    put_sealed(b, ENTRY_EVENT, ENTRY_EVENT_TAG, put_tags);
    seal_entry(b, 5);
    flush_seed("entry/tag", b);
    entry_put_forget(b, false, 5, ids, 2);
    seal_entry(b, 6);
    flush_seed("entry/forget", b);
    entry_put_forget(b, true, 0, ids, 1);
    seal_entry(b, 7);
    flush_seed("entry/unforget", b);
    put_adopt(b);
    entry_put_condemn(b, ids, 2);
    flush_seed("entry/body", b);
    entry_put_condemn(b, ids, 2);
    seal_entry(b, 9);
    flush_seed("entry/condemn", b);
    entry_head_name(7, fuzz_keys()->sign_public, (char *)memset(b->data, 0, ENTRY_HEAD_BYTES));
    write_seed("entry/head-name", b->data, ENTRY_HEAD_BYTES - 1);
    buf_clear(b);
    put_ways(b);
    flush_seed("keychange/ways", b);
    put_sealed(b, ENTRY_KEY, ENTRY_KEY_WAYS, put_ways);
    seal_entry(b, 4);
    flush_seed("entry/key", b);
}

static void write_gaps(struct buf *b)
{
    put_gap_opened(b);
    flush_seed("gapevent/opened", b);
    put_gap_closed(b);
    flush_seed("gapevent/closed", b);
    put_sealed(b, ENTRY_EVENT, ENTRY_EVENT_GAP, put_gap_opened);
    seal_entry(b, 10);
    flush_seed("entry/gap-opened", b);
    put_sealed(b, ENTRY_EVENT, ENTRY_EVENT_GAP, put_gap_closed);
    seal_entry(b, 11);
    flush_seed("entry/gap-closed", b);
}

static void write_rolls(struct buf *b)
{
    uint32_t lengths[2];
    struct buf entries, one;

    buf_init(&entries);
    buf_init(&one);
    for (uint32_t i = 0; i < 2; i++) {
        buf_clear(&one);
        put_adopt(&one);
        seal_entry(&one, 7 + i);
        buf_put(&entries, one.data, one.len);
        lengths[i] = (uint32_t)one.len;
    }
    fuzz_require(roll_encode(repo_id, 7, lengths, 2, entries.data, entries.len, b) == 0);
    flush_seed("roll/two", b);
    fuzz_require(roll_encode(repo_id, 7, lengths, 1, entries.data, lengths[0], b) == 0);
    flush_seed("roll/one", b);
    write_seed("roll/name", "000000000001-000000001024", 25);
    buf_release(&entries);
    buf_release(&one);
}

/* --- segments --- */

static const uint8_t segment_key[SEGMENT_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t nonce[CIPHER_NONCE_BYTES] = { 9, 8, 7 };

static void put_record(struct buf *b, const uint8_t *key, enum segment_record type,
                       const struct buf *plain)
{
    size_t span = (size_t)segment_record_bytes(plain->len);
    struct cipher *c = NULL;

    fuzz_require(cipher_new(CIPHER_CHACHA20_POLY1305, &c) == 0 && buf_reserve(b, span) == 0);
    fuzz_require(segment_record_seal(c, key, uuid, type, b->len, nonce, plain->data, plain->len,
                                     b->data + b->len) == 0);
    b->len += span;
    cipher_free(c);
}

static void put_header(struct buf *b)
{
    struct segment_header h = { .cipher = CIPHER_CHACHA20_POLY1305 };
    uint8_t bytes[SEGMENT_HEADER_BYTES];

    memcpy(h.repo_id, repo_id, 16);
    memcpy(h.uuid, uuid, 16);
    fuzz_require(nacl_seal_to(fuzz_keys()->data_public, rnd_system(), segment_key,
                              sizeof segment_key, h.sealed_key) == 0);
    segment_header_encode(&h, bytes);
    buf_put(b, bytes, sizeof bytes);
}

/* A data block and a page block, each with the three chunks of put_block. */
static void put_footer_plain(const struct buf *block, struct buf *out)
{
    static const uint32_t lengths[] = { 300, 1, 200 };
    struct segment_block blocks[2];
    struct segment_chunk chunks[6];
    struct segment_footer f = { blocks, 2, chunks, 6 };

    for (uint32_t i = 0; i < 2; i++) {
        blocks[i] = (struct segment_block){
            .position = SEGMENT_HEADER_BYTES + i * segment_record_bytes(block->len),
            .payload_len = (uint32_t)block->len + CIPHER_TAG_BYTES,
            .plain_len = 501,
            .chunk_count = 3,
            .type = i == 0 ? SEGMENT_DATA : SEGMENT_PAGES,
        };
    }
    for (uint32_t i = 0; i < 6; i++) {
        memset(chunks[i].id, (int)(0xc0 + i), sizeof chunks[i].id);
        chunks[i].len = lengths[i % 3];
    }
    fuzz_require(segment_footer_encode(&f, out) == 0);
}

static void put_end(struct buf *b, uint64_t footer_position, size_t footer_plain_len)
{
    struct segment_trailer t = {
        .footer_position = footer_position,
        .footer_payload_len = (uint32_t)footer_plain_len + CIPHER_TAG_BYTES,
        .sum_count = 1,
        .sums_position = b->len,
        .file_len = b->len + 8 + SEGMENT_TRAILER_BYTES,
        .record_count = 2,
    };
    uint8_t bytes[SEGMENT_TRAILER_BYTES];
    struct nacl_part parts[3];

    buf_put_u64(b, xxh_64(b->data, b->len));
    parts[0] = (struct nacl_part){ b->data, SEGMENT_HEADER_BYTES };
    parts[1] = (struct nacl_part){ b->data + footer_position,
                                   SEGMENT_RECORD_HEADER_BYTES + (size_t)t.footer_payload_len };
    parts[2] = (struct nacl_part){ b->data + t.sums_position, 8 };
    nacl_hash_parts(parts, 3, t.hash);
    memcpy(t.uuid, uuid, 16);
    memcpy(t.repo_id, repo_id, 16);
    segment_trailer_encode(&t, bytes);
    buf_put(b, bytes, sizeof bytes);
}

static void write_segments(struct buf *b)
{
    uint8_t footer_key[SEGMENT_KEY_BYTES];
    struct buf block, footer;
    uint64_t footer_position;

    buf_init(&block);
    buf_init(&footer);
    keyring_footer_key(fuzz_keys(), uuid, footer_key);
    put_block(&block, CODEC_ZSTD);
    put_footer_plain(&block, &footer);
    put_header(b);
    put_record(b, segment_key, SEGMENT_DATA, &block);
    put_record(b, segment_key, SEGMENT_PAGES, &block);
    footer_position = b->len;
    put_record(b, footer_key, SEGMENT_FOOTER, &footer);
    put_end(b, footer_position, footer.len);
    write_seed("segment/record", b->data + SEGMENT_HEADER_BYTES,
               (size_t)segment_record_bytes(block.len));
    flush_seed("segment/whole", b);
    flush_seed("segment/footer-plain", &footer);
    buf_release(&block);
    buf_release(&footer);
}

int main(int argc, char **argv)
{
    struct buf b;

    if (argc != 2) {
        fprintf(stderr, "usage: %s fuzz/corpus\n", argv[0]);
        return 2;
    }
    corpus = argv[1];
    fuzz_keys();
    rnd_init_seeded(&rnd, 1);
    buf_init(&b);
    write_blocks(&b);
    write_commits(&b);
    write_entries(&b);
    write_gaps(&b);
    write_rolls(&b);
    write_segments(&b);
    buf_release(&b);
    return 0;
}
