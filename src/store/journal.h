/*
 * journal.h - the chain of entries: reading it, and publishing the next one.
 *
 * Publishing an entry under the next number, if that number is free, is the only act of
 * coordination and of acknowledgement. The protocol, with the reason of each sync, is in
 * docs/durability.md.
 *
 * A journal object follows the chain from a position {number, seal hash}: each entry it passes has
 * been checked - bytes, chain, signature - and given to the observer. It never guesses: a number
 * missing below the head, a hash that does not chain, a signature that does not hold are
 * HF_EDAMAGE. One thread at a time.
 */
#ifndef HF_STORE_JOURNAL_H
#define HF_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "format/entry.h"
#include "io/fs.h"

struct journal;

struct journal_position {
    uint64_t number;  /* 0: before the first entry, with a hash of zeros */
    uint8_t hash[32]; /* seal hash of that entry */
};

struct journal_entry { /* borrowed; valid during the call it is given to */
    struct entry_seal seal;
    uint8_t seal_hash[32];
    const uint8_t *body;
    size_t body_len;
    const uint8_t *file; /* the whole entry */
    size_t file_len;
};

struct journal_options {
    struct fs *fs;
    const struct clock *clock;
    struct rnd *rnd;
    uint8_t repo_id[16];
    uint8_t admin_public[32];   /* whose signatures count */
    const struct keyring *keys; /* to sign with; NULL: this journal is only read */
    /* Takes in each entry, in order, as it becomes part of the view. */
    int (*observe)(void *context, const struct journal_entry *e);
    void *context;
    /*
     * Verify every signature. Without it the tip's alone: each seal holds the hash of the one
     * before, so a signature that holds at the tip vouches for the whole chain.
     */
    bool verify_all;
};

int journal_new(const struct journal_options *options, struct journal **out_journal);
void journal_free(struct journal *j);

/* Where the view stands; and where it begins, if a cache vouches for what lies before. */
const struct journal_position *journal_at(const struct journal *j);
void journal_begin_at(struct journal *j, const struct journal_position *position);

/*
 * Follows to the tip. HF_EDAMAGE when something is wrong below it; the view then stands at the
 * last good entry, and journal_damaged stays true: such a journal takes no new entry.
 */
int journal_follow(struct journal *j);
/*
 * From now on every signature is verified; begin anew (journal_begin_at) for those passed before.
 */
void journal_verify_all(struct journal *j);
bool journal_damaged(const struct journal *j);

/* The head: the highest name in head/. HF_EDAMAGE if there is none or a name is malformed. */
int journal_head(struct journal *j, struct journal_position *out_head);
/* Whether the entry at the view is known to be durable: covered by the head or synced by us. */
bool journal_settled(const struct journal *j);
/* Makes it so: nothing may be built on, or removed because of, an entry that may still vanish. */
int journal_settle(struct journal *j);

/* Reads and checks one entry by number; *out_memory is to be freed (mem_free) when done with it. */
int journal_read(struct journal *j, uint64_t number, struct journal_entry *out_entry,
                 uint8_t **out_memory);

/* Whether its author may sign here and its signature holds, of an entry that was read: HF_EDAMAGE.
 */
int journal_check_signature(const struct journal *j, const struct journal_entry *e);

/*
 * What is to be published. `validate` is called with the view at the tip, before each attempt: it
 * refuses with an error, or fills `body` (which it may build anew each time) and returns 0.
 */
struct journal_draft {
    uint8_t uuid[16];
    int (*validate)(void *context, struct buf *body);
    void *context;
};

/*
 * Publishes. 0: the entry is durable and acknowledged; the view stands at it, the observer has seen
 * it. HF_EUNKNOWN: it may still appear. Any other error: it is not published and never will be.
 */
int journal_publish(struct journal *j, const struct journal_draft *draft);

/* Publishes entry 1 and raises the head to it, in folders that init has just made. */
int journal_create(struct journal *j, const struct journal_draft *draft);

#endif
