/*
 * runbook_run.c - see runbook_run.h.
 */
#include "engine/runbook_run.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/drill_internal.h"
#include "engine/proof.h"
#include "engine/runbook_blocks.h"
#include "io/process.h"

#define SAID_BYTES 400u /* of a failed step's last words, in the mismatch */
#define ENVIRONMENT_MOST 32u
#define WALK_DESCRIPTORS 16

struct rehearsal {
    struct drill_kind kind; /* first: the drill finds the rest by it */
    const struct runbook_run_options *o;
    const struct runbook_blocks *blocks;
    struct runbook_run_result *steps;
};

static int rehearse(struct drill *d);

static const struct drill_kind kind = {
    .name = "runbook",
    .evidence = EVIDENCE_RUNBOOK,
    .help = "follows a runbook, command by command, in an empty environment",
    .fraction = 1,
    .run = rehearse,
};

const struct drill_kind *runbook_run_kind(void)
{
    return &kind;
}

/* --- the environment --- */

struct stage {
    char *home, *target;
    struct buf lines[3];
    const char *environment[ENVIRONMENT_MOST + 1];
};

static int set_stage(struct drill *d, const struct runbook_run_options *o, struct stage *s)
{
    size_t count = 0;
    int rc;

    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < 3; i++) {
        buf_init(&s->lines[i]);
    }
    rc = drill_scratch_make(d->scratch, "home", &s->home);
    if (rc == 0) {
        rc = drill_scratch_make(d->scratch, "restored", &s->target);
    }
    if (rc != 0) {
        return rc;
    }
    buf_printf(&s->lines[0], "PATH=%s", o->path);
    buf_printf(&s->lines[1], "HOME=%s", s->home);
    buf_printf(&s->lines[2], "RESTORE_TARGET=%s", s->target);
    for (size_t i = 0; rc == 0 && i < 3; i++) {
        s->environment[count++] = buf_text(&s->lines[i]);
        rc = buf_error(&s->lines[i]);
    }
    s->environment[count++] = "TERM=dumb";
    for (const char *const *v = o->variables; v != NULL && *v != NULL; v++) {
        if (count == ENVIRONMENT_MOST) {
            return err_raise(HF_ELIMIT, "there are too many variables");
        }
        s->environment[count++] = *v;
    }
    return rc;
}

static void strike_stage(struct stage *s)
{
    for (size_t i = 0; i < 3; i++) {
        buf_release(&s->lines[i]);
    }
    mem_free(s->home);
    mem_free(s->target);
}

/* --- a step --- */

static int execute(struct drill *d, const struct rehearsal *r, const struct stage *s,
                   const char *script, struct process_result *out)
{
    const struct process_request q = { .command = script,
                                       .environment = s->environment,
                                       .folder = s->home,
                                       .timeout_ns = r->o->limit_ns,
                                       .keep = DRILL_OUTPUT_BYTES,
                                       .stop = d->o->cancel };

    return process_run(&q, out);
}

/* The end of what it said, in one line. */
static void put_last_words(struct buf *out, const char *said)
{
    size_t len = strlen(said);

    said += len > SAID_BYTES ? len - SAID_BYTES : 0;
    for (const char *p = said; *p != '\0'; p++) {
        buf_put_u8(out, *p == '\n' ? ' ' : (uint8_t)*p);
    }
}

static int judge(struct drill *d, const struct runbook_run_step *step, bool timed_out)
{
    struct buf why;
    int rc = 0;

    if (step->status == step->expected && !timed_out) {
        return 0;
    }
    buf_init(&why);
    if (timed_out) {
        buf_printf(&why, "it did not end in its time: ");
    } else {
        buf_printf(&why, "it ended with %d, not with %d: ", step->status, step->expected);
    }
    put_last_words(&why, step->output != NULL ? step->output : "");
    rc = buf_error(&why);
    if (rc == 0) {
        rc = drill_mismatch(d, step->name, strlen(step->name), buf_text(&why));
    }
    buf_release(&why);
    return rc;
}

static int try_step(struct drill *d, struct rehearsal *r, const struct stage *s, size_t i)
{
    const struct runbook_block *settings = runbook_blocks_find(r->blocks, RUNBOOK_SETTINGS);
    const struct runbook_block *block = &r->blocks->list[i];
    struct runbook_run_step *step = &r->steps->steps[i];
    struct process_result result = { .exit_status = -1 };
    struct buf script;
    int rc;

    buf_init(&script);
    buf_printf(&script, "set -eu; ");
    if (settings != NULL && settings != block) {
        buf_printf(&script, "%s\n", settings->commands);
    }
    buf_printf(&script, "%s", block->commands);
    rc = buf_error(&script);
    drill_phase(d, block->title);
    if (rc == 0) {
        rc = execute(d, r, s, buf_text(&script), &result);
    }
    if (rc == 0) {
        step->status = process_status(&result);
        step->took_ns = result.duration_ns;
        step->output = mem_strdup(buf_text(&result.output));
        rc = step->output != NULL ? judge(d, step, result.timed_out) : err_nomem();
    }
    process_release(&result);
    buf_release(&script);
    return rc;
}

/* --- what came back --- */

/* nftw gives its callback no context; one runbook is followed at a time in a process. */
static struct {
    uint64_t files, bytes;
} found;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)path;
    (void)where;
    if (type == FTW_F && S_ISREG(st->st_mode)) {
        found.files++;
        found.bytes += (uint64_t)st->st_size;
    }
    return 0;
}

static int count_restored(struct drill *d, const char *target)
{
    static const char what[] = "RESTORE_TARGET";

    found.files = found.bytes = 0;
    if (nftw(target, count_one, WALK_DESCRIPTORS, FTW_PHYS) != 0) {
        return err_raise(HF_EIO, "could not look at what was restored");
    }
    d->result->files = found.files;
    d->result->bytes = found.bytes;
    return found.files > 0 || d->result->mismatch_total > 0
               ? 0
               : drill_mismatch(d, what, sizeof what - 1, "nothing was restored to it");
}

static void note_phase(const struct runbook_run_step *step, const char *name, int64_t *out)
{
    if (strcmp(step->name, name) == 0) {
        *out = step->took_ns;
    }
}

static int rehearse(struct drill *d)
{
    struct rehearsal *r = (struct rehearsal *)(uintptr_t)d->kind;
    struct drill_result *result = d->result;
    struct stage s;
    int64_t total = 0;
    int rc = set_stage(d, r->o, &s);

    for (size_t i = 0; rc == 0 && i < r->blocks->count && result->mismatch_total == 0; i++) {
        const struct runbook_run_step *step = &r->steps->steps[i];

        rc = try_step(d, r, &s, i);
        total += step->took_ns;
        note_phase(step, "open", &result->rto.open_ns);
        note_phase(step, "restore", &result->rto.restore_ns);
        note_phase(step, "verify", &result->rto.verify_ns);
    }
    result->rto.total_ns = total;
    if (rc == 0) {
        rc = count_restored(d, s.target);
    }
    strike_stage(&s);
    return rc;
}

/* --- evidence --- */

static int fill_times(struct evidence *e, const struct drill_result *result,
                      const struct runbook_run_result *steps)
{
    const struct {
        const char *name;
        int64_t ns;
    } times[] = {
        { EVIDENCE_RTO_OPEN, result->rto.open_ns },
        { EVIDENCE_RTO_RESTORE, result->rto.restore_ns },
        { EVIDENCE_RTO_VERIFY, result->rto.verify_ns },
        { EVIDENCE_RTO_TOTAL, result->rto.total_ns },
    };
    char name[64];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof times / sizeof times[0]; i++) {
        if (times[i].ns != DRILL_UNKNOWN_NS) {
            rc = evidence_add_number(e, times[i].name, times[i].ns);
        }
    }
    for (size_t i = 0; rc == 0 && i < steps->count; i++) {
        snprintf(name, sizeof name, "step_%.40s_ns", steps->steps[i].name);
        for (char *c = name; *c != '\0'; c++) {
            *c = *c == '-' ? '_' : *c;
        }
        if (steps->steps[i].status >= 0) {
            rc = evidence_add_number(e, name, steps->steps[i].took_ns);
        }
    }
    return rc;
}

static int fill(struct evidence *e, const struct drill_options *o,
                const struct drill_result *result, const struct runbook_run_result *steps)
{
    int rc = evidence_set_origin(e, o->host, o->user, o->tool);

    e->kind = EVIDENCE_RUNBOOK;
    e->passed = result->passed;
    e->begin_ns = result->begin_ns;
    e->end_ns = result->end_ns;
    memcpy(e->policy_hash, o->policy_hash, sizeof e->policy_hash);
    if (rc == 0) {
        rc = fill_times(e, result, steps);
    }
    if (rc == 0) {
        rc = evidence_add_number(e, EVIDENCE_FILES, (int64_t)result->files);
    }
    if (rc == 0) {
        rc = evidence_add_number(e, EVIDENCE_BYTES, (int64_t)result->bytes);
    }
    for (size_t i = 0; rc == 0 && i < result->mismatch_count; i++) {
        rc = evidence_add_mismatch(e, result->mismatches[i].object, result->mismatches[i].why);
    }
    return rc;
}

static int publish(const struct drill_options *o, struct drill_result *result,
                   const struct runbook_run_result *steps)
{
    struct repo *repo = NULL;
    struct evidence e;
    int rc = repo_open(o->env, o->unlock, REPO_TOLERANT, &repo);

    evidence_init(&e);
    if (rc == 0) {
        rc = fill(&e, o, result, steps);
    }
    if (rc == 0) {
        rc = proof_publish(repo, &e, result->evidence, &result->evidence_number);
    }
    result->published = rc == 0;
    evidence_release(&e);
    repo_close(repo);
    return rc == 0 ? 0 : err_add(rc, "could not publish the evidence");
}

/* --- the whole --- */

/* Evidence says that this repository can be restored by it: so it must be this one. */
static int check_repository(const struct runbook_run_options *o)
{
    uint8_t id[16];
    char hex[33];
    int rc = repo_probe(o->drill->env->fs, id);

    if (rc == 0 && memmem(o->text, o->len, text_hex(id, sizeof id, hex), 32) == NULL) {
        err_raise(HF_EUSAGE, "it is not the runbook of the repository %s, which it does not name",
                  hex);
        rc = err_hint("write one with \"holdfast runbook\", or name the other repository");
    }
    return rc;
}

static int prepare_steps(const struct runbook_blocks *blocks, struct runbook_run_result *out)
{
    out->steps = mem_array(blocks->count, sizeof *out->steps);
    if (out->steps == NULL) {
        return err_nomem();
    }
    for (size_t i = 0; i < blocks->count; i++) {
        struct runbook_run_step *step = &out->steps[out->count++];

        step->name = mem_strdup(blocks->list[i].name);
        step->title = mem_strdup(blocks->list[i].title);
        step->expected = blocks->list[i].expected;
        step->status = -1;
        if (step->name == NULL || step->title == NULL) {
            return err_nomem();
        }
    }
    return 0;
}

/* The drill itself publishes nothing: the times of the steps belong to the evidence. */
static int drill_blocks(const struct runbook_run_options *o, const struct runbook_blocks *blocks,
                        const struct drill_events *events, struct drill_result *out_result,
                        struct runbook_run_result *out_steps)
{
    struct rehearsal r = { .kind = kind, .o = o, .blocks = blocks, .steps = out_steps };
    struct drill_options options = *o->drill;
    struct err_trail verdict;
    int rc, published = 0;

    options.no_evidence = true;
    rc = drill_run(&r.kind, &options, events, out_result);
    if (!out_result->finished || o->drill->no_evidence) {
        return rc;
    }
    err_take(&verdict);
    published = publish(o->drill, out_result, out_steps);
    if (published != 0 && rc == 0) {
        return published;
    }
    if (published != 0) {
        err_take(&out_result->unpublished);
    }
    err_give(&verdict);
    return rc;
}

int runbook_run(const struct runbook_run_options *options, const struct drill_events *events,
                struct drill_result *out_result, struct runbook_run_result *out_steps)
{
    struct runbook_blocks blocks;
    int rc = runbook_blocks_parse(options->text, options->len, &blocks);

    memset(out_result, 0, sizeof *out_result);
    memset(out_steps, 0, sizeof *out_steps);
    if (rc == 0) {
        rc = check_repository(options);
    }
    if (rc == 0) {
        rc = prepare_steps(&blocks, out_steps);
    }
    if (rc == 0) {
        rc = drill_blocks(options, &blocks, events, out_result, out_steps);
    }
    runbook_blocks_release(&blocks);
    return rc;
}

void runbook_run_release(struct runbook_run_result *r)
{
    for (size_t i = 0; i < r->count; i++) {
        mem_free(r->steps[i].name);
        mem_free(r->steps[i].title);
        mem_free(r->steps[i].output);
    }
    mem_free(r->steps);
    memset(r, 0, sizeof *r);
}
