/*
 * test_audit.c - every entry of the journal is told in words, and shown to whom it was asked for;
 * what can't be believed is named, and hides nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/audit.h"
#include "engine/forget.h"
#include "engine/gap.h"
#include "engine/proof.h"
#include "engine/retag.h"
#include "harness/realrepo.h"
#include "harness/realtree.h"
#include "store/rollup.h"
#include "store/run.h"

#define NOW ((int64_t)1795255200 * NS_PER_S) /* 2026-11-21 10:00 in UTC */
#define MINUTE ((int64_t)60 * NS_PER_S)
#define LINES 64

/* --- a log, as it was told --- */

struct log_line {
    uint64_t number;
    enum audit_type type;
    char text[512], job[32], key[32];
    int64_t time_ns;
    bool damaged;
};

struct log_book {
    struct log_line lines[LINES];
    size_t count;
    uint64_t faults[LINES];
    char whys[LINES][256];
    size_t fault_count;
    struct audit_result result;
    int stop; /* what the callbacks return */
};

static int on_entry(void *context, const struct audit_entry *e)
{
    struct log_book *l = context;
    struct log_line *line = &l->lines[l->count++];

    assert_true(l->count < LINES);
    *line = (struct log_line){
        .number = e->number, .type = e->type, .time_ns = e->time_ns, .damaged = e->damaged
    };
    snprintf(line->text, sizeof line->text, "%s", e->text);
    snprintf(line->job, sizeof line->job, "%s", e->job == NULL ? "" : e->job);
    snprintf(line->key, sizeof line->key, "%s", e->key == NULL ? "" : e->key);
    return l->stop;
}

static int on_fault(void *context, uint64_t number, const char *message)
{
    struct log_book *l = context;

    assert_true(l->fault_count < LINES);
    l->faults[l->fault_count] = number;
    snprintf(l->whys[l->fault_count++], sizeof l->whys[0], "%s", message);
    return l->stop;
}

static int read_log(struct repo *r, const struct audit_options *o, struct log_book *l)
{
    const struct audit_events events = { l, on_entry, on_fault };

    memset(l, 0, sizeof *l);
    return audit_run(r, o, &events, &l->result);
}

static const struct audit_options everything = { .since_ns = INT64_MIN, .until_ns = INT64_MAX };
static const struct audit_options proved = { .since_ns = INT64_MIN,
                                             .until_ns = INT64_MAX,
                                             .verify = true };

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

/* --- a repository with one entry of each kind --- */

static struct log_book book;

static int set_up(void **state)
{
    struct realrepo *r = mem_zalloc(sizeof *r);

    realrepo_make(r, NOW, NULL);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct realrepo *r = *state;

    realrepo_remove(r);
    mem_free(r);
    return 0;
}

static void back_up(struct realrepo *r, const char *job, uint8_t out_id[16])
{
    const struct backup_options o = { .job = job, .threads = 1 };
    struct backup_result result;
    char path[200];

    r->wall_ns += MINUTE;
    snprintf(path, sizeof path, "%s/of-%s", r->tree, job);
    realtree_write(path, path, strlen(path));
    assert_int_equal(realrepo_backup(r, &o, &result), 0);
    memcpy(out_id, realrepo_latest(r)->id, 16);
}

static void tag(struct realrepo *r, const uint8_t id[16], char *word)
{
    char *tags[] = { word };
    const struct retag_change change = { .replace = true, .add = tags, .add_count = word != NULL };
    uint64_t number;

    r->wall_ns += MINUTE;
    assert_int_equal(retag_publish(r->repo, id, &change, &number), 0);
}

static void prove(struct realrepo *r, enum evidence_kind kind, bool passed)
{
    struct evidence e;
    uint64_t number;
    uint8_t id[16];

    r->wall_ns += MINUTE;
    evidence_init(&e);
    e.kind = kind;
    e.passed = passed;
    memset(e.policy_hash, 0xab, sizeof e.policy_hash);
    assert_int_equal(evidence_set_origin(&e, "db-07", "root", "0.1"), 0);
    assert_int_equal(evidence_add_text(&e, EVIDENCE_JOB, "web"), 0);
    assert_int_equal(evidence_add_text(&e, EVIDENCE_ROLE, "owner"), 0);
    assert_int_equal(evidence_add_text(&e, EVIDENCE_COMMENT, "read it"), 0);
    assert_int_equal(evidence_add_number(&e, EVIDENCE_FILES, 12345), 0);
    assert_int_equal(evidence_add_number(&e, EVIDENCE_BYTES, 1 << 20), 0);
    assert_int_equal(evidence_add_number(&e, EVIDENCE_BYTES_READ, 1 << 21), 0);
    assert_int_equal(evidence_add_number(&e, EVIDENCE_RTO_TOTAL, 61 * NS_PER_S), 0);
    assert_int_equal(evidence_add_number(&e, EVIDENCE_DAMAGE, 2), 0);
    assert_int_equal(evidence_add_verified(&e, 0), 0);
    if (!passed) {
        assert_int_equal(evidence_add_mismatch(&e, "/srv/a", "its content differs"), 0);
        assert_int_equal(evidence_add_mismatch(&e, "/srv/b", "it is missing"), 0);
    }
    assert_int_equal(proof_publish(r->repo, &e, id, &number), 0);
    evidence_release(&e);
}

/* --- telling --- */

static void expect_line(size_t i, enum audit_type type, const char *text)
{
    assert_true(i < book.count);
    assert_int_equal(book.lines[i].number, i + 1);
    assert_string_equal(audit_type_name(book.lines[i].type), audit_type_name(type));
    assert_string_equal(book.lines[i].text, text);
    assert_false(book.lines[i].damaged);
}

static void test_audit_tells_each_entry_in_a_sentence(void **state)
{
    struct realrepo *r = *state;
    const struct gap_begin gap = { "web", "db-07", GAPEVENT_RESTART, NOW };
    uint8_t web[16], mail[16], both[2][16], gap_id[16];
    uint64_t number;
    char expected[512], a[9], b[9];

    back_up(r, "web", web);
    back_up(r, "mail", mail);
    snprintf(a, sizeof a, "%02x%02x%02x%02x", web[0], web[1], web[2], web[3]);
    snprintf(b, sizeof b, "%02x%02x%02x%02x", mail[0], mail[1], mail[2], mail[3]);
    tag(r, web, (char *)"red");
    tag(r, web, NULL);
    memcpy(both[0], web, 16);
    memcpy(both[1], mail, 16);
    assert_int_equal(forget_publish(r->repo, (const uint8_t(*)[16])both, 2, &number), 0);
    assert_int_equal(forget_undo(r->repo, (const uint8_t(*)[16]) & both[1], 1, &number), 0);
    assert_int_equal(gap_open(r->repo, &gap, gap_id, &number), 0);
    assert_int_equal(gap_close(r->repo, gap_id, NOW + MINUTE, &number), 0);

    assert_int_equal(read_log(r->repo, &everything, &book), 0);
    assert_int_equal(book.result.entries, 9);
    assert_int_equal(book.result.shown, 9);
    expect_line(0, AUDIT_INIT, "the repository was made");
    snprintf(expected, sizeof expected, "snapshot %s of / of job web ", a);
    assert_memory_equal(book.lines[1].text, expected, strlen(expected));
    assert_has(book.lines[1].text, " of job web on host host: 1 file, ");
    assert_int_equal(book.lines[1].type, AUDIT_COMMIT);
    assert_true(book.lines[1].time_ns == NOW + MINUTE);
    snprintf(expected, sizeof expected, "snapshot %s has the tag red", a);
    expect_line(3, AUDIT_TAG, expected);
    snprintf(expected, sizeof expected, "snapshot %s has no tags any more", a);
    expect_line(4, AUDIT_TAG, expected);
    snprintf(expected, sizeof expected, "forgot 2 snapshots: %s, %s", a, b);
    expect_line(5, AUDIT_FORGET, expected);
    snprintf(expected, sizeof expected, "brought back 1 snapshot: %s of job mail", b);
    expect_line(6, AUDIT_UNFORGET, expected);
    expect_line(7, AUDIT_GAP,
                "the gap of job web on host db-07 (restart) began at "
                "2026-11-21 10:00:00 +00:00");
    expect_line(8, AUDIT_GAP,
                "the gap of job web on host db-07 that entry 8 opened ended at "
                "2026-11-21 10:01:00 +00:00");
}

static void test_audit_tells_evidence(void **state)
{
    struct realrepo *r = *state;

    prove(r, EVIDENCE_FULL, true);
    prove(r, EVIDENCE_LIVE, false);
    prove(r, EVIDENCE_CHECK, true);
    prove(r, EVIDENCE_CHECK, false);
    prove(r, EVIDENCE_SIGNOFF, true);
    assert_int_equal(read_log(r->repo, &proved, &book), 0);
    expect_line(1, AUDIT_DRILL,
                "the drill \"full\" passed of job web, 12,345 files, 1.0 MiB, restored in 1m 1s, "
                "under the policy abababababababab");
    expect_line(2, AUDIT_DRILL,
                "the drill \"live\" FAILED of job web, 12,345 files, 1.0 MiB, restored in 1m 1s, "
                "under the policy abababababababab, 2 mismatches, the first: /srv/a: its content "
                "differs");
    expect_line(3, AUDIT_CHECK,
                "the check found nothing wrong, 2.0 MiB of data read, 1 segment proved whole, "
                "under the policy abababababababab");
    expect_line(4, AUDIT_CHECK,
                "the check FOUND DAMAGE in 2 places, 2.0 MiB of data read, 1 segment proved "
                "whole, under the policy abababababababab, 2 mismatches, the first: /srv/a: its "
                "content differs");
    expect_line(5, AUDIT_SIGNOFF,
                "signed off as owner, under the policy abababababababab: read it");
    assert_string_equal(book.lines[5].job, "web");
    assert_string_not_equal(book.lines[5].key, "");
}

struct strange { /* an event that a newer program may write */
    struct repo *repo;
    unsigned kind;
    const char *plain;
    size_t len;
};

static int build_strange(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                         struct buf *body)
{
    const struct strange *s = context;

    (void)catalog;
    return entry_put_sealed(body, ENTRY_EVENT, s->kind, repo_keys(s->repo), repo_id(s->repo), uuid,
                            repo_env(s->repo)->rnd, s->plain, s->len);
}

static void test_audit_tells_that_it_does_not_know_an_event(void **state)
{
    static const struct strange strange[] = {
        { NULL, 77, "what it says", 12 },
        { NULL, ENTRY_EVENT_EVIDENCE, "\x09 another version", 17 },
    };
    struct realrepo *r = *state;
    uint64_t number;
    uint8_t id[16];

    for (size_t i = 0; i < 2; i++) {
        struct strange s = strange[i];
        const struct run_entry entry = { build_strange, &s };

        s.repo = r->repo;
        assert_int_equal(run_publish(r->repo, &entry, id, &number), 0);
    }
    assert_int_equal(read_log(r->repo, &proved, &book), 0);
    expect_line(1, AUDIT_EVENT, "an event that this holdfast doesn't know (kind 77)");
    expect_line(2, AUDIT_EVENT, "written by a newer holdfast, in a form that this one can't read");
}

static void test_audit_counts_what_is_too_much_to_name(void **state)
{
    struct realrepo *r = *state;
    uint8_t ids[11][16];
    uint64_t number;

    for (size_t i = 0; i < 11; i++) {
        back_up(r, "web", ids[i]);
    }
    assert_int_equal(forget_publish(r->repo, (const uint8_t(*)[16])ids, 11, &number), 0);
    assert_int_equal(read_log(r->repo, &everything, &book), 0);
    assert_has(book.lines[12].text, "forgot 11 snapshots: ");
    assert_has(book.lines[12].text, " and 3 more of job web");
}

/* --- choosing --- */

static size_t shown(struct realrepo *r, const struct audit_options *o)
{
    assert_int_equal(read_log(r->repo, o, &book), 0);
    assert_int_equal(book.count, book.result.shown);
    return book.count;
}

static void test_audit_shows_what_was_asked_for(void **state)
{
    struct realrepo *r = *state;
    struct audit_options o = everything;
    uint8_t web[16], mail[16];

    back_up(r, "web", web);        /* 2, after 1 minute */
    back_up(r, "mail", mail);      /* 3 */
    tag(r, web, (char *)"red");    /* 4 */
    prove(r, EVIDENCE_FULL, true); /* 5 */
    assert_int_equal(shown(r, &o), 5);
    o.since_ns = NOW + 2 * MINUTE;
    assert_int_equal(shown(r, &o), 3);
    o.until_ns = NOW + 3 * MINUTE;
    assert_int_equal(shown(r, &o), 2);
    o = everything;
    o.types = 1u << AUDIT_TAG | 1u << AUDIT_COMMIT;
    assert_int_equal(shown(r, &o), 3);
    o.job = "web";
    assert_int_equal(shown(r, &o), 2);
    o.types = 0;
    assert_int_equal(shown(r, &o), 3);
    o.job = "we";
    assert_int_equal(shown(r, &o), 0);
    assert_int_equal(book.result.entries, 5);
}

static void test_audit_types_have_names(void **state)
{
    enum audit_type type;

    (void)state;
    for (int i = 0; i < AUDIT_TYPES; i++) {
        assert_int_equal(audit_type_parse(audit_type_name((enum audit_type)i), &type), 0);
        assert_int_equal(type, i);
    }
    assert_int_equal(audit_type_parse("comit", &type), HF_EUSAGE);
    assert_string_equal(err_last()->hint, "did you mean \"commit\"?");
    assert_int_equal(audit_type_parse("something-else", &type), HF_EUSAGE);
    assert_has(err_last()->hint, "types are");
}

static void test_audit_ends_when_a_callback_says_so(void **state)
{
    struct realrepo *r = *state;
    const struct audit_events events = { &book, on_entry, on_fault };
    volatile sig_atomic_t cancel = 1;
    struct audit_options o = everything;
    struct audit_result result;
    uint8_t web[16];

    back_up(r, "web", web);
    memset(&book, 0, sizeof book);
    book.stop = HF_ELIMIT;
    assert_int_equal(audit_run(r->repo, &everything, &events, &result), HF_ELIMIT);
    assert_int_equal(book.count, 1);
    o.cancel = &cancel; /* looked at now and then: so short a journal is read to its end */
    assert_int_equal(read_log(r->repo, &o, &book), 0);
    for (int i = 0; i < 256; i++) {
        tag(r, web, i % 2 == 0 ? (char *)"red" : (char *)"blue");
    }
    o.types = 1u << AUDIT_INIT;
    assert_int_equal(read_log(r->repo, &o, &book), HF_EINTERRUPTED);
}

/* --- believing --- */

static const char *entry_path(const struct realrepo *r, uint64_t number, char out[200])
{
    snprintf(out, 200, "%s/journal/%012llu", r->at, (unsigned long long)number);
    return out;
}

static void flip(const char *path, long offset)
{
    FILE *f;
    int byte;

    assert_int_equal(chmod(path, 0600), 0);
    f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
    byte = fgetc(f);
    assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
    fputc(byte ^ 1, f);
    fclose(f);
}

static void expect_faults(struct realrepo *r, const struct audit_options *o, size_t count,
                          uint64_t first, const char *why)
{
    assert_int_equal(read_log(r->repo, o, &book), count > 0 ? HF_EDAMAGE : 0);
    assert_int_equal(book.fault_count, count);
    assert_int_equal(book.result.faults, count);
    if (count > 0) {
        assert_int_equal(book.faults[0], first);
        assert_has(book.whys[0], why);
    }
}

static void test_audit_names_an_entry_of_which_any_byte_is_altered(void **state)
{
    static const long places[] = { 0, 30, 90, -256, -200, -100, -65, -64, -1 };
    struct realrepo *r = *state;
    char path[200];

    for (int i = 0; i < 4; i++) {
        prove(r, EVIDENCE_FULL, true);
    }
    entry_path(r, 3, path);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        flip(path, places[i]);
        expect_faults(r, &proved, 1, 3, "journal entry 3: ");
        assert_int_equal(book.count, 5); /* all are shown, it among them */
        assert_true(book.lines[2].damaged);
        assert_false(book.lines[3].damaged);
        flip(path, places[i]);
    }
    expect_faults(r, &proved, 0, 0, "");
}

static void test_audit_without_verifying_names_what_is_no_entry(void **state)
{
    struct realrepo *r = *state;
    struct audit_options o = everything;
    char path[200], other[220];

    for (int i = 0; i < 4; i++) {
        prove(r, EVIDENCE_FULL, true);
    }
    flip(entry_path(r, 3, path), 30);
    expect_faults(r, &everything, 1, 3, "");
    assert_int_equal(book.lines[2].type, AUDIT_DAMAGED);
    o.types = 1u << AUDIT_DAMAGED;
    expect_faults(r, &o, 1, 3, "");
    assert_int_equal(book.count, 1);
    o.types = 1u << AUDIT_DRILL;
    expect_faults(r, &o, 1, 3, ""); /* told, if not shown */
    assert_int_equal(book.count, 3);
    flip(path, 30);
    flip(path, -1); /* its signature: now it is another entry than the next one follows */
    expect_faults(r, &everything, 1, 4, "it does not follow from the entry before it");
    flip(path, -1);
    snprintf(other, sizeof other, "%s.aside", path);
    assert_int_equal(rename(path, other), 0);
    expect_faults(r, &everything, 1, 3, "it is missing, though the journal has reached entry 5");
    assert_int_equal(rename(other, path), 0);
}

static void test_audit_names_what_stands_beyond_a_gap(void **state)
{
    struct realrepo *r = *state;
    char from[200], to[200];

    prove(r, EVIDENCE_FULL, true);
    prove(r, EVIDENCE_FULL, true);
    entry_path(r, 2, from);
    assert_int_equal(link(from, entry_path(r, 5, to)), 0);
    expect_faults(r, &everything, 0, 0, "");
    expect_faults(r, &proved, 2, 4, "it is missing");
    assert_has(book.whys[1], "it says that it is entry 2");
    assert_int_equal(unlink(to), 0);
}

/* The same event once more, signed by who has the key: what only the id gives away. */
static void test_audit_names_an_entry_that_repeats_another(void **state)
{
    struct realrepo *r = *state;
    struct journal *j = repo_journal(r->repo);
    uint8_t seal[ENTRY_SEAL_BYTES], *first_memory, *last_memory;
    struct journal_entry first, last;
    struct entry_seal again;
    char path[200];
    FILE *f;

    prove(r, EVIDENCE_FULL, true);
    prove(r, EVIDENCE_SIGNOFF, true);
    assert_int_equal(journal_read(j, 2, &first, &first_memory), 0);
    assert_int_equal(journal_read(j, 3, &last, &last_memory), 0);
    again = first.seal;
    again.number = 4;
    memcpy(again.previous, last.seal_hash, sizeof again.previous);
    entry_seal_encode(&again, first.body, first.body_len, repo_keys(r->repo), seal);
    f = fopen(entry_path(r, 4, path), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(first.body, 1, first.body_len, f), first.body_len);
    assert_int_equal(fwrite(seal, 1, sizeof seal, f), sizeof seal);
    assert_int_equal(fclose(f), 0);
    mem_free(first_memory);
    mem_free(last_memory);
    expect_faults(r, &proved, 1, 4, "journal entry 4: it repeats entry 2");
}

static void test_audit_proves_entries_that_were_rolled_up(void **state)
{
    struct realrepo *r = *state;
    struct rollup_result rolled;
    struct stat st;
    char path[200];

    for (int i = 0; i < 9; i++) {
        prove(r, EVIDENCE_FULL, true);
    }
    assert_int_equal(rollup_run(r->repo, 4, &rolled), 0);
    assert_int_equal(rolled.rolls, 2);
    assert_int_equal(stat(entry_path(r, 3, path), &st), 0);
    assert_int_equal(st.st_size, 0);
    expect_faults(r, &proved, 0, 0, "");
    assert_int_equal(book.count, 10);
    expect_line(2, AUDIT_DRILL, book.lines[1].text);
    snprintf(path, sizeof path, "%s/rolls/000000000001-000000000004", r->at);
    flip(path, 700);
    expect_faults(r, &proved, 4, 1, "rolls/000000000001-000000000004");
    assert_int_equal(book.count, 10);
}

/* valgrind */
static void test_audit_says_when_memory_runs_out(void **state)
{
    struct realrepo *r = *state;
    uint8_t web[16];
    bool hit = true;

    back_up(r, "web", web);
    tag(r, web, (char *)"red");
    prove(r, EVIDENCE_LIVE, false);
    for (uint64_t nth = 1; hit; nth++) {
        int rc;

        mem_fail_at(nth, 0);
        rc = read_log(r->repo, &proved, &book);
        hit = mem_fail_hits() > 0;
        mem_fail_at(0, 0);
        if (rc == 0 && hit) { /* the names of keys are done without */
            assert_int_equal(book.count, 4);
            continue;
        }
        assert_int_equal(rc, hit ? HF_ENOMEM : 0);
    }
}

static void test_audit_holds_the_head_against_the_chain(void **state)
{
    struct realrepo *r = *state;
    char head[120] = "", path[400], other[400];
    FILE *list;

    prove(r, EVIDENCE_FULL, true);
    snprintf(path, sizeof path, "ls %s/head", r->at);
    list = popen(path, "r");
    assert_non_null(list);
    assert_non_null(fgets(head, sizeof head, list));
    pclose(list);
    head[strcspn(head, "\n")] = '\0';
    snprintf(path, sizeof path, "%s/head/%s", r->at, head);
    head[13] = head[13] == 'a' ? 'b' : 'a';
    snprintf(other, sizeof other, "%s/head/%s", r->at, head);
    assert_int_equal(rename(path, other), 0);
    expect_faults(r, &proved, 1, 2, "it is not the entry that the head names");
    assert_int_equal(unlink(other), 0);
    expect_faults(r, &proved, 1, 0, "head/ is empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_audit_tells_each_entry_in_a_sentence, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_audit_tells_evidence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_audit_tells_that_it_does_not_know_an_event, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_audit_counts_what_is_too_much_to_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_audit_shows_what_was_asked_for, set_up, tear_down),
        cmocka_unit_test(test_audit_types_have_names),
        cmocka_unit_test_setup_teardown(test_audit_ends_when_a_callback_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_audit_names_an_entry_of_which_any_byte_is_altered,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_audit_without_verifying_names_what_is_no_entry, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_audit_names_what_stands_beyond_a_gap, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_audit_names_an_entry_that_repeats_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_audit_proves_entries_that_were_rolled_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_audit_says_when_memory_runs_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_audit_holds_the_head_against_the_chain, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
