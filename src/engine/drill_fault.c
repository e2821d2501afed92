/*
 * drill_fault.c - what happens when something breaks: every fault of the table is done to a copy of
 * the repository, and what comes of it is held against what must.
 *
 * See drill_fault.h. A fault that the repository does not survive as it should is a mismatch; so is
 * one that goes unnoticed.
 */
#include "engine/drill_fault.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/fs_posix.h"

#define OWN_BYTES (32u << 20) /* for small backups and copies of small files */

static const struct {
    enum fault_look look;
    const char *name;
} looks[] = {
    { FAULT_OPEN, "open" },
    { FAULT_CHECK, "check" },
    { FAULT_RESTORE, "restore" },
    { FAULT_BACKUP, "backup" },
};

/* --- the copy --- */

/* Others may raise the head or remove keys while the drill runs; the rest stays as it is. */
static const char *const copied[] = { "holdfast", "head", "keys", NULL };
static const char *const left_empty[] = { "tmp", NULL };

static int make_copy(struct fault_bench *b)
{
    struct fs_overlay_options options = { .below = b->d->o->env->fs,
                                          .copied = copied,
                                          .left_empty = left_empty };
    char *path = NULL;
    int rc = drill_scratch_make(b->d->scratch, "copy", &path);

    if (rc == 0) {
        rc = fs_posix_open(path, &b->above);
    }
    mem_free(path);
    options.above = b->above;
    if (rc == 0) {
        rc = fs_overlay_new(&options, &b->copy);
    }
    fs_failing_rules_init(&b->rules);
    if (rc == 0) {
        rc = fs_failing_new(b->copy, &b->rules, &b->medium);
    }
    b->env = *b->d->o->env;
    b->env.fs = b->medium;
    b->env.cache = NULL;
    b->env.state = NULL;
    return rc;
}

/* As much as the greatest fault takes: two segments, what is restored, and what is backed up. */
static int check_space(const struct fault_bench *b)
{
    uint64_t needed = 2 * b->victim.segment_len + b->sample_bytes + OWN_BYTES;
    uint64_t limit = b->d->o->max_space;
    struct fs_space space;
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES];
    int rc = fs_space(b->above, &space);

    if (rc != 0) {
        return rc;
    }
    if (limit == 0 || limit > space.free_bytes) {
        limit = space.free_bytes;
    }
    if (needed > limit) {
        err_raise(HF_ENOSPC, "the scratch folder may hold %s, and the faults need %s",
                  text_size(limit, x), text_size(needed, y));
        return err_hint("name another folder with --scratch, or allow more with --max-space");
    }
    return 0;
}

int drill_fault_remember(struct fault_bench *b, const char *path)
{
    return fs_posix_open(path, &b->memory);
}

/* All as it was before: the medium, the copy, and nobody who remembers anything. */
static int make_good(struct fault_bench *b)
{
    fs_failing_rules_init(&b->rules);
    fs_close_fs(b->memory);
    b->memory = NULL;
    b->object[0] = '\0';
    return fs_overlay_undo(b->copy);
}

/* --- one fault --- */

struct outcome {
    struct buf expected, observed;
    bool passed;
};

static void put_outcome(struct buf *b, int code)
{
    if (code == 0) {
        buf_printf(b, "works");
    } else {
        buf_printf(b, "exit %d (%s)", err_exit_status(code), err_code_name(code));
    }
}

/* Where pages that lead to it are lost as well, nobody can know its name. */
static bool must_name_victim(const struct fault_bench *b, const struct drill_fault_row *row)
{
    return (row->names & FAULT_NAMES_VICTIM) != 0 && b->victim.path != NULL && !b->victim.twice &&
           ((row->names & FAULT_NAMES_CERTAIN) != 0 || !b->victim.with_pages);
}

/* Where another segment holds the same, nothing is lost: that is what must be seen then. */
static int expected_of(const struct fault_bench *b, const struct drill_fault_row *row,
                       enum fault_look look)
{
    return (row->names & FAULT_NAMES_VICTIM) != 0 && b->victim.twice && look == FAULT_RESTORE
               ? 0
               : row->expected;
}

/* What must come of it, and in what way, for the report. */
static void put_expected(const struct fault_bench *b, const struct drill_fault_row *row,
                         struct buf *out)
{
    const char *between = "";

    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        if (row->looks & looks[i].look) {
            buf_printf(out, "%s%s", between, looks[i].name);
            between = ", ";
        }
    }
    buf_printf(out, ": ");
    put_outcome(out, row->expected);
    if ((row->names & FAULT_NAMES_OBJECT) != 0) {
        buf_printf(out, ", naming what is damaged");
    }
    if (must_name_victim(b, row)) {
        buf_printf(out, " and the file that is lost");
    }
    if (expected_of(b, row, FAULT_RESTORE) != row->expected) {
        buf_printf(out, "; but a restore works, since another segment holds the same");
    }
    if (row->passes) {
        buf_printf(out, "; whole again when the disk is");
    }
}

/* Of these none is the copy's fault: a disk that is full is the scratch folder's own. */
static bool ends_drill(int code)
{
    return code == HF_EINTERRUPTED || code == HF_ETERMINATED || code == HF_ENOMEM ||
           code == HF_ENOSPC;
}

/* A check names everything; where there is none, whoever else looks must name it. */
static void judge_names(struct fault_bench *b, const struct drill_fault_row *row,
                        enum fault_look how, struct outcome *o)
{
    bool tells = how == FAULT_CHECK || (row->looks & FAULT_CHECK) == 0;

    if (expected_of(b, row, how) == 0) {
        return;
    }
    if ((row->names & FAULT_NAMES_OBJECT) != 0 && tells && !b->object_named) {
        buf_printf(&o->observed, ", without naming %s", b->object);
        o->passed = false;
    }
    if (must_name_victim(b, row) && (how == FAULT_CHECK || how == FAULT_RESTORE) &&
        !b->victim_named) {
        buf_printf(&o->observed, ", without naming the file that is lost");
        o->passed = false;
    }
}

/* One look: its outcome in `observed`. An error only if the drill can't go on. */
static int look(struct fault_bench *b, enum fault_look how, const char *name, int expected,
                struct outcome *o)
{
    int code;

    b->object_named = b->victim_named = false;
    code = drill_fault_look(b, how);
    if (ends_drill(code) && code != expected) {
        return code;
    }
    err_clear();
    buf_printf(&o->observed, "%s%s: ", o->observed.len > 0 ? ", " : "", name);
    put_outcome(&o->observed, code);
    if (code != expected) {
        o->passed = false;
    }
    return drill_cancelled(b->d);
}

static int look_in_turn(struct fault_bench *b, const struct drill_fault_row *row, struct outcome *o)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof looks / sizeof looks[0]; i++) {
        enum fault_look how = looks[i].look;

        if (row->looks & how) {
            rc = look(b, how, looks[i].name, expected_of(b, row, how), o);
            judge_names(b, row, how, o);
        }
    }
    return rc;
}

/* The medium is in order again: what was there before must be, too. */
static int look_again(struct fault_bench *b, struct outcome *o)
{
    int rc;

    fs_failing_rules_init(&b->rules);
    rc = look(b, FAULT_CHECK, "check afterwards", 0, o);
    return rc == 0 ? look(b, FAULT_RESTORE, "restore afterwards", 0, o) : rc;
}

static int try_fault(struct fault_bench *b, const struct drill_fault_row *row, struct outcome *o)
{
    int rc = row->apply(b);

    if (rc != 0) {
        return err_add(rc, "could not bring about the fault %s", row->name);
    }
    buf_clear(&b->said);
    rc = look_in_turn(b, row, o);
    if (b->said.len > 0) {
        buf_printf(&o->observed, ": %s", buf_text(&b->said));
    }
    return rc == 0 && row->passes ? look_again(b, o) : rc;
}

/* What another client did to the original meanwhile is nobody's failure. */
static int explain_failure(struct fault_bench *b)
{
    int rc = fs_overlay_compare(b->copy);

    if (rc == HF_ECHANGED) {
        err_add(rc, "could not finish the drill");
        return err_hint("run it again while no prune is running");
    }
    return rc;
}

static int run_fault(struct fault_bench *b, const struct drill_fault_row *row, bool *out_passed)
{
    struct outcome o = { .passed = true };
    int rc;

    buf_init(&o.expected);
    buf_init(&o.observed);
    drill_phase(b->d, row->done);
    put_expected(b, row, &o.expected);
    rc = try_fault(b, row, &o);
    if (rc == 0 && !o.passed) {
        rc = explain_failure(b);
    }
    if (rc == 0) {
        rc = buf_error(&o.expected) != 0 ? buf_error(&o.expected) : buf_error(&o.observed);
    }
    if (rc == 0) {
        rc = drill_fault(b->d, row->name, buf_text(&o.expected), buf_text(&o.observed), o.passed);
    }
    buf_release(&o.expected);
    buf_release(&o.observed);
    *out_passed = o.passed;
    return rc != 0 ? rc : make_good(b);
}

/* What can't even be found in the repository is damaged there: that is what the drill says then. */
static int choose(struct fault_bench *b, const struct catalog_snapshot *snapshot)
{
    static const char what[] = "the snapshot";
    int rc = drill_fault_choose(b, snapshot);

    if (rc == HF_EDAMAGE) {
        rc = drill_mismatch(b->d, what, sizeof what - 1, err_last()->text);
        return rc != 0 ? rc : HF_EDRILL;
    }
    return rc == 0 ? check_space(b) : rc;
}

/* Where nothing was done to the copy and it isn't whole, no fault would say anything. */
static int run_faults(struct fault_bench *b, const struct catalog_snapshot *snapshot)
{
    bool passed = true;
    int rc = run_fault(b, &drill_fault_table[0], &passed);

    if (rc == 0 && passed) {
        rc = choose(b, snapshot);
    }
    if (!passed || rc == HF_EDRILL) {
        drill_note(b->d, NULL, 0, "the repository is damaged: no fault was tried on its copy");
        return rc == HF_EDRILL ? 0 : rc;
    }
    for (size_t i = 1; rc == 0 && i < drill_fault_rows; i++) {
        rc = run_fault(b, &drill_fault_table[i], &passed);
    }
    return rc;
}

static void release(struct fault_bench *b)
{
    drill_fault_victim_release(b);
    buf_release(&b->said);
    fs_close_fs(b->memory);
    fs_close_fs(b->medium);
    fs_close_fs(b->copy);
    fs_close_fs(b->above);
}

int drill_fault_run(struct drill *d)
{
    struct fault_bench b = { .d = d };
    const struct catalog_snapshot *snapshot = NULL;
    int rc = drill_open(d, d->o->env, d->o->unlock, &d->repo);

    buf_init(&b.said);
    d->result->rto.open_ns = DRILL_UNKNOWN_NS; /* opening alone is no recovery */
    if (rc == 0) {
        rc = drill_point(d, d->repo, &snapshot);
    }
    if (rc == 0) {
        rc = drill_rpo(d, d->repo, snapshot);
    }
    if (rc == 0) {
        drill_phase(d, "copying the repository");
        rc = make_copy(&b);
    }
    if (rc == 0) {
        rc = run_faults(&b, snapshot);
    }
    release(&b);
    return rc;
}
