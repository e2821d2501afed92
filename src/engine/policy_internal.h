/*
 * policy_internal.h - what reading a policy and reading its values share.
 */
#ifndef HF_ENGINE_POLICY_INTERNAL_H
#define HF_ENGINE_POLICY_INTERNAL_H

#include "engine/policy.h"

enum policy_kind {
    POLICY_TYPE,
    POLICY_SEVERITY,
    POLICY_TEXT,
    POLICY_COMMAND, /* the rest of the line, as it stands */
    POLICY_PATTERN, /* a text, or a regular expression between slashes */
    POLICY_PATH,
    POLICY_URL,
    POLICY_HEADERS, /* a list */
    POLICY_STATUS,  /* a list */
    POLICY_DRILL,
    POLICY_FLAG,
    POLICY_NUMBER,
    POLICY_MODE,
    POLICY_DURATION,
    POLICY_SIZE,
    POLICY_PERCENT,
    POLICY_TIME,
};

struct policy_key {
    const char *name;
    enum policy_kind kind;
    int64_t least, most;
};

struct policy_type {
    const char *name, *means;
    bool of_repository;
    uint64_t needed, one_of, taken; /* sets of keys */
};

#define POLICY_KEY(name) (UINT64_C(1) << GATE_KEY_##name)
/* What every gate may have. */
#define POLICY_COMMON                                                                              \
    (POLICY_KEY(type) | POLICY_KEY(severity) | POLICY_KEY(waived_until) | POLICY_KEY(waived_by) |  \
     POLICY_KEY(reason))

const struct policy_key *policy_key_at(enum gate_key key);
const struct policy_type *policy_type_at(enum gate_type type);
/* All keys that a gate of the type may have. */
uint64_t policy_keys_of(const struct policy_type *t);
/* HF_EUSAGE names the place. Sets the gate's type and severity. */
int policy_check_gate(struct policy_gate *g);

/* Takes one line's value in: HF_EUSAGE says what is wrong with it. */
int policy_value_take(const struct policy_key *key, const char *text, struct policy_value *v);
void policy_value_release(struct policy_value *v);

/* The number of a word in a table that ends with a NULL; its length if there is none. */
size_t policy_word(const char *const *words, const char *text);

extern const char *const policy_types[];      /* ends with a NULL */
extern const char *const policy_severities[]; /* ends with a NULL */

#endif
