/*
 * hook.c - see hook.h.
 */
#include "app/hook.h"

#include "app/child.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

#define HOOK_VARIABLES 6

struct variables {
    struct buf text[HOOK_VARIABLES];
    const char *list[HOOK_VARIABLES + 1];
};

static void release(struct variables *v)
{
    for (int i = 0; i < HOOK_VARIABLES; i++) {
        buf_release(&v->text[i]);
    }
}

static int fill(struct variables *v, const struct app *app, const char *name,
                const struct hook_facts *facts)
{
    char id[33] = "";
    int rc = 0;

    for (int i = 0; i < HOOK_VARIABLES; i++) {
        buf_init(&v->text[i]);
    }
    if (facts->snapshot_id != NULL) {
        text_hex(facts->snapshot_id, 16, id);
    }
    buf_printf(&v->text[0], "HOLDFAST_HOOK=%s", name);
    buf_printf(&v->text[1], "HOLDFAST_JOB=%s", facts->job);
    buf_printf(&v->text[2], "HOLDFAST_SNAPSHOT_ID=%s", id);
    buf_printf(&v->text[3], "HOLDFAST_EXIT=%d",
               facts->code == 0 ? 0 : err_exit_status(facts->code));
    buf_printf(&v->text[4], "HOLDFAST_ERROR=%s", facts->error == NULL ? "" : facts->error);
    buf_printf(&v->text[5], "HOLDFAST_RUN_ID=%s", app->run_id);
    for (int i = 0; i < HOOK_VARIABLES; i++) {
        v->list[i] = buf_text(&v->text[i]);
        if (rc == 0) {
            rc = buf_error(&v->text[i]);
        }
    }
    v->list[HOOK_VARIABLES] = NULL;
    return rc;
}

int hook_run(struct app *app, const char *name, const char *command, const struct hook_facts *facts)
{
    struct variables v;
    struct buf what;
    int rc;

    if (command == NULL) {
        return 0;
    }
    buf_init(&what);
    buf_printf(&what, "the --%s hook", name);
    rc = fill(&v, app, name, facts);
    if (rc == 0) {
        rc = buf_error(&what);
    }
    if (rc == 0) {
        const struct child_options o = {
            .what = buf_text(&what),
            .environment = v.list,
            .no_input = true,
            .no_secrets = true,
            .limit_ns = app->hook_limit_ns,
            .umask = app->umask_before,
        };

        /* Not what it is: passwords stand in commands. */
        log_write(LOG_LEVEL_INFO, "running %s", o.what);
        rc = child_shell(&o, command, NULL, 0);
    }
    release(&v);
    buf_release(&what);
    return rc;
}
