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
#include "harness/vault_keys.h"
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
    v.tidy = true;
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

static int prune_with(struct simdisk *d, const char *client, bool tidy)
{
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, client));

    if (rc == 0) {
        rc = vault_attach(&v);
    }
    v.tidy = tidy;
    if (rc == 0) {
        rc = vault_prune(&v);
    }
    vault_leave(&v);
    return rc;
}

static int prunes_only(struct simdisk *d)
{
    return prune_with(d, "b", false);
}

/* "a" has published what it stored so far, which nobody needs yet, and "b" prunes it. */
static int partial_is_pruned(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = vault_enter(&v, simdisk_client(d, "a"));

    (void)context;
    if (rc == 0) {
        rc = vault_attach(&v);
    }
    v.meanwhile = prunes_only;
    if (rc == 0) {
        rc = vault_commit(&v, 2, 2);
    }
    vault_leave(&v);
    return rc;
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

/* A prune alone, of a history with gaps */

static const unsigned let_go[] = { 1, 3, 4 };

static int make_history(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = make_repository(d, context);

    for (unsigned number = 1; rc == 0 && number <= 5; number++) {
        rc = vault_backup(d, "a", number, number == 4 ? 2 : 0);
    }
    if (rc == 0) {
        rc = vault_enter(&v, simdisk_client(d, "a"));
        if (rc == 0) {
            rc = vault_attach(&v);
        }
        for (size_t i = 0; rc == 0 && i < sizeof let_go / sizeof *let_go; i++) {
            rc = vault_forget(&v, let_go[i]);
        }
        vault_leave(&v);
    }
    return rc;
}

static int prune(struct simdisk *d, void *context)
{
    (void)context;
    return prune_with(d, "a", false);
}

/* After a crash: another client's prune ends what was begun. */
static int prune_and_go_on(struct simdisk *d, void *context)
{
    int rc = prune_with(d, "b", true);

    return rc == 0 ? back_up_again(d, context) : rc;
}

/* Prunes that others overtake */

/* "a" is put to sleep before it publishes for the first time; "b" begins then, and wakes it. */
static int overtaken(struct simdisk *d, simsched_body a, simsched_body b)
{
    struct simsched *s = simsched_new(d, 1);
    struct simmatch publishes = {
        .kinds = SIMOP_BIT(SIMOP_RENAME_NEW), .client = "a", .prefix = "repo/journal/", .nth = 1
    };
    struct simsched_rule b_waits = { .when = { .client = "b", .nth = 1 }, .deed = SIMSCHED_SLEEP };
    struct simsched_rule b_wakes = { .when = publishes, .deed = SIMSCHED_WAKE, .who = "b" };
    struct simsched_rule a_sleeps = { .when = publishes, .deed = SIMSCHED_SLEEP };
    int rc;

    simsched_add(s, "a", a, NULL);
    simsched_add(s, "b", b, NULL);
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

static int plain_prune_as(struct simclient *c, void *context)
{
    (void)context;
    return prune_with(simclient_disk(c), simclient_name(c), false);
}

/* Snapshot 1 once more: all its chunks are there, for its forgotten twin is not pruned yet. */
static int commit_again_as(struct simclient *c, void *context)
{
    (void)context;
    return vault_backup(simclient_disk(c), simclient_name(c), 1, 0);
}

static int prune_is_overtaken(struct simdisk *d, void *context)
{
    (void)context;
    return overtaken(d, plain_prune_as, commit_again_as);
}

static int undelete_1_as(struct simclient *c, void *context)
{
    struct vault v;
    int rc = vault_enter(&v, c);

    (void)context;
    if (rc == 0) {
        rc = vault_attach(&v);
    }
    if (rc == 0) {
        rc = vault_undelete(&v, 1);
    }
    vault_leave(&v);
    return rc;
}

static int undelete_is_overtaken(struct simdisk *d, void *context)
{
    (void)context;
    return overtaken(d, undelete_1_as, plain_prune_as);
}

static int commit_3_meanwhile(struct simdisk *d)
{
    return vault_backup(d, "b", 3, 0);
}

/*
 * Snapshots 2 and 3 were made at once, so that what they share has two homes: one beside the rest
 * of 3, adopted first, and one beside the rest of 2.
 */
static int make_twins(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = make_repository(d, context);

    if (rc == 0) {
        rc = vault_enter(&v, simdisk_client(d, "a"));
        if (rc == 0) {
            rc = vault_attach(&v);
        }
        v.meanwhile = commit_3_meanwhile;
        if (rc == 0) {
            rc = vault_commit(&v, 2, 0);
        }
        vault_leave(&v);
    }
    return rc;
}

/*
 * 3 is forgotten. One prune moves what 2 needs of its segments, and is killed before it does the
 * same for those of 2; so the next one finds a home there for all that was moved, and removes the
 * copies. "a", who has planned to remove just that home, must notice.
 */
static int prune_a_little(struct simclient *c, bool forget)
{
    struct vault v;
    int rc = vault_enter(&v, c);

    if (rc == 0) {
        rc = vault_attach(&v);
    }
    if (rc == 0 && forget) {
        rc = vault_forget(&v, 3);
    }
    if (rc == 0) {
        v.batches = 1;
        rc = vault_prune(&v);
    }
    vault_leave(&v);
    return rc == HF_EINTERRUPTED ? 0 : rc;
}

static int prune_twice_as(struct simclient *c, void *context)
{
    int rc = prune_a_little(c, true);

    (void)context;
    return rc == 0 ? prune_a_little(c, false) : rc;
}

static int prune_meets_prunes(struct simdisk *d, void *context)
{
    (void)context;
    return overtaken(d, plain_prune_as, prune_twice_as);
}

/*
 * "a" has published what it condemns and could not sync the folder; "b" sees the entry. What it
 * removed on the strength of that would be missed, should the entry vanish with the power.
 */
static int condemned_is_not_synced(struct simdisk *d, void *context)
{
    struct simfault fault = { .where = { .kinds = SIMOP_BIT(SIMOP_SYNC_DIR),
                                         .client = "a",
                                         .prefix = "repo/journal",
                                         .nth = 1 },
                              .errnum = EIO };
    int rc;

    (void)context;
    simdisk_fault(d, &fault);
    rc = prune_with(d, "a", false);
    if (rc != HF_EUNKNOWN) {
        return rc < 0 ? rc : err_raise(HF_EFAIL, "a failed sync of the journal was ignored");
    }
    return prune_with(d, "b", false);
}

/* Everything at once, interleaved at every operation */

#define DEEDS 3
#define NUMBERS 5

static int do_something(struct vault *v, struct rnd *r)
{
    unsigned number = 1 + (unsigned)rnd_below(r, NUMBERS);

    switch (rnd_below(r, 8)) {
    case 0:
        return vault_commit(v, number, 0);
    case 1:
        return vault_commit(v, number, 2);
    case 2:
        return vault_commit_unread(v, number);
    case 3:
    case 4:
        return vault_forget(v, number);
    case 5:
        return vault_undelete(v, number);
    default:
        return vault_prune(v);
    }
}

/*
 * What may happen to a client among others: what it asks for is not there, or was taken from it
 * again and again, or it was killed. Damage may not.
 */
static int forgive(const struct simclient *c, int rc)
{
    if (rc == HF_ENO_POINT || rc == HF_ECHANGED || simclient_killed(c)) {
        err_clear();
        return 0;
    }
    return rc;
}

static int live(struct simclient *c, void *context)
{
    const unsigned *who = context;
    struct rnd r;
    struct vault v;
    int rc = vault_enter(&v, c);

    rnd_init_seeded(&r, (uint64_t)variant * 16 + *who);
    v.tidy = rnd_below(&r, 2) == 0;
    if (rc == 0) {
        rc = vault_attach(&v);
    }
    for (unsigned i = 0; rc == 0 && !simclient_killed(c) && i < DEEDS; i++) {
        rc = forgive(c, do_something(&v, &r));
    }
    vault_leave(&v);
    return forgive(c, rc);
}

static int several_live(struct simdisk *d, void *context)
{
    static const char *const names[] = { "a", "b", "c" };
    static unsigned who[] = { 0, 1, 2 };
    struct simsched *s = simsched_new(d, variant);
    struct rnd r;
    int rc;

    (void)context;
    rnd_init_seeded(&r, variant);
    for (size_t i = 0; i < 2 + rnd_below(&r, 2); i++) {
        simsched_add(s, names[i], live, &who[i]);
    }
    if (rnd_below(&r, 2) == 0) {
        simclient_kill_at(simdisk_client(d, "a"), 1 + rnd_below(&r, 300));
    }
    rc = simsched_run(s);
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        rc = simsched_result(s, names[i]);
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
            rc = publish_entries(&v, 2 * VAULT_ROLL_ENTRIES);
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
        rc = rollup_run(v.repo, VAULT_ROLL_ENTRIES, &result);
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
        rc = rollup_run(v.repo, VAULT_ROLL_ENTRIES, &result);
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

/* Keys */

#define KEYS_TOLD 3 /* variants told by one client; the others are races, each of its own seed */
#define KEYS_RACES 6

static int make_keys(struct simdisk *d, void *context)
{
    int rc = make_snapshot(d, context);

    return rc == 0 && variant >= KEYS_TOLD ? vault_key_add(d, "other", 1) : rc;
}

/* Each removes the other's key, of which it believes that it stays. One of them is too late. */
static int remove_the_others_key(struct simclient *c, void *context)
{
    bool first = strcmp(simclient_name(c), "a") == 0;
    int rc = vault_key_remove(simclient_disk(c), simclient_name(c), first ? 1 : 0,
                              first ? "main" : "other", first ? 0 : 1);

    (void)context;
    if (rc == HF_ECHANGED || rc == HF_EFAIL || rc == HF_EKEY) {
        err_clear();
        rc = 0;
    }
    return rc;
}

static int race_for_the_last_key(struct simdisk *d)
{
    struct simsched *s = simsched_new(d, variant);
    int rc;

    simsched_add(s, "a", remove_the_others_key, NULL);
    simsched_add(s, "b", remove_the_others_key, NULL);
    rc = simsched_run(s);
    for (unsigned i = 0; rc == 0 && i < 2; i++) {
        rc = simsched_result(s, i == 0 ? "a" : "b");
    }
    simsched_free(s);
    if (rc == 0 && !simdisk_noted(d, "way 0 removed") == !simdisk_noted(d, "way 1 removed")) {
        rc = err_raise(HF_EFAIL, "of two that remove each other's key, just one must succeed");
    }
    return rc;
}

/*
 * By variant: a key is added; it is changed; one is added, and then the first one removed; two
 * clients remove each other's.
 */
static int change_keys(struct simdisk *d, void *context)
{
    int rc;

    (void)context;
    if (variant >= KEYS_TOLD) {
        return race_for_the_last_key(d);
    }
    if (variant == 1) {
        return vault_key_replace(d, "main", 1, 0);
    }
    rc = vault_key_add(d, "other", 1);
    return rc == 0 && variant == 2 ? vault_key_remove(d, "a", 0, "main", 0) : rc;
}

static int verify_keys(struct simdisk *d, void *context)
{
    (void)context;
    return vault_verify_keys(d);
}

/* Whatever a crash has left: the next change of keys works, and leaves nothing of it. */
static int change_keys_again(struct simdisk *d, void *context)
{
    int rc = back_up_again(d, context);

    if (rc == 0 && !simdisk_noted(d, "way 1 valid")) {
        rc = variant == 1 ? vault_key_replace(d, "main", 1, 0) : vault_key_add(d, "other", 1);
        if (rc == HF_EEXISTS) { /* it had happened, and nobody was told */
            err_clear();
            rc = 0;
        }
    }
    if (rc == 0 && variant == 2 && !simdisk_noted(d, "way 0 removed")) {
        rc = vault_key_remove(d, "a", 0, "main", 0);
        if (rc == HF_EABSENT) { /* the same */
            err_clear();
            rc = 0;
        }
    }
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
    { .scenario = { "partial-pruned", make_snapshot, partial_is_pruned, reopen, verify,
                    back_up_again, NULL },
      .about = "what an unfinished backup has published of itself is pruned before it ends",
      .cuts = 500 },
    { .scenario = { "adopted-pruned", make_snapshot, adopted_is_pruned, reopen, verify,
                    back_up_again, NULL },
      .about = "segments that wait for their entry are taken for garbage",
      .exhaustive = 64,
      .sampled = 20 },
    { .scenario = { "prune", make_history, prune, reopen, verify, prune_and_go_on, NULL },
      .about = "a history with gaps is pruned",
      .exhaustive = 64,
      .sampled = 16 },
    { .scenario = { "prune-overtaken", make_history, prune_is_overtaken, reopen, verify,
                    prune_and_go_on, NULL },
      .about = "what a prune is about to condemn is taken up by a backup",
      .cuts = 500 },
    { .scenario = { "undelete-overtaken", make_history, undelete_is_overtaken, reopen, verify,
                    prune_and_go_on, NULL },
      .about = "what is about to be undeleted is pruned",
      .cuts = 500 },
    { .scenario = { "prune-prunes", make_twins, prune_meets_prunes, reopen, verify, prune_and_go_on,
                    NULL },
      .about = "others prune while a prune is about to publish",
      .cuts = 500 },
    { .scenario = { "unsynced-condemn", make_history, condemned_is_not_synced, reopen, verify,
                    prune_and_go_on, NULL },
      .about = "a client removes what an entry condemns that nobody has synced",
      .exhaustive = 16,
      .sampled = 4 },
    { .scenario = { "churn", make_snapshot, several_live, reopen, verify, prune_and_go_on, NULL },
      .about = "clients back up, forget, undelete and prune at once, some are killed",
      .cuts = 3,
      .variants = 20000 },
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
    { .scenario = { "keys", make_keys, change_keys, reopen, verify_keys, change_keys_again, NULL },
      .about = "a key is added, changed, removed; two clients remove each other's",
      .exhaustive = 400,
      .sampled = 40,
      .variants = KEYS_TOLD + KEYS_RACES },
    { .scenario = { "slept", open_and_sleep, wake_and_commit, NULL, verify, NULL, NULL },
      .about = "a client slept while 2,000 entries were published",
      .exhaustive = 4,
      .sampled = 2 },
};

const size_t scenario_count = sizeof scenarios / sizeof *scenarios;
