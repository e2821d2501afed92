/*
 * arena.c - a list of blocks, filled one after the other.
 */
#include "engine/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define BLOCK_BYTES (64u << 10)
#define ALIGN alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a)
{
    arena_init_small(a, BLOCK_BYTES);
}

void arena_init_small(struct arena *a, size_t block)
{
    a->first = a->at = NULL;
    a->block = block;
    a->bytes = 0;
}

void arena_release(struct arena *a)
{
    for (struct arena_block *b = a->first; b != NULL;) {
        struct arena_block *next = b->next;
        mem_free(b);
        b = next;
    }
    arena_init_small(a, a->block);
}

void arena_clear(struct arena *a)
{
    for (struct arena_block *b = a->first; b != NULL; b = b->next) {
        b->used = 0;
    }
    a->at = a->first;
    a->bytes = 0;
}

/* A block with room behind the one in use: the next if it is large enough, else a new one. */
static struct arena_block *more(struct arena *a, size_t size)
{
    struct arena_block **link = a->at != NULL ? &a->at->next : &a->first;
    if (*link != NULL && (*link)->size >= size) {
        return *link;
    }
    size_t room = size > a->block ? size : a->block;
    struct arena_block *b = mem_alloc(sizeof(*b) + room);
    if (b == NULL) {
        return NULL;
    }
    b->size = room;
    b->used = 0;
    b->next = *link;
    *link = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size = (size + ALIGN - 1) & ~(ALIGN - 1);
    if (a->at == NULL || a->at->size - a->at->used < size) {
        struct arena_block *b = more(a, size);
        if (b == NULL) {
            return NULL;
        }
        a->at = b;
    }
    void *out = a->at->data + a->at->used;
    a->at->used += size;
    a->bytes += size;
    return out;
}

char *arena_text(struct arena *a, const void *data, size_t len)
{
    char *out = arena_alloc(a, len + 1);
    if (out == NULL) {
        return NULL;
    }
    if (len > 0) {
        memcpy(out, data, len);
    }
    out[len] = '\0';
    return out;
}

/* Replaces a borrowed text by a copy. */
static int own(struct arena *a, const char **text, size_t len)
{
    if (*text == NULL) {
        return 0;
    }
    *text = arena_text(a, *text, len);
    return *text != NULL ? 0 : err_nomem();
}

static int own_xattrs(struct arena *a, struct node *n)
{
    if (n->xattr_count == 0) {
        return 0;
    }
    struct node_xattr *copy = arena_alloc(a, n->xattr_count * sizeof(*copy));
    if (copy == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < n->xattr_count; i++) {
        copy[i] = n->xattrs[i];
        copy[i].name = arena_text(a, copy[i].name, copy[i].name_len);
        copy[i].value = arena_text(a, copy[i].value, copy[i].value_len);
        if (copy[i].name == NULL || copy[i].value == NULL) {
            return err_nomem();
        }
    }
    n->xattrs = copy;
    return 0;
}

int arena_node_detail(struct arena *a, struct node *n)
{
    int rc = own(a, &n->target, n->target_len);
    return rc != 0 ? rc : own_xattrs(a, n);
}

int arena_node_refs(struct arena *a, struct node *n)
{
    if (n->ref_count == 0) {
        return 0;
    }
    size_t size = n->ref_count * sizeof(*n->refs);
    struct node_ref *copy = arena_alloc(a, size);
    if (copy == NULL) {
        return err_nomem();
    }
    memcpy(copy, n->refs, size);
    n->refs = copy;
    return 0;
}

int arena_node(struct arena *a, const struct node *from, struct node *out)
{
    *out = *from;
    int rc = own(a, &out->path, out->path_len);
    if (rc == 0) {
        rc = own(a, &out->user, out->user_len);
    }
    if (rc == 0) {
        rc = own(a, &out->group, out->group_len);
    }
    if (rc == 0) {
        rc = arena_node_detail(a, out);
    }
    if (rc == 0) {
        rc = arena_node_refs(a, out);
    }
    return rc;
}
