/*
 * run_step.c - see run_step.h.
 */
#include "app/run_step.h"

#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/signals.h"
#include "base/text.h"

#define HOST_BYTES 256
#define WAIT_MOST_NS (3600 * NS_PER_S)
#define WAIT_SLICE_NS (NS_PER_S / 10) /* a signal is heard within that */

/* An option with a value: which key it is made of, and what it is called. */
struct from_key {
    enum config_key_id key;
    const char *option;
};

static const struct from_key of_backup[] = {
    { CONFIG_exclude, "exclude" }, { CONFIG_exclude_file, "exclude-file" },
    { CONFIG_host, "host" },       { CONFIG_tags, "tag" },
    { CONFIG_class, "class" },     { CONFIG_before, "before" },
    { CONFIG_after, "after" },     { CONFIG_KEYS, NULL },
};
static const struct from_key of_forget[] = {
    { CONFIG_keep_last, "keep-last" },
    { CONFIG_keep_hourly, "keep-hourly" },
    { CONFIG_keep_daily, "keep-daily" },
    { CONFIG_keep_weekly, "keep-weekly" },
    { CONFIG_keep_monthly, "keep-monthly" },
    { CONFIG_keep_yearly, "keep-yearly" },
    { CONFIG_keep_within, "keep-within" },
    { CONFIG_keep_tag, "keep-tag" },
    { CONFIG_KEYS, NULL },
};

static const struct {
    const char *name;
    const struct command *command;
} steps[RUN_STEPS] = {
    [RUN_BACKUP] = { "backup", &cmd_backup }, [RUN_FORGET] = { "forget", &cmd_forget },
    [RUN_PRUNE] = { "prune", &cmd_prune },    [RUN_CHECK] = { "check", &cmd_check },
    [RUN_DRILL] = { "drill", &cmd_drill },
};

const char *run_step_name(enum run_step_id id)
{
    return steps[id].name;
}

/* The part of the data that `check` reads; NULL: the structure alone. */
static bool wants_check(const struct config *c, const struct config_job *job, const char **out_part)
{
    const char *value = config_text(c, job, CONFIG_check);

    *out_part = NULL;
    if (value == NULL || config_key_no(value)) {
        return false;
    }
    if (!config_key_yes(value)) {
        *out_part = value;
    }
    return true;
}

bool run_step_wanted(const struct config *c, const struct config_job *job, enum run_step_id id)
{
    const char *part;
    bool any = false;

    switch (id) {
    case RUN_FORGET:
        for (const struct from_key *k = of_forget; k->option != NULL; k++) {
            any = any || config_get(c, job, k->key)->values.count > 0;
        }
        return any;
    case RUN_PRUNE:
        return config_flag(c, job, CONFIG_prune);
    case RUN_CHECK:
        return wants_check(c, job, &part);
    case RUN_DRILL:
        return !config_key_no(config_text(c, job, CONFIG_drill));
    case RUN_BACKUP:
    case RUN_STEPS:
        break;
    }
    return true;
}

/* "--NAME=VALUE", or "--NAME". */
static int add(struct option_list *args, const char *name, const char *value)
{
    struct buf b;
    int rc;

    buf_init(&b);
    buf_printf(&b, "--%s", name);
    if (value != NULL) {
        buf_put(&b, "=", 1);
        buf_put(&b, value, strlen(value));
    }
    rc = buf_error(&b);
    if (rc == 0) {
        rc = option_list_add(args, buf_text(&b), b.len);
    }
    buf_release(&b);
    return rc;
}

static int add_keys(struct option_list *args, const struct config *c, const struct config_job *job,
                    const struct from_key *keys)
{
    int rc = 0;

    for (; rc == 0 && keys->option != NULL; keys++) {
        const struct option_list *values = &config_get(c, job, keys->key)->values;

        for (size_t i = 0; rc == 0 && i < values->count; i++) {
            rc = add(args, keys->option, values->items[i]);
        }
    }
    return rc;
}

static int fill_backup(struct option_list *args, const struct config *c,
                       const struct config_job *job)
{
    const struct option_list *paths = &config_get(c, job, CONFIG_paths)->values;
    int rc = add_keys(args, c, job, of_backup);

    if (rc == 0 && config_flag(c, job, CONFIG_exclude_caches)) {
        rc = add(args, "exclude-caches", NULL);
    }
    if (rc == 0 && config_flag(c, job, CONFIG_one_file_system)) {
        rc = add(args, "one-file-system", NULL);
    }
    if (rc == 0) {
        rc = add(args, "job", job->name);
    }
    for (size_t i = 0; rc == 0 && i < paths->count; i++) {
        rc = option_list_add(args, paths->items[i], strlen(paths->items[i]));
    }
    return rc;
}

/* Only what this job made on this machine: others may have another policy for theirs. */
static int add_ours(struct option_list *args, const struct config *c, const struct config_job *job)
{
    const char *host = config_text(c, job, CONFIG_host);
    char ours[HOST_BYTES] = "";
    int rc = add(args, "job", job->name);

    if (host == NULL && gethostname(ours, sizeof ours - 1) == 0) {
        host = ours;
    }
    return rc == 0 && host != NULL && host[0] != '\0' ? add(args, "host", host) : rc;
}

static int fill_forget(struct option_list *args, const struct config *c,
                       const struct config_job *job)
{
    int rc = add_keys(args, c, job, of_forget);

    return rc == 0 ? add_ours(args, c, job) : rc;
}

/* What it finds becomes evidence: "ready" asks for it. */
static int fill_check(struct option_list *args, const struct config *c,
                      const struct config_job *job)
{
    const char *part;
    int rc = add(args, "record", NULL);

    return rc == 0 && wants_check(c, job, &part) && part != NULL ? add(args, "read-data", part)
                                                                 : rc;
}

/* The priority is the job's own. */
static int fill_drill(struct option_list *args, const struct config *c,
                      const struct config_job *job)
{
    const char *kind = config_text(c, job, CONFIG_drill);
    const char *policy = config_text(c, job, CONFIG_policy);
    int rc = add_ours(args, c, job);

    if (rc == 0) {
        rc = add(args, "nice", "0");
    }
    if (rc == 0 && policy != NULL) {
        rc = add(args, "policy", policy);
    }
    return rc == 0 ? option_list_add(args, kind, strlen(kind)) : rc;
}

static int fill(struct option_list *args, const struct config *c, const struct config_job *job,
                enum run_step_id id)
{
    switch (id) {
    case RUN_BACKUP:
        return fill_backup(args, c, job);
    case RUN_FORGET:
        return fill_forget(args, c, job);
    case RUN_CHECK:
        return fill_check(args, c, job);
    case RUN_DRILL:
        return fill_drill(args, c, job);
    case RUN_PRUNE:
    case RUN_STEPS:
        break;
    }
    return 0;
}

/* Whether the same again may end better. */
static bool may_pass(const struct app *app, enum run_step_id id, int code)
{
    if (*signals_flag() != 0 || (id == RUN_BACKUP && app->made.any)) {
        return false;
    }
    switch (code) {
    case HF_EFAIL:
    case HF_EIO:
    case HF_EACCESS:
    case HF_EABSENT:
    case HF_EFILES:
    case HF_ENOMEM:
    case HF_ECHANGED:
    case HF_ESOURCE:
    case HF_EUNKNOWN:
    case HF_ENO_REPO:
    case HF_EHELD:
    case HF_ENOSPC:
        return true;
    default:
        return false;
    }
}

static void wait_a_while(struct app *app, int64_t ns)
{
    int64_t until = clock_monotonic(app->clock) + ns;

    while (*signals_flag() == 0 && clock_monotonic(app->clock) < until) {
        clock_sleep(app->clock, WAIT_SLICE_NS);
    }
}

/* The delay before the next attempt: twice as long each time. */
static int64_t delay_after(int64_t first, unsigned attempts)
{
    int64_t ns = first;

    while (--attempts > 0 && ns < WAIT_MOST_NS) {
        ns *= 2;
    }
    return first > WAIT_MOST_NS ? first : ns < WAIT_MOST_NS ? ns : WAIT_MOST_NS;
}

static int attempt_all(struct app *app, const struct config *c, const struct config_job *job,
                       enum run_step_id id, const struct option_list *args, struct run_step *out)
{
    const char *retry = config_text(c, job, CONFIG_retry);
    unsigned attempts_most = 1 + (retry == NULL ? 0 : (unsigned)config_key_number(retry));
    int rc;

    for (;;) {
        char shown[TEXT_SIZE_BYTES];
        int64_t delay;

        rc = app_step(app, steps[id].command, args->items, args->count);
        out->attempts++;
        if (rc == 0 || out->attempts >= attempts_most || !may_pass(app, id, rc)) {
            return rc;
        }
        delay = delay_after(config_duration(c, job, CONFIG_retry_delay), out->attempts);
        app_warn(app, "%s: attempt %u of %u failed, the next one in %s: %s", steps[id].name,
                 out->attempts, attempts_most, text_duration(delay, shown), err_last()->text);
        wait_a_while(app, delay);
        rc = signals_check();
        if (rc != 0) {
            return rc;
        }
    }
}

int run_step_do(struct app *app, const struct config *c, const struct config_job *job,
                enum run_step_id id, struct run_step *out)
{
    int64_t begin = clock_monotonic(app->clock);
    struct option_list args = { 0 };
    int rc = fill(&args, c, job, id);

    if (rc == 0) {
        rc = attempt_all(app, c, job, id, &args, out);
    }
    option_list_release(&args);
    out->state = RUN_DONE;
    out->code = rc;
    out->duration_ns = clock_monotonic(app->clock) - begin;
    if (rc != 0) {
        err_take(&out->trail);
    }
    return rc;
}
