/*
 * hook.h - commands that the user wants run around a backup.
 *
 * A hook is run by /bin/sh with standard output turned to standard error, and without input. It
 * finds in its environment HOLDFAST_HOOK (before, after or on-failure), HOLDFAST_JOB,
 * HOLDFAST_SNAPSHOT_ID (empty if there is none), HOLDFAST_EXIT, HOLDFAST_ERROR (what went wrong, or
 * empty) and HOLDFAST_RUN_ID, which is in the log as well; but no password of ours. When the time
 * that a hook has is up (hook_limit_ns of the app), it is ended with all that came of it.
 */
#ifndef HF_APP_HOOK_H
#define HF_APP_HOOK_H

#include "app/app.h"

struct hook_facts {
    const char *job;
    const uint8_t *snapshot_id; /* [16] or NULL */
    int code;                   /* of the outcome so far */
    const char *error;
};

/* 0, or HF_EFAIL with what became of it. command NULL: nothing is run. */
int hook_run(struct app *app, const char *name, const char *command,
             const struct hook_facts *facts);

#endif
