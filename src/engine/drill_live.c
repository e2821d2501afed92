/*
 * drill_live.c - a drill that restores a snapshot, and compares the source of today with it.
 *
 * Restoring proves that the backup holds what the manifest says; comparing, that the manifest says
 * what the source is. What was changed after the backup began is drift: the next backup will have
 * it. A difference is a mismatch if nothing explains it: no time of the file is newer than the
 * backup, or the file differs though its size and modification time are those in the snapshot, so
 * that a backup would take it for unchanged by these. Things that are in the source alone are not
 * looked at: which of them are excluded, no snapshot tells.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/drill_internal.h"
#include "engine/manifest_cursor.h"
#include "engine/repopages.h"
#include "engine/target_dir.h"

struct live {
    struct drill *d;
    int64_t begin_ns; /* of the backup */
    struct pagestore *pages;
    struct manifest_cursor *cursor; /* for looking up what differs */
    int rc;
};

static int64_t ns_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * NS_PER_S + t->tv_nsec;
}

/* ---- what explains a difference ---- */

/* Something in the nearest folder that is still there was made or removed since. */
static bool folder_is_newer(const struct live *l, char *path)
{
    struct stat st;
    char *slash;

    while ((slash = strrchr(path, '/')) != NULL) {
        slash[slash == path ? 1 : 0] = '\0';
        if (lstat(path, &st) == 0) {
            return ns_of(&st.st_mtim) >= l->begin_ns;
        }
        if (slash == path) {
            break;
        }
    }
    return false;
}

/* 1: size and time are as they were backed up; 0: not so, or nobody knows. */
static int looks_unchanged(struct live *l, const char *path, const struct stat *st)
{
    struct node n;
    int rc = manifest_cursor_find(l->cursor, path, strlen(path), &n);

    if (rc < 0) {
        err_clear();
    }
    return rc == 1 && n.type == NODE_FILE && S_ISREG(st->st_mode) &&
           n.size == (uint64_t)st->st_size && n.mtime_ns == ns_of(&st->st_mtim);
}

/* NULL: it was changed since the backup. Else why that is not what happened. */
static const char *unexplained(struct live *l, char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        return (errno == ENOENT || errno == ENOTDIR) && folder_is_newer(l, path)
                   ? NULL
                   : "though nothing there is newer than the backup";
    }
    if (looks_unchanged(l, path, &st)) {
        return "though its size and time are those of the snapshot";
    }
    if (ns_of(&st.st_mtim) >= l->begin_ns || ns_of(&st.st_ctim) >= l->begin_ns) {
        return NULL;
    }
    return "though it is older than the backup";
}

static void on_difference(void *context, const char *path, size_t len, int code,
                          const char *message)
{
    struct live *l = context;
    char *copy = mem_alloc(len + 1);
    const char *but;
    struct buf text;
    int rc = copy != NULL ? 0 : err_nomem();

    (void)code;
    if (rc == 0) {
        memcpy(copy, path, len);
        copy[len] = '\0';
        but = unexplained(l, copy);
        buf_init(&text);
        if (but != NULL) {
            buf_printf(&text, "the source differs from the snapshot (%s), %s", message, but);
            rc = drill_mismatch(l->d, path, len, buf_text(&text));
        } else {
            l->d->result->drift++;
            buf_printf(&text, "changed since the backup: %s", message);
            drill_note(l->d, path, len, buf_text(&text));
        }
        buf_release(&text);
    }
    l->rc = l->rc != 0 ? l->rc : rc;
    mem_free(copy);
}

/* ---- comparing ---- */

static int check_source(const struct commit *c)
{
    struct stat st;

    for (size_t i = 0; i < c->path_count; i++) {
        if (lstat(c->paths[i], &st) == 0) {
            return 0;
        }
    }
    err_raise(HF_EABSENT, "there is nothing of the source on this machine%s%s",
              c->path_count > 0 ? ", not even " : "", c->path_count > 0 ? c->paths[0] : "");
    return err_hint("this drill is for the machine that was backed up: %s", c->host);
}

/* What others use is not to be thrown out of memory by being looked at. */
static void leave_cached(struct target *t, struct target_file *f)
{
    (void)t;
    (void)f;
}

static void on_progress(void *context, const struct restore_progress *p)
{
    const struct live *l = context;

    if (l->d->events != NULL && l->d->events->progress != NULL) {
        l->d->events->progress(l->d->events->context, p);
    }
}

static int compare(struct live *l, const struct catalog_snapshot *s)
{
    const struct restore_events events = { .context = l,
                                           .progress = on_progress,
                                           .error = on_difference };
    const struct restore_options o = { .include = l->d->chosen,
                                       .threads = l->d->o->threads,
                                       .cancel = l->d->o->cancel };
    struct target_dir_options where = { .path = "/", .no_owner = true };
    struct restore_result result;
    struct target_ops ops;
    struct target *source = NULL;
    int64_t begin = clock_monotonic(l->d->clock);
    int rc = target_dir_new(&where, &source);

    if (rc != 0) {
        return rc;
    }
    ops = *source->ops;
    ops.uncache = leave_cached;
    source->ops = &ops;
    drill_phase(l->d, "comparing with the source");
    rc = restore_verify(l->d->repo, s, &o, source, &events, &result);
    l->d->result->rto.verify_ns += clock_monotonic(l->d->clock) - begin;
    target_free(source);
    if (rc == HF_EDAMAGE || rc == HF_EPARTIAL) {
        err_clear();
        rc = 0;
    }
    return l->rc != 0 ? l->rc : rc;
}

static int compare_source(struct drill *d)
{
    const struct catalog_snapshot *s = catalog_find_snapshot(repo_catalog(d->repo), d->o->snapshot);
    struct live l = { .d = d, .begin_ns = s->commit.begin_ns };
    int rc = repopages_new(d->repo, NULL, &l.pages);

    if (rc == 0) {
        rc = manifest_cursor_open(l.pages, s->commit.root, &l.cursor);
        rc = rc == HF_EDAMAGE ? 0 : rc; /* told already: there is nothing to compare with */
    }
    if (rc == 0 && l.cursor != NULL) {
        rc = compare(&l, s);
    }
    manifest_cursor_close(l.cursor);
    repopages_free(l.pages);
    return rc == 0 ? 0 : err_add(rc, "could not compare with the source");
}

int drill_live_run(struct drill *d)
{
    const struct catalog_snapshot *snapshot;
    int rc = drill_begin_point(d, &snapshot);

    if (rc == 0) {
        rc = check_source(&snapshot->commit);
    }
    if (rc == 0) {
        rc = drill_restore(d, d->repo, snapshot, d->fraction, "tree");
    }
    return rc == 0 ? compare_source(d) : rc;
}
