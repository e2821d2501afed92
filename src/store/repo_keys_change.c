/*
 * repo_keys_change.c - adding, replacing and removing ways into a repository.
 *
 * Two clients may change keys at once, and either may crash anywhere. What decides is the journal:
 * an entry is built anew for the state at each tip, and refused where it would take away the last
 * way in, speak for a key that is removed, or give one name to two. The steps and their crashes
 * are in docs/durability.md, "A change of keys".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/repo_internal.h"
#include "store/repo_keys.h"
#include "store/repo_unlock.h"
#include "store/run.h"

struct change {
    struct repo *repo;
    const char *name; /* of what is added, or NULL */
    struct keychange what;
    struct repo_key_list before; /* what was there when it was begun */
    uint64_t number;             /* of its entry */
};

static void release_change(struct change *c)
{
    keychange_release(&c->what);
    repo_keys_release(&c->before);
}

static bool is_among(const struct keychange_way *ways, size_t count, const uint8_t *fingerprint)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(ways[i].fingerprint, fingerprint, KEYFILE_FINGERPRINT_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* --- the entry --- */

static int changed_meanwhile(void)
{
    err_raise(HF_ECHANGED, "somebody else changed the keys at the same time");
    return err_hint("look at \"holdfast key list\", and do it again if it is still wanted");
}

/* A name belongs to one key. */
static int check_name_is_free(const struct change *c, const struct catalog *catalog)
{
    for (size_t i = 0; c->name && i < catalog_key_count(catalog); i++) {
        const struct catalog_key *k = catalog_key(catalog, i);
        char name[KEYCHANGE_NAME_MAX + 1];
        unsigned generation;

        if (k->removed_by == 0 && keychange_parse_file(k->way.file, name, &generation) &&
            strcmp(name, c->name) == 0 &&
            !is_among(c->what.removed, c->what.removed_count, k->way.fingerprint)) {
            return changed_meanwhile();
        }
    }
    return 0;
}

static int check_all_valid(const struct change *c, const struct catalog *catalog)
{
    bool removed = catalog_key_state(catalog, c->what.by.fingerprint) == CATALOG_KEY_REMOVED;

    for (size_t i = 0; i < c->what.added_count; i++) {
        removed = removed ||
                  catalog_key_state(catalog, c->what.added[i].fingerprint) == CATALOG_KEY_REMOVED;
    }
    return removed ? changed_meanwhile() : 0;
}

/* Whether a key whose file is there and whole is one that the journal, at its tip, knows. */
static bool stays_valid(const struct change *c, const struct catalog *catalog,
                        const struct repo_key *k)
{
    bool whole = k->state == REPO_KEY_OK || k->state == REPO_KEY_HALF;
    bool by = memcmp(k->fingerprint, c->what.by.fingerprint, sizeof k->fingerprint) == 0;

    return (whole || by) && !is_among(c->what.removed, c->what.removed_count, k->fingerprint) &&
           (by || catalog_key_state(catalog, k->fingerprint) == CATALOG_KEY_VALID);
}

static int check_something_stays(const struct change *c, const struct catalog *catalog)
{
    if (c->what.added_count > 0) {
        return 0;
    }
    for (size_t i = 0; i < c->before.count; i++) {
        if (stays_valid(c, catalog, &c->before.list[i])) {
            return 0;
        }
    }
    err_raise(HF_EFAIL, "it is the last way into the repository");
    return err_hint("add another first: \"holdfast key add NAME\"");
}

static int build(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                 struct buf *body)
{
    struct change *c = context;
    struct buf plain;
    int rc = check_all_valid(c, catalog);

    buf_init(&plain);
    if (rc == 0) {
        rc = check_name_is_free(c, catalog);
    }
    if (rc == 0) {
        rc = check_something_stays(c, catalog);
    }
    if (rc == 0) {
        rc = keychange_encode(&c->what, &plain);
    }
    if (rc == 0) {
        rc = entry_put_sealed(body, ENTRY_KEY, ENTRY_KEY_WAYS, c->repo->keys, c->repo->id, uuid,
                              c->repo->env.rnd, plain.data, plain.len);
    }
    buf_release(&plain);
    return rc;
}

static int publish(struct change *c)
{
    const struct run_entry entry = { build, c };
    uint8_t id[16];

    return run_publish(c->repo, &entry, id, &c->number);
}

/* --- files --- */

/*
 * Removes the files of all keys that the journal knows to be removed, by whomsoever: this one's,
 * and what a crash has left of earlier ones.
 */
static int remove_files(struct repo *r)
{
    struct repo_key_list l = { 0 };
    bool any = false;
    int rc = journal_settle(r->journal); /* somebody's removal may be in no one's sync yet */

    if (rc == 0) {
        rc = repo_keys_list(r, &l);
    }
    for (size_t i = 0; rc == 0 && i < l.count; i++) {
        char path[5 + 256];

        if (l.list[i].state != REPO_KEY_REMOVED) {
            continue;
        }
        snprintf(path, sizeof path, "keys/%s", l.list[i].file);
        rc = fs_unlink(r->env.fs, path);
        rc = rc == HF_EABSENT ? 0 : rc;
        any = true;
    }
    if (rc == 0 && any) {
        rc = fs_sync_dir(r->env.fs, "keys", "key.gone");
    }
    repo_keys_release(&l);
    return rc;
}

/* The same after an addition. That is done; what others have left behind may stay a while. */
static int remove_former(const struct change *c)
{
    int rc = remove_files(c->repo);

    if (rc < 0 && c->what.removed_count > 0) {
        return err_add(rc, "the new key is in force, but the former's file could not be removed");
    }
    err_clear();
    return 0;
}

/* The entry will not come: what was written for it is of no use, and says nothing to anybody. */
static void take_back(struct repo *r, const char *file)
{
    char path[5 + KEYCHANGE_FILE_BYTES];
    struct err_trail why;

    err_take(&why);
    snprintf(path, sizeof path, "keys/%s", file);
    (void)fs_unlink(r->env.fs, path);
    err_give(&why);
}

static int write_wrap(struct repo *r, const uint8_t bytes[KEYFILE_BYTES], const char *file)
{
    char temporary[4 + 33], path[5 + KEYCHANGE_FILE_BYTES], hex[33];
    uint8_t uuid[16];
    int rc = rnd_uuid(r->env.rnd, uuid);

    snprintf(temporary, sizeof temporary, "tmp/%s", text_hex(uuid, sizeof uuid, hex));
    snprintf(path, sizeof path, "keys/%s", file);
    if (rc == 0) {
        rc = repo_write_file(r->env.fs, temporary, 0400, bytes, KEYFILE_BYTES, "key.file");
    }
    if (rc == 0) {
        rc = fs_rename_new(r->env.fs, temporary, path);
    }
    if (rc == 0) {
        rc = fs_sync_dir(r->env.fs, "keys", "key.name");
        if (rc < 0) {
            take_back(r, file);
        }
    }
    return rc < 0 ? err_add(rc, "could not write %s", path) : 0;
}

/* The next free file of that name: one that neither is there nor ever was. */
static void choose_file(const struct change *c, char out[KEYCHANGE_FILE_BYTES])
{
    const struct catalog *catalog = c->repo->catalog;
    char name[KEYCHANGE_NAME_MAX + 1];
    unsigned newest = 0, generation;

    for (size_t i = 0; i < c->before.count; i++) {
        if (keychange_parse_file(c->before.list[i].file, name, &generation) &&
            strcmp(name, c->name) == 0 && generation > newest) {
            newest = generation;
        }
    }
    for (size_t i = 0; i < catalog_key_count(catalog); i++) {
        if (keychange_parse_file(catalog_key(catalog, i)->way.file, name, &generation) &&
            strcmp(name, c->name) == 0 && generation > newest) {
            newest = generation;
        }
    }
    keychange_file(c->name, newest + 1, out);
}

/* The master secret, from the file that opened the repository. To be wiped. */
static int fetch_master(struct repo *r, const struct keyfile_unlock *current,
                        uint8_t out[KEYRING_MASTER_BYTES])
{
    const struct repo_unlock u = { .fs = r->env.fs,
                                   .cache = r->env.cache,
                                   .repo_id = r->id,
                                   .how = current,
                                   .catalog = r->catalog };
    enum keychange_kind kind = r->way.kind;
    struct keychange_way way = r->way;
    struct keyring *keys = NULL;
    int rc = repo_unlock(&u, &keys, &way, out);

    if (rc == 0 && memcmp(keys->sign_public, r->keys->sign_public, sizeof keys->sign_public) != 0) {
        rc = err_raise(HF_EDAMAGE, "the key is of another repository by now");
    }
    if (rc == 0) {
        bool same = memcmp(way.fingerprint, r->way.fingerprint, sizeof way.fingerprint) == 0;

        r->way = way;
        r->way.kind = same ? kind : way.kind;
    }
    keyring_free(keys);
    return rc;
}

static int wrap_and_write(struct change *c, const struct repo_key_wish *w)
{
    uint8_t master[KEYRING_MASTER_BYTES] = { 0 }, bytes[KEYFILE_BYTES];
    struct keychange_way *way;
    struct keyfile_info info;
    int rc = fetch_master(c->repo, w->current, master);

    if (rc == 0) {
        rc = keyfile_wrap(master, c->repo->id, c->repo->keys->sign_public, w->unlock,
                          c->repo->env.rnd, bytes);
    }
    mem_wipe(master, sizeof master);
    if (rc == 0) {
        rc = keyfile_inspect(bytes, sizeof bytes, &info);
    }
    if (rc < 0) {
        return rc;
    }
    way = mem_zalloc(sizeof *way);
    if (!way) {
        return err_nomem();
    }
    c->what.added = way;
    c->what.added_count = 1;
    way->kind = w->kind;
    memcpy(way->fingerprint, info.fingerprint, sizeof way->fingerprint);
    choose_file(c, way->file);
    return write_wrap(c->repo, bytes, way->file);
}

/* --- what is removed --- */

static int note_removed(struct change *c, const struct repo_key *k)
{
    struct keychange_way *ways = mem_realloc(c->what.removed,
                                             (c->what.removed_count + 1) * sizeof *ways);
    struct keychange_way *way;

    if (!ways) {
        return err_nomem();
    }
    c->what.removed = ways;
    way = &ways[c->what.removed_count++];
    memset(way, 0, sizeof *way);
    snprintf(way->file, sizeof way->file, "%s", k->file);
    way->kind = k->kind;
    memcpy(way->fingerprint, k->fingerprint, sizeof way->fingerprint);
    return 0;
}

/*
 * Whether an entry can say that it is removed: it is known by its fingerprint, which was not
 * removed yet and does not belong to another name.
 */
static bool is_removable(const struct repo *r, const struct repo_key *k)
{
    bool another = k->state == REPO_KEY_REPLACED &&
                   catalog_key_state(r->catalog, k->fingerprint) == CATALOG_KEY_VALID;

    return k->kind != 0 && k->name[0] != '\0' && k->state != REPO_KEY_REMOVED &&
           k->state != REPO_KEY_FOREIGN && !another;
}

/* All of that name, or of that file. */
static int note_all_removed(struct change *c, const char *name)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->before.count; i++) {
        const struct repo_key *k = &c->before.list[i];

        if (is_removable(c->repo, k) &&
            (strcmp(k->name, name) == 0 || strcmp(k->file, name) == 0)) {
            rc = note_removed(c, k);
        }
    }
    return rc;
}

/* --- the three changes --- */

static int begin(struct change *c, struct repo *r)
{
    int rc = repo_may_write(r);

    memset(c, 0, sizeof *c);
    c->repo = r;
    if (rc == 0) {
        rc = repo_refresh(r);
    }
    if (rc == 0) {
        rc = repo_keys_list(r, &c->before);
    }
    return rc;
}

static int add(struct change *c, const struct repo_key_wish *w, uint64_t *out_number)
{
    int rc = wrap_and_write(c, w);

    if (rc == 0) {
        c->what.by = c->repo->way;
        rc = publish(c);
        if (rc < 0 && rc != HF_EUNKNOWN) {
            take_back(c->repo, c->what.added[0].file);
        }
    }
    if (rc == 0) {
        *out_number = c->number;
        rc = remove_former(c);
    }
    return rc;
}

static bool has_valid(const struct change *c, const char *name)
{
    for (size_t i = 0; i < c->before.count; i++) {
        const struct repo_key *k = &c->before.list[i];

        if (strcmp(k->name, name) == 0 && k->state != REPO_KEY_UNKNOWN &&
            k->state != REPO_KEY_REMOVED) {
            return true;
        }
    }
    return false;
}

static int add_or_replace(struct repo *r, const struct repo_key_wish *w, bool replaces,
                          uint64_t *out_number)
{
    struct change c;
    int rc = repo_keys_check_name(w->name);

    if (rc < 0) {
        return rc;
    }
    rc = begin(&c, r);
    c.name = w->name;
    if (rc == 0 && replaces && !has_valid(&c, w->name)) {
        rc = err_raise(HF_EABSENT, "there is no key '%s'", w->name);
    } else if (rc == 0 && !replaces && has_valid(&c, w->name)) {
        err_raise(HF_EEXISTS, "there is a key '%s' already", w->name);
        rc = err_hint("choose another name; \"holdfast key list\" shows them all");
    }
    if (rc == 0) {
        rc = note_all_removed(&c, w->name);
    }
    if (rc == 0) {
        rc = add(&c, w, out_number);
    }
    release_change(&c);
    return rc;
}

int repo_keys_add(struct repo *r, const struct repo_key_wish *w, uint64_t *out_number)
{
    int rc = add_or_replace(r, w, false, out_number);

    return rc < 0 ? err_add(rc, "could not add the key '%s'", w->name) : 0;
}

int repo_keys_replace(struct repo *r, const struct repo_key_wish *w, uint64_t *out_number)
{
    int rc = add_or_replace(r, w, true, out_number);

    return rc < 0 ? err_add(rc, "could not change the key '%s'", w->name) : 0;
}

static bool any_of(const struct change *c, const char *name)
{
    for (size_t i = 0; i < c->before.count; i++) {
        const struct repo_key *k = &c->before.list[i];

        if (strcmp(k->name, name) == 0 || strcmp(k->file, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What no entry can speak of, since nobody can tell what it is. */
static int refuse_strangers(const struct change *c, const char *name)
{
    for (size_t i = 0; i < c->before.count; i++) {
        const struct repo_key *k = &c->before.list[i];

        if (strcmp(k->file, name) == 0 && k->state != REPO_KEY_REMOVED) {
            err_raise(HF_EKEY_DAMAGED, "keys/%s is %s, and no key that the journal knows", k->file,
                      repo_keys_state_name(k->state));
            return err_hint("remove the file itself");
        }
    }
    return 0;
}

static int remove_one(struct change *c, const char *name)
{
    int rc = note_all_removed(c, name);

    if (rc == 0 && c->what.removed_count == 0) {
        rc = refuse_strangers(c, name);
    }

    if (rc == 0 && !any_of(c, name)) {
        err_raise(HF_EABSENT, "there is no key '%s'", name);
        return err_hint("\"holdfast key list\" shows them all");
    }
    c->what.by = c->repo->way;
    if (rc == 0 && c->what.removed_count > 0) {
        rc = publish(c);
    }
    if (rc < 0) {
        return rc;
    }
    rc = remove_files(c->repo);
    return rc < 0 ? err_add(rc, "the key is removed, but its file could not be") : 0;
}

int repo_keys_remove(struct repo *r, const char *name, uint64_t *out_number)
{
    struct change c;
    int rc = begin(&c, r);

    if (rc == 0) {
        rc = remove_one(&c, name);
    }
    *out_number = c.number;
    release_change(&c);
    return rc < 0 ? err_add(rc, "could not remove the key '%s'", name) : 0;
}
