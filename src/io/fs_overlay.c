/*
 * fs_overlay.c - see fs_overlay.h.
 *
 * A name is looked for above, then among those that were below when the copy was made and have not
 * been removed in it since. Files above are the other implementation's own, so that what it
 * promises of writing and syncing holds here as well; nothing of this file knows how to write
 * below.
 */
#include "io/fs_overlay.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define PIECE_BYTES (1u << 20)
#define PATH_BYTES 600
#define MOST_TRIES 1000u
#define KEPT_BYTES (1u << 16) /* what is copied for real is small */
#define FOLDER_MODE 0700u

struct lower { /* a name below, as it was */
    char *path;
    uint64_t size;
    bool is_dir;
    bool gone;     /* removed, or replaced, in the copy */
    uint8_t *kept; /* its content, if it was copied for real: what becomes of it below does not
                      matter */
};

struct overlay {
    struct fs base;
    struct fs *below, *above;
    const char *const *copied, *const *left_empty;
    struct lower *names; /* sorted by path */
    size_t count, cap;
    pthread_mutex_t lock; /* of gone */
};

static struct overlay *of(struct fs *fs)
{
    return (struct overlay *)fs;
}

static bool listed(const char *const *list, const char *name)
{
    for (; list != NULL && *list != NULL; list++) {
        if (strcmp(*list, name) == 0) {
            return true;
        }
    }
    return false;
}

/* --- what is below --- */

static int compare_lower(const void *a, const void *b)
{
    return strcmp(((const struct lower *)a)->path, ((const struct lower *)b)->path);
}

static struct lower *find(const struct overlay *o, const char *path)
{
    struct lower key = { .path = (char *)(uintptr_t)path };

    return o->count == 0 ? NULL
                         : bsearch(&key, o->names, o->count, sizeof *o->names, compare_lower);
}

/* What has this path below and was not removed here; NULL: nothing. */
static const struct lower *visible(struct overlay *o, const char *path)
{
    const struct lower *l;
    bool gone;

    pthread_mutex_lock(&o->lock);
    l = find(o, path);
    gone = l == NULL || l->gone || l->kept != NULL;
    pthread_mutex_unlock(&o->lock);
    return gone ? NULL : l;
}

static void set_gone(struct overlay *o, const char *path)
{
    struct lower *l;

    pthread_mutex_lock(&o->lock);
    l = find(o, path);
    if (l != NULL) {
        l->gone = true;
    }
    pthread_mutex_unlock(&o->lock);
}

static int absent(void)
{
    return err_raise(HF_EABSENT, "No such file or directory");
}

/* --- copying --- */

/* Half a copy would hide what is below. */
static void take_back(struct overlay *o, const char *path)
{
    struct err_trail why;

    err_take(&why);
    (void)fs_unlink(o->above, path);
    err_give(&why);
}

static int copy_content(struct fs_file *from, struct fs_file *to)
{
    uint8_t *piece = mem_alloc(PIECE_BYTES);
    uint64_t at = 0;
    size_t got = 0;
    int rc = piece != NULL ? 0 : err_nomem();

    do {
        if (rc == 0) {
            rc = fs_pread(from, piece, PIECE_BYTES, at, &got);
        }
        if (rc == 0 && got > 0) {
            rc = fs_pwrite(to, piece, got, at);
        }
        at += got;
    } while (rc == 0 && got == PIECE_BYTES);
    mem_free(piece);
    return rc;
}

static int copy_up(struct overlay *o, const char *path)
{
    struct fs_file *from = NULL, *to = NULL;
    int rc = fs_open(o->below, path, &from);

    if (rc == 0) {
        rc = fs_create(o->above, path, 0600, &to);
    }
    if (rc == 0) {
        int closed;

        rc = copy_content(from, to);
        closed = fs_close(&to);
        rc = rc != 0 ? rc : closed;
        if (rc != 0) {
            take_back(o, path);
        }
    }
    (void)fs_close(&from);
    return rc;
}

/* --- operations --- */

static int overlay_mkdir(struct fs *fs, const char *path, uint32_t mode)
{
    struct overlay *o = of(fs);

    if (visible(o, path) != NULL) {
        return err_raise(HF_EEXISTS, "File exists");
    }
    return o->above->ops->mkdir(o->above, path, mode);
}

static int overlay_create(struct fs *fs, const char *path, uint32_t mode, struct fs_file **out_file)
{
    struct overlay *o = of(fs);

    if (visible(o, path) != NULL) {
        return err_raise(HF_EEXISTS, "File exists");
    }
    return o->above->ops->create(o->above, path, mode, out_file);
}

static int overlay_open(struct fs *fs, const char *path, struct fs_file **out_file)
{
    struct overlay *o = of(fs);
    int rc = o->above->ops->open(o->above, path, out_file);

    if (rc == HF_EABSENT && visible(o, path) != NULL) {
        rc = o->below->ops->open(o->below, path, out_file);
    }
    return rc;
}

static int overlay_stat(struct fs *fs, const char *path, struct fs_stat *out_stat)
{
    struct overlay *o = of(fs);
    int rc = o->above->ops->stat(o->above, path, out_stat);

    if (rc == HF_EABSENT && visible(o, path) != NULL) {
        rc = o->below->ops->stat(o->below, path, out_stat);
    }
    return rc;
}

/* What is to be renamed must be above; what it replaces below is not there any more. */
static int lift(struct overlay *o, const char *from)
{
    struct fs_stat st;
    int rc = o->above->ops->stat(o->above, from, &st);

    if (rc == HF_EABSENT) {
        const struct lower *l = visible(o, from);

        rc = l == NULL || l->is_dir ? absent() : copy_up(o, from);
    }
    return rc;
}

static int overlay_rename_new(struct fs *fs, const char *from, const char *to)
{
    struct overlay *o = of(fs);
    int rc = lift(o, from);

    if (rc == 0 && visible(o, to) != NULL) {
        rc = err_raise(HF_EEXISTS, "File exists");
    }
    if (rc == 0) {
        rc = o->above->ops->rename_new(o->above, from, to);
    }
    if (rc == 0) {
        set_gone(o, from);
    }
    return rc;
}

static int overlay_rename_over(struct fs *fs, const char *from, const char *to)
{
    struct overlay *o = of(fs);
    int rc = lift(o, from);

    if (rc == 0) {
        rc = o->above->ops->rename_over(o->above, from, to);
    }
    if (rc == 0) {
        set_gone(o, from);
        set_gone(o, to);
    }
    return rc;
}

static int overlay_unlink(struct fs *fs, const char *path)
{
    struct overlay *o = of(fs);
    int rc = o->above->ops->unlink(o->above, path);

    if (rc == HF_EABSENT) {
        const struct lower *l = visible(o, path);

        rc = l == NULL || l->is_dir ? absent() : 0;
        if (rc == 0) {
            err_clear();
        }
    }
    if (rc == 0) {
        set_gone(o, path);
    }
    return rc;
}

static int overlay_rmdir(struct fs *fs, const char *path)
{
    (void)fs;
    return err_raise(HF_EUNSUPPORTED, "folders of a copy stay: %s", path);
}

struct union_listing {
    struct overlay *o;
    const char *folder;
    size_t folder_len;
    fs_list_fn each;
    void *context;
};

static bool is_below(const struct union_listing *u, const struct lower *l)
{
    const char *name = l->path;

    if (u->folder_len > 0) {
        if (strncmp(name, u->folder, u->folder_len) != 0 || name[u->folder_len] != '/') {
            return false;
        }
        name += u->folder_len + 1;
    }
    return strchr(name, '/') == NULL;
}

/* Those below that stand for themselves: what is above as well was told already. */
static int list_below(const struct union_listing *u)
{
    struct overlay *o = u->o;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < o->count; i++) {
        const struct lower *l = &o->names[i];
        struct fs_stat st;

        if (!is_below(u, l) || visible(o, l->path) == NULL) {
            continue;
        }
        rc = o->above->ops->stat(o->above, l->path, &st);
        if (rc == HF_EABSENT) {
            err_clear();
            rc = u->each(u->context, l->path + (u->folder_len > 0 ? u->folder_len + 1 : 0));
        }
    }
    return rc;
}

static int overlay_list(struct fs *fs, const char *path, fs_list_fn each, void *context)
{
    struct overlay *o = of(fs);
    const struct union_listing u = { o, path, strlen(path), each, context };
    int rc = o->above->ops->list(o->above, path, each, context);

    return rc != 0 ? rc : list_below(&u);
}

/* The copy need not outlive a power cut: it is made anew. */
static int overlay_sync_dir(struct fs *fs, const char *path, const char *site)
{
    (void)fs;
    (void)path;
    (void)site;
    return 0;
}

static int overlay_space(struct fs *fs, struct fs_space *out_space)
{
    struct overlay *o = of(fs);

    return o->above->ops->space(o->above, out_space);
}

static void overlay_close_fs(struct fs *fs)
{
    struct overlay *o = of(fs);

    for (size_t i = 0; i < o->count; i++) {
        mem_free(o->names[i].path);
        mem_free(o->names[i].kept);
    }
    pthread_mutex_destroy(&o->lock);
    mem_free(o->names);
    mem_free(o->base.label);
    mem_free(o);
}

/* What is done with an open file is done by whoever opened it. */
static const struct fs_ops overlay_ops = {
    .mkdir = overlay_mkdir,
    .create = overlay_create,
    .open = overlay_open,
    .rename_new = overlay_rename_new,
    .rename_over = overlay_rename_over,
    .unlink = overlay_unlink,
    .rmdir = overlay_rmdir,
    .stat = overlay_stat,
    .list = overlay_list,
    .sync_dir = overlay_sync_dir,
    .space = overlay_space,
    .close_fs = overlay_close_fs,
};

/* --- making it --- */

struct gathering {
    struct overlay *o;
    const char *folder; /* "": the root */
    bool vanished;      /* something was listed and then not there */
};

static bool is_copied(const struct overlay *o, const char *path)
{
    char top[PATH_BYTES];

    snprintf(top, sizeof top, "%.*s", (int)strcspn(path, "/"), path);
    return listed(o->copied, top);
}

/* What is there under a name; HF_EABSENT. */
static int look(struct overlay *o, const char *path, struct lower *out)
{
    struct fs_stat st;
    size_t len = 0;
    int rc = fs_stat(o->below, path, &st);

    *out = (struct lower){ .size = st.size, .is_dir = st.is_dir };
    if (rc == 0 && !st.is_dir && is_copied(o, path)) {
        rc = fs_read_file(o->below, path, KEPT_BYTES, &out->kept, &len);
        out->size = len;
    }
    return rc;
}

/* What vanishes between being listed and being looked at was not there. */
static int take_in(void *context, const char *name)
{
    struct gathering *g = context;
    struct overlay *o = g->o;
    char path[PATH_BYTES];
    struct lower l;
    int rc;

    snprintf(path, sizeof path, "%s%s%s", g->folder, g->folder[0] != '\0' ? "/" : "", name);
    rc = look(o, path, &l);
    if (rc == HF_EABSENT) {
        g->vanished = true;
        err_clear();
        return 0;
    }
    if (rc == 0) {
        rc = mem_grow(&o->names, &o->cap, o->count + 1, sizeof *o->names);
    }
    if (rc == 0) {
        l.path = mem_strdup(path);
        rc = l.path != NULL ? 0 : err_nomem();
    }
    if (rc != 0) {
        mem_free(l.kept);
        return rc;
    }
    o->names[o->count++] = l;
    return 0;
}

static void forget_from(struct overlay *o, size_t first)
{
    while (o->count > first) {
        o->count--;
        mem_free(o->names[o->count].path);
        mem_free(o->names[o->count].kept);
    }
}

/*
 * A folder whose files are copied is taken in as it was at one moment: a name that goes while that
 * is done has made room for another, which the listing may have missed (the head of a journal).
 */
static int take_in_folder(struct overlay *o, const char *folder)
{
    struct gathering g = { .o = o, .folder = folder };
    size_t before = o->count;
    int rc = fs_mkdir(o->above, folder, FOLDER_MODE);

    if (rc != 0 || listed(o->left_empty, folder)) {
        return rc;
    }
    for (unsigned tries = 0; tries < MOST_TRIES; tries++) {
        g.vanished = false;
        forget_from(o, before);
        rc = fs_list(o->below, folder, take_in, &g);
        if (rc != 0 || !g.vanished || !is_copied(o, folder)) {
            return rc;
        }
    }
    return err_raise(HF_ECHANGED, "%s changes all the time", folder);
}

/* From one folder to the next: what the files of a later one are about was there before. */
static int gather(struct overlay *o)
{
    struct gathering root = { .o = o, .folder = "" };
    size_t top;
    int rc = fs_list(o->below, "", take_in, &root);

    top = o->count;
    if (rc == 0 && top > 1) {
        qsort(o->names, top, sizeof *o->names, compare_lower);
    }
    for (size_t i = 0; rc == 0 && i < top; i++) {
        if (o->names[i].is_dir) {
            rc = take_in_folder(o, o->names[i].path);
        }
    }
    if (rc == 0 && o->count > 1) {
        qsort(o->names, o->count, sizeof *o->names, compare_lower);
    }
    return rc;
}

static int put_kept(struct overlay *o)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < o->count; i++) {
        const struct lower *l = &o->names[i];
        struct fs_file *f = NULL;
        int closed;

        if (l->kept == NULL) {
            continue;
        }
        rc = fs_create(o->above, l->path, 0600, &f);
        if (rc == 0 && l->size > 0) {
            rc = fs_pwrite(f, l->kept, (size_t)l->size, 0);
        }
        closed = fs_close(&f);
        rc = rc != 0 ? rc : closed;
    }
    return rc;
}

int fs_overlay_new(const struct fs_overlay_options *options, struct fs **out_fs)
{
    struct overlay *o = mem_zalloc(sizeof *o);
    int rc;

    *out_fs = NULL;
    if (o == NULL) {
        return err_nomem();
    }
    pthread_mutex_init(&o->lock, NULL);
    o->base.ops = &overlay_ops;
    o->below = options->below;
    o->above = options->above;
    o->copied = options->copied;
    o->left_empty = options->left_empty;
    o->base.label = mem_strdup(options->above->label);
    rc = o->base.label != NULL ? gather(o) : err_nomem();
    if (rc == 0) {
        rc = put_kept(o);
    }
    if (rc != 0) {
        overlay_close_fs(&o->base);
        return err_add(rc, "could not copy %s", options->below->label);
    }
    *out_fs = &o->base;
    return 0;
}

/* --- undoing --- */

struct sweep {
    struct overlay *o;
    const char *folder;
    uint64_t removed;
};

static int sweep_name(void *context, const char *name)
{
    struct sweep *s = context;
    struct fs *above = s->o->above;
    char path[PATH_BYTES];
    struct fs_stat st;
    int rc;

    snprintf(path, sizeof path, "%s%s%s", s->folder, s->folder[0] != '\0' ? "/" : "", name);
    rc = fs_stat(above, path, &st);
    if (rc == 0 && !st.is_dir) {
        rc = fs_unlink(above, path);
        s->removed++;
    }
    return rc;
}

/* Until nothing is left: a listing may lack what moved while names went. */
static int sweep_folder(struct overlay *o, const char *folder)
{
    struct sweep s = { .o = o, .folder = folder };
    int rc = 0;

    do {
        s.removed = 0;
        rc = fs_list(o->above, folder, sweep_name, &s);
    } while (rc == 0 && s.removed > 0);
    return rc;
}

/* Folders in folders are somebody else's, and were never made above. */
int fs_overlay_undo(struct fs *fs)
{
    struct overlay *o = of(fs);
    int rc = sweep_folder(o, "");

    for (size_t i = 0; rc == 0 && i < o->count; i++) {
        if (o->names[i].is_dir && strchr(o->names[i].path, '/') == NULL) {
            rc = sweep_folder(o, o->names[i].path);
        }
    }
    for (size_t i = 0; i < o->count; i++) {
        o->names[i].gone = false;
    }
    if (rc == 0) {
        rc = put_kept(o);
    }
    return rc != 0 ? err_add(rc, "could not make the copy anew") : 0;
}

int fs_overlay_compare(struct fs *fs)
{
    struct overlay *o = of(fs);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < o->count; i++) {
        const struct lower *l = &o->names[i];
        struct fs_stat st;

        if (l->is_dir || l->kept != NULL) {
            continue;
        }
        rc = fs_stat(o->below, l->path, &st);
        if (rc == HF_EABSENT || (rc == 0 && st.size != l->size)) {
            rc = err_raise(HF_ECHANGED, "%s was changed in %s meanwhile", l->path, o->below->label);
        }
    }
    return rc;
}
