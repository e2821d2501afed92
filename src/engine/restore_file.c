/*
 * restore_file.c - one file of the target: opened by whoever comes first, finished by whoever
 * comes last.
 */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/restore_internal.h"

#define LARGEST_BLOCK (64u << 10) /* of a file system */

static pthread_mutex_t *lock_of(struct restore_file *f)
{
    return &f->restore->stripes[f->stripe];
}

static int create(struct restore_file *f)
{
    struct target *t = f->restore->target;
    return t->ops->create(t, f->place, f->name, f->name_len, &f->file);
}

/* An existing file that may not be written to is replaced: its folder may be. */
static int open_existing(struct restore_file *f)
{
    struct target *t = f->restore->target;
    uint64_t removed = 0;
    int rc = t->ops->open(t, f->place, f->name, f->name_len, true, &f->file);
    if (rc != HF_EACCESS) {
        return rc;
    }
    rc = t->ops->remove(t, f->place, f->name, f->name_len, &removed);
    if (rc != 0) {
        return rc;
    }
    f->how = RESTORE_CREATE;
    f->old_size = 0;
    return create(f);
}

static int ensure_open(struct restore_file *f)
{
    struct target *t = f->restore->target;
    int rc = 0;
    pthread_mutex_lock(lock_of(f));
    if (!f->open) {
        if (f->how == RESTORE_CREATE) {
            rc = create(f);
        } else if (f->how == RESTORE_EXISTING) {
            rc = open_existing(f);
        } else {
            rc = t->ops->open(t, f->place, f->name, f->name_len, false, &f->file);
        }
        f->open = rc == 0;
        if (f->open && f->how == RESTORE_CHECK) {
            t->ops->uncache(t, &f->file);
        }
    }
    pthread_mutex_unlock(lock_of(f));
    return rc;
}

static void note_time(struct restore *r, atomic_llong *when)
{
    long long none = -1;
    if (atomic_load(when) == none) {
        long long now = clock_monotonic(repo_env(r->repo)->clock) - r->begin_ns;
        atomic_compare_exchange_strong(when, &none, now);
    }
}

int restore_file_write(struct restore_file *f, uint64_t offset, const void *data, size_t len)
{
    struct restore *r = f->restore;
    int rc = ensure_open(f);
    if (rc == 0) {
        rc = r->target->ops->pwrite(r->target, &f->file, data, len, offset);
    }
    if (rc != 0) {
        return rc;
    }
    atomic_fetch_add(&r->bytes_written, len);
    note_time(r, &r->first_byte_ns);
    return 0;
}

/*
 * Beyond what was there, a hole is what is not written. A block is given back if all of it is in
 * the hole, so one at the end of the file goes on over the rest of its last block.
 */
static int punch(struct restore_file *f, uint64_t offset, uint64_t len)
{
    struct target *t = f->restore->target;
    uint64_t end = offset + len;
    uint64_t last = (f->old_size / LARGEST_BLOCK + 1) * LARGEST_BLOCK;
    if (offset >= f->old_size) {
        return 0;
    }
    if (end > last || end == f->node.size) {
        end = last;
    }
    return t->ops->punch(t, &f->file, offset, end - offset);
}

int restore_file_hole(struct restore_file *f, uint64_t offset, uint64_t len)
{
    struct restore *r = f->restore;
    static const char zeros[64 << 10];
    int rc = ensure_open(f);
    if (!r->o->no_sparse) {
        return rc != 0 ? rc : punch(f, offset, len);
    }
    while (rc == 0 && len > 0) {
        size_t piece = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
        rc = restore_file_write(f, offset, zeros, piece);
        offset += piece;
        len -= piece;
    }
    return rc;
}

int restore_file_read(struct restore_file *f, uint64_t offset, void *out, size_t len,
                      size_t *out_len)
{
    struct target *t = f->restore->target;
    int rc = ensure_open(f);
    *out_len = 0;
    return rc != 0 || offset >= f->old_size ? rc
                                            : t->ops->pread(t, &f->file, out, len, offset, out_len);
}

void restore_file_lose(struct restore_file *f, int code)
{
    pthread_mutex_lock(lock_of(f));
    /* Damage says more than what follows from it. */
    if (f->code == 0 || (code == HF_EDAMAGE && f->code != HF_EDAMAGE)) {
        size_t len = strnlen(err_last()->text, sizeof(f->message) - 1);
        f->code = code;
        memcpy(f->message, err_last()->text, len);
        f->message[len] = '\0';
    }
    pthread_mutex_unlock(lock_of(f));
    if (restore_is_fatal(code)) {
        restore_set_fatal(f->restore, err_add(code, "could not restore %s", f->node.path));
    }
    err_clear();
}

/* Size, attributes, times; then it is closed. */
static int dress(struct restore_file *f)
{
    struct restore *r = f->restore;
    struct target *t = r->target;
    struct target_losses losses = { .loss = restore_note_loss, .context = r };
    struct node node = f->node;
    int rc = ensure_open(f);
    if (rc == HF_EACCESS && f->how == RESTORE_SAME) {
        err_clear(); /* not even readable to its owner: by name, then */
        return t->ops->apply(t, f->place, f->name, f->name_len, &node, &losses);
    }
    if (rc != 0) {
        return rc;
    }
    bool cut = f->how == RESTORE_EXISTING ? f->old_size != node.size
                                          : f->how == RESTORE_CREATE && f->has_holes;
    if (cut || (f->code != 0 && f->how != RESTORE_SAME)) {
        rc = t->ops->truncate(t, &f->file, node.size);
    }
    if (f->group != NULL && f->group->late) {
        node.flags = 0; /* restore_links.c sets them when all links are made */
    }
    if (f->code != 0) {
        /* Never the time of the whole file: it must not be taken for right the next time. */
        node.mtime_ns = clock_wall(repo_env(r->repo)->clock);
    }
    if (rc == 0) {
        rc = t->ops->finish(t, &f->file, &node, &losses);
    }
    return rc;
}

static int finish_file(struct restore_file *f)
{
    struct restore *r = f->restore;
    struct target *t = r->target;
    /* Of a file that is lost wholly, nothing is made. */
    bool nothing = f->code != 0 && !f->open && f->how == RESTORE_CREATE;
    int rc = nothing || f->how == RESTORE_CHECK ? 0 : dress(f);
    if (f->open) {
        int closed = t->ops->close(t, &f->file);
        rc = rc != 0 ? rc : closed;
        f->open = false;
    }
    if (rc != 0) {
        restore_file_lose(f, rc);
    } else if (f->code == 0) {
        note_time(r, &r->first_file_ns);
    }
    f->finished = true;
    return 0;
}

int restore_file_done(struct restore_file *f, unsigned pieces)
{
    return atomic_fetch_sub(&f->left, pieces) == pieces ? finish_file(f) : 0;
}
