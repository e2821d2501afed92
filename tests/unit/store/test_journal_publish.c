/*
 * test_journal_publish.c - an entry is published once, wholly, in the order of syncs that
 * docs/durability.md gives, or not at all; and what can't be known is said to be unknown.
 */
#include "harness/simsched.h"
#include "unit/store/journalkit.h"

/* How many entries of the journal have this UUID. */
static unsigned times_published(struct simdisk *d, const uint8_t uuid[16])
{
    struct desk k;
    unsigned count = 0;

    desk_open(&k, d, "counter");
    ok(journal_follow(k.j));
    for (uint64_t n = 1; n <= journal_at(k.j)->number; n++) {
        struct journal_entry e;
        uint8_t *memory;

        ok(journal_read(k.j, n, &e, &memory));
        count += memcmp(e.seal.uuid, uuid, 16) == 0;
        mem_free(memory);
    }
    desk_close(&k);
    return count;
}

/* --- the protocol ----------------------------------------------------------------------------- */

static void test_publish_is_seen_and_acknowledged(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 1);
    struct journal_position head;
    uint64_t at;

    (void)state;
    ok(desk_publish(&a));
    assert_int_equal(journal_at(a.j)->number, 2);
    assert_int_equal(a.seen_count, 2);
    assert_int_equal(a.seen[1], 2);
    assert_true(journal_settled(a.j));
    ok(journal_head(a.j, &head));
    assert_memory_equal(&head, journal_at(a.j), sizeof head);
    ok(follow_anew(d, &at));
    assert_int_equal(at, 2);
    assert_int_equal(kit_files(d, "repo/tmp/"), 0);
    assert_int_equal(kit_files(d, "repo/head/"), 1);
    desk_end(&a, d);
}

/* Where each kind of operation on a path first stands in the trace. */
static size_t position_of(const struct simdisk *d, enum simop_kind kind, const char *prefix)
{
    const struct simtrace *t = simdisk_trace(d);

    for (size_t i = 0; i < t->count; i++) {
        const struct simop *op = &t->ops[i];
        const char *path = op->to ? op->to : op->path;

        if (op->kind == kind && path && strncmp(path, prefix, strlen(prefix)) == 0) {
            return i;
        }
    }
    fail_msg("no such operation on %s", prefix);
    return 0;
}

static void test_publish_syncs_in_the_order_of_the_protocol(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    struct buf sites;
    size_t entry;
    size_t name;
    size_t folder;
    size_t head;

    (void)state;
    buf_init(&sites);
    ok(desk_publish(&a));
    assert_string_equal(kit_syncs(d, 0, &sites), "journal.entry journal.publish journal.head");
    entry = position_of(d, SIMOP_SYNC, "repo/tmp/");
    name = position_of(d, SIMOP_RENAME_NEW, "repo/journal/000000000003");
    folder = position_of(d, SIMOP_SYNC_DIR, "repo/journal");
    head = position_of(d, SIMOP_CREATE, "repo/head/000000000003-");
    assert_true(position_of(d, SIMOP_PWRITE, "repo/tmp/") < entry);
    assert_true(entry < name);
    assert_true(name < folder);
    assert_true(folder < head);
    assert_true(head < position_of(d, SIMOP_SYNC_DIR, "repo/head"));
    assert_true(position_of(d, SIMOP_SYNC_DIR, "repo/head") <
                position_of(d, SIMOP_UNLINK, "repo/head/000000000002-"));
    buf_release(&sites);
    desk_end(&a, d);
}

/* Only an entry of another client, above the head, costs one more: it may be in no one's sync. */
static void test_publish_settles_a_tip_above_the_head(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 2);
    struct buf sites;

    (void)state;
    buf_init(&sites);
    kit_fault(d, SIMOP_CREATE, "repo/head/", SIMFAULT_REFUSE, EIO);
    assert_int_equal(desk_publish(&a), HF_EUNKNOWN);
    desk_open(&b, d, "b");
    simdisk_settle(d);
    ok(desk_publish(&b));
    assert_string_equal(kit_syncs(d, 0, &sites),
                        "journal.settle journal.entry journal.publish journal.head");
    simdisk_settle(d);
    ok(desk_publish(&b));
    assert_string_equal(kit_syncs(d, 0, &sites), "journal.entry journal.publish journal.head");
    buf_release(&sites);
    desk_close(&b);
    desk_end(&a, d);
}

static void test_publish_removes_lower_heads_and_survives_if_it_can_not(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    kit_fault(d, SIMOP_UNLINK, "repo/head/", SIMFAULT_REFUSE, EIO);
    ok(desk_publish(&a));
    assert_int_equal(kit_files(d, "repo/head/"), 2);
    ok(desk_publish(&a));
    assert_int_equal(kit_files(d, "repo/head/"), 1);
    desk_end(&a, d);
}

static void test_publish_leaves_a_higher_head_alone(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 2);
    struct journal_position head;
    struct simsched *s;

    (void)state;
    (void)s;
    desk_open(&b, d, "b");
    ok(desk_publish(&b));
    ok(desk_publish(&a));
    ok(journal_head(b.j, &head));
    assert_int_equal(head.number, 4);
    ok(desk_publish(&b));
    assert_int_equal(kit_files(d, "repo/head/"), 1);
    desk_close(&b);
    desk_end(&a, d);
}

static void test_publish_needs_keys(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 1);
    struct journal_options o = desk_options(&a);

    (void)state;
    o.keys = NULL;
    desk_renew(&a, &o);
    says(desk_publish(&a), HF_EDENIED, "opened for reading");
    assert_int_equal(simdisk_trace(d)->count, 0);
    desk_end(&a, d);
}

static void test_publish_writes_nothing_when_the_draft_refuses(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    a.refuses = HF_ECHANGED;
    says(desk_publish(&a), HF_ECHANGED, "the draft refuses");
    assert_int_equal(a.asked, 1);
    assert_int_equal(kit_changes(d, 0, ""), 0);
    desk_end(&a, d);
}

static int body_of_size(void *context, struct buf *body)
{
    buf_put_zeros(body, *(const size_t *)context);
    return buf_error(body);
}

static int publish_body(struct desk *k, int (*validate)(void *, struct buf *), void *context)
{
    struct journal_draft draft = { .validate = validate, .context = context, .uuid = { 1 } };

    return journal_publish(k->j, &draft);
}

/* An entry that no reader takes would end the journal for ever. */
static void test_publish_refuses_what_no_reader_would_take(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    size_t sizes[] = { 0, 3, 400, (size_t)ENTRY_MAX_BODY + 1 };
    uint64_t at;

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        int rc = publish_body(&a, body_of_size, &sizes[i]);

        assert_int_equal(rc, i == COUNT(sizes) - 1 ? HF_ELIMIT : HF_EFAIL);
        assert_int_equal(kit_changes(d, 0, ""), 0);
    }
    ok(follow_anew(d, &at));
    assert_int_equal(at, 2);
    desk_end(&a, d);
}

static int body_of_an_empty_list(void *context, struct buf *body)
{
    const enum entry_item *type = context;

    if (*type == ENTRY_CONDEMN) {
        entry_put_condemn(body, NULL, 0);
    } else {
        entry_put_forget(body, *type == ENTRY_UNFORGET, 0, NULL, 0);
    }
    return buf_error(body);
}

static int body_of_an_impossible_adopt(void *context, struct buf *body)
{
    const struct entry_adopt *a = context;

    entry_put_adopt(body, a);
    return buf_error(body);
}

static void test_publish_refuses_items_that_no_reader_would_take(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    enum entry_item types[] = { ENTRY_FORGET, ENTRY_UNFORGET, ENTRY_CONDEMN };
    struct entry_adopt adopt = { .file_len = 3 };

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        assert_int_equal(publish_body(&a, body_of_an_empty_list, &types[i]), HF_EFAIL);
    }
    assert_int_equal(publish_body(&a, body_of_an_impossible_adopt, &adopt), HF_EFAIL);
    assert_int_equal(kit_changes(d, 0, ""), 0);
    desk_end(&a, d);
}

/* --- others are faster ------------------------------------------------------------------------ */

static void test_publish_validates_again_after_a_lost_race(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 2);
    uint64_t at;

    (void)state;
    desk_open(&b, d, "b");
    a.rival = &b;
    ok(desk_publish(&a));
    assert_int_equal(a.asked, 2);
    assert_int_equal(journal_at(a.j)->number, 4);
    assert_int_equal(a.seen[2], 3); /* it has seen what was faster before it was asked again */
    assert_int_equal(times_published(d, a.last), 1);
    assert_int_equal(times_published(d, b.last), 1);
    assert_int_equal(kit_files(d, "repo/tmp/"), 0);
    ok(follow_anew(d, &at));
    assert_int_equal(at, 4);
    desk_close(&b);
    desk_end(&a, d);
}

static void test_publish_may_refuse_after_a_lost_race(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 2);
    struct journal_draft draft;

    (void)state;
    desk_open(&b, d, "b");
    a.rival = &b;
    draft = desk_draft(&a);
    b.refuses = 0;
    /* The rival's entry is what the second validation does not like. */
    a.refuses = 0;
    ok(journal_publish(a.j, &draft));
    a.refuses = HF_ECHANGED;
    a.rival = &b;
    says(desk_publish(&a), HF_ECHANGED, "the draft refuses");
    assert_int_equal(times_published(d, a.last), 0);
    desk_close(&b);
    desk_end(&a, d);
}

struct racer {
    struct desk *k;
    unsigned entries;
};

static int race_body(struct simclient *c, void *context)
{
    struct racer *r = context;
    int rc = 0;

    (void)c;
    for (unsigned i = 0; rc == 0 && i < r->entries; i++) {
        rc = desk_publish(r->k);
    }
    return rc;
}

static void test_publish_gives_every_racer_numbers_of_its_own(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct desk k[3];
        struct racer r[3];
        struct simdisk *d = desk_begin(&k[0], 1);
        struct simsched *s = simsched_new(d, seed);
        static const char *const names[] = { "a", "b", "c" };
        uint64_t at;

        for (size_t i = 0; i < COUNT(k); i++) {
            if (i > 0) {
                desk_open(&k[i], d, names[i]);
            }
            r[i] = (struct racer){ &k[i], 3 };
            simsched_add(s, names[i], race_body, &r[i]);
        }
        ok(simsched_run(s));
        for (size_t i = 0; i < COUNT(k); i++) {
            ok(simsched_result(s, names[i]));
        }
        ok(follow_anew(d, &at));
        assert_int_equal(at, 10);
        assert_int_equal(kit_files(d, "repo/head/"), 1);
        simsched_free(s);
        desk_close(&k[1]);
        desk_close(&k[2]);
        desk_end(&k[0], d);
    }
}

/* --- renames that lie ------------------------------------------------------------------------- */

static void test_publish_believes_what_is_there_not_what_renaming_says(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    kit_fault(d, SIMOP_RENAME_NEW, "repo/journal/", SIMFAULT_AFTER, EIO);
    ok(desk_publish(&a));
    assert_int_equal(times_published(d, a.last), 1);
    assert_int_equal(journal_at(a.j)->number, 3);
    desk_end(&a, d);
}

static void test_publish_tries_again_after_a_refusal(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    kit_fault(d, SIMOP_RENAME_NEW, "repo/journal/", SIMFAULT_REFUSE, EIO);
    ok(desk_publish(&a));
    assert_int_equal(a.asked, 1); /* the same bytes for the same number */
    assert_int_equal(times_published(d, a.last), 1);
    desk_end(&a, d);
}

static void test_publish_says_that_it_does_not_know(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    uint64_t at;

    (void)state;
    kit_fault_for_ever(d, SIMOP_RENAME_NEW, "repo/journal/", EIO);
    says(desk_publish(&a), HF_EUNKNOWN, "could not learn whether entry 3 was published");
    assert_int_equal(simdisk_fault_hits(d), 3);
    assert_int_equal(journal_at(a.j)->number, 2);
    ok(follow_anew(d, &at));
    assert_int_equal(at, 2);
    desk_end(&a, d);
}

static struct simfault late(uint64_t by)
{
    return (struct simfault){
        .where = { .kinds = SIMOP_BIT(SIMOP_RENAME_NEW), .prefix = "repo/journal/", .nth = 1 },
        .kind = SIMFAULT_LATE,
        .late_by = by
    };
}

static void test_publish_recognises_its_entry_when_it_lands_late(void **state)
{
    unsigned known = 0;
    unsigned unknown = 0;

    (void)state;
    for (uint64_t by = 0; by < 12; by++) {
        struct desk a;
        struct simdisk *d = desk_begin(&a, 2);
        struct simfault request = late(by);
        int rc;
        uint64_t at;

        simdisk_fault(d, &request);
        kit_fault_for_ever(d, SIMOP_RENAME_NEW, "repo/journal/", EIO); /* no try but the first */
        rc = desk_publish(&a);
        assert_true(rc == 0 || rc == HF_EUNKNOWN);
        known += rc == 0;
        unknown += rc != 0;
        simdisk_clear_faults(d);
        simdisk_land(d);
        assert_int_equal(times_published(d, a.last), 1);
        ok(desk_publish(&a));
        ok(follow_anew(d, &at));
        assert_int_equal(at, 4);
        desk_end(&a, d);
    }
    assert_true(known > 0 && unknown > 0);
}

/* The request is on its way while another client takes the number: it must never land elsewhere. */
static void test_publish_with_a_late_request_that_loses(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 2);
    struct simfault request = late(1000);
    uint64_t at;

    (void)state;
    desk_open(&b, d, "b");
    request.where.client = "a";
    simdisk_fault(d, &request);
    request.kind = SIMFAULT_REFUSE;
    request.for_ever = true;
    simdisk_fault(d, &request);
    assert_int_equal(desk_publish(&a), HF_EUNKNOWN);
    ok(desk_publish(&b));
    simdisk_clear_faults(d);
    simdisk_land(d);
    assert_int_equal(times_published(d, a.last), 0);
    ok(follow_anew(d, &at));
    assert_int_equal(at, 3);
    desk_close(&b);
    desk_end(&a, d);
}

static void test_publish_does_not_know_if_it_can_not_read_back(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    kit_fault(d, SIMOP_RENAME_NEW, "repo/journal/", SIMFAULT_AFTER, EIO);
    kit_fault_for_ever(d, SIMOP_PREAD, "repo/journal/000000000003", EIO);
    says(desk_publish(&a), HF_EUNKNOWN, "could not read back entry 3");
    simdisk_clear_faults(d);
    assert_int_equal(times_published(d, a.last), 1);
    desk_end(&a, d);
}

/* Someone puts garbage under a number while we ask for it; whose it is can't be told. */
static int rename_to_garbage(struct fs *fs, const char *from, const char *to);
static const struct fs_ops *plain_ops;
static int garbage_says;

static int rename_to_garbage(struct fs *fs, const char *from, const char *to)
{
    struct fs_file *f = NULL;

    (void)from;
    if (plain_ops->create(fs, to, 0400, &f) == 0) {
        (void)plain_ops->pwrite(f, "garbage", 7, 0);
        (void)plain_ops->close(f);
    }
    return err_raise(garbage_says, "that is what renaming says");
}

static int publish_onto_garbage(int rename_rc)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    struct fs_ops ops = *a.fs->ops;
    int rc;

    plain_ops = a.fs->ops;
    garbage_says = rename_rc;
    ops.rename_new = rename_to_garbage;
    a.fs->ops = &ops;
    rc = desk_publish(&a);
    a.fs->ops = plain_ops;
    desk_end(&a, d);
    return rc;
}

/* What renaming said decides whether a damaged entry may be ours. */
static void test_publish_that_reads_back_garbage(void **state)
{
    (void)state;
    says(publish_onto_garbage(HF_EEXISTS), HF_EDAMAGE, "could not read back entry 3");
    says(publish_onto_garbage(HF_EIO), HF_EUNKNOWN, "could not read back entry 3");
}

/* --- what fails around it --------------------------------------------------------------------- */

static void test_publish_that_can_not_be_written_is_not_published(void **state)
{
    static const struct {
        enum simop_kind op;
        const char *prefix;
        int errnum;
        int code;
    } cases[] = {
        { SIMOP_LIST, "repo/head", EIO, HF_EIO },
        { SIMOP_CREATE, "repo/tmp/", EIO, HF_EIO },
        { SIMOP_CREATE, "repo/tmp/", EROFS, HF_EACCESS },
        { SIMOP_PWRITE, "repo/tmp/", EIO, HF_EIO },
        { SIMOP_PWRITE, "repo/tmp/", EDQUOT, HF_ENOSPC },
        { SIMOP_SYNC, "repo/tmp/", EIO, HF_EIO },
        { SIMOP_SYNC, "repo/tmp/", ENOSPC, HF_ENOSPC },
        { SIMOP_CLOSE, "repo/tmp/", EIO, HF_EIO },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct desk a;
        struct simdisk *d = desk_begin(&a, 2);
        uint64_t at;

        kit_fault(d, cases[i].op, cases[i].prefix, SIMFAULT_REFUSE, cases[i].errnum);
        assert_int_equal(desk_publish(&a), cases[i].code);
        assert_true(err_last()->text[0] != '\0');
        assert_int_equal(kit_files(d, "repo/tmp/"), 0);
        ok(follow_anew(d, &at));
        assert_int_equal(at, 2);
        ok(desk_publish(&a)); /* nothing is wrong for ever */
        desk_end(&a, d);
    }
}

static void test_publish_never_acknowledges_what_it_could_not_sync(void **state)
{
    static const struct {
        enum simop_kind op;
        const char *prefix;
    } cases[] = { { SIMOP_SYNC_DIR, "repo/journal" },
                  { SIMOP_SYNC_DIR, "repo/head" },
                  { SIMOP_CREATE, "repo/head/" },
                  { SIMOP_CLOSE, "repo/head/" } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct desk a;
        struct simdisk *d = desk_begin(&a, 2);

        kit_fault(d, cases[i].op, cases[i].prefix, SIMFAULT_REFUSE, EIO);
        says(desk_publish(&a), HF_EUNKNOWN, "an entry was published, but not made safe");
        assert_int_equal(times_published(d, a.last), 1);
        desk_end(&a, d);
    }
}

/* The name of the entry before ours might vanish beneath it. */
static void test_publish_builds_on_nothing_that_it_could_not_settle(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    kit_fault(d, SIMOP_CREATE, "repo/head/", SIMFAULT_REFUSE, EIO);
    assert_int_equal(desk_publish(&a), HF_EUNKNOWN);
    desk_open(&b, d, "b");
    kit_fault(d, SIMOP_SYNC_DIR, "repo/journal", SIMFAULT_LOST, EIO);
    assert_int_equal(desk_publish(&b), HF_EIO);
    assert_int_equal(b.asked, 0);
    assert_int_equal(journal_at(b.j)->number, 3);
    assert_false(journal_settled(b.j));
    desk_close(&b);
    desk_end(&a, d);
}

static void test_publish_into_a_damaged_journal_is_refused(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 3);
    struct desk b;
    char path[128];

    (void)state;
    simrot_delete(d, entry_path(2, path));
    desk_open(&b, d, "b");
    says(desk_publish(&b), HF_EDAMAGE, "entry 2 is missing");
    assert_non_null(strstr(err_last()->hint, "holdfast check"));
    assert_int_equal(b.asked, 0);
    assert_int_equal(kit_changes(d, 0, ""), 0);
    desk_close(&b);
    desk_end(&a, d);
}

static void test_publish_that_the_observer_refuses_is_unknown(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    a.observes = HF_ENOMEM;
    says(desk_publish(&a), HF_EUNKNOWN, "published, but not made safe");
    a.observes = 0;
    assert_int_equal(times_published(d, a.last), 1);
    ok(journal_follow(a.j));
    assert_int_equal(journal_at(a.j)->number, 3);
    desk_end(&a, d);
}

/* --- a full disk ------------------------------------------------------------------------------ */

static void put_reserve(struct desk *k)
{
    struct fs_file *f = NULL;
    uint8_t zeros[4096] = { 0 };

    ok(fs_create(k->fs, "reserve", 0600, &f));
    ok(fs_pwrite(f, zeros, sizeof zeros, 0));
    ok(fs_close(&f));
    simdisk_settle(k->disk);
}

static void test_publish_gives_the_reserve_up_for_an_entry(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    put_reserve(&a);
    simdisk_set_space(d, simdisk_used(d) + 10);
    ok(desk_publish(&a));
    assert_false(kit_there(d, "repo/reserve"));
    assert_int_equal(kit_files(d, "repo/tmp/"), 0);
    desk_end(&a, d);
}

static void test_publish_gives_the_reserve_up_for_a_name(void **state)
{
    static const char *const names[] = { "repo/head/", "repo/journal/" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct desk a;
        struct simdisk *d = desk_begin(&a, 2);

        put_reserve(&a);
        kit_fault(d, i == 0 ? SIMOP_CREATE : SIMOP_RENAME_NEW, names[i], SIMFAULT_REFUSE, ENOSPC);
        ok(desk_publish(&a));
        assert_false(kit_there(d, "repo/reserve"));
        assert_int_equal(times_published(d, a.last), 1);
        desk_end(&a, d);
    }
}

static void test_publish_on_a_full_disk_without_a_reserve(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    uint64_t at;

    (void)state;
    simdisk_set_space(d, simdisk_used(d) + 10);
    assert_int_equal(desk_publish(&a), HF_ENOSPC);
    assert_non_null(strstr(err_last()->text, "No space left"));
    assert_int_equal(kit_files(d, "repo/tmp/"), 0);
    assert_int_equal(simdisk_used(d) < 10000, 1);
    ok(follow_anew(d, &at));
    assert_int_equal(at, 2);
    desk_end(&a, d);
}

/* --- a client that slept ---------------------------------------------------------------------- */

static int publish_body_of(struct simclient *c, void *context)
{
    (void)c;
    return desk_publish(context);
}

static int clean_one(void *context, const char *name)
{
    struct fs *fs = context;
    char path[128];

    snprintf(path, sizeof path, "tmp/%s", name);
    return fs_unlink(fs, path);
}

/* Removes what is in tmp/ as soon as there is something. */
static int clean_tmp(struct simclient *c, void *context)
{
    struct fs *fs = simclient_fs(c, "repo");
    unsigned times = *(unsigned *)context;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < 1000 && times > 0; i++) {
        size_t before = kit_files(simclient_disk(c), "repo/tmp/");

        rc = fs_list(fs, "tmp", clean_one, fs);
        times -= before > 0 && kit_files(simclient_disk(c), "repo/tmp/") == 0;
    }
    fs_close_fs(fs);
    return rc;
}

static int publish_while_tmp_is_cleaned(unsigned times, int errnum, struct desk *a,
                                        struct simdisk *d)
{
    struct simsched_rule rule = { .when = { .kinds = SIMOP_BIT(SIMOP_RENAME_NEW), .client = "a" },
                                  .deed = SIMSCHED_SLEEP };
    struct simsched *s = simsched_new(d, 1);
    int rc;

    if (errnum != 0) {
        struct simfault f = {
            .where = { .kinds = SIMOP_BIT(SIMOP_PWRITE), .prefix = "repo/tmp/", .nth = 2 },
            .errnum = errnum
        };

        simdisk_fault(d, &f);
    }
    simsched_rule(s, &rule);
    simsched_add(s, "a", publish_body_of, a);
    simsched_add(s, "janitor", clean_tmp, &times);
    ok(simsched_run(s));
    ok(simsched_result(s, "janitor"));
    rc = simsched_result(s, "a");
    simsched_free(s);
    return rc;
}

static void test_publish_writes_anew_what_was_cleaned_away(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    ok(publish_while_tmp_is_cleaned(1, 0, &a, d));
    assert_int_equal(times_published(d, a.last), 1);
    assert_int_equal(a.asked, 1);
    desk_end(&a, d);
}

static void test_publish_that_can_not_write_anew(void **state)
{
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);

    (void)state;
    assert_int_equal(publish_while_tmp_is_cleaned(1, EIO, &a, d), HF_EIO);
    assert_int_equal(times_published(d, a.last), 0);
    desk_end(&a, d);
}

/* --- the first entry, memory, randomness ------------------------------------------------------ */

static void test_create_refuses_when_somebody_else_was_faster(void **state)
{
    struct desk a;
    struct desk b;
    struct simdisk *d = desk_begin(&a, 1);
    struct journal_draft draft;

    (void)state;
    desk_open(&b, d, "b");
    draft = desk_draft(&b);
    says(journal_create(b.j, &draft), HF_EEXISTS, "somebody else is making a repository there");
    assert_int_equal(times_published(d, b.last), 0);
    desk_close(&b);
    desk_end(&a, d);
}

static int no_randomness(struct rnd *r, void *out, size_t len)
{
    (void)r;
    (void)out;
    (void)len;
    return err_raise(HF_EIO, "there is no randomness");
}

static void test_publish_needs_randomness(void **state)
{
    struct rnd broken = { .fill = no_randomness };
    struct desk a;
    struct simdisk *d = desk_begin(&a, 2);
    struct journal_options o = desk_options(&a);

    (void)state;
    o.rnd = &broken;
    desk_renew(&a, &o);
    says(desk_publish(&a), HF_EIO, "no randomness");
    assert_int_equal(kit_changes(d, 0, ""), 0);
    desk_end(&a, d);
}

static void test_publish_without_memory_is_unknown_at_worst(void **state)
{
    uint64_t refused = 1;

    (void)state;
    for (uint64_t n = 1; refused > 0; n++) {
        struct desk a;
        struct simdisk *d = desk_begin(&a, 2);
        struct journal_draft draft = desk_draft(&a);
        unsigned times;
        int rc;

        mem_fail_at(n, 0);
        rc = journal_publish(a.j, &draft);
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_true(rc == 0 || rc == HF_ENOMEM || rc == HF_EUNKNOWN);
        times = times_published(d, a.last);
        if (rc != HF_EUNKNOWN) {
            assert_int_equal(times, rc == 0);
        }
        ok(desk_publish(&a));
        desk_end(&a, d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish_is_seen_and_acknowledged),
        cmocka_unit_test(test_publish_syncs_in_the_order_of_the_protocol),
        cmocka_unit_test(test_publish_settles_a_tip_above_the_head),
        cmocka_unit_test(test_publish_removes_lower_heads_and_survives_if_it_can_not),
        cmocka_unit_test(test_publish_leaves_a_higher_head_alone),
        cmocka_unit_test(test_publish_needs_keys),
        cmocka_unit_test(test_publish_writes_nothing_when_the_draft_refuses),
        cmocka_unit_test(test_publish_refuses_what_no_reader_would_take),
        cmocka_unit_test(test_publish_refuses_items_that_no_reader_would_take),
        cmocka_unit_test(test_publish_validates_again_after_a_lost_race),
        cmocka_unit_test(test_publish_may_refuse_after_a_lost_race),
        cmocka_unit_test(test_publish_gives_every_racer_numbers_of_its_own),
        cmocka_unit_test(test_publish_believes_what_is_there_not_what_renaming_says),
        cmocka_unit_test(test_publish_tries_again_after_a_refusal),
        cmocka_unit_test(test_publish_says_that_it_does_not_know),
        cmocka_unit_test(test_publish_recognises_its_entry_when_it_lands_late),
        cmocka_unit_test(test_publish_with_a_late_request_that_loses),
        cmocka_unit_test(test_publish_does_not_know_if_it_can_not_read_back),
        cmocka_unit_test(test_publish_that_reads_back_garbage),
        cmocka_unit_test(test_publish_that_can_not_be_written_is_not_published),
        cmocka_unit_test(test_publish_never_acknowledges_what_it_could_not_sync),
        cmocka_unit_test(test_publish_builds_on_nothing_that_it_could_not_settle),
        cmocka_unit_test(test_publish_into_a_damaged_journal_is_refused),
        cmocka_unit_test(test_publish_that_the_observer_refuses_is_unknown),
        cmocka_unit_test(test_publish_gives_the_reserve_up_for_an_entry),
        cmocka_unit_test(test_publish_gives_the_reserve_up_for_a_name),
        cmocka_unit_test(test_publish_on_a_full_disk_without_a_reserve),
        cmocka_unit_test(test_publish_writes_anew_what_was_cleaned_away),
        cmocka_unit_test(test_publish_that_can_not_write_anew),
        cmocka_unit_test(test_create_refuses_when_somebody_else_was_faster),
        cmocka_unit_test(test_publish_needs_randomness),
        cmocka_unit_test(test_publish_without_memory_is_unknown_at_worst),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
