/*
 * restore_links.c - things with several names: the first one is restored, the others are linked to
 * it.
 *
 * What is in the target already may have names in common that are not to have them any more. So
 * an inode with several names is taken for right by one group only: the first that meets it.
 */
#include <linux/fs.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "engine/restore_internal.h"

#define FORBID_LINKS (FS_IMMUTABLE_FL | FS_APPEND_FL)
#define GROUP_BLOCK 256u /* there may be millions of groups */

struct key {
    uint64_t dev, ino;
};

static struct key key_of(uint64_t dev, uint64_t ino)
{
    return (struct key){ .dev = dev, .ino = ino };
}

static int new_group(const struct node *n, struct restore_group **out_group)
{
    struct restore_group *g = mem_zalloc(sizeof(*g));
    if (g == NULL) {
        return err_nomem();
    }
    arena_init_small(&g->memory, GROUP_BLOCK);
    g->dev = n->dev;
    g->ino = n->ino;
    g->names_left = n->links;
    *out_group = g;
    return 0;
}

int restore_links_see(struct restore *r, const struct node *n, struct restore_group **out_group,
                      bool *out_first)
{
    struct key key = key_of(n->dev, n->ino);
    void *slot = NULL;
    int rc = 0;
    *out_group = NULL;
    if (r->groups == NULL) {
        rc = map_new(sizeof(key), sizeof(struct restore_group *), 0, &r->groups);
    }
    if (rc == 0) {
        rc = map_put(r->groups, &key, &slot, out_first);
    }
    if (rc != 0) {
        return rc;
    }
    if (*out_first) {
        rc = new_group(n, (struct restore_group **)slot);
        if (rc != 0) {
            map_remove(r->groups, &key);
            return rc;
        }
        (*(struct restore_group **)slot)->refs = 1; /* the map's */
    }
    struct restore_group *g = *(struct restore_group **)slot;
    g->refs++;
    *out_group = g;
    if (g->names_left > 0 && --g->names_left == 0) {
        map_remove(r->groups, &key);
        g->refs--;
    }
    return 0;
}

int restore_links_fit(struct restore *r, const struct target_stat *now,
                      const struct restore_group *g, bool *out_fits)
{
    struct key theirs = key_of(now->dev, now->ino);
    void *slot = NULL;
    bool added = false;
    int rc = 0;
    *out_fits = now->links <= 1;
    if (*out_fits || g == NULL) {
        return 0;
    }
    if (r->claims == NULL) {
        rc = map_new(sizeof(struct key), sizeof(struct key), 0, &r->claims);
    }
    if (rc == 0) {
        rc = map_put(r->claims, &theirs, &slot, &added);
    }
    if (rc != 0) {
        return rc;
    }
    struct key *ours = slot;
    if (added) {
        *ours = key_of(g->dev, g->ino);
    }
    *out_fits = ours->dev == g->dev && ours->ino == g->ino;
    return 0;
}

int restore_links_first(struct restore *r, struct restore_group *g, struct target_place *place,
                        const struct node *n)
{
    size_t len = 0;
    int rc = restore_copy_node(r, &g->memory, n, &g->node);
    if (rc != 0) {
        return rc;
    }
    g->name = restore_tree_name(g->node.path, g->node.path_len, &len);
    g->name_len = len;
    g->late = (n->flags & FORBID_LINKS) != 0;
    r->target->ops->hold(r->target, place);
    g->place = place;
    return 0;
}

/* Whether the name leads to the first one's inode already; if it is something else, it goes. */
static int clear_the_way(struct restore *r, struct restore_action *a, bool *out_linked)
{
    const struct target_ops *ops = r->target->ops;
    struct restore_group *g = a->group;
    struct target_stat first;
    struct target_stat now;
    uint64_t removed = 0;
    *out_linked = false;
    int rc = ops->lookup(r->target, a->place, a->name, a->name_len, &now);
    if (rc == HF_EABSENT) {
        return 0;
    }
    if (rc == 0) {
        rc = ops->lookup(r->target, g->place, g->name, g->name_len, &first);
    }
    if (rc == HF_EABSENT) {
        rc = err_raise(HF_EABSENT, "its first name is not there");
    }
    if (rc != 0) {
        return rc;
    }
    *out_linked = first.dev == now.dev && first.ino == now.ino;
    return *out_linked ? 0 : ops->remove(r->target, a->place, a->name, a->name_len, &removed);
}

int restore_links_make(struct restore *r, struct restore_action *a)
{
    struct restore_group *g = a->group;
    bool linked = false;
    if (g->place == NULL) {
        return err_raise(HF_EFAIL, "its first name, %.*s, was not restored", (int)g->node.path_len,
                         g->node.path != NULL ? g->node.path : "");
    }
    int rc = clear_the_way(r, a, &linked);
    if (rc == 0 && !linked) {
        rc = r->target->ops->link(r->target, g->place, g->name, g->name_len, a->place, a->name,
                                  a->name_len);
    }
    if (rc == 0 && g->lost) {
        rc = err_raise(HF_EDAMAGE, "its content is damaged: see %s", g->node.path);
    }
    return rc;
}

/* Flags that forbid links are set when all links are made. */
static void set_late_flags(struct restore *r, struct restore_group *g)
{
    const struct target_ops *ops = r->target->ops;
    struct target_losses losses = { .loss = restore_note_loss, .context = r };
    struct target_file file;
    int rc = ops->open(r->target, g->place, g->name, g->name_len, false, &file);
    if (rc == 0) {
        rc = ops->finish(r->target, &file, &g->node, &losses);
        int closed = ops->close(r->target, &file);
        rc = rc != 0 ? rc : closed;
    }
    if (rc != 0) {
        restore_note_loss(r, &g->node, "inode flags", err_last()->text);
        err_clear();
    }
}

void restore_links_drop(struct restore *r, struct restore_group *g)
{
    if (g == NULL || --g->refs > 0) {
        return;
    }
    if (g->place != NULL) {
        if (g->late && !g->lost) {
            set_late_flags(r, g);
        }
        r->target->ops->drop(r->target, g->place);
    }
    arena_release(&g->memory);
    mem_free(g);
}

void restore_links_free(struct restore *r)
{
    size_t at = 0;
    const void *key;
    void *value;
    while (r->groups != NULL && map_next(r->groups, &at, &key, &value)) {
        restore_links_drop(r, *(struct restore_group **)value);
    }
    map_free(r->groups);
    map_free(r->claims);
    r->groups = r->claims = NULL;
}
