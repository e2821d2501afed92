/*
 * scenarios.c - see scenarios.h.
 *
 * Every scenario is verified by the same oracle (vault_verify) after the same recovery: a client
 * opens the repository, and then makes another backup.
 */
#include "harness/scenarios.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "harness/simsched.h"
#include "harness/vault.h"
#include "store/rollup.h"

static unsigned variant;

void scenarios_set_variant(unsigned v)
{
    variant = v;
}

/* What is common: a repository, recovery, going on */

static int make_repository(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, "a"));

    (void)context;
    if (rc == 0) {
        rc = vault_init(&v);
    }
    vault_leave(&v);
    return rc;
}

static int make_snapshot(struct simdisk *d, void *context)
{
    int rc = make_repository(d, context);

    return rc == 0 ? vault_backup(d, "a", 1, 0) : rc;
}

static int reopen(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, "a"));

    (void)context;
    if (rc == 0) {
        rc = vault_attach(&v);
    }
    vault_leave(&v);
    return rc;
}

static int verify(struct simdisk *d, void *context)
{
    (void)context;
    return vault_verify(d);
}

static int back_up_again(struct simdisk *d, void *context)
{
    (void)context;
    return vault_backup(d, "a", 77, 0);
}

/* Init */

static int an_empty_folder(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, "a"));

    (void)context;
    vault_leave(&v);
    return rc;
}

/* A half-made repository is refused as such; only what is one can be gone on with. */
static int reopen_if_made(struct simdisk *d, void *context)
{
    int rc = reopen(d, context);

    if (rc == HF_ENO_REPO && !simdisk_noted(d, "made")) {
        err_clear();
        return 0;
    }
    return rc;
}

static int back_up_if_made(struct simdisk *d, void *context)
{
    int rc = back_up_again(d, context);

    if (rc == HF_ENO_REPO && !simdisk_noted(d, "made")) {
        err_clear();
        return 0;
    }
    return rc;
}

/* Commits */

static int one_commit(struct simdisk *d, void *context)
{
    (void)context;
    return vault_backup(d, "a", 2, 0);
}

static int long_backup(struct simdisk *d, void *context)
{
    (void)context;
    return vault_backup(d, "a", 2, 3);
}

static int two_commits(struct simdisk *d, void *context)
{
    int rc = one_commit(d, context);

    return rc == 0 ? vault_backup(d, "b", 3, 0) : rc;
}

/* Races */

static int commit_as(struct simclient *c, void *context)
{
    const unsigned *number = context;

    return vault_backup(simclient_disk(c), simclient_name(c), *number, 0);
}

static int race(struct simdisk *d, uint64_t seed, const char *killed, uint64_t at)
{
    static unsigned numbers[] = { 2, 3 };
    struct simsched *s = simsched_new(d, seed);
    int rc;

    simsched_add(s, "a", commit_as, &numbers[0]);
    simsched_add(s, "b", commit_as, &numbers[1]);
    if (killed) {
        simclient_kill_at(simdisk_client(d, killed), at);
    }
    rc = simsched_run(s);
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        const char *name = i == 0 ? "a" : "b";

        if (!killed || strcmp(name, killed) != 0) {
            rc = simsched_result(s, name);
        }
    }
    simsched_free(s);
    return rc;
}

static int two_clients(struct simdisk *d, void *context)
{
    (void)context;
    return race(d, variant, NULL, 0);
}

/* One is killed before its n-th operation, the other goes on; then power is lost. */
static int one_is_killed(struct simdisk *d, void *context)
{
    (void)context;
    return race(d, variant, "a", 2 * (uint64_t)variant + 1);
}

/* Requests that fail and happened, or that happen late */

static struct simfault publishing(enum simfault_kind kind, uint64_t late_by)
{
    return (struct simfault){
        .where = { .kinds = SIMOP_BIT(SIMOP_RENAME_NEW), .prefix = "repo/journal/", .nth = 1 },
        .kind = kind,
        .errnum = EIO,
        .late_by = late_by
    };
}

static int error_after_success(struct simdisk *d, void *context)
{
    struct simfault fault = publishing(SIMFAULT_AFTER, 0);

    (void)context;
    simdisk_fault(d, &fault);
    return vault_backup(d, "a", 2, 0);
}

/* The request lands between our tries, or after we have given up: success, or "outcome unknown". */
static int request_lands_late(struct simdisk *d, void *context)
{
    struct simfault fault = publishing(SIMFAULT_LATE, variant);
    int rc;

    (void)context;
    simdisk_fault(d, &fault);
    rc = vault_backup(d, "a", 2, 0);
    if (rc == HF_EUNKNOWN) {
        err_clear();
        rc = 0;
    }
    if (rc == 0) {
        rc = vault_backup(d, "b", 3, 0);
    }
    simdisk_land(d);
    return rc == HF_EUNKNOWN ? 0 : rc;
}

/*
 * "a" has given its entry a name and could not sync the folder; "b" sees the entry and publishes
 * the next. Should the first vanish with the power and the second not, a number would be missing.
 */
static int tip_is_not_synced(struct simdisk *d, void *context)
{
    struct simfault fault = { .where = { .kinds = SIMOP_BIT(SIMOP_SYNC_DIR),
                                         .client = "a",
                                         .prefix = "repo/journal",
                                         .nth = 1 },
                              .errnum = EIO };
    int rc;

    (void)context;
    simdisk_fault(d, &fault);
    rc = vault_backup(d, "a", 2, 0);
    if (rc != HF_EUNKNOWN) {
        return rc < 0 ? rc : err_raise(HF_EFAIL, "a failed sync of the journal was ignored");
    }
    return vault_backup(d, "b", 3, 0);
}

/* Pruning: what is relied on, adopted or taken over unread goes away meanwhile */

static int forget_and_prune_as(struct simdisk *d, const char *name)
{
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, name));

    if (rc == 0) {
        rc = vault_attach(&v);
    }
    if (rc == 0) {
        rc = vault_forget(&v, 1);
    }
    if (rc == 0) {
        rc = vault_prune(&v);
    }
    vault_leave(&v);
    return rc;
}

static int another_prunes(struct simdisk *d)
{
    return forget_and_prune_as(d, "b");
}

/* "a" commits snapshot 1 again, and before it publishes, "b" forgets and prunes the first one. */
static int commit_while_another_prunes(struct simdisk *d, bool unread)
{
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, "a"));

    if (rc == 0) {
        rc = vault_attach(&v);
    }
    v.meanwhile = another_prunes;
    if (rc == 0) {
        rc = unread ? vault_commit_unread(&v, 1) : vault_commit(&v, 1, 0);
    }
    vault_leave(&v);
    return rc;
}

static int relied_is_pruned(struct simdisk *d, void *context)
{
    (void)context;
    return commit_while_another_prunes(d, false);
}

static int parent_is_pruned(struct simdisk *d, void *context)
{
    (void)context;
    return commit_while_another_prunes(d, true);
}

static int prune_as(struct simclient *c, void *context)
{
    (void)context;
    return forget_and_prune_as(simclient_disk(c), simclient_name(c));
}

/* "a" sleeps with its segments named and its entry not yet; "b" takes them for garbage. */
static int adopted_is_pruned(struct simdisk *d, void *context)
{
    static unsigned number = 2;
    struct simsched *s = simsched_new(d, 1);
    struct simsched_rule b_waits = { .when = { .client = "b", .nth = 1 }, .deed = SIMSCHED_SLEEP };
    struct simsched_rule a_sleeps = { .when = { .kinds = SIMOP_BIT(SIMOP_RENAME_NEW),
                                                .client = "a",
                                                .prefix = "repo/journal/",
                                                .nth = 1 },
                                      .deed = SIMSCHED_SLEEP };
    struct simsched_rule b_wakes = { .when = a_sleeps.when, .deed = SIMSCHED_WAKE, .who = "b" };
    int rc;

    (void)context;
    simsched_add(s, "a", commit_as, &number);
    simsched_add(s, "b", prune_as, NULL);
    simsched_rule(s, &b_waits);
    simsched_rule(s, &b_wakes);
    simsched_rule(s, &a_sleeps);
    rc = simsched_run(s);
    if (rc == 0) {
        rc = simsched_result(s, "a");
    }
    if (rc == 0) {
        rc = simsched_result(s, "b");
    }
    simsched_free(s);
    return rc;
}

/* A full disk */

static int disk_fills_up(struct simdisk *d, void *context)
{
    int rc;

    (void)context;
    simdisk_set_space(d, simdisk_used(d) + (uint64_t)variant * 1500);
    rc = vault_backup(d, "a", 2, 0);
    simdisk_set_space(d, 0);
    if (rc == HF_ENOSPC) {
        err_clear();
        rc = 0;
    }
    return rc;
}

/* Roll-ups */

#define ENTRIES_A_ROLL 4

static int publish_nothing(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                           struct buf *body)
{
    static const uint8_t nobody[1][16] = { { 1 } };

    (void)context;
    (void)catalog;
    (void)uuid;
    entry_put_forget(body, false, 0, nobody, 1);
    return buf_error(body);
}

static int publish_entries(struct vault *v, unsigned count)
{
    struct run_entry entry = { .build = publish_nothing };
    uint8_t id[16];
    uint64_t number;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < count; i++) {
        rc = run_publish(v->repo, &entry, id, &number);
    }
    return rc;
}

static int make_entries(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = make_snapshot(d, context);

    if (rc == 0) {
        rc = vault_enter(&v, simdisk_client(d, "a"));
        if (rc == 0) {
            rc = vault_attach(&v);
        }
        if (rc == 0) {
            rc = publish_entries(&v, 2 * ENTRIES_A_ROLL);
        }
        vault_leave(&v);
    }
    return rc;
}

static int roll_up(struct simdisk *d, void *context)
{
    struct rollup_result result;
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, "a"));

    (void)context;
    if (rc == 0) {
        rc = vault_attach(&v);
    }
    if (rc == 0) {
        rc = rollup_run(v.repo, ENTRIES_A_ROLL, &result);
    }
    if (rc == 0 && !simdisk_noted(d, "rolled") && result.rolls != 2) {
        rc = err_raise(HF_EFAIL, "there was nothing to roll up");
    }
    if (rc == 0) {
        simclient_note(v.client, "rolled");
    }
    vault_leave(&v);
    return rc;
}

static int roll_up_again(struct simdisk *d, void *context)
{
    struct rollup_result result;
    struct vault v;
    int rc = back_up_again(d, context);

    if (rc == 0) {
        rc = vault_enter(&v, simdisk_client(d, "b"));
    }
    if (rc == 0) {
        rc = vault_attach(&v);
    }
    if (rc == 0) {
        rc = rollup_run(v.repo, ENTRIES_A_ROLL, &result);
    }
    vault_leave(&v);
    return rc;
}

/* A client that slept */

static struct vault sleeper;

#define ENTRIES_SLEPT 2000

/* "b" opens the repository and sleeps, while "a" publishes many entries. */
static int open_and_sleep(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = make_snapshot(d, context);

    if (rc == 0) {
        rc = vault_enter(&sleeper, simdisk_client(d, "b"));
    }
    if (rc == 0) {
        rc = vault_attach(&sleeper);
    }
    if (rc == 0) {
        rc = vault_enter(&v, simdisk_client(d, "a"));
    }
    if (rc == 0) {
        v.env.cache = NULL; /* a view of two thousand entries is not what this is about */
        rc = vault_attach(&v);
    }
    if (rc == 0) {
        rc = publish_entries(&v, ENTRIES_SLEPT);
    }
    vault_leave(&v);
    return rc;
}

static int wake_and_commit(struct simdisk *d, void *context)
{
    int rc = vault_commit(&sleeper, 2, 0);

    (void)d;
    (void)context;
    vault_leave(&sleeper);
    return rc;
}

const struct scenario_entry scenarios[] = {
    { .scenario = { "init", an_empty_folder, make_repository, reopen_if_made, verify,
                    back_up_if_made, NULL },
      .about = "a repository is made",
      .exhaustive = 100000 },
    { .scenario = { "commit", make_snapshot, one_commit, reopen, verify, back_up_again, NULL },
      .about = "one backup of several segments",
      .exhaustive = 100000 },
    { .scenario = { "commits", make_repository, two_commits, reopen, verify, back_up_again, NULL },
      .about = "two clients back up one after the other",
      .exhaustive = 200,
      .sampled = 40 },
    { .scenario = { "long-backup", make_snapshot, long_backup, reopen, verify, back_up_again,
                    NULL },
      .about = "a long backup publishes what it has stored so far",
      .exhaustive = 64,
      .sampled = 20 },
    { .scenario = { "race", make_snapshot, two_clients, reopen, verify, back_up_again, NULL },
      .about = "two clients race for the next number",
      .exhaustive = 64,
      .sampled = 16,
      .variants = 8 },
    { .scenario = { "killed", make_snapshot, one_is_killed, reopen, verify, back_up_again, NULL },
      .about = "one of two clients is killed at every second of its operations, then power is lost",
      .exhaustive = 6,
      .sampled = 3,
      .variants = 70 },
    { .scenario = { "error-after-success", make_snapshot, error_after_success, reopen, verify,
                    back_up_again, NULL },
      .about = "publishing reports an error and has happened",
      .exhaustive = 200,
      .sampled = 20 },
    { .scenario = { "unsynced-tip", make_snapshot, tip_is_not_synced, reopen, verify, back_up_again,
                    NULL },
      .about = "a client publishes behind an entry that nobody has synced",
      .exhaustive = 200,
      .sampled = 40 },
    { .scenario = { "late", make_snapshot, request_lands_late, reopen, verify, back_up_again,
                    NULL },
      .about = "a request to publish lands late, or after its client has given up",
      .exhaustive = 200,
      .sampled = 20,
      .variants = 24 },
    { .scenario = { "crash-after-crash", make_snapshot, one_commit, reopen, verify, back_up_again,
                    NULL },
      .about = "what runs after a crash is crashed as well",
      .depth = 2,
      .deeper_every = 50,
      .exhaustive = 200,
      .sampled = 20 },
    { .scenario = { "relied-pruned", make_snapshot, relied_is_pruned, reopen, verify, back_up_again,
                    NULL },
      .about = "chunks that a backup found stored are pruned before it publishes",
      .exhaustive = 64,
      .sampled = 20 },
    { .scenario = { "parent-pruned", make_snapshot, parent_is_pruned, reopen, verify, back_up_again,
                    NULL },
      .about = "the snapshot that a backup took over unread is pruned before it publishes",
      .exhaustive = 64,
      .sampled = 20 },
    { .scenario = { "adopted-pruned", make_snapshot, adopted_is_pruned, reopen, verify,
                    back_up_again, NULL },
      .about = "segments that wait for their entry are taken for garbage",
      .exhaustive = 64,
      .sampled = 20 },
    { .scenario = { "full-disk", make_snapshot, disk_fills_up, reopen, verify, back_up_again,
                    NULL },
      .about = "the disk fills up at any point of a backup",
      .exhaustive = 200,
      .sampled = 20,
      .variants = 16 },
    { .scenario = { "roll-up", make_entries, roll_up, reopen, verify, roll_up_again, NULL },
      .about = "old entries are rolled up and their files emptied",
      .exhaustive = 200,
      .sampled = 20 },
    { .scenario = { "slept", open_and_sleep, wake_and_commit, NULL, verify, NULL, NULL },
      .about = "a client slept while 2,000 entries were published",
      .exhaustive = 4,
      .sampled = 2 },
};

const size_t scenario_count = sizeof scenarios / sizeof *scenarios;
