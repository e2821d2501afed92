/*
 * target_dir_meta.c - everything about a thing that is not its content.
 *
 * The order matters: a change of owner takes setuid bits and capabilities away, so ownership
 * comes first; a mode set after an ACL would change its mask, so the mode comes before the
 * xattrs; whatever is changed later would move the times, so they come last - but for the flags,
 * which may forbid all changes. Where those that are there forbid one, they go first, and all is
 * done once more.
 *
 * What is right already is not touched: it would get a new ctime for nothing, and be taken for
 * changed by the next backup.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/attrs.h"
#include "engine/target_dir_internal.h"

#define NS 1000000000LL

/* A thing that is being dressed: an open file or folder, or a name that is not followed. */
struct wearer {
    struct target_dir *target;
    struct attrs_thing thing;
    const struct node *node;
    const struct target_losses *losses;
    bool fresh;
    bool known; /* now tells how it is */
    struct stat now;
    bool owner_set, lost_owner;
    bool unlocked; /* flags were in the way, and are gone: all is to be done again */
    bool again;    /* that is under way */
};

static int look(const struct attrs_thing *t, struct stat *out)
{
    return t->fd >= 0 ? fstat(t->fd, out) : fstatat(t->dir_fd, t->name, out, AT_SYMLINK_NOFOLLOW);
}

static void lose(struct wearer *w, const char *what, int errnum)
{
    if (errnum == EPERM && !w->fresh && !w->unlocked && w->thing.fd >= 0) {
        w->unlocked = target_dir_unlock_fd(w->thing.fd);
    }
    if (w->unlocked && !w->again) {
        return; /* nothing is lost yet */
    }
    if (w->losses != NULL && w->losses->loss != NULL) {
        w->losses->loss(w->losses->context, w->node, what, strerrordesc_np(errnum));
    }
}

/* ---- ownership and mode ---- */

static int change_owner(const struct attrs_thing *t, uid_t uid, gid_t gid)
{
    int rc = t->fd >= 0 ? fchownat(t->fd, "", uid, gid, AT_EMPTY_PATH)
                        : fchownat(t->dir_fd, t->name, uid, gid, AT_SYMLINK_NOFOLLOW);
    return rc == 0 ? 0 : errno;
}

static void set_owner(struct wearer *w)
{
    const struct target_dir_options *o = &w->target->options;
    const struct node *n = w->node;
    if (o->no_owner) {
        return;
    }
    uint32_t uid = n->uid;
    uint32_t gid = n->gid;
    if (o->owner_by_name) {
        uint32_t found = 0;
        if (names_find(w->target->names, NAMES_USER, n->user, n->user_len, &found)) {
            uid = found;
        }
        if (names_find(w->target->names, NAMES_GROUP, n->group, n->group_len, &found)) {
            gid = found;
        }
    }
    /* What has just been made is ours, unless its folder decides otherwise. */
    bool ours = w->fresh && !atomic_load(&w->target->inherits) && uid == w->target->uid &&
                gid == w->target->gid;
    if (ours || (w->known && w->now.st_uid == uid && w->now.st_gid == gid)) {
        return;
    }
    int failed = change_owner(&w->thing, uid, gid);
    w->owner_set = true;
    if (failed == 0) {
        return;
    }
    /* An ordinary user may still give it to another of the own groups. */
    change_owner(&w->thing, (uid_t)-1, gid);
    w->lost_owner = true;
    lose(w, "ownership", failed);
}

static void set_mode(struct wearer *w)
{
    if (w->node->type == NODE_SYMLINK) {
        return;
    }
    mode_t mode = w->node->mode & 07777;
    if (w->lost_owner && (mode & (S_ISUID | S_ISGID))) {
        /* These bits would lend the powers of somebody else than was meant. */
        mode &= ~(mode_t)(S_ISUID | S_ISGID);
        lose(w, "setuid", EPERM);
    }
    /* A change of owner may have taken bits away. */
    if (w->known && !w->owner_set && (w->now.st_mode & 07777) == mode) {
        return;
    }
    const struct attrs_thing *t = &w->thing;
    int rc = t->fd >= 0 ? fchmod(t->fd, mode)
                        : fchmodat(t->dir_fd, t->name, mode, AT_SYMLINK_NOFOLLOW);
    if (rc != 0) {
        lose(w, "mode", errno);
    }
}

/* ---- xattrs ---- */

static const struct node_xattr *find_xattr(const struct node *n, const struct node_xattr *x)
{
    for (size_t i = 0; i < n->xattr_count; i++) {
        if (n->xattrs[i].name_len == x->name_len &&
            memcmp(n->xattrs[i].name, x->name, x->name_len) == 0) {
            return &n->xattrs[i];
        }
    }
    return NULL;
}

/*
 * Attributes that the snapshot does not have. Those that the system itself gave (a security
 * label) can't be removed, and need not be.
 */
static void remove_others(struct wearer *w, const struct node *now)
{
    for (size_t i = 0; i < now->xattr_count; i++) {
        const struct node_xattr *x = &now->xattrs[i];
        if (find_xattr(w->node, x) != NULL) {
            continue;
        }
        int failed = attrs_remove_xattr(&w->thing, x->name);
        if (failed != 0 && strncmp(x->name, "security.", 9) != 0) {
            lose(w, "removal of an extended attribute", failed);
        }
    }
}

static bool has_same(const struct node *now, const struct node_xattr *x)
{
    const struct node_xattr *y = find_xattr(now, x);
    return y != NULL && y->value_len == x->value_len &&
           (x->value_len == 0 || memcmp(x->value, y->value, x->value_len) == 0);
}

static void set_one(struct wearer *w, const struct node_xattr *x)
{
    int failed = attrs_set_xattr(&w->thing, x);
    if (failed == 0) {
        return;
    }
    char what[XATTR_NAME_MAX + 16] = "xattr ";
    size_t at = strlen(what);
    size_t len = strnlen(x->name, XATTR_NAME_MAX);
    memcpy(what + at, x->name, len);
    what[at + len] = '\0';
    lose(w, what, failed);
}

static void set_xattrs(struct wearer *w)
{
    struct source_detail d;
    struct node now = { .dev = w->thing.dev };
    source_detail_init(&d);
    if (!w->fresh || atomic_load(&w->target->inherits)) {
        if (attrs_read_xattrs(&w->thing, &now, &d) != 0) {
            err_clear();
        }
        remove_others(w, &now);
    }
    for (size_t i = 0; i < w->node->xattr_count; i++) {
        if (!has_same(&now, &w->node->xattrs[i])) {
            set_one(w, &w->node->xattrs[i]);
        }
    }
    source_detail_release(&d);
}

/* ---- times and flags ---- */

static struct timespec timespec_of(int64_t ns)
{
    int64_t s = ns / NS;
    int64_t rest = ns % NS;
    if (rest < 0) {
        s--;
        rest += NS;
    }
    return (struct timespec){ .tv_sec = s, .tv_nsec = rest };
}

/* Beyond these a file system may silently keep another time than it was given. */
static bool time_is_common(int64_t ns)
{
    return ns >= 0 && ns < (int64_t)INT32_MAX * NS;
}

static bool time_was_kept(const struct attrs_thing *t, const struct timespec *want)
{
    struct stat st;
    return look(t, &st) != 0 || st.st_mtim.tv_sec == want->tv_sec;
}

static void set_times(struct wearer *w)
{
    const struct attrs_thing *t = &w->thing;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, timespec_of(w->node->mtime_ns) };
    if (w->known && w->now.st_mtim.tv_sec == times[1].tv_sec &&
        w->now.st_mtim.tv_nsec == times[1].tv_nsec) {
        return;
    }
    int rc = t->fd >= 0 ? futimens(t->fd, times)
                        : utimensat(t->dir_fd, t->name, times, AT_SYMLINK_NOFOLLOW);
    if (rc != 0) {
        lose(w, "mtime", errno);
    } else if (!time_is_common(w->node->mtime_ns) && !time_was_kept(t, &times[1])) {
        lose(w, "mtime", EOVERFLOW);
    }
}

static void set_flags(struct wearer *w)
{
    bool can_have = w->node->type == NODE_FILE || w->node->type == NODE_DIR;
    bool bare = w->fresh && !atomic_load(&w->target->inherits);
    if (!can_have || w->thing.fd < 0 || (bare && w->node->flags == 0)) {
        return;
    }
    int failed = attrs_set_flags(&w->thing, w->node->flags);
    if (failed != 0 && w->node->flags != 0) {
        lose(w, "inode flags", failed);
    }
}

static void dress_once(struct wearer *w)
{
    w->known = !w->fresh && look(&w->thing, &w->now) == 0;
    w->owner_set = w->lost_owner = false;
    set_owner(w);
    set_mode(w);
    set_xattrs(w);
    set_times(w);
    if (!w->unlocked || w->again) {
        set_flags(w); /* else they would be in the way once more */
    }
}

static void dress(struct wearer *w)
{
    dress_once(w);
    if (w->unlocked) {
        w->again = true;
        dress_once(w);
    }
}

/* ---- interface ---- */

int target_dir_finish(struct target *base, struct target_file *f, const struct node *node,
                      const struct target_losses *losses)
{
    struct wearer w = {
        .target = (struct target_dir *)base,
        .thing = { .fd = f->handle.fd, .dir_fd = -1, .dev = f->dev },
        .node = node,
        .losses = losses,
        .fresh = f->fresh,
    };
    dress(&w);
    return 0;
}

int target_dir_apply(struct target *base, struct target_place *in, const char *name, size_t len,
                     const struct node *node, const struct target_losses *losses)
{
    struct place *place = target_dir_place(in);
    struct target_dir_name checked;
    int fd = -1;
    int rc = name != NULL ? target_dir_name(name, len, &checked) : 0;
    if (rc == 0) {
        rc = place_pin(place, &fd);
    }
    if (rc != 0) {
        return rc;
    }
    struct wearer w = {
        .target = (struct target_dir *)base,
        .thing = { .fd = -1, .dir_fd = fd, .name = checked.text },
        .node = node,
        .losses = losses,
    };
    if (name == NULL) {
        w.thing = (struct attrs_thing){ .fd = fd, .dir_fd = -1 };
    }
    dress(&w);
    place_unpin(place);
    return 0;
}
