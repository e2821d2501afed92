/*
 * restore_verify.c - is what the target holds what the snapshot says? Nothing is changed.
 *
 * Goes the same way as a restore in its dry form, with files that are compared piece by piece in
 * place of being written.
 */
#include <string.h>

#include "base/err.h"
#include "engine/restore_internal.h"

#define SYMLINK_MAX_BYTES 4096u

static int differs(struct restore *r, const struct node *n, const char *how)
{
    return restore_tell_trail(r, n->path, n->path_len, err_raise(HF_ECHANGED, "%s", how));
}

static bool same_target(struct restore *r, const struct node *n, struct target_place *place,
                        const char *name, size_t len)
{
    char target[SYMLINK_MAX_BYTES];
    size_t got = 0;
    int rc = r->target->ops->readlink(r->target, place, name, len, target, sizeof(target), &got);
    if (rc != 0) {
        err_clear();
    }
    return rc == 0 && got == n->target_len && memcmp(target, n->target, got) == 0;
}

int restore_verify_visit(struct restore *r, const struct node *n, struct target_place *place,
                         const char *name, size_t len)
{
    struct target_stat now;
    int rc = target_check_name(name, len);
    if (rc == 0) {
        rc = r->target->ops->lookup(r->target, place, name, len, &now);
    }
    if (rc == HF_EABSENT) {
        return differs(r, n, "it is not there");
    }
    if (rc != 0) {
        return restore_tell_trail(r, n->path, n->path_len, rc);
    }
    if (now.type != n->type) {
        return differs(r, n, "it is of another type");
    }
    if (n->type == NODE_FILE && now.size != n->size) {
        return differs(r, n, "its size differs");
    }
    if (n->type == NODE_SYMLINK && !same_target(r, n, place, name, len)) {
        return differs(r, n, "it leads elsewhere");
    }
    if ((n->type == NODE_CHAR || n->type == NODE_BLOCK) && now.rdev != n->rdev) {
        return differs(r, n, "it is another device");
    }
    if (n->type != NODE_FILE) {
        r->result->others++;
        return 0;
    }
    rc = restore_window_file(&r->windows[r->filling], n, place, RESTORE_CHECK, n->size, NULL);
    return rc != 0 ? rc : restore_window_step(r);
}

static bool all_zeros(const uint8_t *data, size_t len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

static int lose_at(struct restore_piece *p, uint64_t offset)
{
    restore_file_lose(p->file, err_raise(HF_ECHANGED, "its content differs from byte %llu on",
                                         (unsigned long long)offset));
    return 0;
}

/* A hole may have become zeros, but nothing else. */
static int check_hole(struct restore_piece *p, struct buf *data)
{
    const size_t step = 1u << 20;
    if (buf_reserve(data, step) != 0) {
        return err_nomem();
    }
    for (uint64_t done = 0; done < p->len; done += step) {
        size_t want = p->len - done < step ? (size_t)(p->len - done) : step;
        size_t got = 0;
        int rc = restore_file_read(p->file, p->offset + done, data->data, want, &got);
        if (rc != 0 || got != want || !all_zeros(data->data, got)) {
            return rc == HF_ENOMEM ? rc : lose_at(p, p->offset + done);
        }
    }
    return 0;
}

int restore_verify_piece(struct restore *r, struct restore_piece *p, struct cipher_id *ids,
                         struct buf *data)
{
    uint8_t id[CIPHER_ID_BYTES];
    size_t got = 0;
    p->state = RESTORE_DONE;
    if (p->file->code != 0) {
        return 0; /* known to differ: the rest need not be read */
    }
    if (p->hole) {
        return check_hole(p, data);
    }
    if (buf_reserve(data, (size_t)p->len) != 0) {
        return err_nomem();
    }
    int rc = restore_file_read(p->file, p->offset, data->data, (size_t)p->len, &got);
    if (rc == 0 && got == p->len) {
        rc = cipher_id_of(ids, data->data, got, id);
    }
    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0 || got != p->len || memcmp(id, p->id, sizeof(id)) != 0) {
        return lose_at(p, p->offset);
    }
    atomic_fetch_add(&r->bytes_verified, got);
    return 0;
}

int restore_verify(struct repo *repo, const struct catalog_snapshot *snapshot,
                   const struct restore_options *options, struct target *target,
                   const struct restore_events *events, struct restore_result *out_result)
{
    struct restore_options look = *options;
    struct restore r = { .repo = repo,
                         .o = &look,
                         .target = target,
                         .events = events,
                         .result = out_result,
                         .verifying = true };
    look.dry_run = true;
    look.delete_extras = false;
    memset(out_result, 0, sizeof(*out_result));
    int rc = restore_open_all(&r, snapshot);
    if (rc == 0) {
        rc = restore_walk(&r);
    }
    restore_fill_result(&r);
    restore_close_all(&r);
    return rc != 0 ? rc : restore_verdict(out_result);
}
