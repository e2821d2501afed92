/*
 * run.c - from stored chunks to an acknowledged entry. See run.h.
 *
 * Order is everything here. Segments are synced and named; segments/ is synced; only then is the
 * entry that adopts them published (journal.h), validated against the state at the tip: whatever
 * was condemned meanwhile, or before this client's view, must not be relied on.
 */
#include "store/run.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/run_internal.h"

#define ID_PREFIX 16
#define PARTIAL_CHUNKS ((size_t)3 << 16) /* of a run, not yet published: some 25 MiB of memory */

int run_begin(struct repo *r, const struct run_options *options, struct run **out_run)
{
    struct run *x;
    struct index *index;
    int rc;

    rc = repo_may_write(r);
    if (rc == 0) {
        rc = repo_index(r, &index);
    }
    if (rc < 0) {
        return rc;
    }
    x = mem_zalloc(sizeof *x);
    if (!x) {
        return err_nomem();
    }
    x->repo = r;
    x->options = *options;
    x->writers_end = &x->writers;
    rc = map_new(ID_PREFIX, 1, 0, &x->known);
    if (rc < 0) {
        mem_free(x);
        return rc;
    }
    *out_run = x;
    return 0;
}

void run_abort(struct run *x)
{
    if (x) {
        run_release_blocks(x);
        map_free(x->known);
        mem_free(x->relied);
        mem_free(x);
    }
}

/*
 * A failure may have taken chunks that others are told are stored, left the outcome of an entry
 * open, or a folder unsynced that the next sync would wrongly call safe. So nothing of this run may
 * be acknowledged any more.
 */
int run_may_go_on(const struct run *x)
{
    return x->failed ? err_raise(HF_EFAIL, "this backup has failed before") : 0;
}

static int reserve_relied(struct run *x, size_t segments)
{
    size_t before = x->relied_cap;
    int rc = mem_grow(&x->relied, &x->relied_cap, segments, 1);

    if (x->relied_cap > before) {
        memset(x->relied + before, 0, x->relied_cap - before);
    }
    return rc;
}

static int rely_on(struct run *x, uint32_t segment)
{
    int rc = reserve_relied(x, (size_t)segment + 1);

    if (rc == 0) {
        x->relied[segment] = 1;
    }
    return rc;
}

int run_has(struct run *x, const uint8_t id[32], bool *out_known)
{
    struct index_home home;
    int rc;

    *out_known = map_get(x->known, id) != NULL;
    if (*out_known) {
        return 0;
    }
    rc = repo_index_get(x->repo, id, &home);
    if (rc == HF_EABSENT) {
        return 0;
    }
    *out_known = rc == 0;
    return rc == 0 ? rely_on(x, home.segment) : rc;
}

int run_add_page(struct run *x, const void *data, size_t len, uint8_t out_id[32])
{
    struct cipher_id *ids = NULL;
    bool is_new;
    int rc = cipher_id_new(x->repo->keys->chunk_id_key, &ids);

    if (rc == 0) {
        rc = cipher_id_of(ids, data, len, out_id);
    }
    if (rc == 0) {
        rc = run_add(x, SEGMENT_PAGES, out_id, data, len, &is_new);
    }
    cipher_id_free(ids);
    return rc;
}

void run_rely_on_parent(struct run *x, const uint8_t commit_id[16])
{
    memcpy(x->parent, commit_id, sizeof x->parent);
    x->has_parent = true;
}

uint64_t run_bytes_new(const struct run *x)
{
    return x->bytes_new;
}

uint64_t run_bytes_stored(const struct run *x)
{
    return x->bytes_placed;
}

/*
 * By what was added, not by what is written already: the latter depends on timing, and where the
 * blocks are cut must not. The number of chunks counts as well, since each takes memory meanwhile.
 */
bool run_partial_due(const struct run *x)
{
    return x->options.partial_bytes > 0 && !x->options.dry &&
           (x->bytes_new - x->new_at_partial >= x->options.partial_bytes ||
            map_count(x->known) >= PARTIAL_CHUNKS);
}

/* Validation: nothing that this run relies on or adopts may be condemned */

static int validate_relied(const struct run *x)
{
    const struct catalog *c = x->repo->catalog;

    for (uint32_t i = 0; i < x->relied_cap; i++) {
        if (x->relied[i] && catalog_segment(c, i)->condemned_by != 0) {
            return err_raise(HF_ECHANGED, "a segment that holds chunks of this backup was removed");
        }
    }
    return 0;
}

static int validate_adopted(const struct run *x)
{
    const struct catalog *c = x->repo->catalog;

    for (const struct run_writer *w = x->writers; w; w = w->next) {
        if (catalog_condemned(c, w->adopt.uuid)) {
            return err_raise(HF_ECHANGED, "a segment of this backup was taken for garbage");
        }
        if (catalog_find_segment(c, w->adopt.uuid) != CATALOG_NO_SEGMENT) {
            return err_raise(HF_ECHANGED, "a segment of this backup was adopted before");
        }
    }
    return 0;
}

/*
 * Pages taken over unread vouch for all below them only while their snapshot is live. Nothing may
 * have been condemned since an unfinished run, which no rule protects, stored what is taken over.
 */
static int validate_parent(const struct run *x)
{
    const struct catalog *c = x->repo->catalog;
    const struct catalog_snapshot *s = catalog_find_snapshot(c, x->parent);

    if (!x->has_parent) {
        return 0;
    }
    if (!s || s->forgotten_by != 0) {
        return err_raise(HF_ECHANGED, "the parent snapshot was forgotten meanwhile");
    }
    if (s->partial && catalog_condemned_since(c, s->number)) {
        return err_raise(HF_ECHANGED, "what an unfinished backup had stored was removed");
    }
    return 0;
}

int run_validate_view(struct repo *r, uint64_t view, const char *rule)
{
    if (fs_enforces(r->env.fs, rule) && catalog_condemned_since(r->catalog, view)) {
        return err_raise(HF_ECHANGED, "data were pruned meanwhile");
    }
    return 0;
}

static int validate(const struct run *x)
{
    struct fs *fs = x->repo->env.fs;
    int rc = 0;

    if (fs_enforces(fs, "validate.relied")) {
        rc = validate_relied(x);
    }
    if (rc == 0 && fs_enforces(fs, "validate.adopted")) {
        rc = validate_adopted(x);
    }
    if (rc == 0 && fs_enforces(fs, "validate.parent")) {
        rc = validate_parent(x);
    }
    return rc;
}

/* Publishing */

struct proposal {
    struct run *run;
    const struct run_entry *item;
    const uint8_t *uuid;
};

/*
 * Once adopted, our segments are relied on like anybody's: a prune may condemn what a partial has
 * adopted. Room for that is made before publication, for nothing may fail after it.
 */
static int reserve_own(struct run *x)
{
    size_t count = catalog_segment_count(x->repo->catalog);

    for (const struct run_writer *w = x->writers; w; w = w->next) {
        count++;
    }
    return reserve_relied(x, count);
}

static int build_body(void *context, struct buf *body)
{
    const struct proposal *p = context;
    int rc = validate(p->run);

    if (rc == 0) {
        rc = reserve_own(p->run);
    }
    for (const struct run_writer *w = p->run->writers; rc == 0 && w; w = w->next) {
        entry_put_adopt(body, &w->adopt);
    }
    return rc < 0 ? rc : p->item->build(p->item->context, p->run->repo->catalog, p->uuid, body);
}

static void rely_on_own(struct run *x)
{
    if (!fs_enforces(x->repo->env.fs, "validate.own")) {
        return;
    }
    for (const struct run_writer *w = x->writers; w; w = w->next) {
        uint32_t ordinal = catalog_find_segment(x->repo->catalog, w->adopt.uuid);

        if (ordinal < x->relied_cap) {
            x->relied[ordinal] = 1;
        }
    }
}

static const struct run_writer *own_segment(const struct run *x, const uint8_t uuid[16])
{
    for (const struct run_writer *w = x->writers; w; w = w->next) {
        if (memcmp(w->adopt.uuid, uuid, 16) == 0) {
            return w;
        }
    }
    return NULL;
}

/* What was adopted goes into the index: our own without reading it back. */
static int index_adopted(struct run *x)
{
    struct repo *r = x->repo;

    for (; r->indexed < catalog_segment_count(r->catalog); r->indexed++) {
        const struct catalog_segment *s = catalog_segment(r->catalog, r->indexed);
        const struct run_writer *own = own_segment(x, s->uuid);
        int rc = 0;

        if (own) {
            rc = repo_index_footer(r, r->indexed, segwriter_contents(own->segment));
        } else if (s->condemned_by == 0) {
            rc = repo_index_segment(r, r->indexed);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* After the acknowledgement nothing can fail any more: a broken index is built anew next time. */
static void settle(struct run *x)
{
    for (const struct run_writer *w = x->writers; w; w = w->next) {
        x->bytes_adopted += w->adopt.file_len;
    }
    rely_on_own(x);
    if (index_adopted(x) < 0) {
        log_write(LOG_LEVEL_WARN, "the index is built anew: %s", err_last()->text);
        err_clear();
        index_clear(x->repo->index);
        x->repo->indexed = 0;
    }
    run_release_writers(x);
    map_clear(x->known);
    repo_remember(x->repo);
}

static uint64_t bytes_to_adopt(const struct run *x)
{
    uint64_t sum = x->bytes_adopted;

    for (const struct run_writer *w = x->writers; w; w = w->next) {
        sum += w->adopt.file_len;
    }
    return sum;
}

/* All that is stored becomes durable, then the entry that says so. */
static int flush_and_publish(struct run *x, const struct run_entry *item, uint8_t out_id[16])
{
    struct proposal p = { .run = x, .item = item, .uuid = out_id };
    struct journal_draft draft = { .validate = build_body, .context = &p };
    int rc = run_flush(x);

    if (rc == 0 && x->writers) {
        rc = fs_sync_dir(x->repo->env.fs, "segments", "segment.names");
    }
    if (rc == 0) {
        rc = rnd_uuid(x->repo->env.rnd, out_id);
    }
    if (rc < 0) {
        return rc;
    }
    memcpy(draft.uuid, out_id, sizeof draft.uuid);
    rc = repo_publish(x->repo, &draft);
    if (rc == 0) {
        settle(x);
    }
    return rc;
}

static int publish(struct run *x, const struct run_entry *item, uint8_t out_id[16])
{
    int rc = run_may_go_on(x);

    if (rc == 0) {
        rc = flush_and_publish(x, item, out_id);
        x->failed = rc < 0;
    }
    return rc;
}

struct commit_item {
    struct run *run;
    enum entry_item type;
    struct commit *commit;
};

static int build_commit(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                        struct buf *body)
{
    const struct commit_item *i = context;
    const struct repo *r = i->run->repo;
    struct commit said;
    struct buf plain;
    int rc;

    i->commit->counts.bytes_new = i->run->bytes_new;
    i->commit->counts.bytes_stored = bytes_to_adopt(i->run);
    said = *i->commit; /* what it points to stays the caller's */
    if (catalog_inside_gap(catalog, &said)) {
        said.flags &= (uint8_t)~COMMIT_COMPLETE;
    }
    buf_init(&plain);
    rc = commit_encode(&said, &plain);
    if (rc == 0) {
        rc = entry_put_sealed(body, i->type, 0, r->keys, r->id, uuid, r->env.rnd, plain.data,
                              plain.len);
    }
    buf_release(&plain);
    return rc;
}

static int publish_commit(struct run *x, enum entry_item type, struct commit *c, uint8_t out_id[16])
{
    struct commit_item item = { .run = x, .type = type, .commit = c };
    struct run_entry entry = { .build = build_commit, .context = &item };

    return publish(x, &entry, out_id);
}

int run_partial(struct run *x, const struct commit *so_far)
{
    struct commit c = *so_far; /* its counts are filled in; what it points to stays the caller's */
    uint8_t id[16];
    int rc = publish_commit(x, ENTRY_PARTIAL, &c, id);

    x->new_at_partial = x->bytes_new;
    return rc < 0 ? err_add(rc, "could not keep what was stored so far") : 0;
}

int run_commit(struct run **x, struct commit *c, uint8_t out_id[16], uint64_t *out_number)
{
    struct run *run = *x;
    int rc;

    *x = NULL;
    *out_number = 0;
    memset(out_id, 0, 16);
    if (run->options.dry) {
        c->counts.bytes_new = run->bytes_new;
        run_abort(run);
        return 0;
    }
    rc = publish_commit(run, ENTRY_COMMIT, c, out_id);
    if (rc == 0) {
        *out_number = journal_at(run->repo->journal)->number;
    }
    run_abort(run);
    return rc;
}

int run_condemn(struct run **x, const struct run_entry *entry, uint64_t *out_number,
                uint64_t *out_bytes)
{
    struct run *run = *x;
    uint8_t id[16];
    int rc = publish(run, entry, id);

    *x = NULL;
    *out_number = rc == 0 ? journal_at(run->repo->journal)->number : 0;
    *out_bytes = run->bytes_adopted;
    run_abort(run);
    return rc;
}

/* Entries without data */

struct plain_proposal {
    struct repo *repo;
    const struct run_entry *entry;
    const uint8_t *uuid;
};

static int build_plain(void *context, struct buf *body)
{
    const struct plain_proposal *p = context;

    return p->entry->build(p->entry->context, p->repo->catalog, p->uuid, body);
}

int run_publish(struct repo *r, const struct run_entry *entry, uint8_t out_id[16],
                uint64_t *out_number)
{
    struct plain_proposal p = { .repo = r, .entry = entry, .uuid = out_id };
    struct journal_draft draft = { .validate = build_plain, .context = &p };
    int rc = repo_may_write(r);

    if (rc == 0) {
        rc = rnd_uuid(r->env.rnd, out_id);
    }
    if (rc < 0) {
        return rc;
    }
    memcpy(draft.uuid, out_id, sizeof draft.uuid);
    rc = repo_publish(r, &draft);
    if (rc < 0) {
        return rc;
    }
    *out_number = journal_at(r->journal)->number;
    repo_remember(r);
    return 0;
}
