/*
 * manifest_visit.h - every chunk that a manifest needs: its pages, list pages, xattrs and content.
 *
 * For garbage collection and check. A visitor that remembers the pages it has seen passes over
 * those that snapshots share, so that marking many snapshots costs what differs between them.
 */
#ifndef HF_ENGINE_MANIFEST_VISIT_H
#define HF_ENGINE_MANIFEST_VISIT_H

#include <stdint.h>

#include "engine/pagestore.h"
#include "format/node.h"

enum manifest_visit_kind {
    MANIFEST_VISIT_PAGE, /* of the manifest */
    MANIFEST_VISIT_LIST, /* of a file's content */
};

struct manifest_visitor {
    void *context;
    /*
     * A page of the manifest or a list page, before it is fetched. 1: go on into it; 0: pass over
     * it and all below it; negative: the visit ends with this.
     */
    int (*page)(void *context, enum manifest_visit_kind kind, const uint8_t id[PAGESTORE_ID_BYTES]);
    /*
     * A chunk of a file or of xattrs; n: whose it is. 0 or a negative code. May be NULL, then
     * list pages of level 0 are told but not fetched.
     */
    int (*chunk)(void *context, const struct node *n, const struct node_ref *ref);
    /*
     * A page that could not be fetched or read; n: the file whose list page it is, or NULL. 0:
     * what is below it is passed over. NULL: such an error ends the visit.
     */
    int (*damaged)(void *context, int code, const uint8_t id[PAGESTORE_ID_BYTES],
                   const struct node *n);
};

/* root: zeros are an empty manifest. */
int manifest_visit(struct pagestore *pages, const uint8_t root[PAGESTORE_ID_BYTES],
                   const struct manifest_visitor *v);

#endif
