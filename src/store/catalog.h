/*
 * catalog.h - what the journal says, as of a position: segments, snapshots, tags, gaps, keys.
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
#include "format/evidence.h"
#include "format/gapevent.h"
#include "format/keychange.h"
#include "store/journal.h"

struct catalog;

#define CATALOG_NO_SEGMENT UINT32_MAX

struct catalog_segment {
    uint8_t uuid[16];
    uint64_t file_len;
    uint8_t trailer_hash[32];
    uint64_t adopted_by;   /* entry number */
    uint64_t condemned_by; /* entry number, or 0 */
    int64_t verified_ns;   /* when evidence last said that all its data are right, or 0 */
};

struct catalog_key {
    struct keychange_way way;
    uint64_t added_by;   /* entry number, or 0: nothing but its removal is known */
    int64_t added_ns;    /* time of that entry */
    uint64_t removed_by; /* entry number, or 0 */
};

struct catalog_snapshot {
    uint8_t id[16];
    uint64_t number;
    int64_t published_ns;
    uint64_t forgotten_by; /* entry number, or 0 */
    bool partial;          /* of a run that goes on: not a snapshot, but kept for it */
    struct commit commit;
};

struct catalog_gap {
    uint8_t id[16];
    uint64_t number; /* of the entry that opened it */
    enum gapevent_reason reason;
    char *job, *host;
    int64_t begin_ns, end_ns; /* the end never lies before the begin; 0 while it is open */
    uint64_t closed_by;       /* entry number, or 0: it is open */
};

struct catalog_evidence { /* where it is; what it says is read from the journal */
    uint64_t number;
    uint8_t id[16];
    enum evidence_kind kind;
    int64_t published_ns; /* by its author's clock */
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

/* Whether any adopted segment was condemned after that entry: homes seen by then may be gone. */
bool catalog_condemned_since(const struct catalog *c, uint64_t number);

/* Snapshots and partials in journal order. */
size_t catalog_snapshot_count(const struct catalog *c);
const struct catalog_snapshot *catalog_snapshot(const struct catalog *c, size_t i);
const struct catalog_snapshot *catalog_find_snapshot(const struct catalog *c, const uint8_t id[16]);
uint64_t catalog_entry_count(const struct catalog *c);

/*
 * Gaps in journal order. A commit that closes gaps ends those of its job and host that began when
 * it began or earlier: what was missed since is missing from it. The first event or commit to end
 * one counts; what ends it again, or one that is not there, is void.
 */
size_t catalog_gap_count(const struct catalog *c);
const struct catalog_gap *catalog_gap(const struct catalog *c, size_t i);
const struct catalog_gap *catalog_find_gap(const struct catalog *c, const uint8_t id[16]);
/*
 * Whether this commit, were it the next entry, would be made inside a gap: one of its job and host
 * is open, and it does not close it. What an archive holds was not made inside the gap, whenever it
 * is imported.
 */
bool catalog_inside_gap(const struct catalog *c, const struct commit *commit);

/* Evidence in journal order; what a newer program wrote and this one can't read is not among it. */
size_t catalog_evidence_count(const struct catalog *c);
const struct catalog_evidence *catalog_evidence(const struct catalog *c, size_t i);

/*
 * The ways into the repository that KEY entries speak of, in their order. The key that init made is
 * among them only once it has been used for a change of keys, but is known by its fingerprint.
 */
enum catalog_key_state { CATALOG_KEY_UNKNOWN, CATALOG_KEY_VALID, CATALOG_KEY_REMOVED };
size_t catalog_key_count(const struct catalog *c);
const struct catalog_key *catalog_key(const struct catalog *c, size_t i);
const struct catalog_key *catalog_find_key(const struct catalog *c,
                                           const uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES]);
enum catalog_key_state catalog_key_state(const struct catalog *c,
                                         const uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES]);

/* The whole catalogue as bytes for the cache, and back. */
int catalog_save(const struct catalog *c, struct buf *out);
int catalog_load(const void *data, size_t len, const struct keyring *keys,
                 const uint8_t repo_id[16], struct catalog **out_catalog);

#endif
