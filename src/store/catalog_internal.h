/*
 * catalog_internal.h - what catalog.c and catalog_cache.c share.
 */
#ifndef HF_STORE_CATALOG_INTERNAL_H
#define HF_STORE_CATALOG_INTERNAL_H

#include "base/map.h"
#include "store/catalog.h"

struct catalog {
    const struct keyring *keys;
    uint8_t repo_id[16];
    uint64_t entries;
    bool has_init;
    struct entry_init init;
    struct catalog_segment *segments;
    size_t segment_count, segment_cap;
    struct catalog_snapshot **snapshots; /* each stays where it is: readers hold on to them */
    size_t snapshot_count, snapshot_cap;
    struct catalog_key *keys_known;
    size_t key_count, key_cap;
    struct catalog_gap **gaps; /* each stays where it is, as snapshots do */
    size_t gap_count, gap_cap, gaps_open;
    struct catalog_evidence *evidence;
    size_t evidence_count, evidence_cap;
    struct map *segment_by_uuid; /* -> u32 ordinal, CATALOG_NO_SEGMENT if only condemned */
    struct map *snapshot_by_id;  /* -> u32 */
};

int catalog_add_segment(struct catalog *c, const struct catalog_segment *s);
/* Takes over s->commit. */
int catalog_add_snapshot(struct catalog *c, struct catalog_snapshot *s);
/* Takes over its texts. */
int catalog_add_gap(struct catalog *c, struct catalog_gap *g);
int catalog_add_key(struct catalog *c, const struct catalog_key *k);
int catalog_add_evidence(struct catalog *c, const struct catalog_evidence *e);
void catalog_gap_free(struct catalog_gap *g); /* accepts NULL */
/* What an EVENT GAP says: wholly or not at all. */
int catalog_apply_gap(struct catalog *c, const struct journal_entry *e, const struct buf *plain);
/* What an EVENT EVIDENCE says: wholly or not at all. */
int catalog_apply_evidence(struct catalog *c, const struct journal_entry *e,
                           const struct buf *plain);
/* The snapshot has just been added: ends the gaps that it closes. */
void catalog_close_gaps(struct catalog *c, const struct catalog_snapshot *s);
int catalog_condemn(struct catalog *c, const uint8_t uuid[16], uint64_t number);

#endif
