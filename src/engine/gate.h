/*
 * gate.h - one question of a policy, asked: a function for each type (gate_types.def).
 *
 * A gate finds out whether its question is answered by yes. It passes only on what it has seen:
 * what can't be seen is unknown, and says why and what to do about it. A gate function returns 0
 * with its finding; an error is a finding as well (unknown, as the trail says) but for HF_ENOMEM
 * and HF_EINTERRUPTED, which end it all. Nothing here changes the repository.
 */
#ifndef HF_ENGINE_GATE_H
#define HF_ENGINE_GATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "engine/policy.h"
#include "store/repo.h"

#define GATE_SKEW_NS (300 * NS_PER_S) /* clocks of two machines may differ by so much */

enum gate_state { GATE_PASS, GATE_FAIL, GATE_UNKNOWN };

struct gate_context {
    struct repo *repo; /* NULL: none was opened, and no_repo says why */
    const char *no_repo;
    int64_t now_ns;
    const char *job; /* of gates that name none; or NULL */
    const struct policy *policy;
    uint8_t tool_hash[EVIDENCE_HASH_BYTES];
    const volatile sig_atomic_t *stop; /* or NULL */
};

struct gate_finding { /* texts, each empty where there is nothing to say */
    enum gate_state state;
    struct buf value;    /* what was found */
    struct buf limit;    /* what it must be */
    struct buf evidence; /* where that stands: an entry of the journal */
    struct buf why;      /* why it is not passed */
    struct buf hint;     /* what to do about that */
};

void gate_init(struct gate_finding *f);
void gate_release(struct gate_finding *f);
/* HF_ENOMEM if one of the texts is not whole. */
int gate_error(const struct gate_finding *f);

/* Asks. As said above; other errors have become findings. */
int gate_ask(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f);

/* For gates: what passed so far does not, for this reason; several are joined. Both return 0. */
int gate_fail(struct gate_finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int gate_unknown(struct gate_finding *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether a text has the pattern of a policy: a part of it, or a /regular expression/. */
int gate_matches(const char *pattern, struct buf *text, bool *out);
/* Says how old something is. Fails if that is more than max_age; unknown if it is of the future. */
int gate_check_age(const struct gate_context *c, const struct policy_gate *g, const char *what,
                   int64_t time_ns, struct gate_finding *f);
/* What is free of all: against a size and a percentage, each 0 if it is no limit. */
void gate_check_room(struct gate_finding *f, const char *what, uint64_t free_units,
                     uint64_t all_units, int64_t least_percent);
/* "99.5 %" of millionths. */
void gate_put_percent(struct buf *b, int64_t millionths);

const char *gate_state_name(enum gate_state s);

#define TYPE(name, place, needed, one_of, taken, means)                                            \
    int gate_##name(const struct gate_context *c, const struct policy_gate *g,                     \
                    struct gate_finding *f);
#include "engine/gate_types.def"
#undef TYPE

#endif
