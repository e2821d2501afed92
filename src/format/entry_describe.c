/*
 * entry_describe.c - a journal entry for an operator's eyes: every field, whole or not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "format/commit.h"
#include "format/entry_internal.h"
#include "format/evidence.h"
#include "format/gapevent.h"
#include "format/keychange.h"
#include "format/nacl.h"

struct scene {
    const uint8_t *data;
    size_t body_len;
    const uint8_t *seal;
    const struct keyring *keys; /* or NULL */
    struct describe *d;
    const uint8_t *signer; /* a public key that can be told, or NULL */
    bool acted;            /* an item that is no ADOPT was met */
};

/* --- sealed parts --- */

static void describe_id(struct scene *s, const char *name, const uint8_t *id, size_t len)
{
    describe_hex(s->d, DESCRIBE_NOWHERE, name, verdict_fine(), id, len);
}

static void describe_string(struct scene *s, const char *name, const char *text)
{
    describe_text(s->d, DESCRIBE_NOWHERE, name, text, strlen(text));
}

static void describe_list(struct scene *s, const char *name, char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        describe_string(s, name, texts[i]);
    }
}

static void describe_count(struct scene *s, const char *name, uint64_t n)
{
    char text[TEXT_SIZE_BYTES];

    describe_field(s->d, DESCRIBE_NOWHERE, name, verdict_fine(), "%s", text_count(n, text));
}

static void describe_time(struct scene *s, const char *name, int64_t ns)
{
    char text[TEXT_TIME_BYTES];

    describe_field(s->d, DESCRIBE_NOWHERE, name, verdict_fine(), "%s", text_time_utc(ns, text));
}

static void describe_counts(struct scene *s, const struct commit_counts *n)
{
    describe_count(s, "files", n->files);
    describe_count(s, "folders", n->dirs);
    describe_count(s, "others", n->others);
    describe_count(s, "bytes", n->bytes);
    describe_count(s, "files new", n->files_new);
    describe_count(s, "files changed", n->files_changed);
    describe_count(s, "files unmodified", n->files_unmodified);
    describe_count(s, "bytes new", n->bytes_new);
    describe_count(s, "bytes stored", n->bytes_stored);
    describe_count(s, "errors", n->errors);
    describe_count(s, "unstable", n->unstable);
}

static void describe_commit_head(struct scene *s, const struct commit *c)
{
    describe_field(s->d, DESCRIBE_NOWHERE, "class", verdict_fine(), "%d (%s)", (int)c->class,
                   commit_class_name(c->class));
    describe_field(s->d, DESCRIBE_NOWHERE, "commit flags", verdict_fine(), "%d (%s%s%s%s)",
                   c->flags, (c->flags & COMMIT_COMPLETE) != 0 ? "complete" : "incomplete",
                   (c->flags & COMMIT_ASSERTED) != 0 ? ", asserted" : "",
                   (c->flags & COMMIT_IMPORTED) != 0 ? ", imported" : "",
                   (c->flags & COMMIT_CLOSES_GAPS) != 0 ? ", closes gaps" : "");
    describe_string(s, "job", c->job);
    describe_string(s, "host", c->host);
    describe_string(s, "user", c->user);
    describe_list(s, "path", c->paths, c->path_count);
    describe_list(s, "tag", c->tags, c->tag_count);
}

static int describe_commit(struct scene *s, const struct buf *plain)
{
    struct commit c;
    int rc = commit_decode(plain->data, plain->len, &c);

    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        describe_trail(s->d, DESCRIBE_NOWHERE, "commit");
        return 0;
    }
    describe_commit_head(s, &c);
    describe_time(s, "begin", c.begin_ns);
    describe_time(s, "end", c.end_ns);
    describe_id(s, "parent", c.parent, sizeof c.parent);
    describe_id(s, "root", c.root, sizeof c.root);
    describe_counts(s, &c.counts);
    describe_string(s, "tool", c.tool);
    commit_release(&c);
    return 0;
}

static int describe_tags(struct scene *s, const struct buf *plain)
{
    struct commit c = { .tags = NULL };
    uint8_t id[UUID_BYTES];
    int rc = commit_tags_decode(plain->data, plain->len, id, &c);

    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        describe_trail(s->d, DESCRIBE_NOWHERE, "tags");
        return 0;
    }
    describe_id(s, "commit", id, sizeof id);
    describe_count(s, "tags from now on", c.tag_count);
    describe_list(s, "tag", c.tags, c.tag_count);
    commit_release(&c);
    return 0;
}

static int describe_gap(struct scene *s, const struct buf *plain)
{
    struct gapevent g;
    int rc = gapevent_decode(plain->data, plain->len, &g);

    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        describe_trail(s->d, DESCRIBE_NOWHERE, "gap");
        return 0;
    }
    if (g.act == GAPEVENT_CLOSE) {
        describe_id(s, "gap that ends", g.gap, sizeof g.gap);
        describe_time(s, "its end", g.at_ns);
    } else {
        describe_field(s->d, DESCRIBE_NOWHERE, "gap that begins", verdict_fine(), "%d (%s)",
                       (int)g.reason, gapevent_reason_name(g.reason));
        describe_string(s, "job", g.job);
        describe_string(s, "host", g.host);
        describe_time(s, "its begin", g.at_ns);
    }
    gapevent_release(&g);
    return 0;
}

static void describe_facts(struct scene *s, const struct evidence *e)
{
    for (size_t i = 0; i < e->number_count; i++) {
        describe_field(s->d, DESCRIBE_NOWHERE, e->numbers[i].name, verdict_fine(), "%" PRId64,
                       e->numbers[i].value);
    }
    for (size_t i = 0; i < e->text_count; i++) {
        describe_string(s, e->texts[i].name, e->texts[i].value);
    }
    for (size_t i = 0; i < e->verified_count; i++) {
        describe_field(s->d, DESCRIBE_NOWHERE, "verified segments", verdict_fine(),
                       "%" PRIu32 " from ordinal %" PRIu32 " on", e->verified[i].count,
                       e->verified[i].first);
    }
    describe_count(s, "mismatches", e->mismatch_total);
    for (size_t i = 0; i < e->mismatch_count; i++) {
        describe_string(s, e->mismatches[i].name, e->mismatches[i].value);
    }
}

static int describe_evidence(struct scene *s, const struct buf *plain)
{
    struct evidence e;
    int rc = evidence_decode(plain->data, plain->len, &e);

    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        describe_trail(s->d, DESCRIBE_NOWHERE, "evidence");
        return 0;
    }
    describe_field(s->d, DESCRIBE_NOWHERE, "evidence", verdict_fine(), "%d (%s), %s", (int)e.kind,
                   evidence_kind_name(e.kind), e.passed ? "passed" : "failed");
    describe_time(s, "begin", e.begin_ns);
    describe_time(s, "end", e.end_ns);
    describe_id(s, "snapshot", e.snapshot, sizeof e.snapshot);
    describe_id(s, "opened by", e.key, sizeof e.key);
    describe_id(s, "program", e.tool_hash, sizeof e.tool_hash);
    describe_id(s, "policy", e.policy_hash, sizeof e.policy_hash);
    describe_string(s, "host", e.host);
    describe_string(s, "user", e.user);
    describe_string(s, "tool version", e.tool);
    describe_facts(s, &e);
    evidence_release(&e);
    return 0;
}

static void describe_way(struct scene *s, const char *what, const struct keychange_way *w)
{
    describe_field(s->d, DESCRIBE_NOWHERE, what, verdict_fine(), "keys/%s (%s)", w->file,
                   keychange_kind_name(w->kind));
    describe_id(s, "its fingerprint", w->fingerprint, sizeof w->fingerprint);
}

static int describe_ways(struct scene *s, const struct buf *plain)
{
    struct keychange c;
    int rc = keychange_decode(plain->data, plain->len, &c);

    if (rc == HF_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        describe_trail(s->d, DESCRIBE_NOWHERE, "change of keys");
        return 0;
    }
    describe_way(s, "opened by", &c.by);
    for (size_t i = 0; i < c.added_count; i++) {
        describe_way(s, "added", &c.added[i]);
    }
    for (size_t i = 0; i < c.removed_count; i++) {
        describe_way(s, "removed", &c.removed[i]);
    }
    keychange_release(&c);
    return 0;
}

static int describe_plain(struct scene *s, const struct entry_view *v, uint64_t at)
{
    unsigned kind = 0;
    struct buf plain;
    int rc;

    buf_init(&plain);
    rc = entry_get_sealed(v, s->keys, s->seal + 16, s->seal + 32, &kind, &plain);
    if (rc == HF_EDENIED) {
        describe_field(s->d, at, "plaintext", verdict_fine(), "not for this key");
        rc = 0;
    } else if (rc != 0 && rc != HF_ENOMEM) {
        describe_trail(s->d, at, "plaintext");
        rc = 0;
    } else if (rc == 0 && v->type != ENTRY_KEY && v->type != ENTRY_EVENT) {
        rc = describe_commit(s, &plain);
    } else if (rc == 0 && v->type == ENTRY_KEY && kind == ENTRY_KEY_WAYS) {
        rc = describe_ways(s, &plain);
    } else if (rc == 0 && v->type == ENTRY_EVENT && kind == ENTRY_EVENT_TAG) {
        rc = describe_tags(s, &plain);
    } else if (rc == 0 && v->type == ENTRY_EVENT && kind == ENTRY_EVENT_GAP) {
        rc = describe_gap(s, &plain);
    } else if (rc == 0 && v->type == ENTRY_EVENT && kind == ENTRY_EVENT_EVIDENCE) {
        rc = describe_evidence(s, &plain);
    } else if (rc == 0) {
        describe_text(s->d, at, "plaintext", plain.data, plain.len);
    }
    buf_release(&plain);
    return rc;
}

static const char *kind_name(enum entry_item type, uint16_t kind)
{
    if (type == ENTRY_KEY) {
        return kind == ENTRY_KEY_WAYS ? "WAYS" : "unknown";
    }
    switch (kind) {
    case ENTRY_EVENT_TAG:
        return "TAG";
    case ENTRY_EVENT_GAP:
        return "GAP";
    case ENTRY_EVENT_EVIDENCE:
        return "EVIDENCE";
    default:
        return "unknown";
    }
}

static void describe_kind_head(struct scene *s, const struct entry_view *v, uint64_t at)
{
    uint16_t kind = le_get16(v->payload);

    describe_field(s->d, at, "kind", verdict_of(kind != 0, "is 0"), "%d (%s)", kind,
                   kind_name(v->type, kind));
    describe_hex(s->d, at + 2, "reserved", verdict_of(le_get16(v->payload + 2) == 0, "is not zero"),
                 v->payload + 2, 2);
}

static int describe_sealed(struct scene *s, const struct entry_view *v, uint64_t at)
{
    size_t head = v->type == ENTRY_EVENT || v->type == ENTRY_KEY ? ENTRY_KIND_HEAD_BYTES : 0;
    const uint8_t *part = v->payload + head;
    size_t fixed = head + ENTRY_SEALED_HEAD_BYTES;

    if (v->len < fixed + NACL_TAG_BYTES) {
        describe_field(s->d, at, "payload", verdict_of(false, "is too short for a sealed part"),
                       "%zu bytes", v->len);
        return 0;
    }
    if (head > 0) {
        describe_kind_head(s, v, at);
    }
    describe_field(s->d, at + head, "domain", verdict_fine(), "%" PRIu32, le_get32(part));
    describe_hex(s->d, at + head + 4, "nonce", verdict_fine(), part + 4, NACL_NONCE_BYTES);
    describe_field(s->d, at + fixed, "sealed", verdict_fine(), "%zu bytes, tag included",
                   v->len - fixed);
    return s->keys == NULL ? 0 : describe_plain(s, v, at + fixed);
}

/* --- items in the clear --- */

static void describe_uuids(struct scene *s, const struct entry_view *v, uint64_t at)
{
    size_t head = v->type == ENTRY_CONDEMN ? 4 : ENTRY_LIST_HEAD_BYTES;
    const uint8_t *uuids;
    uint64_t view;
    size_t count;
    char name[32];

    if (entry_get_list(v, &view, &uuids, &count) != 0) {
        describe_trail(s->d, at, "list");
        return;
    }
    if (v->type != ENTRY_CONDEMN) {
        describe_field(s->d, at, "view", verdict_fine(), "%" PRIu64 "%s", view,
                       view == 0 ? " (by name)" : "");
    }
    describe_field(s->d, at + head - 4, "count", verdict_fine(), "%zu", count);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s %zu", v->type == ENTRY_CONDEMN ? "segment" : "commit", i);
        describe_hex(s->d, at + head + 16 * i, name, verdict_fine(), uuids + 16 * i, 16);
    }
}

static void describe_fixed(struct scene *s, const struct layout *l, const struct entry_view *v,
                           uint64_t at)
{
    if (v->len == l->size) {
        layout_describe(l, v->payload, at, s->d);
    } else {
        describe_field(s->d, at, "payload", verdict_of(false, "has the wrong length"), "%zu bytes",
                       v->len);
    }
}

static int describe_payload(struct scene *s, const struct entry_view *v, uint64_t at)
{
    switch (v->type) {
    case ENTRY_ADOPT:
        describe_fixed(s, &entry_adopt_layout, v, at);
        return 0;
    case ENTRY_INIT:
        describe_fixed(s, &entry_init_layout, v, at);
        if (s->signer == NULL && v->len == ENTRY_INIT_BYTES) {
            s->signer = v->payload + 56;
        }
        return 0;
    case ENTRY_FORGET:
    case ENTRY_UNFORGET:
    case ENTRY_CONDEMN:
        describe_uuids(s, v, at);
        return 0;
    case ENTRY_COMMIT:
    case ENTRY_PARTIAL:
    case ENTRY_KEY:
    case ENTRY_EVENT:
        return describe_sealed(s, v, at);
    }
    describe_field(s->d, at, "payload", verdict_fine(), "%zu bytes", v->len);
    return 0;
}

static struct verdict judge_type(struct scene *s, uint16_t type)
{
    bool late = s->acted;

    if (type >= ENTRY_MAY_SKIP) {
        return verdict_fine();
    }
    if (type == 0) {
        return verdict_of(false, "is 0");
    }
    if (type > ENTRY_PARTIAL) {
        return verdict_newer("is one that this program does not know");
    }
    s->acted = s->acted || type != ENTRY_ADOPT;
    return verdict_of(!late, "comes after an item that must be the last");
}

/* The item at `at`, of which 8 bytes or more are there; *out_len: of the item in all, or 0. */
static int describe_item(struct scene *s, size_t at, unsigned index, size_t *out_len)
{
    const uint8_t *head = s->data + at;
    size_t left = s->body_len - at - ENTRY_ITEM_HEAD_BYTES;
    uint16_t type = le_get16(head), flags = le_get16(head + 2);
    struct entry_view v = { .type = (enum entry_item)type,
                            .payload = head + ENTRY_ITEM_HEAD_BYTES,
                            .len = le_get32(head + 4) };

    describe_title(s->d, "item %u", index);
    describe_field(s->d, at, "type", judge_type(s, type), "%d (%s)", type,
                   type >= ENTRY_MAY_SKIP ? "may be skipped" : entry_item_name(type));
    describe_field(s->d, at + 2, "flags",
                   flags == 0 || type >= ENTRY_MAY_SKIP
                       ? verdict_fine()
                       : verdict_newer("say something that this program does not know"),
                   "%d", flags);
    describe_field(s->d, at + 4, "length", verdict_of(v.len <= left, "is more than there is"),
                   "%zu", v.len);
    *out_len = v.len <= left ? ENTRY_ITEM_HEAD_BYTES + v.len : 0;
    if (*out_len == 0) {
        return 0;
    }
    return describe_payload(s, &v, at + ENTRY_ITEM_HEAD_BYTES);
}

static int describe_body(struct scene *s)
{
    size_t at = 0;
    unsigned index = 0;

    while (s->body_len - at >= ENTRY_ITEM_HEAD_BYTES) {
        size_t len = 0;
        int rc = describe_item(s, at, index++, &len);

        if (rc != 0 || len == 0) {
            return rc;
        }
        at += len;
    }
    if (index == 0 || at != s->body_len) {
        describe_field(s->d, at, "rest of the body", verdict_of(false, "is no item"), "%zu bytes",
                       s->body_len - at);
    }
    return 0;
}

/* --- seal --- */

/* Checked with the key that was given, if it is the author's, or with the one that entry 1 names.
 */
static void describe_signature(struct scene *s)
{
    const char *state;
    bool holds = true;

    if (s->signer == NULL) {
        state = "not checked: no key was given";
    } else if (s->keys != NULL && memcmp(s->keys->author, s->seal + 120, 16) != 0) {
        state = "not checked: the author is another than the key that was given";
    } else {
        holds = entry_signature_holds(s->seal, s->signer);
        state = holds ? "holds" : "checked";
    }
    describe_field(s->d, DESCRIBE_NOWHERE, "signature", verdict_of(holds, "does not hold"), "%s",
                   state);
}

static void describe_seal(struct scene *s)
{
    uint8_t hash[ENTRY_HASH_BYTES];

    describe_title(s->d, "seal");
    layout_describe(&entry_seal_layout, s->seal, s->body_len, s->d);
    describe_field(s->d, DESCRIBE_NOWHERE, "length of this body",
                   verdict_of(le_get32(s->seal + 12) == s->body_len, "is not the seal's"), "%zu",
                   s->body_len);
    nacl_hash(s->data, s->body_len, hash);
    describe_hex(s->d, DESCRIBE_NOWHERE, "hash of this body",
                 verdict_of(memcmp(hash, s->seal + 88, sizeof hash) == 0, "is not the seal's"),
                 hash, sizeof hash);
    describe_signature(s);
    entry_seal_hash(s->seal, hash);
    describe_hex(s->d, DESCRIBE_NOWHERE, "seal hash", verdict_fine(), hash, sizeof hash);
}

int entry_describe(const void *file, size_t len, const struct keyring *keys, struct buf *out)
{
    struct describe d;
    struct scene s = { .data = file, .keys = keys, .d = &d };
    int rc;

    describe_begin(&d, out, len);
    describe_title(&d, "journal entry of %zu bytes", len);
    if (len < ENTRY_SEAL_BYTES) {
        describe_field(&d, 0, "length", verdict_of(false, "is too short for a seal"), "%zu", len);
        return describe_end(&d, "entry");
    }
    s.body_len = len - ENTRY_SEAL_BYTES;
    s.seal = s.data + s.body_len;
    s.signer = keys == NULL ? NULL : keys->sign_public;
    rc = describe_body(&s);
    if (rc != 0) {
        return rc;
    }
    describe_seal(&s);
    return describe_end(&d, "entry");
}
