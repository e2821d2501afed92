/*
 * policy.h - what must be true before a system may go live: a file of gates.
 *
 *     [policy]
 *     name = launch
 *
 *     [gate fresh backup]
 *     type = newest_point
 *     severity = critical
 *     max_age = 24h
 *
 * Which types there are, and which keys they take, stands in gate_types.def. A policy that was read
 * is one that can be judged (ready.h): every key is known and fits its type, every value its key,
 * none contradicts another, no name stands twice, and there is at least one gate. It is one file:
 * `include` is refused, so that what was signed off is what is judged.
 */
#ifndef HF_ENGINE_POLICY_H
#define HF_ENGINE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/config_ini.h"
#include "format/evidence.h"

enum gate_key {
#define KEY(name, kind, least, most, means) GATE_KEY_##name,
#include "engine/gate_types.def"
#undef KEY
    GATE_KEYS
};

enum gate_type {
#define TYPE(name, place, needed, one_of, taken, means) GATE_TYPE_##name,
#include "engine/gate_types.def"
#undef TYPE
    GATE_TYPES
};

#define POLICY_TIMEOUT_NS (10 * INT64_C(1000000000)) /* where a gate names none */

enum policy_severity { POLICY_CRITICAL, POLICY_IMPORTANT, POLICY_NICE, POLICY_SEVERITIES };

struct policy_value {
    bool given;
    struct config_ini_place place;
    int64_t number; /* durations and times in ns, sizes in bytes, percentages in millionths */
    char **items;   /* as they were written; one, unless the key is a list */
    size_t count, capacity;
};

struct policy_gate {
    char *name;
    struct config_ini_place place;
    enum gate_type type;
    enum policy_severity severity;
    struct policy_value values[GATE_KEYS];
};

struct policy {
    char *name; /* that of [policy], else that of the file */
    uint8_t hash[EVIDENCE_HASH_BYTES];
    struct config_ini_files files;
    struct policy_gate **gates;
    size_t count, capacity;
    bool named; /* while it is read: there was a [policy] */
    unsigned depth;
};

/*
 * HF_EUSAGE, HF_EACCESS, HF_EABSENT name file and line. Release it in either case.
 */
int policy_read(const char *path, struct policy *out);
void policy_release(struct policy *p);

/* BLAKE2b of the file: what evidence says under which policy it was made. */
int policy_hash_file(const char *path, uint8_t out[EVIDENCE_HASH_BYTES]);

/* Whether any gate asks the repository. */
bool policy_needs_repository(const struct policy *p);

const char *policy_type_name(enum gate_type type);
const char *policy_type_means(enum gate_type type);
const char *policy_severity_name(enum policy_severity severity);
/* The text of a key that is no list, or NULL. */
const char *policy_text(const struct policy_gate *g, enum gate_key key);
/* The number of a key, or `standard` where it is not given. */
int64_t policy_number(const struct policy_gate *g, enum gate_key key, int64_t standard);

#endif
