/*
 * repopages.h - the pages of a repository as a pagestore (pagestore.h).
 *
 * For reading, over a repo_reader of its own; for a backup, over its run as well: pages are then
 * added to the run, and those added a moment ago are found too. One thread at a time.
 */
#ifndef HF_ENGINE_REPOPAGES_H
#define HF_ENGINE_REPOPAGES_H

#include "engine/pagestore.h"
#include "store/repo.h"
#include "store/run.h"

/* run NULL: read only. Both are borrowed. */
int repopages_new(struct repo *r, struct run *run, struct pagestore **out_pages);
void repopages_free(struct pagestore *base); /* accepts NULL */

#endif
