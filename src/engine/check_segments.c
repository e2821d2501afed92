/*
 * check_segments.c - the part of a check that reads segments.
 *
 * One job a segment: its frame against what the journal adopted, its sums if a scrub was asked for,
 * its blocks if its turn has come. The chunks of what is good go into the index that check_reach
 * uses, so whatever is bad has no home there, and is found again as the loss of the files that need
 * it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/check_internal.h"
#include "store/segverify.h"

#define JOBS_A_THREAD 2

struct segment_check {
    struct pool_job job;
    struct err_trail why;
    struct check *check;
    uint32_t ordinal;
    bool read_data;
    struct segverify *verifier;
    struct segment_footer footer;
    uint8_t *bad; /* one a block */
    uint64_t bytes_read;
    bool missing; /* the file is not there */
    bool footer_good;
};

static int scrub(struct segreader *r, struct segment_check *s)
{
    uint64_t bytes = 0;
    int rc = segreader_scrub(r, &bytes);

    s->bytes_read += bytes;
    return rc;
}

static int read_blocks(struct segreader *r, struct segment_check *s)
{
    uint64_t bytes = 0;
    int rc = 0;

    if (!s->verifier) {
        rc = segverify_new(repo_keys(s->check->repo), &s->verifier);
    }
    if (rc == 0) {
        rc = segverify_blocks(s->verifier, r, &s->footer, s->bad, &bytes, &s->why);
    }
    if (rc == HF_EDAMAGE) {
        err_give(&s->why);
    }
    s->bytes_read += bytes;
    return rc;
}

/*
 * Once the footer is known: sums and padding may be wrong where no chunk is. After a failed scrub
 * the blocks are read as well: they tell which chunks the damage costs.
 */
static int check_inside(struct segreader *r, struct segment_check *s)
{
    struct err_trail first = { 0 };
    int rc = segverify_padding(r, &s->footer, false);

    if (rc < 0) {
        err_take(&first);
    }
    if (s->check->options->scrub && scrub(r, s) < 0) {
        err_take(&first);
        s->read_data = true;
    }
    rc = s->read_data ? read_blocks(r, s) : 0;
    if (rc == 0 && first.code != 0) {
        err_give(&first);
        rc = first.code;
    }
    return rc;
}

static int check_one(struct pool_job *job)
{
    struct segment_check *s = (struct segment_check *)job;
    struct check *c = s->check;
    struct segreader *r = NULL;
    int rc = segreader_open(c->fs, repo_keys(c->repo), repo_id(c->repo),
                            catalog_segment(c->catalog, s->ordinal), &r);

    s->missing = rc == HF_EABSENT;
    if (s->missing) {
        return err_raise(HF_EDAMAGE, "it is missing");
    }
    if (rc == 0) {
        rc = segreader_footer(r, &s->footer);
        s->footer_good = rc == 0;
    }
    if (rc == 0) {
        s->bad = mem_zalloc(s->footer.block_count + 1);
        rc = s->bad ? 0 : err_nomem();
    }
    if (rc == 0) {
        rc = check_inside(r, s);
    }
    segreader_close(r);
    return rc;
}

/* The chunks of good blocks have a home here. */
static int index_good(struct segment_check *s)
{
    const struct segment_footer *f = &s->footer;

    for (size_t b = 0; b < f->block_count; b++) {
        const struct segment_block *block = &f->blocks[b];

        for (uint32_t slot = 0; !s->bad[b] && slot < block->chunk_count; slot++) {
            const struct segment_chunk *chunk = &f->chunks[block->first_chunk + slot];
            struct index_home home = { s->ordinal, block->position, slot, chunk->len };
            int rc = index_put(s->check->index, chunk->id, &home);

            if (rc < 0) {
                return rc;
            }
        }
    }
    return 0;
}

static int collect(struct check *c, struct segment_check *s)
{
    const struct catalog_segment *segment = catalog_segment(c->catalog, s->ordinal);
    int rc = pool_wait(c->pool, &s->job);
    char object[9 + 33] = "segments/";

    text_hex(segment->uuid, 16, object + 9);
    if (s->missing && check_was_pruned(c, segment->uuid)) {
        err_clear();
        return check_tick(c);
    }
    if (rc == 0 && s->read_data && c->events && c->events->verified) {
        c->events->verified(c->events->context, s->ordinal);
    }
    /* What a disk can't read any more is as good as lost: it is named, and all else looked at. */
    if (rc == HF_EDAMAGE || rc == HF_EIO) {
        check_report(c, "segment", object, NULL);
        rc = 0;
    }
    if (rc == 0 && s->footer_good && s->bad) {
        rc = index_good(s);
        c->result->chunks += s->footer.chunk_count;
    }
    c->result->segments++;
    c->result->bytes_read += s->bytes_read;
    c->progress.segments++;
    c->progress.bytes += s->bytes_read;
    segment_footer_release(&s->footer);
    memset(&s->footer, 0, sizeof s->footer);
    mem_free(s->bad);
    s->bad = NULL;
    return rc < 0 ? rc : check_tick(c);
}

static void start(struct check *c, struct segment_check *s, uint32_t ordinal)
{
    s->check = c;
    s->ordinal = ordinal;
    s->read_data = c->chosen[ordinal] != 0;
    s->bytes_read = 0;
    s->footer_good = false;
    s->missing = false;
    s->job.run = check_one;
    s->job.trail = &s->why;
    pool_submit(c->pool, &s->job, POOL_NORMAL);
}

static uint32_t next_live(const struct check *c, uint32_t from)
{
    while (from < catalog_segment_count(c->catalog) &&
           catalog_segment(c->catalog, from)->condemned_by != 0) {
        from++;
    }
    return from;
}

/* A ring of jobs: the oldest is collected before its place is used again. */
static int check_all(struct check *c, struct segment_check *ring, size_t size)
{
    size_t count = catalog_segment_count(c->catalog);
    size_t started = 0;
    size_t collected = 0;
    int rc = 0;

    for (uint32_t i = next_live(c, 0); i < count && rc == 0; i = next_live(c, i + 1)) {
        if (started - collected == size) {
            rc = collect(c, &ring[collected++ % size]);
        }
        if (rc == 0) {
            start(c, &ring[started++ % size], i);
        }
    }
    for (; collected < started; collected++) {
        int ended = collect(c, &ring[collected % size]);

        rc = rc < 0 ? rc : ended;
    }
    return rc;
}

static void expect(struct check *c)
{
    for (uint32_t i = next_live(c, 0); i < catalog_segment_count(c->catalog);
         i = next_live(c, i + 1)) {
        c->progress.segments_expected++;
        if (c->options->scrub || c->chosen[i]) {
            c->progress.bytes_expected += catalog_segment(c->catalog, i)->file_len;
        }
    }
}

/* Names in segments/ that no entry speaks of: left by crashes, or no names of ours at all. */
static int see_segment(void *context, const char *name)
{
    struct check *c = context;
    uint8_t uuid[16];
    char path[9 + 256];

    if (strlen(name) != 32 || !text_unhex(name, 32, uuid)) {
        snprintf(path, sizeof path, "segments/%s", name);
        check_report(c, "file", path, "it is not the name of a segment");
    } else if (catalog_find_segment(c->catalog, uuid) == CATALOG_NO_SEGMENT) {
        c->result->orphans++;
    }
    return 0;
}

int check_segments(struct check *c)
{
    size_t size = JOBS_A_THREAD * (pool_workers(c->pool) + 1);
    struct segment_check *ring = mem_array(size, sizeof *ring);
    int rc = ring ? 0 : err_nomem();

    if (rc == 0) {
        rc = check_choose(c);
    }
    if (rc == 0) {
        expect(c);
        rc = check_all(c, ring, size);
    }
    for (size_t i = 0; ring && i < size; i++) {
        segverify_free(ring[i].verifier);
    }
    mem_free(ring);
    mem_free(c->chosen);
    c->chosen = NULL;
    if (rc == 0) {
        rc = fs_list(c->fs, "segments", see_segment, c);
    }
    if (rc == HF_EABSENT) {
        check_report(c, "file", "segments/", "the folder is missing");
        rc = 0;
    }
    if (rc == 0 && c->result->orphans > 0 && c->journal_broken) {
        check_note(c, "%" PRIu64 " files in segments/ belong to no entry that could be followed",
                   c->result->orphans);
    } else if (rc == 0 && c->result->orphans > 0) {
        check_note(c,
                   "%" PRIu64 " files in segments/ belong to no snapshot: left by an interrupted "
                   "run, and no damage",
                   c->result->orphans);
    }
    return rc;
}
