/*
 * config.h - the configuration file: the jobs, and where each of their settings comes from.
 *
 * [defaults] holds what is the same for every job, [job NAME] what one is made of. A setting is
 * taken from the first of these that has it: HOLDFAST_KEY in the environment, the job, [defaults],
 * the program. A list replaces a list of less weight, and is not added to it. What this loads is
 * checked: every value fits its key, and no key stands twice in a section unless it is a list.
 */
#ifndef HF_APP_CONFIG_H
#define HF_APP_CONFIG_H

#include "app/app.h"
#include "app/config_key.h"
#include "engine/config_ini.h"

enum config_origin { /* the higher one counts */
                     CONFIG_FROM_NOWHERE,
                     CONFIG_FROM_PROGRAM,
                     CONFIG_FROM_DEFAULTS,
                     CONFIG_FROM_JOB,
                     CONFIG_FROM_ENVIRONMENT,
};

struct config_setting {
    enum config_origin origin;
    struct config_ini_place place; /* where the file has it */
    struct option_list values;     /* one, unless it is a list */
};

struct config_job {
    char *name; /* letters, digits, and - _ . within */
    struct config_ini_place place;
    struct config_setting own[CONFIG_KEYS];
};

struct config {
    char *path;
    struct config_ini_files files;
    struct config_setting program[CONFIG_KEYS];
    struct config_setting defaults[CONFIG_KEYS];
    struct config_setting environment[CONFIG_KEYS];
    struct config_ini_place defaults_place; /* file NULL: there are none */
    struct config_job **jobs;
    size_t job_count, job_capacity;
    /* While it is loaded: the settings of the section that lines belong to; NULL outside. */
    struct config_setting *section;
    enum config_origin section_origin;
    struct config_setting *outer[16];
    enum config_origin outer_origin[16];
    unsigned depth;
};

/* The path of --config, HOLDFAST_CONFIG, or /etc/holdfast.conf. */
const char *config_path(const struct app *app);

/* Loads and checks it. HF_EUSAGE, HF_EACCESS or HF_EABSENT, naming file and line; release it. */
int config_load(const char *path, struct config *c);
void config_release(struct config *c);

/* HF_EUSAGE with the nearest name. */
int config_find(const struct config *c, const char *name, const struct config_job **out_job);

/* What counts for a job; job NULL: for one that says nothing. */
const struct config_setting *config_get(const struct config *c, const struct config_job *job,
                                        enum config_key_id id);
/* Its value, or NULL. */
const char *config_text(const struct config *c, const struct config_job *job,
                        enum config_key_id id);
bool config_flag(const struct config *c, const struct config_job *job, enum config_key_id id);
/* In nanoseconds; 0 if there is none. */
int64_t config_duration(const struct config *c, const struct config_job *job,
                        enum config_key_id id);

/*
 * Which of key_file, password_file and password_command counts: that of the greatest weight.
 * CONFIG_KEYS if there is none.
 */
enum config_key_id config_unlock(const struct config *c, const struct config_job *job);

#endif
