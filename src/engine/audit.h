/*
 * audit.h - the journal as a log: what was done, when, by whom; and whether any of it was altered.
 *
 * Every entry is read again, rolled up or not, from the first to the tip, and told in one sentence.
 * Bytes and links are checked on the way; verifying checks every signature and every sealed part
 * as well, whatever is asked to be shown. What can't be believed is named as a fault, and the walk
 * goes on behind it: one altered entry hides none of the others. Nothing is written.
 */
#ifndef HF_ENGINE_AUDIT_H
#define HF_ENGINE_AUDIT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/repo.h"

enum audit_type {
    AUDIT_INIT,
    AUDIT_ADOPT, /* nothing but segments */
    AUDIT_PARTIAL,
    AUDIT_COMMIT,
    AUDIT_FORGET,
    AUDIT_UNFORGET,
    AUDIT_CONDEMN,
    AUDIT_KEY,
    AUDIT_TAG,
    AUDIT_GAP,
    AUDIT_DRILL,
    AUDIT_CHECK,
    AUDIT_SIGNOFF,
    AUDIT_EVENT,   /* of a kind that this program does not know */
    AUDIT_DAMAGED, /* it can't be read */
    AUDIT_TYPES,
};

/* "init", "adopt", ... */
const char *audit_type_name(enum audit_type type);
/* HF_EUSAGE names the nearest one. */
int audit_type_parse(const char *name, enum audit_type *out);

struct audit_options {          /* what is shown: all that holds */
    int64_t since_ns, until_ns; /* by its author's clock, both inclusive */
    unsigned types;             /* bit 1 << type; 0: all */
    const char *job;            /* what is about this job; NULL: whatever it is about */
    bool verify;
    const volatile sig_atomic_t *cancel;
};

struct audit_entry { /* borrowed; texts are NULL where they are not known */
    uint64_t number;
    enum audit_type type;
    const char *text;
    bool damaged; /* it is named as a fault; without bytes to read all below is zeros */
    uint8_t id[16];
    int64_t time_ns;
    uint8_t author[16];
    const char *key; /* the name of the way in that was used */
    const char *job, *host, *user;
};

struct audit_events {
    void *context;
    int (*entry)(void *context, const struct audit_entry *e);
    /* number: of the entry, or 0 for the journal as a whole. */
    int (*fault)(void *context, uint64_t number, const char *message);
};

struct audit_result {
    uint64_t entries; /* that there are */
    uint64_t shown;
    uint64_t faults;
};

/* r was opened REPO_TOLERANT. 0; HF_EDAMAGE if there was a fault; what a callback returned. */
int audit_run(struct repo *r, const struct audit_options *options,
              const struct audit_events *events, struct audit_result *out_result);

#endif
