/*
 * collect.h - giving space back: what a prune must keep, and for how long.
 *
 * store/prune.h does it without locks; this says what snapshots need, down to the last chunk of the
 * last list page, and which grace forgotten and unfinished things have.
 */
#ifndef HF_ENGINE_COLLECT_H
#define HF_ENGINE_COLLECT_H

#include "store/prune.h"

#define COLLECT_GRACE_NS (24 * 3600 * NS_PER_S)          /* of what was forgotten */
#define COLLECT_UNFINISHED_NS (7 * 24 * 3600 * NS_PER_S) /* of unfinished backups */
#define COLLECT_LEFTOVER_NS (24 * 3600 * NS_PER_S)       /* of files that nobody names */
#define COLLECT_MAX_UNUSED 0.05

struct collect_options {
    bool dry;
    bool now; /* no grace, and nothing is kept for unfinished backups */
    int64_t grace_ns;
    double max_unused;
    size_t threads; /* 0: one a core */
    const volatile sig_atomic_t *cancel;
    void (*progress)(void *context, const struct prune_progress *p); /* or NULL */
    void *context;
};

void collect_options_init(struct collect_options *o);
/* Fails as prune_run does, whose result it gives. */
int collect_run(struct repo *r, const struct collect_options *options,
                struct prune_result *out_result);

#endif
