/*
 * storekit.h - what the tests of src/store share: a client of a simulated repository that asserts.
 *
 * It stands on harness/vault.h for folders, pool and keys; chunks are made from a number alone, so
 * that any test can tell whether what it reads is what was stored. Everything here is for the
 * thread that runs the test; the bodies of simsched.h must not assert.
 */
#ifndef HF_UNIT_STOREKIT_H
#define HF_UNIT_STOREKIT_H

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/cipher.h"
#include "format/nacl.h"
#include "harness/simdisk.h"
#include "harness/simrot.h"
#include "harness/vault.h"
#include "store/run.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Of the key file that vault.c makes repositories with. */
static const uint8_t kit_secret[KEYFILE_SECRET_BYTES] = "a key file for simulated clients";
static const struct keyfile_unlock kit_unlock = { .secret = kit_secret };

static inline void ok(int rc)
{
    if (rc != 0)
        print_error("%s (%s)\n", err_last()->text, err_code_name(rc));
    assert_int_equal(rc, 0);
}

/* Fails with this code, and its trail says so in these words. */
static inline void says(int rc, int code, const char *text)
{
    if (rc != code || !strstr(err_last()->text, text))
        print_error("%s: '%s', wanted %s: '%s'\n", err_code_name(rc), err_last()->text,
                    err_code_name(code), text);
    assert_int_equal(rc, code);
    assert_non_null(strstr(err_last()->text, text));
}

/* --- a disk and its faults -------------------------------------------------------------------- */

static inline void kit_fault(struct simdisk *d, enum simop_kind op, const char *prefix,
                             enum simfault_kind kind, int errnum)
{
    struct simfault f = { .where = { .kinds = SIMOP_BIT(op), .prefix = prefix },
                          .kind = kind,
                          .errnum = errnum };

    simdisk_fault(d, &f);
}

static inline void kit_fault_for_ever(struct simdisk *d, enum simop_kind op, const char *prefix,
                                      int errnum)
{
    struct simfault f = { .where = { .kinds = SIMOP_BIT(op), .prefix = prefix },
                          .kind = SIMFAULT_REFUSE,
                          .errnum = errnum,
                          .for_ever = true };

    simdisk_fault(d, &f);
}

static inline bool kit_there(const struct simdisk *d, const char *path)
{
    size_t len;

    return simrot_look(d, path, &len) != NULL;
}

static inline int kit_count_one(void *context, const char *path, size_t len)
{
    (void)path;
    (void)len;
    ++*(size_t *)context;
    return 0;
}

/* How many files have a path that begins so. */
static inline size_t kit_files(const struct simdisk *d, const char *prefix)
{
    size_t count = 0;

    simrot_each(d, prefix, kit_count_one, &count);
    return count;
}

struct kit_find {
    size_t skip;
    char *out;
};

static inline int kit_find_one(void *context, const char *path, size_t len)
{
    struct kit_find *f = context;

    (void)len;
    if (f->skip-- > 0)
        return 0;
    snprintf(f->out, 128, "%s", path);
    return 1;
}

/* The nth (from 0) file whose path begins so. */
static inline char *kit_file(const struct simdisk *d, const char *prefix, size_t nth, char out[128])
{
    struct kit_find f = { nth, out };

    assert_int_equal(simrot_each(d, prefix, kit_find_one, &f), 1);
    return out;
}

/* The sites of the syncs since operation `from` of the trace, in order, a space between them. */
static inline const char *kit_syncs(const struct simdisk *d, size_t from, struct buf *out)
{
    const struct simtrace *t = simdisk_trace(d);

    buf_clear(out);
    for (size_t i = from; i < t->count; i++)
        if (t->ops[i].site)
            buf_printf(out, "%s%s", out->len ? " " : "", t->ops[i].site);
    return buf_text(out);
}

/* How many operations since `from` changed something below this path. */
static inline size_t kit_changes(const struct simdisk *d, size_t from, const char *prefix)
{
    const struct simtrace *t = simdisk_trace(d);
    size_t count = 0;

    for (size_t i = from; i < t->count; i++) {
        const struct simop *op = &t->ops[i];

        count += (SIMOP_BIT(op->kind) & SIMOP_CHANGES) != 0 && op->path &&
                 strncmp(op->path, prefix, strlen(prefix)) == 0;
    }
    return count;
}

/* --- a client --------------------------------------------------------------------------------- */

static inline void kit_enter(struct vault *v, struct simdisk *d, const char *client)
{
    assert_int_equal(nacl_init(), 0);
    ok(vault_enter(v, simdisk_client(d, client)));
}

static inline void kit_open(struct vault *v)
{
    ok(repo_open(&v->env, &kit_unlock, REPO_STRICT, &v->repo));
}

static inline void kit_close(struct vault *v)
{
    repo_close(v->repo);
    v->repo = NULL;
}

/* Folders, pool and an open repository. */
static inline void kit_join(struct vault *v, struct simdisk *d, const char *client)
{
    kit_enter(v, d, client);
    kit_open(v);
}

/* A new disk with a repository, which client "a" has open. */
static inline struct simdisk *kit_begin(struct vault *v)
{
    struct simdisk *d = simdisk_new(1);

    kit_enter(v, d, "a");
    ok(vault_init(v));
    kit_open(v);
    return d;
}

static inline void kit_end(struct vault *v, struct simdisk *d)
{
    vault_leave(v);
    simdisk_free(d);
}

/* --- chunks ----------------------------------------------------------------------------------- */

/* The chunk that this number stands for: bytes that do not compress. */
static inline uint8_t *kit_bytes(uint64_t number, size_t len)
{
    uint8_t *data = mem_alloc(len);
    struct rnd r;

    assert_non_null(data);
    rnd_init_seeded(&r, number);
    ok(rnd_bytes(&r, data, len));
    return data;
}

static inline void kit_id(const struct repo *r, const void *data, size_t len, uint8_t out[32])
{
    struct cipher_id *ids = NULL;

    ok(cipher_id_new(repo_keys(r)->chunk_id_key, &ids));
    ok(cipher_id_of(ids, data, len, out));
    cipher_id_free(ids);
}

static inline void kit_chunk_id(const struct repo *r, uint64_t number, size_t len, uint8_t out[32])
{
    uint8_t *data = kit_bytes(number, len);

    kit_id(r, data, len, out);
    mem_free(data);
}

static inline struct run *kit_run(struct vault *v)
{
    struct run_options o = { .pool = v->pool };
    struct run *x = NULL;

    ok(run_begin(v->repo, &o, &x));
    return x;
}

/* Stores chunk `number` of the repository r; says whether it was new. */
static inline int kit_try_add(const struct repo *r, struct run *x, uint64_t number, size_t len,
                              bool *out_new)
{
    uint8_t *data = kit_bytes(number, len);
    uint8_t id[32];
    int rc;

    kit_id(r, data, len, id);
    rc = run_add(x, SEGMENT_DATA, id, data, len, out_new);
    mem_free(data);
    return rc;
}

static inline bool kit_add(struct vault *v, struct run *x, uint64_t number, size_t len)
{
    bool is_new = false;

    ok(kit_try_add(v->repo, x, number, len, &is_new));
    return is_new;
}

static inline int kit_try_commit(struct run **x, uint8_t out_id[16], uint64_t *out_number)
{
    struct commit c = { .job = (char[]){ "test" }, .flags = COMMIT_COMPLETE };

    return run_commit(x, &c, out_id, out_number);
}

/* A snapshot of the chunks first .. first + count - 1, of len bytes each; its entry's number. */
static inline uint64_t kit_commit(struct vault *v, uint64_t first, unsigned count, size_t len,
                                  uint8_t out_id[16])
{
    struct run *x = kit_run(v);
    uint64_t number;

    for (unsigned i = 0; i < count; i++)
        kit_add(v, x, first + i, len);
    ok(kit_try_commit(&x, out_id, &number));
    return number;
}

/* Whether a reader gets chunk `number`, and what was stored. */
static inline int kit_fetch(struct repo *r, uint64_t number, size_t len)
{
    struct repo_reader *rd = NULL;
    uint8_t *expected = kit_bytes(number, len);
    const uint8_t *data;
    size_t got;
    uint8_t id[32];
    int rc = repo_reader_new(r, 2, &rd);

    kit_id(r, expected, len, id);
    if (rc == 0)
        rc = repo_reader_chunk(rd, id, &data, &got);
    if (rc == 0) {
        assert_int_equal(got, len);
        assert_memory_equal(data, expected, len);
    }
    repo_reader_free(rd);
    mem_free(expected);
    return rc;
}

/* --- entries without data --------------------------------------------------------------------- */

struct kit_list {
    enum entry_item type; /* FORGET, UNFORGET or CONDEMN */
    const uint8_t (*uuids)[16];
    size_t count;
};

static inline int kit_build_list(void *context, const struct catalog *catalog,
                                 const uint8_t uuid[16], struct buf *body)
{
    const struct kit_list *l = context;

    (void)catalog;
    (void)uuid;
    if (l->type == ENTRY_CONDEMN)
        entry_put_condemn(body, l->uuids, l->count);
    else
        entry_put_forget(body, l->type == ENTRY_UNFORGET, 0, l->uuids, l->count);
    return buf_error(body);
}

static inline int kit_try_publish(struct repo *r, enum entry_item type, const uint8_t uuid[16])
{
    struct kit_list list = { type, (const uint8_t(*)[16])uuid, 1 };
    struct run_entry entry = { kit_build_list, &list };
    uint8_t id[16];
    uint64_t number;

    return run_publish(r, &entry, id, &number);
}

static inline void kit_publish(struct repo *r, enum entry_item type, const uint8_t uuid[16])
{
    ok(kit_try_publish(r, type, uuid));
}

static inline const uint8_t *kit_segment(const struct repo *r, uint32_t ordinal)
{
    const struct catalog_segment *s = catalog_segment(repo_catalog(r), ordinal);

    assert_non_null(s);
    return s->uuid;
}

/* Its path from the root of the disk. */
static inline char *kit_segment_path(const struct repo *r, uint32_t ordinal, char out[128])
{
    char hex[33];

    snprintf(out, 128, "repo/segments/%s", text_hex(kit_segment(r, ordinal), 16, hex));
    return out;
}

#endif
