/*
 * proof.h - evidence in the journal: publishing it, and reading back what still counts.
 *
 * What a reader is given was read from the journal anew, and its signature holds: neither a cache
 * nor an edited file can put evidence there or change it. What is in the journal but can't be
 * believed is an error that says so, never evidence. (Where evidence is, and which segments it
 * vouches for, may come from the client's cache.)
 */
#ifndef HF_ENGINE_PROOF_H
#define HF_ENGINE_PROOF_H

#include "format/evidence.h"
#include "store/repo.h"

struct proof { /* evidence, and the entry that it is in */
    uint64_t number;
    uint8_t id[16];
    int64_t published_ns; /* by the author's clock */
    uint8_t author[16];
    struct evidence evidence;
};

/*
 * Publishes: fills in the program's hash and the way in that the repository was opened with, which
 * is why e is not const. HF_EUNKNOWN: it may still appear under out_id.
 */
int proof_publish(struct repo *r, struct evidence *e, uint8_t out_id[16], uint64_t *out_number);

/* Evidence in journal order: how much there is, and of which kind; without reading an entry. */
size_t proof_count(const struct repo *r);
enum evidence_kind proof_kind(const struct repo *r, size_t i);
int64_t proof_time_ns(const struct repo *r, size_t i); /* when it was published */
/* Reads one. HF_EDAMAGE: it can't be believed, and why; HF_ENEWER. Freed by proof_release. */
int proof_read(struct repo *r, size_t i, struct proof *out);
void proof_release(struct proof *p);
/*
 * The newest of that kind, and with a job if one is given. HF_EABSENT: there is none. HF_EDAMAGE:
 * one that is newer than all that can be believed can't be; *out is empty then.
 */
int proof_newest(struct repo *r, enum evidence_kind kind, const char *job, struct proof *out);

/*
 * How many bytes of the segments that are not condemned were last read and found right in that
 * time, both ends included, by evidence of CHECK that passed or found its damage elsewhere; and how
 * many there are.
 */
void proof_verified_within(const struct repo *r, int64_t since_ns, int64_t until_ns,
                           uint64_t *out_verified, uint64_t *out_all);
/*
 * Whether all data that a check could have read has been read and found right by it or since: what
 * a check that found damage must be followed by.
 */
bool proof_verified_again(const struct repo *r, const struct proof *check);

/* BLAKE2b of this program, as it stands in evidence; zeros if it can't be read. */
void proof_tool_hash(uint8_t out[EVIDENCE_HASH_BYTES]);

#endif
