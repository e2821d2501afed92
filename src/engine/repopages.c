/*
 * repopages.c - see repopages.h.
 *
 * A page that was just added may lie in a block that is not written yet, so the last few are kept
 * here: the builder looks back no further than at the pages of one path to the root.
 */
#include "engine/repopages.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define CACHED_BLOCKS 4u
#define RECENT_PAGES 32u

struct recent {
    uint8_t id[PAGESTORE_ID_BYTES];
    struct buf page; /* empty: none */
};

struct repopages {
    struct pagestore base;
    struct run *run;
    struct repo_reader *reader;
    struct recent recent[RECENT_PAGES];
    size_t next_recent;
};

static int put(struct pagestore *base, const void *page, size_t len,
               uint8_t out_id[PAGESTORE_ID_BYTES])
{
    struct repopages *p = base->context;
    int rc = run_add_page(p->run, page, len, out_id);
    if (rc != 0) {
        return rc;
    }
    struct recent *r = &p->recent[p->next_recent++ % RECENT_PAGES];
    memcpy(r->id, out_id, sizeof(r->id));
    buf_clear(&r->page);
    buf_put(&r->page, page, len);
    return buf_error(&r->page);
}

static int get(struct pagestore *base, const uint8_t id[PAGESTORE_ID_BYTES], struct buf *out)
{
    struct repopages *p = base->context;
    const uint8_t *data = NULL;
    size_t len = 0;
    for (size_t i = 0; i < RECENT_PAGES && data == NULL; i++) {
        const struct recent *r = &p->recent[i];
        if (r->page.len > 0 && memcmp(r->id, id, sizeof(r->id)) == 0) {
            data = r->page.data;
            len = r->page.len;
        }
    }
    if (data == NULL) {
        int rc = repo_reader_chunk(p->reader, id, &data, &len);
        if (rc != 0) {
            return rc;
        }
    }
    buf_clear(out);
    buf_put(out, data, len);
    return buf_error(out);
}

int repopages_new(struct repo *r, struct run *run, struct pagestore **out_pages)
{
    struct repopages *p = mem_zalloc(sizeof(*p));
    if (p == NULL) {
        return err_nomem();
    }
    p->base = (struct pagestore){ .put = run != NULL ? put : NULL, .get = get, .context = p };
    p->run = run;
    for (size_t i = 0; i < RECENT_PAGES; i++) {
        buf_init(&p->recent[i].page);
    }
    int rc = repo_reader_new(r, CACHED_BLOCKS, &p->reader);
    if (rc != 0) {
        repopages_free(&p->base);
        return rc;
    }
    *out_pages = &p->base;
    return 0;
}

void repopages_free(struct pagestore *base)
{
    if (base == NULL) {
        return;
    }
    struct repopages *p = base->context;
    for (size_t i = 0; i < RECENT_PAGES; i++) {
        buf_release(&p->recent[i].page);
    }
    repo_reader_free(p->reader);
    mem_free(p);
}
