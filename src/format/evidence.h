/*
 * evidence.h - what a drill, a check or a signature proved: the plaintext of EVENT EVIDENCE.
 *
 * One structure serves all kinds: what they have in common has fields, what only some of them know
 * are named numbers and texts, so that a new kind or a new measure changes no format and an older
 * program still shows them. Names are lower-case words joined by '_' that end in their unit
 * (evidence_names below lists those that others rely on). Format: "EVENT plaintext" in
 * docs/format.md.
 */
#ifndef HF_FORMAT_EVIDENCE_H
#define HF_FORMAT_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define EVIDENCE_MAX_FACTS 1024u
#define EVIDENCE_MAX_MISMATCHES 1000u /* kept by name; all are counted */
#define EVIDENCE_HASH_BYTES 32

enum evidence_kind { /* in an entry: never 0, never reused */
                     EVIDENCE_SAMPLE = 1,
                     EVIDENCE_FULL = 2,
                     EVIDENCE_PITR = 3,
                     EVIDENCE_PROBE = 4,
                     EVIDENCE_LIVE = 5,
                     EVIDENCE_COLD = 6,
                     EVIDENCE_FAULT = 7,
                     EVIDENCE_RUNBOOK = 8,
                     EVIDENCE_CHECK = 16,
                     EVIDENCE_SIGNOFF = 17,
};

/* Names of numbers. Times are in nanoseconds; what was not measured is absent. */
#define EVIDENCE_RTO_OPEN "rto_open_ns"
#define EVIDENCE_RTO_FIRST_BYTE "rto_first_byte_ns"
#define EVIDENCE_RTO_FIRST_FILE "rto_first_file_ns"
#define EVIDENCE_RTO_RESTORE "rto_restore_ns"
#define EVIDENCE_RTO_VERIFY "rto_verify_ns"
#define EVIDENCE_RTO_PROBE "rto_probe_ns"
#define EVIDENCE_RTO_TOTAL "rto_total_ns"
#define EVIDENCE_RPO_NEWEST_AGE "rpo_newest_age_ns"
#define EVIDENCE_RPO_LARGEST_GAP "rpo_largest_gap_ns"
#define EVIDENCE_FILES "files_count"
#define EVIDENCE_BYTES "content_bytes"
#define EVIDENCE_BYTES_READ "read_bytes" /* CHECK: of data, from the repository */
#define EVIDENCE_DAMAGE "damage_count"   /* CHECK */
/* Names of texts. */
#define EVIDENCE_JOB "job"
#define EVIDENCE_ROLE "role"         /* SIGNOFF */
#define EVIDENCE_COMMENT "comment"   /* SIGNOFF */
#define EVIDENCE_KEY_KIND "key_kind" /* "password", "key-file" or "recovery-sheet" */

struct evidence_number {
    char *name;
    int64_t value;
};

struct evidence_text { /* a fact; or a mismatch: what it is about, and what is wrong with it */
    char *name, *value;
};

struct evidence_span { /* segments by ordinal (catalog.h) */
    uint32_t first, count;
};

struct evidence {
    enum evidence_kind kind; /* one that is not known keeps its number */
    bool passed;
    int64_t begin_ns, end_ns;
    uint64_t seed;
    uint8_t snapshot[16];                     /* zeros: of no single one */
    uint8_t key[EVIDENCE_HASH_BYTES];         /* fingerprint of the way in that was used */
    uint8_t tool_hash[EVIDENCE_HASH_BYTES];   /* BLAKE2b of the program; zeros: not known */
    uint8_t policy_hash[EVIDENCE_HASH_BYTES]; /* BLAKE2b of the policy file; zeros: none */
    char *host, *user, *tool;                 /* never NULL in a decoded one */
    struct evidence_number *numbers;
    size_t number_count;
    struct evidence_text *texts;
    size_t text_count;
    struct evidence_span *verified; /* all data of these segments was read and is right */
    size_t verified_count;
    struct evidence_text *mismatches;
    size_t mismatch_count;   /* kept */
    uint64_t mismatch_total; /* found */
};

void evidence_init(struct evidence *e);
void evidence_release(struct evidence *e); /* e is as after evidence_init */

/* Setting: the texts are copied. HF_ENOMEM. */
int evidence_set_origin(struct evidence *e, const char *host, const char *user, const char *tool);
int evidence_add_number(struct evidence *e, const char *name, int64_t value);
int evidence_add_text(struct evidence *e, const char *name, const char *value);
/* Counts it, and keeps it while there is room. */
int evidence_add_mismatch(struct evidence *e, const char *what, const char *why);
/* Ordinals are added in rising order. */
int evidence_add_verified(struct evidence *e, uint32_t ordinal);

/* Whether there is such a number; *out is it. */
bool evidence_number(const struct evidence *e, const char *name, int64_t *out);
const char *evidence_text(const struct evidence *e, const char *name); /* NULL: there is none */

/* "sample", "full", ..., "check", "signoff"; "unknown". */
const char *evidence_kind_name(enum evidence_kind kind);
/* 0 for a name that is none. */
enum evidence_kind evidence_kind_parse(const char *name);
bool evidence_is_drill(enum evidence_kind kind);

/* HF_ELIMIT: too many facts, or a text of more than COMMIT_MAX_TEXT bytes. */
int evidence_encode(const struct evidence *e, struct buf *out);
/* Fresh memory, freed by evidence_release. HF_EDAMAGE, HF_ENEWER. */
int evidence_decode(const void *plain, size_t len, struct evidence *out);

#endif
