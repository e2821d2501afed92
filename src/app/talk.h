/*
 * talk.h - what goes to standard error: notes, warnings, the log, and the failure that ends it all.
 */
#ifndef HF_APP_TALK_H
#define HF_APP_TALK_H

#include "app/app.h"
#include "base/log.h"

/* For log_set_sink; context is the app. */
void talk_log_sink(void *context, enum log_level level, const char *message);
/* Into the log of the job that is run, if there is one, and nowhere else. */
void talk_keep(struct app *app, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Whether what is written there is read by systemd's journal. */
bool talk_to_journal(int fd);
/* "holdfast: could not ...: why", and a hint; or one line of JSON. Says what this thread's trail
 * says. */
void talk_failure(struct app *app, int code);

#endif
