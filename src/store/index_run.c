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

#define PAGE_BYTES INDEX_RUN_PAGE_BYTES
#define ENTRY_BYTES ((size_t)32)
#define HEADER_BYTES ((size_t)56)
#define MAX_FAN_BITS 22u
#define ENTRIES_A_BUCKET 64u
#define ENTRIES_AT_ONCE 256u /* read by one call and searched in memory */

static const uint8_t magic[8] = { 'H', 'F', 'I', 'D', 'X', 'R', 'U', 'N' };

struct index_run {
    struct fs_file *file;
    char name[INDEX_RUN_NAME_BYTES];
    unsigned bits;
    uint64_t count;
    uint64_t entries_at;
    uint64_t checks_at;
    uint64_t pages;
    uint8_t *fan;       /* the fan-out, with the rest of its last page */
    uint8_t *checks;    /* one a page */
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

static int check_page(const struct index_run *r, uint64_t page, const uint8_t *bytes)
{
    if (xxh_64(bytes, PAGE_BYTES) != le_get64(r->checks + 8 * page)) {
        return err_raise(HF_EDAMAGE, "the cached index run %s is not what was written", r->name);
    }
    atomic_store_explicit(&r->seen[page], 1, memory_order_relaxed);
    return 0;
}

/* A disk that can't read the cache is no reason to have none: it can go, and is made anew. */
static int read_at(const struct index_run *r, void *out, size_t len, uint64_t at)
{
    int rc = fs_pread_all(r->file, out, len, at);

    return rc == HF_EIO ? err_hint("the cache can be deleted: it is made anew") : rc;
}

/* Bytes of the run, from pages that are whole. */
static int fetch(const struct index_run *r, uint64_t at, void *out, size_t len)
{
    uint8_t bytes[PAGE_BYTES];

    for (uint64_t page = at / PAGE_BYTES; page <= (at + len - 1) / PAGE_BYTES; page++) {
        int rc;

        if (atomic_load_explicit(&r->seen[page], memory_order_relaxed)) {
            continue;
        }
        rc = read_at(r, bytes, PAGE_BYTES, page * PAGE_BYTES);
        if (rc == 0) {
            rc = check_page(r, page, bytes);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return read_at(r, out, len, at);
}

static int parse_header(struct index_run *r, const uint8_t *h)
{
    uint64_t len;
    int rc = fs_size(r->file, &len);

    if (rc < 0) {
        return rc;
    }
    if (memcmp(h, magic, sizeof magic) != 0 || le_get32(h + 8) != 1 ||
        xxh_64(h, 48) != le_get64(h + 48)) {
        return err_raise(HF_EDAMAGE, "it does not begin as an index run");
    }
    r->bits = le_get32(h + 12);
    r->count = le_get64(h + 16);
    r->checks_at = le_get64(h + 24);
    r->pages = le_get64(h + 32);
    if (r->bits > MAX_FAN_BITS || r->count > UINT32_MAX || r->pages > len / PAGE_BYTES ||
        r->checks_at != r->pages * PAGE_BYTES || len != r->checks_at + 8 * r->pages) {
        return err_raise(HF_EDAMAGE, "its sizes do not fit");
    }
    r->entries_at = entries_offset(r->bits);
    if (round_to_page(r->entries_at + r->count * ENTRY_BYTES) != r->checks_at) {
        return err_raise(HF_EDAMAGE, "its sizes do not fit");
    }
    return 0;
}

static int read_checks(struct index_run *r, const uint8_t *header)
{
    size_t len = (size_t)(8 * r->pages);
    int rc;

    r->checks = mem_alloc(len);
    r->seen = mem_array((size_t)r->pages, sizeof *r->seen);
    if (!r->checks || !r->seen) {
        return err_nomem();
    }
    rc = fs_pread_all(r->file, r->checks, len, r->checks_at);
    if (rc == 0 && xxh_64(r->checks, len) != le_get64(header + 40)) {
        rc = err_raise(HF_EDAMAGE, "its checks do not fit");
    }
    return rc;
}

static int read_fan(struct index_run *r)
{
    size_t len = (size_t)r->entries_at - PAGE_BYTES;
    int rc;

    r->fan = mem_alloc(len);
    if (!r->fan) {
        return err_nomem();
    }
    rc = fs_pread_all(r->file, r->fan, len, PAGE_BYTES);
    for (size_t at = 0; rc == 0 && at < len; at += PAGE_BYTES) {
        rc = check_page(r, 1 + at / PAGE_BYTES, r->fan + at);
    }
    return rc;
}

int index_run_open(struct fs *cache, const char *name, struct index_run **out_run)
{
    struct index_run *r = mem_zalloc(sizeof *r);
    uint8_t header[HEADER_BYTES];
    int rc;

    if (!r) {
        return err_nomem();
    }
    snprintf(r->name, sizeof r->name, "%s", name);
    rc = fs_open(cache, name, &r->file);
    if (rc == 0) {
        rc = fs_pread_all(r->file, header, sizeof header, 0);
    }
    if (rc == 0) {
        rc = parse_header(r, header);
    }
    if (rc == 0) {
        rc = read_checks(r, header);
    }
    if (rc == 0) {
        rc = read_fan(r);
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
        mem_free(r->fan);
        mem_free(r->checks);
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

static void decode(const uint8_t *p, struct index_entry *out)
{
    memcpy(out->key, p, sizeof out->key);
    out->home.segment = le_get32(p + 16);
    out->home.position = (uint64_t)le_get32(p + 20) * 8;
    out->home.slot = le_get32(p + 24);
    out->home.len = le_get32(p + 28);
}

int index_run_entry(const struct index_run *r, uint64_t i, struct index_entry *out)
{
    uint8_t bytes[ENTRY_BYTES];
    int rc = fetch(r, r->entries_at + i * ENTRY_BYTES, bytes, sizeof bytes);

    if (rc == 0) {
        decode(bytes, out);
    }
    return rc;
}

/* Halves what lies between *low and *high until it can be read at once. */
static int narrow(const struct index_run *r, const uint8_t *key, uint64_t *low, uint64_t *high)
{
    while (*high - *low > ENTRIES_AT_ONCE) {
        uint64_t middle = *low + (*high - *low) / 2;
        struct index_entry e;
        int rc = index_run_entry(r, middle, &e);

        if (rc < 0) {
            return rc;
        }
        if (memcmp(e.key, key, INDEX_KEY_BYTES) < 0) {
            *low = middle + 1;
        } else {
            *high = middle;
        }
    }
    return 0;
}

int index_run_find(const struct index_run *r, const uint8_t key[INDEX_KEY_BYTES], uint64_t *out_i)
{
    const uint8_t *fan = r->fan + (size_t)bucket_of(key, r->bits) * 4;
    uint8_t entries[ENTRIES_AT_ONCE * ENTRY_BYTES];
    uint64_t low = le_get32(fan);
    uint64_t high = le_get32(fan + 4);
    uint64_t first;
    int rc;

    if (low > high || high > r->count) {
        return err_raise(HF_EDAMAGE, "the cached index run %s contradicts itself", r->name);
    }
    rc = narrow(r, key, &low, &high);
    if (rc == 0 && low < high) {
        rc = fetch(r, r->entries_at + low * ENTRY_BYTES, entries,
                   (size_t)(high - low) * ENTRY_BYTES);
    }
    for (first = low; rc == 0 && low < high;) {
        uint64_t middle = low + (high - low) / 2;

        if (memcmp(entries + (middle - first) * ENTRY_BYTES, key, INDEX_KEY_BYTES) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_i = low;
    return rc;
}

void index_run_cursor_init(struct index_run_cursor *c, const struct index_run *r, uint64_t from)
{
    c->run = r;
    c->next = from;
    c->first = c->end = 0;
}

/* Entries begin at a page, so a page of the file is a page of them. */
static int load_page(struct index_run_cursor *c)
{
    const struct index_run *r = c->run;
    uint64_t page = c->next / (PAGE_BYTES / ENTRY_BYTES);
    uint64_t at = r->entries_at + page * PAGE_BYTES;
    int rc = read_at(r, c->page, PAGE_BYTES, at);

    if (rc == 0) {
        rc = check_page(r, at / PAGE_BYTES, c->page);
    }
    c->first = page * (PAGE_BYTES / ENTRY_BYTES);
    c->end = rc == 0 ? c->first + PAGE_BYTES / ENTRY_BYTES : c->first;
    return rc;
}

int index_run_cursor_next(struct index_run_cursor *c, struct index_entry *out)
{
    int rc = 0;

    if (c->next >= c->run->count) {
        return 0;
    }
    if (c->next < c->first || c->next >= c->end) {
        rc = load_page(c);
    }
    if (rc < 0) {
        return rc;
    }
    decode(c->page + (c->next++ - c->first) * ENTRY_BYTES, out);
    return 1;
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
