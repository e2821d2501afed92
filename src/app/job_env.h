/*
 * job_env.h - the options and the environment that a job's settings come to.
 *
 * What the command line says counts most, then the environment, then the file. Commands that are
 * called within find repository, key and folders where the job has them.
 */
#ifndef HF_APP_JOB_ENV_H
#define HF_APP_JOB_ENV_H

#include "app/config.h"

#define JOB_ENV_VARIABLES 3

struct job_env { /* as it was before; all zeros: it was not entered, and is left as it is */
    bool entered;
    struct app_options options;
    char *variables[JOB_ENV_VARIABLES]; /* NULL: not set */
};

/* What it borrows from the configuration must outlive it. Leave it in either case. */
int job_env_enter(struct app *app, const struct config *c, const struct config_job *job,
                  struct job_env *before);
void job_env_leave(struct app *app, struct job_env *before);

#endif
