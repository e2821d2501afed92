/*
 * archive_export_fit.c - what of an entry the format of the archive holds, and what not.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/archive_export_internal.h"
#include "engine/archive_posix_acl.h"
#include "engine/attrs.h"
#include "format/page.h"

#define NS 1000000000LL
#define REASON_BYTES 160
#define XATTR_NAME_BYTES 256

bool archive_export_holds(const struct archive_export *x, unsigned what)
{
    return (x->format->holds & what) != 0;
}

void archive_export_lose(struct archive_export *x, const struct node *n, const char *what,
                         const char *why)
{
    x->result->losses++;
    if (x->events != NULL && x->events->loss != NULL) {
        x->events->loss(x->events->context, n->path, n->path_len, what, why);
    }
}

void archive_export_lose_to_format(struct archive_export *x, const struct node *n, const char *what)
{
    char why[REASON_BYTES];
    snprintf(why, sizeof(why), "%s can't hold it", x->format->name);
    archive_export_lose(x, n, what, why);
}

int archive_export_copy(struct archive_export *x, const struct node *from, struct node *out)
{
    struct node n = *from;
    struct node_xattr *list = NULL;
    const uint8_t *data;
    size_t len;
    int rc = 0;
    if (n.xattrs_chunked) {
        rc = repo_reader_chunk(x->reader, n.xattr_ref.id, &data, &len);
        if (rc == 0) {
            rc = page_xattrs_decode(data, len, &list, &n.xattr_count);
        }
        if (rc != 0) {
            return err_add(rc, "could not read its extended attributes");
        }
        n.xattrs = list;
        n.xattrs_chunked = false;
    }
    arena_clear(&x->arena);
    rc = arena_node(&x->arena, &n, out);
    mem_free(list);
    return rc;
}

static bool is_acl(const struct node_xattr *a)
{
    return strcmp(a->name, ARCHIVE_POSIX_ACL_ACCESS) == 0 ||
           strcmp(a->name, ARCHIVE_POSIX_ACL_DEFAULT) == 0;
}

/* Tars hold other names in a form that those who unpack them do not undo. */
static bool is_plain(const struct node_xattr *a)
{
    for (size_t i = 0; i < a->name_len; i++) {
        if (a->name[i] <= ' ' || a->name[i] > '~') {
            return false;
        }
    }
    return true;
}

static int fit_xattrs(struct archive_export *x, struct node *n, const struct node *whole)
{
    size_t kept = 0;
    if (n->xattr_count > 0 &&
        mem_grow(&x->xattrs, &x->xattr_cap, n->xattr_count, sizeof(*x->xattrs)) != 0) {
        return err_nomem();
    }
    for (size_t i = 0; i < n->xattr_count; i++) {
        const struct node_xattr *a = &n->xattrs[i];
        if (is_plain(a) && archive_export_holds(x, is_acl(a) ? ARCHIVE_LIB_HOLDS_ACLS
                                                             : ARCHIVE_LIB_HOLDS_XATTRS)) {
            x->xattrs[kept++] = *a;
            continue;
        }
        char what[XATTR_NAME_BYTES + 8];
        snprintf(what, sizeof(what), "xattr %s", a->name);
        archive_export_lose_to_format(x, whole, is_acl(a) ? "ACL" : what);
    }
    n->xattrs = x->xattrs;
    n->xattr_count = kept;
    return 0;
}

static int64_t floor_to(int64_t ns, int64_t unit)
{
    int64_t rest = ns % unit;
    return rest < 0 ? ns - rest - unit : ns - rest;
}

static void fit_time(struct archive_export *x, struct node *n, const struct node *whole,
                     bool *rounded)
{
    const struct archive_lib_format *f = x->format;
    int64_t s = floor_to(n->mtime_ns, NS) / NS;
    if (s < f->time_min_s || s > f->time_max_s) {
        archive_export_lose_to_format(x, whole, "mtime");
        n->mtime_ns = (s < f->time_min_s ? f->time_min_s : f->time_max_s) * NS;
        return;
    }
    bool lacks_sign = n->mtime_ns > -NS && n->mtime_ns < 0; /* of -0.5, in libarchive */
    int64_t cut = floor_to(n->mtime_ns, lacks_sign ? NS : f->time_unit_ns);
    *rounded = *rounded || cut != n->mtime_ns;
    n->mtime_ns = cut;
}

static void fit_owner(struct archive_export *x, struct node *n, const struct node *whole,
                      bool *rounded)
{
    if (!archive_export_holds(x, ARCHIVE_LIB_HOLDS_NAMES)) {
        *rounded = *rounded || (n->user_len + n->group_len > 0 &&
                                archive_export_holds(x, ARCHIVE_LIB_HOLDS_IDS));
        n->user_len = n->group_len = 0;
    }
    if (n->uid <= x->format->id_max && n->gid <= x->format->id_max) {
        return;
    }
    archive_export_lose_to_format(x, whole, "ownership");
    n->uid = n->uid <= x->format->id_max ? n->uid : 0;
    n->gid = n->gid <= x->format->id_max ? n->gid : 0;
    if (!archive_export_holds(x, ARCHIVE_LIB_HOLDS_NAMES)) {
        n->mode &= ~06000u; /* they would lend the powers of somebody else than was meant */
    }
}

const char *archive_export_refusal(const struct archive_export *x, const struct node *n)
{
    if (n->type == NODE_SOCKET) {
        return "no archive can hold a socket";
    }
    bool special = n->type == NODE_CHAR || n->type == NODE_BLOCK || n->type == NODE_FIFO;
    if (special && !archive_export_holds(x, ARCHIVE_LIB_HOLDS_SPECIAL)) {
        return "this kind of archive can't hold one";
    }
    if (n->type == NODE_FILE && n->size > x->format->size_max) {
        return "it is too large for this kind of archive";
    }
    if (!archive_export_holds(x, ARCHIVE_LIB_HOLDS_BYTES) && !text_is_utf8(n->path, n->path_len)) {
        return "its name is no UTF-8, and this kind of archive can't hold anything else";
    }
    return NULL;
}

int archive_export_fit(struct archive_export *x, const struct node *whole, struct node *n)
{
    bool rounded = false;
    int rc = fit_xattrs(x, n, whole);
    fit_time(x, n, whole, &rounded);
    fit_owner(x, n, whole, &rounded);
    if ((n->flags & attrs_flags) != 0 && !archive_export_holds(x, ARCHIVE_LIB_HOLDS_FLAGS)) {
        archive_export_lose_to_format(x, whole, "inode flags");
        n->flags = 0;
    }
    x->result->rounded += rounded ? 1 : 0;
    return rc;
}
