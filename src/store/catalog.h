/*
 * catalog.h - what the journal says, as of a position: segments, snapshots, tags.
 *
 * Derived from the entries alone, in their order; any client arrives at the same catalogue. The
 * ordinal of a segment is the order of its adoption, so it is the same everywhere and never
 * changes. One thread at a time while it changes; readers may share it while it doesn't.
 */
#ifndef HF_STORE_CATALOG_H
#define HF_STORE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/commit.h"
#include "format/entry.h"
#include "store/journal.h"

struct catalog;

#define CATALOG_NO_SEGMENT UINT32_MAX

struct catalog_segment {
    uint8_t uuid[16];
    uint64_t file_len;
    uint8_t trailer_hash[32];
    uint64_t adopted_by;   /* entry number */
    uint64_t condemned_by; /* entry number, or 0 */
};

struct catalog_snapshot {
    uint8_t id[16];
    uint64_t number;
    int64_t published_ns;
    uint64_t forgotten_by; /* entry number, or 0 */
    bool partial;          /* of a run that goes on: not a snapshot, but kept for it */
    struct commit commit;
};

int catalog_new(const struct keyring *keys, const uint8_t repo_id[16],
                struct catalog **out_catalog);
void catalog_free(struct catalog *c);

/* Takes in one entry, wholly or not at all. HF_EDAMAGE when it contradicts what was before. */
int catalog_apply(struct catalog *c, const struct journal_entry *e);

const struct entry_init *catalog_init_entry(const struct catalog *c);

size_t catalog_segment_count(const struct catalog *c);
const struct catalog_segment *catalog_segment(const struct catalog *c, uint32_t ordinal);
/* CATALOG_NO_SEGMENT if it was never adopted. */
uint32_t catalog_find_segment(const struct catalog *c, const uint8_t uuid[16]);
/* Whether a CONDEMN names it, adopted or not: such a UUID is dead for ever. */
bool catalog_condemned(const struct catalog *c, const uint8_t uuid[16]);

/* Snapshots and partials in journal order. */
size_t catalog_snapshot_count(const struct catalog *c);
const struct catalog_snapshot *catalog_snapshot(const struct catalog *c, size_t i);
const struct catalog_snapshot *catalog_find_snapshot(const struct catalog *c, const uint8_t id[16]);
uint64_t catalog_entry_count(const struct catalog *c);

/* The whole catalogue as bytes for the cache, and back. */
int catalog_save(const struct catalog *c, struct buf *out);
int catalog_load(const void *data, size_t len, const struct keyring *keys,
                 const uint8_t repo_id[16], struct catalog **out_catalog);

#endif
