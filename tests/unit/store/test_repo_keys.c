/*
 * test_repo_keys.c - ways into a repository: which one opens it, what the journal says of them, and
 * that there is always one.
 */
/* valgrind */
#include "storekit.h"
#include "format/keychange.h"
#include "harness/vault_keys.h"
#include "store/repo_keys.h"
#include "store/repo_unlock.h"

static const struct keyfile_unlock password = {
    .password = "correct horse", .password_len = 13, .passes = 1, .memory_kib = 8
};
static const struct keyfile_unlock other_password = {
    .password = "battery staple", .password_len = 14, .passes = 1, .memory_kib = 8
};

static int add(struct vault *v, const char *name, const struct keyfile_unlock *how)
{
    const struct repo_key_wish w = {
        .current = &kit_unlock,
        .name = name,
        .kind = how->password ? KEYCHANGE_PASSWORD : KEYCHANGE_KEY_FILE,
        .unlock = how,
    };
    uint64_t number = 0;

    return repo_keys_add(v->repo, &w, &number);
}

static int replace(struct vault *v, const char *name, const struct keyfile_unlock *how)
{
    const struct repo_key_wish w = {
        .current = &kit_unlock, .name = name, .kind = KEYCHANGE_PASSWORD, .unlock = how
    };
    uint64_t number = 0;

    return repo_keys_replace(v->repo, &w, &number);
}

static int take_away(struct vault *v, const char *name)
{
    uint64_t number;

    return repo_keys_remove(v->repo, name, &number);
}

static int open_by(struct vault *v, const struct keyfile_unlock *how)
{
    struct repo *r = NULL;
    int rc = repo_open(&v->env, how, REPO_STRICT, &r);

    repo_close(r);
    return rc;
}

/* What the list says of a file; -1: nothing. */
static int state_of(struct vault *v, const char *file)
{
    struct repo_key_list l;
    int state = -1;

    ok(repo_keys_list(v->repo, &l));
    for (size_t i = 0; i < l.count; i++) {
        if (strcmp(l.list[i].file, file) == 0) {
            state = (int)l.list[i].state;
        }
    }
    repo_keys_release(&l);
    return state;
}

static void damage(struct simdisk *d, const char *path)
{
    simrot_flip(d, path, 8 * 60);
    simrot_flip(d, path, 8 * 316);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void test_repo_opens_by_any_of_its_ways(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    ok(add(&v, "team", &password));
    ok(add(&v, "boss", &other_password));
    ok(add(&v, "machine", vault_way(1)));
    ok(open_by(&v, &password));
    ok(open_by(&v, &other_password));
    ok(open_by(&v, vault_way(1)));
    ok(open_by(&v, &kit_unlock));
    kit_close(&v);
    ok(repo_open(&v.env, &other_password, REPO_STRICT, &v.repo));
    assert_string_equal(repo_keys_way(v.repo)->file, "boss");
    assert_int_equal(repo_keys_way(v.repo)->kind, KEYCHANGE_PASSWORD);
    kit_end(&v, d);
}

/* The one that opened last time is tried first, since each try of a password costs time. */
static void test_repo_remembers_which_key_opened(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    size_t len;

    (void)state;
    ok(add(&v, "a", &password));
    ok(add(&v, "b", &other_password));
    assert_false(kit_there(d, "cache-a/last-key"));
    ok(open_by(&v, &other_password));
    assert_memory_equal(simrot_look(d, "cache-a/last-key", &len), "b", 1);
    assert_int_equal(len, 1);
    ok(open_by(&v, &password)); /* is a wrong hint, and no more than that */
    assert_memory_equal(simrot_look(d, "cache-a/last-key", &len), "a", 1);
    kit_end(&v, d);
}

static void test_repo_tells_a_damaged_key_from_a_wrong_one(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    ok(add(&v, "team", &password));
    says(open_by(&v, &other_password), HF_EKEY, "keys/team: wrong password");
    says(open_by(&v, vault_way(1)), HF_EKEY, "keys/main: wrong key file");
    damage(d, "repo/keys/team");
    says(open_by(&v, &password), HF_EKEY_DAMAGED, "keys/team");
    ok(open_by(&v, &kit_unlock)); /* a damaged one beside it is no obstacle */
    says(open_by(&v, vault_way(1)), HF_EKEY, "keys/main: wrong key file");
    damage(d, "repo/keys/main");
    says(open_by(&v, &kit_unlock), HF_EKEY_DAMAGED, "neither of its two copies");
    kit_end(&v, d);
}

static void test_repo_without_a_password_says_that_a_key_file_opens(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    says(open_by(&v, &password), HF_EKEY, "it is opened by a key file, not by a password");
    kit_end(&v, d);
}

/* --- adding, replacing, removing -------------------------------------------------------------- */

static void test_repo_key_is_durable_before_its_entry(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    size_t from = simdisk_trace(d)->count;
    struct buf sites;

    (void)state;
    buf_init(&sites);
    ok(add(&v, "team", &password));
    assert_string_equal(kit_syncs(d, from, &sites),
                        "key.file key.name journal.entry journal.publish journal.head");
    from = simdisk_trace(d)->count;
    ok(take_away(&v, "team"));
    assert_string_equal(kit_syncs(d, from, &sites),
                        "journal.entry journal.publish journal.head key.gone");
    from = simdisk_trace(d)->count;
    assert_int_equal(kit_changes(d, from, "repo/segments"), 0);
    buf_release(&sites);
    kit_end(&v, d);
}

static void test_repo_key_is_replaced_by_one_entry(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    uint64_t before;

    (void)state;
    ok(add(&v, "team", &password));
    before = journal_at(repo_journal(v.repo))->number;
    ok(replace(&v, "team", &other_password));
    assert_int_equal(journal_at(repo_journal(v.repo))->number, before + 1);
    says(open_by(&v, &password), HF_EKEY, "wrong");
    ok(open_by(&v, &other_password));
    assert_false(kit_there(d, "repo/keys/team"));
    assert_int_equal(state_of(&v, "team.2"), REPO_KEY_OK);
    ok(replace(&v, "team", &password));
    assert_int_equal(state_of(&v, "team.3"), REPO_KEY_OK);
    says(replace(&v, "nobody", &password), HF_EABSENT, "there is no key 'nobody'");
    kit_end(&v, d);
}

static void test_repo_key_names_are_unique_and_plain(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    ok(add(&v, "team", &password));
    says(add(&v, "team", &password), HF_EEXISTS, "there is a key 'team' already");
    says(add(&v, "main", &password), HF_EEXISTS, "there is a key 'main' already");
    says(add(&v, "a.2", &password), HF_EUSAGE, "can't name a key");
    says(add(&v, "", &password), HF_EUSAGE, "can't name a key");
    assert_int_equal(kit_files(d, "repo/keys/"), 2);
    kit_end(&v, d);
}

static void test_repo_key_that_is_the_last_stays(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    says(take_away(&v, "main"), HF_EFAIL, "it is the last way into the repository");
    ok(add(&v, "team", &password));
    damage(d, "repo/keys/team");
    says(take_away(&v, "main"), HF_EFAIL, "it is the last way into the repository");
    ok(take_away(&v, "team")); /* a damaged one may go, by what the journal knows of it */
    assert_int_equal(state_of(&v, "team"), -1);
    says(take_away(&v, "nobody"), HF_EABSENT, "there is no key 'nobody'");
    ok(open_by(&v, &kit_unlock));
    kit_end(&v, d);
}

static void test_repo_key_in_use_can_be_removed_if_another_stays(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    ok(add(&v, "team", &password));
    ok(take_away(&v, "main"));
    says(open_by(&v, &kit_unlock), HF_EKEY, "it is opened by a password");
    says(add(&v, "more", vault_way(1)), HF_EKEY, "could not add the key 'more'");
    says(take_away(&v, "team"), HF_ECHANGED, "somebody else changed the keys");
    ok(open_by(&v, &password));
    kit_end(&v, d);
}

/* Each takes the other's for the one that stays: the journal lets only one of them. */
static void test_repo_keys_removed_by_two_clients_leave_one(void **state)
{
    struct vault a, b;
    struct simdisk *d = kit_begin(&a);

    (void)state;
    ok(add(&a, "team", &password));
    kit_enter(&b, d, "b");
    ok(repo_open(&b.env, &password, REPO_STRICT, &b.repo));
    ok(take_away(&a, "team"));
    says(take_away(&b, "main"), HF_ECHANGED, "somebody else changed the keys");
    ok(open_by(&a, &kit_unlock));
    vault_leave(&b);
    kit_end(&a, d);
}

/* What comes back, from a copy say, was removed all the same. */
static void test_repo_key_that_was_removed_opens_no_more(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    uint8_t kept[KEYFILE_BYTES];
    uint64_t number;
    size_t len;

    (void)state;
    ok(add(&v, "team", &password));
    memcpy(kept, simrot_look(d, "repo/keys/team", &len), sizeof kept);
    ok(take_away(&v, "team"));
    simrot_replace(d, "repo/keys/team", kept, sizeof kept);
    says(open_by(&v, &password), HF_EKEY, "keys/team: the key was removed by entry 3");
    assert_int_equal(state_of(&v, "team"), REPO_KEY_REMOVED);
    simrot_replace(d, "repo/keys/innocent", kept, sizeof kept); /* by whatever name */
    says(open_by(&v, &password), HF_EKEY, "the key was removed by entry 3");
    ok(repo_keys_remove(v.repo, "team", &number));
    assert_int_equal(number, 0); /* there is nothing to say, only files to remove */
    assert_int_equal(state_of(&v, "team"), -1);
    assert_int_equal(state_of(&v, "innocent"), -1);
    ok(add(&v, "same", &password)); /* the password may be used again, for another key */
    ok(open_by(&v, &password));
    kit_end(&v, d);
}

/* --- what is not as it should be -------------------------------------------------------------- */

static void test_repo_keys_list_tells_what_is_wrong(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    size_t len;
    const uint8_t *other;
    uint8_t kept[KEYFILE_BYTES];

    (void)state;
    assert_int_equal(state_of(&v, "main"), REPO_KEY_OK);
    ok(add(&v, "a", &password));
    ok(add(&v, "b", vault_way(1)));
    simrot_flip(d, "repo/keys/a", 8 * 60);
    assert_int_equal(state_of(&v, "a"), REPO_KEY_HALF);
    simrot_flip(d, "repo/keys/a", 8 * 316);
    assert_int_equal(state_of(&v, "a"), REPO_KEY_DAMAGED);
    other = simrot_look(d, "repo/keys/b", &len);
    memcpy(kept, other, sizeof kept);
    simrot_replace(d, "repo/keys/copy of b", kept, sizeof kept);
    assert_int_equal(state_of(&v, "copy of b"), REPO_KEY_REPLACED);
    simrot_delete(d, "repo/keys/b");
    assert_int_equal(state_of(&v, "b"), REPO_KEY_MISSING);
    simrot_replace(d, "repo/keys/junk", "junk", 4);
    assert_int_equal(state_of(&v, "junk"), REPO_KEY_DAMAGED);
    says(take_away(&v, "junk"), HF_EKEY_DAMAGED, "no key that the journal knows");
    ok(take_away(&v, "a"));
    kit_end(&v, d);
}

/* As if the machine had stopped after the file and before the entry. */
static void test_repo_key_whose_entry_is_missing_is_not_finished(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);
    struct keyfile_info info;
    uint8_t master[32], bytes[KEYFILE_BYTES];
    struct rnd rnd;
    size_t len;
    const uint8_t *main_key = simrot_look(d, "repo/keys/main", &len);

    (void)state;
    rnd_init_seeded(&rnd, 5);
    ok(keyfile_unwrap(main_key, len, &kit_unlock, master, &info));
    ok(keyfile_wrap(master, info.repo_id, info.admin_public, &password, &rnd, bytes));
    simrot_replace(d, "repo/keys/team", bytes, sizeof bytes);
    assert_int_equal(state_of(&v, "team"), REPO_KEY_UNKNOWN);
    ok(open_by(&v, &password)); /* a way in is not refused because its entry was lost */
    says(take_away(&v, "main"), HF_EFAIL, "it is the last way"); /* nor is it counted on */
    ok(add(&v, "team", &other_password));
    assert_int_equal(state_of(&v, "team"), -1);
    assert_int_equal(state_of(&v, "team.2"), REPO_KEY_OK);
    says(open_by(&v, &password), HF_EKEY, "wrong password");
    kit_end(&v, d);
}

/* Who opened with it and changes keys, vouches for it. */
static void test_repo_key_becomes_known_by_being_used(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    assert_int_equal(catalog_key_count(repo_catalog(v.repo)), 0);
    ok(add(&v, "team", &password));
    assert_int_equal(catalog_key_count(repo_catalog(v.repo)), 2);
    assert_string_equal(catalog_key(repo_catalog(v.repo), 0)->way.file, "main");
    assert_int_equal(catalog_key(repo_catalog(v.repo), 0)->added_by, 1);
    simrot_delete(d, "repo/keys/main");
    assert_int_equal(state_of(&v, "main"), REPO_KEY_MISSING);
    kit_end(&v, d);
}

static void test_repo_keys_survive_the_cache(void **state)
{
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    ok(add(&v, "team", &password));
    ok(take_away(&v, "team"));
    kit_close(&v);
    kit_open(&v);
    assert_int_equal(catalog_key_count(repo_catalog(v.repo)), 2);
    assert_string_equal(catalog_key(repo_catalog(v.repo), 1)->way.file, "team");
    assert_int_equal(catalog_key(repo_catalog(v.repo), 1)->removed_by, 3);
    kit_end(&v, d);
}

static void test_repo_sheets_have_names_that_never_come_again(void **state)
{
    char name[KEYCHANGE_NAME_MAX + 1];
    struct vault v;
    struct simdisk *d = kit_begin(&v);

    (void)state;
    ok(repo_keys_sheet_name(v.repo, name));
    assert_string_equal(name, "recovery-1");
    ok(add(&v, "recovery-1", vault_way(1)));
    ok(take_away(&v, "recovery-1"));
    ok(repo_keys_sheet_name(v.repo, name));
    assert_string_equal(name, "recovery-2");
    kit_end(&v, d);
}

/* --- failures --------------------------------------------------------------------------------- */

/* Whatever fails, and wherever: there is a way in, and what failed for sure leaves no key behind.
 */
static void test_repo_keys_when_any_operation_fails(void **state)
{
    static const enum simop_kind kinds[] = { SIMOP_CREATE,     SIMOP_PWRITE,   SIMOP_SYNC,
                                             SIMOP_RENAME_NEW, SIMOP_SYNC_DIR, SIMOP_UNLINK };

    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        for (unsigned nth = 1; nth <= 4; nth++) {
            struct simfault f = {
                .where = { .kinds = SIMOP_BIT(kinds[k]), .prefix = "repo/", .nth = nth },
                .errnum = EIO
            };
            struct vault v;
            struct simdisk *d = kit_begin(&v);
            int rc;

            simdisk_fault(d, &f);
            rc = replace(&v, "main", &password);
            simdisk_clear_faults(d);
            kit_close(&v);
            if (rc == 0) {
                ok(open_by(&v, &password));
            } else if (open_by(&v, &kit_unlock) != 0) {
                ok(open_by(&v, &password));
            } else if (rc != HF_EUNKNOWN) {
                assert_false(kit_there(d, "repo/keys/main.2"));
            }
            kit_end(&v, d);
        }
    }
}

static void test_repo_keys_without_memory(void **state)
{
    bool done = false;

    (void)state;
    for (uint64_t n = 1; !done; n++) {
        struct vault v;
        struct simdisk *d = kit_begin(&v);
        int rc;

        mem_fail_at(n, 0);
        rc = add(&v, "team", &password);
        done = mem_fail_hits() == 0;
        mem_fail_at(0, 0);
        kit_close(&v);
        ok(open_by(&v, &kit_unlock));
        if (done) {
            ok(rc);
        } else if (rc == 0) {
            ok(open_by(&v, &password));
        }
        kit_end(&v, d);
        assert_true(n < 2000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repo_opens_by_any_of_its_ways),
        cmocka_unit_test(test_repo_remembers_which_key_opened),
        cmocka_unit_test(test_repo_tells_a_damaged_key_from_a_wrong_one),
        cmocka_unit_test(test_repo_without_a_password_says_that_a_key_file_opens),
        cmocka_unit_test(test_repo_key_is_durable_before_its_entry),
        cmocka_unit_test(test_repo_key_is_replaced_by_one_entry),
        cmocka_unit_test(test_repo_key_names_are_unique_and_plain),
        cmocka_unit_test(test_repo_key_that_is_the_last_stays),
        cmocka_unit_test(test_repo_key_in_use_can_be_removed_if_another_stays),
        cmocka_unit_test(test_repo_keys_removed_by_two_clients_leave_one),
        cmocka_unit_test(test_repo_key_that_was_removed_opens_no_more),
        cmocka_unit_test(test_repo_keys_list_tells_what_is_wrong),
        cmocka_unit_test(test_repo_key_whose_entry_is_missing_is_not_finished),
        cmocka_unit_test(test_repo_key_becomes_known_by_being_used),
        cmocka_unit_test(test_repo_keys_survive_the_cache),
        cmocka_unit_test(test_repo_sheets_have_names_that_never_come_again),
        cmocka_unit_test(test_repo_keys_when_any_operation_fails),
        cmocka_unit_test(test_repo_keys_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
