/*
 * run_step.h - the steps of a job: what each is called with, and how it is tried again.
 *
 * A step is a command of this program, run within it with the options that the job's settings come
 * to, so that "holdfast run" does exactly what those commands do.
 */
#ifndef HF_APP_RUN_STEP_H
#define HF_APP_RUN_STEP_H

#include "app/config.h"
#include "base/err.h"

enum run_step_id { RUN_BACKUP, RUN_FORGET, RUN_PRUNE, RUN_CHECK, RUN_DRILL, RUN_STEPS };

enum run_step_state { RUN_UNWANTED, RUN_SKIPPED, RUN_DONE };

struct run_step {
    enum run_step_state state;
    int code; /* of the last attempt */
    unsigned attempts;
    int64_t duration_ns; /* of all attempts, with the waits */
    struct err_trail trail;
};

const char *run_step_name(enum run_step_id id);
bool run_step_wanted(const struct config *c, const struct config_job *job, enum run_step_id id);
/* Runs it, again if need be; what came of it is in `out`, and returned. */
int run_step_do(struct app *app, const struct config *c, const struct config_job *job,
                enum run_step_id id, struct run_step *out);

#endif
