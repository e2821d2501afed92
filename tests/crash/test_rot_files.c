/*
 * test_rot_files.c - whole files lost, cut, swapped, set back: named, with what it costs.
 */
#include "crash/rotkit.h"

#include "format/segment.h"
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

/* --- saying what must be told ----------------------------------------------------------------- */

/* What check must say of this disk: damage of these objects (the second may be NULL), no other. */
static void told_of_both(struct simdisk *d, unsigned look, const char *object, const char *other,
                         const char *text)
{
    struct rot_report report;
    bool named;

    rot_check(d, look, &report);
    named = report.opened ? report.rc == HF_EDAMAGE && rot_names(&report, object) &&
                                (!other || rot_names(&report, other))
                          : (report.rc == HF_EDAMAGE || report.rc == HF_EKEY_DAMAGED) && text &&
                                strstr(report.text, text);
    for (size_t i = 0; i < report.count; i++) {
        const struct rot_finding *f = &report.list[i];

        named = named && (f->costs || strcmp(f->object, object) == 0 ||
                          (other && strcmp(f->object, other) == 0));
    }
    if (!named) {
        rot_print(&report);
        fail_msg("%s is not told as it should be", object);
    }
    rot_release(&report);
    if (!rot_strict_is_honest(&rot, d)) {
        fail_msg("%s makes a shorter history", object);
    }
}

static void told(struct simdisk *d, const char *object, const char *text)
{
    told_of_both(d, ROT_STRUCTURE, object, NULL, text);
}

static void told_of_nothing(struct simdisk *d)
{
    struct rot_report report;
    struct rot_losses losses;

    rot_check(d, ROT_READ_DATA | ROT_SCRUB, &report);
    if (report.rc != 0 || report.count != 0) {
        rot_print(&report);
        fail_msg("damage where there is none");
    }
    rot_release(&report);
    assert_true(rot_strict_is_honest(&rot, d));
    rot_restore(&rot, d, &losses);
    assert_int_equal(losses.count, 0);
    assert_int_equal(losses.missing, 0);
    mem_free(losses.list);
}

/* What an opening says of a file without which nothing opens; NULL: it must open. */
static const char *text_of(const char *path)
{
    if (strcmp(path, "repo/holdfast") == 0) {
        return "holdfast";
    }
    if (strncmp(path, "repo/keys/", 10) == 0) {
        return "keys";
    }
    return strcmp(path, "repo/journal/000000000001") == 0 ? "entry 1" : NULL;
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

static char *head_path(const struct simdisk *d, char out[128])
{
    return kit_file(d, "repo/head/", 0, out);
}

/* --- what a segment costs --------------------------------------------------------------------- */

/*
 * The snapshots and paths that check names are those that a restore can't bring back. A path that
 * is not known (a page of names is lost) is answered by the snapshot alone, on both sides. Returns
 * how many they are.
 */
static size_t costs_agree(struct simdisk *d, unsigned look)
{
    struct rot_report report;
    struct rot_losses losses;
    size_t count;

    rot_check(d, look, &report);
    rot_restore(&rot, d, &losses);
    assert_int_equal(losses.missing, 0);
    for (size_t i = 0; i < losses.count; i++) {
        const struct rot_finding *f = &losses.list[i];

        if (!rot_has(report.list, report.count, f->snapshot, f->path)) {
            rot_print(&report);
            fail_msg("'%s' can't be restored (%s), and check does not say so", f->path, f->object);
        }
    }
    for (size_t i = 0; i < report.count; i++) {
        const struct rot_finding *f = &report.list[i];

        if (f->costs && !rot_has(losses.list, losses.count, f->snapshot, f->path)) {
            fail_msg("'%s' can be restored, and check says that it can't", f->path);
        }
    }
    count = losses.count;
    mem_free(losses.list);
    rot_release(&report);
    return count;
}

static void test_rot_a_lost_segment_costs_what_cannot_be_restored(void **state)
{
    char path[128];
    size_t lost = 0;

    (void)state;
    for (size_t i = 0; i < kit_files(rot.disk, "repo/segments/"); i++) {
        struct simdisk *d = simdisk_fork(rot.disk);

        simrot_delete(d, kit_file(rot.disk, "repo/segments/", i, path));
        lost += costs_agree(d, ROT_STRUCTURE);
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
        told_of_both(d, ROT_READ_DATA, rot_name(path), NULL, NULL);
        (void)costs_agree(d, ROT_READ_DATA);
        (void)costs_agree(d, ROT_SCRUB);
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
    assert_int_equal(costs_agree(d, ROT_READ_DATA), costs_agree(lost, ROT_READ_DATA));
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
    (void)costs_agree(d, ROT_READ_DATA);
    fail_reads(d, path, 4);
    told_of_both(d, ROT_READ_DATA, rot_name(path), NULL, NULL);
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
            told_of_both(d, ROT_READ_DATA, rot_name(path), NULL, NULL);
            assert_int_equal(costs_agree(d, ROT_READ_DATA), 0);
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
    told(d, strncmp(path, "repo/head/", 10) == 0 ? "head/" : rot_name(path), text_of(path));
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
    told(d, rot_name(path), text_of(path));
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
        told(d, rot_name(path), text_of(path));
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
        told_of_both(d, ROT_STRUCTURE, rot_name(a), rot_name(b), NULL);
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
        told_of_both(d, ROT_STRUCTURE, rot_name(a), rot_name(b), NULL);
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
        told(d, rot_name(names[i]), text_of(names[i]));
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
    told_of_nothing(d);
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
    assert_int_equal(result.rolls, 1);
    assert_int_equal(result.entries, 4);
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
    told_of_nothing(d);
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
    told_of_nothing(d);
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
    told_of_nothing(d);
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
    told_of_nothing(d);
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
    told_of_nothing(d);
    hash_of(rot.tip, hash);
    add_head(d, rot.tip, hash, head);
    simrot_delete(d, head);
    told_of_nothing(d);
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
