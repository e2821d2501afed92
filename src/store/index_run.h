/*
 * index_run.h - one immutable sorted run of the chunk index, as a file in the cache.
 *
 * The file, little-endian, in pages of 16 KiB:
 *
 *   header, one page: magic "HFIDXRUN" [8], u32 version 1, u32 fan-out bits, u64 entries,
 *                     u64 offset of the checks, u64 number of pages before them,
 *                     u64 xxh3 of the checks, u64 xxh3 of the 48 bytes before
 *   fan-out:          2^bits + 1 u32s: how many entries have a prefix below this one
 *   entries:          32 bytes each, sorted: id prefix [16], u32 segment, u32 position / 8,
 *                     u32 slot, u32 length; from a page boundary
 *   checks:           u64 xxh3 of each page before
 *
 * Header, fan-out and checks are read and checked when a run is opened, and kept in memory: about
 * a byte for ten entries. A page of entries is checked when it is first touched; a wrong one is
 * HF_EDAMAGE to the reader, for a rotten entry would make a chunk look stored that is not. Entries
 * are read, not mapped: a repository of any size costs a command no more memory than that, and an
 * unreadable cache is an error, not a signal. Several threads may look things up at once.
 */
#ifndef HF_STORE_INDEX_RUN_H
#define HF_STORE_INDEX_RUN_H

#include <stdint.h>

#include "base/rnd.h"
#include "io/fs.h"
#include "store/index.h"

#define INDEX_RUN_NAME_BYTES 37 /* 32 hex digits, ".run", NUL */
#define INDEX_KEY_BYTES 16
#define INDEX_RUN_PAGE_BYTES ((size_t)16 << 10)

struct index_entry {
    uint8_t key[INDEX_KEY_BYTES];
    struct index_home home;
};

int index_run_compare(const struct index_entry *a, const struct index_entry *b);

struct index_run;

/* HF_EABSENT, HF_EDAMAGE. */
int index_run_open(struct fs *cache, const char *name, struct index_run **out_run);
void index_run_close(struct index_run *r);
const char *index_run_name(const struct index_run *r);
uint64_t index_run_count(const struct index_run *r);
int index_run_entry(const struct index_run *r, uint64_t i, struct index_entry *out);
/* The first entry with this key or a higher one; index_run_count if there is none. */
int index_run_find(const struct index_run *r, const uint8_t key[INDEX_KEY_BYTES], uint64_t *out_i);

/* All entries from one on, in order, a page at a time. */
struct index_run_cursor {
    const struct index_run *run;
    uint64_t next;       /* what comes next */
    uint64_t first, end; /* what is in `page` */
    uint8_t page[INDEX_RUN_PAGE_BYTES];
};

void index_run_cursor_init(struct index_run_cursor *c, const struct index_run *r, uint64_t from);
/* 1: *out is the next; 0: there is none; negative: it can't be read. */
int index_run_cursor_next(struct index_run_cursor *c, struct index_entry *out);

/* Writes a run: entries come in order, their number is known before (an upper bound will do). */
struct index_run_writer;

int index_run_create(struct fs *cache, struct rnd *rnd, uint64_t expected,
                     struct index_run_writer **out_writer);
int index_run_add(struct index_run_writer *w, const struct index_entry *e);
/* Ends and opens it. The writer is freed in every case. */
int index_run_finish(struct index_run_writer *w, struct index_run **out_run);
void index_run_abandon(struct index_run_writer *w);

#endif
