/*
 * archive_import_build.c - what was gathered of an archive becomes a manifest.
 *
 * Records come by path, those of one path in the order of the archive: the last one counts. Files
 * with several names take a pass before, which finds their nodes and counts their names.
 */
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/archive_import_internal.h"
#include "engine/archive_node.h"
#include "engine/manifest_builder.h"

#define STEPS_PER_LOOK 256u

struct record {
    struct archive_spool_record raw;
    int kind;
    uint64_t inode;
    const void *node;
    size_t node_len;
};

struct build {
    struct archive_import *m;
    struct manifest_builder *builder;
    struct arena arena;
    struct buf last; /* the path that was written last */
    struct buf path; /* of the record in hand, until it is known to be the last of its path */
    struct buf data;
    struct buf body; /* a node of the file of groups */
    int groups_fd;
    uint64_t groups_end;
    uint64_t next_ino;
};

static int parse(const struct archive_spool_record *raw, struct record *out)
{
    struct cursor c;
    cursor_init(&c, raw->data, raw->len);
    out->raw = *raw;
    out->kind = cursor_u8(&c);
    out->inode = cursor_varint(&c);
    out->node_len = cursor_left(&c);
    out->node = cursor_get(&c, out->node_len);
    return cursor_failed(&c) ? err_raise(HF_EFAIL, "what was noted of an entry can't be read back")
                             : 0;
}

static bool same_path(const struct buf *path, const struct archive_spool_record *r)
{
    return path->len == r->path_len && memcmp(path->data, r->path, r->path_len) == 0;
}

/* ---- files with several names ---- */

static struct archive_import_group *group_of(const struct build *b, uint64_t inode)
{
    return inode != 0 ? map_get(b->m->groups, &inode) : NULL;
}

static int note_body(struct build *b, struct archive_import_group *g, const struct record *r)
{
    if (r->kind != ARCHIVE_IMPORT_DEFINES || r->raw.number + 1 < g->number) {
        return 0;
    }
    g->number = r->raw.number + 1;
    g->at = b->groups_end;
    g->len = r->node_len;
    b->groups_end += r->node_len;
    return archive_spool_write(b->groups_fd, r->node, r->node_len, g->at);
}

/* The last record of each path is the one that will be there. */
static void count_name(struct build *b, uint64_t inode)
{
    struct archive_import_group *g = group_of(b, inode);
    if (g != NULL) {
        g->names++;
    }
}

static int survey(struct build *b)
{
    struct archive_spool_record raw;
    struct record r;
    uint64_t inode = 0;
    int rc = archive_spool_file(b->m->o->folder, &b->groups_fd);
    if (rc == 0) {
        rc = archive_spool_rewind(b->m->spool);
    }
    while (rc == 0 && (rc = archive_spool_next(b->m->spool, &raw)) == 1) {
        rc = parse(&raw, &r);
        if (rc == 0 && !same_path(&b->path, &raw)) {
            count_name(b, inode);
            buf_clear(&b->path);
            buf_put(&b->path, raw.path, raw.path_len);
            rc = buf_error(&b->path);
        }
        inode = rc == 0 ? r.inode : 0;
        struct archive_import_group *g = group_of(b, inode);
        if (rc == 0 && g != NULL) {
            rc = note_body(b, g, &r);
        }
    }
    count_name(b, inode);
    buf_clear(&b->path);
    return rc;
}

/* ---- writing down ---- */

static void count(struct build *b, const struct node *n)
{
    struct commit_counts *c = &b->m->result->counts;
    if (n->type == NODE_FILE) {
        c->files++;
        c->files_new++;
        c->bytes += n->size;
    } else if (n->type == NODE_DIR) {
        c->dirs++;
    } else {
        c->others++;
    }
}

static int put(struct build *b, const struct node *n)
{
    int rc = manifest_builder_add(b->builder, n);
    if (rc == HF_ELIMIT) {
        archive_import_tell(b->m, ARCHIVE_IMPORT_REFUSED, n->path, n->path_len, err_last()->text);
        err_clear();
        return 0;
    }
    if (rc == 0) {
        count(b, n);
        buf_clear(&b->last);
        buf_put(&b->last, n->path, n->path_len);
        rc = buf_error(&b->last);
    }
    return rc;
}

/* Folders above a path that no entry speaks of. */
static int put_implied(struct build *b, const char *path, size_t len)
{
    int rc = 0;
    for (size_t at = 1; rc == 0 && at < len; at++) {
        struct node n = b->m->stand_in;
        if (at > 1 && path[at] != '/') {
            continue;
        }
        n.path = path;
        n.path_len = at;
        bool there = b->last.len > 0 &&
                     node_path_within(path, at, (const char *)b->last.data, b->last.len);
        rc = there ? 0 : put(b, &n);
    }
    return rc;
}

static int take_group(struct build *b, struct archive_import_group *g, struct node *n)
{
    if (g->number == 0) {
        return err_raise(HF_EFAIL, "a link leads to nothing");
    }
    buf_clear(&b->body);
    if (buf_reserve(&b->body, g->len + 1) != 0) {
        return err_nomem();
    }
    int rc = archive_spool_read(b->groups_fd, b->body.data, g->len, g->at);
    if (rc == 0) {
        rc = archive_node_decode(b->body.data, g->len, &b->arena, n);
    }
    if (rc != 0) {
        return rc;
    }
    if (g->names > 1) {
        b->m->result->links += g->ino != 0 ? 1 : 0;
        g->ino = g->ino != 0 ? g->ino : ++b->next_ino;
        n->ino = g->ino;
        n->links = g->names;
    }
    return 0;
}

static int put_record(struct build *b)
{
    struct archive_spool_record raw = { .path = (const char *)b->path.data,
                                        .path_len = b->path.len,
                                        .data = b->data.data,
                                        .len = b->data.len };
    struct record r;
    struct node n;
    int rc = parse(&raw, &r);
    if (rc != 0) {
        return rc;
    }
    arena_clear(&b->arena);
    struct archive_import_group *g = group_of(b, r.inode);
    rc = g != NULL ? take_group(b, g, &n) : archive_node_decode(r.node, r.node_len, &b->arena, &n);
    n.path = raw.path;
    n.path_len = raw.path_len;
    if (rc == 0) {
        rc = put_implied(b, n.path, n.path_len);
    }
    return rc == 0 ? put(b, &n) : rc;
}

static int keep(struct build *b, const struct archive_spool_record *raw)
{
    buf_clear(&b->path);
    buf_clear(&b->data);
    buf_put(&b->path, raw->path, raw->path_len);
    buf_put(&b->data, raw->data, raw->len);
    int rc = buf_error(&b->path);
    return rc != 0 ? rc : buf_error(&b->data);
}

static int write_down(struct build *b)
{
    struct archive_spool_record raw;
    unsigned steps = 0;
    int rc = archive_spool_rewind(b->m->spool);
    while (rc == 0 && (rc = archive_spool_next(b->m->spool, &raw)) == 1) {
        bool again = same_path(&b->path, &raw);
        b->m->result->replaced += again ? 1 : 0;
        rc = again || b->path.len == 0 ? 0 : put_record(b);
        if (rc == 0) {
            rc = keep(b, &raw);
        }
        if (rc == 0 && ++steps % STEPS_PER_LOOK == 0) {
            rc = archive_import_cancelled(b->m);
        }
    }
    return rc == 0 && b->path.len > 0 ? put_record(b) : rc;
}

int archive_import_build(struct archive_import *m, uint8_t out_root[PAGESTORE_ID_BYTES])
{
    struct build b = { .m = m, .groups_fd = -1 };
    arena_init(&b.arena);
    buf_init(&b.last);
    buf_init(&b.path);
    buf_init(&b.data);
    buf_init(&b.body);
    int rc = manifest_builder_new(m->pages, repo_keys(m->repo)->page_boundary_key, &b.builder);
    if (rc == 0 && map_count(m->groups) > 0) {
        rc = survey(&b);
    }
    if (rc == 0) {
        rc = write_down(&b);
    }
    if (rc == 0) {
        rc = manifest_builder_finish(b.builder, out_root, NULL);
    }
    manifest_builder_free(b.builder);
    if (b.groups_fd >= 0) {
        close(b.groups_fd);
    }
    arena_release(&b.arena);
    buf_release(&b.last);
    buf_release(&b.path);
    buf_release(&b.data);
    buf_release(&b.body);
    return rc;
}
