/*
 * place.c - a bounded number of open folders, least recently used first to go.
 *
 * One lock guards everything; it is held for moments only, but for the rare opening again of a
 * folder. In the list of a set are the places that are open and not pinned, most recent first.
 */
#include "engine/place.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

struct place {
    struct place_set *set;
    struct place *parent;
    struct place *newer, *older; /* in the set's list */
    size_t refs;
    size_t pins;
    int fd; /* -1: closed */
    dev_t dev;
    ino_t ino;
    size_t name_len;
    char name[];
};

struct place_set {
    pthread_mutex_t lock;
    struct place *newest, *oldest;
    size_t listed;
    size_t max_open;
};

int place_set_new(size_t max_open, struct place_set **out_set)
{
    struct place_set *set = mem_zalloc(sizeof(*set));
    if (set == NULL) {
        return err_nomem();
    }
    pthread_mutex_init(&set->lock, NULL);
    set->max_open = max_open < 4 ? 4 : max_open;
    *out_set = set;
    return 0;
}

void place_set_free(struct place_set *set)
{
    if (set == NULL) {
        return;
    }
    pthread_mutex_destroy(&set->lock);
    mem_free(set);
}

int place_open_folder(int parent_fd, const char *name, bool follow)
{
    const int flags = O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
    int fd = openat(parent_fd, name, flags | O_RDONLY);
    if (fd < 0 && errno == EACCES) {
        fd = openat(parent_fd, name, flags | O_PATH);
    }
    return fd;
}

/* ---- the list; the lock is held ---- */

static void unlist(struct place *p)
{
    struct place_set *set = p->set;
    *(p->newer != NULL ? &p->newer->older : &set->newest) = p->older;
    *(p->older != NULL ? &p->older->newer : &set->oldest) = p->newer;
    p->newer = p->older = NULL;
    set->listed--;
}

static void list(struct place *p)
{
    struct place_set *set = p->set;
    if (p->parent == NULL) {
        return; /* a top place can't be opened again, so it is never closed */
    }
    p->older = set->newest;
    *(set->newest != NULL ? &set->newest->newer : &set->oldest) = p;
    set->newest = p;
    set->listed++;
    while (set->listed > set->max_open) {
        struct place *last = set->oldest;
        unlist(last);
        close(last->fd);
        last->fd = -1;
    }
}

/* ---- opening again; the lock is held ---- */

static int adopt_fd(struct place *p, int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_dev == p->dev && st.st_ino == p->ino) {
        p->fd = fd;
        list(p);
        return 0;
    }
    close(fd);
    return err_raise(HF_ECHANGED, "folder '%s' was replaced meanwhile", p->name);
}

static int reopen_from_above(struct place *p)
{
    size_t depth = 0;
    for (const struct place *q = p; q->fd < 0; q = q->parent) {
        depth++;
    }
    struct place **chain = mem_array(depth, sizeof(struct place *));
    if (chain == NULL) {
        return err_nomem();
    }
    size_t at = depth;
    for (struct place *q = p; q->fd < 0; q = q->parent) {
        chain[--at] = q;
    }
    int rc = 0;
    for (; rc == 0 && at < depth; at++) {
        /* The one above was opened last, so closing the oldest never closes it. Its identity is
           what counts, so a link that led here at first (a root's ancestor) may be followed. */
        int fd = place_open_folder(chain[at]->parent->fd, chain[at]->name, true);
        rc = fd >= 0 ? adopt_fd(chain[at], fd)
                     : err_os(errno, "could not open folder '%s' again", chain[at]->name);
    }
    mem_free(chain);
    return rc;
}

/* A folder that is being left knows the way up, which is shorter than the way down. */
static void reopen_parent_from_below(struct place *p)
{
    int fd = openat(p->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && adopt_fd(p->parent, fd) != 0) {
        err_clear(); /* moved: whoever needs the parent will say so */
    }
}

/* ---- interface ---- */

int place_new(struct place_set *set, struct place *parent, const char *name, size_t len, int fd,
              const struct stat *stat, struct place **out_place)
{
    struct place *p = mem_zalloc(sizeof(*p) + len + 1);
    if (p == NULL) {
        close(fd);
        return err_nomem();
    }
    p->set = set;
    p->parent = parent;
    p->refs = 1;
    p->fd = fd;
    p->dev = stat->st_dev;
    p->ino = stat->st_ino;
    p->name_len = len;
    memcpy(p->name, name, len);
    pthread_mutex_lock(&set->lock);
    if (parent != NULL) {
        parent->refs++;
    }
    list(p);
    pthread_mutex_unlock(&set->lock);
    *out_place = p;
    return 0;
}

void place_hold(struct place *p)
{
    pthread_mutex_lock(&p->set->lock);
    p->refs++;
    pthread_mutex_unlock(&p->set->lock);
}

/* Frees one place whose last holder has gone. */
static void bury(struct place *p)
{
    if (p->fd >= 0) {
        if (p->parent != NULL) {
            unlist(p);
            if (p->parent->fd < 0) {
                reopen_parent_from_below(p);
            }
        }
        close(p->fd);
    }
    mem_free(p);
}

void place_drop(struct place *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_t *lock = &p->set->lock;
    pthread_mutex_lock(lock);
    while (p != NULL && --p->refs == 0) {
        struct place *parent = p->parent;
        bury(p);
        p = parent; /* it was held by the one that is gone */
    }
    pthread_mutex_unlock(lock);
}

int place_pin(struct place *p, int *out_fd)
{
    pthread_mutex_lock(&p->set->lock);
    int rc = p->fd >= 0 ? 0 : reopen_from_above(p);
    if (rc == 0) {
        if (p->pins++ == 0 && p->parent != NULL) {
            unlist(p);
        }
        *out_fd = p->fd;
    }
    pthread_mutex_unlock(&p->set->lock);
    return rc;
}

void place_unpin(struct place *p)
{
    pthread_mutex_lock(&p->set->lock);
    if (--p->pins == 0) {
        list(p);
    }
    pthread_mutex_unlock(&p->set->lock);
}

struct place *place_parent(const struct place *p)
{
    return p->parent;
}

const char *place_name(const struct place *p, size_t *out_len)
{
    if (out_len != NULL) {
        *out_len = p->name_len;
    }
    return p->name;
}
