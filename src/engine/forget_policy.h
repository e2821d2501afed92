/*
 * forget_policy.h - forgetting what a policy does not keep.
 *
 * What a policy lets go depends on all points there are: while this client computes, another may
 * commit, forget or bring back, and "keep the last" would keep none. So it is computed at the tip,
 * anew before each attempt to publish, and the entry names the tip that it was computed from.
 */
#ifndef HF_ENGINE_FORGET_POLICY_H
#define HF_ENGINE_FORGET_POLICY_H

#include "engine/retention.h"
#include "engine/selector.h"
#include "store/repo.h"

struct forget_policy {
    struct retention_policy retention;
    const struct selector *selectors; /* only these points, each without a position; 0: all */
    size_t selector_count;
    bool allow_empty; /* a group may go as a whole */
};

/*
 * What it would do as of the view of `r`. HF_ENO_POINT: the selectors mean no point. That a group
 * would go as a whole is retention_refuse_empty's to say.
 */
int forget_policy_plan(struct repo *r, const struct forget_policy *policy,
                       struct retention_plan *out);

/*
 * Does it by one entry, whose number is *out_number; 0 if there is nothing to forget. *out is what
 * was done. HF_EUSAGE: a group would go as a whole, and nothing was forgotten. HF_EUNKNOWN: the
 * entry may still appear. *out is to be released in every case.
 */
int forget_policy_publish(struct repo *r, const struct forget_policy *policy,
                          struct retention_plan *out, uint64_t *out_number);

#endif
