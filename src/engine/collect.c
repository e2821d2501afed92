/*
 * collect.c - marking what manifests reach. See collect.h.
 *
 * A page that was visited once is not visited again, however many snapshots share it, so marking a
 * thousand snapshots costs what differs between them.
 */
#include "engine/collect.h"

#include "base/err.h"
#include "base/map.h"
#include "engine/manifest_visit.h"
#include "engine/repopages.h"

struct collect {
    const struct collect_options *o;
    struct pagestore *pages;
    struct map *seen; /* pages whose content is marked */
    struct marks *marks;
};

static int mark_page(void *context, enum manifest_visit_kind kind,
                     const uint8_t id[PAGESTORE_ID_BYTES])
{
    struct collect *c = context;
    bool is_new = false;
    int rc = map_put(c->seen, id, NULL, &is_new);

    (void)kind;
    if (rc == 0 && is_new) {
        rc = marks_add(c->marks, id);
    }
    return rc < 0 ? rc : is_new;
}

static int mark_chunk(void *context, const struct node *n, const struct node_ref *ref)
{
    const struct collect *c = context;

    (void)n;
    return ref->hole ? 0 : marks_add(c->marks, ref->id);
}

static int mark(void *context, const uint8_t root[32], struct marks *m)
{
    struct collect *c = context;
    const struct manifest_visitor visitor = { .context = c,
                                              .page = mark_page,
                                              .chunk = mark_chunk };

    c->marks = m;
    return manifest_visit(c->pages, root, &visitor);
}

static void begin_anew(void *context)
{
    const struct collect *c = context;

    map_clear(c->seen);
}

static void progress(void *context, const struct prune_progress *p)
{
    const struct collect *c = context;

    if (c->o->progress) {
        c->o->progress(c->o->context, p);
    }
}

void collect_options_init(struct collect_options *o)
{
    *o = (struct collect_options){ .grace_ns = COLLECT_GRACE_NS, .max_unused = COLLECT_MAX_UNUSED };
}

int collect_run(struct repo *r, const struct collect_options *options,
                struct prune_result *out_result)
{
    struct collect c = { .o = options };
    struct prune_options o = {
        .dry = options->dry,
        .grace_ns = options->now ? 0 : options->grace_ns,
        .unfinished_ns = options->now ? 0 : COLLECT_UNFINISHED_NS,
        .leftover_ns = COLLECT_LEFTOVER_NS,
        .max_unused = options->max_unused,
        .mark = mark,
        .anew = begin_anew,
        .progress = progress,
        .context = &c,
        .cancel = options->cancel,
    };
    size_t threads = options->threads ? options->threads : pool_cores();
    int rc = map_new(PAGESTORE_ID_BYTES, 0, 0, &c.seen);

    *out_result = (struct prune_result){ 0 };
    if (rc == 0) {
        rc = repopages_new(r, NULL, &c.pages);
    }
    if (rc == 0) {
        rc = pool_new(threads - 1, &o.pool);
    }
    if (rc == 0) {
        rc = prune_run(r, &o, out_result);
    }
    pool_free(o.pool);
    repopages_free(c.pages);
    map_free(c.seen);
    return rc;
}
