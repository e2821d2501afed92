/*
 * manifest_visit.c - down every page of a manifest, and of the content of its files.
 */
#include "engine/manifest_visit.h"

#include "base/err.h"
#include "engine/manifest_list.h"
#include "engine/manifest_walk.h"

struct visit {
    const struct manifest_visitor *v;
    struct manifest_walk walk;
    struct manifest_list list;
};

/* A page that could not be entered is passed over, if the visitor agrees. */
static int forgive(struct visit *t, int code, const uint8_t id[PAGESTORE_ID_BYTES],
                   const struct node *n)
{
    if (t->v->damaged == NULL || code == HF_ENOMEM) {
        return code;
    }
    return t->v->damaged(t->v->context, code, id, n);
}

static int visit_list_page(struct visit *t, const struct node *n)
{
    struct manifest_list *l = &t->list;
    int rc = t->v->page(t->v->context, MANIFEST_VISIT_LIST, l->ref.id);
    if (rc < 0) {
        return rc;
    }
    if (rc == 0 || (l->level == 0 && t->v->chunk == NULL)) {
        return manifest_list_skip(l);
    }
    rc = manifest_list_enter(l);
    if (rc < 0) {
        rc = forgive(t, rc, l->ref.id, n);
        if (rc == 0) {
            rc = manifest_list_skip(l);
        }
    }
    return rc;
}

static int visit_node(struct visit *t, const struct node *n)
{
    struct manifest_list *l = &t->list;
    const struct manifest_visitor *v = t->v;
    int rc = 0;
    if (n->xattrs_chunked && v->chunk != NULL) {
        rc = v->chunk(v->context, n, &n->xattr_ref);
    }
    if (rc == 0) {
        rc = manifest_list_open(l, n);
    }
    while (rc == 0 && l->at != MANIFEST_LIST_END) {
        if (l->at == MANIFEST_LIST_PAGE) {
            rc = visit_list_page(t, n);
            continue;
        }
        if (!l->ref.hole && v->chunk != NULL) {
            rc = v->chunk(v->context, n, &l->ref);
        }
        if (rc == 0) {
            rc = manifest_list_skip(l);
        }
    }
    return rc;
}

static int visit_page(struct visit *t)
{
    struct manifest_walk *w = &t->walk;
    int rc = t->v->page(t->v->context, MANIFEST_VISIT_PAGE, w->page->id);
    if (rc <= 0) {
        return rc < 0 ? rc : manifest_walk_skip(w);
    }
    rc = manifest_walk_enter(w);
    if (rc < 0) {
        rc = forgive(t, rc, w->page->id, NULL);
        if (rc == 0) {
            rc = manifest_walk_skip(w);
        }
    }
    return rc;
}

static int go_on(struct visit *t)
{
    struct manifest_walk *w = &t->walk;
    int rc = manifest_walk_next(w);
    if (rc < 0) {
        rc = forgive(t, rc, w->page->id, NULL);
        if (rc == 0) {
            rc = manifest_walk_skip(w);
        }
    }
    return rc;
}

int manifest_visit(struct pagestore *pages, const uint8_t root[PAGESTORE_ID_BYTES],
                   const struct manifest_visitor *v)
{
    struct visit t = { .v = v };
    manifest_list_init(&t.list, pages);
    int rc = manifest_walk_open(&t.walk, pages, root);
    while (rc == 0 && t.walk.at != MANIFEST_WALK_END) {
        if (t.walk.at == MANIFEST_WALK_PAGE) {
            rc = visit_page(&t);
        } else {
            rc = visit_node(&t, &t.walk.node);
            if (rc == 0) {
                rc = go_on(&t);
            }
        }
    }
    manifest_walk_release(&t.walk);
    manifest_list_release(&t.list);
    return rc;
}
