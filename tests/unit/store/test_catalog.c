/*
 * test_catalog.c - what a sequence of entries amounts to, the same for everybody, and the same
 * again from the cache.
 */
#include "unit/store/storekit.h"

static const uint8_t repo[16] = "a repository id";

struct book {
    struct keyring *keys;
    struct catalog *c;
    struct rnd rnd;
    uint64_t number; /* of the entry applied last */
    uint8_t uuid[16];
    struct buf body;
};

static void begin_entry(struct book *b)
{
    buf_clear(&b->body);
    ok(rnd_uuid(&b->rnd, b->uuid));
}

static int apply_to(struct book *b, struct catalog *c)
{
    struct journal_entry e = { .body = b->body.data, .body_len = b->body.len };

    e.seal.number = b->number + 1;
    e.seal.time_ns = (int64_t)e.seal.number * 1000;
    memcpy(e.seal.uuid, b->uuid, 16);
    ok(buf_error(&b->body));
    return catalog_apply(c, &e);
}

static int apply(struct book *b)
{
    int rc = apply_to(b, b->c);

    b->number += rc == 0;
    return rc;
}

static void put_init(struct book *b)
{
    struct entry_init init = { .id_algorithm = 1,
                               .cipher = CIPHER_AES_256_GCM,
                               .codec = 1,
                               .level = 3,
                               .created_ns = 7,
                               .segment_target = 1 << 20,
                               .chunk_min = 64,
                               .chunk_avg = 128,
                               .chunk_max = 256,
                               .chunk_fixed = 128 };

    memcpy(init.repo_id, repo, 16);
    entry_put_init(&b->body, &init);
}

static void set_up(struct book *b, bool with_init)
{
    static const uint8_t master[KEYRING_MASTER_BYTES] = "the master secret of the tests";

    memset(b, 0, sizeof *b);
    ok(nacl_init());
    ok(keyring_new(master, &b->keys));
    ok(catalog_new(b->keys, repo, &b->c));
    rnd_init_seeded(&b->rnd, 1);
    buf_init(&b->body);
    if (with_init) {
        begin_entry(b);
        put_init(b);
        ok(apply(b));
    }
}

static void tear_down(struct book *b)
{
    catalog_free(b->c);
    keyring_free(b->keys);
    buf_release(&b->body);
}

/* Segments and snapshots are named by a byte. */
static const uint8_t *segment_uuid(uint8_t name, uint8_t out[16])
{
    memset(out, name, 16);
    return out;
}

static void put_adopt(struct book *b, uint8_t name)
{
    struct entry_adopt a = { .file_len = 5000u + name };

    segment_uuid(name, a.uuid);
    memset(a.trailer_hash, name + 1, sizeof a.trailer_hash);
    entry_put_adopt(&b->body, &a);
}

static void put_commit(struct book *b, enum entry_item type, const char *job, char *tag)
{
    struct commit c = { .tags = &tag, .tag_count = tag != NULL };
    char name[16];
    struct buf plain;

    snprintf(name, sizeof name, "%s", job);
    c.job = name;
    buf_init(&plain);
    ok(commit_encode(&c, &plain));
    ok(entry_put_sealed(&b->body, type, 0, b->keys, repo, b->uuid, &b->rnd, plain.data, plain.len));
    buf_release(&plain);
}

static void adopt(struct book *b, uint8_t name)
{
    begin_entry(b);
    put_adopt(b, name);
    ok(apply(b));
}

static void commit(struct book *b, const char *job, char *tag, uint8_t out_id[16])
{
    begin_entry(b);
    put_commit(b, ENTRY_COMMIT, job, tag);
    memcpy(out_id, b->uuid, 16);
    ok(apply(b));
}

static void list_entry(struct book *b, enum entry_item type, const uint8_t uuid[16])
{
    begin_entry(b);
    if (type == ENTRY_CONDEMN) {
        entry_put_condemn(&b->body, (const uint8_t(*)[16])uuid, 1);
    } else {
        entry_put_forget(&b->body, type == ENTRY_UNFORGET, 0, (const uint8_t(*)[16])uuid, 1);
    }
    ok(apply(b));
}

static void condemn(struct book *b, uint8_t name)
{
    uint8_t uuid[16];

    list_entry(b, ENTRY_CONDEMN, segment_uuid(name, uuid));
}

static uint32_t find(const struct catalog *c, uint8_t name)
{
    uint8_t uuid[16];

    return catalog_find_segment(c, segment_uuid(name, uuid));
}

static bool condemned(const struct catalog *c, uint8_t name)
{
    uint8_t uuid[16];

    return catalog_condemned(c, segment_uuid(name, uuid));
}

/* --- init ------------------------------------------------------------------------------------- */

static void test_catalog_begins_with_init(void **state)
{
    struct book b;
    const struct entry_init *init;

    (void)state;
    set_up(&b, false);
    assert_null(catalog_init_entry(b.c));
    begin_entry(&b);
    put_init(&b);
    ok(apply(&b));
    init = catalog_init_entry(b.c);
    assert_non_null(init);
    assert_memory_equal(init->repo_id, repo, 16);
    assert_int_equal(init->level, 3);
    assert_int_equal(init->segment_target, 1 << 20);
    assert_int_equal(catalog_entry_count(b.c), 1);
    tear_down(&b);
}

static void test_catalog_without_init_is_damaged(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, false);
    begin_entry(&b);
    put_adopt(&b, 1);
    says(apply(&b), HF_EDAMAGE, "does not begin a repository");
    tear_down(&b);
}

/* A second INIT is damage, and takes nothing of the first away. */
static void test_catalog_refuses_a_second_init(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, true);
    begin_entry(&b);
    put_init(&b);
    says(apply(&b), HF_EDAMAGE, "it claims to begin the repository");
    assert_non_null(catalog_init_entry(b.c));
    assert_int_equal(catalog_entry_count(b.c), 1);
    tear_down(&b);
}

static void test_catalog_refuses_an_init_that_is_not_first(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, false);
    b.number = 1;
    begin_entry(&b);
    put_init(&b);
    says(apply(&b), HF_EDAMAGE, "it claims to begin the repository");
    assert_null(catalog_init_entry(b.c));
    tear_down(&b);
}

/* --- segments --------------------------------------------------------------------------------- */

static void test_catalog_numbers_segments_in_the_order_of_their_adoption(void **state)
{
    struct book b;
    const struct catalog_segment *s;
    uint8_t uuid[16];

    (void)state;
    set_up(&b, true);
    begin_entry(&b);
    put_adopt(&b, 40);
    put_adopt(&b, 30);
    put_commit(&b, ENTRY_COMMIT, "job", NULL);
    ok(apply(&b));
    adopt(&b, 50);
    assert_int_equal(catalog_segment_count(b.c), 3);
    assert_int_equal(find(b.c, 40), 0);
    assert_int_equal(find(b.c, 30), 1);
    assert_int_equal(find(b.c, 50), 2);
    assert_int_equal(find(b.c, 60), CATALOG_NO_SEGMENT);
    s = catalog_segment(b.c, 1);
    assert_memory_equal(s->uuid, segment_uuid(30, uuid), 16);
    assert_int_equal(s->file_len, 5030);
    assert_int_equal(s->trailer_hash[5], 31);
    assert_int_equal(s->adopted_by, 2);
    assert_int_equal(s->condemned_by, 0);
    assert_null(catalog_segment(b.c, 3));
    tear_down(&b);
}

static void test_catalog_refuses_to_adopt_twice(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, true);
    adopt(&b, 1);
    begin_entry(&b);
    put_adopt(&b, 2);
    put_adopt(&b, 1);
    says(apply(&b), HF_EDAMAGE, "it adopts a segment that was adopted before");
    assert_int_equal(catalog_segment_count(b.c), 1);
    assert_int_equal(find(b.c, 2), CATALOG_NO_SEGMENT);
    tear_down(&b);
}

static void test_catalog_condemns(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, true);
    adopt(&b, 1);
    adopt(&b, 2);
    assert_false(condemned(b.c, 1));
    condemn(&b, 1);
    assert_true(condemned(b.c, 1));
    assert_false(condemned(b.c, 2));
    assert_int_equal(catalog_segment(b.c, 0)->condemned_by, 4);
    condemn(&b, 1);
    assert_int_equal(catalog_segment(b.c, 0)->condemned_by, 4); /* whoever was first */
    assert_int_equal(catalog_segment_count(b.c), 2);
    tear_down(&b);
}

/* A condemned UUID is dead for ever, adopted or not. */
static void test_catalog_adopting_what_is_condemned_is_void(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, true);
    condemn(&b, 9);
    assert_true(condemned(b.c, 9));
    assert_int_equal(find(b.c, 9), CATALOG_NO_SEGMENT);
    adopt(&b, 9);
    adopt(&b, 9);
    assert_int_equal(catalog_segment_count(b.c), 0);
    adopt(&b, 1);
    condemn(&b, 1);
    adopt(&b, 1);
    assert_int_equal(catalog_segment_count(b.c), 1);
    condemn(&b, 9);
    assert_true(condemned(b.c, 9));
    tear_down(&b);
}

/* --- snapshots -------------------------------------------------------------------------------- */

static void test_catalog_lists_snapshots_in_order(void **state)
{
    struct book b;
    uint8_t first[16];
    uint8_t second[16];
    uint8_t unknown[16] = { 1 };
    const struct catalog_snapshot *s;

    (void)state;
    set_up(&b, true);
    commit(&b, "one", (char[]){ "red" }, first);
    begin_entry(&b);
    put_commit(&b, ENTRY_PARTIAL, "half", NULL);
    ok(apply(&b));
    commit(&b, "two", NULL, second);
    assert_int_equal(catalog_snapshot_count(b.c), 3);
    s = catalog_snapshot(b.c, 0);
    assert_memory_equal(s->id, first, 16);
    assert_string_equal(s->commit.job, "one");
    assert_string_equal(s->commit.tags[0], "red");
    assert_int_equal(s->number, 2);
    assert_int_equal(s->published_ns, 2000);
    assert_false(s->partial);
    assert_true(catalog_snapshot(b.c, 1)->partial);
    assert_ptr_equal(catalog_find_snapshot(b.c, second), catalog_snapshot(b.c, 2));
    assert_null(catalog_find_snapshot(b.c, unknown));
    assert_null(catalog_snapshot(b.c, 3));
    tear_down(&b);
}

static void test_catalog_refuses_an_id_that_was_used(void **state)
{
    struct book b;
    uint8_t id[16];

    (void)state;
    set_up(&b, true);
    commit(&b, "one", NULL, id);
    buf_clear(&b.body);
    put_commit(&b, ENTRY_COMMIT, "two", NULL);
    says(apply(&b), HF_EDAMAGE, "its id was used before");
    assert_int_equal(catalog_snapshot_count(b.c), 1);
    tear_down(&b);
}

static void test_catalog_forgets_and_remembers(void **state)
{
    struct book b;
    uint8_t id[16];
    uint8_t unknown[16] = { 1 };

    (void)state;
    set_up(&b, true);
    commit(&b, "one", NULL, id);
    list_entry(&b, ENTRY_FORGET, unknown); /* void, not wrong */
    assert_int_equal(catalog_find_snapshot(b.c, id)->forgotten_by, 0);
    list_entry(&b, ENTRY_FORGET, id);
    assert_int_equal(catalog_find_snapshot(b.c, id)->forgotten_by, 4);
    list_entry(&b, ENTRY_FORGET, id);
    assert_int_equal(catalog_find_snapshot(b.c, id)->forgotten_by, 4);
    list_entry(&b, ENTRY_UNFORGET, id);
    assert_int_equal(catalog_find_snapshot(b.c, id)->forgotten_by, 0);
    list_entry(&b, ENTRY_UNFORGET, unknown);
    assert_int_equal(catalog_entry_count(b.c), 7);
    tear_down(&b);
}

static void tag(struct book *b, const uint8_t id[16], char **tags, size_t count)
{
    struct buf plain;

    begin_entry(b);
    buf_init(&plain);
    ok(commit_tags_encode(id, tags, count, &plain));
    ok(entry_put_sealed(&b->body, ENTRY_EVENT, ENTRY_EVENT_TAG, b->keys, repo, b->uuid, &b->rnd,
                        plain.data, plain.len));
    buf_release(&plain);
    ok(apply(b));
}

static void test_catalog_tags_replace_what_was_there(void **state)
{
    struct book b;
    uint8_t id[16];
    uint8_t unknown[16] = { 1 };
    char *tags[] = { (char[]){ "blue" }, (char[]){ "green" } };

    (void)state;
    set_up(&b, true);
    commit(&b, "one", (char[]){ "red" }, id);
    tag(&b, id, tags, 2);
    assert_int_equal(catalog_find_snapshot(b.c, id)->commit.tag_count, 2);
    assert_string_equal(catalog_find_snapshot(b.c, id)->commit.tags[1], "green");
    tag(&b, unknown, tags, 2);
    tag(&b, id, NULL, 0);
    assert_int_equal(catalog_find_snapshot(b.c, id)->commit.tag_count, 0);
    tear_down(&b);
}

/* Evidence of a check: the first `count` segments and one that is not there are all right. */
static void put_evidence(struct book *b, uint32_t count)
{
    struct evidence e;
    struct buf plain;

    evidence_init(&e);
    e.kind = EVIDENCE_CHECK;
    buf_init(&plain);
    for (uint32_t i = 0; i < count; i++) {
        ok(evidence_add_verified(&e, i));
    }
    ok(evidence_add_verified(&e, 100000));
    ok(evidence_encode(&e, &plain));
    ok(entry_put_sealed(&b->body, ENTRY_EVENT, ENTRY_EVENT_EVIDENCE, b->keys, repo, b->uuid,
                        &b->rnd, plain.data, plain.len));
    evidence_release(&e);
    buf_release(&plain);
}

static void prove(struct book *b, uint32_t count)
{
    begin_entry(b);
    put_evidence(b, count);
    ok(apply(b));
}

static void test_catalog_knows_when_segments_were_verified_last(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, true);
    adopt(&b, 1);
    adopt(&b, 2);
    adopt(&b, 3);
    assert_null(catalog_evidence(b.c, 0));
    b.number = 90; /* this author's clock was ahead of the next one's */
    prove(&b, 2);
    b.number = 50;
    prove(&b, 1);
    prove(&b, 0);
    assert_int_equal(catalog_segment(b.c, 0)->verified_ns, 51000); /* the journal's order counts */
    assert_int_equal(catalog_segment(b.c, 1)->verified_ns, 91000);
    assert_int_equal(catalog_segment(b.c, 2)->verified_ns, 0);
    assert_int_equal(catalog_evidence_count(b.c), 3);
    assert_int_equal(catalog_evidence(b.c, 0)->number, 91);
    assert_int_equal(catalog_evidence(b.c, 0)->kind, EVIDENCE_CHECK);
    assert_int_equal(catalog_evidence(b.c, 1)->published_ns, 51000);
    assert_memory_equal(catalog_evidence(b.c, 2)->id, b.uuid, 16);
    adopt(&b, 4);
    assert_int_equal(catalog_segment(b.c, 3)->verified_ns, 0);
    tear_down(&b);
}

/* Of a later version: it is passed over, and all else goes on. Of none: it is damage. */
static void test_catalog_goes_on_without_evidence_of_a_later_version(void **state)
{
    static const uint8_t later[] = { 1, EVIDENCE_CHECK, 1, 2, 3 };
    static const uint8_t cut[] = { 0, EVIDENCE_CHECK, 1, 2, 3 };
    struct book b;

    (void)state;
    set_up(&b, true);
    begin_entry(&b);
    put_adopt(&b, 1);
    ok(entry_put_sealed(&b.body, ENTRY_EVENT, ENTRY_EVENT_EVIDENCE, b.keys, repo, b.uuid, &b.rnd,
                        later, sizeof later));
    ok(apply(&b));
    assert_int_equal(err_last()->code, 0);
    assert_int_equal(find(b.c, 1), 0);
    assert_int_equal(catalog_evidence_count(b.c), 0);
    begin_entry(&b);
    ok(entry_put_sealed(&b.body, ENTRY_EVENT, ENTRY_EVENT_EVIDENCE, b.keys, repo, b.uuid, &b.rnd,
                        cut, sizeof cut));
    says(apply(&b), HF_EDAMAGE, "cut short");
    tear_down(&b);
}

/* An event of a gap, of job "one" on no host; out_id: of its entry. */
static void gap_event(struct book *b, struct gapevent event, uint8_t out_id[16])
{
    struct buf plain;

    begin_entry(b);
    memcpy(out_id, b->uuid, 16);
    buf_init(&plain);
    event.job = (char[]){ "one" };
    ok(gapevent_encode(&event, &plain));
    ok(entry_put_sealed(&b->body, ENTRY_EVENT, ENTRY_EVENT_GAP, b->keys, repo, b->uuid, &b->rnd,
                        plain.data, plain.len));
    buf_release(&plain);
}

static void open_gap(struct book *b, int64_t begin_ns, uint8_t out_id[16])
{
    const struct gapevent event = { .act = GAPEVENT_OPEN,
                                    .reason = GAPEVENT_OVERFLOW,
                                    .at_ns = begin_ns };

    gap_event(b, event, out_id);
    ok(apply(b));
}

static void close_gap(struct book *b, const uint8_t id[16], int64_t end_ns)
{
    struct gapevent event = { .act = GAPEVENT_CLOSE, .at_ns = end_ns };
    uint8_t entry[16];

    memcpy(event.gap, id, 16);
    gap_event(b, event, entry);
    ok(apply(b));
}

static void test_catalog_keeps_gaps_in_the_order_of_the_journal(void **state)
{
    uint8_t first[16], second[16], unknown[16] = { 1 };
    const struct catalog_gap *g;
    struct book b;

    (void)state;
    set_up(&b, true);
    open_gap(&b, 100, first);
    open_gap(&b, 50, second);
    assert_int_equal(catalog_gap_count(b.c), 2);
    g = catalog_gap(b.c, 0);
    assert_memory_equal(g->id, first, 16);
    assert_int_equal(g->number, 2);
    assert_int_equal(g->closed_by, 0);
    assert_string_equal(g->job, "one");
    assert_null(catalog_gap(b.c, 2));
    assert_null(catalog_find_gap(b.c, unknown));
    close_gap(&b, unknown, 200);
    close_gap(&b, first, 200);
    close_gap(&b, first, 300); /* void: it is closed */
    assert_ptr_equal(catalog_find_gap(b.c, first), g);
    assert_int_equal(g->closed_by, 5);
    assert_int_equal(g->end_ns, 200);
    assert_int_equal(catalog_find_gap(b.c, second)->closed_by, 0);
    tear_down(&b);
}

static void test_catalog_ends_a_gap_not_before_it_began(void **state)
{
    struct book b;
    uint8_t id[16];

    (void)state;
    set_up(&b, true);
    open_gap(&b, 100, id);
    close_gap(&b, id, 20);
    assert_int_equal(catalog_gap(b.c, 0)->end_ns, 100);
    tear_down(&b);
}

static void test_catalog_knows_which_commits_are_made_inside_a_gap(void **state)
{
    struct commit c = { .job = (char[]){ "one" }, .begin_ns = 150, .end_ns = 160 };
    struct commit other = { .job = (char[]){ "two" } };
    struct book b;
    uint8_t id[16];

    (void)state;
    set_up(&b, true);
    assert_false(catalog_inside_gap(b.c, &c));
    open_gap(&b, 100, id);
    assert_true(catalog_inside_gap(b.c, &c));
    assert_false(catalog_inside_gap(b.c, &other));
    c.flags = COMMIT_IMPORTED;
    assert_false(catalog_inside_gap(b.c, &c));
    c.flags = COMMIT_CLOSES_GAPS;
    assert_false(catalog_inside_gap(b.c, &c));
    c.begin_ns = 99;
    assert_true(catalog_inside_gap(b.c, &c));
    close_gap(&b, id, 200);
    assert_false(catalog_inside_gap(b.c, &c));
    tear_down(&b);
}

static void commit_that_closes(struct book *b, char *job, int64_t begin_ns)
{
    const struct commit c = {
        .job = job, .flags = COMMIT_CLOSES_GAPS, .begin_ns = begin_ns, .end_ns = begin_ns + 10
    };
    struct buf plain;

    begin_entry(b);
    buf_init(&plain);
    ok(commit_encode(&c, &plain));
    ok(entry_put_sealed(&b->body, ENTRY_COMMIT, 0, b->keys, repo, b->uuid, &b->rnd, plain.data,
                        plain.len));
    buf_release(&plain);
    ok(apply(b));
}

static void test_catalog_closes_gaps_by_a_commit_of_their_job_that_began_in_them(void **state)
{
    uint8_t first[16], second[16];
    struct book b;

    (void)state;
    set_up(&b, true);
    open_gap(&b, 100, first);
    open_gap(&b, 300, second);
    commit_that_closes(&b, (char[]){ "two" }, 400);
    assert_int_equal(catalog_find_gap(b.c, first)->closed_by, 0);
    commit_that_closes(&b, (char[]){ "one" }, 200);
    assert_int_equal(catalog_find_gap(b.c, first)->closed_by, 5);
    assert_int_equal(catalog_find_gap(b.c, first)->end_ns, 210);
    assert_int_equal(catalog_find_gap(b.c, second)->closed_by, 0);
    commit_that_closes(&b, (char[]){ "one" }, 500);
    assert_int_equal(catalog_find_gap(b.c, first)->closed_by, 5);
    assert_int_equal(catalog_find_gap(b.c, second)->end_ns, 510);
    tear_down(&b);
}

static void test_catalog_passes_over_events_it_does_not_know(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, true);
    begin_entry(&b);
    ok(entry_put_sealed(&b.body, ENTRY_EVENT, (enum entry_event)77, b.keys, repo, b.uuid, &b.rnd,
                        "what", 4));
    ok(apply(&b));
    assert_int_equal(catalog_entry_count(b.c), 2);
    tear_down(&b);
}

/* Keys are named by a byte, their files as well. */
static struct keychange_way way(uint8_t name)
{
    struct keychange_way w = { .kind = KEYCHANGE_PASSWORD };

    snprintf(w.file, sizeof w.file, "key-%d", name);
    memset(w.fingerprint, name, sizeof w.fingerprint);
    return w;
}

/* Key `by` adds one, or removes it. */
static void change_key(struct book *b, uint8_t by, uint8_t name, bool removed)
{
    struct keychange_way subject = way(name);
    struct keychange c = { .by = way(by) };
    struct buf plain;

    *(removed ? &c.removed : &c.added) = &subject;
    *(removed ? &c.removed_count : &c.added_count) = 1;
    buf_init(&plain);
    ok(keychange_encode(&c, &plain));
    begin_entry(b);
    ok(entry_put_sealed(&b->body, ENTRY_KEY, ENTRY_KEY_WAYS, b->keys, repo, b->uuid, &b->rnd,
                        plain.data, plain.len));
    ok(apply(b));
    buf_release(&plain);
}

static enum catalog_key_state key_state(const struct catalog *c, uint8_t name)
{
    struct keychange_way w = way(name);

    return catalog_key_state(c, w.fingerprint);
}

static void test_catalog_knows_which_keys_there_are(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, true);
    assert_int_equal(key_state(b.c, 1), CATALOG_KEY_UNKNOWN);
    change_key(&b, 1, 2, false);
    assert_int_equal(key_state(b.c, 1), CATALOG_KEY_VALID); /* it made the entry */
    assert_int_equal(key_state(b.c, 2), CATALOG_KEY_VALID);
    assert_int_equal(catalog_key(b.c, 1)->added_by, 2);
    change_key(&b, 2, 1, true);
    assert_int_equal(key_state(b.c, 1), CATALOG_KEY_REMOVED);
    assert_int_equal(catalog_key(b.c, 0)->removed_by, 3);
    change_key(&b, 2, 1, false); /* what was removed does not come back */
    assert_int_equal(key_state(b.c, 1), CATALOG_KEY_REMOVED);
    change_key(&b, 2, 9, true); /* nor does one whose removal is all that is known */
    assert_int_equal(key_state(b.c, 9), CATALOG_KEY_REMOVED);
    assert_int_equal(catalog_key_count(b.c), 3);
    assert_null(catalog_key(b.c, 3));
    tear_down(&b);
}

/* A removal must not be passed over because its form is not known. */
static void test_catalog_needs_a_newer_program_for_changes_of_keys_it_does_not_know(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, true);
    begin_entry(&b);
    ok(entry_put_sealed(&b.body, ENTRY_KEY, 2, b.keys, repo, b.uuid, &b.rnd, "what", 4));
    assert_int_equal(apply(&b), HF_ENEWER);
    begin_entry(&b);
    ok(entry_put_sealed(&b.body, ENTRY_KEY, ENTRY_KEY_WAYS, b.keys, repo, b.uuid, &b.rnd, "\1", 2));
    assert_int_equal(apply(&b), HF_ENEWER);
    begin_entry(&b);
    ok(entry_put_sealed(&b.body, ENTRY_KEY, ENTRY_KEY_WAYS, b.keys, repo, b.uuid, &b.rnd, "\0", 2));
    assert_int_equal(apply(&b), HF_EDAMAGE);
    assert_int_equal(catalog_key_count(b.c), 0);
    tear_down(&b);
}

/* --- entries that are not whole --------------------------------------------------------------- */

static void test_catalog_needs_a_newer_program_for_what_it_does_not_know(void **state)
{
    static const uint16_t types[] = { 10, 100 };

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        struct book b;

        set_up(&b, true);
        begin_entry(&b);
        buf_put_u16(&b.body, types[i]);
        buf_put_u16(&b.body, 0);
        buf_put_u32(&b.body, 0);
        assert_int_equal(apply(&b), HF_ENEWER);
        assert_int_equal(catalog_entry_count(b.c), 1);
        tear_down(&b);
    }
}

/* Whatever is wrong with an entry, and wherever: nothing of it counts. */
static void test_catalog_takes_an_entry_wholly_or_not_at_all(void **state)
{
    struct book b;
    uint8_t id[16];
    struct buf before;
    struct buf after;

    (void)state;
    set_up(&b, true);
    adopt(&b, 1);
    commit(&b, "one", NULL, id);
    buf_init(&before);
    buf_init(&after);
    ok(catalog_save(b.c, &before));
    for (unsigned what = 0; what < 4; what++) {
        begin_entry(&b);
        put_adopt(&b, 20);
        if (what == 0) {
            entry_put_condemn(&b.body, (const uint8_t(*)[16])kit_secret, 1);
        }
        if (what == 1) {
            put_commit(&b, ENTRY_COMMIT, "two", NULL);
        }
        if (what == 2) {
            entry_put_forget(&b.body, false, 0, (const uint8_t(*)[16])id, 1);
        }
        if (what == 3) {
            put_commit(&b, ENTRY_PARTIAL, "two", NULL);
        }
        buf_put_u32(&b.body, 3); /* begins one item more, and ends within it */
        assert_int_equal(apply(&b), HF_EDAMAGE);
        buf_clear(&after);
        ok(catalog_save(b.c, &after));
        assert_int_equal(after.len, before.len);
        assert_memory_equal(after.data, before.data, before.len);
    }
    buf_release(&before);
    buf_release(&after);
    tear_down(&b);
}

static void test_catalog_refuses_a_sealed_part_that_does_not_open(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, true);
    begin_entry(&b);
    put_adopt(&b, 3);
    put_commit(&b, ENTRY_COMMIT, "two", NULL);
    b.body.data[b.body.len - 1] ^= 1;
    assert_int_equal(apply(&b), HF_EDAMAGE);
    assert_int_equal(catalog_segment_count(b.c), 0);
    begin_entry(&b);
    ok(entry_put_sealed(&b.body, ENTRY_EVENT, ENTRY_EVENT_TAG, b.keys, repo, b.uuid, &b.rnd, "x",
                        1));
    assert_int_equal(apply(&b), HF_EDAMAGE); /* opens, and is none */
    begin_entry(&b);
    ok(entry_put_sealed(&b.body, ENTRY_COMMIT, 0, b.keys, repo, b.uuid, &b.rnd, "x", 1));
    assert_int_equal(apply(&b), HF_EDAMAGE);
    tear_down(&b);
}

static void test_catalog_refuses_items_of_the_wrong_length(void **state)
{
    static const uint16_t types[] = { ENTRY_ADOPT,  ENTRY_INIT,     ENTRY_COMMIT,
                                      ENTRY_FORGET, ENTRY_UNFORGET, ENTRY_CONDEMN,
                                      ENTRY_EVENT,  ENTRY_PARTIAL,  ENTRY_KEY };

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        struct book b;

        set_up(&b, true);
        begin_entry(&b);
        buf_put_u16(&b.body, types[i]);
        buf_put_u16(&b.body, 0);
        buf_put_u32(&b.body, 3);
        buf_put_zeros(&b.body, 3);
        assert_int_equal(apply(&b), HF_EDAMAGE);
        tear_down(&b);
    }
}

/* --- memory ----------------------------------------------------------------------------------- */

/* An entry that memory ran out on is applied again, and is then what it would have been at once. */
static void test_catalog_applies_again_after_memory_ran_out(void **state)
{
    struct book b;
    uint8_t id[16];
    uint8_t uuids[40][16];
    struct buf saved;
    struct buf expected;

    (void)state;
    set_up(&b, true);
    commit(&b, "one", (char[]){ "red" }, id);
    buf_init(&saved);
    buf_init(&expected);
    for (unsigned kind = 0; kind < 6; kind++) {
        struct catalog *whole = NULL;

        begin_entry(&b);
        for (uint8_t i = 0; i < 20; i++) {
            put_adopt(&b, (uint8_t)(100 + 20 * kind + i));
        }
        for (size_t i = 0; i < COUNT(uuids); i++) {
            memset(uuids[i], (int)(i + 1), 16);
        }
        if (kind == 0) {
            put_commit(&b, ENTRY_COMMIT, "two", (char[]){ "blue" });
        }
        if (kind == 1) {
            entry_put_condemn(&b.body, (const uint8_t(*)[16])uuids, COUNT(uuids));
        }
        if (kind == 4) {
            struct gapevent event = { .act = GAPEVENT_OPEN, .reason = GAPEVENT_RESTART };
            struct buf plain;

            buf_init(&plain);
            event.job = (char[]){ "one" };
            ok(gapevent_encode(&event, &plain));
            ok(entry_put_sealed(&b.body, ENTRY_EVENT, ENTRY_EVENT_GAP, b.keys, repo, b.uuid, &b.rnd,
                                plain.data, plain.len));
            buf_release(&plain);
        }
        if (kind == 5) {
            put_evidence(&b, 3);
        }
        if (kind == 2) {
            entry_put_forget(&b.body, false, 0, (const uint8_t(*)[16])id, 1);
        }
        buf_clear(&saved);
        ok(catalog_save(b.c, &saved));
        ok(catalog_load(saved.data, saved.len, b.keys, repo, &whole));
        ok(apply_to(&b, whole));
        buf_clear(&expected);
        ok(catalog_save(whole, &expected));
        for (uint64_t n = 1;; n++) {
            struct catalog *c = NULL;
            int rc;

            ok(catalog_load(saved.data, saved.len, b.keys, repo, &c));
            mem_fail_at(n, 0);
            rc = apply_to(&b, c);
            mem_fail_at(0, 0);
            if (rc < 0) {
                assert_int_equal(rc, HF_ENOMEM);
                ok(apply_to(&b, c));
            }
            {
                struct buf again;

                buf_init(&again);
                ok(catalog_save(c, &again));
                assert_int_equal(again.len, expected.len);
                if (kind != 1) { /* what was never adopted is saved in no order */
                    assert_memory_equal(again.data, expected.data, expected.len);
                }
                buf_release(&again);
            }
            catalog_free(c);
            if (rc == 0) {
                break;
            }
            assert_true(n < 1000);
        }
        ok(apply(&b));
        catalog_free(whole);
    }
    buf_release(&saved);
    buf_release(&expected);
    tear_down(&b);
}

static void test_catalog_can_not_be_made_without_memory(void **state)
{
    struct book b;

    (void)state;
    set_up(&b, false);
    for (uint64_t n = 1;; n++) {
        struct catalog *c = NULL;
        int rc;

        mem_fail_at(n, 0);
        rc = catalog_new(b.keys, repo, &c);
        mem_fail_at(0, 0);
        if (rc == 0) {
            assert_true(n > 2);
            catalog_free(c);
            break;
        }
        assert_int_equal(rc, HF_ENOMEM);
    }
    catalog_free(NULL);
    tear_down(&b);
}

/* --- the cache -------------------------------------------------------------------------------- */

/* Something of everything. */
static void fill(struct book *b)
{
    uint8_t id[16];
    uint8_t other[16];
    char *tags[] = { (char[]){ "blue" }, (char[]){ "green" } };

    set_up(b, true);
    adopt(b, 1);
    adopt(b, 2);
    adopt(b, 3);
    condemn(b, 2);
    condemn(b, 77);
    condemn(b, 78);
    commit(b, "one", (char[]){ "red" }, id);
    commit(b, "two", NULL, other);
    begin_entry(b);
    put_commit(b, ENTRY_PARTIAL, "half", NULL);
    ok(apply(b));
    list_entry(b, ENTRY_FORGET, other);
    tag(b, id, tags, 2);
    change_key(b, 1, 2, false);
    change_key(b, 2, 1, true);
    open_gap(b, 100, id);
    open_gap(b, 200, other);
    close_gap(b, id, 300);
    prove(b, 2);
    prove(b, 0);
}

static void assert_same_init(const struct entry_init *a, const struct entry_init *b)
{
    struct buf of_a;
    struct buf of_b;

    buf_init(&of_a);
    buf_init(&of_b);
    entry_put_init(&of_a, a);
    entry_put_init(&of_b, b);
    assert_int_equal(of_a.len, of_b.len);
    assert_memory_equal(of_a.data, of_b.data, of_a.len);
    buf_release(&of_a);
    buf_release(&of_b);
}

static void assert_same_gaps(const struct catalog *a, const struct catalog *b)
{
    struct commit c = { .job = (char[]){ "one" } };

    assert_int_equal(catalog_gap_count(a), catalog_gap_count(b));
    for (size_t i = 0; i < catalog_gap_count(a); i++) {
        const struct catalog_gap *g = catalog_gap(a, i), *h = catalog_find_gap(b, g->id);

        assert_ptr_equal(h, catalog_gap(b, i));
        assert_int_equal(g->number, h->number);
        assert_int_equal(g->reason, h->reason);
        assert_string_equal(g->job, h->job);
        assert_string_equal(g->host, h->host);
        assert_true(g->begin_ns == h->begin_ns && g->end_ns == h->end_ns);
        assert_int_equal(g->closed_by, h->closed_by);
    }
    assert_int_equal(catalog_inside_gap(a, &c), catalog_inside_gap(b, &c));
}

static void assert_same_evidence(const struct catalog *a, const struct catalog *b)
{
    assert_int_equal(catalog_evidence_count(a), catalog_evidence_count(b));
    for (size_t i = 0; i < catalog_evidence_count(a); i++) {
        const struct catalog_evidence *e = catalog_evidence(a, i), *f = catalog_evidence(b, i);

        assert_int_equal(e->number, f->number);
        assert_memory_equal(e->id, f->id, sizeof e->id);
        assert_int_equal(e->kind, f->kind);
        assert_int_equal(e->published_ns, f->published_ns);
    }
}

static void assert_same(const struct catalog *a, const struct catalog *b)
{
    assert_int_equal(catalog_entry_count(a), catalog_entry_count(b));
    assert_same_init(catalog_init_entry(a), catalog_init_entry(b));
    assert_int_equal(catalog_segment_count(a), catalog_segment_count(b));
    for (uint32_t i = 0; i < catalog_segment_count(a); i++) {
        const struct catalog_segment *s = catalog_segment(a, i);

        assert_memory_equal(s, catalog_segment(b, i), sizeof *s);
        assert_int_equal(catalog_find_segment(b, s->uuid), i);
    }
    for (unsigned name = 0; name < 256; name++) {
        assert_int_equal(condemned(a, (uint8_t)name), condemned(b, (uint8_t)name));
    }
    assert_int_equal(catalog_key_count(a), catalog_key_count(b));
    for (size_t i = 0; i < catalog_key_count(a); i++) {
        assert_memory_equal(catalog_key(a, i), catalog_key(b, i), sizeof *catalog_key(a, i));
    }
    assert_same_gaps(a, b);
    assert_same_evidence(a, b);
    assert_int_equal(catalog_snapshot_count(a), catalog_snapshot_count(b));
    for (size_t i = 0; i < catalog_snapshot_count(a); i++) {
        const struct catalog_snapshot *s = catalog_snapshot(a, i);
        const struct catalog_snapshot *t = catalog_find_snapshot(b, s->id);

        assert_ptr_equal(t, catalog_snapshot(b, i));
        assert_int_equal(s->number, t->number);
        assert_int_equal(s->published_ns, t->published_ns);
        assert_int_equal(s->forgotten_by, t->forgotten_by);
        assert_int_equal(s->partial, t->partial);
        assert_string_equal(s->commit.job, t->commit.job);
        assert_int_equal(s->commit.tag_count, t->commit.tag_count);
        for (size_t j = 0; j < s->commit.tag_count; j++) {
            assert_string_equal(s->commit.tags[j], t->commit.tags[j]);
        }
    }
}

static void test_catalog_from_the_cache_is_the_same(void **state)
{
    struct book b;
    struct catalog *c = NULL;
    struct buf saved;

    (void)state;
    fill(&b);
    buf_init(&saved);
    ok(catalog_save(b.c, &saved));
    ok(catalog_load(saved.data, saved.len, b.keys, repo, &c));
    assert_same(b.c, c);
    begin_entry(&b);
    put_adopt(&b, 77); /* void still */
    put_adopt(&b, 4);
    ok(apply_to(&b, c));
    ok(apply(&b));
    assert_same(b.c, c);
    catalog_free(c);
    buf_release(&saved);
    tear_down(&b);
}

static void test_catalog_finds_every_cut_of_the_cache(void **state)
{
    struct book b;
    struct buf saved;

    (void)state;
    fill(&b);
    buf_init(&saved);
    ok(catalog_save(b.c, &saved));
    buf_put_u8(&saved, 0);
    for (size_t len = 0; len <= saved.len; len++) {
        struct catalog *c = NULL;
        uint8_t *exact = mem_dup(saved.data, len); /* of just that size: an overrun is seen */

        if (len == saved.len - 1) {
            ok(catalog_load(exact, len, b.keys, repo, &c));
        } else {
            assert_int_equal(catalog_load(exact, len, b.keys, repo, &c), HF_EDAMAGE);
        }
        catalog_free(c);
        mem_free(exact);
    }
    buf_release(&saved);
    tear_down(&b);
}

/* The file around it has a checksum; what another program wrote there must still not crash us. */
static void test_catalog_survives_any_byte_of_the_cache(void **state)
{
    struct book b;
    struct buf saved;

    (void)state;
    fill(&b);
    buf_init(&saved);
    ok(catalog_save(b.c, &saved));
    for (size_t i = 0; i < 8 * saved.len; i++) {
        struct catalog *c = NULL;
        int rc;

        saved.data[i / 8] ^= (uint8_t)(1u << i % 8);
        rc = catalog_load(saved.data, saved.len, b.keys, repo, &c);
        assert_true(rc == 0 || rc == HF_EDAMAGE || rc == HF_ENEWER);
        if (rc == 0) {
            catalog_free(c);
        }
        saved.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    buf_release(&saved);
    tear_down(&b);
}

static void test_catalog_cache_without_memory(void **state)
{
    struct book b;
    struct buf saved;
    int rc = HF_ENOMEM;

    (void)state;
    fill(&b);
    buf_init(&saved);
    for (uint64_t n = 1; rc != 0; n++) {
        buf_release(&saved);
        mem_fail_at(n, 0);
        rc = catalog_save(b.c, &saved);
        mem_fail_at(0, 0);
        assert_true(rc == 0 || rc == HF_ENOMEM);
    }
    rc = HF_ENOMEM;
    for (uint64_t n = 1; rc != 0; n++) {
        struct catalog *c = NULL;

        mem_fail_at(n, 0);
        rc = catalog_load(saved.data, saved.len, b.keys, repo, &c);
        mem_fail_at(0, 0);
        if (rc != 0) {
            says(rc, HF_ENOMEM, "");
        }
        if (rc == 0) {
            assert_same(b.c, c);
            catalog_free(c);
        }
    }
    buf_release(&saved);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_begins_with_init),
        cmocka_unit_test(test_catalog_without_init_is_damaged),
        cmocka_unit_test(test_catalog_refuses_a_second_init),
        cmocka_unit_test(test_catalog_refuses_an_init_that_is_not_first),
        cmocka_unit_test(test_catalog_numbers_segments_in_the_order_of_their_adoption),
        cmocka_unit_test(test_catalog_refuses_to_adopt_twice),
        cmocka_unit_test(test_catalog_condemns),
        cmocka_unit_test(test_catalog_adopting_what_is_condemned_is_void),
        cmocka_unit_test(test_catalog_lists_snapshots_in_order),
        cmocka_unit_test(test_catalog_refuses_an_id_that_was_used),
        cmocka_unit_test(test_catalog_forgets_and_remembers),
        cmocka_unit_test(test_catalog_tags_replace_what_was_there),
        cmocka_unit_test(test_catalog_knows_when_segments_were_verified_last),
        cmocka_unit_test(test_catalog_goes_on_without_evidence_of_a_later_version),
        cmocka_unit_test(test_catalog_keeps_gaps_in_the_order_of_the_journal),
        cmocka_unit_test(test_catalog_ends_a_gap_not_before_it_began),
        cmocka_unit_test(test_catalog_knows_which_commits_are_made_inside_a_gap),
        cmocka_unit_test(test_catalog_closes_gaps_by_a_commit_of_their_job_that_began_in_them),
        cmocka_unit_test(test_catalog_passes_over_events_it_does_not_know),
        cmocka_unit_test(test_catalog_knows_which_keys_there_are),
        cmocka_unit_test(test_catalog_needs_a_newer_program_for_changes_of_keys_it_does_not_know),
        cmocka_unit_test(test_catalog_needs_a_newer_program_for_what_it_does_not_know),
        cmocka_unit_test(test_catalog_takes_an_entry_wholly_or_not_at_all),
        cmocka_unit_test(test_catalog_refuses_a_sealed_part_that_does_not_open),
        cmocka_unit_test(test_catalog_refuses_items_of_the_wrong_length),
        cmocka_unit_test(test_catalog_applies_again_after_memory_ran_out),
        cmocka_unit_test(test_catalog_can_not_be_made_without_memory),
        cmocka_unit_test(test_catalog_from_the_cache_is_the_same),
        cmocka_unit_test(test_catalog_finds_every_cut_of_the_cache),
        cmocka_unit_test(test_catalog_survives_any_byte_of_the_cache),
        cmocka_unit_test(test_catalog_cache_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
