/*
 * source_dir_walk.c - the walk over a live tree, depth first in path order.
 *
 * A stack of frames, one for each folder that the walk is in, over one shared listing of names. A
 * folder is opened before it is yielded and its names are read when the walk goes on, so whoever
 * got the folder can look at it while it is open. Above the roots, frames hold the next
 * components of the ways to the roots in place of what the folder really contains.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/source_dir_internal.h"

#define CACHE_TAG "CACHEDIR.TAG"
#define CACHE_TAG_BEGINNING "Signature: 8a477f597d28d172789f06886806bc55"
#define TAG_MAX_BYTES 4096

/* ---- paths and reports ---- */

static const char *path_of(const struct source_dir *s)
{
    return (const char *)s->path.data;
}

/* Makes s->path the folder's path and the name. */
static int set_path(struct source_dir *s, const struct source_dir_frame *f, const char *name,
                    size_t len)
{
    s->path.len = f->path_len;
    buf_put_u8(&s->path, '/');
    buf_put(&s->path, name, len);
    buf_put_u8(&s->path, 0);
    s->path.len--;
    return buf_error(&s->path);
}

static void report(struct source_dir *s, int code)
{
    bool top = s->path.len == 0;
    source_report(&s->base, top ? "/" : path_of(s), top ? 1 : s->path.len, code);
}

/* ---- yielding ---- */

static void fill_names(struct source_dir *s, struct node *node)
{
    if (s->last_user == NULL || node->uid != s->last_uid || node->gid != s->last_gid) {
        source_dir_name(s, node);
        s->last_uid = node->uid;
        s->last_gid = node->gid;
        s->last_user = node->user;
        s->last_user_len = node->user_len;
        s->last_group = node->group;
        s->last_group_len = node->group_len;
    }
    node->user = s->last_user;
    node->user_len = s->last_user_len;
    node->group = s->last_group;
    node->group_len = s->last_group_len;
}

/* 1 if the entry is to be seen, 0 if it lies above what becomes "/". */
static int yield(struct source_dir *s, const struct stat *st, struct place *place,
                 struct source_entry *out)
{
    if (s->path.len < s->strip_len) {
        return 0;
    }
    memset(&out->node, 0, sizeof(out->node));
    source_dir_fill(st, &out->node, &out->sparse);
    fill_names(s, &out->node);
    out->node.path = path_of(s) + s->strip_len;
    out->node.path_len = s->path.len - s->strip_len;
    if (out->node.path_len == 0) {
        out->node.path = "/";
        out->node.path_len = 1;
    }
    out->place = (struct source_place *)(void *)place;
    return 1;
}

/* ---- folders ---- */

/* Remembers that the folder open as fd is to be entered when the walk goes on. */
static int plan_to_enter(struct source_dir *s, struct place *parent, const char *name, size_t len,
                         int fd, const struct stat *st, const struct source_dir_frame *like)
{
    int rc = place_new(s->places, parent, name, len, fd, st, &s->ahead);
    if (rc != 0) {
        return rc;
    }
    s->ahead_frame = *like;
    s->ahead_frame.place = s->ahead;
    s->ahead_frame.path_len = s->path.len;
    return 0;
}

static bool is_never(const struct source_dir *s, const struct stat *st)
{
    for (size_t i = 0; i < s->never_count; i++) {
        if (s->never[i].dev == st->st_dev && s->never[i].ino == st->st_ino) {
            return true;
        }
    }
    return false;
}

/* Whether the folder has a file `tag` that begins with these bytes. */
static bool has_tag(struct source_dir *s, const struct source_dir_frame *f, int fd, const char *tag,
                    size_t tag_len, const char *beginning)
{
    struct listing_name *n = listing_find(&s->listing, f->mark, tag, tag_len);
    if (n == NULL) {
        return false;
    }
    size_t want = strlen(beginning);
    if (want == 0) {
        return true;
    }
    char seen[TAG_MAX_BYTES];
    int tag_fd = openat(fd, listing_text(&s->listing, f->mark, n),
                        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (tag_fd < 0) {
        return false;
    }
    ssize_t got = want <= sizeof(seen) ? read(tag_fd, seen, want) : -1;
    close(tag_fd);
    return got >= 0 && (size_t)got == want && memcmp(seen, beginning, want) == 0;
}

/* A tagged folder is kept with nothing but its tag. */
static void keep_only(struct source_dir *s, struct source_dir_frame *f, const char *tag,
                      size_t tag_len)
{
    const struct listing_name *n = listing_find(&s->listing, f->mark, tag, tag_len);
    f->next = (size_t)(n - s->listing.entries);
    f->end = f->next + 1;
}

static void apply_tags(struct source_dir *s, struct source_dir_frame *f, int fd)
{
    if (s->options.exclude_caches &&
        has_tag(s, f, fd, CACHE_TAG, strlen(CACHE_TAG), CACHE_TAG_BEGINNING)) {
        keep_only(s, f, CACHE_TAG, strlen(CACHE_TAG));
        return;
    }
    for (size_t i = 0; i < s->options.exclude_if_present_count; i++) {
        const char *tag = s->options.exclude_if_present[i];
        const char *colon = strchr(tag, ':');
        size_t tag_len = colon != NULL ? (size_t)(colon - tag) : strlen(tag);
        if (has_tag(s, f, fd, tag, tag_len, colon != NULL ? colon + 1 : "")) {
            keep_only(s, f, tag, tag_len);
            return;
        }
    }
}

/* Above the roots: the next components of the ways to those that lie below. */
static int list_ways(struct source_dir *s, struct source_dir_frame *f)
{
    const char *last = NULL;
    size_t last_len = 0;
    int rc = 0;
    for (size_t i = f->root_low; rc == 0 && i < f->root_high; i++) {
        const char *name = s->roots[i] + f->path_len + 1;
        size_t len = strcspn(name, "/");
        if (last == NULL || len != last_len || memcmp(name, last, len) != 0) {
            rc = listing_add(&s->listing, f->mark, name, len, DT_UNKNOWN);
        }
        last = name;
        last_len = len;
    }
    return rc;
}

static int list_folder(struct source_dir *s, struct source_dir_frame *f)
{
    int fd = -1;
    int rc = place_pin(f->place, &fd);
    if (rc == 0) {
        rc = listing_read(&s->listing, f->mark, fd);
        if (rc != HF_ENOMEM) {
            if (rc != 0) {
                report(s, rc); /* what could be listed is walked all the same */
            }
            rc = 0;
            listing_sort(&s->listing, f->mark);
            f->next = f->mark.entries;
            f->end = s->listing.count;
            if (f->end > f->next) {
                apply_tags(s, f, fd);
            }
        }
        place_unpin(f->place);
    } else if (rc != HF_ENOMEM) {
        report(s, rc);
        rc = 0;
    }
    return rc;
}

/* Enters the folder that was yielded last. Its path is still in s->path. */
static int enter(struct source_dir *s)
{
    if (mem_grow(&s->frames, &s->frame_cap, s->frame_count + 1, sizeof(*s->frames)) != 0) {
        return err_nomem();
    }
    struct source_dir_frame *f = &s->frames[s->frame_count++];
    *f = s->ahead_frame;
    s->ahead = NULL;
    f->mark = listing_mark(&s->listing);
    f->next = f->end = f->mark.entries;
    if (!f->above) {
        return list_folder(s, f);
    }
    int rc = list_ways(s, f);
    f->end = s->listing.count;
    return rc;
}

static void leave(struct source_dir *s)
{
    struct source_dir_frame *f = &s->frames[--s->frame_count];
    listing_return(&s->listing, f->mark);
    place_drop(f->place);
}

void source_dir_leave_all(struct source_dir *s)
{
    while (s->frame_count > 0) {
        leave(s);
    }
    place_drop(s->ahead);
    s->ahead = NULL;
}

/* ---- visiting one entry; each answers 1 (yielded), 0 (nothing to see) or an error ---- */

/* A folder that the walk will enter, found by its stat. */
static int visit_folder(struct source_dir *s, struct source_dir_frame *f, int dir_fd,
                        const char *name, size_t len, const struct stat *seen,
                        struct source_entry *out)
{
    bool elsewhere = s->options.one_file_system && seen->st_dev != f->dev;
    int fd = elsewhere ? openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
                       : place_open_folder(dir_fd, name, false);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = err_os(errno, "could not open the folder");
        if (fd >= 0) {
            close(fd);
        }
        report(s, rc);
        return 0;
    }
    if (is_never(s, &st)) {
        close(fd);
        return 0;
    }
    struct source_dir_frame like = { .dev = f->dev };
    int rc = plan_to_enter(s, f->place, name, len, fd, &st, &like);
    if (rc != 0) {
        return rc;
    }
    rc = yield(s, &st, s->ahead, out);
    if (elsewhere) {
        /* Kept as an empty folder. It stays open until the next call, as any other. */
        s->ahead_frame.above = true;
    }
    return rc;
}

static bool excluded(const struct source_dir *s, bool is_dir)
{
    return exclude_matches(s->options.exclude, path_of(s), s->path.len, is_dir);
}

static int visit(struct source_dir *s, struct source_dir_frame *f, int dir_fd, const char *name,
                 const struct listing_name *n, struct source_entry *out)
{
    uint8_t type = n->type;
    size_t len = n->len;
    if (type != DT_UNKNOWN && excluded(s, type == DT_DIR)) {
        return 0;
    }
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
        report(s, err_os(errno, errno == ENOENT ? "it has vanished" : "could not stat it"));
        return 0;
    }
    if (type == DT_UNKNOWN && excluded(s, S_ISDIR(st.st_mode))) {
        return 0;
    }
    if (S_ISDIR(st.st_mode)) {
        return visit_folder(s, f, dir_fd, name, len, &st, out);
    }
    if (S_ISREG(st.st_mode) && s->options.exclude_larger != 0 &&
        (uint64_t)st.st_size > s->options.exclude_larger) {
        return 0;
    }
    return yield(s, &st, f->place, out);
}

/* The roots among the frame's that the path at hand leads to: [*out_low, *out_high). */
static void roots_below(const struct source_dir *s, const struct source_dir_frame *f,
                        size_t *out_low, size_t *out_high)
{
    size_t i = f->root_low;
    while (!node_path_within(path_of(s), s->path.len, s->roots[i], strlen(s->roots[i]))) {
        i++;
    }
    *out_low = i;
    while (i < f->root_high &&
           node_path_within(path_of(s), s->path.len, s->roots[i], strlen(s->roots[i]))) {
        i++;
    }
    *out_high = i;
}

/* A folder above roots. Links are followed here: the user's path means what it leads to. */
static int visit_above(struct source_dir *s, const struct source_dir_frame *f, int dir_fd,
                       const char *name, size_t len, size_t low, size_t high,
                       struct source_entry *out)
{
    int fd = place_open_folder(dir_fd, name, true);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = err_os(errno, "could not open the folder");
        if (fd >= 0) {
            close(fd);
        }
        report(s, rc);
        return 0;
    }
    struct source_dir_frame like = { .above = true, .root_low = low, .root_high = high };
    int rc = plan_to_enter(s, f->place, name, len, fd, &st, &like);
    return rc != 0 ? rc : yield(s, &st, s->ahead, out);
}

static int visit_way(struct source_dir *s, struct source_dir_frame *f, int dir_fd, const char *name,
                     const struct listing_name *n, struct source_entry *out)
{
    size_t low = 0;
    size_t high = 0;
    roots_below(s, f, &low, &high);
    if (strlen(s->roots[low]) > s->path.len) {
        return visit_above(s, f, dir_fd, name, n->len, low, high, out);
    }
    struct stat st; /* a root itself: its file system is the one to stay in */
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        f->dev = st.st_dev;
    }
    return visit(s, f, dir_fd, name, n, out);
}

static int visit_next(struct source_dir *s, struct source_dir_frame *f, struct source_entry *out)
{
    const struct listing_name *n = &s->listing.entries[f->next++];
    const char *name = listing_text(&s->listing, f->mark, n);
    int rc = set_path(s, f, name, n->len);
    if (rc != 0) {
        return rc;
    }
    int dir_fd = -1;
    rc = place_pin(f->place, &dir_fd);
    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        /* The folder itself has been moved or replaced: nothing more can be had from it. */
        s->path.len = f->path_len;
        s->path.data[s->path.len] = 0;
        f->next = f->end;
        report(s, rc);
        return 0;
    }
    struct place *place = f->place;
    rc = f->above ? visit_way(s, f, dir_fd, name, n, out) : visit(s, f, dir_fd, name, n, out);
    place_unpin(place);
    return rc;
}

/* ---- interface ---- */

/* The first of all: "/". */
static int begin(struct source_dir *s, struct source_entry *out)
{
    int fd = place_open_folder(AT_FDCWD, "/", false);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = err_os(errno, "could not open /");
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    for (size_t i = s->absent_count; i-- > 0;) {
        int rc = err_raise(HF_EABSENT, "could not find it");
        source_report(&s->base, s->absent[i], strlen(s->absent[i]), rc);
    }
    bool whole = s->root_count == 1 && strcmp(s->roots[0], "/") == 0;
    struct source_dir_frame like = { .above = !whole,
                                     .root_high = s->root_count,
                                     .dev = st.st_dev };
    buf_clear(&s->path);
    buf_put_u8(&s->path, 0);
    s->path.len = 0;
    s->begun = true;
    if (buf_error(&s->path) != 0) {
        return err_nomem();
    }
    int rc = plan_to_enter(s, NULL, "", 0, fd, &st, &like);
    return rc != 0 ? rc : yield(s, &st, s->ahead, out);
}

int source_dir_rewind(struct source *base)
{
    struct source_dir *s = (struct source_dir *)base;
    source_dir_leave_all(s);
    s->begun = false;
    return 0;
}

int source_dir_next(struct source *base, struct source_entry *out)
{
    struct source_dir *s = (struct source_dir *)base;
    int rc = 0;
    if (!s->begun) {
        rc = begin(s, out);
    }
    while (rc == 0) {
        if (s->ahead != NULL) {
            rc = enter(s);
        }
        if (rc != 0) {
            return rc;
        }
        if (s->frame_count == 0) {
            return 0;
        }
        struct source_dir_frame *f = &s->frames[s->frame_count - 1];
        if (f->next == f->end) {
            leave(s);
        } else {
            rc = visit_next(s, f, out);
        }
    }
    return rc;
}
