/*
 * memory.h - what a client remembers of a repository: the last position it knew to be durable.
 *
 * A repository that is later found to be shorter than that, or to hold another entry there, was set
 * back to an older copy or forked. The memory lives in the client's state folder, by repository id
 * and location, in two slots that are written in turn, so that a crash leaves at least one.
 */
#ifndef HF_STORE_MEMORY_H
#define HF_STORE_MEMORY_H

#include <stdbool.h>

#include "io/fs.h"
#include "store/journal.h"

/* number 0 if nothing is remembered. Only a failing state folder is an error. */
int memory_load(struct fs *state, const uint8_t repo_id[16], const char *location,
                struct journal_position *out_position);
int memory_store(struct fs *state, const uint8_t repo_id[16], const char *location,
                 const struct journal_position *position);
/* Accepts that the repository is what it is now: the owner restored an older copy on purpose. */
int memory_forget(struct fs *state, const uint8_t repo_id[16], const char *location);

#endif
