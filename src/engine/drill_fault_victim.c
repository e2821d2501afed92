/*
 * drill_fault_victim.c - which file a drill of faults loses, and where its data are.
 *
 * A few files are drawn by the seed from those that have content; the first of them is the victim.
 * The others are restored beside it, so that one can see that they are not affected by what only
 * the victim needs.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/drill_fault.h"
#include "engine/manifest_content.h"
#include "engine/manifest_cursor.h"
#include "engine/repopages.h"
#include "format/segment.h"
#include "store/index.h"

#define SAMPLED 8u
#define SAMPLED_BYTES (16u << 20) /* a larger file is taken only if there is no other */
#define LOOKED_AT 1000000u        /* files: beyond that the draw is among those that came before */

struct drawn {
    char *path;
    size_t path_len;
    uint64_t size;
    uint8_t chunk[NODE_ID_BYTES]; /* its first one */
};

struct draw {
    struct fault_bench *b;
    struct pagestore *pages;
    struct manifest_content_reader *content;
    struct drawn files[SAMPLED];
    size_t count;
    uint64_t seen;
};

/* The first chunk of a file that is no hole: 1, or 0 if there is none. */
static int first_chunk(struct draw *w, const struct node *n, uint8_t out_id[NODE_ID_BYTES])
{
    struct node_ref ref;
    uint64_t offset;
    int rc = manifest_content_reader_open(w->content, n);

    while (rc == 0) {
        rc = manifest_content_reader_next(w->content, &ref, &offset);
        if (rc == 1 && !ref.hole) {
            memcpy(out_id, ref.id, NODE_ID_BYTES);
            return 1;
        }
        if (rc == 0) {
            return 0;
        }
        rc = rc < 0 ? rc : 0;
    }
    return rc;
}

/* Each file that was seen stays in the draw with the same chance. */
static int take(struct draw *w, const struct node *n)
{
    struct drawn f = { .path_len = n->path_len, .size = n->size };
    uint64_t place = w->seen < SAMPLED ? w->seen : rnd_below(&w->b->d->rnd, w->seen + 1);
    int rc;

    if (place >= SAMPLED) {
        w->seen++;
        return 0;
    }
    rc = first_chunk(w, n, f.chunk);
    if (rc != 1) {
        return rc;
    }
    f.path = mem_alloc(n->path_len + 1);
    if (f.path == NULL) {
        return err_nomem();
    }
    memcpy(f.path, n->path, n->path_len);
    f.path[n->path_len] = '\0';
    mem_free(w->files[place].path);
    w->files[place] = f;
    w->count = place >= w->count ? (size_t)place + 1 : w->count;
    w->seen++;
    return 0;
}

static int draw_files(struct draw *w, const uint8_t root[32], uint64_t largest)
{
    struct manifest_cursor *cursor = NULL;
    struct node n;
    uint64_t looked_at = 0;
    int rc = manifest_cursor_open(w->pages, root, &cursor);

    while (rc == 0 && looked_at++ < LOOKED_AT && (rc = manifest_cursor_next(cursor, &n)) == 1) {
        rc = drill_cancelled(w->b->d);
        if (rc == 0 && n.type == NODE_FILE && n.size > 0 && n.size <= largest) {
            rc = take(w, &n);
        }
    }
    manifest_cursor_close(cursor);
    return rc;
}

/* The path as a pattern that means nothing else. */
static int add_literal(struct exclude *x, const char *path, size_t len)
{
    struct buf pattern;
    int rc;

    buf_init(&pattern);
    for (size_t i = 0; i < len; i++) {
        if (strchr("*?[]\\! ", path[i]) != NULL) {
            buf_put(&pattern, "\\", 1);
        }
        buf_put(&pattern, path + i, 1);
    }
    rc = buf_error(&pattern);
    if (rc == 0) {
        rc = exclude_add(x, buf_text(&pattern));
    }
    buf_release(&pattern);
    return rc;
}

static int use_drawn(struct draw *w)
{
    struct fault_bench *b = w->b;
    int rc = w->count > 0 ? exclude_new(&b->sample) : 0;

    for (size_t i = 0; rc == 0 && i < w->count; i++) {
        rc = add_literal(b->sample, w->files[i].path, w->files[i].path_len);
        b->sample_bytes += w->files[i].size;
    }
    if (rc == 0 && w->count > 0) {
        b->victim.path = w->files[0].path;
        b->victim.path_len = w->files[0].path_len;
        w->files[0].path = NULL;
    }
    return rc;
}

/* --- where it is --- */

static int read_footer_position(struct fs_file *f, struct fault_victim *v)
{
    uint8_t bytes[SEGMENT_TRAILER_BYTES];
    struct segment_trailer t;
    int rc = v->segment_len >= sizeof bytes
                 ? fs_pread_all(f, bytes, sizeof bytes, v->segment_len - sizeof bytes)
                 : err_raise(HF_EDAMAGE, "%s is too short to be a segment", v->segment);

    if (rc == 0) {
        rc = segment_trailer_decode(bytes, sizeof bytes, v->segment_len, &t);
    }
    v->footer = rc == 0 ? t.footer_position : 0;
    return rc;
}

static int read_frame(struct fault_bench *b)
{
    struct fault_victim *v = &b->victim;
    uint8_t head[SEGMENT_RECORD_HEADER_BYTES];
    struct segment_record_header h = { .payload_len = 0 };
    struct fs_file *f = NULL;
    int rc = fs_open(b->copy, v->segment, &f);

    if (rc == 0) {
        rc = fs_pread_all(f, head, sizeof head, v->position);
    }
    if (rc == 0) {
        rc = segment_record_header_decode(head, sizeof head, &h);
    }
    if (rc == 0) {
        rc = read_footer_position(f, v);
    }
    v->payload_len = h.payload_len;
    (void)fs_close(&f);
    return rc;
}

static int count_home(void *context, const struct index_home *home)
{
    size_t *count = context;

    (void)home;
    (*count)++;
    return 0;
}

static int count_homes(struct fault_bench *b, const uint8_t chunk[32], size_t *out_count)
{
    struct index *index = NULL;
    int rc = repo_index(b->d->repo, &index);

    *out_count = 0;
    return rc == 0 ? index_each_home(index, chunk, count_home, out_count) : rc;
}

/* One whose loss no other segment makes up for comes first. */
static int prefer_single(struct draw *w)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < w->count; i++) {
        size_t homes;

        rc = count_homes(w->b, w->files[i].chunk, &homes);
        if (rc == 0 && homes == 1) {
            struct drawn first = w->files[0];

            w->files[0] = w->files[i];
            w->files[i] = first;
            return 0;
        }
    }
    return rc;
}

static int locate(struct fault_bench *b, const uint8_t chunk[32])
{
    struct repo *repo = b->d->repo;
    const struct catalog_segment *s;
    struct index_home home;
    size_t homes = 0;
    int rc = count_homes(b, chunk, &homes);

    if (rc == 0) {
        rc = repo_locate(repo, chunk, &home);
    }
    if (rc != 0) {
        return rc;
    }
    b->victim.twice = homes > 1;
    s = catalog_segment(repo_catalog(repo), home.segment);
    memcpy(b->victim.segment, "segments/", 10);
    text_hex(s->uuid, sizeof s->uuid, b->victim.segment + 9);
    b->victim.segment_len = s->file_len;
    b->victim.position = home.position;
    return read_frame(b);
}

/* --- what leads to it --- */

struct way { /* a pagestore that notes where its pages are */
    struct pagestore base;
    struct pagestore *inner;
    struct fault_bench *b;
    uint32_t segment; /* that of the victim */
};

static int get_noting(struct pagestore *p, const uint8_t id[PAGESTORE_ID_BYTES], struct buf *out)
{
    struct way *w = p->context;
    struct index_home home;
    int rc = repo_locate(w->b->d->repo, id, &home);

    if (rc == 0 && home.segment == w->segment) {
        w->b->victim.with_pages = true;
    }
    return rc == 0 ? w->inner->get(w->inner, id, out) : rc;
}

static int note_way(struct draw *draw, const struct catalog_snapshot *snapshot,
                    const uint8_t chunk[32])
{
    struct way w = { .base = { .get = get_noting }, .inner = draw->pages, .b = draw->b };
    const struct fault_victim *v = &draw->b->victim;
    struct manifest_cursor *cursor = NULL;
    struct index_home home;
    struct node n;
    int rc = repo_locate(draw->b->d->repo, chunk, &home);

    w.base.context = &w;
    w.segment = home.segment;
    if (rc == 0) {
        rc = manifest_cursor_open(&w.base, snapshot->commit.root, &cursor);
    }
    if (rc == 0 && v->path != NULL) {
        rc = manifest_cursor_find(cursor, v->path, v->path_len, &n);
    }
    manifest_cursor_close(cursor);
    return rc < 0 ? rc : 0;
}

int drill_fault_choose(struct fault_bench *b, const struct catalog_snapshot *snapshot)
{
    struct draw w = { .b = b };
    const uint8_t *chunk;
    int rc = repopages_new(b->d->repo, NULL, &w.pages);

    if (rc == 0) {
        rc = manifest_content_reader_new(w.pages, &w.content);
    }
    if (rc == 0) {
        rc = draw_files(&w, snapshot->commit.root, SAMPLED_BYTES);
    }
    if (rc == 0 && w.count == 0) {
        rc = draw_files(&w, snapshot->commit.root, UINT64_MAX);
    }
    if (rc == 0) {
        rc = prefer_single(&w);
    }
    chunk = w.count > 0 ? w.files[0].chunk : snapshot->commit.root;
    if (rc == 0) {
        rc = locate(b, chunk);
    }
    if (rc == 0) {
        rc = use_drawn(&w);
    }
    if (rc == 0) {
        rc = note_way(&w, snapshot, chunk);
    }
    for (size_t i = 0; i < SAMPLED; i++) {
        mem_free(w.files[i].path);
    }
    manifest_content_reader_free(w.content);
    repopages_free(w.pages);
    return rc < 0 ? err_add(rc, "could not find anything to damage") : 0;
}

void drill_fault_victim_release(struct fault_bench *b)
{
    exclude_free(b->sample);
    mem_free(b->victim.path);
    b->sample = NULL;
    b->victim.path = NULL;
}
