/*
 * marks.c - bits for chunks. See marks.h.
 *
 * A home is (segment, block, slot). The blocks of a segment stand one after the other in one array,
 * in the order of their positions, and know the number of their first bit.
 */
#include "store/marks.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "store/repo_internal.h"

struct marks_block {
    uint64_t first_bit;
    uint64_t position;
    uint32_t record_bytes;
    uint32_t plain_len;
    uint32_t alive_len; /* of plain_len */
    uint32_t count;     /* of its chunks */
};

struct marked {
    size_t first_block, block_count;
    uint64_t bytes;
    bool known, leaving, spared;
};

struct marks {
    struct repo *repo;
    struct marked *segments;
    uint32_t count;
    struct marks_block *blocks;
    size_t block_count, block_cap;
    uint8_t *bits;
    uint64_t bit_count;
    uint64_t bytes_read;
};

static int add_footer(struct marks *m, struct marked *s, const struct segment_footer *f)
{
    int rc = mem_grow(&m->blocks, &m->block_cap, m->block_count + f->block_count,
                      sizeof *m->blocks);

    if (rc < 0) {
        return rc;
    }
    s->first_block = m->block_count;
    s->block_count = f->block_count;
    for (size_t i = 0; i < f->block_count; i++) {
        const struct segment_block *b = &f->blocks[i];

        m->blocks[m->block_count++] = (struct marks_block){
            .first_bit = m->bit_count,
            .position = b->position,
            .record_bytes = SEGMENT_RECORD_HEADER_BYTES + b->payload_len,
            .plain_len = b->plain_len,
            .count = b->chunk_count,
        };
        m->bit_count += b->chunk_count;
        s->bytes += SEGMENT_RECORD_HEADER_BYTES + b->payload_len;
    }
    s->known = true;
    return 0;
}

static int add_segment(struct marks *m, uint32_t ordinal)
{
    struct segment_footer footer = { 0 };
    struct segreader *reader;
    int rc = repo_segment_get(m->repo, ordinal, &reader);

    if (rc < 0) {
        return rc;
    }
    m->bytes_read -= segreader_bytes_read(reader);
    rc = segreader_footer(reader, &footer);
    m->bytes_read += segreader_bytes_read(reader);
    repo_segment_put(m->repo, ordinal);
    if (rc == 0) {
        rc = add_footer(m, &m->segments[ordinal], &footer);
    }
    segment_footer_release(&footer);
    return rc;
}

static int add_segments(struct marks *m)
{
    const struct catalog *c = repo_catalog(m->repo);
    int rc = 0;

    m->count = (uint32_t)catalog_segment_count(c);
    m->segments = mem_array((size_t)m->count + 1, sizeof *m->segments);
    if (!m->segments) {
        return err_nomem();
    }
    for (uint32_t i = 0; rc == 0 && i < m->count; i++) {
        if (catalog_segment(c, i)->condemned_by == 0) {
            rc = add_segment(m, i);
        }
    }
    if (rc == 0) {
        m->bits = mem_zalloc((size_t)(m->bit_count / 8 + 1));
        rc = m->bits ? 0 : err_nomem();
    }
    return rc;
}

int marks_new(struct repo *r, struct marks **out_marks)
{
    struct marks *m = mem_zalloc(sizeof *m);
    int rc;

    if (!m) {
        return err_nomem();
    }
    m->repo = r;
    rc = add_segments(m);
    if (rc < 0) {
        marks_free(m);
        return rc;
    }
    *out_marks = m;
    return 0;
}

void marks_free(struct marks *m)
{
    if (m) {
        mem_free(m->segments);
        mem_free(m->blocks);
        mem_free(m->bits);
        mem_free(m);
    }
}

static struct marks_block *find_block(const struct marks *m, const struct marked *s,
                                      uint64_t position)
{
    size_t low = s->first_block;
    size_t high = low + s->block_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (m->blocks[middle].position < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < s->first_block + s->block_count && m->blocks[low].position == position
               ? &m->blocks[low]
               : NULL;
}

static struct marks_block *block_of(const struct marks *m, uint32_t ordinal, uint64_t position,
                                    uint32_t slot)
{
    struct marks_block *b = ordinal < m->count ? find_block(m, &m->segments[ordinal], position)
                                               : NULL;

    return b && slot < b->count ? b : NULL;
}

bool marks_has(const struct marks *m, uint32_t ordinal, uint64_t position, uint32_t slot)
{
    const struct marks_block *b = block_of(m, ordinal, position, slot);
    uint64_t bit = b ? b->first_bit + slot : 0;

    return b && (m->bits[bit / 8] >> (bit % 8) & 1) != 0;
}

int marks_add(struct marks *m, const uint8_t id[32])
{
    struct index_home home;
    struct marks_block *b;
    uint64_t bit;
    int rc = repo_locate(m->repo, id, &home);

    if (rc < 0 || home.segment >= m->count) {
        return rc;
    }
    b = block_of(m, home.segment, home.position, home.slot);
    if (!b) {
        return err_raise(HF_EDAMAGE, "the index names a block that its segment does not have");
    }
    bit = b->first_bit + home.slot;
    if ((m->bits[bit / 8] >> (bit % 8) & 1) == 0) {
        m->bits[bit / 8] |= (uint8_t)(1u << (bit % 8));
        b->alive_len += home.len;
        m->segments[home.segment].spared |= m->segments[home.segment].leaving;
    }
    return 0;
}

uint32_t marks_count(const struct marks *m)
{
    return m->count;
}

struct marks_segment marks_segment(const struct marks *m, uint32_t ordinal)
{
    const struct marked *s = &m->segments[ordinal];
    struct marks_segment out = {
        .bytes = s->bytes, .known = s->known, .leaving = s->leaving, .spared = s->spared
    };

    for (size_t i = 0; i < s->block_count; i++) {
        const struct marks_block *b = &m->blocks[s->first_block + i];

        if (b->alive_len > 0) {
            uint64_t alive = (uint64_t)b->record_bytes * b->alive_len / b->plain_len;

            out.alive_bytes += alive > 0 ? alive : 1;
            out.chunks += b->count;
        }
    }
    return out;
}

void marks_leave(struct marks *m, uint32_t ordinal)
{
    m->segments[ordinal].leaving = true;
    m->segments[ordinal].spared = false;
}

void marks_stay(struct marks *m, uint32_t ordinal)
{
    m->segments[ordinal].leaving = false;
}

uint64_t marks_bytes_read(const struct marks *m)
{
    return m->bytes_read;
}
