/*
 * manifest_edge.c - down one side of a tree of pages.
 */
#include "engine/manifest_edge.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "format/page.h"

int manifest_edge_init(struct manifest_edge *e, struct pagestore *pages)
{
    *e = (struct manifest_edge){ .pages = pages };
    return page_reader_new(&e->reader);
}

void manifest_edge_release(struct manifest_edge *e)
{
    page_reader_free(e->reader);
    e->reader = NULL;
    buf_release(&e->bytes);
}

int manifest_edge_key(const char *path, size_t path_len, struct buf *out_key)
{
    buf_clear(out_key);
    int rc = buf_reserve(out_key, path_len);
    if (rc == 0) {
        out_key->len = page_key_of_path(path, path_len, out_key->data);
    }
    return rc;
}

/*
 * Loads a page and goes to its first entry, or to the last one; *id becomes that of the page
 * below.
 */
static int go_down(struct manifest_edge *e, uint8_t id[PAGESTORE_ID_BYTES], bool to_last)
{
    struct page_child child;
    e->pages_got++;
    int rc = e->pages->get(e->pages, id, &e->bytes);
    if (rc == 0) {
        rc = page_reader_open(e->reader, e->bytes.data, e->bytes.len);
    }
    if (rc != 0 || page_reader_kind(e->reader) == PAGE_LEAF) {
        return rc;
    }
    while ((rc = page_reader_next_child(e->reader, &child)) == 1) {
        memcpy(id, child.id, sizeof child.id);
        if (!to_last) {
            break;
        }
    }
    return rc < 0 ? rc : 0;
}

static int leaf_key(struct manifest_edge *e, bool to_last, struct buf *out_key)
{
    struct node n;
    int rc;
    while ((rc = page_reader_next_node(e->reader, &n)) == 1) {
        rc = manifest_edge_key(n.path, n.path_len, out_key);
        if (rc != 0 || !to_last) {
            break;
        }
    }
    return rc < 0 ? rc : 0;
}

static int find(struct manifest_edge *e, const struct manifest_page *page, bool to_last,
                struct buf *out_key)
{
    uint8_t id[PAGESTORE_ID_BYTES];
    memcpy(id, page->id, sizeof id);
    for (unsigned level = page->level;; level--) {
        uint8_t here[PAGESTORE_ID_BYTES];
        memcpy(here, id, sizeof here);
        int rc = go_down(e, id, to_last);
        if (rc == 0 && page_reader_level(e->reader) != level) {
            rc = err_raise(HF_EDAMAGE, "it is of another level than the page above says");
        }
        if (rc == 0 && level == 0) {
            rc = leaf_key(e, to_last, out_key);
        }
        if (rc != 0) {
            char hex[2 * PAGESTORE_ID_BYTES + 1];
            return err_add(rc, "manifest page %s", text_hex(here, sizeof here, hex));
        }
        if (level == 0) {
            return 0;
        }
    }
}

int manifest_edge_first(struct manifest_edge *e, const struct manifest_page *page,
                        struct buf *out_key)
{
    return find(e, page, false, out_key);
}

int manifest_edge_last(struct manifest_edge *e, const struct manifest_page *page,
                       struct buf *out_key)
{
    return find(e, page, true, out_key);
}
