/*
 * audit_internal.h - what the walk over the journal and the wording of its entries share.
 */
#ifndef HF_ENGINE_AUDIT_INTERNAL_H
#define HF_ENGINE_AUDIT_INTERNAL_H

#include "base/buf.h"
#include "engine/audit.h"
#include "store/repo_keys.h"

struct audit_words { /* an entry in words; all of it is fresh with each entry */
    enum audit_type type;
    struct buf text;
    char *job, *host, *user; /* NULL: it says nothing of that, or of several */
    const char *key;         /* borrowed from the repository */
    bool of_job;             /* the job that was asked for is among those it is about */
    bool of_several;         /* jobs */
};

struct audit_teller {
    struct repo *repo;
    const char *job;           /* asked for, or NULL */
    struct repo_key_list keys; /* the ways in that are there */
    struct audit_words words;
};

void audit_teller_init(struct repo *r, const char *job, struct audit_teller *out);
void audit_teller_release(struct audit_teller *t);

/*
 * Opens what is sealed in the entry, and says in t->words what it is about. HF_EDAMAGE if it is not
 * what the format allows or a sealed part does not open.
 */
int audit_tell(struct audit_teller *t, const struct journal_entry *e);
/* The same of an EVENT, opened. */
int audit_tell_event(struct audit_teller *t, unsigned kind, const struct buf *plain);

/* For wording. */
int audit_set(char **field, const char *text); /* empty counts as unknown */
void audit_put_id(struct buf *b, const uint8_t id[16]);
void audit_put_count(struct buf *b, uint64_t n, const char *one, const char *many);
void audit_put_size(struct buf *b, uint64_t bytes);
void audit_put_time(struct buf *b, int64_t ns);
/* " of job J on host H", as far as they are known. */
void audit_put_origin(struct buf *b, const char *job, const char *host);
/* It is about this job; jobs that differ leave none. */
int audit_note_job(struct audit_teller *t, const char *job);
/* The name of the way in with that fingerprint, or NULL. */
const char *audit_key_name(struct audit_teller *t,
                           const uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES]);

#endif
