/*
 * pipeline.c - the queue of units: gathering them, and consuming them in order within the budget.
 */
#include "engine/pipeline.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/pipeline_internal.h"

int pipeline_new(const struct pipeline_options *options, struct pipeline **out_pipeline)
{
    struct pipeline *p = mem_zalloc(sizeof(*p));
    if (p == NULL) {
        return err_nomem();
    }
    p->o = *options;
    p->chunker = repo_chunker(options->repo);
    p->cut = chunker_params(p->chunker);
    buf_init(&p->xattrs);
    int rc = manifest_content_new(options->pages, repo_keys(options->repo)->page_boundary_key,
                                  &p->content);
    if (rc == 0) {
        rc = linkmap_new(&p->links);
    }
    if (rc != 0) {
        pipeline_free(p);
        return rc;
    }
    *out_pipeline = p;
    return 0;
}

/* Waits for what is under way in a unit, so that its memory can go. */
static void abandon(struct pipeline *p, struct pipeline_unit *u)
{
    if (u->is_chain) {
        pipeline_chain_end(u);
    } else if (u->submitted && pool_wait(p->o.pool, &u->job) != 0) {
        err_clear();
    }
    pipeline_unit_put(p, u);
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL) {
        return;
    }
    struct err_trail kept;
    err_take(&kept); /* whatever ended the run is what matters */
    while (p->head != NULL) {
        struct pipeline_unit *next = p->head->next;
        abandon(p, p->head);
        p->head = next;
    }
    if (p->open != NULL) {
        pipeline_unit_put(p, p->open);
    }
    while (p->spare_units != NULL) {
        struct pipeline_unit *next = p->spare_units->next;
        pipeline_unit_free(p->spare_units);
        p->spare_units = next;
    }
    while (p->spare_pieces != NULL) {
        struct pipeline_piece *next = p->spare_pieces->next;
        pipeline_piece_free(p->spare_pieces);
        p->spare_pieces = next;
    }
    manifest_content_free(p->content);
    linkmap_free(p->links);
    buf_release(&p->xattrs);
    mem_free(p);
    err_give(&kept);
}

/* ---- the queue ---- */

static void enqueue(struct pipeline *p, struct pipeline_unit *u)
{
    u->next = NULL;
    *(p->head != NULL ? &p->tail->next : &p->head) = u;
    p->tail = u;
    p->in_flight += u->charge;
}

/* Consumes the first unit as far as it is done. *out_done: all of it, and it has left the queue. */
static int consume_head(struct pipeline *p, bool wait, bool *out_done)
{
    struct pipeline_unit *u = p->head;
    uint64_t charge = u->charge;
    int rc = pipeline_feed(p, u, wait, out_done);
    if (rc != 0 || !*out_done) {
        return rc;
    }
    p->head = u->next;
    p->in_flight -= charge;
    pipeline_unit_put(p, u);
    return 0;
}

/* Consumes what is done; waits only while the budget is exceeded. */
static int advance(struct pipeline *p)
{
    int rc = 0;
    bool done = true;
    while (rc == 0 && done && p->head != NULL) {
        bool must = p->in_flight > p->o.budget_bytes;
        rc = consume_head(p, must, &done);
    }
    return rc;
}

/* What has been gathered goes to the workers. */
static int flush(struct pipeline *p)
{
    struct pipeline_unit *u = p->open;
    if (u == NULL) {
        return 0;
    }
    p->open = NULL;
    u->charge = u->bytes + u->reads > PIPELINE_UNIT_CHARGE ? u->bytes + u->reads
                                                           : PIPELINE_UNIT_CHARGE;
    enqueue(p, u);
    if (u->reads > 0) {
        u->submitted = true;
        u->job.run = pipeline_small_run;
        u->job.trail = &u->trail;
        pool_submit(p->o.pool, &u->job, POOL_NORMAL);
    }
    return advance(p);
}

/* A new item in the open unit; room for `bytes` of content. */
static int gather(struct pipeline *p, uint64_t bytes, struct pipeline_item **out_item)
{
    int rc = 0;
    if (p->open != NULL && (p->open->count >= PIPELINE_UNIT_ITEMS ||
                            (p->open->reads > 0 && p->open->bytes + bytes > PIPELINE_UNIT_BYTES))) {
        rc = flush(p);
    }
    if (rc == 0 && p->open == NULL) {
        rc = pipeline_unit_get(p, &p->open);
    }
    return rc != 0 ? rc : pipeline_unit_item(p->open, out_item);
}

/* Whether nothing is under way that would have to come first. */
static bool idle(const struct pipeline *p)
{
    return p->head == NULL && p->open == NULL;
}

/* ---- what the walk says ---- */

int pipeline_keep(struct pipeline *p, struct manifest_leaf *leaf, uint32_t index,
                  const struct node *n)
{
    struct commit_counts *counts = p->o.counts;
    if (n->type == NODE_FILE) {
        counts->files++;
        counts->files_unmodified++;
        counts->bytes += n->size;
        p->bytes_done += n->size;
    } else if (n->type == NODE_DIR) {
        counts->dirs++;
    } else {
        counts->others++;
    }
    if (idle(p)) {
        return pipeline_feed_keep(p, leaf, index, 1);
    }
    struct pipeline_unit *u = p->open;
    struct pipeline_item *item = u != NULL && u->count > 0 ? &u->items[u->count - 1] : NULL;
    if (item != NULL && item->kind == PIPELINE_KEEP && item->leaf == leaf &&
        item->first + item->count == index) {
        item->count++;
        return 0;
    }
    int rc = gather(p, 0, &item);
    if (rc != 0) {
        return rc;
    }
    item->kind = PIPELINE_KEEP;
    item->leaf = manifest_leaf_hold(leaf);
    item->first = index;
    item->count = 1;
    return 0;
}

/* Copies what does not outlive the walk's next step; names of users do. */
static int copy_node(struct pipeline_unit *u, const struct node *n, struct pipeline_item *item)
{
    item->node = *n;
    item->node.path = arena_text(&u->arena, n->path, n->path_len);
    if (item->node.path == NULL) {
        return err_nomem();
    }
    int rc = arena_node_detail(&u->arena, &item->node);
    return rc != 0 ? rc : arena_node_refs(&u->arena, &item->node);
}

int pipeline_put(struct pipeline *p, const struct node *n, bool known)
{
    struct pipeline_item *item = NULL;
    if (idle(p)) {
        return pipeline_feed_put(p, n, known);
    }
    int rc = gather(p, 0, &item);
    if (rc != 0) {
        return rc;
    }
    item->kind = PIPELINE_PUT;
    item->known = known;
    return copy_node(p->open, n, item);
}

/* Fills an item of a file that is to be read. */
static int set_file(struct pipeline *p, struct pipeline_unit *u, struct pipeline_item *item,
                    const struct source_entry *e, const struct pipeline_was *was, bool leads)
{
    item->kind = PIPELINE_FILE;
    item->was = *was;
    item->sparse = e->sparse;
    item->leads = leads;
    item->dev = e->node.dev;
    item->ino = e->node.ino;
    int rc = copy_node(u, &e->node, item);
    if (rc != 0) {
        return rc;
    }
    p->o.source->ops->hold(p->o.source, e->place);
    item->place = e->place;
    u->reads++;
    u->bytes += e->node.size;
    return 0;
}

static int read_link(struct pipeline *p, const struct source_entry *e,
                     const struct pipeline_was *was)
{
    struct pipeline_item *item = NULL;
    int rc = gather(p, 0, &item);
    if (rc != 0) {
        return rc;
    }
    item->kind = PIPELINE_LINK;
    item->was = *was;
    item->dev = e->node.dev;
    item->ino = e->node.ino;
    return copy_node(p->open, &e->node, item);
}

static int read_chain(struct pipeline *p, const struct source_entry *e,
                      const struct pipeline_was *was, bool leads)
{
    struct pipeline_unit *u = NULL;
    struct pipeline_item *item = NULL;
    int rc = flush(p);
    if (rc == 0) {
        rc = pipeline_unit_get(p, &u);
    }
    if (rc != 0) {
        return rc;
    }
    rc = pipeline_unit_item(u, &item);
    if (rc == 0) {
        rc = set_file(p, u, item, e, was, leads);
    }
    if (rc == 0) {
        rc = pipeline_chain_begin(u);
    }
    if (rc != 0) {
        if (u->is_chain) {
            pipeline_chain_end(u);
        }
        pipeline_unit_put(p, u);
        return rc;
    }
    enqueue(p, u);
    return advance(p);
}

int pipeline_read(struct pipeline *p, const struct source_entry *e, const struct pipeline_was *was)
{
    struct pipeline_item *item = NULL;
    bool leads = false;
    if (e->node.links > 1) {
        int rc = linkmap_see(p->links, &e->node, &leads);
        if (rc != 0) {
            return rc;
        }
        if (!leads) {
            return read_link(p, e, was);
        }
    }
    if (p->o.source->volatile_content || e->node.size > PIPELINE_UNIT_BYTES) {
        return read_chain(p, e, was, leads);
    }
    int rc = gather(p, e->node.size, &item);
    return rc != 0 ? rc : set_file(p, p->open, item, e, was, leads);
}

int pipeline_drain(struct pipeline *p)
{
    int rc = flush(p);
    while (rc == 0 && p->head != NULL) {
        bool done = false;
        rc = consume_head(p, true, &done);
    }
    return rc;
}

uint64_t pipeline_bytes_done(const struct pipeline *p)
{
    return p->bytes_done;
}

uint64_t pipeline_bytes_read(const struct pipeline *p)
{
    return p->bytes_read;
}
