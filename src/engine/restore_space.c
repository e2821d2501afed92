/*
 * restore_space.c - whether what is to be written fits into the target, before anything is.
 *
 * Only what is certain ends a restore: files that are there and right need nothing, what is in
 * the way is given back, holes and metadata don't count, and where a part of the target lies on
 * another file system, or on one that may keep less than it is given, nothing is claimed.
 */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/restore_internal.h"

int restore_space_enter(struct restore *r, struct target_place *place)
{
    struct restore_space *s = r->space;
    uint64_t dev = 0;
    uint64_t left = 0;
    if (s == NULL || place == NULL || s->unsure) {
        return 0;
    }
    s->unsure = !r->target->ops->space(r->target, place, &dev, &left) || dev != s->dev;
    return 0;
}

/* What of a file is data. A list of chunks that can't be read says nothing. */
static int data_bytes(struct restore *r, const struct node *n, uint64_t *out_bytes)
{
    struct node_ref ref;
    uint64_t offset = 0;
    *out_bytes = 0;
    int rc = manifest_content_reader_open(r->content, n);
    while (rc == 0 && (rc = manifest_content_reader_next(r->content, &ref, &offset)) == 1) {
        *out_bytes += ref.hole ? 0 : ref.len;
        rc = 0;
    }
    if (rc == HF_EDAMAGE || rc == HF_ENEWER) {
        err_clear();
        rc = 0;
    }
    return rc;
}

int restore_space_file(struct restore *r, const struct node *n, const struct target_stat *now)
{
    struct restore_group *group = NULL;
    bool first = true;
    uint64_t bytes = 0;
    if (r->space == NULL) {
        return 0;
    }
    int rc = n->links > 1 ? restore_links_see(r, n, &group, &first) : 0;
    restore_links_drop(r, group);
    if (rc == 0 && first) {
        rc = data_bytes(r, n, &bytes);
    }
    uint64_t there = now != NULL && now->type == NODE_FILE ? now->size : 0;
    r->space->needed += bytes > there ? bytes - there : 0;
    return rc;
}

/* Walks the snapshot as a dry run does. */
static int measure(struct repo *repo, const struct catalog_snapshot *snapshot,
                   const struct restore_options *options, struct target *target,
                   struct restore_space *space)
{
    struct restore_options dry = *options;
    struct restore_result result = { 0 };
    struct restore r = {
        .repo = repo, .o = &dry, .target = target, .result = &result, .space = space
    };
    dry.dry_run = true;
    dry.threads = 1;
    int rc = restore_open_all(&r, snapshot);
    if (rc == 0) {
        rc = restore_walk(&r);
    }
    restore_close_all(&r);
    return rc;
}

int restore_space_check(struct repo *repo, const struct catalog_snapshot *snapshot,
                        const struct restore_options *options, struct target *target)
{
    struct restore_space space = { 0 };
    uint64_t left = 0;
    char need[TEXT_SIZE_BYTES];
    char have[TEXT_SIZE_BYTES];
    if (options->dry_run || options->delete_extras || target->ops->space == NULL ||
        !target->ops->space(target, target->ops->root(target), &space.dev, &left) ||
        snapshot->commit.counts.bytes <= left) {
        return 0;
    }
    int rc = measure(repo, snapshot, options, target, &space);
    if (rc != 0 && rc != HF_ENOMEM && rc != HF_EINTERRUPTED) {
        err_clear(); /* the restore itself will meet it, and say so */
        return 0;
    }
    if (rc == 0 && !space.unsure && space.needed > left) {
        rc = err_raise(HF_ENOSPC, "the target has %s left, and %s are to be written to it",
                       text_size(left, have), text_size(space.needed, need));
        err_hint("nothing was written");
    }
    return rc;
}
