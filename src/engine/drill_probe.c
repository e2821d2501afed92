/*
 * drill_probe.c - a drill that lets a command of the user's say whether what was restored will do.
 *
 * The command runs in the restored tree, in an environment that has nothing of ours in it: what it
 * needs must be in the backup, or on the machine that would be restored to.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/drill_internal.h"
#include "io/process.h"

#define PROBE_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define VARIABLES 8

struct environment {
    struct buf text[VARIABLES];
    const char *list[VARIABLES + 1];
    size_t count;
};

static void set(struct environment *e, const char *name, const char *value)
{
    struct buf *b = &e->text[e->count];

    buf_init(b);
    buf_printf(b, "%s=%s", name, value);
    e->list[e->count++] = buf_text(b);
}

static int make_environment(const struct drill *d, const char *home, const char *tree,
                            struct environment *e)
{
    char id[33];
    int rc = 0;

    memset(e, 0, sizeof *e);
    set(e, "HOME", home);
    set(e, "TMPDIR", home);
    set(e, "HOLDFAST_DRILL_TREE", tree);
    set(e, "HOLDFAST_DRILL_KIND", d->kind->name);
    set(e, "HOLDFAST_DRILL_JOB", d->result->job);
    set(e, "HOLDFAST_DRILL_SNAPSHOT", text_hex(d->result->snapshot, 16, id));
    for (size_t i = 0; rc == 0 && i < e->count; i++) {
        rc = buf_error(&e->text[i]);
    }
    e->list[e->count] = PROBE_PATH;
    e->list[e->count + 1] = "LANG=C";
    e->list[e->count + 2] = NULL;
    return rc;
}

static void release_environment(struct environment *e)
{
    for (size_t i = 0; i < e->count; i++) {
        buf_release(&e->text[i]);
    }
}

/* What it said is kept, whether it passed or not. */
static int judge(struct drill *d, struct process_result *r)
{
    char limit[TEXT_SIZE_BYTES];
    struct buf why;
    int rc = 0;

    d->result->rto.probe_ns = r->duration_ns;
    d->result->probe_status = process_status(r);
    buf_init(&why);
    if (r->left_over > 0) {
        buf_printf(&why, "it left %zu processes behind, which were killed", r->left_over);
        drill_note(d, "the probe", strlen("the probe"), buf_text(&why));
        buf_clear(&why);
    }
    if (r->timed_out) {
        buf_printf(&why, "it was not done within %s, and was killed",
                   text_duration(d->o->probe_limit_ns, limit));
    } else if (r->exit_status < 0) {
        buf_printf(&why, "it was killed by signal %d", r->signal);
    } else if (r->exit_status != 0) {
        buf_printf(&why, "it ended with exit status %d", r->exit_status);
    }
    if (why.len > 0) {
        rc = drill_mismatch(d, "the probe", strlen("the probe"), buf_text(&why));
    }
    if (rc == 0) {
        buf_put_u8(&r->output, 0);
        d->result->probe_output = (char *)buf_take(&r->output, &d->result->probe_output_len);
        rc = d->result->probe_output != NULL ? 0 : HF_ENOMEM;
    }
    if (rc == 0) {
        d->result->probe_output_len--;
    }
    buf_release(&why);
    return rc;
}

static int run_probe(struct drill *d, const char *tree)
{
    struct process_result r = { .exit_status = -1 };
    struct environment e = { .count = 0 };
    const struct process_request q = { .command = d->o->probe,
                                       .environment = e.list,
                                       .folder = tree,
                                       .timeout_ns = d->o->probe_limit_ns,
                                       .keep = DRILL_OUTPUT_BYTES,
                                       .stop = d->o->cancel };
    char *home = NULL;
    int rc = drill_scratch_make(d->scratch, "home", &home);

    if (rc == 0) {
        rc = make_environment(d, home, tree, &e);
    }
    if (rc == 0) {
        drill_phase(d, "running the probe");
        rc = process_run(&q, &r);
    }
    if (rc == 0) {
        rc = judge(d, &r);
    }
    process_release(&r);
    release_environment(&e);
    mem_free(home);
    return rc == 0 ? 0 : err_add(rc, "could not run the probe");
}

int drill_probe_run(struct drill *d)
{
    const struct catalog_snapshot *snapshot;
    struct buf tree;
    int rc = drill_begin_point(d, &snapshot);

    if (rc == 0) {
        rc = drill_restore(d, d->repo, snapshot, d->fraction, "tree");
    }
    if (rc != 0) {
        return rc;
    }
    buf_init(&tree);
    buf_printf(&tree, "%s/tree", drill_scratch_path(d->scratch));
    rc = buf_error(&tree);
    if (rc == 0) {
        rc = run_probe(d, buf_text(&tree));
    }
    buf_release(&tree);
    return rc;
}
