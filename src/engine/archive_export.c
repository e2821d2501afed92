/*
 * archive_export.c - see archive_export.h.
 */
#include "engine/archive_export_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/repopages.h"

#define BLOCKS_CACHED 8
#define ZEROS_BYTES (256u << 10)
#define MOST_EXTENTS (1u << 20) /* beyond that a file's holes are written as zeros */

static const char zeros[ZEROS_BYTES];

/* ---- what is told meanwhile ---- */

static void progress(struct archive_export *x, const struct node *n)
{
    struct archive_export_result *r = x->result;
    if (x->events == NULL || x->events->progress == NULL) {
        return;
    }
    struct archive_export_progress p = {
        .files = r->files,
        .bytes = r->bytes,
        .files_expected = x->expected != NULL ? x->expected->files : 0,
        .bytes_expected = x->expected != NULL ? x->expected->bytes : 0,
        .losses = r->losses,
        .path = n->path,
        .path_len = n->path_len,
    };
    x->events->progress(x->events->context, &p);
}

static int check_cancel(const struct archive_export *x)
{
    return x->o->cancel != NULL && *x->o->cancel != 0 ? err_raise(HF_EINTERRUPTED, "interrupted")
                                                      : 0;
}

static int count_and_write(void *context, const void *data, size_t len)
{
    struct archive_export *x = context;
    x->result->written += len;
    return x->o->write(x->o->write_context, data, len);
}

/* ---- content ---- */

/* Opens the content of a file; its references have to be as long as its size says. */
static int open_content(struct archive_export *x, const struct node *n)
{
    int rc = manifest_content_reader_open(x->content, n);
    if (rc == 0 && manifest_content_reader_length(x->content) != n->size) {
        rc = err_raise(HF_EDAMAGE, "its content is not of the length that its entry says");
    }
    return rc;
}

static int add_extent(struct archive_export *x, uint64_t offset, uint64_t len)
{
    struct archive_lib_extent *last = x->extent_count > 0 ? &x->extents[x->extent_count - 1] : NULL;
    if (last != NULL && last->offset + last->len == offset) {
        last->len += len;
        return 0;
    }
    if (mem_grow(&x->extents, &x->extent_cap, x->extent_count + 1, sizeof(*x->extents)) != 0) {
        return err_nomem();
    }
    x->extents[x->extent_count++] = (struct archive_lib_extent){ offset, len };
    return 0;
}

/* Where the data of a file lies has to be known before any of it is written. */
static int find_extents(struct archive_export *x, const struct node *n, bool *out_sparse)
{
    struct node_ref ref;
    uint64_t offset = 0;
    int rc = 0;
    x->extent_count = 0;
    *out_sparse = false;
    while (rc == 0) {
        rc = manifest_content_reader_next(x->content, &ref, &offset);
        if (rc <= 0) {
            break;
        }
        *out_sparse = *out_sparse || ref.hole;
        rc = ref.hole ? 0 : add_extent(x, offset, ref.len);
        if (rc == 0 && x->extent_count > MOST_EXTENTS) {
            *out_sparse = false;
            break;
        }
        if (rc == 0) {
            rc = check_cancel(x);
        }
    }
    return rc < 0 ? rc : open_content(x, n);
}

static int write_hole(struct archive_export *x, uint64_t len)
{
    int rc = 0;
    while (rc == 0 && len > 0) {
        size_t part = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
        rc = archive_lib_writer_data(x->writer, zeros, part);
        len -= part;
        x->result->bytes += part;
        if (rc == 0) {
            rc = check_cancel(x);
        }
    }
    return rc;
}

static int write_chunk(struct archive_export *x, const struct node_ref *ref)
{
    const uint8_t *data;
    size_t len;
    int rc = repo_reader_chunk(x->reader, ref->id, &data, &len);
    if (rc == 0 && len != ref->len) {
        rc = err_raise(HF_EDAMAGE, "a chunk is not of the length that the file says");
    }
    if (rc == 0) {
        rc = archive_lib_writer_data(x->writer, data, len);
        x->result->bytes += len;
    }
    return rc;
}

static int write_content(struct archive_export *x, const struct node *n)
{
    struct node_ref ref;
    uint64_t offset = 0;
    int rc = 0;
    while (rc == 0) {
        rc = manifest_content_reader_next(x->content, &ref, &offset);
        if (rc <= 0) {
            break;
        }
        rc = ref.hole ? write_hole(x, ref.len) : write_chunk(x, &ref);
        if (rc == 0) {
            rc = check_cancel(x);
        }
        progress(x, n);
    }
    return rc == HF_EDAMAGE ? err_add(rc, "at byte %" PRIu64, offset) : rc;
}

/* ---- one entry ---- */

/* "/a/b" is "a/b" in an archive, and the top ".". */
static const char *archived_path(const char *path, size_t len)
{
    return len <= 1 ? "." : path + 1;
}

/* Finds the earlier name of a file that has several; NULL if this one is the first. */
static int find_link(struct archive_export *x, const struct node *n,
                     struct archive_export_group **out_group)
{
    struct archive_export_group_key key = { n->dev, n->ino };
    void *slot = NULL;
    bool fresh = false;
    *out_group = NULL;
    if (n->links <= 1 || n->type == NODE_DIR) {
        return 0;
    }
    int rc = map_put(x->groups, &key, &slot, &fresh);
    if (rc != 0 || !fresh) {
        *out_group = slot;
        return rc;
    }
    struct archive_export_group *g = slot;
    g->names_left = n->links;
    g->serial = x->serial + 1; /* the next one is the first name */
    g->path = mem_dup(n->path, n->path_len + 1);
    return g->path != NULL ? 0 : err_nomem();
}

/* Groups are forgotten with their last name, so memory follows those that are open. */
static void used_link(struct archive_export *x, const struct node *n)
{
    struct archive_export_group_key key = { n->dev, n->ino };
    struct archive_export_group *g = n->links > 1 && n->type != NODE_DIR ? map_get(x->groups, &key)
                                                                         : NULL;
    if (g != NULL && --g->names_left == 0) {
        mem_free(g->path);
        map_remove(x->groups, &key);
    }
}

static void count(struct archive_export *x, const struct node *n, bool is_link)
{
    struct archive_export_result *r = x->result;
    if (n->type == NODE_FILE) {
        r->files++;
    } else if (n->type == NODE_DIR) {
        r->dirs++;
    } else {
        r->others++;
    }
    r->links += is_link ? 1 : 0;
}

static int begin_entry(struct archive_export *x, const struct node *whole,
                       const struct archive_lib_out *e, bool *out_begun)
{
    const char *why = NULL;
    int rc = archive_lib_writer_begin(x->writer, e, &why);
    *out_begun = rc == 0;
    if (rc == HF_EUNSUPPORTED) {
        archive_export_lose(x, whole, node_type_name(whole->type), err_last()->text);
        err_clear();
        return 0;
    }
    if (rc == 0 && why != NULL) {
        archive_export_lose(x, whole, "metadata", why);
    }
    return rc;
}

static int put_entry(struct archive_export *x, const struct node *whole,
                     const struct archive_export_group *link)
{
    struct node n = *whole;
    struct archive_lib_out e = { .node = &n, .serial = ++x->serial };
    bool begun = false;
    bool with_content = n.type == NODE_FILE && link == NULL;
    n.path = archived_path(whole->path, whole->path_len);
    n.path_len = strlen(n.path);
    if (n.type != NODE_FILE && !archive_export_holds(x, ARCHIVE_LIB_HOLDS_ALL_LINKS)) {
        n.links = 1;
    }
    if (link != NULL) {
        e.link = archived_path(link->path, strlen(link->path));
        e.serial = link->serial;
        n.xattr_count = 0; /* said of the first name */
        n.flags = 0;
    }
    int rc = archive_export_fit(x, whole, &n);
    if (rc == 0 && with_content) {
        rc = open_content(x, whole);
    }
    if (rc == 0 && with_content && archive_export_holds(x, ARCHIVE_LIB_HOLDS_HOLES)) {
        rc = find_extents(x, whole, &e.sparse);
        e.data = x->extents;
        e.data_count = x->extent_count;
    }
    if (rc == 0) {
        rc = begin_entry(x, whole, &e, &begun);
    }
    if (rc != 0 || !begun) {
        return rc;
    }
    if (with_content && archive_export_holds(x, ARCHIVE_LIB_HOLDS_CONTENT)) {
        rc = write_content(x, whole);
    }
    count(x, whole, link != NULL);
    return rc;
}

static int put_named(struct archive_export *x, const struct node *n)
{
    struct archive_export_group *link = NULL;
    const char *why = archive_export_refusal(x, n);
    if (why != NULL) {
        archive_export_lose(x, n, node_type_name(n->type), why);
        return 0;
    }
    if (n->path_len == 1 && !archive_export_holds(x, ARCHIVE_LIB_HOLDS_TOP)) {
        return 0;
    }
    int rc = find_link(x, n, &link);
    unsigned needs = n->type == NODE_FILE ? ARCHIVE_LIB_HOLDS_LINKS : ARCHIVE_LIB_HOLDS_ALL_LINKS;
    if (rc == 0 && link != NULL && !archive_export_holds(x, needs)) {
        archive_export_lose_to_format(x, n, "hard link");
        link = NULL;
    }
    if (rc == 0) {
        rc = put_entry(x, n, link);
    }
    used_link(x, n);
    return rc;
}

static int visit(struct archive_export *x, const struct node *from)
{
    struct node n;
    int rc = check_cancel(x);
    if (rc == 0) {
        rc = archive_export_copy(x, from, &n);
    }
    if (rc == 0) {
        rc = put_named(x, &n);
        progress(x, &n);
    }
    return rc == HF_EDAMAGE ? err_add(rc, "%.*s", (int)from->path_len, from->path) : rc;
}

/* ---- the run ---- */

static int walk(struct archive_export *x)
{
    const char *path = x->o->path != NULL ? x->o->path : "/";
    size_t len = strlen(path);
    struct node n;
    int rc = manifest_cursor_find(x->cursor, path, len, &n);
    if (rc == 0 && len > 1) {
        rc = err_raise(HF_EABSENT, "there is no %s in the snapshot", path);
    }
    while (rc == 1 && node_path_within(path, len, n.path, n.path_len)) {
        rc = visit(x, &n);
        if (rc == 0) {
            rc = manifest_cursor_next(x->cursor, &n);
        }
    }
    return rc < 0 ? rc : 0;
}

static int open_all(struct archive_export *x, const struct catalog_snapshot *snapshot)
{
    int rc = repopages_new(x->repo, NULL, &x->pages);
    if (rc == 0) {
        rc = manifest_cursor_open(x->pages, snapshot->commit.root, &x->cursor);
    }
    if (rc == 0) {
        rc = manifest_content_reader_new(x->pages, &x->content);
    }
    if (rc == 0) {
        rc = repo_reader_new(x->repo, BLOCKS_CACHED, &x->reader);
    }
    if (rc == 0) {
        rc = map_new(sizeof(struct archive_export_group_key), sizeof(struct archive_export_group),
                     0, &x->groups);
    }
    if (rc == 0) {
        rc = archive_lib_writer_new(x->format, count_and_write, x, &x->writer);
    }
    return rc;
}

static void close_all(struct archive_export *x)
{
    size_t at = 0;
    const void *key;
    void *group;
    while (x->groups != NULL && map_next(x->groups, &at, &key, &group)) {
        mem_free(((struct archive_export_group *)group)->path);
    }
    map_free(x->groups);
    archive_lib_writer_free(x->writer);
    repo_reader_free(x->reader);
    manifest_content_reader_free(x->content);
    manifest_cursor_close(x->cursor);
    repopages_free(x->pages);
    mem_free(x->extents);
    mem_free(x->xattrs);
    arena_release(&x->arena);
}

int archive_export_run(struct repo *r, const struct catalog_snapshot *snapshot,
                       const struct archive_export_options *options,
                       const struct archive_export_events *events,
                       struct archive_export_result *out_result)
{
    const struct clock *clock = repo_env(r)->clock;
    int64_t started = clock_monotonic(clock);
    bool all = options->path == NULL || strcmp(options->path, "/") == 0;
    struct archive_export x = {
        .repo = r,
        .o = options,
        .events = events,
        .result = out_result,
        .format = options->format,
        .expected = all ? &snapshot->commit.counts : NULL,
    };
    memset(out_result, 0, sizeof(*out_result));
    arena_init(&x.arena);
    int rc = open_all(&x, snapshot);
    if (rc == 0) {
        rc = walk(&x);
    }
    if (rc == 0) {
        rc = archive_lib_writer_finish(x.writer);
    }
    close_all(&x);
    out_result->duration_ns = clock_monotonic(clock) - started;
    if (rc == 0 && out_result->losses > 0) {
        rc = err_raise(HF_EPARTIAL, "%s can't hold all of it: %" PRIu64 " losses",
                       options->format->name, out_result->losses);
    }
    return rc;
}
