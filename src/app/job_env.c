/*
 * job_env.c - see job_env.h.
 */
#include "app/job_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static const char *const variables[JOB_ENV_VARIABLES] = { "HOLDFAST_STATE_DIR",
                                                          "HOLDFAST_PASSWORD_FILE",
                                                          "HOLDFAST_PASSWORD_COMMAND" };

static int set(const char *variable, const char *value)
{
    int rc = value != NULL ? setenv(variable, value, 1) : unsetenv(variable);

    return rc != 0 ? err_os(errno, "could not set the environment") : 0;
}

static int apply_unlock(struct app_options *o, const struct config *c, const struct config_job *job)
{
    const char *password = getenv("HOLDFAST_PASSWORD");
    enum config_key_id id = config_unlock(c, job);
    const char *value = id == CONFIG_KEYS ? NULL : config_text(c, job, id);
    int rc = 0;

    if (value == NULL || o->key_file != NULL || o->password_file != NULL || o->password_fd.given ||
        (password != NULL && password[0] != '\0')) {
        return 0;
    }
    if (id == CONFIG_key_file) {
        o->key_file = value;
    } else if (id == CONFIG_password_file) {
        o->password_file = value;
    } else {
        rc = set("HOLDFAST_PASSWORD_FILE", NULL);
        rc = rc == 0 ? set("HOLDFAST_PASSWORD_COMMAND", value) : rc;
    }
    return rc;
}

static int apply_places(struct app_options *o, const struct config *c, const struct config_job *job)
{
    const char *state = config_text(c, job, CONFIG_state_dir);

    if (o->repo == NULL) {
        o->repo = config_text(c, job, CONFIG_repository);
    }
    if (o->cache_dir == NULL) {
        o->cache_dir = config_text(c, job, CONFIG_cache_dir);
    }
    return state != NULL ? set("HOLDFAST_STATE_DIR", state) : 0;
}

int job_env_enter(struct app *app, const struct config *c, const struct config_job *job,
                  struct job_env *before)
{
    int rc = 0;

    *before = (struct job_env){ .entered = true, .options = app->options };
    for (size_t i = 0; rc == 0 && i < JOB_ENV_VARIABLES; i++) {
        const char *value = getenv(variables[i]);

        before->variables[i] = value != NULL ? mem_strdup(value) : NULL;
        rc = value != NULL && before->variables[i] == NULL ? err_nomem() : 0;
    }
    if (rc == 0) {
        rc = apply_places(&app->options, c, job);
    }
    return rc == 0 ? apply_unlock(&app->options, c, job) : rc;
}

void job_env_leave(struct app *app, struct job_env *before)
{
    if (!before->entered) {
        return;
    }
    app->options = before->options;
    before->entered = false;
    for (size_t i = 0; i < JOB_ENV_VARIABLES; i++) {
        if (set(variables[i], before->variables[i]) != 0) {
            err_clear(); /* it held this before, so there is room for it */
        }
        mem_free(before->variables[i]);
        before->variables[i] = NULL;
    }
}
