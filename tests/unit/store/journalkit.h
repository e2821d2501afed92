/*
 * journalkit.h - a client of a bare journal on a simulated disk, for the tests of store/journal.h.
 *
 * There is no repository around it: just the folders that publishing needs, a keyring, and entries
 * that forget a snapshot which never was.
 */
#ifndef HF_UNIT_JOURNALKIT_H
#define HF_UNIT_JOURNALKIT_H

#include "format/roll.h"
#include "store/journal.h"
#include "unit/store/storekit.h"

#define MOST_SEEN 64

struct desk {
    struct simdisk *disk;
    struct simclient *client;
    struct fs *fs;
    struct journal *j;
    struct keyring *keys;
    uint64_t seen[MOST_SEEN]; /* numbers of the entries that the observer was given */
    size_t seen_count;
    int observes;       /* what the observer returns */
    unsigned asked;     /* how often its drafts were asked for a body */
    int refuses;        /* what a draft answers then */
    struct desk *rival; /* publishes when a draft is first asked, before it answers */
    uint8_t last[16];   /* UUID of the draft published last */
};

static const uint8_t desk_repo_id[16] = "a repository id";

static inline int desk_observe(void *context, const struct journal_entry *e)
{
    struct desk *k = context;

    if (k->observes < 0)
        return err_raise(k->observes, "the observer does not like it");
    assert_true(k->seen_count < MOST_SEEN);
    k->seen[k->seen_count++] = e->seal.number;
    return 0;
}

static inline struct journal_options desk_options(struct desk *k)
{
    struct journal_options o = { .fs = k->fs,
                                 .clock = simclient_clock(k->client),
                                 .rnd = simclient_rnd(k->client),
                                 .keys = k->keys,
                                 .observe = desk_observe,
                                 .context = k };

    memcpy(o.repo_id, desk_repo_id, sizeof o.repo_id);
    memcpy(o.admin_public, k->keys->sign_public, sizeof o.admin_public);
    return o;
}

/* A fresh journal object, which has seen nothing yet. */
static inline void desk_renew(struct desk *k, const struct journal_options *o)
{
    journal_free(k->j);
    k->seen_count = 0;
    ok(journal_new(o, &k->j));
}

static inline void desk_open(struct desk *k, struct simdisk *d, const char *client)
{
    static const uint8_t master[KEYRING_MASTER_BYTES] = "the master secret of the tests";
    struct journal_options o;

    memset(k, 0, sizeof *k);
    ok(nacl_init());
    ok(keyring_new(master, &k->keys));
    k->disk = d;
    k->client = simdisk_client(d, client);
    k->fs = simclient_fs(k->client, "repo");
    o = desk_options(k);
    desk_renew(k, &o);
}

static inline void desk_close(struct desk *k)
{
    journal_free(k->j);
    keyring_free(k->keys);
    fs_close_fs(k->fs);
}

static inline int desk_publish(struct desk *k);

static inline int desk_validate(void *context, struct buf *body)
{
    struct desk *k = context;

    k->asked++;
    if (k->rival) {
        struct desk *rival = k->rival;

        k->rival = NULL;
        ok(desk_publish(rival));
    }
    if (k->refuses < 0)
        return err_raise(k->refuses, "the draft refuses");
    entry_put_forget(body, false, 0, (const uint8_t(*)[16])k->last, 1);
    return buf_error(body);
}

static inline struct journal_draft desk_draft(struct desk *k)
{
    struct journal_draft draft = { .validate = desk_validate, .context = k };

    k->asked = 0;
    ok(rnd_uuid(simclient_rnd(k->client), k->last));
    memcpy(draft.uuid, k->last, sizeof draft.uuid);
    return draft;
}

static inline int desk_publish(struct desk *k)
{
    struct journal_draft draft = desk_draft(k);

    return journal_publish(k->j, &draft);
}

static inline void desk_publish_many(struct desk *k, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ok(desk_publish(k));
}

/* A disk with the folders and `entries` entries, by the client "a"; recording starts afterwards. */
static inline struct simdisk *desk_begin(struct desk *k, unsigned entries)
{
    static const char *const folders[] = { "journal", "head", "rolls", "tmp" };
    struct simdisk *d = simdisk_new(1);
    struct journal_draft draft;

    desk_open(k, d, "a");
    for (size_t i = 0; i < COUNT(folders); i++)
        ok(fs_mkdir(k->fs, folders[i], 0700));
    if (entries > 0) {
        draft = desk_draft(k);
        ok(journal_create(k->j, &draft));
        desk_publish_many(k, entries - 1);
    }
    simdisk_settle(d);
    return d;
}

static inline void desk_end(struct desk *k, struct simdisk *d)
{
    desk_close(k);
    simdisk_free(d);
}

static inline char *entry_path(uint64_t number, char out[128])
{
    snprintf(out, 128, "repo/journal/%012" PRIu64, number);
    return out;
}

/*
 * A client that has seen nothing follows the journal of this disk: what it says, and how far it
 * gets.
 */
static inline int follow_anew(struct simdisk *d, uint64_t *out_at)
{
    struct desk k;
    int rc;

    desk_open(&k, d, "reader");
    rc = journal_follow(k.j);
    *out_at = journal_at(k.j)->number;
    assert_int_equal(journal_damaged(k.j), rc == HF_EDAMAGE);
    assert_int_equal(k.seen_count, *out_at);
    for (size_t i = 0; i < k.seen_count; i++)
        assert_int_equal(k.seen[i], i + 1);
    desk_close(&k);
    return rc;
}

/* Puts an entry that anybody may have made under a number; its seal hash. */
static inline void forge_entry(struct simdisk *d, const struct keyring *signer,
                               struct entry_seal seal, uint8_t out_hash[32])
{
    static const uint8_t nobody[1][16] = { { 7 } };
    uint8_t bytes[ENTRY_SEAL_BYTES];
    char path[128];
    struct buf file;

    buf_init(&file);
    entry_put_forget(&file, false, 0, nobody, 1);
    entry_seal_encode(&seal, file.data, file.len, signer, bytes);
    entry_seal_hash(bytes, out_hash);
    buf_put(&file, bytes, sizeof bytes);
    ok(buf_error(&file));
    simrot_replace(d, entry_path(seal.number, path), file.data, file.len);
    buf_release(&file);
}

/* The seal that would follow what k stands at. */
static inline struct entry_seal next_seal(const struct desk *k)
{
    struct entry_seal seal = { .number = journal_at(k->j)->number + 1, .uuid = { 9 } };

    memcpy(seal.repo_id, desk_repo_id, sizeof seal.repo_id);
    memcpy(seal.previous, journal_at(k->j)->hash, sizeof seal.previous);
    return seal;
}

static inline char *head_path(uint64_t number, const uint8_t hash[32], char out[128])
{
    memcpy(out, "repo/head/", 11);
    entry_head_name(number, hash, out + 10);
    return out;
}

/* Rolls up first..last of the journal and empties their files. */
static inline void roll_up(struct simdisk *d, uint64_t first, uint64_t last, bool empty_them)
{
    uint32_t lengths[MOST_SEEN];
    char name[ROLL_NAME_BYTES];
    char path[128];
    struct buf entries;
    struct buf roll;

    buf_init(&entries);
    buf_init(&roll);
    for (uint64_t n = first; n <= last; n++) {
        size_t len;
        const uint8_t *data = simrot_look(d, entry_path(n, path), &len);

        assert_non_null(data);
        lengths[n - first] = (uint32_t)len;
        buf_put(&entries, data, len);
    }
    ok(roll_encode(desk_repo_id, first, lengths, (uint32_t)(last - first + 1), entries.data,
                   entries.len, &roll));
    roll_name(first, last, name);
    snprintf(path, sizeof path, "repo/rolls/%s", name);
    simrot_replace(d, path, roll.data, roll.len);
    for (uint64_t n = first; empty_them && n <= last; n++)
        simrot_cut(d, entry_path(n, path), 0);
    buf_release(&entries);
    buf_release(&roll);
}

#endif
