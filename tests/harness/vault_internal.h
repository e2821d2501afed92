/*
 * vault_internal.h - what vault.c (backing up, verifying) and vault_prune.c share.
 */
#ifndef HF_HARNESS_VAULT_INTERNAL_H
#define HF_HARNESS_VAULT_INTERNAL_H

#include "harness/vault.h"

#define VAULT_CHUNKS 5 /* of a snapshot; its root is the list of their ids */
#define VAULT_ID_BYTES 32

/* A live snapshot of that number, or NULL. */
const struct catalog_snapshot *vault_find_live(const struct catalog *c, unsigned number);
/* What others do between storing and publishing; once, so that a second try is left in peace. */
int vault_meanwhile(struct vault *v);

/* Whether a snapshot is whole, and what its number says. */
int vault_look_at(struct repo_reader *reader, const struct catalog_snapshot *s);

static inline bool vault_is_live(const struct catalog_snapshot *s)
{
    return !s->partial && s->forgotten_by == 0;
}

#endif
