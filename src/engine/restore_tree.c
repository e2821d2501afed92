/*
 * restore_tree.c - the folders that the walk is in: entered when something is to be put into
 * them, given their metadata when all that is in them is done.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/restore_internal.h"

#define LEVEL_BLOCK 1024u /* a tree may be very deep */

/* ---- paths ---- */

size_t restore_tree_depth(const char *path, size_t path_len)
{
    size_t depth = 0;
    for (size_t i = 0; path_len > 1 && i < path_len; i++) {
        depth += path[i] == '/' ? 1 : 0;
    }
    return depth;
}

const char *restore_tree_name(const char *path, size_t path_len, size_t *out_len)
{
    const char *slash = memrchr(path, '/', path_len);
    const char *name = slash != NULL ? slash + 1 : path;
    *out_len = path_len - (size_t)(name - path);
    return name;
}

static struct restore_level *top(const struct restore *r)
{
    return r->level_count > 0 ? &r->levels[r->level_count - 1] : NULL;
}

/* The length of the path of the folder that the path is in; 0 for "/" itself. */
static size_t parent_len(const char *path, size_t path_len)
{
    if (path_len <= 1) {
        return 0;
    }
    const char *slash = memrchr(path, '/', path_len);
    return slash == path ? 1 : (size_t)(slash - path);
}

/* Whether it stands above what was backed up, and was taken along only to lead there. */
static bool is_implied(const struct restore *r, const char *path, size_t path_len)
{
    for (size_t i = 0; i < r->path_count; i++) {
        if (node_path_within(r->paths[i], strlen(r->paths[i]), path, path_len)) {
            return false;
        }
    }
    return r->path_count > 0 || path_len == 1;
}

/* ---- entering ---- */

static int in_the_way(struct restore *r, struct restore_level *above, const char *name, size_t len)
{
    uint64_t removed = 0;
    if (r->verifying) {
        return err_raise(HF_ECHANGED, "it is no folder");
    }
    if (r->o->overwrite == RESTORE_NEVER) {
        return err_raise(HF_EEXISTS, "something that is no folder has its name");
    }
    return r->o->dry_run ? HF_EABSENT
                         : r->target->ops->remove(r->target, above->place, name, len, &removed);
}

/* Enters a folder below one that has been entered. */
static int enter_below(struct restore *r, struct restore_level *above, struct restore_level *l)
{
    const struct target_ops *ops = r->target->ops;
    size_t len = 0;
    const char *name = restore_tree_name(l->node.path, l->path_len, &len);
    bool may_make = !r->o->dry_run;
    /* What exists shall stay as it is: no write permission is taken either. */
    bool look_first = r->o->overwrite == RESTORE_NEVER && !above->made;
    int rc = ops->enter(r->target, above->place, name, len, may_make && !look_first, &l->place,
                        &l->made);
    if (rc == HF_EEXISTS) {
        rc = in_the_way(r, above, name, len);
        if (rc == 0) {
            rc = ops->enter(r->target, above->place, name, len, true, &l->place, &l->made);
        }
    }
    if (rc == HF_EABSENT && look_first && may_make) {
        rc = ops->enter(r->target, above->place, name, len, true, &l->place, &l->made);
    }
    if (rc == HF_EABSENT && r->verifying) {
        return err_raise(HF_ECHANGED, "it is not there");
    }
    if (rc == HF_EABSENT && r->o->dry_run) {
        err_clear();
        l->made = true; /* it would be */
        rc = 0;
    }
    return rc;
}

static int enter(struct restore *r, size_t i)
{
    struct restore_level *l = &r->levels[i];
    struct restore_level *above = i > 0 ? &r->levels[i - 1] : NULL;
    size_t depth = restore_tree_depth(l->node.path, l->path_len);
    int rc = 0;
    l->entered = true;
    if (depth < r->o->strip_components) {
        return 0;
    }
    if (depth == r->o->strip_components) {
        l->place = r->target->ops->root(r->target);
        r->target->ops->hold(r->target, l->place);
        r->top_used = true;
    } else if (above->failed) {
        l->failed = true;
        return 0;
    } else if (above->place == NULL) {
        l->made = true; /* a dry run: not even the folder above it is there */
    } else {
        rc = enter_below(r, above, l);
    }
    if (rc != 0) {
        l->failed = true;
        if (!r->verifying) {
            rc = err_add(rc, "neither the folder nor what is in it was restored");
        }
        return restore_tell_trail(r, l->node.path, l->path_len, rc);
    }
    l->kept = !l->made && r->o->overwrite == RESTORE_NEVER;
    if (!l->made_up && (l->selected || l->made)) {
        r->result->dirs++;
        restore_tell_act(r, &l->node, l->made ? "new" : "same");
    }
    return restore_space_enter(r, l->place);
}

int restore_tree_enter(struct restore *r, struct target_place **out_place)
{
    *out_place = NULL;
    for (size_t i = 0; i < r->level_count; i++) {
        int rc = r->levels[i].entered ? 0 : enter(r, i);
        if (rc != 0) {
            return rc;
        }
    }
    if (r->level_count > 0) {
        *out_place = top(r)->place;
    }
    return 0;
}

bool restore_tree_is_new(const struct restore *r)
{
    return r->level_count > 0 && top(r)->made;
}

/* ---- leaving ---- */

struct extras {
    struct restore *r;
    struct restore_level *level;
    struct buf path;
};

static bool was_seen(struct extras *x, const char *name, size_t len)
{
    return listing_find(&x->r->names, x->level->mark, name, len) != NULL;
}

/* What is excluded is none of our business, whether it is in the snapshot or not. */
static bool is_excluded(const struct extras *x, bool is_dir)
{
    return exclude_matches(x->r->o->exclude, (const char *)x->path.data, x->path.len, is_dir);
}

static int remove_extra(void *context, const char *name, size_t len)
{
    struct extras *x = context;
    struct restore *r = x->r;
    struct target_stat st;
    if (was_seen(x, name, len)) {
        return 0;
    }
    buf_clear(&x->path);
    if (x->level->path_len > 1) {
        buf_put(&x->path, x->level->node.path, x->level->path_len);
    }
    buf_put_u8(&x->path, '/');
    buf_put(&x->path, name, len);
    if (buf_error(&x->path) != 0) {
        return HF_ENOMEM;
    }
    const char *path = (const char *)x->path.data;
    int rc = r->target->ops->lookup(r->target, x->level->place, name, len, &st);
    if (rc == HF_EABSENT || (rc == 0 && is_excluded(x, st.type == NODE_DIR))) {
        return 0;
    }
    struct node gone = { .path = path, .path_len = x->path.len };
    uint64_t removed = 1;
    if (rc == 0 && !r->o->dry_run) {
        removed = 0;
        rc = r->target->ops->remove(r->target, x->level->place, name, len, &removed);
    }
    r->result->deleted += rc == 0 || !r->o->dry_run ? removed : 0;
    if (rc != 0) {
        return restore_tell_trail(r, path, x->path.len, rc);
    }
    restore_tell_act(r, &gone, "deleted");
    return 0;
}

static int remove_extras(struct restore *r, struct restore_level *l)
{
    struct extras x = { .r = r, .level = l };
    if (!r->o->delete_extras || !l->selected || l->place == NULL || l->made || l->made_up ||
        r->names_incomplete) {
        return 0;
    }
    buf_init(&x.path);
    listing_sort(&r->names, l->mark); /* nearly always sorted: merged folders are not */
    int rc = r->target->ops->list(r->target, l->place, remove_extra, &x);
    buf_release(&x.path);
    if (rc != 0) {
        rc = restore_tell_trail(r, l->node.path, l->path_len, rc);
    }
    return rc;
}

/*
 * Whether a folder is given the snapshot's metadata. One that was only passed through is, if we
 * have made it; the target folder itself never for an implied one, since it is the user's.
 */
static bool gets_metadata(const struct restore *r, const struct restore_level *l)
{
    bool meant = l->selected && !l->implied;
    bool is_target = l->place == r->target->ops->root(r->target);
    return !l->made_up && !l->kept && !r->o->dry_run && (meant || (l->made && !is_target));
}

static int plan_metadata(struct restore *r, struct restore_level *l)
{
    struct restore_window *w = &r->windows[r->filling];
    struct restore_action *a = NULL;
    struct restore_action leave = { .kind = RESTORE_LEAVE,
                                    .place = l->place,
                                    .quiet = l->implied || !l->selected };
    int rc = arena_node(&w->arena, &l->node, &leave.node);
    return rc != 0 ? rc : restore_window_action(w, &leave, &a);
}

static int leave(struct restore *r)
{
    struct restore_level *l = top(r);
    int rc = 0;
    if (l->entered && !l->failed && l->place != NULL) {
        rc = remove_extras(r, l);
        if (rc == 0 && gets_metadata(r, l)) {
            rc = plan_metadata(r, l);
        }
    }
    if (l->place != NULL) {
        r->target->ops->drop(r->target, l->place);
    }
    l->place = NULL;
    listing_return(&r->names, l->mark);
    r->level_count--;
    return rc;
}

int restore_tree_leave_all(struct restore *r)
{
    int rc = 0;
    while (rc == 0 && r->level_count > 0) {
        /* A folder that nothing was put into is made when it is left. */
        struct target_place *place = NULL;
        if (top(r)->selected) {
            rc = restore_tree_enter(r, &place);
        }
        if (rc == 0) {
            rc = leave(r);
        }
    }
    return rc;
}

void restore_tree_release(struct restore *r)
{
    while (r->level_count > 0) {
        struct restore_level *l = top(r);
        if (l->place != NULL) {
            r->target->ops->drop(r->target, l->place);
        }
        l->place = NULL;
        r->level_count--;
    }
    for (size_t i = 0; i < r->level_cap; i++) {
        arena_release(&r->levels[i].memory);
    }
    mem_free(r->levels);
    listing_release(&r->names);
}

/* ---- going ---- */

static int push(struct restore *r, const struct node *n, bool selected, bool made_up)
{
    size_t cap = r->level_cap;
    if (mem_grow(&r->levels, &r->level_cap, r->level_count + 1, sizeof(*r->levels)) != 0) {
        return err_nomem();
    }
    for (; cap < r->level_cap; cap++) {
        arena_init_small(&r->levels[cap].memory, LEVEL_BLOCK);
    }
    struct restore_level *l = &r->levels[r->level_count];
    struct arena memory = l->memory;
    arena_clear(&memory);
    *l = (struct restore_level){ .memory = memory, .selected = selected, .made_up = made_up };
    int rc = restore_copy_node(r, &l->memory, n, &l->node);
    if (rc != 0) {
        return rc;
    }
    l->path_len = n->path_len;
    l->implied = is_implied(r, n->path, n->path_len);
    l->mark = listing_mark(&r->names);
    r->level_count++;
    return 0;
}

int restore_tree_push(struct restore *r, const struct node *n, bool selected)
{
    size_t depth = restore_tree_depth(n->path, n->path_len);
    if (r->top_used && depth == r->o->strip_components && r->o->delete_extras) {
        return err_raise(HF_EUSAGE,
                         "two folders would be restored into one, each deleting what "
                         "is not in it: %.*s is the second",
                         (int)n->path_len, n->path);
    }
    int rc = push(r, n, selected, false);
    if (rc == 0 && depth == r->o->strip_components) {
        r->top_used = true;
    }
    return rc;
}

/*
 * Folders that the snapshot does not tell of (a page of it was lost): made, and left as they are.
 */
static int push_missing(struct restore *r, const char *path, size_t path_len)
{
    size_t want = parent_len(path, path_len);
    while (want > 0 && (top(r) == NULL || top(r)->path_len < want)) {
        size_t len = 1;
        if (top(r) != NULL) {
            size_t from = top(r)->path_len == 1 ? 1 : top(r)->path_len + 1;
            const char *slash = memchr(path + from, '/', path_len - from);
            len = (size_t)(slash - path);
        }
        struct node made_up = { .path = path, .path_len = len, .type = NODE_DIR, .mode = 0700 };
        int rc = push(r, &made_up, false, true);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int restore_tree_go(struct restore *r, const char *path, size_t path_len)
{
    size_t want = parent_len(path, path_len);
    while (r->level_count > 0) {
        struct restore_level *l = top(r);
        if (l->path_len <= want && node_path_within(l->node.path, l->path_len, path, path_len)) {
            break;
        }
        struct target_place *place = NULL;
        int rc = l->selected ? restore_tree_enter(r, &place) : 0;
        if (rc == 0) {
            rc = leave(r);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return push_missing(r, path, path_len);
}

int restore_tree_saw(struct restore *r, const char *name, size_t len)
{
    if (!r->o->delete_extras || r->level_count == 0) {
        return 0;
    }
    return listing_add(&r->names, top(r)->mark, name, len, 0);
}
