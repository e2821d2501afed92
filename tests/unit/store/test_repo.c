/*
 * test_repo.c - opening a repository: every way in which it may not be one, and that what a client
 * has cached or remembers never changes an answer but for the worse when it must.
 */
#include "store/memory.h"
#include "store/repo_internal.h"
#include "unit/store/storekit.h"

#define LEN 700

static int open_with(struct vault *v, const struct keyfile_unlock *unlock,
                     enum repo_damage_policy policy)
{
    kit_close(v);
    return repo_open(&v->env, unlock, policy, &v->repo);
}

static int reopen(struct vault *v)
{
    return open_with(v, &kit_unlock, REPO_STRICT);
}

/* A repository with snapshots of three chunks each, from 10, 20, .. */
static struct simdisk *begin(struct vault *v, unsigned snapshots)
{
    struct simdisk *d = kit_begin(v);
    uint8_t id[16];

    for (unsigned i = 1; i <= snapshots; i++) {
        kit_commit(v, 10 * i, 3, LEN, id);
    }
    return d;
}

/* All that was stored is there, by this client's view. */
static void assert_all_there(struct vault *v, unsigned snapshots)
{
    assert_int_equal(catalog_snapshot_count(repo_catalog(v->repo)), snapshots);
    for (unsigned i = 1; i <= snapshots; i++) {
        for (unsigned c = 0; c < 3; c++) {
            ok(kit_fetch(v->repo, 10 * i + c, LEN));
        }
    }
}

/* --- the hint --------------------------------------------------------------------------------- */

static void test_repo_that_is_none(void **state)
{
    struct simdisk *d = simdisk_new(1);
    struct vault v;

    (void)state;
    kit_enter(&v, d, "a");
    says(reopen(&v), HF_ENO_REPO, "there is no repository");
    assert_non_null(strstr(err_last()->text, "could not open the repository sim:/repo"));
    assert_non_null(strstr(err_last()->hint, "holdfast init"));
    ok(fs_mkdir(v.env.fs, "journal", 0700));
    says(reopen(&v), HF_ENO_REPO, "there is a half-made repository only");
    assert_non_null(strstr(err_last()->hint, "remove the folder's content"));
    simrot_replace(d, "repo/journal/000000000001", "x", 1);
    says(reopen(&v), HF_ENO_REPO, "there is a half-made repository only");
    kit_end(&v, d);
}

static void test_repo_that_lost_its_hint_is_damaged(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);

    (void)state;
    simrot_delete(d, "repo/holdfast");
    says(reopen(&v), HF_EDAMAGE, "`holdfast` is missing, though journal/ holds 3 entries");
    kit_fault(d, SIMOP_LIST, "repo/journal", SIMFAULT_REFUSE, EIO);
    assert_int_equal(reopen(&v), HF_EIO);
    kit_end(&v, d);
}

static void test_repo_never_opens_by_an_altered_hint(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    size_t len;

    (void)state;
    simrot_look(d, "repo/holdfast", &len);
    for (uint64_t bit = 0; bit < 8 * len; bit++) {
        struct simdisk *rotten = simdisk_fork(d);
        struct vault w;
        int rc;

        kit_enter(&w, rotten, "b");
        simrot_flip(rotten, "repo/holdfast", bit);
        rc = reopen(&w);
        assert_int_equal(rc, HF_EDAMAGE); /* a newer version, too: entry 1 is one that we know */
        kit_end(&w, rotten);
    }
    kit_end(&v, d);
}

static void test_repo_never_opens_by_a_hint_of_another_length(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    uint8_t id[16];
    size_t len;

    (void)state;
    simrot_look(d, "repo/holdfast", &len);
    for (size_t to = 0; to < len + 100; to++) {
        struct simdisk *rotten = simdisk_fork(d);
        struct fs *fs = simclient_fs(simdisk_client(rotten, "b"), "repo");

        simrot_cut(rotten, "repo/holdfast", to);
        assert_int_equal(repo_probe(fs, id), to == len ? 0 : HF_EDAMAGE);
        fs_close_fs(fs);
        simdisk_free(rotten);
    }
    kit_end(&v, d);
}

static void test_repo_of_a_newer_format_needs_a_newer_program(void **state)
{
    static const char *const hints[] = {
        "holdfast repository\nformat: 1\nid: 00000000000000000000000000000000\n",
        "holdfast repository\nformat: 17\nsomething else\n",
    };
    struct vault v;
    struct simdisk *d = begin(&v, 1);

    (void)state;
    simrot_replace(d, "repo/journal/000000000001", "of which we know nothing", 24);
    for (size_t i = 0; i < COUNT(hints); i++) {
        simrot_replace(d, "repo/holdfast", hints[i], strlen(hints[i]));
        says(reopen(&v), HF_ENEWER, "the repository is of a newer format");
        assert_non_null(strstr(err_last()->hint, "newest holdfast"));
    }
    kit_end(&v, d);
}

/* --- keys ------------------------------------------------------------------------------------- */

static const uint8_t other_secret[KEYFILE_SECRET_BYTES] = "another key file";

static void put_key(struct vault *v, struct simdisk *d, const char *name, const uint8_t *secret,
                    const uint8_t master[32], const uint8_t admin_public[32])
{
    struct keyfile_unlock how = { .secret = secret };
    uint8_t bytes[KEYFILE_BYTES];
    char path[128];

    ok(keyfile_wrap(master, repo_id(v->repo), admin_public, &how, v->env.rnd, bytes));
    snprintf(path, sizeof path, "repo/keys/%s", name);
    simrot_replace(d, path, bytes, sizeof bytes);
}

/* One that opens with another secret, and whatever it opens is not asked for here. */
static void put_other_key(struct vault *v, struct simdisk *d, const char *name)
{
    static const uint8_t master[32] = { 1 };

    put_key(v, d, name, other_secret, master, repo_keys(v->repo)->sign_public);
}

static void test_repo_needs_the_right_key(void **state)
{
    struct keyfile_unlock wrong = { .secret = other_secret };
    struct keyfile_unlock password = { .password = "sesame", .password_len = 6 };
    struct vault v;
    struct simdisk *d = begin(&v, 1);

    (void)state;
    says(open_with(&v, &wrong, REPO_STRICT), HF_EKEY, "keys/main");
    assert_int_equal(open_with(&v, &password, REPO_STRICT), HF_EKEY);
    ok(reopen(&v));
    kit_end(&v, d);
}

static void test_repo_with_a_damaged_key(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);

    (void)state;
    simrot_flip(d, "repo/keys/main", 8 * 130);
    ok(reopen(&v)); /* there are two copies in it */
    simrot_flip(d, "repo/keys/main", 8 * (KEYFILE_COPY_BYTES + 130));
    says(reopen(&v), HF_EKEY_DAMAGED, "keys/main");
    simrot_cut(d, "repo/keys/main", 5000);
    says(reopen(&v), HF_EKEY_DAMAGED, "keys/main");
    kit_end(&v, d);
}

static void test_repo_without_keys(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);

    (void)state;
    simrot_delete(d, "repo/keys/main");
    says(reopen(&v), HF_EKEY_DAMAGED, "there are no keys in sim:/repo/keys");
    assert_non_null(strstr(err_last()->hint, "put a copy"));
    ok(fs_rmdir(v.env.fs, "keys"));
    says(reopen(&v), HF_EKEY_DAMAGED, "there are no keys");
    kit_fault(d, SIMOP_LIST, "repo/keys", SIMFAULT_REFUSE, EIO);
    assert_int_equal(reopen(&v), HF_EIO);
    kit_end(&v, d);
}

static void test_repo_tries_every_key(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);

    (void)state;
    put_other_key(&v, d, "aaa");
    put_other_key(&v, d, "zzz");
    simrot_replace(d, "repo/keys/bbb", "rubbish", 7);
    ok(reopen(&v));
    kit_end(&v, d);
}

/* What is told if none opens: that which comes nearest to why. */
static void test_repo_says_why_no_key_opened(void **state)
{
    struct keyfile_unlock wrong = {
        .secret = (const uint8_t *)"nobody has a key with this secret"
    };
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    struct simdisk *fork;
    struct vault w;

    (void)state;
    put_other_key(&v, d, "zzz");
    simrot_replace(d, "repo/keys/aaa", "rubbish", 7);
    says(open_with(&v, &wrong, REPO_STRICT), HF_EKEY, "keys/");
    /* The one that would have opened can't be read: then it was not the password. */
    kit_fault(d, SIMOP_PREAD, "repo/keys/main", SIMFAULT_REFUSE, EIO);
    says(reopen(&v), HF_EIO, "keys/main");
    kit_fault(d, SIMOP_OPEN, "repo/keys/main", SIMFAULT_REFUSE, EACCES);
    says(reopen(&v), HF_EACCESS, "keys/main");
    /* One opened, and the hint is what is wrong. */
    fork = simdisk_fork(d);
    kit_enter(&w, fork, "b");
    for (size_t at = 34;; at++) { /* of the id: one digit becomes another */
        size_t len;

        if (simrot_look(fork, "repo/holdfast", &len)[at] <= '9') {
            simrot_flip(fork, "repo/holdfast", 8 * (uint64_t)at);
            break;
        }
    }
    says(reopen(&w), HF_EDAMAGE, "name different repositories");
    kit_end(&w, fork);
    kit_end(&v, d);
}

static void test_repo_key_must_be_the_one_that_it_pins(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    static const uint8_t master[32] = { 9 };

    (void)state;
    put_key(&v, d, "main", kit_secret, master, repo_keys(v.repo)->sign_public);
    says(reopen(&v), HF_EKEY_DAMAGED, "its pinned public key is not that of its secret");
    kit_end(&v, d);
}

static void test_repo_with_more_keys_than_anybody_has(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);

    (void)state;
    for (unsigned i = 0; i < 1024; i++) {
        char path[128];

        snprintf(path, sizeof path, "repo/keys/%u", i);
        simrot_replace(d, path, "", 0);
    }
    says(reopen(&v), HF_ELIMIT, "more than 1024 keys");
    kit_end(&v, d);
}

/* --- entry 1 ---------------------------------------------------------------------------------- */

/* Writes the first and only entry anew, signed by the owner. */
static void replace_first_entry(struct vault *v, struct simdisk *d, const struct entry_init *init)
{
    struct entry_seal seal = { .number = 1, .uuid = { 1 } };
    uint8_t bytes[ENTRY_SEAL_BYTES];
    uint8_t hash[32];
    struct buf file;
    char path[128];

    buf_init(&file);
    if (init) {
        entry_put_init(&file, init);
    } else {
        entry_put_forget(&file, false, 0, (const uint8_t(*)[16])kit_secret, 1);
    }
    memcpy(seal.repo_id, repo_id(v->repo), 16);
    entry_seal_encode(&seal, file.data, file.len, repo_keys(v->repo), bytes);
    entry_seal_hash(bytes, hash);
    buf_put(&file, bytes, sizeof bytes);
    simrot_replace(d, "repo/journal/000000000001", file.data, file.len);
    simrot_delete(d, kit_file(d, "repo/head/", 0, path));
    memcpy(path, "repo/head/", 10);
    entry_head_name(1, hash, path + 10);
    simrot_replace(d, path, "", 0);
    buf_release(&file);
}

static void test_repo_first_entry_must_begin_this_repository(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 0);
    struct entry_init init = *catalog_init_entry(repo_catalog(v.repo));
    struct entry_init other = init;
    struct vault w;

    (void)state;
    kit_enter(&w, d, "b"); /* remembers nothing */
    other.repo_id[0] ^= 1;
    replace_first_entry(&v, d, &other);
    says(reopen(&w), HF_EDAMAGE, "entry 1 begins another repository");
    other = init;
    other.admin_public[0] ^= 1;
    replace_first_entry(&v, d, &other);
    says(reopen(&w), HF_EDAMAGE, "entry 1 begins another repository");
    other = init;
    other.segment_target = 100;
    replace_first_entry(&v, d, &other);
    says(reopen(&w), HF_EDAMAGE, "segments of an impossible size");
    other.segment_target = SEGMENT_MAX_BYTES;
    replace_first_entry(&v, d, &other);
    says(reopen(&w), HF_EDAMAGE, "segments of an impossible size");
    other = init;
    other.features_read = 1;
    replace_first_entry(&v, d, &other);
    assert_int_equal(reopen(&w), HF_ENEWER);
    replace_first_entry(&v, d, NULL);
    assert_int_equal(reopen(&w), HF_EDAMAGE);
    assert_int_equal(open_with(&w, &kit_unlock, REPO_TOLERANT), HF_EDAMAGE);
    replace_first_entry(&v, d, &init);
    ok(reopen(&w));
    vault_leave(&w);
    kit_end(&v, d);
}

/* A feature that is only needed to write keeps nobody from reading. */
static void test_repo_with_a_feature_to_write_can_be_read(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 0);
    struct entry_init init = *catalog_init_entry(repo_catalog(v.repo));
    struct run_options o = { 0 };
    struct run *x = NULL;
    struct vault w;
    size_t from;

    (void)state;
    init.features_write = 4;
    init.features_ignore = 8;
    replace_first_entry(&v, d, &init);
    kit_join(&w, d, "b");
    o.pool = w.pool;
    from = simdisk_trace(d)->count;
    says(run_begin(w.repo, &o, &x), HF_ENEWER, "");
    assert_int_equal(kit_try_publish(w.repo, ENTRY_FORGET, kit_secret), HF_ENEWER);
    assert_int_equal(kit_changes(d, from, "repo"), 0);
    vault_leave(&w);
    kit_end(&v, d);
}

static void test_repo_without_its_first_entry(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 0);
    char path[128];
    struct vault w;

    (void)state;
    simrot_delete(d, "repo/journal/000000000001");
    kit_enter(&w, d, "b");
    says(reopen(&w), HF_EDAMAGE, "entry 1 is missing");
    says(open_with(&w, &kit_unlock, REPO_TOLERANT), HF_EDAMAGE, "entry 1 is missing");
    simrot_delete(d, kit_file(d, "repo/head/", 0, path));
    says(reopen(&w), HF_EDAMAGE, "head/ is empty");
    vault_leave(&w);
    kit_end(&v, d);
}

/* --- what it says of itself ------------------------------------------------------------------- */

static void test_repo_says_what_it_is(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    uint8_t id[16];

    (void)state;
    ok(repo_probe(v.env.fs, id));
    assert_memory_equal(repo_id(v.repo), id, 16);
    assert_ptr_equal(repo_env(v.repo)->fs, v.env.fs);
    assert_int_equal(repo_params(v.repo)->segment_target, 6000);
    assert_int_equal(repo_params(v.repo)->codec, CODEC_ZSTD);
    assert_int_equal(chunker_params(repo_chunker(v.repo))->max, CHUNKER_DEFAULT_MAX);
    assert_int_equal(journal_at(repo_journal(v.repo))->number, 2);
    assert_null(repo_damage(v.repo));
    repo_close(NULL);
    kit_end(&v, d);
}

static void test_repo_reading_writes_nothing_into_it(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    struct vault w;
    size_t from = simdisk_trace(d)->count;

    (void)state;
    for (unsigned i = 0; i < 2; i++) { /* without a cache, and with one */
        kit_join(&w, d, "b");
        assert_all_there(&w, 3);
        ok(repo_refresh(w.repo));
        repo_save_cache(w.repo);
        vault_leave(&w);
    }
    assert_int_equal(kit_changes(d, from, "repo"), 0);
    assert_true(kit_changes(d, from, "cache-b") > 0);
    assert_true(kit_changes(d, from, "state-b") > 0);
    kit_end(&v, d);
}

/* --- refresh ---------------------------------------------------------------------------------- */

static void test_repo_refresh_sees_what_others_did(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    struct vault w;
    uint8_t id[16];

    (void)state;
    kit_join(&w, d, "b");
    kit_commit(&v, 20, 3, LEN, id);
    assert_int_equal(catalog_snapshot_count(repo_catalog(w.repo)), 1);
    ok(repo_refresh(w.repo));
    assert_all_there(&w, 2);
    kit_publish(v.repo, ENTRY_FORGET, id);
    ok(repo_refresh(w.repo));
    assert_true(catalog_find_snapshot(repo_catalog(w.repo), id)->forgotten_by > 0);
    vault_leave(&w);
    kit_end(&v, d);
}

static void test_repo_refresh_notices_damage(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    struct vault w;
    uint8_t id[16];

    (void)state;
    kit_join(&w, d, "b");
    kit_commit(&v, 20, 3, LEN, id);
    simrot_flip(d, "repo/journal/000000000003", 100);
    says(repo_refresh(w.repo), HF_EDAMAGE, "journal entry 3");
    vault_leave(&w);
    kit_end(&v, d);
}

/* --- a damaged journal ------------------------------------------------------------------------ */

static void test_repo_opened_in_spite_of_damage(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    struct run_options o = { 0 };
    struct run *x = NULL;
    struct vault w;
    size_t from;

    (void)state;
    simrot_flip(d, "repo/journal/000000000004", 77);
    kit_enter(&w, d, "b");
    says(reopen(&w), HF_EDAMAGE, "journal entry 4");
    from = simdisk_trace(d)->count;
    ok(open_with(&w, &kit_unlock, REPO_TOLERANT));
    assert_non_null(repo_damage(w.repo));
    assert_non_null(strstr(repo_damage(w.repo)->text, "journal entry 4"));
    assert_all_there(&w, 2);
    o.pool = w.pool;
    says(run_begin(w.repo, &o, &x), HF_EDAMAGE, "journal entry 4");
    assert_non_null(strstr(err_last()->hint, "holdfast check"));
    assert_int_equal(kit_try_publish(w.repo, ENTRY_FORGET, kit_secret), HF_EDAMAGE);
    repo_save_cache(w.repo);
    assert_int_equal(kit_changes(d, from, ""), 0); /* neither cached nor remembered */
    vault_leave(&w);
    kit_end(&v, d);
}

/* Puts an entry under the next number, signed by whoever holds these keys. */
static void forge(struct vault *v, struct simdisk *d, const struct keyring *signer, uint64_t number,
                  const uint8_t previous[32], const uint8_t condemned[16], uint8_t out_hash[32])
{
    struct entry_seal seal = { .number = number, .uuid = { (uint8_t)number } };
    uint8_t bytes[ENTRY_SEAL_BYTES];
    char path[128];
    struct buf file;

    buf_init(&file);
    entry_put_condemn(&file, (const uint8_t(*)[16])condemned, 1);
    memcpy(seal.repo_id, repo_id(v->repo), 16);
    memcpy(seal.previous, previous, 32);
    entry_seal_encode(&seal, file.data, file.len, signer, bytes);
    entry_seal_hash(bytes, out_hash);
    buf_put(&file, bytes, sizeof bytes);
    snprintf(path, sizeof path, "repo/journal/%012" PRIu64, number);
    simrot_replace(d, path, file.data, file.len);
    buf_release(&file);
}

/*
 * Somebody without the key appends entries that condemn what there is. Whoever opens in spite of
 * the damage must see nothing of them: no signature vouches for any.
 */
static void test_repo_believes_no_entry_that_nobody_vouches_for(void **state)
{
    static const uint8_t master[KEYRING_MASTER_BYTES] = "somebody else";
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    struct keyring *stranger = NULL;
    struct vault w;
    uint8_t hash[32];

    (void)state;
    ok(keyring_new(master, &stranger));
    memcpy(stranger->author, repo_keys(v.repo)->author, sizeof stranger->author);
    memcpy(hash, journal_at(repo_journal(v.repo))->hash, 32);
    for (uint64_t n = 4; n <= 6; n++) {
        forge(&v, d, stranger, n, hash, kit_segment(v.repo, (uint32_t)n % 2), hash);
    }
    for (unsigned i = 0; i < 2; i++) { /* without a cache, and from one */
        kit_enter(&w, d, i == 0 ? "b" : "a");
        says(reopen(&w), HF_EDAMAGE, "its signature does not hold");
        ok(open_with(&w, &kit_unlock, REPO_TOLERANT));
        assert_non_null(strstr(repo_damage(w.repo)->text, "its signature does not hold"));
        assert_int_equal(journal_at(repo_journal(w.repo))->number, 3);
        assert_all_there(&w, 2);
        vault_leave(&w);
    }
    keyring_free(stranger);
    kit_end(&v, d);
}

/* --- an older copy, a fork -------------------------------------------------------------------- */

struct copy {
    struct simdisk *from, *to;
};

static int copy_one(void *context, const char *path, size_t len)
{
    const struct copy *c = context;
    const uint8_t *data = simrot_look(c->from, path, &len);

    simrot_replace(c->to, path, data, len);
    return 0;
}

static void delete_all(struct simdisk *d, const char *prefix)
{
    char path[128];

    while (kit_files(d, prefix) > 0) {
        simrot_delete(d, kit_file(d, prefix, 0, path));
    }
}

/* The repository becomes what it is on the other disk; what clients know of it stays. */
static void set_back(struct simdisk *d, struct simdisk *older)
{
    struct copy c = { older, d };

    delete_all(d, "repo/journal/");
    delete_all(d, "repo/head/");
    delete_all(d, "repo/segments/");
    simrot_each(older, "repo/journal/", copy_one, &c);
    simrot_each(older, "repo/head/", copy_one, &c);
    simrot_each(older, "repo/segments/", copy_one, &c);
}

static void test_repo_notices_that_it_was_set_back(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    struct simdisk *older = simdisk_fork(d);
    struct run_options o = { .pool = v.pool };
    struct run *x = NULL;
    uint8_t id[16];

    (void)state;
    kit_commit(&v, 30, 3, LEN, id);
    kit_close(&v);
    set_back(d, older);
    says(reopen(&v), HF_EDAMAGE, "the journal ends at entry 3, but this client has seen 4");
    assert_non_null(strstr(err_last()->hint, "accept-rollback"));
    ok(open_with(&v, &kit_unlock, REPO_TOLERANT));
    assert_non_null(repo_damage(v.repo));
    assert_all_there(&v, 2);
    assert_int_equal(run_begin(v.repo, &o, &x), HF_EDAMAGE);
    assert_int_equal(kit_try_publish(v.repo, ENTRY_FORGET, kit_secret), HF_EDAMAGE);
    assert_int_equal(kit_files(d, "repo/journal/"), 3); /* nothing was built on it */
    ok(memory_forget(v.env.state, repo_id(v.repo), v.env.fs->label));
    ok(reopen(&v));
    assert_all_there(&v, 2);
    kit_commit(&v, 30, 3, LEN, id);
    simdisk_free(older);
    kit_end(&v, d);
}

static void test_repo_notices_a_fork(void **state)
{
    (void)state;
    for (unsigned longer = 0; longer < 3; longer++) {
        struct vault v;
        struct simdisk *d = begin(&v, 2);
        struct simdisk *other = simdisk_fork(d);
        struct vault w;
        uint8_t id[16];
        int rc;

        kit_commit(&v, 30, 3, LEN, id);
        kit_join(&w, other, "b");
        for (unsigned i = 0; i <= longer; i++) {
            kit_commit(&w, 50 + 10 * i, 3, LEN, id);
        }
        vault_leave(&w);
        kit_close(&v);
        set_back(d, other);
        rc = reopen(&v);
        says(rc, HF_EDAMAGE, "entry 4 is not the one that this client has seen");
        assert_non_null(strstr(err_last()->hint, "accept-rollback"));
        ok(open_with(&v, &kit_unlock, REPO_TOLERANT)); /* the stale cache is of no use */
        assert_int_equal(catalog_snapshot_count(repo_catalog(v.repo)), 3 + longer);
        ok(kit_fetch(v.repo, 50, LEN));
        assert_int_equal(kit_fetch(v.repo, 30, LEN), HF_EDAMAGE);
        simdisk_free(other);
        kit_end(&v, d);
    }
}

static void test_repo_without_a_memory_notices_neither(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    struct simdisk *older = simdisk_fork(d);
    struct fs *memory = v.env.state;
    uint8_t id[16];

    (void)state;
    kit_commit(&v, 30, 3, LEN, id);
    set_back(d, older);
    kit_close(&v);
    v.env.state = NULL;
    ok(reopen(&v));
    assert_all_there(&v, 2);
    kit_close(&v);
    v.env.state = memory;
    simdisk_free(older);
    kit_end(&v, d);
}

/* The memory can be older than the cache: a crash may have torn its newer slot. */
static void test_repo_misses_an_entry_that_only_the_memory_asks_for(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 3);
    char path[128];
    size_t newest = 0;
    uint64_t highest = 0;

    (void)state;
    kit_close(&v);
    for (size_t slot = 0; slot < 2; slot++) {
        size_t len;
        const uint8_t *data = simrot_look(d, kit_file(d, "state-a/", slot, path), &len);

        newest = le_get64(data + 16) > highest ? slot : newest;
        highest = le_get64(data + 16) > highest ? le_get64(data + 16) : highest;
    }
    assert_int_equal(highest, 4);
    simrot_cut(d, kit_file(d, "state-a/", newest, path), 20);
    ok(reopen(&v));
    kit_close(&v);
    simrot_cut(d, kit_file(d, "state-a/", newest, path), 20);
    simrot_delete(d, "repo/journal/000000000003");
    says(reopen(&v), HF_EDAMAGE, "entry 3 is missing");
    assert_null(strstr(err_last()->hint, "accept-rollback"));
    kit_end(&v, d);
}

static void test_repo_needs_its_memory_to_be_readable(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);

    (void)state;
    kit_fault_for_ever(d, SIMOP_OPEN, "state-a/", EIO);
    assert_int_equal(reopen(&v), HF_EIO);
    simdisk_clear_faults(d);
    kit_fault_for_ever(d, SIMOP_CREATE, "state-a/", EIO);
    ok(reopen(&v)); /* that it can't remember is told, and no error */
    kit_end(&v, d);
}

/* --- the cache -------------------------------------------------------------------------------- */

/* Whatever lies in the cache, answers are the same. */
static void assert_same_answers(struct simdisk *d, unsigned snapshots)
{
    struct vault w;
    struct index *index;
    struct run *x;
    struct index_home home;
    uint8_t id[32];

    kit_enter(&w, d, "a");
    ok(reopen(&w));
    assert_all_there(&w, snapshots);
    kit_chunk_id(w.repo, 10, LEN, id);
    ok(repo_locate(w.repo, id, &home));
    assert_int_equal(home.segment, 0);
    x = kit_run(&w);
    assert_false(kit_add(&w, x, 10 * snapshots, LEN));
    assert_true(kit_add(&w, x, 7777, LEN));
    run_abort(x);
    ok(repo_index(w.repo, &index));
    repo_save_cache(w.repo);
    vault_leave(&w);
}

static void test_repo_answers_the_same_without_its_cache(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 4);

    (void)state;
    kit_close(&v);
    assert_same_answers(d, 4);
    delete_all(d, "cache-a/");
    assert_same_answers(d, 4);
    assert_true(kit_files(d, "cache-a/") > 1);
    kit_end(&v, d);
}

struct rot {
    struct simdisk *d;
    unsigned snapshots;
};

/* Each file of the cache: rotten in every page, cut, gone. */
static int spoil_one(void *context, const char *path, size_t len)
{
    const struct rot *r = context;

    for (size_t at = 0; at < len; at += at < 1100 ? 97 : 4099) {
        struct simdisk *rotten = simdisk_fork(r->d);

        simrot_flip(rotten, path, 8 * (uint64_t)at + 3);
        assert_same_answers(rotten, r->snapshots);
        assert_same_answers(rotten, r->snapshots); /* by what it has saved then, too */
        simdisk_free(rotten);
    }
    for (size_t to = 0; to < len; to += len / 3 + 1) {
        struct simdisk *rotten = simdisk_fork(r->d);

        simrot_cut(rotten, path, to);
        assert_same_answers(rotten, r->snapshots);
        simrot_delete(rotten, path);
        assert_same_answers(rotten, r->snapshots);
        simdisk_free(rotten);
    }
    return 0;
}

static void test_repo_answers_the_same_with_a_rotten_cache(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 4);
    struct rot r = { d, 4 };
    uint8_t id[16];

    (void)state;
    kit_commit(&v, 50, 3, LEN, id);
    r.snapshots = 5;
    kit_close(&v);
    simrot_each(d, "cache-a/", spoil_one, &r);
    kit_end(&v, d);
}

static void test_repo_opened_from_its_cache_reads_no_segment(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 4);
    struct index *index;
    const struct simtrace *t;
    size_t from;

    (void)state;
    kit_close(&v);
    from = simdisk_trace(d)->count;
    ok(reopen(&v));
    ok(repo_index(v.repo, &index));
    assert_true(index_count(index) >= 12);
    t = simdisk_trace(d);
    for (size_t i = from; i < t->count; i++) {
        assert_null(t->ops[i].path ? strstr(t->ops[i].path, "repo/segments") : NULL);
    }
    kit_end(&v, d);
}

static void test_repo_without_a_cache_folder_works(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    struct fs *cache = v.env.cache;

    (void)state;
    kit_close(&v);
    v.env.cache = NULL;
    ok(reopen(&v));
    assert_all_there(&v, 2);
    kit_close(&v);
    v.env.cache = cache;
    kit_end(&v, d);
}

static void test_repo_with_a_cache_that_can_not_be_written_works(void **state)
{
    static const enum simop_kind ops[] = { SIMOP_CREATE,      SIMOP_PWRITE, SIMOP_CLOSE,
                                           SIMOP_RENAME_OVER, SIMOP_OPEN,   SIMOP_LIST };

    (void)state;
    for (size_t i = 0; i < COUNT(ops); i++) {
        struct vault v;
        struct simdisk *d = begin(&v, 1);
        uint8_t id[16];

        kit_fault_for_ever(d, ops[i], "cache-a/", ENOSPC);
        kit_commit(&v, 20, 3, LEN, id);
        ok(reopen(&v));
        assert_all_there(&v, 2);
        kit_end(&v, d);
    }
}

/* Nothing is cached or remembered of an entry that may still vanish. */
static void test_repo_remembers_only_what_is_durable(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 1);
    struct journal_position known;
    struct vault w;
    uint8_t id[16];
    uint64_t number;
    struct run *x;
    size_t from;

    (void)state;
    kit_join(&w, d, "b");
    kit_close(&w);
    x = kit_run(&v);
    kit_add(&v, x, 20, LEN);
    kit_fault(d, SIMOP_CREATE, "repo/head/", SIMFAULT_REFUSE, EIO);
    assert_int_equal(kit_try_commit(&x, id, &number), HF_EUNKNOWN);
    from = simdisk_trace(d)->count;
    ok(reopen(&w));
    assert_int_equal(journal_at(repo_journal(w.repo))->number, 3);
    ok(kit_fetch(w.repo, 20, LEN));
    repo_save_cache(w.repo);
    assert_int_equal(kit_changes(d, from, ""), 0);
    ok(memory_load(w.env.state, repo_id(w.repo), w.env.fs->label, &known));
    assert_int_equal(known.number, 2);
    kit_publish(w.repo, ENTRY_FORGET, kit_secret);
    ok(memory_load(w.env.state, repo_id(w.repo), w.env.fs->label, &known));
    assert_int_equal(known.number, 4);
    vault_leave(&w);
    kit_end(&v, d);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void test_repo_opens_or_says_that_memory_ran_out(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);

    (void)state;
    kit_close(&v);
    for (unsigned cached = 0; cached < 2; cached++) {
        uint64_t refused = 1;

        for (uint64_t n = 1; refused > 0; n++) {
            int rc;

            if (!cached) {
                delete_all(d, "cache-a/");
            }
            mem_fail_at(n, 0);
            rc = repo_open(&v.env, &kit_unlock, REPO_STRICT, &v.repo);
            refused = mem_fail_hits();
            mem_fail_at(0, 0);
            if (rc == 0) {
                assert_all_there(&v, 2);
                kit_close(&v);
            } else {
                says(rc, HF_ENOMEM, "out of memory");
                v.repo = NULL;
            }
        }
    }
    kit_end(&v, d);
}

static void test_repo_tolerates_damage_only_with_memory_to_tell(void **state)
{
    struct vault v;
    struct simdisk *d = begin(&v, 2);
    uint64_t refused = 1;
    struct vault w;

    (void)state;
    simrot_flip(d, "repo/journal/000000000003", 77);
    kit_enter(&w, d, "b");
    for (uint64_t n = 1; refused > 0; n++) {
        int rc;

        mem_fail_at(n, 0);
        rc = repo_open(&w.env, &kit_unlock, REPO_TOLERANT, &w.repo);
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        if (rc == 0) {
            assert_non_null(repo_damage(w.repo));
            assert_all_there(&w, 1);
            kit_close(&w);
        } else {
            assert_int_equal(rc, HF_ENOMEM);
        }
    }
    vault_leave(&w);
    kit_end(&v, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repo_that_is_none),
        cmocka_unit_test(test_repo_that_lost_its_hint_is_damaged),
        cmocka_unit_test(test_repo_never_opens_by_an_altered_hint),
        cmocka_unit_test(test_repo_never_opens_by_a_hint_of_another_length),
        cmocka_unit_test(test_repo_of_a_newer_format_needs_a_newer_program),
        cmocka_unit_test(test_repo_needs_the_right_key),
        cmocka_unit_test(test_repo_with_a_damaged_key),
        cmocka_unit_test(test_repo_without_keys),
        cmocka_unit_test(test_repo_tries_every_key),
        cmocka_unit_test(test_repo_says_why_no_key_opened),
        cmocka_unit_test(test_repo_key_must_be_the_one_that_it_pins),
        cmocka_unit_test(test_repo_with_more_keys_than_anybody_has),
        cmocka_unit_test(test_repo_first_entry_must_begin_this_repository),
        cmocka_unit_test(test_repo_with_a_feature_to_write_can_be_read),
        cmocka_unit_test(test_repo_without_its_first_entry),
        cmocka_unit_test(test_repo_says_what_it_is),
        cmocka_unit_test(test_repo_reading_writes_nothing_into_it),
        cmocka_unit_test(test_repo_refresh_sees_what_others_did),
        cmocka_unit_test(test_repo_refresh_notices_damage),
        cmocka_unit_test(test_repo_opened_in_spite_of_damage),
        cmocka_unit_test(test_repo_believes_no_entry_that_nobody_vouches_for),
        cmocka_unit_test(test_repo_notices_that_it_was_set_back),
        cmocka_unit_test(test_repo_notices_a_fork),
        cmocka_unit_test(test_repo_without_a_memory_notices_neither),
        cmocka_unit_test(test_repo_misses_an_entry_that_only_the_memory_asks_for),
        cmocka_unit_test(test_repo_needs_its_memory_to_be_readable),
        cmocka_unit_test(test_repo_answers_the_same_without_its_cache),
        cmocka_unit_test(test_repo_answers_the_same_with_a_rotten_cache),
        cmocka_unit_test(test_repo_opened_from_its_cache_reads_no_segment),
        cmocka_unit_test(test_repo_without_a_cache_folder_works),
        cmocka_unit_test(test_repo_with_a_cache_that_can_not_be_written_works),
        cmocka_unit_test(test_repo_remembers_only_what_is_durable),
        cmocka_unit_test(test_repo_opens_or_says_that_memory_ran_out),
        cmocka_unit_test(test_repo_tolerates_damage_only_with_memory_to_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
