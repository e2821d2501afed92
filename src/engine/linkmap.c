/*
 * linkmap.c - see linkmap.h.
 *
 * Names are seen by the walk and taken when their turn comes in the manifest, both in the same
 * order, so a group is done with when as many names were taken as the inode has links, and none
 * that was seen is still to be taken (links are made while we walk). Names outside of what is
 * backed up never come; their groups stay until the end.
 */
#include "engine/linkmap.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "engine/arena.h"

/* There may be millions of groups. */
#define GROUP_BLOCK 256u

struct key {
    uint64_t dev, ino;
};

struct group {
    uint64_t seen, taken, links;
    bool have;
    struct arena memory;
    struct node node;
};

struct linkmap {
    struct map *groups; /* struct key -> struct group * */
    struct group *last; /* taken for the last time: freed by the next call */
};

int linkmap_new(struct linkmap **out_map)
{
    struct linkmap *m = mem_zalloc(sizeof(*m));
    if (m == NULL) {
        return err_nomem();
    }
    int rc = map_new(sizeof(struct key), sizeof(struct group *), 0, &m->groups);
    if (rc != 0) {
        mem_free(m);
        return rc;
    }
    *out_map = m;
    return 0;
}

static void group_free(struct group *g)
{
    if (g == NULL) {
        return;
    }
    arena_release(&g->memory);
    mem_free(g);
}

void linkmap_free(struct linkmap *m)
{
    if (m == NULL) {
        return;
    }
    size_t at = 0;
    const void *key;
    void *value;
    while (map_next(m->groups, &at, &key, &value)) {
        group_free(*(struct group **)value);
    }
    group_free(m->last);
    map_free(m->groups);
    mem_free(m);
}

int linkmap_see(struct linkmap *m, const struct node *n, bool *out_first)
{
    struct key key = { n->dev, n->ino };
    void *slot = NULL;
    int rc = map_put(m->groups, &key, &slot, out_first);
    if (rc != 0) {
        return rc;
    }
    if (!*out_first) {
        (*(struct group **)slot)->seen++;
        return 0;
    }
    struct group *g = mem_zalloc(sizeof(*g));
    *(struct group **)slot = g;
    if (g == NULL) {
        map_remove(m->groups, &key);
        return err_nomem();
    }
    arena_init_small(&g->memory, GROUP_BLOCK);
    g->links = n->links;
    g->seen = g->taken = 1; /* the first name itself */
    return 0;
}

int linkmap_set(struct linkmap *m, uint64_t dev, uint64_t ino, const struct node *n)
{
    struct key key = { dev, ino };
    struct group **slot = map_get(m->groups, &key);
    if (slot == NULL || n == NULL) {
        return 0;
    }
    int rc = arena_node(&(*slot)->memory, n, &(*slot)->node);
    (*slot)->have = rc == 0;
    return rc;
}

bool linkmap_take(struct linkmap *m, uint64_t dev, uint64_t ino, const char *path, size_t path_len,
                  struct node *out)
{
    struct key key = { dev, ino };
    struct group **slot = map_get(m->groups, &key);
    group_free(m->last);
    m->last = NULL;
    if (slot == NULL) {
        return false;
    }
    struct group *g = *slot;
    bool have = g->have;
    *out = g->node;
    out->path = path;
    out->path_len = path_len;
    if (++g->taken >= g->links && g->taken == g->seen) {
        m->last = g;
        map_remove(m->groups, &key);
    }
    return have;
}
