/*
 * restore_node.c - what is to be done about one thing of the snapshot, given what is there.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/restore_internal.h"

#define SYMLINK_MAX_BYTES 4096u

struct spot {                   /* where a thing goes */
    struct target_place *place; /* NULL: a dry run, and its folder is not there */
    const char *name;
    size_t len;
    struct target_stat now; /* what is there */
    bool exists;
};

static int look(struct restore *r, struct spot *s)
{
    s->exists = false;
    if (s->place == NULL || restore_tree_is_new(r)) {
        return 0;
    }
    int rc = r->target->ops->lookup(r->target, s->place, s->name, s->len, &s->now);
    s->exists = rc == 0;
    return rc == HF_EABSENT ? 0 : rc;
}

static int clear_the_way(struct restore *r, const struct spot *s)
{
    uint64_t removed = 0;
    return s->exists ? r->target->ops->remove(r->target, s->place, s->name, s->len, &removed) : 0;
}

/* Counts and tells; for whatever is not to be touched, or only looked at. */
static void tell(struct restore *r, const struct node *n, bool skipped, const char *act)
{
    if (n->type == NODE_FILE) {
        r->result->files++;
        r->result->bytes_total += n->size;
        r->result->skipped += skipped ? 1 : 0;
    } else {
        r->result->others++;
    }
    restore_tell_act(r, n, act);
}

/* ---- symlinks, devices, ... ---- */

static bool same_symlink(struct restore *r, const struct spot *s, const struct node *n)
{
    char target[SYMLINK_MAX_BYTES];
    size_t len = 0;
    int rc = r->target->ops->readlink(r->target, s->place, s->name, s->len, target, sizeof(target),
                                      &len);
    if (rc != 0) {
        err_clear();
    }
    return rc == 0 && len == n->target_len && memcmp(target, n->target, len) == 0;
}

static bool is_same(struct restore *r, const struct spot *s, const struct node *n)
{
    if (!s->exists || s->now.type != n->type) {
        return false;
    }
    if (n->type == NODE_SYMLINK) {
        return same_symlink(r, s, n);
    }
    bool device = n->type == NODE_CHAR || n->type == NODE_BLOCK;
    return !device || s->now.rdev == n->rdev;
}

static int make(struct restore *r, const struct spot *s, const struct node *n)
{
    const struct target_ops *ops = r->target->ops;
    if (n->type == NODE_SYMLINK) {
        return ops->symlink(r->target, s->place, s->name, s->len, n->target, n->target_len);
    }
    return ops->special(r->target, s->place, s->name, s->len, n->type, n->rdev);
}

/* The one name of a thing, or the first one of several. */
static int put_other(struct restore *r, const struct spot *s, const struct node *n,
                     const struct restore_group *group)
{
    struct target_losses losses = { .loss = restore_note_loss, .context = r };
    bool same = is_same(r, s, n);
    struct node full;
    int rc = same ? restore_links_fit(r, &s->now, group, &same) : 0;
    const char *act = same ? "same" : s->exists ? "changed" : "new";
    if (rc != 0) {
        return rc;
    }
    if (r->o->dry_run) {
        tell(r, n, same, act);
        return 0;
    }
    arena_clear(&r->scratch);
    rc = restore_copy_node(r, &r->scratch, n, &full);
    if (rc == 0 && !same) {
        rc = clear_the_way(r, s);
    }
    if (rc == 0 && !same) {
        rc = make(r, s, n);
    }
    if (rc == 0) {
        rc = r->target->ops->apply(r->target, s->place, s->name, s->len, &full, &losses);
    }
    if (rc == 0) {
        tell(r, n, same, act);
    }
    return rc;
}

/* ---- files ---- */

/* A file with the size and mtime it should have is right, unless there is reason to doubt it. */
static bool looks_right(const struct restore *r, const struct spot *s, const struct node *n)
{
    return s->exists && s->now.type == NODE_FILE && s->now.size == n->size &&
           s->now.mtime_ns == n->mtime_ns && r->o->overwrite == RESTORE_IF_CHANGED &&
           !r->o->verify && !r->doubtful && (n->remarks & NODE_UNSTABLE) == 0;
}

static int plan_file(struct restore *r, const struct spot *s, const struct node *n,
                     struct restore_group *group)
{
    struct restore_window *w = &r->windows[r->filling];
    bool right = looks_right(r, s, n);
    int rc = right ? restore_links_fit(r, &s->now, group, &right) : 0;
    if (rc != 0) {
        return rc;
    }
    if (right) {
        restore_tell_act(r, n, "same");
        return restore_window_file(w, n, s->place, RESTORE_SAME, s->now.size, group);
    }
    restore_tell_act(r, n, s->exists ? "changed" : "new");
    /* What other names refer to as well is left to them. */
    if (s->exists && s->now.type == NODE_FILE && s->now.links == 1) {
        return restore_window_file(w, n, s->place, RESTORE_EXISTING, s->now.size, group);
    }
    rc = clear_the_way(r, s);
    return rc != 0 ? rc : restore_window_file(w, n, s->place, RESTORE_CREATE, 0, group);
}

/* Whether the name and the group's first name lead to the same file already. */
static bool is_linked(struct restore *r, const struct spot *s, const struct restore_group *group)
{
    struct target_stat first;
    if (!s->exists || r->target->ops->lookup(r->target, group->place, group->name, group->name_len,
                                             &first) != 0) {
        err_clear();
        return false;
    }
    return first.dev == s->now.dev && first.ino == s->now.ino;
}

static int plan_link(struct restore *r, const struct spot *s, const struct node *n,
                     struct restore_group *group)
{
    struct restore_window *w = &r->windows[r->filling];
    struct restore_action link = { .kind = RESTORE_LINK, .place = s->place, .group = group };
    struct restore_action *a = NULL;
    int rc = arena_node(&w->arena, n, &link.node);
    link.name = restore_tree_name(link.node.path, link.node.path_len, &link.name_len);
    if (rc == 0) {
        rc = restore_window_action(w, &link, &a);
    }
    if (rc == 0) {
        group->refs++;
        restore_tell_act(r, n, !s->exists ? "new" : is_linked(r, s, group) ? "same" : "changed");
    }
    return rc;
}

static int visit_links(struct restore *r, const struct spot *s, const struct node *n)
{
    struct restore_group *group = NULL;
    bool first = false;
    int rc = restore_links_see(r, n, &group, &first);
    if (rc != 0) {
        return rc;
    }
    if (!first && group->name != NULL) {
        rc = plan_link(r, s, n, group);
    } else {
        /* The first name, or the first that is not kept as it is. */
        rc = restore_links_first(r, group, s->place, n);
        if (rc == 0) {
            rc = n->type == NODE_FILE ? plan_file(r, s, n, group) : put_other(r, s, n, group);
        }
    }
    restore_links_drop(r, group);
    return rc;
}

static int visit_one(struct restore *r, const struct spot *s, const struct node *n)
{
    if (n->links > 1 && !r->o->dry_run) {
        return visit_links(r, s, n);
    }
    if (n->type != NODE_FILE) {
        return put_other(r, s, n, NULL);
    }
    if (r->o->dry_run) {
        bool same = looks_right(r, s, n) && (s->now.links <= 1 || n->links > 1);
        tell(r, n, same, same ? "same" : s->exists ? "changed" : "new");
        return same ? 0 : restore_space_file(r, n, s->exists ? &s->now : NULL);
    }
    return plan_file(r, s, n, NULL);
}

/* ---- everything ---- */

static int visit_thing(struct restore *r, const struct node *n, struct spot *s)
{
    int rc = target_check_name(s->name, s->len);
    if (rc == 0) {
        rc = look(r, s);
    }
    if (rc != 0) {
        return rc;
    }
    if (s->exists && r->o->overwrite == RESTORE_NEVER) {
        tell(r, n, true, "kept");
        return 0;
    }
    return visit_one(r, s, n);
}

int restore_node_visit(struct restore *r, const struct node *n, bool selected)
{
    struct spot s = { 0 };
    int rc = restore_tree_go(r, n->path, n->path_len);
    if (rc != 0) {
        return rc;
    }
    s.name = restore_tree_name(n->path, n->path_len, &s.len);
    rc = restore_tree_saw(r, s.name, s.len);
    if (rc == 0 && n->type == NODE_DIR) {
        return restore_tree_push(r, n, selected);
    }
    if (rc != 0 || restore_tree_depth(n->path, n->path_len) <= r->o->strip_components) {
        return rc;
    }
    rc = restore_tree_enter(r, &s.place);
    if (rc == 0 && r->verifying && s.place != NULL) {
        return restore_verify_visit(r, n, s.place, s.name, s.len);
    }
    if (rc != 0 || r->verifying || (s.place == NULL && !r->o->dry_run)) {
        return rc; /* its folder is not there, which was told */
    }
    rc = visit_thing(r, n, &s);
    if (rc != 0) {
        rc = restore_tell_trail(r, n->path, n->path_len, rc);
    }
    return rc != 0 ? rc : restore_window_step(r);
}
