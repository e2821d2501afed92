/*
 * journal_internal.h - what journal.c (reading) and journal_publish.c (writing) share.
 */
#ifndef HF_STORE_JOURNAL_INTERNAL_H
#define HF_STORE_JOURNAL_INTERNAL_H

#include "format/roll.h"
#include "store/journal.h"

struct journal {
    struct journal_options o;
    uint8_t author[KEYRING_AUTHOR_BYTES];
    struct journal_position at; /* the last entry that is part of the view */
    uint64_t settled;           /* entries up to here are known to be durable */
    bool damaged;
    int cause; /* of the last outcome that was unknown */
    /* The roll-up that was used last: its neighbours are likely to be asked for next. */
    uint8_t *roll_memory;
    struct roll_view roll;
    size_t roll_offset; /* of entry roll_number in roll.entries */
    uint64_t roll_number;
};

/* Takes a checked entry into the view: chain, author, signature, observer. */
int journal_accept(struct journal *j, const struct journal_entry *e, bool check_signature);

/* Where the head stands, and the names in head/ that are below `keep`. */
int journal_head_scan(struct journal *j, struct journal_position *out_head, uint64_t remove_below);

#endif
