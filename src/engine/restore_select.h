/*
 * restore_select.h - which nodes of a snapshot are meant, in path order.
 *
 * With includes that are plain paths only, no more pages are read than lie on the way to them.
 * Folders above what is selected are yielded as well, not selected themselves: they may have to
 * be made.
 */
#ifndef HF_ENGINE_RESTORE_SELECT_H
#define HF_ENGINE_RESTORE_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/exclude.h"
#include "engine/pagestore.h"
#include "format/node.h"

struct restore_select;

struct restore_select_options {
    struct pagestore *pages;       /* borrowed, for this alone */
    const uint8_t *root;           /* of the manifest [32] */
    const struct exclude *include; /* NULL or empty: everything */
    const struct exclude *exclude; /* or NULL */
    /* A page can't be read: so many entries behind this path are lost. */
    void (*lost)(void *context, const char *path, size_t path_len, uint64_t entries);
    void *context;
};

/*
 * HF_EABSENT: an include that is a plain path is not in the snapshot; the nearest name is given
 * as a hint. HF_EDAMAGE: the manifest can't be read at all.
 */
int restore_select_open(const struct restore_select_options *options,
                        struct restore_select **out_select);
void restore_select_close(struct restore_select *s); /* accepts NULL */

/* 1: *out is the next node, valid until the next call; 0: the end. */
int restore_select_next(struct restore_select *s, struct node *out, bool *out_selected);
/* After the end: HF_EABSENT if an include has matched nothing. */
int restore_select_unmatched(const struct restore_select *s);

#endif
