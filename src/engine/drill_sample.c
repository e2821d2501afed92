/*
 * drill_sample.c - a drill that restores files of a snapshot, chosen at random by the seed.
 */
#include "engine/drill_internal.h"

int drill_sample_run(struct drill *d)
{
    const struct catalog_snapshot *snapshot;
    int rc = drill_begin_point(d, &snapshot);

    return rc == 0 ? drill_restore(d, d->repo, snapshot, d->fraction, "tree") : rc;
}
