/*
 * drill_internal.h - what a kind of drill is written with.
 *
 * drill_run makes the scratch folder and the seeded generator, calls the kind, and does all that
 * comes after it: the verdict, the evidence, the clean-up. A kind does what it is for with the
 * steps below, each of which adds what it found and how long it took to the result. A step returns
 * an error only if the drill can't go on; what is wrong with the backup is a mismatch.
 */
#ifndef HF_ENGINE_DRILL_INTERNAL_H
#define HF_ENGINE_DRILL_INTERNAL_H

#include "base/rnd.h"
#include "engine/drill.h"
#include "engine/drill_scratch.h"

struct drill {
    const struct drill_kind *kind;
    const struct drill_options *o;
    const struct drill_events *events; /* may be NULL, as may each of them */
    struct drill_result *result;
    struct drill_scratch *scratch; /* private to this drill, and empty */
    struct rnd rnd;                /* of the seed */
    const struct clock *clock;
    double fraction; /* of the files */
    /*
     * The repository of the options; NULL until drill_open. The evidence is published in it, or,
     * if the kind never opens it, in one that is opened for that.
     */
    struct repo *repo;
    struct exclude *chosen; /* the files that drill_restore chose last; NULL: all of them */
    int64_t begin_mono_ns;
};

/* The kinds: what struct drill_kind calls run. */
#define DRILL(name, kind, traits, fraction, help) int drill_##name##_run(struct drill *d);
#include "engine/drill_kinds.def"
#undef DRILL

/* ---- telling ---- */

int drill_cancelled(const struct drill *d); /* HF_EINTERRUPTED, with its trail */
void drill_phase(struct drill *d, const char *what);
void drill_note(struct drill *d, const char *object, size_t len, const char *text);
/* Keeps, counts and tells it. HF_ENOMEM. */
int drill_mismatch(struct drill *d, const char *object, size_t len, const char *why);
/* A fault and its outcome; one that did not pass is a mismatch as well. HF_ENOMEM. */
int drill_fault(struct drill *d, const char *fault, const char *expected, const char *observed,
                bool passed);

/* ---- steps ---- */

/*
 * Opens a repository; the time it takes is rto.open. With env and unlock of the options the result
 * is to be put into d->repo, which drill_run closes. What is wrong with the journal is a mismatch.
 */
int drill_open(struct drill *d, const struct repo_env *env, const struct keyfile_unlock *unlock,
               struct repo **out_repo);
/* The snapshot that the options name, in d->repo or another one; HF_ENO_POINT. Tells the result. */
int drill_point(struct drill *d, struct repo *repo, const struct catalog_snapshot **out_snapshot);
/* rpo of the result: from the points of that snapshot's job and host. */
int drill_rpo(struct drill *d, struct repo *repo, const struct catalog_snapshot *snapshot);

/* All of this at once, with the repository and the snapshot of the options. */
int drill_begin_point(struct drill *d, const struct catalog_snapshot **out_snapshot);

/*
 * Restores a snapshot, or a random part of it (fraction below 1), into a new folder `name` of the
 * scratch folder, and compares what is there with what the manifest says, reading it back. Content
 * that could not be restored or differs is a mismatch by path. Times are added to the result's.
 * HF_ENOSPC: it does not fit, said before anything is written where that is certain.
 */
int drill_restore(struct drill *d, struct repo *repo, const struct catalog_snapshot *snapshot,
                  double fraction, const char *name);

/* After the verdict, by drill_run: publishes it in d->repo, which is opened if it is not. */
int drill_publish(struct drill *d);

#endif
