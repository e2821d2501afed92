/*
 * repo_keys.c - see repo_keys.h. Changing them is in repo_keys_change.c.
 */
#include "store/repo_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/repo_internal.h"
#include "store/repo_unlock.h"

#define SHEET "recovery-"

int repo_keys_check_name(const char *name)
{
    if (!keychange_name_valid(name)) {
        err_raise(HF_EUSAGE, "'%s' can't name a key", name);
        return err_hint("a name has up to %u letters, digits, '-' and '_'", KEYCHANGE_NAME_MAX);
    }
    return 0;
}

const struct keychange_way *repo_keys_way(const struct repo *r)
{
    return &r->way;
}

/* --- opening --- */

/* Whether the journal knows of any key, so that one that it does not know is worth a word. */
static bool journal_knows_keys(const struct repo *r)
{
    static const uint8_t none[8];

    return catalog_key_count(r->catalog) > 0 ||
           memcmp(catalog_init_entry(r->catalog)->first_key, none, sizeof none) != 0;
}

static int unlock_again(struct repo *r, const struct keyfile_unlock *unlock)
{
    const struct repo_unlock u = { .fs = r->env.fs,
                                   .cache = r->env.cache,
                                   .repo_id = r->id,
                                   .how = unlock,
                                   .catalog = r->catalog };
    struct keyring *keys = NULL;
    int rc = repo_unlock(&u, &keys, &r->way, NULL);

    if (rc == 0 && memcmp(keys->sign_public, r->keys->sign_public, sizeof keys->sign_public) != 0) {
        rc = err_raise(HF_EDAMAGE, "two keys open two different repositories");
    }
    keyring_free(keys);
    return rc;
}

int repo_keys_confirm(struct repo *r, const struct keyfile_unlock *unlock)
{
    const struct catalog_key *known;
    int rc = 0;

    if (catalog_key_state(r->catalog, r->way.fingerprint) == CATALOG_KEY_REMOVED) {
        rc = unlock_again(r, unlock);
    }
    if (rc < 0) {
        return rc;
    }
    known = catalog_find_key(r->catalog, r->way.fingerprint);
    if (known) {
        r->way.kind = known->way.kind;
    } else if (catalog_key_state(r->catalog, r->way.fingerprint) == CATALOG_KEY_UNKNOWN &&
               journal_knows_keys(r)) {
        log_write(LOG_LEVEL_WARN,
                  "keys/%s opens the repository, but the journal does not know it: an addition "
                  "that did not finish, see `holdfast key list`",
                  r->way.file);
    }
    return 0;
}

/* --- listing --- */

const char *repo_keys_state_name(enum repo_key_state s)
{
    static const char *const names[] = {
        [REPO_KEY_OK] = "ok",
        [REPO_KEY_HALF] = "one copy damaged",
        [REPO_KEY_DAMAGED] = "damaged",
        [REPO_KEY_MISSING] = "missing",
        [REPO_KEY_REPLACED] = "replaced",
        [REPO_KEY_FOREIGN] = "foreign",
        [REPO_KEY_UNKNOWN] = "not finished",
        [REPO_KEY_REMOVED] = "removed",
    };

    return names[s];
}

static int add_key(struct repo_key_list *l, const char *file, struct repo_key **out)
{
    unsigned generation;
    int rc = mem_grow(&l->list, &l->cap, l->count + 1, sizeof *l->list);
    struct repo_key *k;

    if (rc < 0) {
        return rc;
    }
    k = &l->list[l->count];
    memset(k, 0, sizeof *k);
    k->file = mem_strdup(file);
    if (!k->file) {
        return err_nomem();
    }
    if (!keychange_parse_file(file, k->name, &generation)) {
        k->name[0] = '\0';
    }
    l->count++;
    *out = k;
    return 0;
}

/* The way that the journal says this file is, or NULL. */
static const struct catalog_key *valid_by_file(const struct catalog *c, const char *file)
{
    for (size_t i = 0; i < catalog_key_count(c); i++) {
        const struct catalog_key *k = catalog_key(c, i);

        if (k->removed_by == 0 && strcmp(k->way.file, file) == 0) {
            return k;
        }
    }
    return NULL;
}

static const struct catalog_key *removed_by_file(const struct catalog *c, const char *file)
{
    for (size_t i = catalog_key_count(c); i > 0; i--) {
        const struct catalog_key *k = catalog_key(c, i - 1);

        if (k->removed_by != 0 && strcmp(k->way.file, file) == 0) {
            return k;
        }
    }
    return NULL;
}

static enum repo_key_state state_of(const struct repo *r, const struct repo_wrap *w)
{
    const struct catalog *c = r->catalog;
    const struct catalog_key *named = valid_by_file(c, w->file);
    const struct catalog_key *known;

    if (w->code != 0) {
        return !named && removed_by_file(c, w->file) ? REPO_KEY_REMOVED : REPO_KEY_DAMAGED;
    }
    if (memcmp(w->info.repo_id, r->id, 16) != 0 ||
        memcmp(w->info.admin_public, r->keys->sign_public, 32) != 0) {
        return REPO_KEY_FOREIGN;
    }
    switch (catalog_key_state(c, w->info.fingerprint)) {
    case CATALOG_KEY_REMOVED:
        return REPO_KEY_REMOVED;
    case CATALOG_KEY_VALID:
        known = catalog_find_key(c, w->info.fingerprint);
        if (known && strcmp(known->way.file, w->file) != 0) {
            return REPO_KEY_REPLACED;
        }
        return w->info.copy_damaged[0] || w->info.copy_damaged[1] ? REPO_KEY_HALF : REPO_KEY_OK;
    case CATALOG_KEY_UNKNOWN:
        break;
    }
    return named ? REPO_KEY_REPLACED : journal_knows_keys(r) ? REPO_KEY_UNKNOWN : REPO_KEY_OK;
}

static int list_wrap(struct repo *r, const struct repo_wrap *w, struct repo_key_list *l)
{
    const struct catalog_key *known;
    struct repo_key *k;
    int rc;

    if (w->code == HF_EABSENT) {
        return 0; /* it was removed meanwhile */
    }
    if (w->code == HF_EFILES) { /* which says nothing about the file */
        struct err_trail why = w->why;

        err_give(&why);
        return w->code;
    }
    rc = add_key(l, w->file, &k);
    if (rc < 0) {
        return rc;
    }
    k->state = state_of(r, w);
    if (w->code == 0) {
        k->kind = w->info.kind == KEYFILE_PASSWORD ? KEYCHANGE_PASSWORD : KEYCHANGE_KEY_FILE;
        k->passes = w->info.passes;
        k->memory_kib = w->info.memory_kib;
        memcpy(k->fingerprint, w->info.fingerprint, sizeof k->fingerprint);
        k->in_use = memcmp(r->way.fingerprint, k->fingerprint, sizeof k->fingerprint) == 0;
    }
    known = w->code == 0 ? catalog_find_key(r->catalog, k->fingerprint) : NULL;
    if (!known && w->code != 0) {
        known = valid_by_file(r->catalog, w->file);
        known = known ? known : removed_by_file(r->catalog, w->file);
    }
    if (known) {
        k->kind = known->way.kind;
        k->entry = k->state == REPO_KEY_REMOVED ? known->removed_by : known->added_by;
        k->time_ns = known->added_ns;
        memcpy(k->fingerprint, known->way.fingerprint, sizeof k->fingerprint);
    } else if (k->state == REPO_KEY_OK || k->state == REPO_KEY_HALF) {
        k->entry = 1; /* init made it */
        k->time_ns = catalog_init_entry(r->catalog)->created_ns;
    }
    return 0;
}

static bool holds(const struct repo_key_list *l, const struct keychange_way *way)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct repo_key *k = &l->list[i];

        if (strcmp(k->file, way->file) == 0 &&
            memcmp(k->fingerprint, way->fingerprint, sizeof k->fingerprint) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Those that the journal knows to be valid, and that are not in the file of their name: a damaged
 * one counts as what its name says, a whole one only as what it is.
 */
static int list_missing(struct repo *r, struct repo_key_list *l)
{
    for (size_t i = 0; i < catalog_key_count(r->catalog); i++) {
        const struct catalog_key *known = catalog_key(r->catalog, i);
        struct repo_key *k;
        int rc;

        if (known->removed_by != 0 || holds(l, &known->way)) {
            continue;
        }
        rc = add_key(l, known->way.file, &k);
        if (rc < 0) {
            return rc;
        }
        k->state = REPO_KEY_MISSING;
        k->kind = known->way.kind;
        k->entry = known->added_by;
        k->time_ns = known->added_ns;
        memcpy(k->fingerprint, known->way.fingerprint, sizeof k->fingerprint);
    }
    return 0;
}

int repo_keys_list(struct repo *r, struct repo_key_list *out)
{
    struct repo_wraps wraps;
    int rc = repo_unlock_load(r->env.fs, &wraps);

    memset(out, 0, sizeof *out);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < wraps.count; i++) {
        rc = list_wrap(r, &wraps.list[i], out);
    }
    if (rc == 0) {
        rc = list_missing(r, out);
    }
    repo_unlock_release(&wraps);
    if (rc < 0) {
        repo_keys_release(out);
    }
    return rc;
}

void repo_keys_release(struct repo_key_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        mem_free(l->list[i].file);
    }
    mem_free(l->list);
    memset(l, 0, sizeof *l);
}

/* --- recovery sheets --- */

static bool name_is_taken(const struct repo *r, const struct repo_key_list *l, const char *name)
{
    char other[KEYCHANGE_NAME_MAX + 1];
    unsigned generation;

    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->list[i].name, name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < catalog_key_count(r->catalog); i++) {
        if (keychange_parse_file(catalog_key(r->catalog, i)->way.file, other, &generation) &&
            strcmp(other, name) == 0) {
            return true;
        }
    }
    return false;
}

int repo_keys_sheet_name(struct repo *r, char out_name[KEYCHANGE_NAME_MAX + 1])
{
    struct repo_key_list l;
    int rc = repo_keys_list(r, &l);

    if (rc < 0) {
        return rc;
    }
    for (unsigned n = 1;; n++) {
        snprintf(out_name, KEYCHANGE_NAME_MAX + 1, SHEET "%u", n);
        if (!name_is_taken(r, &l, out_name)) {
            break;
        }
    }
    repo_keys_release(&l);
    return 0;
}
