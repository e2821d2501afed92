/*
 * restore_window.c - gathering files and their chunks, and what comes after their content.
 *
 * Two windows take turns: while the jobs of one are at work, the other is planned.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/restore_internal.h"

#define DEFAULT_WINDOW (64ull << 20)
#define FILE_BLOCK 1024u

static uint64_t window_bytes(const struct restore *r)
{
    return r->o->window_bytes != 0 ? r->o->window_bytes : DEFAULT_WINDOW;
}

static struct restore_window *filling(struct restore *r)
{
    return &r->windows[r->filling];
}

/* ---- gathering ---- */

static bool is_full(const struct restore_window *w)
{
    return w->bytes >= window_bytes(w->restore) || w->file_count >= RESTORE_WINDOW_FILES ||
           w->piece_count >= RESTORE_WINDOW_PIECES || w->spread >= RESTORE_WINDOW_SPREAD ||
           w->action_count >= RESTORE_WINDOW_FILES;
}

int restore_window_step(struct restore *r)
{
    return is_full(filling(r)) ? restore_window_turn(r) : 0;
}

static int list_file(struct restore_window *w, struct restore_file *f)
{
    if (mem_grow(&w->files, &w->file_cap, w->file_count + 1, sizeof(struct restore_file *)) != 0) {
        return err_nomem();
    }
    w->files[w->file_count++] = f;
    return 0;
}

static void free_file(struct restore_file *f)
{
    struct restore *r = f->restore;
    r->target->ops->drop(r->target, f->place);
    restore_links_drop(r, f->group);
    if (f->own_memory) {
        arena_release(&f->memory);
        mem_free(f);
    }
}

static int new_file(struct restore_window *w, const struct node *n, struct restore_file **out_file)
{
    /* One that may not fit into what is left of the window must outlive it. */
    bool own = n->size > window_bytes(w->restore) / 4;
    struct restore_file *f = own ? mem_alloc(sizeof(*f)) : arena_alloc(&w->arena, sizeof(*f));
    if (f == NULL) {
        return err_nomem();
    }
    memset(f, 0, sizeof(*f));
    f->restore = w->restore;
    f->own_memory = own;
    arena_init_small(&f->memory, FILE_BLOCK);
    int rc = restore_copy_node(w->restore, own ? &f->memory : &w->arena, n, &f->node);
    if (rc != 0 && own) {
        arena_release(&f->memory);
        mem_free(f);
    }
    *out_file = f;
    return rc;
}

static int add_piece(struct restore_window *w, struct restore_file *f, const struct node_ref *ref,
                     uint64_t offset)
{
    if (mem_grow(&w->pieces, &w->piece_cap, w->piece_count + 1, sizeof(*w->pieces)) != 0) {
        return err_nomem();
    }
    struct restore_piece *p = &w->pieces[w->piece_count++];
    *p = (struct restore_piece){ .file = f, .offset = offset, .len = ref->len, .hole = ref->hole };
    memcpy(p->id, ref->id, sizeof(p->id));
    atomic_fetch_add(&f->left, 1);
    w->bytes += ref->hole ? 0 : ref->len;
    if (f->how == RESTORE_EXISTING || f->how == RESTORE_CHECK || ref->hole) {
        w->compares = true;
    }
    f->has_holes |= ref->hole;
    return 0;
}

/* The next chunk of the file at hand; where its list is damaged, what is lost is passed over. */
static int next_ref(struct restore *r, struct restore_file *f, struct node_ref *out,
                    uint64_t *out_offset)
{
    for (;;) {
        int rc = manifest_content_reader_next(r->content, out, out_offset);
        if (rc != HF_EDAMAGE && rc != HF_ENEWER) {
            return rc;
        }
        uint64_t offset = 0;
        uint64_t len = 0;
        restore_file_lose(f, HF_EDAMAGE);
        rc = manifest_content_reader_skip(r->content, &offset, &len);
        if (rc != 0) {
            return rc;
        }
    }
}

/* Gathers all pieces. A file that is larger than the window goes on in the next one. */
static int gather(struct restore *r, struct restore_file *f)
{
    struct node_ref ref;
    uint64_t offset = 0;
    uint64_t end = 0;
    size_t pieces = 0;
    int rc = manifest_content_reader_open(r->content, &f->node);
    while (rc == 0 && (rc = next_ref(r, f, &ref, &offset)) == 1) {
        end = offset + ref.len;
        rc = 0;
        if (end > f->node.size) {
            break;
        }
        if (f->own_memory && is_full(filling(r))) {
            rc = restore_window_turn(r);
            if (rc == 0) {
                rc = list_file(filling(r), f);
            }
        }
        if (rc == 0) {
            rc = add_piece(filling(r), f, &ref, offset);
        }
        pieces++;
    }
    filling(r)->spread += pieces > 1 ? 1 : 0;
    if (rc == 0 && end != f->node.size && f->code == 0) {
        restore_file_lose(f, err_raise(HF_EDAMAGE, "its chunks do not add up to its size"));
    }
    return rc;
}

static int add_bare(struct restore_window *w, struct restore_file *f)
{
    if (mem_grow(&w->bare, &w->bare_cap, w->bare_count + 1, sizeof(struct restore_file *)) != 0) {
        return err_nomem();
    }
    w->bare[w->bare_count++] = f;
    return 0;
}

int restore_window_file(struct restore_window *w, const struct node *n, struct target_place *place,
                        enum restore_open how, uint64_t old_size, struct restore_group *group)
{
    struct restore *r = w->restore;
    struct restore_file *f = NULL;
    int rc = new_file(w, n, &f);
    if (rc != 0) {
        return rc;
    }
    rc = list_file(w, f);
    if (rc != 0) {
        if (f->own_memory) {
            arena_release(&f->memory);
            mem_free(f);
        }
        return rc;
    }
    f->name = restore_tree_name(f->node.path, f->node.path_len, &f->name_len);
    f->how = how;
    f->old_size = old_size;
    f->stripe = r->next_stripe++ % RESTORE_STRIPES;
    f->group = group;
    if (group != NULL) {
        group->refs++;
    }
    r->target->ops->hold(r->target, place);
    f->place = place;
    atomic_init(&f->left, 1); /* until it is planned, or done with if it has no content */
    if (how != RESTORE_SAME) {
        rc = gather(r, f);
    }
    if (rc != 0) {
        return rc;
    }
    f->planned = true;
    if (atomic_load(&f->left) == 1 && f->node.size == 0) {
        return add_bare(filling(r), f);
    }
    if (how == RESTORE_SAME) {
        return add_bare(filling(r), f);
    }
    return restore_file_done(f, 1);
}

int restore_window_action(struct restore_window *w, const struct restore_action *a,
                          struct restore_action **out_action)
{
    if (mem_grow(&w->actions, &w->action_cap, w->action_count + 1, sizeof(*w->actions)) != 0) {
        return err_nomem();
    }
    *out_action = &w->actions[w->action_count++];
    **out_action = *a;
    w->restore->target->ops->hold(w->restore->target, a->place);
    return 0;
}

/* ---- finishing ---- */

static void count_file(struct restore *r, struct restore_file *f)
{
    f->counted = true;
    if (f->code != 0) {
        if (f->group != NULL) {
            f->group->lost = true;
        }
        restore_tell_error(r, f->node.path, f->node.path_len, f->code, f->message);
        return;
    }
    r->result->files++;
    r->result->bytes_total += f->node.size;
    if (f->how == RESTORE_SAME) {
        r->result->skipped++;
        atomic_fetch_add(&r->bytes_passed, f->node.size);
    }
}

static int act(struct restore *r, struct restore_action *a)
{
    struct target *t = r->target;
    struct target_losses losses = { .loss = restore_note_loss, .context = r };
    int rc = 0;
    if (a->kind == RESTORE_LEAVE) {
        rc = t->ops->apply(t, a->place, NULL, 0, &a->node, a->quiet ? NULL : &losses);
    } else {
        rc = restore_links_make(r, a);
    }
    if (rc == 0 && a->kind == RESTORE_LINK) {
        bool is_file = a->node.type == NODE_FILE;
        r->result->files += is_file ? 1 : 0;
        r->result->others += is_file ? 0 : 1;
        r->result->bytes_total += is_file ? a->node.size : 0;
        atomic_fetch_add(&r->bytes_passed, is_file ? a->node.size : 0);
    }
    return rc != 0 ? restore_tell_trail(r, a->node.path, a->node.path_len, rc) : 0;
}

static void let_go(struct restore *r, struct restore_action *a)
{
    r->target->ops->drop(r->target, a->place);
    restore_links_drop(r, a->group);
}

static void clear(struct restore_window *w)
{
    for (size_t i = 0; i < w->action_count; i++) {
        let_go(w->restore, &w->actions[i]);
    }
    for (size_t i = 0; i < w->file_count; i++) {
        /* A file of several windows stays until the last of them. */
        if (w->files[i]->counted) {
            free_file(w->files[i]);
        }
    }
    arena_clear(&w->arena);
    w->file_count = w->bare_count = w->piece_count = w->order_count = 0;
    w->job_count = w->action_count = w->spread = 0;
    w->bytes = 0;
    w->compares = w->started = false;
}

static int finish(struct restore_window *w)
{
    struct restore *r = w->restore;
    int rc = restore_jobs_wait(w);
    for (size_t i = 0; rc == 0 && i < w->file_count; i++) {
        if (w->files[i]->finished) {
            count_file(r, w->files[i]);
        }
    }
    if (w->file_count > 0) {
        restore_tell_progress(r, &w->files[w->file_count - 1]->node);
    }
    for (size_t i = 0; rc == 0 && i < w->action_count; i++) {
        rc = act(r, &w->actions[i]);
    }
    restore_tell_notes(r);
    if (rc == 0) {
        clear(w);
    }
    return rc;
}

int restore_window_turn(struct restore *r)
{
    struct restore_window *full = filling(r);
    struct restore_window *other = &r->windows[1 - r->filling];
    int rc = other->started ? finish(other) : 0;
    if (rc == 0) {
        rc = restore_cancelled(r);
    }
    if (rc == 0) {
        rc = restore_jobs_start(full);
    }
    if (rc == 0) {
        r->filling = 1 - r->filling;
    }
    return rc;
}

int restore_window_drain(struct restore *r)
{
    int rc = restore_window_turn(r);
    return rc != 0 ? rc : finish(&r->windows[1 - r->filling]);
}

/* After an error: waits for what is at work, closes what is open, frees everything. */
static void abandon(struct restore_window *w)
{
    struct restore *r = w->restore;
    if (w->started && restore_jobs_wait(w) != 0) {
        err_clear();
    }
    for (size_t i = 0; i < w->file_count; i++) {
        struct restore_file *f = w->files[i];
        if (f->open && r->target->ops->close(r->target, &f->file) != 0) {
            err_clear();
        }
        f->open = false;
        /* In both windows: freed with the one that comes last. */
        struct restore_window *other = w == &r->windows[0] ? &r->windows[1] : &r->windows[0];
        bool again = false;
        for (size_t k = 0; k < other->file_count; k++) {
            again |= other->files[k] == f;
        }
        f->counted = !again;
    }
    clear(w);
}

void restore_window_abandon(struct restore *r)
{
    struct err_trail kept;
    err_take(&kept);
    for (size_t i = 0; i < 2; i++) {
        struct restore_window *w = &r->windows[i];
        if (w->restore == NULL) {
            continue;
        }
        abandon(w);
        arena_release(&w->arena);
        mem_free(w->files);
        mem_free(w->bare);
        mem_free(w->pieces);
        mem_free(w->order);
        mem_free(w->jobs);
        mem_free(w->actions);
    }
    err_give(&kept);
}
