/*
 * catalog.c - the state that a sequence of journal entries amounts to.
 *
 * Applying is a pure function of the entries in their order. What an entry says about things that
 * are not there (forgetting an unknown id, adopting a condemned segment) is void by the rules of
 * docs/design.md, not an error; what no honest client could have written is damage.
 */
#include "store/catalog.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/catalog_internal.h"

int catalog_new(const struct keyring *keys, const uint8_t repo_id[16], struct catalog **out_catalog)
{
    struct catalog *c = mem_zalloc(sizeof *c);

    if (!c) {
        return err_nomem();
    }
    c->keys = keys;
    memcpy(c->repo_id, repo_id, sizeof c->repo_id);
    if (map_new(16, sizeof(uint32_t), 0, &c->segment_by_uuid) < 0 ||
        map_new(16, sizeof(uint32_t), 0, &c->snapshot_by_id) < 0) {
        catalog_free(c);
        return HF_ENOMEM;
    }
    *out_catalog = c;
    return 0;
}

void catalog_free(struct catalog *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < c->snapshot_count; i++) {
        commit_release(&c->snapshots[i]->commit);
        mem_free(c->snapshots[i]);
    }
    mem_free(c->snapshots);
    for (size_t i = 0; i < c->gap_count; i++) {
        catalog_gap_free(c->gaps[i]);
    }
    mem_free(c->gaps);
    mem_free(c->evidence);
    mem_free(c->segments);
    mem_free(c->keys_known);
    map_free(c->segment_by_uuid);
    map_free(c->snapshot_by_id);
    mem_free(c);
}

/* Looking up */

const struct entry_init *catalog_init_entry(const struct catalog *c)
{
    return c->has_init ? &c->init : NULL;
}

size_t catalog_segment_count(const struct catalog *c)
{
    return c->segment_count;
}

const struct catalog_segment *catalog_segment(const struct catalog *c, uint32_t ordinal)
{
    return ordinal < c->segment_count ? &c->segments[ordinal] : NULL;
}

uint32_t catalog_find_segment(const struct catalog *c, const uint8_t uuid[16])
{
    const uint32_t *at = map_get(c->segment_by_uuid, uuid);

    return at ? *at : CATALOG_NO_SEGMENT;
}

bool catalog_condemned(const struct catalog *c, const uint8_t uuid[16])
{
    const uint32_t *at = map_get(c->segment_by_uuid, uuid);

    return at && (*at == CATALOG_NO_SEGMENT || c->segments[*at].condemned_by != 0);
}

bool catalog_condemned_since(const struct catalog *c, uint64_t number)
{
    for (size_t i = 0; i < c->segment_count; i++) {
        if (c->segments[i].condemned_by > number) {
            return true;
        }
    }
    return false;
}

size_t catalog_snapshot_count(const struct catalog *c)
{
    return c->snapshot_count;
}

const struct catalog_snapshot *catalog_snapshot(const struct catalog *c, size_t i)
{
    return i < c->snapshot_count ? c->snapshots[i] : NULL;
}

static struct catalog_snapshot *find_snapshot(const struct catalog *c, const uint8_t id[16])
{
    const uint32_t *at = map_get(c->snapshot_by_id, id);

    return at ? c->snapshots[*at] : NULL;
}

const struct catalog_snapshot *catalog_find_snapshot(const struct catalog *c, const uint8_t id[16])
{
    return find_snapshot(c, id);
}

uint64_t catalog_entry_count(const struct catalog *c)
{
    return c->entries;
}

size_t catalog_key_count(const struct catalog *c)
{
    return c->key_count;
}

const struct catalog_key *catalog_key(const struct catalog *c, size_t i)
{
    return i < c->key_count ? &c->keys_known[i] : NULL;
}

static bool is_first_key(const struct catalog *c, const uint8_t *fingerprint)
{
    static const uint8_t none[sizeof c->init.first_key];

    return memcmp(c->init.first_key, none, sizeof none) != 0 &&
           memcmp(c->init.first_key, fingerprint, sizeof none) == 0;
}

static struct catalog_key *find_key(const struct catalog *c,
                                    const uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES])
{
    for (size_t i = 0; i < c->key_count; i++) {
        struct catalog_key *k = &c->keys_known[i];

        if (memcmp(k->way.fingerprint, fingerprint, sizeof k->way.fingerprint) == 0) {
            return k;
        }
    }
    return NULL;
}

const struct catalog_key *catalog_find_key(const struct catalog *c,
                                           const uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES])
{
    return find_key(c, fingerprint);
}

enum catalog_key_state catalog_key_state(const struct catalog *c,
                                         const uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES])
{
    const struct catalog_key *k = find_key(c, fingerprint);

    if (k) {
        return k->removed_by ? CATALOG_KEY_REMOVED : CATALOG_KEY_VALID;
    }
    return is_first_key(c, fingerprint) ? CATALOG_KEY_VALID : CATALOG_KEY_UNKNOWN;
}

/* Adding */

int catalog_add_segment(struct catalog *c, const struct catalog_segment *s)
{
    void *value;
    bool is_new;
    uint32_t ordinal = (uint32_t)c->segment_count;
    int rc;

    if (c->segment_count >= CATALOG_NO_SEGMENT) {
        return err_raise(HF_ELIMIT, "too many segments"); /* LCOV_EXCL_LINE: four billion of them */
    }
    rc = mem_grow(&c->segments, &c->segment_cap, c->segment_count + 1, sizeof *c->segments);
    if (rc == 0) {
        rc = map_put(c->segment_by_uuid, s->uuid, &value, &is_new);
    }
    if (rc < 0) {
        return rc;
    }
    memcpy(value, &ordinal, sizeof ordinal);
    c->segments[c->segment_count++] = *s;
    return 0;
}

int catalog_add_snapshot(struct catalog *c, struct catalog_snapshot *s)
{
    struct catalog_snapshot *own = mem_alloc(sizeof *own);
    void *value;
    uint32_t at = (uint32_t)c->snapshot_count;
    int rc = own ? 0 : err_nomem();

    if (rc == 0) {
        rc = mem_grow(&c->snapshots, &c->snapshot_cap, c->snapshot_count + 1,
                      sizeof(struct catalog_snapshot *));
    }
    if (rc == 0) {
        rc = map_put(c->snapshot_by_id, s->id, &value, NULL);
    }
    if (rc < 0) {
        mem_free(own);
        return rc;
    }
    memcpy(value, &at, sizeof at);
    *own = *s;
    c->snapshots[c->snapshot_count++] = own;
    memset(&s->commit, 0, sizeof s->commit);
    return 0;
}

int catalog_add_key(struct catalog *c, const struct catalog_key *k)
{
    int rc = mem_grow(&c->keys_known, &c->key_cap, c->key_count + 1, sizeof *c->keys_known);

    if (rc == 0) {
        c->keys_known[c->key_count++] = *k;
    }
    return rc;
}

/* Applying one entry, item by item */

static int apply_adopt(struct catalog *c, const struct journal_entry *e,
                       const struct entry_view *item)
{
    struct entry_adopt a;
    struct catalog_segment s = { .adopted_by = e->seal.number };
    int rc = entry_get_adopt(item, &a);

    if (rc < 0) {
        return rc;
    }
    if (catalog_condemned(c, a.uuid)) {
        return 0; /* a condemned UUID is dead for ever: adopting it is void */
    }
    if (catalog_find_segment(c, a.uuid) != CATALOG_NO_SEGMENT) {
        return err_raise(HF_EDAMAGE, "it adopts a segment that was adopted before");
    }
    memcpy(s.uuid, a.uuid, sizeof s.uuid);
    memcpy(s.trailer_hash, a.trailer_hash, sizeof s.trailer_hash);
    s.file_len = a.file_len;
    return catalog_add_segment(c, &s);
}

static int apply_init(struct catalog *c, const struct journal_entry *e,
                      const struct entry_view *item)
{
    struct entry_init init;
    int rc = entry_get_init(item, &init);

    if (rc == 0 && (c->has_init || e->seal.number != 1)) {
        rc = err_raise(HF_EDAMAGE, "it claims to begin the repository");
    }
    if (rc == 0) {
        c->init = init;
        c->has_init = true;
    }
    return rc;
}

static int apply_commit(struct catalog *c, const struct journal_entry *e,
                        const struct entry_view *item)
{
    struct catalog_snapshot s = { .number = e->seal.number,
                                  .published_ns = e->seal.time_ns,
                                  .partial = item->type == ENTRY_PARTIAL };
    struct buf plain;
    int rc;

    memcpy(s.id, e->seal.uuid, sizeof s.id);
    if (find_snapshot(c, s.id)) {
        return err_raise(HF_EDAMAGE, "its id was used before");
    }
    buf_init(&plain);
    rc = entry_get_sealed(item, c->keys, c->repo_id, e->seal.uuid, NULL, &plain);
    if (rc == 0) {
        rc = commit_decode(plain.data, plain.len, &s.commit);
    }
    if (rc == 0) {
        rc = catalog_add_snapshot(c, &s);
        commit_release(&s.commit);
    }
    if (rc == 0 && !s.partial) {
        catalog_close_gaps(c, c->snapshots[c->snapshot_count - 1]);
    }
    buf_release(&plain);
    return rc;
}

static int apply_forget(struct catalog *c, const struct journal_entry *e,
                        const struct entry_view *item)
{
    const uint8_t *ids;
    size_t count;
    uint64_t view;
    int rc = entry_get_list(item, &view, &ids, &count);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct catalog_snapshot *s = find_snapshot(c, ids + 16 * i);

        if (!s) {
            continue;
        }
        if (item->type == ENTRY_UNFORGET) {
            s->forgotten_by = 0;
        } else if (s->forgotten_by == 0) {
            s->forgotten_by = e->seal.number;
        }
    }
    return rc;
}

int catalog_condemn(struct catalog *c, const uint8_t uuid[16], uint64_t number)
{
    uint32_t ordinal = catalog_find_segment(c, uuid);
    uint32_t none = CATALOG_NO_SEGMENT;
    void *value;
    bool is_new;
    int rc;

    if (ordinal != CATALOG_NO_SEGMENT) {
        if (c->segments[ordinal].condemned_by == 0) {
            c->segments[ordinal].condemned_by = number;
        }
        return 0;
    }
    rc = map_put(c->segment_by_uuid, uuid, &value, &is_new);
    if (rc == 0 && is_new) {
        memcpy(value, &none, sizeof none);
    }
    return rc;
}

static int apply_condemn(struct catalog *c, const struct journal_entry *e,
                         const struct entry_view *item)
{
    const uint8_t *uuids;
    uint64_t view;
    size_t count;
    int rc = entry_get_list(item, &view, &uuids, &count);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = catalog_condemn(c, uuids + 16 * i, e->seal.number);
    }
    return rc;
}

/* There is room for it. What was removed does not come back. */
static void note_way(struct catalog *c, const struct journal_entry *e,
                     const struct keychange_way *way, bool removed)
{
    struct catalog_key *k = find_key(c, way->fingerprint);

    if (!k) {
        k = &c->keys_known[c->key_count++];
        *k = (struct catalog_key){ .way = *way };
        if (is_first_key(c, way->fingerprint)) {
            k->added_by = 1;
            k->added_ns = c->init.created_ns;
        } else if (!removed) {
            k->added_by = e->seal.number;
            k->added_ns = e->seal.time_ns;
        }
    }
    if (removed && k->removed_by == 0) {
        k->removed_by = e->seal.number;
    }
}

static int note_ways(struct catalog *c, const struct journal_entry *e,
                     const struct keychange *change)
{
    size_t more = 1 + change->added_count + change->removed_count;
    int rc = mem_grow(&c->keys_known, &c->key_cap, c->key_count + more, sizeof *c->keys_known);

    if (rc < 0) {
        return rc;
    }
    note_way(c, e, &change->by, false);
    for (size_t i = 0; i < change->added_count; i++) {
        note_way(c, e, &change->added[i], false);
    }
    for (size_t i = 0; i < change->removed_count; i++) {
        note_way(c, e, &change->removed[i], true);
    }
    return 0;
}

static int apply_key(struct catalog *c, const struct journal_entry *e,
                     const struct entry_view *item)
{
    struct keychange change;
    unsigned kind = 0;
    struct buf plain;
    int rc;

    buf_init(&plain);
    rc = entry_get_sealed(item, c->keys, c->repo_id, e->seal.uuid, &kind, &plain);
    if (rc == 0 && kind != ENTRY_KEY_WAYS) {
        err_raise(HF_ENEWER, "it changes keys in a way that is not known");
        rc = err_hint("install a newer holdfast");
    }
    if (rc == 0) {
        rc = keychange_decode(plain.data, plain.len, &change);
    }
    if (rc == 0) {
        rc = note_ways(c, e, &change);
        keychange_release(&change);
    }
    buf_release(&plain);
    return rc;
}

static int apply_tags(struct catalog *c, const struct buf *plain)
{
    struct commit tagged = { 0 };
    struct catalog_snapshot *s;
    uint8_t id[16];
    int rc = commit_tags_decode(plain->data, plain->len, id, &tagged);

    s = rc == 0 ? find_snapshot(c, id) : NULL;
    if (s) {
        rc = commit_set_tags(&s->commit, tagged.tags, tagged.tag_count);
    }
    commit_release(&tagged);
    return rc;
}

static int apply_event(struct catalog *c, const struct journal_entry *e,
                       const struct entry_view *item)
{
    unsigned kind;
    struct buf plain;
    int rc;

    buf_init(&plain);
    rc = entry_get_sealed(item, c->keys, c->repo_id, e->seal.uuid, &kind, &plain);
    if (rc == 0 && kind == ENTRY_EVENT_TAG) {
        rc = apply_tags(c, &plain);
    } else if (rc == 0 && kind == ENTRY_EVENT_GAP) {
        rc = catalog_apply_gap(c, e, &plain);
    } else if (rc == 0 && kind == ENTRY_EVENT_EVIDENCE) {
        rc = catalog_apply_evidence(c, e, &plain);
    }
    buf_release(&plain);
    return rc;
}

static int apply_item(struct catalog *c, const struct journal_entry *e,
                      const struct entry_view *item)
{
    switch (item->type) {
    case ENTRY_ADOPT:
        return apply_adopt(c, e, item);
    case ENTRY_INIT:
        return apply_init(c, e, item);
    case ENTRY_COMMIT:
    case ENTRY_PARTIAL:
        return apply_commit(c, e, item);
    case ENTRY_FORGET:
    case ENTRY_UNFORGET:
        return apply_forget(c, e, item);
    case ENTRY_CONDEMN:
        return apply_condemn(c, e, item);
    case ENTRY_KEY:
        return apply_key(c, e, item);
    case ENTRY_EVENT:
        return apply_event(c, e, item);
    }
    return err_raise(HF_ENEWER, "it needs a newer holdfast"); /* unreachable: the walk refuses it */
}

/* Whether all items can be walked through, and the first entry begins a repository. */
static int check_items(const struct catalog *c, const struct journal_entry *e)
{
    struct entry_walk walk;
    struct entry_view item;
    bool begun = c->has_init;
    int rc;

    entry_walk_init(&walk, e->body, e->body_len);
    while ((rc = entry_walk_next(&walk, &item)) > 0) {
        begun = begun || item.type == ENTRY_INIT;
    }
    if (rc == 0 && !begun) {
        rc = err_raise(HF_EDAMAGE, "the first entry does not begin a repository");
    }
    return rc;
}

static int apply_items(struct catalog *c, const struct journal_entry *e)
{
    struct entry_walk walk;
    struct entry_view item;
    int rc;

    entry_walk_init(&walk, e->body, e->body_len);
    while ((rc = entry_walk_next(&walk, &item)) > 0) {
        rc = apply_item(c, e, &item);
        if (rc < 0) {
            return rc;
        }
    }
    return rc;
}

/*
 * An entry counts wholly or not at all: it may be applied again after memory ran out, and one that
 * is damaged leaves nothing behind. The one item that acts comes last and fails before it changes
 * anything (but for CONDEMN, which may be half done: again is the same), so that what is to be
 * undone is the adoptions before it.
 */
int catalog_apply(struct catalog *c, const struct journal_entry *e)
{
    size_t segments = c->segment_count;
    int rc = check_items(c, e);

    if (rc == 0) {
        rc = apply_items(c, e);
    }
    while (rc < 0 && c->segment_count > segments) {
        map_remove(c->segment_by_uuid, c->segments[--c->segment_count].uuid);
    }
    c->entries += rc == 0;
    return rc;
}
