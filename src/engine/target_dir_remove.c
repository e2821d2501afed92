/*
 * target_dir_remove.c - listing and removing in a directory target.
 *
 * A tree is removed with a stack of its own, not the call stack's, so its depth does not matter.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/listing.h"
#include "engine/target_dir_internal.h"

/* ---- listing ---- */

static int read_names(struct listing *l, struct listing_mark mark, int fd)
{
    /* A description of its own: the position of fd is not ours to move. */
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own < 0) {
        return err_os(errno, "could not list the folder");
    }
    int rc = listing_read(l, mark, own);
    close(own);
    return rc;
}

int target_dir_list(struct target *base, struct target_place *place, target_list_fn each,
                    void *context)
{
    int fd = -1;
    int rc = place_pin(target_dir_place(place), &fd);
    if (rc != 0) {
        return rc;
    }
    struct listing names;
    listing_init(&names);
    struct listing_mark mark = listing_mark(&names);
    rc = read_names(&names, mark, fd);
    place_unpin(target_dir_place(place));
    if (rc == 0) {
        listing_sort(&names, mark);
    }
    bool top = target_dir_place(place) == ((struct target_dir *)base)->top;
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        const char *name = listing_text(&names, mark, &names.entries[i]);
        if (!(top && strcmp(name, TARGET_DIR_MARK) == 0)) {
            rc = each(context, name, names.entries[i].len);
        }
    }
    listing_release(&names);
    return rc;
}

/* ---- removing ---- */

struct level {
    struct place *place; /* held */
    struct listing_mark mark;
    size_t next;
};

struct removal {
    struct target_dir *target;
    struct listing names;
    struct level *levels;
    size_t count, cap;
    uint64_t removed;
};

/* Removes one name; *out_is_folder when it is a folder that has to be emptied first. */
static int remove_one(int dir_fd, const char *name, bool *out_is_folder)
{
    *out_is_folder = false;
    int failed = unlinkat(dir_fd, name, 0) == 0 ? 0 : errno;
    if (failed == EPERM && target_dir_unlock(dir_fd, name)) {
        failed = unlinkat(dir_fd, name, 0) == 0 ? 0 : errno;
    }
    if (failed == EISDIR || failed == EPERM) {
        failed = unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 ? 0 : errno;
        *out_is_folder = failed == ENOTEMPTY || failed == EEXIST;
        if (*out_is_folder) {
            return 0;
        }
    }
    return failed == 0 ? 0 : err_os(failed, "could not remove '%s'", name);
}

static int push(struct removal *r, struct place *in, int dir_fd, const char *name, size_t len)
{
    if (mem_grow(&r->levels, &r->cap, r->count + 1, sizeof(*r->levels)) != 0) {
        return err_nomem();
    }
    int fd = place_open_folder(dir_fd, name, false);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = err_os(errno, "could not open the folder '%s'", name);
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    target_dir_unlock_fd(fd);
    struct level *level = &r->levels[r->count];
    int rc = place_new(r->target->places, in, name, len, fd, &st, &level->place);
    if (rc != 0) {
        return rc;
    }
    r->count++;
    level->mark = listing_mark(&r->names);
    level->next = level->mark.entries;
    rc = place_pin(level->place, &fd);
    if (rc == 0) {
        rc = read_names(&r->names, level->mark, fd);
        place_unpin(level->place);
    }
    return rc;
}

/* Takes the next step in the folder on top: removes a name, goes into it, or leaves. */
static int step(struct removal *r)
{
    struct level *level = &r->levels[r->count - 1];
    int fd = -1;
    int rc = place_pin(level->place, &fd);
    if (rc != 0) {
        return rc;
    }
    struct place *place = level->place;
    if (level->next < r->names.count) {
        const struct listing_name *n = &r->names.entries[level->next];
        const char *name = listing_text(&r->names, level->mark, n);
        bool is_folder = false;
        rc = remove_one(fd, name, &is_folder);
        if (rc == 0 && is_folder) {
            struct target_dir_name copy; /* the listing moves when it grows */
            rc = target_dir_name(name, n->len, &copy);
            if (rc == 0) {
                rc = push(r, place, fd, copy.text, n->len);
            }
        } else if (rc == 0) {
            level->next++;
            r->removed++;
        }
        place_unpin(place);
        return rc;
    }
    place_unpin(place);
    listing_return(&r->names, level->mark);
    r->count--;
    place_drop(place);
    return 0;
}

/* The folder on top is tried again when it is empty: its name is still the next one above it. */
static int remove_tree(struct removal *r, struct place *in, int dir_fd, const char *name,
                       size_t len)
{
    int rc = push(r, in, dir_fd, name, len);
    while (rc == 0 && r->count > 0) {
        rc = step(r);
    }
    if (rc == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) != 0) {
        rc = err_os(errno, "could not remove the folder '%s'", name);
    }
    return rc;
}

int target_dir_remove(struct target *base, struct target_place *in, const char *name, size_t len,
                      uint64_t *out_count)
{
    struct target_dir_name checked;
    struct place *place = target_dir_place(in);
    struct removal r = { .target = (struct target_dir *)base };
    bool is_folder = false;
    int dir_fd = -1;
    int rc = target_dir_name(name, len, &checked);
    if (rc == 0) {
        rc = place_pin(place, &dir_fd);
    }
    if (rc != 0) {
        return rc;
    }
    listing_init(&r.names);
    rc = remove_one(dir_fd, checked.text, &is_folder);
    if (rc == 0 && is_folder) {
        rc = remove_tree(&r, place, dir_fd, checked.text, len);
    }
    if (rc == 0) {
        r.removed++;
    }
    *out_count += r.removed;
    while (r.count > 0) {
        place_drop(r.levels[--r.count].place);
    }
    mem_free(r.levels);
    listing_release(&r.names);
    place_unpin(place);
    return rc;
}
