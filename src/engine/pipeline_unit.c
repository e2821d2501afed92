/*
 * pipeline_unit.c - units and pieces: made once, used again and again.
 */
#include "base/err.h"
#include "base/mem.h"
#include "engine/pipeline_internal.h"

static int unit_new(struct pipeline *p, struct pipeline_unit **out_unit)
{
    struct pipeline_unit *u = mem_zalloc(sizeof(*u));
    if (u == NULL) {
        return err_nomem();
    }
    u->pipeline = p;
    arena_init(&u->arena);
    buf_init(&u->data);
    source_detail_init(&u->detail);
    pthread_mutex_init(&u->chain.lock, NULL);
    int rc = cipher_id_new(repo_keys(p->o.repo)->chunk_id_key, &u->ids);
    if (rc != 0) {
        pipeline_unit_free(u);
        return rc;
    }
    *out_unit = u;
    return 0;
}

int pipeline_unit_get(struct pipeline *p, struct pipeline_unit **out_unit)
{
    struct pipeline_unit *u = p->spare_units;
    if (u == NULL) {
        return unit_new(p, out_unit);
    }
    p->spare_units = u->next;
    u->next = NULL;
    *out_unit = u;
    return 0;
}

static void let_go(struct pipeline *p, struct pipeline_item *item)
{
    manifest_leaf_drop(item->leaf);
    item->leaf = NULL;
    if (item->place != NULL) {
        p->o.source->ops->drop(p->o.source, item->place);
    }
    item->place = NULL;
}

void pipeline_unit_put(struct pipeline *p, struct pipeline_unit *u)
{
    for (size_t i = 0; i < u->count; i++) {
        let_go(p, &u->items[i]);
    }
    arena_clear(&u->arena);
    buf_clear(&u->data);
    u->count = u->consumed = u->reads = 0;
    u->chunks.count = 0;
    u->bytes = u->bytes_read = u->charge = 0;
    u->is_chain = u->submitted = u->content_begun = false;
    u->next = p->spare_units;
    p->spare_units = u;
}

void pipeline_unit_free(struct pipeline_unit *u)
{
    arena_release(&u->arena);
    buf_release(&u->data);
    source_detail_release(&u->detail);
    cipher_id_free(u->ids);
    mem_free(u->items);
    mem_free(u->chunks.list);
    pthread_mutex_destroy(&u->chain.lock);
    mem_free(u);
}

int pipeline_unit_item(struct pipeline_unit *u, struct pipeline_item **out_item)
{
    if (mem_grow(&u->items, &u->cap, u->count + 1, sizeof(*u->items)) != 0) {
        return err_nomem();
    }
    *out_item = &u->items[u->count++];
    **out_item = (struct pipeline_item){ 0 };
    return 0;
}

int pipeline_piece_get(struct pipeline *p, struct pipeline_piece **out_piece)
{
    struct pipeline_piece *piece = p->spare_pieces;
    if (piece != NULL) {
        p->spare_pieces = piece->next;
        *out_piece = piece;
        return 0;
    }
    piece = mem_zalloc(sizeof(*piece));
    if (piece == NULL) {
        return err_nomem();
    }
    /* Less than a whole chunk is left over from the piece before. */
    size_t most = p->cut->max > p->cut->fixed ? p->cut->max : p->cut->fixed;
    piece->cap = PIPELINE_PIECE_BYTES + most;
    piece->data = mem_alloc(piece->cap);
    int rc = piece->data == NULL ? err_nomem()
                                 : cipher_id_new(repo_keys(p->o.repo)->chunk_id_key, &piece->ids);
    if (rc != 0) {
        pipeline_piece_free(piece);
        return rc;
    }
    *out_piece = piece;
    return 0;
}

void pipeline_piece_put(struct pipeline *p, struct pipeline_piece *piece)
{
    piece->next = p->spare_pieces;
    p->spare_pieces = piece;
}

void pipeline_piece_free(struct pipeline_piece *piece)
{
    mem_free(piece->data);
    mem_free(piece->chunks.list);
    cipher_id_free(piece->ids);
    mem_free(piece);
}
