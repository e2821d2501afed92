/*
 * audit_words.c - journal entries in one sentence each. See audit_internal.h.
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/audit_internal.h"

#define NAMED_MAX 8u /* snapshots, paths and keys named one by one */

void audit_teller_init(struct repo *r, const char *job, struct audit_teller *out)
{
    memset(out, 0, sizeof *out);
    out->repo = r;
    out->job = job;
    buf_init(&out->words.text);
    if (repo_keys_list(r, &out->keys) != 0) { /* a name less: what it says stands without */
        err_clear();
    }
}

static void clear_words(struct audit_words *w)
{
    mem_free(w->job);
    mem_free(w->host);
    mem_free(w->user);
    w->job = w->host = w->user = NULL;
    w->key = NULL;
    w->of_job = w->of_several = false;
    w->type = AUDIT_ADOPT;
    buf_clear(&w->text);
}

void audit_teller_release(struct audit_teller *t)
{
    clear_words(&t->words);
    buf_release(&t->words.text);
    repo_keys_release(&t->keys);
}

/* --- pieces --- */

int audit_set(char **field, const char *text)
{
    mem_free(*field);
    *field = text == NULL || text[0] == '\0' ? NULL : mem_strdup(text);
    return *field != NULL || text == NULL || text[0] == '\0' ? 0 : err_nomem();
}

int audit_note_job(struct audit_teller *t, const char *job)
{
    struct audit_words *w = &t->words;

    w->of_job = w->of_job || (t->job != NULL && strcmp(t->job, job) == 0);
    if (w->job != NULL && strcmp(w->job, job) != 0) {
        w->of_several = true;
    }
    return audit_set(&w->job, w->of_several ? NULL : job);
}

void audit_put_id(struct buf *b, const uint8_t id[16])
{
    char hex[9];

    buf_printf(b, "%s", text_hex(id, 4, hex));
}

void audit_put_count(struct buf *b, uint64_t n, const char *one, const char *many)
{
    char text[TEXT_SIZE_BYTES];

    buf_printf(b, "%s %s", text_count(n, text), n == 1 ? one : many);
}

void audit_put_size(struct buf *b, uint64_t bytes)
{
    char text[TEXT_SIZE_BYTES];

    buf_printf(b, "%s", text_size(bytes, text));
}

void audit_put_time(struct buf *b, int64_t ns)
{
    char text[TEXT_TIME_BYTES];

    buf_printf(b, "%s", text_time_local(ns, text));
}

void audit_put_origin(struct buf *b, const char *job, const char *host)
{
    if (job != NULL && job[0] != '\0') {
        buf_printf(b, " of job %s", job);
    }
    if (host != NULL && host[0] != '\0') {
        buf_printf(b, " on host %s", host);
    }
}

/* Names the first of a list, and counts the rest. */
static void put_list(struct buf *b, char *const *list, size_t count)
{
    for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
        buf_printf(b, "%s%s", i == 0 ? "" : ", ", list[i]);
    }
    if (count > NAMED_MAX) {
        buf_printf(b, " and ");
        audit_put_count(b, count - NAMED_MAX, "more", "more");
    }
}

static void put_paths(struct buf *b, const struct commit *c)
{
    if (c->path_count > 0) {
        buf_printf(b, " of ");
        put_list(b, c->paths, c->path_count);
    }
}

const char *audit_key_name(struct audit_teller *t,
                           const uint8_t fingerprint[KEYFILE_FINGERPRINT_BYTES])
{
    for (size_t i = 0; i < t->keys.count; i++) {
        const struct repo_key *k = &t->keys.list[i];

        if (memcmp(k->fingerprint, fingerprint, sizeof k->fingerprint) == 0 && k->name[0] != '\0') {
            return k->name;
        }
    }
    /* One that is gone is known to the journal, by its file. */
    const struct catalog_key *known = catalog_find_key(repo_catalog(t->repo), fingerprint);
    return known == NULL ? NULL : known->way.file;
}

/* --- what is sealed --- */

static int tell_commit(struct audit_teller *t, const struct commit *c, const uint8_t id[16])
{
    struct audit_words *w = &t->words;
    const struct commit_counts *n = &c->counts;
    struct buf *b = &w->text;
    int rc = audit_note_job(t, c->job);

    rc = rc != 0 ? rc : audit_set(&w->host, c->host);
    rc = rc != 0 ? rc : audit_set(&w->user, c->user);
    if (w->type == AUDIT_PARTIAL) {
        buf_printf(b, "what an unfinished backup has stored so far");
    } else {
        buf_printf(b, "snapshot ");
        audit_put_id(b, id);
    }
    put_paths(b, c);
    audit_put_origin(b, c->job, c->host);
    buf_printf(b, ": ");
    audit_put_count(b, n->files, "file", "files");
    buf_printf(b, ", ");
    audit_put_size(b, n->bytes);
    buf_printf(b, "; ");
    audit_put_size(b, n->bytes_stored);
    buf_printf(b, " stored");
    if (n->errors > 0) {
        buf_printf(b, "; ");
        audit_put_count(b, n->errors, "could not be read", "could not be read");
    }
    return rc;
}

static int tell_plain_commit(struct audit_teller *t, const struct journal_entry *e,
                             const struct buf *plain)
{
    struct commit c;
    int rc = commit_decode(plain->data, plain->len, &c);

    if (rc == 0) {
        rc = tell_commit(t, &c, e->seal.uuid);
        commit_release(&c);
    }
    return rc;
}

static void put_way(struct buf *b, const char *before, const struct keychange_way *w)
{
    char name[KEYCHANGE_NAME_MAX + 1];
    unsigned generation;
    bool named = keychange_parse_file(w->file, name, &generation);

    buf_printf(b, "%s%s %s", before, keychange_kind_name(w->kind), named ? name : w->file);
}

static int tell_keys(struct audit_teller *t, const struct buf *plain)
{
    struct buf *b = &t->words.text;
    struct keychange c;
    int rc = keychange_decode(plain->data, plain->len, &c);

    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < c.added_count; i++) {
        put_way(b, i == 0 ? "added the " : ", the ", &c.added[i]);
    }
    for (size_t i = 0; i < c.removed_count; i++) {
        put_way(b,
                i > 0        ? ", the "
                : b->len > 0 ? "; removed the "
                             : "removed the ",
                &c.removed[i]);
    }
    t->words.key = audit_key_name(t, c.by.fingerprint);
    keychange_release(&c);
    return 0;
}

static int tell_sealed(struct audit_teller *t, const struct journal_entry *e,
                       const struct entry_view *item)
{
    struct buf plain;
    unsigned kind = 0;
    int rc;

    buf_init(&plain);
    rc = entry_get_sealed(item, repo_keys(t->repo), repo_id(t->repo), e->seal.uuid, &kind, &plain);
    if (rc == HF_EDENIED) {
        err_clear();
        t->words.type = item->type == ENTRY_COMMIT    ? AUDIT_COMMIT
                        : item->type == ENTRY_PARTIAL ? AUDIT_PARTIAL
                        : item->type == ENTRY_KEY     ? AUDIT_KEY
                                                      : AUDIT_EVENT;
        buf_printf(&t->words.text, "what it says is not for this key");
        rc = 0;
    } else if (rc == 0 && item->type == ENTRY_KEY) {
        t->words.type = AUDIT_KEY;
        rc = tell_keys(t, &plain);
    } else if (rc == 0 && item->type == ENTRY_EVENT) {
        rc = audit_tell_event(t, kind, &plain);
    } else if (rc == 0) {
        t->words.type = item->type == ENTRY_COMMIT ? AUDIT_COMMIT : AUDIT_PARTIAL;
        rc = tell_plain_commit(t, e, &plain);
    }
    /* Of a newer program: it is there and whole, only not in words. */
    if (rc == HF_ENEWER) {
        err_clear();
        buf_clear(&t->words.text);
        buf_printf(&t->words.text,
                   "written by a newer holdfast, in a form that this one can't read");
        rc = 0;
    }
    buf_release(&plain);
    return rc;
}

/* --- what stands in the clear --- */

static int tell_forget(struct audit_teller *t, const struct entry_view *item)
{
    const struct catalog *catalog = repo_catalog(t->repo);
    struct buf *b = &t->words.text;
    const uint8_t *ids;
    uint64_t view;
    size_t count;
    int rc = entry_get_list(item, &view, &ids, &count);

    if (rc != 0) {
        return rc;
    }
    buf_printf(b, item->type == ENTRY_FORGET ? "forgot " : "brought back ");
    audit_put_count(b, count, "snapshot", "snapshots");
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct catalog_snapshot *s = catalog_find_snapshot(catalog, ids + 16 * i);

        rc = s == NULL ? 0 : audit_note_job(t, s->commit.job);
        if (i < NAMED_MAX) {
            buf_printf(b, i == 0 ? ": " : ", ");
            audit_put_id(b, ids + 16 * i);
        }
    }
    if (count > NAMED_MAX) {
        buf_printf(b, " and ");
        audit_put_count(b, count - NAMED_MAX, "more", "more");
    }
    audit_put_origin(b, t->words.job, NULL);
    return rc;
}

struct adopted { /* by an entry */
    uint64_t count, bytes;
};

static int tell_condemn(struct audit_teller *t, const struct entry_view *item,
                        const struct adopted *adopted)
{
    const struct catalog *catalog = repo_catalog(t->repo);
    struct buf *b = &t->words.text;
    uint64_t view, bytes = 0, strangers = 0;
    const uint8_t *ids;
    size_t count;
    int rc = entry_get_list(item, &view, &ids, &count);

    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t ordinal = catalog_find_segment(catalog, ids + 16 * i);

        strangers += ordinal == CATALOG_NO_SEGMENT;
        bytes += ordinal == CATALOG_NO_SEGMENT ? 0 : catalog_segment(catalog, ordinal)->file_len;
    }
    buf_printf(b, "condemned ");
    audit_put_count(b, count - strangers, "segment", "segments");
    buf_printf(b, " (");
    audit_put_size(b, bytes);
    buf_printf(b, ")");
    if (strangers > 0) {
        buf_printf(b, " and ");
        audit_put_count(b, strangers, "file that no entry adopted", "files that no entry adopted");
    }
    if (adopted->count > 0) {
        buf_printf(b, "; what is still needed was copied to ");
        audit_put_count(b, adopted->count, "segment", "segments");
        buf_printf(b, " (");
        audit_put_size(b, adopted->bytes);
        buf_printf(b, ")");
    }
    return 0;
}

static int tell_item(struct audit_teller *t, const struct journal_entry *e,
                     const struct entry_view *item, struct adopted *adopted)
{
    struct entry_adopt a;
    int rc;

    switch (item->type) {
    case ENTRY_ADOPT:
        rc = entry_get_adopt(item, &a);
        adopted->count++;
        adopted->bytes += rc == 0 ? a.file_len : 0;
        return rc;
    case ENTRY_INIT:
        t->words.type = AUDIT_INIT;
        buf_printf(&t->words.text, "the repository was made");
        return 0;
    case ENTRY_FORGET:
    case ENTRY_UNFORGET:
        t->words.type = item->type == ENTRY_FORGET ? AUDIT_FORGET : AUDIT_UNFORGET;
        return tell_forget(t, item);
    case ENTRY_CONDEMN:
        t->words.type = AUDIT_CONDEMN;
        return tell_condemn(t, item, adopted);
    case ENTRY_COMMIT:
    case ENTRY_PARTIAL:
    case ENTRY_KEY:
    case ENTRY_EVENT:
        return tell_sealed(t, e, item);
    }
    return 0;
}

int audit_tell(struct audit_teller *t, const struct journal_entry *e)
{
    struct adopted adopted = { 0, 0 };
    struct entry_walk walk;
    struct entry_view item;
    int rc;

    clear_words(&t->words);
    entry_walk_init(&walk, e->body, e->body_len);
    while ((rc = entry_walk_next(&walk, &item)) > 0) {
        rc = tell_item(t, e, &item, &adopted);
        if (rc < 0) {
            break;
        }
    }
    if (rc == 0 && t->words.type == AUDIT_ADOPT) {
        buf_printf(&t->words.text, "stored ");
        audit_put_count(&t->words.text, adopted.count, "segment", "segments");
        buf_printf(&t->words.text, " (");
        audit_put_size(&t->words.text, adopted.bytes);
        buf_printf(&t->words.text, ")");
    }
    (void)buf_text(&t->words.text); /* the room for its NUL is taken now */
    rc = rc < 0 ? rc : buf_error(&t->words.text);
    return rc < 0 ? err_add(rc, "journal entry %" PRIu64, e->seal.number) : 0;
}
