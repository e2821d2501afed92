/*
 * test_faults.c - whatever fails, once or from then on: holdfast says so, with the exit status that
 * scripts expect, loses nothing that it has acknowledged, and takes no failure for damage later.
 *
 * Three moments are gone through: making a repository, opening one, and a backup that publishes in
 * between what it has stored. In each, the n-th allocation and the n-th operation of every kind
 * fails, for every n, with each error that disks give. Then the machine crashes, somebody opens the
 * repository, and all that was acknowledged must be there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/nacl.h"
#include "harness/explore.h"
#include "harness/simmem.h"
#include "harness/vault.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What goes wrong, and what has come of it so far. */
struct trouble {
    int errnum; /* of the fault; 0: memory */
    uint64_t failures;
    uint64_t unknown;                  /* of these: the outcome could not be told */
    char wrong[ERR_TRAIL_BYTES + 128]; /* what was said wrongly, or empty */
};

static void complain(struct trouble *t, const char *what, int rc)
{
    if (t->wrong[0] == '\0') {
        snprintf(t->wrong, sizeof t->wrong, "%s: %s (%s)", what, err_code_name(rc),
                 err_last()->text);
    }
}

/* The exit status that each error must end in, unless the outcome is unknown. */
static int status_of(int errnum)
{
    return errnum == ENOSPC || errnum == EDQUOT ? 28 : 1;
}

/* Every failure has a code of the right class and a sentence that explains it. */
static int judge(struct trouble *t, int rc, const char *during)
{
    if (rc == 0) {
        return rc;
    }
    t->failures++;
    t->unknown += rc == HF_EUNKNOWN;
    if (rc > 0 || err_last()->text[0] == '\0') {
        complain(t, "there is no explanation", rc);
    } else if (t->errnum == 0 && rc != HF_ENOMEM && rc != HF_EUNKNOWN) {
        complain(t, during, rc);
    } else if (t->errnum != 0 && rc != HF_EUNKNOWN && err_exit_status(rc) != status_of(t->errnum)) {
        complain(t, during, rc);
    }
    return rc;
}

/* --- the three moments ------------------------------------------------------------------------ */

static int enter(struct vault *v, struct simdisk *d, const char *client)
{
    return vault_enter(v, simdisk_client(d, client));
}

static int make(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = enter(&v, d, "a");

    if (rc == 0) {
        rc = vault_init(&v);
        if (context) {
            judge(context, rc, "making a repository");
        }
    }
    vault_leave(&v);
    return rc;
}

static int nothing_yet(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = enter(&v, d, "a");

    (void)context;
    vault_leave(&v);
    return rc;
}

static int one_snapshot(struct simdisk *d, void *context)
{
    int rc = make(d, NULL);

    (void)context;
    return rc == 0 ? vault_backup(d, "a", 1, 0) : rc;
}

/* With a cache and without one, and with a memory in either case. */
static int open_twice(struct simdisk *d, void *context)
{
    static const char *const clients[] = { "a", "b" };
    int rc = 0;

    for (size_t i = 0; i < COUNT(clients); i++) {
        struct vault v;

        rc = enter(&v, d, clients[i]);
        if (rc == 0) {
            rc = judge(context, vault_attach(&v), "opening");
        }
        vault_leave(&v);
    }
    return rc;
}

static int back_up(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = enter(&v, d, "a");

    if (rc == 0) {
        rc = judge(context, vault_attach(&v), "opening");
    }
    if (rc == 0) {
        rc = judge(context, vault_commit(&v, 2, 2), "backing up");
    }
    vault_leave(&v);
    return rc;
}

/* --- what must hold afterwards ---------------------------------------------------------------- */

/* A half-made repository is known as such. */
static int unless_half_made(struct simdisk *d, int rc)
{
    if (rc == HF_ENO_REPO && !simdisk_noted(d, "made")) {
        err_clear();
        return 0;
    }
    return rc;
}

static int recover(struct simdisk *d, void *context)
{
    struct vault v;
    int rc = enter(&v, d, "a");

    (void)context;
    if (rc == 0) {
        rc = vault_attach(&v);
    }
    vault_leave(&v);
    return unless_half_made(d, rc);
}

static int verify(struct simdisk *d, void *context)
{
    (void)context;
    return vault_verify(d);
}

static int go_on(struct simdisk *d, void *context)
{
    (void)context;
    return unless_half_made(d, vault_backup(d, "a", 77, 0));
}

static const struct scenario moments[] = {
    { "init", nothing_yet, make, recover, verify, go_on, NULL },
    { "open", one_snapshot, open_twice, recover, verify, go_on, NULL },
    { "commit", one_snapshot, back_up, recover, verify, go_on, NULL },
};

/* --- operations ------------------------------------------------------------------------------- */

static const struct group {
    const char *name;
    uint32_t kinds;
} groups[] = {
    { "create", SIMOP_BIT(SIMOP_CREATE) | SIMOP_BIT(SIMOP_MKDIR) },
    { "write", SIMOP_BIT(SIMOP_PWRITE) },
    { "sync", SIMOP_BIT(SIMOP_SYNC) | SIMOP_BIT(SIMOP_SYNC_DIR) },
    { "rename", SIMOP_BIT(SIMOP_RENAME_NEW) | SIMOP_BIT(SIMOP_RENAME_OVER) },
    { "read", SIMOP_BIT(SIMOP_OPEN) | SIMOP_BIT(SIMOP_PREAD) | SIMOP_BIT(SIMOP_SIZE) },
    { "list", SIMOP_BIT(SIMOP_LIST) },
    { "stat", SIMOP_BIT(SIMOP_STAT) },
    { "unlink and close", SIMOP_BIT(SIMOP_UNLINK) | SIMOP_BIT(SIMOP_CLOSE) },
};

/*
 * Power is lost as well after an I/O error of what makes things durable, whose every consequence
 * takes time to look at; else the process just ends.
 */
static void set_limits(struct explore_options *o, const struct simfault *fault)
{
    bool is_about_syncs = fault->kind == SIMFAULT_LOST || fault->kind == SIMFAULT_LATE ||
                          (fault->where.kinds & SIMOP_BIT(SIMOP_SYNC)) != 0 ||
                          (fault->where.kinds & SIMOP_BIT(SIMOP_RENAME_NEW)) != 0;

    explore_options_init(o);
    o->models = SIMMODEL_BIT(SIMMODEL_KILL);
    if (is_about_syncs && fault->errnum == EIO && !fault->for_ever) {
        o->models |= SIMMODEL_BIT(SIMMODEL_POSIX);
    }
    o->limits.exhaustive = 2;
    o->limits.sampled = 0;
    o->first_only = true;
}

/* The first, the second, .. operation that the fault fits fails, until there are no more. */
static uint64_t sweep(const struct scenario *moment, const struct simfault *fault, const char *what)
{
    struct trouble t = { .errnum = fault->errnum };
    struct scenario s = *moment;
    struct explore_options o;
    struct explore_report r;
    uint64_t runs;

    s.context = &t;
    set_limits(&o, fault);
    if (explore_faults(&s, &o, fault, &r) != 0) {
        explore_print(&r, stderr);
        fail_msg("%s, %s, errno %d%s", moment->name, what, fault->errnum,
                 fault->for_ever ? " for ever" : "");
    }
    if (t.wrong[0] != '\0') {
        fail_msg("%s, %s, errno %d%s: %s", moment->name, what, fault->errnum,
                 fault->for_ever ? " for ever" : "", t.wrong);
    }
    runs = r.runs;
    explore_report_release(&r);
    return runs;
}

static void sweep_moment(const struct scenario *moment)
{
    static const int errors[] = { EIO, ENOSPC, EDQUOT, EROFS, EMFILE };
    uint64_t runs = 0;

    for (size_t g = 0; g < COUNT(groups); g++) {
        for (size_t e = 0; e < COUNT(errors); e++) {
            for (int for_ever = 0; for_ever < 2; for_ever++) {
                struct simfault f = { .where = { .kinds = groups[g].kinds },
                                      .errnum = errors[e],
                                      .for_ever = for_ever };

                runs += sweep(moment, &f, groups[g].name);
            }
        }
    }
    print_message("%s: %d runs\n", moment->name, (int)runs);
    assert_true(runs > 300);
}

static void test_faults_while_a_repository_is_made(void **state)
{
    (void)state;
    sweep_moment(&moments[0]);
}

static void test_faults_while_a_repository_is_opened(void **state)
{
    (void)state;
    sweep_moment(&moments[1]);
}

static void test_faults_during_a_backup(void **state)
{
    (void)state;
    sweep_moment(&moments[2]);
}

/* Errors that are not what they seem: half a write, success, a sync that has thrown data away. */
static void test_faults_that_are_not_what_they_seem(void **state)
{
    static const struct {
        enum simfault_kind kind;
        const char *name;
        uint64_t late_by;
    } kinds[] = {
        { SIMFAULT_HALF, "half a write", 0 },
        { SIMFAULT_AFTER, "an error after success", 0 },
        { SIMFAULT_LOST, "a sync that loses", 0 },
        { SIMFAULT_LATE, "a rename that lands late", 2 },
        { SIMFAULT_LATE, "a rename that lands very late", 100000 },
    };

    (void)state;
    for (size_t m = 0; m < COUNT(moments); m++) {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            for (int full = 0; full < 2; full++) {
                struct simfault f = { .kind = kinds[k].kind,
                                      .errnum = full ? ENOSPC : EIO,
                                      .late_by = kinds[k].late_by };

                sweep(&moments[m], &f, kinds[k].name);
            }
        }
    }
}

/* --- memory ----------------------------------------------------------------------------------- */

/* What a crash-less end of the run left is looked at by somebody who has memory. */
static void look_at(const struct scenario *s, struct simdisk *d, uint64_t n, bool for_ever)
{
    static const scenario_fn steps[] = { recover, verify, go_on, verify };
    struct simdisk *after = simdisk_fork(d);

    for (size_t i = 0; i < COUNT(steps); i++) {
        int rc = steps[i](after, NULL);

        if (rc != 0) {
            fail_msg("%s, allocation %d%s: step %zu afterwards: %s", s->name, (int)n,
                     for_ever ? " for ever" : "", i, err_last()->text);
        }
    }
    simdisk_free(after);
}

/* n 0: none fails. Returns how many allocations there were, those of the harness among them. */
static uint64_t run_with_failing_memory(const struct scenario *s, struct trouble *t, uint64_t n,
                                        bool for_ever)
{
    struct simdisk *d = simdisk_new(1);
    uint64_t before;
    uint64_t count;

    assert_int_equal(s->prepare(d, NULL), 0);
    err_clear();
    before = mem_alloc_count();
    mem_fail_at(n, for_ever);
    s->run(d, t);
    mem_fail_at(0, 0);
    count = mem_alloc_count() - before;
    look_at(s, d, n, for_ever);
    simdisk_free(d);
    return count;
}

static void sweep_memory(const struct scenario *s)
{
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        struct trouble t = { .errnum = 0 };
        uint64_t count = run_with_failing_memory(s, &t, 0, false);

        assert_int_equal(t.failures, 0);
        for (uint64_t n = 1; n <= count; n++) {
            run_with_failing_memory(s, &t, n, for_ever);
        }
        if (t.wrong[0] != '\0') {
            fail_msg("%s: %s", s->name, t.wrong);
        }
        print_message("%s: %d allocations, %d failures, %d of unknown outcome\n", s->name,
                      (int)count, (int)t.failures, (int)t.unknown);
        assert_true(t.failures > count / 4);
    }
}

static void test_memory_runs_out_while_a_repository_is_made(void **state)
{
    (void)state;
    sweep_memory(&moments[0]);
}

static void test_memory_runs_out_while_a_repository_is_opened(void **state)
{
    (void)state;
    sweep_memory(&moments[1]);
}

static void test_memory_runs_out_during_a_backup(void **state)
{
    (void)state;
    sweep_memory(&moments[2]);
}

static int set_up(void **state)
{
    (void)state;
    return nacl_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_while_a_repository_is_made),
        cmocka_unit_test(test_faults_while_a_repository_is_opened),
        cmocka_unit_test(test_faults_during_a_backup),
        cmocka_unit_test(test_faults_that_are_not_what_they_seem),
        cmocka_unit_test(test_memory_runs_out_while_a_repository_is_made),
        cmocka_unit_test(test_memory_runs_out_while_a_repository_is_opened),
        cmocka_unit_test(test_memory_runs_out_during_a_backup),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
