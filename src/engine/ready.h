/*
 * ready.h - is it ready? A policy, judged: every gate asked, every answer with its reason.
 *
 * Nothing is printed or changed. It is ready when every critical and every important gate passes or
 * is waived; what is unknown does not pass. A waiver needs a date, a name and a reason, and is none
 * from that date on; it changes what a gate blocks, and not what it found. The score is the part of
 * the weights of all gates that passed: 10 for a critical one, 5 for an important one, 1 for one
 * that is nice to have.
 */
#ifndef HF_ENGINE_READY_H
#define HF_ENGINE_READY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "engine/gate.h"

struct ready_context {   /* all borrowed */
    struct repo *repo;   /* tolerant or not; NULL: none was opened */
    const char *no_repo; /* then: why */
    const struct clock *clock;
    const char *job;                   /* what gates that name no job ask for; or NULL: any */
    const volatile sig_atomic_t *stop; /* or NULL */
};

struct ready_gate {
    const struct policy_gate *gate;
    struct gate_finding finding;
    bool waived;        /* it doesn't pass, and needn't */
    bool waiver_lapsed; /* its date has come */
    bool blocks;        /* it is a reason for not being ready */
    int64_t duration_ns;
};

struct ready_result {
    const struct policy *policy;
    int64_t at_ns;
    bool ready;
    unsigned score; /* percent, cut off */
    size_t passed, failed, unknown, waived;
    struct ready_gate *gates;
    size_t count;
};

/*
 * Judges; the result borrows the policy. HF_ENOMEM, HF_EINTERRUPTED: it is no result. Release *out
 * in either case.
 */
int ready_judge(const struct policy *p, const struct ready_context *c, struct ready_result *out);
void ready_release(struct ready_result *r);

#endif
