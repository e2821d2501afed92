/*
 * view.h - the client's cached view of a repository: position, catalogue, index.
 *
 * One file, "view", replaced by rename. It is not synced: its checksum tells a torn one, and
 * whatever is wrong with it only means that catalogue and index are built anew.
 */
#ifndef HF_STORE_VIEW_H
#define HF_STORE_VIEW_H

#include "base/buf.h"
#include "base/rnd.h"
#include "io/fs.h"
#include "store/catalog.h"
#include "store/index.h"

struct view {
    struct journal_position position;
    struct catalog *catalog; /* owned by whoever loaded it */
    uint32_t indexed;        /* segments below this ordinal are in the index */
};

/* HF_EABSENT, HF_EDAMAGE: there is no usable view; the index is then empty. */
int view_load(struct fs *cache, const struct keyring *keys, const uint8_t repo_id[16],
              struct index *index, struct view *out_view);
int view_save(struct fs *cache, struct rnd *rnd, struct index *index, const struct view *view);

#endif
