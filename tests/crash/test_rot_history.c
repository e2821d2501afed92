/*
 * test_rot_history.c - heads, entries and roll-ups: a history is whole, or known not to be; and
 * what crashes and other clients leave is no damage.
 */
#include "crash/rotlook.h"

#include "harness/simsched.h"
#include "store/rollup.h"

static struct rot rot;

static int make_repository(void **state)
{
    (void)state;
    rot_make(&rot);
    return 0;
}

static int release_repository(void **state)
{
    (void)state;
    rot_end(&rot);
    return 0;
}

/* Damage of this object is told, and of no other. */
static void told(struct simdisk *d, const char *object, const char *text)
{
    rot_expect(&rot, d, ROT_STRUCTURE, object, NULL, text);
}

static char *head_path(const struct simdisk *d, char out[128])
{
    return kit_file(d, "repo/head/", 0, out);
}

/* --- the head --------------------------------------------------------------------------------- */

static void add_head(struct simdisk *d, uint64_t number, const uint8_t hash[32], char out[128])
{
    memcpy(out, "repo/head/", 11);
    entry_head_name(number, hash, out + 10);
    simrot_replace(d, out, "", 0);
}

static void hash_of(uint64_t number, uint8_t out[32])
{
    char path[128];
    size_t len;
    const uint8_t *data = simrot_look(rot.disk, rot_entry(number, path), &len);

    entry_seal_hash(data + len - ENTRY_SEAL_BYTES, out);
}

static void test_rot_a_raised_head_is_damage(void **state)
{
    struct simdisk *d = simdisk_fork(rot.disk);
    uint8_t hash[32];
    char head[128];
    char missing[128];

    (void)state;
    hash_of(rot.tip, hash);
    rot_entry(rot.tip + 1, missing);
    add_head(d, rot.tip + 3, hash, head); /* beside the true one */
    told(d, rot_name(missing), NULL);
    simrot_delete(d, head_path(rot.disk, head));
    told(d, rot_name(missing), NULL);
    simdisk_free(d);
}

static void test_rot_an_altered_head_is_damage(void **state)
{
    struct simdisk *d = simdisk_fork(rot.disk);
    uint8_t hash[32];
    char head[128];

    (void)state;
    hash_of(rot.tip, hash);
    hash[7] ^= 1;
    add_head(d, rot.tip, hash, head); /* beside the true one */
    told(d, rot_name(head), NULL);
    simdisk_free(d);

    d = simdisk_fork(rot.disk);
    simrot_delete(d, head_path(rot.disk, head));
    add_head(d, rot.tip, hash, head);
    told(d, rot_name(head), NULL);
    simrot_delete(d, head);
    add_head(d, 2, hash, head); /* lower, and not what entry 2 was */
    told(d, rot_name(head), NULL);
    simdisk_free(d);
}

static void test_rot_a_malformed_head_is_damage(void **state)
{
    static const char *const names[] = { "repo/head/x", "repo/head/000000000003",
                                         "repo/head/000000000003-12ab" };
    char head[128];

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct simdisk *d = simdisk_fork(rot.disk);

        simrot_replace(d, names[i], "", 0);
        told(d, rot_name(names[i]), NULL); /* beside the true one */
        simrot_delete(d, head_path(rot.disk, head));
        told(d, rot_name(names[i]), NULL);
        simdisk_free(d);
    }
}

/* --- a shorter history ------------------------------------------------------------------------ */

/* The entries above `tip` are gone; `head`: and it was lowered to match. */
static struct simdisk *fork_cut_at(uint64_t tip, bool head)
{
    struct simdisk *d = simdisk_fork(rot.disk);
    uint8_t hash[32];
    char path[128];

    for (uint64_t number = rot.tip; number > tip; number--) {
        simrot_delete(d, rot_entry(number, path));
    }
    if (head) {
        simrot_delete(d, head_path(d, path));
        hash_of(tip, hash);
        add_head(d, tip, hash, path);
    }
    return d;
}

static void test_rot_the_last_entries_deleted_are_damage(void **state)
{
    char path[128];

    (void)state;
    for (uint64_t tip = 1; tip < rot.tip; tip++) {
        struct simdisk *d = fork_cut_at(tip, false);

        told(d, rot_name(rot_entry(tip + 1, path)), NULL);
        simdisk_free(d);
    }
}

static void remembered(struct simdisk *d, const char *text)
{
    struct repo_env env = rot_env(d, true);
    struct repo *repo = NULL;
    struct rot_report report;

    says(repo_open(&env, &kit_unlock, REPO_STRICT, &repo), HF_EDAMAGE, text);
    assert_non_null(strstr(err_last()->hint, "accept-rollback"));
    rot_leave(&env, NULL);
    rot_check_as(d, true, ROT_STRUCTURE, &report);
    assert_true(report.opened);
    assert_int_equal(report.rc, HF_EDAMAGE);
    assert_true(rot_names(&report, "sim:/repo"));
    assert_int_equal(report.result.damage, 1);
    rot_release(&report);
}

static void test_rot_a_repository_set_back_is_damage_to_who_remembers(void **state)
{
    struct rot_report report;

    (void)state;
    for (uint64_t tip = 1; tip < rot.tip; tip++) {
        struct simdisk *d = fork_cut_at(tip, true);

        remembered(d, "but this client has seen");
        rot_check(d, ROT_STRUCTURE, &report); /* nobody else can know */
        assert_int_equal(report.rc, 0);
        simdisk_free(d);
    }
}

/* Set back, and then used by somebody else until it is longer than it ever was. */
static void test_rot_a_forked_repository_is_damage_to_who_remembers(void **state)
{
    (void)state;
    for (uint64_t tip = 1; tip < rot.tip; tip++) {
        struct simdisk *d = fork_cut_at(tip, true);
        uint8_t nobody[16] = { 1 };
        struct vault v;

        kit_join(&v, d, "b");
        for (uint64_t i = tip; i < rot.tip + 1; i++) {
            kit_publish(v.repo, ENTRY_FORGET, nobody);
        }
        vault_leave(&v);
        remembered(d, "is not the one that this client has seen");
        simdisk_free(d);
    }
}

/* The damage of an entry costs every snapshot behind it, and no snapshot before it. */
static void test_rot_of_an_entry_costs_the_snapshots_behind_it(void **state)
{
    char path[128];

    (void)state;
    for (uint64_t number = 2; number <= rot.tip; number++) {
        struct simdisk *d = simdisk_fork(rot.disk);
        struct rot_report report;
        struct rot_losses losses;
        size_t behind = 0;

        simrot_flip(d, rot_entry(number, path), 8 * 10);
        rot_check(d, ROT_READ_DATA, &report);
        for (size_t i = 0; i < rot.point_count; i++) {
            const struct rot_point *p = &rot.points[i];

            assert_int_equal(rot_has(report.list, report.count, p->id, ""), p->number > number);
            behind += p->number >= number && !p->forgotten;
        }
        assert_null(strstr(report.note, "no damage"));
        rot_restore(&rot, d, &losses);
        assert_int_equal(losses.missing, behind);
        assert_int_equal(losses.count, 0);
        rot_release(&report);
        simdisk_free(d);
    }
}

static void test_rot_several_damages_are_all_named(void **state)
{
    struct simdisk *d = simdisk_fork(rot.disk);
    struct rot_report report;
    char segment[128];
    char four[128];
    char six[128];

    (void)state;
    kit_file(d, "repo/segments/", 1, segment);
    simrot_flip(d, "repo/keys/main", 8 * 300);
    simrot_flip(d, rot_entry(rot.tip - 2, four), 8);
    simrot_flip(d, rot_entry(rot.tip, six), 8);
    simrot_replace(d, "repo/journal/stray", "x", 1);
    simrot_replace(d, "repo/segments/stray", "x", 1);
    simrot_replace(d, "repo/rolls/stray", "x", 1);
    rot_check(d, ROT_STRUCTURE, &report);
    assert_int_equal(report.rc, HF_EDAMAGE);
    assert_true(rot_names(&report, "keys/main"));
    assert_true(rot_names(&report, rot_name(four)));
    assert_true(rot_names(&report, rot_name(six)));
    assert_true(rot_names(&report, "journal/stray"));
    assert_true(rot_names(&report, "segments/stray"));
    assert_true(rot_names(&report, "rolls/stray"));
    rot_release(&report);
    simdisk_free(d);
}

/* --- roll-ups --------------------------------------------------------------------------------- */

#define ROLLED "repo/rolls/000000000001-000000000004"

static struct simdisk *fork_rolled(void)
{
    struct simdisk *d = simdisk_fork(rot.disk);
    struct rollup_result result;
    struct vault v;

    kit_join(&v, d, "b");
    ok(rollup_run(v.repo, 4, &result));
    assert_int_equal(result.rolls, rot.tip / 4);
    assert_int_equal(result.entries, rot.tip / 4 * 4);
    vault_leave(&v);
    assert_true(kit_there(d, ROLLED));
    return d;
}

/* Without its roll-up the journal has no beginning, and nothing opens. */
static void told_of_roll(struct simdisk *d)
{
    struct rot_report report;

    rot_check(d, ROT_STRUCTURE, &report);
    assert_false(report.opened);
    assert_int_equal(report.rc, HF_EDAMAGE);
    assert_true(strstr(report.text, rot_name(ROLLED)) || strstr(report.text, "entry 1 is empty"));
    rot_release(&report);
    assert_true(rot_strict_is_honest(&rot, d));
}

static void test_rot_in_a_roll_up_is_damage(void **state)
{
    struct simdisk *d = fork_rolled();
    size_t len;

    (void)state;
    rot_expect_whole(&rot, d);
    assert_non_null(simrot_look(d, ROLLED, &len));
    for (size_t at = 0; at < len; at += at < 80 ? 1 : 13) {
        simrot_flip(d, ROLLED, 8 * at + at % 8);
        told_of_roll(d);
        simrot_flip(d, ROLLED, 8 * at + at % 8);
    }
    simrot_cut(d, ROLLED, len - 1);
    told_of_roll(d);
    simrot_cut(d, ROLLED, len);
    simrot_delete(d, ROLLED);
    told_of_roll(d);
    simdisk_free(d);
}

/* A crash came before the single entries were emptied: nobody needs the roll-up yet. */
static void test_rot_in_a_roll_up_that_is_not_needed_yet_is_damage(void **state)
{
    struct simdisk *rolled = fork_rolled();
    struct simdisk *d = simdisk_fork(rot.disk);
    char path[128];
    size_t len;
    const uint8_t *data = simrot_look(rolled, ROLLED, &len);

    (void)state;
    simrot_replace(d, ROLLED, data, len);
    rot_expect_whole(&rot, d);
    for (size_t at = 0; at < len; at += 29) {
        simrot_flip(d, ROLLED, 8 * at);
        told(d, rot_name(ROLLED), NULL);
        simrot_flip(d, ROLLED, 8 * at);
    }
    simrot_replace(d, "repo/rolls/000000000002-000000000005", data, len);
    told(d, "rolls/000000000002-000000000005", NULL);
    simrot_delete(d, "repo/rolls/000000000002-000000000005");
    simrot_flip(d, rot_entry(3, path), 8);
    told(d, rot_name(path), NULL);
    simdisk_free(d);
    simdisk_free(rolled);
}

/* Whole in itself, but of a history that this one is not. */
static void test_rot_a_roll_up_of_a_fork_is_damage(void **state)
{
    struct simdisk *fork = fork_cut_at(2, true);
    struct simdisk *d = simdisk_fork(rot.disk);
    uint8_t nobody[16] = { 1 };
    struct rollup_result result;
    struct vault v;
    size_t len;
    const uint8_t *data;

    (void)state;
    kit_join(&v, fork, "b");
    kit_publish(v.repo, ENTRY_FORGET, nobody);
    kit_publish(v.repo, ENTRY_FORGET, nobody);
    ok(rollup_run(v.repo, 4, &result));
    vault_leave(&v);
    data = simrot_look(fork, ROLLED, &len);
    simrot_replace(d, ROLLED, data, len);
    told(d, rot_name(ROLLED), NULL);
    simdisk_free(d);
    simdisk_free(fork);
}

/* Entry 1 was emptied, so the roll-up is read; what it covers as well must not rot unseen. */
static void test_rot_of_an_entry_that_a_roll_up_covers_is_damage(void **state)
{
    struct simdisk *d = fork_rolled();
    char path[128];
    size_t len;
    const uint8_t *data = simrot_look(rot.disk, rot_entry(3, path), &len);

    (void)state;
    simrot_replace(d, path, data, len);
    rot_expect_whole(&rot, d);
    simrot_flip(d, path, 8);
    told(d, rot_name(path), NULL);
    simdisk_free(d);
}

static void test_rot_a_number_that_is_free_again_is_damage(void **state)
{
    char path[128];

    (void)state;
    for (uint64_t number = 2; number <= 4; number++) {
        struct simdisk *d = fork_rolled();

        simrot_delete(d, rot_entry(number, path));
        told(d, rot_name(path), NULL);
        simdisk_free(d);
    }
}

/* --- what is no damage ------------------------------------------------------------------------ */

static void test_rot_what_crashes_leave_is_no_damage(void **state)
{
    struct simdisk *d = simdisk_fork(rot.disk);
    struct rot_report report;
    char path[128];
    size_t len;
    const uint8_t *data = simrot_look(d, kit_file(d, "repo/segments/", 0, path), &len);

    (void)state;
    simrot_replace(d, "repo/segments/00112233445566778899aabbccddeeff", data, len);
    simrot_replace(d, "repo/segments/ffeeddccbbaa99887766554433221100", "torn", 4);
    simrot_replace(d, "repo/tmp/00112233445566778899aabbccddeeff", data, len / 2);
    simrot_replace(d, "repo/tmp/probe-a", "a", 1);
    simrot_delete(d, "repo/reserve");
    rot_expect_whole(&rot, d);
    rot_check(d, ROT_STRUCTURE, &report);
    assert_int_equal(report.result.orphans, 2);
    assert_non_null(strstr(report.note, "no damage"));
    rot_release(&report);
    simdisk_free(d);
}

static void test_rot_lower_heads_and_a_tip_above_the_head_are_no_damage(void **state)
{
    struct simdisk *d = simdisk_fork(rot.disk);
    uint8_t hash[32];
    char head[128];

    (void)state;
    for (uint64_t number = 1; number < rot.tip; number++) {
        hash_of(number, hash);
        add_head(d, number, hash, head);
    }
    rot_expect_whole(&rot, d);
    hash_of(rot.tip, hash);
    add_head(d, rot.tip, hash, head);
    simrot_delete(d, head);
    rot_expect_whole(&rot, d);
    simdisk_free(d);
}

/* --- others at work --------------------------------------------------------------------------- */

static int check_body(struct simclient *c, void *context)
{
    struct rot_report *out = context;

    rot_check(simclient_disk(c), ROT_READ_DATA, out);
    return out->rc;
}

/* Backs up, and rolls up the journal. */
static int back_up_once(struct simclient *c, struct source *source)
{
    const struct backup_options o = { .job = "writer", .host = "h", .threads = 1 };
    struct backup_result result;
    struct rollup_result rolled;
    struct vault v;
    int rc = vault_enter(&v, c);

    if (rc == 0) {
        rc = vault_attach(&v);
    }
    if (rc == 0) {
        rc = backup_run(v.repo, &o, source, NULL, &result);
    }
    if (rc == 0) {
        rc = rollup_run(v.repo, 4, &rolled);
    }
    vault_leave(&v);
    return rc;
}

static int backup_body(struct simclient *c, void *context)
{
    struct source *source = source_mem_new(rot.now_ns);
    int rc = 0;

    (void)context;
    for (unsigned i = 1; rc == 0 && i <= 3; i++) {
        uint8_t data[2000];
        struct rnd rnd;

        rnd_init_seeded(&rnd, 1000 + i);
        (void)rnd_bytes(&rnd, data, sizeof data);
        source_mem_file(source, "/w", data, sizeof data);
        rc = source->ops->rewind(source);
        if (rc == 0) {
            rc = back_up_once(c, source);
        }
    }
    source_free(source);
    return rc;
}

/* A check that sees the work of others half done takes it for what it is. */
static void test_rot_what_others_publish_meanwhile_is_no_damage(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct simdisk *d = simdisk_fork(rot.disk);
        struct simsched *s = simsched_new(d, seed);
        struct rot_report report;

        simsched_add(s, "checker", check_body, &report);
        simsched_add(s, "writer", backup_body, NULL);
        ok(simsched_run(s));
        ok(simsched_result(s, "writer"));
        if (report.rc != 0) {
            rot_print(&report);
            fail_msg("a false alarm with seed %" PRIu64, seed);
        }
        rot_release(&report);
        simsched_free(s);
        simdisk_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rot_a_raised_head_is_damage),
        cmocka_unit_test(test_rot_an_altered_head_is_damage),
        cmocka_unit_test(test_rot_a_malformed_head_is_damage),
        cmocka_unit_test(test_rot_the_last_entries_deleted_are_damage),
        cmocka_unit_test(test_rot_a_repository_set_back_is_damage_to_who_remembers),
        cmocka_unit_test(test_rot_a_forked_repository_is_damage_to_who_remembers),
        cmocka_unit_test(test_rot_of_an_entry_costs_the_snapshots_behind_it),
        cmocka_unit_test(test_rot_several_damages_are_all_named),
        cmocka_unit_test(test_rot_in_a_roll_up_is_damage),
        cmocka_unit_test(test_rot_in_a_roll_up_that_is_not_needed_yet_is_damage),
        cmocka_unit_test(test_rot_a_roll_up_of_a_fork_is_damage),
        cmocka_unit_test(test_rot_of_an_entry_that_a_roll_up_covers_is_damage),
        cmocka_unit_test(test_rot_a_number_that_is_free_again_is_damage),
        cmocka_unit_test(test_rot_what_crashes_leave_is_no_damage),
        cmocka_unit_test(test_rot_lower_heads_and_a_tip_above_the_head_are_no_damage),
        cmocka_unit_test(test_rot_what_others_publish_meanwhile_is_no_damage),
    };

    return cmocka_run_group_tests(tests, make_repository, release_repository);
}
