/*
 * test_rot_files.c - whole files lost, cut, swapped, unreadable: named, with what it costs.
 */
#include "crash/rotlook.h"

#include "format/segment.h"

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

/* Does something to a copy of the disk for each file there is, but the reserve. */
typedef void (*each_fn)(struct simdisk *d, const char *path, size_t len);

static int visit_file(void *context, const char *path, size_t len)
{
    struct simdisk *d;

    if (strcmp(path, "repo/reserve") != 0) {
        d = simdisk_fork(rot.disk);
        (*(each_fn *)context)(d, path, len);
        simdisk_free(d);
    }
    return 0;
}

static void each_file(const char *prefix, each_fn fn)
{
    assert_int_equal(simrot_each(rot.disk, prefix, visit_file, &fn), 0);
}

/* --- what a segment costs --------------------------------------------------------------------- */

static void test_rot_a_lost_segment_costs_what_cannot_be_restored(void **state)
{
    char path[128];
    size_t lost = 0;

    (void)state;
    for (size_t i = 0; i < kit_files(rot.disk, "repo/segments/"); i++) {
        struct simdisk *d = simdisk_fork(rot.disk);

        simrot_delete(d, kit_file(rot.disk, "repo/segments/", i, path));
        lost += rot_costs_agree(&rot, d, ROT_STRUCTURE);
        simdisk_free(d);
    }
    assert_true(lost > 0);
}

/* A bit of each record, and of each footer, in turn. */
static void rot_in_records(struct simdisk *d, const char *path, size_t len)
{
    const uint8_t *data = simrot_look(rot.disk, path, &len);
    size_t at = SEGMENT_HEADER_BYTES;
    struct segment_record_header h;

    do {
        ok(segment_record_header_decode(data + at, len - at, &h));
        simrot_flip(d, path, 8 * (at + SEGMENT_RECORD_HEADER_BYTES + h.payload_len / 2) + 3);
        rot_expect(&rot, d, ROT_READ_DATA, rot_name(path), NULL, NULL);
        (void)rot_costs_agree(&rot, d, ROT_READ_DATA);
        (void)rot_costs_agree(&rot, d, ROT_SCRUB);
        simrot_flip(d, path, 8 * (at + SEGMENT_RECORD_HEADER_BYTES + h.payload_len / 2) + 3);
        at += (size_t)segment_record_bytes(h.payload_len - CIPHER_TAG_BYTES);
    } while (h.type != SEGMENT_FOOTER);
}

static void test_rot_in_a_record_costs_what_cannot_be_restored(void **state)
{
    (void)state;
    each_file("repo/segments/", rot_in_records);
}

/* The nth read of this file and all that follow fail. */
static void fail_reads(struct simdisk *d, const char *path, uint64_t nth)
{
    const struct simfault fault = {
        .where = { .kinds = SIMOP_BIT(SIMOP_PREAD), .prefix = path, .nth = nth },
        .kind = SIMFAULT_REFUSE,
        .errnum = EIO,
        .for_ever = true
    };

    simdisk_clear_faults(d);
    simdisk_fault(d, &fault);
}

/* It costs what its loss would cost, and no more. */
static void cannot_be_read(struct simdisk *d, const char *path, size_t len)
{
    struct simdisk *lost = simdisk_fork(rot.disk);

    (void)len;
    fail_reads(d, path, 1);
    told(d, rot_name(path), NULL);
    simrot_delete(lost, path);
    assert_int_equal(rot_costs_agree(&rot, d, ROT_READ_DATA),
                     rot_costs_agree(&rot, lost, ROT_READ_DATA));
    simdisk_free(lost);
}

static void test_rot_a_segment_that_the_disk_cannot_read_is_named(void **state)
{
    (void)state;
    each_file("repo/segments/", cannot_be_read);
}

/* Header, trailer and footer can be read, the blocks can't. */
static void blocks_cannot_be_read(struct simdisk *d, const char *path, size_t len)
{
    (void)len;
    fail_reads(d, path, 4);
    (void)rot_costs_agree(&rot, d, ROT_READ_DATA);
    fail_reads(d, path, 4);
    rot_expect(&rot, d, ROT_READ_DATA, rot_name(path), NULL, NULL);
}

static void test_rot_blocks_that_the_disk_cannot_read_are_named(void **state)
{
    (void)state;
    each_file("repo/segments/", blocks_cannot_be_read);
}

/* Nobody needs what fills up a record: its rot is told, and costs nothing. */
static void rot_in_padding(struct simdisk *d, const char *path, size_t len)
{
    const uint8_t *data = simrot_look(rot.disk, path, &len);
    size_t at = SEGMENT_HEADER_BYTES;
    struct segment_record_header h;

    do {
        size_t end;

        ok(segment_record_header_decode(data + at, len - at, &h));
        end = at + SEGMENT_RECORD_HEADER_BYTES + h.payload_len;
        at += (size_t)segment_record_bytes(h.payload_len - CIPHER_TAG_BYTES);
        if (at > end) {
            simrot_flip(d, path, 8 * end);
            rot_expect(&rot, d, ROT_READ_DATA, rot_name(path), NULL, NULL);
            assert_int_equal(rot_costs_agree(&rot, d, ROT_READ_DATA), 0);
            simrot_flip(d, path, 8 * end);
        }
    } while (h.type != SEGMENT_FOOTER);
}

static void test_rot_in_padding_is_named_and_costs_nothing(void **state)
{
    (void)state;
    each_file("repo/segments/", rot_in_padding);
}

/* Two clients stored the same chunks at the same time; one of the copies is enough. */
struct meanwhile {
    struct rot *rot;
    struct source *source;
    bool done;
};

static void back_up_meanwhile(void *context, struct source *s, size_t yielded)
{
    struct meanwhile *m = context;
    const struct backup_options o = { .job = "other", .host = "h", .threads = 1 };
    struct backup_result result;
    struct vault v;

    (void)s;
    if (yielded == 2 && !m->done) {
        m->done = true;
        kit_join(&v, m->rot->disk, "b");
        ok(backup_run(v.repo, &o, m->source, NULL, &result));
        vault_leave(&v);
    }
}

static void test_rot_in_one_of_two_copies_costs_nothing(void **state)
{
    static struct rot r;
    struct meanwhile m = { .rot = &r };
    struct rot_report report;
    struct rot_losses losses;
    char path[128];
    uint8_t *data = kit_bytes(1, 3000);

    (void)state;
    rot_begin(&r, 2);
    m.source = source_mem_new(r.now_ns);
    source_mem_file(m.source, "/a", data, 3000);
    mem_free(data);
    rot_put(&r, "/a", 1, 3000);
    source_mem_on_next(r.source, back_up_meanwhile, &m);
    rot_backup(&r, "home", 0);
    assert_true(m.done);
    assert_int_equal(kit_files(r.disk, "repo/segments/"), 2);
    for (size_t i = 0; i < 2; i++) {
        struct simdisk *d = simdisk_fork(r.disk);

        simrot_flip(d, kit_file(d, "repo/segments/", i, path), 8 * 300);
        rot_check(d, ROT_READ_DATA, &report);
        assert_true(rot_told(&report, rot_name(path), ""));
        assert_false(rot_has(report.list, report.count, r.points[0].id, "/a"));
        rot_restore(&r, d, &losses);
        assert_int_equal(losses.count, 0);
        rot_release(&report);
        simdisk_free(d);
    }
    source_free(m.source);
    rot_end(&r);
}

/* --- files deleted, cut, extended, swapped ---------------------------------------------------- */

static void delete_file(struct simdisk *d, const char *path, size_t len)
{
    (void)len;
    simrot_delete(d, path);
    told(d, strncmp(path, "repo/head/", 10) == 0 ? "head/" : rot_name(path), rot_text_of(path));
}

static void test_rot_each_file_deleted_is_named(void **state)
{
    (void)state;
    each_file("repo/", delete_file);
}

static void cut_to(struct simdisk *d, const char *path, size_t len)
{
    size_t was;
    const uint8_t *now = simrot_look(d, path, &was);
    void *data = mem_dup(now, was);

    assert_non_null(data);
    simrot_cut(d, path, len);
    told(d, rot_name(path), rot_text_of(path));
    simrot_replace(d, path, data, was);
    mem_free(data);
}

static void cut_file(struct simdisk *d, const char *path, size_t len)
{
    const size_t lengths[] = { 0, 1, len / 2, len - 1, len - 8, len - 64, len / 3, len - len / 7 };

    for (size_t i = 0; len > 0 && i < COUNT(lengths); i++) {
        if (lengths[i] < len) {
            cut_to(d, path, lengths[i]);
        }
    }
    if (len > ENTRY_SEAL_BYTES) {
        cut_to(d, path, len - ENTRY_SEAL_BYTES);
        cut_to(d, path, ENTRY_SEAL_BYTES);
    }
}

static void test_rot_each_file_cut_short_is_named(void **state)
{
    (void)state;
    each_file("repo/", cut_file);
}

static void extend_file(struct simdisk *d, const char *path, size_t len)
{
    cut_to(d, path, len + 1);
    cut_to(d, path, len + 8);
    cut_to(d, path, len + 256);
    cut_to(d, path, len + 4096);
}

static void test_rot_each_file_with_more_behind_it_is_named(void **state)
{
    (void)state;
    each_file("repo/", extend_file);
}

static void zero_file(struct simdisk *d, const char *path, size_t len)
{
    if (len > 0) {
        simrot_zero(d, path, 0, len);
        told(d, rot_name(path), rot_text_of(path));
    }
}

static void test_rot_each_file_of_zeros_is_named(void **state)
{
    (void)state;
    each_file("repo/", zero_file);
}

static void test_rot_entries_that_trade_places_are_named(void **state)
{
    char a[128];
    char b[128];

    (void)state;
    for (uint64_t i = 2; i < rot.tip; i++) {
        struct simdisk *d = simdisk_fork(rot.disk);

        simrot_swap(d, rot_entry(i, a), rot_entry(i + 1, b));
        rot_expect(&rot, d, ROT_STRUCTURE, rot_name(a), rot_name(b), NULL);
        simdisk_free(d);
    }
}

static void test_rot_an_entry_that_holds_an_older_one_is_named(void **state)
{
    char a[128];
    char b[128];
    size_t len;

    (void)state;
    for (uint64_t i = 2; i <= rot.tip; i++) {
        struct simdisk *d = simdisk_fork(rot.disk);
        const uint8_t *data = simrot_look(rot.disk, rot_entry(i - 1, b), &len);

        simrot_replace(d, rot_entry(i, a), data, len);
        told(d, rot_name(a), NULL);
        simdisk_free(d);
    }
}

static void test_rot_segments_that_trade_places_are_both_named(void **state)
{
    char a[128];
    char b[128];

    (void)state;
    for (size_t i = 1; i < kit_files(rot.disk, "repo/segments/"); i++) {
        struct simdisk *d = simdisk_fork(rot.disk);

        simrot_swap(d, kit_file(d, "repo/segments/", i - 1, a),
                    kit_file(d, "repo/segments/", i, b));
        rot_expect(&rot, d, ROT_STRUCTURE, rot_name(a), rot_name(b), NULL);
        simdisk_free(d);
    }
}

static void test_rot_files_of_another_repository_are_named(void **state)
{
    static const char *const names[] = { "repo/holdfast", "repo/journal/000000000001",
                                         "repo/journal/000000000002" };
    static struct rot other;
    size_t len;

    (void)state;
    rot_begin(&other, 3);
    rot_put(&other, "/x", 7, 100);
    rot_backup(&other, "home", 0);
    for (size_t i = 0; i < COUNT(names); i++) {
        struct simdisk *d = simdisk_fork(rot.disk);
        const uint8_t *data = simrot_look(other.disk, names[i], &len);

        simrot_replace(d, names[i], data, len);
        told(d, rot_name(names[i]), rot_text_of(names[i]));
        simdisk_free(d);
    }
    rot_end(&other);
}

/* --- keys ------------------------------------------------------------------------------------- */

/* A second key, of another secret, which opens the same repository. */
static struct simdisk *fork_with_two_keys(void)
{
    static const uint8_t other[KEYFILE_SECRET_BYTES] = "somebody else's";
    const struct keyfile_unlock unlock = { .secret = other };
    struct simdisk *d = simdisk_fork(rot.disk);
    struct keyfile_info info;
    uint8_t master[32];
    uint8_t bytes[KEYFILE_BYTES];
    struct rnd rnd;
    size_t len;
    const uint8_t *main_key = simrot_look(d, "repo/keys/main", &len);

    rnd_init_seeded(&rnd, 5);
    ok(keyfile_unwrap(main_key, len, &kit_unlock, master, &info));
    ok(keyfile_wrap(master, info.repo_id, info.admin_public, &unlock, &rnd, bytes));
    simrot_replace(d, "repo/keys/another", bytes, sizeof bytes);
    return d;
}

static void test_rot_a_key_beside_the_one_that_opens_is_named(void **state)
{
    struct simdisk *d = fork_with_two_keys();

    (void)state;
    rot_expect_whole(&rot, d);
    simrot_flip(d, "repo/keys/another", 8 * 100);
    told(d, "keys/another", NULL);
    simrot_flip(d, "repo/keys/another", 8 * 400);
    told(d, "keys/another", NULL);
    simdisk_free(d);
}

static void test_rot_a_key_of_another_repository_is_named(void **state)
{
    struct simdisk *d = fork_with_two_keys();
    static struct rot other;
    size_t len;

    (void)state;
    rot_begin(&other, 3);
    simrot_replace(d, "repo/keys/another", simrot_look(other.disk, "repo/keys/main", &len),
                   KEYFILE_BYTES);
    told(d, "keys/another", NULL);
    rot_end(&other);
    simdisk_free(d);
}

/* It must not be told as a wrong password, which the other key has. */
static void test_rot_of_the_hint_is_damage_whatever_keys_there_are(void **state)
{
    struct simdisk *d = fork_with_two_keys();

    (void)state;
    simrot_replace(d, "repo/keys/zzz", simrot_look(d, "repo/keys/another", &(size_t){ 0 }),
                   KEYFILE_BYTES);
    simrot_flip(d, "repo/holdfast", 8 * 40);
    told(d, "holdfast", "`holdfast`");
    simdisk_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rot_a_lost_segment_costs_what_cannot_be_restored),
        cmocka_unit_test(test_rot_in_a_record_costs_what_cannot_be_restored),
        cmocka_unit_test(test_rot_a_segment_that_the_disk_cannot_read_is_named),
        cmocka_unit_test(test_rot_blocks_that_the_disk_cannot_read_are_named),
        cmocka_unit_test(test_rot_in_padding_is_named_and_costs_nothing),
        cmocka_unit_test(test_rot_in_one_of_two_copies_costs_nothing),
        cmocka_unit_test(test_rot_each_file_deleted_is_named),
        cmocka_unit_test(test_rot_each_file_cut_short_is_named),
        cmocka_unit_test(test_rot_each_file_with_more_behind_it_is_named),
        cmocka_unit_test(test_rot_each_file_of_zeros_is_named),
        cmocka_unit_test(test_rot_entries_that_trade_places_are_named),
        cmocka_unit_test(test_rot_an_entry_that_holds_an_older_one_is_named),
        cmocka_unit_test(test_rot_segments_that_trade_places_are_both_named),
        cmocka_unit_test(test_rot_files_of_another_repository_are_named),
        cmocka_unit_test(test_rot_a_key_beside_the_one_that_opens_is_named),
        cmocka_unit_test(test_rot_a_key_of_another_repository_is_named),
        cmocka_unit_test(test_rot_of_the_hint_is_damage_whatever_keys_there_are),
    };

    return cmocka_run_group_tests(tests, make_repository, release_repository);
}
