/*
 * repo.c - opening a repository and keeping its view current. See repo.h.
 *
 * The order of opening: the hint file (is this a repository, of a format we know?), a key that
 * opens with what the user gave, the cached view if the journal still holds the entry it stands
 * for, the journal to its tip, and the client's memory of where it stood.
 */
#include "store/repo.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/nacl.h"
#include "store/memory.h"
#include "store/repo_internal.h"
#include "store/repo_keys.h"
#include "store/repo_unlock.h"
#include "store/view.h"

/* The hint file */

static int count_entry(void *context, const char *name)
{
    uint64_t *highest = context;
    uint64_t number;

    if (entry_parse_name(name, &number) && number > *highest) {
        *highest = number;
    }
    return 0;
}

/* No file `holdfast`: is it no repository, a half-made one, or one that has lost the file? */
static int explain_missing_hint(struct fs *fs)
{
    uint64_t highest = 0;
    int rc = fs_list(fs, "journal", count_entry, &highest);

    if (rc < 0 && rc != HF_EABSENT) {
        return rc;
    }
    if (rc == 0 && highest > 1) {
        return err_raise(
            HF_EDAMAGE, "the file `holdfast` is missing, though journal/ holds %" PRIu64 " entries",
            highest);
    }
    if (rc == 0) {
        err_raise(HF_ENO_REPO, "there is a half-made repository only");
        return err_hint("an init did not finish: remove the folder's content and run init again");
    }
    err_raise(HF_ENO_REPO, "there is no repository");
    return err_hint("make one with `holdfast init`, or correct the path");
}

/* Whether entry 1, which is the truth, says that the format is one we know. Keeps the trail. */
static bool entry_one_is_known(struct fs *fs)
{
    struct err_trail kept;
    uint8_t *data = NULL;
    size_t len = 0;
    struct entry_seal seal;
    struct entry_walk walk;
    struct entry_view item;
    struct entry_init init;
    const uint8_t *body;
    size_t body_len;
    bool known = false;

    err_take(&kept);
    if (fs_read_file(fs, "journal/000000000001", ENTRY_MAX_BODY, &data, &len) == 0 &&
        entry_decode(data, len, &seal, &body, &body_len) == 0) {
        entry_walk_init(&walk, body, body_len);
        known = entry_walk_next(&walk, &item) == 1 && item.type == ENTRY_INIT &&
                entry_get_init(&item, &init) == 0 && init.version <= REPO_FORMAT_VERSION;
    }
    mem_free(data);
    err_give(&kept);
    return known;
}

static int parse_hint(const uint8_t *data, size_t len, uint8_t out_repo_id[16])
{
    static const char before_version[] = "holdfast repository\nformat: ";
    char expected[REPO_HINT_BYTES];
    const char *id;

    if (len > sizeof before_version &&
        memcmp(data, before_version, sizeof before_version - 1) == 0 &&
        data[sizeof before_version - 1] >= '1' && data[sizeof before_version - 1] <= '9') {
        err_raise(HF_ENEWER, "the repository is of a newer format");
        return err_hint("install the newest holdfast");
    }
    id = len >= 33 ? (const char *)data + len - 33 : NULL;
    if (id && text_unhex(id, 32, out_repo_id)) {
        repo_hint_text(out_repo_id, expected);
        if (strlen(expected) == len && memcmp(expected, data, len) == 0) {
            return 0;
        }
    }
    return err_raise(HF_EDAMAGE, "the file `holdfast` is not what init wrote");
}

int repo_probe(struct fs *fs, uint8_t out_repo_id[16])
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = fs_read_file(fs, "holdfast", REPO_HINT_BYTES, &data, &len);

    if (rc == 0) {
        rc = parse_hint(data, len, out_repo_id);
        if (rc == HF_ENEWER && entry_one_is_known(fs)) {
            rc = err_raise(HF_EDAMAGE, "the file `holdfast` is not what init wrote");
        }
    } else if (rc == HF_EABSENT) {
        rc = explain_missing_hint(fs);
    }
    mem_free(data);
    return rc;
}

/* The view */

static int observe(void *context, const struct journal_entry *e)
{
    struct repo *r = context;

    return catalog_apply(r->catalog, e);
}

static bool segment_is_live(void *context, uint32_t segment)
{
    const struct repo *r = context;
    const struct catalog_segment *s = catalog_segment(r->catalog, segment);

    return s && s->condemned_by == 0;
}

static int start_from_nothing(struct repo *r)
{
    static const struct journal_position beginning = { 0 };

    catalog_free(r->catalog);
    r->catalog = NULL;
    index_clear(r->index);
    r->indexed = 0;
    memset(&r->saved, 0, sizeof r->saved);
    journal_begin_at(r->journal, &beginning);
    return catalog_new(r->keys, r->id, &r->catalog);
}

/* Whether the journal still holds the entry that the cached view stands for. */
static bool view_still_holds(struct repo *r, const struct journal_position *position)
{
    struct journal_entry e;
    uint8_t *memory = NULL;
    bool holds = journal_read(r->journal, position->number, &e, &memory) == 0 &&
                 memcmp(e.seal_hash, position->hash, sizeof e.seal_hash) == 0;

    mem_free(memory);
    return holds;
}

static int start_from_cache(struct repo *r)
{
    struct view view;
    int rc = HF_EABSENT;

    if (r->env.cache) {
        rc = view_load(r->env.cache, r->keys, r->id, r->index, &view);
    }
    if (rc == 0 && !view_still_holds(r, &view.position)) {
        catalog_free(view.catalog);
        rc = HF_EABSENT;
    }
    if (rc < 0) {
        if (rc != HF_EABSENT) {
            log_write(LOG_LEVEL_INFO, "the cache is built anew: %s", err_last()->text);
        }
        err_clear();
        return rc == HF_ENOMEM ? err_nomem() : start_from_nothing(r);
    }
    r->catalog = view.catalog;
    r->indexed = view.indexed;
    r->saved = view.position;
    journal_begin_at(r->journal, &view.position);
    return 0;
}

/* The seal hash of an entry that the journal must hold. */
static int hash_of_entry(struct repo *r, uint64_t number, uint8_t out_hash[32])
{
    const struct journal_position *at = journal_at(r->journal);
    struct journal_entry e;
    uint8_t *memory = NULL;
    int rc;

    if (number == at->number) {
        memcpy(out_hash, at->hash, 32);
        return 0;
    }
    rc = journal_read(r->journal, number, &e, &memory);
    if (rc == HF_EABSENT) {
        return err_raise(HF_EDAMAGE, "entry %" PRIu64 " is missing", number);
    }
    memcpy(out_hash, e.seal_hash, 32);
    mem_free(memory);
    return rc;
}

/* A journal that is shorter than we knew it, or another one, was set back or forked. */
static int compare_with_memory(struct repo *r)
{
    uint64_t tip = journal_at(r->journal)->number;
    struct journal_position known;
    uint8_t hash[32];
    int rc = memory_load(r->env.state, r->id, r->env.fs->label, &known);

    if (rc < 0 || known.number == 0) {
        return rc;
    }
    if (known.number > tip) {
        rc = err_raise(HF_EDAMAGE,
                       "the journal ends at entry %" PRIu64 ", but this client has seen %" PRIu64,
                       tip, known.number);
    } else {
        rc = hash_of_entry(r, known.number, hash);
        if (rc < 0) {
            return rc;
        }
        if (memcmp(hash, known.hash, sizeof hash) == 0) {
            return 0;
        }
        rc = err_raise(HF_EDAMAGE, "entry %" PRIu64 " is not the one that this client has seen",
                       known.number);
    }
    err_hint("the repository was set back to an older copy, or forked; if that was done on "
             "purpose, run `holdfast cache accept-rollback`");
    return rc;
}

static int adopt_params(struct repo *r)
{
    const struct entry_init *init = catalog_init_entry(r->catalog);

    if (!init) {
        return err_raise(HF_EDAMAGE, "it has no entry 1"); /* unreachable: a head covers it */
    }
    if (memcmp(init->repo_id, r->id, 16) != 0 ||
        memcmp(init->admin_public, r->keys->sign_public, 32) != 0) {
        return err_raise(HF_EDAMAGE, "entry 1 begins another repository");
    }
    r->cipher = (enum cipher_kind)init->cipher;
    r->params.codec = (enum codec_kind)init->codec;
    r->params.level = init->level;
    r->params.segment_target = init->segment_target;
    r->params.chunks = (struct chunker_params){ init->chunk_min, init->chunk_avg, init->chunk_max,
                                                init->chunk_fixed };
    if (r->params.segment_target < REPO_TARGET_MIN || r->params.segment_target > REPO_TARGET_MAX) {
        return err_raise(HF_EDAMAGE, "entry 1 asks for segments of an impossible size");
    }
    return r->chunker ? 0
                      : chunker_new(&r->params.chunks, r->keys->chunk_boundary_key, &r->chunker);
}

/* A damaged journal is an error, or (tolerant) something to be told beside what can be read. */
static int note_damage(struct repo *r, int rc, enum repo_damage_policy policy)
{
    if (rc != HF_EDAMAGE || policy == REPO_STRICT || !catalog_init_entry(r->catalog)) {
        return rc;
    }
    if (!r->damage) {
        r->damage = mem_alloc(sizeof *r->damage);
        if (!r->damage) {
            return err_nomem();
        }
        err_take(r->damage);
    }
    return 0;
}

/*
 * Entries are taken in before the signature at the tip is seen to vouch for them. In a damaged
 * journal it may vouch for none of them: so they are taken in anew, each by its own signature.
 */
static int follow(struct repo *r, enum repo_damage_policy policy)
{
    int rc = journal_follow(r->journal);

    if (rc == HF_EDAMAGE && policy == REPO_TOLERANT) {
        rc = start_from_nothing(r);
        if (rc == 0) {
            journal_verify_all(r->journal);
            rc = journal_follow(r->journal);
        }
    }
    return note_damage(r, rc, policy);
}

static int bring_up_to_date(struct repo *r, enum repo_damage_policy policy)
{
    int rc = follow(r, policy);

    if (rc == 0) {
        rc = adopt_params(r);
    }
    if (rc == 0 && r->env.state) {
        rc = note_damage(r, compare_with_memory(r), policy);
    }
    return rc;
}

static void set_publishing(struct repo *r, bool publishing)
{
    pthread_mutex_lock(&r->lock);
    r->publishing = publishing;
    pthread_mutex_unlock(&r->lock);
}

int repo_publish(struct repo *r, const struct journal_draft *draft)
{
    int rc;

    set_publishing(r, true);
    rc = journal_publish(r->journal, draft);
    set_publishing(r, false);
    return rc;
}

uint64_t repo_tip(struct repo *r)
{
    uint64_t number;

    pthread_rwlock_rdlock(&r->index_lock);
    number = journal_at(r->journal)->number;
    pthread_rwlock_unlock(&r->index_lock);
    return number;
}

int repo_look_again(struct repo *r, uint64_t seen, bool *out_moved)
{
    struct err_trail why;
    int rc = 0;

    err_take(&why);
    pthread_rwlock_wrlock(&r->index_lock);
    pthread_mutex_lock(&r->lock);
    if (r->publishing) {
        rc = err_raise(HF_ECHANGED, "a segment was removed meanwhile");
    } else if (!r->damage && journal_at(r->journal)->number == seen) {
        rc = journal_follow(r->journal);
    }
    pthread_mutex_unlock(&r->lock);
    *out_moved = rc == 0 && journal_at(r->journal)->number != seen;
    pthread_rwlock_unlock(&r->index_lock);
    if (rc == 0) {
        err_give(&why);
    }
    return rc;
}

void repo_remember(struct repo *r)
{
    const struct journal_position *at = journal_at(r->journal);

    /* Nothing is remembered or cached on an entry that may still vanish. */
    if (r->damage || !journal_settled(r->journal)) {
        return;
    }
    if (r->env.state && memory_store(r->env.state, r->id, r->env.fs->label, at) < 0) {
        log_write(LOG_LEVEL_WARN, "could not remember the repository's position: %s",
                  err_last()->text);
        err_clear();
    }
    repo_save_cache(r);
}

void repo_save_cache(struct repo *r)
{
    struct view view = { .position = *journal_at(r->journal),
                         .catalog = r->catalog,
                         .indexed = r->indexed };

    if (!r->env.cache || r->damage || r->unread || !journal_settled(r->journal) ||
        (view.position.number == r->saved.number && index_pending(r->index) == 0)) {
        return;
    }
    if (view_save(r->env.cache, r->env.rnd, r->index, &view) < 0) {
        log_write(LOG_LEVEL_INFO, "could not save the cache: %s", err_last()->text);
        err_clear();
        return;
    }
    r->saved = view.position;
    index_tidy(r->index, clock_wall(r->env.clock));
}

/* Opening and closing */

static int open_journal(struct repo *r)
{
    struct journal_options o = { .fs = r->env.fs,
                                 .clock = r->env.clock,
                                 .rnd = r->env.rnd,
                                 .keys = r->keys,
                                 .observe = observe,
                                 .context = r };

    memcpy(o.repo_id, r->id, sizeof o.repo_id);
    memcpy(o.admin_public, r->keys->sign_public, sizeof o.admin_public);
    return journal_new(&o, &r->journal);
}

static int open_parts(struct repo *r, const struct keyfile_unlock *unlock,
                      enum repo_damage_policy policy)
{
    const struct repo_unlock u = {
        .fs = r->env.fs, .cache = r->env.cache, .repo_id = r->id, .how = unlock
    };
    int rc = repo_probe(r->env.fs, r->id);

    if (rc == 0) {
        rc = repo_unlock(&u, &r->keys, &r->way, NULL);
    }
    if (rc == 0) {
        rc = open_journal(r);
    }
    if (rc == 0) {
        rc = index_new(r->env.cache, r->env.rnd, segment_is_live, r, &r->index);
    }
    if (rc == 0) {
        rc = start_from_cache(r);
    }
    if (rc == 0) {
        rc = bring_up_to_date(r, policy);
    }
    if (rc == 0) {
        rc = repo_keys_confirm(r, unlock);
    }
    return rc;
}

int repo_open(const struct repo_env *env, const struct keyfile_unlock *unlock,
              enum repo_damage_policy policy, struct repo **out_repo)
{
    struct repo *r = mem_zalloc(sizeof *r);
    int rc;

    if (!r) {
        return err_nomem();
    }
    r->env = *env;
    pthread_mutex_init(&r->lock, NULL);
    pthread_rwlock_init(&r->index_lock, NULL);
    rc = nacl_init();
    if (rc == 0) {
        rc = open_parts(r, unlock, policy);
    }
    if (rc < 0) {
        struct err_trail cause;

        err_take(&cause);
        repo_close(r);
        err_give(&cause);
        return err_add(rc, "could not open the repository %s", env->fs->label);
    }
    repo_remember(r);
    *out_repo = r;
    return 0;
}

void repo_close(struct repo *r)
{
    if (!r) {
        return;
    }
    for (size_t i = 0; i < REPO_OPEN_SEGMENTS; i++) {
        segreader_close(r->open[i].reader);
    }
    pthread_mutex_destroy(&r->lock);
    pthread_rwlock_destroy(&r->index_lock);
    index_free(r->index);
    catalog_free(r->catalog);
    journal_free(r->journal);
    chunker_free(r->chunker);
    keyring_free(r->keys);
    mem_free(r->damage);
    mem_free(r->unread);
    mem_free(r);
}

const struct err_trail *repo_damage(const struct repo *r)
{
    return r->damage;
}

int repo_may_write(const struct repo *r)
{
    if (r->damage) {
        err_raise(HF_EDAMAGE, "%s", r->damage->text);
        return err_hint("a damaged journal takes no new entries: see `holdfast check`");
    }
    if (catalog_init_entry(r->catalog)->features_write != 0) {
        err_raise(HF_ENEWER, "the repository has features that a newer holdfast writes");
        return err_hint("install the newest holdfast");
    }
    return 0;
}

int repo_refresh(struct repo *r)
{
    int rc = bring_up_to_date(r, REPO_STRICT);

    if (rc == 0) {
        repo_remember(r);
    }
    return rc;
}

const uint8_t *repo_id(const struct repo *r)
{
    return r->id;
}

const struct repo_env *repo_env(const struct repo *r)
{
    return &r->env;
}

const struct keyring *repo_keys(const struct repo *r)
{
    return r->keys;
}

const struct repo_params *repo_params(const struct repo *r)
{
    return &r->params;
}

const struct chunker *repo_chunker(const struct repo *r)
{
    return r->chunker;
}

const struct catalog *repo_catalog(const struct repo *r)
{
    return r->catalog;
}

struct journal *repo_journal(struct repo *r)
{
    return r->journal;
}
