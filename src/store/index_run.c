/*
 * index_run.c - sorted runs: the file format, its reader and its writer. See index_run.h.
 */
#include "store/index_run.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/xxh.h"

#define PAGE_BYTES ((size_t)16 << 10)
#define ENTRY_BYTES ((size_t)32)
#define MAX_FAN_BITS 22u
#define ENTRIES_A_BUCKET 64u

static const uint8_t magic[8] = { 'H', 'F', 'I', 'D', 'X', 'R', 'U', 'N' };

struct index_run {
    struct fs_file *file;
    char name[INDEX_RUN_NAME_BYTES];
    const uint8_t *data;
    size_t len;
    unsigned bits;
    uint64_t count;
    uint64_t entries_at;
    uint64_t checks_at;
    uint64_t pages;
    atomic_uchar *seen; /* one a page: it was checked and is whole */
};

int index_run_compare(const struct index_entry *a, const struct index_entry *b)
{
    int order = memcmp(a->key, b->key, sizeof a->key);

    if (order != 0) {
        return order;
    }
    if (a->home.segment != b->home.segment) {
        return a->home.segment < b->home.segment ? -1 : 1;
    }
    if (a->home.position != b->home.position) {
        return a->home.position < b->home.position ? -1 : 1;
    }
    return (a->home.slot > b->home.slot) - (a->home.slot < b->home.slot);
}

/* The bucket of a key: its first bits. */
static uint32_t bucket_of(const uint8_t *key, unsigned bits)
{
    uint32_t top = (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];

    return bits == 0 ? 0 : top >> (32 - bits);
}

static uint64_t round_to_page(uint64_t n)
{
    return (n + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static uint64_t entries_offset(unsigned bits)
{
    return round_to_page(PAGE_BYTES + (((uint64_t)1 << bits) + 1) * 4);
}

/* Reading */

/* Bytes of the run, their pages checked. NULL: damage, with the trail. */
static const uint8_t *touch(const struct index_run *r, uint64_t at, size_t len)
{
    for (uint64_t page = at / PAGE_BYTES; page <= (at + len - 1) / PAGE_BYTES; page++) {
        const uint8_t *p = r->data + page * PAGE_BYTES;

        if (atomic_load_explicit(&r->seen[page], memory_order_relaxed)) {
            continue;
        }
        if (xxh_64(p, PAGE_BYTES) != le_get64(r->data + r->checks_at + 8 * page)) {
            err_raise(HF_EDAMAGE, "the cached index run %s is not what was written", r->name);
            return NULL;
        }
        atomic_store_explicit(&r->seen[page], 1, memory_order_relaxed);
    }
    return r->data + at;
}

static int parse_header(struct index_run *r)
{
    const uint8_t *h = r->data;

    if (r->len < PAGE_BYTES + 8 || memcmp(h, magic, sizeof magic) != 0 || le_get32(h + 8) != 1 ||
        xxh_64(h, 48) != le_get64(h + 48)) {
        return err_raise(HF_EDAMAGE, "it does not begin as an index run");
    }
    r->bits = le_get32(h + 12);
    r->count = le_get64(h + 16);
    r->checks_at = le_get64(h + 24);
    r->pages = le_get64(h + 32);
    if (r->bits > MAX_FAN_BITS || r->count > UINT32_MAX || r->pages > r->len / PAGE_BYTES ||
        r->checks_at != r->pages * PAGE_BYTES || r->len != r->checks_at + 8 * r->pages) {
        return err_raise(HF_EDAMAGE, "its sizes do not fit");
    }
    r->entries_at = entries_offset(r->bits);
    if (round_to_page(r->entries_at + r->count * ENTRY_BYTES) != r->checks_at ||
        xxh_64(r->data + r->checks_at, (size_t)(8 * r->pages)) != le_get64(h + 40)) {
        return err_raise(HF_EDAMAGE, "its checks do not fit");
    }
    return 0;
}

int index_run_open(struct fs *cache, const char *name, struct index_run **out_run)
{
    struct index_run *r = mem_zalloc(sizeof *r);
    int rc;

    if (!r) {
        return err_nomem();
    }
    snprintf(r->name, sizeof r->name, "%s", name);
    rc = fs_open(cache, name, &r->file);
    if (rc == 0) {
        rc = fs_map(r->file, &r->data, &r->len);
    }
    if (rc == 0) {
        rc = parse_header(r);
    }
    if (rc == 0) {
        r->seen = mem_array((size_t)r->pages, sizeof *r->seen);
        rc = r->seen ? 0 : err_nomem();
    }
    if (rc < 0) {
        index_run_close(r);
        return err_add(rc, "index run %s", name);
    }
    *out_run = r;
    return 0;
}

void index_run_close(struct index_run *r)
{
    if (r) {
        (void)fs_close(&r->file);
        mem_free(r->seen);
        mem_free(r);
    }
}

const char *index_run_name(const struct index_run *r)
{
    return r->name;
}

uint64_t index_run_count(const struct index_run *r)
{
    return r->count;
}

int index_run_entry(const struct index_run *r, uint64_t i, struct index_entry *out)
{
    const uint8_t *p = touch(r, r->entries_at + i * ENTRY_BYTES, ENTRY_BYTES);

    if (!p) {
        return HF_EDAMAGE;
    }
    memcpy(out->key, p, sizeof out->key);
    out->home.segment = le_get32(p + 16);
    out->home.position = (uint64_t)le_get32(p + 20) * 8;
    out->home.slot = le_get32(p + 24);
    out->home.len = le_get32(p + 28);
    return 0;
}

int index_run_find(const struct index_run *r, const uint8_t key[INDEX_KEY_BYTES], uint64_t *out_i)
{
    const uint8_t *fan = touch(r, PAGE_BYTES + (uint64_t)bucket_of(key, r->bits) * 4, 8);
    uint64_t low;
    uint64_t high;

    if (!fan) {
        return HF_EDAMAGE;
    }
    low = le_get32(fan);
    high = le_get32(fan + 4);
    if (low > high || high > r->count) {
        return err_raise(HF_EDAMAGE, "the cached index run %s contradicts itself", r->name);
    }
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        const uint8_t *p = touch(r, r->entries_at + middle * ENTRY_BYTES, ENTRY_BYTES);

        if (!p) {
            return HF_EDAMAGE;
        }
        if (memcmp(p, key, INDEX_KEY_BYTES) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_i = low;
    return 0;
}

/* Writing */

struct index_run_writer {
    struct fs *cache;
    struct fs_file *file;
    char name[INDEX_RUN_NAME_BYTES];
    unsigned bits;
    uint64_t count;
    uint64_t flushed;     /* entry bytes written */
    struct buf pending;   /* entry bytes not written yet */
    struct buf checks;    /* of the entry pages written */
    uint8_t *fan;         /* the fan-out pages as they will be */
    uint32_t next_bucket; /* fan[0 .. next_bucket) are final */
};

static unsigned fan_bits_for(uint64_t expected)
{
    unsigned bits = 0;

    while (bits < MAX_FAN_BITS && (expected >> bits) > ENTRIES_A_BUCKET) {
        bits++;
    }
    return bits;
}

int index_run_create(struct fs *cache, struct rnd *rnd, uint64_t expected,
                     struct index_run_writer **out_writer)
{
    struct index_run_writer *w = mem_zalloc(sizeof *w);
    uint8_t uuid[UUID_BYTES];
    int rc;

    if (!w) {
        return err_nomem();
    }
    w->cache = cache;
    buf_init(&w->pending);
    buf_init(&w->checks);
    w->bits = fan_bits_for(expected);
    w->fan = mem_zalloc((size_t)entries_offset(w->bits) - PAGE_BYTES);
    rc = w->fan ? rnd_uuid(rnd, uuid) : err_nomem();
    if (rc == 0) {
        text_hex(uuid, sizeof uuid, w->name);
        memcpy(w->name + 32, ".run", 5);
        rc = fs_create(cache, w->name, 0600, &w->file);
    }
    if (rc < 0) {
        index_run_abandon(w);
        return rc;
    }
    *out_writer = w;
    return 0;
}

static int flush_entries(struct index_run_writer *w)
{
    int rc = fs_pwrite(w->file, w->pending.data, w->pending.len,
                       entries_offset(w->bits) + w->flushed);

    for (size_t at = 0; at < w->pending.len; at += PAGE_BYTES) {
        buf_put_u64(&w->checks, xxh_64(w->pending.data + at, PAGE_BYTES));
    }
    w->flushed += w->pending.len;
    buf_clear(&w->pending);
    return rc < 0 ? rc : buf_error(&w->checks);
}

int index_run_add(struct index_run_writer *w, const struct index_entry *e)
{
    uint32_t bucket = bucket_of(e->key, w->bits);

    for (; w->next_bucket <= bucket; w->next_bucket++) {
        le_put32(w->fan + (size_t)w->next_bucket * 4, (uint32_t)w->count);
    }
    buf_put(&w->pending, e->key, sizeof e->key);
    buf_put_u32(&w->pending, e->home.segment);
    buf_put_u32(&w->pending, (uint32_t)(e->home.position / 8));
    buf_put_u32(&w->pending, e->home.slot);
    buf_put_u32(&w->pending, e->home.len);
    w->count++;
    if (w->pending.len == 64 * PAGE_BYTES) {
        return flush_entries(w);
    }
    return buf_error(&w->pending);
}

/* Header, fan-out and checks around the entries. */
static int write_frame(struct index_run_writer *w)
{
    size_t fan_bytes = (size_t)entries_offset(w->bits) - PAGE_BYTES;
    uint64_t pages = (entries_offset(w->bits) + w->flushed) / PAGE_BYTES;
    uint8_t *head = mem_zalloc(PAGE_BYTES);
    struct buf checks;
    int rc;

    if (!head) {
        return err_nomem();
    }
    for (; w->next_bucket <= (uint32_t)1 << w->bits; w->next_bucket++) {
        le_put32(w->fan + (size_t)w->next_bucket * 4, (uint32_t)w->count);
    }
    buf_init(&checks);
    buf_put_zeros(&checks, 8); /* the header is covered by its own check */
    for (size_t at = 0; at < fan_bytes; at += PAGE_BYTES) {
        buf_put_u64(&checks, xxh_64(w->fan + at, PAGE_BYTES));
    }
    buf_put(&checks, w->checks.data, w->checks.len);
    memcpy(head, magic, sizeof magic);
    le_put32(head + 8, 1);
    le_put32(head + 12, w->bits);
    le_put64(head + 16, w->count);
    le_put64(head + 24, pages * PAGE_BYTES);
    le_put64(head + 32, pages);
    rc = buf_error(&checks);
    if (rc == 0) {
        le_put64(head + 40, xxh_64(checks.data, checks.len));
        le_put64(head + 48, xxh_64(head, 48));
        rc = fs_pwrite(w->file, checks.data, checks.len, pages * PAGE_BYTES);
    }
    if (rc == 0) {
        rc = fs_pwrite(w->file, w->fan, fan_bytes, PAGE_BYTES);
    }
    if (rc == 0) {
        rc = fs_pwrite(w->file, head, PAGE_BYTES, 0);
    }
    buf_release(&checks);
    mem_free(head);
    return rc;
}

int index_run_finish(struct index_run_writer *w, struct index_run **out_run)
{
    int rc = 0;

    buf_put_zeros(&w->pending, (size_t)(round_to_page(w->pending.len) - (uint64_t)w->pending.len));
    rc = buf_error(&w->pending);
    if (rc == 0) {
        rc = flush_entries(w);
    }
    if (rc == 0) {
        rc = write_frame(w);
    }
    if (rc == 0) {
        rc = fs_close(&w->file);
    }
    if (rc == 0) {
        rc = index_run_open(w->cache, w->name, out_run);
    }
    index_run_abandon(w);
    return rc;
}

void index_run_abandon(struct index_run_writer *w)
{
    if (!w) {
        return;
    }
    if (w->file) {
        struct err_trail cause;

        err_take(&cause);
        (void)fs_close(&w->file);
        (void)fs_unlink(w->cache, w->name);
        err_give(&cause);
    }
    buf_release(&w->pending);
    buf_release(&w->checks);
    mem_free(w->fan);
    mem_free(w);
}
