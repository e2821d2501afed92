/*
 * drill_full.c - a drill that restores a whole snapshot and compares all of it.
 */
#include "engine/drill_internal.h"

int drill_full_run(struct drill *d)
{
    const struct catalog_snapshot *snapshot;
    int rc = drill_begin_point(d, &snapshot);

    return rc == 0 ? drill_restore(d, d->repo, snapshot, 1, "tree") : rc;
}
