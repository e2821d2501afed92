/*
 * test_journal.c - what the journal reads: the chain as it was published, or damage with a name.
 */
#include "unit/store/journalkit.h"

/* --- a whole journal -------------------------------------------------------------------------- */

static void test_journal_follows_to_the_tip_in_order(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 5);
    uint64_t at;

    (void)state;
    ok(follow_anew(d, &at));
    assert_int_equal(at, 5);
    desk_end(&a, d);
}

static void test_journal_gives_what_was_published(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    struct journal_position before = *journal_at(a.j);
    struct journal_entry e;
    uint8_t *memory;
    char path[128];
    const uint8_t *stored;
    size_t len;

    (void)state;
    ok(desk_publish(&a));
    ok(journal_read(a.j, 4, &e, &memory));
    assert_int_equal(e.seal.number, 4);
    assert_memory_equal(e.seal.uuid, a.last, 16);
    assert_memory_equal(e.seal.repo_id, desk_repo_id, 16);
    assert_memory_equal(e.seal.previous, before.hash, 32);
    assert_memory_equal(e.seal_hash, journal_at(a.j)->hash, 32);
    assert_int_equal(e.seal.time_ns > 0, 1);
    stored = simrot_look(d, entry_path(4, path), &len);
    assert_int_equal(e.file_len, len);
    assert_memory_equal(e.file, stored, len);
    assert_int_equal(e.body_len, len - ENTRY_SEAL_BYTES);
    mem_free(memory);
    desk_end(&a, d);
}

static void test_journal_follows_what_others_publish(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    desk_open(&b, d, "b");
    ok(journal_follow(b.j));
    desk_publish_many(&a, 3);
    ok(journal_follow(b.j));
    assert_int_equal(journal_at(b.j)->number, 5);
    assert_memory_equal(journal_at(b.j)->hash, journal_at(a.j)->hash, 32);
    assert_int_equal(b.seen_count, 5);
    desk_close(&b);
    desk_end(&a, d);
}

static void test_journal_goes_on_from_where_a_cache_vouches(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 3);
    struct journal_position three = *journal_at(a.j);

    (void)state;
    desk_publish_many(&a, 2);
    desk_open(&b, d, "b");
    journal_begin_at(b.j, &three);
    ok(journal_follow(b.j));
    assert_int_equal(b.seen_count, 2);
    assert_int_equal(b.seen[0], 4);
    assert_true(journal_settled(b.j));
    desk_close(&b);
    desk_end(&a, d);
}

static void test_journal_has_no_entry_beyond_its_numbers(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 1);
    struct journal_entry e;
    uint8_t *memory;

    (void)state;
    says(journal_read(a.j, 0, &e, &memory), HF_EABSENT, "no entry 0");
    says(journal_read(a.j, ENTRY_MAX_NUMBER + 1, &e, &memory), HF_EABSENT, "no entry");
    assert_int_equal(journal_read(a.j, 2, &e, &memory), HF_EABSENT);
    assert_null(memory);
    desk_end(&a, d);
}

static void test_journal_reading_writes_nothing(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 4);
    uint64_t at;

    (void)state;
    ok(follow_anew(d, &at));
    assert_int_equal(kit_changes(d, 0, ""), 0);
    desk_end(&a, d);
}

static void test_journal_stops_where_the_observer_does(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 3);

    (void)state;
    desk_open(&b, d, "b");
    b.observes = HF_ENOMEM;
    says(journal_follow(b.j), HF_ENOMEM, "journal entry 1: the observer does not like it");
    assert_int_equal(journal_at(b.j)->number, 0);
    assert_false(journal_damaged(b.j));
    b.observes = 0;
    ok(journal_follow(b.j));
    assert_int_equal(b.seen_count, 3);
    desk_close(&b);
    desk_end(&a, d);
}

/* --- the head --------------------------------------------------------------------------------- */

static void test_journal_head_is_the_highest_name(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    struct journal_position head;
    uint8_t other[32] = { 1 };
    char path[128];

    (void)state;
    simrot_replace(d, head_path(2, other, path), "", 0);
    ok(journal_head(a.j, &head));
    assert_int_equal(head.number, 3);
    assert_memory_equal(head.hash, journal_at(a.j)->hash, 32);
    desk_end(&a, d);
}

static void test_journal_without_a_head_is_damaged(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    char path[128];
    uint64_t at;

    (void)state;
    simrot_delete(d, kit_file(d, "repo/head/", 0, path));
    says(follow_anew(d, &at), HF_EDAMAGE, "head/ is empty");
    assert_int_equal(at, 2);
    ok(fs_rmdir(a.fs, "head"));
    says(follow_anew(d, &at), HF_EDAMAGE, "head/ is missing");
    desk_end(&a, d);
}

static void test_journal_refuses_a_head_that_is_none(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    uint64_t at;

    (void)state;
    simrot_replace(d, "repo/head/000000000003", "", 0);
    says(follow_anew(d, &at), HF_EDAMAGE, "head/000000000003 is not the name of a head");
    desk_end(&a, d);
}

static void test_journal_shorter_than_its_head_is_damaged(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    char path[128];
    uint64_t at;

    (void)state;
    simrot_replace(d, head_path(5, journal_at(a.j)->hash, path), "", 0);
    says(follow_anew(d, &at), HF_EDAMAGE, "entry 4 is missing, though the journal has reached 5");
    assert_int_equal(at, 3);
    desk_end(&a, d);
}

static void test_journal_that_is_not_the_heads_is_damaged(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    uint8_t other[32] = { 1 };
    char path[128];
    uint64_t at;

    (void)state;
    simrot_delete(d, kit_file(d, "repo/head/", 0, path));
    simrot_replace(d, head_path(3, other, path), "", 0);
    says(follow_anew(d, &at), HF_EDAMAGE, "entry 3 is not the one that the head names");
    simrot_delete(d, path);
    simrot_replace(d, head_path(2, other, path), "", 0);
    says(follow_anew(d, &at), HF_EDAMAGE, "entry 2 is not the one that the head names");
    desk_end(&a, d);
}

static void test_journal_with_two_heads_of_one_number_is_damaged(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    uint8_t other[32] = { 1 };
    char path[128];
    uint64_t at;

    (void)state;
    simrot_replace(d, head_path(3, other, path), "", 0);
    says(follow_anew(d, &at), HF_EDAMAGE, "head/ names two different entries 3");
    desk_end(&a, d);
}

/* A disk whose listings of head/ miss what is being raised at that moment. */
static const struct fs_ops *whole_ops;
static unsigned blind_listings;

static int list_blindly(struct fs *fs, const char *path, fs_list_fn each, void *context)
{
    if (strcmp(path, "head") == 0 && blind_listings > 0) {
        blind_listings--;
        return 0;
    }
    return whole_ops->list(fs, path, each, context);
}

static void test_journal_looks_again_when_a_head_is_being_raised(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    struct fs_ops ops = *a.fs->ops;
    struct journal_position head;

    (void)state;
    whole_ops = a.fs->ops;
    ops.list = list_blindly;
    a.fs->ops = &ops;
    blind_listings = 2;
    ok(journal_head(a.j, &head));
    assert_int_equal(head.number, 2);
    ok(journal_follow(a.j));
    blind_listings = 1000;
    says(journal_head(a.j, &head), HF_EDAMAGE, "head/ is empty");
    assert_true(blind_listings > 900);
    a.fs->ops = whole_ops;
    desk_end(&a, d);
}

static void test_journal_tip_above_the_head_is_no_damage(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    kit_fault(d, SIMOP_CREATE, "repo/head/", SIMFAULT_REFUSE, EIO);
    says(desk_publish(&a), HF_EUNKNOWN, "published, but not made safe");
    desk_open(&b, d, "b");
    ok(journal_follow(b.j));
    assert_int_equal(journal_at(b.j)->number, 3);
    assert_false(journal_settled(b.j));
    desk_close(&b);
    desk_end(&a, d);
}

/* --- damage ----------------------------------------------------------------------------------- */

static void test_journal_names_the_entry_that_is_missing(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 4);
    char path[128];
    uint64_t at;

    (void)state;
    simrot_delete(d, entry_path(2, path));
    says(follow_anew(d, &at), HF_EDAMAGE, "entry 2 is missing, though the journal has reached 4");
    assert_int_equal(at, 1);
    desk_end(&a, d);
}

/* Whoever has followed past an entry that the head names notices when it is gone. */
static void test_journal_notices_that_the_heads_entry_has_gone(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 3);
    struct journal_position three = *journal_at(a.j);
    char path[128];

    (void)state;
    kit_fault(d, SIMOP_CREATE, "repo/head/", SIMFAULT_REFUSE, EIO);
    assert_int_equal(desk_publish(&a), HF_EUNKNOWN);
    desk_open(&b, d, "b");
    journal_begin_at(b.j, &three);
    simrot_delete(d, entry_path(3, path));
    says(journal_follow(b.j), HF_EDAMAGE, "entry 3 is missing");
    desk_close(&b);
    desk_end(&a, d);
}

static void test_journal_finds_every_flipped_bit(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    char path[128];
    size_t len;

    (void)state;
    for (uint64_t n = 1; n <= 3; n++) {
        simrot_look(d, entry_path(n, path), &len);
        for (uint64_t bit = 0; bit < 8 * len; bit += 3) {
            struct simdisk *rotten = simdisk_fork(d);
            uint64_t at;

            simrot_flip(rotten, path, bit);
            says(follow_anew(rotten, &at), HF_EDAMAGE, "entry");
            assert_true(at < 3);
            simdisk_free(rotten);
        }
    }
    desk_end(&a, d);
}

static void test_journal_finds_every_cut(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    char path[128];
    size_t len;

    (void)state;
    simrot_look(d, entry_path(1, path), &len);
    for (size_t to = 0; to <= len + 1; to++) {
        struct simdisk *rotten = simdisk_fork(d);
        uint64_t at;

        if (to != len) {
            simrot_cut(rotten, path, to);
            assert_int_equal(follow_anew(rotten, &at), HF_EDAMAGE);
            assert_int_equal(at, 0);
        }
        simdisk_free(rotten);
    }
    desk_end(&a, d);
}

static void test_journal_refuses_a_file_that_no_entry_can_be(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 1);
    char path[128];
    uint64_t at;

    (void)state;
    simrot_cut(d, entry_path(1, path), ENTRY_MAX_BODY + ENTRY_SEAL_BYTES + 1);
    assert_int_equal(follow_anew(d, &at), HF_EDAMAGE);
    desk_end(&a, d);
}

static void test_journal_refuses_an_entry_of_another_repository(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    struct entry_seal seal = next_seal(&a);
    uint8_t hash[32];
    uint64_t at;

    (void)state;
    seal.repo_id[3] ^= 1;
    forge_entry(d, a.keys, seal, hash);
    says(follow_anew(d, &at), HF_EDAMAGE, "journal entry 3: it belongs to another repository");
    assert_int_equal(at, 2);
    desk_end(&a, d);
}

static void test_journal_refuses_an_entry_under_another_number(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    char second[128];
    char third[128];
    uint64_t at;

    (void)state;
    simrot_swap(d, entry_path(2, second), entry_path(3, third));
    says(follow_anew(d, &at), HF_EDAMAGE, "journal entry 2: it says that it is entry 3");
    assert_int_equal(at, 1);
    desk_end(&a, d);
}

static void test_journal_refuses_an_entry_that_does_not_follow(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    struct entry_seal seal = next_seal(&a);
    uint8_t hash[32];
    uint64_t at;

    (void)state;
    seal.previous[0] ^= 1;
    forge_entry(d, a.keys, seal, hash);
    says(follow_anew(d, &at), HF_EDAMAGE, "journal entry 3: it does not follow from the entry");
    assert_int_equal(at, 2);
    desk_end(&a, d);
}

static void test_journal_refuses_an_unknown_author(void **state)
{
    static const uint8_t master[KEYRING_MASTER_BYTES] = "somebody else";
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    struct keyring *stranger = NULL;
    uint8_t hash[32];
    uint64_t at;

    (void)state;
    ok(keyring_new(master, &stranger));
    forge_entry(d, stranger, next_seal(&a), hash);
    says(follow_anew(d, &at), HF_EDAMAGE, "journal entry 3: its author is not known");
    assert_int_equal(at, 2);
    keyring_free(stranger);
    desk_end(&a, d);
}

/* A stranger who names the owner as the author. */
static struct keyring *impostor(const struct desk *k)
{
    static const uint8_t master[KEYRING_MASTER_BYTES] = "somebody else";
    struct keyring *ring = NULL;

    ok(keyring_new(master, &ring));
    memcpy(ring->author, k->keys->author, sizeof ring->author);
    return ring;
}

static void test_journal_refuses_a_bad_signature_at_the_tip(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    struct keyring *forger = impostor(&a);
    uint8_t hash[32];
    uint64_t at;

    (void)state;
    forge_entry(d, forger, next_seal(&a), hash);
    says(follow_anew(d, &at), HF_EDAMAGE, "journal entry 3: its signature does not hold");
    assert_int_equal(at, 2);
    keyring_free(forger);
    desk_end(&a, d);
}

static void test_journal_verifies_every_signature_when_told_to(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 2);
    struct keyring *forger = impostor(&a);
    struct entry_seal seal = next_seal(&a);
    struct journal_options o;
    uint8_t hash[32];

    (void)state;
    forge_entry(d, forger, seal, hash);
    seal.number++;
    memcpy(seal.previous, hash, sizeof hash);
    forge_entry(d, a.keys, seal, hash); /* who has the key vouches for what is before */
    desk_open(&b, d, "b");
    ok(journal_follow(b.j));
    assert_int_equal(journal_at(b.j)->number, 4);
    o = desk_options(&b);
    o.verify_all = true;
    desk_renew(&b, &o);
    says(journal_follow(b.j), HF_EDAMAGE, "journal entry 3: its signature does not hold");
    assert_int_equal(journal_at(b.j)->number, 2);
    desk_close(&b);
    keyring_free(forger);
    desk_end(&a, d);
}

static void test_journal_stays_damaged(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    uint8_t other[32] = { 1 };
    char path[128];

    (void)state;
    simrot_replace(d, head_path(3, other, path), "", 0);
    assert_int_equal(journal_follow(a.j), HF_EDAMAGE);
    simrot_delete(d, path);
    ok(journal_follow(a.j));
    assert_true(journal_damaged(a.j));
    says(desk_publish(&a), HF_EDAMAGE, "damaged");
    assert_false(kit_there(d, entry_path(4, path)));
    desk_end(&a, d);
}

static void test_journal_that_can_not_be_read_is_not_damaged(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    uint64_t at;

    (void)state;
    kit_fault(d, SIMOP_PREAD, "repo/journal/000000000003", SIMFAULT_REFUSE, EIO);
    assert_int_equal(follow_anew(d, &at), HF_EIO);
    assert_int_equal(at, 2);
    kit_fault(d, SIMOP_LIST, "repo/head", SIMFAULT_REFUSE, EIO);
    says(follow_anew(d, &at), HF_EIO, "could not list head");
    desk_end(&a, d);
}

/* --- roll-ups --------------------------------------------------------------------------------- */

static void test_journal_reads_through_roll_ups(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 12);
    uint64_t at;

    (void)state;
    roll_up(d, 1, 4, true);
    roll_up(d, 5, 10, true);
    ok(follow_anew(d, &at));
    assert_int_equal(at, 12);
    desk_end(&a, d);
}

static void test_journal_reads_rolled_entries_in_any_order(void **state)
{
    static const uint64_t order[] = { 3, 1, 4, 4, 2, 7, 5, 8, 1, 6 };
    struct desk a;
    struct simdisk *d = desk_begin(&a, 8);
    struct simdisk *before = simdisk_fork(d);

    (void)state;
    roll_up(d, 1, 4, true);
    roll_up(d, 5, 7, true);
    for (size_t i = 0; i < COUNT(order); i++) {
        struct journal_entry e;
        uint8_t *memory;
        char path[128];
        size_t len;

        ok(journal_read(a.j, order[i], &e, &memory));
        assert_int_equal(e.seal.number, order[i]);
        const uint8_t *stored = simrot_look(before, entry_path(order[i], path), &len);

        assert_memory_equal(e.file, stored, len);
        assert_int_equal(e.file_len, len);
        mem_free(memory);
    }
    simdisk_free(before);
    desk_end(&a, d);
}

static void test_journal_takes_the_roll_up_that_covers_most(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 6);
    char path[128];
    uint64_t at;

    (void)state;
    roll_up(d, 1, 2, false);
    roll_up(d, 1, 5, true);
    roll_up(d, 6, 6, false);
    simrot_zero(d, kit_file(d, "repo/rolls/", 0, path), 0, 8); /* the small one is not asked */
    simrot_replace(d, "repo/rolls/not-a-roll-up", "x", 1);
    ok(follow_anew(d, &at));
    assert_int_equal(at, 6);
    desk_end(&a, d);
}

static void test_journal_refuses_an_empty_entry_that_no_roll_up_covers(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 4);
    char path[128];
    uint64_t at;

    (void)state;
    roll_up(d, 1, 2, true);
    simrot_cut(d, entry_path(3, path), 0);
    says(follow_anew(d, &at), HF_EDAMAGE, "entry 3 is empty and no roll-up covers it");
    assert_int_equal(at, 2);
    simrot_delete(d, kit_file(d, "repo/rolls/", 0, path));
    ok(fs_rmdir(a.fs, "rolls"));
    says(follow_anew(d, &at), HF_EDAMAGE, "entry 1 is empty and no roll-up covers it");
    desk_end(&a, d);
}

static void test_journal_refuses_a_roll_up_that_is_not_what_it_says(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 6);
    struct simdisk *rotten;
    char path[128];
    size_t len;
    const uint8_t *data;
    uint64_t at;

    (void)state;
    roll_up(d, 1, 4, true);
    kit_file(d, "repo/rolls/", 0, path);
    rotten = simdisk_fork(d);
    simrot_flip(rotten, path, 800);
    says(follow_anew(rotten, &at), HF_EDAMAGE, "rolls/000000000001-000000000004: ");
    assert_int_equal(at, 0);
    simdisk_free(rotten);
    data = simrot_look(d, path, &len);
    simrot_replace(d, "repo/rolls/000000000001-000000000005", data, len);
    says(follow_anew(d, &at), HF_EDAMAGE, "it is not the roll-up that its name says");
    desk_end(&a, d);
}

static void test_journal_refuses_rolls_of_another_repository(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    struct journal_options o = desk_options(&a);

    (void)state;
    roll_up(d, 1, 2, true);
    o.repo_id[0] ^= 1;
    desk_renew(&a, &o);
    says(journal_follow(a.j), HF_EDAMAGE, "it is not the roll-up that its name says");
    desk_end(&a, d);
}

/* Between the listing and the reading a roll-up was merged into a larger one and removed. */
static void test_journal_looks_again_when_a_roll_up_has_gone(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 4);
    uint64_t at;

    (void)state;
    roll_up(d, 1, 3, true);
    kit_fault(d, SIMOP_OPEN, "repo/rolls/", SIMFAULT_REFUSE, ENOENT);
    ok(follow_anew(d, &at));
    assert_int_equal(at, 4);
    kit_fault_for_ever(d, SIMOP_OPEN, "repo/rolls/", ENOENT);
    says(follow_anew(d, &at), HF_EDAMAGE, "rolls/");
    desk_end(&a, d);
}

static void test_journal_tells_roll_ups_that_can_not_be_read_from_damage(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 4);
    uint64_t at;

    (void)state;
    roll_up(d, 1, 3, true);
    kit_fault(d, SIMOP_LIST, "repo/rolls", SIMFAULT_REFUSE, EIO);
    assert_int_equal(follow_anew(d, &at), HF_EIO);
    kit_fault(d, SIMOP_PREAD, "repo/rolls/", SIMFAULT_REFUSE, EIO);
    assert_int_equal(follow_anew(d, &at), HF_EIO);
    desk_end(&a, d);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void test_journal_follows_again_after_memory_ran_out(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 5);
    uint64_t refused;
    int rc;

    (void)state;
    roll_up(d, 1, 3, true);
    for (uint64_t n = 1;; n++) {
        struct desk b;

        desk_open(&b, d, "b");
        mem_fail_at(n, 0);
        rc = journal_follow(b.j);
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        if (rc < 0) {
            assert_int_equal(rc, HF_ENOMEM);
            assert_false(journal_damaged(b.j));
            ok(journal_follow(b.j));
        }
        assert_int_equal(b.seen_count, 5);
        desk_close(&b);
        if (refused == 0) {
            break;
        }
    }
    assert_int_equal(rc, 0);
    desk_end(&a, d);
}

static void test_journal_can_not_be_made_without_memory(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 0);
    struct journal_options o = desk_options(&a);
    struct journal *j = NULL;

    (void)state;
    mem_fail_at(1, 0);
    assert_int_equal(journal_new(&o, &j), HF_ENOMEM);
    mem_fail_at(0, 0);
    journal_free(NULL);
    desk_end(&a, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_journal_follows_to_the_tip_in_order),
        cmocka_unit_test(test_journal_gives_what_was_published),
        cmocka_unit_test(test_journal_follows_what_others_publish),
        cmocka_unit_test(test_journal_goes_on_from_where_a_cache_vouches),
        cmocka_unit_test(test_journal_has_no_entry_beyond_its_numbers),
        cmocka_unit_test(test_journal_reading_writes_nothing),
        cmocka_unit_test(test_journal_stops_where_the_observer_does),
        cmocka_unit_test(test_journal_head_is_the_highest_name),
        cmocka_unit_test(test_journal_without_a_head_is_damaged),
        cmocka_unit_test(test_journal_refuses_a_head_that_is_none),
        cmocka_unit_test(test_journal_shorter_than_its_head_is_damaged),
        cmocka_unit_test(test_journal_that_is_not_the_heads_is_damaged),
        cmocka_unit_test(test_journal_with_two_heads_of_one_number_is_damaged),
        cmocka_unit_test(test_journal_looks_again_when_a_head_is_being_raised),
        cmocka_unit_test(test_journal_tip_above_the_head_is_no_damage),
        cmocka_unit_test(test_journal_names_the_entry_that_is_missing),
        cmocka_unit_test(test_journal_notices_that_the_heads_entry_has_gone),
        cmocka_unit_test(test_journal_finds_every_flipped_bit),
        cmocka_unit_test(test_journal_finds_every_cut),
        cmocka_unit_test(test_journal_refuses_a_file_that_no_entry_can_be),
        cmocka_unit_test(test_journal_refuses_an_entry_of_another_repository),
        cmocka_unit_test(test_journal_refuses_an_entry_under_another_number),
        cmocka_unit_test(test_journal_refuses_an_entry_that_does_not_follow),
        cmocka_unit_test(test_journal_refuses_an_unknown_author),
        cmocka_unit_test(test_journal_refuses_a_bad_signature_at_the_tip),
        cmocka_unit_test(test_journal_verifies_every_signature_when_told_to),
        cmocka_unit_test(test_journal_stays_damaged),
        cmocka_unit_test(test_journal_that_can_not_be_read_is_not_damaged),
        cmocka_unit_test(test_journal_reads_through_roll_ups),
        cmocka_unit_test(test_journal_reads_rolled_entries_in_any_order),
        cmocka_unit_test(test_journal_takes_the_roll_up_that_covers_most),
        cmocka_unit_test(test_journal_refuses_an_empty_entry_that_no_roll_up_covers),
        cmocka_unit_test(test_journal_refuses_a_roll_up_that_is_not_what_it_says),
        cmocka_unit_test(test_journal_refuses_rolls_of_another_repository),
        cmocka_unit_test(test_journal_looks_again_when_a_roll_up_has_gone),
        cmocka_unit_test(test_journal_tells_roll_ups_that_can_not_be_read_from_damage),
        cmocka_unit_test(test_journal_follows_again_after_memory_ran_out),
        cmocka_unit_test(test_journal_can_not_be_made_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
