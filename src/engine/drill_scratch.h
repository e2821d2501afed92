/*
 * drill_scratch.h - a private folder for one drill, which does not outlive it.
 *
 * It is called holdfast-drill-XXXXXX, is its owner's alone (0700), and has a lock as long as its
 * drill lives. A process of its own removes it if the drill is killed; what even that could not do
 * (the power failed) is removed by the next drill that is given the same place: every folder of
 * that name and owner whose lock nobody holds. A folder that is kept has no lock any more and is
 * never removed.
 */
#ifndef HF_ENGINE_DRILL_SCRATCH_H
#define HF_ENGINE_DRILL_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

struct drill_scratch;

/*
 * Removes what dead drills have left in that place, and makes a new folder there. HF_EABSENT,
 * HF_EACCESS, HF_ENOSPC, ... with the place in the trail.
 */
int drill_scratch_open(const char *place, struct drill_scratch **out_scratch);
const char *drill_scratch_path(const struct drill_scratch *s); /* absolute */
/* How many folders of dead drills were removed when it was opened. */
size_t drill_scratch_swept(const struct drill_scratch *s);
/* Makes a folder of that name in it (0700), and says what its path is; freed by the caller. */
int drill_scratch_make(struct drill_scratch *s, const char *name, char **out_path);
/* Removes everything in it but the folder itself. */
int drill_scratch_clear(struct drill_scratch *s);
/*
 * Removes it, or, with keep, gives it up as it is. What can't be removed is an error; s is gone in
 * either case. Accepts NULL.
 */
int drill_scratch_close(struct drill_scratch *s, bool keep);

#endif
