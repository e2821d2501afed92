/*
 * schedule_unit.h - the units, and the crontab line, that run a job at its times.
 *
 * A service is hardened as far as its job allows: with hooks it may have to do anything, so only
 * what no hook should need is taken away; without them it may write to the repository and to the
 * folders of this client, and to nothing else.
 */
#ifndef HF_APP_SCHEDULE_UNIT_H
#define HF_APP_SCHEDULE_UNIT_H

#include "app/config.h"
#include "base/buf.h"

struct schedule_facts {
    const struct config *config;
    const struct config_job *job;
    const char *program;     /* absolute */
    const char *config_path; /* absolute */
    const char *home;        /* or NULL */
    const char *cache, *state;
    const char *calendar;
};

void schedule_unit_service(struct buf *b, const struct schedule_facts *f);
void schedule_unit_timer(struct buf *b, const struct schedule_facts *f);
/* With the column of the user, if `user` is not NULL, that files of /etc/cron.d have. */
int schedule_unit_cron(struct buf *b, const struct schedule_facts *f, const char *user);

#endif
