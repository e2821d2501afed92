/*
 * manifest_list.c - one list page a level.
 *
 * A list page is read through once when it is entered: its references must be as long together
 * as the reference to it says, so that offsets hold whatever is passed over.
 */
#include "engine/manifest_list.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

void manifest_list_init(struct manifest_list *l, struct pagestore *pages)
{
    memset(l, 0, sizeof *l);
    l->pages = pages;
}

void manifest_list_release(struct manifest_list *l)
{
    for (unsigned i = 0; i < PAGE_DEPTH_LIMIT; i++) {
        buf_release(&l->levels[i].bytes);
        page_reader_free(l->levels[i].reader);
        l->levels[i].reader = NULL;
    }
    l->at = MANIFEST_LIST_END;
}

/* Stands at l->ref, which is of depth `here`. */
static void stand(struct manifest_list *l, unsigned here)
{
    l->here = here;
    l->at = here > 0 ? MANIFEST_LIST_PAGE : MANIFEST_LIST_CHUNK;
    l->level = here > 0 ? (uint8_t)(here - 1) : 0;
}

int manifest_list_rewind(struct manifest_list *l)
{
    l->offset = 0;
    l->used = 0;
    l->at = MANIFEST_LIST_END;
    if (l->count > 0) {
        l->ref = l->refs[l->used++];
        stand(l, l->depth);
    }
    return 0;
}

int manifest_list_open(struct manifest_list *l, const struct node *n)
{
    l->count = 0;
    l->total = 0;
    l->depth = n->content_depth;
    if (n->ref_count > NODE_INLINE_REFS || n->content_depth > PAGE_DEPTH_LIMIT) {
        return err_raise(HF_EDAMAGE, "a file has impossible content");
    }
    for (size_t i = 0; i < n->ref_count; i++) {
        if (n->refs[i].len > INT64_MAX - l->total) {
            return err_raise(HF_EDAMAGE, "a file is longer than a file can be");
        }
        l->total += n->refs[i].len;
        l->refs[i] = n->refs[i];
    }
    l->count = n->ref_count;
    return manifest_list_rewind(l);
}

static int damaged(const char *what)
{
    return err_raise(HF_EDAMAGE, "%s", what);
}

static int check_page(struct manifest_list *l, struct manifest_list_level *level)
{
    struct node_ref ref;
    uint64_t left = l->ref.len;
    int rc = page_reader_open(level->reader, level->bytes.data, level->bytes.len);
    if (rc != 0) {
        return rc;
    }
    if (page_reader_kind(level->reader) != PAGE_LIST ||
        page_reader_level(level->reader) != l->level) {
        return damaged("it is not the list page that it should be");
    }
    while ((rc = page_reader_next_ref(level->reader, &ref)) == 1) {
        if (ref.len > left) {
            return damaged("it is longer than the reference to it says");
        }
        left -= ref.len;
    }
    if (rc == 0 && left > 0) {
        return damaged("it is shorter than the reference to it says");
    }
    return rc;
}

static int load(struct manifest_list *l, struct manifest_list_level *level)
{
    int rc = level->reader == NULL ? page_reader_new(&level->reader) : 0;
    if (rc == 0) {
        rc = l->pages->get(l->pages, l->ref.id, &level->bytes);
    }
    if (rc == 0) {
        rc = check_page(l, level);
    }
    if (rc == 0) {
        rc = page_reader_open(level->reader, level->bytes.data, level->bytes.len);
    }
    return rc;
}

int manifest_list_enter(struct manifest_list *l)
{
    if (l->at != MANIFEST_LIST_PAGE) {
        return err_raise(HF_EFAIL, "there is no list page to enter");
    }
    struct manifest_list_level *level = &l->levels[l->level];
    struct node_ref first;
    int rc = load(l, level);
    if (rc == 0) {
        rc = page_reader_next_ref(level->reader, &first);
    }
    if (rc != 1) {
        char hex[2 * PAGESTORE_ID_BYTES + 1];
        return err_add(rc, "list page %s", text_hex(l->ref.id, PAGESTORE_ID_BYTES, hex));
    }
    l->ref = first;
    stand(l, l->here - 1);
    return 0;
}

int manifest_list_skip(struct manifest_list *l)
{
    if (l->at == MANIFEST_LIST_END) {
        return 0;
    }
    l->offset += l->ref.len;
    /* A reference of depth d is in a list page of level d, or in the node. */
    for (unsigned d = l->here; d < l->depth; d++) {
        int rc = page_reader_next_ref(l->levels[d].reader, &l->ref);
        if (rc == 1) {
            stand(l, d);
        }
        if (rc != 0) {
            return rc < 0 ? rc : 0;
        }
    }
    if (l->used < l->count) {
        l->ref = l->refs[l->used++];
        stand(l, l->depth);
        return 0;
    }
    l->at = MANIFEST_LIST_END;
    return 0;
}
