/*
 * talk.h - what goes to standard error: notes, warnings, the log, and the failure that ends it all.
 */
#ifndef HF_APP_TALK_H
#define HF_APP_TALK_H

#include "app/app.h"
#include "base/log.h"

/* For log_set_sink; context is the app. */
void talk_log_sink(void *context, enum log_level level, const char *message);
/* "holdfast: could not ...: why", and a hint; or one line of JSON. Says what this thread's trail
 * says. */
void talk_failure(struct app *app, int code);

#endif
