/*
 * prune_copy.c - what is alive in segments that are to go is stored anew.
 *
 * Nothing is believed: each chunk that is copied, and each that is left behind because it has
 * another home, is read and its id computed anew before its source is condemned. If that other home
 * turns out to be rotten, the chunk is copied from here.
 */
#include <string.h>

#include "base/mem.h"
#include "store/prune_internal.h"

struct copying {
    struct prune *prune;
    struct run *run;
    uint32_t segment;
    const struct segment_footer *footer;
    const struct segment_block *block;
};

/* Whether the chunk can be read at this home. Nothing but memory may fail. */
static int prove(struct copying *t, const struct index_home *home, const uint8_t id[32],
                 bool *out_proved)
{
    const uint8_t *data;
    size_t len;
    int rc = repo_reader_block(t->prune->reader, home->segment, home->position);

    if (rc == 0) {
        rc = repo_reader_slot(t->prune->reader, home->slot, id, &data, &len);
    }
    *out_proved = rc == 0;
    if (rc == HF_EDAMAGE || rc == HF_EIO) {
        err_clear();
        return 0;
    }
    return rc;
}

/*
 * Whether a chunk must be copied: it is marked here; or it is marked in another home that does not
 * hold it any more.
 */
static int must_copy(struct copying *t, uint32_t slot, bool *out_must)
{
    const uint8_t *id = t->footer->chunks[t->block->first_chunk + slot].id;
    const struct marks *marks = t->prune->marks;
    struct index_home home;
    bool proved;
    int rc;

    *out_must = marks_has(marks, t->segment, t->block->position, slot);
    if (*out_must) {
        return 0;
    }
    rc = repo_index_get(t->prune->repo, id, &home);
    if (rc == HF_EABSENT) {
        err_clear();
        return 0; /* its segment was condemned since: publication will find that out */
    }
    if (rc < 0 || home.segment == t->segment ||
        !marks_has(marks, home.segment, home.position, home.slot)) {
        return rc;
    }
    rc = prove(t, &home, id, &proved);
    *out_must = rc == 0 && !proved;
    return rc;
}

static int copy_chunk(struct copying *t, uint32_t slot)
{
    const struct segment_chunk *c = &t->footer->chunks[t->block->first_chunk + slot];
    const uint8_t *data;
    size_t len;
    int rc = repo_reader_block(t->prune->reader, t->segment, t->block->position);

    if (rc == 0) {
        rc = repo_reader_slot(t->prune->reader, slot, c->id, &data, &len);
    }
    return rc == 0 ? run_move(t->run, t->block->type, c->id, data, len) : rc;
}

static int copy_block(struct copying *t)
{
    int rc = 0;

    for (uint32_t slot = 0; rc == 0 && slot < t->block->chunk_count; slot++) {
        bool must;

        rc = must_copy(t, slot, &must);
        if (rc == 0 && must) {
            rc = copy_chunk(t, slot);
        }
    }
    return rc;
}

static int copy_segment(struct prune *p, struct run *run, uint32_t ordinal)
{
    struct segment_footer footer = { 0 };
    struct copying t = { .prune = p, .run = run, .segment = ordinal, .footer = &footer };
    struct segreader *reader;
    int rc = repo_segment_get(p->repo, ordinal, &reader);

    if (rc < 0) {
        return rc;
    }
    rc = segreader_footer(reader, &footer);
    repo_segment_put(p->repo, ordinal);
    for (size_t i = 0; rc == 0 && i < footer.block_count; i++) {
        t.block = &footer.blocks[i];
        rc = copy_block(&t);
        if (rc == 0) {
            rc = prune_tell(p, PRUNE_COPYING, p->result->bytes_copied + run_bytes_stored(run),
                            p->copy_expected);
        }
    }
    segment_footer_release(&footer);
    return rc;
}

int prune_copy(struct prune *p, struct run *run, const struct prune_batch *b)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < b->count; i++) {
        rc = copy_segment(p, run, b->segments[i]);
    }
    return rc;
}
