/*
 * catalog_cache.c - the catalogue as bytes in the client's cache.
 *
 * The bytes are covered by the checksum of the file that they are part of (view.h), so what can be
 * wrong here is only that another version of the program wrote them: HF_EDAMAGE, upon which the
 * cache is dropped and the catalogue read from the journal again.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "store/catalog_internal.h"

static void put_segment(struct buf *out, const struct catalog_segment *s)
{
    buf_put(out, s->uuid, sizeof s->uuid);
    buf_put(out, s->trailer_hash, sizeof s->trailer_hash);
    buf_put_varint(out, s->file_len);
    buf_put_varint(out, s->adopted_by);
    buf_put_varint(out, s->condemned_by);
    buf_put_i64(out, s->verified_ns);
}

static int put_snapshot(struct buf *out, const struct catalog_snapshot *s, struct buf *scratch)
{
    int rc;

    buf_put(out, s->id, sizeof s->id);
    buf_put_varint(out, s->number);
    buf_put_i64(out, s->published_ns);
    buf_put_varint(out, s->forgotten_by);
    buf_put_u8(out, s->partial);
    buf_clear(scratch);
    rc = commit_encode(&s->commit, scratch);
    buf_put_bytes(out, scratch->data, scratch->len);
    return rc;
}

static void put_keys(struct buf *out, const struct catalog *c)
{
    buf_put_varint(out, c->key_count);
    for (size_t i = 0; i < c->key_count; i++) {
        const struct catalog_key *k = &c->keys_known[i];

        buf_put(out, k->way.file, sizeof k->way.file);
        buf_put_u8(out, (uint8_t)k->way.kind);
        buf_put(out, k->way.fingerprint, sizeof k->way.fingerprint);
        buf_put_varint(out, k->added_by);
        buf_put_i64(out, k->added_ns);
        buf_put_varint(out, k->removed_by);
    }
}

static void put_gaps(struct buf *out, const struct catalog *c)
{
    buf_put_varint(out, c->gap_count);
    for (size_t i = 0; i < c->gap_count; i++) {
        const struct catalog_gap *g = c->gaps[i];

        buf_put(out, g->id, sizeof g->id);
        buf_put_varint(out, g->number);
        buf_put_u8(out, (uint8_t)g->reason);
        buf_put_text(out, g->job);
        buf_put_text(out, g->host);
        buf_put_i64(out, g->begin_ns);
        buf_put_i64(out, g->end_ns);
        buf_put_varint(out, g->closed_by);
    }
}

static void put_evidence(struct buf *out, const struct catalog *c)
{
    buf_put_varint(out, c->evidence_count);
    for (size_t i = 0; i < c->evidence_count; i++) {
        const struct catalog_evidence *e = &c->evidence[i];

        buf_put_varint(out, e->number);
        buf_put(out, e->id, sizeof e->id);
        buf_put_u8(out, (uint8_t)e->kind);
        buf_put_i64(out, e->published_ns);
    }
}

/* UUIDs that were condemned without ever having been adopted. */
static void put_stillborn(struct buf *out, const struct catalog *c)
{
    size_t at = 0;
    uint64_t count = map_count(c->segment_by_uuid) - c->segment_count;
    const void *uuid;
    void *value;

    buf_put_varint(out, count);
    while (map_next(c->segment_by_uuid, &at, &uuid, &value)) {
        uint32_t ordinal;

        memcpy(&ordinal, value, sizeof ordinal);
        if (ordinal == CATALOG_NO_SEGMENT) {
            buf_put(out, uuid, 16);
        }
    }
}

int catalog_save(const struct catalog *c, struct buf *out)
{
    struct buf scratch;
    int rc;

    buf_init(&scratch);
    buf_put_varint(out, c->entries);
    entry_put_init(&scratch, &c->init);
    rc = buf_error(&scratch);
    buf_put_bytes(out, scratch.data, scratch.len);
    buf_put_varint(out, c->segment_count);
    for (size_t i = 0; i < c->segment_count; i++) {
        put_segment(out, &c->segments[i]);
    }
    put_stillborn(out, c);
    put_keys(out, c);
    put_gaps(out, c);
    put_evidence(out, c);
    buf_put_varint(out, c->snapshot_count);
    for (size_t i = 0; rc == 0 && i < c->snapshot_count; i++) {
        rc = put_snapshot(out, c->snapshots[i], &scratch);
    }
    buf_release(&scratch);
    return rc < 0 ? rc : buf_error(out);
}

static int get_init(struct cursor *in, struct catalog *c)
{
    struct entry_walk walk;
    struct entry_view item;
    size_t len;
    const uint8_t *bytes = cursor_bytes(in, 4096, &len);

    if (!bytes) {
        return err_raise(HF_EDAMAGE, "the cached catalogue is cut short");
    }
    entry_walk_init(&walk, bytes, len);
    if (entry_walk_next(&walk, &item) != 1 || entry_get_init(&item, &c->init) < 0) {
        return err_raise(HF_EDAMAGE, "the cached catalogue does not begin as one");
    }
    c->has_init = true;
    return 0;
}

static int get_segments(struct cursor *in, struct catalog *c)
{
    int rc = 0;

    for (uint64_t n = cursor_varint(in); rc == 0 && n > 0 && !cursor_failed(in); n--) {
        struct catalog_segment s = { 0 };

        cursor_copy(in, s.uuid, sizeof s.uuid);
        cursor_copy(in, s.trailer_hash, sizeof s.trailer_hash);
        s.file_len = cursor_varint(in);
        s.adopted_by = cursor_varint(in);
        s.condemned_by = cursor_varint(in);
        s.verified_ns = cursor_i64(in);
        rc = cursor_failed(in) ? 0 : catalog_add_segment(c, &s);
    }
    for (uint64_t n = cursor_varint(in); rc == 0 && n > 0 && !cursor_failed(in); n--) {
        uint8_t uuid[16];

        cursor_copy(in, uuid, sizeof uuid);
        rc = cursor_failed(in) ? 0 : catalog_condemn(c, uuid, 0);
    }
    return rc;
}

static int get_keys(struct cursor *in, struct catalog *c)
{
    int rc = 0;

    for (uint64_t n = cursor_varint(in); rc == 0 && n > 0 && !cursor_failed(in); n--) {
        struct catalog_key k = { 0 };

        cursor_copy(in, k.way.file, sizeof k.way.file);
        k.way.file[sizeof k.way.file - 1] = '\0';
        k.way.kind = (enum keychange_kind)cursor_u8(in);
        cursor_copy(in, k.way.fingerprint, sizeof k.way.fingerprint);
        k.added_by = cursor_varint(in);
        k.added_ns = cursor_i64(in);
        k.removed_by = cursor_varint(in);
        rc = cursor_failed(in) ? 0 : catalog_add_key(c, &k);
    }
    return rc;
}

static int get_gap(struct cursor *in, struct catalog *c)
{
    struct catalog_gap g = { 0 };
    int rc;

    cursor_copy(in, g.id, sizeof g.id);
    g.number = cursor_varint(in);
    g.reason = (enum gapevent_reason)cursor_u8(in);
    g.job = cursor_text(in, in->len);
    g.host = cursor_text(in, in->len);
    g.begin_ns = cursor_i64(in);
    g.end_ns = cursor_i64(in);
    g.closed_by = cursor_varint(in);
    if (cursor_failed(in)) {
        rc = err_raise(HF_EDAMAGE, "a gap in the cached catalogue is cut short");
    } else {
        rc = g.job && g.host ? catalog_add_gap(c, &g) : HF_ENOMEM;
    }
    mem_free(g.job);
    mem_free(g.host);
    return rc;
}

static int get_evidence(struct cursor *in, struct catalog *c)
{
    int rc = 0;

    for (uint64_t n = cursor_varint(in); rc == 0 && n > 0 && !cursor_failed(in); n--) {
        struct catalog_evidence e = { .number = cursor_varint(in) };

        cursor_copy(in, e.id, sizeof e.id);
        e.kind = (enum evidence_kind)cursor_u8(in);
        e.published_ns = cursor_i64(in);
        rc = cursor_failed(in) ? 0 : catalog_add_evidence(c, &e);
    }
    return rc;
}

static int get_gaps(struct cursor *in, struct catalog *c)
{
    int rc = 0;

    for (uint64_t n = cursor_varint(in); rc == 0 && n > 0 && !cursor_failed(in); n--) {
        rc = get_gap(in, c);
    }
    return rc;
}

static int get_snapshot(struct cursor *in, struct catalog *c)
{
    struct catalog_snapshot s = { 0 };
    const uint8_t *plain;
    size_t len;
    int rc;

    cursor_copy(in, s.id, sizeof s.id);
    s.number = cursor_varint(in);
    s.published_ns = cursor_i64(in);
    s.forgotten_by = cursor_varint(in);
    s.partial = cursor_u8(in) != 0;
    plain = cursor_bytes(in, in->len, &len);
    if (!plain) {
        return err_raise(HF_EDAMAGE, "the cached catalogue is cut short");
    }
    rc = commit_decode(plain, len, &s.commit);
    if (rc == 0) {
        rc = catalog_add_snapshot(c, &s);
        commit_release(&s.commit);
    }
    return rc;
}

int catalog_load(const void *data, size_t len, const struct keyring *keys,
                 const uint8_t repo_id[16], struct catalog **out_catalog)
{
    struct catalog *c = NULL;
    struct cursor in;
    int rc = catalog_new(keys, repo_id, &c);

    if (rc < 0) {
        return rc;
    }
    cursor_init(&in, data, len);
    c->entries = cursor_varint(&in);
    rc = get_init(&in, c);
    if (rc == 0) {
        rc = get_segments(&in, c);
    }
    if (rc == 0) {
        rc = get_keys(&in, c);
    }
    if (rc == 0) {
        rc = get_gaps(&in, c);
    }
    if (rc == 0) {
        rc = get_evidence(&in, c);
    }
    if (rc == 0) {
        for (uint64_t n = cursor_varint(&in); rc == 0 && n > 0 && !cursor_failed(&in); n--) {
            rc = get_snapshot(&in, c);
        }
    }
    if (rc == 0 && !cursor_done(&in)) {
        rc = err_raise(HF_EDAMAGE, "the cached catalogue is not whole");
    }
    if (rc < 0) {
        catalog_free(c);
        return rc;
    }
    *out_catalog = c;
    return 0;
}
