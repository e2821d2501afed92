/*
 * archive_import.c - reads an archive: content into a run, entries into a spool; then commits.
 */
#include "engine/archive_import.h"

#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/archive_import_internal.h"
#include "engine/archive_node.h"
#include "engine/repopages.h"
#include "format/page.h"

#define DEFAULT_MEMORY (16u << 20)
#define MOST_ATTEMPTS 5u
#define MOST_THREADS 256u
#define BYTES_PER_TICK (1u << 20)
#define ENTRIES_PER_TICK 256u

/* ---- what is told meanwhile ---- */

void archive_import_tell(struct archive_import *m, enum archive_import_what what, const char *path,
                         size_t path_len, const char *message)
{
    struct archive_import_result *r = m->result;
    r->refused += what == ARCHIVE_IMPORT_REFUSED ? 1 : 0;
    r->losses += what == ARCHIVE_IMPORT_LOSS ? 1 : 0;
    r->counts.errors = r->refused + r->losses;
    if (m->events != NULL && m->events->warning != NULL) {
        m->events->warning(m->events->context, what, path, path_len, message);
    }
}

int archive_import_cancelled(const struct archive_import *m)
{
    return m->o->cancel != NULL && *m->o->cancel != 0 ? err_raise(HF_EINTERRUPTED, "interrupted")
                                                      : 0;
}

static void progress(struct archive_import *m, uint64_t more)
{
    if (m->events == NULL || m->events->progress == NULL) {
        return;
    }
    struct archive_import_progress p = {
        .entries = m->result->entries,
        .bytes = m->result->counts.bytes + more,
        .errors = m->result->counts.errors,
        .path = (const char *)m->path.data,
        .path_len = m->path.len,
    };
    m->events->progress(m->events->context, &p);
}

/* ---- content ---- */

static int take_content(struct archive_import *m, struct archive_lib_reader *reader,
                        const struct archive_lib_in *in, struct node *n)
{
    const void *data = NULL;
    size_t len = 0;
    uint64_t offset = 0;
    uint64_t ticked = 0;
    int rc = archive_content_begin(m->content);
    while (rc == 0 && (rc = archive_lib_reader_data(reader, &data, &len, &offset)) == 1) {
        rc = archive_content_add(m->content, data, len, offset);
        if (rc == 0 && archive_content_length(m->content) - ticked >= BYTES_PER_TICK) {
            ticked = archive_content_length(m->content);
            progress(m, ticked);
            rc = archive_import_cancelled(m);
        }
    }
    if (rc == 0 && in->has_size && !in->sparse && in->link == NULL &&
        archive_content_length(m->content) < in->node.size) {
        rc = err_raise(HF_EFAIL, "the archive is damaged: it holds less of it than it says");
    }
    if (rc == 0) {
        rc = archive_content_end(m->content, in->sparse && in->has_size ? in->node.size : 0, n);
    }
    m->result->counts.bytes += rc == 0 ? n->size : 0;
    return rc;
}

/* ---- metadata ---- */

/* Attributes too large for a page become a chunk of their own. */
static int store_xattrs(struct archive_import *m, struct node *n)
{
    if (n->xattr_count == 0) {
        return 0;
    }
    buf_clear(&m->xattrs);
    int rc = page_xattrs_encode(n->xattrs, n->xattr_count, &m->xattrs);
    if (rc != 0 || m->xattrs.len <= PAGE_XATTR_INLINE) {
        return rc;
    }
    rc = run_add_page(m->run, m->xattrs.data, m->xattrs.len, n->xattr_ref.id);
    n->xattr_ref.len = m->xattrs.len;
    n->xattr_ref.hole = false;
    n->xattrs_chunked = true;
    n->xattrs = NULL;
    n->xattr_count = 0;
    return rc;
}

/* What the archive leaves open is as if it had been made now, by who imports it. */
static void complete(const struct archive_import *m, const struct archive_lib_in *in,
                     struct node *n)
{
    if (!in->has_owner) {
        n->uid = m->stand_in.uid;
        n->gid = m->stand_in.gid;
        n->user = m->stand_in.user;
        n->user_len = m->stand_in.user_len;
        n->group = m->stand_in.group;
        n->group_len = m->stand_in.group_len;
    }
    n->mtime_ns = in->has_time ? n->mtime_ns : m->begin_ns;
    n->ctime_ns = in->has_ctime ? n->ctime_ns : n->mtime_ns;
    if (n->type == NODE_SYMLINK) {
        n->mode = 0777;
        n->size = n->target_len;
    } else if (n->type != NODE_FILE) {
        n->size = 0;
    }
}

static int note(struct archive_import *m, int kind, uint64_t inode, const struct node *n)
{
    buf_clear(&m->record);
    buf_put_u8(&m->record, (uint8_t)kind);
    buf_put_varint(&m->record, inode);
    int rc = kind == ARCHIVE_IMPORT_DEFINES ? archive_node_encode(n, &m->record)
                                            : buf_error(&m->record);
    return rc != 0 ? rc
                   : archive_spool_add(m->spool, (const char *)m->path.data, m->path.len,
                                       m->record.data, m->record.len);
}

/* ---- one entry ---- */

static int refuse(struct archive_import *m, const char *name, const char *why)
{
    archive_import_tell(m, ARCHIVE_IMPORT_REFUSED, name, strlen(name), why);
    return 0;
}

/* The inode that a link is another name of. */
static int find_target(struct archive_import *m, const char *link, uint64_t *out_inode,
                       const char **out_why)
{
    enum archive_names_verdict verdict;
    bool absolute = false;
    *out_inode = 0;
    int rc = archive_names_clean(link, m->o->strip_components, &m->target, &absolute, &verdict,
                                 out_why);
    if (rc == 0 && *out_why == NULL) {
        rc = archive_names_find(m->known, (const char *)m->target.data, m->target.len, out_inode);
        *out_why = *out_inode == 0 ? "what it is another name of is not there" : NULL;
    }
    return rc;
}

static int take_link(struct archive_import *m, struct archive_lib_reader *reader,
                     const struct archive_lib_in *in, struct node *n, uint64_t inode)
{
    void *slot = NULL;
    int rc = map_put(m->groups, &inode, &slot, NULL);
    if (rc == 0) {
        rc = take_content(m, reader, in, n);
    }
    if (rc != 0 || n->size == 0 || n->type != NODE_FILE) {
        return rc != 0 ? rc : note(m, ARCHIVE_IMPORT_LINKS, inode, n);
    }
    complete(m, in, n);
    rc = store_xattrs(m, n);
    return rc != 0 ? rc : note(m, ARCHIVE_IMPORT_DEFINES, inode, n);
}

static int take_thing(struct archive_import *m, struct archive_lib_reader *reader,
                      const struct archive_lib_in *in, struct node *n, uint64_t inode)
{
    int rc = n->type == NODE_FILE ? take_content(m, reader, in, n) : 0;
    complete(m, in, n);
    if (rc == 0) {
        rc = store_xattrs(m, n);
    }
    return rc != 0 ? rc : note(m, ARCHIVE_IMPORT_DEFINES, inode, n);
}

/* Whether the archive says enough of it to take it in; else why not. */
static const char *unfit(struct archive_lib_reader *reader, const struct archive_lib_in *in,
                         bool contents_from_disk)
{
    if (!in->known_type && in->link == NULL) {
        return "it is of an unknown kind";
    }
    if (in->node.type == NODE_FILE && in->link == NULL && in->node.size > 0 &&
        !contents_from_disk && archive_lib_reader_is_list(reader)) {
        return "a list holds no content";
    }
    return NULL;
}

/* m->path is the entry's clean path. */
static int take_named(struct archive_import *m, struct archive_lib_reader *reader,
                      const struct archive_lib_in *in, bool contents_from_disk)
{
    const char *name = in->node.path;
    const char *why = unfit(reader, in, contents_from_disk);
    struct node n = in->node;
    uint64_t inode = 0;
    int rc = 0;
    if (why == NULL && in->link != NULL) {
        rc = find_target(m, in->link, &inode, &why);
    } else if (n.type != NODE_DIR) {
        inode = ++m->inodes;
    }
    if (rc == 0 && why == NULL) {
        rc = archive_names_add(m->known, (const char *)m->path.data, m->path.len, inode, &why);
    }
    if (rc != 0) {
        return rc;
    }
    if (why != NULL) {
        return refuse(m, name, why);
    }
    if (in->encrypted) {
        err_raise(HF_EUNSUPPORTED, "it is encrypted");
        return err_hint("decrypt it, and import what comes out");
    }
    if (in->note != NULL) {
        archive_import_tell(m, ARCHIVE_IMPORT_LOSS, name, strlen(name), in->note);
    }
    return in->link != NULL ? take_link(m, reader, in, &n, inode)
                            : take_thing(m, reader, in, &n, inode);
}

static int take_entry(struct archive_import *m, struct archive_lib_reader *reader,
                      const struct archive_lib_in *in, bool contents_from_disk)
{
    enum archive_names_verdict verdict;
    const char *why = NULL;
    bool absolute = false;
    const char *name = in->node.path;
    int rc = archive_names_clean(name, m->o->strip_components, &m->path, &absolute, &verdict, &why);
    if (rc != 0 || verdict == ARCHIVE_NAMES_NONE) {
        return rc;
    }
    if (verdict == ARCHIVE_NAMES_BAD) {
        return refuse(m, name, why);
    }
    if (absolute && !m->said_absolute) {
        m->said_absolute = true;
        archive_import_tell(m, ARCHIVE_IMPORT_NOTE, name, strlen(name),
                            "leading slashes of names are taken off");
    }
    rc = take_named(m, reader, in, contents_from_disk);
    if (rc == HF_EFAIL || rc == HF_EUNSUPPORTED) {
        return err_add(rc, "%s", name);
    }
    return rc;
}

static void note_format(struct archive_import *m, struct archive_lib_reader *reader)
{
    struct archive_import_result *r = m->result;
    const char *format = archive_lib_reader_format(reader);
    const char *filter = archive_lib_reader_filter(reader);
    memcpy(r->format, format, strnlen(format, sizeof(r->format) - 1));
    memcpy(r->filter, filter, strnlen(filter, sizeof(r->filter) - 1));
}

static int gather(struct archive_import *m, const struct archive_lib_source *source)
{
    struct archive_lib_reader *reader = NULL;
    struct archive_lib_in in;
    int rc = archive_lib_reader_new(source, &reader);
    while (rc == 0 && (rc = archive_lib_reader_next(reader, &in)) == 1) {
        if (m->result->entries++ == 0) {
            note_format(m, reader);
        }
        rc = take_entry(m, reader, &in, source->contents_from_disk);
        if (rc == 0 && m->result->entries % ENTRIES_PER_TICK == 0) {
            progress(m, 0);
            rc = archive_import_cancelled(m);
        }
    }
    archive_lib_reader_free(reader);
    return rc;
}

/* ---- the run ---- */

static int open_all(struct archive_import *m)
{
    const struct archive_import_options *o = m->o;
    struct run_options run = { .pool = m->pool, .dry = o->dry_run };
    int rc = run_begin(m->repo, &run, &m->run);
    if (rc == 0) {
        rc = repopages_new(m->repo, m->run, &m->pages);
    }
    if (rc == 0) {
        rc = archive_content_new(m->repo, m->run, m->pages, &m->content);
    }
    if (rc == 0) {
        rc = archive_names_new(repo_keys(m->repo)->chunk_id_key, &m->known);
    }
    if (rc == 0) {
        rc = archive_spool_new(o->folder, o->memory != 0 ? o->memory : DEFAULT_MEMORY, &m->spool);
    }
    if (rc == 0) {
        rc = map_new(sizeof(uint64_t), sizeof(struct archive_import_group), 0, &m->groups);
    }
    return rc;
}

static void close_all(struct archive_import *m)
{
    archive_content_free(m->content);
    archive_names_free(m->known);
    archive_spool_free(m->spool);
    map_free(m->groups);
    repopages_free(m->pages);
    run_abort(m->run);
    m->content = NULL;
    m->known = NULL;
    m->spool = NULL;
    m->groups = NULL;
    m->pages = NULL;
    m->run = NULL;
}

static int publish(struct archive_import *m, const uint8_t root[PAGESTORE_ID_BYTES])
{
    static char top[] = "/";
    char *paths[] = { top };
    const struct archive_import_options *o = m->o;
    struct archive_import_result *r = m->result;
    int64_t now = clock_wall(repo_env(m->repo)->clock);
    /* A commit owns its texts; this one borrows them for the moment of being published. */
    struct commit c = {
        .class = COMMIT_FUZZY,
        .flags = COMMIT_COMPLETE | COMMIT_IMPORTED,
        .job = (char *)(o->job != NULL ? o->job : "import"),
        .host = (char *)(o->host != NULL ? o->host : ""),
        .user = (char *)(o->user != NULL ? o->user : ""),
        .paths = paths,
        .path_count = 1,
        .tags = (char **)o->tags,
        .tag_count = o->tag_count,
        .begin_ns = m->begin_ns,
        .end_ns = o->time_ns != 0 || now < m->begin_ns ? m->begin_ns : now,
        .counts = r->counts,
        .tool = (char *)(o->tool != NULL ? o->tool : "holdfast"),
    };
    uint8_t id[16];
    uint64_t number = 0;
    memcpy(c.root, root, sizeof(c.root));
    r->time_ns = c.end_ns;
    m->publishing = true;
    int rc = run_commit(&m->run, &c, id, &number);
    if ((rc == 0 && !o->dry_run) || rc == HF_EUNKNOWN) {
        memcpy(r->id, id, sizeof(r->id));
    }
    if (rc == 0) {
        r->counts.bytes_new = c.counts.bytes_new;
        r->counts.bytes_stored = c.counts.bytes_stored;
        r->published = !o->dry_run;
        r->number = number;
    }
    return rc;
}

static int attempt(struct archive_import *m, const struct archive_lib_source *source)
{
    uint8_t root[PAGESTORE_ID_BYTES];
    memset(m->result, 0, sizeof(*m->result));
    m->publishing = false;
    m->inodes = 0;
    int rc = open_all(m);
    if (rc == 0) {
        rc = gather(m, source);
    }
    m->result->counts.bytes = 0; /* of content that came; from here on, of files that are there */
    archive_names_free(m->known);
    m->known = NULL;
    if (rc == 0) {
        rc = archive_import_build(m, root);
    }
    if (rc == 0 &&
        m->result->counts.files + m->result->counts.dirs + m->result->counts.others == 0) {
        rc = err_raise(HF_ESOURCE, m->result->refused > 0 ? "nothing in it could be imported"
                                                          : "there is nothing in it");
    }
    if (rc == 0) {
        rc = publish(m, root);
    }
    close_all(m);
    return rc;
}

/* A prune took what this run relied on: all over again, if the archive can be read again. */
static int start_over(struct archive_import *m, const struct archive_lib_source *source)
{
    int64_t position = 0;
    int rc = HF_ECHANGED;
    if (source->seek != NULL) {
        rc = source->seek(source->context, 0, 0, &position);
    }
    if (rc == 0) {
        rc = repo_refresh(m->repo);
    }
    return rc != 0 ? err_add(rc, "could not begin anew after a prune removed what was relied on")
                   : 0;
}

static int find_stand_in(struct archive_import *m)
{
    struct node *n = &m->stand_in;
    int rc = names_new(&m->names);
    if (rc != 0) {
        return rc;
    }
    n->type = NODE_DIR;
    n->mode = 0755;
    n->links = 1;
    n->uid = (uint32_t)geteuid();
    n->gid = (uint32_t)getegid();
    n->user = names_of(m->names, NAMES_USER, n->uid, &n->user_len);
    n->group = names_of(m->names, NAMES_GROUP, n->gid, &n->group_len);
    n->mtime_ns = n->ctime_ns = m->begin_ns;
    return 0;
}

static void release(struct archive_import *m)
{
    pool_free(m->pool);
    names_free(m->names);
    buf_release(&m->path);
    buf_release(&m->target);
    buf_release(&m->record);
    buf_release(&m->xattrs);
}

static size_t worker_count(const struct archive_import_options *o)
{
    size_t threads = o->threads != 0 ? o->threads : pool_cores() + 1;
    return (threads < MOST_THREADS ? threads : MOST_THREADS) - 1;
}

int archive_import_run(struct repo *r, const struct archive_import_options *options,
                       const struct archive_lib_source *source,
                       const struct archive_import_events *events,
                       struct archive_import_result *out_result)
{
    const struct clock *clock = repo_env(r)->clock;
    int64_t started = clock_monotonic(clock);
    struct archive_import m = { .repo = r, .o = options, .events = events, .result = out_result };
    memset(out_result, 0, sizeof(*out_result));
    m.begin_ns = options->time_ns != 0 ? options->time_ns : clock_wall(clock);
    buf_init(&m.path);
    buf_init(&m.target);
    buf_init(&m.record);
    buf_init(&m.xattrs);
    int rc = pool_new(worker_count(options), &m.pool);
    if (rc == 0) {
        rc = find_stand_in(&m);
    }
    for (unsigned tries = 1; rc == 0; tries++) {
        rc = attempt(&m, source);
        if (rc != HF_ECHANGED || !m.publishing || tries == MOST_ATTEMPTS) {
            break;
        }
        rc = start_over(&m, source);
    }
    release(&m);
    out_result->duration_ns = clock_monotonic(clock) - started;
    if (rc == 0 && out_result->counts.errors > 0) {
        rc = err_raise(HF_EPARTIAL, "some entries were refused, or could not be held as they are");
    }
    return rc;
}
