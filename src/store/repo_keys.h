/*
 * repo_keys.h - the ways into a repository: listing, adding, replacing and removing them.
 *
 * A way in is a file in keys/ and what the journal says of it. What is added has a durable file
 * before its entry; what is removed has a durable entry before its file goes. So at every moment
 * all ways that the journal knows to be valid are there, and one that it knows to be removed opens
 * no longer, whether its file is there still or not. No data is encrypted anew by any of this.
 */
#ifndef HF_STORE_REPO_KEYS_H
#define HF_STORE_REPO_KEYS_H

#include "format/keychange.h"
#include "store/repo.h"

enum repo_key_state {
    REPO_KEY_OK,
    REPO_KEY_HALF,     /* one of its two copies is damaged: it opens */
    REPO_KEY_DAMAGED,  /* no copy is whole */
    REPO_KEY_MISSING,  /* the journal knows it, and the file is not there */
    REPO_KEY_REPLACED, /* the file holds another key of the repository than its name says */
    REPO_KEY_FOREIGN,  /* the file is of another repository */
    REPO_KEY_UNKNOWN,  /* the journal doesn't know it: an addition that did not finish */
    REPO_KEY_REMOVED,  /* the journal says it is removed: a removal that did not finish */
};

struct repo_key {
    char name[KEYCHANGE_NAME_MAX + 1]; /* empty if no key's file is called so */
    char *file;                        /* in keys/ */
    enum keychange_kind kind;          /* 0: damaged beyond telling */
    enum repo_key_state state;
    uint64_t entry; /* that added it (or, in state REMOVED, removed it), or 0 */
    int64_t time_ns;
    uint32_t passes, memory_kib; /* of a password */
    bool in_use;                 /* it opened this repo */
    uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES];
};

struct repo_key_list { /* by file */
    struct repo_key *list;
    size_t count, cap;
};

/* Writes nothing. */
int repo_keys_list(struct repo *r, struct repo_key_list *out);
void repo_keys_release(struct repo_key_list *l);
/* "ok", "damaged", ... */
const char *repo_keys_state_name(enum repo_key_state s);

/* HF_EUSAGE if no key can have this name. */
int repo_keys_check_name(const char *name);

struct repo_key_wish {
    const struct keyfile_unlock *current; /* what the repository was opened with */
    const char *name;
    enum keychange_kind kind;            /* of what is added */
    const struct keyfile_unlock *unlock; /* that shall open it from now on */
};

/*
 * Adds a way in. HF_EEXISTS if there is one of that name. What an addition of that name left behind
 * that did not finish is removed on the way.
 */
int repo_keys_add(struct repo *r, const struct repo_key_wish *w, uint64_t *out_number);
/*
 * Adds a way in and removes those that had its name, by one entry: there is no moment without one.
 * HF_EABSENT if there is none.
 */
int repo_keys_replace(struct repo *r, const struct repo_key_wish *w, uint64_t *out_number);
/*
 * Removes a way in, by its name (or by its file, should that differ); *out_number is 0 if nothing
 * but files of earlier removals had to go. HF_EABSENT; HF_EFAIL if no whole way in that the journal
 * knows would be left.
 */
int repo_keys_remove(struct repo *r, const char *name, uint64_t *out_number);

/* A name that no recovery sheet of this repository has ever had. */
int repo_keys_sheet_name(struct repo *r, char out_name[KEYCHANGE_NAME_MAX + 1]);

/* What opened the repository, as far as the journal knows it. */
const struct keychange_way *repo_keys_way(const struct repo *r);

/*
 * For opening: what opened it must not be removed, else another that opens is looked for. HF_EKEY.
 */
int repo_keys_confirm(struct repo *r, const struct keyfile_unlock *unlock);

#endif
